"""The mutants of ``make mutate``: each is one change that runs, of what is worth a change."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import ROOT
from tests.mutation.__main__ import own_tests
from tests.mutation.mutants import mutants
from tests.mutation.reasons import REASONS

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

SOURCE = '''
"""Nothing here is changed."""
import os
__all__ = ["f"]
T = TypeVar("T")
LIMIT: int = -5


def f(a: "int", b=True, *, c="x"):
    """Neither is this."""
    if a < LIMIT and not b or c:
        raise ValueError("nor this")
    while a:
        a -= 1
        break
    for x in (b"y",):
        continue
    return x if a is None else cast("int | None", a) + 1
'''


def test_each_mutant_is_one_change_that_can_be_compiled() -> None:
    """All differ from the source and from each other."""
    found = [x.source for x in mutants(SOURCE)]
    assert len(set(found)) == len(found)
    assert ast.unparse(ast.parse(SOURCE)) not in found
    for source in found:
        compile(source, "f.py", "exec")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a < LIMIT", "a <= LIMIT"),
        ("a < LIMIT", "a >= LIMIT"),
        ("not b", "b"),
        ("-5", "5"),
        ("5", "6"),
        ("a -= 1", "pass"),
        ("break", "continue"),
        ("continue", "break"),
        ("a is None", "a is not None"),
        ("cast('int | None', a) + 1", "cast('int | None', a) - 1"),
        ("b'y'", "b'yx'"),
        ("return x if a is None else cast('int | None', a) + 1", "return None"),
        ("a < LIMIT and (not b) or c", "c"),
    ],
)
def test_what_is_changed(before: str, after: str) -> None:
    """Comparisons, operators, constants, conditions and statements are."""
    assert (before, after) in [(x.before, x.after) for x in mutants(SOURCE)]


def test_what_is_for_readers_and_checkers_is_left_alone() -> None:
    """Docstrings, imports, exports, annotations and the sentences of errors are in every mutant."""
    for mutant in mutants(SOURCE):
        for text in ("Nothing here", "import os", "['f']", "Neither is", "nor this", "a: 'int'"):
            assert text in mutant.source
        assert "TypeVar('T')" in mutant.source
        assert "'int | None'" in mutant.source or mutant.after == "return None"


def test_a_file_has_its_own_tests() -> None:
    """They are found as the layout says."""
    assert Path("tests/test_sse.py") == own_tests(Path("stream_core/sse.py"))
    assert Path("tests/snapshots/test_blocks.py") == own_tests(
        Path("stream_core/snapshots/blocks.py")
    )
    assert Path("tests/handlers/test_text.py") == own_tests(Path("handlers/text.py"))


@pytest.mark.parametrize("file", REASONS)
def test_a_reason_is_for_a_mutant_that_there_is(file: str) -> None:
    """What a change of the file made untrue is taken out."""
    found = {(x.place, x.before, x.after) for x in mutants((ROOT / file).read_text("utf-8"))}
    for listed in REASONS[file].values():
        assert set(listed) <= found
