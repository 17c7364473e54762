"""A server in another process that writes HTTP by itself, one stream at a time or many at once.

No framework stands between the clock and the socket: a reply is a fixed head, and each event is
one ``sendall``. The one who measures gives jobs over stdin, one JSON line each, and gets one line
back when a job is done; ``Server`` is that process seen from there.

In lock-step the next event is sent only when the one before was acknowledged by a byte on a
socket pair. An event that is not within ``_PATIENCE`` was held back by a buffer somewhere.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from tests import ROOT
from tests.benchmarks.streams import WIRES, message_stream

__all__ = ["FRAMINGS", "Framing", "Server"]

#: Seconds to wait for an acknowledgement, and for a request.
_PATIENCE: Final = 2.0
_WAIT: Final = 30.0


class Framing(NamedTuple):
    """How a reply travels."""

    chunked: bool
    gzip: bool


FRAMINGS: Final = {
    "chunked": Framing(chunked=True, gzip=False),
    "close": Framing(chunked=False, gzip=False),
    "gzip": Framing(chunked=True, gzip=True),
    "gzip + close": Framing(chunked=False, gzip=True),
}


class Server:
    """The process, seen from the one who measures.

    Attributes:
        address: Where it listens.
        acknowledgements: The socket for lock-step.
    """

    def __init__(self) -> None:
        self.acknowledgements, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.loopback", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        self.address = ("127.0.0.1", int(self.result()["port"]))

    @property
    def base_url(self) -> str:
        """The address as a client takes it."""
        return f"http://{self.address[0]}:{self.address[1]}/v1"

    def start(self, **job: Any) -> None:
        """Give a job; see ``_JOBS``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Return what came of the job.

        Raises:
            EOFError: The process ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("the loopback server ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self.acknowledgements.close()


# --- Inside the process -----------------------------------------------------------------


class _Reply:
    """Writes one reply to SOCK as FRAMING says; ``sent`` is how many bytes so far."""

    def __init__(self, sock: socket.socket, framing: Framing, *, keep: bool = False) -> None:
        self._sock = sock
        self._framing = framing
        self.sent = 0
        self._gzip = zlib.compressobj(wbits=31) if framing.gzip else None
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream"]
        lines += ["Content-Encoding: gzip"] if framing.gzip else []
        lines += ["Transfer-Encoding: chunked"] if framing.chunked else []
        lines += [] if keep else ["Connection: close"] if not framing.chunked else []
        self._head = "\r\n".join([*lines, "", ""]).encode()

    def send(self, data: bytes) -> None:
        """Send DATA, which can be read at once; the head goes with the first."""
        if self._gzip is not None:
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        data = self._head + self._framed(data)
        self._head = b""
        self._sock.sendall(data)
        self.sent += len(data)

    def end(self) -> None:
        """Send the end of the body."""
        data = b"" if self._gzip is None else self._gzip.flush()
        self._sock.sendall(
            (self._framed(data) if data else b"") + (b"0\r\n\r\n" if self._framing.chunked else b"")
        )

    def _framed(self, data: bytes) -> bytes:
        """Put DATA into a chunk."""
        return b"%x\r\n%s\r\n" % (len(data), data) if self._framing.chunked else data


def _request(sock: socket.socket) -> bytes | None:
    """Read a request; return its body, or None at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += sock.recv(65536)
    return body


def _parts(wire: str, deltas: int) -> tuple[bytes, list[bytes], bytes]:
    """Make a stream: what comes before its deltas, these, and what comes after them."""
    frames = list(message_stream(deltas, wire))
    first, last = WIRES[wire].prelude, len(frames) - WIRES[wire].ending
    return b"".join(frames[:first]), frames[first:last], b"".join(frames[last:])


class _Jobs:
    """What the process can be asked to do."""

    def __init__(self, listener: socket.socket, acknowledgements: socket.socket) -> None:
        self._listener = listener
        self._acknowledgements = acknowledgements

    def lockstep(self, wire: str, framing: str, events: int) -> dict[str, Any]:
        """Send EVENTS deltas, each when the one before was acknowledged."""
        held = 0
        for reply, delta in self._deltas(wire, framing, events):
            reply.send(delta)
            held += not self._acknowledged()
        return {"held": held}

    def paced(self, wire: str, framing: str, events: int, gap: float) -> dict[str, Any]:
        """Send EVENTS deltas, GAP seconds apart.

        Returns:
            ``sent``: when each was sent, in nanoseconds; ``ends``: the bytes sent with it.
        """
        sent, ends = [], []
        due = 0.0
        for reply, delta in self._deltas(wire, framing, events):
            due = due + gap if due else time.monotonic() + gap
            time.sleep(max(0.0, due - time.monotonic()))
            sent.append(time.monotonic_ns())
            reply.send(delta)
            ends.append(reply.sent)
        return {"sent": sent, "ends": ends}

    def many(self, wire: str, streams: int, rate: float, seconds: float) -> dict[str, Any]:
        """Serve STREAMS at once, each with RATE deltas a second for SECONDS.

        Returns:
            ``sent``: for each stream, by the number that its assistant or model is called,
            when its deltas were sent.
        """
        events = int(rate * seconds)
        prelude, frames, ending = _parts(wire, events)
        replies: list[tuple[int, _Reply, socket.socket]] = []
        for _ in range(streams):
            sock = self._accepted()
            asked = json.loads(_request(sock) or b"{}")
            reply = _Reply(sock, FRAMINGS["chunked"])
            reply.send(prelude)
            replies.append((int(asked.get("assistant_id") or asked["model"]), reply, sock))
        self._acknowledged()
        sent: list[list[int]] = [[] for _ in range(streams)]
        start = time.monotonic()
        for index in range(events):
            for place, (name, reply, _) in enumerate(replies):
                due = start + (index + place / streams) / rate
                time.sleep(max(0.0, due - time.monotonic()))
                sent[name].append(time.monotonic_ns())
                reply.send(frames[index])
        for _, reply, sock in replies:
            reply.send(ending)
            reply.end()
            sock.close()
        return {"sent": sent}

    def runs(self, wire: str, runs: int) -> dict[str, Any]:
        """Answer RUNS requests, as many on a connection as the client likes."""
        stream = b"".join(message_stream(5, wire))
        connections = answered = 0
        while answered < runs:
            with self._accepted() as sock:
                connections += 1
                while answered < runs and _request(sock) is not None:
                    answered += 1
                    reply = _Reply(sock, FRAMINGS["chunked"], keep=True)
                    reply.send(stream)
                    reply.end()
        return {"connections": connections}

    def _deltas(self, wire: str, framing: str, events: int) -> Iterator[tuple[_Reply, bytes]]:
        """Take a request; give its reply with each delta to send, and send the rest."""
        prelude, frames, ending = _parts(wire, events)
        with self._accepted() as sock:
            _request(sock)
            reply = _Reply(sock, FRAMINGS[framing])
            reply.send(prelude)
            self._acknowledged()
            for frame in frames:
                yield reply, frame
            reply.send(ending)
            reply.end()

    def _accepted(self) -> socket.socket:
        """Take the next connection."""
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_WAIT)
        return sock

    def _acknowledged(self) -> bool:
        """Wait for a byte; return whether it came in time."""
        ready, _, _ = select.select([self._acknowledgements], [], [], _PATIENCE)
        return bool(ready) and bool(self._acknowledgements.recv(1))


def _main() -> None:
    """Do jobs until there are no more."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=512) as listener,
        socket.socket(fileno=int(sys.argv[1])) as acknowledgements,
    ):
        listener.settimeout(_WAIT)
        jobs = _Jobs(listener, acknowledgements)
        _print({"port": listener.getsockname()[1]})
        for line in sys.stdin:
            job = json.loads(line)
            _print(getattr(jobs, job.pop("kind"))(**job))


def _print(answer: dict[str, Any]) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
