"""Fast path of ``decoder``: stands between the bytes and the ordinary path.

It reads what servers send: frames of the shape ``event: X`` LF ``data: Y`` LF LF, also without
``event:``, without the blanks, and with CR LF.

- A frame that repeats the last delta except for what varies in it (see ``fast_deltas``) is folded
  in without being parsed.
- If the dialect has a table of objects, an object under its name is folded in as soon as its
  payload is made (see ``convert.fast_payloads``), and skipped if the frame before had the same
  data and nobody wants the repetition.
- Any other plain frame becomes a ``ServerSentEvent`` without examining its lines again.
- Everything else goes, byte for byte, to the SSE decoder, and so does what follows until that
  decoder is not in the middle of something.

Rules of this file:

- The results are those of the ordinary path: same events, same errors, same offsets. No error is
  raised for content here: whatever is unusual is left to the ordinary path.
- A template lives until a frame is decoded in another way: nothing else changes what it rests on.
- One is made from a frame directly after that was decoded, before anybody has seen its events.
- Many frames in one chunk are read in place, in windows: text that is decoded and read by places.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert.fast_payloads import Unusual, constructor
from stream_core.convert.json_text import loads_in
from stream_core.dialects import Decoded, objects_of, repeats_of
from stream_core.models.surrogates import has_halves, mend
from stream_core.sse import ServerSentEvent, as_bytes

from .fast_deltas import learn
from .fast_repeats import find_repeater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from stream_core.dialects import Counts, Dialect, ObjectTable
    from stream_core.events import Event
    from stream_core.snapshots.blocks import Wants
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.sse import SSEDecoder

    from .fast_deltas import Template

    #: The first line and the event class of a frame that repeats another.
    _Repetition: TypeAlias = tuple[str, type[Event]]

    #: A name, the class of its event, the function that makes its payload, and what may repeat it.
    _Row: TypeAlias = tuple[
        str, type[events.WireEvent[Any]], Callable[[Any], Any], _Repetition | None
    ]

__all__ = ["FrameReader"]

#: After how many templates in a row without a single match only every so many frames gets one: the
#: server puts something new into every frame, or many things come in turn.
_MAX_TRIES, _SELDOM = 8, 32

#: How many lines a plain frame has at least, with the rest after its second line end.
_LINES = 3

#: The bytes of a window: at first, and at most.
_FIRST_WINDOW, _WINDOW = 1 << 12, 1 << 16

_CR = 13

#: A meaning of another class may be decoded while it is iterated.
_LISTS = (list, tuple)

_DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)

#: Events that may be nothing but a piece of text.
_PIECES = frozenset({*_DELTAS, events.ReasoningDelta, events.ReasoningSummaryDelta})


class FrameReader:
    """Reads plain frames, and feeds all others to an SSE decoder.

    Attributes:
        wants: Which events somebody wants; the same as ``EventDecoder.wants``.
        last_event: Wire name of the last event folded in; whoever decodes a frame resets it.
    """

    def __init__(
        self, sse: SSEDecoder, dialect: Dialect, snapshots: Snapshots, *, max_frame_bytes: int
    ) -> None:
        """Make a reader in front of SSE, which has not been fed yet.

        Args:
            sse: Reads frames that are not plain.
            dialect: May have a table of the frames that are one object each, and may know which
                frames can come again.
            snapshots: Objects and deltas are folded into these.
            max_frame_bytes: The most bytes that one frame may have.
        """
        self.wants: Wants | None = None
        self.last_event: str | None = None
        self._sse = sse
        self._snapshots = snapshots
        self._limit = max_frame_bytes
        # Whether SSE is not in the middle of something, and how many bytes have been read.
        self._idle = True
        self._offset = 0
        # The template for the next frame, and how many were made since the last match.
        self._template: Template | None = None
        self._tries = 0
        # The plain frame that the dialect is decoding; who counts frames, and the number before it.
        self._repeats = repeats_of(dialect)
        self._plain: str | None = None
        self._counter: Counts | None = None
        self._number: int | None = None
        # Finds the dialect's table of objects, until it is known; then what it makes.
        self._find_objects = objects_of(dialect)
        self._makers: _Makers | None = None
        # The lines of the frame that would repeat the last one, and its event class.
        self._again: tuple[str, str, type[Event]] | None = None

    def read(self, chunks: Iterable[bytes | None]) -> Iterator[ServerSentEvent | Event | None]:
        """Yield the results of the bytes, to their end.

        Args:
            chunks: The bytes, and None whenever no more are there yet.

        Yields:
            Frames to decode, as ``SSEDecoder.next_frame`` returns them; events of frames that
            are folded in already, some of which nobody may want; each None of CHUNKS.

        Raises:
            FrameTooLargeError: A frame is longer than the limit.
        """
        limit = self._limit
        for chunk in chunks:
            if chunk is None:
                yield None
                continue
            data = chunk if chunk.__class__ is bytes else as_bytes(chunk)
            found = None
            if self._idle and len(data) <= limit:
                found = self._read_frame(_as_text(data))
            if found is None:
                yield from self._read_frames(data)
            else:  # the usual case: one frame in one chunk
                self._offset += len(data)
                yield from found
        yield from self._read_lines(b"", last=True)

    def learn(self, meaning: Iterable[Decoded]) -> None:
        """Prepare for the repetition of the frame that was handed out last.

        Call it when the dialect has decoded that frame and its MEANING was folded in.
        """
        frame, self._plain = self._plain, None
        if frame is None or not isinstance(meaning, _LISTS) or len(meaning) != 1:
            return
        if meaning[0].event_class in _PIECES and not meaning[0].synthetic:
            self._learn(meaning[0], frame)

    def _read_frame(self, frame: str) -> Sequence[ServerSentEvent | Event] | None:
        """Read FRAME.

        Returns:
            A frame to decode, or events, some of which nobody may want; None if FRAME is not one
            plain frame.
        """
        template = self._template
        if template is not None:
            out = template.read(frame, self.wants)
            if out is not None:
                self._tries, self.last_event = 0, template.name
                return out
        plain = frame
        if "\r" in frame:
            plain = frame.replace("\r\n", "\n")
            if "\r" in plain:
                return None
        lines = plain.split("\n", 2)
        if len(lines) < _LINES:
            return None
        head, line, rest = lines
        if rest == "\n":
            return self._read_named(head, line, frame)
        data = "" if line or rest else _value_of(head, "data:")
        return self._hand_out("", data, frame) if data else None

    def _read_named(
        self, head: str, line: str, frame: str
    ) -> Sequence[ServerSentEvent | Event] | None:
        """Read FRAME, whose lines are HEAD and LINE; see :meth:`_read_frame`."""
        again, self._again = self._again, None
        if again is not None and line == again[1] and head == again[0]:
            wants = self.wants
            if wants is not None and not wants[again[2]]:
                self.last_event = head[7:]
                return ()
        data = _value_of(line, "data:")
        if not data:
            return None
        makers = self._makers
        if makers is None and self._find_objects is not None:
            makers = self._find_makers(head, self._find_objects)
        row = None if makers is None else makers[head]
        out = None if row is None else self._fold(row, line, data, frame)
        if out is not None:
            return out
        name = _value_of(head, "event:")
        return self._hand_out(name, data, frame) if name else None

    def _fold(self, row: _Row, line: str, data: str, frame: str) -> Sequence[Event] | None:
        """Fold in the object in DATA, the end of LINE; return None if it is unusual."""
        name, event_class, make, repetition = row
        try:
            raw = loads_in(line, len(line) - len(data), len(line))
            decoded = Decoded(event_class, make(raw), raw, name)
            if event_class not in _DELTAS and has_halves(line):
                mend(decoded.payload)
        except (ValueError, Unusual):
            return None  # the ordinary path explains it or decodes it with care
        self._template = None
        out = self._snapshots.apply(decoded)
        self.last_event = name
        if repetition is not None:
            # If created had been delivered before, or the run has ended, the next frame
            # is not a mere repetition even with the same data.
            if out[0].__class__ is event_class and not self._snapshots.terminated:
                self._again = (repetition[0], line, repetition[1])
        elif event_class in _DELTAS:
            self._learn(decoded, frame)
        return out

    def _hand_out(self, name: str, data: str, frame: str) -> Sequence[ServerSentEvent]:
        """Return FRAME to be decoded, with its NAME and DATA."""
        self._plain, self._template, self._again = frame, None, None
        if self._counter is not None:
            self._number = self._counter.sequence_number
        return (ServerSentEvent(name, data, self._offset, self._sse.last_event_id),)

    def _read_frames(self, chunk: bytes) -> Iterator[ServerSentEvent | Event]:
        """Yield the results of a chunk that is not one plain frame.

        Only whole frames are read here: bytes after the end of the last one are for SSE, and so
        is the rest of a frame that SSE has begun. What is not read in a window is decoded frame by
        frame, because one character beyond ASCII makes all of a text slow to search and to slice.
        """
        begin, size, window = 0, len(chunk), _FIRST_WINDOW
        while begin < size:
            template = self._template
            if template is not None and self._idle:
                end = chunk.rfind(b"\n", begin, begin + min(window, self._limit)) + 1
                text, at = _as_text(chunk[begin : max(begin, end)]), 0
                while (out := template.read_at(text, at, self.wants)) is not None:
                    at = template.place[0]
                    self._tries, self.last_event = 0, template.name
                    yield from out
                if at:
                    used = at if text.isascii() else len(text[:at].encode())
                    begin += used
                    self._offset += used
                    # Where most frames take the ordinary path, little is decoded in vain.
                    window = min(2 * window, _WINDOW) if at == len(text) else _FIRST_WINDOW
                    continue
            end = _end_of_frame(chunk, begin)
            piece = chunk[begin:end] if end else chunk[begin:]
            begin += len(piece)
            found = None
            if self._idle and len(piece) <= self._limit:
                found = self._read_frame(_as_text(piece))
            if found is None:
                yield from self._read_lines(piece)
            else:
                self._offset += len(piece)
                yield from found

    def _find_makers(self, head: str, find: Callable[[str], ObjectTable | None]) -> _Makers | None:
        """Return the rows of the dialect's table of objects, or None if there is none (yet)."""
        table = find(head[7:] if head[:7] == "event: " else "")
        if table is not None:
            self._find_objects = None
            self._makers = _makers_of(table) if table.rows else None
        return self._makers

    def _learn(self, decoded: Decoded, frame: str) -> None:
        """Make a template of FRAME, whose delta was just folded in, if it can come again."""
        self._tries += 1
        if self._repeats is None or (self._tries > _MAX_TRIES and self._tries % _SELDOM):
            return
        repeats = self._repeats(decoded)
        repeater = None if repeats is None else find_repeater(self._snapshots, decoded)
        if repeats is None or repeater is None:
            return
        step, counter = 1, repeats.counter
        if counter is not None and counter is self._counter and self._number is not None:
            step = (counter.sequence_number or 0) - self._number
        self._counter = counter
        self._template = learn(frame, decoded.name, repeater, repeats, max(step, 0))

    def _read_lines(self, piece: bytes, *, last: bool = False) -> Iterator[ServerSentEvent]:
        """Feed PIECE to SSE, close it if that was the LAST, and yield the frames it completes."""
        sse = self._sse
        sse.skip(self._offset - sse.offset)
        sse.feed(piece)
        if last:
            sse.close()
        while (frame := sse.next_frame()) is not None:
            self._again = self._template = self._plain = None
            yield frame
        self._idle, self._offset = sse.idle, sse.offset


def _as_text(piece: bytes) -> str:
    """Return PIECE as text, or "" if it is not UTF-8."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return ""


def _value_of(line: str, field: str) -> str:
    """Return the value of LINE, whose FIELD is given with its colon; "" if it is another field."""
    if not line.startswith(field):
        return ""
    size = len(field)
    return line[size + 1 :] if line[size : size + 1] == " " else line[size:]


def _end_of_frame(chunk: bytes, begin: int) -> int:
    """Return where the frame that begins at BEGIN ends, after its blank line; 0 if it does not."""
    end = chunk.find(b"\n", begin) + 1
    while end:
        # Searching for one line feed twice takes a tenth of the time of searching for two in a row.
        after = chunk.find(b"\n", end) + 1
        if after == end + 1 or (after == end + 2 and chunk[end] == _CR):
            return after
        end = after
    return 0


class _Makers(dict[str, "_Row | None"]):
    """Maps the first line of an object's frame to its row, by a dialect's table.

    A row is made when the first such object comes.
    """

    def __init__(self, table: ObjectTable) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, head: str) -> _Row | None:
        """Make the row of HEAD; return None if HEAD does not belong to an object."""
        name = head.removeprefix("event: ")
        rows = self._table.rows
        if name not in rows or name == head:
            return None
        event_class, payload_class = rows[name]
        made: Any = payload_class
        again = self._table.repeats.get(name)
        repetition = None if again is None else (f"event: {again}", rows[again][0])
        row = self[head] = (name, event_class, constructor(made), repetition)
        return row


@cache
def _makers_of(table: ObjectTable) -> _Makers:
    """Return the rows of TABLE, which all streams share."""
    return _Makers(table)
