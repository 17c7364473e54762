"""The assistants and threads of one client, which are kept here and nowhere else.

Rules of this file:

- An object is made completely before anything is stored or sent.
- The client may be used from several Python threads, but a thread of messages from one at a
  time, as on the Assistants wire, where a run locks it.
- An id that this client does not know is a ValueError that says how to make it known.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from stream_core import models
from stream_core.api.assistants_params import AssistantUpdateParams, MessageParams, ThreadParams
from stream_core.api.options import CallOptions
from stream_core.api.request import check_id, make_options, make_path
from stream_core.client.streaming_calls import call_options
from stream_core.convert.payloads import structure
from stream_core.effects import Ask
from stream_core.errors import APIStatusError, DecodeError
from stream_core.streams.driver import Driver

from .input_items import make_item
from .local_calls import read_arguments
from .thread_state import LocalThread, Written, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.http.transport import Transport

__all__ = ["BACK_ENDS", "Memory"]

#: Where a thread's history is kept: in the last response, in a conversation on the server, or
#: in this client only.
BACK_ENDS: Final = ("previous_response_id", "conversation", "replay")

#: The statuses with which a server without conversations answers.
_NOT_THERE: Final = (404, 405, 501)


class Memory:
    """The assistants and threads of one client.

    Attributes:
        transport: Sends requests to the server.
        back_end: One of :data:`BACK_ENDS`. ``previous_response_id``: a run refers to the
            response before it; if the server answers that it does not know that response,
            everything is sent from then on. ``conversation``: a thread is a conversation on
            the server and has its id. ``replay``: everything is sent with each run.
        assistants: The assistants as the caller sees them, by id.
    """

    def __init__(
        self,
        transport: Transport,
        back_end: str | None = None,
        assistants: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            transport: Sends requests to the server.
            back_end: Where the history of threads is kept; None means
                ``previous_response_id``.
            assistants: The settings of existing assistants, by id: ``model`` and any other
                argument of ``client.assistants.create``.

        Raises:
            ValueError: BACK_END is unknown, or an assistant has no model.
            TypeError: An assistant has a setting that assistants do not have.
        """
        self.transport = transport
        self.back_end = back_end or BACK_ENDS[0]
        if self.back_end not in BACK_ENDS:
            raise ValueError(f"threads is {back_end!r}: choose one of {', '.join(BACK_ENDS)}")
        self.assistants: dict[str, models.Assistant] = {}
        self._profiles: dict[str, dict[str, Any]] = {}
        self._threads: dict[str, LocalThread] = {}
        for assistant_id, profile in (assistants or {}).items():
            read = read_arguments(AssistantUpdateParams, profile, may_add=True)
            self.keep_assistant(assistant_id, read)

    # --- Assistants ---------------------------------------------------------------------

    def keep_assistant(self, assistant_id: str, profile: dict[str, Any]) -> models.Assistant:
        """Keep an assistant, new or changed.

        Args:
            assistant_id: Its id.
            profile: Its parameters as JSON, and other keys for the requests of its runs.

        Raises:
            ValueError: It has no model.
            TypeError: A tool is a function, which belongs to the run.
        """
        if not profile.get("model"):
            raise ValueError(f"assistant {assistant_id!r} has no model: give model=...")
        tools = profile.get("tools") or ()
        if not isinstance(tools, list | tuple) or not all(isinstance(x, dict) for x in tools):
            raise TypeError(
                f"tools of assistant {assistant_id!r} must be definitions: give functions to "
                "the run, client.threads.runs.stream(..., tools=[function])"
            )
        known = self.assistants.get(assistant_id)
        created = int(time.time()) if known is None else known.created_at
        names = AssistantUpdateParams.__optional_keys__
        parts = {name: x for name, x in profile.items() if name in names and x is not None}
        made = {**parts, "id": assistant_id, "object": "assistant", "created_at": created}
        assistant = structure(models.Assistant, made)
        self.assistants[assistant_id], self._profiles[assistant_id] = assistant, profile
        return assistant

    def profile(self, assistant_id: str) -> dict[str, Any]:
        """Return the parameters of an assistant.

        Raises:
            TypeError: ASSISTANT_ID is an object instead of its id.
            ValueError: This client does not know it.
        """
        check_id("assistant_id", assistant_id)
        if assistant_id not in self._profiles:
            raise ValueError(
                f"assistant_id is {assistant_id!r}: the Responses wire has no assistants, and this "
                f"client does not know that one; describe it with Client(wire='responses', "
                f"assistants={{{assistant_id!r}: {{'model': ..., 'instructions': ..., "
                "'tools': [...]}}), or make one with client.assistants.create(model=...)"
            )
        return self._profiles[assistant_id]

    def forget_assistant(self, assistant_id: str) -> None:
        """Forget an assistant.

        Raises:
            ValueError: This client does not know it.
        """
        self.profile(assistant_id)
        del self.assistants[assistant_id], self._profiles[assistant_id]

    # --- Threads ------------------------------------------------------------------------

    def new_thread(self, given: Mapping[str, Any]) -> LocalThread:
        """Make a thread; with the back end ``conversation`` the server makes a conversation.

        Args:
            given: Arguments from :class:`stream_core.api.assistants_params.ThreadParams`.

        Raises:
            TypeError: A parameter is unknown.
            ValueError: A parameter is refused.
            StreamError: The request for a conversation failed, or its answer is not one.
        """
        in_conversation = self.back_end == "conversation"
        body = read_arguments(ThreadParams, given, may_add=in_conversation)
        messages = body.pop("messages", None) or ()
        resources = body.pop("tool_resources", None)
        thread_id = new_id("thread")
        written = [self.write(thread_id, one) for one in messages]
        conversation: str | None = None
        if in_conversation:
            body = {name: x for name, x in body.items() if x is not None}
            answer = structure(models.Thread, self.ask("POST", "/conversations", given, body))
            try:
                make_path("/{id}", id=answer.id)
            except ValueError:
                raise DecodeError(
                    "the answer to POST /conversations has no id that can be part of an address"
                ) from None
            thread_id = conversation = answer.id
        made = {
            "id": thread_id,
            "object": "thread",
            "created_at": int(time.time()),
            "metadata": body.get("metadata") or {},
            "tool_resources": resources,
        }
        thread = LocalThread(
            structure(models.Thread, made), self.back_end == "replay", conversation=conversation
        )
        for one in written:
            one.message.thread_id = thread_id
            thread.add(one)
        return thread

    def keep_thread(self, thread: LocalThread) -> models.Thread:
        """Keep a new thread."""
        self._threads[thread.thread.id] = thread
        return thread.shown

    def thread(self, thread_id: str) -> LocalThread:
        """Return the thread with that id, including the runs that have ended.

        If the id is one of the server's that this client has not seen, the thread began
        elsewhere: the id is that of a conversation or of the last response.

        Raises:
            TypeError: THREAD_ID is an object instead of its id.
            ValueError: There is no such thread.
        """
        check_id("thread_id", thread_id)
        thread = self._threads.get(thread_id)
        if thread is None:
            thread = self._threads[thread_id] = self._join(thread_id)
        thread.settle()
        return thread

    def _join(self, thread_id: str) -> LocalThread:
        """Return a thread that began elsewhere."""
        theirs = thread_id and not str(thread_id).startswith("thread_")
        shown = models.Thread(id=thread_id)
        if theirs and self.back_end == "conversation":
            return LocalThread(shown, stateless=False, conversation=thread_id, whole=False)
        if theirs and self.back_end == "previous_response_id":
            return LocalThread(shown, stateless=False, response_id=thread_id, whole=False)
        hints = {
            "conversation": ", or pass the id of a conversation",
            "previous_response_id": ", or pass the id of the last response",
        }
        raise ValueError(
            f"thread_id is {thread_id!r}: the Responses wire has no threads, and this client did "
            "not make that one; make one with client.threads.create(messages=[...])"
            f"{hints.get(self.back_end, '')}"
        )

    def forget_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        self._threads.pop(thread_id, None)

    # --- Messages -----------------------------------------------------------------------

    def write(self, thread_id: str, given: Mapping[str, Any]) -> Written:
        """Make a message without adding it to its thread.

        Args:
            thread_id: Its thread.
            given: ``role``, ``content`` and arguments from ``MessageParams``.

        Raises:
            TypeError: A parameter is unknown.
            ValueError: A parameter is refused.
        """
        rest = {name: value for name, value in given.items() if name not in ("role", "content")}
        role, content = given.get("role"), given.get("content")
        body = read_arguments(MessageParams, rest, role=role, content=content)
        item, code_files = make_item(body)
        made = {
            "id": new_id("msg"),
            "object": "thread.message",
            "created_at": int(time.time()),
            "thread_id": thread_id,
            "status": "completed",
            "role": body["role"],
            "content": _shown(body["content"]),
            "attachments": body.get("attachments") or [],
            "metadata": body.get("metadata") or {},
        }
        return Written(structure(models.Message, made), item, code_files)

    # --- The server ---------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        given: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send a request about a conversation; GIVEN has the options of the call."""
        options = make_options(method, CallOptions, call_options(given), {})
        if body is not None:
            options["body"] = body
        try:
            return Driver(self.transport).perform(Ask(method, path, options))
        except APIStatusError as error:
            if path == "/conversations" and error.status_code in _NOT_THERE:
                error.add_note(
                    "the server may not have conversations: choose another back end with "
                    "Client(threads=...)"
                )
            raise


def _shown(content: Any) -> Any:
    """Return content in the form in which messages show it: texts are objects."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return [_with_text(part) for part in content]


def _with_text(part: dict[str, Any]) -> dict[str, Any]:
    """Return PART, with its text, if any, as an object."""
    if part.get("type") != "text" or isinstance(part.get("text"), dict):
        return part
    return {"type": "text", "text": {"value": part.get("text"), "annotations": []}}
