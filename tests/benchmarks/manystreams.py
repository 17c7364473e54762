"""``make bench-streams``: 1, 50 and 200 streams at once, each in a thread of one process.

Each gets 20 events a second for 8 seconds from a server in another process. Measured are the CPU
of the reading process per event, its memory per stream, and the time from ``send`` to callback.
Each number of streams on each wire has a process of its own, warmed up with one stream. Takes two
minutes.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from handlers import EventHandler
from stream_core import Client, models
from tests import ROOT
from tests.benchmarks.latency import begin, percentile
from tests.benchmarks.loopback import Server
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.options import add_wires
from tests.benchmarks.progress import step
from tests.benchmarks.report import DOCS, limit_row, limit_table, publish, table
from tests.benchmarks.streams import WIRES
from tests.benchmarks.targets import short

__all__ = ["main", "resident"]

_STREAMS: Final = (1, 50, 200)
_RATE: Final = 20.0
_SECONDS: Final = 8.0


def resident(name: str = "VmRSS") -> int:
    """Return the memory of this process in KiB, as Linux counts it; ``VmHWM`` is its peak.

    Raises:
        SystemExit: The system does not tell.
    """
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text("utf-8") if status.exists() else "")
    if found is None:
        raise SystemExit("memory is read from /proc/self/status, which is not there")
    return int(found[1])


# --- Inside the process -----------------------------------------------------------------


class _Watch(EventHandler):
    """Notes when each delta came, and lets one know when the stream has begun."""

    def __init__(self, begun: threading.Semaphore) -> None:
        self._begun = begun
        self.came: list[int] = []

    def on_run_in_progress(self, run: models.Run) -> None:
        self._begun.release()

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.came.append(time.monotonic_ns())


def _read(client: Client, wire: str, name: int, watch: _Watch) -> None:
    """Read the stream NAME to its end."""
    with begin(client, wire, str(name), watch) as stream:
        stream.until_done()


def _inside(base_url: str, wire: str, streams: int, seconds: float) -> dict[str, Any]:
    """Read one stream, then STREAMS at once; say what they took. Talks to the one outside."""
    begun = threading.Semaphore(0)
    with Client(api_key="none", base_url=base_url) as client:
        watches = [_Watch(begun)]
        _ready("warm")
        _read(client, wire, 0, watches[0])
        gc.collect()
        memory = resident()
        _ready("many")
        watches = [_Watch(begun) for _ in range(streams)]
        threads = [
            threading.Thread(target=_read, args=(client, wire, name, watch))
            for name, watch in enumerate(watches)
        ]
        for thread in threads:
            thread.start()
        for _ in range(streams + 1):  # the first stream's word is there already
            begun.acquire()
        cpu = time.process_time()
        _ready("begun")
        time.sleep(seconds / 2)
        memory = resident() - memory
        for thread in threads:
            thread.join()
        cpu = time.process_time() - cpu
    return {"cpu": cpu, "memory": memory, "came": [watch.came for watch in watches]}


def _ready(state: str) -> None:
    """Say how far this is, and wait until it may go on."""
    sys.stdout.write(f"{state}\n")
    sys.stdout.flush()
    sys.stdin.readline()


# --- Outside ----------------------------------------------------------------------------


def _measure(server: Server, wire: str, streams: int, seconds: float) -> dict[str, float]:
    """Measure STREAMS of WIRE at once, for SECONDS, in a process of their own."""
    command = [sys.executable, "-m", "tests.benchmarks.manystreams", "--inside", server.base_url]
    with subprocess.Popen(
        [*command, wire, str(streams), str(seconds)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def go_on(expected: str) -> None:
            """Wait until the process is at EXPECTED, and let it go on."""
            assert process.stdout is not None
            assert process.stdin is not None
            state = process.stdout.readline().strip()
            if state != expected:
                raise SystemExit("the reading process ended; its error is above")
            process.stdin.write("\n")
            process.stdin.flush()

        server.start(kind="many", wire=wire, streams=1, rate=1000.0, seconds=0.1)
        go_on("warm")
        server.acknowledgements.send(b".")
        server.result()
        server.start(kind="many", wire=wire, streams=streams, rate=_RATE, seconds=seconds)
        go_on("many")
        go_on("begun")
        server.acknowledgements.send(b".")
        sent = server.result()["sent"]
        found = json.loads(process.stdout.readline())
    if [len(one) for one in sent] != [len(one) for one in found["came"]]:
        raise SystemExit("not all events came")
    delays = [
        (after - before) / 1e3
        for pair in zip(sent, found["came"], strict=True)
        for before, after in zip(*pair, strict=True)
    ]
    return {
        "cpu": found["cpu"] / len(delays) * 1e6,
        "memory": found["memory"] / streams,
        "p50": percentile(delays, 0.5),
        "p99": percentile(delays, 0.99),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_wires(parser)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long each is read")
    parser.add_argument("--inside", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    if options.inside:
        base_url, wire, streams, seconds = options.inside
        found = _inside(base_url, wire, int(streams), float(seconds))
        sys.stdout.write(json.dumps(found) + "\n")
        return
    measured: dict[str, dict[int, dict[str, float]]] = {wire: {} for wire in options.wires}
    with Server() as server:
        for wire in options.wires:
            for number in _STREAMS:
                step(f"{WIRES[wire].title}: {number} streams for {options.seconds:g} s")
                measured[wire][number] = _measure(server, wire, number, options.seconds)
    whole = (options.wires, options.seconds) == (list(WIRES), _SECONDS) and not options.dry
    publish("streams", _report(measured, options.seconds), docs=DOCS if whole else None)


def _report(found: Mapping[str, Mapping[int, Mapping[str, float]]], seconds: float) -> str:
    """Make the section from what was measured of each wire, for each number of streams."""
    rows = [
        [
            f"{WIRES[wire].title}, {streams}",
            *(short(one[key]) for key in ("cpu", "memory", "p50", "p99")),
        ]
        for wire, numbers in found.items()
        for streams, one in numbers.items()
    ]
    header = ("streams", "CPU per event, µs", "memory per stream, KiB", "delay p50, µs", "p99, µs")
    limits = [
        [f"{WIRES[wire].title}: {cells[0]}", *cells[1:]]
        for wire, numbers in found.items()
        for cells in (
            limit_row("streams-cpu", numbers[max(numbers)]["cpu"]),
            limit_row("streams-memory", numbers[max(numbers)]["memory"]),
        )
    ]
    return f"""\
{machine()}. {versions("requests", "urllib3")}.

Each stream has a thread, and gets {_RATE:g} events a second for {seconds:g} s. CPU is all of the
reading process: waking a thread and switching to it included. Memory is what the process has more
in the middle of the streams than before them, after one stream was read to warm up; for a single
stream that is mostly what the allocator takes at once. Delays are from before `send` to the
callback; the server sends all from one thread.

{table(header, rows)}
{limit_table(limits)}"""


if __name__ == "__main__":
    main()
