"""Response bodies: every framing, every way to break it, and every way to stop."""

from __future__ import annotations

import queue
import socket
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
import requests

from stream_core import errors
from stream_core.http import response_source
from stream_core.http.response_source import ResponseSource, start_of
from tests.support.socket_peer import (
    CHUNKED,
    GZIP,
    PATIENCE,
    SSE,
    Act,
    Peer,
    chunk,
    end,
    gzip,
    reply,
    reset,
    say,
    say_until_closed,
    transport,
)

# --- Reading ----------------------------------------------------------------------------

PIECES = [b"event: thread.cre", b"ated\ndata: {}\n\n", b"event: done\nda", b"ta: [DONE]\n\n"]


def plain(data: bytes) -> bytes:
    """Leave DATA as it is."""
    return data


def in_one_chunk() -> Callable[[bytes], bytes]:
    """Announce one chunk for all pieces, and let them trickle into it."""
    announced = iter([b"%x\r\n" % sum(map(len, PIECES))])
    return lambda data: next(announced, b"") + data


def compressed_chunks() -> Callable[[bytes], bytes]:
    """Compress, then chunk."""
    compress = gzip()
    return lambda data: chunk(compress(data))


LENGTH = b"Content-Length: %d\r\n\r\n" % sum(map(len, PIECES))
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
            # One read returns at most one piece: there is no more on the connection.
            pieces.append(next(source))
            if b"".join(pieces) in (b"".join(PIECES[: n + 1]) for n in range(len(PIECES))):
                was_read.put(None)
        source.close()


def test_the_body_of_every_framing_ends() -> None:
    """At the end of the body the iteration ends, and the connection can be used again."""
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
            say(SSE, CHUNKED, b"three\r\n", close=True),
            "before the end",
            id="not a size",
        ),
        pytest.param(
            say(SSE, CHUNKED, b"-3\r\none\r\n", close=True), "before the end", id="a negative size"
        ),
        pytest.param(
            say(SSE, b"Content-Length: 9\r\n\r\nhalf", close=True), "before the end", id="length"
        ),
        pytest.param(reset(SSE, CHUNKED, chunk(b"one")), "before the end", id="reset"),
        pytest.param(
            say(SSE, GZIP, CLOSE, b"no gzip", close=True), "encoding: gzip", id="broken gzip"
        ),
    ],
)
def test_a_broken_body_is_a_transport_error(act: Act, expected: str) -> None:
    """The error says what happened, has the address, and the library's error as its cause."""
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
    """Nothing that arrived before the error is lost."""
    with Peer(say(SSE, CHUNKED, chunk(b"one"), chunk(b"two"), b"20\r\nthr", close=True)) as peer:
        source = transport(peer.url).open("GET", "/")
        assert [b"one", b"two", b"thr"] == [next(source), next(source), next(source)]
        with pytest.raises(errors.TransportError):
            next(source)


def test_a_cut_without_length_or_chunks_is_an_end() -> None:
    """Such a reply ends by closing; only its content can show whether it was complete."""
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
    """A request sent by hand has the same reading and the same errors."""
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
    act = say_until_closed(closed, SSE, CHUNKED, chunk(b"one"))
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
    monkeypatch.setattr(response_source, "FINISH_SECONDS", 0.05)
    closed = threading.Event()
    act = say_until_closed(closed, SSE, CHUNKED, chunk(b"one"))
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
    """If the end cannot be reached, finishing is the same as closing."""
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
    """The connection may be serving another request by now."""
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
    """A connection that ends with the answer cannot be limited."""
    with Peer(say(SSE, CLOSE, b"one")) as peer:
        source = transport(peer.url).open("GET", "/")
        assert b"one" == next(source)
        source.limit_silence(0.05)
        assert [] == list(source)


def test_silence_that_need_not_be_limited_is_left_to_the_connection() -> None:
    """One that ends with the answer is read to its end; a shorter limit stays as it is."""
    with Peer(say(SSE, CLOSE, b"one", b"two", close=True)) as peer:
        source = transport(peer.url).open("GET", "/")
        source.limit_silence(0.05, must=False)
        assert b"onetwo" == b"".join(source)
    with Peer(say(SSE, CHUNKED, chunk(b"one"))) as peer:
        source = transport(peer.url, timeout=(5, 0.05)).open("GET", "/")
        assert b"one" == next(source)
        source.limit_silence(50, must=False)
        with pytest.raises(errors.StreamTimeoutError) as caught:
            next(source)
        assert 0.05 == caught.value.timeout


# --- The start --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([chunk(b"one"), chunk(b"two"), chunk(b"three")], b"onetwo", id="enough"),
        pytest.param([chunk(b"one"), b"0\r\n\r\n"], b"one", id="all there is"),
        pytest.param([chunk(b"one"), b"9\r\ntw"], b"onetw", id="cut"),
    ],
)
def test_the_start_of_a_body_is_as_much_as_is_wanted(pieces: list[bytes], expected: bytes) -> None:
    """Whole pieces are read up to there, or fewer if the body ends or breaks; then it is closed."""
    with Peer(say(SSE, CHUNKED, *pieces, close=True)) as peer:
        source = transport(peer.url).open("GET", "/")
        assert expected == start_of(source, 4)
        assert [] == list(source)
