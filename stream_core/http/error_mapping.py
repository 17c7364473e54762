"""Failures of a connection: the exceptions of requests, urllib3 and the socket as our errors.

Rules of this file:

- Every exception becomes a :class:`TransportError`, or a :class:`StreamTimeoutError` if a
  timeout was exceeded. One that is not in the table keeps the library's own words.
- A wrapped exception says more than its wrapper, so the whole chain is examined. The innermost
  is the cause of ours; the wrappers hold the request, with the key, and its whole address.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import DecodeError as DecompressionError

from stream_core.errors import StreamTimeoutError, TransportError

from .addresses import bare, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connections import Progress

__all__ = ["Timeout", "checked_limits", "limits_of", "shortened", "transport_error"]

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


def checked_limits(timeout: Timeout) -> tuple[float | None, float | None]:
    """Return the limits for connecting and for silence.

    Raises:
        TypeError: TIMEOUT is neither a number, nor a pair of them, nor None.
        ValueError: A number is not positive.
    """
    limits: Any = limits_of(timeout)
    good = (isinstance(x, float | int | None) and not isinstance(x, bool) for x in limits)
    remedy = "pass seconds, a pair (connecting, silence), or None for no limit"
    if len(limits) != 2 or not all(good):  # noqa: PLR2004  # a pair
        raise TypeError(f"timeout is {timeout!r}: {remedy}")
    if not all(x is None or 0 < x < math.inf for x in limits):
        raise ValueError(f"timeout is {timeout!r}: {remedy}")
    connecting, silence = limits
    return connecting, silence


def shortened(
    limits: tuple[float | None, float | None], seconds: float
) -> tuple[float | None, float | None]:
    """Return LIMITS, each no longer than SECONDS."""
    connecting, silence = (seconds if x is None else min(x, seconds) for x in limits)
    return connecting, silence


def transport_error(
    error: Exception, url: str, timeout: Timeout, *, progress: Progress, started: bool
) -> TransportError:
    """Return our error for ERROR, with its cause.

    Args:
        error: The exception of a library or the socket.
        url: The request's address.
        timeout: The request's timeout.
        progress: How far the request had come.
        started: Whether an answer had begun.
    """
    causes = list(_causes(error))
    timed_out = _timeout_error(causes, url, timeout, progress, started=started)
    if timed_out is not None:
        found: TransportError = timed_out
    else:
        default = (
            "the connection broke before the end of the answer" if started else "the request failed"
        )
        what = next((x for kind, x in _FAILURES if _has(causes, kind)), default)
        packed = next((x for x in causes if isinstance(x, DecompressionError)), None)
        if packed is not None:
            what += f" ({packed.args[0]})"  # which names the content encoding
        innermost = causes[-1]
        detail = without_secrets(f"{type(innermost).__name__}: {innermost}")
        stage = _stage(causes, progress, started=started)
        found = TransportError(f"{what}: {detail}", url=bare(url), stage=stage)
    found.__cause__ = _harmless(causes[-1])
    return found


def _timeout_error(
    causes: list[BaseException], url: str, timeout: Timeout, progress: Progress, *, started: bool
) -> StreamTimeoutError | None:
    """Return our error if a timeout was exceeded."""
    connecting, silence = limits_of(timeout)
    stage = _stage(causes, progress, started=started)
    silent = _has(causes, ReadTimeoutError)
    if progress.expired or (silent and not progress.known and progress.over):
        return _over("the answer was not complete", progress.seconds, url, stage)
    if silent:
        if stage == "connecting":
            # urllib3 names it like this too, as long as TLS or a proxy does not answer.
            return _over("no connection: the other side sent nothing", connecting, url, "TLS")
        return _over("the server sent nothing", silence, url, stage)
    if _has(causes, ConnectTimeoutError) and not _has(causes, NewConnectionError):
        return _over("no connection", connecting, url, stage)
    return None


def _over(what: str, limit: float | None, url: str, stage: str) -> StreamTimeoutError:
    """Return the error for a timeout; LIMIT may be unknown."""
    how_long = "the timeout" if limit is None else f"{limit:g} s"
    return StreamTimeoutError(
        f"{what} within {how_long}", url=bare(url), stage=stage, timeout=limit
    )


def _stage(causes: list[BaseException], progress: Progress, *, started: bool) -> str:
    """Return how far a request had come; see :class:`TransportError`."""
    if started:
        return "reading"
    if progress.known:
        if progress.sent:
            return "waiting"
        return "TLS" if _has(causes, SSLError) else "connecting"
    early = (NewConnectionError, ConnectTimeoutError)
    return "connecting" if any(_has(causes, kind) for kind in early) else "waiting"


def _has(causes: list[BaseException], kind: type[BaseException]) -> bool:
    """Return whether one of CAUSES is of that KIND."""
    return any(isinstance(cause, kind) for cause in causes)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ERROR and all it wraps, outermost first: requests and urllib3 nest up to four."""
    while error is not None:
        yield error
        inner = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((x for x in inner if isinstance(x, BaseException)), None)


def _harmless(error: BaseException) -> BaseException | None:
    """Return ERROR, unless its text has a part of an address that is not to be shown."""
    return error if without_secrets(str(error)) == str(error) else None
