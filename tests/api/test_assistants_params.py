"""The names of the keyword arguments of Assistants calls, compared with OpenAI's."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.beta import (
    assistant_create_params,
    assistant_list_params,
    assistant_update_params,
    thread_create_and_run_params,
    thread_create_params,
    thread_update_params,
)
from openai.types.beta.threads import (
    message_create_params,
    message_list_params,
    message_update_params,
    run_create_params,
    run_list_params,
    run_update_params,
)
from openai.types.beta.threads.runs import step_list_params, step_retrieve_params

from stream_core.api import assistants_params as params
from stream_core.api.options import CallOptions, RunKeyOption, StreamOptions

#: Ours, theirs, and those of theirs that our calls take as separate arguments.
PAIRS: list[tuple[Any, Any, set[str]]] = [
    (params.AssistantParams, assistant_create_params.AssistantCreateParams, {"model"}),
    (params.AssistantUpdateParams, assistant_update_params.AssistantUpdateParams, set()),
    (params.ThreadParams, thread_create_params.ThreadCreateParams, set()),
    (params.ThreadUpdateParams, thread_update_params.ThreadUpdateParams, set()),
    (params.MessageParams, message_create_params.MessageCreateParams, {"role", "content"}),
    (params.RunParams, run_create_params.RunCreateParamsBase, {"assistant_id"}),
    (
        params.ThreadRunParams,
        thread_create_and_run_params.ThreadCreateAndRunParamsBase,
        {"assistant_id"},
    ),
    (params.ListParams, assistant_list_params.AssistantListParams, set()),
    (params.ListParams, run_list_params.RunListParams, set()),
    (params.MessageListParams, message_list_params.MessageListParams, set()),
    (params.StepListParams, step_list_params.StepListParams, {"thread_id"}),
    (params.IncludeParams, step_retrieve_params.StepRetrieveParams, {"thread_id", "run_id"}),
    (params.MetadataParams, message_update_params.MessageUpdateParams, {"thread_id"}),
    (params.MetadataParams, run_update_params.RunUpdateParams, {"thread_id"}),
]

ALL: list[Any] = [getattr(params, name) for name in params.__all__]
STREAMS: list[tuple[Any, Any]] = [
    (params.RunStreamParams, params.RunParams),
    (params.ThreadRunStreamParams, params.ThreadRunParams),
]


@pytest.mark.parametrize(("ours", "theirs", "separate"), PAIRS)
def test_the_names_are_openais(ours: Any, theirs: Any, separate: set[str]) -> None:
    """Each parameter of OpenAI's call is one of ours, and ours has no others."""
    expected = theirs.__optional_keys__ | theirs.__required_keys__
    options = CallOptions.__optional_keys__ | RunKeyOption.__optional_keys__
    assert expected == (ours.__optional_keys__ - options) | separate


@pytest.mark.parametrize("ours", ALL)
def test_everything_can_be_left_out(ours: Any) -> None:
    """A required argument is separate, so that a type checker notices if it is missing."""
    assert frozenset() == ours.__required_keys__


@pytest.mark.parametrize("ours", ALL)
def test_every_call_takes_the_same_options(ours: Any) -> None:
    """Headers, query, body and timeout can be given with each call."""
    assert CallOptions.__optional_keys__ <= ours.__optional_keys__


@pytest.mark.parametrize(("stream", "plain"), STREAMS)
def test_a_streamed_run_takes_what_a_plain_one_does_and_handlers(stream: Any, plain: Any) -> None:
    """Both take the same parameters; the streamed run takes handlers as well."""
    options = StreamOptions.__optional_keys__
    assert plain.__optional_keys__ | options == stream.__optional_keys__
