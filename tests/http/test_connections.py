"""Limits of an answer in time and size, heads that are cut, interim answers."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core import Client, errors
from stream_core.http import connections
from stream_core.http import transport as http_transport
from stream_core.http.connections import Progress, TooMuchError
from tests.support.socket_peer import (
    CHUNKED,
    GZIP,
    JSON,
    OK,
    PATIENCE,
    SSE,
    Peer,
    chunk,
    reply,
    reset,
    say,
    transport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.socket_peer import Act

#: Seconds: a limit, and what is well above it on a busy machine.
LIMIT, SOON = 0.2, 1.5

#: Seconds between two pieces of what trickles: never silence, as far as the limit is concerned.
TRICKLE = 0.02


def trickle(before: bytes, piece: bytes) -> Act:
    """Send BEFORE, then PIECE again and again until the client closes the connection."""

    def act(connection: socket.socket) -> None:
        connection.sendall(before)
        with suppress(OSError):
            while True:
                connection.sendall(piece)
                time.sleep(TRICKLE)

    return act


def flood(before: bytes, piece: bytes) -> Act:
    """The same without a pause."""

    def act(connection: socket.socket) -> None:
        connection.sendall(before)
        with suppress(OSError):
            while True:
                connection.sendall(piece)

    return act


@pytest.fixture(params=["own session", "session of the caller"])
def session(request: pytest.FixtureRequest) -> Iterator[requests.Session | None]:
    """Return the session to send through; None is the transport's own."""
    if request.param == "own session":
        yield None
        return
    with requests.Session() as session:
        yield session


# --- Time -------------------------------------------------------------------------------

#: Heads that never end; with each of them something comes all the time.
HEADS: dict[str, Act] = {
    "status line, byte by byte": trickle(b"HTTP/1.1 200 ", b"O"),
    "header, byte by byte": trickle(OK + b"X-Long: ", b"x"),
    "headers, one by one": trickle(OK, b"X: y\r\n"),
    "100 Continue for ever": trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints for ever": trickle(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
}


@pytest.mark.parametrize("act", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("name", ["request", "open"])
def test_a_head_that_never_ends_is_a_timeout(name: str, act: Act) -> None:
    """Of an answer and of a stream; the error names the limit."""
    with Peer(act) as peer:
        asking, before = transport(peer.url, timeout=(PATIENCE, LIMIT)), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match=r"not complete within 0\.2 s") as got:
            getattr(asking, name)("POST", "/", body={})
        assert LIMIT <= time.monotonic() - before < SOON
        assert (LIMIT, "waiting", True) == (got.value.timeout, got.value.stage, got.value.sent)
        asking.close()


#: Bodies that never end.
BODIES: dict[str, Act] = {
    "JSON with a length": trickle(JSON + b"Content-Length: 999999\r\n\r\n[", b" "),
    "JSON in chunks": trickle(JSON + CHUNKED, chunk(b" ")),
}


def test_a_body_until_the_end_of_its_connection_that_never_comes_is_a_timeout() -> None:
    """urllib3 does not give away the socket of such a body, but our connections have it."""
    with Peer(trickle(JSON + b"\r\n", b" ")) as peer:
        before = time.monotonic()
        with pytest.raises(errors.StreamTimeoutError, match=r"not complete within 0\.2 s"):
            transport(peer.url, timeout=(PATIENCE, LIMIT)).request("GET", "/")
        assert time.monotonic() - before < SOON


@pytest.mark.parametrize("act", BODIES.values(), ids=BODIES)
def test_a_body_that_never_ends_is_a_timeout(act: Act, session: requests.Session | None) -> None:
    """Whoever made the session, an answer has to be complete in time."""
    with Peer(act) as peer:
        asking, before = (
            transport(peer.url, timeout=(PATIENCE, LIMIT), session=session),
            time.monotonic(),
        )
        with pytest.raises(errors.StreamTimeoutError, match=r"not complete within 0\.2 s") as got:
            asking.request("GET", "/")
        assert LIMIT <= time.monotonic() - before < SOON
        assert ("reading", LIMIT) == (got.value.stage, got.value.timeout)


def test_a_chunk_size_that_never_ends_is_a_timeout() -> None:
    """Within one read of urllib3 too."""
    with Peer(trickle(JSON + CHUNKED, b"0")) as peer:
        asking, before = transport(peer.url, timeout=(PATIENCE, LIMIT)), time.monotonic()
        with pytest.raises(errors.StreamTimeoutError):
            asking.request("GET", "/")
        assert time.monotonic() - before < SOON


@pytest.mark.parametrize("name", ["request", "open"])
def test_the_body_of_an_error_that_never_ends_is_read_in_part(
    name: str, monkeypatch: pytest.MonkeyPatch, session: requests.Session | None
) -> None:
    """The status says enough; what came of the body is in the error."""
    monkeypatch.setattr(http_transport, "ERROR_BODY_SECONDS", LIMIT)
    with Peer(trickle(b"HTTP/1.1 500 No\r\n" + CHUNKED, chunk(b"x"))) as peer:
        asking, before = transport(peer.url, session=session), time.monotonic()
        with pytest.raises(errors.InternalServerError) as caught:
            getattr(asking, name)("GET", "/")
        assert time.monotonic() - before < SOON
        assert caught.value.body.startswith("x")


def test_a_stream_may_take_longer_than_its_head() -> None:
    """Only silence ends it, or its deadline."""
    events = b"data: x\n\n"

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED)
        for _ in range(8):
            time.sleep(0.05)
            connection.sendall(chunk(events))
        connection.sendall(b"0\r\n\r\n")

    with Peer(act) as peer:
        source = transport(peer.url, timeout=(PATIENCE, LIMIT)).open("GET", "/")
        assert events * 8 == b"".join(source)


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream"])
def test_a_stream_may_begin_late(kind: str) -> None:
    """Its first bytes may take as long as its head once more."""
    head = OK + f"Content-Type: {kind}\r\n".encode() + CHUNKED

    def act(connection: socket.socket) -> None:
        time.sleep(0.15)
        connection.sendall(head)
        time.sleep(0.15)
        connection.sendall(chunk(b"data: x\n\n") + b"0\r\n\r\n")

    with Peer(act) as peer:
        source = transport(peer.url, timeout=(PATIENCE, LIMIT)).open("GET", "/")
        assert b"data: x\n\n" == b"".join(source)


def test_silence_keeps_its_own_words() -> None:
    """Nothing at all, and nothing more, are silence; so is a head without a body."""
    for act in (say(), say(OK), say(JSON + CHUNKED)):
        with Peer(act) as peer, pytest.raises(errors.StreamTimeoutError) as caught:
            transport(peer.url, timeout=(PATIENCE, 0.05)).request("GET", "/")
        assert 0.05 == caught.value.timeout
        assert "within 0.05 s" in str(caught.value)


def test_silence_of_tls_names_the_timeout_of_connecting() -> None:
    """The server accepts the connection, and says nothing: nothing was sent to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        asking = transport(f"https://127.0.0.1:{port}", timeout=(0.05, PATIENCE))
        with pytest.raises(errors.StreamTimeoutError, match=r"no connection.* 0\.05 s") as caught:
            asking.request("POST", "/", body={})
        error = caught.value
        assert (0.05, "TLS", False) == (error.timeout, error.stage, error.sent)


# --- Size -------------------------------------------------------------------------------


def gzip(data: bytes) -> bytes:
    """Return the gzip of DATA."""
    compressor = zlib.compressobj(9, wbits=31)
    return compressor.compress(data) + compressor.flush()


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(
    session: requests.Session | None,
) -> None:
    """A mebibyte that would become one and a half gibibytes: no more than the limit is kept."""
    member = gzip(bytes(1_572_864))  # gzip may have any number of members
    data = member * (1_100_000 // len(member))
    assert len(data) <= 1_100_000
    assert 2**30 < 1_572_864 * (len(data) // len(member))
    with Peer(say(reply(200, data, Content_Encoding="gzip"))) as peer:
        asking = transport(peer.url, max_answer_bytes=1_000_000, session=session)
        tracemalloc.start()
        try:
            with pytest.raises(errors.DecodeError, match="is larger than 1000000 bytes; if"):
                asking.request("GET", "/")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000_000  # older urllib3 decompress 64 KiB at once


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(flood(JSON + CHUNKED, chunk(b" " * 60_000)), id="plain"),
        pytest.param(flood(JSON + b"\r\n", b" " * 60_000), id="until the end"),
        pytest.param(
            flood(JSON + GZIP + CHUNKED, chunk(gzip(b"") * 1000)), id="gzip that becomes nothing"
        ),
    ],
)
def test_an_answer_that_is_too_large_is_refused(act: Act) -> None:
    """Before and after it is decompressed."""
    with Peer(act) as peer, Client("k", peer.url, max_answer_bytes=200_000) as client:
        with pytest.raises(errors.DecodeError, match="is larger than 200000 bytes"):
            client.threads.retrieve("thread_1")
        assert 1 == len(peer.requests)


def test_an_answer_as_large_as_the_limit_is_read(session: requests.Session | None) -> None:
    """The limit is the most that is allowed; by default it is 64 MiB."""
    assert 64 * 2**20 == http_transport.DEFAULT_MAX_ANSWER_BYTES
    body = b"[" + b" " * 998 + b"]"
    with Peer(*[say(reply(200, body))] * 2) as peer:
        for most, good in ((1000, True), (999, False)):
            asking = transport(peer.url, max_answer_bytes=most, session=session)
            if good:
                assert [] == asking.request("GET", "/")
            else:
                with pytest.raises(errors.DecodeError, match="larger than 999"):
                    asking.request("GET", "/")


def test_the_body_of_an_error_is_limited_too() -> None:
    """The status is the error, whatever comes with it."""
    act = flood(b"HTTP/1.1 500 No\r\n" + GZIP + CHUNKED, chunk(gzip(b"") * 1000))
    with Peer(act) as peer, pytest.raises(errors.InternalServerError):
        transport(peer.url, max_answer_bytes=200_000).request("GET", "/")


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, b"x" * 60_000])
def test_a_head_that_is_too_large_is_a_transport_error(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interim answers count."""
    monkeypatch.setattr(connections, "HEAD_BYTES", 50_000)
    with Peer(flood(b"", piece)) as peer:
        with pytest.raises(errors.TransportError, match="the request failed"):
            transport(peer.url).open("GET", "/")
        assert 1 == len(peer.requests)


# --- Heads ------------------------------------------------------------------------------

#: A head that is cut somewhere after its status line.
CUT_HEADS: tuple[bytes, ...] = (
    OK,
    SSE,
    SSE[:-2],
    SSE[:-9],
    OK + b"Content-Type",
    JSON + b"Content-Length: 2\r\n",
)


@pytest.mark.parametrize("head", CUT_HEADS)
@pytest.mark.parametrize("end", [lambda x: say(x, close=True), reset], ids=["closed", "reset"])
@pytest.mark.parametrize("name", ["request", "open"])
def test_a_connection_closed_within_the_head_is_a_transport_error(
    name: str, end: Any, head: bytes
) -> None:
    """It is not an empty answer with the headers that came so far."""
    with Peer(end(head)) as peer, pytest.raises(errors.TransportError) as caught:
        getattr(transport(peer.url), name)("GET", "/")
    assert ("waiting", True) == (caught.value.stage, caught.value.sent)


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
@pytest.mark.parametrize("times", [1, 3])
def test_interim_answers_are_passed_over(interim: bytes, times: int) -> None:
    """The answer is what comes after them, with its own headers only."""
    early = b"HTTP/1.1 " + interim + b"\r\nLink: </x>\r\nContent-Length: 7\r\n\r\n"
    with Peer(*[say(early * times, reply(200, b"{}", X_Own="1"))] * 2) as peer:
        asking = transport(peer.url)
        assert {} == asking.request("GET", "/")
        with pytest.raises(errors.NotAnEventStreamError):
            asking.open("GET", "/")
        assert 1 == peer.connections


def test_an_interim_answer_before_the_end_is_a_cut_head() -> None:
    """It is not the answer."""
    with (
        Peer(say(b"HTTP/1.1 103 Early Hints\r\n\r\n", close=True)) as peer,
        pytest.raises(errors.TransportError, match="RemoteDisconnected"),
    ):
        transport(peer.url).request("GET", "/")


def test_a_head_that_comes_whole_with_the_end_is_an_answer() -> None:
    """A body that ends with the connection may be empty."""
    with Peer(say(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1]", close=True)) as peer:
        assert [1] == transport(peer.url).request("GET", "/")


def test_a_200_with_html_is_quoted_though_it_comes_in_pieces() -> None:
    """Not its first byte, but its start."""

    def act(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Type: text/html\r\n" + CHUNKED)
        for piece in (b"<", b"html>", b"<title>Log in", b"</title>"):
            connection.sendall(chunk(piece))
            time.sleep(0.01)
        connection.sendall(b"0\r\n\r\n")

    with Peer(act) as peer:
        with pytest.raises(errors.NotAnEventStreamError) as caught:
            transport(peer.url).open("GET", "/")
        assert "<html><title>Log in</title>" in str(caught.value)


def test_a_200_with_html_that_never_ends_is_quoted_soon() -> None:
    """What came within half a second is quoted."""
    with Peer(trickle(OK + b"Content-Type: text/html\r\n" + CHUNKED, chunk(b"<"))) as peer:
        before = time.monotonic()
        with pytest.raises(errors.NotAnEventStreamError, match="<<<"):
            transport(peer.url).open("GET", "/")
        assert time.monotonic() - before < SOON


# --- Progress ---------------------------------------------------------------------------


def test_progress_without_limits_never_ends() -> None:
    """No seconds and no bytes."""
    progress = Progress()
    progress.count(10**12)
    assert (None, False, 10**12) == (progress.left(), progress.over, progress.received)


def test_progress_counts_time_and_bytes() -> None:
    """Both from when they were limited."""
    progress = Progress(PATIENCE)
    progress.begin()
    left = progress.left()
    assert left is not None
    assert 0 < left <= PATIENCE
    progress.count(5)
    progress.limit_bytes(5)
    progress.count(5)
    with pytest.raises(TooMuchError):
        progress.count(1)
    progress.limit_time(-1)
    with pytest.raises(TimeoutError):
        progress.left()
    assert (True, True) == (progress.over, progress.expired)


def test_silence_may_be_shorter_than_the_time_that_is_left() -> None:
    """Then it is silence, and not the end of the time."""
    with Peer(say(SSE + CHUNKED, chunk(b": x\n\n"))) as peer:
        source = transport(peer.url, timeout=(PATIENCE, 0.05)).open("GET", "/")
        source.limit_time(PATIENCE)
        with pytest.raises(errors.StreamTimeoutError, match=r"sent nothing within 0\.05 s"):
            list(source)


def test_an_answer_has_the_descriptor_of_its_socket() -> None:
    """So that somebody can wait for several of them."""
    with Peer(say(SSE + CHUNKED, chunk(b": x\n\n"))) as peer:
        source = transport(peer.url).open("GET", "/")
        raw: Any = source.response.raw
        assert raw.connection.sock.fileno() == raw.fileno()
        source.close()


def test_a_connection_of_another_session_does_not_report() -> None:
    """Whether the request was sent is then taken from the failure."""
    with requests.Session() as session, Peer(say(close=True)) as peer:
        with pytest.raises(errors.TransportError) as caught:
            transport(peer.url, session=session).request("GET", "/")
        assert ("waiting", True) == (caught.value.stage, caught.value.sent)


def test_a_reader_is_released_by_abort_while_time_is_limited() -> None:
    """The limit does not keep the connection from being shut down."""
    with Peer(say(SSE + CHUNKED, chunk(b": hello\n\n"))) as peer:
        source = transport(peer.url).open("GET", "/")
        source.limit_time(PATIENCE)
        next(source)
        timer = threading.Timer(0.05, source.abort)
        timer.start()
        before = time.monotonic()
        with suppress(errors.TransportError):
            list(source)
        timer.join()
        assert time.monotonic() - before < SOON
        source.close()
