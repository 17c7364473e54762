"""Rows of the Responses wire: everything that has a delta, with and without its item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fuzz.rows import Chance, Row, Wire

if TYPE_CHECKING:
    from tests.support.frames import Frame

__all__ = ["RESPONSES"]

#: The kinds of texts: name of the delta, type of the item, key of the index, and of the text.
_KINDS = (
    *[("output_text", "message", "content_index", "text")] * 4,
    ("text", "message", "content_index", "text"),
    ("refusal", "message", "content_index", "refusal"),
    *[("function_call_arguments", "function_call", "", "arguments")] * 3,
    ("custom_tool_call_input", "custom_tool_call", "", "input"),
    ("code_interpreter_call_code", "code_interpreter_call", "", "code"),
    ("mcp_call_arguments", "mcp_call", "", "arguments"),
    ("reasoning_text", "reasoning", "content_index", "text"),
    *[("reasoning_summary_text", "reasoning", "summary_index", "text")] * 2,
)


class _Text(Row):
    """A text of an item."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self.kind, self.type, self._place, self._key = chance.choice(_KINDS)
        self.is_json = self._key == "arguments"
        number = chance.choice((0, 0, 1))
        self.item_id = f"item_{self.type[:2]}_{number}"
        self._about: dict[str, Any] = {"item_id": self.item_id, "output_index": number}
        if self._place:
            self._about[self._place] = chance.choice((0, 0, 0, 1))
        if chance.random() < 0.15:
            del self._about[chance.choice(sorted(self._about))]
        self._padded = chance.random() < 0.4
        self._probable = self.kind == "output_text" and chance.random() < 0.5
        self._wrapped = chance.random() < 0.03

    @property
    def item(self) -> dict[str, Any]:
        """The item as it is."""
        made: dict[str, Any] = {"id": self.item_id, "type": self.type, "status": "completed"}
        if self.type == "message":
            part = {"type": "output_text", "text": self.said, "annotations": []}
            return made | {"role": "assistant", "content": [part]}
        if self.type == "reasoning":
            return made | {"summary": [{"type": "summary_text", "text": self.said}]}
        return made | {"call_id": f"call_{self.item_id}", "name": "f", self._key: self.said}

    def begin(self) -> list[Frame]:
        if self.chance.random() < 0.15:
            return []
        item = self.item | {"status": "in_progress"}
        item |= {key: [] for key in ("content", "summary") if key in item}
        place = {"output_index": self._about.get("output_index", 0)}
        frames = [self._frame("output_item.added", **place, item=item)]
        if self._place == "content_index" and self.chance.random() < 0.6:
            part = {"type": "output_text", "text": "", "annotations": []}
            frames.append(self._frame("content_part.added", **self._about, part=part))
        return frames

    def _frame(self, kind: str, **fields: Any) -> Frame:
        name = f"response.{kind}"
        return name, {"type": name, **fields}

    def piece(self, made: Any) -> list[Frame]:
        self._note(made)
        more: dict[str, Any] = {"logprobs": []} if self._probable else {}
        if self._padded:
            more["obfuscation"] = "x" * self.chance.randint(0, 9)
        if self._wrapped:
            made = {"text": made}
        return [self._frame(f"{self.kind}.delta", **self._about, delta=made, **more)]

    def end(self) -> list[Frame]:
        whole = self._frame(f"{self.kind}.done", **self._about, **{self._key: self.said})
        place = {"output_index": self._about.get("output_index", 0)}
        item = self._frame("output_item.done", **place, item=self.item)
        return [whole, item][self.chance.choice((0, 0, 1)) :]


def _response(kind: str, number: int, **fields: Any) -> Frame:
    name = f"response.{kind}"
    return name, {
        "type": name,
        "response": {"id": f"resp_{number}", "object": "response", **fields},
    }


def _begin(chance: Chance, number: int) -> list[Frame]:
    status = {"status": "in_progress", "model": "m", "output": []}
    both = [_response(kind, number, **status) for kind in ("created", "in_progress")]
    return both[: chance.choice((0, 1, 2, 2, 2))]


def _end(chance: Chance, rows: list[Row], calls: bool) -> list[Frame]:
    output = [x.item for x in rows if isinstance(x, _Text)]
    if calls:
        function = {"type": "function_call", "id": "fc_9", "call_id": "call_9", "name": "f"}
        output.append(function | {"arguments": "{}"})
    kind = chance.choice(("completed", "completed", "completed", "incomplete", "failed"))
    kind = "completed" if calls else kind
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    output = output if chance.random() < 0.6 or calls else []
    return [_response(kind, 0, status=kind, output=output, usage=usage)]


#: The wire.
RESPONSES = Wire((_Text,), _begin, _end)
