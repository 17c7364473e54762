"""Bytes in, events out: chunks, ends, and errors in frames.

Streams are decoded whole, by the frame, byte by byte, at random splits and without fast paths
(``decode_every_way``); all must agree, even on the error.
"""

from __future__ import annotations

import contextlib
import random
import re
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_core import environment, events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import Decoded
from stream_core.errors import (
    DecodeError,
    FrameTooLargeError,
    IncompleteStreamError,
    ServerError,
    StreamError,
    TransportError,
)
from tests.support.frames import (
    DONE,
    Transcript,
    Wanted,
    call,
    citation,
    decode,
    decode_every_way,
    frame,
    label,
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream_core.sse import ServerSentEvent

#: Everything that usually happens, including the cases of the fast paths.
USUAL = whole_run(
    ("thread.created", {"id": "thread_1"}),
    run("queued"),
    run("in_progress"),
    step("created"),
    step_delta(call(0, id="call_1", name="f", arguments="")),
    step_delta(call(0, arguments='{"a":')),
    step_delta(call(0, arguments=" 1")),
    step_delta(call(0, arguments="}")),
    step("completed"),
    message("created"),
    text_delta("Hé"),
    text_delta('l"l'),
    text_delta("o "),
    text_delta("\u2028😀\n"),
    text_delta("[1]", citation(0)),
    text_delta("!"),
    message("completed", text('Hél"lo \u2028😀\n[1]!')),
)


# --- Chunks -----------------------------------------------------------------------------


def test_any_chunking_gives_the_same_events() -> None:
    """The usual stream is cut in two at every fifth place, and in many other ways."""
    out = decode_every_way(USUAL, seeds=range(20))
    assert out.error is None
    assert "Done" == out.names[-1]
    for cut in range(0, len(USUAL), 5):
        assert out == decode([USUAL[:cut], USUAL[cut:]])


def test_events_come_as_soon_as_their_last_byte_does() -> None:
    """The decoder waits for the line end that closes a frame, and for nothing after it."""
    frames = [one + b"\n\n" for one in USUAL.split(b"\n\n")[:-1]]
    for cut in (1, 30, None):  # the frame in pieces, or whole
        decoder = EventDecoder("assistants")
        for one in frames:
            for piece in pieces(one[:-1], cut or len(one)):
                decoder.feed(piece)
                assert decoder.next_event() is None
            decoder.feed(one[-1:])
            assert decoder.next_event() is not None
            list(iter(decoder.next_event, None))


def test_a_chunk_may_end_anywhere_after_a_blank_line() -> None:
    """A third line feed, and the beginning of a block, do not belong to the next whole frame."""
    data = b"data: 1\n\n\n: ping\ndata: [2\nevent: a\ndata: ,3]\n\n"
    for first in range(len(data)):
        for second in range(first, len(data)):
            out = decode([data[:first], data[first:second], data[second:]])
            assert [1, [2, 3]] == [x.data for x in out.of(events.UnknownEvent)]


def test_there_is_no_event_without_bytes() -> None:
    """None means "feed more"; empty chunks are not bytes."""
    decoder = EventDecoder("assistants")
    assert decoder.next_event() is None
    decoder.feed(b"")
    assert decoder.next_event() is None
    assert not decoder.done


def test_only_bytes_are_fed() -> None:
    """Feeding a str is misuse, and the error names the remedy."""
    wrong: Any = "event: done"
    with pytest.raises(TypeError, match="binary"):
        EventDecoder("assistants").feed(wrong)


def test_bytes_like_objects_are_bytes() -> None:
    """Changing a bytearray after it was fed changes nothing."""
    buffer = bytearray(sse(run("created")))
    decoder = EventDecoder("assistants")
    decoder.feed(b"")
    decoder.feed(buffer)
    buffer[:] = bytes(len(buffer))
    event = decoder.next_event()
    assert isinstance(event, events.ThreadRunCreated)


def test_a_closed_decoder_takes_no_bytes() -> None:
    """It reads one stream."""
    decoder = EventDecoder("assistants")
    decoder.close()
    decoder.close()
    with pytest.raises(RuntimeError, match="close"):
        decoder.feed(b"x")


def test_wire_deltas_that_nobody_wants_may_be_skipped() -> None:
    """Nothing else changes: neither the events derived from them nor any others."""
    deltas = (events.ThreadMessageDelta, events.ThreadRunStepDelta)
    spared = decode(USUAL, wants=lambda event_class: event_class not in deltas)
    others = [x for x in decode(USUAL).names if x not in {one.__name__ for one in deltas}]
    assert others == spared.names


def test_events_that_nobody_wants_are_skipped_and_folded_in() -> None:
    """So are the deltas of a text and the events derived from them; the text is complete."""
    decoder = EventDecoder("assistants")
    decoder.wants = Wanted(lambda event_class: event_class is events.Done)
    deltas = [text_delta(piece) for piece in "abcdef"]
    decoder.feed(whole_run(message("created"), *deltas))
    assert isinstance(decoder.next_event(), events.Done)
    assert None is decoder.next_event()
    assert ["abcdef"] == [one.text for one in decoder.snapshots.messages]


FAST = pytest.mark.parametrize("fast", [True, False])


@FAST
def test_whoever_gets_an_event_may_change_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    """The change holds from the next event on, even if that comes from the same frame."""
    monkeypatch.setattr(environment, "FAST", fast)
    data = whole_run(message("created"), *[text_delta(piece) for piece in "abcdef"])
    for chunks in ([data], pieces(data, 7), re.findall(rb"(?s).*?\n\n", data)):
        decoder = EventDecoder("assistants")
        wire = Wanted(lambda event_class: event_class is events.ThreadMessageDelta)
        derived = Wanted(lambda event_class: event_class is events.MessageTextDelta)
        decoder.wants = wire
        out = []
        for chunk in chunks:
            decoder.feed(chunk)
            while (event := decoder.next_event()) is not None:
                out.append(event)
                decoder.wants = derived if decoder.wants is wire else wire
                assert decoder.wants in (wire, derived)
        assert ["ThreadMessageDelta", "MessageTextDelta"] * 6 == [label(x) for x in out]


@FAST
def test_events_that_nobody_wants_any_more_do_not_come(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    """This too holds from the next event on."""
    monkeypatch.setattr(environment, "FAST", fast)
    decoder = EventDecoder("assistants")
    assert decoder.wants is None
    decoder.feed(whole_run(message("created"), *[text_delta(piece) for piece in "abcdef"]))
    while not isinstance(event := decoder.next_event(), events.MessageTextDelta):
        assert event is not None
    decoder.wants = nothing = Wanted(lambda _: False)
    assert decoder.next_event() is None
    assert decoder.wants is nothing
    assert decoder.done
    assert ["abcdef"] == [one.text for one in decoder.snapshots.messages]


# --- All bytes at once ------------------------------------------------------------------


def out_at_once(chunks: Iterable[bytes], **options: Any) -> Transcript:
    """Decode CHUNKS with ``events``."""
    out = Transcript()
    try:
        for event in EventDecoder(**options).events(chunks):
            out.events.append(event)
            out.texts.append(f"{label(event)}: {event!r}")
    except StreamError as error:
        out.error = error
    return out


@pytest.mark.parametrize(
    "data",
    [
        USUAL,
        USUAL[:-1],
        USUAL.replace(b"data: [DONE]", b"data: [DONE"),
        USUAL[: len(USUAL) // 2],
        USUAL.replace(b"\n", b"\r\n"),
        USUAL.replace(b"thread.run.completed", b"thread.run.queued"),
        sse(run("created"), ("error", {"message": "no"}), run("completed"), DONE),
        sse(run("created"), run("completed")),
        b"",
        b"\xff",
    ],
)
def test_all_at_once_is_like_piece_by_piece(data: bytes) -> None:
    """Events and error are the same, with fast paths and without, however the bytes are cut."""
    expected = decode(data)
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            for chunks in ([data], pieces(data, 1), pieces(data, 100), [b"", data, b""]):
                assert expected == out_at_once(chunks)


@FAST
def test_all_at_once_takes_bytes_like_objects(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    """It takes a bytearray and a memoryview; a str is misuse, at the moment it comes."""
    monkeypatch.setattr(environment, "FAST", fast)
    chunks: list[Any] = [bytearray(USUAL[:99]), memoryview(USUAL[99:200]), USUAL[200:]]
    assert decode(USUAL) == out_at_once(chunks)
    wrong: list[Any] = [sse(run("created")), "event: done"]
    out = EventDecoder("assistants").events(wrong)
    assert isinstance(next(out), events.ThreadRunCreated)
    with pytest.raises(TypeError, match="binary"):
        next(out)


@FAST
def test_a_chunk_is_requested_when_all_before_it_was_delivered(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    """So no caller waits for the network while an event is ready, or for bytes after ``done``."""
    monkeypatch.setattr(environment, "FAST", fast)
    frames = re.findall(rb"(?s).*?\n\n", USUAL)
    log: list[object] = []

    def chunks() -> Iterator[bytes]:
        for number, one in enumerate(frames):
            log.append(number)
            yield one
        raise AssertionError("asked for more after done")

    for event in EventDecoder("assistants").events(chunks()):
        log.append(event)  # noqa: PERF402  # the chunks append to it too
    numbers = [x for x in log if isinstance(x, int)]
    assert list(range(len(frames))) == numbers
    expected: list[object] = []
    decoder = EventDecoder("assistants")
    for number, one in enumerate(frames):
        decoder.feed(one)
        expected += [number, *iter(decoder.next_event, None)]
    assert expected == log


def test_exceptions_of_the_chunks_pass_unchanged() -> None:
    """If it is a StreamError, it is the decoder's failure from then on."""

    def chunks(error: Exception) -> Iterator[bytes]:
        yield sse(run("created"))
        raise error

    for error in (StreamError("lost"), OSError("broken")):
        decoder = EventDecoder("assistants")
        out = decoder.events(chunks(error))
        assert isinstance(next(out), events.ThreadRunCreated)
        with pytest.raises(type(error)) as caught:
            next(out)
        assert error is caught.value
        assert next(out, None) is None
    decoder = EventDecoder("assistants")
    failure = StreamError("lost")
    assert isinstance(next(decoder.events(chunks(failure))), events.ThreadRunCreated)
    with pytest.raises(StreamError):
        decoder.next_event()  # continues where the iterator is
    with pytest.raises(StreamError) as again:
        decoder.next_event()
    assert failure is again.value


def test_all_at_once_is_for_an_unused_decoder() -> None:
    """It is refused after feed(), next_event(), close() or itself; nothing can be fed after it."""
    fed, asked, closed, used = (EventDecoder("assistants") for _ in range(4))
    fed.feed(b"d")
    asked.next_event()
    closed.close()
    used.events([])
    for decoder in (fed, asked, closed, used):
        with pytest.raises(RuntimeError, match="next_event"):
            decoder.events([])
    with pytest.raises(RuntimeError, match="close"):
        used.feed(b"d")
    untouched = EventDecoder("assistants")
    untouched.feed(b"")  # counts as nothing
    assert decode(USUAL).names == [label(event) for event in untouched.events([USUAL])]


# --- Dialects ---------------------------------------------------------------------------


def test_an_unknown_dialect_is_refused() -> None:
    """The error lists the names that exist."""
    with pytest.raises(ValueError, match="assistants"):
        EventDecoder("klingon")


def test_a_dialect_may_be_an_object() -> None:
    """It may return none, one or several events for a frame."""

    class Twice:
        def decode(self, frame: ServerSentEvent) -> list[Decoded]:
            times = int(frame.data)
            return [Decoded(events.UnknownEvent, n, frame.data, "n") for n in range(times)]

    decoder = EventDecoder(Twice())
    decoder.feed(b"data: 0\n\ndata: 2\n\ndata: 1\n\n")
    out = list(iter(decoder.next_event, None))
    assert [0, 1, 0] == [x.data for x in out if isinstance(x, events.UnknownEvent)]


# --- The end ----------------------------------------------------------------------------


def test_done_is_the_last_event() -> None:
    """What follows it is not examined, be it an event or nonsense."""
    for rest in (sse(run("created", "run_2")), b"data: {\n\n", b"{", b"\xff" * 100):
        out = decode_every_way(whole_run() + rest)
        assert ("Done", None) == (out.names[-1], out.error)


def test_done_needs_no_name() -> None:
    """Some servers send only the data."""
    out = decode_every_way(sse(run("created"), run("completed"), ("", "[DONE]")))
    assert ("Done", None) == (out.names[-1], out.error)


def test_done_is_known_as_soon_as_it_is_read() -> None:
    """``done`` lets a caller stop asking for bytes."""
    decoder = EventDecoder("assistants")
    decoder.feed(whole_run())
    seen = []
    while not decoder.done:
        seen.append(decoder.next_event())
    seen += iter(decoder.next_event, None)
    assert isinstance(seen[-1], events.Done)
    assert decoder.next_event() is None


@pytest.mark.parametrize(
    "status", ["completed", "failed", "incomplete", "cancelled", "expired", "requires_action"]
)
def test_an_end_without_done_after_the_last_status_is_clean(status: str) -> None:
    """A synthetic done is delivered, so that handlers that flush in on_done flush."""
    out = decode_every_way(sse(run("created"), run(status)))
    assert ("Done*", None) == (out.names[-1], out.error)
    done = out.events[-1]
    assert isinstance(done, events.Done)
    assert ("[DONE]", None) == (done.data, done.raw)


def test_an_end_before_the_last_status_is_an_error() -> None:
    """It states the last event and what was open."""
    out = decode_every_way(sse(run("created"), step("created"), message("created")))
    assert isinstance(out.error, IncompleteStreamError)
    assert "thread.message.created" == out.error.last_event
    assert ("run run_1", "run step step_1", "message msg_1") == out.error.open_objects
    assert "ThreadMessageCreated" == out.names[-1]


def test_no_bytes_at_all_are_an_error() -> None:
    """There is then no last event; comments are not events."""
    for data in (b"", b"\n\n", b": ping\n\n", b"\xef\xbb\xbf", b"id: 1\nretry: 5\n\n"):
        out = decode_every_way(data)
        assert isinstance(out.error, IncompleteStreamError)
        assert (None, (), []) == (
            out.error.last_event,
            out.error.open_objects,
            out.events,
        )


def test_the_last_event_is_the_last_one_read() -> None:
    """This holds even for deltas that repeat each other, alternating."""
    turns = [text_delta("a"), text_delta("b"), text_delta("c"), step_delta(call(0, name="f"))]
    frames = [run("created"), *turns, text_delta("d"), step_delta(call(0, name="f"))]
    for count in range(1, len(frames) + 1):
        out = decode_every_way(sse(*frames[:count]))
        assert isinstance(out.error, IncompleteStreamError)
        assert frames[count - 1][0] == out.error.last_event


def test_a_truncated_stream_is_complete_or_an_error() -> None:
    """All events before the cut come; then it is either complete or an IncompleteStreamError."""
    whole = decode(USUAL)
    for cut in range(0, len(USUAL), 3):
        out = decode(USUAL[:cut])
        assert out.error is None or isinstance(out.error, IncompleteStreamError)
        count = len(out.texts) - out.names.count("Done*")
        assert whole.texts[:count] == out.texts[:count]
        if out.error is None:
            assert "Done" == out.names[-1].rstrip("*")


def test_a_frame_that_the_end_cut_is_not_a_decode_error() -> None:
    """The connection is to blame: bytes are missing, not wrong."""
    start = sse(run("created"))
    cut = frame(*run("in_progress"))[:-20]
    out = decode_every_way(start + cut)
    assert isinstance(out.error, IncompleteStreamError)
    assert "thread.run.created" == out.error.last_event
    befores = [text_delta("a"), run("queued"), ("unheard.of", {}), message("created")]
    for before in befores:
        for count in range(1, 5):
            out = decode_every_way(start + sse(*[before] * count) + cut)
            assert isinstance(out.error, IncompleteStreamError)
            assert before[0] == out.error.last_event
    wrong = decode_every_way(start + b"event: thread.run.queued\ndata: {}}")
    assert isinstance(wrong.error, DecodeError)


def test_the_last_frame_needs_no_blank_line() -> None:
    """Losing a done or an error would be worse than seeing half a frame."""
    for end in (b"\n\n", b"\n", b""):
        out = decode_every_way(sse(run("created"), run("completed")) + b"data: [DONE]" + end)
        assert ("Done", None) == (out.names[-1], out.error)
        out = decode_every_way(sse(run("created")) + b'event: error\ndata: {"message": "no"}' + end)
        assert isinstance(out.error, ServerError)


def test_a_following_stream_has_its_own_end() -> None:
    """It is not complete because the stream before it required action."""
    first = EventDecoder("assistants")
    first.feed(sse(run("created"), run("requires_action"), DONE))
    list(iter(first.next_event, None))
    following = EventDecoder("assistants", snapshots=first.snapshots)
    assert following.snapshots is first.snapshots
    following.close()
    with pytest.raises(IncompleteStreamError) as caught:
        following.next_event()
    assert (None, ("run run_1",)) == (caught.value.last_event, caught.value.open_objects)


def test_missed_events_are_made_up() -> None:
    """Delivered events are not delivered again; the run is the server's, and done comes last."""
    first = EventDecoder("assistants")
    first.feed(sse(run("created"), message("created"), text_delta("Hel")))
    while first.next_event() is not None:
        pass
    ended = models.Run(id="run_1", status="completed", model="m")
    whole = models.Message(id="msg_1", status="completed", content=[])
    block = models.TextContentBlock(text=models.Text("Hello"))
    whole.content.append(block)
    decoder = EventDecoder("assistants", snapshots=first.snapshots)
    missed = [
        Decoded(events.ThreadRunCreated, ended, None, "thread.run.created", synthetic=True),
        Decoded(events.ThreadMessageCompleted, whole, None, "thread.message.completed"),
        Decoded(events.ThreadRunCompleted, ended, None, "thread.run.completed"),
    ]
    out = decoder.make_up(missed, ended)
    assert [
        *("ThreadMessageCompleted", "MessageTextDelta", "MessageTextDone", "MessageDone"),
        *("ThreadRunCompleted", "RunDone", "Done"),
    ] == [type(event).__name__ for event in out]
    assert isinstance(out[1], events.MessageTextDelta)
    assert "lo" == out[1].delta.value
    assert isinstance(out[-1], events.Done)
    assert out[-1].synthetic
    assert ended is decoder.snapshots.current_run
    assert decoder.done
    decoder.feed(sse(run("created")))
    assert decoder.next_event() is None


# --- Errors -----------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{"error": {"message": "no", "code": "c"}}, {"message": "no"}])
def test_the_servers_error_is_an_event_and_then_an_error(payload: dict[str, Any]) -> None:
    """It may be wrapped as in reality or bare as in the reference; nothing comes after it."""
    out = decode_every_way(sse(run("created"), ("error", payload), run("completed"), DONE))
    assert ["ThreadRunCreated", "ErrorEvent"] == out.names
    assert isinstance(out.error, ServerError)
    assert out.events[-1].data is out.error.error  # type: ignore[attr-defined]  # an ErrorEvent
    assert "no" == out.error.error.message


BAD_FRAMES = {
    "not JSON": (b"event: thread.run.queued\ndata: {nope\n\n", "not JSON"),
    "an extra brace": (b'event: thread.run.queued\ndata: {"id": "run_1"}}\n\n', "not JSON"),
    "not the payload": (b'event: thread.run.queued\ndata: {"id": 5}\n\n', "is not a Run"),
    "a list": (b"event: thread.message.delta\ndata: [1]\n\n", "is not a MessageDeltaEvent"),
    "null": (b"event: thread.message.created\ndata: null\n\n", "is not a Message"),
    "too deep": (b"event: thread.run.queued\ndata: " + b"[" * 20_000 + b"\n\n", "not JSON"),
    "done with a text": (b"event: done\ndata: bye\n\n", r"not \[DONE\]"),
    "no data:": (b'event: thread.run.queued\n{"id": "run_1"}\ndata: {}\n\n', 'begin with "data: "'),
}


@pytest.mark.parametrize(("bad", "message"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_frame_is_an_error_at_its_place(bad: bytes, message: str) -> None:
    """Events before it are delivered, those after it are not; the error has the position."""
    before = sse(run("created"), *[text_delta(piece) for piece in "aéiou"])
    out = decode_every_way(before + bad + sse(run("completed"), DONE))
    assert "aéiou" == "".join(x.delta.value for x in out.of(events.MessageTextDelta))
    assert "MessageTextDelta" == out.names[-1]
    assert isinstance(out.error, DecodeError)
    assert out.error.offset is not None
    with pytest.raises(DecodeError, match=message):
        raise out.error
    stands_at = len(before) + (bad.index(b'{"id"') if "begin with" in message else 0)
    assert stands_at == out.error.offset


def test_an_error_names_event_frame_and_field() -> None:
    """The attributes and the sentence have everything needed to find the place."""
    part = '{"index": 0, "type": "text", "text": {"value": 5}}'
    data = f'{{"id": "msg_1", "delta": {{"content": [{part}]}}}}'
    out = decode_every_way(sse(("thread.message.delta", data)))
    assert isinstance(out.error, DecodeError)
    assert ("thread.message.delta", data, 0) == (
        out.error.event,
        out.error.frame,
        out.error.offset,
    )
    (path,) = out.error.paths
    assert path.startswith("$.delta.content[0].text.value: ")
    for fact in ("thread.message.delta", "byte 0", path):
        assert fact in str(out.error)


def test_an_unnamed_bad_frame_has_no_event() -> None:
    """It is None, not the empty string."""
    out = decode_every_way(sse(("", '{"event": "thread.run.queued", "data": 5}')))
    assert isinstance(out.error, DecodeError)
    assert out.error.event is None


def test_a_frame_whose_line_ends_are_lost_is_refused_with_that_question() -> None:
    """Its data is JSON and then the next frames."""
    for rest in ('data: {"id": "b"}', "event: done"):
        out = decode_every_way(sse(("thread.run.queued", f'{{"id": "a"}}{rest}')))
        assert isinstance(out.error, DecodeError)
        assert "are the line ends between the frames missing?" in str(out.error)
    out = decode_every_way(sse(("thread.run.queued", '{"id": "a"}}')))
    assert "line ends" not in str(out.error)


def test_a_payload_without_data_is_found_anywhere() -> None:
    """It may be in a block of its own, or at the end of the bytes."""
    line = b'{"id": "run_1"}'
    start = sse(run("created"))
    for rest in (b"\n\n" + sse(run("queued")), b"\n", b""):
        out = decode_every_way(start + b"event: thread.run.queued\n" + line + rest)
        assert isinstance(out.error, DecodeError)
        assert (line.decode(), len(start) + 25) == (out.error.frame, out.error.offset)
        assert out.error.event is None


def test_a_line_inside_a_block_comes_after_the_data_before_it() -> None:
    """Servers that leave out the blank lines lose no text to an error that follows it."""
    chunk = 'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "%s"}}]}'
    error = 'error: {"message": "down"}'
    for lines, texts in (
        ([chunk % "a", chunk % "b", error], ["a", "b"]),
        ([error, chunk % "a"], []),
        ([chunk % "a", "", error], ["a"]),
        ([chunk % "a", error, "", chunk % "b"], ["a"]),
    ):
        out = decode("\n".join([*lines, "", ""]).encode(), dialect="chat")
        assert isinstance(out.error, ServerError)
        assert texts == [x.delta.value for x in out.of(events.MessageTextDelta)]


def test_other_lines_with_unknown_fields_are_ignored() -> None:
    """The standard says so; the reference's examples have bare dots."""
    data = sse(run("created")) + b"...\n\nfoo: {}\n" + sse(run("completed"), DONE) + b"[\n"
    assert decode_every_way(data).error is None


def test_a_failure_is_raised_again_by_every_call() -> None:
    """It is the same exception; the decoder has no further events."""
    decoder = EventDecoder("assistants")
    decoder.feed(b"event: done\ndata: bye\n\n" + sse(run("created")))
    caught = []
    for _ in range(3):
        with pytest.raises(DecodeError) as info:
            decoder.next_event()
        caught.append(info.value)
    assert caught[0] is caught[1] is caught[2]
    decoder.feed(sse(run("created")))
    with pytest.raises(DecodeError):
        decoder.next_event()


def test_a_frame_that_is_too_long_is_an_error() -> None:
    """It comes after the events before it; a frame of exactly the limit is accepted."""
    long = frame(*text_delta("x" * 500))
    limit = len(long) - 2
    data = whole_run(text_delta("x" * 500))
    assert decode(data, max_frame_bytes=limit).error is None
    for chunks in ([data], pieces(data, 1), pieces(data, 100)):
        out = decode(chunks, max_frame_bytes=limit - 1)
        assert isinstance(out.error, FrameTooLargeError)
        assert (limit - 1, len(sse(run("created")))) == (out.error.limit, out.error.offset)
        assert ["ThreadRunCreated"] == out.names


# --- Any bytes --------------------------------------------------------------------------

_LINES = (
    *USUAL.split(b"\n")[:30],
    b"event: thread.message.delta",
    b"event: error",
    b"event:",
    b"data: [DONE]",
    b'data: {"event": "thread.run.created", "data": {}}',
    b'data: {"error": {"message": 5}}',
    b'data: {"id": "msg_1", "delta": {"content": {"type": "text", "text": {"value": "x"}}}}',
    b"data: 1e999",
    b'data: "\\ud800"',
    b"data: {}",
    b"data",
    b"{}",
    b": ping",
    b"id: \0",
    b"retry: 9",
    b"\xff\xfe",
    b"",
    b"",
    b"",
    b"\r",
)


class Late:
    """A dialect of two events: one when it is iterated, one at the end; ``!`` is not a frame."""

    def decode(self, frame: ServerSentEvent) -> Iterator[Decoded]:
        for word in frame.data.split():
            if word == "!":
                raise DecodeError("no frame")
            yield Decoded(events.UnknownEvent, word, word, word)

    def end(self) -> list[Decoded]:
        return [Decoded(events.Done, "bye", None, "done", synthetic=True)]


def test_a_dialect_may_hold_events_back_until_the_end() -> None:
    """They are delivered when the bytes end, even ``done``; those of a frame come before."""
    out = decode(b"data: a b\n\n", dialect=Late())
    assert (["a", "b", "done"], None) == ([x.event for x in out.events], out.error)
    assert "bye" == out.of(events.Done)[0].data


def test_events_of_a_dialect_before_its_error_are_delivered() -> None:
    """It may find the error while it is iterated; it is not used afterwards."""
    out = decode(b"data: a ! b\n\n", dialect=Late())
    assert ["a"] == [x.event for x in out.events]
    assert isinstance(out.error, DecodeError)
    assert "a ! b" == out.error.frame


@settings(max_examples=50)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(_LINES)).map(b"\n".join)))
@example(b"data: " + b"[" * 5000 + b"\n\n")
@example(b'data: {"error": "\xff"}\n\n')
def test_bytes_of_any_kind_raise_stream_errors_only(data: bytes) -> None:
    """Any chunking gives the same result. ``decode`` lets every other exception through."""
    decode_every_way(data, seeds=[len(data)])


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_damaged_streams_raise_stream_errors_only(seed: int) -> None:
    """It is a usual stream with a few bytes changed, lost or repeated."""
    chance = random.Random(seed)
    data = bytearray(USUAL)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[at] = chance.choice(b'{}[]":,\n\r 0az\xc3\xff')
            case 1:
                del data[at : at + chance.randint(1, 50)]
            case _:
                data[at:at] = data[at : at + chance.randint(1, 200)]
    out = decode_every_way(bytes(data), seeds=[seed])
    if out.error is not None:
        assert isinstance(out.error, StreamError)
        assert str(out.error)
        assert "".join(traceback.format_exception(out.error))


# --- Signs of life ----------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False])
def test_events_that_mean_something_are_heard_once(
    monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    """Whether anybody wants them or not."""
    monkeypatch.setattr(environment, "FAST", fast)
    decoder = EventDecoder("assistants")
    decoder.wants = Wanted(lambda _: False)
    assert not decoder.heard()
    for sent in (run("created"), run("in_progress"), text_delta("a"), text_delta("b")):
        decoder.feed(sse(sent))
        assert decoder.next_event() is None
        assert [True, False] == [decoder.heard(), decoder.heard()]


@pytest.mark.parametrize(
    ("dialect", "data", "expected"),
    [
        ("assistants", b": ping\n\n", False),
        ("assistants", sse(("ping", {"type": "ping"})), False),
        ("responses", sse(("response.queued", {"type": "response.queued"})), False),
        ("responses", sse(("keepalive", {"type": "keepalive", "sequence_number": 3})), False),
        ("responses", sse(("response.audio.delta", {"type": "x", "delta": "AA"})), True),
    ],
)
def test_signs_of_life_are_not_heard(dialect: str, data: bytes, *, expected: bool) -> None:
    """Comments, frames of unknown names, and frames without content."""
    decoder = EventDecoder(dialect)
    decoder.feed(data)
    with contextlib.suppress(DecodeError):
        while decoder.next_event() is not None:
            pass
    assert expected == decoder.heard()


class Silent:
    """A dialect that makes nothing of any frame."""

    def decode(self, frame: ServerSentEvent) -> list[Decoded]:
        del frame
        return []


def test_a_frame_of_which_nothing_is_made_is_an_extension_event() -> None:
    """It has its name, and its JSON or its text; a dialect that holds back answers for itself."""
    data = b'event: beat\ndata: {"n": 1}\n\ndata: ping\n\n'
    decoder = EventDecoder(Silent())
    decoder.feed(data)
    out = list(iter(decoder.next_event, None))
    assert [
        events.ExtensionEvent({"n": 1}, {"n": 1}, event="beat"),
        events.ExtensionEvent("ping", "ping", event="message"),
    ] == out


# --- One more frame after an error ------------------------------------------------------

ERROR_FRAME = b'event: error\ndata: {"type": "error", "message": "down"}\n\n'
FAILED_FRAME = (
    b'event: response.failed\ndata: {"type": "response.failed", "response": {"id": "r"}}\n\n'
)


def test_the_frame_after_an_error_is_waited_for_if_the_dialect_says_so() -> None:
    """Whoever has the bytes learns for how long; the error is raised after it, each time."""
    decoder, limits = EventDecoder("responses"), list[float]()
    decoder.limit = limits.append
    decoder.feed(ERROR_FRAME)
    assert isinstance(decoder.next_event(), events.ErrorEvent)
    assert (None, [2.0]) == (decoder.next_event(), limits)
    decoder.feed(FAILED_FRAME + FAILED_FRAME)
    found = [type(decoder.next_event()) for _ in range(5)]
    for _ in range(2):
        with pytest.raises(ServerError, match="down"):
            decoder.next_event()
    assert (1, 1) == (found.count(events.ThreadRunFailed), found.count(events.RunDone))
    assert not decoder.done


def test_nothing_is_waited_for_after_an_error_if_the_dialect_does_not_say_so() -> None:
    """On other wires the error is the last word."""
    decoder = EventDecoder("assistants")
    limits = list[float]()
    decoder.limit = limits.append
    decoder.feed(ERROR_FRAME)
    assert isinstance(decoder.next_event(), events.ErrorEvent)
    with pytest.raises(ServerError):
        decoder.next_event()
    assert [] == limits


@pytest.mark.parametrize("failure", [TransportError("silent"), None])
def test_bytes_that_end_or_fail_after_an_error_are_that_error(failure: StreamError | None) -> None:
    """What the server said counts more than how the connection went."""

    def chunks() -> Iterator[bytes]:
        yield ERROR_FRAME
        if failure is not None:
            raise failure

    with pytest.raises(ServerError, match="down"):
        list(EventDecoder("responses").events(chunks()))


def test_events_that_nobody_wants_are_left_out_after_an_error_too() -> None:
    """This is how handlers make reading cheap."""
    decoder = EventDecoder("responses")
    wants: dict[Any, bool] = defaultdict(bool)
    wants[events.RunDone] = True
    decoder.wants = wants
    decoder.feed(ERROR_FRAME + FAILED_FRAME)
    assert isinstance(decoder.next_event(), events.RunDone)
