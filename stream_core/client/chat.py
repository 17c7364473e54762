"""``client.chat.completions``: streams of the Chat Completions wire.

Rules of this file: the server keeps nothing, so every round of tools sends all messages again,
with the answer and the outputs of its calls appended. Nothing can be recovered or cancelled
but by closing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.request import Resource, make_options
from stream_core.api.responses_params import ChatStreamParams
from stream_core.dialects.chat.dialect import ChatDialect
from stream_core.run_control.chained import WireControl
from stream_core.streams.stream import Stream

from .streaming_calls import find_tools, listen, make_rounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from stream_core.http.transport import Options, Transport
    from stream_core.streams.stream import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["Chat", "ChatControl", "Completions"]

_PATH = "/chat/completions"


class ChatControl(WireControl):
    """Controls the run of one stream of the Chat Completions wire."""

    def __init__(
        self,
        transport: Transport,
        options: Options,
        dialect: ChatDialect,
        *,
        rounds: ToolRounds | None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            transport: To the server.
            options: The parts of the first request.
            dialect: What reads all rounds.
            rounds: Answers what the run requires; None: the caller does.
        """
        super().__init__(transport, _PATH, options, rounds=rounds)
        self._dialect = dialect
        self._messages = list(self._body["messages"])

    def _follow_up(
        self, outputs: Sequence[Mapping[str, Any]], approvals: Sequence[Mapping[str, Any]]
    ) -> Source:
        """Send all messages again, with the answer and the outputs."""
        del approvals  # this wire has none
        self._messages.append(self._dialect.assistant_message)
        self._messages += [
            {"role": "tool", "tool_call_id": one["tool_call_id"], "content": one["output"]}
            for one in outputs
        ]
        source = self._open(messages=self._messages)
        self._dialect.resume({one["tool_call_id"]: one["output"] for one in outputs})
        return source


class Completions(Resource):
    """Calls on chat completions: ``client.chat.completions``."""

    def stream(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        **params: Unpack[ChatStreamParams],
    ) -> Stream:
        """Ask for an answer and listen to it; the same handlers as for runs hear it.

        The server is asked for the usage, unless ``stream_options`` says otherwise.

        Args:
            model: The name of a model.
            messages: The conversation, e.g. ``[{"role": "user", "content": "Hello"}]``.
            params: What else the request takes; ``event_handler``, ``handlers``. Functions
                among ``tools`` are run.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is none, or a parameter is not known.
        """
        tools, sent = find_tools(params)
        required = {
            "model": model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        options = make_options("POST", ChatStreamParams, sent, required)
        options["headers"] = {"OpenAI-Beta": None, **options.get("headers", {})}
        dialect = ChatDialect()
        rounds = make_rounds(tools, params)
        control = ChatControl(self._transport, options, dialect, rounds=rounds)
        return listen(Stream, control.begin, params, control, dialect)


class Chat(Resource):
    """Calls on the Chat Completions wire: ``client.chat``.

    Attributes:
        completions: Calls on chat completions.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.completions = Completions(transport)
