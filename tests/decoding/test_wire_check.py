"""Whether a stream is of the wire that it is read as."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events
from stream_core.decoding.wire_check import WireCheck
from stream_core.dialects import Decoded, make_dialect
from stream_core.errors import UnknownWireError
from stream_core.sse import SSEDecoder


def checked(dialect: str, data: bytes, *, recognized: bool = False) -> WireCheck:
    """Return the check of a stream of DATA, with every frame examined."""
    sse = SSEDecoder()
    out = WireCheck(make_dialect(dialect), sse, recognized=recognized)
    sse.feed(data)
    sse.close()
    while (frame := sse.next_frame()) is not None:
        out.examine(frame)
    return out


@pytest.mark.parametrize(
    ("dialect", "data", "end", "begins"),
    [
        ("auto", b"", None, ""),
        ("auto", b"data: ping\n\n", "[DONE]", "ping"),
        ("chat", b"", "[DONE]", "[DONE]"),
        ("chat", b'data: {"type": "response.created"}\n\n', None, '{"type": "response.created"}'),
        ("responses", b"<html>", None, "<html>"),
        ("assistants", b"oops\n", None, "oops"),
        ("chat", b"<html>\n\ndata: ping\n\n", None, "<html>"),
    ],
)
def test_an_end_without_a_frame_of_the_wire_is_refused(
    dialect: str, data: bytes, end: Any, begins: str
) -> None:
    """The error has how the bytes begin, and the wires that were tried."""
    check = checked(dialect, data)
    assert not check.recognized
    with pytest.raises(UnknownWireError) as info:
        check.refuse(end)
    assert begins.strip() == info.value.begins.strip()
    assert (dialect in info.value.wires) == (dialect != "auto")


@pytest.mark.parametrize("data", [b"", b"data: ping\n\n", b'data: {"id": "chatc'])
def test_bytes_that_say_nothing_may_be_a_cut_of_a_named_wire(data: bytes) -> None:
    """Then the error is that of a stream that ended too early."""
    checked("chat", data).refuse(None)


@pytest.mark.parametrize(
    ("dialect", "data", "recognized"),
    [
        ("chat", b'data: {"object": "chat.completion.chunk"}\n\n', False),
        ("assistants", b"event: thread.run.created\ndata: {}\n\n", False),
        ("responses", b"", True),
    ],
)
def test_one_frame_of_the_wire_is_enough(dialect: str, data: bytes, *, recognized: bool) -> None:
    """Its shape counts; a stream that continues another needs none."""
    check = checked(dialect, data, recognized=recognized)
    assert check.recognized
    check.refuse("[DONE]")


def test_an_event_of_the_wire_is_enough_and_a_heartbeat_is_not() -> None:
    """Unknown events, extensions and the end say nothing."""
    check = checked("chat", b"")
    for neutral in (events.UnknownEvent, events.ExtensionEvent, events.Done):
        check.note(Decoded(neutral, {}, {}, "name"))
    assert not check.recognized
    check.note(Decoded(events.ThreadMessageDelta, {}, {}, "name"))
    assert check.recognized
