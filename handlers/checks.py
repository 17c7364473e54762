"""What is wrong with a handler class, said where the class is defined.

A callback that is misspelt, async or hidden would otherwise be a stream that runs to its end and
does nothing. Rules of this file: every error is a ``TypeError`` that names class and method and
says what to write instead; what cannot be inspected is let through.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .routes import CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .routes import Route

__all__ = ["check_handler_class"]

#: Kinds of functions that do nothing when they are called, and their names.
_LAZY = (
    (inspect.iscoroutinefunction, "async"),
    (inspect.isasyncgenfunction, "an async generator"),
    (inspect.isgeneratorfunction, "a generator"),
)


def check_handler_class(cls: type, base: type) -> None:
    """Check CLS, a new subclass of the handler class BASE.

    Looked at are the names that start with ``on_`` in CLS itself and in those of its bases that
    do not derive from BASE and have not been looked at therefore.

    Raises:
        TypeError: A name is no callback; a callback is hidden by BASE's own, is not a plain
            function, cannot take its arguments, or an observer does not exist.
    """
    further = {name for one in cls.__mro__ for name in vars(one).get("extra_callbacks", ())}
    for owner, name in _names(cls, base):
        if name in further:
            continue
        if name not in CALLBACKS:
            raise TypeError(_unknown(owner, name))
        if cls.__mro__.index(owner) > cls.__mro__.index(base):
            raise TypeError(
                f"{owner.__name__}.{name} is hidden by the empty {base.__name__}.{name}: "
                f"put {owner.__name__} before {base.__name__} among the bases of {cls.__name__}"
            )
        _check_callback(owner, name, CALLBACKS[name])
    for owner in cls.__mro__:
        for name in vars(owner).get("observes", {}).values():
            if not callable(getattr(cls, name, None)):
                raise TypeError(f"{owner.__name__}.observes names {name}, which is no method")


def _names(cls: type, base: type) -> Iterator[tuple[type, str]]:
    """Yield the names that start with ``on_``, each with the class it stands in."""
    for owner in cls.__mro__:
        if owner is cls or not issubclass(owner, base):
            yield from ((owner, name) for name in vars(owner) if name.startswith("on_"))


def _unknown(owner: type, name: str) -> str:
    """Return the sentence about NAME, which is no callback."""
    from difflib import get_close_matches

    meant = get_close_matches(name, CALLBACKS, n=1)
    hint = f"did you mean {meant[0]}?" if meant else "handlers.ROUTES lists them all."
    return (
        f"{owner.__name__}.{name} is not a callback; {hint} Every name that starts with on_ is "
        "taken for a callback: call a method of your own something else, or list it in the class "
        "attribute extra_callbacks"
    )


def _check_callback(owner: type, name: str, route: Route) -> None:
    """Check that OWNER's callback NAME can be called as ROUTE says."""
    function = getattr(owner, name)
    if not callable(function):
        raise TypeError(f"{owner.__name__}.{name} is not callable; define it as {_example(route)}")
    for is_kind, kind in _LAZY:
        if is_kind(function):
            raise TypeError(
                f"{owner.__name__}.{name} is {kind} function, so calling it would do nothing; "
                f"callbacks run inside the blocking reader: define it as {_example(route)}"
            )
    try:
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError):  # e.g. builtins, annotations that do not evaluate
        return
    instance = ("self",) if _takes_instance(vars(owner)[name]) else ()
    try:
        signature.bind(*instance, *route.arguments)
    except TypeError as error:
        raise TypeError(
            f"{owner.__name__}.{name}{signature} cannot be called as {route} ({error}); "
            f"define it as {_example(route)}"
        ) from None


def _takes_instance(value: Any) -> bool:
    """Return whether VALUE, as it stands in a class, gets the instance as first argument."""
    return hasattr(type(value), "__get__") and not isinstance(value, (classmethod, staticmethod))


def _example(route: Route) -> str:
    """Return the first line of a method for ROUTE."""
    return f"def {route.callback}({', '.join(('self', *route.arguments))})"
