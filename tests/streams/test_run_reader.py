"""The flow of a run: its effects, answered from a list; no source, no shell."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.effects import Deliver, Now, Wait
from stream_core.errors import (
    IncompleteStreamError,
    ServerError,
    StreamError,
    TransportError,
)
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES
from stream_core.streams.run_reader import Following, RunReader
from tests.support.flows import play, play_all
from tests.support.frames import DONE, decode, message, pieces, run, sse, text_delta, whole_run
from tests.support.scripted_control import ScriptedControl, output, waits

ASKING = sse(run("created"), waits(), DONE)
GOES_ON = sse(run("in_progress"), run("completed"), DONE)
ENDED = models.Run(id="run_1", status="completed")
COMPLETED = [
    Decoded(events.ThreadRunCompleted, ENDED, None, "thread.run.completed", synthetic=True)
]


def reader_of(control: ScriptedControl | None = None, *chunks: bytes) -> RunReader:
    """Make a reader that has read CHUNKS."""
    reader = RunReader(
        dialect="assistants", max_frame_bytes=DEFAULT_MAX_FRAME_BYTES, control=control
    )
    if chunks:
        names(reader.events(chunks))
    return reader


def names(found: Any) -> list[str]:
    """Return the classes of events."""
    return [type(event).__name__ for event in found]


# --- Events -----------------------------------------------------------------------------


def test_whoever_has_the_bytes_learns_for_how_long_to_wait_after_an_error() -> None:
    """If nobody wants to know, the frame after it is read as it comes."""
    error = sse(("error", {"type": "error", "message": "down"}))
    cases: list[list[float] | None] = [[], None]
    for limits in cases:
        reader = RunReader(
            dialect="responses", max_frame_bytes=DEFAULT_MAX_FRAME_BYTES, control=None
        )
        reader.limit = None if limits is None else limits.append
        assert ["ErrorEvent"] == names(reader.feed(error))
        assert limits in ([2.0], None)


def test_a_stream_that_is_over_ends_with_done() -> None:
    """Nothing follows, and nobody is asked."""
    data = whole_run(message("created"), text_delta("Hi"))
    control = ScriptedControl()
    reader = reader_of(control)
    assert decode(data).names == names(reader.events([data]))
    assert None is play(reader.go_on())
    assert [] == control.asked


def test_the_done_of_a_round_is_what_follows_if_nothing_else_does() -> None:
    """It is not known before whether the run goes on."""
    reader = reader_of(ScriptedControl([None]))
    assert "Done" not in names(reader.events([ASKING]))
    following = play(reader.go_on())
    assert following is not None
    assert (None, False) == (following.source, following.replaces)
    assert ["Done"] == names(following.events)
    assert None is play(reader.go_on())


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_bytes_may_be_fed_as_they_come(size: int) -> None:
    """The events are the same as by pulling, each as soon as its bytes are there."""
    data = whole_run(text_delta("Hi"), text_delta(" there"))
    pulled, fed = reader_of(), reader_of()
    found = [name for chunk in pieces(data, size) for name in names(fed.feed(chunk))]
    found += names(fed.end())
    assert names(pulled.events([data])) == found
    for reader in (pulled, fed):
        assert reader.finished
        assert None is play(reader.go_on())


def test_the_end_of_fed_bytes_may_bring_a_failure() -> None:
    """It is kept for the flow."""
    reader = reader_of()
    assert ["ThreadRunCreated"] == names(reader.feed(sse(run("created"))))
    assert [] == names(reader.end())
    with pytest.raises(IncompleteStreamError):
        play(reader.go_on())


# --- Rounds -----------------------------------------------------------------------------


def test_a_round_delivers_what_happens_and_turns_to_its_source() -> None:
    """There is one effect for each event; ``answering`` is true meanwhile."""
    control = ScriptedControl([[output(), GOES_ON]])
    reader = reader_of(control, ASKING)

    def going_on(_: object) -> bool:
        assert reader.answering
        return True

    effects, following = play_all(reader.go_on(), going_on)
    assert [Deliver(output())] == effects
    assert Following(GOES_ON, finished=True) == following
    assert not reader.answering
    assert ["ThreadRunInProgress", "ThreadRunCompleted", "RunDone", "Done"] == names(
        reader.events([GOES_ON])
    )


def test_a_round_that_is_ended_meanwhile_leads_nowhere() -> None:
    """Not even ``done`` comes if the stream is closing."""
    reader = reader_of(ScriptedControl([[output(), GOES_ON]]), ASKING)

    def close(_: object) -> bool:
        reader.closing = True
        return False

    assert None is play(reader.go_on(), close)
    assert None is play(reader.go_on())


def test_a_failure_of_a_round_leaves_and_nothing_is_answering() -> None:
    """The caller of the flow gets it."""
    reader = reader_of(ScriptedControl([[StreamError("no")]]), ASKING)
    with pytest.raises(StreamError, match="no"):
        play(reader.go_on())
    assert not reader.answering


@pytest.mark.parametrize("flag", ["closing", "cancelled"])
def test_nothing_is_answered_when_the_stream_is_ending(flag: str) -> None:
    """The control is not asked."""
    control = ScriptedControl([[GOES_ON]])
    reader = reader_of(control, ASKING)
    setattr(reader, flag, True)
    play(reader.go_on())
    assert [] == control.asked


# --- Recovery ---------------------------------------------------------------------------


def test_a_lost_source_is_rejoined_first() -> None:
    """The report comes with the source; nothing is made up."""
    control = ScriptedControl(sources=[GOES_ON])
    reader = reader_of(control, sse(run("created")))
    effects, following = play_all(reader.go_on(), 0.0, 0.0, False)  # not aborted
    assert [Now(), Now(), Wait(0)] == effects
    assert isinstance(following, Following)
    assert (GOES_ON, ["rejoin"]) == (following.source, control.asked)
    assert isinstance(following.failure, IncompleteStreamError)
    assert following.report is not None
    assert (following.failure, 0) == (following.report.error, following.report.missed)
    assert not following.finished


def test_what_was_missed_follows_if_nothing_can_be_rejoined() -> None:
    """``done`` is held back here too, because the run may wait."""
    control = ScriptedControl(recoveries=[(ENDED, COMPLETED)])
    reader = reader_of(control, sse(run("created")))
    following = play(reader.go_on(), *[0.0, 0.0, False, 0.0, False])  # not aborted
    assert following is not None
    assert ["rejoin", "recover"] == control.asked
    assert ["ThreadRunCompleted", "RunDone", "Done"] == names(following.events)
    assert following.report is not None
    assert 3 == following.report.missed
    assert None is play(reader.go_on())


def test_a_server_that_cannot_be_asked_is_noted_on_the_first_failure() -> None:
    """The first failure is the one that is raised."""
    control = ScriptedControl(recoveries=[TransportError("gone")])
    reader = reader_of(control, sse(run("created")))
    with pytest.raises(IncompleteStreamError) as caught:
        play(reader.go_on(), *[0.0, 0.0, False, 0.0, False])  # not aborted
    assert "could not be asked what became of the run: gone" in caught.value.__notes__[0]


def test_an_abort_while_the_server_is_asked_drops_what_it_says() -> None:
    """The failure is raised; the answer is dropped, since nobody wants it after an abort."""
    control = ScriptedControl(recoveries=[(ENDED, COMPLETED)])
    reader = reader_of(control, sse(run("created")))

    def abort(_: object) -> bool:
        reader.aborted = True
        return True

    with pytest.raises(IncompleteStreamError):
        play(reader.go_on(), *[0.0, 0.0, False, 0.0, abort])  # not aborted


@pytest.mark.parametrize("control", [None, ScriptedControl()], ids=["no control", "a control"])
def test_another_failure_is_not_recovered_from(control: ScriptedControl | None) -> None:
    """The server's own error is final."""
    reader = reader_of(control, sse(("error", {"message": "no"})))
    with pytest.raises(ServerError):
        play(reader.go_on())
    assert [] == ([] if control is None else control.asked)


def test_a_loss_without_a_control_stays_one() -> None:
    """It is the same without a client."""
    with pytest.raises(IncompleteStreamError):
        play(reader_of(None, sse(run("created"))).go_on())


def test_an_error_that_is_not_of_a_stream_leaves_the_recovery_as_it_is() -> None:
    """It is a bug, or comes from the user's code."""
    reader = reader_of(ScriptedControl(sources=[ZeroDivisionError()]), sse(run("created")))
    with pytest.raises(ZeroDivisionError):
        play(reader.go_on(), 0.0, 0.0, False)  # not aborted


def test_a_reader_without_a_shell_waits_for_the_frame_after_an_error_too() -> None:
    """Nobody limits how long."""
    reader = RunReader(dialect="responses", max_frame_bytes=DEFAULT_MAX_FRAME_BYTES, control=None)
    error = sse(("error", {"type": "error", "message": "down"}))
    failed = sse(("response.failed", {"type": "response.failed", "response": {"id": "r"}}))
    assert "ThreadRunFailed" in names(reader.events([error, failed]))
    with pytest.raises(ServerError, match="down"):
        play(reader.go_on())
