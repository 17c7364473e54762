"""The user's functions that a model may call.

::

    ToolCallError
    ├── UnknownToolError            the model called a tool that does not exist
    └── ToolArgumentsError          the arguments are not what the function takes

Rules of this file:

- An error in a call goes to the model: handlers get the error, and its sentence is submitted
  as the output. So it is not a failure of the stream, and not a StreamError.
- Ready-made definitions need no extra; those made from signatures need ``tools``.
"""

from __future__ import annotations

import json
from copy import deepcopy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, overload

from stream_core.errors import DecodeError

from .argument_types import unstructure_any
from .function import read_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream_core.models import RequiredActionFunctionToolCall

    from .function import Definition, ToolFunction

__all__ = ["ToolArgumentsError", "ToolCallError", "ToolSet", "UnknownToolError"]

F = TypeVar("F", bound="Callable[..., Any]")


class ToolCallError(Exception):
    """Base class for errors in a call; the sentence tells the model how to correct it."""


class UnknownToolError(ToolCallError):
    """The model called a tool that does not exist.

    Attributes:
        name: The name that it called.
        known: The names of the tools that exist.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        near = get_close_matches(self.name, self.known, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        known = f"the tools are: {', '.join(self.known)}" if self.known else "there are no tools"
        return f"there is no tool {self.name!r}; {known}{meant}"


class ToolArgumentsError(ToolCallError):
    """The arguments of a call are not what the function takes.

    Attributes:
        name: The tool.
        arguments: The arguments as the model wrote them.
        paths: The JSON path of each bad argument and what is wrong with it, e.g.
            ``("$.city: is missing, expected a string",)``.
    """

    def __init__(self, name: str, arguments: str, paths: Sequence[str]) -> None:
        super().__init__(name, arguments, paths)
        self.name = name
        self.arguments = arguments
        self.paths = tuple(paths)

    def __str__(self) -> str:
        return (
            f"the arguments of {self.name} are wrong: {'; '.join(self.paths)}. "
            "Call it again with arguments that fit its schema."
        )


class ToolSet:
    """Functions that a model may call, with their definitions.

    ::

        def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
            "Return the current weather in a city."
            return f"21 degrees {unit} in {city}"


        tools = ToolSet(get_weather)

    Name, description and JSON schema come from the signature, the annotations and the
    docstring. Iterating gives the definitions, so that ``[*tools, {"type": "file_search"}]``
    is a list for the API; ``in`` looks up a name.
    """

    def __init__(
        self, *tools: Callable[..., Any] | tuple[Definition, Callable[..., Any]] | ToolSet
    ) -> None:
        """Register tools.

        Args:
            tools: Functions and bound methods; a definition or JSON schema with its function;
                the tools of another set.

        Raises:
            TypeError: One is not a function that a model can call; see :meth:`register`.
            ValueError: Two have the same name.
        """
        self._tools: dict[str, ToolFunction] = {}
        for tool in tools:
            if isinstance(tool, ToolSet):
                for known in tool._tools.values():  # noqa: SLF001  # of the same class
                    self._add(known)
            elif isinstance(tool, tuple):
                schema, function = tool
                self.register(function, schema=schema)
            else:
                self.register(tool)

    @overload
    def register(
        self,
        tool: F,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Definition | None = None,
    ) -> F: ...

    @overload
    def register(
        self,
        tool: None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Definition | None = None,
    ) -> Callable[[F], F]: ...

    def register(
        self,
        tool: F | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Definition | None = None,
    ) -> F | Callable[[F], F]:
        """Add a function; ``@tools.register`` and ``@tools.register(name="x")`` work too.

        Args:
            tool: A function or a bound method, not async. Every parameter has an annotation
                and can be given by name; those with a default need not be given.
            name: The name for the model; by default the function's own.
            description: The description for the model; by default the docstring's text
                before its sections.
            schema: A definition in the API's form, ``{"type": "function", ...}``, or the JSON
                schema of the parameters. Then parameters need no annotation, those without
                one get JSON values, and ``**kwargs`` gets every other argument.

        Returns:
            The function, or a decorator if no function is given.

        Raises:
            ImportError: A schema must be made, but the extra ``tools`` is not installed.
            TypeError: TOOL is not such a function, or a parameter cannot come from JSON.
            ValueError: The name is taken, or the API does not accept it.
        """
        if tool is None:
            return lambda function: self.register(
                function, name=name, description=description, schema=schema
            )
        self._add(read_function(tool, name=name, description=description, schema=schema))
        return tool

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """The definitions in the API's form, in order of registration; copies."""
        return [deepcopy(tool.definition) for tool in self._tools.values()]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order of registration."""
        return tuple(self._tools)

    def run(self, call: RequiredActionFunctionToolCall) -> str:
        """Run the function that CALL names.

        Args:
            call: As in ``run.required_action``.

        Returns:
            The function's result: a string as it is, anything else as JSON. Objects become
            JSON objects, enums their values, dates strings; None is ``null``.

        Raises:
            UnknownToolError: No tool has that name.
            ToolArgumentsError: The arguments are not what the function takes.
            TypeError: JSON cannot hold the function's result.
            Exception: The function raised it.
        """
        name = call.function.name
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownToolError(name, self.names)
        text = call.function.arguments
        try:
            arguments = tool.arguments(text)
        except DecodeError as error:
            raise ToolArgumentsError(name, text, error.paths) from error
        result = tool.function(**arguments)
        try:
            value = unstructure_any(result)
            return (
                value
                if isinstance(value, str)
                else json.dumps(value, ensure_ascii=False, allow_nan=False)
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"tool {name} returned a value that JSON cannot hold: {error}; return a string, "
                "or numbers, strings, lists, dicts, attrs classes and the like"
            ) from error

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.definitions)

    def __len__(self) -> int:
        return len(self._tools)

    def __repr__(self) -> str:
        return f"ToolSet({', '.join(self._tools)})"

    def _add(self, tool: ToolFunction) -> None:
        """Add TOOL under its name."""
        if tool.name in self._tools:
            raise ValueError(
                f"there is already a tool {tool.name!r}: give one of them another name"
            )
        self._tools[tool.name] = tool
