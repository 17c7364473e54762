"""``TextReader`` is a text file as ``io.TextIOBase`` defines it, over text that is still coming.

Rules of this file: if pieces do not matter, results are compared with those of the standard
library's own ``io.StringIO`` over the same text; if they do, :class:`Pieces` shows how far a
read went.
"""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core.errors import TransportError
from stream_core.streams.text_reader import TextReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Pieces:
    """Text as it comes, which counts the pieces taken; an exception among them is raised."""

    def __init__(self, *pieces: str | BaseException) -> None:
        self.left = list(pieces)
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.left:
            raise StopIteration
        self.taken += 1
        piece = self.left.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        return piece


def reader(*pieces: str | BaseException) -> TextReader:
    """Return a reader of PIECES."""
    return TextReader(Pieces(*pieces))


# --- Like the standard library ----------------------------------------------------------


def test_it_is_a_text_file() -> None:
    """``isinstance`` agrees; it can be read, and nothing else."""
    text = reader("a")
    assert isinstance(text, io.TextIOBase)
    assert text.readable()
    assert not text.writable()
    assert not text.seekable()
    assert not text.isatty()
    assert not text.closed
    assert getattr(text, "encoding", "") is None
    writes: list[Callable[[], object]] = [
        lambda: text.write("a"),
        lambda: text.seek(0),
        text.tell,
        text.truncate,
        text.fileno,
        text.detach,
    ]
    for write in writes:
        with pytest.raises(io.UnsupportedOperation):
            write()


SIZES = st.none() | st.integers(min_value=-2, max_value=5)
CALLS = st.tuples(st.sampled_from(["read", "readline"]), SIZES)
TEXTS = st.text(st.sampled_from("ab\n\r\u2028é"), max_size=5)


@given(pieces=st.lists(TEXTS, max_size=8), calls=st.lists(CALLS, max_size=12))
def test_reads_of_any_size_are_those_of_a_file(
    pieces: list[str], calls: list[tuple[str, int | None]]
) -> None:
    """Lines and whole texts are like a file's; a sized read may be shorter, but never empty."""
    text, judge = reader(*pieces), io.StringIO("".join(pieces), newline="")
    for name, size in [*calls, ("read", -1), ("read", 3), ("readline", -1)]:
        actual = getattr(text, name)(size)
        if name == "readline":
            # StringIO(newline="") also ends a line at a lone CR; ours ends only at LF.
            line = io.StringIO(rest(judge), newline="\n").readline(-1 if size is None else size)
            assert line == actual
        elif size is None or size < 0:
            assert rest(judge) == actual
        else:
            assert len(actual) <= size
            assert rest(judge).startswith(actual)
            assert bool(actual) is bool(size and rest(judge))
        judge.read(len(actual))


def rest(file: io.StringIO) -> str:
    """Return the rest of FILE, without moving the position."""
    return file.getvalue()[file.tell() :]


@given(st.lists(TEXTS, max_size=8))
def test_lines_are_those_of_a_file(pieces: list[str]) -> None:
    """Iteration, ``readlines`` and ``readline`` agree; only LF ends a line, wherever it is cut."""
    whole = "".join(pieces)
    expected = io.StringIO(whole, newline="\n").readlines()
    assert expected == list(reader(*pieces))
    assert expected == reader(*pieces).readlines()
    assert expected == list(iter(reader(*pieces).readline, ""))
    assert whole == reader(*pieces).read()


def test_readlines_stops_after_its_hint() -> None:
    """The hint counts characters; lines stay whole; None, zero and negative numbers mean all."""
    text = reader("aa\nb", "b\ncc\ndd")
    assert ["aa\n", "bb\n"] == text.readlines(4)
    assert ["cc\n"] == text.readlines(3)
    assert ["dd"] == text.readlines()
    for hint in (None, 0, -1):
        assert ["a\n", "b\n"] == reader("a\nb\n").readlines(hint)


def test_lines_and_reads_can_be_mixed() -> None:
    """Each call begins where the one before it stopped."""
    text = reader("a\nb", "c\nd", "", "\nrest")
    assert "a\n" == next(text)
    assert "b" == text.read(5)
    assert "c" == text.readline(1)
    assert "\n" == text.readline()
    assert "d\n" == next(text)
    assert "rest" == text.read(None)
    assert "" == text.read(1) == text.readline() == text.read()
    with pytest.raises(StopIteration):
        next(text)


def test_other_readers_of_text_files_can_read_it() -> None:
    """``csv`` and ``copyfileobj`` accept it as a file."""
    assert [["a", "b c"], ["1", "2\n3"]] == list(csv.reader(reader("a,b ", 'c\n1,"2\n', '3"')))
    target = io.StringIO()
    shutil.copyfileobj(reader("Hel", "", "lo\n", "you"), target)
    assert "Hello\nyou" == target.getvalue()


@pytest.mark.parametrize("method", ["read", "readline"])
def test_a_size_that_is_no_number_is_misuse(method: str) -> None:
    """It is a TypeError, and no text is lost."""
    text = reader("a")
    with pytest.raises(TypeError):
        getattr(text, method)("5")
    assert "a" == text.read()


# --- While the text is coming -----------------------------------------------------------


def test_a_read_returns_as_soon_as_there_is_text() -> None:
    """A sized read takes no more pieces than it needs: one, after empty ones."""
    pieces = Pieces("", "ab", "c", "", "", "d")
    text = TextReader(pieces)
    assert 0 == pieces.taken
    taken = []
    while part := text.read(8192):
        taken.append((part, pieces.taken))
    assert [("ab", 2), ("c", 3), ("d", 6)] == taken


def test_a_piece_is_read_out_before_the_next_is_taken() -> None:
    """Small reads do not run ahead."""
    pieces = Pieces("abc", "d")
    text = TextReader(pieces)
    assert ["a", "bc", "d"] == [text.read(1), text.read(2), text.read(2)]
    assert 2 == pieces.taken


def test_a_read_of_nothing_takes_nothing() -> None:
    """``read(0)`` and ``readline(0)`` are "" without waiting for text."""
    pieces = Pieces("abc")
    text = TextReader(pieces)
    assert "" == text.read(0) == text.readline(0)
    assert 0 == pieces.taken
    assert "abc" == text.read(5)


def test_a_line_is_there_as_soon_as_its_end_is() -> None:
    """``readline`` takes pieces up to the line feed, and none after it."""
    pieces = Pieces("a", "b\nc\n", "d", "\n")
    text = TextReader(pieces)
    assert "ab\n" == text.readline()
    assert 2 == pieces.taken
    assert "c\n" == text.readline()
    assert 2 == pieces.taken
    assert "d" == text.readline(1)
    assert 3 == pieces.taken


def test_a_piece_is_written_before_the_next_comes() -> None:
    """``copyfileobj`` prints the text while it comes."""
    log: list[str] = []

    class Target(io.StringIO):
        def write(self, text: str) -> int:
            log.append(f"wrote {text}")
            return super().write(text)

    def pieces() -> Iterator[str]:
        for piece in ("a", "b", "c"):
            log.append(f"sent {piece}")
            yield piece

    shutil.copyfileobj(TextReader(pieces()), Target())
    assert ["sent a", "wrote a", "sent b", "wrote b", "sent c", "wrote c"] == log


# --- Failures ---------------------------------------------------------------------------

FAILURES: list[BaseException] = [TransportError("the connection was reset"), KeyboardInterrupt()]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize(
    "read",
    [lambda text: text.read(), lambda text: text.readline(), lambda text: text.readlines()],
    ids=["read", "readline", "readlines"],
)
def test_a_read_that_fails_loses_no_text(
    read: Callable[[TextReader], object], failure: BaseException
) -> None:
    """The failure is raised unchanged; the text so far is there for the next read."""
    text = reader("a", "b", failure, "c\n", "d")
    with pytest.raises(type(failure)) as caught:
        read(text)
    assert failure is caught.value
    assert "ab" == text.read(5)
    assert "c\nd" == text.read()


def test_text_before_a_failure_is_read_before_the_failure() -> None:
    """A sized read never reads beyond its own text."""
    failure = TransportError("the connection was reset")
    text = reader("ab", failure)
    assert ["a", "b"] == [text.read(1), text.read(1)]
    with pytest.raises(TransportError) as caught:
        text.read(1)
    assert failure is caught.value
    assert "" == text.read(1)


def test_lines_before_a_failure_are_not_lost() -> None:
    """``readlines`` puts whole lines back, too."""
    text = reader("a\nb\nc", TransportError("reset"), "d\n")
    with pytest.raises(TransportError):
        text.readlines()
    assert ["a\n", "b\n", "cd\n"] == text.readlines()


def test_a_failure_within_a_sized_line_loses_nothing() -> None:
    """The rest of a piece is put back, too."""
    text = reader("x\nab", TransportError("reset"), "c\n")
    assert "x\n" == text.readline()
    with pytest.raises(TransportError):
        text.readline(10)
    assert "abc\n" == text.readline()


# --- Closing ----------------------------------------------------------------------------


def every_use(text: TextReader) -> Iterable[Callable[[], Any]]:
    """Return every way to read TEXT."""
    return [
        text.read,
        lambda: text.read(0),
        lambda: text.read(5),
        text.readline,
        text.readlines,
        lambda: next(text),
        lambda: iter(text),
        text.__enter__,
    ]


def test_what_is_closed_cannot_be_read() -> None:
    """Every use is a ValueError even if there is text left; closing again is not an error."""
    text = reader("abc")
    assert "a" == text.read(1)
    text.close()
    text.close()
    assert text.closed
    for use in every_use(text):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_the_sentence_says_where_to_get_another() -> None:
    """The stream makes a new reader if the old one is closed."""
    text = reader("abc")
    text.close()
    with pytest.raises(ValueError, match=r"^the reader is closed; get a new one from stream\.text"):
        text.read()


def test_with_closes_it() -> None:
    """It does so as for every file, in both ways."""
    with reader("abc") as text:
        assert "abc" == text.read()
    assert text.closed
    with contextlib.closing(reader("abc")) as text:
        assert not text.closed
    assert text.closed
