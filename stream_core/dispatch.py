"""Hands each event to every handler, in order, and says what an exception does.

Rules of this file:

- The core knows one verb, ``handle(event)``; any object that has it is a handler. A handler's
  class may also have ``callback_table()`` (see :class:`TableHandler`), which spares the calls
  for events that the handler ignores; it never changes what a handler sees.
- Every handler gets an event, in registration order, before the next event is looked at.
  There are no threads and no queues: handlers run inside the caller of :meth:`dispatch`.
- An ``Exception`` of one handler does not keep the event from the others. Then it leaves
  :meth:`dispatch` as the same object, with a note that names handler, callback and event; two or
  more leave as an ``ExceptionGroup``. Nothing is swallowed.
- ``KeyboardInterrupt`` and every other exception that is not an ``Exception`` leaves at once.
- What follows from an exception (closing, ``on_end``) is the caller's business.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .models import Message, Run, RunStep

    Callback: TypeAlias = Callable[[Any], object]
    CallbackTable: TypeAlias = Mapping[type[Event], Sequence[Callback]]

__all__ = [
    "DispatchContext",
    "Dispatcher",
    "Handler",
    "TableHandler",
    "current_context",
    "nearest",
]


class Handler(Protocol):
    """Anything with ``handle(event)``."""

    def handle(self, event: Event, /) -> object:
        """Take EVENT; what is returned is ignored."""
        ...


class TableHandler(Handler, Protocol):
    """A handler that says beforehand which events it cares for."""

    def callback_table(self) -> CallbackTable:
        """Return what to call with the event, for each event class.

        It is asked once, at registration, and looked up on the class, so that an object that
        forwards unknown attributes to another handler still gets everything through its own
        ``handle``. Then ``handle`` is not called. A class that is not in the table counts as its
        nearest base class that is; an event without any is not for this handler.
        """
        ...


class DispatchContext(Protocol):
    """What handlers may ask about the stream whose event they are handling."""

    @property
    def current_event(self) -> Event | None:
        """The event being handled."""
        ...

    @property
    def current_run(self) -> Run | None:
        """The run as last seen."""
        ...

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message that was last seen, live."""
        ...

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step that was last seen, live."""
        ...


# A context variable and not a threading.local: it is the cheaper of the two here (a set with its
# reset, measured), it is as separate between threads, and it stays right should callbacks of two
# streams ever take turns in one thread, as coroutines or greenlets do. Each dispatch resets what it
# set, so that the outer stream's context is back when a callback has read another stream.
_context: ContextVar[DispatchContext | None] = ContextVar("stream_core.dispatch", default=None)


def current_context() -> DispatchContext | None:
    """Return the context of the innermost dispatch that this code runs in; None outside."""
    return _context.get()


def nearest(table: CallbackTable, event_class: type[Event]) -> Sequence[Callback]:
    """Return TABLE's row for EVENT_CLASS or its nearest base class; empty where there is none."""
    for base in event_class.__mro__:
        if base in table:
            return table[base]
    return ()


class Dispatcher:
    """The handlers of one stream.

    For each event class the callbacks that want it are collected at its first event and
    again after a registration. An event that nobody wants costs one dict lookup.

    Args:
        context: What ``current_context()`` is inside the handlers' callbacks.
    """

    __slots__ = ("_context", "_dispatching", "_entered", "_ready", "_tables")

    def __init__(self, context: DispatchContext | None = None) -> None:
        self._context = context
        self._dispatching = False
        self._entered = False
        self._tables: tuple[tuple[Handler, CallbackTable], ...] = ()
        self._ready: dict[type[Event], tuple[tuple[Callback, Handler], ...]] = {}

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The registered handlers, in order."""
        return tuple(handler for handler, _ in self._tables)

    @property
    def dispatching(self) -> bool:
        """True while a callback of these handlers runs."""
        return self._dispatching

    def register(self, *handlers: Handler) -> None:
        """Add HANDLERS after those that are there; all of them or, on an error, none.

        A handler registered by a callback gets events from the next one on.

        Raises:
            TypeError: One is a class, has no ``handle``, or has an async one.
            ValueError: One is registered already; it would get each event twice.
        """
        tables = list(self._tables)
        for handler in handlers:
            if any(handler is other for other, _ in tables):
                raise ValueError(
                    f"{handler!r} is registered already; a handler gets each event once: "
                    "make a second instance to have it run twice"
                )
            tables.append((handler, _table_of(handler)))
        # In this order: whoever finds the new dict finds the new tables too.
        self._tables = tuple(tables)
        self._ready = {}

    def wants(self, event_class: type[Event]) -> bool:
        """Return whether any handler has something to call for an event of EVENT_CLASS."""
        calls = self._ready.get(event_class)
        return bool(self._prepare(event_class) if calls is None else calls)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Set the context once for many dispatches, which then need not set it each."""
        token = _context.set(self._context)
        self._entered = True
        try:
            yield
        finally:
            self._entered = False
            _context.reset(token)

    def dispatch(self, event: Event) -> None:
        """Hand EVENT to every handler that wants it.

        Raises:
            ExceptionGroup: Two or more callbacks raised.
            BaseException: What the one callback raised.
        """
        try:
            calls = self._ready[event.__class__]
        except KeyError:
            calls = self._prepare(event.__class__)
        if not calls:
            return
        if self._entered and not self._dispatching:
            self._call(calls, event)
        else:
            token = _context.set(self._context)
            try:
                self._call(calls, event)
            finally:
                _context.reset(token)

    def _call(self, calls: tuple[tuple[Callback, Handler], ...], event: Event) -> None:
        """Run CALLS, all of them, and raise what they raised."""
        failures: list[Exception] | None = None
        outer = self._dispatching
        try:
            self._dispatching = True
            for callback, handler in calls:
                try:
                    callback(event)
                except Exception as exception:  # noqa: BLE001  # raised below, when all had their turn
                    exception.add_note(_note(callback, handler, event))
                    failures = [exception] if failures is None else [*failures, exception]
        except BaseException as leaving:
            for failure in failures or ():
                leaving.add_note(f"before it, at the same event: {failure!r}")
            raise
        finally:
            self._dispatching = outer
        if failures:
            try:
                raise _combined(failures, event)
            finally:
                # The frame is in the traceback, the traceback in the exception: no cycle.
                del failures

    def _prepare(self, event_class: type[Event]) -> tuple[tuple[Callback, Handler], ...]:
        """Collect and keep what to call for an event of EVENT_CLASS."""
        ready, calls = self._ready, []
        for handler, table in self._tables:
            for callback in nearest(table, event_class):
                calls.append((callback, handler))  # noqa: PERF401  # a comprehension is slower
        found = ready[event_class] = tuple(calls)
        return found


def _table_of(handler: Handler) -> CallbackTable:
    """Return HANDLER's callback table, or one that hands everything to ``handle``."""
    if isinstance(handler, type):
        name = handler.__name__
        raise TypeError(f"{name} is a class; register an instance of it: {name}()")
    handle = getattr(handler, "handle", None)
    if not callable(handle):
        raise TypeError(
            f"{handler!r} has no method handle(event), so it is no handler; "
            "subclass handlers.EventHandler, or write the method"
        )
    if inspect.iscoroutinefunction(handle):
        raise TypeError(
            f"{type(handler).__name__}.handle is async; handlers run inside the blocking reader, "
            "so write it with def"
        )
    if hasattr(type(handler), "callback_table"):
        table: CallbackTable = handler.callback_table()  # type: ignore[attr-defined]  # asked above
        return table
    return {Event: (handle,)}


def _note(callback: Callback, handler: Handler, event: Event) -> str:
    """Return the sentence that an exception carries out of a callback."""
    name = getattr(callback, "__name__", type(callback).__name__)
    return f"raised by {type(handler).__name__}.{name} for event {event.event}"


def _combined(failures: list[Exception], event: Event) -> Exception:
    """Return what leaves for FAILURES: the only one, or a group of all."""
    if len(failures) == 1:
        return failures[0]
    return ExceptionGroup(f"{len(failures)} callbacks failed at event {event.event}", failures)
