"""Every recorded stream, decoded whole and in pieces, and compared with its bytes.

Rules of this file:

- The recordings are whatever is in the folder: assertions about all of them must hold for new
  ones too. Assertions about single ones are in the tables below.
- :func:`frames_of` reads a recording by splitting it at blank lines and with ``json``, and
  shares nothing with the decoder.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from stream_core import environment, events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.errors import (
    DecodeError,
    IncompleteStreamError,
    ServerError,
    UnknownWireError,
)
from tests.support.frames import (
    Transcript,
    check_transcript,
    decode,
    decode_every_way,
    random_pieces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: The files of the folder that are Assistants streams.
FOLDERS = ("assistants/*.sse", "azure_agents/*.sse", "servers/*_assistants_*.sse")

#: Wire -> the folders of its streams. (What servers sent is read by the tests of the dialects.)
OTHER_FOLDERS = {
    "chat": ("chat/*.sse", "more/chat/*.sse"),
    "responses": ("responses/*.sse", "more/responses/*.sse"),
}

#: Files of the other wires whose final text is not that of their deltas: somebody shortened them.
SHORTENED = ("vercel_openai_openai-shell-container.1.sse",)

#: Files whose JSON or framing is broken, and the number of frames before the bad one.
MALFORMED = {
    "php_ThreadRunStreamResponse.sse": 0,  # no blank lines: all of it is one frame
    "spec_createRun_Streaming.sse": 0,
    "spec_createRun_Streaming_with_Functions.sse": 0,
    "spec_createThreadAndRun_Streaming.sse": 13,
    "spec_createThreadAndRun_Streaming_with_Functions.sse": 1,
    "spec_submitToolOuputsToRun_Streaming.sse": 1,
}

#: Files in which the server reports an error.
SERVER_ERRORS = (
    "SYN_dotnet_error_event.sse",
    "simpleopenai_threads_runs_create_stream_error_1.sse",
)

#: Files without all of their deltas: the documentation shows the first and the last ones, with
#: "..." between them.
ELIDED = "spec_"


def recordings(folder: Path) -> list[Path]:
    """Return the Assistants streams in FOLDER."""
    return sorted(path for pattern in FOLDERS for path in folder.glob(pattern))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that take ``path`` for every recording; without recordings they are skipped."""
    if "path" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--wire")
        assert isinstance(folder, Path)
        paths = recordings(folder)
        metafunc.parametrize("path", paths, ids=[path.name for path in paths])
    if "other" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--wire")
        assert isinstance(folder, Path)
        others = [
            (name, path)
            for name, patterns in OTHER_FOLDERS.items()
            for pattern in patterns
            for path in sorted(folder.glob(pattern))
        ]
        metafunc.parametrize("other", others, ids=[f"{name}-{path.name}" for name, path in others])


@attrs.define
class Frame:
    """A block between blank lines: offset, name, and the JSON in it."""

    offset: int
    name: str
    text: str
    payload: Any = None


@cache
def lines_of(path: Path) -> bytes:
    """Return the recording with its lines ending in LF."""
    return path.read_bytes().replace(b"\r\n", b"\n")


@cache
def frames_of(path: Path) -> list[Frame]:
    """Read a recording up to and including an error or the first frame that is not JSON.

    That frame has no payload; so has a line that begins with a brace, and so should have begun
    with ``data:``.
    """
    found, offset = [], 0
    for block in lines_of(path).split(b"\n\n"):
        fields = [line.decode() for line in block.split(b"\n")]
        name = next((x[7:] for x in fields if x.startswith("event: ")), "")
        text = "\n".join(x[6:] for x in fields if x.startswith("data: "))
        bare = next((x for x in fields if x.startswith("{")), None)
        frame = Frame(offset, name, text)
        if bare is not None:
            frame.offset += block.index(bare.encode())
        offset += len(block) + 2
        if not text and bare is None:
            continue
        found.append(frame)
        if text == "[DONE]":
            frame.name, frame.payload = "done", text
            continue
        try:
            frame.payload = None if bare else json.loads(text)
        except ValueError:
            break
        if frame.payload is None:
            break
        if not frame.name:  # one envelope instead of an event: line
            frame.name, frame.payload = frame.payload["event"], frame.payload["data"]
        if frame.name == "error":
            break
    return found


@cache
def transcript_of(path: Path) -> Transcript:
    """Decode a recording whole."""
    return decode(path.read_bytes())


def sent(out: Transcript) -> Iterator[events.WireEvent[Any]]:
    """Yield the events that the server sent."""
    for event in out.events:
        if isinstance(event, events.WireEvent) and not event.synthetic:
            yield event


# --- All of them ------------------------------------------------------------------------


def test_there_are_recordings(wire: Path) -> None:
    """The folder has those that are named here."""
    names = {path.name for path in recordings(wire)}
    assert {*MALFORMED, *SERVER_ERRORS} <= names
    assert 30 < len(names)


def test_any_chunking_gives_the_same(path: Path) -> None:
    """It is read whole, by the frame, byte by byte, at random splits, on both paths."""
    assert transcript_of(path) == decode_every_way(path.read_bytes(), seeds=range(1))


@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
def test_any_line_ends_give_the_same(path: Path, end: bytes) -> None:
    """This holds even if it is cut between CR and LF; only the offsets of errors differ."""
    data = lines_of(path).replace(b"\n", end)
    expected = transcript_of(path)
    for chunks in ([data], random_pieces(data, 5, most=20)):
        out = decode(chunks)
        assert expected.texts == out.texts
        assert repr(expected.error) == repr(out.error)


def test_it_ends_well_or_with_the_expected_error(path: Path) -> None:
    """Only those known to be broken do not end with done."""
    out = transcript_of(path)
    if path.name in MALFORMED:
        assert isinstance(out.error, DecodeError)
    elif path.name in SERVER_ERRORS:
        assert isinstance(out.error, ServerError)
    elif out.error is None:
        assert isinstance(out.events[-1], events.Done)
        assert 1 == len(out.of(events.Done))
    else:
        assert isinstance(out.error, DecodeError | ServerError | IncompleteStreamError)


def test_every_frame_is_delivered_once_and_in_order(path: Path) -> None:
    """It has its name and its JSON; before an error, all frames before it are delivered."""
    frames = [(x.name, x.payload) for x in frames_of(path) if x.payload is not None]
    actual = [(x.event, x.raw) for x in sent(transcript_of(path))]
    assert [name for name, _ in frames] == [name for name, _ in actual]
    for (name, payload), (_, raw) in zip(frames, actual, strict=True):
        assert raw in (payload, {"event": name, "data": payload})


def test_everything_is_announced_once_and_ends_once(path: Path) -> None:
    """Each part and call is done before the next one begins."""
    out = transcript_of(path)
    check_transcript(out.events, ended=out.error is None and bool(out.of(events.RunDone)))


def test_created_events_are_those_of_the_bytes(path: Path) -> None:
    """They cover every message, step, text part and call, and no other."""
    messages, steps, texts, calls = set(), set(), set(), set()
    for frame in frames_of(path):
        name, payload = frame.name, frame.payload
        if name.startswith("thread.message.") and payload:
            messages.add(payload["id"])
            parts = enumerate(payload.get("delta", payload).get("content") or ())
            texts |= {(payload["id"], x.get("index", n)) for n, x in parts if x["type"] == "text"}
        elif name.startswith("thread.run.step.") and payload:
            begins = name.rpartition(".")[2] in {"created", "in_progress", "delta"}
            if begins:
                steps.add(payload["id"])
            if payload["id"] in steps:  # or it is the end of a step of an earlier stream
                details = payload.get("delta", payload).get("step_details") or {}
                calls |= {x["id"] for x in details.get("tool_calls") or () if x.get("id")}
    out = transcript_of(path)
    assert messages == {x.data.id for x in out.of(events.ThreadMessageCreated)}
    assert steps == {x.data.id for x in out.of(events.ThreadRunStepCreated)}
    assert texts == {(x.message_id, x.index) for x in out.of(events.MessageTextCreated)}
    assert calls == {x.tool_call.id for x in out.of(events.RunStepToolCallCreated)}


def test_a_wire_event_comes_before_its_derived_events(path: Path) -> None:
    """Order requires two exceptions: see ``stream_core.snapshots.stream_state``."""
    decoder, data = EventDecoder(), lines_of(path)
    for block in data.split(b"\n\n")[:-1]:
        decoder.feed(block + b"\n\n")
        try:
            out = list(iter(decoder.next_event, None))
        except (DecodeError, ServerError):
            break
        kinds = [
            event for event in out if not (isinstance(event, events.WireEvent) and event.synthetic)
        ]
        if kinds and isinstance(kinds[-1], events.Done):
            kinds.reverse()
        assert [] == [x for x in kinds[:1] if isinstance(x, events.DerivedEvent)]
        assert all(isinstance(x, events.DerivedEvent) for x in kinds[1:])


def test_the_deltas_of_a_complete_message_are_its_text(path: Path) -> None:
    """Joined, the derived ones always are; the wire's own are if the server sends them all.

    If the documentation left some out, nothing is made up in their place.
    """
    out = transcript_of(path)
    spoken: Counter[str] = Counter()
    of_the_wire: dict[str, str] = {}
    for frame in frames_of(path):
        if frame.name == "thread.message.delta":
            of_the_wire.setdefault(frame.payload["id"], "")
            for part in frame.payload["delta"].get("content") or ():
                of_the_wire[frame.payload["id"]] += part.get("text", {}).get("value") or ""
                spoken[frame.payload["id"]] += 1
    for done in out.of(events.MessageDone):
        one: models.Message = done.message
        deltas = [x.delta.value for x in out.of(events.MessageTextDelta) if x.message_id == one.id]
        said = "".join(deltas)
        if path.name.startswith(ELIDED):
            assert of_the_wire[one.id] == said
            assert one.text != said  # or it would need no exception
            continue
        assert one.text == said
        if spoken[one.id]:
            assert one.text == of_the_wire[one.id]


def test_the_arguments_of_a_call_are_its_fragments(path: Path) -> None:
    """This holds for every function call whose fragments were sent."""
    out = transcript_of(path)
    joined: Counter[tuple[str, int]] = Counter()
    fragments: dict[tuple[str, int], str] = {}
    for event in out.of(events.RunStepToolCallDelta):
        if isinstance(event.delta, models.FunctionToolCallDelta) and event.delta.function:
            where = (event.run_step_id, event.index)
            fragments[where] = fragments.get(where, "") + (event.delta.function.arguments or "")
            joined[where] += 1
    for event in out.of(events.RunStepToolCallDone):
        where = (event.run_step_id, event.index)
        if isinstance(event.tool_call, models.FunctionToolCall) and joined[where] > 1:
            whole = event.tool_call.function.arguments
            if path.name.startswith(ELIDED):  # the required action alone may have them all
                assert fragments[where] == whole or json.loads(whole)
            else:
                assert fragments[where] == whole
                json.loads(whole)


# --- Of the other wires -----------------------------------------------------------------

#: Name of its wire, and its file.
Other = tuple[str, Path]


@cache
def other_transcript(other: Other) -> Transcript:
    """Decode a recording of another wire whole."""
    wire, path = other
    return decode(path.read_bytes(), dialect=wire)


def data_of(path: Path) -> Iterator[Any]:
    """Yield the JSON of every frame that carries data, as it was sent; bare words are texts."""
    for block in re.split(r"\n\n+", lines_of(path).decode()):
        text = "\n".join(x[5:].strip() for x in block.split("\n") if x.startswith("data:"))
        if text and text != "[DONE]":
            try:
                yield json.loads(text)
            except ValueError:
                yield text


def test_any_chunking_of_any_wire_gives_the_same(other: Other) -> None:
    """It is read whole, by the frame, byte by byte, at random splits, on both paths."""
    wire, path = other
    expected = other_transcript(other)
    assert expected == decode_every_way(path.read_bytes(), seeds=(), dialect=wire)


def test_everything_on_any_wire_is_announced_once_and_ends_once(other: Other) -> None:
    """Each message, step, part and call is created and done; nothing is an accident."""
    out = other_transcript(other)
    assert isinstance(out.error, ServerError | None)
    check_transcript(out.events, ended=out.error is None and bool(out.of(events.RunDone)))


def test_no_frame_of_any_wire_is_lost(other: Other) -> None:
    """The JSON of every frame up to the end, or to an error, is the ``raw`` of some event."""
    out = other_transcript(other)
    raws = [x.raw for x in out.of(events.WireEvent) if x.raw is not None]
    frames = list(data_of(other[1]))
    if out.error is not None:
        frames = frames[: 1 + frames.index(raws[-1])]
    assert [] == [x for x in frames if x not in raws]


def test_the_deltas_of_any_wire_are_the_final_text(other: Other) -> None:
    """This holds for the text of messages, and for reasoning and its summary."""
    out = other_transcript(other)
    for done in out.of(events.MessageDone):
        pieces_of = [x for x in out.of(events.MessageTextDelta) if x.message_id == done.message.id]
        same = done.message.text == "".join(x.delta.value or "" for x in pieces_of)
        assert same is (other[1].name not in SHORTENED)
    for delta, end in (
        (events.ReasoningDelta, events.ReasoningDone),
        (events.ReasoningSummaryDelta, events.ReasoningSummaryDone),
    ):
        thoughts = "".join(x.data.text for x in out.of(end))
        assert thoughts == "".join(x.data.delta for x in out.of(delta))


def test_the_text_of_any_wire_is_what_was_sent(other: Other) -> None:
    """It is read from the bytes: each piece of the answer counts once."""
    wire, path = other
    said = ""
    for value in data_of(path):
        if wire == "responses":
            said += value["delta"] if value["type"] == "response.output_text.delta" else ""
        else:
            first = [x for x in value.get("choices") or () if not x.get("index")]
            said += "".join(_content(x["delta"].get("content")) for x in first if "delta" in x)
    pieces_of = other_transcript(other).of(events.MessageTextDelta)
    delivered = "".join(x.delta.value or "" for x in pieces_of)
    # If the documentation left deltas out, the final text has what is missing.
    assert delivered == said or (path.name.startswith(ELIDED) and len(delivered) > len(said))


def _content(content: Any) -> str:
    """Return the text in the content of a chunk, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(x["text"] for x in content if x["type"] == "text")
    return content or ""


def test_the_calls_of_any_wire_are_those_that_the_run_requires(other: Other) -> None:
    """Ids, names and arguments agree, and the arguments are JSON."""
    out = other_transcript(other)
    done = {
        x.tool_call.id: (x.tool_call.function.name, x.tool_call.function.arguments)
        for x in out.of(events.RunStepToolCallDone)
        if isinstance(x.tool_call, models.FunctionToolCall)
    }
    for ended in out.of(events.ThreadRunRequiresAction):
        outputs = ended.data.required_action.submit_tool_outputs
        for call in () if outputs is None else outputs.tool_calls:
            assert (call.function.name, call.function.arguments) == done.pop(call.id)
            json.loads(call.function.arguments)
        assert {} == done


def test_the_wire_is_found_out(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` gives the same events as the name of the wire, on both paths."""
    data = other[1].read_bytes()
    assert other_transcript(other) == decode(data, dialect="auto")
    monkeypatch.setattr(environment, "FAST", False)
    assert other_transcript(other) == decode(data, dialect="auto")


def test_the_assistants_wire_is_found_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is with the recordings that are Assistants streams, except broken ones."""
    data = path.read_bytes()
    named = decode(data, dialect="assistants")
    if not isinstance(named.error, DecodeError | UnknownWireError):
        assert named == decode(data, dialect="auto")
        monkeypatch.setattr(environment, "FAST", False)
        assert named == decode(data, dialect="auto")


# --- By name ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "before"), MALFORMED.items())
def test_a_malformed_recording_fails_at_the_bad_place(wire: Path, name: str, before: int) -> None:
    """It fails exactly there, after everything before it was delivered."""
    path = wire / "assistants" / name
    out, bad = transcript_of(path), frames_of(path)[-1]
    assert bad.payload is None
    assert type(out.error) is DecodeError
    assert bad.offset == out.error.offset
    assert before == len(list(sent(out))) == len(frames_of(path)) - 1
    if name.startswith("php"):
        assert "blank lines missing" in str(out.error)
    if out.error.event is None:
        assert 'does not begin with "data: "' in str(out.error)
    else:
        assert bad.text == out.error.frame


@pytest.mark.parametrize("name", SERVER_ERRORS)
def test_a_servers_error_is_the_last_event(wire: Path, name: str) -> None:
    """Everything before it was delivered, and so was its event."""
    path = wire / "assistants" / name
    out = transcript_of(path)
    assert type(out.error) is ServerError
    assert isinstance(out.events[-1], events.ErrorEvent)
    frames = frames_of(path)
    assert len(frames) == len(list(sent(out)))
    assert frames[-1].payload["error"]["message"] == out.error.error.message


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("assistants/dotnet_StreamingRunWorks_2.sse", "completed"),
        ("assistants/ruby_openai_77f6359_0.sse", "completed"),  # its message is incomplete
        ("assistants/dotnet_StreamingToolCall_1.sse", "requires_action"),
        ("azure_agents/js_create_thread_and_run_FAILED.sse", "failed"),
        ("azure_agents/py_mcp_tool_1_run_requires_approval.sse", "requires_action"),
        ("servers/oaa_assistants_run.sse", "completed"),
        ("servers/fakeai_assistants_run.sse", "completed"),
        ("servers/litellm_assistants_run.sse", "completed"),
    ],
)
def test_the_run_ends_as_the_server_stated(wire: Path, name: str, status: str) -> None:
    """A failed or waiting run is a normal ending."""
    decoder = EventDecoder()
    decoder.feed((wire / name).read_bytes())
    decoder.close()
    out = list(iter(decoder.next_event, None))
    assert decoder.snapshots.current_run is not None
    assert status == decoder.snapshots.current_run.status
    ended = [x for x in out if isinstance(x, events.RunDone)]
    assert (status != "requires_action") == bool(ended)


@pytest.mark.parametrize(
    ("name", "synthetic"),
    [
        ("assistants/dotnet_StreamingRunWorks_2.sse", False),
        ("servers/litellm_assistants_run.sse", False),  # [DONE] without its name
        ("assistants/php_ThreadRunStreamResponse_REFRAMED.sse", True),  # a name without [DONE]
        ("servers/oaa_assistants_run.sse", True),  # neither
    ],
)
def test_done_is_delivered_whether_it_was_sent_or_not(
    wire: Path, name: str, synthetic: bool
) -> None:
    """It is synthetic if the server did not send it."""
    last = transcript_of(wire / name).events[-1]
    assert isinstance(last, events.Done)
    assert synthetic is last.synthetic


def test_a_step_that_is_created_twice_is_delivered_once(wire: Path) -> None:
    """Azure's streams with MCP tools repeat its created."""
    out = transcript_of(wire / "azure_agents" / "py_mcp_tool_1_run_requires_approval.sse")
    (repeated,) = out.of(events.RepeatedEvent)
    assert "thread.run.step.created" == repeated.event


def test_the_ends_of_steps_of_an_earlier_stream_are_delivered_without_calls(wire: Path) -> None:
    """The stream after submitted outputs begins like that."""
    out = transcript_of(wire / "assistants" / "dotnet_StreamingToolCall_2.sse")
    assert ["ThreadRunStepCompleted", "RunStepDone"] == out.names[:2]
    assert [] == out.of(events.RunStepToolCallCreated)


def test_unknown_names_are_events(wire: Path) -> None:
    """They have their data, and nothing else happens."""
    out = transcript_of(wire / "assistants" / "SYN_dotnet_unknown_events.sse")
    expected = ["thread.run.some_future_event", "thread.run.another_future_event"]
    assert expected == [x.event for x in out.of(events.UnknownEvent)]
    assert out.error is None


def test_citations_of_the_wire_are_delivered(wire: Path) -> None:
    """Each comes once, with its type; the text around them is complete."""
    for name, kind in (
        ("py_bing_grounding_streaming.sse", models.URLCitationAnnotation),
        ("py_include_file_search_results_stream.sse", models.FileCitationAnnotation),
    ):
        out = transcript_of(wire / "azure_agents" / name)
        (done,) = out.of(events.MessageTextDone)
        annotations = [x.annotation for x in out.of(events.MessageAnnotation)]
        assert annotations
        assert {kind} == {type(x) for x in annotations}
        assert [x.text for x in done.text.annotations] == [x.text for x in annotations]
        assert all(x.text in done.text.value for x in annotations)
