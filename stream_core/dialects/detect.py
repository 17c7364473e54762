"""Which wire it is, found out from the first frame that tells; ``Stream(source)`` reads so.

Rules of this file:

- A frame that tells decides for the whole stream; nothing is held back or looked at twice.
- Looked at are a frame's name, and of its JSON the keys ``type``, ``object``, ``choices`` and
  ``event``. Content is never guessed from.
- A frame that tells nothing (a ping, an error without a name) is read as the Assistants wire
  reads it, and the next one is looked at.
- A stream that ends, or says ``[DONE]``, before any frame told is an :class:`UnknownWireError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert import json_text
from stream_core.errors import UnknownWireError

from . import DIALECTS, NO_OBJECTS, Dialect, HasObjects, HoldsBack, ObjectTable, make_dialect
from .assistants import ALIASES, EVENTS, AssistantsDialect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.sse import ServerSentEvent

    from . import Decoded

__all__ = ["AutoDialect", "detect"]

#: Names of the Assistants wire that say nothing, because others have them too.
_COMMON = frozenset({"error", "done"})


def detect(frame: ServerSentEvent) -> str | None:
    """Return the name of the dialect that FRAME is of, or None where it does not tell."""
    return _named(frame.event) or _shaped(_value(frame.data))


def _named(name: str) -> str | None:
    """Tell by the name of an event."""
    if name in _COMMON:
        return None
    if name in EVENTS or name in ALIASES or name.startswith("thread."):
        return "assistants"
    return "responses" if name.startswith("response.") else None


def _value(data: str) -> Any:
    """Return the JSON value that DATA is, or None."""
    try:
        return json_text.loads(data)
    except ValueError:
        return None


def _shaped(value: Any) -> str | None:
    """Tell by the JSON value of a frame that has no telling name."""
    if not isinstance(value, dict):
        return None
    event, kind, type_ = (_text(value.get(key)) for key in ("event", "object", "type"))
    if isinstance(value.get("choices"), list) or kind.startswith("chat.completion"):
        return "chat"
    # The reference's own error of the Responses wire; elsewhere an error has no type of that name
    # beside its message.
    if type_.startswith("response.") or (type_ == "error" and "message" in value):
        return "responses"
    if kind == "thread" or kind.startswith("thread."):
        return "assistants"
    return _named(event) if "data" in value else None


def _text(value: Any) -> str:
    """Return VALUE if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


class AutoDialect:
    """Reads a stream as the wire that its first telling frame is of."""

    def __init__(self) -> None:
        self._undecided = AssistantsDialect()
        self._dialect: Dialect = self._undecided
        self._decided = False
        self._begins: str | None = None

    @property
    def objects(self) -> ObjectTable | None:
        """The table of the wire that was found; None as long as none was."""
        if not self._decided:
            return None
        return self._dialect.objects if isinstance(self._dialect, HasObjects) else NO_OBJECTS

    def decode(self, frame: ServerSentEvent) -> Iterable[Decoded]:
        """Decode FRAME on the wire that was found.

        Raises:
            DecodeError: As of that wire.
            UnknownWireError: The stream is done, and no wire was found.
        """
        if self._decided:
            return self._dialect.decode(frame)
        if self._begins is None:
            self._begins = frame.data
        name = detect(frame)
        if name is not None:
            self._dialect, self._decided = make_dialect(name), True
            return self._dialect.decode(frame)
        meaning = self._undecided.decode(frame)
        if any(decoded.event_class is events.Done for decoded in meaning):
            raise self._unknown()
        return meaning

    def end(self) -> Iterable[Decoded]:
        """Decode what the wire that was found held back.

        Raises:
            UnknownWireError: No wire was found.
        """
        if not self._decided:
            raise self._unknown()
        return self._dialect.end() if isinstance(self._dialect, HoldsBack) else ()

    def _unknown(self) -> UnknownWireError:
        """Return the error for a stream of no wire that was found."""
        wires = [name for name in DIALECTS if name != "auto"]
        return UnknownWireError(begins=self._begins or "", wires=wires)
