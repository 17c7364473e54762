"""Fast path of ``decoder``: stands between the bytes and the ordinary path.

It cuts chunks at blank lines. A frame that repeats the last delta but for its text (see
``template``) is folded in here; every other frame goes, byte for byte, to the SSE decoder,
and so does everything once that is in the middle of something. What is found here is what
the ordinary path would have found: same events, same errors, same offsets.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import events
from .template import DeltaTemplate, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .dialects import Decoded
    from .events import Event
    from .snapshots import Snapshots
    from .sse import ServerSentEvent, SSEDecoder

__all__ = ["Front"]

#: Templates made in a row without a single match after which no more are made: the server
#: puts something new into every frame.
_MAX_TRIES = 8

_DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)


class Front:
    """Feeds an SSE decoder, but for deltas that repeat the last one."""

    def __init__(self, sse: SSEDecoder, *, max_frame_bytes: int) -> None:
        """Stand in front of SSE, which was fed nothing yet."""
        self._sse = sse
        self._limit = max_frame_bytes
        self._waiting: deque[bytes] = deque()
        # The chunk being read, its text and that one's length, where in it we are, and up to
        # where SSE knows of it.
        self._chunk = b""
        self._text = ""
        self._end = 0
        self._at = 0
        self._known = 0
        # How many bytes of chunks that are behind us SSE does not know of.
        self._untold = 0
        # Whether SSE was fed something that it has not answered for, and whether it is in
        # the middle of something since.
        self._busy = False
        self._idle = True
        # The text of the frame that SSE was fed last, and what is known of deltas.
        self._frame = ""
        self._template: DeltaTemplate | None = None
        self._last: tuple[type[Event], str] | None = None
        self._tries = 0

    @property
    def hungry(self) -> bool:
        """Whether nothing can come without more bytes; False where it might."""
        return self._at == self._end and not self._waiting and not self._busy

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._waiting.append(chunk)

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
        if template is None or self._busy:
            return None
        if self._at == self._end and not self._begin_chunk():
            return None
        text, at = self._text, self._at
        found = template.match(text, at)
        if found is None:
            return None
        value, end = found
        full = wants is None or wants(template.event_class)
        told = template.repeater(value, template.raw(text, at, end) if full else None)
        if told is None:
            self._template = None
        else:
            self._at, self._tries, self._last = end, 0, None
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
                self._feed_frame()
            elif not self._busy:
                return self._sse.next_frame()

    def learn(
        self, frame: ServerSentEvent, meaning: Sequence[Decoded], snapshots: Snapshots
    ) -> None:
        """Look at a frame that went the ordinary way and was folded in just now."""
        decoded = meaning[0] if len(meaning) == 1 else None
        if decoded is None or decoded.event_class not in _DELTAS:
            self._last = None
            return
        now = (decoded.event_class, decoded.payload.id)
        if now == self._last and self._tries < _MAX_TRIES:
            repeater = snapshots.repeater(decoded)
            if repeater is not None:
                self._tries += 1
                self._template = learn(self._frame, frame.data, decoded.raw, repeater)
        self._last = now

    def _begin_chunk(self) -> bool:
        """Go on to the next chunk; False where there is none, or SSE took it."""
        if not self._waiting:
            return False
        if self._known != self._at:
            self._untold += self._unknown_bytes()
        self._chunk = chunk = self._waiting.popleft()
        self._at = self._known = 0
        if self._idle and len(chunk) <= self._limit:
            try:
                self._text = chunk.decode()
            except UnicodeDecodeError:  # a character is cut, or the server sends none
                pass
            else:
                self._end = len(self._text)
                return self._end > 0
        self._text, self._end = "", 0
        self._frame = ""
        self._feed_sse(chunk)
        return False

    def _feed_frame(self) -> None:
        """Give SSE the next frame, or what is there of it."""
        text, at = self._text, self._at
        end = text.find("\n\n", at) + 2
        if end < 2:  # noqa: PLR2004  # not found
            end = self._end
        if self._known != at:
            self._untold += self._unknown_bytes()
        whole = at == 0 and end == self._end
        self._frame = text if whole else text[at:end]
        self._at = self._known = end
        self._feed_sse(self._chunk if whole else self._frame.encode())

    def _feed_sse(self, chunk: bytes) -> None:
        """Feed SSE, after telling it how many bytes were read here before."""
        self._sse.skip(self._untold)
        self._untold = 0
        self._sse.feed(chunk)
        self._busy = True

    def _unknown_bytes(self) -> int:
        """Return how many bytes of this chunk were read here since SSE was fed from it."""
        if self._known == 0 and self._at == self._end:
            return len(self._chunk)
        return len(self._text[self._known : self._at].encode())
