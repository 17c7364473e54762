"""Runs whose connection is lost anywhere, beside the same run uncut.

A *take* is a run: its replies as bytes, what the server answers after each of them, and how to read
it. A *plan* says where its connection is lost and which questions of a recovery fail. Questions,
answers and the ways through the library are the real ones; only the socket is left out, so that a
run can be cut at every byte.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import attrs

from stream_core import events, models
from stream_core.convert.payloads import unstructure
from stream_core.errors import DecodeError, InternalServerError, StreamError, TransportError
from stream_core.run_control import assistants, polling
from stream_core.streams.stream import Stream
from tests.support.frames import check_transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream_core.events import Event
__all__ = [
    "END",
    "UNCUT",
    "Line",
    "Log",
    "Plan",
    "Take",
    "differences",
    "places",
    "plans_of",
    "query_text",
    "quick_pauses",
]

# --- What was delivered -------------------------------------------------------------------------

#: Not delivered again after a loss, as documented; or only how something came.
_LEFT_OUT = (
    "InProgress",
    "Queued",
    "Cancelling",
    "StreamRecovered",
    "ThreadMessageDelta",
    "ThreadRunStepDelta",
)

#: Without an id in a list of the server's, so a server cannot be asked for them.
_NOT_KEPT = (events.UnknownEvent, events.ExtensionEvent, events.RepeatedEvent)

#: Created events: what they have beside the id grows later.
_CREATED = (events.ThreadRunCreated, events.ThreadRunStepCreated, events.ThreadMessageCreated)


class Log:
    """Keeps what is delivered so that it can be compared: the pieces of one text are joined.

    Attributes:
        events: The events.
        entries: What they say, in order.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.entries: list[tuple[Any, ...]] = []

    def handle(self, event: Event, /) -> None:
        self.events.append(event)
        name = type(event).__name__
        if name.endswith(_LEFT_OUT) or isinstance(event, _NOT_KEPT):
            return
        for entry in _entries(name, event):
            *key, value = entry
            if self.entries and list(self.entries[-1][:-1]) == key and value.__class__ in _JOINED:
                joined = _JOINED[value.__class__](self.entries[-1][-1], value)
                self.entries[-1] = (*key, joined)
            else:
                self.entries.append(entry)


#: How two values in a row are joined, by their class.
_JOINED: dict[type[Any], Callable[[Any, Any], Any]] = {
    str: lambda old, new: old + new,
    dict: lambda old, new: {**old, **new},
}


def _entries(name: str, event: Any) -> Iterator[tuple[Any, ...]]:
    """Yield what an event says: a name, where, and a value; one that is a tuple stands alone."""
    if isinstance(event, events.MessageTextDelta | events.MessageRefusalDelta):
        said = unstructure(event.delta)
        piece = said.get("value") or said.get("refusal")
        if piece:
            yield name, event.message_id, event.index, piece
    elif isinstance(event, events.RunStepToolCallDelta):
        for what, value in _call_parts(event.delta):
            yield name, event.run_step_id, event.index, what, value
    elif isinstance(event, _CREATED):
        yield name, (event.data.id,)
    else:
        yield name, (repr(_WHERE.get(type(event), _said)(event)),)


#: What is compared of some events: where they are, and not a snapshot that is live.
_WHERE: dict[type[Any], Callable[[Any], Any]] = {
    events.MessageTextCreated: lambda event: (event.message_id, event.index),
    events.RunStepToolCallCreated: lambda event: (event.run_step_id, event.index),
    events.ToolOutput: lambda event: (event.tool_call.id, event.output),
    events.MessageAnnotation: lambda event: (event.message_id, event.index, _cited(event)),
}


def _cited(event: events.MessageAnnotation) -> Any:
    """Return an annotation without what only deltas have."""
    said = unstructure(event.annotation)
    said.get("file_citation", {}).pop("quote", None)
    return {key: x for key, x in said.items() if key != "index"}


def _said(event: Any) -> Any:
    """Return all fields of an event, but not how it came."""
    names = [field.name for field in attrs.fields(type(event)) if field.name[0] != "_"]
    return {
        name: unstructure(getattr(event, name))
        for name in names
        if name not in ("raw", "synthetic", "snapshot")
    }


def _call_parts(delta: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what a delta adds to its call: what, and the piece of it."""
    if isinstance(delta, models.UnknownToolCallDelta):
        raw = {key: x for key, x in delta.raw.items() if key not in ("index", "id", "type")}
        for key, value in raw.items():
            if isinstance(value, dict):
                yield key, {name: one for name, one in value.items() if one}
        return
    said = unstructure(delta)
    inner = said.get(said["type"]) or said
    for name in ("name", "arguments", "input", "server_label"):
        if inner.get(name):
            yield name, inner[name]
    for output in inner.get("outputs") or ():
        logs = output.get("logs")
        yield ("output", output["index"]), logs or (json.dumps(output),)


# --- Plans --------------------------------------------------------------------------------------


@attrs.frozen
class Plan:
    """What goes wrong.

    Attributes:
        cuts: After how many bytes of which reply the connection is lost; the same reply may be
            cut again where it is joined again.
        silently: Whether the bytes just end.
        failing: The numbers of the questions that have no answer.
        lost: What becomes of the answers to submissions, by their number: ``"accepted"`` or
            ``"refused"``; then no reply comes.
    """

    cuts: tuple[tuple[int, int], ...] = ()
    silently: bool = False
    failing: frozenset[int] = frozenset()
    lost: tuple[str, ...] = ()


UNCUT = Plan()

#: The end of a frame.
END = b"\n\n"

#: What a question without an answer gets, in turn.
_FAILURES: tuple[Callable[[], StreamError], ...] = (
    lambda: TransportError("the connection broke"),
    lambda: DecodeError("the answer is not JSON", frame="<html>"),
    lambda: InternalServerError("down", status_code=503),
)


@attrs.define
class Take:
    """A run.

    Attributes:
        name: What is in it.
        replies: Its replies, in order.
        answers: After each reply: path and query of a question to its answer.
        read: Makes a stream of the first source and a transport.
        first: The least bytes of the first reply after which it can be recovered.
        checked: Whether its events keep all promises when nothing is lost; a recording may not.
    """

    name: str
    replies: list[bytes]
    answers: list[dict[tuple[str, str], Any]]
    read: Callable[[Iterable[bytes], Any, Log], Stream]
    first: int = 0
    checked: bool = True

    def line(self, plan: Plan) -> Line:
        """Return the transport that loses what PLAN says."""
        return Line(self, plan)

    def play(self, plan: Plan) -> tuple[Log, Stream]:
        """Read the run as PLAN says."""
        line = self.line(plan)
        log = Log()
        stream = self.read(line.reply(0), line, log)
        stream.until_done()
        return log, stream


@attrs.define
class Line:
    """Stands for a transport: plays the replies, and answers questions.

    Attributes:
        take: What is played.
        plan: What goes wrong.
        stage: The reply that came last.
        asked: How many questions there were.
        submitted: How many submissions there were.
        idle_timeout: None.
        closed: False.
        max_retries: 0, so that each question comes here.
    """

    take: Take
    plan: Plan
    stage: int = 0
    asked: int = 0
    submitted: int = 0
    idle_timeout: float | None = None
    closed: bool = False
    max_retries: int = 0
    _used: set[int] = attrs.field(factory=set)

    def reply(self, number: int, begins: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a reply from BEGINS on as they come over the connection."""
        data = self.take.replies[number]
        for at, (reply, offset) in enumerate(self.plan.cuts):
            if reply == number and at not in self._used and offset >= begins:
                self._used.add(at)
                yield data[begins:offset]
                if not self.plan.silently:
                    raise TransportError("the connection broke")
                return
        yield data[begins:]

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Answer a question, or fail."""
        assert method == "GET"
        self.asked += 1
        if self.asked - 1 in self.plan.failing:
            failure = _FAILURES[self.asked % len(_FAILURES)]
            raise failure()
        return self.take.answers[self.stage][path, query_text(options)]

    def open(self, method: str, path: str, **options: Any) -> Iterator[bytes]:
        """Take outputs, and give the next reply; or join a response again."""
        if method == "GET":
            return self._rejoin(options["query"].get("starting_after"))
        assert path.endswith("/submit_tool_outputs")
        lost = self.plan.lost
        fate = lost[self.submitted] if self.submitted < len(lost) else ""
        self.submitted += 1
        if fate == "refused":
            raise InternalServerError("down", status_code=503)
        self.stage += 1
        if fate == "accepted":
            raise TransportError("the connection broke")
        return self.reply(self.stage)

    def _rejoin(self, number: int | None) -> Iterator[bytes]:
        """Return the reply after the event with a number."""
        self.asked += 1
        if self.asked - 1 in self.plan.failing:
            raise TransportError("the connection broke")
        data, begins = self.take.replies[0], 0
        if number is not None:
            at = data.index(b'"sequence_number":%d,' % number)
            begins = data.index(END, at) + 2
        return self.reply(0, begins)


def query_text(options: Any) -> str:
    """Return the query of a question as text."""
    return json.dumps(options.get("query") or {}, sort_keys=True)


# --- At every byte ------------------------------------------------------------------------------


def places(data: bytes, sample: int, seed: str, first: int = 0) -> list[int]:
    """Return where to cut DATA, from FIRST on: at each end of a frame, and at SAMPLE other places.

    An end is, in turn, before its last byte, after it, and after the first byte of the next frame.
    """
    chosen, at = {0, *random.Random(seed).sample(range(len(data)), min(sample, len(data)))}, -1
    while (at := data.find(END, at + 1)) >= 0:
        chosen.add(at + 1 + len(chosen) % 3)
    return sorted(x for x in chosen if first <= x < len(data))


def differences(take: Take, plans: Iterable[Plan]) -> tuple[int, list[tuple[Plan, str]]]:
    """Play TAKE as each of PLANS says.

    Returns:
        How many times, and the plans after which it was not the same run, with what differed.
    """
    uncut, whole = take.play(UNCUT)
    expected = _state(whole)
    count, wrong = 0, []
    for plan in plans:
        count += 1
        try:
            log, stream = take.play(plan)
            if take.checked:
                check_transcript(log.events, ended=True)
        except (StreamError, AssertionError, LookupError) as error:
            wrong.append(
                (plan, f"{type(error).__name__}: {error} {getattr(error, '__notes__', '')}")
            )
            continue
        if log.entries != uncut.entries:
            wrong.append((plan, _first(uncut.entries, log.entries)))
        elif _state(stream) != expected:
            wrong.append((plan, f"expected {expected}, got {_state(stream)}"))
    return count, wrong


def _state(stream: Stream) -> list[Any]:
    """Return run, messages and steps at the end; what is in them came with their last events."""
    found: list[Any] = [*stream.get_final_messages(), *stream.get_final_run_steps()]
    return [(one.id, one.status) for one in [stream.get_final_run(), *found]]


def _first(expected: list[Any], actual: list[Any]) -> str:
    """Return where two lists begin to differ."""
    for number, pair in enumerate(zip(expected, actual, strict=False)):
        if pair[0] != pair[1]:
            return f"entry {number}: expected {pair[0]}, got {pair[1]}"
    return f"{len(expected)} entries expected, got {len(actual)}"


class quick_pauses:  # noqa: N801  # a context manager, used as a word
    """While it is entered, nothing is waited for between two questions."""

    def __enter__(self) -> None:
        self._kept = (polling._PAUSE, assistants._PAUSE)
        polling._PAUSE = assistants._PAUSE = 0.0  # type: ignore[misc]

    def __exit__(self, *_: object) -> None:
        polling._PAUSE, assistants._PAUSE = self._kept  # type: ignore[misc]


def plans_of(take: Take, step: int) -> Iterator[tuple[str, Iterator[Plan]]]:
    """Yield what is done with TAKE, and the plans: at every STEP-th byte."""
    sizes = [len(reply) for reply in take.replies]
    cuts = [
        (reply, at)
        for reply, size in enumerate(sizes)
        for at in range(0 if reply else take.first, size, step)
    ]
    is_response = not any("/threads/" in path for path, _ in take.answers[0])
    yield "once, broken", (Plan((cut,)) for cut in cuts)
    yield "once, silently", (Plan((cut,), silently=True) for cut in cuts)
    yield (
        "with failing questions",
        (
            Plan((cut,), failing=frozenset(x for x in range(40) if x % 3 != n % 3))
            for n, cut in enumerate(cuts)
        ),
    )
    if is_response:
        yield (
            "twice",
            (
                Plan(((0, at), (0, min(sizes[0] - 1, at + 1 + n % 997))))
                for n, (_, at) in enumerate(cuts)
            ),
        )
    elif len(sizes) > 1:
        yield (
            "in each reply",
            (
                Plan(tuple((reply, at * size // sizes[0]) for reply, size in enumerate(sizes)))
                for at in range(0, sizes[0], step)
            ),
        )
        for fate in ("accepted", "refused"):
            lost = ("", *[fate])
            yield (
                f"a submission {fate}, and once",
                (Plan((cut,), lost=(fate,) if cut[0] else lost) for cut in cuts),
            )
