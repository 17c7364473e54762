"""The output of a response: which frame is about which item.

Rules of this file:

- While a response streams, an item is found by ``output_index``, else by its id, else it is
  the last one of its kind that is open. If two items were added under one index, the id
  decides between them.
- A frame about an item that was never added begins that item.
- At the end the server lists all items. In that list an id counts more than a place, because
  some servers leave items out. Items not seen before are written then; items still open end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from . import objects as wire
from .items import CallItem, Item, MessageItem, ReasoningItem
from .tool_items import CodeItem, MCPItem, SearchItem, ToolItem

if TYPE_CHECKING:
    from stream_core.dialects.run_writer import RunWriter

__all__ = ["ITEMS", "Output", "item_class"]

T = TypeVar("T", bound=Item)

#: Maps the type of an item to its class. Calls that the caller's machine must run (a computer, a
#: shell, patches) have no counterpart, nor do lists of tools, images and outputs.
ITEMS: dict[str, type[Item]] = {
    "message": MessageItem,
    "reasoning": ReasoningItem,
    "function_call": CallItem,
    "custom_tool_call": CallItem,
    "code_interpreter_call": CodeItem,
    "file_search_call": SearchItem,
    "mcp_call": MCPItem,
    "web_search_call": ToolItem,
    "image_generation_call": Item,
    "computer_call": Item,
    "shell_call": Item,
    "local_shell_call": Item,
    "apply_patch_call": Item,
    "tool_search_call": Item,
}


def item_class(kind: str) -> type[Item]:
    """Return the class for an item of type KIND; calls that are not listed are Azure's tools."""
    return ITEMS.get(kind, ToolItem if kind.endswith("_call") else Item)


class Output:
    """The items of a run's current response.

    Attributes:
        items: The known items, in the order in which they were first seen.
    """

    def __init__(self, run: RunWriter) -> None:
        """Begin without items."""
        self.run = run
        self.items: list[Item] = []
        self._by_index: dict[int, list[Item]] = {}
        self._by_id: dict[str, Item] = {}
        self._names: set[str] = set()

    def clear(self) -> None:
        """Begin the next response of the run."""
        self.items, self._by_index, self._by_id = [], {}, {}

    @property
    def json(self) -> list[dict[str, Any]]:
        """The items as last sent, in order of output."""
        places = [(x.index, number) for number, x in enumerate(self.items)]
        order = sorted(places, key=lambda x: (x[1] if x[0] is None else x[0], x[1]))
        return [self.items[number].json for _, number in order if self.items[number].json]

    # --- While the response streams -----------------------------------------------------

    def find(self, event: dict[str, Any], cls: type[T], kind: str) -> T:
        """Return the item of class CLS that EVENT is about; if there is none, begin a KIND."""
        index = wire.read_index(event, "output_index")
        item_id = wire.read_text(event, "item_id")
        found = self._known(index, item_id, cls)
        if found is None:
            found = self._make(cls, kind, index, item_id)
            found.begin({}, "$", None)
        return found

    def added(self, event: dict[str, Any]) -> None:
        """Begin the item that EVENT adds, unless it is known."""
        item, kind, item_id = _item_of(event)
        index = wire.read_index(event, "output_index")
        known = self._begun(index, item_id, item_class(kind))
        if known is not None:
            known.json = item
            if known.index is None and index is not None:
                known.index = index
                self._by_index.setdefault(index, []).append(known)
            if not known.announced:
                known.announced = True
                known.learn(item, "$.item")
            self.run.extend("response.output_item.added", event)
            return
        made = self._make(item_class(kind), kind, index, item_id)
        made.announced, made.json = True, item
        made.begin(item, "$.item", event)

    def done(self, event: dict[str, Any]) -> None:
        """End the item that EVENT says is done."""
        item, kind, item_id = _item_of(event)
        index = wire.read_index(event, "output_index")
        cls = item_class(kind)
        found = self._known(index, item_id, cls)
        if found is None:
            found = self._make(cls, kind, index, item_id)
            found.begin(item, "$.item", None)
        if found.closed:
            self.run.extend("response.output_item.done", event)
        else:
            self._end(found, item, "$.item", event)

    def _end(self, item: Item, json: dict[str, Any], path: str, raw: Any) -> None:
        """End ITEM with its final state JSON, found at PATH in the frame RAW."""
        item.closed, item.json = True, json
        item.end(json, path, raw)

    def _known(self, index: int | None, item_id: str, cls: type[T]) -> T | None:
        """Return the item of class CLS that INDEX and ITEM_ID mean, or None."""
        here = () if index is None else self._by_index.get(index, ())
        for item in reversed(here):
            if isinstance(item, cls) and (len(here) == 1 or item.id == item_id):
                return item
        for item in reversed(here):
            if isinstance(item, cls):
                return item
        found = self._by_id.get(item_id)
        if isinstance(found, cls):
            return found
        if index is not None:
            return None
        # Neither decides: take the last one, which is usually the only one.
        last = (x for x in reversed(self.items) if isinstance(x, cls) and not x.closed)
        return next(last, None)

    def _begun(self, index: int | None, item_id: str, cls: type[Item]) -> Item | None:
        """Return the item that an event adds again or whose deltas came first, or None."""
        found = self._by_id.get(item_id)
        same_class = type(found) is cls  # and not a subclass
        if found and same_class and (index == found.index or not found.announced):
            return found
        here = [] if index is None else self._by_index.get(index, [])
        last = here[-1] if here else None
        if last is None or type(last) is not cls or (last.announced and item_id):
            return None
        return last

    def _make(self, cls: type[T], kind: str, index: int | None, item_id: str) -> T:
        """Return a new item, under an id that no other item has."""
        number = len(self._names) + 1
        name = item_id or f"{'msg' if cls is MessageItem else 'item'}_{self.run.run.id}_{number}"
        while name in self._names:
            name, number = f"{name}_{number}", number + 1
        self._names.add(name)
        item = cls(self.run, name, kind)
        item.index = index
        self.items.append(item)
        if item_id:
            self._by_id.setdefault(item_id, item)
        if index is not None:
            self._by_index.setdefault(index, []).append(item)
        return item

    # --- At the end ---------------------------------------------------------------------

    def settle(self, output: Any, path: str) -> None:
        """Write what no frame brought of OUTPUT, the complete list at PATH."""
        listed = wire.read_list(output, path)
        ids = {item.get("id") for item in listed if isinstance(item.get("id"), str)}
        settled: set[int] = set()
        for number, json in enumerate(listed):
            here = f"{path}[{number}]"
            kind, item_id = (wire.read_text(json, key, here) for key in ("type", "id"))
            item = self._by_id.get(item_id)
            if item is None or item.type != kind or id(item) in settled:
                item = self._like(number, kind, ids, settled)
            if item is None:
                item = self._make(item_class(kind), kind, number, item_id)
                item.begin(json, here, None)
            settled.add(id(item))
            if not item.closed:
                self._end(item, json, here, None)
            item.json = json
        for item in self.items:
            if not item.closed:
                item.drop()

    def _like(self, number: int, kind: str, ids: set[Any], settled: set[int]) -> Item | None:
        """Return the item of type KIND that has place NUMBER under another id, or None."""
        others = [
            x for x in self.items if x.type == kind and id(x) not in settled and x.id not in ids
        ]
        placed = next((x for x in others if x.index == number), None)
        return placed or next((x for x in others if x.index is None), None)


def _item_of(event: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """Return the item in EVENT, its type and its id."""
    item = wire.read_object(event, "item")
    return item, wire.read_text(item, "type", "$.item"), wire.read_text(item, "id", "$.item")
