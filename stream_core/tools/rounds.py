"""Rounds of tools: the flow that answers what a run requires.

Rules of this file:

- Calls run after every handler saw ``on_run_requires_action``, in the reader's own call, in
  the order in which the model made them; in an executor only if the caller gave one.
  ``approve`` is always called in the reader's own call, after the calls before have run or
  begun.
- All or nothing: outputs are submitted once every call has one.
- An exception from one call is delivered to the handlers and then, as the caller chose,
  submitted as its output or raised.
- Calls that neither a tool nor ``approve`` answers end the stream, as without tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from stream_core import events, models
from stream_core.effects import Begin, Deliver, Invoke, Join, Now, Outcome
from stream_core.errors import RunExpiredError, ToolLoopError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from stream_core.effects import Flow
    from stream_core.models import MCPApprovalToolCall, RequiredActionFunctionToolCall, Run

__all__ = ["DEFAULT_MAX_ROUNDS", "Approve", "ToolErrors", "ToolRounds", "Tools"]

#: A model that keeps calling would never end; real conversations need only a few rounds.
DEFAULT_MAX_ROUNDS = 16

#: How a tool's exception is handled: its text becomes the output, or it is raised.
ToolErrors: TypeAlias = Literal["submit", "raise"]

#: Called with each call before it runs. Returns True to run or approve it, False to refuse it, a
#: string to refuse it with that output, or another call to run instead.
Approve: TypeAlias = "Callable[[Any], bool | str | RequiredActionFunctionToolCall]"

_REFUSED = "The call was refused."


class Tools(Protocol):
    """Something that runs calls; ``stream_core.tools.tool_set.ToolSet`` is one."""

    def run(self, call: RequiredActionFunctionToolCall) -> str:
        """Run CALL and return its output; raise if it fails."""
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
            tools: Runs the calls; None to handle approvals only.
            tool_errors: How a tool's exception is handled.
            approve: Called with each call before it runs, and with each MCP call that waits
                for approval. Without it every call runs, and approvals are left to the caller.
            max_rounds: How often a run may require action.
            executor: Runs the calls of a round concurrently; None runs them one by one.

        Raises:
            ValueError: An argument has a value that is not allowed.
        """
        if tool_errors not in ("submit", "raise"):
            raise ValueError(f'tool_errors is {tool_errors!r}: choose "submit" or "raise"')
        if max_rounds < 1:
            raise ValueError(f"max_rounds is {max_rounds}: allow at least one round")
        self._tools = tools
        self._raises = tool_errors == "raise"
        self._approve = approve
        self._max_rounds = max_rounds
        self._executor = executor
        self._rounds = 0

    def answers(self, run: Run) -> bool:
        """Return whether what RUN requires can be answered here."""
        action = run.required_action
        if action is None:
            return False
        if action.submit_tool_approval is not None:
            return self._approve is not None
        return self._tools is not None and action.submit_tool_outputs is not None

    def answer(self, run: Run) -> Flow[dict[str, Any] | None]:
        """Do what RUN requires; ``ToolOutput`` and ``ToolError`` are delivered as they happen.

        Returns:
            The part of the request's body that answers the run, or None if the stream was
            ended meanwhile.

        Raises:
            ToolLoopError: The run required action once too often.
            RunExpiredError: The tools took longer than the run waits.
            Exception: A tool raised it and ``tool_errors`` is ``"raise"``, or ``approve``
                raised it for an MCP call.
        """
        if self._rounds == self._max_rounds:
            raise ToolLoopError(run, self._max_rounds)
        self._rounds += 1
        lives = _lifetime(run)
        began: float = 0.0 if lives is None else (yield Now())
        action = run.required_action or models.RequiredAction()
        if action.submit_tool_approval is not None:
            approvals = yield from self._approvals(action.submit_tool_approval.tool_calls)
            body = {"tool_approvals": approvals}
        else:
            required = action.submit_tool_outputs or models.SubmitToolOutputs()
            outputs = yield from self._outputs(required.tool_calls)
            if outputs is None:
                return None
            body = {"tool_outputs": outputs}
        if lives is not None and (yield Now()) - began >= lives:
            raise RunExpiredError(run)
        return body

    def _outputs(
        self, calls: Sequence[RequiredActionFunctionToolCall]
    ) -> Flow[list[dict[str, Any]] | None]:
        """Run CALLS; return their outputs, or None if the stream was ended meanwhile."""
        outputs: list[dict[str, Any]] = []
        begun = [] if self._executor is None else (yield from self._begin(calls, self._executor))
        for number, call in enumerate(calls):
            if self._executor is None:
                chosen = yield from self._choose(call)
                outcome: Outcome = (yield chosen) if isinstance(chosen, Invoke) else chosen
            else:
                waiting = begun[number]
                outcome = waiting if isinstance(waiting, Outcome) else (yield Join(waiting))
            output = yield from self._report(call, outcome)
            if output is None:
                return None
            outputs.append({"tool_call_id": call.id, "output": output})
        return outputs

    def _begin(
        self, calls: Sequence[RequiredActionFunctionToolCall], executor: Executor
    ) -> Flow[list[Any]]:
        """Begin CALLS; return for each its handle for Join, or its outcome if nothing is to run."""
        begun = []
        for call in calls:
            chosen = yield from self._choose(call)
            begun.append((yield Begin(chosen, executor)) if isinstance(chosen, Invoke) else chosen)
        return begun

    def _choose(self, call: RequiredActionFunctionToolCall) -> Flow[Invoke | Outcome]:
        """Return the invocation for CALL, or its outcome if nothing is to run."""
        verdict: Any = True
        if self._approve is not None:
            asked: Outcome = yield Invoke(self._approve, (call,))
            if asked.error is not None:
                return asked
            verdict = asked.value
        if verdict is False:
            return Outcome(_REFUSED)
        if isinstance(verdict, str):
            return Outcome(verdict)
        if verdict is True:
            verdict = call
        if not isinstance(verdict, models.RequiredActionFunctionToolCall):
            wrong = f"approve returned {verdict!r}: return True, False, a string or a call"
            return Outcome(error=TypeError(wrong))
        if self._tools is None:
            name = verdict.function.name
            return Outcome(error=LookupError(f"no tools were given, so {name!r} cannot be called"))
        return Invoke(self._tools.run, (verdict,))

    def _report(self, call: RequiredActionFunctionToolCall, outcome: Outcome) -> Flow[str | None]:
        """Deliver the OUTCOME of CALL; return its output, or None if the stream was ended."""
        output: str = outcome.value
        if outcome.error is not None:
            if not (yield Deliver(events.ToolError(call, outcome.error))):
                return None
            if self._raises:
                raise outcome.error
            output = f"{outcome.error.__class__.__name__}: {outcome.error}"
        return output if (yield Deliver(events.ToolOutput(call, output))) else None

    def _approvals(self, calls: Sequence[MCPApprovalToolCall]) -> Flow[list[dict[str, Any]]]:
        """Ask ``approve`` about each of CALLS."""
        approvals = []
        for call in calls:
            verdict = Outcome(value=False)
            if self._approve is not None:
                verdict = yield Invoke(self._approve, (call,))
            if verdict.error is not None:
                raise verdict.error
            approvals.append({"tool_call_id": call.id, "approve": verdict.value is True})
        return approvals


def _lifetime(run: Run) -> float | None:
    """Return the most seconds that RUN can wait, or None if only its server knows.

    Both dates are of the server's clock, which need not agree with the one here, and the run may
    be a recording: what counts is the time between them.
    """
    if run.expires_at is None or run.created_at is None:
        return None
    return run.expires_at - run.created_at
