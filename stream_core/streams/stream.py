"""The blocking stream: reads a source, decodes it, and hands each event to the handlers.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready,
  and every handler gets an event before the next one is decoded. No threads, no queues.
- ``next()`` stores a failure of the stream in ``err``; iteration and ``until_done()`` raise
  it. A handler's exception propagates at once from the method that reads the stream, and is
  never stored in ``err``.
- Decisions about the run and the stream are made in ``base`` and below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events
from stream_core.http.waits import checked_seconds
from stream_core.run_control.control import Control
from stream_core.source import Source
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES

from .base import StreamBase
from .byte_reader import ByteReader
from .driver import StreamDriver
from .run_reader import RunReader
from .text_reader import TextReader

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


class Stream(StreamBase):
    """One stream of events, read with ``until_done()``, a ``for`` loop, or ``next()``.

    ::

        with Stream(open("run.sse", "rb"), PrintText()) as stream:
            run = stream.until_done()

    A stream is read by one thread, and only once. It is its own iterator.
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
            TypeError: SOURCE is a string or a path, or a handler has no ``handle``.
            ValueError: No dialect has that name, or IDLE_TIMEOUT or DEADLINE is not positive.
        """
        read = ByteReader(source)
        reader = RunReader(dialect=dialect, max_frame_bytes=max_frame_bytes, control=control)
        super().__init__(read, reader, *handlers, cancel_on_interrupt=cancel_on_interrupt)
        self._driver = StreamDriver(transport, reader)
        self._idle_timeout = checked_seconds("idle_timeout", idle_timeout)
        deadline = checked_seconds("deadline", deadline)
        if deadline is not None:
            self._driver.expires = read.expire(deadline)
        self._events = reader.events(self._chunks())
        self._text: TextReader | None = None

    # --- Reading ------------------------------------------------------------------------

    def next(self) -> bool:
        """Read the next event and hand it to every handler.

        Returns:
            True with the event in ``event``; False at the end, with the failure, if any,
            in ``err``.

        Raises:
            RuntimeError: It was called from a callback or a tool of this stream.
            Exception: A handler raised it (two or more become an ``ExceptionGroup``), or a
                tool did and ``tool_errors`` is ``"raise"``.
        """
        if self._called_back:
            raise RuntimeError(
                "a callback or tool cannot read the stream that called it; "
                "return from it to get the next event"
            )
        position = self._reader.position
        position.event = None
        if not self._over:
            self._run(one=True)
        return position.event is not None

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
        if self._called_back:
            self.next()  # raises RuntimeError
        reader, dispatcher = self._reader, self._reader.dispatcher
        reader.position.event = None
        if not self._over:
            # Only handlers see events here, so events that no handler wants need not be made.
            reader.want(dispatcher.plan)
            token = dispatcher.enter()
            try:
                self._run()
            finally:
                dispatcher.leave(token)
                reader.want(None)
            reader.position.event = None
        if self.err is not None:
            raise self.err
        return self.current_run

    def _run(self, *, one: bool = False) -> None:
        """Hand the next event, or all of them, to every handler, up to the end of the stream.

        Once the stream has ended or an exception propagates, handlers have had ``on_end``.
        """
        reader, dispatch = self._reader, self._reader.dispatcher.dispatch
        position = reader.position
        try:
            while True:
                # The stream may have been aborted since the last call.
                for event in () if reader.closing else self._events:
                    position.event = event
                    dispatch(event)
                    if one or reader.closing:
                        break
                else:
                    if self._driver.run(self._go_on()):
                        continue
                if reader.closing:
                    self._driver.run(self._end())
                return
        except BaseException as failure:
            # Usually a handler's exception; but Ctrl-C can come at any point.
            self._driver.run(self._end(failure))
            raise

    def __iter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event; raise the stream's failure, or StopIteration at the end."""
        if self.next() and (event := self.event) is not None:
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
        for event in self:
            if isinstance(event, events.MessageTextDelta) and event.delta.value:
                yield event.delta.value

    @property
    def text(self) -> TextReader:
        """The text as a file to read from; the same one until it is closed."""
        if self._text is None or self._text.closed:
            self._text = TextReader(self.text_deltas)
        return self._text

    # --- Ending -------------------------------------------------------------------------

    def close(self) -> None:
        """Stop reading: close the source and call ``on_end`` of every handler.

        The run on the server goes on. If a callback closes the stream, every handler still
        gets the current event, which is the last. If a tool does, nothing is submitted. A
        second call does nothing.

        Raises:
            Exception: A handler's ``on_end`` raised it.
        """
        self._driver.run(self._close())

    def cancel(self) -> Run | None:
        """Cancel the run on the server, and read on to its end.

        If a callback or tool cancels the run, no more outputs are submitted, and whoever was
        reading the stream reads on to its end. A run that has ended meanwhile keeps its
        status. If the server falls silent, it is asked what became of the run, as after a
        lost connection, unless ``recover=False``. A run that lasts only as long as its
        connection (Chat Completions, and Responses without ``background``) is ended by
        closing the connection.

        Returns:
            The run as last seen, usually ``cancelled``.

        Raises:
            RuntimeError: The stream was not made by a client, so it has no server to ask.
            StreamError: The server refused, or the stream failed.
            Exception: A handler raised it.
        """
        reader = self._reader
        if reader.control is None:
            raise RuntimeError("only a stream made by a Client can be cancelled; use close() here")
        run = self._driver.run(reader.control.find(reader.position.snapshots))
        while run is None and self.next():
            run = self.current_run
        if run is not None:
            self._driver.run(self._cancel_run(run))
        return self.current_run if self._called_back else self.until_done()

    def abort(self) -> None:
        """Stop reading at once; may be called from another thread or a signal handler.

        A ``next()`` that waits for bytes returns False, without an error, as soon as its
        source allows: a client's at once, any other when its next bytes come. A request that
        is being sent and a tool that is running are waited for, but their results are not
        delivered. The run on the server goes on. Handlers get ``on_end`` in the reader's
        thread.
        """
        self._reader.aborted = self._reader.closing = True
        self._bytes.abort()

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
