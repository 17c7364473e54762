"""``docs/benchmarks.md`` and the paragraph in the README: written by the parts, never by hand.

Each part owns one section, between two markers. Writing a section leaves the others as they are;
a section that is new comes to its place in ``SECTIONS``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests import ROOT
from tests.benchmarks.progress import say, show
from tests.benchmarks.targets import LIMITS, mark, short

__all__ = ["DOCS", "SECTIONS", "limit_row", "limit_table", "publish", "table", "write_readme"]


DOCS: Final = ROOT / "docs" / "benchmarks.md"

#: The sections in order: name in the marker, heading. A name may be followed by ``-`` and a
#: Python version: then there is one section for each version.
SECTIONS: Final = {
    "cpu": "CPU per event (`make bench`)",
    "latency": "Latency and connections (`make bench-latency`)",
    "streams": "Many streams (`make bench-streams`)",
    "scaling": "Scaling and memory (`make bench-scaling`)",
    "import": "Import (`make bench-import`)",
    "profile": "Profile by line (`make bench-profile`)",
}

_INTRODUCTION: Final = """\
# Benchmarks

Every figure on this page is written by the program that measured it, in `tests/benchmarks/`.
`make bench` and the other targets named in the headings measure anew and replace their section.
Compare ratios, not times: these drift with the machine. What was done for speed, what it was
expected to give and what it gave is in [benchmarks-notes.md](benchmarks-notes.md).

✓✓ is the stretch, ✓ at least what was demanded, ✗ less than that.
"""

_SECTION: Final = re.compile(
    r"<!-- section:(?P<name>[\w.-]+):start -->\n(?P<body>.*?)<!-- section:(?P=name):end -->\n",
    re.DOTALL,
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a Markdown table; columns are aligned, so that it reads in a terminal as well."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        """Make one line; the first column is left, the others right."""
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *rest])} |"

    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)]) + "\n"


def limit_row(key: str, figure: float) -> list[str]:
    """Make the row of the limit KEY with what was measured."""
    limit = LIMITS[key]
    unit = f" {limit.unit}" if limit.unit else ""
    marked = mark(figure, limit.at_least, limit.stretch, smaller_is_better=True)
    bounds = [f"≤ {bound:g}{unit}" for bound in (limit.at_least, limit.stretch)]
    return [limit.title, f"{short(figure)}{unit} {marked}", *bounds]


def limit_table(rows: Sequence[Sequence[str]]) -> str:
    """Make the table of limits from rows of :func:`limit_row`."""
    return table(("", "measured", "at least", "stretch"), rows)


def publish(name: str, body: str, *, docs: Path | None = DOCS) -> None:
    """Print BODY, and write it into the section NAME of DOCS unless that is None."""
    show(body)
    if docs is not None:
        old = docs.read_text("utf-8") if docs.exists() else ""
        docs.parent.mkdir(exist_ok=True)
        docs.write_text(_replaced(old, name, body), "utf-8")
        say(f"Written to {docs.relative_to(ROOT) if docs.is_relative_to(ROOT) else docs}.")


def _replaced(page: str, name: str, body: str) -> str:
    """Return PAGE with BODY as its section NAME."""
    sections = {found["name"]: found["body"] for found in _SECTION.finditer(page)}
    sections[name] = f"## {_heading(name)}\n\n{body.strip()}\n"
    texts = [
        f"<!-- section:{key}:start -->\n{sections[key]}<!-- section:{key}:end -->\n"
        for key in sorted(sections, key=_place)
    ]
    return "\n".join([_INTRODUCTION, *texts])


def _place(name: str) -> tuple[int, str]:
    """Return where the section NAME belongs."""
    return list(SECTIONS).index(name.partition("-")[0]), name


def _heading(name: str) -> str:
    """Return the heading of the section NAME."""
    kind, _, version = name.partition("-")
    return SECTIONS[kind] + (f", Python {version}" if version else "")


def write_readme(readme: Path, paragraph: str) -> bool:
    """Put PARAGRAPH between the markers in README.

    Returns:
        False when the file or the markers are not there; then nothing is written.
    """
    start, end = "<!-- benchmark:start -->\n", "<!-- benchmark:end -->"
    page = readme.read_text("utf-8") if readme.exists() else ""
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        return False
    readme.write_text(f"{before}{start}{paragraph.strip()}\n{end}{after}", "utf-8")
    return True
