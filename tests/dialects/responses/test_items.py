"""Items that are messages, reasoning, and calls that the caller answers."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.dialects.responses.items import Item
from stream_core.dialects.responses.output import ITEMS
from tests.support.responses_frames import (
    BEGIN,
    COMPLETED,
    CREATED,
    OPENED,
    added,
    arguments,
    between,
    decode_response,
    done,
    event,
    last_run,
    messages,
    required,
    response,
    said,
    steps,
    text,
    text_part,
    transcript_of,
    wire_names,
)

#: Types of items without a counterpart on the Assistants wire.
NOTHING = [*sorted(x for x in ITEMS if ITEMS[x] is Item), "compaction"]


@pytest.mark.parametrize("kind", NOTHING)
def test_an_item_without_counterpart_is_two_extension_events(kind: str) -> None:
    """They carry it as sent, and the run completes."""
    came = transcript_of(added(kind, action={"x": 1}), done(kind, result="y"))
    assert ["response.output_item.added", "response.output_item.done"] == between(came)
    assert ["y"] == [x.data["item"].get("result") for x in came.of(events.ExtensionEvent)][1:]
    assert [] == between(decode_response(CREATED, response("completed", output=[{"type": kind}])))


# --- Messages ---------------------------------------------------------------------------


def test_a_message_is_a_message_in_a_step() -> None:
    """It keeps its own id, and the step's id is made from that."""
    came = transcript_of(
        added("message", "msg_1", status="in_progress", phase="commentary"),
        event("content_part.added", item_id="msg_1", output_index=0, content_index=0),
        text("Hel", "msg_1"),
        text("lo", "msg_1"),
        event("output_text.done", item_id="msg_1", output_index=0, text="Hello"),
        event("content_part.done", item_id="msg_1", output_index=0, part=text_part("Hello")),
        done("message", "msg_1", status="completed", content=[text_part("Hello")]),
    )
    assert [
        *OPENED,
        "message.created",
        "message.in_progress*",
        "response.content_part.added",
        "message.delta",
        "message.delta",
        "response.output_text.done",
        "response.content_part.done",
        "message.completed",
        "run.step.completed*",
    ] == between(came)
    (message,), (step,) = messages(came), steps(came)
    assert ("msg_1", "Hello", "assistant", "completed") == (
        message.id,
        message.text,
        message.role,
        message.status,
    )
    assert ("resp_1", "thread_resp_1", {"phase": "commentary"}) == (
        message.run_id,
        message.thread_id,
        message.metadata,
    )
    details = models.MessageCreationStepDetails(message_creation=models.MessageCreation("msg_1"))
    assert ("step_msg_1", details) == (step.id, step.step_details)


@pytest.mark.parametrize(
    "rest",
    [
        event("output_text.done", item_id="item_1", output_index=0, text="Hello"),
        event("content_part.done", item_id="item_1", output_index=0, part=text_part("Hello")),
        done("message", content=[text_part("Hello")]),
        response("completed", output=[{"type": "message", "id": "item_1", "content": [
            {"type": "text", "text": "Hello"}]}]),
    ],
    ids=lambda x: str(x[0]),
)  # fmt: skip
def test_text_that_no_delta_brought_is_delivered(rest: Any) -> None:
    """It comes once, as one more synthetic delta, whichever frame brings it; even all of it."""
    for pieces in (["Hel"], [], ["Hello"]):
        came = decode_response(CREATED, added("message"), *map(text, pieces), rest, rest, COMPLETED)
        assert "Hello" == said(came, "item_1")
        assert ["Hello"] == [x.text for x in messages(came)]
        deltas = [x.synthetic for x in came.of(events.ThreadMessageDelta)]
        assert [False] * len(pieces) + [True] * (pieces != ["Hello"]) == deltas


def test_a_last_word_that_differs_counts_and_gives_no_delta() -> None:
    """The deltas stay as they were; the message is what the server sent last."""
    came = transcript_of(
        added("message"), text("Hi"), done("message", content=[text_part("Hello")])
    )
    assert ("Hi", ["Hello"]) == (said(came, "item_1"), [x.text for x in messages(came)])


@pytest.mark.parametrize("content", [[], None, [text_part("")], [text_part("He")]])
def test_an_end_with_less_takes_nothing_away(content: Any) -> None:
    """Some servers end a message without its content."""
    came = transcript_of(added("message"), text("Hello"), done("message", content=content))
    assert ["Hello"] == [x.text for x in messages(came)]


def test_a_refusal_is_a_refusal() -> None:
    """It has pieces, an end, and a delta for what no piece brought."""
    part = {"type": "refusal", "refusal": "I cannot."}
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    for rest in (
        event("refusal.done", **where, refusal="I cannot."),
        event("content_part.done", **where, part=part),
        done("message", content=[part]),
    ):
        came = transcript_of(added("message"), event("refusal.delta", **where, delta="I can"), rest)
        (refusal,) = came.of(events.MessageRefusalDone)
        assert "I cannot." == refusal.refusal.refusal
        assert ["I can", "not."] == [x.delta.refusal for x in came.of(events.MessageRefusalDelta)]
    other = {"type": "refusal", "refusal": "No."}
    came = transcript_of(
        added("message"),
        event("refusal.delta", **where, delta="I can"),
        done("message", content=[other]),
    )
    assert ["No."] == [x.refusal.refusal for x in came.of(events.MessageRefusalDone)]


def test_a_text_and_a_refusal_at_one_index_are_two_parts() -> None:
    """A server may leave indexes out; a part never changes its type."""
    came = transcript_of(
        text("Well.", "msg_1", None),
        event("refusal.delta", item_id="msg_1", delta="No."),
        text(" Hm.", "msg_1", None),
    )
    (message,) = messages(came)
    assert ["text", "refusal"] == [x.type for x in message.content]
    assert "Well. Hm." == message.text


def test_parts_keep_their_places() -> None:
    """A place without any content is an unknown part; a part of unknown type is kept whole."""
    audio = {"type": "output_audio", "data": "..."}
    came = transcript_of(added("message"), text("b", part=1))
    assert [models.UnknownContent(), "text"] == [
        messages(came)[0].content[0],
        messages(came)[0].content[1].type,
    ]
    came = transcript_of(added("message"), text("b", part=1), done("message", content=[
        audio, text_part("b"), {"type": 5}]))  # fmt: skip
    assert models.UnknownContent("output_audio", audio) == messages(came)[0].content[0]
    assert "b" == messages(came)[0].text
    assert models.UnknownContent(None, {"type": 5}) == messages(came)[0].content[2]


def test_a_message_that_was_cut_ends_with_the_run() -> None:
    """The reason is known only then; a cut message stays incomplete in a run that completes."""
    end = done("message", status="incomplete", content=[text_part("Hal")])
    details: dict[str, Any] = {"incomplete_details": {"reason": "max_output_tokens"}}
    came = decode_response(
        CREATED, added("message"), text("Hal"), end, response("incomplete", **details)
    )
    assert [models.IncompleteDetails("max_tokens")] == [
        x.incomplete_details for x in messages(came)
    ]
    came = transcript_of(added("message"), end)
    assert ["incomplete"] == [x.status for x in messages(came)]


def test_a_message_that_the_end_lists_as_unfinished_ends_as_the_run_did() -> None:
    """A response that fails lists what it was working on."""
    item: dict[str, Any] = {
        "type": "message",
        "id": "item_1",
        "status": "in_progress",
        "content": [],
    }
    came = decode_response(
        CREATED, added("message"), text("Hal"), response("failed", output=[item])
    )
    assert ["incomplete"] == [x.status for x in messages(came)]
    assert ["completed"] == [
        x.status for x in messages(decode_response(CREATED, response("completed", output=[item])))
    ]


def test_what_comes_after_the_end_of_a_message_is_an_extension_event() -> None:
    """Nothing is delivered for a message that is done."""
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0}
    late = [
        text("a"),
        event("output_text.done", **where, text="ab"),
        event("refusal.delta", **where, delta="a"),
        event("refusal.done", **where, refusal="a"),
        event("output_text.annotation.added", **where, annotation={}),
        event("content_part.done", **where, part=text_part("ab")),
        done("message", content=[text_part("abc")]),
        added("message"),
    ]
    came = transcript_of(added("message"), done("message", content=[text_part("x")]), *late)
    assert [x[0] for x in late] == [x.event for x in came.of(events.ExtensionEvent)]
    assert ["x"] == [x.text for x in messages(came)]


def test_an_annotation_is_delivered_once() -> None:
    """Its own event brings it, with a number or without, or only the end has it."""
    sent = {"type": "url_citation", "url": "u", "start_index": 0, "end_index": 3}
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    by_event = event("output_text.annotation.added", **where, annotation_index=0, annotation=sent)
    without = event("output_text.annotation.added", **where, annotation=sent)
    end = done("message", content=[text_part("See.", sent)])
    page = models.URLCitation("u")
    expected = models.URLCitationAnnotation(0, "url_citation", "See", 0, 3, page)
    for frames in ([by_event], [without], [end], [by_event, end]):
        came = transcript_of(added("message"), text("See."), *frames)
        assert [expected] == [x.annotation for x in came.of(events.MessageAnnotation)]
        (part,) = messages(came)[0].content
        assert isinstance(part, models.TextContentBlock)
        assert [expected] == part.text.annotations


def test_annotations_that_the_end_leaves_out_stay() -> None:
    """Azure's server ends the text with an empty list."""
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    sent = event("output_text.annotation.added", **where, annotation={"type": "file_path"})
    came = transcript_of(
        added("message"), text("See."), sent, done("message", content=[text_part("See.")])
    )
    (part,) = messages(came)[0].content
    assert isinstance(part, models.TextContentBlock)
    assert ["file_path"] == [x.type for x in part.text.annotations]


# --- Calls that the caller answers ------------------------------------------------------


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


# --- Reasoning and images ---------------------------------------------------------------

THOUGHT = [
    ("reasoning_text", "content", events.ReasoningDelta, events.ReasoningDone),
    (
        "reasoning_summary_text",
        "summary",
        events.ReasoningSummaryDelta,
        events.ReasoningSummaryDone,
    ),
]


@pytest.mark.parametrize(("name", "key", "grew", "ended"), THOUGHT)
def test_reasoning_has_events_of_its_own(name: str, key: str, grew: Any, ended: Any) -> None:
    """Each piece has the text so far; each text ends once; there is no step and no message."""
    index = "summary_index" if key == "summary" else "content_index"
    where: dict[str, Any] = {"item_id": "rs_1", "output_index": 0}
    part = {"type": "x", "text": "Hm, so."}
    seen: list[str] = []
    came = decode_response(
        CREATED,
        added("reasoning", "rs_1"),
        event(f"{name}.delta", **where, **{index: 1}, delta="Hm,"),
        event(f"{name}.delta", **where, **{index: 1}, delta=" so."),
        event(f"{name}.done", **where, **{index: 1}, text="Hm, so."),
        event(f"{name}.done", **where, **{index: 1}, text="Hm, so."),
        done("reasoning", "rs_1", 0, **{key: [part, part]}),
        COMPLETED,
    )
    seen = [x.data.delta for x in came.of(grew)]
    assert ["Hm,", " so.", "Hm, so."] == seen
    assert [("Hm, so.", "rs_1", 1), ("Hm, so.", "rs_1", 0)] == [
        (x.data.text, x.data.item_id, x.data.index) for x in came.of(ended)
    ]
    assert [False, True] == [x.synthetic for x in came.of(ended)]
    assert ([], []) == (steps(came), messages(came))
    assert "completed" == last_run(came).status


@pytest.mark.parametrize(("name", "key", "grew", "ended"), THOUGHT)
def test_reasoning_is_done_without_an_event_of_its_own(
    name: str, key: str, grew: Any, ended: Any
) -> None:
    """It ends with its item or with the response; what no delta brought is delivered then."""
    delta = event(f"{name}.delta", item_id="rs_1", delta="Hm")
    whole = {"type": "reasoning", "id": "rs_1", key: [{"text": "Hm."}]}
    for frames, text_then in (
        ([delta, COMPLETED], "Hm"),
        ([delta, done("reasoning", "rs_1", None), COMPLETED], "Hm"),
        ([delta, response("completed", output=[whole])], "Hm."),
        ([response("completed", output=[whole])], "Hm."),
        ([event(f"{name}.done", item_id="rs_1", text="Hm."), COMPLETED], "Hm."),
    ):
        came = decode_response(CREATED, *frames)
        assert [text_then] == [x.data.text for x in came.of(ended)]
        assert text_then == "".join(x.data.delta for x in came.of(grew))


def test_reasoning_without_text_gives_nothing() -> None:
    """Only its encrypted content was sent."""
    came = transcript_of(
        added("reasoning", "rs_1"), event("reasoning_text.done", item_id="rs_1", text="")
    )
    assert [] == came.of(events.ReasoningDelta, events.ReasoningDone)


def test_reasoning_grows_in_one_live_object() -> None:
    """A handler gets the piece and the text so far; an event keeps the live text."""
    frames = [event("reasoning_text.delta", item_id="rs_1", delta=x) for x in "abc"]
    came = decode_response(CREATED, *frames, COMPLETED)
    snapshots = [x.data.snapshot for x in came.of(events.ReasoningDelta)]
    assert "abc" == snapshots[0].text
    assert snapshots[0] is snapshots[2]
    assert ["a'", "ab'", "abc'"] == [
        x.partition("snapshot=ReasoningText(text='")[2].partition(",")[0]
        for x in came.texts
        if x.startswith("ReasoningDelta")
    ]


def test_an_image_has_previews() -> None:
    """They are numbered; the image itself comes with the item's end."""
    came = transcript_of(
        added("image_generation_call", "ig_1"),
        event(
            "image_generation_call.partial_image",
            item_id="ig_1",
            output_index=0,
            partial_image_b64="AA",
            partial_image_index=1,
        ),
        done("image_generation_call", "ig_1", result="AAAA"),
    )
    (image,) = came.of(events.ImageGenerationPartial)
    assert models.PartialImage("AA", 1, "ig_1") == image.data
    assert "image_generation.partial" == image.event
