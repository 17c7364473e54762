"""The blocking shell: sources, driving a stream, handlers and their exceptions, ends.

Sources are real: files, pipes, sockets, generators. If the order of events matters, handlers and
sources write into one list.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handlers import EventHandler
from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dispatch import Handler
from stream_core.errors import (
    BadRequestError,
    DecodeError,
    FrameTooLargeError,
    IncompleteStreamError,
    RunFailedError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TransportError,
)
from stream_core.streams.stream import Source, Stream
from tests.support.frames import (
    DONE,
    EventLog,
    Recorder,
    call,
    citation,
    decode,
    message,
    pieces,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
    whole_run,
)
from tests.support.scripted_control import ScriptedControl, output, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWER = whole_run(
    message("created"),
    text_delta("Hel"),
    text_delta("lo\nyou"),
    message("completed", text("Hello\nyou")),
)
#: A stream that has no run.
NO_RUN = sse(("thread.created", {"id": "thread_1"}), DONE)


class Writing:
    """A source that logs what is done with it.

    Args:
        log: The list to write into.
        chunks: The chunks to yield; an exception is raised.
    """

    def __init__(self, log: list[str], *chunks: bytes | BaseException) -> None:
        self.log = log
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            self.log.append("read")
            yield chunk

    def close(self) -> None:
        self.log.append("close")


class Finishing(Writing):
    """A source that can be given back with its connection intact."""

    def finish(self) -> None:
        self.log.append("finish")


class Doing:
    """A handler that acts on events of some classes, and logs all of them.

    Args:
        log: The list for the events' names, each after NAME.
        name: The name of this handler.
        do: Maps the class name of an event to a function to call.
    """

    def __init__(
        self, log: list[str], name: str = "", do: dict[str, Callable[[], object]] | None = None
    ) -> None:
        self.log, self.name, self.do = log, name, do or {}

    def handle(self, event: events.Event, /) -> None:
        name = type(event).__name__
        self.log.append(f"{self.name}{name}")
        if name in self.do:
            self.do[name]()


def raising(error: BaseException) -> Callable[[], object]:
    """Return a function that raises ERROR."""

    def do() -> None:
        raise error

    return do


def drive_next(stream: Stream) -> None:
    """Read a stream with ``next()``."""
    while stream.next():
        pass


def drive_iteration(stream: Stream) -> None:
    """Read a stream by iteration."""
    for _ in stream:
        pass


def drive_until_done(stream: Stream) -> None:
    """Read a stream with ``until_done()``."""
    stream.until_done()


WAYS = pytest.mark.parametrize("drive", [drive_next, drive_iteration, drive_until_done])


# --- Sources ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: [data],
        lambda data: pieces(data, 1),
        lambda data: iter(pieces(data, 7)),
        lambda data: (piece for piece in pieces(data, 50)),
        io.BytesIO,
    ],
    ids=["bytes", "bytearray", "memoryview", "list", "by byte", "iterator", "generator", "BytesIO"],
)
def test_anything_that_gives_bytes_is_a_source(make: Callable[[bytes], Source]) -> None:
    """All of them give the same events."""
    log = EventLog()
    run_ = Stream(make(ANSWER), log).until_done()
    assert run_ is not None
    assert "completed" == run_.status
    assert [*decode(ANSWER).names, "StreamEnd"] == log.names


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_file_opened_for_bytes_is_a_source(tmp_path: Path, buffering: int) -> None:
    """The file replays a recording, and is closed at the end."""
    path = tmp_path / "run.sse"
    path.write_bytes(ANSWER)
    file = path.open("rb", buffering=buffering)
    assert Stream(file).until_done() is not None
    assert file.closed


def test_a_source_is_read_only_as_far_as_needed() -> None:
    """The next chunk is taken only when no event is ready any more."""
    log: list[str] = []
    chunks = [sse(run("created"), run("queued")), sse(run("in_progress"))]
    stream = Stream(Writing(log, *chunks))
    assert [] == log
    expected = [["read"], ["read"], ["read", "read"]]
    actual = []
    for _ in range(3):
        assert stream.next()
        actual.append(log.copy())
    assert expected == actual
    stream.close()


def _read_slowly(reader: Source, write: Callable[[bytes], object]) -> list[str]:
    """Write one frame after another, each only after all events of the one before were read."""
    stream, decoder, names = Stream(reader), EventDecoder(), []
    for frame in [frame + b"\n\n" for frame in ANSWER.split(b"\n\n")[:-1]]:
        write(frame)
        decoder.feed(frame)
        for expected in iter(decoder.next_event, None):
            assert stream.next()
            assert stream.event == expected
            names.append(type(expected).__name__)
    stream.close()
    return names


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_pipe_gives_what_it_has(buffering: int) -> None:
    """An event is there as soon as its bytes are, not only after 64 KiB."""
    read_end, write_end = os.pipe()
    with open(write_end, "wb", buffering=0) as writer:  # noqa: PTH123  # a descriptor
        reader = open(read_end, "rb", buffering=buffering)  # noqa: PTH123, SIM115
        names = _read_slowly(reader, writer.write)
    assert decode(ANSWER).names == names
    assert reader.closed


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_socket_gives_what_it_has(buffering: int) -> None:
    """It does so with ``makefile``, as a pipe does."""
    here, there = socket.socketpair()
    with here, there:
        names = _read_slowly(here.makefile("rb", buffering=buffering), there.sendall)
    assert decode(ANSWER).names == names


def test_what_is_no_source_is_refused_at_once() -> None:
    """The error says what to do."""
    with pytest.raises(TypeError, match=r'open\(.run.sse., "rb"\)'):
        Stream("run.sse")  # type: ignore[arg-type]  # the mistake to be found


def test_an_iterable_of_something_else_is_refused_when_read() -> None:
    """Handlers get their end, and the source is closed."""
    log: list[str] = []
    wrong: Any = "event: done"
    stream = Stream(Writing(log, wrong), Doing(log))
    with pytest.raises(TypeError, match="bytes"):
        stream.next()
    assert ["read", "close", "StreamEnd"] == log
    assert stream.err is None


def test_the_limit_of_a_frame_is_the_decoders() -> None:
    """So is the dialect."""
    stream = Stream(ANSWER, max_frame_bytes=20)
    with pytest.raises(FrameTooLargeError):
        stream.until_done()
    with pytest.raises(ValueError, match="no dialect"):
        Stream(ANSWER, dialect="klingon")


# --- Driving ----------------------------------------------------------------------------


def test_next_reads_one_event_at_a_time() -> None:
    """The event stays until the next call."""
    stream = Stream(ANSWER)
    assert (None, None) == (stream.event, stream.err)
    names = []
    while stream.next():
        assert stream.event is not None
        assert stream.current_event is stream.event
        names.append(type(stream.event).__name__)
    assert decode(ANSWER).names == names
    assert (None, None, None) == (stream.event, stream.current_event, stream.err)
    assert not stream.next()


def test_iteration_gives_every_event() -> None:
    """These are wire events and derived ones; local ones reach only handlers."""
    stream = Stream(ANSWER)
    assert iter(stream) is stream
    assert decode(ANSWER).names == [type(event).__name__ for event in stream]
    assert [] == list(stream)


def test_until_done_returns_the_last_run() -> None:
    """It is as the server sent it, or None if there is none."""
    found = Stream(sse(run("created"), run("completed", model="m"), DONE)).until_done()
    assert found is not None
    assert ("completed", "m") == (found.status, found.model)
    assert Stream(NO_RUN).until_done() is None


def test_until_done_goes_on_where_next_stopped() -> None:
    """Handlers get every event once."""
    log = EventLog()
    stream = Stream(ANSWER, log)
    assert stream.next()
    assert next(stream) is stream.event
    assert stream.until_done() is not None
    assert [*decode(ANSWER).names, "StreamEnd"] == log.names


@pytest.mark.parametrize("status", ["failed", "incomplete", "cancelled", "expired"])
def test_a_run_that_did_not_complete_is_a_normal_ending(status: str) -> None:
    """``raise_for_status`` turns it into an error for callers who want one."""
    stream = Stream(sse(run("created"), run(status), DONE))
    found = stream.until_done()
    assert found is not None
    assert stream.err is None
    with pytest.raises(RunFailedError):
        found.raise_for_status()


@WAYS
def test_handlers_have_everything_however_the_stream_is_driven(
    drive: Callable[[Stream], None],
) -> None:
    """The callbacks are the same, with the same arguments."""
    expected, recorder = Recorder(), Recorder()
    drive_next(Stream(ANSWER, expected))
    drive(Stream(pieces(ANSWER, 3), recorder))
    assert expected.calls == recorder.calls
    assert "on_end" == recorder.names[-1]


def test_a_callback_cannot_read_on() -> None:
    """It can neither with ``next`` nor by iteration; the stream is otherwise unharmed."""
    seen: list[str] = []

    class Reading:
        def handle(self, event: events.Event, /) -> None:
            for read in (stream.next, stream.until_done, lambda: next(stream)):
                with pytest.raises(RuntimeError, match="a callback or tool cannot read"):
                    read()
            seen.append(type(event).__name__)

    stream = Stream(ANSWER, Reading())
    stream.until_done()
    assert [*decode(ANSWER).names, "StreamEnd"] == seen


# --- Handlers ---------------------------------------------------------------------------


def test_every_handler_has_an_event_before_the_next_one() -> None:
    """Handlers get it in the order of registration."""
    log: list[str] = []
    first, second, third = (Doing(log, name) for name in "abc")
    stream = Stream(sse(run("created"), run("completed")), first, second)
    stream.register(third)
    assert (first, second, third) == stream.handlers
    stream.until_done()
    told = ["ThreadRunCreated", "ThreadRunCompleted", "RunDone", "Done", "StreamEnd"]
    assert [f"{who}{name}" for name in told for who in "abc"] == log


def test_a_handler_may_be_registered_mid_stream() -> None:
    """It gets the events from then on."""
    late = EventLog()
    stream = Stream(ANSWER)
    assert stream.next()
    stream.register(late)
    stream.until_done()
    assert [*decode(ANSWER).names[1:], "StreamEnd"] == late.names


def test_a_callback_may_register_a_handler() -> None:
    """That handler gets the next event first."""
    late = EventLog()
    adding = Doing([], do={"MessageTextCreated": lambda: stream.register(late)})
    stream = Stream(ANSWER, adding)
    stream.until_done()
    told = decode(ANSWER).names
    after = told.index("MessageTextCreated") + 1
    assert [*told[after:], "StreamEnd"] == late.names


@WAYS
@pytest.mark.parametrize("annotations", [(), (citation(0),)], ids=["text", "more than text"])
def test_a_late_handler_has_the_next_event_though_nobody_wanted_such(
    drive: Callable[[Stream], None], annotations: tuple[Any, ...]
) -> None:
    """It is derived from the event in whose callback the handler was registered."""
    late = EventLog()

    class Adding(EventHandler):
        count = 0

        def on_message_delta(self, delta: models.MessageDelta, snapshot: models.Message) -> None:
            self.count += 1
            if self.count == 5:  # deltas have been seen by now
                stream.register(late)

    data = whole_run(*(text_delta(letter, *annotations) for letter in "abcdefg"))
    stream = Stream(data, Adding())
    drive(stream)
    told = decode(data).names
    fifth = [at for at, name in enumerate(told) if name == "ThreadMessageDelta"][4]
    assert [*told[fifth + 1 :], "StreamEnd"] == late.names


@pytest.mark.parametrize(
    ("handler", "wrong"),
    [(Recorder, "is a class"), (object(), "is not a handler"), (None, "is not a handler")],
)
def test_what_is_no_handler_is_refused(handler: Any, wrong: str) -> None:
    """It may be a class instead of an instance, or an object without ``handle``."""
    with pytest.raises(TypeError, match=wrong):
        Stream(ANSWER, handler)
    with pytest.raises(TypeError, match=wrong):
        Stream(ANSWER).register(handler)


def test_one_handler_serves_streams_one_after_the_other() -> None:
    """It keeps no reference to a stream."""
    recorder = Recorder()
    for _ in range(2):
        Stream(ANSWER, recorder).until_done()
    half = len(recorder.calls) // 2
    assert recorder.calls[:half] == recorder.calls[half:]


def test_a_callback_may_read_another_stream() -> None:
    """What is current inside callbacks is right in both streams, before, during and after."""
    seen: list[tuple[str, str]] = []

    class Nesting(EventHandler):
        def on_run_created(self, run: models.Run) -> None:
            self.see("before")
            if run.id == "outer":
                inner = sse(globals_run("created", "inner"), globals_run("completed", "inner"))
                Stream(inner, self).until_done()
            self.see("after")

        def on_run_done(self, run: models.Run) -> None:
            self.see("done")

        def see(self, when: str) -> None:
            assert self.current_run is not None
            assert self.current_event is not None
            seen.append((when, f"{self.current_run.id} {self.current_event.event}"))

    globals_run = run
    outer = sse(run("created", "outer"), run("completed", "outer"))
    handler = Nesting()
    Stream(outer, handler).until_done()
    assert [
        ("before", "outer thread.run.created"),
        ("before", "inner thread.run.created"),
        ("after", "inner thread.run.created"),
        ("done", "inner run.done"),
        ("after", "outer thread.run.created"),
        ("done", "outer run.done"),
    ] == seen
    assert (None, None) == (handler.current_run, handler.current_event)


def test_what_is_current_is_what_was_heard_of_last() -> None:
    """This is so on the stream and inside callbacks, even if there is nothing yet."""
    stream = Stream(sse(run("created"), message("created"), step("created")))
    assert (None, None, None) == (
        stream.current_run,
        stream.current_message_snapshot,
        stream.current_run_step_snapshot,
    )
    for _ in range(3):
        assert stream.next()
    assert ("run_1", "msg_1", "step_1") == (
        stream.current_run.id if stream.current_run else None,
        stream.current_message_snapshot.id if stream.current_message_snapshot else None,
        stream.current_run_step_snapshot.id if stream.current_run_step_snapshot else None,
    )
    stream.close()


def test_local_events_are_current_in_their_callbacks() -> None:
    """This includes failure and end; ``event`` stays what iteration returned."""
    seen: list[tuple[str | None, ...]] = []

    class Looking:
        def handle(self, event: events.Event, /) -> None:
            current = [stream.current_event, stream.event]
            seen.append(tuple(None if x is None else x.event for x in current))

    stream = Stream(Writing([], sse(run("created")), StreamTimeoutError("silence")), Looking())
    drive_next(stream)
    assert [
        ("thread.run.created", "thread.run.created"),
        ("stream.timeout", None),
        ("stream.exception", None),
        ("stream.end", None),
    ] == seen
    assert stream.current_event is None


# --- Exceptions of handlers -------------------------------------------------------------


@WAYS
def test_a_handlers_exception_ends_the_stream(drive: Callable[[Stream], None]) -> None:
    """Others get the event and the end; it propagates unchanged, and is not a stream failure."""
    log: list[str] = []
    bug = ZeroDivisionError("mine")
    handlers = (
        Doing(log, "a", {"ThreadRunCreated": raising(bug)}),
        Doing(log, "b"),
    )
    stream = Stream(Writing(log, ANSWER), *handlers)
    with pytest.raises(ZeroDivisionError) as caught:
        drive(stream)
    assert caught.value is bug
    assert ["raised by Doing.handle for event thread.run.created"] == bug.__notes__
    expected = ["read", "aThreadRunCreated", "bThreadRunCreated", "close"]
    assert [*expected, "aStreamEnd", "bStreamEnd"] == log
    assert stream.err is None
    assert not stream.next()
    assert len(expected) + 2 == len(log)


def test_two_handlers_exceptions_leave_as_a_group() -> None:
    """Neither is swallowed."""
    bugs = [ZeroDivisionError("one"), KeyError("two")]
    handlers = [Doing([], do={"ThreadRunCreated": raising(bug)}) for bug in bugs]
    with pytest.raises(ExceptionGroup) as caught:
        Stream(ANSWER, *handlers).until_done()
    assert bugs == list(caught.value.exceptions)


def test_an_exception_at_the_end_joins_the_one_before_it() -> None:
    """There is one group, however many exceptions there were."""
    bugs = [ZeroDivisionError("one"), KeyError("two")]
    late = ValueError("late")
    for count in (1, 2):
        handlers: list[Handler] = [
            Doing([], do={"ThreadRunCreated": raising(bug)}) for bug in bugs[:count]
        ]
        handlers.append(Doing([], do={"StreamEnd": raising(late)}))
        with pytest.raises(ExceptionGroup) as caught:
            Stream(ANSWER, *handlers).until_done()
        assert [*bugs[:count], late] == list(caught.value.exceptions)


@WAYS
def test_an_exception_at_the_end_leaves_by_itself(drive: Callable[[Stream], None]) -> None:
    """It is raised once, after a stream without a failure."""
    late = ValueError("late")
    stream = Stream(ANSWER, Doing([], do={"StreamEnd": raising(late)}))
    with pytest.raises(ValueError, match="late") as caught:
        drive(stream)
    assert caught.value is late
    drive(stream)


def test_a_stream_error_of_a_handler_is_a_handlers_exception() -> None:
    """``run.raise_for_status()`` in a callback is not a failure of the stream."""
    error = RunFailedError(models.Run("run_1"))
    stream = Stream(ANSWER, Doing([], do={"RunDone": raising(error)}))
    with pytest.raises(RunFailedError):
        drive_next(stream)
    assert stream.err is None


@WAYS
def test_ctrl_c_in_a_callback_leaves_at_once(drive: Callable[[Stream], None]) -> None:
    """The stream is closed and over; the other handlers get the end, but not the event."""
    log: list[str] = []
    interrupt = KeyboardInterrupt()
    handlers = (Doing(log, "a", {"ThreadRunCreated": raising(interrupt)}), Doing(log, "b"))
    stream = Stream(Writing(log, ANSWER), *handlers)
    with pytest.raises(KeyboardInterrupt):
        drive(stream)
    assert ["read", "aThreadRunCreated", "close", "aStreamEnd", "bStreamEnd"] == log
    assert not stream.next()


@WAYS
def test_ctrl_c_while_reading_leaves_at_once(drive: Callable[[Stream], None]) -> None:
    """Handlers get the end."""
    log: list[str] = []
    source = Writing(log, sse(run("created")), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        drive(Stream(source, Doing(log)))
    assert ["read", "ThreadRunCreated", "close", "StreamEnd"] == log


def test_an_exception_at_the_end_after_ctrl_c_is_noted() -> None:
    """The exception that propagates is the interrupt."""
    handler = Doing(
        [], do={"ThreadRunCreated": raising(KeyboardInterrupt()), "StreamEnd": raising(KeyError(1))}
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        Stream(ANSWER, handler).until_done()
    assert "on_end failed too: KeyError(1)" in caught.value.__notes__


@WAYS
@pytest.mark.parametrize("name", ["StreamException", "StreamEnd"])
def test_an_exception_while_the_failure_is_on_its_way_has_it_as_context(
    drive: Callable[[Stream], None], name: str
) -> None:
    """The failure stays in ``err``, and handlers get the end once."""
    log: list[str] = []
    late = KeyError(1)
    stream = Stream(b"", Doing(log, do={name: raising(late)}))
    with pytest.raises(KeyError) as caught:
        drive(stream)
    assert late is caught.value
    assert isinstance(stream.err, IncompleteStreamError)
    assert stream.err is late.__context__
    assert ["StreamException", "StreamEnd"] == log


def test_exceptions_of_their_own_context_keep_it() -> None:
    """The failure comes after it; and an exception that is the failure has no context."""
    inner = ValueError("inner")

    class Ending(EventHandler):
        def on_end(self) -> None:
            try:
                raise inner
            except ValueError:
                raise KeyError(1) from None

    stream = Stream(b"", Ending(), Doing([], do={"StreamEnd": raising(LookupError("mine"))}))
    with pytest.raises(ExceptionGroup) as caught:
        stream.until_done()
    assert stream.err is caught.value.__context__
    stream = Stream(b"", Ending())
    with pytest.raises(KeyError) as single:
        stream.until_done()
    assert (inner, stream.err) == (single.value.__context__, inner.__context__)

    class Again(EventHandler):
        def on_exception(self, exception: Exception) -> None:
            raise exception

    stream = Stream(b"", Again())
    with pytest.raises(IncompleteStreamError) as same:
        stream.until_done()
    assert (stream.err, None) == (same.value, same.value.__context__)


READINGS: dict[str, Callable[[Stream], object]] = {
    "next": drive_next,
    "for": drive_iteration,
    "until_done": drive_until_done,
    "text_deltas": lambda stream: list(stream.text_deltas),
    "text": lambda stream: stream.text.read(),
    "final": lambda stream: stream.get_final_messages(),
}


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, GeneratorExit])
@pytest.mark.parametrize("read", READINGS)
@pytest.mark.parametrize("name", ["ThreadMessageCreated", "StreamEnd"])
def test_what_would_end_an_iteration_leaves_as_an_error(
    name: str, read: str, kind: type[BaseException]
) -> None:
    """Otherwise a loop would end as if the stream were over."""
    log: list[str] = []
    error = kind()
    stream = Stream([ANSWER], Doing(log, do={name: raising(error)}))
    with pytest.raises(RuntimeError, match=f"a callback raised {kind.__name__}") as caught:
        READINGS[read](stream)
    assert error is caught.value.__cause__
    (note,) = caught.value.__notes__
    assert note.startswith("raised by Doing.handle for event ")
    assert ("StreamEnd", 1) == (log[-1], log.count("StreamEnd"))


@WAYS
@pytest.mark.parametrize(
    ("chunk", "wrong"),
    [
        (None, "gave NoneType, not bytes: .*blocking"),
        ("event: done", r"gave str, not bytes: encode it as UTF-8.*iter_bytes\(\)"),
        ({}, "gave dict, not bytes: pass the bytes as the server sent them"),
    ],
)
def test_a_chunk_that_is_not_bytes_is_an_error(
    chunk: Any, wrong: str, drive: Callable[[Stream], None]
) -> None:
    """None is not the end; what came before is delivered, and tees do not get the chunk."""
    log, copy = EventLog(), io.BytesIO()
    before = sse(run("created"))
    stream = Stream([before, chunk], log).tee(copy)
    with pytest.raises(TypeError, match=wrong):
        drive(stream)
    assert (["ThreadRunCreated", "StreamEnd"], None) == (log.names, stream.err)
    assert before == copy.getvalue()


def test_chunks_may_be_of_any_kind_of_bytes() -> None:
    """They may change afterwards, as a buffer does that is used again."""
    log, copy = EventLog(), io.BytesIO()
    kinds = itertools.cycle([bytes, bytearray, memoryview])
    chunks: Any = [kind(piece) for kind, piece in zip(kinds, pieces(ANSWER, 50), strict=False)]
    Stream(chunks, log).tee(copy).until_done()
    assert [*decode(ANSWER).names, "StreamEnd"] == log.names
    assert ANSWER == copy.getvalue()


# --- When the stream fails --------------------------------------------------------------


FAILURES = {
    "truncated": (sse(run("created")), IncompleteStreamError, ["ThreadRunCreated"]),
    "nothing": (b"", IncompleteStreamError, []),
    "bad frame": (sse(run("created"), ("done", "bye")), DecodeError, ["ThreadRunCreated"]),
    "error": (
        sse(run("created"), ("error", {"message": "no"})),
        ServerError,
        ["ThreadRunCreated", "ErrorEvent"],
    ),
}
FAILING = pytest.mark.parametrize(("data", "kind", "names"), FAILURES.values(), ids=FAILURES)


@FAILING
def test_next_stores_the_failure(data: bytes, kind: type[StreamError], names: list[str]) -> None:
    """It returns False; events before it were delivered, then on_exception, then on_end."""
    log = EventLog()
    stream = Stream(data, log)
    drive_next(stream)
    assert isinstance(stream.err, kind)
    assert [*names, "StreamException", "StreamEnd"] == log.names
    (failed,) = [x for x in log.events if isinstance(x, events.StreamException)]
    assert failed.exception is stream.err
    assert (False, None) == (stream.next(), stream.event)


@FAILING
def test_iteration_raises_the_failure(
    data: bytes, kind: type[StreamError], names: list[str]
) -> None:
    """It comes after the events before it, and again at every further call."""
    stream, seen = Stream(data), []

    def read() -> None:
        for event in stream:
            seen.append(type(event).__name__)  # noqa: PERF401  # it raises, with a part read

    with pytest.raises(kind) as caught:
        read()
    assert names == seen
    assert caught.value is stream.err
    with pytest.raises(kind):
        next(stream)


@FAILING
def test_until_done_raises_the_failure(
    data: bytes, kind: type[StreamError], names: list[str]
) -> None:
    """It comes after all events; methods that build on it raise it too."""
    log = EventLog()
    stream = Stream(data, log)
    for _ in range(2):
        with pytest.raises(kind):
            stream.until_done()
    assert [*names, "StreamException", "StreamEnd"] == log.names
    for ask in ("get_final_run", "get_final_messages", "get_final_run_steps"):
        with pytest.raises(kind):
            getattr(Stream(data), ask)()


def test_silence_is_told_as_a_timeout_first() -> None:
    """The order is on_timeout, on_exception, on_end."""
    log: list[str] = []
    error = StreamTimeoutError("no bytes for 5 s", timeout=5)
    stream = Stream(Writing(log, sse(run("created")), error), Doing(log))
    drive_next(stream)
    expected = ["StreamTimeout", "StreamException", "close", "StreamEnd"]
    assert ["read", "ThreadRunCreated", *expected] == log
    assert stream.err is error


def test_other_transport_errors_are_no_timeout() -> None:
    """Any StreamError that the source raises is the stream's failure."""
    log: list[str] = []
    stream = Stream(Writing(log, TransportError("reset")), Doing(log))
    with pytest.raises(TransportError, match="reset"):
        stream.until_done()
    assert ["StreamException", "close", "StreamEnd"] == log


def test_an_error_of_a_file_is_a_transport_error() -> None:
    """It keeps its cause."""
    cause = ConnectionResetError("peer went away")
    stream = Stream(Writing([], sse(run("created")), cause))
    with pytest.raises(TransportError, match="peer went away") as caught:
        stream.until_done()
    assert caught.value.__cause__ is cause


def test_a_bug_of_the_source_is_not_the_streams_failure() -> None:
    """It propagates unchanged; handlers get the end."""
    log: list[str] = []
    stream = Stream(Writing(log, ZeroDivisionError()), Doing(log))
    with pytest.raises(ZeroDivisionError):
        stream.next()
    assert ["close", "StreamEnd"] == log
    assert stream.err is None


def test_a_callback_that_closes_at_a_failure_changes_nothing() -> None:
    """on_exception still comes after on_timeout."""
    log: list[str] = []
    closing = Doing(log, do={"StreamTimeout": lambda: stream.close()})  # noqa: PLW0108  # not made yet
    stream = Stream(Writing([], StreamTimeoutError("silence")), closing)
    assert not stream.next()
    assert ["StreamTimeout", "StreamException", "StreamEnd"] == log


# --- Ending -----------------------------------------------------------------------------


def test_close_before_reading_reads_nothing() -> None:
    """Handlers get the end."""
    log: list[str] = []
    stream = Stream(Writing(log, ANSWER), Doing(log))
    stream.close()
    stream.close()
    assert ["close", "StreamEnd"] == log
    assert (False, None, None) == (stream.next(), stream.event, stream.err)


def test_close_mid_stream_is_no_failure() -> None:
    """``until_done`` returns the run as last seen, and iteration ends."""
    log: list[str] = []
    with Stream(Writing(log, *pieces(ANSWER, 100)), Doing(log)) as stream:
        assert next(stream) is stream.event
    assert ["close", "StreamEnd"] == log[-2:]
    assert [] == list(stream)
    found = stream.until_done()
    assert found is not None
    assert "queued" == found.status
    assert (None, 1) == (stream.err, log.count("StreamEnd"))


def test_a_callback_may_close_the_stream() -> None:
    """Every handler still gets the event; only the end comes after it."""
    log: list[str] = []
    closing = Doing(log, "a", {"MessageTextCreated": lambda: stream.close()})  # noqa: PLW0108  # not made yet
    stream = Stream(Writing(log, ANSWER), closing, Doing(log, "b"))
    stream.until_done()
    expected = ["aMessageTextCreated", "bMessageTextCreated", "close", "aStreamEnd", "bStreamEnd"]
    assert expected == log[-5:]


@pytest.mark.parametrize("way", ["close", "abort"])
def test_after_a_callback_has_ended_it_a_stream_has_no_event(way: str) -> None:
    """After ``until_done`` it is None; after ``next`` and in iteration it is the last one."""

    class Ending(EventHandler):
        def on_run_created(self, run: models.Run) -> None:
            getattr(stream, way)()

    stream = Stream(ANSWER, Ending())
    assert stream.until_done() is not None
    assert (None, None, False) == (stream.event, stream.current_event, stream.next())
    stream = Stream(ANSWER, Ending())
    assert stream.next()
    assert "thread.run.created" == getattr(stream.event, "event", None)
    assert (False, None) == (stream.next(), stream.event)
    stream = Stream(ANSWER, Ending())
    assert ["ThreadRunCreated"] == [type(event).__name__ for event in stream]


def test_a_callback_of_the_end_may_close_the_stream() -> None:
    """It is over anyway."""
    log: list[str] = []
    ends = Doing(log, do={"StreamEnd": lambda: stream.close()})  # noqa: PLW0108  # not made yet
    stream = Stream(NO_RUN, ends)
    stream.until_done()
    assert ["ThreadCreated", "Done", "StreamEnd"] == log


def test_a_with_block_closes_whatever_happened() -> None:
    """This is so even if the block raises; its exception propagates."""
    log: list[str] = []
    with pytest.raises(ZeroDivisionError), Stream(Writing(log, ANSWER), Doing(log)):
        raise ZeroDivisionError
    assert ["close", "StreamEnd"] == log


def test_a_generator_is_closed() -> None:
    """Its cleanup runs before on_end."""
    log: list[str] = []

    def generate() -> Iterator[bytes]:
        try:
            yield sse(run("created"))
            yield sse(run("completed"))
        finally:
            log.append("cleaned")

    stream = Stream(generate(), Doing(log))
    stream.next()
    stream.close()
    assert ["ThreadRunCreated", "cleaned", "StreamEnd"] == log


def test_a_source_read_to_done_is_given_back_in_good_order() -> None:
    """``finish`` may drain it and keep the connection; without done it is closed."""
    for data, expected in (
        (ANSWER, "finish"),
        (sse(run("created"), run("completed")), "finish"),
        (sse(run("created")), "close"),
        (sse(run("created"), ("error", {"message": "no"})), "close"),
    ):
        log: list[str] = []
        drive_next(Stream(Finishing(log, data)))
        assert ["read", expected] == log


def test_a_source_that_was_not_read_to_done_is_closed() -> None:
    """Any number of bytes may be left."""
    log: list[str] = []
    stream = Stream(Finishing(log, *pieces(ANSWER, 200)))
    assert stream.next()
    stream.close()
    assert "close" == log[-1]
    assert "finish" not in log


class _CannotClose(Writing):
    """A source that fails to close."""

    def close(self) -> None:
        raise OSError("cannot close")


def test_a_source_that_cannot_be_closed_does_not_hide_the_end() -> None:
    """Handlers get on_end first; then the exception propagates, once."""
    log: list[str] = []
    stream = Stream(_CannotClose(log, NO_RUN), Doing(log))
    with pytest.raises(OSError, match="cannot close"):
        stream.until_done()
    assert ["read", "ThreadCreated", "Done", "StreamEnd"] == log
    assert stream.until_done() is None


def test_a_failure_matters_more_than_that_closing_failed_too() -> None:
    """That is noted on the failure; a handler's exception stays the same one, too."""
    stream = Stream(_CannotClose([], sse(run("created"))))
    with pytest.raises(IncompleteStreamError) as caught:
        stream.until_done()
    assert ["closing the source failed too: OSError('cannot close')"] == caught.value.__notes__
    bug = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        Stream(_CannotClose([], ANSWER), Doing([], do={"RunDone": raising(bug)})).until_done()
    assert "closing the source failed too: OSError('cannot close')" in bug.__notes__


def test_a_stream_may_be_closed_while_its_source_waits() -> None:
    """Another thread closes it, if the source allows: reading ends without hanging."""
    here, there = socket.socketpair()
    log = EventLog()
    with there:
        stream = Stream(here.makefile("rb"), log)
        there.sendall(sse(run("created")))
        assert stream.next()
        closing = threading.Timer(0.05, here.shutdown, [socket.SHUT_RDWR])
        closing.start()
        with suppress(StreamError):
            stream.until_done()
        closing.join()
    here.close()
    assert "StreamEnd" == log.names[-1]


@pytest.mark.parametrize("way", ["close", "abort"])
def test_a_stream_that_nobody_reads_ends_at_once(way: str) -> None:
    """The source is closed and handlers get the end in this thread; nobody has to be woken."""
    log: list[str] = []

    class Waking(Writing):
        def abort(self) -> None:
            self.log.append("abort")

    stream = Stream(Waking(log, ANSWER), Doing(log))
    for _ in range(2):
        getattr(stream, way)()
        assert ["close", "StreamEnd"] == log
    assert not stream.next()
    assert (["close", "StreamEnd"], None) == (log, stream.err)


def test_an_abort_while_the_source_is_read_is_passed_on_to_it() -> None:
    """The source can be woken; then the reader ends the stream."""
    log: list[str] = []

    class Waking(Writing):
        def __iter__(self) -> Iterator[bytes]:
            stream.abort()  # as from another thread
            yield ANSWER

        def abort(self) -> None:
            self.log.append("abort")

    stream = Stream(Waking(log, ANSWER), Doing(log))
    assert not stream.next()
    assert (["abort", "close", "StreamEnd"], None) == (log, stream.err)


@WAYS
def test_an_abort_between_two_events_drops_those_that_are_there(
    drive: Callable[[Stream], None],
) -> None:
    """This is so however reading goes on."""
    log = EventLog()
    stream = Stream(ANSWER, log)
    assert stream.next()
    stream.abort()
    drive(stream)
    assert ["ThreadRunCreated", "StreamEnd"] == log.names
    assert (None, None) == (stream.err, stream.event)


def test_an_abort_in_a_callback_is_a_close() -> None:
    """Every handler gets the event, and it is the last."""
    log: list[str] = []
    aborting = Doing(log, "a", {"ThreadRunCreated": lambda: stream.abort()})  # noqa: PLW0108  # not made yet
    stream = Stream(ANSWER, aborting, Doing(log, "b"))
    stream.until_done()
    assert ["aThreadRunCreated", "bThreadRunCreated", "aStreamEnd", "bStreamEnd"] == log


# --- Cancelling, with a scripted control --------------------------------------------------


CANCELLED = sse(run("cancelling"), run("cancelled"), DONE)


@WAYS
def test_a_stream_goes_on_with_its_run(drive: Callable[[Stream], None]) -> None:
    """To handlers, a tool round and a lost connection are one stream."""
    log, control = EventLog(), ScriptedControl([[output(), sse(run("completed"), DONE)]])
    drive(Stream(sse(run("created"), waits(), DONE), log, control=control))
    assert [
        *("ThreadRunCreated", "ThreadRunRequiresAction", "ToolOutput"),
        *("ThreadRunCompleted", "RunDone", "Done", "StreamEnd"),
    ] == log.names


def test_a_tool_cannot_read_the_stream() -> None:
    """It would wait for itself."""
    seen: list[events.Event | None] = []

    def read() -> None:
        with pytest.raises(RuntimeError, match="a callback or tool cannot read"):
            stream.next()
        seen.append(stream.event)

    control = ScriptedControl([[read, sse(run("completed"), DONE)]])
    stream = Stream(sse(run("created"), waits()), control=control)
    assert "completed" == stream.get_final_run().status
    assert [None] == seen


def test_cancel_reads_to_the_end_of_the_cancelled_run() -> None:
    """The server is asked once, and its answer is delivered."""
    log, control = EventLog(), ScriptedControl()
    stream = Stream([sse(run("created")), CANCELLED], log, control=control)
    assert stream.next()
    cancelled = stream.cancel()
    assert cancelled is not None
    assert "cancelled" == cancelled.status
    assert ["RunDone", "Done", "StreamEnd"] == log.names[-3:]
    assert cancelled is stream.cancel()
    assert ["find", "cancel run_1", "find"] == control.asked


def test_cancel_reads_until_there_is_a_run() -> None:
    """If there never is one, nothing is cancelled."""
    control = ScriptedControl()
    stream = Stream([sse(message("created"), run("created")), CANCELLED], control=control)
    assert stream.cancel() is stream.current_run
    assert ["find", "cancel run_1"] == control.asked
    control = ScriptedControl()
    assert Stream(NO_RUN, control=control).cancel() is None
    assert ["find"] == control.asked


def test_cancel_closes_where_that_is_all_that_can_be_done() -> None:
    """This is so for a run that lasts only as long as its connection."""
    log: list[str] = []
    stream = Stream(Writing(log, ANSWER), control=ScriptedControl(cancels=False))
    assert stream.next()
    left = stream.cancel()
    assert left is not None
    assert ("queued", ["read", "close"]) == (left.status, log)
    assert not stream.next()


def test_cancel_in_a_callback_gives_the_run_as_it_is() -> None:
    """The stream goes on to its end; nothing more is submitted."""
    seen = []
    cancelling = Doing([], do={"ThreadRunRequiresAction": lambda: seen.append(stream.cancel())})
    control = ScriptedControl([[output(), CANCELLED]])
    stream = Stream(sse(run("created"), waits(), DONE), cancelling, control=control)
    stream.until_done()
    assert [stream.current_run] == seen
    assert "Done" in cancelling.log
    assert ["find", "cancel run_1"] == control.asked


@pytest.mark.parametrize("recovers", [True, False])
def test_after_a_cancel_silence_is_asked_about_soon(*, recovers: bool) -> None:
    """This is so if the source allows it and the control recovers at all."""
    limits = []

    class Patient(Writing):
        def limit_silence(self, seconds: float) -> None:
            limits.append(seconds)

    source = Patient([], sse(run("created")), CANCELLED)
    stream = Stream(source, control=ScriptedControl(recovers=recovers))
    assert stream.next()
    stream.cancel()
    assert [0.2] * recovers == limits


def test_a_cancel_that_is_refused_leaves_the_stream_as_it_is() -> None:
    """Reading can go on."""
    stream = Stream(ANSWER, control=ScriptedControl(cancels=BadRequestError("no", status_code=400)))
    assert stream.next()
    with pytest.raises(BadRequestError):
        stream.cancel()
    assert "completed" == stream.get_final_run().status


def test_a_stream_without_a_control_cannot_be_cancelled() -> None:
    """The error says what can be done."""
    with pytest.raises(RuntimeError, match=r"only a stream made by a Client .* use close\(\)"):
        Stream(ANSWER).cancel()


INTERRUPTED = Doing([], do={"ThreadRunCreated": raising(KeyboardInterrupt())})


@pytest.mark.parametrize(
    ("control", "asked"),
    [
        (ScriptedControl(), ["find", "cancel run_1"]),
        (ScriptedControl(found=models.Run("run_2")), ["find", "cancel run_2"]),
        (None, []),
    ],
    ids=["its own run", "another", "no control"],
)
def test_ctrl_c_cancels_the_run_where_that_was_chosen(
    control: ScriptedControl | None, asked: list[str]
) -> None:
    """There has to be a server to ask."""
    stream = Stream(ANSWER, INTERRUPTED, control=control, cancel_on_interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        stream.until_done()
    assert asked == ([] if control is None else control.asked)


@pytest.mark.parametrize(
    ("data", "handler", "chosen", "asked"),
    [
        (ANSWER, INTERRUPTED, False, []),
        (ANSWER, Doing([], do={"RunDone": raising(KeyboardInterrupt())}), True, []),
        (ANSWER, Doing([], do={"ThreadRunCreated": raising(ValueError())}), True, []),
        (NO_RUN, Doing([], do={"Done": raising(KeyboardInterrupt())}), True, ["find"]),
    ],
    ids=["not chosen", "ended", "no Ctrl-C", "no run"],
)
def test_otherwise_nothing_is_cancelled(
    data: bytes, handler: Doing, asked: list[str], *, chosen: bool
) -> None:
    """This is so if it was not chosen, if there was no Ctrl-C, or if no run is active."""
    control = ScriptedControl()
    with pytest.raises((KeyboardInterrupt, ValueError)):
        Stream(
            data, handler, dialect="assistants", control=control, cancel_on_interrupt=chosen
        ).until_done()
    assert asked == control.asked


def test_a_cancel_that_fails_at_ctrl_c_is_a_note() -> None:
    """KeyboardInterrupt is more urgent; the source is closed and handlers get the end."""
    log: list[str] = []
    interrupt = KeyboardInterrupt()
    handler = Doing(log, do={"ThreadRunCreated": raising(interrupt)})
    control = ScriptedControl(cancels=TransportError("gone"))
    stream = Stream(Writing(log, ANSWER), handler, control=control, cancel_on_interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        stream.until_done()
    assert ["cancelling the run failed too: gone"] == interrupt.__notes__
    assert ["read", "ThreadRunCreated", "close", "StreamEnd"] == log
    assert None is stream.err


# --- Text, tee, unwrappers --------------------------------------------------------------


def test_text_deltas_are_the_text_as_it_comes() -> None:
    """They are the nonempty pieces of all messages."""
    data = whole_run(
        text_delta("Hel"),
        text_delta(""),
        text_delta(None, {"type": "file_path", "index": 0}),
        text_delta("lo", message_id="msg_2"),
    )
    stream = Stream(data)
    assert ["Hel", "lo"] == list(stream.text_deltas)
    assert [] == list(stream.text_deltas)


def test_text_is_a_file_of_what_is_said() -> None:
    """It is the same object at every access until it is closed."""
    stream = Stream(ANSWER)
    reader = stream.text
    assert stream.text is reader
    assert "Hello\n" == reader.readline()
    assert "y" == stream.text.read(1)
    assert ["ou"] == list(reader)
    reader.close()
    assert stream.text is not reader
    assert "" == stream.text.read()


def test_text_raises_the_failure() -> None:
    """It comes after the text before it, which is not lost."""
    stream = Stream(sse(run("created"), text_delta("Hel"), ("error", {"message": "no"})))
    assert "Hel" == stream.text.read(100)
    with pytest.raises(ServerError):
        stream.text.read(100)
    assert "" == stream.text.read()
    deltas = Stream(sse(text_delta("a"))).text_deltas
    with pytest.raises(IncompleteStreamError):
        list(deltas)
    assert [] == list(deltas)


def test_the_text_before_a_failure_is_not_lost() -> None:
    """Whoever reads on after the failure gets it, with the same reader or another one."""
    for keep in (True, False):
        stream = Stream(sse(run("created"), text_delta("Hel")))
        reader = stream.text if keep else None
        with pytest.raises(IncompleteStreamError):
            stream.text.read()
        assert "Hel" == stream.text.read()
        assert (stream.text is reader) == keep


def test_reading_text_tells_the_handlers() -> None:
    """It reads the stream like any other method."""
    log = EventLog()
    Stream(ANSWER, log).text.read()
    assert [*decode(ANSWER).names, "StreamEnd"] == log.names


def test_tee_writes_every_byte_that_was_read() -> None:
    """They are written before they are decoded, whatever they mean: a bad frame is in the file."""
    bad = sse(run("created"), ("done", "bye"), run("completed")) + b": bye\n\n"
    for data in (ANSWER, bad, b"\xff\x00 nonsense"):
        copies = [io.BytesIO(), io.BytesIO()]
        stream = Stream([data])
        assert stream.tee(copies[0]).tee(copies[1]) is stream
        drive_next(stream)
        assert [data, data] == [copy.getvalue() for copy in copies]
        assert not copies[0].closed


def test_tee_opens_a_path_and_closes_it_at_the_end(tmp_path: Path) -> None:
    """A recording that was there is replaced; ``on_end`` can read the new one."""
    path = tmp_path / "run.sse"
    for target in (path, str(path)):
        path.write_bytes(b"old")
        seen: list[bytes] = []
        ends = Doing([], do={"StreamEnd": lambda: seen.append(path.read_bytes())})  # noqa: B023  # runs here
        Stream([ANSWER], ends).tee(target).until_done()
        assert [ANSWER] == seen


def test_tee_closes_a_path_if_nothing_is_read(tmp_path: Path) -> None:
    """So it is if the stream is closed, or dropped."""
    log = EventLog()
    Stream(ANSWER, log).tee(tmp_path / "a.sse").close()
    stream = Stream(ANSWER, log).tee(tmp_path / "b.sse")
    with pytest.warns(ResourceWarning, match="dropped before its end"):
        del stream
    assert ["StreamEnd", "StreamEnd"] == log.names
    with pytest.raises(FileNotFoundError):
        Stream(ANSWER).tee(tmp_path / "no folder" / "c.sse")


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda path: path.open("w"), r'is open in text mode: open it with "wb", pass its path'),
        (lambda _: io.StringIO(), "is open in text mode"),
        (lambda path: path.open("rb"), r'is open for reading: open it with "wb"'),
        (lambda _: 5, "tee\\(\\) takes a file opened for writing bytes, or its path, not 5"),
        (lambda _: None, "takes a file opened for writing bytes, or its path, not None"),
    ],
    ids=["text file", "StringIO", "for reading", "number", "None"],
)
def test_tee_refuses_what_it_cannot_write_to(
    make: Callable[[Path], Any], wrong: str, tmp_path: Path
) -> None:
    """It does so at once, and not when the first bytes have come."""
    path = tmp_path / "x"
    path.touch()
    with contextlib.ExitStack() as stack:
        target = make(path)
        if hasattr(target, "close"):
            stack.enter_context(target)
        with pytest.raises(TypeError, match=wrong):
            Stream(ANSWER).tee(target)


def test_tee_comes_before_the_end(tmp_path: Path) -> None:
    """Afterwards there is nothing to write, and a recording would be lost."""
    stream = Stream(ANSWER)
    stream.until_done()
    with pytest.raises(RuntimeError, match="call tee\\(\\) before it is read"):
        stream.tee(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_tee_has_a_chunk_before_handlers_have_its_events() -> None:
    """So a recording always contains what a handler saw."""
    copy, seen = io.BytesIO(), []

    class Looking:
        def handle(self, event: events.Event, /) -> None:
            seen.append(b"thread.run.created" in copy.getvalue())

    with Stream([sse(run("created"))], Looking()).tee(copy) as stream:
        stream.next()
    assert [True, True] == seen


def test_what_a_tee_raises_is_no_failure_of_the_stream() -> None:
    """A full disk is the user's concern; handlers get the end."""

    class Full(io.BytesIO):
        def write(self, _data: Any, /) -> int:
            raise OSError("no space left")

    log = EventLog()
    stream = Stream([ANSWER], log).tee(Full())
    with pytest.raises(OSError, match="no space"):
        stream.next()
    assert (["StreamEnd"], None) == (log.names, stream.err)


def test_unwrappers_speak_of_the_current_event() -> None:
    """Each is None if the event is of another kind; all are before the first and after the last."""
    call_ = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [call_]},
    }
    data = sse(
        run("created"),
        step("created"),
        step_delta(call(0, id="call_1", name="f", arguments="{}")),
        message("created"),
        text_delta("Hello"),
        run("requires_action", required_action=action),
        ("error", {"message": "no"}),
    )
    names = ["message_delta_text", "run", "run_step", "message"]
    names += ["tool_calls", "required_tool_calls", "error"]
    stream = Stream(data)
    assert {None} == {getattr(stream, name)() for name in names}
    said: dict[str, dict[str, Any]] = {}
    while stream.next():
        assert stream.event is not None
        found = {name: getattr(stream, name)() for name in names}
        said[stream.event.event] = {key: x for key, x in found.items() if x is not None}
    assert {None} == {getattr(stream, name)() for name in names}
    assert ["run"] == list(said["thread.run.created"])
    assert ["run_step"] == list(said["thread.run.step.created"])
    assert ["run_step", "tool_calls"] == list(said["thread.run.step.delta"])
    assert ["message"] == list(said["thread.message.created"])
    assert ["message_delta_text", "message"] == list(said["thread.message.delta"])
    assert "Hello" == said["thread.message.delta"]["message_delta_text"]
    assert ["run", "required_tool_calls"] == list(said["thread.run.requires_action"])
    assert "call_1" == said["thread.run.requires_action"]["required_tool_calls"][0].id
    assert ["error"] == list(said["error"])
    assert {} == said["message.text.created"]


def test_final_objects_are_there_after_reading_to_the_end() -> None:
    """They are in the order in which they appeared."""
    data = whole_run(
        step("created"),
        step("completed"),
        message("created", message_id="msg_2"),
        message("created", message_id="msg_1"),
        message("completed", text("a"), message_id="msg_1"),
    )
    assert "completed" == Stream(data).get_final_run().status
    assert ["msg_2", "msg_1"] == [x.id for x in Stream(data).get_final_messages()]
    assert ["step_1"] == [x.id for x in Stream(data).get_final_run_steps()]


def test_a_final_run_that_is_not_there_is_misuse() -> None:
    """The error names the method that may return None."""
    with pytest.raises(RuntimeError, match="until_done"):
        Stream(NO_RUN).get_final_run()


def test_facts_of_the_answer_come_from_the_source() -> None:
    """They are None if there is no HTTP answer."""

    class Answer(Writing):
        def __init__(self) -> None:
            super().__init__([], ANSWER)
            self.response, self.request_id = {"status": 200}, "req_1"

    stream = Stream(Answer())
    assert ({"status": 200}, "req_1") == (stream.response, stream.request_id)
    stream.close()
    assert (None, None) == (Stream(ANSWER).response, Stream(ANSWER).request_id)


# --- Idle streams -----------------------------------------------------------------------


def test_a_stream_of_signs_of_life_alone_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is recovered like a cut, or fails as a timeout; with no limit it goes on."""
    chunks = [sse(run("created")), *[b": ping\n\n"] * 5, sse(run("completed"), DONE)]
    log: list[str] = []
    for limit in (None, 1000.0):
        Stream(chunks, Doing(log), idle_timeout=limit).until_done()
    assert 2 == log.count("Done")
    shown = itertools.count(step=10)
    monkeypatch.setattr("stream_core.streams.byte_reader.time.monotonic", lambda: next(shown))
    stream = Stream(chunks, Doing(log), idle_timeout=30)
    with pytest.raises(StreamTimeoutError, match="no event for 30 seconds"):
        stream.until_done()
    assert ["StreamTimeout", "StreamException", "StreamEnd"] == log[-3:]
    control = ScriptedControl(sources=[sse(run("completed"), DONE)])
    Stream(chunks, Doing(log), idle_timeout=30, control=control).until_done()
    assert ["StreamRecovered", "ThreadRunCompleted"] == [
        name for name in log if name in ("StreamRecovered", "ThreadRunCompleted")
    ][-2:]


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_an_idle_timeout_that_cannot_be_is_refused(wrong: float) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="idle_timeout is"):
        Stream(b"", idle_timeout=wrong)
