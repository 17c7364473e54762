"""The blocking drivers: what they do for each effect."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.effects import (
    Ask,
    Begin,
    Close,
    Deliver,
    Effect,
    Invoke,
    Join,
    Now,
    Open,
    Outcome,
    Wait,
)
from stream_core.errors import StreamTimeoutError, TransportError
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES
from stream_core.streams.driver import Driver, StreamDriver
from stream_core.streams.run_reader import RunReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.events import Event


class Sending:
    """A stand-in for a transport that keeps its requests, and fails the first ones."""

    def __init__(self, *failures: Exception) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.closed, self.max_retries = False, 2
        self.failures = list(failures)

    def request(self, method: str, path: str, **options: Any) -> str:
        self.asked.append(("request", method, path, options))
        if self.failures:
            raise self.failures.pop(0)
        return "JSON"

    def open(self, method: str, path: str, **options: Any) -> bytes:
        self.asked.append(("open", method, path, options))
        return b"source"


def test_a_request_that_is_to_be_sent_once_is_not_repeated() -> None:
    """Whoever asks does that; the others are repeated as their rule says."""
    failure = TransportError("gone", stage="connecting")
    sending: Any = Sending(failure)
    with pytest.raises(TransportError):
        Driver(sending).perform(Ask("GET", "/threads/t", once=True))
    sending.failures.append(failure)
    assert "JSON" == Driver(sending).perform(Ask("GET", "/threads/t"))
    assert 3 == len(sending.asked)


def driver_of(*handlers: Any) -> tuple[StreamDriver, RunReader]:
    """Make a driver of a stream with these handlers."""
    reader = RunReader(dialect="assistants", max_frame_bytes=DEFAULT_MAX_FRAME_BYTES, control=None)
    reader.dispatcher.register(*handlers)
    return StreamDriver(None, reader), reader


class Hearing:
    """A handler that keeps events, and acts on each."""

    def __init__(self, do: Callable[[], object] = bool) -> None:
        self.heard: list[Event] = []
        self.do = do

    def handle(self, event: Event, /) -> None:
        self.heard.append(event)
        self.do()


END = events.StreamEnd()
OUTPUT = events.ToolOutput(models.RequiredActionFunctionToolCall("call_1"), "x")


def test_requests_are_sent_by_the_transport() -> None:
    """They are sent with all their parts."""
    sending: Any = Sending()
    driver = Driver(sending)
    assert "JSON" == driver.perform(Ask("GET", "/a", {"query": {"x": "1"}}))
    assert b"source" == driver.perform(Open("POST", "/b", {"body": {}}))
    assert [
        ("request", "GET", "/a", {"query": {"x": "1"}}),
        ("open", "POST", "/b", {"body": {}}),
    ] == sending.asked


def test_a_request_is_sent_again_by_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver waits and sends; which ones, and how often, is not its decision."""
    monkeypatch.setattr("stream_core.http.waits.BACKOFF_FIRST", 0.001)
    lost = TransportError("lost", stage="waiting")
    sending: Any = Sending(lost, lost)
    assert "JSON" == Driver(sending).perform(Ask("GET", "/a"))
    assert 3 == len(sending.asked)
    with pytest.raises(TransportError):
        Driver(Sending(lost)).perform(Ask("POST", "/a"))  # type: ignore[arg-type]  # a stand-in


def test_abort_ends_the_wait_before_a_request_is_sent_again() -> None:
    """Nothing more is sent; the failure is the last one."""
    driver, reader = driver_of()
    sending: Any = Sending(TransportError("lost", stage="waiting"))
    driver._transport, reader.aborted = sending, True
    with pytest.raises(TransportError):
        driver.perform(Ask("GET", "/a"))
    assert 1 == len(sending.asked)


def test_requests_and_waits_end_when_the_stream_expires() -> None:
    """A request is given what is left; when nothing is, it is an error, and waits end."""
    driver, _ = driver_of()
    sending: Any = Sending()
    driver._transport = sending
    driver.expires = time.monotonic() + 10
    driver.perform(Ask("GET", "/a", {"query": {}}))
    driver.perform(Open("GET", "/b"))
    assert {"query", "within"} == sending.asked[0][3].keys()
    assert 9 < sending.asked[1][3]["within"] <= 10
    assert driver.perform(Wait(0.001)) is False
    driver.expires = time.monotonic()
    for effect in (Ask("GET", "/a"), Open("GET", "/b")):
        with pytest.raises(StreamTimeoutError, match="time of the stream is up"):
            driver.perform(effect)
    assert driver.perform(Wait(30)) is True
    assert 2 == len(sending.asked)


def test_a_closed_client_sends_nothing_but_what_its_streams_need() -> None:
    """A call is a RuntimeError; a stream that is open goes on."""
    driver, _ = driver_of()
    sending: Any = Sending()
    sending.closed = True
    driver._transport = sending
    with pytest.raises(RuntimeError, match="the client is closed: make another one"):
        Driver(sending).perform(Ask("GET", "/a"))
    assert "JSON" == driver.perform(Ask("GET", "/a"))


@pytest.mark.parametrize("effect", [Ask("GET", "/a"), Open("POST", "/b")])
def test_without_a_transport_a_request_is_misuse(effect: Effect) -> None:
    """The error says what to pass."""
    with pytest.raises(RuntimeError, match="transport="):
        Driver(None).perform(effect)


def test_the_clock_never_jumps() -> None:
    """Two answers can be compared."""
    driver, before = Driver(None), time.monotonic()
    assert before <= driver.perform(Now()) <= driver.perform(Now()) <= time.monotonic()


def test_a_wait_ends_when_the_stream_is_aborted() -> None:
    """Its answer is whether the stream was aborted."""
    driver, reader = driver_of()
    assert driver.perform(Wait(0.01)) is False
    timer = threading.Timer(0.02, setattr, (reader, "aborted", True))
    timer.start()
    assert driver.perform(Wait(30)) is True
    timer.join()
    assert driver.perform(Wait(30)) is True


def test_a_call_without_a_stream_cannot_be_aborted() -> None:
    """It waits for as long as requested."""
    assert Driver(None).perform(Wait(0.01)) is False


def test_a_function_that_is_invoked_has_an_outcome() -> None:
    """An exception that it raised is part of the outcome."""
    driver, reader = driver_of()
    assert Outcome(3) == driver.perform(Invoke(max, (1, 3)))
    assert [] == reader.foreign
    found = driver.perform(Invoke(int, ("x",)))
    assert isinstance(found.error, ValueError)
    assert [found.error] == reader.foreign
    assert isinstance(Driver(None).perform(Invoke(int, ("x",))).error, ValueError)


def test_ctrl_c_in_a_function_is_not_an_outcome() -> None:
    """It propagates."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Driver(None).perform(Invoke(interrupted))


def test_a_function_that_is_begun_runs_in_the_executor() -> None:
    """The outcome is of the same form."""
    driver, reader = driver_of()
    with ThreadPoolExecutor(1) as executor:
        begun = driver.perform(Begin(Invoke(get_ident), executor))
        failing = driver.perform(Begin(Invoke(int, ("x",)), executor))
        assert get_ident() != driver.perform(Join(begun)).value
        assert [] == reader.foreign
        assert [driver.perform(Join(failing)).error] == reader.foreign != [None]


def test_an_event_is_delivered_and_is_current_meanwhile() -> None:
    """The answer is whether to go on."""
    seen: list[Any] = []
    hearing = Hearing(lambda: seen.append(reader.position.current_event))
    driver, reader = driver_of(hearing)
    assert driver.perform(Deliver(END)) is True
    assert [END] == hearing.heard == seen
    assert reader.position.local is None
    reader.closing = True
    assert driver.perform(Deliver(END)) is False
    assert [END, END] == hearing.heard


@pytest.mark.parametrize("flag", ["closing", "cancelled"])
def test_what_tools_do_is_not_delivered_when_the_stream_is_ending(flag: str) -> None:
    """Events about the stream itself are delivered."""
    hearing = Hearing()
    driver, reader = driver_of(hearing)
    setattr(reader, flag, True)
    reader.answering = True
    assert driver.perform(Deliver(OUTPUT)) is False
    assert [] == hearing.heard
    reader.answering = False
    assert driver.perform(Deliver(END)) is False
    assert [END] == hearing.heard


def test_what_a_handler_raises_is_foreign_and_leaves() -> None:
    """Then no event is current any more."""
    failure = LookupError("mine")

    def fail() -> None:
        raise failure

    driver, reader = driver_of(Hearing(fail))
    with pytest.raises(LookupError):
        driver.perform(Deliver(END))
    assert ([failure], None) == (reader.foreign, reader.position.local)


def test_a_call_without_a_stream_has_nobody_to_deliver_to() -> None:
    """Such a delivery is a bug in the flow."""
    with pytest.raises(RuntimeError, match="cannot deliver"):
        Driver(None).perform(Deliver(END))


def test_a_source_is_given_back() -> None:
    """It is drained if it was read to the end and can be; otherwise it is closed."""
    log: list[str] = []

    class Source:
        def finish(self) -> None:
            log.append("finish")

        def close(self) -> None:
            log.append("close")

    source: Any = Source()
    for finished in (True, False):
        Driver(None).perform(Close(source, iter(()), finished, None))
    assert ["finish", "close"] == log
