"""The head of a response: the error for its status, the wait it asks for, the request's id.

Rules of this file:

- Headers and bytes come in, facts and exceptions go out: no I/O, no HTTP library.
- Nothing here fails. A value that cannot be read is None, and an unexpected body is quoted.
"""

from __future__ import annotations

import re
import time
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from stream_core.convert.json_text import loads
from stream_core.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "MAYBE_EVENTS",
    "STATUS_ERRORS",
    "begins_as_events",
    "content_kind",
    "request_id",
    "retry_after",
    "status_error",
    "unreadable_encoding",
]

#: The content types (none at all among them) under which servers send event streams too: there
#: the bytes decide.
MAYBE_EVENTS: Final = frozenset({"", "application/octet-stream", "text/plain"})

#: How a line of an event stream begins, up to its colon; a comment has no name.
_FIELDS: Final = (b"", b"data", b"event", b"id", b"retry")
_BOM: Final = b"\xef\xbb\xbf"

#: Status -> error. Every other status from 500 on is an InternalServerError, and the rest are
#: plain APIStatusErrors.
STATUS_ERRORS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

#: OpenAI's header, then those of Azure's gateway and services.
_REQUEST_ID_HEADERS: Final = ("x-request-id", "apim-request-id", "x-ms-request-id")

#: A number of seconds (RFC 9110, section 10.2.3: digits only), and one of milliseconds.
_SECONDS: Final = re.compile(r"[0-9]+")
_MILLISECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST: Final = 2.0**31

#: How much of a body that is not JSON the message quotes; ``body`` has all of it.
_QUOTED_CHARACTERS: Final = 200


def status_error(
    status: int, reason: str, headers: Mapping[str, str], data: bytes, *, url: str
) -> APIStatusError:
    """Return the error for an answer whose status is not 2xx.

    Args:
        status: The HTTP status.
        reason: Its reason phrase, used if the answer has nothing else.
        headers: The headers; looked up in lower case.
        data: The body.
        url: The address requested.
    """
    text = data.decode("utf-8-sig", "replace")
    try:
        body = loads(text)
    except ValueError:
        body = text
    message, code = _explanation(body)
    if location := headers.get("location"):
        location = location.partition("#")[0].partition("?")[0]
        message = f"redirected to {location}; if that is the right server, make it the base_url"
    message = message or text[:_QUOTED_CHARACTERS].strip() or reason or "no explanation"
    facts: dict[str, Any] = {
        "status_code": status,
        "code": code,
        "request_id": request_id(headers),
        "body": body,
        "headers": headers,
        "url": url,
    }
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitError(message, retry_after=retry_after(headers), **facts)
    other = APIStatusError if status < HTTPStatus.INTERNAL_SERVER_ERROR else InternalServerError
    return STATUS_ERRORS.get(status, other)(message, **facts)


def _explanation(body: Any) -> tuple[str | None, str | None]:
    """Return message and code from the body of an error, each None if it is missing.

    OpenAI and Azure wrap them in ``error``, gateways send them bare, FastAPI calls the message
    ``detail``, Ollama sends ``{"error": "..."}``, and vLLM's code is a number.
    """
    if not isinstance(body, dict):
        return None, None
    error = body.get("error") or body
    if not isinstance(error, dict):
        return str(error), None
    message, code = error.get("message") or error.get("detail"), error.get("code")
    return message if isinstance(message, str) else None, None if code is None else str(code)


def content_kind(headers: Mapping[str, str]) -> str:
    """Return the content type without its parameters, in lower case; "" if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def unreadable_encoding(headers: Mapping[str, str], readable: Collection[str]) -> str | None:
    """Return the content encoding if it is not one of those READABLE, or else None."""
    stated = headers.get("content-encoding", "")
    codings = [coding.strip().lower() for coding in stated.split(",")]
    return None if {*codings} <= {*readable, "identity", ""} else stated


def begins_as_events(data: bytes) -> bool | None:
    """Return whether DATA is the start of an event stream; None if it is too short to say."""
    if _BOM.startswith(data):
        return None
    start = data.removeprefix(_BOM).lstrip(b"\r\n")
    name, colon, _ = start.partition(b":")
    if colon:
        return name in _FIELDS
    return None if any(field.startswith(start) for field in _FIELDS) else False


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id for the request, or None."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks to wait, or None if it does not say.

    ``retry-after-ms`` (OpenAI's and Azure's) takes precedence over ``Retry-After``, which has
    seconds or a date (RFC 9110, section 10.2.3); a date in the past is 0.
    """
    milliseconds = _MILLISECONDS.fullmatch(headers.get("retry-after-ms", "").strip(" \t"))
    if milliseconds is not None:
        return min(float(milliseconds[0]), _LONGEST * 1000) / 1000
    text = headers.get("retry-after", "").strip(" \t")
    if _SECONDS.fullmatch(text):
        # More digits are a longer time, as RFC 9111, section 1.2.2, has it.
        return min(float(text), _LONGEST)
    return _seconds_until(text)


def _seconds_until(date: str) -> float | None:
    """Return how long it is until DATE: 0 if it is past, None if it is not a date."""
    parsed = parsedate_tz(date)
    if parsed is None:
        return None
    try:
        return max(0.0, mktime_tz(parsed) - time.time())
    except (ValueError, OverflowError):  # an impossible year or hour
        return None
