"""Bytes of an event stream become frames, by the rules of the WHATWG.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
is the standard; the sentences in quotation marks below are its own.

Rules of this file:

- It knows frames, not their content: no JSON, no event classes.
- Lines are split as bytes, and only at LF, CR and CRLF. UTF-8 is decoded once per
  frame, so a chunk may end inside a character.
- No byte is looked at again because a later one arrived. An unfinished line grows in
  one ``bytearray``, whose appends are linear in time and, unlike a list of small
  pieces, cost no memory beyond the bytes themselves.
- Any exception other than FrameTooLargeError and the misuse named in the docstrings is
  a bug.

Three deliberate differences from the standard:

- "Once the end of the file is reached, any pending data must be discarded": here the
  unterminated last block is still decoded, because several servers omit the last blank
  line, and losing an ``error`` or a ``done`` is worse than seeing half a frame.
- A frame whose data is the empty string dispatches nothing. (The standard dispatches it
  for a lone ``data:`` line. No payload is empty; to servers it is a keep-alive.)
- A ``retry:`` of more than 18 digits is ignored, like one that is not a number.
"""

from __future__ import annotations

from collections import deque

import attrs

from .errors import FrameTooLargeError

__all__ = ["DEFAULT_MAX_FRAME_BYTES", "IgnoredLine", "SSEDecoder", "ServerSentEvent"]

#: Large enough for any run object with file contents in it, small enough that a server
#: which never ends its frame cannot take the machine's memory.
DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_CR, _LF = b"\r\n"

# Ignored lines are kept to be quoted when a server answers with something other than
# events (a JSON error, an HTML page). The first lines show which; keeping the rest would let
# the server decide how much memory is used.
_MAX_IGNORED_LINES = 16
_MAX_IGNORED_CHARACTERS = 1_000
_MAX_BYTES_PER_CHARACTER = 4

#: How many bytes at the start of the stream are kept until the first frame, for error messages.
_MAX_BEGIN = 256

# 18 digits of milliseconds are thirty million years; int() refuses 4,301 digits.
_MAX_RETRY_DIGITS = 18


@attrs.define
class IgnoredLine:
    """A line to be ignored by the standard, because its field name is unknown.

    Attributes:
        offset: Where the line starts, in bytes from the start of the stream.
        text: The line without its end; at most the first 1,000 characters.
        after_data: Whether the block that it stands in had data before it.
    """

    offset: int
    text: str
    after_data: bool = False


@attrs.define(slots=True, eq=True)  # not frozen: built per event, and freezing doubles that
class ServerSentEvent:
    """One frame: a block of lines ended by a blank one.

    Attributes:
        event: The value of ``event:``, or "" if the frame has none.
        data: The values of its ``data:`` lines joined by LF; never empty.
        offset: Where its first line starts, in bytes from the start of the stream.
            Comments before the first field do not belong to the frame.
        id: The last event id in force, including this frame's own; "" before the first.
        retry: The last reconnection time (ms) read since the previous frame, or None.
        ignored: The lines with an unknown field name read since the previous frame;
            at most the first 16.
    """

    event: str
    data: str
    offset: int
    id: str = ""
    retry: int | None = None
    ignored: tuple[IgnoredLine, ...] = ()


class SSEDecoder:
    r"""Turns chunks of bytes, cut anywhere, into frames.

    ::

        decoder = SSEDecoder()
        decoder.feed(b"event: done\nda")
        decoder.next_frame()  # None: more bytes are needed
        decoder.feed(b"ta: [DONE]\n\n")
        decoder.next_frame()  # ServerSentEvent("done", "[DONE]", 0)
        decoder.close()
        decoder.next_frame()  # None: there are no more

    Any chunking of the same bytes gives the same frames, and each frame is available as soon
    as the byte that ends it has been fed. Not for use from two threads at once.
    """

    def __init__(self, *, max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> None:
        """Make a decoder for one stream.

        Args:
            max_frame_bytes: The longest frame accepted, in bytes, from the start of its
                first field to the end of its last line, including comments inside it.
                Outside a frame it limits each line, so that keep-alive comments never
                add up. Memory stays within a small multiple of this, plus the chunks
                fed but not yet read.

        Raises:
            ValueError: MAX_FRAME_BYTES is less than 1.
        """
        if max_frame_bytes < 1:
            message = f"max_frame_bytes must be at least 1, not {max_frame_bytes}"
            raise ValueError(message)
        self._limit = max_frame_bytes
        self._closed = False
        self._failure: FrameTooLargeError | None = None
        self._unterminated = False

        # The position: chunks not yet begun; the current one, the offset of its first
        # byte, the next byte to read in it, and the places of its next LF and CR. Those two
        # are searched for again only once they are passed; the chunk's length means none.
        self._waiting: deque[bytes] = deque()
        self._chunk = b""
        self._base = 0
        self._at = 0
        self._next_lf: int  # set when a chunk begins
        self._next_cr: int

        # The unfinished line, the offsets where line and block began, and whether the
        # last line ended with a CR, so that an LF now belongs to it.
        self._line = bytearray()
        self._line_at: int  # set when a line begins
        self._block_at: int | None = None
        self._after_cr = False

        # The standard's buffers, and what has been read since the last frame.
        self._event = ""
        self._data = bytearray()
        self._id = ""
        self._last_id = ""
        self._last_retry: int | None = None
        self._retry: int | None = None
        self._ignored: list[IgnoredLine] = []

        # The start of the stream; None as soon as there was a frame.
        self._begins: bytes | None = b""

    @property
    def begins(self) -> bytes:
        """The start of the stream (at most 256 bytes), as long as there was no frame; then b""."""
        return self._begins or b""

    @property
    def ignored(self) -> tuple[IgnoredLine, ...]:
        """The lines with an unknown field name read since the last frame; at most 16.

        After the last frame of a closed decoder these are the lines at the end.
        """
        return tuple(self._ignored)

    @property
    def last_event_id(self) -> str:
        """The id that a reconnection sends as ``Last-Event-ID``; "" if there was none."""
        return self._last_id

    @property
    def retry(self) -> int | None:
        """The last reconnection time that the server requested, in ms, or None."""
        return self._last_retry

    @property
    def offset(self) -> int:
        """How many bytes have been read: all those fed, once next_frame() has returned None."""
        return self._base + self._at

    @property
    def idle(self) -> bool:
        """Whether every byte fed has been read and none of them waits for another."""
        return not (
            self._line
            or self._block_at is not None
            or self._after_cr
            or self._retry is not None
            or self._ignored
            or self._waiting
            or self._at < len(self._chunk)
        )

    @property
    def unterminated(self) -> bool:
        """Whether the last frame returned ended with the bytes, without a blank line."""
        return self._unterminated

    def skip(self, count: int) -> None:
        """Count COUNT bytes that somebody else read while the decoder was idle."""
        self._base += count
        if count:
            self._begins = None

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream; :meth:`next_frame` decodes them.

        Args:
            chunk: Any number of bytes, cut anywhere. An empty chunk does nothing; it is not
                the end of the stream. A bytearray or memoryview is copied.

        Raises:
            TypeError: CHUNK is not bytes.
            RuntimeError: It was called after close().
        """
        if not isinstance(chunk, bytes):
            chunk = as_bytes(chunk)
        if self._closed:
            message = "feed() after close(): a decoder reads one stream; make a new SSEDecoder"
            raise RuntimeError(message)
        if chunk and self._failure is None:
            self._waiting.append(chunk)
            begins = self._begins
            if begins is not None:
                self._begins = begins + chunk[: _MAX_BEGIN - len(begins)]

    def close(self) -> None:
        """Mark the end of the stream. Calling it again does nothing.

        A last block without its blank line is still a frame: after this,
        :meth:`next_frame` returns it, then None.
        """
        self._closed = True

    def next_frame(self) -> ServerSentEvent | None:
        """Return the next complete frame.

        Returns:
            The frame, or None: before close() that means "feed more", after it "no more".

        Raises:
            FrameTooLargeError: A frame, or a line outside any frame, is longer than the
                limit. The frames before it are returned first. The decoder has no
                further frames: each further call raises the same error.
        """
        while self._at < len(self._chunk) or (self._waiting and self._begin_chunk()):
            frame = self._read_lines()
            if frame is not None:
                return frame
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # or each call would make it longer
        return self._finish() if self._closed else None

    def _begin_chunk(self) -> bool:
        """Begin the next waiting chunk, and return True."""
        self._base += len(self._chunk)
        self._chunk = self._waiting.popleft()
        self._at = 0
        self._next_lf = self._next_cr = -1
        return True

    def _find(self, byte: bytes) -> int:
        """Return the next place of BYTE in this chunk, or the chunk's length if there is none."""
        found = self._chunk.find(byte, self._at)
        return len(self._chunk) if found < 0 else found

    def _read_lines(self) -> ServerSentEvent | None:
        """Read on to the end of the next frame or of the chunk, whichever comes first."""
        chunk = self._chunk
        while self._at < len(chunk):
            if self._after_cr:
                self._after_cr = False
                if chunk[self._at] == _LF:
                    self._at += 1
            if not self._line:
                self._line_at = self._base + self._at
            line = self._read_line()
            if line is None:
                break
            if line:
                self._read_field(line)
            elif (frame := self._end_block()) is not None:
                return frame
        return None

    def _read_line(self) -> bytes | bytearray | None:
        """Read a line without its end, or return None if the chunk or the limit ends before it."""
        chunk, start = self._chunk, self._at
        if self._next_lf < start:
            self._next_lf = self._find(b"\n")
        if self._next_cr < start:
            self._next_cr = self._find(b"\r")
        end = min(self._next_lf, self._next_cr)

        begin = self._line_at if self._block_at is None else self._block_at
        # Line ends count only if more follows, so that a CRLF at the limit is like an LF there.
        if end > start and self._base + end - begin > self._limit:
            self._fail(begin)
            return None

        line: bytes | bytearray = chunk[start:end]
        if end == len(chunk):
            self._at = end
            self._line += line
            return None
        self._at = end + 1
        self._after_cr = chunk[end] == _CR
        if self._line:
            self._line += line
            line, self._line = self._line, bytearray()
        return line

    def _read_field(self, line: bytes | bytearray) -> None:
        """Follow the standard's steps for a line that is not blank."""
        # "One leading U+FEFF BYTE ORDER MARK character must be ignored if any are present."
        if self._line_at == 0 and line.startswith(_BOM):
            self._line_at = len(_BOM)
            line = line[len(_BOM) :]
        name, _, value = line.partition(b":")
        if not name:
            return  # a comment, or only the mark
        if self._block_at is None:
            self._block_at = self._line_at
        # "If value starts with a U+0020 SPACE character, remove it from value."
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data += value
            self._data += b"\n"
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry":
            self._read_retry(value)
        else:
            self._remember_ignored(line)

    def _read_retry(self, value: bytes | bytearray) -> None:
        """Keep a reconnection time, "if the field value consists of only ASCII digits"."""
        if value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
            self._retry = self._last_retry = int(value)

    def _remember_ignored(self, line: bytes | bytearray) -> None:
        """Keep the start of a line with an unknown field name, for error messages."""
        if len(self._ignored) < _MAX_IGNORED_LINES:
            start = line[: _MAX_IGNORED_CHARACTERS * _MAX_BYTES_PER_CHARACTER]
            text = start.decode("utf-8", "replace")[:_MAX_IGNORED_CHARACTERS]
            self._ignored.append(IgnoredLine(self._line_at, text, bool(self._data)))

    def _end_block(self) -> ServerSentEvent | None:
        """Follow the standard's steps for a blank line; return the frame, if there is one."""
        self._last_id = self._id  # even if the block has no data
        event, offset, data = self._event, self._block_at, self._data
        self._event, self._block_at = "", None
        frame = None
        if offset is not None and len(data) > 1:  # more than the LF of one empty line
            del data[-1:]
            text = data.decode("utf-8", "replace")
            ignored = tuple(self._ignored)
            frame = ServerSentEvent(event, text, offset, self._last_id, self._retry, ignored)
            self._retry = self._begins = None
            self._ignored.clear()
        data.clear()
        return frame

    def _fail(self, offset: int) -> None:
        """Refuse the frame that begins at OFFSET, and release everything held."""
        event = self._event or None
        self._failure = FrameTooLargeError(limit=self._limit, offset=offset, event=event)
        self._waiting.clear()
        self._line.clear()
        self._data.clear()
        self._base += self._at
        self._chunk, self._at = b"", 0

    def _finish(self) -> ServerSentEvent | None:
        """Decode the last block if it is unterminated; return None if there is nothing left."""
        if self._line:
            line, self._line = self._line, bytearray()
            self._read_field(line)
        frame = self._end_block()
        self._unterminated = frame is not None
        return frame


def as_bytes(chunk: object) -> bytes:
    """Copy a bytearray or memoryview to bytes; refuse anything that is not bytes."""
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    remedy = "open the source in binary mode, or encode it as UTF-8"
    message = f"feed() takes bytes, not {type(chunk).__name__}: {remedy}"
    raise TypeError(message)
