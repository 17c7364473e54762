"""The writer of a run, for the dialects of wires without runs.

Rules of this file:

- A dialect makes one :class:`RunWriter` per run and asks it for messages and steps. Their events
  collect there, and ``take()`` returns them, in order.
- ``raw`` is the JSON of a frame; it is passed with the one event that stands for the frame. An
  event that a frame only implies is written without it and is synthetic.
- The order is that of the Assistants wire: the run's created, queued and in_progress come
  once and first; a message is created inside its step and ends before it; whatever is open is
  ended, in order of opening, before the run is; one ``done`` comes last.
- There is no clock: what the wire does not date has no date, so that the same bytes always
  give the same events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from stream_core import events, models
from stream_core.models.base import evolve
from stream_core.models.surrogates import whole_text

from . import Decoded
from .part_writers import MessageWriter, StepWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MessageWriter", "RunWriter", "StepWriter", "add_usage", "incomplete_reasons"]

#: Maps how a run ended to how whatever is open then ends: a message, its step, a step of tool
#: calls; and the reason that the message gives if the wire has no better one.
ENDS: dict[str, tuple[str, str, str, str | None]] = {
    "completed": ("completed", "completed", "completed", None),
    "requires_action": ("completed", "completed", "completed", None),
    "incomplete": ("incomplete", "completed", "cancelled", None),
    "failed": ("incomplete", "failed", "failed", "run_failed"),
    "cancelled": ("incomplete", "cancelled", "cancelled", "run_cancelled"),
}

#: The reasons of other wires that mean "no more tokens".
_OUT_OF_TOKENS = {"max_output_tokens", "max_completion_tokens", "max_tokens", "length"}

#: Maps the end of a text of reasoning to its pieces.
_REASONING: dict[type[events.WireEvent[Any]], type[events.WireEvent[Any]]] = {
    events.ReasoningDone: events.ReasoningDelta,
    events.ReasoningSummaryDone: events.ReasoningSummaryDelta,
}

#: The statuses with which every run begins, in order.
_BEGINNING = ("created", "queued", "in_progress")


def incomplete_reasons(reason: str | None) -> tuple[str | None, str | None]:
    """Return the words that a run and a message have for REASON, why an answer is incomplete.

    A reason that the Assistants wire does not know stays as it is.
    """
    if reason in _OUT_OF_TOKENS:
        return "max_completion_tokens", "max_tokens"
    return reason, reason


def add_usage(one: models.Usage | None, other: models.Usage | None) -> models.Usage | None:
    """Return the sum of two usages; None counts as nothing."""
    if one is None or other is None:
        return other if one is None else one
    return models.Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.total_tokens + other.total_tokens,
        _add_details(one.prompt_tokens_details, other.prompt_tokens_details),
        None,
        _add_details(one.completion_tokens_details, other.completion_tokens_details),
    )


def _add_details(
    one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Add numbers key by key; if one of two values is not a number, the later one counts."""
    if one is None or other is None:
        known = other if one is None else one
        return None if known is None else dict(known)
    added = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], int | float) and isinstance(other[key], int | float):
            added[key] = one[key] + other[key]
    return added


@define(eq=False)
class RunWriter:
    """Writes one run.

    Attributes:
        run: The run as known so far; ids do not change once it began. Events get copies.
        written: The events written since the last ``take``.
        began: How many of the statuses with which a run begins have been written.
        ended: Whether the run ended, or waits for an action.
        open: The messages and steps that are open, in order of opening.
        waiting: The step whose calls wait for outputs, or None.
        answered: The ids of the calls in it that the server answered itself.
    """

    run: models.Run
    written: list[Decoded] = field(factory=list)
    began: int = 0
    ended: bool = False
    open: dict[MessageWriter | StepWriter, None] = field(factory=dict)
    waiting: StepWriter | None = None
    answered: set[str] = field(factory=set)

    def write(
        self, event_class: type[events.WireEvent[Any]], payload: Any, raw: Any = None
    ) -> None:
        """Write an event of EVENT_CLASS; without RAW it is synthetic.

        A half of a surrogate pair that waits in a text of reasoning is written before its end.
        """
        delta_class = _REASONING.get(event_class)
        if delta_class is not None:
            rest = payload.flush()
            if rest:
                self.write(delta_class, models.ReasoningTextDelta(rest, payload))
        self.written.append(
            Decoded(event_class, payload, raw, event_class.event, synthetic=raw is None)
        )

    def extend(self, name: str, raw: Any) -> None:
        """Write a frame that has no counterpart, under the NAME that its own wire uses."""
        self.written.append(Decoded(events.ExtensionEvent, raw, raw, name))

    def take(self) -> list[Decoded]:
        """Return the events written since the last call, and forget them."""
        written, self.written = self.written, []
        return written

    # --- The run ------------------------------------------------------------------------

    def begin(self, status: str = "in_progress", raw: Any = None) -> bool:
        """Write that the run got as far as STATUS: ``created``, ``queued`` or ``in_progress``.

        The statuses before it are written too; none is written twice.

        Returns:
            Whether STATUS was written now, so that RAW has its event.
        """
        goal = _BEGINNING.index(status) + 1
        if goal <= self.began:
            return False
        for number in range(self.began, goal):
            name = _BEGINNING[number]
            shown = "queued" if name == "created" else name
            own = raw if number == goal - 1 else None
            event_class = events.ThreadRunCreated if name == "created" else events.RUN_EVENTS[name]
            self.write(event_class, evolve(self.run, status=shown), own)
        self.began = goal
        return True

    def end(
        self,
        status: str,
        raw: Any = None,
        *,
        reason: str | None = None,
        last_error: models.LastError | None = None,
        approvals: Iterable[models.MCPApprovalToolCall] = (),
    ) -> None:
        """Close whatever is open, then write the end of the run and ``done``.

        A run that completes while calls or approvals wait requires an action instead: the step
        of the calls stays open.

        Args:
            status: ``completed``, ``incomplete``, ``failed`` or ``cancelled``.
            raw: The frame that ended it.
            reason: Why it is incomplete, in the words of its wire.
            last_error: Why it failed.
            approvals: Calls of MCP tools that wait for approval.
        """
        self.begin()
        action = self._action(list(approvals)) if status == "completed" else None
        if action is not None:
            status = "requires_action"
        run_reason, message_reason = incomplete_reasons(reason)
        message, message_step, step, cut = ENDS[status]
        for writer in tuple(self.open):
            if isinstance(writer, MessageWriter):
                status_now = "incomplete" if writer.cut else message
                why = cut or message_reason
                writer.close(status_now, why, message_step, last_error=last_error)
            elif writer is not self.waiting or action is None:
                writer.close(step, last_error=last_error)
        if action is None:
            self.waiting = None
        run = evolve(self.run, status=status, required_action=action)
        if status == "incomplete":
            run.incomplete_details = models.IncompleteDetails(run_reason)
        if status == "failed":
            run.last_error = last_error
        self.write(events.RUN_EVENTS[status], run, raw)
        self.write(events.Done, "[DONE]")
        self.ended = True

    def _action(self, approvals: list[models.MCPApprovalToolCall]) -> models.RequiredAction | None:
        """Return the action that a run requires when it ends, or None if nothing waits."""
        outputs = None
        if self.waiting is not None:
            self.waiting.flush()
            calls = [
                models.RequiredActionFunctionToolCall(
                    call.id,
                    "function",
                    models.Function(call.function.name, whole_text(call.function.arguments)),
                )
                for call in self.waiting.calls
                if isinstance(call, models.FunctionToolCall) and call.id not in self.answered
            ]
            outputs = models.SubmitToolOutputs(calls) if calls or not self.answered else None
        if outputs is None and not approvals:
            return None
        return models.RequiredAction(
            "submit_tool_approval" if outputs is None else "submit_tool_outputs",
            outputs,
            models.SubmitToolApproval(approvals) if approvals else None,
        )

    def answer(self, call_id: str, output: str | None) -> None:
        """Let a call that waits be one that the server answered: nobody is asked for its output.

        Args:
            call_id: The id of the call.
            output: Its output, or None if the server does not show it.
        """
        if self.waiting is not None:
            for call in self.waiting.calls_of(call_id):
                self.answered.add(call_id)
                call.function.output = output

    def resume(self, outputs: Mapping[str, str]) -> None:
        """Continue a run that required an action, in another stream.

        The step that waited completes; queued and in_progress come once more.

        Args:
            outputs: The outputs of the calls, by call id.
        """
        self.began, self.ended = 1, False
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            for call in waiting.calls:
                if isinstance(call, models.FunctionToolCall) and call.id not in self.answered:
                    call.function.output = outputs.get(call.id)
            waiting.close("completed")
            self.answered.clear()

    # --- Messages and steps -------------------------------------------------------------

    def message(
        self, message_id: str, raw: Any = None, metadata: dict[str, Any] | None = None
    ) -> MessageWriter:
        """Write the beginning of a message, in a step of its own."""
        self.begin()
        run = self.run
        message = models.Message(
            id=message_id,
            created_at=run.created_at,
            thread_id=run.thread_id,
            run_id=run.id,
            assistant_id=run.assistant_id,
            status="in_progress",
            role="assistant",
            metadata=metadata or {},
        )
        writer = MessageWriter(self, f"step_{message_id}", message)
        self._write_step(writer.step_id, writer.details())
        self.write(events.ThreadMessageCreated, message, raw)
        self.write(events.ThreadMessageInProgress, evolve(message, content=[]))
        self.open[writer] = None
        return writer

    def step(self, item_id: str) -> StepWriter:
        """Write the beginning of a step of tool calls."""
        self.begin()
        writer = StepWriter(self, f"step_{item_id}")
        self._write_step(writer.step_id, models.ToolCallsStepDetails())
        self.open[writer] = None
        return writer

    def _write_step(self, step_id: str, details: models.StepDetails) -> None:
        """Write that a step was created and is in progress."""
        step = self.run_step(step_id, "in_progress", details)
        self.write(events.ThreadRunStepCreated, step)
        self.write(events.ThreadRunStepInProgress, evolve(step))

    def run_step(self, step_id: str, status: str, details: models.StepDetails) -> models.RunStep:
        """Return a step as its events carry it."""
        run = self.run
        return models.RunStep(
            id=step_id,
            created_at=run.created_at,
            run_id=run.id,
            assistant_id=run.assistant_id,
            thread_id=run.thread_id,
            type=details.type or "",
            status=status,
            step_details=details,
        )

    def close(
        self,
        writer: MessageWriter | StepWriter,
        status: str,
        details: models.StepDetails,
        raw: Any = None,
        last_error: models.LastError | None = None,
    ) -> None:
        """Write the end of WRITER's step."""
        step = self.run_step(writer.step_id, status, details)
        if status == "failed":
            step.last_error = last_error
        del self.open[writer]
        self.write(events.STEP_EVENTS[status], step, raw)
