"""Outputs that were submitted: whether the server has them, if its answer was lost.

Rules of this file:

- Only the server's word counts. A run that waits for the very same calls has no outputs; one that
  waits for others, or for none, has them. Anything between the two is an error: outputs that are
  submitted twice, or to the wrong calls, cannot be taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from stream_core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream_core.effects import Open
    from stream_core.models import Run

__all__ = ["Submission"]


@define(eq=False)
class Submission:
    """Outputs that were submitted.

    Attributes:
        request: How.
        call_ids: The calls that they are for.
        run: The run as it was known then; None: only its id was.
        times: How often they were sent.
    """

    request: Open
    call_ids: Collection[str]
    run: Run | None = None
    times: int = 1

    @classmethod
    def to(cls, run: Run, request: Open) -> Submission:
        """Return what REQUEST submits to RUN."""
        return cls(request, _required(run), run)

    def is_missing(self, now: Run) -> bool:
        """Return whether the run, as it is NOW, still waits for these outputs.

        Raises:
            StreamError: That cannot be known.
        """
        if now.status != "requires_action":
            return False
        required = _required(now)
        if required and required.keys().isdisjoint(self.call_ids):
            return False
        before = required if self.run is None else _required(self.run)
        if required and required.keys() == set(self.call_ids) and required == before:
            return True
        raise StreamError(
            f"run {now.id} requires action, and its calls are not those that were answered: it is "
            "not known whether the outputs were accepted"
        )


def _required(run: Run) -> dict[str, tuple[str, str]]:
    """Return name and arguments of the calls that RUN waits for, by id."""
    action = run.required_action
    if action is None:
        return {}
    outputs, approvals = action.submit_tool_outputs, action.submit_tool_approval
    found = {x.id: x.function for x in (outputs.tool_calls if outputs else ())}
    waiting = {name: (one.name, one.arguments) for name, one in found.items()}
    asked = approvals.tool_calls if approvals else ()
    return {**waiting, **{x.id: (x.name, x.arguments) for x in asked}}
