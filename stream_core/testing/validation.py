"""The checks of the values that users give, with errors that say what to give instead.

Rules of this file:

- A value of another kind is a TypeError, one out of bounds a ValueError: at once, where
  it is given, and not in the server's thread.
- A `Check` is an attrs validator, and can be called by name for plain arguments.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

from attrs import Attribute, field, frozen

__all__ = [
    "BYTES",
    "FLAG",
    "LINE",
    "NUMBER",
    "PORT",
    "SECONDS",
    "SIZE",
    "STATUS",
    "TEXT",
    "TEXTS",
    "Check",
    "check_items",
    "or_none",
    "sequence_of",
]

_PORTS = range(65536)
_STATUSES = range(200, 600)


@frozen
class Check:
    """What a value must be.

    Attributes:
        wanted: The same in words, e.g. "a text".
        fits: Whether a value is of the kind.
        holds: Whether a value of the kind is within bounds.
    """

    wanted: str
    fits: Callable[[Any], bool]
    holds: Callable[[Any], bool] = field(default=lambda _: True)

    def check(self, name: str, value: object) -> None:
        """Check a value.

        Args:
            name: Where it was given, e.g. ``LocalServer(port=...)``.
            value: The value.

        Raises:
            TypeError: It is of another kind.
            ValueError: It is out of bounds.
        """
        message = f"{name} takes {self.wanted}, not {reprlib.repr(value)}"
        if not self.fits(value):
            raise TypeError(message)
        if not self.holds(value):
            raise ValueError(message)

    def __call__(self, instance: object, attribute: Attribute[Any], value: object) -> None:
        """Check a field of a class made with attrs."""
        self.check(f"{type(instance).__name__}({attribute.name}=...)", value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, float) or _is_integer(value)


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def or_none(check: Check) -> Check:
    """Return a check that also accepts None."""
    return Check(
        f"{check.wanted}, or None",
        lambda value: value is None or check.fits(value),
        lambda value: value is None or check.holds(value),
    )


def sequence_of(*kinds: type, least: int = 0) -> Check:
    """Return a check for a list or tuple of at least ``least`` items of these classes."""
    names = " or ".join(kind.__name__ for kind in kinds)
    more = ", at least one" if least else ""
    return Check(
        f"a list of {names}{more}",
        lambda value: _is_sequence(value) and all(isinstance(item, kinds) for item in value),
        lambda value: len(value) >= least,
    )


def check_items(name: str, values: Sequence[object], kind: type, remedy: str) -> None:
    """Check the arguments of a method that takes any number of objects of one class.

    Args:
        name: The method.
        values: What it was given.
        kind: The class.
        remedy: An example of a right call.

    Raises:
        TypeError: One is of another class.
    """
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(
                f"{name}() takes {kind.__name__} objects, not {reprlib.repr(value)}: write {remedy}"
            )


TEXT = Check("a text", _is_text)
TEXTS = Check(
    "a list of texts", lambda value: _is_sequence(value) and all(_is_text(item) for item in value)
)
LINE = Check(
    "a text on one line", _is_text, lambda value: not any(mark in value for mark in "\r\n\0")
)
FLAG = Check("True or False", lambda value: isinstance(value, bool))
NUMBER = Check("a finite number", _is_number, math.isfinite)
SECONDS = Check("a number of seconds, 0 or more", _is_number, lambda value: 0 <= value < math.inf)
BYTES = Check("a number of bytes, 0 or more", _is_integer, lambda value: value >= 0)
SIZE = Check("a whole number, 1 or more", _is_integer, lambda value: value >= 1)
PORT = Check(
    "a port from 0 to 65535 (0 takes a free one)", _is_integer, lambda value: value in _PORTS
)
STATUS = Check("an HTTP status from 200 to 599", _is_integer, lambda value: value in _STATUSES)
