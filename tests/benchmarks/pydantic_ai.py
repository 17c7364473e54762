"""pydantic-ai's runner, on the two wires that its models of OpenAI speak.

Its model is asked as its agents ask it, through openai-python's asynchronous client with a
transport in memory. The parts that it puts together are what the others call snapshots.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from tests.benchmarks.tally import Tally

__all__ = ["pydantic_ai_stream"]

_MODELS: Final[Mapping[str, str]] = {"responses": "OpenAIResponsesModel", "chat": "OpenAIChatModel"}


def pydantic_ai_stream(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with the events of a model's stream."""
    return asyncio.run(_read(wire, streams))


async def _read(wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Read all STREAMS with one model."""
    tally = Tally()
    messages = import_module("pydantic_ai.messages")
    parameters = import_module("pydantic_ai.models").ModelRequestParameters()
    model = _model(wire, streams)
    question = [messages.ModelRequest(parts=[messages.UserPromptPart("Ahoy!")])]
    for _ in streams:
        async with model.request_stream(question, None, parameters) as stream:
            async for event in stream:
                said = _said(event, messages)
                if said:
                    tally.deltas += 1
                    tally.characters += len(said)
        _finish(stream.get().parts, tally)
    return tally


def _said(event: Any, messages: Any) -> str:
    """Return the piece of text or of reasoning that EVENT brings; of a call it is empty."""
    piece: str | None = None
    if isinstance(event, messages.PartDeltaEvent):
        if event.delta.part_delta_kind != "tool_call":
            piece = event.delta.content_delta
    elif isinstance(event, messages.PartStartEvent) and event.part.part_kind != "tool-call":
        piece = event.part.content
    return piece or ""


def _finish(parts: Sequence[Any], tally: Tally) -> None:
    """Note what the PARTS of an answer say."""
    wholes = {"text": tally.texts, "thinking": tally.reasoning}
    for part in parts:
        tally.done += 1
        if part.part_kind == "tool-call":
            tally.arguments.append(part.args)
        elif part.content:
            wholes[part.part_kind].append(part.content)


def _model(wire: str, streams: Sequence[Sequence[bytes]]) -> Any:
    """Make the model; each request is answered with the next of STREAMS."""
    models = import_module("pydantic_ai.models.openai")
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider
    openai = import_module("openai")
    http: Any = sys.modules.get("httpx2") or import_module("httpx")
    answers = iter(streams)

    async def body(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
        """Give CHUNKS one by one."""
        for chunk in chunks:
            yield chunk

    async def answer(request: object) -> Any:
        """Make the reply."""
        headers = {"content-type": "text/event-stream"}
        return http.Response(200, headers=headers, content=body(next(answers)))

    client = openai.AsyncOpenAI(
        api_key="none",
        base_url="http://memory.invalid/v1",
        http_client=http.AsyncClient(transport=http.MockTransport(answer)),
        max_retries=0,
    )
    return getattr(models, _MODELS[wire])("gpt-4o", provider=provider(openai_client=client))
