"""What servers and bad luck do to one frame: pieces, keys, numbers and envelopes that deceive.

Rules of this file:

- A trick depends on its arguments and on a source of chance alone, so that a seed repeats it.
- A :class:`Manner` is how one server writes: it stays the same for a row of deltas. Everything
  else here happens to single frames.
"""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import attrs

from tests.support.bursts import ENVELOPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    #: Makes the value of a key.
    Value: TypeAlias = Callable[[random.Random], Any]

__all__ = ["KEYS", "PAUSES", "TRICKS", "Manner", "enter", "framed", "numbers", "piece", "written"]

_WORDS = (
    "a",
    "word ",
    "two words ",
    "§ ",
    "größer ",
    "日本語",
    "🙂",
    " x",
    "0",
    "\n",
    "{}",
    "ok. ",
)

#: Pieces that a reader of frames could mistake for something else.
_TRICKY = (
    *("delta", "content", "arguments", "value", "sequence_number", "obfuscation", "logprobs"),
    *('"delta":"', '"delta": "x"', '","delta":"y', '"sequence_number": 7', '"value": "x"'),
    *('{"content":"x"}', '"}\n\ndata: {', "\n\n", "\r\n", "\u2028", "\x85", "\0", "\x7f", "\ufeff"),
    *("\\", "\\\\", '\\"', "\\n", "\\u0041", '"', "/", "</", "[DONE]", "data: [DONE]", "{", "}"),
)

#: Halves of surrogate pairs; two neighbours are one character.
_HALVES = ("\ud83d", "\ude42", "\ud83dx", "\ude42y", "x\ud83d", "\ud83d\ud83d", "\ude42\ud83d")

#: What stands where a piece of text belongs.
_NO_TEXT: tuple[Any, ...] = (
    None,
    5,
    0,
    True,
    [],
    {},
    ["a"],
    {"text": "a"},
    {"a": 1},
    1.5,
    [{"type": "text"}],
)

#: Keys that servers add, and those of everything that grows or counts, at any place.
KEYS = (
    *("obfuscation", "logprobs", "usage", "sequence_number", "delta", "content", "arguments"),
    *("value", "input", "error", "finish_reason", "role", "name", "id", "index", "type", "refusal"),
    *("citations", "x_groq", "annotations", "reasoning", "reasoning_content", "tool_calls", "p"),
    *("created", "extra_content", "item_id", "output_index", "content_index", "choices", "object"),
)


def piece(chance: random.Random, tricks: float) -> Any:
    """Return a piece of text; TRICKS is how often, of 1, it is one that deceives."""
    if chance.random() >= tricks:
        return chance.choice(_WORDS) * chance.choice((1, 1, 1, 2, 9))
    kind = chance.random()
    if kind < 0.25:
        return ""
    if kind < 0.6:
        return chance.choice(_TRICKY)
    if kind < 0.85:
        return chance.choice(_HALVES)
    return chance.choice(_NO_TEXT) if kind < 0.93 else "long " * chance.randint(20, 90)


# --- Values of keys that come in every frame --------------------------------------------


def _padding(chance: random.Random) -> str:
    return "".join(chance.choices("abcXYZ019", k=chance.randint(0, 16)))


def _probabilities(chance: random.Random) -> list[dict[str, Any]]:
    token = chance.choice((*_WORDS, *_TRICKY))
    one = {"token": token, "logprob": -chance.random(), "bytes": [*token.encode()]}
    return [{**one, "top_logprobs": [one] * chance.randint(0, 1)}] * chance.randint(0, 2)


def _usage(chance: random.Random) -> Any:
    sent, made = chance.randint(0, 9), chance.randint(0, 999)
    usage: dict[str, Any] = {
        "prompt_tokens": sent,
        "completion_tokens": made,
        "total_tokens": sent + made,
    }
    if chance.random() < 0.2:
        usage["completion_tokens_details"] = {"reasoning_tokens": chance.randint(0, 9)}
    if chance.random() < 0.1:
        usage[chance.choice(sorted(usage))] = chance.choice((None, "5", 2.5, -1, [], {}, 10**30))
    return usage


def _anything(chance: random.Random) -> Any:
    plain: tuple[Any, ...] = (
        None,
        "",
        0,
        [],
        {},
        "x",
        7,
        -1,
        2.0,
        True,
        False,
        [[]],
        ["delta"],
        {"delta": "x"},
    )
    return chance.choice((*plain, _padding(chance), _probabilities(chance), _usage(chance)))


_VALUES: tuple[Value, ...] = (
    *(_padding, _padding, _probabilities, _usage, _anything, _anything),
    *(lambda chance: chance.choice((None, _usage(chance))), lambda chance: _TRICKY[8]),
    *(lambda _: None, lambda _: "", lambda _: [], lambda _: 0, lambda _: {}),
)


# --- The manner of a row ----------------------------------------------------------------


@attrs.frozen
class Manner:
    """How one server writes its frames.

    Attributes:
        shuffle: The seed of the order of the keys, or None to keep it.
        separators: Those of the JSON.
        ascii: Whether other characters are escaped.
        slashes: Whether ``/`` is written as an escape.
        envelope: The frame, with NAME and JSON in it.
        wraps: Whether name and payload stand in one JSON object (where a wire has that).
        added: The keys that are in every frame: where, at which place there, name and value.
    """

    shuffle: int | None
    separators: tuple[str, str]
    ascii: bool
    slashes: bool
    envelope: str
    wraps: bool
    added: tuple[tuple[int, int, str, Value], ...]

    @classmethod
    def of(cls, chance: random.Random, *, names: bool) -> Manner:
        """Make one; NAMES says whether the frames of the wire have names."""
        head = "event: NAME\n" if names and chance.random() < 0.85 else ""
        if not names and chance.random() < 0.05:
            head = chance.choice(("event: message\n", "event: chat.completion.chunk\n"))
        blank = "" if chance.random() < 0.15 else " "
        added = []
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            key = chance.choice(KEYS[:3]) if chance.random() < 0.8 else chance.choice(KEYS)
            where = 0 if chance.random() < 0.6 else chance.randrange(8)
            added.append((where, chance.choice((0, 1, 2, 99)), key, chance.choice(_VALUES)))
        return cls(
            chance.getrandbits(16) if chance.random() < 0.4 else None,
            chance.choice(((", ", ": "), (",", ":"), (",", ":"), (", ", ":"), (" , ", " : "))),
            chance.random() < 0.5,
            chance.random() < 0.1,
            f"{head}data:{blank}JSON\n\n",
            chance.random() < 0.1,
            tuple(added),
        )


def _inside(value: Any) -> list[dict[str, Any]]:
    """Return VALUE and all objects in it, from the outside to the inside."""
    found, left = [], [value]
    while left:
        one = left.pop(0)
        if isinstance(one, dict):
            found.append(one)
            left += one.values()
        elif isinstance(one, list):
            left += one
    return found


def enter(value: Any, where: int, place: int, key: str, entry: Any) -> None:
    """Put a key into one of the objects in VALUE, at a place among its keys, if it is new there."""
    objects = _inside(value)
    one = objects[where % len(objects)] if objects else {}
    if key not in one:
        pairs = list(one.items())
        pairs.insert(place, (key, entry))
        one.clear()
        one.update(pairs)


def _shuffled(value: Any, seed: int) -> Any:
    """Return VALUE with the keys of its objects in another order: that of SEED."""
    if isinstance(value, list):
        return [_shuffled(x, seed) for x in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value)
    random.Random(f"{seed} {len(keys)}").shuffle(keys)
    return {key: _shuffled(value[key], seed) for key in keys}


def written(payload: Any, manner: Manner, chance: random.Random) -> str:
    """Write PAYLOAD as JSON, with everything that MANNER adds to it."""
    for where, place, key, make in manner.added:
        enter(payload, where, place, key, make(chance))
    if manner.shuffle is not None:
        payload = _shuffled(payload, manner.shuffle)
    text = json.dumps(payload, separators=manner.separators, ensure_ascii=manner.ascii)
    try:
        text.encode()
    except UnicodeEncodeError:  # only an escape can spell half of a pair
        text = json.dumps(payload, separators=manner.separators)
    return text.replace("/", "\\/") if manner.slashes else text


def framed(name: str, text: str, envelope: str) -> bytes:
    """Write one frame."""
    return envelope.replace("NAME", name).replace("JSON", text).encode("utf-8", "surrogatepass")


# --- Single frames ----------------------------------------------------------------------

#: A key and its colon.
_KEY = re.compile(rb'"([A-Za-z_]+)"(?=\s*:)')

_SCALARS = (b'"x"', b'""', b"null", b"0", b"7", b"[]", b"{}", b"true", b'"delta"', b'{"delta":"x"}')

#: What stands where a number counts.
_NUMBERS = (
    *(b"0", b"1", b"-1", b"-0", b"7.0", b"1e2", b'"8"', b"null", b"true", b"[]", b"{}", b"9" * 25),
    *(b"01", b"+1", b"1.", b"NaN", b"9007199254740993", b"-9223372036854775809"),
)

#: Frames and lines between others.
PAUSES = (
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


def numbers(chance: random.Random) -> bytes:
    """Return what stands for once where the next number would be."""
    return chance.choice((*_NUMBERS, str(chance.randint(0, 60)).encode()))


def _any_key(change: Callable[[bytes, re.Match[bytes], random.Random], bytes]) -> Any:
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
    found = re.compile(rb'("sequence_number"\s*:\s*)[^,}\s]+').search(frame)
    if found is None:
        return frame
    return frame[: found.end(1)] + numbers(chance) + frame[found.end() :]


def _add(frame: bytes, key: re.Match[bytes], chance: random.Random) -> bytes:
    name = chance.choice(KEYS).encode()
    entry = json.dumps(_anything(chance)).encode()
    return frame[: key.start()] + b'"' + name + b'":' + entry + b"," + frame[key.start() :]


def _envelope(frame: bytes, chance: random.Random) -> bytes:
    name = re.compile(rb"(?m)^event: ?(.*)$").search(frame)
    data = re.compile(rb"(?m)^data: ?(.*)$").search(frame)
    if data is None:
        return frame
    other = chance.choice(ENVELOPES).encode()
    other = other.replace(b"NAME", name.group(1) if name else b"message")
    return other.replace(b"JSON", data.group(1))


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


#: Every trick by its name: a function from a frame and a source of chance to bytes.
TRICKS: dict[str, Callable[[bytes, random.Random], bytes]] = {
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
    "without its name": lambda frame, _: re.sub(rb"\Aevent: .*\n", b"", frame),
    "another name": lambda frame, _: re.sub(rb"\Aevent: .*", b"event: response.new", frame),
}
