"""Asking until there is an answer, as a flow: no clock, no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core.effects import Ask, Now, Wait
from stream_core.errors import StreamError, TransportError
from stream_core.run_control.polling import poll
from tests.support.flows import play_all

if TYPE_CHECKING:
    from stream_core.effects import Flow

GONE = TransportError("gone")


def asking() -> Flow[str]:
    """One question."""
    answer: str = yield Ask("GET", "/run")
    return answer


def polling(**settings: Any) -> Flow[str | None]:
    """Poll until the answer is "over", for ten seconds."""
    return poll(
        asking,
        lambda answer: answer == "over",
        **{
            "first": 1.0,
            "longest": 4.0,
            "patience": 10.0,
            "still": lambda answer: f"it is still {answer}",
            "unanswered": (TransportError,),
            "most": 3,
            **settings,
        },
    )


def waits(effects: list[Any]) -> list[float]:
    """How long was waited each time."""
    return [effect.seconds for effect in effects if isinstance(effect, Wait)]


def test_an_answer_to_end_with_is_returned_at_once() -> None:
    """Without a wait."""
    effects, answer = play_all(polling(), 0.0, "over")
    assert [Now(), Ask("GET", "/run")] == effects
    assert "over" == answer


def test_waits_double_up_to_the_longest_and_are_a_little_shorter() -> None:
    """So that clients that lost one server do not return at once."""
    rounds = ["no", 0.0, False] * 5
    effects, _ = play_all(polling(), 0.0, *rounds, "over")
    for most, seconds in zip([1.0, 2.0, 4.0, 4.0, 4.0], waits(effects), strict=True):
        assert most * 0.75 <= seconds <= most


def test_patience_ends_with_what_there_is_to_say() -> None:
    """At the first answer after that time, not before."""
    effects, error = play_all(polling(), 5.0, "no", 14.9, False, "no", 15.0)
    assert isinstance(error, StreamError)
    assert "it is still no" == str(error)
    assert 1 == len(waits(effects))


def test_an_abort_ends_the_polling() -> None:
    """None: there is no answer."""
    _, answer = play_all(polling(), 0.0, "no", 0.0, True)
    assert answer is None


def test_a_server_that_does_not_answer_is_asked_again() -> None:
    """So many times in a row; an answer begins the count anew."""
    _, answer = play_all(
        polling(), 0.0, GONE, False, GONE, False, "no", 0.0, False, GONE, False, GONE, False, "over"
    )
    assert "over" == answer
    _, error = play_all(polling(), 0.0, GONE, False, GONE, False, GONE)
    assert GONE is error


@pytest.mark.parametrize("settings", [{"unanswered": ()}, {"most": 1}])
def test_a_question_may_have_one_try(settings: dict[str, Any]) -> None:
    """Then its failure leaves."""
    _, error = play_all(polling(**settings), 0.0, GONE)
    assert GONE is error


def test_another_failure_leaves_at_once() -> None:
    """Only what says that the server cannot answer is waited out."""
    failure = StreamError("no such run")
    _, error = play_all(polling(), 0.0, failure)
    assert failure is error
