"""The events of messages and their parts, and the contents of their snapshots.

Every stream here is decoded whole, byte by byte and at random splits; all must agree.
"""

from __future__ import annotations

import json
import operator
from functools import partial
from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from tests.support.frames import (
    DONE,
    Transcript,
    citation,
    decode,
    decode_every_way,
    message,
    message_delta,
    run,
    sse,
    text,
    text_delta,
    transcript_of,
    whole_run,
)

if TYPE_CHECKING:
    from tests.support.frames import Frame


def said(made: Transcript, index: int = 0, message_id: str = "msg_1") -> str:
    """Return the text deltas of one part, joined."""
    deltas = made.of(events.MessageTextDelta)
    return "".join(x.delta.value for x in deltas if (message_id, index) == (x.message_id, x.index))


def image(file_id: str, **fields: Any) -> dict[str, Any]:
    """Return an image file part, or its delta."""
    return {"type": "image_file", "image_file": {"file_id": file_id}, **fields}


def refusal(value: str, **fields: Any) -> dict[str, Any]:
    """Return a refusal part, or its delta."""
    return {"type": "refusal", "refusal": value, **fields}


# --- One message ------------------------------------------------------------------------


def test_a_plain_message_is_delivered_from_created_to_done() -> None:
    """The wire event comes first, the events derived from it follow."""
    made = transcript_of(
        message("created"),
        message("in_progress"),
        text_delta("Hel"),
        text_delta("lo"),
        message("completed", text("Hello")),
    )
    expected = [
        "ThreadMessageCreated",
        "ThreadMessageInProgress",
        "ThreadMessageDelta",
        "MessageTextCreated",
        "MessageTextDelta",
        "ThreadMessageDelta",
        "MessageTextDelta",
        "ThreadMessageCompleted",
        "MessageTextDone",
        "MessageDone",
    ]
    assert expected == made.names_inside
    assert "Hello" == said(made)
    assert "Hello" == made.of(events.MessageTextDone)[0].text.value
    assert "completed" == made.of(events.MessageDone)[0].message.status


def test_the_snapshot_is_one_object_that_grows() -> None:
    """The created message, each delta's snapshot and the current message are the same object."""
    decoder = EventDecoder()
    decoder.feed(sse(run("created"), message("created"), text_delta("a"), text_delta("b")))
    seen = list(iter(decoder.next_event, None))
    created = next(x for x in seen if isinstance(x, events.ThreadMessageCreated))
    deltas = [x for x in seen if isinstance(x, events.ThreadMessageDelta)]
    assert all(x.snapshot is created.data for x in deltas)
    assert decoder.snapshots.current_message is created.data
    assert "ab" == created.data.text
    texts = [x for x in seen if isinstance(x, events.MessageTextDelta)]
    part = created.data.content[0]
    assert isinstance(part, models.TextContentBlock)
    assert all(x.snapshot is part.text for x in texts)


def test_the_terminal_message_replaces_the_accumulated_one() -> None:
    """What the server sends last is final: its status, its text and everything else."""
    made = transcript_of(message("created"), text_delta("a"), message("completed", text("A")))
    (done,) = made.of(events.MessageDone)
    assert done.message is made.of(events.ThreadMessageCompleted)[0].data
    assert "A" == made.of(events.MessageTextDone)[0].text.value
    assert "a" == said(made)  # what was delivered stays


def test_status_and_role_come_from_the_wire() -> None:
    """In progress is written to the snapshot, and so is a role that a delta brings."""
    decoder = EventDecoder()
    created = {"id": "msg_1", "status": "queued", "role": "user"}
    delta = {"id": "msg_1", "delta": {"role": "assistant"}}
    decoder.feed(
        sse(
            ("thread.message.created", created),
            message("in_progress"),
            ("thread.message.delta", delta),
        )
    )
    list(iter(decoder.next_event, None))
    current = decoder.snapshots.current_message
    assert current is not None
    assert ("in_progress", "assistant") == (current.status, current.role)


def test_a_message_without_content_is_done_too() -> None:
    """An incomplete message may be empty; then there are no events of parts."""
    made = transcript_of(message("created"), message("incomplete"))
    assert ["ThreadMessageCreated", "ThreadMessageIncomplete", "MessageDone"] == made.names_inside


def test_an_incomplete_message_without_its_content_closes_what_was_open() -> None:
    """The open part is done as it stands."""
    made = transcript_of(message("created"), text_delta("Hel"), message("incomplete"))
    expected = ["ThreadMessageIncomplete", "MessageTextDone", "MessageDone"]
    assert expected == made.names_inside[-3:]
    assert "Hel" == made.of(events.MessageTextDone)[0].text.value


def test_what_the_server_leaves_open_is_done_when_the_run_is() -> None:
    """If a server sends no end of a message, the end is delivered for the message as it stands."""
    made = transcript_of(message("created"), text_delta("Hello"))
    expected = [
        "ThreadRunCompleted",
        "MessageTextDone",
        "MessageDone",
        "RunDone",
        "Done",
    ]
    assert expected == made.names[-5:]
    (done,) = made.of(events.MessageDone)
    assert ("in_progress", "Hello") == (done.message.status, done.message.text)


# --- Parts ------------------------------------------------------------------------------


def test_a_part_is_done_before_the_next_one_begins() -> None:
    """Text, image, text: each ends when the next begins, the last one with the message."""
    made = transcript_of(
        message("created"),
        text_delta("one"),
        message_delta(image("file_1", index=1)),
        text_delta("two", index=2),
        message("completed", text("one"), image("file_1"), text("two")),
    )
    expected = [
        "ThreadMessageCreated",
        "ThreadMessageDelta",
        "MessageTextCreated",
        "MessageTextDelta",
        "ThreadMessageDelta",
        "MessageTextDone",
        "ThreadMessageDelta",
        "MessageImageFileDone",
        "MessageTextCreated",
        "MessageTextDelta",
        "ThreadMessageCompleted",
        "MessageTextDone",
        "MessageDone",
    ]
    assert expected == made.names_inside
    assert [0, 2] == [x.index for x in made.of(events.MessageTextDone)]
    assert ["file_1"] == [x.image_file.file_id for x in made.of(events.MessageImageFileDone)]


def test_several_parts_in_one_delta_are_delivered_in_its_order() -> None:
    """One frame may begin a part, end it and begin another."""
    parts = [
        {"index": 0, "type": "text", "text": {"value": "a"}},
        {"index": 1, "type": "text", "text": {"value": "b"}},
    ]
    made = transcript_of(message("created"), message_delta(*parts))
    expected = [
        "ThreadMessageDelta",
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageTextDone",
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageTextDone",
        "MessageDone",
    ]
    assert expected == made.names_inside[1:]


def test_parts_are_kept_by_index_whatever_their_order() -> None:
    """With index 1 before 0, each part has its own text and the content is in order."""
    made = transcript_of(
        message("created"),
        text_delta("wor", index=1),
        text_delta("Hello ", index=0),
        text_delta("ld", index=1),
    )
    (done,) = made.of(events.MessageDone)
    assert ["Hello ", "world"] == [x.text.value for x in done.message.content]
    assert ("Hello ", "world") == (said(made, 0), said(made, 1))
    assert [1, 0] == [x.index for x in made.of(events.MessageTextDone)]  # once each


def test_a_delta_for_a_part_that_is_closed_is_delivered() -> None:
    """It changes the text and closes nothing twice."""
    made = transcript_of(
        message("created"),
        text_delta("a", index=0),
        text_delta("b", index=1),
        text_delta("A", index=0),
        message("completed", text("aA"), text("b")),
    )
    assert ["a", "b", "A"] == [x.delta.value for x in made.of(events.MessageTextDelta)]
    assert [0, 1] == [x.index for x in made.of(events.MessageTextDone)]


def test_a_delta_without_an_index_belongs_to_the_open_part() -> None:
    """If no part is open, it belongs to the first one."""
    made = transcript_of(
        message("created"),
        text_delta("a", index=None),
        text_delta("b", index=1),
        text_delta("c", index=None),
    )
    assert ("a", "bc") == (said(made, 0), said(made, 1))


def test_a_refusal_is_delivered_in_pieces_and_when_done() -> None:
    """Its snapshot grows like that of a text."""
    made = transcript_of(
        message("created"),
        message_delta(refusal("I can", index=0)),
        message_delta(refusal("not.", index=0)),
        message("completed", refusal("I cannot.")),
    )
    deltas = made.of(events.MessageRefusalDelta)
    assert ["I can", "not."] == [x.delta.refusal for x in deltas]
    assert "I cannot." == deltas[0].snapshot.refusal
    assert ["I cannot."] == [x.refusal.refusal for x in made.of(events.MessageRefusalDone)]
    assert [] == made.of(events.MessageTextCreated)


def test_an_image_url_is_delivered_when_done() -> None:
    """There is no callback for a piece of an image."""
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    made = transcript_of(
        message("created"), message_delta({"index": 0, **part}), message("completed", part)
    )
    urls = [x.image_url.url for x in made.of(events.MessageImageURLDone)]
    assert ["https://example.org/a.png"] == urls


def test_a_part_of_an_unknown_type_is_kept() -> None:
    """It has no events of its own, closes the part before it, and is in the message."""
    part = {"type": "hologram", "hologram": {"size": 3}}
    made = transcript_of(message("created"), text_delta("a"), message_delta({"index": 1, **part}))
    expected = ["ThreadMessageDelta", "MessageTextDone", "MessageDone"]
    assert expected == made.names_inside[-3:]
    (done,) = made.of(events.MessageDone)
    assert models.UnknownContent("hologram", raw=part) == done.message.content[1]


def test_a_delta_of_another_type_than_its_part_changes_nothing() -> None:
    """Nor does one without a text. The wire event is delivered all the same."""
    made = transcript_of(
        message("created"),
        text_delta("a"),
        message_delta(refusal("no", index=0)),
        message_delta({"type": "refusal", "refusal": "No", "index": 1}),
        message_delta({"type": "text", "text": {"value": "b"}, "index": 1}),
        message_delta({"type": "text", "index": 0}),
        message_delta(image("file_1", index=2)),
        message_delta(refusal("no", index=2)),
    )
    assert 7 == len(made.of(events.ThreadMessageDelta))
    assert ["a"] == [x.delta.value for x in made.of(events.MessageTextDelta)]
    assert ["No"] == [x.delta.refusal for x in made.of(events.MessageRefusalDelta)]


def test_a_text_delta_without_text_begins_the_part_only() -> None:
    """It is not a text delta: callbacks never get None as a text."""
    made = transcript_of(
        message("created"),
        message_delta({"type": "text", "index": 0}),
        text_delta(None, index=0),
        text_delta("", index=0),
    )
    assert 1 == len(made.of(events.MessageTextCreated))
    assert [""] == [x.delta.value for x in made.of(events.MessageTextDelta)]


def test_pieces_of_one_text_in_a_row_are_delivered_like_single_ones() -> None:
    """They take a fast path, which decodes every piece as the JSON spells it, to the end."""
    spoken = ["Hel", "lo", " ", 'y"ou', "\\", "", "\n", "é\u2028😀", "!"]
    whole = "".join(spoken)
    made = transcript_of(
        message("created"),
        *[text_delta(piece) for piece in spoken],
        text_delta("[1]", citation(0)),
        *[text_delta(piece) for piece in spoken],
        message("completed", text(f"{whole}[1]{whole}")),
        *[text_delta(piece) for piece in spoken],
    )
    assert [*spoken, "[1]", *spoken] == [x.delta.value for x in made.of(events.MessageTextDelta)]
    assert f"{whole}[1]{whole}" == said(made)
    assert 3 * len(spoken) + 1 == len(made.of(events.ThreadMessageDelta))
    assert f"{whole}[1]{whole}" == made.of(events.ThreadMessageDelta)[-1].snapshot.text


def test_pieces_that_nobody_wants_are_folded_in() -> None:
    """This holds for all pieces in a row; whoever wants one of two events gets that one."""
    deltas = [text_delta(piece) for piece in "abcdef"]
    data = whole_run(message("created"), *deltas)
    for wanted in (events.MessageTextDone, events.ThreadMessageDelta, events.MessageTextDelta):
        made = decode(data, wants=partial(operator.is_, wanted))
        count = 1 if wanted is events.MessageTextDone else 6
        assert [wanted.__name__] * count == made.names
        assert "abcdef" in made.texts[-1]


def test_pieces_in_a_row_with_a_role_set_it() -> None:
    """This holds even if something else was set in between."""
    piece = {"index": 0, "type": "text", "text": {"value": "a"}}
    with_role = {"id": "msg_1", "delta": {"role": "assistant", "content": [piece]}}
    row = [("thread.message.delta", with_role)] * 4
    other = ("thread.message.delta", {"id": "msg_1", "delta": {"role": "user"}})
    transcript_of(message("created"), *row, other, *row)
    decoder, roles = EventDecoder(), []
    for heard in (message("created"), *row, other, *row):
        decoder.feed(sse(heard))
        list(iter(decoder.next_event, None))
        current = decoder.snapshots.current_message
        assert current is not None
        roles.append(current.role)
    assert [*["assistant"] * 5, "user", *["assistant"] * 4] == roles


def test_pieces_with_something_else_in_them_lose_nothing() -> None:
    """A role, an unknown key, no index, other parts: nothing is lost in a row either."""
    part = {"index": 0, "type": "text", "text": {"value": "a"}}
    rows: list[dict[str, Any]] = [
        {"content": [part], "role": "assistant"},
        {"content": [{**part, "more": 1}]},
        {"content": [{"type": "text", "text": {"value": "a"}}]},
        {"content": [part, {**part, "index": 1}]},
        {"content": [{"index": 0, "type": "text"}]},
        {"content": [{"index": 0, "type": "refusal", "refusal": "a"}]},
        {"content": []},
    ]
    for row in rows:
        payload = {"id": "msg_1", "object": "thread.message.delta", "delta": row}
        made = transcript_of(message("created"), *[("thread.message.delta", payload)] * 5)
        deltas = made.of(events.ThreadMessageDelta)
        assert [payload] * 5 == [x.raw for x in deltas]
        assert [deltas[0].data] * 5 == [x.data for x in deltas]
        times = sum(x.get("text", {}).get("value") == "a" for x in row["content"])
        assert 5 * times == len(made.of(events.MessageTextDelta))


def test_rows_of_pieces_may_alternate() -> None:
    """Each message and each part keeps its own text."""
    turns = [("msg_1", 0, "a"), ("msg_2", 0, "b"), ("msg_1", 1, "c"), ("msg_2", 0, "d")] * 3
    made = transcript_of(
        *[
            text_delta(value, index=index, message_id=message_id)
            for message_id, index, value in turns
            for _ in range(4)
        ]
    )
    assert ("a" * 12, "c" * 12) == (said(made, 0), said(made, 1))
    assert ("b" * 4 + "d" * 4) * 3 == said(made, 0, "msg_2")


# --- Annotations ------------------------------------------------------------------------


def test_an_annotation_is_delivered_once() -> None:
    """If it is sent again under its index, it replaces fields; the final list repeats it."""
    made = transcript_of(
        message("created"),
        text_delta("a[1]", citation(0, start_index=1)),
        text_delta(None, citation(0, start_index=1, end_index=4)),
        message("completed", text("a[1]", citation(None, start_index=1, end_index=4))),
    )
    (told_one,) = made.of(events.MessageAnnotation)
    assert (1, 4) == (told_one.annotation.start_index, told_one.annotation.end_index)
    assert 1 == len(made.of(events.MessageTextDelta))


def test_annotations_that_only_the_final_message_has_are_delivered() -> None:
    """Each comes before its text is done, with the final text."""
    made = transcript_of(
        message("created"),
        text_delta("a[1][2]", citation(0)),
        message("completed", text("a[1][2]", citation(None), citation(None, "[2]"))),
    )
    assert ["[1]", "[2]"] == [x.annotation.text for x in made.of(events.MessageAnnotation)]
    expected = ["ThreadMessageCompleted", "MessageAnnotation", "MessageTextDone", "MessageDone"]
    assert expected == made.names_inside[-4:]
    (final,) = made.of(events.MessageTextDone)
    assert final.text is made.of(events.MessageAnnotation)[1].text


# --- Text that no delta brought ---------------------------------------------------------


def test_a_message_that_comes_whole_has_the_events_of_one_in_pieces() -> None:
    """If a server sends no deltas, one delta has all of the text."""
    made = transcript_of(
        message("created"),
        message(
            "completed",
            text("one[1]", citation(None)),
            image("file_1"),
            refusal("no"),
            {"type": "hologram"},
        ),
    )
    expected = [
        "ThreadMessageCreated",
        "ThreadMessageCompleted",
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageAnnotation",
        "MessageTextDone",
        "MessageImageFileDone",
        "MessageRefusalDelta",
        "MessageRefusalDone",
        "MessageDone",
    ]
    assert expected == made.names_inside
    assert "one[1]" == said(made)
    assert "no" == made.of(events.MessageRefusalDelta)[0].delta.refusal


def test_text_that_the_deltas_left_out_is_delivered_before_the_text_is_done() -> None:
    """This holds for whichever part it is missing from."""
    made = transcript_of(
        message("created"),
        text_delta("Hel"),
        message("completed", text("Hello"), text("world")),
    )
    assert ("Hello", "world") == (said(made, 0), said(made, 1))


def test_no_text_is_made_up_if_the_deltas_had_another_text() -> None:
    """A final text that does not continue the deltas is only in the done events."""
    made = transcript_of(
        message("created"), text_delta("Bonjour"), message("completed", text("Hello you"))
    )
    assert "Bonjour" == said(made)
    assert "Hello you" == made.of(events.MessageTextDone)[0].text.value


def test_one_part_per_token_and_one_text_at_the_end_is_not_delivered_twice() -> None:
    """The texts are equal as a whole, so nothing is missing (cogitator)."""
    made = transcript_of(
        message("created"),
        text_delta("Hel", index=0),
        text_delta("lo", index=1),
        message("completed", text("Hello")),
    )
    assert ["Hel", "lo"] == [x.delta.value for x in made.of(events.MessageTextDelta)]
    assert [0, 1] == [x.index for x in made.of(events.MessageTextDone)]
    assert "Hello" == made.of(events.MessageDone)[0].message.text
    made = transcript_of(
        text_delta("Hel"), text_delta("lo", index=1), message("completed", text("Hello!"))
    )
    assert ["Hel", "lo"] == [x.delta.value for x in made.of(events.MessageTextDelta)]


def test_content_that_a_message_was_created_with_is_delivered_with_its_first_delta() -> None:
    """The deltas of a part, joined, are its text, wherever it began."""
    made = transcript_of(
        message("created", text("a[1]", citation(0))),
        text_delta("b[2]", citation(1, "[2]")),
        message("completed", text("a[1]b[2]", citation(None), citation(None, "[2]"))),
    )
    expected = [
        "ThreadMessageCreated",
        "ThreadMessageDelta",
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageAnnotation",
        "MessageTextDelta",
        "MessageAnnotation",
        "ThreadMessageCompleted",
        "MessageTextDone",
        "MessageDone",
    ]
    assert expected == made.names_inside
    assert ["a[1]", "b[2]"] == [x.delta.value for x in made.of(events.MessageTextDelta)]


def test_a_refusal_that_a_message_was_created_with_is_delivered_with_its_first_delta() -> None:
    """It is like a text in that."""
    made = transcript_of(
        message("created", refusal("I ")),
        message_delta(refusal("cannot", index=0)),
    )
    assert ["I ", "cannot"] == [x.delta.refusal for x in made.of(events.MessageRefusalDelta)]
    assert "I cannot" == made.of(events.MessageRefusalDone)[0].refusal.refusal


def test_content_that_a_message_was_created_with_is_delivered_at_the_latest_at_the_end() -> None:
    """This holds even if the server never sends the message's end."""
    content = (text("Hello", citation(0)), image("file_1"), refusal("no"))
    expected = [
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageAnnotation",
        "MessageTextDone",
        "MessageImageFileDone",
        "MessageRefusalDelta",
        "MessageRefusalDone",
        "MessageDone",
    ]
    for ends in ((), (message("completed", *content),)):
        made = transcript_of(message("created", *content), *ends)
        assert expected == made.names_inside[1 + len(ends) :]
        assert "Hello" == said(made)
        assert ["no"] == [x.delta.refusal for x in made.of(events.MessageRefusalDelta)]


def test_a_part_that_never_began_is_as_the_end_has_it() -> None:
    """Nothing of what the message was created with was delivered."""
    made = transcript_of(message("created", text("a")), message("completed", refusal("no")))
    expected = ["MessageRefusalDelta", "MessageRefusalDone", "MessageDone"]
    assert expected == made.names_inside[2:]
    assert ["no"] == [x.refusal.refusal for x in made.of(events.MessageRefusalDone)]


# --- Created and done, once -------------------------------------------------------------


def test_a_delta_for_an_unknown_message_announces_it() -> None:
    """The placeholder has the run's ids."""
    made = transcript_of(text_delta("Hello"))
    expected = ["ThreadMessageCreated*", "ThreadMessageDelta", "MessageTextCreated"]
    assert expected == made.names_inside[:3]
    (created,) = made.of(events.ThreadMessageCreated)
    one = created.data
    assert ("msg_1", "thread_1", "run_1", "asst_1", "in_progress", "assistant") == (
        one.id,
        one.thread_id,
        one.run_id,
        one.assistant_id,
        one.status,
        one.role,
    )
    assert created.raw is None


def test_a_placeholder_without_a_run_has_no_run_ids() -> None:
    """Nothing is made up."""
    made = decode_every_way(sse(text_delta("Hello")))
    (created,) = made.of(events.ThreadMessageCreated)
    assert ("", None, None) == (
        created.data.thread_id,
        created.data.run_id,
        created.data.assistant_id,
    )


def test_a_message_that_begins_in_progress_is_announced() -> None:
    """Created comes before all its other events."""
    made = transcript_of(message("in_progress", text("a")), text_delta("b"))
    expected = ["ThreadMessageCreated*", "ThreadMessageInProgress", "ThreadMessageDelta"]
    assert expected == made.names_inside[:3]
    assert "ab" == said(made)


def test_a_created_that_comes_again_is_a_repetition() -> None:
    """So is one that comes after a delta announced the message; in progress never is."""
    goes_on = message("in_progress")
    for first in (message("created"), text_delta("a")):
        made = transcript_of(first, message("created"), goes_on, goes_on, text_delta("b"))
        assert 1 == len(made.of(events.ThreadMessageCreated))
        assert 2 == len(made.of(events.ThreadMessageInProgress))
        (repeated,) = made.of(events.RepeatedEvent)
        assert "thread.message.created" == repeated.event
        assert said(made).endswith("b")


def test_an_end_that_comes_again_is_a_repetition() -> None:
    """Whatever its name, a message ends once."""
    end = message("completed", text("a"))
    made = transcript_of(message("created"), text_delta("a"), end, end, message("incomplete"))
    assert 1 == len(made.of(events.MessageDone))
    expected = ["thread.message.completed", "thread.message.incomplete"]
    assert expected == [x.event for x in made.of(events.RepeatedEvent)]


def test_a_message_of_which_only_the_end_comes_is_complete() -> None:
    """It is announced first, then its parts follow."""
    made = transcript_of(message("completed", text("Hello")))
    expected = [
        "ThreadMessageCreated*",
        "ThreadMessageCompleted",
        "MessageTextCreated",
        "MessageTextDelta",
        "MessageTextDone",
        "MessageDone",
    ]
    assert expected == made.names_inside


def test_a_delta_after_the_end_is_delivered_and_changes_nothing() -> None:
    """The message stays as the server's last event had it."""
    made = transcript_of(message("created"), message("completed", text("a")), text_delta("b"))
    assert "ThreadMessageDelta" == made.names_inside[-1]
    assert "a" == made.of(events.ThreadMessageDelta)[0].snapshot.text


def test_in_progress_after_the_end_does_not_open_the_message_again() -> None:
    """Nor does a created: the status stays as it was."""
    made = transcript_of(message("created"), message("completed"), message("in_progress"))
    assert "completed" == made.of(events.MessageDone)[0].message.status


# --- Several messages -------------------------------------------------------------------


def test_alternating_messages_are_kept_apart() -> None:
    """They are found by id: both may be open, and each has its own parts."""
    made = transcript_of(
        message("created", message_id="msg_1"),
        message("created", message_id="msg_2"),
        text_delta("a", message_id="msg_1"),
        text_delta("x", message_id="msg_2"),
        text_delta("b", message_id="msg_1"),
        message("completed", text("x"), message_id="msg_2"),
        message("completed", text("ab"), message_id="msg_1"),
    )
    assert ("ab", "x") == (said(made, message_id="msg_1"), said(made, message_id="msg_2"))
    assert ["msg_2", "msg_1"] == [x.message.id for x in made.of(events.MessageDone)]


def test_the_current_message_is_that_of_the_latest_event() -> None:
    """Any event about it counts, even a repetition; it is final if it ended."""
    one, two = (f"msg_{number}" for number in (1, 2))
    steps = [
        (message("created", message_id=one), one),
        (message("created", message_id=two), two),
        (message("in_progress", message_id=one), one),
        (text_delta("x", message_id=two), two),
        (message("created", message_id=one), one),
        (message("completed", message_id=two), two),
        (text_delta("a", message_id=one), one),
        (message("completed", message_id=two), two),
        (text_delta("a", message_id=one), one),
    ]
    decoder = EventDecoder()
    for heard, expected in steps:
        decoder.feed(sse(heard))
        list(iter(decoder.next_event, None))
        current = decoder.snapshots.current_message
        assert current is not None
        assert expected == current.id
    assert [one, two] == [x.id for x in decoder.snapshots.messages]
    assert ["message msg_1"] == decoder.snapshots.open_objects


def test_an_end_under_an_unknown_id_ends_the_newest_open_message() -> None:
    """Its parts keep the id under which they began, and so does the text that is missing."""
    frames = (
        message("created", message_id="msg_0"),
        message("created", message_id="tmp_1"),
        text_delta("Hel", message_id="tmp_1"),
        message("completed", text("Hello"), message_id="msg_1"),
        text_delta("!", message_id="tmp_1"),
        message("completed", text("Hello"), message_id="msg_1"),
        message("completed", text("Hello"), message_id="tmp_1"),
        message("completed", message_id="msg_0"),
    )
    made = decode_every_way(whole_run(*frames))
    assert "Hello" == said(made, message_id="tmp_1")
    assert ["tmp_1"] == [x.message_id for x in made.of(events.MessageTextDone)]
    assert ["msg_1", "msg_0"] == [x.message.id for x in made.of(events.MessageDone)]
    assert ["msg_0", "tmp_1"] == [x.data.id for x in made.of(events.ThreadMessageCreated)]
    assert 2 == len(made.of(events.RepeatedEvent))


def test_the_messages_are_in_the_order_in_which_they_began() -> None:
    """This includes those that ended under a different id."""
    decoder = EventDecoder()
    decoder.feed(
        sse(
            run("created"),
            message("created", message_id="tmp_1"),
            message("completed", message_id="msg_1"),
            message("completed", message_id="msg_2"),
            run("completed"),
            DONE,
        )
    )
    list(iter(decoder.next_event, None))
    assert ["msg_1", "msg_2"] == [x.id for x in decoder.snapshots.messages]
    assert [] == decoder.snapshots.open_objects


# --- Halves of surrogate pairs ----------------------------------------------------------


def half(index: int) -> Frame:
    """Return a delta with the first half of a pair."""
    payload = text_delta("?", index=index)[1]
    return "thread.message.delta", json.dumps(payload).replace("?", r"\ud83d")


def test_a_half_that_is_left_is_delivered_before_its_part_is_done() -> None:
    """The beginning of the next part ends a part; a half that comes after that waits to the end."""
    made = transcript_of(text_delta("a"), half(0), text_delta("b", index=1), half(0), half(1))
    deltas = [(x.index, x.delta.value) for x in made.of(events.MessageTextDelta)]
    lone = "\ufffd"
    assert [
        (0, "a"),
        (0, ""),
        (0, lone),
        (1, "b"),
        (0, ""),
        (1, ""),
        (0, lone),
        (1, lone),
    ] == deltas
    assert [0, 1] == [x.index for x in made.of(events.MessageTextDone)]
    (done,) = made.of(events.MessageDone)
    assert "a\ufffd\ufffdb\ufffd" == done.message.text


def test_the_servers_final_text_takes_the_place_of_a_half() -> None:
    """What it has beyond the text so far is one more delta."""
    made = transcript_of(text_delta("a"), half(0), message("completed", text("a😀b")))
    assert ["a", "", "😀b"] == [x.delta.value for x in made.of(events.MessageTextDelta)]


def test_a_final_content_with_fewer_places_than_the_deltas_had_is_theirs_in_order() -> None:
    """The parts that began are those of the message; text is delivered once, and only the rest."""
    made = transcript_of(
        message("created"), text_delta("Hel", index=3), message("completed", text("Hello"))
    )
    assert "Hello" == said(made, 3)
    assert [3] == [x.index for x in made.of(events.MessageTextCreated)]
    made = transcript_of(
        message("created"),
        text_delta("a", index=4),
        message("completed", text("a"), text("b")),
    )
    assert ["a", "b"] == [x.delta.value for x in made.of(events.MessageTextDelta)]
    assert [4, 5] == [x.index for x in made.of(events.MessageTextDone)]


def test_the_rest_of_an_open_part_comes_before_a_part_that_never_began() -> None:
    """The final message has an empty part before it; the open one is done with all its text."""
    made = transcript_of(
        message("created"), text_delta("a", index=1), message("completed", text(""), text("ab"))
    )
    assert ("ab", "") == (said(made, 1), said(made, 0))
    done = [(x.index, x.text.value) for x in made.of(events.MessageTextDone)]
    assert [(1, "ab"), (0, "")] == done


def test_a_part_of_unknown_type_may_become_a_text() -> None:
    """It had no events, so the text of the terminal message is created, told and done."""
    for more in ((), (text_delta("b", index=1),)):
        made = transcript_of(
            message("created"),
            message_delta({"index": 0, "type": "new", "new": 1}),
            *more,
            message("completed", text("a"), *[text("b")] * len(more)),
        )
        names = [type(x).__name__ for x in made.events if getattr(x, "index", None) == 0]
        assert ["MessageTextCreated", "MessageTextDelta", "MessageTextDone"] == names
        assert "a" == said(made)
    made = transcript_of(
        message("created"),
        message_delta({"index": 0, "type": "new", "new": 1}),
        text_delta("b", index=1),
        message("completed", text("a")),
    )
    expected = ["MessageTextDone", "MessageTextCreated", "MessageTextDone", "MessageDone"]
    assert expected == made.names_inside[-4:]
    assert [1, 0] == [x.index for x in made.of(events.MessageTextDone)]


def test_a_part_of_a_known_type_keeps_it() -> None:
    """It ends as it stands; the message is the one that the server sent."""
    made = transcript_of(
        message("created"), text_delta("a"), message("completed", refusal("no more"))
    )
    [done] = made.of(events.MessageTextDone)
    assert "a" == done.text.value
    assert not made.of(events.MessageRefusalDelta, events.MessageRefusalDone)
    [ended] = made.of(events.MessageDone)
    assert "no more" == ended.message.content[0].refusal
    made = transcript_of(
        message("created"),
        message_delta(refusal("no", index=0)),
        message("completed", text("longer")),
    )
    assert ["no"] == [x.refusal.refusal for x in made.of(events.MessageRefusalDone)]
    assert not made.of(events.MessageTextCreated, events.MessageTextDelta)
