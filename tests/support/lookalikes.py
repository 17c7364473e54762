"""Streams in the manner of servers that speak Assistants, but not quite as OpenAI does.

Rules of this file:

- Each stream is made up here, including names, ids and texts; only its manner is that of a
  server, and each function describes it.
- ``python -m tests.support.lookalikes`` writes them to ``tests/recordings``; a test compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import ROOT
from tests.support.frames import (
    DONE,
    Frame,
    call,
    message,
    run,
    sse,
    step,
    step_delta,
    text,
    text_delta,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDINGS = ROOT / "tests" / "recordings"

#: The text of each stream that answers.
PIECES = ("The lamp ", "burns ", "all night – ", "même l’été.")
ANSWER = "".join(PIECES)

ARGUMENTS = '{"tower": "Créac’h"}'

_WRITING = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
_CALLING: dict[str, Any] = {"type": "tool_calls", "tool_calls": []}


def _answer(**fields: Any) -> list[Frame]:
    """Return the frames of a run that answers; FIELDS are added to each of its payloads."""
    frames = [
        run("created"),
        run("queued"),
        run("in_progress"),
        step("created", type="message_creation", step_details=_WRITING),
        step("in_progress", type="message_creation", step_details=_WRITING),
        message("created"),
        message("in_progress"),
        *(text_delta(piece) for piece in PIECES),
        message("completed", text(ANSWER)),
        step("completed", type="message_creation", step_details=_WRITING),
        run("completed", usage={"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}),
    ]
    return [(name, {**payload, **fields}) for name, payload in frames]


def _envelope(frame: Frame) -> Frame:
    """Put the name and payload of a frame into its data."""
    name, payload = frame
    return "", {"data": payload, "event": name}


def astra_assistants_api() -> bytes:
    """Envelopes instead of names, and no ``done``: the stream ends with its bytes."""
    return sse(*map(_envelope, _answer()))


def litellm_proxy() -> bytes:
    """Envelopes as well, and ``[DONE]`` without a name."""
    return sse(*map(_envelope, _answer()), ("", "[DONE]"))


def open_assistant_api() -> bytes:
    """sse-starlette: CRLF, comments as pings, no ``done``; and nulls and fractional times.

    The completed message still has the status ``in_progress``.
    """
    frames = _answer(metadata=None, tools=None, usage=None, updated_at=1790000000.25)
    out = []
    for name, payload in frames:
        fields: dict[str, Any] = {}
        if name == "thread.message.completed":
            fields = {"status": "in_progress"}
        elif name == "thread.message.delta":
            (part,) = payload["delta"]["content"]
            part = {**part, "text": {**part["text"], "annotations": None}}
            fields = {"delta": {"role": None, "content": [part]}}
        out.append((name, {**payload, **fields}))
    ping = b": ping - 2026-03-01 04:05:06.000000+00:00\r\n\r\n"
    return ping + sse(*out[:5], end="\r\n") + ping + sse(*out[5:], end="\r\n")


def open_assistant_api_tools() -> bytes:
    """The call comes complete, then again with additions; no ``done``.

    ``requires_action`` is followed by a ``completed`` whose status is requires_action.
    """
    waiting = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look_up", "arguments": ARGUMENTS},
                }
            ]
        },
    }
    whole = [
        step_delta(call(0, id="call_1", name="look_up", arguments=ARGUMENTS[:end]))
        for end in (0, 10, len(ARGUMENTS), len(ARGUMENTS))
    ]
    end = run("completed", required_action=waiting)
    return sse(
        run("created"),
        run("in_progress"),
        step("created", type="tool_calls", step_details=_CALLING),
        *whole,
        run("requires_action", required_action=waiting),
        (end[0], {**end[1], "status": "requires_action"}),
        end="\r\n",
    )


def dashscope() -> bytes:
    """``delta.content`` is an object instead of a list, and every payload has a request id."""
    out = []
    for name, payload in _answer(request_id="req_1", status_code=200):
        if name == "thread.message.delta":
            (part,) = payload["delta"]["content"]
            out.append((name, {**payload, "delta": {"content": part}}))
        else:
            out.append((name, payload))
    return sse(*out, DONE)


def azure_openai_preview() -> bytes:
    """An early preview: the names have ``chunk`` instead of ``delta``."""
    names = {
        "thread.message.delta": "thread.message.chunk",
        "thread.run.step.delta": "thread.run.step.chunk",
    }
    calling = [
        step("created", step_id="step_0", type="tool_calls", step_details=_CALLING),
        step_delta(call(0, id="call_1", name="look_up", arguments=""), step_id="step_0"),
        step_delta(call(0, arguments=ARGUMENTS[:10]), step_id="step_0"),
        step_delta(call(0, arguments=ARGUMENTS[10:]), step_id="step_0"),
    ]
    begin, *rest = _answer()
    out = [(names.get(name, name), payload) for name, payload in (begin, *calling, *rest)]
    return sse(*out, DONE)


def fakeai() -> bytes:
    """Five events and no message: only a step refers to one. ``[DONE]`` has no name."""
    return sse(
        run("created"),
        run("in_progress"),
        step("created", type="message_creation", step_details=_WRITING),
        step("completed", type="message_creation", step_details=_WRITING),
        run("completed"),
        ("", "[DONE]"),
    )


def cogitator() -> bytes:
    """A message before any run; each piece is a part of its own; a different id at the end."""
    parts = [text(piece) for piece in PIECES]
    return sse(
        message("created"),
        *(text_delta(piece, index=number) for number, piece in enumerate(PIECES)),
        message("completed", *parts, message_id="msg_of_the_database"),
        run("completed"),
    )


def cogitator_failed() -> bytes:
    """A run that fails, twice, and no ``done``."""
    error = {"code": "server_error", "message": "The lamp is out."}
    return sse(run("failed", last_error=error), run("failed", last_error=error))


#: Maps the name of a recording to the function that makes it.
LOOKALIKES: dict[str, Callable[[], bytes]] = {
    made.__name__: made
    for made in (
        astra_assistants_api,
        azure_openai_preview,
        cogitator,
        cogitator_failed,
        dashscope,
        fakeai,
        litellm_proxy,
        open_assistant_api,
        open_assistant_api_tools,
    )
}


def recording(name: str) -> Path:
    """Return the path of the recording NAME."""
    return RECORDINGS / f"{name}.sse"


if __name__ == "__main__":
    for each, make in LOOKALIKES.items():
        recording(each).write_bytes(make())
    sys.stdout.write(json.dumps(sorted(LOOKALIKES), indent=1) + "\n")
