"""``client.threads.messages``, kept in this client.

Rules of this file:

- With every back end, a message is sent with the next run on its thread.
- Lists contain the messages that were added here and those from runs of this client; if a
  thread began elsewhere, the server may have more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.assistants_params import MessageListParams, MessageParams, MetadataParams
from stream_core.api.options import CallOptions
from stream_core.client.assistants import Messages
from stream_core.models import Deleted, Message

from .local_calls import make_page, read_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from stream_core.api.pages import Page
    from stream_core.models import ImageFileContentBlock, ImageURLContentBlock

    from .memory import Memory
    from .thread_state import LocalThread

__all__ = ["LocalMessages"]


class LocalMessages(Messages):
    """Calls on the messages of a thread: ``client.threads.messages``."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.transport)
        self._memory = memory

    def create(
        self,
        thread_id: str,
        *,
        role: str,
        content: str | Sequence[Mapping[str, Any] | ImageFileContentBlock | ImageURLContentBlock],
        **params: Unpack[MessageParams],
    ) -> Message:
        """Add a message to a thread; it is sent with the next run."""
        thread = self._memory.thread(thread_id)
        written = self._memory.write(thread_id, {**params, "role": role, "content": content})
        thread.add(written)
        return written.message

    def retrieve(
        self, message_id: str, *, thread_id: str, **options: Unpack[CallOptions]
    ) -> Message:
        """Return a message."""
        read_arguments(CallOptions, options)
        return self._find(message_id, thread_id)[1]

    def update(
        self, message_id: str, *, thread_id: str, **params: Unpack[MetadataParams]
    ) -> Message:
        """Change a message's metadata, which this client keeps."""
        changes = read_arguments(MetadataParams, params)
        _, message = self._find(message_id, thread_id)
        if "metadata" in changes:
            message.metadata = changes["metadata"] or {}
        return message

    def list(self, thread_id: str, **params: Unpack[MessageListParams]) -> Page[Message]:
        """Return a page of a thread's messages, newest first unless ``order="asc"``."""
        messages = self._memory.thread(thread_id).messages
        run_id = params.get("run_id")
        if run_id is not None:
            messages = {name: x for name, x in messages.items() if x.run_id == run_id}
        return make_page(messages, MessageListParams, params)

    def delete(self, message_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Delete a message that has not been sent yet.

        Raises:
            ValueError: It has been sent, or there is no such message.
        """
        read_arguments(CallOptions, options)
        thread, _ = self._find(message_id, thread_id)
        if message_id not in thread.waiting:
            raise ValueError(
                f"message {message_id} has been sent and cannot be deleted; begin a thread without "
                "it: client.threads.create(messages=[...])"
            )
        del thread.waiting[message_id], thread.known[message_id]
        return Deleted(message_id, "thread.message.deleted", deleted=True)

    def _find(self, message_id: str, thread_id: str) -> tuple[LocalThread, Message]:
        """Return a message and its thread.

        Raises:
            ValueError: There is no such message.
        """
        thread = self._memory.thread(thread_id)
        message = thread.messages.get(message_id)
        if message is None:
            raise ValueError(
                f"message_id is {message_id!r}: thread {thread_id} has no such message in this "
                "client"
            )
        return thread, message
