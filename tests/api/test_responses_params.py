"""stream_core/wire_params.py: the names of keyword arguments, compared with OpenAI's own."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.options import StreamOptions
from stream_core.api.responses_params import ResponseStreamParams

RESPONSE: Any = response_create_params.ResponseCreateParamsBase
CHAT: Any = completion_create_params.CompletionCreateParamsBase


@pytest.mark.parametrize(
    ("ours", "theirs", "own", "separate"),
    [
        (ResponseStreamParams, RESPONSE, {"stateless"}, set()),
        (ChatStreamParams, CHAT, set(), {"model", "messages"}),
    ],
)
def test_the_names_are_openais(ours: Any, theirs: Any, own: set[str], separate: set[str]) -> None:
    """Each parameter of OpenAI's call is one of ours, and those that we made up are known."""
    expected = theirs.__optional_keys__ | theirs.__required_keys__
    names = ours.__optional_keys__ - StreamOptions.__optional_keys__ - own
    assert expected == names | separate


@pytest.mark.parametrize("ours", [ResponseStreamParams, ChatStreamParams])
def test_everything_can_be_left_out_and_handlers_can_be_given(ours: Any) -> None:
    """They take what every call takes that answers with a stream."""
    assert frozenset() == ours.__required_keys__
    assert StreamOptions.__optional_keys__ <= ours.__optional_keys__
