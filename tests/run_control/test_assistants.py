"""stream_core/control.py: what is asked and told of a run, over HTTP."""

from __future__ import annotations

from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from stream_core import events, models
from stream_core.convert.payloads import unstructure
from stream_core.decoding.decoder import EventDecoder
from stream_core.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)
from stream_core.run_control.assistants import RunControl
from stream_core.snapshots.stream_state import Snapshots
from stream_core.testing import Fault, RunCode, Say
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import Conversation, conversation, get_tides, get_wind
from tests.support.frames import sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.http.transport import ResponseSource
    from stream_core.testing import Turn
    from stream_core.testing.parts import Part


@pytest.fixture
def talk() -> Iterator[Conversation]:
    """A conversation in which two functions are called at once."""
    with conversation() as begun:
        yield begun


def control_of(talk: Conversation, **settings: Any) -> RunControl:
    """The control of a stream on the conversation's thread."""
    return RunControl(talk.client._transport, **settings)


def nobody_stops() -> bool:
    """Go on."""
    return False


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
    control = control_of(talk, rounds=ToolRounds(ToolSet(get_tides, get_wind)))
    answer = control.answer(run)
    assert answer is not None
    *told, source = answer
    assert ["get_tides", "get_wind"] == [
        x.tool_call.function.name for x in told if isinstance(x, events.ToolOutput)
    ]
    data = b"".join(source)  # type: ignore[arg-type]  # a source, not an event
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
    assert None is control_of(talk, rounds=rounds).answer(run)
    assert [] == talk.asked("/submit_tool_outputs")


def test_a_request_that_fails_is_an_error(talk: Conversation) -> None:
    """It comes when the outputs were told."""
    run = talk.stream().get_final_run()
    answer = control_of(talk, rounds=ToolRounds(ToolSet(get_tides, get_wind))).answer(run)
    assert answer is not None
    talk.server.fail_next(Fault(refuse=True))
    assert isinstance(next(answer), events.ToolOutput)
    assert isinstance(next(answer), events.ToolOutput)
    with pytest.raises(TransportError):
        next(answer)


# --- Which run ----------------------------------------------------------------------------------


def test_the_run_that_was_heard_of_is_the_streams(talk: Conversation) -> None:
    """Nobody is asked."""
    run = models.Run(id="run_1", thread_id="thread_1")
    asked = len(talk.server.requests)
    assert run is control_of(talk, thread_id=talk.thread_id).find(snapshots_of(run))
    assert asked == len(talk.server.requests)


@pytest.mark.parametrize(
    "run", [models.Run(id="run_1"), models.Run(thread_id="t")], ids=["no thread", "no id"]
)
def test_a_run_that_cannot_be_asked_about_is_none(talk: Conversation, run: models.Run) -> None:
    """Some servers leave out what names it."""
    assert None is control_of(talk).find(snapshots_of(run))


def test_without_a_run_the_newest_of_the_thread_is_the_streams(talk: Conversation) -> None:
    """One run is asked for; a thread may have none yet."""
    control = control_of(talk, thread_id=talk.thread_id)
    assert None is control.find(Snapshots())
    first = talk.stream().get_final_run()
    talk.submit(first).until_done()
    second = talk.stream().get_final_run()
    found = control.find(Snapshots())
    assert found is not None
    assert second.id == found.id
    assert {"limit": "1", "order": "desc"} == dict(talk.server.requests[-1].query)


def test_without_a_thread_there_is_none(talk: Conversation) -> None:
    """Nobody is asked."""
    asked = len(talk.server.requests)
    assert None is control_of(talk).find(Snapshots())
    assert asked == len(talk.server.requests)


def test_a_thread_that_the_stream_told_of_will_do(talk: Conversation) -> None:
    """It was created with the run."""
    run = talk.stream().get_final_run()
    decoder = EventDecoder()
    decoder.feed(sse(("thread.created", {"id": talk.thread_id})))
    assert isinstance(decoder.next_event(), events.ThreadCreated)
    found = control_of(talk).find(decoder.snapshots)
    assert found is not None
    assert run.id == found.id


# --- What is asked ------------------------------------------------------------------------------


def test_run_steps_and_messages_are_asked_for(talk: Conversation) -> None:
    """They are what the resources of the client give."""
    run = talk.stream(tools=[get_tides, get_wind]).get_final_run()
    control, runs = control_of(talk), talk.client.threads.runs
    assert unstructure(runs.retrieve(run.id, thread_id=run.thread_id)) == unstructure(
        control.run(run)
    )
    steps = runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    assert unstructure(list(steps)) == unstructure(control.steps(run))
    (message,) = talk.client.threads.messages.list(run.thread_id, run_id=run.id)
    assert unstructure(message) == unstructure(control.message(run, message.id))


def test_all_steps_are_asked_for() -> None:
    """A page has a hundred; the oldest come first."""
    codes = [RunCode(str(number)) for number in range(101)]
    with conversation(lambda _: codes) as talk:
        run = talk.stream().get_final_run()
        steps = control_of(talk).steps(run)
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
    control = control_of(talk, thread_id=talk.thread_id)
    assert control.recovers
    found = control.recover(Snapshots(), nobody_stops)
    assert found is not None
    assert run.id == found[0].id
    assert "thread.run.created" == found[1][0].name


def test_a_recovery_knows_which_calls_were_answered_before(talk: Conversation) -> None:
    """What an earlier stream told is left out."""
    run = talk.stream().get_final_run()
    steps = control_of(talk).steps(run)
    (details,) = [step.step_details for step in steps]
    assert isinstance(details, models.ToolCallsStepDetails)
    control = control_of(talk, answered=[call.id for call in details.tool_calls])
    found = control.recover(snapshots_of(run), nobody_stops)
    assert found is not None
    # That the run waits was noted, so that not even this is missing.
    assert [] == found[1]


def test_a_recovery_that_is_not_wanted_is_none(talk: Conversation) -> None:
    """Nobody is asked."""
    run = talk.stream().get_final_run()
    asked = len(talk.server.requests)
    control = control_of(talk, recover=False)
    assert not control.recovers
    assert None is control.recover(snapshots_of(run), nobody_stops)
    assert asked == len(talk.server.requests)


# --- Cancelling ---------------------------------------------------------------------------------


def test_a_run_is_cancelled(talk: Conversation) -> None:
    """One that waits ends at once."""
    run = talk.stream().get_final_run()
    control_of(talk).cancel(run)
    assert "cancelled" == talk.run.status


@pytest.mark.parametrize("answers_with", [None, 409], ids=["as the server does", "409"])
def test_a_cancel_that_comes_too_late_is_none(talk: Conversation, answers_with: int | None) -> None:
    """The run has ended; servers complain with 400 or 409."""
    run = talk.stream(tools=[get_tides, get_wind]).get_final_run()
    assert "completed" == run.status
    if answers_with is not None:
        talk.server.fail_next(Fault(status=answers_with, only="/cancel"))
    control_of(talk).cancel(run)
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
        control = control_of(talk)
        run = talk.run
        control.cancel(run)
        control.cancel(run)
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
        control_of(talk).cancel(run)
    assert "requires_action" == talk.run.status


def test_a_run_that_there_is_not_cannot_be_cancelled(talk: Conversation) -> None:
    """The server's answer is the error."""
    run = models.Run(id="run_none", thread_id=talk.thread_id)
    with pytest.raises(NotFoundError):
        control_of(talk).cancel(run)


def test_what_the_caller_adds_goes_with_every_request(talk: Conversation) -> None:
    """Headers and query, of all that a control asks and tells."""
    run = talk.stream().get_final_run()
    control = control_of(
        talk,
        thread_id=talk.thread_id,
        rounds=ToolRounds(ToolSet(get_tides, get_wind)),
        options={"extra_headers": {"x-mine": "1"}, "extra_query": {"q": "2"}, "timeout": 5},
    )
    before = len(talk.server.requests)
    control.find(Snapshots())
    control.recover(snapshots_of(run), nobody_stops)
    answer = control.answer(run)
    assert answer is not None
    *_, source = answer
    b"".join(source)  # type: ignore[arg-type]  # a source, not an event
    control.recover(snapshots_of(run), nobody_stops)
    control.cancel(run)
    sent = talk.server.requests[before:]
    assert {"GET", "POST"} == {x.method for x in sent}
    assert {("1", "2")} == {(x.headers.get("x-mine"), x.query.get("q")) for x in sent}


def test_what_was_lost_is_not_streamed_again(talk: Conversation) -> None:
    """The API has no such request, so the control has no source."""
    assert None is control_of(talk).rejoin(nobody_stops)


def test_ids_are_quoted(talk: Conversation) -> None:
    """An id is one part of a path, whatever is in it."""
    run = attrs.evolve(models.Run(id="run/1?", thread_id=talk.thread_id))
    with pytest.raises(NotFoundError):
        control_of(talk).run(run)
    assert talk.server.requests[-1].path.endswith(("/runs/run/1?", "/runs/run%2F1%3F"))
