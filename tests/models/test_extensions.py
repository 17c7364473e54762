"""Payloads of the Responses and Chat wires that Assistants does not have."""

from __future__ import annotations

import copy

from stream_core import models
from stream_core.models import extensions


def test_a_text_of_reasoning_grows() -> None:
    """It is one live object, equal to one made whole, and a copy of it does not grow."""
    text = extensions.ReasoningText("", "rs_1", 2)
    text.grow("Hm")
    kept = copy.deepcopy(text)
    text.grow(".")
    assert ("Hm.", "Hm") == (text.text, kept.text)
    assert models.ReasoningText("Hm.", "rs_1", 2) == text


def test_a_piece_of_reasoning_has_the_text_with_it() -> None:
    """It is the live text, not a copy."""
    text = models.ReasoningText("a")
    delta = models.ReasoningTextDelta("a", text)
    text.grow("b")
    assert ("a", "ab") == (delta.delta, delta.snapshot.text)
    assert models.ReasoningTextDelta().snapshot is not models.ReasoningTextDelta().snapshot


def test_a_partial_image_is_known_by_item_and_attempt() -> None:
    """Previews are counted from 0."""
    assert ("", 0, "") == (
        models.PartialImage().b64,
        models.PartialImage().index,
        models.PartialImage().item_id,
    )
