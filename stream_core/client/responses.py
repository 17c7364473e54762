"""``client.responses``: streams of the Responses wire.

Rules of this file: tools may be given as Assistants have them; they are sent as this wire has
them. What rounds send is in ``responses_control``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.request import make_options
from stream_core.api.responses_params import ResponseStreamParams
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.run_control.responses import Earlier, ResponsesControl
from stream_core.streams.stream import Stream

from .resource import Resource
from .streaming_calls import StreamingCall

if TYPE_CHECKING:
    from typing import Unpack

    from stream_core.dispatch import Handler
    from stream_core.streams.stream import Source

__all__ = ["ResponseStream", "Responses", "flat_tool", "make_control"]


class ResponseStream(Stream):
    """A stream of the Responses wire."""

    def __init__(self, source: Source, *handlers: Handler, dialect: Any, **settings: Any) -> None:
        """Prepare to read; the arguments are those of :class:`stream_core.Stream`."""
        super().__init__(source, *handlers, dialect=dialect, **settings)
        self._of_responses: ResponsesDialect = dialect

    @property
    def response_id(self) -> str | None:
        """Id of the response last heard of, for ``previous_response_id``; None before any was.

        ``run.id`` is that of the run's first response; rounds of tools make more.
        """
        return self._of_responses.response_id or None


class Responses(Resource):
    """Calls on responses: ``client.responses``."""

    def stream(self, **params: Unpack[ResponseStreamParams]) -> ResponseStream:
        """Ask for a response and listen to it; the same handlers as for runs hear it.

        Args:
            params: What the request takes: ``model``, ``input``, ``instructions`` and so on;
                ``event_handler``, ``handlers``. Functions among ``tools`` are run.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one, or a parameter is not known.
        """
        dialect, call = ResponsesDialect(), StreamingCall.of(params)
        control = make_control(call, dialect)
        return call.listen(ResponseStream, self._transport, control, dialect)


def make_control(
    call: StreamingCall,
    dialect: ResponsesDialect,
    earlier: Earlier | None = None,
    *,
    one_limit: bool = False,
) -> ResponsesControl:
    """Make what sends the requests of one run.

    Args:
        call: What the caller gave, by ``ResponseStreamParams``.
        dialect: What reads all rounds.
        earlier: What was said before.
        one_limit: Whether ``max_output_tokens`` is for all rounds together.

    Raises:
        TypeError: A parameter is not known.
    """
    given = {name: value for name, value in call.params.items() if name != "stateless"}
    options = make_options(
        "POST", ResponseStreamParams, given, {"stream": True}, include_in_query=False
    )
    body: dict[str, Any] = options.get("body") or {}
    if body.get("tools") is not None:
        body["tools"] = [flat_tool(tool) for tool in body["tools"]]
    return ResponsesControl(
        options,
        dialect,
        rounds=call.rounds,
        stateless=call.params.get("stateless"),
        recover=call.recover,
        earlier=earlier,
        one_limit=one_limit,
    )


def flat_tool(tool: Any) -> Any:
    """Return a tool as this wire has it.

    A function that does not say otherwise is not strict, as it was for Assistants; here it
    would be.
    """
    if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict):
        return tool
    return {"type": "function", "strict": False, **tool["function"]}
