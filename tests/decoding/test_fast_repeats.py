"""Deltas that differ from the last one in a text only; whole streams are in test_fast_frames.py."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from stream_core import events, models
from stream_core.decoding.fast_repeats import find_repeater
from stream_core.dialects import Decoded
from stream_core.snapshots.stream_state import Snapshots
from tests.support.frames import Wanted, label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream_core.decoding.fast_repeats import Repeater
    from stream_core.events import Event


def text(*parts: Any, **fields: Any) -> Decoded:
    """Return a delta of a message."""
    delta = models.MessageDelta(list(parts), fields.pop("role", None))
    payload = models.MessageDeltaEvent(fields.pop("message_id", "msg_1"), delta, **fields)
    return Decoded(events.ThreadMessageDelta, payload, None, "thread.message.delta")


def part(value: str | None, index: int | None = 0, **fields: Any) -> models.TextDeltaBlock:
    """Return a piece of text."""
    return models.TextDeltaBlock(index, "text", models.TextDelta(value, **fields))


def step(details: Any, step_id: str = "step_1", **fields: Any) -> Decoded:
    """Return a delta of a step."""
    payload = models.RunStepDeltaEvent(step_id, models.RunStepDelta(details), **fields)
    return Decoded(events.ThreadRunStepDelta, payload, None, "thread.run.step.delta")


def calls(*deltas: Any, step_id: str = "step_1", **fields: Any) -> Decoded:
    """Return a delta of a step with tool calls."""
    return step(models.ToolCallDeltaObject("tool_calls", list(deltas)), step_id, **fields)


def function(
    arguments: str | None, index: int | None = 0, call_id: str | None = None, **fields: Any
) -> models.FunctionToolCallDelta:
    """Return a piece of arguments."""
    made = models.FunctionDelta(arguments=arguments, **fields)
    return models.FunctionToolCallDelta(index, call_id, "function", made)


def code(text: str | None, **fields: Any) -> models.CodeInterpreterToolCallDelta:
    """Return a piece of code."""
    made = models.CodeInterpreterDelta(text, **fields)
    return models.CodeInterpreterToolCallDelta(0, None, "code_interpreter", made)


def ended(kind: str) -> Decoded:
    """Return the end of the message or of the step."""
    if kind == "message":
        done: Any = models.Message("msg_1", status="completed")
        return Decoded(events.ThreadMessageCompleted, done, None, "thread.message.completed")
    done = models.RunStep("step_1", status="completed")
    return Decoded(events.ThreadRunStepCompleted, done, None, "thread.run.step.completed")


BEGUN = function("", call_id="call_1", name="f")
EXTRA: dict[str, Any] = {"extra": {"obfuscation": "x"}}
LOGS = models.CodeInterpreterOutputLogs(0, logs="4")
MESSAGE_CREATION = models.RunStepDeltaMessageDelta(message_creation=models.MessageCreation("m"))


def after(*decoded: Decoded) -> Snapshots:
    """Return the snapshots after these events."""
    snapshots = Snapshots()
    for one in decoded:
        snapshots.apply(one)
    return snapshots


REPEATED: dict[str, tuple[list[Decoded], Callable[[str], Decoded]]] = {
    "text": ([text(part("a"))], lambda x: text(part(x))),
    "another part": ([text(part("a"))], lambda x: text(part(x, 3))),
    "text with a role": (
        [text(part("a"))],
        lambda x: text(part(x), role="assistant", object="x"),
    ),
    "arguments": ([calls(BEGUN)], lambda x: calls(function(x), object="x")),
    "code": ([calls(code("a"))], lambda x: calls(code(x))),
}


def told(out: Sequence[Event], snapshots: Snapshots) -> list[str]:
    """Return what the events say, and what is known after them."""
    known = (snapshots.current_message, snapshots.current_run_step)
    return [*(f"{label(event)}: {event!r}" for event in out), *map(repr, known)]


@pytest.mark.parametrize("value", ["c", "é"])
@pytest.mark.parametrize("case", REPEATED)
def test_a_delta_that_is_a_piece_of_text_can_be_repeated(case: str, value: str) -> None:
    """The next one is folded in as the snapshots would do it: same events, same text."""
    before, make = REPEATED[case]

    def begun() -> tuple[Snapshots, Repeater]:
        first = make("b")
        snapshots = after(*deepcopy(before), first)
        repeater = find_repeater(snapshots, first)
        assert repeater is not None
        return snapshots, repeater

    ordinary = begun()[0]
    expected = told(ordinary.apply(attrs.evolve(make(value), raw="{}")), ordinary)
    snapshots, repeater = begun()
    out = repeater.fold(value, "{}", None)
    assert out is not None
    assert expected == told(out, snapshots)
    wire, derived = map(type, out)
    assert ("b", wire) == (repeater.piece, repeater.event_class)
    for wants, names in (
        (None, [derived]),
        (Wanted(lambda event_class: event_class is derived), [derived]),
        (Wanted(lambda event_class: event_class is not derived), []),
    ):
        assert names == [type(event) for event in repeater.fold("", None, wants) or ()]


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
        ([], text(part("a"), **EXTRA)),
        ([], text(part("a", **EXTRA))),
        ([], text(models.TextDeltaBlock(0, "text", models.TextDelta("a"), **EXTRA))),
        ([text(models.RefusalDeltaBlock(0, "refusal", "no"))], text(part("a"))),
        ([], calls(BEGUN)),
        ([calls(BEGUN)], calls(function("b", name="g"))),
        ([calls(BEGUN)], calls(function("b", output="g"))),
        ([calls(BEGUN)], calls(function("b", **EXTRA))),
        ([calls(BEGUN)], calls(function("b", None))),
        ([calls(BEGUN)], calls(function(None))),
        ([calls(BEGUN)], calls(function("a"), function("b"))),
        ([calls(BEGUN)], calls(models.FunctionToolCallDelta(0))),
        ([calls(BEGUN)], calls(models.FunctionToolCallDelta(0, function=BEGUN.function, **EXTRA))),
        ([calls(BEGUN)], calls(function("b"), **EXTRA)),
        (
            [calls(BEGUN)],
            step(models.ToolCallDeltaObject("tool_calls", [function("b")], **EXTRA)),
        ),
        ([calls(BEGUN)], calls(code("b"))),
        ([calls(code("a"))], calls(function("b"))),
        ([], calls(code(None))),
        ([], calls(models.CodeInterpreterToolCallDelta(0))),
        ([], calls(code("a", outputs=[LOGS]))),
        ([], calls(code("a", **EXTRA))),
        ([], step(MESSAGE_CREATION)),
        ([], step(None)),
    ],
)
def test_more_than_a_piece_of_text_cannot_be_repeated(
    before: list[Decoded], other: Decoded
) -> None:
    """It takes the ordinary path each time."""
    assert find_repeater(after(*before, other), other) is None


@pytest.mark.parametrize(
    ("before", "delta", "end"),
    [
        ([], text(part("a")), ended("message")),
        ([calls(BEGUN)], calls(function("{}")), ended("step")),
        ([calls(BEGUN)], calls(function("{}")), calls(function("", 1, "call_2", name="g"))),
    ],
    ids=["message", "step", "call"],
)
def test_nothing_is_folded_into_what_is_done(
    before: list[Decoded], delta: Decoded, end: Decoded
) -> None:
    """It takes the ordinary path."""
    snapshots = after(*before, delta)
    assert find_repeater(snapshots, delta) is not None
    snapshots.apply(end)
    assert find_repeater(snapshots, delta) is None


def test_a_step_that_is_done_gets_no_more_calls() -> None:
    """A delta under another index is delivered, and there is nothing that could take it."""
    late = calls(function("a", 5))
    snapshots = after(calls(BEGUN), calls(function("{}")), ended("step"), late)
    assert find_repeater(snapshots, late) is None


def test_each_delta_is_its_own() -> None:
    """The next one changes nothing in it."""
    for before, delta in (([], text(part("a"))), ([calls(BEGUN)], calls(function("a")))):
        repeater = find_repeater(after(*before, delta), delta)
        assert repeater is not None
        out = [repeater.fold(value, "{}", None) for value in "cd"]
        assert ["c", "d"] == [x for x, two in zip("cd", out, strict=True) if repr(x) in repr(two)]
        assert "'d'" not in repr([x.data for x in out[0] or () if isinstance(x, events.WireEvent)])


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
