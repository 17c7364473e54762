"""Streams of the Chat Completions wire for tests, and ways to decode them.

Rules of this file: those of ``frames``. A chunk has an id and one choice; a test adds whatever
else it needs.
"""

from __future__ import annotations

from typing import Any

import attrs

from stream_core import events, models
from tests.support.frames import DONE as NAMED_DONE
from tests.support.frames import Frame, Transcript, decode, pieces, random_pieces, sse

#: The end, which has no name on this wire.
DONE: Frame = ("", NAMED_DONE[1])

USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def chunk(finish_reason: str | None = None, **delta: Any) -> Frame:
    """Return the frame of a chunk that adds DELTA to choice 0."""
    return choices({"index": 0, "delta": delta, "finish_reason": finish_reason})


def choices(*sent: Any, **fields: Any) -> Frame:
    """Return the frame of a chunk with these choices, and FIELDS beside the id."""
    return "", {"id": "chatcmpl_1", "object": "chat.completion.chunk", "choices": [*sent], **fields}


def call(index: int | None = None, call_id: str | None = None, **function: Any) -> dict[str, Any]:
    """Return a fragment of a function call; what is None is not sent."""
    sent = {"index": index, "id": call_id, "function": function or None}
    return {key: value for key, value in sent.items() if value is not None}


def stop(reason: str = "stop") -> Frame:
    """Return the frame that ends an answer."""
    return chunk(reason)


def transcript_of(*frames: Frame) -> Transcript:
    """Decode FRAMES and then the end of the bytes."""
    return decode(sse(*frames), dialect="chat")


def decode_any_way(data: bytes) -> Transcript:
    """Decode DATA whole, byte by byte, and at random splits, which must agree."""
    out = decode(data, dialect="chat")
    assert out == decode(pieces(data, 1), dialect="chat")
    for seed in range(3):
        assert out == decode(random_pieces(data, seed), dialect="chat")
    return out


def last_run(out: Transcript) -> models.Run:
    """Return the run of the last event about it."""
    runs = [x.data for x in out.of(events.WireEvent) if isinstance(x.data, models.Run)]
    return runs[-1]


def calls_of(out: Transcript) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of each delivered call, in their final state."""
    done = {id(x.tool_call): x.tool_call for x in out.of(events.RunStepToolCallCreated)}
    return [(x.id, x.function.name, x.function.arguments) for x in done.values()]


def extensions(out: Transcript) -> list[tuple[str, Any]]:
    """Return name and data of each extension event."""
    return [(x.event, x.data) for x in out.of(events.ExtensionEvent)]


@attrs.define
class Order:
    """Checks the order of wire events, by the rules of the Assistants wire.

    Attributes:
        open: The steps and messages that are open.
        over: Whether an event that ends the run has come.
    """

    open: set[str] = attrs.field(factory=set)
    over: bool = False

    def check(self, out: Transcript, *, ended: bool) -> None:
        """Check the events of one stream; ENDED means that it ended as it should."""
        wire = [x for x in out.of(events.WireEvent) if not isinstance(x, _FREE)]
        names = [x.event for x in wire]
        begin = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
        assert begin[: len(names)] == names[:3]
        for event in wire[3:]:
            assert not self.over or isinstance(event, events.Done)
            self._step(event)
        assert (ended, ended) == (self.over, "done" in names)
        assert ended == isinstance(out.events[-1], events.Done)

    def _step(self, event: Any) -> None:
        """Check one event against what is open."""
        kind, _, change = event.event.rpartition(".")
        name = getattr(event.data, "id", "")
        if change == "created":
            assert name not in self.open
            self.open.add(name)
        elif change in ("in_progress", "delta"):
            assert name in self.open
        elif kind in ("thread.message", "thread.run.step"):
            if kind == "thread.run.step":
                assert f"msg_{name.removeprefix('step_msg_')}" not in self.open
            self.open.remove(name)
        elif kind == "thread.run":
            waiting = {x for x in self.open if x.startswith("step_calls_")}
            assert self.open == (waiting if change == "requires_action" else set())
            self.over = True


_FREE = (
    events.ExtensionEvent,
    events.UnknownEvent,
    events.ReasoningDelta,
    events.ReasoningDone,
    events.ReasoningSummaryDelta,
    events.ReasoningSummaryDone,
)
