"""A model's arguments become the annotated types, strictly, and results become JSON values."""

from __future__ import annotations

import collections.abc
import json
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import pytest
from attrs import define, field, validators

from stream_core import models
from stream_core.errors import DecodeError
from stream_core.tools.argument_types import expected, structurer, unstructure_any

T = TypeVar("T")
Celsius = NewType("Celsius", float)
#: As PYI061 would not have it, but users may.
ONE_OR_NONE = Literal["a", None]  # noqa: PYI061
ID = "12345678-1234-5678-1234-567812345678"


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Word(str, Enum):  # noqa: UP042  # not the same: str(Word.YES) is "Word.YES"
    YES = "yes"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@define
class Place:
    city: str
    degrees: Celsius | None = None
    seen: list[date] = field(factory=list)
    looked_up: bool = field(default=False, init=False)


@define
class Tree:
    value: int
    below: list[Tree] = field(factory=list)
    beside: Tree | None = None
    named: dict[str, Tree] = field(factory=dict)


@define
class Positive:
    number: int = field(validator=validators.gt(0))


@define
class Box(Generic[T]):
    inside: T


@define
class Listed:
    """The validator looks into a table that lacks some values."""

    key: str

    def __attrs_post_init__(self) -> None:
        {"a": 1}[self.key]


@dataclass
class Range:
    low: int
    high: int = 10
    unit: Unit = Unit.CELSIUS
    width: int = dataclass_field(default=0, init=False)


class Query(TypedDict):
    query: str


class Options(Query, total=False):
    limit: int


class Pair(NamedTuple):
    first: int
    second: int


#: A type, a JSON value of it, and what the value becomes.
RIGHT: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (int, 5, 5),
    (int, 5.0, 5),
    (float, 1.5, 1.5),
    (float, 2, 2),
    (bool, True, True),
    (type(None), None, None),
    (Any, {"a": [1, None]}, {"a": [1, None]}),
    (Unit, "kelvin", Unit.KELVIN),
    (Word, "yes", Word.YES),
    (Level, 2, Level.HIGH),
    (Level, 2.0, Level.HIGH),
    (Literal["a", 1] | None, 1, 1),
    (Literal["a", 1] | None, None, None),
    (ONE_OR_NONE, None, None),
    (Literal[Unit.KELVIN], "kelvin", Unit.KELVIN),
    (datetime, "2026-05-17T09:30:00Z", datetime(2026, 5, 17, 9, 30, tzinfo=UTC)),
    (date, "2026-05-17", date(2026, 5, 17)),
    (time, "09:30:00", time(9, 30)),
    (UUID, ID, UUID(ID)),
    (list, [1, "a"], [1, "a"]),
    (list[int], [1, 2.0], [1, 2]),
    (tuple, [1], (1,)),
    (tuple[int, ...], [1, 2], (1, 2)),
    (set[int], [1, 1], {1}),
    (frozenset[str], ["a"], frozenset({"a"})),
    (collections.abc.Sequence[Unit], ["kelvin"], [Unit.KELVIN]),
    (collections.abc.Set[int], [1], {1}),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[Any, int], {"a": 1}, {"a": 1}),
    (dict[Unit, int], {"kelvin": 1}, {Unit.KELVIN: 1}),
    (dict[Annotated[Literal["x"], "key"], int], {"x": 1}, {"x": 1}),
    (collections.abc.Mapping[str, date], {"a": "2026-05-17"}, {"a": date(2026, 5, 17)}),
    (Optional[int], None, None),  # noqa: UP045  # the other spelling
    (int | None, 5, 5),
    (str | date, "2026-05-17", date(2026, 5, 17)),
    (str | date, "soon", "soon"),
    (str | list[str], ["a"], ["a"]),
    (Place | int, 5, 5),
    (Place | int, {"city": "Rome"}, Place("Rome")),
    (Celsius, 5, 5),
    (Annotated[int, "years"], 5, 5),
    (Annotated[int, {"unit": "years"}], 5, 5),
    (list[Annotated[Celsius, "x"]], [5], [5]),
    (Place, {"city": "Rome", "degrees": 1, "seen": ["2026-05-17"]},
     Place("Rome", Celsius(1), [date(2026, 5, 17)])),
    (Box[int], {"inside": 5}, Box(5)),
    (Box[list[Unit]], {"inside": ["kelvin"]}, Box([Unit.KELVIN])),
    (Tree, {"value": 1, "below": [{"value": 2}]}, Tree(1, [Tree(2)])),
    (Tree, {"value": 1, "beside": {"value": 3}, "named": {"a": {"value": 4}}},
     Tree(1, beside=Tree(3), named={"a": Tree(4)})),
    (Range, {"low": 1, "unit": "kelvin"}, Range(1, 10, Unit.KELVIN)),
    (Options, {"query": "a", "limit": 5}, {"query": "a", "limit": 5}),
]  # fmt: skip

#: A type, a value that is not of it, and the error.
WRONG: list[tuple[Any, Any, list[str]]] = [
    (str, 5, ["$: 5 is not a string"]),
    (str, None, ["$: null is not a string"]),
    (int, "5", ["$: '5' is not an integer"]),
    (int, 5.5, ["$: 5.5 is not an integer"]),
    (int, True, ["$: true is not an integer"]),
    (float, True, ["$: true is not a number"]),
    (bool, 1, ["$: 1 is not true or false"]),
    (type(None), 0, ["$: 0 is not null"]),
    (Unit, "mars", ["$: 'mars' is not \"celsius\" or \"kelvin\""]),
    (Unit, ["kelvin"], ['$: a list is not "celsius" or "kelvin"']),
    (Level, True, ["$: true is not 1 or 2"]),
    (Level, "1", ["$: '1' is not 1 or 2"]),
    (ONE_OR_NONE, {}, ['$: an object is not "a" or null']),
    (datetime, "soon", ["$: 'soon' is not a date and time such as 2026-05-17T09:30:00Z"]),
    (datetime, 5, ["$: 5 is not a date and time such as 2026-05-17T09:30:00Z"]),
    (date, "2026-02-30", ["$: '2026-02-30' is not a date such as 2026-05-17"]),
    (time, "25:00", ["$: '25:00' is not a time such as 09:30:00"]),
    (UUID, 5, ["$: 5 is not a UUID"]),
    (list[int], "12", ["$: '12' is not a list"]),
    (list[int], {"a": 1}, ["$: an object is not a list"]),
    (list[int], [1, "a", None], ["$[1]: 'a' is not an integer", "$[2]: null is not an integer"]),
    (set, [[]], ["$: unhashable type: 'list'"]),
    (dict[str, int], [], ["$: a list is not an object"]),
    (dict[str, int], {"a @ b": "c @ d"}, ["$['a @ b']: 'c @ d' is not an integer"]),
    (dict[Unit, int], {"mars": 1}, ["$['mars']: 'mars' is not \"celsius\" or \"kelvin\""]),
    (int | None, "a", ["$: 'a' is not an integer or null"]),
    (list[int] | str, 5, ["$: 5 is not a list or a string"]),
    (list[int] | str, ["a"], ["$[0]: 'a' is not an integer"]),
    (Place | None, {"city": 5}, ["$.city: 5 is not a string"]),
    (Place, "Rome", ["$: 'Rome' is not an object"]),
    (Place, {"seen": ["now"]},
     ["$.city: is missing, expected a string",
      "$.seen[0]: 'now' is not a date such as 2026-05-17"]),
    (Place, {"city": "Rome", "zip": 1, "looked_up": True},
     ["$: has unknown fields: 'looked_up', 'zip'"]),
    (Place, {"city": "Rome", "seen": None}, ["$.seen: null is not a list"]),
    (Tree, {"value": 1, "below": [{"value": 2, "beside": {"value": "a"}}]},
     ["$.below[0].beside.value: 'a' is not an integer"]),
    (Positive, {"number": -5}, ["$: 'number' must be > 0: -5"]),
    (Listed, {"key": "b"}, ["$: KeyError('b')"]),
    (Box[int], {"inside": "a"}, ["$.inside: 'a' is not an integer"]),
    (Range, {}, ["$.low: is missing, expected an integer"]),
    (Options, {"limit": "a"},
     ["$.query: is missing, expected a string", "$.limit: 'a' is not an integer"]),
    (Options, {"query": "a", "more": 1}, ["$: has unknown fields: 'more'"]),
]  # fmt: skip

#: Types that JSON arguments cannot have.
REFUSED: list[Any] = [
    bytes,
    object,
    complex,
    type,
    Pair,
    T,
    SimpleNamespace,
    tuple[int, str],
    dict[int, str],
    dict[Level, str],
    list[bytes],
    dict[str, object],
    int | bytes,
    Annotated[bytes, "x"],
    Box[bytes],
    collections.abc.Callable[[], int],
]


@pytest.mark.parametrize(("kind", "value", "made"), RIGHT, ids=repr)
def test_a_value_becomes_its_type(kind: Any, value: Any, made: Any) -> None:
    """Each type makes its own values from JSON values, down to the type of the result."""
    found = structurer(kind)(value)
    assert made == found
    assert type(made) is type(found)


@pytest.mark.parametrize(("kind", "value", "paths"), WRONG, ids=repr)
def test_what_is_wrong_is_said_with_its_path(kind: Any, value: Any, paths: list[str]) -> None:
    """Everything that is wrong is named at once, with what was expected."""
    with pytest.raises(DecodeError, match=r"^the value is not ") as caught:
        structurer(kind)(value)
    assert sorted(paths) == sorted(caught.value.paths)


@pytest.mark.parametrize("kind", REFUSED, ids=repr)
def test_a_type_that_json_cannot_become_is_refused_at_once(kind: Any) -> None:
    """The type is refused before its first value, with types to use instead."""
    with pytest.raises(TypeError, match=r"cannot be made from JSON; use a scalar, an enum, .*"):
        structurer(kind)


@pytest.mark.parametrize("kind", [kind for kind, _, _ in RIGHT], ids=repr)
def test_every_type_can_be_asked_for_in_words(kind: Any) -> None:
    """The expected value is described without Python's names for it."""
    words = expected(kind)
    assert words
    assert "typing" not in words
    assert "class" not in words


def test_any_value_is_asked_for_as_such() -> None:
    """The expected value is then described as any value."""
    assert "any value" == expected(Any)


def test_what_is_nested_too_deeply_is_a_decode_error() -> None:
    """A class that contains itself ends where Python's stack does, with the usual error."""
    value: dict[str, Any] = {"value": 1}
    for _ in range(5000):
        value = {"value": 1, "below": [value]}
    with pytest.raises(DecodeError, match="is nested too deeply"):
        structurer(Tree)(value)


RESULTS: list[tuple[Any, Any]] = [
    (None, None),
    ("a", "a"),
    (1.5, 1.5),
    (Unit.KELVIN, "kelvin"),
    (Word.YES, "yes"),
    (Level.HIGH, 2),
    (datetime(2026, 5, 17, 9, 30, tzinfo=UTC), "2026-05-17T09:30:00+00:00"),
    (date(2026, 5, 17), "2026-05-17"),
    (time(9, 30), "09:30:00"),
    (UUID(ID), ID),
    (Decimal("1.10"), "1.10"),
    (PurePosixPath("a/b"), "a/b"),
    ({Unit.KELVIN: {1}}, {"kelvin": [1]}),
    (frozenset({1}), [1]),
    ((1, date(2026, 5, 17)), [1, "2026-05-17"]),
    (Place("Rome", seen=[date(2026, 5, 17)]),
     {"city": "Rome", "degrees": None, "seen": ["2026-05-17"]}),
    (Range(1), {"low": 1, "high": 10, "unit": "celsius"}),
    (Box({Unit.KELVIN}), {"inside": ["kelvin"]}),
    ([models.Function(name="f", arguments="{}")], [{"name": "f", "arguments": "{}"}]),
    (Box(models.Function(name="f")), {"inside": {"name": "f"}}),
]  # fmt: skip


@pytest.mark.parametrize(("result", "value"), RESULTS, ids=repr)
def test_a_result_becomes_a_json_value(result: Any, value: Any) -> None:
    """Objects, enums, dates and sets can be written as JSON, at any depth."""
    assert value == json.loads(json.dumps(unstructure_any(result)))


def test_what_json_has_no_form_for_stays() -> None:
    """It is up to the caller to say what is wrong with it."""
    thing = object()
    assert thing is unstructure_any(thing)


def test_the_text_of_an_enum_is_a_plain_text() -> None:
    """An enum that is a str becomes its value, not itself."""
    assert str is type(unstructure_any(Word.YES))
