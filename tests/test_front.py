"""The fast path changes no result: whatever the bytes and however they are cut, both say the same.

Rules of this file:

- What "the same" means is :class:`Outcome`: every event as it was when it was told and after
  which chunk, the error with all that it carries, and the snapshots afterwards.
- Streams are made of bursts, deltas of one shape in a row, because only these reach the fast
  path, and of everything that could make the fast path take one frame for another.
- That the fast path is reached at all is a test of its own.
"""

from __future__ import annotations

import json
import os
import random
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stream_core import events, settings
from stream_core.decoder import EventDecoder
from stream_core.dialects.assistants import AssistantsDialect
from stream_core.errors import DecodeError, FrameTooLargeError, IncompleteStreamError, StreamError
from stream_core.front import Front
from stream_core.template import DeltaTemplate
from tests.support import (
    DONE,
    Frame,
    call,
    frame,
    label,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
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


# --- Streams ----------------------------------------------------------------------------

#: JSON strings as they stand in a frame.
VALUES = [
    '"a"',
    '"Hello"',
    '" world"',
    '""',
    r'"say \"hi\""',
    r'"back\\slash\\"',
    r'"line\nfeed\t\u0000"',
    r'"\u00e9\ud83d\ude00"',
    r'"\ud800"',
    r'"\ude00\ud83d"',
    r'"\"value\":\"x\""',
    r'"\"value\""',
    '"}]}}"',
    '"data: [DONE]"',
    '"é ☃ 😀"',
    '"\u2028\u2029\x85\x7f\ufeff"',
    '"until-done probe ☃"',
]

#: What is no JSON string, or not where it stands.
BAD_VALUES = [
    "null",
    "5",
    '["a"]',
    '"cut',
    r'"\x"',
    r'"\u12"',
    '"tab\there"',
    '"\x01"',
    '"\n"',
    '"a\n\nb"',
    '"a\rb"',
    '"a", "x": 1',
    '"a"}}]}} ',
]

_TEXT = '{"index":0,"type":"text","text":{"value":%s}}'
_FUNCTION = '{"index":0,"type":"function","function":{"arguments":%s}}'
_CODE = '{"index":0,"type":"code_interpreter","code_interpreter":{"input":%s}}'


def _message(part: str, message_id: str = "m1") -> str:
    return '{"id":"%s","object":"thread.message.delta","delta":{"content":[%s]}}' % (
        message_id,
        part,
    )


def _step(part: str, step_id: str = "s1") -> str:
    return (
        '{"id":"%s","object":"thread.run.step.delta","delta":'
        '{"step_details":{"type":"tool_calls","tool_calls":[%s]}}}' % (step_id, part)
    )


#: Payloads of message deltas, with a hole for a value.
MESSAGE_SHAPES = [
    _message(_TEXT),
    _message(_TEXT, "m2"),
    _message(_TEXT, "m3"),
    _message(_TEXT, ""),
    _message(_TEXT.replace('"index":0', '"index":1')),
    _message(_TEXT.replace('"index":0', '"index":7'), "m2"),
    _message(_TEXT.replace('"index":0,', "")),
    _message(_TEXT.replace('"index":0', '"index":null')),
    _message(_TEXT.replace('"index":0', '"index":0.0')),
    _message(_TEXT.replace('"type":"text",', "")),
    _message(_TEXT.replace('"type":"text"', '"type":null')),
    _message(_TEXT.replace('"type":"text"', '"type":"hologram"')),
    # white space and order
    _message(_TEXT).replace(":", ": ").replace(",", " , "),
    _message(_TEXT).replace('"value":', '"value" :\t'),
    " " + _message(_TEXT) + " ",
    '{"delta":{"content":[{"text":{"annotations":[],"value":%s},"type":"text","index":0}]},'
    '"id":"m1"}',
    '{"delta":{"content":[{"text":{"value":%s,"annotations":null},"index":0}]},"id":"m1"}',
    # a role, which is more than a text
    '{"id":"m1","delta":{"role":"assistant","content":[' + _TEXT + "]}}",
    '{"id":"m1","delta":{"content":[' + _TEXT + '],"role":"tool"}}',
    '{"id":"m1","delta":{"content":[],"role":%s}}',
    # unknown keys, some of which look like the right one
    _message(_TEXT.replace("%s", '%s,"logprobs":null')),
    _message(_TEXT.replace("%s", '%s,"value2":"value"')),
    _message(_TEXT).replace("}}]}}", '}}]},"seed":{"value":"x"}}'),
    _message(_TEXT).replace('{"id"', '{"value":"x","id"', 1),
    '{"id":"m1","delta":{"content":[{"index":0,"type":"text","text":{"value":"x"},"value":%s}]}}',
    '{"id":"m1","delta":{"content":[{"index":0,"type":"text","text":{"val\\u0075e":%s}}]}}',
    # keys twice: the last one counts
    _message(_TEXT.replace("%s", '"x","value":%s')),
    _message(_TEXT.replace("%s", '%s,"value":"x"')),
    _message(_TEXT.replace("%s", '%s,"value":"Hello"')),
    _message(_TEXT) [:-1] + ',"delta":{"content":[' + _TEXT.replace("%s", '"x"') + "]}}",
    '{"object":[[[["deep"]]]],' + _message(_TEXT)[1:],
    # annotations
    _message(_TEXT.replace("%s", '%s,"annotations":[{"index":0,"type":"note","value":"x"}]')),
    _message(_TEXT.replace('"value":%s', '"annotations":[{"type":"y","value":"x"}],"value":%s')),
    _message(_TEXT.replace("%s", '"x","annotations":[{"index":0,"type":"note","value":%s}]')),
    # other parts, more parts, one part without its list
    _message('{"index":0,"type":"refusal","refusal":%s}'),
    _message('{"index":1,"type":"image_file","image_file":{"file_id":%s}}'),
    _message(_TEXT + "," + _TEXT.replace("0", "1").replace("%s", '"x"')),
    _message(_TEXT.replace("%s", '"x"') + "," + _TEXT.replace("0", "1")),
    '{"id":"m1","delta":{"content":' + _TEXT + "}}",
    # the hole is somewhere else
    '{"id":%s,"delta":{"content":[' + _TEXT.replace("%s", '"x"') + "]}}",
    '{"id":"m1","object":%s,"delta":{"content":[' + _TEXT.replace("%s", '"x"') + "]}}",
    # a delta inside another one
    '{"event":"thread.message.delta","data":' + _message(_TEXT) + "}",
    '{"event":"thread.message.delta","data":'
    + _message(_TEXT.replace("%s", '"x"'))
    + ',"delta":{"content":[{"text":{"value":%s}}]}}',
]

#: Payloads of step deltas, with a hole for a value.
STEP_SHAPES = [
    _step(_FUNCTION),
    _step(_FUNCTION, "s2"),
    _step(_FUNCTION, "s3"),
    _step(_FUNCTION.replace('"index":0', '"index":1')),
    _step(_FUNCTION.replace('"index":0,', "")),
    _step(_FUNCTION.replace('"index":0', '"index":0,"id":"c1"')),
    _step(_FUNCTION.replace('"index":0', '"index":0,"id":""')),
    _step(_FUNCTION.replace("%s", '%s,"name":null,"output":null')),
    _step(_FUNCTION.replace("%s", '%s,"name":"f"')),
    _step(_FUNCTION.replace("%s", '%s,"output":"done"')),
    _step(_FUNCTION.replace("%s", '"x","output":%s')),
    _step(_FUNCTION.replace('"index":0', '"index":0,"id":"c1"').replace("%s", '%s,"name":"f"')),
    _step(_FUNCTION.replace("%s", '%s,"arguments":"x"')),
    _step(_FUNCTION.replace("%s", '%s,"strict":true')),
    _step(_FUNCTION)[:-3] + '],"more":1}}}',
    _step(_CODE),
    _step(_CODE, "s2"),
    _step(_CODE.replace('"index":0', '"index":1')),
    _step(_CODE.replace("%s", '%s,"outputs":[]')),
    _step(_CODE.replace("%s", '"x","outputs":[{"index":0,"type":"logs","logs":%s}]')),
    _step('{"index":2,"type":"file_search","file_search":{"results":[{"file_id":%s}]}}'),
    _step('{"index":3,"type":"mcp","arguments":%s}'),
    _step('{"index":4,"type":"web","arguments":%s}'),
    '{"id":"s1","delta":{"step_details":{"type":"message_creation",'
    '"message_creation":{"message_id":%s}}}}',
    '{"id":"s1","delta":{"step_details":{"type":"dream","value":%s}}}',
    '{"id":"s1","delta":{"step_details":null,"x":%s}}',
    '{"event":"thread.run.step.delta","data":'
    + _step(_FUNCTION.replace("%s", '"x"'))
    + ',"delta":{"step_details":{"tool_calls":[{"function":{"arguments":%s}}]}}}',
]

_PLAIN = "event: NAME\ndata: JSON\n\n"

#: How a frame is written. The first is what every real server sends, but for the line ends.
ENVELOPES = [
    "event: NAME\r\ndata: JSON\r\n\r\n",
    "event: NAME\rdata: JSON\r\r",
    "event: NAME\ndata: JSON\r\n\n",
    "event: NAME\ndata: JSON\n\r\n",
    "event:NAME\ndata:JSON\n\n",
    "event:  NAME\ndata:  JSON\n\n",
    "data: JSON\nevent: NAME\n\n",
    "event: other\nevent: NAME\ndata: JSON\n\n",
    "event: other\ndata: JSON\n\n",
    "event: \ndata: JSON\n\n",
    "data: JSON\n\n",
    "\nevent: NAME\ndata: JSON\n\n",
    "event: NAME\ndata: JSON\n\n\n",
    ": JSON\nevent: NAME\ndata: JSON\n\n",
    "event: NAME\ndata: JSON\n: JSON\n\n",
    "event: NAME\n: note\ndata: JSON\n\n",
    "id: 7\nevent: NAME\nretry: 10\ndata: JSON\n\n",
    "event: NAME\ndata: JSON\nid: 7\n\n",
    "event: NAME\nfoo: JSON\ndata: JSON\n\n",
    "event: NAME\ndata: \ndata: JSON\n\n",
    "event: NAME\ndata: JSON\ndata:\n\n",
    "event: NAME\ndata\n\n",
    "event: thread.created\rdata: {}\r\revent: NAME\ndata: JSON\n\n",
    "event: NAME\rdata: JSON\r\revent: NAME\ndata: JSON\n\n",
    "event: NAME\r\ndata: JSON\r\n\r\nevent: NAME\ndata: JSON\n\n",
    "\ufeffevent: NAME\ndata: JSON\n\n",
    "event: NAME\ndata: JSON \n\n",
]


def framed(envelope: str, name: str, payload: str, *, broken: bool = False) -> bytes:
    """Write one frame; BROKEN: the data in two lines, and a comment that looks like it."""
    if broken and "," in payload:
        first, _, rest = payload.partition(",")
        lines = f"event: {name}\ndata: {first},\ndata: {rest}\n: {first},\n{rest}\n\n"
        return lines.encode("utf-8", "surrogatepass")
    written = envelope.replace("NAME", name).replace("JSON", payload)
    return written.encode("utf-8", "surrogatepass")


#: What stands between bursts.
INTERLUDES: list[bytes] = [
    *(sse(run(status)) for status in ("created", "in_progress", "requires_action", "completed")),
    *(sse(message(status, message_id=x)) for status in ("created", "in_progress") for x in ("m1", "m2")),
    sse(message("created", text("before"), message_id="m1")),
    *(sse(message("completed", text("aHello"), message_id=x)) for x in ("m1", "m2", "other")),
    *(sse(step(status, x)) for status in ("created", "in_progress", "completed") for x in ("s1", "s2")),
    sse(step("created", "s1", step_details={"type": "tool_calls", "tool_calls": [{"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{"}}]})),
    sse(step("completed", "s1", step_details={"type": "message_creation"})),
    sse(message_delta(message_id="m1")),
    sse(("unheard.of", {"id": "m1"})),
    sse(("unheard.of", "no JSON")),
    b":\n\n",
    b"\n",
    b"\n\n\n",
    b"retry: 5\n\n",
    b"id: 5\n\n",
    b"foo: bar\n\n",
    b"foo\n\n\nfoo\n\n",
    b"event: thread.message.delta\n\n",
    b"data:\n\n",
    b": half a comment",
    b"event: x\n",
    "☃".encode(),
]

#: What ends a stream, mostly with an error.
ENDINGS: list[bytes] = [
    b"",
    sse(run("completed"), DONE),
    sse(run("completed")),
    sse(run("completed"))[:-1],
    sse(DONE),
    b"data: [DONE]",
    sse(("error", {"error": {"message": "no"}})),
    sse(("thread.message.delta", "{")),
    sse(("thread.message.delta", {"id": 5})),
    sse(("thread.run.step.delta", {"id": "s1", "delta": {"step_details": {"type": "tool_calls", "tool_calls": [{"index": "0"}]}}})),
    framed(_PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a')[:-1],
    framed(_PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a"')[:-1],
    framed(_PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a"')[:-9],
    framed(_PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"\xff"').replace(b"\xc3\xbf", b"\xff"),
    framed(_PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"\ud800"'),
    b'{"error": "no stream at all"}\n\n',
    b'{"id":"m1"}\n\nevent: thread.message.delta\ndata: {"id":"m1"}\n\n',
    b"\xff\xfe\n\n",
]


@st.composite
def bursts(draw: st.DrawFn) -> list[bytes]:
    """A few deltas of one shape in a row."""
    plain = draw(st.booleans())
    wire = draw(st.sampled_from(["thread.message.delta", "thread.run.step.delta"]))
    shapes = MESSAGE_SHAPES if wire == "thread.message.delta" else STEP_SHAPES
    # Half of all: few shapes, so that bursts meet the same message or call again.
    shape = draw(st.sampled_from(shapes[:3] if draw(st.booleans()) else shapes))
    envelope = _PLAIN if plain else draw(st.sampled_from(ENVELOPES))
    broken = not plain and draw(st.integers(0, 9)) == 0
    chosen = st.sampled_from(VALUES) | st.text(max_size=6).map(json.dumps)
    values = draw(st.lists(chosen, min_size=1, max_size=6))
    if draw(st.integers(0, 15)) == 0:
        values.append(draw(st.sampled_from(BAD_VALUES)))
    return [framed(envelope, wire, shape.replace("%s", x), broken=broken) for x in values]


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """A stream, frame by frame."""
    made: list[bytes] = []
    if draw(st.integers(0, 7)) == 0:
        made.append(b"\xef\xbb\xbf")
    between = st.sampled_from(INTERLUDES).map(lambda x: [x])
    for part in draw(st.lists(bursts() | bursts() | between, min_size=1, max_size=9)):
        made += part
    if draw(st.integers(0, 3)) == 0:  # two bursts, one frame of each in turn
        turns = zip(draw(bursts()), draw(bursts()), strict=False)
        made += [one for turn in turns for one in turn]
    made += draw(st.lists(st.sampled_from(ENDINGS), max_size=2))
    return made


def cuts(frames: Sequence[bytes], seed: int) -> list[list[bytes]]:
    """Cut a stream in every way: by frames, not at all, by bytes, at random, two frames each."""
    data = b"".join(frames)
    chance, at, cut = random.Random(seed), 0, []
    while at < len(data):
        size = chance.choice((1, 2, 30, 150, 400))
        cut.append(data[at : at + size])
        at += size
    pairs = [b"".join(frames[i : i + 2]) for i in range(0, len(frames), 2)]
    return [list(frames), [data], pieces(data, 1), [*cut, b""], pairs]


@given(streams(), st.integers(0, 2**16), st.sampled_from([None, None, None, 100, 250]))
@hypothesis_settings(max_examples=int(os.environ.get("N", "100")))
def test_both_paths_say_the_same(frames: list[bytes], seed: int, limit: int | None) -> None:
    """Same events after the same chunk, same error, same snapshots, for any stream and cut."""
    options = {} if limit is None else {"max_frame_bytes": limit}
    for chunks in cuts(frames, seed):
        check(chunks, **options)
        check_wanted(chunks, random.Random(seed).choice(WANTED), **options)
