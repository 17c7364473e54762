"""What ``make bench`` says: a table of times and one of ratios for each wire, and the README's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from tests.benchmarks.contestants import CONTESTANTS, by_key
from tests.benchmarks.machine import machine
from tests.benchmarks.report import table
from tests.benchmarks.streams import LENGTHS, MAIN, WIRES
from tests.benchmarks.targets import RATIOS, Ratio, mark, short

__all__ = ["Times", "paragraph", "report"]

#: Contestant to case, as ``Case.key`` has it, to microseconds per event.
Times: TypeAlias = Mapping[str, Mapping[str, float]]

#: What the columns are called, if not as the streams.
_TITLES: Final = {"L64": "L, 64 KiB"}


def report(
    times: Times, missing: Mapping[str, str | None], found: Mapping[str, str], how: str
) -> str:
    """Make the section: times, ratios, what they were measured with.

    Args:
        times: What was measured.
        missing: Title of a contestant to why it was not.
        found: Package to version.
        how: How many rounds there were, and how many of the slow contestants.
    """
    slow = ", ".join(f"`{one.key}`" for one in CONTESTANTS if one.slow)
    absent = "".join(f"Not measured: {title}, because {why}.\n" for title, why in missing.items())
    wires = "\n".join(_wire(times, wire) for wire in WIRES if _measured(times, wire))
    return f"""\
{machine()}. {", ".join(f"{name} {version}" for name, version in found.items())}.

S is one run of 200 text deltas, L one message of 20,000, M 2,000 short runs. T is 5,000 deltas of
what is not text: on Assistants of run steps, with 3 messages with citations; on the other wires
reasoning, one message, and the arguments of two functions. They are fed from memory, one event per
chunk, and L also in chunks of 64 KiB. The job: decode, accumulate, call
`on_text_delta(delta, snapshot)` and the callbacks for what is done. The default install with the
standard library's JSON is measured, also where orjson is installed.

CPU microseconds per event, best of the rounds: {how} for the slow
ones, {slow}.
openai-python, pydantic-ai and openai-node make a request per run through their own clients with a
transport in memory, which counts in S and M; the others read the bytes alone. Node has no clock of
a thread's CPU: there it is the smaller of elapsed time and CPU of the process. openai-go is not
measured: it would have to be compiled. What openai-python's `.stream()` does with logprobs of Chat
Completions grows with the square of the length: it is not measured on L.

{absent}
Ratios are those of this run. Times over a floor are better when small, all others when big.

{wires}"""


def _measured(times: Times, wire: str) -> list[str]:
    """Return the names of the cases of WIRE that were measured."""
    found = {key for row in times.values() for key in row}
    names = (key.partition(" ") for key in found)
    return [name for of, _, name in names if of == wire]


def _wire(times: Times, wire: str) -> str:
    """Make the tables of WIRE."""
    measured = _measured(times, wire)
    main = [name for name in MAIN if name in measured]
    kinds = [
        kind for kind in WIRES[wire].kinds if kind and any(f"-{kind}" in name for name in measured)
    ]
    parts = [f"### {WIRES[wire].title}\n"]
    if main:
        parts += [_times_table(times, wire, main), _ratios_table(times, wire, main)]
    if kinds:
        parts += [
            "L with something more in each delta, or with deltas of something else:\n",
            _kinds_times_table(times, wire, kinds),
            "Ratios, in brackets what was to be reached, at least and the stretch:\n",
            _kinds_ratios_table(times, wire, kinds),
        ]
    return "\n".join(parts)


def _times_table(times: Times, wire: str, names: Sequence[str]) -> str:
    """Make the table of microseconds per event."""
    rows = [
        [one.title, *(_cell(times[one.key].get(f"{wire} {name}")) for name in names)]
        for one in CONTESTANTS
        if one.key in times and wire in one.wires
    ]
    return table(("µs per event", *(_TITLES.get(name, name) for name in names)), rows)


def _ratios_table(times: Times, wire: str, names: Sequence[str]) -> str:
    """Make the table of ratios, with what was to be reached."""
    rows = []
    for ratio in _ratios(wire):
        goals = ratio.goals.get(wire, {})
        cells = [_ratio_cell(ratio, times, wire, name) for name in names]
        bounds = [
            " / ".join(f"{goals[name][at]:g}" if name in goals else "–" for name in names)
            if any(name in goals for name in names)
            else "–"
            for at in (0, 1)
        ]
        rows.append([ratio.title, *cells, *bounds])
    header = ("", *(_TITLES.get(name, name) for name in names), "at least", "stretch")
    return table(header, rows)


def _ratios(wire: str) -> list[Ratio]:
    """Return the ratios of contestants that read WIRE."""
    return [x for x in RATIOS if all(wire in by_key(key).wires for key in (x.over, x.under))]


def _kinds_times_table(times: Times, wire: str, kinds: Sequence[str]) -> str:
    """Make the table of microseconds per event of the KINDS of L: a column for each."""
    rows = [
        [one.title, *(_cell(times[one.key].get(f"{wire} L-{kind}")) for kind in kinds)]
        for one in CONTESTANTS
        if one.key in times and wire in one.wires and one.kinds
    ]
    header = ("µs per event, L", *(WIRES[wire].kinds[kind].title for kind in kinds))
    return table(header, rows)


def _kinds_ratios_table(times: Times, wire: str, kinds: Sequence[str]) -> str:
    """Make the table of ratios of the KINDS: a row for each, and a column for each length."""
    columns = [
        (ratio, length)
        for ratio in _ratios(wire)
        for length in LENGTHS
        if all(length in by_key(key).kinds for key in (ratio.over, ratio.under))
        and any(_ratio_of(ratio, times, wire, f"{length}-{kind}") for kind in kinds)
    ]
    rows = []
    for kind in kinds:
        cells = []
        for ratio, length in columns:
            name = f"{length}-{kind}"
            goal = ratio.goals.get(wire, {}).get(name)
            behind = f" ({goal[0]:g} / {goal[1]:g})" if goal else ""
            cells.append(f"{_ratio_cell(ratio, times, wire, name)}{behind}")
        rows.append([WIRES[wire].kinds[kind].title, *cells])
    header = [f"{_TITLES.get(length, length)}: {_versus(ratio)}" for ratio, length in columns]
    return table(("", *header), rows)


def _versus(ratio: Ratio) -> str:
    """Write what RATIO divides."""
    return f"`{ratio.over}` / `{ratio.under}`"


def _cell(figure: float | None) -> str:
    """Write a figure that may be missing."""
    return "–" if figure is None else short(figure)


def _ratio_of(ratio: Ratio, times: Times, wire: str, name: str) -> float | None:
    """Divide, where both were measured."""
    over, under = (times.get(key, {}).get(f"{wire} {name}") for key in (ratio.over, ratio.under))
    return None if over is None or under is None else over / under


def _ratio_cell(ratio: Ratio, times: Times, wire: str, name: str) -> str:
    """Write the ratio on the stream NAME, with its mark if there is a goal."""
    figure = _ratio_of(ratio, times, wire, name)
    goal = ratio.goals.get(wire, {}).get(name)
    if figure is None or goal is None:
        return _cell(figure)
    return f"{short(figure)} {mark(figure, *goal, smaller_is_better=ratio.smaller_is_better)}"


# --- The README -------------------------------------------------------------------------

#: What the README shows: keys of contestants, ours first; and streams of each wire.
_HEADLINE: Final = (
    "ours",
    "requests",
    "httpx-sse",
    "openai-node",
    "azure",
    "openai",
    "pydantic-ai",
)
_COLUMNS: Final = {"L": "20,000 deltas", "M": "2,000 runs"}


def paragraph(times: Times) -> str:
    """Make the README's paragraph: CPU per event, and how many times ours that is."""
    keys = [f"{wire} {name}" for wire in WIRES for name in _COLUMNS]
    rows = []
    for one in (by_key(key) for key in _HEADLINE if key in times):
        cells = []
        for key in keys:
            took = times[one.key].get(key)
            behind = ""
            if took is not None and one.key != "ours":
                behind = f" ({short(took / times['ours'][key])} ×)"
            cells.append(f"{_cell(took)}{behind}")
        rows.append([one.title, *cells])
    header = [f"{wire.title}: {title}" for wire in WIRES.values() for title in _COLUMNS.values()]
    return f"""\
Decoding, accumulating and calling back, measured by `make bench` on {machine()}; in brackets how
many times until-done's time it is. All figures are in [docs/benchmarks.md](docs/benchmarks.md).

{table(("µs of CPU per event", *header), rows)}"""
