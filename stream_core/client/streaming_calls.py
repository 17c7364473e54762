"""Calls that answer with a stream: handlers, tools, recovery and the request, put together.

What is wrong with the arguments is said before anything is sent: a run that was started for
a handler that is none would go on without a listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stream_core.api.request import Resource, make_options
from stream_core.run_control.assistants import RunControl
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES
from stream_core.streams.stream import Stream
from stream_core.tools.rounds import DEFAULT_MAX_ROUNDS, ToolRounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stream_core.api.options import CallOptions
    from stream_core.dialects import Dialect
    from stream_core.dispatch import Handler
    from stream_core.streams.stream import Control, Source
    from stream_core.tools.tool_set import ToolSet

__all__ = ["StreamingResource", "call_options", "find_tools", "listen", "make_rounds"]

S = TypeVar("S", bound=Stream)


class StreamingResource(Resource):
    """A resource with calls that answer with a stream."""

    def _stream(
        self, path: str, known: Any, given: Any, *, thread_id: str | None = None, **required: Any
    ) -> Stream:
        """Send a request that is answered with a stream.

        Args:
            path: From the base address on.
            known: The TypedDict of GIVEN.
            given: What the caller gave.
            thread_id: Where the run is, where that is known.
            required: The parameters that the call has by name.
        """
        tools, sent = find_tools(given)
        control = RunControl(
            self._transport,
            thread_id=thread_id,
            answered=_call_ids(required.get("tool_outputs", ())),
            rounds=make_rounds(tools, given),
            recover=given.get("recover", True),
            options=call_options(given),
        )
        options = make_options("POST", known, sent, {**required, "stream": True})

        def begin() -> Source:
            return self._transport.open("POST", path, **options)

        return listen(Stream, begin, given, control)


def listen(
    kind: type[S],
    begin: Callable[[], Source],
    given: Any,
    control: Control,
    dialect: str | Dialect = "assistants",
) -> S:
    """Send a request that is ready, and make the stream of its answer.

    Args:
        kind: The class of the stream.
        begin: Sends the request, and returns what answers it.
        given: What the caller gave; of it handlers and settings of the stream are taken.
        control: What the stream can do about its run.
        dialect: Which wire it is.
    """
    handlers = _handlers(given)
    settings: dict[str, Any] = {
        "dialect": dialect,
        "max_frame_bytes": given.get("max_frame_bytes", DEFAULT_MAX_FRAME_BYTES),
        "control": control,
        "cancel_on_interrupt": given.get("cancel_on_interrupt", False),
    }
    # It complains here of what it would complain of after the run has started.
    kind((), *handlers, **settings)
    return kind(begin(), *handlers, **settings)


def _handlers(given: Mapping[str, Any]) -> list[Handler]:
    """Return the handlers of a streaming call, in order."""
    first = given.get("event_handler")
    return [*([] if first is None else [first]), *(given.get("handlers") or ())]


def call_options(given: Mapping[str, Any]) -> CallOptions:
    """Return of GIVEN what goes with every request; a body is of the first one only."""
    options: CallOptions = {}
    for name in ("extra_headers", "extra_query", "timeout"):
        if name in given:
            options[name] = given[name]
    return options


def _call_ids(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the calls whose outputs a streaming call submits."""
    return [one["tool_call_id"] for one in outputs if "tool_call_id" in one]


def find_tools(given: Mapping[str, Any]) -> tuple[ToolSet | None, Mapping[str, Any]]:
    """Find the tools that are functions.

    Args:
        given: What the caller of a streaming call gave.

    Returns:
        They, or None where there are none; and what the caller gave, with definitions in
        their place.
    """
    tools = given.get("tools")
    if tools is None:
        return None, given
    from stream_core.tools.tool_set import ToolSet

    items = [tools] if isinstance(tools, ToolSet) or callable(tools) else list(tools)
    runnable = [item for item in items if isinstance(item, ToolSet | tuple) or callable(item)]
    if not runnable:
        return None, given
    found = ToolSet(*runnable)
    plain = [item for item in items if item not in runnable]
    return found, {**given, "tools": [*plain, *found.definitions]}


def make_rounds(tools: ToolSet | None, given: Mapping[str, Any]) -> ToolRounds | None:
    """Return what answers the run; None where the caller gave neither tools nor approve.

    Args:
        tools: The tools that are functions.
        given: What the caller of a streaming call gave.
    """
    approve = given.get("approve")
    if tools is None and approve is None:
        return None
    return ToolRounds(
        tools,
        tool_errors=given.get("tool_errors", "submit"),
        approve=approve,
        max_rounds=given.get("max_rounds", DEFAULT_MAX_ROUNDS),
        executor=given.get("executor"),
    )
