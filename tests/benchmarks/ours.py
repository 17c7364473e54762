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

    def on_reasoning_delta(self, delta: str, snapshot: str) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_reasoning_done(self, text: str) -> None:
        self.tally.reasoning.append(text)

    def on_reasoning_summary_delta(self, delta: str, snapshot: str) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_reasoning_summary_done(self, text: str) -> None:
        self.tally.reasoning.append(text)

    def on_message_done(self, message: models.Message) -> None:
        self.tally.done += 1

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        self.tally.done += 1
        if isinstance(tool_call, models.FunctionToolCall):
            self.tally.arguments.append(tool_call.function.arguments)

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
        elif isinstance(data, models.ReasoningTextDelta):
            self.seen += len(data.delta)


def handler(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with callbacks."""
    tally = Tally()
    for chunks in streams:
        Stream(iter(chunks), Job(tally)).until_done()
    return tally


def on_event(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job, with every event in full to ``on_event`` besides."""
    tally = Tally()
    for chunks in streams:
        Stream(iter(chunks), FullJob(tally)).until_done()
    return tally


def iterate(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Read the events in a loop; no handler."""
    tally = Tally()
    for chunks in streams:
        for event in Stream(iter(chunks)):
            match event:
                case events.MessageTextDelta():
                    tally.deltas += 1
                case events.MessageTextDone():
                    tally.texts.append(event.text.value)
                case events.ReasoningDelta() | events.ReasoningSummaryDelta():
                    tally.deltas += 1
                case events.ReasoningDone() | events.ReasoningSummaryDone():
                    tally.reasoning.append(event.data.text)
                case events.RunStepToolCallDone(tool_call=models.FunctionToolCall(function=called)):
                    tally.arguments.append(called.arguments)
    return tally
