"""The event classes: their names, what they hold, and how they are matched and compared."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest
from attrs import fields

from stream_core import events, models
from stream_core.events import DeltaEvent, DerivedEvent, Event, LocalEvent, WireEvent

BASES = {"DeltaEvent", "DerivedEvent", "Event", "LocalEvent", "WireEvent"}
CLASSES: list[Any] = [
    getattr(events, name)
    for name in events.__all__
    if name not in BASES and isinstance(getattr(events, name), type)
]

#: Classes whose events are named one by one.
NAMED = (events.ExtensionEvent, events.UnknownEvent, events.RepeatedEvent)

each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))


def example(cls: Any, value: object = "a") -> Any:
    """Make an event with VALUE wherever one is needed."""
    needed = [x.alias for x in fields(cls) if x.alias not in ("message_id", "run_step_id", "index")]
    return cls(**{name: value for name in needed if name not in ("raw", "synthetic")})


@each_class
def test_every_event_is_of_one_group(cls: Any) -> None:
    """An event was sent by a server, follows from such events, or concerns the stream itself."""
    assert 1 == sum(issubclass(cls, group) for group in (WireEvent, DerivedEvent, LocalEvent))
    assert issubclass(cls, Event)
    assert "__doc__" in vars(cls)


@each_class
def test_class_names_are_the_names_in_camel_case(cls: Any) -> None:
    """``thread.run.step.created`` is ``ThreadRunStepCreated``; ``error`` is ``ErrorEvent``."""
    if cls in NAMED:
        assert not isinstance(cls.event, str)
    else:
        words = "".join(word.capitalize() for word in re.split("[._]", cls.event))
        assert {words.replace("Url", "URL"), f"{words}Event"} & {cls.__name__}


def test_no_two_classes_have_one_name() -> None:
    """A name identifies the class, across all groups."""
    names = [cls.event for cls in CLASSES if cls not in NAMED]
    assert len(set(names)) == len(names)


@each_class
def test_an_event_knows_its_name(cls: Any) -> None:
    """Every event has ``event``, and on most it cannot be changed."""
    event = example(cls)
    assert isinstance(event.event, str)
    if cls not in NAMED:
        assert cls.event == event.event
        with pytest.raises(AttributeError):
            event.event = "other"


@each_class
def test_events_are_compared_by_class_and_fields(cls: Any) -> None:
    """Equal fields make equal events of one class; every single field and the class count."""
    event = example(cls)
    assert event == example(cls)
    for attribute in fields(cls):
        other = copy.copy(event)
        setattr(other, attribute.name, "5")  # also JSON, if the field holds JSON
        assert event != other
    assert [cls] == [other for other in CLASSES if example(other) == event]
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)


@each_class
def test_events_can_be_kept(cls: Any) -> None:
    """A copy or a pickle of an event is an equal event."""
    event = example(cls)
    for again in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):  # noqa: S301  # our own pickle
        assert event == again
        assert event is not again


@each_class
def test_events_have_no_other_attributes(cls: Any) -> None:
    """A misspelt name is an AttributeError, in both directions."""
    event = example(cls)
    with pytest.raises(AttributeError, match="no_such_field"):
        _ = event.no_such_field
    with pytest.raises(AttributeError, match="no_such_field"):
        event.no_such_field = 1


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if issubclass(cls, WireEvent)], ids=lambda cls: cls.__name__
)
def test_wire_events_have_payload_and_json(cls: Any) -> None:
    """``data`` is required; ``raw`` defaults to None and ``synthetic`` to False."""
    event = example(cls)
    assert ("a", None, False) == (event.data, event.raw, event.synthetic)
    with pytest.raises(TypeError, match="data"):
        cls()


TEXT, VALUE = '{"id": "msg_1"}', {"id": "msg_1"}


def deltas(raw: object) -> list[DeltaEvent[Any]]:
    """Make an event of each class of deltas."""
    return [
        events.ThreadMessageDelta(models.MessageDeltaEvent(), raw, snapshot=models.Message()),
        events.ThreadRunStepDelta(models.RunStepDeltaEvent(), raw, snapshot=models.RunStep()),
    ]


def test_json_that_nobody_parsed_is_parsed_at_the_first_look() -> None:
    """``raw`` from a fast path is the same value: read, compared, shown or copied."""
    for event, parsed in zip(deltas(TEXT), deltas(VALUE), strict=True):
        assert VALUE == event.raw
        assert event.raw is event.raw
        assert parsed == event
    assert deltas(VALUE) == deltas(TEXT)
    assert deltas(TEXT) == deltas(VALUE)
    assert repr(deltas(VALUE)) == repr(deltas(TEXT))
    assert [VALUE] * 2 == [event.raw for event in copy.deepcopy(deltas(TEXT))]
    assert deltas(VALUE) == pickle.loads(pickle.dumps(deltas(TEXT)))  # noqa: S301  # our own pickle


def test_a_delta_that_no_server_sent_has_no_json() -> None:
    """Its ``raw`` stays None."""
    assert [None] * 2 == [event.raw for event in deltas(None)]


def test_every_delta_of_a_text_is_a_delta_event() -> None:
    """A server sends many of them, and most are looked at only once."""
    with_snapshot = [
        cls for cls in CLASSES if issubclass(cls, WireEvent) and "snapshot" in vars(cls)
    ]
    assert [events.ThreadMessageDelta, events.ThreadRunStepDelta] == with_snapshot
    reasoning = {events.ReasoningDelta, events.ReasoningSummaryDelta}  # their payload has it
    assert {*with_snapshot} | reasoning == {x for x in CLASSES if issubclass(x, DeltaEvent)}


def test_a_text_is_no_unparsed_json() -> None:
    """If the data of another kind of event is not JSON, its ``raw`` is that text."""
    assert "[1]" == events.UnknownEvent("[1]", "[1]", event="x").raw
    assert "[DONE]" == events.Done("[DONE]", "[DONE]").raw


def test_the_text_form_says_what_came() -> None:
    """``repr`` is the constructor call without empty fields."""
    assert "Done(data='[DONE]', synthetic=True)" == repr(events.Done("[DONE]", synthetic=True))
    assert "UnknownEvent(data=5, synthetic=False, event='x')" == repr(
        events.UnknownEvent(5, event="x")
    )
    assert "StreamEnd()" == repr(events.StreamEnd())


def kind(event: Event) -> str:
    """Describe EVENT by matching."""
    match event:
        case events.ThreadMessageDelta(data=delta, snapshot=models.Message(id=name)):
            return f"{name} gains {len(delta.delta.content)}"
        case events.ThreadRunCompleted(models.Run(status="incomplete")):
            return "completed by name only"
        case events.ThreadRunCompleted() | events.ThreadRunIncomplete():
            return f"run {event.data.status}"
        case events.MessageTextDelta(models.TextDelta(value), models.Text(whole)):
            return f"{value} of {whole}"
        case events.UnknownEvent(event=name):
            return f"unknown {name}"
        case WireEvent(synthetic=True):
            return "synthetic"
        case _:
            return event.event


def test_events_can_be_matched() -> None:
    """``match`` reads classes, positions, fields and live snapshots."""
    part = models.TextContentBlock()
    part.text.grow("a")
    part.text.grow("b")
    message = models.Message(id="msg_1", content=[part])
    delta = models.MessageDeltaEvent("msg_1", models.MessageDelta([models.TextDeltaBlock(0)]))
    assert [
        "msg_1 gains 1",
        "completed by name only",
        "run completed",
        "b of ab",
        "unknown thread.of_tomorrow",
        "synthetic",
        "stream.end",
    ] == [
        kind(event)
        for event in (
            events.ThreadMessageDelta(delta, snapshot=message),
            events.ThreadRunCompleted(models.Run(status="incomplete")),
            events.ThreadRunCompleted(models.Run(status="completed")),
            events.MessageTextDelta(models.TextDelta("b"), part.text, "msg_1", 0),
            events.UnknownEvent({}, event="thread.of_tomorrow"),
            events.Done("[DONE]", synthetic=True),
            events.StreamEnd(),
        )
    ]


def test_a_delta_needs_its_snapshot() -> None:
    """No delta event exists without its snapshot."""
    for cls in (events.ThreadMessageDelta, events.ThreadRunStepDelta):
        with pytest.raises(TypeError, match="snapshot"):
            cls(models.MessageDeltaEvent())  # type: ignore[call-arg, arg-type]  # that is the test
