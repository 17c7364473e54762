"""Every call of the Assistants wire, against a server, and compared with OpenAI's names."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from openai.resources.beta.assistants import Assistants as OpenAIAssistants
from openai.resources.beta.threads.messages import Messages as OpenAIMessages
from openai.resources.beta.threads.runs.runs import Runs as OpenAIRuns
from openai.resources.beta.threads.runs.steps import Steps as OpenAISteps
from openai.resources.beta.threads.threads import Threads as OpenAIThreads

from stream_core import Client, errors, events, models
from stream_core.api import assistants_params as params
from stream_core.client import assistants as resources
from stream_core.testing import CallFunctions, FunctionCall, LocalServer, Say, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.events import Event
    from stream_core.testing.responder import Answer

FUNCTION = models.FunctionTool(
    function=models.FunctionDefinition(name="get_weather", parameters={"type": "object"})
)


def respond(turn: Turn) -> Answer:
    """Call a function if there is one, then state its output."""
    if turn.functions and not turn.results:
        return CallFunctions([FunctionCall("get_weather", {"city": "Oslo"})])
    return Say(f"It is {turn.results[0].output}." if turn.results else "Hello.")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Run a server whose assistant calls a function if it has one."""
    with LocalServer(respond) as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    """Make a client of that server."""
    with Client("key", server.base_url) as made:
        yield made


class Names:
    """A handler that records the names of events."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def handle(self, event: Event) -> None:
        self.names.append(event.event)


def conversation(client: Client, **assistant: Any) -> tuple[str, str]:
    """Make a thread with a question, and an assistant; return their ids."""
    thread = client.threads.create()
    client.threads.messages.create(thread.id, role="user", content="How is the weather?")
    return thread.id, client.assistants.create(model="gpt", **assistant).id


# --- Each call ----------------------------------------------------------------------------


def test_assistants_are_made_read_changed_listed_and_deleted(client: Client) -> None:
    """Each answer is the payload."""
    made = client.assistants.create(model="gpt", name="One", tools=[FUNCTION], metadata={"k": "v"})
    assert isinstance(made, models.Assistant)
    assert ("One", [FUNCTION], {"k": "v"}) == (made.name, made.tools, made.metadata)
    assert made == client.assistants.retrieve(made.id)
    assert "Two" == client.assistants.update(made.id, name="Two").name
    assert [made.id] == [x.id for x in client.assistants.list()]
    assert models.Deleted(made.id, "assistant.deleted", deleted=True) == client.assistants.delete(
        made.id
    )
    with pytest.raises(errors.NotFoundError):
        client.assistants.retrieve(made.id)


def test_threads_are_made_read_changed_and_deleted(client: Client) -> None:
    """Each answer is the payload."""
    made = client.threads.create(messages=[{"role": "user", "content": "Hi"}])
    assert isinstance(made, models.Thread)
    assert made == client.threads.retrieve(made.id)
    assert {"k": "v"} == client.threads.update(made.id, metadata={"k": "v"}).metadata
    assert ["Hi"] == [x.text for x in client.threads.messages.list(made.id)]
    assert client.threads.delete(made.id).deleted
    with pytest.raises(errors.NotFoundError):
        client.threads.retrieve(made.id)


def test_messages_are_made_read_changed_listed_and_deleted(client: Client) -> None:
    """Each answer is the payload; lists come page by page."""
    messages = client.threads.messages
    thread = client.threads.create()
    image = models.ImageURLContentBlock(image_url=models.ImageURL("http://server/a.png"))
    made = [
        messages.create(thread.id, role="user", content="one"),
        messages.create(thread.id, role="user", content=[{"type": "text", "text": "two"}, image]),
        messages.create(thread.id, role="assistant", content="three"),
    ]
    assert made[1] == messages.retrieve(made[1].id, thread_id=thread.id)
    assert ("two", image) == (made[1].text, made[1].content[1])
    page = messages.list(thread.id, limit=2, order="asc")
    assert ["one", "two"] == [x.text for x in page]
    assert made == list(page.iter_all())
    assert [made[2]] == list(messages.list(thread.id, before=made[1].id))
    changed = messages.update(made[0].id, thread_id=thread.id, metadata={"a": "b"})
    assert {"a": "b"} == changed.metadata
    assert messages.delete(made[0].id, thread_id=thread.id).deleted
    assert made[1:] == list(messages.list(thread.id, order="asc"))


def test_a_run_is_streamed(client: Client) -> None:
    """Its events reach the handlers, and the run is the result."""
    thread_id, assistant_id = conversation(client)
    handler = Names()
    stream = client.threads.runs.stream(
        thread_id=thread_id, assistant_id=assistant_id, event_handler=handler
    )
    run = stream.until_done()
    assert run is not None
    assert ("completed", thread_id) == (run.status, run.thread_id)
    assert ["Hello."] == [x.text for x in stream.get_final_messages()]
    assert "thread.run.created" == handler.names[0]
    assert stream.request_id is not None
    assert "text/event-stream" in stream.response.headers["content-type"]


def test_a_thread_is_made_and_run_in_one_call(client: Client) -> None:
    """It may be streamed or not."""
    _, assistant_id = conversation(client)
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    with client.threads.create_and_run_stream(assistant_id=assistant_id, thread=thread) as stream:
        assert isinstance(next(stream), events.ThreadCreated)
        assert "completed" == stream.get_final_run().status
    run = client.threads.create_and_run(assistant_id=assistant_id, thread=thread)
    assert isinstance(run, models.Run)
    assert ["Hi"] == [x.text for x in client.threads.messages.list(run.thread_id, order="asc")][:1]


def test_tool_outputs_are_submitted_and_the_stream_goes_on(client: Client) -> None:
    """One handler can serve both streams."""
    thread_id, assistant_id = conversation(client, tools=[FUNCTION])
    handler = Names()
    first = client.threads.runs.stream(thread_id, assistant_id=assistant_id, handlers=[handler])
    run = first.get_final_run()
    assert run.required_action is not None
    assert run.required_action.submit_tool_outputs is not None
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    second = client.threads.runs.submit_tool_outputs_stream(
        run_id=run.id,
        thread_id=thread_id,
        tool_outputs=[{"tool_call_id": call.id, "output": "sunny"}],
        event_handler=handler,
    )
    assert "completed" == second.get_final_run().status
    assert ["It is sunny."] == [x.text for x in second.get_final_messages()]
    assert 2 == handler.names.count("done")


def test_tool_outputs_are_submitted_without_a_stream(client: Client) -> None:
    """The answer is the run as it goes on."""
    thread_id, assistant_id = conversation(client, tools=[FUNCTION])
    run = client.threads.runs.stream(thread_id, assistant_id=assistant_id).get_final_run()
    assert run.required_action is not None
    assert run.required_action.submit_tool_outputs is not None
    outputs = [
        {"tool_call_id": call.id, "output": "wet"}
        for call in run.required_action.submit_tool_outputs.tool_calls
    ]
    answer = client.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread_id, tool_outputs=outputs
    )
    assert run.id == answer.id
    assert answer.status in {"queued", "in_progress", "completed"}


def test_runs_are_made_read_changed_listed_and_cancelled(client: Client) -> None:
    """Each answer is the payload."""
    thread_id, assistant_id = conversation(client, tools=[FUNCTION])
    runs = client.threads.runs
    made = runs.create(thread_id, assistant_id=assistant_id, instructions="Be short.")
    assert isinstance(made, models.Run)
    assert "Be short." == made.instructions
    assert made.id == runs.retrieve(made.id, thread_id=thread_id).id
    assert {"k": "v"} == runs.update(made.id, thread_id=thread_id, metadata={"k": "v"}).metadata
    assert [made.id] == [x.id for x in runs.list(thread_id)]
    cancelled = runs.cancel(made.id, thread_id=thread_id)
    assert cancelled.status in {"cancelling", "cancelled"}


def test_steps_are_read_and_listed(client: Client) -> None:
    """They have their details."""
    thread_id, assistant_id = conversation(client)
    run = client.threads.runs.stream(thread_id, assistant_id=assistant_id).get_final_run()
    steps = client.threads.runs.steps
    (step,) = steps.list(run.id, thread_id=thread_id)
    assert isinstance(step.step_details, models.MessageCreationStepDetails)
    assert step == steps.retrieve(step.id, thread_id=thread_id, run_id=run.id)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda client: client.threads.runs.steps.list("r", thread_id="t", include=["x", "y"]),
            "GET /v1/threads/t/runs/r/steps {'include[]': 'x,y'}",
        ),
        (
            lambda client: client.threads.runs.steps.retrieve(
                "s", thread_id="t", run_id="r", include=["x"]
            ),
            "GET /v1/threads/t/runs/r/steps/s {'include[]': 'x'}",
        ),
        (
            lambda client: client.threads.runs.create("t", assistant_id="a", include=["x"]),
            "POST /v1/threads/t/runs {'include[]': 'x'}",
        ),
        (
            lambda client: client.threads.messages.list("t", run_id="r", after="m", limit=5),
            "GET /v1/threads/t/messages {'run_id': 'r', 'after': 'm', 'limit': '5'}",
        ),
        (
            lambda client: client.threads.runs.list("t", order="asc"),
            "GET /v1/threads/t/runs {'order': 'asc'}",
        ),
        (
            lambda client: client.assistants.list(before="a"),
            "GET /v1/assistants {'before': 'a'}",
        ),
    ],
)
def test_what_belongs_in_the_query_is_there(
    server: LocalServer, client: Client, call: Any, expected: str
) -> None:
    """Parameters of lists and ``include`` are part of the address."""
    with suppress(errors.APIStatusError):  # there is no such object; only the request matters
        call(client)
    sent = server.requests[-1]
    assert expected == f"{sent.method} {sent.path} {dict(sent.query)}"


# --- The names ----------------------------------------------------------------------------

#: Arguments of OpenAI's calls that ours do not have: here, streaming is a method of its own.
NOT_OURS = {"self", "stream"}

#: Calls of OpenAI's that ours do not have: those that poll, which a stream replaces, and a
#: deprecated name of ``stream``.
OTHER_CALLS = re.compile(r"_.*|with_.*|.*_poll|poll|create_and_stream|runs|messages|steps")

PAIRS = [
    (resources.Assistants, OpenAIAssistants),
    (resources.Threads, OpenAIThreads),
    (resources.Messages, OpenAIMessages),
    (resources.Runs, OpenAIRuns),
    (resources.Steps, OpenAISteps),
]
CALLS = [
    (ours, theirs, name)
    for ours, theirs in PAIRS
    for name, member in vars(theirs).items()
    if inspect.isfunction(member) and not OTHER_CALLS.fullmatch(name)
]


def arguments(method: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a method, by name."""
    return dict(inspect.signature(method).parameters)


@pytest.mark.parametrize(("ours", "theirs", "name"), CALLS)
def test_each_call_of_openais_client_can_be_made_here(ours: Any, theirs: Any, name: str) -> None:
    """The method is the same, with the same arguments, positional and by keyword."""
    expected = arguments(getattr(theirs, name))
    actual = arguments(getattr(ours, name))
    (unpacked,) = [x for x in actual.values() if x.kind is inspect.Parameter.VAR_KEYWORD]
    more = re.fullmatch(r"Unpack\[(\w+)\]", unpacked.annotation)
    assert more is not None
    names = actual.keys() | getattr(params, more[1]).__optional_keys__
    assert set() == expected.keys() - names - NOT_OURS
    by_place = inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert [x for x, y in expected.items() if y.kind is by_place] == [
        x for x, y in actual.items() if y.kind is by_place
    ][: sum(x.kind is by_place for x in expected.values())]
    # An argument that is required here is required there.
    required = {x for x, y in actual.items() if y.default is y.empty} - {unpacked.name}
    assert set() == {x for x in required if expected[x].default is not inspect.Parameter.empty}


def test_the_comparison_is_about_the_calls() -> None:
    """The filter above drops no call by accident."""
    streams = {"stream", "create_and_run_stream", "submit_tool_outputs_stream"}
    rest = {"create", "retrieve", "update", "list", "delete", "cancel", "submit_tool_outputs"}
    assert streams | rest | {"create_and_run"} == {name for _, _, name in CALLS}
