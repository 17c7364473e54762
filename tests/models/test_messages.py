"""Messages: their parts, their text, and their deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from attrs import fields
from openai.types.beta import threads
from openai.types.beta.threads import (
    file_citation_annotation,
    file_citation_delta_annotation,
    file_path_annotation,
    file_path_delta_annotation,
)

from stream_core.models import messages

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (threads.Message, messages.Message),
        (threads.message.Attachment, messages.Attachment),
        (threads.MessageDelta, messages.MessageDelta),
        (threads.MessageDeltaEvent, messages.MessageDeltaEvent),
        (threads.Text, messages.Text),
        (threads.TextDelta, messages.TextDelta),
        (threads.TextContentBlock, messages.TextContentBlock),
        (threads.TextDeltaBlock, messages.TextDeltaBlock),
        (threads.ImageFile, messages.ImageFile),
        (threads.ImageFileDelta, messages.ImageFile),
        (threads.ImageFileContentBlock, messages.ImageFileContentBlock),
        (threads.ImageFileDeltaBlock, messages.ImageFileDeltaBlock),
        (threads.ImageURL, messages.ImageURL),
        (threads.ImageURLDelta, messages.ImageURL),
        (threads.ImageURLContentBlock, messages.ImageURLContentBlock),
        (threads.ImageURLDeltaBlock, messages.ImageURLDeltaBlock),
        (threads.RefusalContentBlock, messages.RefusalContentBlock),
        (threads.RefusalDeltaBlock, messages.RefusalDeltaBlock),
        (threads.FileCitationAnnotation, messages.FileCitationAnnotation),
        (threads.FileCitationDeltaAnnotation, messages.FileCitationAnnotation),
        (file_citation_annotation.FileCitation, messages.FileCitation),
        (file_citation_delta_annotation.FileCitation, messages.FileCitation),
        (threads.FilePathAnnotation, messages.FilePathAnnotation),
        (threads.FilePathDeltaAnnotation, messages.FilePathAnnotation),
        (file_path_annotation.FilePath, messages.FilePath),
        (file_path_delta_annotation.FilePath, messages.FilePath),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


def test_the_text_of_a_message_is_that_of_its_text_parts() -> None:
    """Text parts are joined as they are; images, refusals and unknown parts add nothing."""
    assert "" == messages.Message().text
    message = messages.Message(
        content=[
            messages.TextContentBlock(text=messages.Text("a ")),
            messages.ImageFileContentBlock(),
            messages.RefusalContentBlock(refusal="no"),
            messages.UnknownContent("text", {"text": {"value": "?"}}),
            messages.TextContentBlock(text=messages.Text("b")),
        ]
    )
    assert "a b" == message.text


def test_the_text_of_a_live_message_grows() -> None:
    """``text`` is read anew each time."""
    part = messages.TextContentBlock()
    message = messages.Message(content=[part])
    assert "" == message.text
    part.text.grow("a")
    part.text.grow("b")
    assert "ab" == message.text


def test_parts_know_their_type() -> None:
    """Parts, deltas and annotations made by hand have the tags of the wire."""
    tags = ["text", "image_file", "image_url", "refusal", None]
    assert tags == [cls().type for cls in get_args(messages.MessageContent)]
    assert tags == [cls().type for cls in get_args(messages.MessageContentDelta)]
    assert ["file_citation", "file_path", "url_citation", None] == [
        cls().type for cls in get_args(messages.Annotation)
    ]


def test_a_message_has_the_properties_of_azure_ai_agents() -> None:
    """It has its parts and annotations by kind, in order, and the agent."""
    cite, path, url = (
        messages.FileCitationAnnotation(text="[1]"),
        messages.FilePathAnnotation(text="[2]"),
        messages.URLCitationAnnotation(text="[3]"),
    )
    first = messages.TextContentBlock(text=messages.Text("a", [cite, url]))
    image = messages.ImageFileContentBlock(image_file=messages.ImageFile("file_1"))
    second = messages.TextContentBlock(text=messages.Text("b", [path]))
    message = messages.Message(assistant_id="asst_1", content=[first, image, second])
    assert ("asst_1", [first, second], [image]) == (
        message.agent_id,
        message.text_messages,
        message.image_contents,
    )
    assert ([cite], [path], [url]) == (
        message.file_citation_annotations,
        message.file_path_annotations,
        message.url_citation_annotations,
    )


def test_a_delta_has_its_text() -> None:
    """It is the new text of all text parts; a part without text adds none."""
    parts: list[messages.MessageContentDelta] = [
        messages.TextDeltaBlock(0, text=messages.TextDelta("a")),
        messages.TextDeltaBlock(1, text=messages.TextDelta(None)),
        messages.TextDeltaBlock(2),
        messages.ImageFileDeltaBlock(3),
        messages.TextDeltaBlock(4, text=messages.TextDelta("b")),
    ]
    assert "ab" == messages.MessageDeltaEvent("msg_1", messages.MessageDelta(parts)).text
    assert "" == messages.MessageDeltaEvent("msg_1").text
