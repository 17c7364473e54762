"""Tools, what they may use, and the choice among them, as the Responses wire has them.

Rules of this file:

- Assistants keep beside a tool what it may use (``tool_resources``); here it stands in the tool.
- A tool that is spelt as on this wire already, or that Assistants never had, stays as it is.
- What runs here (functions, sets of tools) stays as it is: streams send its definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from stream_core.client.responses import flat_tool
from stream_core.convert.payloads import unstructure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Resources", "convert_choice", "convert_tools", "read_resources"]

_STORES = (
    "tool_resources.file_search.vector_stores cannot make a vector store here: make it with "
    "client.request('POST', '/vector_stores', body={...}), and give its id in vector_store_ids"
)


@frozen
class Resources:
    """What tools may use.

    Attributes:
        vector_store_ids: Where file search searches.
        file_ids: What the code interpreter may read.
    """

    vector_store_ids: list[str] = field(factory=list)
    file_ids: list[str] = field(factory=list)


def read_resources(*given: Any) -> Resources:
    """Return what tools may use, of one ``tool_resources`` or of several.

    Raises:
        ValueError: One would make a vector store.
    """
    stores: list[str] = []
    files: list[str] = []
    for one in given:
        resources = unstructure(one) or {}
        search = resources.get("file_search") or {}
        if search.get("vector_stores"):
            raise ValueError(_STORES)
        stores += search.get("vector_store_ids") or ()
        files += (resources.get("code_interpreter") or {}).get("file_ids") or ()
    # What several of them name is meant once.
    return Resources(list(dict.fromkeys(stores)), list(dict.fromkeys(files)))


def convert_tools(tools: Any, resources: Resources) -> Any:
    """Return TOOLS with what each may use.

    Raises:
        ValueError: File search has nowhere to search.
    """
    from stream_core.tools.tool_set import ToolSet

    if isinstance(tools, ToolSet) or callable(tools):
        return tools
    return [_convert(tool, resources) for tool in tools]


def _convert(tool: Any, resources: Resources) -> Any:
    """Return one tool, or what runs here, as it is."""
    plain = unstructure(tool)
    if not isinstance(plain, dict):
        return tool
    kind = plain.get("type")
    if kind == "file_search" and "vector_store_ids" not in plain:
        if not resources.vector_store_ids:
            raise ValueError(
                "the tool file_search has no vector store: give "
                "tool_resources={'file_search': {'vector_store_ids': [...]}}"
            )
        stores = {"type": kind, "vector_store_ids": resources.vector_store_ids}
        return {**stores, **(plain.get("file_search") or {})}
    if kind == "code_interpreter" and "container" not in plain:
        container: dict[str, Any] = {"type": "auto"}
        if resources.file_ids:
            container["file_ids"] = resources.file_ids
        return {**plain, "container": container}
    return flat_tool(plain)


def has_tool(tools: Iterable[Any], kind: str) -> bool:
    """Tell whether one of TOOLS, converted, is of type KIND."""
    return any(isinstance(tool, dict) and tool.get("type") == kind for tool in tools)


def convert_choice(choice: Any) -> Any:
    """Return which tool must be called."""
    plain = unstructure(choice)
    if not isinstance(plain, dict) or not isinstance(plain.get("function"), dict):
        return plain
    function: Mapping[str, Any] = plain["function"]
    return {"type": "function", "name": function.get("name")}
