"""How a handler class becomes calls: the machinery under ``EventHandler``, without its callbacks.

Rules of this file:

- A class with a table ``routes`` of its own declares callbacks; its methods of these names, if it
  has any, are the empty ones. Callbacks that a subclass leaves alone are never called.
- What a class calls is worked out once per class, and bound once per instance and stream.
- Nothing here computes a name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from stream_core.dispatch import current_context
from stream_core.events import Event

from .checks import check_handler_class, check_handler_instance
from .routes import Route, callbacks_of, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream_core import models

__all__ = ["CallbackHandler"]


class CallbackHandler:
    """Turns events into calls of a class's own callbacks, by its table.

    ``EventHandler`` and ``AgentEventHandler`` are made of it; subclass one of these, unless you
    want callbacks of quite other names.

    Attributes:
        routes: Event class -> the callbacks to call, in order, and their arguments. An event of a
            class that is not in it counts as one of its nearest base class that is.
        observes: For mixins: event class -> name of a method that is called with every such
            event, of that class or one derived from it, before any callback. Each class in a
            class's bases may have such a table of its own; all of them hold, those of the last
            base first. So a mixin sees its events in whatever order classes are combined, and
            whatever callbacks are overridden without ``super()``.
        extra_callbacks: For base classes that add callbacks of their own: names starting with
            ``on_`` that are not misspelt. Those of all bases hold.
    """

    routes: ClassVar[Mapping[type[Event], Sequence[Route]]] = {}
    observes: ClassVar[Mapping[type[Event], str]] = {}
    extra_callbacks: ClassVar[Iterable[str]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check the callbacks of a new subclass."""
        super().__init_subclass__(**kwargs)
        if "routes" not in vars(cls):
            check_handler_class(cls)

    # --- What a dispatcher calls --------------------------------------------------------

    def handle(self, event: Event, /) -> None:
        """Call whatever there is for EVENT.

        A dispatcher does not come through here, but calls what :meth:`callback_table` lists,
        unless a subclass overrides this method: then that one gets every event, and nothing
        else is called but by ``super().handle(event)``.
        """
        cls = type(self)
        own = _own(cls) | vars(self).keys()
        for call in _calls(event.__class__, own, _observers(cls), cls.routes):
            _bound(self, call)(event)

    def callback_table(self) -> dict[type[Event], tuple[Callable[[Any], object], ...]]:
        """Return what there is to call for each event class (``TableHandler.callback_table``).

        Raises:
            TypeError: A callback assigned to this instance is none, or not a plain function.
        """
        cls: Any = type(self)  # hashable, which type checkers do not see behind the cache
        known = callbacks_of(cls)
        assigned = frozenset([name for name in vars(self) if name in known or name == "handle"])
        if assigned or any(name.startswith("on_") for name in vars(self)):
            check_handler_instance(self)
        methods: dict[Route | str, Callable[[Any], object]] = {}
        table = {}
        for event_class, calls in _plan(cls, assigned):
            for call in calls:
                if call not in methods:
                    methods[call] = _bound(self, call)
            table[event_class] = tuple([methods[call] for call in calls])
        return table

    # --- The stream whose event is being handled ----------------------------------------

    @property
    def current_event(self) -> Event | None:
        """The wire or derived event being handled; None outside callbacks."""
        context = current_context()
        return None if context is None else context.current_event

    @property
    def current_run(self) -> models.Run | None:
        """The run as last seen, this event included; None before it, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run

    @property
    def current_message_snapshot(self) -> models.Message | None:
        """The message last heard of, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_message_snapshot

    @property
    def current_run_step_snapshot(self) -> models.RunStep | None:
        """The run step last heard of, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run_step_snapshot


#: How many handler classes are remembered; a program has a few.
_REMEMBERED_CLASSES = 256


@lru_cache(maxsize=_REMEMBERED_CLASSES)
def _plan(
    cls: type[CallbackHandler], assigned: frozenset[str]
) -> tuple[tuple[type[Event], tuple[Route | str, ...]], ...]:
    """Return what instances of CLS have to call, in order, for each event class.

    Args:
        cls: The handler's class.
        assigned: Names of callbacks that were assigned to the instance.

    Returns:
        Event classes with routes of callbacks, and names of observers.
    """
    own = _own(cls) | assigned
    if "handle" in own:
        return ((Event, ("handle",)),)
    observers = _observers(cls)
    rows = []
    for event_class in dict.fromkeys((*(base for base, _ in observers), *cls.routes)):
        calls = _calls(event_class, own, observers, cls.routes)
        if calls:
            rows.append((event_class, calls))
    return tuple(rows)


def _own(cls: type[CallbackHandler]) -> set[str]:
    """Return the names of the callbacks that CLS has and that are not the empty ones."""
    declares = next(one for one in cls.__mro__ if "routes" in vars(one))
    return {
        name
        for name in (*callbacks_of(cls), "handle")
        if getattr(cls, name, None) is not getattr(declares, name, None)
    }


def _observers(cls: type[CallbackHandler]) -> list[tuple[type[Event], str]]:
    """Return what the bases of CLS observe, the last base's first."""
    tables = [vars(one).get("observes", {}) for one in reversed(cls.__mro__)]
    return [row for table in tables for row in table.items()]


def _calls(
    event_class: type[Event],
    own: set[str],
    observers: list[tuple[type[Event], str]],
    routes: Mapping[type[Event], Sequence[Route]],
) -> tuple[Route | str, ...]:
    """Return what there is to call for an event of EVENT_CLASS, in order."""
    return (
        *(name for base, name in observers if issubclass(event_class, base)),
        *(route for route in row_of(routes, event_class) if route.callback in own),
    )


def _bound(handler: CallbackHandler, call: Route | str) -> Callable[[Any], object]:
    """Return the function of one event that CALL means for HANDLER."""
    if isinstance(call, str):
        found: Callable[[Any], object] = getattr(handler, call)
        return found
    return call.bind(getattr(handler, call.callback))
