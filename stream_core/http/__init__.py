"""Sends requests; an answer is JSON or an iterator of bytes. Loads requests at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .transport import Options, ResponseSource, Session, Timeout, Transport, retrying_adapter

__all__ = ["Options", "ResponseSource", "Session", "Timeout", "Transport", "retrying_adapter"]


def __getattr__(name: str) -> Any:
    """Import the module that loads requests at first use."""
    if name in __all__:
        from . import transport

        return getattr(transport, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
