"""The arguments of a call, which come in pieces.

Rules of this file:

- They are whole if they are one JSON object. Nothing else is: not a text, not a number.
- What was delivered as deltas stays. But servers send the arguments again at the end, or all of
  them so far in each piece: then the pieces joined are not JSON, one of them alone is, and the
  others spell it, or its beginning, once or several times.
"""

from __future__ import annotations

import re
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from stream_core.convert.json_text import loads

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["can_follow", "is_whole", "meaning", "settled"]

#: How much of the end of a text shows whether it ends with a brace.
_END = 64

#: The rest of a text that is cut, from where a value should be; and from where a number ends.
_CUT_VALUE = re.compile(r"[\w.+-]*\s*\Z")
_CUT_NUMBER = re.compile(r"((?<=[0-9])[.eE][+-]?)?\s*\Z")

#: An escaped character that is cut.
_CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")


def is_whole(text: str) -> bool:
    """Return whether TEXT is a complete JSON object."""
    end = text[-_END:].rstrip()
    if end and not end.endswith("}"):
        return False
    try:
        return isinstance(loads(text), dict)
    except ValueError:
        return False


def meaning(text: str) -> Hashable:
    """Return what is equal for two texts if they are the same arguments, perhaps spelt in two ways.

    It can be looked up, so that calls need not be compared one by one.
    """
    return _frozen(loads(text)) if is_whole(text) else text


def _frozen(value: Any) -> Hashable:
    """Return VALUE, a JSON value, in a form that can be looked up."""
    if isinstance(value, dict):
        return "object", frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(map(_frozen, value))
    hashable: Hashable = value
    return hashable


def can_follow(text: str, piece: str) -> bool:
    """Return whether PIECE can be more of TEXT, rather than the beginning of other arguments.

    Only a PIECE that begins as arguments do is in doubt; then the two joined must begin as
    JSON does.
    """
    if not text or not piece.lstrip().startswith("{"):
        return True
    joined = text + piece
    try:
        loads(joined)
    except JSONDecodeError as error:
        if error.msg.startswith("Unterminated string") or _CUT_ESCAPE.search(joined):
            return True
        cut = _CUT_VALUE if error.msg == "Expecting value" else _CUT_NUMBER
        return error.msg != "Extra data" and cut.match(joined, error.pos) is not None
    except ValueError:
        return True
    return True


def settled(pieces: list[str]) -> str | None:
    """Return the arguments that PIECES mean, or None if these are the pieces joined."""
    whole = max(pieces, key=len, default="")
    if len(pieces) <= 1 or not is_whole(whole) or _is_json("".join(pieces)):
        return None
    # How far WHOLE may have been spelt by the pieces so far.
    places = {0}
    for piece in pieces:
        size = len(piece)
        further = {at + size for at in places if whole.startswith(piece, at)}
        places = further | ({size} if whole.startswith(piece) else set())
        if not places:
            return None
    return whole


def _is_json(text: str) -> bool:
    """Return whether TEXT is JSON."""
    try:
        loads(text)
    except ValueError:
        return False
    return True
