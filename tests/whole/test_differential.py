"""The same streams through openai-python's handler and ours.

The callbacks of both must be equal once the differences that ``tests.support.differences`` lists
and argues are removed. Every one of them must be needed: a difference that no stream shows any
more is stale. Those that no log can show have a test of their own at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest

from handlers import EventHandler
from stream_core import Stream, models
from tests import ROOT
from tests.support import callback_logs, differences
from tests.support.callback_logs import BOM, NO_FAILURE, Logs, Server
from tests.support.frames import (
    DONE,
    Frame,
    call,
    check_transcript,
    citation,
    decode,
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
    from collections.abc import Callable

#: openai-python deprecates the whole Assistants API.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
    pytest.mark.no_cover,
]


# --- Streams ----------------------------------------------------------------------------


def function(call_id: str, arguments: str = "{}", output: str | None = None) -> dict[str, Any]:
    """Return a function call as a completed step has it."""
    said = {"name": "look_up", "arguments": arguments, "output": output}
    return {"id": call_id, "type": "function", "function": said}


def begin(call_id: str = "call_1", index: int = 0, arguments: str = "") -> dict[str, Any]:
    """Return the delta that begins a function call."""
    return call(index, id=call_id, name="look_up", arguments=arguments)


def steps(*deltas: list[dict[str, Any]], final: Any = (), step_id: str = "step_1") -> list[Frame]:
    """Return the frames of a step with calls, from created to completed with FINAL."""
    fields = {"type": "tool_calls", "step_details": {"type": "tool_calls", "tool_calls": []}}
    ended = {"type": "tool_calls", "step_details": {"type": "tool_calls", "tool_calls": final}}
    return [
        step("created", step_id, **fields),
        *(step_delta(*calls, step_id=step_id) for calls in deltas),
        step("completed", step_id, **ended),
    ]


def says(*deltas: Frame, final: Any = (), message_id: str = "msg_1") -> list[Frame]:
    """Return the frames of a message, from created to completed with FINAL."""
    return [
        message("created", message_id=message_id),
        *deltas,
        message("completed", *final, message_id=message_id),
    ]


def image(file_id: str) -> dict[str, Any]:
    """Return an image part."""
    return {"type": "image_file", "image_file": {"file_id": file_id}}


def code(**fields: Any) -> dict[str, Any]:
    """Return a code interpreter's call, or its delta if it has an index."""
    made: dict[str, Any] = {key: fields.pop(key) for key in ("index", "id") if key in fields}
    return {**made, "type": "code_interpreter", "code_interpreter": fields}


PLACE: dict[str, Any] = {"start_index": 1, "end_index": 4}
LOGS_OUTPUT = {"index": 0, "type": "logs", "logs": "2"}
ERROR = {"code": "server_error", "message": "no", "param": None, "type": "server_error"}

#: The streams, by their peculiarity.
STREAMS = {
    "an ordinary answer": whole_run(*says(text_delta("a"), text_delta("b"), final=[text("ab")])),
    "two answers": whole_run(
        *says(text_delta("a"), final=[text("a")]),
        *says(text_delta("b", message_id="msg_2"), final=[text("b")], message_id="msg_2"),
    ),
    "CRLF and comments": b": hello\r\n\r\n"
    + sse(run("created"), *says(text_delta("a"), final=[text("a")]), run("completed"), end="\r\n"),
    "two calls, outputs required": sse(
        run("created"),
        *steps([begin()], [call(0, arguments="{}")], [begin("call_2", 1, "{}")])[:-1],
        run("requires_action"),
        DONE,
    ),
    "two calls in one delta": whole_run(
        *steps(
            [begin(), begin("call_2", 1)], final=[function("call_1", ""), function("call_2", "")]
        )
    ),
    "two steps, each with a call at index 0": whole_run(
        *steps([begin()], [call(0, arguments="{}")], final=[function("call_1")]),
        *steps(
            [begin("call_2")],
            [call(0, arguments="{}")],
            final=[function("call_2")],
            step_id="step_2",
        ),
    ),
    "alternating fragments of two calls": whole_run(
        *steps(
            [begin()],
            [begin("call_2", 1)],
            [call(0, arguments="{}")],
            [call(1, arguments="{}")],
            final=[function("call_1"), function("call_2")],
        )
    ),
    "a call's output at the step's end": whole_run(
        *steps([begin(arguments="{}")], final=[function("call_1", output="4")])
    ),
    "a call in the completed step alone": whole_run(*steps(final=[function("call_1")])),
    "id and name sent again": whole_run(
        *steps([begin(arguments="{")], [begin(arguments="}")], final=[function("call_1")])
    ),
    "a whole call sent again": whole_run(
        *steps([begin(arguments="{}")], [begin(arguments="{}")], final=[function("call_1")])
    ),
    "a code interpreter": whole_run(
        *steps(
            [code(index=0, id="call_1", input="", outputs=[])],
            [code(index=0, input="1+")],
            [code(index=0, input="1")],
            [code(index=0, outputs=[LOGS_OUTPUT])],
            final=[code(id="call_1", input="1+1", outputs=[LOGS_OUTPUT])],
        )
    ),
    "a step whose end alone is here": whole_run(*steps(final=[function("call_1")])[-1:]),
    "a run that fails with an open step": sse(
        run("created"), *steps([begin(arguments="{")])[:-1], run("failed", last_error=ERROR), DONE
    ),
    "a run cancelled in the middle of a message": sse(
        run("created"), *says(text_delta("a"))[:-1], run("cancelling"), run("cancelled"), DONE
    ),
    "an expired run": sse(run("created"), run("expired"), DONE),
    "an incomplete run and message": sse(
        run("created"),
        *says(text_delta("a"))[:-1],
        message("incomplete", text("a")),
        run("incomplete"),
        DONE,
    ),
    "no done": sse(run("created"), run("completed")),
    "no blank line at the end": sse(run("created"), run("completed"))[:-1],
    "a bare error": sse(run("created"), ("error", ERROR), DONE),
    "a wrapped error": sse(run("created"), ("error", {"error": ERROR}), DONE),
    "cut in a message": sse(run("created"), *says(text_delta("Hel"))[:-1]),
    "retry alone": b"retry: 10\n\n" + whole_run(),
    "id alone": b"id: 10\n\n" + whole_run(),
    "empty data": b"data:\n\n" + whole_run(),
    "a name without data": b"event: thread.run.queued\n\n" + whole_run(),
    "a byte order mark": BOM + whole_run(),
    "a name of another kind": whole_run(("ping", {"id": "ping_1"})),
    "a name of another kind with text": whole_run(("ping", "hello")),
    "a new name": whole_run(("thread.run.paused", {"id": "run_1", "status": "paused"})),
    "an envelope instead of names": b'data: {"event": "thread.run.completed", "data": {"id": "run'
    b'_1", "status": "completed"}}\n\ndata: [DONE]\n\n',
    "not JSON": sse(run("created"), ("thread.run.queued", "{")),
    "a string for a list": whole_run(
        *says(("thread.message.delta", {"id": "msg_1", "delta": {"content": "a"}}))
    ),
    "a citation": whole_run(
        *says(
            text_delta("a"),
            text_delta("[1]", citation(0, **PLACE)),
            final=[text("a[1]", citation(None, **PLACE))],
        )
    ),
    "an annotation without text": whole_run(
        *says(text_delta("a"), text_delta(None, citation(0)), final=[text("a", citation(None))])
    ),
    "an annotation sent again": whole_run(
        *says(
            text_delta("[1]", citation(0, **PLACE)),
            text_delta("a", citation(0, **PLACE)),
            final=[text("[1]a", citation(None, **PLACE))],
        )
    ),
    "two texts": whole_run(
        *says(text_delta("a"), text_delta("b", index=1), final=[text("a"), text("b")])
    ),
    "two texts in one delta": whole_run(
        *says(
            message_delta({"index": 0, **text("a")}, {"index": 1, **text("b")}),
            final=[text("a"), text("b")],
        )
    ),
    "two images": whole_run(
        *says(
            message_delta({"index": 0, **image("file_1")}),
            message_delta({"index": 1, **image("file_2")}),
            final=[image("file_1"), image("file_2")],
        )
    ),
    "a text that its message is created with": whole_run(
        message("created", text("")),
        text_delta("a"),
        text_delta("b"),
        message("completed", text("ab")),
    ),
    "a run called completed that requires action": sse(
        run("created"),
        *steps([begin(arguments="{}")])[:-1],
        run("requires_action"),
        ("thread.run.completed", {"id": "run_1", "status": "requires_action"}),
    ),
    "a refusal": whole_run(
        *says(
            message_delta({"index": 0, "type": "refusal", "refusal": "no"}),
            final=[{"type": "refusal", "refusal": "no"}],
        )
    ),
    "index 1 before 0": whole_run(
        *says(text_delta("b", index=1), text_delta("a"), final=[text("a"), text("b")])
    ),
    "text for a part that another followed": whole_run(
        *says(
            text_delta("a"),
            text_delta("b", index=1),
            text_delta("c"),
            final=[text("ac"), text("b")],
        )
    ),
    "an incomplete message without content": whole_run(
        *says(text_delta("a"))[:-1], message("incomplete")
    ),
    "text in the completed message alone": whole_run(*says(final=[text("abc")])),
    "more text in the completed message": whole_run(
        *says(text_delta("a"), final=[text("abc"), text("d")])
    ),
    "other text in the completed message": whole_run(*says(text_delta("a"), final=[text("xyz")])),
    "a message of two parts and another": whole_run(
        *says(text_delta("a"), text_delta("b", index=1), final=[text("a"), text("b")]),
        *says(text_delta("c", message_id="msg_2"), final=[text("c")], message_id="msg_2"),
    ),
    "two messages open at once": whole_run(
        message("created"),
        message("created", message_id="msg_2"),
        text_delta("a"),
        text_delta("b", message_id="msg_2"),
        message("completed", text("a")),
        message("completed", text("b"), message_id="msg_2"),
    ),
    "a message created twice": whole_run(
        message("created"), *says(text_delta("a"), final=[text("a")])
    ),
    "a message completed twice": whole_run(
        *says(text_delta("a"), final=[text("a")]), message("completed", text("a"))
    ),
    "a delta for an unknown step": whole_run(step_delta(begin(arguments="{}"))),
    "a delta for an unknown message": whole_run(text_delta("a"), message("completed", text("a"))),
}

#: How our stream fails, by the name of the stream; the others end well.
FAILURES = {
    "a bare error": "server error",
    "a wrapped error": "server error",
    "cut in a message": "cut short",
    "not JSON": "bad frame",
    "a string for a list": "bad frame",
}


def compare(data: bytes) -> tuple[Logs, set[str]]:
    """Run DATA through both and remove the differences; return the rest and their names."""
    logs = Logs(data, callback_logs.theirs(data), callback_logs.ours(data))
    for log in (logs.theirs, logs.ours):
        ends = [entry.callback for group in log for entry in group if entry.callback == "on_end"]
        assert ["on_end"] == ends
    return logs, differences.explain(logs)


@pytest.mark.parametrize("name", STREAMS)
def test_stream(name: str) -> None:
    """Both get the same callbacks, except for known differences, and ours ends as it should."""
    logs, _ = compare(STREAMS[name])
    assert logs.theirs == logs.ours
    assert FAILURES.get(name, "") == logs.failure(callback_logs.ours(STREAMS[name]))[1]


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - FAILURES.keys()))
def test_ours_is_complete(name: str) -> None:
    """Whether openai-python gives up or not, ours begins and ends everything once."""
    check_transcript(decode(STREAMS[name]).events, ended=b"requires_action" not in STREAMS[name])


# --- Recordings -------------------------------------------------------------------------


def recordings(wire: Path) -> list[Path]:
    """Return every recording of the Assistants wire; those of servers by the names of events."""
    found = [*wire.glob("assistants/*.sse"), *wire.glob("azure_agents/*.sse")]
    return sorted(found) + sorted(
        path for path in wire.glob("servers/*.sse") if b"thread.run." in path.read_bytes()[:4096]
    )


def test_recordings(wire: Path) -> None:
    """Every recorded stream gives the same callbacks in both, except for known differences."""
    paths = recordings(wire)
    assert len(paths) > 20
    for path in paths:
        logs, _ = compare(path.read_bytes())
        assert logs.theirs == logs.ours, path


# --- The table --------------------------------------------------------------------------


def test_every_difference_is_shown() -> None:
    """No difference is stale: each is shown by a stream above or by a test below."""
    shown = set().union(*(compare(data)[1] for data in STREAMS.values()))
    expected = {one.name for one in differences.DIFFERENCES}
    assert expected == shown | SHOWN_BELOW.keys()
    assert not shown & SHOWN_BELOW.keys()
    assert len({one.name for one in differences.DIFFERENCES}) == len(differences.DIFFERENCES)


def test_ordinary_streams_differ_in_little() -> None:
    """An ordinary answer only needs the order of the delta's own callback, and `done`."""
    _, names = compare(STREAMS["an ordinary answer"])
    assert {"`done`", "`on_message_delta` and `on_run_step_delta`"} == names


@pytest.mark.parametrize("name", STREAMS)
def test_a_wrong_log_is_detected(name: str) -> None:
    """The comparison can fail: a callback that ours lacked, or ran twice, would stay."""
    data = STREAMS[name]
    theirs, ours = callback_logs.theirs(data), callback_logs.ours(data)
    compared, _ = compare(data)
    last = len(compared.ours) if compared.gave_up else len(ours)
    for at, group in enumerate(ours[:last]):
        for place, entry in enumerate(group):
            for instead in ([], [entry, entry]):
                wrong = [list(one) for one in ours]
                wrong[at][place : place + 1] = instead
                logs = Logs(data, [list(one) for one in theirs], [one for one in wrong if one])
                differences.explain(logs)
                assert logs.theirs != logs.ours, (entry, instead)


def test_the_page_is_the_table() -> None:
    """docs/differences.md is what ``python -m tests.support.differences`` prints."""
    page = (ROOT / "docs" / "differences.md").read_text("utf-8")
    assert differences.page() == page


# --- Differences that no log shows ------------------------------------------------------

ANSWER = STREAMS["an ordinary answer"]


def run_theirs(handler: openai.AssistantEventHandler, data: bytes) -> None:
    """Run DATA through openai-python's HANDLER."""
    manager = callback_logs.their_client(Server(runs=data)).beta.threads.runs.stream(
        thread_id="thread_1", assistant_id="asst_1", event_handler=handler
    )
    with manager as stream:
        stream.until_done()


def test_exceptions_of_a_callback() -> None:
    """They are failures of the stream in theirs, but not in ours."""

    class Breaks:
        def on_text_created(self, text: Any) -> None:
            raise LookupError("mine")

    class Theirs(Breaks, callback_logs.RecordingTheirs):
        pass

    class Ours(Breaks, callback_logs.RecordingOurs):
        pass

    their, our = Theirs(), Ours()
    with pytest.raises(LookupError, match="mine"):
        run_theirs(their, ANSWER)
    with pytest.raises(LookupError, match="mine") as caught:
        Stream([ANSWER], our).until_done()
    assert "LookupError" == Logs(b"", [], []).failure(their.log)[1]
    assert NO_FAILURE == Logs(b"", [], []).failure(our.log)
    assert "on_text_created" in "".join(caught.value.__notes__)
    assert "on_end" == their.log[-1][0].callback == our.log[-1][0].callback


def test_a_handler_for_a_second_stream() -> None:
    """Theirs refuses it; ours gets both."""
    their, our = callback_logs.RecordingTheirs(), callback_logs.RecordingOurs()
    run_theirs(their, ANSWER)
    with pytest.raises(RuntimeError, match="cannot be shared"):
        run_theirs(their, ANSWER)
    for _ in range(2):
        Stream([ANSWER], our).until_done()
    half = len(our.log) // 2
    assert our.log[:half] == our.log[half:]


def test_super_init_forgotten() -> None:
    """Theirs raises AttributeError; ours works."""
    said: list[str] = []

    class Theirs(openai.AssistantEventHandler):
        def __init__(self) -> None:
            pass

    class Ours(EventHandler):
        def __init__(self) -> None:
            pass

        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            said.append(delta.value)

    with pytest.raises(AttributeError):
        run_theirs(Theirs(), ANSWER)
    Stream([ANSWER], Ours()).until_done()
    assert ["a", "b"] == said


def test_unknown_types() -> None:
    """Theirs makes objects of another type's class; ours marks them as unknown."""
    marker = {"type": "starlight", "text": "*", "start_index": 0, "end_index": 1}
    unknown = {"id": "call_1", "type": "telescope", "telescope": {"lens": 3}}
    data = whole_run(
        *steps([{"index": 0, **unknown}], final=[unknown]), *says(final=[text("*", marker)])
    )
    seen: list[list[Any]] = [[], []]

    class Theirs(openai.AssistantEventHandler):
        def on_tool_call_done(self, tool_call: Any) -> None:
            seen[0].append(tool_call)

        def on_message_done(self, message: Any) -> None:
            seen[0].append(message.content[0].text.annotations[0])

    class Ours(EventHandler):
        def on_tool_call_done(self, tool_call: Any) -> None:
            seen[1].append(tool_call)

        def on_message_done(self, message: Any) -> None:
            seen[1].append(message.content[0].text.annotations[0])

    run_theirs(Theirs(), data)
    Stream([data], Ours()).until_done()
    assert all("Unknown" not in type(one).__name__ for one in seen[0])
    assert [models.UnknownToolCall, models.UnknownAnnotation] == [type(one) for one in seen[1]]
    assert [unknown, marker] == [one.raw for one in seen[1]]


class Asking:
    """Records the current objects in a callback; a mixin for either handler."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Any, ...]] = []

    def ask(self, callback: str) -> None:
        """Record what is current in CALLBACK."""
        me: Any = self
        current = [me.current_run, me.current_message_snapshot, me.current_run_step_snapshot]
        ids = [one and (getattr(one, "status", ""), one.id) for one in current]
        self.found.append((callback, me.current_event.event, *ids))

    def on_event(self, event: Any) -> None:
        self.ask("on_event")

    def on_message_created(self, message: Any) -> None:
        self.ask("on_message_created")

    def on_message_delta(self, delta: Any, snapshot: Any) -> None:
        self.ask("on_message_delta")

    def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        self.ask("on_text_delta")

    def on_message_done(self, message: Any) -> None:
        self.ask("on_message_done")

    def on_run_step_created(self, run_step: Any) -> None:
        self.ask("on_run_step_created")

    def on_run_step_delta(self, delta: Any, snapshot: Any) -> None:
        self.ask("on_run_step_delta")

    def on_run_step_done(self, run_step: Any) -> None:
        self.ask("on_run_step_done")


class AskingTheirs(Asking, openai.AssistantEventHandler):
    """openai-python's handler, recording."""


class AskingOurs(Asking, EventHandler):
    """Our handler, recording."""


def found_in(data: bytes, *callbacks: str) -> tuple[list[Any], list[Any]]:
    """Return the current objects in CALLBACKS for DATA: theirs, and ours without `done`."""
    their, our = AskingTheirs(), AskingOurs()
    run_theirs(their, data)
    Stream([data], our).until_done()
    return (
        [one for one in their.found if one[0] in callbacks],
        [one for one in our.found if one[0] in callbacks and one[1] != "done"],
    )


TWO_STEPS = whole_run(
    *steps([begin(arguments="{}")], final=[function("call_1")]),
    *says(text_delta("a"), final=[text("a")]),
)


def test_current_objects_in_the_callbacks_of_deltas() -> None:
    """They are the same in both, except for a step that has ended."""
    wire = ("on_run_step_created", "on_run_step_delta", "on_message_created", "on_message_delta")
    their, our = found_in(TWO_STEPS, *wire)
    assert 4 == len(their)
    assert their[:2] == our[:2]
    assert [one[:-1] for one in their] == [one[:-1] for one in our]


def test_current_objects_in_on_event() -> None:
    """In theirs they are as of the previous event; in ours as of this event."""
    their, our = found_in(ANSWER, "on_event")
    assert [one[1] for one in their] == [one[1] for one in our]
    assert (None, None, None) == their[0][2:]
    assert [one[2:] for one in their[1:]] != [one[2:] for one in our[1:]]
    assert [one[2] for one in their[1:]] == [one[2] for one in our[:-1]]
    assert ("completed", "run_1") == our[-1][2]


def test_current_run_step_snapshot_after_a_steps_end() -> None:
    """In theirs it is None; in ours it is the step, in its final state."""
    [their], [our] = found_in(TWO_STEPS, "on_message_created")
    assert their[-1] is None
    assert ("completed", "step_1") == our[-1]


def test_current_event_in_a_derived_callback() -> None:
    """In theirs it is the wire event; in ours the derived one."""
    their, our = found_in(TWO_STEPS, "on_text_delta", "on_message_done", "on_run_step_done")
    names = ["thread.run.step.completed", "thread.message.delta", "thread.message.completed"]
    assert names == [one[1] for one in their]
    assert ["run_step.done", "message.text.delta", "message.done"] == [one[1] for one in our]


#: The differences that no log shows, and the tests that show them.
SHOWN_BELOW: dict[str, Callable[[], None]] = {
    "an exception from a callback": test_exceptions_of_a_callback,
    "a handler for a second stream": test_a_handler_for_a_second_stream,
    "`super().__init__()` forgotten": test_super_init_forgotten,
    "unknown tool and annotation types": test_unknown_types,
    "`current_run` and the current snapshots in `on_event`": test_current_objects_in_on_event,
    "`current_run_step_snapshot` after a step's end": (
        test_current_run_step_snapshot_after_a_steps_end
    ),
    "`current_event` in a derived callback": test_current_event_in_a_derived_callback,
}


# --- A handler written for openai-python ------------------------------------------------

#: Typical handlers of that kind: their purpose is what they print and send.
PORTED = r"""
from openai import AssistantEventHandler
from typing_extensions import override


class PrintEverything(AssistantEventHandler):
    @override
    def on_text_created(self, text) -> None:
        print("\nassistant: ", end="")

    @override
    def on_text_delta(self, delta, snapshot):
        print(delta.value, end="")

    def on_tool_call_created(self, tool_call):
        print(f"\nassistant uses {tool_call.type}")

    def on_tool_call_delta(self, delta, snapshot):
        if delta.type == "code_interpreter" and delta.code_interpreter:
            if delta.code_interpreter.input:
                print(delta.code_interpreter.input, end="")
            if delta.code_interpreter.outputs:
                print("\nresult:")
                for output in delta.code_interpreter.outputs:
                    if output.type == "logs":
                        print(output.logs)


class NumberCitations(AssistantEventHandler):
    @override
    def on_message_done(self, message) -> None:
        content = message.content[0].text
        sources = []
        for number, annotation in enumerate(content.annotations):
            content.value = content.value.replace(annotation.text, f"[{number}]")
            if citation := getattr(annotation, "file_citation", None):
                sources.append(f"[{number}] {citation.file_id}")
        print(content.value)
        print(*sources, sep="\n")


class CallFunctions(AssistantEventHandler):
    @override
    def on_event(self, event):
        if event.event == "thread.run.requires_action":
            self.answer(event.data, event.data.id)

    def answer(self, run, run_id):
        outputs = []
        for call in run.required_action.submit_tool_outputs.tool_calls:
            if call.function.name == "look_up":
                outputs.append({"tool_call_id": call.id, "output": call.function.arguments})
        with client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=self.current_run.thread_id,
            run_id=run_id,
            tool_outputs=outputs,
            event_handler=PrintEverything(),
        ) as stream:
            for text in stream.text_deltas:
                print(f"<{text}>", end="")
            print()


def listen(handler):
    with client.beta.threads.runs.stream(
        thread_id="thread_1", assistant_id="asst_1", event_handler=handler
    ) as stream:
        stream.until_done()
"""

CHANGED = "from handlers import EventHandler as AssistantEventHandler"
ASKS: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look_up", "arguments": '{"city": "Zürich"}'},
}
NEEDS_OUTPUT = sse(
    run("created"),
    *steps([begin()], [call(0, arguments=ASKS["function"]["arguments"])])[:-1],
    run(
        "requires_action",
        required_action={
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": [ASKS]},
        },
    ),
    DONE,
)
CONTINUES = sse(
    *steps(final=[function("call_1", output="sun")])[-1:],
    run("queued"),
    *says(text_delta("It is "), text_delta("sunny."), final=[text("It is sunny.")]),
    run("completed"),
    DONE,
)
CITES = whole_run(
    *says(text_delta("Yes*", citation(0, "*", **PLACE)), final=[text("Yes*", citation(None, "*"))])
)


def ported(client: Any, source: str, name: str) -> None:
    """Run the handler NAME from SOURCE."""
    namespace: dict[str, Any] = {"client": client}
    exec(source, namespace)  # noqa: S102  # the import line is the point of the test
    namespace["listen"](namespace[name]())


@pytest.mark.parametrize(
    ("name", "data", "printed"),
    [
        ("PrintEverything", STREAMS["an ordinary answer"], "\nassistant: ab"),
        (
            "PrintEverything",
            STREAMS["a code interpreter"],
            "\nassistant uses code_interpreter\n1+1",
        ),
        ("NumberCitations", CITES, "Yes[0]\n[0] file_1\n"),
        ("CallFunctions", NEEDS_OUTPUT, "\nassistant: It is <It is >sunny.<sunny.>\n"),
    ],
)
def test_a_ported_handler(
    name: str, data: bytes, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With only the import changed, it prints and sends the same as before."""
    their, our = (Server(runs=data, submit_tool_outputs=CONTINUES) for _ in range(2))
    ported(callback_logs.their_client(their), PORTED, name)
    before = capsys.readouterr().out
    changed = PORTED.replace("from openai import AssistantEventHandler", CHANGED)
    ported(callback_logs.our_client(our), changed, name)
    assert before == capsys.readouterr().out
    assert before.startswith(printed)
    assert their.asked == our.asked
