"""Where a stream's bytes come from, and how they are asked for.

Rules of this file: a source is asked for bytes only when they are needed, in pieces as large as
what is there, and is given back when no more are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Source", "chunks_of", "close_source"]

#: Where a stream's bytes come from: all of them, pieces of any size, or a file opened with "rb".
Source: TypeAlias = "bytes | bytearray | memoryview | Iterable[bytes] | BinaryIO"

_BYTES = (bytes, bytearray, memoryview)

#: How much is read from a file at once; a pipe gives what it has.
_FILE_CHUNK = 65536


def chunks_of(source: Any) -> Iterator[bytes]:
    """Return an iterator over SOURCE's bytes.

    Raises:
        TypeError: SOURCE is a text, a text file, or nothing that can be read.
    """
    if isinstance(source, _BYTES):
        return iter((bytes(source),))
    if isinstance(source, str):
        raise TypeError(f'a stream is read from bytes, not from a str; open({source!r}, "rb")?')
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is not None:
        if hasattr(source, "encoding"):
            raise TypeError('the file is opened for text; open it with "rb"')
        return iter(lambda: read(_FILE_CHUNK), b"")
    try:
        return iter(source)
    except TypeError:
        message = f"a stream is read from an iterable of bytes or a binary file, not {source!r}"
        raise TypeError(message) from None


def close_source(
    source: Any, chunks: Any, *, finished: bool, failure: BaseException | None
) -> None:
    """Give SOURCE back.

    Args:
        source: A source.
        chunks: What :func:`chunks_of` made of it.
        finished: Whether it was read to ``done``: then it is drained, where it knows how.
        failure: What ended the stream; it matters more than that closing failed too.

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
