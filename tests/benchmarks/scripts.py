"""Untyped scripts as a user would write them, and the floors under every decoder.

The scripts do the job in the cheapest way that Python offers: payloads stay dicts, and texts are
collected in lists and joined at the end. They know only what the streams hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import requests

from tests.benchmarks.tally import Tally

__all__ = ["floor_json", "floor_orjson", "httpx_sse", "requests_lines"]


class Script:
    """The job on dicts."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.texts: dict[tuple[str, int], list[str]] = {}
        self.calls: dict[tuple[str, int], list[str]] = {}

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
        elif name == "thread.message.completed":
            for key in [key for key in self.texts if key[0] == data["id"]]:
                self.on_text_done("".join(self.texts.pop(key)))
            self.on_done()
        elif name.endswith(".completed"):
            self.on_done()

    def on_text_delta(self, delta: str, snapshot: list[str]) -> None:
        """A text grew."""
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_text_done(self, text: str) -> None:
        """A text is complete."""
        self.tally.texts.append(text)

    def on_done(self) -> None:
        """A message, a step or a run is complete."""
        self.tally.done += 1


class _Raw:
    """What requests reads from, in place of urllib3's reply: gives a chunk at a time."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def stream(self, _size: int, *, decode_content: bool) -> Iterator[bytes]:
        """Give the chunks, as urllib3 does for a chunked reply."""
        yield from self._chunks


def requests_lines(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with requests' ``iter_lines`` and dicts."""
    tally = Tally()
    for chunks in streams:
        response = requests.Response()
        response.status_code = 200
        response.raw = _Raw(chunks)
        script = Script(tally)
        name = ""
        for line in response.iter_lines():
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                data = line[6:]
                if data == b"[DONE]":
                    break
                script.handle(name, json.loads(data))
    return tally


def httpx_sse(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with httpx-sse and dicts."""
    tally = Tally()
    httpx: Any = import_module("httpx")
    event_source: Any = import_module("httpx_sse").EventSource
    headers = {"content-type": "text/event-stream"}
    for chunks in streams:
        response = httpx.Response(200, headers=headers, content=iter(chunks))
        script = Script(tally)
        for sse in event_source(response).iter_sse():
            if sse.data == "[DONE]":
                break
            script.handle(sse.event, json.loads(sse.data))
    return tally


def _floor(streams: Sequence[Sequence[bytes]], loads: Callable[[bytes], object]) -> Tally:
    """Split on blank lines and parse each event's data; nothing else."""
    tally = Tally()
    for chunks in streams:
        for chunk in chunks:
            for block in chunk.split(b"\n\n"):
                if block:
                    data = block[block.index(b"data: ") + 6 :]
                    if data != b"[DONE]":
                        loads(data)
    return tally


def floor_orjson(streams: Sequence[Sequence[bytes]]) -> Tally:
    """The floor with orjson."""
    return _floor(streams, import_module("orjson").loads)


def floor_json(streams: Sequence[Sequence[bytes]]) -> Tally:
    """The floor with the standard library."""
    return _floor(streams, lambda data: json.loads(data.decode()))  # json.loads(bytes) is slower
