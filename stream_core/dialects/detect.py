"""The ``"auto"`` dialect, the default: it detects the wire from the first distinctive frame.

Rules of this file:

- The first distinctive frame decides for the whole stream; nothing is held back or read twice.
- The evidence is a frame's name and, in its JSON, the keys ``type``, ``object``, ``choices`` and
  ``event``. Content is never evidence.
- A frame that is not distinctive (a ping, an error without a name) is decoded as the Assistants
  wire decodes it, and the next one is examined.
- A stream that ends, or sends ``[DONE]``, before any distinctive frame is an
  :class:`UnknownWireError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert import json_text
from stream_core.errors import UnknownWireError

from . import DIALECTS, NO_OBJECTS, Dialect, HoldsBack, ObjectTable, make_dialect, objects_of
from .assistants import ALIASES, EVENTS, AssistantsDialect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.sse import ServerSentEvent

    from . import Decoded

__all__ = ["AutoDialect", "detect"]

#: Names of the Assistants wire that other wires have too.
_COMMON = frozenset({"error", "done"})


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
    if isinstance(value.get("choices"), list) or kind.startswith("chat.completion"):
        return "chat"
    # The error of the Responses wire as its reference has it; no other wire sends the type
    # "error" beside the message.
    if type_.startswith("response.") or (type_ == "error" and "message" in value):
        return "responses"
    if kind == "thread" or kind.startswith("thread."):
        return "assistants"
    return _named(event) if "data" in value else None


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

    def objects(self, name: str) -> ObjectTable | None:
        """Return the table of the detected wire, or None as long as the wire is unknown."""
        if not self._decided:
            wire = _named(name)
            if wire is None:
                return None
            self._decide(wire)
        find = objects_of(self._dialect)
        return NO_OBJECTS if find is None else find(name)

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
        return self._dialect.end() if isinstance(self._dialect, HoldsBack) else ()

    def _decide(self, wire: str) -> None:
        """Decode as WIRE does from now on."""
        self._dialect, self._decided = make_dialect(wire), True

    def _unknown(self) -> UnknownWireError:
        """Return the error for a stream whose wire was not detected."""
        wires = [name for name in DIALECTS if name != "auto"]
        return UnknownWireError(begins=self._begins or "", wires=wires)
