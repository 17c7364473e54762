"""Dialects are requested by name, or passed as objects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import events, models
from stream_core.dialects import (
    DIALECTS,
    Decoded,
    DeltaRow,
    Repeats,
    is_bare_word,
    make_dialect,
    repeats_of,
    wire_of,
)
from stream_core.dialects.assistants import AssistantsDialect
from stream_core.sse import ServerSentEvent

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_name_makes_a_new_dialect(name: str) -> None:
    """Each call makes a new instance of the class in the table."""
    module, class_name = DIALECTS[name]
    dialect = make_dialect(name)
    assert getattr(import_module(module), class_name) is type(dialect)
    assert dialect is not make_dialect(name)


def test_the_assistants_wire_has_its_dialect() -> None:
    """Its name is ``assistants``."""
    assert isinstance(make_dialect("assistants"), AssistantsDialect)


@pytest.mark.parametrize("name", ["assistant", "", "Assistants", "stream_core.dialects"])
def test_a_name_that_no_dialect_has_is_refused_with_the_known_ones(name: str) -> None:
    """The sentence has the name that was passed and every name to choose from."""
    with pytest.raises(ValueError, match="there is no dialect") as caught:
        make_dialect(name)
    known = ", ".join(sorted(DIALECTS))
    assert f"there is no dialect {name!r}; choose one of: {known}" == str(caught.value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("ping", True),
        (" keep-alive\n", True),
        ("heartbeat", True),
        ("p", True),
        ("", False),
        ("[DONE]", False),
        ("two words", False),
        ("<p>", False),
        ("5", False),
        ("a" * 65, False),
    ],
)
def test_a_bare_word(data: str, *, expected: bool) -> None:
    """It is a word of at most 64 letters, digits and dashes that begins with a letter."""
    assert expected is is_bare_word(data)


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("event", ["", "message", "ping"])
def test_data_ping_is_an_unknown_event_on_all_wires(name: str, event: str) -> None:
    """A heartbeat that is a bare word ends no stream, whatever the wire."""
    (decoded,) = make_dialect(name).decode(ServerSentEvent(event, "ping", 0))
    assert (events.UnknownEvent, "ping", "ping", event or "message") == (
        decoded.event_class,
        decoded.payload,
        decoded.raw,
        decoded.name,
    )


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_dialect_knows_its_name(name: str) -> None:
    """By its class, so that a subclass is somebody else's."""
    dialect = make_dialect(name)
    assert name == wire_of(dialect)
    assert wire_of(type("Mine", (type(dialect),), {})()) is None


class Shouting:
    """A made-up dialect: every frame is an unknown event in capitals."""

    def decode(self, frame: ServerSentEvent) -> Sequence[Decoded]:
        text = frame.data.upper()
        return [Decoded(events.UnknownEvent, text, frame.data, "shout")]


def test_a_dialect_of_ones_own_is_taken_as_it_is() -> None:
    """Any object with ``decode`` is a dialect; it is not copied."""
    dialect = Shouting()
    assert dialect is make_dialect(dialect)
    (decoded,) = dialect.decode(ServerSentEvent("", "hi", 0))
    assert (events.UnknownEvent, "HI", "hi") == (
        decoded.event_class,
        decoded.payload,
        decoded.raw,
    )
    assert ("shout", False) == (decoded.name, decoded.synthetic)


def test_a_row_is_narrowed_to_the_keys_of_a_frame() -> None:
    """The piece is always there; one object stands for the same keys."""
    row = DeltaRow("delta", ("pad", "more"), "n", "usage")
    assert DeltaRow("delta", ("more",), "n") == row.only({"more", "n", "x"})
    assert DeltaRow("delta") == row.only(set())
    assert row.only({"pad", "usage"}) is row.only({"pad", "usage", "y"})


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_says_whether_its_frames_can_come_again(name: str) -> None:
    """A subclass may decode otherwise, so it does not inherit that; nor does one of one's own."""
    dialect = make_dialect(name)
    assert repeats_of(dialect) is not None
    subclass = type("Own", (type(dialect),), {})
    assert repeats_of(subclass()) is None
    assert repeats_of(Shouting()) is None


TEXT = models.MessageDeltaEvent(
    "m", models.MessageDelta([models.TextDeltaBlock(0, "text", models.TextDelta("a"))])
)
CALL = models.RunStepDeltaEvent(
    "s",
    models.RunStepDelta(
        models.ToolCallDeltaObject("tool_calls", [models.FunctionToolCallDelta(0)])
    ),
)
CODE = models.RunStepDeltaEvent(
    "s",
    models.RunStepDelta(
        models.ToolCallDeltaObject("tool_calls", [models.CodeInterpreterToolCallDelta(0)])
    ),
)
OTHER = models.RunStepDeltaEvent("s", models.RunStepDelta(models.RunStepDeltaMessageDelta()))


@pytest.mark.parametrize(
    ("event_class", "payload", "expected"),
    [
        (events.ThreadMessageDelta, TEXT, Repeats(DeltaRow("value"))),
        (events.ThreadRunStepDelta, CALL, Repeats(DeltaRow("arguments"))),
        (events.ThreadRunStepDelta, CODE, Repeats(DeltaRow("input"))),
        (events.ThreadRunStepDelta, OTHER, None),
        (events.ThreadRunStepDelta, models.RunStepDeltaEvent("s", models.RunStepDelta()), None),
        (events.ThreadRunCreated, models.Run("r"), None),
    ],
)
@pytest.mark.parametrize("name", ["assistants", "auto"])
def test_on_the_assistants_wire_a_piece_has_its_key(
    name: str, event_class: type[events.WireEvent[Any]], payload: Any, expected: Repeats | None
) -> None:
    """No frame depends on another."""
    repeats = repeats_of(make_dialect(name))
    assert repeats is not None
    assert expected == repeats(Decoded(event_class, payload, None, event_class.event))
