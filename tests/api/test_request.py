"""How the arguments of a call become a request, and its answer an object or a page."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.api.assistants_params import (
    ListParams,
    RunStreamParams,
    SubmitStreamOptions,
    ThreadParams,
)
from stream_core.api.request import BETA, ask, ask_list, make_options, make_path
from stream_core.effects import Ask
from stream_core.errors import DecodeError
from tests.support.flows import play, play_all


def test_a_parameter_that_the_call_names_itself_can_be_meant() -> None:
    """Required arguments are suggested too."""
    with pytest.raises(TypeError, match="did you mean 'assistant_id'"):
        make_options("POST", RunStreamParams, {"assistent_id": "a"}, {"assistant_id": "a"})


def test_what_is_for_the_stream_is_not_sent() -> None:
    """Nor are the tools of a call that submits outputs, since the run has their definitions."""
    given = {"recover": False, "tools": [], "max_rounds": 2, "approve": bool}
    expected = {"query": {}, "headers": {}, "body": {"stream": True}}
    required = {"stream": True}
    assert expected == make_options("POST", SubmitStreamOptions, given, required)
    expected["body"] = {"stream": True, "tools": []}
    assert expected == make_options("POST", RunStreamParams, given, required)


@pytest.mark.parametrize("in_query", [True, False])
def test_include_is_in_the_query_or_in_the_body(*, in_query: bool) -> None:
    """Assistants calls send it in the query, even with POST; those of other wires in the body."""
    given = {"include": ["x"]}
    made = make_options("POST", RunStreamParams, given, {}, include_in_query=in_query)
    assert ({"include[]": ["x"]} if in_query else {}) == made.get("query")
    assert ({} if in_query else {"include": ["x"]}) == made.get("body")


@pytest.mark.parametrize("value", ["", ".", "..", "\ud83d", "a\udc00b"])
def test_what_is_no_id_is_refused_by_its_name(value: str) -> None:
    """An empty string, one dot or two would change the path; half a pair cannot be written."""
    with pytest.raises(ValueError, match=r"run_id is .*: give the id"):
        make_path("/threads/{thread_id}/runs/{run_id}", thread_id="t", run_id=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (models.Thread("thread_1"), r"of type Thread: pass its id, run_id=\.\.\.\.id"),
        (5, "of type int: pass a string"),
        (b"run_1", "of type bytes: pass a string"),
        (None, "of type NoneType: pass a string"),
        ({"id": "run_1"}, "of type dict: pass a string"),
    ],
)
def test_an_object_is_no_id(value: Any, expected: str) -> None:
    """Neither in a path nor, unless it is left out, in a body or query."""
    with pytest.raises(TypeError, match=f"run_id is {expected}"):
        make_path("/threads/{thread_id}/runs/{run_id}", thread_id="t", run_id=value)
    for method in ("POST", "GET"):
        if value is not None:
            with pytest.raises(TypeError, match=f"run_id is {expected}"):
                make_options(method, RunStreamParams, {}, {"run_id": value})
        else:
            make_options(method, RunStreamParams, {}, {"run_id": value})


def test_an_id_is_one_segment_of_the_path() -> None:
    """This is true whatever characters it contains."""
    path = make_path("/threads/{thread_id}/x", thread_id="../a/b?c=d#e {f}ü")
    assert "/threads/..%2Fa%2Fb%3Fc%3Dd%23e%20%7Bf%7D%C3%BC/x" == path


@pytest.mark.parametrize("headers", [{}, BETA])
def test_headers_that_a_call_sends_by_itself_are_apart(headers: dict[str, str]) -> None:
    """Those of the client and of the caller take precedence over them."""
    given = {"extra_headers": {"X-Own": "1"}}
    made = make_options("POST", RunStreamParams, given, {}, headers=headers)
    assert {"X-Own": "1"} == made.get("headers")
    assert (headers or None) == made.get("default_headers")


# --- As flows -------------------------------------------------------------------------------


def test_an_object_is_asked_for() -> None:
    """There is one request, and its answer becomes a payload."""
    flow = ask(models.Thread, "POST", "/threads", ThreadParams, {"metadata": {"a": "b"}})
    effects, thread = play_all(flow, {"id": "thread_1"})
    options = {"query": {}, "headers": {}, "body": {"metadata": {"a": "b"}}}
    assert [Ask("POST", "/threads", options)] == effects
    assert models.Thread("thread_1") == thread


def test_wrong_arguments_ask_for_nothing() -> None:
    """The error comes before the request."""
    effects, error = play_all(ask(models.Thread, "POST", "/threads", ThreadParams, {"zzz": 1}))
    assert [] == effects
    assert isinstance(error, TypeError)


def test_an_answer_of_another_shape_is_an_error_of_the_flow() -> None:
    """The error has the path of what is wrong."""
    with pytest.raises(DecodeError, match="not a Thread"):
        play(ask(models.Thread, "GET", "/threads/t", ThreadParams, {}), {"id": 5})


def test_a_list_is_asked_for_with_what_was_given_and_from_where_it_ended() -> None:
    """Query and headers go with every page."""
    given = {"limit": 2, "extra_headers": {"X-Own": "1"}}
    flow = ask_list(models.Assistant, "/assistants", ListParams, given, headers=BETA)
    (first,), page = play_all(flow, {"data": [{"id": "a"}], "last_id": "a", "has_more": True})
    assert not isinstance(page, BaseException)
    (second,), following = play_all(page.following(), {"data": [{"id": "b"}], "last_id": "b"})
    assert not isinstance(following, BaseException)
    assert following is not None
    assert ["a", "b"] == [one.id for one in (*page.data, *following.data)]
    options = {"query": {"limit": 2}, "headers": {"X-Own": "1"}, "default_headers": BETA}
    assert Ask("GET", "/assistants", options) == first
    assert Ask("GET", "/assistants", {**options, "query": {"limit": 2, "after": "a"}}) == second
