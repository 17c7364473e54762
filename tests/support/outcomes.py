"""What a handler got of a stream, and whether that is right.

Rules of this file:

- An outcome has what callbacks delivered and what the stream came to; two are equal if both are.
- Right values are named by the keys of ``IS_RIGHT``; those of tests/cases are among them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from handlers import EventHandler
from stream_core import Stream, models
from stream_core.convert.payloads import unstructure
from stream_core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stream_core.events import WireEvent

__all__ = ["FAILURES", "Call", "Outcome", "read", "status", "wrong_values"]

#: Id, name and arguments of a call.
Call = tuple[str, str, str]


@attrs.define
class Outcome(EventHandler):
    """What a handler got of one stream, and what the stream came to.

    Attributes:
        text: All text.
        reasoning: All reasoning.
        summary: All summaries of reasoning.
        calls: The calls of functions that are done, in order.
        sent: The JSON of every event, and the data of the extension events.
        run: The run at the end, or None.
        parts: How many parts the first message has.
        annotations: The annotations of all messages.
        finished: The names of the events that say that something completed.
        error: What ended the stream, or None.
    """

    text: str = ""
    reasoning: str = ""
    summary: str = ""
    calls: list[Call] = attrs.field(factory=list)
    sent: list[str] = attrs.field(factory=list)
    run: models.Run | None = None
    parts: int = 0
    annotations: list[models.Annotation] = attrs.field(factory=list)
    finished: list[str] = attrs.field(factory=list)
    error: StreamError | None = attrs.field(default=None, eq=repr)

    def on_event(self, event: WireEvent[Any]) -> None:
        self.sent.append(json.dumps([event.raw, unstructure(event.data)]))
        if event.event in ("thread.message.completed", "thread.run.completed"):
            self.finished.append(event.event)

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        del snapshot
        self.text += delta.value or ""

    def on_reasoning_delta(self, delta: str, snapshot: str) -> None:
        del snapshot
        self.reasoning += delta

    def on_reasoning_summary_delta(self, delta: str, snapshot: str) -> None:
        del snapshot
        self.summary += delta

    def on_message_done(self, message: models.Message) -> None:
        self.parts = self.parts or len(message.content)
        for part in message.text_messages:
            self.annotations += part.text.annotations

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        if isinstance(tool_call, models.FunctionToolCall):
            self.calls.append(_call(tool_call))

    @property
    def required(self) -> list[Call]:
        """The calls that the run waits for."""
        action = None if self.run is None else self.run.required_action
        outputs = None if action is None else action.submit_tool_outputs
        return [] if outputs is None else [_call(x) for x in outputs.tool_calls]


def _call(call: models.FunctionToolCall | models.RequiredActionFunctionToolCall) -> Call:
    """Return CALL as a tuple."""
    return call.id, call.function.name, call.function.arguments


def read(chunks: bytes | Iterable[bytes], dialect: str) -> Outcome:
    """Read a stream to its end."""
    out = Outcome()
    stream = Stream(chunks, out, dialect=dialect)
    try:
        stream.until_done()
    except StreamError as error:
        out.error = error
    out.run = stream.current_run
    return out


def same_calls(right: list[list[str]], calls: list[Call]) -> bool:
    """Return whether CALLS are RIGHT: arguments are compared as JSON, ``*`` is any id."""
    return len(right) == len(calls) and all(
        expected[0] in ("*", actual[0])
        and expected[1] == actual[1]
        and _json(expected[2]) == _json(actual[2])
        for expected, actual in zip(right, calls, strict=True)
    )


def _json(text: str) -> Any:
    """Return TEXT as JSON, or itself if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def ended_by(right: str | None, out: Outcome) -> bool:
    """Return whether OUT ended with an error that has the text RIGHT; ``*`` is any, None none."""
    if right is None or out.error is None:
        return right is None and out.error is None
    return right == "*" or right in f"{type(out.error).__name__}: {out.error}"


def total(out: Outcome) -> int | None:
    """Return how many tokens the run used, or None if that is unknown."""
    usage = None if out.run is None else out.run.usage
    return None if usage is None else usage.total_tokens


def status(out: Outcome) -> str | None:
    """Return the run's status, or None if there is no run."""
    return None if out.run is None else out.run.status


def reason(out: Outcome) -> str | None:
    """Return why the run is incomplete, or None."""
    details = None if out.run is None else out.run.incomplete_details
    return None if details is None else details.reason


#: Key of a right value -> whether it is what a stream came to.
IS_RIGHT: dict[str, Callable[[Any, Outcome], bool]] = {
    "text": lambda right, out: right == out.text,
    "reasoning": lambda right, out: right == out.reasoning,
    "summary": lambda right, out: right == out.summary,
    "calls": lambda right, out: same_calls(right, out.calls),
    "required": lambda right, out: same_calls(right, out.required),
    "status": lambda right, out: right == status(out),
    "notstatus": lambda right, out: right != status(out),
    "exc": ended_by,
    "anyerr": lambda right, out: (
        out.error is not None and right in f"{out.error} {vars(out.error)}"
    ),
    "errcode": lambda right, out: right == getattr(getattr(out.error, "error", 0), "code", 0),
    "usage": lambda right, out: right == total(out),
    "reason": lambda right, out: right == reason(out),
    "word": lambda right, out: out.run is not None and right == out.run.extra.get("finish_reason"),
    "parts": lambda right, out: right == out.parts,
    "ann": lambda right, out: right == [type(x).__name__ for x in out.annotations],
    "annseen": lambda right, out: right in repr(out.annotations),
    "seen": lambda right, out: any(json.dumps(right)[1:-1] in x or right in x for x in out.sent),
}

#: Values that say that a stream fails; without one of them it must not.
FAILURES = {"exc", "anyerr", "errcode"}


def wrong_values(right: dict[str, Any], out: Outcome) -> dict[str, Any]:
    """Return those of the RIGHT values that OUT does not have, and an error that none allows."""
    wrong = {key: x for key, x in right.items() if not IS_RIGHT[key](x, out)}
    if not FAILURES & right.keys() and out.error is not None:
        wrong["error"] = out.error
    return wrong
