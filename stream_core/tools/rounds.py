"""What a run requires of the caller, done round after round.

Rules of this file:

- Calls run after every handler saw ``on_run_requires_action``, in the reader's own call, in
  the order of the calls; in an executor only where the caller gave one. ``approve`` is asked
  in the reader's own call always.
- All or nothing: outputs are submitted when every call has one.
- What goes wrong with one call is told to handlers, and then, as the caller chose, submitted
  as its output or raised.
- Calls that no tool and no ``approve`` answers end the stream, as without tools.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from stream_core import events, models
from stream_core.errors import RunExpiredError, ToolLoopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from stream_core.models import MCPApprovalToolCall, RequiredActionFunctionToolCall, Run

__all__ = ["DEFAULT_MAX_ROUNDS", "Approve", "ToolErrors", "ToolRounds", "Tools"]

#: A model that always calls would never end; real conversations need a few rounds.
DEFAULT_MAX_ROUNDS = 16

#: What becomes of a tool's exception: its text is the output, or it is raised.
ToolErrors: TypeAlias = Literal["submit", "raise"]

#: Looks at a call before it runs. True: run it (approve it); False or a text: refuse it, with
#: the text as its output; another call: run that one instead.
Approve: TypeAlias = "Callable[[Any], bool | str | RequiredActionFunctionToolCall]"

_REFUSED = "The call was refused."


class Tools(Protocol):
    """What runs calls; ``stream_core.tools.tool_set.ToolSet`` is one."""

    def run(self, call: RequiredActionFunctionToolCall) -> str:
        """Run CALL and return its output; raise where it fails."""
        ...


class ToolRounds:
    """Answers what a run requires."""

    def __init__(
        self,
        tools: Tools | None,
        *,
        tool_errors: ToolErrors = "submit",
        approve: Approve | None = None,
        max_rounds: int = DEFAULT_MAX_ROUNDS,
        executor: Executor | None = None,
    ) -> None:
        """Prepare to answer.

        Args:
            tools: What runs the calls; None: approvals only.
            tool_errors: What becomes of a tool's exception.
            approve: Looks at each call before it runs; also at MCP calls that wait for
                approval. Without it calls run, and approvals are left to the caller.
            max_rounds: How often a run may require action.
            executor: Runs the calls of a round at the same time; None: one after the other.

        Raises:
            ValueError: An argument has no such value.
        """
        if tool_errors not in ("submit", "raise"):
            raise ValueError(f'tool_errors is {tool_errors!r}: choose "submit" or "raise"')
        if max_rounds < 1:
            raise ValueError(f"max_rounds is {max_rounds}: allow one round at least")
        self._tools = tools
        self._raises = tool_errors == "raise"
        self._approve = approve
        self._max_rounds = max_rounds
        self._executor = executor
        self._rounds = 0

    def answers(self, run: Run) -> bool:
        """Tell whether what RUN requires can be answered here."""
        action = run.required_action
        if action is None:
            return False
        if action.submit_tool_approval is not None:
            return self._approve is not None
        return self._tools is not None and action.submit_tool_outputs is not None

    def answer(self, run: Run) -> Iterator[events.LocalEvent | dict[str, Any]]:
        """Do what RUN requires.

        Yields:
            ``ToolOutput`` and ``ToolError`` events as they happen, and last the part of the
            request's body that answers the run.

        Raises:
            ToolLoopError: It was one round too many.
            RunExpiredError: The tools took longer than the run waits.
            Exception: What a tool raised, where that is to be raised; what ``approve``
                raised about an MCP call.
        """
        if self._rounds == self._max_rounds:
            raise ToolLoopError(run, self._max_rounds)
        self._rounds += 1
        action = run.required_action or models.RequiredAction()
        if action.submit_tool_approval is not None:
            calls = action.submit_tool_approval.tool_calls
            body: dict[str, Any] = {"tool_approvals": [self._approval(call) for call in calls]}
        else:
            outputs: list[Mapping[str, str]] = []
            required = action.submit_tool_outputs or models.SubmitToolOutputs()
            for call, output in self._outputs(required.tool_calls):
                if isinstance(output, Exception):
                    yield events.ToolError(call, output)
                    if self._raises:
                        raise output
                    output = f"{output.__class__.__name__}: {output}"  # noqa: PLW2901  # the text
                yield events.ToolOutput(call, output)
                outputs.append({"tool_call_id": call.id, "output": output})
            body = {"tool_outputs": outputs}
        if run.expires_at is not None and run.expires_at <= time.time():
            raise RunExpiredError(run)
        yield body

    def _outputs(
        self, calls: Iterable[RequiredActionFunctionToolCall]
    ) -> Iterator[tuple[RequiredActionFunctionToolCall, str | Exception]]:
        """Run CALLS and yield each with its output, in their order."""
        # One by one: a call is asked about when those before it have run, or begun to.
        chosen = ((call, self._choose(call)) for call in calls)
        if self._executor is None:
            yield from ((call, self._output(choice)) for call, choice in chosen)
            return
        futures = [(call, self._executor.submit(self._output, x)) for call, x in chosen]
        yield from ((call, future.result()) for call, future in futures)

    def _choose(
        self, call: RequiredActionFunctionToolCall
    ) -> RequiredActionFunctionToolCall | str | Exception:
        """Return what is to run for CALL, or else its output, or what was raised."""
        try:
            verdict: Any = True if self._approve is None else self._approve(call)
        except Exception as error:  # noqa: BLE001  # told to handlers, then submitted or raised
            return error
        if verdict is True or verdict is False:
            return call if verdict else _REFUSED
        if isinstance(verdict, str | models.RequiredActionFunctionToolCall):
            return verdict
        return TypeError(f"approve returned {verdict!r}: return True, False, a text or a call")

    def _output(self, choice: RequiredActionFunctionToolCall | str | Exception) -> str | Exception:
        """Run what was chosen; return its output, or what it raised."""
        if isinstance(choice, str | Exception):
            return choice
        if self._tools is None:
            return LookupError(f"no tools were given, so none is called {choice.function.name!r}")
        try:
            return self._tools.run(choice)
        except Exception as error:  # noqa: BLE001  # told to handlers, then submitted or raised
            return error

    def _approval(self, call: MCPApprovalToolCall) -> dict[str, Any]:
        """Ask for one approval."""
        verdict = False if self._approve is None else self._approve(call)
        return {"tool_call_id": call.id, "approve": verdict is True}
