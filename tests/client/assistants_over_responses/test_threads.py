"""Threads that the client or the server keeps."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from stream_core import Client, errors, events, models
from stream_core.client import assistants as resources
from stream_core.client.assistants_over_responses import LocalAssistants, LocalThreads
from stream_core.client.assistants_over_responses.messages import LocalMessages
from stream_core.client.assistants_over_responses.runs import LocalRuns, LocalSteps
from tests.support.responses_server import talking
from tests.support.scripted_server import json_answer, running

OURS = {
    resources.Assistants: LocalAssistants,
    resources.Threads: LocalThreads,
    resources.Messages: LocalMessages,
    resources.Runs: LocalRuns,
    resources.Steps: LocalSteps,
}


@pytest.mark.parametrize("base", OURS, ids=lambda cls: cls.__name__)
def test_no_call_is_left_to_the_assistants_wire(base: type[Any]) -> None:
    """Each public method is overridden here with the same arguments; the types stay the same."""
    ours = OURS[base]
    assert issubclass(ours, base)
    for name, theirs in inspect.getmembers(base, inspect.isfunction):
        if not name.startswith("_"):
            mine = vars(ours)[name]
            expected = inspect.signature(theirs).parameters
            assert list(expected.values()) == list(inspect.signature(mine).parameters.values())
    assert set(OURS) == {getattr(resources, name) for name in resources.__all__}


def test_the_attributes_of_the_client_are_ours() -> None:
    """This includes those below them, and those under ``beta``."""
    with Client("k", "http://127.0.0.1:1", wire="responses") as client:
        threads = client.beta.threads
        found = [client.assistants, threads, threads.messages, threads.runs, threads.runs.steps]
        assert list(OURS.values())[:2] == [type(one) for one in found[:2]]
        assert [LocalMessages, LocalRuns, LocalSteps] == [type(one) for one in found[2:]]


def test_threads_are_made_read_changed_and_deleted() -> None:
    """If they are not conversations, they are kept only here."""
    with talking() as talk:
        threads = talk.client.threads
        made = threads.create(
            messages=[{"role": "user", "content": "Hi"}],
            metadata={"a": "b"},
            tool_resources={"file_search": {"vector_store_ids": ["vs_1"]}},
        )
        assert made.id.startswith("thread_")
        assert ({"a": "b"}, {}) == (made.metadata, made.extra)
        assert made == threads.retrieve(made.id)
        assert {"a": "b"} == threads.update(made.id, tool_resources=None).metadata
        changed = threads.update(made.id, metadata=None)
        assert ({}, None) == (changed.metadata, changed.tool_resources)
        resources = {"code_interpreter": {"file_ids": ["f"]}}
        threads.update(made.id, tool_resources=resources)
        code = models.CodeInterpreterResources(["f"])
        assert models.ToolResources(code) == threads.retrieve(made.id).tool_resources
        deleted = models.Deleted(made.id, "thread.deleted", deleted=True)
        assert deleted == threads.delete(made.id)
        with pytest.raises(ValueError, match=r"client\.threads\.create"):
            threads.retrieve(made.id)
        with pytest.raises(ValueError, match="extra_body"):
            threads.create(extra_body={"a": 1})
        assert [] == talk.server.asked


def test_a_thread_knows_the_response_to_go_on_after() -> None:
    """This is so if the next run refers to one."""
    with talking() as talk:
        assert {} == talk.client.threads.retrieve(talk.thread_id).extra
        talk.run()
        place = talk.client.threads.retrieve(talk.thread_id).extra
        assert {"response_id": "resp_1"} == place
    with talking(threads="replay") as talk:
        talk.run()
        assert {} == talk.client.threads.retrieve(talk.thread_id).extra


def test_a_conversation_is_made_changed_and_deleted_on_the_server() -> None:
    """It is the thread, with the same id; only what the wire knows is sent."""
    with talking(threads="conversation") as talk:
        threads, server = talk.client.threads, talk.server
        assert ("conv_1", {}) == (talk.thread_id, server.asked[0].body)
        options: dict[str, Any] = {
            "extra_headers": {"X-Own": "1"},
            "extra_query": {"q": "2"},
            "timeout": 5,
        }
        made = threads.create(metadata={"a": "b"}, extra_body={"c": 3}, **options)
        asked = server.asked[-1]
        assert ({"metadata": {"a": "b"}, "c": 3}, {"q": ["2"]}) == (asked.body, asked.query)
        assert ("1", False) == (asked.headers["x-own"], "openai-beta" in asked.headers)
        threads.update(made.id, metadata={"d": "e"})
        assert {"metadata": {"d": "e"}} == server.asked[-1].body
        assert {"d": "e"} == threads.retrieve(made.id).metadata
        threads.update(made.id, tool_resources={})
        assert threads.delete(made.id, **options).deleted
        expected = ["POST /conversations"] * 2
        expected += [f"{method} /conversations/{made.id}" for method in ("POST", "DELETE")]
        assert expected == server.calls
        assert ["conv_1"] == list(server.conversations)


def test_a_thread_is_made_and_run_in_one_call() -> None:
    """It may be streamed or not; the stream begins with the thread."""
    thread = {"messages": [{"role": "user", "content": "Hi"}], "metadata": {"a": "b"}}
    with talking() as talk:
        threads = talk.client.threads
        stream = threads.create_and_run_stream(assistant_id=talk.assistant_id, thread=thread)
        first = next(stream)
        assert isinstance(first, events.ThreadCreated)
        assert first.synthetic
        assert {"a": "b"} == first.data.metadata
        run = stream.get_final_run()
        assert ("completed", first.data.id) == (run.status, run.thread_id)
        assert ["Hi", "1: Hi"] == [
            x.text for x in threads.messages.list(run.thread_id, order="asc")
        ]
        run = threads.create_and_run(assistant_id=talk.assistant_id, instructions="Be brief.")
        assert ("completed", "Be brief.") == (run.status, talk.body["instructions"])
        assert [] == talk.body["input"]


def test_a_run_that_cannot_be_makes_no_thread() -> None:
    """It does not make a conversation either."""
    with talking(threads="conversation") as talk:
        threads, server = talk.client.threads, talk.server
        with pytest.raises(ValueError, match="asst_none"):
            threads.create_and_run(assistant_id="asst_none")
        with pytest.raises(TypeError, match="did you mean 'thread'"):
            threads.create_and_run(
                assistant_id=talk.assistant_id,
                threads={},  # type: ignore[call-arg]  # misspelt
            )
        with pytest.raises(ValueError, match="role is None"):
            threads.create_and_run(assistant_id=talk.assistant_id, thread={"messages": [{}]})
        assert 1 == len(server.asked)


def test_a_server_without_conversations_says_so() -> None:
    """The error has a note that names the argument for another back end."""
    missing = json_answer({"error": {"message": "no such path"}}, 404)
    settings: dict[str, Any] = {"wire": "responses", "threads": "conversation"}
    with (
        running(missing) as server,
        Client("k", server.base_url, **settings) as client,
        pytest.raises(errors.NotFoundError, match="no such path") as caught,
    ):
        client.threads.create()
    note = "the server may not have conversations: choose another back end with Client(threads=...)"
    assert [note] == (caught.value.__notes__)
