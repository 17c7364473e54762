"""The benchmarks work: streams decode, contestants do the same job, reports are written.

Nothing here is about time: the results of the benchmarks depend on the machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import cpu, latency, manystreams, report, streams, targets, worker
from tests.benchmarks.contestants import CONTESTANTS, NODE, Contestant, by_key
from tests.benchmarks.loopback import ENDING, FRAMINGS, PRELUDE, Server
from tests.benchmarks.tally import Runner

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: A small limit: enough for one tool call, and a little more.
SIZES = {"S": 30, "L": 60, "T": 50, "M": 3}
CASES = {name: streams.make_case(name, size) for name, size in SIZES.items()}

#: Each runner once: the other rows of the table differ only in their process's environment.
RUNNERS = list({one.runner: one for one in CONTESTANTS if one.key != NODE}.values())
FLOORS = [one for one in RUNNERS if one.key.startswith("floor")]
PEERS = [one for one in RUNNERS if one not in FLOORS]


def loaded(contestant: Contestant) -> Runner:
    """Return the contestant's runner; skip the test if what it measures is not installed."""
    try:
        runner = worker.load(contestant)
        runner(CASES["M"].streams)
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    return runner


# --- Streams ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", "SLTM")
def test_streams_are_the_same_each_time_and_one_chunk_is_one_event(name: str) -> None:
    """A chunk is ``event:``, ``data:`` and a blank line; the data is JSON or ``[DONE]``."""
    case = CASES[name]
    assert case == streams.make_case(name, SIZES[name])
    assert case.events == sum(map(len, case.streams))
    for chunks in case.streams:
        for chunk in chunks:
            event, data, *blank = chunk.decode().split("\n")
            assert ["", ""] == blank
            assert event.startswith("event: ")
            assert data == "data: [DONE]" or json.loads(data.removeprefix("data: "))
        assert b"event: done\ndata: [DONE]\n\n" == chunks[-1]


def test_the_streams_have_the_sizes_that_their_names_promise() -> None:
    """S has 200 text deltas, T 5,000 run-step deltas and three messages, M is many streams."""
    short, tools = streams.make_case("S"), streams.make_case("T")
    assert (1, 200, 1) == (len(short.streams), short.deltas, len(short.texts))
    steps = [x for x in tools.streams[0] if x.startswith(b"event: thread.run.step.delta")]
    assert (5_000, 3) == (len(steps), len(tools.texts))
    assert (3, 3) == (len(CASES["M"].streams), len(CASES["M"].texts))


def test_some_text_needs_escapes_and_some_is_not_ascii() -> None:
    r"""Quotes and line ends are escaped, most non-ASCII is raw UTF-8, some is ``\u`` escapes."""
    sent = b"".join(streams.make_case("L", 3_000).streams[0][:-ENDING])
    for expected in (rb"\"", rb"\n", rb"\\", "é".encode(), "水".encode(), rb"\u"):
        assert expected in sent


def test_a_message_stream_has_the_prelude_and_the_ending_that_the_server_relies_on() -> None:
    """There are seven events before the first delta, four after the last."""
    frames = list(streams.message_stream(5))
    deltas = [x.startswith(b"event: thread.message.delta\n") for x in frames]
    assert [False] * PRELUDE + [True] * 5 + [False] * ENDING == deltas


# --- Contestants ------------------------------------------------------------------------


@pytest.mark.parametrize("name", "SLTM")
@pytest.mark.parametrize("contestant", PEERS, ids=lambda one: one.key)
def test_contestants_agree(contestant: Contestant, name: str) -> None:
    """All get the same text deltas, and end with the texts that were sent."""
    case = CASES[name]
    tally = loaded(contestant)(case.streams)
    assert (case.deltas, case.texts) == (tally.deltas, tally.texts)
    if tally.characters:
        assert sum(map(len, case.texts)) == tally.characters


@pytest.mark.parametrize("contestant", FLOORS, ids=lambda one: one.key)
def test_floors_parse_every_event(contestant: Contestant) -> None:
    """A floor reads all data as JSON, so it fails on data that is not."""
    runner = loaded(contestant)
    runner(CASES["T"].streams)
    with pytest.raises(ValueError, match=r"."):
        runner([[b"event: x\ndata: {]\n\n"]])


def test_on_event_gets_every_event() -> None:
    """The contestant that takes every event in full has got each of them."""
    case = CASES["T"]
    assert case.events == worker.load(by_key("ours-on-event"))(case.streams).events


def test_a_worker_measures_in_its_own_process(tmp_path: Path) -> None:
    """It reports that it is ready and its versions, answers, and ends with its input."""
    with worker.Worker(by_key("ours"), tmp_path) as process:
        assert process.missing is None
        assert {"until-done", "attrs", "cattrs"} == process.versions.keys()
        case = streams.make_case("S")
        answer = process.ask(case, 2, tmp_path)
    assert 2 * case.deltas == answer["deltas"]
    assert answer["seconds"] > 0


def test_what_is_not_installed_is_reported(tmp_path: Path) -> None:
    """A contestant without its library is named with the reason, and the others run."""
    with worker.Worker(by_key(NODE), tmp_path / "nowhere") as process:
        assert process.missing is not None
        assert "npm" in process.missing
    with pytest.raises(SystemExit, match="there are: ours, "):
        by_key("theirs")


# --- The loopback server ----------------------------------------------------------------


def test_both_readers_get_every_event_in_every_framing() -> None:
    """In lock-step each delta comes by itself; otherwise it would count as held back."""
    with Server() as server:
        for framing in FRAMINGS:
            for reader in (latency._read_ours, latency._read_bare):
                server.start(kind="lockstep", framing=framing, events=4)
                # The bare reader also reads what comes after the deltas.
                assert len(reader(server, 4, True)) >= 4
                assert {"held": 0} == server.result()
                server.start(kind="paced", framing=framing, events=2, gap=0.001)
                came = reader(server, 2, False)
                bare = reader is latency._read_bare
                assert min(latency._delays(server.result(), came, in_bytes=bare)) > 0


def test_memory_is_read_from_the_system() -> None:
    """The peak is at least the current use."""
    assert 0 < manystreams.resident() <= manystreams.resident("VmHWM")


# --- Reports ----------------------------------------------------------------------------


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    """Sections keep their order, whichever part was run last; each Python has one section."""
    docs = tmp_path / "docs" / "benchmarks.md"
    for name, body in (
        ("import", "first"),
        ("cpu", "times"),
        ("scaling-3.12", "new"),
        ("scaling-3.11", "old"),
        ("import", "second"),
    ):
        report.publish(name, body, docs=docs)
    lines = [x for x in docs.read_text("utf-8").splitlines() if x and not x.startswith("<!--")]
    expected = [
        "## CPU per event (`make bench`)",
        "times",
        "## Scaling and memory (`make bench-scaling`), Python 3.11",
        "old",
        "## Scaling and memory (`make bench-scaling`), Python 3.12",
        "new",
        "## Import (`make bench-import`)",
        "second",
    ]
    assert expected == lines[-len(expected) :]
    assert 1 == lines.count("# Benchmarks")


def test_the_readme_changes_between_its_markers_only(tmp_path: Path) -> None:
    """If the markers are missing, nothing is written."""
    readme = tmp_path / "README.md"
    assert not report.write_readme(readme, "x")
    readme.write_text("a\n<!-- benchmark:start -->\nold\n<!-- benchmark:end -->\nb\n", "utf-8")
    assert report.write_readme(readme, "new\n")
    expected = "a\n<!-- benchmark:start -->\nnew\n<!-- benchmark:end -->\nb\n"
    assert expected == readme.read_text("utf-8")
    readme.write_text("a\n", "utf-8")
    assert not report.write_readme(readme, "x")
    assert "a\n" == readme.read_text("utf-8")


def test_marks_show_what_was_reached() -> None:
    """The printed number is the one judged: 24.96 is shown as 25.0, and reaches 25."""
    assert ["✗", "✓", "✓✓"] == [
        targets.mark(x, 25, 50, smaller_is_better=False) for x in (24.9, 24.96, 50)
    ]
    assert ["✗", "✓", "✓✓"] == [
        targets.mark(x, 4, 1.7, smaller_is_better=True) for x in (4.1, 4, 1.7)
    ]
    assert ["4 events held back ✗"] == report.limit_row("buffering", 4)[1:2]


def test_every_ratio_is_printed_and_gaps_are_shown() -> None:
    """The report has a row for each ratio; one that lacks a contestant has dashes."""
    times = {
        one.key: dict.fromkeys("SLTM", 2.0 if one.key == "ours" else 100.0)
        for one in CONTESTANTS
        if one.key != NODE
    }
    body = cpu.report(times, {"openai-node": "node is absent"}, {"x": "1"}, "1 s")
    rows = {line.split("|")[1].strip(): line for line in body.splitlines() if line[:1] == "|"}
    assert {ratio.title for ratio in targets.RATIOS} <= rows.keys()
    assert 4 == rows["× faster than openai-python's handler"].count("50.0 ✓")
    assert 4 == rows["× faster than openai-node"].count("–")
    assert "Not measured: openai-node, because node is absent." in body
    paragraph = cpu.paragraph(times)
    assert "openai-node" not in paragraph
    assert "| 100 (50.0 ×) |" in paragraph
