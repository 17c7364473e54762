"""The sending of bodies: chunks, compression, and connections broken by hand, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zlib
from typing import TYPE_CHECKING

import pytest

from stream_core.testing.faults import Fault
from stream_core.testing.framing import Framing
from stream_core.testing.sending import RawOutlet, Sender, SpoiltSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class ListOutlet:
    """Keeps what is written; a client that leaves after `patience` writes."""

    def __init__(self, patience: int = 99) -> None:
        self.written: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.ended = False
        self.wrote = asyncio.Event()
        self._patience = patience

    async def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Keep the headers."""
        self.headers = {"status": str(status), **headers}

    async def write(self, data: bytes) -> None:
        """Keep the bytes."""
        if len(self.written) == self._patience:
            raise ConnectionResetError
        self.written.append(data)
        self.wrote.set()

    async def end(self) -> None:
        """Note the end."""
        self.ended = True


async def sent(outlet: ListOutlet, framing: Framing, *pieces: bytes) -> ListOutlet:
    """Send a whole body."""
    sender = Sender(outlet, framing)
    await sender.open(200, {"A": "b"})
    for piece in pieces:
        await sender.send(piece)
    await sender.finish()
    return outlet


def test_a_plain_body_is_written_piece_by_piece() -> None:
    """One write for each piece, unless a chunk size cuts it; pieces are never joined."""
    outlet = asyncio.run(sent(ListOutlet(), Framing(), b"abc", b"d"))
    assert ([b"abc", b"d"], True) == (outlet.written, outlet.ended)
    assert {"status": "200", "A": "b"} == outlet.headers
    outlet = asyncio.run(sent(ListOutlet(), Framing(chunk_size=2), b"abc", b"d"))
    assert [b"ab", b"c", b"d"] == outlet.written


def test_a_compressed_body_can_be_read_after_each_write() -> None:
    """The header says gzip, and no piece waits for the next."""
    outlet = asyncio.run(sent(ListOutlet(), Framing(gzip=True), b"abc", b"d"))
    reader = zlib.decompressobj(wbits=31)
    assert [b"abc", b"d", b""] == [reader.decompress(data) for data in outlet.written]
    assert (True, "gzip") == (reader.eof, outlet.headers["Content-Encoding"])


def test_a_client_that_leaves_is_no_error() -> None:
    """Whatever comes afterwards is dropped, including the end."""
    outlet = asyncio.run(sent(ListOutlet(1), Framing(chunk_size=1, gzip=False), b"abc", b"d"))
    assert ([b"a"], False) == (outlet.written, outlet.ended)


def test_a_pause_ends_when_the_client_leaves() -> None:
    """A slow stream does not keep a finished request alive."""

    async def main() -> ListOutlet:
        outlet = ListOutlet()
        sender = Sender(outlet, Framing(chunk_size=1, delay=3600.0))
        sending = asyncio.ensure_future(sender.send(b"ab"))
        await outlet.wrote.wait()
        sender.leave()
        await sending
        return outlet

    assert [b"a"] == asyncio.run(main()).written


def test_a_pause_passes() -> None:
    """After the delay the next piece is sent."""
    framing = Framing(delay=0.001)
    assert [b"a", b"b"] == asyncio.run(sent(ListOutlet(), framing, b"a", b"b")).written


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """A server's transport, and the client's socket."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    client.setblocking(False)
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
    assert isinstance(transport, asyncio.Transport)
    try:
        yield transport, client
    finally:
        client.close()
        transport.abort()


async def read_all(client: socket.socket) -> bytes:
    """Everything until the connection ends; a reset is raised."""
    loop = asyncio.get_running_loop()
    read = b""
    while data := await loop.sock_recv(client, 65536):
        read += data
    return read


@pytest.mark.parametrize(
    ("chunked", "expected"),
    [
        (True, b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (False, b"Connection: close\r\n\r\nabc"),
    ],
)
def test_an_answer_written_by_hand_is_http(chunked: bool, expected: bytes) -> None:
    """Status line, headers, the body with or without chunks, and the end of the connection."""

    async def main() -> bytes:
        async with connected() as (transport, client):
            outlet = RawOutlet(transport, chunked=chunked)
            await outlet.open(200, {"A": "b"})
            await outlet.write(b"abc")
            await outlet.end()
            return await read_all(client)

    assert b"HTTP/1.1 200 OK\r\nA: b\r\n" + expected == asyncio.run(main())


def test_a_status_without_a_name_is_sent_all_the_same() -> None:
    """The phrase is empty."""

    async def main() -> bytes:
        async with connected() as (transport, client):
            outlet = RawOutlet(transport, chunked=False)
            await outlet.open(599, {})
            await outlet.end()
            return await read_all(client)

    assert asyncio.run(main()).startswith(b"HTTP/1.1 599 \r\n")


def test_a_broken_chunk_is_a_plain_end_or_a_reset() -> None:
    """The client sees the beginning of the chunk, and then the end that was requested."""

    async def main(*, reset: bool) -> bytes:
        async with connected() as (transport, client):
            outlet = RawOutlet(transport, chunked=True)
            await outlet.begin(b"ab", 5)
            await outlet.break_off(reset=reset)
            return await read_all(client)

    assert b"5\r\nab" == asyncio.run(main(reset=False))
    with pytest.raises(ConnectionResetError):
        asyncio.run(main(reset=True))


def test_a_client_that_has_left_is_a_connection_error() -> None:
    """Its transport may be gone or closing; breaking it off again does nothing."""

    async def main() -> None:
        async with connected() as (transport, _):
            transport.close()
            for outlet in (RawOutlet(transport, chunked=True), RawOutlet(None, chunked=True)):
                with pytest.raises(ConnectionResetError):
                    await outlet.write(b"x")
                with pytest.raises(ConnectionResetError):
                    await outlet.end()
            await RawOutlet(None, chunked=False).break_off()

    asyncio.run(main())


def test_a_slow_client_is_waited_for() -> None:
    """The bytes before a break are delivered, however long that takes."""

    async def main() -> int:
        async with connected() as (transport, client):
            size = 8 << 20  # more than the buffers of the system hold
            beginning = asyncio.ensure_future(
                RawOutlet(transport, chunked=False).begin(bytes(size), size)
            )
            await asyncio.sleep(0.01)
            assert not beginning.done()
            loop = asyncio.get_running_loop()
            read = 0
            while read < size:
                read += len(await loop.sock_recv(client, 1 << 20))
            await beginning
            return read

    assert 8 << 20 == asyncio.run(main())


async def spoilt(fault: Fault, framing: Framing, *pieces: bytes) -> bytes:
    """Return what a client reads of a spoilt body, without the head; it leaves a hanging one."""
    async with connected() as (transport, client):
        sender = SpoiltSender(
            RawOutlet(transport, chunked=framing.framing == "chunked"), framing, fault
        )

        async def send() -> None:
            await sender.open(200, {})
            for piece in pieces:
                await sender.send(piece)
            await sender.finish()

        sending = asyncio.ensure_future(send())
        if fault.silence_after is not None and fault.cut_after is None:
            await asyncio.wait({sending}, timeout=0.05)
            assert not sending.done()
            sender.leave()
            await sending
            transport.close()
        await sending
        return (await read_all(client)).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("fault", "framing", "expected"),
    [
        (Fault(cut_after=0), Framing(), b""),
        (Fault(cut_after=2), Framing(), b"3\r\nab"),
        (Fault(cut_after=3), Framing(), b"3\r\nabc"),
        (Fault(cut_after=4), Framing(), b"3\r\nabc\r\n2\r\nd"),
        (Fault(cut_after=4), Framing(framing="close"), b"abcd"),
        (Fault(cut_after=9), Framing(), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        (Fault(silence_after=0), Framing(), b""),
        (Fault(silence_after=4), Framing(framing="close"), b"abcd"),
        (Fault(cut_after=2, silence_after=4), Framing(framing="close"), b"ab"),
    ],
)
def test_a_spoilt_body_stops_at_its_byte(fault: Fault, framing: Framing, expected: bytes) -> None:
    """It stops within a chunk or at its end, or not at all if the body is shorter."""
    assert expected == asyncio.run(spoilt(fault, framing, b"abc", b"de"))


def test_a_cut_counts_bytes_before_compression() -> None:
    """The part of a compressed body that is sent can be read up to the cut."""
    framing = Framing(gzip=True, framing="close")
    body = asyncio.run(spoilt(Fault(cut_after=4), framing, b"abc", b"de"))
    assert b"abcd" == zlib.decompressobj(wbits=31).decompress(body)
