"""The keyword arguments that calls take on every wire."""

from __future__ import annotations

from stream_core.api.assistants_params import RunStreamParams, SubmitStreamOptions
from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.options import CallOptions, ModelParams, StreamOptions
from stream_core.api.responses_params import ResponseStreamParams


def test_whatever_streams_takes_what_every_call_takes() -> None:
    """These are headers, query, body and timeout."""
    assert CallOptions.__optional_keys__ < StreamOptions.__optional_keys__
    assert {
        "extra_headers",
        "extra_query",
        "extra_body",
        "timeout",
    } == CallOptions.__optional_keys__


def test_whatever_streams_takes_handlers_and_tools_alike() -> None:
    """The options are the same on every wire."""
    for params in (RunStreamParams, SubmitStreamOptions, ResponseStreamParams, ChatStreamParams):
        assert StreamOptions.__optional_keys__ <= params.__optional_keys__


def test_what_goes_to_a_model_is_the_same_on_both_wires() -> None:
    """Their parameters are those of one shared class."""
    for params in (ResponseStreamParams, ChatStreamParams):
        assert ModelParams.__optional_keys__ < params.__optional_keys__
