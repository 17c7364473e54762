"""Cancelling a run that the server keeps, on any wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stream_core.errors import BadRequestError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.effects import Flow

__all__ = ["cancel"]

T = TypeVar("T")


def cancel(ask: Flow[object], look: Callable[[], Flow[T]], over: Callable[[T], bool]) -> Flow[bool]:
    """Cancel a run, unless it has ended.

    Args:
        ask: Asks the server to.
        look: Asks how the run stands, if the server refused.
        over: Whether that is an end, or on its way to one.

    Returns:
        True: the server knows.

    Raises:
        StreamError: The server could not be asked, or refused though the run goes on.
    """
    try:
        yield from ask
    except (BadRequestError, ConflictError):
        # So a server answers when it is too late; but not only then.
        now = yield from look()
        if not over(now):
            raise
    return True
