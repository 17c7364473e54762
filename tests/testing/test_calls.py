"""A request as it arrived, and as its route reads it."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.testing.calls import Call, RecordedRequest


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"a": 1}', {"a": 1}), (b"", {}), (b" \n", {}), (b"[1]", None), (b"{", None)],
)
def test_a_request_shows_its_json(body: bytes, expected: dict[str, Any] | None) -> None:
    """It is an object, an empty one without a body, and None if the body is not an object."""
    assert expected == RecordedRequest("POST", "/v1/threads", body=body).json


@pytest.mark.parametrize(
    ("query", "expected"),
    [({"include[]": "a,b"}, ["a", "b"]), ({"include": "a"}, ["a"]), ({}, [""])],
)
def test_include_is_read_in_both_spellings(query: dict[str, str], expected: list[str]) -> None:
    """SDKs write the name with and without brackets."""
    assert expected == Call({}, {}, query).include
