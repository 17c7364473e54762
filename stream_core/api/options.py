"""The keyword arguments that calls take on every wire.

Rules of this file: calls accept exactly these names. Those of :class:`CallOptions`,
:class:`StreamOptions` and :class:`RunKeyOption` are not parameters of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from stream_core import models
    from stream_core.dispatch import Handler
    from stream_core.http.transport import Timeout
    from stream_core.tools.rounds import Approve, ToolErrors
    from stream_core.tools.tool_set import ToolSet

    Object: TypeAlias = Mapping[str, Any]

    #: Something to run when the model calls it: a function, a pair of a definition and its
    #: function, or a set.
    Runnable: TypeAlias = (
        Callable[..., Any] | tuple[Object | models.FunctionTool, Callable[..., Any]] | ToolSet
    )

    #: The tools of a call to a model: definitions, functions, and sets of functions.
    Tools: TypeAlias = ToolSet | Sequence[models.Tool | Object | ToolSet | Callable[..., Any]]

__all__ = ["CallOptions", "ModelParams", "RunKeyOption", "StreamOptions"]


class CallOptions(TypedDict, total=False):
    """Arguments of every call.

    Attributes:
        extra_headers: Additional headers; None removes a header that would otherwise be sent.
        extra_query: Added to the query.
        extra_body: Keys to add to the body or to replace in it.
        timeout: For this call: seconds, (connecting, answer), or None for no limit.
    """

    extra_headers: Mapping[str, str | None]
    extra_query: Mapping[str, Any]
    extra_body: Object
    timeout: Timeout


class StreamOptions(CallOptions, total=False):
    """Arguments of every call that returns a stream.

    Attributes:
        event_handler: The first handler, or None.
        handlers: The handlers after it.
        max_frame_bytes: Maximum size of one frame.
        recover: Whether to ask the server what became of the run if the connection is lost,
            and to deliver the events that were missed; True by default.
        cancel_on_interrupt: Whether Ctrl-C also cancels the run; False by default.
        idle_timeout: Seconds without an event after which the stream is lost, though comments
            or heartbeats still come; instead of the client's, None for no limit.
        deadline: Seconds after which the stream ends with StreamTimeoutError, whatever it does;
            instead of the client's, None for no limit.
        approve: Called with each tool call before it runs, and with each MCP call that waits
            for approval. True lets the call run; False refuses it; a string refuses it and
            becomes its output; another call runs instead.
        tool_errors: How a tool's exception is handled: ``"submit"`` makes its text the output
            (the default), ``"raise"`` raises it.
        max_rounds: How often a run may require action, 16 by default.
        executor: Runs the calls of one round concurrently.
    """

    event_handler: Handler | None
    handlers: Iterable[Handler]
    max_frame_bytes: int
    recover: bool
    cancel_on_interrupt: bool
    idle_timeout: float | None
    deadline: float | None
    approve: Approve
    tool_errors: ToolErrors
    max_rounds: int
    executor: Executor


class RunKeyOption(TypedDict, total=False):
    """An argument of calls that make a run on a thread.

    Attributes:
        run_keys: Whether to put a key of its own into the run's ``metadata``
            (``until_done_request``), by which the run is found if the connection is lost before its
            id was seen; instead of the client's setting.
    """

    run_keys: bool


class ModelParams(StreamOptions, total=False):
    """Arguments of every call that goes to a model rather than to an assistant."""

    metadata: Mapping[str, str] | None
    moderation: Object | None
    parallel_tool_calls: bool | None
    prompt_cache_key: str
    prompt_cache_options: Object
    prompt_cache_retention: str | None
    safety_identifier: str
    service_tier: str | None
    store: bool | None
    stream_options: Object | None
    temperature: float | None
    tool_choice: str | Object
    tools: Tools
    top_logprobs: int | None
    top_p: float | None
    user: str
