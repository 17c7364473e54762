"""What was missed is delivered, once, wherever the connection is lost.

The first part cuts a run at a few places over real HTTP (``whole/test_recovery_everywhere`` cuts at
many more), and the second has what is special: runs that go on, fail, or cannot be asked about.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from handlers.routes import CALLBACKS
from stream_core import events, models
from stream_core.convert.payloads import unstructure
from stream_core.dialects import Decoded
from stream_core.effects import Wait, immediate
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    NotFoundError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TransportError,
)
from stream_core.run_control.recovery import Recovery
from stream_core.snapshots.stream_state import Snapshots
from stream_core.streams.driver import StreamDriver
from stream_core.streams.stream import Stream
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Cancel,
    Expire,
    Fail,
    Fault,
    Framing,
    FunctionCall,
    McpCall,
    RunCode,
    Say,
    SendError,
    ShowImage,
    StopShort,
    Turn,
)
from tests.support import flows
from tests.support.conversations import Conversation, conversation, get_tides
from tests.support.frames import Recorder, check_transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream_core.effects import Effect, Flow
    from stream_core.events import Event
    from stream_core.testing.responder import Answer

PORTO = {"port": "Porto"}


def two_rounds(turn: Turn) -> Answer:
    """Call a function twice at once, then write a message of three parts."""
    if not turn.results:
        return CallFunctions([FunctionCall("get_tides", PORTO), FunctionCall("get_tides", "{}")])
    return [Say("Höhe: 4 m."), ShowImage("file_1"), Say("Bye!")]


# --- What a stream told -------------------------------------------------------------------------


class Listener:
    """Keeps what is told as it should be the same however often the connection is lost.

    Attributes:
        counts: How often each created, done and other event that comes once was told.
        texts: What the text deltas of each part say together.
        names: Class names of all events, in order.
        reports: What ``on_recovered`` got.
        events: The events.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.texts: dict[tuple[str, int], str] = {}
        self.names: list[str] = []
        self.reports: list[events.StreamRecovered] = []
        self.events: list[Event] = []

    def handle(self, event: Event, /) -> None:
        name = type(event).__name__
        self.names.append(name)
        self.events.append(event)
        # In progress and queued are not told again: they are over.
        if not name.endswith(("Delta", "InProgress", "Queued")):
            self.counts[name] += 1
        match event:
            case events.MessageTextDelta(delta=delta, message_id=message_id, index=index):
                before = self.texts.get((message_id, index), "")
                self.texts[message_id, index] = before + (delta.value or "")
            case events.StreamRecovered():
                self.counts.pop(name)
                self.reports.append(event)


# --- Over HTTP ----------------------------------------------------------------------------------

CHUNKED, CLOSE = Framing(), Framing(framing="close")
FRAMINGS = pytest.mark.parametrize("framing", [CHUNKED, CLOSE], ids=["chunked", "close"])
PLACES = 4


def listen(talk: Conversation, **params: Any) -> tuple[Stream, Listener]:
    """Start a run on a thread of its own, with tools and a listener."""
    question = {"role": "user", "content": "How are the tides?"}
    thread = talk.client.threads.create(messages=[question])
    listener = Listener()
    params = {"tools": [get_tides], "handlers": [listener], "run_keys": True, **params}
    return attrs.evolve(talk, thread_id=thread.id).stream(**params), listener


def check_with_server(talk: Conversation, stream: Stream) -> models.Run:
    """What the stream knows at its end is what the server has; return the run."""
    run = stream.get_final_run()
    runs = talk.client.threads.runs
    assert unstructure(runs.retrieve(run.id, thread_id=run.thread_id)) == unstructure(run)
    messages = talk.client.threads.messages.list(run.thread_id, order="asc", run_id=run.id)
    assert unstructure(list(messages)) == unstructure(stream.get_final_messages())
    steps = runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    assert unstructure(list(steps)) == unstructure(stream.get_final_run_steps())
    return run


@FRAMINGS
@pytest.mark.parametrize("reply", ["/runs", "/submit_tool_outputs"])
def test_a_real_connection_may_be_lost_anywhere(framing: Framing, reply: str) -> None:
    """In either reply, whatever the framing; the server is at work meanwhile."""
    with conversation(two_rounds) as talk:
        talk.server.framing = framing
        stream, listener = listen(talk)
        stream.until_done()
        expected, said = listener.counts, list(listener.texts.values())
        assert ["Höhe: 4 m.", "Bye!"] == said
        for offset in range(0, 10_000, 10_000 // PLACES):
            talk.server.fail_next(Fault(cut_after=offset, only=reply))
            stream, listener = listen(talk)
            assert "completed" == check_with_server(talk, stream).status
            assert (expected, said) == (listener.counts, list(listener.texts.values()))
            check_transcript(listener.events, ended=True)


def lose(talk: Conversation, offset: int, *, framing: Framing = CHUNKED, **params: Any) -> Any:
    """Start a run whose connection is lost after OFFSET bytes; give stream and listener."""
    talk.server.frame_next(framing)
    talk.server.fail_next(Fault(cut_after=offset, only="/runs"))
    return listen(talk, **params)


def size_until(talk: Conversation, name: str) -> int:
    """How many bytes come until the first frame NAME is complete."""
    stream, _ = listen(talk)
    copy, first_line = io.BytesIO(), f"event: {name}\n".encode()
    with stream.tee(copy):
        while b"\n\n" not in copy.getvalue().partition(first_line)[2]:
            assert stream.next()
    data = copy.getvalue()
    return data.index(b"\n\n", data.index(first_line)) + 2


def says(*parts: Any) -> Callable[[Turn], Answer]:
    """A responder that always gives PARTS."""
    return lambda _: parts


# --- What is reported, and in which order -------------------------------------------------------


def test_the_report_comes_before_what_was_missed() -> None:
    """It has the error, the run and the number of events; after them comes the end."""
    with conversation(says(Say("Hello."))) as talk:
        offset = size_until(talk, "thread.message.in_progress")
        stream, listener = lose(talk, offset)
        assert "completed" == stream.get_final_run().status
    (report,) = listener.reports
    assert isinstance(report.error, TransportError)
    assert "completed" == report.run.status
    at = listener.names.index("StreamRecovered")
    assert "ThreadMessageInProgress" == listener.names[at - 1]
    missed = listener.names[at + 1 :]
    assert [
        *("ThreadMessageDelta", "MessageTextCreated", "MessageTextDelta"),
        *(
            "ThreadMessageCompleted",
            "MessageTextDone",
            "MessageDone",
            "ThreadRunStepCompleted",
            "RunStepDone",
            "ThreadRunCompleted",
        ),
        *("RunDone", "Done", "StreamEnd"),
    ] == missed
    assert report.missed == len(missed) - 1
    made_up = listener.events[at + 1 : -1]
    assert all(x.synthetic for x in made_up if isinstance(x, events.WireEvent))
    assert None is stream.err


def test_on_recovered_gets_the_report() -> None:
    """And no callback of a failure is called."""
    recorder = Recorder()
    with conversation(says(Say("Hello."))) as talk:
        stream, _ = lose(talk, 3000, handlers=[recorder])
        stream.until_done()
    assert "on_recovered" in CALLBACKS
    assert 1 == recorder.names.count("on_recovered")
    assert 0 == recorder.names.count("on_exception")
    assert 1 == recorder.names.count("on_end") == recorder.names.count("on_done")


def test_what_was_missed_is_told_in_the_order_of_the_wire() -> None:
    """Also all of it: before the first byte, where only the thread is known."""
    with conversation(two_rounds) as talk:
        stream, uncut = listen(talk, tools=None)
        stream.until_done()
        _, listener = lost = lose(talk, 0, tools=None)
        assert "requires_action" == lost[0].get_final_run().status
    skipped = ("InProgress", "Queued", "Delta")
    expected = [name for name in uncut.names if not name.endswith(skipped)]
    assert "StreamRecovered" == listener.names.pop(0)
    assert expected == [name for name in listener.names if not name.endswith(skipped)]
    assert "ThreadRunCreated" == expected[0]


def test_deltas_bring_exactly_the_rest() -> None:
    """Of text and of arguments, whatever was seen: joined they are the whole."""
    with conversation(two_rounds) as talk:
        for offset in range(2000, 5000, 250):
            stream, listener = lose(talk, offset, tools=None)
            (step,) = stream.get_final_run_steps()
            assert isinstance(step.step_details, models.ToolCallsStepDetails)
            joined: dict[int, str] = {}
            for event in listener.events:
                if isinstance(event, events.RunStepToolCallDelta):
                    assert isinstance(event.delta, models.FunctionToolCallDelta)
                    function = event.delta.function or models.FunctionDelta()
                    piece = function.arguments or ""
                    joined[event.index] = joined.get(event.index, "") + piece
            assert {0: json.dumps(PORTO), 1: "{}"} == joined
            assert [json.dumps(PORTO), "{}"] == [
                call.function.arguments
                for call in step.step_details.tool_calls
                if isinstance(call, models.FunctionToolCall)
            ]


# --- Near the end -------------------------------------------------------------------------------


@FRAMINGS
def test_a_cut_before_done_repeats_no_requires_action(framing: Framing) -> None:
    """It was told; the tools run all the same, once."""
    with conversation(two_rounds) as talk:
        offset = size_until(talk, "thread.run.requires_action")
        stream, listener = lose(talk, offset, framing=framing)
        assert "completed" == stream.get_final_run().status
        assert 1 == len(talk.asked("/submit_tool_outputs"))
    assert 1 == listener.counts["ThreadRunRequiresAction"]
    assert 2 == listener.counts["ToolOutput"]
    # A silent end after the run's last status is a clean one.
    assert [1] * (framing is CHUNKED) == [report.missed for report in listener.reports]


@FRAMINGS
def test_a_cut_between_completed_and_done_repeats_nothing(framing: Framing) -> None:
    """Only done is missing."""
    with conversation(says(Say("Hello."))) as talk:
        offset = size_until(talk, "thread.run.completed")
        stream, listener = lose(talk, offset, framing=framing)
        assert "completed" == stream.get_final_run().status
    expected = ["StreamRecovered"] * (framing is CHUNKED)
    at = listener.names.index("RunDone")
    assert [*expected, "Done", "StreamEnd"] == listener.names[at + 1 :]


# --- The run's own fate -------------------------------------------------------------------------


def test_a_run_in_progress_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With waits that grow, until it ends; what it said meanwhile is told."""
    released = Flag()
    waits: list[float] = []

    perform = StreamDriver.perform

    def wait(driver: StreamDriver, effect: Effect) -> Any:
        if not isinstance(effect, Wait) or len(waits) == 3:
            return perform(driver, effect)
        waits.append(effect.seconds)
        if len(waits) == 3:
            released.set()
        return driver.stopped()

    def respond(_: Turn) -> Iterator[Say]:
        yield Say("Let me ")
        released.wait(10)
        yield Say("think.")

    monkeypatch.setattr(StreamDriver, "perform", wait)
    with conversation(respond) as talk:
        stream, listener = lose(talk, 3500)
        stream.until_done()
    assert ["Let me think."] == list(listener.texts.values())
    for expected, actual in zip([0.1, 0.2, 0.4], waits, strict=True):
        assert expected * 0.75 <= actual <= expected


ENDINGS = {
    "failed": (Fail("server_error", "no wind"), "ThreadRunFailed", "ThreadRunStepFailed"),
    "incomplete": (StopShort(), "ThreadRunIncomplete", "ThreadRunStepCompleted"),
    "cancelled": (Cancel(), "ThreadRunCancelled", "ThreadRunStepCancelled"),
    "expired": (Expire(), "ThreadRunExpired", "ThreadRunStepExpired"),
}


@pytest.mark.parametrize("status", ENDINGS)
@pytest.mark.parametrize("offset", [0, 2000, 3200, 4000])
def test_a_run_that_ended_otherwise_is_told_so(status: str, offset: int) -> None:
    """Its message is incomplete, its text is whole, and the stream ends well."""
    part, *expected = ENDINGS[status]
    with conversation(says(Say("It blows from"), part)) as talk:
        stream, listener = lose(talk, offset)
        assert status == check_with_server(talk, stream).status
    for name in (*expected, "ThreadMessageIncomplete", "MessageDone", "RunDone", "Done"):
        assert 1 == listener.counts[name], name
    assert ["It blows from"] == list(listener.texts.values())
    check_transcript(listener.events, ended=True)


@pytest.mark.parametrize("offset", range(0, 5000, 500))
def test_calls_that_the_server_resolved_come_with_their_step(offset: int) -> None:
    """Code, its output, and the message after it."""
    with conversation(says(RunCode("6 * 7", logs="42"), Say("42."))) as talk:
        _, uncut = started = listen(talk)
        started[0].until_done()
        stream, listener = lose(talk, offset)
        assert "completed" == check_with_server(talk, stream).status
    assert uncut.counts == listener.counts
    assert ["42."] == list(listener.texts.values())


def test_approvals_are_asked_for_after_a_recovery_too() -> None:
    """What the run requires is in the run."""

    def respond(turn: Turn) -> Answer:
        if not turn.results:
            return AskApproval([McpCall("docs", "search", PORTO, "found")])
        return Say(f"approved: {turn.results[0].approved}")

    with conversation(respond) as talk:
        stream, listener = lose(talk, 1000, approve=lambda call: call.name == "search")
        assert "completed" == check_with_server(talk, stream).status
    assert ["approved: True"] == list(listener.texts.values())


def test_a_second_reply_read_by_hand_is_recovered_without_the_first() -> None:
    """What the first stream told, created events included, is not told again."""

    def respond(turn: Turn) -> Answer:
        if not turn.results:
            return [Say("I will ask."), CallFunctions([FunctionCall("get_tides", PORTO)])]
        return Say("Well.")

    told = []
    with conversation(respond) as talk:
        for offset in (None, 0, 1000, 2500, 4000, 5000):
            listener = Listener()
            stream, _ = listen(talk, tools=None)
            run = stream.get_final_run()
            if offset is not None:
                talk.server.fail_next(Fault(cut_after=offset, only="/submit_tool_outputs"))
            second = talk.submit(run, handlers=[listener])
            assert "completed" == second.get_final_run().status
            told.append((listener.counts, list(listener.texts.values())))
            assert (offset is None) == (not listener.reports)
    assert [told[0]] * 6 == told
    assert ["Well."] == told[0][1]
    assert 0 == told[0][0]["ThreadRunCreated"]
    assert 1 == told[0][0]["ThreadRunStepCreated"]


def test_a_thread_that_was_told_of_is_enough() -> None:
    """A run on a new thread is found as soon as the thread was heard of."""
    with conversation(says(Say("Hello."))) as talk:
        threads, listener = talk.client.threads, Listener()
        talk.server.fail_next(Fault(cut_after=400, only="/runs"))
        stream = threads.create_and_run_stream(
            assistant_id=talk.assistant_id, handlers=[listener], run_keys=True
        )
        assert "completed" == stream.get_final_run().status
    recovered = listener.names.index("StreamRecovered")
    assert ["ThreadCreated"] == listener.names[:recovered]
    assert 1 == listener.counts["ThreadCreated"] == listener.counts["ThreadRunCreated"]


# --- Where the loss stays a loss ----------------------------------------------------------------


def test_a_run_that_nothing_is_known_of_is_lost() -> None:
    """No thread, no run: the error is the connection's, and nobody is asked."""
    with conversation() as talk:
        talk.server.fail_next(Fault(cut_after=0, only="/runs"))
        stream = talk.client.threads.create_and_run_stream(assistant_id=talk.assistant_id)
        asked = len(talk.server.requests)
        with pytest.raises(TransportError):
            stream.until_done()
        assert asked == len(talk.server.requests)


@FRAMINGS
def test_recovery_can_be_switched_off(framing: Framing) -> None:
    """Then the error is the connection's, and nobody is asked."""
    with conversation(says(Say("Hello."))) as talk:
        stream, listener = lose(talk, 3000, framing=framing, recover=False)
        asked = len(talk.server.requests)
        expected = TransportError if framing is CHUNKED else IncompleteStreamError
        with pytest.raises(expected):
            stream.until_done()
        assert asked == len(talk.server.requests)
    assert [] == listener.reports
    assert ["StreamException", "StreamEnd"] == listener.names[-2:]


@FRAMINGS
def test_where_the_server_is_gone_the_error_is_the_first_one(framing: Framing) -> None:
    """It has a note with the second, and what is known; so has the stream."""
    with conversation(says(Say("Hello."))) as talk:
        offset = size_until(talk, "thread.message.created")
        stream, listener = lose(talk, offset, framing=framing)
        talk.server.fail_next(*[Fault(refuse=True)] * 3)
        assert not all(stream.next() for _ in range(100))
        assert 3 == sum(x.method == "GET" for x in talk.server.requests)
    error = stream.err
    assert error is not None
    assert isinstance(error, TransportError if framing is CHUNKED else IncompleteStreamError)
    (note,) = error.__notes__
    assert note.startswith("the server could not be asked what became of the run: ")
    if isinstance(error, IncompleteStreamError):
        assert ["run", "run step", "message"] == [x.rpartition(" ")[0] for x in error.open_objects]
    assert stream.current_run is not None
    assert [] == listener.reports
    assert ["StreamException", "StreamEnd"] == listener.names[-2:]


@pytest.mark.parametrize(
    "fault", [Fault(refuse=True), Fault(status=503), Fault(status=429)], ids=["gone", "503", "429"]
)
def test_a_server_that_is_back_in_time_is_asked_again(fault: Fault) -> None:
    """Whoever cut the connection may be restarting."""
    with conversation(says(Say("Hello."))) as talk:
        stream, listener = lose(talk, 3000)
        talk.server.fail_next(fault, fault)
        assert "completed" == check_with_server(talk, stream).status
    assert 1 == len(listener.reports)


@pytest.mark.parametrize("what", ["/steps", "/messages/"])
def test_a_server_that_does_not_have_it_all_cannot_help(what: str) -> None:
    """Half of it would be worse: nothing is told, and the note says what is missing."""
    with conversation(says(Say("Hello."))) as talk:
        stream, listener = lose(talk, 3000)
        talk.server.fail_next(Fault(status=404, only=what))
        with pytest.raises(TransportError) as caught:
            stream.until_done()
    assert "the server answered 404" in caught.value.__notes__[0]
    assert [] == listener.reports
    assert 0 == listener.counts["MessageDone"]


def test_silence_is_a_lost_connection() -> None:
    """A read timeout is recovered from; the handler's ``on_timeout`` is for those that are not."""
    with conversation(says(Say("Hello.")), timeout=(5, 0.1)) as talk:
        talk.server.fail_next(Fault(silence_after=3000, only="/runs"))
        stream, listener = listen(talk)
        assert "completed" == check_with_server(talk, stream).status
    (report,) = listener.reports
    assert isinstance(report.error, StreamTimeoutError)
    assert 0 == listener.counts["StreamTimeout"]


def test_what_is_no_loss_of_the_connection_is_not_recovered() -> None:
    """The server's own error and a frame that is none are failures as ever."""
    with conversation(says(SendError("no wind"))) as talk:
        stream, listener = listen(talk)
        with pytest.raises(ServerError, match="no wind"):
            stream.until_done()
        talk.server.play(b"event: thread.run.created\ndata: nonsense\n\n")
        stream, _ = listen(talk)
        with pytest.raises(DecodeError):
            stream.until_done()
    assert [] == listener.reports


def test_what_a_callback_of_the_report_raises_is_its_own() -> None:
    """Even a StreamError: it leaves, and is not taken for the stream's."""

    class Raising(Listener):
        def handle(self, event: Event, /) -> None:
            super().handle(event)
            if isinstance(event, events.StreamRecovered):
                raise StreamError("of mine")

    with conversation(says(Say("Hello."))) as talk:
        raising = Raising()
        stream, _ = lose(talk, 3000, handlers=[raising])
        with pytest.raises(StreamError, match="of mine"):
            stream.until_done()
    assert None is stream.err
    assert ["StreamRecovered", "StreamEnd"] == raising.names[-2:]


# --- Servers with gaps --------------------------------------------------------------------------


@attrs.define
class Known:
    """A server that has these, and nothing else."""

    its_run: models.Run | None
    its_steps: Sequence[models.RunStep] = ()
    its_messages: dict[str, models.Message] = attrs.field(factory=dict)
    its_single_steps: dict[str, models.RunStep] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)

    def run(self, run: models.Run) -> Flow[models.Run]:
        self.asked.append(run.id)
        assert self.its_run is not None
        return immediate(self.its_run)

    def steps(self, run: models.Run) -> Flow[Sequence[models.RunStep]]:
        del run
        return immediate(self.its_steps)

    def step(self, run: models.Run, step_id: str) -> Flow[models.RunStep]:
        del run
        self.asked.append(step_id)
        yield from ()
        if step_id not in self.its_single_steps:
            raise NotFoundError("no such step", status_code=404)
        return self.its_single_steps[step_id]

    def message(self, run: models.Run, message_id: str) -> Flow[models.Message]:
        del run
        self.asked.append(message_id)
        yield from ()
        if message_id not in self.its_messages:
            raise NotFoundError("no such message", status_code=404)
        return self.its_messages[message_id]

    def messages(self, run: models.Run) -> Flow[Sequence[models.Message]]:
        self.asked.append(f"messages of {run.id}")
        return immediate(list(self.its_messages.values()))


def recovered(server: Known, snapshots: Snapshots | None = None, **settings: Any) -> list[Decoded]:
    """What a recovery of RUN finds to deliver."""
    found = flows.play(Recovery(server, **settings).recover(RUN, snapshots or Snapshots()), 0.0)
    assert found is not None
    return found[1]


def made_up(server: Known, snapshots: Snapshots | None = None, **settings: Any) -> list[str]:
    """The names of what a recovery finds to deliver."""
    found = recovered(server, snapshots, **settings)
    return [decoded.name.removeprefix("thread.") for decoded in found]


def writing(message_id: str, status: str = "in_progress") -> models.RunStep:
    """A step that writes a message."""
    creation = models.MessageCreation(message_id)
    details = models.MessageCreationStepDetails(message_creation=creation)
    return models.RunStep(id="step_1", status=status, step_details=details)


RUN = models.Run(id="run_1", thread_id="thread_1", status="completed")


@pytest.mark.parametrize(
    ("status", "run_status", "expected"),
    [
        (None, "completed", ["message.created", "message.completed"]),
        ("in_progress", "failed", ["message.created", "message.completed"]),
        ("in_progress", "requires_action", ["message.created"]),
        ("incomplete", "failed", ["message.created", "message.incomplete"]),
    ],
)
def test_a_message_ends_with_its_run(
    status: str | None, run_status: str, expected: list[str]
) -> None:
    """Some servers give no status, or never change it; a run that waits may go on writing."""
    run = attrs.evolve(RUN, status=run_status)
    server = Known(run, [writing("msg_1")], {"msg_1": models.Message(id="msg_1", status=status)})
    assert ["run.created", "run.step.created", *expected, f"run.{run_status}"] == made_up(server)


def test_a_step_without_its_message_is_a_step() -> None:
    """Nothing is asked for under no name."""
    expected = ["run.created", "run.step.created", "run.step.completed", "run.completed"]
    assert expected == made_up(Known(RUN, [writing("", "completed")]))


def test_a_step_of_an_unknown_kind_is_told() -> None:
    """It began, and it ended."""
    step = models.RunStep(id="s", status="completed", step_details=models.UnknownStepDetails("x"))
    expected = ["run.created", "run.step.created", "run.step.completed", "run.completed"]
    assert expected == made_up(Known(RUN, [step]))


def calling(*calls: models.ToolCall, status: str = "in_progress") -> models.RunStep:
    """A step with CALLS."""
    details = models.ToolCallsStepDetails(tool_calls=list(calls))
    return models.RunStep(id="step_1", status=status, step_details=details)


def function(call_id: str, arguments: str) -> models.FunctionToolCall:
    """A call of a function."""
    return models.FunctionToolCall(id=call_id, function=models.Function("f", arguments))


def test_arguments_that_differ_from_what_was_seen_are_left_as_they_were() -> None:
    """They are no continuation; the end of the step has the final ones."""
    snapshots = Snapshots()
    begun = Decoded(
        events.ThreadRunStepCreated, calling(function("a", "{x"), function("b", "{}")), None, ""
    )
    snapshots.apply(begun)
    snapshots.note(attrs.evolve(RUN, status="in_progress"))
    run = attrs.evolve(RUN, status="requires_action")
    server = Known(run, [calling(function("a", "{y}"), function("b", "{}"), function("c", ""))])
    (delta, last) = recovered(server, snapshots)
    assert "thread.run.requires_action" == last.name
    (call,) = delta.payload.delta.step_details.tool_calls
    assert (2, "c", "f", "") == (
        call.index, call.id, call.function.name, call.function.arguments
    )  # fmt: skip


def test_a_run_that_was_not_seen_begins_queued() -> None:
    """One that waits for the caller may write a message later, so none is looked for yet."""
    run = attrs.evolve(RUN, status="requires_action", required_action=models.RequiredAction())
    server = Known(run, its_messages={"msg_1": models.Message(id="msg_1", run_id="run_1")})
    begun, last = recovered(server)
    assert ("queued", None) == (begun.payload.status, begun.payload.required_action)
    assert run == last.payload
    assert ["run_1"] == server.asked


def test_a_message_of_the_user_is_of_no_run() -> None:
    """A list of a run's messages may have it, if the server ignores what it was asked for."""
    mine = models.Message(id="msg_1", run_id="run_1", status="completed")
    server = Known(RUN, its_messages={"u": models.Message(id="u", role="user"), "msg_1": mine})
    expected = ["run.created", "message.created", "message.completed", "run.completed"]
    assert expected == made_up(server)


@pytest.mark.parametrize(
    ("status", "is_next", "now", "expected"),
    [
        ("requires_action", False, "requires_action", []),
        (None, False, "requires_action", []),
        ("requires_action", True, "requires_action", ["run.requires_action"]),
        ("requires_action", False, "expired", ["run.expired"]),
    ],
    ids=["told", "told without a status", "in the stream before", "over now"],
)
def test_a_run_that_waits_is_told_so_once_in_each_stream(
    status: str | None, now: str, expected: list[str], *, is_next: bool
) -> None:
    """The calls that it waits for are run once; after their outputs it may wait again."""
    snapshots, name = Snapshots(), "thread.run.requires_action"
    waiting = attrs.evolve(RUN, status=status)
    snapshots.apply(Decoded(events.ThreadRunRequiresAction, waiting, None, name))
    if is_next:
        snapshots.resume()
    assert expected == made_up(Known(attrs.evolve(RUN, status=now)), snapshots)


def test_a_step_whose_calls_were_answered_ends_once() -> None:
    """Its end is in the list of steps, so nobody asks for it again."""
    snapshots, call = Snapshots(), function("a", "{}")
    snapshots.apply(Decoded(events.ThreadRunStepCreated, calling(call), None, ""))
    server = Known(RUN, [calling(call, status="completed")])
    expected = ["run.step.completed", "run.completed"]
    assert expected == made_up(server, snapshots, answered=["a"])
    assert ["run_1"] == server.asked


def test_a_run_that_takes_too_long_is_given_up() -> None:
    """The error says how it stands."""
    run = attrs.evolve(RUN, status="in_progress")
    with pytest.raises(StreamError, match="run run_1 is still in_progress"):
        flows.play(Recovery(Known(run), seconds=9).recover(RUN, Snapshots()), 1.0, False, 10.0)


def test_nobody_is_asked_any_more_when_the_stream_is_aborted() -> None:
    """In the middle of a wait."""
    server = Known(attrs.evolve(RUN, status="in_progress"))
    assert None is flows.play(Recovery(server).recover(RUN, Snapshots()), 0.0, True)
    assert ["run_1"] == server.asked
