"""The differences between openai-python's handler and ours on one stream, and why ours is right.

Rules of this file:

- Each class of difference has one row; its rule is in ``difference_rules``.
- The sentences are cells of a table: no line breaks, no bars.
- ``python -m tests.support.differences`` prints docs/differences.md.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from tests.support import difference_rules as rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.callback_logs import Logs


@attrs.frozen
class Difference:
    """One class of difference.

    Attributes:
        name: What it is about.
        theirs: What openai-python does.
        ours: What we do.
        why: Why ours is right.
        explain: The rule that removes it from the logs; None if no log shows it but a test does.
    """

    name: str
    theirs: str
    ours: str
    why: str
    explain: Callable[[Logs], bool] | None = None


def explain(logs: Logs) -> set[str]:
    """Remove all known differences from LOGS, and return the names of those that were there."""
    return {one.name for one in DIFFERENCES if one.explain is not None and one.explain(logs)}


#: In the order of removal: those that move or end groups come first.
DIFFERENCES = (
    Difference(
        "a last block without a blank line after it",
        "is dropped",
        "is decoded when the bytes end",
        "Servers and stored captures leave the line out; losing `error` or `done` is worse.",
        rules.unterminated,
    ),
    Difference(
        "`done`",
        "`on_event` never has it; the end is `on_end` alone",
        "`on_event` has it, then `on_done` runs",
        "A handler that flushes can tell the server's last word from a connection that ended.",
        rules.done_event,
    ),
    Difference(
        "`error`",
        "`on_exception` with an `APIError`",
        "`on_event` has it, then `on_error` and `on_exception` with a `ServerError` run",
        "The server sent it, so a log of events must have it.",
        rules.error_event,
    ),
    Difference(
        "`error`, not wrapped",
        "an event without a name; the stream goes on and counts as a success",
        "the same as the wrapped one",
        "The specification writes it bare. A failure must not look like a success.",
        rules.bare_error,
    ),
    Difference(
        "bytes that end before the run",
        "a success: `on_end` alone",
        "`on_exception` with an `IncompleteStreamError`",
        "Half an answer must not pass for a whole one.",
        rules.cut_short,
    ),
    Difference(
        "a block without data (`id:`, `retry:` or `event:` alone, an empty `data:`)",
        "`JSONDecodeError` ends the stream",
        "no event, as in the standard",
        "Keep-alives and reconnection times are part of Server-Sent Events.",
        rules.no_data,
    ),
    Difference(
        "a delta for something never announced",
        "`KeyError` or `RuntimeError` from inside the handler ends the stream",
        "`created` with what is known, `synthetic`, and the stream goes on",
        "A stream may continue an earlier one; the rest of the answer is still good.",
        rules.placeholder,
    ),
    Difference(
        "a part that comes before one with a lower index",
        "`IndexError` from inside the handler ends the stream",
        "parts are kept by the wire's index",
        "The index says where a part belongs, not when it comes.",
        rules.any_index,
    ),
    Difference(
        "a message that ends with fewer parts than it had",
        "`IndexError` from inside the handler ends the stream",
        "every part that began is done, then the message",
        "An incomplete message may come back empty; the run's own events still follow.",
        rules.lost_parts,
    ),
    Difference(
        "a payload of the wrong type",
        "the event is delivered, then whatever breaks first breaks",
        "`on_exception` with a `DecodeError` that has the frame and the path of the field",
        "The fault is in the frame, so it is reported there.",
        rules.wrong_type,
    ),
    Difference(
        "a byte order mark",
        "the first event loses its name",
        "is skipped",
        "The standard says so.",
        rules.byte_order_mark,
    ),
    Difference(
        "a name that does not begin with `thread.`",
        "the event has no name; if its data is text, `JSONDecodeError` ends the stream",
        "an `UnknownEvent` with its name and data",
        "Unknown events must not be lost, and must not end the stream.",
        rules.foreign_name,
    ),
    Difference(
        "a created or an ending that is sent again",
        "its callbacks run again",
        "`on_event` and `on_repeated_event`; the others run once",
        "Handlers that open and close things need each exactly once.",
        rules.sent_again,
    ),
    Difference(
        "a call's id, name or whole arguments sent again",
        "are concatenated: `call_1call_1`",
        "replace the known ones",
        "No call has the id `call_1call_1`, and arguments written twice are not JSON.",
        rules.repeated_call,
    ),
    Difference(
        "an annotation that is sent again",
        "its text is doubled and its numbers are summed",
        "replaces the known one",
        "An index is a place, not an amount.",
        rules.repeated_annotation,
    ),
    Difference(
        "`on_message_delta` and `on_run_step_delta`",
        "come after the callbacks for their parts",
        "come before them",
        "One order for all: the wire's event, then the events derived from it.",
        rules.own_callback_first,
    ),
    Difference(
        "a second step with a call at the same index",
        "`on_tool_call_created` never runs for it",
        "it runs",
        "Each step counts its calls from 0, so this is the ordinary second step.",
        rules.never_created,
    ),
    Difference(
        "alternating fragments of two calls",
        "`on_tool_call_created` runs at each change, in place of `on_tool_call_delta`",
        "created once; done once, when the next begins, with the arguments so far; every fragment "
        "is a delta of its call",
        "A call begins and ends once. Fragments after its end are in the step and in "
        "`required_action`.",
        rules.created_again,
    ),
    Difference(
        "the fragment that a call begins with",
        "is not an `on_tool_call_delta`",
        "is one",
        "It may hold arguments; all fragments joined are then the whole.",
        rules.first_fragment,
    ),
    Difference(
        "a text part that its message was created with",
        "`on_text_created` never runs for it",
        "it runs before the part's first delta",
        "Some servers create messages like this; a handler that opens something there needs it.",
        rules.text_from_created,
    ),
    Difference(
        "a call that is not complete when the next one begins",
        "`on_tool_call_done` with half of its arguments",
        "`on_tool_call_done` when they are whole: at the step's end or when the run requires them",
        "Half of the arguments cannot be used, and the server may send the rest later.",
        rules.done_when_whole,
    ),
    Difference(
        "`on_tool_call_done`",
        "runs again at every ending that follows",
        "runs once per call",
        "A handler that runs the call would run it again.",
        rules.call_done_again,
    ),
    Difference(
        "a delta that only annotates",
        "`on_text_delta` with the value `None`",
        "`on_annotation` alone",
        "`print(delta.value)` must not print None.",
        rules.annotation_only,
    ),
    Difference(
        "two messages open at once",
        "the deltas of both go to the newer one",
        "each delta goes to the message that it names",
        "Every delta has its message's id.",
        rules.two_messages,
    ),
    Difference(
        "the first delta of a second message",
        "ends a part of the message before it once more",
        "that part was done already",
        "Done comes once.",
        rules.part_of_another,
    ),
    Difference(
        "text for a part that another one followed",
        "the two parts end again and again",
        "each part is done once, when the next begins; later text is delivered as a delta",
        "Done comes once. The final text is in the message.",
        rules.part_goes_on,
    ),
    Difference(
        "the next part of a message",
        "begins before the old one is done",
        "begins after the old one is done",
        "A handler that writes one part after the other needs them in turn.",
        rules.done_before_next,
    ),
    Difference(
        "a call that only the completed step has",
        "is not delivered",
        "is created and done",
        "Built-in tools may come without deltas; their calls are calls.",
        rules.call_without_delta,
    ),
    Difference(
        "text that only the completed message has",
        "is not delivered",
        "comes as a last `on_text_delta`",
        "So the printed text is the whole text.",
        rules.text_without_delta,
    ),
    Difference(
        "messages, parts and calls that are still open when the run ends",
        "stay open",
        "are done, as they stand, before the run is",
        "A failed or cancelled run leaves messages open; handlers that close things depend on it.",
        rules.left_open,
    ),
    Difference(
        "a call at the end of its step",
        "as accumulated, without the output",
        "as the server sent it",
        "The final object is the server's word.",
        rules.final_call,
    ),
    Difference(
        "`get_final_run_steps()`",
        "steps stay `in_progress`; those that began in an earlier stream are missing",
        "all steps of the stream, in their final state",
        "They are called final.",
        rules.final_steps,
    ),
    Difference(
        "an exception from a callback",
        "`on_exception` runs with it, as if the stream had failed",
        "leaves unchanged with a note; `on_exception` does not run",
        "A handler's bug is not a failure of the stream.",
    ),
    Difference(
        "a handler for a second stream",
        "`RuntimeError`",
        "works",
        "One handler follows a run through its tool rounds.",
    ),
    Difference(
        "`super().__init__()` forgotten",
        "`AttributeError` when the stream begins",
        "is not needed",
        "A handler holds no state of the library's.",
    ),
    Difference(
        "unknown tool and annotation types",
        "objects of whichever class comes first",
        "`UnknownToolCall` and `UnknownAnnotation`, with the raw data",
        "`isinstance` and `match` must not be misled.",
    ),
    Difference(
        "`current_run` and the current snapshots in `on_event`",
        "as they were before this event",
        "as of this event",
        "`on_event` is about this event, and all other callbacks see them that way.",
    ),
    Difference(
        "`current_run_step_snapshot` after a step's end",
        "None",
        "the latest step",
        "`current_message_snapshot` stays too, in both.",
    ),
    Difference(
        "`current_event` in a derived callback",
        "the event of the wire",
        "the derived event, with `message_id` or `run_step_id`, and `index`",
        "It says which part or call it is about; an event of the wire may have several.",
    ),
)


def page() -> str:
    """Return docs/differences.md."""
    lines = [
        "# Differences from openai-python's `AssistantEventHandler`",
        "",
        "A handler written for openai-python runs after changing its import. The callbacks of",
        "both libraries differ as follows. `tests/whole/test_differential.py` runs the same",
        "streams through both, takes these differences out of the logs, and finds the rest",
        "equal. This table is printed by `python -m tests.support.differences`.",
        "",
        "| | openai-python | here | why |",
        "|---|---|---|---|",
        *(f"| {one.name} | {one.theirs} | {one.ours} | {one.why} |" for one in DIFFERENCES),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
