"""A server, a client and a thread with a question, for tests of whole runs over real HTTP."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from stream_core import Client, models
from stream_core.testing import CallFunctions, FunctionCall, LocalServer, Say, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.streams.stream import Stream
    from stream_core.testing.responder import Answer

#: Definitions of two functions.
TIDES, WIND = (
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
        },
    }
    for name in ("get_tides", "get_wind")
)


def get_tides(port: str) -> str:
    """Tell when the water is high.

    Args:
        port: The port.
    """
    return f"high water at {port} is at 16:35"


def get_wind(port: str) -> str:
    """Tell where the wind blows from.

    Args:
        port: The port.
    """
    return f"at {port} it blows from the north"


FUNCTIONS: dict[str, Callable[..., str]] = {"get_tides": get_tides, "get_wind": get_wind}


def calls_first(turn: Turn) -> Answer:
    """Call both functions at once, then answer with their outputs."""
    if not turn.results:
        return CallFunctions([FunctionCall(name, {"port": "Porto"}) for name in FUNCTIONS])
    return Say("; ".join(str(result.output) for result in turn.results))


@frozen
class Conversation:
    """A thread on a server, and a client for it."""

    server: LocalServer
    client: Client
    thread_id: str
    assistant_id: str

    def stream(self, **params: Any) -> Stream:
        """Start a run."""
        return self.client.threads.runs.stream(
            self.thread_id, assistant_id=self.assistant_id, **params
        )

    def submit(self, run: models.Run, **options: Any) -> Stream:
        """Run the functions that RUN requires, and read the stream that continues it."""
        return self.client.threads.runs.submit_tool_outputs_stream(
            run.id, thread_id=run.thread_id, tool_outputs=outputs_for(run), **options
        )

    @property
    def run(self) -> models.Run:
        """The newest run, as the server has it."""
        return self.client.threads.runs.list(self.thread_id, limit=1).data[0]

    def asked(self, ending: str) -> list[Any]:
        """The JSON bodies of the requests whose path ends with ENDING."""
        return [x.json for x in self.server.requests if x.path.endswith(ending)]


@contextmanager
def conversation(
    responder: Callable[[Turn], Answer] = calls_first, **settings: Any
) -> Iterator[Conversation]:
    """Begin a thread with a question; SETTINGS are passed to the client."""
    settings = {"max_retries": 0, **settings}
    with LocalServer(responder) as server, Client("any", server.base_url, **settings) as client:
        assistant = client.assistants.create(model="gpt-4o", tools=[TIDES, WIND])
        question = {"role": "user", "content": "How are the tides and the wind at Porto?"}
        thread = client.threads.create(messages=[question])
        yield Conversation(server, client, thread.id, assistant.id)


def required_calls(run: models.Run) -> list[models.RequiredActionFunctionToolCall]:
    """Return the calls whose outputs RUN waits for."""
    assert run.required_action is not None
    assert run.required_action.submit_tool_outputs is not None
    return run.required_action.submit_tool_outputs.tool_calls


def outputs_for(run: models.Run) -> list[dict[str, str]]:
    """Run the functions that RUN requires."""
    return [
        {
            "tool_call_id": call.id,
            "output": FUNCTIONS[call.function.name](**json.loads(call.function.arguments)),
        }
        for call in required_calls(run)
    ]
