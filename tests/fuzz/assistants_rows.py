"""Rows of the Assistants wire: texts, refusals, arguments, code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fuzz.rows import Chance, Row, Wire
from tests.support.frames import call, message, message_delta, run, step, step_delta, text

if TYPE_CHECKING:
    from tests.support.frames import Frame

__all__ = ["ASSISTANTS"]


class _Text(Row):
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


class _Call(Row):
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


def _begin(chance: Chance, number: int) -> list[Frame]:
    del number
    return [run(x) for x in ("created", "queued", "in_progress") if chance.random() < 0.8]


def _end(chance: Chance, rows: list[Row], calls: bool) -> list[Frame]:
    del rows, calls
    status = chance.choice(("completed", "completed", "requires_action", "failed"))
    return [run(status), ("done", "[DONE]")][: chance.choice((1, 2, 2, 2))]


#: The wire.
ASSISTANTS = Wire((_Text, _Text, _Call), _begin, _end)
