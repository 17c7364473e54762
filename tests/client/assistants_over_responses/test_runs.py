"""Runs that are responses, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import Client, errors, events, models
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import (
    FUNCTIONS,
    TIDES,
    WIND,
    conversation,
    get_tides,
    get_wind,
    outputs_for,
)
from tests.support.frames import Recorder
from tests.support.responses_frames import response
from tests.support.responses_server import (
    BACK_ENDS,
    RefusalError,
    Reply,
    Talk,
    call,
    echo,
    message,
    spoken,
    talking,
    texts_of,
)
from tests.support.scripted_server import frames, json_answer, running
from tests.support.three_wires import ANSWERS, of_responses
from tests.whole.test_same_callbacks import DIFFERENCES, Listener, leave_out, listen

if TYPE_CHECKING:
    from stream_core.streams.stream import Stream

each_back_end = pytest.mark.parametrize(("threads", "keeps"), BACK_ENDS)


# --- The same handlers, the same calls ------------------------------------------------------


def heard_on_threads(name: str, *, submits: bool) -> Listener:
    """Hold a conversation of ``three_wires`` with the calls of Assistants."""
    listener = Listener()
    given: dict[str, Any] = {"handlers": [listener]}
    if name == "function calls" and not submits:
        given["tools"] = ToolSet(get_tides, get_wind)
    sent = [frames(*one) for one in of_responses(name)]
    with running(*sent) as server, Client("k", server.base_url, wire="responses") as client:
        assistant = client.assistants.create(model="gpt-4o", tools=[TIDES, WIND])
        thread = client.threads.create(messages=[{"role": "user", "content": "When?"}])
        stream = client.threads.runs.stream(thread.id, assistant_id=assistant.id, **given)
        play(stream, client, listener)
    return listener


def play(stream: Stream, client: Client, listener: Listener) -> None:
    """Read a stream, and those that continue its run."""
    while (run := stream.get_final_run()).status == "requires_action":
        stream = client.threads.runs.submit_tool_outputs_stream(
            run.id, thread_id=run.thread_id, tool_outputs=outputs_for(run), handlers=[listener]
        )


@pytest.mark.parametrize("name", ANSWERS)
def test_the_callbacks_are_those_of_the_assistants_wire(name: str) -> None:
    """The same program gets the same callbacks, except as the page lists; only the ids differ."""
    expected, _ = listen("Assistants", name)
    actual = heard_on_threads(name, submits=False)
    assert expected.names() == actual.names()
    logs = (leave_out(one.log, "Responses", DIFFERENCES) for one in (expected, actual))
    assert next(logs) == next(logs)
    told = [dict(found) for called, found in actual.log if called == "on_run_created"]
    (ids,) = {(run["Run.thread_id"][:7], run["Run.assistant_id"][:5]) for run in told}
    assert ("thread_", "asst_") == ids


def test_outputs_that_are_submitted_are_heard_as_on_the_assistants_wire() -> None:
    """One handler serves both streams: names, order and fields are the same."""
    expected = Listener()
    with conversation(ANSWERS["function calls"]) as talk:
        play(talk.stream(handlers=[expected]), talk.client, expected)
    actual = heard_on_threads("function calls", submits=True)
    assert expected.names() == actual.names()
    assert 2 == expected.names().count("on_end")
    logs = (leave_out(one.log, "Responses", DIFFERENCES) for one in (expected, actual))
    assert next(logs) == next(logs)


# --- Turns ----------------------------------------------------------------------------------


@each_back_end
def test_a_thread_goes_on_turn_by_turn(threads: str, *, keeps: bool) -> None:
    """With every back end, the model reads the whole history, once."""
    with talking(keeps=keeps, threads=threads, assistant={"instructions": "Be brief."}) as talk:
        for text in ("two", "three"):
            assert "completed" == talk.run().status
            talk.say(text)
        run = talk.run(additional_instructions="Now.")
        assert (talk.thread_id, talk.assistant_id) == (run.thread_id, run.assistant_id)
        said = ["one", "1: one", "two", "3: two", "three", "5: three"]
        assert said == talk.texts
        assert [said[:1], said[:3], said[:5]] == [spoken(seen) for seen in talk.server.seen]
        assert ["Be brief."] * 2 == [x["instructions"] for x in talk.server.bodies[:2]]
        assert "Be brief.\nNow." == talk.body["instructions"]
        asked = talk.server.bodies
    # A server that stores nothing is asked in vain once.
    expected = 4 if (threads, keeps) == ("previous_response_id", False) else 3
    assert expected == len(asked)
    whole = threads == "replay" or not keeps
    assert (5 if whole else 1) == len(asked[-1]["input"])
    assert (threads == "conversation") == ("conversation" in asked[-1])
    assert (not whole and threads != "conversation") == ("previous_response_id" in asked[-1])


def call_then_echo(seen: list[dict[str, Any]]) -> Reply:
    """Call both functions after a message, then state their outputs."""
    if seen[-1]["type"] == "message":
        calls = [call(name, {"port": "Porto"}, f"call_{name}") for name in FUNCTIONS]
        return Reply([{"type": "reasoning", "summary": []}, *calls])
    return Reply([message("; ".join(texts_of(item) for item in seen[-2:]))])


BOTH = "high water at Porto is at 16:35; at Porto it blows from the north"


@each_back_end
@pytest.mark.parametrize("how", ["tools", "submit", "create"])
def test_functions_are_called_and_the_thread_goes_on(
    threads: str, how: str, *, keeps: bool
) -> None:
    """Whether the stream or the caller runs them, the next run reads calls and outputs too."""
    with talking(
        call_then_echo, keeps=keeps, threads=threads, assistant={"tools": [TIDES, WIND]}
    ) as talk:
        for text in ("two", "three"):
            run = run_with_functions(talk, how)
            assert ("completed", talk.thread_id) == (run.status, run.thread_id)
            talk.say(text)
        assert ["one", BOTH, "two", BOTH, "three"] == talk.texts
        kinds = [item["type"] for item in talk.server.seen[-1]]
    turn = ["message", "reasoning", *["function_call"] * 2, *["function_call_output"] * 2]
    assert [*turn, "message", *turn] == kinds


def run_with_functions(talk: Talk, how: str) -> models.Run:
    """Hold a turn in which functions are called."""
    runs = talk.client.threads.runs
    if how == "tools":
        stream = talk.stream(tools=ToolSet(get_tides, get_wind))
        run = stream.get_final_run()
        assert stream.response_id != run.id
        return run
    if how == "submit":
        run = talk.run()
        assert "requires_action" == run.status
        return runs.submit_tool_outputs_stream(
            run.id, thread_id=talk.thread_id, tool_outputs=outputs_for(run)
        ).get_final_run()
    run = runs.create(talk.thread_id, assistant_id=talk.assistant_id)
    assert "requires_action" == run.status
    return runs.submit_tool_outputs(
        run.id, thread_id=talk.thread_id, tool_outputs=outputs_for(run), timeout=5
    )


def test_a_run_has_one_id_and_the_usage_of_all_rounds() -> None:
    """This is so over both streams."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}) as talk:
        first = talk.run()
        second = talk.client.threads.runs.submit_tool_outputs_stream(
            first.id, thread_id=talk.thread_id, tool_outputs=outputs_for(first)
        ).get_final_run()
    assert first.id == second.id == "resp_1"
    assert second.usage is not None
    assert 10 == second.usage.total_tokens


@pytest.mark.parametrize(("limit", "left"), [(40, 37), (17, 16), (None, None)])
def test_the_limit_of_a_run_is_for_all_its_responses(limit: int | None, left: int | None) -> None:
    """Each gets the rest, but not less than servers accept."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}) as talk:
        talk.run(max_completion_tokens=limit, tools=ToolSet(get_tides, get_wind))
        assert [limit, left] == [one.get("max_output_tokens") for one in talk.server.bodies]


def test_rounds_after_a_submit_are_run_by_its_own_tools() -> None:
    """They run with its handlers; its headers go with its requests, and its body is added."""

    def twice(seen: list[dict[str, Any]]) -> Reply:
        calls = [x for x in seen if x["type"] == "function_call"]
        if len(calls) < 2:
            return Reply([call("get_tides", {"port": "Porto"}, f"call_{len(calls)}")])
        return Reply([message("done")])

    recorder = Recorder()
    with talking(twice, assistant={"tools": [TIDES]}) as talk:
        run = talk.run(extra_headers={"X-Own": "1"}, tool_choice="required")
        stream = talk.client.threads.runs.submit_tool_outputs_stream(
            run.id,
            thread_id=talk.thread_id,
            tool_outputs=outputs_for(run),
            tools=[get_tides],
            event_handler=recorder,
            extra_headers={"X-Own": "2"},
            extra_body={"user": "u"},
        )
        assert "completed" == stream.get_final_run().status
        assert ["1", "2", "2"] == [one.headers["x-own"] for one in talk.server.asked]
        assert [None, "u", "u"] == [body.get("user") for body in talk.server.bodies]
        choices = [body.get("tool_choice") for body in talk.server.bodies]
        assert ["required", None, None] == choices
        assert all(body["tools"] == talk.body["tools"] for body in talk.server.bodies)
    assert 1 == recorder.names.count("on_tool_output")


def test_custom_calls_and_approvals_are_answered_in_their_own_way() -> None:
    """All of them go in one request."""
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "note", "input": "x"}
    asks = {"type": "mcp_approval_request", "name": "look", "arguments": "{}", "server_label": "s"}

    def model(seen: list[dict[str, Any]]) -> Reply:
        return Reply([custom, asks]) if len(seen) == 1 else Reply([message("done")])

    with talking(model) as talk:
        run = talk.run(tools=[{"type": "custom", "name": "note"}])
        outputs: list[dict[str, Any]] = [
            {"tool_call_id": "c", "output": "noted"},
            {"tool_call_id": "mcp_1_1", "approve": True},
        ]
        submit = talk.client.threads.runs.submit_tool_outputs_stream
        wrong = [outputs[0], {"tool_call_id": "mcp_1_1", "approve": "yes"}]
        with pytest.raises(TypeError, match="'mcp_1_1' needs 'approve', True or False, not 'yes'"):
            submit(run.id, thread_id=talk.thread_id, tool_outputs=wrong)
        submit(run.id, thread_id=talk.thread_id, tool_outputs=outputs).until_done()
        assert [
            {"type": "custom_tool_call_output", "call_id": "c", "output": "noted"},
            {
                "type": "mcp_approval_response",
                "approval_request_id": "mcp_1_1",
                "approve": True,
            },
        ] == talk.body["input"]


# --- Checks before anything is sent ---------------------------------------------------------

OUTPUT = {"tool_call_id": "call_get_tides", "output": "x"}


@pytest.mark.parametrize(
    ("outputs", "error", "says"),
    [
        ([], ValueError, "no output for call_get_tides, call_get_wind"),
        ([OUTPUT], ValueError, "no output for call_get_wind; .* of all calls at once"),
        ([OUTPUT, OUTPUT], ValueError, "'call_get_tides' has two outputs"),
        ([{"tool_call_id": "call_9", "output": "x"}], ValueError, "'call_9' is not a waiting call"),
        ([{"output": "x"}], ValueError, "None is not a waiting call; these wait: call_get_tides"),
        ([{**OUTPUT, "output": 5}], TypeError, "needs 'output', a string, not 5"),
    ],
)
def test_every_call_needs_one_output(
    outputs: list[dict[str, Any]], error: type[Exception], says: str
) -> None:
    """The error names the missing or extra calls; the run still waits."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}) as talk:
        run = talk.run()
        submit = talk.client.threads.runs.submit_tool_outputs_stream
        with pytest.raises(error, match=says):
            submit(run.id, thread_id=talk.thread_id, tool_outputs=outputs)
        assert 1 == len(talk.server.asked)
        submit(run.id, thread_id=talk.thread_id, tool_outputs=outputs_for(run)).until_done()
        with pytest.raises(ValueError, match=r"resp_1 does not wait for outputs.* completed"):
            submit(run.id, thread_id=talk.thread_id, tool_outputs=outputs_for(run))


def test_a_submit_that_is_refused_can_be_made_again() -> None:
    """Nothing is lost, and nothing is sent twice."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}, threads="replay") as talk:
        run = talk.run()
        again: dict[str, Any] = {"thread_id": talk.thread_id, "tool_outputs": outputs_for(run)}
        submit = talk.client.threads.runs.submit_tool_outputs_stream
        no_handler: Any = object()
        with pytest.raises(TypeError, match="handle"):
            submit(run.id, **again, handlers=[no_handler])
        talk.server.refuse_next = RefusalError(503, "busy")
        with pytest.raises(errors.InternalServerError, match="busy"):
            submit(run.id, **again)
        assert "completed" == submit(run.id, **again).get_final_run().status
        assert 6 == len(talk.body["input"])


@pytest.mark.parametrize(
    ("params", "error", "says"),
    [
        ({"assistant_id": "asst_old"}, ValueError, r"Client\(wire='responses', assistants="),
        ({"max_prompt_tokens": 5}, ValueError, "max_prompt_tokens: .*truncation_strategy"),
        ({"instruction": "x"}, TypeError, "did you mean 'instructions'"),
        ({"handlers": [object()]}, TypeError, "handle"),
        ({"additional_messages": [{"role": "tool"}]}, ValueError, "role is 'tool'"),
        ({"tools": [{"type": "file_search"}]}, ValueError, "vector_store_ids"),
    ],
)
def test_what_cannot_be_run_is_refused(
    params: dict[str, Any], error: type[Exception], says: str
) -> None:
    """The error comes before anything is sent or kept."""
    with talking() as talk:
        with pytest.raises(error, match=says):
            talk.stream(**params)
        assert ([], ["one"]) == (talk.server.asked, talk.texts)
        assert [] == list(talk.client.threads.runs.list(talk.thread_id))


def test_a_run_that_waits_comes_first() -> None:
    """It must be answered or given up; if it is given up, its messages are sent again."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}) as talk:
        runs, run = talk.client.threads.runs, talk.run()
        with pytest.raises(RuntimeError, match=r"resp_1 .* waits.*submit_tool_outputs_stream"):
            talk.stream()
        given_up = runs.cancel(run.id, thread_id=talk.thread_id)
        assert ("cancelled", None) == (given_up.status, given_up.required_action)
        assert given_up == runs.retrieve(run.id, thread_id=talk.thread_id)
        talk.say("two")
        talk.server.answer = echo
        assert "completed" == talk.run().status
        assert ["one", "two"] == spoken(talk.server.seen[-1])
        with pytest.raises(ValueError, match="is cancelled: it has ended and cannot be cancelled"):
            runs.cancel(run.id, thread_id=talk.thread_id)


# --- Parameters on the wire -----------------------------------------------------------------


def test_the_run_counts_before_the_assistant() -> None:
    """None counts as not given; files come from assistant, thread and messages."""
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
    code = [{"type": "code_interpreter"}]
    assistant = {
        "tools": tools,
        "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}},
        "temperature": 0.1,
        "metadata": {"of": "assistant"},
    }
    with talking(assistant=assistant) as talk:
        threads = talk.client.threads
        threads.update(
            talk.thread_id, tool_resources={"code_interpreter": {"file_ids": ["file_1"]}}
        )
        attached: list[Any] = [{"file_id": "file_2", "tools": code}]
        threads.messages.create(talk.thread_id, role="user", content="two", attachments=attached)
        more = [
            {"role": "user", "content": "3", "attachments": [{"file_id": "file_3", "tools": code}]}
        ]
        talk.run(
            model="large",
            temperature=None,
            metadata={"of": "run"},
            additional_messages=more,
            extra_body={"background": False},
        )
        body = talk.body
        assert ("large", 0.1, {"of": "run"}) == (
            body["model"],
            body["temperature"],
            body["metadata"],
        )
        search, interpreter = body["tools"]
        assert ["vs_1"] == search["vector_store_ids"]
        assert ["file_1", "file_2", "file_3"] == interpreter["container"]["file_ids"]
        assert ["code_interpreter_call.outputs"] == body["include"]
        assert False is body["background"]
        assert ["one", "two", "3"] == [item["content"] for item in body["input"]]
        talk.run(tools=[], tool_choice="none")
        assert ([], "none") == (talk.body["tools"], talk.body["tool_choice"])
        assert "metadata" not in talk.body


def test_the_last_messages_are_sent_and_all_are_kept() -> None:
    """This is so if this client sends them."""
    with talking(threads="replay") as talk:
        for text in ("two", "three"):
            talk.run()
            talk.say(text)
        talk.run(truncation_strategy={"type": "last_messages", "last_messages": 2})
        assert ["3: two", "three"] == spoken(talk.server.seen[-1])
        talk.say("four")
        talk.run()
        assert 7 == len(talk.server.seen[-1])


# --- Runs that did not end well -------------------------------------------------------------


def failing(seen: list[dict[str, Any]]) -> Reply:
    """Fail."""
    del seen
    return Reply([message("half")], "failed", {"error": {"code": "server_error", "message": "x"}})


@each_back_end
@pytest.mark.parametrize("how", ["failed", "cut", "closed", "refused"])
def test_a_run_that_does_not_count_leaves_its_thread_as_it_was(
    threads: str, how: str, *, keeps: bool
) -> None:
    """Its messages are sent again with the next one.

    What a server adds to a conversation after its listener has left is up to the server: ours
    adds its whole answer.
    """
    with talking(keeps=keeps, threads=threads) as talk:
        talk.run()
        talk.say("two")
        before = talk.texts
        spoil(talk, how)
        assert before == talk.texts
        talk.server.answer = echo
        assert "completed" == talk.run().status
        added = ["3: two", "two"] if (threads, how) == ("conversation", "closed") else []
        assert ["one", "1: one", "two", *added] == spoken(talk.server.seen[-1])
        assert [*before, "5: two" if added else "3: two"] == talk.texts
        runs = talk.client.threads.runs.list(talk.thread_id, order="asc")
        ended = {"failed": ["failed"], "cut": ["in_progress"], "closed": ["queued"], "refused": []}
        assert ["completed", *ended[how], "completed"] == [run.status for run in runs]


def spoil(talk: Talk, how: str) -> None:
    """Start a run that does not count."""
    if how == "refused":
        talk.server.refuse_next = RefusalError(429, "slow down")
        with pytest.raises(errors.RateLimitError):
            talk.stream()
    elif how == "failed":
        talk.server.answer = failing
        assert "failed" == talk.run().status
    elif how == "cut":
        talk.server.answer = lambda _: Reply([message("half")], None)
        with pytest.raises(errors.IncompleteStreamError):
            talk.run()
    else:
        with talk.stream() as stream:
            while stream.run() is None or stream.run().status != "queued":  # type: ignore[union-attr]  # it was checked before
                assert stream.next()
            assert stream.next()


@pytest.mark.parametrize(
    ("items", "counts"),
    [([message("half")], True), ([call("get_tides", {})], False)],
    ids=["a text", "a call"],
)
def test_a_run_that_is_incomplete_counts_unless_it_calls(
    items: list[dict[str, Any]], *, counts: bool
) -> None:
    """A call that was cut can never be answered."""
    cut = {"incomplete_details": {"reason": "max_output_tokens"}}
    with talking(lambda _: Reply(items, "incomplete", cut)) as talk:
        assert "incomplete" == talk.run().status
        talk.say("two")
        talk.server.answer = echo
        talk.run()
        assert (["one", "half", "two"] if counts else ["one", "two"]) == spoken(
            talk.server.seen[-1]
        )


# --- Runs and steps that are known ----------------------------------------------------------


def test_runs_and_steps_are_read_and_listed() -> None:
    """They are as last seen in their streams."""
    with talking(call_then_echo, assistant={"tools": [TIDES, WIND]}) as talk:
        runs, thread_id = talk.client.threads.runs, talk.thread_id
        stream = talk.stream(tools=ToolSet(get_tides, get_wind))
        assert [] == list(runs.list(thread_id))
        run = stream.get_final_run()
        assert run == runs.retrieve(run.id, thread_id=thread_id)
        assert [run] == list(runs.list(thread_id))
        steps = runs.steps.list(run.id, thread_id=thread_id, order="asc")
        assert ["tool_calls", "message_creation"] == [step.type for step in steps]
        assert ["completed"] * 2 == [step.status for step in steps]
        (first, *_) = steps
        assert first == runs.steps.retrieve(first.id, thread_id=thread_id, run_id=run.id)
        details = first.step_details
        assert isinstance(details, models.ToolCallsStepDetails)
        assert 2 == len(details.tool_calls)
        with pytest.raises(ValueError, match="step_id is 'step_9'"):
            runs.steps.retrieve("step_9", thread_id=thread_id, run_id=run.id)
        with pytest.raises(ValueError, match=r"run_id is 'run_9': thread thread_.* no such run"):
            runs.retrieve("run_9", thread_id=thread_id)
        for refused in (
            lambda: runs.steps.list(run.id, thread_id=thread_id, include=["x"]),
            lambda: runs.steps.retrieve(
                first.id, thread_id=thread_id, run_id=run.id, include=["x"]
            ),
        ):
            with pytest.raises(ValueError, match=r"give include=.* with the run"):
                refused()


def test_a_run_cannot_be_changed() -> None:
    """The error says when its metadata can be given."""
    with talking() as talk:
        runs, run = talk.client.threads.runs, talk.run()
        with pytest.raises(ValueError, match=r"give metadata=.* with the run"):
            runs.update(run.id, thread_id=talk.thread_id, metadata={"a": "b"})
        assert run == runs.update(run.id, thread_id=talk.thread_id)


def test_a_run_in_the_background_is_cancelled() -> None:
    """The server is asked to cancel it; a run with only its connection is ended by its stream."""
    begun = response("created", "resp_1", status="in_progress")
    answers = [frames(begun, held=True), json_answer({"id": "resp_1"}), frames(begun, held=True)]
    with (
        running(*answers) as server,
        Client("k", server.base_url, wire="responses", assistants={"a": {"model": "m"}}) as client,
    ):
        thread_id = client.threads.create().id
        runs = client.threads.runs
        body = {"background": True}
        with runs.stream(thread_id, assistant_id="a", extra_body=body) as stream:
            assert isinstance(next(stream), events.ThreadRunCreated)
            assert "cancelling" == runs.cancel("resp_1", thread_id=thread_id).status
            assert "POST /responses/resp_1/cancel" == server.calls[-1]
        thread_id = client.threads.create().id
        with runs.stream(thread_id, assistant_id="a") as stream:
            assert stream.next()
            with pytest.raises(RuntimeError, match=r"cancel\(\) or close\(\) of its stream"):
                runs.cancel("resp_1", thread_id=thread_id)
