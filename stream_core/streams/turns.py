"""Who reads a stream: one thread at a time.

Rules of this file:

- There is no lock. Whoever wants to read removes an item from a list, which is one step for all
  threads, and leaves a mark of its own. Each call that reads takes a turn; between two calls nobody
  does, and another thread may go on.
- A mark tells a callback of the reader's (same thread) from another thread. It is made before the
  turn is taken, and looked for afterwards; between the item and the mark there is no call, at which
  alone a signal can come. So a Ctrl-C at any point leaves no turn behind.
"""

from __future__ import annotations

from threading import Lock, get_ident
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Taking", "Turns"]

#: The thread that reads, and what another reader is to wait for, if it may.
Turn: TypeAlias = "tuple[int, Lock | None]"


class Turns:
    """Knows whose turn it is.

    ``Stream.next()``, which is called for every event, does by itself what :meth:`take` and
    :meth:`give_back` do.

    Attributes:
        free: Has a second item if nobody reads. (A list that becomes empty gives its memory back.)
        mark: The mark of whoever reads.
    """

    __slots__ = ("free", "mark")

    def __init__(self) -> None:
        self.free: list[None] = [None, None]
        self.mark: Turn | None = None

    def take(self, mark: Turn) -> bool:
        """Take the turn, if nobody reads; return whether nobody did."""
        try:
            del self.free[1]
        except IndexError:
            return False
        self.mark = mark
        return True

    def give_back(self, mark: Turn) -> None:
        """Give the turn back, if it is that of MARK."""
        if self.mark is mark:
            self.mark = None
            self.free.append(None)

    @property
    def own(self) -> bool:
        """Whether this thread reads: then this is a callback, a tool, or a signal handler."""
        turn = self.mark
        return turn is not None and turn[0] == get_ident()

    def refuse(self) -> None:
        """Deal with a call that cannot read, since another one does: wait for it, if it lets you.

        Raises:
            RuntimeError: A callback or a tool wants to read its own stream, or another thread
                reads.
        """
        turn = self.mark
        if turn is None:  # it has just ended, or is about to begin
            return
        thread, ends = turn
        if thread == get_ident():
            raise RuntimeError(
                "a callback or tool cannot read the stream that called it; "
                "return from it to get the next event"
            )
        if ends is not None:
            with ends:
                return
        raise RuntimeError(
            "another thread is reading this stream: one reader at a time; register several "
            "handlers, or make one stream for each thread (close(), abort() and cancel() may be "
            "called from any thread)"
        )


class Taking:
    """A turn that is taken, if nobody reads, and given back: ``with Taking(turns) as turn``.

    Args:
        turns: Those of the stream.
        lets_wait: Whether other readers wait for the end of this turn instead of failing.
    """

    __slots__ = ("_ends", "_mark", "_turns")

    def __init__(self, turns: Turns, *, lets_wait: bool = False) -> None:
        self._turns = turns
        self._ends = Lock() if lets_wait else None
        self._mark: Turn = (get_ident(), self._ends)

    @property
    def taken(self) -> bool:
        """Whether it is this turn."""
        return self._turns.mark is self._mark

    def __enter__(self) -> Self:
        """Take the turn, if nobody reads."""
        if self._ends is not None:
            self._ends.acquire()
        try:
            self._turns.take(self._mark)
        except BaseException:  # Ctrl-C
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Give the turn back, if it was taken."""
        self._turns.give_back(self._mark)
        if self._ends is not None:
            self._ends.release()
