"""Errors, last errors, incomplete details and usage, which several payloads share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import fields
from openai.types.beta.threads import message, run
from openai.types.beta.threads.runs import run_step

from stream_core.models import common

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (run.LastError, common.LastError),
        (run_step.LastError, common.LastError),
        (run.IncompleteDetails, common.IncompleteDetails),
        (message.IncompleteDetails, common.IncompleteDetails),
        (run.Usage, common.Usage),
        (run_step.Usage, common.Usage),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


def test_usage_has_both_spellings_of_the_details() -> None:
    """Servers say ``prompt_tokens_details`` and ``prompt_token_details``."""
    usage = common.Usage(1, 2, 3, {"cached_tokens": 0}, {"cached_tokens": 1}, {"a": 2})
    assert (1, 2, 3) == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert {"cached_tokens": 0} == usage.prompt_tokens_details
    assert {"cached_tokens": 1} == usage.prompt_token_details
    assert {"a": 2} == usage.completion_tokens_details


def test_order_of_fields() -> None:
    """Positions are part of the contract: message before code, code before message."""
    error = common.Error("It failed.", "server_error", "model", "api_error")
    assert ("It failed.", "server_error") == (error.message, error.code)
    assert ("model", "api_error") == (error.param, error.type)
    last = common.LastError("rate_limit_exceeded", "Too much.")
    assert ("rate_limit_exceeded", "Too much.") == (last.code, last.message)
