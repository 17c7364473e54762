"""Which call a fragment belongs to, however the server indicates it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.convert.payloads import structure
from stream_core.dialects.chat.chunks import ChunkDelta
from stream_core.dialects.chat.fragments import read_fragments
from stream_core.dialects.chat.tool_calls import ChatCalls
from stream_core.dialects.run_writer import RunWriter
from tests.support.chat_frames import call

#: The fragments of each chunk, chunk by chunk.
Chunks = list[list[dict[str, Any]]]


def writer_of(chunks: Chunks) -> tuple[ChatCalls, RunWriter]:
    """Write the fragments of CHUNKS to a step of a new run."""
    run = RunWriter(models.Run("run_1"))
    step = run.step("calls")
    calls = ChatCalls(lambda: step, {})
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
        (delta(None, "fg", None), 3),
    ] == out


def test_the_deprecated_function_call_is_the_call_at_index_0() -> None:
    """Its fragments have neither index nor id; if ``tool_calls`` come too, those count."""
    calls = ChatCalls(lambda: RunWriter(models.Run()).step("calls"), {})
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


def test_there_is_only_one_deprecated_function_call() -> None:
    """Its name may come in pieces, and its arguments once more, although it has no id."""
    calls = ChatCalls(lambda: step, {})
    step = RunWriter(models.Run()).step("calls")
    for sent in (
        {"name": "get_", "arguments": ""},
        {"name": "tides", "arguments": PARIS},
        {"name": "get_tides", "arguments": PARIS},
    ):
        for fragment in read_fragments(structure(ChunkDelta, {"function_call": sent}), "$"):
            calls.add(fragment, None)
    calls.settle()
    assert [{"name": "get_tides", "arguments": PARIS}] == [
        x["function"] for x in calls.to_messages()
    ]


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


def test_what_comes_after_a_call_with_its_id_is_its() -> None:
    """Gemini's signature may come alone; what is on the function stays there."""
    calls, _ = writer_of(
        [
            [call(0, "a", name="f", sign=1)],
            [{"index": 0, "extra_content": "x"}],
            [{"index": 5, "extra_content": "nobody's"}],
        ]
    )
    assert [
        {
            "extra_content": "x",
            "id": "a",
            "type": "function",
            "function": {"sign": 1, "name": "f", "arguments": ""},
        }
    ] == calls.to_messages()


# --- Manners of servers -----------------------------------------------------------------

X, Y = '{"x":1}', '{"y":2}'


def named(call_id: str | None, name: str | None, arguments: str = "", index: Any = 0) -> Any:
    """Return a fragment under index 0."""
    return call(index, call_id, name=name, arguments=arguments)


@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        pytest.param(
            [named("a", "f"), named("b", "g"), named("a", None, X), named("b", None, Y)],
            [("a", "f", X), ("b", "g", Y)],
            id="all under index 0, each with its id, interleaved",
        ),
        pytest.param(
            [named("a", "f"), named("b", "f"), named("b", None, Y), named("a", None, X)],
            [("a", "f", X), ("b", "f", Y)],
            id="the same function twice, interleaved",
        ),
        pytest.param(
            [
                named("a", "f", X[:4]),
                named("b", "f"),
                named("b", None, Y[:4]),
                named("a", None, X[4:]),
                named("b", None, Y[4:]),
            ],
            [("a", "f", X), ("b", "f", Y)],
            id="the same function again before the first is whole; its id comes again",
        ),
        pytest.param(
            [named("a", "f", X[:4]), named("b", "f", Y), named("a", None, X[4:])],
            [("a", "f", X), ("b", "f", Y)],
            id="a fresh id and the same name, with arguments that cannot follow",
        ),
        pytest.param(
            [named("a", "f", X[:4]), named("b", "f", X[4:5]), named("c", "f", X[5:])],
            [("a", "f", X)],
            id="a fresh id and the same name with every fragment",
        ),
        pytest.param(
            [named("a", "f", X[:4]), named("b", "g", Y), named("c", "f", X[4:])],
            [("a", "f", X), ("b", "g", Y)],
            id="a fresh id with every fragment, interleaved by name",
        ),
        pytest.param(
            [named("a", "f", "{}"), named("b", "f", "{}")],
            [("a", "f", "{}"), ("b", "f", "{}")],
            id="two ids, the same name, both without arguments",
        ),
        pytest.param(
            [
                *(named(None, "f", index=None), named(None, None, X, index=None)),
                *(named(None, "g", index=None), named(None, None, Y, index=None)),
            ],
            [("call_0", "f", X), ("call_1", "g", Y)],
            id="no ids and no index, names with empty arguments first",
        ),
        pytest.param(
            [
                *(named(None, "f", index=None), named(None, None, X, index=None)),
                *(named(None, "f", index=None), named(None, None, Y, index=None)),
            ],
            [("call_0", "f", X), ("call_1", "f", Y)],
            id="the same function twice in that manner",
        ),
        pytest.param(
            [named(None, "f"), named(None, None, X), named(None, "f"), named(None, None, X)],
            [("call_0", "f", X)],
            id="name and arguments once more",
        ),
        pytest.param(
            [named(None, "f"), named(None, None, X), named(None, "f")],
            [("call_0", "f", X)],
            id="no id, the name once more",
        ),
        pytest.param(
            [named("a", "f", X), named("null", None)],
            [("a", "f", X)],
            id="a last fragment with the id null",
        ),
        pytest.param(
            [named("a", "f", X), named("b", None), named("c", None, index=1)],
            [("a", "f", X)],
            id="a last fragment with a fresh id and nothing else",
        ),
        pytest.param(
            [named("a", "f", X), named("b", None, Y), named("b", "g")],
            [("a", "f", X), ("b", "g", Y)],
            id="a name after its arguments",
        ),
        pytest.param(
            [named(None, None, Y), named(None, "g")],
            [("call_0", "g", Y)],
            id="a name after its arguments, without an id",
        ),
        pytest.param(
            [named(None, None, Y, index=None), named(None, "g", index=None)],
            [("call_0", "g", Y)],
            id="a name after its arguments, with neither id nor index",
        ),
        pytest.param(
            [named("a", None, Y[:4]), named(None, None, Y[4:]), named(None, "g")],
            [("a", "g", Y)],
            id="a name after all of its arguments",
        ),
        pytest.param(
            [named("a", "f", X), named("b", None), named(None, None, Y), named("b", "g")],
            [("a", "f", X), ("b", "g", Y)],
            id="arguments alone after a whole call and a fresh id",
        ),
        pytest.param([named("a", "f", X, index="0")], [("a", "f", X)], id="an index that is text"),
        pytest.param(
            [named("a", "get_"), named(None, "weather"), named(None, None, X)],
            [("a", "get_weather", X)],
            id="a name in pieces",
        ),
        pytest.param(
            [named("a", "get_"), named("a", "wea"), named("a", "ther"), named("a", None, X)],
            [("a", "get_weather", X)],
            id="a name in pieces, each with the id",
        ),
        pytest.param(
            [named("a", "f", X), named(None, "g"), named(None, None, Y)],
            [("a", "f", X), ("call_0", "g", Y)],
            id="another name after a whole call with an id",
        ),
        pytest.param(
            [named("a", "f", X[:-1]), named(None, None, "}", index=1)],
            [("a", "f", X)],
            id="the last piece under the next index",
        ),
        pytest.param(
            [
                named("a", "f", X[:-2]),
                *(named(None, None, x, index=1) for x in X[-2:]),
                named("b", "g", Y, index=1),
            ],
            [("a", "f", X), ("b", "g", Y)],
            id="the last pieces under the next index, and then another call there",
        ),
        pytest.param(
            [named("a", "f", X), named(None, None, "}", index=1)],
            [("a", "f", X)],
            id="a piece under the next index that completes nothing",
        ),
        pytest.param(
            [named("a", "f", X[:4]), named(None, None, X[4:]), named("a", "f", X)],
            [("a", "f", X)],
            id="arguments whole once more under their id",
        ),
        pytest.param(
            [named("a", "f", X[:4]), named(None, None, X[4:]), named(None, None, X)],
            [("a", "f", X)],
            id="arguments whole once more without id and name",
        ),
        pytest.param(
            [named("a", "f", X[:end]) for end in (2, 4, 7)],
            [("a", "f", X)],
            id="arguments cumulative",
        ),
        pytest.param(
            [named("a", "f", X), named("b", "f", X)],
            [("a", "f", X), ("b", "f", X)],
            id="two calls with the same arguments are not one sent again",
        ),
        pytest.param(
            [named("a", "f", X), named("a", "f", Y)],
            [("a", "f", X + Y)],
            id="other arguments under a known id are an error of the tool",
        ),
    ],
)
def test_each_manner_of_sending_calls_comes_right(
    chunks: list[dict[str, Any]], calls: list[tuple[str, str, str]]
) -> None:
    """Each row of the rules, one fragment in each chunk."""
    written, _ = writer_of([[fragment] for fragment in chunks])
    written.settle()
    assert calls == [
        (x["id"], x["function"]["name"], x["function"]["arguments"]) for x in written.to_messages()
    ]


def test_a_custom_tool_may_be_called_twice_under_one_index() -> None:
    """Its input is never complete by itself, so a fresh id with the name is another call."""

    def custom(call_id: str | None, name: str | None, text: str) -> dict[str, Any]:
        function = {"name": name, "input": text}
        return {"index": 0, "id": call_id, "type": "custom", "custom": function}

    chunks = [custom("a", "f", "x"), custom("x", None, "y"), custom("b", "f", "{")]
    calls, run = writer_of([[one] for one in chunks])
    calls.settle()
    assert ["xy", "{"] == [x["custom"]["input"] for x in calls.to_messages()]
    assert calls.whole
    first = run.take()[0].payload.delta.step_details.tool_calls[0]
    assert {"custom": {}} == first.extra


def test_made_up_ids_are_unique_over_all_rounds() -> None:
    """They differ from those that the server sends, before and after."""
    ids: dict[str, bool] = {"call_1": False}
    found = []
    for _ in range(2):
        step = RunWriter(models.Run("run_1")).step("calls")
        calls = ChatCalls(lambda step=step: step, ids)  # type: ignore[misc]  # one for each round
        for number in range(2):
            delta = {"tool_calls": [call(number, name="f", arguments="{}")]}
            calls.add(read_fragments(structure(ChunkDelta, delta), "$")[0], None)
        late = {"tool_calls": [call(2, "call_0", name="f", arguments="{}")]}
        calls.add(read_fragments(structure(ChunkDelta, late), "$")[0], None)
        found += [x["id"] for x in calls.to_messages()]
    assert ["call_0", "call_2", "call_3", "call_4", "call_5", "call_6"] == found


def test_arguments_without_any_name_are_lost_calls() -> None:
    """Nothing can be run, so the answer is not whole."""
    calls, run = writer_of([[call(0, "a", arguments="{}")]])
    assert ([], [], True, 0) == (run.take(), calls.to_messages(), calls.lost, len(calls))
    assert not writer_of([[call(0, "a")]])[0].lost
    assert not writer_of([[call(0, "a", arguments="{}"), call(1, "b", name="f")]])[0].lost


NAMES = st.sampled_from(["get_weather", "get_time", "run"])


@st.composite
def sent_calls(draw: st.DrawFn) -> tuple[list[tuple[str, str]], Chunks, str, str]:
    """Calls; the chunks in which a server of one manner sends them; and that manner."""
    ids = draw(st.sampled_from(["always", "first", "none", "fresh"]))
    index = draw(st.sampled_from(["right", "text", "zero", "none"]))
    known = index in ("right", "text")
    turns = ids == "always" or (known and ids != "fresh")
    bare = ids != "fresh" and (draw(st.booleans()) or (turns and not known))
    pieces_of_name = ids in ("always", "first") and bare and draw(st.booleans())
    calls, streams = [], []
    for number in range(draw(st.integers(1, 3))):
        name = draw(NAMES)
        text = json.dumps({"n": number, "city": draw(st.text(max_size=4))})
        calls.append((name, text))
        cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=3)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        sent = [""] * bare + pieces
        names: list[str | None] = [name, *[None] * (len(sent) - 1)]
        if ids == "fresh" or (ids == "always" and not pieces_of_name and draw(st.booleans())):
            names = [name] * len(sent)
        if pieces_of_name:
            sent, names = ["", *sent], [name[:3], name[3:], *names[1:]]
        sent_index = {"right": number, "text": str(number), "zero": 0, "none": None}[index]
        streams.append(
            [
                call(
                    sent_index,  # type: ignore[arg-type]  # as servers send it
                    {
                        "always": f"id_{number}",
                        "first": f"id_{number}" if place == 0 else None,
                        "none": None,
                        "fresh": f"id_{number}_{place}",
                    }[ids],
                    name=names[place],
                    arguments=sent[place],
                )
                for place in range(len(sent))
            ]
        )
    order = [number for number, stream in enumerate(streams) for _ in stream]
    if turns:
        order = draw(st.permutations(order))
    chunks: Chunks = []
    begun: dict[int, int] = {}
    for number in order:
        place = begun[number] = begun.get(number, -1) + 1
        fragment = streams[number][place]
        if chunks and (known or ids == "always") and draw(st.booleans()):
            chunks[-1].append(fragment)
        else:
            chunks.append([fragment])
    first = list(dict.fromkeys(order))  # calls are in order of their first fragment
    return [calls[number] for number in first], chunks, ids, index


@given(sent_calls())
def test_every_manner_gives_the_same_calls(
    sent: tuple[list[tuple[str, str]], Chunks, str, str],
) -> None:
    """Ids always, first or never; the index right, as text, 0 or none; interleaved if it can be."""
    expected, chunks, ids, index = sent
    calls, _ = writer_of(chunks)
    calls.settle()
    made = calls.to_messages()
    found = [(x["function"]["name"], x["function"]["arguments"]) for x in made]
    if ids == "always" and index in ("zero", "none"):  # a call may begin only with its second id
        expected, found = sorted(expected), sorted(found)
    assert expected == found
    assert len(expected) == len({x["id"] for x in made})


ONE = [[call(0, "a", name="f", arguments="")], [call(0, arguments="{")]]


def test_what_grows_the_arguments_does_what_a_fragment_does() -> None:
    """The step and the pieces have them; no delta is written."""
    calls, run = writer_of(ONE)
    run.take()
    for place in (("", 0), ("a", None), ("a", 7), ("", None)):
        grow = calls.grower(*place)
        assert grow is not None
        grow("}")
    assert [] == run.take()
    calls.settle()
    assert "{}}}}" == calls.to_messages()[0]["function"]["arguments"]


@pytest.mark.parametrize(
    ("chunks", "place"),
    [
        (ONE, ("b", 0)),
        (ONE, ("", 1)),
        ([], ("", None)),
        ([*ONE, [call(3, arguments="{")]], ("", 0)),
        ([*ONE, [call(3, "b")]], ("", 0)),
        ([*ONE, [call(0, arguments='"\ud83d')]], ("", 0)),
    ],
)
def test_arguments_that_may_be_of_another_call_have_nothing_that_grows_them(
    chunks: Chunks, place: tuple[str, int | None]
) -> None:
    """A fresh id, a new index, fragments that wait, a half that waits."""
    assert writer_of(chunks)[0].grower(*place) is None
