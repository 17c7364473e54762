"""What a shell may ask about the run that it reads; one class for each wire answers.

Rules of this file: a protocol only. Whoever has the answer waits no longer than STOPPED allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.dialects import Decoded
    from stream_core.events import LocalEvent
    from stream_core.models import Run
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source

__all__ = ["Control"]


class Control(Protocol):
    """What a stream can do about its run on the server; ``Client`` makes it.

    Attributes:
        recovers: Whether :meth:`recover` asks at all.
    """

    recovers: bool

    def answer(self, run: Run) -> Iterator[LocalEvent | Source] | None:
        """Do what RUN requires: yield what happens, and last the source that goes on.

        None where the caller does it.
        """
        ...

    def recover(
        self, snapshots: Snapshots, stopped: Callable[[], bool]
    ) -> tuple[Run, list[Decoded]] | None:
        """Ask what became of the run; None where that is not wanted, or cannot be.

        Waits only as long as STOPPED, asked now and then, says False.
        """
        ...

    def rejoin(self, stopped: Callable[[], bool]) -> Source | None:
        """Return a source that goes on where the connection was lost; None where none does.

        It is asked before :meth:`recover`. Waits only as long as STOPPED says False.
        """
        ...

    def find(self, snapshots: Snapshots) -> Run | None:
        """Return the run that SNAPSHOTS are of; None where it cannot be known yet."""
        ...

    def cancel(self, run: Run) -> bool:
        """Cancel RUN, unless it has ended; False where only closing the source ends it."""
        ...
