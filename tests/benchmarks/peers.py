"""The official clients' runners: openai-python and azure-ai-agents.

openai-python is driven as its users drive it, through its client; only the transport under its
HTTP client is replaced by one that answers from memory, one event per chunk. azure-ai-agents'
stream takes an iterator of bytes, so it gets one, as it would from its client.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import openai
from azure.ai.agents.models import (
    AgentEventHandler,
    AgentRunStream,
    MessageDeltaChunk,
    MessageDeltaTextContent,
    RunStep,
    RunStepDeltaChunk,
    ThreadMessage,
    ThreadRun,
)
from openai.types.beta.threads import Message, Text, TextDelta
from openai.types.beta.threads.runs import RunStep as OpenAIRunStep
from openai.types.beta.threads.runs import ToolCall

from tests.benchmarks.tally import Tally

__all__ = ["azure_handler", "http_library", "openai_handler", "openai_iterate", "openai_parse"]

# --- openai-python ----------------------------------------------------------------------


def http_library() -> ModuleType:
    """The library under openai-python: httpx2 since its version 3, httpx before."""
    return sys.modules.get("httpx2") or import_module("httpx")


class _Memory:
    """Answers each request with the next of STREAMS."""

    def __init__(self, streams: Sequence[Sequence[bytes]]) -> None:
        self._answers = iter(streams)
        self._http: Any = http_library()

    def client(self) -> openai.OpenAI:
        """The official client, with this under it."""
        transport = self._http.MockTransport(self._answer)
        client = self._http.Client(transport=transport)
        return openai.OpenAI(
            api_key="none", base_url="http://memory.invalid/v1", http_client=client, max_retries=0
        )

    def _answer(self, request: object) -> Any:
        """Make the reply."""
        headers = {"content-type": "text/event-stream"}
        return self._http.Response(200, headers=headers, content=iter(next(self._answers)))


class OpenAIJob(openai.AssistantEventHandler):
    """The job, in openai-python's callbacks."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta.value or "")

    def on_text_done(self, text: Text) -> None:
        self.tally.texts.append(text.value)

    def on_message_done(self, message: Message) -> None:
        self.tally.done += 1

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        self.tally.done += 1

    def on_run_step_done(self, run_step: OpenAIRunStep) -> None:
        self.tally.done += 1

    def on_end(self) -> None:
        self.tally.done += 1


def openai_handler(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with openai-python's event handler."""
    tally = Tally()
    runs = _Memory(streams).client().beta.threads.runs
    for _ in streams:
        handler = OpenAIJob(tally)
        with (
            _deprecation_ignored(),
            runs.stream(thread_id="t", assistant_id="a", event_handler=handler) as stream,
        ):
            stream.until_done()
    return tally


def openai_parse(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with openai-python's event handler, on a reply already there: no request."""
    tally = Tally()
    http: Any = http_library()
    client = _Memory(()).client()
    request = http.Request("POST", "http://memory.invalid/v1")
    for chunks in streams:
        response = http.Response(200, request=request, content=iter(chunks))
        events: Any = openai.Stream(cast_to=_event_type(), response=response, client=client)
        handler = OpenAIJob(tally)
        handler._init(events)
        handler.until_done()
    return tally


def _event_type() -> Any:
    """The union of openai-python's assistant events."""
    return import_module("openai.types.beta").AssistantStreamEvent


def openai_iterate(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Read openai-python's events in a loop: no handler, no snapshots."""
    tally = Tally()
    runs = _Memory(streams).client().beta.threads.runs
    for _ in streams:
        with _deprecation_ignored():
            stream = runs.create(thread_id="t", assistant_id="a", stream=True)
        for event in stream:
            if event.event == "thread.message.delta":
                tally.deltas += 1
            elif event.event == "thread.message.completed":
                tally.texts += [x.text.value for x in event.data.content if x.type == "text"]
    return tally


def _deprecation_ignored() -> warnings.catch_warnings[None]:
    """Keep quiet about the API's end of life."""
    return warnings.catch_warnings(action="ignore", category=DeprecationWarning)


# --- azure-ai-agents --------------------------------------------------------------------


class AzureJob(AgentEventHandler[None]):
    """The job, in azure-ai-agents' callbacks; it has no snapshots, so they are kept here."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally
        self.snapshots: dict[tuple[str, int], list[str]] = {}
        self.calls: dict[tuple[str, int], list[str]] = {}

    def on_message_delta(self, delta: MessageDeltaChunk) -> None:
        for part in delta.delta.content:
            if isinstance(part, MessageDeltaTextContent) and part.text is not None:
                snapshot = self.snapshots.setdefault((delta.id, part.index), [])
                snapshot.append(part.text.value or "")
                self.on_text_delta(part.text.value or "", snapshot)

    def on_text_delta(self, delta: str, snapshot: list[str]) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_run_step_delta(self, delta: RunStepDeltaChunk) -> None:
        details: Any = delta.delta.step_details
        for call in details.tool_calls or ():
            pieces = self.calls.setdefault((delta.id, call.index), [])
            if call.type == "function":
                pieces.append(call.function.arguments or "")
            elif call.type == "code_interpreter":
                pieces.append(call.code_interpreter.input or "")

    def on_thread_message(self, message: ThreadMessage) -> None:
        if message.status == "completed":
            self.tally.texts += [x.text.value for x in message.text_messages]
            self.tally.done += 1

    def on_run_step(self, step: RunStep) -> None:
        self.tally.done += step.status == "completed"

    def on_thread_run(self, run: ThreadRun) -> None:
        self.tally.done += run.status == "completed"


def _no_outputs(*_: object) -> list[dict[str, str]]:
    """Submit nothing: the stream ends where the run requires action."""
    return []


def _bytes(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Give CHUNKS as the client's reply does."""
    yield from chunks


def azure_handler(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with azure-ai-agents' event handler."""
    tally = Tally()
    for chunks in streams:
        with AgentRunStream(_bytes(chunks), _no_outputs, AzureJob(tally)) as stream:
            stream.until_done()
    return tally
