"""Exceptions of the user's code that were raised in the server's threads.

Rules of this file:

- Thread safe: a responder's thread writes, the test's thread reads.
- Nothing is swallowed: what nobody has taken is raised when the server is closed.
"""

from __future__ import annotations

import threading

__all__ = ["Failures"]


class Failures:
    """The exceptions that nobody has been told of yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []

    def add(self, failure: BaseException) -> None:
        """Keep an exception; the same one is kept once."""
        with self._lock:
            if not any(failure is known for known in self._failures):
                self._failures.append(failure)

    def take(self) -> list[BaseException]:
        """Return the exceptions, oldest first, and forget them."""
        with self._lock:
            taken, self._failures = self._failures, []
            return taken

    def settle(self, leaving: BaseException | None) -> None:
        """Report what is left: raise it, or add it to an exception that is on its way.

        Args:
            leaving: The exception that ends the block of the server, or None. It gets a
                note for each failure, and leaves itself.

        Raises:
            BaseException: The one failure that is left; several are a BaseExceptionGroup
                (an ExceptionGroup if all are Exceptions).
        """
        failures = self.take()
        if leaving is not None:
            for failure in failures:
                leaving.add_note(f"LocalServer: {type(failure).__name__}: {failure}")
        elif len(failures) == 1:
            raise failures[0]
        elif failures:
            raise BaseExceptionGroup("failures in the threads of LocalServer", failures)
