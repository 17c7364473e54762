"""What every stream is, however it is driven: its handlers, what it has seen, how it goes on.

Rules of this file:

- No I/O: what has to be done is a flow, which the shell runs with its driver.
- However a stream ends, the source is closed first, and then ``StreamEnd`` comes, once.
- What is raised while the stream's own failure is on its way has that as its ``__context__``.
- A stream whose run goes on elsewhere (a tool round, a lost connection) goes on too, if it was
  given a ``control`` that knows the server: same handlers, same snapshots, one end.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO

from stream_core import events
from stream_core.effects import Close, Deliver
from stream_core.errors import StreamError, StreamTimeoutError

from .event_contents import EventContents
from .position import Current

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

    from stream_core.dispatch import Handler
    from stream_core.effects import Flow
    from stream_core.events import Event
    from stream_core.models import Run

    from .byte_reader import ByteReader
    from .position import Position
    from .run_reader import Following, RunReader

__all__ = ["StreamBase"]


class StreamBase(Current, EventContents):
    """One stream of events; a shell reads it and runs its flows."""

    #: Nothing is to be ended before the stream is made.
    _over = True

    def __init__(
        self,
        source: ByteReader,
        reader: RunReader,
        *handlers: Handler,
        cancel_on_interrupt: bool,
    ) -> None:
        """Prepare to read.

        Args:
            source: Has the bytes.
            reader: Makes events of them.
            handlers: The first handlers, in order.
            cancel_on_interrupt: On Ctrl-C cancel the run too.
        """
        self._bytes, self._reader = source, reader
        self._cancel_on_interrupt = cancel_on_interrupt
        reader.limit = source.limit
        reader.dispatcher.register(*handlers)

    @abstractmethod
    def _take_up(self, following: Following) -> None:
        """Read on from what is FOLLOWING."""

    # --- Handlers -----------------------------------------------------------------------

    def register(self, *handlers: Handler) -> None:
        """Add handlers after those that are there; from a callback, for the next event on.

        Args:
            handlers: Subclasses of ``handlers.EventHandler``, or anything with
                ``handle(event)``.

        Raises:
            TypeError: One is a class instead of an instance, or has no ``handle``.
        """
        dispatcher = self._reader.dispatcher
        dispatcher.register(*handlers)
        if dispatcher.entered:
            self._reader.want(dispatcher.plan)

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The registered handlers, in order."""
        return self._reader.dispatcher.handlers

    def tee(self, file: BinaryIO | str | PathLike[str]) -> Self:
        """Write every byte, as read and before it is decoded, to FILE too.

        Args:
            file: Opened for writing bytes; it stays open. Or a path: the file is overwritten,
                and closed before ``on_end``.

        Returns:
            The stream itself.

        Raises:
            TypeError: The file is open in text mode or for reading, or is not a file.
            OSError: The file cannot be opened.
            RuntimeError: The stream has ended.
        """
        if self._over:
            raise RuntimeError("the stream has ended: call tee() before it is read")
        self._bytes.tee(file)
        return self

    # --- What the stream has seen so far ------------------------------------------------

    @property
    def event(self) -> Event | None:
        """The event that was read last; None before the first and at the end."""
        return self._reader.position.event

    @property
    def err(self) -> StreamError | None:
        """The stream's failure, or None: so far none, a clean end, or closed early."""
        return self._reader.err

    @property
    def response(self) -> Any:
        """The ``requests.Response`` (status, headers) of an HTTP source, else None."""
        return getattr(self._bytes.source, "response", None)

    @property
    def request_id(self) -> str | None:
        """The server's name for the request of an HTTP source, else None."""
        found: str | None = getattr(self._bytes.source, "request_id", None)
        return found

    @property
    def _position(self) -> Position:
        """Where the stream is."""
        return self._reader.position

    # --- Flows --------------------------------------------------------------------------

    def _go_on(self) -> Flow[bool]:
        """Turn to the events that come next, when those so far have come to their end.

        Returns:
            Whether there are any; if not, the stream has ended and handlers have heard of it.
        """
        reader = self._reader
        reader.position.event = None
        try:
            following = yield from reader.go_on()
            if following is not None:
                yield from self._turn_to(following)
                return True
        except StreamError as error:
            if reader.is_foreign(error):
                raise
            if self._bytes.expired:
                # Whatever failed since then, e.g. a question about the run, failed for this.
                error = self._expiry(error)
            reader.err = None if reader.aborted else error
        finally:
            # Their tracebacks hold the frames of the reader, and those the stream.
            reader.foreign.clear()
        if reader.err is not None:
            if isinstance(reader.err, StreamTimeoutError):
                yield Deliver(events.StreamTimeout())
            yield Deliver(events.StreamException(reader.err))
        yield from self._end()
        return False

    def _expiry(self, error: StreamError) -> StreamError:
        """Return the error for a stream whose time is up, which failed with ERROR."""
        expiry = self._bytes.expiry()
        if str(expiry) == str(error):
            return error
        expiry.__cause__ = error
        return expiry

    def _turn_to(self, following: Following) -> Flow[None]:
        """Give the source back, and take up what is FOLLOWING."""
        read = self._bytes
        if following.replaces:
            read.let_go()
            yield Close(read.source, read.chunks, following.finished, following.failure)
        self._take_up(following)
        if following.report is not None:
            yield Deliver(following.report)

    def _cancel_run(self, run: Run) -> Flow[bool]:
        """Cancel RUN on the server, unless it has ended.

        Returns:
            False if only the end of the stream ends the run.
        """
        reader, control = self._reader, self._reader.control
        if control is None or reader.position.snapshots.terminated:
            return True
        reader.cancelling = True
        try:
            asked = yield from control.cancel(run)
            reader.cancelled = reader.cancelled or asked
        finally:
            reader.cancelling = False
        return asked

    def _end(self, failure: BaseException | None = None) -> Flow[None]:
        """Close the source and deliver ``StreamEnd``, once.

        Args:
            failure: What is being raised; what ``on_end`` raises joins it.
        """
        if self._over:
            return
        self._over = True
        try:
            if isinstance(failure, KeyboardInterrupt) and self._cancel_on_interrupt:
                yield from self._cancel_quietly(failure)
        finally:
            try:
                yield from self._give_back(failure or self._reader.err)
            finally:
                yield from self._deliver_end(failure)

    def _give_back(self, reason: BaseException | None) -> Flow[None]:
        """Close the source, and the files that were opened here."""
        read = self._bytes
        read.let_go()
        try:
            yield Close(read.source, read.chunks, self._reader.finished, reason)
        finally:
            for file in read.opened:
                yield Close(file, None, finished=False, failure=reason)

    def _cancel_quietly(self, failure: KeyboardInterrupt) -> Flow[None]:
        """Cancel the run; what fails there joins FAILURE, which is on its way."""
        control, snapshots = self._reader.control, self._reader.position.snapshots
        if control is None or snapshots.terminated:
            return
        try:
            run = yield from control.find(snapshots)
            if run is not None:
                yield from control.cancel(run)
        except StreamError as second:
            failure.add_note(f"cancelling the run failed too: {second}")

    def _deliver_end(self, failure: BaseException | None) -> Flow[None]:
        """Deliver ``StreamEnd``."""
        try:
            yield Deliver(events.StreamEnd())
        except Exception as second:
            if failure is None:
                raise
            if not isinstance(failure, Exception):
                failure.add_note(f"on_end failed too: {second!r}")
                return
            group = [*_members(failure), *_members(second)]
            raise ExceptionGroup("handlers failed, on_end included", group) from None


def _members(failure: Exception) -> tuple[Exception, ...]:
    """Return the exceptions in a group of ours, or FAILURE itself."""
    return failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)


def join(leaving: BaseException, failure: BaseException | None) -> None:
    """Make FAILURE the last context of LEAVING, as if that had been raised while handling it."""
    seen = set()
    while leaving is not failure and id(leaving) not in seen:
        seen.add(id(leaving))
        if leaving.__context__ is None:
            leaving.__context__ = failure
            return
        leaving = leaving.__context__
