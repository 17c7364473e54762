"""The words for an ending, and the tokens that were used."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.convert.payloads import structure
from stream_core.dialects.chat.endings import (
    FINISH_REASONS,
    counts_alone,
    ending_of,
    read_usage,
    word_of,
)
from stream_core.dialects.run_writer import ENDS
from tests.support.chat_frames import USAGE


@pytest.mark.parametrize("word", sorted(FINISH_REASONS))
def test_every_known_word_is_known_in_any_spelling(word: str) -> None:
    """Upper case, a hyphen for an underscore, blanks around."""
    expected = (*FINISH_REASONS[word], True)
    spelt = (word, word.upper(), word.replace("_", "-"), f" {word} ", word.replace("_", " "))
    assert [expected] * 5 == [ending_of(x) for x in spelt]
    assert expected[0] in ENDS


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("abort", "failed", None),
        ("network_error", "failed", None),
        ("max_tokens", "incomplete", "length"),
        ("MAX_TOKENS", "incomplete", "length"),
        ("sensitive", "incomplete", "content_filter"),
        ("SAFETY", "incomplete", "content_filter"),
        ("STOP", "completed", None),
        ("COMPLETE", "completed", None),
        ("eos", "completed", None),
        ("of_tomorrow", "incomplete", "of_tomorrow"),
    ],
)
def test_no_word_but_a_known_one_is_a_success(word: str, status: str, reason: str | None) -> None:
    """The reason of an unknown one is the word itself."""
    assert (status, reason) == ending_of(word)[:2]


@pytest.mark.parametrize("sent", [None, "", "null", "None", "NULL", " ", False, "not_finished"])
def test_what_is_written_while_there_is_no_reason_is_not_one(sent: Any) -> None:
    """Some servers write it in every chunk."""
    assert word_of(sent) is None


@pytest.mark.parametrize(("sent", "word"), [("stop", "stop"), (5, "5"), ({"a": 1}, '{"a": 1}')])
def test_a_reason_is_a_word_whatever_its_type(sent: Any, word: str) -> None:
    """A type that nobody expects is not a success."""
    assert word == word_of(sent)


KNOWN = structure(models.Usage, USAGE)


@pytest.mark.parametrize("sent", [None, {}, 5, "x", [], {"total_tokens": None}, {"total": 5}])
def test_a_usage_without_numbers_says_nothing(sent: Any) -> None:
    """It is unknown, or stays what it was."""
    assert read_usage(sent, None) is None
    assert KNOWN is read_usage(sent, KNOWN)


def test_zeros_do_not_replace_numbers() -> None:
    """They are known only if nothing better is."""
    zeros = dict.fromkeys(USAGE, 0)
    assert models.Usage() == read_usage(zeros, None)
    assert KNOWN is read_usage(zeros, KNOWN)


def test_a_usage_is_read_as_far_as_it_can_be() -> None:
    """What has the wrong type is in its extra, as are unknown keys."""
    sent: dict[str, Any] = {
        "prompt_tokens": 2.0,
        "completion_tokens": "3",
        "total_tokens": [5],
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": 0,
        "cost": 0.5,
        "of_tomorrow": None,
        "prompt_token_details": None,
    }
    usage = read_usage(sent, None)
    assert usage is not None
    assert (2, 3, 5) == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert ({"cached_tokens": 1}, None) == (
        usage.prompt_tokens_details,
        usage.completion_tokens_details,
    )
    assert {
        "total_tokens": [5],
        "completion_tokens_details": 0,
        "cost": 0.5,
        "of_tomorrow": None,
    } == usage.extra
    assert KNOWN == read_usage(USAGE, None)


def test_names_of_other_wires_are_read_if_those_of_this_one_are_missing() -> None:
    """So is a total that is missing."""
    sent = {"input_tokens": 2, "output_tokens": 3}
    usage = read_usage(sent, None)
    assert usage is not None
    assert (2, 3, 5) == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    both = read_usage({**USAGE, "input_tokens": 7}, None)
    assert both is not None
    assert USAGE["prompt_tokens"] == both.prompt_tokens


@pytest.mark.parametrize("sent", [True, float("nan"), float("inf"), "x", "9" * 30, {}, 1e30])
def test_what_is_not_a_number_of_tokens_is_not_one(sent: Any) -> None:
    """The others are read, and a total that is missing is their sum."""
    usage = read_usage({"total_tokens": sent, "prompt_tokens": 1}, None)
    assert usage is not None
    assert (1, 1, {"total_tokens": sent}) == (usage.prompt_tokens, usage.total_tokens, usage.extra)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (USAGE, True),
        ({"total_tokens": 1}, True),
        ({"total_tokens": 2**63 - 1}, True),
        ({"total_tokens": 2**63}, False),
        ({"total_tokens": 0, "prompt_tokens": 1}, False),
        ({"total_tokens": True}, False),
        ({"total_tokens": "5"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_usage_with_a_total_counts_alone(sent: Any, expected: bool) -> None:
    """Whatever was known before, reading it gives the same."""
    assert expected is counts_alone(sent)
    if expected:
        assert read_usage(sent, None) == read_usage(sent, KNOWN)
