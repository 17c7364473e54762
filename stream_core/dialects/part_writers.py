"""Writers for the parts of a run: messages in their steps, and steps of tool calls.

Rules of this file:

- A :class:`stream_core.dialects.run_writer.RunWriter` makes them and collects their events.
- A payload that was written belongs to whoever folds deltas into it: a writer accumulates in
  objects of its own and hands those over when it closes.
- ``raw`` is the JSON of a frame; it is passed with the one event that stands for the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, evolve, field

from stream_core import events, models
from stream_core.models.merging import (
    merge_annotations,
    merge_content,
    merge_tool_call,
    new_content,
    new_tool_call,
)

if TYPE_CHECKING:
    from stream_core.models import Annotation, MessageContent, ToolCall, ToolCallDelta


__all__ = ["MessageWriter", "RunContext", "StepWriter"]


class RunContext(Protocol):
    """The run that a message or step is part of: it collects their events.

    Attributes:
        run: The run as known so far.
    """

    run: models.Run

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

    def details(self) -> models.MessageCreationStepDetails:
        """Return the details of the message's step."""
        return models.MessageCreationStepDetails(
            message_creation=models.MessageCreation(self.message.id)
        )

    def text(self, index: int, value: str, raw: Any = None) -> None:
        """Add VALUE to the text part at INDEX."""
        self._add(models.TextDeltaBlock(index, "text", models.TextDelta(value)), raw)

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
        known = self.text_so_far(index)
        if len(known) < len(value) and value.startswith(known):
            add = self.refusal if refusal else self.text
            add(index, value[len(known) :])

    def settle(self, index: int, value: str, *, refusal: bool = False) -> None:
        """Write what is missing, and make VALUE, the server's last word, the part's text.

        A VALUE that is only the beginning of the text so far does not replace it.
        """
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
            part = self.parts[index] = new_content(delta)
        merge_content(part, delta)
        data = models.MessageDeltaEvent(self.message.id, models.MessageDelta([delta]))
        self.context.write(events.ThreadMessageDelta, data, raw)
        return part

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
        # The list has a place for every index; an index without a part is unknown content.
        end = max(self.parts, default=-1) + 1
        content = [self.parts.get(index) or models.UnknownContent() for index in range(end)]
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

    def add(self, delta: ToolCallDelta, raw: Any = None) -> None:
        """Add DELTA to the call at its index; the next free index begins a new call."""
        index = delta.index or 0
        if index == len(self.calls):
            self.calls.append(new_tool_call(delta))
        merge_tool_call(self.calls[index], delta)
        details = models.ToolCallDeltaObject("tool_calls", [delta])
        data = models.RunStepDeltaEvent(self.step_id, models.RunStepDelta(details))
        self.context.write(events.ThreadRunStepDelta, data, raw)

    def arguments(self, index: int, value: str, raw: Any = None) -> None:
        """Add VALUE to the arguments of the function call at INDEX."""
        function = models.FunctionDelta(arguments=value)
        self.add(models.FunctionToolCallDelta(index, None, "function", function), raw)

    def close(
        self,
        status: str = "completed",
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Write the end of the step: ``completed``, ``failed`` or ``cancelled``."""
        self.closed = True
        details = models.ToolCallsStepDetails(tool_calls=self.calls)
        self.context.close(self, status, details, raw, last_error)
