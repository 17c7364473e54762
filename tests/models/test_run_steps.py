"""Run steps: their details, their tool calls, and their deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from attrs import fields
from openai.types.beta.threads import runs
from openai.types.beta.threads.runs import (
    code_interpreter_output_image,
    code_interpreter_tool_call,
    code_interpreter_tool_call_delta,
    file_search_tool_call,
    function_tool_call,
    function_tool_call_delta,
    message_creation_step_details,
    run_step_delta_message_delta,
)

from stream_core.models import Function, run_steps, tools

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (runs.RunStep, run_steps.RunStep),
        (runs.RunStepDelta, run_steps.RunStepDelta),
        (runs.RunStepDeltaEvent, run_steps.RunStepDeltaEvent),
        (runs.RunStepDeltaMessageDelta, run_steps.RunStepDeltaMessageDelta),
        (run_step_delta_message_delta.MessageCreation, run_steps.MessageCreation),
        (runs.MessageCreationStepDetails, run_steps.MessageCreationStepDetails),
        (message_creation_step_details.MessageCreation, run_steps.MessageCreation),
        (runs.ToolCallsStepDetails, run_steps.ToolCallsStepDetails),
        (runs.ToolCallDeltaObject, run_steps.ToolCallDeltaObject),
        (runs.CodeInterpreterToolCall, run_steps.CodeInterpreterToolCall),
        (runs.CodeInterpreterToolCallDelta, run_steps.CodeInterpreterToolCallDelta),
        (code_interpreter_tool_call.CodeInterpreter, run_steps.CodeInterpreter),
        (code_interpreter_tool_call_delta.CodeInterpreter, run_steps.CodeInterpreterDelta),
        (
            code_interpreter_tool_call.CodeInterpreterOutputLogs,
            run_steps.CodeInterpreterOutputLogs,
        ),
        (runs.CodeInterpreterLogs, run_steps.CodeInterpreterOutputLogs),
        (runs.CodeInterpreterOutputImage, run_steps.CodeInterpreterOutputImage),
        (code_interpreter_output_image.Image, run_steps.CodeInterpreterImage),
        (runs.FileSearchToolCall, run_steps.FileSearchToolCall),
        (runs.FileSearchToolCallDelta, run_steps.FileSearchToolCallDelta),
        (file_search_tool_call.FileSearch, run_steps.FileSearch),
        (file_search_tool_call.FileSearchRankingOptions, tools.FileSearchRankingOptions),
        (file_search_tool_call.FileSearchResult, run_steps.FileSearchResult),
        (file_search_tool_call.FileSearchResultContent, run_steps.FileSearchResultContent),
        (runs.FunctionToolCall, run_steps.FunctionToolCall),
        (runs.FunctionToolCallDelta, run_steps.FunctionToolCallDelta),
        (function_tool_call.Function, Function),
        (function_tool_call_delta.Function, run_steps.FunctionDelta),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


def test_calls_and_details_know_their_type() -> None:
    """Calls, deltas, outputs and details made by hand have the tags of the wire."""
    tags = ["code_interpreter", "file_search", "function", "mcp", None]
    assert tags == [cls().type for cls in get_args(run_steps.ToolCall)]
    assert tags == [cls().type for cls in get_args(run_steps.ToolCallDelta)]
    assert ["logs", "image", None] == [
        cls().type for cls in get_args(run_steps.CodeInterpreterOutput)
    ]
    assert ["message_creation", "tool_calls", "activities", None] == [
        cls().type for cls in get_args(run_steps.StepDetails)
    ]
    assert ["tool_calls", "message_creation", None] == [
        cls().type for cls in get_args(run_steps.StepDetailsDelta)
    ]


def test_a_step_has_both_ends_of_its_time() -> None:
    """Servers send ``expires_at``, the reference has ``expired_at``: both are fields."""
    step = run_steps.RunStep(expires_at=5, expired_at=6.5)
    assert (5, 6.5) == (step.expires_at, step.expired_at)


def test_a_step_s_assistant_has_azure_ai_agents_name_too() -> None:
    """The name is there for code written for it."""
    assert "asst_1" == run_steps.RunStep(assistant_id="asst_1").agent_id
