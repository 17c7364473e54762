"""Assistants and threads."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from .base import Payload
from .tools import ResponseFormat, Tool, ToolResources

__all__ = [
    "Assistant",
    "Deleted",
    "Thread",
]


@define(eq=False, repr=False)
class Assistant(Payload):
    """A configured assistant (Azure: agent)."""

    id: str = ""
    object: str = "assistant"
    created_at: float | None = None
    name: str | None = None
    description: str | None = None
    model: str = ""
    instructions: str | None = None
    tools: list[Tool] = field(factory=list)
    tool_resources: ToolResources | None = None
    metadata: dict[str, Any] = field(factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    response_format: str | ResponseFormat | None = None
    reasoning_effort: str | None = None


@define(eq=False, repr=False)
class Thread(Payload):
    """A conversation."""

    NEEDED = ("id",)

    id: str = ""
    object: str = "thread"
    created_at: float | None = None
    metadata: dict[str, Any] = field(factory=dict)
    tool_resources: ToolResources | None = None


@define(eq=False, repr=False)
class Deleted(Payload):
    """The answer to a delete."""

    id: str = ""
    object: str = ""
    deleted: bool = False
