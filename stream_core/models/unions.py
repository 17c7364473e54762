"""The tagged unions of the payloads: one table from ``type`` to class.

Rules of this file:

- A tag that is not in the table gives the union's ``Unknown...`` class, which keeps the
  whole object in ``raw``.
- If an object has no tag, or one that is not a text, the member key that it has decides: some
  servers drop ``type`` in fragments after the first.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from attrs import define

from stream_core import models

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["UNIONS", "TaggedUnion", "is_tagged", "members", "tagged_union"]


@define(frozen=True)
class TaggedUnion:
    """One tagged union: a table from ``type`` to class.

    Attributes:
        classes: Tag -> class.
        unknown: The class for every other tag.
        forgiving: Whether an object that does not fit its class is kept whole, as an ``unknown``.
    """

    classes: Mapping[str, Any]
    unknown: Any
    forgiving: bool = False

    def choose(self, value: Mapping[str, Any]) -> Any:
        """Return the class for VALUE."""
        tag = value.get("type")
        if not isinstance(tag, str):
            tag = next((key for key in self.classes if value.get(key) is not None), "")
        return self.classes.get(tag, self.unknown)


#: Every tagged union of the payloads.
UNIONS = (
    TaggedUnion(
        {
            "code_interpreter": models.CodeInterpreterTool,
            "file_search": models.FileSearchTool,
            "function": models.FunctionTool,
            "mcp": models.MCPTool,
        },
        models.UnknownTool,
        forgiving=True,
    ),
    TaggedUnion(
        {
            "file_citation": models.FileCitationAnnotation,
            "file_path": models.FilePathAnnotation,
            "url_citation": models.URLCitationAnnotation,
        },
        models.UnknownAnnotation,
    ),
    TaggedUnion(
        {
            "text": models.TextContentBlock,
            "image_file": models.ImageFileContentBlock,
            "image_url": models.ImageURLContentBlock,
            "refusal": models.RefusalContentBlock,
        },
        models.UnknownContent,
    ),
    TaggedUnion(
        {
            "text": models.TextDeltaBlock,
            "image_file": models.ImageFileDeltaBlock,
            "image_url": models.ImageURLDeltaBlock,
            "refusal": models.RefusalDeltaBlock,
        },
        models.UnknownContentDelta,
    ),
    TaggedUnion(
        {
            "logs": models.CodeInterpreterOutputLogs,
            "image": models.CodeInterpreterOutputImage,
        },
        models.UnknownCodeInterpreterOutput,
    ),
    TaggedUnion(
        {
            "code_interpreter": models.CodeInterpreterToolCall,
            "file_search": models.FileSearchToolCall,
            "function": models.FunctionToolCall,
            "mcp": models.MCPToolCall,
        },
        models.UnknownToolCall,
    ),
    TaggedUnion(
        {
            "code_interpreter": models.CodeInterpreterToolCallDelta,
            "file_search": models.FileSearchToolCallDelta,
            "function": models.FunctionToolCallDelta,
            "mcp": models.MCPToolCallDelta,
        },
        models.UnknownToolCallDelta,
    ),
    TaggedUnion(
        {
            "message_creation": models.MessageCreationStepDetails,
            "tool_calls": models.ToolCallsStepDetails,
            "activities": models.ActivitiesStepDetails,
        },
        models.UnknownStepDetails,
    ),
    TaggedUnion(
        {
            "tool_calls": models.ToolCallDeltaObject,
            "message_creation": models.RunStepDeltaMessageDelta,
        },
        models.UnknownStepDetailsDelta,
    ),
)

_BY_UNKNOWN = {union.unknown: union for union in UNIONS}


def members(cls: Any) -> tuple[Any, ...]:
    """Return the members of a union type other than None, or () if CLS is not a union."""
    if get_origin(cls) not in (Union, UnionType):
        return ()
    return tuple(member for member in get_args(cls) if member is not type(None))


def is_tagged(cls: Any) -> bool:
    """Return whether CLS is one of ``UNIONS``, with or without None."""
    return any(member in _BY_UNKNOWN for member in members(cls))


def tagged_union(cls: Any) -> TaggedUnion:
    """Return the row of ``UNIONS`` for CLS, for which ``is_tagged`` is true."""
    return next(_BY_UNKNOWN[member] for member in members(cls) if member in _BY_UNKNOWN)
