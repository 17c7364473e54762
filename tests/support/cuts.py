"""Cuts runs at every byte, and prints figures.

python -m tests.support.cuts            every take of the test server (an hour)
python -m tests.support.cuts --step 7   every seventh byte
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.cut_runs import differences, plans_of, quick_pauses
from tests.support.cut_takes import NotATake, recorded, response_take, takes

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["main"]


def say(line: str) -> None:
    """Write a line at once: a long run is watched."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Cut every take at every byte, print figures, and return how many runs differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.cuts")
    parser.add_argument("--step", type=int, default=1, help="cut at every n-th byte")
    parser.add_argument("--only", default="", help="only takes whose name contains this")
    parser.add_argument("recordings", nargs="*", type=Path, help="files of recorded streams")
    given = parser.parse_args(arguments)
    found = [*takes(), response_take()]
    total, failed, begun = 0, 0, time.monotonic()
    for path in given.recordings:
        try:
            found.append(recorded(path))
        except NotATake as reason:
            say(f"{path.name}: left out ({reason})")
    with quick_pauses():
        for take in found:
            if given.only not in take.name:
                continue
            for what, plans in plans_of(take, given.step):
                count, wrong = differences(take, plans)
                total, failed = total + count, failed + len(wrong)
                say(f"{take.name}, {what}: {count} cuts, {len(wrong)} differences")
                for plan, why in wrong[:3]:
                    say(f"    {plan}: {why[:600]}")
    say(f"{total} cuts, {failed} differences, {time.monotonic() - begun:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
