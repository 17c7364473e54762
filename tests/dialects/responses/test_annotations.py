"""Annotations of the Responses wire become annotations of the Assistants wire."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.dialects.responses.annotations import annotation
from stream_core.errors import DecodeError

SAID = "See example.com and the file."

CITED: list[tuple[dict[str, Any], models.Annotation]] = [
    (
        {"type": "url_citation", "url": "u", "title": "t", "start_index": 4, "end_index": 15},
        models.URLCitationAnnotation(
            0, "url_citation", "example.com", 4, 15, models.URLCitation("u", "t")
        ),
    ),
    (
        {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 3},
        models.FileCitationAnnotation(
            0, "file_citation", "", 3, 3, models.FileCitation("file_1"), extra={"filename": "a.txt"}
        ),
    ),
    (
        {
            "type": "container_file_citation",
            "file_id": "cfile_1",
            "container_id": "c",
            "start_index": 20,
            "end_index": 28,
        },
        models.FilePathAnnotation(
            0,
            "file_path",
            "the file",
            20,
            28,
            models.FilePath("cfile_1"),
            extra={"container_id": "c"},
        ),
    ),
    (
        {"type": "file_path", "file_id": "file_1", "index": 0},
        models.FilePathAnnotation(0, "file_path", "", 0, 0, models.FilePath("file_1")),
    ),
    (
        {"type": "file_path"},
        models.FilePathAnnotation(0, "file_path", "", file_path=models.FilePath()),
    ),
    ({"type": "of_tomorrow"}, models.UnknownAnnotation(0, "of_tomorrow", {"type": "of_tomorrow"})),
    ({"type": [], "x": 1}, models.UnknownAnnotation(0, None, {"type": [], "x": 1})),
]


@pytest.mark.parametrize(("sent", "expected"), CITED)
def test_an_annotation_is_one_of_ours(sent: Any, expected: models.Annotation) -> None:
    """It has the text that it refers to; values without a field of ours are in ``extra``."""
    assert expected == annotation(sent, "$.annotation", 0, SAID)


def test_an_annotation_has_its_number() -> None:
    """The wire sends the number beside it."""
    assert 3 == annotation({"type": "url_citation"}, "$", 3, SAID).index


def test_positions_beyond_the_text_are_harmless() -> None:
    """The annotation's text is cut from what is there."""
    for start, end, expected in ((0, 10**30, SAID), (-5, -1, ""), (100, 200, ""), (9, 3, "")):
        sent = {"type": "url_citation", "start_index": start, "end_index": end}
        made = annotation(sent, "$", 0, SAID)
        assert isinstance(made, models.URLCitationAnnotation)
        assert (expected, start, end) == (made.text, made.start_index, made.end_index)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (5, "$.annotation: 5 is not an object"),
        (None, "$.annotation: null is not an object"),
    ],
)
def test_what_is_not_an_annotation_is_refused(sent: object, path: str) -> None:
    """The error has its path in the frame."""
    with pytest.raises(DecodeError) as caught:
        annotation(sent, "$.annotation", 0, SAID)
    assert (path,) == caught.value.paths
