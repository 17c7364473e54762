"""`LocalServer`: the API on a loopback port. The only importer of aiohttp.

Rules of this file:

- One daemon thread runs one event loop, and the whole API runs there.
  Methods called from other threads only touch the `Script`, which is locked.
- Each answer has an ``x-request-id``.
- A stream goes out through a `Sender`, in a task of its own: a client that leaves
  ends its request, not the run. A plain chunked stream is written by aiohttp, so
  that its connection can be used again; every other one by hand.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

try:
    from aiohttp import web
except ImportError as error:
    raise ImportError(
        'LocalServer needs aiohttp, an extra: run pip install "until-done[testing]"'
    ) from error

from .api import Api, Started
from .calls import RecordedRequest
from .faults import Fault
from .framing import EVENT_STREAM, Framing, Transfer, WireEvent, to_json
from .responder import Answer, DefaultResponder, Responder, Turn
from .runner import Runner
from .script import Recording, Script, read_recording
from .sending import RawOutlet, Sender, SpoiltSender
from .store import ApiError, Obj, Store

__all__ = ["LocalServer"]

_JSON = "application/json"
_ACCEPT_STEPS = 3
# Read by OpenAI's SDKs: how long to wait before asking for a run again (default 1000).
_POLL_HEADERS = {"openai-poll-after-ms": "10"}


class LocalServer:
    """An Assistants v2 server in this process, for demos and tests.

    It is a context manager; or call `start` and `close`. Objects live in memory, as
    long as the server does::

        with LocalServer() as server:
            client = Client(api_key="any", base_url=server.base_url)

    Args:
        responder: Makes the answers: a `Responder`, or a plain callable that takes a `Turn`.
        framing: The framing of streams, until it is changed.
        api_key: The key to demand; None accepts any.
        host: The address to listen on.
        port: The port; 0 means a free one.

    Attributes:
        connections: TCP connections accepted so far.
    """

    def __init__(
        self,
        responder: Responder | Callable[[Turn], Answer] | None = None,
        *,
        framing: Framing | None = None,
        api_key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.connections = 0
        self._script = Script(framing or Framing())
        self._responder = responder or DefaultResponder()
        self._api = Api(Store(), api_key)
        self._address = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: OSError | None = None

    # -- life ----------------------------------------------------------------------------

    def start(self) -> Self:
        """Start listening; return once connections are accepted.

        Raises:
            OSError: The address is in use, or is not this machine's.
            RuntimeError: The server has already been started.
        """
        if self._thread is not None:
            raise RuntimeError("this LocalServer has already been started; make a new one")
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="LocalServer", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def close(self) -> None:
        """Stop at once, and break off hanging streams; afterwards the port is free."""
        if self._thread is not None and self._loop is not None:
            with suppress(RuntimeError):  # it was closed before
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port that the server listens on; before the start, the one given."""
        return self._address[1]

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, the endpoint for Azure's clients.

        Raises:
            RuntimeError: The server has not been started.
        """
        if self._loop is None:
            raise RuntimeError("the server is not started: use `with LocalServer() as server:`")
        host, port = self._address
        return f"http://{host}:{port}"

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT/v1``, as OpenAI's clients want it."""
        return f"{self.url}/v1"

    # -- what users arrange, and see -------------------------------------------------------

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first, as a new list."""
        return self._script.requests

    @property
    def framing(self) -> Framing:
        """The framing of streams; may be set at any time, for later streams."""
        return self._script.framing

    @framing.setter
    def framing(self, framing: Framing) -> None:
        self._script.framing = framing

    def frame_next(self, *framings: Framing) -> None:
        """Change the framing of the next streams, one each, in this order."""
        self._script.frame_next(*framings)

    def fail_next(self, *faults: Fault) -> None:
        """Spoil the next answers, one fault each, in this order."""
        self._script.fail_next(*faults)

    def add_recording(
        self,
        recording: str | os.PathLike[str] | bytes,
        *,
        chunk_size: int | None = None,
        delay: float = 0.0,
        framing: Transfer = "chunked",
        gzip: bool = False,
        status: int = 200,
        content_type: str = EVENT_STREAM,
    ) -> str:
        """Serve a recorded stream, byte for byte, at a URL of its own.

        Args:
            recording: A file, which is read now, or the bytes.
            chunk_size: Bytes per write; None for all at once.
            delay: Seconds between two writes.
            framing: As in `Framing`.
            gzip: As in `Framing`.
            status: The HTTP status.
            content_type: The header.

        Returns:
            The URL; it answers every method with the recording.
        """
        made = Framing(chunk_size, delay, framing, gzip)
        data = read_recording(recording)
        return self.url + self._script.add_recording(Recording(data, made, status, content_type))

    def play(
        self,
        recording: str | os.PathLike[str] | bytes,
        *,
        chunk_size: int | None = None,
        delay: float = 0.0,
        framing: Transfer = "chunked",
        gzip: bool = False,
        status: int = 200,
        content_type: str = EVENT_STREAM,
    ) -> None:
        """Answer the next request for a run's events with a recording, byte for byte.

        Calls add up: the n-th request gets the n-th recording. Any assistant, thread
        or run will do, and no object of the server changes. The arguments are those of
        `add_recording`.
        """
        made = Framing(chunk_size, delay, framing, gzip)
        self._script.play(Recording(read_recording(recording), made, status, content_type))

    # -- the server's thread ---------------------------------------------------------------

    async def _main(self) -> None:
        """Serve until `close`."""
        http = web.Server(self._handle, handler_cancellation=True, access_log=None)

        def accept() -> asyncio.Protocol:
            self.connections += 1
            return http()

        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(accept, *self._address)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._address = server.sockets[0].getsockname()[:2]
        self._loop = loop
        self._ready.set()
        await self._stop.wait()
        # asyncio accepts a connection in three steps, and if its server is closed between them,
        # it forgets the open socket. So: stop new ones, let those finish, then close.
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
        for _ in range(_ACCEPT_STEPS):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        # Not http.shutdown(): it waits for handlers, and that of a hanging stream never ends.
        for transport in [c.transport for c in http.connections if c.transport is not None]:
            transport.abort()
        # asyncio.run cancels the handlers that are still running, whose connection is gone.

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that outlives its request."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        recorded = await _record(request)
        number, fault = self._script.receive(recorded)
        exchange = _Exchange(request, f"req_{number:032x}", fault, self._spawn)
        await asyncio.sleep(fault.delay)
        if fault.refuse:
            return await exchange.refuse()
        if fault.replaces:
            return await exchange.send_body(*fault.answer())
        recording = self._script.take_recording(recorded)
        if recording is not None:

            async def play(sender: Sender) -> None:
                await sender.send(recording.data)

            return await exchange.send_stream(
                play, recording.framing, recording.status, recording.content_type
            )
        try:
            reply = self._api.handle(recorded)
        except ApiError as error:
            return await exchange.send_json(error.body, error.status)
        if not isinstance(reply, Started):
            return await exchange.send_json(reply.body)
        runner = Runner(reply.machine, self._responder)
        if not reply.stream:
            self._spawn(runner.drive(reply.opening))
            return await exchange.send_json(reply.body)

        async def drive(sender: Sender) -> None:
            async def emit(event: WireEvent) -> None:
                await sender.send(event.encode())

            await runner.drive(reply.opening, emit)

        return await exchange.send_stream(drive, self._script.take_framing())


class _Exchange:
    """One request and its answer.

    Args:
        request: aiohttp's request.
        request_id: The value of the header ``x-request-id``.
        fault: The fault of the answer.
        spawn: Runs a task that the server cancels when it is closed.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        request_id: str,
        fault: Fault,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._request = request
        self._headers = {"x-request-id": request_id, **fault.headers}
        self._fault = fault
        self._spawn = spawn

    async def refuse(self) -> web.StreamResponse:
        """Close the connection without an answer."""
        await self._raw(chunked=False).break_off(reset=self._fault.reset)
        return _written_by_hand()

    async def send_json(self, body: Obj, status: int = 200) -> web.StreamResponse:
        """Answer with JSON."""
        return await self.send_body(status, to_json(body).encode(errors="replace"), _JSON)

    async def send_body(self, status: int, body: bytes, content_type: str) -> web.StreamResponse:
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
    ) -> web.StreamResponse:
        """Answer with a body that `produce` sends piece by piece."""
        response: web.StreamResponse | None = None
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
        return response or _written_by_hand()

    def _raw(self, *, chunked: bool) -> RawOutlet:
        transport = self._request.transport
        return RawOutlet(transport, chunked=chunked)


class _AiohttpOutlet:
    """Writes through aiohttp: chunked, and the connection can be used again."""

    def __init__(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
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


async def _record(request: web.BaseRequest) -> RecordedRequest:
    """Read a request."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return RecordedRequest(
        method=request.method,
        path=request.path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.content.read(),
    )
