"""``make bench-import``: what ``import stream_core, handlers`` takes beside ``import requests``.

Each import has a fresh interpreter; they take turns. Takes some ten seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests import ROOT
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.progress import step
from tests.benchmarks.report import DOCS, limit_row, limit_table, publish, table
from tests.benchmarks.targets import short

__all__ = ["main"]

_STATEMENTS: Final = (
    "import stream_core, handlers",
    "import stream_core",
    "import requests",
    "import attrs",
    "pass",
)
_REPEATS: Final = 15

#: What ``import requests`` took where the limit was set, in milliseconds.
_REQUESTS: Final = 105

_PROGRAM: Final = """\
import sys, time
before, start = set(sys.modules), time.perf_counter()
{statement}
print((time.perf_counter() - start) * 1e3, len(set(sys.modules) - before))
"""


def _once(statement: str) -> tuple[float, int]:
    """Return milliseconds and the number of modules that STATEMENT loads."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(statement=statement)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        # An installed package has its bytecode; the first of the repeats writes it here.
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    )
    took, modules = done.stdout.split()
    return float(took), int(modules)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=_REPEATS, help="how often")
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    times: dict[str, list[float]] = {statement: [] for statement in _STATEMENTS}
    modules: dict[str, int] = {}
    for statement in _STATEMENTS:
        _once(statement)  # so that all bytecode is compiled
    for number in range(options.repeats):
        step(f"import {number + 1} of {options.repeats}")
        for statement in _STATEMENTS:
            took, modules[statement] = _once(statement)
            times[statement].append(took)
    publish("import", _report(times, modules), docs=None if options.dry else DOCS)


def _report(times: dict[str, list[float]], modules: dict[str, int]) -> str:
    """Make the section."""
    rows = [
        [f"`{one}`", short(min(took)), short(statistics.median(took)), str(modules[one])]
        for one, took in times.items()
    ]
    ours, requests = (min(times[_STATEMENTS[place]]) for place in (0, 2))
    return f"""\
{machine()}. {versions("attrs", "cattrs", "requests")}.

Fresh interpreters in turn, {len(times[_STATEMENTS[0]])} times each. The limit is set for a machine
on which `import requests` takes {_REQUESTS} ms; the figure is scaled to that, from the best times.

{table(("ms", "best", "median", "modules"), rows)}
{limit_table([limit_row("import", ours / requests * _REQUESTS)])}"""


if __name__ == "__main__":
    main()
