"""A server made by hand on a socket, for things that no well-behaved server does.

Pieces of a frame, broken framings, silence: an act does with a connection what the test needs.
Steps are synchronized by events, never by time.
"""

from __future__ import annotations

import socket
import struct
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TypeAlias

from stream_core.http.transport import Transport

#: The action of a peer on a connection after reading a request.
Act: TypeAlias = Callable[[socket.socket], None]

#: Seconds; no test waits this long unless it fails.
PATIENCE = 10.0

OK = b"HTTP/1.1 200 OK\r\n"
SSE = OK + b"Content-Type: text/event-stream\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
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
    """Read a request, or what came of it before the connection closed."""
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
    """Send PIECES, then close the connection or not."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        if close:
            end(connection)

    return act


def say_until_closed(closed: threading.Event, *pieces: bytes) -> Act:
    """Send PIECES, and set CLOSED once the client has closed the connection."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        assert b"" == connection.recv(1)
        connection.close()
        closed.set()

    return act


def end(connection: socket.socket) -> None:
    """Close both directions, so that the next request comes on another connection."""
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def reset(*pieces: bytes) -> Act:
    """Send PIECES, then break off with a TCP reset."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return act


def chunk(data: bytes) -> bytes:
    """Write one chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def gzip() -> Callable[[bytes], bytes]:
    """Return a function that compresses so that each piece can be read at once."""
    compressor = zlib.compressobj(wbits=31)
    return lambda data: compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write a whole answer; names of headers are given with underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def transport(url: str, **options: Any) -> Transport:
    """Make a transport with default settings for what a test does not care about."""
    settings: dict[str, Any] = {"headers": {}, "auth": dict, "timeout": PATIENCE, **options}
    return Transport(url, **settings)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
