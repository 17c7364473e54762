"""A run as a sequence of wire events, sans-I/O.

Rules of this file:

- `RunMachine` turns parts into events and keeps the store in step with them: a GET
  of a run, step or message returns the state as streamed so far.
- Every method that produces events is a generator; one step, one event. The caller
  may drop it half-way (a cancel does) and go on with another.
- An event's object is a copy, so that it does not change once sent.
- The order of events is that of recorded traffic. The caller adds ``done``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

from .content import MessageWriter
from .framing import WireEvent
from .parts import (
    AskApproval,
    CallFunctions,
    Cancel,
    Expire,
    Fail,
    ListTools,
    NewMessage,
    Part,
    Refuse,
    RunCode,
    Say,
    SearchFiles,
    SendError,
    ShowImage,
    ShowImageURL,
    StopShort,
)
from .responder import ToolResult, Turn
from .steps import Steps
from .store import Obj, Store
from .tools import ClientAnswer, ToolWriter

__all__ = ["TERMINAL", "RunMachine"]

TERMINAL = frozenset({"completed", "incomplete", "failed", "cancelled", "expired"})
"""The statuses of a run that is over."""

_ACTION_SECONDS = 36_000  # outputs are accepted for ten hours, as recorded
_STAMPS = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}


class RunMachine:
    """One run, from its creation to its end.

    Args:
        store: The store of its objects.
        run: The run, live, as `Store.add_run` made it.
        include: The request's ``include`` values.

    Attributes:
        run: The run, live.
        rounds: The answered tool rounds.
        cancel_requested: Whether a client asked for the run to be cancelled.
        when_cancelled: Called at that moment, to wake the consumer of the events.
    """

    def __init__(self, store: Store, run: Obj, include: Sequence[str] = ()) -> None:
        self._store = store
        self._steps = Steps(store, run)
        self._message = MessageWriter(store, run, self._steps)
        self._tools = ToolWriter(store, self._steps, include)
        self._thread = store.threads[run["thread_id"]]
        self.run = run
        self.rounds: list[tuple[ToolResult, ...]] = []
        self.cancel_requested = False
        self.when_cancelled: Callable[[], None] = lambda: None

    @property
    def paused(self) -> bool:
        """Whether the turn is over: the run has ended, or is waiting for the client."""
        return self.run["status"] == "requires_action" or self.run["status"] in TERMINAL

    @property
    def pending(self) -> list[Obj]:
        """The calls that are waiting for the client, live."""
        return self._tools.pending

    def turn(self) -> Turn:
        """Return the turn for the responder, made of copies."""
        thread_id = self.run["thread_id"]
        assistant = self._store.assistants.get(self.run["assistant_id"])
        return Turn(
            assistant=copy.deepcopy(assistant or {"id": self.run["assistant_id"]}),
            thread=copy.deepcopy(self._thread),
            run=copy.deepcopy(self.run),
            messages=copy.deepcopy(list(self._store.messages[thread_id].values())),
            rounds=tuple(self.rounds),
        )

    def start(self, new_thread: Obj | None = None) -> Iterator[WireEvent]:
        """Begin the run; ``new_thread`` is the thread created with it."""
        if new_thread is not None:
            yield WireEvent("thread.created", copy.deepcopy(new_thread))
        yield self._event("created")
        yield from self._work()

    def accept(self, outputs: Mapping[str, ClientAnswer]) -> Iterator[WireEvent]:
        """Accept the client's answers to `pending`, at once, and go on.

        Args:
            outputs: By call id, for each pending call: an output, or whether approved.

        Returns:
            The events that follow; the first is the open step's ``completed``.
        """
        self.rounds.append(self._tools.answer(outputs))
        self.run["status"] = "queued"
        self.run["required_action"] = None
        return self._resume()

    def apply(self, part: Part) -> Iterator[WireEvent]:
        """Turn one part into events; check `paused` afterwards.

        Raises:
            TypeError: It is not a part.
            ValueError: It contradicts itself, e.g. with a marker that is not in the text.
        """
        match part:
            case Say() | Refuse() | ShowImage() | ShowImageURL():
                yield from self._message.add(part)
                if self._steps.cut_short:
                    yield from self._stop_short(StopShort())
            case SendError():
                yield from self._send_error(part)
            case Fail():
                yield from self._fail(part)
            case StopShort():
                yield from self._stop_short(part)
            case Cancel():
                yield from self.cancel()
            case Expire():
                yield from self._break_off("expired", "run_expired")
                yield self._end("expired")
            case _:
                yield from self._close_message()
                yield from self._use_tool(part)

    def finish(self) -> Iterator[WireEvent]:
        """End the run as completed."""
        yield from self._close_message()
        yield self._end("completed")

    def request_cancel(self) -> None:
        """Note that the run is to be cancelled; `cancel` produces the events."""
        self.cancel_requested = True
        self.run["status"] = "cancelling"
        self.run["required_action"] = None
        self.when_cancelled()

    def cancel(self) -> Iterator[WireEvent]:
        """End the run as cancelled, at whatever point it is."""
        self.request_cancel()
        yield self._event("cancelling")
        yield from self._break_off("cancelled", "run_cancelled")
        yield self._end("cancelled")

    def _event(self, name: str) -> WireEvent:
        return WireEvent(f"thread.run.{name}", copy.deepcopy(self.run))

    def _work(self) -> Iterator[WireEvent]:
        yield self._event("queued")
        self.run["status"] = "in_progress"
        self.run["started_at"] = self._store.now()
        yield self._event("in_progress")

    def _resume(self) -> Iterator[WireEvent]:
        yield from self._steps.end("completed")
        yield from self._work()

    def _use_tool(self, part: NewMessage | Part) -> Iterator[WireEvent]:
        """Write a part that is not content; the open message is closed."""
        match part:
            case NewMessage():
                return
            case CallFunctions():
                yield from self._tools.call_functions(part)
                yield self._require_action()
            case AskApproval():
                yield from self._tools.ask_approval(part)
                yield self._require_action()
            case RunCode():
                yield from self._tools.run_code(part)
            case SearchFiles():
                yield from self._tools.search_files(part)
            case ListTools():
                yield from self._tools.list_tools(part)
            case _:
                raise TypeError(f"not a part of stream_core.testing.parts: {part!r}")

    def _require_action(self) -> WireEvent:
        self.run["status"] = "requires_action"
        self.run["expires_at"] = self._store.now() + _ACTION_SECONDS
        self.run["required_action"] = self._tools.required_action()
        self._steps.extend(self.run["expires_at"])
        return self._event("requires_action")

    def _close_message(self) -> Iterator[WireEvent]:
        yield from self._message.end()
        yield from self._steps.end("completed")

    def _break_off(
        self, step_status: str, reason: str, error: Obj | None = None
    ) -> Iterator[WireEvent]:
        """Close the open message and step early."""
        yield from self._message.end(reason)
        yield from self._steps.end(step_status, error)

    def _end(self, status: str) -> WireEvent:
        self.run["status"] = status
        self.run["expires_at"] = None
        self.run["usage"] = self._steps.total_usage()
        if status in _STAMPS:
            self.run[_STAMPS[status]] = self._store.now()
        return self._event(status)

    def _fail(self, part: Fail) -> Iterator[WireEvent]:
        error: Obj = {"code": part.code, "message": part.message}
        self.run["last_error"] = error
        yield from self._break_off("failed", "run_failed", dict(error))
        yield self._end("failed")

    def _stop_short(self, part: StopShort) -> Iterator[WireEvent]:
        is_limit = part.reason.startswith("max_")
        yield from self._message.end("max_tokens" if is_limit else part.reason)
        yield from self._steps.end("completed")
        self.run["incomplete_details"] = {"reason": part.reason}
        yield self._end("incomplete")

    def _send_error(self, part: SendError) -> Iterator[WireEvent]:
        """Fail without the events of a failure: the stream only has ``error``.

        The payload has both shapes in use: OpenAI's wrapped one, and the bare one of the
        specification.
        """
        for _ in self._fail(Fail("server_error", part.message)):
            pass
        error = {
            "message": part.message,
            "type": part.type,
            "param": part.param,
            "code": part.code,
        }
        yield WireEvent("error", {"error": error, **error})
