r"""Halves of surrogate pairs: JSON escapes can spell one alone, and no encoding can write it.

Rules of this file:

- A character beyond U+FFFF may be sent as two escapes, ``\ud83d\ude00``. Servers that cut text
  by UTF-16 units send them in two deltas: the first half waits for the second.
- A half that stays alone becomes U+FFFD, the replacement character.
- A text without halves is returned as it is; nearly all texts are, and that costs one look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import fields, has

if TYPE_CHECKING:
    from re import Match

__all__ = ["can_encode", "has_halves", "mend", "split_half", "whole_text"]

#: A pair, or a half.
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")

#: The fields whose values are kept as the server sent them.
_AS_SENT = frozenset({"_extra", "raw"})


def has_halves(json_text: str) -> bool:
    """Return whether JSON_TEXT has an escape of a half, be it in a pair or alone."""
    return "\\u" in json_text and ("\\ud" in json_text or "\\uD" in json_text)


def can_encode(text: str) -> bool:
    """Return whether TEXT can be encoded."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole_text(text: str) -> str:
    """Return TEXT with each pair of halves joined, and U+FFFD for each half that is alone."""
    return text if can_encode(text) else _HALVES.sub(_mended, text)


def split_half(text: str) -> tuple[str, str]:
    """Return TEXT made whole, except for a first half at its end, and that half or ""."""
    if can_encode(text):
        return text, ""
    last = text[-1]
    half = last if "\ud800" <= last <= "\udbff" else ""
    return whole_text(text[:-1] if half else text), half


def mend(value: Any) -> Any:
    """Make every text in VALUE whole, at every depth; ``raw`` and ``extra`` stay as sent.

    Args:
        value: A field's value or a payload, which is changed in place.

    Returns:
        VALUE, or what takes its place.
    """
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [mend(item) for item in value]
    if isinstance(value, dict):
        return {mend(key): mend(item) for key, item in value.items()}
    if has(value.__class__):
        for attribute in fields(value.__class__):
            if attribute.name not in _AS_SENT:
                known = getattr(value, attribute.name)
                mended = mend(known)
                if mended is not known and mended != known:
                    setattr(value, attribute.name, mended)
    return value


def _mended(match: Match[str]) -> str:
    """Return the character that a pair means, or U+FFFD for a half."""
    halves = match.group()
    if len(halves) == 1:
        return "\ufffd"
    return halves.encode("utf-16", "surrogatepass").decode("utf-16")
