"""Responders: turns, parts from any callable, and the default responder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stream_core.testing.parts import CallFunctions, Part, Say, ShowImage
from stream_core.testing.responder import (
    DefaultResponder,
    ToolResult,
    Turn,
    check_responder,
    parts_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def message(role: str, *texts: str) -> dict[str, Any]:
    """A wire message."""
    parts: list[dict[str, Any]] = [{"type": "image_file", "image_file": {"file_id": "f"}}]
    parts += [{"type": "text", "text": {"value": text, "annotations": []}} for text in texts]
    return {"role": role, "content": parts}


WEATHER = {
    "name": "get_current_weather",
    "description": "Tells the temperature and rain of a city.",
    "parameters": {"properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK = {"name": "getTime", "description": None}


def turn(*said: str, **run: Any) -> Turn:
    """A turn after these user messages."""
    tools: list[dict[str, Any]] = [{"type": "code_interpreter"}]
    tools += [{"type": "function", "function": function} for function in (WEATHER, CLOCK)]
    defaults = {"tools": tools, "tool_choice": "auto", "parallel_tool_calls": True}
    return Turn({}, {}, {**defaults, **run}, [message("user", text) for text in said])


def called(parts: Iterator[Part]) -> list[tuple[str, str]]:
    """Return name and arguments of the calls if they are the whole answer; empty for none."""
    (part,) = parts
    if isinstance(part, Say):
        return []
    assert isinstance(part, CallFunctions)
    return [(call.name, call.arguments) for call in part.calls]


def said(parts: Iterator[Part]) -> str:
    """Return the text if it is the whole answer."""
    (part,) = parts
    assert isinstance(part, Say)
    return part.text


def test_a_turn_knows_the_users_texts() -> None:
    """Texts of several parts are joined, images and the assistant's messages left out."""
    seen = Turn({}, {}, {}, [message("user", "a", "b"), message("assistant", "c")])
    assert ["a\nb"] == seen.user_texts
    assert "a\nb" == seen.last_user_text
    assert "" == Turn({}, {}, {}).last_user_text
    assert "" == text_of(message("user"))


def test_plain_callables_and_responders_may_give_parts_or_texts() -> None:
    """One part, one text, or any iterable of both."""
    assert [Say("x")] == list(parts_of(lambda _: "x", turn()))
    assert [ShowImage("f")] == list(parts_of(lambda _: ShowImage("f"), turn()))
    assert [Say("x"), ShowImage("f")] == list(parts_of(lambda _: ["x", ShowImage("f")], turn()))
    assert "You said: hi" == said(parts_of(DefaultResponder(), turn("hi")))


def test_a_generator_is_asked_for_one_part_at_a_time() -> None:
    """The generator's code after a part runs when the next part is requested."""
    log = []

    def respond(_: Turn) -> Iterator[str]:
        yield "a"
        log.append("between")
        yield "b"

    parts = parts_of(respond, turn())
    assert ([], Say("a")) == (list(log), next(parts))
    assert (Say("b"), ["between"]) == (next(parts), log)


@pytest.mark.parametrize("wrong", [None, 5, [5]])
def test_anything_else_is_a_type_error(wrong: Any) -> None:
    """The error says what a responder must return."""
    with pytest.raises(TypeError, match="a responder must return parts"):
        list(parts_of(lambda _: wrong, turn()))


def test_the_default_answers_from_the_conversation() -> None:
    """It repeats the last user message, and the one before."""
    respond = DefaultResponder().respond
    assert "You said: one" == said(respond(turn("one")))
    assert "You said: two\nBefore that you said: one" == said(respond(turn("one", "two")))
    assert "You have not said anything yet." == said(respond(turn()))


def test_the_default_calls_the_function_that_fits() -> None:
    """A word of the name, or two of the description, and the arguments from the message."""
    respond = DefaultResponder().respond
    expected = [("get_current_weather", '{"city": "Oslo"}')]
    assert expected == called(respond(turn("What's the weather in Oslo?")))
    assert expected == called(respond(turn("Temperature and rain in Oslo?")))
    assert [] == called(respond(turn("Any rain in Oslo?")))
    assert [("getTime", "{}")] == called(respond(turn("What time is it?")))


def test_the_default_calls_several_functions_if_the_run_allows_it() -> None:
    """Without parallel calls only the best is called."""
    respond = DefaultResponder().respond
    text = "Weather and temperature in Oslo at this time?"
    assert ["get_current_weather", "getTime"] == [name for name, _ in called(respond(turn(text)))]
    alone = turn(text, parallel_tool_calls=False)
    assert ["get_current_weather"] == [name for name, _ in called(respond(alone))]


@pytest.mark.parametrize(
    ("choice", "text", "expected"),
    [
        ("none", "What time is it?", []),
        ("required", "Hello", ["get_current_weather"]),
        ({"type": "function", "function": {"name": "getTime"}}, "weather", ["getTime"]),
        ({"type": "file_search"}, "What time is it?", ["getTime"]),
    ],
)
def test_the_default_obeys_tool_choice(choice: Any, text: str, expected: list[str]) -> None:
    """None forbids, required forces, and a named function is the one called."""
    parts = DefaultResponder().respond(turn(text, tool_choice=choice))
    assert expected == [name for name, _ in called(parts)]


def test_the_default_without_tools_only_talks() -> None:
    """No function, no call."""
    assert "You said: weather" == said(DefaultResponder().respond(turn("weather", tools=[])))


def test_the_default_tells_outputs_and_calls_nothing_again() -> None:
    """Every result of every round is in the answer, including calls that were not approved."""
    results = (
        ToolResult("call_1", "get_current_weather", "{}", "sunny"),
        ToolResult("call_2", "fetch", "{}", None, approved=False),
    )
    asked = turn("weather")
    answered = Turn({}, {}, asked.run, asked.messages, (results,))
    assert "get_current_weather says: sunny fetch was not allowed." == said(
        DefaultResponder().respond(answered)
    )


class Object:
    """A responder with a method."""

    def respond(self, _: Turn) -> str:
        return "x"


class CanBeCalled:
    """A responder that is called."""

    def __call__(self, _: Turn) -> str:
        return "x"


class AsyncCallable:
    async def __call__(self, _: Turn) -> str:
        return "x"


class AsyncMethod:
    async def respond(self, _: Turn) -> str:
        return "x"


class NotCallable:
    respond = "x"


def no_turn() -> str:
    """Take nothing."""
    return "x"


async def coroutine(_: Turn) -> str:
    """Return what a coroutine would."""
    return "x"


async def async_generator(_: Turn) -> AsyncIterator[str]:
    """Yield as an asynchronous generator would."""
    yield "x"


def wrapped(*_: Any) -> str:
    """Take anything, but claim to take nothing."""
    return "x"


vars(wrapped)["__wrapped__"] = no_turn  # as functools.wraps does


@pytest.mark.parametrize(
    "responder",
    [
        Object(),
        CanBeCalled(),
        Object().respond,
        lambda turn, more=1: [],
        lambda *_: [],
        partial(lambda a, turn: [], 1),
        DefaultResponder(),
        wrapped,
        iter,  # written in C
        {}.get,
    ],
)
def test_what_can_be_called_with_a_turn_is_a_responder(responder: object) -> None:
    """By its own signature, not that of what it wraps."""
    check_responder(responder)


@pytest.mark.parametrize(
    ("responder", "said"),
    [
        (Object, "is a class: pass an instance, Object()"),
        (Say, "is a class: pass an instance, Say()"),
        ([Say("x")], "for a fixed answer pass `lambda turn: ...`"),
        ("x", "not 'x'"),
        (5, "not 5"),
        (NotCallable(), "an object with respond(turn)"),
        (no_turn, "takes () -> 'str': too many positional arguments"),
        (lambda a, b: [], "takes (a, b): missing a required argument: 'b'"),
        (lambda *, turn: [], "is called with one argument, the Turn"),
        (coroutine, "is asynchronous"),
        (async_generator, "write a plain function or generator"),
        (AsyncCallable(), "is asynchronous"),
        (AsyncMethod(), "is asynchronous"),
        (partial(coroutine), "is asynchronous"),
    ],
)
def test_what_cannot_answer_is_refused_with_the_remedy(responder: object, said: str) -> None:
    """Before a server is started for it."""
    with pytest.raises(TypeError) as caught:
        check_responder(responder)
    assert said in str(caught.value)


@pytest.mark.parametrize("make", [coroutine, async_generator])
def test_an_asynchronous_answer_is_refused_and_closed(make: Any) -> None:
    """A lambda can hide it until it is called; no warning is left behind."""
    with pytest.raises(TypeError, match="is asynchronous"):
        list(parts_of(lambda turn: make(turn), Turn({}, {}, {})))  # noqa: PLW0108 - it hides it


@pytest.mark.parametrize("wrong", [None, 5, b"x", {"a": "b"}, [None], [["x"]]])
def test_an_answer_of_another_kind_is_refused(wrong: Any) -> None:
    """It is named in the sentence."""
    with pytest.raises(TypeError, match="texts, or an iterable of these, not"):
        list(parts_of(lambda _: wrong, Turn({}, {}, {})))
