"""Every example is run by its own interpreter, as a reader would, and its output compared."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stream_core import RunStepToolCallDone, Stream, ThreadRunCompleted, models
from stream_core.testing import LocalServer
from tests import ROOT

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

EXAMPLES = ROOT / "examples"
RECORDING = EXAMPLES / "run.sse"
MOST_LINES = 40

#: The text of the recording, with bars between its pieces.
PARTED = (
    "The| number|s| from| 1| to| 100| add| up| to| 5050.|"
    "\nPair| the| ends:| 1| +| 100| =| 101,| and| fifty| such| pairs| are| 50| ×| 101."
)
PIECES = PARTED.split("|")
SAID = "".join(PIECES)


def _lines(of: str, *names: str) -> list[str]:
    """Return a line for each event of a thread, run, step or message."""
    return [f"{of}.{name}\n" for name in names]


#: The output of each example, with PORT in place of a port's number.
OUTPUTS = {
    "match_events.py": (
        f"A run of gpt-4o began.\nIt ran: print(sum(range(1, 101)))\n{SAID}\nIt took 77 tokens.\n"
    ),
    "print_text.py": "You said: Good morning!\n[run completed]\n",
    "quickstart.py": (
        "[http://127.0.0.1:PORT/v1]\n"
        "You ask: What is the weather in Lisbon?\n"
        '[calls get_weather {"city": "Lisbon"}]\n'
        "get_weather says: 21 °C and sunny\n"
        "[run completed; the second handler kept: 'get_weather says: 21 °C and sunny']\n"
    ),
    "read_text.py": "{said}\n1: {0}\n2: {1}\n".format(*SAID.splitlines(), said=SAID),
    "replay.py": f"{SAID}\n[run completed]\n",
    "scanner.py": "".join(
        (
            *_lines("thread.run", "created", "queued", "in_progress"),
            *_lines("thread.run.step", "created", "in_progress"),
            *["  tools ['code_interpreter']\n"] * 7,
            *_lines("thread.run.step", "completed", "created", "in_progress"),
            *_lines("thread.message", "created", "in_progress"),
            *[f"  text  {piece!r}\n" for piece in PIECES],
            *_lines("thread.message", "completed"),
            *_lines("thread.run.step", "completed"),
            *_lines("thread.run", "completed"),
            "done\n",
        )
    ),
    "tool_calls.py": (
        'get_tides {"port": "Porto"}\n'
        'get_wind {"port": "Porto"}\n'
        "get_tides says: high water at Porto is at 04:10 and 16:35. "
        "get_wind says: at Porto it blows from the north-west.\n"
    ),
    "tools.py": "get_temperature says: 17 °C in Porto get_rain_probability says: 0.06\n",
    "two_handlers.py": f"{SAID}\n[26 words in {len(PIECES)} pieces]\n",
}

#: Files of the example that needs a language model; tests/whole/test_end_to_end.py runs it.
WITH_A_MODEL = ("llm.py", "llm_server.py", "llm.txt")


def run_example(
    name: str, *arguments: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run an example outside the sources, without the user's settings, with warnings as errors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=tempfile.gettempdir(),
        env={**kept, **environment, **variables},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_example_prints_its_expected_output(name: str) -> None:
    """It ends well, prints exactly that, without colours, and nothing on standard error."""
    done = run_example(name)
    assert (0, "") == (done.returncode, done.stderr)
    assert OUTPUTS[name] == re.sub(r"(?<=127\.0\.0\.1:)\d+", "PORT", done.stdout)


def test_every_example_is_run_here() -> None:
    """There is an expected output for each script, and no other file except the recording."""
    assert sorted([*OUTPUTS, *WITH_A_MODEL, RECORDING.name]) == sorted(
        path.name for path in EXAMPLES.iterdir() if path.name != "__pycache__"
    )


@pytest.mark.parametrize("name", [*OUTPUTS, *WITH_A_MODEL[:2]])
def test_an_example_fits_on_a_screen_and_has_a_docstring(name: str) -> None:
    """It has at most forty lines, the docstring first."""
    source = (EXAMPLES / name).read_text("utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(source))


def test_the_example_with_tools_is_the_shorter_one() -> None:
    """Tool rounds that take nearly forty lines by hand take fewer than twenty-five."""
    by_hand, with_tools = (
        len((EXAMPLES / name).read_text("utf-8").splitlines())
        for name in ("tool_calls.py", "tools.py")
    )
    assert with_tools < 25 < by_hand


def test_the_quickstart_runs_against_the_server_that_the_environment_names() -> None:
    """It uses OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL, and deletes its assistant."""
    with LocalServer(api_key="k-1") as server:
        done = run_example(
            "quickstart.py",
            OPENAI_BASE_URL=server.base_url,
            OPENAI_API_KEY="k-1",
            OPENAI_MODEL="model-1",
        )
        assert (0, "") == (done.returncode, done.stderr)
        assert done.stdout.startswith(f"[{server.base_url}]\n")
        assert "21 °C and sunny" in done.stdout
        first, *_, submitted, last = server.requests
    assert ("/v1/assistants", "model-1") == (first.path, (first.json or {})["model"])
    assert submitted.path.endswith("/submit_tool_outputs")
    assert "DELETE" == last.method


@pytest.fixture
def cut_recording(tmp_path: Path) -> Path:
    """Return the first half of the recording, which breaks off in the middle of the answer."""
    path = tmp_path / "cut.sse"
    data = RECORDING.read_bytes()
    path.write_bytes(data[: data.index(b'" up"')])
    return path


def test_the_scanner_reports_why_a_stream_stopped(cut_recording: Path) -> None:
    """The text before the cut is printed; then the reason, and status 1."""
    done = run_example("scanner.py", cut_recording)
    assert (1, "") == (done.returncode, done.stderr)
    *_, last, reason = done.stdout.splitlines()
    assert "  text  ' add'" == last
    assert reason.startswith("failed: the stream ended after thread.message.delta, before the run")


def test_a_replay_of_a_cut_stream_prints_its_text_and_then_the_error(cut_recording: Path) -> None:
    """The text before the cut is on standard output, the reason on standard error."""
    done = run_example("replay.py", cut_recording)
    assert 1 == done.returncode
    assert "The numbers from 1 to 100 add" == done.stdout.strip()
    assert done.stderr.startswith(f"{cut_recording}: the stream ended after thread.message.delta")


def test_the_recording_holds_a_whole_run() -> None:
    """It has a code interpreter step and one message, whose deltas are its text, not only ASCII."""
    with Stream(RECORDING.open("rb")) as stream:
        events = list(stream)
        (message,) = stream.get_final_messages()
    assert "completed" == next(
        event.data.status for event in events if isinstance(event, ThreadRunCompleted)
    )
    assert 1 == sum(isinstance(event, RunStepToolCallDone) for event in events)
    (part,) = message.content
    assert isinstance(part, models.TextContentBlock)
    assert SAID == part.text.value
    assert PIECES == list(Stream(RECORDING.open("rb")).text_deltas)
    assert not SAID.isascii()
