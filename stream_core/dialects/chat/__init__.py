"""The Chat Completions wire."""

from __future__ import annotations

from .dialect import FINISH_REASONS, ChatDialect

__all__: list[str] = ["FINISH_REASONS", "ChatDialect"]
