"""Halves of surrogate pairs in texts and in payloads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import models
from stream_core.models.surrogates import can_encode, has_halves, mend, split_half, whole_text

#: Texts in which halves are frequent.
TEXTS = st.text(st.sampled_from("aé€😀\ud83d\udbff\udc00\ude00\udfff"), max_size=8)


@given(TEXTS)
def test_a_whole_text_is_what_utf_16_makes_of_it(text: str) -> None:
    """Halves that meet are a character; one that is alone is U+FFFD."""
    data = text.encode("utf-16-le", "surrogatepass")
    assert data.decode("utf-16-le", "replace") == whole_text(text)


@given(TEXTS)
def test_a_text_that_can_be_encoded_stays_as_it_is(text: str) -> None:
    """It is the same object, so nothing is copied."""
    whole = whole_text(text)
    assert can_encode(whole)
    assert whole is whole_text(whole)
    assert (whole, "") == split_half(whole)


@given(TEXTS)
def test_only_a_first_half_at_the_end_can_meet_another(text: str) -> None:
    """What is before it is whole; a second half there has missed the first one."""
    whole, half = split_half(text)
    assert whole_text(text) == whole_text(whole + half)
    assert can_encode(whole)
    assert bool(half) == ("\ud800" <= text[-1:] <= "\udbff")


@pytest.mark.parametrize(
    ("json_text", "found"),
    [
        (r'{"a": "\ud83d\ude00"}', True),
        (r'{"a": "\uDBFF"}', True),
        (r'{"a": "\u00e9", "\\d": "\\D"}', False),
        ('{"a": "😀"}', False),
    ],
)
def test_halves_are_escapes_that_begin_with_d(json_text: str, found: bool) -> None:
    """Other escapes, and characters that are not escaped, are no halves."""
    assert found is has_halves(json_text)


def test_a_payload_is_mended_at_every_depth() -> None:
    """Texts, keys and lists are; ``raw`` and ``extra`` stay as sent, and so does what has grown."""
    block = models.TextContentBlock(text=models.Text("a\ud83d"), extra={"more": "\ud83d"})
    grown = models.TextContentBlock()
    grown.text.grow("é")
    unknown = models.UnknownContent("t\ud83d", {"x": "\ud83d"})
    metadata = {"\ud83d": ["\ude00", 1, None]}
    message = models.Message(content=[block, grown, unknown], metadata=metadata)
    assert message is mend(message)
    assert ("a\ufffd", {"more": "\ud83d"}) == (block.text.value, block.extra)
    assert "é" == grown.text.value
    assert ("t\ufffd", {"x": "\ud83d"}) == (unknown.type, unknown.raw)
    assert {"\ufffd": ["\ufffd", 1, None]} == message.metadata
    assert {"\ud83d": ["\ude00", 1, None]} == metadata
