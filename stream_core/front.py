"""Fast path of ``decoder``: stands between the bytes and the ordinary path.

It reads what every known server sends: frames of the shape ``event: X`` LF ``data: Y`` LF LF.
A frame that repeats the last delta but for its text (see ``template``) is folded in at
once; of another one the frame is made without looking at its lines again. Everything else
goes, byte for byte, to the SSE decoder, and so does what follows until that is not in the
middle of something. What is found here is what the ordinary path would have found: same
events, same errors, same offsets.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import events
from .sse import ServerSentEvent
from .template import DeltaTemplate, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .dialects import Decoded
    from .events import Event
    from .snapshots import Snapshots
    from .sse import SSEDecoder

__all__ = ["Front"]

#: Templates made in a row without a single match after which no more are made: the server
#: puts something new into every frame.
_MAX_TRIES = 8

_DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)


class Front:
    """Reads plain frames, and feeds all others to an SSE decoder.

    Attributes:
        hungry: Whether nothing can come without more bytes; False where it might.
        repeats: Wire name of what ``repeated`` returns.
    """

    def __init__(self, sse: SSEDecoder, *, max_frame_bytes: int) -> None:
        """Stand in front of SSE, which was fed nothing yet."""
        self._sse = sse
        self._limit = max_frame_bytes
        # Chunks not yet begun, or not to the end, and where in the first one to go on.
        self.hungry = True
        self._waiting: deque[bytes] = deque()
        self._next = 0
        self._closed = False
        # Whole frames as text, its length, that of its bytes, and where in it we are.
        self._text = ""
        self._end = 0
        self._bytes = 0
        self._at = 0
        # Bytes behind us that SSE does not know of; up to where in the text they are counted.
        self._untold = 0
        self._counted = 0
        # Whether SSE was fed something that it has not answered for, and whether it was in the
        # middle of nothing when it had.
        self._busy = False
        self._idle = True
        # The last frame as text, where it was read here, and what is known of deltas.
        self._frame = ""
        self.repeats = ""
        self._template: DeltaTemplate | None = None
        self._last: tuple[type[Event], str] | None = None
        self._tries = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._waiting.append(chunk)
        self.hungry = False

    def close(self) -> None:
        """Say that there are no more bytes."""
        self._closed = True

    def repeated(
        self, wants: Callable[[type[Event]], bool] | None
    ) -> tuple[Event | None, Event] | None:
        """Return the events of the next frame, where that repeats the last delta.

        Args:
            wants: Tells which wire events to make; None: all of them.

        Returns:
            The wire event, or None where nobody wants it, and what is derived from it; None
            where the next frame is another or not there.
        """
        template = self._template
        if template is None or self._busy or (self._at == self._end and not self._begin_chunk()):
            return None
        text, at = self._text, self._at
        found = template.match(text, at)
        if found is None:
            return None
        value, end = found
        full = wants is None or wants(template.event_class)
        told = template.fold(value, template.raw(text, at, end) if full else None)
        if told is None:
            self._template = None
            return None
        self._at, self._tries, self._last = end, 0, None
        if end == self._end and not self._waiting:
            self.hungry = True
        return told

    def next_frame(self) -> ServerSentEvent | None:
        """Return the next frame, as ``SSEDecoder.next_frame`` does.

        Raises:
            FrameTooLargeError: A frame is longer than the limit.
        """
        while True:
            if self._busy:
                frame = self._sse.next_frame()
                if frame is not None:
                    return frame
                self._busy = False
                self._idle = self._sse.idle
            if self._at < self._end or self._begin_chunk():
                frame = self._plain_frame()
                if frame is not None:
                    return frame
            elif not self._busy:
                if self._closed:  # not before: SSE is fed no more after that
                    self._sse.close()
                return self._sse.next_frame()

    def learn(
        self, frame: ServerSentEvent, meaning: Sequence[Decoded], snapshots: Snapshots
    ) -> None:
        """Look at a frame that went the ordinary way and was folded in just now.

        Where the name is not the frame's own, the delta is not all of its JSON.
        """
        decoded = meaning[0] if len(meaning) == 1 and meaning[0].name == frame.event else None
        if decoded is None or decoded.event_class not in _DELTAS:
            self._last = None
            return
        now = (decoded.event_class, decoded.payload.id)
        if now == self._last and self._tries < _MAX_TRIES and self._frame:
            repeater = snapshots.repeater(decoded)
            if repeater is not None:
                self._tries += 1
                self._template = learn(self._frame, frame.data, decoded.raw, repeater)
                self.repeats = decoded.name
        self._last = now

    def _begin_chunk(self) -> bool:
        """Go on to the next chunk; False where there is none, or SSE took its beginning."""
        waiting = self._waiting
        if not waiting:
            self.hungry = not self._busy
            return False
        if self._counted != self._at:
            self._count()
        self._text, self._end, self._at, self._counted = "", 0, 0, 0
        chunk, start = waiting[0], self._next
        # Here only whole frames are read: the rest of the chunk is for SSE, and so is the
        # rest of a frame that SSE has begun. What is left of a chunk stays where it is: to
        # copy it each time would cost the square of its length.
        end = (chunk.rfind(b"\n\n", start) if self._idle else chunk.find(b"\n\n", start)) + 2
        found = end > 1
        if not found or end == len(chunk):
            waiting.popleft()
            end, self._next = len(chunk), 0
        else:
            self._next = end
        piece = chunk if end - start == len(chunk) else chunk[start:end]
        if self._idle and found and len(piece) <= self._limit:
            try:
                self._text = piece.decode()
            except UnicodeDecodeError:  # the server sends no UTF-8
                pass
            else:
                self._end, self._bytes = len(self._text), len(piece)
                return True
        self._frame = ""
        self._feed_sse(piece)
        return False

    def _plain_frame(self) -> ServerSentEvent | None:
        """Return the next frame; None where SSE was fed it."""
        text, at = self._text, self._at
        end = text.find("\n\n", at) + 2
        if end == 1:  # of three line feeds, the last two were the end of the text
            end = self._end
        self._frame = frame = text if end - at == self._end else text[at:end]
        if self._counted != at:
            self._count()
        self._at = end
        if self._idle and frame.startswith("event: ") and "\r" not in frame:
            data_at = frame.find("\ndata: ", 7) + 7
            if data_at == frame.find("\n") + 7 and frame.find("\n", data_at) == len(frame) - 2:
                offset = self._sse.offset + self._untold
                data = frame[data_at:-2]
                if data:
                    name = frame[7 : data_at - 7]
                    return ServerSentEvent(name, data, offset, self._sse.last_event_id)
        self._counted = end
        self._feed_sse(frame.encode())
        return None

    def _feed_sse(self, chunk: bytes) -> None:
        """Feed SSE, after telling it how many bytes were read here before."""
        self._sse.skip(self._untold)
        self._untold = 0
        self._sse.feed(chunk)
        self._busy = True

    def _count(self) -> None:
        """Count the bytes that were read here since the last time."""
        if self._counted == 0 and self._at == self._end:
            self._untold += self._bytes
        else:
            read = self._text[self._counted : self._at]
            self._untold += len(read) if read.isascii() else len(read.encode())
        self._counted = self._at
