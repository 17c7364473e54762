"""What must hold for any bytes, as one function: ``check``.

Rules of this file:

- Nothing but a StreamError comes out.
- Frames are those of the reference in ``tests/test_sse.py``, which is slow and obvious.
- Events are the same whole and in pieces, with and without the fast paths, with each JSON library
  that is installed, under the dialect's name and (if that finds the same wire) detected.
- What the deltas of a text or a call said, joined, is what its snapshot has: snapshots are compared
  with the simplest way to fold.
- Each thing begins and ends once (``check_transcript``).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from stream_core import environment, events, models
from stream_core.convert import json_text
from stream_core.decoding.decoder import EventDecoder
from stream_core.errors import StreamError
from tests import test_sse
from tests.support.frames import Transcript, check_transcript, label, pieces, random_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Difference", "Tally", "check"]

#: The most bytes that are also read one by one.
_SHORT = 3_000


class Difference(AssertionError):  # noqa: N818  # what is found, in the words of the report
    """Two ways to read the same bytes differ."""


@attrs.define
class Tally:
    """What was done.

    Attributes:
        inputs: How many streams were read.
        decodes: In how many ways, all together.
        failed: How many of the streams ended with a StreamError.
    """

    inputs: int = 0
    decodes: int = 0
    failed: int = 0


@contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def check(dialect: str, data: bytes, tally: Tally, seed: int = 0) -> None:
    """Read DATA in every way.

    Raises:
        Difference: Two ways differ.
        Exception: Any other exception is one that came out of the library.
    """
    tally.inputs += 1
    _check_frames(data, seed)
    frames = re.findall(rb"(?s).*?(?:\n\n|\Z)", data)
    with _set(environment, "FAST", value=False):
        ordinary = _decode(dialect, frames, fold=True)
        ways = {
            "slow, whole": _decode(dialect, [data]),
            "slow, in pieces": _decode(dialect, random_pieces(data, seed, 60)),
        }
        if len(data) < _SHORT and seed % 4 == 0:
            ways["slow, by the byte"] = _decode(dialect, pieces(data, 1))
    ways["fast, whole"] = _decode(dialect, [data])
    ways["fast, by the frame"] = _decode(dialect, frames)
    ways["fast, in pieces"] = _decode(dialect, random_pieces(data, seed + 1))
    if json_text._orjson_loads() is not None:
        with _set(json_text, "_orjson_loads", lambda: None):
            ways["the standard library's JSON"] = _decode(dialect, [data])
    tally.decodes += len(ways) + 1
    tally.failed += ordinary.error is not None
    for name, came in ways.items():
        _same("slow, by the frame", ordinary, name, came)
    check_transcript(ordinary.events, ended=False)


def _check_frames(data: bytes, seed: int) -> None:
    """Compare the frames of DATA with the reference."""
    expected = test_sse.by_the_book(data)
    for chunks in ([data], list(random_pieces(data, seed, 30))):
        if expected != test_sse.run(chunks):
            raise Difference("the frames are not those of the reference")


def _decode(dialect: str, chunks: Iterable[bytes], *, fold: bool = False) -> Transcript:
    """Decode CHUNKS; with FOLD, compare each snapshot with the deltas so far."""
    decoder, out, folded = EventDecoder(dialect), Transcript(), _Folded()
    try:
        for chunk in [*chunks, None]:
            if chunk is None:
                decoder.close()
            else:
                decoder.feed(chunk)
            while (event := decoder.next_event()) is not None:
                out.events.append(event)
                out.texts.append(f"{label(event)}: {event!r}")
                _ = event.raw if isinstance(event, events.WireEvent) else None
                folded.add(event)
            if fold:
                folded.compare()
    except StreamError as error:
        out.error = error
        _ = str(error)
    return out


@attrs.define
class _Folded:
    """The texts and arguments so far, joined in the simplest way.

    Events of one frame come when all of it has been folded in, so snapshots are compared between
    two frames.

    Attributes:
        said: What the deltas of each text and of each call's arguments said.
        live: The snapshots to compare, and the names of their texts.
        unsure: Calls that were, or may have been, stated as a whole since the last comparison.
    """

    said: dict[tuple[str, int], str] = attrs.field(factory=dict)
    live: dict[tuple[str, int], tuple[Any, str]] = attrs.field(factory=dict)
    unsure: set[tuple[str, int]] = attrs.field(factory=set)

    def add(self, event: Any) -> None:
        """Fold in EVENT."""
        if isinstance(event, events.MessageTextDelta):
            self._add((event.message_id, event.index), event.delta.value, event.snapshot, "value")
        elif isinstance(event, events.RunStepToolCallDelta):
            call: Any = event.snapshot
            delta: Any = event.delta
            if isinstance(call, models.FunctionToolCall) and hasattr(delta, "function"):
                key = (event.run_step_id, event.index)
                if delta.id or key not in self.said:
                    self.unsure.add(key)
                piece = None if delta.function is None else delta.function.arguments
                self._add(key, piece, call.function, "arguments")

    def _add(self, key: tuple[str, int], piece: str | None, snapshot: Any, name: str) -> None:
        self.said[key] = self.said.get(key, "") + (piece or "")
        self.live[key] = snapshot, name

    def compare(self) -> None:
        """Compare the snapshots that grew."""
        for key, (snapshot, name) in self.live.items():
            now = getattr(snapshot, name)
            if key in self.unsure:
                self.said[key] = now
            elif now != self.said[key]:
                raise Difference(f"the deltas of {key} say {self.said[key]!r}, it has {now!r}")
        self.live.clear()
        self.unsure.clear()


def _same(one: str, expected: Transcript, other: str, actual: Transcript) -> None:
    """Refuse two transcripts that differ."""
    if expected == actual:
        return
    pairs = zip(expected.texts, actual.texts, strict=False)
    at = next((i for i, (x, y) in enumerate(pairs) if x != y), None)
    if at is None:
        at = min(len(expected.texts), len(actual.texts))
    here = [
        (came.texts[at] if at < len(came.texts) else repr(came.error))[:400]
        for came in (expected, actual)
    ]
    raise Difference(f"event {at} differs\n{one}:\n  {here[0]}\n{other}:\n  {here[1]}")
