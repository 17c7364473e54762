"""The blocking stream: reads a source, decodes it, and hands each event to the handlers.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready,
  and every handler has an event before the next one is decoded. No threads, no queues.
- ``next()`` stores a failure of the stream in ``err``; iteration and ``until_done()`` raise
  it. What a handler raises leaves at once from wherever the stream is driven, and is never
  in ``err``.
- What becomes of the run and of the stream is decided in ``base`` and below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core import events
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

    A stream is for one thread and can be read once. It is its own iterator.
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
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: Bytes, an iterable of bytes, or a binary file. It is closed at the end
                if it can be.
            handlers: The first handlers, in order; see :meth:`register`.
            dialect: Which wire it is: a name of ``stream_core.dialects.DIALECTS``;
                ``"auto"`` finds it out from the first frame that tells.
            max_frame_bytes: The most that one frame may have.
            control: What the stream can do about the run on the server.
            transport: Sends what CONTROL asks for.
            cancel_on_interrupt: On Ctrl-C cancel the run too, so that its thread is not
                left locked.

        Raises:
            TypeError: SOURCE is a text or a path, or a handler has no ``handle``.
            ValueError: No dialect has that name.
        """
        read = ByteReader(source)
        reader = RunReader(dialect=dialect, max_frame_bytes=max_frame_bytes, control=control)
        super().__init__(read, reader, *handlers, cancel_on_interrupt=cancel_on_interrupt)
        self._driver = StreamDriver(transport, reader)
        self._events = reader.events(read.read())
        self._text: TextReader | None = None

    # --- Reading ------------------------------------------------------------------------

    def next(self) -> bool:
        """Read the next event and hand it to every handler.

        Returns:
            True with the event in ``event``; False at the end, with the failure, if any,
            in ``err``.

        Raises:
            RuntimeError: Called from a callback or a tool of this stream.
            Exception: What a handler raised; two or more as an ``ExceptionGroup``. What a
                tool raised, where that was chosen.
        """
        if self._called_back:
            raise RuntimeError(
                "a callback cannot read the stream that called it, nor can a tool; "
                "return, and the next event comes"
            )
        position = self._reader.position
        position.event = None
        if not self._over:
            self._run(one=True)
        return position.event is not None

    def until_done(self) -> Run | None:
        """Read to the end.

        Returns:
            The run as last seen, also one that failed, is incomplete, was cancelled,
            expired or requires action (``run.raise_for_status()`` turns the first four
            into an error); None if the stream had no run.

        Raises:
            StreamError: The stream failed.
            Exception: What a handler raised; two or more as an ``ExceptionGroup``.
        """
        if self._called_back:
            self.next()  # says that it cannot
        reader, dispatcher = self._reader, self._reader.dispatcher
        reader.position.event = None
        if not self._over:
            # Events that no handler wants need not be made: nobody but handlers sees them here.
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

        At the end, and after an exception, handlers had ``on_end``.
        """
        reader, dispatch = self._reader, self._reader.dispatcher.dispatch
        position = reader.position
        try:
            while True:
                # It may have been aborted since the last call.
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
            # Mostly it is a handler's; Ctrl-C can come at any point.
            self._driver.run(self._end(failure))
            raise

    def __iter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event; raise the stream's failure, or StopIteration."""
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
        """End reading: close the source, and let handlers have ``on_end``.

        The run on the server goes on. From a callback: every handler still gets this
        event, and it is the last. From a tool: nothing is submitted. A second call does
        nothing.

        Raises:
            Exception: What a handler's ``on_end`` raised.
        """
        self._driver.run(self._close())

    def cancel(self) -> Run | None:
        """Cancel the run on the server, and read on to its end.

        From a callback or a tool: the run is cancelled, no output is submitted any more, and
        the stream goes on to its end as it does. A run that ended meanwhile stays as it ended.
        A server that is silent from now on is asked what became of the run, as after a lost
        connection, unless ``recover=False``. A run that lives only as long as its connection
        (of Chat Completions, and of Responses without ``background``) is ended by closing.

        Returns:
            The run as last seen, mostly ``cancelled``.

        Raises:
            RuntimeError: The stream does not know the server: it was not made by a client.
            StreamError: The server refused, or the stream failed.
            Exception: What a handler raised.
        """
        reader = self._reader
        if reader.control is None:
            raise RuntimeError("only a stream of a Client can be cancelled; close() ends reading")
        run = self._driver.run(reader.control.find(reader.position.snapshots))
        while run is None and self.next():
            run = self.current_run
        if run is not None:
            self._driver.run(self._cancel_run(run))
        return self.current_run if self._called_back else self.until_done()

    def abort(self) -> None:
        """End reading at once, also from another thread or a signal handler.

        A ``next()`` that waits for bytes returns False, without an error, as soon as the
        source lets it: that of a client at once, another one with its next bytes. A request
        that is being sent and a tool that is running are waited for, what they give is not
        told. The run on the server goes on. Handlers have ``on_end`` in the reader's thread.
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
        """Close the stream; the run on the server goes on (:meth:`cancel` ends that too)."""
        self.close()

    # --- At the end ---------------------------------------------------------------------

    def get_final_run(self) -> Run:
        """Read to the end and return the run.

        Raises:
            StreamError: The stream failed.
            RuntimeError: The stream spoke of no run.
        """
        run = self.until_done()
        if run is None:
            raise RuntimeError("the stream ended without a run event; use until_done()")
        return run

    def get_final_messages(self) -> list[Message]:
        """Read to the end and return the messages, in order of first sight.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._reader.position.snapshots.messages

    def get_final_run_steps(self) -> list[RunStep]:
        """Read to the end and return the run steps, in order of first sight.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._reader.position.snapshots.run_steps

    # --- Inside -------------------------------------------------------------------------

    def _take_up(self, following: Following) -> None:
        """Read on from what is FOLLOWING."""
        if following.source is None:
            self._events = iter(following.events)
        else:
            self._bytes.turn_to(following.source)
            self._events = self._reader.events(self._bytes.read())
