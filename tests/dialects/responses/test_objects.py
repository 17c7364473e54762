"""Reading the objects of the Responses wire: defaults, and errors with paths."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.dialects.responses import objects as wire
from stream_core.errors import DecodeError


def refusal(read: Any, *arguments: Any) -> tuple[str, ...]:
    """Return the paths of the error that READ raises."""
    with pytest.raises(DecodeError) as caught:
        read(*arguments)
    return caught.value.paths


def test_an_object_is_read_and_null_is_like_missing() -> None:
    """Unknown keys do no harm."""
    sent: dict[str, Any] = {
        "id": "r",
        "model": None,
        "usage": {"input_tokens": 3, "cost": 1},
        "x": [],
    }
    response = wire.read(wire.Response, sent, "$.response")
    assert ("r", "", sent["usage"]) == (response.id, response.model, response.usage)
    usage = wire.read(wire.Usage, sent["usage"], "$")
    assert (3, None) == (usage.input_tokens, usage.output_tokens)


def test_a_bad_object_is_refused_with_its_path_in_the_frame() -> None:
    """A bad field that is needed is named by its path from the frame's root."""
    sent = {"call_id": 5, "name": 1}
    assert {
        "$.item.call_id: 5 is not a string",
        "$.item.name: 1 is not a string",
    } == set(refusal(wire.read, wire.CallItem, sent, "$.item"))
    with pytest.raises(
        DecodeError, match=r"the data has no Response in \$\.response: \$\.response: 5"
    ):
        wire.read(wire.Response, 5, "$.response")


def test_a_text_is_a_text_or_missing() -> None:
    """Missing and null are the empty text."""
    assert ("a", "", "") == (
        wire.read_text({"x": "a"}, "x"),
        wire.read_text({"x": None}, "x"),
        wire.read_text({}, "x"),
    )
    assert ("$.x: 5 is not a string",) == refusal(wire.read_text, {"x": 5}, "x")
    assert ("$.item.x: a list is not a string",) == refusal(
        wire.read_text, {"x": [1]}, "x", "$.item"
    )


@pytest.mark.parametrize("value", [0, 1, 9_999, None])
def test_an_index_is_a_small_number_or_missing(value: int | None) -> None:
    """If it is missing, the result is None."""
    assert value == wire.read_index({"i": value}, "i")
    assert wire.read_index({}, "i") is None


def test_a_field_that_is_not_needed_may_have_any_type() -> None:
    """It has its default then; so has every other field of that kind, and the needed ones stay."""
    sent = {"id": "r", "created_at": "now", "temperature": {}, "metadata": [], "top_p": 1}
    response = wire.read(wire.Response, sent, "$.response")
    assert ("r", None, None, {}, 1) == (
        response.id,
        response.created_at,
        response.temperature,
        response.metadata,
        response.top_p,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1, None), (10_000, None), (1.0, None), (True, None), ("1", 1), ("9999", 9_999),
        ("10000", None), ({}, None), ([], None), ("x", None), ("", None),
    ],
)  # fmt: skip
def test_what_is_not_an_index_counts_as_missing(value: object, expected: int | None) -> None:
    """The text of a number is an index; beyond the limit, a long list would have to be made."""
    assert expected == wire.read_index({"i": value}, "i")


def test_an_object_must_be_there() -> None:
    """An event about an object has to carry it."""
    assert {"a": 1} == wire.read_object({"x": {"a": 1}}, "x")
    assert ("$.x: null is not an object",) == refusal(wire.read_object, {}, "x")


def test_a_list_holds_objects() -> None:
    """Missing and null are the empty list."""
    assert ([], [{}]) == (wire.read_list(None, "$.x"), wire.read_list([{}], "$.x"))
    assert ("$.x: an object is not a list",) == refusal(wire.read_list, {}, "$.x")
    assert ("$.x[1]: false is not an object",) == refusal(wire.read_list, [{}, False], "$.x")


def test_the_json_of_a_text_is_the_text() -> None:
    """Null is the empty text; anything else becomes JSON."""
    values: list[Any] = [None, "a", {"x": "ä"}, 5]
    assert ["", "a", '{"x": "ä"}', "5"] == [wire.json_of(value) for value in values]


def test_what_is_not_a_list_of_objects_has_none() -> None:
    """This is for lists that are not needed."""
    assert [[], [], [{}]] == [*map(wire.objects_in, (None, {}, [5, {}]))]


def test_an_empty_text_counts_as_missing() -> None:
    """So does anything that is not a text."""
    assert ["a", None, None] == [wire.text_or_none(value) for value in ("a", "", 5)]
