"""What can be done about a run on a wire where each round is a request of its own.

Rules of this file:

- The server knows no run: what it requires is answered by another request, and how that is
  made is the wire's own.
- A round may wait for outputs and for approvals at once; both are in the one request.
- A ``tool_choice`` that forces a call counts for the first round only: it would force one in
  each, and no answer would ever come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from attrs import evolve

from stream_core.effects import Open, immediate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.http.transport import Options
    from stream_core.models import Run
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["ChainedControl"]


class ChainedControl(ABC):
    """Controls the run of one stream (see :class:`stream_core.Control`).

    Attributes:
        recovers: Whether it asks what became of the run.
    """

    recovers = False

    def __init__(self, path: str, options: Options, *, rounds: ToolRounds | None) -> None:
        """Prepare.

        Args:
            path: Where the rounds are asked for.
            options: The parts of the first request, its body among them.
            rounds: Answers what the run requires; None: the caller does.
        """
        self._path = path
        self._options = options
        self._body: dict[str, Any] = options.get("body") or {}
        self._rounds = rounds

    def answer(self, run: Run) -> Flow[Source | None] | None:
        """Do what RUN requires; None if that is left to the caller."""
        parts = _parts(run)
        if self._rounds is None or not all(map(self._rounds.answers, parts)):
            return None
        return self._answer(self._rounds, parts)

    def _answer(self, rounds: ToolRounds, parts: Sequence[Run]) -> Flow[Source | None]:
        """Answer all PARTS, and return the source that goes on."""
        answers: dict[str, list[Mapping[str, Any]]] = {"tool_outputs": [], "tool_approvals": []}
        for part in parts:
            body = yield from rounds.answer(part)
            if body is None:
                return None
            answers.update(body)
        return (yield from self._follow_up(answers["tool_outputs"], answers["tool_approvals"]))

    @abstractmethod
    def _follow_up(
        self, outputs: Sequence[Mapping[str, Any]], approvals: Sequence[Mapping[str, Any]]
    ) -> Flow[Source]:
        """Send the request of the next round; return its source.

        Args:
            outputs: ``{"tool_call_id": ..., "output": ...}`` for each call.
            approvals: ``{"tool_call_id": ..., "approve": ...}`` for each call.
        """

    def begin(self) -> Flow[Source]:
        """Send the first request; return its source."""
        return self._open(first=True)

    def _open(self, *, first: bool = False, **changes: Any) -> Flow[Source]:
        """Send the first request, or once more, with CHANGES in its body."""
        body = {**self._body, **changes}
        if not first and _forces(body.get("tool_choice")):
            del body["tool_choice"]
        source: Source = yield Open("POST", self._path, {**self._options, "body": body})
        return source

    def recover(self, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Return None: the server has no run whose objects could be delivered."""
        del snapshots
        return immediate(None)

    def rejoin(self, snapshots: Snapshots) -> Flow[Source | None]:
        """Return None: what was not read is lost."""
        del snapshots
        return immediate(None)

    def find(self, snapshots: Snapshots) -> Flow[Run | None]:
        """Return the run that was heard of."""
        return immediate(snapshots.current_run)

    def cancel(self, run: Run) -> Flow[bool]:
        """Return False: the run ends with the connection."""
        del run
        return immediate(False)  # noqa: FBT003  # the value


def _parts(run: Run) -> list[Run]:
    """Return RUN once for each kind of thing that it requires."""
    action = run.required_action
    if action is None or None in (action.submit_tool_outputs, action.submit_tool_approval):
        return [run]
    return [
        evolve(run, required_action=evolve(action, submit_tool_approval=None)),
        evolve(run, required_action=evolve(action, submit_tool_outputs=None)),
    ]


def _forces(choice: Any) -> bool:
    """Return whether a ``tool_choice`` forces a call; one that allows some tools does not."""
    if isinstance(choice, dict):
        return choice.get("type") != "allowed_tools"
    return choice in ("required", "any")
