"""``make bench``: CPU per event of all contestants on every wire, and the ratios to reach.

Every contestant has a process of its own; one at a time is asked, in turn, and each round begins
with another one, so that what the machine does besides hits all alike. The best of the rounds
counts. Takes about eight minutes on two slow cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests import ROOT
from tests.benchmarks.contestants import CONTESTANTS, by_key
from tests.benchmarks.cpu_report import paragraph, report
from tests.benchmarks.options import add_wires, some_of
from tests.benchmarks.progress import say, step
from tests.benchmarks.report import DOCS, publish, write_readme
from tests.benchmarks.streams import SIZES, WIRES, Case, cases_of, make_case
from tests.benchmarks.tally import digest
from tests.benchmarks.worker import Worker, write

__all__ = ["main"]

#: How often each case is read in one measurement: S is too short to be timed by itself.
_LOOPS: Final = {"S": 20}
#: Rounds of the fast contestants, and of the slow ones.
_ROUNDS: Final = (7, 3)
#: After so many seconds no round is begun beyond those that the slow ones have.
_SECONDS: Final = 420.0
#: What ``--small`` leaves of the streams.
_SMALL: Final = 50


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    options = _options(arguments)
    with ExitStack() as stack:
        files = Path(stack.enter_context(TemporaryDirectory()))
        cases = [
            _written(wire, name, files, small=options.small)
            for wire in options.wires
            for name in cases_of(wire)
            if name in options.cases
        ]
        workers = []
        for contestant in options.only:
            step(f"starting {contestant.key}", small=True)
            workers.append(stack.enter_context(Worker(contestant, options.node)))
        missing = {w.contestant.title: w.missing for w in workers if w.missing is not None}
        workers = [worker for worker in workers if worker.missing is None]
        started = time.monotonic()
        times, rounds = _measure(workers, cases, files, options.rounds)
        took = time.monotonic() - started
        found = {name: version for w in workers for name, version in w.versions.items()}
    body = report(times, missing, found, f"{rounds} in {took:.0f} s; not more than {_ROUNDS[1]}")
    whole = (
        (options.only, options.wires, options.cases) == (list(CONTESTANTS), list(WIRES), _names())
    ) and not options.small
    if not whole:
        say("Only a part was measured: nothing is written.")
    publish("cpu", body, docs=DOCS if whole and not options.dry else None)
    if whole and not options.dry and not write_readme(ROOT / "README.md", paragraph(times)):
        say("README.md has no markers benchmark:start and benchmark:end: nothing written there.")


def _names() -> list[str]:
    """Return the names of all cases, of any wire."""
    return list(dict.fromkeys(name for wire in WIRES for name in cases_of(wire)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_wires(parser)
    parser.add_argument(
        "--cases",
        type=some_of(_names()),
        default=_names(),
        help="names of the streams, with commas, as L,L-logprobs; see streams.py (default: all)",
    )
    parser.add_argument(
        "--only",
        type=lambda keys: [by_key(key) for key in keys.split(",")],
        default=list(CONTESTANTS),
        help="keys of contestants, with commas; see contestants.py (default: all)",
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS[0], help="how often")
    parser.add_argument("--small", action="store_true", help="small streams, to see that all runs")
    parser.add_argument(
        "--node",
        type=Path,
        default=ROOT / ".venv" / "node",
        help="where npm installed openai (default: %(default)s)",
    )
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    return parser.parse_args(arguments)


def _written(wire: str, name: str, files: Path, *, small: bool) -> Case:
    """Make a case and write it to FILES; what is returned has no streams any more."""
    step(f"making {wire} {name}", small=True)
    size = SIZES[name.partition("-")[0]]
    case = make_case(wire, name, max(20, size // _SMALL) if small else size)
    write(case, files)
    return case._replace(streams=[])


def _measure(
    workers: Sequence[Worker], cases: Sequence[Case], files: Path, rounds: int
) -> tuple[dict[str, dict[str, float]], int]:
    """Ask all WORKERS in turn for all CASES, for ROUNDS, fewer when that takes too long.

    Returns:
        The best times, and how many rounds there were.
    """
    started = time.monotonic()
    best: dict[str, dict[str, float]] = {w.contestant.key: {} for w in workers}
    for number in range(rounds):
        for case in cases:
            step(f"round {number + 1} of {rounds}: {case.key}")
            turn = number % max(1, len(workers))
            for worker in [*workers[turn:], *workers[:turn]]:
                asked = worker.contestant
                if not asked.reads(case.wire, case.name):
                    continue
                if asked.slow and number >= _ROUNDS[1]:
                    continue
                step(f"round {number + 1} of {rounds}, {case.key}: {asked.key}", small=True)
                one = _ask(worker, case, files)
                best[asked.key][case.key] = min(one, best[asked.key].get(case.key, one))
        if number + 1 >= _ROUNDS[1] and time.monotonic() - started > _SECONDS:
            return best, number + 1
    return best, rounds


def _ask(worker: Worker, case: Case, files: Path) -> float:
    """Return the microseconds per event that WORKER needs for CASE.

    Raises:
        SystemExit: It disagrees about what the streams say.
    """
    loops = _LOOPS.get(case.name.partition("-")[0], 1)
    answer = worker.ask(case, loops, files)
    key = worker.contestant.key
    if not key.startswith("floor"):
        said = digest(case.texts * loops, case.arguments * loops, case.reasoning * loops)
        if answer["deltas"] != case.deltas * loops:
            raise SystemExit(f"{key} got {answer['deltas']} deltas of {case.key}")
        if answer["digest"] != said:
            raise SystemExit(f"{key} got other texts of {case.key}")
    return float(answer["seconds"]) / (case.events * loops) * 1e6


if __name__ == "__main__":
    main()
