"""Calls that return a stream, and tools that run during it."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, Literal

import pytest

from handlers import EventHandler
from stream_core import Client, errors, events, models
from stream_core.api.assistants_params import RunStreamParams
from stream_core.client.streaming_calls import StreamingResource
from stream_core.effects import Now
from stream_core.http.transport import Transport
from stream_core.streams import driver
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Fault,
    FunctionCall,
    LocalServer,
    McpCall,
    Say,
    Turn,
)
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import (
    TIDES,
    Conversation,
    calls_first,
    conversation,
    get_tides,
    get_wind,
    outputs_for,
    required_calls,
)
from tests.support.frames import EventLog, Recorder
from tests.support.socket_peer import CHUNKED, SSE, Peer, chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Unpack

    from stream_core.client.assistants import Runs
    from stream_core.events import Event
    from stream_core.streams.stream import Stream
    from stream_core.testing.responder import Answer

PORTO = {"port": "Porto"}
SAID = "high water at Porto is at 16:35; at Porto it blows from the north"
BOTH = [get_tides, get_wind]


class Calls(StreamingResource):
    """A resource with one call."""

    def stream(self, **params: Unpack[RunStreamParams]) -> Stream:
        return self._stream("/threads/t/runs", RunStreamParams, params, assistant_id="a")


@pytest.fixture
def calls(server: LocalServer) -> Iterator[Calls]:
    """Make a call on that server that is sent once."""
    transport = Transport(server.base_url, headers={}, auth=dict, timeout=10.0)
    yield Calls(transport)
    transport.close()


@pytest.fixture
def talk() -> Iterator[Conversation]:
    """Run a conversation in which the model calls two functions at once."""
    with conversation() as begun:
        yield begun


class Deaf:
    """A handler that does nothing."""

    def handle(self, event: Event) -> None:
        pass


# --- Handlers and settings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"event_handler": object()}, TypeError),
        ({"handlers": [Deaf(), Deaf]}, TypeError),
        ({"handlers": 5}, TypeError),
        ({"max_frame_bytes": 0}, ValueError),
        ({"tools": [len, len]}, TypeError),
        ({"tools": [get_tides], "tool_errors": "ignore"}, ValueError),
        ({"tools": [get_tides], "max_rounds": 0}, ValueError),
        ({"tools": [get_tides, ToolSet(get_tides)]}, ValueError),
        ({"assistent_id": "a"}, TypeError),
    ],
)
def test_a_run_is_not_started_for_what_cannot_be(
    server: LocalServer, calls: Calls, wrong: dict[str, Any], expected: type[Exception]
) -> None:
    """Nothing is sent; a run that nobody listens to would lock its thread."""
    with pytest.raises(expected):
        calls.stream(**wrong)
    assert [] == server.requests


async def later(_: object) -> bool:
    """Approve too late."""
    return True


class Lazy:
    """A handler whose method does nothing when it is called."""

    def handle(self, event: Event) -> Iterator[Event]:
        yield event


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        ({"handlers": Deaf()}, "pass a list of handlers, or one handler as event_handler="),
        ({"handlers": 5}, "handlers is 5: pass a list of handlers"),
        ({"event_handler": [Deaf()]}, "is not a handler: .* one by one, or as handlers="),
        ({"event_handler": Deaf}, r"Deaf is a class; register an instance of it: Deaf\(\)"),
        ({"event_handler": Lazy()}, "is a generator function, so calling it would do nothing"),
        ({"tools": {"type": "file_search"}}, "tools is .*: pass a list of functions"),
        ({"tools": "file_search"}, "tools is 'file_search': pass a list of functions"),
        ({"tools": 5}, "tools is 5: pass a list of functions"),
        ({"approve": True}, "approve is True: pass a function that takes a call"),
        ({"approve": later}, "approve is an async function"),
        ({"executor": "x"}, "executor is 'x': pass an executor"),
        ({"max_rounds": "x"}, "max_rounds is 'x': pass a whole number"),
        ({"max_rounds": True}, "max_rounds is True: pass a whole number"),
        ({"tools": [get_tides], "max_rounds": 1.5}, "max_rounds is 1.5: pass a whole number"),
    ],
)
def test_misuse_is_found_before_anything_is_sent(
    server: LocalServer, calls: Calls, wrong: dict[str, Any], remedy: str
) -> None:
    """The error names the remedy, with tools or without."""
    with pytest.raises(TypeError, match=remedy):
        calls.stream(**wrong)
    assert [] == server.requests


#: A stream without a run.
NO_RUN = b"event: thread.created\ndata: {}\n\nevent: done\ndata: [DONE]\n\n"


def test_a_stream_has_its_handlers_in_order(server: LocalServer, calls: Calls) -> None:
    """``event_handler`` comes first; the body asks for a stream, and has no ``include``."""
    server.play(NO_RUN)
    handlers = [Deaf(), Deaf(), Deaf()]
    given = (handler for handler in handlers[1:])
    stream = calls.stream(event_handler=handlers[0], handlers=given, model=None, include=["x"])
    assert tuple(handlers) == stream.handlers
    (request,) = server.requests
    assert {"include[]": "x"} == request.query
    assert {"assistant_id": "a", "model": None, "stream": True} == request.json
    assert stream.until_done() is None


@pytest.mark.parametrize("none", [{}, {"event_handler": None}, {"handlers": None}])
def test_a_stream_needs_no_handler(server: LocalServer, calls: Calls, none: dict[str, Any]) -> None:
    """It can be iterated over."""
    server.play(NO_RUN)
    stream = calls.stream(**none)
    assert () == stream.handlers
    assert ["thread.created", "done"] == [event.event for event in stream]


def test_the_limit_of_a_frame_is_the_streams(server: LocalServer, calls: Calls) -> None:
    """A longer frame is an error of its own kind."""
    server.play(b"event: done\ndata: [DONE]\n\n")
    with pytest.raises(errors.FrameTooLargeError):
        calls.stream(max_frame_bytes=5).until_done()


def test_the_limit_of_a_frame_is_that_of_all_rounds(talk: Conversation) -> None:
    """A longer frame in the second reply is an error too."""
    ran = []

    def get_tides(port: str) -> str:
        ran.append(port)
        return "x" * 5000

    stream = talk.stream(tools=[get_tides, get_wind], max_frame_bytes=4000)
    with pytest.raises(errors.FrameTooLargeError):
        stream.until_done()
    assert ["Porto"] == ran


# --- Kinds of tools -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (BOTH, ["get_tides", "get_wind"]),
        (ToolSet(*BOTH), ["get_tides", "get_wind"]),
        ([ToolSet(get_tides), get_wind], ["get_tides", "get_wind"]),
        (get_tides, ["get_tides"]),
        ([TIDES], ["get_tides"]),
        ([get_wind, TIDES], ["get_tides", "get_wind"]),
        ([(TIDES, get_tides)], ["get_tides"]),
        ([models.CodeInterpreterTool(), get_wind], ["code_interpreter", "get_wind"]),
        (iter([get_tides]), ["get_tides"]),
        ([], []),
        (None, None),
    ],
    ids=[
        *("functions", "a set", "a set and a function", "a function", "a definition"),
        *("a function and a definition", "a definition with its function", "a tool of theirs"),
        *("an iterator", "none", "null"),
    ],
)
def test_definitions_of_the_tools_are_sent(talk: Conversation, given: Any, sent: Any) -> None:
    """They replace the functions, and come after the definitions that were given."""
    talk.stream(tools=given).close()
    (body,) = talk.asked("/runs")
    names = body["tools"] and [
        tool["function"]["name"] if tool["type"] == "function" else tool["type"]
        for tool in body["tools"]
    ]
    assert sent == names


def test_nothing_is_sent_for_tools_that_are_not_given(talk: Conversation) -> None:
    """The assistant's own tools apply in that case."""
    talk.stream().close()
    (body,) = talk.asked("/runs")
    assert "tools" not in body


def test_a_run_on_a_new_thread_takes_tools_too(talk: Conversation) -> None:
    """It does so in the same way."""
    stream = talk.client.threads.create_and_run_stream(
        assistant_id=talk.assistant_id, thread={"messages": []}, tools=BOTH
    )
    assert "completed" == stream.get_final_run().status
    assert [SAID] == [message.text for message in stream.get_final_messages()]


def test_tools_of_a_stream_that_submits_are_for_the_rounds_after_it() -> None:
    """They are not sent, since the run has their definitions."""

    def respond(turn: Turn) -> Answer:
        if len(turn.rounds) < 3:
            return CallFunctions([FunctionCall("get_tides", PORTO)])
        return Say("Enough.")

    with conversation(respond) as talk:
        run = talk.stream().get_final_run()
        stream = talk.submit(run, tools=[get_tides])
        assert "completed" == stream.get_final_run().status
        bodies = talk.asked("/submit_tool_outputs")
    assert 3 == len(bodies)
    assert [{"tool_outputs", "stream"}] * 3 == [body.keys() for body in bodies]


# --- Rounds in one stream -----------------------------------------------------------------------


def test_a_round_of_tools_goes_on_in_the_same_stream(talk: Conversation) -> None:
    """There is one reading, one done and one end; the outputs come between the two replies."""
    log = EventLog()
    stream = talk.stream(tools=BOTH, event_handler=log)
    run = stream.until_done()
    assert run is not None
    assert "completed" == run.status
    assert [SAID] == [message.text for message in stream.get_final_messages()]
    assert ["tool_calls", "message_creation"] == [x.type for x in stream.get_final_run_steps()]
    at = log.names.index("ThreadRunRequiresAction")
    expected = ["RunStepToolCallDone", "ToolOutput", "ToolOutput", "ThreadRunStepCompleted"]
    assert expected == log.names[at + 1 : at + 5]
    assert (1, 1) == (log.names.count("Done"), log.names.count("StreamEnd"))
    assert ["Done", "StreamEnd"] == log.names[-2:]
    assert 1 == log.names.count("RunDone")


def test_outputs_and_errors_are_callbacks(talk: Conversation) -> None:
    """``on_tool_output`` gets the call and its output; ``on_tool_error`` comes before it."""
    told: list[str] = []

    def get_wind(port: str) -> str:
        raise OSError(f"no ship at {port}")

    class Handler(EventHandler):
        def on_run_requires_action(self, run: models.Run) -> None:
            told.append("requires_action")

        def on_tool_output(
            self, tool_call: models.RequiredActionFunctionToolCall, output: str
        ) -> None:
            told.append(f"{tool_call.function.name}: {output}")

        def on_tool_error(
            self, tool_call: models.RequiredActionFunctionToolCall, error: Exception
        ) -> None:
            told.append(f"{tool_call.function.name} failed: {error!r}")

        def on_run_step_completed(self, run_step: models.RunStep) -> None:
            told.append(run_step.type)

    talk.stream(tools=[get_tides, get_wind], event_handler=Handler()).until_done()
    assert [
        "requires_action",
        "get_tides: high water at Porto is at 16:35",
        "get_wind failed: OSError('no ship at Porto')",
        "get_wind: OSError: no ship at Porto",
        "tool_calls",
        "message_creation",
    ] == told


def test_the_current_event_is_the_output_in_its_callback(talk: Conversation) -> None:
    """The current run is the one that waits."""
    seen = []

    class Handler(EventHandler):
        def on_tool_output(
            self, tool_call: models.RequiredActionFunctionToolCall, output: str
        ) -> None:
            seen.append((type(self.current_event), self.current_run and self.current_run.status))

    talk.stream(tools=BOTH, event_handler=Handler()).until_done()
    assert [(events.ToolOutput, "requires_action")] * 2 == seen


def test_the_texts_of_all_rounds_are_one_text() -> None:
    """The text before a call is part of it."""

    def respond(turn: Turn) -> Answer:
        if turn.results:
            return Say("Well.")
        return [Say("Let me see. "), CallFunctions([FunctionCall("get_tides", PORTO)])]

    with conversation(respond) as talk:
        assert "Let me see. Well." == "".join(talk.stream(tools=[get_tides]).text_deltas)
        assert "Let me see. Well." == talk.stream(tools=[get_tides]).text.read()
        messages = talk.stream(tools=[get_tides]).get_final_messages()
        assert ["Let me see. ", "Well."] == [message.text for message in messages]


def test_a_scanner_reads_through_all_rounds(talk: Conversation) -> None:
    """``next()`` returns the events of both replies, and done once."""
    stream = talk.stream(tools=BOTH)
    names = []
    while stream.next():
        assert stream.event is not None
        names.append(stream.event.event)
    assert None is stream.err
    assert 1 == names.count("done")
    at = names.index("thread.run.requires_action")
    assert ["run_step.tool_call.done", "thread.run.step.completed"] == names[at + 1 : at + 3]
    iterated = [event.event for event in talk.stream(tools=BOTH)]
    assert names == iterated


def test_without_tools_nothing_changes(talk: Conversation) -> None:
    """A run that requires action ends the stream, and the caller submits."""
    log = EventLog()
    run = talk.stream(event_handler=log).get_final_run()
    assert "requires_action" == run.status
    assert 2 == len(required_calls(run))
    assert ["Done", "StreamEnd"] == log.names[-2:]
    assert 0 == log.names.count("ToolOutput")
    assert [] == talk.asked("/submit_tool_outputs")


def test_an_executor_runs_the_calls_at_the_same_time(talk: Conversation) -> None:
    """Each waits for the other here."""
    barrier = Barrier(2, timeout=10)

    def get_tides(port: str) -> str:
        barrier.wait()
        return "high"

    def get_wind(port: str) -> str:
        barrier.wait()
        return "north"

    with ThreadPoolExecutor(2) as executor:
        stream = talk.stream(tools=[get_tides, get_wind], executor=executor)
        assert "high; north" == stream.text.read()


def test_calls_of_tools_are_approved(talk: Conversation) -> None:
    """Calls are refused, answered or changed, one by one."""

    def approve(call: models.RequiredActionFunctionToolCall) -> bool | str:
        return call.function.name == "get_tides" or "Not the wind."

    stream = talk.stream(tools=BOTH, approve=approve)
    assert "high water at Porto is at 16:35; Not the wind." == stream.text.read()


@pytest.mark.parametrize("tools", [None, [get_tides]])
@pytest.mark.parametrize("approved", [True, False])
def test_calls_of_an_mcp_server_are_approved(
    tools: list[Callable[..., Any]] | None, *, approved: bool
) -> None:
    """The answers are sent as ``tool_approvals``; no tool runs here, so no event is delivered."""

    def respond(turn: Turn) -> Answer:
        if turn.results:
            return Say(", ".join(f"{one.name} {one.approved}" for one in turn.results))
        return AskApproval([McpCall("docs", name, PORTO, "found") for name in ("find", "read")])

    asked = []

    def approve(call: models.MCPApprovalToolCall) -> bool:
        asked.append((call.server_label, call.name, json.loads(call.arguments)))
        return approved and call.name == "find"

    with conversation(respond) as talk:
        log = EventLog()
        stream = talk.stream(tools=tools, approve=approve, event_handler=log)
        assert f"find {approved}, read False" == stream.text.read()
        (body,) = talk.asked("/submit_tool_outputs")
    assert [("docs", "find", PORTO), ("docs", "read", PORTO)] == asked
    assert {"tool_approvals", "stream"} == body.keys()
    assert [approved, False] == [one["approve"] for one in body["tool_approvals"]]
    assert 1 == log.names.count("Done")
    assert 0 == log.names.count("ToolOutput")


def asks_for_approval(turn: Turn) -> Answer:
    """Ask whether two calls of an MCP server may be made."""
    if turn.results:
        return Say("Done.")
    return AskApproval([McpCall("docs", name, PORTO, "found") for name in ("find", "read")])


@pytest.mark.parametrize("respond", [asks_for_approval, calls_first])
@pytest.mark.parametrize("way", ["close", "abort", "cancel"])
def test_an_approve_that_ends_the_stream_submits_nothing(
    way: str, respond: Callable[[Turn], Answer]
) -> None:
    """Neither approvals nor outputs; no further question is asked, and no tool runs."""
    asked: list[object] = []
    ran: list[str] = []

    def get_tides(port: str) -> str:
        ran.append(port)
        return "high"

    def approve(call: object) -> bool:
        asked.append(call)
        getattr(stream, way)()
        return True

    with conversation(respond) as talk:
        log = EventLog()
        stream = talk.stream(tools=[get_tides, get_wind], approve=approve, event_handler=log)
        stream.until_done()
        assert [] == talk.asked("/submit_tool_outputs")
    assert (1, []) == (len(asked), ran)
    assert ("StreamEnd", 0) == (log.names[-1], log.names.count("ToolOutput"))
    assert None is stream.err


@pytest.mark.parametrize("error", [OSError("mine"), errors.StreamError("mine"), StopIteration()])
@pytest.mark.parametrize("with_executor", [False, True])
def test_what_approve_raises_leaves(error: Exception, *, with_executor: bool) -> None:
    """It is neither an output nor the stream's failure; nothing is submitted."""

    def approve(call: object) -> bool:
        raise error

    for respond in (asks_for_approval, calls_first):
        with conversation(respond) as talk, ThreadPoolExecutor(2) as executor:
            log = EventLog()
            settings: dict[str, Any] = {"executor": executor} if with_executor else {}
            stream = talk.stream(tools=BOTH, approve=approve, event_handler=log, **settings)
            with pytest.raises(Exception) as caught:  # noqa: PT011  # its kind is looked at below
                stream.until_done()
            assert [] == talk.asked("/submit_tool_outputs")
        stops = isinstance(error, StopIteration)
        assert error is (caught.value.__cause__ if stops else caught.value)
        assert any(note.startswith("raised by approve for the call ") for note in error.__notes__)
        assert ("StreamEnd", None) == (log.names[-1], stream.err)
        assert not {"ToolError", "ToolOutput", "StreamException"} & {*log.names}


def test_approvals_without_approve_are_the_callers() -> None:
    """Tools do not answer them, so the stream ends."""
    asking = AskApproval([McpCall("docs", "find", PORTO)])
    with conversation(lambda _: asking) as talk:
        run = talk.stream(tools=[get_tides]).get_final_run()
    assert "requires_action" == run.status
    assert run.required_action is not None
    assert run.required_action.submit_tool_approval is not None


def test_what_the_caller_adds_to_a_request_goes_with_those_that_follow(talk: Conversation) -> None:
    """Headers and query do; keys that are added to the body belong to the first request only."""
    talk.stream(
        tools=BOTH,
        extra_headers={"x-mine": "1"},
        extra_query={"q": "2"},
        extra_body={"b": 3},
        timeout=5,
    ).until_done()
    first, second = talk.server.requests[-2:]
    assert ("1", "1") == (first.headers["x-mine"], second.headers["x-mine"])
    assert ({"q": "2"}, {"q": "2"}) == (first.query, second.query)
    assert "b" in (first.json or {})
    assert {"tool_outputs", "stream"} == (second.json or {}).keys()


# --- Failures -----------------------------------------------------------------------------------


def calls_always(_: Turn) -> Answer:
    """Never come to an end."""
    return CallFunctions([FunctionCall("get_tides", PORTO)])


def test_too_many_rounds_are_a_failure_of_the_stream() -> None:
    """It is delivered, kept in ``err`` and raised; the run still waits."""
    with conversation(calls_always) as talk:
        recorder = Recorder()
        stream = talk.stream(tools=[get_tides], max_rounds=2, event_handler=recorder)
        with pytest.raises(errors.ToolLoopError, match="more than 2 rounds") as caught:
            stream.until_done()
        assert "requires_action" == talk.run.status
        assert 2 == len(talk.asked("/submit_tool_outputs"))
    assert caught.value is stream.err
    assert ["on_exception", "on_end"] == recorder.names[-2:]
    assert 0 == recorder.names.count("on_done")
    assert 3 == recorder.names.count("on_run_requires_action")
    assert 2 == recorder.names.count("on_tool_output")


def test_a_scanner_finds_the_failure_of_a_round_in_err() -> None:
    """``next()`` returns False, and nothing is raised."""
    with conversation(calls_always) as talk:
        stream = talk.stream(tools=[get_tides], max_rounds=1)
        while stream.next():
            pass
    assert isinstance(stream.err, errors.ToolLoopError)


def test_a_run_that_expired_is_not_submitted_to(
    talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tools took too long."""
    shown = itertools.count(step=100_000)
    monkeypatch.setitem(driver._PERFORM, Now, lambda *_: next(shown))
    stream = talk.stream(tools=BOTH)
    with pytest.raises(errors.RunExpiredError, match="before the outputs of its tools were ready"):
        stream.until_done()
    assert [] == talk.asked("/submit_tool_outputs")


@pytest.mark.parametrize("error", [OSError("no ship"), errors.StreamError("of another stream")])
def test_what_a_tool_raises_leaves_where_that_was_chosen(
    talk: Conversation, error: Exception
) -> None:
    """It is unchanged: it is not a failure of the stream, even if it is a StreamError."""

    def get_tides(port: str) -> str:
        raise error

    for drive in (list, lambda stream: stream.until_done()):
        recorder = Recorder()
        stream = talk.stream(
            tools=[get_tides, get_wind], tool_errors="raise", event_handler=recorder
        )
        with pytest.raises(type(error)) as caught:
            drive(stream)
        assert error is caught.value
        assert None is stream.err
        assert ["on_tool_error", "on_end"] == recorder.names[-2:]
        assert 0 == recorder.names.count("on_exception")
        talk.client.threads.runs.cancel(talk.run.id, thread_id=talk.thread_id)
        while talk.run.status != "cancelled":
            pass
    assert [] == talk.asked("/submit_tool_outputs")


@pytest.mark.parametrize("error", [OSError("mine"), errors.StreamError("mine")])
def test_what_a_callback_of_a_round_raises_leaves(talk: Conversation, error: Exception) -> None:
    """Nothing is submitted, and it is not a failure of the stream."""

    class Raising:
        def __init__(self) -> None:
            self.names: list[str] = []

        def handle(self, event: Event) -> None:
            self.names.append(type(event).__name__)
            if isinstance(event, events.ToolOutput):
                raise error

    raising = Raising()
    stream = talk.stream(tools=BOTH, event_handler=raising)
    with pytest.raises(type(error)) as caught:
        stream.until_done()
    assert error is caught.value
    assert None is stream.err
    assert ["ToolOutput", "StreamEnd"] == raising.names[-2:]
    assert [] == talk.asked("/submit_tool_outputs")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(refuse=True, only="/submit"), errors.TransportError),
        (Fault(status=500, only="/submit"), errors.InternalServerError),
        (Fault(body="<html>", only="/submit"), errors.NotAnEventStreamError),
    ],
)
def test_outputs_that_cannot_be_submitted_are_a_failure_of_the_stream(
    talk: Conversation, fault: Fault, expected: type[errors.StreamError]
) -> None:
    """With ``recover=False`` the server is not asked whether it has them."""
    talk.server.fail_next(fault)
    log = EventLog()
    stream = talk.stream(tools=BOTH, event_handler=log, recover=False)
    with pytest.raises(expected):
        stream.until_done()
    assert isinstance(stream.err, expected)
    assert ["ToolOutput", "StreamException", "StreamEnd"] == log.names[-3:]


# --- By hand, and with tools --------------------------------------------------------------------


def get_temperature(city: str, unit: Literal["celsius", "fahrenheit"]) -> str:
    """Return the current temperature.

    Args:
        city: The names of the city and its country.
        unit: The unit of the answer.
    """
    return f"17 degrees {unit} in {city}"


def get_rain_probability(city: str) -> str:
    """Return the probability of rain, from 0 to 1.

    Args:
        city: The names of the city and its country.
    """
    return f"0.06 in {city}"


WEATHER = ToolSet(get_temperature, get_rain_probability)


def weather(turn: Turn) -> Answer:
    """Write some text, call both functions at once, and state their outputs."""
    if turn.results:
        return Say(" ".join(f"{one.name}: {one.output}." for one in turn.results))
    asked = [
        FunctionCall("get_temperature", {"city": "Porto, Portugal", "unit": "celsius"}),
        FunctionCall("get_rain_probability", {"city": "Porto, Portugal"}),
    ]
    return [Say("One moment."), CallFunctions(asked)]


class WritingDown(Recorder):
    """Records callbacks; times are made equal."""

    @property
    def told(self) -> list[tuple[str, ...]]:
        """Return the callbacks, with their arguments as strings."""
        return [tuple(re.sub(r"\b\d{10}\b", "NOW", text) for text in told) for told in self.calls]


class ByHand(WritingDown):
    """The function-call example of the Assistants documentation, in words of our own.

    When the run requires action, the handler runs the functions and, in its callback, reads the
    stream that follows, with another handler of its class.

    Attributes:
        handlers: All handlers of one conversation, in order.
    """

    def __init__(self, runs: Runs, handlers: list[ByHand]) -> None:
        super().__init__()
        self.runs, self.handlers = runs, handlers
        handlers.append(self)

    def _recorder(self, name: str) -> Callable[..., None]:
        record = super()._recorder(name)

        def on_event(event: Event) -> None:
            record(event)
            if isinstance(event, events.ThreadRunRequiresAction):
                self.submit(event.data)

        return on_event if name == "on_event" else record

    def submit(self, run: models.Run) -> None:
        outputs = []
        for call in required_calls(run):
            arguments = json.loads(call.function.arguments)
            if call.function.name == "get_temperature":
                output = get_temperature(**arguments)
            else:
                output = get_rain_probability(**arguments)
            outputs.append({"tool_call_id": call.id, "output": output})
        with self.runs.submit_tool_outputs_stream(
            run_id=run.id,
            thread_id=run.thread_id,
            tool_outputs=outputs,
            event_handler=ByHand(self.runs, self.handlers),
        ) as stream:
            stream.until_done()


def test_the_documented_example_is_told_the_same_with_tools() -> None:
    """The callbacks, their arguments and their order are the same, except for one end less.

    By hand there are two streams, so ``on_done`` and ``on_end`` come twice; with tools there is
    one stream, and each output is delivered.
    """
    handlers: list[ByHand] = []
    with conversation(weather) as talk:
        handler = ByHand(talk.client.threads.runs, handlers)
        talk.stream(tools=WEATHER.definitions, event_handler=handler).until_done()
    first, second = [handler.told for handler in handlers]
    recorder = WritingDown()
    with conversation(weather) as talk:
        talk.stream(tools=WEATHER, event_handler=recorder).until_done()
    done = [call[0] for call in first[-3:]]
    assert ["on_event", "on_done", "on_end"] == done
    assert [*first[:-3], *second] == [x for x in recorder.told if x[0] != "on_tool_output"]
    texts = [x[1] for x in recorder.told if x[0] == "on_text_done"]
    assert 2 == len(texts)
    assert "17 degrees celsius in Porto" in texts[1]
    assert "0.06 in Porto" in texts[1]
    at = [x[0] for x in recorder.told].index("on_tool_output")
    assert 2 == recorder.names.count("on_tool_output")
    assert len(first[:-3]) == at


def test_both_ways_submit_the_same() -> None:
    """They are the outputs of :func:`outputs_for`, which runs the functions by hand."""
    with conversation() as talk:
        run = talk.stream().get_final_run()
        talk.submit(run).until_done()
        talk.stream(tools=BOTH).until_done()
        by_hand, with_tools = talk.asked("/submit_tool_outputs")
    assert [x["output"] for x in outputs_for(run)] == [x["output"] for x in by_hand["tool_outputs"]]
    for body in (by_hand, with_tools):
        assert {"tool_outputs", "stream"} == body.keys()
        assert SAID == "; ".join(x["output"] for x in body["tool_outputs"])


# --- Idle streams -------------------------------------------------------------------------------


def pinging(connection: socket.socket) -> None:
    """Answer with comments and nothing else, until nobody listens any more."""
    connection.sendall(SSE + CHUNKED)
    with contextlib.suppress(OSError):
        for _ in range(500):
            connection.sendall(chunk(b": ping\n\n"))
            time.sleep(0.01)


@pytest.mark.parametrize("of_client", [True, False])
def test_comments_alone_do_not_keep_a_stream_alive(*, of_client: bool) -> None:
    """For longer than ``idle_timeout``, of the client or of the call, which counts first."""
    with Peer(pinging) as peer:
        client = Client("", peer.url, idle_timeout=0.1 if of_client else 600)
        own: Any = {} if of_client else {"idle_timeout": 0.1}
        stream = client.chat.completions.stream(model="m", messages=[], **own)
        with pytest.raises(errors.StreamTimeoutError, match="only comments and heartbeats") as it:
            stream.until_done()
        assert 0.1 == it.value.timeout
