"""Closing, aborting, cancelling and Ctrl-C, over real HTTP, mostly with a server that hangs.

Times are measured, but asserted generously: 0.5 s are promised on a quiet machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import pytest

from handlers import EventHandler
from stream_core import events, models
from stream_core.errors import BadRequestError, StreamTimeoutError
from stream_core.streams.stream import Stream
from stream_core.testing import Fault, Framing, Say, Turn
from tests import ROOT
from tests.support.conversations import conversation, get_tides
from tests.support.frames import EventLog, run, sse
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

    from stream_core.events import Event
    from stream_core.testing.parts import Part


KINDS = pytest.mark.parametrize("kind", ["chunked", "close", "alive"])


# --- close --------------------------------------------------------------------------------------


@KINDS
def test_leaving_the_block_ends_the_reading_but_not_the_run(kind: str) -> None:
    """This is the documented default: the run continues to its own end."""
    with hanging(kind) as talk:
        with talk.stream() as stream:
            assert stream.next()
        assert not stream.next()
        assert None is stream.err
        assert [] == talk.asked("/cancel")
        assert "in_progress" == talk.run.status


def test_a_tool_may_close_the_stream() -> None:
    """Its output is not delivered, nothing is submitted, and the end comes last."""
    log = EventLog()
    with conversation(calls_a_tool) as talk:

        def get_tides(port: str) -> str:
            stream.close()
            return "high"

        stream = talk.stream(tools=[get_tides], event_handler=log)
        waiting = stream.until_done()
        assert [] == talk.asked("/submit_tool_outputs")
    assert waiting is not None
    assert "requires_action" == waiting.status
    assert ["RunStepToolCallDone", "StreamEnd"] == log.names[-2:]


def test_a_callback_of_a_round_may_close_the_stream() -> None:
    """That event is the last one, and nothing is submitted."""
    with conversation(calls_a_tool) as talk:
        stream = talk.stream(tools=[get_tides])
        log = Doing(events.ToolOutput, stream.close)
        stream.register(log)
        stream.until_done()
        assert [] == talk.asked("/submit_tool_outputs")
    assert ["ToolOutput", "StreamEnd"] == log.names[-2:]
    assert None is stream.err


def test_a_callback_of_a_recovery_may_close_the_stream() -> None:
    """The report is the last event."""
    with conversation(says(Say("Hello."))) as talk:
        talk.server.fail_next(Fault(cut_after=2000, only="/runs"))
        stream = talk.stream()
        log = Doing(events.StreamRecovered, stream.close)
        stream.register(log)
        stream.until_done()
    assert ["StreamRecovered", "StreamEnd"] == log.names[-2:]


@pytest.mark.parametrize("read", [lambda stream: stream.next(), lambda stream: stream.until_done()])
def test_a_tool_cannot_read_the_stream(read: Callable[[Stream], object]) -> None:
    """It would wait for itself; the error is the tool's."""
    with conversation(calls_a_tool) as talk:

        def get_tides(port: str) -> str:
            return str(read(stream))

        stream = talk.stream(tools=[get_tides])
        assert "completed" == stream.get_final_run().status
        (body,) = talk.asked("/submit_tool_outputs")
    (output,) = body["tool_outputs"]
    assert output["output"].startswith("RuntimeError: a callback or tool cannot read the stream")


# --- abort --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chunked", "close", "alive", "mute"])
def test_abort_frees_a_reader_at_once(
    kind: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """It comes from another thread while the server hangs; the run continues, and nothing fails."""
    with hanging(kind) as talk:
        log, took = Waiting(), []
        stream = talk.stream(event_handler=log)

        def abort() -> None:
            if kind == "mute":
                time.sleep(0.05)
            else:
                log.hangs.wait(10)
                time.sleep(0.02)  # the reader is returning to the socket
            took.append(time.monotonic())
            stream.abort()

        thread = in_thread(abort)
        stream.until_done()
        seconds = time.monotonic() - took[0]
        thread.join()
        assert [] == talk.asked("/cancel")
    record_testsuite_property(f"abort, {kind}", f"{seconds:.3f} s")
    assert seconds < SOON
    assert None is stream.err
    assert 1 == log.names.count("StreamEnd")
    assert "StreamEnd" == log.names[-1]
    assert 0 == log.names.count("StreamException")


def test_abort_may_be_called_by_a_signal_handler() -> None:
    """The reader is in the same thread, waiting."""
    with hanging("alive") as talk:
        stream = talk.stream()
        old = signal.signal(signal.SIGALRM, lambda *_: stream.abort())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            begun = time.monotonic()
            stream.until_done()
            assert time.monotonic() - begun < SOON
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
    assert None is stream.err


def test_abort_in_a_callback_is_a_close() -> None:
    """Every handler gets the event, and it is the last one although more bytes have come."""
    with conversation(says(Say("Hello."))) as talk:
        stream = talk.stream()
        log, other = Doing(events.ThreadRunQueued, stream.abort), EventLog()
        stream.register(log, other)
        stream.until_done()
    assert ["ThreadRunCreated", "ThreadRunQueued", "StreamEnd"] == log.names == other.names


@pytest.mark.parametrize("way", ["close", "abort"])
def test_a_stream_that_nobody_reads_ends_at_once(way: str) -> None:
    """Handlers get the end in this thread, and the socket is given back."""
    with hanging() as talk:
        log, before = EventLog(), sockets()
        stream = talk.stream(event_handler=log)
        for _ in range(2):
            getattr(stream, way)()
            assert ["StreamEnd"] == log.names
        assert eventually(lambda: sockets() <= before)
        assert not stream.next()


def test_abort_between_two_events_delivers_no_more() -> None:
    """Even events of bytes that were read already are dropped."""
    log = EventLog()
    stream = Stream(sse(run("created"), run("queued"), run("completed")), log)
    assert stream.next()
    stream.abort()
    assert not stream.next()
    assert ["ThreadRunCreated", "StreamEnd"] == log.names


def test_abort_twice_or_after_the_end_does_nothing() -> None:
    """It does not free a connection that by now serves another stream."""
    with conversation(says(Say("Hello."))) as talk:
        first = talk.stream()
        first.until_done()
        connections = talk.server.connections
        second = talk.stream()
        assert second.next()
        assert connections == talk.server.connections  # it is the same connection
        first.abort()
        first.abort()
        assert "completed" == second.get_final_run().status
        second.abort()


def test_abort_ends_a_source_without_abort_at_its_next_bytes() -> None:
    """A generator cannot be woken."""
    log = EventLog()
    frames = [sse(run("created")), sse(run("queued"))]

    def source() -> Iterator[bytes]:
        yield frames[0]
        stream.abort()  # as from another thread
        yield frames[1]

    stream = Stream(source(), log)
    assert stream.next()
    assert not stream.next()
    assert None is stream.err
    assert "StreamEnd" == log.names[-1]


def test_abort_ends_the_wait_for_a_run(record_testsuite_property: Any) -> None:
    """The connection was lost, and the run takes its time."""
    thinking = Flag()

    def respond(_: Turn) -> Iterator[Part]:
        yield Say("Well")
        thinking.wait(20)

    with conversation(respond) as talk:
        talk.server.fail_next(Fault(cut_after=3000, only="/runs"))
        log, took = EventLog(), []
        stream = talk.stream(event_handler=log)

        def abort() -> None:
            assert eventually(lambda: sum(x.method == "GET" for x in talk.server.requests) > 2)
            took.append(time.monotonic())
            stream.abort()

        thread = in_thread(abort)
        stream.until_done()
        seconds = time.monotonic() - took[0]
        thread.join()
        thinking.set()
    record_testsuite_property("abort while waiting for a run", f"{seconds:.3f} s")
    assert seconds < SOON
    assert None is stream.err
    assert 0 == log.names.count("StreamException") == log.names.count("StreamRecovered")


def test_abort_while_the_server_is_asked_delivers_nothing() -> None:
    """The reader waits for the answer, and ignores it."""
    with conversation(says(Say("Hello."))) as talk:
        talk.server.fail_next(Fault(cut_after=2000, only="/runs"), Fault(delay=0.2, only="/steps"))
        log = EventLog()
        stream = talk.stream(event_handler=log)

        def abort() -> None:
            assert eventually(lambda: talk.server.requests[-1].path.endswith("/steps"))
            stream.abort()

        thread = in_thread(abort)
        stream.until_done()
        thread.join()
    assert None is stream.err
    assert 0 == log.names.count("StreamRecovered")


def test_abort_while_a_tool_runs_delivers_and_submits_nothing() -> None:
    """The reader waits for the tool."""
    running, aborted = Flag(), Flag()
    log = EventLog()

    def get_tides(port: str) -> str:
        running.set()
        aborted.wait(10)
        return "high"

    with conversation(calls_a_tool) as talk:
        stream = talk.stream(tools=[get_tides], event_handler=log)

        def abort() -> None:
            running.wait(10)
            stream.abort()
            aborted.set()

        thread = in_thread(abort)
        stream.until_done()
        thread.join()
        assert [] == talk.asked("/submit_tool_outputs")
    assert 0 == log.names.count("ToolOutput") == log.names.count("Done")
    assert None is stream.err


def test_abort_while_outputs_are_submitted_leaves_no_socket() -> None:
    """The reader waits for the request; its reply is closed unread."""
    log, before = EventLog(), sockets()
    with conversation(calls_a_tool) as talk:
        talk.server.fail_next(Fault(delay=0.2, only="/submit_tool_outputs"))
        stream = talk.stream(tools=[get_tides], event_handler=log)

        def abort() -> None:
            assert eventually(lambda: bool(talk.asked("/submit_tool_outputs")))
            stream.abort()

        thread = in_thread(abort)
        stream.until_done()
        thread.join()
    assert ["ToolOutput", "StreamEnd"] == log.names[-2:]
    assert None is stream.err
    assert eventually(lambda: before == sockets())


# --- cancel -------------------------------------------------------------------------------------


@KINDS
def test_cancel_ends_a_run_whose_server_hangs(kind: str, record_testsuite_property: Any) -> None:
    """The events up to then are delivered, and then the cancelled run."""
    with hanging(kind) as talk:
        log = Waiting()
        stream = talk.stream(event_handler=log)
        while not log.hangs.is_set():
            assert stream.next()
        begun = time.monotonic()
        cancelled = stream.cancel()
        seconds = time.monotonic() - begun
        assert cancelled is not None
        assert "cancelled" == cancelled.status == talk.run.status
        assert 1 == len(talk.asked("/cancel"))
    record_testsuite_property(f"cancel, {kind}", f"{seconds:.3f} s")
    assert seconds < SOON
    assert None is stream.err
    for name in ("ThreadRunCancelled", "ThreadMessageIncomplete", "RunDone", "Done", "StreamEnd"):
        assert 1 == [type(event).__name__ for event in log.events].count(name), name
    # If the connection lives, the server sends it; if it is silent, the server is asked.
    assert (kind != "alive") == ("StreamRecovered" in log.names)


def test_cancel_asks_a_server_that_then_falls_silent(record_testsuite_property: Any) -> None:
    """The connection lives, but brings nothing more."""
    with conversation(says(Say("Well")), timeout=(5, 20)) as talk:
        talk.server.frame_next(Framing(delay=10))
        log = EventLog()
        stream = talk.stream(event_handler=log)
        assert stream.next()
        begun = time.monotonic()
        cancelled = stream.cancel()
        seconds = time.monotonic() - begun
        assert cancelled is not None
        assert "cancelled" == cancelled.status
    record_testsuite_property("cancel, silent from then on", f"{seconds:.3f} s")
    assert seconds < SOON
    (report,) = [x for x in log.events if isinstance(x, events.StreamRecovered)]
    assert isinstance(report.error, StreamTimeoutError)
    assert 0.2 == report.error.timeout


def test_cancel_before_the_first_byte_ends_the_run_with_the_key() -> None:
    """No event of the run has come."""
    with hanging("mute") as talk:
        stream = talk.stream(run_keys=True)
        begun = time.monotonic()
        cancelled = stream.cancel()
        assert time.monotonic() - begun < SOON
        assert cancelled is not None
        assert "cancelled" == cancelled.status == talk.run.status


def test_cancel_of_a_run_on_an_unknown_thread_reads_until_it_knows() -> None:
    """The run is that of the first event that has one."""
    with hanging("alive") as talk:
        stream = talk.client.threads.create_and_run_stream(assistant_id=talk.assistant_id)
        cancelled = stream.cancel()
        assert cancelled is not None
        assert "cancelled" == cancelled.status


def test_cancel_in_a_callback_lets_the_stream_read_on() -> None:
    """It returns the run as it is at that moment."""
    with hanging("alive") as talk:
        seen: list[models.Run | None] = []
        log = Doing(events.MessageTextDelta, lambda: seen.append(stream.cancel()))
        stream = talk.stream(event_handler=log)
        cancelled = stream.until_done()
        assert cancelled is not None
        assert "cancelled" == cancelled.status == talk.run.status
    assert ["in_progress"] == [x.status for x in seen if x is not None]
    assert "cancelling" in [event.event.rpartition(".")[2] for event in log.events]


@pytest.mark.parametrize("event_class", [events.ThreadRunRequiresAction, events.ToolOutput])
def test_cancel_in_a_round_submits_nothing(event_class: type[Event]) -> None:
    """A cancelled run takes no outputs."""
    ran = []

    def get_tides(port: str) -> str:
        ran.append(port)
        return "high"

    with conversation(calls_a_tool) as talk:
        stream = talk.stream(tools=[get_tides])
        log = Doing(event_class, stream.cancel)
        stream.register(log)
        waiting = stream.until_done()
        assert "cancelled" == talk.run.status
        assert [] == talk.asked("/submit_tool_outputs")
    assert waiting is not None
    assert "requires_action" == waiting.status  # as of the latest event
    assert ["Done", "StreamEnd"] == log.names[-2:]
    assert ["Porto"] * (event_class is events.ToolOutput) == ran


def test_a_tool_may_cancel_the_run() -> None:
    """Its output is not delivered, and nothing is submitted."""
    with conversation(calls_a_tool) as talk:
        seen: list[models.Run | None] = []

        def get_tides(port: str) -> str:
            seen.append(stream.cancel())
            return "high"

        log = EventLog()
        stream = talk.stream(tools=[get_tides], event_handler=log)
        stream.until_done()
        assert "cancelled" == talk.run.status
        assert [] == talk.asked("/submit_tool_outputs")
    assert 1 == len(seen)
    assert 0 == log.names.count("ToolOutput")
    assert ["Done", "StreamEnd"] == log.names[-2:]


def test_cancel_after_the_end_or_a_second_time_asks_nothing() -> None:
    """The run has ended already."""
    with conversation(says(Say("Hello."))) as talk:
        stream = talk.stream()
        ended = stream.get_final_run()
        asked = len(talk.server.requests)
        assert ended is stream.cancel() is stream.cancel()
        assert asked == len(talk.server.requests)


def test_cancel_of_a_run_that_waits_ends_it() -> None:
    """Its stream is over: the run is that of the latest event."""
    with conversation(calls_a_tool) as talk:
        stream = talk.stream()
        stream.until_done()
        waiting = stream.cancel()
        assert waiting is not None
        assert ("requires_action", "cancelled") == (waiting.status, talk.run.status)


def test_a_run_that_completed_meanwhile_stays_completed() -> None:
    """The server answers that it is too late, and the rest is read."""
    with conversation(says(Say("Hello."))) as talk:
        log = EventLog()
        stream = talk.stream(event_handler=log)
        assert stream.next()
        assert eventually(lambda: talk.run.status == "completed")
        ended = stream.cancel()
        assert ended is not None
        assert "completed" == ended.status
        assert 1 == len(talk.asked("/cancel"))
    assert 0 == log.names.count("StreamRecovered")
    assert ["Hello."] == [message.text for message in stream.get_final_messages()]


def test_a_cancel_that_is_refused_is_an_error() -> None:
    """The stream can still be read."""
    with hanging("alive") as talk:
        stream = talk.stream()
        assert stream.next()
        talk.server.fail_next(Fault(status=400, only="/cancel"))
        with pytest.raises(BadRequestError):
            stream.cancel()
        assert stream.next()
        stream.close()


def test_cancel_without_recovery_waits_for_the_server() -> None:
    """With recover=False, the connection's failure is raised, here a timeout."""
    with hanging("chunked", timeout=(5, 0.3)) as talk:
        stream = talk.stream(recover=False)
        assert stream.next()
        with pytest.raises(StreamTimeoutError):
            stream.cancel()
        assert eventually(lambda: talk.run.status == "cancelled")


def test_a_stream_without_a_client_cannot_be_cancelled() -> None:
    """The error states what can be done instead."""
    stream = Stream(sse(run("created")))
    with pytest.raises(RuntimeError, match=r"only a stream made by a Client .* use close\(\)"):
        stream.cancel()


# --- Ctrl-C -------------------------------------------------------------------------------------

PROGRAM = """
import os, sys
from stat import S_ISSOCK
from handlers import EventHandler
from stream_core import Client

def sockets():
    return sum(os.path.exists(f"/proc/self/fd/{x}") and S_ISSOCK(os.fstat(x).st_mode)
               for x in range(100))

class Hanging(EventHandler):
    def on_text_delta(self, delta, snapshot):
        print("hangs", flush=True)
    def on_end(self):
        print("end", flush=True)

url, thread_id, assistant_id, cancel = sys.argv[1:]
with Client("any", url) as client:
    stream = client.threads.runs.stream(
        thread_id, assistant_id=assistant_id, event_handler=Hanging(),
        cancel_on_interrupt=cancel == "cancel",
    )
    try:
        stream.until_done()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    if cancel != "cancel":
        print(sockets(), flush=True)
if cancel == "cancel":
    print(sockets(), flush=True)
"""


@KINDS
@pytest.mark.parametrize("cancel", ["cancel", "leave"])
def test_ctrl_c_leaves_no_socket_and_if_asked_no_run(
    kind: str, cancel: str, record_testsuite_property: Any
) -> None:
    """A real SIGINT goes to a program that reads from a server that hangs."""
    with hanging(kind) as talk:
        program = subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM, talk.server.base_url),
                *(talk.thread_id, talk.assistant_id, cancel),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        with program:
            assert program.stdout is not None
            assert "hangs\n" == program.stdout.readline()
            time.sleep(0.02)  # the reader is returning to the socket
            begun = time.monotonic()
            program.send_signal(signal.SIGINT)
            lines = [program.stdout.readline() for _ in range(2)]
            seconds = time.monotonic() - begun
            assert ["end\n", "interrupted\n"] == lines
            assert "0\n" == program.stdout.readline()
        assert 0 == program.returncode
        if cancel == "cancel":
            assert eventually(lambda: talk.run.status == "cancelled")
        else:
            assert [] == talk.asked("/cancel")
            assert "in_progress" == talk.run.status
    record_testsuite_property(f"Ctrl-C, {kind}, {cancel}", f"{seconds:.3f} s")
    assert seconds < SOON


class Interrupting(EventHandler):
    """Raises KeyboardInterrupt in a callback."""

    def on_run_created(self, run: models.Run) -> None:
        raise KeyboardInterrupt

    def on_run_done(self, run: models.Run) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_in_a_callback_cancels_too() -> None:
    """The exception leaves unchanged."""
    with hanging("alive") as talk:
        stream = talk.stream(event_handler=Interrupting(), cancel_on_interrupt=True)
        with pytest.raises(KeyboardInterrupt) as caught:
            stream.until_done()
        assert not hasattr(caught.value, "__notes__")
        assert eventually(lambda: talk.run.status == "cancelled")


@pytest.mark.parametrize("run_keys", [True, False])
def test_ctrl_c_before_the_first_byte_cancels_the_run_with_the_key(*, run_keys: bool) -> None:
    """Otherwise the thread would stay locked; without a key no run is taken for it."""
    with hanging("mute") as talk:
        stream = talk.stream(cancel_on_interrupt=True, run_keys=run_keys)
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                stream.until_done()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        if run_keys:
            assert eventually(lambda: talk.run.status == "cancelled")
        else:
            assert [] == talk.asked("/cancel")


def test_ctrl_c_does_not_wait_for_a_run_that_cannot_be_cancelled() -> None:
    """A failure to cancel becomes a note; KeyboardInterrupt is more urgent."""
    with hanging("alive") as talk:
        talk.server.fail_next(Fault(status=500, only="/cancel"))
        stream = talk.stream(event_handler=Interrupting(), cancel_on_interrupt=True)
        with pytest.raises(KeyboardInterrupt) as caught:
            stream.until_done()
        (note,) = caught.value.__notes__
        assert note.startswith("cancelling the run failed too: the server answered 500")
        assert None is stream.err


@pytest.mark.parametrize("known", [True, False], ids=["ended", "unknown"])
def test_ctrl_c_cancels_nothing_if_nothing_runs(*, known: bool) -> None:
    """The run has ended, or it is unknown which one it is."""

    class Handler(EventHandler):
        def on_run_done(self, run: models.Run) -> None:
            raise KeyboardInterrupt

        def on_unknown_event(self, event: events.UnknownEvent) -> None:
            raise KeyboardInterrupt

    with conversation(says(Say("Hello."))) as talk:
        if not known:
            talk.server.play(sse(("thread.news", {})))
        stream = talk.client.threads.create_and_run_stream(
            assistant_id=talk.assistant_id, event_handler=Handler(), cancel_on_interrupt=True
        )
        asked = len(talk.server.requests)
        with pytest.raises(KeyboardInterrupt):
            stream.until_done()
        assert asked == len(talk.server.requests)


def test_ctrl_c_without_a_client_leaves_the_run() -> None:
    """There is no server to ask."""
    stream = Stream(sse(run("created")), Interrupting(), cancel_on_interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        stream.until_done()
    assert None is stream.err
