"""Deltas become live snapshots, with one created and one done event for each part."""

from __future__ import annotations

from .stream_state import Snapshots

__all__: list[str] = ["Snapshots"]
