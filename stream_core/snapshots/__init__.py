"""Deltas become live snapshots; snapshots tell created, delta and done, once each."""

from __future__ import annotations

from .stream_state import Snapshots

__all__: list[str] = ["Snapshots"]
