"""Messages that the client keeps."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import EventHandler
from stream_core import models
from tests.support.responses_server import talking


def test_messages_are_made_read_changed_and_listed() -> None:
    """Each answer is the payload; lists come page by page; nothing is sent."""
    with talking() as talk:
        messages = talk.client.threads.messages
        image = models.ImageURLContentBlock(image_url=models.ImageURL("http://server/a.png"))
        parts: list[Any] = [{"type": "text", "text": "two"}, image]
        made = messages.create(
            talk.thread_id, role="user", content=parts, metadata={"a": "b"}, attachments=None
        )
        assert made.id.startswith("msg_")
        assert ("two", image, {"a": "b"}) == (made.text, made.content[1], made.metadata)
        assert (talk.thread_id, "user", "completed") == (made.thread_id, made.role, made.status)
        assert made is messages.retrieve(made.id, thread_id=talk.thread_id)
        assert ["two", "one"] == [x.text for x in messages.list(talk.thread_id)]
        page = messages.list(talk.thread_id, limit=1, order="asc")
        assert ["one", "two"] == [x.text for x in page.iter_all()]
        messages.update(made.id, thread_id=talk.thread_id)
        assert {"a": "b"} == made.metadata
        messages.update(made.id, thread_id=talk.thread_id, metadata=None)
        assert {} == messages.retrieve(made.id, thread_id=talk.thread_id).metadata
        assert [] == talk.server.asked


def test_a_message_is_sent_with_the_next_run_once() -> None:
    """They are in order, with their parts in the form of the wire."""
    with talking() as talk:
        talk.say("two")
        talk.run()
        contents = [item["content"] for item in talk.body["input"]]
        assert ["one", "two"] == contents
        talk.say("three")
        talk.run()
        assert ["three"] == [item["content"] for item in talk.body["input"]]
        assert ["one", "two", "2: two", "three", "4: three"] == talk.texts


def test_the_messages_of_a_run_are_known_by_its_id() -> None:
    """They have the ids of thread, assistant and run."""
    with talking() as talk:
        run = talk.run()
        (message,) = talk.client.threads.messages.list(talk.thread_id, run_id=run.id)
        assert ("1: one", "assistant", run.id) == (message.text, message.role, message.run_id)
        assert (talk.thread_id, talk.assistant_id) == (message.thread_id, message.assistant_id)


def test_a_callback_finds_what_ended() -> None:
    """When the run is done, its message is in the list."""
    with talking() as talk:

        class Asks(EventHandler):
            def on_run_done(self, run: models.Run) -> None:
                heard.extend(talk.texts)

        heard: list[str] = []
        talk.run(event_handler=Asks())
        assert ["one", "1: one"] == heard


def test_a_message_is_taken_back_until_it_was_sent() -> None:
    """After that, the error says what else can be done."""
    with talking() as talk:
        messages = talk.client.threads.messages
        made = talk.say("two")
        deleted = models.Deleted(made.id, "thread.message.deleted", deleted=True)
        assert deleted == messages.delete(made.id, thread_id=talk.thread_id)
        talk.run()
        assert ["one"] == [item["content"] for item in talk.body["input"]]
        (first, *_) = messages.list(talk.thread_id, order="asc")
        with pytest.raises(ValueError, match=r"has been sent.*begin a thread without it"):
            messages.delete(first.id, thread_id=talk.thread_id)
        with pytest.raises(ValueError, match="no such message in this client"):
            messages.retrieve(made.id, thread_id=talk.thread_id)


def test_what_cannot_be_sent_is_not_kept() -> None:
    """The thread stays as it was."""
    with talking() as talk:
        messages = talk.client.threads.messages
        with pytest.raises(ValueError, match="role is 'system'"):
            messages.create(talk.thread_id, role="system", content="x")
        with pytest.raises(TypeError, match="metadata"):
            messages.create(
                talk.thread_id,
                role="user",
                content="x",
                meta_data={},  # type: ignore[call-arg]  # misspelt
            )
        assert ["one"] == talk.texts
