"""Which streamed texts the texts of a final state are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core.dialects.responses.alignment import align, may_be_all, rest_of

TEXTS = st.lists(st.text("ab", max_size=3), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("streamed", "final", "expected"),
    [
        (["Hi"], ["Hi"], [(0, "Hi")]),
        (["Hi"], ["Hi there"], [(0, "Hi there")]),
        (["H", "i"], ["Hi"], [(0, "H"), (1, "i")]),
        (["H", "i"], ["Hi!"], [(0, "H"), (1, "i!")]),
        (["H", "i"], ["H"], [(0, "H"), (1, "i")]),
        (["H", "i"], ["Yo"], [(0, "Yo"), (1, "")]),
        (["ha"], ["ha", "ha"], [(0, "ha"), (None, "ha")]),
        (["ha", "ha"], ["ha"], [(0, "ha"), (1, "ha")]),
        (["b"], ["a", "b"], [(None, "a"), (0, "b")]),
        (["c"], ["a", "b"], [(None, "a"), (0, "b")]),
    ],
)
def test_streamed_texts_are_those_of_the_final_state(
    streamed: list[str], final: list[str], expected: list[tuple[int | None, str]]
) -> None:
    """They are in order; with fewer final texts, each streamed one stays a text of its own."""
    assert expected == align(streamed, final)


@given(TEXTS, TEXTS)
def test_no_streamed_text_is_lost_and_none_is_two(streamed: list[str], final: list[str]) -> None:
    """Each has one place, in order; joined, the texts are what the server said last."""
    found = align(streamed, final)
    assert [*range(len(streamed))] == [place for place, _ in found if place is not None]
    assert max(len(streamed), len(final)) == len(found)
    said, whole = "".join(streamed), "".join(final)
    expected = said if len(final) < len(streamed) and said.startswith(whole) else whole
    assert expected == "".join(text for _, text in found)


def test_a_whole_text_may_be_all_that_was_said() -> None:
    """It is, if one begins with the other; nothing was said if no delta came."""
    assert [True, True, True, False, False] == [
        may_be_all(*pair)
        for pair in (("ha", "ha"), ("ha", "hah"), ("ha", "h"), ("ha", "b"), ("", "a"))
    ]
    assert ["h", "", "ha"] == [rest_of(*pair) for pair in (("ha", "hah"), ("ha", "b"), ("", "ha"))]
