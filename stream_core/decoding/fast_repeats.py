"""Fast path of ``decoder``: repeaters fold in a delta that differs from the last in its text only.

Rules of this file:

- A repeater does what ``snapshots`` would do with such a delta. All else is left to ``snapshots``:
  a delta that brings more than a text has no repeater, and nothing is folded into what is done.
- Nothing outside ``fast_*`` imports it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from stream_core import events, models
from stream_core.models.surrogates import can_encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import ToolCall, ToolCallDelta
    from stream_core.snapshots.blocks import Block, Container, Wants
    from stream_core.snapshots.messages import MessageSnapshots
    from stream_core.snapshots.run_steps import RunStepSnapshots
    from stream_core.snapshots.stream_state import Snapshots

__all__ = ["CallRepeater", "Repeater", "TextRepeater", "find_repeater"]


class Repeater(Protocol):
    """Folds in a delta that differs from an earlier one in one text only.

    Attributes:
        event_class: The class of the delta's wire event.
        key: The key of that text in the delta's JSON.
    """

    @property
    def event_class(self) -> type[events.WireEvent[Any]]:
        """See above."""
        ...

    @property
    def key(self) -> str:
        """See above."""
        ...

    def fold(self, value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        """Fold in the delta whose text is VALUE.

        Args:
            value: The text.
            raw: The delta's JSON, or None to leave out the wire event, which nobody wants.
            wants: Whether somebody wants the derived event; None means yes.

        Returns:
            Those of the wire event and its derived event that are wanted; None if the delta must
            take the ordinary path: what it belongs to is done, or a half of a surrogate pair waits.
        """
        ...


def find_repeater(snapshots: Snapshots, decoded: Decoded) -> Repeater | None:
    """Return the repeater for deltas like DECODED, or None if it brings more than a text.

    DECODED has just been folded in.
    """
    if decoded.event_class is events.ThreadMessageDelta:
        return _text_repeater(snapshots.followed_messages, decoded.payload)
    if decoded.event_class is events.ThreadRunStepDelta:
        return _call_repeater(snapshots.followed_steps, decoded.payload)
    return None


def _text_repeater(owner: MessageSnapshots, data: models.MessageDeltaEvent) -> TextRepeater | None:
    """Return the repeater for deltas like DATA, or None if it is more than a piece of text."""
    container = owner.container(data.id)
    deltas = data.delta.content
    if container.done or len(deltas) != 1 or deltas[0].index is None:
        return None
    delta = deltas[0]
    if not isinstance(delta, models.TextDeltaBlock) or delta.text is None:
        return None
    block = container.blocks[delta.index or 0]
    plain = delta.text.value is not None and not delta.text.annotations
    same = isinstance(block.snapshot, models.TextContentBlock)
    more = data.extra or data.delta.extra or delta.extra or delta.text.extra
    return TextRepeater(owner, container, block, data) if plain and same and not more else None


class TextRepeater:
    """Folds in deltas of one text part (see :class:`Repeater`)."""

    __slots__ = (
        *("_append", "_container", "_index", "_message"),
        *("_object", "_owner", "_role", "_text"),
    )

    event_class = events.ThreadMessageDelta
    key = "value"

    def __init__(
        self,
        owner: MessageSnapshots,
        container: Container[Any],
        block: Block[Any],
        data: models.MessageDeltaEvent,
    ) -> None:
        """Make a repeater for deltas like DATA, which belongs to BLOCK in CONTAINER."""
        self._owner, self._container = owner, container
        self._message, self._text = container.snapshot, block.snapshot.text
        self._index, self._append = block.index, block.snapshot.text.appender
        self._role, self._object = data.delta.role, data.object

    def fold(self, value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        """Fold in the delta whose text is VALUE."""
        container = self._container
        if container.done or self._text.half or not (value.isascii() or can_encode(value)):
            return None
        self._owner.current = message = self._message
        if self._role:
            message.role = self._role
        self._append(value)
        delta = models.TextDelta(value)
        out: list[Event] = []
        if raw is not None:
            block = models.TextDeltaBlock(self._index, "text", delta)
            data = models.MessageDeltaEvent(
                container.id, models.MessageDelta([block], self._role), self._object
            )
            out.append(events.ThreadMessageDelta(data, raw, snapshot=message))
        if wants is None or wants[events.MessageTextDelta]:
            out.append(events.MessageTextDelta(delta, self._text, container.id, self._index))
        return out


def _call_repeater(owner: RunStepSnapshots, data: models.RunStepDeltaEvent) -> CallRepeater | None:
    """Return the repeater for deltas like DATA, or None if it is more than a piece of text."""
    container, details = owner.container(data.id), data.delta.step_details
    if container.done or not isinstance(details, models.ToolCallDeltaObject):
        return None
    if len(details.tool_calls) != 1:
        return None
    delta = details.tool_calls[0]
    if delta.index is None or delta.id is not None or delta.extra:
        return None
    if data.extra or data.delta.extra or details.extra:
        return None
    call = container.blocks[delta.index].snapshot
    for kind in (_FunctionRepeater, _CodeRepeater):
        if isinstance(call, kind.call_class) and kind.is_piece(delta):
            return kind(owner, container, delta.index, data)
    return None


class CallRepeater(ABC):
    """Folds in deltas of one tool call (see :class:`Repeater`)."""

    call_class: type[Any]
    event_class = events.ThreadRunStepDelta
    key: str

    def __init__(
        self,
        owner: RunStepSnapshots,
        container: Container[ToolCall],
        index: int,
        data: models.RunStepDeltaEvent,
    ) -> None:
        """Make a repeater for deltas like DATA, which belongs to the call at INDEX."""
        self._owner, self._container = owner, container
        self._step, self._index, self._object = container.snapshot, index, data.object
        self._details = container.snapshot.step_details
        self._block = container.blocks[index]
        self._call: Any = self._block.snapshot

    def fold(self, value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        """Fold in the delta whose text is VALUE."""
        container = self._container
        if container.done or self._block.done or self._step.step_details is not self._details:
            return None
        self._owner.current = self._step
        delta = self.append(value)
        out: list[Event] = []
        if raw is not None:
            details = models.ToolCallDeltaObject("tool_calls", [delta])
            data = models.RunStepDeltaEvent(
                container.id, models.RunStepDelta(details), self._object
            )
            out.append(events.ThreadRunStepDelta(data, raw, snapshot=self._step))
        if wants is None or wants[events.RunStepToolCallDelta]:
            out.append(events.RunStepToolCallDelta(delta, self._call, container.id, self._index))
        return out

    @staticmethod
    @abstractmethod
    def is_piece(delta: Any) -> bool:
        """Return whether DELTA brings nothing but a piece of the call's text."""

    @abstractmethod
    def append(self, value: str) -> ToolCallDelta:
        """Append VALUE to the call's text, and return the delta that does the same."""


class _FunctionRepeater(CallRepeater):
    """Folds in the arguments of a function call."""

    call_class = models.FunctionToolCall
    key = "arguments"

    @staticmethod
    def is_piece(delta: Any) -> bool:
        """Return whether DELTA brings nothing but a piece of the arguments."""
        if not isinstance(delta, models.FunctionToolCallDelta) or delta.function is None:
            return False
        function = delta.function
        others = (function.name, function.output, function.extra or None)
        return function.arguments is not None and others == (None, None, None)

    def append(self, value: str) -> ToolCallDelta:
        """Append to the arguments."""
        if value:
            value = self._call.function.grow(value)
        return models.FunctionToolCallDelta(
            self._index, None, "function", models.FunctionDelta(None, value)
        )


class _CodeRepeater(CallRepeater):
    """Folds in the code of a code interpreter call."""

    call_class = models.CodeInterpreterToolCall
    key = "input"

    @staticmethod
    def is_piece(delta: Any) -> bool:
        """Return whether DELTA brings nothing but a piece of the input."""
        if not isinstance(delta, models.CodeInterpreterToolCallDelta):
            return False
        code = delta.code_interpreter
        return code is not None and code.input is not None and not (code.outputs or code.extra)

    def append(self, value: str) -> ToolCallDelta:
        """Append to the input."""
        if value:
            value = self._call.code_interpreter.grow(value)
        return models.CodeInterpreterToolCallDelta(
            self._index, None, "code_interpreter", models.CodeInterpreterDelta(value)
        )
