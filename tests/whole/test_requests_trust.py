"""Requests that can be trusted, through the client: deadlines, ids, and what a peer may do."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import requests

from stream_core import Client, Stream, errors, models
from tests.support.frames import EventLog, run, sse
from tests.support.scripted_control import waits
from tests.support.socket_peer import CHUNKED, JSON, PATIENCE, SSE, Peer, chunk, reply, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.socket_peer import Act

#: Seconds: a deadline, and what is well above it on a busy machine.
DEADLINE, SOON = 0.2, 1.5

BEGUN = sse(run("created"), run("in_progress"))


def going_on(piece: bytes) -> Act:
    """Begin a run, and send PIECE every hundredth of a second for ever."""

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(BEGUN))
        with suppress(OSError):
            while True:
                connection.sendall(piece)
                time.sleep(0.01)

    return act


ENDLESS: dict[str, Act] = {
    "silence": say(SSE + CHUNKED, chunk(BEGUN)),
    "silence without a length": say(SSE + b"\r\n", BEGUN),
    "comments": going_on(chunk(b": still here\n\n")),
    "events": going_on(chunk(sse(run("in_progress")))),
    "half a frame": going_on(chunk(b"d")),
    "half a chunk size": going_on(b"0"),
}


def asked(client: Client, wire: str, **options: Any) -> Stream:
    """Start a run on a wire."""
    if wire == "runs":
        return client.threads.runs.stream("thread_1", assistant_id="asst_1", **options)
    if wire == "responses":
        return client.responses.stream(model="m", input="x", **options)
    return client.chat.completions.stream(model="m", messages=[], **options)


@pytest.mark.parametrize("act", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("where", ["client", "call"])
def test_deadline_ends_a_stream_whatever_comes(where: str, act: Act) -> None:
    """StreamTimeoutError; handlers hear of the timeout, the exception and the end, once."""
    settings: dict[str, Any] = {"deadline": DEADLINE}
    of_client: dict[str, Any] = settings if where == "client" else {"deadline": PATIENCE}
    of_call: dict[str, Any] = settings if where == "call" else {}
    log = EventLog()
    with Peer(act) as peer, Client("k", peer.url, timeout=PATIENCE, **of_client) as client:
        stream, before = asked(client, "runs", handlers=[log], **of_call), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match=r"within 0\.2 s, its deadline") as got:
            stream.until_done()
        assert DEADLINE * 0.9 <= time.monotonic() - before < SOON
        assert got.value.timeout == DEADLINE
        assert ["StreamTimeout", "StreamException", "StreamEnd"] == log.names[-3:]
        assert 1 == len(peer.requests)


@pytest.mark.parametrize("act", list(ENDLESS.values())[2:5], ids=list(ENDLESS)[2:5])
def test_deadline_holds_with_a_session_of_the_caller(act: Act) -> None:
    """Its connections are not ours; what they give is read in time all the same."""
    with requests.Session() as session, Peer(act) as peer:
        client = Client("k", peer.url, timeout=PATIENCE, session=session, deadline=DEADLINE)
        stream, before = asked(client, "runs"), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match="its deadline"):
            stream.until_done()
        assert time.monotonic() - before < SOON


def test_deadline_is_for_the_whole_of_a_recovery() -> None:
    """A run that goes on for ever is asked about until then, and no longer."""
    going = json.dumps({"id": "run_1", "thread_id": "thread_1", "status": "in_progress"}).encode()
    answers = [say(reply(200, going))] * 30
    log = EventLog()
    with (
        Peer(say(SSE + CHUNKED, chunk(BEGUN), close=True), *answers) as peer,
        Client("k", peer.url, deadline=DEADLINE) as client,
    ):
        stream, before = asked(client, "runs", handlers=[log]), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match="its deadline") as caught:
            stream.until_done()
        assert time.monotonic() - before < SOON
        assert isinstance(caught.value.__cause__, errors.TransportError)
        assert ["StreamTimeout", "StreamException", "StreamEnd"] == log.names[-3:]
        assert 1 < len(peer.requests) < 10


def test_deadline_is_for_all_rounds_of_tools() -> None:
    """What is submitted late is not submitted; what hangs is given up."""

    def slow() -> str:
        """Take longer than the deadline."""
        time.sleep(DEADLINE)
        return "late"

    def quick() -> str:
        """Take no time."""
        return "soon"

    first = reply(200, sse(waits()), Content_Type="text/event-stream")
    with Peer(say(first), say()) as peer, Client("k", peer.url, deadline=DEADLINE) as client:
        stream = asked(client, "runs", tools=[_named("f", slow)])
        with pytest.raises(errors.StreamTimeoutError, match="its deadline"):
            stream.until_done()
        assert 1 == len(peer.requests)
    with Peer(say(first), say()) as peer, Client("k", peer.url, deadline=DEADLINE) as client:
        stream, before = asked(client, "runs", tools=[_named("f", quick)]), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match="its deadline"):
            stream.until_done()
        assert time.monotonic() - before < SOON
        assert 2 == len(peer.requests)


def _named(name: str, function: Callable[..., Any]) -> tuple[dict[str, Any], Callable[..., Any]]:
    """Return a tool that takes nothing."""
    definition = {"name": name, "parameters": {"type": "object", "properties": {}}}
    return {"type": "function", "function": definition}, function


def test_a_stream_without_a_client_has_a_deadline_too() -> None:
    """It is looked at after each piece."""

    def slowly() -> Iterator[bytes]:
        yield BEGUN
        time.sleep(0.05)
        yield sse(run("completed"))

    stream = Stream(slowly(), deadline=0.02)
    with pytest.raises(errors.StreamTimeoutError, match=r"within 0\.02 s, its deadline"):
        stream.until_done()


def test_a_deadline_that_is_not_reached_changes_nothing() -> None:
    """The stream ends as it would."""
    good = reply(200, BEGUN + sse(run("completed")), Content_Type="text/event-stream")
    with Peer(say(good)) as peer, Client("k", peer.url, deadline=PATIENCE) as client:
        ended = asked(client, "runs").until_done()
        assert ended is not None
        assert "completed" == ended.status


# --- Size -------------------------------------------------------------------------------


def test_an_answer_of_recovery_is_limited_in_size_and_time() -> None:
    """The question is not answered, and the loss stays an error that says so."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(JSON + CHUNKED)
        with suppress(OSError):
            while True:
                connection.sendall(chunk(b" " * 60_000))

    cut = say(SSE + CHUNKED, chunk(BEGUN), close=True)
    with (
        Peer(cut, *[flood] * 20) as peer,
        Client("k", peer.url, max_answer_bytes=200_000) as client,
    ):
        with pytest.raises(errors.TransportError) as caught:
            asked(client, "runs").until_done()
        assert "larger than 200000 bytes" in "".join(caught.value.__notes__)


# --- Ids --------------------------------------------------------------------------------


def _object_calls(client: Client, thing: Any) -> list[Callable[[], object]]:
    """Return calls with an object, or something else that is no id, in each place of an id."""
    runs, messages = client.threads.runs, client.threads.messages
    return [
        lambda: client.assistants.retrieve(thing),
        lambda: client.assistants.update(thing, name="x"),
        lambda: client.threads.retrieve(thing),
        lambda: messages.create(thing, role="user", content="x"),
        lambda: messages.retrieve("msg_1", thread_id=thing),
        lambda: messages.list(thing),
        lambda: runs.stream(thing, assistant_id="asst_1"),
        lambda: runs.retrieve("run_1", thread_id=thing),
        lambda: runs.cancel("run_1", thread_id=thing),
        lambda: runs.submit_tool_outputs_stream("run_1", thread_id=thing, tool_outputs=[]),
        lambda: runs.steps.list("run_1", thread_id=thing),
        lambda: runs.steps.retrieve("step_1", run_id="run_1", thread_id=thing),
    ]


@pytest.mark.parametrize("wire", ["assistants", "responses"])
def test_an_object_instead_of_its_id_is_a_type_error_before_anything_is_sent(wire: Any) -> None:
    """The error says to pass the id."""
    thing = models.Assistant(id="asst_1", created_at=1, model="m")
    settings: dict[str, Any] = {}
    if wire == "responses":
        settings["assistants"] = {"asst_1": {"model": "m"}}
    with (
        Peer(say()) as peer,
        Client("k", peer.url, wire=wire, **settings) as client,
    ):
        calls = _object_calls(client, thing)
        runs: Any = client.threads.runs
        threads: Any = client.threads
        calls += [
            lambda: runs.stream("resp_1", assistant_id=thing),
            lambda: runs.create("resp_1", assistant_id=thing),
            lambda: threads.create_and_run_stream(assistant_id=thing),
        ]
        for call in calls:
            with pytest.raises(TypeError, match=r"_id is of type Assistant: pass its id, \w+_id="):
                call()
        assert 0 == peer.connections


@pytest.mark.parametrize("bad", ["", ".", "..", "\ud83d"])
def test_a_bad_id_of_the_caller_is_a_value_error_before_anything_is_sent(bad: str) -> None:
    """In every place of an id in a path."""
    with Peer(say()) as peer, Client("k", peer.url) as client:
        for call in _object_calls(client, bad):
            with pytest.raises(ValueError, match=r"_id is .*: give the id of an object"):
                call()
        assert 0 == peer.connections


@pytest.mark.parametrize("odd", ["a/b", "../x", "a?b=c", "a#b", "a\nb", "a b", "%2e%2e", "a\\b"])
def test_an_odd_id_is_one_segment_of_the_path(odd: str) -> None:
    """It is escaped, and reaches the server as it is."""
    answer = json.dumps({"id": "thread_1"}).encode()
    with Peer(say(reply(200, answer))) as peer, Client("k", peer.url) as client:
        client.threads.retrieve(odd)
        target = peer.requests[0].split(b" ")[1].decode()
        assert f"/v1/threads/{odd}" == unquote(target)
        assert 3 == target.count("/")


@pytest.mark.parametrize("bad", ["", ".", "..", "\ud83d"])
def test_a_bad_id_of_a_conversation_is_a_decode_error(bad: str) -> None:
    """The server gave it, so it is the answer that is wrong."""
    answer = reply(200, json.dumps({"id": bad}).encode())
    settings: dict[str, Any] = {"wire": "responses", "threads": "conversation"}
    with (
        Peer(say(answer)) as peer,
        Client("k", peer.url, **settings) as client,
        pytest.raises(errors.DecodeError, match="no id that can be part of an address"),
    ):
        client.threads.create()


def test_a_path_of_request_gets_its_slash() -> None:
    """It may be left out."""
    with Peer(*[say(reply(200, b"{}"))] * 2) as peer, Client("k", peer.url) as client:
        client.request("GET", "threads")
        client.request("GET", "/threads")
        assert [b"/v1/threads"] * 2 == [x.split(b" ")[1] for x in peer.requests]
