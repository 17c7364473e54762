"""Rows of the Chat Completions wire: texts and reasoning under many names, and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fuzz.rows import Chance, Row, Wire

if TYPE_CHECKING:
    from tests.support.frames import Frame

__all__ = ["CHAT"]

#: How a text stands in a delta: its key, and what is beside it.
_DELTAS: tuple[tuple[str, dict[str, Any]], ...] = (
    *[("content", {})] * 5,
    ("content", {"role": "assistant"}),
    ("content", {"role": "assistant", "reasoning_content": None, "tool_calls": None}),
    ("content", {"reasoning_content": "", "refusal": None, "tool_calls": []}),
    ("content", {"reasoning": "also "}),
    ("content", {"role": "tool"}),
    ("content", {"function_call": None}),
    *[("reasoning_content", {})] * 2,
    ("reasoning_content", {"content": None, "role": "assistant"}),
    ("reasoning_content", {"content": ""}),
    ("reasoning", {"content": ""}),
    ("reasoning", {}),
    ("reasoning", {"content": "", "reasoning_details": []}),
    ("reasoning_text", {}),
    ("thinking", {}),
    ("refusal", {}),
    ("refusal", {"content": None}),
)


class _Chat(Row):
    """What chunks have in common."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._beside: dict[str, Any] = {}
        if chance.random() < 0.5:
            self._beside = {"created": 17, "model": "m", "system_fingerprint": "fp_1"}
        if chance.random() < 0.3:
            self._beside["usage"] = None
        self._ends = {"logprobs": None, "finish_reason": None} if chance.random() < 0.6 else {}
        self._choice = 1 if chance.random() < 0.04 else 0
        self._many = chance.random() < 0.03
        self._used = 0 if chance.random() < 0.15 else None

    def chunk(self, delta: Any, **end: Any) -> Frame:
        """Return the frame of a chunk with DELTA."""
        choice = {"index": self._choice, "delta": delta, **self._ends, **end}
        choices = [choice, {**choice, "index": 1}] if self._many else [choice]
        sent = {"id": "chatcmpl_1", "object": "chat.completion.chunk", **self._beside}
        if self._used is not None:
            self._used += 1
            sent["usage"] = {"prompt_tokens": 3, "completion_tokens": self._used}
        return "", {**sent, "choices": choices}


class _Text(_Chat):
    """Text, refusal or reasoning."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._key, self._extra = chance.choice(_DELTAS)
        self._form = chance.choice(("text",) * 12 + ("list", "object", "completion"))
        self._first = chance.random() < 0.5

    def begin(self) -> list[Frame]:
        return (
            [self.chunk({"role": "assistant", "content": ""})] if self.chance.random() < 0.5 else []
        )

    def piece(self, made: Any) -> list[Frame]:
        self._note(made)
        if self._form == "completion":
            name, sent = self.chunk(None)
            sent["choices"] = [{"index": 0, "text": made, **self._ends}]
            return [(name, sent)]
        if self._form == "list":
            made = [{"type": "text", "text": made}]
        elif self._form == "object" and self._key != "content":
            made = {"text": made}
        mine = {self._key: made}
        return [self.chunk({**mine, **self._extra} if self._first else {**self._extra, **mine})]


class _Call(_Chat):
    """The arguments of a call; some servers repeat its id or its name, or leave the index out."""

    is_json = True

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._index = chance.choice((0, 0, 0, 1, 2))
        self._kind = chance.choice(("function",) * 8 + ("custom", "deprecated"))
        self._keeps: dict[str, Any] = {}
        for key, value in (("index", self._index), ("type", "function"), ("id", self._id)):
            if chance.random() < (0.85 if key == "index" else 0.2):
                self._keeps[key] = value
        if "id" in self._keeps and chance.random() < 0.3:
            self._keeps["id"] = chance.choice(("", None, "call_9", "null"))
        self._name = chance.choice((None,) * 8 + ("", "f", "g"))
        self._two = chance.random() < 0.05
        self._more = chance.choice((None,) * 8 + ("obfuscation", "logprobs", "extra_content"))
        self._content = chance.choice(({},) * 5 + ({"content": None}, {"content": ""}))

    @property
    def _id(self) -> str:
        return f"call_{self._index}"

    def _fragment(self, made: Any, **fields: Any) -> dict[str, Any]:
        key = "input" if self._kind == "custom" else "arguments"
        function = {} if fields.get("name") is None else {"name": fields["name"]}
        about = {x: y for x, y in fields.items() if x != "name"}
        kind = "custom" if self._kind == "custom" else "function"
        return {**about, kind: {**function, key: made}}

    def _delta(self, *fragments: dict[str, Any]) -> Frame:
        if self._kind == "deprecated":
            return self.chunk({"function_call": fragments[0]["function"]})
        return self.chunk({**self._content, "tool_calls": [*fragments]})

    def begin(self) -> list[Frame]:
        if self.chance.random() < 0.1:
            return []
        about = {"index": self._index, "id": self._id, "type": "function"}
        if self.chance.random() < 0.1:
            pieces = [self._fragment("", **about, name=x) for x in ("f", "ull")]
            return [self._delta(x) for x in pieces]
        return [self._delta(self._fragment("", **about, name="f"))]

    def piece(self, made: Any) -> list[Frame]:
        self._note(made)
        more = {} if self._more is None else {self._more: "x" * self.chance.randint(0, 9)}
        fragments = [self._fragment(made, **self._keeps, **more, name=self._name)]
        if self._two:
            fragments.append(self._fragment("x", index=self._index + 1))
        return [self._delta(*fragments)]


def _begin(chance: Chance, number: int) -> list[Frame]:
    del number
    chunk = _Chat(chance).chunk({"role": "assistant", "content": ""})
    return [chunk] if chance.random() < 0.7 else []


def _end(chance: Chance, rows: list[Row], calls: bool) -> list[Frame]:
    del rows
    last = _Chat(chance)
    reason = "tool_calls" if calls else chance.choice(("stop", "stop", "tool_calls", "length"))
    function = {"name": "f", "arguments": "{}"}
    called = {
        "tool_calls": [{"index": 9, "id": "call_9", "type": "function", "function": function}]
    }
    frames = [last.chunk(called if calls else {}, finish_reason=reason)]
    if chance.random() < 0.4:
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        frames.append(("", {"id": "chatcmpl_1", "choices": [], "usage": usage}))
    return [*frames, ("", "[DONE]")][: chance.choice((1, 2, 3, 3, 3))]


#: The wire.
CHAT = Wire((_Text, _Text, _Call), _begin, _end)
