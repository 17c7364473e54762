"""How a stream is read to its end, and how it is stopped before: by any thread, at any time.

Rules of this file:

- One call reads at a time (``turns``). Whoever reads ends the stream, in the reader's thread.
- Any thread may close, abort or cancel: that sets a flag, wakes the reader, and waits for nobody.
  If nobody reads, whoever closes the stream ends it. So that one of them does in any case, the
  reader looks at the flag after each event, and once more when its turn is over.
- A stream that is dropped is closed; nothing that it has may refer to it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

from .base import StreamBase, join
from .turns import Taking, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.dispatch import Handler
    from stream_core.events import Event
    from stream_core.models import Run

    from .byte_reader import ByteReader
    from .driver import StreamDriver
    from .run_reader import RunReader

__all__ = ["Stoppable"]

#: Seconds of silence after a cancel until the server is asked what became of the run.
_SILENCE_AFTER_CANCEL: Final = 0.2


class Stoppable(StreamBase):
    """A stream that one thread reads, and any may stop."""

    #: Whether reading has begun.
    _begun = False

    #: The events that come next.
    _events: Iterator[Event]

    def __init__(
        self,
        source: ByteReader,
        reader: RunReader,
        driver: StreamDriver,
        *handlers: Handler,
        cancel_on_interrupt: bool,
    ) -> None:
        """Prepare to read; the arguments are those of ``StreamBase``, and what runs its flows."""
        super().__init__(source, reader, *handlers, cancel_on_interrupt=cancel_on_interrupt)
        self._driver = driver
        self._turns = Turns()

    # --- Reading, in a turn ---------------------------------------------------------------

    def _read_to_end(self) -> None:
        """Read to the end, in a turn that was taken."""
        reader, dispatcher = self._reader, self._reader.dispatcher
        reader.position.event = None
        if self._over:
            return
        # Only handlers see events here, so events that no handler wants need not be made.
        reader.want(dispatcher.plan)
        token = dispatcher.enter()
        try:
            self._run()
        finally:
            dispatcher.leave(token)
            reader.want(None)
        reader.position.event = None

    def _run(self, *, one: bool = False) -> None:
        """Hand the next event, or all of them, to every handler, up to the end of the stream.

        Once the stream has ended or an exception propagates, handlers have had ``on_end``.
        """
        reader, dispatch = self._reader, self._reader.dispatcher.dispatch
        position = reader.position
        self._begun = True
        try:
            while not (reader.halted and self._halt()):
                for event in self._events:
                    position.event = event
                    dispatch(event)
                    if one or reader.halted:
                        break
                else:
                    if not self._driver.run(self._go_on()):
                        return
                    continue
                if one:
                    if reader.halted:
                        self._halt()
                    return
        except BaseException as failure:
            # Usually a handler's exception; but Ctrl-C can come at any point.
            join(failure, reader.err)
            self._driver.run(self._end(failure))
            raise

    def _halt(self) -> bool:
        """Do what was asked for meanwhile, in the reader's turn; return whether it was the end."""
        reader, control = self._reader, self._reader.control
        if reader.due and control is not None and reader.position.current_run is not None:
            reader.due = False
            run = self._driver.run(control.find(reader.position.snapshots))
            if run is not None:
                self._cancel_on_server(run)
        if reader.closing:
            self._driver.run(self._end())
        return reader.closing

    def _finally(self) -> Run | None:
        """Return the run after reading to the end, or raise the failure."""
        if self.err is not None:
            raise self.err
        return self.current_run

    # --- Stopping -------------------------------------------------------------------------

    def close(self) -> None:
        """Stop reading: close the source and call ``on_end`` of every handler.

        It may be called from any thread, at any time, and never waits for a reader: if another
        thread reads, that is woken as by :meth:`abort`, and calls ``on_end``. The run on the
        server goes on. If a callback closes the stream, every handler still gets the current
        event, which is the last. If a tool does, nothing is submitted. A second call does nothing.

        Raises:
            Exception: A handler's ``on_end`` raised it.
        """
        self._stop(drop=not (self._turns.own and self._reader.busy()))

    def abort(self) -> None:
        """Stop reading at once; may be called from any thread or a signal handler.

        A ``next()`` that waits for bytes returns False, without an error, as soon as its
        source allows: a client's at once, any other when its next bytes come. A request that
        is being sent and a tool that is running are waited for by the reader, but their results
        are not delivered. The run on the server goes on. Handlers get ``on_end`` in the reader's
        thread; if nobody reads, in this one, before ``abort`` returns.

        Raises:
            Exception: A handler's ``on_end`` raised it.
        """
        self._stop(drop=True)

    def _stop(self, *, drop: bool) -> None:
        """End the stream, or let its reader end it; DROP what that is reading."""
        reader = self._reader
        if self._over:
            return
        reader.aborted = reader.aborted or drop
        reader.closing = True
        if not self._settle() and drop:
            self._bytes.abort()

    def _settle(self) -> bool:
        """End a stream that is closing, unless somebody reads, who then ends it.

        Returns:
            Whether it has ended.
        """
        if self._reader.closing and not self._over:
            # Whoever reads meanwhile is to find the end, and no other reader.
            with Taking(self._turns, lets_wait=True) as turn:
                if turn.taken and not self._over:
                    self._driver.run(self._end())
        return self._over

    def cancel(self) -> Run | None:
        """Cancel the run on the server, and read on to its end.

        It may be called from any thread, at any time. If a callback or tool cancels the run, no
        more outputs are submitted, and whoever was reading the stream reads on to its end; so it
        is if another thread reads. If the run is not known yet, the reader cancels it as soon as
        it is. While this call reads, other threads that want to read wait for it. A run that has
        ended meanwhile keeps its status. If the server falls silent, it is asked what became of
        the run, as after a lost connection, unless ``recover=False``. A run that lasts only as
        long as its connection (Chat Completions, and Responses without ``background``) is ended
        by closing the connection.

        Returns:
            The run as last seen, usually ``cancelled``; if another call reads, as it is now.

        Raises:
            RuntimeError: The stream was not made by a client, so it has no server to ask.
            StreamError: The server refused, or the stream failed.
            Exception: A handler raised it.
        """
        reader = self._reader
        if reader.control is None:
            raise RuntimeError("only a stream made by a Client can be cancelled; use close() here")
        run = self._driver.run(reader.control.find(reader.position.snapshots))
        try:
            with Taking(self._turns, lets_wait=True) as turn:
                if not turn.taken:
                    self._cancel_elsewhere(run)
                    return self.current_run
                reader.position.event = None
                while run is None and not self._over:
                    self._run(one=True)
                    run = self.current_run
                if run is not None:
                    self._cancel_on_server(run)
                self._read_to_end()
        finally:
            self._settle()  # the server may have refused, and the stream have been closed
        return self._finally()

    def _cancel_elsewhere(self, run: Run | None) -> None:
        """Cancel RUN while another call reads; None: the run is not known yet."""
        if run is not None:
            self._cancel_on_server(run)
        else:
            self._reader.due = True

    def _cancel_on_server(self, run: Run) -> None:
        """Cancel RUN, or end the stream if only that ends it."""
        reader, elsewhere = self._reader, not self._turns.own
        if not self._driver.run(self._cancel_run(run)):
            self.close()
        elif reader.cancelled and reader.control is not None and reader.control.recovers:
            # The end of a cancelled run is asked for, rather than waited for in silence.
            self._bytes.limit_silence(_SILENCE_AFTER_CANCEL, elsewhere=elsewhere, busy=reader.busy)

    def __del__(self) -> None:
        """End a stream that was dropped half read, as a generator is.

        One that holds nothing and was not read at all is no loss.
        """
        read = None if self._over else self._bytes
        if read is None or not (self._begun or read.opened or hasattr(read.source, "close")):
            return
        try:
            warnings.warn(
                "a stream was dropped before its end: read it to the end, use it in a "
                "with block, or close() it",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        finally:
            self._driver.run(self._end())
