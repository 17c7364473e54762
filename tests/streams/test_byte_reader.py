"""Bytes from one source after another; the same through a stream is in test_base.py."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from stream_core.errors import TransportError
from stream_core.streams.byte_reader import ByteReader

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_the_tees_have_what_is_read_from_every_source() -> None:
    """They get it before it is handed out."""
    reader, copy = ByteReader([b"a", b"b"]), io.BytesIO()
    reader.tees.append(copy)
    for chunk in reader.read():
        assert copy.getvalue().endswith(chunk)
    reader.turn_to(b"c")
    assert [b"c"] == list(reader.read())
    assert b"abc" == copy.getvalue()
    assert b"c" == reader.source


def test_what_is_not_a_source_is_refused_at_once() -> None:
    """The error comes when it is given, not when it is read."""
    wrong: Any = "run.sse"
    with pytest.raises(TypeError, match="bytes"):
        ByteReader(wrong)
    with pytest.raises(TypeError, match="bytes"):
        ByteReader(b"").turn_to(wrong)


def test_an_error_of_a_file_has_a_name() -> None:
    """It keeps its cause."""

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ConnectionResetError("peer went away")

    reading = ByteReader(broken()).read()
    assert b"a" == next(reading)
    with pytest.raises(TransportError, match="reading the source failed: peer went away") as caught:
        next(reading)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


def test_an_abort_reaches_the_source_and_ends_the_reading() -> None:
    """Bytes that come after it are dropped."""

    class Source:
        aborted = False

        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            yield b"b"

        def abort(self) -> None:
            self.aborted = True

    source: Any = Source()
    reader = ByteReader(source)
    reading = reader.read()
    assert b"a" == next(reading)
    reader.abort()
    assert source.aborted
    with pytest.raises(TransportError, match="aborted"):
        next(reading)


def test_a_source_that_cannot_be_aborted_is_read_no_further() -> None:
    """It does not need to know of the abort."""
    reader = ByteReader([b"a"])
    reader.abort()
    with pytest.raises(TransportError, match="aborted"):
        next(reader.read())
