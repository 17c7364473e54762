"""Frames that are about items: each has its item, or is an extension event."""

from __future__ import annotations

import pytest

from stream_core import events
from stream_core.dialects.responses.event_table import ROWS
from stream_core.dialects.responses.item_frames import ItemFrames
from tests.support.responses_frames import added, done, event, messages, text_part, transcript_of

#: Maps types of events about items to the type of the item.
ABOUT = {
    "response.output_text.delta": "message",
    "response.output_text.done": "message",
    "response.output_text.annotation.added": "message",
    "response.refusal.delta": "message",
    "response.refusal.done": "message",
    "response.content_part.done": "message",
    "response.function_call_arguments.delta": "function_call",
    "response.function_call_arguments.done": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
    "response.custom_tool_call_input.done": "custom_tool_call",
    "response.code_interpreter_call_code.delta": "code_interpreter_call",
    "response.code_interpreter_call_code.done": "code_interpreter_call",
    "response.mcp_call_arguments.delta": "mcp_call",
    "response.mcp_call_arguments.done": "mcp_call",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_text.done": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_summary_text.done": "reasoning",
}


def test_every_row_about_an_item_is_in_the_table_above() -> None:
    """The others are about the response or about any item, or have no counterpart."""
    others = {"_created", "_queued", "_in_progress", "_ended", "_error", "_extension"}
    others |= {"_item_added", "_item_done", "_partial_image"}
    assert {name for name, row in ROWS.items() if row.method not in others} == ABOUT.keys()


@pytest.mark.parametrize(("name", "kind"), ABOUT.items())
def test_an_event_about_an_item_that_is_done_is_an_extension_event(name: str, kind: str) -> None:
    """Nothing else is delivered for it; before the item's end, something is."""
    sent = {"item_id": "item_1", "output_index": 0, "annotation": {}, "part": text_part("ab")}
    values = {"delta": "ab", "text": "ab", "arguments": "ab", "input": "ab", "code": "ab"}
    frame_about = (name, {"type": name, **sent, **values, "refusal": "ab"})
    came = transcript_of(added(kind), done(kind), frame_about)
    assert name == came.of(events.ExtensionEvent)[-1].event
    without = transcript_of(added(kind), done(kind))
    assert len(without.events) + 1 == len(came.events)
    open_still = transcript_of(added(kind), frame_about, done(kind))
    assert len(without.events) + 1 < len(open_still.events)


def test_a_part_that_is_done_need_not_belong_to_a_message() -> None:
    """Parts of reasoning come by that event too."""
    part = {"type": "reasoning_text", "text": "hm"}
    came = transcript_of(event("content_part.done", item_id="rs_1", part=part))
    assert ["response.content_part.done"] == [x.event for x in came.of(events.ExtensionEvent)]
    assert [] == messages(came)


def test_every_row_has_its_method_here_or_in_the_dialect() -> None:
    """Those about items are here."""
    methods = {ROWS[name].method for name in ABOUT}
    assert [] == [x for x in methods if x not in vars(ItemFrames)]
