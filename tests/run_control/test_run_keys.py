"""Keys by which runs are found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core.api.pages import PageData, read_page
from stream_core.effects import Ask, Wait
from stream_core.errors import StreamError, TransportError
from stream_core.models import Run
from stream_core.run_control.run_keys import RUN_KEY, find_run, put_key
from tests.support.flows import play, play_all

if TYPE_CHECKING:
    from stream_core.effects import Flow


@pytest.mark.parametrize("given", [{}, {"metadata": None}, {"metadata": {"mine": "1"}}])
def test_a_key_stands_beside_the_callers_metadata(given: dict[str, Any]) -> None:
    """Which stay as they are; each key is another one."""
    own = dict(given.get("metadata") or {})
    keys = set()
    for _ in range(2):
        body = {"model": "m", **given}
        key = put_key(body)
        assert {"model": "m", "metadata": {**own, RUN_KEY: key}} == body
        keys.add(key)
    assert 2 == len(keys)
    assert own == (given.get("metadata") or {})
    assert all(len(key) <= 512 for key in keys)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({str(number): "" for number in range(16)}, "has 16 pairs, and 16 are the most"),
        ({RUN_KEY: "old"}, "has 'until_done_request' already"),
        (["a"], "run_keys needs a mapping"),
    ],
)
def test_metadata_without_room_for_a_key_are_refused(metadata: object, message: str) -> None:
    """The error says what to do."""
    with pytest.raises(ValueError, match=message):
        put_key({"metadata": metadata})


def asking(after: str = "") -> Flow[PageData[Run]]:
    """Ask for a page of runs."""
    answer: Any = yield Ask("GET", f"/runs{after}")
    return read_page(Run, answer, asking)


def page(*runs: tuple[str, str], more: bool = False) -> dict[str, Any]:
    """Return a page of runs, each with an id and a key."""
    data = [{"id": run_id, "metadata": {RUN_KEY: key}} for run_id, key in runs]
    return {"data": data, "last_id": runs[-1][0] if runs else None, "has_more": more}


def test_a_run_is_found_on_a_later_page() -> None:
    """The newest come first."""
    pages = [page(("run_3", "x"), more=True), page(("run_2", "k"), ("run_1", ""), more=True)]
    effects, run = play_all(find_run("k", asking), *pages)
    assert [Ask("GET", "/runs"), Ask("GET", "/runsrun_3")] == effects
    assert isinstance(run, Run)
    assert "run_2" == run.id


def test_only_so_many_pages_are_looked_through() -> None:
    """A run that was made just now is not far back."""
    pages = [page((f"run_{number}", "x"), more=True) for number in range(11)]
    effects, run = play_all(find_run("k", asking), *pages, True)
    assert run is None
    assert [Ask] * 11 + [Wait] == [type(effect) for effect in effects]


def test_a_list_is_read_three_times() -> None:
    """A run may be in it only after a moment."""
    effects, run = play_all(find_run("k", asking), page(), False, page(), False, page(("r", "k")))
    assert isinstance(run, Run)
    assert [Ask, Wait, Ask, Wait, Ask] == [type(effect) for effect in effects]
    assert None is play(find_run("k", asking), page(), False, page(), False, page())


def test_each_page_is_asked_for_three_times() -> None:
    """A question that failed once does not end the search."""
    gone = TransportError("gone")
    first, second = page(("run_2", "x"), more=True), page(("run_1", "k"))
    answers = [gone, False, gone, False, first, gone, False, second]
    run = play(find_run("k", asking), *answers)
    assert run is not None
    assert "run_1" == run.id


def test_two_runs_with_one_key_are_an_error() -> None:
    """The request was sent twice, and either may be meant."""
    with pytest.raises(StreamError, match="two runs have the key of one request: run_2, run_1"):
        play(find_run("k", asking), page(("run_2", "k"), ("run_1", "k")))
