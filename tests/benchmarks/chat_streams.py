"""The streams of the Chat Completions wire, in the shapes that OpenAI, DeepSeek and vLLM send.

OpenAI's is the shape of plain text and of arguments, with ``"usage":null`` in each chunk and the
account in one of its own, as it is if usage was asked for. DeepSeek's is that of reasoning and
of T: 5,000 deltas, reasoning first, then a short message and the arguments of two functions.
vLLM's, if it was asked for usage all the time, is that of usage in each chunk.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.frames import CITING, FUNCTIONS, Json, Made, frame, logprob
from tests.benchmarks.texts import arguments, cut

__all__ = ["ChatRun"]

#: What the chunks of each server begin with, after an id, the kind of object and the date.
_SERVERS: Final[dict[str, Json]] = {
    "openai": {
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_ad98c18a04",
    },
    "deepseek": {
        "model": "deepseek-v4-pro",
        "system_fingerprint": "fp_9954b31ca7_prod0820_fp8_kvcache_20260402",
    },
    "vllm": {"model": "Qwen/Qwen3-8B"},
}


class ChatRun(Made):
    """One completion: gives its frames in order, and knows what was said.

    Args:
        chance: What everything is drawn from.
        server: ``openai``, ``deepseek`` or ``vllm``.
        obfuscated: Whether chunks have an ``obfuscation``.
        logprobs: Whether deltas of text have the probability of each token.
        line_end: What ends each line.
    """

    def __init__(
        self,
        chance: random.Random,
        *,
        server: str = "openai",
        obfuscated: bool = False,
        logprobs: bool = False,
        line_end: str = "\n",
    ) -> None:
        super().__init__(chance)
        self._server = server
        self._obfuscated = obfuscated
        self._logprobs = logprobs
        self._line_end = line_end
        self._head: Json = {
            "id": self.new("chatcmpl-", 29),
            "object": "chat.completion.chunk",
            "created": self.now,
            **_SERVERS[server],
        }

    def text(self, deltas: int) -> Iterator[bytes]:
        """Give a completion with a message of DELTAS deltas."""
        yield from self._begin()
        yield from self._message(deltas)
        yield from self._end("stop")

    def thinking(self, deltas: int) -> Iterator[bytes]:
        """Give a completion with reasoning of DELTAS deltas, and a short message."""
        yield from self._begin()
        yield from self._reasoning(deltas)
        yield from self._message(CITING[1])
        yield from self._end("stop")

    def calling(self, deltas: int) -> Iterator[bytes]:
        """Give a completion with one call of a function of DELTAS deltas."""
        yield from self._begin()
        yield from self._call(0, deltas)
        yield from self._end("tool_calls")

    def tools(self, deltas: int) -> Iterator[bytes]:
        """Give a completion with DELTAS deltas of reasoning and arguments, and a message."""
        yield from self._begin()
        part = deltas // 5
        yield from self._reasoning(part)
        yield from self._message(CITING[0])
        for index, count in enumerate((2 * part, deltas - 3 * part)):
            yield from self._call(index, count)
        yield from self._end("tool_calls")

    # --- Frames -------------------------------------------------------------------------

    def _chunk(
        self,
        choices: list[Json],
        said: str = "",
        usage: Json | None = None,
        *,
        escape: bool = False,
    ) -> bytes:
        """Make a chunk."""
        chunk: Json = {**self._head, "choices": choices}
        chunk["usage"] = self._usage() if self._server == "vllm" else usage
        if self._obfuscated:
            chunk["obfuscation"] = self.obfuscation(said)
        return frame(None, chunk, escape=escape, line_end=self._line_end)

    def _delta(
        self,
        delta: Json,
        said: str = "",
        *,
        escape: bool = False,
        logprobs: Json | None = None,
    ) -> bytes:
        """Make a chunk with DELTA of the only choice, which says SAID."""
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}
        return self._chunk([choice], said, escape=escape)

    def _begin(self) -> Iterator[bytes]:
        """Give the first chunk."""
        first: Json = {"content": ""}
        if self._server == "openai":
            first["refusal"] = None
        elif self._server == "deepseek":
            first = {"content": None, "reasoning_content": ""}
        yield self._delta({"role": "assistant", **first})

    def _end(self, reason: str) -> Iterator[bytes]:
        """Give the chunk with the REASON of the end, and what follows."""
        at_once = self._server == "deepseek"
        delta = {"content": "", "reasoning_content": None} if at_once else {}
        choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        yield self._chunk([choice], usage=self._usage() if at_once else None)
        if not at_once:
            yield self._chunk([], usage=self._usage())
        yield f"data: [DONE]{self._line_end}{self._line_end}".encode()

    def _message(self, deltas: int) -> Iterator[bytes]:
        """Give DELTAS deltas of text."""
        last: Json = {"reasoning_content": None} if self._server == "deepseek" else {}
        for said in self.pieces(deltas, self.texts):
            sure = {"content": [logprob(said, self.chance)], "refusal": None}
            yield self._delta(
                {"content": said, **last},
                said,
                escape=self.escaped(),
                logprobs=sure if self._logprobs else None,
            )

    def _reasoning(self, deltas: int) -> Iterator[bytes]:
        """Give DELTAS deltas of reasoning."""
        for said in self.pieces(deltas, self.reasoning):
            delta = {"content": None, "reasoning_content": said}
            yield self._delta(delta, said, escape=self.escaped())

    def _call(self, index: int, deltas: int) -> Iterator[bytes]:
        """Give the call INDEX, its arguments in DELTAS deltas."""
        made = arguments(self.chance, deltas)
        function: Json = {"name": FUNCTIONS[index], "arguments": ""}
        call: Json = {"index": index, "id": self.new("call_"), "type": "function"}
        yield self._delta({"tool_calls": [{**call, "function": function}]})
        for said in cut(self.chance, made, deltas):
            yield self._delta({"tool_calls": [{"index": index, "function": {"arguments": said}}]})
        self.arguments.append(made)

    def _usage(self) -> Json:
        """Make the account of tokens so far, as the server does."""
        got: Json = {"prompt_tokens": 26}
        if self._server == "vllm":
            return {**got, "total_tokens": 26 + self.deltas, "completion_tokens": self.deltas}
        got |= {"completion_tokens": self.deltas, "total_tokens": 26 + self.deltas}
        if self._server == "deepseek":
            got["prompt_tokens_details"] = {"cached_tokens": 0}
            got["completion_tokens_details"] = {"reasoning_tokens": 34}
            return {**got, "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 26}
        got["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
        got["completion_tokens_details"] = {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
        return got
