"""The sources of a stream's bytes, and how they are read.

Rules of this file: a source is read only when bytes are needed, as many at a time as it has, and
is closed when no more are needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Source", "bytes_of", "chunks_of", "close_source", "is_text_file"]

#: The bytes of a stream: all of them, pieces of any size, or a file opened with "rb".
Source: TypeAlias = "bytes | bytearray | memoryview | Iterable[bytes] | BinaryIO"

_BYTES = (bytes, bytearray, memoryview)

#: How much to read from a file at once; a pipe gives what it has.
_FILE_CHUNK = 65536

#: How the bytes of an HTTP library's answer are read as they come.
_ITER_BYTES: Final = (
    "response.iter_bytes() (httpx) or stream_core.http.ResponseSource(response) (requests)"
)

#: Methods of HTTP libraries' answers that make something else of the bytes, by their full name:
#: what is lost. Their generators have the name too.
_MADE_OF_BYTES: Final = {
    "Response.iter_lines": "lines without their line ends",
    "Response.iter_text": "text",
}


def chunks_of(source: Any) -> Iterator[bytes]:
    """Return an iterator over SOURCE's bytes.

    Raises:
        TypeError: SOURCE is a str, a path or a text file, something that a library made of the
            bytes, or cannot be read.
    """
    if isinstance(source, _BYTES):
        return iter((bytes(source),))
    if (wrong := _mistake(source)) is not None:
        raise TypeError(f"a stream is read from bytes, {wrong}")
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is not None:
        return iter(lambda: read(_FILE_CHUNK), b"")
    try:
        return iter(source)
    except TypeError:
        message = f"a stream is read from an iterable of bytes or a binary file, not {source!r}"
        raise TypeError(message) from None


def _mistake(source: Any) -> str | None:  # one for each mistake
    """Return what SOURCE is instead of bytes, and what to pass; None if nothing is known."""
    kind = type(source).__name__
    if isinstance(source, str):
        what = "text.encode()" if "\n" in source else f'open({source!r}, "rb")'
        return f"not a str; pass {what}"
    if hasattr(source, "__fspath__"):
        return f'not a path; pass open({str(source)!r}, "rb")'
    if isinstance(source, Mapping):
        return f"not a {kind}; pass them as the server sent them"
    if hasattr(source, "iter_bytes"):
        return f"not a {kind}; pass response.iter_bytes()"
    if hasattr(getattr(source, "response", None), "iter_bytes"):
        return f"not what another library made of them; pass {kind.lower()}.response.iter_bytes()"
    read = getattr(source, "read", None)
    if hasattr(source, "__aiter__") or (read is not None and inspect.iscoroutinefunction(read)):
        return (
            f"and without await, but {kind} is asynchronous; "
            "feed what it gives to an EventDecoder, in your own loop"
        )
    if (made := _MADE_OF_BYTES.get(getattr(source, "__qualname__", ""))) is not None:
        return f"not {made}; pass {_ITER_BYTES}"
    if is_text_file(source):
        return 'and the file is open in text mode; open it with "rb"'
    return None


def is_text_file(file: Any) -> bool:
    """Return whether FILE is open in text mode."""
    return hasattr(file, "encoding") and (hasattr(file, "read") or hasattr(file, "write"))


def bytes_of(chunk: object) -> bytes:
    """Return CHUNK, which a source gave, as bytes.

    Raises:
        TypeError: It is not bytes.
    """
    if isinstance(chunk, _BYTES):
        return bytes(chunk)
    kind = type(chunk).__name__
    if chunk is None:
        remedy = "end by StopIteration, or make the file or socket wait for bytes (blocking)"
    elif isinstance(chunk, str):
        remedy = f"encode it as UTF-8, or open the source in binary mode, or pass {_ITER_BYTES}"
    else:
        remedy = "pass the bytes as the server sent them"
    raise TypeError(f"the source gave {kind}, not bytes: {remedy}")


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
