"""Which call a fragment belongs to, however the server indicates it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream_core import events, models
from stream_core.convert.payloads import structure
from stream_core.dialects.chat.chunks import ChunkDelta
from stream_core.dialects.chat.tool_calls import ChatCalls, read_fragments
from stream_core.dialects.run_writer import RunWriter
from stream_core.errors import DecodeError
from tests.support.chat_frames import call

#: The fragments of each chunk, chunk by chunk.
Chunks = list[list[dict[str, Any]]]


def writer_of(chunks: Chunks) -> tuple[ChatCalls, RunWriter]:
    """Write the fragments of CHUNKS to a step of a new run."""
    run = RunWriter(models.Run("run_1"))
    calls = ChatCalls(run.step("calls"))
    run.take()
    for number, sent in enumerate(chunks):
        delta = structure(ChunkDelta, {"tool_calls": sent})
        for fragment in read_fragments(delta, "$"):
            calls.add(fragment, number)
    return calls, run


def found(chunks: Chunks) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the calls that result from CHUNKS."""
    calls, _ = writer_of(chunks)
    return [
        (x["id"], x["function"]["name"], x["function"]["arguments"]) for x in calls.to_messages()
    ]


PARIS, ROME = '{"city": "Paris"}', '{"city": "Rome"}'


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(
            [
                [call(0, "a", name="f", arguments="")],
                [call(0, arguments=PARIS)],
                [call(1, "b", name="g", arguments="")],
                [call(1, arguments=ROME)],
            ],
            id="by index, as OpenAI does",
        ),
        pytest.param(
            [
                [call(1, "a", name="f", arguments=PARIS[:5])],
                [call(7, "b", name="g", arguments=ROME)],
                [call(1, arguments=PARIS[5:])],
            ],
            id="by any index, taking turns",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS[:5]), call(1, "b", name="g")],
                [call(1, arguments=ROME), call(0, arguments=PARIS[5:])],
            ],
            id="both in one chunk",
        ),
        pytest.param(
            [
                [
                    call(0, "a", name="f", arguments=PARIS[:5]),
                    call(0, arguments=PARIS[5:]),
                    call(1, "b", name="g", arguments=ROME),
                ],
            ],
            id="one index twice in one chunk",
        ),
        pytest.param(
            [
                [
                    call(None, "a", name="f", arguments=PARIS),
                    call(None, "b", name="g", arguments=ROME),
                ]
            ],
            id="no index, whole calls, as Mistral does",
        ),
        pytest.param(
            [
                [call(None, "a", name="f")],
                [call(None, "b", name="g")],
                [call(None, "a", arguments=PARIS), call(None, "b", arguments=ROME)],
            ],
            id="no index: by id",
        ),
        pytest.param(
            [
                [call(None, "a", name="f")],
                [call(None, arguments=PARIS)],
                [call(None, "b", name="g")],
                [call(None, arguments=ROME)],
            ],
            id="no index, no id, alone: the newest",
        ),
        pytest.param(
            [
                [call(None, "a", name="f", arguments=PARIS), call(None, "b", name="g")],
                [call(None, arguments=ROME)],
            ],
            id="the newest, also where it began among others",
        ),
        pytest.param(
            [
                [call(None, "a", name="f"), call(None, "b", name="g")],
                [call(None, arguments=PARIS), call(None, arguments=ROME)],
            ],
            id="no index, no id, among others: by place",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS)],
                [call(0, "b", name="g", arguments=ROME)],
            ],
            id="two ids under one index",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS), call(0, "b", name="g", arguments=ROME)],
            ],
            id="two ids under one index in one chunk",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS)],
                [{"index": 0, "id": "b", "type": "function", "function": None}],
                [call(0, name="g")],
                [call(0, arguments=ROME)],
            ],
            id="another id begins with nothing but itself",
        ),
        pytest.param(
            [
                [{"index": 0, "id": "a", "type": "function", "function": None}],
                [call(0, None, name="f")],
                [call(0, None, arguments=PARIS)],
                [call(1, "b", name="g", arguments=ROME)],
            ],
            id="function null at first, the name later",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS[:5])],
                [{"index": 0, "id": None, "function": {"name": None, "arguments": PARIS[5:]}}],
                [call(1, "b", name="g", arguments="")],
                [{"index": 1, "id": "", "function": {"name": "", "arguments": ROME}}],
            ],
            id="null and empty ids and names on later fragments",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS[:5])],
                [call(0, "a", name="f", arguments=PARIS[5:])],
                [call(1, "b", name="g", arguments=ROME)],
                [call(1, "b", name="g", arguments="")],
            ],
            id="id and name again on every fragment",
        ),
        pytest.param(
            [
                [call(0, "a", name="f", arguments=PARIS[:5])],
                [call(0, "x", arguments=PARIS[5:])],
                [call(1, "b", name="g", arguments=ROME)],
            ],
            id="a made-up id on a fragment of arguments",
        ),
        pytest.param(
            [
                [call(0, None, name="f", arguments=PARIS)],
                [call(0, "a")],
                [call(1, "b", name="g", arguments=ROME)],
            ],
            id="the id late",
        ),
        pytest.param(
            [
                [{"index": 0, "type": "function"}],
                [call(0, "a", name="f", arguments={"city": "Paris"})],
                [call(1, "b", name="g", arguments={"city": "Rome"})],
            ],
            id="nothing at first, and arguments that are an object",
        ),
    ],
)
def test_fragments_find_their_calls(chunks: Chunks) -> None:
    """There are two calls, each with its id, its name and all of its arguments."""
    assert [("a", "f", PARIS), ("b", "g", ROME)] == found(chunks)


@pytest.mark.parametrize("index", [0, None])
def test_calls_without_any_id_get_one_each(index: int | None) -> None:
    """A name after a complete object of arguments begins another call, even if it is the same."""
    chunks = [
        [call(index, name="f", arguments=PARIS)],
        [call(index, name="f", arguments=ROME)],
    ]
    assert [("call_0", "f", PARIS), ("call_1", "f", ROME)] == found(chunks)


@pytest.mark.parametrize("first", ['{"a": "}', '{"a": {}', "1", ""])
def test_a_name_again_does_not_begin_another_call_before_the_arguments_are_whole(
    first: str,
) -> None:
    """A closing brace alone does not mean that they are complete."""
    chunks = [[call(0, name="f", arguments=first)], [call(0, name="f", arguments="1")]]
    assert [("call_0", "f", f"{first}1")] == found(chunks)


def test_a_name_that_changes_replaces() -> None:
    """This is as in every other field that does not grow."""
    assert [("a", "fg", "")] == found([[call(0, "a", name="f")], [call(0, name="fg")]])


def test_arguments_are_appended_even_if_they_repeat() -> None:
    """A fragment that begins like everything before it is a fragment, not the call repeated."""
    chunks = [[call(0, "a", name="f", arguments=x)] for x in ("1", "11", "111")]
    assert [("a", "f", "111111")] == found(chunks)


def test_the_deltas_of_a_call() -> None:
    """First comes the call without arguments, then each piece of them; nothing comes twice."""
    chunks = [
        [call(0, name="f", arguments="{")],
        [call(0, "a", name="f", arguments="")],
        [call(0, "a", name="f", arguments="}")],
        [call(0, "a", name="g")],
        [call(0)],
    ]
    _, run = writer_of(chunks)
    out = [(x.payload.delta.step_details.tool_calls[0], x.raw) for x in run.take()]

    def delta(call_id: str | None, name: str | None, arguments: str | None) -> Any:
        function = models.FunctionDelta(name, arguments)
        return models.FunctionToolCallDelta(0, call_id, "function", function)

    assert [
        (delta("call_0", "f", ""), 0),
        (delta(None, None, "{"), 0),
        (delta("a", None, None), 1),
        (delta(None, None, "}"), 2),
        (delta(None, "g", None), 3),
    ] == out


def test_the_deprecated_function_call_is_the_call_at_index_0() -> None:
    """Its fragments have neither index nor id; if ``tool_calls`` come too, those count."""
    calls = ChatCalls(RunWriter(models.Run()).step("calls"))
    for sent in (
        {"name": "f", "arguments": ""},
        {"arguments": PARIS},
        {"name": "", "arguments": ""},
    ):
        for fragment in read_fragments(structure(ChunkDelta, {"function_call": sent}), "$"):
            calls.add(fragment, None)
    (message,) = calls.to_messages()
    assert {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": PARIS}} == (
        message
    )
    both = structure(
        ChunkDelta, {"function_call": {"name": "f"}, "tool_calls": [call(3, "a", name="g")]}
    )
    assert ["g"] == [x.name for x in read_fragments(both, "$")]


def test_a_call_of_a_custom_tool_has_its_input_as_arguments() -> None:
    """This is as on the Responses wire; in the message it is a custom call again."""
    calls, run = writer_of(
        [
            [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "say "}}],
            [{"index": 0, "custom": {"input": "hi"}}],
        ]
    )
    assert events.ThreadRunStepDelta is run.take()[0].event_class
    message = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "say hi"}}
    assert [message] == calls.to_messages()


def test_what_a_server_adds_to_a_call_goes_back_to_it() -> None:
    """Gemini refuses outputs without the signature that came with their call."""
    signature = {"google": {"thought_signature": "abc"}}
    calls, _ = writer_of([[{**call(0, "a", name="f"), "extra_content": signature}]])
    assert signature == calls.to_messages()[0]["extra_content"]


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_arguments_that_are_neither_text_nor_an_object_are_refused(value: Any) -> None:
    """The error has the path in the chunk."""
    delta = structure(ChunkDelta, {"tool_calls": [call(0), call(1, arguments=value)]})
    with pytest.raises(DecodeError) as caught:
        read_fragments(delta, "$.choices[0].delta")
    where = "$.choices[0].delta.tool_calls[1].function.arguments"
    assert (f"{where}: {json.dumps(value)} is not a string",) == caught.value.paths
    delta = structure(ChunkDelta, {"function_call": {"arguments": value}})
    with pytest.raises(DecodeError, match=r"\$\.delta\.function_call\.arguments: "):
        read_fragments(delta, "$.delta")
