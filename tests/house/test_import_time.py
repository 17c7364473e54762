"""What ``import stream_core, handlers`` loads, by the interpreter's own account.

The list of loaded modules is checked, not the time: that depends on the machine.
"""

from __future__ import annotations

import subprocess
import sys

from tests import ROOT

#: Each is a large part of what importing requests costs, or is costly by itself.
COSTLY = {"aiohttp", "asyncio", "cattrs", "http.client", "orjson", "requests", "ssl", "urllib3"}


def imports_of(statement: str) -> list[str]:
    """The modules that STATEMENT loads, from ``python -X importtime``."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    # import time:   self [us] | cumulative | imported package
    return [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]


def test_import_loads_nothing_costly() -> None:
    """Whoever replays a recording pays neither for HTTP nor for the converter."""
    loaded = imports_of("import stream_core, handlers")
    assert {"stream_core", "handlers"} <= set(loaded)
    assert set() == COSTLY & set(loaded)


def test_the_interpreter_does_name_what_is_costly() -> None:
    """The account is complete: a module that is loaded is named in it."""
    assert {"ssl", "http.client"} <= set(imports_of("import http.client"))
