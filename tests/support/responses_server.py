"""A Responses server on loopback that keeps state as real ones do, for tests of threads.

Rules of this file:

- The model reads the whole conversation, wherever it comes from: a conversation, the previous
  response, or the input alone. ``seen`` holds it, so that a test can check that all back ends of
  threads give the same.
- It refuses what OpenAI's server refuses: calls without outputs, outputs without calls, missing
  responses and conversations; with ``keeps=False`` every ``previous_response_id``.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen

from stream_core import Client
from tests.support.frames import sse
from tests.support.responses_frames import event, response
from tests.support.scripted_server import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core import models
    from stream_core.client.responses import ResponseStream
    from tests.support.frames import Frame

__all__ = [
    "BACK_ENDS",
    "RefusalError",
    "Reply",
    "ResponsesServer",
    "Talk",
    "call",
    "echo",
    "message",
    "serving",
    "spoken",
    "talking",
    "texts_of",
]

#: Every back end of threads, and whether the server keeps responses for it.
BACK_ENDS = (
    ("previous_response_id", True),
    ("previous_response_id", False),
    ("conversation", True),
    ("replay", True),
    ("replay", False),
)

Item = dict[str, Any]


@frozen
class Reply:
    """One reply of the model.

    Attributes:
        items: The items of its output.
        status: How the response ends; None means that the bytes end before it does.
        fields: Further fields of the response.
    """

    items: list[Item]
    status: str | None = "completed"
    fields: dict[str, Any] = field(factory=dict)


class RefusalError(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


# --- A model's output -----------------------------------------------------------------------


def message(text: str) -> Item:
    """Return a message; the server gives it an id."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "role": "assistant", "status": "completed", "content": [part]}


def call(name: str, arguments: Any, call_id: str = "call_1") -> Item:
    """Return a call of a function."""
    text = json.dumps(arguments)
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": text}


def texts_of(item: Item) -> str:
    """Return the text of an item, whatever its role and spelling."""
    content: Any = item.get("content", item.get("output", item.get("arguments", "")))
    if isinstance(content, str):
        return content
    return "".join(part.get("text", f"<{part['type']}>") for part in content)


def spoken(items: list[Item]) -> list[str]:
    """Return the texts, item by item."""
    return [texts_of(item) for item in items]


def echo(seen: list[Item]) -> Reply:
    """Answer with the number of texts so far, and the last one."""
    last = texts_of(seen[-1]) if seen else "nothing"
    return Reply([message(f"{len(seen)}: {last}")])


# --- The server -----------------------------------------------------------------------------


@define
class ResponsesServer:
    """The server that :func:`serving` runs.

    Attributes:
        answer: The model: a function of the conversation so far.
        keeps: Whether it keeps responses.
        base_url: Its address.
        asked: Every request so far.
        seen: The conversations that the model read, in order.
        responses: Maps the id of a response to the conversation up to it.
        conversations: The conversations, by id.
        refuse_next: A refusal for the next request for a response.
        below: The prefix of its paths.
    """

    answer: Callable[[list[Item]], Reply]
    keeps: bool
    base_url: str = ""
    asked: list[Asked] = field(factory=list)
    seen: list[list[Item]] = field(factory=list)
    responses: dict[str, list[Item]] = field(factory=dict)
    conversations: dict[str, list[Item]] = field(factory=dict)
    refuse_next: RefusalError | None = None
    below: str = ""

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests for responses."""
        return [one.body for one in self.asked if one.path.endswith("/responses")]

    @property
    def calls(self) -> list[str]:
        """The method and path of all requests."""
        return [f"{one.method} {one.path}" for one in self.asked]

    def reply(self, asked: Asked) -> tuple[str, bytes]:
        """Answer a request; return the content type and the body."""
        self.asked.append(asked)
        path = asked.path.removeprefix(self.below)
        kind, _, rest = path.strip("/").partition("/")
        if kind == "responses" and asked.method == "POST":
            return "text/event-stream", self._respond(asked.body)
        if kind != "conversations":
            raise RefusalError(404, f"nothing at {asked.path}")
        if not rest:
            rest = f"conv_{len(self.conversations) + 1}"
            self.conversations[rest] = []
        if rest not in self.conversations:
            raise RefusalError(404, f"Conversation with id '{rest}' not found.")
        if asked.method == "DELETE":
            del self.conversations[rest]
        answer = {"id": rest, "object": "conversation", **(asked.body or {})}
        return "application/json", json.dumps(answer).encode()

    def _respond(self, body: Any) -> bytes:
        """Answer with a stream."""
        if self.refuse_next is not None:
            refusal, self.refuse_next = self.refuse_next, None
            raise refusal
        given = body["input"]
        if isinstance(given, str):
            given = [{"type": "message", "role": "user", "content": given}]
        past = self._past(body)
        seen = [*past, *given]
        _check(seen)
        self.seen.append(seen)
        reply = self.answer(seen)
        number = len(self.seen)
        items = [
            {"id": f"{item['type'].split('_')[0]}_{number}_{place}", **item}
            for place, item in enumerate(reply.items)
        ]
        if reply.status in ("completed", "incomplete"):
            if self.keeps and body.get("store") is not False:
                self.responses[f"resp_{number}"] = [*seen, *items]
            if body.get("conversation"):
                past += [*given, *items]
        return sse(*_frames(f"resp_{number}", items, reply, body))

    def _past(self, body: Any) -> list[Item]:
        """Return the conversation before this request."""
        conversation, last = body.get("conversation"), body.get("previous_response_id")
        if conversation is not None:
            if conversation not in self.conversations:
                raise RefusalError(404, f"Conversation with id '{conversation}' not found.")
            return self.conversations[conversation]
        if last is None:
            return []
        if not self.keeps:
            raise RefusalError(400, "no support for previous_response_id here")
        if last not in self.responses:
            code = "previous_response_not_found"
            raise RefusalError(400, f"Previous response with id '{last}' not found.", code)
        return self.responses[last]


def _check(seen: list[Item]) -> None:
    """Refuse calls without outputs, and outputs without calls."""
    calls = {x["call_id"] for x in seen if x["type"] in ("function_call", "custom_tool_call")}
    outputs = {x["call_id"] for x in seen if x["type"].endswith("_call_output")}
    if calls - outputs:
        raise RefusalError(400, f"No tool output found for function call {min(calls - outputs)}.")
    if outputs - calls:
        raise RefusalError(
            400, f"No tool call found for function call output {min(outputs - calls)}."
        )


def _frames(response_id: str, items: list[Item], reply: Reply, body: Any) -> Iterator[Frame]:
    """Yield the frames of a response."""
    about = {"model": body["model"], "created_at": 1, "instructions": body.get("instructions")}
    yield response("created", response_id, status="in_progress", **about)
    for place, item in enumerate(items):
        begun = {**item, "status": "in_progress"}
        if item["type"] == "message":
            begun["content"] = []
        yield event("output_item.added", item=begun, output_index=place)
        if item["type"] == "message":
            text = texts_of(item)
            for piece in (text[:3], text[3:]):
                at = {"item_id": item["id"], "output_index": place, "content_index": 0}
                yield event("output_text.delta", delta=piece, **at)
        yield event("output_item.done", item=item, output_index=place)
    if reply.status is not None:
        usage = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
        ended = {**about, "usage": usage, **reply.fields}
        yield response(reply.status, response_id, status=reply.status, output=items, **ended)


@contextmanager
def serving(
    answer: Callable[[list[Item]], Reply] = echo, *, keeps: bool = True
) -> Iterator[ResponsesServer]:
    """Run a server whose model is ANSWER."""
    server = ResponsesServer(answer, keeps)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            address = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, address.path, parse_qs(address.query), headers, body)
            status = 200
            try:
                kind, data = server.reply(asked)
            except RefusalError as refusal:
                status, kind = refusal.status, "application/json"
                error = {"message": str(refusal), "code": refusal.code}
                data = json.dumps({"error": error}).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815  # http.server calls these names

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.base_url = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


# --- A thread on it -------------------------------------------------------------------------


@frozen
class Talk:
    """A client with ``wire="responses"``, an assistant and a thread."""

    server: ResponsesServer
    client: Client
    assistant_id: str
    thread_id: str

    def say(self, text: str) -> models.Message:
        """Add a message to the thread."""
        return self.client.threads.messages.create(self.thread_id, role="user", content=text)

    def stream(self, **params: Any) -> ResponseStream:
        """Start a run."""
        given: dict[str, Any] = {"assistant_id": self.assistant_id, **params}
        stream: Any = self.client.threads.runs.stream(self.thread_id, **given)
        return stream  # type: ignore[no-any-return]  # this wire's class

    def run(self, **params: Any) -> models.Run:
        """Start a run and read it to its end."""
        return self.stream(**params).get_final_run()

    @property
    def texts(self) -> list[str]:
        """The messages of the thread, oldest first."""
        messages = self.client.threads.messages.list(self.thread_id, order="asc")
        return [one.text for one in messages.iter_all()]

    @property
    def body(self) -> Any:
        """The body of the last request for a response."""
        return self.server.bodies[-1]


@contextmanager
def talking(
    answer: Callable[[list[Item]], Reply] = echo,
    *,
    keeps: bool = True,
    assistant: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Talk]:
    """Begin a thread with a question; SETTINGS are the client's, ASSISTANT the assistant's."""
    settings = {"wire": "responses", "max_retries": 0, **settings}
    with serving(answer, keeps=keeps) as server, Client("k", server.base_url, **settings) as client:
        profile: dict[str, Any] = {"model": "small", **(assistant or {})}
        made = client.assistants.create(**profile)
        thread = client.threads.create(messages=[{"role": "user", "content": "one"}])
        yield Talk(server, client, made.id, thread.id)
