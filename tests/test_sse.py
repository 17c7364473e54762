"""The frame decoder, by the rules of the WHATWG, for any chunking of the bytes.

Rules of this file:

- :func:`decode` runs its bytes whole, byte by byte and cut in two at every place, and fails
  if two of these differ.
- :func:`by_the_book` is a second decoder, slow, written from the text of the standard, which
  the property tests compare ours with.
"""

from __future__ import annotations

import itertools
import random
import re
import traceback
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_core import sse
from stream_core.errors import DecodeError, FrameTooLargeError
from stream_core.sse import IgnoredLine, ServerSentEvent, SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BOM = b"\xef\xbb\xbf"


@attrs.define
class Decoded:
    """All that a decoder returns for a stream; for an error, (limit, offset, event)."""

    frames: list[ServerSentEvent]
    ignored: tuple[IgnoredLine, ...] = ()
    last_event_id: str = ""
    retry: int | None = None
    error: tuple[int, int | None, str | None] | None = None


def drain(decoder: SSEDecoder) -> list[ServerSentEvent]:
    """Take the available frames."""
    return list(iter(decoder.next_frame, None))


def run(chunks: Iterable[bytes], **options: Any) -> Decoded:
    """Decode CHUNKS, reading after each; every byte must have been read when no frame is left."""
    decoder = SSEDecoder(**options)
    result = Decoded([])
    fed = 0
    try:
        for chunk in chunks:
            decoder.feed(chunk)
            fed += len(chunk)
            result.frames.extend(iter(decoder.next_frame, None))
            assert fed == decoder.offset
        decoder.close()
        result.frames.extend(iter(decoder.next_frame, None))
    except FrameTooLargeError as error:
        result.error = (error.limit, error.offset, error.event)
    result.ignored = decoder.ignored
    result.last_event_id = decoder.last_event_id
    result.retry = decoder.retry
    return result


def pieces(data: bytes, size: int) -> list[bytes]:
    """Cut DATA into chunks of SIZE bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def decode(data: bytes, **options: Any) -> Decoded:
    """Decode DATA in every way of this file's first rule; all must agree."""
    result = run([data], **options)
    assert result == run(pieces(data, 1), **options)
    for cut in range(1, len(data)):
        assert result == run([data[:cut], data[cut:]], **options)
    return result


def by_the_book(stream: bytes) -> Decoded:
    """Decode STREAM as the standard says, with this project's three differences."""
    result = Decoded([])
    data = event = last_id = ""
    begin: int | None = None
    retry: int | None = None
    ignored: list[IgnoredLine] = []
    offset = len(BOM) if stream.startswith(BOM) else 0
    # Splitting with a group gives line, end, line, end, ..., line. An end for the last one
    # and a blank line after it are this project's leniency at the end of the stream.
    parts = [*re.split(rb"(\r\n|\r|\n)", stream[offset:]), b"", b"", b""]
    for raw, end in zip(parts[::2], parts[1::2], strict=True):
        line = raw.decode("utf-8", "replace")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name and begin is None:
            begin = offset
        if name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last_id = value
        elif name == "retry" and re.fullmatch("[0-9]{1,18}", value):
            retry = result.retry = int(value)
        elif name and name not in {"id", "retry"}:
            ignored = [*ignored, IgnoredLine(offset, line[:1000], bool(data))][:16]
        elif not line:
            result.last_event_id = last_id
            if begin is not None and data not in {"", "\n"}:
                frame = ServerSentEvent(event, data[:-1], begin, last_id, retry, tuple(ignored))
                result.frames.append(frame)
                retry, ignored = None, []
            data = event = ""
            begin = None
        offset += len(raw) + len(end)
    result.ignored = tuple(ignored)
    return result


# ---- the rules, one by one -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"event: a\ndata: b\n\n", [("a", "b", 0)]),
        (b"data: b\n\n", [("", "b", 0)]),
        (b"event:a\ndata:b\n\n", [("a", "b", 0)]),
        (b"event:  a \ndata:  b \n\n", [(" a ", " b ", 0)]),
        (b"event: \ndata: b\n\n", [("", "b", 0)]),
        (b"event: a\nevent: b\ndata: c\n\n", [("b", "c", 0)]),
        (b"data: b\nevent: a\n\n", [("a", "b", 0)]),
        (b"data: a\ndata: b\n\n", [("", "a\nb", 0)]),
        (b"data: a\ndata\ndata:\ndata: b\n\n", [("", "a\n\n\nb", 0)]),
        (b"data:\ndata:\n\n", [("", "\n", 0)]),
        (b"data: a:b: c\n\n", [("", "a:b: c", 0)]),
        (b"data: a\n\n\n\ndata: b\n\n", [("", "a", 0), ("", "b", 11)]),
        (b"\n\ndata: a\n\n", [("", "a", 2)]),
    ],
)
def test_fields(data: bytes, expected: list[tuple[str, str, int]]) -> None:
    """A block is its event name, its data lines joined by LF, and where it starts."""
    assert [ServerSentEvent(*frame) for frame in expected] == decode(data).frames


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_line_ends(end: bytes) -> None:
    """Lines end at LF, CR or CRLF, even if a chunk ends between the two."""
    lines = [b"event: a", b"data: b", b"data: c", b"", b": d", b"data: e", b"", b"data: f", b""]
    data = end.join([*lines, b""])
    frames = decode(data).frames
    assert [("a", "b\nc"), ("", "e"), ("", "f")] == [(f.event, f.data) for f in frames]
    assert [data.find(start) for start in (b"event: a", b"data: e", b"data: f")] == [
        frame.offset for frame in frames
    ]


def test_mixed_line_ends() -> None:
    """One stream may use all three line ends; LF CR is two of them."""
    frames = decode(b"data: a\r\ndata: b\rdata: c\n\rdata: d\r\r\ndata: e\n\r\n").frames
    assert ["a\nb\nc", "d", "e"] == [frame.data for frame in frames]
    frames = decode(b"event: a\ndata: b\rdata: c\n\nevent: a\rid: 1\ndata: b\n\n").frames
    assert [("a", "b\nc", ""), ("a", "b", "1")] == [(f.event, f.data, f.id) for f in frames]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\0"])
def test_other_separators_are_text(end: str) -> None:
    """Nothing else ends a line, whatever ``str.splitlines`` says."""
    data = f"event: a\ndata: b{end}c\n\ndata: {end}\n\n".encode()
    assert [f"b{end}c", end] == [frame.data for frame in decode(data).frames]


@pytest.mark.parametrize("after", [b"\n", b"", b"data: b\n\n"])
def test_a_cr_delays_nothing(after: bytes) -> None:
    """A CR at the end of a chunk ends its frame at once; an LF after it is swallowed."""
    decoder = SSEDecoder()
    decoder.feed(b"event: a\r\ndata: a\r\n\r")
    assert ServerSentEvent("a", "a", 0) == decoder.next_frame()
    assert decoder.next_frame() is None
    decoder.feed(after)
    expected = [ServerSentEvent("", "b", 20)] if after.startswith(b"data") else []
    assert expected == drain(decoder)


def test_each_frame_comes_with_its_last_byte() -> None:
    """A frame is available when its blank line is, not a byte later or earlier."""
    data = b"event: a\ndata: b\n\n: ping\n\ndata: c\n\n"
    ready = []
    decoder = SSEDecoder()
    for at, piece in enumerate(pieces(data, 1)):
        decoder.feed(piece)
        ready += [at + 1] * len(drain(decoder))
    assert [data.find(b"\n\n") + 2, len(data)] == ready


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (BOM + b"event: a\ndata: b\n\n", [ServerSentEvent("a", "b", 3)]),
        (BOM + b"\n\ndata: b\n\n", [ServerSentEvent("", "b", 5)]),
        (BOM + b": ping\ndata: b\n\n", [ServerSentEvent("", "b", 10)]),
        (BOM + b"data: b", [ServerSentEvent("", "b", 3)]),
        (BOM, []),
        (BOM + BOM + b"data: b\n\n", []),
        (b"\n" + BOM + b"data: b\n\n", []),
        (b"data: a\n\n" + BOM + b"data: b\n\n", [ServerSentEvent("", "a", 0)]),
        (b"data: " + BOM + b"\n\n", [ServerSentEvent("", "\ufeff", 0)]),
        (BOM[:2] + b"data: b\n\n", []),
    ],
)
def test_byte_order_mark(data: bytes, expected: list[ServerSentEvent]) -> None:
    """One mark is dropped, at the very start only; elsewhere it is part of its line."""
    assert expected == decode(data).frames


def test_comments() -> None:
    """Lines that start with a colon are ignored, inside a frame and between frames."""
    data = b": ping\n\n:\n:data: x\nevent: a\n: b\ndata: c\n:\n\n: d\n\n"
    expected = Decoded([ServerSentEvent("a", "c", data.find(b"event"))])
    assert expected == decode(data)


@pytest.mark.parametrize("block", [b"data\n", b"data:\n", b"data: \n", b"event: x\n", b"x\n", b""])
def test_no_data_dispatches_nothing(block: bytes) -> None:
    """A block whose data is empty makes no frame, and its event name is forgotten."""
    frames = decode(b"event: a\n" + block + b"\ndata: b\n\n").frames
    assert [("", "b")] == [(frame.event, frame.data) for frame in frames]


def test_id_is_sticky() -> None:
    """An id holds for later frames, even from a block without data, until one replaces it."""
    data = b"data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid: 2\n\nevent: d\ndata: d\n\nid\ndata: e\n\n"
    result = decode(data)
    assert ["", "1", "1", "2", ""] == [frame.id for frame in result.frames]
    assert decode(b"data: a\n\nid: 7\n\n").last_event_id == "7"


def test_id_with_nul_is_ignored() -> None:
    """An id with a NUL in it changes nothing."""
    assert decode(b"id: 1\nid: 2\x003\ndata: a\n\n") == Decoded(
        [ServerSentEvent("", "a", 0, "1")], last_event_id="1"
    )


def test_id_is_committed_at_the_end_of_its_block() -> None:
    """An id whose block has not ended is not the one that a reconnection sends."""
    decoder = SSEDecoder()
    decoder.feed(b"id: 1\ndata: a\n")
    assert decoder.next_frame() is None
    assert decoder.last_event_id == ""
    decoder.feed(b"\n")
    assert ServerSentEvent("", "a", 0, "1") == decoder.next_frame()
    assert decoder.last_event_id == "1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"3000", 3000),
        (b"0", 0),
        (b"007", 7),
        (b"9" * 18, 10**18 - 1),
        (b"9" * 19, None),
        (b"9" * 5000, None),
        (b"", None),
        (b"-1", None),
        (b"1.5", None),
        (b"1_0", None),
        (b" 1", None),
        ("\u0663".encode(), None),
    ],
)
def test_retry(value: bytes, expected: int | None) -> None:
    """A reconnection time is ASCII digits, at most 18; anything else is ignored."""
    data = b"retry: " + value + b"\n\ndata: a\n\n"
    for chunks in ([data], pieces(data, 1)):
        result = run(chunks)
        assert [expected] == [frame.retry for frame in result.frames]
        assert expected == result.retry


def test_retry_is_told_once() -> None:
    """The frame after a retry carries the last one read; later frames carry none."""
    result = decode(b"retry: 1\nretry: 2\n\nevent: a\ndata: a\n\nevent: b\ndata: b\n\nretry: 3\n")
    assert [2, None] == [frame.retry for frame in result.frames]
    assert result.retry == 3


def test_ignored_lines_are_told_once() -> None:
    """Lines with unknown names come with the next frame, or at the end of the stream."""
    data = b'foo\nDATA: x\n\ndata : y\nevent: a\ndata: b\n\ndata: c\n\n{"error": 1}\n<html>'
    result = decode(data)
    expected = (IgnoredLine(0, "foo"), IgnoredLine(4, "DATA: x"), IgnoredLine(13, "data : y"))
    assert [ServerSentEvent("a", "b", 13, ignored=expected), ServerSentEvent("", "c", 40)] == (
        result.frames
    )
    assert (IgnoredLine(49, '{"error": 1}'), IgnoredLine(62, "<html>")) == result.ignored


def test_ignored_lines_are_bounded() -> None:
    """At most 16 ignored lines are kept, and at most 1,000 characters of each."""
    line = "\U0001f600" * 2000
    ignored = run([f"{line}\n".encode() * 40]).ignored
    assert [line[:1000]] * 16 == [kept.text for kept in ignored]
    assert [8001 * index for index in range(16)] == [kept.offset for kept in ignored]


def test_utf8_across_chunks() -> None:
    """A chunk may end inside a character."""
    text = "a\u00e9\u20ac\U0001f600"
    expected = [ServerSentEvent(text, text, 0, text)]
    assert expected == decode(f"event: {text}\nid: {text}\ndata: {text}\n\n".encode()).frames


@pytest.mark.parametrize("bad", [b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_bad_utf8(bad: bytes) -> None:
    """Bytes that are not UTF-8 become replacement characters, never an exception."""
    data = b"event: a" + bad + b"\nid: " + bad + b"\ndata: b" + bad + b"\ndata\n\nx" + bad + b"\n"
    text = bad.decode("utf-8", "replace")
    result = decode(data)
    assert [ServerSentEvent("a" + text, "b" + text + "\n", 0, text)] == result.frames
    assert ["x" + text] == [line.text for line in result.ignored]


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r", b"\r\n", b"\n\n", b"\n: c", b"\nretry"])
def test_the_last_block_needs_no_end(tail: bytes) -> None:
    """A last block without its blank line, or even its line end, is still a frame."""
    expected = [ServerSentEvent("a", "a", 0), ServerSentEvent("done", "[DONE]", 18)]
    data = b"event: a\ndata: a\n\nevent: done\ndata: [DONE]"
    assert expected == decode(data + tail).frames


# ---- use and misuse ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_kinds_of_bytes(kind: type[Any]) -> None:
    """Any bytes are accepted, and a buffer may be reused as soon as feed() has returned."""
    buffer = bytearray(b"data: a\n\n")
    chunk = kind(buffer)
    decoder = SSEDecoder()
    decoder.feed(chunk)
    buffer[:] = b"x" * len(buffer)
    assert [ServerSentEvent("", "a", 0)] == drain(decoder)


@pytest.mark.parametrize("chunk", ["data: a\n\n", None, 3, [1]])
def test_feed_takes_only_bytes(chunk: Any) -> None:
    """A str, or anything else but bytes, is a TypeError that says what to do."""
    remedy = rf"feed\(\) takes bytes, not {type(chunk).__name__}: open the source in binary mode"
    with pytest.raises(TypeError, match=remedy):
        SSEDecoder().feed(chunk)


def test_feed_after_close() -> None:
    """A closed decoder takes no more bytes; closing it twice is fine."""
    decoder = SSEDecoder()
    decoder.close()
    decoder.close()
    with pytest.raises(RuntimeError, match="make a new SSEDecoder"):
        decoder.feed(b"data: a\n\n")
    assert decoder.next_frame() is None


def test_reading_after_the_end() -> None:
    """After the last frame there is None, however often it is called."""
    decoder = SSEDecoder()
    decoder.feed(b"data: a")
    decoder.close()
    assert [ServerSentEvent("", "a", 0)] == drain(decoder)
    assert [] == drain(decoder)


def test_chunks_may_be_fed_ahead() -> None:
    """Chunks may be empty, and several may be fed before the first frame is read."""
    decoder = SSEDecoder()
    decoder.feed(b"")
    assert decoder.idle
    for chunk in (b"event: a\nda", b"", b"ta: b\n\ndata: c\n\nda", b"", b"ta: d"):
        decoder.feed(chunk)
    decoder.close()
    assert ["b", "c", "d"] == [frame.data for frame in drain(decoder)]


def test_offset_counts_what_was_read() -> None:
    """The offset of a decoder is where reading continues, frame by frame."""
    frame = b"event: a\ndata: b\n\n"
    decoder = SSEDecoder()
    decoder.feed(frame * 3 + b"data")
    offsets = [decoder.offset]
    while decoder.next_frame() is not None:
        offsets.append(decoder.offset)
    assert [0, 18, 36, 54, 58] == [*offsets, decoder.offset]


def skipped(decoder: SSEDecoder) -> SSEDecoder:
    """Have DECODER count 100 bytes that somebody else read."""
    decoder.skip(100)
    return decoder


def test_the_start_is_kept_until_the_first_frame() -> None:
    """It is at most 256 bytes, however they come, and none once there was a frame."""
    for size in (1, 100, 1000):
        decoder = SSEDecoder()
        assert b"" == decoder.begins
        for _ in range(0, 1000, size):
            decoder.feed(b"x" * size)
            assert decoder.next_frame() is None
        assert b"x" * 256 == decoder.begins
        decoder.feed(b"\ndata: y\n\n")
        assert decoder.next_frame() is not None
        assert b"" == decoder.begins
    skipped = SSEDecoder()
    skipped.skip(0)
    skipped.feed(b"a")
    assert b"a" == skipped.begins
    skipped = SSEDecoder()
    skipped.skip(1)
    skipped.feed(b"a")
    assert b"" == skipped.begins


def test_what_somebody_else_read_counts() -> None:
    """Skipped bytes come before the next ones, at the beginning and between frames."""
    decoder = skipped(SSEDecoder())
    decoder.feed(b"data: a\n\n")
    assert [ServerSentEvent("", "a", 100)] == drain(decoder)
    assert 209 == skipped(decoder).offset
    decoder.feed(b": ping\ndata: b\n\nx\n")
    assert [ServerSentEvent("", "b", 216)] == drain(decoder)
    assert (IgnoredLine(225, "x"),) == decoder.ignored


def test_no_byte_order_mark_where_the_beginning_was_skipped() -> None:
    """A mark belongs at the beginning of the stream, which is over."""
    decoder = skipped(SSEDecoder())
    decoder.feed(BOM + b"data: a\n\ndata: b\n\n")
    assert ["b"] == [frame.data for frame in drain(decoder)]


@pytest.mark.parametrize(
    ("data", "idle"),
    [
        (b"", True),
        (b"data: a\n\n", True),
        (b"data: a\r\r\n", True),
        (b": ping\n", True),
        (b"\n\n\n", True),
        (b"id: 1\n\n", True),
        (b"event: a\n\n", True),
        (b"retry: 1\n\ndata: a\n\n", True),
        (b"x\n\ndata: a\n\n", True),
        (b"d", False),
        (b": ping", False),
        (b"data: a\n", False),
        (b"event: a\n", False),
        (b"id: 1\n", False),
        (b"data: a\r\r", False),  # an LF may belong to it
        (b"retry: 1\n\n", False),  # reported by the next frame
        (b"x\n\n", False),  # as well
        (b"data: a\n\nd", False),
    ],
)
def test_idle(data: bytes, idle: bool) -> None:
    """A decoder is idle if what follows is read as if it were the beginning."""
    for chunks in ([data], pieces(data, 1)):
        decoder = SSEDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
            drain(decoder)
        assert idle is decoder.idle


def test_a_decoder_with_unread_bytes_is_not_idle() -> None:
    """The bytes may be in the current chunk or in a waiting one."""
    decoder = SSEDecoder()
    decoder.feed(b"data: a\n\ndata: b\n\n")
    assert not decoder.idle
    decoder.next_frame()
    assert not decoder.idle
    decoder.next_frame()
    assert decoder.idle


@pytest.mark.parametrize(("end", "unterminated"), [(b"", True), (b"\n", True), (b"\n\n", False)])
def test_unterminated(end: bytes, unterminated: bool) -> None:
    """It is true only for a last block without its blank line, once that was returned."""
    decoder = SSEDecoder()
    decoder.feed(b"data: a\n\ndata: b" + end)
    decoder.close()
    seen = [decoder.unterminated]
    while decoder.next_frame() is not None:
        seen.append(decoder.unterminated)
    assert [False, False, unterminated] == seen


# ---- the limit -----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(limit: int) -> None:
    """A limit below one byte is refused at once."""
    with pytest.raises(ValueError, match=f"must be at least 1, not {limit}"):
        SSEDecoder(max_frame_bytes=limit)


def test_the_default_limit() -> None:
    """Without an argument the limit is 64 MiB."""
    assert sse.DEFAULT_MAX_FRAME_BYTES == 64 * 1024 * 1024 == SSEDecoder()._limit


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (b"event: a\ndata: bcd\n\n", 18),
        (b"data: abc\r\ndata: def\r\n\r\n", 20),
        (b"event: a\n: comment\ndata: b\n\n", 26),
        (b"unknown\nunknown: 1\n\n", 18),
        (b": a comment of its own\n\n", 22),
        (b"data: without an end", 20),
    ],
)
def test_limit(frame: bytes, size: int) -> None:
    """A frame of exactly the limit passes, one byte more is the error, after all before it."""
    before = b": ping\n\nevent: x\ndata: y\n\n"
    good = decode(before + frame, max_frame_bytes=size)
    assert good == by_the_book(before + frame)
    bad = decode(before + frame, max_frame_bytes=size - 1)
    event = "a" if frame.startswith(b"event") else None
    assert [ServerSentEvent("x", "y", 8)] == bad.frames
    assert (size - 1, len(before), event) == bad.error


def test_the_limit_is_of_one_frame() -> None:
    """Neither frames nor comments add up: only what is unfinished counts."""
    data = b"event: a\ndata: b\n\n: ping\n: ping\n\n" * 50
    for size in (1, 7, 64, len(data)):
        assert len(run(pieces(data, size), max_frame_bytes=16).frames) == 50


def test_too_large_stays_too_large() -> None:
    """The error is a DecodeError, comes again at each call, and holds no bytes."""
    decoder = SSEDecoder(max_frame_bytes=20)
    decoder.feed(b"data: a\n\nevent: big\ndata: " + b"x" * 100)
    decoder.feed(b"data: b\n\n")
    assert ServerSentEvent("", "a", 0) == decoder.next_frame()
    with pytest.raises(FrameTooLargeError, match="longer than 20 bytes") as caught:
        decoder.next_frame()
    assert isinstance(caught.value, DecodeError)
    assert (20, 9, "big") == (caught.value.limit, caught.value.offset, caught.value.event)
    depth = len(traceback.extract_tb(caught.tb))
    decoder.feed(b"data: c\n\n")
    decoder.close()
    with pytest.raises(FrameTooLargeError) as again:
        decoder.next_frame()
    assert caught.value is again.value
    assert depth == len(traceback.extract_tb(again.tb))
    assert decoder.offset == 20
    assert not decoder._waiting
    assert not decoder._chunk


@pytest.mark.parametrize("line", [b"data: ", b"data: a\ndata: ", b": ", b"x", b""])
def test_an_endless_line_holds_no_more_than_the_limit(line: bytes) -> None:
    """Bytes without end stop at the limit, whatever line they make up."""
    decoder = SSEDecoder(max_frame_bytes=1000)
    decoder.feed(line)

    def feed_for_ever() -> None:
        while True:
            decoder.feed(b"x" * 64)
            assert decoder.next_frame() is None
            assert len(decoder._line) <= 1000

    with pytest.raises(FrameTooLargeError):
        feed_for_ever()
    assert not decoder._line
    assert not decoder._data


# ---- any bytes, any chunking ---------------------------------------------------------------

#: Parts of streams, and of broken streams.
WORDS = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b" ", b":", BOM, b"\0", b"\xe2\x82", b"\xac", b"\xff"),
        *(b"data", b"data:", b"data: ", b"event: ", b"event: a\n", b"id: ", b"id: 1\n", b"id\n"),
        *(b"retry: ", b"12", b"retry: 5\n", b": ping\n\n", b"{}", b"text", b"x: y\n"),
        *(b"event: a\ndata: b\n\n", b"event: c\ndata: d\n\n", b"event: a\r\ndata: b\r\n\r\n"),
    ]
)
STREAMS = st.lists(st.one_of(WORDS, WORDS, WORDS, st.binary(max_size=4)), max_size=40).map(b"".join)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut DATA at CUTS, in any order and with repetitions, which make empty chunks."""
    places = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12))
@example(b"event: a\ndata: b\n\nevent: aX\nevent: a", [18])
@example(b"data: x\n\nevent: a", [])
def test_any_bytes_by_the_book(data: bytes, cuts: list[int]) -> None:
    """Any bytes in any chunks give what the standard says, and never an exception."""
    assert by_the_book(data) == run(cut(data, cuts))


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12), st.integers(1, 40))
def test_any_limit(data: bytes, cuts: list[int], limit: int) -> None:
    """With any limit the frames up to the error, and the error, are the same for any chunks."""
    whole = run([data], max_frame_bytes=limit)
    assert whole == run(cut(data, cuts), max_frame_bytes=limit)
    expected = by_the_book(data)
    assert whole.frames == expected.frames[: len(whole.frames)]
    if whole.error is None:
        assert expected == whole


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=6))
def test_binary(data: bytes, cuts: list[int]) -> None:
    """Bytes that are not an event stream are decoded like any others."""
    assert by_the_book(data) == run(cut(data, cuts))


# ---- cost ----------------------------------------------------------------------------------


@pytest.mark.no_cover
def test_one_long_line_in_small_pieces() -> None:
    """A line of 5 MiB in pieces of 64 bytes is read in linear time: it ends at all."""
    piece = b"x" * 64
    decoder = SSEDecoder()
    decoder.feed(b"event: a\ndata: ")
    for _ in range(5 * 1024 * 1024 // 64):
        decoder.feed(piece)
        assert decoder.next_frame() is None
    decoder.feed(b"\n\n")
    frame = decoder.next_frame()
    assert frame is not None
    assert ("a", 5 * 1024 * 1024, "x") == (frame.event, len(frame.data), frame.data[-1])


@pytest.mark.parametrize("block", ["event: a\ndata: {}\n\n", ": p\n\nevent: a\r\ndata: {}\r\n\r\n"])
def test_many_frames_in_one_chunk(block: str) -> None:
    """20,000 frames in one chunk are read in linear time, whatever their line ends."""
    data = "".join(block.format(number) for number in range(20_000)).encode()
    assert [str(number) for number in range(20_000)] == [f.data for f in run([data]).frames]


# ---- recorded streams ----------------------------------------------------------------------


@pytest.mark.no_cover
def test_recorded_streams(wire: Path) -> None:
    """Every recorded stream gives the standard's frames: whole, in small pieces and at random."""
    chance = random.Random(1)
    files = sorted(wire.rglob("*.sse"))
    assert files
    for file in files:
        data = file.read_bytes()
        expected = by_the_book(data)
        # Byte by byte if that takes only milliseconds.
        splits = [[data], pieces(data, 1 if len(data) < 4_000 else 37)]
        splits += [cut(data, chance.sample(range(len(data)), 20))]
        for chunks in splits:
            assert expected == run(chunks), file
