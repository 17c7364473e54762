"""``python -m tests.soak``: rounds of streams in threads, then the figures.

The exit status is 1 if an outcome is not in the table, or if memory, descriptors or threads have
grown beyond their bounds. Each round has a server of its own, since a server keeps its requests.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from stream_core.testing import LocalServer
from tests.soak.outcomes import Counts, lines, unaccounted
from tests.soak.resources import Resources, settled
from tests.soak.streams import OTHER_THREADS, TROUBLES, WIRES, respond, run_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "soak"]

#: KiB that may be added after the first round: allocators keep pieces of memory for threads.
MEMORY = 16 * 1024
_ROUND = 10.0  # seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument(
        "--other-threads",
        action="store_true",
        help="also close and cancel streams from threads that do not read them",
    )
    return parser


def soak(seconds: float, threads: int, seed: int, troubles: Sequence[str]) -> Counts:
    """Run streams for SECONDS on a server of their own; return the outcomes.

    Args:
        seconds: How long streams are begun; those under way go to their end. The first of each
            wire and trouble are run in any case.
        threads: How many run at a time.
        seed: For the order and the places of the troubles.
        troubles: What may strike.
    """
    counts: Counts = Counter()
    lock = threading.Lock()
    deadline = time.monotonic() + seconds
    due = [(wire, trouble) for trouble in troubles for wire in WIRES]
    left_out = {("chat", "failed run")}  # that wire has no such thing
    numbers = iter(range(sys.maxsize))

    def work(random: Random) -> None:
        while True:
            with lock:
                number = next(numbers)
                must = number < len(due)
            if not must and time.monotonic() > deadline:
                return
            wire, trouble = due[number] if must else random.choice(due)
            if (wire, trouble) in left_out:
                continue
            try:
                outcome = run_stream(server, number, wire, trouble, random)
            except BaseException as error:  # noqa: BLE001 - it is an outcome that no table has
                outcome = f"{type(error).__name__}: {error}"
            with lock:
                counts[wire, trouble, outcome] += 1

    with LocalServer(respond) as server:
        workers = [
            threading.Thread(target=work, args=(Random(f"{seed} {index}"),))
            for index in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return counts


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program talks on stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, and print the figures.

    Returns:
        The exit status: 1 if something is unaccounted for, or has grown.
    """
    given = _parser().parse_args(arguments)
    seed = Random().randrange(1 << 32) if given.seed is None else given.seed
    troubles = [*TROUBLES, *(OTHER_THREADS if given.other_threads else ())]
    began = time.monotonic()
    # Caches fill and the allocator takes what it needs in the first round, which is no growth.
    counts = soak(min(given.minutes * 15, _ROUND), given.threads, seed, troubles)
    before = settled(Resources(0, 1 << 20, 1), 2.0)
    rounds = 0
    while (left := began + given.minutes * 60 - time.monotonic()) > 0:
        rounds += 1
        counts += soak(min(left, _ROUND), given.threads, seed + rounds, troubles)
        if sys.stdout.isatty():
            seconds = time.monotonic() - began
            _say(f"{counts.total()} streams after {seconds:.0f} s, {Resources.now().memory} KiB")
    after = settled(before, 2.0)
    wrong = [*unaccounted(counts), *after.grown_beyond(before, MEMORY)]
    for line in lines(counts):
        _say(line)
    _say(f"{counts.total()} streams in {given.threads} threads, {rounds + 1} rounds, seed {seed}")
    for name in ("memory", "descriptors", "threads"):
        unit = " KiB" if name == "memory" else ""
        _say(f"{name}: {getattr(before, name)}{unit} at first, {getattr(after, name)} at the end")
    for sentence in wrong:
        _say(f"FAILED {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
