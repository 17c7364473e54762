"""The text accumulator: every order of bases, several streams, linear cost."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import EventHandler, TextAccumulator, TextAccumulatorMixin
from stream_core.dispatch import Dispatcher
from stream_core.events import MessageTextDelta, WireEvent
from stream_core.models import Text, TextDelta
from tests import ROOT
from tests.support.frames import dispatch


def said(value: str | None, message_id: str = "msg_1", index: int = 0) -> MessageTextDelta:
    """Make a text delta."""
    return MessageTextDelta(TextDelta(value), Text(value or ""), message_id, index)


class Deaf(EventHandler):
    """Overrides the callbacks that text comes through, without ``super()``."""

    def __init__(self) -> None:  # without super().__init__()
        self.pieces: list[str] = []

    def on_event(self, event: WireEvent[Any]) -> None: ...

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.pieces.append(delta.value or "")


class MixinFirst(TextAccumulatorMixin, EventHandler):
    pass


class MixinLast(EventHandler, TextAccumulatorMixin):
    pass


class OverDeaf(TextAccumulatorMixin, Deaf):
    pass


class UnderDeaf(Deaf, TextAccumulatorMixin):
    pass


class OwnCallback(MixinLast):
    """Overrides the callback in the class that mixes in."""

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None: ...


EVERY_ORDER = [TextAccumulator, MixinFirst, MixinLast, OverDeaf, UnderDeaf, OwnCallback]


@pytest.mark.parametrize("made", EVERY_ORDER)
def test_no_order_of_bases_and_no_override_loses_text(made: Any) -> None:
    """The mixin does not keep a callback from running either."""
    handler = made()
    dispatch(handler, said("Hel"), said("lo"))
    assert "Hello" == handler.text
    assert {"msg_1": "Hello"} == handler.texts
    assert ["Hel", "lo"] == getattr(handler, "pieces", ["Hel", "lo"])


@pytest.mark.parametrize("made", EVERY_ORDER)
def test_before_anything_is_said_there_is_no_text(made: Any) -> None:
    """Reading and clearing work before any text."""
    handler = made()
    assert ("", {}) == (handler.text, handler.texts)
    handler.clear()
    assert ("", {}) == (handler.text, handler.texts)


def test_the_text_is_there_before_the_callback_runs() -> None:
    """A callback reads the text including the piece that it is called for."""
    read: list[str] = []

    class Reading(EventHandler, TextAccumulatorMixin):
        def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
            read.append(self.text)

    dispatch(Reading(), said("a"), said("b"), said("c"))
    assert ["a", "ab", "abc"] == read


def test_messages_are_joined_in_order_of_first_sight_and_parts_by_index() -> None:
    """Order and earlier reads make no difference."""
    events = [
        said("A", "msg_b", 1),
        said("1", "msg_a", 0),
        said("B", "msg_b", 0),
        said("2", "msg_a", 0),
        said("C", "msg_b", 1),
        said("3", "msg_a", 2),
    ]
    late = TextAccumulator()
    dispatch(late, *events)
    assert "BAC123" == late.text
    assert [("msg_b", "BAC"), ("msg_a", "123")] == list(late.texts.items())
    early, texts = TextAccumulator(), list[str]()
    for event in events:
        dispatch(early, event)
        texts.append(early.text)
    assert ["A", "A1", "BA1", "BA12", "BAC12", "BAC123"] == texts


def test_what_goes_on_in_another_stream_is_one_text() -> None:
    """A tool round and its continuation, with one handler, are one text."""
    handler = TextAccumulator()
    dispatch(handler, said("Let me look. "))
    dispatch(handler, said("It rains.", "msg_2"))
    assert "Let me look. It rains." == handler.text
    assert {"msg_1": "Let me look. ", "msg_2": "It rains."} == handler.texts


def test_clear_forgets_and_begins_anew() -> None:
    """The same message id then begins a new text."""
    handler = TextAccumulator()
    dispatch(handler, said("old"))
    handler.clear()
    assert ("", {}) == (handler.text, handler.texts)
    dispatch(handler, said("new"))
    assert ("new", {"msg_1": "new"}) == (handler.text, handler.texts)


def test_handlers_do_not_share_text() -> None:
    """Each instance has its own storage."""
    first, second = TextAccumulator(), TextAccumulator()
    dispatch(first, said("a"))
    assert "" == second.text


def test_a_copy_of_the_texts_is_the_reader_s_own() -> None:
    """Changing it changes nothing, and it does not grow."""
    handler = TextAccumulator()
    dispatch(handler, said("a"))
    texts = handler.texts
    texts["msg_1"] += "!"
    dispatch(handler, said("b"))
    assert {"msg_1": "a!"} == texts
    assert {"msg_1": "ab"} == handler.texts


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_delta_without_text_adds_nothing(nothing: str | None) -> None:
    """There is not even an empty message."""
    handler = TextAccumulator()
    dispatch(handler, said(nothing))
    assert ("", {}) == (handler.text, handler.texts)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.text(max_size=3), st.booleans())
    )
)
def test_the_text_is_what_joining_gives(deltas: list[tuple[str, int, str, bool]]) -> None:
    """This holds for any order of messages and parts, and reads at any place."""
    handler = TextAccumulator()
    parts: dict[str, dict[int, str]] = {}
    for message_id, index, piece, read in deltas:
        dispatch(handler, said(piece, message_id, index))
        if piece:
            message = parts.setdefault(message_id, {})
            message[index] = message.get(index, "") + piece
        expected = {key: "".join(x for _, x in sorted(parts[key].items())) for key in parts}
        if read:
            assert "".join(expected.values()) == handler.text
            assert expected == handler.texts
    assert "".join("".join(x for _, x in sorted(m.items())) for m in parts.values()) == handler.text


#: Prints the final length, and how often the text had moved in memory when it was read again.
READ_AT_EVERY_DELTA = """
from handlers import TextAccumulator
from stream_core.dispatch import Dispatcher
from stream_core.events import MessageTextDelta
from stream_core.models import Text, TextDelta

handler, dispatcher = TextAccumulator(), Dispatcher()
dispatcher.register(handler)
event = MessageTextDelta(TextDelta("word"), Text(), "msg_1", 0)
moves = 0
for _ in range(10_000):
    place = id(handler.text)
    dispatcher.dispatch(event)
    moves += place != id(handler.text)
print(len(handler.text), moves)
"""


def test_reading_at_every_delta_does_not_copy_at_every_delta() -> None:
    """The text is extended in place: it moves in memory now and then, not each time.

    An interpreter of its own runs this, because one that is traced for coverage always copies.
    """
    done = subprocess.run(
        [sys.executable, "-c", READ_AT_EVERY_DELTA],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    length, moves = map(int, done.stdout.split())
    assert 40_000 == length
    assert moves < 1_000


def test_memory_is_the_text_and_not_its_history() -> None:
    """Long texts cost their length, including a read; earlier texts are not kept."""
    handler, dispatcher = TextAccumulator(), Dispatcher()
    dispatcher.register(handler)
    event = said("x" * 1000)
    tracemalloc.start()
    try:
        for _ in range(1000):
            dispatcher.dispatch(event)
            assert handler.text
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000  # twice the text, and room for one copy while it moves
