"""Bytes from one source after another; the same through a stream is in test_base.py."""

from __future__ import annotations

import io
import time
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from stream_core.errors import StreamTimeoutError, TransportError
from stream_core.streams.byte_reader import ByteReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def ticking(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let the clock show SECONDS, one after the other."""
    shown = iter(seconds)
    monkeypatch.setattr("stream_core.streams.byte_reader.time.monotonic", lambda: next(shown))


def test_bytes_of_which_no_event_comes_are_an_error_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An event begins the time anew."""
    ticking(monkeypatch, 0, 4, 8, 12, 17)
    heard = iter([False, True, False, False])
    reading = ByteReader([b": a", b"b", b": c", b": d", b"e"]).read_while(lambda: next(heard), 9)
    assert [b": a", b"b", b": c", b": d"] == [next(reading) for _ in range(4)]
    with pytest.raises(StreamTimeoutError, match="no event for 9 seconds") as caught:
        next(reading)
    assert 9 == caught.value.timeout


def test_a_source_that_can_is_told_how_long_to_wait() -> None:
    """So that silence is noticed too; one that cannot be limited is read all the same."""

    class Source:
        limits: ClassVar[list[object]] = []

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a"])

        def limit_silence(self, seconds: float, *, must: bool) -> None:
            self.limits.append((seconds, must))

    source: Any = Source()
    assert [b"a"] == list(ByteReader(source).read_while(lambda: True, 5))
    assert [(5, False)] == Source.limits
    assert [b"a"] == list(ByteReader([b"a"]).read_while(lambda: True, 5))


def test_a_limit_reaches_the_source_and_ends_the_reading_after_that_time() -> None:
    """Whatever still comes, be it comments, is not waited for any longer."""

    class Source:
        limits: ClassVar[list[float]] = []

        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b":"

        def limit_silence(self, seconds: float) -> None:
            self.limits.append(seconds)

    reader = ByteReader(Source())
    reading = reader.read()
    assert b":" == next(reading)
    reader.limit(60.0)
    assert b":" == next(reading)
    reader.limit(0.0)
    assert [] == list(reading)
    assert [60.0, 0.0] == Source.limits
    plain = ByteReader([b"a", b"b"])
    plain.limit(60.0)
    assert [b"a", b"b"] == list(plain.read())


class Silent:
    """A source that says nothing until it is woken; then it ends, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.woken = Event()
        self.limits: list[tuple[float, bool]] = []

    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        self.woken.wait(5)
        if self.error is not None:
            raise self.error

    def limit_silence(self, seconds: float, *, must: bool = True) -> None:
        self.limits.append((seconds, must))

    def abort(self) -> None:
        self.woken.set()


@pytest.mark.parametrize("error", [None, TransportError("cut"), ConnectionResetError("cut")])
def test_silence_is_ended_for_a_reader_in_another_thread(error: Exception | None) -> None:
    """It waits already, so the source is dropped; whatever comes of that is a timeout."""
    source: Any = Silent(error)
    reader = ByteReader(source)
    reading = reader.read()
    assert b"a" == next(reading)
    busy = iter([True, False])
    reader.limit_silence(0.01, elsewhere=True, busy=lambda: next(busy))
    with pytest.raises(StreamTimeoutError, match=r"no bytes for 0\.01 s") as caught:
        next(reading)
    assert 0.01 == caught.value.timeout
    assert ([(0.01, False)], None) == (source.limits, next(busy, None))


def test_silence_is_not_ended_if_bytes_come_or_the_source_is_let_go() -> None:
    """In the reader's own thread a limit is enough."""
    source: Any = Silent()
    reader = ByteReader(source)
    reading = reader.read()
    reader.limit_silence(0.01, elsewhere=False, busy=bool)
    assert [(0.01, True)] == source.limits
    reader.limit_silence(0.02, elsewhere=True, busy=bool)
    assert b"a" == next(reading)
    assert not source.woken.wait(0.05)
    reader.limit_silence(0.01, elsewhere=True, busy=bool)
    reader.let_go()
    assert not source.woken.wait(0.05)


def test_a_source_that_was_let_go_is_left_alone() -> None:
    """Its connection may serve another stream by now."""
    source: Any = Silent()
    reader = ByteReader(source)
    reader.let_go()
    reader.abort()
    reader.limit(1)
    assert ([], False) == (source.limits, source.woken.is_set())
    reader.turn_to(source)
    reader.abort()
    assert source.woken.is_set()


def test_a_tee_that_is_a_path_is_opened_here(tmp_path: Path) -> None:
    """Whoever reads closes it at the end; a file that was given stays open."""
    reader, copy = ByteReader(b"abc"), io.BytesIO()
    reader.tee(tmp_path / "copy")
    reader.tee(copy)
    assert [b"abc"] == list(reader.read())
    (opened,) = reader.opened
    opened.close()
    assert b"abc" == (tmp_path / "copy").read_bytes() == copy.getvalue()


# --- The deadline ---------------------------------------------------------------------------


class Limited:
    """A source that keeps the limits that it is given, and fails when it is read."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def limit_time(self, seconds: float) -> None:
        self.limits.append(seconds)

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


def test_every_source_is_given_what_is_left_of_the_deadline() -> None:
    """The first one, and those that are turned to."""
    first, second = Limited(), Limited()
    reader = ByteReader(first)
    assert [] == first.limits
    reader.expire(10)
    reader.turn_to(second)
    reader.turn_to(b"")
    assert 10 >= first.limits[0] >= second.limits[0] > 9
    assert not reader.expired


def test_a_timeout_is_that_of_the_deadline_only_if_it_is_over() -> None:
    """The source's own error is its cause then."""
    late = StreamTimeoutError("late", timeout=1.0)

    def failing() -> Iterator[bytes]:
        yield from ()
        time.sleep(0.01)
        raise late

    for seconds, expected in ((10, "late"), (0.005, "its deadline")):
        reader = ByteReader(failing())
        reader.expire(seconds)
        with pytest.raises(StreamTimeoutError, match=expected) as caught:
            list(reader.read())
        assert late in {caught.value, caught.value.__cause__}


def test_bytes_that_come_after_the_deadline_are_dropped() -> None:
    """A source that lets itself not be limited is looked at after each piece."""
    reader = ByteReader([b"a", b"b"])
    reading = reader.read()
    assert b"a" == next(reading)
    reader.expire(1e-9)
    with pytest.raises(StreamTimeoutError, match=r"not over within 1e-09 s, its deadline") as got:
        next(reading)
    assert 1e-9 == got.value.timeout
