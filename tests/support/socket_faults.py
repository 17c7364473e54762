"""What a peer may do on a socket, and what comes of it: the table of docs/reliability.md.

Rules of this file:

- A row says what the peer does, with each request; for each call that it is tried with, how many
  requests come; which error there is, with which facts; and what handlers hear.
- The calls: ``run`` streams a run on a thread (``recover=False``), ``response`` a response,
  ``chat`` a chat completion, ``GET`` asks for a thread. Two repeats are allowed.
- The sentences are cells of a table: no line breaks, no bars.
- ``python -m tests.support.socket_faults`` writes the table of the page.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from attrs import field, frozen

from stream_core import errors
from tests import ROOT
from tests.support import chat_frames, responses_frames
from tests.support.frames import DONE, message, run, sse, text_delta
from tests.support.socket_peer import (
    CHUNKED,
    GZIP,
    JSON,
    OK,
    SSE,
    Act,
    chunk,
    reply,
    reset,
    say,
)

__all__ = ["ROWS", "Row", "Wire", "with_table"]

PAGE = ROOT / "docs" / "reliability.md"

#: Seconds of silence that are allowed, and of an error's body, in the tests of the table.
SILENCE = 0.08


@frozen
class Wire:
    """The parts of a stream of one wire.

    Attributes:
        begun: Its first event.
        text: Events with a text.
        ended: The last status.
        done: What says that nothing more comes.
        failed: The server's own error.
    """

    begun: bytes
    text: bytes
    ended: bytes
    done: bytes
    failed: bytes


_ERROR = {"message": "no more", "type": "server_error", "code": "full"}
_ADDED = responses_frames.added("message", "msg_1", role="assistant", content=[])
_DELTA = responses_frames.event(
    "output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta="Hel"
)

WIRES: Final = {
    "run": Wire(
        begun=sse(run("created")),
        text=sse(message("created"), text_delta("Hel")),
        ended=sse(message("completed"), run("completed")),
        done=sse(DONE),
        failed=sse(("error", _ERROR)),
    ),
    "response": Wire(
        begun=sse(responses_frames.CREATED),
        text=sse(_ADDED, _DELTA),
        ended=sse(responses_frames.COMPLETED),
        done=b"",
        failed=sse(responses_frames.event("error", **_ERROR)),
    ),
    "chat": Wire(
        begun=sse(chat_frames.chunk(role="assistant")),
        text=sse(chat_frames.chunk(content="Hel")),
        ended=sse(chat_frames.stop()),
        done=sse(chat_frames.DONE),
        failed=sse(("", {"error": _ERROR})),
    ),
}


@frozen
class Row:
    """One thing that a peer does.

    Attributes:
        peer: What it does.
        act: How: an act, what makes one for a wire, or None if nobody is there.
        requests: Call -> how many requests come.
        error: The class of the error, or None.
        facts: Attribute -> its value. Of a string, a part that is in it.
        heard: The callbacks about text and end that handlers get; () if there is no stream.
        tls: Whether the address says https.
        proxied: Whether the peer is a proxy.
    """

    peer: str
    act: Act | Callable[[Wire], Act] | None
    requests: Mapping[str, int]
    error: type[errors.StreamError] | None
    facts: Mapping[str, Any] = field(factory=dict)
    heard: tuple[str, ...] = ()
    tls: bool = False
    proxied: bool = False

    def act_for(self, call: str) -> Act | None:
        """Return what the peer does with each request of a call."""
        act: Any = self.act
        made: Act | None = act
        if getattr(act, "__name__", "") == "of_wire":
            made = act(WIRES[call])
        return made


# --- What peers do ----------------------------------------------------------------------


def trickle(before: bytes, piece: bytes, pause: float = 0.01) -> Act:
    """Send BEFORE, and PIECE again and again until the client closes the connection."""

    def act(connection: socket.socket) -> None:
        connection.sendall(before)
        with suppress(OSError):
            while True:
                connection.sendall(piece)
                time.sleep(pause)

    return act


def stream(
    make: Callable[[Wire], bytes],
    then: Callable[[bytes], Act] = lambda data: say(data, close=True),
    *,
    head: bytes = SSE + CHUNKED,
    frame: Callable[[bytes], bytes] = chunk,
) -> Callable[[Wire], Act]:
    """Send a stream of each wire.

    Args:
        make: Its bytes.
        then: What is done with the whole answer.
        head: The head of the answer.
        frame: How the bytes are framed.
    """

    def of_wire(wire: Wire) -> Act:
        return then(head + frame(make(wire)))

    return of_wire


def kept(data: bytes) -> Act:
    """Send DATA, and keep the connection open."""
    return say(data)


def _gzip(data: bytes) -> bytes:
    """Return DATA compressed."""
    compressor = zlib.compressobj(9, wbits=31)
    return compressor.compress(data) + compressor.flush()


#: The head of gzip, and blocks of nothing (RFC 1951, section 3.2.4), of which any number may come.
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
_EMPTY_BLOCKS: Final = b"\x00\x00\x00\xff\xff" * 12_000


def _begun(wire: Wire) -> bytes:
    return wire.begun + wire.text


def _whole(wire: Wire) -> bytes:
    return _begun(wire) + wire.ended + wire.done


def _plain(data: bytes) -> bytes:
    return data


def _last(data: bytes) -> bytes:
    """Frame DATA as all chunks there are."""
    return chunk(data) + b"0\r\n\r\n"


# --- How often a request comes ----------------------------------------------------------

#: It is sent once, whatever it is.
ONCE: Final = {"run": 1, "response": 1, "chat": 1, "GET": 1}
STREAMS: Final = {"run": 1, "response": 1, "chat": 1}
RUN: Final = {"run": 1}
GET: Final = {"GET": 1}
#: Sent again unless it changes a thread.
LOST: Final = {"run": 1, "response": 3, "chat": 3, "GET": 3}
#: Sent again if it changes nothing.
SILENT: Final = {"run": 1, "response": 1, "GET": 3}
#: The server says that it did nothing.
NOTHING_DONE: Final = {"run": 3, "response": 3, "chat": 3, "GET": 3}
#: Nobody sees a request.
NOBODY: Final = {"run": 0, "chat": 0, "GET": 0}

#: What handlers hear of streams that began.
FAILED: Final = ("on_text_delta", "on_exception", "on_end")
FAILED_EARLY: Final = ("on_exception", "on_end")
LATE: Final = ("on_text_delta", "on_timeout", "on_exception", "on_end")
GOOD: Final = ("on_text_delta", "on_run_done", "on_done", "on_end")

_CONNECTING: Final = {"stage": "connecting", "sent": False}
_WAITING: Final = {"stage": "waiting", "sent": True}
_READING: Final = {"stage": "reading", "sent": True}

_LOSS, _LATE = errors.TransportError, errors.StreamTimeoutError
_NOT_EVENTS, _BAD = errors.NotAnEventStreamError, errors.DecodeError
_CUT, _UNKNOWN = errors.IncompleteStreamError, errors.UnknownWireError
_HTML = b"<html><title>Log in</title>"
_OPAQUE = {"Content_Type": "text/event-stream"}


def _lost(peer: str, act: Act) -> Row:
    """Return the row of a connection that breaks before the answer's body."""
    return Row(peer, act, LOST, _LOSS, _WAITING)


def _silent(peer: str, act: Act) -> Row:
    """Return the row of a head that is not complete in time."""
    return Row(peer, act, SILENT, _LATE, {**_WAITING, "timeout": SILENCE})


def _broken(peer: str, act: Callable[[Wire], Act]) -> Row:
    """Return the row of a stream whose connection breaks after a text."""
    return Row(peer, act, STREAMS, _LOSS, _READING, FAILED)


def _broken_early(peer: str, act: Act) -> Row:
    """Return the row of a stream whose connection breaks before its first event."""
    return Row(peer, act, STREAMS, _LOSS, _READING, FAILED_EARLY)


def _broken_answer(peer: str, act: Act) -> Row:
    """Return the row of an answer whose connection breaks within the body."""
    return Row(peer, act, GET, _LOSS, _READING)


def _cut(peer: str, act: Callable[[Wire], Act]) -> Row:
    """Return the row of a stream that ends before its run."""
    return Row(peer, act, STREAMS, _CUT, {}, FAILED)


def _good(peer: str, act: Callable[[Wire], Act]) -> Row:
    """Return the row of a stream with which all is well."""
    return Row(peer, act, STREAMS, None, {}, GOOD)


def _status(code: int, body: str, data: bytes, **headers: str) -> Row:
    """Return the row of a status."""
    again: Mapping[str, int] = ONCE
    if code in (408, 429):
        again = NOTHING_DONE
    elif code == 409:  # a status
        again = {**ONCE, "GET": 3}
    elif code >= 500:  # the class of statuses
        again = LOST
    if body != "JSON":
        again = {name: again[name] for name in ("run", "GET")}
    other = errors.APIStatusError if code < 500 else errors.InternalServerError
    classes: dict[int, type[errors.StreamError]] = {
        400: errors.BadRequestError,
        401: errors.AuthenticationError,
        403: errors.PermissionDeniedError,
        404: errors.NotFoundError,
        409: errors.ConflictError,
        422: errors.UnprocessableEntityError,
        429: errors.RateLimitError,
    }
    message = {"JSON": "no more", "HTML": "<html>", "no body": "X"}[body]
    facts = {"status_code": code, "message": message}
    if body == "JSON":
        facts["code"] = "full"
    return Row(
        f"{code} with {body}",
        say(reply(code, data, **headers)),
        again,
        classes.get(code, other),
        facts,
    )


_JSON_ERROR: Final = json.dumps({"error": _ERROR}).encode()
_STATUSES: Final = (400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529)

ROWS: Final[dict[str, tuple[Row, ...]]] = {
    "Before the request": (
        Row("nobody listens", None, NOBODY, _LOSS, {**_CONNECTING, "message": "cannot connect"}),
        Row(
            "the proxy does not listen",
            None,
            {"GET": 0},
            _LOSS,
            {"message": "the proxy failed"},
            proxied=True,
        ),
        Row(
            "silence instead of TLS",
            kept(b""),
            {"run": 0, "GET": 0},
            _LATE,
            {"stage": "TLS", "sent": False, "timeout": SILENCE},
            tls=True,
        ),
        _lost("TLS instead of plain HTTP", say(b"\x15\x03\x01\x00\x02\x02\x46", close=True)),
    ),
    "Before the answer's body": (
        _lost("closed at once", say(close=True)),
        _lost("reset at once", reset()),
        _silent("silence", kept(b"")),
        _silent("silence within the status line", kept(b"HTTP/1.1 2")),
        _silent("silence within the headers", kept(SSE)),
        _lost("closed within the status line", say(b"HTTP/1.1 2", close=True)),
        _lost("closed after the status line", say(OK, close=True)),
        _lost("closed within a header", say(SSE + b"X-Re", close=True)),
        _lost("closed between two headers", say(SSE, close=True)),
        _lost("reset within the headers", reset(SSE)),
        _silent("the status line byte by byte, without an end", trickle(b"HTTP/1.1 200 ", b"O")),
        _silent("a header byte by byte, without an end", trickle(SSE + b"X-Long: ", b"x")),
        _silent("100 Continue for ever", trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
        _silent("103 Early Hints for ever", trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")),
        _lost("103 Early Hints, then closed", say(b"HTTP/1.1 103 Early Hints\r\n\r\n", close=True)),
        _lost("HTTP/0.9: a body without a head", say(b"<html>hello\r\n\r\n", close=True)),
        _lost("a status that is not a number", say(b"HTTP/1.1 abc\r\n\r\n", close=True)),
        _lost(
            "a header of 70,000 bytes", say(OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n", close=True)
        ),
        _lost("a thousand headers", say(OK + b"X: y\r\n" * 1000 + b"\r\n", close=True)),
    ),
    "Statuses": (
        *(_status(code, "JSON", _JSON_ERROR) for code in _STATUSES),
        *(_status(code, "HTML", b"<html>", Content_Type="text/html") for code in (400, 404, 502)),
        *(_status(code, "no body", b"") for code in (401, 429, 503)),
        Row(
            "409 with `x-should-retry: true`",
            say(reply(409, x_should_retry="true")),
            NOTHING_DONE,
            errors.ConflictError,
            {"status_code": 409},
        ),
        Row(
            "429 with `Retry-After: 61`",
            say(reply(429, Retry_After="61")),
            ONCE,
            errors.RateLimitError,
            {"retry_after": 61.0},
        ),
        Row(
            "429 with `Retry-After: 1_0`",
            say(reply(429, Retry_After="1_0")),
            {"run": 3},
            errors.RateLimitError,
            {"retry_after": None},
        ),
        Row(
            "429 with `retry-after-ms: 1.5`",
            say(reply(429, retry_after_ms="1.5")),
            {"run": 3},
            errors.RateLimitError,
            {"retry_after": 0.0015},
        ),
        Row(
            "429 with `x-should-retry: false`",
            say(reply(429, x_should_retry="false")),
            ONCE,
            errors.RateLimitError,
            {"status_code": 429},
        ),
        Row(
            "500 with `x-should-retry: false`",
            say(reply(500, x_should_retry="false")),
            ONCE,
            errors.InternalServerError,
            {"status_code": 500},
        ),
        Row(
            "500 whose body never ends",
            trickle(b"HTTP/1.1 500 No\r\n" + CHUNKED, chunk(b"x")),
            {"run": 1, "GET": 3},
            errors.InternalServerError,
            {"message": "x"},
        ),
        Row(
            "400 whose body is silent",
            kept(b"HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n<htm"),
            RUN,
            errors.BadRequestError,
            {"message": "<htm"},
        ),
        Row(
            "400 whose body is cut",
            say(b"HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n<htm", close=True),
            RUN,
            errors.BadRequestError,
            {"message": "<htm"},
        ),
        Row(
            "400 with 3 MB",
            say(reply(400, b"x" * 3_000_000)),
            RUN,
            errors.BadRequestError,
            {"message": "xxx"},
        ),
        Row(
            "400 whose gzip is none",
            say(reply(400, b"<html>", Content_Encoding="gzip")),
            RUN,
            errors.BadRequestError,
            {"message": "X"},
        ),
        Row("204", say(b"HTTP/1.1 204 No Content\r\n\r\n"), RUN, _NOT_EVENTS, {"body": b""}),
        Row(
            "101 Switching Protocols",
            say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", close=True),
            RUN,
            errors.APIStatusError,
            {"status_code": 101},
        ),
        Row(
            "a redirect to another server",
            say(reply(307, Location="http://localhost:1/v1/x?key=secret")),
            ONCE,
            errors.APIStatusError,
            {"status_code": 307, "message": "redirected to http://localhost:1/v1/x;"},
        ),
        Row(
            "a redirect that turns a POST into a GET",
            say(reply(302, Location="/v1/x")),
            RUN,
            errors.APIStatusError,
            {"status_code": 302},
        ),
        Row(
            "a redirect to nowhere",
            say(reply(307)),
            RUN,
            errors.APIStatusError,
            {"status_code": 307},
        ),
        Row(
            "a redirect to what is no address",
            say(reply(307, Location="http://[/")),
            RUN,
            _LOSS,
            {"sent": True},
        ),
        Row(
            "a redirect to itself, for ever",
            say(reply(307, Location="/v1/x")),
            {"run": 6, "GET": 6},
            errors.APIStatusError,
            {"status_code": 307},
        ),
        Row(
            "a proxy that wants a password",
            say(reply(407, b"<html>")),
            RUN,
            errors.APIStatusError,
            {"status_code": 407},
            proxied=True,
        ),
    ),
    "A 200 that is something else": (
        Row(
            "JSON",
            say(reply(200, b'{"id": 1}', Content_Type="application/json")),
            STREAMS,
            _NOT_EVENTS,
            {"body": b'{"id": 1}', "content_type": "application/json"},
        ),
        Row(
            "HTML",
            say(reply(200, _HTML, Content_Type="text/html")),
            STREAMS,
            _NOT_EVENTS,
            {"body": _HTML},
        ),
        Row(
            "HTML in two pieces, without an end",
            trickle(OK + b"Content-Type: text/html\r\n" + CHUNKED + chunk(b"<"), chunk(b"html>")),
            RUN,
            _NOT_EVENTS,
            {"content_type": "text/html"},
        ),
        Row(
            "nothing, without a content type",
            say(reply(200)),
            RUN,
            _NOT_EVENTS,
            {"content_type": None, "body": b""},
        ),
        Row(
            "HTML as `text/plain`",
            say(reply(200, _HTML, Content_Type="text/plain")),
            RUN,
            _NOT_EVENTS,
            {"body": _HTML},
        ),
        Row(
            "silence as `text/plain`",
            kept(OK + b"Content-Type: text/plain\r\n" + CHUNKED),
            RUN,
            _LATE,
            _READING,
        ),
        Row(
            "an encoding that nobody asked for",
            say(reply(200, b"\x8b\x02", Content_Encoding="zebra", **_OPAQUE)),
            RUN,
            _NOT_EVENTS,
            {"encoding": "zebra"},
        ),
        Row(
            "HTML as an event stream",
            say(reply(200, _HTML, **_OPAQUE)),
            STREAMS,
            _UNKNOWN,
            {"begins": "<html>"},
            FAILED_EARLY,
        ),
        Row(
            "nothing as an event stream",
            say(reply(200, b"", **_OPAQUE)),
            STREAMS,
            _CUT,
            {"last_event": None},
            FAILED_EARLY,
        ),
        Row(
            "comments only",
            say(reply(200, b": hello\n\n" * 9, **_OPAQUE)),
            STREAMS,
            _CUT,
            {"last_event": None},
            FAILED_EARLY,
        ),
        Row(
            "a stream of another wire",
            say(reply(200, b'data: {"x": 1}\n\ndata: [DONE]\n\n', **_OPAQUE)),
            RUN,
            _UNKNOWN,
            {},
            FAILED_EARLY,
        ),
    ),
    "Within a stream": (
        _good(
            "all is well, without a content type", stream(_whole, head=OK + CHUNKED, frame=_last)
        ),
        _good(
            "all is well after 102 and 103",
            stream(
                _whole,
                head=b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" + SSE + CHUNKED,
                frame=_last,
            ),
        ),
        _good("all is well, and the last chunk is missing", stream(_whole)),
        _good(
            "trailers after the last chunk",
            stream(_whole, frame=lambda x: chunk(x) + b"0\r\nX-Trailer: y\r\n\r\n"),
        ),
        _good(
            "gzip, in one piece",
            stream(_whole, head=SSE + GZIP + CHUNKED, frame=lambda x: _last(_gzip(x))),
        ),
        _broken_early("closed before the first event", say(SSE + CHUNKED, close=True)),
        _broken_early("reset before the first event", reset(SSE + CHUNKED)),
        Row(
            "silence before the first event",
            kept(SSE + CHUNKED),
            STREAMS,
            _LATE,
            {**_READING, "timeout": SILENCE},
            ("on_timeout", "on_exception", "on_end"),
        ),
        _broken("closed between two events", stream(_begun)),
        _broken("reset between two events", stream(_begun, reset)),
        Row(
            "silence between two events",
            stream(_begun, kept),
            STREAMS,
            _LATE,
            {**_READING, "timeout": SILENCE},
            LATE,
        ),
        _broken("closed within a frame", stream(lambda x: _begun(x) + x.ended[:9])),
        _cut(
            "closed without a length, within a frame",
            stream(lambda x: _begun(x) + x.ended[:9], head=SSE + b"\r\n", frame=_plain),
        ),
        _cut("the last chunk, and the run goes on", stream(_begun, frame=_last)),
        _good(
            "the last chunk after the last status, without `done`",
            stream(lambda x: _begun(x) + x.ended, frame=_last),
        ),
        Row(
            "closed after the last status, which is no `done`",
            stream(lambda x: _begun(x) + x.ended),
            RUN,
            _LOSS,
            _READING,
            ("on_text_delta", "on_run_done", "on_exception", "on_end"),
        ),
        Row(
            "closed within `done`",
            stream(lambda x: _begun(x) + x.ended + x.done[:9]),
            RUN,
            _LOSS,
            _READING,
            ("on_text_delta", "on_run_done", "on_exception", "on_end"),
        ),
        _good("silence after `done`", stream(_whole, kept)),
        _broken(
            "a length that is too long",
            stream(_begun, head=SSE + b"Content-Length: 99999\r\n\r\n", frame=_plain),
        ),
        Row(
            "a length that is too short",
            stream(_whole, head=SSE + b"Content-Length: 30\r\n\r\n", frame=_plain),
            STREAMS,
            _CUT,
            {},
            FAILED_EARLY,
        ),
        _broken("a chunk size that is none", stream(_begun, frame=lambda x: chunk(x) + b"zz\r\n")),
        _broken("closed within a chunk size", stream(_begun, frame=lambda x: chunk(x) + b"1")),
        _broken(
            "closed within a chunk", stream(_begun, frame=lambda x: chunk(x) + b"99\r\ndata: ")
        ),
        Row(
            "a chunk without its line end",
            stream(_begun, frame=lambda x: b"%x\r\n%bXX5\r\n" % (len(x), x)),
            RUN,
            _LOSS,
            _READING,
            FAILED,
        ),
        Row(
            "gzip that is cut",
            stream(_whole, head=SSE + GZIP + CHUNKED, frame=lambda x: _last(_gzip(x)[:-20])),
            RUN,
            _CUT,
            {},
            FAILED,
        ),
        Row(
            "gzip that is corrupt",
            stream(
                _whole,
                head=SSE + GZIP + CHUNKED,
                frame=lambda x: _last(_gzip(x)[:10] + b"\xff" * 40),
            ),
            STREAMS,
            _LOSS,
            {**_READING, "message": "decompressed"},
            FAILED_EARLY,
        ),
        Row(
            "plain text that is called gzip",
            stream(_whole, head=SSE + GZIP + CHUNKED, frame=_last),
            STREAMS,
            _LOSS,
            {**_READING, "message": "decompressed"},
            FAILED_EARLY,
        ),
        Row(
            "a frame that is not JSON",
            stream(lambda x: _begun(x) + b"data: {\n\n", frame=_last),
            {"response": 1, "chat": 1},
            _BAD,
            {},
            FAILED,
        ),
        Row(
            "the server's own error",
            stream(lambda x: _begun(x) + x.failed, frame=_last),
            STREAMS,
            errors.ServerError,
            {},
            ("on_text_delta", "on_error", "on_exception", "on_end"),
        ),
        Row(
            "a frame without an end",
            stream(_begun, lambda x: trickle(x + b"5\r\ndata:\r\n", chunk(b"x" * 40_000), 0)),
            RUN,
            errors.FrameTooLargeError,
            {"limit": 200_000},
            FAILED,
        ),
    ),
    "Within an answer": (
        Row("HTML", say(reply(200, _HTML)), GET, _BAD, {"frame": "<html>"}),
        Row("nothing", say(reply(200)), GET, _BAD, {"message": "is not JSON"}),
        Row("JSON that is cut", say(reply(200, b'{"id": ')), GET, _BAD, {"message": "is not JSON"}),
        Row("JSON of another form", say(reply(200, b"[1]")), GET, _BAD, {}),
        _broken_answer(
            "closed within the body", say(JSON + b"Content-Length: 99\r\n\r\n{", close=True)
        ),
        _broken_answer("reset within the body", reset(JSON + CHUNKED + chunk(b"{"))),
        Row(
            "silence within the body",
            kept(JSON + CHUNKED + chunk(b"{")),
            GET,
            _LATE,
            {**_READING, "timeout": SILENCE},
        ),
        Row(
            "blanks without an end",
            trickle(JSON + CHUNKED, chunk(b" ")),
            GET,
            _LATE,
            {**_READING, "timeout": SILENCE},
        ),
        Row(
            "more than is allowed",
            trickle(JSON + CHUNKED, chunk(b" " * 60_000), 0),
            GET,
            _BAD,
            {"message": "larger than 200000 bytes"},
        ),
        Row(
            "gzip of far more than is allowed",
            say(reply(200, _gzip(bytes(4_000_000)), Content_Encoding="gzip")),
            GET,
            _BAD,
            {"message": "larger than 200000 bytes"},
        ),
        Row(
            "gzip that becomes nothing, without an end",
            trickle(JSON + GZIP + CHUNKED + chunk(_GZIP_HEAD), chunk(_EMPTY_BLOCKS), 0),
            GET,
            _BAD,
            {"message": "larger than 200000 bytes"},
        ),
        _broken_answer(
            "gzip that is corrupt", say(reply(200, b"\x1f\x8bxx", Content_Encoding="gzip"))
        ),
    ),
}


# --- The page ---------------------------------------------------------------------------


def _fact(name: str, value: Any) -> str:
    """Return a fact as the page shows it."""
    return f"`{name}={value!r}`" if len(repr(value)) < 40 else f"`{name}`"


def as_table(rows: Iterable[Row]) -> str:
    """Return ROWS as a Markdown table."""
    out = "| the peer | requests | error | its facts | handlers hear |\n"
    out += "| --- | --- | --- | --- | --- |\n"
    for row in rows:
        requests = ", ".join(f"{call} {number}" for call, number in row.requests.items())
        error = f"`{row.error.__name__}`" if row.error else "none"
        facts = ", ".join(_fact(*fact) for fact in row.facts.items())
        heard = ", ".join(f"`{name}`" for name in row.heard)
        out += f"| {row.peer} | {requests} | {error} | {facts} | {heard} |\n"
    return out


def with_table(page: str) -> str:
    """Return PAGE with the table printed from ``ROWS``."""
    parts = [f"**{name}**\n\n{as_table(rows)}" for name, rows in ROWS.items()]
    table = "\n" + "\n".join(parts) + "\n"
    marks = r"(?s)(?<=<!-- faults:start -->\n).*?(?=<!-- faults:end -->)"
    page, count = re.subn(marks, lambda _: table, page)
    assert 1 == count, f"the page has {count} places for the table"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
