"""One function that a model may call: read from its signature, called with JSON.

Rules of this file:

- A function is checked when it is read; an error has its name and the remedy.
- A definition is for the model, an annotation for the function: arguments are converted to
  the annotated types whoever made the schema. What a schema says beyond types (bounds,
  patterns) is for the model; only the function can check it.
- Arguments that were not given are not passed: the function has its own defaults.
"""

from __future__ import annotations

import inspect
import re
from copy import deepcopy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias, get_type_hints

from attrs import frozen

from stream_core.convert import json_text
from stream_core.convert.payloads import unstructure
from stream_core.errors import DecodeError
from stream_core.models import FunctionTool

from .argument_types import expected, structurer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Definition", "ToolFunction", "read_function"]

#: A tool definition in the API's form, or only the JSON schema of the parameters.
Definition: TypeAlias = "Mapping[str, Any] | FunctionTool"

#: The names that the API accepts.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@frozen
class ToolFunction:
    """A function that a model may call.

    Attributes:
        definition: The definition in the API's form.
        function: The function itself.
        parameters: The names that it takes, each with the converter of its JSON value.
        required: The names without a default, each with a description of the expected value.
        takes_more: Whether it takes any other name too.
    """

    definition: dict[str, Any]
    function: Callable[..., Any]
    parameters: dict[str, Callable[[object], Any]]
    required: dict[str, str]
    takes_more: bool

    @property
    def name(self) -> str:
        """The name by which the model calls it."""
        name: str = self.definition["function"]["name"]
        return name

    def arguments(self, text: str) -> dict[str, Any]:
        """Make the function's arguments from TEXT, which a model wrote.

        Raises:
            DecodeError: They are not what the function takes; ``paths`` names every mistake.
        """
        try:
            given = json_text.loads_strictly(text) if text.strip() else {}
        except ValueError as error:
            raise _wrong([f"$: is not JSON: {error}"]) from error
        if given is None:  # some models write null for no arguments
            given = {}
        if not isinstance(given, dict):
            raise _wrong(["$: is not an object of arguments by name"])
        made: dict[str, Any] = {}
        wrong = [
            f"$.{name}: is missing, expected {kind}"
            for name, kind in self.required.items()
            if name not in given
        ]
        for name, value in given.items():
            structure = self.parameters.get(name)
            if structure is not None:
                try:
                    made[name] = structure(value)
                except DecodeError as error:
                    wrong += [f"$.{name}{path.removeprefix('$')}" for path in error.paths]
            elif self.takes_more:
                made[name] = value
            else:
                wrong.append(f"$.{name}: is unknown, expected {_either(self.parameters)}")
        if wrong:
            raise _wrong(wrong)
        return made


def read_function(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    schema: Definition | None = None,
) -> ToolFunction:
    """Read the name, parameters and definition of FUNCTION; see ``ToolSet.register``.

    Raises:
        ImportError: A schema must be made, but the extra ``tools`` is not installed.
        TypeError: FUNCTION is not a function that a model can call.
        ValueError: The API does not accept the name.
    """
    _check_function(function)
    ready = None if schema is None else _ready(function, schema)
    kinds, defaults, takes_more = _parameters(function, ready=ready is not None)
    parameters = {}
    for parameter, kind in kinds.items():
        try:
            parameters[parameter] = structurer(kind)
        except Exception as error:
            # Annotations are code: evaluating those of the user's classes may raise anything.
            raise TypeError(f"{_title(function)}: parameter {parameter!r}: {error}") from error
    if ready is None:
        ready = _described(function, kinds, defaults)
    elif not takes_more:
        _compare(function, ready, kinds, defaults)
    definition = _definition(ready, name or ready.get("name") or function.__name__, description)
    required = {name: expected(kind) for name, kind in kinds.items() if name not in defaults}
    return ToolFunction(definition, function, parameters, required, takes_more)


def _definition(ready: dict[str, Any], name: str, description: str | None) -> dict[str, Any]:
    """Return a definition in the API's form."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} is not a valid tool name: use up to 64 of a-z, A-Z, 0-9, _ and -, for "
            "example with register(function, name=...)"
        )
    description = description or ready.get("description")
    head = {"name": name} | ({"description": description} if description else {})
    return {"type": "function", "function": head | ready | head}


def _described(
    function: Callable[..., Any], kinds: dict[str, Any], defaults: dict[str, Any]
) -> dict[str, Any]:
    """Return the inner part of a definition, made from FUNCTION's signature and docstring."""
    from .schema import describe

    try:
        description, schema = describe(inspect.getdoc(function) or "", kinds, defaults)
    except TypeError as error:
        raise TypeError(f"{_title(function)}: {error}") from error
    return _inner(description, schema)


def _inner(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the inner part of a definition; an empty description is left out."""
    return ({"description": description} if description else {}) | {"parameters": schema}


def _wrong(paths: list[str]) -> DecodeError:
    """Return the error for wrong arguments."""
    return DecodeError("the arguments are not what the function takes", paths=paths)


def _either(names: Mapping[str, Any]) -> str:
    """Return the possible arguments, in words."""
    return " or ".join(names) or "no arguments"


def _title(function: Callable[..., Any]) -> str:
    """Return the name of FUNCTION for a message."""
    return getattr(function, "__qualname__", None) or repr(function)


def _check_function(tool: Callable[..., Any]) -> None:
    """Refuse anything that is not a function, or that a plain call does not run."""
    if not inspect.isroutine(inspect.unwrap(tool)):
        raise TypeError(f"{tool!r} is not a function: register a function or a bound method")
    if inspect.iscoroutinefunction(tool) or inspect.isasyncgenfunction(tool):
        raise TypeError(
            f"{_title(tool)} is async, but nothing here awaits it: register a function that "
            "runs it, for example with asyncio.run"
        )


def _ready(function: Callable[..., Any], schema: Definition) -> dict[str, Any]:
    """Return SCHEMA, which is for FUNCTION, as the inner part of a definition."""
    value = deepcopy(unstructure(schema) if isinstance(schema, FunctionTool) else dict(schema))
    if value.get("type") == "function" and isinstance(value.get("function"), dict):
        inner: dict[str, Any] = value["function"]
        return inner
    if value.get("type") == "object":
        # Without the extra, only the first paragraph of a docstring is read.
        about = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        return _inner(about, value)
    raise TypeError(
        f"the schema given for {_title(function)} is not a definition: expected "
        '{"type": "function", "function": {...}}, or a JSON schema of type "object"'
    )


def _parameters(
    function: Callable[..., Any], *, ready: bool
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Return the types of FUNCTION's parameters, their defaults, and whether it takes more.

    Args:
        function: A function or a bound method.
        ready: Whether a schema is given, so that none has to be made.
    """
    try:
        hints = _hints(function)
    except Exception as error:
        # Annotations are code: evaluating them may raise anything.
        raise TypeError(
            f"an annotation of {_title(function)} cannot be read: {error}; it must name types "
            "that its module has at run time, not only under TYPE_CHECKING"
        ) from error
    kinds: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    takes_more = False
    for name, parameter in inspect.signature(function).parameters.items():
        remedy = _remedy(parameter, annotated=name in hints, ready=ready)
        if remedy is not None:
            raise TypeError(f"{_title(function)}: parameter {parameter} {remedy}")
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_more = True
            continue
        kinds[name] = hints.get(name, Any)
        if parameter.default is not parameter.empty:
            defaults[name] = parameter.default
    return kinds, defaults, takes_more


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of FUNCTION's parameters; its result may be of any type."""
    annotations = dict(getattr(function, "__annotations__", {}))
    annotations.pop("return", None)
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    return get_type_hints(SimpleNamespace(__annotations__=annotations), scope, include_extras=True)


def _remedy(parameter: inspect.Parameter, *, annotated: bool, ready: bool) -> str | None:
    """Return why a model cannot give PARAMETER, and what to do, or None if it can."""
    if parameter.kind is parameter.POSITIONAL_ONLY:
        return "is positional-only, but models give arguments by name: move it after the /"
    if parameter.kind is parameter.VAR_POSITIONAL:
        return "has no name for the model to give: take one parameter that is a list"
    if ready:
        return None
    if parameter.kind is parameter.VAR_KEYWORD:
        return "has no names for the model to give: take a dict, or give a schema"
    if annotated:
        return None
    if parameter.name == "self":
        return "is not an argument for the model: register the bound method of an object"
    return "has no annotation: annotate it, or give a schema"


def _compare(
    function: Callable[..., Any],
    ready: dict[str, Any],
    kinds: dict[str, Any],
    defaults: dict[str, Any],
) -> None:
    """Check a given schema against the parameters of its function."""
    properties = (ready.get("parameters") or {}).get("properties")
    if properties is None:  # a schema may name its properties in other ways
        return
    if extra := properties.keys() - kinds.keys():
        raise TypeError(
            f"{_title(function)} does not take {_either(dict.fromkeys(sorted(extra)))}, which its "
            "schema has: add such parameters, or **kwargs"
        )
    if lacking := kinds.keys() - defaults.keys() - properties.keys():
        raise TypeError(
            f"{_title(function)} needs {' and '.join(sorted(lacking))}, which its schema lacks: "
            "add it to the schema's properties, or give the parameter a default"
        )
