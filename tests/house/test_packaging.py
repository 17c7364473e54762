"""The wheel: what is in it, and that an example runs from it in a fresh environment.

This is what users get, where an editable install only shows that the sources are in order.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

import pytest

from tests import ROOT

#: A stream as small as one can be, of our own making.
RECORDING = """\
event: thread.message.created
data: {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": []}

event: thread.message.delta
data: {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [\
{"index": 0, "type": "text", "text": {"value": "Played from a wheel."}}]}}

event: thread.run.completed
data: {"id": "run_1", "object": "thread.run", "status": "completed"}

event: done
data: [DONE]

"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run COMMAND away from the sources and return what it prints; a failure shows it all."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept,
        check=False,
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves folders behind, and reads those it finds."""
    folder = tmp_path_factory.mktemp("wheel")
    made = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "source", ignore=made)
    # Without isolation, because setuptools is here already: nothing is downloaded for the build.
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, "source",
        cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel, cwd=folder)
    return python


def test_the_wheel_holds_both_packages_and_their_type_markers(wheel: Path) -> None:
    """Every source file and each py.typed is in the wheel, and nothing else but its metadata."""
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("stream_core", "handlers")
        for path in (ROOT / package).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            name
            for name in archive.namelist()
            if not PurePosixPath(name).parts[0].endswith(".dist-info")
        }
    assert {"stream_core/py.typed", "handlers/py.typed"} <= packed
    assert sources == packed


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    """The core needs four libraries; the extras are the ones that the README names."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode())
        licenses = [name for name in archive.namelist() if PurePosixPath(name).name == "LICENSE"]
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert "until-done" == metadata["Name"]
    assert ">=3.11" == metadata["Requires-Python"]
    assert ["attrs", "cattrs", "requests", "urllib3"] == sorted(x.split(">")[0] for x in needed)
    assert {"testing", "tools", "speed", "bench", "dev"} == set(
        metadata.get_all("Provides-Extra", [])
    )
    assert 1 == len(licenses)


def test_an_example_runs_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    """Replaying a recording needs the wheel and nothing of this repository."""
    where = "import stream_core, handlers; print(stream_core.__file__, handlers.__file__)"
    for file in run(installed, "-c", where, cwd=tmp_path).split():
        assert Path(file).is_relative_to(installed.parents[1])
    shutil.copy(ROOT / "examples" / "replay.py", tmp_path)
    (tmp_path / "run.sse").write_text(RECORDING, "utf-8")
    assert "Played from a wheel." in run(installed, "replay.py", "run.sse", cwd=tmp_path)


def test_the_extras_are_not_installed_with_the_core(installed: Path, tmp_path: Path) -> None:
    """Who installs the core gets neither a server nor a second JSON parser."""
    script = (
        "from importlib.util import find_spec; "
        "print(*(name for name in ('aiohttp', 'orjson', 'pytest') if find_spec(name)))"
    )
    assert "" == run(installed, "-c", script, cwd=tmp_path).strip()
