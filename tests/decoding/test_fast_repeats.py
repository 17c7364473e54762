"""Deltas that differ from the last one in a text only; whole streams are in test_fast_frames.py."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.decoding.fast_repeats import find_repeater
from stream_core.dialects import Decoded
from stream_core.snapshots.stream_state import Snapshots
from tests.support.frames import Wanted


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
    return step_delta(models.ToolCallDeltaObject("tool_calls", list(deltas)))


def step_delta(details: Any) -> Decoded:
    """Return a delta of a step."""
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
    assert repeater.piece in {"a", "b"}
    assert expected in repr(snapshots.current_message or snapshots.current_run_step)
    only = repeater.fold("d", None, None)
    assert only is not None
    assert [event_class] == [type(event) for event in only]
    assert ["'c'" in repr(event) for event in out] == [True] * len(out)  # each has its own


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
        ([], step_delta(models.RunStepDeltaMessageDelta())),
        ([], step_delta(None)),
    ],
)
def test_more_than_a_piece_of_text_cannot_be_repeated(
    before: list[Decoded], other: Decoded
) -> None:
    """It takes the ordinary path each time."""
    assert find_repeater(after(*before, other), other) is None


def test_nothing_is_folded_into_what_is_done() -> None:
    """A message, a step or a call that is done takes the ordinary path."""
    delta, more = text(part("a")), calls(function("a"))
    snapshots = after(delta, calls(BEGUN), more)
    assert find_repeater(snapshots, delta) is not None
    assert find_repeater(snapshots, more) is not None
    done = models.Message("msg_1", status="completed")
    snapshots.apply(Decoded(events.ThreadMessageCompleted, done, None, "thread.message.completed"))
    assert find_repeater(snapshots, delta) is None
    snapshots.followed_steps.finish_calls([])
    assert find_repeater(snapshots, more) is None
    step = models.RunStep("step_1", status="completed")
    snapshots.apply(Decoded(events.ThreadRunStepCompleted, step, None, "thread.run.step.completed"))
    assert find_repeater(snapshots, more) is None


def test_a_step_whose_details_a_handler_took_away_takes_the_ordinary_path() -> None:
    """It begins new ones."""
    more = calls(function("a"))
    snapshots = after(calls(BEGUN), more)
    repeater, step = find_repeater(snapshots, more), snapshots.current_run_step
    assert repeater is not None
    assert step is not None
    step.step_details = None
    assert repeater.fold("b", None, None) is None


@pytest.mark.parametrize(
    ("before", "half"),
    [
        ([], text(part("\ud83d"))),
        ([calls(BEGUN)], calls(function("\ud83d"))),
        ([], calls(code("\ud83d"))),
    ],
)
def test_while_a_half_of_a_pair_waits_nothing_is_folded_in(
    before: list[Decoded], half: Decoded
) -> None:
    """The other half comes with the next delta, which takes the ordinary path."""
    assert find_repeater(after(*before, half), half) is None


@pytest.mark.parametrize("event_class", [events.ReasoningDelta, events.ReasoningSummaryDelta])
def test_reasoning_is_its_own_snapshot(event_class: type[Any]) -> None:
    """There is one event, and none if nobody wants it; the text grows all the same."""
    thought = models.ReasoningText("a")
    decoded = Decoded(event_class, models.ReasoningTextDelta("a", thought), {}, event_class.event)
    repeater = find_repeater(after(decoded), decoded)
    assert repeater is not None
    assert (event_class, "a") == (repeater.event_class, repeater.piece)
    assert [event_class(models.ReasoningTextDelta("b", thought), {"x": 1})] == [
        *(repeater.fold("b", '{"x":1}', None) or ())
    ]
    assert () == repeater.fold("c", None, None)
    assert "abc" == thought.text
    thought.grow("\ud83d")
    assert find_repeater(after(decoded), decoded) is None


def test_derived_events_that_nobody_wants_are_not_made() -> None:
    """Texts and arguments grow all the same."""
    for before, delta in (([], text(part("a"))), ([calls(BEGUN)], calls(function("a")))):
        snapshots = after(*before, delta)
        repeater = find_repeater(snapshots, delta)
        assert repeater is not None
        assert () == repeater.fold("bc", None, Wanted(lambda _: False))
        assert "abc" in repr(snapshots.current_message or snapshots.current_run_step)
