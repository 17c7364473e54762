"""The sources of bytes: which objects are sources, and how they are closed."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core.source import bytes_of, chunks_of, close_source
from tests.support.frames import pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from stream_core.source import Source

DATA = bytes(range(256)) * 8


# --- Sources ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: [data],
        lambda data: iter(pieces(data, 7)),
        lambda data: (piece for piece in pieces(data, 50)),
        io.BytesIO,
        lambda data: io.BufferedReader(io.BytesIO(data)),
    ],
    ids=["bytes", "bytearray", "memoryview", "list", "iterator", "generator", "BytesIO", "reader"],
)
def test_anything_that_gives_bytes_is_a_source(make: Callable[[bytes], Source]) -> None:
    """All its bytes come, in order, to the end."""
    assert DATA == b"".join(chunks_of(make(DATA)))


def test_an_iterable_is_asked_for_one_chunk_at_a_time() -> None:
    """Chunks are passed on as they are, even empty ones."""
    asked = []

    def generate() -> Iterator[bytes]:
        for chunk in (b"a", b"", b"bc"):
            asked.append(chunk)
            yield chunk

    chunks = chunks_of(generate())
    assert [] == asked
    assert b"a" == next(chunks)
    assert [b"a"] == asked
    assert [b"", b"bc"] == list(chunks)


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_file_is_read_in_pieces(tmp_path: Path, buffering: int) -> None:
    """It is read neither line by line nor at once."""
    path = tmp_path / "run.sse"
    path.write_bytes(DATA * 100)
    with path.open("rb", buffering=buffering) as file:
        sizes = [len(chunk) for chunk in chunks_of(file)]
    assert len(DATA) * 100 == sum(sizes)
    assert 1 < len(sizes) < 100


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_pipe_gives_what_it_has(buffering: int) -> None:
    """Reading does not wait for more."""
    read_end, write_end = os.pipe()
    with (
        open(write_end, "wb", buffering=0) as writer,  # noqa: PTH123  # a descriptor
        open(read_end, "rb", buffering=buffering) as reader,  # noqa: PTH123
    ):
        chunks = chunks_of(reader)
        for chunk in (b"a", b"bc"):
            writer.write(chunk)
            assert chunk == next(chunks)
        writer.close()
        assert [] == list(chunks)


def test_what_has_only_read_is_a_file() -> None:
    """``read1`` is used if there is one."""

    class Reading:
        def __init__(self) -> None:
            self.left = [b"a", b"b", b""]

        def read(self, size: int) -> bytes:
            assert 65536 == size
            return self.left.pop(0)

    assert [b"a", b"b"] == list(chunks_of(Reading()))


# --- Other objects ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("run.sse", r'not a str; pass open\(.run.sse., "rb"\)'),
        (io.StringIO(""), 'open in text mode; open it with "rb"'),
        ("event: done\n", r"not a str; pass text\.encode\(\)"),
        (Path("run.sse"), r'not a path; pass open\(.run.sse., "rb"\)'),
        ({"event": "done"}, "not a dict; pass them as the server sent them"),
        (5, "binary file, not 5"),
        (None, "binary file, not None"),
    ],
    ids=["str", "text file", "text", "path", "dict", "number", "None"],
)
def test_what_is_no_source_is_refused_at_once(source: Any, remedy: str) -> None:
    """The error has a remedy, and does not come from ``iter``."""
    with pytest.raises(TypeError, match=remedy) as caught:
        chunks_of(source)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


class Response:
    """What HTTP libraries call an answer: its methods have the names that theirs have."""

    encoding = "utf-8"

    def read(self) -> bytes:
        raise NotImplementedError

    def iter_bytes(self) -> Iterator[bytes]:
        raise NotImplementedError

    def iter_lines(self) -> Iterator[str]:
        yield "event: done"

    def iter_text(self) -> Iterator[str]:
        yield "event: done"


class Decoded:
    """What an SDK makes of an answer."""

    def __init__(self) -> None:
        self.response = Response()

    def __iter__(self) -> Iterator[object]:
        raise NotImplementedError


class Asynchronous:
    """An answer that is read with ``await``."""

    async def read(self) -> bytes:
        raise NotImplementedError


async def chunks_of_async() -> AsyncIterator[bytes]:
    """Give bytes, with ``async for``."""
    yield b""


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (Response, r"not a Response; pass response\.iter_bytes\(\)"),
        (
            lambda: Response().iter_lines(),
            r"not lines without their line ends; pass response\.iter_",
        ),
        (lambda: Response().iter_text(), r"not text; pass response\.iter_bytes\(\) \(httpx\) or"),
        (Decoded, r"another library made of them; pass decoded\.response\.iter_bytes\(\)"),
        (Asynchronous, "but Asynchronous is asynchronous; feed .* to an EventDecoder"),
        (chunks_of_async, "but async_generator is asynchronous"),
    ],
    ids=["answer", "lines", "text", "of an SDK", "async answer", "async generator"],
)
def test_what_other_libraries_give_is_refused(make: Callable[[], Any], remedy: str) -> None:
    """The error says what was given, and what to give."""
    with pytest.raises(TypeError, match=remedy):
        chunks_of(make())


def test_the_answers_of_real_libraries_are_refused() -> None:
    """Those are requests and aiohttp; others are slow to import."""
    answer = requests.Response()
    answer.raw = io.BytesIO(b"event: done\n\n")
    with pytest.raises(TypeError, match="not lines without their line ends"):
        chunks_of(answer.iter_lines())
    assert [b"event: done\n\n"] == list(chunks_of(answer.iter_content(None)))
    aiohttp = pytest.importorskip("aiohttp")
    with pytest.raises(TypeError, match="ClientResponse is asynchronous"):
        chunks_of(aiohttp.ClientResponse.__new__(aiohttp.ClientResponse))


@pytest.mark.parametrize("chunk", [b"a", bytearray(b"a"), memoryview(b"a")])
def test_a_chunk_of_any_kind_of_bytes_becomes_bytes(chunk: Any) -> None:
    """It is a copy, if it could change."""
    made = bytes_of(chunk)
    assert (b"a", bytes) == (made, type(made))


@pytest.mark.parametrize("chunk", [None, "a", 5, ["a"]])
def test_another_chunk_is_refused(chunk: object) -> None:
    """The error has its type."""
    with pytest.raises(TypeError, match=f"gave {type(chunk).__name__}, not bytes: "):
        bytes_of(chunk)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    """The file was opened without "b"."""
    path = tmp_path / "run.sse"
    path.write_text("x")
    with path.open(encoding="utf-8") as file, pytest.raises(TypeError, match='"rb"'):
        chunks_of(file)


# --- Closing ----------------------------------------------------------------------------


class Closable:
    """Writes down the calls of its methods."""

    def __init__(self, log: list[str], name: str = "", error: Exception | None = None) -> None:
        self.log, self.name, self.error = log, name, error

    def close(self) -> None:
        self._do("close")

    def _do(self, what: str) -> None:
        self.log.append(f"{self.name}{what}")
        if self.error is not None:
            raise self.error


class Finishable(Closable):
    """A source that can be drained."""

    def finish(self) -> None:
        self._do("finish")


def test_a_source_and_its_iterator_are_closed() -> None:
    """The source is closed first; anything without ``close`` is left alone."""
    log: list[str] = []
    close_source(Closable(log, "source "), Closable(log, "chunks "), finished=True, failure=None)
    close_source(b"", iter(()), finished=False, failure=None)
    assert ["source close", "chunks close"] == log


@pytest.mark.parametrize(("finished", "expected"), [(True, "finish"), (False, "close")])
def test_a_source_that_was_read_to_its_end_is_drained(expected: str, *, finished: bool) -> None:
    """It is drained if it can be; one not read to the end may have any number of bytes left."""
    log: list[str] = []
    close_source(Finishable(log), iter(()), finished=finished, failure=None)
    assert [expected] == log


def test_a_real_generator_and_a_real_socket_are_closed() -> None:
    """A generator runs to its ``finally``, and a descriptor is free."""
    log = []

    def generate() -> Iterator[bytes]:
        try:
            yield b"a"
        finally:
            log.append("cleaned")

    source = generate()
    chunks = chunks_of(source)
    next(chunks)
    close_source(source, chunks, finished=False, failure=None)
    assert ["cleaned"] == log
    here, there = socket.socketpair()
    with there:
        file = here.makefile("rb")
        here.close()
        close_source(file, chunks_of(file), finished=False, failure=None)
        assert file.closed
        assert b"" == there.recv(1)


@pytest.mark.parametrize("finished", [True, False])
def test_what_closing_raises_leaves_where_nothing_else_failed(*, finished: bool) -> None:
    """Nothing is swallowed."""
    error = OSError("cannot close")
    with pytest.raises(OSError, match="cannot close") as caught:
        close_source(Finishable([], error=error), None, finished=finished, failure=None)
    assert error is caught.value


@pytest.mark.parametrize("finished", [True, False])
def test_what_closing_raises_is_noted_on_what_failed_before(*, finished: bool) -> None:
    """The stream's own failure takes precedence."""
    failure = ZeroDivisionError()
    source = Finishable([], error=OSError("cannot close"))
    close_source(source, None, finished=finished, failure=failure)
    assert ["closing the source failed too: OSError('cannot close')"] == failure.__notes__
