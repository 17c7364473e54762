"""The arguments of API calls, and how they become requests. No I/O."""

from __future__ import annotations

__all__: list[str] = []
