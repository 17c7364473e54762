"""What a wire would have sent of an object: deltas for whatever was not seen, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.convert.payloads import structure, unstructure
from stream_core.dialects import Decoded
from stream_core.run_control.missed import (
    call_deltas,
    call_ids,
    message_begins,
    message_goes_on,
    step_begins,
    step_ends,
    synthetic,
)
from stream_core.snapshots.stream_state import Snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.events import Event

# --- Messages -----------------------------------------------------------------------------------


def text(value: str, *annotations: dict[str, Any], index: int | None = None) -> dict[str, Any]:
    """Return a part that is a text; with INDEX a delta of one."""
    part = {"type": "text", "text": {"value": value, "annotations": list(annotations)}}
    return part if index is None else {"index": index, **part}


def cites(marker: str, end: int | None = None, index: int | None = None) -> dict[str, Any]:
    """Return an annotation that ends at END; with INDEX that of a delta."""
    start = None if end is None else end - len(marker)
    made = {"type": "file_citation", "text": marker, "start_index": start, "end_index": end}
    return made if index is None else {**made, "index": index}


def message(*content: Any, status: str | None = "completed") -> models.Message:
    """Return a message."""
    given = {"id": "msg_1", "role": "assistant", "status": status, "content": list(content)}
    return structure(models.Message, given)


def seen_of(*deltas: dict[str, Any], content: Iterable[Any] = ()) -> Snapshots:
    """Return what is known after a message began, with CONTENT, and DELTAS came."""
    snapshots = Snapshots()
    snapshots.apply(synthetic(events.ThreadMessageCreated, message(*content, status="in_progress")))
    for delta in deltas:
        given = {"id": "msg_1", "delta": {"content": [delta]}}
        payload = structure(models.MessageDeltaEvent, given)
        snapshots.apply(Decoded(events.ThreadMessageDelta, payload, None, ""))
    return snapshots


def rest_of(whole: models.Message, snapshots: Snapshots) -> tuple[list[Any], list[Event]]:
    """Return the parts of the deltas that are missing, and what becomes of all that is."""
    container = snapshots.followed_messages.container("msg_1")
    missed = list(message_goes_on(whole, container, waits=False))
    parts = [
        unstructure(part)
        for one in missed
        if isinstance(one.payload, models.MessageDeltaEvent)
        for part in one.payload.delta.content
    ]
    return parts, [event for one in missed for event in snapshots.apply(one)]


def names(made: Iterable[object]) -> list[str]:
    """Return the names of the classes."""
    return [type(one).__name__ for one in made]


IMAGES: list[dict[str, Any]] = [
    {"type": "image_file", "image_file": {"file_id": "file_1", "detail": "low"}},
    {"type": "image_url", "image_url": {"url": "https://here/1", "detail": None}},
    {"type": "hologram", "of": "a cat"},
]


def test_a_message_begins_empty_and_ends_whole() -> None:
    """Between the two there is a delta for each part, whatever its kind."""
    refusal = {"type": "refusal", "refusal": "No."}
    whole = message(text("Hello"), refusal, *IMAGES)
    begun = message_begins(whole)
    assert ([], "in_progress") == (begun.payload.content, begun.payload.status)
    snapshots = Snapshots()
    snapshots.apply(begun)
    missed = list(message_goes_on(whole, None, waits=False))
    made = [event for one in missed for event in snapshots.apply(one)]
    assert ["thread.message.delta"] * 5 + ["thread.message.completed"] == [x.name for x in missed]
    assert [{"index": 4, **IMAGES[2]}] == unstructure(missed[4].payload.delta.content)
    assert [
        *("ThreadMessageDelta", "MessageTextCreated", "MessageTextDelta"),
        *("ThreadMessageDelta", "MessageTextDone", "MessageRefusalDelta"),
        *("ThreadMessageDelta", "MessageRefusalDone", "ThreadMessageDelta"),
        *("MessageImageFileDone", "ThreadMessageDelta", "MessageImageURLDone"),
        *("ThreadMessageCompleted", "MessageDone"),
    ] == names(made)
    (known,) = snapshots.messages
    assert unstructure(whole) == unstructure(known)


@pytest.mark.parametrize(
    ("status", "waits", "expected"),
    [
        ("completed", False, ["thread.message.completed"]),
        ("incomplete", True, ["thread.message.incomplete"]),
        ("in_progress", False, ["thread.message.completed"]),
        ("in_progress", True, []),
        (None, False, ["thread.message.completed"]),
    ],
)
def test_a_message_ends_with_its_run(
    status: str | None, expected: list[str], *, waits: bool
) -> None:
    """Unless the run waits, so that the message may go on."""
    missed = message_goes_on(message(status=status), None, waits=waits)
    assert expected == [one.name for one in missed]


@pytest.mark.parametrize("cut", range(6))
def test_the_rest_of_a_text_is_one_delta(cut: int) -> None:
    """Before the end of its message, wherever it was cut."""
    snapshots = seen_of(text("Hello"[:cut], index=0))
    parts, made = rest_of(message(text("Hello")), snapshots)
    assert ["Hello"[cut:]][: 5 - cut] == [part["text"]["value"] for part in parts]
    last = ["ThreadMessageCompleted", "MessageTextDone", "MessageDone"]
    assert ["ThreadMessageDelta", "MessageTextDelta"] * (cut < 5) + last == names(made)


def test_half_of_a_surrogate_pair_that_was_seen_is_part_of_the_rest() -> None:
    """The first half was not delivered, so the whole character comes."""
    snapshots = seen_of(text("a\ud83d", index=0))
    _, made = rest_of(message(text("a\U0001f600b")), snapshots)
    assert ["\U0001f600b"] == [
        x.delta.value for x in made if isinstance(x, events.MessageTextDelta)
    ]


def test_a_text_that_is_no_continuation_comes_with_the_end() -> None:
    """Nor does a part of another kind get a delta."""
    refusal = {"type": "refusal", "refusal": "Never."}
    seen = seen_of(text("Hello", index=0), {"index": 1, "type": "refusal", "refusal": "No"})
    assert [] == rest_of(message(text("Good evening"), refusal), seen)[0]
    seen = seen_of({"index": 0, "type": "refusal", "refusal": "N"}, text("T", index=1))
    assert [] == rest_of(message(text("No"), refusal), seen)[0]


def test_the_rest_of_a_refusal_is_one_delta() -> None:
    """None if it was seen to its end."""
    refusal = {"type": "refusal", "refusal": "Never."}
    parts, _ = rest_of(message(refusal), seen_of({**refusal, "index": 0, "refusal": "Nev"}))
    assert ["er."] == [part["refusal"] for part in parts]
    assert [] == rest_of(message(refusal), seen_of({**refusal, "index": 0}))[0]


def test_an_image_that_was_seen_does_not_come_again() -> None:
    """Nor another part that comes whole."""
    seen = seen_of(*({"index": at, **image} for at, image in enumerate(IMAGES)))
    assert [] == rest_of(message(*IMAGES), seen)[0]


MARKED = text("Ab [1] c [2].", cites("[1]", 6), cites("[2]", 12))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], [("Ab [1]", [0]), (" c [2]", [1]), (".", [])]),
        ([text("Ab ", index=0)], [("[1]", [0]), (" c [2]", [1]), (".", [])]),
        ([text("Ab [1]", cites("[1]", 6, 0), index=0)], [(" c [2]", [1]), (".", [])]),
        ([text("Ab [1]", index=0)], [(None, [0]), (" c [2]", [1]), (".", [])]),
        ([text("Ab [1] c [2].", cites("[1]", 6, 0), index=0)], [("", [1])]),
    ],
    ids=["nothing", "some text", "one", "its marker", "all text"],
)
def test_an_annotation_comes_with_the_text_that_it_marks(
    seen: list[dict[str, Any]], expected: list[tuple[str | None, list[int]]]
) -> None:
    """As on the wire; its index is the next one."""
    snapshots = seen_of(*seen)
    container = snapshots.followed_messages.container("msg_1") if seen else None
    missed = [
        one.payload.delta.content[0].text
        for one in message_goes_on(message(MARKED), container, waits=True)
        if one.event_class is events.ThreadMessageDelta
    ]
    assert expected == [(x.value, [one.index for one in x.annotations]) for x in missed]


def test_a_text_may_end_with_an_annotation() -> None:
    """Then nothing comes after it."""
    missed = list(message_goes_on(message(text("A [1]", cites("[1]", 5))), None, waits=True))
    assert ["thread.message.delta", "thread.message.completed"] == [one.name for one in missed]


def test_annotations_without_a_place_come_last() -> None:
    """A server may not say where they are, or something impossible."""
    odd = [cites("[1]"), cites("[2]", 99), {"type": "unknown"}]
    snapshots = seen_of(text("A", {"type": "unknown"}, index=0))
    parts, made = rest_of(message(text("Ab", {"type": "unknown"}, *odd)), snapshots)
    assert [("b", [1, 2, 3])] == [
        (part["text"]["value"], [x["index"] for x in part["text"]["annotations"]]) for part in parts
    ]
    assert 3 == names(made).count("MessageAnnotation")


def test_a_text_that_its_message_began_with_has_been_seen() -> None:
    """Its events come with the first delta, or else with the end."""
    snapshots = seen_of(content=[text("Hel"), text("Bye")])
    parts, made = rest_of(message(text("Hello"), text("Bye")), snapshots)
    assert ["lo"] == [part["text"]["value"] for part in parts]
    said = [x.delta.value for x in made if isinstance(x, events.MessageTextDelta)]
    assert ["Hel", "lo", "Bye"] == said


def test_an_empty_text_begins() -> None:
    """So that its created event comes before the message ends."""
    missed = list(message_goes_on(message(text("")), None, waits=False))
    assert ["thread.message.delta", "thread.message.completed"] == [one.name for one in missed]


# --- Steps --------------------------------------------------------------------------------------


def step(*calls: dict[str, Any], status: str = "completed") -> models.RunStep:
    """Return a step that calls tools."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return structure(models.RunStep, {"id": "step_1", "status": status, "step_details": details})


def seen_calls(*deltas: dict[str, Any]) -> Snapshots:
    """Return what is known after a step began and DELTAS came."""
    snapshots = Snapshots()
    snapshots.apply(synthetic(events.ThreadRunStepCreated, step(status="in_progress")))
    for delta in deltas:
        details = {"type": "tool_calls", "tool_calls": [delta]}
        given = {"id": "step_1", "delta": {"step_details": details}}
        payload = structure(models.RunStepDeltaEvent, given)
        snapshots.apply(Decoded(events.ThreadRunStepDelta, payload, None, ""))
    return snapshots


def missing_calls(whole: models.RunStep, snapshots: Snapshots | None = None) -> list[Any]:
    """Return the calls of the deltas that are missing, as JSON without what is empty."""
    container = None if snapshots is None else snapshots.followed_steps.container("step_1")
    missed = list(call_deltas(whole, container))
    made = [one.payload.delta.step_details.tool_calls[0] for one in missed]
    return [trimmed(unstructure(one)) for one in made]


def trimmed(value: Any) -> Any:
    """Return a JSON value without what is null or empty."""
    if isinstance(value, dict):
        found = {key: trimmed(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in (None, "", [], {})}
    return [trimmed(one) for one in value] if isinstance(value, list) else value


def function(call_id: str, arguments: str, name: str = "f") -> dict[str, Any]:
    """Return a call of a function."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CODE = "code_interpreter"


def code(source: str, *outputs: Any) -> dict[str, Any]:
    """Return a call of the code interpreter."""
    made = {"input": source, "outputs": list(outputs)}
    return {"id": "call_1", "type": CODE, CODE: made}


LOGS, IMAGE = {"type": "logs", "logs": "4 2"}, {"type": "image", "image": {"file_id": "file_1"}}
MCP = {
    "id": "call_1", "type": "mcp", "name": "find", "arguments": '{"q":1}', "server_label": "docs"
}  # fmt: skip
SEARCH = {
    "id": "call_1",
    "type": "file_search",
    "file_search": {"ranking_options": {"ranker": "r"}, "results": [{"file_id": "file_1"}]},
}
BING = {"id": "call_1", "type": "bing_grounding", "bing_grounding": {"q": "cats", "n": "2"}}


def test_a_step_begins_without_calls_and_ends_whole() -> None:
    """One that goes on does not end, and neither does one of unknown status."""
    begun = step_begins(step(function("a", "{}")))
    assert ("in_progress", []) == (begun.payload.status, begun.payload.step_details.tool_calls)
    writing = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    other = structure(models.RunStep, {"id": "s", "status": "completed", "step_details": writing})
    assert other.step_details == step_begins(other).payload.step_details
    assert ["thread.run.step.failed"] == [x.name for x in step_ends(step(status="failed"))]
    assert [[], []] == [list(step_ends(step(status=x))) for x in ("in_progress", "resting")]
    assert {"a"} == call_ids(step(function("a", "{}")))
    assert set() == call_ids(other)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (function("call_1", "{}"), [function("", "{}")]),
        (MCP, [{key: value for key, value in MCP.items() if key != "id"}]),
        (SEARCH, [{"type": "file_search", "file_search": {"ranking_options": {"ranker": "r"}}}]),
        (BING, [{"type": "bing_grounding", "bing_grounding": {"q": "cats", "n": "2"}}]),
        (
            code("6*7", LOGS, IMAGE),
            [
                {"type": CODE, CODE: {"input": "6*7"}},
                {"type": CODE, CODE: {"outputs": [{"index": 0, **LOGS}]}},
                {"type": CODE, CODE: {"outputs": [{"index": 1, **IMAGE}]}},
            ],
        ),
    ],
    ids=["function", "mcp", "file search", "unknown", "code"],
)  # fmt: skip
def test_a_call_that_was_not_seen_comes_as_the_wire_sends_it(
    call: dict[str, Any], expected: list[Any]
) -> None:
    """Its id comes with the first delta, and what follows makes the very call."""
    first, *more = [{"index": 0, **one} for one in expected]
    assert [{**first, "id": "call_1"}, *more] == missing_calls(step(call))
    snapshots = seen_calls()
    for one in call_deltas(step(call), None):
        snapshots.apply(one)
    (known,) = snapshots.run_steps
    assert isinstance(known.step_details, models.ToolCallsStepDetails)
    (made,) = known.step_details.tool_calls
    assert "call_1" == made.id
    assert type(step(call).step_details.tool_calls[0]) is type(made)  # type: ignore[union-attr]


@pytest.mark.parametrize("call", [function("", "", ""), code(""), {}])
def test_a_call_without_anything_in_it_begins(call: dict[str, Any]) -> None:
    """So that its created event comes before what follows it, as with any other call."""
    snapshots = seen_calls()
    made = [x for one in call_deltas(step(call), None) for x in snapshots.apply(one)]
    assert ["ThreadRunStepDelta", "RunStepToolCallCreated", "RunStepToolCallDelta"] == names(made)


SEEN_CODE = [
    {"index": 0, **code("6")},
    {"index": 0, **code("*7", {"index": 0, **LOGS, "logs": "4"})},
]

SEEN_LOGS = [code("", {"index": 0, "type": "logs", "logs": ""})]
SEEN_IMAGE = [code("", {"index": 0, **IMAGE})]


@pytest.mark.parametrize(
    ("seen", "call", "expected"),
    [
        ([function("call_1", '{"a')], function("call_1", '{"a":1}'), [{"arguments": '":1}'}]),
        ([function("call_1", "{}")], function("call_1", "{}"), []),
        ([function("call_1", "{x")], function("call_1", "{y}"), []),
        ([function("call_1", "", "fi")], function("call_1", "", "find"), [{"name": "find"}]),
        ([{**MCP, "arguments": '{"q'}], MCP, [{"arguments": '":1}'}]),
        ([MCP], MCP, []),
        ([SEARCH], SEARCH, []),
        ([{**BING, "bing_grounding": {"q": "cats"}}], BING, [{"q": "cats", "n": "2"}]),
        ([BING], BING, []),
        (SEEN_CODE[:1], code("6*7"), [{"input": "*7"}]),
        (SEEN_CODE, code("6*7", LOGS), [{"outputs": [{"index": 0, "type": "logs", "logs": " 2"}]}]),
        (SEEN_CODE, code("6*7", {**LOGS, "logs": "5"}), []),
        (SEEN_LOGS, code("", IMAGE), []),
        (SEEN_IMAGE, code("", IMAGE), []),
        (SEEN_IMAGE, code("", LOGS), []),
        (
            SEEN_CODE,
            code("6*7", {**LOGS, "logs": "4"}, IMAGE),
            [{"outputs": [{"index": 1, **IMAGE}]}],
        ),
        ([{"index": 0, **code("", LOGS)}], code("", {**LOGS, "logs": "4 2 9"}), []),
        ([{"index": 0, **MCP}], function("call_1", "{}"), []),
    ],
)  # fmt: skip
def test_the_rest_of_a_call_is_what_was_not_seen(
    seen: list[Any], call: dict[str, Any], expected: list[Any]
) -> None:
    """None if it was seen to its end, if it is no continuation, or if it is of another kind."""
    snapshots = seen_calls(*({"index": 0, **one} for one in seen))
    missing = missing_calls(step(call), snapshots)
    assert {0} >= {one.pop("index") for one in missing}
    kinds = [{"type": one.pop("type")} for one in missing]
    assert [{"type": call["type"]}] * len(expected) == kinds
    found = [one.get(call["type"], one) for one in missing]
    assert expected == found


def test_calls_are_known_by_id_and_else_by_place() -> None:
    """One that was not seen gets an index that is free."""
    seen = seen_calls(
        {"index": 0, **function("b", "{")},
        {"index": 3, "type": "function", "function": {"name": "f"}},
    )
    pairs = [("a", "1"), ("b", "{}"), ("", "2"), ("d", "3"), ("e", "")]
    whole = step(*(function(*pair) for pair in pairs))
    found = [(x["index"], x.get("id"), x["function"]) for x in missing_calls(whole, seen)]
    assert [
        (4, "a", {"name": "f", "arguments": "1"}),
        (0, None, {"arguments": "}"}),
        (2, None, {"name": "f", "arguments": "2"}),
        (3, None, {"arguments": "3"}),
        (5, "e", {"name": "f"}),
    ] == found


def test_a_call_that_is_of_another_kind_now_gets_no_delta() -> None:
    """Those after it do."""
    seen = seen_calls({"index": 0, **MCP}, {"index": 1, **function("b", "{")})
    whole = step(function("call_1", "{}"), function("b", "{}"), function("c", "1"))
    expected = [(1, {"arguments": "}"}), (2, {"name": "f", "arguments": "1"})]
    assert expected == [(x["index"], x["function"]) for x in missing_calls(whole, seen)]


def test_a_delta_says_no_name_that_was_seen() -> None:
    """It is null, as it is on the wire."""
    seen = seen_calls({"index": 0, **function("a", "{")}).followed_steps.container("step_1")
    (missed,) = call_deltas(step(function("a", "{}")), seen)
    (delta,) = missed.payload.delta.step_details.tool_calls
    assert (None, "}") == (delta.function.name, delta.function.arguments)
