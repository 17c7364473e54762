"""Hands each event to every handler, in order, and handles their exceptions.

Rules of this file:

- The core knows one verb, ``handle(event)``; any object that has it is a handler. A handler's
  class may also declare what it calls for which events (see :class:`PlannedHandler`), which saves
  the calls for events that the handler ignores; it never changes what a handler sees.
- Every handler gets an event, in registration order, before the next event is looked at.
  There are no threads and no queues: handlers run inside the call of :meth:`dispatch`.
- An ``Exception`` from one handler does not keep the event from the others. It is then raised by
  :meth:`dispatch` as the same object, with a note that names handler, callback and event; two or
  more are raised as an ``ExceptionGroup``. Nothing is swallowed. What would end an iteration (a
  StopIteration, for one) is the cause of a RuntimeError, as it is in generators.
- ``KeyboardInterrupt`` and anything else that is not an ``Exception`` is raised at once.
- The consequences of an exception (closing, ``on_end``) are up to the caller.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from contextvars import Token

    from .models import Message, Run, RunStep

    #: A function that is called with a handler and an event.
    Callback: TypeAlias = Callable[[Any, Any], object]
    #: Callbacks, each with the position of its handler.
    Calls: TypeAlias = tuple[tuple[Callback, int], ...]
    Kind: TypeAlias = tuple[type["PlannedHandler"], Hashable] | None

__all__ = [
    "DispatchContext",
    "Dispatcher",
    "Handler",
    "Plan",
    "PlannedHandler",
    "current_context",
    "lazy_kind",
]


class Handler(Protocol):
    """Anything with ``handle(event)``."""

    def handle(self, event: Event, /) -> object:
        """Handle EVENT; the return value is ignored."""
        ...


class PlannedHandler(Handler, Protocol):
    """A handler whose class declares beforehand what it calls for which events."""

    def callback_key(self) -> Hashable:
        """Return what :meth:`callbacks_for` must know about this handler besides its class.

        It is called once, at registration, and looked up on the class, so that an object that
        forwards unknown attributes to another handler still gets everything through its own
        ``handle``.

        Raises:
            TypeError: One of its callbacks is invalid.
        """
        ...

    @classmethod
    def callbacks_for(cls, key: Any, event_class: type[Event], /) -> Sequence[Callback]:
        """Return what to call, in order, with an event and a handler of this class and KEY.

        The result is cached for all such handlers; ``handle`` is not called.
        """
        ...


class DispatchContext(Protocol):
    """The state of the stream whose event is being handled, as handlers see it."""

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
        """The message last seen, live."""
        ...

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step last seen, live."""
        ...


# A context variable rather than a threading.local: it is the cheaper of the two here (a set with
# its reset, measured), it is just as separate between threads, and it stays right if callbacks of
# two streams take turns in one thread, as coroutines or greenlets do. Each dispatch resets what it
# set, so that the outer stream's context is back after a callback has read another stream.
_context: ContextVar[DispatchContext | None] = ContextVar("stream_core.dispatch", default=None)


def current_context() -> DispatchContext | None:
    """Return the context of the innermost dispatch that this code runs in, or None outside."""
    return _context.get()


class Plan(dict[type[Event], "Calls"]):
    """The calls to make for each event class: found at the first lookup, and kept.

    It is the same for all streams with handlers of the same classes in the same order, so it
    refers to handlers by position. A row is empty if no handler wants events of that class;
    that is so cheap to look up that such events need not even be created.

    Args:
        kinds: For each handler its class and key, or None if it has only ``handle``.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        super().__init__()
        self._kinds = kinds

    def __missing__(self, event_class: type[Event]) -> Calls:
        """Find the row of EVENT_CLASS."""
        found: list[tuple[Callback, int]] = []
        for place, kind in enumerate(self._kinds):
            calls = (handle,) if kind is None else kind[0].callbacks_for(kind[1], event_class)
            found += [(call, place) for call in calls]
        row = self[event_class] = tuple(found)
        return row


#: How many combinations of handler classes are cached; a program has a few.
_REMEMBERED_PLANS = 256


@lru_cache(maxsize=_REMEMBERED_PLANS)
def _plan_of(kinds: tuple[Kind, ...]) -> Plan:
    """Return the plan for handlers of these KINDS."""
    return Plan(kinds)


def handle(handler: Handler, event: Event) -> object:
    """Call the one method that every handler has."""
    return handler.handle(event)


#: What ends iterators and generators: leaving from a callback, it would be taken for the end.
_ENDINGS = (StopIteration, StopAsyncIteration, GeneratorExit)

#: The plan of a stream without handlers.
_NO_PLAN = _plan_of(())


class Dispatcher:
    """The handlers of one stream.

    Args:
        context: What ``current_context()`` returns inside the handlers' callbacks.

    Attributes:
        handlers: The registered handlers, in order.
        plan: The calls to make for each event class; a new one after each registration.
            An event that nobody wants costs one lookup in it.
        dispatching: Whether a callback of these handlers is running.
        entered: Whether :meth:`enter` has been called, and :meth:`leave` not yet.
    """

    __slots__ = ("_context", "_kinds", "dispatching", "entered", "handlers", "plan")

    def __init__(self, context: DispatchContext | None = None) -> None:
        self.handlers: tuple[Handler, ...] = ()
        self.plan = _NO_PLAN
        self.dispatching = False
        self._kinds: tuple[Kind, ...] = ()
        self._context = context
        self.entered = False

    def register(self, *handlers: Handler) -> None:
        """Add HANDLERS after the present ones: all of them or, on an error, none.

        A handler registered by a callback gets events from the next one on.

        Raises:
            TypeError: A handler is a class, has no ``handle``, or one that does nothing when it
                is called: an async or a generator function.
            ValueError: A handler is already registered; it would get each event twice.
        """
        found, kinds = list(self.handlers), list(self._kinds)
        for handler in handlers:
            if any(handler is other for other in found):
                raise ValueError(
                    f"{handler!r} is already registered, and a handler gets each event once; "
                    "register a second instance to handle each event twice"
                )
            found.append(handler)
            kinds.append(_kind_of(handler))
        # In this order, so that the handlers of a row of the new plan are already there.
        self.handlers, self._kinds = tuple(found), tuple(kinds)
        self.plan = _plan_of(self._kinds)

    def enter(self) -> Token[DispatchContext | None]:
        """Set the context once for many dispatches, so that each need not set it.

        Returns:
            A token for :meth:`leave`, which must follow.
        """
        self.entered = True
        return _context.set(self._context)

    def leave(self, token: Token[DispatchContext | None]) -> None:
        """Undo what :meth:`enter` did."""
        self.entered = False
        _context.reset(token)

    def dispatch(self, event: Event) -> None:
        """Hand EVENT to every handler that wants it.

        Raises:
            ExceptionGroup: Two or more callbacks raised.
            BaseException: The exception of the only callback that raised.
        """
        calls = self.plan[event.__class__]
        if not calls:
            return
        failures: list[Exception] | None = None
        handlers, outer = self.handlers, self.dispatching
        token = None if self.entered and not outer else _context.set(self._context)
        self.dispatching = True
        try:
            for call, place in calls:
                try:
                    call(handlers[place], event)
                except (Exception, GeneratorExit) as exception:  # noqa: BLE001  # raised below, after all had their turn
                    failures = [
                        *(failures or ()),
                        _explained(exception, call, handlers[place], event),
                    ]
        except BaseException as leaving:
            for failure in failures or ():
                leaving.add_note(f"before it, at the same event: {failure!r}")
            raise
        finally:
            self.dispatching = outer
            if token is not None:
                _context.reset(token)
        if failures:
            try:
                raise _combined(failures, event)
            finally:
                # The frame is in the traceback, the traceback in the exception: no cycle.
                del failures


def _kind_of(handler: Handler) -> Kind:
    """Return how a plan knows HANDLER: class and key, or None if it has only ``handle``."""
    if isinstance(handler, type):
        name = handler.__name__
        raise TypeError(f"{name} is a class; register an instance of it: {name}()")
    handle = getattr(handler, "handle", None)
    if not callable(handle):
        remedy = "subclass handlers.EventHandler or add one"
        if isinstance(handler, list | tuple | set | frozenset):
            remedy = "pass handlers one by one, or as handlers=[...] to a client's call"
        raise TypeError(f"{handler!r} is not a handler: it has no handle(event) method; {remedy}")
    if (kind := _lazy_kind(getattr(handle, "__func__", handle))) is not None:
        raise TypeError(
            f"{type(handler).__name__}.handle is {kind}, so calling it would do nothing: handlers "
            "run inside the blocking reader; define it with def, and without yield"
        )
    cls: Any = type(handler)
    return (cls, cls.callback_key(handler)) if hasattr(cls, "callback_key") else None


#: Kinds of functions that do nothing when called, and their names.
_LAZY = (
    (inspect.iscoroutinefunction, "an async function"),
    (inspect.isasyncgenfunction, "an async generator function"),
    (inspect.isgeneratorfunction, "a generator function"),
)


@lru_cache(maxsize=_REMEMBERED_PLANS)
def _lazy_kind(function: Callable[..., object]) -> str | None:
    """Return :func:`lazy_kind` of FUNCTION, found once."""
    return lazy_kind(function)


def lazy_kind(function: object) -> str | None:
    """Return what FUNCTION is if calling it would do nothing, e.g. an async function; else None."""
    return next((kind for is_kind, kind in _LAZY if is_kind(function)), None)


def _note(callback: Callback, handler: Handler, event: Event) -> str:
    """Return the note that an exception from a callback carries."""
    name = getattr(callback, "__name__", type(callback).__name__)
    return f"raised by {type(handler).__name__}.{name} for event {event.event}"


def _explained(
    exception: BaseException, callback: Callback, handler: Handler, event: Event
) -> Exception:
    """Return the exception to raise for EXCEPTION, with a note of where it comes from."""
    if isinstance(exception, Exception) and not isinstance(exception, _ENDINGS):
        made = exception
    else:
        name = type(exception).__name__
        made = RuntimeError(f"a callback raised {name}, which would end an iteration")
        made.__cause__ = exception
    made.add_note(_note(callback, handler, event))
    return made


def _combined(failures: list[Exception], event: Event) -> Exception:
    """Return the exception to raise for FAILURES: the only one, or a group of all."""
    if len(failures) == 1:
        return failures[0]
    return ExceptionGroup(f"{len(failures)} callbacks failed at event {event.event}", failures)
