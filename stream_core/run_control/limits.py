"""Limits of flows: a time after which nothing more is asked, a look before each request, one try.

Rules of this file:

- A flow is not changed: its effects pass through here, and what it may not do any more is an
  error that is thrown into it instead of an answer.
- A request that is on its way is waited for; it has the limits of its own transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from stream_core.effects import Ask, Now, Open, Wait
from stream_core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from stream_core.effects import Effect, Flow

__all__ = ["once", "within", "without_stop"]

T = TypeVar("T")


def within(flow: Flow[T], deadline: float) -> Flow[T]:
    """Run FLOW; after the deadline it can ask for nothing more, and it never waits beyond it.

    Args:
        flow: A flow that has not begun.
        deadline: A time of :class:`stream_core.effects.Now`.

    Raises:
        StreamError: There was no time left for a request.
    """

    def limit(effect: Effect) -> Flow[Any]:
        if isinstance(effect, Wait):
            left = deadline - (yield Now())
            effect = evolve(effect, seconds=max(0.0, min(effect.seconds, left)))
        elif isinstance(effect, Ask | Open) and (yield Now()) >= deadline:
            raise StreamError("there was no time left to ask the server")
        return (yield effect)

    return _through(flow, limit)


def without_stop(flow: Flow[T], stopped: Callable[[], bool]) -> Flow[T]:
    """Run FLOW; nothing more is sent once it was STOPPED.

    Raises:
        StreamError: It was stopped before a request.
    """

    def limit(effect: Effect) -> Flow[Any]:
        if isinstance(effect, Ask | Open) and stopped():
            raise StreamError("the stream was aborted")
        return (yield effect)

    return _through(flow, limit)


def once(flow: Flow[T]) -> Flow[T]:
    """Run FLOW, whose requests the driver is not to repeat, since whoever runs it does."""

    def limit(effect: Effect) -> Flow[Any]:
        return (yield evolve(effect, once=True) if isinstance(effect, Ask | Open) else effect)

    return _through(flow, limit)


def _through(flow: Flow[T], perform: Callable[[Effect], Flow[Any]]) -> Flow[T]:
    """Run FLOW, and let PERFORM answer each of its effects."""
    answer: Any = None
    error: BaseException | None = None
    try:
        while True:
            effect = flow.send(answer) if error is None else flow.throw(error)
            answer = error = None
            try:
                answer = yield from perform(effect)
            except BaseException as raised:  # noqa: BLE001  # the flow may know what to do
                error = raised
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        error = None  # its traceback holds this frame: no circle
