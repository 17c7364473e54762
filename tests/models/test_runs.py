"""Runs: the endings that are failures, and the actions that a run requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from attrs import fields
from openai.types.beta import threads
from openai.types.beta.threads import required_action_function_tool_call, run

from stream_core.errors import RunFailedError
from stream_core.models import LastError, runs

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (threads.Run, runs.Run),
        (run.RequiredAction, runs.RequiredAction),
        (run.RequiredActionSubmitToolOutputs, runs.SubmitToolOutputs),
        (threads.RequiredActionFunctionToolCall, runs.RequiredActionFunctionToolCall),
        (required_action_function_tool_call.Function, runs.Function),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


@pytest.mark.parametrize("status", ["failed", "incomplete", "cancelled", "expired"])
def test_an_ending_without_an_answer_is_raised_when_asked(status: str) -> None:
    """``raise_for_status`` raises with the run, for every ending but a completed one."""
    ended = runs.Run(id="run_1", status=status, last_error=LastError("some_code", "It broke."))
    with pytest.raises(
        RunFailedError, match=f"run_1 ended with status {status}: some_code"
    ) as caught:
        ended.raise_for_status()
    assert ended is caught.value.run
    assert status in runs.TERMINAL_RUN_STATUSES


@pytest.mark.parametrize(
    "status",
    ["completed", "queued", "in_progress", "requires_action", "cancelling", None, "of_tomorrow"],
)
def test_no_other_status_is_raised(status: str | None) -> None:
    """A run that completed, goes on, waits, or has an unknown status raises nothing."""
    runs.Run(status=status, last_error=LastError("some_code")).raise_for_status()


def test_every_official_status_is_known_to_end_or_not() -> None:
    """The terminal statuses are the official ones after which a run never changes."""
    official = set(get_args(threads.RunStatus))
    assert set() == runs.TERMINAL_RUN_STATUSES - official
    assert {"queued", "in_progress", "requires_action", "cancelling"} == (
        official - runs.TERMINAL_RUN_STATUSES
    )


def test_a_run_s_assistant_has_azure_ai_agents_name_too() -> None:
    """The name is there for code written for it."""
    assert "asst_1" == runs.Run(assistant_id="asst_1").agent_id
