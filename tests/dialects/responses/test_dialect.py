"""Decoding the Responses wire: the table, the recordings, the traps."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import DeltaRow, Repeats, make_dialect
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.dialects.responses.event_table import ALIASES, ROWS
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    ServerError,
    StreamError,
    UnknownWireError,
)
from stream_core.sse import ServerSentEvent
from tests.support.frames import (
    DONE,
    Transcript,
    decode_every_way,
    decode_with,
    frame,
    sse,
)
from tests.support.responses_frames import (
    COMPLETED,
    CREATED,
    END,
    added,
    arguments,
    check_order,
    decode,
    decode_in_order,
    decode_response,
    done,
    event,
    last_run,
    messages,
    response,
    said,
    steps,
    text,
    text_part,
    transcript_of,
    unofficial,
    wire_names,
)

if TYPE_CHECKING:
    from tests.support.frames import Frame

#: The recordings that are Responses streams.
FOLDERS = ("responses/*.sse", "servers/*_responses_*.sse", "servers/agentserver_*.sse")

#: Bodies of answers that are not event streams.
NO_STREAMS = ("aimock_responses_boom.sse", "llamacpp_responses_badrequest.sse")

#: Streams that end too early.
CUT = ("aimock_responses_cut.sse",)

#: Streams that begin in the middle of a text.
RESUMED = ("agentserver_replay_after5.sse",)

#: Values that the official client's Assistants classes refuse, and the servers that send them:
#: statuses and fields are what those servers send, or leave out.
UNOFFICIAL = {
    "truncation_strategy.type": "Responses say disabled where Assistants say auto",
    "created_at": "llama.cpp begins without a date, and a resumed stream without a response",
    "parallel_tool_calls": "aimock and llama.cpp leave it out",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that take ``path`` for every recording; without recordings they are skipped."""
    if "path" in metafunc.fixturenames:
        folder = Path(str(metafunc.config.getoption("--wire")))
        paths = sorted({path for pattern in FOLDERS for path in folder.glob(pattern)})
        paths = [path for path in paths if path.name not in NO_STREAMS]
        metafunc.parametrize("path", paths, ids=[path.name for path in paths])


def frames_of(path: Path) -> list[Any]:
    """Return the JSON of every frame, read without the decoder."""
    lines = path.read_text("utf-8").split("\n")
    data = [x.removeprefix("data:").strip() for x in lines if x.startswith("data:")]
    return [json.loads(x) for x in data if x != "[DONE]"]


# --- The table --------------------------------------------------------------------------


def test_the_dialect_has_its_name() -> None:
    """``Stream(..., dialect="responses")``."""
    assert isinstance(make_dialect("responses"), ResponsesDialect)


@pytest.mark.parametrize("name", sorted(x for x in ROWS if ROWS[x].method == "_extension"))
def test_what_has_no_counterpart_is_an_extension_event(name: str) -> None:
    """The event has the frame's name and all of its JSON; nothing in it is examined."""
    sent = {"type": name, "delta": 5, "item": None, "part": []}
    came = decode_response(CREATED, (name, sent), COMPLETED)
    (found,) = came.of(events.ExtensionEvent)
    assert (name, sent, sent, False) == (found.event, found.data, found.raw, found.synthetic)


@pytest.mark.parametrize("name", ["response.of_tomorrow", "thread.message.delta", "keepalive"])
@pytest.mark.parametrize("named", [True, False])
def test_a_type_that_is_not_in_the_table_is_an_unknown_event(name: str, *, named: bool) -> None:
    """This holds whatever it contains, with its ``event:`` line or without."""
    sent = {"type": name, "error": "not ours"}
    came = decode_response(CREATED, (name if named else "", sent), COMPLETED)
    (found,) = came.of(events.UnknownEvent)
    assert (name, sent, sent) == (found.event, found.data, found.raw)


# --- Recordings -------------------------------------------------------------------------


@pytest.mark.no_cover
def test_a_recording_is_in_order_and_fails_only_if_truncated(path: Path) -> None:
    """That it is the same however it is cut, tests/whole has for all wires."""
    data = path.read_bytes()
    if path.parent.name == "servers":  # which it has not
        came = decode_every_way(data, dialect="responses", seeds=range(1))
    else:
        came = decode_with(EventDecoder("responses"), [data])
    check_order(came.events, ended=came.error is None)
    assert (path.name in CUT) == isinstance(came.error, IncompleteStreamError)
    assert came.error is None or path.name in CUT


def test_every_frame_of_a_recording_has_one_event_of_its_own(path: Path) -> None:
    """Its JSON is the ``raw`` of one event that is not synthetic; synthetic ones have no raw."""
    came = decode_recording(path)
    sent = [x for x in came.of(events.WireEvent) if not x.synthetic]
    assert frames_of(path) == [x.raw for x in sent]
    assert {None} >= {x.raw for x in came.of(events.WireEvent) if x.synthetic}


def decode_recording(path: Path) -> Transcript:
    """Decode a recording whole."""
    return decode_in_order(EventDecoder("responses"), path.read_bytes())


def test_the_deltas_of_a_recording_are_its_final_text(path: Path) -> None:
    """Joined, the pieces are the text of the last event; so are the arguments of calls."""
    came = decode_recording(path)
    for message in messages(came):
        if path.name in RESUMED:
            assert message.text.endswith(said(came, message.id))
        else:
            assert message.text == said(came, message.id)
    final = frames_of(path)[-1].get("response", {}).get("output", [])
    texts = [
        y["text"] for x in final if x["type"] == "message" for y in x["content"] if "text" in y
    ]
    assert (
        texts == [part.text.value for x in messages(came) for part in text_parts(x)][: len(texts)]
    )


def text_parts(message: models.Message) -> list[models.TextContentBlock]:
    """Return the text parts of MESSAGE."""
    return [part for part in message.content if isinstance(part, models.TextContentBlock)]


def test_the_calls_of_a_recording_are_what_the_run_requires(path: Path) -> None:
    """Ids, names and arguments are those of the response, in its order."""
    came = decode_recording(path)
    final = frames_of(path)[-1].get("response", {}).get("output", [])
    expected = [
        (x["call_id"], x["name"], x["arguments"]) for x in final if x["type"] == "function_call"
    ]
    required = last_run(came).required_action
    calls = (
        []
        if required is None or required.submit_tool_outputs is None
        else [
            (x.id, x.function.name, x.function.arguments)
            for x in required.submit_tool_outputs.tool_calls
        ]
    )
    assert expected == calls


def test_the_usage_of_a_recording_is_the_response_s(path: Path) -> None:
    """It has the names of the Assistants wire; a run that requires an action has it too."""
    came = decode_recording(path)
    run, sent = last_run(came), frames_of(path)[-1].get("response", {}).get("usage")
    if sent:
        assert run.usage is not None
        assert [sent[x] for x in ("input_tokens", "output_tokens", "total_tokens")] == [
            run.usage.prompt_tokens,
            run.usage.completion_tokens,
            run.usage.total_tokens,
        ]
    else:
        assert run.usage is None


def test_a_recording_is_what_the_official_client_s_classes_accept(path: Path) -> None:
    """Exceptions are values that they do not know, and fields that the server leaves out."""
    if path.name in ("agentserver_cite.sse", "agentserver_mcp.sse"):
        pytest.skip("url_citation and mcp are Azure's, and not in those classes")
    assert unofficial(decode_recording(path).events) <= UNOFFICIAL.keys()


@pytest.mark.parametrize("name", [*NO_STREAMS, "fakeai_responses.sse"])
def test_an_answer_that_is_not_an_event_stream_is_refused(
    name: str, pytestconfig: pytest.Config
) -> None:
    """A JSON body is not a line of an event stream, and does not count as silence."""
    folder = Path(str(pytestconfig.getoption("--wire")))
    if not (folder / "servers" / name).exists():
        pytest.skip("no recordings")
    came = decode_in_order(EventDecoder("responses"), (folder / "servers" / name).read_bytes())
    assert isinstance(came.error, UnknownWireError)
    assert [] == came.events


#: Recordings whose deltas somebody shortened: the final text is another one.
ABRIDGED = ("vercel_openai_openai-shell-container.1.sse",)

#: Recordings of servers that do not agree with themselves, and of errors.
MORE = "more/responses/*.sse"


def recordings_in(wire: Path) -> list[Path]:
    """Return the recordings that are read where they lie."""
    return sorted(wire.glob(MORE))


@pytest.mark.no_cover
def test_more_recordings_lose_nothing_and_tell_nothing_twice(wire: Path) -> None:
    """Delta text equals final text, created and done come once, and each frame has its event."""
    paths = recordings_in(wire)
    if not paths:
        pytest.skip("no recordings of this kind")
    for path in paths:
        came = decode_with(EventDecoder("responses"), [path.read_bytes()])
        assert (came.error is None) == (path.name != "vercel_openai_openai-error.1.sse"), path.name
        if came.error is None:
            check_order(came.events, ended=True)
        assert frames_of(path) == [x.raw for x in came.of(events.WireEvent) if not x.synthetic], (
            path.name
        )
        for message in messages(came):
            assert (path.name in ABRIDGED) == (message.text != said(came, message.id)), path.name
        begun = [(x.message_id, x.index) for x in came.of(events.MessageTextCreated)]
        ended = [(x.message_id, x.index) for x in came.of(events.MessageTextDone)]
        assert sorted(begun) == sorted(set(ended)), path.name
        assert sorted(ended) == sorted(set(begun)), path.name
        calls = [x.tool_call.id for x in came.of(events.RunStepToolCallDone)]
        assert len(calls) == len(set(calls)), path.name
        final = [x["text"] for item in frames_of(path)[-1].get("response", {}).get("output", [])
                 if item["type"] == "message" for x in item["content"] if "text" in x]  # fmt: skip
        assert "".join(final) == "".join(x.text for x in messages(came)), path.name


def test_a_recording_from_bedrock_with_content_index_1_has_its_text_once(wire: Path) -> None:
    """It has 46 characters, in one part."""
    path = wire / "more" / "responses" / "rubyllm_bedrock_mantle_content_index_1.sse"
    if not path.exists():
        pytest.skip("no such recording")
    came = decode_recording(path)
    (message,) = messages(came)
    assert (46, 46, 1) == (len(message.text), len(said(came, message.id)), len(message.content))


# --- The run ----------------------------------------------------------------------------


def test_a_response_is_a_run() -> None:
    """Its id is the run's; the thread has an id, and ``done`` is last."""
    came = decode_response(CREATED, response("in_progress"), COMPLETED)
    assert ["run.created", "run.queued*", "run.in_progress", *END] == wire_names(came)
    run = last_run(came)
    assert ("resp_1", "thread_resp_1", "completed") == (run.id, run.thread_id, run.status)
    assert "queued" == came.events[0].data.status  # type: ignore[attr-defined]  # a run's event
    assert came.error is None


def test_a_response_in_the_background_is_queued_by_its_own_event() -> None:
    """No event is made up if the server sends it."""
    created = response("created", status="queued")
    came = decode_response(created, response("queued"), response("in_progress"), COMPLETED)
    assert ["run.created", "run.queued", "run.in_progress", *END] == wire_names(came)
    assert ["run.created", "run.queued*", "run.in_progress*", *END] == wire_names(
        decode_response(created, COMPLETED)
    )


def test_what_is_sent_again_changes_nothing() -> None:
    """llama.cpp repeats in_progress while it reads the prompt; that is an extension event."""
    again = [response(x) for x in ("created", "queued", "in_progress", "in_progress")]
    came = decode_response(CREATED, *again, COMPLETED)
    assert [
        "run.created",
        "run.queued*",
        "response.created",
        "response.queued",
        "run.in_progress",
        "response.in_progress",
        *END,
    ] == wire_names(came)


def test_the_run_keeps_the_ids_that_it_began_with() -> None:
    """GitHub Copilot changes the response's id at every event."""
    came = decode_response(
        CREATED,
        response("in_progress", "resp_2", conversation={"id": "conv_1"}),
        response("completed", "resp_3"),
    )
    runs = [x.data for x in came.of(events.WireEvent) if isinstance(x.data, models.Run)]
    assert {("resp_1", "thread_resp_1")} == {(x.id, x.thread_id) for x in runs}


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_thread_and_assistant_are_the_conversation_and_the_agent(conversation: object) -> None:
    """They are those that the response names; the ones that the caller passes count more."""
    agent = {"type": "agent_reference", "name": "helper"}
    created = response("created", conversation=conversation, agent_reference=agent)
    run = last_run(decode_response(created, COMPLETED))
    assert ("conv_1", "helper") == (run.thread_id, run.assistant_id)
    dialect = ResponsesDialect(thread_id="thread_1", assistant_id="asst_1")
    run = last_run(decode_response(created, COMPLETED, dialect=dialect))
    assert ("thread_1", "asst_1") == (run.thread_id, run.assistant_id)


@pytest.mark.parametrize(
    ("first", "run_id"),
    [
        (text("a"), "run_item_1"),
        (added("message"), "run_1"),
        (event("output_text.delta", delta="a", response_id="resp_9"), "resp_9"),
        (event("audio.delta", delta="a"), "run_1"),
    ],
    ids=str,
)
def test_a_stream_that_begins_in_the_middle_announces_its_run(first: Frame, run_id: str) -> None:
    """It has the best id that the first frame offers; the response's id comes too late."""
    came = decode_response(first, response("completed", conversation="conv_1"))
    run = last_run(came)
    assert (run_id, f"thread_{run_id}") == (run.id, run.thread_id)
    assert ["run.created*", "run.queued*", "run.in_progress*"] == wire_names(came)[:3]
    dialect = ResponsesDialect(response_id="resp_5")
    assert "resp_5" == last_run(decode_response(first, COMPLETED, dialect=dialect)).id


def test_a_response_that_ends_at_once_is_complete() -> None:
    """The last event carries all of it."""
    output = [{"type": "message", "id": "msg_1", "content": [text_part("Hi.")]}]
    came = decode_response(response("completed", output=output))
    assert ["Hi."] == [x.text for x in messages(came)]
    assert "Hi." == said(came, "msg_1")


# --- The end ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
@pytest.mark.parametrize("name", ["completed", "incomplete", "failed", "cancelled"])
def test_the_status_of_the_response_overrides_the_name_of_the_event(name: str, status: str) -> None:
    """Servers send ``response.completed`` for a failed response; without status the name counts."""
    assert status == last_run(decode_response(CREATED, response(name, status=status))).status
    for none in (None, "in_progress"):
        assert name == last_run(decode_response(CREATED, response(name, status=none))).status


@pytest.mark.parametrize(
    ("reason", "of_run", "of_message"),
    [
        ("max_output_tokens", "max_completion_tokens", "max_tokens"),
        ("length", "max_completion_tokens", "max_tokens"),
        ("content_filter", "content_filter", "content_filter"),
        (None, None, None),
    ],
)
def test_an_incomplete_response_has_its_reason(
    reason: str | None, of_run: str | None, of_message: str | None
) -> None:
    """The run and the message that was cut have it in the words of the Assistants wire."""
    details: dict[str, Any] = {"incomplete_details": {"reason": reason}}
    came = decode_response(
        CREATED, added("message"), text("Hal"), response("incomplete", **details)
    )
    (message,), run = messages(came), last_run(came)
    assert message.incomplete_details is not None
    assert run.incomplete_details is not None
    assert ("incomplete", of_message) == (message.status, message.incomplete_details.reason)
    assert ("incomplete", of_run) == (run.status, run.incomplete_details.reason)
    assert ["completed"] == [x.status for x in steps(came)]
    assert "Hal" == message.text


def test_a_failed_response_has_its_error() -> None:
    """The run and its step have the error; the message's reason is that its run failed."""
    error = {"code": "rate_limit_exceeded", "message": "Slow down."}
    came = decode_response(
        CREATED, added("message"), text("Hal"), response("failed", error=error, output=[])
    )
    expected = models.LastError("rate_limit_exceeded", "Slow down.")
    (message,), (step,), run = messages(came), steps(came), last_run(came)
    assert ("failed", expected, expected) == (step.status, step.last_error, run.last_error)
    assert models.IncompleteDetails("run_failed") == message.incomplete_details
    assert last_run(decode_response(CREATED, response("failed"))).last_error is None


def test_a_cancelled_response_closes_what_is_open() -> None:
    """Messages and steps of all kinds are closed."""
    came = decode_response(
        CREATED,
        added("message", "msg_1", 0),
        text("Hal", "msg_1"),
        added("web_search_call", "ws_1", 1),
        added("function_call", "fc_1", 2, call_id="call_1"),
        response("cancelled"),
    )
    assert ["cancelled"] * 3 == [x.status for x in steps(came)]
    assert [models.IncompleteDetails("run_cancelled")] == [
        x.incomplete_details for x in messages(came)
    ]
    assert last_run(came).required_action is None


def test_nothing_comes_after_the_end() -> None:
    """Not a second response in the same body, not ``[DONE]``, not text that is not JSON."""
    whole = [CREATED, COMPLETED]
    came = decode_response(*whole, *whole, text("a"), DONE, ("", "not JSON"))
    assert ["run.created", "run.queued*", "run.in_progress*", *END] == wire_names(came)
    dialect = ResponsesDialect()
    assert 5 == len(decode(dialect, *whole))
    assert [] == decode(dialect, *whole, ("", "not JSON"))


def test_done_before_the_end_is_not_the_end() -> None:
    """It is only a hint: the response's own last event is the end."""
    came = decode_response(CREATED, ("", "[DONE]"), COMPLETED)
    assert [("[DONE]", "[DONE]")] == [(x.event, x.data) for x in came.of(events.ExtensionEvent)]
    assert isinstance(
        decode_response(CREATED, text("a"), ("", "[DONE]")).error, IncompleteStreamError
    )


def test_bytes_that_end_too_early_are_an_error() -> None:
    """The error names what was open."""
    came = decode_response(CREATED, added("message", "msg_1"), text("a", "msg_1"))
    assert isinstance(came.error, IncompleteStreamError)
    expected = ("run resp_1", "run step step_msg_1", "message msg_1")
    assert expected == came.error.open_objects


@pytest.mark.parametrize("kind", ["in_progress", "queued"])
@pytest.mark.parametrize("more", [{}, {"response": None}, {"sequence_number": 1}])
def test_a_bare_heartbeat_is_an_extension_event(kind: str, more: dict[str, Any]) -> None:
    """It begins nothing, wherever it comes, so that the run has the id of its response."""
    beat = ("", {"type": f"response.{kind}", **more})
    came = decode_response(beat, CREATED, beat, added("message"), beat, text("Hi"), beat, COMPLETED)
    assert [f"response.{kind}"] * 4 == [x.event for x in came.of(events.ExtensionEvent)]
    assert (None, "resp_1", "completed") == (came.error, last_run(came).id, last_run(came).status)


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
def test_a_bare_frame_begins_or_ends_the_run_as_its_name_says(status: str) -> None:
    """It carries no response."""
    came = decode_response(event("created"), added("message"), text("Hi"), event(status))
    assert (None, status, "run.created") == (came.error, last_run(came).status, wire_names(came)[0])
    assert ["Hi"] == [x.text for x in messages(came)]


@pytest.mark.parametrize(
    "sent",
    [
        {"error": {"code": "x", "message": "boom"}},
        {"error": {"code": "x", "message": "boom"}, "response": None},
        {"code": "x", "message": "boom"},
    ],
)
def test_a_bare_failure_has_its_error(sent: dict[str, Any]) -> None:
    """It is the server's error and the end of the run: the run failed with that message."""
    frames = sse(CREATED, ("", {"type": "response.failed", **sent}))
    came = decode_every_way(frames, dialect="responses")
    assert isinstance(came.error, ServerError)
    assert ("boom", "x") == (came.error.error.message, came.error.error.code)
    assert models.LastError("x", "boom") == last_run(came).last_error
    assert ["error", "run.failed*"] == wire_names(came)[-2:]
    assert [] == came.of(events.Done)


def test_the_server_s_own_word_for_the_end_is_on_the_run() -> None:
    """It is the reason or the status as sent, if the run's status does not say it."""
    why: dict[str, Any] = {"incomplete_details": {"reason": "max_output_tokens"}}
    for end, word in (
        (response("incomplete", **why), "max_output_tokens"),
        (response("completed", status="abort"), "abort"),
        (response("completed", status="completed"), None),
    ):
        run = last_run(decode_response(CREATED, end))
        assert word == run.extra.get("finish_reason")
        assert ("incomplete" if word else "completed") == run.status


@pytest.mark.parametrize(
    ("usage", "total"),
    [({}, None), ({"total_tokens": 3}, 3), (5, None), ({"input_tokens": 1, "x": []}, 1)],
)
def test_usage_that_is_empty_is_unknown(usage: Any, total: int | None) -> None:
    """Nothing is known then; it is no zero."""
    run = last_run(decode_response(CREATED, response("completed", usage=usage)))
    assert total == (run.usage and run.usage.total_tokens)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_another_spelling_of_a_type_means_the_same(alias: str) -> None:
    """With its ``event:`` line, or without."""
    sent = {"item_id": "item_1", "delta": "Hi", "text": "Hi", "annotation": {"type": "file_path"}}
    known = decode_response(CREATED, ("", {**sent, "type": ALIASES[alias]}))
    for name, kind in ((alias, None), ("", alias), (alias, alias)):
        frame_of_it = {**sent, **({} if kind is None else {"type": kind})}
        came = decode_response(CREATED, (name, frame_of_it))
        assert wire_names(known) == wire_names(came)
        assert type(known.error) is type(came.error)


def test_text_under_the_name_response_text_delta_is_delivered() -> None:
    """The end lists nothing."""
    came = transcript_of(added("message"), event("text.delta", item_id="item_1", delta="Hi"))
    assert ("Hi", ["Hi"]) == (said(came, "item_1"), [x.text for x in messages(came)])


#: Values of the wrong type for fields that say nothing the events need.
UNNEEDED: dict[str, list[tuple[str, ...]]] = {
    "response.created": [
        ("response", key)
        for key in (
            "created_at", "completed_at", "model", "instructions", "tools", "tool_choice", "usage",
            "metadata", "temperature", "top_p", "max_output_tokens", "parallel_tool_calls", "text",
            "truncation", "reasoning", "incomplete_details", "conversation", "agent_reference",
            "status",
        )
    ],
    "response.output_text.delta": [
        ("content_index",), ("logprobs",), ("output_index",), ("item_id",), ("obfuscation",),
        ("sequence_number",),
    ],
    "response.output_text.done": [("text",), ("content_index",), ("logprobs",)],
    "response.output_item.done": [("item", "id"), ("item", "status"), ("item", "phase")],
}  # fmt: skip


@pytest.mark.parametrize("wrong", [None, 5, -1, "x", [], [5], {}, {"x": []}, True, 1.5])
@pytest.mark.parametrize(("name", "key"), [(n, x) for n, paths in UNNEEDED.items() for x in paths])
def test_a_field_that_is_not_needed_never_ends_the_stream(
    name: str, key: tuple[str, ...], wrong: Any
) -> None:
    """The text comes once, and the frame is as sent in ``raw``."""
    whole: list[Frame] = [
        CREATED,
        added("message", status="in_progress"),
        text("Hi"),
        event("output_text.done", item_id="item_1", output_index=0, content_index=0, text="Hi"),
        done("message", content=[text_part("Hi")], status="completed"),
        COMPLETED,
    ]
    frames = []
    for one, sent in whole:
        changed: Any = json.loads(json.dumps(sent))
        if one == name:
            inner = changed
            for outer in key[:-1]:
                inner = inner[outer]
            inner[key[-1]] = wrong
        frames.append((one, changed))
    came = decode_response(*frames)
    assert came.error is None
    assert ["Hi"] == [x.text for x in messages(came)]
    assert "Hi" == "".join(x.delta.value or "" for x in came.of(events.MessageTextDelta))
    raws = [x.raw for x in came.of(events.WireEvent) if not x.synthetic]
    assert [sent for _, sent in frames] == raws


@given(st.data())
@pytest.mark.no_cover
def test_every_frame_gives_an_event_that_has_its_json(data: st.DataObject) -> None:
    """Heartbeats, empty deltas, repeated frames: nothing is lost in silence, up to the end."""
    frames = data.draw(st.lists(st.sampled_from([*WHOLE[:-1], *BEATS]), max_size=12))
    came = decode_response(CREATED, *frames, COMPLETED)
    sent = [sent for _, sent in (CREATED, *frames, COMPLETED)]
    assert sent == [x.raw for x in came.of(events.WireEvent) if not x.synthetic]


def test_a_frame_of_which_nothing_is_made_is_an_extension_event() -> None:
    """This holds for whatever a row of the table leaves out."""

    class Silent(ResponsesDialect):
        def _in_progress(self, event: dict[str, Any], name: str) -> None:
            del event, name

    beat = event("in_progress")
    (found,) = decode(Silent(), beat)
    assert (events.ExtensionEvent, beat[1]) == (found.event_class, found.raw)


# --- Errors -----------------------------------------------------------------------------

FAILED = response("failed", error={"code": "quota", "message": "No more."}, output=[])
ERROR = event("error", code="quota", message="No more.")


@pytest.mark.parametrize("name", ["responses", "auto"])
def test_an_error_followed_by_response_failed_is_a_failed_run(name: str) -> None:
    """That is OpenAI's own order: the error, the failed run, and then the exception; no done."""
    for rest in ([], [text("late")], [DONE], [FAILED]):
        came = decode_every_way(
            sse(CREATED, added("message"), text("Hi"), ERROR, FAILED, *rest), dialect=name
        )
        assert isinstance(came.error, ServerError)
        assert ["error", "message.incomplete*", "run.step.failed*", "run.failed"] == [
            x for x in wire_names(came) if x == "error" or "fail" in x or "incomplete" in x
        ]
        assert (1, 0) == (len(came.of(events.RunDone)), len(came.of(events.Done)))
        assert models.LastError("quota", "No more.") == last_run(came).last_error


@pytest.mark.parametrize(
    "rest",
    [[], [text("late"), FAILED], [("", "[DONE]")], [ERROR, FAILED], [("", "{"), FAILED]],
)
def test_at_most_one_frame_is_read_after_an_error(rest: list[Any]) -> None:
    """Whatever it is, the exception is that of the error."""
    came = decode_every_way(sse(CREATED, ERROR, *rest), dialect="responses")
    assert isinstance(came.error, ServerError)
    assert "No more." == came.error.error.message
    assert ([], []) == (came.of(events.Done), came.of(events.RunDone))


@pytest.mark.parametrize("nothing", ["", None, {}])
def test_an_error_that_says_nothing_is_no_error(nothing: Any) -> None:
    """Some servers send the key in every frame."""
    came = decode_response(
        CREATED, ("", {"error": nothing}), (text("a")[0], {**text("a")[1], "error": nothing}),
        ("", {**COMPLETED[1], "error": nothing}),
    )  # fmt: skip
    assert (None, "completed") == (came.error, last_run(came).status)


INNER = {"code": "server_error", "message": "It is down.", "param": None}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("error", {"type": "error", **INNER, "sequence_number": 3}),
        ("error", {"type": "error", "error": INNER}),
        ("error", {"error": INNER}),
        ("error", INNER),
        ("", {"type": "error", **INNER}),
        ("", {"error": INNER}),
        ("message", {"error": INNER}),
    ],
)
def test_an_error_is_read_in_every_shape(name: str, sent: Any) -> None:
    """Flat as in the reference, wrapped, without a type, or without a name."""
    came = decode_response(CREATED, (name, sent))
    assert isinstance(came.error, ServerError)
    (error,) = [x.data for x in came.of(events.ErrorEvent)]
    assert ("It is down.", "server_error", None) == (error.message, error.code, error.type)
    assert sent == came.events[-1].raw  # type: ignore[attr-defined]  # a wire event


def test_an_error_may_be_a_text_or_no_json_and_have_a_number_for_its_code() -> None:
    """It is delivered, never lost."""
    assert "down" in str(decode_response(("", {"error": "down"})).error)
    assert "upstream timed out" in str(decode_response(("error", "upstream timed out")).error)
    assert "code 404" in str(decode_response(("", {"error": {"code": 404, "message": "no"}})).error)
    assert isinstance(decode_response(("error", "null")).error, ServerError)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("response.created", "{", "the data is not JSON"),
        ("", "{", "the data is not JSON"),
        ("message", "hello there", "the data is not JSON"),
        ("response.created", "[]", "is not an object"),
        ("response.completed", '{"response": 5}', r"\$.response: 5 is not an object"),
        ("response.created", '{"response": {"id": 5}}', r"\$.response.id: 5 is not a string"),
        ("response.output_item.added", '{"item": "a"}', r'\$.item: "a" is not an object'),
        ("response.output_item.done", '{"item": {"type": 5}}', r"\$.item.type: 5 is not a string"),
        ("response.output_text.delta", '{"delta": 5}', r"\$.delta: 5 is not a string"),
        ("response.content_part.done", '{"part": null}', r"\$.part: null is not an object"),
        (
            "response.completed",
            '{"response": {"output": [{"type": "message"}, {"type": "message", "content": 5}]}}',
            r"\$.response.output\[1\].content: 5 is not a list",
        ),
    ],
)
def test_a_bad_frame_is_refused_with_the_path(name: str, data: str, sentence: str) -> None:
    """The events before it are delivered first."""
    came = decode_response(CREATED, (name, data))
    assert isinstance(came.error, DecodeError)
    with pytest.raises(DecodeError, match=sentence):
        raise came.error
    assert ["run.created", "run.queued*"] == wire_names(came)


@pytest.mark.parametrize("data", ["5", '"a"', "[]", "null"])
def test_json_that_is_not_an_object_and_has_no_name_is_unknown(data: str) -> None:
    """It is not an event of this wire, and does no harm."""
    came = decode_response(CREATED, ("", data), COMPLETED)
    assert [json.loads(data)] == [x.data for x in came.of(events.UnknownEvent)]


def test_an_unknown_name_need_not_be_json() -> None:
    """Some gateways send their own pings."""
    came = decode_response(CREATED, ("ping", "pong"), COMPLETED)
    assert [("ping", "pong")] == [(x.event, x.data) for x in came.of(events.UnknownEvent)]


def test_an_unknown_type_has_the_meaning_of_its_event_line() -> None:
    """This holds if that name is known; without a type the line is all there is."""
    name, sent = text("a")
    untyped = {key: value for key, value in sent.items() if key != "type"}
    came = transcript_of((name, sent), (name, untyped), (name, {**sent, "type": "delta"}))
    assert "aaa" == said(came, "item_1")


def test_frames_need_no_event_lines() -> None:
    """LiteLLM and llama-stack send none."""
    frames = [CREATED, added("message"), text("Hi"), COMPLETED]
    assert decode_response(*frames) == decode_response(*[("", sent) for _, sent in frames])


def test_a_frame_that_is_cut_at_the_end_is_a_stream_that_is_cut() -> None:
    """It is not reported as bad JSON."""
    data = sse(CREATED) + frame(*text("abc"))[:-9]
    came = decode_in_order(EventDecoder("responses"), data)
    assert isinstance(came.error, IncompleteStreamError)


# --- For run control --------------------------------------------------------------------


def call_round(dialect: ResponsesDialect, decoder: EventDecoder) -> Transcript:
    """Decode a response that ends with a call, with DECODER."""
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
    output = [{"type": "reasoning", "id": "rs_1"}, {**call, "arguments": "{}"}]
    frames = [
        CREATED,
        added("reasoning", "rs_1", 0),
        added("function_call", "fc_1", 1, call_id="call_1", name="f", arguments=""),
        arguments("{}", "fc_1", 1),
        response("completed", status="completed", output=output, usage=usage),
    ]
    came = decode_in_order(decoder, sse(*frames))
    assert (output, True, 2) == (dialect.output_items, dialect.ended, dialect.output_tokens)
    return came


def test_a_run_continues_in_the_next_response() -> None:
    """The step of the calls completes with the outputs; ids stay, usage adds up."""
    dialect = ResponsesDialect()
    decoder = EventDecoder(dialect)
    first = call_round(dialect, decoder)
    assert ("requires_action", models.Usage(3, 2, 5)) == (
        last_run(first).status,
        last_run(first).usage,
    )
    assert "resp_1" == dialect.response_id
    dialect.resume({"call_1": "sunny"})
    usage = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11}
    frames = [
        response("created", "resp_2"),
        response("in_progress", "resp_2"),
        added("message", "msg_1"),
        text("It is sunny.", "msg_1"),
        response("completed", "resp_2", usage=usage),
    ]
    again = EventDecoder(dialect, snapshots=decoder.snapshots)
    second = decode_in_order(again, sse(*frames), continued=True)
    assert [
        "run.step.completed*",
        "run.queued",
        "run.in_progress",
        "run.step.created*",
        "run.step.in_progress*",
        "message.created",
        "message.in_progress*",
        "message.delta",
        "message.completed*",
        "run.step.completed*",
        *END,
    ] == wire_names(second)
    run = last_run(second)
    assert ("resp_1", "resp_2") == (run.id, dialect.response_id)
    assert models.Usage(13, 3, 16) == run.usage
    step = second.events[0].data  # type: ignore[attr-defined]  # the step's end
    assert "sunny" == step.step_details.tool_calls[0].function.output
    assert [{"type": "message", "id": "msg_1"}] == dialect.output_items


def test_a_run_continues_only_after_it_stopped() -> None:
    """Its stream must be read to the end: only then does the server keep the call."""
    with pytest.raises(RuntimeError, match="read its stream to the end"):
        ResponsesDialect().resume({})


def test_items_are_kept_if_the_last_event_lists_none() -> None:
    """They are kept as they ended, or else as they began, in order of output."""
    dialect = ResponsesDialect()
    frames = [
        CREATED,
        added("message", "msg_1", 1),
        added("reasoning", "rs_1", 0),
        done("message", "msg_1", 1, status="completed"),
        text("a", "msg_2", 2),
        COMPLETED,
    ]
    decode(dialect, *frames)
    assert [("rs_1", None), ("msg_1", "completed")] == [
        (x["id"], x.get("status")) for x in dialect.output_items
    ]


def test_a_lost_connection_is_joined_again() -> None:
    """Frames seen before are skipped, and the rest continues where it was."""
    numbered = [
        (name, {**sent, "sequence_number": number})
        for number, (name, sent) in enumerate(
            [CREATED, added("message"), text("Hel"), text("lo"), COMPLETED]
        )
    ]
    dialect = ResponsesDialect()
    first = EventDecoder(dialect)
    decode_in_order(first, sse(*numbered[:3]))
    assert 2 == dialect.sequence_number
    dialect.rejoin()
    second = EventDecoder(dialect, snapshots=first.snapshots)
    second.feed(sse(*numbered[1:]))
    came = []
    while (one := second.next_event()) is not None:
        came.append(one)
    assert ["response.output_item.added", "response.output_text.delta"] == [
        x.event for x in came[:2]
    ]
    assert ["Hello"] == [x.text for x in second.snapshots.messages]
    assert second.done


def test_sequence_numbers_decide_nothing_else() -> None:
    """Servers without them, or with the same one in every frame, are read like any other."""
    for number in (None, 0, "a"):
        frames = [
            (name, {**sent, "sequence_number": number})
            for name, sent in (CREATED, added("message"), text("a"), text("b"), COMPLETED)
        ]
        assert "ab" == said(decode_response(*frames), "item_1")


# --- Approvals --------------------------------------------------------------------------


def test_an_approval_is_required() -> None:
    """It has the shape of Azure's runs; if there are function calls, those come first."""
    asked = {"id": "mcpr_1", "name": "look", "arguments": "{}", "server_label": "docs"}
    item = {"type": "mcp_approval_request", **asked}
    came = decode_response(
        CREATED, added("mcp_approval_request", "mcpr_1"), response("completed", output=[item])
    )
    required = last_run(came).required_action
    expected = models.MCPApprovalToolCall("mcpr_1", "mcp", "look", "{}", "docs")
    assert required == models.RequiredAction(
        "submit_tool_approval", submit_tool_approval=models.SubmitToolApproval([expected])
    )
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
    both = last_run(
        decode_response(CREATED, response("completed", output=[item, call]))
    ).required_action
    assert both is not None
    assert both.submit_tool_outputs is not None
    assert ("submit_tool_outputs", [expected], ["call_1"]) == (
        both.type,
        both.submit_tool_approval.tool_calls if both.submit_tool_approval else None,
        [x.id for x in both.submit_tool_outputs.tool_calls],
    )


# --- Any input --------------------------------------------------------------------------

NAMES = ["", "message", *ROWS]
KEYS = [
    "type", "item", "id", "item_id", "output_index", "content_index", "delta", "text", "part",
    "response", "status", "output", "content", "annotation", "annotations", "arguments", "code",
    "outputs", "summary", "error", "usage", "call_id", "name", "summary_index", "results",
    "tools", "tool_choice", "conversation", "sequence_number", "annotation_index", "logs",
]  # fmt: skip
KINDS = [
    "message", "reasoning", "function_call", "custom_tool_call", "code_interpreter_call",
    "file_search_call", "mcp_call", "web_search_call", "output_text", "refusal", "logs", "image",
    "url_citation", "file_citation", "mcp_approval_request", "item_1", "completed", "failed",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-1, 3) | st.floats(0, 2) | st.sampled_from(KINDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), JSON), max_size=6))
def test_any_input_gives_events_or_a_stream_error(frames: list[tuple[str, Any]]) -> None:
    """Nothing else is raised, and the events are in order."""
    decode_response(*[(name, json.dumps(sent)) for name, sent in frames])


WHOLE: list[Frame] = [
    CREATED,
    added("reasoning", "rs_1", 0),
    event("reasoning_summary_text.delta", item_id="rs_1", output_index=0, delta="hm"),
    added("code_interpreter_call", "ci_1", 1),
    event("code_interpreter_call_code.delta", item_id="ci_1", output_index=1, delta="1+1"),
    done("code_interpreter_call", "ci_1", 1, outputs=[{"type": "logs", "logs": "2"}]),
    added("mcp_call", "mcp_1", 2, name="f", server_label="s"),
    event("mcp_call_arguments.delta", item_id="mcp_1", output_index=2, delta="{}"),
    done("mcp_call", "mcp_1", 2, output="x"),
    added("message", "msg_1", 3),
    text("Hi", "msg_1", 3),
    event(
        "output_text.annotation.added",
        item_id="msg_1",
        output_index=3,
        annotation_index=0,
        annotation={"type": "url_citation", "url": "u", "start_index": 0, "end_index": 2},
    ),
    done("message", "msg_1", 3, content=[text_part("Hi!")]),
    added("function_call", "fc_1", 4, call_id="call_1", name="f"),
    arguments("{}", "fc_1", 4),
    response(
        "completed",
        status="completed",
        output=[
            {"type": "message", "id": "msg_1", "content": [text_part("Hi!")]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "arguments": "{}"},
            {"type": "file_search_call", "id": "fs_1", "results": [{"file_id": "f"}]},
        ],
        usage={"input_tokens": 1},
    ),
]


#: Frames that say nothing new.
BEATS: list[Frame] = [
    ("", {"type": "response.in_progress"}),
    text("", "msg_1", 3),
    response("in_progress"),
    ("", {"type": "keepalive"}),
    event("output_text.done", item_id="msg_1", output_index=3, text=""),
    event("reasoning_text.done", item_id="rs_1", output_index=0, text=""),
]


#: Values that replace others.
WRONG: list[Any] = [None, 5, "a", {}, [], [{}], {"type": "message"}, True]


def mutated(value: Any, path: list[int], other: Any) -> Any:
    """Return VALUE with OTHER at the place that PATH leads to, or at the leaf where it ends."""
    if not path or not isinstance(value, dict | list) or not value:
        return other
    where = path[0] % len(value)
    if isinstance(value, list):
        return [mutated(x, path[1:], other) if i == where else x for i, x in enumerate(value)]
    key = list(value)[where]
    return {**value, key: mutated(value[key], path[1:], other)}


@given(
    st.lists(st.integers(0, len(WHOLE) - 1), max_size=4),
    st.integers(0, len(WHOLE) - 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    JSON,
)
def test_a_stream_with_frames_missing_and_one_that_is_wrong(
    missing: list[int], number: int, path: list[int], other: Any
) -> None:
    """It is delivered in order, or ends with one of our errors."""
    frames = list(WHOLE)
    frames[number] = (frames[number][0], mutated(frames[number][1], path, other))
    came = decode_response(*[x for place, x in enumerate(frames) if place not in missing])
    assert came.error is None or isinstance(came.error, StreamError)


def test_a_recording_that_is_damaged_is_delivered_in_order_or_refused(path: Path) -> None:
    """Frames are lost, doubled, swapped, values replaced: no other error, and no disorder."""
    frames = [(x.get("type", ""), x) for x in frames_of(path)][:60] + [
        (x.get("type", ""), x) for x in frames_of(path)[-6:]
    ]
    for seed in range(8):
        chance = random.Random(f"{path.name} {seed}")
        spoiled: list[Frame] = []
        for name, sent in frames:
            match chance.randrange(40):
                case 0:
                    continue
                case 1:
                    spoiled += [(name, sent), (name, sent)]
                case 2:
                    spoiled.insert(chance.randint(0, len(spoiled)), (name, sent))
                case 3:
                    place = [chance.randrange(9) for _ in range(chance.randint(1, 4))]
                    spoiled.append((name, mutated(sent, place, chance.choice(WRONG))))
                case _:
                    spoiled.append((name, sent))
        came = decode_response(*spoiled)
        assert came.error is None or isinstance(came.error, StreamError)


def test_the_undamaged_stream_has_no_error() -> None:
    """It is the stream that a test above damages."""
    came = decode_response(*WHOLE)
    assert came.error is None
    assert "Hi!" == said(came, "msg_1")
    assert "requires_action" == last_run(came).status


def test_any_frame_alone_is_decoded_or_refused() -> None:
    """The dialect itself raises DecodeError and nothing else."""
    for name in NAMES:
        for data in ("", "{}", "[]", "null", '{"type": []}', '{"item": {"type": {}}}', "{"):
            try:
                ResponsesDialect().decode(ServerSentEvent(name, data, 0))
            except DecodeError:
                continue


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
@pytest.mark.parametrize("flat", [True, False])
def test_a_response_without_an_event_around_it_is_read(status: str, *, flat: bool) -> None:
    """Its fields are beside the type, or there is no type at all."""
    item = {"type": "message", "id": "m", "content": [text_part("Hello")]}
    sent = {"id": "r", "object": "response", "status": status, "output": [item]}
    named = {"type": f"response.{status}"} if flat else {}
    came = decode_response(
        ("", {"object": "response", "status": "in_progress"}), ("", sent | named)
    )
    assert (status, "r") == (last_run(came).status, last_run(came).id)
    assert ["Hello"] == [x.message.text for x in came.of(events.MessageDone)]
    assert sent | named in [x.raw for x in came.of(events.WireEvent)]


def test_the_content_of_a_message_may_be_a_text() -> None:
    """It is its only part."""
    came = transcript_of(added("message"), done("message", content="Hello"))
    assert ["Hello"] == [x.message.text for x in came.of(events.MessageDone)]


# --- What can come again ----------------------------------------------------------------


def repeats_after(*frames: Frame) -> tuple[Repeats | None, ResponsesDialect]:
    """Decode FRAMES; return what is said of the last one."""
    dialect, last = ResponsesDialect(), None
    for name, sent in frames:
        *_, last = dialect.decode(ServerSentEvent(name, json.dumps(sent), 0))
    assert last is not None
    return dialect.repeats(last), dialect


CODE = event("code_interpreter_call_code.delta", delta="b", item_id="item_1", output_index=0)
BEGUN = added("function_call", call_id="call_1", name="f")


@pytest.mark.parametrize(
    ("frames", "known"),
    [
        ([added("message"), text("a")], "ab"),
        ([BEGUN, arguments("a")], "ab"),
        ([added("code_interpreter_call"), CODE], "bb"),
    ],
)
def test_a_piece_of_a_text_can_come_again(frames: list[Frame], known: str) -> None:
    """What keeps the piece does what its frame would do, and writes nothing."""
    repeats, dialect = repeats_after(CREATED, *frames)
    assert repeats is not None
    assert repeats.grow is not None
    repeats.grow("b")
    assert [known] == dialect._output.items[0].texts[:1]
    assert (DeltaRow("delta"), None, None) == (repeats.row, repeats.counter, repeats.take)


@pytest.mark.parametrize("kind", ["reasoning_text", "reasoning_summary_text"])
def test_reasoning_can_come_again(kind: str) -> None:
    """Nobody keeps it but its snapshot."""
    repeats, _ = repeats_after(CREATED, event(f"{kind}.delta", delta="a", item_id="rs_1"))
    assert (DeltaRow("delta"), None, None, None) == repeats


def test_padding_probabilities_and_numbers_may_vary() -> None:
    """A number only if it counts: it is an integer, and the highest so far."""
    name, sent = text("a")
    more = {**sent, "obfuscation": "x", "logprobs": [], "sequence_number": 7}
    repeats, dialect = repeats_after(CREATED, (name, more))
    assert repeats is not None
    assert (DeltaRow("delta", ("obfuscation", "logprobs"), "sequence_number"), dialect) == (
        repeats.row,
        repeats.counter,
    )
    for number in ("7", 7.0, None):
        repeats, _ = repeats_after(CREATED, (name, {**sent, "sequence_number": number}))
        assert repeats is not None
        assert (DeltaRow("delta"), None) == (repeats.row, repeats.counter)


@pytest.mark.parametrize(
    "frame",
    [
        ("response.output_text.delta", {"delta": "a"}),
        (text("a")[0], {**text("a")[1], "delta": {"text": "a"}}),
        event("refusal.delta", delta="a"),
        event("mcp_call_arguments.delta", delta="a"),
        event("content_part.added"),
    ],
)
def test_what_is_more_than_a_piece_of_text_does_not_come_again(frame: Frame) -> None:
    """A frame without a type, an object, and texts of other kinds take the ordinary path."""
    assert repeats_after(CREATED, frame)[0] is None


def test_while_a_half_waits_nothing_comes_again() -> None:
    """The other half takes the ordinary path."""
    assert repeats_after(CREATED, text("\ud83d"))[0] is None
    assert repeats_after(CREATED, BEGUN, arguments("\ud83d"))[0] is None
