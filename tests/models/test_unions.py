"""The class of an object is decided by its tag, or by its keys if it has none."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import fields, fields_dict, has

from stream_core import models
from stream_core.models.unions import UNIONS, TaggedUnion, is_tagged, members, tagged_union

ROWS = [(union, tag, cls) for union in UNIONS for tag, cls in union.classes.items()]


def union_types() -> list[Any]:
    """Return every union type that the payloads' modules name."""
    return [
        models.Annotation,
        models.CodeInterpreterOutput,
        models.MessageContent,
        models.MessageContentDelta,
        models.StepDetails,
        models.StepDetailsDelta,
        models.Tool,
        models.ToolCall,
        models.ToolCallDelta,
    ]


@pytest.mark.parametrize(("union", "tag", "cls"), ROWS)
def test_tag_decides(union: TaggedUnion, tag: str, cls: type[Any]) -> None:
    """An object becomes the class of its tag, whatever else is in it."""
    others: dict[str, Any] = {key: {} for key in union.classes}
    assert cls is union.choose({**others, "type": tag})


@pytest.mark.parametrize(("union", "tag", "cls"), ROWS)
@pytest.mark.parametrize("odd", [5, True, [], {}])
def test_a_tag_that_is_not_a_text_is_none(
    union: TaggedUnion, tag: str, cls: type[Any], odd: object
) -> None:
    """The member key decides."""
    assert cls is union.choose({tag: {}, "type": odd})


@pytest.mark.parametrize(("union", "tag", "cls"), ROWS)
def test_tag_is_the_default_type(union: TaggedUnion, tag: str, cls: type[Any]) -> None:
    """The class of a tag has that tag as its type."""
    assert tag == fields_dict(cls)["type"].default


@pytest.mark.parametrize(("union", "tag", "cls"), ROWS)
def test_key_decides_where_there_is_no_tag(union: TaggedUnion, tag: str, cls: type[Any]) -> None:
    """An object without a tag becomes the class whose key it has; a null key does not count."""
    others: dict[str, Any] = dict.fromkeys(union.classes)
    assert cls is union.choose({**others, tag: {}})
    assert cls is union.choose({"type": None, **others, tag: ""})


@pytest.mark.parametrize("union", UNIONS)
@pytest.mark.parametrize(
    "value", [{}, {"x": 1}, {"type": "x"}, {"type": ""}, {"type": 5}, {"type": ["x"]}]
)
def test_unknown(union: TaggedUnion, value: dict[str, Any]) -> None:
    """With another tag, or neither a tag nor a known key, it is unknown, and is kept whole."""
    assert union.unknown is union.choose(value)
    assert "raw" in {attribute.alias for attribute in fields(union.unknown)}


@pytest.mark.parametrize("kind", union_types())
def test_every_union_type_has_its_row(kind: Any) -> None:
    """The members of a union type are those of its row, with or without None."""
    for one in (kind, kind | None):
        assert is_tagged(one)
        union = tagged_union(one)
        assert set(members(kind)) == {*union.classes.values(), union.unknown}


def test_every_union_of_the_payloads_is_here() -> None:
    """A field whose type is a union of classes has a row; a string or a class needs none."""
    assert len(UNIONS) == len(union_types())
    assert not is_tagged(str | None)
    assert not is_tagged(models.Message)
    assert () == members(models.Message)
    assert (str,) == members(str | None)
    assert all(has(cls) for union in UNIONS for cls in union.classes.values())
