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

from typing import TYPE_CHECKING, TypeAlias

from stream_core import events
from stream_core.models import TERMINAL_RUN_STATUSES

from .blocks import History, named_event, repeated_event, wire_event
from .messages import MessageSnapshots
from .run_steps import RunStepSnapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Message, Run, RunStep


__all__ = ["Snapshots"]

#: Statuses after which the stream of a run ends.
LAST_RUN_STATUSES = TERMINAL_RUN_STATUSES | {"requires_action"}


class Snapshots:
    """The state of one stream, or of several that belong together."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._history = History()
        self.followed_messages = MessageSnapshots(self._history)
        self.followed_steps = RunStepSnapshots(self._history)
        self._thread_id: str | None = None
        self._run_status: str | None = None
        self._runs_done: set[str] = set()

    # --- What is known ------------------------------------------------------------------

    @property
    def thread_id(self) -> str | None:
        """The id of the thread that was created with the run, or None."""
        return self._thread_id

    @property
    def current_run(self) -> Run | None:
        """The run last heard of, or None."""
        return self._history.current_run

    @property
    def current_message(self) -> Message | None:
        """Live snapshot of the message last heard of, or None."""
        return self.followed_messages.current

    @property
    def current_run_step(self) -> RunStep | None:
        """Live snapshot of the run step last heard of, or None."""
        return self.followed_steps.current

    @property
    def messages(self) -> list[Message]:
        """The messages, in order of first sight: final where they ended, else live."""
        return self.followed_messages.all

    @property
    def run_steps(self) -> list[RunStep]:
        """The run steps, in order of first sight: final where they ended, else live."""
        return self.followed_steps.all

    @property
    def ended(self) -> bool:
        """Whether the last status of a run was heard: a terminal one, or requires_action."""
        return self._run_status in LAST_RUN_STATUSES

    @property
    def terminated(self) -> bool:
        """Whether the run never changes again."""
        return self._run_status in TERMINAL_RUN_STATUSES

    @property
    def requires_action(self) -> bool:
        """Whether the run waits for tool outputs or approvals."""
        return self._run_status == "requires_action"

    @property
    def open_objects(self) -> list[str]:
        """What began and did not end, as ``"message msg_1"``."""
        run = self.current_run
        found = [] if run is None or self.ended else [f"run {run.id}"]
        found += [f"run step {name}" for name in self.followed_steps.open_ids]
        found += [f"message {name}" for name in self.followed_messages.open_ids]
        return found

    # --- What comes ---------------------------------------------------------------------

    def note(self, run: Run) -> None:
        """Take RUN for the current one, without telling."""
        self._history.current_run, self._run_status = run, run.status

    def resume(self) -> None:
        """Begin the next stream: how the run stands is for that one to say."""
        self._run_status = None

    def apply(self, decoded: Decoded) -> list[Event]:
        """Fold one decoded frame in.

        Returns:
            The finished wire event and what is derived from it, in the order of telling.
        """
        fold = _FOLD.get(decoded.event_class)
        return [wire_event(decoded)] if fold is None else fold(self, decoded)

    def close(self) -> list[Event]:
        """Close what is still open; nothing where the run waits for an action."""
        told: list[Event] = []
        if not self.requires_action:
            self.followed_steps.finish_calls(told)
            self.followed_messages.finish(told)
            self.followed_steps.finish(told)
        return told

    def _thread_created(self, decoded: Decoded) -> list[Event]:
        self._thread_id = decoded.payload.id
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
            self.followed_steps.finish_calls(told)
        elif ends and run.id not in self._runs_done:
            self._runs_done.add(run.id)
            told += self.close()
            told.append(events.RunDone(run))
        return told


_Fold: TypeAlias = "Callable[[Snapshots, Decoded], list[Event]]"

_RUN: _Fold = lambda self, decoded: self._run(decoded)  # noqa: E731  # rows of the table
_STEP_BEGINS: _Fold = lambda self, decoded: self.followed_steps.begins(decoded)  # noqa: E731
_STEP_ENDS: _Fold = lambda self, decoded: self.followed_steps.ends(decoded)  # noqa: E731
_MESSAGE_BEGINS: _Fold = lambda self, decoded: self.followed_messages.begins(decoded)  # noqa: E731
_NAMED: _Fold = lambda _, decoded: [named_event(decoded)]  # noqa: E731
_MESSAGE_ENDS: _Fold = lambda self, decoded: self.followed_messages.ends(decoded)  # noqa: E731

#: Event class to what folds it in; what is not here changes no snapshot.
_FOLD: dict[type[Event], _Fold] = {
    events.ThreadCreated: lambda self, decoded: self._thread_created(decoded),
    events.ThreadRunCreated: _RUN,
    events.ThreadRunQueued: _RUN,
    events.ThreadRunInProgress: _RUN,
    events.ThreadRunRequiresAction: _RUN,
    events.ThreadRunCompleted: _RUN,
    events.ThreadRunIncomplete: _RUN,
    events.ThreadRunFailed: _RUN,
    events.ThreadRunCancelling: _RUN,
    events.ThreadRunCancelled: _RUN,
    events.ThreadRunExpired: _RUN,
    events.ThreadRunStepCreated: _STEP_BEGINS,
    events.ThreadRunStepInProgress: _STEP_BEGINS,
    events.ThreadRunStepDelta: lambda self, decoded: self.followed_steps.delta(decoded),
    events.ThreadRunStepCompleted: _STEP_ENDS,
    events.ThreadRunStepFailed: _STEP_ENDS,
    events.ThreadRunStepCancelled: _STEP_ENDS,
    events.ThreadRunStepExpired: _STEP_ENDS,
    events.ThreadMessageCreated: _MESSAGE_BEGINS,
    events.ThreadMessageInProgress: _MESSAGE_BEGINS,
    events.ThreadMessageDelta: lambda self, decoded: self.followed_messages.delta(decoded),
    events.ThreadMessageCompleted: _MESSAGE_ENDS,
    events.ThreadMessageIncomplete: _MESSAGE_ENDS,
    events.UnknownEvent: _NAMED,
    events.ExtensionEvent: _NAMED,
}
