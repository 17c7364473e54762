"""The sessions for requests: their retries, and the closing of their connections.

A request is sent again only before the first byte of its answer. After that the run exists and
has begun to stream; sending it again would start another run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from .response_head import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

__all__ = ["close_pools", "make_session", "retrying_adapter"]

#: Statuses that mean "not now": timeout, conflict, too many requests, and all server errors.
RETRIED_STATUSES: Final = frozenset({408, 409, 429, *range(500, 600)})
#: The wait before the first retry and the longest one, in seconds; openai-python has the same.
BACKOFF_FIRST: Final = 0.5
BACKOFF_MAX: Final = 8.0
#: If a server asks for a longer wait than this, there is no retry: the caller should decide.
RETRY_AFTER_MAX: Final = 60.0

#: How many streams at the same time can each keep a connection.
_POOL_SIZE: Final = 100


def retrying_adapter(max_retries: int) -> HTTPAdapter:
    """Make an adapter that retries as :class:`Client`'s own session does.

    For a session of your own::

        session.mount("https://", retrying_adapter(2))

    A request of any method is sent again after a refused or broken connection, or a status
    in ``RETRIED_STATUSES``, until another answer begins. The wait is the one that the server
    asks for (``Retry-After`` in seconds or as a date, ``retry-after-ms``), or else 0.5 s,
    doubled each time up to 8 s. A request is not sent again after silence for longer than the
    timeout (the server may be working on it), a TLS failure, ``x-should-retry: false``, or if
    the server asks to wait for more than 60 s.

    Args:
        max_retries: How often a request is sent again; 0 means never.

    Raises:
        ValueError: MAX_RETRIES is negative.
    """
    if max_retries < 0:
        raise ValueError(f"max_retries is {max_retries}: pass 0 for no retries, or more")
    retries = _Patience(
        total=max_retries,
        other=0,
        allowed_methods=None,
        status_forcelist=RETRIED_STATUSES,
        raise_on_status=False,
    )
    return HTTPAdapter(max_retries=retries, pool_maxsize=_POOL_SIZE)


def make_session(max_retries: int) -> Session:
    """Return a new session that retries."""
    session = Session()
    adapter = retrying_adapter(max_retries)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def close_pools(session: Session) -> None:
    """Close the connections that wait for the next request.

    urllib3 does so only once nothing refers to their pool; the reply of a stream still does.
    """
    adapter: Any  # ours, for both schemes
    for adapter in session.adapters.values():
        for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # it cannot be iterated
                manager.pools[key].close()


class _Patience(Retry):
    """Decides when to send again, and after how long; urllib3 does the sending."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count a failure; raise an error if the request must not be sent again."""
        if isinstance(error, ReadTimeoutError):
            # The server has the request and may be working on it.
            raise error
        if response is not None and _forbids_retry(response.headers):
            raise MaxRetryError(_pool, url)  # type: ignore[arg-type]  # urllib3 passes None too
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the wait that the server asks for, or None if it cannot be read."""
        return retry_after(response.headers)

    def get_backoff_time(self) -> float:
        """Return the wait if the server asks for none: doubled each time, up to 25 % less."""
        wait: float = min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** (len(self.history) - 1))
        return wait * (1 - random.random() / 4)  # noqa: S311  # spreads clients, hides nothing


def _forbids_retry(headers: Mapping[str, str]) -> bool:
    """Return whether the server asks not to try again, or only after too long a time."""
    if headers.get("x-should-retry") == "false":  # OpenAI's
        return True
    return (retry_after(headers) or 0) > RETRY_AFTER_MAX
