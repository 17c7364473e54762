"""Frames as bytes, and the framing of bytes on the connection.

Rules of this file:

- Sans-I/O: bytes in, bytes out.
- A frame is ``event: NAME``, one ``data:`` line of compact JSON in raw UTF-8, and
  a blank line, all with LF: what OpenAI sends, and what every known client reads.
- Nothing is held back: each chunk ends where requested, and gzip is flushed
  after each.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Literal, TypeAlias

from attrs import field, frozen

from .store import Obj
from .validation import FLAG, SECONDS, SIZE, TEXT, Check, or_none

__all__ = ["DONE", "EVENT_STREAM", "Framing", "GzipFlusher", "Transfer", "WireEvent", "chunks"]

EVENT_STREAM = "text/event-stream; charset=utf-8"
_GZIP_WBITS = 31  # zlib's number for "gzip header, largest window"

Transfer: TypeAlias = Literal["chunked", "close"]
_TRANSFER = Check('"chunked" or "close"', TEXT.fits, lambda value: value in {"chunked", "close"})


@frozen
class WireEvent:
    """One frame to send.

    Attributes:
        name: The wire name, e.g. ``thread.run.created``.
        data: The object, a copy of its own; the text ``[DONE]`` for ``done``.
    """

    name: str
    data: Obj | str

    def encode(self) -> bytes:
        """Return the frame's bytes."""
        data = self.data if isinstance(self.data, str) else to_json(self.data)
        # A lone surrogate can arrive as a JSON escape, and has no UTF-8 form.
        return f"event: {self.name}\ndata: {data}\n\n".encode(errors="replace")


DONE = WireEvent("done", "[DONE]")


def to_json(value: object) -> str:
    """Return JSON as on the wire: compact, not ASCII-only."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@frozen
class Framing:
    """How a stream's bytes travel.

    Attributes:
        chunk_size: Bytes per write; None for one write per frame (per file, with a
            recording). Smaller chunks cut frames, lines and characters.
        delay: Seconds to wait between two writes.
        framing: ``chunked``, as OpenAI sends; or ``close``: no length, no chunks, the
            closing of the connection is the end.
        gzip: Compress, whether or not the client accepts it; flushed at each write.
    """

    chunk_size: int | None = field(default=None, validator=or_none(SIZE))
    delay: float = field(default=0.0, validator=SECONDS)
    framing: Transfer = field(default="chunked", validator=_TRANSFER)
    gzip: bool = field(default=False, validator=FLAG)


def chunks(data: bytes, size: int | None) -> Iterator[bytes]:
    """Cut bytes into chunks of ``size``; the last may be shorter, and none is empty."""
    step = size or len(data) or 1
    for start in range(0, len(data), step):
        yield data[start : start + step]


class GzipFlusher:
    """Compresses so that each piece can be read at once (``Z_SYNC_FLUSH``)."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=_GZIP_WBITS)

    def compress(self, data: bytes) -> bytes:
        """Return the compressed bytes of one piece, complete for the reader."""
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """Give gzip's trailer."""
        return self._compressor.flush()
