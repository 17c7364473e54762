"""Functions are read from their signatures, refused with a remedy, and called with JSON."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stream_core import models
from stream_core.errors import DecodeError
from stream_core.tools.function import ToolFunction, read_function
from tests.tools.test_argument_types import Level, Options, Place, Range, Tree, Unit

if TYPE_CHECKING:
    from decimal import Decimal


def stable_repr(value: Any) -> str:
    """Return the repr of VALUE without addresses: processes must agree on the names of tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def get_weather(city: str, unit: Unit = Unit.CELSIUS) -> str:
    """Tell the weather.

    Args:
        city: Its English name.
        unit: Of the degrees.
    """
    return f"{city}: 21 {unit.value}"


def check_nothing() -> None:  # noqa: D103  # that is the test
    pass


def returns_what_is_not_there() -> Decimal:
    """Count."""
    raise NotImplementedError


def with_rest(city: str, days=2, **more) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003  # that is the test
    """Tell the weather of
    some days.

    More that no model needs to know.
    """  # noqa: D205  # that is the test
    return {"city": city, "days": days, **more}


@define
class Station:
    """An object with a method, a class method and a static method."""

    name: str

    def measure(self, unit: Unit) -> str:
        """Measure."""
        return f"{self.name} {unit.value}"

    @classmethod
    def find(cls, city: str) -> str:
        """Find one."""
        return f"{cls.__name__} in {city}"

    @staticmethod
    def count(city: str) -> int:
        """Count them."""
        return len(city)


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate, as is usual."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def inner(tool: ToolFunction) -> dict[str, Any]:
    """Return the definition without its type."""
    found: dict[str, Any] = tool.definition["function"]
    assert {"type": "function", "function": found} == tool.definition
    return found


def paths(tool: ToolFunction, text: str) -> list[str]:
    """Return what is wrong with arguments."""
    with pytest.raises(
        DecodeError, match="the arguments are not what the function takes"
    ) as caught:
        tool.arguments(text)
    return list(caught.value.paths)


# --- Reading ----------------------------------------------------------------------------


def test_a_function_is_its_own_definition() -> None:
    """Name, description and schema come from the signature and the docstring."""
    tool = read_function(get_weather)
    assert "get_weather" == tool.name
    assert {
        "name": "get_weather",
        "description": "Tell the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its English name."},
                "unit": {
                    "type": "string",
                    "enum": ["celsius", "kelvin"],
                    "description": "Of the degrees.",
                    "default": "celsius",
                },
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    } == inner(tool)


def test_without_a_docstring_there_is_no_description() -> None:
    """No description is made up."""
    assert ["name", "parameters"] == list(inner(read_function(check_nothing)))


def test_name_and_description_can_be_told() -> None:
    """The caller's name and description take precedence over the function's."""
    tool = read_function(get_weather, name="weather-now", description="Now.")
    assert "weather-now" == tool.name
    assert "Now." == inner(tool)["description"]
    assert ["name", "description", "parameters"] == list(inner(tool))


def test_what_a_function_returns_may_be_of_any_type() -> None:
    """The annotation of the result is not read, even if only type checkers see its type."""
    assert "Count." == inner(read_function(returns_what_is_not_there))["description"]


@pytest.mark.parametrize(
    ("method", "argument", "result"),
    [
        (Station("Roma").measure, {"unit": "kelvin"}, "Roma kelvin"),
        (Station.find, {"city": "Rome"}, "Station in Rome"),
        (Station.count, {"city": "Rome"}, 4),
        (logged(Station("Roma").measure), {"unit": "kelvin"}, "Roma kelvin"),
        (functools.cache(get_weather), {"city": "Rome"}, "Rome: 21 celsius"),
        (logged(get_weather), {"city": "Rome", "unit": "kelvin"}, "Rome: 21 kelvin"),
    ],
    ids=stable_repr,
)
def test_methods_and_decorated_functions_are_functions(
    method: Callable[..., Any], argument: dict[str, Any], result: Any
) -> None:
    """``self`` and ``cls`` are not arguments, and a decorator hides nothing."""
    tool = read_function(method)
    assert method.__name__ == tool.name
    assert argument.keys() <= inner(tool)["parameters"]["properties"].keys()
    assert result == tool.function(**tool.arguments(json.dumps(argument)))


# --- Given schemas ----------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}, "days": {"type": "integer"}},
    "required": ["city"],
}
DEFINITION = {
    "type": "function",
    "function": {"name": "forecast", "description": "Tell.", "strict": True, "parameters": SCHEMA},
}


def test_a_definition_is_kept_as_it_is() -> None:
    """The definition is kept whole, as a copy."""
    tool = read_function(with_rest, schema=DEFINITION)
    assert DEFINITION == tool.definition
    assert tool.definition["function"] is not DEFINITION["function"]
    assert inner(tool)["parameters"] is not SCHEMA


def test_a_schema_that_fits_its_function_is_taken() -> None:
    """A schema may leave out a parameter with a default."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = read_function(get_weather, schema=schema)
    assert {"city": "Rome"} == tool.arguments('{"city": "Rome"}')


def test_a_payload_is_a_definition_too() -> None:
    """A definition may be a ``FunctionTool``, as an assistant has it in its tools."""
    function = models.FunctionDefinition(name="forecast", parameters=SCHEMA, strict=False)
    tool = read_function(with_rest, schema=models.FunctionTool(function=function))
    assert {"name": "forecast", "parameters": SCHEMA, "strict": False} == inner(tool)


def test_a_schema_goes_with_name_and_docstring() -> None:
    """The name is the function's, the description its docstring's first paragraph."""
    tool = read_function(with_rest, schema=SCHEMA)
    assert {
        "name": "with_rest",
        "description": "Tell the weather of some days.",
        "parameters": SCHEMA,
    } == inner(tool)
    assert "description" not in inner(read_function(check_nothing, schema={"type": "object"}))


def test_name_and_description_are_stronger_than_a_definition() -> None:
    """One definition can serve two functions."""
    tool = read_function(with_rest, schema=DEFINITION, name="other", description="Other.")
    assert {**DEFINITION["function"], "name": "other", "description": "Other."} == inner(tool)  # type: ignore[dict-item]  # it is a dict


def test_with_a_schema_parameters_need_no_annotation() -> None:
    """They get JSON values, and so does ``**kwargs``; annotated ones get their types."""
    tool = read_function(with_rest, schema=SCHEMA)
    text = '{"city": "Rome", "days": [1.5], "more": {"a": null}}'
    assert {"city": "Rome", "days": [1.5], "more": {"a": None}} == tool.arguments(text)
    assert ["$.city: 5 is not a string"] == paths(tool, '{"city": 5}')


@pytest.mark.parametrize(
    "schema", [{"type": "object"}, {"type": "function", "function": {"name": "f"}}]
)
def test_a_schema_may_leave_open_what_it_has(schema: dict[str, Any]) -> None:
    """Without ``properties`` there is nothing to compare."""
    tool = read_function(get_weather, schema=schema)
    assert {"city": "Rome"} == tool.arguments('{"city": "Rome"}')


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (["city", "zip", "area"], "get_weather does not take area or zip, which its schema has"),
        (["unit"], "get_weather needs city, which its schema lacks"),
    ],
)
def test_a_schema_that_does_not_fit_its_function_is_refused(
    properties: list[str], sentence: str
) -> None:
    """The mistake is found before a model calls the function."""
    schema = {"type": "object", "properties": {name: {} for name in properties}}
    with pytest.raises(TypeError, match=sentence):
        read_function(get_weather, schema=schema)


@pytest.mark.parametrize(
    "schema", [{}, {"type": "string"}, {"type": "function", "name": "f"}, {"function": {}}]
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    """The error names the two possible forms."""
    with pytest.raises(
        TypeError, match=r'get_weather is not a definition: expected \{"type": "func'
    ):
        read_function(get_weather, schema=schema)


# --- Refusing ---------------------------------------------------------------------------


async def later(city: str) -> str:
    """Wait."""
    return city


async def one_by_one(city: str) -> AsyncIterator[str]:
    """Wait."""
    yield city


def positional(city: str, /) -> None:
    """Take a place."""


def many(*cities: str) -> None:
    """Take many."""


def anything(**more: str) -> None:
    """Take anything."""


def unannotated(city: str, unit) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # that is the test
    """Lack an annotation."""


def unreadable(city: Decimal) -> None:
    """Be unreadable."""


def no_json(city: str, key: bytes) -> None:
    """Take what JSON has not."""


def no_schema(city: str | Unit) -> None:
    """Take what has no schema."""


def hidden(station: Hidden) -> None:
    """Take what is unreadable inside."""


@define
class Hidden:
    count: Decimal


REFUSED: list[tuple[Any, str]] = [
    (5, "5 is not a function: register a function or a bound method"),
    (Station, "is not a function"),
    (functools.partial(get_weather, "Rome"), "is not a function"),
    ({"type": "file_search"}, "is not a function"),
    (later, "later is async, but nothing here awaits it: .* asyncio.run"),
    (one_by_one, "one_by_one is async"),
    (positional, "positional: parameter city: 'str' is positional-only, .* move it after the /"),
    (many, r"many: parameter \*cities: 'str' has no name .*: take one parameter that is a list"),
    (anything, r"anything: parameter \*\*more: 'str' has no names .*: take a dict, or give a sch"),
    (unannotated, "unannotated: parameter unit has no annotation: annotate it, or give a schema"),
    (
        Station.measure,
        "Station.measure: parameter self is not an argument .* the bound method of an object",
    ),
    (unreadable, "an annotation of unreadable cannot be read: name 'Decimal' is not defined; .*"),
    (no_json, "no_json: parameter 'key': .*bytes.* cannot be made from JSON; use a scalar"),
    (no_schema, "no_schema: parameter 'city' has no JSON schema: Type unions may not contain"),
    (hidden, "hidden: parameter 'station': name 'Decimal' is not defined"),
    (len, "len: parameter obj is positional-only"),
]


@pytest.mark.parametrize(("function", "sentence"), REFUSED, ids=stable_repr)
def test_what_a_model_cannot_call_is_refused(function: Any, sentence: str) -> None:
    """The error names the function, the parameter, and the remedy."""
    with pytest.raises(TypeError, match=sentence):
        read_function(function)


def test_positional_parameters_are_refused_with_a_schema_too() -> None:
    """Arguments come by name, whoever made the schema."""
    for function in (positional, many):
        with pytest.raises(TypeError, match=r"parameter (\*cities|city): 'str' (is|has no)"):
            read_function(function, schema={"type": "object"})


@pytest.mark.parametrize("name", ["get weather", "a" * 65, "wetter.jetzt", "größe"])
def test_a_name_that_the_api_would_refuse_is_refused(name: str) -> None:
    """The name is refused before anything is sent."""
    with pytest.raises(
        ValueError, match=r"is not a valid tool name: use up to 64 of a-z, .*name=\.\.\."
    ):
        read_function(get_weather, name=name)


def test_a_function_without_a_name_needs_one() -> None:
    """A lambda can be a tool if it is given a name."""
    nameless = lambda: "now"  # noqa: E731  # that is the test
    with pytest.raises(ValueError, match="'<lambda>' is not a valid"):
        read_function(nameless)
    assert "now" == read_function(nameless, name="now").function()


def test_a_function_that_runs_a_coroutine_is_a_tool() -> None:
    """The remedy in the refusal of async functions works."""

    @functools.wraps(later)
    def run_later(city: str) -> str:
        return asyncio.run(later(city))

    assert "Rome" == read_function(run_later).function(city="Rome")


# --- Arguments --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  ", "{}", " {} ", "null"])
def test_no_text_is_no_arguments(text: str) -> None:
    """Some models write nothing for a function without parameters."""
    assert {} == read_function(check_nothing).arguments(text)


def test_arguments_become_the_annotated_types() -> None:
    """Those with a default are passed only if they are given."""
    tool = read_function(get_weather)
    assert {"city": "Rome"} == tool.arguments('{"city": "Rome"}')
    given = tool.arguments('{"unit": "kelvin", "city": "Rome"}')
    assert {"city": "Rome", "unit": Unit.KELVIN} == given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[", ["$: is not JSON: Expecting value: line 1 column 2 (char 1)"]),
        ('{"city": NaN}', ["$: is not JSON: NaN is not JSON"]),
        ("[]", ["$: is not an object of arguments by name"]),
        ("5", ["$: is not an object of arguments by name"]),
        ("null", ["$.city: is missing, expected a string"]),
        ("{}", ["$.city: is missing, expected a string"]),
        ('{"unit": "mars", "town": "Rome"}',
         ["$.city: is missing, expected a string",
          '$.unit: \'mars\' is not "celsius" or "kelvin"',
          "$.town: is unknown, expected city or unit"]),
        ('{"city": null}', ["$.city: null is not a string"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_said_at_once(text: str, expected: list[str]) -> None:
    """Each path says where the mistake is, what it is, and what was expected."""
    assert expected == paths(read_function(get_weather), text)


def test_paths_lead_into_nested_arguments() -> None:
    """The path leads down to the field that is wrong."""

    def visit(places: list[Place], by: dict[str, Range]) -> None:
        """Visit."""

    text = '{"places": [{"city": "Rome"}, {"city": 5}], "by": {"car": {"low": "a"}}}'
    assert [
        "$.places[1].city: 5 is not a string",
        "$.by['car'].low: 'a' is not an integer",
    ] == paths(read_function(visit), text)


def test_a_function_without_parameters_says_so() -> None:
    """The error says so if a model gives an argument."""
    tool = read_function(check_nothing)
    assert ["$.city: is unknown, expected no arguments"] == paths(tool, '{"city": 1}')


# --- The schema and the accepted arguments are the same ---------------------------------


def take_all(  # noqa: PLR0913, PLR0917  # one parameter of each kind
    text: str,
    number: int,
    place: Place,
    choice: Literal["a", 1] | None = None,
    level: Level = Level.LOW,
    part: float | list[Unit] = 0.5,
    tree: Tree | None = None,
    spans: tuple[Range, ...] = (),
    options: Annotated[dict[str, Options], "by name"] = {},  # noqa: B006  # it is not changed
    *,
    sure: bool = False,
) -> dict[str, Any]:
    """Take a bit of everything."""
    return locals()


TOOL = read_function(take_all)
VALIDATOR = Draft202012Validator(inner(TOOL)["parameters"])
#: JSON has no others.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | FLOATS
    | st.sampled_from(["a", "", "kelvin", "celsius", 1.0, 2.0])
)  # fmt: skip
KEYS = st.sampled_from(["city", "value", "below", "low", "high", "query", "limit", "unit", "x"])
ANYTHING: st.SearchStrategy[Any] = st.deferred(
    lambda: SCALARS | st.lists(ANYTHING, max_size=3) | st.dictionaries(KEYS, ANYTHING, max_size=3)
)
NUMBER: dict[Any, st.SearchStrategy[Any]] = {"value": st.integers()}
TREES: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries(NUMBER, optional={"below": st.lists(TREES, max_size=2)})
)
RANGES = st.fixed_dictionaries({"low": st.integers()}, optional={"high": st.integers()})
QUERIES = st.fixed_dictionaries({"query": st.text()}, optional={"limit": st.integers()})
UNITS = st.sampled_from(["celsius", "kelvin"])
PLACES = st.fixed_dictionaries(
    {"city": st.text()},
    optional={"degrees": st.none() | FLOATS, "seen": st.just(["2026-05-17"])},
)
REQUIRED: dict[Any, st.SearchStrategy[Any]] = {
    "text": st.text(),
    "number": st.integers(),
    "place": PLACES,
}
OPTIONAL: dict[Any, st.SearchStrategy[Any]] = {
    "choice": st.sampled_from(["a", 1, None]),
    "level": st.sampled_from([1, 2]),
    "part": FLOATS | st.lists(UNITS, max_size=2),
    "tree": st.none() | TREES,
    "spans": st.lists(RANGES, max_size=2),
    "options": st.dictionaries(st.text(), QUERIES, max_size=2),
    "sure": st.booleans(),
}
RIGHT = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL)


def wrong_paths(text: str) -> tuple[str, ...]:
    """Return what is wrong with arguments; () if nothing is."""
    try:
        TOOL.arguments(text)
    except DecodeError as error:
        return error.paths or ("an error without a path",)
    return ()


@given(RIGHT)
def test_what_fits_the_schema_is_taken(value: dict[str, Any]) -> None:
    """They pass, in the types of the annotations."""
    VALIDATOR.validate(value)
    arguments = TOOL.arguments(json.dumps(value))
    assert value.keys() == arguments.keys()
    assert value.keys() <= TOOL.function(**arguments).keys()
    assert Place is type(arguments["place"])
    assert value["place"]["city"] == arguments["place"].city


@given(RIGHT, st.sampled_from([*REQUIRED, *OPTIONAL, "more"]), ANYTHING, st.data())
def test_what_is_taken_is_what_fits_the_schema(
    value: dict[str, Any], name: str, other: Any, data: st.DataObject
) -> None:
    """With one argument replaced by anything, both accept it or both refuse it."""
    spoilt = {**value, name: other}
    if data.draw(st.booleans()):
        del spoilt[data.draw(st.sampled_from(sorted(spoilt)))]
    fits = VALIDATOR.is_valid(spoilt)
    text = json.dumps(spoilt)
    assert fits is (wrong_paths(text) == ())


@given(st.text() | ANYTHING.map(json.dumps))
def test_any_text_gives_arguments_or_says_what_is_wrong(text: str) -> None:
    """No text raises anything else."""
    assert all(path.startswith("$") for path in wrong_paths(text))
