"""The writers of messages in their steps, and of steps of tool calls."""

from __future__ import annotations

from stream_core import events, models
from tests.support.frames import run_writer, written

#: A frame, as it comes with the event that stands for it.
RAW = {"type": "x"}


def test_a_message_begins_and_ends_inside_its_step() -> None:
    """The ids and dates are the run's; the frame belongs to the message's event."""
    run = run_writer(created_at=5, completed_at=9, assistant_id="asst_1")
    run.begin()
    run.take()
    message = run.message("msg_1", RAW, {"phase": "x"})
    out = run.take()
    assert [events.ThreadRunStepCreated, events.ThreadRunStepInProgress] == [
        x.event_class for x in out[:2]
    ]
    step, made = out[0].payload, out[2].payload
    assert ("step_msg_1", "message_creation", 5) == (step.id, step.type, step.created_at)
    assert ("msg_1", RAW, {"phase": "x"}) == (made.id, out[2].raw, made.metadata)
    assert {("run_1", "thread_1", "asst_1")} == {
        (x.payload.run_id, x.payload.thread_id, x.payload.assistant_id) for x in out
    }
    message.text(0, "a", RAW)
    message.close(raw=RAW)
    out = run.take()
    assert [RAW, RAW, None] == [x.raw for x in out]
    assert ("completed", 9, "a") == (
        out[1].payload.status,
        out[1].payload.completed_at,
        out[1].payload.text,
    )
    assert message.closed


def test_a_message_accumulates_its_parts() -> None:
    """Text, refusal, annotations; a place without a part is unknown content."""
    run = run_writer()
    message = run.message("msg_1")
    message.text(0, "a")
    message.text(0, "b")
    message.refusal(2, "no")
    note = models.FilePathAnnotation(0, text="x")
    message.annotate(0, [note])
    message.annotate(2, [note])
    assert ("ab", "", "no") == (
        message.text_so_far(0),
        message.text_so_far(1),
        message.text_so_far(2),
    )
    assert ([note], []) == (message.annotations(0), message.annotations(1))
    run.take()
    message.close()
    content = run.take()[0].payload.content
    assert [
        models.TextContentBlock(text=models.Text("ab", [note])),
        models.UnknownContent(),
        models.RefusalContentBlock(refusal="no"),
    ] == content


def test_what_is_missing_is_written_once() -> None:
    """If something else was written before, nothing is."""
    for refusal in (False, True):
        run = run_writer()
        message = run.message("msg_1")
        run.take()
        for value in ("ab", "abc", "abc", "x", ""):
            message.complete(0, value, refusal=refusal)
        assert "abc" == message.text_so_far(0)
        assert ["message.delta*"] * 2 == written(run)


def test_the_last_word_replaces_the_text_and_a_shorter_one_does_not() -> None:
    """An empty part counts as a part."""
    for refusal in (False, True):
        message = run_writer().message("msg_1")
        for value, expected in (("", ""), ("ab", "ab"), ("a", "ab"), ("xy", "xy")):
            message.settle(0, value, refusal=refusal)
            assert expected == message.text_so_far(0)
        assert ["refusal" if refusal else "text"] == [x.type for x in message.parts.values()]


def test_a_step_accumulates_its_calls() -> None:
    """Each is at its index; the step hands them over when it ends."""
    run = run_writer()
    step = run.step("item_1")
    run.take()
    code = models.CodeInterpreterDelta("1")
    step.add(models.CodeInterpreterToolCallDelta(0, "ci_1", "code_interpreter", code), RAW)
    step.close("completed", RAW)
    delta, end = run.take()
    assert (RAW, RAW) == (delta.raw, end.raw)
    assert ("step_item_1", "tool_calls", "run_1") == (
        end.payload.id,
        end.payload.type,
        end.payload.run_id,
    )
    assert step.calls == end.payload.step_details.tool_calls
    assert "1" == end.payload.step_details.tool_calls[0].code_interpreter.input
    assert (True, []) == (step.closed, [*run.open])


def test_a_message_may_end_before_its_time() -> None:
    """It is incomplete for one reason; its step may fail for another."""
    run = run_writer(completed_at=9)
    message = run.message("msg_1")
    run.take()
    error = models.LastError("c", "m")
    message.close("incomplete", "run_failed", "failed", last_error=error)
    ended, step = [x.payload for x in run.take()]
    assert ("incomplete", models.IncompleteDetails("run_failed"), None) == (
        ended.status,
        ended.incomplete_details,
        ended.completed_at,
    )
    assert ("failed", error) == (step.status, step.last_error)


def test_arguments_of_a_function_grow() -> None:
    """They belong to the call at that index, whichever began last."""
    run = run_writer()
    step = run.step("item_1")
    for number, name in enumerate("fg"):
        function = models.FunctionDelta(name)
        step.add(models.FunctionToolCallDelta(number, f"call_{number}", "function", function))
    run.take()
    for value in ("{", "}"):
        step.arguments(0, value, RAW)
    assert ["{", "}"] == [
        x.payload.delta.step_details.tool_calls[0].function.arguments for x in run.take()
    ]
    assert (
        models.FunctionToolCall("call_0", "function", models.Function("f", "{}")) == step.calls[0]
    )


def test_a_half_of_a_pair_waits_for_the_other() -> None:
    """If none comes before the next part or the end, U+FFFD is written; a whole text drops it."""
    run = run_writer()
    message = run.message("msg_1")
    run.take()
    message.text(0, "\ud83d", RAW)
    message.refusal(1, "\ud83d", RAW)
    message.refusal(1, "\ude00\ud83d", RAW)
    message.complete(1, "😀", refusal=True)
    message.text(0, "\ud83d", RAW)
    message.complete(0, "\ufffd")
    message.text(2, "c\ud83d", RAW)
    message.complete(2, "c😀d")
    message.complete(3, "\ud83d")
    message.complete(4, "")
    message.refusal(3, "", RAW)
    message.settle(5, "e\ud83d")
    message.close()
    out = run.take()
    assert "\ufffd😀c😀d\ufffde\ufffd" == "".join(message.text_so_far(index) for index in range(6))
    pieces = [x.payload.delta.content[0] for x in out if x.name == "thread.message.delta"]
    texts = [x.text.value for x in pieces if isinstance(x, models.TextDeltaBlock) and x.text]
    assert ["", "\ufffd", "", "c", "😀d", "\ufffd", "e\ufffd"] == texts


def test_halves_in_calls_wait_too() -> None:
    """Arguments, code and logs: what is left is written before the step ends."""
    run = run_writer()
    step = run.step("s")
    run.take()
    logs = models.CodeInterpreterOutputLogs
    deltas: list[models.ToolCallDelta] = [
        models.FunctionToolCallDelta(0, "a", "function", models.FunctionDelta("f", "\ud83d")),
        models.MCPToolCallDelta(1, "b", "mcp", "g", "\ud83d"),
        models.CodeInterpreterToolCallDelta(
            2,
            "c",
            "code_interpreter",
            models.CodeInterpreterDelta("\ud83d", [logs(0, "logs", "\ud83d")]),
        ),
        models.FileSearchToolCallDelta(3, "d", "file_search", models.FileSearch()),
    ]
    for delta in deltas:
        step.add(delta, RAW)
    step.close()
    details = run.take()[-1].payload.step_details
    function, mcp, code, _ = details.tool_calls
    code = code.code_interpreter
    assert ["\ufffd"] * 4 == [
        function.function.arguments,
        mcp.arguments,
        code.input,
        code.outputs[0].logs,
    ]


def test_an_index_far_away_does_not_fill_the_message() -> None:
    """The parts are then only in order; a few places without a part are kept."""
    for index, count in ((40, 41), (10**9, 2), (10**30, 2)):
        run = run_writer()
        message = run.message("msg_1")
        message.text(index, "b")
        message.text(0, "a")
        run.take()
        message.close()
        content = run.take()[0].payload.content
        assert count == len(content)
        assert ["a", "b"] == [content[0].text.value, content[-1].text.value]


def test_calls_are_found_by_their_ids() -> None:
    """Those of functions are, and all that have the same."""
    run = run_writer()
    step = run.step("a")
    for index, name in enumerate(("x", "y", "x")):
        step.add(models.FunctionToolCallDelta(index, name, "function", models.FunctionDelta("f")))
    step.add(models.UnknownToolCallDelta(3, "x", "new", {"type": "new"}))
    assert [step.calls[0], step.calls[2]] == step.calls_of("x")
    assert [] == step.calls_of("z")


def test_what_grows_a_text_does_what_a_piece_of_it_does() -> None:
    """Only that no delta is written; a part of another kind and a half that waits have none."""
    run = run_writer()
    message, step = run.message("msg_1"), run.step("x")
    message.text(0, "a", RAW)
    message.refusal(1, "no", RAW)
    step.add(models.FunctionToolCallDelta(0, "call_1", function=models.FunctionDelta("f", "{")))
    code = models.CodeInterpreterDelta("a")
    step.add(models.CodeInterpreterToolCallDelta(1, "call_2", code_interpreter=code))
    step.add(models.FileSearchToolCallDelta(2, "call_3"))
    run.take()
    for grow in (message.grower(0), step.grower(0), step.grower(1)):
        assert grow is not None
        grow("b")
    assert (None, None, None) == (message.grower(1), message.grower(2), step.grower(2))
    assert "ab" == message.text_so_far(0)
    function, other, _ = step.calls
    assert isinstance(function, models.FunctionToolCall)
    assert isinstance(other, models.CodeInterpreterToolCall)
    assert ("{b", "ab") == (function.function.arguments, other.code_interpreter.input)
    assert [] == run.take()
    message.text(0, "\ud83d", RAW)
    assert message.grower(0) is None
