"""The keyword arguments of a streamed chat completion are OpenAI's."""

from __future__ import annotations

from typing import Any

from openai.types.chat import completion_create_params

from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.options import StreamOptions

CHAT: Any = completion_create_params.CompletionCreateParamsBase


def test_the_names_are_openais() -> None:
    """Each parameter of OpenAI's call is one of ours, and ours has no others."""
    expected = CHAT.__optional_keys__ | CHAT.__required_keys__
    names = ChatStreamParams.__optional_keys__ - StreamOptions.__optional_keys__
    assert expected == names | {"model", "messages"}


def test_everything_can_be_left_out_and_handlers_can_be_given() -> None:
    """It takes the arguments of every call that returns a stream."""
    assert frozenset() == ChatStreamParams.__required_keys__
    assert StreamOptions.__optional_keys__ <= ChatStreamParams.__optional_keys__
