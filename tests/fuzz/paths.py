"""Compare the fast paths with the ordinary one: ``make fuzz-paths SEEDS=60000``.

``--seed`` is that of the first stream. A stream on which the paths differ is made as small as it
gets, and kept; ``--replay FILE`` reads it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tests import ROOT
from tests.fuzz.both_paths import Figures, compare
from tests.fuzz.checks import Difference
from tests.fuzz.repeats import Part, Take, by_frame, make, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["main", "shrink", "stream_of"]

#: One stream of this many is a recording.
_RECORDED = 7

#: How many smaller streams are tried in place of one that was found.
_TRIES = 400


def stream_of(seed: int, folder: Path | None) -> Take:
    """Return the stream of SEED; FOLDER has recordings, or is None."""
    return recorded(seed, folder) if seed % _RECORDED == 0 else make(seed)


def _fails(take: Take, seed: int) -> str:
    """Return what is wrong with TAKE, "" if nothing is."""
    try:
        compare(take, seed, Figures())
    except Difference as difference:
        return str(difference)
    except Exception as error:  # noqa: BLE001  # whatever comes out is what is looked for
        return "".join(traceback.format_exception(error))[-2000:]
    return ""


def shrink(take: Take, seed: int) -> Take:
    """Return TAKE without frames that are not needed for the paths to differ."""
    left = _TRIES
    for at in range(len(take.parts)):
        frames = by_frame(take.parts[at].data)
        size = len(frames) // 2
        while size and left:
            for begin in range(0, len(frames), size):
                fewer = [*frames[:begin], *frames[begin + size :]]
                parts = [*take.parts]
                parts[at] = Part(parts[at].begins, b"".join(fewer))
                smaller = attrs.evolve(take, parts=tuple(parts))
                left -= 1
                if _fails(smaller, seed):
                    take, frames = smaller, fewer
                    break
                if not left:
                    break
            else:
                size //= 2
            size = min(size, len(frames))
    return take


# --- Streams that were found ------------------------------------------------------------


def _keep(take: Take, seed: int, into: Path) -> Path:
    """Write TAKE into a file of the folder INTO."""
    parts = [[part.begins, part.data.decode("latin-1")] for part in take.parts]
    kept = {"seed": seed, **attrs.asdict(take), "parts": parts}
    text = json.dumps(kept, indent=1)
    into.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = into / f"paths-{take.dialect}-{name}.json"
    path.write_text(text, "utf-8")
    return path


def _kept(path: Path) -> tuple[Take, int]:
    """Return the stream in PATH, and its seed."""
    kept = json.loads(path.read_text("utf-8"))
    parts = tuple(Part(begins, data.encode("latin-1")) for begins, data in kept["parts"])
    return Take(kept["wire"], kept["dialect"], parts, kept["limit"]), kept["seed"]


def _report(take: Take, seed: int, what: str, into: Path) -> None:
    """Say WHAT is wrong with TAKE, and keep it."""
    path = _keep(take, seed, into)
    size = sum(len(part.data) for part in take.parts)
    frames = sum(len(by_frame(part.data)) for part in take.parts)
    _say(f"\nseed {seed}, {take.dialect}, now {frames} frames, {size} bytes: {what}\n")
    _say(f"Repeat it: python -m tests.fuzz.paths --replay {path}\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


# --- The program ------------------------------------------------------------------------


def _seeds(first: int, count: int, seconds: float, found: list[int]) -> Iterator[int]:
    """Yield COUNT seeds from FIRST, but no more when SECONDS have passed; show how far it got."""
    begin, shown = time.monotonic(), 0.0
    for number in range(count):
        passed = time.monotonic() - begin
        if passed > seconds:
            return
        if sys.stdout.isatty() and passed - shown >= 1:
            shown = passed
            _say(f"\r{number} of {count} streams, {len(found)} differences, {passed:.0f} s ")
        yield first + number


def _summary(figures: Figures, found: list[int]) -> str:
    lines = [
        f"{figures.streams} streams, read in {figures.decodes} ways, {figures.events} events",
        f"{figures.failed} ended in an error of the library",
    ]
    for wire, frames in sorted(figures.frames.items()):
        lines.append(f"{wire}: {figures.folded[wire]} of {frames} frames without the dialect")
    return "\n".join([*lines, f"{len(found)} differences\n"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 1 if the paths differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.paths", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many streams")
    parser.add_argument("--seed", type=int, default=None, help="that of the first stream")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="the most minutes")
    parser.add_argument("--into", type=Path, default=Path(), help="where streams are kept")
    parser.add_argument("--wire", type=Path, default=ROOT.parent / "shared" / "wire")
    parser.add_argument("--replay", type=Path, default=None, help="a stream that was kept")
    given = parser.parse_args(arguments)
    if given.replay is not None:
        what = _fails(*_kept(given.replay))
        _say(what or "the paths agree")
        _say("\n")
        return int(bool(what))
    first = int(time.time()) if given.seed is None else given.seed
    folder = given.wire if given.wire.is_dir() else None
    if folder is None:
        _say(f"no recorded streams in {given.wire} (say where they are with --wire DIR)\n")
    _say(f"seed {first}\n")
    figures, found = Figures(), list[int]()
    for seed in _seeds(first, given.seeds, given.minutes * 60, found):
        take = stream_of(seed, folder)
        try:
            compare(take, seed, figures)
        except Exception:  # noqa: BLE001  # whatever comes out is what is looked for
            found.append(seed)
            take = shrink(take, seed)
            _report(take, seed, _fails(take, seed), given.into)
    _say(f"\n{_summary(figures, found)}")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
