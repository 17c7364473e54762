"""Run steps, their tool calls, and their deltas."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from attrs import define, field

from .base import Growing, Payload
from .common import LastError, Usage
from .runs import Function
from .tools import FileSearchRankingOptions

__all__ = [
    "ActivitiesStepDetails",
    "Activity",
    "CodeInterpreter",
    "CodeInterpreterDelta",
    "CodeInterpreterImage",
    "CodeInterpreterOutput",
    "CodeInterpreterOutputImage",
    "CodeInterpreterOutputLogs",
    "CodeInterpreterToolCall",
    "CodeInterpreterToolCallDelta",
    "FileSearch",
    "FileSearchResult",
    "FileSearchResultContent",
    "FileSearchToolCall",
    "FileSearchToolCallDelta",
    "FunctionDelta",
    "FunctionToolCall",
    "FunctionToolCallDelta",
    "MCPToolCall",
    "MCPToolCallDelta",
    "MessageCreation",
    "MessageCreationStepDetails",
    "RunStep",
    "RunStepDelta",
    "RunStepDeltaEvent",
    "RunStepDeltaMessageDelta",
    "StepDetails",
    "StepDetailsDelta",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallDeltaObject",
    "ToolCallsStepDetails",
    "UnknownCodeInterpreterOutput",
    "UnknownStepDetails",
    "UnknownStepDetailsDelta",
    "UnknownToolCall",
    "UnknownToolCallDelta",
]


@define(eq=False, repr=False)
class MessageCreation(Payload):
    """The message that the step writes."""

    NEEDED = ()

    message_id: str = ""


@define(eq=False, repr=False)
class MessageCreationStepDetails(Payload):
    """A step that writes a message."""

    NEEDED = ()

    type: str = "message_creation"
    message_creation: MessageCreation = field(factory=MessageCreation)


@define(eq=False, repr=False)
class CodeInterpreterOutputLogs(Growing):
    """Text that the code printed; live while its step streams."""

    GROWS: ClassVar[str] = "logs"
    NEEDED = ("logs",)

    index: int | None = None
    type: str = "logs"
    logs: str = ""


@define(eq=False, repr=False)
class CodeInterpreterImage(Payload):
    """The image file that the code made."""

    NEEDED = ("file_id",)

    file_id: str = ""


@define(eq=False, repr=False)
class CodeInterpreterOutputImage(Payload):
    """An image that the code made."""

    NEEDED = ("image",)

    index: int | None = None
    type: str = "image"
    image: CodeInterpreterImage | None = None


@define(eq=False, repr=False)
class UnknownCodeInterpreterOutput(Payload):
    """An output of an unknown type."""

    NEEDED = ()

    index: int | None = None
    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


CodeInterpreterOutput: TypeAlias = (
    CodeInterpreterOutputLogs | CodeInterpreterOutputImage | UnknownCodeInterpreterOutput
)


@define(eq=False, repr=False)
class CodeInterpreter(Growing):
    """Code and its outputs; live while its step streams."""

    GROWS: ClassVar[str] = "input"
    NEEDED = ("input", "outputs")

    input: str = ""
    outputs: list[CodeInterpreterOutput] = field(factory=list)


@define(eq=False, repr=False)
class CodeInterpreterToolCall(Payload):
    """A call of the code interpreter."""

    NEEDED = ("id", "code_interpreter")

    id: str = ""
    type: str = "code_interpreter"
    code_interpreter: CodeInterpreter = field(factory=CodeInterpreter)


@define(eq=False, repr=False)
class FileSearchResultContent(Payload):
    """A passage that was found."""

    NEEDED = ()

    type: str | None = None
    text: str | None = None


@define(eq=False, repr=False)
class FileSearchResult(Payload):
    """A file that was found; ``score`` is from 0 to 1."""

    NEEDED = ()

    file_id: str = ""
    file_name: str = ""
    score: float | None = None
    content: list[FileSearchResultContent] = field(factory=list)


@define(eq=False, repr=False)
class FileSearch(Payload):
    """A search and its results, which come only with the completed step."""

    NEEDED = ()

    ranking_options: FileSearchRankingOptions | None = None
    results: list[FileSearchResult] = field(factory=list)


@define(eq=False, repr=False)
class FileSearchToolCall(Payload):
    """A call of file search."""

    NEEDED = ("id",)

    id: str = ""
    type: str = "file_search"
    file_search: FileSearch = field(factory=FileSearch)


@define(eq=False, repr=False)
class FunctionToolCall(Payload):
    """A call of a function."""

    NEEDED = ("id", "function")

    id: str = ""
    type: str = "function"
    function: Function = field(factory=Function)


@define(eq=False, repr=False)
class MCPToolCall(Growing):
    """Azure: a call of an MCP server's tool."""

    GROWS: ClassVar[str] = "arguments"
    NEEDED = ("id", "name", "arguments")

    id: str = ""
    type: str = "mcp"
    name: str = ""
    arguments: str = ""
    server_label: str = ""
    output: str | None = None


@define(eq=False, repr=False)
class UnknownToolCall(Payload):
    """A call of a tool of unknown type, e.g. Azure's ``bing_grounding``.

    ``raw`` has everything that was sent, deltas merged key by key, later values replacing.
    """

    NEEDED = ("id",)

    id: str = ""
    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


ToolCall: TypeAlias = (
    CodeInterpreterToolCall | FileSearchToolCall | FunctionToolCall | MCPToolCall | UnknownToolCall
)


@define(eq=False, repr=False)
class ToolCallsStepDetails(Payload):
    """A step that calls tools."""

    NEEDED = ("tool_calls",)

    type: str = "tool_calls"
    tool_calls: list[ToolCall] = field(factory=list)


@define(eq=False, repr=False)
class Activity(Payload):
    """Azure: something that happened in a step, e.g. ``mcp_list_tools``; more in ``extra``."""

    NEEDED = ()

    id: str = ""
    type: str = ""
    server_label: str | None = None
    tools: dict[str, Any] = field(factory=dict)


@define(eq=False, repr=False)
class ActivitiesStepDetails(Payload):
    """Azure: a step that is neither a message nor tool calls."""

    NEEDED = ()

    type: str = "activities"
    activities: list[Activity] = field(factory=list)


@define(eq=False, repr=False)
class UnknownStepDetails(Payload):
    """A step of an unknown type."""

    NEEDED = ()

    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


StepDetails: TypeAlias = (
    MessageCreationStepDetails | ToolCallsStepDetails | ActivitiesStepDetails | UnknownStepDetails
)


@define(eq=False, repr=False)
class RunStep(Payload):
    """A step of a run; live while it streams.

    Servers send ``expires_at``; the reference has ``expired_at``.
    """

    NEEDED = ("id", "step_details")

    id: str = ""
    object: str = "thread.run.step"
    created_at: float | None = None
    run_id: str = ""
    assistant_id: str = ""
    thread_id: str = ""
    type: str = ""
    status: str | None = None
    cancelled_at: float | None = None
    completed_at: float | None = None
    expires_at: float | None = None
    expired_at: float | None = None
    failed_at: float | None = None
    last_error: LastError | None = None
    step_details: StepDetails | None = None
    usage: Usage | None = None
    metadata: dict[str, Any] = field(factory=dict)

    @property
    def agent_id(self) -> str:
        """The same as ``assistant_id``, by azure-ai-agents' name."""
        return self.assistant_id


@define(eq=False, repr=False)
class CodeInterpreterDelta(Payload):
    """A delta of code and outputs; outputs carry their ``index``."""

    NEEDED = ("input", "outputs")

    input: str | None = None
    outputs: list[CodeInterpreterOutput] = field(factory=list)


@define(eq=False, repr=False)
class CodeInterpreterToolCallDelta(Payload):
    """A delta of the code interpreter call at ``index``."""

    NEEDED = ("index", "id", "code_interpreter")

    index: int | None = None
    id: str | None = None
    type: str = "code_interpreter"
    code_interpreter: CodeInterpreterDelta | None = None


@define(eq=False, repr=False)
class FileSearchToolCallDelta(Payload):
    """A delta of the file search call at ``index``."""

    NEEDED = ("index", "id")

    index: int | None = None
    id: str | None = None
    type: str = "file_search"
    file_search: FileSearch | None = None


@define(eq=False, repr=False)
class FunctionDelta(Payload):
    """A delta of a function call; ``arguments`` is a fragment."""

    NEEDED = ("name", "arguments")

    name: str | None = None
    arguments: str | None = None
    output: str | None = None


@define(eq=False, repr=False)
class FunctionToolCallDelta(Payload):
    """A delta of the function call at ``index``."""

    NEEDED = ("index", "id", "function")

    index: int | None = None
    id: str | None = None
    type: str = "function"
    function: FunctionDelta | None = None


@define(eq=False, repr=False)
class MCPToolCallDelta(Payload):
    """Azure: a delta of the MCP call at ``index``; ``arguments`` is a fragment."""

    NEEDED = ("index", "id", "name", "arguments")

    index: int | None = None
    id: str | None = None
    type: str = "mcp"
    name: str | None = None
    arguments: str | None = None
    server_label: str | None = None
    output: str | None = None


@define(eq=False, repr=False)
class UnknownToolCallDelta(Payload):
    """A delta of a call of a tool of unknown type."""

    NEEDED = ("index", "id")

    index: int | None = None
    id: str | None = None
    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


ToolCallDelta: TypeAlias = (
    CodeInterpreterToolCallDelta
    | FileSearchToolCallDelta
    | FunctionToolCallDelta
    | MCPToolCallDelta
    | UnknownToolCallDelta
)


@define(eq=False, repr=False)
class ToolCallDeltaObject(Payload):
    """A delta of the tool calls of a step."""

    NEEDED = ("tool_calls",)

    type: str = "tool_calls"
    tool_calls: list[ToolCallDelta] = field(factory=list)


@define(eq=False, repr=False)
class RunStepDeltaMessageDelta(Payload):
    """A delta of a step that writes a message."""

    NEEDED = ()

    type: str = "message_creation"
    message_creation: MessageCreation | None = None


@define(eq=False, repr=False)
class UnknownStepDetailsDelta(Payload):
    """A delta of a step of an unknown type."""

    NEEDED = ()

    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


StepDetailsDelta: TypeAlias = (
    ToolCallDeltaObject | RunStepDeltaMessageDelta | UnknownStepDetailsDelta
)


@define(eq=False, repr=False)
class RunStepDelta(Payload):
    """A delta of a step."""

    NEEDED = ("step_details",)

    step_details: StepDetailsDelta | None = None


@define(eq=False, repr=False)
class RunStepDeltaEvent(Payload):
    """The payload of ``thread.run.step.delta``: a step's id and its delta."""

    NEEDED = ("id", "delta")

    id: str = ""
    delta: RunStepDelta = field(factory=RunStepDelta)
    object: str = "thread.run.step.delta"
