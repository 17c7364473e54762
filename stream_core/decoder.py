"""The sans-I/O core composed: bytes in, finished events out.

Rules of this file:

- It knows nothing of sockets, files, threads or callbacks; any chunking of the same bytes
  gives the same events.
- The end is decided here. ``done`` is the server's word. Bytes that end after a run's last
  status, but without ``done``, end cleanly: a synthetic ``Done`` comes. Bytes that end
  before it are an ``IncompleteStreamError``. The server's ``error`` is told as an event
  and then raised as ``ServerError``.
- A failure is told after everything before it, and again at every later call.
- Any exception but StreamError and the misuse named in the docstrings is a bug.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import events
from .dialects import Dialect, make_dialect
from .errors import DecodeError, IncompleteStreamError, ServerError, StreamError
from .snapshots import Snapshots
from .sse import DEFAULT_MAX_FRAME_BYTES, SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .events import Event
    from .sse import IgnoredLine, ServerSentEvent

__all__ = ["EventDecoder"]

#: What a line begins with that should have been ``data: {...}``.
_JSON_BEGINS = ("{", "[")


class EventDecoder:
    """Turns the bytes of one stream into events, snapshots included.

    ::

        decoder = EventDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
            while (event := decoder.next_event()) is not None:
                ...
        decoder.close()
        while (event := decoder.next_event()) is not None:
            ...

    Attributes:
        snapshots: The state so far: current run, messages, run steps.
        done: Whether the last event was delivered; bytes after it are ignored.
    """

    def __init__(
        self,
        dialect: str | Dialect = "assistants",
        *,
        max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES,
        snapshots: Snapshots | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            dialect: Which wire it is: a name from ``dialects.DIALECTS``, or a dialect.
            max_frame_bytes: The most that one frame may have.
            snapshots: The state of an earlier stream that this one continues.

        Raises:
            ValueError: No dialect has that name.
        """
        self.snapshots = Snapshots() if snapshots is None else snapshots
        self.done = False
        self._dialect = make_dialect(dialect)
        self._sse = SSEDecoder(max_frame_bytes=max_frame_bytes)
        self._ready: deque[Event] = deque()
        self._failure: StreamError | None = None
        self._last_event: str | None = None
        self._closed = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; empty ones too.

        Raises:
            TypeError: CHUNK is not bytes.
            RuntimeError: The decoder is closed.
        """
        self._sse.feed(chunk)

    def close(self) -> None:
        """Say that there are no more bytes."""
        self._closed = True
        self._sse.close()

    def next_event(self) -> Event | None:
        """Return the next event, or None: feed more bytes, or, after ``close``, no more come.

        Raises:
            DecodeError: A frame is not what it should be; what came before was delivered.
            ServerError: The server sent ``error``; the event was delivered.
            IncompleteStreamError: The bytes ended too early.
        """
        ready = self._ready
        while not ready:
            if self._failure is not None:
                raise self._failure
            if self.done:
                return None
            try:
                frame = self._sse.next_frame()
                if frame is not None:
                    self._decode(frame)
                elif self._closed:
                    self._end()
                else:
                    return None
            except StreamError as error:
                self._failure = error
        return ready.popleft()

    def _decode(self, frame: ServerSentEvent) -> None:
        """Make FRAME's events ready."""
        if frame.ignored:
            _check_ignored(frame.ignored)
        try:
            for decoded in self._dialect.decode(frame):
                self._last_event = decoded.name
                if decoded.event_class is events.Done:
                    self._ready += self.snapshots.close()
                    self.done = True
                self._ready += self.snapshots.apply(decoded)
                if decoded.event_class is events.ErrorEvent:
                    raise ServerError(decoded.payload)
        except DecodeError as error:
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise

    def _end(self) -> None:
        """Decide what it means that the bytes ended without ``done``."""
        _check_ignored(self._sse.ignored)
        if not self.snapshots.ended:
            raise IncompleteStreamError(
                last_event=self._last_event, open_objects=self.snapshots.open_objects
            )
        self._ready.append(events.Done("[DONE]", synthetic=True))
        self.done = True


def _check_ignored(lines: Iterable[IgnoredLine]) -> None:
    """Refuse a line that the standard ignores, but that is a payload without ``data:``.

    Raises:
        DecodeError: There is such a line.
    """
    for line in lines:
        if line.text.startswith(_JSON_BEGINS):
            raise DecodeError(
                'a line looks like a payload, but does not begin with "data: "',
                frame=line.text,
                offset=line.offset,
            )
