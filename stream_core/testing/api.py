"""The API without the network: a request in, an answer or a started run out.

Rules of this file:

- Sans-I/O and single-threaded. The server calls `Api.handle` and sends the
  reply; the caller pulls a run's events.
- Every refusal is an `ApiError`. Messages have OpenAI's meaning, not its words,
  except those that clients are known to read.
- `ROUTES` is the table of calls; the first pattern that fits wins.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from attrs import frozen

from .calls import Call, RecordedRequest
from .checks import check_fields, check_outputs, expect, message_body, parse_body, require
from .framing import WireEvent
from .lifecycle import TERMINAL, RunMachine
from .store import ApiError, Obj, Store, not_found, page

__all__ = ["Answered", "Api", "Reply", "Started", "is_run_stream"]

# Possible prefixes of the paths of ROUTES: OpenAI's /v1, Azure OpenAI's /openai, an Azure AI
# Foundry project.
_PREFIX = r"(?:/api/projects/[^/]+)?(?:/openai)?(?:/v1)?"


@frozen
class Answered:
    """A JSON answer.

    Attributes:
        status: The HTTP status.
        body: The object, a copy.
    """

    body: Obj
    status: int = 200


@frozen
class Started:
    """A run that has work to do.

    Attributes:
        machine: The run.
        opening: Its next events; after them the responder is called, unless
            ``machine.paused``.
        stream: Whether the client wants the events.
        body: The run as it is now: the answer to a client that does not.
    """

    machine: RunMachine
    opening: Iterator[WireEvent]
    stream: bool
    body: Obj


Reply: TypeAlias = Answered | Started


class Api:
    """All calls of the API over one store.

    Args:
        store: The objects.
        api_key: The key that clients must send, or None for no check.
    """

    def __init__(self, store: Store, api_key: str | None = None) -> None:
        self._store = store
        self._api_key = api_key
        self._machines: dict[str, RunMachine] = {}

    def handle(self, request: RecordedRequest) -> Reply:
        """Carry out a request.

        Raises:
            ApiError: The answer is an error.
        """
        self._check_key(request.headers)
        handler, ids = _find(request.method, request.path)
        body = parse_body(request.body)
        return handler(self, Call(ids, body, request.query))

    def _check_key(self, headers: Mapping[str, str]) -> None:
        if self._api_key is None:
            return
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        shown = bearer or headers.get("api-key", "")
        if shown == self._api_key:
            return
        message = (
            "Incorrect API key: send the one that this server was started with."
            if shown
            else "No API key: send 'Authorization: Bearer KEY' or 'api-key: KEY'."
        )
        raise ApiError(401, message, code="invalid_api_key" if shown else None)

    # -- assistants ------------------------------------------------------------------

    def create_assistant(self, call: Call) -> Reply:
        """POST /assistants."""
        require(call.body, "model", str)
        check_fields(call.body, "assistant")
        return _answer(self._store.add_assistant(call.body))

    def list_assistants(self, call: Call) -> Reply:
        """GET /assistants."""
        return _answer(page(self._store.assistants, call.query))

    def get_assistant(self, call: Call) -> Reply:
        """GET /assistants/{assistant}."""
        return _answer(self._assistant(call.ids["assistant"]))

    def change_assistant(self, call: Call) -> Reply:
        """POST /assistants/{assistant}."""
        return _change(self._assistant(call.ids["assistant"]), call.body)

    def delete_assistant(self, call: Call) -> Reply:
        """DELETE /assistants/{assistant}."""
        assistant = self._assistant(call.ids["assistant"])
        del self._store.assistants[assistant["id"]]
        return _deleted(assistant)

    # -- threads and messages ----------------------------------------------------------

    def create_thread(self, call: Call) -> Reply:
        """POST /threads."""
        return _answer(self._add_thread(call.body))

    def get_thread(self, call: Call) -> Reply:
        """GET /threads/{thread}."""
        return _answer(self._thread(call))

    def change_thread(self, call: Call) -> Reply:
        """POST /threads/{thread}."""
        return _change(self._thread(call), call.body)

    def delete_thread(self, call: Call) -> Reply:
        """DELETE /threads/{thread}."""
        thread = self._thread(call)
        self._store.delete_thread(thread["id"])
        return _deleted(thread)

    def create_message(self, call: Call) -> Reply:
        """POST /threads/{thread}/messages."""
        thread_id = self._thread(call)["id"]
        body = message_body(call.body)
        active = self._active_run(thread_id)
        if active:
            message = f"Can't add messages to {thread_id} while a run {active['id']} is active."
            raise ApiError(400, message)
        return _answer(self._store.add_message(thread_id, body))

    def list_messages(self, call: Call) -> Reply:
        """GET /threads/{thread}/messages; ``run_id`` filters."""
        messages = self._store.messages[self._thread(call)["id"]]
        wanted = call.query.get("run_id")
        if wanted:
            messages = {key: m for key, m in messages.items() if m["run_id"] == wanted}
        return _answer(page(messages, call.query))

    def get_message(self, call: Call) -> Reply:
        """GET /threads/{thread}/messages/{message}."""
        return _answer(self._message(call))

    def change_message(self, call: Call) -> Reply:
        """POST /threads/{thread}/messages/{message}."""
        return _change(self._message(call), call.body)

    def delete_message(self, call: Call) -> Reply:
        """DELETE /threads/{thread}/messages/{message}."""
        message = self._message(call)
        del self._store.messages[message["thread_id"]][message["id"]]
        return _deleted(message)

    # -- runs and steps ----------------------------------------------------------------

    def create_run(self, call: Call) -> Reply:
        """POST /threads/{thread}/runs."""
        return self._start(self._thread(call)["id"], call)

    def create_thread_and_run(self, call: Call) -> Reply:
        """POST /threads/runs."""
        self._assistant(require(call.body, "assistant_id", str))
        thread = self._add_thread(expect(call.body, "thread", dict) or {})
        return self._start(thread["id"], call, thread)

    def list_runs(self, call: Call) -> Reply:
        """GET /threads/{thread}/runs."""
        return _answer(page(self._store.runs[self._thread(call)["id"]], call.query))

    def get_run(self, call: Call) -> Reply:
        """GET /threads/{thread}/runs/{run}."""
        return _answer(self._run(call))

    def change_run(self, call: Call) -> Reply:
        """POST /threads/{thread}/runs/{run}."""
        return _change(self._run(call), call.body)

    def cancel_run(self, call: Call) -> Reply:
        """POST /threads/{thread}/runs/{run}/cancel."""
        run = self._run(call)
        if run["status"] in TERMINAL or run["status"] == "cancelling":
            raise ApiError(400, f"Cannot cancel run with status '{run['status']}'.")
        machine = self._machines[run["id"]]
        is_waiting = machine.paused  # if so, nobody is pulling its events
        machine.request_cancel()
        if is_waiting:
            return Started(machine, machine.cancel(), stream=False, body=copy.deepcopy(run))
        return _answer(run)

    def submit_tool_outputs(self, call: Call) -> Reply:
        """POST /threads/{thread}/runs/{run}/submit_tool_outputs."""
        run = self._run(call)
        stream = expect(call.body, "stream", bool) or False
        if run["status"] != "requires_action":
            status = run["status"]
            raise ApiError(400, f'Runs in status "{status}" do not accept tool outputs.')
        machine = self._machines[run["id"]]
        opening = machine.accept(check_outputs(call.body, machine.pending))
        return Started(machine, opening, stream, copy.deepcopy(run))

    def list_steps(self, call: Call) -> Reply:
        """GET /threads/{thread}/runs/{run}/steps."""
        return _answer(page(self._store.steps[self._run(call)["id"]], call.query))

    def get_step(self, call: Call) -> Reply:
        """GET /threads/{thread}/runs/{run}/steps/{step}."""
        step = self._store.steps[self._run(call)["id"]].get(call.ids["step"])
        if step is None:
            raise not_found("run step", call.ids["step"])
        return _answer(step)

    # -- helpers -----------------------------------------------------------------------

    def _assistant(self, assistant_id: str) -> Obj:
        if assistant_id not in self._store.assistants:
            raise not_found("assistant", assistant_id)
        return self._store.assistants[assistant_id]

    def _thread(self, call: Call) -> Obj:
        if call.ids["thread"] not in self._store.threads:
            raise not_found("thread", call.ids["thread"])
        return self._store.threads[call.ids["thread"]]

    def _message(self, call: Call) -> Obj:
        message = self._store.messages[self._thread(call)["id"]].get(call.ids["message"])
        if message is None:
            raise not_found("message", call.ids["message"])
        return message

    def _run(self, call: Call) -> Obj:
        run = self._store.runs[self._thread(call)["id"]].get(call.ids["run"])
        if run is None:
            raise not_found("run", call.ids["run"])
        return run

    def _active_run(self, thread_id: str) -> Obj | None:
        runs = self._store.runs[thread_id].values()
        return next((run for run in runs if run["status"] not in TERMINAL), None)

    def _add_thread(self, body: Obj) -> Obj:
        check_fields(body, "thread")
        messages = [message_body(item) for item in expect(body, "messages", list, items=dict) or ()]
        thread = self._store.add_thread(body)
        for message in messages:
            self._store.add_message(thread["id"], message)
        return thread

    def _start(self, thread_id: str, call: Call, new_thread: Obj | None = None) -> Started:
        assistant = self._assistant(require(call.body, "assistant_id", str))
        stream = expect(call.body, "stream", bool) or False
        check_fields(call.body, "new run")
        added = [
            message_body(item)
            for item in expect(call.body, "additional_messages", list, items=dict) or ()
        ]
        active = self._active_run(thread_id)
        if active:
            raise ApiError(400, f"Thread {thread_id} already has an active run {active['id']}.")
        for message in added:
            self._store.add_message(thread_id, message)
        run = self._store.add_run(thread_id, assistant, call.body)
        machine = RunMachine(self._store, run, call.include)
        self._machines[run["id"]] = machine
        return Started(machine, machine.start(new_thread), stream, copy.deepcopy(run))


_Handler: TypeAlias = Callable[[Api, Call], Reply]
_RUN = "/threads/{thread}/runs/{run}"

ROUTES: tuple[tuple[str, str, _Handler], ...] = (
    ("POST", "/assistants", Api.create_assistant),
    ("GET", "/assistants", Api.list_assistants),
    ("GET", "/assistants/{assistant}", Api.get_assistant),
    ("POST", "/assistants/{assistant}", Api.change_assistant),
    ("DELETE", "/assistants/{assistant}", Api.delete_assistant),
    ("POST", "/threads", Api.create_thread),
    ("POST", "/threads/runs", Api.create_thread_and_run),
    ("GET", "/threads/{thread}", Api.get_thread),
    ("POST", "/threads/{thread}", Api.change_thread),
    ("DELETE", "/threads/{thread}", Api.delete_thread),
    ("POST", "/threads/{thread}/messages", Api.create_message),
    ("GET", "/threads/{thread}/messages", Api.list_messages),
    ("GET", "/threads/{thread}/messages/{message}", Api.get_message),
    ("POST", "/threads/{thread}/messages/{message}", Api.change_message),
    ("DELETE", "/threads/{thread}/messages/{message}", Api.delete_message),
    ("POST", "/threads/{thread}/runs", Api.create_run),
    ("GET", "/threads/{thread}/runs", Api.list_runs),
    ("GET", _RUN, Api.get_run),
    ("POST", _RUN, Api.change_run),
    ("POST", f"{_RUN}/cancel", Api.cancel_run),
    ("POST", f"{_RUN}/submit_tool_outputs", Api.submit_tool_outputs),
    ("GET", f"{_RUN}/steps", Api.list_steps),
    ("GET", f"{_RUN}/steps/{{step}}", Api.get_step),
)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_PREFIX + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template) + "/?")


_PATTERNS = [(method, _pattern(template), handler) for method, template, handler in ROUTES]
_RUN_STREAMS = (Api.create_run, Api.create_thread_and_run, Api.submit_tool_outputs)


def _find(method: str, path: str) -> tuple[_Handler, dict[str, str]]:
    """Find a request's handler and the ids in its path."""
    known = False
    for route_method, pattern, handler in _PATTERNS:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if route_method == method:
            return handler, found.groupdict()
        known = True
    if known:
        raise ApiError(405, f"Not allowed to {method} on {path}.")
    raise ApiError(404, f"Invalid URL ({method} {path})")


def is_run_stream(request: RecordedRequest) -> bool:
    """Return whether a request asks for a run's events, even if it is otherwise invalid."""
    try:
        handler, _ = _find(request.method, request.path)
    except ApiError:
        return False
    return handler in _RUN_STREAMS and (request.json or {}).get("stream") is True


def _answer(body: Obj) -> Answered:
    return Answered(copy.deepcopy(body))


def _deleted(obj: Obj) -> Answered:
    return Answered({"id": obj["id"], "object": f"{obj['object']}.deleted", "deleted": True})


def _change(obj: Obj, body: Obj) -> Answered:
    obj.update(check_fields(body, obj["object"]))
    return _answer(obj)
