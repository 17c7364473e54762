"""The fields of a run that a response states, under the names of the Assistants wire."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.dialects.responses import objects as wire
from stream_core.dialects.responses.run_fields import (
    assistant_id,
    conversation_id,
    last_error,
    run_fields,
    usage,
)


def response(**fields: Any) -> wire.Response:
    """Read a response with FIELDS."""
    return wire.read(wire.Response, fields, "$.response")


def test_what_is_left_out_is_not_returned() -> None:
    """The values known before then stay."""
    assert {} == run_fields(response())


def test_plain_fields_have_their_names() -> None:
    """The response's date is that of the run and of its start."""
    assert {
        "created_at": 5.5,
        "started_at": 5.5,
        "completed_at": 7,
        "model": "m",
        "instructions": "Be brief.",
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 1,
        "max_completion_tokens": 9,
        "parallel_tool_calls": False,
        "truncation_strategy": models.TruncationStrategy("disabled"),
        "reasoning_effort": "low",
    } == run_fields(
        response(
            created_at=5.5,
            completed_at=7,
            model="m",
            instructions="Be brief.",
            metadata={"a": "b"},
            temperature=0.5,
            top_p=1,
            max_output_tokens=9,
            parallel_tool_calls=False,
            truncation="disabled",
            reasoning={"effort": "low"},
        )
    )


def test_what_has_another_shape_is_left_out() -> None:
    """Instructions may be items; no value here ends a stream."""
    odd = response(
        instructions=[{}], tools="all", truncation={}, reasoning={"effort": 5}, tool_choice=[]
    )
    assert {} == run_fields(odd)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (
            {"type": "function", "name": "f", "parameters": {}, "strict": True},
            models.FunctionTool("function", models.FunctionDefinition("f", None, {}, strict=True)),
        ),
        (
            {"type": "file_search", "max_num_results": 3, "vector_store_ids": ["vs"]},
            models.FileSearchTool(
                "file_search",
                models.FileSearchOptions(3, extra={"vector_store_ids": ["vs"]}),
            ),
        ),
        (
            {"type": "code_interpreter", "container": {"type": "auto"}},
            models.CodeInterpreterTool(extra={"container": {"type": "auto"}}),
        ),
        (
            {"type": "mcp", "server_label": "s", "allowed_tools": ["a"]},
            models.MCPTool("mcp", "s", "", ["a"]),
        ),
        ({"type": "web_search"}, models.UnknownTool("web_search", {"type": "web_search"})),
        (
            {"type": "mcp", "allowed_tools": {"tool_names": ["a"]}},
            models.UnknownTool("mcp", {"type": "mcp", "allowed_tools": {"tool_names": ["a"]}}),
        ),
        ({"type": 5}, models.UnknownTool(None, {"type": 5})),
    ],
)
def test_a_tool_is_nested_as_runs_have_it(sent: Any, expected: models.Tool) -> None:
    """A tool that fits no class is kept whole."""
    assert {"tools": [expected]} == run_fields(response(tools=[sent, "not a tool"]))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("auto", "auto"),
        (
            {"type": "function", "name": "f"},
            models.ToolChoice("function", models.FunctionName("f")),
        ),
        ({"type": "file_search"}, models.ToolChoice("file_search")),
        (
            {"type": "mcp", "server_label": "s"},
            models.ToolChoice("mcp", extra={"server_label": "s"}),
        ),
        ({"type": 5}, models.ToolChoice("")),
    ],
)
def test_a_tool_choice_is_nested_as_runs_have_it(sent: Any, expected: object) -> None:
    """A string stays a string."""
    assert {"tool_choice": expected} == run_fields(response(tool_choice=sent))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"type": "text"}, "auto"),
        ({"type": "json_object"}, models.ResponseFormat("json_object")),
        (
            {"type": "json_schema", "name": "n", "schema": {"a": 1}},
            models.ResponseFormat("json_schema", {"name": "n", "schema": {"a": 1}}),
        ),
    ],
)
def test_a_format_is_nested_as_runs_have_it(sent: Any, expected: object) -> None:
    """Plain text is ``auto``."""
    assert {"response_format": expected} == run_fields(response(text={"format": sent}))


def test_a_format_may_be_missing() -> None:
    """The text options may have only a verbosity."""
    assert {} == run_fields(response(text={"verbosity": "low"}))


@pytest.mark.parametrize(("value", "expected"), [("c", "c"), (None, ""), ({}, ""), (5, "")])
def test_conversation_and_agent_are_texts_or_objects(value: object, expected: str) -> None:
    """Any other value counts as missing; an agent's name is what Azure calls an assistant."""
    assert expected == conversation_id(response(conversation=value))
    assert expected == assistant_id(response(agent_reference=value))
    for name, found in (("c", "c"), (5, "")):
        assert found == conversation_id(response(conversation={"id": name}))
        assert found == assistant_id(response(agent_reference={"name": name}))


def test_an_error_has_code_and_message() -> None:
    """The code is the error's own, else its type, else that of a server failure."""
    assert models.LastError("c", "m") == last_error({"code": "c", "type": "t", "message": "m"})
    assert models.LastError("t", "m") == last_error({"type": "t", "message": "m"})
    assert models.LastError("server_error", "m") == last_error("m")
    assert models.LastError("5", "") == last_error({"code": 5})
    assert last_error(None) is None


def test_usage_has_the_names_of_runs() -> None:
    """The details are as sent."""
    assert usage(None) is None
    sent = {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    assert models.Usage(3, 2, 5, {"cached_tokens": 1}, None, {"reasoning_tokens": 0}) == usage(sent)


@pytest.mark.parametrize("sent", [{}, None, [], {"cost": 1}, {"input_tokens": "many"}])
def test_usage_that_states_no_number_is_unknown(sent: object) -> None:
    """Some servers send an empty object."""
    assert usage(sent) is None


def test_usage_without_a_total_has_the_sum() -> None:
    """A count that is missing is 0."""
    assert models.Usage(3, 0, 3) == usage({"input_tokens": 3})
