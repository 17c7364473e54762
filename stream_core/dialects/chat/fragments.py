"""The fragments of tool calls in a delta of the Chat Completions wire.

Rules of this file:

- null, "null" and "" are not ids. An index may be a text. Anything else in their place is
  refused: a fragment must not be given to the wrong call.
- Arguments are text; an object with all of them becomes text.
- A fragment that says nothing is left out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import define

from .chunks import ChunkToolCall
from .content import wrong

if TYPE_CHECKING:
    from .chunks import ChunkDelta

__all__ = ["NO_ID", "Fragment", "read_fragments", "read_index"]

#: What servers write for an id that they do not have.
NO_ID = (None, "", "null", "None")

#: A text that is an index.
_DIGITS = re.compile(r"[0-9]{1,9}")


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
        function_extra: The fields that the server added to the function.
        only: Whether it is of the deprecated ``function_call``, of which there is only one.
    """

    place: int | None
    index: int | None
    id: str
    name: str
    arguments: str
    custom: bool
    extra: dict[str, Any]
    function_extra: dict[str, Any]
    only: bool


def read_fragments(delta: ChunkDelta, path: str) -> list[Fragment]:
    """Return the fragments in DELTA, which was found at PATH, without the empty ones.

    The deprecated ``function_call`` counts as the call at index 0.

    Raises:
        DecodeError: The arguments of one are neither text nor an object, or its id or index
            cannot be one.
    """
    calls, place = delta.tool_calls, "tool_calls[{}]"
    if not calls and delta.function_call is not None:
        calls, place = [ChunkToolCall(0, function=delta.function_call)], ""
    found = []
    for number, call in enumerate(calls):
        where = f"{path}.{place.format(number)}" if place else path
        function: Any = call.function if call.custom is None else call.custom
        name, arguments, extra = None, None, {}
        if function is not None:
            name, extra = function.name, function.extra
            arguments = call.custom.input if call.custom is not None else function.arguments
        key = "function" if place else "function_call"
        fragment = Fragment(
            place=number if len(calls) > 1 else None,
            index=call.index if type(call.index) is int else read_index(call.index, where),
            id=_read_id(call.id, where),
            name=name or "",
            arguments=_arguments_text(arguments, where, key),
            custom=call.custom is not None or call.type == "custom",
            extra=call.extra,
            function_extra=extra,
            only=not place,
        )
        if fragment.id or fragment.name or fragment.arguments or fragment.extra:
            found.append(fragment)
    return found


def read_index(value: Any, path: str) -> int | None:
    """Return an index, which may be a text or a float; None if it is missing.

    Args:
        value: As sent.
        path: Where the object is that has it.

    Raises:
        DecodeError: It is something else.
    """
    if value is None or value == "":
        return None
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise wrong(f"{path}.index", value, "an integer")


def _read_id(value: Any, path: str) -> str:
    """Return the id of the call at PATH, or "" if it has none; some servers number calls."""
    if isinstance(value, str | None):
        return "" if value in NO_ID else value or ""
    if type(value) is int:
        return str(value)
    raise wrong(f"{path}.id", value, "a string")


def _arguments_text(value: Any, path: str, key: str) -> str:
    """Return arguments, under KEY at PATH, as text; a few servers send the object itself."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    raise wrong(f"{path}.{key}.arguments", value, "a string")
