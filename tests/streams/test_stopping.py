"""Stopping a stream, and who reads it, with sources of the tests' own.

The same over real HTTP is in whole/test_threads.py and whole/test_stopping.py.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from typing import TYPE_CHECKING

import pytest

from stream_core import events, models
from stream_core.effects import immediate
from stream_core.errors import BadRequestError
from stream_core.streams.stream import Stream
from tests.support.frames import pieces, run, sse, text_delta, whole_run
from tests.support.scripted_control import ScriptedControl
from tests.support.stopping import SOON, Doing, Ends, check, elsewhere, eventually, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.effects import Flow
    from stream_core.snapshots.stream_state import Snapshots


def test_a_cancel_before_the_run_is_known_is_done_by_the_reader() -> None:
    """The call returns None; the reader cancels the run as soon as it is known."""
    speak, waits = Flag(), Flag()

    def source() -> Iterator[bytes]:
        waits.set()
        speak.wait(5)
        yield sse(run("created"))
        yield sse(run("in_progress"), run("cancelled"), ("done", "[DONE]"))

    log, control, found = Ends(), ScriptedControl(), []
    stream = Stream(source(), log, control=control)

    def cancel() -> None:
        waits.wait(5)
        found.append(stream.cancel())
        speak.set()

    thread = in_thread(cancel)
    stream.until_done()
    thread.join(SOON)
    assert [None] == found
    assert ["find", "find", "cancel run_1"] == control.asked
    check(stream, log)


def test_a_cancel_before_the_run_is_known_may_find_none() -> None:
    """It is also possible in a callback, in which the run is not known yet either."""
    control = ScriptedControl()
    stream = Stream(
        sse(("thread.created", {"id": "t"}), run("created"), run("completed")), control=control
    )
    stream.register(Doing(events.ThreadCreated, stream.cancel))
    assert "completed" == stream.get_final_run().status
    assert ["find", "find", "cancel run_1"] == control.asked


def test_a_cancel_of_a_run_that_cannot_be_found_is_none() -> None:
    """The control knows which run is meant, or that none is."""

    class Forgetful(ScriptedControl):
        def find(self, snapshots: Snapshots) -> Flow[models.Run | None]:
            del snapshots
            self.asked.append("find")
            return immediate(None)

    control = Forgetful()
    stream = Stream(sse(run("created"), run("completed")), control=control)
    stream.register(Doing(events.ThreadRunCreated, stream.cancel))
    assert "completed" == stream.get_final_run().status
    assert ["find", "find"] == control.asked


def test_a_cancel_that_only_closing_does_closes() -> None:
    """This is so for a run that lasts only as long as its connection, from any thread."""
    log = Ends()
    stream = Stream(
        pieces(whole_run(text_delta("a")), 99), log, control=ScriptedControl(cancels=False)
    )
    stream.register(Doing(events.MessageTextDelta, lambda: elsewhere(stream.cancel)))
    stream.until_done()
    check(stream, log)
    assert "MessageTextDelta" == log.names[-2]


# --- A second reader ------------------------------------------------------------------------------


READS: dict[str, Callable[[Stream], object]] = {
    "next": lambda stream: stream.next(),
    "for": next,
    "until_done": lambda stream: stream.until_done(),
    "text": lambda stream: stream.text.read(),
    "text_deltas": lambda stream: next(iter(stream.text_deltas)),
    "final": lambda stream: stream.get_final_messages(),
}


@pytest.mark.parametrize("first", ["next", "until_done", "text", "text_deltas"])
@pytest.mark.parametrize("second", READS)
def test_a_second_reader_is_told_what_to_do(first: str, second: str) -> None:
    """The first one reads on, whichever way either reads."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sse(run("created")))
        stream = Stream(here.makefile("rb", buffering=0))
        assert stream.next()
        reader = in_thread(lambda: READS[first](stream))
        assert eventually(lambda: stream._turns.mark is not None)
        with pytest.raises(RuntimeError, match="one reader at a time; register several handlers"):
            READS[second](stream)
        there.sendall(sse(text_delta("a"), run("completed")))
        there.shutdown(socket.SHUT_WR)
        reader.join(SOON)
        assert not reader.is_alive()
        assert "completed" == stream.get_final_run().status


def test_threads_may_take_turns() -> None:
    """Each call is a turn of its own, as with ``asyncio.to_thread(stream.next)``."""
    stream = Stream(whole_run(*(text_delta(letter) for letter in "abc")))
    while True:
        with ThreadPoolExecutor(1) as executor:
            if not executor.submit(stream.next).result():
                break
    assert "completed" == stream.get_final_run().status


def test_a_reader_waits_while_a_cancel_reads() -> None:
    """The stream is read to its end by the one, and the other finds it there."""
    began, go_on = Flag(), Flag()

    def wait() -> None:
        began.set()
        go_on.wait(5)

    log = Ends()
    cancelled = sse(run("created"), run("cancelling"), run("cancelled"))
    stream = Stream(
        cancelled, log, Doing(events.ThreadRunCancelling, wait), control=ScriptedControl()
    )
    assert stream.next()
    thread = in_thread(stream.cancel)
    reads = thread.ident
    began.wait(5)
    threading.Timer(0.02, go_on.set).start()
    assert not stream.next()
    thread.join(SOON)
    check(stream, log, reads)


@pytest.mark.parametrize("read", [Stream.next, Stream.until_done])
def test_a_reader_that_comes_while_another_thread_ends_the_stream_finds_the_end(
    read: Callable[[Stream], object],
) -> None:
    """It is no second reader: it waits until ``on_end`` is over."""
    began, go_on, log = Flag(), Flag(), Ends()

    def wait() -> None:
        began.set()
        go_on.wait(5)

    stream = Stream(sse(run("created"), run("queued")), log, Doing(events.StreamEnd, wait))
    assert stream.next()
    thread = in_thread(stream.close)
    ident = thread.ident
    began.wait(5)
    threading.Timer(0.02, go_on.set).start()
    assert not isinstance(read(stream), bool) or not stream.event
    assert go_on.is_set()
    thread.join(SOON)
    check(stream, log, ident)


def test_a_close_while_a_cancel_is_refused_ends_the_stream() -> None:
    """The cancel had its turn, but did not come to read."""

    class Refusing(ScriptedControl):
        def cancel(self, run: models.Run) -> Flow[bool]:
            elsewhere(stream.close)
            yield from ()
            raise BadRequestError(f"no: {run.id}", status_code=400)

    log = Ends()
    stream = Stream(sse(run("created"), run("queued")), log, control=Refusing())
    assert stream.next()
    with pytest.raises(BadRequestError):
        stream.cancel()
    check(stream, log)
