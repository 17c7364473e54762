"""Connections that say how far a request has come, and that can be limited in time and size.

Rules of this file:

- ``Progress`` belongs to one request and reaches its connection through a context variable:
  neither requests nor urllib3 passes on anything but numbers.
- urllib3's timeouts limit the wait for each piece. Here the whole answer is limited, because
  every byte of it, head or body, is read by :class:`_Reading`.
- An answer's head is complete, or it is a broken connection; interim answers are passed over.
  http.client takes the end of the connection for the end of the head, and knows 100 only.
"""

from __future__ import annotations

import io
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.client import HTTPResponse, RemoteDisconnected
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

__all__ = ["POOLS", "Progress", "TooMuchError", "current_progress", "followed"]

#: The most bytes of an answer's head, interim answers included; real ones have a few thousand.
HEAD_BYTES: Final = 1_048_576


class TooMuchError(OSError):
    """An answer has more bytes than are allowed."""


class Progress:
    """How far one request has come, and what its answer may take.

    Attributes:
        seconds: What the answer may take, head and body together, or None.
        known: Whether the connection reports; one of another adapter does not.
        sent: Whether the server may have received anything of the request; if ``known``.
        received: How many bytes of the answer came; if ``known``.
        expired: Whether the time was up.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.known = self.sent = self.expired = False
        self.received = 0
        self._ends: float | None = None
        self._most: int | None = None

    def begin(self) -> None:
        """Wait for an answer from now on, for its head first."""
        self.limit_time(self.seconds)
        self.received, self._most = 0, HEAD_BYTES

    def limit_time(self, seconds: float | None) -> None:
        """Allow SECONDS from now on; None: no limit."""
        self.seconds = seconds
        self._ends = None if seconds is None else time.monotonic() + seconds

    def limit_bytes(self, most: int | None) -> None:
        """Allow so many bytes from now on; None: no limit."""
        self._most = None if most is None else self.received + most

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._ends is not None and self._ends <= time.monotonic()

    def left(self) -> float | None:
        """Return how many seconds are left, or None if there is no limit.

        Raises:
            TimeoutError: None are left.
        """
        if self._ends is None:
            return None
        if self.over:
            self.expired = True
            raise TimeoutError("timed out")
        return max(self._ends - time.monotonic(), 0.001)

    def count(self, size: int) -> None:
        """Count SIZE more bytes.

        Raises:
            TooMuchError: They are more than are allowed.
        """
        self.received += size
        if self._most is not None and self.received > self._most:
            raise TooMuchError("the answer is too large")


_CURRENT: Final[ContextVar[Progress | None]] = ContextVar("_CURRENT", default=None)


def current_progress() -> Progress | None:
    """Return that of the request that is being sent here, if a Transport sends it."""
    return _CURRENT.get()


@contextmanager
def followed(progress: Progress) -> Iterator[None]:
    """Let the connection that sends a request here report to PROGRESS."""
    token = _CURRENT.set(progress)
    try:
        yield
    finally:
        _CURRENT.reset(token)


class _Reading(io.RawIOBase):
    """Reads an answer from a socket, within the limits.

    Attributes:
        ended: Whether the other side has closed the connection.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, progress: Progress | None) -> None:
        self._raw, self._sock, self._progress = raw, sock, progress
        self.ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has come, or wait for it."""
        progress = self._progress
        count = self._raw.readinto(buffer) if progress is None else self._within(progress, buffer)
        if not count:
            self.ended = True
        elif progress is not None:
            progress.count(count)
        return count

    def _within(self, progress: Progress, buffer: Any) -> int | None:
        """Read what comes within the time that is left, or within that of the socket."""
        left = progress.left()
        if left is None:
            return self._raw.readinto(buffer)
        before = self._sock.gettimeout()
        if before is not None and before <= left:
            return self._raw.readinto(buffer)
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            # If nothing at all has come, it was silence.
            progress.expired = progress.received > 0
            raise
        finally:
            with suppress(OSError):  # closed meanwhile
                self._sock.settimeout(before)

    def fileno(self) -> int:
        """Return the socket's descriptor, for whoever waits for several."""
        return self._raw.fileno()

    def close(self) -> None:
        """Give the socket back."""
        super().close()
        self._raw.close()


class _Answer(HTTPResponse):
    """An answer that is read within limits, and whose head is whole."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        progress = current_progress()
        if progress is not None:
            progress.begin()
        self._reading = _Reading(self.fp.detach(), sock, progress)
        self.fp = io.BufferedReader(self._reading)

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        # RFC 9110, section 15.2: a client must be able to parse interim answers, and may ignore
        # them. 101 is an answer to what is never asked for here.
        while 101 < self.status < 200:  # noqa: PLR2004  # the class of statuses
            self.headers = self.msg = None  # type: ignore[assignment]  # else nothing is read
            super().begin()
        if self._reading.ended:
            # RFC 9112, section 8: a head that is cut is an incomplete answer.
            raise RemoteDisconnected("the connection was closed within the head of the answer")


class _Connection(HTTPConnection):
    """A connection that reports."""

    response_class = _Answer
    _connecting = False

    def connect(self) -> None:
        """Connect, with TLS if that is what the address says, and through a proxy if need be."""
        progress = current_progress()
        if progress is not None:
            progress.known = True
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        """Send a part of a request, to the server or, while connecting, to a proxy."""
        if self.sock is None:
            self.connect()
        progress = current_progress()
        if progress is not None and not self._connecting:
            progress.known = progress.sent = True
        super().send(data)


class _TLSConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Connection  # a protocol of mutable attributes: nothing but itself fits


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls: Any = _TLSConnection


#: Scheme -> the pool of such connections.
POOLS: Final = {"http": _Pool, "https": _TLSPool}
