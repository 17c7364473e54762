"""Functions that extract the contents of one event, for code without handlers.

Each function returns None if the event is of another kind, so that a chain of ``if`` reads
naturally: ``if (text := message_delta_text(event)) is not None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events, models

if TYPE_CHECKING:
    from stream_core.events import Event
    from stream_core.models import (
        Error,
        Message,
        RequiredActionFunctionToolCall,
        Run,
        RunStep,
        ToolCall,
    )

__all__ = [
    "EventContents",
    "error",
    "message",
    "message_delta_text",
    "required_tool_calls",
    "run",
    "run_step",
    "tool_calls",
]


def message_delta_text(event: Event | None) -> str | None:
    """Return the new text in a ``thread.message.delta``.

    Returns:
        Its text parts, joined; "" for a delta without text (an annotation, an image).
    """
    if not isinstance(event, events.ThreadMessageDelta):
        return None
    blocks = event.data.delta.content
    return "".join(
        block.text.value
        for block in blocks
        if isinstance(block, models.TextDeltaBlock) and block.text and block.text.value
    )


def run(event: Event | None) -> Run | None:
    """Return the run of a ``thread.run.*`` event."""
    data = event.data if isinstance(event, events.WireEvent) else None
    return data if isinstance(data, models.Run) else None


def run_step(event: Event | None) -> RunStep | None:
    """Return the step of a ``thread.run.step.*`` event; for a delta, its live snapshot."""
    if isinstance(event, events.ThreadRunStepDelta):
        return event.snapshot
    data = event.data if isinstance(event, events.WireEvent) else None
    return data if isinstance(data, models.RunStep) else None


def message(event: Event | None) -> Message | None:
    """Return the message of a ``thread.message.*`` event; for a delta, its live snapshot."""
    if isinstance(event, events.ThreadMessageDelta):
        return event.snapshot
    data = event.data if isinstance(event, events.WireEvent) else None
    return data if isinstance(data, models.Message) else None


def tool_calls(event: Event | None) -> list[ToolCall] | None:
    """Return the calls of a step event whose step calls tools; for a delta, live snapshots."""
    step = run_step(event)
    details = None if step is None else step.step_details
    return details.tool_calls if isinstance(details, models.ToolCallsStepDetails) else None


def required_tool_calls(event: Event | None) -> list[RequiredActionFunctionToolCall] | None:
    """Return the calls whose outputs the run of a ``thread.run.*`` event waits for."""
    found = run(event)
    action = None if found is None else found.required_action
    if action is None or action.submit_tool_outputs is None:
        return None
    return action.submit_tool_outputs.tool_calls


def error(event: Event | None) -> Error | None:
    """Return the payload of the server's ``error`` event."""
    return event.data if isinstance(event, events.ErrorEvent) else None


class EventContents:
    """The functions of this file as methods, for a class that has a current event."""

    @property
    def event(self) -> Event | None:
        """The current event, or None."""
        raise NotImplementedError

    def message_delta_text(self) -> str | None:
        """Return :func:`message_delta_text` of the current event."""
        return message_delta_text(self.event)

    def run(self) -> Run | None:
        """Return :func:`run` of the current event."""
        return run(self.event)

    def run_step(self) -> RunStep | None:
        """Return :func:`run_step` of the current event."""
        return run_step(self.event)

    def message(self) -> Message | None:
        """Return :func:`message` of the current event."""
        return message(self.event)

    def tool_calls(self) -> list[ToolCall] | None:
        """Return :func:`tool_calls` of the current event."""
        return tool_calls(self.event)

    def required_tool_calls(self) -> list[RequiredActionFunctionToolCall] | None:
        """Return :func:`required_tool_calls` of the current event."""
        return required_tool_calls(self.event)

    def error(self) -> Error | None:
        """Return :func:`error` of the current event."""
        return error(self.event)
