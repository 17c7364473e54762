"""``client.chat.completions``: streams of the Chat Completions wire.

Rules of this file: the server stores nothing, so every round of tools sends all messages again,
followed by the answer and the outputs of its calls. A lost connection cannot be recovered, and
a run can be cancelled only by closing its connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.request import make_options
from stream_core.dialects.chat.dialect import ChatDialect
from stream_core.run_control.chat import ChatControl
from stream_core.streams.stream import Stream

from .resource import Resource
from .streaming_calls import StreamingCall

if TYPE_CHECKING:
    from collections.abc import Sequence
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
        body: Any = options.get("body")
        dialect = ChatDialect(call_ids=_call_ids(body["messages"]))
        control = ChatControl(options, dialect, rounds=call.rounds)
        return call.listen(Stream, self._transport, control, dialect)


def _call_ids(messages: Any) -> set[str]:
    """Return the ids of the calls in MESSAGES, which the caller made in whatever way."""
    ids = set()
    for message in messages if isinstance(messages, list | tuple) else ():
        calls = message.get("tool_calls") if isinstance(message, Mapping) else None
        for call in calls or ():
            if isinstance(call, Mapping) and isinstance(call.get("id"), str):
                ids.add(call["id"])
    return ids


class Chat(Resource):
    """Calls on the Chat Completions wire: ``client.chat``.

    Attributes:
        completions: Calls on chat completions.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.completions = Completions(transport)
