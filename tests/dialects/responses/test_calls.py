"""Items that are calls which the caller answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events
from stream_core.dialects.responses.dialect import ResponsesDialect
from tests.support.responses_frames import (
    BEGIN,
    COMPLETED,
    CREATED,
    OPENED,
    added,
    arguments,
    decode_response,
    done,
    event,
    last_run,
    required,
    response,
    steps,
    text_part,
    transcript_of,
    wire_names,
)

if TYPE_CHECKING:
    from tests.support.frames import Frame, Transcript


def test_calls_of_functions_share_a_step_that_waits() -> None:
    """The run requires their outputs; the step stays open until they come."""
    came = transcript_of(
        added("function_call", "fc_1", 0, call_id="call_1", name="f", arguments=""),
        arguments('{"a"', "fc_1", 0),
        arguments(": 1}", "fc_1", 0),
        event("function_call_arguments.done", item_id="fc_1", output_index=0, arguments='{"a": 1}'),
        done("function_call", "fc_1", 0, call_id="call_1", name="f", arguments='{"a": 1}'),
        added("function_call", "fc_2", 1, call_id="call_2", name="g"),
        arguments("{}", "fc_2", 1),
    )
    assert [
        *BEGIN,
        *OPENED,
        *["run.step.delta"] * 3,
        "response.function_call_arguments.done",
        "response.output_item.done",
        *["run.step.delta"] * 2,
        "run.requires_action",
        "done*",
    ] == wire_names(came)
    assert [("call_1", "f", '{"a": 1}'), ("call_2", "g", "{}")] == required(came)
    assert [("call_1", "step_fc_1", 0), ("call_2", "step_fc_1", 1)] == [
        (x.tool_call.id, x.run_step_id, x.index) for x in came.of(events.RunStepToolCallDone)
    ]
    assert [] == steps(came)


def test_a_custom_tool_is_a_function_whose_arguments_are_its_input() -> None:
    """This covers deltas, the end, and what no delta brought."""
    where: dict[str, Any] = {"item_id": "ct_1", "output_index": 0}
    for rest in (
        event("custom_tool_call_input.done", **where, input="abc"),
        done("custom_tool_call", "ct_1", input="abc"),
    ):
        came = transcript_of(
            added("custom_tool_call", "ct_1", call_id="call_1", name="f", input=""),
            event("custom_tool_call_input.delta", **where, delta="ab"),
            rest,
        )
        assert [("call_1", "f", "abc")] == required(came)
        deltas = came.of(events.RunStepToolCallDelta)
        assert "abc" == "".join(x.delta.function.arguments or "" for x in deltas)


def test_arguments_that_a_call_begins_with_are_not_delivered_twice() -> None:
    """Servers that send all at once and servers that stream it afterwards both begin like that."""
    begin = added("function_call", call_id="call_1", name="f", arguments='{"a": 1}')
    whole = done("function_call", call_id="call_1", name="f", arguments='{"a": 1}')
    for frames in ([begin], [begin, arguments('{"a": 1}')], [begin, whole]):
        came = transcript_of(*frames)
        assert [("call_1", "f", '{"a": 1}')] == required(came)
        deltas = came.of(events.RunStepToolCallDelta)
        assert '{"a": 1}' == "".join(x.delta.function.arguments or "" for x in deltas)


def test_the_last_word_on_arguments_counts() -> None:
    """This holds if the deltas had other arguments."""
    came = transcript_of(
        added("function_call", call_id="call_1", name="f"),
        arguments("{"),
        arguments('"a'),
        done("function_call", call_id="call_1", name="f", arguments="{}"),
    )
    assert [("call_1", "f", "{}")] == required(came)


def test_a_call_whose_name_and_id_come_late_gets_them() -> None:
    """They come with its end, or with the event that adds it, after its deltas."""
    known: dict[str, Any] = {"call_id": "call_1", "name": "f"}
    for late in (done("function_call", **known), added("function_call", **known)):
        assert [("call_1", "f", "{}")] == required(transcript_of(arguments("{}"), late))
    assert [("call_1", "", "{}")] == required(
        transcript_of(arguments("{}"), done("function_call", call_id="call_1"))
    )
    named = transcript_of(added("function_call", call_id="call_1"), done("function_call", name="f"))
    assert [("call_1", "f", "")] == required(named)


def test_a_call_without_a_call_id_has_the_item_s() -> None:
    """An output must refer to something."""
    assert [("fc_1", "f", "")] == required(transcript_of(added("function_call", "fc_1", name="f")))


def test_calls_of_a_response_that_is_incomplete_are_cancelled() -> None:
    """Their arguments may be cut, so no outputs are requested."""
    came = decode_response(
        CREATED, added("function_call", call_id="call_1", name="f"), arguments('{"a'),
        response("incomplete"),
    )  # fmt: skip
    assert (["cancelled"], None) == (
        [x.status for x in steps(came)],
        last_run(came).required_action,
    )


def test_what_comes_after_the_end_of_a_call_is_an_extension_event() -> None:
    """Its arguments are complete."""
    late = [
        arguments("a"),
        event("function_call_arguments.done", item_id="item_1", output_index=0, arguments="a"),
        done("function_call", call_id="x", arguments="b"),
    ]
    end = done("function_call", call_id="call_1", name="f", arguments="{}")
    came = transcript_of(added("function_call", call_id="call_1", name="f"), end, *late)
    assert [("call_1", "f", "{}")] == required(came)
    assert 4 == len(came.of(events.ExtensionEvent))


# --- Arguments in other manners ---------------------------------------------------------


def finished(came: Transcript) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the calls that are done, and check them as required."""
    calls = [x.tool_call for x in came.of(events.RunStepToolCallDone)]
    found = [(x.id, x.function.name, x.function.arguments) for x in calls]
    assert sorted(required(came)) == sorted(found)
    return found


def grown(came: Transcript, call_id: str) -> str:
    """Return what the deltas of a call join to."""
    deltas = came.of(events.RunStepToolCallDelta)
    return "".join(x.delta.function.arguments or "" for x in deltas if x.snapshot.id == call_id)


@pytest.mark.parametrize("place", ["added", "done", "arguments.done", "listed", "delta"])
def test_arguments_may_be_an_object(place: str) -> None:
    """They become its JSON, in the deltas too."""
    call: dict[str, Any] = {"call_id": "call_1", "name": "f"}
    whole = {**call, "arguments": {"x": "é"}}
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0}
    listed = {"type": "function_call", "id": "item_1", **whole}
    frames: dict[str, list[Frame]] = {
        "added": [added("function_call", **whole), COMPLETED],
        "done": [added("function_call", **call), done("function_call", **whole), COMPLETED],
        "arguments.done": [
            added("function_call", **call),
            event("function_call_arguments.done", **where, arguments={"x": "é"}),
            COMPLETED,
        ],
        "listed": [response("completed", output=[listed])],
        "delta": [
            added("function_call", **call),
            event("function_call_arguments.delta", **where, delta={"x": "é"}),
            COMPLETED,
        ],
    }
    came = decode_response(CREATED, *frames[place])
    assert [("call_1", "f", '{"x": "é"}')] == finished(came)
    assert '{"x": "é"}' == grown(came, "call_1")


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    ("first", "pieces"),
    [
        ('{"x"', [":1", "}"]),
        ('{"x":1', ["}"]),
        ("{", ['"x":1}']),
        ('{"x":1}', ['{"x"', ":1}"]),
        ('{"x"', ['{"x"', ":1}"]),
        ('{"x":1}', ["{", '"x":1}']),
        ("{}", ["{", '"x":1}']),
        ('{"y":0}', ['{"x":1}']),
        ("", ['{"x":1}']),
    ],
)
def test_the_first_piece_of_the_arguments_may_be_in_output_item_added(
    first: str, pieces: list[str], *, ends: bool
) -> None:
    """What the call begins with is a piece if it is unfinished and does not come again."""
    call: dict[str, Any] = {"call_id": "call_1", "name": "f"}
    end = [done("function_call", **call, arguments='{"x":1}')] if ends else []
    came = transcript_of(
        added("function_call", **call, arguments=first), *map(arguments, pieces), *end
    )
    assert [("call_1", "f", '{"x":1}')] == finished(came)
    assert '{"x":1}' == grown(came, "call_1")


@pytest.mark.parametrize("ending", ["arguments.done", "done", "listed"])
@pytest.mark.parametrize("cipher", ["qZ9", '{"x":2}', '{"x":1'])
def test_deltas_may_be_ciphertext_with_plain_text_in_done(ending: str, cipher: str) -> None:
    """GitHub Copilot: on_tool_call_done and required_action have what done said; ids change."""
    calls = [{"call_id": f"call_{i}", "name": "f", "arguments": '{"x":1}'} for i in range(2)]
    frames: list[Frame] = []
    for i, call in enumerate(calls):
        begun = {**call, "arguments": ""}
        frames.append(added("function_call", f"A{i}", i, **begun))
        frames.append(arguments(cipher, f"B{i}", i))
        if ending == "arguments.done":
            frames.append(event("function_call_arguments.done", item_id=f"C{i}",
                output_index=i, arguments='{"x":1}'))  # fmt: skip
        if ending == "done":
            frames.append(done("function_call", f"D{i}", i, **call))
    listed = [{"type": "function_call", "id": f"E{i}", **call} for i, call in enumerate(calls)]
    end = response("completed", output=listed if ending == "listed" else [])
    came = decode_response(CREATED, *frames, end)
    assert [("call_0", "f", '{"x":1}'), ("call_1", "f", '{"x":1}')] == required(came)
    if cipher != '{"x":2}' or ending != "listed":  # else the first looks whole when the next begins
        assert required(came) == finished(came)


@st.composite
def interleaved(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Return the arguments of two or three calls, in pieces, in any order between calls."""
    left = {i: list(f'{{"x": [{i}, {{}}]}}') for i in range(draw(st.integers(2, 3)))}
    pieces: list[tuple[int, str]] = []
    while left:
        i = draw(st.sampled_from(sorted(left)))
        count = draw(st.integers(1, len(left[i])))
        pieces.append((i, "".join(left[i][:count])))
        left[i] = left[i][count:]
        if not left[i]:
            del left[i]
    return pieces


@given(interleaved(), st.sampled_from(["index", "id", "both", "other ids"]), st.booleans())
def test_arguments_of_items_may_be_interleaved(
    pieces: list[tuple[int, str]], by: str, whole: bool
) -> None:
    """Each call has its own, whole when it is done, whatever finds the item."""
    calls = range(max(i for i, _ in pieces) + 1)
    texts = ["".join(piece for one, piece in pieces if one == i) for i in calls]

    def place(i: int) -> int | None:
        return None if by == "id" else i

    def name(i: int) -> str:
        return {"index": "", "other ids": f"x{i}"}.get(by, f"fc_{i}")

    frames = [
        added("function_call", f"fc_{i}", place(i), call_id=f"call_{i}", name="f") for i in calls
    ]
    frames += [arguments(piece, name(i), place(i)) for i, piece in pieces]
    if whole:
        frames += [
            done("function_call", name(i), place(i), call_id=f"call_{i}", arguments=texts[i])
            for i in calls
        ]
    came = transcript_of(*frames)
    assert sorted((f"call_{i}", "f", texts[i]) for i in calls) == sorted(finished(came))
    assert texts == [grown(came, f"call_{i}") for i in calls]


# --- Calls that the server ran ----------------------------------------------------------

CALL = {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "id": "fo_1", "call_id": "a", "output": "42"}
OTHER = {"type": "function_call", "id": "fc_2", "call_id": "b", "name": "g", "arguments": "{}"}
SAID = {"type": "message", "id": "msg_1", "content": [text_part("Hi")]}


def streamed(*items: dict[str, Any]) -> list[Frame]:
    """Return the frames that add and end ITEMS."""
    frames = []
    for index, item in enumerate(items):
        frames += [
            event("output_item.added", output_index=index, item=item),
            event("output_item.done", output_index=index, item=item),
        ]
    return frames


@pytest.mark.parametrize(
    "items", [(CALL, OUTPUT, SAID), (OUTPUT, CALL, SAID), (CALL, SAID, OUTPUT)]
)
def test_a_call_with_its_output_in_one_response_was_run_by_the_server(items: Any) -> None:
    """It is not required, and the run completes; the call is done, and its step has the output."""
    listed = response("completed", status="completed", output=list(items))
    for frames in ([*streamed(*items), COMPLETED], [listed], [*streamed(*items), listed]):
        came = decode_response(CREATED, *frames)
        run = last_run(came)
        assert ("completed", None) == (run.status, run.required_action)
        (call,) = [x.tool_call for x in came.of(events.RunStepToolCallDone)]
        assert ("a", "42") == (call.id, call.function.output)
        assert {"completed"} == {x.status for x in steps(came)}


def test_only_calls_without_an_output_are_required() -> None:
    """An output may be of any type; without an id it answers nothing."""
    parts = [{"type": "input_text", "text": "42"}]
    nothing = {**OUTPUT, "call_id": None, "id": "fo_2"}
    came = transcript_of(*streamed(CALL, OTHER, {**OUTPUT, "output": parts}, nothing))
    assert [("b", "g", "{}")] == required(came)
    custom = {**CALL, "type": "custom_tool_call", "input": "x"}
    shown = {**OUTPUT, "type": "custom_tool_call_output", "output": None}
    assert "completed" == last_run(transcript_of(*streamed(custom, shown))).status


#: A call of a custom tool, and what may be said about tools.
CUSTOM = {"type": "custom_tool_call", "id": "c", "call_id": "a", "name": "x_search", "input": "q"}
ASKED = [{"type": "custom", "name": "other"}]
NAMED = [{"type": "function", "name": "x_search"}]
NESTED = [{"type": "namespace", "name": "n", "tools": ASKED}]
SEARCH: list[dict[str, Any]] = [{"type": "x_search"}]


@pytest.mark.parametrize(
    ("requested", "echoed", "ours"),
    [
        (None, None, True),
        (None, [], True),
        (None, SEARCH, False),
        (None, ASKED, True),
        (None, NESTED, True),
        ([], None, False),
        ([], [], False),
        (SEARCH, SEARCH, False),
        (SEARCH, ASKED, True),
        (ASKED, SEARCH, True),
        (ASKED, [], True),
        (NAMED, None, True),
        ([{"type": "function", "function": {"name": "x_search"}}], [], True),
    ],
)
@pytest.mark.parametrize("when", ["created", "completed"])
def test_a_custom_tool_call_that_the_server_runs_itself(
    requested: Any, echoed: Any, when: str, *, ours: bool
) -> None:
    """XAI's x_search is the server's if neither the request nor the echoed tools have another."""
    dialect = ResponsesDialect()
    dialect.requested_tools = requested
    tools = {} if echoed is None else {"tools": echoed}
    created = response("created", **(tools if when == "created" else {}))
    end = response("completed", **(tools if when == "completed" else {}))
    came = decode_response(created, *streamed(CUSTOM, SAID), end, dialect=dialect)
    assert ("requires_action" if ours else "completed") == last_run(came).status
    assert ours == bool(last_run(came).required_action)
    assert 1 == len(came.of(events.RunStepToolCallDone))


def test_items_go_back_exactly_as_they_were_sent() -> None:
    """What one frame leaves out another had; arguments that only deltas brought are added."""
    dialect = ResponsesDialect()
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "SIGN"}
    call = {**CALL, "opaque": {"signature": "S"}, "arguments": ""}
    bare: list[Any] = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None}
    ]
    for listed in ([], bare):
        dialect = ResponsesDialect()
        decode_response(
            CREATED,
            *streamed(thought),
            event("output_item.added", output_index=1, item=call),
            arguments("{}", "fc_1", 1),
            response("completed", output=listed),
            dialect=dialect,
        )
        assert [thought, {**call, "arguments": "{}"}] == dialect.output_items
    dialect = ResponsesDialect()
    decode_response(CREATED, arguments("{}", "fc_1", 1), COMPLETED, dialect=dialect)
    expected = {"type": "function_call", "call_id": "fc_1", "name": "", "arguments": "{}"}
    assert [expected] == dialect.output_items


@pytest.mark.parametrize(
    "pieces", [['{"x"', ":1}", '{"x":1}'], ['{"x"', '{"x":1}'], ['{"x":1}'] * 2]
)
def test_arguments_that_are_sent_again_count_once_if_nothing_states_all_of_them(
    pieces: list[str],
) -> None:
    """Those of a function do; what a custom tool takes may be any text."""
    about: dict[str, Any] = {"call_id": "c", "name": "f"}
    frames = [added("function_call", **about), *map(arguments, pieces)]
    for ending in ([], [done("function_call", **about)]):
        out = decode_response(CREATED, *frames, *ending, COMPLETED)
        assert [("c", "f", '{"x":1}')] == required(out)
    inputs = [event("custom_tool_call_input.delta", item_id="item_1", delta=x) for x in pieces]
    out = decode_response(CREATED, added("custom_tool_call", **about), *inputs, COMPLETED)
    assert [("c", "f", "".join(pieces))] == required(out)


@pytest.mark.parametrize(
    ("first", "pieces", "final", "expected"),
    [
        ('{"a": "\ud83d', ['\ude00"}'], None, '{"a": "😀"}'),
        ('{"a": "\ud83d', ['\ude00"}'], '{"a": "\ud83d\ude00"}', '{"a": "😀"}'),
        ("", ['{"a": "\ud83d', '\ude00"}'], '{"a": "😀"}', '{"a": "😀"}'),
        ("\ud83d", [], None, "\ufffd"),
        ("", ["\ud83d"], None, "\ufffd"),
        ("", ["\ud83d"], "\ud83d", "\ufffd"),
        ("", [], '{"a": "\ud83d"}', '{"a": "\ufffd"}'),
        ("", ['{"a": "\ud83d'], '{"a": "\ud83d"}', '{"a": "\ufffd"}'),
    ],
)
def test_halves_in_arguments_meet_and_one_alone_is_the_replacement_character(
    first: str, pieces: list[str], final: str | None, expected: str
) -> None:
    """Wherever they are: in what began the call, in its deltas, or in the server's last word."""
    call = {"call_id": "call_1", "name": "f"}
    ended = [] if final is None else [done("function_call", "fc_1", 0, **call, arguments=final)]
    came = transcript_of(
        added("function_call", "fc_1", 0, **call, arguments=first),
        *(arguments(piece, "fc_1", 0) for piece in pieces),
        *ended,
    )
    assert [("call_1", "f", expected)] == required(came)
    (made,) = came.of(events.RunStepToolCallDone)
    assert expected == made.tool_call.function.arguments


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ({"name": "f"}, [("call_1", "f", "{}")]),
        ({"call_id": "call_1", "name": "f"}, [("call_1", "f", "{}")]),
        ({"call_id": "call_2", "name": "f"}, [("call_1", "f", ""), ("call_2", "f", "{}")]),
        ({"name": "g"}, [("call_1", "f", ""), ("fc_2", "g", "{}")]),
    ],
)
def test_an_end_at_the_next_place_is_of_the_same_call_unless_its_id_or_name_differs(
    ended: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    """Servers that count a hidden item in between end a call one place higher."""
    came = transcript_of(
        added("function_call", "fc_1", 0, call_id="call_1", name="f"),
        done("function_call", "fc_2", 1, **ended, arguments="{}"),
    )
    assert expected == required(came)
