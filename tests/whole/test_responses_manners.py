"""What servers of the Responses wire really send, with neighbours: a test for each manner.

Rules of this file:

- A neighbour is the same fault with another field, index, order or id, with or without the frames
  that end something. Each is decoded whole and byte by byte, with both line ends.
- What is right is written down from docs/what-servers-send.md, not taken from the decoder.
- What only HTTP shows (limits of time, rounds, content types) is asked of a server on loopback.
"""

from __future__ import annotations

import io
import json
import time
from contextlib import suppress
from itertools import count, product
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import Client, Stream, environment, errors, events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.tools.tool_set import ToolSet
from tests.support.frames import (
    Recorder,
    check_transcript,
    decode,
    decode_every_way,
    pieces,
    random_pieces,
    sse,
)
from tests.support.responses_frames import (
    COMPLETED,
    CREATED,
    added,
    arguments,
    done,
    event,
    response,
    text,
    text_part,
)
from tests.support.scripted_server import Answer, frames, running
from tests.support.socket_peer import CHUNKED, OK, SSE, Peer, chunk, reply, say

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.support.frames import Frame, Transcript

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

# --- What is heard ----------------------------------------------------------------------


@attrs.define
class Heard:
    """What handlers hear of one stream.

    Attributes:
        text: All pieces of text; so are the next three.
        parts: The parts of all messages that are done, in order.
        thoughts: The texts of reasoning, then the summaries, that are done.
        calls: Name and arguments of the calls that are done.
        required: Name and arguments of the calls that the run requires.
        status: The status of the run at the end.
        error: The failure, or None.
    """

    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    summary: str = ""
    parts: list[str] = attrs.field(factory=list)
    thoughts: list[str] = attrs.field(factory=list)
    calls: list[tuple[str, str]] = attrs.field(factory=list)
    required: list[tuple[str, str]] = attrs.field(factory=list)
    status: str | None = None
    error: errors.StreamError | None = attrs.field(default=None, eq=False)


def hear(*sent: Frame, dialect: str = "responses") -> Heard:
    """Decode SENT whole, in pieces with other line ends, and without fast paths.

    The order of the events is checked, and that no frame is lost.
    """
    data = sse(*((name, x if isinstance(x, str) else json.dumps(x)) for name, x in sent))
    others = data.replace(b"\n", b"\r\n")
    made = decode(data, dialect=dialect)
    assert made.texts == decode(random_pieces(others, 10, most=20), dialect=dialect).texts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", False)
        assert made == decode(data, dialect=dialect)
    check_transcript(made.events, ended=made.error is None and bool(made.of(events.RunDone)))
    if made.error is None:
        raws = [x.raw for x in made.of(events.WireEvent)]
        assert [] == [x for _, x in sent if isinstance(x, dict) and x not in raws]
    return heard_in(made)


def heard_in(made: Transcript) -> Heard:
    """Return what is heard in the events that were MADE."""
    heard = Heard(error=made.error)
    for one in made.events:
        _hear(heard, one)
    return heard


def _hear(heard: Heard, one: Any) -> None:
    """Add what an event says."""
    match one:
        case events.MessageTextDelta():
            heard.text += one.delta.value or ""
        case events.MessageRefusalDelta():
            heard.refusal += one.delta.refusal or ""
        case events.ReasoningDelta():
            heard.reasoning += one.data.delta
        case events.ReasoningSummaryDelta():
            heard.summary += one.data.delta
        case events.ReasoningDone() | events.ReasoningSummaryDone():
            heard.thoughts.append(one.data.text)
        case events.MessageDone():
            heard.parts += map(_part, one.message.content)
        case events.RunStepToolCallDone(tool_call=models.FunctionToolCall(function=function)):
            heard.calls.append((function.name, function.arguments))
        case events.WireEvent(data=models.Run()):
            heard.status, action = one.data.status, one.data.required_action
            if action is not None and action.submit_tool_outputs is not None:
                waiting = action.submit_tool_outputs.tool_calls
                heard.required = [(x.function.name, x.function.arguments) for x in waiting]


def _part(part: Any) -> str:
    """Return the text of a part of a message, or its type."""
    if isinstance(part, models.TextContentBlock):
        return part.text.value
    return str(getattr(part, "refusal", part.type))


def items_of(*sent: Frame) -> list[dict[str, Any]]:
    """Return the items that go back to a server that keeps nothing."""
    dialect = ResponsesDialect()
    list(EventDecoder(dialect).events([sse(*sent)]))
    return dialect.output_items


def completed(*output: dict[str, Any], **fields: Any) -> Frame:
    """Return the end of a response that lists OUTPUT."""
    return response("completed", status="completed", output=list(output), **fields)


# --- Texts ------------------------------------------------------------------------------


@attrs.frozen
class Kind:
    """A kind of text.

    Attributes:
        item: The type of its item.
        name: The name of its events.
        key: The key of the whole text in the event that ends it.
        index: The key of its index.
        part: Returns a part of the item's final state with a text.
        place: The key of the list of these parts.
    """

    item: str
    name: str
    key: str
    index: str
    part: Callable[[str], dict[str, Any]]
    place: str = "content"

    def piece(self, value: str, index: Any = 0, **where: Any) -> Frame:
        """Return the frame of a piece."""
        return event(f"{self.name}.delta", delta=value, **{self.index: index}, **where)

    def whole(self, value: str, index: Any = 0, **where: Any) -> Frame:
        """Return the frame of the whole text."""
        return event(f"{self.name}.done", **{self.key: value, self.index: index}, **where)

    def final(self, *texts: str, item_id: str | None = "i") -> dict[str, Any]:
        """Return the final state of the item."""
        named = {} if item_id is None else {"id": item_id}
        return {"type": self.item, **named, self.place: list(map(self.part, texts))}


KINDS = {
    "text": Kind("message", "output_text", "text", "content_index", text_part),
    "refusal": Kind(
        *("message", "refusal", "refusal", "content_index"),
        part=lambda x: {"type": "refusal", "refusal": x},
    ),
    "reasoning": Kind(
        *("reasoning", "reasoning_text", "text", "content_index"),
        part=lambda x: {"type": "reasoning_text", "text": x},
    ),
    "summary": Kind(
        *("reasoning", "reasoning_summary_text", "text", "summary_index"),
        part=lambda x: {"type": "summary_text", "text": x},
        place="summary",
    ),
}

ITEM = {"item_id": "i", "output_index": 0}

#: The indexes of three pieces of one text.
INDEXES = {
    "zero": (0, 0, 0),
    "one": (1, 1, 1),
    "two": (2, 2, 2),
    "growing": (0, 1, 2),
    "growing from one": (1, 2, 3),
    "negative": (-1, -1, -1),
    "none": (None, None, None),
    "huge": (99_999, 99_999, 99_999),
    "a text": ("1", "1", "1"),
}

#: Which frames end a text, beside the end of the response.
ENDS = {
    "nothing": (),
    "text.done": ("whole",),
    "item.done": ("item",),
    "the list": ("list",),
    "text.done and the list": ("whole", "list"),
    "all": ("whole", "item", "list"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("indexes", INDEXES)
def test_content_index_that_is_not_0_or_grows_gives_the_text_once(kind: str, indexes: str) -> None:
    """For texts, refusals, reasoning and summaries, whatever ends them."""
    for ended in ENDS.values():
        _check_indexes(kind, indexes, ended)


def _check_indexes(kind: str, indexes: str, ended: tuple[str, ...]) -> None:
    """Check one text with these indexes and ends."""
    row, at = KINDS[kind], INDEXES[indexes]
    sent = [CREATED, added(row.item, "i")]
    sent += [row.piece(x, i, **ITEM) for x, i in zip(("ab", "ab", "c"), at, strict=True)]
    if "whole" in ended:
        sent.append(row.whole("ababc", at[-1], **ITEM))
    if "item" in ended:
        sent.append(event("output_item.done", output_index=0, item=row.final("ababc")))
    heard = hear(*sent, completed(*[row.final("ababc")] * ("list" in ended)))
    assert ("completed", "ababc") == (heard.status, getattr(heard, kind))
    assert "ababc" == "".join(heard.parts + heard.thoughts)
    assert "growing" in indexes or 1 == len(heard.parts + heard.thoughts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_final_state_with_as_many_equal_texts_has_two_parts(kind: str) -> None:
    """Streamed "ha" and a final ["ha", "ha"] are two, wherever the first was."""
    row = KINDS[kind]
    for index in (0, 1, 5):
        for last in (
            event("output_item.done", output_index=0, item=row.final("ha", "ha")),
            completed(row.final("ha", "ha")),
        ):
            sent = [CREATED, added(row.item, "i"), row.piece("ha", index, **ITEM), last, COMPLETED]
            heard = hear(*sent[: -1 if last[0] == COMPLETED[0] else None])
            assert ["ha", "ha"] == heard.parts + heard.thoughts
            assert "haha" == getattr(heard, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ids", ["the reasoning's", "empty", "missing", "fresh in each frame"])
def test_item_ids_that_repeat_or_are_empty_and_ends_one_higher_are_one_item(
    kind: str, ids: str
) -> None:
    """The item before it is a reasoning item; the text comes once."""
    for higher, ends in product((0, 1), ("text.done", "item.done", "all")):
        _check_ids(kind, ids, higher, ends)


def _check_ids(kind: str, ids: str, higher: int, ends: str) -> None:
    """Check one text with these ids and ends."""
    row, numbers = KINDS[kind], count()

    def named(key: str) -> dict[str, Any]:
        fresh = {"fresh in each frame": f"x{next(numbers)}", "empty": ""}
        return {} if ids == "missing" else {key: fresh.get(ids, "rs")}

    sent = [CREATED, added("reasoning", "rs", 0), done("reasoning", "rs", 0, summary=[])]
    begun = {"type": row.item, **named("id")}
    sent.append(event("output_item.added", output_index=1, item=begun))
    sent += [row.piece(x, output_index=1, **named("item_id")) for x in ("ab", "ab")]
    final = {**row.final("abab", item_id=None), **named("id")}
    if "whole" in ENDS[ends]:
        sent.append(row.whole("abab", output_index=1 + higher, **named("item_id")))
    if "item" in ENDS[ends]:
        sent.append(event("output_item.done", output_index=1 + higher, item=final))
    thought = {"type": "reasoning", "id": "rs", "summary": []}
    heard = hear(*sent, completed(*[thought, final] * ("list" in ENDS[ends])))
    assert ("abab", ["abab"]) == (getattr(heard, kind), heard.parts + heard.thoughts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_surrogate_pair_split_over_two_deltas_is_whole_whatever_ends_the_text(kind: str) -> None:
    """The second half may come with the whole text only, or never."""
    row = KINDS[kind]
    begin = [CREATED, added(row.item, "i"), row.piece("a\ud83d", **ITEM)]
    for last in (
        [row.piece("\ude00", **ITEM), COMPLETED],
        [row.piece("\ude00", **ITEM), row.whole("a\ud83d\ude00", **ITEM), COMPLETED],
        [row.whole("a\ud83d\ude00", **ITEM), COMPLETED],
        [event("output_item.done", output_index=0, item=row.final("a\ud83d\ude00")), COMPLETED],
        [completed(row.final("a\ud83d\ude00"))],
    ):
        heard = heard_in(decode_every_way(_escaped(*begin, *last), dialect="responses"))
        assert ("a😀", ["a😀"]) == (getattr(heard, kind), heard.parts + heard.thoughts)
    alone = heard_in(decode_every_way(_escaped(*begin, COMPLETED), dialect="responses"))
    assert ("a\ufffd", ["a\ufffd"]) == (getattr(alone, kind), alone.parts + alone.thoughts)


def _escaped(*sent: Frame) -> bytes:
    """Write SENT with every character beyond ASCII escaped."""
    return sse(*((name, json.dumps(x)) for name, x in sent))


def test_halves_of_two_items_do_not_meet() -> None:
    """Each waits for its own; one in a whole text at the top is mended too."""
    halves = [("\ud83d", "a"), ("\ud83d", "b"), ("\ude00", "a"), ("\ude01", "b")]
    sent = [CREATED, added("message", "a", 0), added("message", "b", 1)]
    sent += [text(x, name, "ab".index(name)) for x, name in halves]
    made = decode_every_way(_escaped(*sent, COMPLETED), dialect="responses")
    assert ["😀", "😁"] == heard_in(made).parts
    top = response("completed", status="completed", output=[], output_text="\ud83d\ude00\ud83d")
    assert "😀\ufffd" == heard_in(decode(_escaped(CREATED, top), dialect="responses")).text
    failed = decode(_escaped(CREATED, event("error", message="\ud83d\ude00\ud83d")))
    assert isinstance(failed.error, errors.ServerError)
    assert "😀\ufffd" in str(failed.error)


def test_a_surrogate_pair_that_a_tee_wrote_replays_whole() -> None:
    """The recording has the halves as they were sent."""
    data = _escaped(CREATED, added("message"), text("\ud83d"), text("\ude00"), COMPLETED)
    kept, recorders = io.BytesIO(), [Recorder(), Recorder()]
    with Stream(pieces(data, 7), recorders[0]) as stream:
        stream.tee(kept)
        stream.until_done()
    Stream(kept.getvalue(), recorders[1]).until_done()
    assert data == kept.getvalue()
    assert recorders[0].calls == recorders[1].calls


@pytest.mark.parametrize("seen", [3, 4, 5])
def test_a_surrogate_pair_split_by_a_lost_connection_is_whole(seen: int) -> None:
    """A background response is joined again after the first half, or after neither."""
    sent = [CREATED, added("message"), text("a"), text("\ud83d"), text("\ude00b"), COMPLETED]
    numbered = [(x, {**data, "sequence_number": n}) for n, (x, data) in enumerate(sent)]
    broken = Answer(_escaped(*numbered[:seen]), cut=True)
    with running(broken, Answer(_escaped(*numbered[seen:]))) as server:
        stream = server.client.responses.stream(model="m", input="x", background=True)
        assert "a😀b" == "".join(stream.text_deltas)


#: What comes before a response whose text stands at its top.
BEFORE: dict[str, list[Frame]] = {
    "nothing": [],
    "a delta": [text("wh")],
    "an item": [added("message")],
    "an item and a delta": [added("message"), text("wh")],
    "all of it": [added("message"), text("whole")],
    "all of it, done": [
        added("message"),
        text("whole"),
        done("message", content=[text_part("whole")]),
    ],
}


@pytest.mark.parametrize("before", BEFORE)
def test_output_text_at_the_top_and_no_output_is_delivered(before: str) -> None:
    """It comes once, with or without deltas before it, however the response ends."""
    outputs: list[dict[str, Any]] = [{"output": []}, {"output": None}, {}]
    for output, status in product(outputs, ("completed", "incomplete", "failed")):
        last = response(status, status=status, output_text="whole", **output)
        heard = hear(CREATED, *BEFORE[before], last)
        assert (status, "whole", ["whole"]) == (heard.status, heard.text, heard.parts)
        beside = event(status, output_text="whole", response={"status": status, **output})
        assert heard == hear(CREATED, *BEFORE[before], beside)


@pytest.mark.parametrize("name", ["", "message", "response.text.delta"])
@pytest.mark.parametrize("delta", ["hi", {"text": "hi"}, {"type": "output_text", "text": "hi"}])
def test_response_text_delta_as_a_name_is_delivered(name: str, delta: Any) -> None:
    """With and without the event line; the piece may be wrapped."""
    sent = {"type": "response.text.delta", "delta": delta}
    assert "hi" == hear(CREATED, (name, sent), COMPLETED).text
    whole = {"type": "response.text.done", "text": "hi there"}
    assert "hi there" == hear(CREATED, (name, sent), ("", whole), COMPLETED).text


@pytest.mark.parametrize("kind", ["url_citation", "file_citation", "file_path", "tomorrow"])
@pytest.mark.parametrize("where", ["event", "part", "item", "list", "everywhere"])
def test_unknown_keys_of_annotations_are_in_extra(kind: str, where: str) -> None:
    """Wherever the annotation comes from; it comes once."""
    more = {"content": "C", "additional_properties": {"get_url": "U"}}
    sent = {"type": kind, "url": "u", "file_id": "f", "start_index": 0, "end_index": 1, **more}
    part = text_part("ab", sent)
    final = {"type": "message", "id": "i", "content": [part]}
    place = {**ITEM, "content_index": 0}
    possible = {
        "event": event(
            "output_text.annotation.added", annotation=sent, annotation_index=0, **place
        ),
        "part": event("content_part.done", part=part, **place),
        "item": event("output_item.done", output_index=0, item=final),
    }
    chosen = [x for name, x in possible.items() if where in (name, "everywhere")]
    last = completed(final) if where in ("list", "everywhere") else COMPLETED
    data = sse(CREATED, added("message", "i"), text("ab", "i"), *chosen, last)
    made = decode_every_way(data, dialect="responses")
    (one,) = [x.annotation for x in made.of(events.MessageAnnotation)]
    found = one.raw if isinstance(one, models.UnknownAnnotation) else one.extra
    assert more.items() <= found.items()
    (message,) = [x.message for x in made.of(events.MessageDone)]
    assert [one] == message.text_messages[0].text.annotations


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("end", ["whole", "part", "item", "list"])
@pytest.mark.parametrize(("first", "second"), [("refusal", "text"), ("text", "refusal")])
def test_a_refusal_delta_and_a_final_text_at_its_index_are_both_created_before_they_are_done(
    first: str, second: str, end: str, index: int
) -> None:
    """So are a text and a final refusal: what was streamed stays."""
    one, other = KINDS[first], KINDS[second]
    final = other.final("yes")
    ends = {
        "whole": other.whole("yes", index, **ITEM),
        "part": event("content_part.done", part=other.part("yes"), content_index=index, **ITEM),
        "item": event("output_item.done", output_index=0, item=final),
    }
    sent = [CREATED, added("message", "i"), one.piece("no", index, **ITEM)]
    heard = hear(*sent, *([ends[end]] if end in ends else []), completed(final))
    assert ("no", "yes") == (getattr(heard, first), getattr(heard, second))
    assert ["no", "yes"] == heard.parts


IMAGE = {"type": "output_image", "image_url": "u"}


@pytest.mark.parametrize("name", ["content_part.added", "content_part.done"])
@pytest.mark.parametrize("final", [[], [IMAGE], [text_part("hi")], [IMAGE, text_part("hi")]])
def test_a_text_delta_at_an_index_that_began_as_an_image_is_created_before_it_is_done(
    name: str, final: list[Any]
) -> None:
    """The text is delivered once, and the image is kept if the end lists it."""
    item = {"type": "message", "id": "i", "content": final}
    began = event(name, part=IMAGE, content_index=0, **ITEM)
    ended = event("output_item.done", output_index=0, item=item)
    heard = hear(CREATED, added("message", "i"), began, text("hi", "i"), ended, completed(item))
    assert ("hi", {"hi", *["output_image"] * (IMAGE in final)}) == (heard.text, {*heard.parts})


# --- Calls ------------------------------------------------------------------------------

ARGUMENTS = '{"a":1,"b":"}{"}'


def call(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the item of a call."""
    named = {"id": f"i{number}", "call_id": f"c{number}", "name": f"f{number}"}
    return {"type": "function_call", **named, **fields}


@pytest.mark.parametrize("end", ["nothing", "arguments.done", "item.done", "list"])
def test_calls_interleaved_at_every_fragment_boundary_are_whole(end: str) -> None:
    """Two calls are cut at one place; the halves come in turn. Custom tools are the same."""
    kinds = (
        ("function_call", "function_call_arguments", "arguments"),
        ("custom_tool_call", "custom_tool_call_input", "input"),
    )
    for at, (kind, name, key) in product(range(1, len(ARGUMENTS)), kinds):
        sent = [CREATED]
        for n in range(2):
            item = call(n, type=kind, **{key: ""})
            sent.append(event("output_item.added", output_index=n, item=item))
        for piece in (ARGUMENTS[:at], ARGUMENTS[at:]):
            for n in range(2):
                where = {"item_id": f"i{n}", "output_index": n}
                sent.append(event(f"{name}.delta", delta=piece, **where))
        finals = [call(n, type=kind, **{key: ARGUMENTS}) for n in range(2)]
        for n in range(2):
            if end == "arguments.done":
                where = {"item_id": f"i{n}", "output_index": n}
                sent.append(event(f"{name}.done", **{key: ARGUMENTS}, **where))
            elif end == "item.done":
                sent.append(event("output_item.done", output_index=n, item=finals[n]))
        data = sse(*sent, completed(*finals * (end == "list")))
        heard = heard_in(decode(data, dialect="responses"))
        expected = [("f0", ARGUMENTS), ("f1", ARGUMENTS)]
        assert (expected, expected) == (heard.calls, heard.required)


@pytest.mark.parametrize("pieces_sent", [['{"x"', ":1}", '{"x":1}'], ['{"x"', '{"x":1}']])
@pytest.mark.parametrize("end", ["nothing", "arguments.done", "list"])
def test_arguments_sent_again_or_cumulative_count_once(pieces_sent: list[str], end: str) -> None:
    """With or without a frame that states all of them."""
    final = call(arguments='{"x":1}')
    sent = [event("output_item.added", output_index=0, item=call(arguments=""))]
    sent += [arguments(x, "i0") for x in pieces_sent]
    if end == "arguments.done":
        where = {"item_id": "i0", "output_index": 0}
        sent.append(event("function_call_arguments.done", arguments='{"x":1}', **where))
    heard = hear(CREATED, *sent, completed(*[final] * (end == "list")))
    assert ([("f0", '{"x":1}')],) * 2 == (heard.calls, heard.required)


#: How the arguments of a call may begin and go on.
BEGUN: dict[str, tuple[Any, list[Any]]] = {
    "an object at once": ({"x": 1}, []),
    "an object in a delta": ("", [{"x": 1}]),
    "the first piece in added": ('{"x"', [":1}"]),
    "all in added and again in deltas": ('{"x":1}', ['{"x"', ":1}"]),
    "all in added": ('{"x":1}', []),
    "ciphertext": ("", ["qZ", "9="]),
    "ciphertext that begins like it": ("", ['{"qZ', "9="]),
    "nothing": (None, []),
}


@pytest.mark.parametrize("begun", BEGUN)
def test_arguments_as_an_object_or_first_in_added_or_in_ciphertext_are_those_of_the_end(
    begun: str,
) -> None:
    """`on_tool_call_done` and the required action have them; so has what goes back."""
    wholes: list[Any] = ['{"x":1}', {"x": 1}, '{"x": 1}']
    for end, whole in product(("arguments.done", "item.done", "list", "all"), wholes):
        _check_arguments(begun, end, whole)


def _check_arguments(begun: str, end: str, whole: Any) -> None:
    """Check one call that begins and ends like that."""
    first, deltas = BEGUN[begun]
    final = call(arguments=whole)
    sent = [CREATED, event("output_item.added", output_index=0, item=call(arguments=first))]
    where = {"item_id": "i0", "output_index": 0}
    sent += [event("function_call_arguments.delta", delta=x, **where) for x in deltas]
    if end in ("arguments.done", "all"):
        sent.append(event("function_call_arguments.done", arguments=whole, **where))
    if end in ("item.done", "all"):
        sent.append(event("output_item.done", output_index=0, item=final))
    sent.append(completed(*[final] * (end in ("list", "all"))))
    heard = hear(*sent)
    assert {"x": 1} == json.loads(heard.calls[0][1]) == json.loads(heard.required[0][1])
    assert 1 == len(heard.calls) == len(heard.required)
    (back,) = items_of(*sent)
    sent_back = back["arguments"]
    assert {"x": 1} == (json.loads(sent_back) if isinstance(sent_back, str) else sent_back)


def get_time() -> str:
    """Return the time."""
    return "noon"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        *product(["null", "", None], ["added", "delta", "done", "list"]),
        *[({}, "list"), ("{}", "added"), ("absent", "list")],
    ],
)
def test_arguments_null_or_empty_run_a_function_without_parameters(value: Any, where: str) -> None:
    """Wherever they are, over HTTP: the tool runs, and the run goes on."""
    named = {"id": "i", "call_id": "c", "name": "get_time"}
    own = {} if value == "absent" else {"arguments": value}
    item = {"type": "function_call", **named}
    place = {"item_id": "i", "output_index": 0}
    first = {**item, **(own if where == "added" else {})}
    begun = event("output_item.added", output_index=0, item=first)
    sent = [CREATED, begun]
    if where == "delta" and value != "absent":
        sent.append(event("function_call_arguments.delta", delta=value, **place))
    if where == "done":
        sent.append(event("output_item.done", output_index=0, item={**item, **own}))
    sent.append(completed(*[{**item, **own}] * (where == "list")))
    answer = frames(CREATED, text("at noon"), COMPLETED)
    with running(frames(*sent), answer) as server:
        stream = server.client.responses.stream(model="m", input="x", tools=ToolSet(get_time))
        assert "completed" == stream.get_final_run().status
        assert ["noon"] == [x["output"] for x in server.bodies[1]["input"] if "output" in x]


def test_made_up_ids_are_unique_over_all_rounds() -> None:
    """A server that sends no ids at all calls a tool in each of two rounds."""
    item = {"type": "function_call", "name": "get_time", "arguments": "{}"}
    ask = frames(CREATED, event("output_item.done", item=item), COMPLETED)
    with running(ask, ask, frames(CREATED, text("x"), COMPLETED)) as server:
        stream = server.client.responses.stream(
            model="m", input="x", tools=ToolSet(get_time), stateless=True
        )
        seen = [x.tool_call.id for x in stream if isinstance(x, events.RunStepToolCallDone)]
        outputs = [x["call_id"] for x in server.bodies[2]["input"] if "output" in x]
    assert 2 == len({*seen}) == len({*outputs})
    assert seen == outputs


def output_of(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the output of a call."""
    about = {"id": f"o{number}", "call_id": f"c{number}", "output": "ok"}
    return {"type": "function_call_output", **about, **fields}


#: Items that the server answered itself.
ANSWERED: dict[str, list[dict[str, Any]]] = {
    "one": [call(arguments="{}"), output_of()],
    "the output first": [output_of(), call(arguments="{}")],
    "two": [call(arguments="{}"), call(1, arguments="{}"), output_of(1), output_of()],
    "an output that is an object": [call(arguments="{}"), output_of(output={"a": 1})],
    "an output that is a list": [call(arguments="{}"), output_of(output=[{"text": "x"}])],
    "an output that is hidden": [call(arguments="{}"), output_of(output=None)],
    "a custom tool": [
        call(type="custom_tool_call", input="x"),
        output_of(type="custom_tool_call_output"),
    ],
}


@pytest.mark.parametrize("name", ANSWERED)
def test_a_function_call_with_its_output_in_one_response_is_not_required(name: str) -> None:
    """The server ran it: the run completes, and the call is done all the same."""
    for how in ("frames", "list", "both", "only done"):
        sent: list[Frame] = []
        for n, item in enumerate(ANSWERED[name]):
            if how in ("frames", "both"):
                sent.append(event("output_item.added", output_index=n, item=item))
            if how != "list":
                sent.append(event("output_item.done", output_index=n, item=item))
        heard = hear(CREATED, *sent, completed(*ANSWERED[name] * (how in ("list", "both"))))
        assert ("completed", []) == (heard.status, heard.required)
        assert sum("output" not in x for x in ANSWERED[name]) == len(heard.calls)


def test_a_function_call_with_its_output_makes_no_second_request() -> None:
    """Not even with tools that could answer it; one without an output is still asked for."""
    item = {**call(arguments="{}"), "name": "get_time"}
    with running(frames(CREATED, completed(item, output_of()))) as server:
        stream = server.client.responses.stream(model="m", input="x", tools=ToolSet(get_time))
        assert "completed" == stream.get_final_run().status
        assert 1 == len(server.asked)
    heard = hear(CREATED, completed(call(), call(1), output_of()))
    assert ("requires_action", ["f1"]) == (heard.status, [x for x, _ in heard.required])


@pytest.mark.parametrize("requested", [None, [], [{"type": "web_search"}], [{"type": "custom"}]])
@pytest.mark.parametrize("echoed", [None, [], [{"type": "x_search"}], [{"type": "custom"}]])
def test_a_custom_tool_call_is_the_servers_only_if_nobody_asked_for_one(
    requested: list[Any] | None, echoed: list[Any] | None
) -> None:
    """In a recording without a request, an empty list of tools does not say so."""
    dialect = ResponsesDialect()
    dialect.requested_tools = requested
    item = call(type="custom_tool_call", input="x")
    fields: dict[str, Any] = {} if echoed is None else {"tools": echoed}
    data = sse(response("created", status="in_progress", **fields), completed(item, **fields))
    heard = heard_in(decode(data, dialect=dialect))
    asked = any(x["type"] == "custom" for x in [*(requested or ()), *(echoed or ())])
    unknown = requested is None and not echoed
    assert ("requires_action" if asked or unknown else "completed") == heard.status


# --- Endings, errors, usage -------------------------------------------------------------

FAILURE = {"code": "server_error", "message": "boom"}
ERROR = event("error", **FAILURE, param=None)
FAILED = response("failed", status="failed", error=FAILURE)


@pytest.mark.parametrize(
    "error",
    [
        ERROR,
        event("error", error=FAILURE),
        ("error", FAILURE),
        ("", {"error": FAILURE}),
        ("", {"type": "error", **FAILURE}),
        ("response.error", {"type": "response.error", "error": FAILURE}),
    ],
)
@pytest.mark.parametrize("begun", [[], [added("message"), text("Hi")]])
def test_error_and_then_response_failed_are_both_delivered(
    error: Frame, begun: list[Frame]
) -> None:
    """on_error, on_run_failed, on_run_done, on_exception, on_end; no on_done."""
    recorder = Recorder()
    stream = Stream(sse(CREATED, *begun, error, FAILED, text("x")), recorder, dialect="responses")
    with pytest.raises(errors.ServerError, match="boom"):
        stream.until_done()
    kept = ("on_error", "on_run_failed", "on_run_done", "on_exception", "on_end", "on_done")
    assert list(kept[:-1]) == [x for x in recorder.names if x in kept]
    heard = hear(CREATED, *begun, error, FAILED)
    assert ("failed", True) == (heard.status, isinstance(heard.error, errors.ServerError))


@pytest.mark.parametrize("rest", [[], [text("x"), FAILED], [("", "[DONE]")], [COMPLETED]])
def test_error_and_something_else_is_never_a_success(rest: list[Frame]) -> None:
    """Nothing after it: the error; another frame: at most that one."""
    heard = hear(CREATED, ERROR, *rest)
    assert isinstance(heard.error, errors.ServerError)
    assert rest == [COMPLETED] or heard.status != "completed"


def _trickling(connection: socket.socket) -> None:
    """Send comments until nobody listens."""
    with suppress(OSError):
        for _ in range(200):
            connection.sendall(chunk(b": ping\n\n"))
            time.sleep(0.01)


def _failing_later(connection: socket.socket) -> None:
    """Send the end of the run after a while."""
    time.sleep(0.05)
    connection.sendall(chunk(sse(FAILED)) + chunk(b""))


@pytest.mark.parametrize(
    ("then", "failed"),
    [(lambda _: None, False), (_trickling, False), (_failing_later, True)],
    ids=["silent", "comments", "failed after a while"],
)
def test_after_an_error_one_frame_is_waited_for_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[socket.socket], None], *, failed: bool
) -> None:
    """The server keeps the connection open: the stream ends all the same."""
    assert 2.0 == ResponsesDialect.after_error
    monkeypatch.setattr(ResponsesDialect, "after_error", 0.4 if failed else 0.1)

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(sse(CREATED, ERROR)))
        then(connection)

    recorder = Recorder()
    with Peer(act) as peer, Client("", peer.url, timeout=10) as client:
        stream = client.responses.stream(model="m", input="x", event_handler=recorder)
        began = time.monotonic()
        with pytest.raises(errors.ServerError, match="boom"):
            stream.until_done()
        assert time.monotonic() - began < 5
    assert failed is ("on_run_failed" in recorder.names)
    assert ["on_exception", "on_end"] == recorder.names[-2:]


@pytest.mark.parametrize("nothing", ["", None, {}, []])
def test_error_empty_or_null_in_good_frames_is_no_error(nothing: Any) -> None:
    """In a delta, beside a response, in one, and alone."""
    name, piece = text("hi")
    ended = event("completed", error=nothing, response={"status": "completed", "error": nothing})
    heard = hear(CREATED, (name, {**piece, "error": nothing}), ("", {"error": nothing}), ended)
    assert ("completed", "hi", None) == (heard.status, heard.text, heard.error)


@pytest.mark.parametrize("name", ["in_progress", "queued", "heartbeat", "ping"])
@pytest.mark.parametrize("with_name", [True, False])
def test_a_bare_heartbeat_is_an_event_and_changes_nothing(name: str, *, with_name: bool) -> None:
    """Before, between and after the deltas, with and without an event line."""
    kind, data = event(name)
    beat = (kind if with_name else "", data)
    heard = hear(CREATED, beat, text("a"), beat, text("b"), beat, COMPLETED)
    assert ("completed", "ab") == (heard.status, heard.text)


#: A bare frame -> the status and the reason of the run.
BARE = {
    "completed": ({}, "completed", None),
    "done": ({}, "completed", None),
    "incomplete": (
        {"incomplete_details": {"reason": "content_filter"}},
        "incomplete",
        "content_filter",
    ),
    "cancelled": ({}, "cancelled", None),
    "canceled": ({}, "cancelled", None),
}


@pytest.mark.parametrize("name", BARE)
@pytest.mark.parametrize("empty", [{}, {"response": None}, {"response": {}}])
def test_a_bare_end_ends_the_run_as_its_name_says(name: str, empty: dict[str, Any]) -> None:
    """The response is missing, null, or has nothing in it; so is the beginning."""
    more, status, reason = BARE[name]
    ended = event(name, **empty, **(more if empty != {"response": {}} else {}))
    heard = hear(event("created", **empty), added("message"), text("hi"), ended)
    assert (status, "hi") == (heard.status, heard.text)
    if empty != {"response": {}}:
        made = decode(sse(CREATED, ended), dialect="responses")
        (run,) = [x.run for x in made.of(events.RunDone)]
        assert reason == (run.incomplete_details and run.incomplete_details.reason)


@pytest.mark.parametrize("error", [FAILURE, {"message": "boom"}, "boom"])
@pytest.mark.parametrize("beside", ["error", "message", "response"])
def test_a_bare_failure_is_failed_with_its_message(error: Any, beside: str) -> None:
    """The error is beside the type, or the message is; or it is in the response."""
    message = error if isinstance(error, str) else error["message"]
    fields = {"error": {"error": error}, "message": {"message": message}}
    sent = fields.get(beside, {"response": {"error": error}})
    made = decode(sse(CREATED, text("a"), event("failed", **sent)), dialect="responses")
    (run,) = [x.run for x in made.of(events.RunDone)]
    assert ("failed", "boom") == (run.status, run.last_error and run.last_error.message)


@pytest.mark.parametrize(
    "body", ["<html><h1>502 Bad Gateway</h1></html>", "Internal Server Error", "upstream: reset"]
)
@pytest.mark.parametrize("after", [b"", sse(CREATED, text("a"))])
def test_html_or_another_text_in_an_event_stream_is_quoted(body: str, after: bytes) -> None:
    """Alone, and after the beginning of a response; named and found out."""
    for dialect in ("responses", "auto"):
        made = decode_every_way(after + body.encode(), dialect=dialect)
        assert isinstance(made.error, errors.StreamError)
        assert after or body[:20] in str(made.error)
        assert not made.of(events.ThreadRunCompleted)


def test_a_content_encoding_that_was_not_asked_for_is_named() -> None:
    """The error says which."""
    answer = reply(200, b"\x00\x01", Content_Type="text/event-stream", Content_Encoding="zstd")
    failing = pytest.raises(errors.NotAnEventStreamError, match="zstd")
    with Peer(say(answer, close=True)) as peer, Client("", peer.url) as client, failing:
        client.responses.stream(model="m", input="x")


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain"])
def test_a_good_event_stream_of_any_content_type_is_read(kind: str | None) -> None:
    """What the bytes are counts."""
    named = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
    body = sse(CREATED, text("hi"), COMPLETED)
    answer = say(OK + named + CHUNKED + chunk(body) + chunk(b""))
    with Peer(answer) as peer, Client("", peer.url, max_retries=0) as client:
        stream = client.responses.stream(model="m", input="x")
        assert "hi" == "".join(stream.text_deltas)


@pytest.mark.parametrize("beat", [": ping\n\n", "data: ping\n\n", 'data: {"type": "ping"}\n\n'])
def test_keep_alive_comments_and_nothing_else_are_a_timeout(beat: str) -> None:
    """Bare words and heartbeats of unknown names say no more than comments do."""

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + chunk(sse(CREATED)))
        with suppress(OSError):
            for _ in range(300):
                connection.sendall(chunk(beat.encode()))
                time.sleep(0.01)

    with Peer(act) as peer, Client("", peer.url, idle_timeout=0.1) as client:
        stream = client.responses.stream(model="m", input="x")
        with pytest.raises(errors.StreamTimeoutError, match="no event for"):
            stream.until_done()


def test_expires_at_in_the_past_does_not_stop_tools() -> None:
    """A response that expired by the client's clock long ago: elapsed time decides."""
    item = {**call(arguments="{}"), "name": "get_time"}
    old: dict[str, Any] = {"created_at": 1, "expires_at": 601}
    ask = frames(response("created", status="in_progress", **old), completed(item, **old))
    with running(ask, frames(CREATED, text("x"), COMPLETED)) as server:
        stream = server.client.responses.stream(model="m", input="x", tools=ToolSet(get_time))
        assert "completed" == stream.get_final_run().status


@pytest.mark.parametrize("word", ["aborted", "network_error", "tomorrow"])
def test_an_ending_that_is_in_no_table_is_incomplete_with_that_word(word: str) -> None:
    """The server's own word is reachable from the run; calls still require an action."""
    ended = response("completed", status=word)
    made = decode(sse(CREATED, text("a"), ended), dialect="responses")
    (run,) = [x.run for x in made.of(events.RunDone)]
    assert ("incomplete", word) == (run.status, run.extra["finish_reason"])


@pytest.mark.parametrize("value", [None, "text", 5, [], {}, True, -1.5])
def test_wrong_typed_fields_that_say_nothing_needed_do_not_end_a_stream(value: Any) -> None:
    """Dates, usage, logprobs, indexes and details; the raw JSON has them as sent."""
    wrong = dict.fromkeys(
        ("created_at", "usage", "model", "tools", "metadata", "reasoning", "text", "temperature"),
        value,
    )
    name, piece = text("hi")
    odd = {
        "logprobs": value,
        "content_index": value,
        "sequence_number": value,
        "obfuscation": value,
    }
    heard = hear(response("created", **wrong), (name, {**piece, **odd}), completed(**wrong))
    assert ("completed", "hi") == (heard.status, heard.text)


@pytest.mark.parametrize("word", ["ping", "heartbeat", "keep-alive", "[DONE]", "[DONE] "])
def test_bare_words_and_done_with_a_blank_say_nothing(word: str) -> None:
    """They are events, but neither errors nor an end."""
    heard = hear(("", word), CREATED, ("", word), text("a"), ("", word), text("b"), COMPLETED)
    assert ("completed", "ab") == (heard.status, heard.text)
    cut = hear(CREATED, text("a"), ("", word))
    assert isinstance(cut.error, errors.IncompleteStreamError)


def test_logprobs_with_infinity_are_read() -> None:
    """JSON does not have it; some servers do."""
    data = sse(CREATED, text("hi"), COMPLETED).replace(
        b'"delta": "hi"', b'"delta": "hi", "logprobs": [{"logprob": -Infinity}, NaN]'
    )
    assert "hi" == heard_in(decode_every_way(data, dialect="responses")).text


@pytest.mark.parametrize(
    ("sent", "total"),
    [({}, None), (None, None), ("x", None), ({"input_tokens": 1, "output_tokens": 2}, 3),
     ({"input_tokens": 1, "output_tokens": 2, "total_tokens": 4, "input_tokens_details": 0}, 4)],
)  # fmt: skip
def test_usage_that_is_empty_is_unknown_and_a_real_one_is_read(
    sent: Any, total: int | None
) -> None:
    """Whatever its details are."""
    made = decode(sse(CREATED, completed(usage=sent)), dialect="responses")
    (run,) = [x.run for x in made.of(events.RunDone)]
    assert total == (run.usage and run.usage.total_tokens)


def test_usage_of_every_round_is_on_its_own_run_if_it_is_answered_by_hand() -> None:
    """With `tools=` the one run has the sum."""
    item = {**call(arguments="{}"), "name": "get_time"}
    spent = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    ask = frames(CREATED, completed(item, usage=spent))
    answer = frames(CREATED, text("x"), completed(usage={**spent, "total_tokens": 5}))
    with running(ask, answer) as server:
        stream = server.client.responses.stream(model="m", input="x", tools=ToolSet(get_time))
        assert 8 == _total(stream.get_final_run())
    with running(ask) as server:
        assert 3 == _total(server.client.responses.stream(model="m", input="x").get_final_run())
    with running(answer) as server:
        back = [{"type": "function_call_output", "call_id": "c0", "output": "noon"}]
        by_hand = server.client.responses.stream(
            model="m", input=back, previous_response_id="resp_1"
        )
        assert 5 == _total(by_hand.get_final_run())


def _total(run: models.Run) -> int | None:
    """Return how many tokens a run used."""
    return None if run.usage is None else run.usage.total_tokens


# --- On every stream --------------------------------------------------------------------

FEW = settings(max_examples=60)

WORDS = st.sampled_from(["completed", "incomplete", "failed", "cancelled", "aborted", "", "done"])


@st.composite
def endings(draw: st.DrawFn) -> Frame:
    """A frame that may end a response, with an error in some dress, or with another word."""
    error = draw(st.sampled_from([FAILURE, {"message": "boom"}, "boom"]))
    name = draw(st.sampled_from(["completed", "failed", "incomplete", "cancelled", "error"]))
    if name == "error":
        return draw(st.sampled_from([event("error", error=error), ("", {"error": error})]))
    status = draw(WORDS)
    inside: dict[str, Any] = {"status": status} if status else {}
    where = draw(st.sampled_from(["inside", "beside", "reason", "none"]))
    if where == "inside":
        inside["error"] = error
    elif where == "reason":
        inside["incomplete_details"] = {"reason": "tomorrow"}
    return event(name, response=inside, **({"error": error} if where == "beside" else {}))


@FEW
@given(ended=endings(), begun=st.booleans())
def test_an_error_in_any_dress_is_never_a_success(ended: Frame, *, begun: bool) -> None:
    """Only a response that says `completed`, by its status or its name, and nothing else is one."""
    made = decode(sse(CREATED, *[text("a")] * begun, ended), dialect="responses")
    data = ended[1]
    inside = data.get("response") or {}
    clean = not data.get("error") and not inside.keys() - {"status"} and data.get("type") != "error"
    said = inside.get("status") or data.get("type", "").rpartition(".")[2]
    completes = bool(made.of(events.ThreadRunCompleted)) and made.error is None
    assert completes is (clean and said == "completed")


@st.composite
def streams(draw: st.DrawFn) -> list[Frame]:
    """Frames of all kinds in any order, with indexes and ids that need not fit."""
    kinds = list(KINDS.values())
    ids, indexes = st.sampled_from(["a", "b", ""]), st.sampled_from([0, 1, 2, -1, None])
    found: list[Frame] = []
    for _ in range(draw(st.integers(0, 8))):
        row, item_id, place = draw(st.sampled_from(kinds)), draw(ids), draw(indexes)
        where = {"item_id": item_id, "output_index": place}
        value, index = draw(st.sampled_from(["x", "xy", "", "\ud83d", "\ude00"])), draw(indexes)
        possible = [
            event("in_progress"),
            ("", {"usage": {}}),
            added(row.item, item_id, place),
            row.piece(value, index, **where),
            row.whole(value, index, **where),
            done(row.item, item_id, place),
            event("output_item.done", item=row.final(value), output_index=index),
        ]
        found.append(draw(st.sampled_from(possible)))
    return found


@FEW
@given(sent=streams())
def test_every_frame_of_any_stream_has_an_event_with_its_json(sent: list[Frame]) -> None:
    """In any order; everything is created before its deltas and done once."""
    made = decode(_escaped(CREATED, *sent, COMPLETED), dialect="responses")
    assert made.error is None
    raws = [x.raw for x in made.of(events.WireEvent)]
    assert [] == [x for _, x in sent if json.loads(json.dumps(x)) not in raws]
    check_transcript(made.events, ended=True)
    for line in made.texts:
        line.encode()


@FEW
@given(words=st.lists(st.sampled_from(["ping", "{}", "5", "[DONE]"]), min_size=1))
@pytest.mark.parametrize("dialect", ["responses", "auto"])
def test_a_stream_without_a_frame_of_the_wire_is_an_unknown_wire(
    dialect: str, words: list[str]
) -> None:
    """Named and found out."""
    words = words if dialect == "auto" else [*words, "[DONE]"]  # else it may be a cut
    made = decode(sse(*(("", word) for word in words)), dialect=dialect)
    assert isinstance(made.error, errors.UnknownWireError)
