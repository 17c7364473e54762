"""Snapshots of messages: folds their deltas and tells what the parts of a message do.

Rules of this file:

- A message is found by its id, a part by the wire's ``index``.
- One part is open: the next one's beginning closes it. A delta for a part that is closed
  already is told, and closes nothing twice.
- The terminal message that the server sends replaces the accumulated one. Text that it has
  and no delta brought is told as one more text delta before the text is done.
- A part that a message was created with is told when its first delta comes, or at the end.
- An end under an id that was never seen ends the newest open message (cogitator does so);
  what is told of its parts keeps the id that they began under.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events, models
from stream_core.models.merging import merge_annotations, merge_content, new_content

from .blocks import Container, History, repeated_event, wire_event

if TYPE_CHECKING:
    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import Message, MessageContent, MessageContentDelta

    from .blocks import Block

__all__ = ["MessageSnapshots"]


class MessageSnapshots:
    """The messages of one stream, or of several that belong together.

    Attributes:
        current: Live snapshot of the message last heard of, or None.
    """

    def __init__(self, history: History) -> None:
        """Begin without messages."""
        self.current: Message | None = None
        self._history = history
        self._in_order: list[Container[MessageContent]] = []
        self._messages: dict[str, Container[MessageContent]] = {}

    @property
    def all(self) -> list[Message]:
        """The messages, in order of first sight."""
        return [container.snapshot for container in self._in_order]

    @property
    def open_ids(self) -> list[str]:
        """The ids of those that began and did not end."""
        return [container.id for container in self._in_order if not container.done]

    def container(self, message_id: str) -> Container[MessageContent]:
        """Return what is followed of a message that is known."""
        return self._messages[message_id]

    def finish(self, told: list[Event]) -> None:
        """Tell that everything still open is done, as it stands."""
        for container in self._in_order:
            if not container.done:
                self._finish_message(container, container.snapshot, told)

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
        told = [wire_event(decoded)]
        if decoded.event_class is not events.ThreadMessageCreated:
            told.insert(0, self._history.announce(events.ThreadMessageCreated, message))
        container = self._follow(message)
        for index, part in enumerate(message.content):
            container.put(index, part)
        return told

    def _follow(self, message: Message) -> Container[MessageContent]:
        """Begin to follow MESSAGE, which becomes the snapshot."""
        container: Container[MessageContent] = Container(message.id, message)
        self._in_order.append(container)
        self._messages[message.id] = container
        self.current = message
        return container

    def delta(self, decoded: Decoded) -> list[Event]:
        """A message grew."""
        data: models.MessageDeltaEvent = decoded.payload
        told: list[Event] = []
        container = self._messages.get(data.id)
        if container is None:
            message = self._placeholder_message(data.id)
            told.append(self._history.announce(events.ThreadMessageCreated, message))
            container = self._follow(message)
        snapshot: Message = container.snapshot
        self.current = snapshot
        told.append(
            events.ThreadMessageDelta(data, decoded.raw, decoded.synthetic, snapshot=snapshot)
        )
        if not container.done:
            if data.delta.role:
                snapshot.role = data.delta.role
            for delta in data.delta.content:
                self._grow_part(container, delta, told)
        return told

    def _placeholder_message(self, message_id: str) -> Message:
        """Return the message that a delta for an unknown id must mean."""
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
        told: list[Event],
    ) -> None:
        """Add DELTA to its part and tell what follows from it."""
        index = delta.index
        if index is None:
            index = 0 if container.open is None else container.open.index
        block = container.blocks.get(index)
        if block is None:
            block = container.add(index, new_content(delta), container.snapshot.content)
            self._begin_part(container, block, told)
        elif not block.created:
            self._begin_part(container, block, told)
            _tell_rest(container.id, block, _said(block.snapshot), 0, told)
        merge_content(block.snapshot, delta)
        _tell_delta(container.id, block, delta, told)

    def _begin_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent],
        told: list[Event],
    ) -> None:
        """Tell that a part began, which ends the one before it."""
        self._close_part(container, container.open, told)
        block.created, container.open = True, block
        if isinstance(block.snapshot, models.TextContentBlock):
            text = block.snapshot.text
            told.append(events.MessageTextCreated(text, container.id, block.index))

    def _close_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent] | None,
        told: list[Event],
    ) -> None:
        """Tell that a part is done, unless it was told."""
        if block is None or block.done:
            return
        block.done = True
        part, where = block.snapshot, (container.id, block.index)
        if isinstance(part, models.TextContentBlock):
            told.append(events.MessageTextDone(part.text, *where))
        elif isinstance(part, models.RefusalContentBlock):
            told.append(events.MessageRefusalDone(part, *where))
        elif isinstance(part, models.ImageFileContentBlock):
            told.append(events.MessageImageFileDone(part.image_file, *where))
        elif isinstance(part, models.ImageURLContentBlock):
            told.append(events.MessageImageURLDone(part.image_url, *where))

    def ends(self, decoded: Decoded) -> list[Event]:
        """A message is complete or incomplete."""
        message: Message = decoded.payload
        told: list[Event] = []
        container = self._messages.get(message.id) or self._renamed_message(message)
        if container is None:
            told.append(self._history.announce(events.ThreadMessageCreated, message))
            container = self._follow(message)
        elif container.done:
            self.current = container.snapshot
            return [repeated_event(decoded)]
        told.append(wire_event(decoded))
        self._end_message(container, message, told)
        return told

    def _renamed_message(self, message: Message) -> Container[MessageContent] | None:
        """Find the newest open message for an end under another id; it has both from now on."""
        container = next((x for x in reversed(self._in_order) if not x.done), None)
        if container is not None:
            self._messages[message.id] = container
        return container

    def _end_message(
        self, container: Container[MessageContent], message: Message, told: list[Event]
    ) -> None:
        """Tell the rest of a message; MESSAGE, as the server sent it, is its final state."""
        missing = _missing_text(container, message)
        for index, part in enumerate(message.content):
            block = container.blocks.get(index)
            if block is None:
                block = container.put(index, part)
            self._settle_part(container, block, part, missing.get(index), told)
        self._finish_message(container, message, told)

    def _finish_message(
        self, container: Container[MessageContent], message: Message, told: list[Event]
    ) -> None:
        """Tell that all parts of a message, and the message, are done."""
        for block in container.blocks.values():
            if not block.done:
                missing = None if block.created else _said(block.snapshot)
                self._settle_part(container, block, block.snapshot, missing, told)
        container.snapshot, container.done, container.open = message, True, None
        self.current = message
        told.append(events.MessageDone(message))

    def _settle_part(
        self,
        container: Container[MessageContent],
        block: Block[MessageContent],
        final: MessageContent,
        missing: str | None,
        told: list[Event],
    ) -> None:
        """Tell what of FINAL was not told, and that the part is done."""
        if block.done:
            return
        seen = 0
        if block.created and isinstance(block.snapshot, models.TextContentBlock):
            seen = len(block.snapshot.text.annotations)
        block.snapshot = final
        if not block.created:
            self._begin_part(container, block, told)
            if isinstance(final, models.RefusalContentBlock):
                missing = final.refusal
        _tell_rest(container.id, block, missing, seen, told)
        self._close_part(container, block, told)


def _said(part: MessageContent) -> str:
    """Return the text of PART, "" where it is none."""
    if isinstance(part, models.TextContentBlock):
        return part.text.value
    return part.refusal if isinstance(part, models.RefusalContentBlock) else ""


def _tell_delta(
    message_id: str, block: Block[MessageContent], delta: MessageContentDelta, told: list[Event]
) -> None:
    """Tell what DELTA, which is merged but for its annotations, did to its part."""
    part, index = block.snapshot, block.index
    if isinstance(part, models.TextContentBlock):
        text = part.text
        if isinstance(delta, models.TextDeltaBlock) and delta.text is not None:
            if delta.text.value is not None:
                told.append(events.MessageTextDelta(delta.text, text, message_id, index))
            if delta.text.annotations:
                added = merge_annotations(text, delta.text.annotations)
                told += [events.MessageAnnotation(x, text, message_id, index) for x in added]
    elif isinstance(part, models.RefusalContentBlock) and isinstance(
        delta, models.RefusalDeltaBlock
    ):
        told.append(events.MessageRefusalDelta(delta, part, message_id, index))


def _tell_rest(
    message_id: str,
    block: Block[MessageContent],
    value: str | None,
    seen: int,
    told: list[Event],
) -> None:
    """Tell what a part has and no delta brought: VALUE, and annotations from number SEEN on."""
    part, where = block.snapshot, (message_id, block.index)
    if isinstance(part, models.TextContentBlock):
        text = part.text
        if value:
            told.append(events.MessageTextDelta(models.TextDelta(value), text, *where))
        told += [events.MessageAnnotation(x, text, *where) for x in text.annotations[seen:]]
    elif value and isinstance(part, models.RefusalContentBlock):
        delta = models.RefusalDeltaBlock(block.index, refusal=value)
        told.append(events.MessageRefusalDelta(delta, part, *where))


def _missing_text(container: Container[MessageContent], message: Message) -> dict[int, str]:
    """Return by index the text that MESSAGE has and no delta brought.

    Nothing is missing where the texts are equal as a whole (cogitator sends one part per
    token and one text at the end), or where the deltas said something else.
    """
    final = {
        index: part.text.value
        for index, part in enumerate(message.content)
        if isinstance(part, models.TextContentBlock)
    }
    known = {
        index: block.snapshot.text.value
        for index, block in container.blocks.items()
        if block.created and isinstance(block.snapshot, models.TextContentBlock)
    }
    if final == known:
        return {}
    gap = sum(map(len, final.values())) - sum(map(len, known.values()))
    rests = {
        index: text[len(known.get(index, "")) :]
        for index, text in final.items()
        if text.startswith(known.get(index, ""))
    }
    return rests if gap > 0 and sum(map(len, rests.values())) == gap else {}
