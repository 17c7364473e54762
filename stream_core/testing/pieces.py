"""Cuts texts into the deltas of a stream.

Rules of this file:

- Pure and deterministic: the same text is always cut at the same places, and
  the pieces joined are the text.
- Cuts are like those between a model's tokens: mostly before a word's space, and
  inside long words, so that an accent can be separated from its letter, and a JSON
  escape of function arguments from its backslash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .parts import Annotation

__all__ = ["cut_code", "cut_text", "mark_pieces"]

# A word of at most six code points with the white space before it, or white space alone.
_WORD = re.compile(r"\s?\S{1,6}|\s+")
# Arguments come in smaller pieces, cut without regard for JSON.
_CODE = re.compile(r"(?s).{1,5}")


def cut_text(text: str) -> list[str]:
    """Cut the text of an answer; an empty text is one empty piece."""
    return _WORD.findall(text) or [""]


def cut_code(text: str) -> list[str]:
    """Cut arguments or code; an empty text has no pieces."""
    return _CODE.findall(text)


def mark_pieces(
    text: str, annotations: Sequence[Annotation], pieces: Sequence[str] | None
) -> Iterator[tuple[str, Annotation | None]]:
    """Yield each piece of a text, with the annotation whose marker it is.

    Args:
        text: The whole text.
        annotations: In the order of their markers.
        pieces: The pieces wanted, or None to cut the text here.

    Raises:
        ValueError: A marker is not in the text (or is not a piece of its own), or the
            pieces are not the text.
    """
    if pieces is None:
        yield from _cut_around(text, annotations)
        return
    if "".join(pieces) != text:
        raise ValueError(f"the pieces joined are not the text {text!r}: {list(pieces)!r}")
    waiting = list(annotations)
    for piece in pieces:
        yield piece, waiting.pop(0) if waiting and piece == waiting[0].text else None
    if waiting:
        raise ValueError(f"no piece is the marker of the annotation {waiting[0]!r}")


def _cut_around(
    text: str, annotations: Sequence[Annotation]
) -> Iterator[tuple[str, Annotation | None]]:
    """Cut the text between the markers, and leave each marker whole."""
    start = 0
    for annotation in annotations:
        found = text.find(annotation.text, start)
        if found < 0:
            raise ValueError(
                f"the marker {annotation.text!r} is not in the text after position {start}"
            )
        if found > start:
            yield from ((piece, None) for piece in cut_text(text[start:found]))
        yield annotation.text, annotation
        start = found + len(annotation.text)
    if start < len(text) or not annotations:
        yield from ((piece, None) for piece in cut_text(text[start:]))
