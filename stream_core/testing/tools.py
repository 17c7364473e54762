"""Tool steps of a run: function calls, code, file search, and Azure's MCP steps.

Rules of this file:

- The step in the store always holds exactly the deltas so far.
- A function call's first delta has its id, name, ``arguments: ""`` and
  ``output: null``; the fragments after it have only arguments, cut anywhere.
- A step of calls that wait for the client stays open; `answer` fills it in.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TypeAlias

from .framing import WireEvent
from .parts import (
    AskApproval,
    CallFunctions,
    ListTools,
    McpCall,
    RunCode,
    SearchFiles,
    SearchResult,
)
from .pieces import cut_code
from .responder import ToolResult
from .steps import Steps
from .store import Obj, Store

__all__ = ["RESULT_CONTENT", "ClientAnswer", "ToolWriter"]

RESULT_CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
"""The ``include`` value that makes search results carry their passages."""

ClientAnswer: TypeAlias = str | bool
"""The client's answer to a call: a function's output, or whether an MCP call is approved."""

_RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}  # as recorded


class ToolWriter:
    """Writes the tool steps of one run.

    Args:
        store: The store of the steps.
        steps: Opens and closes them.
        include: The request's ``include`` values.

    Attributes:
        pending: The calls that are waiting for the client, as live wire objects.
    """

    def __init__(self, store: Store, steps: Steps, include: Sequence[str] = ()) -> None:
        self._store = store
        self._steps = steps
        self._include = include
        self._mcp_outputs: dict[str, str] = {}
        self.pending: list[Obj] = []

    def call_functions(self, part: CallFunctions) -> Iterator[WireEvent]:
        """Write calls; afterwards the step is open, and `pending` has the calls."""
        calls = yield from self._begin()
        for index, call in enumerate(part.calls):
            function: Obj = {"name": call.name, "arguments": "", "output": None}
            entry: Obj = {"id": self._store.new_id("call"), "type": "function"}
            entry["function"] = function
            calls.append(entry)
            yield self._delta({"index": index, **entry, "function": dict(function)})
            for fragment in cut_code(call.arguments):
                self._steps.spend()
                function["arguments"] += fragment
                delta = {"index": index, "type": "function", "function": {"arguments": fragment}}
                yield self._delta(delta)
        self.pending = calls

    def ask_approval(self, part: AskApproval) -> Iterator[WireEvent]:
        """Write MCP calls; afterwards the step is open, and `pending` has the calls."""
        calls = yield from self._begin()
        yield from self._steps.again()
        for index, call in enumerate(part.calls):
            entry = self._mcp_entry(call)
            calls.append(entry)
            self._steps.spend()
            yield self._delta({"index": index, **entry})
        self.pending = calls

    def required_action(self) -> Obj:
        """Return the run's ``required_action`` for the pending calls."""
        is_mcp = self.pending[0]["type"] == "mcp"
        calls = copy.deepcopy(self.pending)
        for call in calls:
            del (call if is_mcp else call["function"])["output"]
        name = "submit_tool_approval" if is_mcp else "submit_tool_outputs"
        return {"type": name, name: {"tool_calls": calls}}

    def answer(self, outputs: Mapping[str, ClientAnswer]) -> tuple[ToolResult, ...]:
        """Fill in the client's answers to the pending calls.

        Args:
            outputs: By call id: a function's output, or whether an MCP call is approved.
        """
        results = [self._result(call, outputs[call["id"]]) for call in self.pending]
        self.pending = []
        return tuple(results)

    def run_code(self, part: RunCode) -> Iterator[WireEvent]:
        """Write a whole code interpreter step."""
        calls = yield from self._begin()
        code: Obj = {"input": "", "outputs": []}
        entry = {"id": self._store.new_id("call"), "type": "code_interpreter"}
        calls.append({**entry, "code_interpreter": code})
        first = {"index": 0, **entry, "code_interpreter": {"input": "", "outputs": []}}
        yield self._delta(first)
        for fragment in cut_code(part.input):
            self._steps.spend()
            code["input"] += fragment
            yield self._code_delta({"input": fragment})
        for index, output in enumerate(_outputs(part)):
            code["outputs"].append(output)
            yield self._code_delta({"outputs": [{"index": index, **copy.deepcopy(output)}]})
        yield from self._steps.end("completed")

    def search_files(self, part: SearchFiles) -> Iterator[WireEvent]:
        """Write a whole file search step; results come only at its end."""
        calls = yield from self._begin()
        search: Obj = {"ranking_options": dict(_RANKING), "results": []}
        entry = {"id": self._store.new_id("call"), "type": "file_search"}
        calls.append({**entry, "file_search": search})
        self._steps.spend()
        yield self._delta({"index": 0, **entry, "file_search": copy.deepcopy(search)})
        search["results"] = [self._search_result(result) for result in part.results]
        yield from self._steps.end("completed")

    def list_tools(self, part: ListTools) -> Iterator[WireEvent]:
        """Write a whole ``activities`` step; it has no deltas."""
        activities: list[Obj] = []
        yield from self._steps.begin({"type": "activities", "activities": activities})
        activity = {
            "id": self._store.new_id("activity"),
            "type": "mcp_list_tools",
            "server_label": part.server_label,
            "tools": {name: dict(tool) for name, tool in part.tools.items()},
        }
        activities.append(activity)
        yield from self._steps.end("completed")

    def _begin(self) -> Generator[WireEvent, None, list[Obj]]:
        """Open a step of calls; return its live list of calls."""
        calls: list[Obj] = []
        yield from self._steps.begin({"type": "tool_calls", "tool_calls": calls})
        return calls

    def _delta(self, call: Obj) -> WireEvent:
        return self._steps.delta({"type": "tool_calls", "tool_calls": [call]})

    def _code_delta(self, code: Obj) -> WireEvent:
        return self._delta({"index": 0, "type": "code_interpreter", "code_interpreter": code})

    def _mcp_entry(self, call: McpCall) -> Obj:
        call_id = self._store.new_id("call")
        self._mcp_outputs[call_id] = call.output
        return {
            "id": call_id,
            "type": "mcp",
            "arguments": call.arguments,
            "name": call.name,
            "server_label": call.server_label,
            "output": None,
        }

    def _result(self, call: Obj, given: ClientAnswer) -> ToolResult:
        """Fill in one pending call."""
        if isinstance(given, str):
            function = call["function"]
            function["output"] = given
            return ToolResult(call["id"], function["name"], function["arguments"], given)
        call["output"] = self._mcp_outputs[call["id"]] if given else None
        return ToolResult(call["id"], call["name"], call["arguments"], call["output"], given)

    def _search_result(self, result: SearchResult) -> Obj:
        found: Obj = {
            "file_id": result.file_id,
            "file_name": result.file_name,
            "score": result.score,
            "attributes": {},
        }
        if RESULT_CONTENT in self._include:
            found["content"] = [{"type": "text", "text": result.text}]
        return found


def _outputs(part: RunCode) -> Iterator[Obj]:
    """Yield the outputs of a code interpreter call."""
    if part.logs:
        yield {"type": "logs", "logs": part.logs}
    if part.image_file_id is not None:
        yield {"type": "image", "image": {"file_id": part.image_file_id}}
