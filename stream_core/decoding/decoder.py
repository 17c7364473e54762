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
- The ordinary path is frame, dialect, snapshots. In front of it stands ``fast_frames``, which knows
  deltas that repeat the last one and changes no result (``UNTIL_DONE_FAST=0`` does without).
- Any exception but StreamError and the misuse named in the docstrings is a bug.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, cast

from stream_core import environment, events
from stream_core.convert.json_text import is_cut
from stream_core.dialects import Dialect, HoldsBack, make_dialect
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    ServerError,
    StreamError,
    UnknownWireError,
)
from stream_core.snapshots.stream_state import Snapshots
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES, ServerSentEvent, SSEDecoder, as_bytes

from .fast_frames import FrameReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Run
    from stream_core.snapshots.blocks import Wants
    from stream_core.sse import IgnoredLine

__all__ = ["EventDecoder"]

#: Stands for the end of the bytes; no frame is without data.
_THE_END = ServerSentEvent("", "", 0)

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
        dialect: str | Dialect = "auto",
        *,
        max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES,
        snapshots: Snapshots | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            dialect: Which wire it is: a name from ``dialects.DIALECTS``, or a dialect;
                ``"auto"`` finds it out from the first frame that tells.
            max_frame_bytes: The most that one frame may have.
            snapshots: The state of an earlier stream that this one continues.

        Raises:
            ValueError: No dialect has that name.
        """
        self.snapshots = Snapshots() if snapshots is None else snapshots
        self.snapshots.resume()
        self.done = False
        self._wants: Wants | None = None
        self._dialect = make_dialect(dialect)
        self._sse = SSEDecoder(max_frame_bytes=max_frame_bytes)
        self._frames: FrameReader | None = None
        if environment.FAST:
            self._frames = FrameReader(
                self._sse, self._dialect, self.snapshots, max_frame_bytes=max_frame_bytes
            )
        self._failure: StreamError | None = None
        self._last_event: str | None = None
        self._closed = False
        self._fed: deque[bytes] = deque()
        self._told: Iterator[Event | None] | None = None

    @property
    def wants(self) -> Wants | None:
        """Which event classes somebody wants, by their truth; None, as at first: all of them.

        Events of other classes are passed over; some are not even made.
        """
        return self._wants

    @wants.setter
    def wants(self, wants: Wants | None) -> None:
        self._wants = wants
        if self._frames is not None:
            self._frames.wants = wants

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
        if data and not self.done and self._failure is None:
            self._fed.append(data)

    def close(self) -> None:
        """Say that there are no more bytes."""
        self._closed = True

    def next_event(self) -> Event | None:
        """Return the next event, or None: feed more bytes, or, after ``close``, no more come.

        Raises:
            DecodeError: A frame is not what it should be; what came before was delivered.
            ServerError: The server sent ``error``; the event was delivered.
            IncompleteStreamError: The bytes ended too early.
            UnknownWireError: With ``"auto"``: no frame told which wire it is.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # else each call makes that longer
        if self._told is None:
            self._told = self._tell(self._take())
        return next(self._told, None)

    def events(self, chunks: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of CHUNKS, which are all bytes that there are.

        This is ``feed``, ``next_event`` and ``close`` in one, for a decoder on which none of
        them was called. A chunk is asked for when everything before it was told, and none
        after ``done``.

        Raises:
            RuntimeError: One of them was called.
            TypeError: A chunk is not bytes; by the iterator.
            StreamError: As ``next_event`` does, by the iterator.
        """
        if self._closed or self._fed or self._told is not None:
            raise RuntimeError("events() reads a stream from its beginning; go on with next_event")
        self._closed = True
        told = self._told = self._tell(chunks)
        return cast("Iterator[Event]", told)  # None only where CHUNKS have one

    def make_up(self, missed: Iterable[Decoded], run: Run) -> list[Event]:
        """Fold in what the server says was missed, up to the run's last status.

        Args:
            missed: What frames would have meant; what was told before is not told again.
            run: The run as the server has it.

        Returns:
            The events that come of it, ``done`` the last of them.
        """
        made: list[Event] = []
        for decoded in missed:
            told = self.snapshots.apply(decoded)
            made += [x for x in told if not isinstance(x, events.RepeatedEvent)]
        self.snapshots.note(run)
        made.append(events.Done("[DONE]", synthetic=True))
        self.done = True
        return made

    def _take(self) -> Iterator[bytes | None]:
        """Yield what was fed, and None where there is no more of it, until it is closed."""
        fed = self._fed
        while fed or not self._closed:
            yield fed.popleft() if fed else None

    def _tell(self, chunks: Iterable[bytes | None]) -> Iterator[Event | None]:
        """Yield every event of CHUNKS that somebody wants, and None where they have one."""
        try:
            read = self._read_lines(chunks) if self._frames is None else self._frames.read(chunks)
            for item in chain(read, (_THE_END,)):  # pragma: no branch  # that is the last one
                if not isinstance(item, ServerSentEvent):
                    wants = self._wants  # each time: whoever got one may change it
                    if wants is None or item is None or wants[item.__class__]:
                        yield item
                    continue
                told, failure = self._events_of(item)
                for event in told:
                    wants = self._wants
                    if wants is None or wants[event.__class__]:
                        yield event
                if failure is not None:
                    raise failure
                if self.done:
                    return
        except StreamError as error:
            self._failure = error
            raise

    def _read_lines(self, chunks: Iterable[bytes | None]) -> Iterator[ServerSentEvent | None]:
        """Yield the frames in CHUNKS, and None where they have one: the ordinary path."""
        sse = self._sse
        for chunk in chunks:
            if chunk is None:
                yield None
                continue
            sse.feed(chunk)
            while (frame := sse.next_frame()) is not None:
                yield frame
        sse.close()
        while (frame := sse.next_frame()) is not None:
            yield frame

    def _events_of(self, frame: ServerSentEvent) -> tuple[list[Event], StreamError | None]:
        """Return what FRAME comes to, and the failure that follows it, or None."""
        told: list[Event] = []
        try:
            if frame is _THE_END:
                self._end(told)
            else:
                self._decode(frame, told)
        except StreamError as error:
            return told, error
        return told, None

    def _decode(self, frame: ServerSentEvent, told: list[Event]) -> None:
        """Add to TOLD what FRAME means."""
        frames = self._frames
        if frames is not None and frames.last_event is not None:  # which was before FRAME
            self._last_event, frames.last_event = frames.last_event, None
        if frame.ignored:
            _check_ignored(frame.ignored)
        try:
            self._fold(self._dialect.decode(frame), told)
        except DecodeError as error:
            if self._sse.unterminated and is_cut(error.__cause__):
                raise self._incomplete() from error
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise

    def _fold(self, meaning: Iterable[Decoded], told: list[Event]) -> None:
        """Add to TOLD what a dialect said.

        Raises:
            DecodeError: By MEANING, if it is made while it is read.
            ServerError: It was an error.
        """
        for decoded in meaning:
            self._last_event, event_class = decoded.name, decoded.event_class
            if event_class is events.Done:
                told += self.snapshots.close()
                self.done = True
            told += self.snapshots.apply(decoded)
            if event_class is events.ErrorEvent:
                raise ServerError(decoded.payload)

    def _end(self, told: list[Event]) -> None:
        """Add to TOLD what it means that the bytes ended without ``done``."""
        _check_ignored(self._sse.ignored)
        try:
            if isinstance(self._dialect, HoldsBack):
                self._fold(self._dialect.end(), told)
        except UnknownWireError as error:
            if not error.begins and self._sse.ignored:
                error.begins = self._sse.ignored[0].text
            raise
        if self.done:
            return
        if not self.snapshots.ended:
            raise self._incomplete()
        told.append(events.Done("[DONE]", synthetic=True))
        self.done = True

    def _incomplete(self) -> IncompleteStreamError:
        """Return the error for bytes that ended too early."""
        read = None if self._frames is None else self._frames.last_event
        return IncompleteStreamError(
            last_event=read or self._last_event, open_objects=self.snapshots.open_objects
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
