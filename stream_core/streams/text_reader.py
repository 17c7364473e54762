"""The text of a stream as a file to read from.

Rules of this file: those of ``io.TextIOBase``; ``read(n)`` returns as soon as there is any
text, so that a loop of reads shows the text as it comes; and a read that fails loses no
text: the next read returns what it had collected.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TextReader"]


class Leftover:
    """Text that has come and was not read: it is there for the next reader, too.

    Attributes:
        text: The text.
        failed: Whether the failure that ended it was raised: then the text is all there is.
    """

    __slots__ = ("failed", "text")

    def __init__(self) -> None:
        self.text, self.failed = "", False


class TextReader(io.TextIOBase):
    """Reads pieces of text as one text file.

    ``shutil.copyfileobj(stream.text, sys.stdout)`` prints an answer while it comes.

    Args:
        pieces: Text as it comes; empty pieces are skipped.
        leftover: What a reader before this one had left.
    """

    def __init__(self, pieces: Iterator[str], leftover: Leftover | None = None) -> None:
        self._pieces = pieces
        self._left = Leftover() if leftover is None else leftover

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1, /) -> str:
        """Read text.

        Args:
            size: Maximum number of characters; the call returns as soon as there is at least
                one. If it is negative or None, all text up to the end is read.

        Returns:
            The text; "" only at the end, or for a size of 0.

        Raises:
            StreamError: The stream failed.
            ValueError: The reader is closed.
        """
        self._check_open()
        if size is None or size < 0:
            return self._take(None, lines=False)
        if size and not self._left.text:
            self._left.text = self._next_piece()
        text, self._left.text = self._left.text[:size], self._left.text[size:]
        return text

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # None, as in io
        """Read to the end of a line, or to the end of the text.

        Args:
            size: Maximum number of characters; no limit if it is negative or None.

        Returns:
            The line with its line feed, which the last line may lack; "" at the end.

        Raises:
            StreamError: The stream failed.
            ValueError: The reader is closed.
        """
        self._check_open()
        return self._take(None if size is None or size < 0 else size, lines=True)

    def readlines(self, hint: int | None = -1, /) -> list[str]:  # type: ignore[override]  # None, as in io
        """Read lines.

        Args:
            hint: Stop after the line that brings the total to this many characters; if it is
                None, zero or negative, read to the end.

        Returns:
            The lines with their line feeds.

        Raises:
            StreamError: The stream failed.
            ValueError: The reader is closed.
        """
        lines: list[str] = []
        length = 0
        try:
            for line in self:
                lines.append(line)
                length += len(line)
                if hint is not None and 0 < hint <= length:
                    break
        except BaseException:
            self._left.text = "".join(lines) + self._left.text
            raise
        return lines

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the reader is closed; get a new one from stream.text")

    def _take(self, limit: int | None, *, lines: bool) -> str:
        """Take text up to LIMIT characters, the end or, if LINES, a line feed."""
        parts: list[str] = []
        left = limit
        try:
            while left is None or left > 0:
                piece = self._left.text or self._next_piece()
                if not piece:
                    break
                stop = (piece.find("\n") + 1 if lines else 0) or len(piece)
                stop = stop if left is None else min(stop, left)
                parts.append(piece[:stop])
                self._left.text = piece[stop:]
                left = None if left is None else left - stop
                if lines and parts[-1].endswith("\n"):
                    break
        except BaseException:
            self._left.text = "".join(parts)
            raise
        return "".join(parts)

    def _next_piece(self) -> str:
        """Return the next nonempty piece, or "" at the end."""
        return next((piece for piece in self._pieces if piece), "")
