"""What was missed when a connection was lost: the flow that asks the server for it.

Rules of this file:

- The server's objects become what the wire would have sent, and go the ordinary way through
  the snapshots: those deliver created, text and done exactly once, whatever was seen.
- A step or message is created before anything else of it, and a message comes before the end
  of the step that writes it.
- What an earlier stream of the same run delivered (the one that ended with the calls whose
  outputs this one answers) does not come again.
- If the server does not know the run, the loss stays a loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.errors import InternalServerError, RateLimitError, TransportError
from stream_core.snapshots.stream_state import LAST_RUN_STATUSES

from .polling import poll

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from stream_core.effects import Flow
    from stream_core.models import Message, Run, RunStep, ToolCall
    from stream_core.snapshots.stream_state import Snapshots

__all__ = ["DEFAULT_RECOVERY_SECONDS", "Recovery", "RunServer"]

#: A run waits ten minutes for tool outputs before it expires; none takes longer alone.
DEFAULT_RECOVERY_SECONDS = 600.0

#: After so many questions in a row without an answer the server is not asked again.
_MAX_UNANSWERED = 3

#: What says that the server, or what stands before it, cannot answer at the moment.
_UNANSWERED = (TransportError, InternalServerError, RateLimitError)

#: Seconds between two questions: the first, and the longest.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0


class RunServer(Protocol):
    """What can be asked about a run; each method is a flow."""

    def find(self, snapshots: Snapshots) -> Flow[Run | None]:
        """Return the run that SNAPSHOTS are of, or None."""
        ...

    def run(self, run: Run) -> Flow[Run]:
        """Return RUN as it is now."""
        ...

    def steps(self, run: Run) -> Flow[Sequence[RunStep]]:
        """Return the steps of RUN, the oldest first."""
        ...

    def message(self, run: Run, message_id: str) -> Flow[Message]:
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

    def recover(self, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Wait until the run is over or requires action, and find out what was missed.

        Args:
            snapshots: What was seen.

        Returns:
            The run, and what to fold in; None if there is no run to ask about, or the stream
            was aborted meanwhile.

        Raises:
            StreamError: The server could not be asked, or the run took too long.
        """
        run = yield from self._server.find(snapshots)
        ended = None if run is None else (yield from self._wait(run))
        if ended is None:
            return None
        missed = yield from self._missed(ended, snapshots)
        return ended, missed

    def _wait(self, run: Run) -> Flow[Run | None]:
        """Ask until the run ended or requires action; None if the stream was aborted."""
        return (
            yield from poll(
                lambda: self._server.run(run),
                lambda now: now.status in LAST_RUN_STATUSES,
                first=_FIRST_WAIT,
                longest=_LONGEST_WAIT,
                patience=self._seconds,
                still=lambda now: f"run {run.id} is still {now.status}",
                unanswered=_UNANSWERED,
                most=_MAX_UNANSWERED,
            )
        )

    def _missed(self, run: Run, snapshots: Snapshots) -> Flow[list[Decoded]]:
        """Return what the wire would have sent; the snapshots sort out what was delivered."""
        out: list[Decoded] = []
        if snapshots.current_run is None and not self._answered:
            begun = evolve(run, status="queued", required_action=None)
            out.append(_synthetic(events.ThreadRunCreated, begun))
        known = {step.id: step for step in snapshots.run_steps}
        messages = {message.id for message in snapshots.messages}
        steps = yield from self._server.steps(run)
        for number, step in enumerate(steps):
            if self._answered & _call_ids(step):
                out += _ended(step)
                steps = steps[number + 1 :]
                break
        for step in steps:
            out += yield from self._missed_of_step(run, step, known.get(step.id), messages)
        heard = snapshots.current_run
        if not (snapshots.requires_action and heard is not None and heard.status == run.status):
            out.append(_synthetic(events.RUN_EVENTS[run.status or ""], run))
        return out

    def _missed_of_step(
        self, run: Run, step: RunStep, known: RunStep | None, messages: set[str]
    ) -> Flow[list[Decoded]]:
        """Return what the wire would have sent of a step."""
        out: list[Decoded] = []
        if known is None:
            begun = evolve(step, status="in_progress", step_details=_emptied(step.step_details))
            out.append(_synthetic(events.ThreadRunStepCreated, begun))
            known = begun
        details = step.step_details
        if isinstance(details, models.MessageCreationStepDetails):
            message_id = details.message_creation.message_id
            out += yield from self._missed_of_message(run, message_id, messages)
        elif isinstance(details, models.ToolCallsStepDetails):
            out += _missed_calls(step, details.tool_calls, known)
        out += _ended(step)
        return out

    def _missed_of_message(self, run: Run, message_id: str, known: set[str]) -> Flow[list[Decoded]]:
        """Return what the wire would have sent of a message.

        One that stays in progress though its run ended has all that it will ever have.
        """
        if not message_id:
            return []
        message = yield from self._server.message(run, message_id)
        out: list[Decoded] = []
        if message_id not in known:
            begun = evolve(message, status="in_progress", content=[])
            out.append(_synthetic(events.ThreadMessageCreated, begun))
        if message.status == "incomplete":
            out.append(_synthetic(events.ThreadMessageIncomplete, message))
        elif message.status != "in_progress" or run.status != "requires_action":
            out.append(_synthetic(events.ThreadMessageCompleted, message))
        return out


def _synthetic(event_class: type[events.WireEvent[Any]], payload: Any) -> Decoded:
    """Return what a frame would have meant."""
    return Decoded(event_class, payload, None, event_class.event, synthetic=True)


def _call_ids(step: RunStep) -> set[str]:
    """Return the ids of a step's calls."""
    details = step.step_details
    calls = details.tool_calls if isinstance(details, models.ToolCallsStepDetails) else []
    return {call.id for call in calls}


def _ended(step: RunStep) -> Iterator[Decoded]:
    """Yield the end of a step that has ended."""
    if step.status != "in_progress" and step.status in events.STEP_EVENTS:
        yield _synthetic(events.STEP_EVENTS[step.status], step)


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
        yield _synthetic(events.ThreadRunStepDelta, payload)
