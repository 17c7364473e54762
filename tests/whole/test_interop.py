"""The official clients openai and azure-ai-agents against LocalServer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("azure.ai.agents")

import openai
from azure.ai.agents.models import AgentEventHandler, FunctionTool, RunStatus, ToolSet
from azure.core.exceptions import HttpResponseError
from openai import AssistantEventHandler, OpenAI
from typing_extensions import override

from stream_core.testing import (
    Fail,
    Fault,
    FileCitation,
    Framing,
    LocalServer,
    RunCode,
    Say,
    SendError,
    ShowImage,
    Turn,
)
from tests.support.agents_client import agents_client

if TYPE_CHECKING:
    from azure.ai.agents import AgentsClient
    from azure.ai.agents.models import MessageDeltaChunk, ThreadRun
    from openai.types.beta.threads import Message, Run
    from openai.types.beta.threads.runs import ToolCall

    from stream_core.testing import Answer, Part

# OpenAI marks the whole Assistants API as deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def openai_client(server: LocalServer, **options: Any) -> OpenAI:
    """Return the official client, without retries."""
    options = {"api_key": "any", "base_url": server.base_url, "max_retries": 0, **options}
    return OpenAI(**options)


class Log(AssistantEventHandler):
    """Records the callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.log: list[str] = []

    @override
    def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        self.text += delta.value or ""

    @override
    def on_message_done(self, message: Message) -> None:
        self.log.append(f"message {message.status}")

    @override
    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        self.log.append(f"tool call {tool_call.type}")

    @override
    def on_image_file_done(self, image_file: Any) -> None:
        self.log.append(f"image {image_file.file_id}")

    @override
    def on_end(self) -> None:
        self.log.append("end")


def asked(client: OpenAI, text: str, **run: Any) -> tuple[Log, Run]:
    """Return the callbacks, and the final run, of one streamed answer."""
    assistant = client.beta.assistants.create(model="m", tools=[WEATHER])  # type: ignore[list-item] # the docs use a plain dict
    handler = Log()
    with client.beta.threads.create_and_run_stream(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": text}]},
        event_handler=handler,
        **run,
    ) as stream:
        stream.until_done()
        return handler, stream.get_final_run()


def test_openai_reads_a_plain_answer(server: LocalServer) -> None:
    """Texts, messages, steps and the final run are as the SDK expects."""
    with openai_client(server) as client:
        handler, run = asked(client, "Grüße, 世界 👩‍🚀")
        assert "You said: Grüße, 世界 👩‍🚀" == handler.text
        assert (["message completed", "end"], "completed") == (handler.log, run.status)
        messages = client.beta.threads.messages.list(run.thread_id, order="asc").data
        assert ["user", "assistant"] == [message.role for message in messages]
        steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
        assert ["message_creation"] == [step.type for step in steps]
        assert run.usage == client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).usage


def test_openai_does_a_function_call_round(server: LocalServer) -> None:
    """The stream stops for the call, and continues after the outputs, in one run."""
    with openai_client(server) as client:
        first, run = asked(client, "What is the weather in Zürich?")
        assert (["tool call function", "end"], "requires_action") == (first.log, run.status)
        assert run.required_action is not None
        (call,) = run.required_action.submit_tool_outputs.tool_calls
        assert {"city": "Zürich"} == json.loads(call.function.arguments)
        second = Log()
        with client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id,
            thread_id=run.thread_id,
            tool_outputs=[{"tool_call_id": call.id, "output": "sunny"}],
            event_handler=second,
        ) as stream:
            stream.until_done()
            final = stream.get_final_run()
    assert "get_weather says: sunny" == second.text
    assert (run.id, "completed") == (final.id, final.status)


def test_openai_reads_everything_a_responder_can_send() -> None:
    """This covers code with outputs, citations, and images between texts."""

    def respond(_: Turn) -> list[Part]:
        return [
            RunCode("print(1)", "1\n", "file-plot"),
            Say("See【1】.", [FileCitation("【1】", "file-1")]),
            ShowImage("file-plot"),
            Say("Done."),
        ]

    with LocalServer(respond) as server, openai_client(server) as client:
        handler, run = asked(client, "x")
        (message,) = client.beta.threads.messages.list(run.thread_id, run_id=run.id).data
    # The SDK sends "done" again for an earlier tool call at each end: hence only the first three.
    assert ["tool call code_interpreter", "image file-plot", "message completed"] == handler.log[:3]
    assert "See【1】.Done." == handler.text
    assert ["text", "image_file", "text"] == [part.type for part in message.content]


def test_openai_sees_failures_in_the_stream() -> None:
    """A failed run is a status; an `error` event is an exception with the server's message."""
    answers: list[Answer] = [Fail("rate_limit_exceeded", "slow down"), SendError("it broke")]
    with LocalServer(lambda _: answers.pop(0)) as server, openai_client(server) as client:
        _, run = asked(client, "x")
        assert run.last_error is not None
        assert ("failed", "rate_limit_exceeded") == (run.status, run.last_error.code)
        with pytest.raises(openai.APIError, match="it broke"):
            asked(client, "x")


def test_openai_creates_lists_changes_and_deletes(server: LocalServer) -> None:
    """All calls around a run work, including pages."""
    with openai_client(server) as client:
        ids = [client.beta.assistants.create(model="m").id for _ in range(5)]
        assert ids == [item.id for item in client.beta.assistants.list(limit=2, order="asc")]
        assert "n" == client.beta.assistants.update(ids[0], name="n").name
        assert client.beta.assistants.delete(ids[0]).deleted
        thread = client.beta.threads.create(metadata={"a": "b"})
        assert {"a": "b"} == client.beta.threads.retrieve(thread.id).metadata
        message = client.beta.threads.messages.create(thread.id, role="user", content="hi")
        assert message == client.beta.threads.messages.retrieve(message.id, thread_id=thread.id)
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=ids[1])
        assert "completed" == run.status
        assert [run.id] == [item.id for item in client.beta.threads.runs.list(thread.id)]
        assert client.beta.threads.delete(thread.id).deleted
        with pytest.raises(openai.NotFoundError, match="No thread found with id"):
            client.beta.threads.retrieve(thread.id)


def test_openai_cancels_a_run_that_waits(server: LocalServer) -> None:
    """The SDK sees cancelling, then cancelled; a second cancel is a bad request."""
    with openai_client(server) as client:
        _, run = asked(client, "weather in Rome")
        cancel = client.beta.threads.runs.cancel
        assert "cancelling" == cancel(run.id, thread_id=run.thread_id).status
        poll = client.beta.threads.runs.poll
        assert "cancelled" == poll(run.id, run.thread_id, poll_interval_ms=1).status
        with pytest.raises(openai.BadRequestError, match="Cannot cancel run"):
            cancel(run.id, thread_id=run.thread_id)


def test_openai_maps_the_errors(server: LocalServer) -> None:
    """Status codes, codes and request ids arrive; a retry after 429 succeeds."""
    with LocalServer(api_key="right") as locked, openai_client(locked) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.beta.assistants.list()
        assert ("invalid_api_key", True) == (caught.value.code, bool(caught.value.request_id))
    with openai_client(server) as client:
        server.fail_next(Fault(status=429, headers={"Retry-After": "1"}))
        with pytest.raises(openai.RateLimitError):
            client.beta.assistants.list()
    with openai_client(server, max_retries=1) as client:
        server.fail_next(Fault(status=429, headers={"retry-after-ms": "1"}))
        assert [] == client.beta.assistants.list().data


@pytest.mark.parametrize(
    "framing", [Framing(framing="close"), Framing(gzip=True), Framing(chunk_size=5)]
)
def test_openai_reads_every_framing(server: LocalServer, framing: Framing) -> None:
    """The text is the same, however it is transferred."""
    server.framing = framing
    with openai_client(server) as client:
        assert "You said: héllo" == asked(client, "héllo")[0].text


class AgentLog(AgentEventHandler[None]):
    """Records the callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.log: list[str] = []

    def on_message_delta(self, delta: MessageDeltaChunk) -> None:
        """Collect the text."""
        self.text += delta.text

    def on_thread_run(self, run: ThreadRun) -> None:
        """Record the status."""
        self.log.append(RunStatus(run.status).value)

    def on_error(self, data: str) -> None:
        """Record the error."""
        self.log.append(f"error {data}")

    def on_done(self) -> None:
        """Record the end."""
        self.log.append("done")


def streamed(client: AgentsClient, text: str, **agent: Any) -> AgentLog:
    """Return the callbacks of one streamed answer."""
    made = client.create_agent(model="m", name="a", instructions="i", **agent)
    thread = client.threads.create()
    client.messages.create(thread.id, role="user", content=text)
    handler = AgentLog()
    with client.runs.stream(thread.id, agent_id=made.id, event_handler=handler) as stream:
        stream.until_done()
    return handler


def test_azure_reads_a_plain_answer(server: LocalServer) -> None:
    """Every event reaches its callback, up to the end."""
    with agents_client(server) as client:
        handler = streamed(client, "Grüße")
    assert "You said: Grüße" == handler.text
    assert ["queued", "queued", "in_progress", "completed", "done"] == handler.log
    assert {"api-version"} <= server.requests[-1].query.keys()


def test_azure_calls_functions_by_itself(server: LocalServer) -> None:
    """Its automatic calls answer `requires_action`, and the stream continues."""

    def get_weather(city: str) -> str:
        """Give the weather of a city.

        :param city: The city.
        """
        return f"sunny in {city}"

    with agents_client(server) as client:
        tools = ToolSet()
        tools.add(FunctionTool({get_weather}))
        client.enable_auto_function_calls(tools)
        handler = streamed(client, "What is the weather in Oslo?", toolset=tools)
    assert "get_weather says: sunny in Oslo" == handler.text
    assert ["requires_action", "done", "queued", "in_progress", "completed", "done"] == (
        handler.log[-6:]
    )


def test_azure_lists_and_deletes(server: LocalServer) -> None:
    """Pages, errors and deletions are as the SDK expects."""
    with agents_client(server) as client:
        ids = [client.create_agent(model="m", name="a").id for _ in range(3)]
        assert ids == [agent.id for agent in client.list_agents(limit=2, order="asc")]
        client.delete_agent(ids[0])
        with pytest.raises(HttpResponseError) as caught:
            client.get_agent(ids[0])
        assert 404 == caught.value.status_code


def test_azure_sees_an_error_in_the_stream() -> None:
    """The `error` event reaches `on_error`."""
    with LocalServer(lambda _: SendError("it broke")) as server, agents_client(server) as client:
        handler = streamed(client, "x")
    assert any(entry.startswith("error") and "it broke" in entry for entry in handler.log)
