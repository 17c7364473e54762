"""Request bodies: which are accepted, and how others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.testing.checks import (
    check_fields,
    check_outputs,
    expect,
    message_body,
    parse_body,
    require,
)
from stream_core.testing.store import ApiError

FUNCTIONS = [{"id": "call_1", "type": "function"}, {"id": "call_2", "type": "function"}]
CODE = {"type": "code_interpreter"}
MCP = [{"id": "call_1", "type": "mcp"}]


def refused(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, str | None, str | None]:
    """Return what a client reads of a refusal."""
    return error.value.status, error.value.param, error.value.code


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": [-Infinity]}',
        b'{"a": [{"b": 1e999}]}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a":' * 101 + b"{}" + b"}" * 101,
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    """The answer is a 400, whatever the bytes are."""
    with pytest.raises(ApiError) as caught:
        parse_body(body)
    assert (400, None, None) == refused(caught)


def test_a_hundred_levels_are_not_too_deep() -> None:
    """Nesting has a limit of its own, far below that of Python."""
    body = b'{"a":' * 99 + b"[1, 2.5, null]" + b"}" * 99
    assert {"a"} == parse_body(body).keys()
    assert {} == parse_body(b" \r\n") == parse_body(b"{}")


def test_true_is_not_a_number() -> None:
    """Nor is a number true; an integer is a number."""
    assert [1, 2, True] == [
        expect({"a": 1}, "a", int),
        expect({"a": 2}, "a", float),
        expect({"a": True}, "a", bool),
    ]
    for value, kind in ((True, int), (False, float), (1, bool), (1.5, int)):
        with pytest.raises(ApiError):
            expect({"a": value}, "a", kind)


def test_null_leaves_what_cannot_be_empty() -> None:
    """A name can be taken away, the tools cannot."""
    body = {"name": None, "tools": None, "model": None, "metadata": None}
    assert {"name": None} == check_fields(body, "assistant")


FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [FUNCTION, {"type": 5}]}, "tools[1].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "description": 5}}]},
            "tools[0].function.description",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": ["a"]}, "metadata"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"instructions": ["x"]}, "instructions"),
        ({"additional_instructions": 5}, "additional_instructions"),
        ({"response_format": []}, "response_format"),
        ({"truncation_strategy": "auto"}, "truncation_strategy"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(body: dict[str, Any], param: str) -> None:
    """Down to the field of one tool."""
    with pytest.raises(ApiError) as caught:
        check_fields(body, "new run")
    assert (400, param) == refused(caught)[:2]


def test_right_fields_are_let_through() -> None:
    """All that the API's own description has."""
    body = {
        "tools": [CODE, FUNCTION],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "metadata": {"a": "b"},
        "temperature": 1,
        "top_p": 0.5,
        "response_format": {"type": "json_object"},
        "max_completion_tokens": 5,
        "parallel_tool_calls": False,
    }
    assert body == check_fields(body, "new run")
    check_fields({"tool_choice": {"type": "code_interpreter"}}, "new run")


def test_parameters_have_types() -> None:
    """Null counts as missing; another type is refused by name, in a list too."""
    assert expect({"a": None}, "a", str) is None
    assert "x" == expect({"a": "x"}, "a", str)
    assert [{}] == expect({"a": [{}]}, "a", list, items=dict)
    for body, items in (({"a": "x"}, None), ({"a": ["x"]}, dict)):
        with pytest.raises(ApiError) as caught:
            expect(body, "a", list, items=items)
        assert (400, "a", "invalid_type") == refused(caught)


def test_a_missing_parameter_is_named() -> None:
    """The code says that it is missing."""
    with pytest.raises(ApiError, match="Missing required parameter: 'a'") as caught:
        require({}, "a", str)
    assert (400, "a", "missing_required_parameter") == refused(caught)


def test_only_the_fields_of_a_kind_are_given() -> None:
    """Fields that may be changed are accepted, others are left alone."""
    body = {"metadata": {"a": "b"}, "id": "x", "tools": [CODE]}
    assert {"metadata": {"a": "b"}} == check_fields(body, "thread")
    assert {"metadata": {"a": "b"}, "tools": [CODE]} == check_fields(body, "assistant")
    with pytest.raises(ApiError) as caught:
        check_fields({"tools": ["x"]}, "assistant")
    assert (400, "tools", "invalid_type") == refused(caught)


def test_a_message_may_be_a_text_or_parts() -> None:
    """Text is kept as on the wire, images as they came."""
    text = {"type": "text", "text": {"value": "hi", "annotations": []}}
    image = {"type": "image_url", "image_url": {"url": "http://x"}}
    assert [text] == message_body({"role": "user", "content": "hi"})["content"]
    parts = [{"type": "text", "text": "hi"}, image]
    message = message_body({"role": "assistant", "content": parts, "metadata": {"a": "b"}})
    assert ([text, image], "assistant", {"a": "b"}, None) == tuple(
        message[key] for key in ("content", "role", "metadata", "attachments")
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"content": "x"}, "role"),
        ({"role": "system", "content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": 5}, "content"),
        ({"role": "user", "content": ["x"]}, "content"),
        ({"role": "user", "content": [{}]}, "type"),
        ({"role": "user", "content": [{"type": "text"}]}, "text"),
        ({"role": "user", "content": [{"type": "image_file"}]}, "image_file"),
    ],
)
def test_a_message_that_cannot_be_is_refused(body: dict[str, Any], param: str) -> None:
    """The 400 names the parameter at fault."""
    with pytest.raises(ApiError) as caught:
        message_body(body)
    assert (400, param) == refused(caught)[:2]


def test_each_waiting_call_gets_one_output() -> None:
    """In any order; a missing output is an empty one."""
    body = {"tool_outputs": [{"tool_call_id": "call_2", "output": "b"}, {"tool_call_id": "call_1"}]}
    assert {"call_1": "", "call_2": "b"} == check_outputs(body, FUNCTIONS)


def test_an_mcp_call_gets_an_approval() -> None:
    """Azure's approvals are true or false."""
    body = {"tool_approvals": [{"tool_call_id": "call_1", "approve": False, "headers": {}}]}
    assert {"call_1": False} == check_outputs(body, MCP)


@pytest.mark.parametrize(
    ("body", "pending", "param"),
    [
        ({}, FUNCTIONS, "tool_outputs"),
        ({"tool_outputs": []}, FUNCTIONS, "tool_outputs"),
        ({"tool_outputs": [{"tool_call_id": "call_1"}] * 2}, FUNCTIONS, "tool_outputs"),
        ({"tool_outputs": [{"tool_call_id": "call_3"}]}, FUNCTIONS[:1], "tool_outputs"),
        ({"tool_outputs": ["x"]}, FUNCTIONS, "tool_outputs"),
        ({"tool_outputs": [{}]}, FUNCTIONS, "tool_call_id"),
        ({"tool_outputs": [{"tool_call_id": "call_1"}]}, MCP, "tool_approvals"),
        ({"tool_approvals": [{"tool_call_id": "call_1"}]}, MCP, "approve"),
        ({"tool_approvals": [{"tool_call_id": "call_1", "approve": "y"}]}, MCP, "approve"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(
    body: dict[str, Any], pending: list[dict[str, Any]], param: str
) -> None:
    """They are too few, too many, for another call, or of the wrong kind."""
    with pytest.raises(ApiError) as caught:
        check_outputs(body, pending)
    assert (400, param) == refused(caught)[:2]


def test_the_refusal_of_outputs_says_what_was_expected() -> None:
    """Both lists of ids are in the sentence."""
    with pytest.raises(ApiError) as caught:
        check_outputs({"tool_outputs": [{"tool_call_id": "call_9"}]}, FUNCTIONS)
    assert (
        "Expected tool_outputs for call_ids ['call_1', 'call_2'], got ['call_9']"
        == caught.value.message
    )
