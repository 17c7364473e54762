"""``make bench-scaling``: what grows with the length of a stream, and with the handlers.

CPU per event for messages of 200 to 200,000 deltas, with a handler that reads the text so far at
each delta and one that does not; CPU for 1, 10 and 100 handlers of which 1 overrides
``on_text_delta``; the peak of traced memory on L; and the memory of a process that reads 200,000
deltas. Each measurement that leaves something behind has a process of its own. Takes a minute.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from handlers import EventHandler
from stream_core import Stream, models
from tests import ROOT
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.manystreams import resident
from tests.benchmarks.progress import step
from tests.benchmarks.report import DOCS, limit_row, limit_table, publish, table
from tests.benchmarks.streams import SIZES, message_stream
from tests.benchmarks.targets import short

__all__ = ["main"]

_DELTAS: Final = (200, 2_000, 20_000, 200_000)
_HANDLERS: Final = (1, 10, 100)
#: How often each is done; the best counts.
_REPEATS: Final = 5
#: A measurement reads so many deltas at least, in as many streams as it takes.
_LEAST: Final = 20_000


class Counts(EventHandler):
    """Counts characters."""

    seen = 0

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.seen += len(delta.value or "")


class Reads(Counts):
    """Reads the text so far at each delta."""

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.seen += len(snapshot.value)


class Waits(EventHandler):
    """Wants to know only when it is over."""

    over = False

    def on_run_done(self, run: models.Run) -> None:
        self.over = True


def _cost(chunks: Sequence[bytes], make: Callable[[], Sequence[EventHandler]]) -> float:
    """Read CHUNKS as a stream with the handlers that MAKE makes; return microseconds an event."""
    loops = max(1, _LEAST // len(chunks))
    gc.collect()
    start = time.process_time()
    for _ in range(loops):
        Stream(iter(chunks), *make()).until_done()
    return (time.process_time() - start) / (loops * len(chunks)) * 1e6


# --- Inside processes of their own ------------------------------------------------------


def _lengths(_: Path) -> dict[str, list[float]]:
    """Measure all lengths, with and without reading, in turn."""
    streams = [list(message_stream(deltas)) for deltas in _DELTAS]
    gc.collect()
    gc.freeze()  # the streams are not the library's: the collector need not look at them
    kinds: dict[str, Callable[[], Sequence[EventHandler]]] = {
        "counts": lambda: [Counts()],
        "reads": lambda: [Reads()],
    }
    found: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    for number in range(_REPEATS):
        step(f"lengths: {number + 1} of {_REPEATS}")
        for kind, make in kinds.items():
            found[kind].append([_cost(chunks, make) for chunks in streams])
    return {kind: _best(rows) for kind, rows in found.items()}


def _handlers(_: Path) -> dict[str, list[float]]:
    """Measure all numbers of handlers, in turn."""
    chunks = list(message_stream(SIZES["L"]))
    gc.collect()
    gc.freeze()
    rows = []
    for number in range(_REPEATS):
        step(f"handlers: {number + 1} of {_REPEATS}")
        rows.append([_cost(chunks, partial(_one_of, n)) for n in _HANDLERS])
    return {"handlers": _best(rows)}


def _one_of(number: int) -> list[EventHandler]:
    """Make NUMBER handlers, of which one overrides ``on_text_delta``."""
    return [Counts(), *(Waits() for _ in range(number - 1))]


def _best(rows: Sequence[Sequence[float]]) -> list[float]:
    """Return the least of each column."""
    return [min(column) for column in zip(*rows, strict=True)]


def _traced(_: Path) -> dict[str, float]:
    """Return the peak of traced memory on L, in MB, beyond the stream's own bytes."""
    chunks = list(message_stream(SIZES["L"]))
    Stream(iter(list(message_stream(10))), Counts()).until_done()
    tracemalloc.start()
    Stream(iter(chunks), Counts()).until_done()
    return {"peak": tracemalloc.get_traced_memory()[1] / 1e6}


def _resident(file: Path) -> dict[str, float]:
    """Return how much the process grew while it read FILE, in MB, and the size of the text."""
    start = resident()
    stream = Stream(_frames(file), Counts())
    stream.until_done()
    message = stream.current_message_snapshot
    grown = resident("VmHWM") - start
    assert message is not None
    (part,) = message.content
    assert isinstance(part, models.TextContentBlock)
    return {"grown": grown * 1024 / 1e6, "text": len(part.text.value.encode()) / 1e6}


def _frames(file: Path) -> Iterator[bytes]:
    """Give the events of FILE one by one."""
    with file.open("rb") as lines:
        frame = b""
        for line in lines:
            frame += line
            if line == b"\n":
                yield frame
                frame = b""


_INSIDE: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {
    "lengths": _lengths,
    "handlers": _handlers,
    "traced": _traced,
    "resident": _resident,
}


def _apart(kind: str, file: Path) -> dict[str, Any]:
    """Do KIND in a process of its own."""
    step(kind)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.scaling", "--inside", kind, str(file)],
        cwd=ROOT,
        env={"UNTIL_DONE_JSON": "stdlib", **os.environ},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- The report -------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    if options.inside:
        kind, file = options.inside
        sys.stdout.write(json.dumps(_INSIDE[kind](Path(file))) + "\n")
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "long.sse"
        with file.open("wb") as long:
            long.writelines(message_stream(max(_DELTAS)))
        found: dict[str, Any] = {}
        for kind in _INSIDE:
            found |= _apart(kind, file)
    version = ".".join(platform.python_version_tuple()[:2])
    publish(f"scaling-{version}", _report(found), docs=None if options.dry else DOCS)


def _report(found: dict[str, Any]) -> str:
    """Make the section."""
    lengths = table(
        ("µs per event", *(f"{deltas:,} deltas" for deltas in _DELTAS)),
        [
            ["handler takes `delta.value`", *map(short, found["counts"])],
            ["handler reads `snapshot.value` at each delta", *map(short, found["reads"])],
        ],
    )
    handlers = table(
        ("µs per event, L", *(f"{n} handler{'s' * (n > 1)}" for n in _HANDLERS)),
        [["one overrides `on_text_delta`", *map(short, found["handlers"])]],
    )
    long, short_one = _DELTAS.index(200_000), _DELTAS.index(2_000)
    over = found["grown"] - 3 * found["text"]
    limits = [
        limit_row("scaling", found["counts"][long] / found["counts"][short_one]),
        limit_row("scaling-read", found["reads"][long] / found["reads"][short_one]),
        limit_row("handlers", found["handlers"][-1] / found["handlers"][0]),
        limit_row("traced", found["peak"]),
        limit_row("resident", over),
    ]
    return f"""\
{machine()}. {versions("attrs", "cattrs")}.

CPU per event, best of {_REPEATS}, one message, fed from memory, standard-library JSON.

{lengths}
{handlers}
Memory: a process with the packages imported grew by {found["grown"]:.1f} MB at its peak while it
read {max(_DELTAS):,} deltas, {found["text"]:.2f} MB of text.

{limit_table(limits)}"""


if __name__ == "__main__":
    main()
