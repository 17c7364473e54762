"""Connections that fail, over real sockets."""

from __future__ import annotations

import random
import socket

import pytest
import requests

from stream_core import errors
from stream_core.http.error_mapping import Timeout
from tests.support.socket_peer import (
    CHUNKED,
    GZIP,
    JSON,
    PATIENCE,
    SSE,
    Peer,
    chunk,
    gzip,
    say,
    transport,
    unused_port,
)


def test_a_refused_connection_is_a_transport_error() -> None:
    """The error says so, and names the address."""
    url = f"http://127.0.0.1:{unused_port()}/v1"
    with pytest.raises(errors.TransportError, match=r"cannot connect: .*refused") as caught:
        transport(url).request("GET", "/threads")
    assert f"{url}/threads" == caught.value.url
    assert not isinstance(caught.value, errors.StreamTimeoutError)
    assert caught.value.__cause__ is not None


def test_a_connection_that_does_not_come_is_a_timeout() -> None:
    """Connecting has a limit of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        # Nobody accepts, and the queue for that is full: the next connection hangs.
        waiting = [socket.socket() for _ in range(2)]
        for queued in waiting:
            queued.setblocking(False)
            queued.connect_ex(address)
        asking = transport(f"http://127.0.0.1:{address[1]}", timeout=(0.1, PATIENCE))
        with pytest.raises(
            errors.StreamTimeoutError, match=r"no connection within 0.1 s"
        ) as caught:
            asking.request("GET", "/")
        assert 0.1 == caught.value.timeout
        for queued in waiting:
            queued.close()


@pytest.mark.parametrize("one", [0.05, (None, 0.05)])
def test_a_request_may_have_a_timeout_of_its_own(one: Timeout) -> None:
    """It is one number, or a pair in which None means no limit."""
    with Peer(say()) as peer, pytest.raises(errors.StreamTimeoutError):
        transport(peer.url, timeout=None).request("GET", "/", timeout=one)


def test_silence_in_a_json_body_is_a_timeout() -> None:
    """The timeout also counts once the answer has begun."""
    with (
        Peer(say(JSON, b"Content-Length: 2\r\n\r\n{")) as peer,
        pytest.raises(errors.StreamTimeoutError),
    ):
        transport(peer.url, timeout=0.05).request("GET", "/")


def test_a_proxy_that_is_not_there_is_named() -> None:
    """The session's proxy is used, and its failure is not taken for the server's."""
    session = requests.Session()
    session.proxies = {"http": f"http://127.0.0.1:{unused_port()}"}
    with pytest.raises(errors.TransportError, match="the proxy failed"):
        transport("http://127.0.0.1:1/v1", session=session).request("GET", "/")


def test_a_certificate_store_that_is_not_there_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bare OSError that requests raises is mapped too."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")
    with pytest.raises(errors.TransportError, match=r"the request failed: .*ca\.pem"):
        transport("https://127.0.0.1:1/v1").request("GET", "/")


def test_any_answer_is_bytes_or_an_error_of_ours() -> None:
    """Randomly damaged answers never let another exception out."""
    chance = random.Random(3)
    body = chunk(gzip()(b"event: thread.cre")) + chunk(b"one") + b"0\r\n\r\n"
    whole = SSE + GZIP + CHUNKED + body
    answers = []
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        answers.append(bytes(data[: chance.randrange(1, len(data) + 40)]))
    failures = []
    with Peer(*[say(answer, close=True) for answer in answers]) as peer:
        asking = transport(peer.url)
        for _ in answers:
            try:
                list(asking.open("GET", "/"))
            except errors.StreamError as error:
                failures.append(str(error))
    assert all(failures)
    assert 0 < len(failures) < len(answers)
