"""The tool steps of a run: deltas that add up to what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.testing.parts import (
    AskApproval,
    CallFunctions,
    FunctionCall,
    ListTools,
    McpCall,
    RunCode,
    SearchFiles,
    SearchResult,
)
from stream_core.testing.responder import ToolResult
from stream_core.testing.steps import Steps
from stream_core.testing.store import Store
from stream_core.testing.tools import RESULT_CONTENT, ToolWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.testing.framing import WireEvent


class Writing:
    """A run's tool writer, with its steps."""

    def __init__(self, *include: str) -> None:
        self.store = Store(clock=lambda: 7)
        assistant = self.store.add_assistant({"model": "m"})
        run = self.store.add_run(self.store.add_thread({})["id"], assistant, {})
        self.run_id = run["id"]
        self.steps = Steps(self.store, run)
        self.tools = ToolWriter(self.store, self.steps, include)

    @property
    def details(self) -> list[dict[str, Any]]:
        """The details of all steps kept."""
        return [step["step_details"] for step in self.store.steps[self.run_id].values()]

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of the only step."""
        (details,) = self.details
        calls: list[dict[str, Any]] = details["tool_calls"]
        return calls


def short(events: Iterable[WireEvent]) -> list[str]:
    """Names without the common beginning."""
    return [event.name.removeprefix("thread.run.step.") for event in events]


def deltas(events: Iterable[WireEvent]) -> list[dict[str, Any]]:
    """The calls of all deltas."""
    found = []
    for event in events:
        if event.name.endswith(".delta"):
            assert isinstance(event.data, dict)
            found += event.data["delta"]["step_details"]["tool_calls"]
    return found


def test_function_calls_share_a_step_that_stays_open() -> None:
    """The first delta of each call announces it, fragments of its arguments follow."""
    writing = Writing()
    calls = [FunctionCall("now"), FunctionCall("weather", {"city": "Rome"})]
    events = list(writing.tools.call_functions(CallFunctions(calls)))
    assert ["created", "in_progress", *["delta"] * 7] == short(events)
    first, second = (call["id"] for call in writing.calls)
    function = {"name": "now", "arguments": "", "output": None}
    assert [
        {"index": 0, "id": first, "type": "function", "function": function},
        {"index": 0, "type": "function", "function": {"arguments": "{}"}},
        {
            "index": 1,
            "id": second,
            "type": "function",
            "function": {**function, "name": "weather"},
        },
    ] == deltas(events)[:3]
    fragments = [delta["function"]["arguments"] for delta in deltas(events)[3:]]
    assert ['{"cit', 'y": "', 'Rome"', "}"] == fragments
    assert '{"city": "Rome"}' == writing.calls[1]["function"]["arguments"]
    assert writing.calls is writing.tools.pending
    assert writing.steps.open is not None


def test_the_required_action_has_the_calls_without_outputs() -> None:
    """The client gets the calls, without the key for outputs."""
    writing = Writing()
    list(writing.tools.call_functions(CallFunctions([FunctionCall("now")])))
    call_id = writing.calls[0]["id"]
    function = {"name": "now", "arguments": "{}"}
    assert {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [{"id": call_id, "type": "function", "function": function}]
        },
    } == writing.tools.required_action()


def test_outputs_are_filled_in() -> None:
    """The step keeps the output, and the responder gets the results."""
    writing = Writing()
    list(writing.tools.call_functions(CallFunctions([FunctionCall("now")])))
    call_id = writing.calls[0]["id"]
    results = writing.tools.answer({call_id: "noon"})
    assert (ToolResult(call_id, "now", "{}", "noon"),) == results
    assert "noon" == writing.calls[0]["function"]["output"]
    assert [] == writing.tools.pending


def test_mcp_calls_wait_for_approval() -> None:
    """The step is created twice, as recorded; approval fills in the output, refusal does not."""
    writing = Writing()
    calls = [McpCall("hub", "fetch", {"a": 1}, output="page"), McpCall("hub", "drop")]
    events = list(writing.tools.ask_approval(AskApproval(calls)))
    assert ["created", "in_progress", "created", "delta", "delta"] == short(events)
    yes, no = (call["id"] for call in writing.calls)
    entry = {
        "id": yes,
        "type": "mcp",
        "arguments": '{"a": 1}',
        "name": "fetch",
        "server_label": "hub",
    }
    assert {"index": 0, **entry, "output": None} == deltas(events)[0]
    action = writing.tools.required_action()
    assert entry == action["submit_tool_approval"]["tool_calls"][0]
    assert (
        ToolResult(yes, "fetch", '{"a": 1}', "page", approved=True),
        ToolResult(no, "drop", "{}", None, approved=False),
    ) == writing.tools.answer({yes: True, no: False})
    assert ["page", None] == [call["output"] for call in writing.calls]


def test_code_is_sent_before_its_outputs() -> None:
    """Input in fragments, then each output in a delta of its own, then the step is complete."""
    writing = Writing()
    events = list(writing.tools.run_code(RunCode("print(1)", "1\n", "file-1")))
    assert ["created", "in_progress", *["delta"] * 5, "completed"] == short(events)
    call_id = writing.calls[0]["id"]
    outputs: list[dict[str, Any]] = [
        {"type": "logs", "logs": "1\n"},
        {"type": "image", "image": {"file_id": "file-1"}},
    ]
    kind = "code_interpreter"
    assert [
        {"index": 0, "id": call_id, "type": kind, kind: {"input": "", "outputs": []}},
        {"index": 0, "type": kind, kind: {"input": "print"}},
        {"index": 0, "type": kind, kind: {"input": "(1)"}},
        {"index": 0, "type": kind, kind: {"outputs": [{"index": 0, **outputs[0]}]}},
        {"index": 0, "type": kind, kind: {"outputs": [{"index": 1, **outputs[1]}]}},
    ] == deltas(events)
    assert [
        {"id": call_id, "type": kind, kind: {"input": "print(1)", "outputs": outputs}}
    ] == writing.calls


def test_code_without_outputs_has_none() -> None:
    """Nothing was printed, and nothing drawn."""
    writing = Writing()
    list(writing.tools.run_code(RunCode("x")))
    assert {"input": "x", "outputs": []} == writing.calls[0]["code_interpreter"]


def test_search_results_come_with_the_completed_step_only() -> None:
    """The delta's results are empty; passages are there only if requested."""
    results = [SearchResult("file-1", "a.md", 0.5, "Text")]
    found: dict[str, Any] = {
        "file_id": "file-1",
        "file_name": "a.md",
        "score": 0.5,
        "attributes": {},
    }
    for include, expected in (
        ((), found),
        ((RESULT_CONTENT,), {**found, "content": [{"type": "text", "text": "Text"}]}),
    ):
        writing = Writing(*include)
        events = list(writing.tools.search_files(SearchFiles(results)))
        assert ["created", "in_progress", "delta", "completed"] == short(events)
        assert [] == deltas(events)[0]["file_search"]["results"]
        assert [expected] == writing.calls[0]["file_search"]["results"]


def test_listing_tools_is_an_activities_step() -> None:
    """The step completes without deltas."""
    writing = Writing()
    tools = {"fetch": {"description": "d", "parameters": {}}}
    events = list(writing.tools.list_tools(ListTools("hub", tools)))
    assert ["created", "in_progress", "completed"] == short(events)
    (details,) = writing.details
    (activity,) = details["activities"]
    assert "activities" == details["type"]
    assert ("mcp_list_tools", "hub", tools) == tuple(
        activity[key] for key in ("type", "server_label", "tools")
    )
