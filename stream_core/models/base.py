"""The base classes of payloads and events."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from attrs import define, field, fields

from .surrogates import split_half, whole_text

__all__ = [
    "Growing",
    "Payload",
    "Record",
    "evolve",
]


class Record:
    """Base class of payloads and events: equal by class and fields; shown without empty fields."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Return whether OTHER has the same class and equal fields."""
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _names(self))

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        """Return the constructor call without the fields that are None or empty."""
        values = [(name, getattr(self, name)) for name in _names(self)]
        facts = [f"{name}={x!r}" for name, x in values if x is not None and x not in ("", [], {})]
        return f"{self.__class__.__name__}({', '.join(facts)})"


def _names(record: Any) -> list[str]:
    """Return the names of RECORD's fields as the constructor takes them, in order."""
    return [attribute.alias for attribute in fields(record.__class__)]


@define(eq=False, repr=False)
class Payload(Record):
    """Base class of all payloads.

    Payloads are made from JSON without ``__init__``, field by field, so no payload class has
    validators, converters or ``__attrs_post_init__``.

    ``NEEDED`` names the fields without which the meaning of the payload would be in doubt: what
    identifies it and what carries its content. If another field has a value of the wrong type,
    the field keeps its default, and the value is in ``extra``. None means that all are needed.
    """

    NEEDED: ClassVar[tuple[str, ...] | None] = None

    _extra: dict[str, Any] | None = field(default=None, kw_only=True, alias="extra")

    @property
    def extra(self) -> dict[str, Any]:
        """What the server sent but the class cannot hold, by key, as sent.

        These are the keys that the class does not know, and the values of the wrong type of
        fields that are not needed.
        """
        return {} if self._extra is None else self._extra

    def keep_extra(self, extra: dict[str, Any]) -> None:
        """Keep EXTRA, what the class cannot hold."""
        self._extra = extra


_P = TypeVar("_P", bound=Payload)


def evolve(payload: _P, **changes: Any) -> _P:
    """Return a new payload like PAYLOAD except for CHANGES, which are named as in its constructor.

    This is ``attrs.evolve`` for payloads, at a fifth of its cost: they are made without
    ``__init__``, and the code for each class and each set of names is generated once.

    Raises:
        TypeError: There is no field of such a name.
    """
    cls: Any = payload.__class__
    made: _P = _evolver(cls, tuple(changes))(payload, changes)
    return made


@cache
def _evolver(cls: Any, changed: tuple[str, ...]) -> Callable[[Any, dict[str, Any]], Any]:
    """Return what makes a new CLS of another one and of a dict with the CHANGED values.

    The cache has as many entries as the code has ways to call ``evolve``.
    """
    unknown = {*changed} - {attribute.alias for attribute in fields(cls)}
    if unknown:
        raise TypeError(f"{cls.__name__} has no field {', '.join(map(repr, sorted(unknown)))}")
    lines = ["def evolved(one, changes):", "    made = new(cls)"]
    for attribute in fields(cls):
        name, alias = attribute.name, attribute.alias
        value = f"changes[{alias!r}]" if alias in changed else f"one.{name}"
        lines.append(f"    made.{name} = {value}")
    scope: dict[str, Any] = {"new": object.__new__, "cls": cls}
    exec("\n".join([*lines, "    return made"]), scope)  # noqa: S102  # made of our own classes
    made: Callable[[Any, dict[str, Any]], Any] = scope["evolved"]
    return made


def _grow(text: str) -> Generator[str, str, None]:
    """Hold TEXT as its only owner, so that CPython can extend it in place.

    ``+=`` on a local variable that holds the only reference extends the string instead of
    copying it, even between two reads; on an attribute it copies at every read. On an
    interpreter that does not do so, the result is the same, only slower.
    """
    while True:
        text += yield text


class Growing(Payload):
    """A payload with one text field that a stream appends to.

    The field named by ``GROWS`` is an ordinary attribute until the first :meth:`grow`.
    From then on the attribute is unset and read through ``__getattr__``, so that n
    deltas cost O(n), even if the text is read at each of them.

    Attributes:
        half: The first half of a surrogate pair that waits for the second, or "". It is not
            part of the text yet.
    """

    __slots__ = ("_by_index", "_send", "half")
    GROWS: ClassVar[str]
    _by_index: dict[int | None, Any]
    _send: Callable[[str], str]
    half: str

    def grow(self, piece: str, *, whole: bool = False) -> str:
        """Append PIECE to the growing field.

        Args:
            piece: What to append. A first half of a surrogate pair at its end waits for the
                second; any other half that is alone becomes U+FFFD.
            whole: Whether PIECE was cut from a whole text, after what the field has. Then no half
                waits: one at its end stays alone, and one that waited is part of PIECE.

        Returns:
            What was appended.
        """
        if self.half or not piece.isascii():
            piece = self._mended(piece, whole=whole)
        self._send(piece)
        return piece

    def flush(self) -> str:
        """Append U+FFFD if a half waits, because no second one will come.

        Returns:
            What was appended.
        """
        if not self.half:
            return ""
        self.half = ""
        self._send("\ufffd")
        return "\ufffd"

    @property
    def appender(self) -> Callable[[str], object]:
        """A function that appends a piece; the fastest way to append many.

        It appends the piece as it is: use it only as long as the pieces can be encoded and
        ``half`` is empty.
        """
        self.grow("")
        return self._send

    def _mended(self, piece: str, *, whole: bool) -> str:
        """Return what to append for PIECE, and keep the half at its end."""
        if whole and piece:
            self.half = ""
            return whole_text(piece)
        made, self.half = split_half(self.half + piece)
        return made

    def _begin(self, piece: str) -> str:
        """Append the first PIECE; this is ``_send`` until that is set."""
        # Not by getattr: if there is no text, __getattr__ would come back here.
        grower = _grow(object.__getattribute__(self, self.GROWS) or "")
        next(grower)
        self._send = grower.send
        delattr(self, self.GROWS)
        return grower.send(piece)

    def by_index(self, items: list[Any]) -> dict[int | None, Any]:
        """Return ITEMS, a list of this payload, by their ``index``; kept for the next call.

        Code that adds to the list must add to the dict too.
        """
        try:
            return self._by_index
        except AttributeError:
            self._by_index = {x.index: x for x in items if x.index is not None}
            return self._by_index

    # A typed __getattr__ would accept every misspelt name.
    if not TYPE_CHECKING:  # pragma: no branch  # never false at run time

        def __getattr__(self, name: str) -> Any:
            if name == "_send":
                return self._begin
            if name == "half":
                self.half = ""
                return ""
            if name == self.GROWS:
                return self._send("")
            message = f"{self.__class__.__name__!r} object has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=self)
