"""Rows of deltas, on every wire: one text that grows, as its server writes it.

Rules of this file:

- A row writes names and payloads, not bytes; what is done to single frames is in ``tricks``.
- Ids and indexes are few, so that rows meet in one message, step or call.
- A wire is three functions: its rows, the beginning of an answer, and its end.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from tests.support.frames import Frame, call, message, message_delta, run, step, step_delta, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Chance: TypeAlias = random.Random

__all__ = ["CLOSE", "OPEN", "ROWS", "Row"]


class Row:
    """One text that grows.

    Attributes:
        is_json: Whether it is the arguments of a function.
        said: What it said so far.
    """

    is_json = False

    def __init__(self, chance: Chance) -> None:
        """Make a row; its ids and indexes are chosen here."""
        self.chance = chance
        self.said = ""
        self._begun = False

    def begin(self) -> list[Frame]:
        """Return the frames before its first piece."""
        return []

    def piece(self, made: Any) -> list[Frame]:
        """Return the frame of one piece, which may be no text."""
        raise NotImplementedError

    def end(self) -> list[Frame]:
        """Return the frames after its last piece."""
        return []

    def json_piece(self, made: str, *, ends: bool) -> str:
        """Return MADE as a piece of an object, which ENDS with it."""
        inner = json.dumps(made, ensure_ascii=False)[1:-1]
        before, self._begun = self._begun, not ends
        return ("" if before else '{"q": "') + inner + ('"}' if ends else "")

    def _note(self, made: Any) -> None:
        if isinstance(made, str):
            self.said += made


# --- Assistants -------------------------------------------------------------------------


class _AssistantsText(Row):
    """A text or a refusal of a message."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self.id = f"msg_{chance.choice((1, 1, 2))}"
        self.index = chance.choice((0, 0, 0, 1, None))
        self._refuses = chance.random() < 0.15
        self._role = chance.choice((None, None, None, "assistant"))
        self._cites: list[Any] | None = chance.choice((None, None, []))

    def begin(self) -> list[Frame]:
        kinds = ("created", "in_progress") if self.chance.random() < 0.7 else ()
        return [message(kind, message_id=self.id) for kind in kinds]

    def piece(self, made: Any) -> list[Frame]:
        self._note(made)
        part: dict[str, Any] = {} if self.index is None else {"index": self.index}
        if self._refuses:
            part |= {"type": "refusal", "refusal": made}
        else:
            gained = {"value": made}
            if self._cites is not None:
                gained["annotations"] = list(self._cites)
            part |= {"type": "text", "text": gained}
        name, payload = message_delta(part, message_id=self.id)
        payload["object"] = name
        if self._role is not None:
            payload["delta"]["role"] = self._role
        return [(name, payload)]

    def end(self) -> list[Frame]:
        return [message("completed", text(self.said), message_id=self.id)]


class _AssistantsCall(Row):
    """The arguments of a function, or code."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self.id = f"step_{chance.choice((1, 1, 2))}"
        self.index = chance.choice((0, 0, 0, 1, None))
        self.is_json = chance.random() < 0.6
        self._repeats_id = chance.random() < 0.15

    def _delta(self, **fields: Any) -> Frame:
        if self.is_json:
            return step_delta(call(self.index, **fields), step_id=self.id)
        made: dict[str, Any] = {"index": self.index, "type": "code_interpreter"}
        made |= {"id": fields["id"]} if "id" in fields else {}
        made["code_interpreter"] = {"input": fields["arguments"]}
        return step_delta(made, step_id=self.id)

    def begin(self) -> list[Frame]:
        begun = [step("created", self.id, type="tool_calls")] if self.chance.random() < 0.7 else []
        first = {"id": f"call_{self.index}", "arguments": ""}
        if self.is_json:
            first["name"] = "f"
        return [*begun, self._delta(**first)]

    def piece(self, made: Any) -> list[Frame]:
        self._note(made)
        more = {"id": f"call_{self.index}"} if self._repeats_id else {}
        return [self._delta(**more, arguments=made)]

    def end(self) -> list[Frame]:
        return [step("completed", self.id)]


def _open_assistants(chance: Chance, number: int) -> list[Frame]:
    del number
    return [run(x) for x in ("created", "queued", "in_progress") if chance.random() < 0.8]


def _close_assistants(chance: Chance, rows: list[Row], *, calls: bool) -> list[Frame]:
    del rows, calls
    status = chance.choice(("completed", "completed", "requires_action", "failed"))
    return [run(status), ("done", "[DONE]")][: chance.choice((1, 2, 2, 2))]


# --- Responses --------------------------------------------------------------------------

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


class _ResponsesText(Row):
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


def _open_responses(chance: Chance, number: int) -> list[Frame]:
    status = {"status": "in_progress", "model": "m", "output": []}
    both = [_response(kind, number, **status) for kind in ("created", "in_progress")]
    return both[: chance.choice((0, 1, 2, 2, 2))]


def _close_responses(chance: Chance, rows: list[Row], *, calls: bool) -> list[Frame]:
    output = [x.item for x in rows if isinstance(x, _ResponsesText)]
    if calls:
        function = {"type": "function_call", "id": "fc_9", "call_id": "call_9", "name": "f"}
        output.append(function | {"arguments": "{}"})
    kind = chance.choice(("completed", "completed", "completed", "incomplete", "failed"))
    kind = "completed" if calls else kind
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    output = output if chance.random() < 0.6 or calls else []
    return [_response(kind, 0, status=kind, output=output, usage=usage)]


# --- Chat -------------------------------------------------------------------------------


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


class _ChatText(_Chat):
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


class _ChatCall(_Chat):
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
        fragments = [self._fragment(made, **self._keeps, name=self._name)]
        if self._two:
            fragments.append(self._fragment("x", index=self._index + 1))
        return [self._delta(*fragments)]


def _open_chat(chance: Chance, number: int) -> list[Frame]:
    del number
    chunk = _Chat(chance).chunk({"role": "assistant", "content": ""})
    return [chunk] if chance.random() < 0.7 else []


def _close_chat(chance: Chance, rows: list[Row], *, calls: bool) -> list[Frame]:
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


# --- The wires --------------------------------------------------------------------------

#: Wire -> its rows, some of them more often than others.
ROWS: dict[str, tuple[Callable[[Chance], Row], ...]] = {
    "assistants": (_AssistantsText, _AssistantsText, _AssistantsCall),
    "responses": (_ResponsesText,),
    "chat": (_ChatText, _ChatText, _ChatCall),
}

#: Wire -> what begins an answer, given its number among those of one run.
OPEN: dict[str, Callable[[Chance, int], list[Frame]]] = {
    "assistants": _open_assistants,
    "responses": _open_responses,
    "chat": _open_chat,
}

#: Wire -> what ends an answer with these rows; with ``calls``, it requires an action.
CLOSE: dict[str, Callable[..., list[Frame]]] = {
    "assistants": _close_assistants,
    "responses": _close_responses,
    "chat": _close_chat,
}
