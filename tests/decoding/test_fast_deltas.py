"""A template reads frames that differ from its own in one JSON string, and no others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from hypothesis import example, given
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.decoding.fast_deltas import DeltaTemplate, learn
from tests.support.frames import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_core.events import Event
    from stream_core.snapshots.blocks import Wants

NAME = "thread.message.delta"
BEFORE = f"event: {NAME}\ndata: "
NEW = json.dumps("new")


@define
class Folded:
    """The arguments of one call of a repeater.

    Attributes:
        value: The text.
        raw: The JSON, or None if it was left out.
        wants: Which of the derived events somebody wants.
    """

    value: str
    raw: str | None
    wants: Wants | None


@define
class ValueRepeater:
    """A repeater of the text under ``key``; it folds nothing in and records its arguments.

    Attributes:
        key: The key.
        answer: What it returns.
        folded: The arguments of its calls.
    """

    event_class = events.ThreadMessageDelta
    key: str = "value"
    answer: Sequence[Event] | None = ()
    folded: list[Folded] = field(factory=list)

    def fold(self, value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        """Record the arguments."""
        self.folded.append(Folded(value, raw, wants))
        return self.answer


def framed(data: str) -> str:
    """Write a frame."""
    return f"{BEFORE}{data}\n\n"


def learned(data: str, repeater: ValueRepeater | None = None) -> DeltaTemplate | None:
    """Learn from a frame whose data is DATA."""
    return learn(framed(data), repeater or ValueRepeater(), NAME)


def found(template: DeltaTemplate, repeater: ValueRepeater, frame: str) -> str | None:
    """Read a frame; return the text folded in, or None if it does not match."""
    repeater.folded.clear()
    if template.read(frame, None) is None:
        assert not repeater.folded
        return None
    (folded,) = repeater.folded
    return folded.value


def value_template(**options: Any) -> tuple[DeltaTemplate, ValueRepeater]:
    """Return the template of ``{"id":1,"value":...}``."""
    repeater = ValueRepeater(**options)
    template = learned('{"id":1,"value":"a"}', repeater)
    assert template is not None
    return template, repeater


# --- Reading ----------------------------------------------------------------------------


@given(st.text(), st.booleans())
def test_every_string_is_read(value: str, escaped: bool) -> None:
    """Any JSON string in the hole is read correctly; the JSON is passed on as it was sent."""
    written = json.dumps({"id": 1, "value": value}, ensure_ascii=escaped, separators=(",", ":"))
    template, repeater = value_template()
    assert value == found(template, repeater, framed(written))
    assert [Folded(value, written, None)] == repeater.folded


@given(st.text(alphabet='":\\u\x00\n\r\t}{\u2028\ud800e9 va', max_size=20))
@example('a","value":"b')
@example('"}\n\n')
def test_just_the_json_strings_are_read(written: str) -> None:
    """A frame that is read parses to the same text; others have no string there, or more."""
    frame = framed(f'{{"id":1,"value":"{written}"}}')
    try:
        pairs = json.loads(frame[len(BEFORE) : -2], object_pairs_hook=list)
    except ValueError:
        pairs = []
    value = found(*value_template(), frame)
    assert ([("id", 1), ("value", value)] == pairs) is (value is not None)
    assert (len(pairs) == len(["id", "value"])) is (value is not None)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        BEFORE,
        BEFORE + '{"id":1,"value":"a',
        BEFORE + '{"id":1,"value":"a"}',
        BEFORE + '{"id":1,"value":"a"}\n',
        BEFORE + '{"id":1,"value":"a"}\n: more\n\n',
        BEFORE + '{"id":1,"value":"a"}\r\n\r\n',
        BEFORE.replace("event", "id") + '{"id":1,"value":"a"}\n\n',
        BEFORE.replace("message", "run.step") + '{"id":1,"value":"a"}\n\n',
        ":\n" + BEFORE + '{"id":1,"value":"a"}\n\n',
        BEFORE + '{"id":2,"value":"a"}\n\n',
        BEFORE + '{"id":1,"value":"a"} \n\n',
        BEFORE + '{"id":1,"value": "a"}\n\n',
        BEFORE + '{"id":1,"value":"a","value":"b"}\n\n',
        BEFORE + '{"id":1,"value":"a","x":"b"}\n\n',
        BEFORE + '{"id":1,"value":null}\n\n',
        BEFORE + '{"id":1,"value":"a\tb"}\n\n',
        BEFORE + '{"id":1,"value":"a\nb"}\n\n',
        BEFORE + '{"id":1,"value":"\\x"}\n\n',
    ],
)
def test_a_frame_that_differs_is_not_read(frame: str) -> None:
    """It is incomplete, contains more, or is not JSON."""
    assert found(*value_template(), frame) is None


def test_two_frames_are_not_one() -> None:
    """They are not read as one, whatever is in the first."""
    one = framed('{"id":1,"value":"a"}')
    assert found(*value_template(), one + one) is None


def test_a_template_knows_its_name() -> None:
    """It is the name of the frame's event."""
    assert NAME == value_template()[0].name


def test_the_result_is_the_repeaters() -> None:
    """Its events are returned as they are, and None if it refuses the delta."""
    delta = models.MessageDeltaEvent()
    out = [events.ThreadMessageDelta(delta, snapshot=models.Message())]
    for answer in (out, [], None):
        template, _ = value_template(answer=answer)
        assert template.read(framed('{"id":1,"value":"b"}'), None) is answer


@pytest.mark.parametrize("derived", [True, False])
def test_json_that_nobody_wants_is_not_cut_out(derived: bool) -> None:
    """Without the wire event, the derived event is made only if it is wanted."""
    wants = Wanted(lambda event_class: event_class is events.MessageTextDelta and derived)
    template, repeater = value_template()
    template.read(framed('{"id":1,"value":"b"}'), wants)
    assert [Folded("b", None, wants)] == repeater.folded


@pytest.mark.parametrize("derived", [True, False])
def test_with_the_wire_event_the_derived_event_is_made(derived: bool) -> None:
    """Whoever gets the first may want the second from then on, so both are made."""
    wants = Wanted(lambda event_class: event_class is events.ThreadMessageDelta or derived)
    template, repeater = value_template()
    template.read(framed('{"id":1,"value":"b"}'), wants)
    assert [Folded("b", '{"id":1,"value":"b"}', None)] == repeater.folded


# --- Learning ---------------------------------------------------------------------------

FIRST = ['"a"', '""', r'"say \"hi\""', r'"\u0076alue\\"', r'"\ud83d"', '"☃ value :"', '"}]}"']


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize(
    "shape",
    [
        '{"value":%s}',
        ' { "value" :\t%s } ',
        '{"value":   %s}',
        '{"x":[{"value":%s}]}',
        '{"x":"value\'s","value":%s,"y":"value:"}',
        '{"value2":"x","value":%s,"a value":"b"}',
        '{"Value":"x","value":%s}',
    ],
)
def test_frames_that_are_learned(shape: str, first: str) -> None:
    """White space, depth, similar keys and the text itself are no obstacle."""
    repeater = ValueRepeater()
    template = learned(shape % first, repeater)
    assert template is not None
    for value in ("new", json.loads(first), '"value"'):
        assert value == found(template, repeater, framed(shape % json.dumps(value)))


@pytest.mark.parametrize("key", ["arguments", "input", "value"])
def test_the_key_is_the_repeaters(key: str) -> None:
    """Other keys are text around the hole."""
    data = '{"value":"1","arguments":"2","input":"3"}'
    repeater = ValueRepeater(key)
    template = learned(data, repeater)
    assert template is not None
    assert json.loads(data)[key] == found(template, repeater, framed(data))


@pytest.mark.parametrize(
    "data",
    [
        # the key is missing, or has no text
        '{"id":"a"}',
        '{"value":5}',
        '{"value":null,"x":"a"}',
        '{"value":["a"]}',
        '{"value":{"x":"a"}}',
        '["value"]',
        '["value","a"]',
        '{"x":"value"}',
        '{"x":"value","y":"a"}',
        # the key twice, nested or not, as a key or as a text; the hole may hold one of them
        '{"value":"a","value":"b"}',
        '{"value":"a","value":5}',
        '{"value":"a","x":{"value":"b"}}',
        '{"value":{"value":"b"}}',
        '{"value":"a","x":["value"]}',
        '{"x":"value","value":"a"}',
        '{"value":"value"}',
        # escapes: another spelling would be possible, before, after, as a key or in a text
        r'{"val\u0075e":"a"}',
        r'{"val\u0075e":"a","value":"b"}',
        r'{"value":"b","val\u0075e":"a"}',
        r'{"value":"b","x":"\u0041"}',
        r'{"\u0041":1,"value":"b"}',
        r'{"x":"say \"value\":\"a\""}',
        r'{"x":"say \"value\"","value":"b"}',
        r'{"x":"\"value","k:":"x","val\u0075e":":"}',
        r'{"value":"b","x":"\\"}',
        r'{"x":"\\","value":"b"}',
    ],
)
def test_frames_that_are_not_learned(data: str) -> None:
    """If the text cannot be cut out with certainty, there is no template."""
    assert learned(data) is None


#: The pieces of JSON that has the key in unlikely places.
_TEXTS = st.sampled_from(['"a"', '"value"', r'"\"value\":\""', r'"val\u0075e"', '"x"', '""', '":"'])
_VALUES = st.recursive(
    _TEXTS | st.sampled_from(["1", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda made: f"[{','.join(made)}]")
        | st.lists(st.tuples(_TEXTS, inner), max_size=4).map(
            lambda made: "{%s}" % ",".join(f"{key}:{value}" for key, value in made)  # noqa: UP031  # braces
        )
    ),
    max_leaves=12,
)


def replaced(value: Any, new: str) -> tuple[Any, int]:
    """Return VALUE with NEW under each key "value", and the number of such keys."""
    if isinstance(value, dict):
        made, count = {}, 0
        for key, inner in value.items():
            if key == "value":
                made[key], more = new, 1
            else:
                made[key], more = replaced(inner, new)
            count += more
        return made, count
    if isinstance(value, list):
        pairs = [replaced(inner, new) for inner in value]
        return [x for x, _ in pairs], sum(count for _, count in pairs)
    return value, 0


#: A text of JSON, escapes included.
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


@given(_VALUES, st.booleans())
@example('{"value":"a"}', False)
@example('{"value":"val\\u0075e"}', False)
@example('{"x":{"value":"a"},"x":1}', False)
def test_the_hole_is_the_one_text_under_the_key(data: str, spaced: bool) -> None:
    """In a frame that is learned, whatever its JSON, the hole is the text under the key.

    It may be in an object that is dropped, such as that of a key that comes again. Then nothing
    has the key any more, and no delta consists of a text under it.
    """
    if spaced:
        data = data.replace(",", " , ")
    repeater = ValueRepeater()
    template = learned(data, repeater)
    if template is None:
        return
    frame = framed(data)
    value = found(template, repeater, frame)
    assert value is not None
    texts = [x for x in _JSON_TEXT.finditer(frame) if json.loads(x[0]) == value]
    read = [frame[: x.start()] + NEW + frame[x.end() :] for x in texts]
    (other,) = {x for x in read if found(template, repeater, x) == "new"}
    expected, count = replaced(json.loads(data), "new")
    assert count in {0, 1}
    assert expected == json.loads(other[len(BEFORE) :])
