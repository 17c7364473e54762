"""Snapshots of run steps: folds in their deltas and derives the events of their calls.

Rules of this file:

- A step is found by its id, a call by the wire's ``index``, or by its id if there is no index.
- A call of a function is done when its arguments are whole: at the server's word, which is the
  terminal step or the action that the run requires; else at the beginning of the next call, if
  they are a complete JSON object; else at the end. So its done may follow the created of the next
  call. The input of a custom tool may be any text, so only the server's word or the end counts.
- Calls of other kinds are done when the next call begins. A delta for a call that is closed
  already is delivered, and closes nothing twice.
- A call is done with the arguments that the required action has.
- A half of a surrogate pair that still waits when its call ends is delivered as U+FFFD before.
- The terminal step that the server sends replaces the accumulated one.
- A step whose end comes first belongs to an earlier stream (the answer to submitted tool outputs
  begins like that): only its own done is delivered, without its calls.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert.json_text import loads
from stream_core.models.merging import flush_tool_call, merge_tool_call, new_tool_call

from .blocks import Container, History, repeated_event, wire_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.models import (
        RequiredActionFunctionToolCall,
        RunStep,
        ToolCall,
        ToolCallDelta,
    )

    from .blocks import Block

__all__ = ["RunStepSnapshots"]


class RunStepSnapshots:
    """The run steps of one stream, or of several that belong together.

    Attributes:
        current: Live snapshot of the latest step, or None.
    """

    def __init__(self, history: History) -> None:
        """Begin without steps."""
        self.current: RunStep | None = None
        self._history = history
        self._steps: dict[str, Container[ToolCall]] = {}
        # The steps that have not ended; of these, the ones that call tools, and the ones some of
        # whose calls may have to be ended. All are kept because a server decides how many steps
        # there are, and how often it asks for outputs: nothing here may search through all.
        self._open: dict[str, Container[ToolCall]] = {}
        self._calling: dict[str, Container[ToolCall]] = {}
        self._unsettled: dict[str, Container[ToolCall]] = {}
        # The calls of all steps by id.
        self._blocks: dict[str, Block[ToolCall]] = {}

    @property
    def all(self) -> list[RunStep]:
        """The steps, in order of first sight."""
        return [container.snapshot for container in self._steps.values()]

    @property
    def open_ids(self) -> list[str]:
        """The ids of the steps that began and have not ended."""
        return list(self._open)

    def container(self, step_id: str) -> Container[ToolCall]:
        """Return the container of a known step."""
        return self._steps[step_id]

    def finish_calls(
        self, out: list[Event], required: Sequence[RequiredActionFunctionToolCall] = ()
    ) -> None:
        """Append to OUT the ends of the calls still open: their arguments are complete.

        Args:
            out: See above.
            required: The calls that the run waits for: they are the server's last word.
        """
        if required:
            self._settle_required(required)
        unsettled, self._unsettled = self._unsettled, {}
        for step in sorted(unsettled.values(), key=attrgetter("number")):
            self._finish_calls(step, out)

    def _settle_required(self, required: Sequence[RequiredActionFunctionToolCall]) -> None:
        """Give the open calls what the REQUIRED calls have.

        A call that was never sent is added to the newest open step that calls tools.
        """
        last = next(reversed(self._calling.values()), None)
        for place, call in enumerate(required):
            block = self._blocks.get(call.id)
            if block is not None and block.snapshot.id != call.id:
                block = None  # the server gave it another id
            owner = last if block is None else None
            if owner is not None:
                block = _required_block(owner, call, place)
                self._unsettled[owner.id] = owner
            if block is not None and not block.done:
                _agree(block.snapshot, call)
                if owner is not None:
                    self._know(owner, block)

    def finish(self, out: list[Event]) -> None:
        """Append to OUT the end of every step still open, as it stands."""
        for step in tuple(self._open.values()):
            self._finish_step(step, step.snapshot, out)

    def begins(self, decoded: Decoded) -> list[Event]:
        """A step was created, or is in progress."""
        step: RunStep = decoded.payload
        known = self._steps.get(step.id)
        if known is not None:
            self.current = known.snapshot
        if decoded.event_class is events.ThreadRunStepCreated and self._history.repeated(decoded):
            return [repeated_event(decoded)]
        if known is not None:
            if not known.done:
                known.snapshot.status = step.status
            return [wire_event(decoded)]
        out = [wire_event(decoded)]
        if decoded.event_class is not events.ThreadRunStepCreated:
            out.insert(0, self._history.announce(events.ThreadRunStepCreated, step))
        container = self._follow(step)
        for index, call in enumerate(_calls(step)):
            self._know(container, container.put(index, call))
        self._unsettled[container.id] = container
        return out

    def _follow(self, step: RunStep) -> Container[ToolCall]:
        """Start following STEP, which becomes the snapshot."""
        container: Container[ToolCall] = Container(step.id, step, len(self._steps))
        self._steps[step.id] = self._open[step.id] = container
        if _calls_tools(step):
            self._calling[step.id] = container
        self.current = step
        return container

    def _know(self, container: Container[ToolCall], block: Block[ToolCall]) -> None:
        """Let a call of a step be found by its id, if it has one."""
        name = block.snapshot.id
        if name:
            container.know(block, name)
            self._blocks[name] = block

    def delta(self, decoded: Decoded) -> list[Event]:
        """A step grew."""
        data: models.RunStepDeltaEvent = decoded.payload
        out: list[Event] = []
        container = self._steps.get(data.id)
        if container is None:
            step = self._placeholder_step(data)
            out.append(self._history.announce(events.ThreadRunStepCreated, step))
            container = self._follow(step)
        snapshot: RunStep = container.snapshot
        self.current = snapshot
        out.append(
            events.ThreadRunStepDelta(data, decoded.raw, decoded.synthetic, snapshot=snapshot)
        )
        if not container.done:
            self._grow_step(container, data.delta.step_details, out, whole=decoded.synthetic)
        return out

    def _placeholder_step(self, data: models.RunStepDeltaEvent) -> RunStep:
        """Return the step that a delta for an unknown id must belong to."""
        run, details = self._history.current_run or models.Run(), data.delta.step_details
        return models.RunStep(
            id=data.id,
            run_id=run.id,
            thread_id=run.thread_id,
            assistant_id=run.assistant_id,
            type="" if details is None else details.type or "",
            status="in_progress",
        )

    def _grow_step(
        self,
        container: Container[ToolCall],
        delta: models.StepDetailsDelta | None,
        out: list[Event],
        *,
        whole: bool,
    ) -> None:
        """Merge the details of a delta into its step, and append to OUT the events that follow.

        A synthetic delta is WHOLE: it was cut from a whole text, after what was delivered.
        """
        step: RunStep = container.snapshot
        if isinstance(delta, models.ToolCallDeltaObject):
            if not isinstance(step.step_details, models.ToolCallsStepDetails):
                step.step_details = models.ToolCallsStepDetails()
                self._calling[container.id] = container
            self._unsettled[container.id] = container
            for call in delta.tool_calls:
                self._grow_call(container, step.step_details.tool_calls, call, out, whole=whole)
        elif isinstance(delta, models.RunStepDeltaMessageDelta):
            if delta.message_creation is not None:
                step.step_details = models.MessageCreationStepDetails(
                    message_creation=delta.message_creation
                )
        elif delta is not None:
            step.step_details = models.UnknownStepDetails(delta.type, delta.raw)

    def _grow_call(
        self,
        container: Container[ToolCall],
        calls: list[ToolCall],
        delta: ToolCallDelta,
        out: list[Event],
        *,
        whole: bool,
    ) -> None:
        """Merge DELTA into its call, and append to OUT the events that follow."""
        index = _index_of(container, delta)
        block = container.blocks.get(index)
        if block is None:
            block = container.add(index, new_tool_call(delta), calls)
        elif block.done:
            container.unsettled[index] = block
        merge_tool_call(block.snapshot, delta, whole=whole)
        if delta.id:
            self._know(container, block)
        if delta.__class__ is models.FunctionToolCallDelta and "custom" in delta.extra:
            block.any_text = True
        if not block.created:
            self._begin_call(container, block, out)
        out.append(events.RunStepToolCallDelta(delta, block.snapshot, container.id, index))

    def _begin_call(
        self, container: Container[ToolCall], block: Block[ToolCall], out: list[Event]
    ) -> None:
        """Append to OUT the beginning of a call, which ends the call before it if that is whole."""
        if container.open is not None and _is_whole(container.open):
            self._close_call(container, container.open, out)
        block.created, container.open = True, block
        out.append(events.RunStepToolCallCreated(block.snapshot, container.id, block.index))

    def _close_call(
        self,
        container: Container[ToolCall],
        block: Block[ToolCall],
        out: list[Event],
    ) -> None:
        """Append to OUT the end of a call, if it is not done yet."""
        self._flush_call(container, block, out)  # deltas may have come after its end
        container.unsettled.pop(block.index, None)
        if block.done:
            return
        block.done = True
        out.append(events.RunStepToolCallDone(block.snapshot, container.id, block.index))

    def _flush_call(
        self, container: Container[ToolCall], block: Block[ToolCall], out: list[Event]
    ) -> None:
        """Append to OUT the halves that wait in a call, if there are any."""
        rest = flush_tool_call(block.snapshot, block.index)
        if rest is not None:
            out.append(events.RunStepToolCallDelta(rest, block.snapshot, container.id, block.index))

    def call_done(self, decoded: Decoded) -> list[Event]:
        """The server says that a call is done, with these arguments, though its step is not."""
        done: events.RunStepToolCallDone = decoded.payload
        container = self._steps[done.run_step_id]
        out: list[Event] = []
        block = container.blocks[done.index]
        if not block.done:
            _agree(block.snapshot, done.tool_call)
            self._close_call(container, block, out)
        return out

    def ends(self, decoded: Decoded) -> list[Event]:
        """A step completed, failed, was cancelled or expired."""
        step: RunStep = decoded.payload
        container = self._steps.get(step.id)
        if container is not None and container.done:
            self.current = container.snapshot
            return [repeated_event(decoded)]
        out: list[Event] = [wire_event(decoded)]
        if container is None:
            container = self._follow(step)
        else:
            self._end_calls(container, _calls(step), out)
        self._finish_step(container, step, out)
        return out

    def _end_calls(
        self, container: Container[ToolCall], final: list[ToolCall], out: list[Event]
    ) -> None:
        """Append to OUT the rest of a step's calls; FINAL, as sent, is their end state."""
        for index, call in enumerate(final):
            block = _block_of(container, call, index)
            block.snapshot = call
            self._know(container, block)
        self._finish_calls(container, out)

    def _finish_calls(self, container: Container[ToolCall], out: list[Event]) -> None:
        """Append to OUT the ends of the calls of a step that began; then those that did not."""
        blocks = container.in_turn()
        for block in blocks:
            if block.created:
                self._close_call(container, block, out)
        for block in blocks:
            if not block.created:
                self._begin_call(container, block, out)
                self._close_call(container, block, out)

    def _finish_step(self, container: Container[ToolCall], step: RunStep, out: list[Event]) -> None:
        """Append to OUT the end of a step."""
        container.snapshot, container.done, container.open = step, True, None
        for steps in (self._open, self._calling, self._unsettled):
            steps.pop(container.id, None)
        self.current = step
        out.append(events.RunStepDone(step))


def _calls(step: RunStep) -> list[ToolCall]:
    """Return the tool calls of STEP; none if it is a step of another type."""
    details = step.step_details
    return details.tool_calls if isinstance(details, models.ToolCallsStepDetails) else []


def _calls_tools(step: RunStep) -> bool:
    """Return whether STEP calls tools, as far as it is known."""
    return step.type == "tool_calls" or isinstance(step.step_details, models.ToolCallsStepDetails)


def _is_whole(block: Block[ToolCall]) -> bool:
    """Return whether a call is done when the next one begins.

    A call of a function is if its arguments are a complete JSON object; another call always is.
    """
    call = block.snapshot
    if not isinstance(call, models.FunctionToolCall):
        return True
    arguments = call.function.arguments
    if block.done or block.any_text or not arguments.rstrip().endswith("}"):
        return block.done
    try:
        return isinstance(loads(arguments), dict)
    except ValueError:
        return False


def _agree(known: ToolCall, final: Any) -> None:
    """Give KNOWN the arguments of FINAL, the same call as the server has it in the end.

    The function is a new object then, because a text that has grown cannot be set.
    """
    if not isinstance(known, models.FunctionToolCall):
        return
    known.id = known.id or final.id
    function, arguments = known.function, final.function.arguments
    name = final.function.name or function.name
    if (function.name, function.arguments) != (name, arguments):
        known.function = models.Function(name, arguments, function.output)


def _required_block(
    container: Container[ToolCall], call: RequiredActionFunctionToolCall, place: int
) -> Block[ToolCall]:
    """Return the block of a required CALL of unknown id: the one at its PLACE, or a new one."""
    block = container.blocks.get(place)
    if block is not None and not block.snapshot.id:
        return block
    step: RunStep = container.snapshot
    if not isinstance(step.step_details, models.ToolCallsStepDetails):
        step.step_details = models.ToolCallsStepDetails()
    made = models.FunctionToolCall(call.id)
    return container.add(container.next_index, made, step.step_details.tool_calls)


def _index_of(container: Container[ToolCall], delta: ToolCallDelta) -> int:
    """Return the index of DELTA's call: the one sent, that of its id, or that of the open call."""
    if delta.index is not None:
        return delta.index
    if delta.id:
        block = container.find(delta.id)
        return container.next_index if block is None else block.index
    return 0 if container.open is None else container.open.index


def _block_of(container: Container[ToolCall], call: ToolCall, place: int) -> Block[ToolCall]:
    """Return the block of a final CALL: by id, by place if ids are missing, or a new one."""
    block = container.find(call.id) if call.id else None
    if block is None:
        block = container.blocks.get(place)
        if block is None or (call.id and block.snapshot.id):
            block = container.put(place if block is None else container.next_index, call)
    return block
