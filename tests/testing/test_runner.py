"""Driving a run on an event loop: responders in threads, cancels, failures."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stream_core.testing.framing import DONE
from stream_core.testing.lifecycle import RunMachine
from stream_core.testing.parts import CallFunctions, FileCitation, FunctionCall, Part, Say
from stream_core.testing.runner import Runner, in_thread
from stream_core.testing.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.testing.framing import WireEvent
    from stream_core.testing.responder import Answer, Turn


def machine() -> RunMachine:
    """Return a queued run."""
    store = Store()
    assistant = store.add_assistant({"model": "m"})
    return RunMachine(store, store.add_run(store.add_thread({})["id"], assistant, {}))


def driven(
    run: RunMachine,
    responder: Callable[[Turn], Answer],
    *,
    hook: Callable[[WireEvent], None] = lambda _: None,
    opening: Iterator[WireEvent] | None = None,
) -> list[str]:
    """Return the names of the events of a run."""
    names: list[str] = []

    async def emit(event: WireEvent) -> None:
        names.append(event.name.removeprefix("thread."))
        hook(event)

    asyncio.run(Runner(run, responder, REPORTED.append).drive(opening or run.start(), emit))
    return names


REPORTED: list[BaseException] = []


def test_a_run_is_driven_to_its_end_and_done() -> None:
    """All parts are requested, then the run completes."""
    names = driven(machine(), lambda _: ["a", "b"])
    assert ["run.step.completed", "run.completed", "done"] == names[-3:]
    assert 2 == names.count("message.delta")


def test_nobody_has_to_listen() -> None:
    """Without a listener the run still goes to its end."""
    run = machine()
    asyncio.run(Runner(run, lambda _: "a").drive(run.start()))
    assert "completed" == run.run["status"]


def test_a_part_that_ends_the_turn_is_the_last_that_is_asked_for() -> None:
    """After calls the responder is not asked further; after outputs it is called again."""
    asked = []

    def respond(turn: Turn) -> Iterator[Part | str]:
        asked.append(len(turn.rounds))
        if not turn.rounds:
            yield CallFunctions([FunctionCall("now")])
            asked.append(99)  # never
        yield "after"

    run = machine()
    assert ["run.requires_action", "done"] == driven(run, respond)[-2:]
    opening = run.accept({run.pending[0]["id"]: "noon"})
    assert ["run.completed", "done"] == driven(run, respond, opening=opening)[-2:]
    assert [0, 1] == asked


def test_a_responder_is_asked_in_a_thread_of_its_own() -> None:
    """It may block without holding up anyone else."""
    threads = []

    def respond(_: Turn) -> str:
        threads.append(threading.current_thread())
        return "x"

    driven(machine(), respond)
    (thread,) = threads
    assert thread is not threading.current_thread()
    assert thread.daemon


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (5, "The responder raised TypeError: a responder must return parts"),
        ([Say("x", [FileCitation("[1]", "f")])], "The responder raised ValueError: the marker"),
    ],
)
def test_a_responders_mistake_makes_the_run_fail(
    caplog: pytest.LogCaptureFixture, wrong: Any, said: str
) -> None:
    """The error is in the run, and its traceback in the log."""
    run = machine()
    names = driven(run, lambda _: wrong)
    assert ["run.failed", "done"] == names[-2:]
    assert "server_error" == run.run["last_error"]["code"]
    assert run.run["last_error"]["message"].startswith(said)
    assert ["the responder failed"] == [record.message for record in caplog.records]
    assert run.run["last_error"]["message"].endswith(str(REPORTED[-1]))
    assert caplog.records[0].exc_info


def test_an_exception_after_some_parts_keeps_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The open message is incomplete, as after a failure of the service."""

    def respond(_: Turn) -> Iterator[str]:
        yield "Hello"
        raise SystemExit("no")

    run = machine()
    names = driven(run, respond)
    assert ["message.incomplete", "run.step.failed", "run.failed", "done"] == names[-4:]
    assert "The responder raised SystemExit: no" == run.run["last_error"]["message"]
    assert 1 == len(caplog.records)


CANCELLED = ["run.cancelling", "message.incomplete", "run.step.cancelled", "run.cancelled", "done"]


def test_a_cancel_stops_the_saying_of_a_part() -> None:
    """The event after the cancel is `run.cancelling`."""
    run = machine()

    def cancel_at_once(event: WireEvent) -> None:
        if event.name == "thread.message.delta":
            run.request_cancel()

    names = driven(run, lambda _: "one two three", hook=cancel_at_once)
    assert ["message.delta", *CANCELLED] == names[-6:]
    assert 1 == names.count("message.delta")


def test_a_cancel_does_not_wait_for_a_responder_that_blocks() -> None:
    """The responder's thread is left behind, and its later parts are dropped."""
    gate = threading.Event()
    left = threading.Event()
    run = machine()

    def respond(_: Turn) -> Iterator[str]:
        yield "x"
        asyncio.run_coroutine_threadsafe(cancel(), loops[0])
        gate.wait()
        left.set()
        yield "y"

    loops: list[asyncio.AbstractEventLoop] = []
    names: list[str] = []

    async def cancel() -> None:
        run.request_cancel()

    async def emit(event: WireEvent) -> None:
        names.append(event.name.removeprefix("thread."))

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await Runner(run, respond).drive(run.start(), emit)
        gate.set()
        await asyncio.to_thread(left.wait, 10)
        await in_thread(lambda: None)  # the other thread's answer has been looked at

    asyncio.run(main())
    assert CANCELLED == names[-5:]
    assert "done" == DONE.name == names[-1]


def test_a_run_that_is_cancelled_before_it_begins_says_so() -> None:
    """No event but those of the cancelling."""
    run = machine()
    run.request_cancel()
    assert ["run.cancelling", "run.cancelled", "done"] == driven(run, lambda _: "x")


def test_a_thread_that_ends_after_its_loop_is_let_go() -> None:
    """A responder that outlives the server raises nothing anywhere."""
    begun, gate = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def block() -> None:
        threads.append(threading.current_thread())
        begun.set()
        gate.wait(10)

    async def main() -> None:
        waiting = asyncio.ensure_future(in_thread(block))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()

    asyncio.run(main())
    gate.set()
    threads[0].join(10)
    assert not threads[0].is_alive()


def test_a_bug_between_two_events_makes_the_run_fail(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is: no client may wait for ever."""
    run = machine()

    def opening() -> Iterator[WireEvent]:
        yield from run.start()
        raise RuntimeError("a bug")

    names = driven(run, lambda _: "x", opening=opening())
    assert ["run.failed", "done"] == names[-2:]
    assert "a bug" == str(REPORTED[-1])
    assert 1 == len(caplog.records)
