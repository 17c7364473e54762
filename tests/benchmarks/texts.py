"""The words of the streams: pieces of prose, a program, the arguments of a function.

All are drawn from a given source of chance, so they are the same each time.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

__all__ = ["arguments", "cut", "piece", "program"]

#: Pieces of text as a tokenizer cuts them: mostly a word with the space before it.
_PLAIN: Final = (
    " the", " river", " and", " boat", " of", " stone", "s", ",", " with", " a", " lamp",
    " under", " water", "ing", " to", " at", " noon", " old", " bridge", ".", " in", " for",
    " green", " hill", " sea", "er", " from", " on", " it", " was", " long", " day", " or",
    " 12", "7", "ly", " not", " by", " mill", " road", " bell",
)  # fmt: skip
_ESCAPED: Final = (' "', '"', "\n", "\n\n", "\\", '",', "\t", "\r\n")
_FOREIGN: Final = (" é", "ü", " –", " naïve", "。", "水", "’s", " Ω", "【", "…")


def piece(chance: random.Random) -> str:
    """Make a piece of text: 1 in 40 needs an escape in JSON, 1 in 25 is not ASCII."""
    number = chance.random()
    pool: Sequence[str] = _PLAIN
    if number < 1 / 40:
        pool = _ESCAPED
    elif number > 1 - 1 / 25:
        pool = _FOREIGN
    return chance.choice(pool)


def program(chance: random.Random, deltas: int) -> str:
    """Make a program long enough for DELTAS pieces."""
    lines: list[str] = ["import csv\r\n"]
    while sum(map(len, lines)) < 4 * deltas:
        one, two = chance.randrange(1000), chance.randrange(1000)
        lines.append(f'rows["{one}"] = total({one}, {two})  # höher 🚣\nprint(rows)\n')
    return "".join(lines)


def arguments(chance: random.Random, deltas: int) -> str:
    """Make the arguments of a function, JSON, long enough for DELTAS pieces."""
    ports: list[dict[str, str | int]] = []
    while 40 * len(ports) < 4 * deltas:
        ports.append({"port": f"Hafen {len(ports)} ü", "depth": chance.randrange(30)})
    return json.dumps({"ports": ports}, ensure_ascii=False)


def cut(chance: random.Random, text: str, count: int) -> list[str]:
    """Cut TEXT into COUNT pieces, none empty."""
    places = [0, *sorted(chance.sample(range(1, len(text)), count - 1)), len(text)]
    return [text[start:end] for start, end in pairwise(places)]
