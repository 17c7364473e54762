"""The common parts of the snapshots of messages and of run steps.

Both a message and a run step are a container of blocks: of parts or of calls. Each block has one
created and one done event. One part of a message is open at a time; a call of a function stays
open until its arguments are whole.
"""

from __future__ import annotations

from bisect import bisect
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from stream_core import events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Run

    #: Maps an event class to a value that is true if somebody wants its events.
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
    """A part of a message or a call of a step: its snapshot, and which events it has had.

    A call whose input may be ANY_TEXT is of a custom tool: that it looks complete says nothing.
    NUMBER counts the blocks of a container in the order in which they were first seen.
    """

    index: int
    snapshot: T
    number: int
    created: bool = False
    done: bool = False
    any_text: bool = False


@define(eq=False)
class Container(Generic[T]):
    """A message or a step: its blocks by index, the one begun last, and whether it is done.

    Everything here is found without a search, because a server decides how many blocks there are.

    Attributes:
        id: Its id.
        snapshot: The message or the step.
        number: Counts messages, or steps, in the order in which they were first seen.
        blocks: Its blocks by index, in the order in which they were first seen.
        open: The block begun last, or None.
        done: Whether it is done.
        next_index: Higher than every index in ``blocks``.
        unsettled: The blocks, by index, that are not done or have grown since they were.
    """

    id: str
    snapshot: Any
    number: int
    blocks: dict[int, Block[T]] = field(factory=dict)
    open: Block[T] | None = None
    done: bool = False
    next_index: int = 0
    unsettled: dict[int, Block[T]] = field(factory=dict)
    _by_id: dict[str, Block[T]] = field(factory=dict)
    # The indexes in order, as soon as a block came out of order.
    _sorted: list[int] | None = None

    def put(self, index: int, snapshot: T) -> Block[T]:
        """Add a block whose snapshot is already in its list."""
        block = Block(index, snapshot, len(self.blocks))
        self.blocks[index] = self.unsettled[index] = block
        if index >= self.next_index:
            self.next_index = index + 1
            if self._sorted is not None:
                self._sorted.append(index)
        return block

    def add(self, index: int, snapshot: T, into: list[T]) -> Block[T]:
        """Add a block, and insert its snapshot into the list INTO, in order of the wire's index."""
        place = len(into)
        if index < self.next_index:  # out of order, which is rare
            if self._sorted is None:
                self._sorted = sorted(self.blocks)
            place = bisect(self._sorted, index)
            self._sorted.insert(place, index)
        into.insert(place, snapshot)
        return self.put(index, snapshot)

    def in_turn(self) -> list[Block[T]]:
        """Return the unsettled blocks in the order in which they were first seen."""
        return sorted(self.unsettled.values(), key=attrgetter("number"))

    def know(self, block: Block[Any], name: str) -> None:
        """Let BLOCK be found by its id, NAME, unless another block has it."""
        known: Any = self._by_id.get(name)
        if known is None or known.snapshot.id != name:
            self._by_id[name] = block

    def find(self, name: str) -> Block[T] | None:
        """Return the block whose id is NAME, or None."""
        block: Any = self._by_id.get(name)
        return block if block is not None and block.snapshot.id == name else None


@define(eq=False)
class History:
    """The state that concerns the stream as a whole.

    Attributes:
        current_run: The latest run, or None.
        delivered: Class and id of every created event and every ending delivered so far.
    """

    current_run: Run | None = None
    delivered: set[tuple[type[Event], str]] = field(factory=set)

    def repeated(self, decoded: Decoded) -> bool:
        """Return whether this created event or ending was delivered before, and remember it."""
        key = (decoded.event_class, decoded.payload.id)
        if key in self.delivered:
            return True
        self.delivered.add(key)
        return False

    def announce(self, event_class: type[events.WireEvent[Any]], snapshot: Any) -> Event:
        """Return the synthetic created event for SNAPSHOT, which began with another event."""
        self.delivered.add((event_class, snapshot.id))
        return event_class(snapshot, synthetic=True)


def wire_event(decoded: Decoded) -> Event:
    """Return the finished wire event."""
    return decoded.event_class(decoded.payload, decoded.raw, decoded.synthetic)


def named_event(decoded: Decoded) -> Event:
    """Return the finished wire event, for a class whose events each have their own name."""
    named: Any = decoded.event_class
    event: Event = named(decoded.payload, decoded.raw, decoded.synthetic, event=decoded.name)
    return event


def repeated_event(decoded: Decoded) -> Event:
    """Return the event for a created or an ending that was delivered before."""
    return events.RepeatedEvent(decoded.payload, decoded.raw, decoded.synthetic, event=decoded.name)
