"""Untyped scripts as a user would write them, and the floors under every decoder.

The scripts do the job in the cheapest way that Python offers: payloads stay dicts, and texts are
collected in lists and joined at the end. They know only what the streams hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Final

import requests

from tests.benchmarks.tally import Tally

__all__ = ["floor_json", "floor_orjson", "httpx_sse", "requests_lines"]


class Script:
    """The job on dicts: what is the same on every wire."""

    #: Whether the name after ``event:`` is looked at; else all that counts is in the data.
    named: ClassVar[bool] = False

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.texts: dict[Any, list[str]] = {}
        self.calls: dict[Any, list[str]] = {}

    def handle(self, name: str, data: dict[str, Any]) -> None:
        """Take the event NAME."""
        raise NotImplementedError

    def on_text_delta(self, delta: str, snapshot: list[str]) -> None:
        """A text, or one of reasoning, grew."""
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_text_done(self, text: str) -> None:
        """A text is complete."""
        self.tally.texts.append(text)

    def on_reasoning_done(self, text: str) -> None:
        """A text of reasoning is complete."""
        self.tally.reasoning.append(text)

    def on_call_done(self, arguments: str) -> None:
        """A call of a function is complete."""
        self.tally.arguments.append(arguments)

    def on_done(self) -> None:
        """A message, a step or a run is complete."""
        self.tally.done += 1


class AssistantsScript(Script):
    """The job on the Assistants wire."""

    named = True

    def handle(self, name: str, data: dict[str, Any]) -> None:
        """Take the event NAME."""
        if name == "thread.message.delta":
            for part in data["delta"]["content"]:
                if part["type"] == "text":
                    snapshot = self.texts.setdefault((data["id"], part["index"]), [])
                    value = part["text"]["value"]
                    snapshot.append(value)
                    self.on_text_delta(value, snapshot)
        elif name == "thread.run.step.delta":
            for call in data["delta"]["step_details"]["tool_calls"]:
                pieces = self.calls.setdefault((data["id"], call["index"]), [])
                if call["type"] == "function":
                    pieces.append(call["function"]["arguments"])
                else:
                    pieces.append(call["code_interpreter"].get("input", ""))
        else:
            self.over(name, data)

    def over(self, name: str, data: dict[str, Any]) -> None:
        """Take an event NAME that is no delta."""
        if name == "thread.message.completed":
            for key in [key for key in self.texts if key[0] == data["id"]]:
                self.on_text_done("".join(self.texts.pop(key)))
            self.on_done()
        elif name == "thread.run.requires_action":
            for call in data["required_action"]["submit_tool_outputs"]["tool_calls"]:
                self.on_call_done(call["function"]["arguments"])
        elif name.endswith(".completed"):
            self.on_done()


class ResponsesScript(Script):
    """The job on the Responses wire."""

    def handle(self, name: str, data: dict[str, Any]) -> None:
        """Take an event; its data has its type."""
        kind = data["type"]
        if kind == "response.output_text.delta":
            snapshot = self.texts.setdefault((data["item_id"], data["content_index"]), [])
            delta = data["delta"]
            snapshot.append(delta)
            self.on_text_delta(delta, snapshot)
        elif kind == "response.function_call_arguments.delta":
            self.calls.setdefault(data["item_id"], []).append(data["delta"])
        elif kind == "response.reasoning_summary_text.delta":
            snapshot = self.texts.setdefault((data["item_id"], data["summary_index"]), [])
            delta = data["delta"]
            snapshot.append(delta)
            self.on_text_delta(delta, snapshot)
        elif kind == "response.output_text.done":
            self.on_text_done("".join(self.texts.pop((data["item_id"], data["content_index"]))))
        elif kind == "response.function_call_arguments.done":
            self.on_call_done("".join(self.calls.pop(data["item_id"])))
        elif kind == "response.reasoning_summary_text.done":
            whole = "".join(self.texts.pop((data["item_id"], data["summary_index"])))
            self.on_reasoning_done(whole)
        elif kind in {"response.output_item.done", "response.completed"}:
            self.on_done()


class ChatScript(Script):
    """The job on the Chat Completions wire."""

    def handle(self, name: str, data: dict[str, Any]) -> None:
        """Take a chunk."""
        for choice in data["choices"]:
            delta = choice["delta"]
            if content := delta.get("content"):
                snapshot = self.texts.setdefault("content", [])
                snapshot.append(content)
                self.on_text_delta(content, snapshot)
            elif content := delta.get("reasoning_content"):
                snapshot = self.texts.setdefault("reasoning", [])
                snapshot.append(content)
                self.on_text_delta(content, snapshot)
            elif "tool_calls" in delta:
                for call in delta["tool_calls"]:
                    pieces = self.calls.setdefault(call["index"], [])
                    pieces.append(call["function"]["arguments"])
            if choice["finish_reason"]:
                self.finish()

    def finish(self) -> None:
        """Everything is complete."""
        if "reasoning" in self.texts:
            self.on_reasoning_done("".join(self.texts["reasoning"]))
        if "content" in self.texts:
            self.on_text_done("".join(self.texts["content"]))
        for pieces in self.calls.values():
            self.on_call_done("".join(pieces))
        self.on_done()


_SCRIPTS: Final[Mapping[str, type[Script]]] = {
    "assistants": AssistantsScript,
    "responses": ResponsesScript,
    "chat": ChatScript,
}


class _Raw:
    """What requests reads from, in place of urllib3's reply: gives a chunk at a time."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def stream(self, _size: int, *, decode_content: bool) -> Iterator[bytes]:
        """Give the chunks, as urllib3 does for a chunked reply."""
        yield from self._chunks


def requests_lines(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with requests' ``iter_lines`` and dicts."""
    tally = Tally()
    make = _SCRIPTS[wire]
    for chunks in streams:
        response = requests.Response()
        response.status_code = 200
        response.raw = _Raw(chunks)
        script = make(tally)
        named = script.named
        name = ""
        for line in response.iter_lines():
            if named and line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                data = line[6:]
                if data == b"[DONE]":
                    break
                script.handle(name, json.loads(data))
    return tally


def httpx_sse(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with httpx-sse and dicts."""
    tally = Tally()
    httpx: Any = import_module("httpx")
    event_source: Any = import_module("httpx_sse").EventSource
    headers = {"content-type": "text/event-stream"}
    make = _SCRIPTS[wire]
    for chunks in streams:
        response = httpx.Response(200, headers=headers, content=iter(chunks))
        script = make(tally)
        for sse in event_source(response).iter_sse():
            if sse.data == "[DONE]":
                break
            script.handle(sse.event, json.loads(sse.data))
    return tally


def _floor(streams: Sequence[Sequence[bytes]], loads: Callable[[bytes], object]) -> Tally:
    """Split on blank lines and parse each event's data; nothing else."""
    tally = Tally()
    for chunks in streams:
        rest = b""
        for chunk in chunks:
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                data = block[block.index(b"data: ") + 6 :]
                if data != b"[DONE]":
                    loads(data)
    return tally


def floor_orjson(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """The floor with orjson."""
    return _floor(streams, import_module("orjson").loads)


def floor_json(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """The floor with the standard library."""
    return _floor(streams, lambda data: json.loads(data.decode()))  # json.loads(bytes) is slower
