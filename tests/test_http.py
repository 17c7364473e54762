"""stream_core/http.py, over real sockets.

The peer is written by hand where a well-behaved server would not do: pieces of a frame, broken
framings, silence. Steps are kept in lock-step by events, never by time.
"""

from __future__ import annotations

import queue
import random
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import pytest
import requests

from stream_core import errors, http
from stream_core.http import ResponseSource, Transport, retrying_adapter
from stream_core.testing import Fault, LocalServer

if TYPE_CHECKING:
    from pathlib import Path

#: What a peer does with a connection, once it has read a request.
Act: TypeAlias = Callable[[socket.socket], None]

#: No test waits so long unless it fails.
PATIENCE = 10.0

OK = b"HTTP/1.1 200 OK\r\n"
SSE = OK + b"Content-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
JSON = OK + b"Content-Type: application/json\r\n"


class Peer:
    """A server made by hand: the n-th request is answered by the n-th act.

    After the last act the connection stays open until the peer or the client closes it; an
    act that closes the connection lets the client make another one.
    """

    def __init__(self, *acts: Act) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._acts = list(acts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.origin}/v1"

    def join(self) -> None:
        """Wait until all acts are over."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._acts.clear()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while self._acts:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                connection.settimeout(PATIENCE)
                with suppress(OSError):
                    while self._acts and (request := read_request(connection)):
                        self.requests.append(request)
                        self._acts.pop(0)(connection)


def read_request(connection: socket.socket) -> bytes:
    """Read a request, or what there is of one before the connection closes."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def say(*pieces: bytes, close: bool = False) -> Act:
    """Send PIECES, and close then or not."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        if close:
            end(connection)

    return act


def end(connection: socket.socket) -> None:
    """Close both ways, so that the next request comes on another connection."""
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def reset(*pieces: bytes) -> Act:
    """Send PIECES and break off with a TCP reset."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return act


def chunk(data: bytes) -> bytes:
    """Write one chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write a whole answer; headers with underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def transport(url: str, **options: Any) -> Transport:
    """A transport with the settings that a test does not care for."""
    settings: dict[str, Any] = {"headers": {}, "auth": dict, "timeout": PATIENCE, **options}
    return Transport(url, **settings)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that retries would sleep; nothing sleeps."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    return slept


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that behaves."""
    with LocalServer() as running:
        yield running


# --- Reading ----------------------------------------------------------------------------

PIECES = [b"event: thread.cre", b"ated\ndata: {}\n\n", b"event: done\nda", b"ta: [DONE]\n\n"]


def plain(data: bytes) -> bytes:
    """Leave DATA as it is."""
    return data


def gzip() -> Callable[[bytes], bytes]:
    """Compress so that each piece can be read at once."""
    compressor = zlib.compressobj(wbits=31)
    return lambda data: compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def in_one_chunk() -> Callable[[bytes], bytes]:
    """Announce one chunk for all pieces, and let them trickle into it."""
    announced = iter([b"%x\r\n" % sum(map(len, PIECES))])
    return lambda data: next(announced, b"") + data


def compressed_chunks() -> Callable[[bytes], bytes]:
    """Compress, then chunk."""
    compress = gzip()
    return lambda data: chunk(compress(data))


LENGTH = b"Content-Length: %d\r\n\r\n" % sum(map(len, PIECES))
GZIP = b"Content-Encoding: gzip\r\n"
CLOSE = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "encoder", "close"),
    [
        pytest.param(CHUNKED, lambda: chunk, False, id="chunked"),
        pytest.param(CHUNKED, in_one_chunk, False, id="one chunk that fills slowly"),
        pytest.param(LENGTH, lambda: plain, False, id="length"),
        pytest.param(CLOSE, lambda: plain, True, id="close"),
        pytest.param(b"Connection: close\r\n" + CHUNKED, lambda: chunk, True, id="chunked, close"),
        pytest.param(GZIP + CHUNKED, compressed_chunks, False, id="gzip, chunked"),
        pytest.param(GZIP + CLOSE, gzip, True, id="gzip, close"),
    ],
)
def test_no_framing_delays_a_piece(
    head: bytes, encoder: Callable[[], Callable[[bytes], bytes]], close: bool
) -> None:
    """A piece can be read before the server sends the next one, which waits for that."""
    was_read: queue.Queue[None] = queue.Queue()

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + head)
        encode = encoder()
        for piece in PIECES:
            connection.sendall(encode(piece))
            was_read.get(timeout=PATIENCE)
        if close:
            end(connection)

    with Peer(act) as peer:
        source = transport(peer.url).open("GET", "/")
        pieces: list[bytes] = []
        while b"".join(pieces) != b"".join(PIECES):
            # What one read gives is at most one piece: there is no more on the connection.
            pieces.append(next(source))
            if b"".join(pieces) in (b"".join(PIECES[: n + 1]) for n in range(len(PIECES))):
                was_read.put(None)
        source.close()


def test_the_body_of_every_framing_ends() -> None:
    """At the end of the body the iteration is over, and the connection can be used again."""
    body = b"".join(PIECES)
    acts = [
        say(SSE, CHUNKED, chunk(body[:20]), chunk(body[20:]), b"0\r\n\r\n"),
        say(SSE, LENGTH, body),
        say(SSE, GZIP, CHUNKED, chunk(zlib.compress(body, wbits=31)), b"0\r\n\r\n"),
        say(SSE, CLOSE, body, close=True),
        say(SSE, CLOSE, body, close=True),
    ]
    with Peer(*acts) as peer:
        asking = transport(peer.url)
        for _ in acts:
            assert body == b"".join(asking.open("GET", "/"))
        # Two of these say that they close; the first of them came on the first connection.
        assert 2 == peer.connections


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(
            say(SSE, CHUNKED, b"20\r\nhalf", close=True), "before the end", id="cut within a chunk"
        ),
        pytest.param(
            say(SSE, CHUNKED, chunk(b"one"), close=True), "before the end", id="cut after a chunk"
        ),
        pytest.param(
            say(SSE, CHUNKED, b"3\r\none", close=True), "before the end", id="cut at a chunk's end"
        ),
        pytest.param(
            say(SSE, CHUNKED, b"three\r\n", close=True), "before the end", id="a size that is none"
        ),
        pytest.param(
            say(SSE, CHUNKED, b"-3\r\none\r\n", close=True), "before the end", id="a negative size"
        ),
        pytest.param(
            say(SSE, b"Content-Length: 9\r\n\r\nhalf", close=True), "before the end", id="length"
        ),
        pytest.param(reset(SSE, CHUNKED, chunk(b"one")), "before the end", id="reset"),
        pytest.param(
            say(SSE, GZIP, CLOSE, b"no gzip", close=True), "decompressed", id="broken gzip"
        ),
    ],
)
def test_a_broken_body_is_a_transport_error(act: Act, expected: str) -> None:
    """The error names what happened and the address, and has the library's as its cause."""
    with Peer(act) as peer:
        source = transport(peer.url).open("GET", "/threads")
        with pytest.raises(errors.TransportError, match=expected) as caught:
            list(source)
        assert f"{peer.url}/threads" == caught.value.url
        assert caught.value.__cause__ is not None
        assert not isinstance(caught.value, errors.StreamTimeoutError)
        # Once it has failed it is over.
        assert [] == list(source)


def test_what_came_before_a_cut_is_read_first() -> None:
    """Nothing that arrived is lost to the error."""
    with Peer(say(SSE, CHUNKED, chunk(b"one"), chunk(b"two"), b"20\r\nthr", close=True)) as peer:
        source = transport(peer.url).open("GET", "/")
        assert [b"one", b"two", b"thr"] == [next(source), next(source), next(source)]
        with pytest.raises(errors.TransportError):
            next(source)


def test_a_cut_without_length_or_chunks_is_an_end() -> None:
    """Such a reply ends by closing; whether it was complete, only its content can tell."""
    with Peer(say(SSE, CLOSE, b"data: hal", close=True)) as peer:
        assert b"data: hal" == b"".join(transport(peer.url).open("GET", "/"))


def test_silence_in_the_body_is_a_timeout() -> None:
    """The error says how long the silence was allowed to be."""
    with Peer(say(SSE, CHUNKED, chunk(b"one"))) as peer:
        source = transport(peer.url, timeout=(PATIENCE, 0.05)).open("GET", "/")
        assert b"one" == next(source)
        with pytest.raises(errors.StreamTimeoutError, match=r"nothing within 0.05 s") as caught:
            next(source)
        assert (0.05, f"{peer.url}/") == (caught.value.timeout, caught.value.url)


def test_a_source_can_be_made_of_any_streaming_response() -> None:
    """Who sends a request by himself has the same reading and the same errors."""
    with Peer(say(SSE, b"X-Request-Id: req_7\r\n", CHUNKED, chunk(b"one"))) as peer:
        response = requests.get(peer.url, stream=True, timeout=0.05)
        source = ResponseSource(response)
        assert ("req_7", response) == (source.request_id, source.response)
        assert b"one" == next(source)
        with pytest.raises(errors.StreamTimeoutError, match="within the timeout") as caught:
            next(source)
        assert caught.value.timeout is None


# --- Ending -----------------------------------------------------------------------------


def test_closing_frees_the_connection_and_ends_the_iteration() -> None:
    """The server sees the connection close; closing again does nothing."""
    closed = threading.Event()

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(b"one"))
        assert b"" == connection.recv(1)
        closed.set()

    with Peer(act) as peer:
        source = transport(peer.url).open("GET", "/")
        next(source)
        source.close()
        source.close()
        assert closed.wait(PATIENCE)
        assert [] == list(source)
        source.finish()


def test_finishing_reads_to_the_end_and_keeps_the_connection() -> None:
    """After ``done`` the rest of the body is read, so that the next request needs no new one."""
    ending = [chunk(b"event: done\ndata: [DONE]\n\n"), chunk(b"\n"), b"0\r\n\r\n"]
    with Peer(say(SSE, CHUNKED, *ending), say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        next(source)
        source.finish()
        assert [] == list(source)
        assert {} == asking.request("GET", "/")
        assert 1 == peer.connections


def test_finishing_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that keeps the body open is left, and the next request uses a new connection."""
    monkeypatch.setattr(http, "FINISH_SECONDS", 0.05)
    closed = threading.Event()

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(b"one"))
        assert b"" == connection.recv(1)
        connection.close()
        closed.set()

    with Peer(act, say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        next(source)
        source.finish()
        assert closed.wait(PATIENCE)
        assert {} == asking.request("GET", "/")
        assert 2 == peer.connections


def test_finishing_does_not_read_for_ever() -> None:
    """A server that goes on after ``done`` is cut off after 64 KiB."""
    sent = 0

    def act(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(SSE + CHUNKED + chunk(b"one"))
        with suppress(OSError):
            for sent in range(10_000):  # noqa: B007  # how far it came is the question
                connection.sendall(chunk(b"x" * 10_000))

    with Peer(act) as peer:
        source = transport(peer.url).open("GET", "/")
        next(source)
        source.finish()
        peer.join()
        assert sent < 9_999


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(say(SSE, CLOSE, b"one"), id="a reply that ends by closing"),
        pytest.param(say(SSE, CHUNKED, chunk(b"one"), b"zz\r\n"), id="bad framing"),
        pytest.param(reset(SSE, CHUNKED, chunk(b"one")), id="reset"),
    ],
)
def test_finishing_never_raises(act: Act) -> None:
    """Where there is no end to come to, it is the same as closing."""
    with Peer(act) as peer:
        source = transport(peer.url).open("GET", "/")
        with suppress(errors.TransportError):
            next(source)
        source.finish()
        assert [] == list(source)


@pytest.mark.parametrize("framing", [CHUNKED, CLOSE], ids=["chunked", "close"])
def test_aborting_frees_a_reader_that_waits(framing: bytes) -> None:
    """From another thread: the iteration ends, or breaks off, at once."""
    with Peer(say(SSE, framing, chunk(b"one") if framing is CHUNKED else b"one")) as peer:
        source = transport(peer.url).open("GET", "/")
        assert b"one" == next(source)
        aborting = threading.Timer(0.05, source.abort)
        aborting.start()
        with suppress(errors.TransportError):
            assert [] == list(source)
        aborting.join()
        assert [] == list(source)
        source.close()


def test_aborting_does_not_touch_a_connection_that_was_given_back() -> None:
    """It may serve another request by now."""
    first = say(SSE, CHUNKED, chunk(b"one"), b"0\r\n\r\n")
    with Peer(first, say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        assert [b"one"] == list(source)
        source.finish()
        source.abort()
        assert {} == asking.request("GET", "/")
        assert 1 == peer.connections
        source.close()
        source.abort()


def test_silence_may_be_limited_while_a_body_is_read() -> None:
    """The error names the new limit; the next request has the usual one."""
    slow = threading.Event()

    def wait(connection: socket.socket) -> None:
        slow.wait(0.3)
        connection.sendall(reply(200, b"{}"))

    with Peer(say(SSE, CHUNKED, chunk(b"one")), wait) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        assert b"one" == next(source)
        source.limit_silence(0.05)
        with pytest.raises(errors.StreamTimeoutError, match=r"within 0\.05 s") as caught:
            next(source)
        assert 0.05 == caught.value.timeout
        assert {} == asking.request("GET", "/")


def test_where_silence_cannot_be_limited_the_body_is_at_its_end() -> None:
    """A connection that ends with the answer belongs to nobody who could be told."""
    with Peer(say(SSE, CLOSE, b"one")) as peer:
        source = transport(peer.url).open("GET", "/")
        assert b"one" == next(source)
        source.limit_silence(0.05)
        assert [] == list(source)


# --- Requests ---------------------------------------------------------------------------


def test_a_request_has_its_parts_where_they_belong(server: LocalServer) -> None:
    """Query, body and headers arrive; the answer is the JSON value."""
    asking = transport(server.base_url, headers={"X-One": "1", "X-Two": "2"})
    thread = asking.request(
        "POST",
        "/threads",
        query={"a": ["1", "2"], "b": None},
        body={"metadata": {"k": "ü\ud83d"}},
        headers={"x-two": "3"},
    )
    sent = server.requests[0]
    assert ("POST", "/v1/threads", {"a": "1,2"}) == (sent.method, sent.path, sent.query)
    assert {"metadata": {"k": "ü\ud83d"}} == sent.json
    assert ("1", "3", "application/json") == (
        sent.headers["x-one"],
        sent.headers["x-two"],
        sent.headers["content-type"],
    )
    assert sent.headers["user-agent"].startswith("until-done/")
    assert "application/json" == sent.headers["accept"]
    assert "thread" == thread["object"]


def test_a_request_without_body_sends_none(server: LocalServer) -> None:
    """No body, and no word of its type."""
    transport(server.base_url).request("GET", "/assistants")
    assert b"" == server.requests[0].body
    assert "content-type" not in server.requests[0].headers


def test_a_header_that_is_none_is_not_sent(server: LocalServer) -> None:
    """None takes away what would be sent otherwise, the session's own headers too."""
    asking = transport(server.base_url, headers={"X-One": "1", "Accept-Encoding": None})
    asking.request("GET", "/assistants", headers={"X-One": None})
    assert not {"x-one"} & server.requests[0].headers.keys()


def test_a_stream_says_what_it_wants(server: LocalServer) -> None:
    """A request for a stream accepts an event stream, and gives its bytes."""
    url = server.add_recording(b"event: done\ndata: [DONE]\n\n").removeprefix(server.url)
    source = transport(server.url).open("POST", url, body={})
    assert "text/event-stream" == server.requests[0].headers["accept"]
    assert b"event: done\ndata: [DONE]\n\n" == b"".join(source)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_is_not_json_is_misuse(server: LocalServer, value: object) -> None:
    """A value that JSON has no word for is refused before anything is sent."""
    with pytest.raises((TypeError, ValueError)):
        transport(server.base_url).request("POST", "/threads", body={"metadata": value})
    assert [] == server.requests


@pytest.mark.parametrize("timeout", [-1, 0, (1, -1), "soon"])
def test_a_timeout_that_cannot_be_is_misuse(server: LocalServer, timeout: Any) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(ValueError, match="imeout"):
        transport(server.base_url).request("GET", "/assistants", timeout=timeout)
    assert [] == server.requests


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("127.0.0.1:80/v1", "give an address"),
        ("ftp://server/v1", "give an address"),
        ("https:///v1", "give an address"),
        ("https://server/v1?api-version=1", "give an address"),
        ("https://user:secret@server/v1", "set auth on a session"),
    ],
)
def test_an_address_that_cannot_be_is_refused(base_url: str, expected: str) -> None:
    """The error says what to give, and shows no password."""
    with pytest.raises(ValueError, match=expected) as caught:
        transport(base_url)
    assert "secret" not in str(caught.value)


def test_a_slash_at_the_end_of_the_address_does_not_matter(server: LocalServer) -> None:
    """Paths begin with one slash."""
    transport(f"{server.base_url}/").request("GET", "/assistants")
    assert "/v1/assistants" == server.requests[0].path


def test_the_key_is_asked_for_at_each_request(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key may change between requests, and a ~/.netrc does not replace it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    keys = iter(["one", "two"])
    asking = transport(server.base_url, auth=lambda: {"Authorization": f"Bearer {next(keys)}"})
    asking.request("GET", "/assistants")
    asking.request("GET", "/assistants")
    assert ["Bearer one", "Bearer two"] == [x.headers["authorization"] for x in server.requests]


def test_the_callers_own_authorization_stands(server: LocalServer) -> None:
    """What is given with a request counts before the key."""
    asking = transport(server.base_url, auth=lambda: {"Authorization": "Bearer key"})
    asking.request("GET", "/assistants", headers={"authorization": "Basic mine"})
    assert "Basic mine" == server.requests[0].headers["authorization"]


def test_without_a_key_the_session_authenticates(server: LocalServer) -> None:
    """A session's own auth is used where there is no key."""
    session = requests.Session()
    session.auth = ("me", "secret")
    transport(server.base_url, session=session).request("GET", "/assistants")
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_a_session_of_the_caller_stays_as_it_is(server: LocalServer) -> None:
    """It is used with its adapters and headers, gets none of ours, and is not closed."""
    with requests.Session() as session:
        before = dict(session.adapters)
        session.headers["X-Session"] = "1"
        asking = transport(server.base_url, session=session, max_retries=3)
        asking.request("GET", "/assistants")
        asking.close()
        asking.request("GET", "/assistants")
        assert before == dict(session.adapters)
        assert {"1"} == {x.headers["x-session"] for x in server.requests}
        assert 1 == server.connections


def test_closing_closes_a_session_of_its_own() -> None:
    """The pooled connection is closed, which the server sees."""
    closed = threading.Event()

    def act(connection: socket.socket) -> None:
        connection.sendall(reply(200, b"{}"))
        assert b"" == connection.recv(1)
        closed.set()

    with Peer(act) as peer:
        asking = transport(peer.url)
        asking.request("GET", "/")
        asking.close()
        assert closed.wait(PATIENCE)


def test_closing_closes_what_a_reply_refers_to() -> None:
    """A stream that somebody keeps does not keep its connection open."""
    closed = threading.Event()

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(b"one") + b"0\r\n\r\n")
        assert b"" == connection.recv(1)
        closed.set()

    with Peer(act) as peer:
        asking = transport(peer.url)
        source = asking.open("GET", "/")
        assert [b"one"] == list(source)
        source.finish()
        asking.close()
        assert closed.wait(PATIENCE)
        assert source.response.ok


def test_a_hundred_requests_need_one_connection(server: LocalServer) -> None:
    """Answers, errors and finished streams all give their connection back."""
    asking = transport(server.url)
    stream = server.add_recording(b"event: done\ndata: [DONE]\n\n").removeprefix(server.url)
    for _ in range(25):
        asking.request("GET", "/assistants")
        with pytest.raises(errors.NotFoundError):
            asking.request("GET", "/threads/none")
        source = asking.open("GET", stream)
        next(source)
        source.finish()
        with pytest.raises(errors.NotAnEventStreamError):
            asking.open("GET", "/assistants")
    assert 100 == len(server.requests)
    assert 1 == server.connections


# --- Answers that are not what was asked for ----------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "content_type"),
    [
        pytest.param({}, b"data: x\n\n", None, id="no content type"),
        pytest.param({"Content_Type": "application/json"}, b"{}", "application/json", id="JSON"),
        pytest.param({"Content_Type": "text/html; charset=x"}, b"<p>", "text/html; charset=x"),
    ],
)
def test_a_200_that_is_no_event_stream_is_its_own_error(
    headers: dict[str, str], body: bytes, content_type: str | None
) -> None:
    """The error has the content type and the first bytes."""
    with Peer(say(reply(200, body, **headers))) as peer:
        with pytest.raises(errors.NotAnEventStreamError) as caught:
            transport(peer.url).open("POST", "/threads/runs")
        error = caught.value
        expected = (content_type, body, f"{peer.url}/threads/runs")
        assert expected == (error.content_type, error.body, error.url)


def test_the_content_type_is_read_as_http_says() -> None:
    """Parameters, spaces and capitals do not matter."""
    head = OK + b"Content-Type: Text/Event-Stream ;charset=utf-8\r\n"
    with Peer(say(head, b"Content-Length: 3\r\n\r\none")) as peer:
        assert b"one" == b"".join(transport(peer.url).open("GET", "/"))


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b'{"a": NaN}'])
def test_a_body_that_is_not_json_is_a_decode_error(body: bytes) -> None:
    """A 2xx answer that cannot be parsed is quoted with its address."""
    with Peer(say(reply(200, body))) as peer:
        with pytest.raises(errors.DecodeError, match="is not JSON") as caught:
            transport(peer.url).request("GET", "/threads")
        assert f"{peer.url}/threads" in str(caught.value)
        assert body.decode("utf-8", "replace") == caught.value.frame


def test_a_byte_order_mark_before_json_is_dropped() -> None:
    """Some gateways send one."""
    with Peer(say(reply(200, b"\xef\xbb\xbf[1]"))) as peer:
        assert [1] == transport(peer.url).request("GET", "/")


def test_a_status_is_an_error_with_what_the_server_says(server: LocalServer) -> None:
    """Class, code, message, request id, body and address come from the answer."""
    server.fail_next(Fault(status=401))
    with pytest.raises(errors.AuthenticationError) as caught:
        transport(server.base_url).open("POST", "/threads/runs", body={})
    error = caught.value
    assert (401, "invalid_api_key") == (error.status_code, error.code)
    assert error.request_id == error.headers["x-request-id"]
    assert error.message == error.body["error"]["message"]
    assert f"{server.base_url}/threads/runs" == error.url


def test_an_error_whose_body_is_cut_is_still_that_error() -> None:
    """The status says more than the broken connection."""
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n"
    with Peer(say(head, b"<html>half", close=True)) as peer:
        with pytest.raises(errors.PermissionDeniedError) as caught:
            transport(peer.url).request("GET", "/")
        assert "<html>half" == caught.value.body


def test_an_error_without_end_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server can fill the memory with an error."""
    monkeypatch.setattr(http, "ERROR_BODY_BYTES", 1_000)

    def act(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n" + CHUNKED)
        with suppress(OSError):
            while True:
                connection.sendall(chunk(b"x" * 600))

    with Peer(act) as peer:
        with pytest.raises(errors.BadRequestError) as caught:
            transport(peer.url).request("GET", "/")
        assert 1_200 == len(caught.value.body)


# --- Redirects --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_redirect_on_the_same_server_is_followed(status: int, absolute: bool) -> None:
    """Method, body and headers stay, and the query is the redirect's."""
    location = "/v1/threads/?a=1"

    def act(connection: socket.socket) -> None:
        where = f"http://{peer.origin}{location}" if absolute else location
        connection.sendall(reply(status, b"moved", Location=where))

    with Peer(act, say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, auth=lambda: {"Authorization": "Bearer key"})
        assert {} == asking.request("POST", "/threads", query={"a": "1"}, body={"b": 2})
        first, second = peer.requests
        assert b"POST /v1/threads?a=1 HTTP/1.1" == first.partition(b"\r\n")[0]
        assert b"POST /v1/threads/?a=1 HTTP/1.1" == second.partition(b"\r\n")[0]
        assert first.partition(b"\r\n")[2] == second.partition(b"\r\n")[2]
        assert 1 == peer.connections


@pytest.mark.parametrize(
    ("status", "location"),
    [
        pytest.param(307, "http://localhost:1/v1/threads", id="another server"),
        pytest.param(307, "https://{origin}/v1/threads", id="another scheme"),
        pytest.param(301, "/v1/threads/", id="would become a GET"),
        pytest.param(303, "/v1/threads/", id="is a GET"),
        pytest.param(307, None, id="to nowhere"),
    ],
)
def test_every_other_redirect_is_an_error(status: int, location: str | None) -> None:
    """The key goes to no other server, and no POST becomes a GET behind the caller's back."""

    def act(connection: socket.socket) -> None:
        headers = {} if location is None else {"Location": location.format(origin=peer.origin)}
        connection.sendall(reply(status, b"", **headers))

    with Peer(act) as peer:
        with pytest.raises(errors.APIStatusError) as caught:
            transport(peer.url).request("POST", "/threads", body={})
        assert status == caught.value.status_code
        assert 1 == len(peer.requests)


@pytest.mark.parametrize("location", [b"\xff/v1", b"http://[/v1"])
def test_a_redirect_to_an_address_that_cannot_be_is_a_transport_error(location: bytes) -> None:
    """What requests makes of it, a ValueError, does not get out."""
    with (
        Peer(
            say(b"HTTP/1.1 307 X\r\nLocation: ", location, b"\r\nContent-Length: 0\r\n\r\n")
        ) as peer,
        pytest.raises(errors.TransportError, match="the request failed"),
    ):
        transport(peer.url).request("GET", "/")


def test_a_redirect_that_never_ends_is_left() -> None:
    """After five of them the next one is an error."""
    with Peer(*[say(reply(307, b"", Location="/v1/threads"))] * 9) as peer:
        with pytest.raises(errors.APIStatusError):
            transport(peer.url).request("GET", "/threads")
        assert 6 == len(peer.requests)


# --- Connections that fail ----------------------------------------------------------------


def unused_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


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


def test_silence_before_the_answer_is_a_timeout_and_is_not_retried(waits: list[float]) -> None:
    """The server has the request: sending it again would start a second run."""
    with Peer(say(), say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, timeout=(PATIENCE, 0.05), max_retries=2)
        with pytest.raises(errors.StreamTimeoutError, match=r"nothing within 0.05 s") as caught:
            asking.request("POST", "/threads", body={})
        assert 0.05 == caught.value.timeout
        assert (1, []) == (peer.connections, waits)


@pytest.mark.parametrize("one", [0.05, (None, 0.05)])
def test_a_request_may_have_a_timeout_of_its_own(one: http.Timeout) -> None:
    """One number, or a pair in which None is no limit."""
    with Peer(say()) as peer, pytest.raises(errors.StreamTimeoutError):
        transport(peer.url, timeout=None).request("GET", "/", timeout=one)


def test_silence_in_a_json_body_is_a_timeout() -> None:
    """Also where the answer had begun."""
    with (
        Peer(say(JSON, b"Content-Length: 2\r\n\r\n{")) as peer,
        pytest.raises(errors.StreamTimeoutError),
    ):
        transport(peer.url, timeout=0.05).request("GET", "/")


def test_tls_to_a_server_without_it_fails_and_is_not_retried(waits: list[float]) -> None:
    """The error says that it was TLS."""
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


def test_a_proxy_that_is_not_there_is_named() -> None:
    """The session's proxy is used, and its failure is not taken for the server's."""
    session = requests.Session()
    session.proxies = {"http": f"http://127.0.0.1:{unused_port()}"}
    with pytest.raises(errors.TransportError, match="the proxy failed"):
        transport("http://127.0.0.1:1/v1", session=session).request("GET", "/")


def test_a_certificate_store_that_is_not_there_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What requests raises as a bare OSError is mapped too."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")
    with pytest.raises(errors.TransportError, match=r"the request failed: .*ca\.pem"):
        transport("https://127.0.0.1:1/v1").request("GET", "/")


def test_an_exception_of_the_key_function_is_the_callers() -> None:
    """A key that cannot be had is no failure of the connection."""

    def auth() -> dict[str, str]:
        raise FileNotFoundError("no key file")

    with pytest.raises(FileNotFoundError, match="no key file"):
        transport("http://127.0.0.1:1/v1", auth=auth).request("GET", "/")


def test_any_answer_is_bytes_or_an_error_of_ours() -> None:
    """Answers with random damage never let another exception out."""
    chance = random.Random(3)
    whole = SSE + GZIP + CHUNKED + chunk(gzip()(PIECES[0])) + chunk(b"one") + b"0\r\n\r\n"
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


# --- Retries ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_status_that_says_not_now_is_tried_again(
    server: LocalServer, waits: list[float], status: int
) -> None:
    """POST too; the caller sees only the answer that came in the end."""
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
    """Its wait is taken, not ours."""
    server.fail_next(Fault(status=429, headers=headers))
    transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert [expected] == waits


@pytest.mark.parametrize("text", ["soon", "0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_wait_that_is_none_is_ours(server: LocalServer, waits: list[float], text: str) -> None:
    """A header that cannot be read, or says now, does not keep us from waiting."""
    server.fail_next(Fault(status=429, headers={"Retry-After": text}))
    transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert 1 == len(waits)
    assert 0.375 <= waits[0] <= 0.5


@pytest.mark.parametrize("headers", [{"Retry-After": "61"}, {"x-should-retry": "false"}])
def test_the_server_may_forbid_a_retry(
    server: LocalServer, waits: list[float], headers: dict[str, str]
) -> None:
    """Too long a wait, or OpenAI's word for it: the caller decides, and has the wait."""
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
    """Without retries it is told at once."""
    server.fail_next(Fault(refuse=True))
    with pytest.raises(errors.TransportError, match="the request failed"):
        transport(server.base_url).request("GET", "/assistants")
    assert 1 == len(server.requests)


def test_an_answer_that_has_begun_is_not_asked_for_again(
    server: LocalServer, waits: list[float]
) -> None:
    """A run that was cut off goes on at the server; another one would be started."""
    server.fail_next(Fault(cut_after=3))
    with pytest.raises(errors.TransportError):
        transport(server.base_url, max_retries=2).request("GET", "/assistants")
    assert (1, []) == (len(server.requests), waits)


def test_an_adapter_gives_another_session_the_same_retries(
    server: LocalServer, waits: list[float]
) -> None:
    """Who passes a session decides about its retries."""
    session = requests.Session()
    session.mount("http://", retrying_adapter(1))
    server.fail_next(Fault(status=500), Fault(status=500))
    with pytest.raises(errors.InternalServerError):
        transport(server.base_url, session=session).request("GET", "/assistants")
    assert (2, 1) == (len(server.requests), len(waits))


def test_a_negative_number_of_retries_is_refused() -> None:
    """The error says what to give."""
    with pytest.raises(ValueError, match="max_retries is -1"):
        retrying_adapter(-1)


def test_the_version_of_what_is_not_installed_is_unknown() -> None:
    """A source tree that was not installed can be used too."""
    assert "unknown" == http._version("no-such-distribution")
    assert version("requests") == http._version("requests")
