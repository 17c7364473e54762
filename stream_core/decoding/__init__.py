"""Bytes become events: frames, dialect and snapshots, composed without I/O."""

from __future__ import annotations

from .decoder import EventDecoder

__all__: list[str] = ["EventDecoder"]
