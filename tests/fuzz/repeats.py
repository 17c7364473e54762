"""Streams that are made to tempt a fast path: long rows of deltas that are nearly the same.

Rules of this file:

- Every wire has the same share, and each kind of text that grows is a row: text, refusal,
  arguments, code, reasoning, summary.
- A :class:`Take` is what one decoder after another reads. Its seed decides everything in it.
- Rows are read one after the other or in turns; a few of their frames have a trick
  (``tricks``), and so has, now and then, the whole stream (``damage``).
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from tests import ROOT
from tests.fuzz.assistants_rows import ASSISTANTS
from tests.fuzz.chat_rows import CHAT
from tests.fuzz.damage import DAMAGES, corpus
from tests.fuzz.manners import VOCABULARIES, Manner, framed, piece, written
from tests.fuzz.responses_rows import RESPONSES
from tests.fuzz.tricks import PAUSES, TRICKS
from tests.support.bursts import BEGINNINGS, OTHER_STATES, STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.fuzz.rows import Row

__all__ = ["Part", "Take", "by_frame", "make", "recorded", "recordings"]

#: How often, of 1, a stream is read as ``auto``; as another wire; is damaged; is long; is read with
#: a limit for its frames.
_AUTO, _OTHER, _DAMAGED, _LONG, _LIMITED = 0.35, 0.02, 0.25, 0.03, 0.05

_WIRES = {"assistants": ASSISTANTS, "responses": RESPONSES, "chat": CHAT}

#: Where frames end, whatever ends their lines.
_FRAME = re.compile(rb"(?s).+?(?:\r?\n\r?\n|\r\r|\Z)")

_OTHER_ENDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(DAMAGES["mix line ends"], DAMAGES["other line ends"], DAMAGES["byte order mark"]),
    lambda data, _: data.replace(b"\n", b"\r\n"),
    lambda data, _: data.replace(b"\n", b"\r\n"),
)


@attrs.frozen
class Part:
    """The bytes of one connection.

    Attributes:
        begins: How it continues the one before: "" (it is the first), "resume" or "rejoin".
        data: The bytes.
    """

    begins: str
    data: bytes


@attrs.frozen
class Take:
    """What is read.

    Attributes:
        wire: The wire that is spoken.
        dialect: The name of the dialect that reads it.
        parts: One for each connection.
        limit: The most bytes of a frame, or None for the default.
    """

    wire: str
    dialect: str
    parts: tuple[Part, ...]
    limit: int | None = None


def by_frame(data: bytes) -> list[bytes]:
    """Cut DATA after each frame."""
    return _FRAME.findall(data)


class _Stream:
    """Writes the frames of one connection.

    Attributes:
        frames: The frames so far.
    """

    def __init__(self, chance: random.Random, wire: str, number: int, size: float) -> None:
        self.frames: list[bytes] = []
        self._chance, self._wire = chance, wire
        self._manner = Manner.of(chance, names=wire != "chat")
        often = (0.0, 0.02, 0.05, 0.05, 0.15, 0.4)
        self._tricks = chance.choice(often) if size == 1 else chance.choice((0.0, 0.003, 0.01))
        self._deceives = chance.choice((0.0, 0.02, 0.1, 0.1, 0.4))
        self._words = chance.choice(VOCABULARIES)
        self._count = number
        self._step = chance.choice((1, 1, 1, 1, 1, 1, 1, 0, 2, 10, -1))
        self._counts = chance.random() < (0.85 if wire == "responses" else 0.03)
        self._size = size
        self._rows: list[Row] = []

    @property
    def number(self) -> int:
        """That of the next frame."""
        return self._count

    def put(self, frames: Iterable[tuple[str, Any]], *, plain: bool = False) -> None:
        """Write FRAMES; PLAIN leaves out the tricks."""
        for name, payload in frames:
            self._frame(name, payload, plain=plain)

    def _frame(self, name: str, payload: Any, *, plain: bool) -> None:
        chance, manner = self._chance, self._manner
        if isinstance(payload, str):
            self.frames.append(framed(name, payload, manner.envelope))
            return
        if self._counts:
            payload["sequence_number"] = self._count
            self._count += self._step
            if chance.random() < self._tricks / 9:
                self._count += chance.choice((1, 5, -1, -4))
        if plain:  # what everybody sends at a beginning or an end is read without a doubt
            manner = attrs.evolve(manner, added=(), doubled=None)
        text = written(payload, manner, chance)
        if manner.wraps and self._wire == "assistants":
            text = f'{{"event":"{name}","data":{text}}}'
        frame = framed(name, text, manner.envelope)
        if not plain and chance.random() < self._tricks:
            frame = self._trick(frame)
        self.frames.append(frame)

    def _trick(self, frame: bytes) -> bytes:
        chance = self._chance
        kind = chance.random()
        if kind < 0.6:
            return chance.choice(list(TRICKS.values()))(frame, chance)
        if kind < 0.85:
            return chance.choice(list(DAMAGES.values()))(frame, chance)
        pause = chance.choice(PAUSES)
        return chance.choice((pause + frame, frame + pause, frame + frame))

    def section(self) -> None:
        """Write one row, or several in turns; rows from before may go on."""
        chance = self._chance
        rows = []
        for _ in range(chance.choice((1, 1, 1, 1, 2, 2, 3))):
            if self._rows and chance.random() < 0.3:
                rows.append(chance.choice(self._rows))
                continue
            row = chance.choice(_WIRES[self._wire].rows)(chance)
            self._rows.append(row)
            rows.append(row)
            self.put(row.begin(), plain=chance.random() < 0.8)
        left = max(2, int(chance.choice((3, 6, 9, 14, 25)) * self._size))
        turns = chance.choice((1, 1, 2, 5))
        while left > 0:
            row = chance.choice(rows)
            for _ in range(turns if len(rows) > 1 else left):
                self.put(row.piece(self._piece(row)))
                left -= 1
                if chance.random() < self._tricks / 3:
                    self.put(chance.choice((row.begin, row.end, rows[0].end))())
        for row in rows:
            if chance.random() < 0.3:
                self.put(row.end(), plain=chance.random() < 0.8)

    def states(self) -> None:
        """Write the first states of one object, which servers send twice with the same data."""
        chance = self._chance
        kind = chance.choice(list(BEGINNINGS))
        number = b"%d" % chance.randint(1, 9)
        few = chance.choices(BEGINNINGS[kind], k=2)
        again = "queued" if kind == "thread.run" else "in_progress"
        names = [["created", again], chance.choices(STATES, k=chance.randint(2, 4))]
        for name in chance.choice(([*names[0], *names[1]], names[0] * 2, names[1])):
            for state in (name, chance.choice(OTHER_STATES))[: chance.choice((1, 2))]:
                payload = chance.choice((few[0], few[0], *few))
                if state != name:
                    # Without a status in it, the object has that of the name.
                    bare = re.sub(r',"status".*', "}", few[0])
                    payload = chance.choice((bare, chance.choice(BEGINNINGS[kind])))
                frame = framed(f"{kind}.{state}", payload, self._manner.envelope)
                frame = re.sub(rb'"id":"(\w+?)1"', rb'"id":"\g<1>%b"' % number, frame)
                if state != name and chance.random() < 0.5:
                    frame = TRICKS["its name in the JSON"](frame, chance)
                elif chance.random() < self._tricks:
                    frame = self._trick(frame)
                self.frames.append(frame)

    def _piece(self, row: Row) -> Any:
        """Return the next piece of ROW; now and then arguments are whole."""
        chance = self._chance
        made = piece(chance, self._deceives, self._words)
        if "\ud800" <= row.said[-1:] <= "\udbff" and chance.random() < 0.6:
            made = f"\ude42{made}"  # the other half of a pair
        if self._size > 1:  # what is no text would end it
            made = made * chance.choice((1, 9, 30)) if isinstance(made, str) else "no text"
        if row.is_json and isinstance(made, str):
            made = row.json_piece(made, ends=chance.random() < 0.08)
        return made

    def end(self, *, calls: bool) -> None:
        """Write the end of the answer; with CALLS, it may require an action."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.1:
            return
        if kind < 0.15:
            self.put([("", "[DONE]")])
        last = _WIRES[self._wire].end(chance, self._rows, calls)
        self.put(last, plain=chance.random() < 0.8)
        if kind > 0.9 and self._rows:
            self.put(chance.choice(self._rows).piece("after the end"))


def make(seed: int) -> Take:
    """Return the stream of SEED."""
    chance = random.Random(seed)
    wire = tuple(_WIRES)[seed % 3]
    size = chance.choice((4.0, 14.0, 20.0)) if chance.random() < _LONG else 1.0
    rounds = wire != "assistants" and chance.random() < 0.15
    streams: list[_Stream] = []
    number = chance.choice((0, 0, 0, 1, 5, 8, 97, 995, -3, 10**15))
    for _ in range(1 + rounds):
        stream = _Stream(chance, wire, number, size)
        stream.put(_WIRES[wire].begin(chance, len(streams)), plain=chance.random() < 0.9)
        for _ in range(chance.choice((1, 2, 2, 3))):
            if wire == "assistants" and chance.random() < 0.4:
                stream.states()
            stream.section()
        stream.end(calls=rounds)
        streams.append(stream)
    parts = [
        Part("resume" if at else "", _spoilt(b"".join(one.frames), chance))
        for at, one in enumerate(streams)
    ]
    if wire == "responses" and not rounds and chance.random() < 0.15:
        parts = _cut(streams[0].frames, chance)
    dialect = wire
    if len(parts) == 1 and chance.random() < _AUTO:
        dialect = "auto"
    elif chance.random() < _OTHER:
        dialect = chance.choice(("assistants", "responses", "chat"))
    limit = None
    if chance.random() < _LIMITED:  # hits one of the last frames, if not by a byte
        sizes = [len(frame) for frame in by_frame(parts[-1].data)[-9:]]
        limit = max(1, chance.choice(sizes or [1]) + chance.choice((-3, -2, -1, 0, 1)))
    return Take(wire, dialect, tuple(parts), limit)


def _cut(frames: list[bytes], chance: random.Random) -> list[Part]:
    """Cut a stream in two that overlap, as connections that are lost and joined again do."""
    at = chance.randint(1, len(frames))
    again = max(0, at - chance.choice((0, 0, 1, 3, 99)))
    first = b"".join(frames[:at])
    if chance.random() < 0.5:
        first = first[: len(first) - chance.randint(0, 30)]
    return [Part("", first), Part("rejoin", b"".join(frames[again:]))]


def _spoilt(data: bytes, chance: random.Random) -> bytes:
    """Return DATA with other line ends, and with damages, now and then."""
    if chance.random() < 0.2:
        data = chance.choice(_OTHER_ENDS)(data, chance)
    if chance.random() < _DAMAGED:
        for _ in range(chance.choice((1, 1, 2))):
            data = chance.choice(list(DAMAGES.values()))(data, chance)
    return data


# --- Streams that others made -----------------------------------------------------------


@cache
def recordings(folder: Path | None) -> tuple[tuple[str, bytes], ...]:
    """Return the streams in FOLDER and those of the project, each with its wire."""
    found = [("assistants", x.read_bytes()) for x in sorted((ROOT / "tests").rglob("*.sse"))]
    if folder is not None:
        for path in sorted(folder.rglob("*.sse")):
            places = [x for x in ("chat", "responses") if x in str(path.relative_to(folder))]
            found.append((places[0] if places else "assistants", path.read_bytes()))
    return tuple(found)


def recorded(seed: int, folder: Path | None) -> Take:
    """Return a recording, or a stream of the damages' corpus, mostly damaged."""
    chance = random.Random(seed)
    wire, data = chance.choice(chance.choice((recordings(folder), corpus())))
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        data = chance.choice((*DAMAGES.values(), *_OTHER_ENDS))(data, chance)
    return Take(wire, chance.choice((wire, "auto")), (Part("", data),))
