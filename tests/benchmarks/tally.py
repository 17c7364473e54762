"""What a contestant did, to see that all of them did the same job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

__all__ = ["Measurement", "Runner", "Tally"]


class Tally:
    """Counts what came.

    Attributes:
        events: Events seen, where the contestant gives them one by one.
        deltas: Calls of ``on_text_delta`` with a text.
        characters: The length of the texts of those deltas.
        texts: The complete texts, where the contestant collects them.
        done: Calls that said that a message, a tool call, a step or a run is over.
    """

    def __init__(self) -> None:
        self.events = 0
        self.deltas = 0
        self.characters = 0
        self.texts: list[str] = []
        self.done = 0

    @property
    def digest(self) -> str:
        """The same for the same texts."""
        return hashlib.sha256("\0".join(self.texts).encode()).hexdigest()[:16]


#: Reads these streams, each a sequence of chunks, and says what came.
Runner: TypeAlias = Callable[[Sequence[Sequence[bytes]]], Tally]

#: What a worker answers.
Measurement: TypeAlias = dict[str, Any]
