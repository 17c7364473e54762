"""Flows: how a driver runs one, and what comes of answers and errors."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import effects
from stream_core.effects import Ask, Now, Wait, drive, immediate
from tests.support.flows import play_all

if TYPE_CHECKING:
    from stream_core.effects import Effect, Flow


def counting() -> Flow[list[Any]]:
    """Ask twice, and return the answers; an error is one too."""
    found: list[Any] = []
    for seconds in (1, 2):
        try:
            found.append((yield Wait(seconds)))
        except (ValueError, KeyboardInterrupt) as error:
            found.append(error)
    return found


def test_each_effect_is_performed_and_its_answer_sent() -> None:
    """In order; what the flow returns is returned."""
    performed: list[Effect] = []

    def perform(effect: Effect) -> str:
        performed.append(effect)
        return f"answer {len(performed)}"

    assert ["answer 1", "answer 2"] == drive(counting(), perform)
    assert [Wait(1), Wait(2)] == performed


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_what_performing_raises_is_thrown_into_the_flow(error: BaseException) -> None:
    """Which may go on after it."""
    errors = [error]

    def perform(_: Effect) -> bool:
        if errors:
            raise errors.pop()
        return True

    assert [error, True] == drive(counting(), perform)


def test_what_the_flow_does_not_handle_leaves() -> None:
    """After its ``finally``, as the same exception."""
    cleaned = []

    def flow() -> Flow[None]:
        try:
            yield Now()
        finally:
            cleaned.append(True)

    failure = LookupError("mine")

    def perform(_: Effect) -> Any:
        raise failure

    with pytest.raises(LookupError) as caught:
        drive(flow(), perform)
    assert failure is caught.value
    assert [True] == cleaned


def test_a_stop_iteration_is_a_runtime_error() -> None:
    """As generators have it: it must not look like the end."""

    def perform(_: Effect) -> Any:
        raise StopIteration

    def flow() -> Flow[None]:
        yield Now()

    with pytest.raises(RuntimeError):
        drive(flow(), perform)


def test_an_error_is_freed_when_nobody_holds_it() -> None:
    """The driver's frame is in its traceback; it must not hold the error in turn."""

    class MineError(Exception):
        pass

    def perform(_: Effect) -> Any:
        raise MineError

    def lose() -> weakref.ref[MineError]:
        try:
            drive(counting(), perform)
        except MineError as error:
            return weakref.ref(error)
        raise AssertionError

    gc.disable()
    try:
        assert lose()() is None
    finally:
        gc.enable()


def test_a_flow_may_ask_for_nothing() -> None:
    """Then nothing is performed."""
    assert 5 == drive(immediate(5), lambda effect: pytest.fail(f"{effect}"))


@pytest.mark.parametrize(
    "name", sorted(set(effects.__all__) - {"Effect", "Flow", "drive", "immediate", "one"})
)
def test_an_effect_is_a_value(name: str) -> None:
    """It cannot be changed, and two that say the same are equal: tests compare them."""
    cls = getattr(effects, name)
    made = {field.name: field.name for field in cls.__attrs_attrs__}
    one, other = cls(**made), cls(**made)
    assert one == other
    for field in made:
        with pytest.raises(AttributeError):
            setattr(one, field, None)


def test_a_request_has_no_options_unless_they_are_given() -> None:
    """And does not share them."""
    assert {} == Ask("GET", "/x").options
    assert Ask("GET", "/x").options is not Ask("GET", "/x").options


def test_one_effect_is_a_flow() -> None:
    """It returns the answer."""
    assert ([effects.Now()], 1.5) == play_all(effects.one(effects.Now()), 1.5)
