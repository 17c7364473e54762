"""What all payloads and events have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field, fields

__all__ = [
    "Growing",
    "Payload",
    "Record",
]


class Record:
    """Base of payloads and events: equal by class and fields, printed without what is empty."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Equal when the class is the same and every field is equal."""
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _names(self))

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        """Return a constructor-like text that leaves out what is None or empty."""
        values = [(name, getattr(self, name)) for name in _names(self)]
        facts = [f"{name}={x!r}" for name, x in values if x is not None and x not in ("", [], {})]
        return f"{self.__class__.__name__}({', '.join(facts)})"


def _names(record: Any) -> list[str]:
    """Return the names of RECORD's fields as the constructor knows them, in order."""
    return [attribute.alias for attribute in fields(record.__class__)]


@define(eq=False, repr=False)
class Payload(Record):
    """Base of all payloads.

    What is made of JSON is made without ``__init__``, field by field, so no payload class has
    validators, converters or ``__attrs_post_init__``.
    """

    _extra: dict[str, Any] | None = field(default=None, kw_only=True, alias="extra")

    @property
    def extra(self) -> dict[str, Any]:
        """The keys that the server sent and the class does not know, as sent."""
        return {} if self._extra is None else self._extra

    def keep_extra(self, extra: dict[str, Any]) -> None:
        """Keep EXTRA, the keys that the class does not know."""
        self._extra = extra


def _grow(text: str) -> Generator[str, str, None]:
    """Hold TEXT as its only owner, so that CPython can extend it in place.

    ``+=`` on a local variable that holds the only reference extends the string instead of
    copying it, also between two reads; on an attribute it copies at every read. Where an
    interpreter does not do so the result is the same, only slower.
    """
    while True:
        text += yield text


class Growing(Payload):
    """A payload with one text field that a stream appends to.

    The field named by ``GROWS`` is an ordinary attribute until the first :meth:`grow`.
    From then on the attribute is unset and read through ``__getattr__``, so that n
    deltas cost O(n), also when the text is read at each of them.
    """

    __slots__ = ("_by_index", "_send")
    GROWS: ClassVar[str]
    _by_index: dict[int | None, Any]
    _send: Callable[[str], str]

    def grow(self, piece: str) -> None:
        """Append PIECE to the growing field."""
        self._send(piece)

    @property
    def appender(self) -> Callable[[str], object]:
        """What appends a piece; for whoever has many, it is the fastest way."""
        self._send("")
        return self._send

    def _begin(self, piece: str) -> str:
        """Append the first PIECE: what ``_send`` is until it is set."""
        # Not by getattr: where there is no text, __getattr__ would come back here.
        grower = _grow(object.__getattribute__(self, self.GROWS) or "")
        next(grower)
        self._send = grower.send
        delattr(self, self.GROWS)
        return grower.send(piece)

    def by_index(self, items: list[Any]) -> dict[int | None, Any]:
        """Return ITEMS, a list of this payload's, by their ``index``; kept for the next call.

        Whoever adds to the list adds to the dict too.
        """
        try:
            return self._by_index
        except AttributeError:
            self._by_index = {x.index: x for x in items if x.index is not None}
            return self._by_index

    # A typed __getattr__ would accept every misspelt name.
    if not TYPE_CHECKING:  # pragma: no branch  # never false when it runs

        def __getattr__(self, name: str) -> Any:
            if name == "_send":
                return self._begin
            if name == self.GROWS:
                return self._send("")
            message = f"{self.__class__.__name__!r} object has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=self)
