"""What was missed when a connection was lost, asked from the server.

Rules of this file:

- The server's objects are told as the wire would have told them, and go the ordinary way
  through the snapshots: those tell created, text and done exactly once, whatever was seen.
- A step or message is told created before anything else of it, and a message before the
  end of the step that writes it.
- What an earlier stream of the same run told (the one that ended with the calls whose
  outputs this one answers) is not told again.
- Where the server knows no such run, the loss stays a loss.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.errors import InternalServerError, RateLimitError, StreamError, TransportError
from stream_core.snapshots.stream_state import LAST_RUN_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from stream_core.models import Message, Run, RunStep, ToolCall
    from stream_core.snapshots.stream_state import Snapshots

__all__ = ["DEFAULT_RECOVERY_SECONDS", "Recovery", "RunServer"]

#: A run waits ten minutes for tool outputs before it expires; none takes longer alone.
DEFAULT_RECOVERY_SECONDS = 600.0

#: After so many questions in a row without an answer the server is not asked again.
_MAX_UNANSWERED = 3

#: What says that the server, or what stands before it, cannot answer at the moment.
_UNANSWERED = (TransportError, InternalServerError, RateLimitError)

#: Waits between two questions, in seconds: the first, and the longest; and how often it is
#: looked meanwhile whether to go on waiting.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_LOOK = 0.1

_RUN_EVENTS: dict[str, tuple[type[events.WireEvent[Any]], str]] = {
    "requires_action": (events.ThreadRunRequiresAction, "thread.run.requires_action"),
    "completed": (events.ThreadRunCompleted, "thread.run.completed"),
    "incomplete": (events.ThreadRunIncomplete, "thread.run.incomplete"),
    "failed": (events.ThreadRunFailed, "thread.run.failed"),
    "cancelled": (events.ThreadRunCancelled, "thread.run.cancelled"),
    "expired": (events.ThreadRunExpired, "thread.run.expired"),
}

_STEP_EVENTS: dict[str, tuple[type[events.WireEvent[Any]], str]] = {
    "completed": (events.ThreadRunStepCompleted, "thread.run.step.completed"),
    "failed": (events.ThreadRunStepFailed, "thread.run.step.failed"),
    "cancelled": (events.ThreadRunStepCancelled, "thread.run.step.cancelled"),
    "expired": (events.ThreadRunStepExpired, "thread.run.step.expired"),
}


class RunServer(Protocol):
    """What can be asked about a run."""

    def find(self, snapshots: Snapshots) -> Run | None:
        """Return the run that SNAPSHOTS are of, or None."""
        ...

    def run(self, run: Run) -> Run:
        """Return RUN as it is now."""
        ...

    def steps(self, run: Run) -> Sequence[RunStep]:
        """Return the steps of RUN, the oldest first."""
        ...

    def message(self, run: Run, message_id: str) -> Message:
        """Return a message of RUN's thread."""
        ...


class Recovery:
    """Asks a server what became of a run."""

    def __init__(
        self,
        server: RunServer,
        *,
        answered: Collection[str] = (),
        seconds: float = DEFAULT_RECOVERY_SECONDS,
    ) -> None:
        """Prepare to ask.

        Args:
            server: Whom.
            answered: The ids of the calls whose outputs the stream is an answer to.
            seconds: How long to wait for the run.
        """
        self._server = server
        self._answered = frozenset(answered)
        self._seconds = seconds

    def recover(
        self, snapshots: Snapshots, stopped: Callable[[], bool] = lambda: False
    ) -> tuple[Run, list[Decoded]] | None:
        """Wait until the run has nothing more to say, and tell what was missed.

        Args:
            snapshots: What was seen.
            stopped: Asked ten times a second: whether not to wait any longer.

        Returns:
            The run, and what to fold in; None where there is no run to ask about, or it was
            not waited for.

        Raises:
            StreamError: The server could not be asked, or the run took too long.
        """
        run = self._server.find(snapshots)
        ended = None if run is None else self._wait(run, stopped)
        return None if ended is None else (ended, list(self._missed(ended, snapshots)))

    def _wait(self, run: Run, stopped: Callable[[], bool]) -> Run | None:
        """Ask until the run ended or requires action; None where it was STOPPED."""
        wait, unanswered = _FIRST_WAIT, 0
        deadline = time.monotonic() + self._seconds
        while not stopped():
            try:
                now = self._server.run(run)
            except _UNANSWERED:
                unanswered += 1
                if unanswered == _MAX_UNANSWERED:
                    raise
            else:
                unanswered = 0
                if now.status in LAST_RUN_STATUSES:
                    return now
                if time.monotonic() >= deadline:
                    raise StreamError(f"run {run.id} is still {now.status}")
            _sleep(wait * (1 - random.random() / 4), stopped)  # noqa: S311  # spreads clients
            wait = min(wait * 2, _LONGEST_WAIT)
        return None

    def _missed(self, run: Run, snapshots: Snapshots) -> Iterator[Decoded]:
        """Yield what the wire would have told; what was told is sorted out by the snapshots."""
        if snapshots.current_run is None and not self._answered:
            begun = evolve(run, status="queued", required_action=None)
            yield _synthetic(events.ThreadRunCreated, begun, "thread.run.created")
        known = {step.id: step for step in snapshots.run_steps}
        messages = {message.id for message in snapshots.messages}
        steps = self._server.steps(run)
        for number, step in enumerate(steps):
            if self._answered & _call_ids(step):
                yield from _ended(step)
                steps = steps[number + 1 :]
                break
        for step in steps:
            yield from self._missed_of_step(run, step, known.get(step.id), messages)
        heard = snapshots.current_run
        if not (snapshots.requires_action and heard is not None and heard.status == run.status):
            event_class, name = _RUN_EVENTS[run.status or ""]
            yield _synthetic(event_class, run, name)

    def _missed_of_step(
        self, run: Run, step: RunStep, known: RunStep | None, messages: set[str]
    ) -> Iterator[Decoded]:
        """Yield what the wire would have told of a step."""
        if known is None:
            begun = evolve(step, status="in_progress", step_details=_emptied(step.step_details))
            yield _synthetic(events.ThreadRunStepCreated, begun, "thread.run.step.created")
            known = begun
        details = step.step_details
        if isinstance(details, models.MessageCreationStepDetails):
            yield from self._missed_of_message(run, details.message_creation.message_id, messages)
        elif isinstance(details, models.ToolCallsStepDetails):
            yield from _missed_calls(step, details.tool_calls, known)
        yield from _ended(step)

    def _missed_of_message(self, run: Run, message_id: str, known: set[str]) -> Iterator[Decoded]:
        """Yield what the wire would have told of a message.

        One that stays in progress though its run ended has all that it will ever have.
        """
        if not message_id:
            return
        message = self._server.message(run, message_id)
        if message_id not in known:
            begun = evolve(message, status="in_progress", content=[])
            yield _synthetic(events.ThreadMessageCreated, begun, "thread.message.created")
        if message.status == "incomplete":
            yield _synthetic(events.ThreadMessageIncomplete, message, "thread.message.incomplete")
        elif message.status != "in_progress" or run.status != "requires_action":
            yield _synthetic(events.ThreadMessageCompleted, message, "thread.message.completed")


def _synthetic(event_class: type[events.WireEvent[Any]], payload: Any, name: str) -> Decoded:
    """Return what a frame would have meant."""
    return Decoded(event_class, payload, None, name, synthetic=True)


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait, in short pieces: a signal handler that calls ``abort`` does not end a sleep."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stopped():
        time.sleep(min(left, _LOOK))


def _call_ids(step: RunStep) -> set[str]:
    """Return the ids of a step's calls."""
    details = step.step_details
    calls = details.tool_calls if isinstance(details, models.ToolCallsStepDetails) else []
    return {call.id for call in calls}


def _ended(step: RunStep) -> Iterator[Decoded]:
    """Yield the end of a step that has ended."""
    if step.status in _STEP_EVENTS:
        event_class, name = _STEP_EVENTS[step.status]
        yield _synthetic(event_class, step, name)


def _emptied(details: models.StepDetails | None) -> models.StepDetails | None:
    """Return what details are when a step begins."""
    return (
        models.ToolCallsStepDetails()
        if isinstance(details, models.ToolCallsStepDetails)
        else details
    )


def _missed_calls(step: RunStep, calls: list[ToolCall], known: RunStep) -> Iterator[Decoded]:
    """Yield deltas for what was not seen of a step's function calls.

    Calls of other kinds come with the end of their step.
    """
    seen = known.step_details
    before = seen.tool_calls if isinstance(seen, models.ToolCallsStepDetails) else []
    for index, call in enumerate(calls):
        if not isinstance(call, models.FunctionToolCall):
            continue
        old = next((x for x in before if x.id == call.id), None)
        arguments = call.function.arguments
        name: str | None = call.function.name
        if isinstance(old, models.FunctionToolCall):
            if not arguments.startswith(old.function.arguments):
                continue
            arguments, name = arguments[len(old.function.arguments) :], None
            if not arguments:
                continue
        function = models.FunctionDelta(name, arguments)
        delta = models.FunctionToolCallDelta(
            index, call.id if name is not None else None, function=function
        )
        details = models.ToolCallDeltaObject(tool_calls=[delta])
        payload = models.RunStepDeltaEvent(step.id, models.RunStepDelta(details))
        yield _synthetic(events.ThreadRunStepDelta, payload, "thread.run.step.delta")
