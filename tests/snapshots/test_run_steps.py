"""The events of run steps and their tool calls, and the contents of their snapshots.

Every stream here is decoded whole, byte by byte and at random splits; all must agree.
"""

from __future__ import annotations

import json
import operator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.snapshots.stream_state import Snapshots
from tests.support.frames import (
    DONE,
    Transcript,
    call,
    check_transcript,
    decode,
    decode_every_way,
    run,
    run_writer,
    sse,
    step,
    step_delta,
    transcript_of,
    whole_run,
)

if TYPE_CHECKING:
    from tests.support.frames import Frame


def function(call_id: str, name: str, arguments: str, **fields: Any) -> dict[str, Any]:
    """Return a function call as a final step has it."""
    called = {"name": name, "arguments": arguments, "output": None, **fields}
    return {"id": call_id, "type": "function", "function": called}


def calls(*final: dict[str, Any]) -> dict[str, Any]:
    """Return the details of a step that calls tools."""
    return {"step_details": {"type": "tool_calls", "tool_calls": list(final)}}


def fragments(made: Transcript, index: int) -> str:
    """Return the argument fragments of one call, joined."""
    deltas = [x for x in made.of(events.RunStepToolCallDelta) if index == x.index]
    return "".join(x.delta.function.arguments or "" for x in deltas if x.delta.function)


# --- One step ---------------------------------------------------------------------------


def test_a_function_call_is_delivered_from_created_to_done() -> None:
    """The first fragment is a delta too, so that the joined fragments are the arguments."""
    made = transcript_of(
        step("created", type="tool_calls", **calls()),
        step("in_progress"),
        step_delta(call(0, id="call_1", name="f", arguments="{", output=None)),
        step_delta(call(0, arguments="}")),
        step("completed", **calls(function("call_1", "f", "{}", output="7"))),
    )
    expected = [
        "ThreadRunStepCreated",
        "ThreadRunStepInProgress",
        "ThreadRunStepDelta",
        "RunStepToolCallCreated",
        "RunStepToolCallDelta",
        "ThreadRunStepDelta",
        "RunStepToolCallDelta",
        "ThreadRunStepCompleted",
        "RunStepToolCallDone",
        "RunStepDone",
    ]
    assert expected == made.names_inside
    assert "{}" == fragments(made, 0)
    (done,) = made.of(events.RunStepToolCallDone)
    assert ("call_1", "{}", "7") == (
        done.tool_call.id,
        done.tool_call.function.arguments,
        done.tool_call.function.output,
    )
    assert "completed" == made.of(events.RunStepDone)[0].run_step.status


def test_the_snapshot_is_one_object_that_grows() -> None:
    """The created step, each delta's snapshot and the current step are the same object."""
    decoder = EventDecoder()
    first = step_delta(call(0, id="call_1", name="f", arguments="a"))
    decoder.feed(sse(run("created"), step("created"), first, step_delta(call(0, arguments="b"))))
    seen = list(iter(decoder.next_event, None))
    created = next(x for x in seen if isinstance(x, events.ThreadRunStepCreated))
    deltas = [x for x in seen if isinstance(x, events.ThreadRunStepDelta)]
    assert all(x.snapshot is created.data for x in deltas)
    assert decoder.snapshots.current_run_step is created.data
    details = created.data.step_details
    assert isinstance(details, models.ToolCallsStepDetails)
    (snapshot,) = details.tool_calls
    assert isinstance(snapshot, models.FunctionToolCall)
    assert "ab" == snapshot.function.arguments
    of_the_call = [x for x in seen if isinstance(x, events.RunStepToolCallDelta)]
    assert all(x.snapshot is snapshot for x in of_the_call)


def test_the_status_of_a_step_comes_from_the_wire() -> None:
    """In progress is written to the snapshot."""
    decoder = EventDecoder()
    created = ("thread.run.step.created", {"id": "step_1", "status": "queued"})
    for frame, expected in ((created, "queued"), (step("in_progress"), "in_progress")):
        decoder.feed(sse(frame))
        list(iter(decoder.next_event, None))
        current = decoder.snapshots.current_run_step
        assert current is not None
        assert expected == current.status


def test_every_kind_of_end_is_an_end() -> None:
    """Failed, cancelled and expired steps are done, just like completed ones."""
    for status in ("completed", "failed", "cancelled", "expired"):
        made = transcript_of(step("created"), step(status))
        (done,) = made.of(events.RunStepDone)
        assert status == done.run_step.status


def test_what_the_server_leaves_open_is_done_when_the_run_is() -> None:
    """The end of a step is delivered for the step as it stands, after those of its calls."""
    made = transcript_of(step("created"), step_delta(call(0, id="call_1", name="f")))
    expected = ["ThreadRunCompleted", "RunStepToolCallDone", "RunStepDone", "RunDone", "Done"]
    assert expected == made.names[-5:]
    assert "in_progress" == made.of(events.RunStepDone)[0].run_step.status


def test_calls_are_done_when_the_run_requires_action() -> None:
    """Their arguments are complete; the step continues in another stream."""
    delta = step_delta(call(0, id="call_1", name="f", arguments="{}"))
    for begun in (
        (step("created"), delta),
        (step("created", **calls(function("call_1", "f", "{}"))),),
    ):
        made = decode_every_way(sse(run("created"), *begun, run("requires_action"), DONE))
        check_transcript(made.events, ended=False)
        assert "ThreadRunRequiresAction" in made.names
        assert ["RunStepToolCallDone", "Done"] == made.names[-2:]
        assert [] == made.of(events.RunStepDone)


def test_the_stream_after_submitted_outputs_continues_the_step() -> None:
    """With the snapshots of the first stream nothing is delivered twice."""
    decoder = EventDecoder()
    first = step_delta(call(0, id="call_1", name="f", arguments="{}"))
    decoder.feed(sse(run("created"), step("created"), first, run("requires_action"), DONE))
    before = list(iter(decoder.next_event, None))
    following = EventDecoder(snapshots=decoder.snapshots)
    end = step("completed", **calls(function("call_1", "f", "{}", output="7")))
    following.feed(sse(end, run("completed"), DONE))
    after = list(iter(following.next_event, None))
    expected = ["ThreadRunStepCompleted", "RunStepDone", "ThreadRunCompleted", "RunDone", "Done"]
    assert expected == [type(x).__name__ for x in after]
    check_transcript([*before, *after], ended=True)


# --- Several calls ----------------------------------------------------------------------


def test_a_call_is_done_before_the_next_one_begins() -> None:
    """Parallel calls come one after the other."""
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="call_1", name="f", arguments="")),
        step_delta(call(0, arguments="{}")),
        step_delta(call(1, id="call_2", name="g", arguments="[]")),
    )
    expected = [
        "RunStepToolCallCreated",
        "RunStepToolCallDelta",
        "ThreadRunStepDelta",
        "RunStepToolCallDelta",
        "ThreadRunStepDelta",
        "RunStepToolCallDone",
        "RunStepToolCallCreated",
        "RunStepToolCallDelta",
        "RunStepToolCallDone",
        "RunStepDone",
    ]
    assert expected == made.names_inside[2:]
    assert ("{}", "[]") == (fragments(made, 0), fragments(made, 1))


def test_alternating_calls_are_kept_apart() -> None:
    """They are found by index; a call that is closed takes more fragments and is done once."""
    made = transcript_of(
        step("created"),
        step_delta(
            call(1, id="call_2", name="g", arguments="["),
            call(0, id="call_1", name="f", arguments="{"),
        ),
        step_delta(call(1, arguments="]"), call(0, arguments="}")),
    )
    assert ("{}", "[]") == (fragments(made, 0), fragments(made, 1))
    (done,) = made.of(events.RunStepDone)
    assert ["call_1", "call_2"] == [x.id for x in done.run_step.step_details.tool_calls]
    assert [1, 0] == [x.index for x in made.of(events.RunStepToolCallDone)]


def test_a_call_without_an_index_is_found_by_its_id() -> None:
    """Without either, it is the open call; a new id is a new call, after all others."""
    made = transcript_of(
        step("created"),
        step_delta(call(None, arguments="{")),
        step_delta(call(None, id="call_1", name="f")),
        step_delta(call(3, id="call_4", name="h", arguments="(")),
        step_delta(call(None, id="call_5", name="i", arguments="<")),
        step_delta(call(None, arguments=">")),
        step_delta(call(None, id="call_4", arguments=")")),
    )
    assert "{" == fragments(made, 0)
    assert [0, 1, 3, 4] == [x.index for x in made.of(events.RunStepToolCallCreated)]
    assert ("()", "<>") == (fragments(made, 3), fragments(made, 4))


def test_a_whole_call_sent_again_is_not_a_second_one() -> None:
    """With the same id and no index (open-assistant-api), the arguments stay the same."""
    whole = call(None, id="call_1", name="f", arguments='{"a": 1}')
    made = transcript_of(
        step("created", **calls(function("call_1", "f", '{"a": 1}'))), step_delta(whole)
    )
    (done,) = made.of(events.RunStepToolCallDone)
    assert '{"a": 1}' == done.tool_call.function.arguments
    assert 1 == len(made.of(events.RunStepToolCallCreated))


def test_a_delta_of_another_type_than_its_call_changes_nothing() -> None:
    """It is delivered, and the call stays as it was."""
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="call_1", name="f", arguments="{}")),
        step_delta({**code(input="1"), "custom": {}}),
        step_delta(call(1, id="call_2", name="g", arguments="{")),
    )
    assert [("call_1", "f", "{}"), ("call_2", "g", "{")] == done_calls(made)
    assert ["RunStepToolCallDone", "RunStepToolCallCreated"] == made.names_inside[-5:-3]


def code(**fields: Any) -> dict[str, Any]:
    """Return the delta of a code interpreter call."""
    return {"index": 0, "type": "code_interpreter", "code_interpreter": fields}


def test_fragments_in_a_row_are_delivered_like_single_ones() -> None:
    """They take a fast path, which decodes every fragment as the JSON spells it, to the end."""
    spoken = ['{"a', '": ', '"\\u00', 'e9"', "", "\n", "é😀", "}"]
    pieces = [step_delta(call(0, arguments=piece)) for piece in spoken]
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="call_1", name="f", arguments="")),
        *pieces,
        step_delta(call(0, output="7")),
        *pieces,
        step("completed", **calls(function("call_1", "f", "".join(spoken) * 2))),
        *pieces,
    )
    assert "".join(spoken) * 2 == fragments(made, 0)
    deltas = made.of(events.ThreadRunStepDelta)
    assert 3 * len(spoken) + 2 == len(deltas)
    assert [0] * len(deltas) == [x.data.delta.step_details.tool_calls[0].index for x in deltas]
    (done,) = made.of(events.RunStepToolCallDone)
    assert "".join(spoken) * 2 == done.tool_call.function.arguments


def test_code_in_a_row_is_delivered_like_single_pieces() -> None:
    """So are its outputs, which take the ordinary path."""
    spoken = ["pri", 'nt("', "é", "", '")', "\n"]
    logs = {"index": 0, "type": "logs", "logs": "x"}
    made = transcript_of(
        step("created"),
        step_delta({**code(input=""), "id": "call_1"}),
        *[step_delta(code(input=piece)) for piece in spoken],
        *[step_delta(code(input="#", outputs=[logs]))] * 4,
        *[step_delta(code(input=piece)) for piece in spoken],
    )
    (done,) = made.of(events.RunStepToolCallDone)
    whole = "".join(spoken)
    assert f"{whole}####{whole}" == done.tool_call.code_interpreter.input
    assert "xxxx" == done.tool_call.code_interpreter.outputs[0].logs
    deltas = made.of(events.RunStepToolCallDelta)
    assert ["", *spoken, *"####", *spoken] == [x.delta.code_interpreter.input for x in deltas]


def test_fragments_that_nobody_wants_are_folded_in() -> None:
    """This holds for all fragments in a row; whoever wants one of two events gets that one."""
    rows = [[call(0, arguments=x) for x in "abcdef"], [code(input=x) for x in "abcdef"]]
    for row in rows:
        data = whole_run(step("created"), *[step_delta(piece) for piece in row])
        for wanted in (
            events.RunStepToolCallDone,
            events.ThreadRunStepDelta,
            events.RunStepToolCallDelta,
        ):
            made = decode(data, wants=partial(operator.is_, wanted))
            count = 1 if wanted is events.RunStepToolCallDone else 6
            assert [wanted.__name__] * count == made.names
            assert "abcdef" in made.texts[-1]


def test_fragments_with_something_else_in_them_lose_nothing() -> None:
    """Ids, names, unknown keys, several calls: nothing is lost in a row either."""
    piece = call(0, arguments="a")
    rows: list[Any] = [
        [call(0, id="call_1", arguments="a")],
        [call(0, name="f", arguments="a")],
        [call(0, arguments="a", output="7")],
        [{**piece, "more": 1}],
        [call(None, arguments="a")],
        [call(0)],
        [piece, call(1, arguments="a")],
        [code(outputs=[])],
        [{"index": 0, "type": "code_interpreter"}],
        [{"index": 0, "type": "file_search", "file_search": {}}],
        [],
    ]
    for row in rows:
        for kind in (call(0, id="call_1", name="f"), {**code(input=""), "id": "call_1"}):
            delta = step_delta(*row)
            made = transcript_of(step("created"), step_delta(kind), *[delta] * 5)
            deltas = made.of(events.ThreadRunStepDelta)[1:]
            assert [delta[1]] * 5 == [x.raw for x in deltas]
            assert [deltas[0].data] * 5 == [x.data for x in deltas]
            assert 5 * len(row) + 1 == len(made.of(events.RunStepToolCallDelta))


def test_details_with_something_else_in_them_lose_nothing() -> None:
    """They may have unknown keys, beside the calls and around them."""
    inner = {"type": "tool_calls", "tool_calls": [call(0, arguments="a")]}
    for delta in ({"step_details": {**inner, "more": 1}}, {"step_details": inner, "more": 1}):
        payload = {"id": "step_1", "delta": delta}
        made = transcript_of(step("created"), *[("thread.run.step.delta", payload)] * 5)
        assert [payload] * 5 == [x.raw for x in made.of(events.ThreadRunStepDelta)]
        assert "aaaaa" == fragments(made, 0)


def test_details_of_another_type_in_the_middle_of_a_row_start_over() -> None:
    """The fast path's knowledge of the step's calls is then out of date."""
    row = [step_delta(call(0, arguments="a"))] * 4
    creation = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    made = transcript_of(step("created"), *row, details(creation), *row)
    assert "a" * 8 == fragments(made, 0)


# --- The end of a step ------------------------------------------------------------------


def test_calls_that_only_the_final_step_has_are_delivered() -> None:
    """They are created and done, one after the other."""
    made = transcript_of(
        step("created"),
        step("completed", **calls(function("call_1", "f", "{}"), function("call_2", "g", "[]"))),
    )
    expected = [
        "ThreadRunStepCompleted",
        "RunStepToolCallCreated",
        "RunStepToolCallDone",
        "RunStepToolCallCreated",
        "RunStepToolCallDone",
        "RunStepDone",
    ]
    assert expected == made.names_inside[1:]


def test_final_calls_are_found_by_id_whatever_their_place() -> None:
    """The final list has no indexes, and its order is up to the server."""
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="call_1", name="f")),
        step_delta(call(1, id="call_2", name="g")),
        step("completed", **calls(function("call_2", "g", "[]"), function("call_1", "f", "{}"))),
    )
    assert 2 == len(made.of(events.RunStepToolCallCreated))
    last = made.of(events.RunStepToolCallDone)[-1]
    assert (1, "call_2", "[]") == (last.index, last.tool_call.id, last.tool_call.function.arguments)


def test_a_final_call_with_another_id_is_another_call() -> None:
    """It comes after the known ones."""
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="call_1", name="f")),
        step("completed", **calls(function("call_9", "g", "[]"))),
    )
    assert [0, 1] == [x.index for x in made.of(events.RunStepToolCallCreated)]
    assert ["call_1", "call_9"] == [x.tool_call.id for x in made.of(events.RunStepToolCallDone)]


def test_a_final_call_is_found_by_place_if_ids_are_missing() -> None:
    """They may be missing on either side."""
    for first, last in (("", "call_1"), ("call_1", ""), ("", "")):
        made = transcript_of(
            step("created"),
            step_delta(call(0, id=first, name="f")),
            step("completed", **calls(function(last, "f", "{}"))),
        )
        (done,) = made.of(events.RunStepToolCallDone)
        assert (0, last, "{}") == (done.index, done.tool_call.id, done.tool_call.function.arguments)


def test_calls_that_a_step_was_created_with_are_delivered() -> None:
    """They come with their first delta, or at the end."""
    made = transcript_of(
        step("created", **calls(function("call_1", "f", "{"), function("call_2", "g", "[]"))),
        step_delta(call(0, arguments="}")),
    )
    assert [0, 1] == [x.index for x in made.of(events.RunStepToolCallCreated)]
    done = [x.tool_call.function.arguments for x in made.of(events.RunStepToolCallDone)]
    assert ["{}", "[]"] == done


def test_a_step_of_which_only_the_end_comes_is_just_done() -> None:
    """It belongs to an earlier stream: no created, and no calls."""
    made = decode_every_way(
        whole_run(step("completed", **calls(function("call_1", "f", "{}", output="7"))))
    )
    assert ["ThreadRunStepCompleted", "RunStepDone"] == made.names_inside


# --- Created and done, once -------------------------------------------------------------


def test_a_delta_for_an_unknown_step_announces_it() -> None:
    """The placeholder has what the run and the delta state."""
    made = transcript_of(step_delta(call(0, id="call_1", name="f")))
    expected = ["ThreadRunStepCreated*", "ThreadRunStepDelta", "RunStepToolCallCreated"]
    assert expected == made.names_inside[:3]
    one = made.of(events.ThreadRunStepCreated)[0].data
    assert ("step_1", "run_1", "thread_1", "asst_1", "tool_calls", "in_progress") == (
        one.id,
        one.run_id,
        one.thread_id,
        one.assistant_id,
        one.type,
        one.status,
    )


def test_a_placeholder_has_only_what_was_sent() -> None:
    """Without a run and without details, nothing is made up."""
    deltas: list[dict[str, Any]] = [{}, {"step_details": {}}]
    for delta in deltas:
        made = decode_every_way(sse(("thread.run.step.delta", {"id": "step_1", "delta": delta})))
        (created,) = made.of(events.ThreadRunStepCreated)
        assert ("", "") == (created.data.run_id, created.data.type)


def test_a_step_that_begins_in_progress_is_announced() -> None:
    """Created comes before all its other events."""
    made = transcript_of(step("in_progress"))
    expected = ["ThreadRunStepCreated*", "ThreadRunStepInProgress", "RunStepDone"]
    assert expected == made.names_inside


def test_a_created_that_comes_again_is_a_repetition() -> None:
    """So is one that comes after a delta announced the step; in progress never is."""
    goes_on = step("in_progress")
    for first in (step("created"), step_delta(call(0, id="call_1"))):
        made = transcript_of(first, step("created"), goes_on, goes_on)
        assert 1 == len(made.of(events.ThreadRunStepCreated))
        assert 2 == len(made.of(events.ThreadRunStepInProgress))
        (repeated,) = made.of(events.RepeatedEvent)
        assert "thread.run.step.created" == repeated.event


def test_an_end_that_comes_again_is_a_repetition() -> None:
    """Whatever its name, a step ends once."""
    made = transcript_of(step("created"), step("completed"), step("completed"), step("failed"))
    assert 1 == len(made.of(events.RunStepDone))
    assert 2 == len(made.of(events.RepeatedEvent))


def test_what_comes_after_the_end_is_delivered_and_changes_nothing() -> None:
    """This holds for a delta and for in progress."""
    made = transcript_of(
        step("created"),
        step("completed"),
        step_delta(call(0, id="call_1", name="f")),
        step("in_progress"),
    )
    assert [] == made.of(events.RunStepToolCallCreated)
    assert "completed" == made.of(events.RunStepDone)[0].run_step.status


def test_alternating_steps_are_kept_apart() -> None:
    """They are found by id, even if their calls have the same index."""
    made = transcript_of(
        step("created", "step_1"),
        step("created", "step_2"),
        step_delta(call(0, id="call_1", name="f", arguments="{"), step_id="step_1"),
        step_delta(call(0, id="call_2", name="g", arguments="["), step_id="step_2"),
        step_delta(call(0, arguments="}"), step_id="step_1"),
        step_delta(call(0, arguments="]"), step_id="step_2"),
        step("completed", "step_1", **calls(function("call_1", "f", "{}"))),
        step("completed", "step_2", **calls(function("call_2", "g", "[]"))),
    )
    done = [x.tool_call for x in made.of(events.RunStepToolCallDone)]
    assert [("call_1", "{}"), ("call_2", "[]")] == [(x.id, x.function.arguments) for x in done]


def test_the_current_step_is_that_of_the_latest_event() -> None:
    """Any event about it counts, even a repetition."""
    heard = [
        (step("created", "step_1"), "step_1"),
        (step("created", "step_2"), "step_2"),
        (step("in_progress", "step_1"), "step_1"),
        (step_delta(call(0), step_id="step_2"), "step_2"),
        (step("created", "step_1"), "step_1"),
        (step("completed", "step_2"), "step_2"),
        (step_delta(call(0), step_id="step_1"), "step_1"),
        (step("completed", "step_2"), "step_2"),
    ]
    decoder = EventDecoder()
    for frame, expected in heard:
        decoder.feed(sse(frame))
        list(iter(decoder.next_event, None))
        current = decoder.snapshots.current_run_step
        assert current is not None
        assert expected == current.id
    assert ["step_1", "step_2"] == [x.id for x in decoder.snapshots.run_steps]
    assert ["run step step_1"] == decoder.snapshots.open_objects


# --- Steps of other types ---------------------------------------------------------------


def details(value: dict[str, Any] | None) -> Frame:
    """Return a delta of a step with these details."""
    delta = {} if value is None else {"step_details": value}
    return "thread.run.step.delta", {"id": "step_1", "delta": delta}


def test_a_delta_names_the_message_that_a_step_writes() -> None:
    """A delta without details leaves the known ones."""
    creation = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    made = transcript_of(
        step("created"), details(creation), details({"type": "message_creation"}), details(None)
    )
    (done,) = made.of(events.RunStepDone)
    assert "msg_1" == done.run_step.step_details.message_creation.message_id


def test_details_of_an_unknown_type_are_kept() -> None:
    """They hold everything that was sent."""
    value = {"type": "dreaming", "dreaming": {"of": "sheep"}}
    made = transcript_of(step("created"), details(value))
    (done,) = made.of(events.RunStepDone)
    assert models.UnknownStepDetails("dreaming", raw=value) == done.run_step.step_details


def test_code_and_its_outputs_grow_by_index() -> None:
    """Input and logs are appended; an image is a separate output."""
    logs = {"type": "logs"}
    image = {"index": 1, "type": "image", "image": {"file_id": "file_1"}}
    made = transcript_of(
        step("created"),
        step_delta({**code(input="pri"), "id": "call_1"}),
        step_delta(code(input="nt(1)")),
        step_delta(code(outputs=[{"index": 0, **logs, "logs": "1"}])),
        step_delta(code(outputs=[image, {"index": 0, **logs, "logs": "\n"}])),
    )
    (done,) = made.of(events.RunStepToolCallDone)
    outputs = done.tool_call.code_interpreter.outputs
    assert "print(1)" == done.tool_call.code_interpreter.input
    assert ("1\n", "file_1") == (outputs[0].logs, outputs[1].image.file_id)


# --- When a call is done ----------------------------------------------------------------


def done_calls(made: Transcript) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the calls that are done, in order."""
    calls_done = [x.tool_call for x in made.of(events.RunStepToolCallDone)]
    return [(x.id, x.function.name, x.function.arguments) for x in calls_done]


def waiting(*needed: tuple[str, str, str]) -> Frame:
    """Return the frame of a run that requires the outputs of these calls."""
    listed = [function(*one) for one in needed]
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": listed}}
    return run("requires_action", required_action=action)


def test_a_call_is_done_when_the_next_one_begins_if_its_arguments_are_a_complete_object() -> None:
    """Others, even those that look complete, are done at the end; each once."""
    made = transcript_of(
        step("created"),
        step_delta(call(0, id="a", name="f", arguments='{"x":')),
        step_delta(call(1, id="b", name="g", arguments='{"y":2} ')),
        step_delta(call(0, arguments="1}")),
        step_delta(call(2, id="c", name="h", arguments="x}")),
        step_delta(call(3, id="d", name="i")),
    )
    expected = [("b", "g", '{"y":2} '), ("a", "f", '{"x":1}'), ("c", "h", "x}"), ("d", "i", "")]
    assert expected == done_calls(made)
    names = [x for x in made.names if x.startswith("RunStepToolCallC") or "CallDone" in x]
    begins, ends = "RunStepToolCallCreated", "RunStepToolCallDone"
    assert [begins, begins, ends, begins, begins, ends, ends, ends] == names


def test_a_call_of_another_kind_is_done_when_the_next_one_begins() -> None:
    """What it takes is complete then, whatever it looks like."""
    made = transcript_of(
        step("created"),
        step_delta({**code(input="("), "id": "a"}),
        step_delta({**code(input="1"), "id": "b", "index": 1}),
    )
    turns = made.of(events.RunStepToolCallCreated, events.RunStepToolCallDone)
    begins, ends = "RunStepToolCallCreated", "RunStepToolCallDone"
    expected = [(begins, 0), (ends, 0), (begins, 1), (ends, 1)]
    assert expected == [(type(x).__name__, x.index) for x in turns]


def test_a_call_of_a_custom_tool_is_done_at_the_end() -> None:
    """Its input may be any text, so one that looks complete may go on."""
    custom = {**call(0, id="a", name="f", arguments="{}"), "custom": {}}
    made = transcript_of(
        step("created"),
        step_delta(custom),
        step_delta(call(1, id="b", name="g", arguments="{}")),
        step_delta(call(0, arguments=" and more")),
    )
    assert [("a", "f", "{} and more"), ("b", "g", "{}")] == done_calls(made)
    turns = made.of(events.RunStepToolCallCreated, events.RunStepToolCallDone)
    begins, ends = "RunStepToolCallCreated", "RunStepToolCallDone"
    assert [begins, begins, ends, ends] == [type(x).__name__ for x in turns]


def test_calls_are_done_with_what_the_run_requires() -> None:
    """The required action is the server's last word, whatever the fragments were."""
    made = decode_every_way(
        sse(
            run("created"),
            step("created"),
            step_delta(call(0, id="a", name="f", arguments="CIPHER")),
            step_delta(call(1, name="g", arguments="{")),
            step_delta(call(2, id="c", name="h", arguments="[1]")),
            waiting(("a", "f", '{"x":1}'), ("b", "g", '{"y":2}'), ("c", "", "[1]")),
            DONE,
        )
    )
    expected = [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}'), ("c", "h", "[1]")]
    assert expected == done_calls(made)
    assert 3 == len(made.of(events.RunStepToolCallCreated))


def test_a_required_call_that_was_never_sent_is_created_and_done() -> None:
    """It belongs to the step that calls tools; without one, there is nowhere to put it."""
    for begun in (step("created", type="tool_calls"), step("created", **calls())):
        needed = ("a", "f", "{}")
        made = decode_every_way(sse(run("created"), begun, waiting(needed), DONE))
        assert [needed] == done_calls(made)
        check_transcript(made.events, ended=False)
    for begun in (step("created", type="message_creation"), step("completed")):
        made = decode_every_way(sse(run("created"), begun, waiting(("a", "f", "{}")), DONE))
        assert [] == done_calls(made)


def test_a_call_that_is_required_again_is_the_same() -> None:
    """What it is done with stays, and its step may have ended; a new one is created and done."""
    needed = [(name, "f", '{"x":1}') for name in "abcd"]
    final = function("d", "f", '{"x":1}')
    made = decode_every_way(
        sse(
            run("created"),
            step("created", "step_0"),
            step("completed", "step_0", **calls(final)),
            step("created", type="tool_calls", **calls(function(*needed[0]))),
            waiting(needed[0], needed[1]),
            waiting(("a", "g", "{}"), *needed[1:]),
            DONE,
        )
    )
    assert sorted(needed) == sorted(done_calls(made))
    assert [0, 0, 1, 2] == [x.index for x in made.of(events.RunStepToolCallDone)]
    check_transcript(made.events, ended=False)


def test_a_required_call_is_found_by_the_id_that_it_has_now() -> None:
    """A call that got another id is not meant by its old one: that is another call."""
    made = decode_every_way(
        sse(
            run("created"),
            step("created", type="tool_calls"),
            step_delta(call(0, id="old", name="f", arguments="{}")),
            step_delta(call(0, id="new")),
            step_delta(call(None, id="new", arguments=" ")),
            waiting(("old", "g", "[]")),
            DONE,
        )
    )
    assert [("new", "f", "{} "), ("old", "g", "[]")] == done_calls(made)


def test_calls_without_an_index_are_counted_from_0() -> None:
    """Each new id is the next call; so is a call that only the required action has."""
    made = decode_every_way(
        sse(
            run("created"),
            step_delta(call(None, id="a", name="f", arguments="{}")),
            step_delta(call(None, id="b", name="f", arguments="{}")),
            waiting(("a", "f", "{}"), ("b", "f", "{}"), ("c", "f", "{}")),
            DONE,
        )
    )
    assert [0, 1, 2] == [x.index for x in made.of(events.RunStepToolCallCreated)]


def test_a_call_that_two_steps_have_is_the_newest() -> None:
    """What is required of it is said to that one."""
    made = decode_every_way(
        sse(
            run("created"),
            step_delta(call(0, id="a", name="f", arguments="{"), step_id="step_1"),
            step_delta(call(0, id="a", name="f", arguments="{"), step_id="step_2"),
            waiting(("a", "f", "{}")),
            DONE,
        )
    )
    assert [("a", "f", "{"), ("a", "f", "{}")] == done_calls(made)


def test_of_two_calls_with_one_id_the_first_is_meant() -> None:
    """A fragment without an index goes to it."""
    made = decode_every_way(
        sse(
            run("created"),
            step_delta(call(0, id="a", name="f", arguments="{")),
            step_delta(call(1, id="a", name="f", arguments="{")),
            step_delta(call(None, id="a", arguments="}")),
            run("completed"),
            DONE,
        )
    )
    assert [("a", "f", "{}"), ("a", "f", "{")] == done_calls(made)


def test_only_a_call_of_a_function_takes_required_arguments() -> None:
    """A call of another kind under that id stays as it is."""
    made = decode_every_way(
        sse(
            run("created"),
            step("created"),
            step_delta({**code(input="1"), "id": "a"}),
            waiting(("a", "f", "{}")),
            DONE,
        )
    )
    (done,) = made.of(events.RunStepToolCallDone)
    assert "1" == done.tool_call.code_interpreter.input


@pytest.mark.parametrize("known", ["a", ""])
def test_a_dialect_may_say_that_a_call_is_done(known: str) -> None:
    """That is so before its step ends, once, and with the arguments that the dialect has.

    An id that was sent stays, even if the dialect has none in the end.
    """
    writer = run_writer()
    steps = writer.step("s")
    named = models.FunctionDelta("f", "CIPHER")
    steps.add(models.FunctionToolCallDelta(0, "a", function=named), {})
    steps.calls[0] = models.FunctionToolCall(known, "function", models.Function("f", "{}"))
    steps.done(0)
    steps.done(0)  # a second time, which changes nothing
    snapshots = Snapshots()
    out = [event for decoded in writer.take() for event in snapshots.apply(decoded)]
    (done,) = [x for x in out if isinstance(x, events.RunStepToolCallDone)]
    assert models.FunctionToolCall("a", "function", models.Function("f", "{}")) == done.tool_call
    assert done is out[-1]


def test_a_half_that_is_left_is_delivered_before_its_call_is_done() -> None:
    """It is one more delta, with U+FFFD; a final step takes the place of all."""
    name, payload = step_delta({**code(input="?"), "id": "a"})
    half = name, json.dumps(payload).replace("?", r"\ud83d")
    final = {"id": "a", "type": "code_interpreter", "code_interpreter": {"input": "1"}}
    for ends, whole in (((), "\ufffd"), ((step("completed", **calls(final)),), "1")):
        made = transcript_of(step("created"), half, *ends)
        pieces = [x.delta.code_interpreter.input for x in made.of(events.RunStepToolCallDelta)]
        assert ["", *["\ufffd"][: not ends]] == pieces
        (done,) = made.of(events.RunStepToolCallDone)
        assert whole == done.tool_call.code_interpreter.input


def test_a_half_that_comes_after_its_call_is_done_is_delivered_too() -> None:
    """It waits for the next call's beginning or for the end, whichever comes first."""
    for index, expected in ((0, [0, 1, 0, 2, 0]), (1, [0, 1, 1, 1, 2])):
        name, payload = step_delta(call(index, arguments="?"))
        made = transcript_of(
            step("created"),
            step_delta(call(0, id="a", name="f", arguments="{}")),
            step_delta(call(1, id="b", name="f", arguments="{x}")),
            waiting(("a", "f", "{}"), ("b", "f", "{x}")),
            (name, json.dumps(payload).replace("?", r"\ud83d")),
            step_delta(call(2, id="c", name="f")),
        )
        deltas = made.of(events.RunStepToolCallDelta)
        assert expected == [x.index for x in deltas]
        late = [x.delta.function.arguments for x in deltas if x.delta.id is None]
        assert ["", "\ufffd"] == late
