"""Typed events from the streams of assistants.

The modules, in import order; each imports only from those before it.

Bytes become events:

- ``errors``: everything that can go wrong, as one tree. ``settings``: what the environment says.
- ``jsontext``: JSON text becomes values. ``sse``: bytes become frames, by the rules of the WHATWG.
- ``models``: the payloads, as attrs classes. ``events``: the typed events.
- ``merge``: how a delta changes a payload. ``unions``, ``constructors``, ``convert``: values
  become payloads.
- ``dialects``: one module for each wire: which frame is which event.
- ``history``, ``message_snapshots``, ``run_step_snapshots``, ``snapshots``: deltas become
  snapshots, and snapshots tell created, delta and done.
- ``template``, ``front``, ``decoder``: all of that composed, without I/O.

Events reach whoever listens:

- ``dispatch``: each event to every handler. ``unwrap``, ``text``: asking instead.
- ``source``: where bytes come from. ``reading``: events, from one source after another.
  ``stream``: the blocking shell around it.

Runs are made and looked after. Not everybody needs that, so ``Client``, which loads requests, and
``ToolSet`` are imported on first use:

- ``argument_types``, ``schemas``, ``tool_functions``, ``tools``: functions that a model may call.
  Schemas are made with the extra of that name.
- ``rounds``: what a run requires. ``recovery``: what was missed when a connection was lost.
- ``auth``, ``status``, ``http_errors``, ``http_session``, ``http_source``, ``http``: a request
  that is answered with a source. ``azure``: what Azure wants in it.
- ``pages``, ``params``, ``wire_params``, ``calls``: what a call sends, and what answers it.
- ``control``, ``streaming``, ``wire_control``: what a stream can do about its run; calls that
  answer with a stream.
- ``chat_client``, ``responses_control``, ``responses_client``: the other two wires.
- ``resources``: the calls on assistants, threads and runs. ``over_responses``: the same on the
  Responses wire. ``client``: all of them in one.

``testing`` is a server to run against (extra ``testing``).

The class that users subclass is ``handlers.EventHandler``; nothing here imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.decoding.decoder import EventDecoder
from stream_core.streams.stream import Control, Source, Stream
from stream_core.streams.text_reader import TextReader

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

if TYPE_CHECKING:
    from stream_core.client.client import Client
    from stream_core.tools.tool_set import (
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
    "UnprocessableEntityError",
    "WireEvent",
]


def __getattr__(name: str) -> Any:
    """Import on first use what not everybody needs: ``Client`` loads requests."""
    if name == "Client":
        from stream_core.client.client import Client

        return Client
    if name in {"ToolArgumentsError", "ToolCallError", "ToolSet", "UnknownToolError"}:
        from .tools import tool_set as tools

        return getattr(tools, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
