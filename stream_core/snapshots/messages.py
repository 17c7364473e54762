"""Snapshots of messages: folds in their deltas and derives the events of their parts.

Rules of this file:

- A message is found by its id, a part by the wire's ``index``.
- One part is open at a time; the beginning of the next one closes it. A delta for a part that is
  closed already is delivered, and closes nothing twice.
- The terminal message that the server sends replaces the accumulated one. Text in it that no
  delta brought is delivered as one more text delta before the text is done.
- A half of a surrogate pair that still waits when its part ends is delivered as U+FFFD before
  the end, unless the server's final text takes the place of the part's text.
- A part does not change its type: if the terminal message has another type at its place, the part
  ends as it stands. Only a part of unknown type, which has no events, may become a known one.
- A part that a message was created with begins when its first delta comes, or at the end.
- An end under an id that was never seen ends the newest open message (cogitator does this); the
  events of its parts keep the id under which they began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events, models
from stream_core.models.merging import (
    flush_content,
    merge_annotations,
    merge_content,
    new_content,
)

from .blocks import Container, History, repeated_event, wire_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Message, MessageContent, MessageContentDelta

    from .blocks import Block

__all__ = ["MessageSnapshots", "missing_text", "places_of"]


class MessageSnapshots:
    """The messages of one stream, or of several that belong together.

    Attributes:
        current: Live snapshot of the latest message, or None.
    """

    def __init__(self, history: History) -> None:
        """Begin without messages."""
        self.current: Message | None = None
        self._history = history
        self._in_order: list[Container[MessageContent]] = []
        self._messages: dict[str, Container[MessageContent]] = {}
        # Those that have not ended: a server decides how many have, so none are searched for.
        self._open: dict[str, Container[MessageContent]] = {}

    @property
    def all(self) -> list[Message]:
        """The messages, in order of first sight."""
        return [container.snapshot for container in self._in_order]

    @property
    def open_ids(self) -> list[str]:
        """The ids of the messages that began and have not ended."""
        return list(self._open)

    def container(self, message_id: str) -> Container[MessageContent]:
        """Return the container of a known message."""
        return self._messages[message_id]

    def finish(self, out: list[Event]) -> None:
        """Append to OUT the end of every message still open, as it stands."""
        for container in tuple(self._open.values()):
            self._finish_message(container, container.snapshot, out)

    def begins(self, decoded: Decoded) -> list[Event]:
        """A message was created, or is in progress."""
        message: Message = decoded.payload
        known = self._messages.get(message.id)
        if known is not None:
            self.current = known.snapshot
        if decoded.event_class is events.ThreadMessageCreated and self._history.repeated(decoded):
            return [repeated_event(decoded)]
        if known is not None:
            if not known.done:
                known.snapshot.status = message.status
            return [wire_event(decoded)]
        out = [wire_event(decoded)]
        if decoded.event_class is not events.ThreadMessageCreated:
            out.insert(0, self._history.announce(events.ThreadMessageCreated, message))
        container = self._follow(message)
        for index, part in enumerate(message.content):
            container.put(index, part)
        return out

    def _follow(self, message: Message) -> Container[MessageContent]:
        """Start following MESSAGE, which becomes the snapshot."""
        container: Container[MessageContent] = Container(message.id, message, len(self._in_order))
        self._in_order.append(container)
        self._messages[message.id] = self._open[message.id] = container
        self.current = message
        return container

    def delta(self, decoded: Decoded) -> list[Event]:
        """A message grew."""
        data: models.MessageDeltaEvent = decoded.payload
        out: list[Event] = []
        container = self._messages.get(data.id)
        if container is None:
            message = self._placeholder_message(data.id)
            out.append(self._history.announce(events.ThreadMessageCreated, message))
            container = self._follow(message)
        snapshot: Message = container.snapshot
        self.current = snapshot
        out.append(
            events.ThreadMessageDelta(data, decoded.raw, decoded.synthetic, snapshot=snapshot)
        )
        if not container.done:
            if data.delta.role:
                snapshot.role = data.delta.role
            for delta in data.delta.content:
                self._grow_part(container, delta, out, whole=decoded.synthetic)
        return out

    def _placeholder_message(self, message_id: str) -> Message:
        """Return the message that a delta for an unknown id must belong to."""
        run = self._history.current_run or models.Run()
        return models.Message(
            id=message_id,
            thread_id=run.thread_id,
            run_id=run.id or None,
            assistant_id=run.assistant_id or None,
            status="in_progress",
            role="assistant",
        )

    def _grow_part(
        self,
        container: Container[MessageContent],
        delta: MessageContentDelta,
        out: list[Event],
        *,
        whole: bool,
    ) -> None:
        """Merge DELTA into its part, and append to OUT the events that follow.

        A synthetic delta is WHOLE: it was cut from a whole text, after what was delivered.
        """
        index = delta.index
        if index is None:
            index = 0 if container.open is None else container.open.index
        block = container.blocks.get(index)
        if block is None:
            block = container.add(index, new_content(delta), container.snapshot.content)
            self._begin_part(container, block, out)
        elif not block.created:
            self._begin_part(container, block, out)
            _add_rest(container.id, block, _text_of(block.snapshot), 0, out)
        merge_content(block.snapshot, delta, whole=whole)
        _add_delta(container.id, block, delta, out)

    def _begin_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent],
        out: list[Event],
    ) -> None:
        """Append to OUT the beginning of a part, which ends the part before it."""
        self._close_part(container, container.open, out)
        block.created, container.open = True, block
        if isinstance(block.snapshot, models.TextContentBlock):
            text = block.snapshot.text
            out.append(events.MessageTextCreated(text, container.id, block.index))

    def _close_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent] | None,
        out: list[Event],
    ) -> None:
        """Append to OUT the end of a part, if there is one and it is not done yet."""
        if block is None or block.done:
            return
        self._flush_part(container, block, out)
        block.done = True
        part, where = block.snapshot, (container.id, block.index)
        if isinstance(part, models.TextContentBlock):
            out.append(events.MessageTextDone(part.text, *where))
        elif isinstance(part, models.RefusalContentBlock):
            out.append(events.MessageRefusalDone(part, *where))
        elif isinstance(part, models.ImageFileContentBlock):
            out.append(events.MessageImageFileDone(part.image_file, *where))
        elif isinstance(part, models.ImageURLContentBlock):
            out.append(events.MessageImageURLDone(part.image_url, *where))

    def _flush_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent],
        out: list[Event],
    ) -> None:
        """Append to OUT the half that waits in a part, if one does."""
        rest = flush_content(block.snapshot, block.index)
        if rest is not None:
            _add_delta(container.id, block, rest, out)

    def ends(self, decoded: Decoded) -> list[Event]:
        """A message is complete or incomplete."""
        message: Message = decoded.payload
        out: list[Event] = []
        container = self._messages.get(message.id) or self._renamed_message(message)
        if container is None:
            out.append(self._history.announce(events.ThreadMessageCreated, message))
            container = self._follow(message)
        elif container.done:
            self.current = container.snapshot
            return [repeated_event(decoded)]
        out.append(wire_event(decoded))
        self._end_message(container, message, out)
        return out

    def _renamed_message(self, message: Message) -> Container[MessageContent] | None:
        """Return the newest open message, for an end under another id; it now has both ids."""
        container = next(reversed(self._open.values()), None)
        if container is not None:
            self._messages[message.id] = container
        return container

    def _end_message(
        self, container: Container[MessageContent], message: Message, out: list[Event]
    ) -> None:
        """Append to OUT the rest of a message; MESSAGE, as the server sent it, is its end state."""
        places = places_of(container, message)
        missing = missing_text(container, message, places)
        ends = [
            (container.blocks.get(index) or container.put(index, part), part)
            for index, part in zip(places, message.content, strict=True)
        ]
        # The open part first: another one that never began would end it without its rest.
        for block, part in sorted(ends, key=lambda end: end[0] is not container.open):
            self._settle_part(container, block, part, missing.get(block.index), out)
        self._finish_message(container, message, out)

    def _finish_message(
        self, container: Container[MessageContent], message: Message, out: list[Event]
    ) -> None:
        """Append to OUT the ends of all parts of a message, and of the message."""
        for block in container.blocks.values():
            if block.done:  # deltas may have come after its end
                self._flush_part(container, block, out)
            else:
                missing = None if block.created else _text_of(block.snapshot)
                self._settle_part(container, block, block.snapshot, missing, out)
        container.snapshot, container.done, container.open = message, True, None
        del self._open[container.id]
        self.current = message
        out.append(events.MessageDone(message))

    def _settle_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent],
        final: MessageContent,
        missing: str | None,
        out: list[Event],
    ) -> None:
        """Append to OUT what of FINAL was not delivered, and the end of the part."""
        if block.created and final.__class__ is not block.snapshot.__class__:
            if block.snapshot.__class__ is models.UnknownContent:  # which had no events
                block.created = block.done = False
                container.open = None if container.open is block else container.open
            else:
                final, missing = block.snapshot, None
        if block.done:
            return
        seen = 0
        if block.created and isinstance(block.snapshot, models.TextContentBlock):
            seen = len(block.snapshot.text.annotations)
        block.snapshot = final
        if not block.created:
            self._begin_part(container, block, out)
            if isinstance(final, models.RefusalContentBlock):
                missing = final.refusal
        _add_rest(container.id, block, missing, seen, out)
        self._close_part(container, block, out)


def _text_of(part: MessageContent) -> str:
    """Return the text of PART, or "" if it is not a text or a refusal."""
    if isinstance(part, models.TextContentBlock):
        return part.text.value
    return part.refusal if isinstance(part, models.RefusalContentBlock) else ""


def _add_delta(
    message_id: str, block: Block[MessageContent], delta: MessageContentDelta, out: list[Event]
) -> None:
    """Append to OUT what DELTA, merged except for its annotations, changed in its part."""
    part, index = block.snapshot, block.index
    if isinstance(part, models.TextContentBlock):
        text = part.text
        if isinstance(delta, models.TextDeltaBlock) and delta.text is not None:
            if delta.text.value is not None:
                out.append(events.MessageTextDelta(delta.text, text, message_id, index))
            if delta.text.annotations:
                added = merge_annotations(text, delta.text.annotations)
                out += [events.MessageAnnotation(x, text, message_id, index) for x in added]
    elif isinstance(part, models.RefusalContentBlock) and isinstance(
        delta, models.RefusalDeltaBlock
    ):
        out.append(events.MessageRefusalDelta(delta, part, message_id, index))


def _add_rest(
    message_id: str,
    block: Block[MessageContent],
    value: str | None,
    seen: int,
    out: list[Event],
) -> None:
    """Append to OUT what no delta brought of a part: VALUE, and the annotations from SEEN on."""
    part, where = block.snapshot, (message_id, block.index)
    if isinstance(part, models.TextContentBlock):
        text = part.text
        if value:
            out.append(events.MessageTextDelta(models.TextDelta(value), text, *where))
        out += [events.MessageAnnotation(x, text, *where) for x in text.annotations[seen:]]
    elif value and isinstance(part, models.RefusalContentBlock):
        delta = models.RefusalDeltaBlock(block.index, refusal=value)
        out.append(events.MessageRefusalDelta(delta, part, *where))


def places_of(container: Container[MessageContent], message: Message) -> Sequence[int]:
    """Return the index of each part of MESSAGE: its place, unless the deltas had higher indexes.

    The parts that began are then those of the message, in order.
    """
    count = len(message.content)
    if container.next_index <= count:
        return range(count)
    began = sorted(container.blocks)
    fresh = range(container.next_index, container.next_index + count - len(began))
    return [*began[:count], *fresh]


def missing_text(
    container: Container[MessageContent], message: Message, places: Sequence[int]
) -> dict[int, str]:
    """Return, by index, the text of MESSAGE that no delta brought.

    Nothing is missing if the texts are equal as a whole (cogitator sends one part per token and
    one text at the end), or if the deltas brought a different text.
    """
    final = {
        index: part.text.value
        for index, part in zip(places, message.content, strict=True)
        if isinstance(part, models.TextContentBlock)
    }
    known = {
        index: block.snapshot.text.value
        for index, block in container.blocks.items()
        if block.created and isinstance(block.snapshot, models.TextContentBlock)
    }
    gap = sum(map(len, final.values())) - sum(map(len, known.values()))
    rests = {
        index: text[len(known.get(index, "")) :]
        for index, text in final.items()
        if text.startswith(known.get(index, ""))
    }
    return rests if sum(map(len, rests.values())) == gap else {}
