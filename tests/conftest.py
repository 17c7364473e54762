"""What all tests share: where the recorded streams lie, a server, and how hypothesis runs.

The recordings are other people's: they are read where they lie, and a test that needs them is
skipped where they are absent.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.testing import LocalServer


# A shell that starts the tests in the background lets them, and the programs that they start,
# ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: how long one example takes says something about the machine, not about the code.
# `pytest --hypothesis-profile=thorough` tries far more examples than there is time for each time.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=2000)
# The same examples at every run, so that a change fails for what it changed.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--wire``, ``--cases`` and ``--servers``."""
    parser.addoption(
        "--wire",
        type=Path,
        default=ROOT.parent / "shared" / "wire",
        metavar="DIR",
        help="folder of recorded streams, with an INDEX.tsv (default: %(default)s)",
    )
    parser.addoption(
        "--cases",
        type=Path,
        default=ROOT.parent / "shared" / "cases",
        metavar="DIR",
        help="folder of streams with right values in an INDEX.json (default: %(default)s)",
    )
    parser.addoption(
        "--servers",
        type=Path,
        default=ROOT / ".venv",
        metavar="DIR",
        help="where make has put the servers of test_end_to_end.py (default: %(default)s)",
    )


def pytest_collection_finish() -> None:
    """Keep the thousands of tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def wire(pytestconfig: pytest.Config) -> Path:
    """The folder of recorded streams; skips where there is none."""
    folder = pytestconfig.getoption("--wire")
    assert isinstance(folder, Path)
    if not (folder / "INDEX.tsv").is_file():
        pytest.skip(f"no recorded streams in {folder} (say where they are with --wire DIR)")
    return folder


@pytest.fixture(scope="session")
def cases(pytestconfig: pytest.Config) -> Path:
    """The folder of streams with right values; skips where there is none."""
    folder = pytestconfig.getoption("--cases")
    assert isinstance(folder, Path)
    if not (folder / "INDEX.json").is_file():
        pytest.skip(f"no streams with right values in {folder} (say where they are: --cases DIR)")
    return folder


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server with the default responder, that takes any key, and none."""
    from stream_core.testing import LocalServer  # most tests need no web framework

    with LocalServer() as running:
        yield running
