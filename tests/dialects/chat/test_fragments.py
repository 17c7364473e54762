"""The fragments of calls in a delta, as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.convert.payloads import show, structure
from stream_core.dialects.chat.chunks import ChunkDelta
from stream_core.dialects.chat.fragments import Fragment, read_fragments, read_index
from stream_core.errors import DecodeError
from tests.support.chat_frames import call


def read(*calls: dict[str, Any]) -> list[Fragment]:
    """Return the fragments of CALLS, sent in one delta."""
    return read_fragments(structure(ChunkDelta, {"tool_calls": [*calls]}), "$")


@pytest.mark.parametrize(
    ("sent", "index"),
    [(0, 0), (7, 7), ("0", 0), ("12", 12), (1.0, 1), (-1, -1), (None, None), ("", None)],
)
def test_an_index_may_be_the_text_of_a_number(sent: Any, index: int | None) -> None:
    """Empty and null are no index."""
    assert index == read_index(sent, "$")


@pytest.mark.parametrize("sent", ["x", "²", "1" * 10, 1.5, True, [], {}])
def test_another_index_is_refused(sent: Any) -> None:
    """A fragment must not be given to the wrong call."""
    with pytest.raises(DecodeError) as caught:
        read({"index": sent, "function": {"name": "f"}})
    assert (f"$.tool_calls[0].index: {show(sent)} is not an integer",) == caught.value.paths


@pytest.mark.parametrize(
    ("sent", "call_id"),
    [("a", "a"), (None, ""), ("", ""), ("null", ""), ("None", ""), (5, "5"), (0, "0")],
)
def test_null_in_any_dress_is_not_an_id(sent: Any, call_id: str) -> None:
    """A number is one."""
    (fragment,) = read({"index": 0, "id": sent, "function": {"name": "f"}})
    assert call_id == fragment.id


@pytest.mark.parametrize("sent", [True, 1.5, [], {}])
def test_another_id_is_refused(sent: Any) -> None:
    """The error has its path."""
    with pytest.raises(DecodeError) as caught:
        read(call(0), {"index": 0, "id": sent})
    assert (f"$.tool_calls[1].id: {show(sent)} is not a string",) == caught.value.paths


def test_a_fragment_alone_has_no_place() -> None:
    """Others have the one in their chunk; those that say nothing are left out."""
    assert [None] == [x.place for x in read(call(0, name="f"))]
    assert [0, 2] == [x.place for x in read(call(0, name="f"), call(1), call(2, name="g"))]


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_arguments_that_are_neither_text_nor_an_object_are_refused(value: Any) -> None:
    """The error has the path in the chunk."""
    delta = structure(ChunkDelta, {"tool_calls": [call(0), call(1, arguments=value)]})
    with pytest.raises(DecodeError) as caught:
        read_fragments(delta, "$.choices[0].delta")
    where = "$.choices[0].delta.tool_calls[1].function.arguments"
    assert (f"{where}: {show(value)} is not a string",) == caught.value.paths
    delta = structure(ChunkDelta, {"function_call": {"arguments": value}})
    with pytest.raises(DecodeError, match=r"\$\.delta\.function_call\.arguments: "):
        read_fragments(delta, "$.delta")


def test_arguments_that_are_an_object_become_text() -> None:
    """Characters beyond ASCII stay."""
    (fragment,) = read(call(0, name="f", arguments={"city": "Ulm ä"}))
    assert '{"city": "Ulm ä"}' == fragment.arguments


def test_what_a_server_adds_is_kept_with_the_fragment() -> None:
    """It may be on the call or on its function, and may come without anything else."""
    (both,) = read({"index": 0, "extra_content": 1, "function": {"name": "f", "sign": 2}})
    assert ({"extra_content": 1}, {"sign": 2}) == (both.extra, both.function_extra)
    (alone,) = read({"index": 0, "extra_content": 1})
    assert {"extra_content": 1} == alone.extra


def test_a_custom_tool_is_known_by_its_type_or_by_its_key() -> None:
    """Its input stands for the arguments."""
    named, typed = read(
        {"index": 0, "custom": {"name": "f", "input": "say"}},
        {"index": 1, "id": "b", "type": "custom"},
    )
    assert ("f", "say", True, True) == (named.name, named.arguments, named.custom, typed.custom)
