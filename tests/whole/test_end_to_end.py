"""The same handlers against four foreign servers, one of them with a real model.

- llama.cpp's server with a language model of 135 million parameters, on Responses and Chat;
- Microsoft's server of the Responses protocol, with the agent of tests/servers/agentserver.py;
- aimock, a mock of many services, with the answers of tests/servers/aimock.json;
- fakeai, a mock of OpenAI's API, for its Assistants.

A model's answer is not known beforehand, so the tests only check that all accounts of it agree.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from handlers import EventHandler
from stream_core import (
    BadRequestError,
    Client,
    IncompleteStreamError,
    NotAnEventStreamError,
    RateLimitError,
    Stream,
    TransportError,
    models,
)
from stream_core.http.transport import ResponseSource
from tests import ROOT
from tests.support import foreign_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core import StreamRecovered

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

WIRES = ("responses", "chat")

SAID = "Salt water is wet, naïve fish."
GREETING = "Good morning, naïve reader: the kettle is on."


class Heard(EventHandler):
    """Records the callbacks that are asserted for every wire."""

    def __init__(self) -> None:
        self.milestones: list[str] = []
        self.pieces: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.recoveries = 0

    def on_run_created(self, run: models.Run) -> None:
        self.milestones.append("created")

    def on_message_created(self, message: models.Message) -> None:
        self.milestones.append("message")

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.pieces.append(delta.value or "")
        assert self.said == snapshot.value

    def on_text_done(self, text: models.Text) -> None:
        self.milestones.append("text")
        assert text.value.endswith(self.said)  # all of it, unless joined midway

    def on_reasoning_delta(self, delta: str, snapshot: str) -> None:
        self.reasoning.append(delta)

    def on_reasoning_summary_delta(self, delta: str, snapshot: str) -> None:
        self.reasoning.append(delta)

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        assert isinstance(tool_call, models.FunctionToolCall)
        self.calls.append((tool_call.id, tool_call.function.arguments))

    def on_recovered(self, report: StreamRecovered) -> None:
        self.recoveries += 1

    def on_run_done(self, run: models.Run) -> None:
        self.milestones.append(str(run.status))

    def on_done(self) -> None:
        self.milestones.append("done")

    def on_exception(self, exception: Exception) -> None:
        self.milestones.append(type(exception).__name__)

    def on_end(self) -> None:
        self.milestones.append("end")

    @property
    def said(self) -> str:
        """All pieces joined."""
        return "".join(self.pieces)


#: The milestones of a run that is one message.
WHOLE = ["created", "message", "text", "completed", "done", "end"]


def listen(client: Client, wire: str, question: str, /, **params: Any) -> tuple[Stream, Heard]:
    """Ask QUESTION on one of the two wires; nothing is read yet."""
    heard = Heard()
    params = {"model": "any", "handlers": [heard], **params}
    if wire == "responses":
        return client.responses.stream(input=question, **params), heard
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.stream(messages=messages, **params), heard


def final_text(stream: Stream) -> str:
    """Return the texts of the final messages, joined."""
    return "".join(
        part.text.value
        for message in stream.get_final_messages()
        for part in message.content
        if isinstance(part, models.TextContentBlock)
    )


def get_weather(city: str) -> str:
    """Tell what the weather in a city is now."""
    return f"warm at {city}"


@pytest.fixture(scope="module")
def servers(pytestconfig: pytest.Config) -> Path:
    """Return the folder in which make put the servers."""
    folder = pytestconfig.getoption("--servers")
    assert isinstance(folder, Path)
    return folder


# --- A real model ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Yield a client of llama.cpp's server."""
    for address in foreign_servers.language_model(tmp_path_factory.mktemp("llm")):
        with Client("none", f"{address}/v1") as client:
            yield client


@pytest.mark.parametrize("wire", WIRES)
def test_a_real_model_answers_in_pieces(llm: Client, wire: str) -> None:
    """The deltas are the final text, piece by piece, and the run completes with its usage."""
    # On Chat, the answer ends at its first full stop; on Responses there is no such parameter.
    limit = {"max_output_tokens": 16} if wire == "responses" else {"max_tokens": 30, "stop": ["."]}
    stream, heard = listen(llm, wire, "Say hello.", temperature=0, **limit)
    run = stream.get_final_run()
    assert WHOLE == heard.milestones
    assert len(heard.pieces) > 1
    assert heard.said
    assert heard.said == final_text(stream)
    assert run.usage is not None
    assert 1 < run.usage.completion_tokens <= 30
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens


def test_a_real_model_gets_the_whole_thread(llm: Client) -> None:
    """The server keeps nothing and says so: from then on everything is sent, and it reads more."""
    limits: dict[str, Any] = {"temperature": 0, "max_completion_tokens": 5}
    assistants = {"asst_1": {"model": "any", "instructions": "Be brief."}}
    read = []
    with Client("none", llm.base_url, wire="responses", assistants=assistants) as client:
        thread = client.threads.create()
        for question in ("Name a fish.", "Name another."):
            client.threads.messages.create(thread.id, role="user", content=question)
            run = client.threads.runs.create(thread.id, assistant_id="asst_1", **limits)
            assert run.usage is not None
            read.append(run.usage.prompt_tokens)
        messages = client.threads.messages.list(thread.id).data
    assert ["assistant", "user"] * 2 == [message.role for message in messages]
    assert all(message.text for message in messages)
    assert read[1] > read[0] + 5


def test_a_real_model_is_cut_off_by_the_limit_of_tokens(llm: Client) -> None:
    """The run is incomplete for that reason, and the text so far is kept."""
    stream, heard = listen(llm, "chat", "Tell me of the sea.", temperature=0, max_tokens=5)
    run = stream.get_final_run()
    assert ["created", "message", "text", "incomplete", "done", "end"] == heard.milestones
    assert run.incomplete_details is not None
    assert "max_completion_tokens" == run.incomplete_details.reason
    assert heard.said
    assert heard.said == final_text(stream)


def test_both_wires_give_the_same_text(llm: Client) -> None:
    """One model, one question, no randomness: same text and same callbacks on both wires."""
    limits = {"max_output_tokens": 8}, {"max_tokens": 8}
    # Numbers from its cache differ in the last digits from newly computed ones.
    anew = {"temperature": 0, "extra_body": {"cache_prompt": False}}
    heard = []
    for wire, limit in zip(WIRES, limits, strict=True):
        stream, one = listen(llm, wire, "Name a fish.", **anew, **limit)
        stream.until_done()
        heard.append(one)
    assert heard[0].said == heard[1].said
    assert heard[0].milestones[:3] == heard[1].milestones[:3]


def test_the_example_with_a_model_runs(llm: Client) -> None:
    """It starts its own server, prints an answer from each wire, and stops it."""
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "llm.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONWARNINGS": "error"},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert 0 == done.returncode, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("[SmolLM2-135M is loaded and answers at http://127.0.0.1:")
    for path in ("/v1/responses", "/v1/chat/completions"):
        assert f"[POST {path}]\nYou ask: Name three kinds of fish.\n" in done.stdout
    assert 2 == done.stdout.count("the second handler kept ")
    assert last.endswith("characters]")
    assert "kept 0 " not in done.stdout


# --- Microsoft's Responses server -----------------------------------------------------------


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, servers: Path) -> Iterator[Client]:
    """Yield a client for the scripted agent; its paths have no /v1."""
    for address in foreign_servers.agentserver(servers, tmp_path_factory.mktemp("agent")):
        with Client("none", address) as client:
            yield client


@pytest.mark.parametrize("script", ["text", "slow"])
def test_an_agent_answers_with_a_text(agent: Client, tmp_path: Path, script: str) -> None:
    """It may follow a silence in which the server sends comments: no event, and no end."""
    stream, heard = listen(agent, "responses", script)
    with (tmp_path / "bytes").open("wb") as file:
        run = stream.tee(file).get_final_run()
    assert WHOLE == heard.milestones
    assert len(SAID.split()) == len(heard.pieces)
    assert SAID == heard.said == final_text(stream)
    assert "completed" == run.status
    assert (b"\n: keep-alive" in (tmp_path / "bytes").read_bytes()) == (script == "slow")


def test_an_agent_calls_functions_and_continues_with_their_outputs(agent: Client) -> None:
    """Both are answered in one round, which names the previous response: one run, one end."""
    stream, heard = listen(agent, "responses", "weather", tools=[get_weather])
    run = stream.get_final_run()
    assert [("call_1", '{"city": "Faro"}'), ("call_2", '{"city": "Évora"}')] == heard.calls
    assert "It says: warm at Faro; warm at Évora" == heard.said == final_text(stream)
    assert WHOLE == heard.milestones
    assert "completed" == run.status


def test_an_agent_waits_for_outputs_that_the_caller_sends(agent: Client) -> None:
    """Without functions the run ends waiting, with the calls, whose ids are the server's."""
    stream, heard = listen(agent, "responses", "weather")
    run = stream.get_final_run()
    assert "requires_action" == run.status
    assert run.required_action is not None
    assert run.required_action.submit_tool_outputs is not None
    wanted = run.required_action.submit_tool_outputs.tool_calls
    assert ["call_1", "call_2"] == [call.id for call in wanted]
    outputs = [
        {"type": "function_call_output", "call_id": call.id, "output": "fog"} for call in wanted
    ]
    second = Heard()
    agent.responses.stream(
        model="any", input=outputs, previous_response_id=run.id, handlers=[second]
    ).until_done()
    assert "It says: fog; fog" == second.said
    assert ["created", "done", "end"] == heard.milestones


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [("fail", "failed", "Salt water "), ("long", "incomplete", "Salt water is ")],
)
def test_an_agent_stops_in_the_middle(agent: Client, script: str, status: str, said: str) -> None:
    """The open message is closed with its text so far, and the run states why it ended."""
    stream, heard = listen(agent, "responses", script)
    run = stream.get_final_run()
    assert ["created", "message", "text", status, "done", "end"] == heard.milestones
    assert said == heard.said == final_text(stream)
    if script == "fail":
        assert run.last_error is not None
        assert ("server_error", "the sea is closed") == (
            run.last_error.code,
            run.last_error.message,
        )
    else:
        assert run.incomplete_details is not None
        assert "max_completion_tokens" == run.incomplete_details.reason


def test_an_agent_in_the_background_is_joined_again(agent: Client) -> None:
    """The connection is lost in the middle; nothing is missed and nothing comes twice."""
    stream, heard = listen(agent, "responses", "pause", background=True, store=True)
    while stream.next():
        if heard.pieces and not heard.recoveries:
            stream.response.raw.shutdown()
    assert stream.err is None
    assert 1 == heard.recoveries
    assert SAID == heard.said == final_text(stream)
    assert WHOLE == heard.milestones


def test_an_agent_in_the_background_is_cancelled(agent: Client) -> None:
    """The server ends the response in the middle, and the stream reports that."""
    stream, heard = listen(agent, "responses", "pause", background=True, store=True)
    while not heard.pieces:
        assert stream.next()
    run = stream.cancel()
    assert run is not None
    assert "cancelled" == run.status
    assert ["created", "message", "text", "cancelled", "done", "end"] == heard.milestones
    assert SAID.startswith(heard.said)
    assert heard.said != SAID


def test_an_answer_in_the_background_is_replayed_from_its_middle(agent: Client) -> None:
    """The server's own replay after some events decodes to the rest of the text and the end."""
    stream, _ = listen(agent, "responses", "text", background=True, store=True)
    run = stream.get_final_run()
    after = 5  # created, in_progress, item, part, and the first two words
    query: dict[str, str | int] = {"stream": "true", "starting_after": after}
    reply = requests.get(
        f"{agent.base_url}/responses/{run.id}", params=query, stream=True, timeout=30
    )
    heard = Heard()
    again = Stream(ResponseSource(reply), heard, dialect="responses")
    assert "completed" == again.get_final_run().status
    assert heard.said
    assert SAID.endswith(heard.said)
    assert heard.milestones[-3:] == ["completed", "done", "end"]


def turn(client: Client, thread_id: str, question: str) -> tuple[models.Run, Heard]:
    """Add a message to a thread and read the run on it, with the Assistants calls."""
    heard = Heard()
    client.threads.messages.create(thread_id, role="user", content=question)
    stream = client.threads.runs.stream(thread_id, assistant_id="asst_1", event_handler=heard)
    return stream.get_final_run(), heard


def test_an_agent_remembers_a_thread(agent: Client) -> None:
    """With the Assistants calls, each run names the previous response, even after outputs."""
    assistants = {"asst_1": {"model": "any"}}
    with Client("none", agent.base_url, wire="responses", assistants=assistants) as client:
        thread = client.threads.create()
        run, heard = turn(client, thread.id, "text")
        assert ("completed", WHOLE, SAID) == (run.status, heard.milestones, heard.said)
        run, _ = turn(client, thread.id, "weather")
        assert "requires_action" == run.status
        outputs = [{"tool_call_id": f"call_{number}", "output": "fog"} for number in (1, 2)]
        stream = client.threads.runs.submit_tool_outputs_stream(
            run.id, thread_id=thread.id, tool_outputs=outputs
        )
        assert "It says: fog; fog" == final_text(stream)
        run, heard = turn(client, thread.id, "recall")
        assert ("completed", thread.id, "asst_1") == (run.status, run.thread_id, run.assistant_id)
    past = ["text", SAID, "weather", *["function_call"] * 2, "fog", "fog", "It says: fog; fog"]
    assert f"We said: {'; '.join(past)}" == heard.said


def test_an_agent_refuses_an_invalid_request(agent: Client) -> None:
    """Its checks of a request are errors before any event, with its own words and code."""
    with pytest.raises(BadRequestError, match=r"Malformed identifier\.") as caught:
        listen(agent, "responses", "text", previous_response_id="nonsense")
    assert "invalid_parameters" == caught.value.code


# --- A mock of many services ----------------------------------------------------------------


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory, servers: Path) -> Iterator[Client]:
    """Yield a client for aimock."""
    for address in foreign_servers.aimock(servers, tmp_path_factory.mktemp("aimock")):
        with Client("none", f"{address}/v1", max_retries=0) as client:
            yield client


@pytest.mark.parametrize("wire", WIRES)
def test_a_mock_answers_with_a_text(mock: Client, wire: str) -> None:
    """It comes in pieces of eight characters, the same on both wires."""
    stream, heard = listen(mock, wire, "greet me")
    stream.until_done()
    assert WHOLE == heard.milestones
    assert [GREETING[at : at + 8] for at in range(0, len(GREETING), 8)] == heard.pieces
    assert GREETING == final_text(stream)


@pytest.mark.parametrize("wire", WIRES)
def test_a_mock_reasons_before_it_answers(mock: Client, wire: str) -> None:
    """Its reasoning is separate from its text."""
    stream, heard = listen(mock, wire, "think of it")
    stream.until_done()
    assert WHOLE == heard.milestones
    assert ("Three by three is nine.", "Nine.") == ("".join(heard.reasoning), heard.said)


@pytest.mark.parametrize("wire", WIRES)
def test_a_mock_calls_functions(mock: Client, wire: str) -> None:
    """Both calls are run, and the answer to the follow-up ends the same run.

    The mock keeps nothing, so even on Responses the whole input is sent again.
    """
    stateless = {"stateless": True} if wire == "responses" else {}
    stream, heard = listen(mock, wire, "the weather, please", tools=[get_weather], **stateless)
    run = stream.get_final_run()
    assert [("call_1", '{"city":"Faro"}'), ("call_2", '{"city":"Évora"}')] == heard.calls
    assert "Warm in both." == heard.said == final_text(stream)
    assert WHOLE == heard.milestones
    assert "completed" == run.status


@pytest.mark.parametrize("wire", WIRES)
def test_a_mock_drops_the_connection(mock: Client, wire: str) -> None:
    """The events before it are delivered; then the stream fails, and reports it everywhere."""
    stream, heard = listen(mock, wire, "cut it")
    with pytest.raises((TransportError, IncompleteStreamError)) as caught:
        stream.until_done()
    assert caught.value is stream.err
    assert heard.said.startswith("This is ")
    assert [type(caught.value).__name__, "end"] == heard.milestones[-2:]
    assert "completed" not in heard.milestones


@pytest.mark.parametrize("wire", WIRES)
def test_a_mock_is_busy(mock: Client, wire: str) -> None:
    """An HTTP error comes before any event, with the server's words and code."""
    with pytest.raises(RateLimitError, match=r"Come back later\.") as caught:
        listen(mock, wire, "busy?")
    assert (429, "busy") == (caught.value.status_code, caught.value.code)


def test_an_answer_that_is_not_a_stream_is_an_error(mock: Client) -> None:
    """If JSON comes instead of a stream, the error shows it."""
    extra = {"extra_body": {"stream": False}}
    with pytest.raises(NotAnEventStreamError, match="application/json"):
        listen(mock, "responses", "greet me", **extra)


# --- A mock that has Assistants -------------------------------------------------------------


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory, servers: Path) -> Iterator[Client]:
    """Yield a client for fakeai."""
    for address in foreign_servers.fakeai(servers, tmp_path_factory.mktemp("fakeai")):
        with Client("any", f"{address}/v1") as client:
            yield client


def test_a_foreign_assistant_runs(fake: Client) -> None:
    """It sends no text, but its run is complete from creation to end."""
    assistant = fake.assistants.create(model="any")
    thread = fake.threads.create(messages=[{"role": "user", "content": "Good morning!"}])
    stream = fake.threads.runs.stream(thread.id, assistant_id=assistant.id, handlers=[Heard()])
    run = stream.get_final_run()
    (heard,) = stream.handlers
    assert isinstance(heard, Heard)
    assert ["created", "completed", "done", "end"] == heard.milestones
    assert (assistant.id, thread.id) == (run.assistant_id, run.thread_id)


def test_a_foreign_chat_reaches_the_same_handler(fake: Client) -> None:
    """The words differ each time; the deltas are the final text."""
    stream, heard = listen(fake, "chat", "Good morning!", max_tokens=10)
    stream.until_done()
    assert heard.said
    assert heard.said == final_text(stream)
    assert ["created", "message", "text"] == heard.milestones[:3]
    assert ["done", "end"] == heard.milestones[-2:]
