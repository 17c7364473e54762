"""Runs whose connection is lost anywhere, beside the same run uncut.

A *take* is a run: its replies as bytes, what the server answers after each of them, and how to read
it. A *plan* says where its connection is lost and which questions of a recovery fail. Questions,
answers and the ways through the library are the real ones; only the socket is left out, so that a
run can be cut at every byte.

    python -m tests.support.cuts            every byte of every take, with figures (minutes)
    python -m tests.support.cuts --step 7   every seventh byte
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from stream_core import events, models
from stream_core.convert.payloads import unstructure
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.errors import DecodeError, InternalServerError, StreamError, TransportError
from stream_core.run_control import assistants, polling
from stream_core.run_control.assistants import AssistantsControl
from stream_core.run_control.recovery import Recovery
from stream_core.run_control.responses import ResponsesControl
from stream_core.run_control.run_keys import RUN_KEY
from stream_core.snapshots.stream_state import Snapshots
from stream_core.streams.stream import Stream
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Fail,
    FileCitation,
    FunctionCall,
    McpCall,
    NewMessage,
    Refuse,
    RunCode,
    Say,
    SearchFiles,
    SearchResult,
    ShowImage,
    ShowImageURL,
    Turn,
    UrlCitation,
)
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import conversation, get_tides
from tests.support.flows import KeepingDriver
from tests.support.frames import check_transcript, sse
from tests.support.responses_frames import added, arguments, done, response, text, text_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stream_core.events import Event
    from stream_core.http.transport import Transport
    from stream_core.testing.responder import Answer

__all__ = [
    "RESPONDERS",
    "UNCUT",
    "Log",
    "NotATake",
    "Plan",
    "Take",
    "differences",
    "main",
    "places",
    "plans_of",
    "quick_pauses",
    "recorded",
    "response_take",
    "takes",
]

#: The key that each request of a run has here.
KEY = "the key of this request"

#: Functions for the rounds.
TOOLS = ToolSet(get_tides)


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
_END = b"\n\n"

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
        return self.take.answers[self.stage][path, _query(options)]

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
            begins = data.index(_END, at) + 2
        return self.reply(0, begins)


def _query(options: Any) -> str:
    """Return the query of a question as text."""
    return json.dumps(options.get("query") or {}, sort_keys=True)


# --- Takes from the test server -----------------------------------------------------------------

#: Fields that say nothing about how a run goes.
_SETTINGS = {
    *("object", "assistant_id", "model", "tool_choice", "temperature", "top_p", "usage"),
    *("parallel_tool_calls", "response_format", "truncation_strategy", "created_at"),
}


def _lean(value: Any) -> Any:
    """Leave out of a JSON value what is null, empty or a setting: fewer bytes to cut."""
    if isinstance(value, dict):
        return {
            key: _lean(one)
            for key, one in value.items()
            if one not in (None, [], {}) and key not in _SETTINGS
        }
    return [_lean(one) for one in value] if isinstance(value, list) else value


def _lean_frames(data: bytes) -> bytes:
    """Do the same with each frame of a reply."""
    made = []
    for one in data.decode().split("\n\n")[:-1]:
        name, payload = one.split("\ndata: ")
        if payload != "[DONE]":
            value = _lean(json.loads(payload))
            payload = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        made.append(f"{name}\ndata: {payload}\n\n")
    return "".join(made).encode()


@attrs.define
class _Remembering:
    """Asks the server each question once, and keeps the answers."""

    transport: Transport
    answers: dict[tuple[str, str], Any] = attrs.field(factory=dict)
    closed: bool = False
    max_retries: int = 0

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Ask."""
        found = _lean(self.transport.request(cast("Any", method), path, **options))
        self.answers[path, _query(options)] = found
        return found


def _rounds() -> ToolRounds:
    """Return what answers the runs."""
    return ToolRounds(TOOLS, approve=lambda _: True)


def record(name: str, responder: Callable[[Turn], Answer]) -> Take:
    """Have the runs of RESPONDER over HTTP, and what the server says after each reply."""
    with conversation(responder) as talk:
        transport = talk.client._transport
        path = f"/threads/{talk.thread_id}/runs"
        body: dict[str, Any] = {"assistant_id": talk.assistant_id}
        replies: list[bytes] = []
        answers: list[dict[tuple[str, str], Any]] = []
        rounds = _rounds()
        while True:
            source = transport.open("POST", path, body={**body, "stream": True})
            replies.append(_lean_frames(b"".join(source)))
            run, thread_id = talk.run, talk.thread_id
            memory = _Remembering(transport)
            control, driver = AssistantsControl(), KeepingDriver(cast("Any", memory))
            driver.run(Recovery(control).recover(run, Snapshots()))
            _add_lists(memory.answers, thread_id, unstructure(run))
            answers.append(memory.answers)
            if run.status != "requires_action":
                break
            answer: dict[str, Any] | None = KeepingDriver().run(rounds.answer(run))
            body = answer or {}
            path = f"/threads/{thread_id}/runs/{run.id}/submit_tool_outputs"

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        control = AssistantsControl(thread_id=thread_id, key=KEY, rounds=_rounds())
        return Stream(source, log, dialect="assistants", control=control, transport=line)

    return Take(name, replies, answers, read)


def _add_lists(
    answers: dict[tuple[str, str], Any], thread_id: str, run: Any, messages: Sequence[Any] = ()
) -> None:
    """Add the lists of runs, by which the key is looked for, and of messages."""
    runs = f"/threads/{thread_id}/runs"
    with_key = {**run, "metadata": {RUN_KEY: KEY}}
    other = {"id": "run_other", "thread_id": thread_id, "status": "completed"}
    answers[runs, _query({"query": {"limit": 100, "order": "desc"}})] = {"data": [other, with_key]}
    query = {"limit": 100, "order": "asc", "run_id": run["id"]}
    answers[f"/threads/{thread_id}/messages", _query({"query": query})] = {"data": [*messages]}


def _two_rounds(turn: Turn) -> Answer:
    if not turn.results:
        return CallFunctions([FunctionCall("get_tides", {"port": x}) for x in ("Porto", "Faro")])
    return [Say("Höhe: 4 m."), ShowImage("file_1"), Say("Bye!")]


def _code(_: Turn) -> Answer:
    marked: list[Any] = [FileCitation("[1]", "file_1"), UrlCitation("[2]", "https://here/2", "two")]
    return [
        RunCode("print(6)", logs="forty two", image_file_id="file_2"),
        Say("It is [1] 🎉 [2].", annotations=marked),
        NewMessage(),
        Refuse("No, never."),
        ShowImageURL("https://here/3"),
    ]


def _three_rounds(turn: Turn) -> Answer:
    if not turn.results:
        return [Say("So …"), CallFunctions([FunctionCall("get_tides", {"port": "Porto"})])]
    if len(turn.results) == 1 and turn.results[0].approved is None:
        return AskApproval([McpCall("docs", "search", {"q": "tides"}, "found")])
    return [SearchFiles([SearchResult("file_1", "tides.txt", 0.9, "high")]), Say("16:35.")]


def _failing(_: Turn) -> Answer:
    return [Say("It blows from"), Fail("server_error", "no wind")]


RESPONDERS: dict[str, Callable[[Turn], Answer]] = {
    "a round of two calls, text, image, text": _two_rounds,
    "code, annotations, refusal, two messages": _code,
    "a round, an approval, a file search": _three_rounds,
    "a run that fails": _failing,
}


# --- Takes from recordings ----------------------------------------------------------------------


class NotATake(Exception):  # noqa: N818  # no error: a recording may have no run that ended
    """A recording cannot be cut and recovered; its text says why."""


def recorded(path: Path) -> Take:
    """Make a take of a recorded reply; the server answers with what the whole of it has.

    Raises:
        NotATake: The recording has no whole run.
    """
    data = path.read_bytes().replace(b"\r\n", b"\n")
    log = Log()
    try:
        is_response = b'"sequence_number"' in data
        stream = Stream(data, log, dialect="responses" if is_response else "assistants")
        run = stream.until_done()
    except StreamError as error:
        raise NotATake(type(error).__name__) from error
    if is_response:
        return _of_response(path.name, data)
    snapshots = stream._reader.position.snapshots
    if run is None or not run.id or not run.thread_id or not snapshots.ended:
        raise NotATake("no run with its ids")
    steps, messages = stream.get_final_run_steps(), stream.get_final_messages()
    of_others = not steps and any(message.run_id != run.id for message in messages)
    if of_others or not _keeps_what_it_sent(log, steps, messages):
        raise NotATake("what it sent is not what it has")
    where = f"/threads/{run.thread_id}/runs/{run.id}"
    answers: dict[tuple[str, str], Any] = {(where, "{}"): unstructure(run)}
    query = _query({"query": {"limit": 100, "order": "asc"}})
    answers[f"{where}/steps", query] = {"data": [unstructure(one) for one in steps]}
    for step in steps:
        answers[f"{where}/steps/{step.id}", "{}"] = unstructure(step)
    for message in messages:
        place = f"/threads/{run.thread_id}/messages/{message.id}"
        answers[place, "{}"] = unstructure(message)
    _add_lists(answers, run.thread_id, unstructure(run), [unstructure(one) for one in messages])
    answered, makes_thread = _answered(data), snapshots.thread_id is not None

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        control = AssistantsControl(
            thread_id=None if makes_thread else run.thread_id,
            run_id=run.id if answered else None,
            key=None if answered else KEY,
            answered=answered,
        )
        return Stream(source, log, dialect="assistants", control=control, transport=line)

    first = data.index(_END) + 2 if makes_thread else 0
    return Take(path.name, [data], [answers], read, first, _keeps_promises(log))


def _keeps_promises(log: Log) -> bool:
    """Return whether a transcript passes the checks."""
    try:
        check_transcript(log.events, ended=True)
    except AssertionError:
        return False
    return True


def _keeps_what_it_sent(
    log: Log, steps: Iterable[models.RunStep], messages: Iterable[models.Message]
) -> bool:
    """Return whether deltas, and the ids in steps and at beginnings, agree with the end."""
    kept = {
        (message.id, index): part.text.value
        for message in messages
        for index, part in enumerate(message.content)
        if isinstance(part, models.TextContentBlock) and part.text.value
    }
    sent: dict[tuple[str, int], str] = {}
    for name, *where, value in log.entries:
        if name == "MessageTextDelta":
            sent[where[0], where[1]] = sent.get((where[0], where[1]), "") + value
    args = {
        (step.id, index): call.function.name + call.function.arguments
        for step in steps
        if isinstance(step.step_details, models.ToolCallsStepDetails)
        for index, call in enumerate(step.step_details.tool_calls)
        if isinstance(call, models.FunctionToolCall)
    }
    called: dict[tuple[str, int], str] = {}
    for name, *where, value in log.entries:
        if name == "RunStepToolCallDelta" and where[2] in ("name", "arguments"):
            called[where[0], where[1]] = called.get((where[0], where[1]), "") + value
    ids = {message.id for message in messages}
    named = {
        step.step_details.message_creation.message_id
        for step in steps
        if isinstance(step.step_details, models.MessageCreationStepDetails)
    }
    begun = {entry[1][0] for entry in log.entries if entry[0] == "ThreadMessageCreated"}
    names = {entry[0] for entry in log.entries}
    whole = "ThreadRunCreated" in names or "ThreadRunStepCompleted" in names
    calls_agree = all(args.get(key) == value for key, value in called.items())
    return kept == sent and calls_agree and whole and ids >= named and ids >= begun


def _answered(data: bytes) -> list[str]:
    """Return the ids of the calls whose step ends in this reply, though it did not begin in it."""
    begun: set[str] = set()
    with Stream(data, dialect="assistants") as stream:
        for event in stream:
            if isinstance(event, events.ThreadRunStepCreated):
                begun.add(event.data.id)
            elif isinstance(event, events.ThreadRunStepCompleted) and event.data.id not in begun:
                details = event.data.step_details
                if isinstance(details, models.ToolCallsStepDetails):
                    return [call.id for call in details.tool_calls]
    return []


def _of_response(name: str, data: bytes) -> Take:
    """Make a take of a background response: it is joined again."""
    ended: Any = {}
    spread = [
        _with_number_first(frame, number)
        for number, frame in enumerate(data.decode().split("\n\n"))
        if "data:" in frame
    ]
    reply = "".join(f"{frame}\n\n" for frame in spread).encode()
    for frame in spread:
        value = frame.partition("data:")[2].strip()
        ended = (json.loads(value).get("response") if value.startswith("{") else None) or ended
    answers = {(f"/responses/{ended['id']}", "{}"): ended}
    log = Log()
    Stream(reply, log, dialect="responses").until_done()

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        dialect = ResponsesDialect()
        body = {"model": "m", "input": "Hello", "background": True}
        control = ResponsesControl({"body": body}, dialect, rounds=None)
        return Stream(source, log, dialect=dialect, control=control, transport=line)

    return Take(name, [reply], [answers], read, reply.index(_END) + 2, _keeps_promises(log))


def response_take() -> Take:
    """Return a background response with a message and a call, made here."""
    message: dict[str, Any] = {"role": "assistant", "content": [text_part("It is 42 🎉.")]}
    call: dict[str, Any] = {
        "call_id": "call_1",
        "name": "get_tides",
        "arguments": '{"port":"Porto"}',
    }
    frames = [
        response("created", status="in_progress"),
        added("message", "msg_1", role="assistant", content=[]),
        text("It is ", "msg_1"),
        text("42 🎉.", "msg_1"),
        done("message", "msg_1", status="completed", **message),
        added("function_call", "fc_1", 1, **{**call, "arguments": ""}),
        arguments('{"port":', "fc_1", 1),
        arguments('"Porto"}', "fc_1", 1),
        done("function_call", "fc_1", 1, status="completed", **call),
        response(
            "completed",
            status="completed",
            output=[
                {"type": "message", "id": "msg_1", "status": "completed", **message},
                {"type": "function_call", "id": "fc_1", "status": "completed", **call},
            ],
        ),
    ]
    return _of_response("a response made here", sse(*frames))


def _with_number_first(frame: str, number: int) -> str:
    """Return a frame whose data begins with its number in the stream."""
    name, _, data = frame.partition("data:")
    value = data.strip()
    if not value.startswith("{"):
        return frame
    fields = {"sequence_number": number, **json.loads(value), "type": json.loads(value)["type"]}
    fields["sequence_number"] = number
    made = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f"{name}data: {made}"


# --- At every byte ------------------------------------------------------------------------------


@cache
def takes() -> tuple[Take, ...]:
    """Return the runs of the test server, recorded once."""
    return tuple(record(name, responder) for name, responder in RESPONDERS.items())


def places(data: bytes, sample: int, seed: str, first: int = 0) -> list[int]:
    """Return where to cut DATA, from FIRST on: at each end of a frame, and at SAMPLE other places.

    An end is, in turn, before its last byte, after it, and after the first byte of the next frame.
    """
    chosen, at = {0, *random.Random(seed).sample(range(len(data)), min(sample, len(data)))}, -1
    while (at := data.find(_END, at + 1)) >= 0:
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


def say(line: str) -> None:
    """Write a line at once: a long run is watched."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Cut every take at every byte, print figures, and return how many runs differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.cuts")
    parser.add_argument("--step", type=int, default=1, help="cut at every n-th byte")
    parser.add_argument("--only", default="", help="only takes whose name contains this")
    parser.add_argument("recordings", nargs="*", type=Path, help="files of recorded streams")
    given = parser.parse_args(arguments)
    found = [*takes(), response_take()]
    total, failed, begun = 0, 0, time.monotonic()
    for path in given.recordings:
        try:
            found.append(recorded(path))
        except NotATake as reason:
            say(f"{path.name}: left out ({reason})")
    with quick_pauses():
        for take in found:
            if given.only not in take.name:
                continue
            for what, plans in plans_of(take, given.step):
                count, wrong = differences(take, plans)
                total, failed = total + count, failed + len(wrong)
                say(f"{take.name}, {what}: {count} cuts, {len(wrong)} differences")
                for plan, why in wrong[:3]:
                    say(f"    {plan}: {why[:600]}")
    say(f"{total} cuts, {failed} differences, {time.monotonic() - begun:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
