"""Every field of a chunk becomes something, or is left out for a stated reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import attrs
import pytest
from openai import BaseModel
from openai.types.chat import ChatCompletionChunk

from stream_core.convert.payloads import structure
from stream_core.dialects.chat import chunks
from stream_core.dialects.chat.chunks import CHUNK, RAW_ONLY, ChatChunk
from stream_core.errors import DecodeError


def inner(kind: Any) -> Any:
    """Return the class in an annotation such as ``list[X] | None``, if there is just one."""
    if attrs.has(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return kind
    found = {inner(x) for x in get_args(kind)} - {None}
    return found.pop() if len(found) == 1 else None


def is_list(kind: Any) -> bool:
    """Return whether an annotation is that of a list, with or without None."""
    return "list[" in str(kind).lower()


def compare(official: Any, ours: Any, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Walk both classes: yield the path of each official field, and whether ours has it."""
    attrs.resolve_types(ours)
    mine = {x.alias: x.type for x in attrs.fields(ours)}
    for name, info in official.model_fields.items():
        path = f"{prefix}{name}"
        yield path, name in mine
        below, known = inner(info.annotation), inner(mine.get(name))
        if below is not None and known is not None:
            yield from compare(
                below, known, f"{path}[]." if is_list(info.annotation) else f"{path}."
            )


FIELDS = dict(compare(ChatCompletionChunk, ChatChunk))


@pytest.mark.parametrize("path", sorted(FIELDS))
def test_a_field_of_the_official_chunk_is_read_or_left_out_for_a_reason(path: str) -> None:
    """A new field fails here: give it a place in a payload, or a reason for having none."""
    assert FIELDS[path] is not (path in RAW_ONLY), "not read and no reason given, or both"


def test_what_is_left_out_is_in_official_chunks_and_has_a_reason() -> None:
    """The list does not outlive the fields it is about."""
    assert RAW_ONLY.keys() <= FIELDS.keys()
    assert all(len(reason.split()) > 3 for reason in RAW_ONLY.values())


def test_the_walk_goes_all_the_way_down() -> None:
    """Fields of choices, deltas, calls and their functions are among them."""
    assert {
        "choices[].delta.content",
        "choices[].delta.tool_calls[].function.arguments",
        "choices[].delta.function_call.name",
        "choices[].finish_reason",
        "usage",
    } <= FIELDS.keys()


def test_the_name_of_a_chunk_is_the_official_one() -> None:
    """It is the value of ``object``."""
    assert (CHUNK,) == get_args(ChatCompletionChunk.model_fields["object"].annotation)


@pytest.mark.parametrize("name", sorted(set(chunks.__all__) - {"CHUNK", "RAW_ONLY"}))
def test_every_payload_is_made_of_nothing_and_of_nulls(name: str) -> None:
    """A key that is missing or null has a default, the same for both."""
    cls = getattr(chunks, name)
    nulls = {x.alias: None for x in attrs.fields(cls) if x.alias not in ("extra", "raw")}
    if "raw" not in attrs.fields_dict(cls):
        assert structure(cls, {}) == structure(cls, nulls)


def test_unknown_keys_are_kept_and_bad_values_named() -> None:
    """This is as for every payload."""
    made = structure(ChatChunk, {"choices": [{"delta": {"tool_calls": [{"of_tomorrow": 1}]}}]})
    assert {"of_tomorrow": 1} == made.choices[0].delta.tool_calls[0].extra
    with pytest.raises(DecodeError) as caught:
        structure(ChatChunk, {"choices": [{"delta": {"refusal": 5}}]})
    assert ("$.choices[0].delta.refusal: 5 is not a string",) == caught.value.paths
