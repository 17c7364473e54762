"""The state of a stream: folds deltas into snapshots and derives events from the wire events.

Rules of this file:

- Everything is keyed by id and by the wire's ``index``, never by list position or "the
  current one".
- A wire event comes before the events derived from it, with two exceptions that the order
  requires: the synthetic ``created`` of a message or step comes before the event that it begins
  with, and whatever is still open when ``done`` comes is closed before it.
- Created and done come once for each message, part, step, call and run; a created or an
  ending that the server sends again is a ``RepeatedEvent``.
- A run's status is taken from the object; the event's name counts only if the object has none.
- A delta for something that is done already is delivered, and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events
from stream_core.models import TERMINAL_RUN_STATUSES

from .blocks import History, named_event, repeated_event, wire_event
from .messages import MessageSnapshots
from .run_steps import RunStepSnapshots

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Message, Run, RunStep

    _Fold: TypeAlias = "Callable[[Snapshots, Decoded], list[Event]]"

__all__ = ["Snapshots"]

#: Statuses after which the stream of a run ends.
LAST_RUN_STATUSES = TERMINAL_RUN_STATUSES | {"requires_action"}


class Snapshots:
    """The state of one stream, or of several that belong together."""

    def __init__(self) -> None:
        """Begin with no state."""
        self._history = History()
        self.followed_messages = MessageSnapshots(self._history)
        self.followed_steps = RunStepSnapshots(self._history)
        self._thread_id: str | None = None
        self._run_status: str | None = None
        self._runs_done: set[str] = set()

    # --- The state ----------------------------------------------------------------------

    @property
    def thread_id(self) -> str | None:
        """The id of the thread that was created with the run, or None."""
        return self._thread_id

    @property
    def current_run(self) -> Run | None:
        """The latest run, or None."""
        return self._history.current_run

    @property
    def current_message(self) -> Message | None:
        """Live snapshot of the latest message, or None."""
        return self.followed_messages.current

    @property
    def current_run_step(self) -> RunStep | None:
        """Live snapshot of the latest run step, or None."""
        return self.followed_steps.current

    @property
    def messages(self) -> list[Message]:
        """The messages, in the order in which they began: final if they ended, else live."""
        return self.followed_messages.all

    @property
    def run_steps(self) -> list[RunStep]:
        """The run steps, in the order in which they began: final if they ended, else live."""
        return self.followed_steps.all

    @property
    def ended(self) -> bool:
        """Whether the run's last status has come: a terminal one, or requires_action."""
        return self._run_status in LAST_RUN_STATUSES

    @property
    def terminated(self) -> bool:
        """Whether the run has a terminal status and will not change again."""
        return self._run_status in TERMINAL_RUN_STATUSES

    @property
    def requires_action(self) -> bool:
        """Whether the run waits for tool outputs or approvals."""
        return self._run_status == "requires_action"

    @property
    def open_objects(self) -> list[str]:
        """The objects that began and have not ended, each in the form ``"message msg_1"``."""
        run = self.current_run
        found = [] if run is None or self.ended else [f"run {run.id}"]
        found += [f"run step {name}" for name in self.followed_steps.open_ids]
        found += [f"message {name}" for name in self.followed_messages.open_ids]
        return found

    # --- Changes to it ------------------------------------------------------------------

    def note(self, run: Run) -> None:
        """Make RUN the current one, without an event."""
        self._history.current_run, self._run_status = run, run.status

    def resume(self) -> None:
        """Begin the next stream, which will state the run's status."""
        self._run_status = None

    def apply(self, decoded: Decoded) -> list[Event]:
        """Fold in one decoded event.

        Returns:
            The finished wire event and the events derived from it, in order of delivery.
        """
        fold = _FOLD.get(decoded.event_class)
        return [wire_event(decoded)] if fold is None else fold(self, decoded)

    def close(self) -> list[Event]:
        """Return the ends of whatever is still open; none if the run waits for an action."""
        out: list[Event] = []
        if not self.requires_action:
            self.followed_steps.finish_calls(out)
            self.followed_messages.finish(out)
            self.followed_steps.finish(out)
        return out

    def _thread_created(self, decoded: Decoded) -> list[Event]:
        self._thread_id = decoded.payload.id
        if self._history.repeated(decoded):
            return [repeated_event(decoded)]
        return [wire_event(decoded)]

    def _run(self, decoded: Decoded) -> list[Event]:
        """A run changed."""
        run: Run = decoded.payload
        status = run.status or decoded.name.rpartition(".")[2]
        run.thread_id = run.thread_id or self._thread_id or ""
        self._history.current_run, self._run_status = run, status
        ends = status in TERMINAL_RUN_STATUSES
        once = ends or decoded.event_class is events.ThreadRunCreated
        if once and self._history.repeated(decoded):
            return [repeated_event(decoded)]
        out = [wire_event(decoded)]
        if status == "requires_action":
            action = run.required_action
            outputs = None if action is None else action.submit_tool_outputs
            required = () if outputs is None else outputs.tool_calls
            self.followed_steps.finish_calls(out, required)
        elif ends and run.id not in self._runs_done:
            self._runs_done.add(run.id)
            out += self.close()
            out.append(events.RunDone(run))
        return out


_RUN: _Fold = lambda self, decoded: self._run(decoded)  # noqa: E731  # rows of the table
_STEP_BEGINS: _Fold = lambda self, decoded: self.followed_steps.begins(decoded)  # noqa: E731
_STEP_ENDS: _Fold = lambda self, decoded: self.followed_steps.ends(decoded)  # noqa: E731
_MESSAGE_BEGINS: _Fold = lambda self, decoded: self.followed_messages.begins(decoded)  # noqa: E731
_NAMED: _Fold = lambda _, decoded: [named_event(decoded)]  # noqa: E731
_MESSAGE_ENDS: _Fold = lambda self, decoded: self.followed_messages.ends(decoded)  # noqa: E731

#: Maps an event class to the function that folds it in; other classes change no snapshot.
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
    # Not of a wire: a dialect's word that a call is done, though its step goes on.
    events.RunStepToolCallDone: lambda self, decoded: self.followed_steps.call_done(decoded),
    events.UnknownEvent: _NAMED,
    events.ExtensionEvent: _NAMED,
}
