"""What can be done about a run: give it outputs, find out what was missed, cancel it."""

from __future__ import annotations

from .control import Control

__all__ = ["Control"]
