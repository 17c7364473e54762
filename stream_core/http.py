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
import math
import random
import time
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict
from urllib.parse import urljoin, urlsplit

import requests
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Retry

from .errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    InternalServerError,
    NotAnEventStreamError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamTimeoutError,
    TransportError,
    UnprocessableEntityError,
)
from .jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self, Unpack

    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

__all__ = [
    "Options",
    "ResponseSource",
    "Session",
    "Timeout",
    "Transport",
    "retry_after",
    "retrying_adapter",
]

#: Seconds: one number for connecting and for silence, or (connecting, silence); None is no limit.
Timeout: TypeAlias = float | tuple[float | None, float | None] | None

#: What one read asks for: the size of a full TCP window, and of most pipes.
READ_BYTES: Final = 65_536

#: After ``done`` nothing but the end of the body should come. More than this, or later than
#: this, and a new connection is cheaper than the wait.
FINISH_BYTES: Final = 65_536
FINISH_SECONDS: Final = 0.5

#: How much of an error's body is read; the longest real ones are HTML pages of proxies.
ERROR_BODY_BYTES: Final = 1_048_576
#: How much of a body that is not JSON stands in the message.
_QUOTED_CHARACTERS: Final = 200

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

_REQUEST_ID_HEADERS: Final = ("x-request-id", "apim-request-id", "x-ms-request-id")

_ERRORS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


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
        try:
            while sock and left > 0 and (seconds := deadline - time.monotonic()) > 0:
                # urllib3 sets the timeout anew for each request on the connection.
                sock.settimeout(seconds)
                data = self._read(READ_BYTES, decode_content=True)
                left = left - len(data) if data else 0
        except (HTTPError, OSError):
            pass
        self.close()

    def close(self) -> None:
        """Free the connection; from now on the iteration is at its end. Never raises."""
        self._read = _nothing
        try:
            self.response.close()
        except (HTTPError, OSError):  # pragma: no cover  # closing a broken TLS socket may fail
            pass


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
        max_retries: int = 0,
        session: Session | None = None,
    ) -> None:
        self.base_url = _checked(base_url)
        self._headers = {"User-Agent": f"until-done/{_version('until-done')}", **headers}
        self._auth = auth
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
        try:
            response = self._follow(
                method,
                url,
                params=options.get("query"),
                data=data,
                headers={**headers, **options.get("headers", {})},
                auth=_Authentication(self._auth()),
                timeout=_pair(timeout),
            )
        except (HTTPError, OSError) as error:  # requests' own are OSErrors
            raise _transport_error(error, url, timeout, started=False) from error
        source = ResponseSource(response, timeout=timeout)
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise _status_error(source)
        return source

    def _follow(self, method: str, url: str, **request: Any) -> requests.Response:
        """Send a request, again where the same server redirects it without changing it."""
        for _ in range(_REDIRECTS_MAX):
            response = self._session.request(
                method, url, allow_redirects=False, stream=True, **request
            )
            target = urljoin(url, response.headers.get("Location", url))
            if response.status_code not in _REDIRECTS or not target.startswith(self._origin):
                break
            ResponseSource(response).finish()
            # The address of a redirect has the query in it.
            url, request["params"] = target, None
        return response


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
