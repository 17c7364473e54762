"""What servers of the Assistants wire really send, with neighbours: a test for each manner.

Rules of this file:

- A neighbour is the same fault with another field, index or order, with or without the final
  object. Each is decoded whole, byte by byte and without fast paths.
- What is right is written down from docs/what-servers-send.md, not taken from the decoder.
"""

from __future__ import annotations

import io
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import Client, Stream, environment, errors, events, models
from stream_core.tools.tool_set import ToolSet
from tests.support.frames import (
    DONE,
    Recorder,
    Transcript,
    call,
    check_transcript,
    decode,
    message,
    message_delta,
    pieces,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
)
from tests.support.scripted_server import frames, running
from tests.support.socket_peer import CHUNKED, OK, Peer, chunk, reply, say

if TYPE_CHECKING:
    from tests.support.frames import Frame

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

FEW = settings(max_examples=50)


def escaped(*sent: Frame) -> bytes:
    """Write SENT with every character beyond ASCII escaped."""
    return sse(*((name, x if isinstance(x, str) else json.dumps(x)) for name, x in sent))


def hear(*sent: Frame, dialect: str = "assistants") -> Transcript:
    """Decode SENT in several ways; check the order of the events, and that no frame is lost."""
    data = escaped(*sent)
    made = decode(data, dialect=dialect)
    assert made.texts == decode(pieces(data.replace(b"\n", b"\r\n"), 1), dialect=dialect).texts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", False)
        assert made == decode(data, dialect=dialect)
    check_transcript(made.events, ended=made.error is None and bool(made.of(events.RunDone)))
    if made.error is None:
        raws = [x.raw for x in made.of(events.WireEvent)]
        plain = [json.loads(json.dumps(x)) for _, x in sent if isinstance(x, dict)]
        assert [] == [x for x in plain if x not in raws]
    return made


def said(made: Transcript) -> str:
    """Return all text that was delivered."""
    return "".join(x.delta.value or "" for x in made.of(events.MessageTextDelta))


def status(made: Transcript) -> str | None:
    """Return the status of the run at its end, or None."""
    ended = made.of(events.RunDone)
    return ended[0].run.status if ended else None


BEGUN = (run("created"), message("created"))
ENDED = (run("completed"), DONE)

# --- Texts and calls --------------------------------------------------------------------


@pytest.mark.parametrize("last", ["delta", "final", "both", "nothing"])
@pytest.mark.parametrize("index", [0, 1, 3])
def test_a_surrogate_pair_split_over_two_deltas_is_whole(last: str, index: int) -> None:
    """The second half may come with the final message only, or never; at any index."""
    parts = [text("")] * index + [text("a\ud83d\ude00")]
    sent: list[Frame] = [*BEGUN, text_delta("a\ud83d", index=index)]
    if last in ("delta", "both"):
        sent.append(text_delta("\ude00", index=index))
    if last in ("final", "both"):
        sent.append(message("completed", *parts))
    expected = "a\ufffd" if last == "nothing" else "a😀"
    made = hear(*sent, *ENDED)
    assert expected == said(made)
    assert expected in [x.text.value for x in made.of(events.MessageTextDone)]


def test_halves_of_two_parts_and_two_messages_do_not_meet() -> None:
    """Each waits for its own."""
    wheres: list[dict[str, Any]] = [{"index": 1}, {"message_id": "msg_2"}]
    for where in wheres:
        sent = [
            text_delta("\ud83d"),
            text_delta("\ud83d", **where),
            text_delta("\ude00"),
            text_delta("\ude01", **where),
        ]
        made = hear(*BEGUN, *sent, *ENDED)
        done = [x.text.value for x in made.of(events.MessageTextDone)]
        # A part that is done when the next begins has no second half any more.
        assert "\ud83d" not in "".join(done) + said(made)
        for line in made.texts:
            line.encode()


def test_a_surrogate_pair_that_a_tee_wrote_replays_whole() -> None:
    """The recording has the halves as they were sent."""
    data = escaped(*BEGUN, text_delta("\ud83d"), text_delta("\ude00"), *ENDED)
    kept, recorders = io.BytesIO(), [Recorder(), Recorder()]
    with Stream(pieces(data, 7), recorders[0]) as stream:
        stream.tee(kept)
        stream.until_done()
    Stream(kept.getvalue(), recorders[1]).until_done()
    assert data == kept.getvalue()
    assert recorders[0].calls == recorders[1].calls


ARGUMENTS = '{"a":1,"b":"}{"}'


def waiting(*numbers: int) -> Frame:
    """Return the frame of a run that waits for the calls with these NUMBERS."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": f"f{n}", "arguments": ARGUMENTS}}
        for n in numbers
    ]
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}
    return run("requires_action", required_action=action)


@pytest.mark.parametrize("first", ["empty", "piece"])
@pytest.mark.parametrize("together", [True, False])
def test_calls_interleaved_at_every_fragment_boundary_are_whole(
    first: str, *, together: bool
) -> None:
    """Two calls are cut at each place; the fragments come in turn, in one frame or in two."""
    for at, order in product(range(1, len(ARGUMENTS)), ((0, 1), (1, 0))):
        cut = ["", ARGUMENTS[:at], ARGUMENTS[at:]]
        if first == "piece":
            cut = [ARGUMENTS[:at], ARGUMENTS[at:]]
        sent: list[Frame] = [run("created"), step("created", type="tool_calls")]
        for place, piece in enumerate(cut):
            turn = (0, 1) if place == 0 else order
            deltas = [
                call(n, arguments=piece, **({} if place else {"id": f"c{n}", "name": f"f{n}"}))
                for n in turn
            ]
            sent += [step_delta(*deltas)] if together else [step_delta(x) for x in deltas]
        made = decode(escaped(*sent, waiting(0, 1), DONE))
        assert made.error is None
        done = {x.tool_call.id: x.tool_call.function for x in made.of(events.RunStepToolCallDone)}
        assert {"c0", "c1"} == done.keys()
        assert [ARGUMENTS, ARGUMENTS] == [x.arguments for x in done.values()]
        assert 2 == len(made.of(events.RunStepToolCallDone))


def get_time() -> str:
    """Return the time."""
    return "noon"


@pytest.mark.parametrize("value", ["null", "", None, "{}"])
def test_arguments_null_or_empty_run_a_function_without_parameters(value: Any) -> None:
    """Over HTTP: the tool runs, and the run goes on."""
    asked = {"id": "c", "type": "function", "function": {"name": "get_time", "arguments": value}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [asked]}}
    stops = frames(run("created"), run("requires_action", required_action=action), DONE)
    with running(stops, frames(run("in_progress"), run("completed"), DONE)) as server:
        stream = server.client.beta.threads.runs.stream(
            thread_id="t", assistant_id="a", tools=ToolSet(get_time)
        )
        assert "completed" == stream.get_final_run().status
        assert [{"tool_call_id": "c", "output": "noon"}] == server.bodies[1]["tool_outputs"]


def test_expires_at_in_the_past_does_not_stop_tools() -> None:
    """A run that expired by the client's clock long ago: elapsed time decides."""
    asked = {"id": "c", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [asked]}}
    old: dict[str, Any] = {"created_at": 1, "expires_at": 601, "required_action": action}
    stops = frames(run("created"), run("requires_action", **old), DONE)
    with running(stops, frames(run("in_progress"), run("completed"), DONE)) as server:
        stream = server.client.beta.threads.runs.stream(
            thread_id="t", assistant_id="a", tools=ToolSet(get_time)
        )
        assert "completed" == stream.get_final_run().status


# --- Endings, errors, fields ------------------------------------------------------------


@pytest.mark.parametrize("word", ["ping", "heartbeat", "keep-alive", "KEEPALIVE"])
@pytest.mark.parametrize("name", ["", "message", "ping"])
def test_bare_words_as_data_are_unknown_events(word: str, name: str) -> None:
    """Before, between and after the deltas; they change nothing."""
    beat = (name, word)
    made = hear(beat, *BEGUN, beat, text_delta("a"), beat, text_delta("b"), beat, *ENDED)
    assert ("ab", "completed", 4) == (said(made), status(made), len(made.of(events.UnknownEvent)))


@pytest.mark.parametrize("data", ["[DONE]", "[DONE] ", " [DONE]", "[DONE]\n"])
@pytest.mark.parametrize("name", ["done", "", "message"])
def test_done_with_a_blank_is_done(data: str, name: str) -> None:
    """With and without its event line."""
    made = hear(*BEGUN, text_delta("a"), run("completed"), (name, data))
    (done,) = made.of(events.Done)
    assert (None, False) == (made.error, done.synthetic)


@pytest.mark.parametrize("value", [None, "text", 5, [], {}, True, -1.5])
def test_wrong_typed_fields_that_say_nothing_needed_do_not_end_a_stream(value: Any) -> None:
    """Dates, usage, details and annotations; the raw JSON has them as sent."""
    names = ("created_at", "expires_at", "usage", "model", "tools", "metadata", "temperature")
    wrong = dict.fromkeys(names, value)
    delta = message_delta(
        {"index": 0, "type": "text", "text": {"value": "a", "annotations": value}, "x": value}
    )
    kind, began = message("created")
    sent = [run("created", **wrong), (kind, {**began, **wrong, "role": value}), delta]
    made = hear(*sent, run("completed", **wrong), DONE)
    assert (None, "a", "completed") == (made.error, said(made), status(made))


@pytest.mark.parametrize("nothing", ["", None, {}, []])
def test_error_empty_or_null_in_good_frames_is_no_error(nothing: Any) -> None:
    """Beside the fields of a run and of a delta."""
    name, delta = text_delta("a")
    made = hear(*BEGUN, (name, {**delta, "error": nothing}), run("completed", error=nothing), DONE)
    assert (None, "a", "completed") == (made.error, said(made), status(made))


@pytest.mark.parametrize(
    "body", ["<html><h1>502 Bad Gateway</h1></html>", "Internal Server Error", "upstream: reset"]
)
@pytest.mark.parametrize("dialect", ["assistants", "auto"])
def test_html_or_another_text_in_an_event_stream_is_quoted(body: str, dialect: str) -> None:
    """The error begins as the bytes do; after the beginning of a run it is cut short."""
    made = decode(body.encode(), dialect=dialect)
    assert isinstance(made.error, errors.UnknownWireError)
    assert body[:20] in str(made.error)
    late = decode(escaped(*BEGUN) + body.encode(), dialect=dialect)
    assert isinstance(late.error, errors.StreamError)
    assert status(late) is None


def test_a_content_encoding_that_was_not_asked_for_is_named() -> None:
    """The error says which."""
    answer = reply(200, b"\x00\x01", Content_Type="text/event-stream", Content_Encoding="zstd")
    failing = pytest.raises(errors.NotAnEventStreamError, match="zstd")
    with Peer(say(answer, close=True)) as peer, Client("", peer.url) as client, failing:
        client.beta.threads.runs.stream(thread_id="t", assistant_id="a")


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain"])
def test_a_good_event_stream_of_any_content_type_is_read(kind: str | None) -> None:
    """What the bytes are counts."""
    named = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
    body = escaped(*BEGUN, text_delta("hi"), *ENDED)
    answer = say(OK + named + CHUNKED + chunk(body) + chunk(b""))
    with Peer(answer) as peer, Client("", peer.url) as client:
        stream = client.beta.threads.runs.stream(thread_id="t", assistant_id="a")
        assert "hi" == "".join(stream.text_deltas)


# --- On every stream --------------------------------------------------------------------

ENDINGS = ("completed", "failed", "incomplete", "cancelled", "expired", "aborted", "", None, 5)


@FEW
@given(
    name=st.sampled_from(["completed", "failed", "incomplete", "cancelled", "expired"]),
    stated=st.sampled_from(ENDINGS),
    error=st.sampled_from([None, {"message": "boom"}, "boom"]),
    dress=st.sampled_from(["event", "unnamed", "wrapped"]),
)
def test_an_error_in_any_dress_is_never_a_success(
    name: str, stated: Any, error: Any, dress: str
) -> None:
    """Only a run whose status is `completed` has completed."""
    kind, ended = run(name)
    sent: list[Frame] = [*BEGUN, text_delta("a")]
    if error is not None:
        event = {"event": ("error", error), "unnamed": ("", {"error": error})}
        sent.append(event.get(dress, ("error", {"error": error})))
    made = decode(escaped(*sent, (kind, {**ended, "status": stated}), DONE), dialect="assistants")
    completed = made.error is None and status(made) == "completed"
    assert completed is (error is None and stated == "completed")
    if error is not None:
        assert isinstance(made.error, errors.ServerError)


@st.composite
def streams(draw: st.DrawFn) -> list[Frame]:
    """Frames of all kinds in any order, about things that need not have begun."""
    found: list[Frame] = []
    for _ in range(draw(st.integers(0, 8))):
        value, index = draw(st.sampled_from(["x", "", "\ud83d", "\ude00"])), draw(st.integers(0, 2))
        name = draw(st.sampled_from(["a", "b"]))
        possible = [
            message("created", message_id=name),
            message("completed", text(value), message_id=name),
            text_delta(value, index=index, message_id=name),
            message_delta({"index": index, "type": "refusal", "refusal": value}, message_id=name),
            message_delta(message_id=name),
            step("created", name, type="tool_calls"),
            step_delta(call(index, id=f"c{index}", name="f", arguments=value), step_id=name),
            step_delta(step_id=name),
            run("in_progress"),
            ("thread.tomorrow", {"id": name}),
            ("", {"usage": {}}),
        ]
        found.append(draw(st.sampled_from(possible)))
    return found


@FEW
@given(sent=streams())
def test_every_frame_of_any_stream_has_an_event_with_its_json(sent: list[Frame]) -> None:
    """In any order."""
    made = decode(escaped(run("created"), *sent, *ENDED), dialect="assistants")
    assert made.error is None
    raws = [x.raw for x in made.of(events.WireEvent)]
    assert [] == [x for _, x in sent if json.loads(json.dumps(x)) not in raws]
    for line in made.texts:
        line.encode()


@FEW
@given(words=st.lists(st.sampled_from(["ping", "{}", "5", "[DONE]"]), min_size=1))
@pytest.mark.parametrize("dialect", ["assistants", "auto"])
def test_a_stream_without_a_frame_of_the_wire_is_an_unknown_wire(
    dialect: str, words: list[str]
) -> None:
    """Named and found out, if it says `done`; else it may be a cut."""
    made = decode(sse(*(("", word) for word in [*words, "[DONE]"])), dialect=dialect)
    assert isinstance(made.error, errors.UnknownWireError)
    assert [] == made.of(models.Run)
