"""The table of the Responses wire, compared with the official client's types."""

from __future__ import annotations

from typing import get_args

import pytest
from openai.types.responses import ResponseStreamEvent

from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.dialects.responses.event_table import ROWS


def official_types() -> set[str]:
    """Return the types of the official client's stream events."""
    classes = get_args(get_args(ResponseStreamEvent)[0])
    return {get_args(cls.model_fields["type"].annotation)[0] for cls in classes}


def test_every_type_of_the_official_client_has_a_row() -> None:
    """A new type fails here first; ours has one more, for a status that exists."""
    assert official_types() | {"response.cancelled"} == ROWS.keys()
    assert 59 == len(official_types())


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_row_has_a_method_and_a_description(name: str) -> None:
    """The method exists, and the documentation has words for the result."""
    assert callable(getattr(ResponsesDialect, ROWS[name].method))
    assert ROWS[name].becomes
