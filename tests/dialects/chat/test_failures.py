"""Errors, in whatever dress they come."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.dialects.chat.failures import (
    failure_in,
    failure_in_lines,
    failure_of,
    is_failure,
    make_error,
)
from stream_core.sse import IgnoredLine

DOWN = {"message": "It is down.", "code": "502"}
ERROR = models.Error("It is down.", "502")


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [], "error": DOWN},
        {"choices": [], "error": "It is down.", "code": "502"},
        {"choices": [], "error": [DOWN]},
        {"choices": [], "x_groq": {"id": "x", "error": DOWN}},
        {"choices": None, "base_resp": {"status_code": 502, "status_msg": "It is down."}},
    ],
)
def test_a_chunk_may_have_an_error(chunk: dict[str, Any]) -> None:
    """It is beside the choices."""
    found = make_error(failure_in(chunk))
    assert ("It is down.", "502") == (found.message, found.code)


@pytest.mark.parametrize("nothing", [None, "", {}, [], False, 0])
def test_an_empty_error_in_a_good_chunk_is_not_an_error(nothing: Any) -> None:
    """Servers have it in every chunk; a status of success is not one either."""
    groq, base = {"error": nothing}, {"status_code": 0, "status_msg": "success"}
    chunk = {"choices": [], "error": nothing, "x_groq": groq, "base_resp": base}
    assert failure_in(chunk) is None
    assert failure_in({"x_groq": "x", "base_resp": "x"}) is None


@pytest.mark.parametrize(
    "value",
    [
        {"error": DOWN},
        {"error": {"message": "It is down."}, "code": "502"},
        {"error": "It is down.", "code": "502"},
        {"error": "It is down.", "status": 502},
        {"object": "error", **DOWN},
        {"type": "error", **DOWN},
        {"type": "error", "error": DOWN},
        {"type": "error", "error": {}, **DOWN},
        {"errors": [DOWN]},
        {"errors": DOWN},
        {"request_id": "x", **DOWN},
        {"error_code": 502, "error_msg": "It is down."},
        {"errorCode": 502, "errorMessage": "It is down."},
        {"error": 502, "message": "It is down."},
        {"error": True, "message": "It is down.", "status": 502},
        {"status": 502, "message": "It is down."},
        {"Exception": [DOWN]},
        {"fault": {"faultstring": "It is down.", "Code": 502}},
        {"success": False, **DOWN},
        {"ok": False, **DOWN},
        {"type": "server_error", **DOWN},
        {"status": "failed", **DOWN},
    ],
)
def test_a_frame_that_is_not_a_chunk_may_be_an_error(value: dict[str, Any]) -> None:
    """Message and code are read wherever they are."""
    found = make_error(failure_of(value))
    assert ("It is down.", "502") == (found.message, found.code)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": "ping", "error": None},
        {"type": "ping", "error": ""},
        {"error": None},
        {"errors": []},
        {"code": 0, "message": "ok"},
        {"code": 200, "message": "ok"},
        {"code": "Success", "message": "ok"},
        {"code": False, "message": "ok"},
        {"code": [1], "message": "ok"},
        {"message": "hello"},
        {"code": 5},
        {"status": 200, "message": "ok"},
        {"status": "processing", "message": "hello"},
        {"success": True, "message": "ok"},
        {"error_msg": "", "error_code": 0},
        {"detail": "hello", "id": "x"},
        {"exception": None},
    ],
)
def test_what_does_not_say_that_it_is_an_error_is_not(value: dict[str, Any]) -> None:
    """Heartbeats may have a code of success."""
    assert failure_of(value) is None


@pytest.mark.parametrize("nothing", ["", {}, [], False])
def test_a_frame_that_has_nothing_but_an_error_is_one(nothing: Any) -> None:
    """It says nothing about it."""
    value = {"error": nothing}
    assert value is failure_of(value)
    assert models.Error() == make_error(value)


def test_a_detail_alone_is_an_error() -> None:
    """FastAPI sends nothing else."""
    assert "It is down." == make_error(failure_of({"detail": "It is down."})).message


def test_an_error_says_something_however_deep_it_is() -> None:
    """Codes and messages of success do not; what is nested too deeply may."""
    assert not is_failure({"message": "", "inner": [{"code": 0, "message": "OK"}, None]})
    assert is_failure({"message": "", "inner": [{"code": 5}]})
    deep: Any = {}
    for _ in range(1000):
        deep = [deep]
    assert is_failure(deep)


def lines(*texts: str) -> list[IgnoredLine]:
    """Return TEXTS as lines that the standard ignores."""
    return [IgnoredLine(0, text) for text in texts]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('error: {"message":"It is down.","code":502}', ERROR),
        ('error:{"error":{"message":"It is down.","code":502}}', ERROR),
        ("error: It is down.", models.Error("It is down.")),
        ('error: "It is down."', models.Error("It is down.")),
        ('error: {"message":"It is', models.Error('{"message":"It is')),
        ('{"error":{"message":"It is down.","code":502}}', ERROR),
        (' [5, {"error":{"message":"It is down.","code":502}}]', ERROR),
        ('Error : {"message":"It is down.","code":502}', ERROR),
    ],
)
def test_a_line_that_is_not_an_event_may_be_an_error(line: str, error: models.Error) -> None:
    """Older servers of llama.cpp send a field called error; others forget ``data:``."""
    assert error == make_error(failure_in_lines(lines("foo: 1", line)))


@pytest.mark.parametrize(
    "line", ["error", "error:", "error: {}", "error: null", "errors: x", "{", '{"id": 1}', "<html>"]
)
def test_other_lines_are_not_errors(line: str) -> None:
    """What looks like a payload is refused elsewhere."""
    assert failure_in_lines(lines(line)) is None


def test_an_error_that_is_a_text_or_something_else_is_its_message() -> None:
    """Nothing of it is lost."""
    assert models.Error("x") == make_error("x")
    assert models.Error("true") == make_error({"error": True})
    assert models.Error("x", type="server_error") == make_error(
        {"error": {"message": "x"}, "type": "server_error"}
    )
    assert models.Error("x", "7", extra={"status": 7}) == make_error(
        {"error": {"message": "x", "status": 7}}
    )
