"""The sources of a stream's bytes, and how they are read.

Rules of this file: a source is read only when bytes are needed, as many at a time as it has, and
is closed when no more are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Source", "chunks_of", "close_source"]

#: The bytes of a stream: all of them, pieces of any size, or a file opened with "rb".
Source: TypeAlias = "bytes | bytearray | memoryview | Iterable[bytes] | BinaryIO"

_BYTES = (bytes, bytearray, memoryview)

#: How much to read from a file at once; a pipe gives what it has.
_FILE_CHUNK = 65536


def chunks_of(source: Any) -> Iterator[bytes]:
    """Return an iterator over SOURCE's bytes.

    Raises:
        TypeError: SOURCE is a str or a text file, or cannot be read.
    """
    if isinstance(source, _BYTES):
        return iter((bytes(source),))
    if isinstance(source, str):
        raise TypeError(f'a stream is read from bytes, not a str; pass open({source!r}, "rb")')
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is not None:
        if hasattr(source, "encoding"):
            raise TypeError('the file is open in text mode; open it with "rb"')
        return iter(lambda: read(_FILE_CHUNK), b"")
    try:
        return iter(source)
    except TypeError:
        message = f"a stream is read from an iterable of bytes or a binary file, not {source!r}"
        raise TypeError(message) from None


def close_source(
    source: Any, chunks: Any, *, finished: bool, failure: BaseException | None
) -> None:
    """Close SOURCE, or let it finish for reuse.

    Args:
        source: A source.
        chunks: Its iterator from :func:`chunks_of`.
        finished: Whether it was read to ``done``; then its ``finish`` is called, if it has one.
        failure: What ended the stream; a failure to close becomes a note on it.

    Raises:
        Exception: Closing failed, and nothing else did.
    """
    finish = getattr(source, "finish", None)
    try:
        if finished and finish is not None:
            finish()
            return
        for closable in (source, chunks):
            close = getattr(closable, "close", None)
            if close is not None:
                close()
    except Exception as second:
        if failure is None:
            raise
        failure.add_note(f"closing the source failed too: {second!r}")
