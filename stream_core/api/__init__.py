"""What the calls of the API take, and how they become requests. No I/O."""

from __future__ import annotations

__all__: list[str] = []
