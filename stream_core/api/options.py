"""The keyword arguments that calls take on every wire.

Rules of this file: the names are also what the calls accept; none of them is a parameter of the
API.
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

    #: What runs when the model calls it: a function, a definition with its function, a set.
    Runnable: TypeAlias = (
        Callable[..., Any] | tuple[Object | models.FunctionTool, Callable[..., Any]] | ToolSet
    )

    #: The tools of a call that goes to a model: definitions, and what runs.
    Tools: TypeAlias = ToolSet | Sequence[models.Tool | Object | ToolSet | Callable[..., Any]]

__all__ = ["CallOptions", "ModelParams", "StreamOptions"]


class CallOptions(TypedDict, total=False):
    """What every call takes.

    Attributes:
        extra_headers: Sent too; None takes away a header that would be sent otherwise.
        extra_query: Added to the query.
        extra_body: Keys added to the body, or replaced in it.
        timeout: For this call: seconds, (connecting, silence), or None for no limit.
    """

    extra_headers: Mapping[str, str | None]
    extra_query: Mapping[str, Any]
    extra_body: Object
    timeout: Timeout


class StreamOptions(CallOptions, total=False):
    """What every call that answers with a stream takes.

    Attributes:
        event_handler: The first handler; None for none.
        handlers: Those after it.
        max_frame_bytes: The most that one frame may have.
        recover: Whether to ask the server what became of the run when the connection is
            lost, and to tell what was missed; True by default.
        cancel_on_interrupt: Whether Ctrl-C cancels the run too; False by default.
        approve: Looks at each call of a tool before it runs, and at each MCP call that waits
            for approval: True lets it run; False, or a text for its output, refuses it;
            another call runs instead.
        tool_errors: What becomes of a tool's exception: ``"submit"``, its text is the output
            (the default), or ``"raise"``.
        max_rounds: How often a run may require action, 16 by default.
        executor: Runs the calls of one round at the same time.
    """

    event_handler: Handler | None
    handlers: Iterable[Handler]
    max_frame_bytes: int
    recover: bool
    cancel_on_interrupt: bool
    approve: Approve
    tool_errors: ToolErrors
    max_rounds: int
    executor: Executor


class ModelParams(StreamOptions, total=False):
    """What every call takes that goes to a model rather than to an assistant."""

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
