"""One stream of the soak: a wire, a trouble, and what became of it.

Rules of this file:

- One LocalServer plays all three wires: Assistants as itself; the other two as faults whose body
  is a whole stream, so that they can be cut, reset and stalled like any answer.
- Each stream has paths of its own, so that its trouble meets nobody else.
- What a stream delivered is checked too: its text, and one ``on_end``.
"""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attrs import frozen

from handlers import EventHandler
from stream_core import Client, StreamError
from stream_core.testing import Fail, Fault, Framing, LocalServer, Say, SendError
from tests.support.conversations import FUNCTIONS
from tests.support.frames import sse
from tests.support.three_wires import PIECES, TEXT, answer_call, of_chat, of_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from stream_core import Stream
    from stream_core.testing import Answer, Turn
    from stream_core.testing.framing import Transfer
    from tests.support.frames import Frame

__all__ = ["OTHER_THREADS", "TROUBLES", "WIRES", "respond", "run_stream"]

WIRES = ("assistants", "responses", "chat")

#: Troubles that every wire can have; those of `OTHER_THREADS` are asked for.
TROUBLES = (
    "none",
    "tools",
    "slow",
    "small chunks",
    "cut",
    "cut in a tool round",
    "reset",
    "stall",
    "refused",
    "status 500",
    "status 429",
    "html",
    "error event",
    "failed run",
    "close",
    "cancel",
    "abort",
    "abort from another thread",
    "callback raises",
)
OTHER_THREADS = ("close from another thread", "cancel from another thread")

_SILENCE = 0.2  # seconds until a stalled stream is given up
_PATIENCE = 60.0  # seconds; a server that should answer may be busy
_LONGEST = 2500  # bytes: about the length of the shortest stream
_ERROR = {"type": "error", "error": {"message": "broken", "type": "server_error"}}
_FAILED = {"error": {"code": "server_error", "message": "broken"}, "output": []}


class CallbackError(Exception):
    """What a callback of the soak raises."""


class Listener(EventHandler):
    """Keeps the text, counts the ends, and does something at the first delta."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.text = ""
        self.ends = 0

    def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        """Keep the text; act once."""
        first, self.text = not self.text, self.text + delta.value
        if first:
            self._act()

    def on_end(self) -> None:
        """Count."""
        self.ends += 1


def respond(turn: Turn) -> Answer:
    """Answer on the Assistants wire as the user's text says."""
    match turn.last_user_text:
        case "tools" | "cut in a tool round":
            return answer_call(turn)
        case "error event":
            return [Say(PIECES[0]), SendError("broken")]
        case "failed run":
            return [Say(PIECES[0]), Fail()]
        case _:
            return Say(TEXT, pieces=PIECES)


def run_stream(server: LocalServer, number: int, wire: str, trouble: str, random: Random) -> str:
    """Run one stream, and return what became of it.

    Args:
        server: Serves; made with `respond`.
        number: The stream's own; no other stream of this server has it.
        wire: One of `WIRES`.
        trouble: One of `TROUBLES` or `OTHER_THREADS`.
        random: Says where it strikes.
    """
    holder: list[Stream] = []
    stops = threading.Event()
    listener = Listener(lambda: _act(trouble, holder, stops))
    helper = threading.Thread(target=_stop_later, args=(trouble, holder, stops), daemon=True)
    if "thread" in trouble:
        helper.start()
    try:
        timeout = _SILENCE if trouble == "stall" else _PATIENCE
        base_url = _base_url(server, number, wire)
        with Client("any", base_url, timeout=timeout, max_retries=0) as client:
            call = _CALLS[wire](server, client, number, trouble, random)
            with closing(call(listener)) as stream:
                holder.append(stream)
                stream.until_done()
                run = stream.current_run
    except (StreamError, CallbackError) as error:
        outcome = type(error).__name__
        has_begun = bool(holder)
    else:
        has_begun = True
        outcome = str(run.status) if run is not None else "stopped"
        if outcome in {"queued", "in_progress", "cancelling"}:
            outcome = "stopped"
    finally:
        stops.set()
        if helper.is_alive():
            helper.join()
    return _checked(outcome, listener, has_begun=has_begun)


def _checked(outcome: str, listener: Listener, *, has_begun: bool) -> str:
    """Return the outcome, or what is wrong with what was delivered."""
    if listener.ends != (1 if has_begun else 0):
        return f"{outcome} with on_end {listener.ends} times"
    whole = listener.text == TEXT if outcome == "completed" else TEXT.startswith(listener.text)
    return outcome if whole else f"{outcome} with the text {listener.text!r}"


# --- What the user does -----------------------------------------------------------------


def _act(trouble: str, holder: list[Stream], stops: threading.Event) -> None:
    """Do what the trouble says, in a callback at the first delta."""
    if trouble == "callback raises":
        raise CallbackError
    if "thread" in trouble:
        stops.set()
    elif trouble in {"close", "cancel", "abort"}:
        getattr(holder[0], trouble)()


def _stop_later(trouble: str, holder: list[Stream], stops: threading.Event) -> None:
    """Stop the stream from a thread that does not read it."""
    stops.wait()
    if holder:
        getattr(holder[0], trouble.partition(" ")[0])()


# --- What the server does ---------------------------------------------------------------


@frozen
class _Place:
    """Where a stream's requests go.

    Attributes:
        server: The server.
        only: A text that is in their paths, and in no other stream's.
    """

    server: LocalServer
    only: str

    def spoil(self, trouble: str, random: Random, **answer: Any) -> None:
        """Schedule the network's part of a trouble; ANSWER replaces what the server would say."""
        at = random.randrange(_LONGEST)
        faults: dict[str, dict[str, Any]] = {
            "slow": {"delay": random.uniform(0.0, 0.05), **answer},
            "cut": {"cut_after": at, **answer},
            "reset": {"cut_after": at, "reset": True, **answer},
            "stall": {"silence_after": at, **answer},
            "refused": {"refuse": True, "reset": random.random() < 0.5},
            "status 500": {"status": 500},
            "status 429": {"status": 429},
            "html": {"body": "<html>Welcome!</html>"},
        }
        fault = faults.get(trouble, answer)
        if fault:
            self.server.fail_next(Fault(only=self.only, **fault))


def _base_url(server: LocalServer, number: int, wire: str) -> str:
    return server.base_url if wire == "assistants" else f"{server.url}/stream-{number}-"


def _assistants(
    server: LocalServer, client: Client, number: int, trouble: str, random: Random
) -> Callable[[EventHandler], Stream]:
    del number  # a thread has an id of its own
    assistant = client.assistants.create(model="m")
    thread = client.threads.create(messages=[{"role": "user", "content": trouble}])
    place = _Place(server, f"/{thread.id}/runs")
    if trouble == "small chunks":
        # For whichever stream begins next: no stream may notice.
        transfer: Transfer = random.choice(["chunked", "close"])
        server.frame_next(Framing(chunk_size=random.randint(1, 50), framing=transfer))
    if trouble == "cut in a tool round":  # the first request below the run submits its outputs
        _Place(server, f"{place.only}/").spoil("cut", random)
    else:
        place.spoil(trouble, random)
    tools = list(FUNCTIONS.values())
    return lambda handler: client.threads.runs.stream(
        thread.id, assistant_id=assistant.id, event_handler=handler, tools=tools
    )


def _bodies(rounds: list[list[Frame]], trouble: str, broken: list[Frame]) -> Iterator[str]:
    """Yield the streams of a conversation as texts, the first with what the server breaks."""
    for frames in rounds:
        yield sse(*(broken if trouble in {"error event", "failed run"} else frames)).decode()


def _play(place: _Place, bodies: Iterator[str], trouble: str, random: Random) -> None:
    """Schedule the answers of one stream, the last of them in trouble."""
    answers = list(bodies)
    for index, body in enumerate(answers):
        is_last = index == len(answers) - 1
        kind = "cut" if trouble == "cut in a tool round" else trouble
        place.spoil(
            kind if is_last else "none", random, body=body, content_type="text/event-stream"
        )


def _responses(
    server: LocalServer, client: Client, number: int, trouble: str, random: Random
) -> Callable[[EventHandler], Stream]:
    place = _Place(server, f"/stream-{number}-")
    has_tools = "tool" in trouble
    rounds = of_responses("function calls" if has_tools else "text")
    first = rounds[0][:6]
    failed = {"type": "response.failed", "response": {**_response(first), "status": "failed"}}
    broken = {"error event": ("error", _ERROR), "failed run": ("response.failed", failed)}
    ending = [broken[trouble]] if trouble in broken else []
    _play(place, _bodies(rounds, trouble, [*first, *ending]), trouble, random)
    tools = list(FUNCTIONS.values()) if has_tools else []
    return lambda handler: client.responses.stream(
        model="m", input="x", event_handler=handler, tools=tools
    )


def _response(frames: list[Frame]) -> dict[str, Any]:
    """Return the response of the first frame, as it failed."""
    payload: Any = frames[0][1]
    return {**payload["response"], **_FAILED}


def _chat(
    server: LocalServer, client: Client, number: int, trouble: str, random: Random
) -> Callable[[EventHandler], Stream]:
    place = _Place(server, f"/stream-{number}-")
    has_tools = "tool" in trouble
    rounds = of_chat("function calls" if has_tools else "text")
    _play(place, _bodies(rounds, trouble, [*rounds[0][:3], ("", _ERROR)]), trouble, random)
    tools = list(FUNCTIONS.values()) if has_tools else []
    return lambda handler: client.chat.completions.stream(
        model="m",
        messages=[{"role": "user", "content": "x"}],
        event_handler=handler,
        tools=tools,
    )


_CALLS: dict[str, Callable[..., Callable[[EventHandler], Stream]]] = {
    "assistants": _assistants,
    "responses": _responses,
    "chat": _chat,
}
