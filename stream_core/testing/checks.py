"""The checks of request bodies, and their errors.

Rules of this file:

- Pure: a body in, wire values out, or `ApiError` with status 400 and the
  parameter at fault.
- Only what the server uses is checked; unknown keys are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .store import ApiError, Obj
from .tools import ClientAnswer

__all__ = ["check_fields", "check_outputs", "expect", "message_body", "parse_body", "require"]

_FIELDS: dict[str, dict[str, type[Any]]] = {
    "assistant": {
        "name": str,
        "description": str,
        "model": str,
        "instructions": str,
        "tools": list,
        "tool_resources": dict,
        "metadata": dict,
    },
    "thread": {"metadata": dict, "tool_resources": dict},
    "thread.message": {"metadata": dict},
    "thread.run": {"metadata": dict},
}
_TYPE_NAMES = {str: "a string", list: "an array", dict: "an object", bool: "true or false"}


def parse_body(body: bytes) -> Obj:
    """Parse a request's body; an empty one is an empty object.

    Raises:
        ApiError: 400, if it is not JSON, or not an object.
    """
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:  # also for bytes that are not UTF-8
        raise ApiError(400, f"The body of your request is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ApiError(400, "The body of your request must be a JSON object.")
    return value


def expect(body: Obj, name: str, kind: type[Any], *, items: type[Any] | None = None) -> Any:
    """Return a parameter, or None if it is missing or null.

    Args:
        body: The request's body.
        name: The parameter.
        kind: The Python type of its JSON value.
        items: The type of the items of a list.

    Raises:
        ApiError: 400, if the value has another type.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, kind):
        message = f"Invalid type for '{name}': expected {_TYPE_NAMES[kind]}."
        raise ApiError(400, message, param=name, code="invalid_type")
    if items is not None and not all(isinstance(item, items) for item in value):
        message = f"Invalid type for '{name}': expected an array of {_TYPE_NAMES[items]} each."
        raise ApiError(400, message, param=name, code="invalid_type")
    return value


def require(body: Obj, name: str, kind: type[Any]) -> Any:
    """Return a required parameter.

    Raises:
        ApiError: 400, if it is missing, or has another type.
    """
    value = expect(body, name, kind)
    if value is None:
        message = f"Missing required parameter: '{name}'."
        raise ApiError(400, message, param=name, code="missing_required_parameter")
    return value


def check_fields(body: Obj, kind: str) -> Obj:
    """Return the parameters of a body that a kind of object keeps and that may be changed.

    Args:
        body: The request's body.
        kind: The wire's name of the object: ``assistant``, ``thread`` ...

    Raises:
        ApiError: 400, if one has the wrong type.
    """
    for name, python_type in _FIELDS[kind].items():
        expect(body, name, python_type, items=dict if name == "tools" else None)
    return {name: body[name] for name in _FIELDS[kind] if name in body}


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
