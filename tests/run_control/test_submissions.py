"""Outputs that were submitted, and whether the server has them."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.convert.payloads import structure
from stream_core.effects import Open
from stream_core.errors import StreamError
from stream_core.models import Run
from stream_core.run_control.submissions import Submission

REQUEST = Open("POST", "/submit")


def waiting(*calls: tuple[str, str], status: str = "requires_action", mcp: bool = False) -> Run:
    """Return a run that waits for calls, each with an id and arguments."""
    asked: list[Any]
    if mcp:
        asked = [{"id": x, "type": "mcp", "name": "f", "arguments": y} for x, y in calls]
        action: Any = {"submit_tool_approval": {"tool_calls": asked}}
    else:
        asked = [{"id": x, "function": {"name": "f", "arguments": y}} for x, y in calls]
        action = {"submit_tool_outputs": {"tool_calls": asked}}
    return structure(Run, {"id": "run_1", "status": status, "required_action": action})


A, B = ("call_a", "{}"), ("call_b", "{}")


@pytest.mark.parametrize("mcp", [False, True])
@pytest.mark.parametrize(
    ("now", "missing"),
    [([A, B], True), ([B, A], True), ([("call_c", "{}")], False)],
    ids=["the same", "in another order", "another"],
)
def test_the_very_same_calls_wait_still(
    now: list[tuple[str, str]], *, missing: bool, mcp: bool
) -> None:
    """Others are those of a later round: the outputs were accepted."""
    submission = Submission.to(waiting(A, B, mcp=mcp), REQUEST)
    assert missing is submission.is_missing(waiting(*now, mcp=mcp))
    by_id = Submission(REQUEST, ["call_a", "call_b"])
    assert missing is by_id.is_missing(waiting(*now, mcp=mcp))


@pytest.mark.parametrize("status", ["queued", "in_progress", "completed", "expired"])
def test_a_run_that_does_not_wait_has_them(status: str) -> None:
    """Whatever its action says."""
    assert not Submission.to(waiting(A), REQUEST).is_missing(waiting(A, status=status))


@pytest.mark.parametrize(
    "now",
    [
        waiting(A),
        waiting(A, B, ("c", "")),
        waiting(A, ("call_b", "{1}")),
        waiting(),
        Run(status="requires_action"),
    ],
    ids=["fewer", "more", "other arguments", "none", "no action"],
)
def test_anything_between_is_an_error(now: Run) -> None:
    """Outputs that were submitted twice, or to the wrong calls, cannot be taken back."""
    with pytest.raises(StreamError, match="it is not known whether the outputs were accepted"):
        Submission.to(waiting(A, B), REQUEST).is_missing(now)
