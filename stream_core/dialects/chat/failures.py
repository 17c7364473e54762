"""Errors on the Chat Completions wire, in whatever dress they come.

Rules of this file:

- A chunk with an error is both: ``{"choices": [...], "error": {...}}`` (OpenRouter),
  ``x_groq.error`` (Groq), ``choices[].error``, ``base_resp`` (MiniMax).
- A frame that is not a chunk is an error if it says so: ``error``, ``errors``, the type or the
  object ``error``; or if it has a code that is not one of success and a message (DashScope,
  Baidu).
- ``"error": ""``, null, ``{}``, ``[]`` and false are not errors, unless the frame says nothing
  else.
- Lines that are not Server-Sent Events can be errors: ``error: {...}`` (llama.cpp), and a bare
  ``{"error": ...}``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stream_core.convert.json_text import loads
from stream_core.dialects.assistants import read_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core import models
    from stream_core.sse import IgnoredLine

__all__ = ["failure_in", "failure_in_lines", "failure_of", "make_error"]

#: Values of ``error`` that mean that there is none.
_NONE: tuple[Any, ...] = (None, "", False, 0, [], {})

#: Codes of success.
_FINE = ("", "0", "200", "ok", "success", "none", "null")

#: Names of code and message in frames that are errors without saying so.
_CODES = ("code", "error_code", "status_code", "status")
_MESSAGES = ("message", "error_msg", "error_message", "msg", "status_msg", "detail")


def failure_in(chunk: dict[str, Any]) -> Any:
    """Return the error in CHUNK, which has choices, or None: something for ``make_error``."""
    groq, base = chunk.get("x_groq"), chunk.get("base_resp")
    if chunk.get("error") not in _NONE:
        return chunk
    if isinstance(groq, dict) and groq.get("error") not in _NONE:
        return groq
    return base if isinstance(base, dict) and _tells_code(base) else None


def failure_of(value: dict[str, Any]) -> Any:
    """Return the error that VALUE, which is not a chunk, is; or None."""
    found = failure_in(value)
    if found is not None:
        return found
    if "error" in (value.get("object"), value.get("type")):
        return value
    if value.keys() == {"error"} and value["error"] is not None:
        return value
    errors = value.get("errors")
    if errors not in _NONE:
        return {"error": errors[0]} if isinstance(errors, list) else {"error": errors}
    says = any(isinstance(value.get(name), str) for name in _MESSAGES)
    return value if says and _tells_code(value) else None


def _tells_code(value: dict[str, Any]) -> bool:
    """Return whether VALUE has a code, and the code is not one of success."""
    codes = [value.get(name) for name in _CODES[:3]]
    told = [str(x).lower() for x in codes if isinstance(x, str | int) and x is not False]
    return any(code not in _FINE for code in told)


def failure_in_lines(lines: Iterable[IgnoredLine]) -> Any:
    """Return the error in LINES, which the standard ignores, or None."""
    for line in lines:
        name, colon, text = line.text.partition(":")
        if name == "error" and colon and text.strip():
            value = _json_or_text(text.strip())
            if value not in _NONE:
                return value if isinstance(value, dict) else {"error": value}
        if line.text.startswith("{"):
            value = _json_or_text(line.text)
            if isinstance(value, dict) and failure_of(value) is not None:
                return value
    return None


def _json_or_text(text: str) -> Any:
    """Return the value of TEXT, or TEXT itself if it is not JSON."""
    try:
        return loads(text)
    except ValueError:
        return text


def make_error(value: Any) -> models.Error:
    """Return the error in VALUE; what is beside it counts if it does not say that itself."""
    if not isinstance(value, dict):
        return read_error(value)
    inner = value.get("error")
    if isinstance(inner, list) and inner:
        inner = inner[0]
    if inner in _NONE:
        outer = {key: item for key, item in value.items() if key != "error"}
        return read_error(_named(outer))
    made = _named(inner) if isinstance(inner, dict) else {"message": _text(inner)}
    beside = _named(value)
    for key in ("message", "code", "param", "type"):
        if made.get(key) in _NONE and beside.get(key) not in (*_NONE, "error"):
            made[key] = beside[key]
    return read_error(made)


def _named(value: dict[str, Any]) -> dict[str, Any]:
    """Return VALUE with its code and its message under the names of errors."""
    made = dict(value)
    for key, names in (("code", _CODES), ("message", _MESSAGES)):
        if made.get(key) in _NONE:
            found = (value[name] for name in names if value.get(name) not in _NONE)
            made[key] = next(found, made.get(key))
    return made


def _text(value: Any) -> str:
    """Return VALUE if it is a string, else its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
