"""The sans-I/O core composed: bytes in, finished events out.

Rules of this file:

- It knows nothing of sockets, files, threads or callbacks; any chunking of the same bytes
  gives the same events.
- The end is decided here. ``done`` is the server's word. At the end of the bytes the dialect
  tells what it held back; if they ended after a run's last status, but without ``done``, they
  ended cleanly: a synthetic ``Done`` comes. Bytes that end before that are an
  ``IncompleteStreamError``. The server's ``error`` is told as an event
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
from .dialects import Dialect, HoldsBack, make_dialect
from .errors import DecodeError, IncompleteStreamError, ServerError, StreamError
from .front import Front
from .jsontext import is_cut
from .snapshots import Snapshots
from .sse import DEFAULT_MAX_FRAME_BYTES, SSEDecoder, as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .dialects import Decoded
    from .events import Event
    from .models import Run
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
        fast = Front(self._sse, max_frame_bytes=max_frame_bytes) if settings.FAST else None
        self._front: Front | None = fast
        self._frames: SSEDecoder | Front = self._sse if fast is None else fast
        # Only this wire takes a delta's text from the JSON as it stands, and keeps no state.
        self._learner = fast if dialect == "assistants" else None
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
        data = chunk if isinstance(chunk, bytes) else as_bytes(chunk)
        if self._closed:
            remedy = "a decoder reads one stream; make a new EventDecoder"
            raise RuntimeError(f"feed() after close(): {remedy}")
        if not self.done and self._failure is None:
            self._frames.feed(data)

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
        ready, wants, front = self._ready, self.wants, self._front
        while True:
            while ready:
                event = ready.popleft()
                if wants is None or wants(event.__class__):
                    return event
            if self._failure is not None:
                raise self._failure
            if self.done:
                return None
            if front is not None:
                if front.hungry and not self._closed:
                    return None
                repeated = self._repeat(front)
                if repeated is not None:
                    return repeated
            if not self._read_frame():
                return None

    def make_up(self, missed: Iterable[Decoded], run: Run) -> int:
        """Fold in what the server says was missed, up to the run's last status.

        Args:
            missed: What frames would have meant; what was told before is not told again.
            run: The run as the server has it.

        Returns:
            How many events come of it; ``done`` is one of them.
        """
        for decoded in missed:
            told = self.snapshots.apply(decoded)
            self._ready += [x for x in told if not isinstance(x, events.RepeatedEvent)]
            self._last_event = decoded.name
        self.snapshots.note(run)
        self._ready.append(events.Done("[DONE]", synthetic=True))
        self.done = True
        return len(self._ready)

    def _repeat(self, front: Front) -> Event | None:
        """Return the first wanted event of frames that repeat the last delta; None for others."""
        wants = self.wants
        while (told := front.repeated(wants)) is not None:
            self._last_event = front.repeats
            wire, derived = told
            if wire is not None:
                self._ready.append(derived)
                return wire
            if wants is None or wants(derived.__class__):
                return derived
        return None

    def _read_frame(self) -> bool:
        """Make the next frame's events ready, or the end's; False where there is none yet."""
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
            meaning = self._dialect.decode(frame)
            self._tell(meaning)
        except DecodeError as error:
            if self._sse.unterminated and is_cut(error.__cause__):
                raise self._incomplete() from error
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise
        if self._learner is not None:
            self._learner.learn(frame, tuple(meaning), self.snapshots)

    def _tell(self, meaning: Iterable[Decoded]) -> None:
        """Make the events ready of what a dialect said.

        Raises:
            DecodeError: By MEANING, if it is made while it is read.
            ServerError: It was an error.
        """
        for decoded in meaning:
            self._last_event = decoded.name
            if decoded.event_class is events.Done:
                self._ready += self.snapshots.close()
                self.done = True
            self._ready += self.snapshots.apply(decoded)
            if decoded.event_class is events.ErrorEvent:
                raise ServerError(decoded.payload)

    def _end(self) -> None:
        """Decide what it means that the bytes ended without ``done``."""
        _check_ignored(self._sse.ignored)
        if isinstance(self._dialect, HoldsBack):
            self._tell(self._dialect.end())
        if self.done:
            return
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
