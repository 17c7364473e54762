"""What recovery does if neither the connection nor the server can be trusted, over real HTTP.

No run is guessed, nothing is lost in silence, nothing is done twice, and everything ends.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import Client, events, models
from stream_core.errors import (
    DecodeError,
    InternalServerError,
    StreamError,
    TransportError,
)
from stream_core.run_control import assistants, polling
from stream_core.run_control.run_keys import RUN_KEY
from stream_core.streams import run_reader
from stream_core.testing import Fault, RunCode, Say, Turn
from tests.support.conversations import (
    Conversation,
    calls_first,
    conversation,
    get_tides,
    get_wind,
)
from tests.support.frames import DONE, run, sse
from tests.support.scripted_server import (
    Answer,
    Asked,
    Script,
    ScriptedServer,
    frames,
    json_answer,
    running,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.events import Event
    from stream_core.streams.stream import Stream
    from stream_core.testing.responder import Answer as Parts

NOTHING = Answer(b"", cut=True)
RUNS = "/threads/thread_1/runs"
RUN = f"{RUNS}/run_1"


class Log:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event, /) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        """Their classes."""
        return [type(event).__name__ for event in self.events]

    @property
    def text(self) -> str:
        """The text deltas."""
        found = [x.delta.value for x in self.events if isinstance(x, events.MessageTextDelta)]
        return "".join(one or "" for one in found)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on how long is waited between two questions."""
    monkeypatch.setattr(polling, "_PAUSE", 0.01)
    monkeypatch.setattr(assistants, "_PAUSE", 0.01)


def begin(server: ScriptedServer, **params: Any) -> tuple[Stream, Log]:
    """Start a run on the thread."""
    log = Log()
    stream = server.client.threads.runs.stream(
        "thread_1", assistant_id="asst_1", event_handler=log, **params
    )
    return stream, log


def fails(stream: Stream, expected: type[StreamError]) -> Any:
    """Read STREAM to its failure, and return that."""
    with pytest.raises(expected) as caught:
        stream.until_done()
    return caught.value


# --- No run is guessed (1) ----------------------------------------------------------------------


def test_an_older_run_is_not_taken_for_the_new_one() -> None:
    """Its answer is not delivered, its calls are not run, and nobody is even asked for it."""
    called: list[str] = []

    def get_secrets() -> str:
        """Return secrets."""
        called.append("secrets")
        return "42"

    old = {
        "id": "run_0",
        "thread_id": "thread_1",
        "status": "requires_action",
        "required_action": {
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {
                "tool_calls": [
                    {"id": "c", "function": {"name": "get_secrets", "arguments": "{}"}},
                ]
            },
        },
    }
    listed = json_answer({"data": [old]})
    with running(NOTHING, listed, json_answer(old), json_answer({"data": []})) as server:
        stream, log = begin(server, tools=[get_secrets])
        error = fails(stream, TransportError)
        assert [f"POST {RUNS}"] == server.calls
    assert [] == called
    assert ["StreamException", "StreamEnd"] == log.names
    (note,) = error.__notes__
    assert "A run may be going on: look for it with client.threads.runs.list('thread_1')" in note


def test_a_run_on_a_new_thread_that_was_not_seen_is_lost() -> None:
    """The note says that both may be there."""
    with running(NOTHING) as server:
        stream = server.client.threads.create_and_run_stream(assistant_id="a", run_keys=True)
        error = fails(stream, TransportError)
        assert ["POST /threads/runs"] == server.calls
    assert "neither its thread nor its id was seen" in error.__notes__[0]


@pytest.mark.parametrize("keys", ["client", "call"])
def test_the_run_with_the_key_is_found_and_recovered(keys: str) -> None:
    """Also if an older run of the thread has the answer of another question."""
    with conversation(lambda turn: Say(f"answer {len(turn.messages)}")) as talk:
        talk.stream().until_done()
        talk.client.threads.messages.create(talk.thread_id, role="user", content="And now?")
        settings: dict[str, Any] = {"run_keys": True} if keys == "client" else {}
        call: dict[str, Any] = {} if keys == "client" else {"run_keys": True}
        log = Log()
        with Client("any", talk.server.base_url, max_retries=0, **settings) as client:
            talk.server.fail_next(Fault(cut_after=0, only="/runs"))
            stream = client.threads.runs.stream(
                talk.thread_id,
                assistant_id=talk.assistant_id,
                metadata={"mine": "1"},
                event_handler=log,
                **call,
            )
            found = stream.get_final_run()
        assert talk.run.id == found.id
        assert {"mine", RUN_KEY} == found.metadata.keys()
        assert "answer 3" == log.text
    assert ["StreamRecovered", "ThreadRunCreated"] == log.names[:2]


def with_key(*others: dict[str, Any]) -> Callable[[Asked], Answer]:
    """Answer with a list of runs: OTHERS, and the one that has the key of the first request."""

    def answer(asked: Asked) -> Answer:
        assert [RUNS, ["desc"]] == [asked.path, asked.query["order"]]
        mine = {
            "id": "run_1",
            "thread_id": "thread_1",
            "metadata": servers[0].bodies[0]["metadata"],
        }
        return json_answer({"data": [*others, mine]})

    return answer


servers: list[ScriptedServer] = []


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Return a function that runs a server which gives answers until the test is over."""
    with ExitStack() as stack:

        def make(*answers: Script) -> ScriptedServer:
            servers[:] = [stack.enter_context(running(*answers))]
            return servers[0]

        yield make
    servers.clear()


ENDED = json_answer({"id": "run_1", "thread_id": "thread_1", "status": "completed"})
NO_STEPS = json_answer({"data": []})
OTHER = {"id": "run_9", "thread_id": "thread_1", "metadata": {RUN_KEY: "of another request"}}


@pytest.mark.parametrize("lost", [NOTHING, json_answer({}, 503)], ids=["cut", "503"])
def test_a_newer_run_of_somebody_else_is_not_taken(
    serve: Callable[..., ScriptedServer], lost: Answer
) -> None:
    """Only the key counts; so it does if the request itself had no answer."""
    server = serve(lost, with_key(OTHER), ENDED, NO_STEPS, NO_STEPS)
    stream, log = begin(server, run_keys=True)
    assert "run_1" == stream.get_final_run().id
    assert "StreamRecovered" == log.names[0]
    assert f"GET {RUN}" == server.calls[2]


def test_a_run_without_a_stream_is_found_by_its_key_too(
    serve: Callable[..., ScriptedServer],
) -> None:
    """Its answer was lost, so the run that has the key is the answer."""
    server = serve(json_answer({}, 503), with_key(OTHER))
    made = server.client.threads.runs.create("thread_1", assistant_id="asst_1", run_keys=True)
    assert ("run_1", "thread_1") == (made.id, made.thread_id)
    assert [f"POST {RUNS}", f"GET {RUNS}"] == server.calls
    assert {"assistant_id", "metadata"} == server.bodies[0].keys()


def test_a_run_without_a_stream_has_its_key() -> None:
    """If nothing is lost it is the answer; if it cannot be found, the note says so."""
    with running(json_answer({"id": "run_1"}), json_answer({}, 503)) as server:
        runs = server.client.threads.runs
        assert "run_1" == runs.create("thread_1", assistant_id="a", run_keys=True).id
        assert [RUN_KEY] == list(server.bodies[0]["metadata"])
        with pytest.raises(InternalServerError) as caught:
            server.client.threads.create_and_run(assistant_id="a", run_keys=True)
        assert 2 == len(server.calls)
    assert "neither its thread nor its id was seen" in caught.value.__notes__[0]


def test_a_run_with_the_key_that_is_not_there_stays_lost() -> None:
    """The note has the key."""
    nobody = json_answer({"data": [OTHER]})
    with running(json_answer({}, 503), nobody, nobody, nobody) as server:
        with pytest.raises(InternalServerError) as caught:
            begin(server, run_keys=True)
        key = server.bodies[0]["metadata"][RUN_KEY]
        assert [f"POST {RUNS}", *[f"GET {RUNS}"] * 3] == server.calls
    assert f"has {RUN_KEY}={key!r} in its metadata" in caught.value.__notes__[0]


def test_a_request_whose_answer_is_lost_says_that_a_run_may_be_there() -> None:
    """It is not sent again, and without a key nobody is asked; unless recovery is off."""
    with running(json_answer({}, 500), json_answer({}, 500)) as server:
        with pytest.raises(InternalServerError) as caught:
            begin(server)
        assert "A run may be going on" in caught.value.__notes__[0]
        with pytest.raises(InternalServerError) as caught:
            begin(server, recover=False)
        assert 2 == len(server.calls)
    assert not hasattr(caught.value, "__notes__")


def test_metadata_that_are_full_have_no_room_for_a_key() -> None:
    """The error comes before anything is sent."""
    with running() as server:
        with pytest.raises(ValueError, match="has 16 pairs"):
            begin(server, run_keys=True, metadata={str(number): "" for number in range(16)})
        assert [] == server.calls


def test_a_key_is_not_sent_where_it_is_not_wanted() -> None:
    """A call may do without; outputs make no run."""
    with running(*[frames(run("completed"), DONE)] * 2) as server:
        with Client("key", server.base_url, run_keys=True) as client:
            runs = client.threads.runs
            runs.stream("thread_1", assistant_id="a", run_keys=False).until_done()
            outputs = [{"tool_call_id": "c", "output": "1"}]
            runs.submit_tool_outputs_stream(
                "run_1", thread_id="thread_1", tool_outputs=outputs
            ).until_done()
        assert [False, False] == ["metadata" in body for body in server.bodies]


def test_runs_of_responses_have_no_keys() -> None:
    """There is no list of them."""
    with pytest.raises(ValueError, match="leave it out with wire='responses'"):
        Client("key", "http://127.0.0.1:1/v1", wire="responses", run_keys=True)


def test_a_response_whose_id_was_not_seen_is_not_recovered() -> None:
    """It may be going on in the background; nobody is asked for another."""
    with running(NOTHING) as server:
        stream = server.client.responses.stream(model="m", input="Hello", background=True)
        error = fails(stream, TransportError)
        assert ["POST /responses"] == server.calls
    assert "a response may be going on in the background" in error.__notes__[0]


# --- Outputs are given once (1) -----------------------------------------------------------------


def counted(talk: Conversation) -> list[int]:
    """How many outputs each submission had."""
    return [len(body["tool_outputs"]) for body in talk.asked("/submit_tool_outputs")]


LOST = {
    "accepted, cut before the first event": (Fault(cut_after=0, only="/submit"), 1),
    "not accepted, 503": (Fault(status=503, only="/submit"), 2),
    "not accepted, closed": (Fault(refuse=True, only="/submit"), 2),
}


@pytest.mark.parametrize("by_hand", [False, True], ids=["in a round", "by hand"])
@pytest.mark.parametrize("lost", LOST)
def test_outputs_whose_answer_is_lost_are_given_once(lost: str, *, by_hand: bool) -> None:
    """They are submitted again only if the server says that it still waits for them."""
    fault, times = LOST[lost]
    calls: list[str] = []

    def respond(turn: Turn) -> Parts:
        return Say("Well.") if turn.results else calls_first(turn)

    def tides(port: str) -> str:
        calls.append("tides")
        return get_tides(port)

    tides.__name__, tides.__doc__ = "get_tides", get_tides.__doc__
    with conversation(respond) as talk:
        log = Log()
        if by_hand:
            waiting = talk.stream().get_final_run()
            talk.server.fail_next(fault)
            stream = talk.submit(waiting, event_handler=log)
        else:
            talk.server.fail_next(fault)
            stream = talk.stream(tools=[tides, get_wind], event_handler=log)
        assert "completed" == stream.get_final_run().status
        assert [2] * times == counted(talk)
    assert "Well." == log.text
    assert ["tides"] * (not by_hand) == calls
    assert 1 == log.names.count("ThreadRunCompleted") == log.names.count("Done")


def test_outputs_that_are_never_taken_are_an_error() -> None:
    """After the third time; the run still waits."""
    with conversation() as talk:
        talk.server.fail_next(*[Fault(status=503, only="/submit")] * 3)
        stream = talk.stream(tools=[get_tides, get_wind])
        error = fails(stream, InternalServerError)
        assert [2, 2, 2] == counted(talk)
        assert "requires_action" == talk.run.status
    assert "outputs were submitted 3 times" in error.__notes__[0]


CALL = {"id": "call_1", "type": "function", "function": {"name": "get_tides", "arguments": "{}"}}


def waits(*calls: dict[str, Any]) -> dict[str, Any]:
    """Return a run that waits for CALLS."""
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(calls)}}
    return {
        "id": "run_1",
        "thread_id": "thread_1",
        "status": "requires_action",
        "required_action": action,
    }


OUTPUTS = [{"tool_call_id": "call_1", "output": "high"}]


def submit(server: ScriptedServer) -> Stream:
    """Submit the output of the call."""
    return server.client.threads.runs.submit_tool_outputs_stream(
        "run_1", thread_id="thread_1", tool_outputs=OUTPUTS
    )


def test_outputs_that_were_taken_meanwhile_are_not_an_error() -> None:
    """The server was at it when it was asked, and refuses the second submission."""
    refused = json_answer({"error": {"message": "the run does not wait"}}, 400)
    step = {
        "id": "step_1",
        "status": "completed",
        "step_details": {"type": "tool_calls", "tool_calls": [CALL]},
    }
    with running(
        NOTHING, json_answer(waits(CALL)), refused, ENDED, ENDED, json_answer({"data": [step]})
    ) as server:
        assert "completed" == submit(server).get_final_run().status
        assert 2 == sum(call.startswith("POST") for call in server.calls)


def test_a_run_that_waits_for_some_of_the_calls_is_an_error() -> None:
    """It is not known whether the outputs were accepted, so they are not submitted again."""
    now = json_answer(waits(CALL, {**CALL, "id": "call_2"}))
    with running(NOTHING, now) as server:
        error = fails(submit(server), TransportError)
        assert [f"POST {RUN}/submit_tool_outputs", f"GET {RUN}"] == server.calls
    assert "it is not known whether the outputs were accepted" in error.__notes__[0]


def test_steps_that_cannot_be_told_apart_are_an_error() -> None:
    """What an earlier stream delivered would come again."""
    with running(NOTHING, ENDED, ENDED, NO_STEPS) as server:
        error = fails(submit(server), TransportError)
    assert "cannot be told from what came after" in error.__notes__[0]


# --- Nothing is lost in silence (2) -------------------------------------------------------------

STEP = {
    "id": "step_1",
    "status": "in_progress",
    "type": "message_creation",
    "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_1"}},
}
MESSAGE = {"id": "msg_1", "run_id": "run_1", "status": "in_progress", "role": "assistant"}


def said(value: str) -> dict[str, Any]:
    """Return the message with a text."""
    content = [{"type": "text", "text": {"value": value, "annotations": []}}]
    return {**MESSAGE, "status": "completed", "content": content}


HELLO = sse(
    run("in_progress", thread_id="thread_1"),
    ("thread.run.step.created", STEP),
    ("thread.message.created", {**MESSAGE, "content": []}),
    (
        "thread.message.delta",
        {
            "id": "msg_1",
            "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hello "}}]},
        },
    ),
)
CUT_HELLO = Answer(HELLO, cut=True)
WORLD, STEP_ENDED = json_answer(said("Hello world")), json_answer({**STEP, "status": "completed"})
NOT_FOUND = json_answer({"error": {"message": "no such thing"}}, 404)


def test_a_message_that_is_in_no_list_of_steps_is_fetched() -> None:
    """So is its step: both had begun."""
    with running(CUT_HELLO, ENDED, NO_STEPS, WORLD, STEP_ENDED) as server:
        stream, log = begin(server)
        stream.until_done()
        expected = [f"{RUN}", f"{RUN}/steps", "/threads/thread_1/messages/msg_1"]
        assert [f"GET {path}" for path in [*expected, f"{RUN}/steps/step_1"]] == server.calls[1:]
    assert "Hello world" == log.text
    assert ["Hello world"] == [message.text for message in stream.get_final_messages()]
    assert [
        *("StreamRecovered", "ThreadMessageDelta", "MessageTextDelta", "ThreadMessageCompleted"),
        *("MessageTextDone", "MessageDone", "ThreadRunStepCompleted", "RunStepDone"),
        *("ThreadRunCompleted", "RunDone", "Done", "StreamEnd"),
    ] == log.names[log.names.index("StreamRecovered") :]


@pytest.mark.parametrize(
    "answers",
    [(NO_STEPS, NOT_FOUND), (NO_STEPS, WORLD, NOT_FOUND), (NOT_FOUND,)],
    ids=["the message", "the step", "the steps"],
)
def test_what_had_begun_and_cannot_be_fetched_is_an_error(answers: tuple[Answer, ...]) -> None:
    """Nothing is delivered, and no run is said to be completed with half of it."""
    with running(CUT_HELLO, ENDED, *answers) as server:
        stream, log = begin(server)
        error = fails(stream, TransportError)
    assert "404" in error.__notes__[0]
    assert "Hello " == log.text
    assert ["StreamException", "StreamEnd"] == log.names[-2:]
    assert "StreamRecovered" not in log.names


def test_the_messages_of_a_run_without_steps_are_fetched() -> None:
    """Those of this run, in their order: a server may ignore what it is asked for."""
    other = {**said("of another run"), "id": "msg_0", "run_id": "run_0"}
    listed = json_answer({"data": [other, said("Hello world")]})
    begun = frames(run("queued", thread_id="thread_1"), cut=True)
    with running(begun, ENDED, NO_STEPS, listed) as server:
        stream, log = begin(server)
        stream.until_done()
        asked = server.asked[-1]
        assert ("/threads/thread_1/messages", ["run_1"]) == (asked.path, asked.query["run_id"])
    assert "Hello world" == log.text


def test_a_message_that_does_not_say_whose_it_is_is_an_error() -> None:
    """It may be of this run, or of another."""
    listed = json_answer({"data": [{**said("Hello world"), "run_id": None}]})
    begun = frames(run("queued", thread_id="thread_1"), cut=True)
    with running(begun, ENDED, NO_STEPS, listed) as server:
        stream, _ = begin(server)
        error = fails(stream, TransportError)
    assert "message msg_1 does not say which run it is of" in error.__notes__[0]


def test_an_answer_about_another_object_is_an_error() -> None:
    """A cache, or a server that mixes things up."""
    with running(CUT_HELLO, *[json_answer({"id": "run_7", "status": "completed"})] * 3) as server:
        stream, log = begin(server)
        error = fails(stream, TransportError)
    assert "was asked for 'run_1' and answered with 'run_7'" in error.__notes__[0]
    assert "Hello " == log.text


def test_an_answer_without_its_id_is_about_what_was_asked() -> None:
    """Some servers leave it out."""
    whole = said("Hello world")
    del whole["id"]
    listed = json_answer({"data": [STEP]})
    with running(
        CUT_HELLO, json_answer({"status": "completed"}), listed, json_answer(whole)
    ) as server:
        stream, log = begin(server)
        assert "run_1" == stream.get_final_run().id
    assert "Hello world" == log.text


# --- Everything ends (3) ------------------------------------------------------------------------


@pytest.mark.parametrize("cursors", [2, 1000], ids=["two cursors", "ever new ones"])
def test_steps_without_an_end_are_an_error(cursors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages in a circle, or too many of them: here ten instead of a hundred."""
    monkeypatch.setattr(assistants, "_PAGES", 10)
    numbers = iter(range(1000))

    def page(_: Asked) -> Answer:
        name = f"step_{next(numbers) % cursors}"
        step = {"id": name, "status": "completed"}
        return json_answer({"data": [step], "last_id": name, "has_more": True})

    with running(CUT_HELLO, ENDED, *[page] * 200) as server:
        stream, _ = begin(server)
        error = fails(stream, TransportError)
        assert len(server.calls) < 15
    assert "repeat" in error.__notes__[0] or "more than 10 pages" in error.__notes__[0]


def test_one_deadline_ends_a_whole_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the questions; here each has an answer, and the list never ends."""
    monkeypatch.setattr(run_reader, "DEFAULT_RECOVERY_SECONDS", 0.2)
    numbers = iter(range(1000))

    def page(_: Asked) -> Answer:
        time.sleep(0.02)
        name = f"step_{next(numbers)}"
        return json_answer({"data": [{"id": name}], "last_id": name, "has_more": True})

    with running(CUT_HELLO, ENDED, *[page] * 100) as server:
        stream, _ = begin(server)
        begun = time.monotonic()
        error = fails(stream, TransportError)
        assert 0.1 < time.monotonic() - begun < 1.0
    assert "there was no time left to ask the server" in error.__notes__[0]


def test_abort_ends_a_recovery_between_two_questions() -> None:
    """Not one more is sent, and the stream ends without an error."""
    numbers = iter(range(1000))

    def page(_: Asked) -> Answer:
        number = next(numbers)
        if number == 3:
            stream.abort()
        name = f"step_{number}"
        return json_answer({"data": [{"id": name}], "last_id": name, "has_more": True})

    with running(CUT_HELLO, ENDED, *[page] * 50) as server:
        stream, log = begin(server)
        found = stream.until_done()
        assert 4 == sum(call == f"GET {RUN}/steps" for call in server.calls)
    assert found is not None
    assert "in_progress" == found.status
    assert None is stream.err
    assert ["MessageTextDelta", "StreamEnd"] == log.names[-2:]


def test_abort_in_a_wait_ends_it_early() -> None:
    """From another thread, while the run is waited for."""
    going_on = json_answer({"id": "run_1", "thread_id": "thread_1", "status": "in_progress"})
    with running(CUT_HELLO, *[going_on] * 50) as server:
        stream, _ = begin(server)
        reader = Thread(target=stream.until_done)
        reader.start()
        while len(server.calls) < 4:
            time.sleep(0.01)
        stream.abort()
        reader.join(1.0)
        assert not reader.is_alive()
    assert None is stream.err


def test_outputs_are_not_submitted_after_an_abort() -> None:
    """Though the tools have run."""
    with conversation() as talk:

        def stopping(port: str) -> str:
            """Stop.

            Args:
                port: The port.
            """
            stream.abort()
            return port

        stopping.__name__ = "get_tides"
        stream = talk.stream(tools=[stopping, get_wind])
        stream.until_done()
        assert [] == talk.asked("/submit_tool_outputs")
    assert None is stream.err


def test_pages_in_a_circle_end_in_an_error_for_the_caller_too() -> None:
    """``iter_all`` yields what came, and then raises."""
    pages = [
        json_answer({"data": [{"id": x, "role": "user"}], "last_id": x, "has_more": True})
        for x in ("msg_1", "msg_2", "msg_1")
    ]
    with running(*pages) as server:
        found = server.client.threads.messages.list("thread_1").iter_all()
        assert ["msg_1", "msg_2"] == [next(found).id, next(found).id]
        with pytest.raises(DecodeError, match="the pages of the list repeat: 'msg_1' came before"):
            next(found)


# --- Ids that a server gives (7) ----------------------------------------------------------------


def test_a_run_without_a_thread_is_that_of_the_call() -> None:
    """It is recovered as any other."""
    answers = [json_answer({"status": "completed"}), json_answer({"data": [STEP]}), WORLD]
    begun = frames(run("queued", thread_id=None), cut=True)
    with running(begun, *answers) as server:
        stream, log = begin(server)
        found = stream.get_final_run()
    assert ("run_1", "thread_1") == (found.id, found.thread_id)
    assert "Hello world" == log.text


def test_a_run_without_a_thread_is_that_of_the_created_thread() -> None:
    """Of a call that made both."""
    begun = frames(("thread.created", {"id": "thread_1"}), run("queued", thread_id=None), cut=True)
    with running(begun, ENDED, json_answer({"data": [STEP]}), WORLD) as server:
        stream = server.client.threads.create_and_run_stream(assistant_id="a")
        assert "completed" == stream.get_final_run().status
        assert f"GET {RUN}" == server.calls[1]


@pytest.mark.parametrize("name", [".", ".."])
@pytest.mark.parametrize("what", ["run", "message", "step"])
def test_an_id_that_no_path_can_have_is_a_decode_error(what: str, name: str) -> None:
    """With the first failure as its cause; no ValueError leaves a stream."""
    begun, answers = frames(run("queued"), cut=True), [ENDED]
    if what == "run":
        begun, answers = frames(run("queued", name), cut=True), []
    elif what == "message":
        details = {"type": "message_creation", "message_creation": {"message_id": name}}
        answers.append(json_answer({"data": [{**STEP, "step_details": details}]}))
    else:
        step = ("thread.run.step.created", {**STEP, "id": name})
        begun = frames(run("queued"), step, cut=True)
        answers.append(NO_STEPS)
    with running(begun, *answers) as server:
        stream, log = begin(server)
        error = fails(stream, DecodeError)
        assert len(answers) + 1 == len(server.calls)
    assert isinstance(error.__cause__, TransportError)
    assert ["StreamException", "StreamEnd"] == log.names[-2:]


def test_half_of_a_surrogate_pair_in_an_id_can_be_asked_for() -> None:
    """It became U+FFFD as in every text; the server does not know it."""
    body = b'event: thread.run.queued\ndata: {"id": "run_\\ud800", "status": "queued"}\n\n'
    with running(Answer(body, cut=True), NOT_FOUND) as server:
        stream, _ = begin(server)
        fails(stream, TransportError)
        assert f"GET {RUNS}/run_%EF%BF%BD" == server.calls[1]


def test_outputs_for_a_run_without_a_usable_id_are_a_decode_error() -> None:
    """The tool has run, and nothing was submitted."""
    begun = frames(("thread.run.requires_action", {**waits(CALL), "id": ".."}), DONE)
    with running(begun) as server:
        stream, log = begin(server, tools=[get_tides])
        fails(stream, DecodeError)
        assert 1 == len(server.calls)
    assert "ToolOutput" in log.names


# --- Questions that fail (11) -------------------------------------------------------------------

FAULTS: dict[str, dict[str, Any]] = {
    "cut": {"cut_after": 5},
    "a page of a proxy": {"body": "<html>busy</html>"},
    "reset": {"cut_after": 0, "reset": True},
    "closed": {"refuse": True},
    "503": {"status": 503},
    "429": {"status": 429},
    "408": {"status": 408},
}
QUESTIONS = {"the run": "/runs/run_", "the steps": "/steps", "a message": "/messages/"}


@pytest.mark.parametrize(
    ("fault", "question", "times"),
    [
        *((fault, question, 2) for fault in FAULTS for question in QUESTIONS),
        *(("503", question, 3) for question in QUESTIONS),
    ],
)
def test_each_question_is_asked_three_times(fault: str, question: str, times: int) -> None:
    """Two failures and an answer are a recovery; the third failure is a note on the first one."""
    with conversation(lambda _: Say("Hello.")) as talk:
        log = Log()
        talk.server.fail_next(Fault(cut_after=3000, only="/runs"))
        stream = talk.stream(event_handler=log)
        talk.server.fail_next(*[Fault(only=QUESTIONS[question], **FAULTS[fault])] * times)
        if times == 2:
            assert "completed" == stream.get_final_run().status
            assert "Hello." == log.text
        else:
            error = fails(stream, TransportError)
            assert "the server could not be asked what became of the run" in error.__notes__[0]
            assert "StreamRecovered" not in log.names


def test_another_answer_is_not_asked_for_again() -> None:
    """The server knows no such run."""
    with running(CUT_HELLO, NOT_FOUND) as server:
        stream, _ = begin(server)
        fails(stream, TransportError)
        assert 2 == len(server.calls)


def test_a_background_response_is_joined_again_though_two_questions_failed() -> None:
    """Both the joining and the asking are tried three times."""
    response = {"id": "resp_1", "status": "in_progress", "output": []}
    created = {"type": "response.created", "sequence_number": 0, "response": response}
    ended = {**response, "status": "completed"}
    completed = {"type": "response.completed", "sequence_number": 1, "response": ended}
    down = json_answer({}, 503)
    with running(
        frames(("response.created", created), cut=True),
        down,
        down,
        frames(("response.completed", completed)),
    ) as server:
        stream = server.client.responses.stream(model="m", input="Hello", background=True)
        assert "completed" == stream.get_final_run().status
        assert ["POST /responses", *["GET /responses/resp_1"] * 3] == server.calls


# --- Code and its outputs come as deltas (11) ---------------------------------------------------


def test_the_rest_of_code_and_its_outputs_come_as_deltas() -> None:
    """As the wire sends them, wherever it was cut."""

    def kept(log: Log) -> tuple[str, list[Any]]:
        source, outputs = "", []
        for event in log.events:
            if isinstance(event, events.RunStepToolCallDelta):
                assert isinstance(event.delta, models.CodeInterpreterToolCallDelta)
                code = event.delta.code_interpreter
                assert code is not None
                source += code.input or ""
                outputs += [type(one).__name__ for one in code.outputs]
        return source, outputs

    part = RunCode("print(6 * 7)", logs="42", image_file_id="file_1")
    with conversation(lambda _: [part, Say("42.")]) as talk:
        for offset in (None, 1000, 2000, 2300, 2600, 3000, 3400):
            log = Log()
            if offset is not None:
                talk.server.fail_next(Fault(cut_after=offset, only="/runs"))
            talk.stream(event_handler=log).until_done()
            outputs = ["CodeInterpreterOutputLogs", "CodeInterpreterOutputImage"]
            assert ("print(6 * 7)", outputs) == kept(log)
            assert (offset is not None) == ("StreamRecovered" in log.names)
