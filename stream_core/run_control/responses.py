"""What can be done about a run of the Responses wire: rounds, recovery, cancelling.

Rules of this file:

- A round of tools names the last response, or sends the whole input again with all output
  items and the outputs, if the server keeps nothing: as the caller says, or as soon as the
  server says so. A conversation needs neither. So it is with the first request too, if it
  comes after others.
- Every round sends all parameters again: the server carries none over, not even instructions.
- A background response is on the server: it is joined again after what was read, or, if the
  server cannot do that, waited for and delivered as what it has become. Any other ends with its
  connection.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

from stream_core.effects import Ask, Now, Open, Wait, one
from stream_core.errors import (
    APIStatusError,
    BadRequestError,
    NotAnEventStreamError,
    NotFoundError,
    StreamError,
    UnprocessableEntityError,
)

from .cancelling import cancel
from .chained import ChainedControl
from .paths import server_path
from .polling import TRIES, persist, poll

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core.dialects.responses.dialect import ResponsesDialect
    from stream_core.effects import Flow
    from stream_core.http.transport import Options
    from stream_core.models import Run
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["Earlier", "ResponsesControl"]

_PATH = "/responses"

#: Statuses of a response that says nothing more.
_ENDS = frozenset({"completed", "incomplete", "failed", "cancelled"})

#: Seconds between two questions about a response, at first and at most, and for how long it is
#: asked; nothing that runs in the background takes longer without a word.
_FIRST_WAIT, _LONGEST_WAIT, _PATIENCE = 0.1, 2.0, 600.0

#: Seconds until a conversation that is locked is tried again, once.
_LOCKED = 0.5

#: What servers answer that keep no responses.
_REFUSALS = (BadRequestError, NotFoundError, UnprocessableEntityError)

#: The lowest ``max_output_tokens`` that OpenAI takes.
_LEAST_TOKENS = 16

#: The items that answer calls, by the type of the call.
_OUTPUTS = {"custom_tool_call": "custom_tool_call_output"}


@frozen
class Earlier:
    """What came before the first request, if it is a turn of a longer conversation.

    Attributes:
        items: The items of input and output, in order.
        response_id: The response that came last, "" if none can be named.
        whole: Whether ITEMS are all there were, so that they can be sent instead of naming it.
    """

    items: Sequence[Any] = ()
    response_id: str = ""
    whole: bool = True


class ResponsesControl(ChainedControl):
    """Controls the run of one stream of the Responses wire.

    Attributes:
        recovers: Whether it asks what became of the response.
    """

    def __init__(
        self,
        options: Options,
        dialect: ResponsesDialect,
        *,
        rounds: ToolRounds | None,
        stateless: bool | None = None,
        recover: bool = True,
        earlier: Earlier | None = None,
        one_limit: bool = False,
    ) -> None:
        """Prepare.

        Args:
            options: The parts of the first request.
            dialect: What reads all rounds.
            rounds: Answers what the run requires; None: the caller does.
            stateless: Whether every round sends the whole input; None: if nothing is stored.
            recover: Whether to ask what became of a background response when the connection
                is lost.
            earlier: What was said before; the ``input`` of OPTIONS comes after it.
            one_limit: Whether ``max_output_tokens`` is for all rounds together; of itself it
                is for each.
        """
        super().__init__(_PATH, options, rounds=rounds)
        body = self._body
        self._dialect = dialect
        dialect.requested_tools = list(body.get("tools") or ())
        self._earlier = earlier or Earlier()
        self._input = _as_items(body.get("input"))
        self._in_conversation = body.get("conversation") is not None
        self._stateless = body.get("store") is False if stateless is None else stateless
        self._background = body.get("background") is True
        self._limit: int | None = body.get("max_output_tokens") if one_limit else None
        self._cancelled = False
        # The response that was answered: the one that follows has another id.
        self._answered: str | None = None
        # The place at which it was joined last, and how often: without anything new, doing it again
        # and again is of no use.
        self._joined: tuple[str, int | None] | None = None
        self._joins = 0
        self.recovers = recover and self._background

    # --- Rounds -------------------------------------------------------------------------

    @property
    def stateless(self) -> bool:
        """Whether the whole input is sent, because the caller or the server said so."""
        return self._stateless

    @property
    def items(self) -> list[Any]:
        """The input of the first request, and all that was added until the last round."""
        return self._input

    def begin(self) -> Flow[Source]:
        """Send the first request; return its source."""
        earlier = self._earlier
        if earlier.items or earlier.response_id:
            return self._ask_on(self._input, self._input, earlier.response_id, first=True)
        return self._open_unlocked(first=True)

    def submit(
        self,
        outputs: Sequence[Mapping[str, Any]],
        approvals: Sequence[Mapping[str, Any]],
        *,
        rounds: ToolRounds | None,
        options: Options,
    ) -> Flow[Source]:
        """Send what the caller found for the calls of the last response.

        Args:
            outputs: ``{"tool_call_id": ..., "output": ...}`` for each call.
            approvals: ``{"tool_call_id": ..., "approve": ...}`` for each call.
            rounds: Answers what the run requires from now on; None: the caller does.
            options: The parts of the request; its body is added to that of the first one.
        """
        self._rounds = rounds
        self._body = {**self._body, **(options.get("body") or {})}
        self._options = options
        self._dialect.requested_tools = list(self._body.get("tools") or ())
        return (yield from self._follow_up(outputs, approvals))

    def _follow_up(
        self, outputs: Sequence[Mapping[str, Any]], approvals: Sequence[Mapping[str, Any]]
    ) -> Flow[Source]:
        """Send the outputs, with as much of what came before as the server needs."""
        came, last = self._dialect.output_items, self._dialect.response_id
        items = [*_answers(outputs, came), *map(_approval, approvals)]
        if self._limit is not None:
            left = max(_LEAST_TOKENS, self._limit - self._dialect.output_tokens)
            self._body = {**self._body, "max_output_tokens": left}
        grown = [*self._input, *came, *items]
        source = yield from self._ask_on(items, grown, last)
        self._input = grown
        self._answered = last
        self._dialect.resume({one["tool_call_id"]: one["output"] for one in outputs})
        return source

    def _ask_on(
        self, items: list[Any], grown: list[Any], last: str, *, first: bool = False
    ) -> Flow[Source]:
        """Send ITEMS after the response LAST; or everything from the beginning, with GROWN."""
        if self._in_conversation:
            return (yield from self._open_unlocked(first=first, input=items))
        whole = self._earlier.whole
        if last and not (self._stateless and whole):
            try:
                return (yield from self._open(first=first, input=items, previous_response_id=last))
            except _REFUSALS as error:
                if not whole or "previous_response" not in f"{error} {error.body}":
                    raise
        self._stateless = True
        return (yield from self._open(first=first, input=[*self._earlier.items, *grown]))

    def _open_unlocked(self, *, first: bool, **changes: Any) -> Flow[Source]:
        """Send a request; again if the response that ended a moment ago still locks it all."""
        try:
            return (yield from self._open(first=first, **changes))
        except BadRequestError as error:
            if error.code != "conversation_locked":
                raise
        yield Wait(_LOCKED)
        return (yield from self._open(first=first, **changes))

    # --- Recovery -----------------------------------------------------------------------

    @property
    def _response_id(self) -> str | None:
        """Id of the response that is on its way; None before it is known."""
        known = self._dialect.response_id
        return known if known and known != self._answered else None

    def rejoin(self, snapshots: Snapshots) -> Flow[Source | None]:
        """Return how the response goes on after what was read, or None if it does not.

        Raises:
            StreamError: The server could not be asked, or the response took too long, or its id
                was never seen.
        """
        del snapshots
        response_id, number = self._response_id, self._dialect.sequence_number
        if not self.recovers:
            return None
        if response_id is None:
            raise StreamError(
                "the id of the response was not seen, and no other is taken for it; "
                "a response may be going on in the background"
            )
        if self._joined != (response_id, number):
            self._joined, self._joins = (response_id, number), 0
        if not self._cancelled and self._joins < TRIES:
            self._joins += 1
            self._dialect.rejoin()
            query = {"stream": "true", "starting_after": number}
            opened = Open("GET", _of(response_id), self._options_of(query))
            try:
                source: Source = yield from persist(lambda: one(opened))
            except (APIStatusError, NotAnEventStreamError):
                self._joins = TRIES  # a server without this, or a response that it does not stream
            else:
                return source
        return (yield from self._wait(response_id))

    def _wait(self, response_id: str) -> Flow[Source | None]:
        """Ask until the response ended; return a frame with its end, or None if aborted."""
        response = yield from poll(
            lambda: self._ask("GET", response_id),
            lambda now: now.get("status") in _ENDS,
            first=_FIRST_WAIT,
            longest=_LONGEST_WAIT,
            deadline=(yield Now()) + _PATIENCE,
            still=lambda now: f"response {response_id} is still {now.get('status')}",
        )
        if response is None:
            return None
        kind = f"response.{response['status']}"
        data = json.dumps({"type": kind, "response": response})
        return f"event: {kind}\ndata: {data}\n\n".encode()

    def cancel(self, run: Run) -> Flow[bool]:
        """Cancel the response, unless it has ended; False if it ends with the connection."""
        del run  # it has the id of its first response
        response_id = self._response_id
        if not self._background or response_id is None:
            return False
        self._cancelled = yield from cancel(
            self._ask("POST", response_id, "/cancel"),
            lambda: self._ask("GET", response_id),
            lambda now: now.get("status") in _ENDS,
        )
        return self._cancelled

    def _ask(self, method: str, response_id: str, rest: str = "") -> Flow[dict[str, Any]]:
        """Send a request about a response; return the response as it is now."""
        found: Any = yield Ask(method, _of(response_id, rest), self._options_of({}))
        return found if isinstance(found, dict) else {}

    def _options_of(self, query: Mapping[str, Any]) -> Options:
        """Return the parts of a request about the response, with QUERY beside the caller's."""
        options: Options = {**self._options, "query": {**self._options.get("query", {}), **query}}
        options.pop("body", None)
        return options


def _of(response_id: str, rest: str = "") -> str:
    """Return the path of a response, or of something in it."""
    return server_path("/responses/{response_id}", response_id=response_id) + rest


def _as_items(given: Any) -> list[Any]:
    """Return an input as a list."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return list(given or ())


def _answers(
    outputs: Sequence[Mapping[str, Any]], came: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the items with the outputs of the calls among those that CAME."""
    kinds = {item.get("call_id"): item.get("type", "") for item in came}
    return [
        {
            "type": _OUTPUTS.get(kinds.get(one["tool_call_id"], ""), "function_call_output"),
            "call_id": one["tool_call_id"],
            "output": one["output"],
        }
        for one in outputs
    ]


def _approval(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item that says whether a call may be made."""
    return {
        "type": "mcp_approval_response",
        "approval_request_id": given["tool_call_id"],
        "approve": given["approve"],
    }
