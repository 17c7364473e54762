"""Whether a stream is of the wire that it is read as, and the error if it ends without a sign.

Rules of this file:

- One frame of the dialect's wire is enough, be its events of the wire or its shape. Heartbeats,
  unknown frames and ``done`` say nothing.
- Bytes that say nothing at all may be a cut, so under a named wire they stay an
  ``IncompleteStreamError``, which the caller raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.convert.json_text import may_go_on
from stream_core.dialects import is_bare_word
from stream_core.dialects.detect import NEUTRAL, as_text, detect, looks_like, tried_in_vain
from stream_core.errors import UnknownWireError

if TYPE_CHECKING:
    from stream_core.dialects import Decoded, Dialect
    from stream_core.sse import ServerSentEvent, SSEDecoder

__all__ = ["WireCheck"]


class WireCheck:
    """Watches the frames of one stream until one is of the dialect's wire.

    Attributes:
        recognized: Whether such a frame came.
    """

    def __init__(self, dialect: Dialect, sse: SSEDecoder, *, recognized: bool) -> None:
        """Begin to watch.

        Args:
            dialect: What the stream is read as.
            sse: Has its bytes.
            recognized: Whether the wire is known already: the stream continues another.
        """
        self.recognized = recognized
        self._dialect, self._sse = dialect, sse
        # The data of the first frame, and whether one was of another wire.
        self._begins = ""
        self._foreign = False

    def note(self, decoded: Decoded) -> None:
        """Take note of what a frame means."""
        if not self.recognized and decoded.event_class not in NEUTRAL:
            self.recognized = True

    def examine(self, frame: ServerSentEvent) -> None:
        """Find out whether FRAME, whose events say nothing about that, is of the wire."""
        if detect(frame) in tried_in_vain(self._dialect):
            self.recognized = True
            return
        if frame.ignored:  # lines of something else came before it
            self._begins, self._foreign = self._begins or frame.ignored[0].text, True
        self._begins = self._begins or frame.data
        may_be_cut = self._sse.unterminated and may_go_on(frame.data)
        if not may_be_cut and not is_bare_word(frame.data):
            self._foreign = True

    def refuse(self, end: Any) -> None:
        """Refuse an end of the stream before any frame of the wire.

        Args:
            end: The data of the frame that says ``done``, or None for the end of the bytes. Bytes
                that end without a word that is not of the wire may be a cut.

        Raises:
            UnknownWireError: There was no such frame.
        """
        if self.recognized:
            return
        ignored = self._sse.ignored
        # Frames may be read in front of SSE, which is not told of each at once.
        start = self._sse.begins if end is None else b""
        wires, what = tried_in_vain(self._dialect), looks_like(start)
        if not wires:
            return
        may_be_cut = end is None and not (self._foreign or ignored or what)
        if len(wires) == 1 and may_be_cut:
            return
        line = ignored[0].text if ignored else ""
        begins = self._begins or as_text(start) or line or str(end or "")
        received = self._sse.offset if end is None else None
        raise UnknownWireError(begins=begins, wires=wires, received=received, looks_like=what)
