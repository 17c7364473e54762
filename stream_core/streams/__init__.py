"""The shells: they read a source, and hand each event to the handlers."""

from __future__ import annotations

from .stream import Control, Source, Stream

__all__: list[str] = ["Control", "Source", "Stream"]
