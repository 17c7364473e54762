"""A scripted agent behind Microsoft's Responses server: ``python agentserver.py PORT``.

Rules of this file:

- It runs in the environment of that server (``make .venv/for-servers``), without ours.
- What is said depends on the last input only: the first word of a text chooses a script, and
  the output of a function is repeated. Framing, ids, sequence numbers, storage, replay,
  validation and keep-alive comments are the server's own.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from azure.ai.agentserver.responses import (
    ResponseEventStream,
    ResponsesAgentServerHost,
    ResponsesServerOptions,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

#: Seconds; the server takes any number above 0. "slow" is silent for longer than this.
KEEP_ALIVE = 0.1
SILENCE = 0.5
#: Seconds in the middle of the words of "pause", for the connection to be lost there.
PAUSE = 1.0

WORDS = ("Salt ", "water ", "is ", "wet", ", naïve ", "fish.")

options = ResponsesServerOptions(sse_keep_alive_interval_seconds=KEEP_ALIVE)
# No observability: it prints every span, and reports its own use to its maker over the network.
app: Any = ResponsesAgentServerHost(options=options, configure_observability=None)


def calls(stream: Any) -> Iterator[Any]:
    """Yield the events of two function calls, the arguments in pieces."""
    for call_id, city in (("call_1", "Faro"), ("call_2", "Évora")):
        call = stream.add_output_item_function_call(name="get_weather", call_id=call_id)
        yield call.emit_added()
        for piece in ('{"city": ', f'"{city}"', "}"):
            yield call.emit_arguments_delta(piece)
        yield call.emit_arguments_done(f'{{"city": "{city}"}}')
        yield call.emit_done()


def opened(stream: Any, *pieces: str) -> Generator[Any, None, tuple[Any, Any]]:
    """Yield the events of a message that nothing closes; return its item and its part."""
    item = stream.add_output_item_message()
    yield item.emit_added()
    part = item.add_text_content()
    yield part.emit_added()
    for piece in pieces:
        yield part.emit_delta(piece)
    return item, part


def message(stream: Any, *pieces: str) -> Iterator[Any]:
    """Yield the events of a whole message."""
    item, part = yield from opened(stream, *pieces)
    yield part.emit_text_done()
    yield part.emit_done()
    yield item.emit_done()


def text_of(item: Any) -> str:
    """Return what was said before: the text of a message, or the output of a function."""
    content = item.get("content") or item.get("output") or item["type"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


async def answer(
    request: Any, context: Any, cancellation_signal: asyncio.Event
) -> AsyncIterator[Any]:
    """Yield the events of the script that the input asks for."""
    stream = ResponseEventStream(response_id=context.response_id, request=request)
    yield stream.emit_created()
    yield stream.emit_in_progress()
    given = request.get("input")
    items = given if isinstance(given, list) else []
    outputs = [item["output"] for item in items if item["type"] == "function_call_output"]
    script = "outputs" if outputs else (await context.get_input_text()).partition(" ")[0]
    if script == "slow":
        await asyncio.sleep(SILENCE)
    past = await context.get_history() if script == "recall" else ()
    # Generators: only the one that is asked for begins.
    scripts = {
        "recall": message(stream, "We said: ", "; ".join(map(text_of, past))),
        "outputs": message(stream, "It says: ", "; ".join(outputs)),
        "weather": calls(stream),
        "fail": opened(stream, *WORDS[:2]),
        "long": opened(stream, *WORDS[:3]),
    }
    for event in scripts.get(script, message(stream, *WORDS)):
        yield event
        if script == "pause" and event.get("delta") == WORDS[1]:
            with suppress(TimeoutError):
                await asyncio.wait_for(cancellation_signal.wait(), PAUSE)
                return  # the server tells of the end
    if script == "fail":
        yield stream.emit_failed(code="server_error", message="the sea is closed")
    elif script == "long":
        yield stream.emit_incomplete(reason="max_output_tokens")
    else:
        yield stream.emit_completed()


if __name__ == "__main__":
    app.response_handler(answer)
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
