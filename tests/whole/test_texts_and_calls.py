"""Texts and calls that come in pieces, on every wire: what is delivered is whole.

Rules of this file:

- A stream is written for each wire and each of its texts that grow, with the same pieces.
- What must be delivered is computed from the pieces alone, in another way than the library does.
- Every stream is decoded whole, byte by byte, at random cuts, and with and without fast paths.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import Decoded
from tests.support.frames import (
    DONE,
    Transcript,
    call,
    decode_every_way,
    drain,
    message,
    message_delta,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.frames import Frame

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: One stream decoded several ways takes its time: a few examples, well chosen, say enough.
FEW = settings(max_examples=5)

# --- Streams ----------------------------------------------------------------------------


def escaped(*frames: Frame) -> bytes:
    """Write FRAMES with every character beyond ASCII escaped, as most servers do."""
    return sse(*((name, x if isinstance(x, str) else json.dumps(x)) for name, x in frames))


def assistants(*frames: Frame) -> bytes:
    """Write FRAMES inside a run."""
    return escaped(run("created"), *frames, run("completed"), DONE)


def chat(*deltas: dict[str, Any], reason: str = "stop") -> bytes:
    """Write chunks with DELTAS."""
    chunks: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    chunks.append({"index": 0, "delta": {}, "finish_reason": reason})
    frames: list[Frame] = [
        ("", {"id": "c", "object": "chat.completion.chunk", "choices": [x]}) for x in chunks
    ]
    return escaped(*frames, ("", "[DONE]"))


def responses(*frames: dict[str, Any]) -> bytes:
    """Write FRAMES inside a response that completes without listing its output."""
    begins = {"type": "response.created", "response": {"id": "r", "status": "in_progress"}}
    ends = {"type": "response.completed", "response": {"id": "r", "status": "completed"}}
    return escaped(*((x["type"], x) for x in (begins, *frames, ends)))


def item(kind: str, **fields: Any) -> dict[str, Any]:
    """Return the frame that adds an output item."""
    added = {"type": kind, "id": "i", **fields}
    return {"type": "response.output_item.added", "output_index": 0, "item": added}


def growth(name: str, piece: str) -> dict[str, Any]:
    """Return the frame of a piece of the item's text."""
    about = {"item_id": "i", "output_index": 0, "content_index": 0, "summary_index": 0}
    return {"type": f"response.{name}.delta", **about, "delta": piece}


def code(piece: str) -> dict[str, Any]:
    """Return the delta of a code interpreter call."""
    return {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": piece}}


def logs(piece: str) -> dict[str, Any]:
    """Return the delta of a code interpreter call that printed something."""
    outputs = [{"index": 0, "type": "logs", "logs": piece}]
    return {"index": 0, "type": "code_interpreter", "code_interpreter": {"outputs": outputs}}


def mcp(piece: str) -> dict[str, Any]:
    """Return the delta of a call of an MCP tool."""
    return {"index": 0, "type": "mcp", "arguments": piece}


def refusal(piece: str) -> dict[str, Any]:
    """Return the delta of a refusal."""
    return {"index": 0, "type": "refusal", "refusal": piece}


def function(index: int, **fields: Any) -> dict[str, Any]:
    """Return a fragment of a call on the Chat wire."""
    return {"tool_calls": [{"index": index, **fields}]}


NAMED = function(0, id="a", type="function", function={"name": "f", "arguments": ""})
CALLED = call(0, id="a", name="f", arguments="")

#: Wire and text -> the function that writes a stream with the pieces of the text.
STREAMS: dict[tuple[str, str], Callable[[Sequence[str]], bytes]] = {
    ("assistants", "text"): lambda x: assistants(message("created"), *map(text_delta, x)),
    ("assistants", "refusal"): lambda x: assistants(*(message_delta(refusal(y)) for y in x)),
    ("assistants", "arguments"): lambda x: assistants(
        step_delta(CALLED), *(step_delta(call(0, arguments=y)) for y in x)
    ),
    ("assistants", "input"): lambda x: assistants(*(step_delta(code(y)) for y in x)),
    ("assistants", "logs"): lambda x: assistants(*(step_delta(logs(y)) for y in x)),
    ("assistants", "mcp"): lambda x: assistants(*(step_delta(mcp(y)) for y in x)),
    ("chat", "text"): lambda x: chat(*({"content": y} for y in x)),
    ("chat", "refusal"): lambda x: chat(*({"refusal": y} for y in x)),
    ("chat", "reasoning"): lambda x: chat(*({"reasoning_content": y} for y in x)),
    ("chat", "arguments"): lambda x: chat(
        NAMED, *(function(0, function={"arguments": y}) for y in x), reason="tool_calls"
    ),
    ("responses", "text"): lambda x: responses(
        item("message"), *(growth("output_text", y) for y in x)
    ),
    ("responses", "refusal"): lambda x: responses(
        item("message"), *(growth("refusal", y) for y in x)
    ),
    ("responses", "reasoning"): lambda x: responses(
        item("reasoning"), *(growth("reasoning_text", y) for y in x)
    ),
    ("responses", "summary"): lambda x: responses(
        item("reasoning"), *(growth("reasoning_summary_text", y) for y in x)
    ),
    ("responses", "arguments"): lambda x: responses(
        item("function_call", call_id="a", name="f"),
        *(growth("function_call_arguments", y) for y in x),
    ),
    ("responses", "custom"): lambda x: responses(
        item("custom_tool_call", call_id="a", name="f"),
        *(growth("custom_tool_call_input", y) for y in x),
    ),
    ("responses", "input"): lambda x: responses(
        item("code_interpreter_call"), *(growth("code_interpreter_call_code", y) for y in x)
    ),
    ("responses", "mcp"): lambda x: responses(
        item("mcp_call", name="f"), *(growth("mcp_call_arguments", y) for y in x)
    ),
}


def growing(payload: Any) -> str:
    """Return the text that grows in a call or in the delta of one."""
    if hasattr(payload, "function"):
        return payload.function.arguments or ""
    if not hasattr(payload, "code_interpreter"):
        return payload.arguments or ""
    inner = payload.code_interpreter
    return (inner.input or "") + "".join(x.logs for x in inner.outputs)


def delivered(made: Transcript) -> tuple[str, str]:
    """Return the pieces that were delivered, joined, and the text when it was done."""
    pieces, final = "", ""
    for event in made.events:
        match event:
            case events.MessageTextDelta():
                pieces += event.delta.value or ""
            case events.MessageTextDone():
                final = event.text.value
            case events.MessageRefusalDelta():
                pieces += event.delta.refusal or ""
            case events.MessageRefusalDone():
                final = event.refusal.refusal
            case events.RunStepToolCallDelta():
                pieces += growing(event.delta)
            case events.RunStepToolCallDone():
                final = growing(event.tool_call)
            case events.ReasoningDelta() | events.ReasoningSummaryDelta():
                pieces += event.data.delta
            case events.ReasoningDone() | events.ReasoningSummaryDone():
                final = event.data.text
    return pieces, final


# --- Text is text -----------------------------------------------------------------------


def halves(value: str) -> list[str]:
    """Return the UTF-16 units of VALUE, a pair of halves as two characters."""
    data = value.encode("utf-16-le", "surrogatepass")
    return [chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2)]


def as_text(pieces: Sequence[str]) -> str:
    """Return PIECES joined as UTF-16, with U+FFFD for each half that is alone."""
    data = "".join(pieces).encode("utf-16-le", "surrogatepass")
    return data.decode("utf-16-le", "replace")


@st.composite
def cut_texts(draw: st.DrawFn) -> list[str]:
    """Texts with astral characters and halves that are alone, cut between UTF-16 units."""
    units = halves("".join(draw(st.lists(st.sampled_from("ab{é€😀🎉\ud83d\ude00"), max_size=12))))
    cuts = sorted(draw(st.sets(st.integers(0, len(units)))))
    return ["".join(units[at:to]) for at, to in zip([0, *cuts], [*cuts, len(units)], strict=True)]


@pytest.mark.parametrize(("wire", "kind"), STREAMS, ids=map(" ".join, STREAMS))
@FEW
@given(pieces=cut_texts())
def test_halves_of_a_surrogate_pair_are_delivered_together(
    wire: str, kind: str, pieces: list[str]
) -> None:
    """However a text is cut, whole characters are delivered; a lone half is U+FFFD."""
    made = decode_every_way(STREAMS[wire, kind](["x", *pieces, "y"]), seeds=(1,), dialect=wire)
    assert made.error is None
    expected = as_text(["x", *pieces, "y"])
    assert (expected, expected) == delivered(made)
    for line in made.texts:
        line.encode()


@pytest.mark.parametrize(("wire", "kind"), STREAMS, ids=map(" ".join, STREAMS))
@pytest.mark.parametrize("pieces", [["\ud83d", "\ude00"], ["a\ud83d"], ["\ud83d", "b"], ["\ude00"]])
def test_a_half_comes_with_the_other_or_as_the_replacement_character(
    wire: str, kind: str, pieces: list[str]
) -> None:
    """A text that is nothing but halves, or ends with one, is whole in the end too."""
    made = decode_every_way(STREAMS[wire, kind](pieces), seeds=(1,), dialect=wire)
    assert (as_text(pieces), as_text(pieces)) == delivered(made)


def test_raw_has_the_halves_as_they_were_sent() -> None:
    """Only what is made of it is mended."""
    made = decode_every_way(STREAMS["assistants", "text"](["\ud83d", "\ude00"]))
    values = [
        [x.raw["delta"]["content"][0]["text"]["value"], x.data.text]
        for x in made.of(events.ThreadMessageDelta)
    ]
    assert [["\ud83d", ""], ["\ude00", "😀"]] == values


@FEW
@given(pieces=cut_texts(), at=st.integers(0, 20))
def test_a_recovered_text_is_whole(pieces: list[str], at: int) -> None:
    """Wherever the connection is lost, the server's whole text adds what was not delivered."""
    whole = "x" + as_text(pieces)
    made, decoder = Transcript(), EventDecoder("assistants")
    heard = [text_delta(piece) for piece in ["x", *pieces][:at]]
    decoder.feed(escaped(run("created"), message("created"), *heard))
    drain(decoder, made)
    part = models.TextContentBlock(text=models.Text("x" + "".join(pieces)))
    final = models.Message(id="msg_1", status="completed", content=[part])
    ended = models.Run(id="run_1", status="completed")
    missed = [
        Decoded(cls, payload, None, cls.event, synthetic=True)
        for cls, payload in (
            (events.ThreadMessageCompleted, final),
            (events.ThreadRunCompleted, ended),
        )
    ]
    made.events += decoder.make_up(missed, ended)
    said, done = delivered(made)
    assert whole == done
    if "\ufffd" not in whole:
        assert whole == said


@pytest.mark.parametrize("sent", ["a\ud83d", "\ude00b", "a\ud83d\ude00", "\ud83d\ud83d\ude00"])
def test_whole_texts_in_final_objects_are_mended(sent: str) -> None:
    """This holds for texts that no delta brought, and for those of calls and errors."""
    called = {"id": "a", "type": "function", "function": {"name": "f", "arguments": sent}}
    final: dict[str, Any] = {"step_details": {"type": "tool_calls", "tool_calls": [called]}}
    failed: dict[str, Any] = {
        "last_error": {"code": "c", "message": sent},
        "metadata": {"key": sent},
    }
    data = escaped(
        run("created"),
        step("created"),
        step("completed", **final),
        message("completed", text(sent)),
        run("failed", **failed),
        DONE,
    )
    made = decode_every_way(data, dialect="assistants")
    expected = as_text([sent])
    (call_done,) = made.of(events.RunStepToolCallDone)
    (text_done,) = made.of(events.MessageTextDone)
    (ended,) = made.of(events.RunDone)
    assert expected == call_done.tool_call.function.arguments
    assert expected == text_done.text.value
    assert (expected, {"key": expected}) == (ended.run.last_error.message, ended.run.metadata)
    (frame,) = made.of(events.ThreadRunFailed)
    assert halves(sent) == halves(frame.raw["last_error"]["message"])


# --- A call is done when its arguments are whole ----------------------------------------

#: The fragments of a call, and the index of the call.
Fragments = list[tuple[int, str]]


def interleaved_on_assistants(fragments: Fragments, calls: int) -> bytes:
    """Write the FRAGMENTS of several CALLS; the run waits for all of them."""
    whole = ["".join(y for x, y in fragments if x == n) for n in range(calls)]
    waiting = [
        {"id": f"call_{n}", "type": "function", "function": {"name": f"f{n}", "arguments": x}}
        for n, x in enumerate(whole)
    ]
    named: set[int] = set()
    frames = [run("created"), step("created", type="tool_calls")]
    for number, piece in fragments:
        first = {} if number in named else {"id": f"call_{number}", "name": f"f{number}"}
        named.add(number)
        frames.append(step_delta(call(number, arguments=piece, **first)))
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": waiting}}
    return escaped(*frames, run("requires_action", required_action=action), DONE)


def interleaved_on_chat(fragments: Fragments, calls: int) -> bytes:
    """Write the FRAGMENTS of several calls."""
    del calls
    named: set[int] = set()
    deltas = []
    for number, piece in fragments:
        fields: dict[str, Any] = {"function": {"arguments": piece}}
        if number not in named:
            fields["id"], fields["function"]["name"] = f"call_{number}", f"f{number}"
            named.add(number)
        deltas.append(function(number, **fields))
    return chat(*deltas, reason="tool_calls")


def interleaved_on_responses(fragments: Fragments, calls: int) -> bytes:
    """Write the FRAGMENTS of several calls; each item is added before its first one."""
    frames: list[dict[str, Any]] = []
    items: dict[int, dict[str, Any]] = {}
    for number, piece in fragments:
        where = {"output_index": number, "item_id": f"i{number}"}
        if number not in items:
            about = {"call_id": f"call_{number}", "name": f"f{number}"}
            items[number] = {"type": "function_call", "id": f"i{number}", **about}
            added = {**items[number], "arguments": ""}
            frames.append({"type": "response.output_item.added", **where, "item": added})
        frames.append({"type": "response.function_call_arguments.delta", **where, "delta": piece})
    for number in range(calls):
        final = "".join(y for x, y in fragments if x == number)
        ended = {**items[number], "arguments": final}
        done = {"type": "response.output_item.done", "output_index": number, "item": ended}
        frames.append(done)
    return responses(*frames)


INTERLEAVED = {
    "assistants": interleaved_on_assistants,
    "chat": interleaved_on_chat,
    "responses": interleaved_on_responses,
}


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[Fragments, int]:
    """Fragments of two or three calls, in any order; those of one call stay in order."""
    cut = []
    for number in range(draw(st.integers(2, 3))):
        whole = json.dumps({"x": number, "y": {"z": "}"}})
        cuts = sorted(draw(st.sets(st.integers(1, len(whole) - 1), max_size=3)))
        pieces = zip([0, *cuts], [*cuts, len(whole)], strict=True)
        cut.append([(number, whole[at:to]) for at, to in pieces])
    # A call begins in its turn; apart from that, any call may go on next.
    out: Fragments = []
    begun, left = 0, [list(x) for x in cut]
    while any(left):
        ready = [n for n, x in enumerate(left) if x and n <= begun]
        number = draw(st.sampled_from(ready))
        begun = max(begun, number + 1)
        out.append(left[number].pop(0))
    return out, len(cut)


@pytest.mark.parametrize("wire", INTERLEAVED)
@settings(max_examples=15)
@given(case=interleavings())
def test_interleaved_calls_are_done_once_each_with_whole_arguments(
    wire: str, case: tuple[Fragments, int]
) -> None:
    """So are calls of which one follows the other; the required action has the same arguments."""
    fragments, calls = case
    data = INTERLEAVED[wire](fragments, calls)
    made = decode_every_way(data, seeds=(1,), dialect=wire)
    assert made.error is None
    whole = {f"call_{n}": "".join(y for x, y in fragments if x == n) for n in range(calls)}
    done = [x.tool_call for x in made.of(events.RunStepToolCallDone)]
    assert sorted(whole.items()) == sorted((x.id, x.function.arguments) for x in done)
    (ended,) = made.of(events.ThreadRunRequiresAction)
    required = ended.data.required_action.submit_tool_outputs.tool_calls
    assert whole == {x.id: x.function.arguments for x in required}
