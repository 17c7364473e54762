"""The machinery under ``EventHandler`` that turns events into calls, without the callbacks.

Rules of this file:

- A class with a table ``routes`` of its own declares callbacks; its methods of these names, if it
  has any, are the empty ones. Callbacks that a subclass does not override are never called.
- The calls of a class are worked out once for each event class; nothing is bound to an instance.
- Nothing here computes a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from stream_core.dispatch import current_context

from .checks import check_handler_class, check_handler_instance
from .routes import Route, callbacks_of, method, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream_core import models
    from stream_core.events import Event

__all__ = ["CallbackHandler"]


#: The key of instances that no callback is assigned to.
_NONE: frozenset[str] = frozenset()


class CallbackHandler:
    """Turns events into calls of a class's own callbacks, by its table.

    ``EventHandler`` and ``AgentEventHandler`` are built on it; subclass one of these, unless you
    want callbacks with entirely different names.

    Attributes:
        routes: Event class -> the callbacks to call, in order, and their arguments. An event of a
            class that is not in it counts as one of its nearest base class that is.
        observes: For mixins: event class -> the name of a method that is called with every event
            of that class or of one derived from it, before any callback. Each base class may have
            such a table of its own; all of them apply, those of the last base first. So a mixin
            sees its events in whatever order classes are combined, and whichever callbacks are
            overridden without ``super()``.
        extra_callbacks: For base classes that add callbacks of their own: names starting with
            ``on_`` that are not misspelt. Those of all bases apply.
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
        """Make all calls for EVENT.

        A dispatcher does not use this method, but calls what :meth:`callbacks_for` returns,
        unless a subclass overrides this method: the override then gets every event, and nothing
        else is called except by ``super().handle(event)``.
        """
        cls = type(self)
        own = _own(cls) | vars(self).keys()
        for call in _calls(event.__class__, own, _observers(cls), cls.routes):
            call(self, event)

    def callback_key(self) -> frozenset[str]:
        """Return the names of the callbacks that are assigned to this instance.

        Raises:
            TypeError: One of them is not a callback, or not a plain function.
        """
        named = [name for name in vars(self) if name.startswith("on_") or name == "handle"]
        if not named:
            return _NONE
        check_handler_instance(self)
        known = callbacks_of(type(self))
        return frozenset(name for name in named if name in known or name == "handle")

    @classmethod
    def callbacks_for(
        cls, key: frozenset[str], event_class: type[Event], /
    ) -> tuple[Callable[[Any, Any], object], ...]:
        """Return what to call with an instance that has KEY and an event of EVENT_CLASS."""
        own = _own(cls) | key
        if "handle" in own:
            return (method("handle"),)
        return _calls(event_class, own, _observers(cls), cls.routes)

    # --- The stream whose event is being handled ----------------------------------------

    @property
    def current_event(self) -> Event | None:
        """The wire or derived event being handled, or None outside callbacks."""
        context = current_context()
        return None if context is None else context.current_event

    @property
    def current_run(self) -> models.Run | None:
        """The run as last seen, including this event; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run

    @property
    def current_message_snapshot(self) -> models.Message | None:
        """The message last seen, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_message_snapshot

    @property
    def current_run_step_snapshot(self) -> models.RunStep | None:
        """The run step last seen, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run_step_snapshot


def _own(cls: type[CallbackHandler]) -> set[str]:
    """Return the names of the callbacks of CLS that are not the empty ones."""
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
) -> tuple[Callable[[Any, Any], object], ...]:
    """Return the calls to make for an event of EVENT_CLASS, in order."""
    return (
        *(method(name) for base, name in observers if issubclass(event_class, base)),
        *(route.call for route in row_of(routes, event_class) if route.callback in own),
    )
