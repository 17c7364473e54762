"""Paths made of ids that the server gave, which may be anything."""

from __future__ import annotations

from typing import Any

from stream_core.api.request import make_path
from stream_core.errors import DecodeError

__all__ = ["ServerIdError", "server_path"]


class ServerIdError(DecodeError):
    """The server gave an id that is none; asking again would not help."""


def server_path(template: str, **ids: Any) -> str:
    """Return TEMPLATE with the ids filled in.

    Raises:
        DecodeError: An id is empty, would change the path, or is no text that can be sent.
    """
    try:
        return make_path(template, **ids)
    except (TypeError, ValueError) as error:  # not a text; or half of a surrogate pair is in it
        raise ServerIdError(f"the server gave an id that no path can have: {ids!r}") from error
