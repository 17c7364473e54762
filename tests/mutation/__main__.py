"""Run the tests of one source file against each of its mutants: ``make mutate FILE=...``.

The tests are the file's own (``tests/test_sse.py`` for ``stream_core/sse.py``), and those named
after it. Each mutant is tried in a process of its own, in which the changed source takes the place
of the file when it is imported: the file itself is never touched. A mutant that no test notices is
printed; so is the score.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests import ROOT
from tests.mutation.mutants import Mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

#: Loads the changed source in place of a module, then runs pytest. Its arguments: the module's
#: name, the file with the changed source, the file that it replaces, and pytest's.
_RUN = """
import importlib.abc, importlib.util, pathlib, sys
name, changed, file, *arguments = sys.argv[1:]
class Loader(importlib.abc.SourceLoader):
    def get_filename(self, _): return file
    def get_data(self, _): return pathlib.Path(changed).read_bytes()
    def path_stats(self, _): raise OSError
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, found, path, target=None):
        if found == name:
            return importlib.util.spec_from_loader(name, Loader(), origin=file)
sys.meta_path.insert(0, Finder())
import pytest
sys.exit(pytest.main(arguments))
"""

#: The most seconds for the tests without a change; and for how many times as long as those took,
#: and how many seconds more, a mutant may run: one that hangs is noticed, too.
_LONGEST, _TIMES, _MORE = 600.0, 5, 10


def own_tests(file: Path) -> Path:
    """Return the test file of the source FILE."""
    inside = file.parts[1:] if file.parts[0] == "stream_core" else file.parts
    return Path("tests", *inside[:-1], f"test_{inside[-1]}")


def is_noticed(file: Path, source: str, tests: Sequence[str], seconds: float) -> bool:
    """Return whether TESTS fail, or take longer than SECONDS, if SOURCE takes the place of FILE."""
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder, file.name)
        changed.write_text(source, "utf-8")
        name = ".".join(file.with_suffix("").parts)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += [f"--timeout={seconds:.0f}", "-p", "no:randomly", *tests]
        command = [sys.executable, "-c", _RUN, name, str(changed), str(ROOT / file), *options]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of a file; return 1 if there is one that no test notices."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("file", type=Path, help="for example stream_core/sse.py")
    parser.add_argument("tests", nargs="*", help="more test files")
    parser.add_argument("--most", type=int, default=None, help="try so many, chosen at random")
    parser.add_argument("--minutes", type=float, default=60.0)
    given = parser.parse_args(arguments)
    tests = [str(own_tests(given.file)), *given.tests]
    source = (ROOT / given.file).read_text("utf-8")
    begin = time.monotonic()
    if is_noticed(given.file, source, tests, _LONGEST):
        sys.stdout.write("the tests fail without any change\n")
        return 1
    seconds = _TIMES * (time.monotonic() - begin) + _MORE
    found = list(mutants(source))
    chosen = found if given.most is None else random.Random(1).sample(found, given.most)
    end = time.monotonic() + given.minutes * 60
    tried, left = 0, []
    for mutant in chosen:
        if time.monotonic() > end:
            break
        tried += 1
        if not is_noticed(given.file, mutant.source, tests, seconds):
            left.append(mutant)
            _show(given.file, mutant)
    sys.stdout.write(
        f"{given.file}: {tried} of {len(found)} mutants tried, {len(left)} not noticed\n"
    )
    return min(len(left), 1)


def _show(file: Path, mutant: Mutant) -> None:
    """Print a mutant that no test notices."""
    before, after = (text.splitlines()[0][:90] for text in (mutant.before, mutant.after))
    sys.stdout.write(f"{file}:{mutant.line}: {before}  ->  {after}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
