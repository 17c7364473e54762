"""This library's runners: the job with a handler, with ``on_event`` too, and plain iteration."""

from __future__ import annotations

from collections.abc import Sequence

from handlers import EventHandler
from stream_core import Stream, events, models
from tests.benchmarks.tally import Tally

__all__ = ["handler", "iterate", "on_event"]


class Job(EventHandler):
    """The job: the text as it comes, and the word that something is over."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta.value or "")

    def on_text_done(self, text: models.Text) -> None:
        self.tally.texts.append(text.value)

    def on_message_done(self, message: models.Message) -> None:
        self.tally.done += 1

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        self.tally.done += 1

    def on_run_step_done(self, run_step: models.RunStep) -> None:
        self.tally.done += 1

    def on_run_done(self, run: models.Run) -> None:
        self.tally.done += 1


class FullJob(Job):
    """The job, and every event in full: its name and its payload, down to a delta's text."""

    seen = 0

    def on_event(self, event: events.WireEvent[object]) -> None:
        self.tally.events += len(event.event) > 0
        data = event.data
        if isinstance(data, models.MessageDeltaEvent):
            for part in data.delta.content:
                if isinstance(part, models.TextDeltaBlock) and part.text is not None:
                    self.seen += len(part.text.value or "")
        elif isinstance(data, models.RunStepDeltaEvent):
            self.seen += data.delta.step_details is not None


def handler(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with callbacks."""
    tally = Tally()
    for chunks in streams:
        Stream(iter(chunks), Job(tally)).until_done()
    return tally


def on_event(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job, with every event in full to ``on_event`` besides."""
    tally = Tally()
    for chunks in streams:
        Stream(iter(chunks), FullJob(tally)).until_done()
    return tally


def iterate(streams: Sequence[Sequence[bytes]]) -> Tally:
    """Read the events in a loop; no handler."""
    tally = Tally()
    for chunks in streams:
        for event in Stream(iter(chunks)):
            if isinstance(event, events.MessageTextDelta):
                tally.deltas += 1
            elif isinstance(event, events.MessageTextDone):
                tally.texts.append(event.text.value)
    return tally
