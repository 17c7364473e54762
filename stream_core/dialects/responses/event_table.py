"""The Responses wire as a table: every type of event, its method, and what it becomes.

Rules of this file: every known type has a row, even if it has no counterpart on the Assistants
wire. The documentation is printed from this table, and a test compares it with the official
client's types.

Source of the names: OpenAI API reference, "Responses: Streaming".
"""

from __future__ import annotations

from typing import NamedTuple

from stream_core.dialects import DeltaRow

__all__ = ["ALIASES", "ROWS", "Row"]


class Row(NamedTuple):
    """How one type of event is decoded.

    Attributes:
        method: Name of the method of :class:`ResponsesDialect` that decodes it; those for items are
            in its base class.
        becomes: The events that it becomes, for the documentation.
        delta: What varies in it, if it may be nothing but a piece of text.
    """

    method: str
    becomes: str
    delta: DeltaRow | None = None


#: What varies in a delta: nobody reads its padding and its probabilities.
_DELTA = DeltaRow("delta", ("obfuscation", "logprobs"), "sequence_number")

_EXTENSION = Row("_extension", "extension event")

#: Every type of event. Implied events (the beginning of the run and of a step, the ends of
#: whatever is open) are not listed in each row.
ROWS: dict[str, Row] = {
    # The response
    "response.created": Row("_created", "thread.run.created, thread.run.queued"),
    "response.queued": Row("_queued", "thread.run.queued"),
    "response.in_progress": Row("_in_progress", "thread.run.in_progress"),
    "response.completed": Row("_ended", "thread.run.completed or thread.run.requires_action, done"),
    "response.incomplete": Row("_ended", "thread.run.incomplete, done"),
    "response.failed": Row("_ended", "thread.run.failed, done"),
    "response.cancelled": Row("_ended", "thread.run.cancelled, done"),
    "error": Row("_error", "error"),
    # Items
    "response.output_item.added": Row(
        "_item_added",
        "thread.message.created for a message, thread.run.step.delta for a call, "
        "else an extension event",
    ),
    "response.output_item.done": Row(
        "_item_done",
        "thread.message.completed for a message, thread.run.step.completed or "
        "thread.run.step.failed for a call that the server made, else an extension event",
    ),
    # Messages
    "response.content_part.added": _EXTENSION,
    "response.content_part.done": Row("_part_done", "extension event"),
    "response.output_text.delta": Row("_text_delta", "thread.message.delta", _DELTA),
    "response.output_text.done": Row("_text_done", "extension event"),
    "response.output_text.annotation.added": Row("_annotation", "thread.message.delta"),
    "response.refusal.delta": Row("_refusal_delta", "thread.message.delta"),
    "response.refusal.done": Row("_refusal_done", "extension event"),
    # Calls that the caller answers
    "response.function_call_arguments.delta": Row("_call_delta", "thread.run.step.delta", _DELTA),
    "response.function_call_arguments.done": Row("_call_done", "extension event"),
    "response.custom_tool_call_input.delta": Row("_call_delta", "thread.run.step.delta", _DELTA),
    "response.custom_tool_call_input.done": Row("_call_done", "extension event"),
    # Calls that the server runs
    "response.code_interpreter_call.in_progress": _EXTENSION,
    "response.code_interpreter_call.interpreting": _EXTENSION,
    "response.code_interpreter_call.completed": _EXTENSION,
    "response.code_interpreter_call_code.delta": Row(
        "_code_delta", "thread.run.step.delta", _DELTA
    ),
    "response.code_interpreter_call_code.done": Row("_code_done", "extension event"),
    "response.file_search_call.in_progress": _EXTENSION,
    "response.file_search_call.searching": _EXTENSION,
    "response.file_search_call.completed": _EXTENSION,
    "response.web_search_call.in_progress": _EXTENSION,
    "response.web_search_call.searching": _EXTENSION,
    "response.web_search_call.completed": _EXTENSION,
    "response.mcp_list_tools.in_progress": _EXTENSION,
    "response.mcp_list_tools.completed": _EXTENSION,
    "response.mcp_list_tools.failed": _EXTENSION,
    "response.mcp_call.in_progress": _EXTENSION,
    "response.mcp_call.completed": _EXTENSION,
    "response.mcp_call.failed": _EXTENSION,
    "response.mcp_call_arguments.delta": Row("_mcp_delta", "thread.run.step.delta"),
    "response.mcp_call_arguments.done": Row("_mcp_done", "extension event"),
    "response.image_generation_call.in_progress": _EXTENSION,
    "response.image_generation_call.generating": _EXTENSION,
    "response.image_generation_call.completed": _EXTENSION,
    "response.image_generation_call.partial_image": Row(
        "_partial_image", "image_generation.partial"
    ),
    # Reasoning
    "response.reasoning_text.delta": Row("_reasoning_delta", "reasoning.delta", _DELTA),
    "response.reasoning_text.done": Row("_reasoning_done", "reasoning.done"),
    "response.reasoning_summary_part.added": _EXTENSION,
    "response.reasoning_summary_part.done": _EXTENSION,
    "response.reasoning_summary_text.delta": Row(
        "_summary_delta", "reasoning.summary.delta", _DELTA
    ),
    "response.reasoning_summary_text.done": Row("_summary_done", "reasoning.summary.done"),
    # Calls that the caller's machine runs, audio, and housekeeping
    "response.shell_call_command.added": _EXTENSION,
    "response.shell_call_command.delta": _EXTENSION,
    "response.shell_call_command.done": _EXTENSION,
    "response.shell_call_output_content.delta": _EXTENSION,
    "response.shell_call_output_content.done": _EXTENSION,
    "response.audio.delta": _EXTENSION,
    "response.audio.done": _EXTENSION,
    "response.audio.transcript.delta": _EXTENSION,
    "response.audio.transcript.done": _EXTENSION,
    "response.compaction.compacting": _EXTENSION,
}

#: Other spellings of these types: of early versions, of servers in between, and of the wire's
#: twin over web sockets. Their events are delivered under the names above.
ALIASES: dict[str, str] = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.text.annotation.added": "response.output_text.annotation.added",
    "response.reasoning.delta": "response.reasoning_text.delta",
    "response.reasoning.done": "response.reasoning_text.done",
    "response.reasoning_summary.delta": "response.reasoning_summary_text.delta",
    "response.reasoning_summary.done": "response.reasoning_summary_text.done",
    "response.done": "response.completed",
    "response.canceled": "response.cancelled",
    "response.error": "error",
}
