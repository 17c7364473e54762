"""Rounds that are requests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core import models
from stream_core.effects import Open, Outcome, immediate
from stream_core.events import ToolOutput
from stream_core.run_control.chained import ChainedControl
from stream_core.snapshots.stream_state import Snapshots
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import get_tides
from tests.support.flows import KeepingDriver, play, play_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core.effects import Flow
    from stream_core.source import Source

CALL = models.RequiredActionFunctionToolCall(
    "call_1", "function", models.Function("get_tides", '{"port": "Porto"}')
)
OUTPUTS = models.SubmitToolOutputs([CALL])
APPROVAL = models.SubmitToolApproval([models.MCPApprovalToolCall("mcpr_1", "mcp", "look")])


class Kept(ChainedControl):
    """Keeps what the next round is made of."""

    asked: tuple[Any, Any] | None = None

    def _follow_up(
        self, outputs: Sequence[Mapping[str, Any]], approvals: Sequence[Mapping[str, Any]]
    ) -> Flow[Source]:
        self.asked = (outputs, approvals)
        return immediate(b"what goes on")


def control(rounds: ToolRounds | None = None, **body: Any) -> Kept:
    """A control whose first request had BODY."""
    return Kept("/ask", {"query": {"q": "1"}, "body": body}, rounds=rounds)


def waiting(
    outputs: models.SubmitToolOutputs | None, approval: models.SubmitToolApproval | None
) -> models.Run:
    """A run that requires this."""
    action = models.RequiredAction("submit_tool_outputs", outputs, approval)
    return models.Run(id="run_1", status="requires_action", required_action=action)


OUTPUT = {"tool_call_id": "call_1", "output": "high water at Porto is at 16:35"}
APPROVED = {"tool_call_id": "mcpr_1", "approve": True}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (waiting(OUTPUTS, None), ([OUTPUT], [])),
        (waiting(None, APPROVAL), ([], [APPROVED])),
        (waiting(OUTPUTS, APPROVAL), ([OUTPUT], [APPROVED])),
    ],
    ids=["outputs", "approvals", "both"],
)
def test_what_a_run_requires_is_in_one_request(run: models.Run, expected: Any) -> None:
    """Each output is delivered; the flow returns the source that goes on."""
    made = control(ToolRounds(ToolSet(get_tides), approve=lambda _: True))
    answer, driver = made.answer(run), KeepingDriver()
    assert answer is not None
    assert b"what goes on" == driver.run(answer)
    assert expected == made.asked
    assert [x["output"] for x in expected[0]] == [
        x.output for x in driver.delivered if isinstance(x, ToolOutput)
    ]


def test_a_stream_that_is_ended_meanwhile_asks_for_no_round() -> None:
    """The next request is not made."""
    made = control(ToolRounds(ToolSet(get_tides)))
    answer = made.answer(waiting(OUTPUTS, None))
    assert answer is not None
    assert None is play(answer, Outcome("high"), False)  # an answer
    assert None is made.asked


@pytest.mark.parametrize(
    ("rounds", "run"),
    [
        (None, waiting(OUTPUTS, None)),
        (ToolRounds(ToolSet(get_tides)), waiting(OUTPUTS, APPROVAL)),
        (ToolRounds(None, approve=bool), waiting(OUTPUTS, APPROVAL)),
        (ToolRounds(ToolSet(get_tides)), models.Run(id="run_1")),
    ],
    ids=["no tools", "no approve", "approve alone", "nothing"],
)
def test_what_cannot_be_answered_whole_is_the_callers(
    rounds: ToolRounds | None, run: models.Run
) -> None:
    """Half an answer would be refused by the server."""
    assert None is control(rounds).answer(run)


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ("required", False),
        ("any", False),
        ({"type": "function", "name": "get_tides"}, False),
        ("auto", True),
        ("none", True),
        ({"type": "allowed_tools", "mode": "auto", "tools": []}, True),
    ],
)
def test_a_forced_call_is_forced_once(choice: Any, *, kept: bool) -> None:
    """The other rounds leave the choice to the model; all else is sent again."""
    made = control(None, model="small", tool_choice=choice)
    effects, _ = play_all(made._open(input="more"), b"")
    expected = {"model": "small", "input": "more"} | ({"tool_choice": choice} if kept else {})
    assert [Open("POST", "/ask", {"query": {"q": "1"}, "body": expected})] == effects
    effects, _ = play_all(made.begin(), b"")
    first = {"model": "small", "tool_choice": choice}
    assert [Open("POST", "/ask", {"query": {"q": "1"}, "body": first})] == effects


def test_without_more_nothing_is_known_to_the_server() -> None:
    """A wire that can do nothing about its runs says so."""
    made, snapshots, run = control(), Snapshots(), models.Run(id="run_1")
    assert None is play(made.find(snapshots))
    snapshots.note(run)
    assert run is play(made.find(snapshots))
    assert not made.recovers
    assert None is play(made.recover(snapshots))
    assert None is play(made.rejoin(Snapshots()))
    assert not play(made.cancel(run))
