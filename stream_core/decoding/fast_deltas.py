"""Fast path of ``decoder``: a delta that repeats the last one but for its text.

Servers repeat their own serialisation byte for byte, so consecutive deltas of one text, of
one call's arguments or of one piece of code differ in one JSON string only. A
:class:`DeltaTemplate` keeps what stands before and after that string. A frame with the same
beginning, a JSON string, and the same end is known without parsing the rest of it.

``read`` is the one entry point for frames, ``learn`` the one for making templates; both only
ever say "it is so" or None, which means: ask the ordinary path. That the string is the one
that is meant is certain, because ``learn`` refuses whatever leaves a doubt: the key stands in
the frame once, and outside of the string nothing is escaped, so no other key can be spelled
differently and mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core.convert.json_text import scan_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core.events import Event
    from stream_core.snapshots.blocks import Wants

    from .fast_repeats import Repeater

__all__ = ["DeltaTemplate", "learn"]


class DeltaTemplate:
    """One frame with a hole.

    Attributes:
        name: Wire name of the delta.
    """

    __slots__ = (
        *("_after", "_before", "_data_at"),
        *("_fold", "_hole", "_wire", "name"),
    )

    def __init__(self, before: str, after: str, repeater: Repeater, name: str) -> None:
        """Keep a frame.

        Args:
            before: The frame up to and with the opening quote.
            after: The frame from behind the closing quote, its blank line included.
            repeater: Folds in what stands between them.
            name: See above.
        """
        self.name = name
        self._before, self._after = before, after
        self._hole = len(before)
        self._data_at = before.index("\n") + len("\ndata: ")
        self._fold, self._wire = repeater.fold, repeater.event_class

    def read(self, frame: str, wants: Wants | None) -> Sequence[Event] | None:
        """Read a frame, and fold it in.

        Args:
            frame: One frame with its blank line, or something else.
            wants: Which events to make; None: all of them.

        Returns:
            The wire event and what is derived from it, as far as somebody wants them, where the
            first is wanted both: whoever gets it may want the second from then on. None where
            the frame is another, or must go the ordinary way.
        """
        if not frame.startswith(self._before):
            return None
        try:
            value, end = scan_string(frame, self._hole)
        except ValueError:
            return None
        if frame[end:] != self._after:
            return None
        if wants is None or wants[self._wire]:
            return self._fold(value, frame[self._data_at : -2], None)
        return self._fold(value, None, wants)


def learn(frame: str, repeater: Repeater, name: str) -> DeltaTemplate | None:
    """Make a template of a frame.

    Args:
        frame: The whole frame as it stands in the stream, two lines and the blank one.
        repeater: What folds in frames like it: nothing but a text, under its ``key``.
        name: Wire name of the delta.

    Returns:
        The template; None where the text cannot be cut out of the frame for certain.
    """
    key = f'"{repeater.key}"'
    before, found, rest = frame.partition(key)
    if not found or key in rest:
        return None
    colon, quote, _ = rest.partition('"')
    if not quote or colon.strip() != ":":
        return None
    start = len(before) + len(key) + len(colon) + 1
    end = scan_string(frame, start)[1]
    begin, after = frame[:start], frame[end:]
    if "\\" in begin or "\\" in after:
        return None
    return DeltaTemplate(begin, after, repeater, name)
