"""What is known of the meaning of a frame whatever its wire: the rules that no dialect has to keep.

Rules of this file:

- Pure functions of frames, lines and :class:`Decoded`; no state.
- A frame with data is never without a meaning, and no meaning has a text that cannot be encoded.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stream_core import events
from stream_core.convert.json_text import loads
from stream_core.dialects import Decoded
from stream_core.errors import DecodeError
from stream_core.models.surrogates import mend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream_core.sse import IgnoredLine, ServerSentEvent

__all__ = ["check_ignored", "mended", "says_something", "split_ignored", "unread"]

#: The keys of a frame that only says that the server is alive.
_SIGNS_OF_LIFE = frozenset({"type", "event", "object", "sequence_number", "status", "timestamp"})

#: Deltas, whose texts grow: the snapshots join the halves of surrogate pairs in them; and events
#: whose data is as sent.
_KEPT = frozenset(
    {
        events.ExtensionEvent,
        events.UnknownEvent,
        events.ThreadMessageDelta,
        events.ThreadRunStepDelta,
        events.ReasoningDelta,
        events.ReasoningSummaryDelta,
    }
)

#: The beginnings of a line that should have been ``data: {...}``.
_JSON_BEGINS = ("{", "[")


def says_something(decoded: Decoded) -> bool:
    """Return whether DECODED is more than a sign of life."""
    if decoded.event_class is events.ExtensionEvent:
        sent = decoded.payload
        return not isinstance(sent, dict) or not sent.keys() <= _SIGNS_OF_LIFE
    return decoded.event_class is not events.UnknownEvent


def mended(decoded: Decoded) -> Decoded:
    """Return DECODED without halves of surrogate pairs that are alone in a text.

    Those in deltas stay: the text that they belong to knows whether the other half comes.
    """
    if decoded.event_class not in _KEPT:
        decoded.payload = mend(decoded.payload)
    return decoded


def unread(frame: ServerSentEvent) -> Decoded:
    """Return the meaning of a FRAME of which a dialect made nothing."""
    raw: Any = frame.data
    with suppress(ValueError):
        raw = loads(frame.data)
    return Decoded(events.ExtensionEvent, raw, raw, frame.event or "message")


def split_ignored(
    frame: ServerSentEvent,
) -> tuple[Sequence[IgnoredLine], Sequence[IgnoredLine]]:
    """Return the lines that the standard ignores before the data of FRAME, and those after it.

    The frames of a server that leaves out the blank lines are one, and an error at its end comes
    after all of them.
    """
    lines = frame.ignored
    before = [line for line in lines if not line.after_data]
    return before, lines[len(before) :]


def check_ignored(lines: Iterable[IgnoredLine]) -> None:
    """Refuse LINES, which the standard ignores, if one of them is a payload without ``data:``.

    Raises:
        DecodeError: There is such a line.
    """
    for line in lines:
        if line.text.startswith(_JSON_BEGINS):
            raise DecodeError(
                'a line looks like a payload but does not begin with "data: "',
                frame=line.text,
                offset=line.offset,
            )
