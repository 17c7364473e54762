"""Rounds of tools: the flow that answers what a run requires.

Rules of this file:

- Calls run after every handler saw ``on_run_requires_action``, in the reader's own call, in
  the order in which the model made them; in an executor only if the caller gave one.
  ``approve`` is always called in the reader's own call, after the calls before have run or
  begun.
- All or nothing: outputs are submitted once every call has one. Calls that have begun are
  waited for, also if nothing is submitted.
- An exception from one call is delivered to the handlers and then, as the caller chose,
  submitted as its output or raised. One from ``approve`` is no output: it is raised.
- Calls that neither a tool nor ``approve`` answers end the stream, as without tools.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from stream_core import events, models
from stream_core.dispatch import lazy_kind
from stream_core.effects import Begin, Deliver, Invoke, Join, Now, Outcome, Wait
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

#: Stands for the answer of an ``approve`` that ended the stream.
_ENDED: Final[Outcome] = Outcome("the stream has ended")


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
            TypeError: APPROVE cannot be called with a call, EXECUTOR is not an executor, or
                MAX_ROUNDS is not a whole number.
            ValueError: An argument has a value that is not allowed.
        """
        _check(approve, max_rounds, executor)
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
            Exception: A tool raised it and ``tool_errors`` is ``"raise"``, or ``approve`` did.
        """
        if self._rounds == self._max_rounds:
            raise ToolLoopError(run, self._max_rounds)
        self._rounds += 1
        lives = _lifetime(run)
        began: float = 0.0 if lives is None else (yield Now())
        action = run.required_action or models.RequiredAction()
        if action.submit_tool_approval is not None:
            approvals = yield from self._approvals(action.submit_tool_approval.tool_calls)
            if approvals is None:
                return None
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
        begun: deque[Any] = deque()
        try:
            outputs = yield from self._answer_all(calls, begun)
        except Exception:
            yield from _wait_for(begun)
            raise
        yield from _wait_for(begun)
        return outputs

    def _answer_all(
        self, calls: Sequence[RequiredActionFunctionToolCall], begun: deque[Any]
    ) -> Flow[list[dict[str, Any]] | None]:
        """Run CALLS, and keep in BEGUN those that have begun and were not waited for yet."""
        outputs: list[dict[str, Any]] = []
        if self._executor is not None:
            goes_on = yield from self._begin(calls, self._executor, begun)
            if not goes_on:
                return None
        for call in calls:
            if self._executor is None:
                chosen = yield from self._choose(call)
                if chosen is _ENDED:
                    return None
                outcome: Outcome = (yield chosen) if isinstance(chosen, Invoke) else chosen
            else:
                waiting = begun.popleft()
                outcome = waiting if isinstance(waiting, Outcome) else (yield Join(waiting))
            output = yield from self._report(call, outcome)
            if output is None:
                return None
            outputs.append({"tool_call_id": call.id, "output": output})
        return outputs

    def _begin(
        self,
        calls: Sequence[RequiredActionFunctionToolCall],
        executor: Executor,
        begun: deque[Any],
    ) -> Flow[bool]:
        """Begin CALLS; append to BEGUN the handle of each, or its outcome if nothing is to run.

        Returns:
            Whether to go on.
        """
        for call in calls:
            chosen = yield from self._choose(call)
            if chosen is _ENDED:
                return False
            begun.append((yield Begin(chosen, executor)) if isinstance(chosen, Invoke) else chosen)
        return True

    def _choose(self, call: RequiredActionFunctionToolCall) -> Flow[Invoke | Outcome]:
        """Return the invocation for CALL, or its outcome if nothing is to run; or _ENDED."""
        verdict: Any = True
        if self._approve is not None:
            verdict = yield from self._ask(self._approve, call)
        if isinstance(verdict, Outcome):  # _ENDED
            return verdict
        if verdict is False:
            return Outcome(_REFUSED)
        if isinstance(verdict, str):
            return Outcome(verdict)
        if verdict is True:
            verdict = call
        if not isinstance(verdict, models.RequiredActionFunctionToolCall):
            wrong = f"approve returned {verdict!r}: return True, False, a string or a call"
            raise TypeError(wrong)
        if self._tools is None:
            name = verdict.function.name
            return Outcome(error=LookupError(f"no tools were given, so {name!r} cannot be called"))
        return Invoke(self._tools.run, (verdict,))

    def _ask(
        self,
        approve: Approve,
        call: RequiredActionFunctionToolCall | MCPApprovalToolCall,
    ) -> Flow[Any]:
        """Return what APPROVE says about CALL; _ENDED if it ended the stream, or others did."""
        asked: Outcome = yield Invoke(approve, (call,))
        if asked.error is not None:
            asked.error.add_note(f"raised by approve for the call {call.id}")
            raise asked.error
        return _ENDED if (yield Wait(0.0)) else asked.value

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

    def _approvals(self, calls: Sequence[MCPApprovalToolCall]) -> Flow[list[dict[str, Any]] | None]:
        """Ask ``approve`` about each of CALLS; None if the stream was ended meanwhile."""
        approvals = []
        for call in calls:
            verdict: Any = False
            if self._approve is not None:
                verdict = yield from self._ask(self._approve, call)
            if verdict is _ENDED:
                return None
            approvals.append({"tool_call_id": call.id, "approve": verdict is True})
        return approvals


def _wait_for(begun: deque[Any]) -> Flow[None]:
    """Wait for what has BEGUN, whatever comes of it."""
    while begun:
        waiting = begun.popleft()
        if not isinstance(waiting, Outcome):
            yield Join(waiting)


def _check(approve: Any, max_rounds: Any, executor: Any) -> None:
    """Raise TypeError if one of these is not what it should be."""
    remedy = "pass a function that takes a call and returns True, False, a string or another call"
    if approve is not None and not callable(approve):
        raise TypeError(f"approve is {approve!r}: {remedy}")
    if (kind := lazy_kind(approve)) is not None:
        raise TypeError(f"approve is {kind}, which nobody would wait for: {remedy}")
    if approve is not None and not _takes_one(approve):
        raise TypeError(f"approve is {approve!r}, which cannot be called with a call: {remedy}")
    if isinstance(executor, type) or not (executor is None or hasattr(executor, "submit")):
        remedy = "pass an executor, e.g. concurrent.futures.ThreadPoolExecutor(4)"
        raise TypeError(f"executor is {executor!r}: {remedy}")
    if isinstance(max_rounds, bool) or not isinstance(max_rounds, int):
        raise TypeError(f"max_rounds is {max_rounds!r}: pass a whole number, e.g. 16")


def _takes_one(function: Callable[..., Any]) -> bool:
    """Return whether FUNCTION takes one argument, as far as that can be known."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (NameError, TypeError, ValueError):  # builtins, annotations that do not evaluate
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def _lifetime(run: Run) -> float | None:
    """Return the most seconds that RUN can wait, or None if only its server knows.

    Both dates are of the server's clock, which need not agree with the one here, and the run may
    be a recording: what counts is the time between them.
    """
    if run.expires_at is None or run.created_at is None:
        return None
    return run.expires_at - run.created_at
