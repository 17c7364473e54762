"""The benchmarks work: streams decode, contestants do the same job, reports are written.

Nothing here is about time: the results of the benchmarks depend on the machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import (
    cpu,
    cpu_report,
    latency,
    manystreams,
    profiling,
    report,
    streams,
    targets,
    worker,
)
from tests.benchmarks.contestants import CONTESTANTS, NODE, Contestant, by_key
from tests.benchmarks.loopback import FRAMINGS, Server
from tests.benchmarks.streams import WIRES, Case
from tests.benchmarks.tally import Runner

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

#: A small limit: enough for one tool call, and a little more.
SIZES = {"S": 30, "L": 60, "T": 50, "M": 3, "L64": 60}


def small(wire: str, name: str) -> Case:
    """Make a case in small."""
    return streams.make_case(wire, name, SIZES[name.partition("-")[0]])


CASES = {wire: {name: small(wire, name) for name in streams.cases_of(wire)} for wire in WIRES}
ALL = [case for cases in CASES.values() for case in cases.values()]
#: Those in which one event is one chunk.
WHOLE = [case for case in ALL if not case.name.startswith("L64")]

#: Each runner once: the other rows of the table differ only in their process's environment.
RUNNERS = list({one.runner: one for one in CONTESTANTS if one.key != NODE}.values())
FLOORS = [one for one in RUNNERS if one.key.startswith("floor")]
PEERS = [one for one in RUNNERS if one not in FLOORS]

#: All that is read by somebody: who, and on which wire.
READERS = [(one, wire) for one in PEERS for wire in one.wires]


def loaded(contestant: Contestant, wire: str) -> Runner:
    """Return the contestant's runner; skip the test if what it measures is not installed."""
    try:
        runner = worker.load(contestant)
        runner(wire, CASES[wire]["M"].streams)
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    return runner


# --- Streams ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.key)
def test_streams_are_the_same_each_time_and_one_chunk_is_one_event(case: Case) -> None:
    """A chunk is a line of JSON or ``[DONE]`` and a blank line; its name, if any, comes first."""
    assert case == small(case.wire, case.name)
    assert case.events == sum(map(len, case.streams))
    line_end = "\r\n" if case.name.endswith("crlf") else "\n"
    for chunks in case.streams:
        for chunk in chunks:
            *event, data, end, rest = chunk.decode().split(line_end)
            assert ("", "") == (end, rest)
            assert (case.wire != "chat") == (len(event) == 1)
            said = data.removeprefix("data: ")
            payload = {} if said == "[DONE]" else json.loads(said)
            if case.wire == "responses":
                assert [f"event: {payload['type']}"] == event


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.key)
def test_a_case_in_big_chunks_has_the_bytes_of_the_one_without(case: Case) -> None:
    """L64 is L, cut anywhere."""
    if case.name.startswith("L64"):
        other = CASES[case.wire][case.name.replace("L64", "L")]
        whole = [b"".join(chunks) for chunks in other.streams]
        assert whole == [b"".join(chunks) for chunks in case.streams]
        assert other.events == case.events


def test_big_chunks_have_64_kib() -> None:
    """The last has what is left."""
    (chunks,) = streams.make_case("chat", "L64", 600).streams
    assert {1 << 16} == {len(chunk) for chunk in chunks[:-1]}
    assert 0 < len(chunks[-1]) <= 1 << 16


@pytest.mark.parametrize("wire", WIRES)
def test_the_streams_have_the_sizes_that_their_names_promise(wire: str) -> None:
    """S has 200 text deltas, T 5,000 deltas that are no text, M is many streams."""
    short, tools = streams.make_case(wire, "S"), CASES[wire]["T"]
    assert (1, 200, 1) == (len(short.streams), short.deltas, len(short.texts))
    assert (3, 3) == (len(CASES[wire]["M"].streams), len(CASES[wire]["M"].texts))
    assert ["look_up_tides" in said.decode() for said in tools.streams[0]].count(True) > 0
    assert 2 == len(tools.arguments)
    assert all(json.loads(arguments) for arguments in tools.arguments)


@pytest.mark.parametrize(
    ("wire", "sign", "others"),
    [
        ("assistants", b"event: thread.run.step.delta", 0),
        ("responses", b'"delta":', 60),
        # The first chunk has a delta, each call one with its name, and the last one too.
        ("chat", b'"delta":', 60 + 4),
    ],
)
def test_t_has_5000_deltas_and_its_messages(wire: str, sign: bytes, others: int) -> None:
    """Those of its messages are not counted; Responses and Chat have one message."""
    tools = streams.make_case(wire, "T")
    assert 5_000 == sum(sign in chunk for chunk in tools.streams[0]) - others
    assert {"assistants": 3}.get(wire, 1) == len(tools.texts)


@pytest.mark.parametrize("wire", WIRES)
def test_some_text_needs_escapes_and_some_is_not_ascii(wire: str) -> None:
    r"""Quotes and line ends are escaped, most non-ASCII is raw UTF-8, some is ``\u`` escapes."""
    chunks = streams.make_case(wire, "L", 3_000).streams[0]
    sent = b"".join(chunks[: -WIRES[wire].ending])
    for expected in (rb"\"", rb"\n", rb"\\", "é".encode(), "水".encode(), rb"\u"):
        assert expected in sent


@pytest.mark.parametrize(
    ("wire", "kind", "expected"),
    [
        ("responses", "", b'"logprobs":[],"obfuscation":"'),
        ("responses", "bare", b'"logprobs":[],"output_index":'),
        ("responses", "logprobs", b'"logprobs":[{"token":'),
        ("responses", "reasoning", b"event: response.reasoning_summary_text.delta\n"),
        ("responses", "arguments", b"event: response.function_call_arguments.delta\n"),
        ("chat", "", b'},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'),
        ("chat", "obfuscation", b'"usage":null,"obfuscation":"'),
        ("chat", "logprobs", b'"logprobs":{"content":[{"token":'),
        ("chat", "usage", b'"usage":{"prompt_tokens":26,"total_tokens":'),
        ("chat", "crlf", b"}\r\n\r\n"),
        ("chat", "reasoning", b'{"content":null,"reasoning_content":"'),
        ("chat", "arguments", b'{"tool_calls":[{"index":0,"function":{"arguments":"'),
    ],
)
def test_each_delta_of_a_kind_has_what_makes_it_one(wire: str, kind: str, expected: bytes) -> None:
    """It stands in every delta, and a stream of text has none of it but its own."""
    case = CASES[wire][f"L-{kind}" if kind else "L"]
    assert sum(expected in chunk for chunk in case.streams[0]) >= SIZES["L"]
    text = CASES[wire]["L"]
    if kind:
        assert not any(expected in chunk for chunk in text.streams[0][: -WIRES[wire].ending])


@pytest.mark.parametrize("wire", WIRES)
def test_a_message_stream_has_the_prelude_and_the_ending_that_the_server_relies_on(
    wire: str,
) -> None:
    """What comes before the first delta of the text, and after the last, is counted."""
    frames = list(streams.message_stream(5, wire))
    first, last = WIRES[wire].prelude, WIRES[wire].ending
    signs = {
        "assistants": b"event: thread.message.delta\n",
        "responses": b"event: response.output_text.delta\n",
        "chat": b'"delta":{"content":',
    }
    deltas = [signs[wire] in frame for frame in frames]
    assert [False] * first + [True] * 5 + [False] * last == deltas


# --- Contestants ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contestant", "wire"), READERS, ids=[f"{one.key}-{wire}" for one, wire in READERS]
)
def test_contestants_agree(contestant: Contestant, wire: str) -> None:
    """On all that they are asked for they get the same deltas, and end with what was sent."""
    runner = loaded(contestant, wire)
    for case in CASES[wire].values():
        if contestant.reads(wire, case.name):
            tally = runner(wire, case.streams)
            expected = (case.key, case.deltas, case.texts, case.arguments, case.reasoning)
            got = (case.key, tally.deltas, tally.texts, tally.arguments, tally.reasoning)
            assert expected == got
            if tally.characters:
                assert sum(map(len, [*case.texts, *case.reasoning])) == tally.characters


def test_every_case_is_read_by_us_and_by_the_script() -> None:
    """The slow ones read the kinds of L only, and not what grows with the square of its length."""
    for case in ALL:
        for key in ("ours", "requests"):
            assert by_key(key).reads(case.wire, case.name)
    openai = by_key("openai")
    assert openai.reads("chat", "L-usage")
    assert not openai.reads("chat", "S-usage")
    assert not openai.reads("chat", "L-logprobs")
    assert not by_key("azure").reads("chat", "L")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("contestant", FLOORS, ids=lambda one: one.key)
def test_floors_parse_every_event(contestant: Contestant, wire: str) -> None:
    """A floor reads all data as JSON, so it fails on data that is not."""
    runner = loaded(contestant, wire)
    for name in streams.MAIN:
        runner(wire, CASES[wire][name].streams)
    with pytest.raises(ValueError, match=r"."):
        runner(wire, [[b"event: x\ndata: {", b"]\n\n"]])


def test_on_event_gets_every_event() -> None:
    """The contestant that takes every event in full has got each of them."""
    case = CASES["assistants"]["T"]
    runner = worker.load(by_key("ours-on-event"))
    assert case.events == runner("assistants", case.streams).events


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.key)
def test_streams_are_written_for_the_workers_and_read_again(case: Case, tmp_path: Path) -> None:
    """All chunks are the same."""
    worker.write(case, tmp_path)
    (file,) = tmp_path.glob("*.sse")
    assert case.streams == worker.read(file)


def test_a_worker_measures_in_its_own_process(tmp_path: Path) -> None:
    """It reports that it is ready and its versions, answers, and ends with its input."""
    with worker.Worker(by_key("ours"), tmp_path) as process:
        assert process.missing is None
        assert {"until-done", "attrs", "cattrs"} == process.versions.keys()
        for wire in WIRES:
            case = CASES[wire]["S"]
            worker.write(case, tmp_path)
            answer = process.ask(case, 2, tmp_path)
            assert 2 * case.deltas == answer["deltas"]
            assert answer["seconds"] > 0


def test_a_worker_that_reads_something_else_ends_the_measurement(tmp_path: Path) -> None:
    """Who gets other deltas, or other texts, is named."""
    case = CASES["chat"]["S"]
    worker.write(case, tmp_path)
    with worker.Worker(by_key("requests"), tmp_path) as process:
        assert cpu._ask(process, case, tmp_path) > 0
        with pytest.raises(SystemExit, match="requests got 600 deltas of chat S"):
            cpu._ask(process, case._replace(deltas=1), tmp_path)
        with pytest.raises(SystemExit, match="requests got other texts of chat S"):
            cpu._ask(process, case._replace(texts=["?"]), tmp_path)


def test_a_part_is_measured_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Who, on what, how big and how often are options; only the whole is written anywhere."""
    few = ["--wires", "chat", "--cases", "S,L-usage", "--only", "requests", "--rounds", "1"]
    cpu.main([*few, "--small"])
    printed = capsys.readouterr().out
    assert "Only a part was measured: nothing is written." in printed
    assert "| µs per event, L " in printed
    assert "Written" not in printed


def test_what_is_not_installed_is_reported(tmp_path: Path) -> None:
    """A contestant without its library is named with the reason, and the others run."""
    with worker.Worker(by_key(NODE), tmp_path / "nowhere") as process:
        assert process.missing is not None
        assert "npm" in process.missing
    with pytest.raises(SystemExit, match="there are: ours, "):
        by_key("theirs")


def test_options_take_some_of_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Wires and cases stand between commas; what there is not is named."""
    options = cpu._options(["--wires", "chat", "--cases", "L,L-usage", "--only", "ours"])
    assert (["chat"], ["L", "L-usage"]) == (options.wires, options.cases)
    assert [by_key("ours")] == options.only
    with pytest.raises(SystemExit):
        cpu._options(["--wires", "chat,morse"])
    assert "there is no morse; there are: assistants, responses, chat" in capsys.readouterr().err


# --- The loopback server ----------------------------------------------------------------


@pytest.mark.parametrize("wire", WIRES)
def test_both_readers_get_every_event_in_every_framing(wire: str) -> None:
    """In lock-step each delta comes by itself; otherwise it would count as held back."""
    with Server() as server:
        for framing in FRAMINGS:
            for reader in (latency._read_ours, latency._read_bare):
                server.start(kind="lockstep", wire=wire, framing=framing, events=4)
                # The bare reader also reads what comes after the deltas.
                assert len(reader(server, wire, 4, True)) >= 4
                assert {"held": 0} == server.result()
                server.start(kind="paced", wire=wire, framing=framing, events=2, gap=0.001)
                came = reader(server, wire, 2, False)
                bare = reader is latency._read_bare
                assert min(latency._delays(server.result(), came, in_bytes=bare)) > 0


def test_many_streams_are_read_at_once() -> None:
    """Each gets its own events, in a thread of another process."""
    with Server() as server:
        found = manystreams._measure(server, "chat", 2, 0.1)
    assert {"cpu", "memory", "p50", "p99"} == found.keys()
    assert found["cpu"] > 0
    assert found["p99"] >= found["p50"] > 0


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


#: The times of a run in which everything was measured but openai-node.
TIMES = {
    one.key: {
        case.key: 2.0 if one.key == "ours" else 100.0
        for case in ALL
        if one.reads(case.wire, case.name)
    }
    for one in CONTESTANTS
    if one.key != NODE
}


def rows_of(body: str, heading: str) -> dict[str, str]:
    """Return the rows of all tables under HEADING, by their first cell."""
    _, _, section = body.partition(f"### {heading}\n")
    lines = section.partition("\n### ")[0].splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line[:1] == "|"}


@pytest.mark.parametrize("wire", WIRES)
def test_every_ratio_is_printed_and_gaps_are_shown(wire: str) -> None:
    """A wire has a row for each ratio of those who read it; one without a contestant has dashes."""
    body = cpu_report.report(TIMES, {"openai-node": "node is absent"}, {"x": "1"}, "1 s")
    rows = rows_of(body, WIRES[wire].title)
    for ratio in targets.RATIOS:
        both = all(wire in by_key(key).wires for key in (ratio.over, ratio.under))
        assert both == (ratio.title in rows)
    helper = rows["× faster than openai-python's helper"].split("|")[2:7]
    assert [wire == "chat" and at == 1 for at in range(5)] == ["✗" in cell for cell in helper]
    assert 5 == sum("50.0" in cell for cell in helper)
    assert 5 <= rows["× faster than openai-node"].count("–")
    assert "Not measured: openai-node, because node is absent." in body


def test_every_kind_has_a_row_with_what_is_to_be_reached() -> None:
    """Goals stand in brackets; what nobody measured, as what is quadratic, is a dash."""
    body = cpu_report.report(TIMES, {}, {}, "1 s")
    for wire in WIRES.values():
        rows = rows_of(body, wire.title)
        assert {kind.title for name, kind in wire.kinds.items() if name} <= rows.keys()
    rows = rows_of(body, "Chat Completions")
    assert "50.0 ✗ (65 / 85)" in rows["arguments"]
    assert "50.0 ✓✓ (1 / 1.2)" in rows["usage in each chunk"]
    assert "–" in rows["logprobs"]


def test_only_what_was_measured_is_in_the_report() -> None:
    """A wire without figures is left out, and so are streams and kinds."""
    times = {key: {"chat L-usage": 1.0} for key in ("ours", "requests")}
    body = cpu_report.report(times, {}, {}, "1 s")
    assert ["### Chat Completions"] == [x for x in body.splitlines() if x.startswith("###")]
    assert "CRLF" not in body
    assert "| usage in each chunk |" in body


def test_goals_are_of_streams_that_are_measured() -> None:
    """Each stands on a case of its wire, and both contestants read that."""
    for ratio in targets.RATIOS:
        for wire, goals in ratio.goals.items():
            for name, (at_least, stretch) in goals.items():
                assert by_key(ratio.over).reads(wire, name)
                assert by_key(ratio.under).reads(wire, name)
                assert ratio.smaller_is_better == (stretch < at_least)


def test_the_readme_shows_all_wires() -> None:
    """Ours first; others with how many times ours; what does not read a wire has dashes."""
    paragraph = cpu_report.paragraph(TIMES)
    assert "openai-node" not in paragraph
    for title in ("Assistants: 20,000 deltas", "Responses: 2,000 runs", "Chat Completions: "):
        assert title in paragraph
    lines = paragraph.splitlines()
    assert 6 == next(x for x in lines if x.startswith("| openai-python")).count("100 (50.0 ×)")
    azure = next(x for x in lines if x.startswith("| azure"))
    assert (2, 4) == (azure.count("100 (50.0 ×)"), azure.count(" – "))


def test_latency_has_a_row_for_each_framing_and_limits_for_each_wire() -> None:
    """Limits are those of the worst framing."""
    ours, bare = (
        latency._Result(20.0, 9.0, 50.0, 90.0, 0),
        latency._Result(10.0, 4.0, 30.0, 60.0, 0),
    )
    late = latency._Result(40.0, 9.0, 50.0, 90.0, 2)
    found = {
        latency._Place("chat", "chunked"): (ours, bare),
        latency._Place("chat", "gzip"): (late, bare),
    }
    body = latency._report(found, {"chat": 1})
    assert "| Chat Completions, chunked" in body
    rows = [line for line in body.splitlines() if "Chat Completions: " in line]
    measured = [row.split("|")[2].strip() for row in rows]
    expected = ["30.0 µs ✗", "20.0 µs ✓✓", "30.0 µs ✓✓", "2 events held back ✗", "1 ✓✓"]
    assert expected == measured


def test_many_streams_have_limits_for_each_wire() -> None:
    """They are for the most streams."""
    few = {"cpu": 200.0, "memory": 90.0, "p50": 1.0, "p99": 2.0}
    found = {wire: {1: few, 200: {**few, "cpu": 70.0}} for wire in WIRES}
    body = manystreams._report(found, 8.0)
    assert "| Responses, 200 " in body
    assert 3 == body.count("70.0 µs ✓✓")
    assert 3 == body.count("90.0 KiB ✓✓")


@pytest.mark.parametrize("wire", WIRES)
def test_the_profile_names_functions_and_what_is_explained(wire: str) -> None:
    """A part has a table; line by line it is only where line_profiler is installed."""
    shares = profiling._functions(CASES[wire]["L"])
    assert shares[0].own >= shares[-1].own
    assert any("stream_core/" in share.name for share in shares)
    name = shares[0].name.partition(" (")[0]
    assert profiling._explained(shares[0], f"`{name}` is big.")
    assert not profiling._explained(shares[0], "Nothing.")
