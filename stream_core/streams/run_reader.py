"""Reads the events of one run, wherever it goes on: over tool rounds and lost connections.

Rules of this file:

- Nothing is read ahead of need: the source is asked for bytes only when no event is ready.
- A run that goes on elsewhere is read on there, where there is a ``control`` that knows the
  server: same snapshots, and to whoever reads the events, one stream.
- A close, an abort or a cancel may come from a callback, from a tool, or from elsewhere at
  any time; then nothing more is told, run or submitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from stream_core import events
from stream_core.decoding.decoder import EventDecoder
from stream_core.dispatch import Dispatcher
from stream_core.errors import IncompleteStreamError, StreamError, TransportError
from stream_core.source import chunks_of, close_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.dialects import Dialect
    from stream_core.events import Event, LocalEvent
    from stream_core.models import Message, Run, RunStep
    from stream_core.run_control.control import Control
    from stream_core.snapshots.blocks import Wants
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source

__all__ = ["Position", "RunReader"]

#: Looked at for every event.
_DONE = events.Done


class Position:
    """Where a stream is; what its handlers may ask about it (``dispatch.DispatchContext``).

    Attributes:
        event: The event that was read last; None before the first and at the end.
        local: The event about the stream itself that handlers have, if they have one.
        snapshots: What the stream has said so far.
    """

    __slots__ = ("event", "local", "snapshots")

    def __init__(self, snapshots: Snapshots) -> None:
        """Begin before the first event."""
        self.event: Event | None = None
        self.local: LocalEvent | None = None
        self.snapshots = snapshots

    @property
    def current_event(self) -> Event | None:
        """The event that handlers have: ``event``, or the local one that came after it."""
        return self.event if self.local is None else self.local

    @property
    def current_run(self) -> Run | None:
        """The run as last seen, or None."""
        return self.snapshots.current_run

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message last heard of, live, or None."""
        return self.snapshots.current_message

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The run step last heard of, live, or None."""
        return self.snapshots.current_run_step


class RunReader:
    """Reads a source, and those that its run goes on in.

    Attributes:
        source: What is read from.
        tees: Files that have all bytes written to them, before they are decoded.
        control: What can be done about the run on the server, or None.
        now: Where the stream is.
        dispatcher: Has the handlers.
        err: The stream's failure, or None.
        answering: Whether what the run requires is being done.
        closing: Whether nothing more is to be read.
        aborted: Whether even what is being read is to be dropped.
        cancelled: Whether the run was cancelled: no output is submitted any more.
    """

    def __init__(
        self,
        source: Source,
        *,
        dialect: str | Dialect,
        max_frame_bytes: int,
        control: Control | None,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            source: See above.
            dialect: Which wire it is.
            max_frame_bytes: The most that one frame may have.
            control: What can be done about the run on the server.

        Raises:
            TypeError: SOURCE is a text or a path.
            ValueError: No dialect has that name.
        """
        self.source = source
        self.tees: list[BinaryIO] = []
        self._chunks = chunks_of(source)
        self._dialect, self._max_frame_bytes = dialect, max_frame_bytes
        self._decoder = EventDecoder(dialect, max_frame_bytes=max_frame_bytes)
        self.control = control
        self.now = Position(self._decoder.snapshots)
        self.dispatcher = Dispatcher(self.now)
        self.err: StreamError | None = None
        self.answering = self.closing = self.aborted = self.cancelled = False
        # What was missed and is to be told, once the server has said what became of the run.
        self._made: list[Event] | None = None
        # What a callback or a tool raised: no failure of the stream.
        self._foreign: BaseException | None = None

    def want(self, wants: Wants | None) -> None:
        """Make only events of classes that somebody wants; None: all of them."""
        self._decoder.wants = wants

    def events(self) -> Iterator[Event]:
        """Yield every event, to the end; then ``err`` has the failure, where there was one.

        Raises:
            BaseException: What a handler of a local event raised; what a tool raised, where
                that was chosen; what is no ``StreamError``.
        """
        try:
            while not self.closing:
                done = None
                try:
                    for event in self._made or self._decoder.events(self._read()):
                        if event.__class__ is _DONE:
                            done = event
                        else:
                            yield event
                except (TransportError, IncompleteStreamError) as error:
                    if self.aborted or not self._recover(error):
                        raise
                    continue
                # The end of a round is not the end of the stream.
                if self._go_on():
                    continue
                if done is not None:
                    yield done
                return
        except StreamError as error:
            if error is self._foreign:
                raise
            self.err = None if self.aborted else error

    def tell(self, event: LocalEvent) -> None:
        """Hand an event about the stream itself to the handlers."""
        self.now.local = event
        try:
            self.dispatcher.dispatch(event)
        except BaseException as failure:
            self._foreign = failure
            raise
        finally:
            self.now.local = None

    def close(self, failure: BaseException | None) -> None:
        """Give the source back; FAILURE is what ended the stream."""
        finished = self._decoder.done
        close_source(self.source, self._chunks, finished=finished, failure=failure or self.err)

    def _read(self) -> Iterator[bytes]:
        """Yield what the source gives; the tees have it first.

        Raises:
            TransportError: A file failed; HTTP sources have mapped their own errors. Or reading
                was aborted: then nothing is to be made of bytes that end here.
        """
        chunks, tees = self._chunks, self.tees
        while True:
            try:
                chunk = None if self.aborted else next(chunks, None)
            except OSError as error:
                raise TransportError(f"reading the source failed: {error}") from error
            if self.aborted:
                raise TransportError("reading was aborted")
            if chunk is None:
                return
            for file in tees:
                file.write(chunk)
            yield chunk

    def _go_on(self) -> bool:
        """Do what the run requires and read what follows; False where the stream ends."""
        now, control = self.now, self.control
        run = now.current_run
        if control is None or run is None or not now.snapshots.requires_action:
            return False
        now.event = None
        self.answering = True
        try:
            return self._answer(control, run)
        finally:
            self.answering = False

    def _answer(self, control: Control, run: Run) -> bool:
        """Tell what CONTROL does for RUN and turn to the source that goes on, if one does."""
        for step in () if self._stopping else control.answer(run) or ():
            if not isinstance(step, events.LocalEvent):
                self._turn_to(step)
                return True
            if not self._stopping:
                self._foreign = step.error if isinstance(step, events.ToolError) else None
                self.tell(step)
            if self._stopping:
                break
        # True: where it is to close, nothing more is read or told.
        return self.closing

    @property
    def _stopping(self) -> bool:
        """Whether what the run requires is not to be done any more."""
        return self.closing or self.cancelled

    def _turn_to(self, source: Source, failure: StreamError | None = None) -> None:
        """Read on from SOURCE; FAILURE is what ended the one before, where it did not end."""
        self.close(failure)
        self.source, self._chunks = source, chunks_of(source)
        self._begin_decoder()
        run = self.now.current_run
        if failure is not None and run is not None:
            self.tell(events.StreamRecovered(failure, run, 0))

    def _begin_decoder(self) -> None:
        """Decode what goes on from here with what was seen so far."""
        wants = self._decoder.wants
        self._decoder = EventDecoder(
            self._dialect, max_frame_bytes=self._max_frame_bytes, snapshots=self.now.snapshots
        )
        self._decoder.wants = wants
        self._made = None

    def _recover(self, error: StreamError) -> bool:
        """Ask the server what was missed after ERROR; False where it cannot say."""
        self.now.event = None
        if self.control is None:
            return False
        found = None
        try:
            source = self.control.rejoin(lambda: self.aborted)
            if source is None:
                found = self.control.recover(self.now.snapshots, lambda: self.aborted)
        except StreamError as second:
            error.add_note(f"the server could not be asked what became of the run: {second}")
            return False
        if source is not None:
            self._turn_to(source, error)
            return True
        if found is None or self.aborted:
            return False
        run, missed = found
        self.close(error)
        self._begin_decoder()
        self._made = self._decoder.make_up(missed, run)
        self.tell(events.StreamRecovered(error, run, len(self._made)))
        return True
