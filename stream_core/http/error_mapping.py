"""Failures of a connection: the exceptions of requests, urllib3 and the socket as our errors.

Rules of this file:

- Every exception becomes a :class:`TransportError`, or a :class:`StreamTimeoutError` if a
  timeout was exceeded. One that is not in the table keeps the library's own words.
- A wrapped exception says more than its wrapper, so the whole chain is examined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import DecodeError as DecompressionError

from stream_core.errors import StreamTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Timeout", "limits_of", "transport_error"]

#: Seconds: one number for connecting and for silence, or (connecting, silence); None: no limit.
Timeout: TypeAlias = float | tuple[float | None, float | None] | None

#: The meaning of an exception in the chain of causes; the first row that fits counts.
_FAILURES: Final = (
    (ProxyError, "the proxy failed"),
    (SSLError, "TLS failed"),
    (NewConnectionError, "cannot connect"),
    (DecompressionError, "the answer cannot be decompressed"),
)


def limits_of(timeout: Timeout) -> tuple[float | None, float | None]:
    """Return the limits for connecting and for silence."""
    return timeout if isinstance(timeout, tuple) else (timeout, timeout)


def transport_error(
    error: Exception, url: str, timeout: Timeout, *, started: bool
) -> TransportError:
    """Return our error for ERROR; to be raised ``from`` it.

    Args:
        error: The exception of a library or the socket.
        url: The request's address.
        timeout: The request's timeout.
        started: Whether an answer had begun.
    """
    connecting, silence = limits_of(timeout)
    causes = list(_causes(error))
    if any(isinstance(x, ReadTimeoutError) for x in causes):
        return _timeout_error("the server sent nothing", silence, url)
    if any(isinstance(x, ConnectTimeoutError) for x in causes) and not any(
        isinstance(x, NewConnectionError) for x in causes
    ):
        return _timeout_error("no connection", connecting, url)
    default = (
        "the connection broke before the end of the answer" if started else "the request failed"
    )
    what = next((x for kind, x in _FAILURES if any(isinstance(y, kind) for y in causes)), default)
    packed = next((x for x in causes if isinstance(x, DecompressionError)), None)
    if packed is not None:
        what += f" ({packed.args[0]})"  # which names the content encoding
    innermost = causes[-1]
    return TransportError(f"{what}: {type(innermost).__name__}: {innermost}", url=url)


def _timeout_error(what: str, limit: float | None, url: str) -> StreamTimeoutError:
    """Return the error for a timeout; LIMIT may be unknown."""
    how_long = "the timeout" if limit is None else f"{limit:g} s"
    return StreamTimeoutError(f"{what} within {how_long}", url=url, timeout=limit)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ERROR and all it wraps, outermost first: requests and urllib3 nest up to four."""
    while error is not None:
        yield error
        inner = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((x for x in inner if isinstance(x, BaseException)), None)
