"""The open message of a run: deltas that add up to what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core.testing.content import MessageWriter
from stream_core.testing.parts import (
    FileCitation,
    FilePath,
    Refuse,
    Say,
    ShowImage,
    ShowImageURL,
    UrlCitation,
)
from stream_core.testing.steps import Steps
from stream_core.testing.store import Store

if TYPE_CHECKING:
    from stream_core.testing.framing import WireEvent


class Writing:
    """A run's message writer, with the events that it wrote."""

    def __init__(self, **run: Any) -> None:
        self.store = Store(clock=lambda: 7)
        assistant = self.store.add_assistant({"model": "m"})
        self.thread_id = self.store.add_thread({})["id"]
        run_object = self.store.add_run(self.thread_id, assistant, run)
        self.writer = MessageWriter(self.store, run_object, Steps(self.store, run_object))
        self.events: list[WireEvent] = []

    def add(self, *parts: Say | Refuse | ShowImage | ShowImageURL) -> Writing:
        """Write parts."""
        for part in parts:
            self.events += self.writer.add(part)
        return self

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """The content parts of all deltas."""
        found = []
        for event in self.events:
            if event.name == "thread.message.delta":
                assert isinstance(event.data, dict)
                found += event.data["delta"]["content"]
        return found

    @property
    def content(self) -> list[dict[str, Any]]:
        """The content of the one message kept."""
        (message,) = self.store.messages[self.thread_id].values()
        content: list[dict[str, Any]] = message["content"]
        return content


def test_a_message_begins_with_its_step() -> None:
    """Step created and in progress, then message created and in progress, empty."""
    events = Writing().add(Say("x")).events
    assert [
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
    ] == [event.name for event in events]
    created = events[2].data
    assert isinstance(created, dict)
    assert ([], "in_progress") == (created["content"], created["status"])


def test_only_the_first_delta_of_a_text_has_annotations() -> None:
    """The following deltas are the bare value."""
    writing = Writing().add(Say("Hello you"))
    assert [
        {"index": 0, "type": "text", "text": {"value": "Hello", "annotations": []}},
        {"index": 0, "type": "text", "text": {"value": " you"}},
    ] == writing.deltas
    assert [{"type": "text", "text": {"value": "Hello you", "annotations": []}}] == writing.content


def test_texts_in_a_row_are_one_part_unless_a_new_one_is_asked_for() -> None:
    """A generator can yield words as they come."""
    writing = Writing().add(Say("a"), Say("b"), Say("c", new_part=True))
    assert ["ab", "c"] == [part["text"]["value"] for part in writing.content]
    assert [0, 0, 1] == [delta["index"] for delta in writing.deltas]


def test_an_empty_text_still_makes_a_part() -> None:
    """The delta shows that there is a text, and that it is empty."""
    assert [
        {"index": 0, "type": "text", "text": {"value": "", "annotations": []}}
    ] == Writing().add(Say("")).deltas


@pytest.mark.parametrize(
    ("annotation", "kept", "extra"),
    [
        (FileCitation("【1】", "f"), {"file_citation": {"file_id": "f"}}, {"quote": ""}),
        (FilePath("【1】", "f"), {"file_path": {"file_id": "f"}}, {}),
        (UrlCitation("【1】", "u", "t"), {"url_citation": {"url": "u", "title": "t"}}, {}),
    ],
)
def test_an_annotation_comes_with_the_delta_that_is_its_marker(
    annotation: FileCitation | FilePath | UrlCitation,
    kept: dict[str, Any],
    extra: dict[str, str],
) -> None:
    """The delta has index (and quote, for a citation); the message has neither."""
    ((kind, detail),) = kept.items()
    writing = Writing().add(Say("é"), Say("x【1】.", [annotation]))
    place = {"type": kind, "text": "【1】", "start_index": 2, "end_index": 5}
    assert {
        "index": 0,
        "type": "text",
        "text": {
            "value": "【1】",
            "annotations": [{"index": 0, **place, kind: {**detail, **extra}}],
        },
    } == writing.deltas[2]
    assert [{**place, **kept}] == writing.content[0]["text"]["annotations"]
    assert "éx【1】." == writing.content[0]["text"]["value"]


def test_a_second_annotation_counts_on() -> None:
    """The index is the annotation's place in its text part."""
    cite = FileCitation("[x]", "f")
    deltas = Writing().add(Say("[x][x]", [cite, cite])).deltas
    annotations = [delta["text"]["annotations"] for delta in deltas]
    assert [(0, 0), (1, 3)] == [(a["index"], a["start_index"]) for (a,) in annotations]


def test_images_stand_between_texts() -> None:
    """Each part has its index; text after an image is a new part."""
    writing = Writing().add(
        Say("a"), ShowImage("file-1"), ShowImageURL("http://x", "low"), Say("b")
    )
    assert [
        {"type": "text", "text": {"value": "a", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
        {"type": "image_url", "image_url": {"url": "http://x", "detail": "low"}},
        {"type": "text", "text": {"value": "b", "annotations": []}},
    ] == writing.content
    assert writing.content == [
        {key: value for key, value in delta.items() if key != "index"} for delta in writing.deltas
    ]
    assert [0, 1, 2, 3] == [delta["index"] for delta in writing.deltas]


def test_a_refusal_comes_in_pieces() -> None:
    """Its deltas add up like a text's."""
    writing = Writing().add(Refuse("I will not"))
    assert [{"type": "refusal", "refusal": "I will not"}] == writing.content
    assert ["I", " will", " not"] == [delta["refusal"] for delta in writing.deltas]


def test_the_token_limit_cuts_a_text_and_a_refusal() -> None:
    """Content beyond the limit is neither sent nor kept."""
    assert (
        "one two"
        == Writing(max_completion_tokens=2).add(Say("one two three")).content[0]["text"]["value"]
    )
    assert "one" == Writing(max_completion_tokens=1).add(Refuse("one two")).content[0]["refusal"]


def test_an_ended_message_is_complete_or_says_why_not() -> None:
    """Completed has its time; incomplete has its time and the reason; a new one can follow."""
    writing = Writing().add(Say("x"))
    (event,) = writing.writer.end()
    assert isinstance(event.data, dict)
    assert ("thread.message.completed", "completed", 7, None) == (
        event.name,
        event.data["status"],
        event.data["completed_at"],
        event.data["incomplete_details"],
    )
    assert [] == list(writing.writer.end())
    list(writing.writer.add(Say("y")))
    (event,) = writing.writer.end("max_tokens")
    assert isinstance(event.data, dict)
    assert ("thread.message.incomplete", "incomplete", 7, None, {"reason": "max_tokens"}) == (
        event.name,
        *(
            event.data[key]
            for key in ("status", "incomplete_at", "completed_at", "incomplete_details")
        ),
    )
    assert 2 == len(writing.store.messages[writing.thread_id])
