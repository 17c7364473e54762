"""A set of tools: registered in every form, run by a call, and its errors for the model."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import stream_core
from stream_core import ToolArgumentsError, ToolCallError, ToolSet, UnknownToolError, models
from tests import ROOT


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


@define
class Weather:
    city: str
    degrees: float
    unit: Unit
    on: date | None = None


def get_weather(city: str, unit: Unit = Unit.CELSIUS) -> Weather:
    """Tell the weather."""
    return Weather(city, 21, unit, date(2026, 5, 17))


def get_time(city: str) -> str:
    """Tell the time."""
    return f"It is noon in {city}."


def forecast(city, **more) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003  # a schema says it
    """Tell the future."""
    return [city, more]


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DEFINITION = {"type": "function", "function": {"name": "look_ahead", "parameters": SCHEMA}}


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def call(name: str, arguments: Any = None) -> models.RequiredActionFunctionToolCall:
    """Make a call as a run requires it."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    function = models.Function(name=name, arguments=text)
    return models.RequiredActionFunctionToolCall(id="call_1", function=function)


def returning(result: Any) -> ToolSet:
    """Make a set whose one tool returns RESULT."""
    return ToolSet(({"type": "function", "function": {"name": "get"}}, lambda: result))


# --- Registering ------------------------------------------------------------------------


def test_the_example_of_the_docstring_works() -> None:
    """The example is at most ten lines, and the model gets what it shows."""
    text = inspect.cleandoc(ToolSet.__doc__ or "")
    block = text.partition("::\n\n")[2].partition("\n\nName, description")[0]
    assert 10 >= len(block.splitlines())
    names: dict[str, Any] = {"Literal": Literal, "ToolSet": ToolSet}
    exec(inspect.cleandoc(block), names)  # noqa: S102  # it is ours
    tools = names["tools"]
    assert ("get_weather",) == tools.names
    assert "21 degrees celsius in Rome" == tools.run(call("get_weather", {"city": "Rome"}))


def test_tools_come_in_every_form() -> None:
    """Functions, methods, definitions and schemas with a function, and other sets."""
    tools = ToolSet(
        get_weather,
        get_time,
        (DEFINITION, forecast),
        (SCHEMA, forecast),
        ToolSet(returning),
    )
    assert ("get_weather", "get_time", "look_ahead", "forecast", "returning") == tools.names
    assert 5 == len(tools)
    assert "get_time" in tools
    assert "no_such_tool" not in tools
    assert DEFINITION == tools.definitions[2]


def test_definitions_are_what_the_api_takes() -> None:
    """Each is a function with a name, a description and a closed object of parameters."""
    tools = ToolSet(get_weather, get_time)
    assert tools.definitions == json.loads(json.dumps(tools.definitions))
    for definition in tools.definitions:
        assert {"type", "function"} == definition.keys()
        assert "function" == definition["type"]
        function = definition["function"]
        assert {"name", "description", "parameters"} == function.keys()
        parameters = function["parameters"]
        Draft202012Validator.check_schema(parameters)
        assert "object" == parameters["type"]
        assert ["city"] == parameters["required"]
        assert parameters["required"][0] in parameters["properties"]
        assert parameters["additionalProperties"] is False


def test_iterating_gives_the_definitions() -> None:
    """Definitions mix with the tools that the server runs."""
    tools = ToolSet(get_weather)
    assert [*tools.definitions, {"type": "file_search"}] == [*tools, {"type": "file_search"}]


def test_who_changes_a_definition_changes_a_copy() -> None:
    """Changing a definition does not change what is registered."""
    tools = ToolSet(get_weather)
    before = copy.deepcopy(tools.definitions)
    tools.definitions[0]["function"]["parameters"]["properties"].clear()
    assert before == tools.definitions


def test_register_is_a_decorator_with_and_without_arguments() -> None:
    """The function stays a function."""
    tools = ToolSet()
    assert get_time is tools.register(get_time)

    @tools.register
    def one(number: int) -> int:
        """Return it."""
        return number

    @tools.register(name="second", description="Return two.")
    def two() -> int:
        return 2

    @tools.register(schema=SCHEMA)
    def three(city: str) -> str:
        return city

    assert (1, 2, "Rome") == (one(1), two(), three("Rome"))
    assert ("get_time", "one", "second", "three") == tools.names
    assert "Return two." == tools.definitions[2]["function"]["description"]
    assert SCHEMA == tools.definitions[3]["function"]["parameters"]
    assert "2" == tools.run(call("second"))


def test_two_tools_cannot_have_one_name() -> None:
    """Two tools of one name can neither be registered nor be in two sets."""
    with pytest.raises(ValueError, match="there is already a tool 'get_time': give one of them an"):
        ToolSet(get_time, get_time)
    with pytest.raises(ValueError, match="already a tool 'get_time'"):
        ToolSet(ToolSet(get_time), get_time)


def test_what_cannot_be_a_tool_is_refused() -> None:
    """The reasons are those of ``read_function``."""
    not_a_tool: Any = {"type": "code_interpreter"}
    with pytest.raises(TypeError, match="is not a function: register a function"):
        ToolSet(not_a_tool)


def test_a_set_shows_its_names() -> None:
    """An empty set can be shown as well."""
    assert "ToolSet(get_weather, get_time)" == repr(ToolSet(get_weather, get_time))
    assert "ToolSet()" == repr(ToolSet())
    assert [] == ToolSet().definitions


# --- Running ----------------------------------------------------------------------------


def test_a_call_runs_its_function() -> None:
    """Arguments become the annotated types, and the result becomes JSON."""
    tools = ToolSet(get_weather, get_time)
    output = tools.run(call("get_weather", {"city": "Zürich", "unit": "kelvin"}))
    assert '{"city": "Zürich", "degrees": 21, "unit": "kelvin", "on": "2026-05-17"}' == output


@pytest.mark.parametrize(
    ("result", "output"),
    [
        ("a text", "a text"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1, "é"], '[1, "é"]'),
        ({"a": {1}}, '{"a": [1]}'),
        (Unit.KELVIN, "kelvin"),
        (date(2026, 5, 17), "2026-05-17"),
        ([date(2026, 5, 17)], '["2026-05-17"]'),
        (models.Function(name="f"), '{"name": "f"}'),
    ],
    ids=repr,
)
def test_a_result_becomes_a_text(result: Any, output: str) -> None:
    """A string stays as it is; anything else becomes JSON."""
    assert output == returning(result).run(call("get"))


@pytest.mark.parametrize(
    "result", [object(), b"bytes", {(1, 2): 3}, float("nan"), [float("inf")], CYCLE]
)
def test_a_result_that_json_cannot_hold_is_a_type_error(result: Any) -> None:
    """The error names the tool, and the possible results."""
    with pytest.raises(
        TypeError, match=r"tool get returned a value that JSON cannot hold: .*; return"
    ):
        returning(result).run(call("get"))


def test_what_a_function_raises_comes_out_as_it_is() -> None:
    """It is raised unchanged, even if it is an error that this library raises itself."""
    error = stream_core.DecodeError("mine", paths=["$: mine"])

    def fail(city: str) -> None:
        raise error

    with pytest.raises(stream_core.DecodeError) as caught:
        ToolSet(fail).run(call("fail", {"city": "Rome"}))
    assert error is caught.value


def test_an_unknown_tool_is_told_with_the_known_ones() -> None:
    """The error names the known tools, and the one that was probably meant."""
    with pytest.raises(UnknownToolError) as caught:
        ToolSet(get_weather, get_time).run(call("get_wether"))
    assert "get_wether" == caught.value.name
    assert ("get_weather", "get_time") == caught.value.known
    assert (
        "there is no tool 'get_wether'; the tools are: get_weather, get_time; "
        "did you mean get_weather?"
    ) == str(caught.value)
    assert "there is no tool 'x'; the tools are: get_time" == str(
        UnknownToolError("x", ["get_time"])
    )
    assert "there is no tool 'x'; there are no tools" == str(UnknownToolError("x", []))


def test_wrong_arguments_are_told_with_all_that_is_wrong() -> None:
    """The error is a sentence that a model can act on."""
    text = '{"unit": "mars", "day": 1}'
    with pytest.raises(ToolArgumentsError) as caught:
        ToolSet(get_weather).run(call("get_weather", text))
    error = caught.value
    assert "get_weather" == error.name
    assert text == error.arguments
    assert (
        "$.city: is missing, expected a string",
        '$.unit: \'mars\' is not "celsius" or "kelvin"',
        "$.day: is unknown, expected city or unit",
    ) == error.paths
    assert (
        f"the arguments of get_weather are wrong: {'; '.join(error.paths)}. "
        "Call it again with arguments that fit its schema."
    ) == str(error)


@pytest.mark.parametrize(
    "error", [UnknownToolError("x", ("y",)), ToolArgumentsError("x", "{", ("$: is not JSON",))]
)
def test_errors_can_be_copied_and_pickled(error: ToolCallError) -> None:
    """They may come from another process, and they are not failures of a stream."""
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  # it is ours
        assert type(error) is type(again)
        assert vars(error) == vars(again)
        assert str(error) == str(again)
    assert not isinstance(error, stream_core.StreamError)


def test_tools_can_run_at_the_same_time() -> None:
    """A set is only read while it runs."""
    tools = ToolSet(get_time)
    calls = [call("get_time", {"city": str(number)}) for number in range(50)]
    with ThreadPoolExecutor(4) as executor:
        outputs = list(executor.map(tools.run, calls))
    assert [f"It is noon in {number}." for number in range(50)] == outputs


TOOLS = ToolSet(get_weather)
VALIDATOR = Draft202012Validator(TOOLS.definitions[0]["function"]["parameters"])
VALUES = st.none() | st.integers() | st.sampled_from(["celsius", "kelvin", "Rome"]) | st.text()
ARGUMENTS = st.dictionaries(st.sampled_from(["city", "unit", "x"]), VALUES)


@given(ARGUMENTS)
def test_a_call_runs_exactly_when_its_arguments_fit_the_schema(arguments: dict[str, Any]) -> None:
    """Every other call is a ToolArgumentsError."""
    if VALIDATOR.is_valid(arguments):
        output = json.loads(TOOLS.run(call("get_weather", arguments)))
        assert arguments["city"] == output["city"]
        assert arguments.get("unit", "celsius") == output["unit"]
    else:
        with pytest.raises(ToolArgumentsError):
            TOOLS.run(call("get_weather", arguments))


# --- The extra --------------------------------------------------------------------------

WITHOUT_THE_EXTRA = """
import sys

sys.modules["msgspec"] = sys.modules["docstring_parser"] = None

from stream_core import ToolSet
from stream_core.models import Function, RequiredActionFunctionToolCall

def shout(text: str) -> str:
    return text.upper()

schema = {"type": "object", "properties": {"text": {"type": "string"}}}
tools = ToolSet((schema, shout))
function = Function(name="shout", arguments='{"text": "a"}')
print(tools.run(RequiredActionFunctionToolCall(function=function)))
try:
    tools.register(shout, name="again")
except ImportError as error:
    print(error)
"""


def test_definitions_work_without_the_extra() -> None:
    """The error says how to install the extra."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    output, sentence = done.stdout.splitlines()
    assert "A" == output
    assert sentence.endswith(
        'run pip install "until-done[tools]", or give a definition with the function'
    )
