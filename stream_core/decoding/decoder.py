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
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from stream_core import environment, events
from stream_core.convert.json_text import is_cut, loads, may_go_on
from stream_core.dialects import (
    Decoded,
    Dialect,
    HoldsBack,
    ReadsIgnored,
    is_bare_word,
    make_dialect,
)
from stream_core.dialects.detect import (
    NEUTRAL,
    as_text,
    detect,
    has_lost_line_ends,
    looks_like,
    tried_in_vain,
)
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    ServerError,
    StreamError,
    UnknownWireError,
)
from stream_core.models.surrogates import has_halves, mend
from stream_core.snapshots.stream_state import Snapshots
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES, ServerSentEvent, SSEDecoder, as_bytes

from .fast_frames import FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stream_core.events import Event
    from stream_core.models import Run
    from stream_core.snapshots.blocks import Wants
    from stream_core.sse import IgnoredLine

__all__ = ["EventDecoder"]

#: The keys of a frame that only says that the server is alive.
_SIGNS_OF_LIFE = frozenset({"type", "event", "object", "sequence_number", "status", "timestamp"})

#: Stands for the end of the bytes; no real frame is without data.
_THE_END = ServerSentEvent("", "", 0)

#: Deltas, whose texts grow: the snapshots join the halves of surrogate pairs in them; and events
#: whose data is as sent.
_KEPT = frozenset(
    {
        events.ExtensionEvent,
        events.UnknownEvent,
        events.ThreadMessageDelta,
        events.ThreadRunStepDelta,
        events.ReasoningDelta,
        events.ReasoningSummaryDelta,
    }
)

#: The beginnings of a line that should have been ``data: {...}``.
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
        # Whether a frame of the dialect's wire came; a stream that continues another is its.
        self._recognized = self.snapshots.current_run is not None
        # If none came yet: the data of the first frame, and whether one was of another wire.
        self._begins = ""
        self._foreign = False
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
        frames, heard, self._heard = self._frames, self._heard, False
        if frames is not None and frames.last_event is not None:
            self._last_event, frames.last_event = frames.last_event, None
            return True
        return heard

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
            _mend(decoded)
            out = self.snapshots.apply(decoded)
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
        frames = self._frames
        if frames is not None and frames.last_event is not None:  # it came before FRAME
            self._last_event, frames.last_event = frames.last_event, None
            self._recognized = True
        if frame.ignored:
            self._read_ignored(frame.ignored, out)
            if self._error is not None:
                return
        try:
            meaning = self._dialect.decode(frame)
            if has_halves(frame.data):
                meaning = map(_mend, meaning)
            self._fold(meaning, out)
            if not self._recognized:
                self._examine(frame)
        except DecodeError as error:
            if self._sse.unterminated and is_cut(error.__cause__):
                raise self._incomplete() from error
            if has_lost_line_ends(frame.data):
                error.message += " (are the line ends between the frames missing?)"
            error.frame, error.event, error.offset = frame.data, frame.event or None, frame.offset
            raise
        if not out and not isinstance(self._dialect, HoldsBack):
            self._fold([_unread(frame)], out)

    def _read_ignored(self, lines: Sequence[IgnoredLine], out: list[Event]) -> None:
        """Fold in what the dialect reads in LINES, which the standard ignores."""
        if isinstance(self._dialect, ReadsIgnored):
            self._fold(self._dialect.ignored(lines), out)
        if self._error is None:
            _check_ignored(lines)

    def _fold(self, meaning: Iterable[Decoded], out: list[Event]) -> None:
        """Fold in MEANING, which a dialect returned, and append the events to OUT.

        Raises:
            DecodeError: MEANING raised it, if it decodes while it is iterated.
        """
        for decoded in meaning:
            self._last_event, event_class = decoded.name, decoded.event_class
            self._heard = self._heard or _means_something(decoded)
            if not self._recognized and event_class not in NEUTRAL:
                self._recognized = True
            if event_class is events.Done and self._error is not None:
                return  # an error is not a clean end
            if event_class is events.Done:
                self._check_wire(decoded.raw)
                out += self.snapshots.close()
                self.done = True
            out += self.snapshots.apply(decoded)
            if event_class is events.ErrorEvent:
                self._error = self._error or ServerError(decoded.payload)
                if self._patience is None:
                    return

    def _examine(self, frame: ServerSentEvent) -> None:
        """Find out whether FRAME, whose events say nothing about that, is of the wire."""
        if detect(frame) in tried_in_vain(self._dialect):
            self._recognized = True
            return
        self._begins = self._begins or frame.data
        may_be_cut = self._sse.unterminated and may_go_on(frame.data)
        if not may_be_cut and not is_bare_word(frame.data):
            self._foreign = True

    def _check_wire(self, end: Any) -> None:
        """Refuse an end of the stream before any frame of the dialect's wire.

        Args:
            end: The data of the frame that says ``done``, or None for the end of the bytes. Bytes
                that end without a word that is not of the wire may be a cut.

        Raises:
            UnknownWireError: There was no such frame.
        """
        frames, ignored = self._frames, self._sse.ignored
        if self._recognized or (frames is not None and frames.last_event is not None):
            return
        wires, what = tried_in_vain(self._dialect), looks_like(self._sse.begins)
        if not wires:
            return
        may_be_cut = end is None and not (self._foreign or ignored or what)
        if len(wires) == 1 and may_be_cut:
            return
        line = ignored[0].text if ignored else ""
        begins = self._begins or as_text(self._sse.begins) or line or str(end or "")
        received = self._sse.offset if end is None else None
        raise UnknownWireError(begins=begins, wires=wires, received=received, looks_like=what)

    def _end(self, out: list[Event]) -> None:
        """Append to OUT the events that the end of the bytes without ``done`` means."""
        try:
            self._read_ignored(self._sse.ignored, out)
        except DecodeError:
            self._check_wire(None)  # which says more, if there was no frame at all
            raise
        if self._error is not None:
            return
        self._check_wire(None)
        if isinstance(self._dialect, HoldsBack):
            self._fold(self._dialect.end(), out)
        if self.done:
            return
        if not self.snapshots.ended:
            raise self._incomplete()
        out.append(events.Done("[DONE]", synthetic=True))
        self.done = True

    def _incomplete(self) -> IncompleteStreamError:
        """Return the error for bytes that ended too early."""
        read = None if self._frames is None else self._frames.last_event
        ignored = self._sse.ignored
        return IncompleteStreamError(
            last_event=read or self._last_event,
            open_objects=self.snapshots.open_objects,
            rest=ignored[0].text if ignored else "",
        )


def _means_something(decoded: Decoded) -> bool:
    """Return whether DECODED is more than a sign of life."""
    if decoded.event_class is events.ExtensionEvent:
        sent = decoded.payload
        return not isinstance(sent, dict) or not sent.keys() <= _SIGNS_OF_LIFE
    return decoded.event_class is not events.UnknownEvent


def _mend(decoded: Decoded) -> Decoded:
    """Return DECODED without halves of surrogate pairs that are alone in a text.

    Those in deltas stay: the text that they belong to knows whether the other half comes.
    """
    if decoded.event_class not in _KEPT:
        decoded.payload = mend(decoded.payload)
    return decoded


def _unread(frame: ServerSentEvent) -> Decoded:
    """Return the meaning of a FRAME of which a dialect made nothing."""
    raw: Any = frame.data
    with suppress(ValueError):
        raw = loads(frame.data)
    return Decoded(events.ExtensionEvent, raw, raw, frame.event or "message")


def _check_ignored(lines: Iterable[IgnoredLine]) -> None:
    """Refuse LINES, which the standard ignores, if one of them is a payload without ``data:``.

    Raises:
        DecodeError: There is such a line.
    """
    for line in lines:
        if line.text.startswith(_JSON_BEGINS):
            raise DecodeError(
                'a line looks like a payload but does not begin with "data: "',
                frame=line.text,
                offset=line.offset,
            )
