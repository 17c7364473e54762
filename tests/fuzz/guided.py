"""Damaged streams, guided by the coverage of the library: ``python -m tests.fuzz.guided FOLDER``.

Rules of this file:

- atheris changes the streams of the corpus, and keeps those that reach new code. What must hold for
  each is in ``checks``.
- The first byte of an input says which dialect reads the rest.
- An input that fails is kept in FOLDER; given as another argument, it is read again.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["main"]

_DIALECTS = ("assistants", "responses", "chat", "auto")

#: Longer inputs teach nothing new.
_LONGEST = 1 << 14


def main() -> int:
    """Run for some minutes; atheris ends the process, with an error if an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("again", type=Path, nargs="*", help="inputs to read again")
    parser.add_argument("--minutes", type=float, default=1.0)
    given = parser.parse_args()
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.stdout.write("atheris is not installed: no stream was guided\n")
        return 0
    with atheris.instrument_imports(include=["stream_core"]):
        checks = import_module("tests.fuzz.checks")
        damage = import_module("tests.fuzz.damage")
        for name in ("assistants", "chat.dialect", "responses.dialect"):
            import_module(f"stream_core.dialects.{name}")
    tally = checks.Tally()

    def read(data: bytes) -> None:
        if data:
            dialect = _DIALECTS[data[0] % len(_DIALECTS)]
            checks.check(dialect, data[1:], tally, len(data))

    options = [
        f"-max_total_time={given.minutes * 60:.0f}",
        f"-max_len={_LONGEST}",
        "-timeout=20",
        f"-artifact_prefix={given.folder}/",
    ]
    inputs = list(map(str, given.again))
    if not inputs:
        corpus = given.folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, (dialect, data) in enumerate(damage.corpus()):
            (corpus / f"ours-{number}").write_bytes(bytes([_DIALECTS.index(dialect)]) + data)
        inputs = [str(corpus)]
    atheris.Setup([sys.argv[0], *options, *inputs], read)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
