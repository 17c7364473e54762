"""One limit for nested JSON holds wherever JSON comes in: frames, errors, arguments, answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import models
from stream_core.convert.json_text import MAX_NESTING
from stream_core.errors import DecodeError, ServerError
from stream_core.http.response_head import status_error
from stream_core.tools import ToolArgumentsError, ToolSet
from tests.support import chat_frames, responses_frames
from tests.support.frames import DONE, Frame, decode, run, sse
from tests.support.scripted_server import Answer, running

if TYPE_CHECKING:
    from collections.abc import Callable

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: As deep as allowed, a level more, and far more.
DEPTHS = (MAX_NESTING, MAX_NESTING + 1, 985, 990, 100_000)

#: Maps a dialect to a function from a value, which is one level deep, to a stream with it.
STREAMS: dict[str, Callable[[str], bytes]] = {
    "assistants": lambda value: _filled([run("created", new="?"), run("completed"), DONE], value),
    "responses": lambda value: _filled(
        [responses_frames.response("created"), responses_frames.event("in_progress", x="?")], value
    ),
    "chat": lambda value: _filled(
        [chat_frames.choices(new="?"), chat_frames.chunk(content="a"), chat_frames.stop()], value
    ),
}

#: Maps a dialect to a function from a value to a frame that says that the server failed.
ERRORS: dict[str, Callable[[str], bytes]] = {
    "assistants": lambda value: _filled([("error", {"error": {"message": "?"}})], value),
    "responses": lambda value: _filled([responses_frames.event("error", message="?")], value),
    "chat": lambda value: _filled([("", {"error": {"message": "?"}})], value),
}


def _filled(frames: list[Frame], value: str) -> bytes:
    """Write FRAMES with VALUE, which is JSON, for the one text that is a question mark."""
    return sse(*frames).replace(b'"?"', value.encode())


def nested(depth: int) -> str:
    """Return an array that is DEPTH deep."""
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_frame_that_is_nested_too_deeply_is_a_decode_error(dialect: str, depth: int) -> None:
    """It says so, and where the frame begins; at the limit the stream is read."""
    data = STREAMS[dialect](nested(depth - 1))  # the frame's own object is a level, too
    out = decode(data, dialect=dialect)
    if depth <= MAX_NESTING:
        assert not isinstance(out.error, DecodeError)
        assert nested(depth - 1) in repr(out.texts)
        return
    assert isinstance(out.error, DecodeError)
    assert f"nested deeper than {MAX_NESTING} levels" in out.error.message
    assert data.index(b"[" * 100) > (out.error.offset or 0) >= 0


@pytest.mark.parametrize("dialect", ERRORS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_an_error_that_is_nested_too_deeply_is_one_of_the_library(dialect: str, depth: int) -> None:
    """It is the server's error or a frame that cannot be read, never a RecursionError."""
    out = decode(ERRORS[dialect](nested(depth - 2)), dialect=dialect)
    assert isinstance(out.error, ServerError | DecodeError)
    assert isinstance(out.error, ServerError) or depth > MAX_NESTING
    assert str(out.error)


@pytest.mark.parametrize("depth", DEPTHS)
def test_arguments_that_are_nested_too_deeply_are_told_to_the_model(depth: int) -> None:
    """A function gets what is nested as deep as allowed; a level more is the model's mistake."""

    def keep(value: Any) -> str:
        """Keep a value."""
        return json.dumps(value)

    text = f'{{"value": {nested(depth - 1)}}}'
    call = models.RequiredActionFunctionToolCall(
        "call_1", "function", models.Function("keep", text)
    )
    if depth <= MAX_NESTING:
        assert nested(depth - 1) == ToolSet(keep).run(call)
        return
    with pytest.raises(ToolArgumentsError, match=f"nested deeper than {MAX_NESTING} levels"):
        ToolSet(keep).run(call)


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_answer_that_is_nested_too_deeply_is_a_decode_error(depth: int) -> None:
    """At the limit it is read; in the body of an error it is quoted as text."""
    body = nested(depth)
    with running(Answer(body.encode(), content_type="application/json")) as server:
        if depth <= MAX_NESTING:
            assert json.loads(body) == server.client.request("GET", "/x")
        else:
            with pytest.raises(DecodeError, match="nested deeper"):
                server.client.request("GET", "/x")
    error = status_error(400, "Bad Request", {}, body.encode(), url="u")
    assert (json.loads(body) if depth <= MAX_NESTING else body) == error.body
    assert str(error)
