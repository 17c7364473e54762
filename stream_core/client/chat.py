"""``client.chat.completions``: streams of the Chat Completions wire.

Rules of this file: the server stores nothing, so every round of tools sends all messages again,
followed by the answer and the outputs of its calls. A lost connection cannot be recovered, and
a run can be cancelled only by closing its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.request import make_options
from stream_core.dialects.chat.dialect import ChatDialect
from stream_core.run_control.chat import ChatControl
from stream_core.streams.stream import Stream

from .resource import Resource
from .streaming_calls import StreamingCall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from stream_core.http.transport import Transport

__all__ = ["Chat", "Completions"]


class Completions(Resource):
    """Calls on chat completions: ``client.chat.completions``."""

    def stream(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        **params: Unpack[ChatStreamParams],
    ) -> Stream:
        """Ask for an answer and listen to it, with the same handlers as on other wires.

        The server is asked for the usage, unless ``stream_options`` is given.

        Args:
            model: The name of a model.
            messages: The conversation, e.g. ``[{"role": "user", "content": "Hello"}]``.
            params: Other parameters of the request; ``event_handler``, ``handlers``. Functions
                among ``tools`` are run.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one, or a parameter is unknown.
        """
        call = StreamingCall.of(params)
        required = {
            "model": model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        options = make_options("POST", ChatStreamParams, call.params, required)
        dialect = ChatDialect()
        control = ChatControl(options, dialect, rounds=call.rounds)
        return call.listen(Stream, self._transport, control, dialect)


class Chat(Resource):
    """Calls on the Chat Completions wire: ``client.chat``.

    Attributes:
        completions: Calls on chat completions.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.completions = Completions(transport)
