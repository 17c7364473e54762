"""Shared helpers: streams to decode, ways to cut them, and handlers that record.

Rules of this file:

- It imports no test. Payloads are plain dicts with only what a test needs: omitted fields are
  omitted on the wire.
- Snapshots are live, so events are recorded as text at the moment of delivery.
- The checks of :func:`check_transcript` are written from the promises in the documentation, and
  examine nothing but the events.
"""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest

from handlers import EventHandler
from handlers.routes import CALLBACKS
from stream_core import environment, events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.run_writer import RunWriter
from stream_core.dispatch import Dispatcher
from stream_core.errors import StreamError
from stream_core.models.surrogates import can_encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream_core.events import Event

#: A frame before it is bytes: the name (or ""), and a JSON value or the text of the data.
Frame = tuple[str, Any]

DONE: Frame = ("done", "[DONE]")

#: The events that :func:`whole_run` adds around its frames, by class name.
_AROUND = {"ThreadRunCreated", "ThreadRunCompleted", "RunDone", "Done"}


# --- Frames -----------------------------------------------------------------------------


def frame(name: str, payload: Any, *, end: str = "\n") -> bytes:
    """Write one frame; a payload that is a str is used as data unchanged."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    if not can_encode(text):  # it has half of a surrogate pair, which only an escape can spell
        text = json.dumps(payload)
    lines = [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in text.split("\n")]
    return "".join(line + end for line in [*lines, ""]).encode()


def sse(*frames: Frame, end: str = "\n") -> bytes:
    """Write FRAMES, lines ending with END."""
    return b"".join(frame(name, payload, end=end) for name, payload in frames)


def run(status: str, /, run_id: str = "run_1", **fields: Any) -> Frame:
    """Return the frame of a run's status; ``created`` has the status queued."""
    shown = "queued" if status == "created" else status
    payload = {"id": run_id, "thread_id": "thread_1", "assistant_id": "asst_1", "status": shown}
    return f"thread.run.{status}", {**payload, **fields}


def step(status: str, /, step_id: str = "step_1", **fields: Any) -> Frame:
    """Return the frame of a step's status; FIELDS are those of the step."""
    shown = "in_progress" if status == "created" else status
    return f"thread.run.step.{status}", {"id": step_id, "status": shown, **fields}


def step_delta(*calls: dict[str, Any], step_id: str = "step_1") -> Frame:
    """Return the frame of a step's delta with CALLS."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return "thread.run.step.delta", {"id": step_id, "delta": {"step_details": details}}


def call(index: int | None = 0, **fields: Any) -> dict[str, Any]:
    """Return the delta of a function call; FIELDS may be id, name, arguments, output."""
    made: dict[str, Any] = {"type": "function"}
    if index is not None:
        made["index"] = index
    if "id" in fields:
        made["id"] = fields.pop("id")
    if fields:
        made["function"] = fields
    return made


def message(status: str, /, *content: dict[str, Any], message_id: str = "msg_1") -> Frame:
    """Return the frame of a message's status with its final CONTENT."""
    shown = "in_progress" if status == "created" else status
    payload = {"id": message_id, "role": "assistant", "status": shown, "content": list(content)}
    return f"thread.message.{status}", payload


def text(value: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    """Return a text part."""
    return {"type": "text", "text": {"value": value, "annotations": list(annotations)}}


def text_delta(
    value: str | None,
    *annotations: dict[str, Any],
    index: int | None = 0,
    message_id: str = "msg_1",
) -> Frame:
    """Return the frame of a delta of one text part."""
    gained: dict[str, Any] = {} if value is None else {"value": value}
    if annotations:
        gained["annotations"] = list(annotations)
    part = {"type": "text", "text": gained} | ({} if index is None else {"index": index})
    return message_delta(part, message_id=message_id)


def message_delta(*parts: dict[str, Any], message_id: str = "msg_1") -> Frame:
    """Return the frame of a message's delta with PARTS."""
    return "thread.message.delta", {"id": message_id, "delta": {"content": list(parts)}}


def citation(index: int | None, marker: str = "[1]", **fields: Any) -> dict[str, Any]:
    """Return a file citation as deltas carry it."""
    made = {"type": "file_citation", "text": marker, "file_citation": {"file_id": "file_1"}}
    return {**({} if index is None else {"index": index}), **made, **fields}


def whole_run(*frames: Frame) -> bytes:
    """Write FRAMES inside a run that completes."""
    return sse(run("created"), *frames, run("completed"), DONE)


# --- Cutting ----------------------------------------------------------------------------


def pieces(data: bytes, size: int) -> list[bytes]:
    """Cut DATA into chunks of SIZE bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def random_pieces(data: bytes, seed: int, most: int = 400) -> Iterator[bytes]:
    """Cut DATA at random: chunks of 1 to MOST bytes."""
    sizes, at = random.Random(seed), 0
    while at < len(data):
        size = sizes.randint(1, most)
        yield data[at : at + size]
        at += size


# --- Decoding ---------------------------------------------------------------------------

_DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)
_DELTA_NAMES = tuple(f"{cls.__name__}{mark}:" for cls in _DELTAS for mark in ("", "*"))


@attrs.define
class Transcript:
    """Everything that a decoder delivered.

    Attributes:
        events: The events; their snapshots have grown since.
        texts: Their ``repr`` at the moment of delivery.
        error: The exception that it raised at the end, or None.
    """

    events: list[Event] = attrs.field(factory=list, eq=False)
    texts: list[str] = attrs.field(factory=list)
    error: StreamError | None = attrs.field(default=None, eq=repr)

    @property
    def names(self) -> list[str]:
        """The names of the events' classes, with ``*`` after synthetic ones."""
        return [label(event) for event in self.events]

    @property
    def names_inside(self) -> list[str]:
        """The names, except those of the surrounding run that :func:`whole_run` makes."""
        return [name for name in self.names if name not in _AROUND]

    def of(self, *classes: type[Any]) -> list[Any]:
        """Return the events of these classes."""
        return [event for event in self.events if isinstance(event, classes)]


def label(event: Event) -> str:
    """Return the name of EVENT's class, with ``*`` if the event is synthetic."""
    return type(event).__name__ + "*" * getattr(event, "synthetic", False)


#: Returns whether somebody wants an event class.
Wants: TypeAlias = "Callable[[type[Event]], bool]"


class Wanted(dict["type[Event]", bool]):
    """A mapping for ``EventDecoder.wants``, made from a function."""

    def __init__(self, wants: Wants) -> None:
        super().__init__()
        self.wants = wants

    def __missing__(self, event_class: type[Event]) -> bool:
        return self.wants(event_class)


def drain(decoder: EventDecoder, out: Transcript) -> None:
    """Take the events that are ready."""
    while (event := decoder.next_event()) is not None:
        out.events.append(event)
        out.texts.append(f"{label(event)}: {event!r}")


def decode(
    chunks: bytes | Iterable[bytes],
    *,
    wants: Wants | None = None,
    **options: Any,
) -> Transcript:
    """Decode CHUNKS to the end or to the error, taking the events after each chunk."""
    decoder = EventDecoder(**options)
    decoder.wants = None if wants is None else Wanted(wants)
    return decode_with(decoder, [chunks] if isinstance(chunks, bytes) else chunks)


def decode_with(decoder: EventDecoder, chunks: Iterable[bytes]) -> Transcript:
    """Decode CHUNKS as :func:`decode` does, with a decoder that may have been used before."""
    out = Transcript()
    try:
        for chunk in chunks:
            decoder.feed(chunk)
            drain(decoder, out)
        decoder.close()
        drain(decoder, out)
    except StreamError as error:
        out.error = error
    return out


#: Bytes from which on reading byte by byte takes longer than it is worth.
LONG = 8_000


def decode_every_way(data: bytes, *, seeds: Iterable[int] = range(3), **options: Any) -> Transcript:
    """Decode DATA whole, by the frame, byte by byte, at random splits, and without fast paths.

    Long data is split into pieces of 61 bytes instead.

    All must agree; so must, on all other events, a decoder whose wire deltas nobody wants.
    """
    out = decode(data, **options)
    assert out == decode(re.findall(rb"(?s).*?(?:\n\n|\Z)", data), **options)
    assert out == decode(pieces(data, 1 if len(data) < LONG else 61), **options)
    for seed in seeds:
        assert out == decode(random_pieces(data, seed), **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", False)
        assert out == decode(data, **options)
    spared = decode(data, wants=lambda event_class: event_class not in _DELTAS, **options)
    others = [text for text in out.texts if not text.startswith(_DELTA_NAMES)]
    assert Transcript(texts=others, error=out.error) == spared
    return out


# --- Writing a run, as the dialects of wires without runs do -----------------------------


def run_writer(**fields: Any) -> RunWriter:
    """Return a writer of the run ``run_1``."""
    return RunWriter(models.Run(id="run_1", thread_id="thread_1", **fields))


def written(run: RunWriter) -> list[str]:
    """Take the written events and return their names, with ``*`` after synthetic ones."""
    out = run.take()
    assert all(x.synthetic == (x.raw is None) for x in out)
    return [x.name.removeprefix("thread.") + "*" * x.synthetic for x in out]


# --- Handlers ---------------------------------------------------------------------------


class EventLog:
    """The simplest handler: it keeps what ``handle`` gets.

    Attributes:
        events: The events.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def names(self) -> list[str]:
        """The names of the events' classes."""
        return [label(event) for event in self.events]

    def handle(self, event: Event, /) -> None:
        self.events.append(event)


class Recorder(EventHandler):
    """Records every callback: its name, and its arguments as they were then.

    Attributes:
        calls: The name and the ``repr`` of each argument.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        for name in CALLBACKS:
            setattr(self, name, self._recorder(name))

    def _recorder(self, name: str) -> Callable[..., None]:
        def record(*arguments: object) -> None:
            self.calls.append((name, *map(repr, arguments)))

        return record

    @property
    def names(self) -> list[str]:
        """The names of the callbacks, without ``on_event``."""
        return [name for name, *_ in self.calls if name != "on_event"]

    def arguments(self, name: str) -> list[tuple[str, ...]]:
        """Return the arguments of each call of the callback NAME."""
        return [tuple(arguments) for called, *arguments in self.calls if called == name]


def dispatch(handler: Any, *out: Event) -> None:
    """Pass events to one handler, any object with ``handle()``, as a stream does."""
    dispatcher = Dispatcher()
    dispatcher.register(handler)
    for event in out:
        dispatcher.dispatch(event)


# --- Promises for every stream ----------------------------------------------------------


def place(event: Any) -> tuple[str, int]:
    """Return what a derived event of a part or a call is about: message or step, and index."""
    is_part = hasattr(event, "message_id")
    container = f"message {event.message_id}" if is_part else f"step {event.run_step_id}"
    index: int = event.index
    return container, index


def is_unfinished(arguments: str | None) -> bool:
    """Return whether a call with these ARGUMENTS so far is still open when the next one begins.

    It is if they are not a complete JSON object; None are those of something else than a function.
    """
    if arguments is None:
        return False
    try:
        return not isinstance(json.loads(arguments), dict)
    except ValueError:
        return True


def check_transcript(out: Iterable[Event], *, ended: bool) -> None:  # noqa: C901, PLR0912  # a case for each kind
    """Check that everything begins once, ends once, and in its turn.

    Args:
        out: The events of one stream. A call of a function may begin while the one before it is
            open, if that one's arguments are not complete.
        ended: Whether the run ended (it does not wait for an action and did not fail to
            decode), so that everything that began must be done too.
    """
    created: list[object] = []
    done: list[object] = []
    open_in: dict[str, list[object]] = {}
    begun: dict[str, object] = {}
    arguments: dict[object, str] = {}
    for event in out:
        match event:
            case events.ThreadMessageCreated() | events.ThreadRunStepCreated():
                created.append((type(event.data), event.data.id))
            case events.MessageTextCreated() | events.RunStepToolCallCreated():
                where = place(event)
                still_open, before = open_in.setdefault(where[0], []), begun.get(where[0])
                if before in still_open:
                    assert is_unfinished(arguments.get(before)), f"{where} begins too early"
                still_open.append(where)
                begun[where[0]] = where
                created.append(where)
            case events.MessageTextDone() | events.RunStepToolCallDone():
                where = place(event)
                open_in[where[0]].remove(where)
                assert where in created
                done.append(where)
            case events.MessageTextDelta() | events.MessageAnnotation():
                assert place(event) in created
            case events.RunStepToolCallDelta():
                where = place(event)
                assert where in created
                if isinstance(event.delta, models.FunctionToolCallDelta):
                    function = event.delta.function or models.FunctionDelta()
                    # What a custom tool takes may be any text: it is never known to be complete.
                    known = arguments.get(where, "?" if "custom" in event.delta.extra else "")
                    arguments[where] = known + (function.arguments or "")
            case events.MessageDone(message=one):
                assert not open_in.get(f"message {one.id}")
                done.append((type(one), one.id))
            case events.RunStepDone(run_step=step):
                assert not open_in.get(f"step {step.id}")
                done.append((type(step), step.id))
            case events.MessageRefusalDone() | events.MessageImageFileDone():
                done.append(place(event))
            case events.MessageImageURLDone():
                done.append(place(event))
            case events.RunDone():
                assert not any(open_in.values()), "the run is done before its parts"
                done.append((type(event.run), event.run.id))
    for happened in (created, done):
        assert sorted(map(str, set(happened))) == sorted(map(str, happened))
    if ended:
        assert set(created) <= set(done)


def transcript_of(*frames: Frame) -> Transcript:
    """Decode FRAMES inside a run that completes, and check the promises for every stream."""
    out = decode_every_way(whole_run(*frames))
    assert out.error is None
    check_transcript(out.events, ended=True)
    return out
