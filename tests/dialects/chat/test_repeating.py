"""Which chunks bring one piece of text and can come again; whole streams are in tests/fuzz."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.dialects import DeltaRow
from stream_core.dialects.chat.repeating import read_piece


def chunk(delta: Any, choice: Any = None, **more: Any) -> dict[str, Any]:
    """Return a chunk with one choice."""
    return {"id": "c", "choices": [{"index": 0, "delta": delta, **(choice or {})}], **more}


def call(function: Any, **more: Any) -> dict[str, Any]:
    """Return a delta with one fragment of a call."""
    return {"tool_calls": [{"index": 0, "function": function, **more}]}


@pytest.mark.parametrize(
    ("sent", "row"),
    [
        (chunk({"content": "a"}), DeltaRow("content")),
        (chunk({"role": "assistant", "content": "a", "refusal": None}), DeltaRow("content")),
        (chunk({"content": "a", "reasoning": "", "tool_calls": []}), DeltaRow("content")),
        (chunk({"reasoning_content": "a", "content": None}), DeltaRow("reasoning_content")),
        (chunk({"reasoning": "a"}), DeltaRow("reasoning")),
        (chunk({"content": "a"}, {"finish_reason": None}), DeltaRow("content")),
        (chunk({"content": "a"}, obfuscation="x"), DeltaRow("content", ("obfuscation",))),
        (chunk({"content": "a"}, {"logprobs": {}}), DeltaRow("content", ("logprobs",))),
        (chunk({"content": "a"}, logprobs={}), DeltaRow("content")),
        (chunk({"content": "a"}, {"obfuscation": "x"}), DeltaRow("content")),
        (chunk({"content": "a"}, usage={"n": 1}), DeltaRow("content", taken="usage")),
        (chunk({"content": "a"}, usage=None), DeltaRow("content")),
    ],
)
def test_a_chunk_with_one_text_is_a_piece(sent: Any, row: DeltaRow) -> None:
    """What may vary is skipped only at the place where nobody reads it."""
    piece = read_piece(sent)
    assert piece is not None
    assert (row, None) == (piece.row, piece.call)


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        (call({"arguments": "a"}), ("", 0)),
        (call({"arguments": "a", "name": None}, id="call_1", type="function"), ("call_1", 0)),
        (call({"arguments": "a", "name": ""}, id="null"), ("", 0)),
        ({"tool_calls": [{"id": "call_1", "function": {"arguments": "a"}}]}, ("call_1", None)),
    ],
)
def test_a_fragment_of_arguments_is_a_piece(delta: Any, expected: Any) -> None:
    """It says which call it is of."""
    piece = read_piece(chunk(delta))
    assert piece is not None
    assert ("tool_calls", DeltaRow("arguments"), expected) == piece


@pytest.mark.parametrize(
    "sent",
    [
        {"id": "c"},
        {"choices": None},
        {"choices": {"index": 0, "delta": {"content": "a"}}},
        {"choices": []},
        {"choices": ["a"]},
        {"choices": [{"delta": {"content": "a"}}] * 2},
        chunk(None),
        chunk("a"),
        chunk({}),
        chunk({"content": ""}),
        chunk({"content": "a", "reasoning": "b"}),
        chunk({"content": "a", "refusal": "b"}),
        chunk({"content": "a", "extra_content": {"x": 1}}),
        chunk({"content": [{"type": "text", "text": "a"}]}),
        chunk({"reasoning": {"text": "a"}}),
        chunk({"reasoning_details": [{"text": "a"}]}),
        chunk({"refusal": "a"}),
        chunk({"function_call": {"arguments": "a"}}),
        *(
            chunk({"content": "a"}, {key: value})
            for key, value in (
                ("finish_reason", "stop"),
                ("finish_reason", False),
                ("error", {"message": "no"}),
                ("error", {}),
                ("message", {"content": "a"}),
                ("messages", []),
                ("text", "a"),
                ("usage", {}),
            )
        ),
        chunk({"tool_calls": "a"}),
        chunk({"tool_calls": ["a"]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "a"}}] * 2}),
        chunk(call("a")),
        chunk(call({"arguments": "a", "name": "f"})),
        chunk(call({"arguments": {"x": 1}})),
        chunk(call({"arguments": "a", "obfuscation": "kept"})),
        chunk(call({"arguments": "a"}, obfuscation="kept")),
        chunk(call({"arguments": "a"}, custom={"input": "a"})),
        chunk(call({"arguments": "a"}, id=5)),
        chunk(call({"arguments": "a"}, index="0")),
        chunk(call({"arguments": "a"}, index=True)),
    ],
)
def test_a_chunk_that_may_mean_more_is_none(sent: Any) -> None:
    """Another shape, several things at once, an end, an error, or what is kept each time."""
    assert read_piece(sent) is None
