"""Faults that other clients have with a stream, and that ours does not.

Each test is named after the peer and its fault, makes the stream that shows it, and examines
callbacks and events. The versions examined: openai-python 3.54, openai-node's
``AssistantStream``, azure-ai-agents 1.1, go-openai issue 748.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from handlers import EventHandler
from stream_core import events, models
from stream_core.errors import DecodeError, IncompleteStreamError, ServerError
from stream_core.streams.stream import Stream
from tests.support.frames import (
    DONE,
    Recorder,
    call,
    citation,
    decode,
    decode_every_way,
    frame,
    message,
    message_delta,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
    whole_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class Calls(EventHandler):
    """Records the arguments of the callbacks about texts and calls, as they were then."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Any]] = []

    def on_text_created(self, text: models.Text) -> None:
        self.log.append(("text created", None))

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.log.append(("text delta", delta.value))

    def on_text_done(self, text: models.Text) -> None:
        self.log.append(("text done", text.value))

    def on_annotation(self, annotation: models.Annotation, text: models.Text) -> None:
        self.log.append(("annotation", annotation))

    def on_tool_call_created(self, tool_call: models.ToolCall) -> None:
        assert not isinstance(tool_call, models.UnknownToolCall)
        self.log.append(("call created", tool_call.id))

    def on_tool_call_delta(self, delta: models.ToolCallDelta, snapshot: models.ToolCall) -> None:
        assert isinstance(delta, models.FunctionToolCallDelta)
        self.log.append(("call delta", delta.function.arguments if delta.function else None))

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        self.log.append(("call done", tool_call.id))


def callbacks_of(data: bytes) -> list[tuple[str, Any]]:
    """Read a stream to its end and return what :class:`Calls` recorded."""
    handler = Calls()
    Stream(data, handler).until_done()
    return handler.log


def recorded(data: bytes) -> Recorder:
    """Read a stream to its end, or to its failure, and return every callback."""
    recorder = Recorder()
    stream = Stream(data, recorder)
    while stream.next():
        pass
    return recorder


def of(log: Iterable[tuple[str, Any]], *kinds: str) -> list[tuple[str, Any]]:
    """Return the entries of these kinds."""
    return [entry for entry in log if entry[0] in kinds]


# --- openai-python ----------------------------------------------------------------------


def test_openai_python_two_tool_steps_at_the_same_index() -> None:
    """There: the second call never gets created, and done fires three times."""
    log = callbacks_of(
        whole_run(
            step("created", "step_1"),
            step_delta(call(0, id="call_1", name="f", arguments="{}"), step_id="step_1"),
            step("completed", "step_1"),
            step("created", "step_2"),
            step_delta(call(0, id="call_2", name="g", arguments="{}"), step_id="step_2"),
            step("completed", "step_2"),
        )
    )
    expected = [
        ("call created", "call_1"),
        ("call done", "call_1"),
        ("call created", "call_2"),
        ("call done", "call_2"),
    ]
    assert expected == of(log, "call created", "call done")


def test_openai_python_the_first_fragment_of_a_tool_call() -> None:
    """There: it never reaches on_tool_call_delta."""
    log = callbacks_of(
        whole_run(
            step("created"),
            step_delta(call(0, id="call_1", name="f", arguments='{"city": ')),
            step_delta(call(0, arguments='"Paris"}')),
        )
    )
    assert '{"city": "Paris"}' == "".join(value for _, value in of(log, "call delta"))


def test_openai_python_final_run_steps_of_a_completed_run() -> None:
    """There: they stay in_progress after the server completed them."""
    stream = Stream(whole_run(step("created"), step("in_progress"), step("completed")))
    (final,) = stream.get_final_run_steps()
    assert "completed" == final.status
    assert stream.current_run_step_snapshot is final


def test_openai_python_a_bare_error_event() -> None:
    """There: the shape of the reference, not wrapped in "error", is dropped silently."""
    recorder = recorded(sse(run("created"), ("error", {"message": "no", "code": "c"})))
    assert ["on_run_created", "on_error", "on_exception", "on_end"] == recorder.names
    assert [("Error(message='no', code='c')",)] == recorder.arguments("on_error")


def test_openai_python_a_stream_cut_before_done() -> None:
    """There: it counts as success."""
    with pytest.raises(IncompleteStreamError) as caught:
        Stream(sse(run("created"), message("created"), text_delta("Hel"))).until_done()
    assert "thread.message.delta" == caught.value.last_event
    assert ("run run_1", "message msg_1") == caught.value.open_objects


@pytest.mark.parametrize(
    "block",
    [b"retry: 3000\n\n", b"id: 7\n\n", b"data:\n\n", b"data\n\n", b"event: ping\ndata: \n\n"],
    ids=["only retry", "only id", "empty data", "data without a colon", "named and empty"],
)
def test_openai_python_a_block_without_data(block: bytes) -> None:
    """There: it raises JSONDecodeError."""
    parts = [frame(*run("created")), frame(*run("completed")), frame(*DONE)]
    expected = decode(b"".join(parts)).texts
    assert expected == decode_every_way(block + block.join(parts) + block).texts


def test_openai_python_a_byte_order_mark() -> None:
    """There: the first event loses its name."""
    data = whole_run()
    assert decode(data) == decode_every_way(b"\xef\xbb\xbf" + data)


def test_openai_python_and_node_a_repeated_id_and_name() -> None:
    """There: they concatenate, to call_1call_1."""
    recorder = decode_every_way(
        whole_run(
            step("created"),
            step_delta(call(0, id="call_1", name="f", arguments="{")),
            step_delta(call(0, id="call_1", name="f", arguments="}")),
        )
    )
    (done,) = recorder.of(events.RunStepToolCallDone)
    assert ("call_1", "f", "{}") == (
        done.tool_call.id,
        done.tool_call.function.name,
        done.tool_call.function.arguments,
    )


def test_openai_python_and_node_a_resent_annotation() -> None:
    """There: its start_index and end_index are added up."""
    cited = citation(0, start_index=10, end_index=13)
    log = callbacks_of(whole_run(text_delta("[1]", cited), text_delta(None, cited)))
    ((_, annotation),) = of(log, "annotation")
    assert (10, 13) == (annotation.start_index, annotation.end_index)


def test_openai_python_content_index_1_before_0() -> None:
    """There: IndexError."""
    stream = Stream(whole_run(text_delta("world", index=1), text_delta("Hello ", index=0)))
    (final,) = stream.get_final_messages()
    assert "Hello world" == final.text


def test_openai_python_an_incomplete_message_with_empty_content() -> None:
    """There: IndexError."""
    recorder = recorded(
        sse(run("created"), message("created"), text_delta("Hel"), message("incomplete"))
        + sse(run("incomplete"), DONE)
    )
    expected = ["on_message_incomplete", "on_text_done", "on_message_done"]
    expected += ["on_run_incomplete", "on_run_done", "on_done", "on_end"]
    assert expected == recorder.names[-7:]
    assert [("Text(value='Hel')",)] == recorder.arguments("on_text_done")


def test_openai_python_two_open_messages() -> None:
    """There: the second one's text is merged into the first's."""
    stream = Stream(
        whole_run(
            message("created", message_id="msg_1"),
            message("created", message_id="msg_2"),
            text_delta("a", message_id="msg_1"),
            text_delta("x", message_id="msg_2"),
            text_delta("b", message_id="msg_1"),
        )
    )
    assert [("msg_1", "ab"), ("msg_2", "x")] == [
        (x.id, x.text) for x in stream.get_final_messages()
    ]


def test_openai_python_a_delta_for_an_unknown_step() -> None:
    """There: KeyError."""
    recorder = recorded(whole_run(step_delta(call(0, id="call_1", name="f", arguments="{}"))))
    expected = ["on_run_step_created", "on_run_step_delta", "on_tool_call_created"]
    assert expected == recorder.names[1:4]
    assert "on_end" == recorder.names[-1]
    assert [] == recorder.arguments("on_exception")


def test_openai_python_the_second_part_of_a_message() -> None:
    """There: its on_text_delta fires before the on_text_done of the first."""
    log = callbacks_of(whole_run(text_delta("one", index=0), text_delta("two", index=1)))
    assert [
        ("text created", None),
        ("text delta", "one"),
        ("text done", "one"),
        ("text created", None),
        ("text delta", "two"),
        ("text done", "two"),
    ] == log


def test_openai_python_a_delta_with_only_an_annotation() -> None:
    """There: it calls on_text_delta with None."""
    log = callbacks_of(whole_run(text_delta("a[1]"), text_delta(None, citation(0))))
    assert [("text delta", "a[1]")] == of(log, "text delta")
    assert 1 == len(of(log, "annotation"))


def test_openai_python_many_deltas_with_many_annotations() -> None:
    """There: 8,000 deltas with 800 annotations take 54 s, because each delta copies them all.

    Here 20,000 with 2,000 take less than a second; a cost that grew with the square of either
    number would not end within a test's time limit.
    """
    count, every = 20_000, 10
    frames = [
        text_delta("word ", *([citation(number // every)] if number % every == 0 else []))
        for number in range(count)
    ]
    data = whole_run(message("created"), *frames)

    class Reading(Calls):
        def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
            assert snapshot.value.endswith("word ")  # reads the whole text at each delta

    handler = Reading()
    (final,) = Stream(data, handler).get_final_messages()
    assert "word " * count == final.text
    assert count // every == len(of(handler.log, "annotation"))


def test_an_annotation_is_found_by_its_index_without_a_search() -> None:
    """That makes the test above linear: no annotation is compared with those before it."""

    class Counted(int):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return super().__eq__(other)

        __hash__ = int.__hash__

    from stream_core.models.merging import merge_annotations, merge_tool_call

    known = models.Text()
    for number in range(500):
        merge_annotations(known, [models.FileCitationAnnotation(Counted(number))])
    called = models.CodeInterpreterToolCall()
    for number in range(500):
        output = models.CodeInterpreterOutputLogs(Counted(number), logs="x")
        code = models.CodeInterpreterDelta(outputs=[output])
        merge_tool_call(called, models.CodeInterpreterToolCallDelta(code_interpreter=code))
    assert (500, 500) == (len(known.annotations), len(called.code_interpreter.outputs))
    assert 1000 > Counted.compared


def test_openai_python_unknown_tools() -> None:
    """There: they are typed as the class of another tool."""
    sent = {"index": 0, "id": "call_1", "type": "bing_grounding", "bing_grounding": {"q": "x"}}
    made = decode_every_way(whole_run(step("created"), step_delta(sent)))
    (done,) = made.of(events.RunStepToolCallDone)
    assert models.UnknownToolCall is type(done.tool_call)
    assert ("call_1", "bing_grounding") == (done.tool_call.id, done.tool_call.type)
    assert {"q": "x"} == done.tool_call.raw["bing_grounding"]
    tool = {"type": "sharepoint_grounding", "sharepoint_grounding": {"connections": []}}
    (created,) = decode(sse(run("created", tools=[tool]))).of(events.ThreadRunCreated)
    assert [models.UnknownTool("sharepoint_grounding", raw=tool)] == created.data.tools


def test_openai_python_unknown_annotations() -> None:
    """There: they are typed as the class of another annotation."""
    sent = {"index": 0, "type": "moon_citation", "moon_citation": {"crater": "Tycho"}}
    log = callbacks_of(whole_run(text_delta("a", sent)))
    assert [models.UnknownAnnotation(0, "moon_citation", raw=sent)] == [
        x for _, x in of(log, "annotation")
    ]


def test_openai_python_one_handler_for_two_streams() -> None:
    """There: a handler belongs to one stream, for good."""
    handler = Calls()
    for _ in range(2):
        Stream(whole_run(text_delta("a")), handler).until_done()
    assert [("text delta", "a")] * 2 == of(handler.log, "text delta")


def test_openai_python_a_forgotten_super_init() -> None:
    """There: AttributeError."""

    class Forgetful(EventHandler):
        def __init__(self, name: str) -> None:
            self.name = name
            self.seen: list[str] = []

        def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
            assert self.current_run is not None
            self.seen.append(f"{self.name}: {delta.value} in {self.current_run.id}")

    handler = Forgetful("me")
    Stream(whole_run(text_delta("a")), handler).until_done()
    assert ["me: a in run_1"] == handler.seen


# --- azure-ai-agents --------------------------------------------------------------------


def test_azure_ai_agents_a_stream_with_crlf() -> None:
    """There: nearly all events are lost."""
    frames = [run("created"), text_delta("a"), text_delta("b"), run("completed"), DONE]
    assert decode(sse(*frames)) == decode_every_way(sse(*frames, end="\r\n"))


def test_azure_ai_agents_a_comment() -> None:
    """There: ValueError."""
    data = whole_run(text_delta("a"))
    commented = b": ping\n\n" + data.replace(b"\ndata:", b"\n: ping\ndata:").replace(
        b"\n\n", b"\n\n: ping - 12:00\n\n"
    )
    assert decode(data) == decode_every_way(commented)


def test_azure_ai_agents_several_data_lines() -> None:
    """There: only the last one survives."""
    name, payload = run("created", model="m")
    shown = sse((name, json.dumps(payload, indent=2)))
    assert 3 < shown.count(b"\ndata: ")
    (created,) = decode_every_way(shown).of(events.ThreadRunCreated)
    assert ("run_1", "m", payload) == (created.data.id, created.data.model, created.raw)


def test_azure_ai_agents_exceptions_of_callbacks(caplog: pytest.LogCaptureFixture) -> None:
    """There: they disappear in the log at DEBUG level."""

    class Buggy(EventHandler):
        def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
            raise ZeroDivisionError("a bug of mine")

    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(ZeroDivisionError, match="a bug of mine") as caught,
    ):
        Stream(whole_run(text_delta("a")), Buggy()).until_done()
    assert ["raised by Buggy.on_text_delta for event message.text.delta"] == caught.value.__notes__
    assert [] == caplog.records


def test_azure_ai_agents_the_argument_of_on_error() -> None:
    """There: a str, the Python repr of the frame. Here: the payload, typed."""
    got: list[models.Error] = []

    class Listening(EventHandler):
        def on_error(self, error: models.Error) -> None:
            got.append(error)

    error = {"error": {"message": "it's full", "type": "server_error", "code": "rate_limit"}}
    with pytest.raises(ServerError):
        Stream(sse(run("created"), ("error", error)), Listening()).until_done()
    assert [models.Error("it's full", "rate_limit", None, "server_error")] == got


def test_azure_ai_agents_how_often_on_done_runs() -> None:
    """There: once per tool round. Here: once per stream, and on_run_done once per run."""
    calls = {"type": "tool_calls", "tool_calls": [{"id": "call_1", "type": "function"}]}
    first = sse(
        run("created"),
        step("created"),
        step_delta(call(0, id="call_1", name="f", arguments="{}")),
        run("requires_action"),
        DONE,
        DONE,
    )
    second = sse(
        step("completed", step_details=calls), run("in_progress"), run("completed"), DONE, DONE
    )
    recorder = Recorder()
    counts = []
    for data in (first, second):
        Stream(data, recorder).until_done()
        counts.append((recorder.names.count("on_done"), recorder.names.count("on_run_done")))
    assert [(1, 0), (2, 1)] == counts


# --- go-openai --------------------------------------------------------------------------


def test_go_openai_data_without_a_space() -> None:
    """There: the line is ignored."""
    data = whole_run(text_delta("a: b"))
    tight = data.replace(b"\ndata: ", b"\ndata:").replace(b"event: ", b"event:")
    assert decode(data) == decode_every_way(tight)


def test_go_openai_a_line_over_64_kib() -> None:
    """There: the read fails."""
    value = "0123456789" * 20_000
    data = whole_run(text_delta(value), message("completed", text(value)))
    assert len(value) == len(Stream(data).text.read())
    assert decode(data) == decode(data[at : at + 1000] for at in range(0, len(data), 1000))


def test_go_openai_bad_json() -> None:
    """There: the event before it is delivered again."""
    bad = b'event: thread.message.delta\ndata: {"id": "msg_1", \n\n'
    data = sse(run("created"), text_delta("a")) + bad + sse(text_delta("b"))
    made = decode_every_way(data)
    expected = ["ThreadRunCreated", "ThreadMessageCreated*", "ThreadMessageDelta"]
    assert [*expected, "MessageTextCreated", "MessageTextDelta"] == made.names
    assert isinstance(made.error, DecodeError)
    recorder = recorded(data)
    assert 1 == len(recorder.arguments("on_text_delta"))
    assert ["on_exception", "on_end"] == recorder.names[-2:]


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        (sse(("error", {"message": "no"})), ServerError),
        (b"event: done\ndata: bye\n\n", DecodeError),
        (b"", IncompleteStreamError),
    ],
    ids=["error", "bad frame", "cut"],
)
def test_go_openai_the_text_reader_at_a_failure(rest: bytes, kind: type[Exception]) -> None:
    """There: it swallows the error and ends as if all were well."""
    stream = Stream(sse(run("created"), text_delta("Hel")) + rest)
    with pytest.raises(kind):
        stream.text.read()
    assert isinstance(stream.err, kind)
    assert "Hel" == stream.text.read()  # the text before it is not lost


# --- Images between texts: what several of the above get wrong at once -------------------


def test_parts_of_all_types_in_one_message() -> None:
    """Text, image, text: each is delivered once, in order, and closed before the next."""
    image = {"type": "image_file", "image_file": {"file_id": "file_1"}}
    recorder = recorded(
        whole_run(
            message("created"),
            text_delta("one", index=0),
            message_delta({"index": 1, **image}),
            text_delta("two", index=2),
            message("completed", text("one"), image, text("two")),
        )
    )
    derived = [x for x in recorder.names if x.startswith(("on_text", "on_image"))]
    assert [
        "on_text_created",
        "on_text_delta",
        "on_text_done",
        "on_image_file_done",
        "on_text_created",
        "on_text_delta",
        "on_text_done",
    ] == derived
