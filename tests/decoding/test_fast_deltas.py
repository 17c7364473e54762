"""A template reads frames that differ from its own in its holes, and no others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import define, field
from hypothesis import example, given
from hypothesis import strategies as st

from stream_core import events, models
from stream_core.decoding.fast_deltas import Template, learn
from stream_core.dialects import DeltaRow, Repeats
from stream_core.models.surrogates import can_encode
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


class AnyText:
    """Equal to every text."""

    def __eq__(self, other: object) -> bool:
        """Return whether OTHER is a text."""
        return isinstance(other, str)

    __hash__ = None  # type: ignore[assignment]  # equal to too much


@define
class ValueRepeater:
    """A repeater that folds nothing in and records its arguments.

    Attributes:
        answer: What it returns.
        piece: The text of the delta that it repeats.
        folded: The arguments of its calls.
    """

    event_class = events.ThreadMessageDelta
    answer: Sequence[Event] | None = ()
    piece: Any = field(factory=AnyText)
    folded: list[Folded] = field(factory=list)

    def fold(self, value: str, raw: str | None, wants: Wants | None) -> Sequence[Event] | None:
        """Record the arguments."""
        self.folded.append(Folded(value, raw, wants))
        return self.answer


@define
class Numbers:
    """Remembers the number of the last frame."""

    sequence_number: int | None


ROW = DeltaRow("value")


def framed(data: str) -> str:
    """Write a frame."""
    return f"{BEFORE}{data}\n\n"


def learned(
    data: str, repeater: ValueRepeater | None = None, row: DeltaRow = ROW, **more: Any
) -> Template | None:
    """Learn from a frame whose data is DATA."""
    repeats, made = Repeats(row, **more), repeater or ValueRepeater()
    return learn(framed(data), NAME, cast("Any", made), repeats)


def found(template: Template, repeater: ValueRepeater, frame: str) -> str | None:
    """Read a frame; return the text folded in, or None if it does not match."""
    repeater.folded.clear()
    came = template.read(frame, None)
    inside = template.read_at(f"before{frame}after", len("before"), None)
    assert (came is None) == (inside is None)
    if came is None:
        assert not repeater.folded
        return None
    assert template.place == [len("before") + len(frame)]
    folded, again = repeater.folded
    assert folded == again
    del repeater.folded[1]
    return folded.value


def value_template(**options: Any) -> tuple[Template, ValueRepeater]:
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
    assert (value or None) == found(template, repeater, framed(written))
    assert [Folded(value, written, None)] * bool(value) == repeater.folded


@given(st.text(alphabet='":\\u\x00\n\r\t}{\u2028e9 va', max_size=20))
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
    text = dict(pairs).get("value", "")
    good = len(pairs) == len(["id", "value"]) and text != "" and can_encode(text)
    assert good is (value is not None)
    assert value in {None, text}


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
    template, repeater = value_template()
    assert template.read(one + one, None) is None
    assert [] == repeater.folded


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
        expected = value if value and can_encode(value) else None
        assert expected == found(template, repeater, framed(shape % json.dumps(value)))


@pytest.mark.parametrize("key", ["arguments", "input", "value"])
def test_the_key_is_that_of_the_row(key: str) -> None:
    """Other keys are text around the hole."""
    data = '{"value":"1","arguments":"2","input":"3"}'
    repeater = ValueRepeater()
    template = learned(data, repeater, DeltaRow(key))
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
    """If a hole cannot be cut out with certainty, there is no template."""
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
    if value is None:  # an empty piece can be learned from, but is not folded in
        assert '""' in data
        return
    texts = [x for x in _JSON_TEXT.finditer(frame) if json.loads(x[0]) == value]
    read = [frame[: x.start()] + NEW + frame[x.end() :] for x in texts]
    (other,) = {x for x in read if found(template, repeater, x) == "new"}
    expected, count = replaced(json.loads(data), "new")
    assert count in {0, 1}
    assert expected == json.loads(other[len(BEFORE) :])


# --- Other holes ------------------------------------------------------------------------


def test_the_piece_must_be_that_of_the_delta() -> None:
    """Another text under the key is not what was folded in."""
    assert learned('{"value":"a"}', ValueRepeater(piece="a")) is not None
    assert learned('{"value":"a"}', ValueRepeater(piece="b")) is None


@pytest.mark.parametrize(
    "shape",
    [
        '{"value":%s,"pad":%s,"n":%d}',
        '{"n":%(n)d,"pad":%(pad)s,"value":%(value)s}',
        '{"pad": %(pad)s, "x":{"value":%(value)s}, "n": %(n)d}',
    ],
)
@pytest.mark.parametrize("pad", ['"a"', '""', '[{"value":"x","pad":1}]', "7", '{"n":5}'])
def test_what_nobody_reads_is_skipped_and_numbers_count(shape: str, pad: str) -> None:
    """In any order, with any JSON that is skipped; the number is told before the events come."""
    row, numbers = DeltaRow("value", ("pad",), "n"), Numbers(4)
    kept: list[str] = []

    def data(value: str, pad: str, n: int) -> str:
        named = {"value": json.dumps(value), "pad": pad, "n": n}
        return shape % (named if "%(" in shape else tuple(named.values()))

    repeater = ValueRepeater()
    template = learned(data("a", pad, 4), repeater, row, counter=numbers, grow=kept.append)
    assert template is not None
    for n, other in ((5, '"zz"'), (6, '{"deep":[{"value":"x"}]}'), (7, "null")):
        assert template.read(framed(data("b", other, n)), None) is not None
        assert n == numbers.sequence_number
    for n in (7, 9, 80):
        assert template.read(framed(data("b", pad, n)), None) is None
    at = template.read_at(framed(data("b", pad, 8)), 0, None)
    assert at is not None
    assert (8, ["b"] * 4) == (numbers.sequence_number, kept)


def test_a_number_may_grow_in_other_steps() -> None:
    """By two, or not at all; the next number is fixed text."""
    for step in (0, 2):
        numbers = Numbers(4)
        repeats = Repeats(DeltaRow("value", number="n"), None, numbers)
        repeater = cast("Any", ValueRepeater())
        template = learn(framed('{"value":"a","n":4}'), NAME, repeater, repeats, step)
        assert template is not None
        assert template.read(framed('{"value":"a","n":5}'), None) is None
        assert template.read(framed(f'{{"value":"a","n":{4 + step}}}'), None) is not None


@pytest.mark.parametrize("number", ["4.0", "5", '"4"', "true", "[4]", "4e0"])
def test_a_number_that_does_not_count_makes_no_template(number: str) -> None:
    """It is another than the one remembered, or no integer."""
    row = DeltaRow("value", number="n")
    assert learned(f'{{"value":"a","n":{number}}}', row=row, counter=Numbers(4)) is None


def test_a_number_beyond_64_bits_makes_no_template() -> None:
    """Python would not write the next one, if it had more than 4,300 digits."""
    row = DeltaRow("value", number="n")
    for number, expected in ((2**63 - 1, True), (2**63, False), (int("9" * 4_300), False)):
        template = learned(f'{{"value":"a","n":{number}}}', row=row, counter=Numbers(number))
        assert expected is (template is not None)


@pytest.mark.parametrize(
    "data",
    [
        '{"value":"a"}',
        '{"value":"a","pad":1,"x":{"pad":2}}',
        '{"x":{"pad":1},"value":"a","pad":2}',
        '{"value":"a","pad":1,"pad":2}',
        '{"value":"a","x":"pad"}',
        '{"value":"a","pad":"b","x":["pad"]}',
        r'{"value":"a","pad":1,"p\u0061d":2}',
        '{"value":"a","pad":',
        '{"value":"a","pad":}',
        '{"value":"a","pad":"b',
    ],
)
def test_a_key_that_is_missing_or_there_twice_makes_no_template(data: str) -> None:
    """The dialect says that each is there, at its place."""
    assert learned(data, row=DeltaRow("value", ("pad",))) is None


def test_empty_values_stay_as_they_are() -> None:
    """Most streams never fill them: another value takes the ordinary path."""
    for empty in ("null", "[]", "{}", "false", "0"):
        template = learned(f'{{"pad":{empty},"value":"a"}}', row=DeltaRow("value", ("pad",)))
        assert template is not None
        assert template.read(framed(f'{{"pad":{empty},"value":"b"}}'), None) is not None
        assert template.read(framed('{"pad":"x","value":"b"}'), None) is None


def test_what_is_taken_is_given_to_the_dialect() -> None:
    """Whatever it is, after the frame matched as a whole."""
    taken: list[Any] = []
    row = DeltaRow("value", taken="usage")
    template = learned('{"value":"a","usage":{"n":1},"x":1}', row=row, take=taken.append)
    assert template is not None
    assert template.read(framed('{"value":"b","usage":{"n":2},"x":2}'), None) is None
    assert [] == taken
    for usage in ('{"n":2}', "null", '"?"'):
        assert template.read(framed(f'{{"value":"b","usage":{usage},"x":1}}'), None) is not None
    assert [{"n": 2}, None, "?"] == taken


def test_a_refused_delta_changes_nothing() -> None:
    """Neither the number nor what the dialect keeps."""
    kept: list[Any] = []
    numbers, row = Numbers(1), DeltaRow("value", number="n", taken="u")
    more: Any = {"counter": numbers, "grow": kept.append, "take": kept.append}
    repeater = ValueRepeater(answer=None)
    template = learned('{"value":"a","n":1,"u":{"x":1}}', repeater, row, **more)
    assert template is not None
    frame = framed('{"value":"b","n":2,"u":{"x":2}}')
    for _ in range(2):
        assert template.read(frame, None) is None
        assert template.read_at(frame, 0, None) is None
    assert (1, []) == (numbers.sequence_number, kept)


@pytest.mark.parametrize("depth", [64, 65, 5000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_may_be_nested_too_deep_is_not_skipped(depth: int, begin: str, end: str) -> None:
    """The ordinary path counts how deep the whole frame is."""
    inside = begin * depth + '"' + "x" * 200 + '"' + end * depth
    template = learned('{"pad":1,"value":"a"}', row=DeltaRow("value", ("pad",)))
    assert template is not None
    came = template.read(framed(f'{{"pad":{inside},"value":"b"}}'), None)
    assert (came is not None) is (depth == 64)


@pytest.mark.parametrize("head", ["", f"event: {NAME}\n", f"event:{NAME}\n"])
@pytest.mark.parametrize("data", ["data: ", "data:"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_json_is_that_of_the_data_line(head: str, data: str, end: str) -> None:
    """Without a name, without blanks, with either line end."""
    repeater = ValueRepeater()
    frame = f'{head}{data}{{"value":"a"}}\n\n'.replace("\n", end)
    template = learn(frame, NAME, cast("Any", repeater), Repeats(ROW))
    assert template is not None
    assert "b" == found(template, repeater, frame.replace('"a"', '"b"'))
    assert ['{"value":"b"}'] == [x.raw for x in repeater.folded]
