"""The README is true: its snippets run and print what it says, its tables are the code's.

Rules of this file:

- Snippets of one section (``##``) share their names, as a reader carries them on. Each section
  begins anew, in a folder that holds ``run.sse``, with a server named by the environment.
- A ``text`` block right after a ``python`` block is what that one prints.
- ``python -m tests.house.test_readme`` writes the tables that are printed from the code.
"""

from __future__ import annotations

import ast
import configparser
import inspect
import re
import shutil
import sys
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from handlers import ROUTES, EventHandler
from handlers.routes import CALLBACKS, ON_EVENT
from stream_core import (
    DerivedEvent,
    ExtensionEvent,
    LocalEvent,
    RepeatedEvent,
    UnknownEvent,
    WireEvent,
    errors,
)
from stream_core.testing import LocalServer
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core import Event

README = ROOT / "README.md"

#: What the sources read from the environment.
_VARIABLE = re.compile(r"(?:AZURE|OPENAI|PROJECT|UNTIL_DONE)_[A-Z_]+")

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)


# --- What is printed from the code ------------------------------------------------------

_GROUPS = {
    WireEvent: "Wire: what a server sends",
    DerivedEvent: "Derived: what follows from it, after the wire event that it follows from",
    LocalEvent: "Local: about the stream itself; handlers only",
}


def callback_tables() -> str:
    """Print ``ROUTES`` as a table for each group of events."""
    parts = []
    for group, heading in _GROUPS.items():
        rows = [("event", "class", "callback", "types of the arguments"), ("---",) * 4]
        if group is WireEvent:
            rows.append(("each of these, first", "`WireEvent`", *_call(ON_EVENT.callback)))
        for event_class, route in ROUTES.items():
            if issubclass(event_class, group):
                rows.append(
                    (_name(event_class), f"`{event_class.__name__}`", *_call(route.callback))
                )
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        parts.append(f"**{heading}**\n\n{table}\n")
    return "\n".join(parts)


def _name(event_class: type[Event]) -> str:
    """Return the name of the events of a class, or what is said of those without one name."""
    many: dict[type[Event], str] = {
        UnknownEvent: "any other name",
        RepeatedEvent: "a created or an ending again",
        ExtensionEvent: "others of the Responses and Chat wires",
    }
    return many.get(event_class) or f"`{event_class.event}`"


def _call(callback: str) -> tuple[str, str]:
    """Return how a callback is called, and the types of its arguments as its method has them."""
    parameters = list(inspect.signature(getattr(EventHandler, callback)).parameters.values())[1:]
    types = [parameter.annotation.removeprefix("models.") for parameter in parameters]
    return f"`{CALLBACKS[callback]}`", ", ".join(f"`{one}`" for one in types)


def error_tree() -> str:
    """Return the tree that the docstring of ``stream_core.errors`` draws."""
    lines = inspect.cleandoc(errors.__doc__ or "").splitlines()
    tree = [line.removeprefix("    ") for line in lines if line.startswith("    ")]
    return "\n".join(tree) + "\n"


def with_tables(page: str) -> str:
    """Return PAGE with what is printed from the code."""
    page = re.sub(
        r"(?s)(?<=<!-- callbacks:start -->\n).*?(?=<!-- callbacks:end -->)",
        lambda _: callback_tables(),
        page,
    )
    return re.sub(r"(?s)(?<=```text\n)StreamError\n.*?(?=```)", lambda _: error_tree(), page)


# --- What is in the README --------------------------------------------------------------


@attrs.frozen
class Snippet:
    """A Python block of the README.

    Attributes:
        line: Where it stands.
        code: The block.
        prints: What it prints, as the README has it; None where it does not say.
    """

    line: int
    code: str
    prints: str | None


def sections(page: str) -> Iterator[tuple[str, list[Snippet]]]:
    """Give the heading and the snippets of each section that has any."""
    starts = [found.start() for found in re.finditer(r"^## ", page, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(page)], strict=True):
        blocks = list(_FENCED.finditer(page, start, end))
        snippets = []
        for block, after in zip_longest(blocks, blocks[1:]):
            if block["language"] != "python":
                continue
            line = page.count("\n", 0, block.start("body")) + 1
            told = None
            if after is not None and after["language"] == "text":
                told = None if page[block.end() : after.start()].strip() else after["body"]
            snippets.append(Snippet(line, block["body"], told))
        if snippets:
            yield page[start:end].partition("\n")[0].removeprefix("## "), snippets


PAGE = README.read_text("utf-8")
SECTIONS = dict(sections(PAGE))


def anchor(heading: str) -> str:
    """Return the address of a heading in its page."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- Tests ------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_snippets_of_a_section_run_and_print_what_the_readme_says(
    heading: str,
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
    names: dict[str, object] = {"__name__": "readme"}
    with LocalServer(api_key="a-key") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("PROJECT_ENDPOINT", f"{server.url}/api/projects/readme")
        for snippet in SECTIONS[heading]:
            code = "\n" * (snippet.line - 1) + snippet.code
            exec(compile(code, README, "exec"), names)  # noqa: S102  # it is the README's
            printed = capsys.readouterr().out
            if snippet.prints is not None:
                assert snippet.prints.splitlines() == [x.rstrip() for x in printed.splitlines()]


def test_the_twenty_lines_are_an_example() -> None:
    """The first program is a file in examples/, word by word."""
    (snippet,) = SECTIONS["Twenty lines"]
    assert (ROOT / "examples" / "print_text.py").read_text("utf-8") == snippet.code


def test_what_is_printed_from_the_code_is_up_to_date() -> None:
    """`python -m tests.house.test_readme` mends the tables of callbacks and the tree of errors."""
    assert PAGE == with_tables(PAGE)


def test_every_callback_is_in_the_tables() -> None:
    """No callback of EventHandler is left out, and each is there once."""
    named = re.findall(r"^\|.*\| `(on_\w+)\([\w, ]*\)` \|", callback_tables(), re.MULTILINE)
    assert sorted(name for name in vars(EventHandler) if name.startswith("on_")) == sorted(named)


def test_every_error_is_in_the_tree() -> None:
    """The classes of stream_core.errors and those in the tree are the same."""
    assert sorted(errors.__all__) == sorted(re.findall(r"\w+Error\b", error_tree()))


def test_every_link_leads_somewhere() -> None:
    """Files exist, and so do the headings that the page points to in itself."""
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)}
    links = re.findall(r"\[[^]]+\]\(([^)]+)\)", _FENCED.sub("", PAGE))
    assert links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors
        elif "://" not in link:
            assert (ROOT / link).exists(), link


def test_every_make_target_exists() -> None:
    """What the page tells to make, the Makefile makes."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", PAGE, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_every_extra_is_named_and_exists() -> None:
    """The extras in the page are those of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    extras = set(setup["options.extras_require"])
    assert extras == set(re.findall(r"until-done\[(\w+)\]", PAGE))


def test_every_environment_variable_is_named_and_read() -> None:
    """The variables in the page's table are those that the sources read."""
    sources = [path.read_text("utf-8") for path in (ROOT / "stream_core").rglob("*.py")]
    strings = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    read = {text for text in strings if _VARIABLE.fullmatch(text)}
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert read == named


def test_every_callback_that_the_page_names_exists() -> None:
    """Each on_... is a callback of ours, but for azure-ai-agents' own and one shown misspelt."""
    theirs = {"on_thread_message", "on_thread_run", "on_run_step", "on_unhandled_event"}
    named = set(re.findall(r"\bon_[a-z_]+[a-z]\b", PAGE))
    assert theirs | {"on_text_dleta"} == named - CALLBACKS.keys()


if __name__ == "__main__":
    README.write_text(with_tables(PAGE), "utf-8")
    sys.stdout.write(f"{README} is up to date.\n")
