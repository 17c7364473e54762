"""Streams that are damaged: the corpus, and what is done to it.

Rules of this file:

- The corpus is made here, of the same functions as the streams of other tests: small streams that
  have two or three of everything a server can send, on every wire. Nothing in it was recorded.
- A damage is a function from bytes and a source of chance to bytes. What it does depends on these
  alone, so that a seed repeats a stream.
"""

from __future__ import annotations

import json
import random
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.support.bursts import BAD_VALUES, VALUES
from tests.support.frames import sse
from tests.support.growing_streams import STREAMS
from tests.support.three_wires import ANSWERS, of_chat, of_responses

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Damage: TypeAlias = Callable[[bytes, random.Random], bytes]

__all__ = ["DAMAGES", "corpus", "make"]

#: Where two frames meet.
_BETWEEN = re.compile(rb"(?<=\n\n)")

#: A JSON string, number or word, as it is written in a frame.
_SCALAR = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?|true|false|null')

#: What takes the place of a value.
_VALUES = [
    *(x.encode("utf-8", "surrogatepass") for x in (*VALUES, *BAD_VALUES)),
    *(b"0", b"-1", b"1.0", b"12.5", b"1e999", b"-0", b"true", b"{}", b"[]", b"[null]", b'{"a": 1}'),
    *(b"NaN", b"-Infinity", b'"12"', b'"[DONE]"', b'"call_0"', b'"msg_1"', b'"error"'),
    *(b"9" * 25, b"9" * 5000, b"-9223372036854775809", b"18446744073709551616"),
]

#: Names that frames have on the wires, and some that they have not.
_NAMES = [
    *(b"thread.run.created", b"thread.run.completed", b"thread.run.requires_action"),
    *(b"thread.message.delta", b"thread.message.completed", b"thread.run.step.delta"),
    *(b"response.completed", b"response.output_item.done", b"response.output_text.delta"),
    *(b"error", b"done", b"message", b"ping", b"", b"thread.new", b"response.new"),
]

#: Bytes that have a meaning for a reader, and some that are no text.
_BYTES = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xed\xa0\xbd"),
    *(b":", b" ", b"data: ", b"event: ", b": ping\n", b"id: 1\n", b"retry: 5\n", b"data\n"),
    *(
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\\ud83d",
        b"\\ude00",
        b"\xe2\x80\xa8",
        b"data: [DONE]",
    ),
]


@cache
def corpus() -> list[tuple[str, bytes]]:
    """Return the streams to damage, each with its dialect."""
    found = [
        (dialect, b"".join(make(n))) for (dialect, _), make in STREAMS.items() for n in (1, 2, 3)
    ]
    for name in ANSWERS:
        found += [("responses", sse(*sent)) for sent in of_responses(name)]
        found += [("chat", sse(*sent)) for sent in of_chat(name)]
    return found


def _frames(data: bytes) -> list[bytes]:
    """Cut DATA into frames."""
    return [one for one in _BETWEEN.split(data) if one]


def _any_frame(change: Callable[[list[bytes], int, random.Random], None]) -> Damage:
    """Return a damage that changes the list of frames at one place."""

    def damage(data: bytes, chance: random.Random) -> bytes:
        frames = _frames(data)
        if frames:
            change(frames, chance.randrange(len(frames)), chance)
        return b"".join(frames)

    return damage


def _drop(frames: list[bytes], at: int, _: random.Random) -> None:
    del frames[at]


def _repeat(frames: list[bytes], at: int, chance: random.Random) -> None:
    frames[at:at] = [frames[at]] * chance.randint(1, 3)


def _swap(frames: list[bytes], at: int, chance: random.Random) -> None:
    other = chance.randrange(len(frames))
    frames[at], frames[other] = frames[other], frames[at]


def _move(frames: list[bytes], at: int, chance: random.Random) -> None:
    frames.insert(chance.randrange(len(frames)), frames.pop(at))


def _glue(frames: list[bytes], at: int, _: random.Random) -> None:
    frames[at] = frames[at][:-1]


def _split_frame(frames: list[bytes], at: int, chance: random.Random) -> None:
    place = chance.randint(0, len(frames[at]))
    frames[at] = frames[at][:place] + b"\n\n" + frames[at][place:]


def _rename(frames: list[bytes], at: int, chance: random.Random) -> None:
    name = chance.choice(_NAMES)
    frames[at] = re.sub(rb"\Aevent: .*", lambda _: b"event: " + name, frames[at])


def _drop_name(frames: list[bytes], at: int, _: random.Random) -> None:
    frames[at] = re.sub(rb"\Aevent: .*\n", b"", frames[at])


def _of_another(frames: list[bytes], at: int, chance: random.Random) -> None:
    others = _frames(chance.choice(corpus())[1])
    frames[at:at] = others[: chance.randint(1, 4)]


def _json_of(change: Callable[[Any, random.Random], None]) -> Damage:
    """Return a damage that changes the JSON of one frame."""

    def damage(frames: list[bytes], at: int, chance: random.Random) -> None:
        head, found, text = frames[at].partition(b"data: ")
        try:
            value = json.loads(text)
        except ValueError:
            return
        if found and isinstance(value, dict):
            change(value, chance)
            data = json.dumps(value, ensure_ascii=chance.random() < 0.5)  # either
            frames[at] = head + found + data.encode("utf-8", "surrogatepass") + b"\n\n"

    return _any_frame(damage)


def _containers(value: Any) -> list[Any]:
    """Return VALUE and all lists and objects in it that are not empty."""
    found, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, dict | list) and one:
            found.append(one)
            left += one.values() if isinstance(one, dict) else one
    return found


def _places(value: Any, chance: random.Random) -> tuple[Any, Any]:
    """Return a list or object in VALUE, and a key or index of it."""
    inside: Any = chance.choice(_containers(value) or [{"": 0}])
    return inside, chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))


def _change_type(value: Any, chance: random.Random) -> None:
    inside, key = _places(value, chance)
    old = inside[key]
    others = [None, True, 5, -1, 2.5, "", "x", [], {}, [old], {"a": old}, str(old), [old, old]]
    inside[key] = chance.choice(others)


def _drop_key(value: Any, chance: random.Random) -> None:
    inside, key = _places(value, chance)
    del inside[key]


def _add_key(value: Any, chance: random.Random) -> None:
    inside, key = _places(value, chance)
    if isinstance(inside, dict):
        inside[chance.choice(["new", "id", "index", "type", "error", "custom", "text"])] = inside[
            key
        ]


def _nest(value: Any, chance: random.Random) -> None:
    inside, key = _places(value, chance)
    for _ in range(chance.choice([1, 5, 100, 126, 128, 200])):
        inside[key] = chance.choice([[inside[key]], {"a": inside[key]}])


def _change_named(names: tuple[str, ...], values: list[Any]) -> Damage:
    """Return a damage that changes the value of one of the keys NAMES."""

    def change(value: Any, chance: random.Random) -> None:
        found = [x for x in _containers(value) if isinstance(x, dict) and x.keys() & set(names)]
        if found:
            one = chance.choice(found)
            one[chance.choice(sorted(one.keys() & set(names)))] = chance.choice(values)

    return _json_of(change)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.randint(1, 40) :]


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_BYTES) * chance.choice([1, 1, 1, 2, 30]) + data[at:]


def _replace_value(data: bytes, chance: random.Random) -> bytes:
    found = list(_SCALAR.finditer(data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(_VALUES) + data[one.end() :]


def _other_ends(data: bytes, chance: random.Random) -> bytes:
    return re.sub(rb"\n", lambda _: chance.choice([b"\n", b"\r", b"\r\n"]), data)


def _all_ends(data: bytes, chance: random.Random) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r", b"\r\n"]))


def _mark(data: bytes, chance: random.Random) -> bytes:
    return b"\xef\xbb\xbf" * chance.randint(1, 2) + data


def _spell(data: bytes, chance: random.Random) -> bytes:
    return data.replace(*chance.choice([(b"data: ", b"data:"), (b": ", b":"), (b", ", b",")]))


#: Every damage by its name.
DAMAGES: dict[str, Damage] = {
    "drop a frame": _any_frame(_drop),
    "repeat a frame": _any_frame(_repeat),
    "swap frames": _any_frame(_swap),
    "move a frame": _any_frame(_move),
    "glue two frames": _any_frame(_glue),
    "split a frame": _any_frame(_split_frame),
    "rename a frame": _any_frame(_rename),
    "drop a name": _any_frame(_drop_name),
    "frames of another stream": _any_frame(_of_another),
    "cut": _cut,
    "cut out": _cut_out,
    "flip bits": _flip,
    "insert bytes": _insert,
    "replace a value": _replace_value,
    "mix line ends": _other_ends,
    "other line ends": _all_ends,
    "byte order mark": _mark,
    "spell differently": _spell,
    "change a type": _json_of(_change_type),
    "drop a key": _json_of(_drop_key),
    "add a key": _json_of(_add_key),
    "nest": _json_of(_nest),
    "change an id": _change_named(
        ("id", "item_id", "call_id"), ["", "x", "msg_0", "call_1", "fc_0", None, 7, "\ud83d"]
    ),
    "change an index": _change_named(
        ("index", "output_index", "content_index", "annotation_index", "summary_index"),
        [None, 0, 1, 2, 7, -1, 1.0, "1", 10**6, 10**30],
    ),
    "change a status": _change_named(
        ("status", "finish_reason", "type", "object"),
        ["completed", "requires_action", "failed", "stop", "tool_calls", "message", "new", None],
    ),
    "change a text": _change_named(
        ("value", "arguments", "delta", "content", "text", "input"),
        ["", "{", "}", '{"a": 1}', '{"a"', "word ", "\ud83d", "\ude00", "\ud83d\ude00", None],
    ),
}


def make(seed: int) -> tuple[str, bytes]:
    """Return the dialect and the bytes of a damaged stream; SEED decides everything."""
    chance = random.Random(seed)
    dialect, data = chance.choice(corpus())
    for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3, 5])):
        data = chance.choice(list(DAMAGES.values()))(data, chance)
    if chance.random() < 0.1:  # one in ten is read as another wire
        dialect = chance.choice(["assistants", "responses", "chat", "auto"])
    return dialect, data
