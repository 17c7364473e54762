"""A template matches frames that differ from its own in one JSON string, and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import events
from stream_core.template import DeltaTemplate, learn

if TYPE_CHECKING:
    from stream_core.events import Event
    from stream_core.jsontext import JSONText

BEFORE = "event: thread.message.delta\ndata: "


class ValueRepeater:
    """A repeater for a text at a path; it folds nothing in."""

    event_class = events.ThreadMessageDelta

    def __init__(self, *path: str | int) -> None:
        self.path = path

    def fold(self, value: str, raw: JSONText | None) -> tuple[Event | None, Event] | None:
        return None


def learned(data: str, *path: str | int, before: str = BEFORE) -> DeltaTemplate | None:
    """Learn from a frame with DATA in it, where PATH leads to the text."""
    return learn(f"{before}{data}\n\n", data, json.loads(data), ValueRepeater(*path))


def value_template() -> DeltaTemplate:
    """Return the template of ``{"id": 1, "value": ...}``."""
    template = learned('{"id":1,"value":"a"}', "value")
    assert template is not None
    return template


@given(st.text(), st.sampled_from(["", "rest", BEFORE]), st.booleans())
def test_matches_every_string(value: str, rest: str, escaped: bool) -> None:
    """Any string in the hole matches, wherever the frame stands; it is what JSON says it is."""
    written = json.dumps({"id": 1, "value": value}, ensure_ascii=escaped, separators=(",", ":"))
    frame = f"{BEFORE}{written}\n\n"
    assert (value, 3 + len(frame)) == value_template().match(f":\n\n{frame}{rest}", 3)


@given(st.text(alphabet='":\\u\x00\n\r\t}{\u2028\ud800e9 va', max_size=20))
def test_matches_only_json_strings(written: str) -> None:
    """What matches parses, and parses to what was found."""
    frame = f'{BEFORE}{{"id":1,"value":"{written}"}}\n\n'
    found = value_template().match(frame, 0)
    try:
        expected = json.loads(frame[len(BEFORE) : -2])
    except ValueError:
        expected = None
    if found is None:
        assert expected is None or expected.keys() != {"id", "value"}
    else:
        assert expected == {"id": 1, "value": found[0]}
        assert len(frame) == found[1]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        BEFORE,
        BEFORE + '{"id":1,"value":"a',
        BEFORE + '{"id":1,"value":"a"}\n',
        BEFORE + '{"id":2,"value":"a"}\n\n',
        BEFORE + '{"id":1,"value":"a"} \n\n',
        BEFORE + '{"id":1,"value":"a","value":"b"}\n\n',
        BEFORE + '{"id":1,"value":null}\n\n',
        BEFORE + '{"id":1,"value":"a\tb"}\n\n',
        BEFORE + '{"id":1,"value":"\\x"}\n\n',
    ],
)
def test_another_frame(frame: str) -> None:
    """A frame that is not all there, says more, or is no JSON does not match."""
    assert value_template().match(frame, 0) is None


def test_raw_is_the_json() -> None:
    """The JSON of a matched frame is cut out as it stands."""
    frame = f'{BEFORE}{{"id":1,"value":"b"}}\n\n'
    assert '{"id":1,"value":"b"}' == value_template().raw(f":\n\n{frame}:", 3, 3 + len(frame))


@pytest.mark.parametrize("first", ['"a"', '""', r'"\"value\""', '"until-done probe ☃"'])
@pytest.mark.parametrize(
    ("shape", "path"),
    [
        ('{"value":%s}', ("value",)),
        (' { "value" :\t%s } ', ("value",)),
        ('{"value":"x","value":%s}', ("value",)),
        ('{"x":[{"value":%s}]}', ("x", 0, "value")),
        (r'{"x":"say \"value\"","value":%s}', ("value",)),
    ],
)
def test_learned(shape: str, path: tuple[str | int, ...], first: str) -> None:
    """White space, keys twice, depth and the text itself are no hindrance."""
    template = learned(shape % first, *path)
    assert template is not None
    frame = BEFORE + shape % '"new"' + "\n\n"
    assert ("new", len(frame)) == template.match(frame, 0)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        # PATH leads to no text
        ('{"value":"a"}', ("text", "value")),
        ('{"value":5}', ("value",)),
        ('{"value":["a"]}', ("value", 1)),
        ('{"value":"a"}', ("value", "value")),
        # the key is not there as it is spelt, or the last one is another
        (r'{"val\u0075e":"a"}', ("value",)),
        ('{"value":"a","x":{"value":"b"}}', ("value",)),
        ('{"value":"a","x":{"value":"a"}}', ("value",)),
        ('{"value":"a","x":{"value":5}}', ("value",)),
        ('{"value":"a","x":["value"]}', ("value",)),
        (r'{"val\u0075e":"until-done probe ☃","x":{"value":"until-done probe ☃"}}', ("value",)),
        # a quote and a colon that are inside of strings
        (r'{"x":"\"value","k:":"x","val\u0075e":":"}', ("value",)),
        (r'{"x":"\"value","k:"' + "\t" + r':"x","val\u0075e":"\t:"}', ("value",)),
        # more than one line
        ('{"id":1,\n"value":"a"}', ("value",)),
    ],
)
def test_not_learned(data: str, path: tuple[str | int, ...]) -> None:
    """Where the text cannot be cut out for sure there is no template."""
    assert learned(data, *path) is None


@pytest.mark.parametrize(
    "frame",
    [
        "",
        BEFORE + '{"value":"a"}\n',
        BEFORE + '{"value":"a"}\n: more\n\n',
        "data: x\r\n\r\n" + BEFORE + '{"value":"a"}\n\n',
        BEFORE + '{"value":\ndata: "a"}\n\n',
    ],
)
def test_frame_that_is_not_one_line_of_data_at_its_end(frame: str) -> None:
    """A frame in which the data is not the last line, or that is two frames, is no template."""
    raw: Any = {"value": "a"}
    assert learn(frame, '{"value":"a"}', raw, ValueRepeater("value")) is None
