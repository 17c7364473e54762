"""The command line: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pytest
import requests

from stream_core.testing import LocalServer, __main__
from stream_core.testing.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit status is 0."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert 0 == caught.value.code
    for option in ("--port", "--recording", "--pace", "--chunk-size", "--api-key"):
        assert option in text


class Stop(threading.Event):
    """Does something while the server serves, instead of waiting."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        self._meanwhile()
        return True


def test_it_serves_until_it_is_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Base URL, what to export, and a URL for each recording are printed."""
    file = tmp_path / "run.sse"
    file.write_bytes(b"event: done\ndata: [DONE]\n\n")
    checked = []

    def check() -> None:
        serving, export, recording = capsys.readouterr().out.splitlines()
        base_url = serving.split()[2]
        assert f"export OPENAI_BASE_URL={base_url} OPENAI_API_KEY=k" == export
        name, _, url = recording.partition(": ")
        assert str(file) == name
        assert file.read_bytes() == requests.get(url, timeout=10).content
        assert 401 == requests.get(f"{base_url}/assistants", timeout=10).status_code
        checked.append(base_url)

    arguments = ["--recording", str(file), "--pace", "0.001", "--chunk-size", "20"]
    assert 0 == main([*arguments, "--api-key", "k"], Stop(check))
    with pytest.raises(requests.ConnectionError):
        requests.get(checked[0], timeout=10)


def test_ctrl_c_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback, with exit status 0."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert 0 == main([], Stop(interrupt))
    out = capsys.readouterr().out
    assert "OPENAI_API_KEY=any" in out
    assert out.endswith("Stopped.\n")


def test_the_file_is_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as such, it exits with the status of `main`."""
    monkeypatch.setattr(sys, "argv", ["serve", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(__main__.__file__, run_name="__main__")
    assert 0 == caught.value.code


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--port", "70000"],
            "--port takes a port from 0 to 65535 (0 takes a free one), not 70000",
        ),
        (["--port", "-1"], "--port takes a port"),
        (["--port", "x"], "argument --port: invalid int value: 'x'"),
        (["--pace", "-1"], "--pace takes a number of seconds, 0 or more, not -1.0"),
        (["--pace", "nan"], "--pace takes a number of seconds"),
        (["--pace", "inf"], "--pace takes a number of seconds"),
        (["--chunk-size", "0"], "--chunk-size takes a whole number, 1 or more"),
        (["--chunk-size", "1.5"], "argument --chunk-size: invalid int value"),
        (["--api-key", ""], "--api-key takes a key on one line"),
        (["--recording", "no.sse"], "no.sse: cannot read the recording (No such file"),
        (["--recording", "."], ".: cannot read the recording (Is a directory)"),
        (["--recording", __file__], "is not a recorded event stream"),
        (["--recording", "/dev/null"], "is not a recorded event stream (it is empty)"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_what_cannot_be_served_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to give instead, before anything is served."""
    with pytest.raises(SystemExit) as caught:
        main(arguments, Stop(pytest.fail))
    out, err = capsys.readouterr()
    assert (2, "") == (caught.value.code, out)
    assert "python -m stream_core.testing: error: " in err
    assert said in err
    assert "Traceback" not in err


def test_a_port_in_use_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence speaks of the option, not of the API."""
    with LocalServer() as server, pytest.raises(SystemExit) as caught:
        main(["--port", str(server.port)])
    assert 2 == caught.value.code
    err = capsys.readouterr().err
    assert err.startswith("python -m stream_core.testing: error: LocalServer cannot listen on")
    assert "address already in use; pass --port 0 for a free port" in err


def test_a_missing_extra_is_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in ("connections", "server"):
        monkeypatch.delitem(sys.modules, f"stream_core.testing.{name}")
    with pytest.raises(SystemExit) as caught:
        main([])
    assert 2 == caught.value.code
    assert 'pip install "until-done[testing]"' in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a source tree that is not installed there is none."""

    def no_version(name: str) -> str:
        raise PackageNotFoundError(name)

    for expected in (f"until-done {version('until-done')}", "until-done (not installed)"):
        with pytest.raises(SystemExit) as caught:
            main(["--version"])
        assert 0 == caught.value.code
        assert f"{expected}\n" == capsys.readouterr().out
        monkeypatch.setattr(__main__, "version", no_version)
