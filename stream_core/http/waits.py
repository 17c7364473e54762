"""How long to wait: before a request is sent again, if it may be at all; and limits of waits.

Rules of this file: numbers and headers in, seconds out. Who sends again, and what, is decided
elsewhere.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from .response_head import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOT_NOW", "backoff", "checked_seconds", "forbids_retry", "spread"]

#: Statuses that mean "not now": timeout, conflict, too many requests, and all server errors.
NOT_NOW: Final = frozenset({408, 409, 429, *range(500, 600)})

#: The wait before the first retry and the longest one, in seconds; openai-python has the same.
BACKOFF_FIRST: Final = 0.5
BACKOFF_MAX: Final = 8.0
#: If a server asks for a longer wait than this, there is no retry: the caller should decide.
RETRY_AFTER_MAX: Final = 60.0


def backoff(number: int) -> float:
    """Return the wait before retry NUMBER, counted from 0, if the server asks for none."""
    # No more than 2**4 is needed to reach the longest one.
    return spread(min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** min(number, 4)))


def spread(seconds: float) -> float:
    """Return SECONDS or up to a quarter less, so that clients do not all return at once."""
    return seconds * (1 - random.random() / 4)  # noqa: S311  # spreads clients, hides nothing


def forbids_retry(headers: Mapping[str, str]) -> bool:
    """Return whether the server asks not to try again, or only after too long a time."""
    if headers.get("x-should-retry") == "false":  # OpenAI's
        return True
    return (retry_after(headers) or 0) > RETRY_AFTER_MAX


def checked_seconds(name: str, value: float | None) -> float | None:
    """Return VALUE, the setting NAME, if it is a limit.

    Raises:
        ValueError: It is neither a positive number nor None.
    """
    good = isinstance(value, float | int) and not isinstance(value, bool) and 0 < value < math.inf
    if value is not None and not good:
        raise ValueError(f"{name} is {value!r}: pass seconds, or None for no limit")
    return value
