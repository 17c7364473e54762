"""The keyword arguments of the API's calls, by their names on the wire.

Rules of this file:

- What is left out is not sent. None is sent as null in a body, and not sent in a query.
- Where the API takes an object, a plain dict or the payload class will do.
- A parameter that is not listed goes through ``extra_body`` or ``extra_query``.

These are types for checkers and editors; the names are also what the calls accept. The
parameters are described in OpenAI's API reference, "Assistants" (beta v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from .options import CallOptions, StreamOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core import models

    from .options import Object, Runnable

    Metadata: TypeAlias = Mapping[str, str]

__all__ = [
    "AssistantParams",
    "AssistantUpdateParams",
    "IncludeParams",
    "ListParams",
    "MessageListParams",
    "MessageParams",
    "MetadataParams",
    "RunParams",
    "RunStreamParams",
    "StepListParams",
    "SubmitStreamOptions",
    "ThreadParams",
    "ThreadRunParams",
    "ThreadRunStreamParams",
    "ThreadUpdateParams",
]


class SubmitStreamOptions(StreamOptions, total=False):
    """What a call takes that submits outputs and listens.

    Attributes:
        tools: Functions for the rounds that follow; not sent, the run has their definitions.
    """

    tools: Runnable | Sequence[Runnable]


# --- Lists ------------------------------------------------------------------------------


class ListParams(CallOptions, total=False):
    """Which page of a list.

    Attributes:
        limit: Objects on the page, 1 to 100; the server's default is 20.
        order: By creation; the server's default is ``desc``.
        after: The id of the object that the page begins after.
        before: The id of the object that the page ends before.
    """

    limit: int
    order: Literal["asc", "desc"]
    after: str
    before: str


class MessageListParams(ListParams, total=False):
    """Which messages: ``run_id`` for those of one run."""

    run_id: str


class IncludeParams(CallOptions, total=False):
    """``include``: what to send beyond the usual."""

    include: Sequence[str]


class StepListParams(ListParams, IncludeParams, total=False):
    """Which steps, and what of them."""


# --- Assistants, threads, messages ------------------------------------------------------


class MetadataParams(CallOptions, total=False):
    """What can be changed of a message or a run: up to 16 pairs of texts."""

    metadata: Metadata | None


class AssistantParams(MetadataParams, total=False):
    """What an assistant is."""

    name: str | None
    description: str | None
    instructions: str | None
    tools: Sequence[models.Tool | Object]
    tool_resources: models.ToolResources | Object | None
    temperature: float | None
    top_p: float | None
    response_format: str | models.ResponseFormat | Object | None
    reasoning_effort: str | None


class AssistantUpdateParams(AssistantParams, total=False):
    """What can be changed of an assistant."""

    model: str


class ThreadUpdateParams(MetadataParams, total=False):
    """What can be changed of a thread."""

    tool_resources: models.ToolResources | Object | None


class ThreadParams(ThreadUpdateParams, total=False):
    """What a thread begins with; a message is ``{"role": ..., "content": ...}``."""

    messages: Sequence[Object]


class MessageParams(MetadataParams, total=False):
    """What a message has beside role and content."""

    attachments: Sequence[models.Attachment | Object] | None


# --- Runs -------------------------------------------------------------------------------


class _AnyRunParams(MetadataParams, total=False):
    """What every run takes; most of it stands in for what the assistant has."""

    model: str | None
    instructions: str | None
    tools: Runnable | Sequence[models.Tool | Object | Runnable] | None
    temperature: float | None
    top_p: float | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    truncation_strategy: models.TruncationStrategy | Object | None
    tool_choice: str | models.ToolChoice | Object | None
    parallel_tool_calls: bool
    response_format: str | models.ResponseFormat | Object | None


class RunParams(_AnyRunParams, IncludeParams, total=False):
    """What a run on a thread takes."""

    additional_instructions: str | None
    additional_messages: Sequence[Object] | None
    reasoning_effort: str | None


class ThreadRunParams(_AnyRunParams, total=False):
    """What a run on a new thread takes; ``thread`` is what :class:`ThreadParams` says."""

    thread: Object
    tool_resources: models.ToolResources | Object | None


class RunStreamParams(RunParams, StreamOptions, total=False):
    """What a streamed run on a thread takes."""


class ThreadRunStreamParams(ThreadRunParams, StreamOptions, total=False):
    """What a streamed run on a new thread takes."""
