"""Fast path of ``decoder``: a delta that repeats the last one but for its text.

Servers repeat their own serialisation byte for byte, so consecutive deltas of one text, of
one call's arguments or of one piece of code differ in one JSON string only. A
:class:`DeltaTemplate` keeps what stands before and after that string. A frame with the same
beginning, a JSON string, and the same end is known without parsing the rest of it.

``match`` is the one entry point for frames, ``learn`` the one for making templates; both
only ever say "it is so" or None, which means: ask the ordinary path. That the string is the
one that the path leads to is not assumed: ``learn`` parses the frame once more with another
string in its place. (Nothing else depends on it: a string in JSON is one value.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .jsontext import JSONText, loads, scan_string

if TYPE_CHECKING:
    from .history import Repeater

__all__ = ["DeltaTemplate", "learn"]

#: Stands for the text while a template is learned; needs no escape in JSON.
_PROBE = "until-done probe \u2603"


class DeltaTemplate:
    """One frame with a hole.

    Attributes:
        fold: Folds in the text that stands in the hole (``Repeater.fold``).
        event_class: Class of the wire event.
    """

    __slots__ = ("_after", "_before", "_hole", "_json", "event_class", "fold")

    def __init__(self, before: str, after: str, json_at: int, repeater: Repeater) -> None:
        """Keep a frame.

        Args:
            before: The frame up to and with the opening quote.
            after: The frame from behind the closing quote, its blank line included.
            json_at: Where in BEFORE the JSON begins.
            repeater: See above.
        """
        self._before, self._after = before, after
        self._hole, self._json = len(before), json_at
        self.fold = repeater.fold
        self.event_class = repeater.event_class

    def match(self, text: str, at: int) -> tuple[str, int] | None:
        """Match the frame that begins at AT.

        Args:
            text: Part of a stream.
            at: Where a frame begins in it.

        Returns:
            What stands in the hole, and where the next frame begins; None where the
            frame is another, or not all there.
        """
        if text.startswith(self._before, at):
            try:
                value, end = scan_string(text, at + self._hole)
            except ValueError:
                return None
            if text.startswith(self._after, end):
                return value, end + len(self._after)
        return None

    def raw(self, text: str, at: int, end: int) -> JSONText:
        """Return the JSON of the frame that stands in TEXT from AT to END."""
        return JSONText(text[at + self._json : end - 2])  # without the blank line


def learn(frame: str, data: str, raw: Any, repeater: Repeater) -> DeltaTemplate | None:
    """Make a template of a frame.

    Args:
        frame: The whole frame as it stands in the stream, its blank line included.
        data: Its data.
        raw: The data parsed.
        repeater: What folds in frames like it; its path leads to the text in RAW.

    Returns:
        The template; None where the text cannot be cut out of the frame.
    """
    json_at = frame.find(data)
    value = _at(raw, repeater.path)
    if json_at < 0 or not isinstance(value, str) or frame[json_at + len(data) :] != "\n\n":
        return None
    if "\n" in data or "\r" in frame:  # its lines lie apart, or FRAME is more than one frame
        return None
    start = _hole(data, str(repeater.path[-1]), value)
    if start is None:
        return None
    end = scan_string(data, start)[1]
    # Another text than the one that is there, else it would be found wherever that one is.
    other = _PROBE if value != _PROBE else ""
    try:
        probe = loads(f'{data[:start]}{other}"{data[end:]}')
    except ValueError:  # no string began there, or DATA is nested as deeply as can just be read
        return None
    if _at(probe, repeater.path) != other:
        return None
    return DeltaTemplate(frame[: json_at + start], f"{data[end:]}\n\n", json_at, repeater)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return what PATH leads to in VALUE, or None."""
    try:
        for key in path:
            value = value[key]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def _hole(data: str, key: str, value: str) -> int | None:
    """Return where the string after the last KEY of an object begins, when it is VALUE."""
    found = data.rfind(f'"{key}"')
    colon = data.find(":", found + len(key) + 2)
    start = data.find('"', colon) + 1
    if found < 0 or not colon or not start or data[colon + 1 : start - 1].strip():
        return None
    try:
        return start if scan_string(data, start)[0] == value else None
    except ValueError:
        return None
