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
- ``http``, ``client``: requests that answer with a stream. They load ``requests``, so
  ``Client`` is imported on first use.
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
    RunFailedError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TransportError,
    UnprocessableEntityError,
)
from .events import (
    DerivedEvent,
    Done,
    ErrorEvent,
    Event,
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
    RepeatedEvent,
    RunDone,
    RunStepDone,
    RunStepToolCallCreated,
    RunStepToolCallDelta,
    RunStepToolCallDone,
    StreamEnd,
    StreamException,
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
    Source,
    Stream,
)
from .text import (
    TextReader,
)

if TYPE_CHECKING:
    from .client import Client

__all__ = [
    "DEFAULT_MAX_FRAME_BYTES",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "DecodeError",
    "DerivedEvent",
    "DispatchContext",
    "Dispatcher",
    "Done",
    "ErrorEvent",
    "Event",
    "EventDecoder",
    "FrameTooLargeError",
    "Handler",
    "IgnoredLine",
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
    "RepeatedEvent",
    "RunDone",
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
    "TransportError",
    "UnknownEvent",
    "UnprocessableEntityError",
    "WireEvent",
]


def __getattr__(name: str) -> Any:
    """Import ``Client`` on first use: who replays a recording does not pay for requests."""
    if name == "Client":
        from .client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
