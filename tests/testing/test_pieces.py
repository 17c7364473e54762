"""The cutting of texts: always at the same places, and without losing anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core.testing.parts import FileCitation, FilePath
from stream_core.testing.pieces import cut_code, cut_text, mark_pieces

CITED = FileCitation("【4:0†source】", "file-1")


@given(st.text())
def test_the_pieces_of_any_text_are_the_text(text: str) -> None:
    """Joined, the pieces of a text and the fragments of code are the whole."""
    assert text == "".join(cut_text(text))
    assert text == "".join(cut_code(text))
    assert text == "".join(piece for piece, _ in mark_pieces(text, (), None))


def test_an_empty_text_is_one_empty_piece_and_empty_code_none() -> None:
    """An empty text still makes a text part; no arguments make no fragment."""
    assert [""] == cut_text("")
    assert [] == cut_code("")


def test_words_keep_the_space_before_them_and_long_ones_are_cut() -> None:
    """The cuts are like a model's, and fall between a letter and its accent too."""
    assert ["How", " are", "  ", "you?"] == cut_text("How are  you?")
    assert ["abcde" + "e", "\u0301x"] == cut_text("abcdee\u0301x")


def test_code_is_cut_inside_json_escapes() -> None:
    """A backslash can be the end of a fragment, as on the real wire."""
    assert any(piece.endswith("\\") for piece in cut_code(r'{"a":"\n\n\n\n\n"}'))


def test_a_marker_is_a_piece_of_its_own() -> None:
    """The text around markers is cut; each marker stays whole and carries its annotation."""
    path = FilePath("sandbox:/a", "file-2")
    text = f"See{CITED.text}{path.text} and {CITED.text}"
    assert [
        ("See", None),
        (CITED.text, CITED),
        (path.text, path),
        (" and", None),
        (" ", None),
        (CITED.text, CITED),
    ] == list(mark_pieces(text, [CITED, path, CITED], None))


def test_a_marker_that_is_not_in_the_text_is_an_error() -> None:
    """The error names the marker and where the search began."""
    with pytest.raises(ValueError, match=r"'【4:0†source】' is not in the text after position 0"):
        list(mark_pieces("nothing", [CITED], None))


def test_given_pieces_are_sent_as_they_are() -> None:
    """The caller's own pieces carry annotations if the piece is the marker."""
    pieces = ["a", "", CITED.text, "b"]
    assert [("a", None), ("", None), (CITED.text, CITED), ("b", None)] == list(
        mark_pieces("".join(pieces), [CITED], pieces)
    )


def test_given_pieces_must_be_the_text_and_have_the_markers() -> None:
    """Pieces that are another text, or that cut a marker, are errors."""
    with pytest.raises(ValueError, match="the pieces joined are not the text"):
        list(mark_pieces("abc", (), ["ab"]))
    with pytest.raises(ValueError, match="no piece is the marker"):
        list(mark_pieces(CITED.text, [CITED], [CITED.text[:3], CITED.text[3:]]))
