"""Recordings with one value replaced by another: only a needed field may end their stream.

Rules of this file:

- A place is a recording, a frame of it, and a path in that frame's JSON. Two places are the same
  if names and types along their paths are; the numbers of list items do not matter.
- What may fail is read from ``Payload.NEEDED``, as the table in docs/errors.md is. Fields that
  the dialect reads by itself (their type is ``Any``) have a row in ``Wire.inside``.
- A wire is added by adding a row to ``WIRES``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

import attrs

from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.assistants import ALIASES, EVENTS
from stream_core.dialects.chat.chunks import ChatChunk, ChunkChoice, ChunkDelta
from stream_core.dialects.responses import objects
from stream_core.dialects.responses.event_table import ROWS
from stream_core.errors import DecodeError, IncompleteStreamError, ServerError, StreamError
from stream_core.models import Payload
from stream_core.models.unions import is_tagged, members, tagged_union
from stream_core.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path as File

__all__ = [
    "OTHERS",
    "WIRES",
    "Place",
    "Wire",
    "distinct_places",
    "frames_of",
    "outcome",
    "places",
    "places_on",
    "replaced",
    "unfounded",
    "written",
]

#: The steps from a JSON value to one inside it: keys and numbers.
Path = tuple[Any, ...]

#: What is put in the place of a value.
OTHERS: tuple[Any, ...] = (None, "text", 5, [], {})


# --- Values and their places ------------------------------------------------------------


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in VALUE."""
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, item in list(inside):
        yield (*path, key)
        yield from places(item, (*path, key))


def replaced(value: Any, path: Path, new: Any) -> Any:
    """Return VALUE with NEW at PATH."""
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


def _shape(name: str, path: Path, value: Any) -> tuple[Any, ...]:
    """Return what makes a place distinct."""
    types = []
    for step in path:
        value = value[step]
        types.append(value.get("type") if isinstance(value, dict) else None)
    return (name, *["*" if isinstance(step, int) else step for step in path], *map(str, types))


# --- Recordings -------------------------------------------------------------------------


@cache
def frames_of(recording: File) -> tuple[tuple[str, str], ...]:
    """Return name and data of the frames of a RECORDING."""
    decoder = SSEDecoder()
    decoder.feed(recording.read_bytes())
    decoder.close()
    return tuple((frame.event, frame.data) for frame in iter(decoder.next_frame, None))


def written(frames: Iterable[tuple[str, str]]) -> bytes:
    """Return the bytes of FRAMES, whose data may have several lines."""
    return "".join(
        f"event: {name}\n" + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n"
        for name, data in frames
    ).encode("utf-8", "surrogatepass")


def outcome(data: bytes, dialect: str) -> StreamError | None:
    """Decode DATA; return the failure, or None. Any other exception is a bug and leaves."""
    try:
        for _ in EventDecoder(dialect).events([data]):
            pass
    except StreamError as error:
        return error
    return None


@attrs.frozen
class Place:
    """A place in a recording.

    Attributes:
        recording: The file.
        number: The number of the frame.
        path: Where in the frame's JSON.
    """

    recording: File
    number: int
    path: Path

    @property
    def name(self) -> str:
        """The name of the frame."""
        return frames_of(self.recording)[self.number][0]

    @property
    def value(self) -> Any:
        """The JSON value of the frame as recorded."""
        return json.loads(frames_of(self.recording)[self.number][1])

    def with_value(self, other: Any) -> bytes:
        """Return the bytes of the recording with OTHER at this place."""
        frames = list(frames_of(self.recording))
        frames[self.number] = self.name, json.dumps(replaced(self.value, self.path, other))
        return written(frames)


# --- Wires ------------------------------------------------------------------------------


@attrs.frozen
class Wire:
    """One wire.

    Attributes:
        dialect: Its name.
        folders: Where its recordings are.
        kind: Returns the class of a frame, given its name and its value; None if the frame is
            not to be changed.
        speaks: Whether a failure is what the changed value, at its path, says: an ending that
            was taken away, an error that was put in.
        inside: Maps a field whose type is ``Any``, by its class and its name, to its type.
    """

    dialect: str
    folders: tuple[str, ...]
    kind: Callable[[str, Any], Any]
    speaks: Callable[[Path, StreamError], bool]
    inside: Mapping[tuple[type, str], Any] = attrs.field(factory=dict)

    def needs(self, place: Place) -> bool:
        """Return whether a wrong value at PLACE may be an error."""
        value = place.value
        return self.may_fail(self.kind(place.name, value), place.path, value)

    def may_fail(self, kind: Any, path: Path, value: Any) -> bool:
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
                return self.may_fail(inner, path, value)
            return not rest or self.may_fail(inner, rest, value[step])
        if not attrs.has(kind):
            return False
        attrs.resolve_types(kind)
        types = {x.alias: self.inside.get((kind, x.alias), x.type) for x in attrs.fields(kind)}
        step, rest, needed = path[0], path[1:], getattr(kind, "NEEDED", None)
        if step not in types or (needed is not None and step not in needed):
            return False
        return not rest or self.may_fail(types[step], rest, value[step])


def _assistants_kind(name: str, value: Any) -> Any:
    """Return the class of a frame of the Assistants wire."""
    del value
    name = ALIASES.get(name, name)
    return None if name in ("error", "done") or name not in EVENTS else EVENTS[name][1]


def _assistants_speaks(path: Path, failure: StreamError) -> bool:
    """A run whose last status is not known any more has not ended."""
    return isinstance(failure, IncompleteStreamError) and path == ("status",)


@attrs.define
class _Part(Payload):
    """A part of a content that is a list."""

    NEEDED = ("text", "refusal")

    text: Any = None
    refusal: Any = None


@attrs.define
class _Spoken(Payload):
    """One of several messages of a choice."""

    NEEDED = ("index", "delta")

    index: Any = None
    delta: ChunkDelta | None = None


def _chat_kind(name: str, value: Any) -> Any:
    """Return the class of a frame of the Chat Completions wire; its errors are left alone."""
    is_chunk = isinstance(value, dict) and "choices" in value
    return ChatChunk if is_chunk and name != "error" else None


def _chat_speaks(path: Path, failure: StreamError) -> bool:
    """An answer without a reason has not ended; what stands under ``error`` is one."""
    if isinstance(failure, IncompleteStreamError):
        return "finish_reason" in path or path in (("choices",), ("choices", 0))
    return isinstance(failure, ServerError) and bool({"error", "base_resp"} & {*path})


@attrs.define
class _Output(Payload):
    """An output of the code interpreter."""

    NEEDED = ("logs",)

    logs: Any = None


@attrs.define
class _Item(Payload):
    """An item of any type: each type has some of these fields."""

    NEEDED = (
        *("id", "type", "name", "call_id", "server_label", "code"),
        *("content", "summary", "outputs"),
    )

    id: Any = None
    type: Any = None
    name: Any = None
    call_id: Any = None
    server_label: Any = None
    code: Any = None
    content: list[objects.Part] | None = None
    summary: list[objects.Part] | None = None
    outputs: list[_Output] | None = None


@attrs.define
class _Event(Payload):
    """An event of the Responses wire: each type has some of these fields."""

    NEEDED = ("response", "item", "part", "delta", "annotation")

    response: objects.Response | None = None
    item: _Item | None = None
    part: objects.Part | None = None
    delta: Any = None
    annotation: Any = None


def _responses_kind(name: str, value: Any) -> Any:
    """Return the class of a frame of the Responses wire; its errors are left alone."""
    is_event = isinstance(value, dict) and value.get("type") in ROWS
    return _Event if is_event and "error" not in (name, value["type"]) else None


def _responses_speaks(path: Path, failure: StreamError) -> bool:
    """A frame without a name and a type does not end a response; an error beside it is one."""
    if isinstance(failure, IncompleteStreamError):
        return path == ("type",)
    return isinstance(failure, ServerError) and "error" in path


#: The wires by name.
WIRES = {
    one.dialect: one
    for one in (
        Wire(
            "assistants",
            ("assistants", "azure_agents", "servers"),
            _assistants_kind,
            _assistants_speaks,
        ),
        Wire(
            "chat",
            ("chat", "more/chat", "servers"),
            _chat_kind,
            _chat_speaks,
            {
                (ChunkChoice, "message"): ChunkDelta,
                (ChunkChoice, "messages"): list[_Spoken],
                (ChunkDelta, "content"): list[_Part],
            },
        ),
        Wire(
            "responses",
            ("responses", "more/responses", "servers"),
            _responses_kind,
            _responses_speaks,
            {(objects.Response, "output"): list[_Item]},
        ),
    )
}


def distinct_places(recordings: Iterable[File], wire: Wire) -> Iterator[Place]:
    """Yield each distinct place of those RECORDINGS that are read without an error."""
    seen: set[tuple[Any, ...]] = set()
    for recording in recordings:
        frames = frames_of(recording)
        if outcome(written(frames), wire.dialect) is not None:
            continue
        for number, (name, data) in enumerate(frames):
            try:
                value = json.loads(data)
            except ValueError:
                continue
            if wire.kind(name, value) is None:
                continue
            for path in places(value):
                mark = _shape(name, path, value)
                if mark not in seen:
                    seen.add(mark)
                    yield Place(recording, number, path)


@cache
def places_on(dialect: str, folder: File) -> tuple[Place, ...]:
    """Return each distinct place of all recordings of a wire in FOLDER."""
    wire = WIRES[dialect]
    recordings = [x for name in wire.folders for x in sorted((folder / name).glob("*.sse"))]
    return tuple(distinct_places(recordings, wire))


def unfounded(place: Place, other: Any, wire: Wire) -> tuple[StreamError | None, bool]:
    """Read a recording with OTHER at PLACE.

    Returns:
        The failure, or None; whether it is wrong that there is one.
    """
    failure = outcome(place.with_value(other), wire.dialect)
    if failure is None or wire.speaks(place.path, failure):
        return failure, False
    return failure, not (wire.needs(place) and isinstance(failure, DecodeError))
