"""The API without the network: every route, and every refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream_core.testing.api import ROUTES, Answered, Api, Started, is_run_stream
from stream_core.testing.calls import RecordedRequest
from stream_core.testing.framing import to_json
from stream_core.testing.parts import CallFunctions, FunctionCall, Say
from stream_core.testing.responder import DefaultResponder, parts_of
from stream_core.testing.store import ApiError, Store


def request(
    method: str, path: str, body: dict[str, Any] | None = None, **query: str
) -> RecordedRequest:
    """A request to a path below /v1."""
    content = b"" if body is None else json.dumps(body).encode()
    return RecordedRequest(method, f"/v1{path}", query, {}, content)


class Calls:
    """An API with an assistant and a thread that has one message."""

    def __init__(self, api_key: str | None = None) -> None:
        self.api = Api(Store(clock=lambda: 7), api_key)
        if api_key is None:
            self.assistant = self.post("/assistants", model="m")["id"]
            self.thread = self.post("/threads", messages=[{"role": "user", "content": "hi"}])["id"]
            self.runs = f"/threads/{self.thread}/runs"

    def call(self, method: str, path: str, **query: str) -> dict[str, Any]:
        """The answer to a request without a body."""
        reply = self.api.handle(request(method, path, None, **query))
        assert isinstance(reply, Answered)
        return reply.body

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """The answer to a POST."""
        reply = self.api.handle(request("POST", path, body))
        assert isinstance(reply, Answered)
        return reply.body

    def start(self, path: str | None = None, **body: Any) -> Started:
        """A run, its opening played."""
        started = self.begin(path, **body)
        list(started.opening)
        return started

    def begin(self, path: str | None = None, **body: Any) -> Started:
        """A run, or one that goes on."""
        body.setdefault("assistant_id", self.assistant)
        reply = self.api.handle(request("POST", path or self.runs, body))
        assert isinstance(reply, Started)
        return reply

    def refused(self, method: str, path: str, **body: Any) -> tuple[int, str]:
        """Status and message of a refusal."""
        with pytest.raises(ApiError) as caught:
            self.api.handle(request(method, path, body or None))
        return caught.value.status, caught.value.message


def test_assistants_are_made_changed_listed_and_deleted() -> None:
    """What was sent comes back, with defaults for the rest."""
    calls = Calls()
    made = calls.post("/assistants", model="m", name="A", tools=[{"type": "code_interpreter"}])
    path = f"/assistants/{made['id']}"
    assert ("assistant", "A", 1.0) == (made["object"], made["name"], made["temperature"])
    assert made == calls.call("GET", path)
    assert "B" == calls.post(path, name="B", id="other")["name"]
    assert [made["id"], calls.assistant] == [
        a["id"] for a in calls.call("GET", "/assistants")["data"]
    ]
    assert {"id": made["id"], "object": "assistant.deleted", "deleted": True} == calls.call(
        "DELETE", path
    )
    assert (404, f"No assistant found with id '{made['id']}'.") == calls.refused("GET", path)
    assert 400 == calls.refused("POST", "/assistants", name="no model")[0]


def test_threads_are_made_changed_and_deleted() -> None:
    """A thread can begin with messages."""
    calls = Calls()
    path = f"/threads/{calls.thread}"
    assert "thread" == calls.call("GET", path)["object"]
    assert {"a": "b"} == calls.post(path, metadata={"a": "b"})["metadata"]
    assert "thread.deleted" == calls.call("DELETE", path)["object"]
    assert (404, f"No thread found with id '{calls.thread}'.") == calls.refused("GET", path)


def test_messages_are_made_changed_listed_and_deleted() -> None:
    """The list can be narrowed to one run's messages."""
    calls = Calls()
    path = f"/threads/{calls.thread}/messages"
    made = calls.post(path, role="user", content="two")
    one = f"{path}/{made['id']}"
    assert made == calls.call("GET", one)
    assert {"a": "b"} == calls.post(one, metadata={"a": "b"})["metadata"]
    texts = [m["content"][0]["text"]["value"] for m in calls.call("GET", path)["data"]]
    assert ["two", "hi"] == texts
    assert [] == calls.call("GET", path, run_id="run_x")["data"]
    assert "thread.message.deleted" == calls.call("DELETE", one)["object"]
    assert (404, f"No message found with id '{made['id']}'.") == calls.refused("GET", one)


def test_a_run_is_queued_at_first_and_looked_at_while_it_works() -> None:
    """What GET answers is what the events have said so far."""
    calls = Calls()
    started = calls.begin(metadata={"a": "b"})
    path = f"{calls.runs}/{started.body['id']}"
    assert ("queued", False) == (started.body["status"], started.stream)
    list(started.opening)
    assert "in_progress" == calls.call("GET", path)["status"]
    list(started.machine.apply(Say("Hello")))
    (step,) = calls.call("GET", f"{path}/steps")["data"]
    assert ("message_creation", "in_progress") == (step["type"], step["status"])
    list(started.machine.finish())
    assert "completed" == calls.call("GET", path)["status"]
    assert "completed" == calls.call("GET", f"{path}/steps/{step['id']}")["status"]
    assert [calls.call("GET", path)] == calls.call("GET", calls.runs)["data"]
    assert {"c": "d"} == calls.post(path, metadata={"c": "d"})["metadata"]
    assert (404, "No run found with id 'run_x'.") == calls.refused("GET", f"{calls.runs}/run_x")
    assert (404, "No run step found with id 'step_x'.") == calls.refused(
        "GET", f"{path}/steps/step_x"
    )


def test_a_run_can_bring_messages_and_its_own_thread() -> None:
    """Additional messages come before the run's; a new thread is announced in the stream."""
    calls = Calls()
    extra = [{"role": "user", "content": "more"}]
    started = calls.start(additional_messages=extra)
    assert ["hi", "more"] == started.machine.turn().user_texts
    made = calls.begin("/threads/runs", thread={"messages": extra}, stream=True)
    assert made.stream
    assert "thread.created" == next(made.opening).name
    assert ["more"] == made.machine.turn().user_texts
    assert [] == calls.start("/threads/runs").machine.turn().user_texts


def test_an_active_run_locks_its_thread() -> None:
    """Neither a run nor a message can be added until it is over."""
    calls = Calls()
    started = calls.start()
    run_id = started.body["id"]
    assert (400, f"Thread {calls.thread} already has an active run {run_id}.") == calls.refused(
        "POST", calls.runs, assistant_id=calls.assistant
    )
    assert (
        400,
        f"Can't add messages to {calls.thread} while a run {run_id} is active.",
    ) == calls.refused("POST", f"/threads/{calls.thread}/messages", role="user", content="x")
    list(started.machine.finish())
    assert "queued" == calls.start().body["status"]


def test_a_refused_run_leaves_nothing_behind() -> None:
    """No thread, no message and no run come from a request that is an error."""
    calls = Calls()
    assert 404 == calls.refused("POST", "/threads/runs", assistant_id="asst_x")[0]
    assert 400 == calls.refused("POST", "/threads/runs")[0]
    bad = [{"role": "user", "content": "x"}, {"role": "user"}]
    for name in ("additional_messages", "tools"):
        body = {"assistant_id": calls.assistant, name: bad if name != "tools" else ["x"]}
        assert 400 == calls.refused("POST", calls.runs, **body)[0]
    body = {"assistant_id": calls.assistant, "thread": {"messages": bad}}
    assert 400 == calls.refused("POST", "/threads/runs", **body)[0]
    assert [] == calls.call("GET", calls.runs)["data"]
    assert 1 == len(calls.call("GET", f"/threads/{calls.thread}/messages")["data"])
    assert [calls.thread] == list(calls.api._store.threads)


def test_outputs_make_a_waiting_run_go_on() -> None:
    """They are refused unless the run waits, and unless they fit."""
    calls = Calls()
    started = calls.start()
    path = f"{calls.runs}/{started.body['id']}/submit_tool_outputs"
    assert (400, 'Runs in status "in_progress" do not accept tool outputs.') == calls.refused(
        "POST", path, tool_outputs=[]
    )
    list(started.machine.apply(CallFunctions([FunctionCall("now")])))
    assert 400 == calls.refused("POST", path, tool_outputs=[])[0]
    call_id = started.machine.pending[0]["id"]
    outputs = [{"tool_call_id": call_id, "output": "noon"}]
    resumed = calls.begin(path, tool_outputs=outputs, stream=True)
    assert (True, "queued") == (resumed.stream, resumed.body["status"])
    assert "thread.run.step.completed" == next(resumed.opening).name


def test_a_working_run_is_told_to_cancel() -> None:
    """Whoever pulls its events gives those of the cancelling; a second cancel is refused."""
    calls = Calls()
    started = calls.start()
    path = f"{calls.runs}/{started.body['id']}/cancel"
    assert "cancelling" == calls.post(path)["status"]
    assert started.machine.cancel_requested
    assert (400, "Cannot cancel run with status 'cancelling'.") == calls.refused("POST", path)
    list(started.machine.cancel())
    assert (400, "Cannot cancel run with status 'cancelled'.") == calls.refused("POST", path)


def test_a_waiting_run_has_to_be_driven_to_its_cancel() -> None:
    """Nobody is pulling its events, so they are handed out."""
    calls = Calls()
    started = calls.start()
    list(started.machine.apply(CallFunctions([FunctionCall("now")])))
    cancelled = calls.begin(f"{calls.runs}/{started.body['id']}/cancel")
    assert ("cancelling", False) == (cancelled.body["status"], cancelled.stream)
    assert "thread.run.cancelled" == [event.name for event in cancelled.opening][-1]


@pytest.mark.parametrize(
    "prefix", ["", "/v1", "/openai", "/openai/v1", "/api/projects/p", "/api/projects/p/openai/v1"]
)
def test_paths_are_served_below_every_known_prefix(prefix: str) -> None:
    """With and without /v1, as Azure OpenAI and as an Azure project; a last slash is allowed."""
    api = Api(Store())
    for path in (f"{prefix}/assistants", f"{prefix}/assistants/"):
        reply = api.handle(RecordedRequest("GET", path, {"api-version": "v1", "x": "y"}))
        assert [] == reply.body["data"]


def test_other_urls_and_methods_are_refused() -> None:
    """A path nobody knows is 404, a known one with another method 405."""
    calls = Calls()
    assert (404, "Invalid URL (GET /v1/models)") == calls.refused("GET", "/models")
    assert (405, "Not allowed to DELETE on /v1/threads.") == calls.refused("DELETE", "/threads")


@pytest.mark.parametrize("headers", [{"authorization": "Bearer k"}, {"api-key": "k"}])
def test_the_right_key_is_let_in_either_way(headers: dict[str, str]) -> None:
    """As a bearer token, or in Azure's header."""
    reply = Api(Store(), "k").handle(RecordedRequest("GET", "/assistants", {}, headers))
    assert isinstance(reply, Answered)


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, None), ({"authorization": "Bearer x"}, "invalid_api_key"), ({"api-key": ""}, None)],
)
def test_a_wrong_key_is_401(headers: dict[str, str], code: str | None) -> None:
    """No key and a wrong one are told apart."""
    with pytest.raises(ApiError) as caught:
        Api(Store(), "k").handle(RecordedRequest("GET", "/assistants", {}, headers))
    assert (401, code) == (caught.value.status, caught.value.code)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/threads/runs", {"stream": True}, True),
        ("/threads/t/runs", {"stream": True}, True),
        ("/threads/t/runs/r/submit_tool_outputs", {"stream": True}, True),
        ("/threads/t/runs", {"stream": False}, False),
        ("/threads/t/runs", None, False),
        ("/threads", {"stream": True}, False),
        ("/models", {"stream": True}, False),
    ],
)
def test_a_request_for_events_is_known_by_path_and_body(
    path: str, body: dict[str, Any] | None, *, expected: bool
) -> None:
    """Nothing else is looked at, so a recording can answer for any thread."""
    assert expected == is_run_stream(request("POST", path, body))


FIELDS = (
    "additional_instructions",
    "additional_messages",
    "assistant_id",
    "attachments",
    "content",
    "instructions",
    "max_completion_tokens",
    "messages",
    "metadata",
    "model",
    "parallel_tool_calls",
    "response_format",
    "role",
    "stream",
    "temperature",
    "thread",
    "tool_approvals",
    "tool_choice",
    "tool_outputs",
    "tool_resources",
    "tools",
    "truncation_strategy",
)
WRONG: list[Any] = [
    None,
    True,
    -1.5,
    10**30,
    "\ud800",
    [5],
    [[]],
    [{"type": "function", "function": {"name": "f", "parameters": {"properties": []}}}],
    [{"role": "user", "content": [{"type": "text", "text": {"value": "x"}}]}],
    [{"type": 5, "tool_call_id": []}],
    {},
    {"type": 5, "messages": 5, "a": {"b": []}},
]
POSTS = [template for method, template, _ in ROUTES if method == "POST"]


@pytest.mark.parametrize("template", POSTS)
def test_no_value_of_any_field_of_any_route_is_more_than_a_400(template: str) -> None:
    """A field is refused, or left alone; the run that follows goes to its end."""
    calls = Calls()
    calls.post(f"/assistants/{calls.assistant}", tools=[FUNCTION])
    message = calls.post(f"/threads/{calls.thread}/messages", role="user", content="f")["id"]
    ids = {"thread": calls.thread, "assistant": calls.assistant, "message": message, "run": "x"}
    needed = {"model": "m", "role": "user", "content": "f", "assistant_id": calls.assistant}
    answers = 0
    for field in FIELDS:
        for value in WRONG:
            if "{run}" in template:
                ids["run"] = waiting_run(calls, ids["run"])
            try:
                path = template.format(**ids)
                reply = calls.api.handle(request("POST", path, {**needed, field: value}))
            except ApiError as error:
                answers += error.status in {400, 404}
            else:
                answers += 1
                play(reply)
    assert len(FIELDS) * len(WRONG) == answers


FUNCTION = {"type": "function", "function": {"name": "f"}}


def waiting_run(calls: Calls, run_id: str) -> str:
    """Return a run that waits for outputs: the same one, as long as it does."""
    machine = calls.api._machines.get(run_id)
    if machine is None or not machine.pending:
        machine = calls.start().machine
        list(machine.apply(CallFunctions([FunctionCall("f")])))
    return str(machine.run["id"])


def play(reply: Answered | Started) -> None:
    """Let a run go to its end, with the default responder; outputs are not waited for."""
    to_json(reply.body)
    if isinstance(reply, Started):
        events = list(reply.opening)
        if not reply.machine.paused:
            for part in parts_of(DefaultResponder(), reply.machine.turn()):
                events += reply.machine.apply(part)
        if reply.machine.pending:
            events += reply.machine.cancel()
        elif not reply.machine.paused:
            events += reply.machine.finish()
        for event in events:
            event.encode()
