"""Where a stream is: what its handlers, and its reader, may ask about it.

Rules of this file: each question is answered in one place, for the stream and for its handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream_core.events import Event, LocalEvent
    from stream_core.models import Message, Run, RunStep
    from stream_core.snapshots.stream_state import Snapshots

__all__ = ["Current", "Position"]


class Current:
    """What is current: for whatever has a :class:`Position`."""

    __slots__ = ()

    @property
    def _position(self) -> Position:
        """Where the stream is."""
        raise NotImplementedError

    @property
    def current_event(self) -> Event | None:
        """The event that handlers have: the last one read, or the local one that came after it."""
        position = self._position
        return position.event if position.local is None else position.local

    @property
    def current_run(self) -> Run | None:
        """The run as last seen, or None."""
        return self._position.snapshots.current_run

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message last heard of, live, or None."""
        return self._position.snapshots.current_message

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step last heard of, live, or None."""
        return self._position.snapshots.current_run_step


class Position(Current):
    """Where a stream is (``dispatch.DispatchContext``).

    Attributes:
        event: The event that was read last; None before the first and at the end.
        local: The event about the stream itself that handlers have, if they have one.
        snapshots: What the stream has seen so far.
    """

    __slots__ = ("event", "local", "snapshots")

    def __init__(self, snapshots: Snapshots) -> None:
        """Begin before the first event."""
        self.event: Event | None = None
        self.local: LocalEvent | None = None
        self.snapshots = snapshots

    @property
    def _position(self) -> Position:
        """The position itself."""
        return self
