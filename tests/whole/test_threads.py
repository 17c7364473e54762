"""Closing, aborting, cancelling and reading from other threads, at every moment, over real HTTP."""

from __future__ import annotations

import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event as Flag
from threading import get_ident
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.effects import immediate
from stream_core.errors import BadRequestError, StreamTimeoutError
from stream_core.streams.stream import Stream
from stream_core.testing import Fault, Framing, Say, Turn
from tests.support.conversations import Conversation, conversation, get_tides
from tests.support.frames import EventLog, pieces, run, sse, text_delta, whole_run
from tests.support.scripted_control import ScriptedControl
from tests.support.stopping import (
    SOON,
    Doing,
    Waiting,
    calls_a_tool,
    eventually,
    hanging,
    in_thread,
    says,
    sockets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.effects import Flow
    from stream_core.events import Event
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.testing.parts import Part

WAYS = pytest.mark.parametrize("way", ["close", "abort", "cancel"])


class Ends(EventLog):
    """Keeps events, and the threads in which the end came."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def handle(self, event: Event, /) -> None:
        super().handle(event)
        if isinstance(event, events.StreamEnd):
            self.threads.append(get_ident())


def elsewhere(work: Callable[[], object], times: int = 1) -> None:
    """Do WORK in other threads at once, and wait for them; raise what they raised."""
    with ThreadPoolExecutor(times) as executor:
        for done in [executor.submit(work) for _ in range(times)]:
            done.result(SOON)


def check(stream: Stream, log: Ends, thread: int | None = None) -> None:
    """Check that STREAM ended once, in THREAD, and without a failure."""
    assert None is stream.err
    assert ("StreamEnd", 1) == (log.names[-1], log.names.count("StreamEnd"))
    assert [thread or get_ident()] == log.threads
    assert not stream.next()


# --- At every moment ------------------------------------------------------------------------------


@WAYS
def test_before_reading(way: str) -> None:
    """Nobody reads, so it ends in the thread that calls; ``cancel`` reads to the end there."""
    with hanging("alive") as talk:
        log = Ends()
        stream = talk.stream(event_handler=log)
        thread = in_thread(getattr(stream, way))
        ident = thread.ident
        thread.join(SOON)
        check(stream, log, ident)
        assert (way == "cancel") == ("ThreadRunCancelled" in log.names)


@pytest.mark.parametrize("kind", ["chunked", "close", "alive"])
@WAYS
def test_while_the_reader_waits_for_bytes(way: str, kind: str) -> None:
    """It is freed at once; a run that is cancelled is read to its end."""
    with hanging(kind) as talk:
        log, hangs = Ends(), Waiting()
        stream = talk.stream(handlers=[log, hangs])
        took: list[float] = []

        def stop() -> None:
            hangs.hangs.wait(10)
            time.sleep(0.02)  # the reader is returning to the socket
            took.append(time.monotonic())
            getattr(stream, way)()

        thread = in_thread(stop)
        ended = stream.until_done()
        assert time.monotonic() - took[0] < SOON
        thread.join(SOON)
        check(stream, log)
        assert ended is not None
        assert ("cancelled" if way == "cancel" else "in_progress") == ended.status
        # The server was asked only if it was silent for too long.
        assert (way == "cancel" and kind != "alive") == ("StreamRecovered" in log.names)
        for event in log.events:
            if isinstance(event, events.StreamRecovered):
                assert isinstance(event.error, StreamTimeoutError)


@WAYS
def test_in_a_callback(way: str) -> None:
    """The call returns while the callback still runs: it does not wait for the reader."""
    with conversation(says(Say("Hello."))) as talk:
        log = Ends()
        stream = talk.stream(event_handler=log)
        stream.register(Doing(events.MessageTextCreated, lambda: elsewhere(getattr(stream, way))))
        stream.until_done()
        check(stream, log)
        if way != "cancel":
            assert "MessageTextCreated" == log.names[-2]


@WAYS
@pytest.mark.parametrize("with_executor", [False, True])
def test_in_a_tool(way: str, *, with_executor: bool) -> None:
    """The call returns while the tool still runs; nothing is delivered or submitted."""
    with conversation(calls_a_tool) as talk, ThreadPoolExecutor(1) as executor:
        log = Ends()

        def get_tides(port: str) -> str:
            elsewhere(getattr(stream, way))
            return "high"

        settings: dict[str, Any] = {"executor": executor} if with_executor else {}
        stream = talk.stream(tools=[get_tides], event_handler=log, **settings)
        stream.until_done()
        check(stream, log)
        assert "ToolOutput" not in log.names
        assert [] == talk.asked("/submit_tool_outputs")


@WAYS
def test_between_two_rounds(way: str) -> None:
    """The outputs are being submitted; the reader waits for the answer, which is dropped."""
    with conversation(calls_a_tool) as talk:
        talk.server.fail_next(Fault(delay=0.1, only="/submit_tool_outputs"))
        log = Ends()
        stream = talk.stream(tools=[get_tides], event_handler=log)

        def stop() -> None:
            assert eventually(lambda: bool(talk.asked("/submit_tool_outputs")))
            getattr(stream, way)()

        thread = in_thread(stop)
        stream.until_done()
        thread.join(SOON)
        check(stream, log)
        assert (way == "cancel") == ("Done" in log.names)


@WAYS
def test_in_a_recovery(way: str) -> None:
    """The answer that is waited for is dropped; after a cancel it is delivered."""
    with conversation(says(Say("Hello."))) as talk:
        talk.server.fail_next(Fault(cut_after=2000, only="/runs"), Fault(delay=0.1, only="/steps"))
        log = Ends()
        stream = talk.stream(event_handler=log)

        def stop() -> None:
            assert eventually(lambda: talk.server.requests[-1].path.endswith("/steps"))
            getattr(stream, way)()

        thread = in_thread(stop)
        stream.until_done()
        thread.join(SOON)
        check(stream, log)
        assert (way == "cancel") == ("StreamRecovered" in log.names)


@WAYS
def test_between_two_events(way: str) -> None:
    """The loop's body runs, so nobody reads: the other thread ends the stream, or reads on."""
    with conversation(says(Say("Hello."))) as talk:
        log = Ends()
        stream = talk.stream(event_handler=log)
        seen: list[Event] = []
        for event in stream:
            seen.append(event)
            thread = in_thread(getattr(stream, way))
            ident = thread.ident
            thread.join(SOON)
        assert 1 == len(seen)
        check(stream, log, ident)


@WAYS
def test_after_the_end(way: str) -> None:
    """It does nothing, and its connection may serve another stream by now."""
    with conversation(says(Say("Hello."))) as talk:
        log = Ends()
        first = talk.stream(event_handler=log)
        first.until_done()
        second = talk.stream()
        assert second.next()
        elsewhere(getattr(first, way), 3)
        check(first, log)
        assert "completed" == second.get_final_run().status


@WAYS
def test_from_several_threads_at_once(way: str) -> None:
    """It ends once; every call returns."""
    with hanging("alive") as talk:
        log, hangs = Ends(), Waiting()
        stream = talk.stream(handlers=[log, hangs])

        def stop() -> None:
            hangs.hangs.wait(10)
            elsewhere(getattr(stream, way), 5)

        thread = in_thread(stop)
        stream.until_done()
        thread.join(SOON)
        check(stream, log)


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


def test_a_submit_that_is_refused_since_the_run_is_being_cancelled_is_no_failure() -> None:
    """The server may say so before the answer to the cancel has come."""
    with conversation(calls_a_tool) as talk:
        submitted, log = Flag(), Ends()
        talk.server.fail_next(
            Fault(status=400, delay=0.1, only="/submit_tool_outputs"),
            Fault(delay=0.3, only="/cancel"),
        )
        stream = talk.stream(tools=[get_tides], event_handler=log)

        def cancel() -> None:
            submitted.wait(5)
            stream.cancel()

        stream.register(Doing(events.ToolOutput, submitted.set))
        thread = in_thread(cancel)
        stream.until_done()
        thread.join(SOON)
        check(stream, log)


def test_silence_after_a_cancel_counts_from_the_last_bytes() -> None:
    """The reader gets bytes all the time, so the server need not be asked."""

    def speak(_: Turn) -> Iterator[Part]:
        for _number in range(100):
            yield Say("word ")
            time.sleep(0.01)

    with conversation(speak) as talk:
        talk.server.frame_next(Framing(delay=0.02))
        log = Ends()
        stream = talk.stream(event_handler=log)
        hears = Waiting()
        stream.register(hears)

        def cancel() -> None:
            hears.hangs.wait(5)
            stream.cancel()

        thread = in_thread(cancel)
        stream.until_done()
        thread.join(SOON)
        check(stream, log)
        assert "StreamRecovered" not in log.names
        assert "ThreadRunCancelled" in log.names


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
        assert eventually(lambda: bool(stream._turns))
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


# --- Many -----------------------------------------------------------------------------------------


def test_stress() -> None:
    """300 streams from sockets are stopped in every way at random moments, some by two threads.

    Each ends once and returns; nothing is raised; no thread and no socket is left.
    """
    chance = random.Random(11)  # no secret
    running, before = threading.active_count(), sockets()
    data = pieces(whole_run(*(text_delta(letter) for letter in "abcdefghij")), 300)
    begun = time.monotonic()
    for number in range(300):
        here, there = socket.socketpair()
        log = Ends()
        stream = Stream(_Woken(here), log, control=ScriptedControl(cancels=False))
        steps = chance.randint(1, len(data))
        stopping = Flag()
        ways = chance.choices(["close", "abort", "cancel"], k=1 + number % 2)
        threads = [in_thread(partial(_send, there, data[:steps], stopping))]
        for way in ways:
            pause = chance.random() / 1000
            threads.append(in_thread(partial(_stop, getattr(stream, way), stopping, pause)))
        with here, there:
            if number % 3:
                stream.until_done()
            else:
                assert sum(1 for _ in stream) < len(log.names)
            for thread in threads:
                thread.join(SOON)
                assert not thread.is_alive()
        assert None is stream.err, number
        assert ("StreamEnd", 1) == (log.names[-1], log.names.count("StreamEnd")), number
    assert time.monotonic() - begun < 5 * SOON
    assert threading.active_count() <= running
    assert eventually(lambda: before == sockets())


class _Woken:
    """A socket as a source that can be woken, as a client's can."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._socket.recv(65536):
            yield chunk

    def abort(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _send(sock: socket.socket, data: list[bytes], then: Flag) -> None:
    """Send DATA, then set a flag and leave the connection open."""
    with suppress(OSError):
        for piece in data:
            sock.sendall(piece)
    then.set()


def _stop(stop: Callable[[], object], when: Flag, pause: float) -> None:
    """Call STOP a moment after a flag was set."""
    when.wait(5)
    time.sleep(pause)
    stop()


def test_every_step_of_a_conversation_may_be_the_last() -> None:
    """A run with a tool round is aborted from another thread after each of its events in turn."""
    with conversation(calls_a_tool) as talk:
        names = _events_until(talk, None)
        for count in range(1, len(names), 4):
            assert [*names[:count], "StreamEnd"] == _events_until(talk, count)


def _events_until(talk: Conversation, count: int | None) -> list[str]:
    """Return the names of the events of a new run that is aborted after so many."""
    log = Ends()
    thread = talk.client.threads.create(messages=[{"role": "user", "content": "Tides?"}])
    stream = talk.client.threads.runs.stream(
        thread.id, assistant_id=talk.assistant_id, tools=[get_tides], event_handler=log
    )

    class Counting:
        def handle(self, event: Event, /) -> None:
            if len(log.names) == count:
                elsewhere(stream.abort)

    stream.register(Counting())
    stream.until_done()
    check(stream, log)
    return log.names
