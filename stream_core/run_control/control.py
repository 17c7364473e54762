"""What a shell may want done about the run that it reads; one class for each wire does it.

Rules of this file: a protocol only. Every method that needs the server or the user's functions
is a flow (see ``stream_core.effects``), so none of them waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.models import Run
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source

__all__ = ["Control"]


class Control(Protocol):
    """What can be done about the run of one stream; ``Client`` makes it.

    Attributes:
        recovers: Whether the server is asked about a run whose connection was lost.
    """

    recovers: bool

    def begin(self) -> Flow[Source]:
        """Send the first request; return its source, unread."""
        ...

    def answer(self, run: Run) -> Flow[Source | None] | None:
        """Do what RUN requires.

        Returns:
            None if that is left to the caller. Else a flow, which delivers what happens, and
            returns the source that goes on, or None if the stream was ended meanwhile.
        """
        ...

    def rejoin(self, snapshots: Snapshots) -> Flow[Source | None]:
        """Return a source that goes on where the connection was lost, or None if there is none.

        It is tried before :meth:`recover`.

        Args:
            snapshots: What the stream has seen.
        """
        ...

    def recover(self, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Return what became of the run, and what was missed; None if that cannot be known.

        Args:
            snapshots: What the stream has seen.

        Raises:
            StreamError: It cannot be known, for the reason that it states.
        """
        ...

    def find(self, snapshots: Snapshots) -> Flow[Run | None]:
        """Return the run that SNAPSHOTS are of, or None if it cannot be known yet."""
        ...

    def cancel(self, run: Run) -> Flow[bool]:
        """Cancel RUN, unless it has ended.

        Returns:
            True if the server was asked to; False if only closing the source ends the run.
        """
        ...
