"""Typed events from the streams of AI runs.

The rooms, from the ground up. A room imports only from those before it, and from none on its own
line; ``tests/house/test_layers.py`` has the same order as a table.

    environment   what the environment says
    errors        all that can go wrong, one tree
    source        where bytes come from
    models        what a run is: payloads, and how a delta changes one
    sse           bytes become frames, by the rules of the WHATWG
    convert       JSON text becomes values, values become payloads, and back
    events        the typed events: of the wire, derived, local
    dispatch      one event goes to every handler
    dialects      frames become meanings: one room for each wire
    snapshots     meanings become events: live snapshots; created, delta, done, once each
    decoding      bytes become events: all of that composed, without I/O
    effects       what a flow may ask of its driver
    http          a request goes out, JSON or a source comes back
    tools         functions that a model may call, and rounds of them
    api           what calls take, and how they become requests
    run_control   what can be done about a run: answer, recover, cancel
    streams       the shells: they read a source and hand each event to the handlers
    client        ``Client`` and its calls
    testing       a server to run against (extra ``testing``)

Whatever decides is a generator that yields effects (a *flow*); whatever waits is a driver. What is
only speed is called ``fast_*``, and stands behind ``environment.FAST``. ``Client``, which loads
requests, and ``ToolSet`` are imported on first use.

The class that users subclass is ``handlers.EventHandler``; nothing here imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .decoding.decoder import EventDecoder
from .dispatch import DispatchContext, Dispatcher, Handler
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
    UnknownWireError,
    UnprocessableEntityError,
)
from .events import (
    DeltaEvent,
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
from .sse import DEFAULT_MAX_FRAME_BYTES, IgnoredLine, ServerSentEvent, SSEDecoder
from .streams.stream import Control, Source, Stream
from .streams.text_reader import TextReader

if TYPE_CHECKING:
    from .client.client import Client
    from .tools.tool_set import (
        ToolArgumentsError,
        ToolCallError,
        ToolSet,
        UnknownToolError,
    )

__all__ = [
    "DEFAULT_MAX_FRAME_BYTES",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "Control",
    "DecodeError",
    "DeltaEvent",
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
    "UnknownWireError",
    "UnprocessableEntityError",
    "WireEvent",
]


def __getattr__(name: str) -> Any:
    """Import on first use what not everybody needs: ``Client`` loads requests."""
    if name == "Client":
        from .client.client import Client

        return Client
    if name in {"ToolArgumentsError", "ToolCallError", "ToolSet", "UnknownToolError"}:
        from .tools import tool_set

        return getattr(tool_set, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
