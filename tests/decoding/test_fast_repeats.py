"""Deltas that differ from the last one in a text only; whole streams are in test_fast_frames.py."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.decoding.fast_repeats import find_repeater
from stream_core.dialects import Decoded
from stream_core.snapshots.stream_state import Snapshots


def text(*parts: Any, **fields: Any) -> Decoded:
    """Return a delta of a message."""
    delta = models.MessageDelta(list(parts))
    payload = models.MessageDeltaEvent("msg_1", delta, **fields)
    return Decoded(events.ThreadMessageDelta, payload, None, "thread.message.delta")


def part(value: str | None, index: int | None = 0, **fields: Any) -> models.TextDeltaBlock:
    """Return a piece of text."""
    return models.TextDeltaBlock(index, "text", models.TextDelta(value, **fields))


def calls(*deltas: Any) -> Decoded:
    """Return a delta of a step with tool calls."""
    details = models.ToolCallDeltaObject("tool_calls", list(deltas))
    payload = models.RunStepDeltaEvent("step_1", models.RunStepDelta(details))
    return Decoded(events.ThreadRunStepDelta, payload, None, "thread.run.step.delta")


def function(arguments: str | None, **fields: Any) -> models.FunctionToolCallDelta:
    """Return a piece of arguments."""
    return models.FunctionToolCallDelta(
        0,
        fields.pop("id", None),
        "function",
        models.FunctionDelta(fields.pop("name", None), arguments),
    )


def code(text: str | None) -> models.CodeInterpreterToolCallDelta:
    """Return a piece of code."""
    return models.CodeInterpreterToolCallDelta(
        0, None, "code_interpreter", models.CodeInterpreterDelta(text)
    )


BEGUN = function("", id="call_1", name="f")


def after(*decoded: Decoded) -> Snapshots:
    """Return the snapshots after these events."""
    snapshots = Snapshots()
    for one in decoded:
        snapshots.apply(one)
    return snapshots


@pytest.mark.parametrize(
    ("before", "repeated", "event_class", "expected"),
    [
        ([text(part("a"))], text(part("b")), events.MessageTextDelta, "abc"),
        ([calls(BEGUN)], calls(function("b")), events.RunStepToolCallDelta, "bc"),
        ([calls(code("a"))], calls(code("b")), events.RunStepToolCallDelta, "abc"),
    ],
    ids=["text", "arguments", "code"],
)
def test_a_delta_that_is_a_piece_of_text_can_be_repeated(
    before: list[Decoded], repeated: Decoded, event_class: type[Any], expected: str
) -> None:
    """The next one is folded in as the snapshots would do it: same events, same text."""
    snapshots = after(*before, repeated)
    repeater = find_repeater(snapshots, repeated)
    assert repeater is not None
    out = repeater.fold("c", "{}", None)
    assert out is not None
    assert [repeater.event_class, event_class] == [type(event) for event in out]
    assert expected in repr(snapshots.current_message or snapshots.current_run_step)
    only = repeater.fold("", None, None)
    assert only is not None
    assert [event_class] == [type(event) for event in only]


@pytest.mark.parametrize(
    ("before", "other"),
    [
        ([], Decoded(events.ThreadRunCreated, models.Run("run_1"), None, "thread.run.created")),
        ([], Decoded(events.UnknownEvent, 5, 5, "thread.run.dreaming")),
        ([], text(part("a"), part("b", 1))),
        ([], text(part("a", None))),
        ([], text(part(None))),
        ([], text(models.TextDeltaBlock(0, "text", None))),
        ([], text(models.RefusalDeltaBlock(0, "refusal", "no"))),
        ([], text(part("a", annotations=[models.FilePathAnnotation(0, text="x")]))),
        ([], text(part("a"), extra={"obfuscation": "x"})),
        ([], calls(BEGUN)),
        ([calls(BEGUN)], calls(function("b", name="g"))),
        ([calls(BEGUN)], calls(function(None))),
        ([calls(BEGUN)], calls(function("a"), function("b"))),
        ([], calls(code(None))),
    ],
)
def test_more_than_a_piece_of_text_cannot_be_repeated(
    before: list[Decoded], other: Decoded
) -> None:
    """It takes the ordinary path each time."""
    assert find_repeater(after(*before, other), other) is None


def test_nothing_is_folded_into_what_is_done() -> None:
    """A message or step that is done takes the ordinary path."""
    delta = text(part("a"))
    snapshots = after(delta)
    repeater = find_repeater(snapshots, delta)
    assert repeater is not None
    done = models.Message("msg_1", status="completed")
    snapshots.apply(Decoded(events.ThreadMessageCompleted, done, None, "thread.message.completed"))
    assert repeater.fold("b", None, None) is None
    assert find_repeater(snapshots, delta) is None
