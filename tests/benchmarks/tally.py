"""What a contestant did, to see that all of them did the same job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeAlias

__all__ = ["Measurement", "Runner", "Tally", "digest"]


def digest(*lists: Sequence[str]) -> str:
    """Return the same for the same texts in LISTS."""
    return hashlib.sha256("\0".join(chain(*lists)).encode()).hexdigest()[:16]


class Tally:
    """Counts what came.

    Attributes:
        events: Events seen, where the contestant gives them one by one.
        deltas: Calls with a delta of text or of reasoning.
        characters: The length of the texts of those deltas.
        texts: The complete texts of messages.
        arguments: The complete arguments of calls of functions.
        reasoning: The complete texts of reasoning, or parts of its summary.
        done: Calls that said that a message, a tool call, a step or a run is over.
    """

    def __init__(self) -> None:
        self.events = 0
        self.deltas = 0
        self.characters = 0
        self.texts: list[str] = []
        self.arguments: list[str] = []
        self.reasoning: list[str] = []
        self.done = 0

    @property
    def digest(self) -> str:
        """The same for the same texts, arguments and reasoning."""
        return digest(self.texts, self.arguments, self.reasoning)


#: Reads these streams of a wire, each a sequence of chunks, and says what came.
Runner: TypeAlias = Callable[[str, Sequence[Sequence[bytes]]], Tally]

#: What a worker answers.
Measurement: TypeAlias = dict[str, Any]
