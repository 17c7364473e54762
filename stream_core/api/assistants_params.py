"""The keyword arguments of Assistants calls, under their names on the wire.

Rules of this file:

- An argument that is left out is not sent. None is sent as null in a body, and not at all in
  a query.
- If the API takes an object, both a plain dict and the payload class are accepted.
- A parameter that is not listed here can be sent with ``extra_body`` or ``extra_query``.

These types serve checkers and editors; calls accept exactly the names listed. The parameters
are described in OpenAI's API reference, "Assistants" (beta v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from .options import CallOptions, RunKeyOption, StreamOptions

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
    """Arguments of a call that submits outputs and listens.

    Attributes:
        tools: Functions for the rounds that follow; not sent, since the run already has their
            definitions.
    """

    tools: Runnable | Sequence[Runnable]


# --- Lists ------------------------------------------------------------------------------


class ListParams(CallOptions, total=False):
    """Arguments that choose a page of a list.

    Attributes:
        limit: Number of objects on the page, 1 to 100; the server's default is 20.
        order: Order by time of creation; the server's default is ``desc``.
        after: Id of the object after which the page begins.
        before: Id of the object before which the page ends.
    """

    limit: int
    order: Literal["asc", "desc"]
    after: str
    before: str


class MessageListParams(ListParams, total=False):
    """Arguments that choose a page of messages; ``run_id`` selects those of one run."""

    run_id: str


class IncludeParams(CallOptions, total=False):
    """``include``: what the server should send in addition."""

    include: Sequence[str]


class StepListParams(ListParams, IncludeParams, total=False):
    """Arguments that choose a page of steps, and what each includes."""


# --- Assistants, threads, messages ------------------------------------------------------


class MetadataParams(CallOptions, total=False):
    """The part of a message or run that can be changed: up to 16 pairs of strings."""

    metadata: Metadata | None


class AssistantParams(MetadataParams, total=False):
    """The settings of an assistant."""

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
    """The settings of an assistant that can be changed."""

    model: str


class ThreadUpdateParams(MetadataParams, total=False):
    """The settings of a thread that can be changed."""

    tool_resources: models.ToolResources | Object | None


class ThreadParams(ThreadUpdateParams, total=False):
    """The settings of a new thread; a message is ``{"role": ..., "content": ...}``."""

    messages: Sequence[Object]


class MessageParams(MetadataParams, total=False):
    """The parts of a message besides its role and content."""

    attachments: Sequence[models.Attachment | Object] | None


# --- Runs -------------------------------------------------------------------------------


class _AnyRunParams(MetadataParams, RunKeyOption, total=False):
    """Arguments of every run; most of them override the assistant's settings."""

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
    """Arguments of a run on a thread."""

    additional_instructions: str | None
    additional_messages: Sequence[Object] | None
    reasoning_effort: str | None


class ThreadRunParams(_AnyRunParams, total=False):
    """Arguments of a run on a new thread; ``thread`` takes the keys of :class:`ThreadParams`."""

    thread: Object
    tool_resources: models.ToolResources | Object | None


class RunStreamParams(RunParams, StreamOptions, total=False):
    """Arguments of a streamed run on a thread."""


class ThreadRunStreamParams(ThreadRunParams, StreamOptions, total=False):
    """Arguments of a streamed run on a new thread."""
