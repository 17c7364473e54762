"""The payloads of the Chat Completions wire: chunks, and what is in them.

Rules of this file:

- Classes only. Field names and nesting are those of OpenAI's ``chat.completion.chunk``; fields
  that other servers add are marked with the server's name.
- A field is here only if the dialect uses it. The fields of OpenAI's chunks that it does not
  use are in ``RAW_ONLY``, with the reason; their values are in ``event.raw``.
- As in ``models``, every field has a default, and unknown keys are in ``extra``. A field that
  servers fill with several types is ``Any`` and read by the dialect.
"""

# attrs and cattrs evaluate these annotations, so their names are imported at runtime.
from __future__ import annotations

from typing import Any

from attrs import define, field

from stream_core.models import Payload, Usage

__all__ = [
    "CHUNK",
    "RAW_ONLY",
    "ChatChunk",
    "ChunkAnnotation",
    "ChunkChoice",
    "ChunkCitation",
    "ChunkContent",
    "ChunkCustom",
    "ChunkDelta",
    "ChunkFunction",
    "ChunkPart",
    "ChunkReasoning",
    "ChunkThought",
    "ChunkToolCall",
    "GroqExtra",
]

#: The ``object`` of a chunk.
CHUNK = "chat.completion.chunk"

#: Fields of OpenAI's chunks that have no place in any event, and why.
RAW_ONLY = {
    "object": "says only that it is a chunk",
    "obfuscation": "padding that hides how long the text is",
    "service_tier": "a run has no field for it",
    "system_fingerprint": "a run has no field for it",
    "choices[].logprobs": "texts of the Assistants wire have no probabilities",
    "choices[].delta.role": "an answer's role is always assistant",
}


@define(eq=False, repr=False)
class ChunkFunction(Payload):
    """A piece of a function call; ``arguments`` is text, or one object with all of them."""

    name: str | None = None
    arguments: Any = None


@define(eq=False, repr=False)
class ChunkCustom(Payload):
    """A piece of a call of a custom tool, whose input may be any text."""

    name: str | None = None
    input: str | None = None


@define(eq=False, repr=False)
class ChunkToolCall(Payload):
    """A piece of a call; the dialect finds out which call it belongs to.

    Fields that a server adds (Gemini: ``extra_content``) are in ``extra``.
    """

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: ChunkFunction | None = None
    custom: ChunkCustom | None = None


@define(eq=False, repr=False)
class ChunkReasoning(Payload):
    """OpenRouter: a piece of reasoning, or of its summary."""

    type: str | None = None
    text: str | None = None
    summary: str | None = None


@define(eq=False, repr=False)
class ChunkCitation(Payload):
    """OpenRouter and OpenAI's search models: the cited page."""

    url: str = ""
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


@define(eq=False, repr=False)
class ChunkAnnotation(Payload):
    """OpenRouter and OpenAI's search models: an annotation; ``raw`` is all of it."""

    type: str | None = None
    url_citation: ChunkCitation | None = None
    raw: dict[str, Any] = field(factory=dict)


@define(eq=False, repr=False)
class ChunkThought(Payload):
    """Mistral: a piece of a part that is reasoning."""

    type: str | None = None
    text: str | None = None


@define(eq=False, repr=False)
class ChunkPart(Payload):
    """Mistral: one part of ``content`` if that is a list."""

    type: str | None = None
    text: str | None = None
    thinking: list[ChunkThought] = field(factory=list)


@define(eq=False, repr=False)
class ChunkContent(Payload):
    """Mistral: ``content`` if it is a list."""

    content: list[ChunkPart] = field(factory=list)


@define(eq=False, repr=False)
class ChunkDelta(Payload):
    """The addition that a chunk makes to an answer.

    ``content`` is text (with Mistral: or parts). Reasoning comes as ``reasoning_content``
    (DeepSeek, llama.cpp, vLLM) or as ``reasoning`` with ``reasoning_details`` (OpenRouter);
    ``annotations`` and ``images`` are OpenRouter's.
    """

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ChunkReasoning] = field(factory=list)
    annotations: list[ChunkAnnotation] = field(factory=list)
    tool_calls: list[ChunkToolCall] = field(factory=list)
    function_call: ChunkFunction | None = None
    audio: Any = None
    images: Any = None


@define(eq=False, repr=False)
class ChunkChoice(Payload):
    """One of the answers; ``error`` is OpenRouter's."""

    index: int = 0
    delta: ChunkDelta = field(factory=ChunkDelta)
    finish_reason: str | None = None
    error: Any = None


@define(eq=False, repr=False)
class GroqExtra(Payload):
    """Groq: the additional fields of its last chunk."""

    usage: Usage | None = None


@define(eq=False, repr=False)
class ChatChunk(Payload):
    """One frame of the wire.

    ``prompt_filter_results`` is Azure's, ``citations`` Perplexity's, ``x_groq`` Groq's.
    """

    id: str = ""
    created: float | None = None
    model: str = ""
    choices: list[ChunkChoice] = field(factory=list)
    usage: Usage | None = None
    moderation: Any = None
    prompt_filter_results: Any = None
    citations: Any = None
    x_groq: GroqExtra | None = None
