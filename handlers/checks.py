"""Checks of handler classes, made when a class is defined.

With a callback that is misspelt, async or hidden, a stream would otherwise run to its end and do
nothing. Rules of this file: every error is a ``TypeError`` that names class and method and
says what to write instead; a function that cannot be inspected passes; a decorated one is judged
by the decorator's function, which is what is called.
"""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any

from stream_core.dispatch import lazy_kind

from .routes import callbacks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .routes import Route

__all__ = ["check_handler_class", "check_handler_instance"]


def check_handler_class(cls: type) -> None:
    """Check CLS, a new subclass of the handler class that declares its callbacks.

    That is the nearest base with a table ``routes`` of its own. The check covers the names that
    start with ``on_`` in CLS itself and in its mixins: the bases that do not derive from the
    declaring class, and so have not been checked yet.

    Raises:
        TypeError: CLS has two tables; a name is not a callback; a callback is hidden by the
            base's own, is not a plain function, or cannot take its arguments; an observer does
            not exist.
    """
    base, *others = (one for one in cls.__mro__ if "routes" in vars(one))
    for other in others:
        if not issubclass(base, other):
            raise TypeError(
                f"{cls.__name__} derives from {base.__name__} and {other.__name__}, which call the "
                "same names with different arguments: derive from one, or register two handlers"
            )
    for owner in cls.__mro__:
        if owner is cls or not issubclass(owner, base):
            for name in _callbacks(owner, vars(owner), cls):
                if cls.__mro__.index(owner) > cls.__mro__.index(base):
                    raise TypeError(_hidden(owner, name, cls, base))
                takes_self = _takes_self(vars(owner)[name])
                route = callbacks_of(cls)[name]
                _check(owner, route, getattr(owner, name), takes_self=takes_self)
        for name in vars(owner).get("observes", {}).values():
            if not callable(getattr(cls, name, None)):
                raise TypeError(
                    f"{owner.__name__}.observes names {name}, which is not a method of "
                    f"{cls.__name__}: define it, or correct the name"
                )


def check_handler_instance(handler: object) -> None:
    """Check the callbacks that were assigned to HANDLER itself.

    Raises:
        TypeError: A name is not a callback; a callback is not a plain function, or cannot take
            its arguments.
    """
    cls = type(handler)
    for name in _callbacks(cls, vars(handler), cls):
        _check(cls, callbacks_of(cls)[name], vars(handler)[name], takes_self=False)


def _callbacks(owner: type, names: Iterable[str], cls: type) -> Iterator[str]:
    """Yield those of NAMES, the names in OWNER, that are callbacks of the handler class CLS."""
    for name in names:
        if not name.startswith("on_"):
            continue
        if name in callbacks_of(cls):
            yield name
        elif not any(name in vars(one).get("extra_callbacks", ()) for one in cls.__mro__):
            raise TypeError(_unknown(owner, name, callbacks_of(cls)))


def _unknown(owner: type, name: str, callbacks: Collection[str]) -> str:
    """Return the error text for NAME, which is not one of CALLBACKS."""
    from difflib import get_close_matches

    # The wire's names begin with "thread.", the callbacks' do not: a likely slip in itself.
    short = name.replace("thread_", "", 1)
    meant = [short] if short in callbacks else get_close_matches(name, callbacks, n=1)
    hint = f"did you mean {meant[0]}?" if meant else "handlers.ROUTES lists them all."
    return (
        f"{owner.__name__}.{name} is not a callback; {hint} Every name that starts with on_ is "
        "taken for a callback: rename a method of your own, or list it in the class attribute "
        "extra_callbacks"
    )


def _hidden(owner: type, name: str, cls: type, base: type) -> str:
    """Return the error text for OWNER's callback NAME, which CLS would inherit from BASE."""
    return (
        f"{owner.__name__}.{name} is hidden by the empty {base.__name__}.{name}: "
        f"put {owner.__name__} before {base.__name__} among the bases of {cls.__name__}"
    )


def _check(owner: type, route: Route, function: object, *, takes_self: bool) -> None:
    """Check that FUNCTION, the callback of OWNER that ROUTE names, can take its arguments."""
    name, arguments = route.callback, route.arguments
    example = f"define it as def {name}({', '.join(('self', *arguments))})"
    if not callable(function):
        raise TypeError(f"{owner.__name__}.{name} is not callable; {example}")
    if (kind := lazy_kind(function)) is not None:
        raise TypeError(
            f"{owner.__name__}.{name} is {kind}, so calling it would do nothing; "
            f"callbacks run inside the blocking reader, so {example}"
        )
    for signature in _signatures(function):
        try:
            signature.bind(*(("self",) if takes_self else ()), *arguments)
        except TypeError as error:
            raise TypeError(
                f"{owner.__name__}.{name}{signature} cannot be called as {route} ({error}); "
                f"{example}"
            ) from None


def _signatures(function: object) -> Iterator[inspect.Signature]:
    """Yield the signatures that must take the arguments, as far as they are known.

    That is the function's own. A decorator that uses ``functools.wraps`` leads on to the function
    that it decorates; only if its own takes any arguments, it passes them on, and they count there.
    """
    found = function
    while callable(found):
        try:
            signature = inspect.signature(found, follow_wrapped=False)
        except (NameError, TypeError, ValueError):  # builtins, annotations that do not evaluate
            return
        yield signature
        if not any(x.kind is x.VAR_POSITIONAL for x in signature.parameters.values()):
            return
        wrapped: Any = getattr(found, "__wrapped__", None)
        owner = getattr(found, "__self__", None)
        # A bound method of a decorated function passes its object on, too.
        is_bound = owner is not None and callable(wrapped)
        found = functools.partial(wrapped, owner) if is_bound else wrapped


def _takes_self(value: object) -> bool:
    """Return whether VALUE, an attribute of a class, gets the instance as its first argument."""
    if isinstance(value, functools.partial):  # 3.13 gave it a __get__ that only warns
        return sys.version_info >= (3, 14)
    return hasattr(type(value), "__get__") and not isinstance(value, (classmethod, staticmethod))
