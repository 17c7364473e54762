"""Why a mutant that no test notices is no fault: it does what the file does, or costs time only.

Rules of this file:

- A reason stands for the mutants of one file that are listed under it, each by the function or
  class that it is in and the source before and after the change.
- A mutant is listed only if it was read: what a test could notice gets a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mutation.mutants import Mutant

__all__ = ["REASONS", "reason_for"]

#: For each file its reasons, and for each of those (place, before, after) of its mutants.
REASONS: dict[str, dict[str, list[tuple[str, str, str]]]] = {
    "stream_core/dispatch.py": {
        "only a repr shows the variable's name": [
            ("", "'stream_core.dispatch'", "'stream_core.dispatchx'"),
        ],
        "a new dictionary is empty with and without it": [
            ("Plan.__init__", "super().__init__()", "pass"),
        ],
        "the size of a cache": [
            ("", "256", "257"),
        ],
        "each dispatch sets the context itself if it was not set before: only slower": [
            ("Dispatcher.enter", "self.entered = True", "pass"),
            ("Dispatcher.enter", "True", "False"),
        ],
        "what is not an Exception is a GeneratorExit here, which _ENDINGS has": [
            (
                "_explained",
                "isinstance(exception, Exception) and (not isinstance(exception, _ENDINGS))",
                "not isinstance(exception, _ENDINGS)",
            ),
        ],
    },
    "stream_core/run_control/missed.py": {
        "places_of gives one place for each part, so the two are never of different length": [
            ("_part_deltas", "True", "False"),
        ],
    },
    "stream_core/run_control/recovery.py": {
        "a run that is over has a status": [
            ("_Missed.collect", "run.status or ''", "run.status"),
            ("_Missed.collect", "''", "'x'"),
        ],
    },
    "stream_core/sse.py": {
        "a character has 4 bytes at most, and what is too much is cut off as text": [
            ("", "4", "5"),
        ],
        "any number below 0 is before the first place": [
            ("SSEDecoder._begin_chunk", "1", "2"),
        ],
        "it is found again at the same place: only slower": [
            (
                "SSEDecoder._read_line",
                "self._next_lf < start",
                "self._next_lf <= start",
            ),
            (
                "SSEDecoder._read_line",
                "self._next_cr < start",
                "self._next_cr <= start",
            ),
        ],
        "for the type checker: there is data only in a block that began": [
            (
                "SSEDecoder._end_block",
                "offset is not None and len(data) > 1",
                "len(data) > 1",
            ),
        ],
    },
    "stream_core/snapshots/messages.py": {
        "there are as many places as parts": [
            ("MessageSnapshots._end_message", "True", "False"),
            ("missing_text", "True", "False"),
        ],
        "what has no text is looked at twice: its value is empty, and its type has no deltas": [
            ("_text_of", "''", "'x'"),
            ("_add_rest", "value and isinstance(part, models.RefusalContentBlock)", "value"),
        ],
    },
    "stream_core/convert/fast_payloads.py": {
        "a call of list or dict makes the same empty one as its literal": [
            (
                "_default",
                "_LITERALS.get(factory) or f'{_named(factory, scope)}()'",
                "f'{_named(factory, scope)}()'",
            ),
        ],
    },
    "stream_core/decoding/fast_deltas.py": {
        "no JSON ends with an x": [
            ("learn", "'\\r\\n'", "'\\r\\nx'"),
        ],
        "the place is written before it is read, and the number is read only if it counts": [
            ("learn", "0", "1"),
        ],
        "a key ends after its first character, and after the value before it": [
            ("_holes", "0", "1"),
            ("_holes", "start < at", "start <= at"),
        ],
        "one text joined with no other is itself: only slower": [
            ("_joined", "1", "2"),
            ("_size", "1", "2"),
        ],
    },
    "stream_core/decoding/fast_frames.py": {
        "how often a template is tried, and how much is decoded at once: only time": [
            ("", "32", "33"),
            ("", "1", "2"),
            ("", "12", "13"),
            ("", "16", "17"),
        ],
        "frames with CR LF of one chunk then go to the SSE decoder: the same, only slower": [
            ("", "13", "14"),
        ],
    },
    "stream_core/snapshots/run_steps.py": {
        "a call that is done ends nothing when it is visited again: only slower": [
            (
                "RunStepSnapshots._close_call",
                "container.unsettled.pop(block.index, None)",
                "pass",
            ),
        ],
    },
}


def reason_for(file: Path, mutant: Mutant) -> str | None:
    """Return why it is right that no test notices MUTANT of FILE; None if nothing says so."""
    key = (mutant.place, mutant.before, mutant.after)
    found = REASONS.get(file.as_posix(), {})
    return next((reason for reason, listed in found.items() if key in listed), None)
