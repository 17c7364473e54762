"""Only the fields in the table of docs/errors.md can end a stream.

``python -m tests.convert.test_needed_fields`` writes that table; with ``--all DIR`` it tries every
value at every place of the recordings there instead, of which the tests here try a few.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import fields
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import environment, models
from stream_core.dialects.chat import chunks
from stream_core.dialects.responses import objects
from stream_core.models import Payload
from tests import ROOT
from tests.support import replacements

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The modules with the payloads of each wire, by the heading of its table.
WIRES: dict[str, Any] = {
    "Assistants, and what the other wires become": models,
    "Chat Completions": chunks,
    "Responses": objects,
}

PAGE = ROOT / "docs" / "errors.md"

#: Any JSON value, and numbers that JSON does not have.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


# --- The table --------------------------------------------------------------------------


def payloads(module: Any) -> Iterator[type[Payload]]:
    """Yield the payloads that a module exports, and that say what they need."""
    for name in module.__all__:
        cls = getattr(module, name)
        if isinstance(cls, type) and issubclass(cls, Payload) and cls.NEEDED is not None:
            yield cls


def table() -> str:
    """Print the needed fields of every class, for each wire."""
    parts = []
    for heading, module in WIRES.items():
        found = {cls.__name__: cls.NEEDED or () for cls in payloads(module)}
        rows = [
            f"| `{name}` | {', '.join(f'`{one}`' for one in needed)} |"
            for name, needed in sorted(found.items())
            if needed
        ]
        if rows:
            head = f"**{heading}**\n\n| class | needed fields |\n| --- | --- |"
            parts.append("\n".join([head, *rows]) + "\n")
    return "\n" + "\n".join(parts) + "\n"


def with_table(text: str) -> str:
    """Return the text of the page with the table as the code has it."""
    block = r"(?s)(?<=<!-- needed:start -->\n).*?(?=<!-- needed:end -->)"
    return re.sub(block, lambda _: table(), text)


def test_the_table_of_needed_fields_is_up_to_date() -> None:
    """`python -m tests.convert.test_needed_fields` writes it."""
    page = PAGE.read_text("utf-8")
    assert page == with_table(page)
    assert table() in page


def test_needed_fields_exist() -> None:
    """A misspelt name in ``NEEDED`` would make a field forgiving."""
    for module in WIRES.values():
        for cls in payloads(module):
            assert {*(cls.NEEDED or ())} <= {x.alias for x in fields(cls)}, cls


def test_a_class_of_any_room_may_say_what_it_needs() -> None:
    """``Payload.NEEDED`` is inherited, and by default all fields are needed."""
    assert Payload.NEEDED is None
    assert models.Growing.NEEDED is None


# --- Every value at every place ---------------------------------------------------------


@pytest.mark.parametrize("dialect", replacements.WIRES)
@settings(max_examples=50)
@given(data=st.data())
def test_only_needed_fields_can_end_a_stream(wire: Path, dialect: str, data: st.DataObject) -> None:
    """null, a text, a number, a list, an object, anything else at any place of the recordings."""
    place = data.draw(st.sampled_from(replacements.places_on(dialect, wire)))
    other = data.draw(st.sampled_from(replacements.OTHERS) | ANYTHING)
    row = replacements.WIRES[dialect]
    failure, wrong = replacements.unfounded(place, other, row)
    assert not wrong, failure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", False)
        slow, _ = replacements.unfounded(place, other, row)
    assert repr(failure) == repr(slow)


@pytest.mark.parametrize("dialect", replacements.WIRES)
def test_needed_fields_do_end_a_stream(wire: Path, dialect: str) -> None:
    """A number in the place of a text, a list or an object that is needed is an error."""
    row = replacements.WIRES[dialect]
    found = [one for one in replacements.places_on(dialect, wire) if row.needs(one)]
    sample = random.Random(18).sample(found, min(20, len(found)))
    assert any(replacements.unfounded(one, 5, row)[0] for one in sample)


def try_all(folder: Path, dialect: str) -> tuple[int, int, int]:
    """Try every other value at every place of the recordings of a wire.

    Returns:
        The number of runs, of those that ended with an error, and of those that should not have.
    """
    row, found = replacements.WIRES[dialect], replacements.places_on(dialect, folder)
    failures = wrongs = 0
    for place in found:
        for other in replacements.OTHERS:
            failure, wrong = replacements.unfounded(place, other, row)
            failures += failure is not None
            wrongs += wrong
            if wrong:
                sys.stdout.write(f"{place} {other!r}: {failure!r}\n")
    return len(found) * len(replacements.OTHERS), failures, wrongs


if __name__ == "__main__":
    if "--all" in sys.argv:
        for name in replacements.WIRES:
            runs, failures, wrongs = try_all(Path(sys.argv[-1]), name)
            sys.stdout.write(f"{name}: {runs} runs, {failures} errors, {wrongs} wrong\n")
    elif with_table(PAGE.read_text("utf-8")) != PAGE.read_text("utf-8"):
        PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
        sys.stdout.write("docs/errors.md is written anew.\n")
