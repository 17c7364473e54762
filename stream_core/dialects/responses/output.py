"""The output of a response: which frame is about which item.

Rules of this file:

- While a response streams, an item is found by its id if exactly one item of its kind has that
  and is open, else by ``output_index``, else it is the last one of its kind that is open. (Some
  servers change the ids at every event: then no item has the id.) If two items were added under
  one index, or under one id, the other of the two decides between them.
- The end of a text or an item may have another index than its deltas. Unless its id is known, it
  is about the item that has exactly that text, or that call.
- A frame about an item that was never added begins that item, unless it ends one that must be the
  same: a call with its ``call_id``, a message with its text.
- At the end the server lists all items. In that list an id counts more than a place, because
  some servers leave items out. Items not seen before are written then; items still open end.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from . import objects as wire
from .alignment import rest_of
from .calls import AnswerItem, CallItem
from .items import Item
from .messages import MessageItem
from .reasoning import ReasoningItem
from .tool_items import CodeItem, MCPItem, SearchItem, ToolItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream_core.dialects.run_writer import RunWriter

__all__ = ["ITEMS", "Output", "item_class"]

#: Of how many items a frame may be, if neither its id nor its index is of one item alone: the
#: newest are tried, so that the work for a frame does not grow with the number of items.
_NEWEST = 16

T = TypeVar("T", bound=Item)

#: Maps the type of an item to its class. Calls that the caller's machine must run (a computer, a
#: shell, patches) have no counterpart, nor do lists of tools, images and outputs.
ITEMS: dict[str, type[Item]] = {
    "message": MessageItem,
    "reasoning": ReasoningItem,
    "function_call": CallItem,
    "custom_tool_call": CallItem,
    "function_call_output": AnswerItem,
    "custom_tool_call_output": AnswerItem,
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


def _newest() -> deque[Item]:
    """Return an empty list of the items that share an id or an index."""
    return deque(maxlen=_NEWEST)


class Output:
    """The items of a run's current response.

    Attributes:
        items: The known items, in the order in which they were first seen.
    """

    def __init__(self, run: RunWriter) -> None:
        """Begin without items."""
        self.run = run
        self.items: list[Item] = []
        self._open_items: dict[Item, None] = {}
        self._by_index: dict[int, deque[Item]] = {}
        self._by_id: dict[str, deque[Item]] = {}
        self._names: set[str] = set()
        self._listed: list[Item] = []

    def clear(self) -> None:
        """Begin the next response of the run."""
        self.items, self._listed, self._open_items = [], [], {}
        self._by_index, self._by_id = {}, {}

    @property
    def json(self) -> list[dict[str, Any]]:
        """The items as sent, in the order of the server's list, else in order of output."""
        sent = [x for x in self.items if x.sent]
        if set(sent) <= set(self._listed):
            return [x.sent for x in self._listed if x.sent]
        places = [(number if x.index is None else x.index, number) for number, x in enumerate(sent)]
        return [sent[number].sent for _, number in sorted(places)]

    # --- While the response streams -----------------------------------------------------

    def find(self, event: dict[str, Any], cls: type[T], kind: str, whole: str = "") -> T:
        """Return the item of class CLS that EVENT is about; if there is none, begin a KIND.

        Args:
            event: The event.
            cls: The class.
            kind: The type of the item.
            whole: The whole text that EVENT states, if it ends one.
        """
        index = wire.read_index(event, "output_index")
        item_id = wire.text_or_none(event.get("item_id")) or ""
        found = self._known(index, item_id, cls)
        if whole and not self._is_sure(item_id) and (found is None or found.contradicts(whole)):
            others = (x for x in self._open(cls) if found is None or not x.is_whole)
            found = next((x for x in others if whole in x.texts), found)
        if found is None:
            found = self._make(cls, kind, index, item_id)
            found.begin({}, "$", None)
        return found

    def added(self, event: dict[str, Any]) -> None:
        """Begin the item that EVENT adds, unless it is known."""
        item, kind, item_id = _item_of(event)
        index = wire.read_index(event, "output_index")
        known = self._begun(index, item_id, item_class(kind))
        if known is not None and not (known.announced and known.other_call(item)):
            known.keep(item)
            if known.index is None and index is not None:
                known.index = index
                self._by_index.setdefault(index, _newest()).append(known)
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
        moved = found is not None and None not in (index, found.index) and found.index != index
        if found is None or not found.same(item):
            if moved and found is not None and found.closed:
                found = None
            if found is None or not self._is_sure(item_id):
                found = next((x for x in self._open(cls) if x.same(item)), found)
        if found is None and index:
            before = (x for x in self._open(cls) if x.index == index - 1 and x.type == kind)
            found = next((x for x in before if not x.differs(item)), None)
        if found is None:
            found = self._make(cls, kind, index, item_id)
            found.begin(item, "$.item", None)
        if found.closed:
            self.run.extend("response.output_item.done", event)
        else:
            self._end(found, item, "$.item", event)

    def _end(self, item: Item, json: dict[str, Any], path: str, raw: Any) -> None:
        """End ITEM with its final state JSON, found at PATH in the frame RAW."""
        item.closed = True
        self._open_items.pop(item, None)
        item.keep(json)
        item.end(json, path, raw)

    def _open(self, cls: type[T]) -> Iterator[T]:
        """Yield the newest items of class CLS that are open, the last one first."""
        last = islice(reversed(self._open_items), _NEWEST)
        return (x for x in last if isinstance(x, cls))

    def _is_sure(self, item_id: str) -> bool:
        """Return whether ITEM_ID says which item is meant: exactly one has it."""
        return len(self._by_id.get(item_id, ())) == 1

    def _known(self, index: int | None, item_id: str, cls: type[T]) -> T | None:
        """Return the item of class CLS that INDEX and ITEM_ID mean, or None."""
        here = () if index is None else self._by_index.get(index, ())
        placed = [x for x in here if isinstance(x, cls)]
        named = [x for x in self._by_id.get(item_id, ()) if isinstance(x, cls)]
        if len(named) == 1 and (not placed or not named[0].closed):
            return named[0]
        both = [x for x in placed if any(x is y for y in named)]
        for found in (both, placed, named):
            if found:
                return found[-1]
        if index is not None:
            return None
        # Neither decides: take the last one, which is usually the only one.
        return next(self._open(cls), None)

    def _begun(self, index: int | None, item_id: str, cls: type[Item]) -> Item | None:
        """Return the item that an event adds again or whose deltas came first, or None."""
        for found in self._by_id.get(item_id, ()):
            same_class = type(found) is cls  # and not a subclass
            if same_class and (index == found.index or not found.announced):
                return found
        here = () if index is None else self._by_index.get(index, ())
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
        self._open_items[item] = None
        if item_id:
            self._by_id.setdefault(item_id, _newest()).append(item)
        if index is not None:
            self._by_index.setdefault(index, _newest()).append(item)
        return item

    # --- At the end ---------------------------------------------------------------------

    def settle(self, output: Any, path: str) -> None:
        """Write what no frame brought of OUTPUT, the complete list at PATH."""
        listed = wire.read_list(output, path)
        ids = {item.get("id") for item in listed if isinstance(item.get("id"), str)}
        left: dict[str, OrderedDict[Item, None]] = {}
        for item in self.items:
            left.setdefault(item.type, OrderedDict())[item] = None
        others = {
            kind: OrderedDict((x, None) for x in found if x.id not in ids)
            for kind, found in left.items()
        }
        for number, json in enumerate(listed):
            here = f"{path}[{number}]"
            kind = wire.read_text(json, "type", here)
            item_id = wire.text_or_none(json.get("id")) or ""
            mine, rest = (x.setdefault(kind, OrderedDict()) for x in (left, others))
            named = (x for x in self._by_id.get(item_id, ()) if x in mine)
            found = next(named, None) or self._like(number, json, rest)
            if found is None:
                found = self._make(item_class(kind), kind, number, item_id)
                found.begin(json, here, None)
            mine.pop(found, None)
            rest.pop(found, None)
            self._listed.append(found)
            if found.closed:
                found.keep(json)
            else:
                self._end(found, json, here, None)
        for item in self.items:
            if not item.closed:
                item.drop()
            if isinstance(item, AnswerItem):
                item.answer()

    def _like(self, number: int, json: dict[str, Any], left: Mapping[Item, None]) -> Item | None:
        """Return the item of those LEFT that JSON, at NUMBER, is under another id, or None."""
        here = [x for x in self._by_index.get(number, ()) if x in left]
        others = [*here, *islice(left, _NEWEST)]
        ranks = (
            lambda x: x.index == number and x.same(json),
            lambda x: x.same(json),
            lambda x: x.index == number,
            lambda x: x.index is None,
        )
        return next((x for rank in ranks for x in others if rank(x)), None)

    def say(self, text: str) -> None:
        """Write what no item brought of TEXT, which is all the text of the response."""
        written = [x for x in self.items if isinstance(x, MessageItem)]
        rest = rest_of("".join(x.so_far for x in written), text)
        if not rest or (written and written[-1].closed):
            return
        message = written[-1] if written else self._make(MessageItem, "message", None, "")
        if not written:
            message.begin({}, "$", None)
        message.text(None, rest, None)


def _item_of(event: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """Return the item in EVENT, its type and its id."""
    item = wire.read_object(event, "item")
    item_id = wire.text_or_none(item.get("id")) or ""
    return item, wire.read_text(item, "type", "$.item"), item_id
