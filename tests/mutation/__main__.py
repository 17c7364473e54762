"""Run the tests of one source file against each of its mutants: ``make mutate FILE=...``.

The tests are the file's own (``tests/test_sse.py`` for ``stream_core/sse.py``); a mutant that they
do not notice meets those named after it. Each mutant is tried in a process of its own, in which the
changed source takes the place of the file when it is imported: the file itself is never touched. A
mutant that no test notices is printed, with the reason that ``reasons`` has for it; so is the
score. It fails if there is one without a reason.

Rules of this file:

- One process imports what the tests need of other people's modules, and is forked for each mutant:
  a start takes some hundredths of a second. It never imports the project.
- A mutant that does not end in time is noticed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
from collections import deque
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs
import pytest

from tests import ROOT
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reasons import reason_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["main"]

#: The most seconds for the tests without a change; and for how many times as long as those took,
#: and how many seconds more, a mutant may run.
_LONGEST, _TIMES, _MORE = 600.0, 5, 10

#: Seconds between two looks at the running processes.
_LOOK = 0.01

#: Modules that are the project's own: never imported before a change is in place.
_OURS = ("stream_core", "handlers", "tests", "examples", "conftest")


class _Changed(SourceFileLoader):
    """Loads a changed source in place of a file."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        """Return the changed source."""
        del path
        return self._source.encode()

    def path_stats(self, path: str) -> NoReturn:
        """Say that there is nothing compiled to be compared with the file."""
        raise OSError(f"{path} is changed")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module whose source is changed, and leaves all others to those after it."""

    def __init__(self, file: Path, source: str) -> None:
        name = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        self._loader = _Changed(name, str(ROOT / file), source)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load the module FULLNAME, or None."""
        del path, target
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self._loader.path, loader=self._loader
        )


@attrs.define
class _Trial:
    """Tests that run with a changed source in a process of their own."""

    mutant: Mutant
    stage: int
    end: float


def own_tests(file: Path) -> Path:
    """Return the test file of the source FILE."""
    inside = file.parts[1:] if file.parts[0] == "stream_core" else file.parts
    return Path("tests", *inside[:-1], f"test_{inside[-1]}")


def _start(file: Path, source: str, tests: Sequence[str], seconds: float, names: Path) -> int:
    """Begin TESTS with SOURCE in FILE's place; return the process; imported modules go to NAMES."""
    process = os.fork()
    if not process:
        _run(file, source, tests, seconds, names)
    return process


def _run(file: Path, source: str, tests: Sequence[str], seconds: float, names: Path) -> NoReturn:
    """Run TESTS in this process, and leave it: with 0 if none failed."""
    code = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        os.environ.update({"PYTHONDONTWRITEBYTECODE": "1", "CI": "1"})
        sys.dont_write_bytecode = True
        sys.meta_path.insert(0, _Finder(file, source))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
        options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, f"--timeout={seconds:.0f}", *tests]))
        names.write_text("\n".join(sys.modules), "utf-8")
    finally:
        os._exit(code)


def _ended(running: dict[int, _Trial]) -> Iterator[tuple[_Trial, bool]]:
    """Yield the trials that ended, or whose time is over, with whether the change was noticed."""
    for process, trial in list(running.items()):
        found, status = os.waitpid(process, os.WNOHANG)
        is_late = not found and time.monotonic() > trial.end
        if is_late:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
        if found or is_late:
            del running[process]
            yield trial, is_late or status != 0


def _unnoticed(
    file: Path, chosen: Sequence[Mutant], stages: Sequence[tuple[list[str], float]], jobs: int
) -> Iterator[tuple[Mutant, bool]]:
    """Yield each of CHOSEN, as it is tried, with whether a test noticed it."""
    waiting = deque((mutant, 0) for mutant in chosen)
    running: dict[int, _Trial] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant, stage = waiting.popleft()
            tests, seconds = stages[stage]
            process = _start(file, mutant.source, tests, seconds, Path(os.devnull))
            running[process] = _Trial(mutant, stage, time.monotonic() + seconds)
        for trial, noticed in _ended(running):
            if not noticed and trial.stage + 1 < len(stages):
                waiting.appendleft((trial.mutant, trial.stage + 1))
            else:
                yield trial.mutant, noticed
        time.sleep(_LOOK)


def _seconds(file: Path, tests: list[str]) -> float | None:
    """Return how long a mutant's TESTS may take; None if they fail without a change.

    What they imported of other people's modules is imported here, for the processes to come. They
    run once more after that: a mutant must not fail for what was imported.
    """
    with tempfile.TemporaryDirectory() as folder:
        names, begin = Path(folder, "names"), 0.0
        for _ in range(2):
            begin = time.monotonic()
            process = _start(file, (ROOT / file).read_text("utf-8"), tests, _LONGEST, names)
            if os.waitpid(process, 0)[1]:
                return None
            for name in names.read_text("utf-8").splitlines():
                if name.split(".")[0] not in _OURS:
                    with contextlib.suppress(ImportError):
                        importlib.import_module(name)
    return _TIMES * (time.monotonic() - begin) + _MORE


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of a file; return 1 if no test notices one that has no reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("file", type=Path, help="for example stream_core/sse.py")
    parser.add_argument("tests", nargs="*", help="tests for what its own tests do not notice")
    parser.add_argument("--most", type=int, default=None, help="try so many, chosen at random")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    parser.add_argument("--lines", default="", help="only those of these lines, like 10-20")
    given = parser.parse_args(arguments)
    os.chdir(ROOT)
    stages = []
    for tests in ([str(own_tests(given.file))], given.tests):
        if tests:
            seconds = _seconds(given.file, tests)
            if seconds is None:
                sys.stdout.write(f"{' '.join(tests)}: fails without any change\n")
                return 1
            stages.append((tests, seconds))
    found = list(mutants((ROOT / given.file).read_text("utf-8")))
    first, _, last = given.lines.partition("-")
    chosen = [m for m in found if not first or int(first) <= m.line <= int(last or first)]
    if given.most is not None and given.most < len(chosen):
        chosen = random.Random(1).sample(chosen, given.most)
    end = time.monotonic() + given.minutes * 60
    tried, left, unexplained = 0, 0, 0
    for mutant, noticed in _unnoticed(given.file, chosen, stages, given.jobs):
        tried += 1
        if not noticed:
            left += 1
            reason = reason_for(given.file, mutant)
            unexplained += reason is None
            _show(given.file, mutant, reason)
        if time.monotonic() > end:
            break
    sys.stdout.write(
        f"{given.file}: {tried} of {len(found)} mutants tried, {tried - left} noticed, "
        f"{left} not noticed, {unexplained} of them without a reason\n"
    )
    return min(unexplained, 1)


def _show(file: Path, mutant: Mutant, reason: str | None) -> None:
    """Print a mutant that no test notices, and why that is right, if REASON says so."""
    before, after = (text.splitlines()[0][:90] for text in (mutant.before, mutant.after))
    why = "NO REASON" if reason is None else reason
    sys.stdout.write(f"{file}:{mutant.line}: {mutant.place}: {before}  ->  {after}  ({why})\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
