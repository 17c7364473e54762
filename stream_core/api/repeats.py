"""Which requests may be sent again, and when: a closed table, and the flow that obeys it.

Rules of this file:

- Every call of the client has a row. A request without one is sent by ``client.request``: it
  reads if it is a GET, and else it changes something.
- Whatever failed, a request is sent again only if it cannot do anything twice, or if doing it
  twice changes nothing: an answer that nobody gets is lost, not kept.
- After the first byte of an answer's body nothing is sent again: a run has begun to stream.
- ``x-should-retry: false`` and a wait of more than a minute forbid it all.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import uuid4

from attrs import evolve, frozen

from stream_core.effects import Wait
from stream_core.errors import APIStatusError, StreamTimeoutError, TransportError
from stream_core.http.response_head import retry_after
from stream_core.http.waits import NOT_NOW, backoff, forbids_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream_core.effects import Ask, Flow, Open

    #: A row: a rule, or what finds the rule for a body.
    Row: TypeAlias = "Rule | Callable[[Mapping[str, Any]], Rule]"

__all__ = ["ANSWERS", "CHANGES", "READS", "REPEATS", "Rule", "repeating", "rule_of"]


@frozen
class Rule:
    """When a request may be sent again. A connection that was never made is always a reason.

    Attributes:
        name: What such requests do.
        statuses: The statuses that are a reason; 409 is for every request if
            ``x-should-retry`` is ``true``.
        after_loss: Whether a connection that broke before the answer's body is one.
        after_silence: Whether a timeout is.
        with_key: Whether an ``Idempotency-Key`` is sent, the same with each repeat.
    """

    name: str
    statuses: frozenset[int]
    after_loss: bool = False
    after_silence: bool = False
    with_key: bool = False


#: Asks, and changes nothing.
READS: Final = Rule("reads", NOT_NOW, after_loss=True, after_silence=True)

#: Makes an answer that is kept nowhere or that nothing follows from. After silence the server may
#: still be at work, and a second answer would cost as much again.
ANSWERS: Final = Rule("answers", NOT_NOW - {409}, after_loss=True, with_key=True)

#: Changes an object: done twice, there would be two messages or two runs, or a run would get its
#: outputs twice. Only the server's word that it did nothing is a reason.
CHANGES: Final = Rule("changes", frozenset({408, 429}))


def _response(body: Mapping[str, Any]) -> Rule:
    """Return the rule of a request for a response."""
    kept = body.get("conversation") is not None or body.get("background")
    return CHANGES if kept else ANSWERS


#: Method and path of each call -> its rule.
REPEATS: Final[Mapping[tuple[str, str], Row]] = {
    ("POST", "/chat/completions"): ANSWERS,
    ("POST", "/responses"): _response,
    ("GET", "/responses/{response_id}"): READS,
    ("POST", "/responses/{response_id}/cancel"): CHANGES,
    ("POST", "/conversations"): CHANGES,
    ("POST", "/conversations/{thread_id}"): CHANGES,
    ("DELETE", "/conversations/{thread_id}"): CHANGES,
    ("GET", "/assistants"): READS,
    ("POST", "/assistants"): CHANGES,
    ("GET", "/assistants/{assistant_id}"): READS,
    ("POST", "/assistants/{assistant_id}"): CHANGES,
    ("DELETE", "/assistants/{assistant_id}"): CHANGES,
    ("POST", "/threads"): CHANGES,
    ("GET", "/threads/{thread_id}"): READS,
    ("POST", "/threads/{thread_id}"): CHANGES,
    ("DELETE", "/threads/{thread_id}"): CHANGES,
    ("GET", "/threads/{thread_id}/messages"): READS,
    ("POST", "/threads/{thread_id}/messages"): CHANGES,
    ("GET", "/threads/{thread_id}/messages/{message_id}"): READS,
    ("POST", "/threads/{thread_id}/messages/{message_id}"): CHANGES,
    ("DELETE", "/threads/{thread_id}/messages/{message_id}"): CHANGES,
    ("POST", "/threads/runs"): CHANGES,
    ("GET", "/threads/{thread_id}/runs"): READS,
    ("POST", "/threads/{thread_id}/runs"): CHANGES,
    ("GET", "/threads/{thread_id}/runs/{run_id}"): READS,
    ("POST", "/threads/{thread_id}/runs/{run_id}"): CHANGES,
    ("POST", "/threads/{thread_id}/runs/{run_id}/cancel"): CHANGES,
    ("POST", "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"): CHANGES,
    ("GET", "/threads/{thread_id}/runs/{run_id}/steps"): READS,
    ("GET", "/threads/{thread_id}/runs/{run_id}/steps/{step_id}"): READS,
}

_PATTERNS: Final = [
    (method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), row)
    for (method, path), row in sorted(REPEATS.items())
]


def rule_of(effect: Ask | Open) -> Rule:
    """Return the rule of a request."""
    method, path = effect.method.upper(), effect.path.partition("?")[0]
    default = READS if method == "GET" else CHANGES
    row = next((x for verb, y, x in _PATTERNS if verb == method and y.fullmatch(path)), default)
    return row if isinstance(row, Rule) else row(effect.options.get("body") or {})


def repeating(effect: Ask | Open, most: int) -> Flow[Any]:
    """Send a request, and send it again if that is allowed and helps.

    Args:
        effect: The request.
        most: How often it is sent again.

    Returns:
        The answer.

    Raises:
        StreamError: The last failure; or the one after which the stream was aborted.
    """
    rule = rule_of(effect)
    if rule.with_key and most:
        keyed = {"Idempotency-Key": str(uuid4()), **effect.options.get("default_headers", {})}
        effect = evolve(effect, options={**effect.options, "default_headers": keyed})
    for number in range(most):
        try:
            return (yield effect)
        except (TransportError, APIStatusError) as error:
            wait = _wait_after(error, rule, number)
            if wait is None or (yield Wait(wait)):
                raise
    return (yield effect)


def _wait_after(error: TransportError | APIStatusError, rule: Rule, number: int) -> float | None:
    """Return how long to wait until a request is sent again; None if it is not to be.

    Args:
        error: How it failed.
        rule: The rule of the request.
        number: How often it was sent again already.
    """
    if isinstance(error, TransportError):
        silence = isinstance(error, StreamTimeoutError)
        lost = rule.after_silence if silence else rule.after_loss
        again = error.stage == "connecting" or (error.stage == "waiting" and lost)
        return backoff(number) if again else None
    status, headers = error.status_code, error.headers
    conflict = status == HTTPStatus.CONFLICT and headers.get("x-should-retry") == "true"
    if forbids_retry(headers) or not (status in rule.statuses or conflict):
        return None
    return retry_after(headers) or backoff(number)
