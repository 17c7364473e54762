"""Arguments for a function call, filled in from the user's text.

Rules of this file:

- Pure and deterministic.
- The arguments fit the schema as far as the default responder needs:
  enum, const, default, the JSON types, ranges' minimum, nested objects and arrays.
- Only required properties are filled in, and others whose enum value is in the text.
- A schema may be any JSON value: what is not as JSON Schema says is left out of account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["fill_arguments"]

_QUOTED = re.compile(r"[\"“«„]([^\"”»“]+)[\"”»“]")
# Longer ones are not numbers to anybody, and Python refuses to read very long ones.
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?")
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
    schema = _mapping(parameters)
    required = _list(schema, "required")
    return {
        name: _value(property_schema, text)
        for name, property_schema in _mapping(schema.get("properties")).items()
        if name in required or _said(_mapping(property_schema), text) is not None
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a value if it is a mapping, or else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    """Return a schema's list, or an empty one if it is not a list."""
    value = schema.get(name)
    return value if isinstance(value, list) else []


def _value(given: Any, text: str) -> Any:
    """Make one value for a schema."""
    schema = _mapping(given)
    value = _said(schema, text)
    if value is not None:
        return value
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    choices = _list(schema, "enum")
    return choices[0] if choices else _typed(schema, text)


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    """Make a value of the schema's type."""
    kind = schema.get("type", "string")
    if isinstance(kind, list):  # such as ["string", "null"]
        kind = next(iter(kind), "string")
    match kind:
        case "integer" | "number":
            number = _number(schema, text)
            return int(number) if kind == "integer" else number
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            return [_value(schema.get("items"), text)]
        case "object":
            return fill_arguments(schema, text)
        case _:
            return _string(text)


def _said(schema: Mapping[str, Any], text: str) -> Any:
    """Return the enum value that is in the text, or None."""
    lower = text.lower()
    return next(
        (value for value in _list(schema, "enum") if str(value).lower() in lower),
        None,
    )


def _number(schema: Mapping[str, Any], text: str) -> float:
    """Return the first number of the text, not below the schema's minimum."""
    found = _NUMBER.search(text)
    word = found.group() if found else "1"
    number: float = float(word) if "." in word else int(word)
    minimum = schema.get("minimum")
    if isinstance(minimum, int | float):
        return max(number, minimum)
    return number


def _string(text: str) -> str:
    """Return quoted words, else a name after a preposition, else a word after one, else all."""
    for pattern in (_QUOTED, _PLACE, _AFTER):
        found = pattern.search(text)
        if found:
            return found.group(1)
    return text
