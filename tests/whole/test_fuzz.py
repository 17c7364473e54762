"""Damaged streams, a few of the many that ``make fuzz`` reads, and the reader of them itself."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from stream_core import environment
from stream_core.snapshots.stream_state import Snapshots
from tests.fuzz.__main__ import main
from tests.fuzz.checks import Difference, Tally, check
from tests.fuzz.damage import DAMAGES, corpus, make

if TYPE_CHECKING:
    from pathlib import Path

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover


@pytest.mark.parametrize("part", range(4))
def test_damaged_streams_are_read_alike_in_every_way(part: int) -> None:
    """Only a StreamError comes out, and fast, slow, whole, cut and folded by hand agree."""
    tally = Tally()
    for seed in range(40 * part, 40 * part + 40):
        dialect, data = make(seed)
        check(dialect, data, tally, seed)
    assert 40 == tally.inputs
    assert tally.decodes > 4 * tally.inputs


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_depends_on_its_seed_alone(name: str) -> None:
    """Each changes most streams, and the same seed does it again; nothing is too empty for it."""
    changed = 0
    for seed in range(20):
        data = corpus()[seed * 7 % len(corpus())][1]
        made = DAMAGES[name](data, random.Random(seed))
        assert made == DAMAGES[name](data, random.Random(seed))
        changed += made != data
    assert changed
    assert isinstance(DAMAGES[name](b"", random.Random(1)), bytes)


def test_a_difference_is_reported_and_its_stream_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run fails, and says how to repeat it; so does what is raised by mistake."""

    def close(self: Snapshots) -> list[object]:
        del self
        if environment.FAST:
            raise KeyError("a mistake")
        return []

    arguments = ["--seed", "3", "--inputs", "1", "--into", str(tmp_path)]
    assert 0 == main(arguments)
    assert "0 differences, 0 foreign exceptions" in capsys.readouterr().out
    monkeypatch.setattr(Snapshots, "close", close)
    dialect, data = (
        "assistants",
        b"".join(
            [b'event: thread.run.completed\ndata: {"id": "run_1", "status": "completed"}\n\n']
        ),
    )
    with pytest.raises(KeyError):
        check(dialect, data, Tally())
    kept = tmp_path / "stream.sse"
    kept.write_bytes(data)
    again = ["--dialect", dialect, "--replay", str(kept), "--into", str(tmp_path)]
    assert 1 == main(again)
    out = capsys.readouterr().out
    assert "foreign (seed" in out
    assert "--replay" in out
    assert 2 == len(list(tmp_path.iterdir()))
    monkeypatch.undo()
    assert 0 == main(again)


def test_two_ways_that_differ_are_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event that differs is quoted from both sides."""
    real = Snapshots.close

    def close(self: Snapshots) -> list[object]:
        return [] if environment.FAST else [*real(self)]

    monkeypatch.setattr(Snapshots, "close", close)
    data = (
        b'event: thread.message.delta\ndata: {"id": "m", "delta": {"content": [{"index": 0, '
        b'"type": "text", "text": {"value": "a"}}]}}\n\n'
        b'event: thread.run.completed\ndata: {"id": "run_1", "status": "completed"}\n\n'
    )
    with pytest.raises(Difference, match="MessageTextDone"):
        check("assistants", data, Tally())
