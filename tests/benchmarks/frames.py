"""What the streams of all wires are made of: frames, ids, and an account of what they say."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from tests.benchmarks.texts import piece

__all__ = ["CITING", "FUNCTIONS", "Json", "Made", "frame", "in_chunks", "logprob"]

Json: TypeAlias = dict[str, Any]

#: The functions that are called in T.
FUNCTIONS: Final = ("look_up_tides", "book_a_boat")
#: Deltas in each of T's messages, and every how many of them is a citation.
CITING: Final = (60, 12)

_ALPHANUMERIC: Final = string.ascii_letters + string.digits


def frame(name: str | None, data: Json, *, escape: bool = False, line_end: str = "\n") -> bytes:
    r"""Write an event as servers do; with ESCAPE, non-ASCII as ``\u`` escapes.

    Args:
        name: What stands after ``event:``; None for a frame without that line.
        data: What is sent as JSON.
        escape: Whether JSON is plain ASCII.
        line_end: What ends each line.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=escape)
    first = "" if name is None else f"event: {name}{line_end}"
    return f"{first}data: {text}{line_end}{line_end}".encode()


def in_chunks(frames: Iterable[bytes], size: int) -> list[bytes]:
    """Cut what FRAMES are together into chunks of SIZE bytes, wherever that is."""
    whole = b"".join(frames)
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def logprob(said: str, chance: random.Random) -> Json:
    """Make the account of the token SAID: how probable it was."""
    sure = -round(chance.random(), 8)
    return {"token": said, "logprob": sure, "bytes": list(said.encode()), "top_logprobs": []}


class Made:
    """One stream while it is made: what it says.

    Attributes:
        chance: What everything is drawn from.
        deltas: Deltas of text and of reasoning so far.
        texts: The texts of the messages that are complete.
        arguments: Those of the calls of functions that are complete.
        reasoning: The texts of reasoning that are complete.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = chance.randrange(1_750_000_000, 1_760_000_000)
        self.deltas = 0
        self.texts: list[str] = []
        self.arguments: list[str] = []
        self.reasoning: list[str] = []

    def new(self, kind: str, length: int = 24) -> str:
        """Make an id that begins with KIND."""
        return kind + "".join(self.chance.choices(_ALPHANUMERIC, k=length))

    def escaped(self) -> bool:
        """Return whether the next delta is plain ASCII: 1 in 20."""
        return self.chance.random() < 1 / 20

    def obfuscation(self, said: str) -> str:
        """Make what fills SAID up to a multiple of 16 characters, so that its length is hidden."""
        return self.new("", -len(said) % 16)

    def pieces(self, count: int, into: list[str]) -> Iterator[str]:
        """Give COUNT pieces of text; they are counted, and the whole is put INTO a list."""
        said = []
        for _ in range(count):
            said.append(piece(self.chance))
            self.deltas += 1
            yield said[-1]
        into.append("".join(said))
