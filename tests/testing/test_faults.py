"""Faults: plain descriptions of misbehaviour."""

from __future__ import annotations

import json

import pytest

from stream_core.testing.faults import Fault


def test_no_fault_leaves_the_answer_alone() -> None:
    """The default neither replaces nor spoils."""
    assert (False, False) == (Fault().replaces, Fault().spoils_body)


@pytest.mark.parametrize("fault", [Fault(cut_after=0), Fault(silence_after=3)])
def test_a_cut_or_a_silence_spoils_the_body_only(fault: Fault) -> None:
    """The real answer is still made."""
    assert (False, True) == (fault.replaces, fault.spoils_body)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", None),
        (401, "invalid_request_error", "invalid_api_key"),
        (429, "requests", "rate_limit_exceeded"),
        (503, "server_error", None),
    ],
)
def test_a_status_alone_answers_with_openais_error(
    status: int, kind: str, code: str | None
) -> None:
    """The body is the API's for that status, with its class of error."""
    fault = Fault(status=status)
    actual, body, content_type = fault.answer()
    error = json.loads(body)["error"]
    assert fault.replaces
    assert (status, "application/json") == (actual, content_type)
    assert (kind, code, None) == (error["type"], error["code"], error["param"])


def test_a_body_of_ones_own_is_sent_as_it_is() -> None:
    """HTML and JSON get their content type, unless another is given."""
    assert (502, b"<html>", "text/html; charset=utf-8") == Fault(502, body="<html>").answer()
    assert (200, b'{"a":1}', "application/json") == Fault(json={"a": 1}).answer()
    assert (200, b"x", "text/plain") == Fault(body="x", content_type="text/plain").answer()


def test_counts_and_times_are_not_negative() -> None:
    """The mistake is found at once."""
    with pytest.raises(ValueError, match="cut_after"):
        Fault(cut_after=-1)
    with pytest.raises(ValueError, match="delay"):
        Fault(delay=-1.0)
