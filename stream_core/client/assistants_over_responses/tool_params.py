"""Tools, their resources, and the choice among them, in the form of the Responses wire.

Rules of this file:

- On the Assistants wire, the resources of a tool stand beside it (``tool_resources``); here
  they are part of the tool.
- A tool that already has the form of this wire, or that Assistants never had, stays as it is.
- Functions and sets of tools, which run here, stay as they are: streams send their definitions.
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
    "client.request('POST', '/vector_stores', body={...}) and give its id in vector_store_ids"
)


@frozen
class Resources:
    """The resources of tools.

    Attributes:
        vector_store_ids: The vector stores that file search searches.
        file_ids: The files that the code interpreter may read.
    """

    vector_store_ids: list[str] = field(factory=list)
    file_ids: list[str] = field(factory=list)


def read_resources(*given: Any) -> Resources:
    """Return the resources in one or several ``tool_resources``.

    Raises:
        ValueError: One of them would make a vector store.
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
    # If several of them name the same resource, it is listed once.
    return Resources(list(dict.fromkeys(stores)), list(dict.fromkeys(files)))


def convert_tools(tools: Any, resources: Resources) -> Any:
    """Return TOOLS, each with its resources.

    Raises:
        ValueError: File search has no vector store.
    """
    from stream_core.tools.tool_set import ToolSet

    if isinstance(tools, ToolSet) or callable(tools):
        return tools
    return [_convert(tool, resources) for tool in tools]


def _convert(tool: Any, resources: Resources) -> Any:
    """Return TOOL converted; a function or a set stays as it is."""
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
    """Return whether one of TOOLS, which are converted, is of type KIND."""
    return any(isinstance(tool, dict) and tool.get("type") == kind for tool in tools)


def convert_choice(choice: Any) -> Any:
    """Return ``tool_choice`` in the form of this wire."""
    plain = unstructure(choice)
    if not isinstance(plain, dict) or not isinstance(plain.get("function"), dict):
        return plain
    function: Mapping[str, Any] = plain["function"]
    return {"type": "function", "name": function.get("name")}
