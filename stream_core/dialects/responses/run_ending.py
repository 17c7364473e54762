"""How a response ended, from the frame that ends it.

Rules of this file:

- The status of the response counts more than the name of the frame, unless it is one of a response
  that goes on: some servers forget to change it.
- A word that is in no table is not a success, nor is a response that completed with an error or
  with a reason for being incomplete. The word is then the reason.
- A frame may carry the error without the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from stream_core import models
from stream_core.dialects.assistants import read_error

from .run_fields import last_error, reason

if TYPE_CHECKING:
    from .objects import Response

__all__ = ["Ending", "ending", "error_in"]

#: Maps the statuses of a response that has ended to those of a run.
_ENDS = {
    "completed": "completed",
    "incomplete": "incomplete",
    "failed": "failed",
    "error": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}

#: The statuses of a response that goes on.
_GOES_ON = frozenset({"", "queued", "in_progress"})


@frozen
class Ending:
    """How a response ended.

    Attributes:
        status: The status of its run: ``completed``, ``incomplete``, ``failed`` or ``cancelled``.
        reason: Why it is incomplete, in the server's word, or None.
        error: Why it failed, or None.
        word: The server's own word for all of this, or None if STATUS says as much.
    """

    status: str
    reason: str | None
    error: models.LastError | None
    word: str | None


def ending(response: Response, name: str, other: Any = None) -> Ending:
    """Return how RESPONSE ended.

    Args:
        response: The response.
        name: The name of the frame that ends it.
        other: An error beside the response, as sent or as read.
    """
    if isinstance(other, models.Error):
        other = {"message": other.message, "code": other.code, "type": other.type}
    stated, why = response.status or "", reason(response)
    error = last_error(response.error or other)
    status = _ENDS.get(stated) or _ENDS.get(name.rpartition(".")[2], "completed")
    if status == "completed":
        if error is not None:
            status = "failed"
        elif stated not in _ENDS and stated not in _GOES_ON:
            status, why = "incomplete", why or stated
        elif why is not None:
            status = "incomplete"
    word = why or stated
    return Ending(status, why, error, None if word in (*_GOES_ON, status) else word)


def error_in(event: dict[str, Any]) -> models.Error | None:
    """Return the error in EVENT, which ends a response and does not carry it; None if none is."""
    if event.get("error"):
        return read_error(event)
    if event.get("message"):
        return read_error({key: x for key, x in event.items() if key not in ("type", "error")})
    return None
