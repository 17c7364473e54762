"""Sessions: what an adapter alone sends again and what it does not; the closing of connections."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.socket_peer import Act


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that retries would sleep; nothing sleeps."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    return slept


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Return a session of the caller, whose adapter retries twice."""
    with requests.Session() as session:
        session.mount("http://", retrying_adapter(2))
        session.mount("https://", retrying_adapter(2))
        yield session


# --- Retries ----------------------------------------------------------------------------

LOSSES: list[Act] = [say(close=True), say(b"HTTP/1.1 200 OK\r\nConte", close=True)]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_an_adapter_sends_a_get_again_after_a_status_that_says_not_now(
    session: requests.Session, waits: list[float], status: int
) -> None:
    """The caller sees only the final answer; a POST is answered with the status."""
    with Peer(*[say(reply(status))] * 2, say(reply(200, b"{}")), say(reply(status))) as peer:
        assert 200 == session.get(peer.url, timeout=PATIENCE).status_code
        assert (3, 2) == (len(peer.requests), len(waits))
        assert status == session.post(peer.url, timeout=PATIENCE).status_code
        assert (4, 2) == (len(peer.requests), len(waits))


@pytest.mark.parametrize("act", LOSSES, ids=["closed", "closed within the head"])
def test_an_adapter_sends_a_get_again_after_a_loss(
    session: requests.Session, waits: list[float], act: Act
) -> None:
    """A POST may have done its work, so it is not."""
    with Peer(act, act, say(reply(200, b"{}")), act) as peer:
        assert 200 == session.get(peer.url, timeout=PATIENCE).status_code
        with pytest.raises(requests.ConnectionError):
            session.post(peer.url, timeout=PATIENCE)
        assert (4, 2) == (len(peer.requests), len(waits))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_adapter_sends_everything_again_that_never_left(
    session: requests.Session, waits: list[float], method: str
) -> None:
    """The server may be starting; in the end the error is the same."""
    with pytest.raises(requests.ConnectionError, match="refused"):
        session.request(method, f"http://127.0.0.1:{unused_port()}", timeout=PATIENCE)
    assert 2 == len(waits)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry_After": "3"}, [3.0]),
        ({"Retry_After": "60"}, [60.0]),
        ({"retry_after_ms": "20"}, [0.02]),
        ({"Retry_After": "61"}, []),
        ({"x_should_retry": "false"}, []),
    ],
)
def test_an_adapter_waits_as_the_server_says(
    session: requests.Session, waits: list[float], headers: dict[str, Any], expected: list[float]
) -> None:
    """If the wait is too long, or it is forbidden, the caller decides."""
    with Peer(say(reply(429, **headers)), say(reply(200))) as peer:
        session.get(peer.url, timeout=PATIENCE)
        assert expected == waits


def test_the_wait_of_an_adapter_doubles_and_is_spread(waits: list[float]) -> None:
    """Half a second, one, two ... up to eight, each up to a quarter less."""
    with requests.Session() as session, Peer(*[say(reply(500))] * 7, say(reply(200))) as peer:
        session.mount("http://", retrying_adapter(7))
        session.get(peer.url, timeout=PATIENCE)
    for wait, most in zip(waits, [0.5, 1, 2, 4, 8, 8, 8], strict=True):
        assert most * 0.75 <= wait <= most


def test_an_adapter_does_not_send_again_after_silence(
    session: requests.Session, waits: list[float]
) -> None:
    """The server has the request, and may be working on it."""
    with Peer(say(), say(reply(200, b"{}"))) as peer:
        with pytest.raises(requests.ReadTimeout, match="Read timed out"):
            session.get(peer.url, timeout=0.05)
        assert (1, []) == (peer.connections, waits)


def test_an_adapter_leaves_the_requests_of_a_transport_alone(
    session: requests.Session, waits: list[float]
) -> None:
    """Whoever drives the transport knows the calls; two that repeat would multiply."""
    with Peer(say(reply(500)), say(close=True), say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, session=session)
        with pytest.raises(errors.InternalServerError):
            asking.request("GET", "/")
        with pytest.raises(errors.TransportError):
            asking.request("GET", "/")
        assert {} == asking.request("GET", "/")
        assert [] == waits


@pytest.mark.parametrize(
    ("number", "kind"),
    [(-1, ValueError), ("3", TypeError), (True, TypeError), (1.0, TypeError)],
)
def test_a_number_of_retries_that_cannot_be_is_refused(number: Any, kind: type[Exception]) -> None:
    """The error says what to pass."""
    with pytest.raises(kind, match=f"max_retries is {number!r}: pass"):
        retrying_adapter(number)


def test_an_adapter_sends_through_a_proxy(session: requests.Session) -> None:
    """The address is in the request's first line."""
    with Peer(say(reply(200, b"{}"))) as peer:
        session.proxies = {"http": f"http://{peer.origin}"}
        session.trust_env = False
        assert {} == transport("http://api.invalid/v1", session=session).request("GET", "/threads")
        assert peer.requests[0].startswith(b"GET http://api.invalid/v1/threads HTTP/1.1\r\n")


def test_the_pools_of_another_kind_of_proxy_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a SOCKS proxy make connections of their own."""

    class Other:
        pool_classes_by_scheme = "its own"

    def other(*_: Any, **__: Any) -> Any:
        return Other()

    monkeypatch.setattr(HTTPAdapter, "proxy_manager_for", other)
    manager = retrying_adapter(0).proxy_manager_for("socks5://proxy")
    assert "its own" == manager.pool_classes_by_scheme


def test_tls_to_a_server_without_it_fails_and_is_named(session: requests.Session) -> None:
    """The error says that TLS failed, and that nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(reply(400))

        thread = threading.Thread(target=answer)
        thread.start()
        asking = transport(f"https://127.0.0.1:{port}", session=session)
        with pytest.raises(errors.TransportError, match="TLS failed") as caught:
            asking.request("GET", "/")
        thread.join(PATIENCE)
        assert ("TLS", False) == (caught.value.stage, caught.value.sent)


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


def test_a_connection_closed_without_an_answer_is_a_transport_error(server: LocalServer) -> None:
    """A transport sends a request once."""
    server.fail_next(Fault(refuse=True))
    with pytest.raises(errors.TransportError, match="the request failed") as caught:
        transport(server.base_url).request("GET", "/assistants")
    assert ("waiting", True, 1) == (caught.value.stage, caught.value.sent, len(server.requests))
