"""Typed events from the streams of assistants.

The modules, in import order; each imports only from those above it:

- ``errors``: everything that can go wrong, as one tree.
- ``sse``: bytes become frames, by the rules of the WHATWG.
- ``models``: the payloads, as attrs classes. ``events``: the typed events.
- ``jsontext``, ``convert``: JSON text becomes values, values become payloads.
- ``dialects``: one module for each wire: which frame is which event.
- ``merge``, ``history``, ``message_snapshots``, ``run_step_snapshots``, ``snapshots``: deltas
  become snapshots, and snapshots tell created, delta and done.
- ``decoder``: all of that composed, without I/O.
- ``dispatch``: each event to every handler. ``unwrap``, ``text``: asking instead.
- ``stream``: the blocking shell around it.
- ``argument_types``, ``schemas``, ``tool_functions``, ``tools``: functions that a model may
  call. Schemas are made with the extra ``tools``; ``ToolSet`` is imported on first use.
- ``auth``, ``http``, ``azure``, ``client``: requests that answer with a stream. They load
  ``requests``, so ``Client`` is imported on first use.
- ``testing``: a server to run against (extra ``testing``).

The class that users subclass is ``handlers.EventHandler``; nothing here imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .decoder import (
    EventDecoder,
)
from .dispatch import (
    DispatchContext,
    Dispatcher,
    Handler,
)
from .errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    FrameTooLargeError,
    IncompleteStreamError,
    InternalServerError,
    NotAnEventStreamError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RunExpiredError,
    RunFailedError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    ToolLoopError,
    TransportError,
    UnprocessableEntityError,
)
from .events import (
    DerivedEvent,
    Done,
    ErrorEvent,
    Event,
    ExtensionEvent,
    ImageGenerationPartial,
    LocalEvent,
    MessageAnnotation,
    MessageDone,
    MessageImageFileDone,
    MessageImageURLDone,
    MessageRefusalDelta,
    MessageRefusalDone,
    MessageTextCreated,
    MessageTextDelta,
    MessageTextDone,
    ReasoningDelta,
    ReasoningDone,
    ReasoningSummaryDelta,
    ReasoningSummaryDone,
    RepeatedEvent,
    RunDone,
    RunStepDone,
    RunStepToolCallCreated,
    RunStepToolCallDelta,
    RunStepToolCallDone,
    StreamEnd,
    StreamException,
    StreamRecovered,
    StreamTimeout,
    ThreadCreated,
    ThreadMessageCompleted,
    ThreadMessageCreated,
    ThreadMessageDelta,
    ThreadMessageIncomplete,
    ThreadMessageInProgress,
    ThreadRunCancelled,
    ThreadRunCancelling,
    ThreadRunCompleted,
    ThreadRunCreated,
    ThreadRunExpired,
    ThreadRunFailed,
    ThreadRunIncomplete,
    ThreadRunInProgress,
    ThreadRunQueued,
    ThreadRunRequiresAction,
    ThreadRunStepCancelled,
    ThreadRunStepCompleted,
    ThreadRunStepCreated,
    ThreadRunStepDelta,
    ThreadRunStepExpired,
    ThreadRunStepFailed,
    ThreadRunStepInProgress,
    ToolError,
    ToolOutput,
    UnknownEvent,
    WireEvent,
)
from .sse import (
    DEFAULT_MAX_FRAME_BYTES,
    IgnoredLine,
    ServerSentEvent,
    SSEDecoder,
)
from .stream import (
    Control,
    Source,
    Stream,
)
from .text import (
    TextReader,
)

if TYPE_CHECKING:
    from .client import Client
    from .tools import ToolArgumentsError, ToolCallError, ToolSet, UnknownToolError

__all__ = [
    "DEFAULT_MAX_FRAME_BYTES",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "Control",
    "DecodeError",
    "DerivedEvent",
    "DispatchContext",
    "Dispatcher",
    "Done",
    "ErrorEvent",
    "Event",
    "EventDecoder",
    "ExtensionEvent",
    "FrameTooLargeError",
    "Handler",
    "IgnoredLine",
    "ImageGenerationPartial",
    "IncompleteStreamError",
    "InternalServerError",
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
    "NotAnEventStreamError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReasoningDelta",
    "ReasoningDone",
    "ReasoningSummaryDelta",
    "ReasoningSummaryDone",
    "RepeatedEvent",
    "RunDone",
    "RunExpiredError",
    "RunFailedError",
    "RunStepDone",
    "RunStepToolCallCreated",
    "RunStepToolCallDelta",
    "RunStepToolCallDone",
    "SSEDecoder",
    "ServerError",
    "ServerSentEvent",
    "Source",
    "Stream",
    "StreamEnd",
    "StreamError",
    "StreamException",
    "StreamRecovered",
    "StreamTimeout",
    "StreamTimeoutError",
    "TextReader",
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
    "ToolArgumentsError",
    "ToolCallError",
    "ToolError",
    "ToolLoopError",
    "ToolOutput",
    "ToolSet",
    "TransportError",
    "UnknownEvent",
    "UnknownToolError",
    "UnprocessableEntityError",
    "WireEvent",
]


def __getattr__(name: str) -> Any:
    """Import on first use what not everybody needs: ``Client`` loads requests."""
    if name == "Client":
        from .client import Client

        return Client
    if name in {"ToolArgumentsError", "ToolCallError", "ToolSet", "UnknownToolError"}:
        from . import tools

        return getattr(tools, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
