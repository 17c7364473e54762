"""The forms in which a choice may have its part of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.convert.payloads import structure
from stream_core.dialects.chat.choice_forms import choice_of, pieces_of
from stream_core.dialects.chat.chunks import ChunkChoice
from stream_core.errors import DecodeError


def found(sent: dict[str, Any]) -> list[tuple[Any, str, int, bool]]:
    """Return what a choice that was SENT says, and where."""
    pieces = pieces_of(structure(ChunkChoice, sent), sent, "$.choices[0]")
    return [
        (x.delta.content, x.path.removeprefix("$.choices[0]"), x.speaker, x.is_whole)
        for x in pieces
    ]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"message": {"content": "a"}}, [("a", ".message", 0, True)]),
        ({"message": {"content": "a"}, "delta": {"role": "x"}}, [("a", ".message", 0, True)]),
        ({"message": {"content": "a"}, "delta": {"content": "b"}}, [("b", ".delta", 0, False)]),
        ({"text": "a"}, [("a", ".delta", 0, False)]),
        ({"text": "a", "delta": {"content": "b"}}, [("b", ".delta", 0, False)]),
        (
            {
                "messages": [
                    {"delta": {"content": "a"}},
                    {"message": None},
                    {"content": "b", "index": 5},
                ]
            },
            [
                (None, ".delta", 0, False),
                ("a", ".messages[0].delta", 0, False),
                (None, ".messages[1].delta", 1, False),
                ("b", ".messages[2].delta", 5, False),
            ],
        ),
        ({"messages": "none", "text": ""}, [("", ".delta", 0, False)]),
    ],
)
def test_every_form_becomes_pieces_of_the_answer(sent: dict[str, Any], expected: Any) -> None:
    """What a delta says takes precedence over the same as a whole."""
    assert expected == found(sent)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"text": 5}, "$.choices[0].text"),
        ({"message": 5}, "$.choices[0].message"),
        ({"messages": [5]}, "$.choices[0].messages[0]"),
        ({"message": {"tool_calls": [5]}}, "$.choices[0].message.tool_calls[0]"),
    ],
)
def test_a_form_of_another_type_is_an_error_at_its_place(sent: dict[str, Any], path: str) -> None:
    """The path leads to it from the chunk on."""
    with pytest.raises(DecodeError) as info:
        found(sent)
    assert info.value.paths[0].startswith(path)


def test_a_choice_may_not_be_in_a_list() -> None:
    """Some servers have only one."""
    assert [1, {"a": 1}] == [choice_of({"choices": [0, 1]}, 1), choice_of({"choices": {"a": 1}}, 0)]
