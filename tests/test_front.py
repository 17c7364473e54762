"""The fast path changes no result: whatever the bytes and however they are cut, both say the same.

Rules of this file:

- What "the same" means is :class:`Outcome`: every event as it was when it was told and after
  which chunk, the error with all that it carries, and the snapshots afterwards.
- That the fast path is reached at all is a test of its own.
"""

from __future__ import annotations

import contextlib
import json
import random
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stream_core import events, settings, template
from stream_core.decoder import EventDecoder
from stream_core.dialects import DIALECTS
from stream_core.dialects.assistants import AssistantsDialect
from stream_core.errors import DecodeError, StreamError
from stream_core.template import DeltaTemplate
from tests.bursts import (
    BAD_VALUES,
    ENVELOPES,
    MESSAGE_SHAPES,
    PLAIN,
    STEP_SHAPES,
    TEXT,
    VALUES,
    cuts,
    framed,
    message_payload,
    streams,
)
from tests.support import (
    DONE,
    call,
    frame,
    label,
    message,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stream_core.dialects import Decoded
    from stream_core.events import Event
    from stream_core.sse import ServerSentEvent

Wants: TypeAlias = "Callable[[type[Event]], bool]"

DELTAS = (events.ThreadMessageDelta, events.ThreadRunStepDelta)

#: What somebody may want of a stream.
WANTED: list[Wants] = [
    lambda _: False,
    lambda event_class: event_class not in DELTAS,
    lambda event_class: event_class in DELTAS,
]


# --- Both paths, compared ---------------------------------------------------------------


@attrs.frozen
class Outcome:
    """All that decoding a stream came to.

    Attributes:
        told: The number of the chunk, and the event as it was then.
        error: Class, sentence and attributes of what was raised, or None.
        state: What the snapshots say in the end.
    """

    told: list[tuple[int, str]]
    error: tuple[object, ...] | None
    state: list[str]


def outcome(
    chunks: Iterable[bytes],
    *,
    fast: bool,
    wants: Wants | None = None,
    keep: Wants = lambda _: True,
    **options: Any,
) -> Outcome:
    """Decode CHUNKS on one of the paths; only events of classes for which KEEP holds count."""
    told: list[tuple[int, str]] = []
    failure: StreamError | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "FAST", fast)
        decoder = EventDecoder(**options)
        decoder.wants = wants
        try:
            for number, chunk in enumerate([*chunks, None]):
                if chunk is None:
                    decoder.close()
                else:
                    decoder.feed(chunk)
                while (event := decoder.next_event()) is not None:
                    if keep(type(event)):
                        told.append((number, f"{label(event)}: {event!r}"))
        except StreamError as error:
            failure = error
    known = decoder.snapshots
    state = [
        *map(repr, (known.current_run, known.current_message, known.current_run_step)),
        *map(repr, (known.messages, known.run_steps, known.open_objects)),
        f"ended: {known.ended}, done: {decoder.done}",
    ]
    facts = None if failure is None else (type(failure), str(failure), repr(vars(failure)))
    return Outcome(told, facts, state)


def check(chunks: Iterable[bytes], **options: Any) -> Outcome:
    """Check that both paths say the same of CHUNKS, and return it."""
    chunks = list(chunks)
    ordinary = outcome(chunks, fast=False, **options)
    assert ordinary == outcome(chunks, fast=True, **options)
    return ordinary


def check_wanted(chunks: Iterable[bytes], wants: Wants, **options: Any) -> None:
    """Check that what is wanted is the same as without WANTS, and nothing else comes."""
    chunks = list(chunks)
    ordinary = outcome(chunks, fast=False, keep=wants, **options)
    assert ordinary == outcome(chunks, fast=True, wants=wants, **options)


@given(streams(), st.integers(0, 2**16), st.sampled_from([None, None, None, 100, 250]))
@hypothesis_settings(max_examples=40)
def test_both_paths_say_the_same(frames: list[bytes], seed: int, limit: int | None) -> None:
    """Same events after the same chunk, same error, same snapshots, for any stream and cut."""
    options = {} if limit is None else {"max_frame_bytes": limit}
    for chunks in cuts(frames, seed):
        check(chunks, **options)
        check_wanted(chunks, random.Random(seed).choice(WANTED), **options)


# --- Cases that were wrong once, or look as if they could be ----------------------------

RUN = sse(run("created"))
END = sse(run("completed"), DONE)


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
    """Write a delta with a role, which is more than a text."""
    name, payload = text_delta(value)
    payload["delta"]["role"] = role
    return frame(name, payload)


def inside(value: str) -> bytes:
    """Write an unnamed frame with a delta in it, and a text where a delta would have its own."""
    outer = {"content": [{"text": {"value": value}}]}
    return frame("", {"event": "thread.message.delta", "data": text_delta("x")[1], "delta": outer})


def in_two_lines(value: str) -> bytes:
    """Write a delta in two lines, and after it two that say VALUE and count for nothing."""
    line = message_payload(TEXT).replace(",", ",\n", 1) % '"x"'
    first, _, second = line.partition("\n")
    junk = second.replace('"x"', json.dumps(value))
    begin = f"event: thread.message.delta\ndata: {first}\ndata: {second}\n"
    return f"{begin}: {first}\n{junk}\n\n".encode()


def twice(value: str, dropped: str) -> bytes:
    """Write a delta that says VALUE under an escaped key, and before it one that is dropped."""
    first, second = ({"content": [{"index": 0, "text": {"value": x}}]} for x in (dropped, value))
    payload = f'{{"id":"m1","delta":{json.dumps(first)},"delta":{json.dumps(second)}}}'
    begin, _, rest = payload.rpartition("value")
    return framed(PLAIN, "thread.message.delta", f"{begin}val\\u0075e{rest}")


def nested(value: str, depth: int) -> bytes:
    """Write a delta with a key twice, the first time with a value that is nested deeply."""
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
        check_wanted(chunks, WANTED[number % len(WANTED)])


@pytest.mark.parametrize("shape", [*MESSAGE_SHAPES, *STEP_SHAPES])
def test_shapes(shape: str) -> None:
    """Deltas of each shape are the same on both paths, also where a plain one is before."""
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


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("value", [None, *BAD_VALUES])
def test_envelopes(envelope: str, value: str | None) -> None:
    """Frames of each form are the same on both paths, up to one with no such text."""
    values = [f'"{x}"' for x in LETTERS] + ([] if value is None else [value]) + VALUES
    frames = [
        framed(envelope, "thread.message.delta", MESSAGE_SHAPES[0].replace("%s", x)) for x in values
    ]
    for chunks in ([RUN, *frames, END], [RUN + b"".join(frames) + END]):
        check(chunks)


def test_deep_nesting() -> None:
    """What can just be parsed, but not one call deeper, is no reason to fail with a ValueError."""
    for depth in range(800, 1000):
        decoder = EventDecoder()
        decoder.feed(b"".join(nested(value, depth) for value in LETTERS))
        try:
            while decoder.next_event() is not None:
                pass
        except DecodeError as error:
            assert "nested too deeply" in str(error)  # noqa: PT017  # not every Python gives up


@pytest.mark.parametrize("make", [delta, argument, code])
@pytest.mark.parametrize("whole", [True, False], ids=["one chunk", "a chunk each"])
def test_fast_path_is_reached(
    make: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    """Of deltas that repeat the last one only the first two are decoded."""
    decoded: list[str] = []
    ordinary = AssistantsDialect.decode

    def decode(self: AssistantsDialect, one: ServerSentEvent) -> tuple[Decoded, ...]:
        decoded.append(one.event)
        return ordinary(self, one)

    monkeypatch.setattr(settings, "FAST", True)
    monkeypatch.setattr(AssistantsDialect, "decode", decode)
    frames = [RUN, *(make(x) for x in LETTERS * 5), END]
    told = outcome([b"".join(frames)] if whole else frames, fast=True).told
    assert 5 == len(decoded)
    assert 30 == sum("Delta: Thread" in one for _, one in told)


def test_frames_are_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of the usual shape needs no SSE decoder."""
    fed: list[bytes] = []
    monkeypatch.setattr("stream_core.sse.SSEDecoder.feed", lambda _, chunk: fed.append(chunk))
    check_told = outcome([RUN + sse(message("created")) + END], fast=True)
    assert check_told.error is None
    assert [] == fed


def test_no_template_for_a_server_that_never_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """After eight that matched nothing no more are made."""
    made: list[object] = []

    def learn(*arguments: Any) -> DeltaTemplate | None:
        made.append(arguments)
        return template.learn(*arguments)

    monkeypatch.setattr("stream_core.front.learn", learn)
    frames = [frame("thread.message.delta", {"n": x, **text_delta("a")[1]}) for x in range(9)]
    outcome([RUN, *frames, END], fast=True)
    assert [] == made  # an unknown key is more than a text
    outcome([RUN, *(delta("a", index=x) for x in range(30)), END], fast=True)
    assert 8 == len(made)


class Shouting(AssistantsDialect):
    """A dialect of a caller's own, in which texts are not what the JSON says."""

    def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
        """Decode, and say it louder."""
        (decoded,) = super().decode(frame)
        if decoded.event_class is events.ThreadMessageDelta:
            decoded.payload.delta.content[0].text.value += "!"
        return (decoded,)


def test_dialect_of_a_caller() -> None:
    """A caller's own dialect decodes every frame."""
    told = check([RUN, *(delta(x) for x in LETTERS), END], dialect=Shouting())
    assert "value='a!b!c!d!e!f!'" in told.state[3]


def test_unread_at_close() -> None:
    """What was fed and not read when the bytes ended is there afterwards; empty chunks are not."""
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "FAST", fast)
            decoder = EventDecoder()
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
    """What is fed after ``done`` or an error is not kept."""
    monkeypatch.setattr(settings, "FAST", fast)
    for end in (sse(DONE), sse(("thread.run.created", "{"))):
        decoder = EventDecoder()
        decoder.feed(end)
        with contextlib.suppress(DecodeError):
            while decoder.next_event() is not None:
                pass
        decoder.feed(RUN)
        assert not decoder._frames._waiting


def test_one_chunk_of_what_is_no_frame() -> None:
    """A chunk in which the SSE decoder is never idle is given to it piece by piece."""
    assert check([b"a\n\n" * 20_000 + RUN + END]).error is None


@pytest.mark.parametrize("limit", range(1, 400, 7))
def test_frames_that_are_too_large(limit: int) -> None:
    """A frame beyond the limit fails at the same place, whatever stands before it."""
    frames = [RUN, *(delta(x * 40) for x in "ab"), *(delta(x * 60) for x in LETTERS), END]
    for chunks in cuts(frames, seed=limit):
        check(chunks, max_frame_bytes=limit)


def test_recordings(wire: Path) -> None:
    """Every recorded stream is the same on both paths, whole and frame by frame."""
    paths = sorted(wire.glob("*/*.sse"))
    assert paths
    for path in paths:
        data = path.read_bytes()
        for dialect in {"assistants", path.parent.name} & DIALECTS.keys():
            check([data], dialect=dialect)
            check([one + b"\n\n" for one in data.split(b"\n\n")], dialect=dialect)
