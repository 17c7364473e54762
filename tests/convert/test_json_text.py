"""Both libraries read JSON text alike; any other text is a ValueError that says where.

Most parsing tests run twice: with the usual library, and with the standard library alone.
"""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_core import environment
from stream_core.convert import json_text
from stream_core.convert.payloads import structure, unstructure
from stream_core.models import Run
from stream_core.models.surrogates import mend


def outcome(text: str, *, stdlib: bool) -> tuple[str, Any]:
    """Parse TEXT with one library; ``repr`` tells 1 from 1.0 and True."""
    with pytest.MonkeyPatch.context() as patch:
        if stdlib:
            patch.setattr(json_text, "_orjson_loads", lambda: None)
        try:
            return "value", repr(json_text.loads(text))
        except ValueError as error:
            return "error", str(error)


@pytest.fixture(params=["installed", "stdlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that is used here (orjson, if it is there), then the standard one."""
    if request.param == "stdlib":
        monkeypatch.setattr(json_text, "_orjson_loads", lambda: None)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        ("true", True),
        ("5", 5),
        ("12.0", 12.0),
        ("-1e-3", -0.001),
        ('""', ""),
        ('"Zürich \\u00e9 \\ud83d\\ude00"', "Zürich é 😀"),
        ('"\x7f\u2028"', "\x7f\u2028"),
        ("[]", []),
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        (' \t\r\n{"a": 1}\r\n', {"a": 1}),
    ],
)
def test_json_becomes_a_value(text: str, expected: object) -> None:
    """Every kind of value is read, white space around it or not."""
    actual = json_text.loads(text)
    assert (type(expected), expected) == (type(actual), actual)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("  ", "Expecting value: line 1 column 3 (char 2)"),
        ("[DONE]", "Expecting value: line 1 column 2 (char 1)"),
        ('{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ('{"a": 1}}', "Extra data: line 1 column 9 (char 8)"),
        ('{"a": 1}\n{"b": 2}', "Extra data: line 2 column 1 (char 9)"),
        ('"\n"', "Invalid control character at: line 1 column 2 (char 1)"),
        ('"abc', "Unterminated string starting at: line 1 column 1 (char 0)"),
        ("nan", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_is_not_json_is_an_error_that_says_where(text: str, sentence: str) -> None:
    """The sentence names what is wrong and the place, the same with both libraries."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        json_text.loads(text)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_logprobs_with_infinity_are_read_as_null(word: str) -> None:
    """What is read can be written as JSON again; a text with that word stays a text."""
    for text, expected in (
        (word, None),
        (f'{{"a": [{word}, 1.5], "b": "{word}"}}', {"a": [None, 1.5], "b": word}),
    ):
        assert expected == json_text.loads(text)
        assert expected == json_text.loads_in(f"data: {text}\n", 6, 6 + len(text))


@pytest.mark.parametrize(
    ("text", "word"),
    [("NaN", "NaN"), ('{"a": [Infinity]}', "Infinity"), ("[-Infinity]", "-Infinity")],
)
def test_where_a_number_is_needed_they_are_no_json(text: str, word: str) -> None:
    """``loads_strictly`` names the word, and reads everything else as ``loads`` does."""
    with pytest.raises(ValueError, match=f"^{word} is not JSON$"):
        json_text.loads_strictly(text)
    assert {"a": [1, None]} == json_text.loads_strictly(' {"a": [1, null]}')
    with pytest.raises(ValueError, match="Extra data"):
        json_text.loads_strictly("1 2")


@pytest.mark.usefixtures("library")
def test_nesting_that_is_too_deep_is_an_error_too() -> None:
    """A value may be nested as deep as the limit says; one more level is a ValueError."""
    limit = json_text.MAX_NESTING
    value = json_text.loads("[" * limit + "]" * limit)
    for _ in range(limit - 1):
        [value] = value
    assert [] == value
    for depth in (limit + 1, 985, 990, 100_000):
        for text in (
            "[" * depth,
            "[" * depth + "]" * depth,
            '{"a":' * depth,
            '{"a":' * depth + "1" + "}" * depth,
            '{"a":[' * (depth // 2 + 1) + "]}" * (depth // 2 + 1),
        ):
            for read in (json_text.loads, json_text.loads_strictly):
                with pytest.raises(ValueError, match=f"^it is nested deeper than {limit} levels$"):
                    read(text)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "string", ["[" * 200, "{[" * 100, '\\"' + "[" * 200, "[" * 200 + "\\\\", '\\\\\\"' + "{" * 200]
)
def test_brackets_in_strings_are_no_nesting(string: str) -> None:
    """However many there are, and whatever is escaped before them."""
    text = f'{{"a": "{string}", "{string}": ["{string}"]}}'
    assert json.loads(text) == json_text.loads(text)
    with pytest.raises(ValueError, match="nested deeper"):
        json_text.loads(f'["{string}", {"[" * 200}{"]" * 200}]')


@pytest.mark.usefixtures("library")
def test_many_brackets_side_by_side_are_no_nesting() -> None:
    """A long list of objects is as deep as one of them."""
    assert [{"a": []}] * 500 == json_text.loads(json.dumps([{"a": []}] * 500))


@pytest.mark.usefixtures("library")
def test_what_is_as_deep_as_allowed_can_be_handled() -> None:
    """It is printed, compared, copied, mended and written, in a caller who needs half the stack."""
    limit = json_text.MAX_NESTING
    text = '{"a":[' * (limit // 2) + '"\\ud83d"' + "]}" * (limit // 2)

    def below(calls: int) -> None:
        if calls:
            below(calls - 1)
            return
        value, other = json_text.loads(text), json_text.loads(text)
        run = structure(Run, {"id": "run_1", "metadata": value, "new": value})
        assert structure(Run, {"id": "run_1", "metadata": other, "new": other}) == run
        assert repr(value) in repr(run)
        assert unstructure(run) == unstructure(copy.deepcopy(run))
        assert json.loads(json.dumps(unstructure(run), indent=1)) == unstructure(run)
        assert pickle.loads(pickle.dumps(run)) == run  # noqa: S301  # its own
        assert "\ufffd" in json.dumps(mend(value), ensure_ascii=False)

    below(sys.getrecursionlimit() // 2 - 60)


@pytest.mark.usefixtures("library")
def test_of_repeated_keys_the_last_counts() -> None:
    """Every reader that makes a dict does so."""
    assert {"a": 2} == json_text.loads('{"a": 1, "a": 2}')


@pytest.mark.usefixtures("library")
def test_half_a_surrogate_pair_stays_as_sent() -> None:
    """An escape cut in two by a server is read; handling it is up to the reader."""
    assert {"a": "\ud83d"} == json_text.loads('{"a": "\\ud83d"}')


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("number", [2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**300])
def test_integers_of_any_length_are_exact(number: int) -> None:
    """No integer becomes a float."""
    assert [number] == json_text.loads(f"[{number}]")


@pytest.mark.usefixtures("library")
def test_a_number_beyond_all_floats_is_infinite() -> None:
    """It is JSON, so it is read; only the words are not numbers."""
    assert math.inf == json_text.loads("1e999")


@pytest.mark.usefixtures("library")
def test_an_integer_beyond_all_patience_is_an_error() -> None:
    """Python refuses to read integers of more than 4,300 digits."""
    with pytest.raises(ValueError, match="4300 digits"):
        json_text.loads("1" * 5000)


#: Pieces that make and break JSON.
PIECES = st.sampled_from(
    [
        *'{}[],:" \n\\1-0é\x00\ufeff',
        *("9" * 18, "9" * 19, ".5", "e9", '"a"', "\\u00e9", "\\ud83d", "true", "null", "NaN"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.lists(PIECES, max_size=8).map("".join)
    | st.builds(json.dumps, VALUES, ensure_ascii=st.booleans())
)
@example("-0")
@example("-0.0")
@example("1e400")
@example("-9223372036854775809")
@example('"\\u0000"')
def test_both_libraries_read_alike(text: str) -> None:
    """Neither a value nor an error sentence depends on the library that is installed."""
    assert outcome(text, stdlib=True) == outcome(text, stdlib=False)


def test_orjson_is_left_alone_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``UNTIL_DONE_JSON=stdlib`` is for troubleshooting."""
    monkeypatch.setattr(environment, "STDLIB_JSON", True)
    monkeypatch.setitem(sys.modules, "orjson", ModuleType("orjson"))
    assert json_text._orjson_loads.__wrapped__() is None


def test_orjson_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the standard library reads everything."""
    monkeypatch.setattr(environment, "STDLIB_JSON", False)
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert json_text._orjson_loads.__wrapped__() is None


def test_orjson_is_asked_for_all_that_it_reads_like_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets UTF-8 without long integers; texts that it refuses go to the standard library."""
    asked = []

    def loads(data: bytes) -> object:
        asked.append(data)
        return json.loads(data)

    stand_in = ModuleType("orjson")
    monkeypatch.setattr(stand_in, "loads", loads, raising=False)
    monkeypatch.setattr(environment, "STDLIB_JSON", False)
    monkeypatch.setitem(sys.modules, "orjson", stand_in)
    found = json_text._orjson_loads.__wrapped__()
    monkeypatch.setattr(json_text, "_orjson_loads", lambda: found)
    assert ["é", 10**18 - 1] == json_text.loads(f'["é", {10**18 - 1}]')
    assert 10**18 == json_text.loads(f"{10**18}")
    assert "\ud83d" == json_text.loads('"\ud83d"')
    with pytest.raises(ValueError, match="Expecting value"):
        json_text.loads("[DONE]")
    assert [1] == json_text.loads_in("data: [1]\n", 6, 9)
    assert [f'["é", {10**18 - 1}]'.encode(), b"[DONE]", b"[1]"] == asked


@pytest.mark.parametrize(
    ("text", "cut"),
    [('{"a": "b', True), ("[1,", True), ("", True), ("{}}", False), ("{}\n{}", False)],
)
def test_a_text_that_may_go_on_is_told_from_one_that_may_not(text: str, *, cut: bool) -> None:
    """A text that ends too early may be cut; a whole value with more behind it is not."""
    with pytest.raises(ValueError, match="line") as caught:
        json_text.loads(text)
    assert cut is json_text.is_cut(caught.value)
    assert cut is json_text.may_go_on(text)
    assert not json_text.may_go_on("{}")


def test_what_is_no_error_of_a_text_is_no_cut() -> None:
    """Without an error, or with one that no more text would mend, nothing is cut."""
    assert not json_text.is_cut(None)
    assert not json_text.is_cut(ValueError("NaN is not JSON"))


def test_a_string_can_be_scanned_from_inside() -> None:
    """``scan_string`` starts after the opening quote and stops after the closing one."""
    assert ("a\nb", 6) == json_text.scan_string('"a\\nb", 1', 1)
    for broken in ('"abc', '"a\nb"', '"a\\x"'):
        with pytest.raises(ValueError, match="char"):
            json_text.scan_string(broken, 1)


# --- A text inside another one -----------------------------------------------------------


def outcome_inside(before: str, text: str, after: str) -> tuple[str, Any]:
    """Parse TEXT as part of a longer text."""
    try:
        found = json_text.loads_in(before + text + after, len(before), len(before) + len(text))
    except ValueError as error:
        return "error", str(error)
    return "value", repr(found)


#: Surroundings of a text. Some are JSON together with it, or continue it.
AROUND = st.sampled_from(
    ["", "\n", "data: ", "[", "]", "1", "-", ".5", '"', "\\", "{}", " ", "\ud83d"]
)


@given(
    AROUND,
    st.lists(PIECES, max_size=8).map("".join)
    | st.builds(json.dumps, VALUES, ensure_ascii=st.booleans()),
    AROUND,
    st.booleans(),
)
@example("", "1", "2", False)
@example("", "1", ".5", True)
@example("", '"a', '"', True)
@example("[", "[", "]", True)
@example("", " {} ", "", False)
@example("data: ", "NaN", "", True)
def test_what_stands_in_a_text_is_read_as_if_it_stood_alone(
    before: str, text: str, after: str, stdlib: bool
) -> None:
    """Neither a value nor an error sentence depends on the surrounding text or the library."""
    with pytest.MonkeyPatch.context() as patch:
        if stdlib:
            patch.setattr(json_text, "_orjson_loads", lambda: None)
        assert outcome(text, stdlib=stdlib) == outcome_inside(before, text, after)


@pytest.mark.usefixtures("library")
def test_what_is_too_deep_inside_a_text_is_an_error_too() -> None:
    """The error is the same as for the text alone."""
    for text in ("[" * 100_000, "[" * 100_000 + "]" * 100_000):
        with pytest.raises(ValueError, match="nested deeper"):
            json_text.loads_in(f"data: {text}\n", 6, 6 + len(text))
