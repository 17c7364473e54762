"""What a delta says: text, reasoning under any name, annotations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import models
from stream_core.dialects.chat.content import (
    objects_in,
    read_annotation,
    read_content,
    read_hidden,
    read_reasoning,
    text_in,
)
from stream_core.errors import DecodeError

REFERENCE = {"type": "reference", "reference_ids": [1]}
IMAGE = {"type": "image_url", "image_url": {"url": "u"}}


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        (None, []),
        ("", []),
        ("Hi", [("text", "Hi")]),
        ([{"type": "text", "text": "Hi"}, {"text": "!"}], [("text", "Hi"), ("text", "!")]),
        ({"type": "output_text", "text": "Hi"}, [("text", "Hi")]),
        ([{"type": "text", "text": {"value": "Hi"}}], [("text", "Hi")]),
        ([{"type": "text", "text": None}, {"type": "text"}], []),
        ([{"type": "refusal", "refusal": "No"}], [("refusal", "No")]),
        ([{"type": "reasoning", "text": "Hm"}], [("reasoning", "Hm")]),
        ([{"type": "thinking", "thinking": "Hm"}], [("reasoning", "Hm")]),
        ([{"type": "thinking", "thinking": [{"text": "H"}, {"text": "m"}]}], [("reasoning", "Hm")]),
        ([{"type": "reasoning", "summary": [{"text": "Hm"}]}], [("summary", "Hm")]),
        ([{"type": "summary_text", "text": "Hm"}], [("summary", "Hm")]),
        (
            [{"type": "thinking", "signature": "x"}],
            [("extension", {"type": "thinking", "signature": "x"})],
        ),
        ([REFERENCE, IMAGE], [("extension", REFERENCE), ("extension", IMAGE)]),
        (
            [{"type": "of_tomorrow", "text": "x"}],
            [("extension", {"type": "of_tomorrow", "text": "x"})],
        ),
        ([{"type": ["x"], "text": "x"}], [("extension", {"type": ["x"], "text": "x"})]),
        ([{"of_tomorrow": 1}], [("extension", {"of_tomorrow": 1})]),
    ],
)
def test_content_is_text_or_parts(content: Any, pieces: list[tuple[str, Any]]) -> None:
    """Reasoning is never text, and a part of an unknown type is not either."""
    assert pieces == read_content(content, "$.delta")


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (5, "content: 5 is not a list"),
        ([{"text": "a"}, {"text": 5}], "content[1].text: 5 is not a string"),
        ([{"type": "refusal", "refusal": [1]}], "content[0].refusal: a list is not a string"),
        (["a"], "content[0]: 'a' is not an object"),
    ],
)
def test_content_that_is_neither_is_refused_with_its_path(content: Any, path: str) -> None:
    """The text of an answer is needed."""
    with pytest.raises(DecodeError) as caught:
        read_content(content, "$.delta")
    assert (f"$.delta.{path}",) == caught.value.paths


@pytest.mark.parametrize(
    ("delta", "pieces"),
    [
        ({"reasoning_content": "Hm"}, [("reasoning", "Hm")]),
        ({"reasoning_content": {"text": "Hm"}}, [("reasoning", "Hm")]),
        ({"reasoning": "Hm", "reasoning_text": "Hm"}, [("reasoning", "Hm")]),
        ({"reasoning_text": "Hm"}, [("reasoning", "Hm")]),
        ({"thinking": "Hm"}, [("reasoning", "Hm")]),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "Hm"}]}, [("reasoning", "Hm")]),
        ({"reasoning_details": {"type": "reasoning.text", "text": "Hm"}}, [("reasoning", "Hm")]),
        (
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm"}]},
            [("summary", "Hm")],
        ),
        ({"reasoning": {"summary": [{"text": "Hm"}]}}, [("summary", "Hm")]),
        ({"reasoning": {"type": "summary_text", "text": "Hm"}}, [("summary", "Hm")]),
        ({"reasoning": ["H", {"delta": "m"}, None]}, [("reasoning", "H"), ("reasoning", "m")]),
        ({"reasoning": {"parts": [{"text": "Hm"}]}}, [("reasoning", "Hm")]),
        ({"reasoning": "", "reasoning_content": None, "thinking": "Hm"}, [("reasoning", "Hm")]),
        ({"reasoning_details": "Hm"}, [("reasoning", "Hm")]),
        ({"reasoning": 5, "thinking": [[5]], "reasoning_details": 5}, []),
        ({"reasoning": {"text": {"text": {"text": {"text": {"text": {"text": "x"}}}}}}}, []),
    ],
)
def test_reasoning_has_many_names_and_forms(
    delta: dict[str, Any], pieces: list[tuple[str, str]]
) -> None:
    """What cannot be read is nothing, and never an error."""
    assert pieces == read_reasoning(delta)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["text", "summary", "x"]), x),
    )
)
def test_any_value_has_a_text_or_none(value: Any) -> None:
    """This never raises."""
    assert isinstance(text_in(value), str)
    assert all(isinstance(x, dict) for x in objects_in(value))


def test_details_without_a_text_are_hidden() -> None:
    """They are encrypted reasoning and signatures."""
    told, hidden = {"type": "reasoning.text", "text": "Hm"}, {"type": "reasoning.encrypted"}
    signed = {"type": "thinking", "thinking": "", "signature": "x"}
    more = {"reasoning_details": [told, hidden], "thinking_blocks": [signed]}
    assert [hidden, signed] == read_hidden(more)


def test_unknown_keys_of_an_annotation_are_in_its_extra() -> None:
    """Those of the cited page too, as on the Responses wire, which has no object for it."""
    page = {"url": "u", "title": None, "content": "SNIPPET", "start_index": 0, "end_index": "2"}
    made = read_annotation({"type": "url_citation", "url_citation": page, "index": 9, "own": 1}, 3)
    assert isinstance(made, models.URLCitationAnnotation)
    assert (3, 0, None, models.URLCitation("u")) == (
        made.index,
        made.start_index,
        made.end_index,
        made.url_citation,
    )
    assert {"content": "SNIPPET", "end_index": "2", "own": 1} == made.extra
    plain = read_annotation({"type": "url_citation", "url_citation": {"url": "u"}}, 0)
    assert {} == plain.extra
    other = {"type": 5, "file": 1}
    assert models.UnknownAnnotation(1, None, other) == read_annotation(other, 1)
