"""Writers for the parts of a run: messages in their steps, and steps of tool calls.

Rules of this file:

- A :class:`stream_core.dialects.run_writer.RunWriter` makes them and collects their events.
- A payload that was written belongs to whoever folds deltas into it: a writer accumulates in
  objects of its own and hands those over when it closes.
- ``raw`` is the JSON of a frame; it is passed with the one event that stands for the frame.
- A piece of text without ``raw`` was cut from a whole text that the server sent, after what was
  written; a piece with it may end with a half of a surrogate pair, which waits for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.models.base import evolve
from stream_core.models.merging import (
    flush_content,
    flush_tool_call,
    merge_annotations,
    merge_content,
    merge_tool_call,
    new_content,
    new_tool_call,
)
from stream_core.models.surrogates import whole_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stream_core.models import (
        Annotation,
        MessageContent,
        MessageContentDelta,
        ToolCall,
        ToolCallDelta,
    )


__all__ = ["MessageWriter", "RunContext", "StepWriter"]

#: How many places without a part there may be for each part: a server decides on the indexes.
_MOST_GAPS = 16


class RunContext(Protocol):
    """The run that a message or step is part of: it collects their events.

    Attributes:
        run: The run as known so far.
        written: The events that nobody has taken yet.
    """

    run: models.Run
    written: list[Decoded]

    def write(
        self, event_class: type[events.WireEvent[Any]], payload: Any, raw: Any = None
    ) -> None:
        """Write an event; without RAW it is synthetic."""
        ...

    def close(
        self,
        writer: Any,
        status: str,
        details: models.StepDetails,
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Write the end of WRITER's step."""
        ...


def _appender(text: models.Growing) -> Callable[[str], object] | None:
    """Return what appends to TEXT; None if a half waits in it."""
    return None if text.half else text.appender


@define(eq=False)
class MessageWriter:
    """Writes one message.

    Attributes:
        context: The run that the message is part of.
        step_id: Id of the message's step.
        message: The message as it began.
        parts: The parts so far, by index.
        closed: Whether the message ended.
        cut: Whether it ends as incomplete, however the run ends.
    """

    context: RunContext
    step_id: str
    message: models.Message
    parts: dict[int, MessageContent] = field(factory=dict)
    closed: bool = False
    cut: bool = False
    # The parts that have grown since halves were looked for: there may be one in each.
    _grown: dict[int, MessageContent] = field(factory=dict)

    def details(self) -> models.MessageCreationStepDetails:
        """Return the details of the message's step."""
        return models.MessageCreationStepDetails(
            message_creation=models.MessageCreation(self.message.id)
        )

    def text(self, index: int, value: str, raw: Any = None) -> None:
        """Add VALUE to the text part at INDEX."""
        self._add(models.TextDeltaBlock(index, "text", models.TextDelta(value)), raw)

    def grower(self, index: int) -> Callable[[str], object] | None:
        """Return what keeps a piece of the text at INDEX as ``text`` does, and writes no delta.

        It is good until anything else is added, for pieces that can be encoded. It is None if
        there is no text, or if a half waits in it.
        """
        part = self.parts.get(index)
        return _appender(part.text) if isinstance(part, models.TextContentBlock) else None

    def refusal(self, index: int, value: str, raw: Any = None) -> None:
        """Add VALUE to the refusal at INDEX."""
        self._add(models.RefusalDeltaBlock(index, "refusal", value), raw)

    def annotate(self, index: int, annotations: list[Annotation], raw: Any = None) -> None:
        """Add ANNOTATIONS, each with its ``index``, to the text part at INDEX."""
        delta = models.TextDelta(None, annotations)
        part = self._add(models.TextDeltaBlock(index, "text", delta), raw)
        if isinstance(part, models.TextContentBlock):
            merge_annotations(part.text, annotations)

    def text_so_far(self, index: int) -> str:
        """Return the text or refusal at INDEX so far; "" if there is none."""
        part = self.parts.get(index)
        if isinstance(part, models.TextContentBlock):
            return part.text.value
        return part.refusal if isinstance(part, models.RefusalContentBlock) else ""

    def complete(self, index: int, value: str, *, refusal: bool = False) -> None:
        """Write what is missing of VALUE, which is all of the text or refusal at INDEX.

        If VALUE does not begin with the text so far, nothing is written.
        """
        known, value = self.text_so_far(index), whole_text(value)
        if len(known) < len(value) and value.startswith(known):
            add = self.refusal if refusal else self.text
            add(index, value[len(known) :])
        elif value:
            self.drop_half(index)

    def settle(self, index: int, value: str, *, refusal: bool = False) -> None:
        """Write what is missing, and make VALUE, the server's last word, the part's text.

        A VALUE that is only the beginning of the text so far does not replace it.
        """
        value = whole_text(value)
        self.complete(index, value, refusal=refusal)
        if index not in self.parts:
            self.parts[index] = (
                models.RefusalContentBlock() if refusal else models.TextContentBlock()
            )
        part = self.parts[index]
        if not self.text_so_far(index).startswith(value):
            if isinstance(part, models.TextContentBlock):
                part.text = models.Text(value, part.text.annotations)
            else:
                self.parts[index] = models.RefusalContentBlock(refusal=value)

    def annotations(self, index: int) -> list[Annotation]:
        """Return the annotations of the text part at INDEX so far."""
        part = self.parts.get(index)
        return part.text.annotations if isinstance(part, models.TextContentBlock) else []

    def _add(self, delta: models.TextDeltaBlock | models.RefusalDeltaBlock, raw: Any) -> Any:
        """Write DELTA and return its part, into which all but annotations is merged."""
        index = delta.index or 0
        part = self.parts.get(index)
        if part is None:
            self.flush()
            part = self.parts[index] = new_content(delta)
        self._grown[index] = part
        merge_content(part, delta, whole=raw is None)
        self._write(delta, raw)
        return part

    def _write(self, delta: MessageContentDelta, raw: Any = None) -> None:
        """Write DELTA, which is merged already."""
        data = models.MessageDeltaEvent(self.message.id, models.MessageDelta([delta]))
        self.context.write(events.ThreadMessageDelta, data, raw)

    def flush(self) -> None:
        """Write U+FFFD for each half of a surrogate pair that waits: its part ends."""
        grown, self._grown = self._grown, {}
        for index, part in grown.items():
            rest = flush_content(part, index)
            if rest is not None:
                self._write(rest)

    def drop_half(self, index: int) -> None:
        """Forget the half that waits at INDEX: the server's whole text does not have it."""
        part: Any = self.parts[index]  # it has a text already, or the whole one would be added
        growing = part.text if isinstance(part, models.TextContentBlock) else part
        growing.half = ""

    def close(
        self,
        status: str = "completed",
        reason: str | None = None,
        step: str = "completed",
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Write the end of the message, then the end of its step.

        Args:
            status: ``completed`` or ``incomplete``.
            reason: Why it is incomplete.
            step: How its step ends: ``completed``, ``failed`` or ``cancelled``.
            raw: The frame that ended it.
            last_error: Why its step failed.
        """
        self.closed = True
        self.flush()
        # The list has a place for every index; an index without a part is unknown content, unless
        # that would be most of the list.
        end = max(self.parts, default=-1) + 1
        places: Iterable[int] = range(end)
        if end > _MOST_GAPS * (len(self.parts) + 1):
            places = sorted(self.parts)
        content = [self.parts.get(index) or models.UnknownContent() for index in places]
        run = self.context.run
        message = evolve(
            self.message, status=status, content=content, completed_at=run.completed_at
        )
        event_class: type[events.WireEvent[models.Message]] = events.ThreadMessageCompleted
        if status == "incomplete":
            event_class = events.ThreadMessageIncomplete
            message.incomplete_details = models.IncompleteDetails(reason)
            message.completed_at = None
        self.context.write(event_class, message, raw)
        self.context.close(self, step, self.details(), last_error=last_error)


@define(eq=False)
class StepWriter:
    """Writes one step of tool calls.

    Attributes:
        context: The run that the step is part of.
        step_id: Id of the step.
        calls: The calls so far, each at its index.
        closed: Whether the step ended.
    """

    context: RunContext
    step_id: str
    calls: list[ToolCall] = field(factory=list)
    closed: bool = False
    # The calls by id, as far as they were looked for, and how many those are.
    _by_id: dict[str, list[models.FunctionToolCall]] = field(factory=dict)
    _sorted: int = 0

    def calls_of(self, call_id: str) -> list[models.FunctionToolCall]:
        """Return the calls of functions that have this id; no more calls may be added then."""
        for call in self.calls[self._sorted :]:
            if isinstance(call, models.FunctionToolCall):
                self._by_id.setdefault(call.id, []).append(call)
        self._sorted = len(self.calls)
        return self._by_id.get(call_id, [])

    def add(self, delta: ToolCallDelta, raw: Any = None) -> None:
        """Add DELTA to the call at its index; the next free index begins a new call."""
        index = delta.index or 0
        if index == len(self.calls):
            self.calls.append(new_tool_call(delta))
        merge_tool_call(self.calls[index], delta, whole=raw is None)
        self._write(delta, raw)

    def _write(self, delta: ToolCallDelta, raw: Any = None) -> None:
        """Write DELTA, which is merged already."""
        details = models.ToolCallDeltaObject("tool_calls", [delta])
        data = models.RunStepDeltaEvent(self.step_id, models.RunStepDelta(details))
        self.context.write(events.ThreadRunStepDelta, data, raw)

    def arguments(self, index: int, value: str, raw: Any = None) -> None:
        """Add VALUE to the arguments of the function call at INDEX."""
        function = models.FunctionDelta(arguments=value)
        self.add(models.FunctionToolCallDelta(index, None, "function", function), raw)

    def grower(self, index: int, pieces: list[str] | None = None) -> Callable[[str], object] | None:
        """Return what keeps a piece of the arguments or the code of the call at INDEX.

        See :meth:`MessageWriter.grower`. PIECES, if there are any, get each piece too.
        """
        call, append = self.calls[index], None
        if isinstance(call, models.FunctionToolCall):
            append = _appender(call.function)
        elif isinstance(call, models.CodeInterpreterToolCall):
            append = _appender(call.code_interpreter)
        if append is None or pieces is None:
            return append
        grow, keep = append, pieces.append

        def both(piece: str) -> None:
            grow(piece)
            keep(piece)

        return both

    def done(self, index: int) -> None:
        """Write that the function call at INDEX is done: the server said so, before the step ends.

        Its arguments are those of ``calls`` now, whatever the deltas brought.
        """
        event_class: Any = events.RunStepToolCallDone
        payload = event_class(self.calls[index], self.step_id, index)
        self.context.written.append(
            Decoded(event_class, payload, None, event_class.event, synthetic=True)
        )

    def flush(self) -> None:
        """Write U+FFFD for each half of a surrogate pair that waits: no other half will come."""
        for index, call in enumerate(self.calls):
            rest = flush_tool_call(call, index)
            if rest is not None:
                self._write(rest)

    def close(
        self,
        status: str = "completed",
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Write the end of the step: ``completed``, ``failed`` or ``cancelled``."""
        self.closed = True
        self.flush()
        details = models.ToolCallsStepDetails(tool_calls=self.calls)
        self.context.close(self, status, details, raw, last_error)
