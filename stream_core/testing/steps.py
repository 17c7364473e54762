"""The open step of a run: begin it, end it, and count its tokens.

Rules of this file:

- A run has at most one open step.
- Usage is counted, not invented: a token is one piece of text, fragment of
  arguments or fragment of code that was sent.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from .framing import WireEvent
from .pieces import cut_text
from .responder import text_of
from .store import Obj, Store

__all__ = ["Steps"]

_STAMPS = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}


class Steps:
    """Writes the steps of one run.

    Args:
        store: The store of the steps.
        run: The run, live.

    Attributes:
        open: The step that is in progress, live, or None.
        cut_short: Whether content was left out for ``max_completion_tokens``.
    """

    def __init__(self, store: Store, run: Obj) -> None:
        self._store = store
        self._run = run
        self._spent = 0  # by the open step
        self._prompt_total = 0
        self._completion_total = 0
        self.open: Obj | None = None
        self.cut_short = False

    def begin(self, details: Obj) -> Iterator[WireEvent]:
        """Open a step; yield created and in_progress."""
        self.open = self._store.add_step(self._run, details)
        self._spent = 0
        yield self._event("created", self.open)
        yield self._event("in_progress", self.open)

    def again(self) -> Iterator[WireEvent]:
        """Yield the open step's created again, as Azure does before an approval."""
        assert self.open is not None  # noqa: S101 - the caller has just begun it
        yield self._event("created", self.open)

    def delta(self, details: Obj) -> WireEvent:
        """Return a step delta of the open step."""
        assert self.open is not None  # noqa: S101 - the caller has just begun it
        data = {
            "id": self.open["id"],
            "object": "thread.run.step.delta",
            "delta": {"step_details": details},
        }
        return WireEvent("thread.run.step.delta", data)

    def extend(self, expires_at: int) -> None:
        """Let the open step expire later, because it waits for the client."""
        assert self.open is not None  # noqa: S101 - the caller has just begun it
        self.open["expires_at"] = expires_at

    def end(self, status: str, error: Obj | None = None) -> Iterator[WireEvent]:
        """Close the open step, if there is one.

        Args:
            status: ``completed``, ``failed``, ``cancelled`` or ``expired``.
            error: ``last_error`` of a failed step.
        """
        step = self.open
        if step is None:
            return
        self.open = None
        step["status"] = status
        if status in _STAMPS:
            step[_STAMPS[status]] = self._store.now()
        step["last_error"] = error
        prompt = self._prompt_tokens()
        step["usage"] = usage(prompt, self._spent)
        self._prompt_total += prompt
        self._completion_total += self._spent
        yield self._event(status, step)

    def spend(self) -> bool:
        """Count one token and return True; if the run has reached its limit, return False."""
        limit = self._run["max_completion_tokens"]
        if limit is not None and self._completion_total + self._spent >= limit:
            self.cut_short = True
            return False
        self._spent += 1
        return True

    def total_usage(self) -> Obj:
        """Return the run's usage."""
        return usage(self._prompt_total, self._completion_total)

    def _prompt_tokens(self) -> int:
        messages = self._store.messages[self._run["thread_id"]].values()
        texts = [self._run["instructions"] or "", *(text_of(message) for message in messages)]
        return sum(len(cut_text(text)) for text in texts)

    @staticmethod
    def _event(name: str, step: Obj) -> WireEvent:
        return WireEvent(f"thread.run.step.{name}", copy.deepcopy(step))


def usage(prompt: int, completion: int) -> Obj:
    """Make a usage object."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
