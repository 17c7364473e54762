"""The checks of request bodies, and their errors.

Rules of this file:

- Pure: a body in, wire values out, or `ApiError` with status 400 and the
  parameter at fault.
- The parameters that the API names are checked, whether or not the server uses them;
  unknown keys are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from .store import ApiError, Obj
from .tools import ClientAnswer

__all__ = ["check_fields", "check_outputs", "expect", "message_body", "parse_body", "require"]

_Kind: TypeAlias = type[Any] | tuple[type[Any], ...]

_TEXT_OR_OBJECT = (str, dict)
_SHARED: dict[str, _Kind] = {
    "model": str,
    "instructions": str,
    "tools": list,
    "tool_resources": dict,
    "metadata": dict,
    "temperature": float,
    "top_p": float,
    "reasoning_effort": str,
    "response_format": _TEXT_OR_OBJECT,
}
_FIELDS: dict[str, dict[str, _Kind]] = {
    "assistant": {"name": str, "description": str, **_SHARED},
    "thread": {"metadata": dict, "tool_resources": dict},
    "thread.message": {"metadata": dict},
    "thread.run": {"metadata": dict},
    # What a request for a run may have; of the run itself only the metadata can be changed.
    "new run": {
        **_SHARED,
        "additional_instructions": str,
        "max_completion_tokens": int,
        "max_prompt_tokens": int,
        "truncation_strategy": dict,
        "tool_choice": _TEXT_OR_OBJECT,
        "parallel_tool_calls": bool,
    },
}
#: Fields that null empties; with the others null is the same as a missing field.
_NULLABLE = {"name", "description", "instructions", "reasoning_effort"}
_TYPE_NAMES: dict[_Kind, str] = {
    str: "a string",
    list: "an array",
    dict: "an object",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    _TEXT_OR_OBJECT: "a string or an object",
}
_MOST_NESTED = 100  # far from where Python's own limit on recursion lies


def parse_body(body: bytes) -> Obj:
    """Parse a request's body; an empty one is an empty object.

    Raises:
        ApiError: 400, if it is not JSON, not an object, or nested too deeply.
    """
    if not body.strip():
        return {}
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ApiError(400, _TOO_DEEP) from error
    except ValueError as error:  # also for bytes that are not UTF-8
        raise ApiError(400, f"The body of your request is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ApiError(400, "The body of your request must be a JSON object.")
    _check_values(value)
    return value


_TOO_DEEP = f"The body of your request is nested more than {_MOST_NESTED} levels deep."


def _refuse_constant(name: str) -> None:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser takes."""
    raise ValueError(f"{name} is not JSON")


def _check_values(value: Any) -> None:
    """Refuse nesting that recursive code could not walk, and numbers that JSON cannot write."""
    level = [value]
    for _ in range(_MOST_NESTED):
        below: list[Any] = []
        for item in level:
            for inner in item.values() if isinstance(item, dict) else item:
                if isinstance(inner, dict | list):
                    below.append(inner)
                elif isinstance(inner, float) and not math.isfinite(inner):
                    message = "The body of your request has a number that is too large."
                    raise ApiError(400, message)
        if not below:
            return
        level = below
    raise ApiError(400, _TOO_DEEP)


def expect(
    body: Obj, name: str, kind: _Kind, *, items: type[Any] | None = None, where: str = ""
) -> Any:
    """Return a parameter, or None if it is missing or null.

    Args:
        body: The request's body.
        name: The parameter.
        kind: The Python type of its JSON value; float stands for any number.
        items: The type of the items of a list.
        where: The path to ``body`` within the request, e.g. ``tools[0].``.

    Raises:
        ApiError: 400, if the value has another type.
    """
    value = body.get(name)
    if value is None:
        return None
    expected = _TYPE_NAMES[kind]
    if _is(value, kind):
        if items is None or all(isinstance(item, items) for item in value):
            return value
        expected = f"an array of {_TYPE_NAMES[items]} each"
    path = f"{where}{name}"
    message = f"Invalid type for '{path}': expected {expected}."
    raise ApiError(400, message, param=path, code="invalid_type")


def _is(value: Any, kind: _Kind) -> bool:
    """Return whether a JSON value is of a kind; true and false are not numbers."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def require(body: Obj, name: str, kind: _Kind, *, where: str = "") -> Any:
    """Return a required parameter.

    Raises:
        ApiError: 400, if it is missing, or has another type.
    """
    value = expect(body, name, kind, where=where)
    if value is None:
        path = f"{where}{name}"
        message = f"Missing required parameter: '{path}'."
        raise ApiError(400, message, param=path, code="missing_required_parameter")
    return value


def check_fields(body: Obj, kind: str) -> Obj:
    """Return the parameters of a body that a kind of object keeps and that may be changed.

    Args:
        body: The request's body.
        kind: The wire's name of the object: ``assistant``, ``thread`` ...; or ``new run``.

    Raises:
        ApiError: 400, if one has the wrong type.
    """
    fields = _FIELDS[kind]
    for name, python_type in fields.items():
        expect(body, name, python_type, items=dict if name == "tools" else None)
    if "tools" in fields:
        for index, tool in enumerate(body.get("tools") or ()):
            _check_tool(tool, f"tools[{index}].")
    if isinstance(body.get("tool_choice"), dict):
        _check_choice(body["tool_choice"])
    _check_metadata(body)
    return {
        name: body[name]
        for name in fields
        if name in body and (body[name] is not None or name in _NULLABLE)
    }


def _check_tool(tool: Obj, where: str) -> None:
    """Check one tool."""
    if require(tool, "type", str, where=where) == "function":
        function = require(tool, "function", dict, where=where)
        require(function, "name", str, where=f"{where}function.")
        expect(function, "description", str, where=f"{where}function.")
        expect(function, "parameters", dict, where=f"{where}function.")


def _check_choice(choice: Obj) -> None:
    """Check the tool that a run has to use."""
    if require(choice, "type", str, where="tool_choice.") == "function":
        function = require(choice, "function", dict, where="tool_choice.")
        require(function, "name", str, where="tool_choice.function.")


def _check_metadata(body: Obj) -> None:
    """Check that metadata are texts."""
    metadata = expect(body, "metadata", dict) or {}
    for name in metadata:
        require(metadata, name, str, where="metadata.")


def message_body(body: Obj) -> Obj:
    """Convert the body of a request for a message for `Store.add_message`.

    Raises:
        ApiError: 400, if it is invalid.
    """
    role = require(body, "role", str)
    if role not in ("user", "assistant"):
        message = f"Invalid value for 'role': '{role}'. Supported values are 'user', 'assistant'."
        raise ApiError(400, message, param="role", code="invalid_value")
    if isinstance(body.get("content"), str):
        content = [_text_part(body["content"])]
    else:
        require(body, "content", list)
        content = [_part(part) for part in expect(body, "content", list, items=dict)]
    _check_metadata(body)
    return {
        "role": role,
        "content": content,
        "attachments": expect(body, "attachments", list, items=dict),
        "metadata": expect(body, "metadata", dict),
    }


def _text_part(text: str) -> Obj:
    return {"type": "text", "text": {"value": text, "annotations": []}}


def _part(part: Obj) -> Obj:
    """Convert a part as sent into a part as kept: only text is written differently."""
    kind = require(part, "type", str)
    if kind == "text":
        return _text_part(require(part, "text", str))
    return {"type": kind, kind: require(part, kind, dict)}


def check_outputs(body: Obj, pending: Sequence[Obj]) -> dict[str, ClientAnswer]:
    """Read tool outputs or approvals: exactly one for each waiting call.

    Args:
        body: The request's body: ``tool_outputs``, or Azure's ``tool_approvals``.
        pending: The waiting calls, as wire objects.

    Returns:
        By call id: the output, or whether the call is approved.

    Raises:
        ApiError: 400, if they are invalid, or are not those of the waiting calls.
    """
    is_mcp = pending[0]["type"] == "mcp"
    name = "tool_approvals" if is_mcp else "tool_outputs"
    require(body, name, list)
    given = [
        (require(item, "tool_call_id", str), item) for item in expect(body, name, list, items=dict)
    ]
    wanted = [call["id"] for call in pending]
    ids = [call_id for call_id, _ in given]
    if sorted(ids) != sorted(wanted):
        raise ApiError(400, f"Expected {name} for call_ids {wanted}, got {ids}", param=name)
    if is_mcp:
        return {call_id: require(item, "approve", bool) for call_id, item in given}
    return {call_id: expect(item, "output", str) or "" for call_id, item in given}
