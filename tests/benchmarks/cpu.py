"""``make bench``: CPU per event of all contestants on S, L, T and M, and the ratios to reach.

Every contestant has a process of its own; one at a time is asked, in turn, and each round begins
with another one, so that what the machine does besides hits all alike. The best of the rounds
counts. Takes about three minutes on two slow cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from tests import ROOT
from tests.benchmarks.contestants import CONTESTANTS, Contestant, by_key
from tests.benchmarks.machine import machine
from tests.benchmarks.progress import say, step
from tests.benchmarks.report import DOCS, publish, table, write_readme
from tests.benchmarks.streams import SIZES, Case, make_case
from tests.benchmarks.targets import RATIOS, Ratio, mark, short
from tests.benchmarks.worker import Worker

__all__ = ["main", "paragraph", "report"]

#: How often each case is read in one measurement: S is too short to be timed by itself.
_LOOPS: Final = {"S": 20}
#: Rounds of the fast contestants, and of the slow ones.
_ROUNDS: Final = (7, 3)
#: After so many seconds no round is begun beyond those that the slow ones have.
_SECONDS: Final = 180.0

#: Contestant to case to microseconds per event.
Times: TypeAlias = Mapping[str, Mapping[str, float]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    options = _options(arguments)
    cases = [make_case(name) for name in options.cases]
    with ExitStack() as stack:
        files = Path(stack.enter_context(TemporaryDirectory()))
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
    body = report(times, missing, found, f"{rounds} in {took:.0f} s")
    whole = list(options.only) == list(CONTESTANTS) and options.cases == "SLTM"
    if not whole:
        say("Only a part was measured: nothing is written.")
    publish("cpu", body, docs=DOCS if whole and not options.dry else None)
    if whole and not options.dry and not write_readme(ROOT / "README.md", paragraph(times)):
        say("README.md has no markers benchmark:start and benchmark:end: nothing written there.")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="SLTM", help="letters of the streams (default: all)")
    parser.add_argument(
        "--only",
        type=lambda keys: [by_key(key) for key in keys.split(",")],
        default=list(CONTESTANTS),
        help="keys of contestants, with commas; see contestants.py (default: all)",
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS[0], help="how often")
    parser.add_argument(
        "--node",
        type=Path,
        default=ROOT / ".venv" / "node",
        help="where npm installed openai (default: %(default)s)",
    )
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    if not set(options.cases) <= SIZES.keys():
        parser.error(f"--cases takes letters of {''.join(SIZES)}")
    return options


def _measure(
    workers: Sequence[Worker], cases: Sequence[Case], files: Path, rounds: int
) -> tuple[dict[str, dict[str, float]], int]:
    """Ask all WORKERS in turn for all CASES, for ROUNDS, fewer when that takes too long.

    Returns:
        The best times, and how many rounds there were.

    Raises:
        SystemExit: Two contestants disagree about what the streams say.
    """
    started = time.monotonic()
    best: dict[str, dict[str, float]] = {w.contestant.key: {} for w in workers}
    for number in range(rounds):
        for case in cases:
            step(f"round {number + 1} of {rounds}: {case.name}")
            loops = _LOOPS.get(case.name, 1)
            turn = number % max(1, len(workers))
            for worker in [*workers[turn:], *workers[:turn]]:
                key = worker.contestant.key
                if worker.contestant.slow and number >= _ROUNDS[1]:
                    continue
                step(f"round {number + 1} of {rounds}, {case.name}: {key}", small=True)
                answer = worker.ask(case, loops, files)
                if not key.startswith("floor") and answer["deltas"] != case.deltas * loops:
                    raise SystemExit(f"{key} got {answer['deltas']} deltas of {case.name}")
                one = answer["seconds"] / (case.events * loops) * 1e6
                best[key][case.name] = min(one, best[key].get(case.name, one))
        if number + 1 >= _ROUNDS[1] and time.monotonic() - started > _SECONDS:
            return best, number + 1
    return best, rounds


# --- The report -------------------------------------------------------------------------


def report(
    times: Times, missing: Mapping[str, str | None], found: Mapping[str, str], how: str
) -> str:
    """Make the section: times, ratios, what they were measured with."""
    names = [name for name in SIZES if any(name in row for row in times.values())]
    slow = ", ".join(f"`{one.key}`" for one in CONTESTANTS if one.slow)
    absent = "".join(f"Not measured: {title}, because {why}.\n" for title, why in missing.items())
    return f"""\
{machine()}. {", ".join(f"{name} {version}" for name, version in found.items())}.

S is one run of 200 text deltas, L one message of 20,000, T 5,000 run-step deltas and 3 messages
with citations, M 2,000 short runs. They are fed from memory, one event per chunk. The job: decode,
accumulate, call `on_text_delta(delta, snapshot)` and the callbacks for what is done. The default
install with the standard library's JSON is measured, also where orjson is installed.

CPU microseconds per event, best of the rounds: {how}; not more than {_ROUNDS[1]} for the slow
ones, {slow}.
openai-python and openai-node make a request per run through their own clients with a transport in
memory, which counts in S and M; the others read the bytes alone. Node has no clock of a thread's
CPU: there it is the smaller of elapsed time and CPU of the process. openai-go is not measured: it
would have to be compiled.

{_times_table(times, names)}
{absent}
Ratios of this run. Times over a floor are better when small, all others when big.

{_ratios_table(times, names)}"""


def _times_table(times: Times, names: Sequence[str]) -> str:
    """Make the table of microseconds per event."""
    rows = [
        [one.title, *(_cell(times[one.key].get(name)) for name in names)]
        for one in CONTESTANTS
        if one.key in times
    ]
    return table(("µs per event", *names), rows)


def _cell(figure: float | None) -> str:
    """Write a figure that may be missing."""
    return "–" if figure is None else short(figure)


def _ratios_table(times: Times, names: Sequence[str]) -> str:
    """Make the table of ratios, with what was to be reached."""
    rows = []
    for ratio in RATIOS:
        cells = [_ratio_cell(ratio, times, name) for name in names]
        bounds = [
            "–" if row is None else " / ".join(f"{bound:g}" for bound in row)
            for row in (ratio.at_least, ratio.stretch)
        ]
        rows.append([ratio.title, *cells, *bounds])
    return table(("", *names, "at least", "stretch"), rows)


def _ratio_of(ratio: Ratio, times: Times, name: str) -> float | None:
    """Divide, where both were measured."""
    over, under = (times.get(key, {}).get(name) for key in (ratio.over, ratio.under))
    return None if over is None or under is None else over / under


def _ratio_cell(ratio: Ratio, times: Times, name: str) -> str:
    """Write the ratio on the stream NAME, with its mark."""
    figure = _ratio_of(ratio, times, name)
    if figure is None or ratio.at_least is None or ratio.stretch is None:
        return _cell(figure)
    at = list(SIZES).index(name)
    better = ratio.smaller_is_better
    marked = mark(figure, ratio.at_least[at], ratio.stretch[at], smaller_is_better=better)
    return f"{short(figure)} {marked}"


#: What the README shows: keys of contestants, ours first.
_HEADLINE: Final = ("ours", "requests", "httpx-sse", "openai-node", "azure", "openai")


def paragraph(times: Times) -> str:
    """Make the README's paragraph: CPU per event, and how many times ours that is."""
    shown: list[Contestant] = [by_key(key) for key in _HEADLINE if key in times]
    rows = []
    for one in shown:
        cells = []
        for name in SIZES:
            ratio = times[one.key][name] / times["ours"][name]
            behind = "" if one.key == "ours" else f" ({short(ratio)} ×)"
            cells.append(f"{short(times[one.key][name])}{behind}")
        rows.append([one.title, *cells])
    header = (
        "µs of CPU per event",
        "200 deltas",
        "20,000 deltas",
        "5,000 tool deltas",
        "2,000 runs",
    )
    return f"""\
Decoding, accumulating and calling back, measured by `make bench` on {machine()}; in brackets how
many times until-done's time it is. All figures are in [docs/benchmarks.md](docs/benchmarks.md).

{table(header, rows)}"""


if __name__ == "__main__":
    main()
