"""The blocking shell: reads a source, decodes it, and hands each event to the handlers.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready,
  and every handler has an event before the next one is decoded. No threads, no queues.
- ``next()`` stores a failure of the stream in ``err``; iteration and ``until_done()`` raise
  it. What a handler raises leaves at once from wherever the stream is driven, and is never
  in ``err``.
- However a stream ends, the source is closed first, and then ``StreamEnd`` comes, once.
- A stream whose run goes on elsewhere (a tool round, a lost connection) goes on too, where
  it was given a ``control`` that knows the server: same handlers, same snapshots, one end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from stream_core import events
from stream_core.errors import StreamError, StreamTimeoutError
from stream_core.run_control.control import Control
from stream_core.source import Source
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES

from .event_contents import EventContents
from .run_reader import RunReader
from .text_reader import TextReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from stream_core.dialects import Dialect
    from stream_core.dispatch import Handler
    from stream_core.events import Event
    from stream_core.models import Message, Run, RunStep

__all__ = ["Control", "Source", "Stream"]

#: Seconds of silence after a cancel until the server is asked what became of the run.
_SILENCE_AFTER_CANCEL = 0.2


class Stream(EventContents):
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
        cancel_on_interrupt: bool = False,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: Bytes, an iterable of bytes, or a binary file. It is closed at the end
                where it can be.
            handlers: The first handlers, in order; see :meth:`register`.
            dialect: Which wire it is: a name of ``stream_core.dialects.DIALECTS``;
                ``"auto"`` finds it out from the first frame that tells.
            max_frame_bytes: The most that one frame may have.
            control: What the stream can do about the run on the server.
            cancel_on_interrupt: On Ctrl-C cancel the run too, so that its thread is not
                left locked.

        Raises:
            TypeError: SOURCE is a text or a path, or a handler has no ``handle``.
            ValueError: No dialect has that name.
        """
        self._reader = reader = RunReader(
            source, dialect=dialect, max_frame_bytes=max_frame_bytes, control=control
        )
        self._now, self._dispatcher = reader.now, reader.dispatcher
        self._events = reader.events()
        self._cancel_on_interrupt = cancel_on_interrupt
        self._over = False
        self._text: TextReader | None = None
        self._dispatcher.register(*handlers)

    # --- Handlers -----------------------------------------------------------------------

    def register(self, *handlers: Handler) -> None:
        """Add handlers after those that are there; from a callback, for the next event on.

        Args:
            handlers: Subclasses of ``handlers.EventHandler``, or anything with
                ``handle(event)``.

        Raises:
            TypeError: One is a class instead of an instance, or has no ``handle``.
        """
        self._dispatcher.register(*handlers)
        if self._dispatcher.entered:
            self._reader.want(self._dispatcher.plan)

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The registered handlers, in order."""
        return self._dispatcher.handlers

    def tee(self, file: BinaryIO) -> Self:
        """Write every byte, as read and before it is decoded, to FILE too.

        Args:
            file: Opened for writing bytes; it stays open.

        Returns:
            The stream itself.
        """
        self._reader.tees.append(file)
        return self

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
        self._now.event = None
        if not self._over:
            self._run(one=True)
        return self._now.event is not None

    def until_done(self) -> Run | None:
        """Read to the end.

        Returns:
            The run as last seen, also one that failed, is incomplete, was cancelled,
            expired or requires action (``run.raise_for_status()`` turns the first four
            into an error); None when the stream spoke of none.

        Raises:
            StreamError: The stream failed.
            Exception: What a handler raised; two or more as an ``ExceptionGroup``.
        """
        if self._called_back:
            self.next()  # says that it cannot
        self._now.event = None
        if not self._over:
            # Events that no handler wants need not be made: nobody but handlers sees them here.
            self._reader.want(self._dispatcher.plan)
            token = self._dispatcher.enter()
            try:
                self._run()
            finally:
                self._dispatcher.leave(token)
                self._reader.want(None)
            self._now.event = None
        if self.err is not None:
            raise self.err
        return self.current_run

    def _run(self, *, one: bool = False) -> None:
        """Hand the next event, or all of them, to every handler, up to the end of the stream.

        At the end, and after an exception, handlers had ``on_end``.
        """
        reader, now, dispatch = self._reader, self._now, self._dispatcher.dispatch
        try:
            # It may have been aborted since the last call.
            for event in () if reader.closing else self._events:
                now.event = event
                dispatch(event)
                if one or reader.closing:
                    break
            else:
                now.event = None
                if reader.err is not None:
                    self._tell_failure(reader.err)
                self._end()
            if reader.closing:
                self._end()
        except BaseException as failure:
            # Mostly it is a handler's; Ctrl-C can come at any point.
            self._end(failure)
            raise

    def __iter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event; raise the stream's failure, or StopIteration."""
        if self.next() and self._now.event is not None:
            return self._now.event
        if self.err is not None:
            raise self.err
        raise StopIteration

    @property
    def event(self) -> Event | None:
        """The event that the last ``next()`` read; None before the first and at the end."""
        return self._now.event

    @property
    def err(self) -> StreamError | None:
        """The stream's failure, or None: so far none, a clean end, or closed early."""
        return self._reader.err

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
        if self._called_back:
            self._reader.closing = True
        else:
            self._end()

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
        reader, snapshots = self._reader, self._now.snapshots
        if reader.control is None:
            raise RuntimeError("only a stream of a Client can be cancelled; close() ends reading")
        run = reader.control.find(snapshots)
        while run is None and self.next():
            run = self.current_run
        if run is not None and not snapshots.terminated:
            if reader.control.cancel(run):
                reader.cancelled = True
                self._hasten(reader.control)
            else:
                self.close()
        return self.current_run if self._called_back else self.until_done()

    def _hasten(self, control: Control) -> None:
        """Wait for a run that is cancelled by asking rather than by listening to silence."""
        limit_silence = getattr(self._reader.source, "limit_silence", None)
        if control.recovers and limit_silence is not None:
            limit_silence(_SILENCE_AFTER_CANCEL)

    def abort(self) -> None:
        """End reading at once, also from another thread or a signal handler.

        A ``next()`` that waits for bytes returns False, without an error, as soon as the
        source lets it: that of a client at once, another one with its next bytes. A request
        that is being sent and a tool that is running are waited for, what they give is not
        told. The run on the server goes on. Handlers have ``on_end`` in the reader's thread.
        """
        self._reader.aborted = self._reader.closing = True
        abort = getattr(self._reader.source, "abort", None)
        if abort is not None:
            abort()

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

    # --- What the stream has said so far ------------------------------------------------

    @property
    def current_event(self) -> Event | None:
        """The event that handlers have: ``event``, or the local one that came after it."""
        return self._now.current_event

    @property
    def current_run(self) -> Run | None:
        """The run as last seen, or None."""
        return self._now.snapshots.current_run

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message last heard of, live, or None."""
        return self._now.snapshots.current_message

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step last heard of, live, or None."""
        return self._now.snapshots.current_run_step

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
        return self._now.snapshots.messages

    def get_final_run_steps(self) -> list[RunStep]:
        """Read to the end and return the run steps, in order of first sight.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._now.snapshots.run_steps

    @property
    def response(self) -> Any:
        """The ``requests.Response`` (status, headers) of an HTTP source, else None."""
        return getattr(self._reader.source, "response", None)

    @property
    def request_id(self) -> str | None:
        """The server's name for the request of an HTTP source, else None."""
        found: str | None = getattr(self._reader.source, "request_id", None)
        return found

    # --- Inside -------------------------------------------------------------------------

    @property
    def _called_back(self) -> bool:
        """Whether a callback or a tool of this stream is running."""
        return self._dispatcher.dispatching or self._reader.answering

    def _tell_failure(self, error: StreamError) -> None:
        """Tell the handlers that the stream failed with ERROR."""
        if isinstance(error, StreamTimeoutError):
            self._reader.tell(events.StreamTimeout())
        self._reader.tell(events.StreamException(error))

    def _end(self, failure: BaseException | None = None) -> None:
        """Close the source and tell handlers that it is over, once.

        Args:
            failure: What is being raised; what ``on_end`` raises joins it.
        """
        if self._over:
            return
        self._over = True
        try:
            if isinstance(failure, KeyboardInterrupt) and self._cancel_on_interrupt:
                self._cancel_quietly(failure)
        finally:
            try:
                self._reader.close(failure)
            finally:
                self._tell_end(failure)

    def _cancel_quietly(self, failure: KeyboardInterrupt) -> None:
        """Cancel the run; what fails there joins FAILURE, which is on its way."""
        control, snapshots = self._reader.control, self._now.snapshots
        if control is None or snapshots.terminated:
            return
        try:
            run = control.find(snapshots)
            if run is not None:
                control.cancel(run)
        except StreamError as second:
            failure.add_note(f"cancelling the run failed too: {second}")

    def _tell_end(self, failure: BaseException | None) -> None:
        """Hand ``StreamEnd`` to the handlers."""
        try:
            self._reader.tell(events.StreamEnd())
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
