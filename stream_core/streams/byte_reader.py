"""The blocking end of a stream: asks a source for bytes, and writes them to the tees first.

Rules of this file:

- One thread reads. Others may abort the source or limit its silence at any time, but only while it
  is held: once it is given back, its connection may serve another stream. The lock sees to that;
  it is taken per source and per call from outside, never per chunk.
"""

from __future__ import annotations

import time
from os import PathLike, fspath
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any, BinaryIO

from stream_core.errors import StreamTimeoutError, TransportError
from stream_core.source import bytes_of, chunks_of, is_text_file

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
        opened: Those of them that were opened here, and are to be closed at the end.
        aborted: Whether what is being read is to be dropped.
        silent: Set by whoever wants to know whether bytes come; False as soon as they do.
    """

    def __init__(self, source: Source) -> None:
        """Prepare to read; nothing is read yet.

        Raises:
            TypeError: SOURCE is a text or a path, or not a source at all.
        """
        self.tees: list[BinaryIO] = []
        self.opened: list[BinaryIO] = []
        self.aborted = self.silent = False
        self._deadline: float | None = None
        self._expires: float | None = None
        self._seconds = 0.0
        self._given_up: float | None = None
        # Reentrant, as a signal handler may call abort() while this thread holds it.
        self._lock = RLock()
        self.turn_to(source)

    def turn_to(self, source: Source) -> None:
        """Read from SOURCE from now on."""
        chunks = chunks_of(source)
        with self._lock:
            self.source, self.chunks, self._held = source, chunks, True
            self._given_up = None
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

    def let_go(self) -> None:
        """Leave the source alone from now on, since it is being given back."""
        with self._lock:
            self._held = False

    def tee(self, target: BinaryIO | str | PathLike[str]) -> None:
        """Write all bytes to TARGET too: a file, or the path of one, which is then overwritten.

        Raises:
            TypeError: It is a text file, was opened for reading, or is not a file.
            OSError: The file cannot be opened.
        """
        if isinstance(target, str | PathLike):
            file: BinaryIO = open(fspath(target), "wb")  # noqa: PTH123, SIM115  # closed at the end
            self.opened.append(file)
        else:
            file = _checked(target)
        self.tees.append(file)

    def limit(self, seconds: float) -> None:
        """Read on for at most SECONDS; silence is cut short if the source lets it be."""
        self._deadline = time.monotonic() + seconds
        self._ask("limit_silence", seconds)

    def limit_silence(self, seconds: float, *, elsewhere: bool, busy: Callable[[], bool]) -> None:
        """Wait no longer than SECONDS for the next bytes, each time, if the source lets it be.

        Args:
            seconds: The limit.
            elsewhere: Whether another thread may be waiting for bytes already. That wait is ended
                after SECONDS too, by dropping the source.
            busy: Whether that thread is doing something else.
        """
        if not elsewhere:
            self._ask("limit_silence", seconds)
        elif self._ask("limit_silence", seconds, must=False):
            # What cannot be limited, or waits already, is ended below: closing would wait for it.
            self.silent = True
            self._look_after(seconds, busy)

    def _look_after(self, seconds: float, busy: Callable[[], bool]) -> None:
        """Drop the source after SECONDS, if it is silent until then."""
        timer = Timer(seconds, self._give_up, (seconds, busy))
        timer.daemon = True
        timer.start()

    def _give_up(self, seconds: float, busy: Callable[[], bool]) -> None:
        """Drop a source that has been silent for SECONDS; look again later if nobody waits."""
        with self._lock:
            if not (self._held and self.silent):
                return
            if busy():
                self._look_after(seconds, busy)
                return
            self._given_up = seconds
            self._ask("abort")

    def abort(self) -> None:
        """Drop what is being read, at once if the source lets it."""
        self.aborted = True
        self._ask("abort")

    def _ask(self, name: str, *arguments: float, **options: bool) -> bool:
        """Call the method NAME of the source, while it is held; return whether there is one."""
        with self._lock:
            method = getattr(self.source, name, None) if self._held else None
            if method is not None:
                method(*arguments, **options)
            return method is not None

    def read(self) -> Iterator[bytes]:  # noqa: C901  # for every chunk; calls cost
        """Yield what the source gives.

        Raises:
            TransportError: A file failed; HTTP sources have mapped their own errors. Or reading
                was aborted: then nothing is to be made of bytes that end here.
            StreamTimeoutError: The time is up, see :meth:`expire`; or the source was silent for
                longer than it was allowed to be.
            TypeError: What the source gives is not bytes.
        """
        tees, writing = self.tees, False
        try:
            for chunk in () if self.aborted or self.expired else self.chunks:
                if self.aborted or (self._expires is not None and self.expired):
                    break
                self.silent = False
                if self._deadline is not None and time.monotonic() > self._deadline:
                    return
                data = chunk if chunk.__class__ is bytes else bytes_of(chunk)
                if tees:
                    writing = True
                    for file in tees:
                        file.write(data)
                    writing = False
                yield data
                if self.aborted:
                    break  # type: ignore[unreachable]  # it may be set while this waits
        except OSError as error:
            if writing:  # a full disk is a failure neither of the stream nor of its source
                raise
            raise self._failure(f"reading the source failed: {error}") from error
        except TransportError as error:
            if self._given_up is None and not self.expired:
                raise
            raise self._failure("") from error
        if self.aborted:
            raise TransportError("reading was aborted")
        if self.expired or self._given_up is not None:
            raise self._failure("")

    def _failure(self, what: str) -> TransportError:
        """Return the error for WHAT failed, or for the time or the silence that ended it."""
        if self.expired:
            return self.expiry()
        if self._given_up is None:
            return TransportError(what)
        return StreamTimeoutError(f"no bytes for {self._given_up:g} s", timeout=self._given_up)

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


def _checked(file: Any) -> BinaryIO:
    """Return FILE, if bytes can be written to it.

    Raises:
        TypeError: They cannot.
    """
    if is_text_file(file):
        remedy = 'open it with "wb", pass its path, or its .buffer'
        raise TypeError(f"tee() writes bytes, and {file!r} is open in text mode: {remedy}")
    if not callable(getattr(file, "write", None)):
        raise TypeError(f"tee() takes a file opened for writing bytes, or its path, not {file!r}")
    if not getattr(file, "writable", lambda: True)():
        raise TypeError(f'{file!r} is open for reading: open it with "wb", or pass another path')
    checked: BinaryIO = file
    return checked
