"""What was missed when a connection was lost: the flow that asks the server for it.

Rules of this file:

- The server's objects become what the wire would have sent, and go the ordinary way through
  the snapshots: those deliver created, text and done exactly once, whatever was seen.
- A step or message is created before anything else of it, and a message comes before the end
  of the step that writes it. What had begun comes before what begins.
- Whatever had begun and not ended is asked for, listed or not: without it the run would end with
  half of it. What the server does not have is an error.
- What an earlier stream of the same run delivered (the one that ended with the calls whose
  outputs this one answers) does not come again.
- Each question is asked as ``polling.persist`` does.
- A run is never guessed: if its id was not seen, and nothing else says which it is, the loss stays
  a loss. So it does if the server does not know the run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import evolve

from stream_core import events, models
from stream_core.effects import Now
from stream_core.errors import DecodeError, StreamError
from stream_core.models import TERMINAL_RUN_STATUSES
from stream_core.models.surrogates import mend
from stream_core.snapshots.stream_state import LAST_RUN_STATUSES

from .missed import (
    call_deltas,
    call_ids,
    message_begins,
    message_goes_on,
    step_begins,
    step_ends,
    synthetic,
)
from .polling import persist, poll

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.models import Message, Run, RunStep
    from stream_core.snapshots.stream_state import Snapshots

__all__ = ["DEFAULT_RECOVERY_SECONDS", "Recovery", "RunServer"]

T = TypeVar("T", "Run", "RunStep", "Message")

#: A run waits ten minutes for tool outputs before it expires; none takes longer alone.
DEFAULT_RECOVERY_SECONDS = 600.0

#: Seconds between two questions: the first, and the longest.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0


class RunServer(Protocol):
    """What can be asked about a run; each method is a flow."""

    def run(self, run: Run) -> Flow[Run]:
        """Return RUN as it is now."""
        ...

    def steps(self, run: Run) -> Flow[Sequence[RunStep]]:
        """Return the steps of RUN, the oldest first."""
        ...

    def step(self, run: Run, step_id: str) -> Flow[RunStep]:
        """Return a step of RUN."""
        ...

    def message(self, run: Run, message_id: str) -> Flow[Message]:
        """Return a message of RUN's thread."""
        ...

    def messages(self, run: Run) -> Flow[Sequence[Message]]:
        """Return the messages of RUN, the oldest first."""
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

    def recover(self, run: Run, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Wait until RUN is over or requires action, and find out what was missed.

        Args:
            run: The run: its ids are enough.
            snapshots: What was seen.

        Returns:
            The run, and what to fold in; None if the stream was aborted meanwhile.

        Raises:
            StreamError: The server could not be asked or does not have all of it, or the run took
                too long.
        """
        deadline = (yield Now()) + self._seconds
        ended = yield from poll(
            lambda: self._server.run(run),
            lambda now: now.status in LAST_RUN_STATUSES,
            first=_FIRST_WAIT,
            longest=_LONGEST_WAIT,
            deadline=deadline,
            still=lambda now: f"run {run.id} is still {now.status}",
        )
        if ended is None:
            return None
        ended = _under(run.id, ended)
        if not ended.thread_id:
            ended = evolve(ended, thread_id=run.thread_id)
        missed = yield from _Missed(self._server, self._answered, ended, snapshots).collect()
        return ended, missed


class _Missed:
    """Collects what was missed of one run."""

    def __init__(
        self, server: RunServer, answered: frozenset[str], run: Run, snapshots: Snapshots
    ) -> None:
        """Prepare to ask SERVER."""
        self._server, self._answered, self._run = server, answered, run
        self._snapshots = snapshots
        self._steps = {step.id for step in snapshots.run_steps}
        self._messages = {message.id for message in snapshots.messages}
        # What began and has not ended; what was asked for is taken out.
        self._open_steps = dict.fromkeys(snapshots.followed_steps.open_ids)
        self._open_messages = dict.fromkeys(snapshots.followed_messages.open_ids)
        self._out: list[Decoded] = []

    def collect(self) -> Flow[list[Decoded]]:
        """Return what the wire would have sent; the snapshots sort out what was delivered."""
        run, out = self._run, self._out
        if self._snapshots.current_run is None and not self._answered:
            begun = evolve(run, status="queued", required_action=None)
            out.append(synthetic(events.ThreadRunCreated, begun))
        steps = yield from self._later_steps()
        for step in steps:
            if step.id in self._open_steps:
                yield from self._step(step)
        yield from self._unlisted()
        for step in steps:
            if step.id not in self._steps:
                yield from self._step(step)
        if run.status in TERMINAL_RUN_STATUSES and not self._answered:
            yield from self._messages_without_steps(steps)
        if not (run.status == "requires_action" and self._snapshots.requires_action):
            out.append(synthetic(events.RUN_EVENTS[run.status or ""], run))
        return out

    def _later_steps(self) -> Flow[Sequence[RunStep]]:
        """Return the steps that no earlier stream delivered, and note the end of the last."""
        steps: Sequence[RunStep] = yield from self._server.steps(self._run)
        if not self._answered:
            return steps
        for number, step in enumerate(steps):
            if self._answered & call_ids(step):
                self._out += step_ends(step)
                self._open_steps.pop(step.id, None)
                return steps[number + 1 :]
        raise StreamError(
            f"run {self._run.id} has no step with the calls that were answered, so what came "
            "before them cannot be told from what came after"
        )

    def _unlisted(self) -> Flow[None]:
        """Ask for what had begun and is in no list."""
        for message_id in list(self._open_messages):
            yield from self._message(message_id)
        for step_id in list(self._open_steps):
            step = yield from persist(partial(self._server.step, self._run, step_id))
            yield from self._step(_under(step_id, step))

    def _step(self, step: RunStep) -> Flow[None]:
        """Note what the wire would have sent of a step."""
        step, out = mend(step), self._out
        followed = self._snapshots.followed_steps
        seen = followed.container(step.id) if step.id in self._steps else None
        self._open_steps.pop(step.id, None)
        if seen is None:
            out.append(step_begins(step))
        details = step.step_details
        if isinstance(details, models.MessageCreationStepDetails):
            yield from self._message(details.message_creation.message_id)
        out += call_deltas(step, seen)
        out += step_ends(step)

    def _message(self, message_id: str) -> Flow[None]:
        """Ask for a message, unless it is known to its end, and note what was missed of it."""
        if not message_id or (
            message_id in self._messages and message_id not in self._open_messages
        ):
            return
        message = yield from persist(partial(self._server.message, self._run, message_id))
        self._note_message(_under(message_id, message))

    def _note_message(self, message: Message) -> None:
        """Note what the wire would have sent of a message."""
        message, out = mend(message), self._out
        known = message.id in self._messages
        followed = self._snapshots.followed_messages
        seen = followed.container(message.id) if known else None
        self._open_messages.pop(message.id, None)
        if not known:
            out.append(message_begins(message))
        waits = self._run.status == "requires_action"
        out += message_goes_on(message, seen, waits=waits)

    def _messages_without_steps(self, steps: Sequence[RunStep]) -> Flow[None]:
        """Ask for the messages of a run none of whose STEPS writes one: it may have no steps.

        A list may have those of other runs, if the server ignores what it was asked for.
        """
        writes = models.MessageCreationStepDetails
        if self._messages or any(isinstance(step.step_details, writes) for step in steps):
            return
        for message in (yield from self._server.messages(self._run)):
            if message.run_id == self._run.id:
                self._note_message(message)
            elif not message.run_id and message.role == "assistant":
                raise StreamError(f"message {message.id} does not say which run it is of")


def _under(asked: str, found: T) -> T:
    """Return FOUND, the answer to a question about the object with an id.

    Raises:
        DecodeError: It is another object.
    """
    if not found.id:  # a server may leave out what it was asked about
        return evolve(found, id=asked)
    if found.id != asked:
        raise DecodeError(f"the server was asked for {asked!r} and answered with {found.id!r}")
    return found
