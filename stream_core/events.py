"""The typed events, in three groups.

- **Wire** events are sent by a server: one class per event name, with the wire's name in
  CamelCase: ``thread.message.delta`` is :class:`ThreadMessageDelta`. All have ``event``
  (the name), ``data`` (the payload) and ``raw`` (the JSON as sent).
- **Derived** events follow from the wire events: a text began, grew, is done. They come
  after the wire event that caused them, and created and done come exactly once for each
  message, text, run step and tool call.
- **Local** events concern the stream itself. They reach handlers, never an iteration.

Rules of this file: classes only, no behaviour; positional order is part of the contract
with ``snapshots`` and the fast paths; ``snapshot`` fields are live (see ``models``).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import define, field

from stream_core.convert.json_text import loads

from . import models
from .models import Record

__all__ = [
    "RUN_EVENTS",
    "STEP_EVENTS",
    "DeltaEvent",
    "DerivedEvent",
    "Done",
    "ErrorEvent",
    "Event",
    "ExtensionEvent",
    "ImageGenerationPartial",
    "LocalEvent",
    "MessageAnnotation",
    "MessageDone",
    "MessageImageFileDone",
    "MessageImageURLDone",
    "MessageRefusalDelta",
    "MessageRefusalDone",
    "MessageTextCreated",
    "MessageTextDelta",
    "MessageTextDone",
    "ReasoningDelta",
    "ReasoningDone",
    "ReasoningSummaryDelta",
    "ReasoningSummaryDone",
    "RepeatedEvent",
    "RunDone",
    "RunStepDone",
    "RunStepToolCallCreated",
    "RunStepToolCallDelta",
    "RunStepToolCallDone",
    "StreamEnd",
    "StreamException",
    "StreamRecovered",
    "StreamTimeout",
    "ThreadCreated",
    "ThreadMessageCompleted",
    "ThreadMessageCreated",
    "ThreadMessageDelta",
    "ThreadMessageInProgress",
    "ThreadMessageIncomplete",
    "ThreadRunCancelled",
    "ThreadRunCancelling",
    "ThreadRunCompleted",
    "ThreadRunCreated",
    "ThreadRunExpired",
    "ThreadRunFailed",
    "ThreadRunInProgress",
    "ThreadRunIncomplete",
    "ThreadRunQueued",
    "ThreadRunRequiresAction",
    "ThreadRunStepCancelled",
    "ThreadRunStepCompleted",
    "ThreadRunStepCreated",
    "ThreadRunStepDelta",
    "ThreadRunStepExpired",
    "ThreadRunStepFailed",
    "ThreadRunStepInProgress",
    "ToolError",
    "ToolOutput",
    "UnknownEvent",
    "WireEvent",
]

P = TypeVar("P")


class Event(Record):
    """Base class of all events; ``event`` is the name."""

    __slots__ = ()
    event: str


# --- Wire -------------------------------------------------------------------------------


@define(eq=False, repr=False)
class WireEvent(Event, Generic[P]):
    """Base class of the events that a server sends.

    Attributes:
        data: The payload.
        raw: The JSON value as sent; None for a synthetic event.
        synthetic: True if the server did not send this event, but what it did send
            implies it: the ``done`` of a server that sends none, the ``created`` of a
            message that begins with a delta.
    """

    data: P
    _raw: Any = field(default=None, alias="raw")
    synthetic: bool = False

    @property
    def raw(self) -> Any:
        """The JSON value as sent."""
        return self._raw


@define(eq=False, repr=False)
class DeltaEvent(WireEvent[P]):
    """Base class of the deltas; if a fast path left the JSON unparsed, ``raw`` parses it."""

    @property
    def raw(self) -> Any:
        """The JSON object as sent; None for a synthetic event."""
        if self._raw.__class__ is str:
            self._raw = loads(self._raw)
        return self._raw


class ThreadCreated(WireEvent[models.Thread]):
    """A thread was created."""

    __slots__ = ()
    event = "thread.created"


class ThreadRunCreated(WireEvent[models.Run]):
    """A run was created."""

    __slots__ = ()
    event = "thread.run.created"


class ThreadRunQueued(WireEvent[models.Run]):
    """The run is waiting for its turn."""

    __slots__ = ()
    event = "thread.run.queued"


class ThreadRunInProgress(WireEvent[models.Run]):
    """The run is in progress."""

    __slots__ = ()
    event = "thread.run.in_progress"


class ThreadRunRequiresAction(WireEvent[models.Run]):
    """The run is waiting for tool outputs or an approval; the stream ends here."""

    __slots__ = ()
    event = "thread.run.requires_action"


class ThreadRunCompleted(WireEvent[models.Run]):
    """The run ended; whatever the name, ``data.status`` says how."""

    __slots__ = ()
    event = "thread.run.completed"


class ThreadRunIncomplete(WireEvent[models.Run]):
    """The run ended before its answer was complete."""

    __slots__ = ()
    event = "thread.run.incomplete"


class ThreadRunFailed(WireEvent[models.Run]):
    """The run failed; ``data.last_error`` says why."""

    __slots__ = ()
    event = "thread.run.failed"


class ThreadRunCancelling(WireEvent[models.Run]):
    """The run is about to be cancelled."""

    __slots__ = ()
    event = "thread.run.cancelling"


class ThreadRunCancelled(WireEvent[models.Run]):
    """The run was cancelled."""

    __slots__ = ()
    event = "thread.run.cancelled"


class ThreadRunExpired(WireEvent[models.Run]):
    """The run expired before it ended."""

    __slots__ = ()
    event = "thread.run.expired"


class ThreadRunStepCreated(WireEvent[models.RunStep]):
    """A step was created."""

    __slots__ = ()
    event = "thread.run.step.created"


class ThreadRunStepInProgress(WireEvent[models.RunStep]):
    """The step is in progress."""

    __slots__ = ()
    event = "thread.run.step.in_progress"


@define(eq=False, repr=False)
class ThreadRunStepDelta(DeltaEvent[models.RunStepDeltaEvent]):
    """The step grew.

    Attributes:
        data: The step's id, and the change.
        snapshot: The step with this delta in it, live.
    """

    event = "thread.run.step.delta"

    snapshot: models.RunStep = field(kw_only=True)


class ThreadRunStepCompleted(WireEvent[models.RunStep]):
    """The step is complete."""

    __slots__ = ()
    event = "thread.run.step.completed"


class ThreadRunStepFailed(WireEvent[models.RunStep]):
    """The step failed."""

    __slots__ = ()
    event = "thread.run.step.failed"


class ThreadRunStepCancelled(WireEvent[models.RunStep]):
    """The step was cancelled."""

    __slots__ = ()
    event = "thread.run.step.cancelled"


class ThreadRunStepExpired(WireEvent[models.RunStep]):
    """The step expired."""

    __slots__ = ()
    event = "thread.run.step.expired"


#: Status of a run -> its event.
RUN_EVENTS: dict[str, type[WireEvent[models.Run]]] = {
    "queued": ThreadRunQueued,
    "in_progress": ThreadRunInProgress,
    "requires_action": ThreadRunRequiresAction,
    "completed": ThreadRunCompleted,
    "incomplete": ThreadRunIncomplete,
    "failed": ThreadRunFailed,
    "cancelling": ThreadRunCancelling,
    "cancelled": ThreadRunCancelled,
    "expired": ThreadRunExpired,
}

#: Status of a step -> its event.
STEP_EVENTS: dict[str, type[WireEvent[models.RunStep]]] = {
    "in_progress": ThreadRunStepInProgress,
    "completed": ThreadRunStepCompleted,
    "failed": ThreadRunStepFailed,
    "cancelled": ThreadRunStepCancelled,
    "expired": ThreadRunStepExpired,
}


class ThreadMessageCreated(WireEvent[models.Message]):
    """A message was created."""

    __slots__ = ()
    event = "thread.message.created"


class ThreadMessageInProgress(WireEvent[models.Message]):
    """The message is being written."""

    __slots__ = ()
    event = "thread.message.in_progress"


@define(eq=False, repr=False)
class ThreadMessageDelta(DeltaEvent[models.MessageDeltaEvent]):
    """The message grew.

    Attributes:
        data: The message's id, and the change.
        snapshot: The message with this delta in it, live.
    """

    event = "thread.message.delta"

    snapshot: models.Message = field(kw_only=True)


class ThreadMessageCompleted(WireEvent[models.Message]):
    """The message is complete."""

    __slots__ = ()
    event = "thread.message.completed"


class ThreadMessageIncomplete(WireEvent[models.Message]):
    """The message ended early; ``data.incomplete_details`` says why."""

    __slots__ = ()
    event = "thread.message.incomplete"


class ErrorEvent(WireEvent[models.Error]):
    """The server reported an error; the stream ends with ``ServerError``."""

    __slots__ = ()
    event = "error"


class Done(WireEvent[str]):
    """The server's last word; ``data`` is ``"[DONE]"``."""

    __slots__ = ()
    event = "done"


@define(eq=False, repr=False)
class UnknownEvent(WireEvent[Any]):
    """An event with an unknown name; ``data`` is the JSON value, or the text."""

    event: str = field(kw_only=True)


@define(eq=False, repr=False)
class RepeatedEvent(WireEvent[models.Thread | models.Run | models.RunStep | models.Message]):
    """A created or final event that the server sent again for the same object.

    It has the name, the payload and the raw data of the repeated event, but a class of its
    own, so that created and done callbacks run once for each object.
    """

    event: str = field(kw_only=True)


# --- Extension --------------------------------------------------------------------------
# Events that the Responses and Chat wires have and the Assistants wire does not. These are
# wire events too: a server sent them.


class ReasoningDelta(DeltaEvent[models.ReasoningTextDelta]):
    """The model's reasoning grew: ``data.delta``, and the whole of it so far, live."""

    __slots__ = ()
    event = "reasoning.delta"


class ReasoningDone(WireEvent[models.ReasoningText]):
    """A text of the model's reasoning is complete."""

    __slots__ = ()
    event = "reasoning.done"


class ReasoningSummaryDelta(DeltaEvent[models.ReasoningTextDelta]):
    """A summary of the model's reasoning grew: ``data.delta``, and the whole so far, live."""

    __slots__ = ()
    event = "reasoning.summary.delta"


class ReasoningSummaryDone(WireEvent[models.ReasoningText]):
    """A part of the summary of the model's reasoning is complete."""

    __slots__ = ()
    event = "reasoning.summary.done"


class ImageGenerationPartial(WireEvent[models.PartialImage]):
    """A preview of an image that is being generated."""

    __slots__ = ()
    event = "image_generation.partial"


@define(eq=False, repr=False)
class ExtensionEvent(WireEvent[Any]):
    """An event of its own wire that has no counterpart among the events above.

    ``event`` is its name on its own wire, ``data`` the JSON value as sent.
    """

    event: str = field(kw_only=True)


# --- Derived ----------------------------------------------------------------------------


@define(eq=False, repr=False)
class DerivedEvent(Event):
    """Base class of the events that follow from wire events."""


@define(eq=False, repr=False)
class MessageTextCreated(DerivedEvent):
    """A text part began; ``index`` is its place in the message."""

    event = "message.text.created"

    text: models.Text
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageTextDelta(DerivedEvent):
    """A text part grew; there is none for a delta that only annotates."""

    event = "message.text.delta"

    delta: models.TextDelta
    snapshot: models.Text
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageTextDone(DerivedEvent):
    """A text part is complete."""

    event = "message.text.done"

    text: models.Text
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageAnnotation(DerivedEvent):
    """A text part got an annotation."""

    event = "message.annotation"

    annotation: models.Annotation
    text: models.Text
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageRefusalDelta(DerivedEvent):
    """A refusal grew."""

    event = "message.refusal.delta"

    delta: models.RefusalDeltaBlock
    snapshot: models.RefusalContentBlock
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageRefusalDone(DerivedEvent):
    """A refusal is complete."""

    event = "message.refusal.done"

    refusal: models.RefusalContentBlock
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageImageFileDone(DerivedEvent):
    """An image given by file id is complete."""

    event = "message.image_file.done"

    image_file: models.ImageFile
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageImageURLDone(DerivedEvent):
    """An image given by address is complete."""

    event = "message.image_url.done"

    image_url: models.ImageURL
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageDone(DerivedEvent):
    """A message ended: it is complete, or stays incomplete."""

    event = "message.done"

    message: models.Message


@define(eq=False, repr=False)
class RunStepToolCallCreated(DerivedEvent):
    """A tool call began; ``index`` is its place in the step."""

    event = "run_step.tool_call.created"

    tool_call: models.ToolCall
    run_step_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class RunStepToolCallDelta(DerivedEvent):
    """A tool call grew; there is one for its first fragment too."""

    event = "run_step.tool_call.delta"

    delta: models.ToolCallDelta
    snapshot: models.ToolCall
    run_step_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class RunStepToolCallDone(DerivedEvent):
    """A tool call is complete as far as this stream goes: its arguments are whole."""

    event = "run_step.tool_call.done"

    tool_call: models.ToolCall
    run_step_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class RunStepDone(DerivedEvent):
    """A step ended: completed, failed, cancelled or expired."""

    event = "run_step.done"

    run_step: models.RunStep


@define(eq=False, repr=False)
class RunDone(DerivedEvent):
    """A run ended: completed, incomplete, failed, cancelled or expired."""

    event = "run.done"

    run: models.Run


# --- Local ------------------------------------------------------------------------------


@define(eq=False, repr=False)
class LocalEvent(Event):
    """Base class of the events about the stream itself."""


@define(eq=False, repr=False)
class ToolOutput(LocalEvent):
    """One of the caller's tools returned; its output is submitted once all calls have one."""

    event = "tool.output"

    tool_call: models.RequiredActionFunctionToolCall
    output: str


@define(eq=False, repr=False)
class ToolError(LocalEvent):
    """One of the caller's tools failed, does not exist, or was called with wrong arguments."""

    event = "tool.error"

    tool_call: models.RequiredActionFunctionToolCall
    error: Exception


@define(eq=False, repr=False)
class StreamRecovered(LocalEvent):
    """The connection was lost, and the run was fetched from the server.

    Attributes:
        error: The error that ended the connection.
        run: The run as fetched.
        missed: How many missed events were recovered; they follow.
    """

    event = "stream.recovered"

    error: Exception
    run: models.Run
    missed: int


class StreamTimeout(LocalEvent):
    """No connection in time, or silence for too long; a :class:`StreamException` follows."""

    __slots__ = ()
    event = "stream.timeout"


@define(eq=False, repr=False)
class StreamException(LocalEvent):
    """The stream failed: transport, decoding, truncation, or the server's ``error``."""

    event = "stream.exception"

    exception: Exception


class StreamEnd(LocalEvent):
    """The stream is over, whatever happened; the last event of all."""

    __slots__ = ()
    event = "stream.end"
