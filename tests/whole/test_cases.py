"""Streams of a manner of their own, each with what must become of it; and the page about them.

Rules of this file:

- The streams are read where they lie, with the values of their ``INDEX.json``. The names are those
  of ``tests.support.manners``, so that a stream without a row fails a test; so does the reverse.
- Each is read by a stream with a handler: whole, byte by byte, at random cuts, with and without
  fast paths. All must agree.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import environment
from tests import ROOT
from tests.support.frames import pieces, random_pieces
from tests.support.manners import CASES, MANNERS, PAGE, with_tables
from tests.support.outcomes import read, status, wrong_values

if TYPE_CHECKING:
    from pathlib import Path

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover


@cache
def index(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the cases in FOLDER by name."""
    rows = json.loads((folder / "INDEX.json").read_text("utf-8"))
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_what_is_right(cases: Path, name: str) -> None:
    """Text, calls, status, errors and all else are those that its row in the index states."""
    case = index(cases)[name]
    out = read((cases / f"{name}.sse").read_bytes(), case["dialect"])
    assert {} == wrong_values(case["right"], out), out


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_the_same_however_it_is_read(cases: Path, name: str) -> None:
    """It is read whole, byte by byte, at random cuts, and without fast paths."""
    data, dialect = (cases / f"{name}.sse").read_bytes(), index(cases)[name]["dialect"]
    expected = read(data, dialect)
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            assert expected == read(data, dialect)
            assert expected == read(pieces(data, 1), dialect)
            for seed in range(3):
                assert expected == read(random_pieces(data, seed, most=60), dialect)


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_the_same_if_its_wire_is_found_out(cases: Path, name: str) -> None:
    """`auto` reads it as the name of its wire does, wherever the first frames tell the wire."""
    data, dialect = (cases / f"{name}.sse").read_bytes(), index(cases)[name]["dialect"]
    named, found = read(data, dialect), read(data, "auto")
    if named.run is not None:
        assert (named.text, named.calls, status(named)) == (found.text, found.calls, status(found))


# --- The page ---------------------------------------------------------------------------


def test_every_stream_is_in_the_table(cases: Path) -> None:
    """Each has one row, and each that a row names is there."""
    assert sorted(index(cases)) == sorted(CASES)


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.support.manners` updates it."""
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page)


def test_every_manner_is_told_once() -> None:
    """No two rows are the same, and none has what a cell cannot hold."""
    rows = [row for rows in MANNERS.values() for row in rows]
    assert len(rows) == len({row.manner for row in rows})
    assert [] == [x for x in rows if set("|\n") & set(x.servers + x.manner + x.meaning)]


def test_every_test_that_a_manner_names_is_there() -> None:
    """A test that was renamed would leave its row without one."""
    named = {name for rows in MANNERS.values() for row in rows for name in row.tests}
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"(?m)^def (test_\w+)", source)}
    assert set() == named - there
