"""Scripted answers for the snippets of pages that speak Responses or Chat Completions.

Rules of this file:

- A section is a page and a heading. Its answers are given in turn, one for each request of its
  snippets, except for snippets that create an assistant: ``LocalServer`` answers those.
- Every answer is asked for; a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.support import chat_frames
from tests.support.responses_frames import added, done, event, response, text, text_part
from tests.support.scripted_server import Answer, frames

if TYPE_CHECKING:
    from tests.support.frames import Frame

__all__ = ["ANSWERS", "PREVIOUS"]


def responds(*sent: Frame, number: int = 1, output: list[Any] | None = None) -> Answer:
    """Return a response in which frames are SENT."""
    name = f"resp_{number}"
    ended = response("completed", name, status="completed", output=output or [])
    return frames(response("created", name, status="in_progress"), *sent, ended)


def says(value: str, number: int = 1, index: int = 0) -> list[Frame]:
    """Return the frames of a message."""
    item = f"msg_{number}"
    content = [text_part(value)]
    return [
        added("message", item, index, role="assistant", content=[]),
        text(value, item, index),
        done("message", item, index, role="assistant", content=content),
    ]


def chats(*sent: Frame, reason: str = "stop") -> Answer:
    """Return an answer of Chat Completions."""
    return frames(*sent, chat_frames.stop(reason), chat_frames.DONE)


PORTO = '{"port": "Porto"}'
TIDES = "high water at Porto is at 16:35"
CALL: dict[str, Any] = {"call_id": "call_1", "name": "get_tides", "arguments": PORTO}
CHAT_CALL = chat_frames.call(0, "call_1", name="get_tides", arguments=PORTO)
ASKS = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "look", "arguments": "{}"}
GREETING = "Ahoy to you!"

MIGRATING: Final = "docs/migrating.md"

#: The answers to the requests of each section, in turn.
ANSWERS: dict[tuple[str, str], list[Answer]] = {
    ("README.md", "One handler, three wires"): [
        responds(*says(GREETING)),
        chats(chat_frames.chunk(content=GREETING)),
    ],
    ("docs/client.md", "Responses and Chat Completions"): [
        responds(*says(GREETING)),
        chats(chat_frames.chunk(content=GREETING)),
    ],
    ("docs/recordings.md", "The wire of a recording"): [
        responds(*says(GREETING)),
        chats(chat_frames.chunk(content=GREETING)),
    ],
    (MIGRATING, "The same handler"): [
        responds(*says(GREETING)),
        chats(chat_frames.chunk(content=GREETING)),
    ],
    (MIGRATING, "Tools"): [
        responds(done("function_call", "fc_1", **CALL)),
        responds(*says(TIDES), number=2),
        chats(chat_frames.chunk(tool_calls=[CHAT_CALL]), reason="tool_calls"),
        chats(chat_frames.chunk(content=TIDES)),
        responds(output=[{**ASKS, "server_label": "harbour"}]),
        responds(*says("Three boats."), number=2),
    ],
    (MIGRATING, "Keeping the calls too"): [
        responds(*says("A lighthouse.")),
        responds(*says("On a rock.", 2), number=2),
        responds(*says("High enough.", 3), number=3),
    ],
    (MIGRATING, "A conversation"): [
        responds(*says("A lighthouse.")),
        responds(*says("On a rock.", 2), number=2),
    ],
    (MIGRATING, "Reasoning, images and other extensions"): [
        responds(
            event(
                "reasoning_text.delta",
                item_id="rs",
                output_index=0,
                content_index=0,
                delta="A boat?",
            ),
            event(
                "reasoning_summary_text.delta",
                item_id="rs",
                output_index=0,
                summary_index=0,
                delta="a boat",
            ),
            event("image_generation_call.generating", item_id="ig", output_index=1),
            event(
                "image_generation_call.partial_image",
                item_id="ig",
                output_index=1,
                partial_image_index=0,
                partial_image_b64="aGk=",
            ),
            *says("Here.", index=2),
        )
    ],
    (MIGRATING, "Long answers and lost connections"): [responds(*says(GREETING))],
    (MIGRATING, "Recordings"): [responds(*says(GREETING))],
}

#: The ``previous_response_id`` of each request, for the sections that name a previous response.
PREVIOUS: dict[tuple[str, str], list[str | None]] = {
    (MIGRATING, "Keeping the calls too"): [None, "resp_1", "resp_2"],
    (MIGRATING, "A conversation"): [None, "resp_1"],
}
