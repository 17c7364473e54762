"""Streams of the Responses wire, requested over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import errors
from stream_core.tools.tool_set import ToolSet
from tests.run_control.test_responses import calling, saying, stream_of, texts
from tests.support.conversations import get_tides
from tests.support.frames import Recorder
from tests.support.scripted_server import frames, json_answer, running


def test_a_response_is_a_run_with_a_message() -> None:
    """The same handlers serve it; the request has what was given."""
    recorder = Recorder()
    with running(frames(*saying())) as server:
        stream = stream_of(
            server,
            event_handler=recorder,
            instructions="Be brief.",
            include=["file_search_call.results"],
            reasoning={"effort": "low"},
            conversation=None,
        )
        run = stream.until_done()
        assert run is not None
        assert ("resp_2", "completed") == (run.id, run.status)
        assert ["At 16:35"] == texts(stream)
        expected = {
            "model": "small",
            "input": "When?",
            "stream": True,
            "instructions": "Be brief.",
            "include": ["file_search_call.results"],
            "reasoning": {"effort": "low"},
            "conversation": None,
        }
        assert [expected] == server.bodies
        (asked,) = server.asked
    assert ["POST /responses"] == server.calls
    assert ({}, "Bearer key") == (asked.query, asked.headers["authorization"])
    assert "openai-beta" not in asked.headers
    assert ["on_done", "on_end"] == recorder.names[-2:]


def test_tools_are_sent_as_this_wire_has_them() -> None:
    """Functions are flat, and not strict unless they say so; other tools stay as they are."""
    strict = {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}
    flat = {"type": "function", "name": "g", "parameters": {}}
    search = {"type": "web_search"}
    with running(frames(*saying())) as server:
        stream_of(server, tools=[get_tides, strict, flat, search]).until_done()
        first, second, third, fourth = server.bodies[0]["tools"]
    assert [{"type": "function", "name": "f", "parameters": {}, "strict": True}, flat, search] == [
        first,
        second,
        third,
    ]
    assert ("function", "get_tides", False) == (fourth["type"], fourth["name"], fourth["strict"])
    assert ["port"] == list(fourth["parameters"]["properties"])
    assert "Tell when the water is high." == fourth["description"]


@pytest.mark.parametrize(
    ("params", "message"),
    [({"instruction": "?"}, "did you mean 'instructions'"), ({"handlers": [object()]}, "handle")],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    params: dict[str, Any], message: str
) -> None:
    """Otherwise nobody would listen to the response."""
    with running() as server:
        with pytest.raises(TypeError, match=message):
            stream_of(server, **params)
        assert [] == server.asked


def test_a_refused_request_is_raised() -> None:
    """The class of the error depends on the status."""
    with running(json_answer({"error": {"message": "no such model"}}, 404)) as server:
        with pytest.raises(errors.NotFoundError, match="no such model"):
            stream_of(server)
        assert 1 == len(server.asked)


def test_a_stream_knows_its_last_response() -> None:
    """The next turn can follow that response; the run keeps the id of the first."""
    with running(frames(*calling()), frames(*saying())) as server:
        stream = stream_of(server, tools=ToolSet(get_tides))
        known = [stream.response_id]
        run = stream.get_final_run()
        known.append(stream.response_id)
    assert ("resp_1", [None, "resp_2"]) == (run.id, known)
