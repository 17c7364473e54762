"""The writer of an Assistants run: order, implied events, and what is open at the end."""

from __future__ import annotations

import pytest

from stream_core import events, models
from stream_core.dialects.run_writer import RunWriter, add_usage, incomplete_reasons
from tests.support.frames import run_writer, written

#: A frame, as it comes with the event that stands for it.
RAW = {"type": "x"}


# --- The run ----------------------------------------------------------------------------


def test_a_run_begins_once() -> None:
    """Statuses that were left out are written too; the frame comes with the one it states."""
    run = run_writer()
    assert run.begin("queued", RAW)
    assert not run.begin("created", RAW)
    assert run.begin()
    assert not run.begin()
    out = run.take()
    assert [("queued", None), ("queued", RAW), ("in_progress", None)] == [
        (x.payload.status, x.raw) for x in out
    ]
    assert [] == run.take()
    assert out[0].payload is not out[1].payload


def test_an_extension_is_written_as_it_is() -> None:
    """It keeps its own name."""
    run = run_writer()
    run.extend("x.y", RAW)
    (out,) = run.take()
    assert (events.ExtensionEvent, RAW, RAW, "x.y", False) == (
        out.event_class,
        out.payload,
        out.raw,
        out.name,
        out.synthetic,
    )


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        ("completed", ["message.completed*", "run.step.completed*", "run.step.completed*"]),
        ("incomplete", ["message.incomplete*", "run.step.completed*", "run.step.cancelled*"]),
        ("failed", ["message.incomplete*", "run.step.failed*", "run.step.failed*"]),
        ("cancelled", ["message.incomplete*", "run.step.cancelled*", "run.step.cancelled*"]),
    ],
)
def test_what_is_open_ends_with_the_run(status: str, ends: list[str]) -> None:
    """The order of the ends is that of the beginnings; ``done`` is last."""
    run = run_writer(usage=models.Usage(1, 2, 3))
    run.message("msg_1")
    run.step("item_1")
    run.take()
    error = models.LastError("c", "m")
    run.end(status, RAW, reason="length", last_error=error)
    out = run.take()
    run.written = out
    assert [*ends, f"run.{status}", "done*"] == written(run)
    ended = out[-2].payload
    assert (status, models.Usage(1, 2, 3)) == (ended.status, ended.usage)
    reasons = models.IncompleteDetails("max_completion_tokens")
    assert (reasons if status == "incomplete" else None) == ended.incomplete_details
    assert (error if status == "failed" else None) == ended.last_error
    assert [error if status == "failed" else None] * 2 == [
        x.payload.last_error for x in out if isinstance(x.payload, models.RunStep)
    ]
    assert (True, []) == (run.ended, [*run.open])


def test_a_run_that_never_began_begins_at_its_end() -> None:
    """Nothing is left out."""
    run = run_writer()
    run.end("completed", RAW)
    assert ["run.created*", "run.queued*", "run.in_progress*", "run.completed", "done*"] == written(
        run
    )


def waiting() -> RunWriter:
    """Return a writer whose run requires an action; there is a text beside the calls."""
    run = run_writer(usage=models.Usage(1, 1, 2))
    message = run.message("msg_1")
    message.text(0, "Let me see.")
    run.waiting = run.step("calls_1")
    for number, name in enumerate("fg"):
        function = models.FunctionDelta(name, "")
        run.waiting.add(
            models.FunctionToolCallDelta(number, f"call_{number}", "function", function)
        )
        run.waiting.arguments(number, "{}")
    run.take()
    run.end("completed", RAW)
    return run


def test_a_run_whose_calls_wait_requires_an_action() -> None:
    """The message ends before that, the step stays open, and the usage so far is its."""
    run = waiting()
    out = run.take()
    run.written = out
    assert ["message.completed*", "run.step.completed*", "run.requires_action", "done*"] == written(
        run
    )
    ended = out[-2].payload
    required = ended.required_action
    assert ("requires_action", models.Usage(1, 1, 2), "submit_tool_outputs", None) == (
        ended.status,
        ended.usage,
        required.type,
        required.submit_tool_approval,
    )
    assert [("call_0", "f", "{}"), ("call_1", "g", "{}")] == [
        (x.id, x.function.name, x.function.arguments)
        for x in required.submit_tool_outputs.tool_calls
    ]
    assert [run.waiting] == [*run.open]


def test_approvals_are_required_with_or_without_calls() -> None:
    """If both outputs and approvals are required, the action is named after the outputs."""
    call = models.MCPApprovalToolCall("mcpr_1")
    run = run_writer()
    run.end("completed", RAW, approvals=[call])
    action = run.take()[-2].payload.required_action
    assert (
        models.RequiredAction("submit_tool_approval", None, models.SubmitToolApproval([call]))
        == action
    )
    run = run_writer()
    run.waiting = run.step("calls_1")
    run.end("completed", RAW, approvals=[call])
    action = run.take()[-2].payload.required_action
    assert (
        models.RequiredAction(
            "submit_tool_outputs", models.SubmitToolOutputs([]), models.SubmitToolApproval([call])
        )
        == action
    )


def test_a_run_continues_when_its_calls_have_outputs() -> None:
    """The step completes with them; a call without an output has None."""
    run = waiting()
    run.take()
    run.resume({"call_0": "sunny", "call_7": "unknown"})
    (out,) = run.written
    assert ["sunny", None] == [x.function.output for x in out.payload.step_details.tool_calls]
    assert run.begin("queued", RAW)
    assert ["run.step.completed*", "run.queued"] == written(run)
    assert (False, None, []) == (run.ended, run.waiting, [*run.open])


def test_a_run_without_calls_continues_too() -> None:
    """It continues after an approval."""
    run = run_writer()
    run.end("completed", RAW, approvals=[models.MCPApprovalToolCall("mcpr_1")])
    run.take()
    run.resume({})
    assert [] == written(run)
    run.begin()
    assert ["run.queued*", "run.in_progress*"] == written(run)


def test_only_calls_of_functions_have_outputs() -> None:
    """Other calls in the waiting step are left as they are."""
    run = run_writer()
    run.waiting = run.step("calls_1")
    run.waiting.add(models.MCPToolCallDelta(0, "mcp_1"))
    run.end("completed", RAW)
    out = run.take()[-2].payload
    assert [] == out.required_action.submit_tool_outputs.tool_calls
    run.resume({"mcp_1": "x"})
    (ended,) = run.take()
    assert models.MCPToolCall("mcp_1") == ended.payload.step_details.tool_calls[0]


def test_a_message_that_was_cut_is_incomplete() -> None:
    """This holds however the run ends."""
    run = run_writer()
    run.message("msg_1").cut = True
    run.take()
    run.end("completed")
    assert "message.incomplete*" == written(run)[0]


# --- Words and sums ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", ["max_output_tokens", "max_completion_tokens", "max_tokens", "length"]
)
def test_every_reason_for_too_few_tokens_is_known(reason: str) -> None:
    """Runs and messages have one word each for it."""
    assert ("max_completion_tokens", "max_tokens") == incomplete_reasons(reason)


@pytest.mark.parametrize("reason", ["content_filter", "of_tomorrow", None])
def test_another_reason_stays(reason: str | None) -> None:
    """The reason is an open string."""
    assert (reason, reason) == incomplete_reasons(reason)


def test_usage_adds_up() -> None:
    """Details add up by key; if one is not a number, the later counts; None is nothing."""
    one = models.Usage(1, 2, 3, {"cached_tokens": 1, "x": "a"}, None, {"reasoning_tokens": 4})
    two = models.Usage(10, 20, 30, {"cached_tokens": 5, "x": "b", "y": 1}, None, None)
    assert models.Usage(
        11, 22, 33, {"cached_tokens": 6, "x": "b", "y": 1}, None, {"reasoning_tokens": 4}
    ) == add_usage(one, two)
    assert models.Usage(2, 4, 6) == add_usage(models.Usage(1, 2, 3), models.Usage(1, 2, 3))
    assert (one, two, None) == (add_usage(one, None), add_usage(None, two), add_usage(None, None))
    assert {"reasoning_tokens": 4} == getattr(add_usage(two, one), "completion_tokens_details", 0)


def test_a_half_in_reasoning_is_written_before_its_end() -> None:
    """It is a piece of its own, which nobody sent."""
    run = run_writer()
    thought = models.ReasoningText()
    thought.grow("a\ud83d")
    run.write(events.ReasoningDone, thought)
    piece, end = run.take()
    assert (events.ReasoningDelta, "\ufffd", True) == (
        piece.event_class,
        piece.payload.delta,
        piece.synthetic,
    )
    assert "a\ufffd" == end.payload.text
    run.write(events.ReasoningDone, thought)
    assert [events.ReasoningDone] == [x.event_class for x in run.take()]


def test_calls_that_the_server_answered_are_not_required() -> None:
    """If all are, the run completes and their step has the outputs; another id means nothing."""
    run = run_writer()
    run.answer("call_0", "early")
    run.waiting = step = run.step("calls_1")
    step.add(models.CodeInterpreterToolCallDelta(0, "call_0", "code_interpreter"))
    for number in (1, 2):
        function = models.FunctionDelta("f", "{}")
        step.add(models.FunctionToolCallDelta(number, f"call_{number}", "function", function))
    run.answer("call_1", "42")
    run.answer("call_9", "x")
    run.end("completed", RAW)
    (ended,) = [x.payload for x in run.take() if x.event_class is events.ThreadRunRequiresAction]
    assert ["call_2"] == [x.id for x in ended.required_action.submit_tool_outputs.tool_calls]
    run.resume({"call_2": "43"})
    outputs = [getattr(call, "function", None) for call in step.calls]
    assert [None, "42", "43"] == [x and x.output for x in outputs]
    run.waiting = again = run.step("calls_2")
    again.add(models.FunctionToolCallDelta(0, "call_3", "function", models.FunctionDelta("f")))
    run.answer("call_3", None)
    run.end("completed", RAW)
    assert [True] == [x.payload.required_action is None for x in run.take()
                      if x.event_class is events.ThreadRunCompleted]  # fmt: skip
    assert again.closed
