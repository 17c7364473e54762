"""Servers with their own manner of Assistants: same events, same text, same end."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from handlers import EventHandler, TextAccumulatorMixin
from stream_core import Stream, models
from stream_core.dialects.assistants import ALIASES, EVENTS
from stream_core.events import Done, Event, MessageTextDelta, RunStepToolCallDelta, WireEvent
from stream_core.streams.stream import Source
from tests.support import lookalikes
from tests.support.frames import pieces
from tests.support.lookalikes import ANSWER, ARGUMENTS, LOOKALIKES, PIECES, recording

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

each_recording = pytest.mark.parametrize("name", sorted(LOOKALIKES))
each_dialect = pytest.mark.parametrize("dialect", ["assistants", "auto"])

#: The streams that answer as OpenAI does, except for their manner.
ANSWERING = ("astra_assistants_api", "dashscope", "litellm_proxy", "open_assistant_api")

#: The streams that end with ``done``.
DONE_SAID = ("azure_openai_preview", "dashscope", "fakeai", "litellm_proxy")


class Listener(TextAccumulatorMixin, EventHandler):
    """Records the events and the text."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: WireEvent[object]) -> None:
        self.events.append(event)

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        assert self.current_event is not None
        self.events.append(self.current_event)

    def on_tool_call_delta(self, delta: models.ToolCallDelta, snapshot: models.ToolCall) -> None:
        assert self.current_event is not None
        self.events.append(self.current_event)

    def on_message_done(self, message: models.Message) -> None:
        assert self.current_event is not None
        self.events.append(self.current_event)

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]


def read(source: Source, dialect: str = "assistants") -> tuple[Listener, models.Run | None]:
    """Read a stream to its end."""
    out = Listener()
    return out, Stream(source, out, dialect=dialect).until_done()


def test_every_recording_is_made_here_and_is_up_to_date() -> None:
    """`python -m tests.support.lookalikes` writes them."""
    assert {name: make() for name, make in LOOKALIKES.items()} == {
        path.stem: path.read_bytes() for path in sorted(lookalikes.RECORDINGS.glob("*"))
    }


@each_dialect
@each_recording
def test_a_recording_reads_the_same_whole_and_in_pieces(name: str, dialect: str) -> None:
    """This holds with the name of its wire and without, for any cut."""
    path: Path = recording(name)
    whole, run = read(path.open("rb"))
    for size in (1, 7, 100):
        out, again = read(pieces(path.read_bytes(), size), dialect)
        assert (whole.names, whole.text, run) == (out.names, out.text, again)


@each_recording
def test_every_recording_ends_cleanly_and_is_done_once(name: str) -> None:
    """This holds even if the server only closes the connection: a synthetic ``done`` then comes.

    Handlers that wait for ``done`` get it, and can see that it is synthetic.
    """
    out, _ = read(recording(name).open("rb"))
    (done,) = [event for event in out.events if isinstance(event, Done)]
    assert done is out.events[-1]
    assert (name not in DONE_SAID) is done.synthetic


@pytest.mark.parametrize("name", ANSWERING)
def test_the_manner_makes_no_difference(name: str) -> None:
    """Events, text and run are the same as those of all others that answer."""
    out, run = read(recording(name).open("rb"))
    expected, _ = read(recording(ANSWERING[0]).open("rb"))
    assert run is not None
    assert (expected.names, ANSWER, "completed") == (out.names, out.text, run.status)
    assert list(PIECES) == [x.delta.value for x in out.events if isinstance(x, MessageTextDelta)]


def test_a_whole_call_sent_again_is_not_doubled() -> None:
    """open-assistant-api: additions are appended, what is the same is not."""
    stream = Stream(recording("open_assistant_api_tools").open("rb"), out := Listener())
    run = stream.until_done()
    assert run is not None
    assert "requires_action" == run.status
    assert run.required_action is not None
    assert run.required_action.submit_tool_outputs is not None
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    (step,) = stream.get_final_run_steps()
    assert isinstance(step.step_details, models.ToolCallsStepDetails)
    (made,) = step.step_details.tool_calls
    assert isinstance(made, models.FunctionToolCall)
    assert (ARGUMENTS, ARGUMENTS) == (call.function.arguments, made.function.arguments)
    assert {"tower": "Créac’h"} == json.loads(made.function.arguments)
    snapshots = [x.snapshot for x in out.events if isinstance(x, RunStepToolCallDelta)]
    assert all(one is other for one, other in pairwise(snapshots))


def test_a_run_that_waits_is_not_over_because_an_event_is_called_completed() -> None:
    """open-assistant-api: the status counts, so the run is not reported as done."""
    ended: list[object] = []

    class Ends(EventHandler):
        def on_run_done(self, run: models.Run) -> None:
            ended.append(run)

    Stream(recording("open_assistant_api_tools").open("rb"), Ends()).until_done()
    assert [] == ended


def test_a_message_that_ends_under_another_id_is_the_same_message() -> None:
    """cogitator: it begins once and is done once, with the id that the server sent last."""
    stream = Stream(recording("cogitator").open("rb"), out := Listener())
    stream.until_done()
    assert 1 == out.names.count("message.done")
    (message,) = stream.get_final_messages()
    assert ("msg_of_the_database", ANSWER) == (message.id, message.text)
    assert len(PIECES) == len(message.text_messages)


def test_a_run_that_fails_twice_has_failed_once() -> None:
    """cogitator: the second time is a repetition."""
    ended: list[str | None] = []

    class Ends(EventHandler):
        def on_run_failed(self, run: models.Run) -> None:
            ended.append(run.status)

        def on_run_done(self, run: models.Run) -> None:
            ended.append(run.status)

    Stream(recording("cogitator_failed").open("rb"), Ends()).until_done()
    assert ["failed", "failed"] == ended


def test_a_chunk_is_a_delta() -> None:
    """Azure OpenAI's preview has other names for the same events."""
    out, run = read(recording("azure_openai_preview").open("rb"))
    assert run is not None
    assert (ANSWER, "completed") == (out.text, run.status)
    assert not set(ALIASES) & set(out.names)
    assert set(ALIASES.values()) < set(out.names)
    assert set(ALIASES.values()) < set(EVENTS)
    arguments = [
        x.delta.function.arguments
        for x in out.events
        if isinstance(x, RunStepToolCallDelta)
        and isinstance(x.delta, models.FunctionToolCallDelta)
        and x.delta.function is not None
    ]
    assert ARGUMENTS == "".join(piece or "" for piece in arguments)


def test_a_message_that_is_never_sent_is_not_an_error() -> None:
    """fakeai: a step refers to a message, and that is all."""
    stream = Stream(recording("fakeai").open("rb"))
    run = stream.until_done()
    assert run is not None
    assert ("completed", []) == (run.status, stream.get_final_messages())
