"""Options that several programs have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from tests.benchmarks.streams import WIRES

__all__ = ["add_wires", "some_of"]


def some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return what reads names between commas; each has to be one of KNOWN."""
    names = list(known)

    def read(text: str) -> list[str]:
        """Split TEXT."""
        found = text.split(",")
        strange = [name for name in found if name not in names]
        if strange:
            message = f"there is no {strange[0]}; there are: {', '.join(names)}"
            raise argparse.ArgumentTypeError(message)
        return found

    return read


def add_wires(parser: argparse.ArgumentParser) -> None:
    """Add ``--wires`` to PARSER."""
    parser.add_argument(
        "--wires",
        type=some_of(WIRES),
        default=list(WIRES),
        help="names, with commas (default: all)",
    )
