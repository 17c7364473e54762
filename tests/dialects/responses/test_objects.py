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
    assert ("r", "", 3) == (
        response.id,
        response.model,
        response.usage and response.usage.input_tokens,
    )


def test_a_bad_object_is_refused_with_its_path_in_the_frame() -> None:
    """Every bad field is named by its path from the frame's root."""
    sent = {"id": 5, "text": {"format": {"type": 1}}}
    assert (
        "$.response.id: 5 is not a string",
        "$.response.text.format.type: 1 is not a string",
    ) == refusal(wire.read, wire.Response, sent, "$.response")
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


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1, "-1"), (10_000, "10000"), (1.0, "1.0"), (True, "true"), ("1", '"1"'),
        ({}, "an object"), ([], "a list"), ("x" * 90, '"' + "x" * 59),
    ],
)  # fmt: skip
def test_what_is_not_an_index_is_refused(value: object, shown: str) -> None:
    """A list of that length would have to be made."""
    expected = f"$.i: {shown} is not an index from 0 to 9999"
    assert (expected,) == refusal(wire.read_index, {"i": value}, "i")


def test_an_object_must_be_there() -> None:
    """An event about an object has to carry it."""
    assert {"a": 1} == wire.read_object({"x": {"a": 1}}, "x")
    assert ("$.x: null is not an object",) == refusal(wire.read_object, {}, "x")


def test_a_list_holds_objects() -> None:
    """Missing and null are the empty list."""
    assert ([], [{}]) == (wire.read_list(None, "$.x"), wire.read_list([{}], "$.x"))
    assert ("$.x: an object is not a list",) == refusal(wire.read_list, {}, "$.x")
    assert ("$.x[1]: false is not an object",) == refusal(wire.read_list, [{}, False], "$.x")
