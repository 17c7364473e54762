"""Iterate over a stream and match on the classes and fields of its events.

Iteration yields wire events and the events derived from them, and raises errors.
"""

from pathlib import Path

from stream_core import (
    MessageTextDelta,
    RunDone,
    RunStepToolCallDone,
    Stream,
    ThreadRunCreated,
    models,
)

RECORDING = Path(__file__).with_name("run.sse")

with Stream(RECORDING.open("rb")) as stream:
    for event in stream:
        match event:
            case ThreadRunCreated(data=models.Run(model=model)):
                print(f"A run of {model} began.")
            case RunStepToolCallDone(tool_call=models.CodeInterpreterToolCall() as call):
                print(f"It ran: {call.code_interpreter.input}")
            case MessageTextDelta(delta=delta):
                print(delta.value, end="", flush=True)
            case RunDone(run=models.Run(status="completed", usage=models.Usage() as usage)):
                print(f"\nIt took {usage.total_tokens} tokens.")
            case RunDone(run=run):
                print(f"\nThe run ended {run.status}.")
