"""Tools as configured, and their resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from attrs import fields
from openai.types.beta import (
    assistant,
    assistant_tool_choice,
    assistant_tool_choice_function,
    code_interpreter_tool,
    file_search_tool,
    function_tool,
    thread,
)
from openai.types.beta.threads import run
from openai.types.shared import function_definition, response_format_json_schema

from stream_core.models import tools

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (code_interpreter_tool.CodeInterpreterTool, tools.CodeInterpreterTool),
        (file_search_tool.FileSearchTool, tools.FileSearchTool),
        (file_search_tool.FileSearch, tools.FileSearchOptions),
        (file_search_tool.FileSearchRankingOptions, tools.FileSearchRankingOptions),
        (function_tool.FunctionTool, tools.FunctionTool),
        (function_definition.FunctionDefinition, tools.FunctionDefinition),
        (assistant_tool_choice.AssistantToolChoice, tools.ToolChoice),
        (assistant_tool_choice_function.AssistantToolChoiceFunction, tools.FunctionName),
        (response_format_json_schema.ResponseFormatJSONSchema, tools.ResponseFormat),
        (run.TruncationStrategy, tools.TruncationStrategy),
        (assistant.ToolResources, tools.ToolResources),
        (thread.ToolResources, tools.ToolResources),
        (assistant.ToolResourcesCodeInterpreter, tools.CodeInterpreterResources),
        (assistant.ToolResourcesFileSearch, tools.FileSearchResources),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


def test_a_tool_knows_its_type() -> None:
    """A tool made by hand has the tag that the API requires; an unknown one has none."""
    assert ["code_interpreter", "file_search", "function", "mcp", None] == [
        cls().type for cls in get_args(tools.Tool)
    ]
