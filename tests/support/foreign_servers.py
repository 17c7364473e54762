"""Starts the foreign servers of tests/whole/test_end_to_end.py.

Rules of this file:

- Each runs in a process of its own, on loopback, in a folder of its own, and ends with the test
  session.
- If one is not installed, the tests are skipped with the command that installs it; if it is
  installed and does not start, they fail with what it printed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRIPTS = ROOT / "tests" / "servers"

#: Seconds to start; each server needs one to three on an idle machine.
STARTING = 60.0
ENDING = 10.0

#: The line in which each announces its address, up to its end: so no half of a port is read.
READY = re.compile(r"(?im)(?:^|listening on |running on )(http://127\.0\.0\.1:\d+)\D")


@contextmanager
def running(command: Sequence[str | Path], folder: Path, **variables: str) -> Iterator[str]:
    """Run a server.

    Args:
        command: The command that starts it. It prints its address when it is ready.
        folder: The working directory, in which it may keep files.
        variables: Added to its environment.

    Yields:
        Its address.
    """
    printed = folder / "printed.txt"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    with process:
        try:
            yield _address(process, printed)
        finally:
            process.terminate()
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[bytes], printed: Path) -> str:
    """Wait until the server has printed its address."""
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline and process.poll() is None:
        found = READY.search(printed.read_text("utf-8", "replace"))
        if found:
            return found[1]
        time.sleep(0.02)
    what = f"ended with {process.returncode}" if process.poll() is not None else "is silent"
    pytest.fail(f"{process.args!r} {what}:\n{printed.read_text('utf-8', 'replace')[-2000:]}")


def _installed(path: Path, stamp: str) -> Path:
    """Return PATH; skip the test if it is missing."""
    if not path.exists():
        pytest.skip(f"no {path}: `make .venv/{stamp}` installs it, --servers DIR says where it is")
    return path


def language_model(folder: Path) -> Iterator[str]:
    """Yield the address of llama.cpp's server, with a real model."""
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed here: `make .venv/for-llm` puts it into .venv")
    command: list[str | Path] = [sys.executable, ROOT / "examples" / "llm_server.py"]
    with running(command, folder) as address:
        yield address


def agentserver(servers: Path, folder: Path) -> Iterator[str]:
    """Yield the address of Microsoft's Responses server, with a scripted agent."""
    python = _installed(servers / "servers" / "bin" / "python", "for-servers")
    command: list[str | Path] = [python, SCRIPTS / "agentserver.py", str(_free_port())]
    with running(command, folder, AGENTSERVER_STATE_ROOT=str(folder)) as address:
        yield address


def aimock(servers: Path, folder: Path) -> Iterator[str]:
    """Yield the address of CopilotKit's mock of many APIs, with scripted answers."""
    program = _installed(servers / "aimock" / "node_modules" / ".bin" / "llmock", "for-aimock")
    options = "--port", "0", "--chunk-size", "8", "--validate-on-load"
    with running([program, "--fixtures", SCRIPTS / "aimock.json", *options], folder) as address:
        yield address


def fakeai(servers: Path, folder: Path) -> Iterator[str]:
    """Yield the address of a mock of OpenAI's API that has Assistants."""
    program = _installed(servers / "servers" / "bin" / "fakeai", "for-servers")
    options = "--host", "127.0.0.1", "--port", str(_free_port())
    with running([program, "server", *options], folder) as address:
        yield address


def _free_port() -> int:
    """Return a port that is free now, for a server that cannot choose one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
