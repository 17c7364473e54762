"""The command line: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from stream_core.testing.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit status is 0."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert 0 == caught.value.code
    for option in ("--port", "--recording", "--pace", "--chunk-size", "--api-key"):
        assert option in text


def test_it_serves_until_it_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Base URL, what to export, and a URL for each recording are printed."""
    file = tmp_path / "run.sse"
    file.write_bytes(b"event: done\ndata: [DONE]\n\n")
    stop = threading.Event()
    arguments = ["--recording", str(file), "--pace", "0.001", "--chunk-size", "20"]
    serving = threading.Thread(target=main, args=([*arguments, "--api-key", "k"], stop))
    serving.start()
    try:
        lines: list[str] = []
        while len(lines) < 3:
            lines += capsys.readouterr().out.splitlines()
        base_url = lines[0].split()[2]
        assert f"export OPENAI_BASE_URL={base_url} OPENAI_API_KEY=k" == lines[1]
        name, _, url = lines[2].partition(": ")
        assert str(file) == name
        assert file.read_bytes() == requests.get(url, timeout=10).content
        assert 401 == requests.get(f"{base_url}/assistants", timeout=10).status_code
    finally:
        stop.set()
        serving.join()


def test_ctrl_c_ends_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback, with exit status 0."""

    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise KeyboardInterrupt

    assert 0 == main([], Interrupted())
    out = capsys.readouterr().out
    assert "OPENAI_API_KEY=any" in out
    assert out.endswith("Stopped.\n")


def test_python_m_runs_it() -> None:
    """As a process of its own, which SIGINT ends."""
    command = [sys.executable, "-m", "stream_core.testing"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Serving at http://127.0.0.1:")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "Stopped.\n" == process.stdout.read()
    assert 0 == process.returncode
