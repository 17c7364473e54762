"""The `Responder` protocol, the turn that it gets, and the default responder.

Rules of this file:

- A responder gets a `Turn` (a copy; it may keep it) and returns parts. It knows
  nothing about events, ids of steps, or HTTP.
- It is called in a thread of its own, and its parts are requested one at a time, so
  that it may block, and may be a generator that waits between parts.
- The default responder is a function of the turn alone: same turn, same answer.
"""

from __future__ import annotations

import inspect
import re
import reprlib
from collections.abc import (
    AsyncIterable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, Protocol, TypeAlias, runtime_checkable

from attrs import frozen

from .arguments import fill_arguments
from .parts import CallFunctions, FunctionCall, Part, Say
from .store import Obj

__all__ = [
    "Answer",
    "DefaultResponder",
    "Responder",
    "ToolResult",
    "Turn",
    "check_responder",
    "parts_of",
    "text_of",
]

Answer: TypeAlias = "Part | str | Iterable[Part | str]"
"""The answer of a responder: one part, a text (to say), or any iterable of these."""


@frozen
class ToolResult:
    """A call by the assistant, and the client's answer.

    Attributes:
        call_id: The call's id.
        name: The function, or the MCP server's tool.
        arguments: The arguments as text, as the assistant wrote them.
        output: The tool's output; None for an MCP call that was not approved.
        approved: Whether the client approved an MCP call; None for a function.
    """

    call_id: str
    name: str
    arguments: str
    output: str | None
    approved: bool | None = None


@frozen
class Turn:
    """The state of the conversation when the assistant must answer.

    Attributes:
        assistant: The wire object.
        thread: The wire object.
        run: The wire object: model, instructions, tools, tool_choice, limits.
        messages: The thread's wire messages, oldest first.
        rounds: The answered tool rounds of this run, oldest first.
    """

    assistant: Obj
    thread: Obj
    run: Obj
    messages: Sequence[Obj] = ()
    rounds: Sequence[Sequence[ToolResult]] = ()

    @property
    def user_texts(self) -> list[str]:
        """The text of each user message, oldest first."""
        return [text_of(message) for message in self.messages if message["role"] == "user"]

    @property
    def last_user_text(self) -> str:
        """The text of the last user message, or "" if there is none."""
        return next(reversed(self.user_texts), "")

    @property
    def results(self) -> list[ToolResult]:
        """All results of all rounds."""
        return [result for results in self.rounds for result in results]

    @property
    def functions(self) -> list[Obj]:
        """The function tools of the run: ``name``, ``description``, ``parameters``."""
        return [tool["function"] for tool in self.run["tools"] if tool["type"] == "function"]


@runtime_checkable
class Responder(Protocol):
    """Answers for the assistant."""

    def respond(self, turn: Turn) -> Answer:
        """Return the parts of the answer; called once per turn.

        A run has one turn, and one more after each round of tool outputs or
        approvals. An exception makes the run fail, and is raised again when the server
        is closed. A run that is meant to fail has the part `Fail`.
        """
        ...


def text_of(message: Obj) -> str:
    """Return the text of a wire message; parts other than text are left out."""
    texts = [part["text"]["value"] for part in message["content"] if part["type"] == "text"]
    return "\n".join(texts)


_ASYNC = (
    "is asynchronous: a responder is called in a thread of its own, where it may block; "
    "write a plain function or generator"
)


def check_responder(responder: object) -> None:
    """Check what can be known of a responder before it is called.

    Raises:
        TypeError: It is a class, cannot be called with a turn, or is asynchronous.
    """
    shown = reprlib.repr(responder)
    if isinstance(responder, type):
        name = responder.__name__
        raise TypeError(f"the responder {name} is a class: pass an instance, {name}()")
    ask = getattr(responder, "respond", responder)
    if not callable(ask):
        raise TypeError(
            "a responder is a function that takes a Turn, or an object with respond(turn), "
            f"not {shown}: for a fixed answer pass `lambda turn: ...`"
        )
    for asked in (ask, getattr(ask, "__call__", None)):  # noqa: B004 - the method itself is needed
        if inspect.iscoroutinefunction(asked) or inspect.isasyncgenfunction(asked):
            raise TypeError(f"the responder {shown} {_ASYNC}")
    try:
        signature = inspect.signature(ask, follow_wrapped=False)
    except (TypeError, ValueError):  # some that are written in C have none
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise TypeError(
            f"the responder {shown} is called with one argument, the Turn, "
            f"but takes {signature}: {error}"
        ) from error


def parts_of(responder: Responder | Callable[[Turn], Answer], turn: Turn) -> Iterator[Part]:
    """Yield the parts of a responder or a plain callable, lazily.

    Raises:
        TypeError: The answer is not a part, a text or an iterable of these.
    """
    ask = responder.respond if isinstance(responder, Responder) else responder
    for part in _items(ask(turn)):
        if isinstance(part, str):
            yield Say(part)
        elif isinstance(part, Part):
            yield part
        else:
            raise TypeError(
                "a responder must return parts (stream_core.testing.parts), texts, or an "
                f"iterable of these, not {reprlib.repr(part)}"
            )


def _items(answer: object) -> Iterable[object]:
    """Return the items of an answer; ``object``, because users' code may return anything."""
    if isinstance(answer, Coroutine):
        answer.close()  # or else Python warns that it was never awaited
    if isinstance(answer, Coroutine | AsyncIterable):
        raise TypeError(f"the responder {_ASYNC}")
    if isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping):
        return answer
    return (answer,)


# Words that do not help to identify a function.
_STOP_TEXT = """
a an and are as at be by call can current data do does fetch find for from get give given
has have how i in into is it its list look lookup make me my name of on or please query
return returns run search set show tell that the then this to up use user value was what
when where which who with you your
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_NAME_WORD = 2  # a word of the function's name counts as much as two of its description
_ENOUGH = 2


class DefaultResponder:
    """Answers from the conversation, and calls functions that fit.

    A function fits if the last user message has a word of its name, or two of its
    description. Of those that fit, all are called if the run allows parallel calls, or
    else the best. ``tool_choice`` is obeyed. After outputs have come, they become the
    answer, and nothing is called again.
    """

    def respond(self, turn: Turn) -> Iterator[Part]:
        """Yield one `Say` or one `CallFunctions`."""
        calls = [] if turn.rounds else self._calls(turn)
        if calls:
            yield CallFunctions(calls)
        else:
            yield Say(self._words(turn))

    def _calls(self, turn: Turn) -> list[FunctionCall]:
        text = turn.last_user_text
        return [
            FunctionCall(function["name"], fill_arguments(function.get("parameters"), text))
            for function in self._chosen(turn, text)
        ]

    def _chosen(self, turn: Turn, text: str) -> list[Obj]:
        choice: Any = turn.run["tool_choice"]
        if isinstance(choice, dict) and choice.get("type") == "function":
            wanted = choice["function"]["name"]
            return [function for function in turn.functions if function["name"] == wanted]
        if choice == "none":
            return []
        scored = [(_fit(function, text), function) for function in turn.functions]
        best = max((score for score, _ in scored), default=0)
        if best < _ENOUGH:
            return turn.functions[:1] if choice == "required" else []
        fitting = [function for score, function in scored if score >= _ENOUGH]
        if turn.run["parallel_tool_calls"]:
            return fitting
        return [next(function for score, function in scored if score == best)]

    def _words(self, turn: Turn) -> str:
        if turn.results:
            return " ".join(
                f"{result.name} was not allowed."
                if result.approved is False
                else f"{result.name} says: {result.output}"
                for result in turn.results
            )
        texts = turn.user_texts
        if not texts:
            return "You have not said anything yet."
        answer = f"You said: {texts[-1]}"
        if len(texts) > 1:
            answer += f"\nBefore that you said: {texts[-2]}"
        return answer


def _fit(function: Obj, text: str) -> int:
    """Return a score of how well a function fits a text."""
    said = _word_set(text)
    name = _word_set(function["name"])
    description = _word_set(function.get("description") or "") - name
    return _NAME_WORD * len(said & name) + len(said & description)


def _word_set(text: str) -> set[str]:
    """Return the significant words of a text: lower case, without plural s, names split."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = {word.lower() for word in re.findall(r"[^\W_]+", parted)} - _STOP_WORDS
    return {word.removesuffix("s") if len(word) > 3 else word for word in words}  # noqa: PLR2004 - "gas" and "bus" keep theirs
