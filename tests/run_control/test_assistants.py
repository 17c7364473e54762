"""What is asked about a run of the Assistants API, over HTTP."""

from __future__ import annotations

from threading import Event as Flag
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import pytest

from stream_core import events, models
from stream_core.api.request import BETA
from stream_core.convert.payloads import unstructure
from stream_core.decoding.decoder import EventDecoder
from stream_core.effects import Ask, Deliver, Invoke, Open, Outcome
from stream_core.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)
from stream_core.run_control.assistants import AssistantsControl
from stream_core.run_control.run_keys import RUN_KEY
from stream_core.snapshots.stream_state import Snapshots
from stream_core.testing import Fault, RunCode, Say
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import Conversation, conversation, get_tides, get_wind
from tests.support.flows import KeepingDriver, play, play_all
from tests.support.frames import sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.effects import Flow
    from stream_core.http.transport import ResponseSource
    from stream_core.testing import Turn
    from stream_core.testing.parts import Part


T = TypeVar("T")


@pytest.fixture
def talk() -> Iterator[Conversation]:
    """A conversation in which two functions are called at once."""
    with conversation() as begun:
        yield begun


def run_flow(talk: Conversation, flow: Flow[T]) -> T:
    """Run a flow that asks the conversation's server."""
    return KeepingDriver(talk.client._transport).run(flow)


def snapshots_of(run: models.Run | None) -> Snapshots:
    """What a stream knows that heard of RUN."""
    snapshots = Snapshots()
    if run is not None:
        snapshots.note(run)
    return snapshots


# --- Answers ------------------------------------------------------------------------------------


def test_outputs_are_submitted_and_the_source_that_goes_on_comes_last(talk: Conversation) -> None:
    """Before it come the outputs; it is the reply to them, unread."""
    run = talk.stream().get_final_run()
    control = AssistantsControl(rounds=ToolRounds(ToolSet(get_tides, get_wind)))
    answer = control.answer(run)
    assert answer is not None
    driver = KeepingDriver(talk.client._transport)
    source: Any = driver.run(answer)
    assert ["get_tides", "get_wind"] == [
        x.tool_call.function.name for x in driver.delivered if isinstance(x, events.ToolOutput)
    ]
    data = b"".join(source)
    assert data.startswith(b"event: thread.run.step.completed\n")
    (body,) = talk.asked("/submit_tool_outputs")
    assert body["stream"] is True
    assert 2 == len(body["tool_outputs"])


@pytest.mark.parametrize(
    "rounds", [None, ToolRounds(None, approve=bool)], ids=["nothing", "approvals only"]
)
def test_what_is_not_to_be_answered_is_the_callers(
    talk: Conversation, rounds: ToolRounds | None
) -> None:
    """Nothing is submitted."""
    run = talk.stream().get_final_run()
    assert None is AssistantsControl(rounds=rounds).answer(run)
    assert [] == talk.asked("/submit_tool_outputs")


def test_a_request_that_fails_is_an_error(talk: Conversation) -> None:
    """It comes when the outputs were delivered; with ``recover=False`` nobody is asked."""
    run = talk.stream().get_final_run()
    rounds = ToolRounds(ToolSet(get_tides, get_wind))
    answer = AssistantsControl(rounds=rounds, recover=False).answer(run)
    assert answer is not None
    talk.server.fail_next(Fault(refuse=True))
    driver = KeepingDriver(talk.client._transport)
    with pytest.raises(TransportError):
        driver.run(answer)
    assert [events.ToolOutput] * 2 == [type(event) for event in driver.delivered]


# --- Which run ----------------------------------------------------------------------------------


def test_the_run_that_was_heard_of_is_the_streams(talk: Conversation) -> None:
    """Nobody is asked."""
    run = models.Run(id="run_1", thread_id="thread_1")
    asked = len(talk.server.requests)
    assert run is run_flow(
        talk, AssistantsControl(thread_id=talk.thread_id).find(snapshots_of(run))
    )
    assert asked == len(talk.server.requests)


@pytest.mark.parametrize(
    "run", [models.Run(id="run_1"), models.Run(thread_id="t")], ids=["no thread", "no id"]
)
def test_a_run_that_cannot_be_asked_about_is_none(talk: Conversation, run: models.Run) -> None:
    """Some servers leave out what names it, and the call knew it neither."""
    assert None is run_flow(talk, AssistantsControl().find(snapshots_of(run)))


def test_a_run_without_its_thread_is_that_of_the_call() -> None:
    """What the call knew counts, or what the thread.created said; also to cancel the run."""
    run = models.Run(id="run_1", status="in_progress")
    control = AssistantsControl(thread_id="thread_1")
    assert attrs.evolve(run, thread_id="thread_1") == play(control.find(snapshots_of(run)))
    effects, _ = play_all(control.cancel(run), {"id": "run_1"})
    assert [Ask("POST", f"{PATH}/cancel", options())] == effects
    decoder = EventDecoder()
    decoder.feed(sse(("thread.created", {"id": "thread_1"}), ("thread.run.created", {"id": "r"})))
    assert isinstance(decoder.next_event(), events.ThreadCreated)
    decoder.next_event()
    found = play(AssistantsControl().find(decoder.snapshots))
    assert found is not None
    assert ("r", "thread_1") == (found.id, found.thread_id)


def test_no_other_run_is_taken_for_one_that_was_not_seen(talk: Conversation) -> None:
    """Not even the newest of the thread: nobody is asked."""
    talk.stream().get_final_run()
    asked = len(talk.server.requests)
    control = AssistantsControl(thread_id=talk.thread_id)
    assert None is run_flow(talk, control.find(Snapshots()))
    assert asked == len(talk.server.requests)


def test_a_run_that_the_caller_named_is_the_streams() -> None:
    """Outputs are submitted to it."""
    control = AssistantsControl(thread_id="thread_1", run_id="run_1")
    assert models.Run(id="run_1", thread_id="thread_1") == play(control.find(Snapshots()))


def test_a_run_is_found_by_its_key_alone() -> None:
    """Among the newest of its thread, as far as one is known; it is asked for once."""
    runs = {"data": [{"id": "run_2"}, {"id": "run_1", "metadata": {RUN_KEY: "k"}}]}
    control = AssistantsControl(thread_id="thread_1", key="k")
    effects, run = play_all(control.find(Snapshots()), runs)
    query = {"limit": 100, "order": "desc"}
    assert [Ask("GET", "/threads/thread_1/runs", options(query=query))] == effects
    assert isinstance(run, models.Run)
    assert ("run_1", "thread_1") == (run.id, run.thread_id)
    assert ([], run) == play_all(control.find(Snapshots()))
    assert ([], None) == play_all(AssistantsControl(key="k").find(Snapshots()))


# --- What is asked ------------------------------------------------------------------------------


def test_run_steps_and_messages_are_asked_for(talk: Conversation) -> None:
    """They are what the resources of the client give."""
    run = talk.stream(tools=[get_tides, get_wind]).get_final_run()
    control, runs = AssistantsControl(), talk.client.threads.runs
    assert unstructure(runs.retrieve(run.id, thread_id=run.thread_id)) == unstructure(
        run_flow(talk, control.run(run))
    )
    steps = runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    assert unstructure(list(steps)) == unstructure(run_flow(talk, control.steps(run)))
    (message,) = talk.client.threads.messages.list(run.thread_id, run_id=run.id)
    assert unstructure(message) == unstructure(run_flow(talk, control.message(run, message.id)))


def test_all_steps_are_asked_for() -> None:
    """A page has a hundred; the oldest come first."""
    codes = [RunCode(str(number)) for number in range(101)]
    with conversation(lambda _: codes) as talk:
        run = talk.stream().get_final_run()
        steps = run_flow(talk, AssistantsControl().steps(run))
    inputs = [
        call.code_interpreter.input
        for step in steps
        if isinstance(step.step_details, models.ToolCallsStepDetails)
        for call in step.step_details.tool_calls
        if isinstance(call, models.CodeInterpreterToolCall)
    ]
    assert [str(number) for number in range(101)] == inputs


def test_a_recovery_asks_about_the_streams_run(talk: Conversation) -> None:
    """What is found is the run and what was missed."""
    run = talk.stream().get_final_run()
    control = AssistantsControl(thread_id=talk.thread_id, run_id=run.id)
    assert control.recovers
    found = run_flow(talk, control.recover(Snapshots()))
    assert found is not None
    assert run.id == found[0].id
    assert "thread.run.created" == found[1][0].name


def test_a_recovery_knows_which_calls_were_answered_before(talk: Conversation) -> None:
    """What an earlier stream told is left out."""
    run = talk.stream().get_final_run()
    steps = run_flow(talk, AssistantsControl().steps(run))
    (details,) = [step.step_details for step in steps]
    assert isinstance(details, models.ToolCallsStepDetails)
    control = AssistantsControl(answered=[call.id for call in details.tool_calls])
    found = run_flow(talk, control.recover(snapshots_of(run)))
    assert found is not None
    # That the run waits was noted, so that not even this is missing.
    assert [] == found[1]


def test_a_recovery_that_is_not_wanted_is_none(talk: Conversation) -> None:
    """Nobody is asked."""
    run = talk.stream().get_final_run()
    asked = len(talk.server.requests)
    control = AssistantsControl(recover=False)
    assert not control.recovers
    assert None is run_flow(talk, control.recover(snapshots_of(run)))
    assert asked == len(talk.server.requests)


# --- Cancelling ---------------------------------------------------------------------------------


def test_a_run_is_cancelled(talk: Conversation) -> None:
    """One that waits ends at once."""
    run = talk.stream().get_final_run()
    run_flow(talk, AssistantsControl().cancel(run))
    assert "cancelled" == talk.run.status


@pytest.mark.parametrize("answers_with", [None, 409], ids=["as the server does", "409"])
def test_a_cancel_that_comes_too_late_is_none(talk: Conversation, answers_with: int | None) -> None:
    """The run has ended; servers complain with 400 or 409."""
    run = talk.stream(tools=[get_tides, get_wind]).get_final_run()
    assert "completed" == run.status
    if answers_with is not None:
        talk.server.fail_next(Fault(status=answers_with, only="/cancel"))
    run_flow(talk, AssistantsControl().cancel(run))
    assert "completed" == talk.run.status


def test_a_second_cancel_is_none() -> None:
    """The server is at it; LocalServer waits here for its responder, as a slow server would."""
    flag = Flag()

    def respond(_: Turn) -> Iterator[Part]:
        yield Say("Well")
        flag.wait(10)

    with conversation(respond) as talk:
        source: ResponseSource = talk.client._transport.open(
            "POST",
            f"/threads/{talk.thread_id}/runs",
            body={"assistant_id": talk.assistant_id, "stream": True},
        )
        control = AssistantsControl()
        run = talk.run
        run_flow(talk, control.cancel(run))
        run_flow(talk, control.cancel(run))
        assert 2 == len(talk.asked("/cancel"))
        flag.set()
        assert b"thread.run.cancelled" in b"".join(source)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequestError), (409, ConflictError), (403, PermissionDeniedError)],
)
def test_a_cancel_that_is_refused_is_an_error(
    talk: Conversation, status: int, error: type[Exception]
) -> None:
    """The run goes on, whatever the status of the answer is."""
    run = talk.stream().get_final_run()
    talk.server.fail_next(Fault(status=status, only="/cancel"))
    with pytest.raises(error):
        run_flow(talk, AssistantsControl().cancel(run))
    assert "requires_action" == talk.run.status


def test_a_run_that_there_is_not_cannot_be_cancelled(talk: Conversation) -> None:
    """The server's answer is the error."""
    run = models.Run(id="run_none", thread_id=talk.thread_id)
    with pytest.raises(NotFoundError):
        run_flow(talk, AssistantsControl().cancel(run))


def test_what_the_caller_adds_goes_with_every_request(talk: Conversation) -> None:
    """Headers and query, of all that a control asks and tells."""
    run = talk.stream().get_final_run()
    control = AssistantsControl(
        thread_id=talk.thread_id,
        rounds=ToolRounds(ToolSet(get_tides, get_wind)),
        options={"extra_headers": {"x-mine": "1"}, "extra_query": {"q": "2"}, "timeout": 5},
    )
    before = len(talk.server.requests)
    run_flow(talk, control.find(Snapshots()))
    run_flow(talk, control.recover(snapshots_of(run)))
    answer = control.answer(run)
    assert answer is not None
    source: Any = run_flow(talk, answer)
    b"".join(source)
    run_flow(talk, control.recover(snapshots_of(run)))
    run_flow(talk, control.cancel(run))
    sent = talk.server.requests[before:]
    assert {"GET", "POST"} == {x.method for x in sent}
    assert {("1", "2")} == {(x.headers.get("x-mine"), x.query.get("q")) for x in sent}


def test_what_was_lost_is_not_streamed_again(talk: Conversation) -> None:
    """The API has no such request, so the control has no source."""
    assert None is run_flow(talk, AssistantsControl().rejoin(Snapshots()))


def test_ids_are_quoted(talk: Conversation) -> None:
    """An id is one part of a path, whatever is in it."""
    run = attrs.evolve(models.Run(id="run/1?", thread_id=talk.thread_id))
    with pytest.raises(NotFoundError):
        run_flow(talk, AssistantsControl().run(run))
    assert talk.server.requests[-1].path.endswith(("/runs/run/1?", "/runs/run%2F1%3F"))


# --- As flows -----------------------------------------------------------------------------------

RUN = models.Run(id="run_1", thread_id="thread_1", status="in_progress")
PATH = "/threads/thread_1/runs/run_1"


def options(**parts: Any) -> dict[str, Any]:
    """The parts of a request, with what every call of this API sends."""
    return {"query": {}, "headers": {}, "default_headers": BETA, **parts}


def test_the_first_request_is_opened_as_it_was_given() -> None:
    """Its source is returned unread."""
    control = AssistantsControl("/threads/t/runs", {"body": {"stream": True}})
    effects, source = play_all(control.begin(), b"source")
    assert [Open("POST", "/threads/t/runs", {"body": {"stream": True}})] == effects
    assert b"source" == source


def test_outputs_are_submitted_in_one_request_that_streams() -> None:
    """After the tools have run; nothing is submitted if the stream is ended meanwhile."""
    asked = models.RequiredActionFunctionToolCall("call_1", function=models.Function("f", "{}"))
    action = models.RequiredAction("submit_tool_outputs", models.SubmitToolOutputs([asked]))
    run = attrs.evolve(RUN, status="requires_action", required_action=action)
    tools = ToolSet(get_tides)
    for going_on in (True, False):
        answer = AssistantsControl(rounds=ToolRounds(tools)).answer(run)
        assert answer is not None
        more = [b"more"] if going_on else []
        effects, source = play_all(answer, Outcome("high"), going_on, *more)
        assert Invoke(tools.run, (asked,)) == effects[0]
        assert Deliver(events.ToolOutput(asked, "high")) == effects[1]
        outputs = [{"tool_call_id": "call_1", "output": "high"}]
        body = {"tool_outputs": outputs, "stream": True}
        sent = [Open("POST", f"{PATH}/submit_tool_outputs", options(body=body))]
        assert ((sent, b"more") if going_on else ([], None)) == (effects[2:], source)


def test_a_recovery_is_a_chain_of_questions() -> None:
    """The run until it has ended, its steps page by page, and each message."""
    step = {"id": "step_1", "status": "completed", "type": "message_creation"}
    details = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    message = {"id": "msg_1", "status": "completed", "role": "assistant"}
    effects, found = play_all(
        AssistantsControl().recover(snapshots_of(RUN)),
        1.0,
        {"id": "run_1", "thread_id": "thread_1", "status": "in_progress"},
        False,
        2.0,
        {"id": "run_1", "thread_id": "thread_1", "status": "completed"},
        {"data": [], "last_id": "x", "has_more": True},
        {"data": [{**step, "step_details": details}]},
        message,
    )
    asked = [effect.path for effect in effects if isinstance(effect, Ask)]
    assert [PATH, PATH, f"{PATH}/steps", f"{PATH}/steps"] == asked[:4]
    assert ["/threads/thread_1/messages/msg_1"] == asked[4:]
    assert isinstance(found, tuple)
    assert "completed" == found[0].status
    assert [
        *("thread.run.step.created", "thread.message.created", "thread.message.completed"),
        *("thread.run.step.completed", "thread.run.completed"),
    ] == [decoded.name for decoded in found[1]]


def test_nothing_is_asked_for_that_is_not_wanted_or_not_there() -> None:
    """No recovery without ``recover``, and no rejoining at all."""
    control = AssistantsControl(recover=False)
    assert ([], None) == play_all(control.recover(snapshots_of(RUN)))
    assert ([], None) == play_all(control.rejoin(Snapshots()))


def test_a_cancel_is_one_request() -> None:
    """Two, if the server refuses: the run may have ended."""
    no = ConflictError("too late", status_code=409)
    cancel, look = Ask("POST", f"{PATH}/cancel", options()), Ask("GET", PATH, options())
    control = AssistantsControl()
    assert ([cancel], True) == play_all(control.cancel(RUN), {"id": "run_1"})
    for status in ("completed", "cancelling"):
        effects, cancelled = play_all(control.cancel(RUN), no, {"id": "run_1", "status": status})
        assert ([cancel, look], True) == (effects, cancelled)
    effects, error = play_all(control.cancel(RUN), no, {"id": "run_1", "status": "queued"})
    assert ([cancel, look], no) == (effects, error)
