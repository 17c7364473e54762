"""The assistants and threads of one client."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import Client, errors, models
from stream_core.client.assistants_over_responses import Memory
from tests.support.conversations import get_tides
from tests.support.responses_server import Talk, serving, spoken, talking
from tests.support.scripted_server import json_answer, running

PROFILE = {"model": "m", "instructions": "Be brief.", "extra_body": {"user": "u"}}


def memory(back_end: str | None = None, **assistants: Any) -> Memory:
    """Return a memory whose server is never asked."""
    transport: Any = None
    return Memory(transport, back_end, assistants)


# --- Assistants -------------------------------------------------------------------------


def test_an_assistant_that_exists_already_is_told_of() -> None:
    """It keeps its id, so that code with ids in its configuration runs."""
    settings: dict[str, Any] = {"assistants": {"asst_abc": PROFILE}}
    with talking(**settings) as talk:
        run = talk.run(assistant_id="asst_abc")
        assert "asst_abc" == run.assistant_id
        found = [talk.body[name] for name in ("model", "instructions", "user")]
        assert ["m", "Be brief.", "u"] == found
        known = talk.client.assistants.retrieve("asst_abc")
        assert ("asst_abc", "m") == (known.id, known.model)
        talk.client.assistants.update("asst_abc", instructions=None)
        talk.run(assistant_id="asst_abc")
        assert "instructions" not in talk.body


@pytest.mark.parametrize(
    ("profile", "error", "says"),
    [
        ({}, ValueError, "'asst_abc' has no model"),
        ({"model": "m", "instruction": "x"}, TypeError, "did you mean 'instructions'"),
        ({"model": "m", "tools": [get_tides]}, TypeError, "give functions to the run"),
        ({"model": "m", "tools": get_tides}, TypeError, "give functions to the run"),
    ],
)
def test_what_cannot_be_an_assistant_is_said_at_once(
    profile: Any, error: type[Exception], says: str
) -> None:
    """The error comes when the client is made."""
    with pytest.raises(error, match=says):
        Client("k", "http://127.0.0.1:1", wire="responses", assistants={"asst_abc": profile})


def test_an_assistant_that_is_not_known_is_named() -> None:
    """The error says how to make it known."""
    with pytest.raises(ValueError, match=r"assistants=\{'asst_x': \{'model': .*create\(model"):
        memory(other={"model": "m"}).profile("asst_x")


# --- Threads ----------------------------------------------------------------------------


def test_there_are_three_back_ends() -> None:
    """For any other the error names it, and the three."""
    assert ["previous_response_id", "replay"] == [memory().back_end, memory("replay").back_end]
    with pytest.raises(ValueError, match=r"threads is 'files': .*previous_response_id, conver"):
        memory("files")


@pytest.mark.parametrize(
    ("back_end", "thread_id", "hint"),
    [
        ("previous_response_id", "thread_1", "or pass the id of the last response"),
        ("conversation", "thread_1", "or pass the id of a conversation"),
        ("replay", "resp_1", r"make one with .*messages=\[...\]\)$"),
        ("previous_response_id", "", "thread_id is ''"),
        ("conversation", "", "thread_id is ''"),
    ],
)
def test_a_thread_that_is_not_known_is_named(back_end: str, thread_id: str, hint: str) -> None:
    """The error says how to get one that is known."""
    with pytest.raises(ValueError, match=hint):
        memory(back_end).thread(thread_id)


@pytest.mark.parametrize("thing", [None, 5, models.Thread("thread_1")])
def test_an_object_instead_of_an_id_is_a_type_error(thing: Any) -> None:
    """Of an assistant too."""
    with pytest.raises(TypeError, match="thread_id is of type"):
        memory().thread(thing)
    with pytest.raises(TypeError, match="assistant_id is of type"):
        memory().profile(thing)


@pytest.mark.parametrize("threads", ["previous_response_id", "conversation"])
def test_a_thread_goes_on_in_another_client(threads: Any) -> None:
    """It takes the id of the conversation or of the last response."""
    with talking(threads=threads) as talk:
        talk.run()
        place = talk.client.threads.retrieve(talk.thread_id)
        place_id = place.extra.get("response_id", place.id)
        settings: dict[str, Any] = {"wire": "responses", "threads": threads, "max_retries": 0}
        with Client("k", talk.server.base_url, assistants={"a": PROFILE}, **settings) as client:
            other = Talk(talk.server, client, "a", place_id)
            for text in ("two", "three"):
                other.say(text)
                assert place_id == other.run().thread_id
            assert ["one", "1: one", "two", "3: two", "three"] == spoken(talk.server.seen[-1])
            assert ["two", "3: two", "three", "5: three"] == other.texts


def test_a_thread_that_began_elsewhere_cannot_be_sent_again() -> None:
    """Its history is not here, so the server's refusal goes to the caller."""
    settings: dict[str, Any] = {"wire": "responses", "assistants": {"a": PROFILE}}
    with serving() as server, Client("k", server.base_url, max_retries=0, **settings) as client:
        stream: Any = client.threads.runs.stream
        for body in ({}, {"store": False}):
            with pytest.raises(errors.BadRequestError, match="'resp_9' not found"):
                stream("resp_9", assistant_id="a", extra_body=body)
        assert ["resp_9"] * 2 == [body["previous_response_id"] for body in server.bodies]


def test_a_response_that_the_server_forgot_is_made_up_for() -> None:
    """Everything is sent from then on."""
    with talking() as talk:
        talk.run()
        talk.server.responses.clear()
        talk.say("two")
        assert "completed" == talk.run().status
        assert ["one", "1: one", "two"] == spoken(talk.server.seen[-1])
        assert 3 == len(talk.server.asked)


def test_a_conversation_is_asked_about_with_what_the_call_says() -> None:
    """Its headers, query and timeout are used; another refusal has no note."""
    with talking(threads="conversation") as talk:
        threads = talk.client.threads
        threads.update(talk.thread_id, metadata={"a": "b"}, timeout=5, extra_query={"q": "1"})
        asked = talk.server.asked[-1]
        assert ({"metadata": {"a": "b"}}, {"q": ["1"]}) == (asked.body, asked.query)
        talk.server.conversations.clear()
        with pytest.raises(errors.NotFoundError, match="'conv_1' not found") as caught:
            threads.delete(talk.thread_id)
        assert not hasattr(caught.value, "__notes__")
        threads.delete(threads.create().id)
        talk.client.assistants.delete(talk.assistant_id)
        with pytest.raises(ValueError, match=talk.assistant_id):
            talk.run()


def test_a_server_without_conversations_is_noted() -> None:
    """The note names the argument that chooses another back end."""
    settings: dict[str, Any] = {"wire": "responses", "threads": "conversation", "max_retries": 0}
    refused = json_answer({"error": {"message": "no such path"}}, 405)
    with (
        running(refused) as server,
        Client("k", server.base_url, **settings) as client,
        pytest.raises(errors.APIStatusError) as caught,
    ):
        client.threads.create()
    assert "Client(threads=...)" in caught.value.__notes__[0]


@pytest.mark.parametrize("answer", [{}, {"id": ""}, {"id": 5}, []])
def test_a_conversation_without_an_id_is_refused(answer: Any) -> None:
    """No run could refer to it."""
    settings: dict[str, Any] = {"wire": "responses", "threads": "conversation"}
    with (
        running(json_answer(answer)) as server,
        Client("k", server.base_url, **settings) as client,
        pytest.raises(errors.DecodeError, match=r"has no id|is not a Thread"),
    ):
        client.threads.create()


# --- Messages ---------------------------------------------------------------------------


def test_a_message_is_shown_as_on_the_assistants_wire() -> None:
    """Its texts are objects, in whatever form they were given."""
    content = [
        {"type": "text", "text": "one "},
        models.TextContentBlock(text=models.Text("two")),
        {"type": "input_file", "file_id": "file_1"},
    ]
    attachments = [{"file_id": "f", "tools": []}]
    given = {"role": "user", "content": content, "attachments": attachments, "metadata": None}
    message = memory().write("thread_1", given).message
    assert ("one two", "thread_1", {}) == (message.text, message.thread_id, message.metadata)
    assert isinstance(message.content[2], models.UnknownContent)
    assert ["f"] == [one.file_id for one in message.attachments]


def test_a_message_with_something_unknown_is_refused() -> None:
    """This includes messages that come with a thread or a run."""
    with pytest.raises(TypeError, match="did you mean 'metadata'"):
        memory().write("thread_1", {"role": "user", "content": "x", "meta_data": {}})
