"""What an answer brings back in the next round is exactly what its server sent."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.dialects.chat.returned_fields import ReturnedFields


def returned(*deltas: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer made of DELTAS brings back."""
    fields = ReturnedFields()
    for delta in deltas:
        fields.add(delta)
    return fields.to_dict()


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text"])
def test_texts_of_reasoning_are_joined_under_their_own_name(name: str) -> None:
    """DeepSeek, vLLM and Copilot each want their own back."""
    assert {name: "ab"} == returned({name: "a"}, {name: ""}, {"content": "x"}, {name: "b"})


def test_objects_of_reasoning_are_joined_key_by_key() -> None:
    """Texts grow, a signature stays; what is of several types is a list."""
    deltas: list[dict[str, Any]] = [
        {"reasoning_content": {"text": "a"}},
        {"reasoning_content": {"text": "b", "signature": "s"}},
        {"reasoning_content": {"signature": None}},
    ]
    assert {"reasoning_content": {"text": "ab", "signature": "s"}} == returned(*deltas)
    assert {"reasoning": ["a", {"text": "b"}]} == returned(
        {"reasoning": "a"}, {"reasoning": {"text": "b"}}
    )
    assert {"reasoning": ["a"]} == returned({"reasoning": ["a"]})


@pytest.mark.parametrize("name", ["reasoning_opaque", "extra_content"])
def test_opaque_fields_go_back_as_they_came(name: str) -> None:
    """A signature is one value; if it comes again, the last one counts."""
    value = {"google": {"thought_signature": "abc"}}
    assert {name: value} == returned({name: "old"}, {name: value}, {"content": "x"}, {name: None})


def test_details_of_one_type_and_index_are_one_detail() -> None:
    """Their texts grow; the signature, which comes last, is kept."""
    text: dict[str, Any] = {"type": "reasoning.text", "index": 0, "format": "anthropic"}
    deltas: list[dict[str, Any]] = [
        {"reasoning_details": [{**text, "text": "a", "signature": None}]},
        {"reasoning_details": [{**text, "text": "b", "signature": None}]},
        {"reasoning_details": [{**text, "signature": "SIGN"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "index": 0, "data": "X"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "index": 0, "data": "Y"}]},
        {"reasoning_details": {"type": "reasoning.summary", "index": 1, "summary": "s"}},
    ]
    assert [
        {**text, "text": "ab", "signature": "SIGN"},
        {"type": "reasoning.encrypted", "index": 0, "data": "XY"},
        {"type": "reasoning.summary", "index": 1, "summary": "s"},
    ] == returned(*deltas)["reasoning_details"]


def test_details_that_cannot_be_joined_stay_apart_in_order() -> None:
    """Ids that differ keep them apart, and without an index only neighbours are joined."""
    first = {"type": "reasoning.encrypted", "id": "a", "index": 0, "data": "X"}
    second = {**first, "id": "b"}
    text = {"type": "reasoning.text", "text": "t"}
    sent = [first, second, text, {**text, "type": "x"}, text, text]
    assert [first, second, text, {**text, "type": "x"}, {**text, "text": "tt"}] == (
        returned({"reasoning_details": sent})["reasoning_details"]
    )


def test_blocks_of_thinking_are_details_too() -> None:
    """LiteLLM needs them for Anthropic."""
    block = {"type": "thinking", "thinking": "a"}
    deltas = [{"thinking_blocks": [block]}, {"thinking_blocks": [{**block, "signature": "s"}]}]
    assert [{"type": "thinking", "thinking": "aa", "signature": "s"}] == (
        returned(*deltas)["thinking_blocks"]
    )


def test_values_that_are_not_details_are_not_returned() -> None:
    """They would be refused."""
    assert {"reasoning_details": []} == returned({"reasoning_details": "x"})
