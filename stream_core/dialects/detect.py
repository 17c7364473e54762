"""The ``"auto"`` dialect, the default: it detects the wire from the first distinctive frame.

Rules of this file:

- The first distinctive frame decides for the whole stream; nothing is held back or read twice.
- The evidence is a frame's name and, in its JSON, the keys ``type``, ``object``, ``choices`` and
  ``event``. Content is never evidence.
- A frame that is not distinctive (a ping, an error without a name) is decoded as the Assistants
  wire decodes it, and the next one is examined.
- A stream that ends, or sends ``[DONE]``, before any distinctive frame is an
  :class:`UnknownWireError`.
- ``tried_in_vain`` answers the same question for a named dialect.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert import json_text
from stream_core.errors import UnknownWireError

from . import (
    DIALECTS,
    NO_OBJECTS,
    Dialect,
    ObjectTable,
    holds_back,
    make_dialect,
    objects_of,
    reads_ignored,
    repeats_of,
    wire_of,
)
from .assistants import ALIASES, EVENTS, AssistantsDialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream_core.sse import IgnoredLine, ServerSentEvent

    from . import Decoded, Repeats

__all__ = [
    "NEUTRAL",
    "AutoDialect",
    "as_text",
    "detect",
    "has_lost_line_ends",
    "looks_like",
    "tried_in_vain",
]

#: All wires.
_WIRES = tuple(name for name in DIALECTS if name != "auto")

#: Names of the Assistants wire that other wires have too.
_COMMON = frozenset({"error", "done"})

#: The events that do not show by themselves that a frame is one of the wire.
NEUTRAL = frozenset({events.Done, events.ExtensionEvent, events.UnknownEvent})

#: Maps how bytes without any frame begin (white space aside) to what they look like, and what to
#: do about it.
_LOOKS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"\x1f\x8b",), "gzip: decompress the bytes before they are read"),
    ((b"\x28\xb5\x2f\xfd",), "zstd: decompress the bytes before they are read"),
    (
        (b"\xff\xfe", b"\xfe\xff", b"d\0a\0", b"e\0v\0", b"\0d\0a", b"\0e\0v"),
        "UTF-16: an event stream is UTF-8; encode the text as that",
    ),
    ((b"<",), "HTML or XML, such as the page of a proxy: check the address, and ask the proxy"),
    (
        (b"{", b"["),
        "JSON instead of an event stream: check that streaming was asked for (stream=True)",
    ),
)

#: Field names of an event stream; two in one line are lines whose ends are missing.
_GLUED_DATA = re.compile(r"[}\]](?:event|data|id): ?")
_GLUED = re.compile(rb"(?:event|data|id): ?[^\r\n]*?[^\s,](?:event|data): ")


def detect(frame: ServerSentEvent) -> str | None:
    """Return the name of the dialect that FRAME belongs to, or None if it could be any."""
    return _named(frame.event) or _shaped(_value(frame.data))


def _named(name: str) -> str | None:
    """Return the dialect that an event called NAME belongs to, or None if it could be any."""
    if name in _COMMON:
        return None
    if name in EVENTS or name in ALIASES or name.startswith("thread."):
        return "assistants"
    return "responses" if name.startswith("response.") else None


def _value(data: str) -> Any:
    """Return DATA decoded as JSON, or None if it is not JSON."""
    try:
        return json_text.loads(data)
    except ValueError:
        return None


def _shaped(value: Any) -> str | None:
    """Return the dialect that the JSON VALUE of a frame belongs to, or None if it could be any."""
    if not isinstance(value, dict):
        return None
    event, kind, type_ = (_text(value.get(key)) for key in ("event", "object", "type"))
    if isinstance(value.get("choices"), list | dict) or kind.startswith("chat.completion"):
        return "chat"
    if kind == "error" and "message" in value:  # vLLM, older versions
        return "chat"
    # The error of the Responses wire as its reference has it; no other wire sends the type
    # "error" beside the message.
    if (
        type_.startswith("response.")
        or kind == "response"
        or (type_ == "error" and "message" in value)
    ):
        return "responses"
    if kind == "thread" or kind.startswith("thread."):
        return "assistants"
    return _named(event) if "data" in value else None


def looks_like(begins: bytes) -> str:
    """Return what bytes without any frame look like, and what to do about it; "" if unknown."""
    start = begins.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _GLUED.match(start):
        return "an event stream whose line ends are missing: keep them, and the blank lines"
    return next((what for marks, what in _LOOKS if start.startswith(marks)), "")


def has_lost_line_ends(data: str) -> bool:
    """Return whether the DATA of a frame, which is not JSON, is that of several."""
    return _GLUED_DATA.search(data) is not None


def as_text(begins: bytes) -> str:
    """Return the start of some bytes as text; "" if it is only a comment.

    It has one character for each byte if it is not UTF-8.
    """
    try:
        return "" if begins.startswith(b":") else begins.decode()
    except UnicodeDecodeError as error:
        is_cut = error.start and error.reason == "unexpected end of data"
        return begins[: error.start].decode() if is_cut else begins.decode("latin-1")


def tried_in_vain(dialect: Dialect) -> tuple[str, ...]:
    """Return the names of the wires that a stream could have been, but was not so far.

    They are all wires for an :class:`AutoDialect` that has not decided, none for one that has,
    and otherwise the dialect's own; none for a dialect that is not in ``DIALECTS``.
    """
    if isinstance(dialect, AutoDialect):
        return () if dialect.decided else _WIRES
    wire = wire_of(dialect)
    return () if wire is None else (wire,)


def _text(value: Any) -> str:
    """Return VALUE if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


class AutoDialect:
    """Decodes a stream as the wire that its first distinctive frame belongs to."""

    def __init__(self) -> None:
        self._undecided = AssistantsDialect()
        self._dialect: Dialect = self._undecided
        self._decided = False
        self._begins: str | None = None

    @property
    def after_error(self) -> float | None:
        """That of the detected wire."""
        return getattr(self._dialect, "after_error", None)

    @property
    def decided(self) -> bool:
        """Whether that frame has come."""
        return self._decided

    def objects(self, name: str) -> ObjectTable | None:
        """Return the table of the detected wire, or None as long as the wire is unknown."""
        if not self._decided:
            wire = _named(name)
            if wire is None:
                return None
            self._decide(wire)
        find = objects_of(self._dialect)
        return NO_OBJECTS if find is None else find(name)

    def repeats(self, decoded: Decoded) -> Repeats | None:
        """Return what the detected wire says of the frame of DECODED."""
        find = repeats_of(self._dialect)
        return None if find is None else find(decoded)

    def decode(self, frame: ServerSentEvent) -> Iterable[Decoded]:
        """Decode FRAME as the detected wire does; until then, as the Assistants wire does.

        Raises:
            DecodeError: As the dialect of that wire does.
            UnknownWireError: The stream is done and no wire was detected.
        """
        if self._decided:
            return self._dialect.decode(frame)
        if self._begins is None:
            self._begins = frame.data
        name = detect(frame)
        if name is not None:
            self._decide(name)
            return self._dialect.decode(frame)
        meaning = self._undecided.decode(frame)
        if any(decoded.event_class is events.Done for decoded in meaning):
            raise self._unknown()
        return meaning

    def end(self) -> Iterable[Decoded]:
        """Return what the dialect of the detected wire held back.

        Raises:
            UnknownWireError: No wire was detected.
        """
        if not self._decided:
            raise self._unknown()
        return self._dialect.end() if holds_back(self._dialect) else ()

    def ignored(self, lines: Sequence[IgnoredLine]) -> Iterable[Decoded]:
        """Return what the detected wire reads in LINES; until then, what Chat Completions does."""
        dialect = self._dialect if self.decided else make_dialect("chat")
        return dialect.ignored(lines) if reads_ignored(dialect) else ()

    def _decide(self, wire: str) -> None:
        """Decode as WIRE does from now on."""
        self._dialect, self._decided = make_dialect(wire), True

    def _unknown(self) -> UnknownWireError:
        """Return the error for a stream whose wire was not detected."""
        return UnknownWireError(begins=self._begins or "", wires=_WIRES)
