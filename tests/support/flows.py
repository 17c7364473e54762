"""Flows in tests: played with a list of answers, or run by a driver that keeps what it delivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stream_core.streams.driver import Driver

if TYPE_CHECKING:
    from stream_core.effects import Deliver, Effect, Flow
    from stream_core.events import LocalEvent
    from stream_core.http.transport import Transport

__all__ = ["KeepingDriver", "play", "play_all"]

T = TypeVar("T")


def play_all(flow: Flow[T], *answers: Any) -> tuple[list[Effect], T | BaseException]:
    """Run FLOW to its end.

    Args:
        flow: A flow that has not begun.
        answers: One for each effect, in order; an exception is thrown. A function is called with
            the effect.

    Returns:
        The effects, and what the flow returned, or raised.
    """
    effects: list[Effect] = []
    waiting = list(answers)
    try:
        effect = next(flow)
        while True:
            effects.append(effect)
            assert waiting, f"there is no answer for {effect}"
            answer = waiting.pop(0)
            if callable(answer):
                answer = answer(effect)
            step: Any = flow.throw if isinstance(answer, BaseException) else flow.send
            effect = step(answer)
    except StopIteration as stop:
        assert not waiting, f"these answers were not asked for: {waiting}"
        result: T = stop.value
        return effects, result
    except AssertionError:
        raise
    except BaseException as error:  # noqa: BLE001  # it is the result
        assert not waiting, f"these answers were not asked for: {waiting}"
        return effects, error


def play(flow: Flow[T], *answers: Any) -> T:
    """Run FLOW to its end, as :func:`play_all`; return what it returned, or raise."""
    _, result = play_all(flow, *answers)
    if isinstance(result, BaseException):
        raise result
    return result


class KeepingDriver(Driver):
    """Performs what flows ask for, and keeps the events that they deliver.

    Attributes:
        delivered: These.
    """

    def __init__(self, transport: Transport | None = None) -> None:
        super().__init__(transport)
        self.delivered: list[LocalEvent] = []

    def deliver(self, effect: Deliver) -> bool:
        """Keep the event."""
        self.delivered.append(effect.event)
        return True
