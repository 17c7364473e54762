"""A ``Control`` that does what a test says, for streams without a server."""

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

    #: What one round comes to: events, exceptions to raise, functions to call, and a source.
    Round = list[Any]

TOOL_CALL = models.RequiredActionFunctionToolCall("call_1")

#: What a run requires, as JSON.
ACTION = {
    "type": "submit_tool_outputs",
    "submit_tool_outputs": {"tool_calls": [call(None, id="call_1", name="f", arguments="{}")]},
}


def waits(run_id: str = "run_1") -> Frame:
    """Return the frame of a run that requires something."""
    return run("requires_action", run_id, required_action=ACTION)


def output(text: str = "high") -> events.ToolOutput:
    """Return what is told when a tool gave TEXT."""
    return events.ToolOutput(TOOL_CALL, text)


@attrs.define
class ScriptedControl:
    """Does, one after the other, what it was told.

    Attributes:
        rounds: What each ``answer`` comes to; None: the caller does it.
        recoveries: What each ``recover`` gives or raises.
        sources: What each ``rejoin`` gives or raises.
        found: What ``find`` gives or raises.
        cancels: What ``cancel`` gives or raises.
        recovers: Whether it asks at all.
        asked: What it was asked for.
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
        """Give nothing: the stream has its first source."""
        return immediate(b"")

    def answer(self, run: models.Run) -> Flow[Source | None] | None:
        """Give the next round."""
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
        """Give the next recovery."""
        del snapshots
        self.asked.append("recover")
        self.stopped = yield Wait(0)
        found: tuple[models.Run, list[Decoded]] | None = self._next(self.recoveries)
        return found

    def rejoin(self) -> Flow[Source | None]:
        """Give the next source."""
        self.asked.append("rejoin")
        self.stopped = yield Wait(0)
        source: Source | None = self._next(self.sources)
        return source

    @staticmethod
    def _next(script: list[Any]) -> Any:
        step = script.pop(0) if script else None
        return step() if callable(step) else given(step)

    def find(self, snapshots: Snapshots) -> Flow[models.Run | None]:
        """Give what is known, or what was to be found."""
        self.asked.append("find")
        yield from ()
        found: models.Run | None = given(self.found) or snapshots.current_run
        return found

    def cancel(self, run: models.Run) -> Flow[bool]:
        """Say whether the server was asked to."""
        self.asked.append(f"cancel {run.id}")
        yield from ()
        cancelled: bool = given(self.cancels)
        return cancelled


def given(value: Any) -> Any:
    """Return VALUE, or raise it where it is an exception."""
    if isinstance(value, BaseException):
        raise value
    return value
