"""Frames as bytes, and their cutting and compression."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from stream_core.testing.framing import DONE, Framing, GzipFlusher, WireEvent, chunks, to_json


def test_a_frame_is_two_lines_and_a_blank_one() -> None:
    """Only LF, compact JSON, and characters as themselves."""
    expected = 'event: thread.created\ndata: {"id":"é\u2028","n":null}\n\n'.encode()
    assert expected == WireEvent("thread.created", {"id": "é\u2028", "n": None}).encode()


def test_done_is_not_json() -> None:
    """The last frame's data is a plain word."""
    assert b"event: done\ndata: [DONE]\n\n" == DONE.encode()


def test_line_ends_in_texts_are_escaped_and_lone_surrogates_replaced() -> None:
    """No text can break a frame, or make it impossible to send."""
    encoded = WireEvent("x", {"a": "1\r\n2", "b": "\ud800"}).encode()
    assert b'event: x\ndata: {"a":"1\\r\\n2","b":"?"}\n\n' == encoded
    assert '{"a":[1,2]}' == to_json({"a": [1, 2]})


@pytest.mark.parametrize(
    ("size", "expected"),
    [(None, [b"abcde"]), (2, [b"ab", b"cd", b"e"]), (5, [b"abcde"]), (9, [b"abcde"])],
)
def test_chunks_are_of_the_size_asked_for(size: int | None, expected: list[bytes]) -> None:
    """Only the last chunk is shorter."""
    assert expected == list(chunks(b"abcde", size))


def test_no_bytes_are_no_chunk() -> None:
    """An empty chunk would end a chunked body."""
    assert [] == list(chunks(b"", None))
    assert [] == list(chunks(b"", 3))


def test_each_compressed_piece_can_be_read_at_once() -> None:
    """After each flush the reader has everything written before."""
    flusher, reader = GzipFlusher(), zlib.decompressobj(wbits=31)
    for piece in (b"one", b"two", b"three"):
        assert piece == reader.decompress(flusher.compress(piece))
    assert b"" == reader.decompress(flusher.finish())
    assert reader.eof


@pytest.mark.parametrize(
    "wrong", [{"chunk_size": 0}, {"delay": -1.0}, {"framing": "pigeon"}, {"chunk_size": 1.5}]
)
def test_a_framing_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """The mistake is found at once."""
    with pytest.raises((ValueError, TypeError)):
        Framing(**wrong)
