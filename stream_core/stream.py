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

from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias

from . import events, unwrap
from .decoder import EventDecoder
from .dispatch import Dispatcher, Handler
from .errors import (
    IncompleteStreamError,
    StreamError,
    StreamTimeoutError,
    TransportError,
)
from .sse import DEFAULT_MAX_FRAME_BYTES
from .text import TextReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from .dialects import Decoded, Dialect
    from .events import Event
    from .models import (
        Error,
        Message,
        RequiredActionFunctionToolCall,
        Run,
        RunStep,
        ToolCall,
    )
    from .snapshots import Snapshots

__all__ = ["Control", "Source", "Stream"]

#: Where a stream's bytes come from: all of them, pieces of any size, or a file opened with "rb".
Source: TypeAlias = "bytes | bytearray | memoryview | Iterable[bytes] | BinaryIO"

#: How much is read from a file at once; a pipe gives what it has.
_FILE_CHUNK = 65536


#: Looked at for every event.
_DONE = events.Done

#: Seconds of silence after a cancel until the server is asked what became of the run.
_SILENCE_AFTER_CANCEL = 0.2


class Control(Protocol):
    """What a stream can do about its run on the server; ``Client`` makes it.

    Attributes:
        recovers: Whether :meth:`recover` asks at all.
    """

    recovers: bool

    def answer(self, run: Run) -> Iterator[events.LocalEvent | Source] | None:
        """Do what RUN requires: yield what happens, and last the source that goes on.

        None where the caller does it.
        """
        ...

    def recover(
        self, snapshots: Snapshots, stopped: Callable[[], bool]
    ) -> tuple[Run, list[Decoded]] | None:
        """Ask what became of the run; None where that is not wanted, or cannot be.

        Waits only as long as STOPPED, asked now and then, says False.
        """
        ...

    def rejoin(self, stopped: Callable[[], bool]) -> Source | None:
        """Return a source that goes on where the connection was lost; None where none does.

        It is asked before :meth:`recover`. Waits only as long as STOPPED says False.
        """
        ...

    def find(self, snapshots: Snapshots) -> Run | None:
        """Return the run that SNAPSHOTS are of; None where it cannot be known yet."""
        ...

    def cancel(self, run: Run) -> bool:
        """Cancel RUN, unless it has ended; False where only closing the source ends it."""
        ...


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
        control: Control | None = None,
        cancel_on_interrupt: bool = False,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: Bytes, an iterable of bytes, or a binary file. It is closed at the end
                where it can be.
            handlers: The first handlers, in order; see :meth:`register`.
            dialect: Which wire it is, see ``stream_core.dialects.DIALECTS``.
            max_frame_bytes: The most that one frame may have.
            control: What the stream can do about the run on the server.
            cancel_on_interrupt: On Ctrl-C cancel the run too, so that its thread is not
                left locked.

        Raises:
            TypeError: SOURCE is a text or a path, or a handler has no ``handle``.
            ValueError: No dialect has that name.
        """
        self._source = source
        self._chunks = _chunks(source)
        self._dialect, self._max_frame_bytes = dialect, max_frame_bytes
        self._decoder = EventDecoder(dialect, max_frame_bytes=max_frame_bytes)
        self._wants: Callable[[type[Event]], bool] | None = None
        self._control = control
        self._cancel_on_interrupt = cancel_on_interrupt
        self._dispatcher = Dispatcher(self)
        self._event: Event | None = None
        self._local: events.LocalEvent | None = None
        self._err: StreamError | None = None
        self._over = False
        self._answering = False
        # What a callback or a tool raised: no failure of the stream.
        self._foreign: BaseException | None = None
        self._close_asked = False
        self._aborted = False
        self._cancelled = False
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
            RuntimeError: Called from a callback or a tool of this stream.
            Exception: What a handler raised; two or more as an ``ExceptionGroup``. What a
                tool raised, where that was chosen.
        """
        if self._called_back:
            raise RuntimeError(
                "a callback cannot read the stream that called it, nor can a tool; "
                "return, and the next event comes"
            )
        return self._advance()

    def _advance(self) -> bool:
        """Do what ``next`` does, outside of callbacks."""
        self._event = None
        if self._over:
            return False
        try:
            event = self._read()
        except StreamError as error:
            if error is self._foreign:
                self._end(error)
                raise
            if self._aborted:
                self._end()
            else:
                self._fail(error)
            return False
        except BaseException as failure:
            self._end(failure)
            raise
        if event is None:
            self._end()
            return False
        self._event = event
        try:
            self._dispatcher.dispatch(event)
        except BaseException as failure:
            self._end(failure)
            raise
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
        if self._called_back:
            self.next()  # says that it cannot
        # Events that no handler wants need not be made: nobody but handlers sees them here.
        self._wants = self._decoder.wants = self._dispatcher.wants
        try:
            with self._dispatcher.entered():
                while self._advance():
                    pass
        except BaseException as failure:
            # Mostly it has ended; Ctrl-C can come at any point.
            self._end(failure)
            raise
        finally:
            self._wants = self._decoder.wants = None
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
        event, and it is the last. From a tool: nothing is submitted. A second call does
        nothing.

        Raises:
            Exception: What a handler's ``on_end`` raised.
        """
        if self._called_back:
            self._close_asked = True
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
        if self._control is None:
            raise RuntimeError("only a stream of a Client can be cancelled; close() ends reading")
        run = self._control.find(self._decoder.snapshots)
        while run is None and self.next():
            run = self.current_run
        if run is not None and not self._decoder.snapshots.terminated:
            if self._control.cancel(run):
                self._cancelled = True
                self._hasten(self._control)
            else:
                self.close()
        return self.current_run if self._called_back else self.until_done()

    def _hasten(self, control: Control) -> None:
        """Wait for a run that is cancelled by asking rather than by listening to silence."""
        limit_silence = getattr(self._source, "limit_silence", None)
        if control.recovers and limit_silence is not None:
            limit_silence(_SILENCE_AFTER_CANCEL)

    def abort(self) -> None:
        """End reading at once, also from another thread or a signal handler.

        A ``next()`` that waits for bytes returns False, without an error, as soon as the
        source lets it: that of a client at once, another one with its next bytes. A request
        that is being sent and a tool that is running are waited for, what they give is not
        told. The run on the server goes on. Handlers have ``on_end`` in the reader's thread.
        """
        self._aborted = self._close_asked = True
        abort = getattr(self._source, "abort", None)
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

    @property
    def _called_back(self) -> bool:
        """Whether a callback or a tool of this stream is running."""
        return self._dispatcher.dispatching or self._answering

    def _read(self) -> Event | None:
        """Return the next event, or None at the end.

        Raises:
            StreamError: The stream failed.
        """
        while not self._close_asked:
            decoder = self._decoder
            try:
                event = decoder.next_event()
                while event is None and not decoder.done:
                    self._feed(decoder)
                    event = decoder.next_event()
            except (TransportError, IncompleteStreamError) as error:
                if self._aborted or not self._recover(error):
                    raise
                continue
            # The end of a round is not the end of the stream.
            if (event is None or event.__class__ is _DONE) and self._go_on():
                continue
            return event
        return None

    def _feed(self, decoder: EventDecoder) -> None:
        """Give DECODER more bytes, or tell it that there are none."""
        try:
            chunk = None if self._aborted else next(self._chunks, None)
        except OSError as error:  # a file; HTTP sources have mapped their own
            raise TransportError(f"reading the source failed: {error}") from error
        if chunk is None or self._aborted:
            decoder.close()
            return
        for file in self._tees:
            file.write(chunk)
        decoder.feed(chunk)

    def _go_on(self) -> bool:
        """Do what the run requires and read what follows; False where the stream ends."""
        run, snapshots = self.current_run, self._decoder.snapshots
        if self._control is None or run is None or not snapshots.requires_action:
            return False
        self._answering = True
        try:
            return self._answer(self._control, run)
        finally:
            self._answering = False

    def _answer(self, control: Control, run: Run) -> bool:
        """Tell what CONTROL does for RUN and turn to the source that goes on, if one does.

        A close, an abort or a cancel may come from a callback, from a tool, or from
        elsewhere at any time; then nothing more is told, run or submitted.
        """
        for step in () if self._stopping else control.answer(run) or ():
            if not isinstance(step, events.LocalEvent):
                self._turn_to(step)
                return True
            if not self._stopping:
                self._foreign = step.error if isinstance(step, events.ToolError) else None
                self._dispatch_local(step)
            if self._stopping:
                break
        # True: where it is to close, nothing more is read or told.
        return self._close_asked

    @property
    def _stopping(self) -> bool:
        """Whether what the run requires is not to be done any more."""
        return self._close_asked or self._cancelled

    def _turn_to(self, source: Source, failure: StreamError | None = None) -> None:
        """Read on from SOURCE; FAILURE is what ended the one before, where it did not end."""
        self._close_source(failure)
        self._source, self._chunks = source, _chunks(source)
        self._begin_decoder()
        run = self.current_run
        if failure is not None and run is not None:
            self._dispatch_local(events.StreamRecovered(failure, run, 0))

    def _begin_decoder(self) -> None:
        """Decode what goes on from here with what was seen so far."""
        snapshots = self._decoder.snapshots
        self._decoder = EventDecoder(
            self._dialect, max_frame_bytes=self._max_frame_bytes, snapshots=snapshots
        )
        self._decoder.wants = self._wants

    def _recover(self, error: StreamError) -> bool:
        """Ask the server what was missed after ERROR; False where it cannot say."""
        if self._control is None:
            return False
        found, snapshots = None, self._decoder.snapshots
        try:
            source = self._control.rejoin(lambda: self._aborted)
            if source is None:
                found = self._control.recover(snapshots, lambda: self._aborted)
        except StreamError as second:
            error.add_note(f"the server could not be asked what became of the run: {second}")
            return False
        if source is not None:
            self._turn_to(source, error)
            return True
        if found is None or self._aborted:
            return False
        run, missed = found
        self._close_source(error)
        self._begin_decoder()
        count = self._decoder.make_up(missed, run)
        self._dispatch_local(events.StreamRecovered(error, run, count))
        return True

    def _dispatch(self, event: Event) -> None:
        """Hand EVENT to the handlers; if one raises, end the stream first."""
        try:
            self._dispatcher.dispatch(event)
        except BaseException as failure:
            self._foreign = failure
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
            if isinstance(failure, KeyboardInterrupt) and self._cancel_on_interrupt:
                self._cancel_quietly(failure)
        finally:
            try:
                self._close_source(failure or self._err)
            finally:
                self._tell_end(failure)

    def _cancel_quietly(self, failure: KeyboardInterrupt) -> None:
        """Cancel the run; what fails there joins FAILURE, which is on its way."""
        snapshots = self._decoder.snapshots
        if self._control is None or snapshots.terminated:
            return
        try:
            run = self._control.find(snapshots)
            if run is not None:
                self._control.cancel(run)
        except StreamError as second:
            failure.add_note(f"cancelling the run failed too: {second}")

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
