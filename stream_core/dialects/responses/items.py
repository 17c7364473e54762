"""The output items of a response.

Rules of this file:

- An item begins once and ends once; anything sent again changes nothing.
- The content that an item begins with is not written as a delta, because servers that send all
  of it at once and servers that stream it both begin like that. Content that no delta brought is
  written before the end.
- If the end differs from what the deltas said, the end counts and no delta is written.
- Every frame gives exactly one event that stands for it: a counterpart, or an extension event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.run_writer import RunWriter

__all__ = ["Item"]

#: Values that say nothing.
_EMPTY: tuple[Any, ...] = (None, "", [], {})


class Item:
    """An item; this class itself is for those without a counterpart on the Assistants wire.

    Attributes:
        run: The run that it is part of.
        id: Its id as first seen.
        type: Its type on the wire.
        json: The item as last sent, or {} if it never was.
        index: Its place in the output, or None if the wire does not state it.
        announced: Whether the server announced it.
        closed: Whether it ended.
    """

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Make an item; nothing is written yet."""
        self.run = run
        self.id = item_id
        self.type = kind
        self.json: dict[str, Any] = {}
        self.index: int | None = None
        self.announced = False
        self.closed = False

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the item, from ITEM, found at PATH in the frame RAW."""
        del item, path  # for subclasses
        if raw is not None:
            self.run.extend("response.output_item.added", raw)

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the end of the item, from ITEM, found at PATH in the frame RAW."""
        del item, path  # for subclasses
        self.extend_done(raw)

    def learn(self, item: dict[str, Any], path: str) -> None:
        """Take from ITEM, found at PATH, what was not known when the item began."""

    def same(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM, under another id and place, must be this one: it has its text."""
        whole = self.texts_in(item)
        return any(whole) and all(not x or x in self.texts for x in whole)

    def differs(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM, which ends at the next place, must be another than this one."""
        return any(map(self.contradicts, filter(None, self.texts_in(item))))

    def other_call(self, item: dict[str, Any]) -> bool:
        """Return whether ITEM, under the id of this one, is another call."""
        del item  # for subclasses
        return False

    @property
    def is_whole(self) -> bool:
        """Whether the server stated all of its only text."""
        return False

    @property
    def texts(self) -> list[str]:
        """The texts that were written so far: each, and those of one kind joined."""
        return []

    @staticmethod
    def texts_in(item: dict[str, Any]) -> list[str]:
        """Return all that ITEM has to say in texts: those of one kind are joined."""
        del item  # for subclasses
        return []

    def contradicts(self, whole: str) -> bool:
        """Return whether WHOLE, all of a text, does not go on from what was written."""
        texts = [x for x in self.texts if x]
        return texts != [] and not any(whole.startswith(x) for x in texts)

    def grower(self, index: int) -> Callable[[str], object] | None:
        """Return what keeps a piece of the text at INDEX as a delta does; None if it has none.

        See :meth:`stream_core.dialects.part_writers.MessageWriter.grower`.
        """
        del index  # for subclasses
        return None

    def keep(self, item: dict[str, Any]) -> None:
        """Keep ITEM as last sent, with what was sent before and is missing in it."""
        known = {key: x for key, x in self.json.items() if x not in _EMPTY}
        self.json = {**item, **{key: x for key, x in known.items() if item.get(key) in _EMPTY}}

    @property
    def sent(self) -> dict[str, Any]:
        """The item for a server that keeps no state; {} if it was never sent."""
        return self.json

    def drop(self) -> None:
        """Handle the end of a response that did not state how the item ended."""

    def extend_done(self, raw: Any) -> None:
        """Write RAW, the frame that ends the item, as an extension event, if there is one."""
        if raw is not None:
            self.run.extend("response.output_item.done", raw)
