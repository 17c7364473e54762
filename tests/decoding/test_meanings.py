"""What is known of a frame's meaning whatever its wire."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.decoding.meanings import (
    check_ignored,
    mended,
    says_something,
    split_ignored,
    unread,
)
from stream_core.dialects import Decoded
from stream_core.errors import DecodeError
from stream_core.sse import IgnoredLine, ServerSentEvent


def decoded(event_class: Any, payload: Any) -> Decoded:
    """Return a meaning whose payload is as sent."""
    return Decoded(event_class, payload, payload, "name")


@pytest.mark.parametrize(
    ("event_class", "payload", "expected"),
    [
        (events.ThreadRunCreated, models.Run("run_1"), True),
        (events.UnknownEvent, {"type": "ping"}, False),
        (events.ExtensionEvent, {}, False),
        (events.ExtensionEvent, {"type": "keepalive", "sequence_number": 3}, False),
        (events.ExtensionEvent, {"type": "x", "delta": ""}, True),
        (events.ExtensionEvent, "text", True),
    ],
)
def test_heartbeats_say_nothing(event_class: Any, payload: Any, *, expected: bool) -> None:
    """They have the keys of heartbeats only, or an unknown name."""
    assert expected == says_something(decoded(event_class, payload))


def test_halves_alone_become_the_replacement_character_except_in_deltas() -> None:
    """The text that a delta belongs to knows more; what is as sent stays so."""
    error = mended(decoded(events.ErrorEvent, models.Error("half \ud83d")))
    assert "half \ufffd" == error.payload.message
    for kept in (events.ReasoningDelta, events.ExtensionEvent):
        assert "\ud83d" == mended(decoded(kept, "\ud83d")).payload


@pytest.mark.parametrize(
    ("frame", "payload", "name"),
    [
        (ServerSentEvent("beat", '{"n": 1}', 0), {"n": 1}, "beat"),
        (ServerSentEvent("", "ping", 0), "ping", "message"),
    ],
)
def test_a_frame_of_which_nothing_is_made_is_an_extension(
    frame: ServerSentEvent, payload: Any, name: str
) -> None:
    """It has the frame's JSON, or its text."""
    out = unread(frame)
    assert (events.ExtensionEvent, payload, payload, name) == (
        out.event_class,
        out.payload,
        out.raw,
        out.name,
    )


def test_lines_after_the_data_of_a_frame_are_told_from_those_before_it() -> None:
    """Those before it may be of blocks without data."""
    lines = (
        IgnoredLine(5, "a: x"),
        IgnoredLine(10, "a: y"),
        IgnoredLine(20, "a: z", after_data=True),
    )
    frame = ServerSentEvent("", "{}", 10, ignored=lines)
    assert (list(lines[:2]), lines[2:]) == split_ignored(frame)


@pytest.mark.parametrize("text", ['{"id": 1}', "[1]"])
def test_a_line_that_looks_like_a_payload_is_refused(text: str) -> None:
    """It has lost its field name; the error has the line and its place."""
    with pytest.raises(DecodeError, match='does not begin with "data: "') as info:
        check_ignored([IgnoredLine(1, "foo: {}"), IgnoredLine(9, text)])
    assert (text, 9) == (info.value.frame, info.value.offset)
    check_ignored([IgnoredLine(1, "foo: {}"), IgnoredLine(9, "...")])
