"""The work for a stream grows with its length, whatever a server puts into it.

Rules of this file:

- Work is counted, in lines of Python that run, so that the result is the same on every machine.
- ``python -m tests.whole.test_linear`` measures time instead, on streams that are much longer: it
  finds what is quadratic below Python too (a search in a list, a copy of a text).
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import environment, events
from stream_core.decoding.decoder import EventDecoder
from stream_core.errors import StreamError
from tests.support.growing_streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.events import Event

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: How many things the shorter stream has; the longer one has four times as many.
_FEW = 30

#: Work that grows with the length is four times as much, or less if some of it does not grow; with
#: its square, up to sixteen times. Times vary more than counts.
_MOST = 4.4
_TOO_SLOW = 7.0

#: Deltas whose live text is read at each of them, as a handler does that shows the whole text.
_GROWING = (events.MessageTextDelta, events.RunStepToolCallDelta)


def read(dialect: str, chunks: Iterable[bytes]) -> StreamError | None:
    """Decode CHUNKS, and read the text so far at every delta; return how the stream failed."""
    decoder = EventDecoder(dialect)
    try:
        for chunk in chunks:
            decoder.feed(chunk)
            while (event := decoder.next_event()) is not None:
                _read_text(event)
        decoder.close()
        while (event := decoder.next_event()) is not None:
            _read_text(event)
    except StreamError as error:
        return error
    return None


def _read_text(event: Event) -> None:
    """Read the text that EVENT is about, as it is now."""
    snapshot: Any = event.snapshot if isinstance(event, events.MessageTextDelta) else None
    if isinstance(event, events.RunStepToolCallDelta):
        snapshot = getattr(event.snapshot, "function", None)
    if snapshot is not None:
        _ = getattr(snapshot, "value", "") or getattr(snapshot, "arguments", "")


def count_lines(dialect: str, chunks: list[bytes]) -> int:
    """Return how many lines of Python run while CHUNKS are read."""
    lines = 0

    def trace(*_: object) -> Any:
        nonlocal lines
        lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(dialect, chunks)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize(
    ("dialect", "kind", "fast"),
    [
        (*key, fast)
        for key in STREAMS
        for fast in ((True, False) if key[0] == "assistants" else (True,))
    ],
)
def test_four_times_as_much_is_four_times_the_work(
    dialect: str, kind: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four times as many of one thing are about four times the work, on every wire."""
    monkeypatch.setattr(environment, "FAST", fast)
    make = STREAMS[dialect, kind]
    read(dialect, make(2))  # what is made once is made now
    few, many = (count_lines(dialect, list(make(n))) for n in (_FEW, 4 * _FEW))
    assert many < _MOST * few


# --- Time -------------------------------------------------------------------------------


def seconds(dialect: str, chunks: list[bytes]) -> float:
    """Return the CPU time for reading CHUNKS, without that of the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        read(dialect, chunks)
        return time.process_time() - begin
    finally:
        gc.enable()


def main(few: int = 2_000) -> int:
    """Print the time for FEW things and four times as many; return how many are not linear."""
    bad = 0
    for (dialect, kind), make in STREAMS.items():
        read(dialect, make(2))
        short, long = (seconds(dialect, list(make(n))) for n in (few, 4 * few))
        slow = long > _TOO_SLOW * max(short, 0.01)
        bad += slow
        mark = "  <-- not linear" if slow else ""
        sys.stdout.write(f"{dialect:11}{kind:42}{short:8.3f} s{long:8.3f} s{mark}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(STREAMS)} kinds of streams, {bad} not linear\n")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
