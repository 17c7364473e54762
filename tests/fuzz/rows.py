"""Rows of deltas: one text that grows, as its server writes it.

Rules of this file, and of ``assistants_rows``, ``responses_rows`` and ``chat_rows``:

- A row writes names and payloads, not bytes; what is done to single frames is in ``tricks``.
- Ids and indexes are few, so that rows meet in one message, step or call.
- A wire is its rows (some more often than others), the beginning of an answer, and its end.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.frames import Frame

__all__ = ["Chance", "Row", "Wire"]

#: The source of chance.
Chance: TypeAlias = random.Random


class Row:
    """One text that grows.

    Attributes:
        is_json: Whether it is the arguments of a function.
        said: What it said so far.
    """

    is_json = False

    def __init__(self, chance: Chance) -> None:
        """Make a row; its ids and indexes are chosen here."""
        self.chance = chance
        self.said = ""
        self._begun = False

    def begin(self) -> list[Frame]:
        """Return the frames before its first piece."""
        return []

    def piece(self, made: Any) -> list[Frame]:
        """Return the frame of one piece, which may be no text."""
        raise NotImplementedError

    def end(self) -> list[Frame]:
        """Return the frames after its last piece."""
        return []

    def json_piece(self, made: str, *, ends: bool) -> str:
        """Return MADE as a piece of an object, which ENDS with it."""
        inner = json.dumps(made, ensure_ascii=False)[1:-1]
        before, self._begun = self._begun, not ends
        return ("" if before else '{"q": "') + inner + ('"}' if ends else "")

    def _note(self, made: Any) -> None:
        if isinstance(made, str):
            self.said += made


@attrs.frozen
class Wire:
    """What is written on one wire.

    Attributes:
        rows: Makes its rows.
        begin: Returns the beginning of an answer, given its number among those of a run.
        end: Returns the end of an answer with these rows; if the last argument is true, it
            requires an action.
    """

    rows: tuple[Callable[[Chance], Row], ...]
    begin: Callable[[Chance, int], list[Frame]]
    end: Callable[[Chance, list[Row], bool], list[Frame]]
