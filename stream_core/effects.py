"""What a flow may ask of its driver, and how a driver runs one.

Rules of this file:

- A *flow* is a generator that decides. It yields an *effect*, and is sent the answer; what goes
  wrong is thrown into it, so that ``try`` works in a flow as it does in a function.
- An effect says what is wanted and does nothing. A *driver* (``streams.driver``) performs it; it
  is the only place that waits, so a flow can be tested with a list of answers.
- Effects come per request, never per event: reading a stream does not pass through here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from .events import LocalEvent
    from .source import Source

__all__ = [
    "Ask",
    "Begin",
    "Close",
    "Deliver",
    "Effect",
    "Flow",
    "Invoke",
    "Join",
    "Now",
    "Open",
    "Outcome",
    "Wait",
    "drive",
    "immediate",
    "one",
]

T = TypeVar("T")


@frozen
class Ask:
    """Send a request that is answered with JSON; the answer is the value.

    Attributes:
        method: ``GET``, ``POST`` or ``DELETE``.
        path: From the base address on.
        options: The other parts, see ``http.transport.Options``.
        once: Whether the flow itself asks again if that helps; else the driver does, as
            ``api.repeats`` says.
    """

    method: str
    path: str
    options: Mapping[str, Any] = field(factory=dict)
    once: bool = field(default=False, eq=False)


@frozen
class Open:
    """Send a request that is answered with a stream; the answer is its source, unread.

    Attributes:
        method: As for :class:`Ask`.
        path: As for :class:`Ask`.
        options: As for :class:`Ask`.
        once: As for :class:`Ask`.
    """

    method: str
    path: str
    options: Mapping[str, Any] = field(factory=dict)
    once: bool = field(default=False, eq=False)


@frozen
class Wait:
    """Let time pass; the answer is whether the stream was aborted meanwhile.

    Attributes:
        seconds: How long.
    """

    seconds: float


@frozen
class Now:
    """Read the clock; the answer is in seconds since some time in the past, and never jumps."""


@frozen
class Invoke:
    """Call a function of the user's; the answer is its :class:`Outcome`, nothing is thrown.

    Attributes:
        function: What is called.
        arguments: With what.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@frozen
class Begin:
    """Call a function of the user's while others run; the answer is for :class:`Join`.

    Attributes:
        call: The function and its arguments.
        executor: Runs it.
    """

    call: Invoke
    executor: Executor


@frozen
class Join:
    """Wait for a call that was begun; the answer is its :class:`Outcome`.

    Attributes:
        begun: The answer to :class:`Begin`.
    """

    begun: Any


@frozen
class Deliver:
    """Hand an event about the stream itself to the handlers; the answer is whether to go on.

    Attributes:
        event: The event.
    """

    event: LocalEvent


@frozen
class Close:
    """Give a source back.

    Attributes:
        source: The source.
        chunks: What it is read by.
        finished: Whether it was read to ``done``.
        failure: What ended the stream, or None.
    """

    source: Source
    chunks: Any
    finished: bool
    failure: BaseException | None


@frozen
class Outcome:
    """What a function of the user's returned or raised.

    Attributes:
        value: What it returned.
        error: What it raised, or None.
    """

    value: Any = None
    error: Exception | None = None


Effect: TypeAlias = Ask | Open | Wait | Now | Invoke | Begin | Join | Deliver | Close

#: What decides: yields effects, is sent their answers, and returns a T.
Flow: TypeAlias = Generator[Effect, Any, T]


def immediate(value: T) -> Flow[T]:
    """Return a flow that asks for nothing and returns VALUE."""
    yield from ()
    return value


def one(effect: Effect) -> Flow[Any]:
    """Return a flow that asks for EFFECT, and returns its answer."""
    return (yield effect)


def drive(flow: Flow[T], perform: Callable[[Effect], Any]) -> T:
    """Run FLOW to its end.

    Args:
        flow: A flow that has not begun.
        perform: Performs an effect and returns its answer.

    Returns:
        What the flow returns.

    Raises:
        BaseException: What the flow raises: its own, or what performing an effect raised and
            the flow did not handle.
    """
    answer: Any = None
    error: BaseException | None = None
    try:
        while True:
            effect = flow.send(answer) if error is None else flow.throw(error)
            answer = error = None
            try:
                answer = perform(effect)
            except BaseException as raised:  # noqa: BLE001  # the flow may know what to do
                error = raised
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        error = None  # its traceback holds this frame: no circle
