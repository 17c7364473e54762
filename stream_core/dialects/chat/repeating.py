"""Which chunks of the Chat Completions wire bring one piece of text, and can come again.

Rules of this file:

- The rest of such a chunk means nothing, or the same each time: it was decoded once, and gave no
  other event. What would be kept each time (a field that a server wants back, a reason to end, an
  error, a name) makes it another chunk.
- Only values at places where nobody reads them are skipped: a key of the same name elsewhere, in a
  tool call for example, may be kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from stream_core.dialects import DeltaRow

from .content import REASONING
from .fragments import NO_ID

__all__ = ["RepeatedPiece", "read_piece"]

#: The keys of a choice that say something else if they are not empty.
_OTHER = ("finish_reason", "message", "messages", "text", "usage", "error")

#: What varies, by the key of the delta that has the piece.
_ROWS = {
    name: DeltaRow(
        "arguments" if name == "tool_calls" else name, ("obfuscation", "logprobs"), taken="usage"
    )
    for name in ("content", "tool_calls", *REASONING[:4])
}

#: The keys of a fragment of a call; others are kept.
_CALL_KEYS = {"index", "id", "type", "function"}


class RepeatedPiece(NamedTuple):
    """The piece of text that a chunk brings, and nothing else.

    Attributes:
        name: The key of the delta that has it.
        row: What may vary in the chunk.
        call: Id and index of the fragment of a call, if it is one; "" and None if it has none.
    """

    name: str
    row: DeltaRow
    call: tuple[str, int | None] | None


def read_piece(chunk: dict[str, Any]) -> RepeatedPiece | None:
    """Return the piece in CHUNK, from which one delta was made; None if there may be more."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(delta, dict):
        return None
    if any(choice.get(name) not in (None, "") for name in _OTHER):
        return None
    names = [name for name, value in delta.items() if value and name != "role"]
    if len(names) != 1 or names[0] not in _ROWS:
        return None
    name, call, piece = names[0], None, delta[names[0]]
    if name == "tool_calls":
        fragment = _fragment(piece)
        if fragment is None:
            return None
        call, piece = fragment
    if not isinstance(piece, str):
        return None
    keys = set()
    if "obfuscation" in chunk:
        keys.add("obfuscation")
    if "logprobs" in choice:
        keys.add("logprobs")
    if isinstance(chunk.get("usage"), dict):
        keys.add("usage")
    return RepeatedPiece(name, _ROWS[name].only(keys), call)


def _fragment(calls: Any) -> tuple[tuple[str, int | None], Any] | None:
    """Return id and index of the only fragment in CALLS, and its arguments; None if it has more."""
    call = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        return None
    if not (call.keys() <= _CALL_KEYS and function.keys() <= {"name", "arguments"}):
        return None
    call_id, index = call.get("id"), call.get("index")
    if function.get("name") or not isinstance(call_id, str | None):
        return None
    if index is not None and type(index) is not int:
        return None
    return ("" if call_id in NO_ID else call_id or "", index), function.get("arguments")
