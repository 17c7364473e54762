"""Every manner in which Chat servers were seen to send texts and calls, and its neighbours.

Rules of this file:

- A test is a manner; its parameters are the same in another field, at another index, in another
  order, with another ending. The right value is that of the manner, not that of the code.
- Each stream is read whole, in pieces with CRLF for LF, with and without fast paths, with and
  without ``[DONE]``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream_core import ToolSet
from tests.support.chat_checks import ANSWER, ENDS, answers, check, check_answers, escaped
from tests.support.chat_frames import DONE, USAGE, choices, chunk, stop
from tests.support.frames import Frame, check_transcript, decode
from tests.support.outcomes import read, wrong_values
from tests.support.scripted_server import frames, running

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

# --- Text, parts, reasoning -------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["reasoning", "reasoning_content", "reasoning_text", "thinking", "thinking_blocks"]
)
@pytest.mark.parametrize(
    "value",
    [
        "R",
        {"text": "R"},
        {"content": "R"},
        {"thinking": "R", "signature": "S"},
        {"type": "thinking", "text": {"value": "R"}},
        {"parts": [{"text": "R"}]},
        [{"type": "thinking", "thinking": "R"}],
        ["", {"delta": "R"}, None],
    ],
)
def test_reasoning_under_any_name_and_in_any_form_is_never_the_answer(
    name: str, value: Any
) -> None:
    """It comes to the callbacks for reasoning; so it does beside a content, and in a message."""
    check_answers(chunk(**{name: value}), ANSWER, reasoning="R")
    check_answers(chunk(content="A", **{name: value}), reasoning="R")
    check_answers(chunk(content=[{"type": "text", "text": "A"}], **{name: value}), reasoning="R")
    check_answers(choices({"message": {"content": "A", name: value}}), reasoning="R")


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "reasoning_details"])
@pytest.mark.parametrize("value", [None, "", {}, [], 0, 5, False, [None], {"text": None}, [[]]])
def test_reasoning_that_says_nothing_is_nothing(name: str, value: Any) -> None:
    """Its type does not matter."""
    check_answers(chunk(**{name: value}), ANSWER)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reasoning", "text": "R"},
        {"type": "reasoning", "reasoning": "R"},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "R"}]},
        {"type": "reasoning_content", "text": "R"},
        {"type": "reasoning_content", "reasoning_content": {"text": "R"}},
        {"type": "reasoningContent", "text": "R"},
        {"type": "thinking", "thinking": "R"},
        {"type": "thinking", "thinking": [{"type": "text", "text": "R"}]},
        {"type": "thinking_delta", "thinking": "R"},
    ],
)
def test_a_part_that_thinks_is_reasoning(part: dict[str, Any]) -> None:
    """It may be alone, the only one, before or after a text, in a delta or in a message."""
    text = {"type": "text", "text": "A"}
    for content in (part, [part], [part, text], [text, part]):
        said = [] if isinstance(content, list) and text in content else [ANSWER]
        check_answers(chunk(content=content), *said, reasoning="R")
    check_answers(choices({"message": {"content": [part, text]}}), reasoning="R")


@pytest.mark.parametrize(
    "delta",
    [
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "S"}]}]},
        {"content": {"type": "reasoning", "summary": [{"text": "S"}]}},
        {"content": [{"type": "reasoning", "summary": "S"}]},
        {"content": [{"type": "summary_text", "text": "S"}]},
        {"content": [{"type": "reasoning_summary_text", "text": "S"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "S"}]},
        {"reasoning": {"summary": [{"text": "S"}]}},
        {"reasoning_content": {"type": "summary_text", "text": "S"}},
    ],
)
def test_a_summary_of_reasoning_has_callbacks_of_its_own(delta: dict[str, Any]) -> None:
    """It is neither reasoning nor the answer."""
    check_answers(chunk(**delta), ANSWER, summary="S")
    check_answers(ANSWER, chunk(**delta), summary="S")


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "QX"}]},
        {"reasoning_details": {"type": "reasoning.text", "text": "", "signature": "QX"}},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "QX"}]},
        {"executed_tools": [{"type": "search", "output": "QX"}]},
        {"context": {"citations": ["QX"]}},
        {"images": [{"image_url": {"url": "QX"}}]},
        {"audio": {"data": "QX"}},
        {"content": [{"type": "reference", "reference_ids": ["QX"]}]},
        {"content": {"type": "image_url", "image_url": {"url": "QX"}}},
        {"content": [{"type": "of_tomorrow", "x": "QX"}]},
        {"annotations": [{"type": "of_tomorrow", "x": "QX"}]},
        {"reasoning_opaque": "QX"},
        {"extra_content": {"google": {"thought_signature": "QX"}}},
        {"of_tomorrow": "QX"},
    ],
)
def test_what_has_no_counterpart_is_in_an_event_wherever_it_comes(delta: dict[str, Any]) -> None:
    """It may come alone, first, last, with the reason, or after it."""
    check_answers(chunk(**delta), ANSWER, seen="QX")
    check_answers(ANSWER, chunk(**delta), seen="QX")
    for tail in ([chunk("stop", **delta)], [stop(), chunk(**delta)]):
        for done in ([], [DONE]):
            check([ANSWER, *tail, *done], text="A", status="completed", seen="QX")


@pytest.mark.parametrize("name", ["content_filter_offsets", "logprobs", "of_tomorrow"])
def test_a_choice_without_a_delta_is_an_extension_event(name: str) -> None:
    """Azure sends the offsets of its filter like this."""
    sent = choices({"index": 0, "finish_reason": None, name: {"x": "QX"}})
    check_answers(sent, ANSWER, seen="QX")
    check_answers(ANSWER, sent, seen="QX")


@pytest.mark.parametrize("role", ["tool", "function", "Tool"])
@pytest.mark.parametrize("content", ["QX", [{"type": "text", "text": "QX"}]])
def test_what_a_tool_says_is_not_the_answer_until_another_role_speaks(
    role: str, content: Any
) -> None:
    """A delta without a role, or with an empty one, is of who spoke last."""
    said = chunk(role=role, content=content)
    check_answers(said, chunk(role="assistant", content="A"), seen="QX")
    check_answers(said, chunk(content="QY"), chunk(role="assistant"), ANSWER, seen="QY")
    check_answers(chunk(role="assistant", content="A"), said, chunk(role=None, content="QY"))
    check_answers(ANSWER, said, chunk(role="", content="QY"), seen="QY")
    whole = choices({"message": {"role": role, "content": content}})
    check_answers(whole, choices({"message": {"role": "assistant", "content": "A"}}), seen="QX")


@pytest.mark.parametrize("role", ["model", "bot", "system", None, 5, {}, ""])
def test_any_other_role_is_the_answer_s(role: Any) -> None:
    """Servers name their model as they like."""
    check_answers(chunk(role=role, content="A"))


def whole(content: Any, reason: str | None = None, **message: Any) -> Frame:
    """Return a frame with a whole message."""
    return choices({"message": {"content": content, **message}, "finish_reason": reason})


@pytest.mark.parametrize(
    "sent",
    [
        [whole("AB", "stop")],
        [whole("AB"), stop()],
        [whole("A"), whole("AB", "stop")],
        [whole("A"), whole("B"), stop()],
        [whole("AB"), whole("AB", "stop")],
        [chunk(content="A"), chunk(content="B"), whole("AB", "stop")],
        [chunk(content="A"), whole("AB", "stop")],
        [
            choices({"delta": {"content": "A"}, "message": {"content": "A"}}),
            chunk("stop", content="B"),
        ],
        [choices({"delta": {"content": "AB"}, "message": None}), stop()],
        [choices({"delta": {}, "message": {"content": "AB"}, "finish_reason": "stop"})],
        [whole([{"type": "text", "text": "A"}, {"type": "text", "text": "B"}], "stop")],
    ],
)
def test_a_whole_message_in_a_stream_is_the_answer_once(sent: list[Frame]) -> None:
    """It may come at once, in pieces, cumulatively, or after the deltas; with usage or without."""
    for done in ([], [DONE], [choices(usage=USAGE), DONE]):
        check([*sent, *done], text="AB", status="completed")
    named = [(name, {**x, "object": "chat.completion"}) for name, x in sent]
    check([*named, DONE], "auto", text="AB", status="completed")


def messages(*sent: dict[str, Any]) -> Frame:
    """Return a chunk of old Azure's extensions."""
    return choices({"index": 0, "messages": list(sent), "finish_reason": None})


@pytest.mark.parametrize(
    "sent",
    [
        [messages({"index": 0, "delta": {"role": "tool", "content": "QX"}}),
         messages({"index": 1, "delta": {"role": "assistant"}}),
         messages({"index": 1, "delta": {"content": "A"}})],
        [messages({"index": 0, "delta": {"role": "tool", "content": "QX"}},
                  {"index": 1, "delta": {"role": "assistant", "content": "A"}})],
        [messages({"index": 0, "message": {"role": "tool", "content": "QX"}},
                  {"index": 1, "message": {"role": "assistant", "content": "A"}})],
        [messages({"role": "tool", "content": "QX"}, {"role": "assistant", "content": "A"})],
        [messages({"index": "0", "delta": {"role": "tool", "content": "QX"}}),
         messages({"index": "1", "delta": {"content": "A"}})],
    ],
)  # fmt: skip
def test_messages_of_old_azure_are_the_answer_and_what_its_tools_said(sent: list[Frame]) -> None:
    """The tool's is an extension event; the assistant's is the text."""
    check_answers(*sent, seen="QX")


@pytest.mark.parametrize("dialect", ["chat", "auto"])
@pytest.mark.parametrize("kind", ["text_completion", "text_completion.chunk", None])
@pytest.mark.parametrize("last", [{"text": ""}, {"text": None}, {}])
def test_texts_of_completions_are_the_answer(dialect: str, kind: Any, last: Any) -> None:
    """So they are without an object, an index or a last text."""
    about = {} if kind is None else {"object": kind}
    texts: list[dict[str, Any]] = [{"text": "A", "logprobs": None}, {"text": "B", "index": 0}]
    sent: list[Frame] = [("", {**about, "choices": [x]}) for x in texts]
    ends: Frame = "", {**about, "choices": [{**last, "finish_reason": "stop"}]}
    for done in ([], [DONE]):
        check([*sent, ends, *done], dialect, text="AB", status="completed")


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "url_citation", "url_citation": {"url": "u", "content": "QX", "start_index": 0}},
        {"type": "url_citation", "url": "u", "of_tomorrow": "QX", "url_citation": {}},
        {"url_citation": {"url": "u"}, "additional_properties": {"get_url": "QX"}},
        {"type": "url_citation", "url_citation": {"url": 5, "title": "QX"}},
        {"type": "url_citation", "url_citation": {"url": "u", "start_index": "QX"}},
        {"type": "file_citation", "file_id": "QX"},
    ],
)
def test_unknown_keys_of_annotations_stay_in_them(sent: dict[str, Any]) -> None:
    """They may come before, with or after the text, alone or in a list."""
    orders: list[list[dict[str, Any]]] = [
        [{"content": "A", "annotations": [sent]}],
        [{"annotations": sent}, {"content": "A"}],
        [{"content": "A"}, {"annotations": [sent]}],
    ]
    for deltas in orders:
        check_answers(*(chunk(**delta) for delta in deltas), annseen="QX", seen="QX")


@pytest.mark.parametrize(
    "deltas",
    [
        [{"refusal": "no"}, {"content": "A"}],
        [{"content": "A"}, {"refusal": "no"}],
        [{"content": [{"type": "image_url"}]}, {"content": "A"}],
        [{"content": [{"type": "refusal", "refusal": "no"}, {"type": "text", "text": "A"}]}],
        [{"reasoning": "R"}, {"refusal": "n"}, {"content": "A"}, {"refusal": "o"}],
    ],
)
def test_parts_are_created_before_their_deltas_and_done(deltas: list[dict[str, Any]]) -> None:
    """This holds in every order of text, refusal and what is neither."""
    for sent in answers(*(chunk(**delta) for delta in deltas)):
        out = decode(escaped(*sent), dialect="chat")
        assert out.error is None
        check_transcript(out.events, ended=True)
        check(sent, text="A", status="completed")


@pytest.mark.parametrize(
    "between",
    [[], [chunk(reasoning="R")], [chunk()], [("", "ping")], [choices(usage=USAGE)]],
)
def test_halves_of_a_surrogate_pair_meet_whatever_is_between(between: list[Frame]) -> None:
    """Text, reasoning, arguments and the texts of completions; a half alone is U+FFFD."""
    first, second = "\ud83d", "\ude00"
    check([chunk(content=first), *between, chunk(content=second), *ENDS], text="😀")
    parts = [[{"type": "text", "text": x}] for x in (first, second)]
    check([chunk(content=parts[0]), *between, chunk(content=parts[1]), *ENDS], text="😀")
    texts = [choices({"text": x}) for x in (first, second)]
    check([texts[0], *between, texts[1], *ENDS], text="😀")
    check([chunk(content="A" + first), *between, whole("A😀"), *ENDS], text="A😀")
    check([chunk(content=first), *between, *ENDS], text="\ufffd")
    begun = fragment(0, "a", "f", '{"x":"' + first)
    check(
        [calls(begun), *between, calls(fragment(0, None, None, second + '"}')), *ENDS],
        calls=[["a", "f", '{"x":"😀"}']],
    )


# --- Tool calls -------------------------------------------------------------------------

X, Y = '{"x":1}', '{"y":2}'

#: An index as servers write it; with a negative one or none, they have only one.
INDEXES = (0, 1, "0", None, -1, 2.0)


def fragment(index: Any, call_id: Any, name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    """Return a fragment of a call; what is None is not sent."""
    function = {"name": name, "arguments": arguments}
    function = {key: x for key, x in function.items() if x is not None}
    sent = {"index": index, "id": call_id, "function": function or None}
    return {**{key: x for key, x in sent.items() if x is not None}, **more}


def calls(*fragments: dict[str, Any]) -> Frame:
    """Return the chunk of some fragments."""
    return chunk(tool_calls=list(fragments))


def check_calls(fragments: list[Any], expected: list[list[str]]) -> None:
    """Compare the calls of a stream with what is right, whatever its ending."""
    sent = [calls(*x) if isinstance(x, list) else calls(x) for x in fragments]
    right: dict[str, Any] = {
        "calls": expected,
        "required": expected,
        "status": "requires_action",
        "text": "",
    }
    check([*sent, stop("tool_calls"), DONE], **right)
    for data in ([*sent, stop()], [*sent, chunk("tool_calls", content=""), choices(usage=USAGE)]):
        assert {} == wrong_values(right, read(escaped(*data), "chat"))


@pytest.mark.parametrize("index", INDEXES)
def test_a_known_id_is_of_its_call_whatever_the_index(index: Any) -> None:
    """Its fragments may alternate with those of another, all under one index."""
    both = [["a", "f", X], ["b", "g", Y]]
    begun = [fragment(0, "a", "f", ""), fragment(1, "b", "g", "")]
    check_calls([*begun, fragment(index, "b", None, Y), fragment(index, "a", None, X)], both)
    check_calls(
        [
            fragment(index, "a", "f", X[:3]),
            fragment(index, "b", "g", Y[:4]),
            fragment(index, "a", None, X[3:]),
            fragment(index, "b", None, Y[4:]),
        ],
        both,
    )


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("begun", [X, X[:3]])
def test_a_fresh_id_and_another_name_are_another_call(index: Any, begun: str) -> None:
    """Also before the first one is whole; its rest comes under its id."""
    rest = [fragment(index, "a", None, X[3:])] if begun != X else []
    check_calls(
        [fragment(index, "a", "f", begun), fragment(index, "b", "g", Y), *rest],
        [["a", "f", X], ["b", "g", Y]],
    )


@pytest.mark.parametrize("index", INDEXES)
def test_a_fresh_id_and_the_same_name_go_on_until_the_arguments_are_whole(index: Any) -> None:
    """A server makes up an id for every fragment; two calls of one function stay two."""
    first = [fragment(index, f"a{n}", "f", x) for n, x in enumerate(X)]
    second = [fragment(index, f"b{n}", "f", x) for n, x in enumerate(Y)]
    check_calls(first, [["a0", "f", X]])
    check_calls([*first, *second], [["a0", "f", X], ["b0", "f", Y]])
    nothing = [fragment(index, "a", "f", "{}"), fragment(index, "b", "f", "{}")]
    check_calls(nothing, [["a", "f", "{}"], ["b", "f", "{}"]])


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("arguments", [None, ""])
def test_a_fresh_id_without_a_name_waits_for_it_and_alone_is_nothing(
    index: Any, arguments: str | None
) -> None:
    """The name may come with the id or without."""
    begun = [fragment(index, "a", "f", X), fragment(index, "b", None, arguments)]
    both = [["a", "f", X], ["b", "g", Y]]
    check_calls(begun, both[:1])
    check_calls([*begun, fragment(index, "b", "g", Y)], both)
    check_calls([*begun, fragment(index, None, "g", ""), fragment(index, None, None, Y)], both)


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("no_id", ["null", "", None, "None"])
def test_null_in_any_dress_is_no_id(index: Any, no_id: Any) -> None:
    """Such fragments belong to the call at their index."""

    def unnamed(arguments: str, name: str | None = None) -> dict[str, Any]:
        return fragment(index, None, None, None) | {
            "id": no_id,
            "function": {"name": name, "arguments": arguments},
        }

    check_calls([fragment(index, "a", "f", ""), unnamed(X), unnamed("")], [["a", "f", X]])
    check_calls([unnamed(X[:3], "f"), unnamed(X[3:])], [["*", "f", X]])
    check_calls([unnamed(X, "f"), unnamed(Y, "g")], [["*", "f", X], ["*", "g", Y]])


@pytest.mark.parametrize("index", INDEXES)
def test_another_name_without_an_id_is_another_call_unless_it_is_a_piece_of_the_name(
    index: Any,
) -> None:
    """A call that began with an id and has no arguments yet may have its name in pieces."""
    check_calls(
        [fragment(index, "a", "f", X), fragment(index, None, "g", Y)],
        [["a", "f", X], ["*", "g", Y]],
    )
    check_calls(
        [
            *(fragment(index, None, "f", ""), fragment(index, None, None, X)),
            *(fragment(index, None, "g", ""), fragment(index, None, None, Y)),
        ],
        [["*", "f", X], ["*", "g", Y]],
    )
    pieces_of_name = [fragment(index, None, x, "") for x in ("wea", "ther")]
    check_calls(
        [fragment(index, "a", "get_", ""), *pieces_of_name, fragment(index, None, None, X)],
        [["a", "get_weather", X]],
    )


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("call_id", ["a", None])
def test_the_same_name_again_is_nothing_before_the_arguments_are_whole(
    index: Any, call_id: str | None
) -> None:
    """After a complete object, with arguments, it is another call of that function."""
    begun = fragment(index, call_id, "f", "")
    call_id = call_id or "*"
    check_calls([begun, *(fragment(index, None, "f", x) for x in X)], [[call_id, "f", X]])
    both = [[call_id, "f", X], ["*", "f", Y]]
    first = [begun, fragment(index, None, None, X)]
    check_calls([*first, fragment(index, None, "f", "")], both[:1])
    check_calls([*first, fragment(index, None, "f", Y)], both)
    check_calls([*first, fragment(index, None, "f", ""), fragment(index, None, None, Y)], both)


def test_without_id_and_index_a_fragment_is_of_the_newest_call_or_of_its_place() -> None:
    """The place counts if there are several in a chunk."""
    both = [["*", "f", X], ["*", "g", Y]]
    one, other = fragment(None, None, "f", ""), fragment(None, None, "g", "")
    of_one, of_other = fragment(None, None, None, X), fragment(None, None, None, Y)
    check_calls([one, of_one, other, of_other], both)
    check_calls([[one, other], [of_one, of_other]], both)
    check_calls([[fragment(None, None, "f", X), fragment(None, None, "g", Y)]], both)


@pytest.mark.parametrize("following", [1, 2, 7, "1"])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("no_id", [None, "", "null"])
def test_a_last_fragment_that_completes_a_call_under_the_next_index_belongs_to_it(
    following: Any, size: int, no_id: Any
) -> None:
    """What comes there with a name is a call of its own; a rest that completes none is nothing."""
    begun = fragment(0, "a", "f", X[:-size])
    rest = {"index": following, "id": no_id, "function": {"name": no_id, "arguments": X[-size:]}}
    rest["function"]["name"] = "" if no_id else None
    check_calls([begun, rest], [["a", "f", X]])
    check_calls([begun, rest, fragment(following, "b", "g", Y)], [["a", "f", X], ["b", "g", Y]])
    check_calls([fragment(0, "a", "f", X), rest], [["a", "f", X]])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("names", ["fg", "ff"])
def test_fragments_of_two_calls_in_turn_make_each_call_whole(
    order: tuple[int, int], names: str
) -> None:
    """Each under its index, with an id or without."""
    for ids in (("a", "b"), (None, None)):
        begun = [fragment(n, ids[n], names[n], "") for n in order]
        rest = [fragment(n, None, None, text) for pair in zip(X, Y, strict=True)
                for n, text in enumerate(pair)]  # fmt: skip
        right = [[ids[n] or "*", names[n], (X, Y)[n]] for n in order]
        check_calls([*begun, *rest], right)


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("named", [("a", "f"), ("a", None), (None, None)])
def test_arguments_sent_again_or_cumulatively_are_those_arguments_once(
    index: Any, named: tuple[str | None, str | None]
) -> None:
    """They come under the same id, or without id and name."""
    begun, again = fragment(index, "a", "f", ""), (index, *named)
    thirds = [fragment(index, None, None, x) for x in (X[:3], X[3:])]
    check_calls([begun, *thirds, fragment(*again, X)], [["a", "f", X]])
    sent = [fragment(*again, X[:end]) for end in range(1, len(X) + 1)]
    check_calls([begun, *sent], [["a", "f", X]])
    check_calls([begun, *sent, fragment(*again, X)], [["a", "f", X]])
    check_calls([begun, fragment(*again, json.loads(X))], [["a", "f", X]])


def test_calls_in_a_whole_message_after_their_deltas_are_no_others() -> None:
    """Also if their arguments are spelt in another way, or the ids are missing."""
    for call_id in ("a", None):
        last = {"id": call_id, "function": {"name": "f", "arguments": '{ "x": 1 }'}}
        sent = [calls(fragment(0, "a", "f", X)), whole(None, "tool_calls", tool_calls=[last])]
        check([*sent, DONE], calls=[["a", "f", X]], status="requires_action")


def get_time() -> str:
    """Return the time."""
    return "noon"


SAYS = frames(ANSWER, *ENDS)


@pytest.mark.parametrize("arguments", ["null", "", None, "{}", " ", {}])
def test_a_function_without_parameters_runs_whatever_stands_for_no_arguments(
    arguments: Any,
) -> None:
    """The output goes back under the id of the call."""
    called = fragment(0, "a", "get_time", arguments)
    with running(frames(calls(called), stop("tool_calls"), DONE), SAYS) as server:
        tools = ToolSet(get_time)
        run = server.client.chat.completions.stream(
            model="m", messages=[], tools=tools
        ).until_done()
        sent = server.bodies[1]["messages"]
    assert (run and run.status) == "completed"
    assert [{"role": "tool", "tool_call_id": "a", "content": "noon"}] == sent[1:]


@pytest.mark.parametrize("arguments", ['{"x":', "[1]", "5", '"x"', "{]", X + X])
def test_arguments_that_end_as_no_object_run_nothing(arguments: str) -> None:
    """The model is told that they cannot be read."""
    ran: list[int] = []

    def count(x: int) -> str:
        """Count."""
        ran.append(x)
        return "counted"

    called = calls(fragment(0, "a", "count", arguments))
    with running(frames(called, stop("tool_calls"), DONE), SAYS) as server:
        client, tools = server.client, ToolSet(count)
        client.chat.completions.stream(model="m", messages=[], tools=tools).until_done()
        output = server.bodies[1]["messages"][-1]["content"]
    assert [] == ran
    assert "counted" != output


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("index", [0, None])
def test_made_up_ids_are_unique_over_all_rounds_of_the_conversation(
    rounds: int, index: int | None
) -> None:
    """Two calls in each round, none of which has an id."""
    call_one, call_two = fragment(index, None, "get_time", "{}"), fragment(1, None, "get_time", "")
    answer = frames(calls(call_one), calls(call_two), stop("tool_calls"), DONE)
    if index is None:
        answer = frames(calls(call_one, call_one), stop("tool_calls"), DONE)
    with running(*[answer] * rounds, SAYS) as server:
        tools = ToolSet(get_time)
        server.client.chat.completions.stream(model="m", messages=[], tools=tools).until_done()
        sent = server.bodies[-1]["messages"]
    asked = [x["id"] for message in sent for x in message.get("tool_calls", ())]
    answered = [x["tool_call_id"] for x in sent if x["role"] == "tool"]
    assert asked == answered
    assert rounds * 2 == len(set(asked))


DETAIL = {"type": "reasoning.text", "index": 0, "format": "f"}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "E", "id": "r1", "index": 1}


@pytest.mark.parametrize(
    ("deltas", "returned"),
    [
        ([{"reasoning": "H"}, {"reasoning": "m"}], {"reasoning": "Hm"}),
        ([{"reasoning_content": "H"}, {"reasoning_content": "m"}], {"reasoning_content": "Hm"}),
        ([{"reasoning_text": "Hm"}, {"reasoning_opaque": "O"}],
         {"reasoning_text": "Hm", "reasoning_opaque": "O"}),
        ([{"reasoning_details": [{**DETAIL, "text": "H"}]},
          {"reasoning_details": [{**DETAIL, "text": "m", "signature": "S"}, ENCRYPTED]}],
         {"reasoning_details": [{**DETAIL, "text": "Hm", "signature": "S"}, ENCRYPTED]}),
        ([{"thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "S"}]}],
         {"thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "S"}]}),
        ([{"extra_content": {"google": {"thought_signature": "T"}}}],
         {"extra_content": {"google": {"thought_signature": "T"}}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("late", [True, False])
def test_what_came_with_calls_goes_back_with_them_exactly(
    deltas: list[dict[str, Any]], returned: dict[str, Any], *, late: bool
) -> None:
    """Before the calls or after them, in every round, and beside what each call had."""
    signed = {"extra_content": {"google": {"thought_signature": "C"}}}
    called = calls(fragment(0, "a", "get_time", "{}", **signed))
    came = [chunk(**delta) for delta in deltas]
    sent = [called, *came] if late else [*came, called]
    again = calls(fragment(0, "b", "get_time", "{}"))
    with running(
        frames(*sent, stop("tool_calls"), DONE), frames(again, stop("tool_calls"), DONE), SAYS
    ) as server:
        tools = ToolSet(get_time)
        server.client.chat.completions.stream(model="m", messages=[], tools=tools).until_done()
        first, second = server.bodies[1]["messages"], server.bodies[2]["messages"]
    function = {"name": "get_time", "arguments": "{}"}
    call_sent = {"id": "a", "type": "function", "function": function, **signed}
    base = {"role": "assistant", "content": None, "tool_calls": [call_sent]}
    assert {**base, **returned} == first[0]
    assert first == second[: len(first)]
    assert base.keys() == second[2].keys()
