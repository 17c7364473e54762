"""The payloads of the Chat Completions wire: chunks, and what is in them.

Rules of this file:

- Classes only. Field names and nesting are those of OpenAI's ``chat.completion.chunk``; fields
  that other servers add are marked with the server's name.
- A field is here only if the dialect uses it. The fields of OpenAI's chunks that it does not
  use are in ``RAW_ONLY``, with the reason; their values are in ``event.raw``.
- As in ``models``, every field has a default, and unknown keys are in ``extra``.
- A field has a type only if the meaning of the chunk would be in doubt with another one
  (``NEEDED``). All others are ``Any``: the dialect reads them if it can, and never fails.
"""

# attrs and cattrs evaluate these annotations, so their names are imported at runtime.
from __future__ import annotations

from typing import Any

from attrs import define, field

from stream_core.models import Payload

__all__ = [
    "CHUNK",
    "RAW_ONLY",
    "ChatChunk",
    "ChunkChoice",
    "ChunkCustom",
    "ChunkDelta",
    "ChunkFunction",
    "ChunkToolCall",
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
}


@define(eq=False, repr=False)
class ChunkFunction(Payload):
    """A piece of a function call; ``arguments`` is text, or one object with all of them."""

    NEEDED = ("name", "arguments")

    name: str | None = None
    arguments: Any = None


@define(eq=False, repr=False)
class ChunkCustom(Payload):
    """A piece of a call of a custom tool, whose input may be any text."""

    NEEDED = ("name", "input")

    name: str | None = None
    input: str | None = None


@define(eq=False, repr=False)
class ChunkToolCall(Payload):
    """A piece of a call; the dialect finds out which call it belongs to.

    Fields that a server adds (Gemini: ``extra_content``) are in ``extra``.
    """

    NEEDED = ("index", "id", "function", "custom")

    index: Any = None
    id: Any = None
    type: Any = None
    function: ChunkFunction | None = None
    custom: ChunkCustom | None = None


@define(eq=False, repr=False)
class ChunkDelta(Payload):
    """The addition that a chunk makes to an answer, or (``message``) all of an answer.

    ``content`` is text, or (Mistral, Databricks) a list of parts. Fields that servers add are read
    from ``extra``, which most deltas do not have. Reasoning comes as
    ``reasoning_content`` (DeepSeek, llama.cpp), ``reasoning`` with ``reasoning_details``
    (OpenRouter; vLLM and Ollama without), ``reasoning_text`` with ``reasoning_opaque``
    (Copilot), ``thinking`` or ``thinking_blocks`` (LiteLLM). ``annotations`` and ``images`` are
    OpenRouter's, ``executed_tools`` is Groq's, ``context`` Azure's, ``extra_content`` Gemini's.
    """

    NEEDED = ("content", "refusal", "tool_calls", "function_call")

    role: Any = None
    content: Any = None
    refusal: str | None = None
    tool_calls: list[ChunkToolCall] = field(factory=list)
    function_call: ChunkFunction | None = None
    audio: Any = None


@define(eq=False, repr=False)
class ChunkChoice(Payload):
    """One of the answers.

    ``message`` is all of it (servers that pretend to stream), ``messages`` has several deltas
    (old Azure), ``text`` is that of ``/completions``; ``usage`` is Moonshot's, ``error``
    OpenRouter's.
    """

    NEEDED = ("index", "delta", "message", "messages", "text")

    index: Any = None
    delta: ChunkDelta = field(factory=ChunkDelta)
    message: Any = None
    messages: Any = None
    text: Any = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


@define(eq=False, repr=False)
class ChatChunk(Payload):
    """One frame of the wire.

    ``prompt_filter_results`` is Azure's, ``citations`` Perplexity's, ``x_groq`` Groq's.
    """

    NEEDED = ("choices",)

    id: Any = None
    created: Any = None
    model: Any = None
    choices: list[ChunkChoice] = field(factory=list)
    usage: Any = None
    moderation: Any = None
    prompt_filter_results: Any = None
    citations: Any = None
    x_groq: Any = None
