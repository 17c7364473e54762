"""The tests on every interpreter that this machine has, and the checks, each in its own place.

``make nox`` runs the sessions ``tests``, ``tests_speed`` and ``tests_slow_path``; ``nox -s lint
types`` and ``nox -s lowest newest`` the others. An interpreter that is missing is skipped and
named. Arguments after ``--`` go to pytest.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")

nox.options.sessions = ["tests", "tests_speed", "tests_slow_path"]
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"


def add_pyenv_to_path() -> None:
    """Let pyenv's interpreters be found, also those that are not pyenv's current ones.

    pyenv puts a shim for each interpreter on the PATH, but a shim of a version that is not
    switched on only prints an error; the real ones are put before them.
    """
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [
        str(directory)
        for version in PYTHONS
        for directory in sorted(root.glob(f"versions/{version}.*/bin"), reverse=True)
    ]
    # Behind what the user put first, but before the shims.
    before = [entry for entry in os.environ["PATH"].split(os.pathsep) if entry]
    shims = str(root / "shims")
    at = before.index(shims) if shims in before else len(before)
    os.environ["PATH"] = os.pathsep.join([*before[:at], *found, *before[at:]])


add_pyenv_to_path()


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests as `make test` does, without the checkers and the coverage."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def tests_speed(session: nox.Session) -> None:
    """Run the tests with the faster JSON parser: the results must be the same."""
    session.install("--editable", ".[dev,speed]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def tests_slow_path(session: nox.Session) -> None:
    """Run the tests with every fast path switched off: the results must be the same."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "pytest", *session.posargs, env={"UNTIL_DONE_FAST": "0"})


#: The tests that need the library, its extras, and these tools, but no servers and no checkers.
TEST_TOOLS = (
    "azure-ai-agents",
    "hypothesis",
    "jsonschema",
    "openai",
    "pytest",
    "pytest-timeout",
)
BOUNDED = (
    "tests/testing",
    "tests/http",
    "tests/client",
    "tests/streams",
    "tests/decoding",
    "tests/convert",
    "tests/handlers",
    "tests/tools",
)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest versions that setup.cfg allows: the bounds must be true."""
    session.install("uv>=0.5")
    here = f"--python={session.virtualenv.location}"
    wanted = ("--resolution=lowest-direct", "--editable", ".[testing,tools,speed]")
    session.run("uv", "pip", "install", here, "--reinstall", *wanted)
    # The tests' own tools may be new; what is installed already stays as it is.
    session.run("uv", "pip", "install", here, *TEST_TOOLS)
    session.run("uv", "pip", "list", here)
    session.run("python", "-m", "pytest", *(session.posargs or BOUNDED))


@nox.session(python=PYTHONS[-1])
def newest(session: nox.Session) -> None:
    """Run the same tests with the newest versions there are, pre-releases too."""
    session.install("--pre", "--upgrade", "--editable", ".[testing,tools,speed]", *TEST_TOOLS)
    session.run("python", "-m", "pip", "list")
    session.run("python", "-m", "pytest", *(session.posargs or BOUNDED))


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Check the rules and the formatting."""
    session.install("--editable", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=PYTHONS[0])
def types(session: nox.Session) -> None:
    """Check the types with both checkers."""
    session.install("--editable", ".[dev]")
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})
