"""The model's reasoning before it answers: texts, and texts that summarize it.

Rules of this file:

- A text is found by its kind and the wire's index; without an index, it is the text of that kind
  that the last event was about.
- Indexes in the final state may be others than those of the deltas (see ``alignment``).
- If the end differs from what the deltas said, the deltas count: there is no snapshot to replace.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any, ClassVar

from stream_core import events, models

from . import objects as wire
from .alignment import align, may_be_all, rest_of
from .items import Item

if TYPE_CHECKING:
    from stream_core.dialects.run_writer import RunWriter

__all__ = ["ReasoningItem"]


class ReasoningItem(Item):
    """The reasoning of one item."""

    #: Maps a kind of text to the key of the item's list, and the events of its pieces and end.
    EVENTS: ClassVar[dict[str, tuple[str, type[Any], type[Any]]]] = {
        "text": ("content", events.ReasoningDelta, events.ReasoningDone),
        "summary": ("summary", events.ReasoningSummaryDelta, events.ReasoningSummaryDone),
    }

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Make a reasoning item; nothing is written yet."""
        super().__init__(run, item_id, kind)
        self._open: dict[tuple[str, int], models.ReasoningText] = {}
        self._done: set[tuple[str, int]] = set()
        self._last: dict[str, int] = {}
        # The indexes of the texts of each kind, in order.
        self._order: dict[str, list[int]] = {}
        # Whole texts whose meaning is decided when the item ends.
        self._held: dict[tuple[str, int], str] = {}

    @staticmethod
    def texts_in(item: dict[str, Any]) -> list[str]:
        """Return the text of ITEM and its summary."""
        kinds = ReasoningItem.EVENTS.values()
        return ["".join(_texts(item.get(key), "$")) for key, _, _ in kinds]

    @property
    def texts(self) -> list[str]:
        """The texts so far, each, and those of one kind joined."""
        return [*(x.text for x in self._open.values()), *map(self._joined, self.EVENTS)]

    def piece(self, kind: str, index: int | None, value: str, raw: Any) -> None:
        """Add a piece of a text of KIND, ``text`` or ``summary``."""
        index = self._index(kind, index)
        known = self._open.get((kind, index))
        if known is None:
            known = self._open[kind, index] = models.ReasoningText("", self.id, index)
            insort(self._order.setdefault(kind, []), index)
        value = known.grow(value, whole=raw is None)
        self.run.write(self.EVENTS[kind][1], models.ReasoningTextDelta(value, known), raw)

    def complete(self, kind: str, index: int | None, value: str, raw: Any) -> bool:
        """Write what no delta brought of a text, and its end; VALUE is all of it.

        Returns:
            Whether the end was written now, so that RAW has its event.
        """
        index = self._index(kind, index)
        key = (kind, index)
        if key in self._done:
            return False
        streamed = self._order.get(kind, [])
        alone = not streamed or (len(streamed) == 1 and streamed[0] == index)
        if not alone and may_be_all(self._joined(kind, len(value) + 1), value):
            self._held[key] = value
            return False
        return self._finish(kind, index, value, raw)

    def _finish(self, kind: str, index: int, value: str, raw: Any) -> bool:
        """Write what is missing of a text, and its end, unless there is no text."""
        key = (kind, index)
        known = self._open.get(key)
        rest = rest_of("" if known is None else known.text, value)
        if rest:
            self.piece(kind, index, rest, None)
        known = self._open.get(key)
        if known is None or key in self._done:
            return False
        self._done.add(key)
        self.run.write(self.EVENTS[kind][2], known, raw)
        return True

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the texts, and their ends."""
        for kind, (key, _, _) in self.EVENTS.items():
            final = _texts(item.get(key), f"{path}.{key}")
            if final:
                self._held = {place: x for place, x in self._held.items() if place[0] != kind}
            for index, text in self._aligned(kind, final):
                if (kind, index) not in self._done:
                    self._finish(kind, index, text, None)
        self.drop()
        self.extend_done(raw)

    def drop(self) -> None:
        """Write the end of every open text, as it stands."""
        for (kind, index), value in self._held.items():
            said = self._joined(kind, len(value) + 1)
            if not may_be_all(said, value):
                self._finish(kind, index, value, None)
            elif rest_of(said, value):
                self.piece(kind, self._order[kind][-1], rest_of(said, value), None)
        self._held.clear()
        for kind, index in tuple(self._open):
            self._finish(kind, index, "", None)

    def _aligned(self, kind: str, final: list[str]) -> list[tuple[int, str]]:
        """Return the texts of the FINAL state with the indexes that the deltas gave them."""
        streamed = self._streamed(kind)
        if not final or not streamed or streamed[-1] < len(final):
            return list(enumerate(final))
        found = []
        fresh = streamed[-1] + 1
        said = [self._open[kind, index].text for index in streamed]
        for place, text in align(said, final):
            found.append((fresh if place is None else streamed[place], text))
            fresh += place is None
        return found

    def _index(self, kind: str, index: int | None) -> int:
        """Return INDEX; if it is None, that of the text that was last meant."""
        self._last[kind] = self._last.get(kind, 0) if index is None else index
        return self._last[kind]

    def _streamed(self, kind: str) -> list[int]:
        """Return the indexes of the texts so far."""
        return [*self._order.get(kind, ())]

    def _joined(self, kind: str, most: int | None = None) -> str:
        """Return the texts so far, joined; of MOST characters, as many as are needed.

        At least MOST characters come if there are as many.
        """
        found, size = [], 0
        for index in self._order.get(kind, ()):
            found.append(self._open[kind, index].text)
            size += len(found[-1])
            if most is not None and size >= most:
                break
        return "".join(found)


def _texts(value: Any, path: str) -> list[str]:
    """Return the texts of the parts in VALUE, found at PATH."""
    return [
        wire.read(wire.Part, part, f"{path}[{number}]").text
        for number, part in enumerate(wire.objects_in(value))
    ]
