"""One run on a thread."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.client.assistants_over_responses.run_state import RunDialect, Turn
from stream_core.client.responses import make_control
from stream_core.client.streaming_calls import StreamingCall
from tests.support.responses_frames import COMPLETED, CREATED, decode, done, response, text_part

THREAD = models.Thread(id="thread_1", metadata={"a": "b"})
MESSAGE = done("message", "msg_1", role="assistant", content=[text_part("Ahoy")])
CALL = done("function_call", "fc_1", call_id="call_1", name="f", arguments="{}")
OUTPUT = done("function_call_output", "fo_1", 1, call_id="call_1", output="x")
NEW = [{"type": "message", "role": "user", "content": "one"}]


def made(*, is_new: bool = False, trimmed: bool = False) -> Turn:
    """Return a run of which nothing has come yet."""
    dialect = RunDialect(THREAD, "asst_1", is_new=is_new)
    call = StreamingCall.of({"model": "m", "input": [] if trimmed else NEW})
    control = make_control(call, dialect)
    return Turn(dialect, control, NEW, ["msg_0"])


def test_what_came_is_remembered_before_anybody_hears_it() -> None:
    """The run, the messages that have ended, and the steps are recorded."""
    turn = made()
    assert (None, "", False, False) == (turn.run, turn.status, turn.waits, turn.counts)
    decode(turn.dialect, CREATED)
    assert ("queued", False) == (turn.status, turn.counts)
    decode(turn.dialect, MESSAGE, COMPLETED)
    run = turn.run
    assert run is not None
    assert ("resp_1", "thread_1", "asst_1") == (run.id, run.thread_id, run.assistant_id)
    assert ["Ahoy"] == [message.text for message in turn.dialect.messages.values()]
    assert ["completed"] == [step.status for step in turn.dialect.steps.values()]
    assert turn.counts
    assert [*NEW, MESSAGE[1]["item"]] == turn.items


def test_a_new_thread_is_told_of_first_and_once() -> None:
    """This is so if one call made both thread and run."""
    told = decode(made(is_new=True).dialect, CREATED, COMPLETED)
    assert events.ThreadCreated is told[0].event_class
    assert (THREAD, True, None) == (told[0].payload, told[0].synthetic, told[0].raw)
    assert 1 == [one.event_class for one in told].count(events.ThreadCreated)
    assert events.ThreadRunCreated is decode(made().dialect, CREATED)[0].event_class


@pytest.mark.parametrize(
    ("frames", "counts", "waits"),
    [
        ([COMPLETED], True, False),
        ([response("incomplete", status="incomplete")], True, False),
        ([CALL, response("incomplete", status="incomplete")], False, False),
        ([CALL, OUTPUT, response("incomplete", status="incomplete")], True, False),
        ([CALL, COMPLETED], False, True),
        ([CALL, OUTPUT, COMPLETED], True, False),
        ([response("failed", status="failed")], False, False),
        ([response("cancelled", status="cancelled")], False, False),
        ([MESSAGE], False, False),
    ],
)
def test_a_run_counts_that_came_to_an_end(frames: list[Any], *, counts: bool, waits: bool) -> None:
    """Every call must have been answered."""
    turn = made()
    decode(turn.dialect, CREATED, *frames)
    assert (counts, waits) == (turn.counts, turn.waits)


def test_a_run_that_was_answered_waits_no_more() -> None:
    """This is so even before the rest comes; a second answer would be one too many."""
    turn = made()
    decode(turn.dialect, CREATED, CALL, COMPLETED)
    assert turn.waits
    turn.dialect.resume({"call_1": "x"})
    assert ("requires_action", False) == (turn.status, turn.waits)
    decode(turn.dialect, response("created", "resp_2"), response("completed", "resp_2"))
    assert ("completed", True) == (turn.status, turn.counts)


def test_a_run_that_is_given_up_is_cancelled() -> None:
    """It no longer waits, and does not count."""
    turn = made()
    decode(turn.dialect, CREATED, CALL, COMPLETED)
    turn.dropped = True
    assert turn.run is not None
    assert ("cancelled", None) == (turn.status, turn.run.required_action)
    assert (False, False) == (turn.counts, turn.waits)


def test_a_run_has_the_usage_of_its_rounds_so_far() -> None:
    """A run that waits has that of its own round; after the answer, it is the sum."""
    turn = made()
    usage: dict[str, Any] = {"usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    decode(turn.dialect, CREATED, CALL, response("completed", **usage))
    assert ("requires_action", 5) == (turn.status, total(turn))
    turn.dialect.resume({"call_1": "x"})
    decode(turn.dialect, response("created", "resp_2"), response("completed", "resp_2", **usage))
    assert ("completed", 10) == (turn.status, total(turn))


def total(turn: Turn) -> int | None:
    """Return how many tokens the run has used, as it says."""
    usage = turn.run and turn.run.usage
    return usage.total_tokens if usage else None
