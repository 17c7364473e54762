"""How an answer of the Chat Completions wire ended, and what it used.

Rules of this file:

- Every server has words of its own for few meanings, in upper or lower case. A word that is not
  in the table is not a success: the answer is incomplete, with that word as the reason.
- null, "null", "None" and "" are not words; neither are those that say that there is more.
- A usage without any number says nothing, and numbers that are all 0 do not replace others.
"""

from __future__ import annotations

import json
from typing import Any

from stream_core import models

__all__ = ["FINISH_REASONS", "counts_alone", "ending_of", "read_usage", "word_of"]

_COMPLETED = ("completed", None)
_LENGTH = ("incomplete", "length")
_FILTERED = ("incomplete", "content_filter")
_FAILED = ("failed", None)
_CANCELLED = ("cancelled", None)

#: Maps why an answer ended, in lower case, to how its run ends, and the reason that an incomplete
#: run gives.
FINISH_REASONS: dict[str, tuple[str, str | None]] = {
    "stop": _COMPLETED,
    "tool_calls": _COMPLETED,
    "function_call": _COMPLETED,
    "tool_call": _COMPLETED,  # Cohere
    "tool_use": _COMPLETED,  # Anthropic
    "eos": _COMPLETED,  # Together
    "eos_token": _COMPLETED,  # Text Generation Inference
    "end": _COMPLETED,
    "end_turn": _COMPLETED,  # Anthropic, xAI
    "end_of_turn": _COMPLETED,
    "endoftext": _COMPLETED,  # AI21
    "end_of_text": _COMPLETED,
    "stop_sequence": _COMPLETED,  # Anthropic, Cohere
    "stop_token": _COMPLETED,
    "stop_word": _COMPLETED,
    "stopped": _COMPLETED,
    "complete": _COMPLETED,  # Cohere
    "completed": _COMPLETED,
    "finish": _COMPLETED,
    "finished": _COMPLETED,
    "done": _COMPLETED,
    "normal": _COMPLETED,  # Baidu
    "success": _COMPLETED,
    "length": _LENGTH,
    "max_length": _LENGTH,
    "model_length": _LENGTH,  # Mistral
    "max_tokens": _LENGTH,  # Anthropic, Gemini, Cohere
    "max_token": _LENGTH,
    "max_new_tokens": _LENGTH,
    "max_output_tokens": _LENGTH,
    "max_completion_tokens": _LENGTH,
    "max_tokens_reached": _LENGTH,
    "token_limit": _LENGTH,  # watsonx
    "context_length": _LENGTH,
    "context_length_exceeded": _LENGTH,
    "model_context_window_exceeded": _LENGTH,  # Anthropic, Zhipu
    "content_filter": _FILTERED,
    "content_filtered": _FILTERED,  # Bedrock
    "guardrail_intervened": _FILTERED,  # Bedrock
    "sensitive": _FILTERED,  # Zhipu
    "safety": _FILTERED,  # Gemini
    "image_safety": _FILTERED,
    "recitation": _FILTERED,
    "blocklist": _FILTERED,
    "blocked": _FILTERED,
    "prohibited_content": _FILTERED,
    "spii": _FILTERED,
    "error_toxic": _FILTERED,  # Cohere
    "refusal": _FILTERED,  # Anthropic
    "error": _FAILED,  # OpenRouter, Mistral
    "failed": _FAILED,
    "failure": _FAILED,
    "abort": _FAILED,  # vLLM, SGLang
    "aborted": _FAILED,
    "network_error": _FAILED,  # Zhipu
    "server_error": _FAILED,
    "internal_error": _FAILED,
    "insufficient_system_resource": _FAILED,  # DeepSeek
    "malformed_function_call": _FAILED,  # Gemini
    "timeout": _FAILED,
    "cancelled": _CANCELLED,
    "canceled": _CANCELLED,
    "user_cancel": _CANCELLED,  # Cohere
}

#: What is written for a reason while there is none yet.
_NO_WORDS = ("", "null", "none", "not_finished", "finish_reason_unspecified")

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")

#: The names of counts on other wires, which some servers use.
_OTHER_COUNTS = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}

#: More tokens than any number of 64 bits can count are no number of tokens.
_MOST_TOKENS = 2**63

_DETAILS = ("prompt_tokens_details", "prompt_token_details", "completion_tokens_details")
_ALL = (*_COUNTS, *_DETAILS)


def word_of(reason: Any) -> str | None:
    """Return a finish_reason, as sent, as a word; None if it is not a reason."""
    if reason is None or reason is False:
        return None
    word = reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)
    return None if word.strip().lower() in _NO_WORDS else word


def ending_of(word: str) -> tuple[str, str | None, bool]:
    """Return how the run of an answer ends that ended with WORD.

    Returns:
        The status; the reason that an incomplete run gives; whether the word is known.
    """
    key = word.strip().lower().replace("-", "_").replace(" ", "_")
    known = FINISH_REASONS.get(key)
    return ("incomplete", word, False) if known is None else (*known, True)


def counts_alone(sent: Any) -> bool:
    """Return whether ``read_usage`` of SENT is the same whatever usage was known."""
    if sent.__class__ is not dict:
        return False
    total = sent.get("total_tokens")
    return total.__class__ is int and 0 < total < _MOST_TOKENS


def read_usage(sent: Any, known: models.Usage | None) -> models.Usage | None:
    """Return the usage after SENT, given the one KNOWN so far."""
    if not isinstance(sent, dict):
        return known
    counts = {name: _number(sent.get(name)) for name in _COUNTS}
    for name, other in _OTHER_COUNTS.items():
        if counts[name] is None:
            counts[name] = _number(sent.get(other))
    if all(number is None for number in counts.values()):
        return known
    if known is not None and not any(counts.values()):
        return known
    prompt, completion, total = (number or 0 for number in counts.values())
    usage = models.Usage(prompt, completion, total or prompt + completion)
    details = {name: x for name in _DETAILS if isinstance(x := sent.get(name), dict)}
    for name, value in details.items():
        setattr(usage, name, value)
    rest = {
        key: value
        for key, value in sent.items()
        if key not in details and counts.get(key) is None and (value is not None or key not in _ALL)
    }
    if rest:
        usage.keep_extra(rest)
    return usage


def _number(value: Any) -> int | None:
    """Return VALUE if it is a number of tokens, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None  # noqa: PLR2004  # 64 bits
    return int(value) if value == value and abs(value) < _MOST_TOKENS else None  # noqa: PLR0124  # NaN
