"""Servers that hang, handlers that act at an event, and what is left of sockets and threads."""

from __future__ import annotations

import gc
import io
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread, get_ident
from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.testing import CallFunctions, Fault, Framing, FunctionCall, Say, Turn
from tests.support.conversations import Conversation, conversation
from tests.support.frames import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.events import Event
    from stream_core.streams.stream import Stream
    from stream_core.testing.parts import Part
    from stream_core.testing.responder import Answer

#: Seconds within which everything returns; 0.5 are promised, the rest is for a busy machine.
SOON = 2.0

CHUNKED, CLOSE = Framing(), Framing(framing="close")


def sockets() -> int:
    """Return how many sockets this process has open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the descriptor with which the folder was read
            continue
    return sum(link.startswith("socket:") for link in links)


def eventually(true: Callable[[], bool]) -> bool:
    """Return whether TRUE becomes true soon."""
    deadline = time.monotonic() + 1
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()


@contextmanager
def hanging(kind: str = "chunked", **settings: Any) -> Iterator[Conversation]:
    """Yield a conversation whose server sends a word and then hangs; no socket is left at the end.

    Args:
        kind: With ``alive`` the connection lives; with ``chunked`` and ``close`` it falls silent
            for good; with ``mute`` it does so before the first byte.
        settings: The client's settings.
    """
    thinking = Flag()

    def respond(_: Turn) -> Iterator[Part]:
        yield Say("Well")
        thinking.wait(20)
        yield Say(", yes.")

    gc.collect()  # what earlier tests left may hold some
    before = sockets()
    with conversation(respond, **settings) as talk:
        if kind != "alive":
            talk.server.frame_next(CLOSE if kind == "close" else CHUNKED)
            silence = 0 if kind == "mute" else size_of_start(talk)
            talk.server.fail_next(Fault(silence_after=silence, only="/runs"))
        try:
            yield talk
        finally:
            thinking.set()
    # A socket that the client still held would outlive the server's.
    assert eventually(lambda: before == sockets())


def size_of_start(talk: Conversation) -> int:
    """Return how many bytes come up to the first word."""
    thread = talk.client.threads.create()
    copy = io.BytesIO()
    with talk.client.threads.runs.stream(thread.id, assistant_id=talk.assistant_id) as stream:
        stream.tee(copy)
        while b"thread.message.delta" not in copy.getvalue():
            assert stream.next()
    return len(copy.getvalue())


class Doing(EventLog):
    """Calls a function at each event of a class, and keeps all events."""

    def __init__(self, event_class: type[Event], do: Callable[[], object]) -> None:
        super().__init__()
        self.event_class, self.do = event_class, do

    def handle(self, event: Event, /) -> None:
        super().handle(event)
        if isinstance(event, self.event_class):
            self.do()


class Waiting(Doing):
    """Sets a flag at the first word, after which the server hangs."""

    def __init__(self) -> None:
        self.hangs = Flag()
        super().__init__(events.MessageTextDelta, self.hangs.set)


def in_thread(work: Callable[[], object]) -> Thread:
    """Run WORK in another thread."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def says(*parts: Part) -> Callable[[Turn], Answer]:
    """Return a responder that always answers with PARTS."""
    return lambda _: parts


def calls_a_tool(turn: Turn) -> Answer:
    """Call a tool in the first round, then answer with a word."""
    return Say("Done.") if turn.results else CallFunctions([FunctionCall("get_tides", PORTO)])


PORTO = {"port": "Porto"}


class Ends(EventLog):
    """Keeps events, and the threads in which the end came."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def handle(self, event: Event, /) -> None:
        super().handle(event)
        if isinstance(event, events.StreamEnd):
            self.threads.append(get_ident())


def elsewhere(work: Callable[[], object], times: int = 1) -> None:
    """Do WORK in other threads at once, and wait for them; raise what they raised."""
    with ThreadPoolExecutor(times) as executor:
        for done in [executor.submit(work) for _ in range(times)]:
            done.result(SOON)


def check(stream: Stream, log: Ends, thread: int | None = None) -> None:
    """Check that STREAM ended once, in THREAD, and without a failure."""
    assert None is stream.err
    assert ("StreamEnd", 1) == (log.names[-1], log.names.count("StreamEnd"))
    assert [thread or get_ident()] == log.threads
    assert not stream.next()
