"""docs/responses-events.md is printed from the tables of the Responses and Chat wires.

``python -m tests.whole.test_wire_tables`` writes the text between its marks.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from stream_core import events
from stream_core.dialects.chat.dialect import FINISH_REASONS
from stream_core.dialects.responses.event_table import ROWS
from stream_core.dialects.run_writer import ENDS, incomplete_reasons
from stream_core.events import RUN_EVENTS
from tests import ROOT
from tests.support.chat_frames import chunk, last_run, stop, transcript_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = ROOT / "docs" / "responses-events.md"

_NAME = re.compile(r"(?:thread|reasoning|image_generation)(?:\.\w+)+|\berror\b|\bdone\b")


def responses_table() -> str:
    """Return the table of what each event of the Responses wire becomes."""
    rows = [(f"`{name}`", _NAME.sub(r"`\g<0>`", row.becomes)) for name, row in ROWS.items()]
    return as_table(("event", "becomes"), rows)


def chat_table() -> str:
    """Return the table of how a run ends for each reason of the Chat Completions wire."""
    rows = []
    for reason, (status, why) in FINISH_REASONS.items():
        run_reason, message_reason = reasons(status, why)
        rows.append(
            (f"`{reason}`", f"`thread.run.{status}`", code(run_reason), code(message_reason))
        )
    return as_table(
        ("`finish_reason`", "the run's end", "reason of the run", "reason of the message"), rows
    )


def reasons(status: str, why: str | None) -> tuple[str | None, str | None]:
    """Return the reasons that run and message give if the run ended with STATUS for WHY."""
    run_reason, message_reason = incomplete_reasons(why)
    *_, of_the_end = ENDS[status]
    return run_reason, of_the_end or message_reason


def as_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str | None) -> str:
    """Return TEXT as code, or "" for None."""
    return f"`{text}`" if text else ""


def with_tables(page: str) -> str:
    """Return PAGE with the tables printed from the code."""
    for name, table in (("responses", responses_table()), ("chat", chat_table())):
        marks = rf"(?s)(?<=<!-- {name}:start -->\n).*?(?=<!-- {name}:end -->)"
        page, count = re.subn(marks, lambda _, table=table: table, page)  # type: ignore[misc]  # mypy cannot type a default of a lambda
        assert 1 == count, f"the page has {count} places for {name}"
    return page


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.whole.test_wire_tables` updates it."""
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page)


def test_every_event_is_in_the_table_once() -> None:
    """No row is lost between the dialect and the page."""
    named = re.findall(r"^\| `([\w.]+)` \|", responses_table(), re.MULTILINE)
    assert list(ROWS) == named


@pytest.mark.parametrize("name", sorted(ROWS))
def test_what_an_event_becomes_exists(name: str) -> None:
    """Each name in a row is that of one of our event classes."""
    known = {
        cls.event for cls in vars(events).values() if isinstance(getattr(cls, "event", 0), str)
    }
    named = set(_NAME.findall(ROWS[name].becomes))
    assert named <= known
    assert named or "extension event" == ROWS[name].becomes


@pytest.mark.parametrize("reason", sorted(FINISH_REASONS))
def test_a_finish_reason_ends_a_run_as_in_the_table(reason: str) -> None:
    """The dialect does what the table states."""
    out = transcript_of(chunk(content="Ahoy"), stop(reason))
    status, why = FINISH_REASONS[reason]
    run_reason, message_reason = reasons(status, why)
    run, (ended,) = last_run(out), out.of(events.MessageDone)
    (done,) = out.of(RUN_EVENTS[status])
    assert (status, run_reason) == (
        done.data.status,
        run.incomplete_details and run.incomplete_details.reason,
    )
    details = ended.message.incomplete_details
    assert message_reason == (details and details.reason)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
