"""Arguments of calls that send nothing, and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import models
from stream_core.api import assistants_params as params
from stream_core.api.options import CallOptions
from stream_core.client.assistants_over_responses.local_calls import make_page, read_arguments

if TYPE_CHECKING:
    from stream_core.api.pages import Page

OBJECTS = {f"id_{number}": number for number in range(1, 6)}


def page(**given: Any) -> list[int]:
    """Return the objects on the page."""
    return list(make_page(OBJECTS, params.ListParams, given))


def test_arguments_are_json() -> None:
    """Payloads become dicts; options of requests are left out."""
    given = {"tools": [models.CodeInterpreterTool()], "timeout": 1, "extra_headers": {"a": "b"}}
    expected = {"model": "m", "tools": [{"type": "code_interpreter"}]}
    assert expected == read_arguments(params.AssistantParams, given, model="m")
    assert {} == read_arguments(CallOptions, {})


def test_a_misspelt_name_is_said() -> None:
    """The error is that of the Assistants wire."""
    with pytest.raises(TypeError, match="did you mean 'limit'"):
        read_arguments(params.ListParams, {"limits": 1})


def test_a_body_that_goes_nowhere_is_refused() -> None:
    """If it goes somewhere, its keys are among the parameters."""
    given = {"name": "n", "extra_body": {"user": "u"}}
    with pytest.raises(ValueError, match="extra_body: this call sends nothing"):
        read_arguments(params.AssistantParams, given)
    expected = {"name": "n", "user": "u"}
    assert expected == read_arguments(params.AssistantParams, given, may_add=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"order": "asc"}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [5, 4]),
        ({"after": "id_4"}, [3, 2, 1]),
        ({"before": "id_3"}, [5, 4]),
        ({"after": "id_1", "before": "id_4", "order": "asc", "limit": 1}, [2]),
        ({"after": "id_1"}, []),
    ],
)
def test_a_page_is_what_was_asked_for(given: dict[str, Any], expected: list[int]) -> None:
    """The newest come first by default."""
    assert expected == page(**given)


def test_pages_follow_each_other() -> None:
    """This goes on until nothing is left."""
    first = make_page(OBJECTS, params.ListParams, {"limit": 2})
    assert ("id_5", "id_4", True) == (first.first_id, first.last_id, first.has_more)
    assert [5, 4, 3, 2, 1] == list(first.iter_all())
    empty: Page[int] = make_page({}, params.ListParams, {})
    assert (None, None, False) == (empty.first_id, empty.last_id, empty.has_more)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"limit": 0}, "limit is 0: give a number from 1 to 100"),
        ({"limit": "two"}, "limit is 'two'"),
        ({"order": "up"}, "order is 'up'"),
        ({"after": "id_9"}, "after is 'id_9': give the id of an object in this list"),
        ({"before": "id_9"}, "before is 'id_9'"),
    ],
)
def test_a_page_that_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    """The error names the parameter."""
    with pytest.raises(ValueError, match=says):
        page(**given)
