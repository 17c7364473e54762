"""Whatever a client does, it gets the API's JSON, and the server goes on: over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import zlib
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aiohttp.web import RequestHandler

from stream_core.testing import CallFunctions, Fault, FunctionCall, Limits, LocalServer, Turn
from stream_core.testing.api import ROUTES
from stream_core.testing.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.testing import Answer

HEAD = b"POST /v1/threads HTTP/1.1\r\nHost: x\r\n"
ERROR_KEYS = {"message", "type", "param", "code"}


@pytest.fixture
def small() -> Iterator[LocalServer]:
    """A server with small limits."""
    limits = Limits(body=10_000, connections=4, seconds=0.15)
    with LocalServer(limits=limits) as server:
        yield server


def connected(server: LocalServer) -> socket.socket:
    """Return a connection of one's own."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def answer(connection: socket.socket) -> tuple[int, Any]:
    """Read an answer; return its status and the error, checked for its shape."""
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    assert "application/json" == reply.headers["content-type"].partition(";")[0]
    error = json.loads(reply.read())["error"]
    assert error.keys() == ERROR_KEYS
    assert error["message"]
    return reply.status, error


def sent(server: LocalServer, data: bytes) -> tuple[int, Any]:
    """Send bytes, and read the answer."""
    with connected(server) as connection:
        connection.sendall(data)
        return answer(connection)


def serves(server: LocalServer) -> bool:
    """Whether the server still does its work."""
    made = requests.post(f"{server.base_url}/threads", json={}, timeout=5)
    return bool("thread" == made.json()["object"])


NOT_HTTP = [
    (b"\r\n\r\nnot http at all\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40, 400),  # TLS
    (b"GET / HTTP/9.9\r\n\r\n", 400),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET http://[bad HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (HEAD + b"No colon\r\n\r\n", 400),
    (HEAD + b"Content-Length: x\r\n\r\n", 400),
    (HEAD + b"Content-Length: -5\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
    (HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", 400),
    (HEAD + b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n\xff\xff\xff\xff\xff", 400),
]


@pytest.mark.parametrize(("data", "status"), NOT_HTTP)
def test_what_is_not_http_is_answered_as_json(
    server: LocalServer, data: bytes, status: int
) -> None:
    """The client learns what is wrong; the next one is served."""
    assert status == sent(server, data)[0]
    assert serves(server)


ODD = [
    ("GET", "/", 404),
    ("GET", "//", 404),
    ("GET", "/v1/%00%ff%2e%2e/../threads", 404),
    ("GET", "/v1/threads/%ED%A0%80", 404),
    ("GET", "/v1/threads/%E2%80%A8?%ff=%fe&&=&a", 404),
    ("GET", "/v1/models", 404),
    ("PUT", "/v1/threads", 405),
    ("PATCH", "/v1/assistants", 405),
    ("DELETE", "/v1/threads", 405),
    ("OPTIONS", "/v1/threads", 405),
    ("TRACE", "/v1/threads/x/runs", 405),
    ("GET", "/v1/assistants?limit=0", 400),
    ("GET", "/v1/assistants?limit=" + "9" * 5000, 400),
    ("GET", "/v1/assistants?limit=%C2%B2", 400),
    ("GET", "/v1/assistants?order=up&limit=", 400),
    ("GET", "/v1/assistants?after=x", 400),
    ("GET", "/v1/assistants?before=", 400),
]


def test_odd_paths_methods_and_queries_are_answered_as_json(server: LocalServer) -> None:
    """All on one connection, which stays usable."""
    with connected(server) as connection:
        for method, target, status in ODD:
            connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (target, status) == (target, answer(connection)[0])
    assert 1 == server.connections


BODIES = [
    b"[]",
    b'"text"',
    b"5",
    b"null",
    b"true",
    b"{",
    b"NaN",
    b'{"metadata": NaN}',
    b'{"temperature": 1e999}',
    b'{"metadata": -Infinity}',
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    '{"model": "m"}'.encode("utf-16"),
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"a": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    b"\x00",
]


@pytest.fixture
def paths(server: LocalServer) -> dict[str, str]:
    """Paths of objects that exist, for the names in the routes."""

    def post(path: str, **body: Any) -> str:
        made = requests.post(f"{server.base_url}{path}", json=body, timeout=5)
        return str(made.json()["id"])

    assistant = post("/assistants", model="m")
    thread = post("/threads")
    message = post(f"/threads/{thread}/messages", role="user", content="x")
    run = post(f"/threads/{thread}/runs", assistant_id=assistant)
    return {"assistant": assistant, "thread": thread, "message": message, "run": run, "step": "s"}


def test_a_body_that_is_not_a_json_object_is_a_400_on_every_route(
    server: LocalServer, paths: dict[str, str]
) -> None:
    """Lists, texts, numbers, null, NaN, deep nesting, other encodings."""
    with connected(server) as connection:
        for method, template, _ in ROUTES:
            target = "/v1" + template.format(**paths)
            for body in BODIES:
                head = (
                    f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body)
                status, error = answer(connection)
                assert (target, body[:20], 400) == (target, body[:20], status)
                assert "invalid_request_error" == error["type"]
    assert serves(server)


def test_a_wrong_field_is_a_400_that_names_it(server: LocalServer, paths: dict[str, str]) -> None:
    """The server's own checks, over HTTP; test_checks.py has the whole table."""
    runs = f"/threads/{paths['thread']}/runs"
    wrong = [
        ("/assistants", {"model": 5}, "model"),
        ("/assistants", {"model": "m", "tools": [{"type": "function"}]}, "tools[0].function"),
        (f"/assistants/{paths['assistant']}", {"temperature": "hot"}, "temperature"),
        ("/threads", {"messages": {}}, "messages"),
        ("/threads", {"metadata": {"a": 1}}, "metadata.a"),
        (f"/threads/{paths['thread']}/messages", {"role": "user", "content": 5}, "content"),
        (runs, {"assistant_id": paths["assistant"], "max_completion_tokens": True}, None),
        (runs, {"assistant_id": paths["assistant"], "stream": "yes"}, "stream"),
        (f"{runs}/{paths['run']}", {"metadata": []}, "metadata"),
    ]
    for path, body, param in wrong:
        reply = requests.post(f"{server.base_url}{path}", json=body, timeout=5)
        named = param or "max_completion_tokens"
        assert (400, named) == (reply.status_code, reply.json()["error"]["param"])


def test_a_body_beyond_the_limit_is_a_413(small: LocalServer) -> None:
    """By its length, in chunks, and decompressed; the sentence says what to raise."""
    plain = b'{"metadata": {"a": "' + b"x" * 20_000 + b'"}}'
    packed = zlib.compress(b" " * 1_000_000)
    assert len(packed) < 10_000
    for headers, body in (
        (b"Content-Length: %d\r\n\r\n" % len(plain), plain),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(plain), plain)),
        (b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(packed), packed),
    ):
        status, error = sent(small, HEAD + headers + body)
        assert 413 == status
        assert "more than 10000 bytes: send less, or raise" in error["message"]
    # The length alone is enough: nothing has to be sent.
    assert 413 == sent(small, HEAD + b"Content-Length: 99999999999\r\n\r\n")[0]
    reply = requests.post(f"{small.base_url}/threads", data=b"x" * 3_000_000, timeout=5)
    assert 413 == reply.status_code
    assert b"" == small.requests[-1].body
    assert serves(small)


def test_a_fault_comes_before_a_refusal(small: LocalServer) -> None:
    """A test that wants a 500 gets it, whatever was sent."""
    small.fail_next(Fault(status=500))
    reply = requests.post(f"{small.base_url}/threads", data=b"x" * 20_000, timeout=5)
    assert 500 == reply.status_code


@pytest.mark.parametrize(
    "half",
    [b"P", b"POST /v1/thr", HEAD, HEAD + b"X: y", HEAD + b"Content-Length: 100\r\n\r\n{"],
)
def test_half_a_request_is_a_408_after_a_time(small: LocalServer, half: bytes) -> None:
    """In the head or in the body; then the connection ends."""
    with connected(small) as connection:
        connection.sendall(half)
        status, error = answer(connection)
        assert 408 == status
        assert "was not whole after 0.15 s" in error["message"]
        if b"\r\n\r\n" not in half:  # or else the server waits for the body to end
            assert b"" == connection.recv(1)
    assert serves(small)


def test_an_idle_connection_is_not_late(small: LocalServer) -> None:
    """The clock starts with the first byte, for each request."""
    with connected(small) as connection:
        for _ in range(2):
            threading.Event().wait(0.2)
            connection.sendall(b"GET /v1/threads/x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 404 == answer(connection)[0]


def test_connections_beyond_the_limit_get_a_503(small: LocalServer) -> None:
    """As soon as one of the others is gone, the next is served."""
    with ExitStack() as held:
        others = [held.enter_context(connected(small)) for _ in range(4)]
        for other in others:
            other.sendall(b"GET /v1/threads/x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 404 == answer(other)[0]
        with connected(small) as one_more:
            one_more.sendall(HEAD + b"\r\n" + b"x" * 100)
            status, error = answer(one_more)
            one_more.sendall(b"more")
        assert (503, "server_error") == (status, error["type"])
        assert "Limits(connections=...)" in error["message"]
        assert 5 == small.connections
    for _ in range(50):  # the server learns of the others' end when its loop has read of it
        with connected(small) as again:
            again.sendall(b"GET /v1/threads/x HTTP/1.1\r\nHost: x\r\n\r\n")
            if answer(again)[0] == 404:
                break
    else:
        pytest.fail("the limit still counts connections that have ended")


def test_closing_the_server_also_ends_connections_that_are_turned_away() -> None:
    """And those that never sent anything."""
    with LocalServer(limits=Limits(connections=1)) as server, ExitStack() as held:
        silent = [held.enter_context(connected(server)) for _ in range(3)]
        silent[0].sendall(b"GET /v1/threads/x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert 404 == answer(silent[0])[0]
        while server.connections < 3:
            threading.Event().wait(0.002)
        server.close()
        for connection in silent:
            with connection, suppress(ConnectionResetError):
                assert b"" == connection.recv(1)


VANISHING = [
    HEAD[:10],
    HEAD,
    HEAD + b"Content-Length: 100\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    HEAD + b"\r\n",
    b"",
]


@pytest.mark.parametrize("reset", [False, True])
def test_clients_that_vanish_harm_nobody(server: LocalServer, reset: bool) -> None:
    """In the head, in the body, before the answer; plainly, or with a reset."""
    for data in VANISHING * 3:
        with connected(server) as connection:
            connection.sendall(data)
            if reset:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert serves(server)


def run_request(server: LocalServer, **fields: Any) -> bytes:
    """Return the bytes of a request for a streamed run."""
    made = requests.post(f"{server.base_url}/assistants", json={"model": "m"}, timeout=5)
    body = json.dumps({"assistant_id": made.json()["id"], "stream": True, **fields}).encode()
    head = b"POST /v1/threads/runs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def test_clients_that_leave_or_stop_reading_in_a_stream_harm_nobody() -> None:
    """A slow reader holds up its own run only; another one goes to its end."""

    def respond(_: Turn) -> Iterator[str]:
        for _number in range(100):
            yield "x" * 10_000

    with LocalServer(respond) as server:
        request = run_request(server)
        with connected(server) as slow, connected(server) as leaving:
            for connection in (slow, leaving):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(request)
                assert connection.recv(10)
            leaving.close()
            assert serves(server)
        assert serves(server)


def test_a_responder_that_raises_after_the_stream_began_breaks_nothing() -> None:
    """The run fails on the wire, and the block of the server fails."""

    def respond(_: Turn) -> Answer:
        raise LookupError("lost")

    server = LocalServer(respond).start()
    with connected(server) as connection:
        connection.sendall(run_request(server))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert b"event: thread.run.failed" in reply.read()
    assert serves(server)
    with pytest.raises(LookupError, match="lost"):
        server.close()


def test_a_bug_of_the_server_is_a_json_500_and_loud(server: LocalServer) -> None:
    """The client gets the API's error, the test the exception."""
    vars(server._api)["handle"] = None  # the bug
    reply = requests.get(f"{server.base_url}/assistants", timeout=5)
    assert (500, "server_error") == (reply.status_code, reply.json()["error"]["type"])
    assert "The server failed: TypeError" in reply.json()["error"]["message"]
    assert reply.headers["x-request-id"]
    assert [TypeError] == [type(failure) for failure in server.take_failures()]


def test_a_bug_in_the_middle_of_an_answer_breaks_it_off(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second answer within the first would be read as its body."""

    async def drive(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Runner, "drive", drive)
    with connected(server) as connection:
        connection.sendall(run_request(server))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert 200 == reply.status
        with pytest.raises(http.client.IncompleteRead):
            reply.read()
        reply.close()
    assert ["a bug"] == [str(failure) for failure in server.take_failures()]
    assert serves(server)


def test_a_bug_in_a_parser_is_a_400(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some versions of aiohttp raise what they find in a URL."""

    def data_received(*_: object) -> None:
        raise ValueError("Invalid URL: host is required for absolute urls")

    with connected(server) as connection, monkeypatch.context() as patch:
        patch.setattr(RequestHandler, "data_received", data_received)
        connection.sendall(b"GET http:///x HTTP/1.1\r\n\r\n")
        status, error = answer(connection)
    assert 400 == status
    assert "host is required" in error["message"]
    assert serves(server)


@pytest.mark.parametrize("status", [200, 204, 304, 418, 451, 599])
def test_any_status_can_be_asked_for(server: LocalServer, status: int) -> None:
    """Also those that have no body, and those that have no name."""
    server.fail_next(Fault(status=status))
    reply = requests.get(f"{server.base_url}/assistants", timeout=5)
    assert status == reply.status_code
    assert serves(server)


def test_calls_wait_on_a_server_that_was_attacked(server: LocalServer) -> None:
    """A tool round works after all that."""
    for data, _ in NOT_HTTP:
        sent(server, data)
    server._responder = lambda _: CallFunctions([FunctionCall("now")])
    with connected(server) as connection:
        connection.sendall(run_request(server))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert b"thread.run.requires_action" in reply.read()
