"""Fast path of ``decoder``: stands between the bytes and the ordinary path.

It reads what every known server sends: frames of the shape ``event: X`` LF ``data: Y`` LF LF.

- A frame that repeats the last delta except for its text (see ``fast_deltas``) is folded in
  without being parsed.
- If the dialect has a table of objects, an object under its name is folded in as soon as its
  payload is made (see ``convert.fast_payloads``), and skipped if the frame before had the same
  data and nobody wants the repetition.
- Any other plain frame becomes a ``ServerSentEvent`` without examining its lines again.
- Everything else goes, byte for byte, to the SSE decoder, and so does what follows until that
  decoder is not in the middle of something.

The results are those of the ordinary path: same events, same errors, same offsets. No error is
raised for content here: whatever is unusual is left to the ordinary path.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert.fast_payloads import Unusual, constructor
from stream_core.convert.json_text import loads_in
from stream_core.dialects import Decoded, objects_of
from stream_core.models.surrogates import has_halves, mend
from stream_core.sse import ServerSentEvent, as_bytes

from .fast_deltas import DeltaTemplate, learn
from .fast_repeats import find_repeater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from stream_core.dialects import Dialect, ObjectTable
    from stream_core.events import Event
    from stream_core.snapshots.blocks import Wants
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.sse import SSEDecoder

    #: The first line and the event class of a frame that repeats another.
    _Repetition: TypeAlias = tuple[str, type[Event]]

    #: A name, the class of its event, the function that makes its payload, and what may repeat it.
    _Row: TypeAlias = tuple[
        str, type[events.WireEvent[Any]], Callable[[Any], Any], _Repetition | None
    ]

__all__ = ["FrameReader"]

#: How many templates in a row may be made without a single match. After that no more are made:
#: the server puts something new into every frame.
_MAX_TRIES = 8

#: The lines of a plain frame: a name, data, and the rest, which is the end of the blank line.
_LINES = 3

_DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)


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
            dialect: May have a table of the frames that are one object each.
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
        # Deltas: the template for the next one, class and object id of the last one, and how
        # many templates were made without a match.
        self._template: DeltaTemplate | None = None
        self._last: tuple[type[Event], str] | None = None
        self._tries = 0
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

    def _read_frame(  # noqa: C901, PLR0912  # the cases of one frame; calls cost
        self, frame: str
    ) -> Sequence[ServerSentEvent | Event] | None:
        """Read FRAME.

        Returns:
            A frame to decode, or events, some of which nobody may want; None if FRAME is not one
            plain frame.
        """
        template, wants = self._template, self.wants
        if template is not None:
            out = template.read(frame, wants)
            if out is not None:
                self._tries, self.last_event, self._again = 0, template.name, None
                return out
        lines = frame.split("\n", 2)
        if len(lines) < _LINES or lines[2] != "\n" or "\r" in frame:
            return None
        head, line, _ = lines
        if self._again is not None:
            again, self._again = self._again, None
            if line == again[1] and head == again[0] and wants is not None and not wants[again[2]]:
                self.last_event = head[7:]
                return ()
        if line[:6] != "data: " or len(line) == len("data: "):
            return None
        makers = self._makers
        if makers is None and self._find_objects is not None:
            makers = self._find_makers(head, self._find_objects)
        row = None if makers is None else makers[head]
        if row is not None:
            name, event_class, make, repetition = row
            try:
                raw = loads_in(line, 6, len(line))
                decoded = Decoded(event_class, make(raw), raw, name)
                if event_class not in _DELTAS and has_halves(line):
                    mend(decoded.payload)
            except (ValueError, Unusual):
                pass  # the ordinary path explains it or decodes it with care
            else:
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
        if head[:7] != "event: ":
            return None
        return (ServerSentEvent(head[7:], line[6:], self._offset, self._sse.last_event_id),)

    def _read_frames(self, chunk: bytes) -> Iterator[ServerSentEvent | Event]:
        """Yield the results of a chunk that is not one plain frame.

        Only whole frames are read here: bytes after the end of the last one are for SSE, and so
        is the rest of a frame that SSE has begun. Each frame is decoded by itself, because one
        character beyond ASCII makes all of a text slow to search and to slice.
        """
        begin, size = 0, len(chunk)
        while begin < size:
            # A plain frame has two lines. Searching for one line feed twice takes a tenth of the
            # time of searching for two in a row.
            end = chunk.find(b"\n", chunk.find(b"\n", begin) + 1) + 2
            if end <= begin or chunk[end - 1 : end] != b"\n":
                end = chunk.find(b"\n\n", begin) + 2
            piece = chunk[begin:end] if end > 1 else chunk[begin:]
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
        """Make a template of FRAME, whose delta was just folded in, if it repeats the last one."""
        now = (decoded.event_class, decoded.payload.id)
        if now == self._last and self._tries < _MAX_TRIES:
            repeater = find_repeater(self._snapshots, decoded)
            if repeater is not None:
                self._tries += 1
                self._template = learn(frame, repeater, decoded.name)
        self._last = now

    def _read_lines(self, piece: bytes, *, last: bool = False) -> Iterator[ServerSentEvent]:
        """Feed PIECE to SSE, close it if that was the LAST, and yield the frames it completes."""
        sse = self._sse
        sse.skip(self._offset - sse.offset)
        sse.feed(piece)
        if last:
            sse.close()
        while (frame := sse.next_frame()) is not None:
            self._again = None
            yield frame
        self._idle, self._offset = sse.idle, sse.offset


def _as_text(piece: bytes) -> str:
    """Return PIECE as text, or "" if it is not UTF-8."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return ""


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
