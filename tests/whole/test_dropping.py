"""Streams that are dropped half read: ended at once, by reference count, over real sockets."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from handlers import EventHandler
from stream_core import events, models
from stream_core.streams.stream import Stream
from stream_core.testing import Fault, Say
from tests import ROOT
from tests.support.conversations import conversation, get_tides
from tests.support.frames import EventLog, run, sse, text_delta, whole_run
from tests.support.stopping import calls_a_tool, eventually, hanging, says, sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWER = whole_run(*(text_delta(letter) for letter in "abc"))


@contextmanager
def without_gc() -> Iterator[None]:
    """Collect no garbage: what is freed here is freed by its reference count."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def read_some(stream: Stream) -> None:
    """Read two events."""
    assert stream.next()
    assert stream.next()


def read_by_for(stream: Stream) -> None:
    """Leave a loop."""
    for event in stream:
        if isinstance(event, events.ThreadRunCreated):
            break


def read_text_deltas(stream: Stream) -> None:
    """Leave an iterator of text."""
    assert next(iter(stream.text_deltas))


def read_text(stream: Stream) -> None:
    """Read a part of a piece, so that something is left of it."""
    assert stream.text.read(1)


def fail_to_read(stream: Stream) -> None:
    """Read from a callback; the error refers to frames that refer to the stream."""
    seen: list[str] = []

    class Reading:
        def handle(self, event: events.Event, /) -> None:
            other = weak()
            if other is not None and not seen:
                try:
                    other.next()
                except RuntimeError as error:
                    seen.append(str(error))

    weak = weakref.ref(stream)
    stream.register(Reading())
    assert stream.next()
    assert 1 == len(seen)


READS = pytest.mark.parametrize(
    "read", [read_some, read_by_for, read_text_deltas, read_text, fail_to_read]
)


@READS
@pytest.mark.parametrize("kind", ["alive", "close"])
def test_a_dropped_stream_gives_its_socket_back_at_once(
    read: Callable[[Stream], None], kind: str
) -> None:
    """``on_end`` runs once, without the garbage collector; the warning says what to do."""
    with hanging(kind) as talk, without_gc():
        before, log = sockets(), EventLog()
        stream = talk.stream(event_handler=log)
        read(stream)
        weak = weakref.ref(stream)
        with pytest.warns(ResourceWarning, match=r"dropped before its end: .* close\(\) it"):
            del stream
        assert (None, 1, "StreamEnd") == (weak(), log.names.count("StreamEnd"), log.names[-1])
        # The idle connection for other requests may stay.
        assert eventually(lambda: sockets() <= before)


def test_a_stream_that_was_not_read_gives_its_socket_back_too() -> None:
    """It is dropped with its connection."""
    with hanging("alive") as talk, without_gc():
        before, log = sockets(), EventLog()
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            talk.stream(event_handler=log)
        assert ["StreamEnd"] == log.names
        assert eventually(lambda: sockets() <= before)


def broken(port: str) -> str:
    """Fail."""
    raise OSError(f"no ship at {port}")


@pytest.mark.parametrize("tool", [get_tides, broken])
def test_a_stream_is_dropped_after_a_round_of_tools(tool: Callable[..., str]) -> None:
    """Neither the round nor what a tool raised in it keeps it."""
    tool.__name__ = "get_tides"
    with conversation(calls_a_tool) as talk, without_gc():
        log = EventLog()
        stream = talk.stream(tools=[tool], event_handler=log)
        while "ToolOutput" not in log.names or not stream.message_delta_text():
            assert stream.next()
        weak = weakref.ref(stream)
        log.events.clear()
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            del stream
        assert (None, ["StreamEnd"]) == (weak(), log.names)


def test_a_stream_is_dropped_after_a_recovery() -> None:
    """The failure that it recovered from does not keep it."""
    with conversation(says(Say("Hello."))) as talk, without_gc():
        talk.server.fail_next(Fault(cut_after=2000, only="/runs"))
        log = EventLog()
        stream = talk.stream(event_handler=log)
        while "StreamRecovered" not in log.names:
            assert stream.next()
        weak = weakref.ref(stream)
        log.events.clear()
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            del stream
        assert (None, ["StreamEnd"]) == (weak(), log.names)


def test_what_on_end_raises_then_goes_to_the_unraisable_hook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody else could get it."""
    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: raised.append(args.exc_value))

    class Ending(EventHandler):
        def on_end(self) -> None:
            raise LookupError("mine")

    stream = Stream([ANSWER], Ending())
    assert stream.next()
    with pytest.warns(ResourceWarning):
        del stream
    assert ["LookupError('mine')"] == [repr(error) for error in raised]
    assert ["raised by Ending.on_end for event stream.end"] == raised[0].__notes__


def test_a_warning_that_is_an_error_keeps_no_stream_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With ``-W error`` it goes the same way."""
    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: raised.append(args.exc_value))
    log = EventLog()
    stream = Stream([ANSWER], log)
    assert stream.next()
    del stream
    assert ["StreamEnd"] == log.names[-1:]
    assert [ResourceWarning] == [type(error) for error in raised]


@pytest.mark.parametrize(
    "end", [lambda stream: stream.close(), lambda stream: stream.abort(), Stream.until_done]
)
def test_a_stream_that_has_ended_is_dropped_in_silence(end: Callable[[Stream], object]) -> None:
    """``on_end`` came before."""
    log = EventLog()
    stream = Stream([ANSWER], log)
    assert stream.next()
    end(stream)
    del stream
    assert 1 == log.names.count("StreamEnd")


def test_a_stream_that_holds_nothing_and_was_not_read_is_dropped_in_silence() -> None:
    """It is as if it had not been made; so is one that could not be made."""
    log = EventLog()
    Stream(ANSWER, log)
    with pytest.raises(TypeError):
        Stream(io.StringIO(), log)  # type: ignore[arg-type]  # the mistake
    not_a_handler: Any = 5
    with pytest.raises(TypeError):
        Stream(io.BytesIO(), not_a_handler)
    assert [] == log.names


def test_a_loop_that_was_left_may_be_taken_up_again() -> None:
    """The stream is its own iterator; only one that nobody has any more is ended."""
    stream = Stream([ANSWER])
    read_by_for(stream)
    assert "abc" == "".join(stream.text_deltas)


def test_the_rest_of_a_text_is_there_for_the_next_reader() -> None:
    """The stream keeps it, though it does not keep the reader."""
    stream = Stream(whole_run(text_delta("Hello")))
    assert ["H", "e", "llo"] == [stream.text.read(1), stream.text.read(1), stream.text.read()]


def test_a_text_keeps_its_stream() -> None:
    """It is enough to hold the text."""
    text = Stream([ANSWER]).text
    assert "abc" == text.read()


PROGRAM = """
import sys
from handlers import EventHandler
from stream_core import Stream

class Ending(EventHandler):
    def on_end(self):
        print("end")

stream = Stream(open(sys.argv[1], "rb"), Ending())
for event in stream:
    break
"""


def test_at_the_exit_of_the_interpreter_a_drop_is_harmless(tmp_path: Any) -> None:
    """The end still comes; nothing is written to stderr, and the status is 0."""
    path = tmp_path / "run.sse"
    path.write_bytes(ANSWER)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("end\n", "") == (done.stdout, done.stderr)


def test_a_cycle_of_the_users_is_left_to_the_garbage_collector() -> None:
    """Then the stream is ended there."""
    log = EventLog()
    stream = Stream([sse(run("created"))], log)
    stream.register(_Holding(stream))
    assert stream.next()
    del stream
    assert "StreamEnd" not in log.names
    with pytest.warns(ResourceWarning):
        gc.collect()
    assert ["StreamEnd"] == log.names[-1:]


class _Holding(EventHandler):
    """Refers to its stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.runs: list[models.Run] = []
