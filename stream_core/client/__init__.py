"""``Client`` and its calls."""

from __future__ import annotations

from .client import Client

__all__: list[str] = ["Client"]
