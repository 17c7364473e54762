"""The keyword arguments of a streamed response are OpenAI's, and one of our own."""

from __future__ import annotations

from typing import Any

from openai.types.responses import response_create_params

from stream_core.api.options import StreamOptions
from stream_core.api.responses_params import ResponseStreamParams

RESPONSE: Any = response_create_params.ResponseCreateParamsBase


def test_the_names_are_openais() -> None:
    """Each parameter of OpenAI's call is one of ours, and ours has only one other."""
    expected = RESPONSE.__optional_keys__ | RESPONSE.__required_keys__
    names = ResponseStreamParams.__optional_keys__ - StreamOptions.__optional_keys__
    assert expected == names - {"stateless"}


def test_everything_can_be_left_out_and_handlers_can_be_given() -> None:
    """It takes the arguments of every call that returns a stream."""
    assert frozenset() == ResponseStreamParams.__required_keys__
    assert StreamOptions.__optional_keys__ <= ResponseStreamParams.__optional_keys__
