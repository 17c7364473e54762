"""Streams of the Chat Completions wire as runs: recorded ones, odd ones, broken ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.convert.payloads import structure
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import Decoded, DeltaRow, Repeats, holds_back, make_dialect
from stream_core.dialects.chat.dialect import FINISH_REASONS, ChatDialect
from stream_core.errors import DecodeError, IncompleteStreamError, ServerError
from stream_core.snapshots.stream_state import Snapshots
from stream_core.sse import IgnoredLine, ServerSentEvent
from tests.support.chat_frames import (
    DONE,
    USAGE,
    Order,
    call,
    calls_of,
    choices,
    chunk,
    decode_any_way,
    extensions,
    last_run,
    stop,
    transcript_of,
)
from tests.support.frames import (
    Frame,
    Transcript,
    check_transcript,
    decode,
    drain,
    random_pieces,
    sse,
)
from tests.support.replacements import places, replaced

CALL = chunk(tool_calls=[call(0, "a", name="f", arguments="{}")])

#: Recordings of this wire, and their contents: the run's last status, or None if it was cut;
#: the number of calls; whether the server stated the usage.
RECORDED = {
    "chat/ddtrace_azure.sse": ("completed", 0, False),
    "chat/deepseek_reasoning.sse": ("completed", 0, True),
    "chat/dotnet_refusal.sse": ("completed", 0, True),
    "chat/langsmith_tool_chunking.sse": ("requires_action", 1, False),
    "chat/openllmetry_parallel_tools.sse": ("requires_action", 2, False),
    "chat/openrouter_tools_comments.sse": ("requires_action", 1, True),
    "chat/simpleopenai_chatcompletions_create_stream.sse": ("completed", 0, True),
    "servers/aimock_chat_cut.sse": (None, 0, False),
    "servers/aimock_chat_think.sse": ("completed", 0, True),
    "servers/aimock_chat_weather.sse": ("requires_action", 2, True),
    "servers/fakeai_chat.sse": ("completed", 0, True),
    "servers/llamacpp_chat_function_call.sse": ("requires_action", 1, True),
    "servers/llamacpp_chat_n2.sse": ("incomplete", 0, False),
    "servers/llamacpp_chat_text.sse": ("completed", 0, True),
}

each_recording = pytest.mark.parametrize("name", sorted(RECORDED))


def sent_chunks(data: bytes) -> list[dict[str, Any]]:
    """Return the chunks of a recording, read without our code."""
    lines = [line[6:] for line in data.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def sent_text(data: bytes, key: str) -> str:
    """Return everything that choice 0 of a recording sent as KEY."""
    answers = [x for sent in sent_chunks(data) for x in sent["choices"] if x["index"] == 0]
    return "".join(x.get("delta", {}).get(key) or "" for x in answers)


def one(dialect: ChatDialect, frame: Frame) -> list[Decoded]:
    """Decode one frame."""
    name, sent = frame
    text = sent if isinstance(sent, str) else json.dumps(sent)
    return list(dialect.decode(ServerSentEvent(name, text, 0)))


# --- Recordings -------------------------------------------------------------------------


def test_every_recording_of_this_wire_is_here(wire: Path) -> None:
    """This keeps a new one from being skipped."""
    found = [*wire.glob("chat/*.sse"), *wire.glob("servers/*chat*.sse")]
    assert sorted(RECORDED) == sorted(path.relative_to(wire).as_posix() for path in found)


@each_recording
@pytest.mark.no_cover
def test_a_recording_is_a_run_however_it_is_cut_into_chunks(wire: Path, name: str) -> None:
    """Events are in order, everything begins and ends once, and the text is what was sent."""
    data = (wire / name).read_bytes()
    out = decode_any_way(data)
    status, calls, used = RECORDED[name]
    assert (status is None) is isinstance(out.error, IncompleteStreamError)
    Order().check(out, ended=status is not None)
    check_transcript(out.events, ended=status == "completed")
    text = "".join(x.delta.value for x in out.of(events.MessageTextDelta))
    assert sent_text(data, "content") == text
    ended = out.of(events.MessageDone)
    assert [text] * bool(text and status) == [x.message.text for x in ended]
    assert sent_text(data, "reasoning_content") == "".join(
        x.data.delta for x in out.of(events.ReasoningDelta)
    )
    run = last_run(out)
    assert (status or "in_progress", used) == (run.status, run.usage is not None)
    assert calls == len(calls_of(out))


@each_recording
def test_a_recording_is_a_run_without_done(wire: Path, name: str) -> None:
    """Without ``[DONE]`` it is the same run; only ``done`` is then synthetic."""
    data = (wire / name).read_bytes()
    whole, out = (
        decode(data, dialect="chat"),
        decode(data.partition(b"data: [")[0], dialect="chat"),
    )
    ended = whole.names[-1] == "Done"
    assert whole.names == [*out.names[:-1], "Done" if ended else out.names[-1]]
    assert (ended, ended) == (out.names[-1] == "Done*", out.error is None)
    assert whole.texts[:-1] == out.texts[:-1]


@each_recording
@pytest.mark.no_cover
def test_a_recording_that_is_cut_anywhere_ends_or_is_incomplete(wire: Path, name: str) -> None:
    """No other error is raised, and the events before it are those of the whole stream."""
    data = (wire / name).read_bytes()
    whole = decode(data, dialect="chat")
    for at in random.Random(name).sample(range(len(data)), 20):
        out = decode(data[:at], dialect="chat")
        assert isinstance(out.error, IncompleteStreamError | None)
        if out.error is not None:
            assert out.texts == whole.texts[: len(out.texts)]


@each_recording
@pytest.mark.no_cover
def test_a_recording_with_single_newlines_is_the_same(wire: Path, name: str) -> None:
    """Frames that a server does not separate by a blank line are read line by line.

    To the standard they are one frame, so snapshots have all of it; the events are the same.
    """
    data = (wire / name).read_bytes()
    whole, glued = decode(data, dialect="chat"), data.replace(b"\n\n", b"\n")
    out = decode_any_way(glued)
    assert whole.names == out.names
    assert str(whole.error) == str(out.error)
    assert [x.raw for x in whole.of(events.WireEvent)] == [x.raw for x in out.of(events.WireEvent)]
    cut = decode(glued[: len(glued) * 2 // 3], dialect="chat")
    assert isinstance(cut.error, IncompleteStreamError)
    assert cut.names == whole.names[: len(cut.names)]
    assert len(cut.names) > 5


def test_raw_is_the_chunk_and_what_nobody_sent_is_synthetic(wire: Path) -> None:
    """Every chunk that is not empty has its event; the other events have no raw."""
    data = (wire / "chat/openllmetry_parallel_tools.sse").read_bytes()
    out = decode(data, dialect="chat")
    sent = sent_chunks(data)
    wired = out.of(events.WireEvent)
    assert all((x.raw is None) is x.synthetic for x in wired)
    assert [x for x in sent if x["choices"][0]["delta"].get("tool_calls")] == [
        x.raw for x in out.of(events.ThreadRunStepDelta)
    ]
    assert [sent[0], sent[-1], "[DONE]"] == [
        x.raw for x in out.of(events.ThreadRunCreated, events.ThreadRunRequiresAction, events.Done)
    ]


# --- The beginning ----------------------------------------------------------------------

BEGINNING = ["ThreadRunCreated", "ThreadRunQueued*", "ThreadRunInProgress*"]
OPENED = [
    "ThreadRunStepCreated*",
    "ThreadRunStepInProgress*",
    "ThreadMessageCreated*",
    "ThreadMessageInProgress*",
]
CLOSED = ["ThreadMessageCompleted*", "MessageTextDone", "MessageDone"]
STEP_CLOSED = ["ThreadRunStepCompleted*", "RunStepDone"]


def test_an_answer_of_text_is_a_run_with_a_message() -> None:
    """The events have the order of the Assistants wire."""
    out = transcript_of(chunk(role="assistant", content=""), chunk(content="Hi"), stop(), DONE)
    assert [
        *BEGINNING,
        *OPENED,
        *("ThreadMessageDelta", "MessageTextCreated", "MessageTextDelta"),
        *CLOSED,
        *STEP_CLOSED,
        *("ThreadRunCompleted", "RunDone", "Done"),
    ] == out.names
    assert out.error is None


def test_the_run_has_the_fields_of_the_first_chunk() -> None:
    """They are id, model and time; a run that was known before keeps the rest."""
    first = choices({"index": 0, "delta": {"content": "a"}}, model="m", created=5)
    run = last_run(transcript_of(first, choices(model="other", id="other"), stop(), DONE))
    assert ("chatcmpl_1", "m", 5, 5) == (run.id, run.model, run.created_at, run.started_at)
    known = ChatDialect(models.Run(assistant_id="asst_1", thread_id="thread_1", model="mine"))
    (created, *_) = one(known, chunk(content="a"))
    made = created.payload
    assert ("asst_1", "thread_1", "mine") == (made.assistant_id, made.thread_id, made.model)
    assert ("queued", "chatcmpl_1") == (made.status, made.id)


def test_the_run_begins_with_the_first_chunk_that_has_an_id_or_a_choice() -> None:
    """Azure's first has neither; the filter's result for the prompt is an extension event."""
    found = [{"prompt_index": 0, "content_filter_results": {}}]
    azure = choices(id="", model="", created=0, prompt_filter_results=found)
    out = transcript_of(azure, choices(id="x", created=0), chunk(content="a"), stop(), DONE)
    assert ["ExtensionEvent", *BEGINNING] == out.names[:4]
    assert last_run(out).created_at is None
    assert [("chat.completion.chunk.prompt_filter_results", found)] == extensions(out)
    assert "x" == last_run(out).id
    nameless = transcript_of(("", {"choices": [{"delta": {"content": "a"}}]}), DONE)
    assert BEGINNING == nameless.names[:3]
    assert ("chat", "msg_chat") == (
        last_run(nameless).id,
        nameless.of(events.MessageDone)[0].message.id,
    )


def test_ids_that_change_with_every_chunk_change_nothing() -> None:
    """The first id is the run's, and there is one message."""
    frames = [choices({"delta": {"content": x}}, id=x) for x in "abc"]
    out = transcript_of(*frames, stop(), DONE)
    assert ["abc"] == [x.message.text for x in out.of(events.MessageDone)]
    assert "a" == last_run(out).id


@pytest.mark.parametrize("sent", [{}, {"choices": None}, {"choices": []}])
def test_a_chunk_without_choices_gives_nothing(sent: dict[str, Any]) -> None:
    """It need not even have the key, if its ``object`` is that of a chunk."""
    frame = "", {"id": "x", "object": "chat.completion.chunk", **sent}
    assert BEGINNING == transcript_of(frame).names


@pytest.mark.parametrize("delta", [{}, {"delta": None}, {"delta": {}}])
def test_a_choice_without_delta_gives_nothing(delta: dict[str, Any]) -> None:
    """Azure sends one with its filter's results; a choice without index has index 0."""
    assert BEGINNING == transcript_of(choices({"content_filter_results": {}, **delta})).names


# --- The end ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "run", "message"),
    [
        ("stop", "completed", "completed"),
        ("tool_calls", "completed", "completed"),
        ("function_call", "completed", "completed"),
        ("of_tomorrow", "incomplete", "incomplete"),
        ("length", "incomplete", "incomplete"),
        ("model_length", "incomplete", "incomplete"),
        ("content_filter", "incomplete", "incomplete"),
        ("error", "failed", "incomplete"),
        ("insufficient_system_resource", "failed", "incomplete"),
    ],
)
@pytest.mark.parametrize("last", [[DONE], []])
def test_how_an_answer_of_text_ends(reason: str, run: str, message: str, last: list[Frame]) -> None:
    """It ends as the table states, with ``[DONE]`` or without."""
    out = transcript_of(chunk(content="a"), stop(reason), *last)
    assert out.error is None
    Order().check(out, ended=True)
    assert (run, message) == (
        last_run(out).status,
        out.of(events.MessageDone)[0].message.status,
    )
    assert [not last] == [x.synthetic for x in out.of(events.Done)]
    assert reason not in FINISH_REASONS or FINISH_REASONS[reason][0] == run


def test_reasons_are_in_the_words_of_runs_and_messages() -> None:
    """Each has its own words; the error of a failed run names the reason."""
    for reason, of_run, of_message in (
        ("length", "max_completion_tokens", "max_tokens"),
        ("model_length", "max_completion_tokens", "max_tokens"),
        ("content_filter", "content_filter", "content_filter"),
    ):
        out = transcript_of(chunk(content="a"), stop(reason), DONE)
        run, (done,) = last_run(out), out.of(events.MessageDone)
        assert run.incomplete_details == models.IncompleteDetails(of_run)
        assert done.message.incomplete_details == models.IncompleteDetails(of_message)
        assert run.last_error is None
    failed = last_run(transcript_of(chunk(content="a"), stop("error"), DONE)).last_error
    assert models.LastError("error", "the answer ended with finish_reason 'error'") == failed


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "stop", "of_tomorrow"])
def test_calls_require_an_action_whatever_the_reason(reason: str) -> None:
    """An open message is closed first; the step of the calls stays open."""
    out = transcript_of(chunk(content="Let me see."), CALL, stop(reason), DONE)
    Order().check(out, ended=True)
    assert [*CLOSED, *STEP_CLOSED, "ThreadRunRequiresAction", "RunStepToolCallDone", "Done"] == (
        out.names[-8:]
    )
    action = last_run(out).required_action
    assert action is not None
    assert action.submit_tool_outputs is not None
    assert [("a", models.Function("f", "{}"))] == [
        (x.id, x.function) for x in action.submit_tool_outputs.tool_calls
    ]


@pytest.mark.parametrize(
    ("reason", "status"),
    [("length", "incomplete"), ("content_filter", "incomplete"), ("error", "failed")],
)
def test_calls_of_an_answer_that_was_cut_require_nothing(reason: str, status: str) -> None:
    """Half a call is not a call: its step is cancelled, or fails with the run."""
    out = transcript_of(
        chunk(tool_calls=[call(0, "a", name="f", arguments='{"ci')]), stop(reason), DONE
    )
    Order().check(out, ended=True)
    step = "ThreadRunStepFailed*" if status == "failed" else "ThreadRunStepCancelled*"
    assert step in out.names
    assert (status, None) == (last_run(out).status, last_run(out).required_action)


def test_an_answer_of_calls_has_no_message() -> None:
    """The chunk with the role does not open one, although it has content."""
    out = transcript_of(chunk(role="assistant", content=""), CALL, stop("tool_calls"), DONE)
    assert [] == out.of(events.ThreadMessageCreated)


def test_an_answer_of_nothing_or_of_reasoning_alone_completes() -> None:
    """There is no message."""
    assert [*BEGINNING, "ThreadRunCompleted", "RunDone", "Done"] == transcript_of(
        stop(), DONE
    ).names
    out = transcript_of(chunk(reasoning="Hm."), stop(), DONE)
    assert ["ReasoningDelta", "ReasoningDone*", "ThreadRunCompleted", "RunDone", "Done"] == (
        out.names[3:]
    )


def test_done_without_a_reason_is_the_end() -> None:
    """The server ended it; the run's end is then synthetic."""
    out = transcript_of(chunk(content="a"), DONE)
    assert ["ThreadRunCompleted*", "RunDone", "Done"] == out.names[-3:]
    assert "requires_action" == last_run(transcript_of(CALL, DONE)).status


@pytest.mark.parametrize(
    "last", [("done", {}), ("done", "[DONE]"), ("", "[DONE] "), ("x", "[DONE]"), ("", "[done]")]
)
def test_done_in_other_dress(last: Frame) -> None:
    """It may have a name, or white space around it."""
    assert ["ThreadRunCompleted", "RunDone", "Done"] == transcript_of(stop(), last).names[-3:]


@pytest.mark.parametrize("frames", [[], [chunk(content="a")], [CALL]])
def test_bytes_that_end_without_a_reason_are_incomplete(frames: list[Frame]) -> None:
    """Either the run goes on somewhere, or the connection broke."""
    out = transcript_of(*frames)
    assert isinstance(out.error, IncompleteStreamError)
    assert bool(frames) == bool(out.error.open_objects)


@pytest.mark.parametrize("reason", ["", None])
def test_an_empty_reason_is_not_a_reason(reason: str | None) -> None:
    """Some servers send one with every chunk."""
    assert isinstance(transcript_of(chunk(reason, content="a")).error, IncompleteStreamError)


def test_the_last_reason_counts_and_nothing_after_a_reason_is_lost() -> None:
    """OpenRouter sends the reason twice; other servers continue after it."""
    out = transcript_of(chunk("stop", content="a"), chunk(content="b"), CALL, stop("length"), DONE)
    Order().check(out, ended=True)
    assert "incomplete" == last_run(out).status
    assert ["ab"] == [x.message.text for x in out.of(events.MessageDone)]
    assert stop("length")[1] == out.of(events.ThreadRunIncomplete)[0].raw


def test_a_second_answer_in_the_same_body_is_not_delivered() -> None:
    """Nothing comes after ``done``, whatever is fed."""
    first = transcript_of(chunk(content="a"), stop(), DONE)
    assert first == transcript_of(
        chunk(content="a"), stop(), DONE, chunk(content="b"), stop(), DONE
    )
    glued = "\n".join([json.dumps(stop()[1]), "[DONE]", json.dumps(chunk(content="b")[1])])
    assert [*BEGINNING, "ThreadRunCompleted", "RunDone", "Done"] == transcript_of(("", glued)).names
    dialect = ChatDialect()
    assert one(dialect, stop())
    assert one(dialect, DONE)
    assert ([], [], []) == (one(dialect, chunk(content="b")), one(dialect, DONE), dialect.end())


def test_the_dialect_holds_back_only_an_ending() -> None:
    """``end()`` returns it, once; without a reason there is nothing to return."""
    dialect = make_dialect("chat")
    assert isinstance(dialect, ChatDialect)
    assert holds_back(make_dialect("chat"))
    assert [] == dialect.end()
    one(dialect, stop())
    assert ["thread.run.completed", "done"] == [x.name for x in dialect.end()]
    assert [] == dialect.end()


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("abort", "failed"),
        ("network_error", "failed"),
        ("MAX_TOKENS", "incomplete"),
        ("sensitive", "incomplete"),
        ("end_turn", "completed"),
        ("STOP", "completed"),
        ("cancelled", "cancelled"),
        ("of_tomorrow", "incomplete"),
        ({"type": "stop"}, "incomplete"),
    ],
)
def test_the_server_s_own_word_for_the_end_is_reachable_from_the_run(
    reason: Any, status: str
) -> None:
    """As sent, with other words that it has for it; a failed run names it too."""
    ending = {"delta": {}, "finish_reason": reason, "native_finish_reason": "x", "stop_reason": 5}
    out = transcript_of(chunk(content="a"), choices(ending), DONE)
    run = last_run(out)
    assert status == run.status
    assert {"finish_reason": reason, "native_finish_reason": "x", "stop_reason": 5} == run.extra
    assert (status == "failed") is (run.last_error is not None)
    assert run.last_error is None or run.last_error.code == reason
    Order().check(out, ended=True)


def test_an_unknown_word_is_the_reason_of_an_incomplete_run() -> None:
    """Nothing is called a success that may not be one."""
    out = transcript_of(chunk(content="a"), stop("of_tomorrow"), DONE)
    details = models.IncompleteDetails("of_tomorrow")
    assert details == last_run(out).incomplete_details
    assert details == out.of(events.MessageDone)[0].message.incomplete_details


@pytest.mark.parametrize("arguments", ["", "{", "null"])
def test_half_a_call_is_not_run_after_an_unknown_word(arguments: str) -> None:
    """Its arguments are not known to be whole."""
    sent = chunk(tool_calls=[call(0, "a", name="f", arguments=arguments)])
    run = last_run(transcript_of(sent, stop("of_tomorrow"), DONE))
    assert ("incomplete", None) == (run.status, run.required_action)


def test_arguments_of_a_call_without_a_name_are_not_a_success() -> None:
    """Nothing can be run, and nothing was answered."""
    sent = chunk(tool_calls=[call(0, "a", arguments="{}")])
    out = transcript_of(sent, stop("tool_calls"), DONE)
    assert "incomplete" == last_run(out).status
    every_frame_is_told(sse(sent, stop("tool_calls"), DONE), out)


@pytest.mark.parametrize("reason", ["", None, "null", "None"])
def test_done_after_no_reason_is_the_server_s_word(reason: str | None) -> None:
    """The answer is complete, and there is no word of the server's about it."""
    run = last_run(transcript_of(chunk(reason, content="a"), DONE))
    assert ("completed", {}) == (run.status, run.extra)


# --- Usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([stop(), choices(usage=USAGE), DONE], id="after the reason, as OpenAI does"),
        pytest.param([stop(), choices(usage=USAGE)], id="and then the bytes end"),
        pytest.param(
            [choices({"delta": {}, "finish_reason": "stop"}, usage=USAGE), DONE],
            id="with the reason, as Mistral does",
        ),
        pytest.param(
            [choices(usage={**USAGE, "total_tokens": 1}), stop(), choices(usage=USAGE), DONE],
            id="with every chunk, growing, as vLLM can",
        ),
        pytest.param([choices(usage=USAGE), choices(usage=None), stop(), DONE], id="null after it"),
        pytest.param([choices(x_groq={"usage": USAGE}), stop(), DONE], id="where Groq has it"),
        pytest.param(
            [choices({"delta": {}, "finish_reason": "stop", "usage": USAGE}), DONE],
            id="inside the choice, as Moonshot has it",
        ),
        pytest.param(
            [choices(usage=USAGE), choices(usage={}), stop(), DONE], id="an empty one after it"
        ),
        pytest.param([stop(), ("", {"usage": USAGE}), DONE], id="in a frame without choices"),
    ],
)
def test_usage_is_that_of_the_run(frames: list[Frame]) -> None:
    """It may be in any chunk."""
    assert (
        structure(models.Usage, USAGE) == last_run(transcript_of(chunk(content="a"), *frames)).usage
    )


def test_usage_that_was_not_sent_is_none() -> None:
    """Servers send it only if asked to."""
    assert last_run(transcript_of(choices(x_groq={"id": "x"}), stop(), DONE)).usage is None
    assert last_run(transcript_of(choices(usage={}), stop(), choices(usage={}), DONE)).usage is None


# --- Errors -----------------------------------------------------------------------------

DOWN = {"message": "It is down.", "code": 502}


@pytest.mark.parametrize(
    "frame",
    [
        ("", {"error": DOWN}),
        ("error", {"error": DOWN}),
        ("error", DOWN),
        ("", {"object": "error", **DOWN}),
        ("", {"type": "error", "error": DOWN}),
        choices(error=DOWN),
        choices({"delta": {"content": ""}, "finish_reason": "error"}, error=DOWN),
        choices({"delta": {"content": 5}}, error=DOWN),
        choices({"delta": {}, "finish_reason": "error", "error": DOWN}),
    ],
)
def test_an_error_inside_the_stream_is_delivered_and_ends_it(frame: Frame) -> None:
    """It may have any shape; how the run ended was not stated, so nothing else is delivered."""
    out = transcript_of(chunk(content="a"), frame, DONE)
    assert isinstance(out.error, ServerError)
    assert ("It is down.", "502") == (out.error.error.message, out.error.error.code)
    assert ["MessageTextDelta", "ErrorEvent"] == out.names[-2:]
    assert frame[1] == out.of(events.ErrorEvent)[0].raw


def test_what_comes_with_an_error_is_delivered_before_it() -> None:
    """OpenRouter's last chunk may have both."""
    out = transcript_of(choices({"delta": {"content": "a"}}, error=DOWN))
    assert ["MessageTextDelta", "ErrorEvent"] == out.names[-2:]


def test_an_error_may_be_a_text() -> None:
    """A gateway may send one."""
    out = transcript_of(("error", "upstream timed out"))
    assert isinstance(out.error, ServerError)
    assert "upstream timed out" == out.error.error.message


@pytest.mark.parametrize("nothing", ["", None, {}, [], False])
def test_an_error_that_is_empty_in_a_good_chunk_is_not_an_error(nothing: Any) -> None:
    """Neither beside the choices nor in one, nor in what Groq adds."""
    one_choice = {"delta": {"content": "a"}, "error": nothing}
    frame = choices(one_choice, error=nothing, x_groq={"error": nothing})
    out = transcript_of(frame, stop(), DONE)
    assert (None, "completed") == (out.error, last_run(out).status)


@pytest.mark.parametrize(
    "frame",
    [
        choices(x_groq={"error": "It is down.", "code": "502"}),
        ("", {"type": "error", "message": "It is down.", "code": "502"}),
        ("", {"code": "502", "error": "It is down."}),
        ("", {"code": "502", "message": "It is down.", "request_id": "x"}),
        choices(base_resp={"status_code": 502, "status_msg": "It is down."}),
    ],
)
def test_an_error_in_another_dress_is_one(frame: Frame) -> None:
    """Its message and its code are read."""
    for before in ([], [chunk(content="a")]):
        out = transcript_of(*before, frame, DONE)
        assert isinstance(out.error, ServerError)
        assert ("It is down.", "502") == (out.error.error.message, out.error.error.code)


LINES = [
    'error: {"message":"It is down.","code":502}',
    '{"error":{"message":"It is down.","code":502}}',
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("before", [b"", sse(chunk(content="a")), sse(chunk(content="a"), stop())])
@pytest.mark.parametrize("after", ["", "\n", "\n\n", "\n\ndata: [DONE]\n\n", "\ndata: [DONE]\n\n"])
@pytest.mark.parametrize("dialect", ["chat", "auto"])
def test_an_error_that_is_a_line_of_its_own_ends_the_stream(
    line: str, before: bytes, after: str, dialect: str
) -> None:
    """Older llama.cpp sends the field ``error:``; others forget ``data:``."""
    out = decode(before + line.encode() + after.encode(), dialect=dialect)
    assert isinstance(out.error, ServerError)
    assert ("It is down.", "502") == (out.error.error.message, out.error.error.code)
    assert "ErrorEvent" == out.names[-1]
    assert bool(before) == ("MessageTextDelta" in out.names)
    assert "Done" not in out.names
    every_frame_is_told(before, out)


def test_other_lines_that_the_standard_ignores_stay_ignored() -> None:
    """Nor are those after the end of interest."""
    good = sse(chunk(content="a"), stop(), DONE)
    out = decode(b"foo: 1\n\n" + good, dialect="chat")
    assert (None, "Done") == (out.error, out.names[-1])
    dialect = ChatDialect()
    one(dialect, stop())
    one(dialect, DONE)
    assert [] == dialect.ignored([IgnoredLine(0, "error: x")])
    out = decode(b"error: x\n\n" + sse(("response.created", {})), dialect="responses")
    assert not isinstance(out.error, ServerError)


# --- What has no counterpart ------------------------------------------------------------


def test_other_choices_are_extension_events() -> None:
    """Choice 0 is the answer, also where another one comes first, ends first, or ends last."""
    other = {"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}
    both = choices(other, {"index": 0, "delta": {"content": "a"}})
    out = transcript_of(choices(other), both, stop(), choices(other), DONE)
    Order().check(out, ended=True)
    assert [("chat.completion.chunk.choice", other)] * 3 == extensions(out)
    assert both[1] == out.of(events.ExtensionEvent)[1].raw
    assert ("completed", ["a"]) == (
        last_run(out).status,
        [x.message.text for x in out.of(events.MessageDone)],
    )
    assert isinstance(transcript_of(choices(other)).error, IncompleteStreamError)
    lone = "", {"id": "x", "choices": other}
    assert [("chat.completion.chunk.choice", other)] == extensions(transcript_of(lone))


def test_sound_images_and_moderation_are_extension_events() -> None:
    """Each has its part of the chunk as data."""
    sound, images = {"id": "x", "data": "AA=="}, [{"type": "image_url"}]
    checked: dict[str, Any] = {"input": {}}
    out = transcript_of(
        chunk(audio=sound), chunk(images=images), stop(), choices(moderation=checked), DONE
    )
    assert [
        ("chat.completion.chunk.audio", sound),
        ("chat.completion.chunk.images", images),
        ("chat.completion.chunk.moderation", checked),
    ] == extensions(out)
    Order().check(out, ended=True)


def test_cited_pages_beside_the_choices_annotate_the_text() -> None:
    """Perplexity has them in every chunk."""
    frame = choices({"delta": {"content": "a"}}, citations=["https://a.example"])
    out = transcript_of(frame, frame, stop(), DONE)
    (event,) = out.of(events.MessageAnnotation)
    assert "https://a.example" == event.annotation.url_citation.url


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (("", {"type": "ping"}), "ping"),
        (("ping", {"type": "x"}), "ping"),
        (("ping", "now"), "ping"),
        (("", {"object": "of.tomorrow"}), "of.tomorrow"),
        (("", {"type": 5, "error": None}), "message"),
        (("message", [1]), "message"),
        (("", {}), "message"),
        (("", 5), "message"),
    ],
)
def test_what_is_not_a_chunk_is_an_unknown_event(frame: Frame, name: str) -> None:
    """It changes nothing, wherever it comes."""
    around = [chunk(content="a"), stop()]
    out = transcript_of(frame, around[0], frame, around[1], frame, DONE)
    unknown = out.of(events.UnknownEvent)
    assert [(name, frame[1])] * 3 == [(x.event, x.data) for x in unknown]
    rest = [x for x in out.names if x != "UnknownEvent"]
    assert rest == transcript_of(*around, DONE).names


def test_comments_and_names_of_frames_change_nothing() -> None:
    """This covers OpenRouter's comments, a name that all chunks have, and CRLF."""
    frames = [chunk(content="a"), stop(), DONE]
    named = [("chat.completion.chunk", sent) for _, sent in frames]
    data = b": PROCESSING\r\n\r\n" + sse(*named, end="\r\n")
    assert transcript_of(*frames) == decode_any_way(data)


@pytest.mark.parametrize("data", ["ping", "heartbeat", " keep-alive"])
def test_a_bare_word_is_a_heartbeat(data: str) -> None:
    """It is an unknown event."""
    out = transcript_of(("", data), chunk(content="a"), stop(), DONE)
    assert [("message", data)] == [(x.event, x.data) for x in out.of(events.UnknownEvent)]
    assert out.error is None


# --- Answers in other forms -------------------------------------------------------------


def test_a_whole_message_in_a_stream_is_the_answer() -> None:
    """Some servers only pretend to stream."""
    message = {"role": "assistant", "content": "Hello", "tool_calls": [call(0, "a", name="f")]}
    one_choice = {"index": 0, "message": message, "finish_reason": "stop"}
    frame = "", {"id": "x", "object": "chat.completion", "choices": [one_choice]}
    out = transcript_of(frame, DONE)
    assert ["Hello"] == [x.message.text for x in out.of(events.MessageDone)]
    assert [("a", "f", "")] == calls_of(out)
    Order().check(out, ended=True)


def test_a_message_beside_deltas_adds_what_is_missing() -> None:
    """Perplexity repeats all of the answer so far in every chunk."""

    def both(delta: str, so_far: str) -> Frame:
        return choices({"delta": {"content": delta}, "message": {"content": so_far}})

    out = transcript_of(both("He", "He"), both("", "Hello"), both("!", "Hello!"), stop(), DONE)
    assert ["Hello!"] == [x.message.text for x in out.of(events.MessageDone)]


def test_the_texts_of_completions_are_the_answer() -> None:
    """This is the wire before this one."""
    frames = [("", {"object": "text_completion", "choices": [{"text": x}]}) for x in ("Hel", "lo")]
    last = "", {"object": "text_completion", "choices": [{"text": "", "finish_reason": "stop"}]}
    for dialect in ("chat", "auto"):
        out = decode(sse(*frames, last, DONE), dialect=dialect)
        assert ["Hello"] == [x.message.text for x in out.of(events.MessageDone)]
        assert "completed" == last_run(out).status


def test_the_messages_of_old_azure_are_the_answer() -> None:
    """What the tool says is kept apart, by the number of the message."""

    def azure(*messages: Any, reason: str | None = None) -> Frame:
        return "", {"id": "x", "choices": [{"messages": [*messages], "finish_reason": reason}]}

    out = transcript_of(
        azure({"index": 0, "delta": {"role": "tool", "content": "cited"}}),
        azure({"index": 1, "delta": {"content": "Hel"}}, {"index": 0, "delta": {"content": "!"}}),
        azure({"index": "1", "delta": {"content": "lo"}}, {"index": 1}),
        azure({"index": 1, "delta": {}, "end_turn": True}, reason="stop"),
        DONE,
    )
    assert ["Hello"] == [x.message.text for x in out.of(events.MessageDone)]
    told = [x for x in extensions(out) if x[0].endswith(".tool")]
    assert ["cited", "!"] == [data for _, data in told]


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({"message": 5}, "message: 5 is not an object"),
        ({"message": {"content": 5}}, "message.content: 5 is not a list"),
        ({"message": {"refusal": 5}}, "message.refusal: 5 is not a string"),
        ({"messages": [{"delta": 5}]}, "messages[0]: 5 is not an object"),
        ({"messages": [5]}, "messages[0]: 5 is not an object"),
        ({"text": 5}, "text: 5 is not a string"),
        ({"text": ["a"], "delta": {}}, "text: a list is not a string"),
    ],
)
def test_another_form_that_cannot_be_read_is_refused(choice: dict[str, Any], path: str) -> None:
    """It could be the answer."""
    out = transcript_of(choices(choice), DONE)
    assert isinstance(out.error, DecodeError)
    assert (f"$.choices[0].{path}",) == out.error.paths


# --- Nothing is lost in silence ---------------------------------------------------------


def every_frame_is_told(data: bytes, out: Transcript) -> None:
    """Check that every JSON frame of DATA is the raw of some event."""
    raws = [x.raw for x in out.of(events.WireEvent)]
    lines = [line[6:] for line in data.decode().splitlines() if line.startswith("data: {")]
    assert [] == [sent for sent in map(json.loads, lines) if sent not in raws]


@pytest.mark.parametrize(
    "frame",
    [
        chunk(role="assistant"),
        chunk(),
        chunk(content=""),
        choices(usage=USAGE),
        choices(),
        chunk(reasoning_details=[{"type": "reasoning.encrypted", "data": "X"}]),
        chunk(reasoning_opaque="X"),
        chunk(tool_calls=[{"index": 0, "id": "a"}]),
        choices({"content_filter_offsets": {"start_offset": 1}}),
        choices({"delta": {}, "content_filter_results": {}}),
    ],
)
def test_a_chunk_that_gives_no_other_event_is_an_extension_event(frame: Frame) -> None:
    """Empty deltas, a role, usage alone, what is opaque."""
    out = transcript_of(chunk(content="a"), frame, stop(), DONE)
    (event,) = out.of(events.ExtensionEvent)
    assert frame[1] == event.raw
    assert event.event.startswith("chat.completion.chunk")


def test_of_several_endings_only_the_last_is_the_run_s() -> None:
    """The others are extension events; so is an ending that an error follows."""
    data = sse(stop("length"), chunk(), stop("length"), stop(), DONE)
    out = decode(data, dialect="chat")
    every_frame_is_told(data, out)
    assert [chunk()[1], stop("length")[1]] == [x.raw for x in out.of(events.ExtensionEvent)]
    failed = sse(chunk(content="a"), stop("error"), ("", {"error": DOWN}))
    every_frame_is_told(failed, decode(failed, dialect="chat"))
    twice = sse(chunk(content="a"), stop("length"), stop("length"), stop(), DONE)
    every_frame_is_told(twice, decode(twice, dialect="chat"))


@each_recording
def test_of_a_recording_nothing_is_lost(wire: Path, name: str) -> None:
    """Every frame is the raw of an event."""
    data = (wire / name).read_bytes()
    every_frame_is_told(data, decode(data, dialect="chat"))


def more_recordings(wire: Path) -> list[Path]:
    """Return further recordings of this wire."""
    return sorted((wire / "more" / "chat").glob("*.sse"))


@pytest.mark.no_cover
def test_further_recordings_are_runs_of_which_nothing_is_lost(wire: Path) -> None:
    """In order, created and done once; the deltas are the final text; detected as this wire."""
    for path in more_recordings(wire):
        data = path.read_bytes()
        out = decode(data, dialect="chat")
        assert out == decode(random_pieces(data, 1), dialect="chat")
        assert out == decode(data, dialect="auto")
        every_frame_is_told(data, out)
        failed = isinstance(out.error, ServerError)
        assert failed or out.error is None
        Order().check(out, ended=not failed)
        told = "".join(x.delta.value for x in out.of(events.MessageTextDelta))
        assert failed or told == "".join(x.message.text for x in out.of(events.MessageDone))


DELTAS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["assistant", "tool", ""]),
        "content": st.sampled_from(["", "a", None, [{"type": "reference"}], [{"text": "b"}]]),
        "reasoning": st.sampled_from(["", "c"]),
        "reasoning_details": st.just([{"type": "reasoning.encrypted", "data": "X"}]),
        "refusal": st.sampled_from(["", "d"]),
        "tool_calls": st.lists(
            st.builds(
                call,
                st.none() | st.integers(0, 2),
                st.sampled_from([None, "a", "b"]),
                name=st.sampled_from([None, "f", "g"]),
                arguments=st.sampled_from([None, "", "{", "}", "{}"]),
            ),
            max_size=2,
        ),
        "annotations": st.just([{"type": "x"}]),
        "context": st.just({}),
    },
)
ENDINGS = st.sampled_from([None, None, None, None, "stop", "length", "error", "of_tomorrow"])
FRAMES = st.one_of(
    st.builds(lambda delta, reason: chunk(reason, **delta), DELTAS, ENDINGS),
    st.builds(
        lambda delta, reason: choices({"message": delta, "finish_reason": reason}), DELTAS, ENDINGS
    ),
    st.sampled_from(
        [
            choices(),
            choices(usage=USAGE),
            choices({"index": 1, "delta": {"content": "x"}}),
            ("", {"type": "ping"}),
        ]
    ),
)


@given(st.lists(FRAMES, max_size=8), st.booleans())
def test_of_any_stream_nothing_is_lost_and_calls_are_done_whole(
    frames: list[Frame],
    done: bool,
) -> None:
    """Each frame gives an event; every required call was done, in any order; order is kept."""
    data = sse(*frames, *[DONE] * done)
    out = decode(data, dialect="chat")
    every_frame_is_told(data, out)
    if out.error is None and "ThreadRunCreated" in out.names:
        Order().check(out, ended=True)
        action = last_run(out).required_action
        if action is not None and action.submit_tool_outputs is not None:
            required = [x.id for x in action.submit_tool_outputs.tool_calls]
            done_calls = [x.tool_call.id for x in out.of(events.RunStepToolCallDone)]
            assert sorted(required) == sorted(done_calls)
            assert len(required) == len(set(required))


# --- Frames that are more or less than one chunk ----------------------------------------


def test_a_chunk_in_several_lines_is_one() -> None:
    """The standard says so."""
    frames = [("", json.dumps(sent, indent=1)) for _, sent in (chunk(content="a"), stop())]
    assert transcript_of(chunk(content="a"), stop(), DONE) == transcript_of(*frames, DONE)


def test_lines_that_are_chunks_are_read_one_by_one() -> None:
    """The events before a bad line are delivered, and the error states what is wrong."""
    good, bad = json.dumps(chunk(content="a")[1]), '{"choices": [}'
    out = transcript_of(("", f"{good}\n\n{good}\n{bad}\n{good}"), DONE)
    assert ["MessageTextDelta"] * 2 == [x for x in out.names if x == "MessageTextDelta"]
    assert isinstance(out.error, DecodeError)
    assert "a line of the data is not JSON: " in str(out.error)
    out = transcript_of(("", good), ("", f"[DONE]\n{good}"))
    assert (1, "Done") == (out.names.count("MessageTextDelta"), out.names[-1])


@pytest.mark.parametrize("data", ["{", "a\nb", '{"a":\n1', "1\n2"])
@pytest.mark.parametrize("name", ["", "message", "chat.completion.chunk"])
def test_what_is_not_json_is_refused(name: str, data: str) -> None:
    """The error has the frame and its offset."""
    out = transcript_of(chunk(content="a"), (name, data), DONE)
    assert isinstance(out.error, DecodeError)
    assert (data, len(sse(chunk(content="a")))) == (out.error.frame, out.error.offset)
    assert str(out.error).startswith("the data is not JSON: ")


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"choices": 5}, "$.choices: 5 is not a list"),
        ({"choices": [5]}, "$.choices[0]: 5 is not an object"),
        ({"choices": [{"index": "x"}]}, "$.choices[0].index: 'x' is not an integer"),
        ({"choices": [{"delta": []}]}, "$.choices[0].delta: a list is not an object"),
        (
            {"choices": [{"index": 1}, {"delta": {"content": [5]}}]},
            "$.choices[1].delta.content[0]: 5 is not an object",
        ),
        (
            {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": 5}}]}}]},
            "$.choices[0].delta.tool_calls[0].function.arguments: 5 is not a string",
        ),
    ],
)
def test_a_bad_chunk_is_refused_with_the_path_of_what_is_bad(
    sent: dict[str, Any], path: str
) -> None:
    """The events before it are delivered."""
    out = transcript_of(chunk(content="a"), ("", {"choices": [], **sent}), DONE)
    assert isinstance(out.error, DecodeError)
    assert (path,) == out.error.paths
    assert "MessageTextDelta" == out.names[-1]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["index", "id", "type", "text", "content", "function", "error"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)

#: A chunk with every field that is read.
EVERYTHING: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "a",
                "refusal": "b",
                "reasoning_content": "c",
                "reasoning": "d",
                "reasoning_details": [{"type": "reasoning.summary", "summary": "e"}],
                "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
                "tool_calls": [
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 0, "type": "custom", "custom": {"name": "g", "input": "i"}},
                ],
                "function_call": {"name": "f", "arguments": "{}"},
                "audio": {},
                "images": [],
            },
            "finish_reason": "tool_calls",
            "error": None,
        }
    ],
    "usage": USAGE,
    "citations": ["u"],
    "moderation": {},
    "error": None,
    "x_groq": {"usage": USAGE},
}

#: The paths of all values in it, and of itself.
PLACES = [(), *places(EVERYTHING)]


@given(
    st.lists(st.tuples(st.sampled_from([(), *places(EVERYTHING)]), JUNK), min_size=1, max_size=4)
)
def test_any_chunk_is_delivered_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Whatever value replaces another, only errors of the stream are raised."""
    frames = [("", replaced(EVERYTHING, *change)) for change in changes]
    out = transcript_of(("", EVERYTHING), *frames, DONE)
    assert isinstance(out.error, DecodeError | ServerError | None)
    if out.error is None:
        Order().check(out, ended=True)


@given(st.data())
@pytest.mark.no_cover
def test_any_mutation_of_a_recording_is_delivered_or_refused(
    wire: Path, data: st.DataObject
) -> None:
    """This is as above, with what servers really send, and bytes lost and doubled."""
    name = data.draw(st.sampled_from(sorted(RECORDED)))
    sent = (wire / name).read_bytes()[-3000:]
    start = data.draw(st.integers(0, len(sent)))
    end = data.draw(st.integers(start, len(sent)))
    patch = data.draw(st.binary(max_size=4) | st.just(sent[start:end] * 2))
    out = decode(sent[:start] + patch + sent[end:], dialect="chat")
    assert out.events is not None


@given(st.sampled_from(["", "message", "error", "done", "x"]), JUNK.map(json.dumps) | st.text())
def test_any_frame_is_delivered_or_refused(name: str, text: str) -> None:
    """The dialect alone raises one kind of error."""
    try:
        found = list(ChatDialect().decode(ServerSentEvent(name, text, 0)))
    except DecodeError:
        return
    assert all(issubclass(x.event_class, events.WireEvent) for x in found)


# --- A loop of tools --------------------------------------------------------------------


def next_stream(dialect: ChatDialect, snapshots: Snapshots, *frames: Frame) -> Transcript:
    """Decode the next stream of a tool loop."""
    decoder, out = EventDecoder(dialect, snapshots=snapshots), Transcript()
    decoder.feed(sse(*frames))
    decoder.close()
    drain(decoder, out)
    return out


def test_a_loop_of_tools_is_one_run() -> None:
    """The outputs complete the step; queued, in progress and the answer follow; usage adds up."""
    dialect, snapshots = ChatDialect(), Snapshots()
    used = choices(usage=USAGE)
    first = next_stream(dialect, snapshots, CALL, stop("tool_calls"), used, DONE)
    assert "requires_action" == last_run(first).status
    assert structure(models.Usage, USAGE) == dialect.usage == last_run(first).usage
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    }
    assert message == dialect.assistant_message

    dialect.resume({"a": "42"})
    frames = [chunk(content="It is 42."), stop(), choices(usage={"total_tokens": 7}), DONE]
    second = next_stream(dialect, snapshots, *frames)
    assert [
        "ThreadRunStepCompleted*",
        "RunStepDone",
        "ThreadRunQueued*",
        "ThreadRunInProgress",
    ] == (second.names[:4])
    details = second.of(events.ThreadRunStepCompleted)[0].data.step_details
    assert ["42"] == [x.function.output for x in details.tool_calls]
    run = last_run(second)
    assert {"finish_reason": "stop"} == run.extra
    assert {} == second.of(events.ThreadRunQueued)[0].data.extra
    assert (last_run(first).id, "completed") == (run.id, run.status)
    assert run.usage is not None
    assert (12, 2) == (run.usage.total_tokens, run.usage.prompt_tokens)
    assert second.of(events.ThreadRunQueued)[0].data.usage is None
    assert {"role": "assistant", "content": "It is 42."} == dialect.assistant_message
    check_transcript([*first.events, *second.events], ended=True)


def test_streams_of_a_loop_have_messages_and_steps_of_their_own() -> None:
    """This holds even if a server gives all its answers one id."""
    dialect, snapshots = ChatDialect(), Snapshots()
    for _ in range(3):
        next_stream(dialect, snapshots, chunk(content="a"), CALL, stop("tool_calls"), DONE)
        dialect.resume({"a": "42"})
    assert ["msg_chatcmpl_1", "msg_chatcmpl_1_1", "msg_chatcmpl_1_2"] == [
        x.id for x in snapshots.messages
    ]
    assert 6 == len({x.id for x in snapshots.run_steps})
    out = next_stream(dialect, snapshots, DONE)
    assert ["ThreadRunStepCompleted*", "RunStepDone", "Done"] == out.names


# --- What can come again ----------------------------------------------------------------


def repeats_after(*frames: Frame) -> tuple[Repeats | None, ChatDialect]:
    """Decode FRAMES; return what is said of the last one."""
    dialect, last = ChatDialect(), None
    for name, sent in frames:
        *_, last = dialect.decode(ServerSentEvent(name, json.dumps(sent), 0))
    assert last is not None
    return dialect.repeats(last), dialect


@pytest.mark.parametrize(
    ("frames", "name", "expected"),
    [
        ([chunk(content="a")], "content", {"content": "ab"}),
        (
            [
                chunk(tool_calls=[call(0, "a", name="f", arguments="")]),
                chunk(tool_calls=[call(0, arguments="a")]),
            ],
            "arguments",
            {"tool_calls": [{"id": "a", "type": "function", "function": {"arguments": "ab"}}]},
        ),
        ([CALL, chunk(reasoning_content="a")], "reasoning_content", {"reasoning_content": "ab"}),
        ([CALL, chunk(reasoning="a")], "reasoning", {"reasoning": "ab"}),
    ],
)
def test_a_piece_of_a_text_can_come_again(
    frames: list[Frame], name: str, expected: dict[str, Any]
) -> None:
    """What keeps the piece does what its chunk would do, and writes nothing."""
    repeats, dialect = repeats_after(*frames)
    assert repeats is not None
    assert repeats.grow is not None
    repeats.grow("b")
    assert (DeltaRow(name), None, None) == (repeats.row, repeats.counter, repeats.take)
    message = dialect.assistant_message
    for key, value in expected.items():
        if key == "tool_calls":
            assert "ab" == message[key][0]["function"]["arguments"]
        else:
            assert value == message[key]


def test_reasoning_that_no_server_wants_back_is_kept_by_its_snapshot() -> None:
    """There is nothing else to grow."""
    repeats, _ = repeats_after(chunk(thinking="a"))
    assert (DeltaRow("thinking"), None, None, None) == repeats


def total_of(dialect: ChatDialect) -> int:
    """Return how many tokens were used."""
    assert dialect.usage is not None
    return dialect.usage.total_tokens


def test_a_usage_in_each_chunk_is_taken_from_each() -> None:
    """The last one counts."""
    name, sent = chunk(content="a")
    repeats, dialect = repeats_after((name, {**sent, "usage": USAGE}))
    assert repeats is not None
    assert repeats.take is not None
    for sent, total in (({**USAGE, "total_tokens": 9}, 9), ({"total_tokens": 0}, 9), (USAGE, 5)):
        repeats.take(sent)
        assert total == total_of(dialect)
    dialect.decode(ServerSentEvent("", json.dumps(choices(usage={"total_tokens": 7})[1]), 0))
    assert 7 == total_of(dialect)
    dialect.resume({})
    repeats.take(USAGE)
    assert 7 + 5 == total_of(dialect)


def test_a_chunk_that_is_more_than_a_piece_does_not_come_again() -> None:
    """Nor do arguments of a call that is not begun, nor a text in which a half waits."""
    assert repeats_after(chunk(refusal="a"))[0] is None
    assert repeats_after(chunk(content="\ud83d"))[0] is None
    assert repeats_after(CALL, chunk(tool_calls=[call(1, arguments="a")]))[0] is None
