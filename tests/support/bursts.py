"""Streams that could make a fast path mistake one frame for another, and ways to cut them.

Rules of this file:

- Streams are made of whatever reaches the fast paths, and of everything that may come between:
  bursts, which are several deltas of one shape in a row, and beginnings, which are an object's
  first states one after the other with the same data, or nearly the same.
- A shape is a payload as written in a frame, with ``%s`` in place of a JSON string; an envelope
  is a frame, with NAME and JSON in their places.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.support.frames import DONE, message, message_delta, pieces, run, sse, step, text

if TYPE_CHECKING:
    from collections.abc import Sequence

#: JSON strings as written in a frame.
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

#: Text that is not a JSON string, or not in that place.
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

#: Parts and calls that consist of a text only.
TEXT = '{"index":0,"type":"text","text":{"value":%s}}'
FUNCTION = '{"index":0,"type":"function","function":{"arguments":%s}}'
CODE = '{"index":0,"type":"code_interpreter","code_interpreter":{"input":%s}}'


def message_payload(part: str, message_id: str = "m1") -> str:
    """Write the payload of a message delta with one part."""
    begin = f'{{"id":"{message_id}","object":"thread.message.delta","delta":'
    return begin + '{"content":[' + part + "]}}"


def step_payload(part: str, step_id: str = "s1") -> str:
    """Write the payload of a step delta with one call."""
    begin = f'{{"id":"{step_id}","object":"thread.run.step.delta","delta":{{"step_details":'
    return begin + '{"type":"tool_calls","tool_calls":[' + part + "]}}}"


#: Payloads of message deltas, with a hole for a value.
MESSAGE_SHAPES = [
    message_payload(TEXT),
    message_payload(TEXT, "m2"),
    message_payload(TEXT, "m3"),
    message_payload(TEXT, ""),
    message_payload(TEXT.replace('"index":0', '"index":1')),
    message_payload(TEXT.replace('"index":0', '"index":7'), "m2"),
    message_payload(TEXT.replace('"index":0,', "")),
    message_payload(TEXT.replace('"index":0', '"index":null')),
    message_payload(TEXT.replace('"index":0', '"index":0.0')),
    message_payload(TEXT.replace('"type":"text",', "")),
    message_payload(TEXT.replace('"type":"text"', '"type":null')),
    message_payload(TEXT.replace('"type":"text"', '"type":"hologram"')),
    # white space and order
    message_payload(TEXT).replace(":", ": ").replace(",", " , "),
    message_payload(TEXT).replace('"value":', '"value" :\t'),
    " " + message_payload(TEXT) + " ",
    '{"delta":{"content":[{"text":{"annotations":[],"value":%s},"index":0}]},"id":"m1"}',
    '{"delta":{"content":[{"text":{"value":%s,"annotations":null},"index":0}]},"id":"m1"}',
    # a role, which makes it more than a text
    '{"id":"m1","delta":{"role":"assistant","content":[' + TEXT + "]}}",
    '{"id":"m1","delta":{"content":[' + TEXT + '],"role":"tool"}}',
    '{"id":"m1","delta":{"content":[],"role":%s}}',
    # unknown keys, some of which resemble the right one
    message_payload(TEXT.replace("%s", '%s,"logprobs":null')),
    message_payload(TEXT.replace('"index":0', '"index":0,"more":1')),
    message_payload(TEXT).replace("]}}", '],"more":1}}'),
    message_payload(TEXT).replace("]}}", ']},"more":1}'),
    message_payload(TEXT.replace("%s", '%s,"value2":"value"')),
    message_payload(TEXT).replace("}}]}}", '}}]},"seed":{"value":"x"}}'),
    message_payload(TEXT).replace('{"id"', '{"value":"x","id"', 1),
    '{"id":"m1","delta":{"content":[{"index":0,"type":"text","text":{"value":"x"},"value":%s}]}}',
    '{"id":"m1","delta":{"content":[{"index":0,"type":"text","text":{"val\\u0075e":%s}}]}}',
    # duplicate keys: the last one counts
    message_payload(TEXT.replace("%s", '"x","value":%s')),
    message_payload(TEXT.replace("%s", '%s,"value":"x"')),
    message_payload(TEXT.replace("%s", '%s,"value":"Hello"')),
    message_payload(TEXT)[:-1] + ',"delta":{"content":[' + TEXT.replace("%s", '"x"') + "]}}",
    '{"object":[[[["deep"]]]],' + message_payload(TEXT)[1:],
    message_payload(TEXT)[:-1] + ',"delta":{"content":[]}}',
    message_payload(TEXT)[:-1] + ',"delta":{"content":[{"index":0,"type":"text","text":{}}]}}',
    message_payload(TEXT.replace('"text":{', '"text":{"value":"x"},"text":{')),
    message_payload(TEXT)[:-1].replace("}]}", '},{"text":{"value":"x"}}],"content":[]}') + "}",
    message_payload(TEXT.replace("%s}", '%s},"text":{"value":"x"}')),
    message_payload(TEXT.replace("%s}", '%s},"text":{}')),
    message_payload(TEXT.replace("%s}", '%s},"text":null')),
    # escaped keys, beside the one that is not
    message_payload(TEXT.replace("%s", '%s,"val\\u0075e":"x"')),
    message_payload(TEXT.replace('"value"', '"val\\u0075e":"x","value"')),
    message_payload(TEXT.replace("%s", '"x","val\\u0075e":%s')),
    message_payload(TEXT.replace('"text":{', '"te\\u0078t":{')),
    message_payload(TEXT.replace("%s}", '%s},"te\\u0078t":{}')),
    # the key as a text, and inside one
    message_payload(TEXT, "value"),
    message_payload(TEXT).replace('"object":"thread.message.delta"', '"object":"value"'),
    message_payload(TEXT).replace("thread.message.delta", '\\"value\\":\\"x\\"'),
    message_payload(TEXT).replace("thread.message.delta", "value:"),
    '{"id":%s,"object":"\\"value\\":\\"x\\"","delta":{"content":[]}}',
    # the key inside itself
    message_payload(TEXT.replace("%s", '{"value":%s}')),
    message_payload(TEXT.replace('"text":{"value":%s}', '"text":{"text":{"value":%s}}')),
    message_payload(TEXT.replace("%s", '%s,"text":{"value":"x"}')),
    # annotations
    message_payload(TEXT.replace("%s", '%s,"annotations":[{"index":0,"type":"note","value":"x"}]')),
    message_payload(
        TEXT.replace('"value":%s', '"annotations":[{"type":"y","value":"x"}],"value":%s')
    ),
    message_payload(TEXT.replace("%s", '"x","annotations":[{"index":0,"type":"note","value":%s}]')),
    # other parts, several parts, one part without its list
    message_payload('{"index":0,"type":"refusal","refusal":%s}'),
    message_payload('{"index":1,"type":"image_file","image_file":{"file_id":%s}}'),
    message_payload(TEXT + "," + TEXT.replace("0", "1").replace("%s", '"x"')),
    message_payload(TEXT.replace("%s", '"x"') + "," + TEXT.replace("0", "1")),
    '{"id":"m1","delta":{"content":' + TEXT + "}}",
    # the hole is somewhere else
    '{"id":%s,"delta":{"content":[' + TEXT.replace("%s", '"x"') + "]}}",
    '{"id":"m1","object":%s,"delta":{"content":[' + TEXT.replace("%s", '"x"') + "]}}",
    # a delta inside another delta
    '{"event":"thread.message.delta","data":' + message_payload(TEXT) + "}",
    '{"event":"thread.message.delta","data":'
    + message_payload(TEXT.replace("%s", '"x"'))
    + ',"delta":{"content":[{"text":{"value":%s}}]}}',
]

#: Payloads of step deltas, with a hole for a value.
STEP_SHAPES = [
    step_payload(FUNCTION),
    step_payload(FUNCTION, "s2"),
    step_payload(FUNCTION, "s3"),
    step_payload(FUNCTION.replace('"index":0', '"index":1')),
    step_payload(FUNCTION.replace('"index":0,', "")),
    step_payload(FUNCTION.replace('"index":0', '"index":0,"id":"c1"')),
    step_payload(FUNCTION.replace('"index":0', '"index":0,"id":""')),
    step_payload(FUNCTION.replace("%s", '%s,"name":null,"output":null')),
    step_payload(FUNCTION.replace("%s", '%s,"name":"f"')),
    step_payload(FUNCTION.replace("%s", '%s,"output":"done"')),
    step_payload(FUNCTION.replace("%s", '"x","output":%s')),
    step_payload(
        FUNCTION.replace('"index":0', '"index":0,"id":"c1"').replace("%s", '%s,"name":"f"')
    ),
    step_payload(FUNCTION.replace("%s", '%s,"arguments":"x"')),
    step_payload(FUNCTION.replace("%s", '%s,"argument\\u0073":"x"')),
    step_payload(FUNCTION.replace('"arguments"', '"argument\\u0073":"x","arguments"')),
    step_payload(FUNCTION.replace("%s}", '%s},"function":{}')),
    step_payload(FUNCTION.replace("%s}", '%s},"function":null')),
    step_payload(FUNCTION.replace("%s}", '%s},"function":{"arguments":"x"}')),
    step_payload(FUNCTION, "arguments"),
    step_payload(FUNCTION).replace("thread.run.step.delta", '\\"arguments\\":\\"x\\"'),
    step_payload(FUNCTION.replace("%s", '{"arguments":%s}')),
    step_payload(FUNCTION)[:-1] + ',"delta":{"step_details":null}}',
    step_payload(FUNCTION.replace("%s", '%s,"strict":true')),
    step_payload(FUNCTION.replace('"index":0', '"index":0,"more":1')),
    step_payload(FUNCTION).replace("]}}}", '],"more":1}}}'),
    step_payload(FUNCTION).replace("]}}}", ']},"more":1}}'),
    step_payload(FUNCTION).replace("]}}}", ']}},"more":1}'),
    step_payload(FUNCTION + "," + CODE.replace("0", "1").replace("%s", '"x"')),
    step_payload(FUNCTION.replace("%s", '"x"') + "," + CODE.replace("0", "1")),
    step_payload(CODE.replace('"index":0', '"index":0,"id":"c1"')),
    step_payload(CODE.replace("%s", '%s,"language":"python"')),
    step_payload(CODE),
    step_payload(CODE, "s2"),
    step_payload(CODE.replace('"index":0', '"index":1')),
    step_payload(CODE.replace("%s", '%s,"outputs":[]')),
    step_payload(CODE.replace("%s", '"x","outputs":[{"index":0,"type":"logs","logs":%s}]')),
    step_payload('{"index":2,"type":"file_search","file_search":{"results":[{"file_id":%s}]}}'),
    step_payload('{"index":3,"type":"mcp","arguments":%s}'),
    step_payload('{"index":4,"type":"web","arguments":%s}'),
    '{"id":"s1","delta":{"step_details":{"message_creation":{"message_id":%s}}}}',
    '{"id":"s1","delta":{"step_details":{"type":"dream","value":%s}}}',
    '{"id":"s1","delta":{"step_details":null,"x":%s}}',
    '{"event":"thread.run.step.delta","data":'
    + step_payload(FUNCTION.replace("%s", '"x"'))
    + ',"delta":{"step_details":{"tool_calls":[{"function":{"arguments":%s}}]}}}',
]

PLAIN = "event: NAME\ndata: JSON\n\n"

#: Ways to write a frame. The first is that of every real server, except for the line ends.
ENVELOPES = [
    "event: NAME\r\ndata: JSON\r\n\r\n",
    "event: NAME\rdata: JSON\r\r",
    "event: NAME\ndata: JSON\r\n\n",
    "event: NAME\ndata: JSON\n\r\n",
    "event:NAME\ndata:JSON\n\n",
    "NAME\ndata: JSON\n\n",
    "data: NAME\ndata: JSON\n\n",
    "event: event: NAME\ndata: JSON\n\n",
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
    "event: NAME\ndata: \n\n",
    "event: thread.created\rdata: {}\r\revent: NAME\ndata: JSON\n\n",
    "event: NAME\rdata: JSON\r\revent: NAME\ndata: JSON\n\n",
    "event: NAME\r\ndata: JSON\r\n\r\nevent: NAME\ndata: JSON\n\n",
    "\ufeffevent: NAME\ndata: JSON\n\n",
    "event: NAME\ndata: JSON \n\n",
]


def framed(envelope: str, name: str, payload: str, *, broken: bool = False) -> bytes:
    """Write one frame; BROKEN puts the data in two lines, and adds a comment that resembles it."""
    if broken and "," in payload:
        first, _, rest = payload.partition(",")
        lines = f"event: {name}\ndata: {first},\ndata: {rest}\n: {first},\n{rest}\n\n"
        return lines.encode("utf-8", "surrogatepass")
    written = envelope.replace("NAME", name).replace("JSON", payload)
    return written.encode("utf-8", "surrogatepass")


#: Frames between bursts.
INTERLUDES: list[bytes] = [
    *(sse(run(status)) for status in ("created", "in_progress", "requires_action", "completed")),
    *(
        sse(message(status, message_id=x))
        for status in ("created", "in_progress")
        for x in ("m1", "m2")
    ),
    sse(message("created", text("before"), message_id="m1")),
    *(sse(message("completed", text("aHello"), message_id=x)) for x in ("m1", "m2", "other")),
    *(
        sse(step(status, x))
        for status in ("created", "in_progress", "completed")
        for x in ("s1", "s2")
    ),
    sse(
        step(
            "created",
            "s1",
            step_details={
                "type": "tool_calls",
                "tool_calls": [
                    {"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{"}}
                ],
            },
        )
    ),
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

#: Data of an object's first states, by the beginning of their names. Neighbours are nearly the
#: same.
BEGINNINGS: dict[str, list[str]] = {
    "thread.run": [
        '{"id":"run_1","status":"queued"}',
        '{"id":"run_1","status":"in_progress"}',
        '{"id":"run_1","status":"queued" }',
        '{"id": "run_1","status":"queued"}',
        '{"status":"queued","id":"run_1"}',
        '{"id":"run_1","status":"queued","more":1}',
        '{"id":"run_1","status":"queued","model":"m"}',
        '{"id":"run_1","status":"queued","max_prompt_tokens":12.0}',
        '{"id":"run_1","status":"x","status":"queued"}',
        '{"id":"run_1","status":null}',
        '{"id":"run_1"}',
        '{"id":"run_1","status":"completed"}',
        '{"id":"run_1","status":"requires_action"}',
        '{"id":"run_2","status":"queued"}',
        '{"id":"run_2","status":"failed"}',
        '{"id":"","status":"queued"}',
    ],
    "thread.run.step": [
        '{"id":"s1","status":"in_progress"}',
        '{"id":"s1","status":"queued"}',
        '{"id":"s1","status":"in_progress","type":"tool_calls"}',
        '{"id":"s1","step_details":{"type":"tool_calls","tool_calls":[{"type":"function","id":"c"}]}}',
        '{"id":"s1","status":"completed"}',
        '{"id":"s2","status":"in_progress"}',
        '{"id":"s1"}',
        "{}",
    ],
    "thread.message": [
        '{"id":"m1","status":"in_progress","content":[]}',
        '{"id":"m1","status":"queued","content":[]}',
        '{"id":"m1","status":"in_progress","content":[{"type":"text","text":{"value":"a"}}]}',
        '{"id":"m1","status":"in_progress","content":{"type":"text","text":{"value":"a"}}}',
        '{"id":"m1","status":"completed"}',
        '{"id":"m2","status":"in_progress","content":[]}',
        '{"id":"m1"}',
        "{}",
    ],
}

#: Data that no object has.
BAD_BEGINNINGS = ["[DONE]", "{", '{"id":5}', "null", "[]", '"a"', '{"id":"run_1"}}']

#: Names of an object's first states, and others, without their beginning.
STATES = ["created", "queued", "in_progress", "created", "queued", "in_progress"]
OTHER_STATES = ["completed", "cancelling", "cancelled", "failed", "unheard_of", "delta"]

#: Frames between the first states: mostly none.
PAUSES: list[bytes] = [
    *[b""] * 12,
    b": ping\n\n",
    b":",
    b"\n",
    b"id: 7\n\n",
    b"retry: 5\n\n",
    b"foo: bar\n\n",
    b"event: thread.run.queued\n\n",
    sse(("unheard.of", {})),
    sse(run("queued")),
    sse(message("in_progress", message_id="m1")),
]

#: Ends of a stream, mostly with an error.
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
    sse(
        (
            "thread.run.step.delta",
            {
                "id": "s1",
                "delta": {"step_details": {"type": "tool_calls", "tool_calls": [{"index": "0"}]}},
            },
        )
    ),
    framed(PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a')[:-1],
    framed(PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a"')[:-1],
    framed(PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"a"')[:-9],
    framed(PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"\xff"').replace(
        b"\xc3\xbf", b"\xff"
    ),
    framed(PLAIN, "thread.message.delta", MESSAGE_SHAPES[0] % '"\ud800"'),
    b'{"error": "no stream at all"}\n\n',
    b'{"id":"m1"}\n\nevent: thread.message.delta\ndata: {"id":"m1"}\n\n',
    b"\xff\xfe\n\n",
]


@st.composite
def bursts(draw: st.DrawFn) -> list[bytes]:
    """Draw a few deltas of one shape in a row."""
    plain = draw(st.booleans())
    wire = draw(st.sampled_from(["thread.message.delta", "thread.run.step.delta"]))
    shapes = MESSAGE_SHAPES if wire == "thread.message.delta" else STEP_SHAPES
    # Half of the time there are few shapes, so that bursts meet the same message or call again.
    shape = draw(st.sampled_from(shapes[:3] if draw(st.booleans()) else shapes))
    envelope = PLAIN if plain else draw(st.sampled_from(ENVELOPES))
    broken = not plain and draw(st.integers(0, 9)) == 0
    chosen = st.sampled_from(VALUES) | st.text(max_size=6).map(json.dumps)
    values = draw(st.lists(chosen, min_size=1, max_size=6))
    if draw(st.integers(0, 15)) == 0:
        values.append(draw(st.sampled_from(BAD_VALUES)))
    return [framed(envelope, wire, shape.replace("%s", x), broken=broken) for x in values]


@st.composite
def beginnings(draw: st.DrawFn) -> list[bytes]:
    """Draw the first states of an object, some of which repeat the one before."""
    kind = draw(st.sampled_from(sorted(BEGINNINGS)))
    payloads = draw(st.lists(st.sampled_from(BEGINNINGS[kind]), min_size=1, max_size=2))
    if draw(st.integers(0, 9)) == 0:
        payloads.append(draw(st.sampled_from(BAD_BEGINNINGS)))
    plain = draw(st.booleans())
    made: list[bytes] = []
    for _ in range(draw(st.integers(1, 6))):
        start = kind if draw(st.integers(0, 9)) else draw(st.sampled_from(sorted(BEGINNINGS)))
        state = draw(st.sampled_from(STATES if draw(st.integers(0, 9)) else OTHER_STATES))
        unusual = not plain and draw(st.integers(0, 4)) == 0
        envelope = draw(st.sampled_from(ENVELOPES)) if unusual else PLAIN
        made.append(framed(envelope, f"{start}.{state}", draw(st.sampled_from(payloads))))
        if not plain:
            made.append(draw(st.sampled_from(PAUSES)))
        if draw(st.integers(0, 9)) == 0:
            made += draw(bursts())
    return made


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Draw a stream, frame by frame."""
    made: list[bytes] = []
    if draw(st.integers(0, 7)) == 0:
        made.append(b"\xef\xbb\xbf")
    between = st.sampled_from(INTERLUDES).map(lambda x: [x])
    parts = bursts() | bursts() | beginnings() | between
    for part in draw(st.lists(parts, min_size=1, max_size=9)):
        made += part
    if draw(st.integers(0, 3)) == 0:  # two bursts, alternating frame by frame
        turns = zip(draw(bursts()), draw(bursts()), strict=False)
        made += [one for turn in turns for one in turn]
    made += draw(st.lists(st.sampled_from(ENDINGS), max_size=2))
    return made


def cuts(frames: Sequence[bytes], seed: int) -> list[list[bytes]]:
    """Cut a stream in every way: by frames, not at all, by bytes, at random, in pairs of frames."""
    data = b"".join(frames)
    chance, at, cut = random.Random(seed), 0, []
    while at < len(data):
        size = chance.choice((1, 2, 30, 150, 400))
        cut.append(data[at : at + size])
        at += size
    pairs = [b"".join(frames[i : i + 2]) for i in range(0, len(frames), 2)]
    return [list(frames), [data], pieces(data, 1), [*cut, b""], pairs]
