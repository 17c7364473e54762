"""What is written inside a run: messages in their steps, and steps of tool calls.

Rules of this file:

- A :class:`stream_core.dialects.run_writer.RunWriter` makes them and gathers what they tell.
- Payloads that were told belong to whoever folds deltas into them: a writer accumulates in
  objects of its own, and gives those away when it closes.
- ``raw`` is the JSON of a frame, given with the one event that says what the frame said.
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


__all__ = ["MessageWriter", "Owner", "StepWriter"]


class Owner(Protocol):
    """The run that they are in: it gathers what they tell.

    Attributes:
        run: What is known of the run.
    """

    run: models.Run

    def tell(self, event_class: type[events.WireEvent[Any]], payload: Any, raw: Any = None) -> None:
        """Tell an event; without RAW it is synthetic."""
        ...

    def close(
        self,
        writer: Any,
        status: str,
        details: models.StepDetails,
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Tell that the step of WRITER ended."""
        ...


@define(eq=False)
class MessageWriter:
    """Writes one message.

    Attributes:
        owner: The run.
        step_id: Id of the message's step.
        message: The message as it began.
        parts: What the parts are so far, by index.
        closed: Whether the message ended.
        cut: Whether it ends incomplete, whatever becomes of the run.
    """

    owner: Owner
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

    def said(self, index: int) -> str:
        """Return the text or refusal at INDEX so far; "" where there is none."""
        part = self.parts.get(index)
        if isinstance(part, models.TextContentBlock):
            return part.text.value
        return part.refusal if isinstance(part, models.RefusalContentBlock) else ""

    def complete(self, index: int, value: str, *, refusal: bool = False) -> None:
        """Tell what is missing where all of the text or refusal at INDEX is VALUE.

        Nothing is told where what was said is no beginning of it.
        """
        said = self.said(index)
        if len(said) < len(value) and value.startswith(said):
            add = self.refusal if refusal else self.text
            add(index, value[len(said) :])

    def settle(self, index: int, value: str, *, refusal: bool = False) -> None:
        """Tell what is missing, and take VALUE, the server's last word, for the part.

        A VALUE that is only the beginning of what was said is no last word.
        """
        self.complete(index, value, refusal=refusal)
        if index not in self.parts:
            self.parts[index] = (
                models.RefusalContentBlock() if refusal else models.TextContentBlock()
            )
        part = self.parts[index]
        if not self.said(index).startswith(value):
            if isinstance(part, models.TextContentBlock):
                part.text = models.Text(value, part.text.annotations)
            else:
                self.parts[index] = models.RefusalContentBlock(refusal=value)

    def annotations(self, index: int) -> list[Annotation]:
        """Return the annotations of the text part at INDEX so far."""
        part = self.parts.get(index)
        return part.text.annotations if isinstance(part, models.TextContentBlock) else []

    def _add(self, delta: models.TextDeltaBlock | models.RefusalDeltaBlock, raw: Any) -> Any:
        """Tell DELTA, and return its part with it but for its annotations."""
        index = delta.index or 0
        part = self.parts.get(index)
        if part is None:
            part = self.parts[index] = new_content(delta)
        merge_content(part, delta)
        data = models.MessageDeltaEvent(self.message.id, models.MessageDelta([delta]))
        self.owner.tell(events.ThreadMessageDelta, data, raw)
        return part

    def close(
        self,
        status: str = "completed",
        reason: str | None = None,
        step: str = "completed",
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Tell that the message, and then its step, ended.

        Args:
            status: ``completed`` or ``incomplete``.
            reason: Why it is incomplete.
            step: How its step ends: ``completed``, ``failed`` or ``cancelled``.
            raw: The frame that said so.
            last_error: Why its step failed.
        """
        self.closed = True
        # The list has a place for every index; one that nothing was said about is unknown.
        end = max(self.parts, default=-1) + 1
        content = [self.parts.get(index) or models.UnknownContent() for index in range(end)]
        run = self.owner.run
        message = evolve(
            self.message, status=status, content=content, completed_at=run.completed_at
        )
        event_class: type[events.WireEvent[models.Message]] = events.ThreadMessageCompleted
        if status == "incomplete":
            event_class = events.ThreadMessageIncomplete
            message.incomplete_details = models.IncompleteDetails(reason)
            message.completed_at = None
        self.owner.tell(event_class, message, raw)
        self.owner.close(self, step, self.details(), last_error=last_error)


@define(eq=False)
class StepWriter:
    """Writes one step of tool calls.

    Attributes:
        owner: The run.
        step_id: Id of the step.
        calls: What the calls are so far, each at its index.
        closed: Whether the step ended.
    """

    owner: Owner
    step_id: str
    calls: list[ToolCall] = field(factory=list)
    closed: bool = False

    def add(self, delta: ToolCallDelta, raw: Any = None) -> None:
        """Add DELTA, whose index says of which call it is; the next index is a new call."""
        index = delta.index or 0
        if index == len(self.calls):
            self.calls.append(new_tool_call(delta))
        merge_tool_call(self.calls[index], delta)
        details = models.ToolCallDeltaObject("tool_calls", [delta])
        data = models.RunStepDeltaEvent(self.step_id, models.RunStepDelta(details))
        self.owner.tell(events.ThreadRunStepDelta, data, raw)

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
        """Tell that the step ended: ``completed``, ``failed`` or ``cancelled``."""
        self.closed = True
        details = models.ToolCallsStepDetails(tool_calls=self.calls)
        self.owner.close(self, status, details, raw, last_error)
