"""The wire is detected from the first distinctive frame, for the whole stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_core import Stream, events
from stream_core.dialects import DIALECTS, NO_OBJECTS, Decoded, HoldsBack, ObjectTable
from stream_core.dialects.assistants import OBJECTS
from stream_core.dialects.detect import AutoDialect, detect
from stream_core.errors import ServerError, UnknownWireError
from stream_core.sse import ServerSentEvent, SSEDecoder
from tests.support.frames import DONE, pieces, run, sse, text_delta

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
        (b"<html>\n<body>Sign in</body>\n</html>\n", "<html>"),
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
    assert isinstance(dialect, HoldsBack)
    dialect.decode(ServerSentEvent("thread.created", "{}", 0))
    assert () == tuple(dialect.end())
    dialect = AutoDialect()
    monkeypatch.setattr("stream_core.dialects.detect.make_dialect", lambda _: _Held())
    assert () == tuple(dialect.decode(ServerSentEvent("", '{"choices": []}', 0)))
    assert (HELD,) == tuple(dialect.end())
