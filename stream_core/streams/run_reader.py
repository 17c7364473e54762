"""Reads the events of one run, wherever it goes on: over tool rounds and lost connections.

Rules of this file:

- It has no source and waits for nothing: bytes are given to it, and what has to be asked is
  asked by the flow :meth:`RunReader.go_on`.
- If there is a ``control`` that knows the server, a run that goes on elsewhere is read on
  there: same snapshots, and one stream to whoever reads the events.
- A close, an abort or a cancel may come from a callback, from a tool, or from another thread at
  any time; then nothing more is delivered, run or submitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from stream_core import events
from stream_core.decoding.decoder import EventDecoder
from stream_core.dispatch import Dispatcher
from stream_core.effects import Now
from stream_core.errors import (
    IncompleteStreamError,
    InternalServerError,
    StreamError,
    TransportError,
)
from stream_core.run_control.limits import within, without_stop
from stream_core.run_control.paths import ServerIdError
from stream_core.run_control.recovery import DEFAULT_RECOVERY_SECONDS

from .position import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream_core.dialects import Dialect
    from stream_core.effects import Flow
    from stream_core.events import Event, StreamRecovered
    from stream_core.run_control.control import Control
    from stream_core.snapshots.blocks import Wants
    from stream_core.source import Source

__all__ = ["Following", "RunReader"]

#: What ends a source though the run may go on; a 5xx in the place of a source leaves that open.
_RECOVERABLE = (TransportError, IncompleteStreamError, InternalServerError)

#: Looked at for every event.
_DONE = events.Done


@frozen
class Following:
    """How a stream goes on when a source has no more events: with another source, or others.

    Attributes:
        source: What to read on from, or None.
        events: What comes instead of events of a source.
        finished: Whether the source before was read to ``done``.
        failure: What ended the source before, or None.
        report: The event that tells handlers of it, or None.
        replaces: Whether the source before is to be given back.
    """

    source: Source | None = None
    events: Iterable[Event] = ()
    finished: bool = True
    failure: StreamError | None = None
    report: StreamRecovered | None = None
    replaces: bool = True


class RunReader:
    """Reads one run, over tool rounds and reconnections.

    Attributes:
        control: What can be done about the run on the server, or None.
        position: Where the stream is.
        dispatcher: Has the handlers.
        err: The stream's failure, or None.
        answering: Whether what the run requires is being done.
        halted: Whether the stream is closing, or a cancel is due; looked at after every event.
        aborted: Whether even what is being read is to be dropped.
        cancelling: Whether the server is being asked to cancel the run.
        cancelled: Whether the run was cancelled: no output is submitted any more.
        limit: Called with the seconds for which one more frame is worth waiting for; or None.
        foreign: What handlers and tools raised: no failures of the stream, whatever their class.
    """

    def __init__(
        self, *, dialect: str | Dialect, max_frame_bytes: int, control: Control | None
    ) -> None:
        """Prepare to read.

        Args:
            dialect: Which wire it is.
            max_frame_bytes: The most that one frame may have.
            control: What can be done about the run on the server.

        Raises:
            ValueError: No dialect has that name.
        """
        self._dialect, self._max_frame_bytes = dialect, max_frame_bytes
        self.limit: Callable[[float], object] | None = None
        self._decoder = EventDecoder(dialect, max_frame_bytes=max_frame_bytes)
        self._decoder.limit = self._limit
        self.control = control
        self.position = Position(self._decoder.snapshots)
        self.dispatcher = Dispatcher(self.position)
        self.err: StreamError | None = None
        self.foreign: list[BaseException] = []
        self.answering = self.aborted = self.cancelling = self.cancelled = False
        self._closing = self._due = self.halted = False
        # What ended the events given so far: a failure, or else the `done` that is held back
        # until it is known whether the run, which requires action, goes on.
        self._failure: StreamError | None = None
        self._done: Event | None = None
        self._ended = False

    def want(self, wants: Wants | None) -> None:
        """Make only events of classes that somebody wants; None: all of them."""
        self._decoder.wants = wants

    def heard(self) -> bool:
        """Return whether an event that means something has come since the last call."""
        return self._decoder.heard()

    @property
    def closing(self) -> bool:
        """Whether nothing more is to be read."""
        return self._closing

    @closing.setter
    def closing(self, closing: bool) -> None:
        self._closing = closing
        self.halted = closing or self._due

    @property
    def due(self) -> bool:
        """Whether the run is to be cancelled as soon as it is known."""
        return self._due

    @due.setter
    def due(self, due: bool) -> None:
        self._due = due
        self.halted = due or self._closing

    def is_foreign(self, error: BaseException) -> bool:
        """Return whether a handler or a tool raised ERROR."""
        return any(error is one for one in self.foreign)

    def busy(self) -> bool:
        """Return whether a callback is running, or what the run requires is being done."""
        return self.dispatcher.dispatching or self.answering

    @property
    def finished(self) -> bool:
        """Whether ``done`` was read."""
        return self._decoder.done

    @property
    def stopping(self) -> bool:
        """Whether what the run requires is not to be done any more."""
        return self.closing or self.cancelled

    @property
    def _waits(self) -> bool:
        """Whether the run requires action of a control."""
        return self.control is not None and self.position.snapshots.requires_action

    # --- Events -------------------------------------------------------------------------

    def events(self, chunks: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one source; then :meth:`go_on` finds out how the stream goes on.

        A ``done`` is left out if the run requires action: it may be that of a round.

        Args:
            chunks: All its bytes; each is asked for when no event is ready.
        """
        return self._watch(self._decoder.events(chunks))

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that CHUNK completes, for whoever gets the bytes by other means."""
        self._decoder.feed(chunk)
        return self._watch(iter(self._decoder.next_event, None))

    def end(self) -> Iterator[Event]:
        """Yield the events that the end of the bytes brings."""
        self._decoder.close()
        return self._watch(iter(self._decoder.next_event, None))

    def _watch(self, found: Iterable[Event]) -> Iterator[Event]:
        """Yield what was FOUND, and keep what ends it: a failure, or a ``done`` of a round."""
        try:
            for event in found:
                if event.__class__ is _DONE:
                    if self._waits:
                        self._done = event
                        continue
                    self._ended = True
                yield event
        except StreamError as error:
            self._failure = error

    # --- Going on -----------------------------------------------------------------------

    def go_on(self) -> Flow[Following | None]:
        """Find out how the stream goes on when the events given so far have come to their end.

        Once the stream is aborted, nothing more is asked or submitted.

        Returns:
            What comes next; None if nothing does.

        Raises:
            StreamError: The stream failed: the source did, and the run cannot be recovered; or
                what the run requires could not be done.
            Exception: What a handler or a tool raised.
        """
        return (yield from without_stop(self._go_on(), lambda: self.aborted))

    def _go_on(self) -> Flow[Following | None]:
        failure, self._failure = self._failure, None
        if failure is None:
            return (yield from self._after_the_end())
        following = None
        if isinstance(failure, _RECOVERABLE) and not self.aborted:
            following = yield from self._recover(failure)
        if following is None:
            raise failure
        return following

    def _after_the_end(self) -> Flow[Following | None]:
        """Do what the run requires; the end of a round is not the end of the stream."""
        if self.closing or self._ended:
            return None
        following = yield from self._answer()
        if following is None and not self.closing:
            self._ended, done = True, self._done
            following = None if done is None else Following(events=(done,), replaces=False)
        return following

    def _answer(self) -> Flow[Following | None]:
        """Let ``control`` do what the run requires; None if the stream does not go on."""
        control, run = self.control, self.position.snapshots.current_run
        if control is None or run is None or not self._waits or self.stopping:
            return None
        answer = control.answer(run)
        if answer is None:
            return None
        self.answering = True
        try:
            source = yield from answer
        except StreamError as refused:
            if not (self.cancelling or self.cancelled) or self.is_foreign(refused):
                raise
            source = None  # another thread cancels the run, which then takes no outputs
        finally:
            self.answering = False
        if source is None:
            return None
        finished = self.finished
        self._begin_decoder()
        return Following(source, finished=finished)

    def _recover(self, failure: StreamError) -> Flow[Following | None]:
        """Ask the server what was missed after FAILURE; None if it cannot say."""
        control, snapshots = self.control, self.position.snapshots
        if control is None:
            return None
        deadline = (yield Now()) + DEFAULT_RECOVERY_SECONDS
        found = None
        try:
            source = yield from within(control.rejoin(snapshots), deadline)
            if source is None:
                found = yield from within(control.recover(snapshots), deadline)
        except ServerIdError as second:
            raise second from failure
        except StreamError as second:
            failure.add_note(f"the server could not be asked what became of the run: {second}")
            return None
        finished = self.finished
        if source is not None:
            self._begin_decoder()
            run = snapshots.current_run
            report = None if run is None else events.StreamRecovered(failure, run, 0)
            return Following(source, finished=finished, failure=failure, report=report)
        if found is None or self.aborted:
            return None
        run, missed = found
        self._begin_decoder()
        made = self._decoder.make_up(missed, run)
        report = events.StreamRecovered(failure, run, len(made))
        return Following(None, self._watch(made), finished, failure, report)

    def _begin_decoder(self) -> None:
        """Decode what goes on from here with what was seen so far."""
        wants = self._decoder.wants
        self._decoder = EventDecoder(
            self._dialect,
            max_frame_bytes=self._max_frame_bytes,
            snapshots=self.position.snapshots,
        )
        self._decoder.wants, self._decoder.limit = wants, self._limit
        self._done = None

    def _limit(self, seconds: float) -> None:
        """Pass on that the source is to be read for SECONDS only."""
        if self.limit is not None:
            self.limit(seconds)
