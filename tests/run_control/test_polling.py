"""Asking until there is an answer, as a flow: no clock, no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import errors
from stream_core.effects import Ask, Now, Wait
from stream_core.run_control.paths import ServerIdError
from stream_core.run_control.polling import persist, poll
from tests.support.flows import play, play_all

if TYPE_CHECKING:
    from stream_core.effects import Flow

GONE = errors.TransportError("gone")


def asking() -> Flow[str]:
    """One question."""
    answer: str = yield Ask("GET", "/run")
    return answer


def polling() -> Flow[str | None]:
    """Poll until the answer is "over", up to the second 10."""
    return poll(
        asking,
        lambda answer: answer == "over",
        first=1.0,
        longest=4.0,
        deadline=10.0,
        still=lambda answer: f"it is still {answer}",
    )


def waits(effects: list[Any]) -> list[float]:
    """How long was waited each time."""
    return [effect.seconds for effect in effects if isinstance(effect, Wait)]


def test_an_answer_to_end_with_is_returned_at_once() -> None:
    """Without a wait."""
    effects, answer = play_all(polling(), "over")
    assert [Ask("GET", "/run")] == effects
    assert "over" == answer


def test_nobody_else_repeats_a_question_that_is_asked_three_times() -> None:
    """The tries would multiply; what fails is thrown into the flow that asked."""
    effects, answer = play_all(persist(asking), GONE, False, GONE, False, "over")
    assert [True, True, True] == [x.once for x in effects if isinstance(x, Ask)]
    assert "over" == answer

    def careful() -> Flow[str]:
        try:
            return (yield from asking())
        except errors.TransportError:
            (yield Wait(1))
            return "handled"

    assert "handled" == play(persist(careful), GONE, False)


def test_waits_double_up_to_the_longest_and_are_a_little_shorter() -> None:
    """So that clients that lost one server do not return at once."""
    rounds = ["no", False, 0.0] * 5
    effects, _ = play_all(polling(), *rounds, "over")
    for most, seconds in zip([1.0, 2.0, 4.0, 4.0, 4.0], waits(effects), strict=True):
        assert most * 0.75 <= seconds <= most


def test_patience_ends_with_what_there_is_to_say() -> None:
    """After the wait that passed the deadline, not before."""
    effects, error = play_all(polling(), "no", False, 9.9, "no", False, 10.0)
    assert isinstance(error, errors.StreamError)
    assert "it is still no" == str(error)
    assert [Ask, Wait, Now, Ask, Wait, Now] == [type(effect) for effect in effects]


def test_an_abort_ends_the_polling() -> None:
    """None: there is no answer."""
    _, answer = play_all(polling(), "no", True)
    assert answer is None


PASSING = [
    GONE,
    errors.StreamTimeoutError("silent"),
    errors.InternalServerError("down", status_code=503),
    errors.RateLimitError("slower", status_code=429),
    errors.APIStatusError("too slow", status_code=408),
    errors.DecodeError("the answer is not JSON", frame="<html>"),
]


@pytest.mark.parametrize("failure", PASSING, ids=lambda error: type(error).__name__)
def test_a_question_is_asked_three_times(failure: Exception) -> None:
    """A connection that broke, a server that is down, a page of a proxy: the third leaves."""
    effects, answer = play_all(persist(asking), failure, False, failure, False, "yes")
    assert "yes" == answer
    assert [Ask, Wait, Ask, Wait, Ask] == [type(effect) for effect in effects]
    for most, seconds in zip([0.1, 0.2], waits(effects), strict=True):
        assert most * 0.75 <= seconds <= most
    assert failure is play_all(persist(asking), failure, False, failure, False, failure)[1]


def test_an_answer_begins_the_count_anew() -> None:
    """Three in a row are a failure, also while a run is polled."""
    twice = [GONE, False] * 2
    _, answer = play_all(polling(), *twice, "no", False, 0.0, *twice, "over")
    assert "over" == answer
    assert GONE is play_all(polling(), *twice, GONE)[1]


def test_a_server_says_how_long_to_wait() -> None:
    """It is not asked before."""
    failure = errors.RateLimitError("slower", status_code=429, retry_after=7.0)
    effects, _ = play_all(persist(asking), failure, False, "yes")
    assert [7.0] == waits(effects)


def test_an_abort_in_a_wait_ends_the_asking() -> None:
    """With the failure before it."""
    assert GONE is play_all(persist(asking), GONE, True)[1]


LASTING = [
    errors.StreamError("no such run"),
    errors.NotFoundError("no", status_code=404),
    ServerIdError("no id"),
]


@pytest.mark.parametrize("failure", LASTING, ids=lambda error: type(error).__name__)
def test_another_failure_leaves_at_once(failure: Exception) -> None:
    """Only what may pass is waited out."""
    effects, error = play_all(polling(), failure)
    assert failure is error
    assert 1 == len(effects)
