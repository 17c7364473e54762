"""A server on loopback that answers each request with the next of a list of answers.

Rules of this file: it knows no wire. Requests are kept for tests to examine; a request for
which no answer is left gets a 500 with that message.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen

from stream_core import Client
from tests.support.frames import sse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.frames import Frame

__all__ = ["Answer", "Asked", "Script", "ScriptedServer", "frames", "json_answer", "running"]


@frozen
class Answer:
    """An answer to a request.

    Attributes:
        body: The whole body.
        status: The HTTP status.
        content_type: The content type that it states.
        cut: Whether the connection breaks after BODY, before the end of the answer.
        held: Whether nothing more comes after BODY, not even the end, while the server runs.
    """

    body: bytes
    status: int = 200
    content_type: str = "text/event-stream"
    cut: bool = False
    held: bool = False


def frames(*sent: Frame, cut: bool = False, held: bool = False) -> Answer:
    """Return an answer that is a stream of frames."""
    return Answer(sse(*sent), cut=cut, held=held)


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return an answer that is a JSON value."""
    return Answer(json.dumps(value).encode(), status, "application/json")


@frozen
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


#: An answer, or what makes one of the request.
Script: TypeAlias = "Answer | Callable[[Asked], Answer]"


@define
class ScriptedServer:
    """The server that :func:`running` runs.

    Attributes:
        base_url: Its address.
        answers: The answers that are left; a function is called with the request.
        asked: Every request so far.
        closing: Set when the server closes.
        client: A client for it, without retries; it is closed with the server.
    """

    base_url: str
    answers: list[Script]
    asked: list[Asked] = field(factory=list)
    closing: Event = field(factory=Event)
    client: Client = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.client = Client("key", self.base_url, max_retries=0)

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests."""
        return [one.body for one in self.asked]

    @property
    def calls(self) -> list[str]:
        """The method and path of all requests."""
        return [f"{one.method} {one.path}" for one in self.asked]


@contextmanager
def running(*answers: Script) -> Iterator[ScriptedServer]:
    """Run a server that gives ANSWERS, one for each request; a function makes one of it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            address = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(
                Asked(self.command, address.path, parse_qs(address.query), headers, body)
            )
            missing = json_answer({"error": {"message": f"nothing for {self.path}"}}, 500)
            answer = server.answers.pop(0) if server.answers else missing
            answer = answer(server.asked[-1]) if callable(answer) else answer
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            more = 1 if answer.cut or answer.held else 0
            self.send_header("Content-Length", str(len(answer.body) + more))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answer.body)
                self.wfile.flush()
            if answer.held:
                server.closing.wait(10)
            self.close_connection = bool(more)

        do_GET = do_POST = _reply  # noqa: N815  # http.server calls these names

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server = ScriptedServer(f"http://127.0.0.1:{http.server_address[1]}", list(answers))
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.client.close()
            server.closing.set()
            http.shutdown()
            thread.join()
