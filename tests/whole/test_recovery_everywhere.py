"""A run is the same wherever its connection is lost: callback by callback, and delta by delta.

This is the short form: about each end of a frame, and at some other places. ``make recovery`` cuts
at every byte. What is compared, and what is left out, is in ``support.cut_runs``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream_core import events
from stream_core.errors import TransportError
from stream_core.testing import Fault
from tests.support.conversations import conversation, get_tides
from tests.support.cut_runs import (
    UNCUT,
    Log,
    Plan,
    Take,
    differences,
    places,
    plans_of,
    quick_pauses,
)
from tests.support.cut_takes import RESPONDERS, NotATake, recorded, response_take, takes
from tests.support.cuts import main

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

RECORDINGS = Path(__file__).parent.parent / "recordings"

#: Places beside the ends of frames in each reply.
SAMPLE = 4


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with quick_pauses():
        yield


def take_of(name: str) -> Take:
    """Return a run of the test server."""
    return next(take for take in takes() if take.name == name)


TAKES = pytest.mark.parametrize("name", RESPONDERS)


@TAKES
def test_a_run_is_the_same_wherever_its_connection_is_lost(name: str) -> None:
    """In any reply, with an error or at a silent end; in between questions have no answer."""
    take = take_of(name)
    cuts = [
        (reply, offset)
        for reply, data in enumerate(take.replies)
        for offset in places(data, SAMPLE, name)
    ]
    plans = [
        Plan((cut,), silently=number % 2 == 0, failing=frozenset((0, 1, 3, 5) * (number % 8 == 0)))
        for number, cut in enumerate(cuts)
    ]
    assert (len(cuts), []) == differences(take, plans)


@TAKES
def test_a_run_may_lose_each_reply_and_each_submission(name: str) -> None:
    """Twice and more in one stream; outputs are submitted again only if the server lacks them."""
    take = take_of(name)
    size = len(take.replies[0])
    for what, plans in plans_of(take, size // 3):
        if what not in ("once, broken", "once, silently"):
            assert [] == differences(take, plans)[1], what


def test_a_background_response_is_joined_again_anywhere() -> None:
    """Once, twice, and with questions that have no answer."""
    take = response_take()
    for what, plans in plans_of(take, 151):
        assert [] == differences(take, plans)[1], what


@pytest.mark.parametrize("name", ["astra_assistants_api", "azure_openai_preview", "dashscope"])
def test_a_recorded_run_is_the_same_wherever_it_is_cut(name: str) -> None:
    """The server answers with what the whole of it has."""
    take = recorded(RECORDINGS / f"{name}.sse")
    (data,) = take.replies
    plans = [Plan(((0, offset),)) for offset in places(data, 2, name)[::2]]
    assert (len(plans), []) == differences(take, plans)


def test_a_difference_would_be_found() -> None:
    """In a delta, in the order, in the snapshots, and if the stream fails."""
    take = take_of("a run that fails")
    whole, _ = take.play(UNCUT)
    (where,) = [key for key in take.answers[0] if "/messages/" in key[0]]
    message = take.answers[0][where]
    half = {**message, "content": [{"type": "text", "text": {"value": "It blows"}}]}
    cut = take.replies[0].index(b'"value":"It') - 100
    other = Take(take.name, take.replies, [{**take.answers[0], where: half}], take.read)
    count, wrong = differences(other, [Plan(((0, cut),)), Plan(((0, 0),))])
    assert (2, 2) == (count, len(wrong))
    assert "'It blows from'), got" in wrong[0][1]
    gone = {key: one for key, one in take.answers[0].items() if key != where}
    _, ((_, why),) = differences(Take("", take.replies, [gone], take.read), [Plan(((0, cut),))])
    assert why.startswith("KeyError")
    assert ["ThreadRunCreated", "StreamEnd"] == [whole.entries[0][0], whole.entries[-1][0]]


def test_a_recording_without_a_whole_run_is_left_out(tmp_path: Path) -> None:
    """The reason is given."""
    path = tmp_path / "half.sse"
    path.write_bytes(b'event: thread.run.created\ndata: {"id": "run_1"}\n\n')
    with pytest.raises(NotATake, match="IncompleteStreamError"):
        recorded(path)
    path.write_bytes(b'event: thread.run.completed\ndata: {"id": "", "status": "completed"}\n\n')
    with pytest.raises(NotATake, match="no run with its ids"):
        recorded(path)
    with pytest.raises(NotATake, match="what it sent is not what it has"):
        recorded(RECORDINGS / "cogitator.sse")


def test_the_long_form_prints_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """For each take and each manner of losing it; and returns the number of differences."""
    given = ["--step", "2000", "--only", "fails", str(RECORDINGS / "cogitator.sse")]
    assert 0 == main(given)
    lines = capsys.readouterr().out.splitlines()
    assert "cogitator.sse: left out (what it sent is not what it has)" == lines[0]
    assert "a run that fails, once, broken: 3 cuts, 0 differences" == lines[1]
    assert lines[-1].startswith("9 cuts, 0 differences, ")


# --- Over HTTP ----------------------------------------------------------------------------------


@TAKES
def test_a_real_connection_may_be_lost_anywhere(name: str) -> None:
    """In the first reply, over real HTTP; the server is at work meanwhile."""

    def read(offset: int | None) -> list[str]:
        log = Log()
        if offset is not None:
            talk.server.fail_next(Fault(cut_after=offset, only="/runs"))
        question = {"role": "user", "content": "How are the tides?"}
        thread = talk.client.threads.create(messages=[question])
        stream = talk.client.threads.runs.stream(
            thread.id,
            assistant_id=talk.assistant_id,
            tools=[get_tides],
            approve=lambda _: True,
            event_handler=log,
            run_keys=True,
        )
        stream.until_done()
        lost = any(isinstance(event, events.StreamRecovered) for event in log.events)
        assert lost == (offset is not None)
        return [entry[0] for entry in log.entries]

    with conversation(RESPONDERS[name]) as talk:
        whole = read(None)
        for offset in (0, 2900, 5300):
            assert whole == read(offset), offset


def test_the_line_breaks_as_a_connection_does() -> None:
    """The bytes before come first."""
    take = take_of("a run that fails")
    pieces = take.line(Plan(((0, 7),))).reply(0)
    assert take.replies[0][:7] == next(pieces)
    with pytest.raises(TransportError):
        next(pieces)
