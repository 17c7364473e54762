"""Streams of the Chat Completions wire, requested over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import errors, events
from stream_core.tools.tool_set import ToolSet
from tests.support.chat_frames import DONE, USAGE, call, choices, chunk, stop
from tests.support.conversations import TIDES, get_tides, get_wind
from tests.support.frames import Recorder
from tests.support.scripted_server import Answer, ScriptedServer, frames, json_answer, running

if TYPE_CHECKING:
    from stream_core.streams.stream import Stream

QUESTION = {"role": "user", "content": "When is high water?"}

SAYS = frames(
    chunk(role="assistant", content=""),
    chunk(content="At "),
    chunk(content="16:35"),
    stop(),
    choices(usage=USAGE),
    DONE,
)
CALLS = frames(
    chunk(role="assistant", content=None),
    chunk(tool_calls=[call(0, "call_1", name="get_tides", arguments="")]),
    chunk(tool_calls=[call(0, arguments='{"port": "Porto"}')]),
    chunk(tool_calls=[call(1, "call_2", name="get_wind", arguments='{"port": "Porto"}')]),
    stop("tool_calls"),
    choices(usage=USAGE),
    DONE,
)
TIDES_AT_PORTO = "high water at Porto is at 16:35"
WIND_AT_PORTO = "at Porto it blows from the north"


def stream_of(server: ScriptedServer, **params: Any) -> Stream:
    """Return the arguments of a question."""
    params = {"model": "small", "messages": [QUESTION], **params}
    return server.client.chat.completions.stream(**params)


def test_an_answer_is_a_run_with_a_message() -> None:
    """The same handlers serve it; the request has what was given, and asks for the usage."""
    recorder = Recorder()
    with running(SAYS) as server:
        stream = stream_of(server, event_handler=recorder, temperature=0, seed=7)
        run = stream.until_done()
        assert run is not None
        assert "completed" == run.status
        assert (run.usage and run.usage.total_tokens) == 5
        assert ["At 16:35"] == [message.text for message in stream.get_final_messages()]
        expected = {
            "model": "small",
            "messages": [QUESTION],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 7,
        }
        assert [expected] == server.bodies
        (asked,) = server.asked
    assert "POST /chat/completions" == server.calls[0]
    assert "Bearer key" == asked.headers["authorization"]
    assert "openai-beta" not in asked.headers
    assert ["on_done", "on_end"] == recorder.names[-2:]


def test_what_is_given_counts_before_what_is_added() -> None:
    """These are stream options, headers, query, and other keys of the body."""
    with running(SAYS) as server:
        stream_of(
            server,
            stream_options={"include_usage": False},
            extra_headers={"OpenAI-Beta": "more", "X-Own": "1"},
            extra_query={"q": "2"},
            extra_body={"top_k": 3},
        ).until_done()
        (asked,) = server.asked
        assert {"include_usage": False} == asked.body["stream_options"]
        assert 3 == asked.body["top_k"]
        assert {"q": ["2"]} == asked.query
        assert ("more", "1") == (asked.headers["openai-beta"], asked.headers["x-own"])


def test_tools_are_run_and_their_outputs_are_messages() -> None:
    """There are two requests but one run: it ends once, and its usage is the sum."""
    recorder = Recorder()
    with running(CALLS, SAYS) as server:
        stream = stream_of(
            server,
            tools=[ToolSet(get_tides), get_wind],
            tool_choice="required",
            handlers=[recorder],
        )
        run = stream.until_done()
        first, second = server.bodies
    assert run is not None
    assert ("completed", 10) == (run.status, run.usage and run.usage.total_tokens)
    arguments = '{"port": "Porto"}'
    called = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, name in (("call_1", "get_tides"), ("call_2", "get_wind"))
    ]
    assert [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": called},
        {"role": "tool", "tool_call_id": "call_1", "content": TIDES_AT_PORTO},
        {"role": "tool", "tool_call_id": "call_2", "content": WIND_AT_PORTO},
    ] == second["messages"]
    assert ["get_tides", "get_wind"] == [x["function"]["name"] for x in first["tools"]]
    changed = {"messages", "tool_choice"}
    assert {k: first[k] for k in first.keys() - changed} == {
        k: second[k] for k in second.keys() - changed
    }
    assert "tool_choice" not in second
    assert 1 == recorder.names.count("on_done") == recorder.names.count("on_end")
    assert 2 == recorder.names.count("on_tool_output")
    (step, _) = stream.get_final_run_steps()
    assert "completed" == step.status


def test_rounds_add_up() -> None:
    """The third request has the answers and outputs of both rounds before it."""
    with running(CALLS, CALLS, SAYS) as server:
        stream_of(server, tools=ToolSet(get_tides, get_wind)).until_done()
        roles = [[message["role"] for message in body["messages"]] for body in server.bodies]
    answered = ["assistant", "tool", "tool"]
    assert [["user"], ["user", *answered], ["user", *answered, *answered]] == roles


def test_what_came_with_the_calls_goes_back_with_them() -> None:
    """OpenRouter's details are joined, everything else is as it was sent."""
    detail = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    signed = {"google": {"thought_signature": "abc"}}
    fragment = {**call(0, "call_1", name="get_tides", arguments="{}"), "extra_content": signed}
    calls = frames(
        chunk(reasoning="Hm", reasoning_details=[{**detail, "text": "H"}]),
        chunk(reasoning=".", reasoning_details=[{**detail, "text": "m.", "signature": "SIGN"}]),
        chunk(reasoning_opaque="OPAQUE"),
        chunk(tool_calls=[fragment]),
        stop("tool_calls"),
        DONE,
    )
    with running(calls, SAYS) as server:
        stream_of(server, tools=ToolSet(get_tides)).until_done()
        message = server.bodies[1]["messages"][1]
    assert {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "extra_content": signed,
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_tides", "arguments": "{}"},
            }
        ],
        "reasoning": "Hm.",
        "reasoning_details": [{**detail, "text": "Hm.", "signature": "SIGN"}],
        "reasoning_opaque": "OPAQUE",
    } == message


def test_ids_that_are_made_up_are_unique_over_all_rounds() -> None:
    """Also those of the conversation so far, which the caller may have kept."""
    nameless = frames(chunk(tool_calls=[call(0, name="get_tides", arguments="{}")]), stop(), DONE)
    earlier = {"role": "assistant", "tool_calls": [{"id": "call_0"}, {"id": None}, "x"]}
    messages: list[Any] = [QUESTION, earlier, "x"]
    with running(nameless, nameless, SAYS) as server:
        stream_of(server, messages=messages, tools=ToolSet(get_tides)).until_done()
        last = server.bodies[2]["messages"]
    assert ["call_1", "call_2"] == [x["tool_call_id"] for x in last[3:] if x["role"] == "tool"]


def test_each_run_has_the_usage_of_its_own_round() -> None:
    """If the caller answers by hand, every round is a run."""
    with running(CALLS, SAYS) as server:
        first = stream_of(server, tools=[TIDES]).until_done()
        second = stream_of(server).until_done()
    assert [("requires_action", 5), ("completed", 5)] == [
        (run and run.status, run and run.usage and run.usage.total_tokens)
        for run in (first, second)
    ]


def test_a_model_that_always_calls_is_stopped() -> None:
    """After ``max_rounds`` rounds the stream fails."""
    with running(CALLS, CALLS) as server:
        stream = stream_of(server, tools=ToolSet(get_tides, get_wind), max_rounds=1)
        with pytest.raises(errors.ToolLoopError):
            stream.until_done()
        assert 2 == len(server.asked)


def test_definitions_alone_leave_the_calls_to_the_caller() -> None:
    """The stream ends with the run requiring action."""
    with running(CALLS) as server:
        stream = stream_of(server, tools=[TIDES])
        run = stream.until_done()
        assert [TIDES] == server.bodies[0]["tools"]
    assert run is not None
    assert "requires_action" == run.status


def test_a_refused_round_is_the_failure_of_the_stream() -> None:
    """The server's error is raised, and delivered to handlers."""
    recorder = Recorder()
    refusal = json_answer({"error": {"message": "no such tool message"}}, 400)
    with running(CALLS, refusal) as server:
        stream = stream_of(server, tools=ToolSet(get_tides, get_wind), event_handler=recorder)
        with pytest.raises(errors.BadRequestError, match="no such tool message"):
            stream.until_done()
    assert ["on_exception", "on_end"] == recorder.names[-2:]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "ended"])
def test_a_stream_that_breaks_off_is_an_error_with_what_came(*, cut: bool) -> None:
    """Nothing is requested again; the text so far is in the snapshots."""
    broken = frames(chunk(role="assistant"), chunk(content="At "), cut=cut)
    with running(broken) as server:
        stream = stream_of(server)
        expected = errors.TransportError if cut else errors.IncompleteStreamError
        with pytest.raises(expected):
            stream.until_done()
        assert 1 == len(server.asked)
    message = stream.current_message_snapshot
    assert message is not None
    assert ("At ", "in_progress") == (message.text, message.status)


def test_cancelling_closes() -> None:
    """There is nothing on the server to cancel; the stream ends without a failure."""
    recorder = Recorder()
    held = frames(chunk(role="assistant"), chunk(content="At "), held=True)
    with running(held) as server:
        stream = stream_of(server, event_handler=recorder)
        for event in stream:
            if isinstance(event, events.ThreadMessageDelta):
                break
        run = stream.cancel()
        assert 1 == len(server.asked)
    assert (run and run.status, stream.err) == ("in_progress", None)
    assert "on_end" == recorder.names[-1]


@pytest.mark.parametrize(
    ("params", "message"),
    [({"temprature": 1}, "did you mean 'temperature'"), ({"handlers": [object()]}, "handle")],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    params: dict[str, Any], message: str
) -> None:
    """Otherwise nobody would listen to the answer."""
    with running() as server:
        with pytest.raises(TypeError, match=message):
            stream_of(server, **params)
        assert [] == server.asked


def test_an_answer_that_is_no_stream_is_refused() -> None:
    """A server may ignore ``stream``."""
    with (
        running(Answer(b"{}", content_type="application/json")) as server,
        pytest.raises(errors.NotAnEventStreamError),
    ):
        stream_of(server)
