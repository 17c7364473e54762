"""The streams of the Responses wire, in the shapes that OpenAI sends.

The keys of an event follow its type in alphabetical order, each event has the next
``sequence_number``, and each delta an ``obfuscation`` unless that was switched off. T has 5,000
deltas: a summary of the reasoning in two parts, a message with citations, and then the arguments
of two functions at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from tests.benchmarks.frames import CITING, FUNCTIONS, Json, Made, frame, logprob
from tests.benchmarks.texts import arguments, cut

__all__ = ["ResponsesRun"]

#: Parts of a summary.
_PARTS: Final = 2


class ResponsesRun(Made):
    """One response: gives its frames in order, and knows what was said.

    Args:
        chance: What everything is drawn from.
        obfuscated: Whether deltas have an ``obfuscation``.
        logprobs: Whether deltas of text have the probability of each token.
    """

    def __init__(
        self, chance: random.Random, *, obfuscated: bool = True, logprobs: bool = False
    ) -> None:
        super().__init__(chance)
        self._obfuscated = obfuscated
        self._logprobs = logprobs
        self._id = self.new("resp_", 48)
        self._number = 0
        self._tools: list[Json] = []
        self._output: list[Json] = []

    def text(self, deltas: int) -> Iterator[bytes]:
        """Give a response with one message of DELTAS deltas."""
        yield from self._begin()
        yield from self._message(deltas, cite_every=0)
        yield self._end()

    def thinking(self, deltas: int) -> Iterator[bytes]:
        """Give a response with a summary of DELTAS deltas, and a short message."""
        yield from self._begin()
        yield from self._summary(deltas, parts=1)
        yield from self._message(CITING[1], cite_every=0)
        yield self._end()

    def calling(self, deltas: int) -> Iterator[bytes]:
        """Give a response with one call of a function of DELTAS deltas."""
        self._tools = [_tool(FUNCTIONS[0])]
        yield from self._begin()
        yield from self._call(FUNCTIONS[0], deltas)
        yield self._end()

    def tools(self, deltas: int) -> Iterator[bytes]:
        """Give a response with DELTAS deltas of reasoning and arguments, and a message."""
        self._tools = list(map(_tool, FUNCTIONS))
        yield from self._begin()
        part = deltas // 5
        yield from self._summary(part, parts=_PARTS)
        yield from self._message(CITING[0], cite_every=CITING[1])
        for name, count in zip(FUNCTIONS, (2 * part, deltas - 3 * part), strict=True):
            yield from self._call(name, count)
        yield self._end()

    # --- Frames -------------------------------------------------------------------------

    def _event(self, kind: str, *, escape: bool = False, **fields: Any) -> bytes:
        """Make the next event."""
        keys = {**fields, "sequence_number": self._number}
        self._number += 1
        name = f"response.{kind}"
        return frame(name, {"type": name, **dict(sorted(keys.items()))}, escape=escape)

    def _delta(self, kind: str, said: str, place: Json, *, escape: bool = False) -> bytes:
        """Make a delta that says SAID of what is at PLACE."""
        hidden = {"obfuscation": self.obfuscation(said)} if self._obfuscated else {}
        return self._event(f"{kind}.delta", escape=escape, delta=said, **place, **hidden)

    def _begin(self) -> Iterator[bytes]:
        """Give the first two events."""
        yield self._event("created", response=self._response("in_progress"))
        yield self._event("in_progress", response=self._response("in_progress"))

    def _end(self) -> bytes:
        """Make the last event."""
        return self._event("completed", response=self._response("completed"))

    def _item(self, item: Json, begun: Json) -> Iterator[bytes]:
        """Give the event of an item that is BEGUN; ITEM is what it will be."""
        yield self._event("output_item.added", output_index=len(self._output), item=begun)
        self._output.append(item)

    def _item_done(self) -> bytes:
        """Make the event that the last item is complete."""
        return self._event(
            "output_item.done", output_index=len(self._output) - 1, item=self._output[-1]
        )

    def _message(self, deltas: int, *, cite_every: int) -> Iterator[bytes]:
        """Give a message of DELTAS deltas, and a citation after every so many."""
        item: Json = {"id": self.new("msg_", 48), "type": "message", "status": "in_progress"}
        item |= {"content": [], "role": "assistant"}
        yield from self._item(item, dict(item))
        place: Json = {"item_id": item["id"], "output_index": len(self._output) - 1}
        place["content_index"] = 0
        part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        yield self._event("content_part.added", part=part, **place)
        noted: list[Json] = []
        sure: list[Json] = []
        for index, said in enumerate(self.pieces(deltas, self.texts)):
            known = [logprob(said, self.chance)] if self._logprobs else []
            sure += known
            yield self._delta(
                "output_text", said, {**place, "logprobs": known}, escape=self.escaped()
            )
            if cite_every and index % cite_every == cite_every - 1:
                note: Json = {"type": "file_citation", "file_id": self.new("file-", 22)}
                note |= {"filename": "notes.txt", "index": index}
                yield self._event(
                    "output_text.annotation.added",
                    annotation=note,
                    annotation_index=len(noted),
                    **place,
                )
                noted.append(note)
        text = self.texts[-1]
        part = {"type": "output_text", "annotations": noted, "logprobs": sure, "text": text}
        yield self._event("output_text.done", logprobs=sure, text=text, **place)
        yield self._event("content_part.done", part=part, **place)
        item |= {"status": "completed", "content": [part]}
        yield self._item_done()

    def _summary(self, deltas: int, *, parts: int) -> Iterator[bytes]:
        """Give a summary of the reasoning in PARTS, of DELTAS deltas together."""
        item: Json = {"id": self.new("rs_", 48), "type": "reasoning", "summary": []}
        yield from self._item(item, dict(item, summary=[]))
        for index in range(parts):
            place: Json = {"item_id": item["id"], "output_index": len(self._output) - 1}
            place["summary_index"] = index
            part = {"type": "summary_text", "text": ""}
            yield self._event("reasoning_summary_part.added", part=part, **place)
            count = deltas // parts if index else deltas - (parts - 1) * (deltas // parts)
            for said in self.pieces(count, self.reasoning):
                yield self._delta("reasoning_summary_text", said, place, escape=self.escaped())
            part = {"type": "summary_text", "text": self.reasoning[-1]}
            yield self._event("reasoning_summary_text.done", text=part["text"], **place)
            yield self._event("reasoning_summary_part.done", part=part, **place)
            item["summary"].append(part)
        yield self._item_done()

    def _call(self, function: str, deltas: int) -> Iterator[bytes]:
        """Give a call of FUNCTION, its arguments in DELTAS deltas."""
        made = arguments(self.chance, deltas)
        item: Json = {"id": self.new("fc_", 48), "type": "function_call", "status": "in_progress"}
        item |= {"arguments": "", "call_id": self.new("call_"), "name": function}
        yield from self._item(item, dict(item))
        place = {"item_id": item["id"], "output_index": len(self._output) - 1}
        for said in cut(self.chance, made, deltas):
            yield self._delta("function_call_arguments", said, place)
        self.arguments.append(made)
        yield self._event("function_call_arguments.done", arguments=made, **place)
        item |= {"status": "completed", "arguments": made}
        yield self._item_done()

    # --- Objects ------------------------------------------------------------------------

    def _response(self, status: str) -> Json:
        """Make the response object."""
        ended = status == "completed"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self.now,
            "status": status,
            "background": False,
            "completed_at": self.now + 1 if ended else None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "instructions": "You are a helpful assistant.",
            "max_output_tokens": None,
            "max_tool_calls": None,
            "model": "gpt-4o-mini-2024-07-18",
            "output": list(self._output),
            "parallel_tool_calls": True,
            "presence_penalty": 0.0,
            "previous_response_id": None,
            "prompt_cache_key": None,
            "prompt_cache_retention": "in_memory",
            "reasoning": {"effort": None, "summary": None},
            "safety_identifier": None,
            "service_tier": "default",
            "store": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": self._tools,
            "top_logprobs": 0,
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": _usage(22, self.deltas) if ended else None,
            "user": None,
            "metadata": {},
        }


def _usage(put: int, got: int) -> Json:
    """Make the account of tokens."""
    return {
        "input_tokens": put,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": got,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": put + got,
    }


def _tool(name: str) -> Json:
    """Make the tool that a response lists."""
    parameters: Json = {"type": "object", "properties": {}, "required": []}
    tool = {"type": "function", "description": f"{name}.", "name": name}
    return {**tool, "parameters": parameters, "strict": False}
