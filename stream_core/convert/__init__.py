"""JSON text becomes values, values become payloads, and back."""

from __future__ import annotations

from .payloads import structure, unstructure

__all__: list[str] = ["structure", "unstructure"]
