"""The blocking shell: reads a source, decodes it, and hands each event to the handlers.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready,
  and every handler has an event before the next one is decoded. No threads, no queues.
- ``next()`` stores a failure of the stream in ``err``; iteration and ``until_done()`` raise
  it. What a handler raises leaves at once from wherever the stream is driven, and is never
  in ``err``.
- However a stream ends, the source is closed first, and then ``StreamEnd`` comes, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from . import events, unwrap
from .decoder import EventDecoder
from .dispatch import Dispatcher, Handler
from .errors import StreamError, StreamTimeoutError, TransportError
from .sse import DEFAULT_MAX_FRAME_BYTES
from .text import TextReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from .dialects import Dialect
    from .events import Event
    from .models import (
        Error,
        Message,
        RequiredActionFunctionToolCall,
        Run,
        RunStep,
        ToolCall,
    )

__all__ = ["Source", "Stream"]

#: Where a stream's bytes come from: pieces of any size, or a file opened with "rb".
Source: TypeAlias = "Iterable[bytes] | BinaryIO"

#: How much is read from a file at once; a pipe gives what it has.
_FILE_CHUNK = 65536


class Stream:
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
        dialect: str | Dialect = "assistants",
        max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: Iterable of bytes, or a binary file. It is closed at the end where it
                can be.
            handlers: The first handlers, in order; see :meth:`register`.
            dialect: Which wire it is, see ``stream_core.dialects.DIALECTS``.
            max_frame_bytes: The most that one frame may have.

        Raises:
            TypeError: SOURCE is a text or a path, or a handler has no ``handle``.
            ValueError: No dialect has that name.
        """
        self._source = source
        self._chunks = _chunks(source)
        self._decoder = EventDecoder(dialect, max_frame_bytes=max_frame_bytes)
        self._dispatcher = Dispatcher(self)
        self._event: Event | None = None
        self._local: events.LocalEvent | None = None
        self._err: StreamError | None = None
        self._over = False
        self._close_asked = False
        self._tees: list[BinaryIO] = []
        self._text: TextReader | None = None
        self.register(*handlers)

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
        self._tees.append(file)
        return self

    # --- Reading ------------------------------------------------------------------------

    def next(self) -> bool:
        """Read the next event and hand it to every handler.

        Returns:
            True with the event in ``event``; False at the end, with the failure, if any,
            in ``err``.

        Raises:
            RuntimeError: Called from a callback of this stream.
            Exception: What a handler raised; two or more as an ``ExceptionGroup``.
        """
        if self._dispatcher.dispatching:
            raise RuntimeError(
                "a callback cannot read the stream that called it; return, and the next event comes"
            )
        self._event = None
        if self._over:
            return False
        try:
            event = self._read()
        except StreamError as error:
            self._fail(error)
            return False
        except BaseException as failure:
            self._end(failure)
            raise
        if event is None:
            self._end()
            return False
        self._event = event
        self._dispatch(event)
        if self._close_asked:
            self._end()
        return True

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
        # Events that no handler wants need not be made: nobody but handlers sees them here.
        self._decoder.wants = self._dispatcher.wants
        try:
            while self.next():
                pass
        finally:
            self._decoder.wants = None
        if self._err is not None:
            raise self._err
        return self.current_run

    def __iter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event; raise the stream's failure, or StopIteration."""
        if self.next() and self._event is not None:
            return self._event
        if self._err is not None:
            raise self._err
        raise StopIteration

    @property
    def event(self) -> Event | None:
        """The event that the last ``next()`` read; None before the first and at the end."""
        return self._event

    @property
    def err(self) -> StreamError | None:
        """The stream's failure, or None: so far none, a clean end, or closed early."""
        return self._err

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
        event, and it is the last. A second call does nothing.

        Raises:
            Exception: What a handler's ``on_end`` raised.
        """
        if self._dispatcher.dispatching:
            self._close_asked = True
        else:
            self._end()

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream."""
        self.close()

    # --- What the current event says ----------------------------------------------------

    def message_delta_text(self) -> str | None:
        """Return :func:`stream_core.unwrap.message_delta_text` of the current event."""
        return unwrap.message_delta_text(self._event)

    def run(self) -> Run | None:
        """Return :func:`stream_core.unwrap.run` of the current event."""
        return unwrap.run(self._event)

    def run_step(self) -> RunStep | None:
        """Return :func:`stream_core.unwrap.run_step` of the current event."""
        return unwrap.run_step(self._event)

    def message(self) -> Message | None:
        """Return :func:`stream_core.unwrap.message` of the current event."""
        return unwrap.message(self._event)

    def tool_calls(self) -> list[ToolCall] | None:
        """Return :func:`stream_core.unwrap.tool_calls` of the current event."""
        return unwrap.tool_calls(self._event)

    def required_tool_calls(self) -> list[RequiredActionFunctionToolCall] | None:
        """Return :func:`stream_core.unwrap.required_tool_calls` of the current event."""
        return unwrap.required_tool_calls(self._event)

    def error(self) -> Error | None:
        """Return :func:`stream_core.unwrap.error` of the current event."""
        return unwrap.error(self._event)

    # --- What the stream has said so far ------------------------------------------------

    @property
    def current_event(self) -> Event | None:
        """The event that handlers have: ``event``, or the local one that came after it."""
        return self._event if self._local is None else self._local

    @property
    def current_run(self) -> Run | None:
        """The run as last seen, or None."""
        return self._decoder.snapshots.current_run

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message last heard of, live, or None."""
        return self._decoder.snapshots.current_message

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step last heard of, live, or None."""
        return self._decoder.snapshots.current_run_step

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
        return self._decoder.snapshots.messages

    def get_final_run_steps(self) -> list[RunStep]:
        """Read to the end and return the run steps, in order of first sight.

        Raises:
            StreamError: The stream failed.
        """
        self.until_done()
        return self._decoder.snapshots.run_steps

    @property
    def response(self) -> Any:
        """The ``requests.Response`` (status, headers) of an HTTP source, else None."""
        return getattr(self._source, "response", None)

    @property
    def request_id(self) -> str | None:
        """The server's name for the request of an HTTP source, else None."""
        found: str | None = getattr(self._source, "request_id", None)
        return found

    # --- Inside -------------------------------------------------------------------------

    def _read(self) -> Event | None:
        """Return the next event, or None at the end.

        Raises:
            StreamError: The stream failed.
        """
        decoder = self._decoder
        while True:
            event = decoder.next_event()
            if event is not None or decoder.done:
                return event
            try:
                chunk = next(self._chunks, None)
            except OSError as error:  # a file; HTTP sources have mapped their own
                raise TransportError(f"reading the source failed: {error}") from error
            if chunk is None:
                decoder.close()
                continue
            for file in self._tees:
                file.write(chunk)
            decoder.feed(chunk)

    def _dispatch(self, event: Event) -> None:
        """Hand EVENT to the handlers; if one raises, end the stream first."""
        try:
            self._dispatcher.dispatch(event)
        except BaseException as failure:
            self._end(failure)
            raise

    def _fail(self, error: StreamError) -> None:
        """End the stream with ERROR."""
        self._err = error
        if isinstance(error, StreamTimeoutError):
            self._dispatch_local(events.StreamTimeout())
        self._dispatch_local(events.StreamException(error))
        self._end()

    def _dispatch_local(self, event: events.LocalEvent) -> None:
        """Hand an event about the stream itself to the handlers."""
        self._local = event
        try:
            self._dispatch(event)
        finally:
            self._local = None

    def _end(self, failure: BaseException | None = None) -> None:
        """Close the source and tell handlers that it is over, once.

        Args:
            failure: What is being raised; what ``on_end`` raises joins it.
        """
        if self._over:
            return
        self._over = True
        try:
            self._close_source(failure or self._err)
        finally:
            self._tell_end(failure)

    def _tell_end(self, failure: BaseException | None) -> None:
        """Hand ``StreamEnd`` to the handlers."""
        self._local = events.StreamEnd()
        try:
            self._dispatcher.dispatch(self._local)
        except Exception as second:
            if failure is None:
                raise
            if not isinstance(failure, Exception):
                failure.add_note(f"on_end failed too: {second!r}")
                return
            group = [*_members(failure), *_members(second)]
            raise ExceptionGroup("handlers failed, on_end included", group) from None
        finally:
            self._local = None

    def _close_source(self, failure: BaseException | None) -> None:
        """Give the source back: drained where it was read to ``done`` and knows how.

        Args:
            failure: What ended the stream; it matters more than that closing failed too.
        """
        finish = getattr(self._source, "finish", None)
        try:
            if self._decoder.done and finish is not None:
                finish()
                return
            for closable in (self._source, self._chunks):
                close = getattr(closable, "close", None)
                if close is not None:
                    close()
        except Exception as second:
            if failure is None:
                raise
            failure.add_note(f"closing the source failed too: {second!r}")


def _members(failure: Exception) -> tuple[Exception, ...]:
    """Return the exceptions in a group of ours, or FAILURE itself."""
    return failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)


def _chunks(source: Any) -> Iterator[bytes]:
    """Return an iterator over SOURCE's bytes.

    Raises:
        TypeError: SOURCE is a text, a text file, or nothing that can be read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return iter((bytes(source),))
    if isinstance(source, str):
        raise TypeError(f'a stream is read from bytes, not from a str; open({source!r}, "rb")?')
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is not None:
        if hasattr(source, "encoding"):
            raise TypeError('the file is opened for text; open it with "rb"')
        return iter(lambda: read(_FILE_CHUNK), b"")
    try:
        return iter(source)
    except TypeError:
        message = f"a stream is read from an iterable of bytes or a binary file, not {source!r}"
        raise TypeError(message) from None
