"""What servers and bad luck do to one frame: keys, numbers and envelopes that deceive.

Rules of this file:

- A trick is a function from a frame and a source of chance to bytes. It leaves what it does not
  understand.
- :data:`PAUSES` are lines and frames that come between two of a row.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from tests.fuzz.manners import key_and_value
from tests.support.bursts import ENVELOPES

__all__ = ["PAUSES", "TRICKS"]

Trick: TypeAlias = "Callable[[bytes, random.Random], bytes]"

#: A key and its colon.
_KEY = re.compile(rb'"([A-Za-z_]+)"(?=\s*:)')

_SCALARS = (b'"x"', b'""', b"null", b"0", b"7", b"[]", b"{}", b"true", b'"delta"', b'{"delta":"x"}')

#: What stands where a number counts.
_NUMBERS = (
    *(b"0", b"1", b"-1", b"-0", b"7.0", b"1e2", b'"8"', b"null", b"true", b"[]", b"{}", b"9" * 25),
    *(b"9" * 4300, b"01", b"+1", b"1.", b"NaN", b"9007199254740993", b"-9223372036854775809"),
)

#: Names of frames that say something else.
_NAMES = (
    *(b"response.new", b"response.refusal.delta", b"response.output_text.delta", b"message", b""),
    *(b"thread.message.delta", b"thread.run.step.delta", b"chat.completion.chunk", b"error", b"x"),
)

#: Frames and lines between others.
PAUSES = (
    b"data: [DONE]\n\n",
    *(b": ping\n\n", b":\n", b"\n", b"\n\n", b"id: 7\n\n", b"retry: 5\n\n", b"id: 9\n", b"foo\n\n"),
    *(b"event: ping\ndata: {}\n\n", b'event: keepalive\ndata: {"type":"keepalive"}\n\n'),
    *(
        b"event: unheard.of\ndata: {}\n\n",
        b"data: ping\n\n",
        b"data: {}\n\n",
        b"data:\n\n",
        b": \n",
    ),
    *(b'data: {"choices":[]}\n\n', b'data: {"choices":[],"usage":{"total_tokens":9}}\n\n'),
    *(b'data: {"usage":{"prompt_tokens":1}}\n\n', b"event: response.in_progress\ndata: {}\n\n"),
    *(b"data: null\n\n", b"data: []\n\n", b"data: 5\n\n", b'data: "x"\n\n', b"event: x\n\n"),
)


def _any_key(change: Callable[[bytes, re.Match[bytes], random.Random], bytes]) -> Trick:
    """Return a trick that changes one of the keys of a frame."""

    def trick(frame: bytes, chance: random.Random) -> bytes:
        found = list(_KEY.finditer(frame))
        return change(frame, chance.choice(found), chance) if found else frame

    return trick


def _escaped(name: bytes, chance: random.Random) -> bytes:
    """Write one letter of NAME as an escape."""
    at = chance.randrange(len(name))
    return name[:at] + b"\\u%04x" % name[at] + name[at + 1 :]


def _escape(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    return frame[: key.start(1)] + _escaped(key.group(1), chance) + frame[key.end(1) :]


def _twice(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    name = key.group(1)
    if chance.random() < 0.3:
        name = _escaped(name, chance)
    other = b'"%b":%b,' % (name, chance.choice(_SCALARS))
    return frame[: key.start()] + other + frame[key.start() :]


def _spaces(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    at = chance.choice((key.start(), key.end()))
    return frame[:at] + chance.choice((b" ", b"  ", b"\t")) + frame[at:]


def _value(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    """Put another value behind a key, if a scalar is there."""
    rest = re.compile(rb'\s*:\s*("(?:[^"\\\n]|\\.)*"|[\w.+-]+)').match(frame, key.end())
    if rest is None:
        return frame
    return frame[: rest.start(1)] + chance.choice((*_SCALARS, *_NUMBERS)) + frame[rest.end(1) :]


def _number(frame: bytes, chance: random.Random) -> bytes:
    """Write the number of a frame in another way, or another one."""
    found = re.compile(rb'("sequence_number"\s*:\s*)(-?[0-9]+)').search(frame)
    if found is None:
        return frame
    number = int(found.group(2))
    others = (*_NUMBERS, *(b"%d" % (number + x) for x in (1, -1, 2, 9, -9)))
    spelt = (b"%d.0", b'"%d"', b"%de0", b"0%d", b" %d", b"%d ", b"[%d]", b"%d.5", b"-%d")
    again = chance.choice(others if chance.random() < 0.4 else [x % number for x in spelt])
    return frame[: found.end(1)] + again + frame[found.end() :]


def _add(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    name, value = key_and_value(chance)
    return frame[: key.start()] + f'"{name}":{json.dumps(value)},'.encode() + frame[key.start() :]


def _envelope(frame: bytes, chance: random.Random) -> bytes:
    name = re.compile(rb"(?m)^event: ?(.*)$").search(frame)
    data = re.compile(rb"(?m)^data: ?(.*)$").search(frame)
    if data is None:
        return frame
    other = chance.choice(ENVELOPES).encode()
    other = other.replace(b"NAME", name.group(1) if name else b"message")
    return other.replace(b"JSON", data.group(1))


def _wrapped(frame: bytes, _: random.Random) -> bytes:
    """Put the name of a frame into its JSON."""
    return re.sub(rb"\Aevent: (.*)\ndata: ?(.*)\n\n", rb'data: {"event":"\1","data":\2}\n\n', frame)


def _two_lines(frame: bytes, chance: random.Random) -> bytes:
    at = [x.end() for x in re.finditer(b",", frame)]
    if not at:
        return frame
    place = chance.choice(at)
    return frame[:place] + b"\ndata: " + frame[place:]


def _not_utf_8(frame: bytes, chance: random.Random) -> bytes:
    at = [x.start() for x in re.finditer(rb"[A-Za-z ]", frame)]
    place = chance.choice(at or [0])
    return frame[:place] + chance.choice((b"\xff", b"\xc3", b"\xed\xa0\xbd")) + frame[place + 1 :]


def _json(change: Callable[[Any, random.Random], Any]) -> Trick:
    """Return a trick that changes the JSON of a frame, and writes it as Python does."""

    def trick(frame: bytes, chance: random.Random) -> bytes:
        head, found, text = frame.partition(b"data: ")
        try:
            value = json.loads(text)
        except ValueError:
            return frame
        return head + found + json.dumps(change(value, chance)).encode() + b"\n\n"

    return trick


def _reorder(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [_reorder(x, chance) for x in value]
    if not isinstance(value, dict):
        return value
    keys = chance.sample(list(value), len(value))
    return {key: _reorder(value[key], chance) for key in keys}


def _one_more(value: Any, chance: random.Random) -> Any:
    """Add to one of the lists in VALUE what is in it already, perhaps with the next index."""
    lists, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, list) and one:
            lists.append(one)
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    if lists:
        found = chance.choice(lists)
        more = found[0]
        if isinstance(more, dict) and isinstance(more.get("index"), int):
            more = {**more, "index": more["index"] + chance.choice((0, 1, 1))}
        found.insert(chance.choice((0, 1)), more)
    return value


#: Every trick by its name.
TRICKS: dict[str, Trick] = {
    "escape a key": _any_key(_escape),
    "a key twice": _any_key(_twice),
    "spaces": _any_key(_spaces),
    "another value": _any_key(_value),
    "another number": _number,
    "a key more": _any_key(_add),
    "another envelope": _envelope,
    "two lines": _two_lines,
    "not UTF-8": _not_utf_8,
    "CRLF": lambda frame, _: frame.replace(b"\n", b"\r\n"),
    "keys in another order": _json(_reorder),
    "one more of a list": _json(_one_more),
    "its name in the JSON": _wrapped,
    "without its name": lambda frame, _: re.sub(rb"\Aevent: .*\n", b"", frame),
    "another name": lambda frame, chance: re.sub(
        rb"\A(event: .*\n)?", b"event: " + chance.choice(_NAMES) + b"\n", frame
    ),
}
