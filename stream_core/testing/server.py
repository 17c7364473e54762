"""`LocalServer`: the API on a loopback port.

Rules of this file:

- One daemon thread runs one event loop, and the whole API runs there.
  Methods called from other threads only touch the `Script` and the `Failures`, which
  are locked.
- Arguments are checked where they are given; a failure to start comes out of `start`,
  within a bounded time; a failure later comes out of `close`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from .api import Api, Started
from .calls import RecordedRequest
from .connections import Connections, Exchange, Request, Response, read_request
from .failures import Failures
from .faults import Fault
from .framing import EVENT_STREAM, Framing, Transfer, WireEvent
from .limits import Limits
from .listening import address_text, listen
from .responder import Answer, DefaultResponder, Responder, Turn, check_responder
from .runner import Runner
from .script import Recording, Script, read_recording
from .sending import Sender
from .store import ApiError, Store
from .validation import LINE, PORT, TEXT, Check, check_items, or_none

__all__ = ["LocalServer"]

_ACCEPT_STEPS = 3
_START_SECONDS = 10.0  # looking up the name of a host is all that can take long
_NAME = Check("a name or an address", TEXT.fits, lambda value: bool(value) and LINE.holds(value))
_API_KEY = or_none(Check("a key on one line", TEXT.fits, _NAME.holds))


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
        limits: How much clients may take; see `Limits`.

    Raises:
        TypeError: An argument is of a wrong kind, e.g. an asynchronous responder.
        ValueError: An argument is out of bounds, e.g. a port.
    """

    def __init__(
        self,
        responder: Responder | Callable[[Turn], Answer] | None = None,
        *,
        framing: Framing | None = None,
        api_key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        if responder is not None:
            check_responder(responder)
        _check_framing(framing or Framing())
        if limits is not None:
            check_items("LocalServer", [limits], Limits, "limits=Limits(body=1_000_000)")
        _API_KEY.check("LocalServer(api_key=...)", api_key)
        _NAME.check("LocalServer(host=...)", host)
        PORT.check("LocalServer(port=...)", port)
        self._limits = limits or Limits()
        self._script = Script(framing or Framing())
        self._responder = DefaultResponder() if responder is None else responder
        self._api = Api(Store(), api_key)
        self._address: tuple[str, int] = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._door: Connections | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()  # it listens, or has failed to
        self._failures = Failures()

    # -- life ----------------------------------------------------------------------------

    def start(self) -> Self:
        """Start listening; return once connections are accepted.

        Raises:
            OSError: The address is in use, or is not this machine's, or unknown; a
                TimeoutError if that is not known within ten seconds.
            RuntimeError: The server has already been started.
        """
        if self._thread is not None:
            raise RuntimeError("this LocalServer has already been started; make a new one")
        self._thread = threading.Thread(target=self._serve, name="LocalServer", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            self._stop.set()  # it must not begin to serve later, when nobody knows of it
            raise TimeoutError(
                f"LocalServer does not listen on {address_text(*self._address)} after "
                f"{_START_SECONDS:g} s: the name is slow to look up; pass host='127.0.0.1'"
            )
        if self._loop is None:
            self._failures.settle(None)
        return self

    def close(self) -> None:
        """Stop at once, and break off hanging streams; afterwards the port is free.

        Raises:
            BaseException: What the responder raised, unless `take_failures` gave it
                before; several are an ExceptionGroup.
        """
        self._close(None)

    def _close(self, leaving: BaseException | None) -> None:
        if self._thread is not None and self._loop is not None:
            with suppress(RuntimeError):  # it was closed before
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._failures.settle(leaving)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(error)

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
        return f"http://{address_text(*self._address)}"

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
    def connections(self) -> int:
        """The number of TCP connections accepted so far."""
        return 0 if self._door is None else self._door.accepted

    @property
    def unused_faults(self) -> list[Fault]:
        """The faults of `fail_next` that no request has met yet, as a new list."""
        return self._script.unused_faults

    def take_failures(self) -> list[BaseException]:
        """Return what the responder has raised so far, oldest first, and forget it.

        For a test that expects it: what was taken is not raised by `close`.
        """
        return self._failures.take()

    @property
    def framing(self) -> Framing:
        """The framing of streams; may be set at any time, for later streams."""
        return self._script.framing

    @framing.setter
    def framing(self, framing: Framing) -> None:
        _check_framing(framing)
        self._script.framing = framing

    def frame_next(self, *framings: Framing) -> None:
        """Change the framing of the next streams, one each, in this order.

        Raises:
            TypeError: One is not a `Framing`.
        """
        self._script.frame_next(*framings)

    def fail_next(self, *faults: Fault) -> None:
        """Spoil the next answers, one fault each, in this order.

        Raises:
            TypeError: One is not a `Fault`.
        """
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
            recording: A file, which is read now and has to be what ``content_type`` says;
                or bytes, which are sent as they are.
            chunk_size: Bytes per write; None for all at once.
            delay: Seconds between two writes.
            framing: As in `Framing`.
            gzip: As in `Framing`.
            status: The HTTP status.
            content_type: The header.

        Returns:
            The URL; it answers every method with the recording.

        Raises:
            TypeError: It is neither a path nor bytes.
            ValueError: The file is not an event stream.
            OSError: The file cannot be read.
        """
        made = Framing(chunk_size, delay, framing, gzip)
        data = read_recording(recording, content_type)
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
        or run will do, and no object of the server changes. The arguments and the errors
        are those of `add_recording`.
        """
        made = Framing(chunk_size, delay, framing, gzip)
        data = read_recording(recording, content_type)
        self._script.play(Recording(data, made, status, content_type))

    # -- the server's thread ---------------------------------------------------------------

    def _serve(self) -> None:
        """Run the server's thread."""
        try:
            with listen(*self._address) as listening:
                asyncio.run(self._main(listening))
        except BaseException as error:  # noqa: BLE001 - start() or close() raises it
            self._failures.add(error)
        finally:
            self._ready.set()

    async def _main(self, listening: socket.socket) -> None:
        """Serve until `close`."""
        loop = asyncio.get_running_loop()
        self._door = Connections(self._handle, self._limits)
        server = await loop.create_server(self._door.accept, sock=listening)
        host, port = listening.getsockname()[:2]
        self._address = (str(host), int(port))
        self._loop = loop
        self._ready.set()
        await self._stop.wait()
        # asyncio accepts a connection in three steps, and if its server is closed between them,
        # it forgets the open socket. So: stop new ones, let those finish, then close.
        loop.remove_reader(listening.fileno())
        for _ in range(_ACCEPT_STEPS):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        self._door.abort()
        # asyncio.run cancels the handlers that are still running, whose connection is gone.

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that outlives its request."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[None]) -> None:
        """Forget a task, but not what it raised."""
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._failures.add(failure)

    async def _handle(self, request: Request) -> Response:
        """Answer one request, also if the server itself fails."""
        recorded, refusal = await read_request(request, self._limits)
        number, fault = self._script.receive(recorded)
        exchange = Exchange(request, f"req_{number:032x}", fault, self._spawn)
        try:
            return await self._answer(exchange, recorded, refusal, fault)
        except Exception as error:  # noqa: BLE001 - close() raises it
            self._failures.add(error)
            return await exchange.fail(f"The server failed: {type(error).__name__}: {error}")

    async def _answer(
        self,
        exchange: Exchange,
        recorded: RecordedRequest,
        refusal: ApiError | None,
        fault: Fault,
    ) -> Response:
        """Answer one request: with its fault, a recording, or what the API says."""
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
        return await self._carry_out(exchange, recorded, refusal)

    async def _carry_out(
        self, exchange: Exchange, recorded: RecordedRequest, refusal: ApiError | None
    ) -> Response:
        """Answer as the API does."""
        try:
            if refusal is not None:
                raise refusal
            reply = self._api.handle(recorded)
        except ApiError as error:
            return await exchange.send_error(error)
        if not isinstance(reply, Started):
            return await exchange.send_json(reply.body)
        runner = Runner(reply.machine, self._responder, self._failures.add)
        if not reply.stream:
            self._spawn(runner.drive(reply.opening))
            return await exchange.send_json(reply.body)

        async def drive(sender: Sender) -> None:
            async def emit(event: WireEvent) -> None:
                await sender.send(event.encode())

            await runner.drive(reply.opening, emit)

        return await exchange.send_stream(drive, self._script.take_framing())


def _check_framing(framing: object) -> None:
    check_items("LocalServer", [framing], Framing, "framing=Framing(chunk_size=7)")
