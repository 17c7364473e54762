"""The state of a whole stream: threads, runs, and everything in it at once.

The property test at the end makes streams of several messages and steps in turns, with
everything that servers leave out, repeat and shuffle, and compares with :class:`Model`, which
only joins what the frames contain.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import Decoded
from stream_core.dialects.assistants import EVENTS
from stream_core.models import TERMINAL_RUN_STATUSES
from stream_core.snapshots.stream_state import Snapshots
from tests.support.frames import (
    DONE,
    call,
    check_transcript,
    citation,
    decode_every_way,
    message,
    message_delta,
    run,
    sse,
    step,
    step_delta,
    text_delta,
    whole_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.frames import Frame


# --- Threads and runs -------------------------------------------------------------------


def test_a_thread_is_created_once() -> None:
    """If it is created a second time, that is a repetition."""
    thread = ("thread.created", {"id": "thread_1"})
    out = decode_every_way(whole_run(thread, thread))
    assert ["ThreadRunCreated", "ThreadCreated", "RepeatedEvent"] == out.names[:3]
    assert "thread.created" == out.of(events.RepeatedEvent)[0].event


def test_a_thread_that_was_created_is_known() -> None:
    """Without that event it is None."""
    snapshots = Snapshots()
    assert None is snapshots.thread_id
    thread = models.Thread(id="thread_1")
    snapshots.apply(Decoded(events.ThreadCreated, thread, None, "thread.created"))
    assert "thread_1" == snapshots.thread_id


@pytest.mark.parametrize(
    ("thread", "own", "expected"),
    [
        ("thread_1", None, "thread_1"),
        ("thread_1", "thread_2", "thread_2"),
        (None, "thread_2", "thread_2"),
        (None, None, ""),
    ],
)
def test_a_run_without_a_thread_is_in_the_one_that_was_created(
    thread: str | None, own: str | None, expected: str
) -> None:
    """Its own thread counts first; without any, the id is empty."""
    begins = [("thread.created", {"id": thread})] if thread else []
    out = decode_every_way(sse(*begins, run("created", thread_id=own)))
    assert expected == out.of(events.ThreadRunCreated)[0].data.thread_id


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("in_progress", (False, False, False)),
        ("requires_action", (True, False, True)),
        ("completed", (True, True, False)),
        ("expired", (True, True, False)),
    ],
)
def test_a_run_may_be_noted_without_an_event(
    status: str, expected: tuple[bool, bool, bool]
) -> None:
    """It is then the current one, and its status counts until the next stream begins."""
    snapshots, noted = Snapshots(), models.Run(id="run_1", status=status)
    snapshots.note(noted)
    assert noted is snapshots.current_run
    assert expected == (snapshots.ended, snapshots.terminated, snapshots.requires_action)
    snapshots.resume()
    assert noted is snapshots.current_run
    assert (False, False) == (snapshots.ended, snapshots.requires_action)


@pytest.mark.parametrize("status", sorted(TERMINAL_RUN_STATUSES))
def test_every_kind_of_end_ends_the_run_once(status: str) -> None:
    """This covers completed, failed, incomplete, cancelled and expired, even if sent twice."""
    data = sse(run("created"), run("in_progress"), run(status), run(status), DONE)
    out = decode_every_way(data)
    assert ["RunDone", "RepeatedEvent", "Done"] == out.names[-3:]
    assert [status] == [x.run.status for x in out.of(events.RunDone)]


def test_a_run_that_ends_in_two_ways_is_done_once() -> None:
    """Both wire events are delivered; the later one is the state of the run."""
    out = decode_every_way(sse(run("created"), run("completed"), run("expired"), DONE))
    expected = ["ThreadRunCreated", "ThreadRunCompleted", "RunDone", "ThreadRunExpired", "Done"]
    assert expected == out.names


def test_the_status_is_the_objects_whatever_the_name() -> None:
    """A completed with the status incomplete is an end; one with in_progress is not."""
    early = sse(run("created"), run("completed", status="incomplete"), DONE)
    assert "incomplete" == decode_every_way(early).of(events.RunDone)[0].run.status
    none = sse(run("created"), run("completed", status="in_progress"), DONE)
    assert [] == decode_every_way(none).of(events.RunDone)


def test_the_name_counts_if_the_object_has_no_status() -> None:
    """Some minimal servers send none."""
    out = decode_every_way(sse(("thread.run.failed", {"id": "run_1"}), DONE))
    assert ["ThreadRunFailed", "RunDone", "Done"] == out.names


def test_a_created_run_that_comes_again_is_a_repetition() -> None:
    """Other statuses may come any number of times."""
    data = sse(*[run("created")] * 2, *[run("in_progress")] * 2, run("completed"), DONE)
    out = decode_every_way(data)
    assert ["ThreadRunCreated", "RepeatedEvent"] == out.names[:2]
    assert 2 == len(out.of(events.ThreadRunInProgress))


def test_everything_open_is_done_before_the_run_is() -> None:
    """The order is calls, then messages, then steps, then the run."""
    out = decode_every_way(
        whole_run(
            message("created"), text_delta("a"), step("created"), step_delta(call(0, id="call_1"))
        )
    )
    expected = [
        "ThreadRunCompleted",
        "RunStepToolCallDone",
        "MessageTextDone",
        "MessageDone",
        "RunStepDone",
        "RunDone",
        "Done",
    ]
    assert expected == out.names[-7:]


def test_everything_open_is_done_before_done() -> None:
    """This is for servers that send no end of the run."""
    out = decode_every_way(sse(run("created"), message("created"), text_delta("a"), DONE))
    assert ["MessageTextDone", "MessageDone", "Done"] == out.names[-3:]


def test_a_run_that_requires_action_closes_its_calls_only() -> None:
    """Messages and steps may continue in the stream that follows, even after done."""
    out = decode_every_way(
        sse(
            run("created"),
            message("created"),
            text_delta("a"),
            step("created"),
            step_delta(call(0, id="call_1")),
            run("requires_action"),
            DONE,
        )
    )
    assert ["ThreadRunRequiresAction", "RunStepToolCallDone", "Done"] == out.names[-3:]


def test_what_is_open_is_named() -> None:
    """The names are as an error has them; a run that had its last status is not open."""
    decoder = EventDecoder()
    decoder.feed(sse(run("created"), message("created"), step("created")))
    list(iter(decoder.next_event, None))
    snapshots = decoder.snapshots
    assert ["run run_1", "run step step_1", "message msg_1"] == snapshots.open_objects
    assert not snapshots.ended
    decoder.feed(sse(run("requires_action")))
    list(iter(decoder.next_event, None))
    assert ["run step step_1", "message msg_1"] == snapshots.open_objects
    assert snapshots.ended


def test_the_state_is_empty_at_the_beginning() -> None:
    """There is neither a run nor anything in it."""
    snapshots = Snapshots()
    assert (None, None, None) == (
        snapshots.current_run,
        snapshots.current_message,
        snapshots.current_run_step,
    )
    assert ([], [], []) == (snapshots.messages, snapshots.run_steps, snapshots.open_objects)
    assert [] == snapshots.close()
    assert not snapshots.ended


def test_the_end_of_one_stream_is_not_that_of_the_next() -> None:
    """A run that required action is open again; its state stays known."""
    decoder = EventDecoder()
    decoder.feed(sse(run("created"), run("requires_action"), DONE))
    list(iter(decoder.next_event, None))
    decoder.snapshots.resume()
    assert not decoder.snapshots.ended
    assert ["run run_1"] == decoder.snapshots.open_objects


def test_the_current_run_is_the_last_one_sent() -> None:
    """It is not an older object with a changed status."""
    decoder = EventDecoder()
    decoder.feed(sse(run("created"), run("in_progress", model="m")))
    seen = list(iter(decoder.next_event, None))
    last = seen[-1]
    assert isinstance(last, events.ThreadRunInProgress)
    assert decoder.snapshots.current_run is last.data


@pytest.mark.parametrize("name", sorted(set(EVENTS) - {"done", "error"}))
def test_every_name_of_the_wire_is_delivered_under_its_name(name: str) -> None:
    """It comes once and not as something else, even as the first and only event."""
    event_class, payload_class = EVENTS[name]
    payload = payload_class(id="id_1")
    out = Snapshots().apply(Decoded(event_class, payload, {"id": "id_1"}, name))
    sent = [x for x in out if isinstance(x, events.WireEvent) and not x.synthetic]
    assert [(event_class, name, payload)] == [(type(x), x.event, x.data) for x in sent]


def test_events_without_an_object_change_nothing() -> None:
    """These are an error, done, and unknown names."""
    snapshots = Snapshots()
    error = models.Error("no")
    out = snapshots.apply(Decoded(events.ErrorEvent, error, None, "error"))
    assert [events.ErrorEvent(error)] == out
    out = snapshots.apply(Decoded(events.Done, "[DONE]", None, "done"))
    assert [events.Done("[DONE]")] == out
    (event,) = snapshots.apply(Decoded(events.UnknownEvent, 5, 5, "thread.run.dreaming"))
    assert events.UnknownEvent(5, 5, event="thread.run.dreaming") == event
    assert snapshots.current_run is None


# --- Random streams ---------------------------------------------------------------------

#: The pieces of texts: everything that needs an escape in JSON or has a meaning in a stream.
_PIECES = ("", "a", "Hello", '"', "\\", "\\u0041", "\n", "é", "😀", "\u2028", "data: ", "{}", "\r")


@attrs.define
class Plan:
    """The frames of one object, in order.

    Attributes:
        frames: The frames.
        end: How many come before the object is done; later ones are only delivered.
    """

    frames: list[Frame]
    end: int | None = None


def plan_message(chance: random.Random, message_id: str) -> Plan:
    """Make a message: up to four parts in any order, with or without a beginning and an end."""
    kinds = [chance.choice(("text", "text", "refusal")) for _ in range(chance.randint(1, 4))]
    beginnings = [
        message(status, message_id=message_id)
        for status in chance.choices(("created", "in_progress"), k=chance.randint(0, 3))
    ]
    deltas = [
        _part_delta(chance, message_id, index, kinds[index])
        for index in chance.choices(range(len(kinds)), k=chance.randint(1, 12))
    ]
    plan = Plan([*beginnings, *deltas])
    if chance.random() < 0.7:
        plan.end = len(plan.frames)
        plan.frames += _message_ends(chance, message_id, kinds, deltas)
        late = _part_delta(chance, message_id, 0, kinds[0])
        plan.frames += [late] * chance.randint(0, 1)
    return plan


def _part_delta(chance: random.Random, message_id: str, index: int, kind: str) -> Frame:
    """Make a delta of one part."""
    value = chance.choice(_PIECES)
    if kind == "refusal":
        part = {"index": index, "type": "refusal", "refusal": value}
        return message_delta(part, message_id=message_id)
    numbers = chance.sample(range(5), chance.choice((0, 0, 0, 1, 2)))
    found = [citation(number, f"[{number}]", end_index=number) for number in numbers]
    shown = None if found and chance.random() < 0.5 else value
    return text_delta(shown, *found, index=index, message_id=message_id)


def _message_ends(
    chance: random.Random, message_id: str, kinds: list[str], deltas: list[Frame]
) -> Iterable[Frame]:
    """Make the end of a message: complete, with everything that the deltas had, or incomplete."""
    if chance.random() < 0.2:
        return [message("incomplete", message_id=message_id)]
    model = Model()
    model.add(deltas)
    content: list[dict[str, Any]] = []
    for index, kind in enumerate(kinds):
        where = (message_id, index)
        whole = model.texts.get(where, "" if kind == "refusal" else "never in a delta")
        if kind == "refusal":
            content.append({"type": "refusal", "refusal": whole})
            continue
        known = [citation(None, f"[{number}]") for number in model.annotations[where]]
        content.append({"type": "text", "text": {"value": whole, "annotations": known}})
    return [message("completed", *content, message_id=message_id)] * chance.randint(1, 2)


def plan_step(chance: random.Random, step_id: str) -> Plan:
    """Make a step: up to three calls in turns, with or without a beginning and an end."""
    count = chance.randint(1, 3)
    begun: set[int] = set()
    statuses = chance.choices(("created", "in_progress"), k=chance.randint(0, 3))
    frames: list[Frame] = [step(status, step_id) for status in statuses]
    for index in chance.choices(range(count), k=chance.randint(1, 10)):
        first = {} if index in begun else {"id": f"{step_id}_call_{index}", "name": "f"}
        begun.add(index)
        piece = call(index, **first, arguments=chance.choice(_PIECES))
        frames.append(step_delta(piece, step_id=step_id))
    plan = Plan(frames)
    if chance.random() < 0.7:
        plan.end = len(frames)
        model = Model()
        model.add(frames)
        final = [
            {
                "id": f"{step_id}_call_{index}",
                "type": "function",
                "function": {"name": "f", "arguments": model.texts[step_id, index]},
            }
            for index in chance.sample(sorted(begun), len(begun))
        ]
        details = {"type": "tool_calls", "tool_calls": final}
        end = step(chance.choice(("completed", "failed")), step_id, step_details=details)
        plan.frames += [end] * chance.randint(1, 2)
        plan.frames += [step("created", step_id)] * chance.randint(0, 1)
    return plan


class Model:
    """The content of the frames, joined by id and index, and nothing else.

    Attributes:
        texts: Text, refusal or arguments of each part and call that has had a delta.
        annotations: Indexes of the annotations of each text part.
    """

    def __init__(self) -> None:
        self.texts: dict[tuple[str, int], str] = {}
        self.annotations: dict[tuple[str, int], set[int]] = defaultdict(set)

    def add(self, frames: Iterable[Frame]) -> None:
        """Join the content of FRAMES."""
        for _, payload in frames:
            delta = payload.get("delta", {})
            for part in delta.get("content", ()):
                where = (payload["id"], part["index"])
                text = part.get("text", {})
                self._append(where, text.get("value") or part.get("refusal"))
                self.annotations[where] |= {x["index"] for x in text.get("annotations", ())}
            for one in delta.get("step_details", {}).get("tool_calls", ()):
                self._append((payload["id"], one["index"]), one["function"]["arguments"])

    def _append(self, where: tuple[str, int], value: str | None) -> None:
        self.texts[where] = self.texts.get(where, "") + (value or "")


def in_turns(chance: random.Random, plans: list[Plan]) -> list[Frame]:
    """Shuffle the frames of all plans, keeping the order within each plan."""
    turns = [number for number, plan in enumerate(plans) for _ in plan.frames]
    chance.shuffle(turns)
    queues = [iter(plan.frames) for plan in plans]
    return [next(queues[number]) for number in turns]


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_any_stream_is_delivered_in_order_and_once(seed: int) -> None:
    """Every frame comes once and in order, all is created and done once, all text is in deltas.

    That includes text that only the final message has. Any chunking gives the same events.
    """
    chance = random.Random(seed)
    plans = [plan_message(chance, f"msg_{number}") for number in range(chance.randint(0, 3))]
    plans += [plan_step(chance, f"step_{number}") for number in range(chance.randint(0, 2))]
    frames = in_turns(chance, plans)
    out = decode_every_way(whole_run(*frames), seeds=[seed])
    assert out.error is None
    check_transcript(out.events, ended=True)
    sent = [x for x in out.events if isinstance(x, events.WireEvent) and not x.synthetic]
    names = [name for name, _ in frames]
    assert ["thread.run.created", *names, "thread.run.completed", "done"] == [x.event for x in sent]

    model = Model()
    for plan in plans:
        model.add(plan.frames[: plan.end])
    joined: dict[tuple[str, int], str] = defaultdict(str)
    for event in out.events:
        match event:
            case events.MessageTextDelta():
                joined[event.message_id, event.index] += event.delta.value or ""
            case events.MessageRefusalDelta():
                joined[event.message_id, event.index] += event.delta.refusal or ""
            case events.RunStepToolCallDelta(delta=models.FunctionToolCallDelta(function=one)):
                assert one is not None
                joined[event.run_step_id, event.index] += one.arguments or ""
    expected = {where: value for where, value in model.texts.items() if value}
    whole = {where: value for where, value in joined.items() if value}
    assert expected == {where: value for where, value in whole.items() if where in expected}
    assert {"never in a delta"} >= {whole[where] for where in whole.keys() - expected.keys()}

    annotated = [(x.message_id, x.index) for x in out.of(events.MessageAnnotation)]
    assert {where: len(numbers) for where, numbers in model.annotations.items() if numbers} == {
        where: annotated.count(where) for where in set(annotated)
    }
    for event in out.of(events.MessageTextDone, events.RunStepToolCallDone):
        match event:
            case events.MessageTextDone():
                assert joined[event.message_id, event.index] == event.text.value
            case events.RunStepToolCallDone(tool_call=models.FunctionToolCall(function=called)):
                assert joined[event.run_step_id, event.index] == called.arguments
