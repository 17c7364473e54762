"""Each source module has its one test module, by path, and every other test file is argued here."""

from __future__ import annotations

import ast
from pathlib import Path

from tests import ROOT

PACKAGES = ("stream_core", "handlers")

#: Test files that belong to no one source file, and why.
EXTRA = {
    "convert/test_needed_fields.py": "the fields that must be right: the table in docs/errors.md",
    "house/test_documents.py": "the snippets, tables, links and names of every page",
    "house/test_exports.py": "what is public",
    "house/test_import_time.py": "what importing loads",
    "house/test_layers.py": "the import direction",
    "house/test_layout.py": "this map",
    "house/test_packaging.py": "the wheel, installed",
    "whole/test_assistants_manners.py": "what Assistants servers really send, with neighbours",
    "whole/test_benchmarks.py": "the benchmarks of tests/benchmarks, in small",
    "whole/test_cases.py": "streams of a manner of their own, each with what must become of it",
    "whole/test_chat_endings.py": "every manner in which Chat streams end, and its neighbours",
    "whole/test_chat_manners.py": "every manner of Chat texts and calls, and its neighbours",
    "whole/test_differential.py": "the same streams through openai-python's handler and ours",
    "whole/test_dropping.py": "streams that are dropped half read, and what they hold",
    "whole/test_end_to_end.py": "servers that nobody here wrote, one with a real model",
    "whole/test_examples.py": "every example, run",
    "whole/test_faults.py": "the faults of the peers, each by name, done right",
    "whole/test_fuzz.py": "the damaged streams of tests/fuzz, for a few seconds",
    "whole/test_fuzz_paths.py": "both paths of tests/fuzz/paths.py, for a few hundred streams",
    "whole/test_interop.py": "official clients against LocalServer",
    "whole/test_linear.py": "four times as much of anything is four times the work",
    "whole/test_lookalikes.py": "servers that speak Assistants in a manner of their own",
    "whole/test_mutation.py": "the mutants that tests/mutation makes",
    "whole/test_nesting.py": "the limit for nested JSON, wherever JSON comes in",
    "whole/test_recovery_everywhere.py": "runs that are cut anywhere, beside the same run uncut",
    "whole/test_recovery_trust.py": "what recovery does when nothing can be trusted, over HTTP",
    "whole/test_recordings.py": "every recorded stream, whole and at any split",
    "whole/test_responses_manners.py": "what Responses servers really send, with neighbours",
    "whole/test_requests_trust.py": "deadlines, ids of all kinds, and misuse, over real sockets",
    "whole/test_same_callbacks.py": "one conversation on three wires, and docs/migrating.md's list",
    "whole/test_secrets.py": "one secret in each place, each failure, all texts searched",
    "whole/test_socket_faults.py": "the table of docs/reliability.md, over real sockets",
    "whole/test_soak.py": "the soak of tests/soak, in small",
    "whole/test_stopping.py": "closing, aborting, cancelling and Ctrl-C, of a server that hangs",
    "whole/test_texts_and_calls.py": "texts and calls in pieces, on every wire",
    "whole/test_threads.py": "closing, aborting, cancelling and reading from other threads",
    "whole/test_wire_tables.py": "the tables of docs/responses-events.md",
}

#: Files in tests/ that are not tests.
HELPERS = {
    "conftest.py": "options and fixtures for all",
    "support/agents_client.py": "azure-ai-agents, made to speak to a server on loopback",
    "support/bursts.py": "streams that could deceive a fast path",
    "support/callback_logs.py": "both sides of the comparison with openai-python",
    "support/chat_checks.py": "reads a Chat stream in every way, and compares",
    "support/chat_frames.py": "chunks of the Chat Completions wire, and ways to decode them",
    "support/conversations.py": "a server, a client and a thread, for tests of whole runs",
    "support/cut_runs.py": "plays a run whose connection is lost anywhere",
    "support/cut_takes.py": "the runs that are cut",
    "support/cuts.py": "python -m tests.support.cuts: cuts them at every byte",
    "support/difference_rules.py": "how each difference shows in a log",
    "support/differences.py": "the table that docs/differences.md is printed from",
    "support/documents.py": "the pages, and what is in them",
    "support/flows.py": "plays a flow with a list of answers",
    "support/foreign_servers.py": "starts the servers of whole/test_end_to_end.py",
    "support/frames.py": "frames, transcripts and recording handlers for many tests",
    "support/growing_streams.py": "streams that have N of one thing, for everything there can be",
    "support/lookalikes.py": "makes tests/recordings",
    "support/manners.py": "the table that docs/what-servers-send.md is printed from",
    "support/outcomes.py": "what a handler got of a stream, and whether that is right",
    "support/page_answers.py": "answers for the snippets of pages on Responses and Chat",
    "support/replacements.py": "recordings with one value replaced, and what may fail of it",
    "support/responses_frames.py": "Responses streams, and what holds for what is made of them",
    "support/responses_server.py": "a server of the Responses API with a memory, for threads",
    "support/scripted_control.py": "what a stream can do about its run, as a test says",
    "support/scripted_server.py": "a server that answers what a test says",
    "support/socket_faults.py": "the table that docs/reliability.md is printed from",
    "support/socket_peer.py": "a server made by hand, for what no well-behaved one would do",
    "support/stopping.py": "servers that hang, and handlers that act at an event",
    "support/three_wires.py": "the conversations of whole/test_same_callbacks.py",
    "typing_usage.py": "typed usage: checked by mypy and pyright, never run",
}

#: Folders in tests/ whose files are not tests.
FOLDERS = {
    "benchmarks": "programs that measure, started by make bench",
    "fuzz": "damaged streams, and what must hold for them, started by make fuzz",
    "mutation": "changes the source and counts the changes that no test notices: make mutate",
    "servers": "what the servers of test_end_to_end.py say",
    "soak": "a program that runs streams for minutes, started by make soak",
}

#: The most test files that lie flat: those of the modules that lie flat in stream_core.
MOST_FLAT = 12


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
    """The path in tests/ of the one test file for SOURCE: stream_core/sse.py has test_sse.py.

    The rooms of ``stream_core`` are mirrored: stream_core/streams/stream.py has
    streams/test_stream.py; ``handlers`` is a room of its own. A package's ``__init__.py`` goes by
    the package: stream_core/dialects/__init__.py has dialects/test_dialects.py.
    """
    name = source.parent.name if source.name == "__init__.py" else source.stem
    room = source.parent
    if room.parts[0] == "stream_core":
        room = room.relative_to("stream_core")
    return (room / f"test_{name}.py").as_posix()


def actual_files() -> set[str]:
    """Every Python file in tests/, but for the doors of its packages and the folders above."""
    paths = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("*.py")]
    return {
        path.as_posix()
        for path in paths
        if path.parts[0] not in FOLDERS and path.name != "__init__.py"
    }


def test_every_source_file_has_its_test_file_and_nothing_else_is_in_tests() -> None:
    """Tests lie as the sources do, one for each, and the others are in the tables above."""
    expected = (
        {name_of_test_file(source) for source in source_files()} | EXTRA.keys() | HELPERS.keys()
    )
    actual = actual_files()
    missing, unargued = sorted(expected - actual), sorted(actual - expected)
    assert ([], []) == (missing, unargued)


def test_few_test_files_lie_flat() -> None:
    """Whoever opens the folder sees rooms."""
    flat = [name for name in actual_files() if "/" not in name and name.startswith("test_")]
    assert len(flat) <= MOST_FLAT


def test_no_two_source_files_share_a_test_file() -> None:
    """The map is one to one."""
    names = [name_of_test_file(source) for source in source_files()]
    assert len(set(names)) == len(names)
    assert not set(names) & (EXTRA.keys() | HELPERS.keys())


def test_the_map_is_by_name() -> None:
    """The path of a test file tells the source file."""
    assert "test_sse.py" == name_of_test_file(Path("stream_core/sse.py"))
    assert "testing/test_server.py" == name_of_test_file(Path("stream_core/testing/server.py"))
    assert "dialects/chat/test_answer.py" == name_of_test_file(
        Path("stream_core/dialects/chat/answer.py")
    )
    assert "dialects/test_dialects.py" == name_of_test_file(
        Path("stream_core/dialects/__init__.py")
    )
    assert "handlers/test_text.py" == name_of_test_file(Path("handlers/text.py"))
