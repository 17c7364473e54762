"""The fast path changes no result, whatever the bytes and however they are cut.

Rules of this file:

- "The same" is defined by :class:`Outcome`: every event as it was when it was delivered and
    after which chunk, the state of the snapshots then and after each chunk, the error with all
    its attributes, and the snapshots afterwards.
- What somebody wants may change after each event, on both paths alike.
- A separate test checks that the fast path is reached at all.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stream_core import environment, events
from stream_core.convert import json_text
from stream_core.convert.json_text import MAX_NESTING
from stream_core.decoding import fast_deltas, fast_frames
from stream_core.decoding.decoder import EventDecoder
from stream_core.decoding.fast_deltas import Template
from stream_core.dialects import Decoded
from stream_core.dialects.assistants import EVENTS, OBJECTS, AssistantsDialect
from stream_core.dialects.detect import AutoDialect
from stream_core.errors import DecodeError, StreamError
from stream_core.sse import ServerSentEvent, SSEDecoder
from tests.support.bursts import (
    BAD_BEGINNINGS,
    BAD_VALUES,
    BEGINNINGS,
    ENVELOPES,
    MESSAGE_SHAPES,
    PLAIN,
    STEP_SHAPES,
    TEXT,
    VALUES,
    beginnings,
    cuts,
    framed,
    message_payload,
    streams,
)
from tests.support.frames import (
    DONE,
    Wanted,
    Wants,
    call,
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
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.sse import ServerSentEvent

DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)

#: Events of an object that may repeat its created.
AGAIN = (
    *(events.ThreadRunQueued, events.ThreadRunInProgress),
    *(events.ThreadRunStepInProgress, events.ThreadMessageInProgress),
)

#: The events that somebody may want of a stream.
WANTED: list[Wants] = [
    lambda _: False,
    lambda event_class: event_class not in DELTAS,
    lambda event_class: event_class in DELTAS,
    lambda event_class: event_class not in AGAIN,
    lambda event_class: event_class in AGAIN,
    lambda event_class: event_class is events.RepeatedEvent,
    lambda event_class: issubclass(event_class, events.DerivedEvent),
]


RUN = sse(run("created"))
END = sse(run("completed"), DONE)


# --- Both paths, compared ---------------------------------------------------------------


#: Up to this many chunks, the snapshots are examined after each, not only at the events.
_FEW = 100


@attrs.frozen
class Outcome:
    """The complete result of decoding a stream.

    Attributes:
        delivered: The number of the chunk, the event as it was then ("" for the end of the chunk),
            and the state of the snapshots.
        error: Class, sentence and attributes of the exception, or None.
        state: The state of the snapshots at the end.
    """

    delivered: list[tuple[int, str, str]]
    error: tuple[object, ...] | None
    state: list[str]


def seen(known: Snapshots) -> str:
    """Return a short text of what can be seen of KNOWN."""
    run, one, step = known.current_run, known.current_message, known.current_run_step
    facts = [None if x is None else (x.id, x.status) for x in (run, one, step)]
    text = None if one is None else (one.role, one.text)
    ends = (known.ended, known.terminated, known.requires_action)
    return repr([*facts, text, *ends, known.open_objects, known.thread_id])


def outcome(
    chunks: Iterable[bytes],
    *,
    fast: bool,
    wants: Sequence[Wants | None] = (None,),
    keep: Wants = lambda _: True,
    **options: Any,
) -> Outcome:
    """Decode CHUNKS on one of the paths.

    Args:
        chunks: The bytes.
        fast: Whether to use the fast path.
        wants: What somebody wants: the first item until an event comes, the second until the next
            event, and so on, and then the first again.
        keep: Only events of these classes count.
        options: The options of the decoder.
    """
    chunks = list(chunks)
    few = len(chunks) <= _FEW
    delivered: list[tuple[int, str, str]] = []
    failure: StreamError | None = None
    turns = itertools.cycle([None if x is None else Wanted(x) for x in wants])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", fast)
        decoder = EventDecoder(**{"dialect": "assistants", **options})
        known = decoder.snapshots
        decoder.wants = next(turns)
        try:
            for number, chunk in enumerate([*chunks, None]):
                if chunk is None:
                    decoder.close()
                else:
                    decoder.feed(chunk)
                while (event := decoder.next_event()) is not None:
                    if keep(type(event)):
                        delivered.append((number, f"{label(event)}: {event!r}", seen(known)))
                    decoder.wants = next(turns)
                if few:
                    delivered.append((number, "", seen(known)))
        except StreamError as error:
            failure = error
    state = [
        *map(repr, (known.current_run, known.current_message, known.current_run_step)),
        *map(repr, (known.messages, known.run_steps, known.open_objects)),
        f"ended: {known.ended}, done: {decoder.done}",
    ]
    facts = None if failure is None else (type(failure), str(failure), repr(vars(failure)))
    return Outcome(delivered, facts, state)


def check(chunks: Iterable[bytes], **options: Any) -> Outcome:
    """Check that both paths give the same outcome for CHUNKS, and return it."""
    chunks = list(chunks)
    ordinary = outcome(chunks, fast=False, **options)
    assert ordinary == outcome(chunks, fast=True, **options)
    return ordinary


def check_wanted(chunks: Iterable[bytes], wants: Wants, **options: Any) -> None:
    """Check that the wanted events are the same as without WANTS, and no others come."""
    chunks = list(chunks)
    ordinary = outcome(chunks, fast=False, keep=wants, **options)
    assert ordinary == outcome(chunks, fast=True, wants=[wants], **options)


def check_changing(chunks: Iterable[bytes], seed: int, **options: Any) -> None:
    """Check that both paths agree if what is wanted changes after each event."""
    chance = random.Random(seed)
    wants = chance.choices([*WANTED, None, None], k=chance.randint(2, 3))
    check(chunks, wants=wants, **options)


@pytest.mark.no_cover
@given(beginnings(), st.sampled_from([b"", END]), st.integers(0, 2**16))
@example([b"event: thread.message.completed\ndata\n\n", frame(*DONE)], b"", 0)
@hypothesis_settings(max_examples=12)
def test_beginnings_are_the_same(frames: list[bytes], end: bytes, seed: int) -> None:
    """Frames that repeat, or nearly repeat, are the same on both paths, whoever wants them."""
    chance = random.Random(seed)
    for chunks in cuts([*frames, end], seed):
        for wants in (WANTED[3], chance.choice(WANTED)):
            check_wanted(chunks, wants)
        check_changing(chunks, chance.getrandbits(16))


# --- Cases that were wrong once, or look as if they could be ----------------------------


def delta(value: str, **fields: Any) -> bytes:
    """Write a delta of a text."""
    return frame(*text_delta(value, **fields))


def argument(value: str) -> bytes:
    """Write a delta of a function's arguments."""
    return frame(*step_delta(call(0, arguments=value)))


def code(value: str) -> bytes:
    """Write a delta of the code interpreter's input."""
    piece = {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": value}}
    return frame(*step_delta(piece))


def with_role(value: str, role: str) -> bytes:
    """Write a delta with a role, which brings more than a text."""
    name, payload = text_delta(value)
    payload["delta"]["role"] = role
    return frame(name, payload)


def inside(value: str) -> bytes:
    """Write an unnamed frame that contains a delta, and a text where a delta would have its own."""
    outer = {"content": [{"text": {"value": value}}]}
    return frame("", {"event": "thread.message.delta", "data": text_delta("x")[1], "delta": outer})


def in_two_lines(value: str) -> bytes:
    """Write a delta in two lines, then two more that have VALUE and are ignored."""
    line = message_payload(TEXT).replace(",", ",\n", 1) % '"x"'
    first, _, second = line.partition("\n")
    junk = second.replace('"x"', json.dumps(value))
    begin = f"event: thread.message.delta\ndata: {first}\ndata: {second}\n"
    return f"{begin}: {first}\n{junk}\n\n".encode()


def twice(value: str, dropped: str) -> bytes:
    """Write a delta with VALUE under an escaped key, preceded by a text that is dropped."""
    first, second = ({"content": [{"index": 0, "text": {"value": x}}]} for x in (dropped, value))
    payload = f'{{"id":"m1","delta":{json.dumps(first)},"delta":{json.dumps(second)}}}'
    begin, _, rest = payload.rpartition("value")
    return framed(PLAIN, "thread.message.delta", f"{begin}val\\u0075e{rest}")


def nested(value: str, depth: int) -> bytes:
    """Write a delta with a key twice, the first time with a deeply nested value."""
    payload = '{"object":' + "[" * depth + "]" * depth + "," + message_payload(TEXT)[1:]
    return framed(PLAIN, "thread.message.delta", payload.replace("%s", f'"{value}"'))


LETTERS = "abcdef"

CASES: dict[str, list[bytes]] = {
    "texts": [delta(x) for x in LETTERS],
    "arguments": [argument(x) for x in LETTERS],
    "code": [code(x) for x in LETTERS],
    "empty pieces": [make(x) for make in (delta, argument, code) for x in ("a", "", "", "b", "")],
    "two messages in turn": [delta(x, message_id=y) for x in LETTERS for y in ("m1", "m2")],
    "two parts in turn": [delta(x, index=y) for x in LETTERS for y in (0, 1)],
    "frames that end otherwise before each": [
        delta("hidden").replace(b"\n", b"\r\n") + delta(x) for x in LETTERS
    ],
    "a role set in between": [
        *(with_role(x, "assistant") for x in LETTERS),
        frame("thread.message.delta", {"id": "msg_1", "delta": {"role": "tool"}}),
        with_role("g", "assistant"),
    ],
    "a step of another kind in between": [
        *(argument(x) for x in LETTERS),
        frame(
            "thread.run.step.delta",
            {
                "id": "step_1",
                "delta": {
                    "step_details": {
                        "type": "message_creation",
                        "message_creation": {"message_id": "m"},
                    }
                },
            },
        ),
        *(argument(x) for x in LETTERS),
    ],
    "deltas inside unnamed frames": [inside(x) for x in LETTERS],
    "data in two lines": [in_two_lines(x) for x in "xxx" + LETTERS],
    "a delta after done": [
        *(delta(x) for x in LETTERS),
        *(argument(x) for x in LETTERS),
        frame(*run("requires_action")),
        frame(*DONE),
        argument("g"),
    ],
    "arguments after a text, and another frame": [
        *(delta(x) for x in LETTERS),
        *(argument(x) for x in "ab"),
        frame("other", {}),
        argument("c"),
    ],
    "another frame in between": [
        *(delta(x) for x in LETTERS),
        frame("other", {}),
        delta("g"),
    ],
    "a part of another type": [
        frame(
            "thread.message.delta",
            {
                "id": "msg_1",
                "delta": {"content": [{"index": 0, "type": "refusal", "refusal": "no"}]},
            },
        ),
        *(delta(x) for x in LETTERS),
    ],
    "a dropped text that is the same at first": [
        *(twice("same", "same") for _ in range(3)),
        *(twice("same", x) for x in LETTERS),
    ],
    "the text that stands for others": [
        *(twice("until-done probe ☃", "until-done probe ☃") for _ in range(3)),
        *(twice("until-done probe ☃", x) for x in LETTERS),
    ],
    "more line feeds than needed": [delta(x) + b"\n" for x in LETTERS],
    "three line feeds at the end": [*(delta(x) for x in LETTERS), b"\n\n\n"],
    "a message that is done": [
        *(delta(x) for x in LETTERS),
        frame(*message("completed", text(LETTERS))),
        *(delta(x) for x in LETTERS),
        *(delta(x, index=5) for x in LETTERS),
    ],
    "a step that is done": [
        *(argument(x) for x in LETTERS),
        frame(*step("completed", step_details={"type": "tool_calls"})),
        *(argument(x) for x in LETTERS),
        *(argument(x).replace(b'"index": 0', b'"index": 5') for x in LETTERS),
    ],
    "the end under another id": [
        *(delta(x) for x in LETTERS),
        frame(*message("completed", message_id="msg_2")),
        *(delta(x) for x in LETTERS),
        *(delta(x, message_id="msg_2") for x in LETTERS),
    ],
    "an ignored line before a frame": [*(delta(x) for x in LETTERS), b"x\n\n", delta("g")],
    "a payload without data before a frame": [
        *(delta(x) for x in LETTERS),
        b'{"error": 1}\n\n',
        delta("g"),
    ],
    "the same data under another name": [
        delta("a"),
        frame("other", text_delta("b")[1]),
        *(delta("b").replace(b"\n", b"\r\n") for _ in range(3)),
        frame("other", text_delta("c")[1]),
    ],
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("end", [END, b""], ids=["to the end", "cut"])
def test_cases(name: str, end: bytes) -> None:
    """Each of these is the same on both paths, however it is cut."""
    for number, chunks in enumerate(cuts([RUN, *CASES[name], end], seed=1)):
        check(chunks)
        if len(chunks) <= len(CASES[name]) + 2:  # not byte by byte
            check_wanted(chunks, WANTED[number % len(WANTED)])
            check_changing(chunks, number)


@pytest.mark.no_cover
@pytest.mark.parametrize("shape", [*MESSAGE_SHAPES, *STEP_SHAPES])
def test_shapes(shape: str) -> None:
    """Deltas of each shape are the same on both paths, even after a plain one."""
    name, plain = "thread.message.delta", MESSAGE_SHAPES[0]
    if shape in STEP_SHAPES:
        name, plain = "thread.run.step.delta", STEP_SHAPES[0]
    for before in (plain, shape):
        shapes = [before] * 3 + [shape] * 4
        frames = [
            framed(PLAIN, name, x.replace("%s", f'"{y}"'))
            for x, y in zip(shapes, "abccaab", strict=True)
        ]
        for chunks in ([RUN, *frames, END], [RUN + b"".join(frames) + END]):
            check(chunks)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("envelope", "value"),
    [
        (envelope, value)
        for place, envelope in enumerate(ENVELOPES)
        for value in (None, *BAD_VALUES[place % 3 :: 3])  # those left out are in the property tests
    ],
)
def test_envelopes(envelope: str, value: str | None) -> None:
    """Frames of each form are the same on both paths, up to one without such a text."""
    values = [f'"{x}"' for x in LETTERS] + ([] if value is None else [value]) + VALUES
    frames = [
        framed(envelope, "thread.message.delta", MESSAGE_SHAPES[0].replace("%s", x)) for x in values
    ]
    check([RUN, *frames, END])
    if value is None:
        check([RUN + b"".join(frames) + END])


def test_deep_nesting() -> None:
    """What is nested too deeply is the same error on both paths; a level less is read."""
    frames = [RUN, *(nested(value, MAX_NESTING - 20) for value in LETTERS)]
    check([*frames, END])
    for depth in (MAX_NESTING + 1, 985, 990, 100_000):
        check([*frames, nested(LETTERS[0], depth), END])


@pytest.mark.parametrize("make", [delta, argument, code])
@pytest.mark.parametrize("whole", [True, False], ids=["one chunk", "a chunk each"])
@pytest.mark.parametrize("wants", [None, lambda _: False])
def test_deltas_that_repeat_the_last_one_are_not_parsed(
    make: Callable[[str], bytes],
    wants: Wants | None,
    monkeypatch: pytest.MonkeyPatch,
    *,
    whole: bool,
) -> None:
    """Only the first is parsed, whoever wants them."""
    parsed: list[str] = []

    def loads_in(text: str, start: int, end: int) -> object:
        parsed.append(text)
        return json_text.loads_in(text, start, end)

    monkeypatch.setattr(fast_frames, "loads_in", loads_in)
    frames = [RUN, *(make(x) for x in LETTERS * 5), END]
    made = outcome([b"".join(frames)] if whole else frames, fast=True, wants=[wants])
    assert len(["created", "first", "completed"]) == len(parsed)
    expected = 30 if wants is None else 0
    assert expected == sum("Delta: Thread" in one for _, one, _ in made.delivered)
    assert outcome(frames, fast=False).state == made.state


def test_objects_do_not_need_the_dialect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of this wire are folded in; only frames that are not objects reach the dialect."""
    decoded: list[str] = []
    ordinary = AssistantsDialect.decode

    def decode(self: AssistantsDialect, one: ServerSentEvent) -> tuple[Decoded, ...]:
        decoded.append(one.event)
        return ordinary(self, one)

    monkeypatch.setattr(AssistantsDialect, "decode", decode)
    unusual = ("thread.run.queued", {"id": "run_1", "max_prompt_tokens": 12.0})
    frames = [RUN, sse(message("created")), delta("a"), sse(unusual, ("unheard.of", {})), END]
    made = outcome(frames, fast=True)
    assert ["thread.run.queued", "unheard.of", "done"] == decoded
    assert outcome(frames, fast=False) == made


def test_frames_are_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of the usual shape needs no SSE decoder."""
    fed: list[bytes] = []
    monkeypatch.setattr("stream_core.sse.SSEDecoder.feed", lambda _, chunk: fed.append(chunk))
    check_transcript = outcome([RUN + sse(message("created")) + END], fast=True)
    assert check_transcript.error is None
    assert [] == fed


def test_no_template_for_a_server_that_never_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """After eight without a match they are made seldom."""
    made: list[object] = []

    def learn(*arguments: Any) -> Template | None:
        made.append(arguments)
        return fast_deltas.learn(*arguments)

    monkeypatch.setattr("stream_core.decoding.fast_frames.learn", learn)
    frames = [frame("thread.message.delta", {"n": x, **text_delta("a")[1]}) for x in range(9)]
    outcome([RUN, *frames, END], fast=True)
    assert [] == made  # an unknown key makes it more than a text
    outcome([RUN, *(delta("a", index=x) for x in range(30)), END], fast=True)
    assert 8 == len(made)
    outcome([RUN, *(delta("a", index=x) for x in range(70)), END], fast=True)
    assert 8 + 8 + 2 == len(made)


REPEATED = {events.ThreadRunQueued, events.RepeatedEvent}


def test_only_the_next_frame_can_be_a_repetition() -> None:
    """One without a name comes between: the run has changed since."""
    begun, done = ({"id": "run_1", "status": status} for status in ("queued", "completed"))
    created, queued = (sse((f"thread.run.{x}", begun)) for x in ("created", "queued"))
    between = frame("", {"event": "thread.run.completed", "data": done})
    check_wanted([created, between, queued], lambda event: event not in REPEATED)


class Shouting(AssistantsDialect):
    """A caller's own dialect, in which texts differ from the JSON."""

    def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
        """Decode FRAME, and make its text louder."""
        (decoded,) = super().decode(frame)
        if decoded.event_class is events.ThreadMessageDelta:
            decoded.payload.delta.content[0].text.value += "!"
        return (decoded,)


class Frames:
    """A caller's own dialect, which takes a frame as it is."""

    def decode(self, frame: ServerSentEvent) -> list[Decoded]:
        """Return FRAME itself."""
        return [Decoded(events.UnknownEvent, attrs.astuple(frame), frame.data, frame.event)]


@pytest.mark.no_cover
@given(streams(), st.integers(0, 2**16), st.sampled_from([None, 100]))
@hypothesis_settings(max_examples=20)
@example([b"id: 7\n\n", delta("a"), b"event: x\ndata: y\n\n", b"retry: 5\n\n", delta("b")], 0, None)
def test_both_paths_make_the_same_frames(frames: list[bytes], seed: int, limit: int | None) -> None:
    """Name, data, offset, id and the rest do not reveal which path made them."""
    options = {} if limit is None else {"max_frame_bytes": limit}
    for chunks in cuts(frames, seed):
        check(chunks, dialect=Frames(), **options)


def test_dialect_of_a_caller() -> None:
    """A caller's own dialect decodes every frame."""
    delivered = check([RUN, *(delta(x) for x in LETTERS), END], dialect=Shouting())
    assert "value='a!b!c!d!e!f!'" in delivered.state[3]


def test_unread_at_close() -> None:
    """Fed bytes that were not read at the end are read afterwards; empty chunks do not count."""
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            decoder = EventDecoder("assistants")
            for chunk in (b"", RUN, bytearray(delta("a")), b"", memoryview(END)):
                decoder.feed(chunk)
            decoder.close()
            names = [label(x) for x in iter(decoder.next_event, None)]
            assert ["ThreadRunCreated", "ThreadMessageCreated*", "ThreadMessageDelta"] == names[:3]
            assert "Done" == names[-1]
            with pytest.raises(RuntimeError, match=r"feed\(\) after close\(\)"):
                decoder.feed(b"")


@pytest.mark.parametrize("fast", [True, False])
def test_fed_after_the_end(monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> None:
    """Bytes fed after ``done`` or an error are not kept."""
    monkeypatch.setattr(environment, "FAST", fast)
    for end in (RUN + sse(DONE), sse(("thread.run.created", "{"))):
        decoder = EventDecoder("assistants")
        decoder.feed(end)
        with contextlib.suppress(DecodeError):
            while decoder.next_event() is not None:
                pass
        decoder.feed(RUN)
        assert not decoder._fed


# --- Repetitions ------------------------------------------------------------------------

#: The first and second name that servers send with the same data.
PAIRS = {
    "thread.run": ("created", "queued"),
    "thread.run.step": ("created", "in_progress"),
    "thread.message": ("created", "in_progress"),
}


def states(kind: str, payload: str, *names: str) -> list[bytes]:
    """Write frames with PAYLOAD under the names of KIND."""
    return [framed(PLAIN, f"{kind}.{name}", payload) for name in names]


def parsed_of(chunks: Iterable[bytes], wants: Wants | None) -> int:
    """Return how many objects the fast path makes."""
    made: list[str] = []

    def loads_in(text: str, start: int, end: int) -> object:
        made.append(text)
        return json_text.loads_in(text, start, end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_frames, "loads_in", loads_in)
        outcome(chunks, fast=True, wants=[wants])
    return len(made)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("whole", [True, False], ids=["one chunk", "a chunk each"])
def test_a_repetition_is_skipped(kind: str, *, whole: bool) -> None:
    """It is not even parsed if nobody wants it; if somebody does, it is."""
    frames = states(kind, BEGINNINGS[kind][0], *PAIRS[kind])
    chunks = [b"".join(frames)] if whole else frames
    assert 1 == parsed_of(chunks, WANTED[3])
    assert 2 == parsed_of(chunks, WANTED[4])
    assert 2 == parsed_of(chunks, None)


@pytest.mark.parametrize("kind", PAIRS)
def test_only_the_next_frame_is_a_repetition(kind: str) -> None:
    """A later frame is not, nor the first of two, nor one after a repetition."""
    payload, (created, again) = BEGINNINGS[kind][0], PAIRS[kind]
    for names in ((created, again, again), (again, created, again), (created, created, again)):
        frames = states(kind, payload, *names)
        assert 2 <= parsed_of(frames, WANTED[3])
    one, two = states(kind, payload, created, again)
    for other in (delta("a"), sse(run("queued", "run_9")), sse(("unheard.of", {}))):
        assert parsed_of([one, other], WANTED[3]) < parsed_of([one, other, two], WANTED[3])
    for envelope in ENVELOPES[:3]:
        other = framed(envelope, "thread.message.delta", message_payload(TEXT, "m9") % '"a"')
        other += framed(envelope, "thread.run.step.created", '{"id":"s9"}')
        check_wanted([one, other, two], WANTED[3])
    for make in (delta, argument, code):
        # Here the last frame repeats the others, and its object is then the current one.
        first, second, third = (make(x) for x in "abc")
        chunks = [first, second, one, third, two]
        assert parsed_of(chunks[:4], WANTED[3]) < parsed_of(chunks, WANTED[3])
        check_wanted(chunks, WANTED[3])


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", PAIRS)
def test_a_skipped_repetition_leaves_no_trace(kind: str) -> None:
    """It does not show in the snapshots, in the error of a stream that ends there, or later."""
    created, again = PAIRS[kind]
    pairs = [*itertools.pairwise(BEGINNINGS[kind]), (BEGINNINGS[kind][0],) * 2]
    for number, (first, second) in enumerate(pairs):
        frames = [
            *states(kind, first, created, again),
            *states(kind, second, created, again, again),
            *states(kind, first, "in_progress", "completed", created, again, again),
        ]
        check_wanted(frames, WANTED[3])
        check_wanted(frames, WANTED[number % len(WANTED)])
        check_changing(frames, number)
    for first, second in itertools.pairwise(BEGINNINGS[kind]):
        frames = [*states(kind, first, created, again), *states(kind, second, created, again)]
        for count in range(1, len(frames) + 1):
            check_wanted(frames[:count], WANTED[3])


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", PAIRS)
def test_a_near_repetition_is_not_skipped(kind: str) -> None:
    """Other data under the second name, and the same data under another name, are decoded."""
    created, again = PAIRS[kind]
    for first in BEGINNINGS[kind][:2]:
        begin = states(kind, first, created)
        for second in {*BEGINNINGS[kind], *BAD_BEGINNINGS} - {first}:
            chunks = [*begin, *states(kind, second, again)]
            assert 2 == parsed_of(chunks, WANTED[3])
            check_wanted(chunks, WANTED[3])
        for name in sorted({*EVENTS, "", "unheard.of"} - {f"{kind}.{again}"}):
            chunks = [*begin, framed(PLAIN, name, first)]
            assert 1 + (name in OBJECTS.rows) == parsed_of(chunks, WANTED[3])
            check_wanted(chunks, WANTED[3])
        for envelope in ENVELOPES:
            check_wanted([*begin, framed(envelope, f"{kind}.{again}", first)], WANTED[3])


def test_whoever_begins_to_want_a_repetition_gets_it() -> None:
    """Whoever gets the created may want the next event at once, or no longer want it."""
    for kind, names in PAIRS.items():
        frames = states(kind, BEGINNINGS[kind][0], *names)
        for chunks in (frames, [b"".join(frames)], pieces(b"".join(frames), 1)):
            delivered = check(chunks, wants=[WANTED[3], WANTED[4]]).delivered
            assert 2 == sum("Thread" in text for _, text, _ in delivered)
            delivered = check(chunks, wants=[None, WANTED[3]]).delivered
            assert 1 == sum("Thread" in text for _, text, _ in delivered)


@pytest.mark.parametrize("wants", [WANTED[3], None])
def test_another_status_in_a_created_that_comes_again(wants: Wants | None) -> None:
    """A created that was delivered before changes nothing, but its repetition does."""
    for kind in ("thread.run.step", "thread.message"):
        first, second = BEGINNINGS[kind][1], BEGINNINGS[kind][0]
        chunks = [*states(kind, first, "created"), *states(kind, second, "created", "in_progress")]
        for count, status in ((1, "queued"), (2, "queued"), (3, "in_progress")):
            made = check(chunks[:count], wants=[wants])
            assert f"status='{status}'" in "".join(made.state[3:5])


# --- Chunks and frames ------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest",
    [
        *("x", "event", "event: ", "event: thread.run.created", "event: thread.run.created!"),
        *("data: ", "data: {}", ":", ": ping", "\n", "\r", "\nevent: thread.run.created"),
    ],
)
@pytest.mark.parametrize(
    "first",
    [
        *('data: {"id":"run_1"}\n\n', ": ping\n\n", "\n\n", "event: x\n\n", "id: 1\n\n"),
        *('event: thread.run.created\ndata: {"id":"run_1"}\n\n', "x\n\n", "data\n\n", ""),
    ],
)
def test_a_chunk_may_end_in_a_line(first: str, rest: str) -> None:
    """The unfinished line waits for its end, and is not taken for part of an earlier frame."""
    data = (first + rest).encode()
    more = b'\ndata: {"id":"run_2"}\n\n'
    for chunks in ([data], [data, more], [data + more], [data, more + RUN], [data, more, RUN, END]):
        check(chunks)


def test_frames_after_one_of_another_form_are_read_here_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A comment, an id or a CR alone is for the SSE decoder, but no frame after it is."""
    fed: list[bytes] = []
    feed = SSEDecoder.feed

    def feed_and_note(self: SSEDecoder, chunk: bytes) -> None:
        fed.append(chunk)
        feed(self, chunk)

    monkeypatch.setattr(SSEDecoder, "feed", feed_and_note)
    for other in (b": ping\n\n", b"id: 7\n\n", b"event: x\n\n", b"event: x\rdata: {}\n\n"):
        fed.clear()
        assert outcome([RUN, other, RUN, END], fast=True).error is None
        assert [other] == fed


def test_one_chunk_without_a_plain_frame() -> None:
    """A chunk in which the SSE decoder is never idle is fed to it piece by piece."""
    assert check([b"a\n\n" * 20_000 + RUN + END]).error is None


@pytest.mark.no_cover
@pytest.mark.parametrize("limit", range(1, 400, 40))
def test_frames_that_are_too_large(limit: int) -> None:
    """A frame beyond the limit fails at the same place, whatever comes before it."""
    frames = [RUN, *(delta(x * 40) for x in "ab"), *(delta(x * 60) for x in LETTERS), END]
    for chunks in cuts(frames, seed=limit):
        check(chunks, max_frame_bytes=limit)


@pytest.mark.parametrize("before", [0, 3])
def test_a_detected_wire_is_read_as_fast(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """Only the frames up to the first distinctive one are decoded by the dialect."""
    decoded: list[str] = []
    decode = AutoDialect.decode

    def counting(self: AutoDialect, frame: ServerSentEvent) -> Iterable[Decoded]:
        decoded.append(frame.event)
        return decode(self, frame)

    monkeypatch.setattr(AutoDialect, "decode", counting)
    pings = [frame("ping", {})] * before
    found = EventDecoder().events([*pings, *(frame(*text_delta("a")) for _ in range(20))])
    deltas = 0
    while deltas < 20:
        deltas += isinstance(next(found), events.ThreadMessageDelta)
    assert ["ping"] * before == decoded


def test_halves_in_whole_texts_are_mended() -> None:
    """Objects that are folded in at once are like those that take the ordinary path."""
    status = b'event: thread.run.failed\ndata: {"id": "run_1", "instructions": "a\\ud83d"}\n\n'
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            decoder = EventDecoder()
            decoder.feed(RUN + status)
            out = list(iter(decoder.next_event, None))
        (failed,) = [x for x in out if isinstance(x, events.ThreadRunFailed)]
        assert "a\ufffd" == failed.data.instructions
        assert "a\ud83d" == failed.raw["instructions"]
