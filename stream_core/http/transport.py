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
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import urljoin, urlsplit

import urllib3
from requests import Session
from urllib3.exceptions import HTTPError

from stream_core.convert.json_text import loads
from stream_core.errors import DecodeError, NotAnEventStreamError, TransportError

from .error_mapping import Timeout, limits_of, transport_error
from .response_head import (
    MAYBE_EVENTS,
    begins_as_events,
    content_kind,
    status_error,
    unreadable_encoding,
)
from .response_source import ResponseSource, start_of
from .session import close_pools, make_session, retrying_adapter

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

#: How much of an error's body is read; the longest real ones are HTML pages of proxies.
ERROR_BODY_BYTES: Final = 1_048_576

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
    """

    query: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str | None]
    default_headers: Mapping[str, str]
    timeout: Timeout


class Transport:
    """Everything that requests to one server have in common.

    Args:
        base_url: The address that all paths are appended to, e.g.
            ``https://api.openai.com/v1``.
        headers: Sent with every request.
        auth: Called for each request (not again for its retries); returns the headers that
            authenticate it. They do not replace headers that the caller set.
        query: Sent with every request; names to values, as in :class:`Options`. A request's
            own query takes precedence, name by name.
        timeout: The timeout of requests that have none of their own.
        max_retries: How often a request is sent again; see :func:`retrying_adapter`.
        idle_timeout: The limit of streams that have none of their own, see
            :class:`stream_core.Stream`.
        session: The session to send through, unchanged: with its own retries, proxies and TLS
            settings. None makes one with retries, which :meth:`close` closes.

    Raises:
        ValueError: BASE_URL is not the address of a server.
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
        idle_timeout: float | None = None,
    ) -> None:
        self.base_url = _checked(base_url)
        self.idle_timeout = idle_timeout
        self._headers = {"User-Agent": f"until-done/{_version('until-done')}", **headers}
        self._auth = auth
        self._query = dict(query or {})
        self._timeout = timeout
        self._owns_session = session is None
        self._session = make_session(max_retries) if session is None else session

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send a request that is answered with JSON.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: The path after the base address, with a leading slash, e.g. ``/threads``.
            options: The request's other parts.

        Returns:
            The JSON value.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the class says which.
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
            The body, unread. Close it.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the class says which.
            NotAnEventStreamError: The answer is not an event stream. If it states no content
                type, plain text or plain bytes, or an encoding that nobody can undo, its first
                bytes decide.
        """
        source = self._open(method, path, "text/event-stream", options)
        headers = source.response.headers
        kind = content_kind(headers)
        encoding = unreadable_encoding(headers, _DECODED)
        is_events = kind == "text/event-stream"
        if is_events and encoding is None:
            return source
        if is_events or kind in MAYBE_EVENTS:  # the bytes count
            try:
                body = source.start(lambda data: begins_as_events(data) is not None)
            except TransportError:
                if encoding is None:
                    raise
                body = b""  # a part of the encoding could not be undone
            if begins_as_events(body):
                return source
            source.close()
        else:
            body = start_of(source, 1)
        raise NotAnEventStreamError(
            content_type=headers.get("Content-Type"),
            encoding=encoding,
            body=body,
            url=source.response.url,
        )

    def close(self) -> None:
        """Close the session, unless it is the caller's."""
        if self._owns_session:
            close_pools(self._session)
            self._session.close()

    def _open(self, method: str, path: str, accept: str, options: Options) -> ResponseSource:
        """Send a request; return the body of a 2xx answer, whatever it is."""
        timeout = options.get("timeout", self._timeout)
        headers: dict[str, str | None] = {
            "Accept": accept,
            **options.get("default_headers", {}),
            **self._headers,
        }
        data = None
        if "body" in options:
            headers["Content-Type"] = "application/json"
            data = json.dumps(options["body"], allow_nan=False).encode()
        url = self.base_url + path
        # Before the try: errors in these are the caller's and must reach it unchanged.
        keys = self._auth()
        limits = limits_of(timeout)
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
            # requests' own are OSErrors. A ValueError comes from an answer, e.g. from the address
            # of a redirect, which the libraries take for the caller's.
            raise transport_error(error, url, timeout, started=False) from error
        source = ResponseSource(response, timeout=timeout)
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            data = start_of(source, ERROR_BODY_BYTES)
            raise status_error(
                response.status_code, response.reason, response.headers, data, url=response.url
            )
        return source

    def _follow(
        self, method: str, url: str, redirects_left: int = _REDIRECTS_MAX, **request: Any
    ) -> Response:
        """Send a request, and follow redirects within the same server."""
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


def _checked(base_url: str) -> str:
    """Return BASE_URL without a slash at its end."""
    parts = urlsplit(base_url)
    if parts.username is not None:
        # They would appear in every error that names the address.
        raise ValueError("base_url contains a user or password: set auth on a session instead")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError(f"base_url is {base_url!r}: pass an address such as https://host/v1")
    return base_url.rstrip("/")


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _version(distribution: str) -> str:
    """Return the version of an installed distribution, or "unknown" in a source tree."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
