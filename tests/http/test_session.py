"""Sessions: what is sent again and what is not, and the closing of connections."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from stream_core import errors
from stream_core.http.session import retrying_adapter
from stream_core.testing import Fault, LocalServer
from tests.support.socket_peer import (
    CHUNKED,
    PATIENCE,
    SSE,
    Peer,
    chunk,
    reply,
    say,
    say_until_closed,
    transport,
    unused_port,
)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that retries would sleep; nothing sleeps."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    return slept


# --- Retries ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_status_that_says_not_now_is_tried_again(
    server: LocalServer, waits: list[float], status: int
) -> None:
    """A POST is too; the caller sees only the final answer."""
    server.fail_next(Fault(status=status), Fault(status=status))
    asking = transport(server.base_url, max_retries=2)
    assert "thread" == asking.request("POST", "/threads", body={})["object"]
    assert 3 == len(server.requests)
    assert 1 == len({request.body for request in server.requests})
    assert 2 == len(waits)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_status_that_says_no_is_not(server: LocalServer, status: int) -> None:
    """The same request would get the same answer."""
    server.fail_next(Fault(status=status))
    with pytest.raises(errors.APIStatusError):
        transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert 1 == len(server.requests)


def test_when_retries_are_used_up_the_last_answer_is_the_error(
    server: LocalServer, waits: list[float]
) -> None:
    """It is read as if it were the first."""
    server.fail_next(*[Fault(status=503, json={"message": f"no {n}"}) for n in range(3)])
    with pytest.raises(errors.InternalServerError) as caught:
        transport(server.base_url, max_retries=2).open("POST", "/threads/runs", body={})
    assert ("no 2", 3, 2) == (caught.value.message, len(server.requests), len(waits))


def test_the_wait_doubles_and_is_spread(server: LocalServer, waits: list[float]) -> None:
    """Half a second, one, two ... up to eight, each up to a quarter less."""
    server.fail_next(*[Fault(status=500)] * 7)
    transport(server.base_url, max_retries=7).request("GET", "/assistants")
    for wait, most in zip(waits, [0.5, 1, 2, 4, 8, 8, 8], strict=True):
        assert most * 0.75 <= wait <= most


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "60"}, 60.0),
        ({"retry-after-ms": "20"}, 0.02),
    ],
)
def test_the_server_says_how_long_to_wait(
    server: LocalServer, waits: list[float], headers: dict[str, str], expected: float
) -> None:
    """The server's wait is used instead of ours."""
    server.fail_next(Fault(status=429, headers=headers))
    transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert [expected] == waits


@pytest.mark.parametrize("text", ["soon", "0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_wait_that_is_none_is_ours(server: LocalServer, waits: list[float], text: str) -> None:
    """If the header cannot be read, or says now, our own wait is used."""
    server.fail_next(Fault(status=429, headers={"Retry-After": text}))
    transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert 1 == len(waits)
    assert 0.375 <= waits[0] <= 0.5


@pytest.mark.parametrize("headers", [{"Retry-After": "61"}, {"x-should-retry": "false"}])
def test_the_server_may_forbid_a_retry(
    server: LocalServer, waits: list[float], headers: dict[str, str]
) -> None:
    """After too long a wait, or OpenAI's header, the caller decides, and knows the wait."""
    server.fail_next(Fault(status=429, headers=headers))
    with pytest.raises(errors.RateLimitError) as caught:
        transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert (1, []) == (len(server.requests), waits)
    assert caught.value.retry_after in {61.0, None}


def test_a_broken_connection_is_tried_again(server: LocalServer, waits: list[float]) -> None:
    """A connection that closes before the answer begins may have been an old one."""
    server.fail_next(Fault(refuse=True), Fault(refuse=True, reset=True))
    asking = transport(server.base_url, max_retries=2)
    assert "thread" == asking.request("POST", "/threads", body={})["object"]
    assert (3, 2) == (len(server.requests), len(waits))


def test_a_refused_connection_is_tried_again(waits: list[float]) -> None:
    """The server may be starting; in the end the error is the same."""
    with pytest.raises(errors.TransportError, match="refused"):
        transport(f"http://127.0.0.1:{unused_port()}", max_retries=2).request("GET", "/")
    assert 2 == len(waits)


def test_a_connection_closed_without_an_answer_is_a_transport_error(server: LocalServer) -> None:
    """Without retries it is raised at once."""
    server.fail_next(Fault(refuse=True))
    with pytest.raises(errors.TransportError, match="the request failed"):
        transport(server.base_url).request("GET", "/assistants")
    assert 1 == len(server.requests)


def test_an_answer_that_has_begun_is_not_asked_for_again(
    server: LocalServer, waits: list[float]
) -> None:
    """A run that was cut off goes on at the server; a retry would start another one."""
    server.fail_next(Fault(cut_after=3))
    with pytest.raises(errors.TransportError):
        transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert (1, []) == (len(server.requests), waits)


def test_an_adapter_gives_another_session_the_same_retries(
    server: LocalServer, waits: list[float]
) -> None:
    """A caller who passes a session decides about its retries."""
    session = requests.Session()
    session.mount("http://", retrying_adapter(1))
    server.fail_next(Fault(status=500), Fault(status=500))
    with pytest.raises(errors.InternalServerError):
        transport(server.base_url, session=session).request("GET", "/assistants")
    assert (2, 1) == (len(server.requests), len(waits))


def test_a_negative_number_of_retries_is_refused() -> None:
    """The error says what to pass."""
    with pytest.raises(ValueError, match="max_retries is -1"):
        retrying_adapter(-1)


def test_silence_before_the_answer_is_a_timeout_and_is_not_retried(waits: list[float]) -> None:
    """The server has the request: sending it again would start a second run."""
    with Peer(say(), say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, timeout=(PATIENCE, 0.05), max_retries=2)
        with pytest.raises(errors.StreamTimeoutError, match=r"nothing within 0.05 s") as caught:
            asking.request("POST", "/threads", body={})
        assert 0.05 == caught.value.timeout
        assert (1, []) == (peer.connections, waits)


def test_tls_to_a_server_without_it_fails_and_is_not_retried(waits: list[float]) -> None:
    """The error says that TLS failed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(reply(400))

        thread = threading.Thread(target=answer)
        thread.start()
        asking = transport(f"https://127.0.0.1:{port}", max_retries=2)
        with pytest.raises(errors.TransportError, match="TLS failed"):
            asking.request("GET", "/")
        thread.join(PATIENCE)
        assert [] == waits


# --- Closing ----------------------------------------------------------------------------


def test_closing_closes_what_a_reply_refers_to() -> None:
    """A reference to a stream does not keep its connection open."""
    closed = threading.Event()
    act = say_until_closed(closed, SSE, CHUNKED, chunk(b"one"), b"0\r\n\r\n")
    with Peer(act) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        assert [b"one"] == list(source)
        source.finish()
        asking.close()
        assert closed.wait(PATIENCE)
        assert source.response.ok
