"""The output items of a response: messages, reasoning, and calls that the caller answers.

Rules of this file:

- An item begins once and ends once; what is sent again changes nothing.
- What an item begins with is not told as a delta: servers that send all of it at once and
  servers that stream it both begin so. What no delta brought is told before the end.
- Where the end says something else than the deltas did, the end counts, and no delta is told.
- A frame is told once as itself: by the event that it becomes, or as an extension event.
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

#: The types of a text part: the wire's own, and what servers send for it.
_TEXTS = ("output_text", "text")

#: The types of parts that become parts of a message.
MESSAGE_PARTS = (*_TEXTS, "refusal")


class Item:
    """An item; this class is for those that Assistants have nothing for.

    Attributes:
        run: The run that it is in.
        id: Its id as first seen.
        type: Its type on the wire.
        json: The item as last sent, {} where it never was.
        index: Its place in the output, None where the wire does not say.
        announced: Whether the server said that it began.
        closed: Whether it ended.
    """

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Know of an item; nothing is told yet."""
        self.run = run
        self.id = item_id
        self.type = kind
        self.json: dict[str, Any] = {}
        self.index: int | None = None
        self.announced = False
        self.closed = False

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell that the item began; ITEM, which stands at PATH in RAW, is how."""
        del item, path  # for others
        if raw is not None:
            self.run.extend("response.output_item.added", raw)

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell that the item ended; ITEM, which stands at PATH in RAW, is how."""
        del item, path  # for others
        self.extend_done(raw)

    def learn(self, item: dict[str, Any], path: str) -> None:
        """Take from ITEM, which stands at PATH, what was not known when the item began."""

    def drop(self) -> None:
        """The response ended and did not say how the item did."""

    def extend_done(self, raw: Any) -> None:
        """Tell the frame that ends the item as itself, where there is one."""
        if raw is not None:
            self.run.extend("response.output_item.done", raw)


# --- Messages ---------------------------------------------------------------------------


class MessageItem(Item):
    """A message.

    Attributes:
        writer: Writes the message; made when it begins.
    """

    writer: MessageWriter

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Know of a message."""
        super().__init__(run, item_id, kind)
        self._places: dict[tuple[int, str], int] = {}

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell that the message began."""
        phase = wire.read(wire.MessageItem, item, path).phase
        self.writer = self.run.message(self.id, raw, {"phase": phase} if phase else None)

    def text(self, index: int, value: str, raw: Any) -> None:
        """Add a piece of text."""
        self.writer.text(self._place(index, "text"), value, raw)

    def refusal(self, index: int, value: str, raw: Any) -> None:
        """Add a piece of a refusal."""
        self.writer.refusal(self._place(index, "refusal"), value, raw)

    def annotate(self, index: int, number: int | None, sent: Any, raw: Any) -> None:
        """Add the annotation with this NUMBER, or the next one."""
        place = self._place(index, "text")
        known = self.writer.annotations(place)
        number = len(known) if number is None else number
        made = annotation(sent, "$.annotation", number, self.writer.said(place))
        self.writer.annotate(place, [made], raw)

    def complete(self, index: int, value: str, kind: str) -> None:
        """Tell what of a text or a refusal no delta brought; VALUE is all of it."""
        place = self._place(index, kind)
        self.writer.complete(place, value, refusal=kind == "refusal")

    def part(self, index: int, part: dict[str, Any], path: str) -> None:
        """Tell what of a part was not told; PART is all of it."""
        kind = part.get("type")
        if kind in _TEXTS:
            read = wire.read(wire.Part, part, path)
            place = self._place(index, "text")
            self.writer.settle(place, read.text)
            sent = wire.read_list(read.annotations, f"{path}.annotations")
            seen = len(self.writer.annotations(place))
            text = self.writer.said(place)
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
        """Tell the rest of the message, and that it ended; a cut one ends with the run."""
        read = wire.read(wire.MessageItem, item, path)
        for index, part in enumerate(wire.read_list(read.content, f"{path}.content")):
            self.part(index, part, f"{path}.content[{index}]")
        open_still = raw is None and read.status == "in_progress"
        self.writer.cut = read.status == "incomplete"
        if self.writer.cut or open_still:
            self.extend_done(raw)  # why, is only said when the run ends
        else:
            self.writer.close(raw=raw)

    def _place(self, index: int, kind: str) -> int:
        """Return the part's index: the wire's, unless another kind of part stands there."""
        place = self._places.get((index, kind))
        if place is None:
            taken = self._places.values()
            place = index if index not in taken else max(taken) + 1
            self._places[index, kind] = place
        return place


# --- Calls that the caller answers ------------------------------------------------------


class CallItem(Item):
    """A call of a function or of a custom tool; all of one response share one step."""

    step: StepWriter
    number: int

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell that the call began."""
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
        """What is known of the call."""
        call: Any = self.step.calls[self.number]  # begin() made it
        function: models.Function = call.function
        return function

    def arguments(self, value: str, raw: Any) -> None:
        """Add a piece of the arguments."""
        self.step.arguments(self.number, value, raw)

    def complete(self, value: str) -> None:
        """Tell what of the arguments no delta brought; VALUE is all of them."""
        said = self._function.arguments
        if len(said) < len(value) and value.startswith(said):
            self.arguments(value[len(said) :], None)

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell the rest of the call; its step goes on until there are outputs."""
        call = wire.read(wire.CallItem, item, path)
        self.learn(item, path)
        final = call.arguments or call.input
        self.complete(final)
        function = self._function
        if final and final != function.arguments:
            # A new object: a text that has grown cannot be set.
            known = self.step.calls[self.number]
            made = models.Function(function.name, final)
            self.step.calls[self.number] = models.FunctionToolCall(known.id, "function", made)
        self.extend_done(raw)

    def learn(self, item: dict[str, Any], path: str) -> None:
        """Take id and name, where deltas came before them."""
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
        """Take the arguments that the call began with, where nothing else came."""
        self.complete(self._promised)


# --- Reasoning --------------------------------------------------------------------------


class ReasoningItem(Item):
    """What the model thinks before it answers: texts, and texts that sum it up."""

    #: Kind of text to the key of the item's list, the event that it grew, and that it is done.
    EVENTS: ClassVar[dict[str, tuple[str, type[Any], type[Any]]]] = {
        "text": ("content", events.ReasoningDelta, events.ReasoningDone),
        "summary": ("summary", events.ReasoningSummaryDelta, events.ReasoningSummaryDone),
    }

    def __init__(self, run: RunWriter, item_id: str, kind: str) -> None:
        """Know of a reasoning item."""
        super().__init__(run, item_id, kind)
        self._open: dict[tuple[str, int], models.ReasoningText] = {}
        self._done: set[tuple[str, int]] = set()

    def piece(self, kind: str, index: int, value: str, raw: Any) -> None:
        """Add a piece of a text of KIND, ``text`` or ``summary``."""
        known = self._open.get((kind, index))
        if known is None:
            known = self._open[kind, index] = models.ReasoningText("", self.id, index)
        known.grow(value)
        self.run.tell(self.EVENTS[kind][1], models.ReasoningTextDelta(value, known), raw)

    def complete(self, kind: str, index: int, value: str, raw: Any) -> bool:
        """Tell what of a text no delta brought, and that it is done; VALUE is all of it.

        Returns:
            Whether it was told now, so that RAW has its event.
        """
        key = (kind, index)
        if key in self._done:
            return False
        known = self._open.get(key)
        said = "" if known is None else known.text
        if len(said) < len(value) and value.startswith(said):
            self.piece(kind, index, value[len(said) :], None)
        known = self._open.get(key)
        if known is None:
            return False
        self._done.add(key)
        self.run.tell(self.EVENTS[kind][2], known, raw)
        return True

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell the rest of the texts, and that they are done."""
        for kind, (key, _, _) in self.EVENTS.items():
            for index, part in enumerate(wire.read_list(item.get(key), f"{path}.{key}")):
                text = wire.read(wire.Part, part, f"{path}.{key}[{index}]").text
                self.complete(kind, index, text, None)
        self.drop()
        self.extend_done(raw)

    def drop(self) -> None:
        """Tell that every text is done, as it stands."""
        for kind, index in tuple(self._open):
            self.complete(kind, index, "", None)
