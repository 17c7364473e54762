"""The output items of a response: messages, reasoning, and calls that the caller answers.

Rules of this file:

- An item begins once and ends once; anything sent again changes nothing.
- The content that an item begins with is not written as a delta, because servers that send all
  of it at once and servers that stream it both begin like that. Content that no delta brought is
  written before the end.
- If the end differs from what the deltas said, the end counts and no delta is written.
- Every frame gives exactly one event that stands for it: a counterpart, or an extension event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from stream_core import events, models

from . import objects as wire
from .annotations import annotation

if TYPE_CHECKING:
    from stream_core.dialects.part_writers import MessageWriter, StepWriter
    from stream_core.dialects.run_writer import RunWriter

__all__ = ["MESSAGE_PARTS", "CallItem", "Item", "MessageItem", "ReasoningItem"]

#: The types of a text part: the wire's own, and another that servers send.
_TEXTS = ("output_text", "text")

#: The types of parts that become parts of a message.
MESSAGE_PARTS = (*_TEXTS, "refusal")


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

    def drop(self) -> None:
        """Handle the end of a response that did not state how the item ended."""

    def extend_done(self, raw: Any) -> None:
        """Write RAW, the frame that ends the item, as an extension event, if there is one."""
        if raw is not None:
            self.run.extend("response.output_item.done", raw)


# --- Messages ---------------------------------------------------------------------------


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

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the message."""
        phase = wire.read(wire.MessageItem, item, path).phase
        self.writer = self.run.message(self.id, raw, {"phase": phase} if phase else None)

    def text(self, index: int, value: str, raw: Any) -> None:
        """Add a piece of text."""
        self.writer.text(self._place(index, "text"), value, raw)

    def refusal(self, index: int, value: str, raw: Any) -> None:
        """Add a piece of a refusal."""
        self.writer.refusal(self._place(index, "refusal"), value, raw)

    def annotate(self, index: int, number: int | None, sent: Any, raw: Any) -> None:
        """Add the annotation with this NUMBER; with None, the next number."""
        place = self._place(index, "text")
        known = self.writer.annotations(place)
        number = len(known) if number is None else number
        made = annotation(sent, "$.annotation", number, self.writer.text_so_far(place))
        self.writer.annotate(place, [made], raw)

    def complete(self, index: int, value: str, kind: str) -> None:
        """Write what no delta brought of a text or a refusal; VALUE is all of it."""
        place = self._place(index, kind)
        self.writer.complete(place, value, refusal=kind == "refusal")

    def part(self, index: int, part: dict[str, Any], path: str) -> None:
        """Write what is missing of a part; PART is all of it."""
        kind = part.get("type")
        if kind in _TEXTS:
            read = wire.read(wire.Part, part, path)
            place = self._place(index, "text")
            self.writer.settle(place, read.text)
            sent = wire.read_list(read.annotations, f"{path}.annotations")
            seen = len(self.writer.annotations(place))
            text = self.writer.text_so_far(place)
            missing = [
                annotation(x, f"{path}.annotations[{number}]", number, text)
                for number, x in enumerate(sent)
                if number >= seen
            ]
            if missing:
                self.writer.annotate(place, missing)
        elif kind == "refusal":
            read = wire.read(wire.Part, part, path)
            self.writer.settle(self._place(index, "refusal"), read.refusal, refusal=True)
        else:
            name = kind if isinstance(kind, str) else None
            self.writer.parts.setdefault(self._place(index, ""), models.UnknownContent(name, part))

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the message and its end; a message that was cut ends with the run."""
        read = wire.read(wire.MessageItem, item, path)
        for index, part in enumerate(wire.read_list(read.content, f"{path}.content")):
            self.part(index, part, f"{path}.content[{index}]")
        open_still = raw is None and read.status == "in_progress"
        self.writer.cut = read.status == "incomplete"
        if self.writer.cut or open_still:
            self.extend_done(raw)  # the reason comes only when the run ends
        else:
            self.writer.close(raw=raw)

    def _place(self, index: int, kind: str) -> int:
        """Return the part's index: the wire's, unless a part of another kind has that."""
        place = self._places.get((index, kind))
        if place is None:
            taken = self._places.values()
            place = index if index not in taken else max(taken) + 1
            self._places[index, kind] = place
        return place


# --- Calls that the caller answers ------------------------------------------------------


class CallItem(Item):
    """A call of a function or of a custom tool; all calls of one response share one step."""

    step: StepWriter
    number: int

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the call."""
        call = wire.read(wire.CallItem, item, path)
        if self.run.waiting is None:
            self.run.waiting = self.run.step(self.id)
        self.step = self.run.waiting
        self.number = len(self.step.calls)
        function = models.FunctionDelta(call.name or None, "")
        call_id = call.call_id or self.id
        self.step.add(models.FunctionToolCallDelta(self.number, call_id, "function", function), raw)
        self._promised = call.arguments or call.input

    @property
    def _function(self) -> models.Function:
        """The function of the call, as known so far."""
        call: Any = self.step.calls[self.number]  # begin() made it
        function: models.Function = call.function
        return function

    def arguments(self, value: str, raw: Any) -> None:
        """Add a piece of the arguments."""
        self.step.arguments(self.number, value, raw)

    def complete(self, value: str) -> None:
        """Write what no delta brought of the arguments; VALUE is all of them."""
        known = self._function.arguments
        if len(known) < len(value) and value.startswith(known):
            self.arguments(value[len(known) :], None)

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the call; its step stays open until there are outputs."""
        call = wire.read(wire.CallItem, item, path)
        self.learn(item, path)
        final = call.arguments or call.input
        self.complete(final)
        function = self._function
        if final and final != function.arguments:
            # A new object, because a text that has grown cannot be set.
            known = self.step.calls[self.number]
            made = models.Function(function.name, final)
            self.step.calls[self.number] = models.FunctionToolCall(known.id, "function", made)
        self.extend_done(raw)

    def learn(self, item: dict[str, Any], path: str) -> None:
        """Take the id and the name, if deltas came before them."""
        sent = wire.read(wire.CallItem, item, path)
        known = self.step.calls[self.number]
        new_id = sent.call_id if sent.call_id != known.id else ""
        name = "" if self._function.name else sent.name
        if new_id or name:
            named = models.FunctionDelta(name or None)
            self.step.add(
                models.FunctionToolCallDelta(self.number, new_id or None, "function", named)
            )

    def drop(self) -> None:
        """Use the arguments that the call began with, if nothing else came."""
        self.complete(self._promised)


# --- Reasoning --------------------------------------------------------------------------


class ReasoningItem(Item):
    """The model's reasoning before it answers: texts, and texts that summarize it."""

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

    def piece(self, kind: str, index: int, value: str, raw: Any) -> None:
        """Add a piece of a text of KIND, ``text`` or ``summary``."""
        known = self._open.get((kind, index))
        if known is None:
            known = self._open[kind, index] = models.ReasoningText("", self.id, index)
        known.grow(value)
        self.run.write(self.EVENTS[kind][1], models.ReasoningTextDelta(value, known), raw)

    def complete(self, kind: str, index: int, value: str, raw: Any) -> bool:
        """Write what no delta brought of a text, and its end; VALUE is all of it.

        Returns:
            Whether the end was written now, so that RAW has its event.
        """
        key = (kind, index)
        if key in self._done:
            return False
        known = self._open.get(key)
        text = "" if known is None else known.text
        if len(text) < len(value) and value.startswith(text):
            self.piece(kind, index, value[len(text) :], None)
        known = self._open.get(key)
        if known is None:
            return False
        self._done.add(key)
        self.run.write(self.EVENTS[kind][2], known, raw)
        return True

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the texts, and their ends."""
        for kind, (key, _, _) in self.EVENTS.items():
            for index, part in enumerate(wire.read_list(item.get(key), f"{path}.{key}")):
                text = wire.read(wire.Part, part, f"{path}.{key}[{index}]").text
                self.complete(kind, index, text, None)
        self.drop()
        self.extend_done(raw)

    def drop(self) -> None:
        """Write the end of every open text, as it stands."""
        for kind, index in tuple(self._open):
            self.complete(kind, index, "", None)
