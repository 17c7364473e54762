"""Cancelling, as a flow: what is asked, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core.effects import Ask
from stream_core.errors import BadRequestError, ConflictError, PermissionDeniedError
from stream_core.run_control.cancelling import cancel
from tests.support.flows import play_all

if TYPE_CHECKING:
    from stream_core.effects import Flow

CANCEL, LOOK = Ask("POST", "/cancel"), Ask("GET", "")


def refused(kind: type[Any], status: int) -> Any:
    """An answer other than 2xx."""
    return kind("no", status_code=status)


def asking(effect: Ask) -> Flow[str]:
    """One question."""
    answer: str = yield effect
    return answer


def cancelling() -> Flow[bool]:
    """Cancel a run; "over" is an end."""
    return cancel(asking(CANCEL), lambda: asking(LOOK), lambda now: now == "over")


def test_a_server_that_agrees_is_asked_once() -> None:
    """Whatever it answers."""
    assert ([CANCEL], True) == play_all(cancelling(), "cancelling")


@pytest.mark.parametrize(("kind", "status"), [(BadRequestError, 400), (ConflictError, 409)])
def test_a_refusal_is_an_error_only_if_the_run_goes_on(kind: type[Any], status: int) -> None:
    """A run that has ended need not be cancelled."""
    no = refused(kind, status)
    assert ([CANCEL, LOOK], True) == play_all(cancelling(), no, "over")
    assert ([CANCEL, LOOK], no) == play_all(cancelling(), no, "working")


def test_another_error_leaves() -> None:
    """It says nothing about the run."""
    no = refused(PermissionDeniedError, 403)
    assert ([CANCEL], no) == play_all(cancelling(), no)
