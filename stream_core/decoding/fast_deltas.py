"""Fast path of ``decoder``: a delta that repeats the last one except for what varies in it.

Servers repeat their own serialisation byte for byte, so consecutive deltas of one text differ in
a few values only, the holes: the piece of text, a number that counts, padding that nobody reads.
A :class:`Template` keeps the text between them. A frame with the same text, and with a value of the
right kind in each hole, is understood without parsing the rest of it.

Both ``Template.read`` and ``learn`` return a certain result or None, which means: use the ordinary
path. A hole is certainly the value that is meant, because the dialect says where its key is, and
``learn`` refuses every doubtful case: each key occurs in the frame once, and nothing outside the
holes is escaped, so no other key can be a different spelling of it.

Rules of this file:

- The kinds of holes: ``P`` is the piece, ``S`` is skipped, ``C`` counts, ``V`` is taken by the
  dialect. The number to come is known, so it is fixed text: no other number matches.
- A piece is a text that is not empty and can be encoded; all else takes the ordinary path.
- What is skipped is not nested so deep that the whole frame could be too deep.
- A reader is generated once for each order of kinds. This is what ``PSC`` becomes, without the
  cases of nesting and of text that is not ASCII::

    def read(frame, wants):
        try:
            if not frame.startswith(t0):
                return None
            start = n0
            value, end = scan(frame, start)
            if not frame.startswith(t1, end):
                return None
            start = end + n1
            _, end = skip(frame, start)
        except (ValueError, StopIteration, RecursionError):
            return None
        if frame[end:] != f"{t2}{number}{t3}" or not value:
            return None
        raw = frame[data_at:data_end] if wants is None or wants[wire] else None
        out = fold(value, raw, wants if raw is None else None)
        if out is None:
            return None
        counter.sequence_number = number
        number += step
        grow(value)
        return out
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define

from stream_core.convert.json_text import MAX_NESTING, scan_string, scan_value
from stream_core.models.surrogates import can_encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from stream_core.dialects import DeltaRow, Repeats
    from stream_core.events import Event
    from stream_core.snapshots.blocks import Wants

    from .fast_repeats import Repeater

    #: Finds the keys of a row in a frame, each with its colon if it has one.
    _Find: TypeAlias = Callable[[str], Iterator[re.Match[str]]]

__all__ = ["Template", "learn"]

#: Values that stay as they are in most streams: no holes.
_EMPTY: tuple[Any, ...] = (None, False, [], {})

#: How many brackets a skipped value may have; the rest of a frame has far fewer than as many again.
_MOST_BRACKETS = MAX_NESTING // 2

#: Numbers beyond 64 bits do not count: Python writes none of more than 4,300 digits.
_MOST_NUMBER = (1 << 63) - 1

#: Shorter values cannot be nested too deep.
_SHORT = MAX_NESTING


@define(eq=False)
class Template:
    """A frame with holes.

    Attributes:
        name: Wire name of the delta.
        read: Reads a frame and folds it in. It takes the text of one frame with its blank line, or
            of something else, and which events to make (None means all). It returns the wire event
            and the event derived from it, as far as they are wanted; if the first is wanted, both:
            whoever gets it may want the second from then on. It returns None if the text does not
            match, or must take the ordinary path.
        read_at: The same for a frame that begins at a place in a longer text; where the frame ends
            is then in ``place``.
        place: See above: a list of one index.
    """

    name: str
    read: Callable[[str, Wants | None], Sequence[Event] | None]
    read_at: Callable[[str, int, Wants | None], Sequence[Event] | None]
    place: list[int]


class _Hole(NamedTuple):
    """A hole of KIND: from START to END in the frame."""

    kind: str
    start: int
    end: int


def learn(
    frame: str, name: str, repeater: Repeater, repeats: Repeats, step: int = 1
) -> Template | None:
    """Make a template of a frame.

    Args:
        frame: The whole frame as it was sent, with its blank line.
        name: Wire name of the delta.
        repeater: Folds in frames like it.
        repeats: What varies in it, and who is told.
        step: By how much its number grows from frame to frame.

    Returns:
        The template, or None if the holes cannot be cut out of the frame with certainty.
    """
    number = None if repeats.counter is None else repeats.counter.sequence_number
    try:
        holes = _holes(frame, repeats.row, repeater.piece, number)
    except (ValueError, StopIteration, RecursionError):
        return None
    if holes is None:
        return None
    fixed, at = [], 0
    for hole in holes:
        fixed.append(frame[at : hole.start])
        at = hole.end
    fixed.append(frame[at:])
    if any("\\" in text for text in fixed):
        return None
    line = 0 if frame.startswith("data:") else frame.index("\n") + 1
    data_at = line + len("data: " if frame.startswith("data: ", line) else "data:")
    tail, place = len(frame) - len(frame.rstrip("\r\n")), [0]
    make = _maker("".join(hole.kind for hole in holes), grows=repeats.grow is not None)
    read, read_at = make(
        *(fixed, repeater.fold, repeater.event_class, data_at, tail),
        *(repeats.grow, repeats.take, repeats.counter, 0 if number is None else number + step),
        *(step, place),
    )
    return Template(name, read, read_at, place)


def _holes(frame: str, row: DeltaRow, piece: str, number: int | None) -> list[_Hole] | None:
    """Return the holes of FRAME in order; None in a doubtful case.

    Raises:
        ValueError, StopIteration, RecursionError: A value of a key of ROW is not JSON.
    """
    find, keys = _finder(row)
    holes: list[_Hole] = []
    at = 0
    for found in find(frame):
        start = found.end()
        if start < at:
            continue  # inside of a value that nobody reads, or of the piece
        key = found[1]
        if key not in keys:
            return None  # it is there twice
        kind, keys = keys[key], {x: keys[x] for x in keys if x != key}
        value, at = scan_value(frame, start)  # there is none if the key is itself a value
        if kind == "P" and value != piece:
            return None
        if kind == "C" and (value.__class__ is not int or value != number or value > _MOST_NUMBER):
            return None
        if kind == "P":
            start += 1  # the opening quote is fixed
        if value not in _EMPTY:
            holes.append(_Hole(kind, start, at))
    return None if keys else holes


@cache
def _finder(row: DeltaRow) -> tuple[_Find, dict[str, str]]:
    """Return what finds the keys of ROW in a frame, and the kind of each."""
    keys = dict.fromkeys(row.skipped, "S") | {row.piece: "P"}
    keys |= {key: kind for key, kind in ((row.number, "C"), (row.taken, "V")) if key}
    return re.compile(rf'"({"|".join(map(re.escape, keys))})"(?:[ \t]*:[ \t]*)?').finditer, keys


def _is_deep(frame: str, start: int, end: int) -> bool:
    """Return whether the value from START to END may be nested too deep to be skipped."""
    brackets = frame.count("[", start, end) + frame.count("{", start, end)
    return brackets > _MOST_BRACKETS


@cache
def _maker(kinds: str, *, grows: bool) -> Callable[..., Any]:
    """Return what makes the readers for holes of these KINDS, in order."""
    texts = range(len(kinds) + 1)
    lines = [
        "def make(fixed, fold, wire, data_at, tail, grow, take, counter, number, step, place):",
        f"    {', '.join(f't{x}' for x in texts)} = fixed",
        *(f"    n{x} = len(t{x})" for x in texts),
        *_reader(kinds, "read(frame, wants)", grows=grows, inside=False),
        *_reader(kinds, "read_at(frame, at, wants)", grows=grows, inside=True),
        "    return read, read_at",
    ]
    scope: dict[str, Any] = {
        "scan": scan_string,
        "skip": scan_value,
        "can_encode": can_encode,
        "deep": _is_deep,
    }
    exec("\n".join(lines), scope)  # noqa: S102  # made of the kinds above
    made: Callable[..., Any] = scope["make"]
    return made


def _reader(kinds: str, head: str, *, grows: bool, inside: bool) -> Iterator[str]:
    """Yield the lines of a reader; INSIDE: of a frame that begins somewhere in a text."""
    yield f"    def {head}:"
    if "C" in kinds:
        yield "        nonlocal number"
    yield "        try:"
    texts, end = ["t0"], "at" if inside else ""
    for place, kind in enumerate(kinds):
        if kind == "C":
            texts += ["number", f"t{place + 1}"]
            continue
        size = _size(texts)
        if size == "len(text)":
            yield f"            text = {_joined(texts)}"
        text = "text" if size == "len(text)" else texts[0]
        yield f"            if not frame.startswith({text}{f', {end}' if end else ''}): return None"
        yield f"            start = {f'{end} + {size}' if end else size}"
        yield from _hole_lines(kind)
        texts, end = [f"t{place + 1}"], "end"
    yield "        except (ValueError, StopIteration, RecursionError): return None"
    if inside:
        yield f"        text = {_joined(texts)}"
        yield "        if not frame.startswith(text, end) or not value: return None"
        yield "        end += len(text)"
        first, last = "at + data_at", "end - tail"
    else:
        yield f"        if frame[end:] != {_joined(texts)} or not value: return None"
        first, last = "data_at", "-tail"
    yield f"        raw = frame[{first}:{last}] if wants is None or wants[wire] else None"
    yield "        out = fold(value, raw, wants if raw is None else None)"
    yield "        if out is None: return None"
    if "C" in kinds:
        yield "        counter.sequence_number = number"
        yield "        number += step"
    if grows:
        yield "        grow(value)"
    if "V" in kinds:
        yield "        take(taken)"
    if inside:
        yield "        place[0] = end"
    yield "        return out"


def _hole_lines(kind: str) -> Iterator[str]:
    """Yield the lines that read a hole from ``start`` to ``end``."""
    if kind == "P":
        yield "            value, end = scan(frame, start)"
        yield "            if not value.isascii() and len(value) != end - start - 1:"
        yield "                if not can_encode(value): return None"
        return
    yield f"            {'taken' if kind == 'V' else '_'}, end = skip(frame, start)"
    yield f"            if end - start > {_SHORT} and deep(frame, start, end): return None"


def _joined(texts: list[str]) -> str:
    """Return the expression for the fixed TEXTS, names of variables, joined."""
    if len(texts) == 1:
        return texts[0]
    return "f'" + "".join(f"{{{text}}}" for text in texts) + "'"


def _size(texts: list[str]) -> str:
    """Return the expression for the length of TEXTS."""
    return f"n{texts[0][1:]}" if len(texts) == 1 else "len(text)"
