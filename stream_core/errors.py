"""Everything that can go wrong with a stream, as one tree.

::

    StreamError
    ├── TransportError              the connection failed: refused, reset, TLS, bad framing
    │   └── StreamTimeoutError      no connection, silence, or an answer that took too long
    ├── APIStatusError              an answer other than 2xx, before any event
    │   ├── BadRequestError         400
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   ├── ConflictError           409
    │   ├── UnprocessableEntityError 422
    │   ├── RateLimitError          429
    │   └── InternalServerError     5xx
    ├── NotAnEventStreamError       a 200 that is something else
    ├── DecodeError                 a frame is not JSON, or not its payload
    │   └── FrameTooLargeError      a frame is longer than the limit
    ├── ServerError                 the server's own ``error`` event
    ├── RunFailedError              raised by ``run.raise_for_status()``
    ├── ToolLoopError               a run required more rounds of tools than allowed
    ├── RunExpiredError             outputs are ready, but the run has expired
    └── IncompleteStreamError       the bytes ended too early
        └── UnknownWireError        without a frame of a wire that is known

Rules of this file:

- It imports nothing of ours, so that every module may raise any of these.
- The facts are in attributes; ``__str__`` makes the sentence.
- Every error can be copied and pickled, so that a stream may be read in a process pool.
- Any other exception that leaves this library is either misuse (TypeError, ValueError,
  RuntimeError, with the remedy in the sentence), an exception of the user's own callback,
  or a bug of ours.
"""

from __future__ import annotations

from copyreg import __newobj__ as new_object  # type: ignore[attr-defined]  # stubs lack it
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "DecodeError",
    "FrameTooLargeError",
    "IncompleteStreamError",
    "InternalServerError",
    "NotAnEventStreamError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RunExpiredError",
    "RunFailedError",
    "ServerError",
    "StreamError",
    "StreamTimeoutError",
    "ToolLoopError",
    "TransportError",
    "UnknownWireError",
    "UnprocessableEntityError",
]

#: How much of a body or frame a message quotes; the attribute has all of it.
_QUOTED_CHARACTERS = 200


def _quote(value: str | bytes) -> str:
    """Quote the start of VALUE for a message."""
    if len(value) <= _QUOTED_CHARACTERS:
        return repr(value)
    return f"{value[:_QUOTED_CHARACTERS]!r}... ({len(value)} in all)"


class StreamError(Exception):
    """Base class for every failure of a stream, or of a request for one."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling: the inherited way calls ``__init__`` by position."""
        return new_object, (self.__class__, *self.args), self.__dict__


class TransportError(StreamError):
    """The connection failed; ``__cause__`` is the exception of the socket or the HTTP library.

    Attributes:
        message: What failed, in words.
        url: The address requested, without its query, if known.
        stage: How far the request had come: ``"connecting"`` (to the server or its proxy),
            ``"TLS"``, ``"waiting"`` for the head of the answer, ``"reading"`` its body; None if
            no request failed, e.g. because the stream is read from a file.
    """

    def __init__(self, message: str, *, url: str | None = None, stage: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url
        self.stage = stage

    @property
    def sent(self) -> bool:
        """Whether the request may have reached the server.

        If not, nothing happened there, and it can be sent again without doing anything twice.
        """
        return self.stage not in {"connecting", "TLS"}

    def __str__(self) -> str:
        return self.message if self.url is None else f"{self.message} ({self.url})"


class StreamTimeoutError(TransportError):
    """No connection in time, silence for too long, or an answer that took too long as a whole.

    Attributes:
        timeout: The limit that was exceeded, in seconds, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str | None = None,
        stage: str | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(message, url=url, stage=stage)
        self.timeout = timeout


class APIStatusError(StreamError):
    """The server answered with a status other than 2xx.

    Attributes:
        status_code: The HTTP status, e.g. 404.
        code: The API's own code, e.g. ``"invalid_api_key"``, or None.
        message: The API's message, or the start of the body if it is not JSON.
        request_id: The server's id for the request (``x-request-id``), or None.
        body: The parsed JSON body, or its text if it is not JSON.
        headers: The response headers.
        url: The address requested, without its query, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        request_id: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.body = body
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.url = url

    def __str__(self) -> str:
        parts = [f"the server answered {self.status_code}: {self.message}"]
        if self.code is not None:
            parts.append(f"code {self.code}")
        if self.request_id is not None:
            parts.append(f"request {self.request_id}")
        if self.url is not None:
            parts.append(self.url)
        return "; ".join(parts)


class BadRequestError(APIStatusError):
    """400: the server does not understand the request."""


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong or expired."""


class PermissionDeniedError(APIStatusError):
    """403: the key is valid, but does not permit this."""


class NotFoundError(APIStatusError):
    """404: no such object, or no such path on this server."""


class ConflictError(APIStatusError):
    """409: the object is in use, e.g. a thread whose run is still active."""


class UnprocessableEntityError(APIStatusError):
    """422: the server understands the request, but refuses its content."""


class RateLimitError(APIStatusError):
    """429: too many requests, or the quota is used up.

    Attributes:
        retry_after: How many seconds the server asks to wait (``Retry-After``), or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after

    def __str__(self) -> str:
        sentence = super().__str__()
        if self.retry_after is None:
            return sentence
        return f"{sentence}; try again in {self.retry_after:g} s"


class InternalServerError(APIStatusError):
    """5xx: the server failed."""


class NotAnEventStreamError(StreamError):
    """The server answered 200 with something other than an event stream.

    Attributes:
        content_type: The content type that the server stated, or None.
        encoding: The content encoding that the server stated, if it was not asked for and cannot
            be undone, or None.
        body: Its first bytes.
        url: The address requested, without its query, if known.
    """

    def __init__(
        self,
        *,
        content_type: str | None,
        encoding: str | None = None,
        body: bytes = b"",
        url: str | None = None,
    ) -> None:
        super().__init__(content_type, body)
        self.content_type = content_type
        self.encoding = encoding
        self.body = body
        self.url = url

    def __str__(self) -> str:
        kind = self.content_type or "no content type"
        where = "" if self.url is None else f" from {self.url}"
        if self.encoding is not None:
            return (
                f"expected text/event-stream{where}, got {kind} in the content encoding "
                f"{self.encoding!r}, which was not asked for: {_quote(self.body)}. "
                "Let the server or the proxy send it as it is, or as gzip."
            )
        return (
            f"expected text/event-stream{where}, got {kind}: {_quote(self.body)}. "
            "Check that the path is right and that this server streams."
        )


class DecodeError(StreamError):
    """A frame is not JSON, or its JSON is not the payload that its name promises.

    Attributes:
        message: What is wrong, in words.
        frame: The frame's data as received (for a line outside any frame, that line).
        event: The frame's event name, or None.
        offset: Where the frame starts, in bytes from the start of the stream, or None.
        paths: For a payload, the JSON path of each bad field and what is wrong with
            it, e.g. ``("$.delta.content[0].text.value: 5 is not a string",)``.
    """

    def __init__(
        self,
        message: str,
        *,
        frame: str = "",
        event: str | None = None,
        offset: int | None = None,
        paths: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.frame = frame
        self.event = event
        self.offset = offset
        self.paths = tuple(paths)

    def __str__(self) -> str:
        where = [] if self.event is None else [f"event {self.event}"]
        if self.offset is not None:
            where.append(f"byte {self.offset}")
        sentence = f"{self.message} ({', '.join(where)})" if where else self.message
        if self.paths:
            sentence = f"{sentence}: {'; '.join(self.paths)}"
        return f"{sentence}: {_quote(self.frame)}" if self.frame else sentence


class FrameTooLargeError(DecodeError):
    """One frame is longer than the limit.

    Attributes:
        limit: The limit in bytes.
    """

    def __init__(
        self, *, limit: int, offset: int | None = None, frame: str = "", event: str | None = None
    ) -> None:
        super().__init__(
            f"a frame is longer than {limit} bytes; "
            "if this server is meant to send such frames, raise max_frame_bytes",
            frame=frame,
            event=event,
            offset=offset,
        )
        self.limit = limit


class ServerError(StreamError):
    """The server sent an ``error`` event, which ends the stream.

    Attributes:
        error: The payload (:class:`stream_core.models.Error`): ``message``, ``code``,
            ``param``, ``type``.
    """

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        code = self.error.code or self.error.type
        sentence = self.error.message or "no message"
        return f"the server reported an error: {sentence}" + (f" (code {code})" if code else "")


class RunFailedError(StreamError):
    """A run did not complete; raised by ``run.raise_for_status()`` only.

    Attributes:
        run: The run: ``status``, ``last_error``, ``incomplete_details``.
    """

    def __init__(self, run: Any) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        sentence = f"run {self.run.id} ended with status {self.run.status}"
        if self.run.last_error is not None:
            return f"{sentence}: {self.run.last_error.code}: {self.run.last_error.message}"
        if self.run.incomplete_details is not None:
            return f"{sentence}: {self.run.incomplete_details.reason}"
        return sentence


class ToolLoopError(StreamError):
    """A run required action more often than ``max_rounds`` allows; it still waits for outputs.

    Attributes:
        run: The run, with its calls in ``required_action``.
        max_rounds: How many rounds were allowed.
    """

    def __init__(self, run: Any, max_rounds: int) -> None:
        super().__init__(run, max_rounds)
        self.run = run
        self.max_rounds = max_rounds

    def __str__(self) -> str:
        return (
            f"run {self.run.id} requires more than {self.max_rounds} rounds of tools; "
            "raise max_rounds if that is intended, or else cancel the run"
        )


class RunExpiredError(StreamError):
    """The outputs of a run's tools are ready, but the server no longer accepts them.

    Attributes:
        run: The run; ``expires_at`` is in seconds since 1970.
    """

    def __init__(self, run: Any) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return (
            f"run {self.run.id} expired at {self.run.expires_at}, before the outputs of its "
            "tools were ready; make the tools faster, or start a new run"
        )


class IncompleteStreamError(StreamError):
    """The bytes ended before the run did.

    Attributes:
        last_event: The wire name of the last event, or None if there was none.
        open_objects: What was still open, e.g. ``("run run_1", "message msg_1")``.
        rest: The first line after the last event that is not part of an event, e.g. of the page
            of a proxy; "" if there was none.
    """

    def __init__(
        self,
        *,
        last_event: str | None = None,
        open_objects: Sequence[str] = (),
        rest: str = "",
    ) -> None:
        super().__init__(last_event, tuple(open_objects))
        self.last_event = last_event
        self.open_objects = tuple(open_objects)
        self.rest = rest

    def __str__(self) -> str:
        if self.last_event is None:
            sentence = "the stream ended without a single event"
        else:
            sentence = f"the stream ended after {self.last_event}, before the run did"
        if self.open_objects:
            sentence = f"{sentence}; still open: {', '.join(self.open_objects)}"
        return f"{sentence}; then came {_quote(self.rest)}" if self.rest else sentence


class UnknownWireError(IncompleteStreamError):
    """The stream ended, or sent ``done``, without a frame of a wire that it could be.

    Attributes:
        begins: The data of the first frame, or the start of the bytes if there was no frame; ""
            if there was neither.
        wires: The names of the dialects that were tried.
        received: How many bytes came, if known.
        looks_like: What the bytes seem to be instead, and what to do about it, or "".
    """

    def __init__(
        self,
        *,
        begins: str = "",
        wires: Sequence[str] = (),
        received: int | None = None,
        looks_like: str = "",
    ) -> None:
        super().__init__()
        self.begins = begins
        self.wires = tuple(wires)
        self.received = received
        self.looks_like = looks_like

    def __str__(self) -> str:
        begins = f"it begins with {_quote(self.begins)}" if self.begins else "it has no frame"
        if self.received:
            begins = f"{begins} and has {self.received} bytes"
        if self.looks_like:
            begins = f"{begins}; it looks like {self.looks_like}"
        remedy = 'pass dialect="auto" to find the wire out'
        if len(self.wires) != 1:
            remedy = "if you know which wire it is, pass dialect=..."
        return (
            f"the stream is not of a known wire: {begins}; tried: {', '.join(self.wires)} "
            f"({remedy})"
        )
