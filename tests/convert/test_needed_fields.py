"""Only the fields in the table of docs/errors.md can end a stream.

``python -m tests.convert.test_needed_fields`` writes that table; with ``--all DIR`` it tries every
value at every place of the recordings there instead, of which the tests here try a sample.
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import pytest
from attrs import fields, has, resolve_types

from stream_core import environment, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.assistants import ALIASES, EVENTS
from stream_core.dialects.chat import chunks
from stream_core.dialects.responses import objects
from stream_core.errors import DecodeError, IncompleteStreamError, StreamError
from stream_core.models import Payload
from stream_core.models.unions import is_tagged, members, tagged_union
from stream_core.sse import SSEDecoder
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The modules with the payloads of each wire, by the heading of its table.
WIRES: dict[str, Any] = {
    "Assistants, and what the other wires become": models,
    "Chat Completions": chunks,
    "Responses": objects,
}

PAGE = ROOT / "docs" / "errors.md"

#: What is put in the place of a value.
OTHERS: tuple[Any, ...] = (None, "text", 5, [], {})

#: How many of the places the test tries.
SAMPLE = 150


# --- The table --------------------------------------------------------------------------


def payloads(module: Any) -> Iterator[type[Payload]]:
    """Yield the payloads that a module exports, and that say what they need."""
    for name in module.__all__:
        cls = getattr(module, name)
        if isinstance(cls, type) and issubclass(cls, Payload) and cls.NEEDED is not None:
            yield cls


def table() -> str:
    """Print the needed fields of every class, for each wire."""
    parts = []
    for heading, module in WIRES.items():
        found = {cls.__name__: cls.NEEDED or () for cls in payloads(module)}
        rows = [
            f"| `{name}` | {', '.join(f'`{one}`' for one in needed)} |"
            for name, needed in sorted(found.items())
            if needed
        ]
        if rows:
            head = f"**{heading}**\n\n| class | needed fields |\n| --- | --- |"
            parts.append("\n".join([head, *rows]) + "\n")
    return "\n" + "\n".join(parts) + "\n"


def with_table(text: str) -> str:
    """Return the text of the page with the table as the code has it."""
    block = r"(?s)(?<=<!-- needed:start -->\n).*?(?=<!-- needed:end -->)"
    return re.sub(block, lambda _: table(), text)


def test_the_table_of_needed_fields_is_up_to_date() -> None:
    """`python -m tests.convert.test_needed_fields` writes it."""
    page = PAGE.read_text("utf-8")
    assert page == with_table(page)
    assert table() in page


def test_needed_fields_exist() -> None:
    """A misspelt name in ``NEEDED`` would make a field forgiving."""
    for module in WIRES.values():
        for cls in payloads(module):
            assert {*(cls.NEEDED or ())} <= {x.alias for x in fields(cls)}, cls


def test_a_class_of_any_room_may_say_what_it_needs() -> None:
    """``Payload.NEEDED`` is inherited, and by default all fields are needed."""
    assert Payload.NEEDED is None
    assert models.Growing.NEEDED is None


# --- Every value at every place ---------------------------------------------------------


def may_fail(kind: Any, path: tuple[Any, ...], value: Any) -> bool:
    """Return whether a wrong value at PATH of VALUE, which is a KIND, may be an error."""
    found = members(kind)
    if is_tagged(kind):
        kind = tagged_union(kind).choose(value)
    elif len(found) == 1:
        kind = found[0]
    if get_origin(kind) is list:
        step, rest = path[0], path[1:]
        inner = get_args(kind)[0]
        if isinstance(value, dict):  # it is a list of one
            return may_fail(inner, path, value)
        return not rest or may_fail(inner, rest, value[step])
    if not has(kind):
        return False
    resolve_types(kind)
    types = {x.alias: x.type for x in fields(kind)}
    step, rest, needed = path[0], path[1:], getattr(kind, "NEEDED", None)
    if step not in types or (needed is not None and step not in needed):
        return False
    return not rest or may_fail(types[step], rest, value[step])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in VALUE."""
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, item in list(inside):
        yield (*path, key)
        yield from places(item, (*path, key))


def shape(name: str, path: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    """Return what makes a place distinct: numbers of list items do not, types do."""
    types = []
    for step in path:
        value = value[step]
        types.append(value.get("type") if isinstance(value, dict) else None)
    return (name, *["*" if isinstance(step, int) else step for step in path], *map(str, types))


def frames_of(path: Path) -> list[tuple[str, str]]:
    """Return name and data of the frames of a recording."""
    decoder = SSEDecoder()
    decoder.feed(path.read_bytes())
    decoder.close()
    return [(frame.event, frame.data) for frame in iter(decoder.next_frame, None)]


def written(frames: Iterable[tuple[str, str]]) -> bytes:
    """Return the bytes of FRAMES, whose data may have several lines."""
    return "".join(
        f"event: {name}\n" + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n"
        for name, data in frames
    ).encode("utf-8", "surrogatepass")


def outcome(data: bytes) -> StreamError | None:
    """Decode DATA; return the failure, or None."""
    try:
        for _ in EventDecoder("assistants").events([data]):
            pass
    except StreamError as error:
        return error
    return None


def distinct_places(folder: Path) -> Iterator[tuple[Path, int, tuple[Any, ...]]]:
    """Yield recording, number of the frame and path of each distinct place."""
    seen: set[tuple[Any, ...]] = set()
    for name in ("assistants", "azure_agents", "servers"):
        for path in sorted((folder / name).glob("*.sse")):
            frames = frames_of(path)
            if outcome(written(frames)) is not None:
                continue
            for number, (event, data) in enumerate(frames):
                if ALIASES.get(event, event) not in EVENTS or event in ("error", "done"):
                    continue
                value = json.loads(data)
                for place in places(value):
                    mark = shape(event, place, value)
                    if mark not in seen:
                        seen.add(mark)
                        yield path, number, place


def try_place(path: Path, number: int, place: tuple[Any, ...]) -> int:
    """Put every other value in a place of a recording; return how often that ended the stream."""
    frames, failures = frames_of(path), 0
    event, data = frames[number]
    _, cls = EVENTS[ALIASES.get(event, event)]
    for other in OTHERS:
        value = json.loads(data)
        needed = may_fail(cls, place, value)
        container = value
        for step in place[:-1]:
            container = container[step]
        container[place[-1]] = other
        failure = outcome(
            written([*frames[:number], (event, json.dumps(value)), *frames[number + 1 :]])
        )
        what = f"{path.name}: frame {number}, {event} {place}: {other!r}"
        if failure is not None:
            failures += 1
            # A run whose last status is not told any more has not ended.
            told = isinstance(failure, IncompleteStreamError) and place == ("status",)
            assert told or (needed and isinstance(failure, DecodeError)), (what, failure)
    return failures


@pytest.mark.parametrize("fast", [True, False])
def test_only_needed_fields_can_end_a_stream(
    wire: Path, monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    """null, a text, a number, a list, an object at a sample of the places of the recordings."""
    monkeypatch.setattr(environment, "FAST", fast)
    found = sorted(distinct_places(wire), key=str)
    sample = random.Random(18).sample(found, min(SAMPLE, len(found)))
    assert any(try_place(*one) for one in sample)


def try_all(folder: Path) -> tuple[int, int]:
    """Try every place; return the number of runs, and of those that ended with an error."""
    found = list(distinct_places(folder))
    return len(found) * len(OTHERS), sum(try_place(*one) for one in found)


if __name__ == "__main__":
    if "--all" in sys.argv:
        runs, failures = try_all(Path(sys.argv[-1]))
        sys.stdout.write(f"{runs} runs, {failures} ended with an error\n")
    elif with_table(PAGE.read_text("utf-8")) != PAGE.read_text("utf-8"):
        PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
        sys.stdout.write("docs/errors.md is written anew.\n")
