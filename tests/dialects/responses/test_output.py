"""Which frame of a response is about which item."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.dialects.responses.calls import CallItem
from stream_core.dialects.responses.items import Item
from stream_core.dialects.responses.messages import MessageItem
from stream_core.dialects.responses.output import Output, item_class
from stream_core.dialects.responses.tool_items import ToolItem
from stream_core.dialects.run_writer import RunWriter
from tests.support.frames import Transcript
from tests.support.responses_frames import (
    COMPLETED,
    CREATED,
    added,
    arguments,
    decode_response,
    done,
    event,
    last_run,
    messages,
    response,
    steps,
    text,
    text_part,
    transcript_of,
)

#: Items that are calls, as the last event of a response lists them.
CALL_1 = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "1"}
CALL_2 = {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "g", "arguments": "2"}


def texts(came: Transcript) -> list[tuple[str, str]]:
    """Return the ids and texts of the messages that ended."""
    return [(x.id, x.text) for x in messages(came)]


def required(came: Transcript) -> list[tuple[str, str]]:
    """Return the ids and arguments of the calls that wait."""
    action = last_run(came).required_action
    assert action is not None
    assert action.submit_tool_outputs is not None
    return [(x.id, x.function.arguments) for x in action.submit_tool_outputs.tool_calls]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("message", MessageItem),
        ("custom_tool_call", CallItem),
        ("bing_grounding_call", ToolItem),
        ("computer_call", Item),
        ("computer_call_output", Item),
        ("of_tomorrow", Item),
        ("", Item),
    ],
)
def test_the_class_of_an_item_is_found_by_its_type(kind: str, expected: type[Item]) -> None:
    """Calls that are not listed are tools run by the server; all others have no counterpart."""
    assert expected is item_class(kind)


# --- While the response streams ---------------------------------------------------------


def test_ids_may_change_at_every_event() -> None:
    """With GitHub Copilot the index counts, and events carry the first id."""
    came = decode_response(
        CREATED,
        added("message", "a", 0),
        text("Hel", "b", 0),
        text("lo", "c", 0),
        done("message", "d", 0, content=[text_part("Hello")]),
        added("message", "e", 1),
        text("!", "f", 1),
        response(
            "completed",
            output=[
                {"type": "message", "id": "g", "content": [text_part("Hello")]},
                {"type": "message", "id": "h", "content": [text_part("!")]},
            ],
        ),
    )
    assert [("a", "Hello"), ("e", "!")] == texts(came)


def test_indexes_may_be_missing() -> None:
    """With llama.cpp, items are found by their ids, even two at once."""
    came = transcript_of(
        added("function_call", "fc_1", None, call_id="call_1", name="f"),
        arguments("1", "fc_1", None),
        added("function_call", "fc_2", None, call_id="call_2", name="g"),
        arguments("2", "fc_2", None),
        done("function_call", "fc_1", None, arguments="1"),
        done("function_call", "fc_2", None, arguments="2"),
    )
    assert [("call_1", "1"), ("call_2", "2")] == required(came)


def test_indexes_and_ids_may_be_missing() -> None:
    """The last open item of that kind is then meant."""
    bare = event("output_text.delta", delta="a")
    came = transcript_of(bare, event("reasoning_text.delta", delta="hm"), bare)
    assert ["aa"] == [x for _, x in texts(came)]
    came = transcript_of(bare, done("message", "", None), bare)
    assert ["a", "a"] == [x for _, x in texts(came)]
    assert [x for x, _ in texts(came)] == ["msg_resp_1_1", "msg_resp_1_2"]
    came = transcript_of(event("code_interpreter_call_code.delta", delta="1"))
    assert ["step_item_resp_1_1"] == [x.id for x in steps(came)]


def test_items_may_be_added_under_one_index() -> None:
    """The id then decides which is meant; an unknown id means the last."""
    came = transcript_of(
        added("function_call", "fc_1", 0, call_id="call_1", name="f"),
        added("function_call", "fc_2", 0, call_id="call_2", name="g"),
        arguments("1", "fc_1", 0),
        arguments("2", "fc_2", 0),
        arguments("3", "fc_3", 0),
    )
    assert [("call_1", "1"), ("call_2", "23")] == required(came)


def test_items_may_have_one_id() -> None:
    """The index then decides, and the second item gets an id of its own."""
    came = transcript_of(
        added("message", "m", 0),
        added("message", "m", 1),
        text("a", "m", 0),
        text("b", "m", 1),
    )
    assert [("m", "a"), ("m_2", "b")] == texts(came)
    came = transcript_of(
        *[added("message", "m", number) for number in range(3)], added("message", "m_2", 3)
    )
    assert 4 == len({x for x, _ in texts(came)})


def test_an_index_of_another_kind_of_item_is_not_meant() -> None:
    """LiteLLM has reasoning and the message at one index."""
    came = transcript_of(
        added("reasoning", "rs_1", 0),
        added("message", "msg_1", 0),
        text("a", "msg_1", 0),
        event("reasoning_text.delta", item_id="rs_1", output_index=0, delta="hm"),
        added("reasoning", "rs_2", 1),
        text("b", "msg_1", 1),
    )
    assert [("msg_1", "ab")] == texts(came)
    assert ["rs_1"] == [x.data.snapshot.item_id for x in came.of(events.ReasoningDelta)]


def test_an_index_that_was_never_added_begins_an_item() -> None:
    """It begins under the frame's id."""
    came = transcript_of(added("message", "msg_1", 0), text("a", "msg_1", 0), text("b", "msg_2", 1))
    assert [("msg_1", "a"), ("msg_2", "b")] == texts(came)


def test_an_item_may_be_added_after_its_deltas() -> None:
    """With open-responses-server, the item is the one that the deltas began."""
    for index, later in ((None, None), (0, 0), (None, 0)):
        came = transcript_of(
            text("a", "msg_1", index),
            added("message", "msg_1", later),
            text("b", "msg_1", later),
        )
        assert [("msg_1", "ab")] == texts(came)
    came = transcript_of(text("a", "x", 0), added("message", "y", 0), text("b", "z", 0))
    assert [("x", "ab")] == texts(came)


def test_an_item_that_is_added_twice_is_one() -> None:
    """This holds with the same id, and at one index without ids."""
    for item_id, index in (("msg_1", 0), ("msg_1", None), ("", 0)):
        twice = [added("message", item_id, index)] * 2
        came = transcript_of(*twice, text("a", item_id, index))
        assert ["a"] == [x for _, x in texts(came)]
        assert 1 == len(came.of(events.ExtensionEvent))


def test_an_item_that_only_ends_is_delivered_whole() -> None:
    """Another end of it is an extension event."""
    end = done("message", "msg_1", 0, content=[text_part("Hi")])
    came = transcript_of(end, end)
    assert [("msg_1", "Hi")] == texts(came)
    assert 1 == len(came.of(events.ExtensionEvent))


def thought(item_id: str) -> list[Any]:
    """Return the frames of reasoning before a message."""
    return [added("reasoning", item_id, 0), done("reasoning", item_id, 0)]


@pytest.mark.parametrize("place", [1, None])
@pytest.mark.parametrize("said_as", ["x", "y", ""])
@pytest.mark.parametrize("done_as", ["x", "z", ""])
@pytest.mark.parametrize("moved", [0, 1])
@pytest.mark.parametrize("listed_as", ["x", "z", None])
def test_an_item_id_that_repeats_the_reasoning_s_or_is_empty_or_an_index_one_higher(
    place: int | None, said_as: str, done_as: str, moved: int, listed_as: str | None
) -> None:
    """It is one message, once."""
    end = None if place is None else place + moved
    final = {"type": "message", "content": [text_part("Hi")]}
    output = [] if listed_as is None else [{"type": "reasoning", "id": "x"}, {
        **final, "id": listed_as}]  # fmt: skip
    came = decode_response(
        CREATED,
        *thought("x"),
        added("message", "x", place),
        text("H", said_as, place),
        text("i", said_as, place),
        done("message", done_as, end, content=final["content"]),
        response("completed", output=output),
    )
    assert ["Hi"] == [x for _, x in texts(came)]
    assert "Hi" == "".join(x.delta.value or "" for x in came.of(events.MessageTextDelta))


def test_the_index_of_an_end_may_be_that_of_another_call() -> None:
    """The id then decides, or the id of the call."""
    for ids in (("fc_1", "fc_2"), ("", "")):
        came = transcript_of(
            added("function_call", "fc_1", 0, call_id="call_1", name="f"),
            added("function_call", "fc_2", 1, call_id="call_2", name="g"),
            arguments("1", "fc_1", 0),
            arguments("2", "fc_2", 1),
            done("function_call", ids[1], 2, call_id="call_2", name="g", arguments="2"),
            *([done("function_call", "fc_1", 1, call_id="call_1", name="f", arguments="1")]
              if ids[0] else []),
        )  # fmt: skip
        assert [("call_1", "1"), ("call_2", "2")] == required(came)


def test_an_end_of_another_item_under_a_known_id_is_an_item() -> None:
    """Its place is another one, the item of that id has ended, and they differ."""
    first = {"call_id": "call_1", "name": "f", "arguments": "1"}
    second = {"call_id": "call_2", "name": "f", "arguments": "2"}
    ends = [done("function_call", "fc", 0, **first), done("function_call", "fc", 1, **second)]
    came = transcript_of(added("function_call", "fc", 0, **first), *ends)
    assert [("call_1", "1"), ("call_2", "2")] == required(came)
    came = transcript_of(*ends[:1], done("function_call", "fc", 1, **first))
    assert [("call_1", "1")] == required(came)
    came = transcript_of(*thought("r"), done("reasoning", "r", 3, content=[{"text": "Hm"}]))
    assert ["Hm"] == [x.data.text for x in came.of(events.ReasoningDone)]


def test_the_end_may_list_a_message_at_another_place_under_another_id() -> None:
    """It is known by its text, a call by its id, reasoning by its texts."""
    part = {"type": "reasoning_text", "text": "Hm"}
    came = decode_response(
        CREATED,
        added("message", "m", 3),
        text("Hi", "m", 3),
        added("function_call", "c", 4, call_id="call_1", name="f"),
        arguments("1", "c", 4),
        event("reasoning_text.delta", item_id="r", output_index=5, delta="Hm"),
        listed(
            {"type": "reasoning", "id": "t", "content": [part]},
            {"type": "message", "id": "n", "content": [text_part("Hi")]},
            {**CALL_1, "id": "d"},
        ),
    )
    assert [("m", "Hi")] == texts(came)
    assert [("call_1", "1")] == required(came)
    assert ["Hm"] == [x.data.delta for x in came.of(events.ReasoningDelta)]


@pytest.mark.parametrize("output", [[], None])
def test_output_text_at_the_top_of_the_response_is_delivered(output: Any) -> None:
    """It is, if no item brought it; also the rest of what was streamed."""
    end = response("completed", output=output, output_text="Hi")
    begun = added("message", "item_1", 0)
    for frames in ([], [begun], [text("H")], [begun, text("Hi")]):
        came = decode_response(CREATED, *frames, end)
        assert ["Hi"] == [x for _, x in texts(came)]
        assert "Hi" == "".join(x.delta.value or "" for x in came.of(events.MessageTextDelta))
    came = decode_response(CREATED, done("message", content=[text_part("Hi")]), end)
    assert ["Hi"] == [x for _, x in texts(came)]
    came = decode_response(CREATED, text("Ho"), end)
    assert ["Ho"] == [x for _, x in texts(came)]
    for wrong in (5, "", ["Hi"], None):
        assert [] == texts(decode_response(CREATED, response("completed", output_text=wrong)))


# --- At the end -------------------------------------------------------------------------


def listed(*items: Any) -> Any:
    """Return the frame that ends a response with ITEMS."""
    return response("completed", status="completed", output=list(items))


def test_items_that_were_not_seen_are_delivered_at_the_end() -> None:
    """Their order is that of the list; items that ended are not delivered again."""
    message = {"type": "message", "id": "msg_1", "content": [text_part("Hi")]}
    other = {"type": "message", "id": "msg_2", "content": [text_part("Ho")]}
    code = {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "code": "1",
        "outputs": [{"type": "logs"}],
    }
    came = decode_response(
        CREATED, done(**_done(code), index=0), listed(code, message, CALL_1, other)
    )
    assert [("msg_1", "Hi"), ("msg_2", "Ho")] == texts(came)
    assert [("call_1", "1")] == required(came)
    assert 1 == sum(x.id == "step_ci_1" for x in steps(came))


def _done(item: dict[str, Any]) -> dict[str, Any]:
    """Return ITEM as keyword arguments for ``done``."""
    fields = {key: value for key, value in item.items() if key not in ("type", "id")}
    return {"kind": item["type"], "item_id": item["id"], **fields}


def test_items_may_have_other_ids_at_the_end() -> None:
    """They are found by their places or, without indexes, in order."""
    for places in ((0, 1), (None, None)):
        came = decode_response(
            CREATED,
            added("function_call", "a", places[0], call_id="call_1", name="f"),
            added("function_call", "b", places[1], call_id="call_2", name="g"),
            listed(CALL_1, CALL_2),
        )
        assert [("call_1", "1"), ("call_2", "2")] == required(came)


def test_the_list_may_leave_items_out() -> None:
    """A place in the list is then not the index of the item, so ids count more."""
    message = {"type": "message", "id": "msg_2", "content": [text_part("Ho")]}
    came = decode_response(
        CREATED,
        added("message", "msg_1", 0),
        text("Hi", "msg_1", 0),
        added("message", "msg_2", 1),
        text("H", "msg_2", 1),
        listed(message),
    )
    assert [("msg_1", "Hi"), ("msg_2", "Ho")] == sorted(texts(came))


def test_an_item_that_was_seen_is_not_taken_for_one_that_was_not() -> None:
    """A stream that was joined late has missed the first one."""
    first = {"type": "message", "id": "msg_1", "content": [text_part("Hi")]}
    second = {"type": "message", "id": "msg_2", "content": [text_part("Ho")]}
    came = decode_response(text("Ho", "msg_2", 1), listed(first, second))
    assert [("msg_1", "Hi"), ("msg_2", "Ho")] == sorted(texts(came))


def test_items_with_one_id_are_each_delivered_at_the_end() -> None:
    """The list has both of them."""
    one = {"type": "message", "id": "m", "content": [text_part("a")]}
    two = {"type": "message", "id": "m", "content": [text_part("b")]}
    assert ["a", "b"] == [x for _, x in texts(decode_response(CREATED, listed(one, two)))]


@pytest.mark.parametrize("output", [None, []])
def test_a_list_may_be_empty(output: Any) -> None:
    """The items seen are then all of them."""
    came = decode_response(CREATED, text("Hi"), response("completed", output=output))
    assert [("item_1", "Hi")] == texts(came)
    assert [("item_1", "Hi")] == texts(decode_response(CREATED, text("Hi"), COMPLETED))


def test_the_items_are_known_as_last_sent() -> None:
    """They are in order of output; items never sent are missing; the next response has none."""
    output = Output(RunWriter(models.Run()))
    for _, sent in (
        added("message", "b", 1),
        added("message", "a", 0),
        added("message", "c", None),
    ):
        output.added(sent)
    _, ended = done("message", "b", 1, status="completed")
    output.done(ended)
    output.done(done("message", "b", 1, status="again")[1])
    output.find(text("x", "d", 3)[1], MessageItem, "message")
    assert [("a", None), ("b", "completed"), ("c", None)] == [
        (x["id"], x.get("status")) for x in output.json
    ]
    output.clear()
    assert ([], []) == (output.json, output.items)


# --- An end at another place than the deltas -----------------------------------------------


#: Type of item -> the frames of its pieces "ab" and "ab", and of all of it; and its final state.
TEXTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "text": ("message", "output_text", "text", {"content": [text_part("abab")]}),
    "refusal": (
        "message",
        "refusal",
        "refusal",
        {"content": [{"type": "refusal", "refusal": "abab"}]},
    ),
    "reasoning": (
        "reasoning",
        "reasoning_text",
        "text",
        {"content": [{"type": "reasoning_text", "text": "abab"}]},
    ),
    "summary": (
        "reasoning",
        "reasoning_summary_text",
        "text",
        {"summary": [{"type": "summary_text", "text": "abab"}]},
    ),
    "arguments": (
        "function_call",
        "function_call_arguments",
        "arguments",
        {"call_id": "c", "name": "f", "arguments": "abab"},
    ),
    "input": (
        "custom_tool_call",
        "custom_tool_call_input",
        "input",
        {"call_id": "c", "name": "f", "input": "abab"},
    ),
    "code": (
        "code_interpreter_call",
        "code_interpreter_call_code",
        "code",
        {"code": "abab"},
    ),
    "mcp": ("mcp_call", "mcp_call_arguments", "arguments", {"name": "f", "arguments": "abab"}),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("item_id", ["", None, "fresh"])
@pytest.mark.parametrize("ends", [["text"], ["item"], ["text", "item"], ["text", "text", "item"]])
def test_an_end_whose_output_index_is_one_higher_ends_the_same_item(
    kind: str, item_id: str | None, ends: list[str]
) -> None:
    """The id may be empty, missing, or another one in every frame: there is one item."""
    item_type, name, key, final = TEXTS[kind]
    ids = (f"{item_id}_{n}" if item_id else item_id for n in range(20))

    def about(index: int) -> dict[str, Any]:
        found = next(ids)
        return {"output_index": index} | ({} if found is None else {"item_id": found})

    begins = {"type": item_type, "id": next(ids)} | {
        x: final[x] for x in ("call_id",) if x in final
    }
    frames = [event("output_item.added", output_index=2, item=begins)]
    frames += [event(f"{name}.delta", delta="ab", **about(2)) for _ in range(2)]
    for end in ends:
        if end == "text":
            frames.append(event(f"{name}.done", **{key: "abab"}, **about(3)))
        else:
            item = {"type": item_type, "id": next(ids), **final}
            frames.append(event("output_item.done", output_index=3, item=item))
    out = (
        transcript_of(*frames)
        if "call_id" not in final
        else decode_response(CREATED, *frames, COMPLETED)
    )
    assert out.error is None
    begun = out.of(events.ThreadMessageCreated, events.RunStepToolCallCreated)
    thoughts = out.of(events.ReasoningDone, events.ReasoningSummaryDone)
    assert 1 == len(begun) + len(thoughts)


def test_an_end_at_the_place_of_another_call_ends_the_one_that_has_its_id() -> None:
    """Even if both calls have one item id, or none."""
    for item_id in ("", "x"):
        calls = [
            {"type": "function_call", "id": item_id, "call_id": f"c{n}", "name": f"f{n}"}
            for n in range(2)
        ]
        frames = []
        for n, call in enumerate(calls):
            frames.append(event("output_item.added", output_index=n, item=call))
        frames += [arguments(f'{{"n":{n}}}', item_id, n) for n in range(2)]
        for n, call in enumerate(calls):
            frames.append(
                event("function_call_arguments.done", output_index=n + 1, arguments=f'{{"n":{n}}}')
            )
            final = {**call, "arguments": f'{{"n":{n}}}'}
            frames.append(event("output_item.done", output_index=n + 1, item=final))
        out = decode_response(CREATED, *frames, COMPLETED)
        assert [("c0", '{"n":0}'), ("c1", '{"n":1}')] == required(out)


def test_an_item_that_ends_behind_another_is_another_if_its_text_is() -> None:
    """It was not announced, and goes not on from the text of the one before."""
    out = transcript_of(
        added("message"), text("one"), done("message", "", 1, content=[text_part("two")])
    )
    assert ["one", "two"] == sorted(x.text for x in messages(out))


def test_a_call_that_is_added_under_the_id_of_another_is_another() -> None:
    """Its `call_id` shows that; there is no index."""
    frames = []
    for n in range(2):
        frames.append(added("function_call", "x", None, call_id=f"c{n}", name="f"))
        frames.append(arguments(f'{{"n":{n}}}', "x", None))
    out = decode_response(CREATED, *frames, COMPLETED)
    assert [("c0", '{"n":0}'), ("c1", '{"n":1}')] == required(out)
