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
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events
from stream_core.errors import StreamTimeoutError
from stream_core.streams.stream import Stream
from stream_core.testing import Fault, Framing, Say, Turn
from tests.support.conversations import Conversation, conversation, get_tides
from tests.support.frames import pieces, text_delta, whole_run
from tests.support.scripted_control import ScriptedControl
from tests.support.stopping import (
    SOON,
    Doing,
    Ends,
    Waiting,
    calls_a_tool,
    check,
    elsewhere,
    eventually,
    hanging,
    in_thread,
    says,
    sockets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.events import Event
    from stream_core.testing.parts import Part

WAYS = pytest.mark.parametrize("way", ["close", "abort", "cancel"])


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
        threads: list[int | None] = []
        for _ in stream:
            thread = in_thread(getattr(stream, way))
            threads.append(thread.ident)
            thread.join(SOON)
        (ident,) = threads
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
