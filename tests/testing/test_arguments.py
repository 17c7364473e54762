"""Arguments are filled in from the user's text, to fit the schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream_core.testing.arguments import fill_arguments


def filled(schema: dict[str, Any], text: str) -> Any:
    """Return the value of one required property."""
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    return fill_arguments(parameters, text)["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the weather in San Francisco, CA today?", "San Francisco, CA"),
        ("Weather in Zürich?", "Zürich"),
        ("weather in 東京?", "東京"),
        ("the weather at home, please", "home"),
        ('Look up "the big apple" for Bob', "the big apple"),
        ("Hello", "Hello"),
    ],
)
def test_a_string_is_the_telling_bit_of_the_text(text: str, expected: str) -> None:
    """It is quoted words, a name after a preposition, a word after one, or else the whole text."""
    assert expected == filled({"type": "string"}, text)


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "integer"}, "add 12 and 30", 12),
        ({"type": "integer"}, "about 2.7", 2),
        ({"type": "integer"}, "none", 1),
        ({"type": "integer", "minimum": 5}, "take 3", 5),
        ({"type": "number"}, "it is -2.5 outside", -2.5),
        ({"type": "boolean"}, "x", True),
        ({"type": "null"}, "x", None),
        ({"type": ["string", "null"]}, "in Rome", "Rome"),
        ({"type": "array", "items": {"type": "integer"}}, "the 7", [7]),
        ({"type": "array"}, "in Rome", ["Rome"]),
        ({"enum": ["celsius", "fahrenheit"]}, "in Fahrenheit", "fahrenheit"),
        ({"enum": ["celsius", "fahrenheit"]}, "x", "celsius"),
        ({"enum": ["a1", "b1"], "default": "b1"}, "x", "b1"),
        ({"const": 3}, "x", 3),
        ({"default": "d"}, "x", "d"),
        ({}, "in Rome", "Rome"),
    ],
)
def test_a_value_fits_its_schema(schema: dict[str, Any], text: str, expected: object) -> None:
    """It obeys types, enums, const and default; a value in the text wins over a default."""
    assert expected == filled(schema, text)


def test_an_object_is_filled_like_the_arguments_themselves() -> None:
    """Nested objects have their own required properties."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert {"n": 4} == filled(schema, "4 of them")


def test_optional_properties_are_left_out_unless_their_value_was_said() -> None:
    """An enum value in the text fills an optional property; nothing else does."""
    parameters = {
        "properties": {"unit": {"enum": ["celsius", "kelvin"]}, "note": {"type": "string"}}
    }
    assert {} == fill_arguments(parameters, "in Rome")
    assert {"unit": "kelvin"} == fill_arguments(parameters, "in Kelvin")


def test_a_function_without_parameters_gets_none() -> None:
    """No schema, no arguments."""
    assert {} == fill_arguments(None, "x")
    assert {} == fill_arguments({"type": "object"}, "x")


ODD: list[Any] = [
    5,
    "x",
    [],
    True,
    {"properties": []},
    {"properties": {"a": 5}, "required": ["a"]},
    {"properties": {"a": True}, "required": 5},
    {"properties": {"a": {"type": []}}, "required": ["a", [], {}]},
    {"properties": {"a": {"type": 5}}, "required": ["a"]},
    {"properties": {"a": {"type": ["null", 5]}}, "required": ["a"]},
    {"properties": {"a": {"enum": "x"}}, "required": ["a"]},
    {"properties": {"a": {"enum": {}}}, "required": ["a"]},
    {"properties": {"a": {"enum": [None, {}]}}, "required": ["a"]},
    {"properties": {"a": {"type": "integer", "minimum": "x"}}, "required": ["a"]},
    {"properties": {"a": {"type": "array", "items": [5]}}, "required": ["a"]},
    {"properties": {"a": {"type": "object", "properties": "x"}}, "required": ["a"]},
]


@pytest.mark.parametrize("schema", ODD)
def test_any_json_value_may_stand_for_a_schema(schema: Any) -> None:
    """What is not JSON Schema says nothing, and ends nothing."""
    json.dumps(fill_arguments(schema, "add " + "9" * 10_000 + " and 5"))


def test_a_number_of_thousands_of_digits_is_cut() -> None:
    """Python would refuse to read it."""
    schema = {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert {"a": int("9" * 300)} == fill_arguments(schema, "9" * 10_000)
