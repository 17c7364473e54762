"""Fast path of ``decoder``: a delta that repeats the last one except for its text.

Servers repeat their own serialisation byte for byte, so consecutive deltas of one text, of
one call's arguments or of one piece of code differ in one JSON string only. A
:class:`DeltaTemplate` keeps the text before and after that string. A frame with the same
beginning, a JSON string, and the same end is understood without parsing the rest of it.

``read`` is the one entry point for frames, ``learn`` the one for making templates; both return
a certain result or None, which means: use the ordinary path. The string is certainly the right
one, because ``learn`` refuses every doubtful case: the key occurs in the frame once, and nothing
outside the string is escaped, so no other key can be a different spelling of it.
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
        """Make a template.

        Args:
            before: The frame up to and including the opening quote.
            after: The frame after the closing quote, including its blank line.
            repeater: Folds in the string between them.
            name: See above.
        """
        self.name = name
        self._before, self._after = before, after
        self._hole = len(before)
        self._data_at = before.index("\n") + len("\ndata: ")
        self._fold, self._wire = repeater.fold, repeater.event_class

    def read(self, frame: str, wants: Wants | None) -> Sequence[Event] | None:
        """Read a frame and fold it in.

        Args:
            frame: One frame with its blank line, or something else.
            wants: Which events to make; None means all.

        Returns:
            The wire event and the event derived from it, as far as they are wanted; if the first
            is wanted, both: whoever gets it may want the second from then on. None if the frame
            does not match, or must take the ordinary path.
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
        frame: The whole frame as it was sent: two lines and the blank one.
        repeater: Folds in frames like it, which bring nothing but a text, under its ``key``.
        name: Wire name of the delta.

    Returns:
        The template, or None if the text cannot be cut out of the frame with certainty.
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
