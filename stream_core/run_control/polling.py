"""Asking a server until it has an answer: a question that failed, and one that is too early."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from stream_core.effects import Now, Wait
from stream_core.errors import (
    APIStatusError,
    DecodeError,
    InternalServerError,
    RateLimitError,
    StreamError,
    TransportError,
)
from stream_core.http.waits import spread

from .limits import once
from .paths import ServerIdError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.effects import Flow

__all__ = ["TRIES", "persist", "poll"]

T = TypeVar("T")

#: How often a question is asked that gets no answer.
TRIES = 3

#: Seconds until it is asked again, at first.
_PAUSE = 0.1

#: What says that the server, or what stands before it, has no answer at the moment: a page of a
#: proxy is a DecodeError.
_UNANSWERED = (TransportError, InternalServerError, RateLimitError, DecodeError)


def persist(ask: Callable[[], Flow[T]]) -> Flow[T]:
    """Ask a question that changes nothing; again if it gets no answer, three times in all.

    Args:
        ask: Makes the question.

    Raises:
        StreamError: The third failure; or another, at once; or the failure before a wait in
            which the stream was aborted.
    """
    pause = _PAUSE
    for _ in range(TRIES - 1):
        try:
            return (yield from once(ask()))
        except StreamError as error:
            if not _may_pass(error):
                raise
            asked_for = getattr(error, "retry_after", None) or 0.0
            if (yield Wait(max(asked_for, spread(pause)))):
                raise
        pause *= 2
    return (yield from once(ask()))


def _may_pass(error: StreamError) -> bool:
    """Return whether the same question may have an answer in a moment."""
    if isinstance(error, APIStatusError) and error.status_code == HTTPStatus.REQUEST_TIMEOUT:
        return True
    return isinstance(error, _UNANSWERED) and not isinstance(error, ServerIdError)


def poll(
    ask: Callable[[], Flow[T]],
    over: Callable[[T], bool],
    *,
    first: float,
    longest: float,
    deadline: float,
    still: Callable[[T], str],
) -> Flow[T | None]:
    """Ask until the answer is one to end with.

    Args:
        ask: Makes the question; it is asked as :func:`persist` does.
        over: Whether an answer is one to end with.
        first: Seconds between the first two questions. The wait doubles each time; each is up
            to a quarter shorter, so that clients which lost one server do not return at once.
        longest: The most seconds between two questions.
        deadline: Until when to ask, as a time of :class:`stream_core.effects.Now`.
        still: What there is to say of an answer after that time, e.g. "run run_1 is queued".

    Returns:
        The answer; None if the stream was aborted meanwhile.

    Raises:
        StreamError: A question failed, or the answer was still not one to end with.
    """
    pause = first
    while True:
        answer = yield from persist(ask)
        if over(answer):
            return answer
        if (yield Wait(spread(pause))):
            return None
        if (yield Now()) >= deadline:
            raise StreamError(still(answer))
        pause = min(pause * 2, longest)
