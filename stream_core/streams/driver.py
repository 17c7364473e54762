"""The blocking drivers: they perform what flows ask for.

Rules of this file:

- Nothing is decided here. An effect becomes one call, and the call's answer is the effect's.
- It is the only place that sleeps, calls the user's functions, or lets others run meanwhile.
- What a handler or a tool raised is remembered: it is not a failure of the stream, whatever its
  class.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stream_core.api.repeats import repeating
from stream_core.effects import (
    Ask,
    Begin,
    Close,
    Deliver,
    Invoke,
    Join,
    Now,
    Open,
    Outcome,
    Wait,
    drive,
)
from stream_core.errors import StreamTimeoutError
from stream_core.source import close_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from stream_core.effects import Effect, Flow
    from stream_core.http.transport import Transport

    from .run_reader import RunReader

__all__ = ["Driver", "StreamDriver"]

T = TypeVar("T")

#: Seconds after which a wait looks whether it is to go on: a signal handler that calls ``abort``
#: does not end a sleep.
_LOOK = 0.1


class Driver:
    """Performs the effects of calls that are not part of a stream.

    Attributes:
        outlives: Whether requests are sent though their client is closed.
    """

    outlives = False

    def __init__(self, transport: Transport | None) -> None:
        """Prepare to perform.

        Args:
            transport: Sends the requests; None: there are none to send.
        """
        self._transport = transport

    def run(self, flow: Flow[T]) -> T:
        """Run FLOW to its end, and return what it returns."""
        return drive(flow, self.perform)

    def perform(self, effect: Effect) -> Any:
        """Perform EFFECT, and return its answer."""
        return _PERFORM[effect.__class__](self, effect)

    def once(self, effect: Effect) -> Any:
        """Perform EFFECT of the flow that sends a request: to send it once, or to wait."""
        return _ONCE[effect.__class__](self, effect)

    @property
    def transport(self) -> Transport:
        """What sends requests.

        Raises:
            RuntimeError: There is none, or its client is closed.
        """
        if self._transport is None:
            raise RuntimeError(
                "a control asked for a request, and the stream has nothing to send it by: "
                "pass Stream(..., transport=...)"
            )
        if self._transport.closed and not self.outlives:
            raise RuntimeError("the client is closed: make another one")
        return self._transport

    def stopped(self) -> bool:
        """Return whether not to wait any longer."""
        return False

    def hurried(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parts of a request, which is to be over in time."""
        return options

    def deliver(self, effect: Deliver) -> bool:
        """Hand an event to the handlers; there are none here."""
        raise RuntimeError(f"a call that is not part of a stream cannot deliver {effect.event!r}")

    def judged(self, outcome: Outcome) -> Outcome:
        """Return OUTCOME, which is that of a function of the user's."""
        return outcome


class StreamDriver(Driver):
    """Performs the effects of a stream, which goes on if its client is closed.

    Attributes:
        expires: The time, on the clock of :class:`stream_core.effects.Now`, after which nothing
            is sent or waited for; None: no limit.
    """

    outlives = True

    def __init__(self, transport: Transport | None, reader: RunReader) -> None:
        """Prepare to perform.

        Args:
            transport: Sends the requests of the stream's control.
            reader: Whose handlers are delivered to.
        """
        super().__init__(transport)
        self._reader = reader
        self.expires: float | None = None

    def stopped(self) -> bool:
        """Return whether the stream was aborted, or its time is up.

        During a round of tools it is also whether the stream is ending.
        """
        reader = self._reader
        ending = reader.aborted or (reader.answering and reader.stopping)
        return ending or (self.expires is not None and self.expires <= time.monotonic())

    def hurried(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parts of a request, which is to be over when the stream is.

        Raises:
            StreamTimeoutError: The time is up.
        """
        if self.expires is None:
            return options
        left = self.expires - time.monotonic()
        if left <= 0:
            raise StreamTimeoutError("the time of the stream is up, so nothing more is sent")
        return {**options, "within": left}

    def deliver(self, effect: Deliver) -> bool:
        """Hand an event to the handlers, unless it is about a tool and the stream is ending."""
        reader = self._reader
        if reader.answering and reader.stopping:
            return False
        reader.position.local = effect.event
        try:
            reader.dispatcher.dispatch(effect.event)
        except BaseException as failure:
            reader.foreign.append(failure)
            raise
        finally:
            reader.position.local = None
        return not reader.stopping

    def judged(self, outcome: Outcome) -> Outcome:
        """Return OUTCOME; what it raised is foreign."""
        if outcome.error is not None:
            self._reader.foreign.append(outcome.error)
        return outcome


def _invoke(call: Invoke) -> Outcome:
    """Call a function of the user's."""
    try:
        return Outcome(call.function(*call.arguments))
    except Exception as error:  # noqa: BLE001  # the flow decides
        return Outcome(error=error)


def _request(driver: Driver, effect: Ask | Open) -> Any:
    most = 0 if effect.once else driver.transport.max_retries
    return drive(repeating(effect, most), driver.once)


def _ask(driver: Driver, effect: Ask) -> Any:
    options = driver.hurried(effect.options)
    return driver.transport.request(effect.method, effect.path, **options)


def _open(driver: Driver, effect: Open) -> Any:
    options = driver.hurried(effect.options)
    return driver.transport.open(effect.method, effect.path, **options)


def _wait(driver: Driver, effect: Wait) -> bool:
    until = time.monotonic() + effect.seconds
    while (left := until - time.monotonic()) > 0 and not driver.stopped():
        time.sleep(min(left, _LOOK))
    return driver.stopped()


def _now(_: Driver, __: Now) -> float:
    return time.monotonic()


def _begin(_: Driver, effect: Begin) -> Future[Outcome]:
    return effect.executor.submit(_invoke, effect.call)


def _close(_: Driver, effect: Close) -> None:
    close_source(effect.source, effect.chunks, finished=effect.finished, failure=effect.failure)


#: Class of an effect to what performs it.
_PERFORM: Final[dict[type, Callable[[Any, Any], Any]]] = {
    Ask: _request,
    Open: _request,
    Wait: _wait,
    Now: _now,
    Invoke: lambda driver, effect: driver.judged(_invoke(effect)),
    Begin: _begin,
    Join: lambda driver, effect: driver.judged(effect.begun.result()),
    Deliver: lambda driver, effect: driver.deliver(effect),
    Close: _close,
}

#: The same for the effects of the flow that sends a request, and sends it again.
_ONCE: Final[dict[type, Callable[[Any, Any], Any]]] = {Ask: _ask, Open: _open, Wait: _wait}
