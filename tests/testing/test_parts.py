"""The parts of an answer: plain values that refuse invalid content."""

from __future__ import annotations

import pytest

from stream_core.testing.parts import (
    ENDING,
    AskApproval,
    CallFunctions,
    Fail,
    FunctionCall,
    McpCall,
    RunCode,
    Say,
)


def test_arguments_may_be_a_mapping_or_the_text_itself() -> None:
    """A mapping becomes JSON text with raw UTF-8; a text stays as it is, JSON or not."""
    assert '{"city": "Zürich"}' == FunctionCall("f", {"city": "Zürich"}).arguments
    assert "{broken" == FunctionCall("f", "{broken").arguments
    assert "{}" == FunctionCall("f").arguments
    assert '{"a": 1}' == McpCall("label", "tool", {"a": 1}).arguments


def test_calls_are_never_empty() -> None:
    """A round without calls could never be answered, so it cannot be made."""
    with pytest.raises(ValueError, match="calls"):
        CallFunctions([])
    with pytest.raises(ValueError, match="calls"):
        AskApproval([])


def test_the_parts_that_end_a_turn_are_listed() -> None:
    """`ENDING` separates a failure and a call from text and code."""
    assert isinstance(Fail(), ENDING)
    assert isinstance(CallFunctions([FunctionCall("f")]), ENDING)
    assert not isinstance(Say("x"), ENDING)
    assert not isinstance(RunCode("x"), ENDING)
