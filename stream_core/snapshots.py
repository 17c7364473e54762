"""History: folds deltas into snapshots and derives what the wire events amount to.

Rules of this file:

- Everything is keyed by id and by the wire's ``index``, never by list position or "the
  current one".
- A wire event comes before what is derived from it, with two exceptions that order needs:
  the synthetic ``created`` of a message or step that begins with something else comes
  before that, and what is still open when ``done`` comes is closed before it.
- Created and done come once for each message, part, step, call and run; a created or an
  ending that the server sends again is a ``RepeatedEvent``.
- A run's status is taken from the object; the name counts only where the object has none.
- A delta for what is done already is told, and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import events
from .history import History, repeated_event, wire_event
from .message_snapshots import MessageSnapshots
from .models import TERMINAL_RUN_STATUSES
from .run_step_snapshots import RunStepSnapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dialects import Decoded
    from .events import Event
    from .history import Repeater
    from .models import Message, Run, RunStep

__all__ = ["Snapshots"]

#: Statuses after which the stream of a run ends.
LAST_RUN_STATUSES = TERMINAL_RUN_STATUSES | {"requires_action"}


class Snapshots:
    """The state of one stream, or of several that belong together."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._history = History()
        self._messages = MessageSnapshots(self._history)
        self._steps = RunStepSnapshots(self._history)
        self._run_status: str | None = None
        self._runs_done: set[str] = set()
        self._fold = self._table()

    # --- What is known ------------------------------------------------------------------

    @property
    def current_run(self) -> Run | None:
        """The run last heard of, or None."""
        return self._history.current_run

    @property
    def current_message(self) -> Message | None:
        """Live snapshot of the message last heard of, or None."""
        return self._messages.current

    @property
    def current_run_step(self) -> RunStep | None:
        """Live snapshot of the run step last heard of, or None."""
        return self._steps.current

    @property
    def messages(self) -> list[Message]:
        """The messages, in order of first sight: final where they ended, else live."""
        return self._messages.all

    @property
    def run_steps(self) -> list[RunStep]:
        """The run steps, in order of first sight: final where they ended, else live."""
        return self._steps.all

    @property
    def ended(self) -> bool:
        """Whether the last status of a run was heard: a terminal one, or requires_action."""
        return self._run_status in LAST_RUN_STATUSES

    @property
    def open_objects(self) -> list[str]:
        """What began and did not end, as ``"message msg_1"``."""
        run = self.current_run
        found = [] if run is None or self.ended else [f"run {run.id}"]
        found += [f"run step {name}" for name in self._steps.open_ids]
        found += [f"message {name}" for name in self._messages.open_ids]
        return found

    # --- What comes ---------------------------------------------------------------------

    def resume(self) -> None:
        """Begin the next stream: how the run stands is for that one to say."""
        self._run_status = None

    def apply(self, decoded: Decoded) -> list[Event]:
        """Fold one decoded frame in.

        Returns:
            The finished wire event and what is derived from it, in the order of telling.
        """
        fold = self._fold.get(decoded.event_class)
        return [wire_event(decoded)] if fold is None else fold(decoded)

    def repeater(self, decoded: Decoded) -> Repeater | None:
        """Return what folds in frames like DECODED, or None where it is more than a text.

        DECODED was folded in just now.
        """
        if decoded.event_class is events.ThreadMessageDelta:
            return self._messages.repeater(decoded.payload)
        if decoded.event_class is events.ThreadRunStepDelta:
            return self._steps.repeater(decoded.payload)
        return None

    def close(self) -> list[Event]:
        """Close what is still open; nothing where the run waits for an action."""
        told: list[Event] = []
        if self._run_status != "requires_action":
            self._steps.finish_calls(told)
            self._messages.finish(told)
            self._steps.finish(told)
        return told

    def _thread_created(self, decoded: Decoded) -> list[Event]:
        if self._history.repeated(decoded):
            return [repeated_event(decoded)]
        return [wire_event(decoded)]

    def _run(self, decoded: Decoded) -> list[Event]:
        """A run changed."""
        run: Run = decoded.payload
        status = run.status or decoded.name.rpartition(".")[2]
        self._history.current_run, self._run_status = run, status
        ends = status in TERMINAL_RUN_STATUSES
        once = ends or decoded.event_class is events.ThreadRunCreated
        if once and self._history.repeated(decoded):
            return [repeated_event(decoded)]
        told = [wire_event(decoded)]
        if status == "requires_action":
            self._steps.finish_calls(told)
        elif ends and run.id not in self._runs_done:
            self._runs_done.add(run.id)
            told += self.close()
            told.append(events.RunDone(run))
        return told

    def _table(self) -> dict[type[Event], Callable[[Decoded], list[Event]]]:
        """Event class to what folds it in; what is not here changes no snapshot."""
        messages, steps = self._messages, self._steps
        return {
            events.ThreadCreated: self._thread_created,
            events.ThreadRunCreated: self._run,
            events.ThreadRunQueued: self._run,
            events.ThreadRunInProgress: self._run,
            events.ThreadRunRequiresAction: self._run,
            events.ThreadRunCompleted: self._run,
            events.ThreadRunIncomplete: self._run,
            events.ThreadRunFailed: self._run,
            events.ThreadRunCancelling: self._run,
            events.ThreadRunCancelled: self._run,
            events.ThreadRunExpired: self._run,
            events.ThreadRunStepCreated: steps.begins,
            events.ThreadRunStepInProgress: steps.begins,
            events.ThreadRunStepDelta: steps.delta,
            events.ThreadRunStepCompleted: steps.ends,
            events.ThreadRunStepFailed: steps.ends,
            events.ThreadRunStepCancelled: steps.ends,
            events.ThreadRunStepExpired: steps.ends,
            events.ThreadMessageCreated: messages.begins,
            events.ThreadMessageInProgress: messages.begins,
            events.ThreadMessageDelta: messages.delta,
            events.ThreadMessageCompleted: messages.ends,
            events.ThreadMessageIncomplete: messages.ends,
        }
