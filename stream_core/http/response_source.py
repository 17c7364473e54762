"""The body of a reply, as bytes that are passed on as they arrive.

Rules of this file:

- ``HTTPResponse.read1`` returns what has arrived in every framing (chunked, Content-Length,
  closed at the end; gzip too). ``iter_content``, ``iter_lines`` and ``stream`` wait for a full
  buffer if the reply is not chunked, and ``read_chunked`` for the end of the chunk.
- Reading raises our own errors; whatever ends the reading raises nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from stream_core.errors import TransportError

from .connections import Progress
from .error_mapping import limits_of, transport_error
from .response_head import request_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from requests import Response

    from .error_mapping import Timeout

__all__ = ["ResponseSource", "start_of"]

#: The most that one read returns; a socket seldom has more, a decompressor may.
READ_BYTES: Final = 65_536

#: After ``done`` only the end of the body should come. If more than this comes, or it comes
#: later than this, a new connection is cheaper than the wait.
FINISH_BYTES: Final = 65_536
FINISH_SECONDS: Final = 0.5


class ResponseSource:
    """The body of a streaming reply, as an iterator of bytes as they arrive.

    Args:
        response: An unread reply to a request with ``stream=True``.
        timeout: The request's timeout, for error messages.
        progress: How far the request has come, if it is known.

    Attributes:
        response: The reply, for its headers and status.
        request_id: The server's id for the request, or None.

    Iterating raises TransportError if the connection breaks or its framing is wrong, and
    StreamTimeoutError if the server is silent for too long. A reply with neither a length nor
    chunks ends when the connection closes, so a cut looks like the end.
    """

    def __init__(
        self, response: Response, *, timeout: Timeout = None, progress: Progress | None = None
    ) -> None:
        self.response = response
        self._progress = Progress() if progress is None else progress
        self.request_id = request_id(response.headers)
        self._timeout = timeout
        self._read: Callable[..., bytes] = response.raw.read1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            if not self._progress.known:
                self._hurry()
            data = self._read(READ_BYTES, decode_content=True)
        except (HTTPError, OSError) as error:
            failure = transport_error(
                error, self.response.url, self._timeout, progress=self._progress, started=True
            )
        else:
            if not data:
                raise StopIteration
            return data
        # After the `except`: the library's exception, which holds the request, is not kept.
        self.close()
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame: no circle

    def limit_time(self, seconds: float | None) -> None:
        """Allow SECONDS from now on, whatever comes; None: no limit.

        What is read then raises StreamTimeoutError.
        """
        self._progress.limit_time(seconds)

    def limit_bytes(self, most: int) -> None:
        """Allow so many bytes from now on, as they are sent. Then reading is a TransportError."""
        self._progress.limit_bytes(most)

    def begin_anew(self) -> None:
        """Allow the time of the request's timeout once more."""
        self._progress.limit_time(limits_of(self._timeout)[1])

    def be_endless(self) -> None:
        """Allow any time and size: what is read from now on is the stream."""
        self._progress.limit_time(None)
        self._progress.limit_bytes(None)

    def _hurry(self) -> None:
        """Let the next read end in time, if the connection does not see to that itself."""
        left = self._progress.left()
        sock = getattr(self.response.raw.connection, "sock", None)
        if left is None or sock is None:
            return
        _, silence = limits_of(self._timeout)
        sock.settimeout(left if silence is None else min(left, silence))

    def start(self, enough: Callable[[bytes], bool]) -> bytes:
        """Read the first bytes and return them; the next bytes of the iteration are the same.

        Args:
            enough: Whether these bytes are enough. No more than 64 KiB are read.

        Raises:
            TransportError: The connection broke before that.
        """
        data = b""
        for chunk in self:
            data += chunk
            if enough(data) or len(data) >= READ_BYTES:
                break
        read = self._read

        def again(*_: object, **__: object) -> bytes:
            self._read = read
            return data

        if data:
            self._read = again
        return data

    def finish(self) -> None:
        """Read to the end of the body and give the connection back for the next request.

        To be called after ``done``, when only the end can come. It closes the connection after
        64 KiB or half a second instead. It does nothing after :meth:`close`. Never raises.
        """
        deadline = time.monotonic() + FINISH_SECONDS
        left = FINISH_BYTES
        # None if there is nothing to give back: closed, at its end, or closed by the server.
        sock = getattr(self.response.raw.connection, "sock", None)
        with suppress(HTTPError, OSError):
            while sock and left > 0 and (seconds := deadline - time.monotonic()) > 0:
                # urllib3 sets the timeout anew for each request on the connection.
                sock.settimeout(seconds)
                data = self._read(READ_BYTES, decode_content=True)
                left = left - len(data) if data else 0
        self.close()

    def limit_silence(self, seconds: float, *, must: bool = True) -> None:
        """Wait no longer than SECONDS for the next bytes, each time. Never raises.

        A shorter limit that is there already stays. If the connection cannot be limited (one
        that ends with the answer), nothing more is read if it MUST be.
        """
        _, silence = limits_of(self._timeout)
        seconds = seconds if silence is None else min(seconds, silence)
        sock = getattr(self.response.raw.connection, "sock", None)
        if sock is None:
            if must:
                self.close()
            return
        self._timeout = (None, seconds)
        with suppress(OSError):
            # urllib3 sets the timeout anew for each request on the connection.
            sock.settimeout(seconds)

    def abort(self) -> None:
        """Release a reader that is waiting for bytes, from any thread. Never raises.

        Closing would wait for the reader; shutting the socket down wakes it.
        """
        self._read = _nothing
        raw = self.response.raw
        with suppress(HTTPError, OSError, ValueError, RuntimeError, AttributeError):
            # Without a connection, it was given back, and may be serving another request.
            if raw.connection is not None:
                raw.shutdown()

    def close(self) -> None:
        """Release the connection and end the iteration. Never raises."""
        self._read = _nothing
        with suppress(HTTPError, OSError):
            self.response.close()


def start_of(source: ResponseSource, wanted: int) -> bytes:
    """Read at least WANTED bytes, or all if there are fewer or the body is cut, and close."""
    data = b""
    with suppress(TransportError):
        for chunk in source:
            data += chunk
            if len(data) >= wanted:
                break
    source.close()
    return data


def _nothing(*_: object, **__: object) -> bytes:
    """Read nothing, as at the end of a body."""
    return b""
