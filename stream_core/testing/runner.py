"""Drives a run on an event loop: calls the responder, pulls events, passes them on.

Rules of this file:

- asyncio only; no HTTP, and no timer.
- A run goes to its end whether or not anyone listens, as with the real API.
- A responder is called in a daemon thread, part by part; a cancel does not wait
  for it. Its exceptions are logged, reported, and make the run fail.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeAlias, TypeVar

from .framing import DONE, WireEvent
from .lifecycle import RunMachine
from .parts import Fail, Part
from .responder import Answer, Responder, Turn, parts_of

__all__ = ["Emit", "Runner", "in_thread", "nobody"]

T = TypeVar("T")
Emit: TypeAlias = Callable[[WireEvent], Awaitable[None]]

_log = logging.getLogger("stream_core.testing")


async def nobody(event: WireEvent) -> None:
    """Ignore an event that nobody listens to."""


def _ignore(failure: BaseException) -> None:
    """Leave a failure at the log."""


class Runner:
    """Drives one run for one request.

    Args:
        machine: The run.
        responder: The responder.
        report: Called on the loop with each exception of the responder.
    """

    def __init__(
        self,
        machine: RunMachine,
        responder: Responder | Callable[[Turn], Answer],
        report: Callable[[BaseException], None] = _ignore,
    ) -> None:
        self._machine = machine
        self._responder = responder
        self._report = report
        self._cancelled = asyncio.Event()
        machine.when_cancelled = self._cancelled.set

    async def drive(self, opening: Iterator[WireEvent], emit: Emit = nobody) -> None:
        """Go on until the run ends or waits for the client, then emit ``done``."""
        machine = self._machine
        await self._pump(opening, emit)
        parts = parts_of(self._responder, machine.turn())
        while not (machine.paused or machine.cancel_requested):
            await self._pump(await self._next_events(parts), emit)
        if machine.cancel_requested and not machine.paused:
            for event in machine.cancel():
                await emit(event)
        await emit(DONE)

    async def _pump(self, events: Iterator[WireEvent], emit: Emit) -> None:
        """Pass events on until a cancel comes; a bad part makes the run fail."""
        machine = self._machine
        while not machine.cancel_requested:
            try:
                event = next(events, None)
            except Exception as error:  # noqa: BLE001 - no run may stay open for ever
                events = machine.apply(self._failure(error))
                continue
            if event is None:
                return
            await emit(event)

    async def _next_events(self, parts: Iterator[Part]) -> Iterator[WireEvent]:
        """Wait for the next part or a cancel, and return the events that follow."""
        asked = asyncio.ensure_future(in_thread(lambda: next(parts, None)))
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({asked, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cancelled.cancel()
        if not asked.done():
            asked.cancel()
            return iter(())
        part, error = asked.result()
        if error is not None:
            return self._machine.apply(self._failure(error))
        return self._machine.finish() if part is None else self._machine.apply(part)

    def _failure(self, error: BaseException) -> Fail:
        _log.error("the responder failed", exc_info=error)
        self._report(error)
        return Fail("server_error", f"The responder raised {type(error).__name__}: {error}")


async def in_thread(function: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """Call a function in a daemon thread; return its result, or its exception.

    The loop's executor will not do: the interpreter waits for its threads at exit, and a
    responder that blocks for ever must not keep a process alive.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()

    def settle(result: tuple[T | None, BaseException | None]) -> None:
        if not future.done():  # or else nobody waits any more
            future.set_result(result)

    def work() -> None:
        result: tuple[T | None, BaseException | None]
        try:
            result = function(), None
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller decides
            result = None, error
        with suppress(RuntimeError):  # the server was closed meanwhile, and its loop with it
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name="stream_core.testing responder", daemon=True).start()
    return await future
