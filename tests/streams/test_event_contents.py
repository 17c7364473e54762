"""Each unwrapper returns the contents of its own events, and None for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.dialects.assistants import EVENTS
from stream_core.events import Event
from stream_core.streams import event_contents

if TYPE_CHECKING:
    from collections.abc import Callable

TOOL_CALLS: list[models.ToolCall] = [models.FunctionToolCall("call_1")]
MESSAGE = models.Message(id="msg_1")
STEP = models.RunStep(id="step_1", step_details=models.ToolCallsStepDetails(tool_calls=TOOL_CALLS))
WAITING = [models.RequiredActionFunctionToolCall("call_1")]
RUN = models.Run(
    id="run_1",
    required_action=models.RequiredAction(
        submit_tool_outputs=models.SubmitToolOutputs(tool_calls=WAITING)
    ),
)
ERROR = models.Error("No.")
TEXT = models.TextDelta("a")

#: The payload of each class; for a delta, the payload and the snapshot.
PAYLOADS: dict[Any, Any] = {
    models.Thread: models.Thread("thread_1"),
    models.Run: RUN,
    models.RunStep: STEP,
    models.Message: MESSAGE,
    models.Error: ERROR,
    str: "[DONE]",
}
MESSAGE_DELTA = events.ThreadMessageDelta(
    models.MessageDeltaEvent("msg_1", models.MessageDelta([models.TextDeltaBlock(0, text=TEXT)])),
    snapshot=MESSAGE,
)
STEP_DELTA = events.ThreadRunStepDelta(models.RunStepDeltaEvent("step_1"), snapshot=STEP)


def wire_events() -> list[Event]:
    """Return one event of every name in the table."""
    made: list[Event] = [MESSAGE_DELTA, STEP_DELTA]
    for event_class, payload_class in EVENTS.values():
        if payload_class in PAYLOADS:
            made.append(event_class(PAYLOADS[payload_class]))
    return made


EXAMPLES: list[Event | None] = [
    *wire_events(),
    events.UnknownEvent({"id": "run_1"}, event="thread.of_tomorrow"),
    events.MessageTextDelta(TEXT, models.Text("a")),
    events.RunDone(RUN),
    events.RunStepDone(STEP),
    events.MessageDone(MESSAGE),
    events.StreamEnd(),
    None,
]


UNWRAPPERS = (
    *("message_delta_text", "run", "run_step", "message"),
    *("tool_calls", "required_tool_calls", "error"),
)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (event_contents.message_delta_text, {"thread.message.delta": "a"}),
        (event_contents.run, {name: RUN for name in EVENTS if EVENTS[name][1] is models.Run}),
        (event_contents.run_step, {name: STEP for name in EVENTS if ".step." in name}),
        (event_contents.message, {name: MESSAGE for name in EVENTS if ".message." in name}),
        (event_contents.tool_calls, {name: TOOL_CALLS for name in EVENTS if ".step." in name}),
        (
            event_contents.required_tool_calls,
            {name: WAITING for name in EVENTS if EVENTS[name][1] is models.Run},
        ),
        (event_contents.error, {"error": ERROR}),
    ],
)
def test_each_answers_for_its_own_events_and_no_other(
    function: Callable[[Event | None], object], expected: dict[str, object]
) -> None:
    """It returns the very object of the event: a payload or, for a delta, the live snapshot."""
    answers = {
        "" if event is None else event.event: function(event)
        for event in EXAMPLES
        if function(event) is not None
    }
    assert expected == answers
    assert all(answers[name] is value for name, value in expected.items())


def test_every_unwrapper_is_tested_above() -> None:
    """The table of this file has each public function."""
    assert {*UNWRAPPERS, "EventContents"} == set(event_contents.__all__)


class Holding(event_contents.EventContents):
    """An object with a current event."""

    def __init__(self, event: Event | None) -> None:
        self.now = event

    @property
    def event(self) -> Event | None:
        return self.now


@pytest.mark.parametrize("name", UNWRAPPERS)
def test_each_is_a_method_of_what_has_a_current_event(name: str) -> None:
    """It has the same name, and returns the same for that event."""
    function = getattr(event_contents, name)
    answers = [getattr(Holding(event), name)() for event in EXAMPLES]
    assert any(answers)
    assert [function(event) for event in EXAMPLES] == answers


def test_every_method_is_an_unwrapper() -> None:
    """The only other one is ``event``, which a subclass defines."""
    public = {name for name in vars(event_contents.EventContents) if not name.startswith("_")}
    assert {*UNWRAPPERS, "event"} == public
    with pytest.raises(NotImplementedError):
        event_contents.EventContents().run()


def test_a_repeated_event_is_unwrapped_like_the_first() -> None:
    """It has the name and payload of the event that is repeated."""
    assert RUN is event_contents.run(events.RepeatedEvent(RUN, event="thread.run.created"))
    assert STEP is event_contents.run_step(
        events.RepeatedEvent(STEP, event="thread.run.step.created")
    )
    assert MESSAGE is event_contents.message(
        events.RepeatedEvent(MESSAGE, event="thread.message.created")
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], ""),
        ([models.TextDeltaBlock(0)], ""),
        ([models.TextDeltaBlock(0, text=models.TextDelta())], ""),
        (
            [
                models.TextDeltaBlock(
                    0, text=models.TextDelta(annotations=[models.UnknownAnnotation(0)])
                )
            ],
            "",
        ),
        ([models.RefusalDeltaBlock(0, refusal="no"), models.ImageFileDeltaBlock(1)], ""),
        (
            [
                models.TextDeltaBlock(0, text=models.TextDelta("a ")),
                models.UnknownContentDelta(1, "audio", {"text": {"value": "?"}}),
                models.TextDeltaBlock(2, text=models.TextDelta("b")),
            ],
            "a b",
        ),
    ],
)
def test_the_text_of_a_delta_is_that_of_its_text_parts(
    content: list[models.MessageContentDelta], expected: str
) -> None:
    """Parts are joined; for a delta without text the result is "", which is not None."""
    delta = models.MessageDeltaEvent("msg_1", models.MessageDelta(content))
    event = events.ThreadMessageDelta(delta, snapshot=MESSAGE)
    assert expected == event_contents.message_delta_text(event)


@pytest.mark.parametrize(
    "details",
    [None, models.MessageCreationStepDetails(), models.UnknownStepDetails("activities")],
    ids=lambda details: type(details).__name__,
)
def test_a_step_that_calls_no_tools_has_no_tool_calls(details: models.StepDetails | None) -> None:
    """None is not an empty list, which is for a step that has not called any tools yet."""
    step = models.RunStep(step_details=details)
    assert event_contents.tool_calls(events.ThreadRunStepCreated(step)) is None
    step.step_details = models.ToolCallsStepDetails()
    assert [] == event_contents.tool_calls(events.ThreadRunStepCreated(step))


@pytest.mark.parametrize(
    "action",
    [
        None,
        models.RequiredAction("of_tomorrow"),
        models.RequiredAction(submit_tool_approval=models.SubmitToolApproval()),
    ],
    ids=["nothing", "unknown", "approval"],
)
def test_a_run_that_waits_for_something_else_has_no_required_calls(
    action: models.RequiredAction | None,
) -> None:
    """Only calls that wait for outputs are returned."""
    event = events.ThreadRunRequiresAction(models.Run(required_action=action))
    assert event_contents.required_tool_calls(event) is None
