"""Functions of the user's that a model may call.

::

    ToolCallError
    ├── UnknownToolError            no tool has the name that the model called
    └── ToolArgumentsError          the arguments are not what the function takes

Rules of this file:

- What is wrong with a call is said to the model: handlers are told of the error, and its
  sentence is submitted as the output. So it is no failure of the stream, and no StreamError.
- Definitions given ready need no extra; those made from signatures need ``tools``.
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
    """Base of what is wrong with a call; the sentence tells the model how to do better."""


class UnknownToolError(ToolCallError):
    """The model called a tool that there is not.

    Attributes:
        name: What it called.
        known: The names that there are.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        near = get_close_matches(self.name, self.known, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        known = f"the tools are: {', '.join(self.known)}" if self.known else "there are none"
        return f"there is no tool {self.name!r}, {known}{meant}"


class ToolArgumentsError(ToolCallError):
    """The arguments of a call are not what the function takes.

    Attributes:
        name: The tool.
        arguments: The arguments as the model wrote them.
        paths: JSON paths with what is wrong there, e.g.
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
    """Functions that a model may call, with their definitions, and what runs the calls.

    ::

        def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
            "Tell what the weather in a city is now."
            return f"21 degrees {unit} in {city}"


        tools = ToolSet(get_weather)

    Name, description and JSON schema come from the signature, the annotations and the
    docstring. Iterating gives the definitions, so that ``[*tools, {"type": "file_search"}]``
    is a list for the API; ``in`` asks for a name.
    """

    def __init__(
        self, *tools: Callable[..., Any] | tuple[Definition, Callable[..., Any]] | ToolSet
    ) -> None:
        """Register tools.

        Args:
            tools: Functions and bound methods; a definition or JSON schema with its function;
                the tools of another set.

        Raises:
            TypeError: One is no function that a model can call; see :meth:`register`.
            ValueError: Two have one name.
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
            name: For the model; otherwise the function's own.
            description: For the model; otherwise what the docstring says before its sections.
            schema: A definition in the API's form, ``{"type": "function", ...}``, or the JSON
                schema of the parameters. Then parameters need no annotation, those without
                one get JSON values, and ``**kwargs`` gets every other argument.

        Returns:
            The function; or a decorator, where there is no function.

        Raises:
            ImportError: A schema is to be made, and the extra ``tools`` is not installed.
            TypeError: TOOL is no such function, or a parameter cannot come from JSON.
            ValueError: The name is taken, or none that the API takes.
        """
        if tool is None:
            return lambda function: self.register(
                function, name=name, description=description, schema=schema
            )
        self._add(read_function(tool, name=name, description=description, schema=schema))
        return tool

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """The definitions as the API takes them, in order of registration; copies."""
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
            What the function returned: a text as it is, anything else as JSON. Objects become
            JSON objects, enums their values, dates texts; None is ``null``.

        Raises:
            UnknownToolError: No tool has that name.
            ToolArgumentsError: The arguments are not what the function takes.
            TypeError: What the function returned is nothing that JSON can hold.
            Exception: What the function raised.
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
                f"tool {name} returned what JSON cannot hold: {error}; let it return a text, or "
                "numbers, texts, lists, dicts, attrs classes and the like"
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
                f"there is a tool {tool.name!r} already: give one of them another name"
            )
        self._tools[tool.name] = tool
