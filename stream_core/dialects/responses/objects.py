"""The objects of the Responses wire, as far as they are used, with the wire's own names.

Rules of this file:

- A field that is missing or null has its default. So has a field of the wrong type, unless it is
  in ``NEEDED``: without those the meaning of the frame would be in doubt, and a wrong one is a
  ``DecodeError`` with its path in the frame.
- A field is read only if something becomes of it. Others (``logprobs``, ``obfuscation``) are
  never examined, so nothing in them can be wrong.
- An index that is not one counts as missing; indexes only help to find what an id finds too.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, NoReturn, TypeVar

from attrs import define, field

from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError
from stream_core.models import Payload

__all__ = [
    "Annotation",
    "CallItem",
    "CodeItem",
    "Format",
    "MCPItem",
    "MessageItem",
    "Part",
    "Response",
    "SearchItem",
    "SearchResult",
    "Usage",
    "json_of",
    "objects_in",
    "read",
    "read_index",
    "read_list",
    "read_object",
    "read_text",
    "text_or_none",
]

T = TypeVar("T", bound="_Read")

#: An index beyond this is nonsense: a list that long might have to be made for it.
_MAX_INDEX = 9_999

#: A number with as many digits as this is beyond it.
_DIGITS = 5


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


def text_or_none(value: Any) -> str | None:
    """Return VALUE if it is a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def json_of(value: Any) -> str:
    """Return VALUE if it is a text, "" for None, else its JSON: some servers send objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_index(event: dict[str, Any], key: str) -> int | None:
    """Return the index at KEY, which may be the text of a number; None if it is not an index."""
    value: Any = event.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MAX_INDEX else None


def read_list(value: Any, path: str) -> list[dict[str, Any]]:
    """Return the objects in VALUE, found at PATH, which must be a list or None.

    Raises:
        DecodeError: It is something else, or holds something else than objects.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(path, value, "a list")
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            _refuse(f"{path}[{number}]", item, "an object")
    return value


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the objects in VALUE if that is a list, else nothing."""
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def _refuse(path: str, value: Any, kind: str) -> NoReturn:
    """Refuse VALUE at PATH, which should be KIND."""
    names = {dict: "an object", list: "a list"}
    shown = names.get(value.__class__) or json.dumps(value)[:60]
    raise DecodeError(
        "the data is not what its type promises", paths=[f"{path}: {shown} is not {kind}"]
    )


# --- A response -------------------------------------------------------------------------


class _Read(Payload):
    """Base class of what is read; NEEDED has the fields that must not be wrong."""

    __slots__ = ()
    NEEDED: ClassVar[tuple[str, ...] | None] = ()


@define(eq=False, repr=False)
class Usage(_Read):
    """The tokens of one response."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


@define(eq=False, repr=False)
class Format(_Read):
    """The format in which the text must be."""

    type: str = ""
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


@define(eq=False, repr=False)
class Response(_Read):
    """A response, complete or at its beginning. Fields of type Any have more than one type."""

    NEEDED = ("id", "output")

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
    text: Any = None
    truncation: Any = None
    reasoning: dict[str, Any] | None = None
    usage: Any = None
    error: Any = None
    incomplete_details: Any = None
    conversation: Any = None
    agent_reference: Any = None
    output: Any = None
    output_text: Any = None


# --- Items ------------------------------------------------------------------------------


@define(eq=False, repr=False)
class Annotation(_Read):
    """An annotation: what a range of a text refers to."""

    type: str = ""
    file_id: str = ""
    url: str = ""
    title: str | None = None
    index: int | None = None
    start_index: int | None = None
    end_index: int | None = None


@define(eq=False, repr=False)
class Part(_Read):
    """A part of a message: text (``output_text``), or a refusal."""

    NEEDED = ("text", "refusal")

    type: str = ""
    text: str = ""
    refusal: str = ""
    annotations: Any = None


@define(eq=False, repr=False)
class MessageItem(_Read):
    """A message."""

    NEEDED = ("content",)

    status: str | None = None
    phase: str | None = None
    content: Any = None


@define(eq=False, repr=False)
class CallItem(_Read):
    """A call that the caller answers: of a function, or of a custom tool (``input``)."""

    NEEDED = ("call_id", "name")

    call_id: str = ""
    name: str = ""
    arguments: Any = None
    input: Any = None

    @property
    def whole(self) -> str:
        """All of the arguments, or of the input; "" if they are not in the item."""
        return json_of(self.arguments) or json_of(self.input)


@define(eq=False, repr=False)
class CodeItem(_Read):
    """A call of the code interpreter."""

    NEEDED = ("code", "outputs")

    status: str | None = None
    code: str = ""
    outputs: Any = None


@define(eq=False, repr=False)
class SearchResult(_Read):
    """A file that was found."""

    file_id: str = ""
    filename: str = ""
    score: float | None = None
    text: str | None = None


@define(eq=False, repr=False)
class SearchItem(_Read):
    """A call of file search."""

    status: str | None = None
    queries: Any = None
    results: Any = None


@define(eq=False, repr=False)
class MCPItem(_Read):
    """A call of an MCP server's tool, or the request for permission to call it."""

    NEEDED = ("id", "name", "server_label")

    id: str = ""
    status: str | None = None
    name: str = ""
    arguments: Any = None
    server_label: str = ""
    output: Any = None
    error: Any = None
