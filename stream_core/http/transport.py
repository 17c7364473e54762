"""HTTP: requests go out, JSON or an iterator of bytes comes back, every failure has a name.

Rules of this file:

- It and its parts (``error_mapping``, ``response_source``, ``session``) are the only
  importers of requests and urllib3, and are themselves imported on first use.
- No exception of requests, urllib3 or the socket gets out: each becomes a
  :class:`TransportError` (or :class:`StreamTimeoutError`) that has it as its cause.
- Nothing is sent to a server other than the one named by ``base_url``: redirects within it
  are followed, others are an error that names the address.
"""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import urljoin

import urllib3
from requests import Session
from urllib3.exceptions import HTTPError

from stream_core.convert.json_text import loads
from stream_core.errors import DecodeError, NotAnEventStreamError, TransportError

from .addresses import (
    address_of,
    bare,
    check_headers,
    checked_base,
    encodable_query,
    origin,
)
from .connections import Progress, TooMuchError, followed
from .error_mapping import Timeout, checked_limits, shortened, transport_error
from .response_head import (
    MAYBE_EVENTS,
    begins_as_events,
    content_kind,
    status_error,
    unreadable_encoding,
)
from .response_source import ResponseSource, start_of
from .session import checked_retries, close_pools, make_session, retrying_adapter
from .waits import checked_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Unpack

    from requests import PreparedRequest, Response

__all__ = [
    "Options",
    "ResponseSource",
    "Session",
    "Timeout",
    "Transport",
    "retrying_adapter",
]

#: How much of an error's body is read, and for how long; the longest real ones are HTML pages of
#: proxies.
ERROR_BODY_BYTES: Final = 1_048_576
ERROR_BODY_SECONDS: Final = 5.0

#: How much is read, and for how long, of an answer that is not a stream, to quote its start.
QUOTED_BYTES: Final = 200
QUOTED_SECONDS: Final = 0.5

#: The largest answer that is read as a whole, compressed or not; the largest real ones, pages of
#: a hundred long messages, have a few million bytes.
DEFAULT_MAX_ANSWER_BYTES: Final = 67_108_864

#: The content encodings that are undone before bytes are seen here.
_DECODED: Final = frozenset(urllib3.HTTPResponse.CONTENT_DECODERS)

#: Redirects that keep method and body.
_REDIRECTS: Final = frozenset({307, 308})
_REDIRECTS_MAX: Final = 5


class Options(TypedDict, total=False):
    """The parts of a request other than method and path.

    Attributes:
        query: Names to values; for a list the name is repeated; None is not sent.
        body: A JSON value; without it no body is sent.
        headers: Names to values; None removes a header that would otherwise be sent.
        default_headers: Names to values, sent unless the transport has a header of that name,
            or None for it.
        timeout: The timeout of this request, instead of the transport's.
        within: Seconds that shorten it, if they are fewer.
    """

    query: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str | None]
    default_headers: Mapping[str, str]
    timeout: Timeout
    within: float


class Transport:
    """Everything that requests to one server have in common.

    It sends each request once: what may be sent again is decided in ``api.repeats``.

    Args:
        base_url: The address that all paths are appended to, e.g.
            ``https://api.openai.com/v1``.
        headers: Sent with every request.
        auth: Called for each request; returns the headers that authenticate it. They do not
            replace headers that the caller set.
        query: Sent with every request; names to values, as in :class:`Options`. A request's
            own query takes precedence, name by name.
        timeout: The timeout of requests that have none of their own.
        max_retries: How often whoever sends a request may send it again.
        session: The session to send through, unchanged: with its own proxies and TLS settings.
            None makes one, which :meth:`close` closes.
        idle_timeout: The limit of streams that have none of their own, see
            :class:`stream_core.Stream`.
        deadline: The same for the whole of a stream.
        max_answer_bytes: The largest answer that is not a stream, compressed or not; None means
            64 MiB.

    Attributes:
        base_url: The address, without a slash at its end.
        max_retries: As given.
        idle_timeout: As given.
        deadline: As given.
        closed: Whether :meth:`close` was called.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: BASE_URL is not the address of a server, or a number is not positive.
    """

    def __init__(  # noqa: PLR0913  # the settings that all requests share
        self,
        base_url: str,
        *,
        headers: Mapping[str, str | None],
        auth: Callable[[], Mapping[str, str]],
        timeout: Timeout,
        query: Mapping[str, Any] | None = None,
        max_retries: int = 0,
        session: Session | None = None,
        idle_timeout: float | None = None,
        deadline: float | None = None,
        max_answer_bytes: int | None = None,
    ) -> None:
        self.base_url = checked_base(base_url)
        self.max_retries = checked_retries(max_retries)
        self.idle_timeout = checked_seconds("idle_timeout", idle_timeout)
        self.deadline = checked_seconds("deadline", deadline)
        self.closed = False
        self._headers = {"User-Agent": f"until-done/{_version('until-done')}", **headers}
        check_headers(self._headers)
        self._auth = auth
        self._query = dict(query or {})
        checked_limits(timeout)
        self._timeout = timeout
        self._max_answer_bytes = _checked_size(max_answer_bytes)
        self._owns_session = session is None
        self._session = make_session() if session is None else session

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send a request that is answered with JSON.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: The path after the base address, e.g. ``/threads``.
            options: The request's other parts.

        Returns:
            The JSON value.

        Raises:
            TransportError: The connection failed, or the answer took longer than the timeout.
            APIStatusError: The status is not 2xx; the class says which.
            DecodeError: The answer is not JSON, or too large.
            TypeError: A part of the request has the wrong type.
            ValueError: PATH leads away from the base address, or HTTP cannot carry a header.
        """
        source = self._open(method, path, "application/json", options)
        url = bare(source.response.url)
        data = self._whole(source, url)
        try:
            return loads(data.decode("utf-8-sig"))
        except ValueError as error:
            message = f"the answer of {url} is not JSON ({error})"
            raise DecodeError(message, frame=data.decode("utf-8", "replace")) from error

    def _whole(self, source: ResponseSource, url: str) -> bytes:
        """Read SOURCE to its end, and give the connection back."""
        most, size, parts = self._max_answer_bytes, 0, []
        source.limit_bytes(most)
        try:
            for chunk in source:
                size += len(chunk)
                if size > most:
                    break
                parts.append(chunk)
        except TransportError as error:
            if not isinstance(error.__cause__, TooMuchError):
                raise
            size = most + 1
        source.close()
        if size > most:
            raise DecodeError(
                f"the answer of {url} is larger than {most} bytes; if this server is meant to "
                "send such answers, raise max_answer_bytes"
            )
        return b"".join(parts)

    def open(self, method: str, path: str, **options: Unpack[Options]) -> ResponseSource:
        """Send a request that is answered with an event stream.

        Args:
            method: As for :meth:`request`.
            path: As for :meth:`request`.
            options: As for :meth:`request`.

        Returns:
            The body, unread. Close it.

        Raises:
            TransportError: The connection failed, or the head took longer than the timeout.
            APIStatusError: The status is not 2xx; the class says which.
            NotAnEventStreamError: The answer is not an event stream. If it states no content
                type, plain text or plain bytes, or an encoding that nobody can undo, its first
                bytes decide.
            TypeError: As for :meth:`request`.
            ValueError: As for :meth:`request`.
        """
        source = self._open(method, path, "text/event-stream", options)
        headers = source.response.headers
        kind = content_kind(headers)
        encoding = unreadable_encoding(headers, _DECODED)
        is_events = kind == "text/event-stream"
        if is_events and encoding is None:
            source.be_endless()
            return source
        if is_events or kind in MAYBE_EVENTS:  # the bytes count
            source.begin_anew()
            try:
                body = source.start(lambda data: begins_as_events(data) is not None)
            except TransportError:
                if encoding is None:
                    raise
                body = b""  # a part of the encoding could not be undone
            if begins_as_events(body):
                source.be_endless()
                return source
            source.close()
        else:
            source.limit_time(QUOTED_SECONDS)
            body = start_of(source, QUOTED_BYTES)
        raise NotAnEventStreamError(
            content_type=headers.get("Content-Type"),
            encoding=encoding,
            body=body,
            url=bare(source.response.url),
        )

    def close(self) -> None:
        """Close the session, unless it is the caller's."""
        self.closed = True
        if self._owns_session:
            close_pools(self._session)
            self._session.close()

    def _open(self, method: str, path: str, accept: str, options: Options) -> ResponseSource:
        """Send a request; return the body of a 2xx answer, whatever it is."""
        timeout = options.get("timeout", self._timeout)
        limits = checked_limits(timeout)
        within = options.get("within")
        if within is not None:
            limits = timeout = shortened(limits, within)
        if not method.isalpha():
            raise ValueError(f"method is {method!r}: pass the name of an HTTP method")
        headers: dict[str, str | None] = {
            "Accept": accept,
            **options.get("default_headers", {}),
            **self._headers,
        }
        data = None
        if "body" in options:
            headers["Content-Type"] = "application/json"
            data = json.dumps(options["body"], allow_nan=False).encode()
        headers.update(options.get("headers", {}))
        url = address_of(self.base_url, path)
        keys = self._auth()
        check_headers({**self._session.headers, **keys, **headers})
        response, progress = self._send(
            method,
            url,
            params=encodable_query({**self._query, **(options.get("query") or {})}),
            data=data,
            headers=headers,
            auth=_Authentication(keys) if keys else None,
            timeout=limits,
        )
        source = ResponseSource(response, timeout=timeout, progress=progress)
        if not progress.known:
            source.limit_time(limits[1])
        if HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            return source
        source.limit_time(ERROR_BODY_SECONDS)
        source.limit_bytes(self._max_answer_bytes)
        body = start_of(source, ERROR_BODY_BYTES)
        raise status_error(
            response.status_code, response.reason, response.headers, body, url=bare(response.url)
        )

    def _send(
        self, method: str, url: str, *, timeout: tuple[float | None, float | None], **request: Any
    ) -> tuple[Response, Progress]:
        """Send a request, and return the head of its answer."""
        progress = Progress(timeout[1])
        try:
            with followed(progress):
                response = self._follow(method, url, timeout=timeout, **request)
        except (HTTPError, OSError, ValueError) as error:
            # requests' own are OSErrors. A ValueError comes from an answer, e.g. from the address
            # of a redirect, which the libraries take for the caller's.
            failure = transport_error(error, url, timeout, progress=progress, started=False)
        else:
            return response, progress
        # After the `except`: the library's exception, which holds the request, is not kept.
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame: no circle

    def _follow(
        self, method: str, url: str, redirects_left: int = _REDIRECTS_MAX, **request: Any
    ) -> Response:
        """Send a request, and follow redirects within the same server."""
        response = self._session.request(method, url, allow_redirects=False, stream=True, **request)
        location = response.headers.get("Location")
        if response.status_code not in _REDIRECTS or not location or not redirects_left:
            return response
        target = urljoin(url, location)
        if origin(target) != origin(url):
            return response
        ResponseSource(response).finish()
        # The query is in the address of the redirect.
        return self._follow(method, target, redirects_left - 1, **{**request, "params": None})


class _Authentication:
    """Sets the headers that authenticate a request, unless the caller set them.

    With an ``auth`` of its own, a request is safe from credentials that requests finds in
    ``~/.netrc``, which would replace the key.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        for name, value in self._headers.items():
            request.headers.setdefault(name, value)
        return request


def _checked_size(most: Any) -> int:
    """Return MOST if it is a number of bytes, or the default if it is None."""
    if most is None:
        return DEFAULT_MAX_ANSWER_BYTES
    if not isinstance(most, int) or most < 1:
        raise ValueError(f"max_answer_bytes is {most!r}: pass a number of bytes")
    return most


@cache
def _version(distribution: str) -> str:
    """Return the version of an installed distribution, or "unknown" in a source tree."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
