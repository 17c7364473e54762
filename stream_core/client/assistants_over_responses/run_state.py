"""One run on a thread: its input, its output and its status.

Rules of this file:

- The output is collected from the events as the dialect makes them, before any handler gets
  them, so that a callback that asks the client for messages finds those that have ended.
- A run counts, which means that its thread continues after it, if it is completed, or
  incomplete with every call answered. Any other run leaves the thread as it was: one that
  failed, was cancelled, or was not read to its end. If the listener left early, this client
  cannot know what the server still added to a conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.dialects.responses.dialect import ResponsesDialect

if TYPE_CHECKING:
    from stream_core.run_control.responses import ResponsesControl
    from stream_core.sse import ServerSentEvent

__all__ = ["RunDialect", "Turn"]

_ENDED_MESSAGES = (events.ThreadMessageCompleted, events.ThreadMessageIncomplete)

#: Types of items that wait for an answer, and of those that are one.
_CALLS = ("function_call", "custom_tool_call")
_ANSWERS = ("function_call_output", "custom_tool_call_output")


class RunDialect(ResponsesDialect):
    """The Responses wire, as the events of a run on a thread that this client knows.

    Attributes:
        run: The run as last seen; None before the first event about it.
        messages: The messages that have ended, by id.
        steps: The steps as last seen, by id.
    """

    def __init__(self, thread: models.Thread, assistant_id: str, *, is_new: bool) -> None:
        """Begin a run.

        Args:
            thread: The thread.
            assistant_id: The assistant.
            is_new: Whether to begin with a ``thread.created`` event, as the call that makes
                both thread and run does.
        """
        super().__init__(thread_id=thread.id, assistant_id=assistant_id)
        self.run: models.Run | None = None
        self.messages: dict[str, models.Message] = {}
        self.steps: dict[str, models.RunStep] = {}
        self._new = thread if is_new else None

    def decode(self, frame: ServerSentEvent) -> list[Decoded]:
        """Decode FRAME, and remember the run, messages and steps in its events."""
        told = super().decode(frame)
        if self._new is not None:
            created = events.ThreadCreated
            told.insert(0, Decoded(created, self._new, None, created.event, synthetic=True))
            self._new = None
        for one in told:
            payload = one.payload
            if isinstance(payload, models.Run):
                self.run = payload
            elif isinstance(payload, models.RunStep):
                self.steps[payload.id] = payload
            elif one.event_class in _ENDED_MESSAGES:
                self.messages[payload.id] = payload
        return told


@define(eq=False)
class Turn:
    """A run.

    Attributes:
        dialect: Reads it.
        control: Sends its requests.
        input: The items that it began with, without the history before them.
        sent: The ids of the messages among them.
        dropped: Whether the caller cancelled it while it waited.
    """

    dialect: RunDialect
    control: ResponsesControl
    input: list[dict[str, Any]]
    sent: list[str]
    dropped: bool = False
    _begun: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begun = len(self.control.items)

    @property
    def run(self) -> models.Run | None:
        """The run as it is known now; None before it began."""
        run = self.dialect.run
        if run is not None and self.dropped:
            return evolve(run, status="cancelled", required_action=None)
        return run

    @property
    def status(self) -> str:
        """The status of the run; "" before it began."""
        run = self.run
        return "" if run is None else run.status or ""

    @property
    def waits(self) -> bool:
        """Whether it waits for the caller."""
        return self.dialect.ended and self.status == "requires_action"

    @property
    def counts(self) -> bool:
        """Whether the thread continues after it."""
        if not self.dialect.ended:
            return False
        if self.status == "incomplete":
            items = self.dialect.output_items
            answered = {item.get("call_id") for item in items if item.get("type") in _ANSWERS}
            waiting = (item for item in items if item.get("type") in _CALLS)
            return all(item.get("call_id") in answered for item in waiting)
        return self.status == "completed"

    @property
    def items(self) -> list[dict[str, Any]]:
        """All items that it added to the thread."""
        return [*self.input, *self.control.items[self._begun :], *self.dialect.output_items]
