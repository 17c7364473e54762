"""The server's memory: assistants, threads, messages, runs and steps as wire objects.

Rules of this file:

- An object is a plain dict with the keys, the order and the nulls of recorded
  traffic, and is live: a GET returns what the lifecycle last wrote.
- Ids and order are deterministic: the same calls on two new stores make the same ids.
  Only times come from a clock, which can be replaced.
- Not thread safe: the server's own thread is the only user.
"""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ["ApiError", "Obj", "Store", "not_found", "page"]

Obj: TypeAlias = dict[str, Any]

_ID_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 24  # as in recorded ids
_RUN_SECONDS = 600  # a run expires ten minutes after its creation
_PAGE_DEFAULT = 20
_PAGE_MAX = 100


class ApiError(Exception):
    """An answer other than 2xx.

    Attributes:
        status: The HTTP status.
        message: For people.
        type: OpenAI's class of error.
        param: The parameter at fault, or None.
        code: A code for programs, or None.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code

    @property
    def body(self) -> Obj:
        """The answer's JSON, in OpenAI's error shape."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


def not_found(kind: str, object_id: str) -> ApiError:
    """Return the 404 error for an object that does not exist."""
    return ApiError(404, f"No {kind} found with id '{object_id}'.")


class Store:
    """All objects of one server.

    Args:
        clock: Returns the time in seconds since 1970.

    Attributes:
        assistants: By id.
        threads: By id.
        messages: By thread id, then by id, oldest first.
        runs: By thread id, then by id, oldest first.
        steps: By run id, then by id, oldest first.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # Not for secrets: the ids must be the same every time.
        self._random = random.Random(0)  # noqa: S311
        self.assistants: dict[str, Obj] = {}
        self.threads: dict[str, Obj] = {}
        self.messages: dict[str, dict[str, Obj]] = {}
        self.runs: dict[str, dict[str, Obj]] = {}
        self.steps: dict[str, dict[str, Obj]] = {}

    def now(self) -> int:
        """Whole seconds since 1970."""
        return int(self._clock())

    def new_id(self, prefix: str) -> str:
        """Make an id such as ``run_`` and 24 letters or digits."""
        return f"{prefix}_{''.join(self._random.choices(_ID_ALPHABET, k=_ID_LENGTH))}"

    def add_assistant(self, body: Obj) -> Obj:
        """Keep a new assistant; ``body`` is the request's."""
        assistant: Obj = {
            "id": self.new_id("asst"),
            "object": "assistant",
            "created_at": self.now(),
            "name": body.get("name"),
            "description": body.get("description"),
            "model": body["model"],
            "instructions": body.get("instructions"),
            "tools": body.get("tools") or [],
            "top_p": _or(body.get("top_p"), 1.0),
            "temperature": _or(body.get("temperature"), 1.0),
            "reasoning_effort": body.get("reasoning_effort"),
            "tool_resources": body.get("tool_resources") or {},
            "metadata": body.get("metadata") or {},
            "response_format": body.get("response_format") or "auto",
        }
        self.assistants[assistant["id"]] = assistant
        return assistant

    def add_thread(self, body: Obj) -> Obj:
        """Keep a new thread; ``body`` is the request's, its ``messages`` are not added here."""
        thread: Obj = {
            "id": self.new_id("thread"),
            "object": "thread",
            "created_at": self.now(),
            "metadata": body.get("metadata") or {},
            "tool_resources": body.get("tool_resources") or {},
        }
        self.threads[thread["id"]] = thread
        self.messages[thread["id"]] = {}
        self.runs[thread["id"]] = {}
        return thread

    def add_message(
        self, thread_id: str, body: Obj, *, run: Mapping[str, Any] | None = None
    ) -> Obj:
        """Keep a new message.

        Args:
            thread_id: An existing thread.
            body: ``role``, ``content`` (a list of parts), ``attachments``, ``metadata``.
            run: The run that writes it; if given, the message is in progress.
        """
        message: Obj = {
            "id": self.new_id("msg"),
            "object": "thread.message",
            "created_at": self.now(),
            "assistant_id": run["assistant_id"] if run else None,
            "thread_id": thread_id,
            "run_id": run["id"] if run else None,
            "status": "in_progress" if run else "completed",
            "incomplete_details": None,
            "incomplete_at": None,
            "completed_at": None if run else self.now(),
            "role": body["role"],
            "content": body["content"],
            "attachments": body.get("attachments") or [],
            "metadata": body.get("metadata") or {},
        }
        self.messages[thread_id][message["id"]] = message
        return message

    def add_run(self, thread_id: str, assistant: Obj, body: Obj) -> Obj:
        """Keep a new run, queued; what ``body`` leaves out comes from the assistant."""
        instructions = _or(body.get("instructions"), assistant["instructions"])
        if body.get("additional_instructions"):
            instructions = "\n".join(filter(None, [instructions, body["additional_instructions"]]))
        now = self.now()
        run: Obj = {
            "id": self.new_id("run"),
            "object": "thread.run",
            "created_at": now,
            "assistant_id": assistant["id"],
            "thread_id": thread_id,
            "status": "queued",
            "started_at": None,
            "expires_at": now + _RUN_SECONDS,
            "cancelled_at": None,
            "failed_at": None,
            "completed_at": None,
            "required_action": None,
            "last_error": None,
            "model": body.get("model") or assistant["model"],
            "instructions": instructions,
            "tools": _or(body.get("tools"), assistant["tools"]),
            "tool_resources": _or(body.get("tool_resources"), assistant["tool_resources"]),
            "metadata": body.get("metadata") or {},
            "temperature": _or(body.get("temperature"), assistant["temperature"]),
            "top_p": _or(body.get("top_p"), assistant["top_p"]),
            "reasoning_effort": _or(body.get("reasoning_effort"), assistant["reasoning_effort"]),
            "max_completion_tokens": body.get("max_completion_tokens"),
            "max_prompt_tokens": body.get("max_prompt_tokens"),
            "truncation_strategy": body.get("truncation_strategy")
            or {"type": "auto", "last_messages": None},
            "incomplete_details": None,
            "usage": None,
            "response_format": _or(body.get("response_format"), assistant["response_format"]),
            "tool_choice": body.get("tool_choice") or "auto",
            "parallel_tool_calls": _or(body.get("parallel_tool_calls"), default=True),
        }
        self.runs[thread_id][run["id"]] = run
        self.steps[run["id"]] = {}
        return run

    def add_step(self, run: Obj, details: Obj) -> Obj:
        """Keep a new step in progress; ``details`` becomes its ``step_details``."""
        step: Obj = {
            "id": self.new_id("step"),
            "object": "thread.run.step",
            "created_at": self.now(),
            "run_id": run["id"],
            "assistant_id": run["assistant_id"],
            "thread_id": run["thread_id"],
            "type": details["type"],
            "status": "in_progress",
            "cancelled_at": None,
            "completed_at": None,
            "expires_at": run["expires_at"],
            "failed_at": None,
            "last_error": None,
            "step_details": details,
            "usage": None,
        }
        self.steps[run["id"]][step["id"]] = step
        return step

    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread from the API.

        Its runs, steps and messages stay in memory: a run under way goes on, as with the
        real API, but can no longer be fetched.
        """
        del self.threads[thread_id]


def _or(value: Any, default: Any) -> Any:
    """Return ``value``, or ``default`` if it is null; an empty or zero value stays."""
    return default if value is None else value


def page(objects: Mapping[str, Obj], query: Mapping[str, str]) -> Obj:
    """Return one page of a list.

    Args:
        objects: All, by id, oldest first.
        query: ``limit`` (1 to 100, default 20), ``order`` (``asc`` or ``desc``, the
            default), ``after`` and ``before`` (ids).

    Returns:
        ``{"object": "list", "data", "first_id", "last_id", "has_more"}``.

    Raises:
        ApiError: 400, for an invalid value.
    """
    limit = _limit(query.get("limit"))
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ApiError(400, f"'order' must be 'asc' or 'desc', not '{order}'.", param="order")
    ids = list(objects) if order == "asc" else list(objects)[::-1]
    start, stop = 0, len(ids)
    if "after" in query:
        start = _position(ids, query["after"], "after") + 1
    if "before" in query:
        stop = _position(ids, query["before"], "before")
    chosen = ids[start:stop]
    data = [objects[object_id] for object_id in chosen[:limit]]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(chosen) > limit,
    }


def _limit(text: str | None) -> int:
    """Read ``limit``."""
    if text is None:
        return _PAGE_DEFAULT
    is_short = len(text) <= len(str(_PAGE_MAX))  # Python refuses to read very long numbers
    if not is_short or not text.isdecimal() or not 1 <= int(text) <= _PAGE_MAX:
        message = f"'limit' must be a number from 1 to {_PAGE_MAX}, not '{text}'."
        raise ApiError(400, message, param="limit")
    return int(text)


def _position(ids: list[str], cursor: str, param: str) -> int:
    """Find a cursor among ids."""
    if cursor not in ids:
        message = f"'{param}' must be the id of an object in this list, not '{cursor}'."
        raise ApiError(400, message, param=param)
    return ids.index(cursor)
