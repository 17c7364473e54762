"""AgentEventHandler: it gets the same calls as azure-ai-agents' own handler.

Rules of this file: one set of callbacks is mixed into both handlers, and both write the same kind
of log. Streams come from azure-ai-agents' own client and from ours, from one LocalServer, and from
recordings of Azure.
"""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("azure.ai.agents")

from azure.ai.agents import models as theirs

from handlers import AGENT_ROUTES, AgentEventHandler, EventHandler, TextAccumulatorMixin
from handlers.routes import CALLBACKS, callbacks_of
from stream_core import Client, Stream, events, models
from stream_core.dialects.assistants import EVENTS
from stream_core.errors import ServerError
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    FileCitation,
    FunctionCall,
    ListTools,
    LocalServer,
    McpCall,
    Say,
    SendError,
    ShowImage,
    Turn,
    UrlCitation,
)
from tests.support.agents_client import NoToken, agents_client, agents_endpoint
from tests.support.frames import DONE, citation, frame, message, run, sse, step, text, text_delta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.testing import Answer

#: The callbacks of azure-ai-agents, and their arguments.
THEIR_CALLBACKS = {
    name: tuple(inspect.signature(method).parameters)[1:]
    for name, method in inspect.getmembers(theirs.AgentEventHandler, inspect.isfunction)
    if name.startswith("on_")
}


class Log:
    """Callbacks as written for azure-ai-agents; each writes a line."""

    log: list[tuple[object, ...]]

    def note(self, *facts: object) -> None:
        self.log.append(facts)

    def on_message_delta(self, delta: Any) -> None:
        self.note("message delta", delta.id, delta.text)

    def on_thread_message(self, message: Any) -> None:
        self.note(
            "message",
            (message.id, message.thread_id, message.run_id, message.agent_id),
            plain(message.status),
            [part.text.value for part in message.text_messages],
            [part.image_file.file_id for part in message.image_contents],
            [x.file_citation.file_id for x in message.file_citation_annotations],
            [x.file_path.file_id for x in message.file_path_annotations],
            [x.url_citation.url for x in message.url_citation_annotations],
        )

    def on_thread_run(self, run: Any) -> None:
        error = run.last_error.message if run.last_error else None
        action = run.required_action.type if run.required_action else None
        usage = run.usage.total_tokens if run.usage else None
        self.note("run", run.id, plain(run.status), run.agent_id, run.model, error, action, usage)

    def on_run_step(self, step: Any) -> None:
        details = step.step_details.type
        self.note("step", step.id, plain(step.status), plain(step.type), step.agent_id, details)

    def on_run_step_delta(self, delta: Any) -> None:
        calls = delta.delta.step_details.tool_calls
        self.note("step delta", delta.id, [(call.index, call.type, call.id) for call in calls])

    def on_error(self, data: str) -> None:
        self.note("error", in_json(data))

    def on_done(self) -> None:
        self.note("done")

    def on_unhandled_event(self, event_type: str, event_data: str) -> None:
        self.note("unhandled", event_type, in_json(event_data))


def plain(value: Any) -> str:
    """Return a status or type as a string: theirs are enums."""
    return str(getattr(value, "value", value))


def in_json(data: str) -> object:
    """Return the content of a string: JSON, Python's notation from azure-ai-agents, or itself."""
    assert isinstance(data, str)
    for read in (json.loads, ast.literal_eval):
        try:
            return read(data)
        except (ValueError, SyntaxError):
            continue
    return data


class Theirs(Log, theirs.AgentEventHandler[None]):
    """The callbacks on azure-ai-agents."""

    def __init__(self) -> None:
        super().__init__()
        self.log = []


class Ours(Log, AgentEventHandler[None]):
    """The same callbacks after changing the import."""

    def __init__(self) -> None:
        super().__init__()
        self.log = []


# --- The table --------------------------------------------------------------------------


def test_the_callbacks_are_those_of_azure_ai_agents() -> None:
    """Names and arguments are the same in the class and in its table."""
    ours = {
        name: tuple(inspect.signature(method).parameters)[1:]
        for name, method in vars(AgentEventHandler).items()
        if name.startswith("on_")
    }
    table = {route.callback: route.arguments for row in AGENT_ROUTES.values() for route in row}
    assert THEIR_CALLBACKS
    assert THEIR_CALLBACKS == ours == table


def test_every_event_of_the_wire_becomes_a_callback() -> None:
    """Every event that a server sends has a callback."""
    assert set() == {event_class for event_class, _ in EVENTS.values()} - set(AGENT_ROUTES)
    assert set(AgentEventHandler.routes) == set(EventHandler.routes)


def test_it_has_ours_too_but_for_the_names_that_are_taken() -> None:
    """So a handler can be moved one callback at a time."""
    known = callbacks_of(AgentEventHandler)
    assert set(known) == set(CALLBACKS) | set(THEIR_CALLBACKS)
    taken = set(CALLBACKS) & set(THEIR_CALLBACKS)
    assert {"on_done", "on_error", "on_message_delta", "on_run_step_delta"} == taken
    assert all(known[name] is CALLBACKS[name] for name in set(CALLBACKS) - taken)


# --- From one server, over both clients ----------------------------------------------------


def our_client(server: LocalServer) -> Client:
    """Make our client, as an Azure one."""
    return Client.azure_agents(agents_endpoint(server), NoToken())


@pytest.fixture
def serve() -> Iterator[Callable[..., LocalServer]]:
    """Start servers that give the same answers; ids differ."""
    running: list[LocalServer] = []

    def start(respond: Callable[[Turn], Answer] | None = None) -> LocalServer:
        running.append(LocalServer(respond))
        return running[-1].__enter__()

    yield start
    for server in running:
        server.__exit__(None, None, None)


WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def asked_by_them(
    server: LocalServer, text: str, answer: Callable[[Any], dict[str, Any] | None]
) -> list[tuple[object, ...]]:
    """Return the log of azure-ai-agents' client; ANSWER submits for a run that waits."""
    handler = Theirs()
    with agents_client(server) as client:
        agent = client.create_agent(model="m", name="a", tools=[WEATHER])
        thread = client.threads.create()
        client.messages.create(thread.id, role="user", content=text)
        with client.runs.stream(thread.id, agent_id=agent.id, event_handler=handler) as stream:
            stream.until_done()
        while body := answer((waiting := next(iter(client.runs.list(thread.id)))).as_dict()):
            # With a custom body, its client must be told that the answer is a stream.
            client.runs.submit_tool_outputs_stream(
                thread.id,
                waiting.id,
                body={**body, "stream": True},
                event_handler=handler,
                stream=True,
            )
            handler.until_done()
    return handler.log


def asked_by_us(
    server: LocalServer, text: str, answer: Callable[[Any], dict[str, Any] | None]
) -> list[tuple[object, ...]]:
    """Return the log of our client, with the same calls."""
    handler = Ours()
    with our_client(server) as client:
        agent = client.assistants.create(model="m", name="a", tools=[WEATHER])
        thread = client.threads.create()
        client.threads.messages.create(thread.id, role="user", content=text)
        stream = client.threads.runs.stream(thread.id, assistant_id=agent.id, event_handler=handler)
        run = stream.until_done()
        while run and (
            body := answer(client.request("GET", f"/threads/{thread.id}/runs/{run.id}"))
        ):
            stream = client.threads.runs.submit_tool_outputs_stream(
                run.id,
                thread_id=thread.id,
                tool_outputs=[],
                extra_body=body,
                event_handler=handler,
            )
            run = stream.until_done()
    return handler.log


def no_answer(run: Any) -> None:
    """Submit nothing."""


def renamed(log: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Replace the ids in a log by numbers, in the order in which they come."""
    ids: dict[str, str] = {}

    def short(value: Any) -> Any:
        match value:
            case str() if value.startswith(("run_", "step_", "msg_", "thread_", "asst_", "call_")):
                kind = value.partition("_")[0]
                return ids.setdefault(value, f"{kind} {len(ids)}")
            case list() | tuple():
                return type(value)(short(item) for item in value)
            case _:
                return value

    return [short(line) for line in log]


def check_both(
    serve: Callable[..., LocalServer],
    respond: Callable[[Turn], Answer] | None,
    text: str,
    answer: Callable[[Any], dict[str, Any] | None] = no_answer,
) -> list[tuple[object, ...]]:
    """Ask with both clients; return the log that they share."""
    expected = renamed(asked_by_them(serve(respond), text, answer))
    actual = renamed(asked_by_us(serve(respond), text, answer))
    assert expected == actual
    return actual


def test_a_plain_answer(serve: Callable[..., LocalServer]) -> None:
    """The runs have text, images and citations, and every change of run, step and message."""

    def respond(_: Turn) -> Answer:
        cited: list[FileCitation | UrlCitation] = [
            FileCitation("【1】", "file-1"),
            UrlCitation("【2】", "https://e.example", "E"),
        ]
        return [Say("See【1】 and 【2】.", cited), ShowImage("file-plot"), Say("Done.")]

    log = check_both(serve, respond, "Where is it?")
    assert "See【1】 and 【2】.Done." == "".join(
        str(line[2]) for line in log if line[0] == "message delta"
    )
    assert ["queued", "queued", "in_progress", "completed"] == [
        line[2] for line in log if line[0] == "run"
    ]
    assert ("done",) == log[-1]
    (finished,) = [line for line in log if line[0] == "message" and line[2] == "completed"]
    assert (["file-plot"], ["file-1"], ["https://e.example"]) == (
        finished[4],
        finished[5],
        finished[7],
    )


def outputs(run: Any) -> dict[str, Any] | None:
    """Submit outputs for functions."""
    if run["status"] != "requires_action":
        return None
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return {"tool_outputs": [{"tool_call_id": call["id"], "output": "sunny"} for call in calls]}


def test_a_round_of_functions(serve: Callable[..., LocalServer]) -> None:
    """The same handler on both streams, by hand in both libraries."""

    def respond(turn: Turn) -> Answer:
        if turn.rounds:
            return [Say("It is sunny.")]
        return [CallFunctions([FunctionCall("get_weather", {"city": "Oslo"})])]

    log = check_both(serve, respond, "How is the weather in Oslo?", outputs)
    statuses = [line[2] for line in log if line[0] == "run"]
    assert ["requires_action", "queued", "in_progress", "completed"] == statuses[-4:]
    assert 2 == log.count(("done",))
    assert any(line[0] == "step delta" for line in log)


def approvals(run: Any) -> dict[str, Any] | None:
    """Submit approvals for calls of an MCP server."""
    if run["status"] != "requires_action":
        return None
    calls = run["required_action"]["submit_tool_approval"]["tool_calls"]
    return {"tool_approvals": [{"tool_call_id": call["id"], "approve": True} for call in calls]}


def test_a_round_of_approvals(serve: Callable[..., LocalServer]) -> None:
    """Azure sends a step's created twice before it asks; both handlers get both."""

    def respond(turn: Turn) -> Answer:
        if turn.rounds:
            return [Say(f"It says {turn.results[0].output}.")]
        call = McpCall("maps", "find", {"what": "pier"}, output="at the end")
        return [ListTools("maps", {"find": {"description": "Finds."}}), AskApproval([call])]

    log = check_both(serve, respond, "Where is the pier?", approvals)
    assert "submit_tool_approval" in [line[6] for line in log if line[0] == "run"]
    made = [line for line in log if line[0] == "step" and line[3] == "tool_calls"]
    assert made[0] == made[1]
    assert "It says at the end." == "".join(
        str(line[2]) for line in log if line[0] == "message delta"
    )


def test_an_error_is_told_as_json_and_then_raised(serve: Callable[..., LocalServer]) -> None:
    """Azure's is in Python's notation, and its stream goes on to its end."""
    expected = renamed(asked_by_them(serve(lambda _: SendError("it broke")), "x", no_answer))
    handler = Ours()
    with our_client(serve(lambda _: SendError("it broke"))) as client:
        agent = client.assistants.create(model="m")
        stream = client.threads.create_and_run_stream(assistant_id=agent.id, event_handler=handler)
        with pytest.raises(ServerError, match="it broke"):
            stream.until_done()
    kind, data = handler.log[-1]
    assert "error" == kind
    assert ("error", data) in expected


# --- Recordings of Azure -------------------------------------------------------------------


def replayed_by_them(data: bytes) -> list[tuple[object, ...]]:
    """Return the log of azure-ai-agents on a recording."""
    handler = Theirs()
    with theirs.AgentRunStream(iter([data]), lambda *_: [], handler) as stream:
        stream.until_done()
    return handler.log


def test_recordings_of_azure_are_told_alike(wire: Path) -> None:
    """Every line of every recording is the same; they have all that a project of Azure sends."""
    paths = sorted((wire / "azure_agents").glob("*.sse"))
    assert paths
    for path in paths:
        handler = Ours()
        Stream(path.open("rb"), handler).until_done()
        assert (path.name, replayed_by_them(path.read_bytes())) == (path.name, handler.log)


# --- Synthetic, unknown and repeated events --------------------------------------------------


def logged(*frames: bytes) -> list[tuple[object, ...]]:
    """Return the log of our handler on some frames; a failing stream is read as far as possible."""
    handler = Ours()
    stream = Stream(frames, handler)
    while stream.next():
        pass
    return handler.log


def kinds(log: list[tuple[object, ...]]) -> list[object]:
    """Return the callbacks in a log."""
    return [line[0] for line in log]


DETAILS = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}


def test_a_created_that_nobody_sent_is_not_logged() -> None:
    """A step or message that begins with another event has no created callback."""
    frames = sse(
        run("created"),
        text_delta("Ah"),
        message("completed", text("Ah")),
        step("completed", type="message_creation", step_details=DETAILS),
        run("completed"),
        DONE,
    )
    assert ["run", "message delta", "message", "step", "run", "done"] == kinds(logged(frames))


def test_what_is_sent_again_is_told_again() -> None:
    """Each event counts here; EventHandler's callbacks come once."""
    again = [run("created"), run("created"), message("created"), message("created")]
    steps = [step("created", type="message_creation", step_details=DETAILS)] * 2
    thread = ("thread.created", {"id": "thread_1"})
    log = logged(sse(thread, thread, *again, *steps, run("completed"), DONE))
    assert 3 == kinds(log).count("run")
    assert 2 == kinds(log).count("message") == kinds(log).count("step")
    assert 1 == kinds(log).count("unhandled")


def test_unknown_events_and_new_threads_are_unhandled() -> None:
    """The data is JSON, or the text as sent."""
    data = sse(
        ("thread.created", {"id": "thread_1"}), ("ping", "hello"), ("of.tomorrow", [1, None])
    )
    end = sse(run("completed"), DONE)
    assert [
        ("unhandled", "thread.created", {"id": "thread_1"}),
        ("unhandled", "ping", "hello"),
        ("unhandled", "of.tomorrow", [1, None]),
    ] == logged(data + end)[:3]


def test_an_error_that_is_no_json_is_its_text() -> None:
    """The text is passed on unchanged."""
    got: list[str] = []

    class Errors(AgentEventHandler[None]):
        def on_error(self, data: str) -> None:
            got.append(data)

    with Stream([frame("error", "gateway timeout")], Errors()) as stream:
        assert stream.next()
    assert ["gateway timeout"] == got


def test_what_a_dialect_made_up_is_its_payload() -> None:
    """An event without ``raw`` has only its data."""
    got: list[tuple[str, str]] = []

    class Unhandled(AgentEventHandler[None]):
        def on_unhandled_event(self, event_type: str, event_data: str) -> None:
            got.append((event_type, event_data))

    Unhandled().handle(events.ThreadCreated(models.Thread("thread_1"), None, synthetic=True))
    ((name, data),) = got
    assert ("thread.created", "thread_1") == (name, json.loads(data)["id"])


def test_done_is_told_once_where_no_server_says_it() -> None:
    """The bytes end after the run."""
    assert ["run", "run", "done"] == kinds(logged(sse(run("created"), run("completed"))))


# --- As one of our handlers ----------------------------------------------------------------


def test_callbacks_of_both_kinds_can_be_mixed() -> None:
    """EventHandler's come first for the same event; mixins work."""
    out: list[str] = []

    class Mixed(TextAccumulatorMixin, AgentEventHandler[str]):
        def on_event(self, event: events.WireEvent[Any]) -> None:
            out.append(f"event {event.event}")

        def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
            out.append(f"text {delta.value}")

        def on_message_delta(self, delta: models.MessageDeltaEvent) -> str:
            out.append(f"delta {delta.text}")
            return "ignored"

        def on_end(self) -> None:
            out.append(f"end {self.text}")

    Stream([sse(run("created"), text_delta("Ah"), run("completed"), DONE)], Mixed()).until_done()
    assert [
        "event thread.run.created",
        "event thread.message.created",
        "event thread.message.delta",
        "delta Ah",
        "text Ah",
        "event thread.run.completed",
        "event done",
        "end Ah",
    ] == out


def test_what_a_callback_raises_is_raised() -> None:
    """The exception has a note that names the callback; azure-ai-agents would have lost it."""

    class Broken(AgentEventHandler[None]):
        def on_thread_run(self, run: models.Run) -> None:
            raise ValueError("no more disk space")

    with pytest.raises(ValueError, match="disk") as caught:
        Stream([sse(run("created"), run("completed"), DONE)], Broken()).until_done()
    assert ["raised by Broken.on_thread_run for event thread.run.created"] == (
        caught.value.__notes__
    )


def test_callbacks_are_checked_by_their_own_arguments() -> None:
    """EventHandler's for the same name are refused, and so is a handler of both kinds."""
    with pytest.raises(TypeError, match=r"called as on_message_delta\(delta\)"):
        type("Mine", (AgentEventHandler,), {"on_message_delta": lambda self, delta, snapshot: None})
    with pytest.raises(TypeError, match="did you mean on_thread_message"):
        type("Mine", (AgentEventHandler,), {"on_thread_mesage": lambda self, message: None})
    for bases in ((AgentEventHandler, EventHandler), (EventHandler, AgentEventHandler)):
        with pytest.raises(TypeError, match="derive from one, or register two handlers"):
            type("Mine", bases, {})


def test_the_properties_of_payloads_are_empty_where_there_is_nothing() -> None:
    """It is generic, as in azure-ai-agents."""
    empty = models.Message()
    assert [] == empty.text_messages == empty.image_contents == empty.url_citation_annotations
    assert [] == empty.file_citation_annotations == empty.file_path_annotations
    assert "" == models.MessageDeltaEvent().text
    cited = sse(message("completed", text("a[1]", citation(None))), run("completed"), DONE)
    (line,) = [line for line in logged(cited) if line[0] == "message"]
    assert ["file_1"] == line[5]
