"""openai-python's runners, on every wire.

It is driven as its users drive it, through its client; only the transport under its HTTP client
is replaced by one that answers from memory, one chunk after the other.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeAlias

import openai
from openai.types.beta.threads import Message, Text, TextDelta
from openai.types.beta.threads.runs import RunStep, ToolCall

from tests.benchmarks.tally import Tally

__all__ = ["http_library", "openai_handler", "openai_iterate", "openai_parse"]


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


#: Reads one stream that a client gets, into a tally.
_Reader: TypeAlias = Callable[[openai.OpenAI, Tally], None]

#: What a request has to have; nobody looks at it.
_MESSAGES: Final[Any] = [{"role": "user", "content": "Ahoy!"}]


def openai_handler(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with the helper that accumulates: ``.stream()``, Assistants with a handler."""
    return _read(streams, _HELPERS[wire])


def openai_iterate(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Read the events of ``create(stream=True)`` in a loop: no handler, no snapshots."""
    return _read(streams, _LOOPS[wire])


def _read(streams: Sequence[Sequence[bytes]], reader: _Reader) -> Tally:
    """Read all STREAMS with one client."""
    tally = Tally()
    client = _Memory(streams).client()
    for _ in streams:
        reader(client, tally)
    return tally


# --- Assistants -------------------------------------------------------------------------


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
        if tool_call.type == "function":
            self.tally.arguments.append(tool_call.function.arguments)

    def on_run_step_done(self, run_step: RunStep) -> None:
        self.tally.done += 1

    def on_end(self) -> None:
        self.tally.done += 1


def _assistants_helper(client: openai.OpenAI, tally: Tally) -> None:
    """Read with a handler."""
    runs = client.beta.threads.runs
    with (
        _deprecation_ignored(),
        runs.stream(thread_id="t", assistant_id="a", event_handler=OpenAIJob(tally)) as stream,
    ):
        stream.until_done()


def _assistants_loop(client: openai.OpenAI, tally: Tally) -> None:
    """Read in a loop."""
    with _deprecation_ignored():
        stream = client.beta.threads.runs.create(thread_id="t", assistant_id="a", stream=True)
    for event in stream:
        if event.event == "thread.message.delta":
            tally.deltas += 1
        elif event.event == "thread.message.completed":
            tally.texts += [x.text.value for x in event.data.content if x.type == "text"]
        elif event.event == "thread.run.requires_action":
            action: Any = event.data.required_action
            calls = action.submit_tool_outputs.tool_calls
            tally.arguments += [call.function.arguments for call in calls]


def openai_parse(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
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


def _deprecation_ignored() -> warnings.catch_warnings[None]:
    """Keep quiet about the API's end of life."""
    return warnings.catch_warnings(action="ignore", category=DeprecationWarning)


# --- Responses --------------------------------------------------------------------------


def _responses_events(events: Iterable[Any], tally: Tally) -> None:
    """Do the job; the helper's events differ only in having the snapshots too."""
    for event in events:
        kind = event.type
        if kind in {"response.output_text.delta", "response.reasoning_summary_text.delta"}:
            tally.deltas += 1
            tally.characters += len(event.delta)
        elif kind == "response.output_text.done":
            tally.texts.append(event.text)
        elif kind == "response.function_call_arguments.done":
            tally.arguments.append(event.arguments)
        elif kind == "response.reasoning_summary_text.done":
            tally.reasoning.append(event.text)
        elif kind in {"response.output_item.done", "response.completed"}:
            tally.done += 1


def _responses_helper(client: openai.OpenAI, tally: Tally) -> None:
    """Read with the helper."""
    with client.responses.stream(model="m", input="Ahoy!") as stream:
        _responses_events(stream, tally)


def _responses_loop(client: openai.OpenAI, tally: Tally) -> None:
    """Read in a loop."""
    _responses_events(client.responses.create(model="m", input="Ahoy!", stream=True), tally)


# --- Chat Completions -------------------------------------------------------------------


def _chat_helper(client: openai.OpenAI, tally: Tally) -> None:
    """Read with the helper; it accumulates reasoning as well, but has no events for it."""
    with client.chat.completions.stream(model="m", messages=_MESSAGES) as stream:
        for event in stream:
            if event.type == "content.delta" and event.delta:
                tally.deltas += 1
                tally.characters += len(event.delta)
            elif event.type == "content.done":
                tally.texts.append(event.content)
            elif event.type == "tool_calls.function.arguments.done":
                tally.arguments.append(event.arguments)
            elif event.type == "chunk":
                for choice in event.chunk.choices:
                    thought = getattr(choice.delta, "reasoning_content", None)
                    if thought:
                        tally.deltas += 1
                        tally.characters += len(thought)
        message: Any = stream.get_final_completion().choices[0].message
        tally.done += 1
        if getattr(message, "reasoning_content", None):
            tally.reasoning.append(message.reasoning_content)


def _chat_loop(client: openai.OpenAI, tally: Tally) -> None:
    """Read in a loop; it is not said when something is over, so pieces are kept."""
    pieces: dict[Any, list[str]] = {}
    stream: Any = client.chat.completions.create(model="m", messages=_MESSAGES, stream=True)
    for chunk in stream:
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content:
                tally.deltas += 1
                pieces.setdefault("content", []).append(delta.content)
            elif thought := getattr(delta, "reasoning_content", None):
                tally.deltas += 1
                pieces.setdefault("reasoning", []).append(thought)
            for call in delta.tool_calls or ():
                pieces.setdefault(call.index, []).append(call.function.arguments)
    for place, parts in pieces.items():
        wholes = {"content": tally.texts, "reasoning": tally.reasoning}
        wholes.get(place, tally.arguments).append("".join(parts))


_HELPERS: Final[Mapping[str, _Reader]] = {
    "assistants": _assistants_helper,
    "responses": _responses_helper,
    "chat": _chat_helper,
}
_LOOPS: Final[Mapping[str, _Reader]] = {
    "assistants": _assistants_loop,
    "responses": _responses_loop,
    "chat": _chat_loop,
}
