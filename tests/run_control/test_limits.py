"""Limits of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stream_core.effects import Ask, Now, Open, Wait
from stream_core.errors import StreamError
from stream_core.run_control.limits import once, within, without_stop
from tests.support.flows import play, play_all

if TYPE_CHECKING:
    from stream_core.effects import Effect, Flow

QUESTION, REPLY = Ask("GET", "/run"), Open("GET", "/run")


def asking(*effects: Effect) -> Flow[list[object]]:
    """Ask for EFFECTS; return the answers, and the texts of errors."""
    answers: list[object] = []
    for effect in effects:
        try:
            answers.append((yield effect))
        except StreamError as error:
            answers.append(str(error))
    return answers


def test_a_flow_within_its_time_runs_as_ever() -> None:
    """Its answers and its errors are its own; the clock is read before each request and wait."""
    gone = StreamError("gone")
    flow = within(asking(QUESTION, REPLY, Wait(2.0), Now()), 10.0)
    effects, answers = play_all(flow, 1.0, "a", 2.0, gone, 3.0, False, 4.0)
    assert ["a", "gone", False, 4.0] == answers
    assert [Now(), QUESTION, Now(), REPLY, Now(), Wait(2.0), Now()] == effects


@pytest.mark.parametrize("request_", [QUESTION, REPLY])
def test_after_the_deadline_nothing_is_asked(request_: Effect) -> None:
    """The flow gets an error instead of an answer, and may go on."""
    effects, answers = play_all(within(asking(request_, request_), 10.0), 9.9, "a", 10.0)
    assert ["a", "there was no time left to ask the server"] == answers
    assert [Now(), request_, Now()] == effects


def test_no_wait_is_longer_than_the_time_that_is_left() -> None:
    """And none is negative."""
    effects, _ = play_all(within(asking(Wait(5.0), Wait(5.0)), 10.0), 8.0, False, 11.0, False)
    assert [Wait(2.0), Wait(0.0)] == [effect for effect in effects if isinstance(effect, Wait)]


def test_a_flow_that_was_stopped_sends_nothing_more() -> None:
    """What is on its way is waited for."""
    stopped = False

    def stop(_: Effect) -> str:
        nonlocal stopped
        stopped = True
        return "a"

    flow = without_stop(asking(QUESTION, Wait(1.0), REPLY, QUESTION), lambda: stopped)
    effects, answers = play_all(flow, stop, True)
    aborted = "the stream was aborted"
    assert ["a", True, aborted, aborted] == answers
    assert [QUESTION, Wait(1.0)] == effects


def test_what_a_flow_raises_leaves_as_it_is() -> None:
    """Through any number of limits."""

    def failing() -> Flow[None]:
        yield QUESTION
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play(without_stop(within(failing(), 1.0), bool), 0.0, "a")


def test_a_flow_that_is_dropped_is_closed() -> None:
    """Its ``finally`` runs."""
    closed = []

    def waiting() -> Flow[None]:
        try:
            yield QUESTION
        finally:
            closed.append(True)

    flow = without_stop(waiting(), bool)
    next(flow)
    flow.close()
    assert [True] == closed


def test_the_requests_of_a_flow_may_be_marked_as_tried_once() -> None:
    """Nothing else is changed, and errors are thrown into the flow."""
    gone = StreamError("gone")
    effects, answers = play_all(once(asking(QUESTION, REPLY, Wait(1.0))), "a", gone, False)
    assert ["a", "gone", False] == answers
    assert [True, True, None] == [getattr(x, "once", None) for x in effects]
