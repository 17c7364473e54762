"""The sans-I/O core composed: bytes in, finished events out.

Rules of this file:

- It knows nothing of sockets, files, threads or callbacks; any chunking of the same bytes
  gives the same events.
- The end is decided here. ``done`` is the server's word. At the end of the bytes the dialect
  returns what it held back; if they ended after a run's last status, but without ``done``, that
  is a clean end: a synthetic ``Done`` is delivered. Bytes that end before that are an
  ``IncompleteStreamError``. The server's ``error`` is delivered as an event and then raised as
  ``ServerError``; if the dialect says so (``after_error``), after the frame that follows it, which
  says how the run ended.
- Bytes that end, or say ``done``, without a frame of the dialect's wire are an
  ``UnknownWireError``, unless they say nothing at all: those may be a cut.
- A failure is raised after all events before it were delivered, and again by every later call.
- Every frame that carries data gives an event that has its JSON. If a dialect returns nothing for
  one, and does not hold events back, that is an ``ExtensionEvent``.
- Whatever is delivered can be encoded: a half of a surrogate pair that is alone in a text becomes
  U+FFFD. (In deltas the texts see to it that two halves meet; ``raw`` and ``extra`` are as sent.)
- The ordinary path is frame, dialect, snapshots. In front of it stands ``fast_frames``, which
  recognizes deltas that repeat the last one; it changes no result (``UNTIL_DONE_FAST=0`` turns
  it off).
- Any exception other than StreamError and the misuse named in the docstrings is a bug.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, cast

from stream_core import environment, events
from stream_core.convert.json_text import is_cut
from stream_core.dialects import holds_back, make_dialect, reads_ignored
from stream_core.dialects.detect import has_lost_line_ends
from stream_core.errors import DecodeError, IncompleteStreamError, ServerError, StreamError
from stream_core.models.surrogates import has_halves
from stream_core.snapshots.stream_state import Snapshots
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES, ServerSentEvent, SSEDecoder, as_bytes

from .fast_frames import FrameReader
from .meanings import check_ignored, mended, says_something, split_ignored, unread
from .wire_check import WireCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stream_core.dialects import Decoded, Dialect
    from stream_core.events import Event
    from stream_core.models import Run
    from stream_core.snapshots.blocks import Wants
    from stream_core.sse import IgnoredLine

__all__ = ["EventDecoder"]

#: Stands for the end of the bytes; no real frame is without data.
_THE_END = ServerSentEvent("", "", 0)


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
        limit: Called with the seconds for which one more frame is worth waiting for, after the
            server's error; or None.
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
            dialect: The wire: a name from ``dialects.DIALECTS``, or a dialect; ``"auto"`` detects
                the wire from the first distinctive frame.
            max_frame_bytes: The most bytes that one frame may have.
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
        # A stream that continues another is of its wire.
        going_on = self.snapshots.current_run is not None
        self._wire = WireCheck(self._dialect, self._sse, recognized=going_on)
        self.limit: Callable[[float], object] | None = None
        self._error: ServerError | None = None
        self._failure: StreamError | None = None
        self._last_event: str | None = None
        self._closed = False
        self._heard = False
        self._fed: deque[bytes] = deque()
        self._delivered: Iterator[Event | None] | None = None

    @property
    def wants(self) -> Wants | None:
        """Maps event classes to whether somebody wants them; None, the default, means all.

        Events of other classes are skipped; some are not even made.
        """
        return self._wants

    @wants.setter
    def wants(self, wants: Wants | None) -> None:
        self._wants = wants
        if self._frames is not None:
            self._frames.wants = wants

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes, which may be empty. A bytearray or memoryview is copied.

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
        """Mark the end of the bytes."""
        self._closed = True

    def next_event(self) -> Event | None:
        """Return the next event, or None: before ``close`` "feed more", after it "no more".

        Raises:
            DecodeError: A frame is not what it should be; the events before it were delivered.
            ServerError: The server sent ``error``; its event was delivered.
            IncompleteStreamError: The bytes ended too early.
            UnknownWireError: No frame was of the dialect's wire; of any wire, with ``"auto"``.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # or each call would make it longer
        if self._delivered is None:
            self._delivered = self._deliver(self._take())
        return next(self._delivered, None)

    def events(self, chunks: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of CHUNKS, which are all the bytes of the stream.

        This is ``feed``, ``next_event`` and ``close`` in one, for a decoder on which none of
        them has been called. A chunk is requested only when all events before it have been
        delivered, and none after ``done``.

        Raises:
            RuntimeError: One of them has been called.
            TypeError: A chunk is not bytes; raised by the iterator.
            StreamError: As ``next_event`` does; raised by the iterator.
        """
        if self._closed or self._fed or self._delivered is not None:
            raise RuntimeError("events() reads a stream from its beginning; go on with next_event")
        self._closed = True
        out = self._delivered = self._deliver(chunks)
        return cast("Iterator[Event]", out)  # None only if CHUNKS have one

    def heard(self) -> bool:
        """Return whether an event that means something has come since the last call.

        Comments, heartbeats and frames of unknown names do not count; events that nobody wants
        do.
        """
        heard, self._heard = self._heard, False
        return self._catch_up() or heard

    def make_up(self, missed: Iterable[Decoded], run: Run) -> list[Event]:
        """Fold in what was missed, as the server states it, up to the run's last status.

        Args:
            missed: The decoded frames that were missed; what was delivered before is not
                delivered again.
            run: The run as the server has it.

        Returns:
            The resulting events; the last one is ``done``.
        """
        made: list[Event] = []
        for decoded in missed:
            out = self.snapshots.apply(mended(decoded))
            made += [x for x in out if not isinstance(x, events.RepeatedEvent)]
        self.snapshots.note(run)
        made.append(events.Done("[DONE]", synthetic=True))
        self.done = True
        return made

    def _take(self) -> Iterator[bytes | None]:
        """Yield what was fed, and None whenever that runs out, until the decoder is closed."""
        fed = self._fed
        while fed or not self._closed:
            yield fed.popleft() if fed else None

    def _deliver(self, chunks: Iterable[bytes | None]) -> Iterator[Event | None]:
        """Yield every event of CHUNKS that somebody wants, and None wherever they have None."""
        try:
            read = self._read_lines(chunks) if self._frames is None else self._frames.read(chunks)
            for item in chain(read, (_THE_END,)):  # pragma: no branch  # _THE_END returns
                if not isinstance(item, ServerSentEvent):
                    wants = self._wants  # read each time: whoever got an event may change it
                    if wants is None or item is None or wants[item.__class__]:
                        yield item
                    continue
                out, failure = self._events_of(item)
                for event in out:
                    wants = self._wants
                    if wants is None or wants[event.__class__]:
                        yield event
                if failure is not None:
                    raise failure
                if self.done:
                    return
                if self._error is not None:
                    yield from self._after_error(iter(read), self._error)
        except StreamError as error:
            self._failure = error
            raise

    @property
    def _patience(self) -> float | None:
        """For how many seconds the frame after an error is waited for; None: not at all."""
        return getattr(self._dialect, "after_error", None)

    def _after_error(
        self, read: Iterator[Event | ServerSentEvent | None], error: ServerError
    ) -> Iterator[Event | None]:
        """Yield the events of the next frame in READ, unless the run has ended; raise ERROR."""
        seconds = self._patience
        if seconds is not None and not self.snapshots.terminated:
            if self.limit is not None:
                self.limit(seconds)
            try:
                while (item := next(read, _THE_END)) is None:
                    yield None
            except StreamError:
                raise error from None
            frame = item if isinstance(item, ServerSentEvent) else _THE_END
            for event in self._events_of(frame)[0] if frame is not _THE_END else ():
                wants = self._wants
                if wants is None or wants[event.__class__]:
                    yield event
        raise error

    def _read_lines(self, chunks: Iterable[bytes | None]) -> Iterator[ServerSentEvent | None]:
        """Yield the frames in CHUNKS, and None wherever they have None: the ordinary path."""
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
        """Return the events of FRAME, and the failure that follows them, or None."""
        out: list[Event] = []
        try:
            if frame is _THE_END:
                self._end(out)
            else:
                self._decode(frame, out)
        except StreamError as error:
            return out, error
        return out, None

    def _decode(self, frame: ServerSentEvent, out: list[Event]) -> None:
        """Decode FRAME and append its events to OUT."""
        self._catch_up()
        after: Sequence[IgnoredLine] = ()
        if frame.ignored:
            before, after = split_ignored(frame)
            self._read_ignored(before, out)
            if self._error is not None:
                return
        self._read_data(frame, out)
        if after and not self.done and self._error is None:
            self._read_ignored(after, out)

    def _read_data(self, frame: ServerSentEvent, out: list[Event]) -> None:
        """Let the dialect decode FRAME, and append its events to OUT."""
        known = len(out)
        try:
            meaning = self._dialect.decode(frame)
            if has_halves(frame.data):
                meaning = map(mended, meaning)
            self._fold(meaning, out)
            if self._frames is not None:
                self._frames.learn(meaning)
            if not self._wire.recognized:
                self._wire.examine(frame)
        except DecodeError as error:
            if self._sse.unterminated and is_cut(error.__cause__):
                raise self._incomplete() from error
            if has_lost_line_ends(frame.data):
                error.message += " (are the line ends between the frames missing?)"
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise
        if len(out) == known and not holds_back(self._dialect):
            self._fold([unread(frame)], out)

    def _catch_up(self) -> bool:
        """Take note of the last event that was folded in on the fast path; return if there is."""
        frames = self._frames
        if frames is None or frames.last_event is None:
            return False
        self._last_event, frames.last_event = frames.last_event, None
        self._wire.recognized = True
        return True

    def _read_ignored(self, lines: Sequence[IgnoredLine], out: list[Event]) -> None:
        """Fold in what the dialect reads in LINES, which the standard ignores."""
        if reads_ignored(self._dialect):
            self._fold(self._dialect.ignored(lines), out)
        if self._error is None:
            check_ignored(lines)

    def _fold(self, meaning: Iterable[Decoded], out: list[Event]) -> None:
        """Fold in MEANING, which a dialect returned, and append the events to OUT.

        Raises:
            DecodeError: MEANING raised it, if it decodes while it is iterated.
        """
        for decoded in meaning:
            self._last_event, event_class = decoded.name, decoded.event_class
            self._heard = self._heard or says_something(decoded)
            self._wire.note(decoded)
            if event_class is events.Done and self._error is not None:
                return  # an error is not a clean end
            if event_class is events.Done:
                self._wire.refuse(decoded.raw)
                out += self.snapshots.close()
                self.done = True
            out += self.snapshots.apply(decoded)
            if event_class is events.ErrorEvent:
                self._error = self._error or ServerError(decoded.payload)
                if self._patience is None:
                    return

    def _end(self, out: list[Event]) -> None:
        """Append to OUT the events that the end of the bytes without ``done`` means."""
        self._catch_up()
        try:
            self._read_ignored(self._sse.ignored, out)
        except DecodeError:
            self._wire.refuse(None)  # which says more, if there was no frame at all
            raise
        if self._error is not None:
            return
        self._wire.refuse(None)
        if holds_back(self._dialect):
            self._fold(self._dialect.end(), out)
        if self.done:
            return
        if not self.snapshots.ended:
            raise self._incomplete()
        out.append(events.Done("[DONE]", synthetic=True))
        self.done = True

    def _incomplete(self) -> IncompleteStreamError:
        """Return the error for bytes that ended too early."""
        self._catch_up()
        ignored = self._sse.ignored
        return IncompleteStreamError(
            last_event=self._last_event,
            open_objects=self.snapshots.open_objects,
            rest=ignored[0].text if ignored else "",
        )
