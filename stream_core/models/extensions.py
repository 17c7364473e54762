"""Payloads of the Responses and Chat wires that the Assistants wire does not have."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from .base import Growing, Payload

__all__ = [
    "PartialImage",
    "ReasoningText",
    "ReasoningTextDelta",
]


@define(eq=False, repr=False)
class ReasoningText(Growing):
    """A text of the model's reasoning, or of its summary; live while it streams.

    ``item_id`` is the id of the reasoning item, or "" if the wire has none; ``index`` is the
    text's place among those of the item.
    """

    GROWS: ClassVar[str] = "text"
    NEEDED = ("text",)

    text: str = ""
    item_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class ReasoningTextDelta(Payload):
    """A piece of reasoning, and the live text including that piece."""

    NEEDED = ("delta", "snapshot")

    delta: str = ""
    snapshot: ReasoningText = field(factory=ReasoningText)


@define(eq=False, repr=False)
class PartialImage(Payload):
    """A preview of an image: ``b64`` is base64, ``index`` counts the previews from 0."""

    NEEDED = ("b64",)

    b64: str = ""
    index: int = 0
    item_id: str = ""
