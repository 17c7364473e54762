"""JSON text becomes values here: the one place that chooses a JSON library."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["loads"]


def loads(text: str) -> Any:
    """Parse TEXT.

    ``NaN`` and ``Infinity`` are refused: they are not JSON (RFC 8259, section 6).

    Raises:
        ValueError: TEXT is not JSON; the sentence says where.
    """
    return _DECODER.decode(text)


def _refuse(constant: str) -> NoReturn:
    """Refuse what Python would accept beyond the standard."""
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
