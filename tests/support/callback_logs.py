"""The log of a stream's callbacks, from openai-python's handler and from ours.

Rules of this file:

- A log holds facts: plain values taken at the moment of the callback, because snapshots are live;
  they are read by attribute from either library's objects, and None equals an empty text.
- It is divided into groups: a call of ``on_event`` and the callbacks after it; ``on_exception``
  and ``on_end`` begin groups of their own.
- openai-python is run unchanged: its own client, SSE decoder and handler, over a transport that
  answers from memory. It deprecates the whole API: tests must ignore that warning.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import attrs
import httpx2
import openai
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from handlers import EventHandler
from stream_core import Client, Stream, StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

# --- Facts ------------------------------------------------------------------------------


@attrs.frozen
class Annotation:
    """An annotation of a text."""

    type: str
    text: str
    start_index: int | None


@attrs.frozen
class Text:
    """A text or a text delta; the value is None if a delta has none."""

    value: str | None
    annotations: tuple[Annotation, ...]


@attrs.frozen
class Part:
    """A content part; ``text`` is a Text, or the file, URL or refusal of other types."""

    type: str
    text: Text | str


@attrs.frozen
class Message:
    """A message; a delta has neither id nor status."""

    id: str
    status: str
    parts: tuple[Part, ...]


@attrs.frozen
class Call:
    """A tool call; ``arguments`` is a code interpreter's input; only deltas have an index."""

    type: str
    id: str
    name: str
    arguments: str
    output: tuple[str, ...]
    index: int | None = None


@attrs.frozen
class Step:
    """A run step; a delta has neither id nor status."""

    id: str
    status: str
    calls: tuple[Call, ...]


@attrs.frozen
class Entry:
    """One callback: its subject, and the snapshot if it is a delta.

    ``on_event`` has the event's name and the id of its data, ``on_exception`` the kind of
    failure; what a finished stream returns comes last, under the name of the method.
    """

    callback: str
    subject: Any = None
    snapshot: Any = None


Group: TypeAlias = list[Entry]


@attrs.frozen
class Block:
    """A block of a stream that is not only comments, and its data as JSON, or None."""

    name: str
    data: str
    payload: Any

    @property
    def id(self) -> str:
        """The id in the data, or ""."""
        return str(self.payload.get("id", "")) if isinstance(self.payload, dict) else ""

    def parts(self) -> list[dict[str, Any]]:
        """The parts of a message's delta."""
        if self.name != "thread.message.delta" or not isinstance(self.payload, dict):
            return []
        return [part for part in self.payload["delta"]["content"] if isinstance(part, dict)]

    def calls(self) -> list[dict[str, Any]]:
        """The calls of a step's delta, or those that the step is created with."""
        if self.name not in {"thread.run.step.delta", "thread.run.step.created"}:
            return []
        step = self.payload.get("delta", self.payload)
        details = step.get("step_details") or {}
        return list(details.get("tool_calls") or [])

    @property
    def run_status(self) -> str:
        """The status of the run, if it is about one: it counts more than the event's name."""
        if self.name.count(".") != 2 or not self.name.startswith("thread.run."):
            return ""
        return str(self.payload.get("status", "")) if isinstance(self.payload, dict) else ""


BOM = b"\xef\xbb\xbf"
LAST_STATUSES = ("requires_action", "completed", "incomplete", "failed", "cancelled", "expired")
ENDINGS = ("completed", "incomplete", "failed", "cancelled", "expired")


def _blocks(data: bytes) -> Iterator[Block]:
    """Split a stream in the simplest way; lines may end with LF or CRLF."""
    whole = data.removeprefix(BOM).decode().replace("\r\n", "\n")
    for block in whole.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = [(name, value.strip()) for name, _, value in (x.partition(":") for x in lines)]
        joined = "\n".join(value for name, value in fields if name == "data")
        try:
            payload = json.loads(joined)
        except ValueError:
            payload = None
        if fields:
            yield Block(dict(fields).get("event", ""), joined, payload)


@attrs.define
class Logs:
    """Both logs of one stream, and the stream itself.

    Attributes:
        data: The stream.
        theirs: Groups of openai-python's log.
        ours: Groups of our log.
        blocks: The blocks of the stream; the group of a block has the same index as long as
            every block before it was an event.
        gave_up: Whether the logs were cut because openai-python gave up.
    """

    data: bytes
    theirs: list[Group]
    ours: list[Group]
    blocks: list[Block] = attrs.field(init=False)
    gave_up: bool = False

    def __attrs_post_init__(self) -> None:
        """Split the stream."""
        self.blocks = list(_blocks(self.data))

    def cut(self, at: int) -> bool:
        """Keep only the first AT groups of both logs; return True."""
        del self.theirs[at:], self.ours[at:]
        self.gave_up = True
        return True

    def pairs(self) -> Iterator[tuple[Group, Group]]:
        """Yield the groups of the same event, theirs and ours."""
        yield from zip(self.theirs, self.ours, strict=False)

    def block(self, at: int) -> Block:
        """Return the block with this index, or an empty one outside the stream."""
        return self.blocks[at] if 0 <= at < len(self.blocks) else Block("", "", None)

    def failure(self, log: list[Group]) -> tuple[int, str]:
        """Return the place of ``on_exception`` in LOG and its kind, or NO_FAILURE."""
        found = ((i, group[0].subject) for i, group in enumerate(log) if is_group(group, FAILED))
        return next(found, NO_FAILURE)


FAILED = "on_exception"
NO_FAILURE = (-1, "")


def is_group(group: Group, callback: str, subject: object = None) -> bool:
    """Return whether GROUP begins with CALLBACK, and is about SUBJECT if one is given."""
    return group[0].callback == callback and subject in (None, group[0].subject)


def remove(group: Group, wrong: list[Entry]) -> bool:
    """Remove the entries that are WRONG, and return whether there were any."""
    group[:] = [entry for entry in group if entry not in wrong]
    return bool(wrong)


def rewrite(value: Any, wanted: type[T], change: Callable[[T], T]) -> Any:
    """Return VALUE with CHANGE applied to every WANTED in it."""
    if isinstance(value, wanted):
        return change(value)
    if isinstance(value, tuple):
        return tuple(rewrite(item, wanted, change) for item in value)
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        changes = {name: rewrite(getattr(value, name), wanted, change) for name in names}
        return attrs.evolve(value, **changes)
    return value


def rewrite_theirs(logs: Logs, wanted: type[T], change: Callable[[T], T]) -> bool:
    """Apply CHANGE to every WANTED in their log, and return whether anything changed."""
    before = [list(group) for group in logs.theirs]
    for group in logs.theirs:
        group[:] = [rewrite(entry, wanted, change) for entry in group]
    return before != logs.theirs


def delivered(log: list[Group], callback: str) -> list[Any]:
    """Return the subjects of all calls of CALLBACK."""
    return [entry.subject for group in log for entry in group if entry.callback == callback]


# --- Reading facts ----------------------------------------------------------------------


def read(value: Any, name: str) -> Any:
    """Return the attribute or key NAME of VALUE, or None."""
    found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return "" if found is None else found


def event_facts(event: Any) -> tuple[str | None, str]:
    """Return name and id; the id is "" if there is none."""
    return event.event, str(read(event.data, "id"))


def text_facts(text: Any) -> Text:
    """Return the facts of a text or a text delta."""
    annotations = [
        Annotation(read(one, "type"), read(one, "text"), getattr(one, "start_index", None))
        for one in read(text, "annotations")
    ]
    return Text(getattr(text, "value", None), tuple(annotations))


def part_facts(part: Any) -> Part:
    """Return the facts of a content part or its delta."""
    found = read(part, read(part, "type"))
    if part.type == "text":
        return Part("text", text_facts(found))
    return Part(part.type, str(read(found, "file_id") or read(found, "url") or found))


def message_facts(message: Any) -> Message:
    """Return the facts of a message or its delta."""
    parts = tuple(part_facts(part) for part in read(message, "content"))
    return Message(read(message, "id"), read(message, "status"), parts)


def call_facts(call: Any, *, delta: bool = False) -> Call:
    """Return the facts of a tool call or its delta."""
    payload = read(call, call.type)
    outputs = read(payload, "outputs")
    output = [read(one, "logs") for one in outputs] if outputs else [read(payload, "output")]
    return Call(
        call.type,
        read(call, "id"),
        read(payload, "name"),
        read(payload, "arguments") or read(payload, "input"),
        tuple(filter(None, output)),
        call.index if delta else None,
    )


def step_facts(step: Any, *, delta: bool = False) -> Step:
    """Return the facts of a run step or its delta."""
    calls = read(read(step, "step_details"), "tool_calls")
    facts = tuple(call_facts(call, delta=delta) for call in calls)
    return Step(read(step, "id"), read(step, "status"), facts)


#: The kinds of exceptions common to both libraries; others are known by their class name.
KINDS = {
    "JSONDecodeError": "bad frame",
    "DecodeError": "bad frame",
    "APIError": "server error",
    "ServerError": "server error",
    "IncompleteStreamError": "cut short",
}


class Recording:
    """Records the callbacks that both handlers have; a mixin for either of them.

    Attributes:
        log: The groups.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Group] = []

    def on_event(self, event: Any) -> None:
        self.log.append([Entry("on_event", event_facts(event))])

    def on_run_step_created(self, run_step: Any) -> None:
        self.log[-1].append(Entry("on_run_step_created", step_facts(run_step)))

    def on_run_step_delta(self, delta: Any, snapshot: Any) -> None:
        facts = step_facts(delta, delta=True), step_facts(snapshot)
        self.log[-1].append(Entry("on_run_step_delta", *facts))

    def on_run_step_done(self, run_step: Any) -> None:
        self.log[-1].append(Entry("on_run_step_done", step_facts(run_step)))

    def on_tool_call_created(self, tool_call: Any) -> None:
        self.log[-1].append(Entry("on_tool_call_created", call_facts(tool_call)))

    def on_tool_call_delta(self, delta: Any, snapshot: Any) -> None:
        facts = call_facts(delta, delta=True), call_facts(snapshot)
        self.log[-1].append(Entry("on_tool_call_delta", *facts))

    def on_tool_call_done(self, tool_call: Any) -> None:
        self.log[-1].append(Entry("on_tool_call_done", call_facts(tool_call)))

    def on_message_created(self, message: Any) -> None:
        self.log[-1].append(Entry("on_message_created", message_facts(message)))

    def on_message_delta(self, delta: Any, snapshot: Any) -> None:
        facts = message_facts(delta), message_facts(snapshot)
        self.log[-1].append(Entry("on_message_delta", *facts))

    def on_message_done(self, message: Any) -> None:
        self.log[-1].append(Entry("on_message_done", message_facts(message)))

    def on_text_created(self, text: Any) -> None:
        self.log[-1].append(Entry("on_text_created", text_facts(text)))

    def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        self.log[-1].append(Entry("on_text_delta", text_facts(delta), text_facts(snapshot)))

    def on_text_done(self, text: Any) -> None:
        self.log[-1].append(Entry("on_text_done", text_facts(text)))

    def on_image_file_done(self, image_file: Any) -> None:
        self.log[-1].append(Entry("on_image_file_done", read(image_file, "file_id")))

    def on_timeout(self) -> None:
        self.log.append([Entry("on_timeout")])

    def on_exception(self, exception: Any) -> None:
        name = type(exception).__name__
        self.log.append([Entry("on_exception", KINDS.get(name, name))])

    def on_end(self) -> None:
        self.log.append([Entry("on_end")])

    def finish(self, stream: Any) -> None:
        """Record what the stream returns at its end."""
        messages = _results(stream.get_final_messages)
        steps = _results(stream.get_final_run_steps)
        entries = [
            Entry("get_final_messages", tuple(message_facts(one) for one in messages)),
            Entry("get_final_run_steps", tuple(step_facts(one) for one in steps)),
            Entry(
                "current_run", (read(stream.current_run, "id"), read(stream.current_run, "status"))
            ),
        ]
        self.log.append(entries)


def _results(get: Callable[[], list[Any]]) -> list[Any]:
    """Return what GET returns; openai-python raises RuntimeError if there is nothing."""
    try:
        return get()
    except RuntimeError:
        return []


class RecordingTheirs(Recording, openai.AssistantEventHandler):
    """openai-python's handler, recording."""


class RecordingOurs(Recording, EventHandler):
    """Our handler, recording."""


# --- Running both -----------------------------------------------------------------------


class Server:
    """Answers requests from memory.

    Attributes:
        answers: Maps the end of the request's path to a stream.
        asked: The path and JSON body of each request.
    """

    headers: ClassVar = {"Content-Type": "text/event-stream"}

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def answer(self, path: str, body: bytes) -> bytes:
        """Return the stream for PATH."""
        self.asked.append((path, json.loads(body)))
        return self.answers[path.rpartition("/")[2]]


def their_client(server: Server) -> openai.OpenAI:
    """Make openai-python's client for SERVER."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        stream = server.answer(request.url.path, request.content)
        return httpx2.Response(200, headers=server.headers, content=stream)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="key", base_url="http://memory/v1", http_client=http)


class _Adapter(HTTPAdapter):
    """Sends requests to a Server."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer REQUEST."""
        assert isinstance(request.body, bytes)
        body = BytesIO(self.server.answer(request.path_url, request.body))
        headers = self.server.headers
        raw = HTTPResponse(body, headers=headers, status=200, preload_content=False)
        return self.build_response(request, raw)


def our_client(server: Server) -> Client:
    """Make our client for SERVER."""
    session = requests.Session()
    session.mount("http://memory", _Adapter(server))
    return Client("key", "http://memory/v1", session=session)


def theirs(data: bytes) -> list[Group]:
    """Return the log of openai-python's handler."""
    handler = RecordingTheirs()
    with their_client(Server(runs=data)) as client:
        manager = client.beta.threads.runs.stream(
            thread_id="thread_1", assistant_id="asst_1", event_handler=handler
        )
        with manager as stream:
            try:
                stream.until_done()
            except Exception:  # noqa: BLE001  # whatever it is, on_exception got it
                return handler.log
        handler.finish(stream)
    return handler.log


def ours(data: bytes) -> list[Group]:
    """Return the log of our handler."""
    handler = RecordingOurs()
    stream = Stream([data], handler)
    try:
        stream.until_done()
    except StreamError:
        return handler.log
    handler.finish(stream)
    return handler.log
