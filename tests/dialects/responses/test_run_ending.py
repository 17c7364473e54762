"""How a response ended."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.dialects.responses import objects as wire
from stream_core.dialects.responses.run_ending import Ending, ending, error_in

WHY = {"reason": "max_output_tokens"}
ERROR = {"code": "c", "message": "boom"}


@pytest.mark.parametrize(
    ("name", "sent", "status", "word"),
    [
        ("completed", {"status": "completed"}, "completed", None),
        ("completed", {}, "completed", None),
        ("completed", {"status": "in_progress"}, "completed", None),
        ("incomplete", {"incomplete_details": WHY}, "incomplete", "max_output_tokens"),
        ("completed", {"status": "incomplete"}, "incomplete", None),
        ("completed", {"status": "canceled"}, "cancelled", "canceled"),
        ("completed", {"status": "error"}, "failed", "error"),
        ("completed", {"status": 5}, "completed", None),
        ("failed", {"status": "abort"}, "failed", "abort"),
        ("cancelled", {"status": "in_progress"}, "cancelled", None),
    ],
)
def test_a_response_ends_as_its_status_and_its_frame_say(
    name: str, sent: dict[str, Any], status: str, word: str | None
) -> None:
    """The status counts more, unless it is one of a response that goes on."""
    found = ending(wire.read(wire.Response, sent, "$"), f"response.{name}")
    assert (status, word) == (found.status, found.word)


def test_an_ending_that_is_in_no_table_is_not_a_success() -> None:
    """Its word is the reason, unless the server states one."""
    read = wire.read(wire.Response, {"status": "abort"}, "$")
    assert Ending("incomplete", "abort", None, "abort") == ending(read, "response.completed")
    both = wire.read(wire.Response, {"status": "abort", "incomplete_details": WHY}, "$")
    assert "max_output_tokens" == ending(both, "response.completed").reason


def test_a_response_with_an_error_or_a_reason_did_not_complete() -> None:
    """This holds whatever its status says; an empty error or reason is none."""
    failed = wire.read(wire.Response, {"status": "completed", "error": ERROR}, "$")
    found = ending(failed, "response.completed")
    assert ("failed", models.LastError("c", "boom")) == (found.status, found.error)
    cut = wire.read(wire.Response, {"status": "completed", "incomplete_details": WHY}, "$")
    assert "incomplete" == ending(cut, "response.completed").status
    nothings: list[Any] = [{"error": "", "incomplete_details": {}}, {"error": {}}, {"error": None}]
    for nothing in nothings:
        read = wire.read(wire.Response, {"status": "completed", **nothing}, "$")
        assert "completed" == ending(read, "response.completed").status


def test_a_frame_may_have_the_error_without_the_response() -> None:
    """It is wrapped or flat, or there is none."""
    found = error_in({"type": "response.failed", "error": ERROR})
    assert found == error_in({"type": "response.failed", **ERROR}) == models.Error("boom", "c")
    assert error_in({"type": "response.failed", "error": {}}) is None
