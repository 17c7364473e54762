"""``make bench-latency``: what stands between the server's ``send`` and the callback.

Everything is measured twice, in turn: with a client of ours, and with a bare socket that reads the
same bytes and looks at none of them. The difference is what the software costs. Also counted: the
events that a buffer held back, and the TCP connections of 100 runs. Takes about three minutes.
"""

from __future__ import annotations

import argparse
import select
import socket
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from handlers import EventHandler
from stream_core import Client, Stream, models
from tests.benchmarks.loopback import FRAMINGS, Server
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.options import add_wires
from tests.benchmarks.progress import step
from tests.benchmarks.report import DOCS, limit_row, limit_table, publish, table
from tests.benchmarks.streams import WIRES
from tests.benchmarks.targets import short

__all__ = ["begin", "main", "percentile"]

#: Deltas in lock-step, deltas paced, and seconds between these.
_LOCKSTEP: Final = 2000
_PACED: Final = 300
_GAP: Final = 0.005
#: How often each is done; the best counts.
_REPEATS: Final = 4
_RUNS: Final = 100


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that SHARE of FIGURES are not above."""
    return sorted(figures)[min(len(figures) - 1, int(share * len(figures)))]


# --- The two readers --------------------------------------------------------------------


#: When something came, in nanoseconds, and how much there was by then: deltas or bytes.
Came: TypeAlias = list[tuple[int, int]]


class _Watch(EventHandler):
    """Notes when each delta came, and says so to the server when it waits for that."""

    def __init__(self, server: Server, *, acknowledge: bool) -> None:
        self._tell = server.acknowledgements.send
        self._acknowledge = acknowledge
        self.came: Came = []

    def on_run_in_progress(self, run: models.Run) -> None:
        self._tell(b".")

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.came.append((time.monotonic_ns(), len(self.came) + 1))
        if self._acknowledge:
            self._tell(b".")


def begin(client: Client, wire: str, name: str, *handlers: EventHandler) -> Stream:
    """Begin a stream of WIRE; its assistant, or its model, is called NAME."""
    if wire == "assistants":
        return client.threads.runs.stream("t", assistant_id=name, handlers=handlers)
    if wire == "responses":
        return client.responses.stream(model=name, input="Ahoy!", handlers=handlers)
    messages = [{"role": "user", "content": "Ahoy!"}]
    return client.chat.completions.stream(model=name, messages=messages, handlers=handlers)


#: Reads one stream of a server, with so many deltas, and acknowledges each or none.
_Reader: TypeAlias = Callable[[Server, str, int, bool], Came]


def _read_ours(server: Server, wire: str, events: int, acknowledge: bool) -> Came:
    """Read with a client of ours, to a callback."""
    watch = _Watch(server, acknowledge=acknowledge)
    with (
        Client(api_key="none", base_url=server.base_url) as client,
        begin(client, wire, "m", watch) as stream,
    ):
        stream.until_done()
    return watch.came


def _read_bare(server: Server, _wire: str, events: int, acknowledge: bool) -> Came:
    """Read with a socket; in lock-step one ``recv`` is one delta."""
    came: Came = []
    with socket.create_connection(server.address) as sock:
        sock.sendall(b"POST /v1/anything HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        # The head and all events before the first delta; they are sent as one.
        total = len(sock.recv(65536))
        while select.select([sock], [], [], 0.05)[0]:
            total += len(sock.recv(65536))
        tell = server.acknowledgements.send
        tell(b".")
        while data := sock.recv(65536):
            total += len(data)
            came.append((time.monotonic_ns(), total))
            if acknowledge and len(came) <= events:
                tell(b".")
    return came


class _Result(NamedTuple):
    """One reader in one framing.

    Attributes:
        round_trip: Microseconds from one delta to the next in lock-step, the median.
        cpu: Microseconds of CPU of that.
        p50: Microseconds from send to callback, events apart, the median.
        p99: The same, 99 of 100 are not above.
        held: Events that a buffer held back.
    """

    round_trip: float
    cpu: float
    p50: float
    p99: float
    held: int

    def best(self, other: _Result) -> _Result:
        """Return the better figures of both, and all events held back."""
        return _Result(
            min(self.round_trip, other.round_trip),
            min(self.cpu, other.cpu),
            min(self.p50, other.p50),
            min(self.p99, other.p99),
            self.held + other.held,
        )


def _once(server: Server, wire: str, framing: str, reader: _Reader) -> _Result:
    """Read one stream in lock-step and one that is paced."""
    server.start(kind="lockstep", wire=wire, framing=framing, events=_LOCKSTEP)
    cpu = time.thread_time()
    came = reader(server, wire, _LOCKSTEP, True)
    cpu = time.thread_time() - cpu
    held = server.result()["held"]
    trips = [after - before for (before, _), (after, _) in pairwise(came[:_LOCKSTEP])]
    server.start(kind="paced", wire=wire, framing=framing, events=_PACED, gap=_GAP)
    came = reader(server, wire, _PACED, False)
    delays = _delays(server.result(), came, in_bytes=reader is _read_bare)
    return _Result(
        round_trip=percentile(trips, 0.5) / 1e3,
        cpu=cpu / _LOCKSTEP * 1e6,
        p50=percentile(delays, 0.5),
        p99=percentile(delays, 0.99),
        held=held,
    )


def _delays(result: dict[str, list[int]], came: Came, *, in_bytes: bool) -> list[float]:
    """Return microseconds from each ``send`` to when all of it was there, as CAME says.

    A bare socket cannot tell deltas apart; it knows how many bytes it had, and when.
    """
    ends = result["ends"] if in_bytes else range(1, len(result["sent"]) + 1)
    amounts = [amount for _, amount in came]
    times = [came[bisect_left(amounts, end)][0] for end in ends]
    return [(after - before) / 1e3 for before, after in zip(result["sent"], times, strict=True)]


def _connections(server: Server, wire: str) -> int:
    """Do runs one after the other; return how many connections they took."""
    server.start(kind="runs", wire=wire, runs=_RUNS)
    with Client(api_key="none", base_url=server.base_url) as client:
        for number in range(_RUNS):
            step(f"run {number + 1} of {_RUNS}", small=True)
            with begin(client, wire, "m") as stream:
                stream.until_done()
    return int(server.result()["connections"])


# --- The report -------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where something was measured."""

    wire: str
    framing: str

    def __str__(self) -> str:
        return f"{WIRES[self.wire].title}, {self.framing}"


#: The result of ours and of the bare socket.
_Pair: TypeAlias = tuple[_Result, _Result]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_wires(parser)
    parser.add_argument("--repeats", type=int, default=_REPEATS, help="how often")
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    found: dict[_Place, _Pair] = {}
    connections: dict[str, int] = {}
    with Server() as server:
        for number in range(options.repeats):
            for place in (_Place(wire, framing) for wire in options.wires for framing in FRAMINGS):
                step(f"latency, {place}: {number + 1} of {options.repeats}")
                ours, bare = (_once(server, *place, reader) for reader in (_read_ours, _read_bare))
                if place in found:
                    ours, bare = ours.best(found[place][0]), bare.best(found[place][1])
                found[place] = ours, bare
        for wire in options.wires:
            step(f"connections of {_RUNS} runs, {WIRES[wire].title}")
            connections[wire] = _connections(server, wire)
    whole = options.wires == list(WIRES) and not options.dry
    publish("latency", _report(found, connections), docs=DOCS if whole else None)


def _report(found: Mapping[_Place, _Pair], connections: Mapping[str, int]) -> str:
    """Make the section."""
    rows = []
    for place, (ours, bare) in found.items():
        pairs = zip(ours, bare, strict=True)
        cells = [f"{short(mine)} – {short(raw)}" for mine, raw in list(pairs)[:-1]]
        rows.append([str(place), *cells, str(ours.held)])
    header = ("µs, ours – bare socket", "lock-step", "CPU of it", "p50", "p99", "held back")
    limits = [
        [f"{WIRES[wire].title}: {cells[0]}", *cells[1:]]
        for wire, made in connections.items()
        for cells in _limits([pair for place, pair in found.items() if place.wire == wire], made)
    ]
    return f"""\
{machine()}. {versions("requests", "urllib3")}.

A server in another process writes the replies by itself. Lock-step: it sends a delta when the one
before was acknowledged from `on_text_delta`; the time is from one callback to the next, the median
of {_LOCKSTEP:,}, the CPU is the reading thread's. p50 and p99: {_PACED} deltas {_GAP * 1e3:g} ms
apart, from before `send` to the callback. The bare socket reads the same bytes and looks at none.
Best of several repeats, in turn. Limits are for the worst of the four framings.

{table(header, rows)}
{limit_table(limits)}"""


def _limits(pairs: Sequence[_Pair], connections: int) -> list[list[str]]:
    """Make the rows of limits of one wire, from its PAIRS in all framings."""
    return [
        limit_row("lock-step", max(ours.round_trip - bare.round_trip for ours, bare in pairs)),
        limit_row("p50", max(ours.p50 - bare.p50 for ours, bare in pairs)),
        limit_row("p99", max(ours.p99 - bare.p99 for ours, bare in pairs)),
        limit_row("buffering", sum(ours.held for ours, _ in pairs)),
        limit_row("connections", connections),
    ]


if __name__ == "__main__":
    main()
