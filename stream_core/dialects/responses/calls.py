"""The calls of a response that the caller answers, and what answers them if the server does.

Rules of this file:

- The arguments that a call begins with are not written at once: servers that send all of them,
  servers that send the first piece, and servers that stream them all afterwards begin like that.
  They are a first piece if they are unfinished and the deltas do not begin with them again.
- The server's last word on the arguments is that of the item's end. If it is not what the deltas
  joined to (a server may encrypt those), no delta says so: the finished call has it.
- If there is no last word, arguments that were sent again, or all of them so far in each piece,
  count once (see ``dialects.arguments``).
- A call whose output is in the same response was run by the server: nobody is to run it again.
- Arguments may be an object instead of a text; they become its JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import models
from stream_core.convert import json_text
from stream_core.dialects.arguments import settled
from stream_core.models.base import evolve
from stream_core.models.surrogates import split_half, whole_text

from . import objects as wire
from .alignment import rest_of
from .items import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.part_writers import StepWriter

__all__ = ["AnswerItem", "CallItem", "custom_calls"]


class CallItem(Item):
    """A call of a function or of a custom tool; all calls of one response share one step."""

    step: StepWriter
    number: int

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the call."""
        call = wire.read(wire.CallItem, item, path)
        if self.run.waiting is None:
            self.run.waiting = self.run.step(self.id)
        self.step = self.run.waiting
        self.number = len(self.step.calls)
        function = models.FunctionDelta(call.name or None, "")
        call_id = call.call_id or self.id
        custom: dict[str, Any] | None = None
        if self.type == "custom_tool_call":
            custom = {"custom": {}}  # its input may be any text
        delta = models.FunctionToolCallDelta(
            self.number, call_id, "function", function, extra=custom
        )
        self.step.add(delta, raw)
        self._promised = call.whole
        self._differs = self._is_whole = False
        self._pieces: list[str] = []

    @property
    def call_id(self) -> str:
        """The id of the call."""
        return self.step.calls[self.number].id or ""

    @property
    def function(self) -> models.Function:
        """The function of the call, as known so far."""
        call: Any = self.step.calls[self.number]  # begin() made it
        function: models.Function = call.function
        return function

    @property
    def sent(self) -> dict[str, Any]:
        """The item as sent, with the arguments that only deltas brought."""
        key = "input" if self.type == "custom_tool_call" else "arguments"
        stated, known = self.json.get(key), self.function.arguments
        is_beginning = isinstance(stated, str) and known.startswith(stated)
        if not known or (stated is not None and not is_beginning):
            return self.json
        named = {"type": self.type, "call_id": self.call_id, "name": self.function.name}
        return {**named, **self.json, key: self.function.arguments}

    def same(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM has the id of this call."""
        return item.get("call_id") == self.call_id

    def other_call(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM has another id than this call was announced with."""
        known, other = self.json.get("call_id"), item.get("call_id")
        return bool(known and other) and known != other

    def differs(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM is another call."""
        return self.other_call(item) or item.get("name") not in (None, "", self.function.name)

    @property
    def is_whole(self) -> bool:
        """Whether the server stated all of the arguments."""
        return self._is_whole

    @property
    def texts(self) -> list[str]:
        """The arguments so far."""
        return [self.function.arguments]

    def arguments(self, value: str, raw: Any) -> None:
        """Add a piece of the arguments."""
        if self._promised:
            first, self._promised = self._promised, ""
            if _is_first_piece(first, value):
                self._pieces.append(first)
                head, half = split_half(first)
                self.step.arguments(self.number, head)
                self._pieces.append(value)
                self.step.arguments(self.number, half + value, raw)
                return
        self._pieces.append(value)
        self.step.arguments(self.number, value, raw)

    def grower(self, index: int) -> Callable[[str], object] | None:
        """Return what keeps a piece of the arguments."""
        return self.step.grower(index, self._pieces)

    def complete(self, value: str) -> None:
        """Write what no delta brought of the arguments; VALUE is all of them."""
        value = whole_text(value)
        rest = rest_of(self.function.arguments, value)
        if rest:
            self._promised = ""
            self.arguments(rest, None)
        if value:
            self._is_whole = True
            self._replace(value)

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the call; its step stays open until there are outputs."""
        self.learn(item, path)
        self.finish(wire.read(wire.CallItem, item, path).whole or self._all)
        self.extend_done(raw)

    def learn(self, item: dict[str, Any], path: str) -> None:
        """Take the id and the name, if deltas came before them."""
        sent = wire.read(wire.CallItem, item, path)
        known = self.step.calls[self.number]
        new_id = sent.call_id if sent.call_id != known.id else ""
        name = "" if self.function.name else sent.name
        if new_id or name:
            named = models.FunctionDelta(name or None)
            self.step.add(
                models.FunctionToolCallDelta(self.number, new_id or None, "function", named)
            )

    def drop(self) -> None:
        """Use the arguments that the call began with, if nothing else came."""
        self.finish(self._all)

    @property
    def _all(self) -> str:
        """The arguments, if the server never states all of them; "" if they are the pieces."""
        if self._promised or self._is_whole or self.type == "custom_tool_call":
            return self._promised  # a custom tool takes any text
        return settled(self._pieces) or ""

    def finish(self, value: str) -> None:
        """Write the rest of the arguments; VALUE is all of them, or "" if nothing says so.

        If no delta says what they are, the call is done now.
        """
        self.complete(value)
        if self._differs:
            self._differs = False
            self.step.done(self.number)

    def _replace(self, value: str) -> None:
        """Make VALUE, the server's last word, the arguments."""
        call: Any = self.step.calls[self.number]
        if value != call.function.arguments:
            # A new object, because a text that has grown cannot be set.
            made = models.Function(call.function.name, value)
            self.step.calls[self.number] = evolve(call, function=made)
            self._differs = True


class AnswerItem(Item):
    """The output of a call, from a server that ran it itself."""

    def answer(self) -> None:
        """Take the output, as far as it and its call are known."""
        call_id = self.json.get("call_id")
        if isinstance(call_id, str) and call_id:
            output = self.json.get("output")
            self.run.answer(call_id, None if output is None else wire.json_of(output))


def custom_calls(tools: Any) -> tuple[bool, set[str]]:
    """Return which custom tools of the caller TOOLS, as sent or echoed, let a model call.

    Returns:
        Whether it may call any, because one of them is a custom tool; and the names of all of them.
        Tools may hold others.
    """
    any_name, names, left = False, set(), [tools]
    while left:
        for tool in wire.objects_in(left.pop()):
            function = tool.get("function")
            found = [tool.get("name"), function.get("name") if isinstance(function, dict) else None]
            names |= {x for x in found if isinstance(x, str)}
            any_name = any_name or tool.get("type") == "custom"
            left.append(tool.get("tools"))
    return any_name, names


def _is_first_piece(first: str, value: str) -> bool:
    """Return whether the arguments that begin with VALUE go on from FIRST."""
    if value.startswith(first) or first.startswith(value):
        return False
    try:
        json_text.loads(first)
    except ValueError:
        return True
    return False
