"""The typed events, in three groups.

- **Wire** events are what a server sends, one class for each name, named as the wire names
  them in CamelCase: ``thread.message.delta`` is :class:`ThreadMessageDelta`. All have
  ``event`` (the name), ``data`` (the payload) and ``raw`` (the JSON as sent).
- **Derived** events are what the wire events amount to: a text began, grew, is done. They
  come after the wire event that caused them, and created and done come exactly once for
  each message, text, run step and tool call.
- **Local** events are about the stream itself. They reach handlers, never an iteration.

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
    """Base of all events; ``event`` is the name."""

    __slots__ = ()
    event: str


# --- Wire -------------------------------------------------------------------------------


@define(eq=False, repr=False)
class WireEvent(Event, Generic[P]):
    """Base of what a server sends.

    Attributes:
        data: The payload.
        raw: The JSON value as sent; None for a synthetic event.
        synthetic: True when the server did not send this event, but what it did send
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
    """Base of the deltas, whose JSON is parsed at the first look where a fast path did not."""

    @property
    def raw(self) -> Any:
        """The JSON value as sent, an object; None for a synthetic event."""
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
    """The run waits for its turn."""

    __slots__ = ()
    event = "thread.run.queued"


class ThreadRunInProgress(WireEvent[models.Run]):
    """The run works."""

    __slots__ = ()
    event = "thread.run.in_progress"


class ThreadRunRequiresAction(WireEvent[models.Run]):
    """The run waits for tool outputs or an approval; the stream ends here."""

    __slots__ = ()
    event = "thread.run.requires_action"


class ThreadRunCompleted(WireEvent[models.Run]):
    """The run ended; ``data.status`` says how, whatever the name."""

    __slots__ = ()
    event = "thread.run.completed"


class ThreadRunIncomplete(WireEvent[models.Run]):
    """The run ended before its answer did."""

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
    """The step works."""

    __slots__ = ()
    event = "thread.run.step.in_progress"


@define(eq=False, repr=False)
class ThreadRunStepDelta(DeltaEvent[models.RunStepDeltaEvent]):
    """The step grew.

    Attributes:
        data: The step's id, and what it gained.
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
        data: The message's id, and what it gained.
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
    """The server reports an error; the stream ends with ``ServerError``."""

    __slots__ = ()
    event = "error"


class Done(WireEvent[str]):
    """The server's last word; ``data`` is ``"[DONE]"``."""

    __slots__ = ()
    event = "done"


@define(eq=False, repr=False)
class UnknownEvent(WireEvent[Any]):
    """An event of a name that is not in the table; ``data`` is the JSON value or the text."""

    event: str = field(kw_only=True)


@define(eq=False, repr=False)
class RepeatedEvent(WireEvent[models.Thread | models.Run | models.RunStep | models.Message]):
    """A created or an ending that the server sent again for the same object.

    It has the name, the payload and the raw data of the repeated event, but a class of its
    own, so that created and done callbacks run once for each object.
    """

    event: str = field(kw_only=True)


# --- Extension --------------------------------------------------------------------------
# What the Responses and Chat wires have and the Assistants wire never had. These are wire
# events too: a server sent them.


class ReasoningDelta(WireEvent[models.ReasoningTextDelta]):
    """The model's reasoning grew: ``data.delta``, and all of it so far, live."""

    __slots__ = ()
    event = "reasoning.delta"


class ReasoningDone(WireEvent[models.ReasoningText]):
    """A text of the model's reasoning is complete."""

    __slots__ = ()
    event = "reasoning.done"


class ReasoningSummaryDelta(WireEvent[models.ReasoningTextDelta]):
    """A summary of the model's reasoning grew: ``data.delta``, and all of it so far, live."""

    __slots__ = ()
    event = "reasoning.summary.delta"


class ReasoningSummaryDone(WireEvent[models.ReasoningText]):
    """A part of the summary of the model's reasoning is complete."""

    __slots__ = ()
    event = "reasoning.summary.done"


class ImageGenerationPartial(WireEvent[models.PartialImage]):
    """An image that is being made, as far as it is."""

    __slots__ = ()
    event = "image_generation.partial"


@define(eq=False, repr=False)
class ExtensionEvent(WireEvent[Any]):
    """An event that its wire knows and the Assistants wire has nothing for.

    ``event`` is its name on its own wire, ``data`` the JSON value as sent.
    """

    event: str = field(kw_only=True)


# --- Derived ----------------------------------------------------------------------------


@define(eq=False, repr=False)
class DerivedEvent(Event):
    """Base of what follows from wire events."""


@define(eq=False, repr=False)
class MessageTextCreated(DerivedEvent):
    """A text part began; ``index`` is its place in the message."""

    event = "message.text.created"

    text: models.Text
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageTextDelta(DerivedEvent):
    """A text part grew; a delta that only annotates does not come here."""

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
    """An image file part is complete."""

    event = "message.image_file.done"

    image_file: models.ImageFile
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageImageURLDone(DerivedEvent):
    """An image address part is complete."""

    event = "message.image_url.done"

    image_url: models.ImageURL
    message_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class MessageDone(DerivedEvent):
    """A message is complete or incomplete, for good."""

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
    """A tool call grew; the first fragment comes here too."""

    event = "run_step.tool_call.delta"

    delta: models.ToolCallDelta
    snapshot: models.ToolCall
    run_step_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class RunStepToolCallDone(DerivedEvent):
    """A tool call is complete as far as this stream goes: its arguments are."""

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
    """Base of what is about the stream itself."""


@define(eq=False, repr=False)
class ToolOutput(LocalEvent):
    """A tool of the caller's gave its output; it is submitted when all calls have one."""

    event = "tool.output"

    tool_call: models.RequiredActionFunctionToolCall
    output: str


@define(eq=False, repr=False)
class ToolError(LocalEvent):
    """A tool of the caller's failed, does not exist, or was called with wrong arguments."""

    event = "tool.error"

    tool_call: models.RequiredActionFunctionToolCall
    error: Exception


@define(eq=False, repr=False)
class StreamRecovered(LocalEvent):
    """The connection was lost, and the server said what became of the run.

    Attributes:
        error: What ended the connection.
        run: The run as the server has it.
        missed: How many events were made up for; they follow.
    """

    event = "stream.recovered"

    error: Exception
    run: models.Run
    missed: int


class StreamTimeout(LocalEvent):
    """No connection in time, or silence; a :class:`StreamException` follows."""

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
