"""HTTP on accepted connections: requests in, answers out. The only importer of aiohttp.

Rules of this file:

- Whatever a client does, it gets an answer in the API's error shape, or has left; and
  the server goes on serving. `Limits` says how much it may take.
- Each answer has an ``x-request-id``.
- A stream goes out through a `Sender`, in a task of its own: a client that leaves
  ends its request, not the run. A plain chunked stream is written by aiohttp, so
  that its connection can be used again; every other one by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

try:
    from aiohttp import web
    from aiohttp.http_exceptions import LineTooLong
except ImportError as error:
    raise ImportError(
        'LocalServer needs aiohttp, an extra: run pip install "until-done[testing]"'
    ) from error

from .calls import RecordedRequest
from .faults import Fault
from .framing import EVENT_STREAM, Framing, to_json
from .limits import Limits
from .sending import RawOutlet, Sender, SpoiltSender, status_head
from .store import ApiError, Obj

__all__ = ["Connections", "Exchange", "Request", "Response", "read_request"]

Request: TypeAlias = web.BaseRequest
Response: TypeAlias = web.StreamResponse

_JSON = "application/json"
# Read by OpenAI's SDKs: how long to wait before asking for a run again (default 1000).
_POLL_HEADERS = {"openai-poll-after-ms": "10"}
# Seconds for a client to read an answer that came before its request was whole.
_LINGER = 1.0
_LINE_TOO_LONG = 431  # RFC 6585: Request Header Fields Too Large
_BODY_TOO_LARGE = 413
_TOO_LATE = 408
_BUSY = 503


class Connections:
    """Accepts connections up to a limit, and hands their requests on.

    To be made on the event loop.

    Args:
        answer: Answers one request.
        limits: How much clients may take.

    Attributes:
        accepted: TCP connections accepted so far, those turned away too.
    """

    def __init__(self, answer: Callable[[Request], Awaitable[Response]], limits: Limits) -> None:
        self.accepted = 0
        self._answer = answer
        self._limits = limits
        self._http = web.Server(self._serve, handler_cancellation=True)
        self._turned_away: set[asyncio.Transport] = set()

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        self.accepted += 1
        most = self._limits.connections
        if len(self._http.connections) >= most:
            return _TurnedAway(most, self._turned_away)
        return _Connection(self._http, self._limits)

    async def _serve(self, request: Request) -> Response:
        """Answer a request, on a connection whose clock stands still meanwhile."""
        connection = request.protocol
        assert isinstance(connection, _Connection)  # noqa: S101 - accept() makes no others
        connection.begin()
        try:
            return await self._answer(request)
        finally:
            connection.end()

    def abort(self) -> None:
        """Break all connections at once."""
        # Not http.shutdown(): it waits for handlers, and that of a hanging stream never ends.
        served = [c.transport for c in self._http.connections if c.transport is not None]
        for transport in [*served, *self._turned_away]:
            transport.abort()


class _Connection(web.RequestHandler):
    """One connection: aiohttp's, with a time limit for requests, and errors as JSON."""

    def __init__(self, server: web.Server, limits: Limits) -> None:
        options: dict[str, Any] = {"access_log": None, "lingering_time": _LINGER}
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._seconds = limits.seconds
        self._timer: asyncio.TimerHandle | None = None
        self._is_at_work = False

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that begin a request start its clock."""
        if self._timer is None and not self._is_at_work:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._give_up)
        try:
            super().data_received(data)
        except Exception as error:  # noqa: BLE001 - some versions let what their parser raises out
            self._refuse(ApiError(400, f"The request cannot be read as HTTP/1.1: {error}."))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self.begin()
        super().connection_lost(exc)

    def begin(self) -> None:
        """Note that the head of a request is whole: its handler has the clock from here on."""
        self._is_at_work = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """Note that a request is answered."""
        self._is_at_work = False

    def handle_error(
        self,
        request: Request,  # noqa: ARG002 - aiohttp's method
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Response:
        """Answer what is not HTTP."""
        self.begin()
        status = _LINE_TOO_LONG if isinstance(exc, LineTooLong) else status
        reason = (message or str(exc)).partition("\n")[0].rstrip(": ")
        error = ApiError(status, f"The request cannot be read as HTTP/1.1: {reason}.")
        response = web.Response(status=status, body=_body(error.body), content_type=_JSON)
        response.force_close()
        return response

    def _give_up(self) -> None:
        """Answer a request whose head does not come to its end."""
        self._timer = None
        self._refuse(_late(self._seconds))

    def _refuse(self, error: ApiError) -> None:
        """Answer what is no request, and end the connection."""
        assert self.transport is not None  # noqa: S101 - nothing comes, and no clock runs, after it
        self.transport.write(_by_hand(error))
        self.force_close()


class _TurnedAway(asyncio.Protocol):
    """A connection beyond the limit: an answer, and the end.

    Args:
        most: The limit.
        known: The transports of all such connections.
    """

    def __init__(self, most: int, known: set[asyncio.Transport]) -> None:
        error = ApiError(
            _BUSY,
            f"The server has {most} connections open, which is its limit: close some, or "
            "raise LocalServer(limits=Limits(connections=...)).",
            type="server_error",
        )
        self._answer = _by_hand(error, {"Retry-After": "1"})
        self._known = known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request, or else the client could miss the answer; but not for ever."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - those of sockets are
        self._transport = transport
        self._known.add(transport)
        self._timer = asyncio.get_running_loop().call_later(_LINGER, transport.close)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever it asks for
        """Answer once; what comes later is dropped."""
        answer, self._answer = self._answer, b""
        if answer:
            self._transport.write(answer)
            self._transport.write_eof()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's method
        """Forget the connection."""
        self._timer.cancel()
        self._known.discard(self._transport)


async def read_request(request: Request, limits: Limits) -> tuple[RecordedRequest, ApiError | None]:
    """Read a request.

    Returns:
        The request, and why it is refused, or None; a refused one has no body.

    Raises:
        ConnectionError: The client has left.
    """
    refusal = None
    body = b""
    try:
        body = await _read_body(request, limits)
    except ApiError as error:
        refusal = error
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    recorded = RecordedRequest(
        method=request.method,
        path=request.path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
    return recorded, refusal


async def _read_body(request: Request, limits: Limits) -> bytes:
    """Read a request's body, within its limits.

    Raises:
        ApiError: It is too large, too late, or not encoded as its headers say.
        ConnectionError: The client has left.
    """
    if (request.content_length or 0) > limits.body:
        raise _too_large(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            while data := await request.content.readany():
                body += data
                if len(body) > limits.body:
                    raise _too_large(limits)
    except TimeoutError as error:
        raise _late(limits.seconds) from error
    except web.RequestPayloadError as error:
        raise ApiError(400, f"The body of your request cannot be read: {error}.") from error
    return bytes(body)


def _too_large(limits: Limits) -> ApiError:
    message = (
        f"The body of your request has more than {limits.body} bytes: send less, or "
        "raise LocalServer(limits=Limits(body=...))."
    )
    return ApiError(_BODY_TOO_LARGE, message)


def _late(seconds: float) -> ApiError:
    message = (
        f"Your request was not whole after {seconds:g} s: send it faster, or "
        "raise LocalServer(limits=Limits(seconds=...))."
    )
    return ApiError(_TOO_LATE, message)


def _body(value: Obj) -> bytes:
    return to_json(value).encode(errors="replace")


def _by_hand(error: ApiError, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole answer, after which the connection ends."""
    body = _body(error.body)
    lines = {
        "Content-Type": _JSON,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **(headers or {}),
    }
    return status_head(error.status, lines) + body


class Exchange:
    """One request and its answer.

    Args:
        request: aiohttp's request.
        request_id: The value of the header ``x-request-id``.
        fault: The fault of the answer.
        spawn: Runs a task that the server cancels when it is closed.
    """

    def __init__(
        self,
        request: Request,
        request_id: str,
        fault: Fault,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._request = request
        self._headers = {"x-request-id": request_id, **fault.headers}
        self._fault = fault
        self._spawn = spawn
        self._has_begun = False

    async def fail(self, message: str) -> Response:
        """Answer that the server failed; if an answer has begun, break it off."""
        if self._has_begun:
            await self._raw(chunked=False).break_off()
            return _written_by_hand()
        error = ApiError(500, message, type="server_error")
        headers = {**self._headers, "Content-Type": _JSON}
        return web.Response(status=error.status, body=_body(error.body), headers=headers)

    async def refuse(self) -> Response:
        """Close the connection without an answer."""
        await self._raw(chunked=False).break_off(reset=self._fault.reset)
        return _written_by_hand()

    async def send_json(self, body: Obj, status: int = 200) -> Response:
        """Answer with JSON."""
        return await self.send_body(status, _body(body), _JSON)

    async def send_error(self, error: ApiError) -> Response:
        """Answer with an error; the connection ends if the request was not read to its end."""
        response = await self.send_json(error.body, error.status)
        if error.status in {_BODY_TOO_LARGE, _TOO_LATE}:
            response.force_close()
        return response

    async def send_body(self, status: int, body: bytes, content_type: str) -> Response:
        """Answer with a whole body."""
        if self._fault.spoils_body:

            async def send(sender: Sender) -> None:
                await sender.send(body)

            return await self.send_stream(send, Framing(), status, content_type)
        headers = {**self._headers, **_POLL_HEADERS, "Content-Type": content_type}
        return web.Response(status=status, body=body, headers=headers)

    async def send_stream(
        self,
        produce: Callable[[Sender], Awaitable[None]],
        framing: Framing,
        status: int = 200,
        content_type: str = EVENT_STREAM,
    ) -> Response:
        """Answer with a body that `produce` sends piece by piece."""
        self._has_begun = True
        response: Response | None = None
        if self._fault.spoils_body:
            raw = self._raw(chunked=framing.framing == "chunked")
            sender: Sender = SpoiltSender(raw, framing, self._fault)
        elif framing.framing == "close":
            sender = Sender(self._raw(chunked=False), framing)
        else:
            response = web.StreamResponse()
            sender = Sender(_AiohttpOutlet(self._request, response), framing)

        async def work() -> None:
            await sender.open(status, {**self._headers, "Content-Type": content_type})
            await produce(sender)
            await sender.finish()

        try:
            await asyncio.shield(self._spawn(work()))
        except asyncio.CancelledError:  # the client has left, or the server is being closed
            sender.leave()
            raise
        # Not `response or ...`: in some versions of aiohttp a response is a mapping, and empty.
        return _written_by_hand() if response is None else response

    def _raw(self, *, chunked: bool) -> RawOutlet:
        transport = self._request.transport
        return RawOutlet(transport, chunked=chunked)


class _AiohttpOutlet:
    """Writes through aiohttp: chunked, and the connection can be used again."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Write status line and headers."""
        self._response.set_status(status)
        self._response.headers.update(headers)
        await self._response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        """Write a chunk, and let the loop run other tasks, such as a cancel."""
        await self._response.write(data)
        await asyncio.sleep(0)

    async def end(self) -> None:
        """Write the last chunk."""
        await self._response.write_eof()


def _written_by_hand() -> web.Response:
    """Return a response for aiohttp to write on a connection that is already closed."""
    return web.Response()
