"""What a wire would have sent of an object, given what was seen of it.

Rules of this file:

- No questions: the server's objects come in, what frames would have meant goes out.
- An object is created, then come its deltas, part by part or call by call, and then its end. The
  rest of a text is one delta, or one up to each annotation, which follows the text that it marks.
- What was seen is known by the wire's ``index``; what the server has is known by its place.
- A text that does not begin with what was seen is no continuation of it: no delta brings it, and
  the end of its object has it.
- The results of a file search come with the end of its step, as they do on the wire.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.snapshots.messages import missing_text, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream_core.models import Annotation, Message, MessageContent, RunStep, ToolCall
    from stream_core.snapshots.blocks import Block, Container

    Delta = Callable[[int, Any, Any], Iterator[Any]]

__all__ = [
    "call_deltas",
    "call_ids",
    "message_begins",
    "message_goes_on",
    "step_begins",
    "step_ends",
    "synthetic",
]


T = TypeVar("T")


def synthetic(event_class: type[events.WireEvent[Any]], payload: Any) -> Decoded:
    """Return what a frame would have meant."""
    return Decoded(event_class, payload, None, event_class.event, synthetic=True)


# --- Messages -----------------------------------------------------------------------------------


def message_begins(message: Message) -> Decoded:
    """Return the beginning of MESSAGE."""
    begun = evolve(message, status="in_progress", content=[])
    return synthetic(events.ThreadMessageCreated, begun)


def message_goes_on(
    message: Message, seen: Container[MessageContent] | None, *, waits: bool
) -> Iterator[Decoded]:
    """Yield what comes after the beginning of a message.

    One that stays in progress though its run ended has all that it will ever have.

    Args:
        message: As the server has it.
        seen: What was seen of it; None: nothing but its beginning.
        waits: Whether the run waits for the caller, so that the message may go on.
    """
    for delta in _part_deltas(message, seen):
        payload = models.MessageDeltaEvent(message.id, models.MessageDelta([delta]))
        yield synthetic(events.ThreadMessageDelta, payload)
    if message.status == "incomplete":
        yield synthetic(events.ThreadMessageIncomplete, message)
    elif message.status != "in_progress" or not waits:
        yield synthetic(events.ThreadMessageCompleted, message)


def _part_deltas(message: Message, seen: Container[MessageContent] | None) -> Iterator[Any]:
    """Yield the deltas of the parts of MESSAGE that were not seen, or not to their end."""
    places: Sequence[int] = range(len(message.content))
    blocks: dict[int, Block[MessageContent]] = {}
    missing: dict[int, str] | None = None
    if seen is not None:
        places, blocks = places_of(seen, message), seen.blocks
        missing = missing_text(seen, message, places)
    for index, part in zip(places, message.content, strict=True):
        block = blocks.get(index)
        if isinstance(part, models.TextContentBlock):
            rest = part.text.value if missing is None else missing.get(index, "")
            yield from _text_deltas(index, part.text, block, rest)
        elif isinstance(part, models.RefusalContentBlock):
            yield from _refusal_deltas(index, part, block)
        elif block is None:
            yield _whole_part(index, part)


def _text_deltas(
    index: int, text: models.Text, block: Block[MessageContent] | None, rest: str
) -> Iterator[models.TextDeltaBlock]:
    """Yield REST, the end of TEXT, and the annotations that were not seen."""
    known: Sequence[Annotation] = ()
    if block is not None:
        if not isinstance(block.snapshot, models.TextContentBlock):
            return
        known = block.snapshot.text.annotations
        if not block.created:
            rest = _after(block.snapshot.text.value, text.value)
    for delta in _text_pieces(text, rest, known):
        if block is None or delta.value or delta.annotations:
            yield models.TextDeltaBlock(index, text=delta)


def _text_pieces(
    text: models.Text, rest: str, known: Sequence[Annotation]
) -> Iterator[models.TextDelta]:
    """Yield REST, the end of TEXT, in pieces that end with an annotation that is not KNOWN."""
    number = max((x.index for x in known if x.index is not None), default=len(known) - 1)
    whole = len(text.value)
    at = whole - len(rest)
    late, brought = [], False
    for annotation in text.annotations[len(known) :]:
        number += 1
        mine = _numbered(annotation, number)
        end = getattr(mine, "end_index", None)
        if end is None or not at <= end <= whole:
            late.append(mine)
            continue
        yield models.TextDelta(text.value[at:end] or None, [mine])
        at, brought = end, True
    if at < whole or late or not brought:
        yield models.TextDelta(text.value[at:], late)


def _refusal_deltas(
    index: int, part: models.RefusalContentBlock, block: Block[MessageContent] | None
) -> Iterator[models.RefusalDeltaBlock]:
    """Yield the end of a refusal."""
    if block is None:
        yield models.RefusalDeltaBlock(index, refusal=part.refusal)
    elif isinstance(block.snapshot, models.RefusalContentBlock):
        rest = _after(block.snapshot.refusal, part.refusal)
        if rest:
            yield models.RefusalDeltaBlock(index, refusal=rest)


def _whole_part(index: int, part: MessageContent) -> Any:
    """Return the delta that brings a whole PART."""
    if isinstance(part, models.ImageFileContentBlock):
        return models.ImageFileDeltaBlock(index, part.type, copy(part.image_file))
    if isinstance(part, models.ImageURLContentBlock):
        return models.ImageURLDeltaBlock(index, part.type, copy(part.image_url))
    assert isinstance(part, models.UnknownContent)  # noqa: S101  # texts are cut
    return models.UnknownContentDelta(index, part.type, {"index": index, **part.raw})


# --- Steps --------------------------------------------------------------------------------------


def step_begins(step: RunStep) -> Decoded:
    """Return the beginning of STEP."""
    details = step.step_details
    if isinstance(details, models.ToolCallsStepDetails):
        details = models.ToolCallsStepDetails()
    begun = evolve(step, status="in_progress", step_details=details)
    return synthetic(events.ThreadRunStepCreated, begun)


def call_deltas(step: RunStep, seen: Container[ToolCall] | None) -> Iterator[Decoded]:
    """Yield deltas for the calls of STEP that were not seen, or not to their end.

    Args:
        step: As the server has it.
        seen: What was seen of it; None: nothing but its beginning.
    """
    known = {} if seen is None else {index: x.snapshot for index, x in seen.blocks.items()}
    by_id = {call.id: index for index, call in known.items() if call.id}
    free, used = len(_calls(step)) if seen is None else seen.next_index, set[int]()
    for place, call in enumerate(_calls(step)):
        index = by_id.get(call.id)
        if index is None:
            index, there = place, known.get(place)
            if place in used or (there is not None and there.id and call.id):
                index = free = max(free, place)
        used.add(index)
        free = max(free, index + 1)
        old = known.get(index)
        if old is not None and old.__class__ is not call.__class__:
            continue
        for delta in _DELTAS[call.__class__](index, call, old):
            if old is None:
                delta.id, old = call.id, call
            details = models.ToolCallDeltaObject(tool_calls=[delta])
            payload = models.RunStepDeltaEvent(step.id, models.RunStepDelta(details))
            yield synthetic(events.ThreadRunStepDelta, payload)


def step_ends(step: RunStep) -> Iterator[Decoded]:
    """Yield the end of a step that has ended."""
    if step.status != "in_progress" and step.status in events.STEP_EVENTS:
        yield synthetic(events.STEP_EVENTS[step.status], step)


def call_ids(step: RunStep) -> set[str]:
    """Return the ids of a step's calls."""
    return {call.id for call in _calls(step)}


def _calls(step: RunStep) -> list[ToolCall]:
    """Return the calls of STEP."""
    details = step.step_details
    return details.tool_calls if isinstance(details, models.ToolCallsStepDetails) else []


def _function(
    index: int, call: models.FunctionToolCall, old: models.FunctionToolCall | None
) -> Iterator[models.FunctionToolCallDelta]:
    function = call.function
    if old is None:
        name, rest = function.name, function.arguments
    else:
        rest = _after(old.function.arguments, function.arguments)
        name = "" if old.function.name == function.name else function.name
    if old is None or rest or name:
        yield models.FunctionToolCallDelta(index, function=models.FunctionDelta(name or None, rest))


def _mcp(
    index: int, call: models.MCPToolCall, old: models.MCPToolCall | None
) -> Iterator[models.MCPToolCallDelta]:
    if old is None:
        label = call.server_label
        yield models.MCPToolCallDelta(
            index, name=call.name, arguments=call.arguments, server_label=label
        )
        return
    rest = _after(old.arguments, call.arguments)
    if rest:
        yield models.MCPToolCallDelta(index, arguments=rest)


def _search(
    index: int, call: models.FileSearchToolCall, old: models.FileSearchToolCall | None
) -> Iterator[models.FileSearchToolCallDelta]:
    if old is None:
        search = evolve(call.file_search, results=[])
        yield models.FileSearchToolCallDelta(index, file_search=search)


def _code(
    index: int, call: models.CodeInterpreterToolCall, old: models.CodeInterpreterToolCall | None
) -> Iterator[models.CodeInterpreterToolCallDelta]:
    def delta(rest: str | None, *outputs: Any) -> models.CodeInterpreterToolCallDelta:
        added = models.CodeInterpreterDelta(rest, [*outputs])
        return models.CodeInterpreterToolCallDelta(index, code_interpreter=added)

    code = call.code_interpreter
    known = models.CodeInterpreter() if old is None else old.code_interpreter
    rest = _after(known.input, code.input)
    if rest or old is None:
        yield delta(rest)
    for place, output in enumerate(code.outputs):
        was = known.outputs[place] if place < len(known.outputs) else None
        if was is None:
            yield delta(None, _numbered(output, place))
        elif was.index is not None and isinstance(was, models.CodeInterpreterOutputLogs):
            more = _after(was.logs, getattr(output, "logs", ""))
            if more:
                yield delta(None, models.CodeInterpreterOutputLogs(was.index, logs=more))


def _unknown(
    index: int, call: models.UnknownToolCall, old: models.UnknownToolCall | None
) -> Iterator[models.UnknownToolCallDelta]:
    known: dict[str, Any] = {} if old is None else old.raw
    raw = {key: x for key, x in call.raw.items() if known.get(key) != x}
    if old is None or raw:
        sent = {"index": index, "type": call.type, **raw}
        yield models.UnknownToolCallDelta(index, type=call.type, raw=sent)


#: Class of a call -> the function that yields deltas for what was not seen of it.
_DELTAS: Final[dict[type[Any], Delta]] = {
    models.FunctionToolCall: _function,
    models.MCPToolCall: _mcp,
    models.FileSearchToolCall: _search,
    models.CodeInterpreterToolCall: _code,
    models.UnknownToolCall: _unknown,
}


def _numbered(item: T, index: int) -> T:
    """Return a copy of ITEM that has its index, as deltas have."""
    mine: Any = copy(item)
    mine.index = index
    if hasattr(mine, "raw"):
        mine.raw = {"index": index, **mine.raw}
    return mine  # type: ignore[no-any-return]


def _after(seen: str, whole: str) -> str:
    """Return the end of WHOLE after what was SEEN; "" if it does not begin with that."""
    return whole[len(seen) :] if whole.startswith(seen) else ""
