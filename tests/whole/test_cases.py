"""Streams of a manner of their own, each with what must become of it; and the page about them.

Rules of this file:

- The streams are read where they lie, with the values of their ``INDEX.json``. The names are those
  of ``tests.support.manners``, so that a stream without a row fails a test; so does the reverse.
- Each is read by a stream with a handler: whole, byte by byte, at random cuts, with and without
  fast paths. All must agree.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from handlers import EventHandler
from stream_core import Stream, environment, models
from stream_core.convert.payloads import unstructure
from stream_core.errors import StreamError
from tests import ROOT
from tests.support.frames import pieces, random_pieces
from tests.support.manners import CASES, MANNERS, PAGE, with_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stream_core.events import WireEvent

#: Id, name and arguments of a call.
Call = tuple[str, str, str]


@attrs.define
class Outcome(EventHandler):
    """What a handler got of one stream, and what the stream came to.

    Attributes:
        text: All text.
        reasoning: All reasoning.
        summary: All summaries of reasoning.
        calls: The calls of functions that are done, in order.
        sent: The JSON of every event, and the data of the extension events.
        run: The run at the end, or None.
        parts: How many parts the first message has.
        annotations: The annotations of all messages.
        error: What ended the stream, or None.
    """

    text: str = ""
    reasoning: str = ""
    summary: str = ""
    calls: list[Call] = attrs.field(factory=list)
    sent: list[str] = attrs.field(factory=list)
    run: models.Run | None = None
    parts: int = 0
    annotations: list[models.Annotation] = attrs.field(factory=list)
    error: StreamError | None = attrs.field(default=None, eq=repr)

    def on_event(self, event: WireEvent[Any]) -> None:
        self.sent.append(json.dumps([event.raw, unstructure(event.data)]))

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        del snapshot
        self.text += delta.value or ""

    def on_reasoning_delta(self, delta: str, snapshot: str) -> None:
        del snapshot
        self.reasoning += delta

    def on_reasoning_summary_delta(self, delta: str, snapshot: str) -> None:
        del snapshot
        self.summary += delta

    def on_message_done(self, message: models.Message) -> None:
        self.parts = self.parts or len(message.content)
        for part in message.text_messages:
            self.annotations += part.text.annotations

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        if isinstance(tool_call, models.FunctionToolCall):
            self.calls.append(_call(tool_call))

    @property
    def required(self) -> list[Call]:
        """The calls that the run waits for."""
        action = None if self.run is None else self.run.required_action
        outputs = None if action is None else action.submit_tool_outputs
        return [] if outputs is None else [_call(x) for x in outputs.tool_calls]


def _call(call: models.FunctionToolCall | models.RequiredActionFunctionToolCall) -> Call:
    """Return CALL as a tuple."""
    return call.id, call.function.name, call.function.arguments


def read(chunks: bytes | Iterable[bytes], dialect: str) -> Outcome:
    """Read a stream to its end."""
    out = Outcome()
    stream = Stream(chunks, out, dialect=dialect)
    try:
        stream.until_done()
    except StreamError as error:
        out.error = error
    out.run = stream.current_run
    return out


@cache
def index(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the cases in FOLDER by name."""
    rows = json.loads((folder / "INDEX.json").read_text("utf-8"))
    return {row["name"]: row for row in rows}


# --- What is right ----------------------------------------------------------------------


def same_calls(right: list[list[str]], calls: list[Call]) -> bool:
    """Return whether CALLS are RIGHT: arguments are compared as JSON, ``*`` is any id."""
    return len(right) == len(calls) and all(
        expected[0] in ("*", actual[0])
        and expected[1] == actual[1]
        and json.loads(expected[2]) == _json(actual[2])
        for expected, actual in zip(right, calls, strict=True)
    )


def _json(text: str) -> Any:
    """Return TEXT as JSON, or itself if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def ended_by(right: str | None, out: Outcome) -> bool:
    """Return whether OUT ended with an error that has the text RIGHT; ``*`` is any, None none."""
    if right is None or out.error is None:
        return right is None and out.error is None
    return right == "*" or right in f"{type(out.error).__name__}: {out.error}"


def total(out: Outcome) -> int | None:
    """Return how many tokens the run used, or None if that is unknown."""
    usage = None if out.run is None else out.run.usage
    return None if usage is None else usage.total_tokens


def status(out: Outcome) -> str | None:
    """Return the run's status, or None if there is no run."""
    return None if out.run is None else out.run.status


#: Key of a right value -> whether it is what a stream came to.
IS_RIGHT: dict[str, Callable[[Any, Outcome], bool]] = {
    "text": lambda right, out: right == out.text,
    "reasoning": lambda right, out: right == out.reasoning,
    "summary": lambda right, out: right == out.summary,
    "calls": lambda right, out: same_calls(right, out.calls),
    "required": lambda right, out: same_calls(right, out.required),
    "status": lambda right, out: right == status(out),
    "notstatus": lambda right, out: right != status(out),
    "exc": ended_by,
    "anyerr": lambda right, out: (
        out.error is not None and right in f"{out.error} {vars(out.error)}"
    ),
    "errcode": lambda right, out: right == getattr(getattr(out.error, "error", 0), "code", 0),
    "usage": lambda right, out: right == total(out),
    "parts": lambda right, out: right == out.parts,
    "ann": lambda right, out: right == [type(x).__name__ for x in out.annotations],
    "annseen": lambda right, out: right in repr(out.annotations),
    "seen": lambda right, out: any(json.dumps(right)[1:-1] in x or right in x for x in out.sent),
}

#: Values that say that a stream fails; without one of them it must not.
FAILURES = {"exc", "anyerr", "errcode"}


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_what_is_right(cases: Path, name: str) -> None:
    """Text, calls, status, errors and all else are those that its row in the index states."""
    case = index(cases)[name]
    out = read((cases / f"{name}.sse").read_bytes(), case["dialect"])
    wrong = {key: x for key, x in case["right"].items() if not IS_RIGHT[key](x, out)}
    assert {} == wrong, out
    if not FAILURES & case["right"].keys():
        assert out.error is None


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_the_same_however_it_is_read(cases: Path, name: str) -> None:
    """It is read whole, byte by byte, at random cuts, and without fast paths."""
    data, dialect = (cases / f"{name}.sse").read_bytes(), index(cases)[name]["dialect"]
    expected = read(data, dialect)
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            assert expected == read(data, dialect)
            assert expected == read(pieces(data, 1), dialect)
            for seed in range(3):
                assert expected == read(random_pieces(data, seed, most=60), dialect)


@pytest.mark.parametrize("name", CASES)
def test_a_stream_comes_to_the_same_if_its_wire_is_found_out(cases: Path, name: str) -> None:
    """`auto` reads it as the name of its wire does, wherever the first frames tell the wire."""
    data, dialect = (cases / f"{name}.sse").read_bytes(), index(cases)[name]["dialect"]
    named, found = read(data, dialect), read(data, "auto")
    if named.run is not None:
        assert (named.text, named.calls, status(named)) == (found.text, found.calls, status(found))


# --- The page ---------------------------------------------------------------------------


def test_every_stream_is_in_the_table(cases: Path) -> None:
    """Each has one row, and each that a row names is there."""
    assert sorted(index(cases)) == sorted(CASES)


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.support.manners` updates it."""
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page)


def test_every_manner_is_told_once() -> None:
    """No two rows are the same, and none has what a cell cannot hold."""
    rows = [row for rows in MANNERS.values() for row in rows]
    assert len(rows) == len({row.manner for row in rows})
    assert [] == [x for x in rows if set("|\n") & set(x.servers + x.manner + x.meaning)]


def test_every_test_that_a_manner_names_is_there() -> None:
    """A test that was renamed would leave its row without one."""
    named = {name for rows in MANNERS.values() for row in rows for name in row.tests}
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"(?m)^def (test_\w+)", source)}
    assert set() == named - there
