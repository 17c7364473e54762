"""What is kept of a thread.

Rules of this file:

- A message that is added to a thread is sent with the next run, and again with the one after
  that unless the run counts (see ``turns``): the Responses wire takes input with a response
  only.
- Whatever the back end, all items are kept here too: a server that turns out to keep nothing is
  sent all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import define, evolve, field

from stream_core.run_control.responses import Earlier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core import models

    from .run_state import Turn

__all__ = ["LocalThread", "Written", "new_id"]


def new_id(kind: str) -> str:
    """Return an id for something that is kept here only."""
    return f"{kind}_{uuid4().hex}"


@define(eq=False)
class Written:
    """A message of the caller's.

    Attributes:
        message: As it is shown.
        item: As it is sent.
        code_files: The files that the code interpreter may read from now on.
    """

    message: models.Message
    item: dict[str, Any]
    code_files: list[str]


@define(eq=False)
class LocalThread:
    """A thread.

    Attributes:
        thread: As it is shown, but for ``extra``.
        stateless: Whether everything is sent with each run.
        conversation: The id of the server's conversation, None where it has none.
        response_id: The response that the next run goes on after, "" where there is none.
        whole: Whether all that was said is known here.
        items: What the server was sent and has sent, in order.
        known: All messages, by id.
        waiting: Those of them that were not sent yet, as they are sent.
        code_files: The files that messages brought for the code interpreter.
        turns: The runs, the oldest first.
    """

    thread: models.Thread
    stateless: bool
    conversation: str | None = None
    response_id: str = ""
    whole: bool = True
    items: list[dict[str, Any]] = field(factory=list)
    known: dict[str, models.Message] = field(factory=dict)
    waiting: dict[str, dict[str, Any]] = field(factory=dict)
    code_files: list[str] = field(factory=list)
    turns: list[Turn] = field(factory=list)
    _open: Turn | None = field(init=False, default=None)

    def add(self, written: Written) -> None:
        """Add a message."""
        self.known[written.message.id] = written.message
        self.waiting[written.message.id] = written.item
        self.code_files += written.code_files

    def begin(self, turn: Turn, written: Sequence[Written]) -> None:
        """Add a run that has begun, and the messages that came with it."""
        for one in written:
            self.add(one)
        self.turns.append(turn)
        self._open = turn

    def settle(self) -> None:
        """Go on after the last run, where it ended so."""
        turn = self._open
        if turn is None or not turn.counts:
            return
        self._open = None
        self.items += turn.items
        self.response_id = turn.dialect.response_id
        self.stateless = turn.control.stateless
        self.known.update(turn.dialect.messages)
        for message_id in turn.sent:
            self.waiting.pop(message_id, None)

    def check_free(self) -> None:
        """Raise RuntimeError where the last run waits for outputs: it comes first."""
        if self._open is not None and self._open.waits:
            run = self._open.run
            raise RuntimeError(
                f"run {run and run.id} on thread {self.thread.id} waits for what its calls gave: "
                "submit_tool_outputs_stream() goes on with it, cancel() gives it up"
            )

    def earlier(self, items: Sequence[dict[str, Any]]) -> Earlier:
        """Return what was said before the next run; ITEMS, where all is sent."""
        if self.conversation is not None:
            return Earlier()
        return Earlier(items, self.response_id, self.whole)

    @property
    def messages(self) -> dict[str, models.Message]:
        """All messages, those of a run that waits among them."""
        if self._open is None or not self._open.waits:
            return dict(self.known)
        return {**self.known, **self._open.dialect.messages}

    def turn(self, run_id: str) -> tuple[Turn, models.Run]:
        """Return the run of that id, and how it stands.

        Raises:
            ValueError: This client did not hear of it.
        """
        for turn in self.turns:
            run = turn.run
            if run is not None and run.id == run_id:
                return turn, run
        raise ValueError(
            f"run_id is {run_id!r}: thread {self.thread.id} has no such run in this client"
        )

    @property
    def shown(self) -> models.Thread:
        """The thread as the caller sees it; ``extra`` has the response to go on after."""
        if self.conversation is not None or self.stateless or not self.response_id:
            return self.thread
        return evolve(self.thread, extra={"response_id": self.response_id})
