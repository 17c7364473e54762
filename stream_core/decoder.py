"""The sans-I/O core composed: bytes in, finished events out.

Rules of this file:

- It knows nothing of sockets, files, threads or callbacks; any chunking of the same bytes
  gives the same events.
- The end is decided here. ``done`` is the server's word. Bytes that end after a run's last
  status, but without ``done``, end cleanly: a synthetic ``Done`` comes. Bytes that end
  before it are an ``IncompleteStreamError``. The server's ``error`` is told as an event
  and then raised as ``ServerError``.
- A failure is told after everything before it, and again at every later call.
- The ordinary path is frame, dialect, snapshots. In front of it stands ``front``, which knows
  deltas that repeat the last one and changes no result (``UNTIL_DONE_FAST=0`` does without).
- Any exception but StreamError and the misuse named in the docstrings is a bug.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import events, settings
from .dialects import Dialect, make_dialect
from .errors import DecodeError, IncompleteStreamError, ServerError, StreamError
from .front import Front
from .jsontext import is_cut
from .snapshots import Snapshots
from .sse import DEFAULT_MAX_FRAME_BYTES, SSEDecoder, as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        wants: Tells which event classes somebody wants; others are passed over. None, as
            it is at first: all of them.
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
        self.snapshots.resume()
        self.done = False
        self.wants: Callable[[type[Event]], bool] | None = None
        self._dialect = make_dialect(dialect)
        self._sse = SSEDecoder(max_frame_bytes=max_frame_bytes, fast=settings.FAST)
        # Only of a dialect of ours it is known that it takes a delta's text as the JSON has it.
        own = settings.FAST and isinstance(dialect, str)
        fast = Front(self._sse, max_frame_bytes=max_frame_bytes) if own else None
        self._front: Front | None = fast
        self._frames: SSEDecoder | Front = self._sse if fast is None else fast
        self._ready: deque[Event] = deque()
        self._failure: StreamError | None = None
        self._last_event: str | None = None
        self._closed = False

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; empty ones too. A bytearray or memoryview is copied.

        Raises:
            TypeError: CHUNK is not bytes.
            RuntimeError: The decoder is closed.
        """
        if chunk.__class__ is not bytes:
            chunk = as_bytes(chunk)
        if self._closed:
            remedy = "a decoder reads one stream; make a new EventDecoder"
            raise RuntimeError(f"feed() after close(): {remedy}")
        self._frames.feed(chunk)

    def close(self) -> None:
        """Say that there are no more bytes."""
        self._closed = True
        self._frames.close()

    def next_event(self) -> Event | None:
        """Return the next event, or None: feed more bytes, or, after ``close``, no more come.

        Raises:
            DecodeError: A frame is not what it should be; what came before was delivered.
            ServerError: The server sent ``error``; the event was delivered.
            IncompleteStreamError: The bytes ended too early.
        """
        ready, wants = self._ready, self.wants
        while True:
            while ready:
                event = ready.popleft()
                if wants is None or wants(event.__class__):
                    return event
            if self._failure is not None:
                raise self._failure
            if self.done or not (self._repeat() or self._read_frame()):
                return None

    def _repeat(self) -> bool:
        """Make the events of a frame that repeats the last delta ready; False for another."""
        front = self._front
        if front is None:
            return False
        told = front.repeated(self.wants)
        if told is None:
            return False
        self._last_event = front.repeats
        wire, derived = told
        if wire is not None:
            self._ready.append(wire)
        self._ready.append(derived)
        return True

    def _read_frame(self) -> bool:
        """Make the next frame's events ready, or the end's; False where there is none yet."""
        if self._front is not None and self._front.hungry and not self._closed:
            return False
        try:
            frame = self._frames.next_frame()
            if frame is not None:
                self._decode(frame)
            elif self._closed:
                self._end()
            else:
                return False
        except StreamError as error:
            self._failure = error
        return True

    def _decode(self, frame: ServerSentEvent) -> None:
        """Make FRAME's events ready."""
        if frame.ignored:
            _check_ignored(frame.ignored)
        try:
            decoded_frame = self._dialect.decode(frame)
            for decoded in decoded_frame:
                self._last_event = decoded.name
                if decoded.event_class is events.Done:
                    self._ready += self.snapshots.close()
                    self.done = True
                self._ready += self.snapshots.apply(decoded)
                if decoded.event_class is events.ErrorEvent:
                    raise ServerError(decoded.payload)
        except DecodeError as error:
            if self._sse.unterminated and is_cut(error.__cause__):
                raise self._incomplete() from error
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise
        if self._front is not None:
            self._front.learn(frame, decoded_frame, self.snapshots)

    def _end(self) -> None:
        """Decide what it means that the bytes ended without ``done``."""
        _check_ignored(self._sse.ignored)
        if not self.snapshots.ended:
            raise self._incomplete()
        self._ready.append(events.Done("[DONE]", synthetic=True))
        self.done = True

    def _incomplete(self) -> IncompleteStreamError:
        """Return the error for bytes that ended too early."""
        return IncompleteStreamError(
            last_event=self._last_event, open_objects=self.snapshots.open_objects
        )


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
