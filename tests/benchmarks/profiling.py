"""``make bench-profile``: where the time of L and M goes on each wire, by function and by line.

First cProfile says what share of the time each function takes by itself, calls excluded. Those
above the limit are then measured line by line with line_profiler, one function at a time as it
were: the profilers slow small functions down more than big ones, so shares are rough. Whether a
function above the limit is explained is looked up in docs/benchmarks-notes.md, by its name.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import linecache
import pstats
import re
import types
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests import ROOT
from tests.benchmarks import ours
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.options import add_wires, some_of
from tests.benchmarks.progress import step
from tests.benchmarks.report import DOCS, publish, table
from tests.benchmarks.streams import MAIN, WIRES, Case, make_case

__all__ = ["main"]

_CASES: Final = ("L", "M")
#: Shares of the whole: from here on a function has to be explained, and is shown at all.
_LIMIT: Final = 0.10
_SHOWN: Final = 0.02
#: The share of its function from which on a line is shown.
_LINE: Final = 0.04
_NOTES: Final = ROOT / "docs" / "benchmarks-notes.md"

#: File, line and name of a function, as cProfile has it; builtins have the file "~".
Place = tuple[str, int, str]


class Share(NamedTuple):
    """What a function takes.

    Attributes:
        place: Where it stands.
        own: Its share of the whole, calls excluded.
        total: Calls included.
        calls: How often it was called, per event.
    """

    place: Place
    own: float
    total: float
    calls: float

    @property
    def name(self) -> str:
        """The name as the report has it."""
        file, line, function = self.place
        if file == "~":
            return function.replace("<", "").replace(">", "")
        return f"{function} ({_relative(file)}:{line})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_wires(parser)
    parser.add_argument(
        "--cases", type=some_of(MAIN), default=list(_CASES), help="names of streams, with commas"
    )
    parser.add_argument("--size", type=int, help="deltas, or runs, in place of their own")
    parser.add_argument("--dry", action="store_true", help="print only, write no file")
    options = parser.parse_args(arguments)
    notes = _NOTES.read_text("utf-8") if _NOTES.exists() else ""
    parts = [
        _profile(make_case(wire, name, options.size), notes)
        for wire in options.wires
        for name in options.cases
    ]
    body = f"""\
{machine()}. {versions("line_profiler")}.

Shares of the time of the default install with the standard library's JSON, handler and all.
Functions of {_LIMIT:.0%} or more by themselves are measured by line, and explained in
[benchmarks-notes.md](benchmarks-notes.md). Profilers slow small functions down more than big ones.

{"".join(parts)}"""
    publish("profile", body, docs=None if options.dry else DOCS)


def _profile(case: Case, notes: str) -> str:
    """Make the part of the section for CASE."""
    ours.handler(case.wire, make_case(case.wire, "S").streams)
    step(f"{case.key}: functions")
    shares = _functions(case)
    above = [share for share in shares if share.own >= _LIMIT and share.place[0] != "~"]
    step(f"{case.key}: lines")
    lines = _lines(case, above)
    rows = [
        [
            f"`{share.name}`",
            f"{share.own:.0%}",
            f"{share.total:.0%}",
            f"{share.calls:.2f}",
            "" if share.own < _LIMIT else "yes" if _explained(share, notes) else "NOT YET",
        ]
        for share in shares
        if share.own >= _SHOWN
    ]
    header = ("function", "by itself", "with calls", "calls per event", "explained")
    return f"### {WIRES[case.wire].title}, {case.name}\n\n{table(header, rows)}\n{lines}"


def _functions(case: Case) -> list[Share]:
    """Return the shares of all functions on CASE, the biggest first."""
    profile = cProfile.Profile()
    profile.enable()
    ours.handler(case.wire, case.streams)
    profile.disable()
    stats: Any = pstats.Stats(profile)
    shares = [
        Share(place, own / stats.total_tt, total / stats.total_tt, calls / case.events)
        for place, (_, calls, own, total, _) in stats.stats.items()
    ]
    return sorted(shares, key=lambda share: share.own, reverse=True)


def _explained(share: Share, notes: str) -> bool:
    """Return whether NOTES have the function's name in code quotes."""
    name = share.name.partition(" (")[0]
    return re.search(rf"`[^`\n]*(?<!\w){re.escape(name)}(?!\w)[^`\n]*`", notes) is not None


def _lines(case: Case, shares: Sequence[Share]) -> str:
    """Measure the functions of SHARES by line on CASE; return them as text."""
    profiler: Any = import_module("line_profiler").LineProfiler()
    wanted = {share.place for share in shares}
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType):
            code = function.__code__
            if (code.co_filename, code.co_firstlineno, code.co_name) in wanted:
                profiler.add_function(function)
    profiler.enable_by_count()
    ours.handler(case.wire, case.streams)
    profiler.disable_by_count()
    timings = profiler.get_stats().timings
    return "".join(_listing(place, timings[place], case.events) for place in timings)


def _listing(place: Place, timings: Sequence[tuple[int, int, int]], events: int) -> str:
    """Write the lines of a function that take a part of its time."""
    whole = sum(time for _, _, time in timings) or 1
    lines = [
        f"{time / whole:5.0%} {hits / events:6.2f}  {linecache.getline(place[0], number).rstrip()}"
        for number, hits, time in timings
        if time / whole >= _LINE
    ]
    if not lines:
        return ""
    head = f"{place[2]} ({_relative(place[0])}:{place[1]}): share, hits per event, line"
    return "\n".join(["```text", head, *lines, "```", "", ""])


def _relative(file: str) -> str:
    """Write FILE from the project on, or from its package on."""
    path = Path(file)
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    return "/".join(path.parts[-2:])


if __name__ == "__main__":
    main()
