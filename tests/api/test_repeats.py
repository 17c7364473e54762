"""Which requests are sent again, and when: the table, the flow, and both over real sockets."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from stream_core import Client, errors
from stream_core.api.repeats import ANSWERS, CHANGES, READS, REPEATS, repeating, rule_of
from stream_core.client.resource import Resource
from stream_core.effects import Ask, Open, Wait
from stream_core.run_control.chat import ChatControl
from stream_core.run_control.responses import ResponsesControl
from tests.support.flows import play_all
from tests.support.frames import whole_run
from tests.support.socket_peer import (
    JSON,
    Peer,
    reply,
    reset,
    say,
    unused_port,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.api.repeats import Rule
    from tests.support.socket_peer import Act


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for long."""
    monkeypatch.setattr("stream_core.http.waits.BACKOFF_FIRST", 0.001)


# --- Every call has a row ---------------------------------------------------------------

#: Arguments for every call, by the name of the parameter.
ARGUMENTS: Final[dict[str, Any]] = {
    "assistant_id": "asst_1",
    "content": "x",
    "message_id": "msg_1",
    "messages": [],
    "model": "gpt",
    "role": "user",
    "run_id": "run_1",
    "step_id": "step_1",
    "thread_id": "thread_1",
    "tool_outputs": [{"tool_call_id": "call_1", "output": "x"}],
}


def calls(resource: Any) -> Iterator[Callable[..., Any]]:
    """Yield the calls of a resource and of those in it."""
    for name, value in vars(resource).items():
        if isinstance(value, Resource) and not name.startswith("_"):
            yield from calls(value)
    for name, method in inspect.getmembers(resource, inspect.ismethod):
        if not name.startswith("_"):
            yield method


def call(method: Callable[..., Any]) -> None:
    """Make a call with the arguments that it needs; its answer does not matter."""
    needed = [
        name
        for name, x in inspect.signature(method).parameters.items()
        if x.default is x.empty and x.kind is not x.VAR_KEYWORD
    ]
    arguments = {name: ARGUMENTS[name] for name in needed}
    if method.__name__ == "submit_tool_outputs_stream":  # recovery would ask for its run
        arguments["recover"] = False
    with suppress(errors.StreamError):
        method(**arguments)


class Noting:
    """A transport that notes requests and answers none.

    Attributes:
        asked: Method and path of each.
    """

    closed, max_retries, idle_timeout, deadline = False, 0, None, None

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def request(self, method: str, path: str, **_: Any) -> Any:
        self.asked.append((method, path))
        raise errors.TransportError("no answer")

    open = request


def row_of(method: str, path: str) -> tuple[str, str]:
    """Return the row of the table for a request, by the ids in ARGUMENTS."""
    for name in ("assistant_id", "message_id", "run_id", "step_id", "thread_id"):
        path = path.replace(f"/{ARGUMENTS[name]}", f"/{{{name}}}")
    return method, path


def test_every_call_of_the_client_has_a_row_and_every_row_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The calls are walked: one that is added without a row fails here."""
    client, noting = Client("key", "http://127.0.0.1:1/v1"), Noting()
    resources = [client.assistants, client.threads, client.responses, client.chat]
    for resource in resources:
        for method in calls(resource):
            owner = method.__self__  # type: ignore[attr-defined]  # a bound method
            monkeypatch.setattr(owner, "_transport", noting)
            monkeypatch.setattr(owner._driver, "_transport", noting)
            before = len(noting.asked)
            call(method)
            assert before + 1 == len(noting.asked), method
    found = {row_of(*asked) for asked in noting.asked}
    # The controls ask these, and threads over Responses.
    others = {row for row in REPEATS if row[1].startswith(("/responses/", "/conversations"))}
    assert REPEATS.keys() - others == found
    assert 5 == len(others)
    client.close()


def test_calls_over_responses_have_rows_too() -> None:
    """Their threads are conversations, if that is the back end."""
    with Peer(*[say(reply(500))] * 40) as peer:
        settings: dict[str, Any] = {"wire": "responses", "threads": "conversation"}
        client = Client("key", peer.url, max_retries=0, **settings)
        with suppress(errors.StreamError):
            client.threads.create()
        assert ("POST", "/conversations") in REPEATS
        assert peer.requests[0].startswith(b"POST /v1/conversations ")
        client.close()


def test_the_paths_of_the_controls_are_those_of_the_table() -> None:
    """A path that is written twice is the same."""
    assert inspect.getmodule(ChatControl)._PATH == "/chat/completions"  # type: ignore[union-attr]
    assert inspect.getmodule(ResponsesControl)._PATH == "/responses"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/threads/t", None, READS),
        ("get", "/threads/t?x=1", None, READS),
        ("POST", "/threads/t/runs", {}, CHANGES),
        ("POST", "/threads/runs", {}, CHANGES),
        ("POST", "/chat/completions", {}, ANSWERS),
        ("POST", "/responses", {}, ANSWERS),
        ("POST", "/responses", {"conversation": None, "background": False}, ANSWERS),
        ("POST", "/responses", {"previous_response_id": "resp_1"}, ANSWERS),
        ("POST", "/responses", {"conversation": "conv_1"}, CHANGES),
        ("POST", "/responses", {"background": True}, CHANGES),
        ("POST", "/responses/r/cancel", None, CHANGES),
        ("GET", "/vector_stores", None, READS),
        ("POST", "/vector_stores", {}, CHANGES),
        ("DELETE", "/vector_stores/v", None, CHANGES),
    ],
)
def test_a_request_has_the_rule_of_its_row(
    method: str, path: str, body: Any, expected: Rule
) -> None:
    """One without a row reads if it is a GET, and else changes something."""
    options = {} if body is None else {"body": body}
    assert expected is rule_of(Ask(method, path, options))


# --- The flow ----------------------------------------------------------------------------

GET, POST = Ask("GET", "/threads/t"), Ask("POST", "/threads/t/runs", {"body": {}})
CHAT = Open("POST", "/chat/completions", {"body": {}})
REQUESTS: Final[dict[str, Ask | Open]] = {"GET": GET, "POST": POST, "CHAT": CHAT}


def status(code: int, **headers: str) -> errors.APIStatusError:
    """Make the error of a status; names of headers are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return errors.APIStatusError("no", status_code=code, headers=named)


def lost(stage: str | None) -> errors.TransportError:
    """Make the error of a connection that broke."""
    return errors.TransportError("broke", stage=stage)


def late(stage: str) -> errors.TransportError:
    """Make the error of a timeout."""
    return errors.StreamTimeoutError("late", stage=stage)


#: What failed, and which of the three requests are sent again.
TABLE: Final[list[tuple[Exception, str]]] = [
    (lost("connecting"), "GET POST CHAT"),
    (late("connecting"), "GET POST CHAT"),
    (lost("TLS"), ""),
    (late("TLS"), ""),
    (lost("waiting"), "GET CHAT"),
    (late("waiting"), "GET"),
    (lost("reading"), ""),
    (late("reading"), ""),
    (lost(None), ""),
    (status(408), "GET POST CHAT"),
    (status(409), "GET"),
    (status(409, x_should_retry="true"), "GET POST CHAT"),
    (status(429), "GET POST CHAT"),
    (status(500), "GET CHAT"),
    (status(500, x_should_retry="true"), "GET CHAT"),
    (status(503, retry_after="60"), "GET CHAT"),
    (status(503, retry_after="61"), ""),
    (status(429, retry_after="61"), ""),
    (status(429, x_should_retry="false"), ""),
    (status(599), "GET CHAT"),
    (status(400), ""),
    (status(401), ""),
    (status(404), ""),
    (status(404, x_should_retry="true"), ""),
    (errors.NotAnEventStreamError(content_type=None), ""),
    (errors.DecodeError("no JSON"), ""),
    (KeyboardInterrupt(), ""),  # type: ignore[list-item]  # it is thrown like an error
]


@pytest.mark.parametrize(("failure", "again"), TABLE, ids=repr)
@pytest.mark.parametrize("name", ["GET", "POST", "CHAT"])
def test_whether_a_request_is_sent_again(name: str, failure: Exception, again: str) -> None:
    """The table above is the whole of it."""
    request = REQUESTS[name]
    if name not in again:
        effects, result = play_all(repeating(request, 2), failure)
        assert (1, failure) == (len(effects), result)
        return
    effects, result = play_all(repeating(request, 2), failure, False, failure, False, "answer")
    assert "answer" == result
    assert [Wait, Wait] == [effect.__class__ for effect in effects[1::2]]
    assert effects[0] == effects[2] == effects[4]
    _, result = play_all(repeating(request, 1), failure, False, failure)
    assert failure is result
    assert ([request], "x") == play_all(repeating(request, 0), "x")


def test_the_wait_is_the_servers_or_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait of nothing, or one that cannot be read, is ours, which doubles."""
    monkeypatch.setattr("stream_core.http.waits.BACKOFF_FIRST", 0.5)
    asked = [
        status(429, retry_after="3"),
        status(429, retry_after_ms="20"),
        status(429, retry_after="0"),
        status(429, retry_after="1_0"),
        lost("connecting"),
    ]
    answers = [x for one in asked for x in (one, False)]
    effects, _ = play_all(repeating(GET, 5), *answers, "answer")
    waits = [effect.seconds for effect in effects if isinstance(effect, Wait)]
    assert [3.0, 0.02] == waits[:2]
    for wait, most in zip(waits[2:], [2, 4, 8], strict=True):
        assert most * 0.75 <= wait <= most


def test_abort_ends_it_between_two_requests() -> None:
    """The wait says so; the failure is the last one."""
    failure = lost("waiting")
    effects, result = play_all(repeating(GET, 2), failure, True)
    assert (2, failure) == (len(effects), result)


def test_an_answer_is_asked_for_with_the_same_key_each_time() -> None:
    """A server that knows the key makes one answer; the caller's own key takes precedence."""
    effects, _ = play_all(repeating(CHAT, 1), lost("waiting"), False, "answer")
    keys = [x.options["default_headers"]["Idempotency-Key"] for x in (effects[0], effects[2])]  # type: ignore[union-attr]
    assert 1 == len(set(keys))
    other, _ = play_all(repeating(CHAT, 1), "answer")
    assert other[0] != effects[0]
    own = Open("POST", "/chat/completions", {"default_headers": {"Idempotency-Key": "mine"}})
    assert [own] == play_all(repeating(own, 1), "answer")[0]
    for request in (GET, POST):
        assert [request] == play_all(repeating(request, 1), "answer")[0]


# --- Over real sockets --------------------------------------------------------------------

#: Before the answer: closed, reset, closed within the status line, and within the head.
LOSSES: Final[dict[str, Act]] = {
    "closed": say(close=True),
    "reset": reset(),
    "cut status line": say(b"HTTP/1.1 20", close=True),
    "cut head": say(JSON + b"Content-Le", close=True),
    "reset within the head": reset(JSON + b"Content-Le"),
}


@pytest.mark.parametrize("act", LOSSES.values(), ids=LOSSES)
def test_a_message_is_not_sent_twice_if_its_answer_is_lost(act: Act) -> None:
    """The server may have it: the error says that the request was sent."""
    with Peer(act, say(reply(200, b"{}"))) as peer, Client("k", peer.url) as client:
        with pytest.raises(errors.TransportError) as caught:
            client.threads.messages.create("thread_1", role="user", content="x")
        assert (1, True, "waiting") == (len(peer.requests), caught.value.sent, caught.value.stage)


@pytest.mark.parametrize("act", LOSSES.values(), ids=LOSSES)
def test_a_question_is_asked_again_if_its_answer_is_lost(act: Act) -> None:
    """A GET changes nothing."""
    with (
        Peer(act, act, say(reply(200, b'{"id": "thread_1"}'))) as peer,
        Client("k", peer.url) as client,
    ):
        assert "thread_1" == client.threads.retrieve("thread_1").id
        assert 3 == len(peer.requests)


@pytest.mark.parametrize("act", LOSSES.values(), ids=LOSSES)
def test_outputs_are_not_submitted_twice(act: Act) -> None:
    """Whether the run got them is not known, and the error says so; recovery would ask."""
    with Peer(act, say(reply(200, b"{}"))) as peer, Client("k", peer.url) as client:
        with pytest.raises(errors.TransportError) as caught:
            client.threads.runs.submit_tool_outputs_stream(
                "run_1",
                thread_id="thread_1",
                tool_outputs=ARGUMENTS["tool_outputs"],
                recover=False,
            )
        assert (1, True) == (len(peer.requests), caught.value.sent)


@pytest.mark.parametrize("act", [*LOSSES.values(), say(reply(500))])
def test_an_answer_is_asked_for_again_with_one_key(act: Act) -> None:
    """Chat and a response that nothing follows from; each request has the same key."""
    body = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
    good = reply(200, body + b"data: [DONE]\n\n", Content_Type="text/event-stream")
    with Peer(act, act, say(good)) as peer, Client("k", peer.url) as client:
        client.chat.completions.stream(model="m", messages=[]).until_done()
        keys = [
            line
            for request in peer.requests
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"idempotency-key: ")
        ]
        assert (3, 1) == (len(keys), len(set(keys)))


@pytest.mark.parametrize("extra", [{"conversation": "conv_1"}, {"background": True}])
def test_a_response_that_stays_is_asked_for_once(extra: dict[str, Any]) -> None:
    """A conversation would have the same message twice."""
    with Peer(say(close=True), say(reply(500))) as peer, Client("k", peer.url) as client:
        with pytest.raises(errors.TransportError):
            client.responses.stream(model="m", input="x", **extra)
        with pytest.raises(errors.InternalServerError):
            client.responses.stream(model="m", input="x", **extra)
        assert 2 == len(peer.requests)
        assert not any(b"idempotency-key" in x.lower() for x in peer.requests)


@pytest.mark.parametrize(
    "act", [say(reply(429)), say(reply(408)), say(reply(409, x_should_retry="true"))]
)
def test_a_run_is_started_again_if_the_server_did_nothing(act: Act) -> None:
    """That is the server's own word."""
    good = reply(200, whole_run(), Content_Type="text/event-stream")
    with Peer(act, act, say(good)) as peer, Client("k", peer.url) as client:
        run = client.threads.runs.stream("thread_1", assistant_id="asst_1").until_done()
        assert run is not None
        assert (3, "completed") == (len(peer.requests), run.status)


def test_everything_is_sent_again_that_never_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection reached nobody; the error says so."""
    waits: list[int] = []

    def backoff(number: int) -> float:
        waits.append(number)
        return 0.0

    monkeypatch.setattr("stream_core.api.repeats.backoff", backoff)
    with (
        Client("k", f"http://127.0.0.1:{unused_port()}/v1") as client,
        pytest.raises(errors.TransportError, match="refused") as caught,
    ):
        client.threads.create()
    assert ([0, 1], False, "connecting") == (waits, caught.value.sent, caught.value.stage)


def test_a_session_of_the_caller_repeats_as_any_other() -> None:
    """Whichever adapter sends the requests, the client decides which are sent again."""
    with requests.Session() as session, Peer(say(reply(429)), say(reply(200, b"{}"))) as peer:
        with Client("k", peer.url, session=session) as client:
            client.request("POST", "/x", body={})
        assert 2 == len(peer.requests)
