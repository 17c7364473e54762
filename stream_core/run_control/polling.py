"""Asking a server again and again until it has an answer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from stream_core.effects import Now, Wait
from stream_core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.effects import Flow

__all__ = ["poll"]

T = TypeVar("T")


def poll(
    ask: Callable[[], Flow[T]],
    over: Callable[[T], bool],
    *,
    first: float,
    longest: float,
    patience: float,
    still: Callable[[T], str],
    unanswered: tuple[type[Exception], ...] = (),
    most: int = 1,
) -> Flow[T | None]:
    """Ask until the answer is one to end with.

    Args:
        ask: Makes the question.
        over: Whether an answer is one to end with.
        first: Seconds between the first two questions. The wait doubles each time; each is up
            to a quarter shorter, so that clients which lost one server do not return at once.
        longest: The most seconds between two questions.
        patience: For how many seconds to ask.
        still: What there is to say of an answer after that time, e.g. "run run_1 is queued".
        unanswered: What says that the server cannot answer at the moment.
        most: So many of these in a row are a failure.

    Returns:
        The answer; None if the stream was aborted meanwhile.

    Raises:
        StreamError: A question failed, or the answer was still not one to end with.
    """
    deadline = (yield Now()) + patience
    pause, failures = first, 0
    while True:
        try:
            answer = yield from ask()
        except unanswered:
            failures += 1
            if failures == most:
                raise
        else:
            failures = 0
            if over(answer):
                return answer
            if (yield Now()) >= deadline:
                raise StreamError(still(answer))
        if (yield Wait(pause * (1 - random.random() / 4))):  # noqa: S311  # no secret
            return None
        pause = min(pause * 2, longest)
