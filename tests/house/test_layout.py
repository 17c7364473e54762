"""Each source module has its one test module, by name, and every other test file is argued here."""

from __future__ import annotations

import ast
from pathlib import Path

from tests import ROOT

PACKAGES = ("stream_core", "handlers")

#: Test files that belong to no one source file, and why.
EXTRA = {
    "test_benchmarks.py": "the benchmarks of tests/benchmarks, in small",
    "test_differential.py": "the same streams through openai-python's handler and ours",
    "test_end_to_end.py": "servers that nobody here wrote, one with a real model",
    "test_examples.py": "every example, run",
    "test_exports.py": "what is public",
    "test_faults.py": "the faults of the peers, each by name, done right",
    "test_import_time.py": "what importing loads",
    "test_interop.py": "official clients against LocalServer",
    "test_layers.py": "the import direction",
    "test_layout.py": "this map",
    "test_lookalikes.py": "servers that speak Assistants in a manner of their own",
    "test_migrating.py": "the snippets of docs/migrating.md",
    "test_packaging.py": "the wheel, installed",
    "test_readme.py": "the tables and snippets of the README",
    "test_recordings.py": "every recorded stream, whole and at any split",
    "test_same_callbacks.py": "one conversation on three wires, and docs/migrating.md's list",
    "test_stopping.py": "closing, aborting, cancelling and Ctrl-C, of a server that hangs",
    "test_wire_tables.py": "the tables of docs/responses-events.md",
}

#: Files in tests/ that are not tests.
HELPERS = {
    "__init__.py": "makes `from tests.x import y` work",
    "agents_client.py": "azure-ai-agents, made to speak to a server on loopback",
    "bursts.py": "streams that could deceive a fast path",
    "callback_logs.py": "both sides of the comparison with openai-python",
    "chat_frames.py": "chunks of the Chat Completions wire, and ways to decode them",
    "conftest.py": "options and fixtures for all",
    "conversations.py": "a server, a client and a thread, for tests of whole runs",
    "difference_rules.py": "how each difference shows in a log",
    "differences.py": "the table that docs/differences.md is printed from",
    "foreign_servers.py": "starts the servers of test_end_to_end.py",
    "lookalikes.py": "makes tests/recordings",
    "scripted_control.py": "what a stream can do about its run, as a test says",
    "scripted_server.py": "a server that answers what a test says",
    "responses_server.py": "a server of the Responses API with a memory, for threads",
    "responses_frames.py": "Responses streams, and what holds for what is made of them",
    "socket_peer.py": "a server made by hand, for what no well-behaved one would do",
    "support.py": "frames, transcripts and recording handlers for many tests",
    "three_wires.py": "the conversations of test_same_callbacks.py",
    "typing_usage.py": "typed usage: checked by mypy and pyright, never run",
}

#: Folders in tests/ whose files are not tests.
FOLDERS = {
    "benchmarks": "programs that measure, started by make bench",
    "servers": "what the servers of test_end_to_end.py say",
}


def defines_something(source: Path) -> bool:
    """Whether an ``__init__.py`` holds more than re-exports and the hooks that load names late."""
    body = ast.parse(source.read_text("utf-8")).body
    defined = [
        node.name
        for node in body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return bool(set(defined) - {"__getattr__", "__dir__"})


def source_files() -> list[Path]:
    """Every source file, relative to the root.

    A package's ``__init__.py`` counts only if it defines something: test_exports.py tests faces.
    """
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(
        path.relative_to(ROOT)
        for path in paths
        if path.name != "__init__.py" or defines_something(path)
    )


def name_of_test_file(source: Path) -> str:
    """The name of the one test file for SOURCE: stream_core/sse.py has test_sse.py.

    Only the package stream_core is left out of the name, so stream_core/text.py has test_text.py
    and handlers/text.py has test_handlers_text.py. A package's ``__init__.py`` goes by the
    package: stream_core/dialects/__init__.py has test_dialects.py.
    """
    parts = source.parent.parts if source.name == "__init__.py" else source.with_suffix("").parts
    return "_".join(("test", *(parts[1:] if parts[0] == "stream_core" else parts))) + ".py"


def test_every_source_file_has_its_test_file_and_nothing_else_is_in_tests() -> None:
    """Tests are flat, one for each source file, and the others are in the tables above."""
    expected = (
        {name_of_test_file(source) for source in source_files()} | EXTRA.keys() | HELPERS.keys()
    )
    actual = {
        path.relative_to(ROOT / "tests").as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if path.relative_to(ROOT / "tests").parts[0] not in FOLDERS
    }
    missing, unargued = sorted(expected - actual), sorted(actual - expected)
    assert ([], []) == (missing, unargued)


def test_no_two_source_files_share_a_test_file() -> None:
    """The map is one to one."""
    names = [name_of_test_file(source) for source in source_files()]
    assert len(set(names)) == len(names)
    assert not set(names) & (EXTRA.keys() | HELPERS.keys())


def test_the_map_is_by_name() -> None:
    """The name of a test file tells the source file."""
    assert "test_sse.py" == name_of_test_file(Path("stream_core/sse.py"))
    assert "test_testing_server.py" == name_of_test_file(Path("stream_core/testing/server.py"))
    assert "test_dialects_assistants.py" == name_of_test_file(
        Path("stream_core/dialects/assistants.py")
    )
    assert "test_text.py" == name_of_test_file(Path("stream_core/text.py"))
    assert "test_dialects.py" == name_of_test_file(Path("stream_core/dialects/__init__.py"))
    assert "test_handlers_text.py" == name_of_test_file(Path("handlers/text.py"))
