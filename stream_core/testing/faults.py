"""Misbehaviour on request, like that of a broken server, proxy or network.

Rules of this file:

- A `Fault` is a plain frozen value; the server's edge carries it out.
- Bytes are counted in the answer's body before compression and transfer chunks,
  so that the same number cuts at the same place in every framing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import Attribute, field, frozen

from .framing import to_json
from .validation import BYTES, FLAG, LINE, SECONDS, STATUS, TEXT, Check, or_none

__all__ = ["Fault"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # the name of a header: RFC 9110, 5.6.2
_HEADERS = Check(
    "a mapping of header names to texts on one line",
    lambda value: (
        isinstance(value, Mapping)
        and all(TEXT.fits(name) and TEXT.fits(text) for name, text in value.items())
    ),
    lambda value: all(_TOKEN.fullmatch(name) and LINE.holds(text) for name, text in value.items()),
)


def _check_json(_: Fault, __: Attribute[Any], value: object) -> None:
    """Refuse what cannot be sent as JSON."""
    try:
        to_json(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Fault(json=...) takes a JSON value: {error}") from error


@frozen
class Fault:
    """A fault in one answer.

    With none of ``status``, ``json``, ``body``: the real answer is made, and only
    its transport is spoilt.

    Attributes:
        status: Answer with this HTTP status instead.
        json: The body, as JSON. With a status alone, an error in OpenAI's shape is sent.
        body: The body, as text.
        content_type: The body's type; by default JSON for ``json``, HTML for ``body``.
        headers: Further headers, e.g. ``{"Retry-After": "1"}``.
        delay: Seconds of silence before the answer.
        refuse: Close the connection before any answer.
        cut_after: Break off after this many bytes of the body: within a transfer chunk
            if chunked, at a silent end of file with ``framing="close"``.
        reset: Break off with a TCP reset instead of a plain close.
        silence_after: Send this many bytes of the body and then nothing, until the
            client leaves or the server is closed.
        only: Apply to the first request whose path contains this text.
    """

    status: int | None = field(default=None, validator=or_none(STATUS))
    json: Any = field(default=None, validator=_check_json)
    body: str | None = field(default=None, validator=or_none(TEXT))
    content_type: str | None = field(default=None, validator=or_none(LINE))
    headers: Mapping[str, str] = field(factory=dict, validator=_HEADERS)
    delay: float = field(default=0.0, validator=SECONDS)
    refuse: bool = field(default=False, validator=FLAG)
    cut_after: int | None = field(default=None, validator=or_none(BYTES))
    reset: bool = field(default=False, validator=FLAG)
    silence_after: int | None = field(default=None, validator=or_none(BYTES))
    only: str = field(default="", validator=TEXT)

    def __attrs_post_init__(self) -> None:
        if self.json is not None and self.body is not None:
            raise ValueError("Fault(json=..., body=...): an answer has one body, give one of them")
        if self.reset and not self.refuse and self.cut_after is None:
            raise ValueError(
                "Fault(reset=True) says how the connection ends, not when: "
                "add refuse=True or cut_after=..."
            )
        if self.refuse and (self.replaces or self.spoils_body):
            raise ValueError(
                "Fault(refuse=True) closes the connection before any answer: "
                "leave out status, json, body, cut_after and silence_after"
            )

    @property
    def replaces(self) -> bool:
        """Whether the answer itself is replaced."""
        return self.status is not None or self.json is not None or self.body is not None

    @property
    def spoils_body(self) -> bool:
        """Whether the body is broken off or held back."""
        return self.cut_after is not None or self.silence_after is not None

    def answer(self) -> tuple[int, bytes, str]:
        """Return status, body and content type of an answer that replaces the real one."""
        status = 200 if self.status is None else self.status
        if self.body is not None:
            return (
                status,
                self.body.encode(errors="replace"),
                self.content_type or "text/html; charset=utf-8",
            )
        value = self.json
        if value is None:
            value = {"error": _error(status)}
        return (
            status,
            to_json(value).encode(errors="replace"),
            self.content_type or "application/json",
        )


_KINDS = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
}


def _error(status: int) -> dict[str, str | None]:
    """Make an error as the API would for this status."""
    default = ("server_error", None) if status >= 500 else ("invalid_request_error", None)  # noqa: PLR2004 - 5xx is HTTP's server errors
    kind, code = _KINDS.get(status, default)
    message = f"The test server was asked to answer with status {status}."
    return {"message": message, "type": kind, "param": None, "code": code}
