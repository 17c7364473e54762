"""The state of one thread.

Rules of this file:

- A message that is added to a thread is sent with the next run, and again with the one after
  it unless that run counts (see ``run_state``): the Responses wire takes input only together
  with the request for a response.
- With every back end, all items are kept here too, to be sent if it turns out that the server
  stores nothing.
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
    """Return an id for an object that only this client has."""
    return f"{kind}_{uuid4().hex}"


@define(eq=False)
class Written:
    """A message from the caller.

    Attributes:
        message: The message as the caller sees it.
        item: The message as it is sent.
        code_files: The files that the code interpreter may read from now on.
    """

    message: models.Message
    item: dict[str, Any]
    code_files: list[str]


@define(eq=False)
class LocalThread:
    """A thread.

    Attributes:
        thread: The thread as the caller sees it, except for ``extra``.
        stateless: Whether everything is sent with each run.
        conversation: Id of the server's conversation, or None if there is none.
        response_id: Id of the response that the next run follows, or "" if there is none.
        whole: Whether this client has the whole history.
        items: The items sent and received, in order.
        known: All messages, by id.
        waiting: The items of messages that have not been sent yet, by message id.
        code_files: The files that messages attached for the code interpreter.
        turns: The runs, oldest first.
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
        """Add the items and messages of the last run to the thread, if it counts."""
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
        """Raise RuntimeError if the last run waits for outputs, which must come first."""
        if self._open is not None and self._open.waits:
            run = self._open.run
            raise RuntimeError(
                f"run {run and run.id} on thread {self.thread.id} waits for the outputs of its "
                "calls: continue it with submit_tool_outputs_stream(), or give it up with cancel()"
            )

    def earlier(self, items: Sequence[dict[str, Any]]) -> Earlier:
        """Return the history before the next run; ITEMS are for a server that stores none."""
        if self.conversation is not None:
            return Earlier()
        return Earlier(items, self.response_id, self.whole)

    @property
    def messages(self) -> dict[str, models.Message]:
        """All messages, including those of a run that waits."""
        if self._open is None or not self._open.waits:
            return dict(self.known)
        return {**self.known, **self._open.dialect.messages}

    def turn(self, run_id: str) -> tuple[Turn, models.Run]:
        """Return the run with that id, and its current state.

        Raises:
            ValueError: This client does not know it.
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
        """The thread as the caller sees it; ``extra`` has the id of the response to follow."""
        if self.conversation is not None or self.stateless or not self.response_id:
            return self.thread
        return evolve(self.thread, extra={"response_id": self.response_id})
