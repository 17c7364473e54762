"""The sessions for requests: their connections, and the closing of these.

Rules of this file: nothing that knows the calls. Which of a client's requests may be sent again
is decided in ``api.repeats``; an adapter alone repeats only what can never do anything twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager, Retry
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from .connections import POOLS, current_progress
from .response_head import retry_after
from .waits import NOT_NOW, backoff, forbids_retry

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

__all__ = ["checked_retries", "close_pools", "make_session", "retrying_adapter"]

#: How many streams at the same time can each keep a connection.
_POOL_SIZE: Final = 100


def retrying_adapter(max_retries: int) -> HTTPAdapter:
    """Make an adapter with the connections of :class:`Client`'s own session, and retries.

    For a session of your own::

        session.mount("https://", retrying_adapter(2))

    A GET is sent again after a refused or broken connection, or a status of 408, 409, 429 or
    5xx, until another answer begins; a request of any other method only after a connection that
    was never made. The wait is the one that the server asks for (``Retry-After`` in seconds or
    as a date, ``retry-after-ms``), or else 0.5 s, doubled each time up to 8 s. A request is not
    sent again after silence for longer than the timeout, a TLS failure, ``x-should-retry:
    false``, or if the server asks to wait for more than 60 s.

    The requests of a :class:`Client` are sent again by the client, which knows what each does,
    and not by this adapter too.

    Args:
        max_retries: How often a request is sent again; 0 means never.

    Raises:
        TypeError: MAX_RETRIES is not an integer.
        ValueError: MAX_RETRIES is negative.
    """
    retries = _Patience(
        total=checked_retries(max_retries),
        other=0,
        allowed_methods={"GET"},
        status_forcelist=NOT_NOW,
        raise_on_status=False,
    )
    return _Adapter(max_retries=retries, pool_maxsize=_POOL_SIZE)


def checked_retries(max_retries: Any) -> int:
    """Return MAX_RETRIES if it is a number of retries.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is negative.
    """
    if not isinstance(max_retries, int) or isinstance(max_retries, bool):
        raise TypeError(f"max_retries is {max_retries!r}: pass an integer, 0 for no retries")
    if max_retries < 0:
        raise ValueError(f"max_retries is {max_retries}: pass 0 for no retries, or more")
    return max_retries


def make_session() -> Session:
    """Return a new session; nothing is sent again by it."""
    session = Session()
    adapter = retrying_adapter(0)
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


class _Adapter(HTTPAdapter):
    """Sends through the connections of ``connections``."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """Return the pools of a proxy; those of a SOCKS proxy have connections of their own."""
        manager = super().proxy_manager_for(*args, **options)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = POOLS
        return manager


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
        # After silence, the server has the request and may be working on it.
        if error is not None and (current_progress() or isinstance(error, ReadTimeoutError)):
            raise error
        if response is not None and (current_progress() or forbids_retry(response.headers)):
            raise MaxRetryError(_pool, url)  # type: ignore[arg-type]  # urllib3 passes None too
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the wait that the server asks for, or None if it cannot be read."""
        return retry_after(response.headers)

    def get_backoff_time(self) -> float:
        """Return the wait if the server asks for none."""
        return backoff(len(self.history) - 1)
