"""Tools in the form of the Responses wire."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.client.assistants_over_responses.tool_params import (
    Resources,
    convert_choice,
    convert_tools,
    has_tool,
    read_resources,
)
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import TIDES, get_tides

#: The form of :data:`TIDES` on this wire.
FUNCTION: Any = TIDES["function"]
FLAT = {"type": "function", "strict": False, **FUNCTION}

STORES, FILES = ["vs_1", "vs_2"], ["file_1"]
ALL = Resources(STORES, FILES)


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (TIDES, FLAT),
        (
            {"type": "function", "function": {"name": "f", "strict": True}},
            {"type": "function", "name": "f", "strict": True},
        ),
        ({"type": "function", "name": "flat"}, {"type": "function", "name": "flat"}),
        ({"type": "file_search"}, {"type": "file_search", "vector_store_ids": STORES}),
        (
            {"type": "file_search", "file_search": {"max_num_results": 3}},
            {"type": "file_search", "vector_store_ids": STORES, "max_num_results": 3},
        ),
        (
            {"type": "file_search", "vector_store_ids": ["own"]},
            {"type": "file_search", "vector_store_ids": ["own"]},
        ),
        (
            {"type": "code_interpreter"},
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": FILES}},
        ),
        (
            {"type": "code_interpreter", "container": "cntr_1"},
            {"type": "code_interpreter", "container": "cntr_1"},
        ),
        ({"type": "web_search"}, {"type": "web_search"}),
        (models.FileSearchTool(), {"type": "file_search", "vector_store_ids": STORES}),
        (get_tides, get_tides),
        ((TIDES, get_tides), (TIDES, get_tides)),
    ],
)
def test_a_tool_is_spelt_as_on_the_wire(tool: Any, expected: Any) -> None:
    """It has its resources; functions, and tools that already have this form, stay as they are."""
    assert [expected] == convert_tools([tool], ALL)


def test_a_set_of_tools_and_a_function_alone_stay() -> None:
    """Streams send their definitions."""
    tools = ToolSet(get_tides)
    assert tools is convert_tools(tools, ALL)
    assert get_tides is convert_tools(get_tides, ALL)


def test_a_container_without_files_names_none() -> None:
    """It begins empty."""
    (tool,) = convert_tools([{"type": "code_interpreter"}], Resources())
    assert {"type": "code_interpreter", "container": {"type": "auto"}} == tool


def test_a_search_without_a_store_is_refused() -> None:
    """The error says where to name stores."""
    with pytest.raises(ValueError, match=r"tool_resources=.'file_search'.*vector_store_ids"):
        convert_tools([{"type": "file_search"}], Resources())


def test_resources_of_several_are_one() -> None:
    """They come from assistant, thread and run, as payloads or dicts; duplicates are dropped."""
    search = models.ToolResources(file_search=models.FileSearchResources(["vs_1"]))
    code = {"code_interpreter": {"file_ids": ["file_1"]}}
    both = {"file_search": {"vector_store_ids": ["vs_1", "vs_2"]}, "code_interpreter": None}
    assert ALL == read_resources(search, None, code, both, code)


def test_a_store_is_not_made_by_the_way() -> None:
    """The error says how to make one."""
    with pytest.raises(ValueError, match=r"client.request.*vector_store_ids"):
        read_resources({"file_search": {"vector_stores": [{"file_ids": FILES}]}})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", "required"),
        ({"type": "file_search"}, {"type": "file_search"}),
        (
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "name": "f"},
        ),
        (
            models.ToolChoice("function", models.FunctionName("f")),
            {"type": "function", "name": "f"},
        ),
    ],
)
def test_a_choice_is_not_nested(choice: Any, expected: Any) -> None:
    """A string stays a string."""
    assert expected == convert_choice(choice)


def test_a_tool_is_found_by_its_type() -> None:
    """Functions have no such type."""
    assert has_tool([get_tides, {"type": "code_interpreter"}], "code_interpreter")
    assert not has_tool([get_tides, {"type": "web_search"}], "code_interpreter")
