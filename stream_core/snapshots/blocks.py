"""What the snapshots of messages and of run steps share.

A message and a run step are both a container of blocks: parts, calls. In one container one
block is open at a time; each is told to have begun once and to be done once.
"""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from stream_core import events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Run

    #: Event class to whether somebody wants events of it, or what is as true as that.
    Wants: TypeAlias = Mapping[type[Event], object]

__all__ = [
    "Block",
    "Container",
    "History",
    "named_event",
    "repeated_event",
    "wire_event",
]

T = TypeVar("T")


@define(eq=False)
class Block(Generic[T]):
    """A part of a message or a call of a step: its snapshot and what was told of it."""

    index: int
    snapshot: T
    created: bool = False
    done: bool = False


@define(eq=False)
class Container(Generic[T]):
    """A message or a step: its blocks by index, the open one, and what was told of it.

    ``next_index`` is higher than every index in ``blocks``.
    """

    id: str
    snapshot: Any
    blocks: dict[int, Block[T]] = field(factory=dict)
    open: Block[T] | None = None
    done: bool = False
    next_index: int = 0

    def put(self, index: int, snapshot: T) -> Block[T]:
        """Add a block whose snapshot is in its list already."""
        self.blocks[index] = block = Block(index, snapshot)
        if index >= self.next_index:
            self.next_index = index + 1
        return block

    def add(self, index: int, snapshot: T, into: list[T]) -> Block[T]:
        """Add a block, and its snapshot to the list INTO, in order of the wire's index."""
        place = len(into)
        if index < self.next_index:  # out of order: rare, so it may cost
            place = bisect(sorted(self.blocks), index)
        into.insert(place, snapshot)
        return self.put(index, snapshot)


@define(eq=False)
class History:
    """What a stream was told about as a whole.

    Attributes:
        current_run: The run last heard of, or None.
        told: Class and id of every created and every ending that was told.
    """

    current_run: Run | None = None
    told: set[tuple[type[Event], str]] = field(factory=set)

    def repeated(self, decoded: Decoded) -> bool:
        """Tell whether this created or ending was told before, and remember it."""
        key = (decoded.event_class, decoded.payload.id)
        if key in self.told:
            return True
        self.told.add(key)
        return False

    def announce(self, event_class: type[events.WireEvent[Any]], snapshot: Any) -> Event:
        """Return the synthetic created of what began with something else."""
        self.told.add((event_class, snapshot.id))
        return event_class(snapshot, synthetic=True)


def wire_event(decoded: Decoded) -> Event:
    """Return the finished wire event."""
    return decoded.event_class(decoded.payload, decoded.raw, decoded.synthetic)


def named_event(decoded: Decoded) -> Event:
    """Return the finished wire event, of a class whose events are named one by one."""
    named: Any = decoded.event_class
    event: Event = named(decoded.payload, decoded.raw, decoded.synthetic, event=decoded.name)
    return event


def repeated_event(decoded: Decoded) -> Event:
    """Return the event for a created or an ending that was told before."""
    return events.RepeatedEvent(decoded.payload, decoded.raw, decoded.synthetic, event=decoded.name)
