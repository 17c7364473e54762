"""What the Responses and Chat wires have and the Assistants wire never had."""

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
    """A text in which the model reasons, or sums its reasoning up; live while it streams.

    ``item_id`` is the id of the reasoning item, "" where the wire has none; ``index`` is the
    text's place among those of the item.
    """

    GROWS: ClassVar[str] = "text"

    text: str = ""
    item_id: str = ""
    index: int = 0


@define(eq=False, repr=False)
class ReasoningTextDelta(Payload):
    """A piece of reasoning, and the live text with that piece in it."""

    delta: str = ""
    snapshot: ReasoningText = field(factory=ReasoningText)


@define(eq=False, repr=False)
class PartialImage(Payload):
    """An image as far as it is made: ``b64`` is base64, ``index`` counts the attempts from 0."""

    b64: str = ""
    index: int = 0
    item_id: str = ""
