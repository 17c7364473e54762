"""A run that is a chain of chat completions.

Rules of this file: the server keeps nothing, so every round of tools sends all messages again,
with the answer and the outputs of its calls appended. Nothing can be recovered, and a run is
cancelled by closing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .chained import ChainedControl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core.dialects.chat.dialect import ChatDialect
    from stream_core.effects import Flow
    from stream_core.http.transport import Options
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["ChatControl"]

_PATH = "/chat/completions"


class ChatControl(ChainedControl):
    """Controls the run of one stream of the Chat Completions wire."""

    def __init__(
        self, options: Options, dialect: ChatDialect, *, rounds: ToolRounds | None
    ) -> None:
        """Prepare.

        Args:
            options: The parts of the first request.
            dialect: What reads all rounds.
            rounds: Answers what the run requires; None: the caller does.
        """
        super().__init__(_PATH, options, rounds=rounds)
        self._dialect = dialect
        self._messages = list(self._body["messages"])

    def _follow_up(
        self, outputs: Sequence[Mapping[str, Any]], approvals: Sequence[Mapping[str, Any]]
    ) -> Flow[Source]:
        """Send all messages again, with the answer and the outputs."""
        del approvals  # this wire has none
        self._messages.append(self._dialect.assistant_message)
        self._messages += [
            {"role": "tool", "tool_call_id": one["tool_call_id"], "content": one["output"]}
            for one in outputs
        ]
        source = yield from self._open(messages=self._messages)
        self._dialect.resume({one["tool_call_id"]: one["output"] for one in outputs})
        return source
