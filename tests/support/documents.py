"""The pages of the project and their parts: snippets by section, headings, links, tables.

Rules of this file:

- A page is README.md, CONTRIBUTING.md or a file in docs/; it goes by its path from the root.
- A section begins at a ``##`` heading; whatever stands before the first one is a section too, which
  goes by the title of the page.
- A ``text`` block right after a ``python`` block is the output of that snippet. A snippet without
  one prints nothing.
"""

from __future__ import annotations

import inspect
import re
from itertools import zip_longest
from typing import TYPE_CHECKING

import attrs

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
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core import Event

__all__ = [
    "PAGES",
    "Snippet",
    "anchors",
    "callback_tables",
    "error_tree",
    "headings",
    "inline_code",
    "links",
    "read",
    "sections",
    "with_tables",
]

#: Every page, by its path from the root.
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)


def read(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text("utf-8")


# --- Snippets ---------------------------------------------------------------------------


@attrs.frozen
class Snippet:
    """A Python block of a page.

    Attributes:
        line: The line of the page on which it begins.
        code: The block.
        prints: Its output, as the page has it.
    """

    line: int
    code: str
    prints: str


def sections(text: str) -> Iterator[tuple[str, list[Snippet]]]:
    """Give the heading and the snippets of each section that has any."""
    code = [found.span() for found in _FENCED.finditer(text)]
    starts = [
        found.start()
        for found in re.finditer(r"^##? ", text, re.MULTILINE)
        if not any(start < found.start() < end for start, end in code)
    ]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        snippets = list(_snippets(text, start, end))
        if snippets:
            yield text[start:end].partition("\n")[0].lstrip("# "), snippets


def _snippets(text: str, start: int, end: int) -> Iterator[Snippet]:
    """Give the Python blocks between two places of a page."""
    blocks = list(_FENCED.finditer(text, start, end))
    for block, after in zip_longest(blocks, blocks[1:]):
        if block["language"] != "python":
            continue
        prints = ""
        if after is not None and after["language"] == "text":
            prints = "" if text[block.end() : after.start()].strip() else after["body"]
        line = text.count("\n", 0, block.start("body")) + 1
        yield Snippet(line, block["body"], prints)


# --- Headings, links, names -------------------------------------------------------------


def headings(text: str) -> list[str]:
    """Return the headings of a page, in order."""
    return re.findall(r"^#+ (.*)$", _FENCED.sub("", text), re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in headings(text)
    }


def links(text: str) -> list[str]:
    """Return the targets of all links of a page."""
    return re.findall(r"\[[^]]+\]\(([^)\s]+)\)", _FENCED.sub("", text))


def inline_code(text: str) -> list[str]:
    """Return everything that a page has in backticks within a line or a paragraph."""
    return re.findall(r"`([^`\n]+)`", _FENCED.sub("", text))


# --- Tables that are printed from the code ----------------------------------------------

_GROUPS = {
    WireEvent: "Wire: sent by the server",
    DerivedEvent: "Derived: they follow from a wire event, and come after it",
    LocalEvent: "Local: about the stream itself; for handlers only",
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
    """Return the name of the events of a class, or a description of those without one name."""
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


def with_tables(text: str) -> str:
    """Return the text of a page with its tables as the code has them now."""
    text = re.sub(
        r"(?s)(?<=<!-- callbacks:start -->\n).*?(?=<!-- callbacks:end -->)",
        lambda _: callback_tables(),
        text,
    )
    return re.sub(r"(?s)(?<=```text\n)StreamError\n.*?(?=```)", lambda _: error_tree(), text)
