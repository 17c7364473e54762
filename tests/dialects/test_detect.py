"""The wire is detected from the first distinctive frame, for the whole stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_core import Stream, events
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import (
    DIALECTS,
    NO_OBJECTS,
    Decoded,
    ObjectTable,
    holds_back,
    make_dialect,
)
from stream_core.dialects.assistants import OBJECTS
from stream_core.dialects.detect import (
    AutoDialect,
    as_text,
    detect,
    has_lost_line_ends,
    looks_like,
    tried_in_vain,
)
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    ServerError,
    StreamError,
    UnknownWireError,
)
from stream_core.sse import ServerSentEvent, SSEDecoder
from tests.support.frames import DONE, decode, pieces, run, sse, text_delta

#: Folders of recordings, and the parts of names in servers/, by wire.
WIRES = {
    "assistants": ("assistants/*", "azure_agents/*", "servers/*_assistants_*"),
    "chat": ("chat/*", "servers/*_chat_*", "servers/fakeai_chat*"),
    "responses": ("responses/*", "servers/agentserver_*", "servers/*_responses_*"),
}

#: Bodies that are not streams; and one whose blank lines are lost, so that it is one frame with
#: the last name and the data of all.
NO_STREAMS = ("boom", "badrequest", "fakeai_responses", "php_ThreadRunStreamResponse.sse")


def found(event: str, data: object) -> str | None:
    """Detect by one frame; DATA is its text, or a value to encode as JSON."""
    return detect(ServerSentEvent(event, data if isinstance(data, str) else json.dumps(data), 0))


@pytest.mark.parametrize(
    ("event", "data", "expected"),
    [
        ("thread.run.created", {}, "assistants"),
        ("thread.message.chunk", {}, "assistants"),
        ("thread.of_tomorrow", "no JSON", "assistants"),
        ("response.created", {"type": "response.created"}, "responses"),
        ("response.of_tomorrow", "no JSON", "responses"),
        ("", {"type": "response.created", "response": {}}, "responses"),
        ("message", {"type": "response.created", "response": {}}, "responses"),
        ("", {"type": "error", "code": "x", "message": "m", "param": None}, "responses"),
        ("error", {"type": "error", "code": "x", "message": "m"}, "responses"),
        ("", {"object": "chat.completion.chunk"}, "chat"),
        ("", {"object": "", "choices": []}, "chat"),
        ("", {"choices": [{"index": 0, "delta": {}}], "error": None}, "chat"),
        ("", {"choices": {"index": 0, "delta": {}}}, "chat"),
        ("", {"object": "text_completion", "choices": [{"text": "a"}]}, "chat"),
        ("", {"choices": [{"messages": [{"delta": {"content": "a"}}]}]}, "chat"),
        ("", {"object": "error", "message": "m", "code": 400}, "chat"),
        ("", {"object": "error"}, None),
        ("", {"object": "response", "output": []}, "responses"),
        ("", {"event": "thread.run.created", "data": {}}, "assistants"),
        ("", {"event": "thread.run.created"}, None),
        ("", {"event": "done", "data": "[DONE]"}, None),
        ("", {"object": "thread.run", "id": "run_1"}, "assistants"),
        ("", {"object": "thread", "id": "thread_1"}, "assistants"),
        ("", {"object": "threads"}, None),
        ("", {"choices": "none"}, None),
        ("error", {"error": {"message": "m"}}, None),
        ("", {"type": "error", "error": {"message": "m"}}, None),
        ("done", "[DONE]", None),
        ("", "[DONE]", None),
        ("ping", {"type": "ping"}, None),
        ("", {"type": 5, "object": None, "event": []}, None),
        ("", [], None),
        ("", "hello", None),
    ],
)
def test_a_frame_is_distinctive_by_its_name_or_its_keys(
    event: str, data: object, expected: str | None
) -> None:
    """Or it is not distinctive, like errors and pings, which every wire has."""
    assert expected == found(event, data)


def test_what_is_found_is_a_dialect() -> None:
    """Every name that can be detected has a module."""
    assert set(WIRES) < set(DIALECTS)


@pytest.mark.parametrize("name", sorted(WIRES))
def test_every_recording_is_detected_by_its_first_frame(wire: Path, name: str) -> None:
    """It does not matter who recorded it, or which server spoke."""
    paths = {path for pattern in WIRES[name] for path in wire.glob(f"{pattern}.sse")}
    paths = {path for path in paths if not any(part in path.name for part in NO_STREAMS)}
    assert paths
    for path in paths:
        decoder = SSEDecoder()
        decoder.feed(path.read_bytes())
        decoder.close()
        frame = decoder.next_frame()
        assert frame is not None
        assert (path.name, name) == (path.name, detect(frame))


ANSWER = (run("created"), text_delta("Ah"), text_delta("oy"), run("completed"), DONE)


def test_a_stream_is_read_as_the_detected_wire() -> None:
    """The events are the same as with the wire's name."""
    data = sse(*ANSWER)
    out = list(Stream([data], dialect="auto"))
    assert list(Stream([data])) == out
    assert isinstance(out[-1], events.Done)


def test_frames_before_the_first_distinctive_one_are_delivered_too() -> None:
    """A ping is an unknown event, and the next frame is examined."""
    out = list(Stream([sse(("ping", {"type": "ping"}), *ANSWER)], dialect="auto"))
    assert isinstance(out[0], events.UnknownEvent)
    assert {"type": "ping"} == out[0].data
    assert isinstance(out[1], events.ThreadRunCreated)


def test_the_first_distinctive_frame_decides_for_the_rest() -> None:
    """A frame of another wire is an unknown event from then on."""
    data = sse(run("created"), ("response.created", {}), run("completed"), DONE)
    out = list(Stream([data], dialect="auto"))
    assert list(Stream([data])) == out
    assert [(events.UnknownEvent, "response.created")] == [
        (type(event), event.event) for event in out if isinstance(event, events.UnknownEvent)
    ]


@pytest.mark.parametrize("event", ["", "error"])
def test_an_error_that_comes_first_is_an_error(event: str) -> None:
    """This holds whatever wire it would have been."""
    stream = Stream([sse((event, {"error": {"message": "No."}}))], dialect="auto")
    assert stream.next()
    assert isinstance(stream.event, events.ErrorEvent)
    with pytest.raises(ServerError, match="No"):
        stream.until_done()


@pytest.mark.parametrize("name", ["responses", "chat"])
def test_the_other_wires_are_detected_in_a_stream(wire: Path, name: str) -> None:
    """The events and the run are the same as with the wire's name."""
    path = next(iter(sorted(wire.glob(f"{name}/*.sse"))))
    by_name, by_frame = (
        Stream(path.open("rb"), dialect=name),
        Stream(path.open("rb"), dialect="auto"),
    )
    assert [x.event for x in by_name] == [x.event for x in by_frame]
    assert by_name.current_run is not None
    assert by_name.current_run == by_frame.current_run


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"", ""),
        (sse(DONE), "[DONE]"),
        (sse(("", "[DONE]")), "[DONE]"),
        (sse(("", {"event": "done", "data": "[DONE]"})), '{"event": "done", "data": "[DONE]"}'),
        (sse(("ping", {"n": 1}), ("ping", {"n": 2})), '{"n": 1}'),
        (sse(("ping", {"n": 1}), DONE), '{"n": 1}'),
        (b"<html>\n<body>Sign in</body>\n</html>\n", "<html>\n<body>Sign in</body>\n</html>\n"),
        (b": keep-alive\n\n", ""),
    ],
)
def test_a_stream_of_no_known_wire_says_so(data: bytes, begins: str) -> None:
    """Wherever it is cut: with its beginning, the wires that were tried, and a remedy."""
    for chunks in ([data], pieces(data, 1)):
        stream = Stream(chunks)
        with pytest.raises(UnknownWireError, match="pass dialect=") as caught:
            stream.until_done()
        assert begins == caught.value.begins
        assert set(caught.value.wires) == DIALECTS.keys() - {"auto"}


def test_what_came_before_the_end_of_an_unknown_wire_is_delivered() -> None:
    """It is delivered as events of unknown names."""
    stream = Stream(sse(("ping", {"n": 1}), ("pong", {"n": 2}), DONE))
    assert [stream.next(), stream.next(), stream.next()] == [True, True, False]
    assert isinstance(stream.err, UnknownWireError)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [("thread.created", "{}", OBJECTS), ("", '{"choices": []}', NO_OBJECTS)],
)
def test_the_table_of_objects_is_that_of_the_detected_wire(
    name: str, data: str, expected: ObjectTable
) -> None:
    """Before that it is None; a wire without a table has an empty one."""
    dialect = AutoDialect()
    assert dialect.objects("ping") is None
    dialect.decode(ServerSentEvent(name, data, 0))
    assert expected is dialect.objects("ping")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("thread.created", OBJECTS), ("response.created", NO_OBJECTS), ("error", None), ("", None)],
)
def test_a_name_may_tell_before_its_frame_is_decoded(
    name: str, expected: ObjectTable | None
) -> None:
    """As it would when the frame is decoded."""
    assert expected is AutoDialect().objects(name)
    found = detect(ServerSentEvent(name, "{}", 0))
    assert (expected is None) == (found is None)


HELD = Decoded(events.Done, "[DONE]", None, "done")


class _Held:
    """A wire that returns something at the end of the bytes."""

    def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
        return ()

    def end(self) -> tuple[Decoded, ...]:
        return (HELD,)


def test_what_a_wire_holds_back_is_delivered_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detected wire returns it; one that holds nothing back adds nothing."""
    dialect = AutoDialect()
    assert holds_back(make_dialect("auto"))
    dialect.decode(ServerSentEvent("thread.created", "{}", 0))
    assert () == tuple(dialect.end())
    dialect = AutoDialect()
    monkeypatch.setattr("stream_core.dialects.detect.make_dialect", lambda _: _Held())
    assert () == tuple(dialect.decode(ServerSentEvent("", '{"choices": []}', 0)))
    assert (HELD,) == tuple(dialect.end())


# --- A named wire of which no frame came ------------------------------------------------

#: The first frame of each wire.
FIRST = {
    "assistants": sse(run("created")),
    "chat": sse(("", {"id": "a", "object": "chat.completion.chunk", "choices": []})),
    "responses": sse(("", {"type": "response.created", "response": {"id": "a"}})),
}

#: A stream of each wire, whole or not, and what says that it is at its end.
EMPTY: dict[str, bytes] = {
    "nothing": b"",
    "comments": b": hello\n\n: hello\n\n",
    "a cut name": b"event: thread.run.cre",
    "a cut frame": b'data: {"id": "a',
    "heartbeats": b"data: ping\n\nevent: ping\ndata: keep-alive\n\n",
}


def failure_of(data: bytes, wire: str) -> StreamError | None:
    """Return what ends DATA, the same for any chunks, with the fast paths and without."""
    failures: list[StreamError | None] = []
    for chunks in ([data], pieces(data, 1)):
        failure = None
        try:
            for _ in EventDecoder(wire).events(chunks):
                pass
        except StreamError as error:
            failure = error
        failures.append(failure)
    first, second = failures
    assert (type(first), str(first)) == (type(second), str(second))
    return first


@pytest.mark.parametrize("wire", sorted(FIRST))
@pytest.mark.parametrize("other", sorted(FIRST))
def test_a_named_wire_of_which_no_frame_was_is_unknown(wire: str, other: str) -> None:
    """Bytes of another wire end as an UnknownWireError that names the one that was tried."""
    failure = failure_of(FIRST[other], wire)
    assert type(failure) is (IncompleteStreamError if wire == other else UnknownWireError)
    if isinstance(failure, UnknownWireError):
        assert (wire,) == failure.wires
        assert failure.begins in FIRST[other].decode()
        assert 'pass dialect="auto"' in str(failure)


@pytest.mark.parametrize("wire", sorted(FIRST))
@pytest.mark.parametrize("data", EMPTY.values(), ids=EMPTY)
def test_an_empty_or_cut_stream_of_a_named_wire_may_be_joined_again(wire: str, data: bytes) -> None:
    """It is an IncompleteStreamError: nothing says that it is another wire."""
    assert type(failure_of(data, wire)) is IncompleteStreamError


@pytest.mark.parametrize("wire", sorted(FIRST))
@pytest.mark.parametrize("before", [b"", b"data: ping\n\n", b": hi\n\n"])
def test_done_alone_is_no_end_of_a_named_wire(wire: str, before: bytes) -> None:
    """``[DONE]`` without a frame of that wire is no success."""
    failure = failure_of(before + b"data: [DONE] \n\n", wire)
    assert isinstance(failure, UnknownWireError)
    assert (wire,) == failure.wires


#: Bytes without a frame, a word in the error, and how it quotes them.
NO_FRAMES: dict[str, tuple[bytes, str, str]] = {
    "gzip": (b"\x1f\x8b\x08\x00\xff", "gzip", "\\x1f\\x8b"),
    "UTF-16": ('data: {"a": 1}\n\n'.encode("utf-16"), "UTF-16", "d\\x00a\\x00"),
    "UTF-16 without a mark": ("event: done\n\n".encode("utf-16-be"), "UTF-16", "\\x00e"),
    "HTML": (b"<html>\n<h1>504 Gateway Time-out</h1>\n", "HTML", "504 Gateway"),
    "JSON": (b'{\n "error": {"message": "no key"}}', "stream=True", "no key"),
    "line ends": (b'event: thread.run.createddata: {"id": "a"}', "line ends", "run.created"),
    "a text": (b"upstream connect error\n", "22", "upstream connect error"),
    "a text in Latin-1": (b"gest\xf6rt", "7 bytes", "gest\u00f6rt"),
}


@pytest.mark.parametrize("wire", [*sorted(FIRST), "auto"])
@pytest.mark.parametrize(("data", "word", "quoted"), NO_FRAMES.values(), ids=NO_FRAMES)
def test_bytes_without_a_frame_are_named_and_quoted(
    wire: str, data: bytes, word: str, quoted: str
) -> None:
    """The error says how many bytes came, how they begin, and what they look like."""
    failure = failure_of(data, wire)
    assert isinstance(failure, UnknownWireError)
    assert len(data) == failure.received
    for fact in (f"{len(data)} bytes", quoted):
        assert fact in str(failure)
    assert not failure.looks_like or word in failure.looks_like


def test_what_comes_after_the_last_event_is_quoted() -> None:
    """A proxy's page in the middle of a stream is in the error, at any cut."""
    page = b"<html>\n<h1>502 Bad Gateway</h1>\n</html>\n"
    for wire, first in FIRST.items():
        failure = failure_of(first + page, wire)
        assert isinstance(failure, IncompleteStreamError)
        assert ("<html>", True) == (failure.rest, "then came '<html>'" in str(failure))


def test_a_stream_that_continues_another_is_of_its_wire() -> None:
    """Of the rest of a stream that was lost, ``done`` alone is an end."""
    known = EventDecoder("assistants")
    known.feed(sse(run("in_progress")))
    assert known.next_event() is not None
    more = EventDecoder("assistants", snapshots=known.snapshots)
    assert ["done"] == [event.event for event in more.events([sse(DONE)])]


def test_the_wires_that_could_still_be() -> None:
    """A dialect of one's own decides for itself."""
    assert ("chat",) == tried_in_vain(make_dialect("chat"))
    auto = AutoDialect()
    assert {*FIRST} == {*tried_in_vain(auto)}
    auto.decode(ServerSentEvent("thread.created", "{}", 0))
    assert () == tried_in_vain(auto) == tried_in_vain(_Held())
    assert failure_of(sse(DONE), "assistants") is not None
    assert ["done"] == [x.event for x in EventDecoder(_Ending()).events([sse(("", "x"))])]


class _Ending:
    """A wire whose every frame is the end."""

    def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
        return (HELD,)


def test_a_text_cut_inside_a_character_stays_text() -> None:
    """The rest of the character is left out; what is not UTF-8 at all has a character per byte."""
    assert "\u00e9" == as_text("\u00e9\u20ac".encode()[:4])
    assert ("\xe2\x82", "") == (as_text(b"\xe2\x82"), as_text(b": a comment"))
    assert "a" == as_text(b"a\xe2\x82")
    assert "a\xffb" == as_text(b"a\xffb")
    assert ("", "") == (looks_like(b""), looks_like(b"data: {}\ndata: {}"))


@pytest.mark.parametrize("wire_name", sorted(FIRST))
@pytest.mark.parametrize("other", sorted(FIRST))
def test_recordings_of_another_wire_are_no_success(wire: Path, wire_name: str, other: str) -> None:
    """Read as the wrong wire, each ends with an error that says so, or with the server's own.

    Examples of the reference that are no event streams are refused as such.
    """
    if wire_name != other:
        for path in sorted(wire.glob(f"{other}/*.sse")):
            decoder = EventDecoder(wire_name)
            with pytest.raises((UnknownWireError, ServerError, DecodeError)):
                list(decoder.events([path.read_bytes()]))


def test_the_end_of_a_dialect_that_has_not_decided() -> None:
    """Whoever uses the dialect by itself gets the same error."""
    dialect = AutoDialect()
    dialect.decode(ServerSentEvent("", "ping", 0))
    with pytest.raises(UnknownWireError) as caught:
        dialect.end()
    assert ("ping", False) == (caught.value.begins, dialect.decided)


def test_frames_without_line_ends_in_one_data() -> None:
    """A text in a frame that mentions fields is not that."""
    assert has_lost_line_ends('{"a": 1}data: {"b": 2}')
    assert has_lost_line_ends('{"a": [1]}event: done')
    assert not has_lost_line_ends('{"a": "data: 1"')


def test_lines_that_a_wire_does_not_read_are_ignored_by_it() -> None:
    """Only Chat Completions has servers that send errors so; until a wire is found, they count."""
    created = sse(("thread.created", {"id": "t", "object": "thread"}))
    out = decode(created + b"error: x\n\n" + sse(("done", "[DONE]")), dialect="auto")
    assert (None, "Done") == (out.error, out.names[-1])
    early = decode(b"error: x\n\n" + created, dialect="auto")
    assert ["ErrorEvent"] == early.names
