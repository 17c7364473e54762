"""The Responses wire."""

from __future__ import annotations

from .dialect import ResponsesDialect

__all__: list[str] = ["ResponsesDialect"]
