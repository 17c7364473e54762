"""Functions that a model may call."""

from __future__ import annotations

from .tool_set import ToolArgumentsError, ToolCallError, ToolSet, UnknownToolError

__all__: list[str] = ["ToolArgumentsError", "ToolCallError", "ToolSet", "UnknownToolError"]
