"""Items that are messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events, models
from tests.support.responses_frames import (
    COMPLETED,
    CREATED,
    OPENED,
    added,
    between,
    decode_response,
    done,
    event,
    messages,
    response,
    said,
    steps,
    text,
    text_part,
    transcript_of,
)

if TYPE_CHECKING:
    from tests.support.frames import Frame, Transcript


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
    """An index that no part has is no part; a part of unknown type is kept whole."""
    audio = {"type": "output_audio", "data": "..."}
    came = transcript_of(added("message"), text("b", part=1), text("c", part=3))
    assert ["text", "text"] == [x.type for x in messages(came)[0].content]
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


# --- Indexes that do not agree ----------------------------------------------------------


def part_index_frames(kind: str, index: int, pieces: list[str]) -> list[Frame]:
    """Return the deltas of a text or a refusal at INDEX."""
    name = "output_text.delta" if kind == "text" else "refusal.delta"
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": index}
    return [event(name, **where, delta=piece) for piece in pieces]


def final_part(kind: str, value: str) -> dict[str, Any]:
    """Return a part of the final content."""
    return text_part(value) if kind == "text" else {"type": "refusal", "refusal": value}


def told(came: Transcript, kind: str) -> list[str]:
    """Return the texts or refusals of the one message: what the deltas of each part join to."""
    cls: Any = events.MessageTextDelta if kind == "text" else events.MessageRefusalDelta
    parts: dict[int, str] = {}
    for x in came.of(cls):
        value = x.delta.value if kind == "text" else x.delta.refusal
        parts[x.index] = parts.get(x.index, "") + value
    return [parts[index] for index in sorted(parts)]


def content(came: Transcript) -> list[str]:
    """Return the parts of the one message."""
    (message,) = messages(came)
    return [
        x.text.value if isinstance(x, models.TextContentBlock) else getattr(x, "refusal", "?")
        for x in message.content
    ]


@pytest.mark.parametrize("kind", ["text", "refusal"])
@pytest.mark.parametrize("index", [1, 2, 7])
@pytest.mark.parametrize("ending", ["done", "listed", "bare", "nothing"])
@pytest.mark.parametrize("whole_at", [None, 0, "same", "next"])
def test_a_content_index_that_is_not_0_though_there_is_one_part(
    kind: str, index: int, ending: str, whole_at: Any
) -> None:
    """gpt-oss counts on after the reasoning, and lists the part at 0: the text comes once."""
    frames: list[Frame] = [added("message"), *part_index_frames(kind, index, ["H", "i"])]
    places = {"same": index, "next": index + 1}
    if whole_at is not None:
        name = "output_text.done" if kind == "text" else "refusal.done"
        place = places.get(whole_at, whole_at)
        where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": place}
        key = "text" if kind == "text" else "refusal"
        frames += [
            event(name, **where, **{key: "Hi"}),
            event("content_part.done", **where, part=final_part(kind, "Hi")),
        ]
    final = {"type": "message", "id": "item_1", "content": [final_part(kind, "Hi")]}
    if ending == "done":
        frames.append(done("message", content=final["content"]))
    if ending == "bare":
        frames.append(done("message", content=[]))
    end = response("completed", output=[final] if ending in ("done", "listed") else [])
    came = decode_response(CREATED, *frames, end)
    assert (["Hi"], ["Hi"]) == (told(came, kind), content(came))


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("whole_at", [None, 0, 1, 4, 9])
def test_a_new_content_index_with_every_delta(first: int, whole_at: int | None) -> None:
    """Older vLLM: the text comes once, in as many parts as were streamed."""
    pieces = ["a", "b", "a", "b"]
    frames: list[Frame] = [added("message")]
    for number, piece in enumerate(pieces):
        frames += part_index_frames("text", first + number, [piece])
    if whole_at is not None:
        where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": whole_at}
        frames += [
            event("output_text.done", **where, text="abab"),
            event("content_part.done", **where, part=text_part("abab")),
        ]
    final = {"type": "message", "id": "item_1", "content": [text_part("abab")]}
    for rest in (
        [done("message", content=final["content"]), response("completed", output=[final])],
        [response("completed", output=[final])],
        [COMPLETED],
    ):
        came = decode_response(CREATED, *frames, *rest)
        assert (pieces, pieces) == (told(came, "text"), content(came))
        assert 4 == len(came.of(events.MessageTextDone))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_equal_texts_are_two_parts(index: int) -> None:
    """A streamed "ha" and a final "ha", "ha": the second one is not the first."""
    end = done("message", content=[text_part("ha"), text_part("ha")])
    came = transcript_of(added("message"), text("ha", part=index), end)
    assert ["ha", "ha"] == content(came) == told(came, "text")


def test_a_final_text_goes_on_after_the_parts_that_were_streamed() -> None:
    """What no delta brought is the rest of the last part; a text that differs has the last word."""
    frames = [added("message"), text("H", part=1), text("i", part=2)]
    came = transcript_of(*frames, done("message", content=[text_part("Hi!")]))
    assert ["H", "i!"] == content(came) == told(came, "text")
    came = transcript_of(*frames, done("message", content=[text_part("Yo")]))
    assert (["Yo", ""], ["H", "i"]) == (content(came), told(came, "text"))
    refusals = [added("message"), *part_index_frames("refusal", 3, ["N"])]
    refusals += part_index_frames("refusal", 4, ["o"])
    part = {"type": "refusal", "refusal": "Ah"}
    came = transcript_of(*refusals, done("message", content=[part]))
    assert ["Ah", ""] == content(came)


def test_parts_of_the_final_content_that_were_not_streamed_are_delivered_in_order() -> None:
    """This holds if the indexes of the others are too high."""
    other = {"type": "output_audio"}
    end = done("message", content=[text_part("a"), other, text_part("b")])
    came = transcript_of(added("message"), text("b", part=5), end)
    assert ["b", "a"] == [x.delta.value for x in came.of(events.MessageTextDelta)]
    (message,) = messages(came)
    assert {"a", "b"} <= {x.text.value for x in message.content if isinstance(
        x, models.TextContentBlock)}  # fmt: skip
    assert models.UnknownContent("output_audio", other) in message.content


def test_a_whole_text_at_another_index_is_a_part_of_its_own_if_it_differs() -> None:
    """It has no deltas; it need not wait for the end of the item."""
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 1}
    came = transcript_of(
        added("message"), text("ha"), event("output_text.done", **where, text="Ho")
    )
    assert ["ha", "Ho"] == content(came)
    longer = event("output_text.done", **where, text="ha!")
    came = transcript_of(added("message"), text("ha"), longer)
    assert ["ha!"] == content(came)
    came = transcript_of(added("message"), text("ha"), longer, text("no"))
    assert ["hano", "ha!"] == content(came)


def test_an_index_that_is_missing_or_wrong_is_that_of_the_part_before() -> None:
    """It is not needed: there is an open part."""
    wrongs: list[Any] = [None, -1, "x", 10_000, {}]
    for wrong in wrongs:
        where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": wrong}
        came = transcript_of(
            added("message"), text("a", part=1), event("output_text.delta", **where, delta="b")
        )
        assert ["ab"] == content(came)


def test_annotations_are_about_the_text_that_was_streamed() -> None:
    """Their own index may be another one than that of the deltas; none comes twice."""
    sent = {"type": "url_citation", "url": "u", "start_index": 1, "end_index": 3}
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    event_of_it = event("output_text.annotation.added", **where, annotation=sent)
    end = done("message", content=[text_part("See.", sent)])
    for frames in ([event_of_it], [event_of_it, end], [end]):
        came = transcript_of(added("message"), text("See.", part=1), *frames)
        assert (["ee"], ["See."]) == (
            [x.annotation.text for x in came.of(events.MessageAnnotation)],
            content(came),
        )
    came = transcript_of(added("message"), text("Se", part=1), text("e.", part=2), end)
    assert ["ee"] == [x.annotation.text for x in came.of(events.MessageAnnotation)]


def test_unknown_keys_of_an_annotation_are_in_its_extra() -> None:
    """Snippets and addresses of other kinds are only there."""
    more = {"get_url": "https://g.example"}
    sent = {"type": "url_citation", "url": "u", "content": "It", "additional_properties": more}
    end = done("message", content=[text_part("See.", sent, 5)])
    (found,) = transcript_of(added("message"), end).of(events.MessageAnnotation)
    assert {"content": "It", "additional_properties": more} == getattr(
        found.annotation, "extra", None
    )


@pytest.mark.parametrize("rest", ["done", "listed", "text.done"])
def test_a_refusal_and_then_a_final_text_at_its_index(rest: str) -> None:
    """Created comes before delta and done for whatever is delivered."""
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    final = {"type": "message", "id": "item_1", "content": [text_part("Hi")]}
    frames = {
        "done": [done("message", content=final["content"]), COMPLETED],
        "listed": [response("completed", output=[final])],
        "text.done": [event("output_text.done", **where, text="Hi"), COMPLETED],
    }[rest]
    refused = event("refusal.delta", **where, delta="No")
    came = decode_response(CREATED, added("message"), refused, *frames)
    assert ["MessageTextCreated", "MessageTextDelta", "MessageTextDone"] == [
        type(x).__name__
        for x in came.of(events.MessageTextCreated, events.MessageTextDelta, events.MessageTextDone)
    ]
    assert (["No"], ["Hi"]) == (told(came, "refusal"), told(came, "text"))


@pytest.mark.parametrize("frames", [
    [text("Hi")],
    [event("output_text.done", item_id="item_1", output_index=0, content_index=0, text="Hi")],
])  # fmt: skip
def test_text_at_an_index_that_began_as_an_image(frames: Any) -> None:
    """Created comes before delta and done."""
    part = {"type": "output_image", "image_url": "data:"}
    where: dict[str, Any] = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    begun = [event("content_part.added", **where, part=part)]
    begun += [event("content_part.done", **where, part=part)]
    for end in ([], [done("message", content=[part, text_part("Hi")])]):
        came = transcript_of(added("message"), *begun, *frames, *end)
        assert 1 == len(came.of(events.MessageTextCreated))
        assert ["Hi"] == told(came, "text")


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the texts of parts, and their pieces in any order between parts."""
    texts = draw(st.lists(st.text("ab ", min_size=1, max_size=4), min_size=1, max_size=4))
    left = {index: list(value) for index, value in enumerate(texts)}
    pieces: list[tuple[int, str]] = []
    while left:
        index = draw(st.sampled_from(sorted(left)))
        count = draw(st.integers(1, len(left[index])))
        pieces.append((index, "".join(left[index][:count])))
        left[index] = left[index][count:]
        if not left[index]:
            del left[index]
    return texts, pieces


@given(interleaved(), st.integers(0, 3), st.booleans(), st.booleans())
def test_parts_may_be_interleaved(
    parts: tuple[list[str], list[tuple[int, str]]], shift: int, ends: bool, wholes: bool
) -> None:
    """Whatever their indexes begin with, each part has its text, once, in order of the index."""
    texts, pieces = parts
    frames = [text(piece, part=index + shift) for index, piece in pieces]
    if wholes:
        where: dict[str, Any] = {"item_id": "item_1", "output_index": 0}
        frames += [
            event("output_text.done", **where, content_index=index + shift, text=value)
            for index, value in enumerate(texts)
        ]
    if ends:
        frames.append(done("message", content=[text_part(x) for x in texts]))
    came = transcript_of(added("message"), *frames)
    assert texts == content(came) == told(came, "text")
