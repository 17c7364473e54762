"""What the pieces of a call's arguments mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core.dialects.arguments import can_follow, is_whole, meaning, settled


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a": 1}', '{"a":1}', True),
        ("{", "{", True),
        ('{"a": [1, {"b": []}], "c": 2}', '{"c":2.0,"a":[1.0,{"b":[]}]}', True),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"a": ', False),
        ("5", "5.0", False),
    ],
)
def test_arguments_are_the_same_however_they_are_spelt(one: str, other: str, same: bool) -> None:
    """Those that are not whole are the same only to the letter."""
    assert same == (meaning(one) == meaning(other))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("{}", True),
        ('{"a": {"b": [1]}} \n', True),
        ("{}" + " " * 100, True),
        ('{"a": {}', False),
        ('{"a": "}', False),
        ("", False),
        ("null", False),
        ('"}"', False),
        ("[{}", False),
        ("{}{}", False),
    ],
)
def test_whole_is_one_json_object(text: str, whole: bool) -> None:
    """A closing brace alone does not make arguments complete, and white space does no harm."""
    assert whole == is_whole(text)


@pytest.mark.parametrize(
    ("text", "piece", "can"),
    [
        ("", '{"a"', True),
        ('{"a":', '{"b"', True),
        ('{"a":[{},', "{}]}", True),
        ('{"a":"', "{", True),
        ('{"a":"\\', "{", False),
        ('{"a":"x\\u12', "{", False),
        ('{"a":1', ',"b":2}', True),
        ('{"a":', "{}", True),
        ('{"a":', '{"b":tru', True),
        ('{"a":', '{"b":-1.5e', True),
        ('{"a":', '{"b":-', True),
        ('{"n', '{"n', False),
        ('{"n":"x', '{"e', False),
        ('{"a"', '{"b"', False),
        ('{"ci', '{"city":"Rome"}', False),
        ('{"a":"x', '{"a":"y"}', False),
        ("{}", "{}", False),
        ('{"a":', '{"b":NaN', True),
        ('{"a":', '{"b":"\\ud8', True),
    ],
)
def test_a_piece_that_begins_as_arguments_do_may_follow_only_where_json_has_it(
    text: str,
    piece: str,
    can: bool,
) -> None:
    """So the beginning of another call is not taken for more of the one before."""
    assert can == can_follow(text, piece)


@pytest.mark.parametrize(
    ("pieces", "final"),
    [
        (['{"x"', ":1}"], '{"x":1}'),
        (['{"x"', ":1}", '{"x":1}'], '{"x":1}'),
        (['{"x":1}', '{"x":1}'], '{"x":1}'),
        (['{"x":1}', '{"x"', ":1}"], '{"x":1}'),
        (['{"x"', '{"x":1', '{"x":1}'], '{"x":1}'),
        (['{"x"', '{"x":1', '{"x":1}', '{"x":1}'], '{"x":1}'),
        (["{}", "{}"], "{}"),
        (['{"x":1}', '{"x":2}'], '{"x":1}{"x":2}'),
        (['{"x":1}', '{"y'], '{"x":1}{"y'),
        (['{"x"', '{"y"'], '{"x"{"y"'),
        (["1", "11"], "111"),
        ([], ""),
        (['{"x":1}', " "], '{"x":1} '),
        (["", ""], ""),
        (["{", "}}"], "{}}"),
    ],
)
def test_arguments_sent_again_or_cumulatively_count_once(pieces: list[str], final: str) -> None:
    """If one piece alone is JSON and the others spell it; anything else stays as it was sent."""
    assert final == (settled(pieces) or "".join(pieces))


VALUES = st.dictionaries(
    st.text(max_size=4), st.integers() | st.text(max_size=6) | st.lists(st.booleans()), max_size=3
)


@given(VALUES, st.data())
def test_any_arguments_come_right_in_each_of_three_manners(
    value: dict[str, object], data: st.DataObject
) -> None:
    """In pieces, in pieces and then whole, and all so far in each piece."""
    text = json.dumps(value)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=4)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    cumulative = [text[:end] for end in [*cuts, len(text)]]
    for sent in (pieces, [*pieces, text], cumulative, [*cumulative, text]):
        assert text == (settled(sent) or "".join(sent))


def test_a_number_too_long_for_the_parser_may_be_a_part_of_arguments() -> None:
    """What cannot be judged follows."""
    assert can_follow('{"a": ', '{"b": ' + "1" * 5000)
