"""How servers write: pieces of text that deceive, values that come in every frame, and the JSON.

Rules of this file:

- Everything depends on its arguments and on a source of chance alone, so that a seed repeats it.
- A :class:`Manner` is how one server writes: it stays the same for a stream. What happens to single
  frames is in ``tricks``.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    #: Makes the value of a key.
    Value: TypeAlias = Callable[[random.Random], Any]

__all__ = ["VOCABULARIES", "Manner", "framed", "key_and_value", "piece", "written"]

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

#: The texts of a stream, by their words: of all kinds, plain, or of wide characters alone.
VOCABULARIES: tuple[Sequence[str], ...] = (
    _WORDS,
    _WORDS[:3],
    ("日本語の文章", "ありがとう", "🙂🙂🙂"),
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
_KEYS = (
    *("obfuscation", "logprobs", "usage", "sequence_number", "delta", "content", "arguments"),
    *("value", "input", "error", "finish_reason", "role", "name", "id", "index", "type", "refusal"),
    *("citations", "x_groq", "annotations", "reasoning", "reasoning_content", "tool_calls", "p"),
    *("created", "extra_content", "item_id", "output_index", "content_index", "choices", "object"),
)


def piece(chance: random.Random, tricks: float, words: Sequence[str]) -> Any:
    """Return a piece of text of WORDS; TRICKS is how often, of 1, it is one that deceives."""
    if chance.random() >= tricks:
        return chance.choice(words) * chance.choice((1, 1, 1, 2, 9))
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
    if chance.random() < 0.03:
        return json.loads("[" * (depth := chance.choice((60, 120, 126, 130))) + "]" * depth)
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


#: The values that some keys really have.
_REAL: dict[str, Value] = {
    "citations": lambda chance: [f"https://a.test/{chance.randint(0, 3)}"],
    "x_groq": lambda chance: {"usage": _usage(chance)},
    "error": lambda _: {"message": "no"},
    "finish_reason": lambda chance: chance.choice(("stop", "tool_calls", "", None)),
    "usage": _usage,
    "logprobs": _probabilities,
    "obfuscation": _padding,
    "role": lambda chance: chance.choice(("assistant", "tool", "user", "")),
    "name": lambda chance: chance.choice(("f", "g", "")),
    "annotations": lambda _: [{"type": "url_citation", "url_citation": {"url": "https://a.test"}}],
    "tool_calls": lambda _: [{"index": 3, "id": "call_3", "function": {"name": "f"}}],
}


def key_and_value(chance: random.Random) -> tuple[str, Any]:
    """Return a key that means something somewhere, and a value that it may have there, or not."""
    key = chance.choice(_KEYS)
    real = _REAL.get(key, _anything) if chance.random() < 0.6 else _anything
    return key, real(chance)


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
        doubled: A key that comes twice in every frame, and its first value; or None.
    """

    shuffle: int | None
    separators: tuple[str, str]
    ascii: bool
    slashes: bool
    envelope: str
    wraps: bool
    added: tuple[tuple[int, int, str, Value], ...]
    doubled: tuple[str, Value] | None

    @classmethod
    def of(cls, chance: random.Random, *, names: bool) -> Manner:
        """Make one; NAMES says whether the frames of the wire have names."""
        head = "event: NAME\n" if names and chance.random() < 0.85 else ""
        if not names and chance.random() < 0.05:
            head = chance.choice(("event: message\n", "event: chat.completion.chunk\n"))
        blank = "" if chance.random() < 0.15 else " "
        added = []
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            key = chance.choice(_KEYS[:3]) if chance.random() < 0.8 else chance.choice(_KEYS)
            where = 0 if chance.random() < 0.6 else chance.randrange(8)
            made = chance.choice(_VALUES)
            if chance.random() < 0.3:
                made = _REAL.get(key, made)
            added.append((where, chance.choice((0, 1, 2, 99)), key, made))
        return cls(
            chance.getrandbits(16) if chance.random() < 0.4 else None,
            chance.choice(((", ", ": "), (",", ":"), (",", ":"), (", ", ":"), (" , ", " : "))),
            chance.random() < 0.5,
            chance.random() < 0.1,
            f"{head}data:{blank}JSON\n\n",
            chance.random() < 0.1,
            tuple(added),
            (chance.choice(_KEYS[:9]), chance.choice(_VALUES)) if chance.random() < 0.04 else None,
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


def _enter(value: Any, where: int, place: int, key: str, entry: Any) -> None:
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
        _enter(payload, where, place, key, make(chance))
    if manner.shuffle is not None:
        payload = _shuffled(payload, manner.shuffle)
    text = json.dumps(payload, separators=manner.separators, ensure_ascii=manner.ascii)
    try:
        text.encode()
    except UnicodeEncodeError:  # only an escape can spell half of a pair
        text = json.dumps(payload, separators=manner.separators)
    if manner.doubled is not None:
        key, make = manner.doubled
        value = json.dumps(make(chance))
        text = text.replace(f'"{key}"', f'"{key}":{value},"{key}"', 1)
    return text.replace("/", "\\/") if manner.slashes else text


def framed(name: str, text: str, envelope: str) -> bytes:
    """Write one frame."""
    return envelope.replace("NAME", name).replace("JSON", text).encode("utf-8", "surrogatepass")
