"""Where a long measurement is, on stderr; the figures themselves go to stdout.

On a terminal there is one line that is written over; elsewhere each step is a line.
"""

from __future__ import annotations

import sys

__all__ = ["say", "show", "step"]


def say(text: str = "") -> None:
    """Print TEXT to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def step(text: str, *, small: bool = False) -> None:
    """Say on stderr that TEXT is going on; on a terminal it replaces the step before.

    Args:
        text: What is being done.
        small: One of so many that only a terminal is told.
    """
    terminal = sys.stderr.isatty()
    if small and not terminal:
        return
    end, clear = ("\r", "\x1b[2K") if terminal else ("\n", "")
    sys.stderr.write(f"{clear}{text}{end}")
    sys.stderr.flush()


def show(text: str) -> None:
    """Print TEXT to stdout, on a line of its own also where a step stood."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[2K\r")
        sys.stderr.flush()
    say(text)
