"""Tools as configured, and their resources."""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import define, field

from .base import Payload

__all__ = [
    "CodeInterpreterResources",
    "CodeInterpreterTool",
    "FileSearchOptions",
    "FileSearchRankingOptions",
    "FileSearchResources",
    "FileSearchTool",
    "FunctionDefinition",
    "FunctionName",
    "FunctionTool",
    "MCPTool",
    "ResponseFormat",
    "Tool",
    "ToolChoice",
    "ToolResources",
    "TruncationStrategy",
    "UnknownTool",
]


@define(eq=False, repr=False)
class CodeInterpreterTool(Payload):
    """The server's own Python."""

    type: str = "code_interpreter"


@define(eq=False, repr=False)
class FileSearchRankingOptions(Payload):
    """The ranking of file search: ``ranker``, and the least score from 0 to 1."""

    ranker: str | None = None
    score_threshold: float | None = None


@define(eq=False, repr=False)
class FileSearchOptions(Payload):
    """Settings of the file search tool."""

    max_num_results: int | None = None
    ranking_options: FileSearchRankingOptions | None = None


@define(eq=False, repr=False)
class FileSearchTool(Payload):
    """The server's own search in vector stores."""

    type: str = "file_search"
    file_search: FileSearchOptions | None = None


@define(eq=False, repr=False)
class FunctionDefinition(Payload):
    """A function that the caller runs; ``parameters`` is a JSON schema."""

    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


@define(eq=False, repr=False)
class FunctionTool(Payload):
    """A tool that the caller runs."""

    type: str = "function"
    function: FunctionDefinition = field(factory=FunctionDefinition)


@define(eq=False, repr=False)
class MCPTool(Payload):
    """Azure: a Model Context Protocol server."""

    type: str = "mcp"
    server_label: str = ""
    server_url: str = ""
    allowed_tools: list[str] = field(factory=list)


@define(eq=False, repr=False)
class UnknownTool(Payload):
    """A tool of an unknown type (Azure has a dozen more), or one that does not fit its class."""

    NEEDED = ()

    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


Tool: TypeAlias = CodeInterpreterTool | FileSearchTool | FunctionTool | MCPTool | UnknownTool


@define(eq=False, repr=False)
class FunctionName(Payload):
    """The function that a tool choice names."""

    name: str = ""


@define(eq=False, repr=False)
class ToolChoice(Payload):
    """One tool that the model must call."""

    type: str = ""
    function: FunctionName | None = None


@define(eq=False, repr=False)
class ResponseFormat(Payload):
    """A format: ``text``, ``json_object``, or ``json_schema`` with its schema."""

    type: str = ""
    json_schema: dict[str, Any] | None = None


@define(eq=False, repr=False)
class TruncationStrategy(Payload):
    """A strategy: ``auto``, or ``last_messages`` with their number."""

    type: str = ""
    last_messages: int | None = None


@define(eq=False, repr=False)
class CodeInterpreterResources(Payload):
    """Files that the code interpreter may read."""

    file_ids: list[str] = field(factory=list)


@define(eq=False, repr=False)
class FileSearchResources(Payload):
    """Vector stores that file search may search."""

    vector_store_ids: list[str] = field(factory=list)


@define(eq=False, repr=False)
class ToolResources(Payload):
    """The resources that the tools of an assistant, thread or run may use."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None
