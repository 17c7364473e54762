"""Turns: one reader at a time, and what another one is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from stream_core.streams.turns import Taking, Turns

if TYPE_CHECKING:
    from collections.abc import Callable


def elsewhere(work: Callable[[], object]) -> list[BaseException]:
    """Do WORK in another thread; return what it raised."""
    raised: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # the result
            raised.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    thread.join(5)
    return raised


def test_a_turn_is_taken_by_one_and_given_back() -> None:
    """A second one does not get it; after the first it does."""
    turns = Turns()
    with Taking(turns) as first, Taking(turns) as second:
        assert (True, False) == (first.taken, second.taken)
    assert (False, None) == (first.taken, turns.mark)
    with Taking(turns) as third:
        assert third.taken


def test_whose_turn_it_is_is_known() -> None:
    """It is the thread's own one, or another's, or nobody's."""
    turns = Turns()
    seen = [turns.own]
    with Taking(turns):
        seen.append(turns.own)
        elsewhere(lambda: seen.append(turns.own))
    assert [False, True, False] == seen


def test_the_error_tells_a_callback_from_another_thread() -> None:
    """Each has its own remedy."""
    turns = Turns()
    with Taking(turns):
        with pytest.raises(RuntimeError, match="a callback or tool cannot read the stream"):
            turns.refuse()
        (error,) = elsewhere(turns.refuse)
    assert isinstance(error, RuntimeError)
    assert "one reader at a time; register several handlers, or make one stream" in str(error)


def test_a_turn_that_lets_others_wait_is_waited_for() -> None:
    """Then the other one has it."""
    turns, log, waits = Turns(), [], threading.Event()

    def read() -> None:
        waits.set()
        turns.refuse()
        with Taking(turns) as other:
            assert other.taken
            log.append("other")

    with Taking(turns, lets_wait=True):
        thread = threading.Thread(target=read)
        thread.start()
        waits.wait(5)
        thread.join(0.02)
        assert thread.is_alive()
        log.append("first")
    thread.join(5)
    assert ["first", "other"] == log


def test_a_turn_that_has_just_ended_is_not_refused() -> None:
    """Whoever found it taken looks again."""
    Turns().refuse()


def test_ctrl_c_at_any_point_leaves_no_mark() -> None:
    """The mark is looked for afterwards, whether it was put there or not."""

    class Interrupted(Turns):
        def take(self, mark: Any) -> NoReturn:
            super().take(mark)
            raise KeyboardInterrupt

    turns = Interrupted()
    with pytest.raises(KeyboardInterrupt), Taking(turns, lets_wait=True):
        raise NotImplementedError
    assert (None, [None, None]) == (turns.mark, turns.free)
