"""Reading one source after another: tool rounds, lost connections, closing in between.

The server is scripted here; the same over real HTTP is in client/test_streaming_calls.py,
run_control/test_recovery.py and whole/test_stopping.py. The blocking stream stands for every
shell.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.errors import (
    IncompleteStreamError,
    NotFoundError,
    RunFailedError,
    ServerError,
    StreamError,
    ToolLoopError,
    TransportError,
)
from stream_core.run_control.control import Control
from stream_core.streams.stream import Stream
from tests.support.frames import (
    DONE,
    Wanted,
    decode,
    message,
    pieces,
    run,
    sse,
    step,
    text_delta,
    whole_run,
)
from tests.support.scripted_control import TOOL_CALL, ScriptedControl, given, output, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.dialects import Dialect
    from stream_core.events import Event
    from stream_core.source import Source

ANSWER = whole_run(message("created"), text_delta("Hel"), text_delta("lo"))
ASKING = sse(run("created"), waits(), DONE)
GOES_ON = sse(run("in_progress"), run("completed"), DONE)


#: These events say how a stream ended, which is also in ``err``; handlers here ignore them.
_ENDINGS = (events.StreamEnd, events.StreamException, events.StreamTimeout)


class Listening:
    """A handler that keeps the events about the stream itself, and acts on some of them.

    Attributes:
        log: Their class names, together with those of the events that were read; see ``read``.
        told: The events.
    """

    def __init__(self, **do: Callable[[], object]) -> None:
        self.log: list[str] = []
        self.told: list[Event] = []
        self.do = do

    def handle(self, event: Event, /) -> None:
        if not isinstance(event, events.LocalEvent) or isinstance(event, _ENDINGS):
            return
        name = type(event).__name__
        self.told.append(event)
        self.log.append(f"told {name}")
        if name in self.do:
            self.do[name]()


def stream_of(
    source: Source,
    *handlers: Listening,
    control: Control | None = None,
    dialect: str | Dialect = "assistants",
) -> Stream:
    """Make a stream."""
    return Stream(source, *handlers, dialect=dialect, control=control)


def scan(stream: Stream) -> Iterator[Event]:
    """Yield the events up to the end; a failure stays in ``err``."""
    while stream.next():
        assert stream.event is not None
        yield stream.event


def names(stream: Stream) -> list[str]:
    """Read to the end, and return the classes of the events."""
    return [type(event).__name__ for event in scan(stream)]


def read(stream: Stream, listening: Listening) -> list[str]:
    """Read to the end, and return the events read and, among them, those delivered."""
    for event in scan(stream):
        listening.log.append(type(event).__name__)
    return listening.log


def raising(error: BaseException) -> Callable[[], object]:
    """Return a function that raises ERROR."""

    def do() -> None:
        raise error

    return do


def cut(*chunks: bytes, error: BaseException | None = None) -> Iterator[bytes]:
    """Yield CHUNKS, and then break."""
    yield from chunks
    raise error or TransportError("the connection broke")


# --- The position of a stream -----------------------------------------------------------


def test_what_was_said_so_far_is_seen_in_it() -> None:
    """Run, message and step are as last seen."""
    stream = stream_of(sse(run("created"), message("created"), step("created")))
    reading = scan(stream)
    for _ in range(3):
        next(reading)
    now = stream._position
    assert now.snapshots.current_run is now.current_run
    assert now.snapshots.current_message is now.current_message_snapshot
    assert now.snapshots.current_run_step is now.current_run_step_snapshot
    assert None not in (now.current_run, now.current_message_snapshot)
    assert now.current_run_step_snapshot is not None
    stream.close()


# --- One source -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 50, len(ANSWER)])
def test_every_event_of_a_source_is_read(size: int) -> None:
    """The events are those of a decoder; handlers make no difference."""
    listening = Listening()
    stream = stream_of(pieces(ANSWER, size), listening)
    assert decode(ANSWER).names == read(stream, listening)
    assert None is stream.err


def test_a_source_is_asked_when_no_event_is_ready() -> None:
    """One chunk is taken at a time, and none before the first event is asked for."""
    asked = []

    def generate() -> Iterator[bytes]:
        for frame in (run("created"), run("in_progress"), run("completed")):
            asked.append(frame[0])
            yield sse(frame)

    stream = stream_of(generate())
    reading = scan(stream)
    assert [] == asked
    for count in (1, 2, 3, 3):
        next(reading)
        assert count == len(asked)
    stream.close()


def test_nothing_is_read_after_done() -> None:
    """Nothing more can come."""
    stream = stream_of(cut(sse(run("completed"), DONE), error=ZeroDivisionError()))
    assert ["ThreadRunCompleted", "RunDone", "Done"] == names(stream)


def test_a_failure_is_kept_and_not_raised() -> None:
    """It comes after all events before it."""
    for source, kind, told in (
        (sse(run("created")), IncompleteStreamError, ["ThreadRunCreated"]),
        (sse(("error", {"message": "no"})), ServerError, ["ErrorEvent"]),
        (cut(sse(run("created"))), TransportError, ["ThreadRunCreated"]),
    ):
        stream = stream_of(source)
        assert told == names(stream)
        assert isinstance(stream.err, kind)


def test_an_error_of_a_file_is_a_transport_error() -> None:
    """It keeps its cause."""
    cause = ConnectionResetError("peer went away")
    stream = stream_of(cut(error=cause))
    assert [] == names(stream)
    assert isinstance(stream.err, TransportError)
    assert "reading the source failed: peer went away" == str(stream.err)
    assert cause is stream.err.__cause__


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt])
def test_another_exception_of_a_source_leaves(kind: type[BaseException]) -> None:
    """It is not a failure of the stream."""
    stream = stream_of(cut(sse(run("created")), error=kind()))
    with pytest.raises(kind):
        names(stream)
    assert None is stream.err


def test_tees_have_the_bytes_before_they_are_decoded() -> None:
    """They get all of them, including those of a source in which the run continues."""
    copies, control = [io.BytesIO(), io.BytesIO()], ScriptedControl([[GOES_ON]])
    stream = stream_of([ASKING[:20], ASKING[20:]], control=control)
    reading = scan(stream)
    stream._bytes.tees += copies
    next(reading)
    assert [ASKING, ASKING] == [copy.getvalue() for copy in copies]
    assert [*reading]
    assert [ASKING + GOES_ON] * 2 == [copy.getvalue() for copy in copies]


def test_what_a_tee_raises_leaves() -> None:
    """A full disk is a failure neither of the stream nor of its source."""

    class Full(io.BytesIO):
        def write(self, _data: Any, /) -> int:
            raise OSError("no space left")

    stream = stream_of(ANSWER)
    stream._bytes.tees.append(Full())
    with pytest.raises(OSError, match="no space left") as caught:
        names(stream)
    assert type(caught.value) is OSError
    assert None is stream.err


def test_only_what_is_wanted_is_read() -> None:
    """This is so in every source; a run is answered all the same, and its end is not delivered."""
    listening, control = Listening(), ScriptedControl([[output(), GOES_ON]])
    stream = stream_of(ASKING, listening, control=control)
    stream._reader.want(Wanted(lambda event_class: event_class is events.ThreadRunInProgress))
    assert ["told ToolOutput", "ThreadRunInProgress"] == read(stream, listening)
    assert None is stream.err


def test_what_is_wanted_may_change_while_it_is_read() -> None:
    """None stands for all events."""
    stream = stream_of(ANSWER)
    stream._reader.want(Wanted(lambda event_class: event_class is events.ThreadMessageCreated))
    reading = scan(stream)
    assert isinstance(next(reading), events.ThreadMessageCreated)
    stream._reader.want(None)
    told = decode(ANSWER).names
    after = told.index("ThreadMessageCreated") + 1
    assert told[after:] == [type(event).__name__ for event in reading]


def test_what_is_no_source_or_no_dialect_is_refused_at_once() -> None:
    """The error comes before anything is read."""
    with pytest.raises(TypeError, match='"rb"'):
        stream_of("run.sse")  # type: ignore[arg-type]  # the mistake to be found
    with pytest.raises(ValueError, match="no dialect"):
        stream_of(b"", dialect="klingon")


# --- Rounds -----------------------------------------------------------------------------


def test_a_round_goes_on_in_another_source() -> None:
    """Snapshots stay, ``done`` comes once; the events of the round come before what follows."""
    listening, control = Listening(), ScriptedControl([[output(), GOES_ON]])
    stream = stream_of(ASKING, listening, control=control)
    assert [
        *("ThreadRunCreated", "ThreadRunRequiresAction", "told ToolOutput"),
        *("ThreadRunInProgress", "ThreadRunCompleted", "RunDone", "Done"),
    ] == read(stream, listening)
    assert ["answer run_1"] == control.asked
    assert GOES_ON == stream._bytes.source
    assert (None, False) == (stream.err, stream._reader.answering)


def test_there_may_be_many_rounds() -> None:
    """Each has its own source, which may lack ``done``."""
    second = sse(run("in_progress"), waits())
    control = ScriptedControl([[output(), second], [output(), GOES_ON]])
    told = names(stream_of(ASKING, control=control))
    assert 2 == told.count("ThreadRunRequiresAction") == len(control.asked)
    assert 1 == told.count("Done")


def test_the_source_before_is_given_back_before_the_next_one_is_read() -> None:
    """It is drained if it was read to ``done`` and can be."""
    log = []

    class Finishing(io.BytesIO):
        def finish(self) -> None:
            log.append("finish")

    def generate() -> Iterator[bytes]:
        log.append("read")
        yield GOES_ON

    names(stream_of(Finishing(ASKING), control=ScriptedControl([[generate()]])))
    assert ["finish", "read"] == log


def test_what_happens_in_a_round_is_current_and_the_last_event_is_not() -> None:
    """``answering`` is true meanwhile."""
    seen: list[Any] = []

    def look() -> None:
        seen.append(
            (stream._position.current_event, stream._position.event, stream._reader.answering)
        )

    told = output()
    listening = Listening(ToolOutput=look)
    stream = stream_of(ASKING, listening, control=ScriptedControl([[look, told, look, GOES_ON]]))
    names(stream)
    assert [(None, None, True), (told, None, True), (None, None, True)] == seen


@pytest.mark.parametrize("steps", [None, [], [output()]], ids=["not asked for", "nothing", "told"])
def test_a_round_that_leads_nowhere_is_the_end(steps: list[Any] | None) -> None:
    """Then ``done`` is delivered, after the events of the round."""
    listening = Listening()
    stream = stream_of(ASKING, listening, control=ScriptedControl([steps]))
    assert ["told ToolOutput"] * bool(steps) + ["Done"] == read(stream, listening)[2:]


@pytest.mark.parametrize(
    "data", [ANSWER, sse(("thread.created", {}), DONE)], ids=["completed", "no run"]
)
def test_a_run_that_requires_nothing_is_not_answered(data: bytes) -> None:
    """The control is not even asked."""
    control = ScriptedControl()
    assert "Done" == names(stream_of(data, control=control))[-1]
    assert [] == control.asked


def test_without_a_control_a_waiting_run_is_the_end() -> None:
    """The caller does what the run requires."""
    stream = stream_of(ASKING)
    assert "Done" == names(stream)[-1]
    assert None is stream.err


@pytest.mark.parametrize("flag", ["closing", "cancelled"])
def test_a_round_is_not_begun_when_it_is_to_end(flag: str) -> None:
    """No tool runs; a run that is cancelled is delivered to its end, a closed stream is not."""
    control = ScriptedControl([[output(), GOES_ON]])
    stream = stream_of(ASKING, control=control)
    told = []
    for event in scan(stream):
        told.append(type(event).__name__)
        if isinstance(event, events.ThreadRunRequiresAction):
            setattr(stream._reader, flag, True)
    assert ["Done"] * (flag == "cancelled") == told[2:]
    assert [] == control.asked


@pytest.mark.parametrize("flag", ["closing", "cancelled"])
def test_a_round_ends_with_the_callback_that_ends_it(flag: str) -> None:
    """What would follow is neither delivered nor submitted."""
    listening = Listening(ToolOutput=lambda: setattr(stream._reader, flag, True))
    control = ScriptedControl([[output(), output("low"), GOES_ON]])
    stream = stream_of(ASKING, listening, control=control)
    assert ["told ToolOutput", "Done"][: 1 + (flag == "cancelled")] == read(stream, listening)[2:]
    assert ASKING == stream._bytes.source


def test_a_tool_that_ends_the_round_is_not_told() -> None:
    """Its output would be of no use."""

    def close() -> None:
        stream._reader.closing = True

    listening, control = Listening(), ScriptedControl([[close, output(), GOES_ON]])
    stream = stream_of(ASKING, listening, control=control)
    assert [] == read(stream, listening)[2:]
    assert [] == listening.told


def test_an_error_of_a_round_is_the_streams() -> None:
    """For example, the outputs could not be submitted."""
    error = ToolLoopError(models.Run("run_1"), max_rounds=9)
    stream = stream_of(ASKING, control=ScriptedControl([[output(), error]]))
    assert ["ThreadRunCreated", "ThreadRunRequiresAction"] == names(stream)
    assert error is stream.err
    assert not stream._reader.answering


def test_an_error_of_a_tool_that_is_to_be_raised_leaves() -> None:
    """It is delivered first; even a StreamError is not a failure of the stream."""
    error = RunFailedError(models.Run("run_2"))
    listening = Listening()
    control = ScriptedControl([[events.ToolError(TOOL_CALL, error), error]])
    stream = stream_of(ASKING, listening, control=control)
    with pytest.raises(RunFailedError) as caught:
        read(stream, listening)
    assert error is caught.value
    assert "told ToolError" == listening.log[-1]
    assert (None, False) == (stream.err, stream._reader.answering)


# --- Lost connections -------------------------------------------------------------------


def missed(*frames: tuple[type[Any], Any]) -> list[Decoded]:
    """Make the events that a server reports as missed."""
    return [
        Decoded(event_class, payload, None, str(event_class.event))
        for event_class, payload in frames
    ]


def ended(status: str = "completed", **fields: Any) -> models.Run:
    """Make a run as the server has it."""
    return models.Run("run_1", status=status, **fields)


COMPLETED = missed((events.ThreadRunCompleted, ended()))


@pytest.mark.parametrize("broken", [True, False], ids=["broken", "at a silent end"])
def test_what_was_missed_is_told_after_the_report(*, broken: bool) -> None:
    """So it is if the bytes just ended; nothing comes twice, and ``done`` comes last."""
    listening = Listening()
    found = [(ended(), missed((events.ThreadRunCreated, ended())) + COMPLETED)]
    control = ScriptedControl(recoveries=found)
    data = sse(run("created"))
    stream = stream_of(cut(data) if broken else data, listening, control=control)
    assert [
        *("ThreadRunCreated", "told StreamRecovered", "ThreadRunCompleted", "RunDone", "Done"),
    ] == read(stream, listening)
    (report,) = listening.told
    assert isinstance(report, events.StreamRecovered)
    assert isinstance(report.error, StreamError)
    assert ("completed", 3) == (report.run.status, report.missed)
    assert ["rejoin", "recover"] == control.asked
    assert None is stream.err
    assert "completed" == (stream._position.current_run or ended("")).status


def test_a_lost_source_is_closed_before_the_report() -> None:
    """Nobody reads it any more."""
    log: list[str] = []

    class Lost(io.BytesIO):
        def close(self) -> None:
            log.append("close")
            super().close()

    listening = Listening(StreamRecovered=lambda: log.append("report"))
    control = ScriptedControl(recoveries=[(ended(), COMPLETED)])
    names(stream_of(Lost(sse(run("created"))), listening, control=control))
    assert ["close", "report", "close"] == log


def test_a_run_that_waits_when_it_is_found_is_answered() -> None:
    """Missed events are delivered once, and what follows comes from the source of the round."""
    found = ended("requires_action")
    listening = Listening()
    control = ScriptedControl(
        [[output(), cut(sse(run("in_progress")))]],
        recoveries=[
            (found, missed((events.ThreadRunRequiresAction, found))),
            (ended(), COMPLETED),
        ],
    )
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    assert [
        *("ThreadRunCreated", "told StreamRecovered", "ThreadRunRequiresAction"),
        *("told ToolOutput", "ThreadRunInProgress"),
        *("told StreamRecovered", "ThreadRunCompleted", "RunDone", "Done"),
    ] == read(stream, listening)
    assert None is stream.err


def test_a_source_that_goes_on_is_read_on_in() -> None:
    """This is so each time there is one; the server is not asked for missed events."""
    listening = Listening()
    sources = [cut(sse(run("queued"))), GOES_ON]
    control = ScriptedControl(sources=sources)
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    assert [
        *("ThreadRunCreated", "told StreamRecovered", "ThreadRunQueued", "told StreamRecovered"),
        *("ThreadRunInProgress", "ThreadRunCompleted", "RunDone", "Done"),
    ] == read(stream, listening)
    assert ["rejoin", "rejoin"] == control.asked
    assert [0, 0] == [x.missed for x in listening.told if isinstance(x, events.StreamRecovered)]


def test_a_report_needs_a_run() -> None:
    """If a connection was lost before anything came, the stream continues without a report."""
    listening = Listening()
    stream = stream_of(cut(), listening, control=ScriptedControl(sources=[ANSWER]))
    assert decode(ANSWER).names == read(stream, listening)


def test_where_nothing_can_be_found_the_failure_stays() -> None:
    """It is that of the connection, unchanged."""
    for control in (None, ScriptedControl()):
        stream = stream_of(cut(), control=control)
        assert [] == names(stream)
        assert isinstance(stream.err, TransportError)
        assert not hasattr(stream.err, "__notes__")


@pytest.mark.parametrize("which", ["sources", "recoveries"])
def test_a_server_that_cannot_be_asked_is_a_note_on_the_failure(which: str) -> None:
    """The first failure is more informative."""
    control = ScriptedControl()
    setattr(control, which, [NotFoundError("no such run", status_code=404)])
    stream = stream_of(cut(), control=control)
    names(stream)
    assert isinstance(stream.err, TransportError)
    (note,) = stream.err.__notes__
    assert note.startswith("the server could not be asked what became of the run: ")
    assert "no such run" in note


def test_other_failures_are_not_asked_about() -> None:
    """Either the server reported the failure, or its data cannot be read."""
    for frame in (("error", {"message": "no"}), ("done", "bye")):
        control = ScriptedControl()
        stream = stream_of(sse(run("created"), frame), control=control)
        names(stream)
        assert stream.err is not None
        assert [] == control.asked


def test_what_a_handler_raises_at_a_report_leaves() -> None:
    """Even a StreamError is not a failure of the stream."""
    error = RunFailedError(ended())
    listening = Listening(StreamRecovered=raising(error))
    control = ScriptedControl(recoveries=[(ended(), COMPLETED)])
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    with pytest.raises(RunFailedError) as caught:
        names(stream)
    assert error is caught.value
    assert (None, None) == (stream.err, stream._position.current_event)


def test_a_handler_may_close_at_a_report() -> None:
    """Missed events are not delivered."""
    listening = Listening(StreamRecovered=lambda: setattr(stream._reader, "closing", True))
    control = ScriptedControl(recoveries=[(ended(), COMPLETED)])
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    assert ["ThreadRunCreated", "told StreamRecovered"] == read(stream, listening)
    assert None is stream.err


# --- Aborting ---------------------------------------------------------------------------


@pytest.mark.parametrize("last", [sse(run("queued")), None], ids=["bytes", "the end"])
def test_what_comes_after_an_abort_is_dropped(last: bytes | None) -> None:
    """It is not a failure; tees do not get it either."""

    def generate() -> Iterator[bytes]:
        yield first
        stream.abort()
        if last:
            yield last

    first, copy = sse(run("created")), io.BytesIO()
    stream = stream_of(generate())
    stream._bytes.tees.append(copy)
    assert ["ThreadRunCreated"] == names(stream)
    assert (None, first) == (stream.err, copy.getvalue())


def test_an_abort_before_the_first_byte_reads_nothing() -> None:
    """This is so even if reading had begun."""
    stream = stream_of(cut(error=ZeroDivisionError()))
    stream.abort()
    assert [] == names(stream)
    assert None is stream.err


def test_an_abort_while_events_are_read_ends_before_the_next_bytes() -> None:
    """The reader looks at ``closing`` after each event."""
    stream = stream_of(cut(sse(run("created")), error=ZeroDivisionError()))
    told = []
    for event in scan(stream):
        told.append(type(event).__name__)
        stream.abort()
    assert ["ThreadRunCreated"] == told
    assert None is stream.err


def test_nothing_is_made_of_bytes_that_an_abort_ended() -> None:
    """Neither events that a dialect holds back until their end nor a ``done`` are delivered."""
    chunk = {
        "id": "chatcmpl_1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}],
    }

    def generate() -> Iterator[bytes]:
        yield sse(("", chunk))
        if aborts:
            stream.abort()

    aborts = False
    stream = stream_of(generate(), dialect="chat")
    whole = names(stream)
    assert {"ThreadRunCompleted", "RunDone", "Done"} <= set(whole)
    aborts = True
    stream = stream_of(generate(), dialect="chat")
    told = names(stream)
    assert whole[: len(told)] == told
    assert not {"ThreadRunCompleted", "Done"} & set(told)
    assert None is stream.err


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("recoveries", (ended(), COMPLETED)),
        ("recoveries", TransportError("gone")),
        ("sources", TransportError("gone")),
    ],
    ids=["found", "not found", "not rejoined"],
)
def test_an_abort_while_the_server_is_asked_tells_nothing(which: str, said: object) -> None:
    """This is so whatever the server answers, and wherever the run continues."""
    listening = Listening()

    def answer() -> Any:
        assert control.stopped is False
        stream.abort()
        return given(said)

    control = ScriptedControl()
    setattr(control, which, [answer])
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    assert ["ThreadRunCreated"] == read(stream, listening)
    assert (None, []) == (stream.err, listening.told)


def test_an_abort_while_a_source_is_opened_reads_none_of_it() -> None:
    """Whoever ends the stream closes it unread."""
    listening = Listening()

    def answer() -> Source:
        stream.abort()
        return cut(error=ZeroDivisionError())

    control = ScriptedControl(sources=[answer])
    stream = stream_of(cut(sse(run("created"))), listening, control=control)
    assert "ThreadRunCreated" == read(stream, listening)[0]
    assert None is stream.err


# --- Giving back ------------------------------------------------------------------------


def test_closing_gives_the_last_source_back() -> None:
    """If that fails too, the failure that ended the stream has a note."""

    class CannotClose:  # no io class: these are closed once more when they are freed
        def __init__(self, data: bytes) -> None:
            self.chunks = iter([data])

        def __iter__(self) -> Iterator[bytes]:
            return self.chunks

        def close(self) -> None:
            raise OSError("cannot close")

    note = ["closing the source failed too: OSError('cannot close')"]
    failure = ZeroDivisionError()
    stream = stream_of(CannotClose(sse(run("created"))))
    stream.next()
    stream._driver.run(stream._end(failure))
    assert note == failure.__notes__
    stream = stream_of(CannotClose(sse(run("created"))))
    names(stream)
    assert stream.err is not None
    assert note == stream.err.__notes__
    stream = stream_of(CannotClose(ANSWER))
    with pytest.raises(OSError, match="cannot close"):
        names(stream)
