"""Runs, and the actions that they require."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from stream_core.errors import RunFailedError

from .base import Growing, Payload
from .common import IncompleteDetails, LastError, Usage
from .tools import ResponseFormat, Tool, ToolChoice, ToolResources, TruncationStrategy

__all__ = [
    "TERMINAL_RUN_STATUSES",
    "Function",
    "MCPApprovalToolCall",
    "RequiredAction",
    "RequiredActionFunctionToolCall",
    "Run",
    "SubmitToolApproval",
    "SubmitToolOutputs",
]


#: The statuses after which a run never changes again.
TERMINAL_RUN_STATUSES = frozenset({"cancelled", "completed", "expired", "failed", "incomplete"})


@define(eq=False, repr=False)
class Function(Growing):
    """A call of a function: ``arguments`` is JSON text, ``output`` the submitted output."""

    GROWS: ClassVar[str] = "arguments"
    NEEDED = ("name", "arguments")

    name: str = ""
    arguments: str = ""
    output: str | None = None


@define(eq=False, repr=False)
class RequiredActionFunctionToolCall(Payload):
    """A call that waits for its output."""

    NEEDED = ("id", "function")

    id: str = ""
    type: str = "function"
    function: Function = field(factory=Function)


@define(eq=False, repr=False)
class SubmitToolOutputs(Payload):
    """The calls that wait for outputs."""

    NEEDED = ("tool_calls",)

    tool_calls: list[RequiredActionFunctionToolCall] = field(factory=list)


@define(eq=False, repr=False)
class MCPApprovalToolCall(Payload):
    """Azure: a call of an MCP tool that waits for approval."""

    NEEDED = ("id", "name", "arguments", "server_label")

    id: str = ""
    type: str = "mcp"
    name: str = ""
    arguments: str = ""
    server_label: str = ""


@define(eq=False, repr=False)
class SubmitToolApproval(Payload):
    """Azure: the calls that wait for approval."""

    NEEDED = ("tool_calls",)

    tool_calls: list[MCPApprovalToolCall] = field(factory=list)


@define(eq=False, repr=False)
class RequiredAction(Payload):
    """The action that a run waits for: outputs, (Azure) approvals, or else ``extra``."""

    NEEDED = ("submit_tool_outputs", "submit_tool_approval")

    type: str = ""
    submit_tool_outputs: SubmitToolOutputs | None = None
    submit_tool_approval: SubmitToolApproval | None = None


@define(eq=False, repr=False)
class Run(Payload):
    """A run of an assistant on a thread.

    On wires that say why an answer ended in words of their own (Chat Completions), the server's
    own word is in ``extra["finish_reason"]``, as sent.
    """

    NEEDED = ("id", "thread_id", "status", "required_action")

    id: str = ""
    object: str = "thread.run"
    created_at: float | None = None
    thread_id: str = ""
    assistant_id: str = ""
    status: str | None = None
    required_action: RequiredAction | None = None
    last_error: LastError | None = None
    expires_at: float | None = None
    started_at: float | None = None
    cancelled_at: float | None = None
    failed_at: float | None = None
    completed_at: float | None = None
    incomplete_details: IncompleteDetails | None = None
    model: str = ""
    instructions: str | None = None
    tools: list[Tool] = field(factory=list)
    metadata: dict[str, Any] = field(factory=dict)
    usage: Usage | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: str | ResponseFormat | None = None
    reasoning_effort: str | None = None
    tool_resources: ToolResources | None = None

    @property
    def agent_id(self) -> str:
        """The same as ``assistant_id``, by azure-ai-agents' name."""
        return self.assistant_id

    def raise_for_status(self) -> None:
        """Raise an error if the run ended without completing, as ``requests`` does for a reply.

        Raises:
            RunFailedError: The status is failed, incomplete, cancelled or expired.
        """
        if self.status in TERMINAL_RUN_STATUSES and self.status != "completed":
            raise RunFailedError(self)
