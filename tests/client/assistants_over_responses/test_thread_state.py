"""The state of one thread."""

from __future__ import annotations

import pytest

from stream_core import models
from stream_core.client.assistants_over_responses.thread_state import LocalThread, Written, new_id
from stream_core.run_control.responses import Earlier
from tests.support.responses_server import Reply, call, message, talking

ITEM = {"type": "message", "role": "user", "content": "one"}


def thread(**fields: object) -> LocalThread:
    """Return a thread with a message."""
    made = LocalThread(models.Thread(id="thread_1"), stateless=False)
    for name, value in fields.items():
        setattr(made, name, value)
    made.add(Written(models.Message(id="msg_1"), ITEM, ["file_1"]))
    return made


def test_ids_are_new_and_say_of_what() -> None:
    """They have the form of ids on the wire."""
    first, second = new_id("asst"), new_id("asst")
    assert first != second
    assert ["asst", "asst"] == [one.partition("_")[0] for one in (first, second)]


def test_a_message_waits_until_it_is_sent() -> None:
    """So do its files."""
    kept = thread()
    assert ({"msg_1": ITEM}, ["file_1"]) == (kept.waiting, kept.code_files)
    assert ["msg_1"] == list(kept.messages)
    kept.settle()
    kept.check_free()
    assert {"msg_1": ITEM} == kept.waiting


def test_what_was_said_before_is_told_once() -> None:
    """It comes from the server's own conversation, or from the response and all items."""
    assert Earlier() == thread(conversation="conv_1").earlier([ITEM])
    expected = Earlier([ITEM], "resp_1", whole=False)
    assert expected == thread(response_id="resp_1", whole=False).earlier([ITEM])


def test_the_response_is_shown_where_it_is_named() -> None:
    """It is not shown for a conversation, nor if everything is sent."""
    named = thread(response_id="resp_1")
    assert {"response_id": "resp_1"} == named.shown.extra
    assert {} == thread().shown.extra
    for fields in ({"stateless": True}, {"conversation": "conv_1"}):
        assert {} == thread(response_id="resp_1", **fields).shown.extra


def test_a_run_is_found_by_its_id_once_it_began() -> None:
    """Before that, nobody can know it."""
    with talking() as talk:
        runs = talk.client.threads.runs
        stream = talk.stream()
        with pytest.raises(ValueError, match="run_id is 'resp_1'"):
            runs.retrieve("resp_1", thread_id=talk.thread_id)
        assert stream.next()
        assert "queued" == runs.retrieve("resp_1", thread_id=talk.thread_id).status
        stream.close()


def test_what_a_run_said_before_it_waits_is_known() -> None:
    """Its messages are in the list, and the thread waits for its outputs."""
    said = Reply([message("Let me see."), call("get_tides", {})])
    with talking(lambda _: said) as talk:
        talk.run()
        assert ["one", "Let me see."] == talk.texts
        with pytest.raises(RuntimeError, match=f"run resp_1 on thread {talk.thread_id} waits"):
            talk.stream()


def test_a_run_that_counts_is_gone_on_after() -> None:
    """It is added once; a message added meanwhile still waits, one that was sent does not."""
    with talking() as talk:
        stream = talk.stream()
        assert stream.next()
        talk.say("two")
        stream.until_done()
        talk.run(additional_messages=[{"role": "user", "content": "three"}])
        assert ["two", "three"] == [item["content"] for item in talk.body["input"]]
        assert "resp_1" == talk.body["previous_response_id"]
        assert ["one", "two", "1: one", "three", "4: three"] == talk.texts
