"""Fast path of ``decoder``: repeaters fold in a delta that differs from the last in its text only.

Rules of this file:

- A repeater does what ``snapshots`` would do with such a delta. All else is left to ``snapshots``:
  a delta that brings more than a text has no repeater, and nothing is folded into what is done.
- A repeater lives until the next frame that is decoded in another way, so what only frames change
  needs no second look. Handlers may have changed the details of a step: those are looked at.
- What is folded in is a closure, and events are made without ``__init__``: this runs once per
  event.
- Nothing outside ``fast_*`` imports it.
"""

# ruff: noqa: SLF001  # payloads and events are made field by field, as in convert/fast_payloads
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stream_core import events, models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import ToolCallDelta
    from stream_core.snapshots.blocks import Wants
    from stream_core.snapshots.messages import MessageSnapshots
    from stream_core.snapshots.run_steps import RunStepSnapshots
    from stream_core.snapshots.stream_state import Snapshots

    #: Folds in the delta whose text is the first argument. The second is the delta's JSON, or None
    #: to leave out the wire event, which nobody wants; then the third says whether somebody wants
    #: the derived event, and None means yes. It returns those of the two that are wanted; None if
    #: the delta must take the ordinary path.
    Fold: TypeAlias = Callable[[str, str | None, Wants | None], Sequence[Event] | None]

    #: A pair of functions: one appends to the text of a call, one makes the delta of a piece.
    _Call: TypeAlias = tuple[Callable[[str], object], Callable[[str], ToolCallDelta]]

__all__ = ["Repeater", "find_repeater"]

_new: Any = object.__new__

_REASONING = (events.ReasoningDelta, events.ReasoningSummaryDelta)


class Repeater(NamedTuple):
    """Folds in deltas that differ from an earlier one in one text only.

    Attributes:
        event_class: The class of the delta's wire event.
        piece: The text of the earlier one.
        fold: See above.
    """

    event_class: type[events.WireEvent[Any]]
    piece: str
    fold: Fold


def find_repeater(snapshots: Snapshots, decoded: Decoded) -> Repeater | None:
    """Return the repeater for deltas like DECODED, or None if it brings more than a text.

    DECODED has just been folded in.
    """
    if decoded.event_class is events.ThreadMessageDelta:
        return _text_repeater(snapshots.followed_messages, decoded.payload)
    if decoded.event_class is events.ThreadRunStepDelta:
        return _call_repeater(snapshots.followed_steps, decoded.payload)
    if decoded.event_class in _REASONING:
        return _reasoning_repeater(decoded)
    return None


def _text_repeater(owner: MessageSnapshots, data: models.MessageDeltaEvent) -> Repeater | None:
    """Return the repeater for deltas like DATA, or None if it is more than a piece of text."""
    container = owner.container(data.id)
    deltas = data.delta.content
    if container.done or len(deltas) != 1:
        return None
    delta = deltas[0]
    if not isinstance(delta, models.TextDeltaBlock) or delta.index is None or delta.text is None:
        return None
    part, piece = container.blocks[delta.index].snapshot, delta.text.value
    if piece is None or delta.text.annotations or not isinstance(part, models.TextContentBlock):
        return None
    if data.extra or data.delta.extra or delta.extra or delta.text.extra or part.text.half:
        return None
    fold = _text_fold(container.snapshot, part.text, delta.index, data)
    return Repeater(events.ThreadMessageDelta, piece, fold)


def _text_fold(
    message: models.Message, text: models.Text, index: int, like: models.MessageDeltaEvent
) -> Fold:
    """Return what folds pieces into TEXT, the part at INDEX of MESSAGE, by deltas like LIKE."""
    append, message_id, kind, role = text.appender, like.id, like.object, like.delta.role
    new, delta_class, event_class = _new, models.TextDelta, events.MessageTextDelta

    def fold(value: str, raw: str | None, wants: Wants | None) -> Sequence[Event]:
        append(value)
        if wants is not None and not wants[event_class]:
            return ()
        delta = new(delta_class)
        delta.value = value
        delta.annotations = []
        delta._extra = None
        event = new(event_class)
        event.delta = delta
        event.snapshot = text
        event.message_id = message_id
        event.index = index
        if raw is None:
            return (event,)
        block = models.TextDeltaBlock(index, "text", delta)
        data = models.MessageDeltaEvent(message_id, models.MessageDelta([block], role), kind)
        return (events.ThreadMessageDelta(data, raw, snapshot=message), event)

    return fold


def _call_repeater(owner: RunStepSnapshots, data: models.RunStepDeltaEvent) -> Repeater | None:
    """Return the repeater for deltas like DATA, or None if it is more than a piece of text."""
    container, details = owner.container(data.id), data.delta.step_details
    if container.done or not isinstance(details, models.ToolCallDeltaObject):
        return None
    if len(details.tool_calls) != 1:
        return None
    delta = details.tool_calls[0]
    if delta.index is None or delta.id is not None or delta.extra:
        return None
    block = container.blocks[delta.index]
    if block.done or data.extra or data.delta.extra or details.extra:
        return None
    for find in (_arguments, _code):
        found = find(block.snapshot, delta, delta.index)
        if found is not None:
            piece, call = found
            fold = _call_fold(container.snapshot, block.snapshot, delta.index, call, data)
            return Repeater(events.ThreadRunStepDelta, piece, fold)
    return None


def _arguments(call: Any, delta: Any, index: int) -> tuple[str, _Call] | None:
    """Return the piece of arguments that is all of DELTA, and what handles more; None if more."""
    if not isinstance(call, models.FunctionToolCall) or call.function.half:
        return None
    if not isinstance(delta, models.FunctionToolCallDelta) or delta.function is None:
        return None
    function = delta.function
    if (function.name, function.output, function.extra or None) != (None, None, None):
        return None
    if function.arguments is None:
        return None
    new, delta_class, function_class = _new, models.FunctionToolCallDelta, models.FunctionDelta

    def make(value: str) -> ToolCallDelta:
        made = new(function_class)
        made.name = None
        made.arguments = value
        made.output = None
        made._extra = None
        delta: models.FunctionToolCallDelta = new(delta_class)
        delta.index = index
        delta.id = None
        delta.type = "function"
        delta.function = made
        delta._extra = None
        return delta

    return function.arguments, (call.function.appender, make)


def _code(call: Any, delta: Any, index: int) -> tuple[str, _Call] | None:
    """Return the piece of code that is all of DELTA, and what handles more; None if more."""
    if not isinstance(call, models.CodeInterpreterToolCall) or call.code_interpreter.half:
        return None
    if not isinstance(delta, models.CodeInterpreterToolCallDelta):
        return None
    code = delta.code_interpreter
    if code is None or code.input is None or code.outputs or code.extra:
        return None

    def make(value: str) -> ToolCallDelta:
        code = models.CodeInterpreterDelta(value)
        return models.CodeInterpreterToolCallDelta(index, None, "code_interpreter", code)

    return code.input, (call.code_interpreter.appender, make)


def _call_fold(
    step: models.RunStep, call: Any, index: int, parts: _Call, like: models.RunStepDeltaEvent
) -> Fold:
    """Return what folds pieces into CALL, at INDEX of STEP, by deltas like LIKE."""
    details, step_id, kind = step.step_details, like.id, like.object
    (append, make), new, event_class = parts, _new, events.RunStepToolCallDelta

    def fold(value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        if step.step_details is not details:
            return None
        append(value)
        if wants is not None and not wants[event_class]:
            return ()
        delta = make(value)
        event = new(event_class)
        event.delta = delta
        event.snapshot = call
        event.run_step_id = step_id
        event.index = index
        if raw is None:
            return (event,)
        change = models.RunStepDelta(models.ToolCallDeltaObject("tool_calls", [delta]))
        data = models.RunStepDeltaEvent(step_id, change, kind)
        return (events.ThreadRunStepDelta(data, raw, snapshot=step), event)

    return fold


def _reasoning_repeater(decoded: Decoded) -> Repeater | None:
    """Return the repeater for deltas like DECODED, whose text of reasoning is its own snapshot."""
    text, event_class = decoded.payload.snapshot, decoded.event_class
    if text.half:
        return None
    append, new, delta_class = text.appender, _new, models.ReasoningTextDelta

    def fold(value: str, raw: str | None, _: Wants | None) -> Sequence[Event]:
        append(value)
        if raw is None:  # there is no derived event
            return ()
        delta = new(delta_class)
        delta.delta = value
        delta.snapshot = text
        delta._extra = None
        event = new(event_class)
        event.data = delta
        event._raw = raw
        event.synthetic = False
        return (event,)

    return Repeater(event_class, decoded.payload.delta, fold)
