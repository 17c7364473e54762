"""HTTP: requests go out, JSON or an iterator of bytes comes back, every failure has a name.

Rules of this file:

- It is the only importer of requests and urllib3, and is itself imported on first use.
- No exception of requests, urllib3 or the socket gets out: each becomes a
  :class:`TransportError` (or :class:`StreamTimeoutError`) that has it as its cause.
- Bytes are handed on as they arrive. ``HTTPResponse.read1`` returns what is there in every
  framing (chunked, Content-Length, closed at the end; gzip too); ``iter_content``,
  ``iter_lines`` and ``stream`` wait for a full buffer when the reply is not chunked, and
  ``read_chunked`` for the end of the chunk.
- A request is sent again only before its first byte of answer. After that the run exists
  and has begun to speak; sending it again would start another one.
- Nothing is sent to a server other than the one named by ``base_url``: redirects within it
  are followed, others are an error that names the address.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import DecodeError as DecompressionError

from .errors import DecodeError, NotAnEventStreamError, StreamTimeoutError, TransportError
from .jsontext import loads
from .status import request_id, retry_after, status_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

__all__ = [
    "Options",
    "ResponseSource",
    "Session",
    "Timeout",
    "Transport",
    "retrying_adapter",
]

#: Seconds: one number for connecting and for silence, or (connecting, silence); None is no limit.
Timeout: TypeAlias = float | tuple[float | None, float | None] | None

#: The most that one read gives; a socket seldom has more, a decompressor may.
READ_BYTES: Final = 65_536

#: After ``done`` nothing but the end of the body should come. More than this, or later than
#: this, and a new connection is cheaper than the wait.
FINISH_BYTES: Final = 65_536
FINISH_SECONDS: Final = 0.5

#: How much of an error's body is read; the longest real ones are HTML pages of proxies.
ERROR_BODY_BYTES: Final = 1_048_576

#: Statuses that say "not now": timeout, locked, too many, and everything that went wrong there.
RETRIED_STATUSES: Final = frozenset({408, 409, 429, *range(500, 600)})
#: The wait before the first retry and the longest one, in seconds; openai-python has the same.
BACKOFF_FIRST: Final = 0.5
BACKOFF_MAX: Final = 8.0
#: A server that asks for a longer wait than this gets no retry: the caller should decide.
RETRY_AFTER_MAX: Final = 60.0

#: Redirects that keep method and body.
_REDIRECTS: Final = frozenset({307, 308})
_REDIRECTS_MAX: Final = 5

#: Streams that run at the same time can each keep a connection.
_POOL_SIZE: Final = 100


class Options(TypedDict, total=False):
    """The parts of a request, beside method and path.

    Attributes:
        query: Names to values; a list is sent as the name repeated, None is not sent.
        body: A JSON value; without it no body is sent.
        headers: Names to values; None takes away a header that would be sent otherwise.
        timeout: For this request, instead of the transport's.
    """

    query: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str | None]
    timeout: Timeout


class ResponseSource:
    """The body of a streaming reply, as an iterator of bytes as they arrive.

    Args:
        response: A reply to a request with ``stream=True``, of which nothing was read.
        timeout: The request's, for the message of an error.

    Attributes:
        response: The reply, for its headers and status.
        request_id: The server's name for the request, or None.

    Iterating raises TransportError when the connection breaks or its framing is wrong, and
    StreamTimeoutError when the server is silent for too long. A reply without a length or
    chunks ends when the connection closes, so there a cut looks like the end.
    """

    def __init__(self, response: requests.Response, *, timeout: Timeout = None) -> None:
        self.response = response
        self.request_id = request_id(response.headers)
        self._timeout = timeout
        self._read: Callable[..., bytes] = response.raw.read1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            data = self._read(READ_BYTES, decode_content=True)
        except (HTTPError, OSError) as error:
            self.close()
            url = self.response.url
            raise _transport_error(error, url, self._timeout, started=True) from error
        if not data:
            raise StopIteration
        return data

    def finish(self) -> None:
        """Read to the end of the body and give the connection back for the next request.

        For after ``done``, when only the end can come. Stops after 64 KiB or half a second,
        and then closes. Does nothing after :meth:`close`. Never raises.
        """
        deadline = time.monotonic() + FINISH_SECONDS
        left = FINISH_BYTES
        # None when there is nothing to give back: closed, at its end, or closed by the server.
        sock = getattr(self.response.raw.connection, "sock", None)
        with suppress(HTTPError, OSError):
            while sock and left > 0 and (seconds := deadline - time.monotonic()) > 0:
                # urllib3 sets the timeout anew for each request on the connection.
                sock.settimeout(seconds)
                data = self._read(READ_BYTES, decode_content=True)
                left = left - len(data) if data else 0
        self.close()

    def limit_silence(self, seconds: float) -> None:
        """Wait no longer than SECONDS for the next bytes, each time. Never raises.

        Where the connection cannot be told so (one that ends with the answer), nothing more
        is read.
        """
        self._timeout = (None, seconds)
        sock = getattr(self.response.raw.connection, "sock", None)
        if sock is None:
            self.close()
            return
        with suppress(OSError):
            # urllib3 sets the timeout anew for each request on the connection.
            sock.settimeout(seconds)

    def abort(self) -> None:
        """Free a reader that waits for bytes, from whatever thread. Never raises.

        Closing would wait for the reader; shutting the socket down wakes it.
        """
        self._read = _nothing
        raw = self.response.raw
        with suppress(HTTPError, OSError, ValueError, RuntimeError, AttributeError):
            # Without one it was given back, and may serve another request.
            if raw.connection is not None:
                raw.shutdown()

    def close(self) -> None:
        """Free the connection; from now on the iteration is at its end. Never raises."""
        self._read = _nothing
        with suppress(HTTPError, OSError):
            self.response.close()


def _nothing(*_: object, **__: object) -> bytes:
    """Read nothing, as at the end of a body."""
    return b""


class Transport:
    """All that requests to one server have in common.

    Args:
        base_url: Address with the path that all paths follow, e.g.
            ``https://api.openai.com/v1``.
        headers: Sent with every request.
        auth: Called for each request (not again for its retries); gives the headers that
            authenticate it. They do not replace what the caller set.
        query: Sent with every request; names to values, as in :class:`Options`. A request's
            own query counts before it, name by name.
        timeout: Where a request says nothing else.
        max_retries: How often a request is sent again; see :func:`retrying_adapter`.
        session: To send through, as it is: with its own retries, proxies and TLS settings.
            None makes one with retries, which :meth:`close` closes.

    Raises:
        ValueError: The address is not one of a server.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str | None],
        auth: Callable[[], Mapping[str, str]],
        timeout: Timeout,
        query: Mapping[str, Any] | None = None,
        max_retries: int = 0,
        session: Session | None = None,
    ) -> None:
        self.base_url = _checked(base_url)
        self._headers = {"User-Agent": f"until-done/{_version('until-done')}", **headers}
        self._auth = auth
        self._query = dict(query or {})
        self._timeout = timeout
        self._owns_session = session is None
        self._session = _session(max_retries) if session is None else session

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send a request that is answered with JSON.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: From the base address on, with a slash in front, e.g. ``/threads``.
            options: The request's other parts.

        Returns:
            The JSON value.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the class tells which.
            DecodeError: The answer is not JSON.
        """
        source = self._open(method, path, "application/json", options)
        data = b"".join(source)
        source.close()
        try:
            return loads(data.decode("utf-8-sig"))
        except ValueError as error:
            message = f"the answer of {source.response.url} is not JSON ({error})"
            raise DecodeError(message, frame=data.decode("utf-8", "replace")) from error

    def open(self, method: str, path: str, **options: Unpack[Options]) -> ResponseSource:
        """Send a request that is answered with an event stream.

        Args:
            method: As for :meth:`request`.
            path: As for :meth:`request`.
            options: As for :meth:`request`.

        Returns:
            The body, of which nothing was read. Close it.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the class tells which.
            NotAnEventStreamError: The answer is something else.
        """
        source = self._open(method, path, "text/event-stream", options)
        content_type = source.response.headers.get("Content-Type")
        kind = (content_type or "").partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            body = _start_of(source, 1)
            raise NotAnEventStreamError(
                content_type=content_type, body=body, url=source.response.url
            )
        return source

    def close(self) -> None:
        """Close the session, unless it is the caller's."""
        if self._owns_session:
            _close_pools(self._session)
            self._session.close()

    def _open(self, method: str, path: str, accept: str, options: Options) -> ResponseSource:
        """Send a request; return the body of a 2xx answer, whatever it is."""
        timeout = options.get("timeout", self._timeout)
        headers: dict[str, str | None] = {"Accept": accept, **self._headers}
        data = None
        if "body" in options:
            headers["Content-Type"] = "application/json"
            data = json.dumps(options["body"], allow_nan=False).encode()
        url = self.base_url + path
        # Before the try: what is wrong with these is the caller's to know as it is.
        keys = self._auth()
        limits = _pair(timeout)
        urllib3.Timeout(*limits)
        try:
            response = self._follow(
                method,
                url,
                params={**self._query, **(options.get("query") or {})},
                data=data,
                headers={**headers, **options.get("headers", {})},
                auth=_Authentication(keys) if keys else None,
                timeout=limits,
            )
        except (HTTPError, OSError, ValueError) as error:
            # requests' own are OSErrors. A ValueError is of an answer, e.g. of an address to
            # be redirected to, which the libraries take for the caller's.
            raise _transport_error(error, url, timeout, started=False) from error
        source = ResponseSource(response, timeout=timeout)
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            data = _start_of(source, ERROR_BODY_BYTES)
            raise status_error(
                response.status_code, response.reason, response.headers, data, url=response.url
            )
        return source

    def _follow(
        self, method: str, url: str, redirects_left: int = _REDIRECTS_MAX, **request: Any
    ) -> requests.Response:
        """Send a request, again where the same server redirects it."""
        response = self._session.request(method, url, allow_redirects=False, stream=True, **request)
        location = response.headers.get("Location")
        if response.status_code not in _REDIRECTS or not location or not redirects_left:
            return response
        target = urljoin(url, location)
        if _origin(target) != _origin(url):
            return response
        ResponseSource(response).finish()
        # The query is in the address of the redirect.
        return self._follow(method, target, redirects_left - 1, **{**request, "params": None})


class _Authentication:
    """Sets the headers that authenticate a request, where the caller set none.

    With an ``auth`` of its own a request is safe from the one that requests finds in
    ``~/.netrc``, which would replace the key.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, value in self._headers.items():
            request.headers.setdefault(name, value)
        return request


class _Patience(urllib3.Retry):
    """When to send again and after how long; urllib3 does the sending."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count a failure; raise where it is not to be tried again."""
        if isinstance(error, ReadTimeoutError):
            # The server has the request and works on it.
            raise error
        if response is not None and _forbids_retry(response.headers):
            raise MaxRetryError(_pool, url)  # type: ignore[arg-type]  # urllib3 passes None too
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the wait that the server asks for; one that cannot be read is none."""
        return retry_after(response.headers)

    def get_backoff_time(self) -> float:
        """Return the wait where the server asks for none: doubled each time, up to 25 % less."""
        wait: float = min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** (len(self.history) - 1))
        return wait * (1 - random.random() / 4)  # noqa: S311  # spreads clients, hides nothing


def retrying_adapter(max_retries: int) -> HTTPAdapter:
    """Make the adapter that retries as :class:`Client`'s own session does.

    For a session of your own::

        session.mount("https://", retrying_adapter(2))

    Sent again is what met a refused or broken connection, or a status of
    ``RETRIED_STATUSES``, of every method, until the first byte of an answer that is none of
    these. The wait is the one that the server asks for (``Retry-After`` in seconds or as a
    date, ``retry-after-ms``), else 0.5 s, doubled each time up to 8 s. Not sent again is what
    met silence for longer than the timeout (the server may be at work on it), a TLS failure,
    ``x-should-retry: false``, or a server that asks for more than 60 s.

    Args:
        max_retries: How often a request is sent again; 0 for never.

    Raises:
        ValueError: A negative number.
    """
    if max_retries < 0:
        raise ValueError(f"max_retries is {max_retries}: give 0 for no retries, or more")
    retries = _Patience(
        total=max_retries,
        other=0,
        allowed_methods=None,
        status_forcelist=RETRIED_STATUSES,
        raise_on_status=False,
    )
    return HTTPAdapter(max_retries=retries, pool_maxsize=_POOL_SIZE)


def _forbids_retry(headers: Mapping[str, str]) -> bool:
    """Tell whether a server asks not to try again, or only after too long a time."""
    if headers.get("x-should-retry") == "false":  # OpenAI's
        return True
    return (retry_after(headers) or 0) > RETRY_AFTER_MAX


def _session(max_retries: int) -> Session:
    """Make a session that retries."""
    session = Session()
    adapter = retrying_adapter(max_retries)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _close_pools(session: Session) -> None:
    """Close the connections that wait for the next request.

    urllib3 does so only when nothing refers to their pool any more; the reply of a stream does.
    """
    adapter: Any  # one of ours
    for adapter in session.adapters.values():
        for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # it cannot be iterated
                manager.pools[key].close()


def _checked(base_url: str) -> str:
    """Return BASE_URL without a slash at its end."""
    parts = urlsplit(base_url)
    if parts.username is not None:
        # They would stand in every error that names the address.
        raise ValueError("base_url has a user or password in it: set auth on a session instead")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError(f"base_url is {base_url!r}: give an address such as https://host/v1")
    return base_url.rstrip("/")


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _pair(timeout: Timeout) -> tuple[float | None, float | None]:
    """Return the limits for connecting and for silence."""
    return timeout if isinstance(timeout, tuple) else (timeout, timeout)


def _version(distribution: str) -> str:
    """Return the version of an installed distribution; a mere source tree has none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


# --- Errors -----------------------------------------------------------------------------

#: What an exception in the chain of causes says; the first line that fits.
_FAILURES: Final = (
    (ProxyError, "the proxy failed"),
    (SSLError, "TLS failed"),
    (NewConnectionError, "cannot connect"),
    (DecompressionError, "the answer cannot be decompressed"),
)


def _transport_error(
    error: Exception, url: str, timeout: Timeout, *, started: bool
) -> TransportError:
    """Make the error of ours that ERROR means; STARTED is whether an answer had begun."""
    connecting, silence = _pair(timeout)
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
    innermost = causes[-1]
    return TransportError(f"{what}: {type(innermost).__name__}: {innermost}", url=url)


def _timeout_error(what: str, limit: float | None, url: str) -> StreamTimeoutError:
    """Make the error of a limit that was passed; LIMIT may be unknown."""
    how_long = "the timeout" if limit is None else f"{limit:g} s"
    return StreamTimeoutError(f"{what} within {how_long}", url=url, timeout=limit)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give ERROR and what it wraps, outermost first: requests and urllib3 nest up to four."""
    while error is not None:
        yield error
        inner = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((x for x in inner if isinstance(x, BaseException)), None)


def _start_of(source: ResponseSource, wanted: int) -> bytes:
    """Read at least WANTED bytes where there are so many, and close; a cut body is cut."""
    data = b""
    with suppress(TransportError):
        for chunk in source:
            data += chunk
            if len(data) >= wanted:
                break
    source.close()
    return data
