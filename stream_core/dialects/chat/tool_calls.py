"""Tool calls on the Chat Completions wire: which call a fragment belongs to.

Rules of this file:

- A fragment belongs to the call at its ``index``. Without an index (Mistral), the call is found
  by its id. Without an id either, a fragment alone in its chunk belongs to the newest call, and
  one among others to the call at its place.
- Several calls under one index (gateways to Gemini) are kept apart: another id begins another
  call, and so does a name that comes when the arguments are a complete object already. Another
  id without a name, but with arguments, continues the call: some servers make up an id for every
  fragment.
- Arguments are always appended. An id or a name that is sent again is not written again.
- A call without an id gets one, because its output has to be submitted under one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from stream_core import models
from stream_core.convert.json_text import loads
from stream_core.errors import DecodeError

from .chunks import ChunkToolCall

if TYPE_CHECKING:
    from stream_core.dialects.run_writer import StepWriter

    from .chunks import ChunkDelta

__all__ = ["ChatCalls", "Fragment", "read_fragments"]


@define
class Fragment:
    """A piece of a call.

    Attributes:
        place: Its place among the fragments of its chunk, or None if it is the only one.
        index: The index sent, or None.
        id: The id sent, or "".
        name: The name sent, or "".
        arguments: The piece of the arguments, or "".
        custom: Whether the tool is a custom one, whose input may be any text.
        extra: The fields that the server added.
    """

    place: int | None
    index: int | None
    id: str
    name: str
    arguments: str
    custom: bool
    extra: dict[str, Any]


def read_fragments(delta: ChunkDelta, path: str) -> list[Fragment]:
    """Return the fragments in DELTA, which was found at PATH, without the empty ones.

    The deprecated ``function_call`` counts as the call at index 0.

    Raises:
        DecodeError: The arguments of one are neither text nor an object.
    """
    calls, place = delta.tool_calls, "tool_calls[{}].function"
    if not calls and delta.function_call is not None:
        calls, place = [ChunkToolCall(0, function=delta.function_call)], "function_call"
    found = []
    for number, call in enumerate(calls):
        function, custom = call.function, call.custom
        name, arguments = (None, None) if function is None else (function.name, function.arguments)
        if custom is not None:
            name, arguments = custom.name, custom.input
        fragment = Fragment(
            place=number if len(calls) > 1 else None,
            index=call.index,
            id=call.id or "",
            name=name or "",
            arguments=_arguments_text(arguments, f"{path}.{place.format(number)}.arguments"),
            custom=custom is not None or call.type == "custom",
            extra=call.extra,
        )
        if fragment.id or fragment.name or fragment.arguments:
            found.append(fragment)
    return found


def _arguments_text(value: Any, path: str) -> str:
    """Return arguments as text; a few servers send the object itself."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, str):
        return value or ""
    raise DecodeError(
        "the data is not a ChatChunk",
        paths=[f"{path}: {json.dumps(value)[:60]} is not a string"],
    )


@define(eq=False)
class _Call:
    """The state of a call beyond what its step holds.

    Attributes:
        index: Its place in the step.
        custom: Whether it calls a custom tool.
        id: Its id as sent; "" if the server sent none.
        name: Its name so far.
        extra: The fields that the server added; Gemini wants its ``extra_content`` back.
    """

    index: int
    custom: bool
    id: str
    name: str
    extra: dict[str, Any] = field(factory=dict)


class ChatCalls:
    """The calls of one answer."""

    def __init__(self, step: StepWriter) -> None:
        """Begin without calls; STEP will write them."""
        self._step = step
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, fragment: Fragment, raw: Any) -> None:
        """Write FRAGMENT, which is part of the chunk RAW."""
        call = self._find(fragment)
        if call is None or self._begins_another(call, fragment):
            call = self._begin(fragment, raw)
        else:
            self._learn(call, fragment, raw)
        call.extra.update(fragment.extra)
        if fragment.arguments:
            self._step.arguments(call.index, fragment.arguments, raw)

    def to_messages(self) -> list[dict[str, Any]]:
        """Return the calls as an assistant message has them in ``tool_calls``."""
        messages = []
        for mine in self._calls:
            call: Any = self._step.calls[mine.index]
            kind, key = ("custom", "input") if mine.custom else ("function", "arguments")
            content = {"name": call.function.name, key: call.function.arguments}
            messages.append({**mine.extra, "id": call.id, "type": kind, kind: content})
        return messages

    def _find(self, fragment: Fragment) -> _Call | None:
        """Return the call that FRAGMENT may belong to, or None."""
        if fragment.index is not None:
            return self._by_index.get(fragment.index)
        if fragment.id:
            return next((x for x in self._calls if x.id == fragment.id), None)
        if fragment.place is not None:
            return self._by_index.get(fragment.place)
        return self._calls[-1] if self._calls else None

    def _begins_another(self, call: _Call, fragment: Fragment) -> bool:
        """Return whether FRAGMENT, sent in the place of CALL, begins another call."""
        if fragment.id and call.id:
            return fragment.id != call.id and bool(fragment.name or not fragment.arguments)
        again = fragment.name and fragment.arguments and call.name
        return bool(again) and self._is_whole(call)

    def _is_whole(self, call: _Call) -> bool:
        """Return whether the arguments of CALL are a complete JSON object."""
        known: Any = self._step.calls[call.index]
        arguments = known.function.arguments.rstrip()
        if not arguments.endswith("}"):
            return False
        try:
            loads(arguments)
        except ValueError:
            return False
        return True

    def _begin(self, fragment: Fragment, raw: Any) -> _Call:
        """Write the beginning of a call."""
        index = len(self._calls)
        call = _Call(index, fragment.custom, fragment.id, fragment.name)
        self._calls.append(call)
        key = fragment.place if fragment.index is None else fragment.index
        self._by_index[index if key is None else key] = call
        function = models.FunctionDelta(fragment.name or None, "")
        self._write(call, fragment.id or f"call_{index}", function, raw)
        return call

    def _learn(self, call: _Call, fragment: Fragment, raw: Any) -> None:
        """Write the id or the name of a call if it came only after the beginning."""
        late_id = fragment.id if not call.id else ""
        late_name = fragment.name if fragment.name != call.name else ""
        call.id, call.name = call.id or late_id, late_name or call.name
        if late_id or late_name:
            self._write(call, late_id or None, models.FunctionDelta(late_name or None), raw)

    def _write(
        self, call: _Call, call_id: str | None, function: models.FunctionDelta, raw: Any
    ) -> None:
        """Write a delta of CALL."""
        delta = models.FunctionToolCallDelta(call.index, call_id, "function", function)
        self._step.add(delta, raw)
