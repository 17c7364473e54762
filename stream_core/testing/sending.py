"""Sends an answer's body: in chunks, at a pace, compressed, and broken off.

Rules of this file:

- asyncio only. An `Outlet` writes; the `Sender` decides what to write, when, and when
  to stop. `RawOutlet` writes HTTP by hand on the transport, because no server
  library lets one answer without length and without chunks on HTTP/1.1, end
  within a chunk, or reset the connection.
- A client that leaves is not an error: later bytes are dropped.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Protocol

from .faults import Fault
from .framing import Framing, GzipFlusher, chunks

__all__ = ["Outlet", "RawOutlet", "Sender", "SpoiltSender", "status_head"]

_FLUSH_POLL = 0.005  # seconds; only while the client reads slower than we write
_HIGH_WATER = 1 << 20  # bytes that may wait for a slow client


class Outlet(Protocol):
    """The place where an answer is written."""

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Write status line and headers."""
        ...

    async def write(self, data: bytes) -> None:
        """Write a piece of the body."""
        ...

    async def end(self) -> None:
        """Write the end of the body."""
        ...


def status_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the bytes of status line and headers, up to the empty line."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class RawOutlet:
    """Writes HTTP/1.1 by hand; the connection ends with the answer.

    Args:
        transport: The connection, or None if the client has already left.
        chunked: Whether the body is sent in transfer chunks.
    """

    def __init__(self, transport: asyncio.Transport | None, *, chunked: bool) -> None:
        self._transport = transport
        self._chunked = chunked

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Write status line and headers, including those of the framing."""
        framing = {"Transfer-Encoding": "chunked"} if self._chunked else {}
        await self._put(status_head(status, {**headers, **framing, "Connection": "close"}))

    async def write(self, data: bytes) -> None:
        """Write a piece of the body, as one chunk if chunked."""
        await self._put(self._head(len(data)) + data + (b"\r\n" if self._chunked else b""))

    async def end(self) -> None:
        """Write the last chunk if chunked, and close."""
        transport = await self._put(b"0\r\n\r\n" if self._chunked else b"")
        transport.close()  # sends what is buffered first

    async def begin(self, part: bytes, size: int) -> None:
        """Write the beginning of a piece of ``size`` bytes, and wait until it is delivered."""
        await self._put(self._head(size) + part, high_water=0)

    async def break_off(self, *, reset: bool = False) -> None:
        """Break the connection: a plain close, or a TCP reset."""
        if self._transport is None:
            return
        if reset:
            # Linger for zero seconds: closing sends RST instead of FIN.
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _head(self, size: int) -> bytes:
        # An empty chunk would be the end of the body.
        return b"%x\r\n" % size if self._chunked and size else b""

    async def _put(self, data: bytes, *, high_water: int = _HIGH_WATER) -> asyncio.Transport:
        """Write, and wait while more than ``high_water`` bytes are on their way."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(data)
        while transport.get_write_buffer_size() > high_water:  # noqa: ASYNC110 - a transport notifies only its protocol, which is aiohttp's here
            await asyncio.sleep(_FLUSH_POLL)
        return transport


class Sender:
    """Sends one body.

    Args:
        outlet: The outlet that writes it.
        framing: How it is cut, paced and compressed.
    """

    def __init__(self, outlet: Outlet, framing: Framing) -> None:
        self._outlet = outlet
        self._framing = framing
        self._gzip = GzipFlusher() if framing.gzip else None
        self._gone = asyncio.Event()
        self._begun = False

    def leave(self) -> None:
        """Note that the client has left: nothing more is sent, and nothing waits."""
        self._gone.set()

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status line and headers."""
        encoding = {"Content-Encoding": "gzip"} if self._gzip else {}
        await self._guard(self._outlet.open(status, {**headers, **encoding}))

    async def send(self, data: bytes) -> None:
        """Send bytes, cut and paced as the framing says."""
        for chunk in chunks(data, self._framing.chunk_size):
            if self._begun and self._framing.delay:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._gone.wait(), self._framing.delay)
            if self._gone.is_set():
                return
            self._begun = True
            await self._send_chunk(chunk)

    async def finish(self) -> None:
        """Send the end of the body."""
        if self._gzip is not None:
            await self._guard(self._outlet.write(self._gzip.finish()))
        await self._guard(self._outlet.end())

    async def _send_chunk(self, chunk: bytes) -> None:
        await self._guard(self._outlet.write(self._encode(chunk)))

    def _encode(self, data: bytes) -> bytes:
        return self._gzip.compress(data) if self._gzip is not None else data

    async def _guard(self, writing: Coroutine[Any, Any, None]) -> None:
        """Write, unless the client has left; note if it has."""
        if self._gone.is_set():
            writing.close()
            return
        try:
            await writing
        except ConnectionError:
            self.leave()


class SpoiltSender(Sender):
    """Sends the beginning of one body, as a fault demands.

    Args:
        outlet: The outlet that writes it.
        framing: How it is cut, paced and compressed.
        fault: Its ``cut_after``, ``reset`` and ``silence_after``.
    """

    def __init__(self, outlet: RawOutlet, framing: Framing, fault: Fault) -> None:
        super().__init__(outlet, framing)
        self._raw = outlet
        self._fault = fault
        limits = [limit for limit in (fault.cut_after, fault.silence_after) if limit is not None]
        self._cuts = fault.cut_after == min(limits)
        self._room = min(limits)  # bytes that may still be sent, before compression

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status line and headers, and break or hang at once if no byte may follow."""
        await super().open(status, headers)
        if self._room == 0:
            await self._spoil(b"", 0)

    async def _send_chunk(self, chunk: bytes) -> None:
        if self._room > len(chunk):
            self._room -= len(chunk)
            await super()._send_chunk(chunk)
        else:
            part = self._encode(chunk[: self._room])
            await self._spoil(part, len(part) + len(chunk) - self._room)

    async def _spoil(self, part: bytes, size: int) -> None:
        """Send the last bytes of a chunk that should have ``size``; then break or hang."""
        await self._guard(self._raw.begin(part, size))
        if self._cuts:
            await self._guard(self._raw.break_off(reset=self._fault.reset))
            self.leave()
        await self._gone.wait()
