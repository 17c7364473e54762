"""A ``Control`` that follows a test's script, for streams without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from stream_core import events, models
from stream_core.effects import Deliver, Invoke, Wait, immediate
from tests.support.frames import call, run

if TYPE_CHECKING:
    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from tests.support.frames import Frame

    #: The steps of one round: events, exceptions to raise, functions to call, and a source.
    Round = list[Any]

TOOL_CALL = models.RequiredActionFunctionToolCall("call_1")

#: The action that a run requires, as JSON.
ACTION = {
    "type": "submit_tool_outputs",
    "submit_tool_outputs": {"tool_calls": [call(None, id="call_1", name="f", arguments="{}")]},
}


def waits(run_id: str = "run_1") -> Frame:
    """Return the frame of a run that requires an action."""
    return run("requires_action", run_id, required_action=ACTION)


def output(text: str = "high") -> events.ToolOutput:
    """Return the event for a tool's output TEXT."""
    return events.ToolOutput(TOOL_CALL, text)


@attrs.define
class ScriptedControl:
    """Follows its script step by step.

    Attributes:
        rounds: The steps of each ``answer``; None leaves the round to the caller.
        recoveries: The results of each ``recover``, or exceptions to raise.
        sources: The results of each ``rejoin``, or exceptions to raise.
        found: The result of ``find``, or an exception to raise.
        cancels: The result of ``cancel``, or an exception to raise.
        recovers: Whether it recovers at all.
        asked: The calls so far.
        stopped: Whether the stream was aborted, at the last recovery.
    """

    rounds: list[Round | None] = attrs.field(factory=list)
    recoveries: list[Any] = attrs.field(factory=list)
    sources: list[Any] = attrs.field(factory=list)
    found: Any = None
    cancels: Any = True
    recovers: bool = True
    asked: list[str] = attrs.field(factory=list)
    stopped: bool | None = None

    def begin(self) -> Flow[Source]:
        """Return an empty source: the stream has its first one already."""
        return immediate(b"")

    def answer(self, run: models.Run) -> Flow[Source | None] | None:
        """Return the next round."""
        self.asked.append(f"answer {run.id}")
        steps = self.rounds.pop(0)
        return None if steps is None else self._steps(steps)

    @staticmethod
    def _steps(steps: Round) -> Flow[Source | None]:
        for step in steps:
            if isinstance(step, events.ToolError):
                yield Invoke(given, (step.error,))  # it comes from a tool
            if callable(step):
                step()
            elif not isinstance(given(step), events.LocalEvent):
                return cast("Source", step)
            elif not (yield Deliver(step)):
                return None
        return None

    def recover(self, snapshots: Snapshots) -> Flow[tuple[models.Run, list[Decoded]] | None]:
        """Return the next recovery."""
        del snapshots
        self.asked.append("recover")
        self.stopped = yield Wait(0)
        found: tuple[models.Run, list[Decoded]] | None = self._next(self.recoveries)
        return found

    def rejoin(self, snapshots: Snapshots) -> Flow[Source | None]:
        """Return the next source."""
        del snapshots
        self.asked.append("rejoin")
        self.stopped = yield Wait(0)
        source: Source | None = self._next(self.sources)
        return source

    @staticmethod
    def _next(script: list[Any]) -> Any:
        step = script.pop(0) if script else None
        return step() if callable(step) else given(step)

    def find(self, snapshots: Snapshots) -> Flow[models.Run | None]:
        """Return the scripted run, or else the current one."""
        self.asked.append("find")
        yield from ()
        found: models.Run | None = given(self.found) or snapshots.current_run
        return found

    def cancel(self, run: models.Run) -> Flow[bool]:
        """Return whether the server was asked to cancel."""
        self.asked.append(f"cancel {run.id}")
        yield from ()
        cancelled: bool = given(self.cancels)
        return cancelled


def given(value: Any) -> Any:
    """Return VALUE, or raise it if it is an exception."""
    if isinstance(value, BaseException):
        raise value
    return value
