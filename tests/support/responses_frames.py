"""Responses streams made of types and fields, and the promises for the resulting events.

Rules of this file:

- It imports no test. Events have only what a test needs: omitted fields are omitted on the wire.
- The checks are written from the promises in the documentation, and examine nothing but the
  events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import attrs
from openai.types.beta import AssistantStreamEvent
from pydantic import ValidationError

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.sse import ServerSentEvent
from tests.support.frames import Transcript, check_transcript, decode_with, sse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from tests.support.frames import Frame

# --- Frames -----------------------------------------------------------------------------


def event(kind: str, /, **fields: Any) -> Frame:
    """Return the frame of an event; ``response.`` is added to KIND."""
    name = kind if kind == "error" else f"response.{kind}"
    return name, {"type": name, **fields}


def response(kind: str, /, response_id: str = "resp_1", **fields: Any) -> Frame:
    """Return the frame of a response's event; FIELDS are those of the response."""
    return event(kind, response={"id": response_id, "object": "response", **fields})


CREATED = response("created", status="in_progress")
COMPLETED = response("completed", status="completed")


def added(kind: str, item_id: str = "item_1", index: int | None = 0, **fields: Any) -> Frame:
    """Return the frame that adds an item of type KIND."""
    place = {} if index is None else {"output_index": index}
    return event("output_item.added", item={"type": kind, "id": item_id, **fields}, **place)


def done(kind: str, item_id: str = "item_1", index: int | None = 0, **fields: Any) -> Frame:
    """Return the frame that ends an item of type KIND."""
    place = {} if index is None else {"output_index": index}
    return event("output_item.done", item={"type": kind, "id": item_id, **fields}, **place)


def text_part(text: str, *annotations: Any) -> dict[str, Any]:
    """Return a text part of a message."""
    return {"type": "output_text", "text": text, "annotations": list(annotations)}


def text(value: str, item_id: str = "item_1", index: int | None = 0, part: int = 0) -> Frame:
    """Return the frame of a piece of text."""
    place = {} if index is None else {"output_index": index}
    return event("output_text.delta", delta=value, item_id=item_id, content_index=part, **place)


def arguments(value: str, item_id: str = "item_1", index: int | None = 0) -> Frame:
    """Return the frame of a piece of a function's arguments."""
    place = {} if index is None else {"output_index": index}
    return event("function_call_arguments.delta", delta=value, item_id=item_id, **place)


# --- Decoding ---------------------------------------------------------------------------


def decode_response(*frames: Frame, dialect: ResponsesDialect | None = None) -> Transcript:
    """Decode FRAMES; their order is checked, unless they end in an error."""
    return decode_in_order(EventDecoder(dialect or ResponsesDialect()), sse(*frames))


def decode_in_order(decoder: EventDecoder, data: bytes, *, continued: bool = False) -> Transcript:
    """Decode DATA with DECODER, and check the order of the events."""
    came = decode_with(decoder, [data])
    check_order(came.events, continued=continued, ended=came.error is None)
    return came


def transcript_of(*frames: Frame) -> Transcript:
    """Decode FRAMES between a response's creation and its end."""
    came = decode_response(CREATED, *frames, COMPLETED)
    assert came.error is None
    return came


def decode(dialect: ResponsesDialect, *frames: Frame) -> list[Decoded]:
    """Decode FRAMES with DIALECT alone."""
    found: list[Decoded] = []
    for data in sse(*frames).decode().split("\n\n")[:-1]:
        name, _, value = data.partition("\ndata: ")
        found += dialect.decode(ServerSentEvent(name.removeprefix("event: "), value, 0))
    return found


def wire_names(came: Transcript) -> list[str]:
    """Return the names of the wire events, with ``*`` after synthetic ones."""
    return [
        x.event.removeprefix("thread.") + "*" * x.synthetic
        for x in came.events
        if isinstance(x, events.WireEvent)
    ]


def said(came: Transcript, message_id: str) -> str:
    """Return the text of a message, from its deltas."""
    deltas = came.of(events.MessageTextDelta)
    return "".join(x.delta.value for x in deltas if x.message_id == message_id)


def messages(came: Transcript) -> list[models.Message]:
    """Return the messages that ended."""
    return [x.message for x in came.of(events.MessageDone)]


def steps(came: Transcript) -> list[models.RunStep]:
    """Return the steps that ended."""
    return [x.run_step for x in came.of(events.RunStepDone)]


def last_run(came: Transcript) -> models.Run:
    """Return the run of its last event."""
    runs = [x.data for x in came.of(events.WireEvent) if isinstance(x.data, models.Run)]
    run: models.Run = runs[-1]
    return run


#: The wire events before and after those of the items.
BEGIN = ["run.created", "run.queued*", "run.in_progress*"]
END = ["run.completed", "done*"]
OPENED = ["run.step.created*", "run.step.in_progress*"]


def between(came: Transcript) -> list[str]:
    """Return the wire events between the beginning and the end of the run."""
    names = wire_names(came)
    assert (BEGIN, END) == (names[:3], names[-2:])
    return names[3:-2]


def required(came: Transcript) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the calls that wait."""
    action = last_run(came).required_action
    assert action is not None
    assert action.submit_tool_outputs is not None
    found = action.submit_tool_outputs.tool_calls
    return [(x.id, x.function.name, x.function.arguments) for x in found]


# --- Promises for every stream ----------------------------------------------------------

_ENDS = (
    events.ThreadRunRequiresAction,
    events.ThreadRunCompleted,
    events.ThreadRunIncomplete,
    events.ThreadRunFailed,
    events.ThreadRunCancelled,
)
_STEP_ENDS = (
    events.ThreadRunStepCompleted,
    events.ThreadRunStepFailed,
    events.ThreadRunStepCancelled,
)
_MESSAGE_ENDS = (events.ThreadMessageCompleted, events.ThreadMessageIncomplete)


def check_order(came: Iterable[Event], *, ended: bool, continued: bool = False) -> None:
    """Check the order of the Assistants wire.

    Args:
        came: The events of one stream.
        ended: Whether it ended as it should.
        continued: Whether it continues a run that required an action.
    """
    came = list(came)
    aside = events.ErrorEvent | events.ExtensionEvent | events.UnknownEvent
    about: list[Any] = [
        x for x in came if isinstance(x, events.WireEvent) and not isinstance(x, aside)
    ]
    _check_beginning([x.event for x in about], continued=continued)
    if continued:
        about = about[1:]
    else:
        check_transcript(came, ended=any(isinstance(x, events.RunDone) for x in came))
    scene = _Scene()
    # After an error the frame that says how the run ended is still read: that is not a clean end.
    clean = not any(isinstance(x, events.ErrorEvent) for x in came)
    for number, x in enumerate(about):
        scene.enter(x)
        scene.leave(x)
        if isinstance(x, _ENDS):
            assert [events.Done] * clean == [type(y) for y in about[number + 1 :]]
    if ended:
        assert 1 == sum(isinstance(x, _ENDS) for x in about)
        assert isinstance(came[-1], events.Done)


@attrs.define
class _Scene:
    """The parts of a run that are open.

    Attributes:
        steps: Ids of steps.
        messages: Ids of messages.
        kinds: The type of each part, which never changes.
    """

    steps: set[str] = attrs.field(factory=set)
    messages: set[str] = attrs.field(factory=set)
    kinds: dict[tuple[str, Any], Any] = attrs.field(factory=dict)

    def enter(self, x: Any) -> None:
        """Check a beginning or a delta."""
        match x:
            case events.ThreadRunStepCreated():
                assert x.data.id not in self.steps
                self.steps.add(x.data.id)
            case events.ThreadRunStepDelta():
                assert x.data.id in self.steps
            case events.ThreadMessageCreated():
                assert f"step_{x.data.id}" in self.steps
                self.messages.add(x.data.id)
            case events.ThreadMessageDelta():
                assert x.data.id in self.messages
                for part in x.data.delta.content:
                    where = (x.data.id, part.index)
                    assert part.type == self.kinds.setdefault(where, part.type)

    def leave(self, x: Any) -> None:
        """Check an end."""
        if isinstance(x, _MESSAGE_ENDS):
            self.messages.remove(x.data.id)
            assert f"step_{x.data.id}" in self.steps, "the message ends before its step"
        elif isinstance(x, _STEP_ENDS):
            self.steps.remove(x.data.id)
        elif isinstance(x, _ENDS):
            assert not self.messages
            assert len(self.steps) <= isinstance(x, events.ThreadRunRequiresAction)


def _check_beginning(names: list[str], *, continued: bool) -> None:
    """Check that the run begins before everything else, once."""
    beginning = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
    if continued:
        beginning = ["thread.run.step.completed", *beginning[1:]]
    assert names[:3] == beginning[: len(names)]
    assert not set(names[3:]) & {f"thread.run.{x}" for x in ("created", "queued", "in_progress")}


# --- The official client's classes ------------------------------------------------------

#: Maps the name of an event to the official client's class.
_OFFICIAL: dict[str, Any] = {
    get_args(cls.model_fields["event"].annotation)[0]: cls
    for cls in get_args(get_args(AssistantStreamEvent)[0])
}


def plain(value: Any) -> Any:
    """Return VALUE as JSON with every field of its class, including nulls."""
    if isinstance(value, list):
        return [plain(x) for x in value]
    if not attrs.has(type(value)):
        return value
    if getattr(value, "raw", None):
        return value.raw
    fields = attrs.fields(type(value))
    return {x.alias: plain(getattr(value, x.name)) for x in fields if x.alias != "extra"}


def unofficial(came: Iterable[Event]) -> set[str]:
    """Return the paths that the official client's classes refuse in the events' payloads."""
    found = set()
    for x in came:
        if isinstance(x, events.WireEvent) and x.event in _OFFICIAL:
            try:
                _OFFICIAL[x.event].model_validate({"event": x.event, "data": plain(x.data)})
            except ValidationError as error:
                found |= {".".join(str(y) for y in z["loc"][1:]) for z in error.errors()}
    return found
