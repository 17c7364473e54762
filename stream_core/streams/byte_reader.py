"""The blocking end of a stream: asks a source for bytes, and writes them to the tees first."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from stream_core.errors import TransportError
from stream_core.source import chunks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.source import Source

__all__ = ["ByteReader"]


class ByteReader:
    """Reads the bytes of one source after another.

    Attributes:
        source: What is read from.
        chunks: What it is read by.
        tees: Files that have all bytes written to them, before they are decoded.
        aborted: Whether what is being read is to be dropped.
    """

    def __init__(self, source: Source) -> None:
        """Prepare to read; nothing is read yet.

        Raises:
            TypeError: SOURCE is a text or a path, or not a source at all.
        """
        self.tees: list[BinaryIO] = []
        self.aborted = False
        self.turn_to(source)

    def turn_to(self, source: Source) -> None:
        """Read from SOURCE from now on."""
        self.source, self.chunks = source, chunks_of(source)

    def abort(self) -> None:
        """Drop what is being read, at once if the source lets it."""
        self.aborted = True
        abort = getattr(self.source, "abort", None)
        if abort is not None:
            abort()

    def read(self) -> Iterator[bytes]:
        """Yield what the source gives.

        Raises:
            TransportError: A file failed; HTTP sources have mapped their own errors. Or reading
                was aborted: then nothing is to be made of bytes that end here.
        """
        chunks, tees = self.chunks, self.tees
        while True:
            try:
                chunk = None if self.aborted else next(chunks, None)
            except OSError as error:
                raise TransportError(f"reading the source failed: {error}") from error
            if self.aborted:
                raise TransportError("reading was aborted")
            if chunk is None:
                return
            for file in tees:
                file.write(chunk)
            yield chunk
