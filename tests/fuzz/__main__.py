"""Read damaged streams for some minutes, and report what went wrong: ``make fuzz MINUTES=10``.

``--seed`` repeats a run, ``--replay FILE`` one stream. ``guided`` does the same with atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.checks import Difference, Tally, check
from tests.fuzz.damage import make

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["main"]

#: Seconds after which one stream, read in all ways, has taken too long.
_LONGEST = 60


@contextmanager
def _in_time() -> Iterator[None]:
    """Raise TimeoutError in what takes longer than it may, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: object) -> None:
        del number, frame
        raise TimeoutError(f"it took longer than {_LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _try(dialect: str, data: bytes, tally: Tally, seed: int, into: Path) -> str | None:
    """Check one stream; return what went wrong, in one word, and keep the stream."""
    try:
        with _in_time():
            check(dialect, data, tally, seed)
    except Exception as error:  # noqa: BLE001  # whatever comes out is what is looked for
        kind = "difference" if isinstance(error, AssertionError) else "foreign"
        name = f"fuzz-{dialect}-{hashlib.sha256(data).hexdigest()[:12]}.sse"
        into.mkdir(parents=True, exist_ok=True)
        path = into / name
        path.write_bytes(data)
        _say(f"\n{kind} (seed {seed}, {len(data)} bytes):\n")
        lines = [str(error)] if isinstance(error, Difference) else traceback.format_exception(error)
        _say("".join(lines)[-2000:])
        _say(
            f"\nRepeat it: python -m tests.fuzz --dialect {dialect} --seed {seed} --replay {path}\n"
        )
        return kind
    return None


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _generate(seconds: float, seed: int, most: int | None, into: Path) -> tuple[Tally, list[str]]:
    """Read generated streams for SECONDS, or MOST of them; return figures and findings."""
    tally, found, begin, shown = Tally(), [], time.monotonic(), 0.0
    number = seed
    while time.monotonic() - begin < seconds and (most is None or number - seed < most):
        kind = _try(*make(number), tally, number, into)
        if kind is not None:
            found.append(kind)
        number += 1
        passed = time.monotonic() - begin
        if sys.stdout.isatty() and passed - shown >= 1:
            shown = passed
            _say(f"\r{tally.inputs} streams, {len(found)} found, {passed:.0f} s ")
    return tally, found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 1 if something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="that of the first stream")
    parser.add_argument("--inputs", type=int, default=None, help="the most streams")
    parser.add_argument("--into", type=Path, default=Path(), help="where streams are kept")
    parser.add_argument("--dialect", default="auto")
    parser.add_argument("--replay", type=Path, default=None, help="a stream that was kept")
    given = parser.parse_args(arguments)
    seed = int(time.time()) if given.seed is None else given.seed
    if given.replay is not None:
        data = given.replay.read_bytes()
        return int(_try(given.dialect, data, Tally(), seed, given.into) is not None)
    _say(f"seed {seed}\n")
    tally, found = _generate(given.minutes * 60, seed, given.inputs, given.into)
    _say(
        f"\n{tally.inputs} streams, read in {tally.decodes} ways; {tally.failed} ended in an error "
        f"of the library\n{found.count('difference')} differences, "
        f"{found.count('foreign')} foreign exceptions\n"
    )
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
