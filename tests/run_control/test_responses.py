"""Rounds, recovery and cancelling on the Responses wire: over HTTP, and as flows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import errors, events, models
from stream_core.client.responses import ResponseStream, make_control
from stream_core.client.streaming_calls import StreamingCall
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.effects import Ask, Now, Open, Outcome, Wait
from stream_core.run_control import responses as responses_control
from stream_core.run_control.responses import Earlier, ResponsesControl
from stream_core.snapshots.stream_state import Snapshots
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import TIDES, get_tides
from tests.support.flows import KeepingDriver, play_all
from tests.support.frames import Recorder, frame, sse
from tests.support.responses_frames import added, arguments, event, response, text, text_part
from tests.support.scripted_server import Answer, ScriptedServer, frames, json_answer, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.http.transport import Options
    from stream_core.streams.stream import Stream
    from tests.support.frames import Frame

TIDES_AT_PORTO = "high water at Porto is at 16:35"
ARGUMENTS = '{"port": "Porto"}'
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "get_tides",
    "arguments": ARGUMENTS,
}
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "content": [text_part("At 16:35")],
}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": TIDES_AT_PORTO}
USAGE = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
QUESTION = [{"type": "message", "role": "user", "content": "When?"}]

#: What llama.cpp says to a request with previous_response_id, in our words.
NO_MEMORY = json_answer({"error": {"message": "no support for previous_response_id here"}}, 400)


def saying(response_id: str = "resp_2") -> list[Frame]:
    """A response with a message."""
    return numbered(
        response("created", response_id, status="in_progress"),
        added("message", "msg_1"),
        text("At ", "msg_1"),
        text("16:35", "msg_1"),
        whole(MESSAGE),
        response("completed", response_id, status="completed", output=[MESSAGE], usage=USAGE),
    )


def calling(response_id: str = "resp_1", *items: dict[str, Any]) -> list[Frame]:
    """A response with a call, after other ITEMS."""
    place = len(items)
    call = {**CALL, "call_id": f"call_{response_id.removeprefix('resp_')}"}
    return numbered(
        response("created", response_id, status="in_progress"),
        *(whole(item, i) for i, item in enumerate(items)),
        added("function_call", "fc_1", place, call_id=call["call_id"], name="get_tides"),
        arguments(ARGUMENTS, "fc_1", place),
        response("completed", response_id, status="completed", output=[*items, call], usage=USAGE),
    )


def whole(item: dict[str, Any], index: int = 0) -> Frame:
    """The frame that ends ITEM."""
    return event("output_item.done", item=item, output_index=index)


def numbered(*sent: Frame) -> list[Frame]:
    """Give frames their sequence numbers."""
    return [(name, {**data, "sequence_number": i}) for i, (name, data) in enumerate(sent)]


def stream_of(server: ScriptedServer, **params: Any) -> ResponseStream:
    """Ask the question."""
    params = {"model": "small", "input": "When?", **params}
    return server.client.responses.stream(**params)


def texts(stream: Stream) -> list[str]:
    """The messages of a stream that was read."""
    return [message.text for message in stream.get_final_messages()]


# --- Rounds of tools ------------------------------------------------------------------------


def test_a_round_names_the_last_response() -> None:
    """Two requests, one run: it ends once, keeps its id, and its usage is the sum."""
    recorder = Recorder()
    with running(frames(*calling()), frames(*saying())) as server:
        stream = stream_of(
            server,
            tools=ToolSet(get_tides),
            instructions="Be brief.",
            tool_choice="required",
            event_handler=recorder,
        )
        run = stream.until_done()
        first, second = server.bodies
    assert run is not None
    assert ("resp_1", "completed") == (run.id, run.status)
    assert 10 == (run.usage and run.usage.total_tokens)
    assert {**first, "input": [OUTPUT], "previous_response_id": "resp_1"} == {
        **second,
        "tool_choice": "required",
    }
    assert "tool_choice" not in second
    assert 1 == recorder.names.count("on_done") == recorder.names.count("on_end")
    assert 1 == recorder.names.count("on_tool_output")
    step, _ = stream.get_final_run_steps()
    details = step.step_details
    assert isinstance(details, models.ToolCallsStepDetails)
    (call,) = details.tool_calls
    assert isinstance(call, models.FunctionToolCall)
    assert ("completed", TIDES_AT_PORTO) == (step.status, call.function.output)


def test_each_round_names_the_one_before_it() -> None:
    """The run keeps its first id, the requests take the newest."""
    sent = [frames(*calling("resp_1")), frames(*calling("resp_2")), frames(*saying("resp_3"))]
    with running(*sent) as server:
        run = stream_of(server, tools=ToolSet(get_tides)).until_done()
        named = [body.get("previous_response_id") for body in server.bodies]
    assert ("resp_1", [None, "resp_1", "resp_2"]) == (run and run.id, named)


@pytest.mark.parametrize("params", [{"stateless": True}, {"store": False}])
def test_without_memory_everything_is_sent_again(params: dict[str, Any]) -> None:
    """The input, all output items in order, the outputs; and once more in the next round."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    sent = [
        frames(*calling("resp_1", thought)),
        frames(*calling("resp_2")),
        frames(*saying("resp_3")),
    ]
    with running(*sent) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), **params)
        assert ["At 16:35"] == texts(stream)
        first, second, third = server.bodies
    assert "stateless" not in first
    assert "previous_response_id" not in second
    one = [*QUESTION, thought, CALL, OUTPUT]
    assert one == second["input"]
    again = {"call_id": "call_2"}
    assert [*one, {**CALL, **again}, {**OUTPUT, **again}] == third["input"]


@pytest.mark.parametrize(
    "refusal",
    [
        NO_MEMORY,
        json_answer({"error": {"message": "?", "code": "previous_response_not_found"}}, 404),
        json_answer({"detail": [{"loc": ["body", "previous_response_id"]}]}, 422),
    ],
)
def test_a_server_that_says_it_keeps_nothing_gets_everything(refusal: Answer) -> None:
    """It is asked once only: the rounds that follow know."""
    sent = [frames(*calling()), refusal, frames(*calling("resp_2")), frames(*saying("resp_3"))]
    with running(*sent) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), input=QUESTION)
        assert ["At 16:35"] == texts(stream)
        named = [body.get("previous_response_id") for body in server.bodies]
        assert [None, "resp_1", None, None] == named
        assert [*QUESTION, CALL, OUTPUT] == server.bodies[2]["input"]


def test_any_other_refusal_is_the_failure_of_the_stream() -> None:
    """It is not tried again."""
    refusal = json_answer({"error": {"message": "No tool output found"}}, 400)
    with running(frames(*calling()), refusal) as server:
        stream = stream_of(server, tools=ToolSet(get_tides))
        with pytest.raises(errors.BadRequestError, match="No tool output found"):
            stream.until_done()
        assert 2 == len(server.asked)


def test_a_server_without_ids_gets_everything() -> None:
    """There is nothing to name."""
    bare = ("", {"type": "response.completed", "response": {"output": [CALL]}})
    with running(frames(bare), frames(*saying())) as server:
        stream_of(server, tools=ToolSet(get_tides)).until_done()
        assert [*QUESTION, CALL, OUTPUT] == server.bodies[1]["input"]


LOCKED = json_answer({"error": {"message": "locked", "code": "conversation_locked"}}, 400)


@pytest.mark.parametrize("locked", [[], [LOCKED]], ids=["free", "locked"])
def test_a_conversation_gets_the_outputs_only(
    locked: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has all else; where it is locked still, it is asked once more."""
    monkeypatch.setattr(responses_control, "_LOCKED", 0)
    with running(frames(*calling()), *locked, frames(*saying())) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), conversation="conv_1")
        assert ["At 16:35"] == texts(stream)
        last = server.bodies[-1]
        assert 2 + len(locked) == len(server.asked)
    assert ([OUTPUT], "conv_1") == (last["input"], last["conversation"])
    assert "previous_response_id" not in last


def test_a_conversation_that_refuses_otherwise_is_believed() -> None:
    """Only a lock passes by itself."""
    refusal = json_answer({"error": {"message": "gone"}}, 400)
    with running(frames(*calling()), refusal) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), conversation="conv_1")
        with pytest.raises(errors.BadRequestError, match="gone"):
            stream.until_done()
        assert 2 == len(server.asked)


def test_a_custom_tool_is_answered_in_its_own_way() -> None:
    """Its input is a text, and its output another kind of item."""
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "say"}
    item["input"] = '{"word": "ahoy"}'
    sent = frames(
        response("created", status="in_progress"),
        response("completed", status="completed", output=[item]),
    )

    def say(word: str) -> str:
        """Say a word."""
        return word

    with running(sent, frames(*saying())) as server:
        stream_of(server, tools=ToolSet(say)).until_done()
        expected = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "ahoy"}
        assert [expected] == server.bodies[1]["input"]


def test_a_run_that_the_caller_answers_has_the_usage_of_its_round() -> None:
    """With ``tools=`` the one run has the sum; a run in between has what was used so far."""
    with running(frames(*calling())) as server:
        run = stream_of(server, tools=[TIDES]).get_final_run()
        assert ("requires_action", 5) == (run.status, run.usage and run.usage.total_tokens)
    with running(frames(*calling()), frames(*saying())) as server:
        came = list(stream_of(server, tools=ToolSet(get_tides)))
    found = [x.data for x in came if isinstance(x, events.WireEvent)]
    runs = [x for x in found if isinstance(x, models.Run) and x.usage is not None]
    assert [("requires_action", 5), ("completed", 10)] == [
        (x.status, x.usage and x.usage.total_tokens) for x in runs
    ]


@pytest.mark.parametrize("params", [{}, {"store": False}])
def test_what_came_with_the_calls_goes_back_exactly(params: dict[str, Any]) -> None:
    """Without a memory, every item goes back as sent, keys that nobody knows included."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "SIGN",
               "opaque": {"a": [1.5, None]}}  # fmt: skip
    first, second = frames(*calling("resp_1", thought)), frames(*saying())
    with running(first, second) as server:
        stream_of(server, tools=ToolSet(get_tides), **params).until_done()
        sent = server.bodies[1]["input"]
    assert [OUTPUT] == sent[-1:]
    if params:
        assert [thought, CALL] == sent[1:-1]


@pytest.mark.parametrize("params", [{}, {"store": False}])
def test_a_call_that_the_server_answered_is_not_run(params: dict[str, Any]) -> None:
    """There is no second request, and no tool runs; nor is a tool that nobody asked for."""
    search = {"type": "custom_tool_call", "id": "x", "call_id": "x", "name": "x_search"}
    end = response("completed", status="completed", output=[CALL, OUTPUT, search, MESSAGE])
    with running(frames(response("created"), end)) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), **params)
        came = list(stream)
        run = stream.current_run
        assert ("completed", 1) == (run and run.status, len(server.bodies))
    assert [] == [x for x in came if isinstance(x, events.ToolOutput | events.ToolError)]


@pytest.mark.parametrize("verdict", [True, False])
def test_calls_of_mcp_tools_are_approved(*, verdict: bool) -> None:
    """``approve`` is asked, and the answer is an item."""
    item = {
        "type": "mcp_approval_request",
        "id": "mcpr_1",
        "name": "look",
        "arguments": "{}",
        "server_label": "port",
    }
    sent = frames(
        response("created", status="in_progress"),
        response("completed", status="completed", output=[item]),
    )
    with running(sent, frames(*saying())) as server:
        stream = stream_of(server, approve=lambda call: verdict and call.name == "look")
        assert ["At 16:35"] == texts(stream)
        expected = {
            "type": "mcp_approval_response",
            "approval_request_id": "mcpr_1",
            "approve": verdict,
        }
        assert [expected] == server.bodies[1]["input"]


def test_definitions_alone_leave_the_calls_to_the_caller() -> None:
    """The stream ends with what the run requires."""
    with running(frames(*calling())) as server:
        run = stream_of(server, tools=[TIDES]).until_done()
        assert 1 == len(server.asked)
    assert run is not None
    assert "requires_action" == run.status


def test_a_model_that_always_calls_is_stopped() -> None:
    """After max_rounds the stream fails."""
    with running(frames(*calling()), frames(*calling("resp_2"))) as server:
        stream = stream_of(server, tools=ToolSet(get_tides), max_rounds=1)
        with pytest.raises(errors.ToolLoopError):
            stream.until_done()
        assert 2 == len(server.asked)


def test_outputs_can_be_submitted_by_the_caller() -> None:
    """With options of their own; the body is added to that of the first request."""
    with running(frames(*calling()), frames(*saying())) as server:
        dialect = ResponsesDialect()
        transport: Any = server.client.responses._transport  # as Client's own calls do
        call = StreamingCall.of(
            {"model": "small", "input": "When?", "extra_headers": {"X-Own": "1"}}
        )
        control = make_control(call, dialect)
        call.listen(ResponseStream, transport, control, dialect).until_done()
        ended = [dialect.ended]
        found = {"tool_call_id": "call_1", "output": "x"}
        options: Options = {"headers": {"X-Own": "2"}, "body": {"user": "u"}}
        submit = control.submit([found], [], rounds=None, options=options)
        stream = call.listen(ResponseStream, transport, control, dialect, begin=submit)
        ended.append(dialect.ended)
        assert [True, False] == ended
        assert ["At 16:35"] == texts(stream)
        expected = {
            "model": "small",
            "stream": True,
            "input": [{**OUTPUT, "output": "x"}],
            "previous_response_id": "resp_1",
            "user": "u",
        }
        assert expected == server.bodies[1]
        assert ["1", "2"] == [asked.headers["x-own"] for asked in server.asked]
    assert ["message", "function_call", "function_call_output"] == [
        item["type"] for item in control.items
    ]


# --- Longer conversations -------------------------------------------------------------------


def test_a_locked_conversation_is_tried_again_at_the_first_request_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once; another refusal is raised as it is."""
    monkeypatch.setattr(responses_control, "_LOCKED", 0)
    locked = json_answer({"error": {"message": "locked", "code": "conversation_locked"}}, 400)
    refused = json_answer({"error": {"message": "no such model", "code": "x"}}, 400)
    with running(locked, frames(*saying()), locked, locked, refused) as server:
        assert ["At 16:35"] == texts(stream_of(server, conversation="conv_1"))
        assert server.bodies[0] == server.bodies[1]
        with pytest.raises(errors.BadRequestError, match="locked"):
            stream_of(server, conversation="conv_1")
        with pytest.raises(errors.BadRequestError, match="no such model"):
            stream_of(server, conversation="conv_1")
        assert 5 == len(server.asked)


def control_after(earlier: Earlier, **params: Any) -> ResponsesControl:
    """Return what asks the question after what came EARLIER."""
    call = StreamingCall.of({"model": "small", "input": "When?", **params})
    return make_control(call, ResponsesDialect(), earlier)


def begin(server: ScriptedServer, control: ResponsesControl) -> None:
    """Send the first request."""
    transport: Any = server.client.responses._transport  # as Client's own calls do
    KeepingDriver(transport).run(control.begin())


@pytest.mark.parametrize(
    ("whole", "params", "answers", "expected"),
    [
        (True, {}, [True], ["resp_0"]),
        (True, {}, [False, True], ["resp_0", None]),
        (True, {"stateless": True}, [True], [None]),
        (True, {"store": False}, [True], [None]),
        (False, {}, [False], ["resp_0"]),
        (False, {"store": False}, [True], ["resp_0"]),
    ],
)
def test_a_turn_names_the_response_before_or_sends_all(
    params: dict[str, Any], answers: list[bool], expected: list[Any], *, whole: bool
) -> None:
    """As the caller says, or the server; all can only be sent where all is known."""
    past = Earlier([MESSAGE], "resp_0", whole=whole)
    said = [frames(*saying()) if one else NO_MEMORY for one in answers]
    with running(*said) as server:
        control = control_after(past, tool_choice="required", **params)
        if answers[-1]:
            begin(server, control)
        else:
            with pytest.raises(errors.BadRequestError, match="no support"):
                begin(server, control)
        assert expected == [body.get("previous_response_id") for body in server.bodies]
        assert QUESTION == control.items
        for named, body in zip(expected, server.bodies, strict=True):
            assert (QUESTION if named else [MESSAGE, *QUESTION]) == body["input"]
            assert "required" == body["tool_choice"]
    assert (None in expected) == control.stateless or not whole


def test_a_past_without_a_response_is_sent() -> None:
    """There is nothing to be named."""
    with running(frames(*saying())) as server:
        begin(server, control_after(Earlier([MESSAGE])))
        assert [MESSAGE, *QUESTION] == server.bodies[0]["input"]


@pytest.mark.parametrize(("one_limit", "left"), [(True, 37), (False, 40)])
def test_a_limit_may_be_for_all_rounds(left: int, *, one_limit: bool) -> None:
    """Then a round gets what is left of it; of itself it is for each."""
    with running(frames(*calling()), frames(*saying())) as server:
        transport: Any = server.client.responses._transport
        given = {"model": "small", "input": "When?", "max_output_tokens": 40}
        given |= {"tools": [get_tides]}
        dialect = ResponsesDialect()
        call = StreamingCall.of(given)
        control = make_control(call, dialect, one_limit=one_limit)
        call.listen(ResponseStream, transport, control, dialect).until_done()
        assert [40, left] == [body["max_output_tokens"] for body in server.bodies]


# --- Recovery -------------------------------------------------------------------------------


def told(recorder: Recorder) -> list[tuple[str, ...]]:
    """What handlers were told of run, steps and messages: not of frames, nor of the stream."""
    aside = {"on_event", "on_extension_event", "on_recovered", "on_end"}
    return [call for call in recorder.calls if call[0] not in aside]


@pytest.mark.parametrize("seen", range(1, 6))
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "ended"])
def test_a_background_response_is_joined_again(seen: int, *, cut: bool) -> None:
    """Wherever it was cut: everything is told once, as if nothing had happened."""
    untouched, sent = Recorder(), saying()
    with running(frames(*sent)) as server:
        stream_of(server, background=True, event_handler=untouched).until_done()
    recorder = Recorder()
    half = frame(*sent[seen])[:-9]
    broken = Answer(frames(*sent[:seen]).body + half, cut=cut)
    with running(broken, frames(*sent[seen:])) as server:
        options = {"extra_query": {"q": "1"}, "extra_headers": {"X-Own": "1"}}
        stream = stream_of(server, background=True, event_handler=recorder, **options)
        run = stream.until_done()
        again = server.asked[1]
        assert ["POST /responses", "GET /responses/resp_2"] == server.calls
    assert ("completed", ["At 16:35"]) == (run and run.status, texts(stream))
    expected = {"stream": ["true"], "starting_after": [str(seen - 1)], "q": ["1"]}
    assert (expected, "1", None) == (again.query, again.headers["x-own"], again.body)
    assert told(untouched) == told(recorder)
    assert 1 == recorder.names.count("on_recovered")


def test_a_server_that_begins_again_is_heard_once() -> None:
    """Frames that were read before are skipped by their numbers."""
    untouched, recorder, sent = Recorder(), Recorder(), saying()
    with running(frames(*sent)) as server:
        stream_of(server, background=True, event_handler=untouched).until_done()
    with running(frames(*sent[:4], cut=True), frames(*sent)) as server:
        stream_of(server, background=True, event_handler=recorder).until_done()
    assert told(untouched) == told(recorder)


def test_every_loss_is_made_up_for() -> None:
    """As long as something new came, it is joined again."""
    sent = saying()
    parts = [frames(*sent[i : i + 2], cut=i < 4) for i in range(0, 6, 2)]
    with running(*parts) as server:
        stream = stream_of(server, background=True)
        assert ["At 16:35"] == texts(stream)
        after = [asked.query.get("starting_after") for asked in server.asked]
    assert [None, ["1"], ["3"]] == after


def ended_as(status: str) -> dict[str, Any]:
    """The response as an object."""
    output = [MESSAGE] if status == "completed" else []
    return {"id": "resp_2", "object": "response", "status": status, "output": output}


@pytest.mark.parametrize(
    "refusal",
    [
        json_answer({"error": {"message": "not a stream"}}, 400),
        json_answer({"id": "resp_2", "status": "in_progress"}),
        frames(cut=True),
    ],
    ids=["refused", "JSON", "cut again"],
)
@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
def test_a_response_that_is_not_streamed_again_is_waited_for(
    refusal: Answer, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has become is told, and what was missed of it."""
    monkeypatch.setattr(responses_control, "_FIRST_WAIT", 0)
    asked = [json_answer(ended_as("in_progress")), json_answer(ended_as(status))]
    with running(frames(*saying()[:3], cut=True), refusal, *asked) as server:
        stream = stream_of(server, background=True)
        run = stream.until_done()
        assert ["GET /responses/resp_2"] * 3 == server.calls[1:]
    assert status == (run and run.status)
    assert ["At 16:35" if status == "completed" else "At "] == texts(stream)


def test_calls_that_were_missed_are_answered() -> None:
    """A background response that is waited for may require an action."""
    asked = {"id": "resp_1", "object": "response", "status": "completed", "output": [CALL]}
    refusal = json_answer({}, 404)
    sent = [frames(*calling()[:1], cut=True), refusal, json_answer(asked), frames(*saying())]
    with running(*sent) as server:
        stream = stream_of(server, background=True, tools=ToolSet(get_tides))
        assert ["At 16:35"] == texts(stream)
        assert [OUTPUT] == server.bodies[-1]["input"]


def test_a_server_that_cannot_be_asked_is_noted() -> None:
    """The loss stays a loss, and says what else failed."""
    refused = json_answer({"error": {"message": "no such response"}}, 404)
    with running(frames(*saying()[:3], cut=True), refused, refused) as server:
        stream = stream_of(server, background=True)
        with pytest.raises(errors.TransportError) as caught:
            stream.until_done()
    assert "no such response" in caught.value.__notes__[0]


def test_a_response_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for as long as a run would wait."""
    monkeypatch.setattr(responses_control, "_PATIENCE", 0)
    asked = [json_answer({}, 404), json_answer([])]
    with running(frames(*saying()[:3], cut=True), *asked) as server:
        stream = stream_of(server, background=True)
        with pytest.raises(errors.TransportError) as caught:
            stream.until_done()
    assert "response resp_2 is still None" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "params", [{}, {"background": True, "recover": False}], ids=["foreground", "recover=False"]
)
def test_any_other_loss_is_an_error_with_what_came(params: dict[str, Any]) -> None:
    """Nothing is asked; what was said is in the snapshots."""
    with running(frames(*saying()[:3])) as server:
        stream = stream_of(server, **params)
        with pytest.raises(errors.IncompleteStreamError, match=r"thread\.message\.delta"):
            stream.until_done()
        assert 1 == len(server.asked)
    message, run = stream.current_message_snapshot, stream.current_run
    assert message is not None
    assert ("At ", "resp_2") == (message.text, run and run.id)


def test_a_round_that_is_lost_before_it_begins_is_lost() -> None:
    """The response that was answered is not the one that was on its way."""
    with running(frames(*calling()), frames(cut=True)) as server:
        stream = stream_of(server, background=True, tools=ToolSet(get_tides))
        with pytest.raises(errors.TransportError):
            stream.until_done()
        assert 2 == len(server.asked)


def test_abort_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a response is freed, without an error."""
    monkeypatch.setattr(responses_control, "_FIRST_WAIT", 0.01)
    asked = [json_answer({}, 404), json_answer({"status": "in_progress"})]
    with running(frames(*saying()[:3], cut=True), *asked) as server:
        stream = stream_of(server, background=True)
        monkeypatch.setattr(time, "sleep", lambda _: stream.abort())
        while stream.next():
            pass
        assert 3 == len(server.asked)
    assert None is stream.err


# --- Cancelling -----------------------------------------------------------------------------


def until_text(stream: Stream) -> None:
    """Read to the first text."""
    for came in stream:
        if isinstance(came, events.ThreadMessageDelta):
            return


def test_a_background_response_is_cancelled() -> None:
    """The server is told, and what became of it ends the stream that went silent."""
    cancelled = json_answer(ended_as("cancelled"))
    recorder = Recorder()
    with running(frames(*saying()[:3], held=True), cancelled, cancelled) as server:
        stream = stream_of(server, background=True, event_handler=recorder)
        until_text(stream)
        run = stream.cancel()
        expected = ["POST /responses/resp_2/cancel", "GET /responses/resp_2"]
        assert expected == server.calls[1:]
        assert {} == server.asked[2].query
    assert ("cancelled", None) == (run and run.status, stream.err)
    assert 1 == recorder.names.count("on_done") == recorder.names.count("on_end")


@pytest.mark.parametrize(
    ("status", "raised"), [("completed", None), ("in_progress", errors.BadRequestError)]
)
def test_a_cancel_that_is_refused_is_looked_into(
    status: str, raised: type[Exception] | None
) -> None:
    """A response that has ended meanwhile stays as it ended; else the server's word is raised."""
    refused = json_answer({"error": {"message": "Cannot cancel"}}, 400)
    now = json_answer(ended_as(status))
    with running(frames(*saying()[:3], held=True), refused, now, now) as server:
        stream = stream_of(server, background=True)
        until_text(stream)
        if raised is None:
            run = stream.cancel()
            assert status == (run and run.status)
        else:
            with pytest.raises(raised, match="Cannot cancel"):
                stream.cancel()
            stream.close()


@pytest.mark.parametrize("how", ["outside", "callback"])
def test_a_foreground_response_is_cancelled_by_closing(how: str) -> None:
    """Nothing is sent; the stream ends without a failure."""
    with running(frames(*saying()[:3], held=True)) as server:
        stream = stream_of(server)
        if how == "callback":
            stream.register(OnText(stream.cancel))
            run = stream.until_done()
        else:
            until_text(stream)
            run = stream.cancel()
        assert 1 == len(server.asked)
    assert ("in_progress", None) == (run and run.status, stream.err)


class OnText:
    """Does something at the first text."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def handle(self, event: events.Event) -> None:
        if isinstance(event, events.MessageTextDelta):
            self._act()


# --- As flows -------------------------------------------------------------------------------


def control_of(*sent: Frame, **params: Any) -> tuple[ResponsesControl, models.Run]:
    """A control whose first response was SENT, and the run."""
    dialect = ResponsesDialect()
    call = StreamingCall.of({"model": "small", "input": "When?", **params})
    control = make_control(call, dialect)
    decoder = EventDecoder(dialect)
    decoder.feed(sse(*sent))
    while decoder.next_event() is not None:
        pass
    return control, decoder.snapshots.current_run or models.Run()


def bodies(effects: list[Any]) -> list[dict[str, Any]]:
    """What was posted to open a stream."""
    return [effect.options["body"] for effect in effects if isinstance(effect, Open)]


FOUND = [{"tool_call_id": "call_1", "output": TIDES_AT_PORTO}]
GOES_ON = b"source"
REFUSED = errors.BadRequestError("no", status_code=400, body="previous_response_id is unknown")


def test_the_first_request_and_a_round_are_one_question_each() -> None:
    """The round names the response that asked."""
    control, run = control_of(*calling(), tools=ToolSet(get_tides))
    effects, source = play_all(control.begin(), GOES_ON)
    assert (["When?"], GOES_ON) == ([body["input"] for body in bodies(effects)], source)
    answer = control.answer(run)
    assert answer is not None
    effects, following = play_all(answer, Outcome(TIDES_AT_PORTO), True, GOES_ON)
    (body,) = bodies(effects)
    assert ([OUTPUT], "resp_1") == (body["input"], body["previous_response_id"])
    assert GOES_ON == following


def test_a_server_that_forgets_is_sent_everything() -> None:
    """At once, and in every round from then on; another refusal leaves."""
    control, _ = control_of(*calling())
    submit = control.submit(FOUND, [], rounds=None, options={})
    effects, source = play_all(submit, REFUSED, GOES_ON)
    named, whole = bodies(effects)
    assert "previous_response_id" not in whole
    assert [*QUESTION, named["input"][0]] == [whole["input"][0], whole["input"][-1]]
    assert (3, GOES_ON, True) == (len(whole["input"]), source, control.stateless)
    control, _ = control_of(*calling())
    other = errors.NotFoundError("no such model", status_code=404)
    submit = control.submit(FOUND, [], rounds=None, options={})
    assert other is play_all(submit, other)[1]


def test_a_locked_conversation_is_waited_for_once() -> None:
    """Then the request is sent again as it was."""
    control, _ = control_of(conversation="conv_1")
    locked = errors.BadRequestError("locked", status_code=400, code="conversation_locked")
    effects, source = play_all(control.begin(), locked, False, GOES_ON)
    assert [Open, Wait, Open] == [type(effect) for effect in effects]
    assert effects[0] == effects[2]
    assert GOES_ON == source
    assert locked is play_all(control.begin(), locked, False, locked)[1]


def test_a_background_response_is_rejoined_after_what_was_read() -> None:
    """Three times at each place; then it is asked for until it has ended."""
    control, _ = control_of(*saying()[:3], background=True)
    for _ in range(2):
        assert GOES_ON == play_all(control.rejoin(Snapshots()), GOES_ON)[1]
    effects, source = play_all(control.rejoin(Snapshots()), GOES_ON)
    (opened,) = effects
    assert isinstance(opened, Open)
    query = {"stream": "true", "starting_after": 2}
    assert ("GET", "/responses/resp_2", query) == (
        opened.method,
        opened.path,
        opened.options["query"],
    )
    assert GOES_ON == source
    ended = {"id": "resp_2", "status": "completed"}
    answers = (1.0, {"status": "queued"}, False, 2.0, ended)
    effects, source = play_all(control.rejoin(Snapshots()), *answers)
    assert [Now, Ask, Wait, Now, Ask] == [type(effect) for effect in effects]
    assert isinstance(source, bytes)
    assert source.startswith(b"event: response.completed\ndata: {")


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFoundError("no", status_code=404),
        errors.NotAnEventStreamError(content_type="text/html", body=b"", url="http://here"),
    ],
)
def test_a_server_that_does_not_stream_it_again_is_asked_how_it_stands(error: Exception) -> None:
    """None if the stream is aborted while it waits."""
    control, _ = control_of(*saying()[:3], background=True)
    _, source = play_all(control.rejoin(Snapshots()), error, 1.0, {"status": "queued"}, True)
    assert source is None


def test_a_response_that_is_not_in_the_background_is_not_asked_for() -> None:
    """Neither to join it, nor to cancel it."""
    control, run = control_of(*saying()[:3])
    assert ([], None) == play_all(control.rejoin(Snapshots()))
    assert ([], False) == play_all(control.cancel(run))


def test_a_cancelled_response_is_not_rejoined_but_asked_for() -> None:
    """It ends soon."""
    control, run = control_of(*saying()[:3], background=True)
    effects, cancelled = play_all(control.cancel(run), {"status": "cancelled"})
    (asked,) = effects
    assert isinstance(asked, Ask)
    assert ("POST", "/responses/resp_2/cancel", True) == (asked.method, asked.path, cancelled)
    effects, source = play_all(
        control.rejoin(Snapshots()), 1.0, {"id": "resp_2", "status": "cancelled"}
    )
    assert [Now, Ask] == [type(effect) for effect in effects]
    assert isinstance(source, bytes)
