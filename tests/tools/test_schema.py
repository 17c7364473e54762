"""JSON schemas of functions: valid by the standard, closed, and with the docstrings' texts."""

from __future__ import annotations

import builtins
import collections.abc
import importlib
import sys
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum, IntEnum
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar
from uuid import UUID

import pytest
from attrs import define, field
from jsonschema import Draft202012Validator
from msgspec import Meta

from stream_core.tools.schema import describe

T = TypeVar("T")


class Unit(Enum):
    """A unit of temperature."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@define
class Place:
    """A place on earth.

    Attributes:
        city: Its
            English name.
        unit: What it measures with.
        guessed: Not for the model.
    """

    city: str
    unit: Unit = Unit.CELSIUS
    seen: list[datetime] = field(factory=list)
    guessed: bool = field(init=False)


@define
class Tree:
    """Contains itself."""

    value: int
    below: list[Tree] = field(factory=list)


@define
class Odd:
    owner: Even | None = None


@define
class Even:
    owner: Odd | None = None


@define
class Box(Generic[T]):
    inside: T


@dataclass
class Range:
    low: int
    high: int = 10


class Options(TypedDict, total=False):
    limit: int


@define
class Elsewhere:
    owner: Unknown  # type: ignore[name-defined]  # noqa: F821  # the test is that it is missing


def schema_of(kind: Any, **defaults: Any) -> dict[str, Any]:
    """Return the schema of one parameter of a type."""
    _, schema = describe("", {"x": kind}, defaults)
    Draft202012Validator.check_schema(schema)
    found: dict[str, Any] = schema["properties"]["x"]
    return found


DATE_TIME = {"type": "string", "format": "date-time"}
UNIT = {"type": "string", "enum": ["celsius", "kelvin"], "description": "A unit of temperature."}
PLACE = {
    "type": "object",
    "description": "A place on earth.",
    "properties": {
        "city": {"type": "string", "description": "Its English name."},
        "unit": {**UNIT, "default": "celsius", "description": "What it measures with."},
        "seen": {"type": "array", "items": DATE_TIME},
    },
    "required": ["city"],
    "additionalProperties": False,
}

KINDS: list[tuple[Any, dict[str, Any]]] = [
    (str, {"type": "string"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (type(None), {"type": "null"}),
    (Any, {}),
    (Unit, UNIT),
    (Level, {"type": "integer", "enum": [1, 2]}),
    (Literal["b", "a"], {"type": "string", "enum": ["a", "b"]}),
    (Literal["a", 1], {"enum": [1, "a"]}),
    (Literal[1] | None, {"anyOf": [{"type": "integer", "enum": [1]}, {"type": "null"}]}),
    (datetime, DATE_TIME),
    (date, {"type": "string", "format": "date"}),
    (time, {"type": "string", "format": "time"}),
    (UUID, {"type": "string", "format": "uuid"}),
    (list, {"type": "array"}),
    (list[Unit], {"type": "array", "items": UNIT}),
    (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
    (tuple[datetime, ...], {"type": "array", "items": DATE_TIME}),
    (dict, {"type": "object"}),
    (dict[str, datetime], {"type": "object", "additionalProperties": DATE_TIME}),
    (collections.abc.Sequence[Place], {"type": "array", "items": PLACE}),
    (None | datetime | int, {"anyOf": [DATE_TIME, {"type": "integer"}, {"type": "null"}]}),
    (Place, PLACE),
    (Place | None, {"anyOf": [PLACE, {"type": "null"}]}),
    (Annotated[int, "years"], {"type": "integer"}),
    (Annotated[int, Meta(ge=0, description="Years.")],
     {"type": "integer", "minimum": 0, "description": "Years."}),
    (Annotated[Unit, Meta(description="Which?")], {**UNIT, "description": "Which?"}),
    (Annotated[datetime, Meta(description="When?")], {**DATE_TIME, "description": "When?"}),
    (Range,
     {"type": "object", "properties": {"low": {"type": "integer"},
                                       "high": {"type": "integer", "default": 10}},
      "required": ["low"], "additionalProperties": False}),
    (Options,
     {"type": "object", "properties": {"limit": {"type": "integer"}}, "required": [],
      "additionalProperties": False}),
    (Box[date],
     {"type": "object", "properties": {"inside": {"type": "string", "format": "date"}},
      "required": ["inside"], "additionalProperties": False}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "schema"), KINDS, ids=repr)
def test_a_type_has_its_schema(kind: Any, schema: dict[str, Any]) -> None:
    """It is written out where it is used, closed, and without its mere name."""
    assert schema == schema_of(kind)


def test_the_parameters_are_one_closed_object() -> None:
    """Those without a default are required; defaults are included if JSON has them."""
    kinds = {
        "city": str,
        "unit": Unit,
        "level": int | None,
        "key": Any,
        "far": float,
        "by": dict[str, int],
    }
    defaults = {
        "unit": Unit.KELVIN,
        "level": None,
        "key": object(),
        "far": float("inf"),
        "by": {(1, 2): 3},
    }
    description, schema = describe("", kinds, defaults)
    Draft202012Validator.check_schema(schema)
    assert "" == description
    assert ["type", "properties", "required", "additionalProperties"] == list(schema)
    assert "object" == schema["type"]
    assert schema["additionalProperties"] is False
    assert ["city"] == schema["required"]
    assert list(kinds) == list(schema["properties"])
    assert {**UNIT, "default": "kelvin"} == schema["properties"]["unit"]
    assert None is schema["properties"]["level"]["default"]
    assert {} == schema["properties"]["key"]
    assert {"type": "number"} == schema["properties"]["far"]
    assert "default" not in schema["properties"]["by"]


def test_a_function_without_parameters_takes_an_empty_object() -> None:
    """Its schema is made nevertheless."""
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert ("Now.", empty) == describe("Now.", {}, {})


DOCSTRINGS = [
    """Tell the weather.

    Of today.

    Args:
        city: Its English
            name.
        unit (Unit, optional): The unit.

    Returns:
        A text.

    Raises:
        ValueError: No such city.
    """,
    """Tell the weather.

    Of today.

    Parameters
    ----------
    city : str
        Its English
        name.
    unit : Unit, optional
        The unit.

    Returns
    -------
    str
        A text.
    """,
    """Tell the weather.

    Of today.

    :param city: Its English
        name.
    :param Unit unit: The unit.
    :returns: A text.
    """,
]


@pytest.mark.parametrize("docstring", DOCSTRINGS, ids=["google", "numpy", "sphinx"])
def test_docstrings_are_read_in_three_styles(docstring: str) -> None:
    """The text before the sections is the description; each parameter has its own."""
    description, schema = describe(docstring, {"city": str, "unit": Unit, "far": bool}, {})
    assert "Tell the weather.\n\nOf today." == description
    assert {"type": "string", "description": "Its English name."} == schema["properties"]["city"]
    assert {**UNIT, "description": "The unit."} == schema["properties"]["unit"]
    assert {"type": "boolean"} == schema["properties"]["far"]


def test_a_docstring_that_cannot_be_read_is_the_description() -> None:
    """Nothing of it is lost, and no import fails."""
    description, schema = describe(" : :param", {"x": int}, {})
    assert ": :param" == description
    assert {"x": {"type": "integer"}} == schema["properties"]


def test_one_line_may_document_two_parameters() -> None:
    """NumPy's style documents two parameters at once."""
    docstring = "Go.\n\nParameters\n----------\nx, y : int\n    Where to.\nz : int\n"
    _, schema = describe(docstring, {"x": int, "y": int, "z": int}, {})
    documented = {"type": "integer", "description": "Where to."}
    assert {"x": documented, "y": documented, "z": {"type": "integer"}} == schema["properties"]


def test_a_class_that_contains_itself_is_referred_to() -> None:
    """The first level is written out; deeper levels refer to a definition of the same class."""
    _, schema = describe("", {"tree": Tree, "again": Tree}, {})
    Draft202012Validator.check_schema(schema)
    tree = {
        "type": "object",
        "description": "Contains itself.",
        "properties": {
            "value": {"type": "integer"},
            "below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        },
        "required": ["value"],
        "additionalProperties": False,
    }
    assert {"tree": tree, "again": tree} == schema["properties"]
    assert {"Tree": tree} == schema["$defs"]
    validator = Draft202012Validator(schema)
    leaf = {"value": 1, "below": [{"value": 2, "below": [{"value": 3}]}]}
    assert validator.is_valid({"tree": leaf, "again": leaf})
    assert not validator.is_valid({"tree": {"value": 1, "below": [{"below": []}]}, "again": leaf})


def test_classes_that_contain_each_other_are_all_defined() -> None:
    """Each reference has a target."""
    _, schema = describe("", {"odd": Odd, "even": Even}, {})
    Draft202012Validator.check_schema(schema)
    assert {"Odd", "Even"} == schema["$defs"].keys()
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"odd": {"owner": {"owner": {"owner": {}}}}, "even": {}})
    assert not validator.is_valid({"odd": {"owner": {"owner": {"owner": 1}}}, "even": {}})


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (object, "parameter 'x' has no JSON schema: .*object.* is not supported"),
        (str | Unit, "parameter 'x' has no JSON schema: .*more than one str-like type"),
        (Range | Place, "parameter 'x' has no JSON schema: .*more than one dataclass or attrs"),
        (Elsewhere, "parameter 'x' has no JSON schema: name 'Unknown' is not defined"),
    ],
)
def test_a_type_without_a_schema_is_refused(kind: Any, sentence: str) -> None:
    """The error has the parameter's name and the reason, in one line."""
    with pytest.raises(TypeError, match=sentence) as caught:
        describe("", {"y": int, "x": kind}, {})
    assert "\n" not in str(caught.value)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, and what works without it."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "msgspec":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "stream_core.tools.schema")
    with pytest.raises(ImportError, match=r'pip install "until-done\[tools\]", or give a definit'):
        importlib.import_module("stream_core.tools.schema")
