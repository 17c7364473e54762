"""The blocking end of a stream: asks a source for bytes, and writes them to the tees first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, BinaryIO

from stream_core.errors import StreamTimeoutError, TransportError
from stream_core.source import chunks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.source import Source

__all__ = ["ByteReader"]


class ByteReader:
    """Reads the bytes of one source after another.

    Attributes:
        source: What is read from.
        chunks: What it is read by.
        tees: Files that have all bytes written to them, before they are decoded.
        aborted: Whether what is being read is to be dropped.
    """

    def __init__(self, source: Source) -> None:
        """Prepare to read; nothing is read yet.

        Raises:
            TypeError: SOURCE is a text or a path, or not a source at all.
        """
        self.tees: list[BinaryIO] = []
        self.aborted = False
        self._deadline: float | None = None
        self._expires: float | None = None
        self._seconds = 0.0
        self.turn_to(source)

    def turn_to(self, source: Source) -> None:
        """Read from SOURCE from now on."""
        self.source, self.chunks = source, chunks_of(source)
        self._hurry()

    def expire(self, seconds: float) -> float:
        """Read for at most SECONDS from now on, from whatever source; then fail.

        Returns:
            The time at which that is.
        """
        self._seconds, self._expires = seconds, time.monotonic() + seconds
        self._hurry()
        return self._expires

    @property
    def expired(self) -> bool:
        """Whether that time is up."""
        return self._expires is not None and self._expires <= time.monotonic()

    def expiry(self) -> StreamTimeoutError:
        """Return the error that says so."""
        message = f"the stream was not over within {self._seconds:g} s, its deadline"
        return StreamTimeoutError(message, stage="reading", timeout=self._seconds)

    def _hurry(self) -> None:
        """Let the source give up in time, if it lets itself be limited."""
        limit_time = getattr(self.source, "limit_time", None)
        if limit_time is not None and self._expires is not None:
            limit_time(self._expires - time.monotonic())

    def limit(self, seconds: float) -> None:
        """Read on for at most SECONDS; silence is cut short if the source lets it be."""
        self._deadline = time.monotonic() + seconds
        limit_silence = getattr(self.source, "limit_silence", None)
        if limit_silence is not None:
            limit_silence(seconds)

    def abort(self) -> None:
        """Drop what is being read, at once if the source lets it."""
        self.aborted = True
        abort = getattr(self.source, "abort", None)
        if abort is not None:
            abort()

    def read(self) -> Iterator[bytes]:
        """Yield what the source gives.

        Raises:
            TransportError: A file failed; HTTP sources have mapped their own errors. Or reading
                was aborted: then nothing is to be made of bytes that end here.
            StreamTimeoutError: The time is up, see :meth:`expire`.
        """
        chunks, tees = self.chunks, self.tees
        while True:
            try:
                chunk = None if self.aborted else next(chunks, None)
            except OSError as error:
                raise TransportError(f"reading the source failed: {error}") from error
            except StreamTimeoutError as error:
                if self.expired:
                    raise self.expiry() from error
                raise
            if self.aborted:
                raise TransportError("reading was aborted")
            if self.expired:
                raise self.expiry()
            if chunk is None or (self._deadline is not None and time.monotonic() > self._deadline):
                return
            for file in tees:
                file.write(chunk)
            yield chunk

    def read_while(self, heard: Callable[[], bool], idle: float) -> Iterator[bytes]:
        """Yield what the source gives, as long as events come of it.

        Args:
            heard: Returns whether an event has come since it was called last.
            idle: Seconds without an event after which the next bytes are an error.

        Raises:
            TransportError: As :meth:`read` does.
            StreamTimeoutError: Bytes came, but no event for longer than IDLE.
        """
        limit_silence = getattr(self.source, "limit_silence", None)
        if limit_silence is not None:
            limit_silence(idle, must=False)
        since = time.monotonic()
        for chunk in self.read():
            yield chunk
            now = time.monotonic()
            if heard():
                since = now
            elif now - since >= idle:
                raise StreamTimeoutError(
                    f"no event for {idle:g} seconds: only comments and heartbeats came",
                    timeout=idle,
                )
