"""The calls of the Assistants wire: for each its path, its arguments and its answer.

Rules of this file:

- Names and arguments are those of OpenAI's own client, so that documented calls run.
- A call is one line over ``_ask``, ``_list`` or ``_stream``.
- Each raises TransportError if the connection fails, APIStatusError for a status other than
  2xx, and DecodeError for an answer of the wrong form; and TypeError or ValueError, before
  anything is sent, for invalid arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.assistants_params import (
    AssistantParams,
    AssistantUpdateParams,
    IncludeParams,
    ListParams,
    MessageListParams,
    MessageParams,
    MetadataParams,
    RunParams,
    RunStreamParams,
    StepListParams,
    SubmitStreamOptions,
    ThreadParams,
    ThreadRunParams,
    ThreadRunStreamParams,
    ThreadUpdateParams,
)
from stream_core.api.options import CallOptions
from stream_core.api.request import BETA, make_path
from stream_core.models import Assistant, Deleted, Message, Run, RunStep, Thread

from .resource import Resource
from .streaming_calls import StreamingResource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from stream_core.api.pages import Page
    from stream_core.http.transport import Transport
    from stream_core.models import ImageFileContentBlock, ImageURLContentBlock
    from stream_core.streams.stream import Stream

__all__ = ["Assistants", "Messages", "Runs", "Steps", "Threads"]


class Assistants(Resource):
    """Calls on assistants: ``client.assistants``."""

    _headers = BETA

    def create(self, *, model: str, **params: Unpack[AssistantParams]) -> Assistant:
        """Make an assistant.

        Args:
            model: The name of a model.
            params: Other settings.
        """
        return self._ask(Assistant, "POST", "/assistants", AssistantParams, params, model=model)

    def retrieve(self, assistant_id: str, **options: Unpack[CallOptions]) -> Assistant:
        """Ask for an assistant."""
        return self._ask(Assistant, "GET", _assistant(assistant_id), CallOptions, options)

    def update(self, assistant_id: str, **params: Unpack[AssistantUpdateParams]) -> Assistant:
        """Change an assistant; settings that are left out stay as they are."""
        return self._ask(Assistant, "POST", _assistant(assistant_id), AssistantUpdateParams, params)

    def list(self, **params: Unpack[ListParams]) -> Page[Assistant]:
        """Ask for a page of assistants."""
        return self._list(Assistant, "/assistants", ListParams, params)

    def delete(self, assistant_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Delete an assistant."""
        return self._ask(Deleted, "DELETE", _assistant(assistant_id), CallOptions, options)


class Messages(Resource):
    """Calls on the messages of a thread: ``client.threads.messages``."""

    _headers = BETA

    def create(
        self,
        thread_id: str,
        *,
        role: str,
        content: str | Sequence[Mapping[str, Any] | ImageFileContentBlock | ImageURLContentBlock],
        **params: Unpack[MessageParams],
    ) -> Message:
        """Add a message to a thread.

        Args:
            thread_id: The thread.
            role: ``user`` or ``assistant``.
            content: A string, or a list of parts, e.g. ``[{"type": "text", "text": "..."}]``.
            params: Other parts of the message.
        """
        path = _thread(thread_id, "/messages")
        return self._ask(Message, "POST", path, MessageParams, params, role=role, content=content)

    def retrieve(
        self, message_id: str, *, thread_id: str, **options: Unpack[CallOptions]
    ) -> Message:
        """Ask for a message."""
        return self._ask(Message, "GET", _message(thread_id, message_id), CallOptions, options)

    def update(
        self, message_id: str, *, thread_id: str, **params: Unpack[MetadataParams]
    ) -> Message:
        """Change a message's metadata."""
        return self._ask(Message, "POST", _message(thread_id, message_id), MetadataParams, params)

    def list(self, thread_id: str, **params: Unpack[MessageListParams]) -> Page[Message]:
        """Ask for a page of a thread's messages, newest first unless ``order="asc"``."""
        return self._list(Message, _thread(thread_id, "/messages"), MessageListParams, params)

    def delete(self, message_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Delete a message."""
        return self._ask(Deleted, "DELETE", _message(thread_id, message_id), CallOptions, options)


class Steps(Resource):
    """Calls on the steps of a run: ``client.threads.runs.steps``."""

    _headers = BETA

    def retrieve(
        self, step_id: str, *, thread_id: str, run_id: str, **params: Unpack[IncludeParams]
    ) -> RunStep:
        """Ask for a step."""
        path = _run(thread_id, run_id, "/steps/{step_id}", step_id=step_id)
        return self._ask(RunStep, "GET", path, IncludeParams, params)

    def list(
        self, run_id: str, *, thread_id: str, **params: Unpack[StepListParams]
    ) -> Page[RunStep]:
        """Ask for a page of a run's steps."""
        return self._list(RunStep, _run(thread_id, run_id, "/steps"), StepListParams, params)


class Runs(StreamingResource):
    """Calls on the runs of a thread: ``client.threads.runs``.

    Attributes:
        steps: Calls on the steps of a run.
    """

    _headers = BETA

    def __init__(self, transport: Transport, *, run_keys: bool = False) -> None:
        super().__init__(transport, run_keys=run_keys)
        self.steps = Steps(transport)

    def stream(
        self, thread_id: str, *, assistant_id: str, **params: Unpack[RunStreamParams]
    ) -> Stream:
        """Start a run and listen to it.

        Args:
            thread_id: The thread.
            assistant_id: The assistant to run on it.
            params: Other parameters of the run; ``event_handler``, ``handlers``.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one.
        """
        path = _thread(thread_id, "/runs")
        return self._stream(
            path, RunStreamParams, params, thread_id=thread_id, assistant_id=assistant_id
        )

    def submit_tool_outputs_stream(
        self,
        run_id: str,
        *,
        thread_id: str,
        tool_outputs: Sequence[Mapping[str, object]],
        **options: Unpack[SubmitStreamOptions],
    ) -> Stream:
        """Give a run the outputs that it waits for, and listen to the rest of it.

        Args:
            run_id: The run.
            thread_id: Its thread.
            tool_outputs: ``{"tool_call_id": ..., "output": ...}`` for each call.
            options: ``event_handler``, ``handlers`` and others.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one.
        """
        path = _run(thread_id, run_id, "/submit_tool_outputs")
        return self._stream(
            path,
            SubmitStreamOptions,
            options,
            thread_id=thread_id,
            run_id=run_id,
            tool_outputs=tool_outputs,
        )

    def create(self, thread_id: str, *, assistant_id: str, **params: Unpack[RunParams]) -> Run:
        """Start a run without listening to it."""
        path = _thread(thread_id, "/runs")
        return self._create(path, RunParams, params, thread_id=thread_id, assistant_id=assistant_id)

    def retrieve(self, run_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Run:
        """Ask for a run."""
        return self._ask(Run, "GET", _run(thread_id, run_id), CallOptions, options)

    def update(self, run_id: str, *, thread_id: str, **params: Unpack[MetadataParams]) -> Run:
        """Change a run's metadata."""
        return self._ask(Run, "POST", _run(thread_id, run_id), MetadataParams, params)

    def list(self, thread_id: str, **params: Unpack[ListParams]) -> Page[Run]:
        """Ask for a page of a thread's runs."""
        return self._list(Run, _thread(thread_id, "/runs"), ListParams, params)

    def cancel(self, run_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Run:
        """Ask the server to cancel a run; it answers before the run has stopped."""
        return self._ask(Run, "POST", _run(thread_id, run_id, "/cancel"), CallOptions, options)

    def submit_tool_outputs(
        self,
        run_id: str,
        *,
        thread_id: str,
        tool_outputs: Sequence[Mapping[str, object]],
        **options: Unpack[CallOptions],
    ) -> Run:
        """Give a run the outputs that it waits for, without listening to the rest of it.

        Args:
            run_id: The run.
            thread_id: Its thread.
            tool_outputs: ``{"tool_call_id": ..., "output": ...}`` for each call.
            options: Arguments of every call.
        """
        path = _run(thread_id, run_id, "/submit_tool_outputs")
        return self._ask(Run, "POST", path, CallOptions, options, tool_outputs=tool_outputs)


class Threads(StreamingResource):
    """Calls on threads: ``client.threads``.

    Attributes:
        messages: Calls on the messages of a thread.
        runs: Calls on the runs of a thread.
    """

    _headers = BETA

    def __init__(self, transport: Transport, *, run_keys: bool = False) -> None:
        super().__init__(transport, run_keys=run_keys)
        self.messages = Messages(transport)
        self.runs = Runs(transport, run_keys=run_keys)

    def create_and_run_stream(
        self, *, assistant_id: str, **params: Unpack[ThreadRunStreamParams]
    ) -> Stream:
        """Make a thread, start a run on it and listen to it.

        Args:
            assistant_id: The assistant to run.
            params: The thread, and other parameters of the run; ``event_handler``, ``handlers``.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed: TransportError, APIStatusError or
                NotAnEventStreamError.
            TypeError: A handler is not one.
        """
        return self._stream(
            "/threads/runs", ThreadRunStreamParams, params, assistant_id=assistant_id
        )

    def create_and_run(self, *, assistant_id: str, **params: Unpack[ThreadRunParams]) -> Run:
        """Make a thread and start a run on it without listening to it."""
        return self._create("/threads/runs", ThreadRunParams, params, assistant_id=assistant_id)

    def create(self, **params: Unpack[ThreadParams]) -> Thread:
        """Make a thread."""
        return self._ask(Thread, "POST", "/threads", ThreadParams, params)

    def retrieve(self, thread_id: str, **options: Unpack[CallOptions]) -> Thread:
        """Ask for a thread."""
        return self._ask(Thread, "GET", _thread(thread_id), CallOptions, options)

    def update(self, thread_id: str, **params: Unpack[ThreadUpdateParams]) -> Thread:
        """Change a thread; settings that are left out stay as they are."""
        return self._ask(Thread, "POST", _thread(thread_id), ThreadUpdateParams, params)

    def delete(self, thread_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Delete a thread with its contents."""
        return self._ask(Deleted, "DELETE", _thread(thread_id), CallOptions, options)


def _assistant(assistant_id: str) -> str:
    """Return the path of an assistant."""
    return make_path("/assistants/{assistant_id}", assistant_id=assistant_id)


def _thread(thread_id: str, rest: str = "", **ids: str) -> str:
    """Return the path of a thread, followed by REST with IDS filled in."""
    return make_path("/threads/{thread_id}" + rest, thread_id=thread_id, **ids)


def _message(thread_id: str, message_id: str) -> str:
    """Return the path of a message."""
    return _thread(thread_id, "/messages/{message_id}", message_id=message_id)


def _run(thread_id: str, run_id: str, rest: str = "", **ids: str) -> str:
    """Return the path of a run, followed by REST with IDS filled in."""
    return _thread(thread_id, "/runs/{run_id}" + rest, run_id=run_id, **ids)
