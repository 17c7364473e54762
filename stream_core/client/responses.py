"""``client.responses``: streams of the Responses wire.

Rules of this file: tools may be given in the form of the Assistants wire; they are sent in the
form of this one. The requests of later rounds are in ``run_control.responses``.
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
        """Id of the latest response, for ``previous_response_id``; None before there is one.

        ``run.id`` is the id of the run's first response; each round of tools makes another.
        """
        return self._of_responses.response_id or None


class Responses(Resource):
    """Calls on responses: ``client.responses``."""

    def stream(self, **params: Unpack[ResponseStreamParams]) -> ResponseStream:
        """Ask for a response and listen to it, with the same handlers as on other wires.

        Args:
            params: Parameters of the request: ``model``, ``input``, ``instructions`` and so on;
                ``event_handler``, ``handlers``. Functions among ``tools`` are run.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one, or a parameter is unknown.
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
    """Make the control that sends the requests of one run.

    Args:
        call: The caller's arguments, those of ``ResponseStreamParams``.
        dialect: Reads all rounds.
        earlier: The history before the run.
        one_limit: Whether ``max_output_tokens`` limits all rounds together.

    Raises:
        TypeError: A parameter is unknown.
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
    """Return a tool in the form of this wire.

    A function without ``strict`` is sent as not strict, which is the default of Assistants;
    the default of this wire is strict.
    """
    if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict):
        return tool
    return {"type": "function", "strict": False, **tool["function"]}
