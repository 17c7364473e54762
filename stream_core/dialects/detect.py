"""Which wire it is, found out from the first frame that tells: ``Stream(source, dialect="auto")``.

Rules of this file:

- A frame that tells decides for the whole stream; nothing is held back or looked at twice.
- Looked at are a frame's name, and of its JSON the keys ``type``, ``object``, ``choices`` and
  ``event``. Content is never guessed from.
- A frame that tells nothing (a ping, an error without a name, ``[DONE]``) is read as the Assistants
  wire reads it, and the next one is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.convert import json_text

from . import Dialect, HoldsBack, make_dialect
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
        self._dialect: Dialect = AssistantsDialect()
        self._decided = False

    def decode(self, frame: ServerSentEvent) -> Iterable[Decoded]:
        """Say what FRAME means, on the wire that was found.

        Raises:
            DecodeError: As of that wire.
        """
        if not self._decided:
            name = detect(frame)
            if name is not None:
                self._dialect, self._decided = make_dialect(name), True
        return self._dialect.decode(frame)

    def end(self) -> Iterable[Decoded]:
        """Say what the wire that was found has left to say."""
        return self._dialect.end() if isinstance(self._dialect, HoldsBack) else ()
