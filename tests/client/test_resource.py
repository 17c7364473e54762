"""Requests and answers of calls, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import pytest

from stream_core import errors, models
from stream_core.api.assistants_params import (
    ListParams,
    ThreadParams,
)
from stream_core.api.options import CallOptions
from stream_core.client.resource import Resource
from stream_core.http.transport import Transport
from stream_core.testing import Fault, LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_core.api.pages import Page
    from stream_core.testing import RecordedRequest

PATH = "/threads/t/runs"


class Calls(Resource):
    """A resource with one call of each kind."""

    def make(self, **params: Unpack[ThreadParams]) -> models.Thread:
        return self._ask(models.Thread, "POST", "/threads", ThreadParams, params)

    def cancel(self, **options: Unpack[CallOptions]) -> models.Run:
        return self._ask(models.Run, "POST", PATH, CallOptions, options)

    def list(self, **params: Unpack[ListParams]) -> Page[models.Assistant]:
        return self._list(models.Assistant, "/assistants", ListParams, params)


@pytest.fixture
def calls(server: LocalServer) -> Iterator[Calls]:
    """Make calls on that server that are sent once."""
    transport = Transport(server.base_url, headers={"X-Usual": "1"}, auth=dict, timeout=10.0)
    yield Calls(transport)
    transport.close()


def sent(server: LocalServer) -> RecordedRequest:
    """Return the only request."""
    (request,) = server.requests
    return request


# --- The parts of a request -----------------------------------------------------------------


def test_what_is_left_out_is_not_sent_and_none_is_null(server: LocalServer, calls: Calls) -> None:
    """The API distinguishes the two."""
    calls.make(tool_resources=None)
    assert {"tool_resources": None} == sent(server).json


def test_payloads_and_plain_objects_mix(server: LocalServer, calls: Calls) -> None:
    """A payload is sent without its empty fields, a plain object as it is."""
    code = models.CodeInterpreterResources(file_ids=["file_1"])
    calls.make(
        tool_resources=models.ToolResources(code_interpreter=code),
        messages=[{"role": "user", "content": "Hi", "attachments": None}],
    )
    assert {
        "tool_resources": {"code_interpreter": {"file_ids": ["file_1"]}},
        "messages": [{"role": "user", "content": "Hi", "attachments": None}],
    } == sent(server).json


def test_a_call_that_takes_parameters_sends_a_body_without_any(
    server: LocalServer, calls: Calls
) -> None:
    """Some servers insist on one."""
    calls.make()
    assert b"{}" == sent(server).body


def test_a_call_that_takes_none_sends_none(server: LocalServer, calls: Calls) -> None:
    """The exception is an ``extra_body``."""
    server.fail_next(Fault(status=200, json={}), Fault(status=200, json={}))
    calls.cancel()
    calls.cancel(extra_body={"a": 1})
    assert [b"", b'{"a": 1}'] == [request.body for request in server.requests]


def test_extras_are_added(server: LocalServer, calls: Calls) -> None:
    """They go into body, query and headers; the extra body takes precedence over the parameter."""
    calls.make(
        metadata={"a": "1"},
        extra_body={"metadata": {"b": "2"}, "more": True},
        extra_query={"x": "y"},
        extra_headers={"X-Usual": None, "X-More": "2"},
    )
    request = sent(server)
    assert {"metadata": {"b": "2"}, "more": True} == request.json
    assert {"x": "y"} == request.query
    assert "x-usual" not in request.headers
    assert "2" == request.headers["x-more"]


def test_extras_may_be_none(server: LocalServer, calls: Calls) -> None:
    """Code written for OpenAI's client passes None."""
    none: Any = None
    calls.make(extra_body=none, extra_query=none, extra_headers=none)
    assert (b"{}", {}) == (sent(server).body, sent(server).query)


def test_the_query_of_a_list_leaves_out_none(server: LocalServer, calls: Calls) -> None:
    """A query cannot express null."""
    none: Any = None
    calls.list(limit=5, after=none, extra_query={"x": "y"})
    assert {"limit": "5", "x": "y"} == sent(server).query


def test_a_call_may_have_a_timeout_of_its_own(server: LocalServer, calls: Calls) -> None:
    """It replaces the client's."""
    server.fail_next(Fault(delay=5.0))
    with pytest.raises(errors.StreamTimeoutError) as caught:
        calls.make(timeout=(5.0, 0.05))
    assert 0.05 == caught.value.timeout


# --- Wrong arguments --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (
            {"mesages": []},
            r"unknown argument: 'mesages' \(did you mean 'messages'\?\); .*extra_body",
        ),
        ({"zzz": 1}, r"unknown argument: 'zzz'; .*extra_body"),
        ({"zzz": 1, "metadat": {}}, r"'metadat' \(did you mean 'metadata'\?\), 'zzz'; "),
    ],
)
def test_an_unknown_parameter_is_named(
    server: LocalServer, calls: Calls, wrong: dict[str, Any], expected: str
) -> None:
    """The error names the parameter that may have been meant, and nothing is sent."""
    with pytest.raises(TypeError, match=expected):
        calls.make(**wrong)
    assert [] == server.requests


# --- Answers --------------------------------------------------------------------------------


def test_an_answer_of_another_shape_is_a_decode_error(server: LocalServer, calls: Calls) -> None:
    """The error has the paths of what is wrong."""
    server.fail_next(Fault(status=200, json={"id": 5}))
    with pytest.raises(errors.DecodeError, match="not a Thread") as caught:
        calls.make()
    assert ("$.id: 5 is not a string",) == caught.value.paths


def test_a_list_is_asked_for_page_by_page(server: LocalServer, calls: Calls) -> None:
    """Each request has the same parameters, and begins where the last page ended."""
    for more, ids in ((True, "ab"), (True, "cd"), (False, "e")):
        data = [{"id": x} for x in ids]
        page = {"data": data, "last_id": ids[-1], "has_more": more}
        server.fail_next(Fault(status=200, json=page))
    everything = calls.list(limit=2, extra_headers={"X-More": "1"}).iter_all()
    assert ["a", "b", "c", "d", "e"] == [x.id for x in everything]
    expected = [{"limit": "2"}, {"limit": "2", "after": "b"}, {"limit": "2", "after": "d"}]
    assert expected == [request.query for request in server.requests]
    assert ["1", "1", "1"] == [request.headers["x-more"] for request in server.requests]
