"""``Client``, and the calls that it has."""

from __future__ import annotations

from .client import Client

__all__: list[str] = ["Client"]
