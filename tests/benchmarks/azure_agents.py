"""azure-ai-agents' runner: its stream takes an iterator of bytes, as it gets it from its client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from azure.ai.agents.models import (
    AgentEventHandler,
    AgentRunStream,
    MessageDeltaChunk,
    MessageDeltaTextContent,
    RunStep,
    RunStepDeltaChunk,
    ThreadMessage,
    ThreadRun,
)

from tests.benchmarks.tally import Tally

__all__ = ["azure_handler"]


class AzureJob(AgentEventHandler[None]):
    """The job, in azure-ai-agents' callbacks; it has no snapshots, so they are kept here."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally
        self.snapshots: dict[tuple[str, int], list[str]] = {}
        self.calls: dict[tuple[str, int], list[str]] = {}

    def on_message_delta(self, delta: MessageDeltaChunk) -> None:
        for part in delta.delta.content:
            if isinstance(part, MessageDeltaTextContent) and part.text is not None:
                snapshot = self.snapshots.setdefault((delta.id, part.index), [])
                snapshot.append(part.text.value or "")
                self.on_text_delta(part.text.value or "", snapshot)

    def on_text_delta(self, delta: str, snapshot: list[str]) -> None:
        self.tally.deltas += 1
        self.tally.characters += len(delta)

    def on_run_step_delta(self, delta: RunStepDeltaChunk) -> None:
        details: Any = delta.delta.step_details
        for call in details.tool_calls or ():
            pieces = self.calls.setdefault((delta.id, call.index), [])
            if call.type == "function":
                pieces.append(call.function.arguments or "")
            elif call.type == "code_interpreter":
                pieces.append(call.code_interpreter.input or "")

    def on_thread_message(self, message: ThreadMessage) -> None:
        if message.status == "completed":
            self.tally.texts += [x.text.value for x in message.text_messages]
            self.tally.done += 1

    def on_run_step(self, step: RunStep) -> None:
        self.tally.done += step.status == "completed"

    def on_thread_run(self, run: ThreadRun) -> None:
        self.tally.done += run.status == "completed"
        if run.status == "requires_action":
            action: Any = run.required_action
            for call in action.submit_tool_outputs.tool_calls:
                self.tally.arguments.append(call.function.arguments)


def _no_outputs(*_: object) -> list[dict[str, str]]:
    """Submit nothing: the stream ends where the run requires action."""
    return []


def _bytes(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Give CHUNKS as the client's reply does."""
    yield from chunks


def azure_handler(_wire: str, streams: Sequence[Sequence[bytes]]) -> Tally:
    """Do the job with azure-ai-agents' event handler."""
    tally = Tally()
    for chunks in streams:
        with AgentRunStream(_bytes(chunks), _no_outputs, AzureJob(tally)) as stream:
            stream.until_done()
    return tally
