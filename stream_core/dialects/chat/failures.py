"""Errors on the Chat Completions wire, in whatever dress they come.

Rules of this file:

- A chunk with an error is both: ``{"choices": [...], "error": {...}}`` (OpenRouter),
  ``x_groq.error`` (Groq), ``choices[].error``, ``base_resp`` (MiniMax).
- A frame that is not a chunk is an error if it says so: under ``error`` or a word like it; by a
  type or an object that is an error; with ``success: false``; or if it has a code that is not one
  of success and a message (DashScope, Baidu), or a ``detail`` and nothing else (FastAPI).
- ``"error": ""``, null, ``{}``, ``[]`` and false, an error without a word in it and one that says
  ``ok`` are not errors, unless the frame says nothing else.
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

__all__ = ["ERRORS", "failure_in", "failure_in_lines", "failure_of", "is_failure", "make_error"]

#: The names, in lower case, of frames and keys that are errors.
ERRORS = ("error", "errors", "err", "exception", "fault", "fail", "failed", "failure")

#: Values of ``error`` that mean that there is none.
_NONE: tuple[Any, ...] = (None, "", False, 0, [], {})

#: Codes and messages of success.
_FINE = ("", "0", "200", "ok", "success", "none", "null")

#: The first HTTP status that is an error.
_BAD_STATUS = 400

#: How deep a value is searched for a word about an error.
_DEEPEST = 8

#: Names of code and message in frames that are errors without saying so.
_CODES = ("code", "error_code", "status_code", "errorCode", "statusCode", "Code", "status")
_MESSAGES = (
    *("message", "error_msg", "error_message", "errorMessage", "errmsg", "msg", "status_msg"),
    *("detail", "description", "Message", "faultstring"),
)

#: Those that only errors have.
_BAD_MESSAGES = ("error_msg", "error_message", "errorMessage", "errmsg")


def is_failure(value: Any, depth: int = _DEEPEST) -> bool:
    """Return whether VALUE, which stands where errors do, says that there is one."""
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return not depth or any(is_failure(item, depth - 1) for item in inside)
    return value not in _NONE and str(value).strip().lower() not in _FINE


def failure_in(chunk: dict[str, Any]) -> Any:
    """Return the error in CHUNK, which has choices, or None: something for ``make_error``."""
    error, groq, base = chunk.get("error"), chunk.get("x_groq"), chunk.get("base_resp")
    if error is not None and is_failure(error):
        return chunk
    if isinstance(groq, dict) and is_failure(groq.get("error")):
        return groq
    return base if isinstance(base, dict) and _tells_code(base) else None


def failure_of(value: dict[str, Any]) -> Any:
    """Return the error that VALUE, which is not a chunk, is; or None."""
    found = failure_in(value)
    if found is not None:
        return found
    if any(_is_error_name(value.get(key)) for key in ("object", "type", "event", "status")):
        return value
    if value.keys() == {"error"} and value["error"] is not None:
        return value
    for key, item in value.items():
        if key.lower() in ERRORS and is_failure(item):
            return {**value, "error": item[0] if isinstance(item, list) else item}
    if value.get("success") is False or value.get("ok") is False:
        return value
    if value.keys() == {"detail"} or any(is_failure(value.get(x)) for x in _BAD_MESSAGES):
        return value
    says = any(isinstance(value.get(name), str) for name in _MESSAGES)
    return value if says and _tells_code(value) else None


def _is_error_name(value: Any) -> bool:
    """Return whether VALUE, a type or the like, is that of an error."""
    if not isinstance(value, str):
        return False
    name = value.lower()
    return name in ERRORS or name.endswith(("_error", ".error", "-error"))


def _tells_code(value: dict[str, Any]) -> bool:
    """Return whether VALUE has a code, and the code is not one of success."""
    codes = [value.get(name) for name in _CODES[:-1]]
    told = [str(x).lower() for x in codes if isinstance(x, str | int) and x is not False]
    status = value.get("status")
    return any(code not in _FINE for code in told) or (
        type(status) is int and status >= _BAD_STATUS
    )


def failure_in_lines(lines: Iterable[IgnoredLine]) -> Any:
    """Return the error in LINES, which the standard ignores, or None."""
    for line in lines:
        name, colon, text = line.text.partition(":")
        if name.strip().lower() == "error" and colon and text.strip():
            value = _json_or_text(text.strip())
            if is_failure(value):
                return value if isinstance(value, dict) else {"error": value}
        elif line.text.lstrip().startswith(("{", "[")):
            value = _json_or_text(line.text)
            for item in value if isinstance(value, list) else [value]:
                failure = failure_of(item) if isinstance(item, dict) else None
                if failure is not None:
                    return failure
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
    beside = _named({key: item for key, item in value.items() if key != "error"})
    if isinstance(inner, dict):
        made = _named(inner)
    elif isinstance(inner, str) or beside.get("message") in _NONE:
        made = {"message": _text(inner)}
    else:
        made = {} if isinstance(inner, bool) else {"code": inner}
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
