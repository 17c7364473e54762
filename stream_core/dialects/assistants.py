"""The Assistants v2 wire: OpenAI, Azure OpenAI, Azure AI Foundry "classic", self-hosted.

Rules of this file:

- ``EVENTS`` is the wire: every name, its event class and its payload class. A name that is
  not in it is an :class:`UnknownEvent`, never an exception. ``ALIASES`` are other spellings
  of these names; their events are delivered under the name in ``EVENTS``.
- ``data: [DONE]`` is ``done``, with or without its ``event:`` line or white space around it.
- A frame without a name whose data is not JSON (``ping``) is an unknown event.
- A frame without a name may hold one: ``{"event": ..., "data": ...}`` is unwrapped (Astra,
  LiteLLM). ``{"error": ...}`` without a name is ``error``.
- The payload of ``error`` comes wrapped in ``{"error": ...}`` from real servers and bare in
  the reference; both are read. An error is never lost: if it is not JSON, its text is the
  message, and fields that should be text but are not become text.

Source of the names: OpenAI API reference, "Assistants: Streaming".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert import json_text
from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError

from . import NO_OBJECTS, Decoded, DeltaRow, ObjectTable, Repeats

if TYPE_CHECKING:
    from stream_core.sse import ServerSentEvent

__all__ = ["ALIASES", "DONE", "EVENTS", "OBJECTS", "AssistantsDialect", "read_error"]

#: The data of the last frame.
DONE = "[DONE]"

#: Maps a wire name to event class and payload class; ``error`` and ``done`` are decoded by hand.
EVENTS: dict[str, tuple[type[events.WireEvent[Any]], type[Any]]] = {
    "thread.created": (events.ThreadCreated, models.Thread),
    "thread.run.created": (events.ThreadRunCreated, models.Run),
    "thread.run.queued": (events.ThreadRunQueued, models.Run),
    "thread.run.in_progress": (events.ThreadRunInProgress, models.Run),
    "thread.run.requires_action": (events.ThreadRunRequiresAction, models.Run),
    "thread.run.completed": (events.ThreadRunCompleted, models.Run),
    "thread.run.incomplete": (events.ThreadRunIncomplete, models.Run),
    "thread.run.failed": (events.ThreadRunFailed, models.Run),
    "thread.run.cancelling": (events.ThreadRunCancelling, models.Run),
    "thread.run.cancelled": (events.ThreadRunCancelled, models.Run),
    "thread.run.expired": (events.ThreadRunExpired, models.Run),
    "thread.run.step.created": (events.ThreadRunStepCreated, models.RunStep),
    "thread.run.step.in_progress": (events.ThreadRunStepInProgress, models.RunStep),
    "thread.run.step.delta": (events.ThreadRunStepDelta, models.RunStepDeltaEvent),
    "thread.run.step.completed": (events.ThreadRunStepCompleted, models.RunStep),
    "thread.run.step.failed": (events.ThreadRunStepFailed, models.RunStep),
    "thread.run.step.cancelled": (events.ThreadRunStepCancelled, models.RunStep),
    "thread.run.step.expired": (events.ThreadRunStepExpired, models.RunStep),
    "thread.message.created": (events.ThreadMessageCreated, models.Message),
    "thread.message.in_progress": (events.ThreadMessageInProgress, models.Message),
    "thread.message.delta": (events.ThreadMessageDelta, models.MessageDeltaEvent),
    "thread.message.completed": (events.ThreadMessageCompleted, models.Message),
    "thread.message.incomplete": (events.ThreadMessageIncomplete, models.Message),
    "error": (events.ErrorEvent, models.Error),
    "done": (events.Done, str),
}

#: The names whose data is an object. After "created", servers send the same object again under
#: its first state.
OBJECTS = ObjectTable(
    {name: row for name, row in EVENTS.items() if name not in {"error", "done"}},
    repeats={
        "thread.run.created": "thread.run.queued",
        "thread.run.step.created": "thread.run.step.in_progress",
        "thread.message.created": "thread.message.in_progress",
    },
)

#: The names that an early preview of Azure OpenAI used.
ALIASES: dict[str, str] = {
    "thread.message.chunk": "thread.message.delta",
    "thread.run.step.chunk": "thread.run.step.delta",
}

#: What varies in a delta of a text; and in one of a call, by its type.
_TEXT_REPEATS = Repeats(DeltaRow("value"))
_CALL_REPEATS = {
    "function": Repeats(DeltaRow("arguments")),
    "code_interpreter": Repeats(DeltaRow("input")),
}

#: The names of a frame without ``event:`` (WHATWG: the default type is "message").
_UNNAMED = ("", "message")


class AssistantsDialect:
    """The Assistants v2 wire; it keeps no state."""

    def objects(self, name: str) -> ObjectTable:
        """Return the table of its objects; an empty one of a subclass, which may differ."""
        del name  # it is the same for all
        return OBJECTS if self.__class__ is AssistantsDialect else NO_OBJECTS

    def repeats(self, decoded: Decoded) -> Repeats | None:
        """Return how the frame of DECODED can come again: no frame depends on another."""
        if decoded.event_class is events.ThreadMessageDelta:
            return _TEXT_REPEATS
        if decoded.event_class is not events.ThreadRunStepDelta:
            return None
        details: models.StepDetailsDelta | None = decoded.payload.delta.step_details
        calls = details.tool_calls if isinstance(details, models.ToolCallDeltaObject) else ()
        return _CALL_REPEATS.get(calls[0].type or "") if calls else None

    def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
        """Decode FRAME.

        Raises:
            DecodeError: The data is not JSON, or not the payload that its name promises.
        """
        name, data = frame.event, frame.data
        if data.strip() == DONE:
            return (Decoded(events.Done, DONE, DONE, "done"),)
        raw = payload = data
        try:
            raw = payload = json_text.loads(data)
        except ValueError as error:
            if (name in EVENTS or name in ALIASES) and name != "error":
                raise DecodeError(_why_not_json(name, error)) from error
        if name in _UNNAMED:
            name, payload = _name_of(raw)
        return (_decode(name, payload, raw),)


def _why_not_json(name: str, error: ValueError) -> str:
    """Return the error sentence for a frame NAME that is not JSON."""
    if name == "done":
        return f"the data of done is not {DONE} (are blank lines missing between the frames?)"
    return f"the data is not JSON: {error}"


def _name_of(raw: Any) -> tuple[str, Any]:
    """Return the name and payload of a frame without an ``event:`` line."""
    if isinstance(raw, dict):
        if isinstance(raw.get("event"), str) and "data" in raw:
            return raw["event"], raw["data"]
        if raw.get("error") is not None:
            return "error", raw
    return "message", raw


def _decode(name: str, payload: Any, raw: Any) -> Decoded:
    """Look up NAME and structure its payload."""
    name = ALIASES.get(name, name)
    if name == "error":
        return Decoded(events.ErrorEvent, read_error(payload), raw, name)
    if name == "done":
        return Decoded(events.Done, DONE, raw, name)
    if name not in OBJECTS.rows:
        return Decoded(events.UnknownEvent, payload, raw, name)
    event_class, payload_class = OBJECTS.rows[name]
    return Decoded(event_class, structure(payload_class, payload), raw, name)


def read_error(payload: Any) -> models.Error:
    """Read an error in any of its shapes: wrapped, bare, both at once, or plain text."""
    if isinstance(payload, dict) and payload.get("error") is not None:
        payload = payload["error"]
    if not isinstance(payload, dict):
        return models.Error(message=_text(payload))
    texts = {
        key: _text(payload[key])  # some servers send the HTTP status as the code
        for key in ("message", "code", "param", "type")
        if payload.get(key) is not None
    }
    return structure(models.Error, {**payload, **texts})


def _text(value: Any) -> str:
    """Return VALUE if it is a string, else its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
