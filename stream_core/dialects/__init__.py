"""Dialects: one module or package per wire, which maps its frames to events.

A dialect is sans-I/O and yields :class:`Decoded`, not finished events: a delta event
carries its snapshot, and only ``snapshots``, which knows what came before, can supply it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from attrs import define, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import TypeGuard

    from stream_core.events import WireEvent
    from stream_core.sse import IgnoredLine, ServerSentEvent

__all__ = [
    "DIALECTS",
    "NO_OBJECTS",
    "CanRepeat",
    "Counts",
    "Decoded",
    "DeltaRow",
    "Dialect",
    "HasObjects",
    "HoldsBack",
    "ObjectTable",
    "ReadsIgnored",
    "Repeats",
    "holds_back",
    "is_bare_word",
    "make_dialect",
    "objects_of",
    "reads_ignored",
    "repeats_of",
    "wire_of",
]


@define(eq=False)
class Decoded:
    """One event that a frame means, before its snapshot is added.

    Attributes:
        event_class: The class of the event.
        payload: Its ``data``.
        raw: The JSON value as sent.
        name: The wire name.
        synthetic: True if the dialect derived it from other frames.
    """

    event_class: type[WireEvent[Any]]
    payload: Any
    raw: Any
    name: str
    synthetic: bool = False


class Dialect(Protocol):
    """One wire."""

    def decode(self, frame: ServerSentEvent) -> Iterable[Decoded]:
        """Decode FRAME into events, in the order in which they are to be delivered.

        Raises:
            DecodeError: The frame is not what its name promises. If it is raised during
                iteration, the events before it are still delivered.
        """
        ...


class HoldsBack(Protocol):
    """A dialect that may hold events back until the bytes end without ``done``."""

    def end(self) -> Iterable[Decoded]:
        """Return the events that follow from the end of the bytes; none if they ended too early."""
        ...


class ReadsIgnored(Protocol):
    """A dialect whose servers send errors as lines that the standard ignores."""

    def ignored(self, lines: Sequence[IgnoredLine]) -> Iterable[Decoded]:
        """Return the events that LINES mean; none if they are to be ignored."""
        ...


@frozen(eq=False)
class ObjectTable:
    """The frames of a wire that carry one object each and mean the same whatever came before.

    Attributes:
        rows: Maps the name of a frame to the classes of its event and its payload.
        repeats: Maps the name of a frame to that of the frame that servers send right after it
            with the same object.
    """

    rows: Mapping[str, tuple[type[WireEvent[Any]], type[Any]]]
    repeats: Mapping[str, str]


#: The table of a wire whose frames cannot be decoded by a table.
NO_OBJECTS = ObjectTable({}, {})


class HasObjects(Protocol):
    """A dialect some of whose frames can be decoded by a table alone."""

    def objects(self, name: str) -> ObjectTable | None:
        """Return the table, or None as long as the wire is unknown.

        Args:
            name: The name of the frame that is to be decoded next, "" if it has none.
        """
        ...


class Counts(Protocol):
    """Whoever remembers the number of the last frame.

    Attributes:
        sequence_number: The highest number seen, or None.
    """

    sequence_number: int | None


@frozen(cache_hash=True)
class DeltaRow:
    """What varies in the deltas of one kind, by the keys of its JSON; all else is the same.

    Attributes:
        piece: The key of the piece of text.
        skipped: The keys of values that nobody reads.
        number: The key of the number that counts the frames; "" if nothing does.
        taken: The key of a value that the dialect takes, whatever it is; "" if it takes none.
    """

    piece: str
    skipped: tuple[str, ...] = ()
    number: str = ""
    taken: str = ""

    def only(self, keys: AbstractSet[str]) -> DeltaRow:
        """Return this row without the keys that are not in KEYS, those of one frame."""
        return _narrowed(self, frozenset(keys & {*self.skipped, self.number, self.taken}))


@cache
def _narrowed(row: DeltaRow, keys: frozenset[str]) -> DeltaRow:
    """Return ROW with those of its keys that are in KEYS; one object for each."""
    skipped = tuple(key for key in row.skipped if key in keys)
    number, taken = (key if key in keys else "" for key in (row.number, row.taken))
    return DeltaRow(row.piece, skipped, number, taken)


class Repeats(NamedTuple):
    """How a frame that was just decoded can come again, with another piece of text.

    Attributes:
        row: What may vary in it. Each key is where it is meant, if it is in the frame once.
        grow: Adds the piece to what the dialect itself keeps; None if it keeps nothing.
        counter: Has the number of the last frame, and is given each; None if no number counts.
        take: Takes the value under ``row.taken``; None if there is none.
    """

    row: DeltaRow
    grow: Callable[[str], object] | None = None
    counter: Counts | None = None
    take: Callable[[Any], object] | None = None


class CanRepeat(Protocol):
    """A dialect that knows when a frame brought a piece of text and nothing else."""

    def repeats(self, decoded: Decoded) -> Repeats | None:
        """Return how the last frame can come again, or None if that cannot be said.

        It is asked directly after the frame was decoded. The promise: as long as nothing else is
        decoded, a frame that differs from it in what ``row`` names only, and whose piece is a text
        that is not empty and can be encoded, means the same delta with that piece, and changes
        nothing in the dialect but what ``Repeats`` names.

        Args:
            decoded: The only event of the frame.
        """
        ...


#: Maps a dialect's name to its module and class; modules are imported on first use.
DIALECTS = {
    "assistants": ("stream_core.dialects.assistants", "AssistantsDialect"),
    "auto": ("stream_core.dialects.detect", "AutoDialect"),
    "chat": ("stream_core.dialects.chat.dialect", "ChatDialect"),
    "responses": ("stream_core.dialects.responses.dialect", "ResponsesDialect"),
}


#: The data of a heartbeat: ``ping``, ``keep-alive``, ``heartbeat``.
_BARE_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def is_bare_word(data: str) -> bool:
    """Return whether DATA is one word that is not JSON, as some servers send it to keep alive.

    On every wire such a frame without a name is an :class:`UnknownEvent`.
    """
    return _BARE_WORD.fullmatch(data.strip()) is not None


def holds_back(dialect: Dialect) -> TypeGuard[HoldsBack]:
    """Return whether DIALECT is a :class:`HoldsBack`; ``isinstance`` takes fifty times as long."""
    return hasattr(dialect, "end")


def reads_ignored(dialect: Dialect) -> TypeGuard[ReadsIgnored]:
    """Return whether DIALECT is a :class:`ReadsIgnored`."""
    return hasattr(dialect, "ignored")


def objects_of(dialect: Dialect) -> Callable[[str], ObjectTable | None] | None:
    """Return the method of a :class:`HasObjects`, or None if DIALECT is not one."""
    found: Callable[[str], ObjectTable | None] | None = getattr(dialect, "objects", None)
    return found


def repeats_of(dialect: Dialect) -> Callable[[Decoded], Repeats | None] | None:
    """Return the method of a :class:`CanRepeat`, or None if DIALECT is not one.

    A subclass may decode otherwise than what it inherits says, so it is none.
    """
    if wire_of(dialect) is None:
        return None
    found: Callable[[Decoded], Repeats | None] | None = getattr(dialect, "repeats", None)
    return found


def make_dialect(dialect: str | Dialect) -> Dialect:
    """Return a new dialect of that name, or DIALECT itself if it is one already.

    Raises:
        ValueError: No dialect has that name.
    """
    if not isinstance(dialect, str):
        return dialect
    if dialect not in DIALECTS:
        known = ", ".join(sorted(DIALECTS))
        raise ValueError(f"there is no dialect {dialect!r}; choose one of: {known}")
    return _class_of(dialect)()


def wire_of(dialect: Dialect) -> str | None:
    """Return the name in ``DIALECTS`` of DIALECT's class, or None if it is somebody else's."""
    return _wire_of_class(dialect.__class__)


@lru_cache(maxsize=64)
def _wire_of_class(cls: type[Any]) -> str | None:
    """Return the name in ``DIALECTS`` of CLS, or None."""
    found = (cls.__module__, cls.__qualname__)
    return next((name for name, row in DIALECTS.items() if row == found), None)


@cache
def _class_of(name: str) -> Callable[[], Dialect]:
    """Import the dialect NAME, which is one of DIALECTS."""
    module, class_name = DIALECTS[name]
    factory: Callable[[], Dialect] = getattr(import_module(module), class_name)
    return factory
