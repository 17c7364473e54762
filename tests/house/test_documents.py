"""Every page is true: its snippets run and print what it says, its names, links and tables hold.

Rules of this file:

- Snippets of one section share their names, as a reader carries them on. Each section begins anew,
  in a folder that holds ``run.sse``, with a server named by the environment: ``LocalServer``, or
  the answers that ``tests.support.page_answers`` has for the section.
- ``python -m tests.house.test_documents`` writes the tables that are printed from the code.
"""

from __future__ import annotations

import ast
import builtins
import configparser
import importlib
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from handlers import EventHandler
from handlers.routes import CALLBACKS
from stream_core import errors, models
from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.responses_params import ResponseStreamParams
from stream_core.testing import LocalServer
from tests import ROOT
from tests.support.documents import (
    PAGES,
    Snippet,
    anchors,
    callback_tables,
    error_tree,
    headings,
    inline_code,
    links,
    read,
    sections,
    with_tables,
)
from tests.support.page_answers import ANSWERS, PREVIOUS
from tests.support.scripted_server import running

SECTIONS: dict[tuple[str, str], list[Snippet]] = {
    (page, heading): snippets for page in PAGES for heading, snippets in sections(read(page))
}

#: The README is the door; everything else is a page.
MOST_LINES = 280

#: Pages that name files and functions as they were when their figures were measured.
MEASURED = {"docs/benchmarks.md"}

#: Files in backticks that are the reader's own, not of this repository.
READERS = {"handlers.py", "handlers/"}

#: Callbacks of azure-ai-agents, one that a page shows misspelt, and one that a snippet adds.
NOT_OURS = {
    "docs/coming-from-azure-ai-agents.md": {
        "on_thread_message",
        "on_thread_run",
        "on_run_step",
        "on_unhandled_event",
    },
    "docs/errors.md": {"on_text_dleta"},
    "docs/handlers.md": {"on_tokens"},
}

#: Classes in backticks that are others'.
THEIRS = {
    "AssistantEventHandler",
    "AssistantStream",
    "AsyncAssistantEventHandler",
    "OpenAI",
    "ThreadPoolExecutor",
}

#: What the sources read from the environment.
_VARIABLE = re.compile(r"(?:AZURE|OPENAI|PROJECT|UNTIL_DONE)_[A-Z_]+")


# --- Snippets ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of openai's Assistants
@pytest.mark.parametrize("section", SECTIONS, ids=" > ".join)
def test_the_snippets_of_a_section_run_and_print_what_the_page_says(
    section: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Snippets run one after the other; each prints the block of text that follows it."""
    shutil.copy(ROOT / "examples" / "run.sse", tmp_path)
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    names: dict[str, object] = {"__name__": "snippets"}
    answers = ANSWERS.get(section, [])
    with LocalServer(api_key="a-key") as local, running(*answers) as scripted:
        monkeypatch.setenv("PROJECT_ENDPOINT", f"{local.url}/api/projects/snippets")
        for snippet in SECTIONS[section]:
            on_assistants = not answers or ".assistants.create(" in snippet.code
            server = local if on_assistants else scripted
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            run(snippet, section[0], names)
            printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
            assert snippet.prints.splitlines() == printed
        assert [] == scripted.answers
    if section in PREVIOUS:
        named = [body.get("previous_response_id") for body in scripted.bodies]
        assert PREVIOUS[section] == named


def run(snippet: Snippet, page: str, names: dict[str, object]) -> None:
    """Run a snippet; its lines are those of the page."""
    code = "\n" * (snippet.line - 1) + snippet.code
    exec(compile(code, ROOT / page, "exec", dont_inherit=True), names)  # noqa: S102  # it is the page's


@pytest.mark.parametrize("page", PAGES)
def test_no_snippet_is_overlooked(page: str) -> None:
    """Every Python block begins at the margin, so that the test above finds it."""
    found = [
        snippet for (at, _), snippets in SECTIONS.items() if at == page for snippet in snippets
    ]
    assert len(found) == len(re.findall(r"^\s*(?:```|~~~)\s*py", read(page), re.MULTILINE))


@pytest.mark.parametrize("section", SECTIONS, ids=" > ".join)
def test_a_section_with_snippets_shows_output(section: tuple[str, str]) -> None:
    """Otherwise that they run would say little."""
    assert any(snippet.prints for snippet in SECTIONS[section])


def test_every_answer_is_for_a_section() -> None:
    """A section that was renamed fails here."""
    assert ANSWERS.keys() <= SECTIONS.keys()


def test_the_twenty_lines_are_an_example() -> None:
    """The first program is a file in examples/, word by word."""
    (snippet,) = SECTIONS["README.md", "Twenty lines"]
    assert (ROOT / "examples" / "print_text.py").read_text("utf-8") == snippet.code


# --- Tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_tables_that_are_printed_from_the_code_are_up_to_date(page: str) -> None:
    """`python -m tests.house.test_documents` writes the callbacks and the tree of errors."""
    assert read(page) == with_tables(read(page))


def test_the_printed_tables_have_a_page() -> None:
    """The callbacks are in docs/handlers.md, the errors in docs/errors.md."""
    assert callback_tables() in read("docs/handlers.md")
    assert error_tree() in read("docs/errors.md")


def test_every_callback_is_in_the_tables() -> None:
    """No callback of EventHandler is left out, and each is there once."""
    named = re.findall(r"^\|.*\| `(on_\w+)\([\w, ]*\)` \|", callback_tables(), re.MULTILINE)
    assert sorted(name for name in vars(EventHandler) if name.startswith("on_")) == sorted(named)


def test_every_error_is_in_the_tree() -> None:
    """The classes of stream_core.errors and those in the tree are the same."""
    assert sorted(errors.__all__) == sorted(re.findall(r"\w+Error\b", error_tree()))


def test_every_extra_is_named_and_exists() -> None:
    """The extras in the README's table are those of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    table = read("README.md").partition("## Extras\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(setup["options.extras_require"]) == set(re.findall(r"`(\w+)`", "".join(rows)))


def test_every_environment_variable_is_named_and_read() -> None:
    """The variables in the table of docs/client.md are those that the sources read."""
    sources = [path.read_text("utf-8") for path in (ROOT / "stream_core").rglob("*.py")]
    strings = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    read_there = {text for text in strings if _VARIABLE.fullmatch(text)}
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", read("docs/client.md"), re.MULTILINE))
    assert read_there == named


def test_every_parameter_in_the_table_exists() -> None:
    """The names in the columns of Responses and Chat are parameters of the calls."""
    table = read("docs/migrating.md").partition("## Parameters")[2].partition("\n\nAll ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    given = {"model", "messages", "stream"}
    for column, params in ((1, ResponseStreamParams), (2, ChatStreamParams)):
        known = given | params.__required_keys__ | params.__optional_keys__
        named = {
            name for row in rows for name in re.findall(r"`([a-z_]+)(?:=[^`]*)?`", row[column])
        }
        assert named
        assert named - {"system", "developer"} <= known


# --- Links and names --------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Files exist, and so do the headings that a link points to."""
    for link in links(read(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    """Whoever follows links from the README finds every page in docs/."""
    found, ahead = {"README.md"}, ["README.md"]
    while ahead:
        folder = (ROOT / (page := ahead.pop())).parent
        for link in links(read(page)):
            if "://" not in link and link.partition("#")[0].endswith(".md"):
                path = (folder / link.partition("#")[0]).resolve()
                target = path.relative_to(ROOT).as_posix()
                if target not in found and target in PAGES:
                    found.add(target)
                    ahead.append(target)
    assert [] == sorted(set(PAGES) - found)


@pytest.mark.parametrize("page", PAGES)
def test_no_heading_is_there_twice(page: str) -> None:
    """Two headings of one name would have one anchor, and one of two sections would not run."""
    if page not in MEASURED:
        found = headings(read(page))
        assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in MEASURED])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    """A path is from the root; a file's name alone is that of some file."""
    folders = ("stream_core", "handlers", "tests", "docs", "examples")
    names = {path.name for one in folders for path in (ROOT / one).rglob("*")}
    names |= {path.name for path in ROOT.iterdir()}
    words = {word.strip(",;:()'\"") for code in inline_code(read(page)) for word in code.split()}
    for word in words - READERS:
        if re.fullmatch(rf"(?:{'|'.join(folders)})/[\w./-]*", word):
            assert (ROOT / word).exists(), word
        elif re.fullmatch(r"[\w./-]+\.(?:py|md|cfg|toml)", word):
            assert word in names or any(path.exists() for path in _rooms(word)), word


def _rooms(word: str) -> list[Path]:
    """Return where a path that begins at a room may be, such as decoding/decoder.py."""
    return [ROOT / "stream_core" / word, ROOT / word]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in MEASURED])
def test_every_dotted_name_of_ours_exists(page: str) -> None:
    """stream_core.testing.LocalServer and the like can be imported."""
    dotted = r"\b(?:stream_core|handlers|tests)(?:\.[A-Za-z_]\w*)+"
    for code in inline_code(read(page)):
        for name in re.findall(dotted, code):
            if not name.endswith((".py", ".__file__")):
                assert resolves(name), name


def resolves(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    module, *rest = name.split(".")
    found: object = importlib.import_module(module)
    for part in rest:
        module = f"{module}.{part}"
        if hasattr(found, part):
            found = getattr(found, part)
        elif find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None:
            found = importlib.import_module(module)
        else:
            return False
    return True


@pytest.mark.parametrize("page", PAGES)
def test_every_class_that_a_page_names_exists(page: str) -> None:
    """It is one of ours, one of Python's, or listed above."""
    ours = {
        name
        for folder in ("stream_core", "handlers")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"^class (\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = {
        name
        for code in inline_code(read(page))
        for name in re.findall(r"(?<![\w./])[A-Z][a-z]+[A-Z]\w+", code)
    }
    known = ours | THEIRS | set(vars(builtins)) | set(models.__all__)
    assert named <= known or page in MEASURED


@pytest.mark.parametrize("page", PAGES)
def test_every_callback_that_a_page_names_exists(page: str) -> None:
    """Each on_... is a callback of ours, or is listed above."""
    named = set(re.findall(r"\bon_[a-z_]+[a-z]\b", read(page)))
    assert NOT_OURS.get(page, set()) == named - CALLBACKS.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_exists(page: str) -> None:
    """The Makefile makes everything that a page tells the reader to make."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", read(page), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    """A page that says `python -m MODULE` names a module."""
    for module in re.findall(r"python -m ([\w.]*\w)", read(page)):
        assert find_spec(module) is not None, module


def test_the_readme_is_short() -> None:
    """It says what the library is, gets a reader going, and links to the rest."""
    page = read("README.md")
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z-]+)", page, re.MULTILINE))
    assert len(page.splitlines()) <= MOST_LINES


if __name__ == "__main__":
    for one in PAGES:
        written = with_tables(read(one))
        if written != read(one):
            (ROOT / one).write_text(written, "utf-8")
            sys.stdout.write(f"{one} is written anew.\n")
