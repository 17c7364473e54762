"""``client.threads``, kept in this client and, with conversations as back end, on the server.

Rules of this file: only calls with the back end ``conversation`` send anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core.api.assistants_params import (
    ThreadParams,
    ThreadRunParams,
    ThreadRunStreamParams,
    ThreadUpdateParams,
)
from stream_core.api.options import CallOptions
from stream_core.api.request import make_path
from stream_core.client.assistants import Threads
from stream_core.convert.payloads import structure
from stream_core.models import Deleted, Run, Thread, ToolResources

from .local_calls import read_arguments
from .messages import LocalMessages
from .runs import LocalRuns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Unpack

    from stream_core.client.responses import ResponseStream

    from .memory import Memory
    from .thread_state import LocalThread

__all__ = ["LocalThreads"]


class LocalThreads(Threads):
    """Calls on threads: ``client.threads``."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.transport)
        self._memory = memory
        self._runs = LocalRuns(memory)
        self.messages = LocalMessages(memory)
        self.runs = self._runs

    def create_and_run_stream(
        self, *, assistant_id: str, **params: Unpack[ThreadRunStreamParams]
    ) -> ResponseStream:
        """Make a thread, start a run on it and listen to it."""
        return self._create_and_run(assistant_id, ThreadRunStreamParams, params)

    def create_and_run(self, *, assistant_id: str, **params: Unpack[ThreadRunParams]) -> Run:
        """Make a thread, start a run on it and wait until it has ended."""
        return self._create_and_run(assistant_id, ThreadRunParams, params).get_final_run()

    def _create_and_run(
        self, assistant_id: str, known: Any, given: Mapping[str, Any]
    ) -> ResponseStream:
        """Make a thread and start a run on it; if that fails, the thread is not kept."""
        self._memory.profile(assistant_id)
        read_arguments(known, given, may_add=True)
        thread = self._memory.new_thread(given.get("thread") or {})
        stream = self._runs.begin(thread, assistant_id, known, given, is_new=True)
        self._memory.keep_thread(thread)
        return stream

    def create(self, **params: Unpack[ThreadParams]) -> Thread:
        """Make a thread; its messages are sent with its first run."""
        return self._memory.keep_thread(self._memory.new_thread(params))

    def retrieve(self, thread_id: str, **options: Unpack[CallOptions]) -> Thread:
        """Return a thread; ``thread.extra["response_id"]`` is the id of the last response.

        Another client can continue the thread with that id as ``thread_id``. If threads are
        conversations, it uses the thread's own id instead.
        """
        read_arguments(CallOptions, options)
        return self._memory.thread(thread_id).shown

    def update(self, thread_id: str, **params: Unpack[ThreadUpdateParams]) -> Thread:
        """Change a thread; settings that are left out stay as they are."""
        thread = self._memory.thread(thread_id)
        in_conversation = thread.conversation is not None
        changes = read_arguments(ThreadUpdateParams, params, may_add=in_conversation)
        resources = changes.pop("tool_resources", None)
        if in_conversation and changes:
            self._memory.ask("POST", _path(thread), params, changes)
        if "metadata" in changes:
            thread.thread.metadata = changes["metadata"] or {}
        if "tool_resources" in params:
            made = None if resources is None else structure(ToolResources, resources)
            thread.thread.tool_resources = made
        return thread.shown

    def delete(self, thread_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Forget a thread, and delete its conversation; single responses stay on the server."""
        read_arguments(CallOptions, options)
        thread = self._memory.thread(thread_id)
        if thread.conversation is not None:
            self._memory.ask("DELETE", _path(thread), options)
        self._memory.forget_thread(thread_id)
        return Deleted(thread_id, "thread.deleted", deleted=True)


def _path(thread: LocalThread) -> str:
    """Return the path of a thread's conversation."""
    return make_path("/conversations/{thread_id}", thread_id=thread.conversation)
