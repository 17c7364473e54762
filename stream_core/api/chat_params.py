"""The keyword arguments of ``client.chat.completions.stream``, under their names on the wire.

They are described in OpenAI's API reference, "Create chat completion". ``stream`` is not an
argument: these calls always stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import ModelParams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .options import Object

__all__ = ["ChatStreamParams"]


class ChatStreamParams(ModelParams, total=False):
    """Arguments of a streamed chat completion besides ``model`` and ``messages``."""

    audio: Object | None
    frequency_penalty: float | None
    function_call: str | Object
    functions: Sequence[Object]
    logit_bias: Mapping[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    modalities: Sequence[str] | None
    n: int | None
    prediction: Object | None
    presence_penalty: float | None
    reasoning_effort: str | None
    response_format: Object
    seed: int | None
    stop: str | Sequence[str] | None
    verbosity: str | None
    web_search_options: Object
