"""The objects of the Responses wire, as far as they are used, with the wire's own names.

Rules of this file:

- A field that is missing or null has its default; a field of the wrong type is a
  ``DecodeError`` with its path in the frame.
- A field is read only if something becomes of it. Others (``logprobs``, ``obfuscation``) are
  never examined, so nothing in them can be wrong.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from attrs import define, field

from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError
from stream_core.models import Payload

__all__ = [
    "Annotation",
    "CallItem",
    "CodeItem",
    "MCPItem",
    "MessageItem",
    "Part",
    "Response",
    "SearchItem",
    "SearchResult",
    "Usage",
    "read",
    "read_index",
    "read_list",
    "read_object",
    "read_text",
]

T = TypeVar("T", bound=Payload)

#: An index beyond this is refused as nonsense: a list that long would have to be made for it.
_MAX_INDEX = 9_999


# --- Reading ----------------------------------------------------------------------------


def read(cls: type[T], value: Any, path: str) -> T:
    """Structure VALUE, found at PATH in the frame, as a CLS.

    Raises:
        DecodeError: It is not one; ``paths`` begin with PATH.
    """
    try:
        return structure(cls, value)
    except DecodeError as error:
        paths = [path + line.removeprefix("$") for line in error.paths]
        raise DecodeError(f"the data has no {cls.__name__} in {path}", paths=paths) from error


def read_object(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object at KEY.

    Raises:
        DecodeError: It is missing or something else.
    """
    value = event.get(key)
    if not isinstance(value, dict):
        _refuse(f"$.{key}", value, "an object")
    return value


def read_text(event: dict[str, Any], key: str, path: str = "$") -> str:
    """Return the text at KEY of EVENT, which was found at PATH; "" if it is missing.

    Raises:
        DecodeError: It is something else.
    """
    value = event.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        _refuse(f"{path}.{key}", value, "a string")
    return value


def read_index(event: dict[str, Any], key: str) -> int | None:
    """Return the index at KEY, or None if it is missing.

    Raises:
        DecodeError: It is something else, or a number that is not an index.
    """
    value = event.get(key)
    if value is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value <= _MAX_INDEX:
        _refuse(f"$.{key}", value, f"an index from 0 to {_MAX_INDEX}")
    index: int = value
    return index


def read_list(value: Any, path: str) -> list[dict[str, Any]]:
    """Return VALUE, found at PATH, which must be a list of objects or None.

    Raises:
        DecodeError: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(path, value, "a list")
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            _refuse(f"{path}[{number}]", item, "an object")
    return value


def _refuse(path: str, value: Any, kind: str) -> NoReturn:
    """Refuse VALUE at PATH, which should be KIND."""
    names = {dict: "an object", list: "a list"}
    shown = names.get(value.__class__) or json.dumps(value)[:60]
    raise DecodeError(
        "the data is not what its type promises", paths=[f"{path}: {shown} is not {kind}"]
    )


# --- A response -------------------------------------------------------------------------


@define(eq=False, repr=False)
class Usage(Payload):
    """The tokens of one response."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


@define(eq=False, repr=False)
class Format(Payload):
    """The format in which the text must be."""

    type: str = ""
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


@define(eq=False, repr=False)
class TextOptions(Payload):
    """The text options of a response."""

    format: Format | None = None


@define(eq=False, repr=False)
class Incomplete(Payload):
    """Why a response is incomplete."""

    reason: str | None = None


@define(eq=False, repr=False)
class Response(Payload):
    """A response, complete or at its beginning. Fields of type Any may be texts or objects."""

    id: str = ""
    created_at: float | None = None
    completed_at: float | None = None
    status: str | None = None
    model: str = ""
    instructions: Any = None
    tools: Any = None
    tool_choice: Any = None
    metadata: dict[str, Any] = field(factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    truncation: Any = None
    reasoning: dict[str, Any] | None = None
    usage: Usage | None = None
    error: Any = None
    incomplete_details: Incomplete | None = None
    conversation: Any = None
    agent_reference: Any = None
    output: Any = None


# --- Items ------------------------------------------------------------------------------


@define(eq=False, repr=False)
class Annotation(Payload):
    """An annotation: what a range of a text refers to."""

    type: str = ""
    file_id: str = ""
    filename: str | None = None
    container_id: str | None = None
    url: str = ""
    title: str | None = None
    index: int | None = None
    start_index: int | None = None
    end_index: int | None = None


@define(eq=False, repr=False)
class Part(Payload):
    """A part of a message: text (``output_text``), or a refusal."""

    type: str = ""
    text: str = ""
    refusal: str = ""
    annotations: Any = None


@define(eq=False, repr=False)
class MessageItem(Payload):
    """A message."""

    id: str = ""
    status: str | None = None
    phase: str | None = None
    content: Any = None


@define(eq=False, repr=False)
class CallItem(Payload):
    """A call that the caller answers: of a function, or of a custom tool (``input``)."""

    id: str = ""
    call_id: str = ""
    status: str | None = None
    name: str = ""
    arguments: str = ""
    input: str = ""


@define(eq=False, repr=False)
class CodeItem(Payload):
    """A call of the code interpreter."""

    id: str = ""
    status: str | None = None
    code: str = ""
    outputs: Any = None


@define(eq=False, repr=False)
class SearchResult(Payload):
    """A file that was found."""

    file_id: str = ""
    filename: str = ""
    score: float | None = None
    text: str | None = None


@define(eq=False, repr=False)
class SearchItem(Payload):
    """A call of file search."""

    id: str = ""
    status: str | None = None
    queries: Any = None
    results: list[SearchResult] = field(factory=list)


@define(eq=False, repr=False)
class MCPItem(Payload):
    """A call of an MCP server's tool, or the request for permission to call it."""

    id: str = ""
    status: str | None = None
    name: str = ""
    arguments: str = ""
    server_label: str = ""
    output: str | None = None
    error: Any = None
