"""The messages of a response.

Rules of this file:

- A part is found by the wire's ``content_index``; without one, it is the part that the last
  event was about. A part never changes its type: a text and a refusal at one index are two parts.
- A whole text at an index that had no delta may be the text that the deltas brought at others
  (see ``alignment``): what it means is decided when the item ends.
- Content that no delta brought is written before the end.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any

from stream_core import models

from . import objects as wire
from .alignment import align, may_be_all, rest_of
from .annotations import annotation
from .items import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.part_writers import MessageWriter
    from stream_core.dialects.run_writer import RunWriter

__all__ = ["MessageItem", "part_kind"]

#: Maps the types of the parts of a message to their kinds: the wire's own types, and another
#: that servers send. The name of a kind is the key that has the text.
_KINDS = {"output_text": "text", "text": "text", "refusal": "refusal"}

#: The keys of a part that have its text.
_TEXT_KEYS = ("text", "refusal")


def part_kind(part: dict[str, Any]) -> str | None:
    """Return the kind of PART, ``text`` or ``refusal``, or None if it is neither."""
    kind = part.get("type")
    return _KINDS.get(kind) if isinstance(kind, str) else None


class MessageItem(Item):
    """A message.

    Attributes:
        writer: Writes the message; it is made when the message begins.
    """

    writer: MessageWriter

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Make a message; nothing is written yet."""
        super().__init__(run, item_id, kind)
        self._places: dict[tuple[int, str], int] = {}
        self._taken: set[int] = set()
        self._next = 0
        # Index and place of each text and each refusal, in order of the indexes.
        self._order: dict[str, list[tuple[int, int]]] = {}
        self._emptied: set[int] = set()
        self._last = 0
        # Whole texts whose meaning is decided when the item ends.
        self._held: dict[tuple[int, str], str] = {}

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the message."""
        phase = wire.read(wire.MessageItem, item, path).phase
        self.writer = self.run.message(self.id, raw, {"phase": phase} if phase else None)

    @property
    def so_far(self) -> str:
        """The text of the message, all parts joined."""
        return self._joined("text")

    @property
    def texts(self) -> list[str]:
        """The texts and refusals so far, each, and those of one kind joined."""
        each = [self.writer.text_so_far(place) for place in self._places.values()]
        return [*each, self.so_far, self._joined("refusal")]

    @staticmethod
    def texts_in(item: dict[str, Any]) -> list[str]:
        """Return the text of ITEM and its refusal."""
        parts = wire.objects_in(item.get("content"))
        found = [[x[key] for x in parts if isinstance(x.get(key), str)] for key in _TEXT_KEYS]
        return list(map("".join, found))

    # --- Deltas -------------------------------------------------------------------------

    def text(self, index: int | None, value: str, raw: Any) -> None:
        """Add a piece of text."""
        self.writer.text(self._place(index, "text"), value, raw)

    def refusal(self, index: int | None, value: str, raw: Any) -> None:
        """Add a piece of a refusal."""
        self.writer.refusal(self._place(index, "refusal"), value, raw)

    def annotate(self, index: int | None, number: int | None, sent: Any, raw: Any) -> None:
        """Add the annotation with this NUMBER; with None, the next number."""
        known = (self._last if index is None else index, "text") in self._places
        streamed = [] if known else self._streamed("text")
        place = streamed[-1] if streamed else self._place(index, "text")
        there = self.writer.annotations(place)
        number = len(there) if number is None else number
        made = annotation(sent, "$.annotation", number, self.writer.text_so_far(place))
        self.writer.annotate(place, [made], raw)

    def grower(self, index: int) -> Callable[[str], object] | None:
        """Return what keeps a piece of the text at INDEX."""
        return self.writer.grower(index)

    # --- Whole texts --------------------------------------------------------------------

    def complete(self, index: int | None, value: str, kind: str) -> None:
        """Write what no delta brought of a text or a refusal; VALUE is all of it."""
        if not self._holds(index, value, kind):
            self.writer.complete(self._place(index, kind), value, refusal=kind == "refusal")

    def part(self, index: int | None, part: dict[str, Any], path: str) -> None:
        """Write what is missing of a part; PART is all of it."""
        kind = part_kind(part) or "text"
        read = wire.read(wire.Part, part, path)
        value = read.refusal if kind == "refusal" else read.text
        if self._holds(index, value, kind):
            self._annotate_rest([self._order[kind][-1][1]], [(read.annotations, path)])
        else:
            self._settle_part(self._place(index, kind), kind, read, path)

    def _settle_part(self, place: int, kind: str, read: wire.Part, path: str) -> None:
        """Write what is missing of the part at PLACE; READ is all of it."""
        refusal = kind == "refusal"
        self.writer.settle(place, read.refusal if refusal else read.text, refusal=refusal)
        self._annotate_rest([place], [(read.annotations, path)])

    def _holds(self, index: int | None, value: str, kind: str) -> bool:
        """Return whether VALUE, the whole text at INDEX, may be what other indexes brought.

        It is kept until the item's final state shows that, or shows that it is a part of its own.
        """
        key = (self._last if index is None else index, kind)
        alone = len(self._order.get(kind, ())) == (key in self._places)
        if alone or not may_be_all(self._joined(kind, len(value) + 1), value):
            return False
        self._held[key] = value
        return True

    # --- The end ------------------------------------------------------------------------

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the message and its end; a message that was cut ends with the run."""
        read = wire.read(wire.MessageItem, item, path)
        content = read.content
        if isinstance(content, str):
            content = [{"type": "output_text", "text": content}]
        content = wire.read_list(content, f"{path}.content")
        kinds = dict(enumerate(map(part_kind, content)))
        if all(kinds.get(index) == kind for index, kind in self._places):
            self._settle(content, f"{path}.content")
        else:
            self._settle_in_order(content, f"{path}.content")
        open_still = raw is None and read.status == "in_progress"
        self.writer.cut = read.status == "incomplete"
        self._close_gaps()
        if self.writer.cut or open_still:
            self.extend_done(raw)  # the reason comes only when the run ends
        else:
            self.writer.close(raw=raw)

    def drop(self) -> None:
        """Write what was held back; the message ends with the run."""
        self._release()
        self._close_gaps()

    def _settle(self, content: list[dict[str, Any]], path: str) -> None:
        """Write the rest of the parts of CONTENT, each at its place."""
        self._held.clear()
        for index, part in enumerate(content):
            kind = part_kind(part)
            if kind is None:
                self._keep(index, part)
            else:
                here = f"{path}[{index}]"
                read = wire.read(wire.Part, part, here)
                self._settle_part(self._place(index, kind), kind, read, here)

    def _settle_in_order(self, content: list[dict[str, Any]], path: str) -> None:
        """Write the rest of the parts of CONTENT, whose places are not those of the deltas."""
        found: dict[str, list[tuple[wire.Part, str]]] = {"text": [], "refusal": []}
        for number, part in enumerate(content):
            kind = part_kind(part)
            here = f"{path}[{number}]"
            if kind is None:
                self._keep(None, part)
            else:
                found[kind].append((wire.read(wire.Part, part, here), here))
        for kind, parts in found.items():
            if parts:
                self._settle_kind(kind, parts)
                self._held = {key: x for key, x in self._held.items() if key[1] != kind}
        self._release()

    def _settle_kind(self, kind: str, parts: list[tuple[wire.Part, str]]) -> None:
        """Write the rest of the texts or refusals of the final state."""
        refusal = kind == "refusal"
        streamed = self._streamed(kind)
        final = [part.refusal if refusal else part.text for part, _ in parts]
        texts = align([self.writer.text_so_far(x) for x in streamed], final)
        places: list[int] = []
        for number, value in texts:
            place = self._place(self._next, kind) if number is None else streamed[number]
            places.append(place)
            self.writer.settle(place, value, refusal=refusal)
            if not value and len(final) < len(
                streamed
            ):  # another part has the server's last word on this text
                self.writer.parts[place] = self._empty(place, refusal=refusal)
                self._emptied.add(place)
        sent = [(part.annotations, here) for part, here in parts]
        if len(places) == len(parts):
            for place, one in zip(places, sent, strict=True):
                self._annotate_rest([place], [one])
        else:
            self._annotate_rest(places, sent)

    def _empty(self, place: int, *, refusal: bool) -> models.MessageContent:
        """Return the part at PLACE without its text."""
        if refusal:
            return models.RefusalContentBlock()
        return models.TextContentBlock(text=models.Text("", self.writer.annotations(place)))

    def _annotate_rest(self, places: list[int], sent: list[tuple[Any, str]]) -> None:
        """Write the annotations in the lists SENT, with their paths, that no event brought.

        They are about the texts at PLACES joined; what is missing is added to the last one.
        """
        known = [self.writer.annotations(place) for place in places]
        seen, number = sum(map(len, known)), len(known[-1])
        found = [(x, path) for list_, path in sent for x in wire.objects_in(list_)]
        text = "".join(map(self.writer.text_so_far, places))
        missing = [
            annotation(x, f"{path}.annotations[*]", number + place, text)
            for place, (x, path) in enumerate(found[seen:])
        ]
        if missing:
            self.writer.annotate(places[-1], missing)

    def _release(self) -> None:
        """Write what was held back, as far as no other text has said it."""
        held, self._held = self._held, {}
        for (index, kind), value in held.items():
            said, refusal = self._joined(kind, len(value) + 1), kind == "refusal"
            if may_be_all(said, value):
                place = self._order[kind][-1][1]
                known = self.writer.text_so_far(place)
                self.writer.complete(place, known + rest_of(said, value), refusal=refusal)
            else:
                self.writer.complete(self._place(index, kind), value, refusal=refusal)

    def _close_gaps(self) -> None:
        """Forget the indexes that no part had, if every part had deltas: those state its place."""
        parts = self.writer.parts
        if all(self.writer.text_so_far(place) or place in self._emptied for place in parts):
            self.writer.parts = {place: parts[key] for place, key in enumerate(sorted(parts))}

    def _keep(self, index: int | None, part: dict[str, Any]) -> None:
        """Keep a part of another type whole."""
        kind = part.get("type")
        place = self._place(self._next if index is None else index, "")
        self.writer.parts.setdefault(
            place, models.UnknownContent(kind if isinstance(kind, str) else None, part)
        )

    # --- Places -------------------------------------------------------------------------

    def _place(self, index: int | None, kind: str) -> int:
        """Return the part's index: the wire's, unless a part of another kind has that."""
        if index is None:
            index = self._last
        self._last = index
        place = self._places.get((index, kind))
        if place is None:
            place = self._next if index in self._taken else index
            self._places[index, kind] = place
            self._taken.add(place)
            self._next = max(self._next, place + 1)
            insort(self._order.setdefault(kind, []), (index, place))
        return place

    def _streamed(self, kind: str) -> list[int]:
        """Return the places of the texts or refusals so far, in order of the wire's indexes."""
        return [place for _, place in self._order.get(kind, ())]

    def _joined(self, kind: str, most: int | None = None) -> str:
        """Return the texts or refusals so far, joined; of MOST characters, as many as are needed.

        At least MOST characters come if there are as many.
        """
        found, size = [], 0
        for _, place in self._order.get(kind, ()):
            found.append(self.writer.text_so_far(place))
            size += len(found[-1])
            if most is not None and size >= most:
                break
        return "".join(found)
