"""The table of the soak: what may become of a stream in each kind of trouble.

An outcome that is not here is a failure, also if it is an exception of the library's own: a
stream that is cut must not end as one whose server refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ALLOWED", "lines", "unaccounted"]

#: The connection ended before the stream did: recovered, or an error that says so.
_LOST = frozenset({"completed", "TransportError", "IncompleteStreamError"})

#: Trouble to outcomes. An outcome is the status of the run, ``stopped``, or the exception's class.
ALLOWED: Mapping[str, frozenset[str]] = {
    "none": frozenset({"completed"}),
    "tools": frozenset({"completed"}),
    "slow": frozenset({"completed"}),
    "small chunks": frozenset({"completed"}),
    "cut": _LOST,
    "cut in a tool round": _LOST,
    "reset": _LOST,
    "stall": frozenset({"completed", "StreamTimeoutError"}),
    "refused": frozenset({"TransportError"}),
    "status 500": frozenset({"InternalServerError"}),
    "status 429": frozenset({"RateLimitError"}),
    "html": frozenset({"NotAnEventStreamError"}),
    "error event": frozenset({"ServerError"}),
    "failed run": frozenset({"failed"}),
    "close": frozenset({"stopped", "completed"}),
    "cancel": frozenset({"stopped", "cancelled", "completed"}),
    "abort": frozenset({"stopped", "completed"}),
    "abort from another thread": frozenset({"stopped", "completed"}),
    "close from another thread": frozenset({"stopped", "completed"}),
    "cancel from another thread": frozenset({"stopped", "cancelled", "completed"}),
    "callback raises": frozenset({"CallbackError"}),
}

Counts = Counter[tuple[str, str, str]]
"""How many streams, by wire, trouble and outcome."""


def unaccounted(counts: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return a sentence for each outcome that is not in the table."""
    return [
        f"{wire}, {trouble}: {outcome} is not one of {', '.join(sorted(ALLOWED[trouble]))}"
        for wire, trouble, outcome in sorted(set(counts))
        if outcome not in ALLOWED[trouble]
    ]


def lines(counts: Counts) -> list[str]:
    """Return the table of outcomes, a line for each trouble."""
    by_trouble: dict[str, Counter[str]] = {}
    for (_, trouble, outcome), count in counts.items():
        by_trouble.setdefault(trouble, Counter())[outcome] += count
    return [
        f"{trouble:<27} {', '.join(f'{count} {name}' for name, count in sorted(found.items()))}"
        for trouble, found in sorted(by_trouble.items())
    ]
