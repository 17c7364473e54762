"""The soak works: every trouble on every wire once, outcomes judged, resources compared."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.soak.__main__ import main
from tests.soak.outcomes import ALLOWED, lines, unaccounted
from tests.soak.resources import Resources
from tests.soak.streams import OTHER_THREADS, TROUBLES

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover


def test_every_trouble_on_every_wire_ends_as_the_table_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Memory, descriptors and threads are what they were before."""
    status = main(["--minutes", "0.003", "--threads", "8", "--seed", "1"])
    said = capsys.readouterr().out
    assert 0 == status, said
    assert [trouble for trouble in sorted(TROUBLES) if trouble not in said] == []
    assert "descriptors: " in said


def test_each_trouble_has_its_outcomes() -> None:
    """The table has a row for each, and no others."""
    assert {*TROUBLES, *OTHER_THREADS} == ALLOWED.keys()


def test_an_outcome_that_is_not_in_the_table_is_a_failure() -> None:
    """It is named with its wire."""
    counts = Counter({("chat", "html", "completed"): 2, ("chat", "none", "completed"): 1})
    assert ["chat, html: completed is not one of NotAnEventStreamError"] == unaccounted(counts)
    assert ["html   2 completed", "none   1 completed"] == [
        " ".join([line[:6].strip() + "  ", line[27:].strip()]) for line in lines(counts)
    ]


def test_what_has_grown_is_a_failure() -> None:
    """Descriptors and threads may not, memory within a bound."""
    before = Resources(memory=1000, descriptors=6, threads=1)
    assert [] == Resources(memory=1100, descriptors=6, threads=1).grown_beyond(before, 100)
    assert [
        "101 KiB of memory more than at the beginning; 100 are allowed",
        "1 descriptors more than at the beginning; 0 are allowed",
        "2 threads more than at the beginning; 0 are allowed",
    ] == Resources(memory=1101, descriptors=7, threads=3).grown_beyond(before, 100)
