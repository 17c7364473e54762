"""A run as a sequence of wire events: the order and the shape of recorded traffic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stream_core.testing.lifecycle import TERMINAL, RunMachine
from stream_core.testing.parts import (
    AskApproval,
    CallFunctions,
    Cancel,
    Expire,
    Fail,
    FunctionCall,
    ListTools,
    McpCall,
    NewMessage,
    Part,
    RunCode,
    Say,
    SearchFiles,
    SendError,
    StopShort,
)
from stream_core.testing.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from stream_core.testing.framing import WireEvent

CALL = CallFunctions([FunctionCall("now")])


def machine(**run: Any) -> RunMachine:
    """Return a queued run."""
    store = Store(clock=lambda: 7)
    assistant = store.add_assistant({"model": "m", "tools": [{"type": "code_interpreter"}]})
    return RunMachine(store, store.add_run(store.add_thread({})["id"], assistant, run))


def short(events: Iterable[WireEvent]) -> list[str]:
    """Return names without the common beginning, deltas in a row once."""
    names: list[str] = []
    for event in events:
        name = event.name.removeprefix("thread.")
        if not (names and name == names[-1] and name.endswith(".delta")):
            names.append(name)
    return names


def played(run: RunMachine, *parts: Part) -> Iterator[WireEvent]:
    """Play a whole turn."""
    yield from run.start()
    for part in parts:
        yield from run.apply(part)
    if not run.paused:
        yield from run.finish()


BEGIN = ["run.created", "run.queued", "run.in_progress"]
STEP = ["run.step.created", "run.step.in_progress"]
MESSAGE = [*STEP, "message.created", "message.in_progress", "message.delta"]
SAID = [*MESSAGE, "message.completed", "run.step.completed"]
TOOL = [*STEP, "run.step.delta"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], ["run.completed"]),
        ([Say("x")], [*SAID, "run.completed"]),
        ([Say("x"), NewMessage(), Say("y")], [*SAID, *SAID, "run.completed"]),
        ([Say("x"), RunCode("1")], [*SAID, *TOOL, "run.step.completed", "run.completed"]),
        ([SearchFiles(), Say("x")], [*TOOL, "run.step.completed", *SAID, "run.completed"]),
        ([Say("x"), CALL], [*SAID, *TOOL, "run.requires_action"]),
        (
            [ListTools("hub"), AskApproval([McpCall("hub", "fetch")])],
            [
                *STEP,
                "run.step.completed",
                *STEP,
                "run.step.created",
                "run.step.delta",
                "run.requires_action",
            ],
        ),
        ([Fail("rate_limit_exceeded", "m")], ["run.failed"]),
        (
            [Say("x"), Fail()],
            [*MESSAGE, "message.incomplete", "run.step.failed", "run.failed"],
        ),
        (
            [Say("x"), StopShort()],
            [*MESSAGE, "message.incomplete", "run.step.completed", "run.incomplete"],
        ),
        (
            [Say("x"), Cancel()],
            [
                *MESSAGE,
                "run.cancelling",
                "message.incomplete",
                "run.step.cancelled",
                "run.cancelled",
            ],
        ),
        (
            [Say("x"), Expire()],
            [*MESSAGE, "message.incomplete", "run.step.expired", "run.expired"],
        ),
        ([Say("x"), SendError()], [*MESSAGE, "error"]),
    ],
)
def test_the_events_of_a_turn_are_in_the_recorded_order(
    parts: list[Part], expected: list[str]
) -> None:
    """Whatever the parts or failures, the events come in the order of the real service."""
    run = machine()
    assert [*BEGIN, *expected] == short(played(run, *parts))
    assert run.paused


def test_a_thread_made_with_the_run_is_announced_first() -> None:
    """`thread.created` comes before `thread.run.created`."""
    run = machine()
    events = list(run.start({"id": "thread_1"}))
    assert ["created", *BEGIN] == short(events)
    assert {"id": "thread_1"} == events[0].data


def test_outputs_complete_the_waiting_step_and_the_run_goes_on() -> None:
    """The first event is the old step's end; there is no second `run.created`."""
    run = machine()
    waiting = list(played(run, CALL))[-1].data
    assert isinstance(waiting, dict)
    assert ("requires_action", 36_007) == (waiting["status"], waiting["expires_at"])
    (call,) = run.pending
    opening = run.accept({call["id"]: "noon"})
    assert ("queued", None) == (run.run["status"], run.run["required_action"])
    events = list(opening)
    assert ["run.step.completed", "run.queued", "run.in_progress"] == short(events)
    step = events[0].data
    assert isinstance(step, dict)
    assert "noon" == step["step_details"]["tool_calls"][0]["function"]["output"]
    assert 36_007 == step["expires_at"]
    (result,) = run.turn().results
    assert ("now", "noon") == (result.name, result.output)
    assert [*TOOL, "run.requires_action"] == short(run.apply(CALL))


def test_a_sent_object_does_not_change_afterwards() -> None:
    """Each event has a copy, though the kept object changes later."""
    events = list(played(machine(), Say("x")))
    statuses = [
        event.data["status"]
        for event in events
        if isinstance(event.data, dict) and event.data["object"] == "thread.run"
    ]
    assert ["queued", "queued", "in_progress", "completed"] == statuses


def test_a_turn_is_a_copy() -> None:
    """A responder cannot change the store by accident; a deleted assistant leaves its id."""
    run = machine()
    list(run.start())
    turn = run.turn()
    turn.run["tools"].clear()
    assert [{"type": "code_interpreter"}] == run.run["tools"] == run.turn().run["tools"]
    run._store.assistants.clear()
    assert {"id": run.run["assistant_id"]} == run.turn().assistant


@pytest.mark.parametrize(
    ("part", "run_fields", "reason", "step_status"),
    [
        (
            Fail("c", "m"),
            {"failed_at": 7, "last_error": {"code": "c", "message": "m"}},
            "run_failed",
            "failed",
        ),
        (
            StopShort("max_completion_tokens"),
            {"incomplete_details": {"reason": "max_completion_tokens"}, "completed_at": None},
            "max_tokens",
            "completed",
        ),
        (
            StopShort("content_filter"),
            {"incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "completed",
        ),
        (Cancel(), {"cancelled_at": 7, "expires_at": None}, "run_cancelled", "cancelled"),
        (Expire(), {"status": "expired", "expires_at": None}, "run_expired", "expired"),
        (
            SendError("m"),
            {"status": "failed", "last_error": {"code": "server_error", "message": "m"}},
            "run_failed",
            "failed",
        ),
    ],
)
def test_an_end_before_its_time_is_written_into_every_object(
    part: Part, run_fields: dict[str, Any], reason: str, step_status: str
) -> None:
    """The run, the open message and its step all show how it ended."""
    run = machine()
    list(played(run, Say("x"), part))
    assert run_fields == {key: run.run[key] for key in run_fields}
    assert run.run["status"] in TERMINAL
    assert run.run["usage"]["completion_tokens"] == 1
    (message,) = run.turn().messages
    assert {"reason": reason} == message["incomplete_details"]
    (step,) = run._store.steps[run.run["id"]].values()
    assert step_status == step["status"]


def test_an_error_event_has_both_shapes_that_are_in_use() -> None:
    """It has the wrapped shape that clients of OpenAI read, and the bare one of the reference."""
    error = list(played(machine(), SendError("m", "t", "c", "p")))[-1]
    fields = {"message": "m", "type": "t", "param": "p", "code": "c"}
    assert ("error", {"error": fields, **fields}) == (error.name, error.data)


def test_the_token_limit_ends_the_run_as_incomplete() -> None:
    """More text than `max_completion_tokens` allows is cut, as if the model had stopped."""
    run = machine(max_completion_tokens=2)
    events = short(played(run, Say("one two three")))
    assert [*MESSAGE, "message.incomplete", "run.step.completed", "run.incomplete"] == events[3:]
    assert {"reason": "max_completion_tokens"} == run.run["incomplete_details"]


def test_a_cancel_can_come_between_any_two_events() -> None:
    """Parts are kept as far as they were sent, and the consumer of the events is woken."""
    run = machine()
    woken: list[bool] = []
    run.when_cancelled = lambda: woken.append(True)
    list(run.start())
    saying = run.apply(Say("one two three"))
    for _ in range(5):
        next(saying)
    run.request_cancel()
    assert ([True], True, "cancelling") == (woken, run.cancel_requested, run.run["status"])
    assert [
        "run.cancelling",
        "message.incomplete",
        "run.step.cancelled",
        "run.cancelled",
    ] == short(run.cancel())
    (message,) = run.turn().messages
    assert "one" == message["content"][0]["text"]["value"]


def test_a_run_that_waits_can_be_cancelled() -> None:
    """The waiting step is cancelled with it, and nothing is required any more."""
    run = machine()
    list(played(run, CALL))
    assert ["run.cancelling", "run.step.cancelled", "run.cancelled"] == short(run.cancel())
    assert run.run["required_action"] is None


def test_what_is_no_part_is_refused() -> None:
    """The error names it."""
    wrong: Any = "text"
    with pytest.raises(TypeError, match=r"not a part of stream_core\.testing\.parts: 'text'"):
        list(machine().apply(wrong))


def recorded(file: Path) -> list[tuple[str, Any]]:
    """Names and data of a recorded stream, without `done`."""
    frames = file.read_text("utf-8").split("\n\n")
    pairs = [frame.split("\n") for frame in frames if frame.startswith("event: thread")]
    return [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in pairs]


def shapes(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """The keys of each event's object, in order, by event name."""
    return {name: list(data) for name, data in pairs}


@pytest.mark.parametrize("name", ["dotnet_StreamingRunWorks_2", "dotnet_StreamingToolCall_2"])
def test_objects_have_the_keys_of_recorded_ones_in_the_same_order(wire: Path, name: str) -> None:
    """A plain answer, and one after tool outputs, have the recorded events and keys."""
    theirs = recorded(wire / "assistants" / f"{name}.sse")
    run = machine()
    if name.endswith("ToolCall_2"):
        list(played(run, CALL))
        ours = [*run.accept({run.pending[0]["id"]: "x"}), *run.apply(Say("y z")), *run.finish()]
    else:
        ours = list(played(run, Say("y z")))
    expected = shapes(theirs)
    actual = shapes((event.name, event.data) for event in ours)
    assert list(expected) == list(actual)
    assert expected == actual


def test_a_tool_round_has_the_keys_of_the_recorded_one(wire: Path) -> None:
    """Also inside the required action and the deltas."""
    theirs = dict(recorded(wire / "assistants" / "dotnet_StreamingToolCall_1.sse"))
    run = machine()
    events = [*run.start(run.turn().thread), *run.apply(CALL)]
    ours: dict[str, Any] = {event.name: event.data for event in events}
    assert shapes(theirs.items()) == shapes(ours.items())

    def action(events: dict[str, Any]) -> Any:
        return events["thread.run.requires_action"]["required_action"]["submit_tool_outputs"]

    assert list(action(theirs)["tool_calls"][0]) == list(action(ours)["tool_calls"][0])
