"""How much one server takes from its clients.

Rules of this file:

- A plain frozen value; `connections` enforces it, and answers with the API's JSON errors.
"""

from __future__ import annotations

from attrs import field, frozen

from .validation import SECONDS, SIZE

__all__ = ["Limits"]


@frozen
class Limits:
    """How much one server takes.

    A line or a header of a request may have 8,190 bytes in any case; more is a 431.

    Attributes:
        body: Bytes of a request's body, decompressed; more is a 413.
        connections: Connections that are open at once; another one gets a 503.
        seconds: Time for the head of a request to arrive, from its first byte, and again for
        its body; later is a 408.
    """

    body: int = field(default=1 << 26, validator=SIZE)
    connections: int = field(default=1000, validator=SIZE)
    seconds: float = field(default=30.0, validator=SECONDS)
