"""The blocking stream: reads a source, decodes it, and hands each event to the handlers.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready,
  and every handler gets an event before the next one is decoded. No threads, no queues.
- ``next()`` stores a failure of the stream in ``err``; iteration and ``until_done()`` raise
  it. A handler's exception propagates at once from the method that reads the stream, and is
  never stored in ``err``.
- One thread reads at a time (``turns``); how it is stopped is in ``stopping``.
- Nothing in here refers to the stream, so one that is dropped half read is ended at once.
- Decisions about the run and the stream are made in ``base`` and below it.
"""

from __future__ import annotations

import weakref
from threading import get_ident
from typing import TYPE_CHECKING

from stream_core import events
from stream_core.errors import StreamError
from stream_core.http.waits import checked_seconds
from stream_core.run_control.control import Control
from stream_core.source import Source
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES

from .byte_reader import ByteReader
from .driver import StreamDriver
from .run_reader import RunReader
from .stopping import Stoppable
from .text_reader import Leftover, TextReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from stream_core.dialects import Dialect
    from stream_core.dispatch import Handler
    from stream_core.events import Event
    from stream_core.http.transport import Transport
    from stream_core.models import Message, Run, RunStep

    from .run_reader import Following

__all__ = ["Control", "Source", "Stream"]


class Stream(Stoppable):
    """One stream of events, read with ``until_done()``, a ``for`` loop, or ``next()``.

    ::

        with Stream(open("run.sse", "rb"), PrintText()) as stream:
            run = stream.until_done()

    A stream is read by one thread at a time, and only once. It is its own iterator. One that is
    dropped before its end is closed, with a ResourceWarning.
    """

    def __init__(
        self,
        source: Source,
        *handlers: Handler,
        dialect: str | Dialect = "auto",
        max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES,
        control: Control | None = None,
        transport: Transport | None = None,
        cancel_on_interrupt: bool = False,
        idle_timeout: float | None = None,
        deadline: float | None = None,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: Bytes, an iterable of bytes, or a binary file. It is closed at the end if
                it has a ``close`` method.
            handlers: The first handlers, in order; see :meth:`register`.
            dialect: The wire: a name from ``stream_core.dialects.DIALECTS``; ``"auto"``
                recognises it by the first frame that is specific to one.
            max_frame_bytes: Maximum size of one frame.
            control: Acts on the run on the server, e.g. cancels or rejoins it.
            transport: Sends the requests of CONTROL.
            cancel_on_interrupt: Whether Ctrl-C also cancels the run, so that its thread is
                not left locked.
            idle_timeout: Seconds without an event after which the stream is lost, though the
                server still sends comments or heartbeats; None for no limit.
            deadline: Seconds from now on after which the stream fails with StreamTimeoutError,
                whatever it does, rounds of tools and recovery included; None for no limit. A
                file or iterator of the caller's is waited for, and so is a tool.

        Raises:
            TypeError: SOURCE gives no bytes, e.g. a string, a path, a text file, or an answer of
                an HTTP library; or a handler has no ``handle``.
            ValueError: No dialect has that name, or IDLE_TIMEOUT or DEADLINE is not
                positive.
        """
        read = ByteReader(source)
        reader = RunReader(dialect=dialect, max_frame_bytes=max_frame_bytes, control=control)
        driver = StreamDriver(transport, reader)
        super().__init__(read, reader, driver, *handlers, cancel_on_interrupt=cancel_on_interrupt)
        self._idle_timeout = checked_seconds("idle_timeout", idle_timeout)
        deadline = checked_seconds("deadline", deadline)
        if deadline is not None:
            driver.expires = read.expire(deadline)
        self._events = reader.events(self._chunks())
        self._text: weakref.ref[TextReader] | None = None
        self._leftover = Leftover()
        self._over = False

    # --- Reading ------------------------------------------------------------------------

    def next(self) -> bool:
        """Read the next event and hand it to every handler.

        Returns:
            True with the event in ``event``; False at the end, with the failure, if any,
            in ``err``.

        Raises:
            RuntimeError: It was called from a callback or a tool of this stream, or while
                another thread reads.
            Exception: A handler raised it (two or more become an ``ExceptionGroup``), or a
                tool did and ``tool_errors`` is ``"raise"``.
        """
        return self._next() is not None

    def _next(self) -> Event | None:
        """Read the next event, and return it; None at the end."""
        turns, reader = self._turns, self._reader
        position = reader.position
        mark = (get_ident(), None)
        try:
            while turns.mark is not mark:
                try:
                    del turns.free[1]
                except IndexError:
                    turns.refuse()  # or another one is waited for
                else:
                    turns.mark = mark
            position.event = None
            if not self._over:
                self._run(one=True)
            return position.event
        finally:
            if turns.mark is mark:
                turns.mark = None
                turns.free.append(None)
            if reader.halted:
                self._settle()

    def until_done(self) -> Run | None:
        """Read to the end.

        Returns:
            The run as last seen, even if it failed, is incomplete, was cancelled, expired or
            requires action (``run.raise_for_status()`` turns all but the last into an
            error); None if the stream had no run.

        Raises:
            StreamError: The stream failed.
            Exception: A handler raised it; two or more become an ``ExceptionGroup``.
        """
        turns, mark = self._turns, (get_ident(), None)
        try:
            while not turns.take(mark):
                turns.refuse()  # or another one is waited for
            self._read_to_end()
        finally:
            turns.give_back(mark)
        return self._finally()

    def __iter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event; raise the stream's failure, or StopIteration at the end."""
        event = self._next()
        if event is not None:
            return event
        if self.err is not None:
            raise self.err
        raise StopIteration

    @property
    def text_deltas(self) -> Iterator[str]:
        """The text as it comes, piece by piece; reading it reads the stream.

        Raises:
            StreamError: The stream failed.
        """
        return _TextDeltas(self, Leftover())

    @property
    def text(self) -> TextReader:
        """The text as a file to read from; the same one until it is closed or dropped.

        What is left of a piece of text is there for the next reader.
        """
        reader = None if self._text is None else self._text()
        if reader is not None and reader.closed:
            reader, self._leftover = None, Leftover()
        if reader is None:
            # The reader refers to the stream: a reference back would keep both.
            pieces = _TextDeltas(self, self._leftover)
            reader = TextReader(pieces, self._leftover)
            self._text = weakref.ref(reader)
        return reader

    # --- In a block -----------------------------------------------------------------

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream; the run on the server goes on (:meth:`cancel` ends it too)."""
        self.close()

    # --- At the end ---------------------------------------------------------------------

    def get_final_run(self) -> Run:
        """Read to the end and return the run.

        Raises:
            StreamError: The stream failed.
            RuntimeError: The stream had no run.
        """
        run = self.until_done()
        if run is None:
            raise RuntimeError("the stream ended without a run event; use until_done()")
        return run

    def get_final_messages(self) -> list[Message]:
        """Read to the end and return the messages, in the order in which they appeared.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._reader.position.snapshots.messages

    def get_final_run_steps(self) -> list[RunStep]:
        """Read to the end and return the run steps, in the order in which they appeared.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._reader.position.snapshots.run_steps

    # --- Inside -------------------------------------------------------------------------

    def _take_up(self, following: Following) -> None:
        """Read on from FOLLOWING."""
        if following.source is None:
            self._events = iter(following.events)
        else:
            self._bytes.turn_to(following.source)
            self._events = self._reader.events(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        """Return the bytes of the source, within the limits."""
        if self._idle_timeout is None:
            return self._bytes.read()
        return self._bytes.read_while(self._reader.heard, self._idle_timeout)


class _TextDeltas:
    """The text of a stream, piece by piece.

    It is not a generator, since two threads that read one would get a ValueError. As a generator
    it raises a failure once, and then ends.
    """

    def __init__(self, stream: Stream, state: Leftover) -> None:
        self._stream, self._state = stream, state

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            for event in () if self._state.failed else self._stream:
                if isinstance(event, events.MessageTextDelta) and event.delta.value:
                    return event.delta.value
        except StreamError:
            self._state.failed = True
            raise
        raise StopIteration
