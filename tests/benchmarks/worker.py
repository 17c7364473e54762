"""One contestant in a process of its own, asked over pipes: so none shares a heap or an option.

The process says first that it is ready, or why it cannot run; then it answers questions, one JSON
line each, until its input ends. ``python -m tests.benchmarks.worker KEY``.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module, metadata
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

from tests import ROOT
from tests.benchmarks.contestants import NODE, Contestant, by_key
from tests.benchmarks.streams import Case, make_case
from tests.benchmarks.tally import Measurement, Runner

__all__ = ["Worker", "load", "measure", "read", "write"]


def load(contestant: Contestant) -> Runner:
    """Import CONTESTANT's runner.

    Raises:
        ImportError: A library that it measures is missing.
    """
    module, _, function = contestant.runner.partition(":")
    runner: Runner = getattr(import_module(f"tests.benchmarks.{module}"), function)
    return runner


def measure(
    runner: Runner, wire: str, streams: Sequence[Sequence[bytes]], loops: int
) -> Measurement:
    """Do STREAMS LOOPS times; return the CPU seconds and what was done."""
    streams = [*streams] * loops
    gc.collect()
    gc.freeze()  # the streams are not the contestant's: the collector need not look at them
    start = time.process_time()
    tally = runner(wire, streams)
    seconds = time.process_time() - start
    gc.unfreeze()
    return {
        "seconds": seconds,
        "deltas": tally.deltas,
        "done": tally.done,
        "digest": tally.digest,
    }


class Worker:
    """The process of one contestant, seen from the one who asks.

    Args:
        contestant: Whom to start.
        node_modules: The folder in which npm installed openai.

    Attributes:
        missing: Why it cannot be measured, or None.
        versions: Package to version.
    """

    def __init__(self, contestant: Contestant, node_modules: Path) -> None:
        self.contestant = contestant
        self.missing: str | None = None
        self.versions: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        command = [sys.executable, "-m", "tests.benchmarks.worker", contestant.key]
        if contestant.key == NODE:
            script = Path(__file__).with_name("node") / "bench.mjs"
            command = ["node", str(script), str(node_modules)]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **contestant.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if contestant.key != NODE else subprocess.DEVNULL,
                text=True,
            )
            hello = self._answer()
        except (OSError, EOFError) as error:
            self.missing = _why_no_node() if contestant.key == NODE else str(error)
            return
        self.missing = hello.get("missing")
        self.versions = hello.get("versions", {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, case: Case, loops: int, files: Path) -> Measurement:
        """Measure CASE once; FILES is the folder where :func:`write` has written its streams.

        Raises:
            EOFError: The process ended.
        """
        question = {"wire": case.wire, "file": str(_file(case, files)), "loops": loops}
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()

    def _answer(self) -> Measurement:
        """Return the process's next line.

        Raises:
            EOFError: There is none.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the process of {self.contestant.key} ended; its error is above")
        answer: Measurement = json.loads(line)
        return answer


def _why_no_node() -> str:
    """Say what is missing for openai-node."""
    return "node is not installed, or openai could not be installed from npm"


def _file(case: Case, folder: Path) -> Path:
    """Return the file for CASE's streams; beside it is one with the length of each chunk."""
    return folder / f"{case.wire}-{case.name}.sse"


def write(case: Case, folder: Path) -> None:
    """Write the streams of CASE, so that all processes read the same bytes and keep none."""
    file = _file(case, folder)
    file.write_bytes(b"".join(b"".join(chunks) for chunks in case.streams))
    lengths = [[len(chunk) for chunk in chunks] for chunks in case.streams]
    file.with_suffix(".json").write_text(json.dumps(lengths), "utf-8")


def read(file: Path) -> list[list[bytes]]:
    """Return the streams that :func:`write` has written to FILE."""
    whole = file.read_bytes()
    lengths = json.loads(file.with_suffix(".json").read_text("utf-8"))
    ends = accumulate(length for chunks in lengths for length in chunks)
    return [
        [whole[end - length : end] for length, end in zip(x, ends, strict=False)] for x in lengths
    ]


# --- Inside the process -----------------------------------------------------------------


def _hello(contestant: Contestant) -> dict[str, Any]:
    """Say what this process measures."""
    versions = {}
    for package in contestant.packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"ready": True, "versions": versions}


def _main() -> None:
    """Answer questions until there are no more."""
    contestant = by_key(sys.argv[1])
    try:
        runner = load(contestant)
        for wire in contestant.wires:
            runner(wire, make_case(wire, "S").streams)
    except ImportError as error:
        _print({"missing": f"{error.name or error} is not installed"})
        return
    wants = contestant.wants_orjson
    if wants is not None and wants != ("orjson" in sys.modules):
        _print({"missing": "it does not load orjson" if wants else "it loads orjson"})
        return
    _print(_hello(contestant))
    for line in sys.stdin:
        question = json.loads(line)
        streams = read(Path(question["file"]))
        _print(measure(runner, question["wire"], streams, question["loops"]))


def _print(answer: dict[str, Any]) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
