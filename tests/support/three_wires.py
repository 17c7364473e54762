"""The same conversations on three wires, as responders and as frames.

Rules of this file: the Assistants wire is that of ``LocalServer``, so its conversations are
responders; the frames of the other two are written here, with the same pieces of text and the
events that servers send around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.testing import CallFunctions, FunctionCall, Refuse, Say, StopShort
from stream_core.testing.pieces import cut_code
from tests.support import chat_frames
from tests.support.conversations import FUNCTIONS
from tests.support.responses_frames import event, response, text_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.testing.responder import Answer, Turn
    from tests.support.frames import Frame

# --- The conversations ------------------------------------------------------------------

PIECES = ("High water ", "is at ", "16:35.")
TEXT = "".join(PIECES)
REFUSAL = "No."
PORTO = '{"port": "Porto"}'
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def answer_text(turn: Turn) -> Answer:
    """Answer with the text."""
    del turn
    return Say(TEXT, pieces=PIECES)


def answer_call(turn: Turn) -> Answer:
    """Call both functions, then answer with the text."""
    if turn.results:
        return Say(TEXT, pieces=PIECES)
    return CallFunctions([FunctionCall(name, PORTO) for name in FUNCTIONS])


def answer_refusal(turn: Turn) -> Answer:
    """Refuse."""
    del turn
    return Refuse(REFUSAL)


def answer_incomplete(turn: Turn) -> Answer:
    """Answer with the text, and run out of tokens."""
    del turn
    return [Say(TEXT, pieces=PIECES), StopShort("max_completion_tokens")]


ANSWERS: dict[str, Callable[[Turn], Answer]] = {
    "text": answer_text,
    "function calls": answer_call,
    "refusal": answer_refusal,
    "incomplete": answer_incomplete,
}

# --- Responses --------------------------------------------------------------------------


def of_responses(name: str) -> list[list[Frame]]:
    """Return the streams of a conversation on the Responses wire, one for each round."""
    if name == "function calls":
        return [_response(_calls()), _response(_message(PIECES), "resp_2")]
    if name == "refusal":
        return [_response(_message((REFUSAL,), "refusal"))]
    if name == "incomplete":
        cut: dict[str, Any] = {"incomplete_details": {"reason": "max_output_tokens"}}
        return [_response(_message(PIECES, status="incomplete"), status="incomplete", **cut)]
    return [_response(_message(PIECES))]


def _response(
    items: list[Frame], response_id: str = "resp_1", status: str = "completed", **fields: Any
) -> list[Frame]:
    usage = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
    about: dict[str, Any] = {"model": "gpt-4o", "created_at": 1, "instructions": None, "tools": []}
    output = [data["item"] for kind, data in items if kind.endswith("item.done")]
    return [
        response("created", response_id, status="in_progress", **about),
        response("in_progress", response_id, status="in_progress", **about),
        *items,
        response(status, response_id, status=status, output=output, usage=usage, **about, **fields),
    ]


def _message(
    pieces: tuple[str, ...], kind: str = "output_text", status: str = "completed"
) -> list[Frame]:
    key, whole = ("refusal" if kind == "refusal" else "text"), "".join(pieces)
    part = {"type": "refusal", "refusal": whole} if key == "refusal" else text_part(whole)
    empty = {**part, key: ""}
    item = {"type": "message", "id": "msg_1", "role": "assistant"}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    begun = {**item, "status": "in_progress", "content": []}
    ended = {**item, "status": status, "content": [part]}
    return [
        event("output_item.added", item=begun, output_index=0),
        event("content_part.added", part=empty, **place),
        *(event(f"{kind}.delta", delta=piece, **place) for piece in pieces),
        event(f"{kind}.done", **{key: whole}, **place),
        event("content_part.done", part=part, **place),
        event("output_item.done", item=ended, output_index=0),
    ]


def _calls() -> list[Frame]:
    sent: list[Frame] = []
    for index, name in enumerate(FUNCTIONS):
        item = {"type": "function_call", "id": f"fc_{index}", "call_id": f"call_{index}"}
        item["name"] = name
        place = {"item_id": f"fc_{index}", "output_index": index}
        begun, ended = {**item, "arguments": ""}, {**item, "arguments": PORTO}
        sent += [
            event("output_item.added", item=begun, output_index=index),
            *(
                event("function_call_arguments.delta", delta=piece, **place)
                for piece in cut_code(PORTO)
            ),
            event("function_call_arguments.done", arguments=PORTO, **place),
            event("output_item.done", item=ended, output_index=index),
        ]
    return sent


# --- Chat Completions -------------------------------------------------------------------


def of_chat(name: str) -> list[list[Frame]]:
    """Return the streams of a conversation on the Chat Completions wire, one for each round."""
    said = [chat_frames.chunk(content=piece) for piece in PIECES]
    if name == "function calls":
        return [_chat(_chat_calls(), "tool_calls"), _chat(said)]
    if name == "refusal":
        return [_chat([chat_frames.chunk(refusal=REFUSAL)])]
    return [_chat(said, "length" if name == "incomplete" else "stop")]


def _chat(said: list[Frame], reason: str = "stop") -> list[Frame]:
    first = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    return [
        chat_frames.choices(first, model="gpt-4o", created=1),
        *said,
        chat_frames.stop(reason),
        chat_frames.choices(usage=USAGE),
        chat_frames.DONE,
    ]


def _chat_calls() -> list[Frame]:
    sent: list[Frame] = []
    for index, name in enumerate(FUNCTIONS):
        begun = chat_frames.call(index, f"call_{index}", name=name, arguments="")
        sent.append(chat_frames.chunk(tool_calls=[begun]))
        for piece in cut_code(PORTO):
            more = chat_frames.call(index, arguments=piece)
            sent.append(chat_frames.chunk(tool_calls=[more]))
    return sent
