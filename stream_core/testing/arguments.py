"""Arguments for a function call, filled in from the user's text.

Rules of this file:

- Pure and deterministic.
- The arguments fit the schema as far as the default responder needs:
  enum, const, default, the JSON types, ranges' minimum, nested objects and arrays.
- Only required properties are filled in, and others whose enum value is in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["fill_arguments"]

_QUOTED = re.compile(r"[\"“«„]([^\"”»“]+)[\"”»“]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PREPOSITION = r"\b(?:in|at|for|of|from|to|about|on)\s+"
# A name: words that begin with a capital, joined by spaces or commas.
_CAPITALS = r"[A-ZÀ-ÖØ-Þ][\w'’-]*(?:,?\s+[A-ZÀ-ÖØ-Þ][\w'’-]*)*"
_PLACE = re.compile(_PREPOSITION + f"({_CAPITALS})")
_AFTER = re.compile(_PREPOSITION + r"([^\s?!.,;:]+)")


def fill_arguments(parameters: Mapping[str, Any] | None, text: str) -> dict[str, Any]:
    """Make arguments for a function.

    Args:
        parameters: The function's JSON schema, or None for a function without any.
        text: The user's text.
    """
    schema = parameters or {}
    required = schema.get("required") or []
    return {
        name: _value(property_schema, text)
        for name, property_schema in (schema.get("properties") or {}).items()
        if name in required or _said(property_schema, text) is not None
    }


def _value(schema: Mapping[str, Any], text: str) -> Any:
    """Make one value."""
    value = _said(schema, text)
    if value is not None:
        return value
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    return schema["enum"][0] if schema.get("enum") else _typed(schema, text)


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    """Make a value of the schema's type."""
    kind = schema.get("type", "string")
    if isinstance(kind, list):  # such as ["string", "null"]
        kind = kind[0]
    match kind:
        case "integer" | "number":
            number = _number(schema, text)
            return int(number) if kind == "integer" else number
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            return [_value(schema.get("items") or {}, text)]
        case "object":
            return fill_arguments(schema, text)
        case _:
            return _string(text)


def _said(schema: Mapping[str, Any], text: str) -> Any:
    """Return the enum value that is in the text, or None."""
    lower = text.lower()
    return next(
        (value for value in schema.get("enum") or () if str(value).lower() in lower),
        None,
    )


def _number(schema: Mapping[str, Any], text: str) -> float:
    """Return the first number of the text, not below the schema's minimum."""
    found = _NUMBER.search(text)
    word = found.group() if found else "1"
    number: float = float(word) if "." in word else int(word)
    minimum: float = schema.get("minimum", number)
    return max(number, minimum)


def _string(text: str) -> str:
    """Return quoted words, else a name after a preposition, else a word after one, else all."""
    for pattern in (_QUOTED, _PLACE, _AFTER):
        found = pattern.search(text)
        if found:
            return found.group(1)
    return text
