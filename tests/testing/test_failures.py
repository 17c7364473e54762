"""Failures of the user's code: kept, taken once, and never lost."""

from __future__ import annotations

import pytest

from stream_core.testing.failures import Failures


def test_what_is_taken_is_not_raised() -> None:
    """The oldest comes first, and the same exception once."""
    failures = Failures()
    first, second = ValueError("1"), ValueError("1")
    for failure in (first, second, first):
        failures.add(failure)
    assert [first, second] == failures.take()
    failures.settle(None)


def test_one_failure_is_raised_as_it_is() -> None:
    """And only once."""
    failures = Failures()
    failure = LookupError("lost")
    failures.add(failure)
    with pytest.raises(LookupError) as caught:
        failures.settle(None)
    assert failure is caught.value
    failures.settle(None)


@pytest.mark.parametrize(
    ("failures", "kind"),
    [
        ([ValueError(1), KeyError(2)], ExceptionGroup),
        ([ValueError(1), SystemExit(2)], BaseExceptionGroup),
    ],
)
def test_several_failures_are_a_group(
    failures: list[BaseException], kind: type[BaseExceptionGroup[BaseException]]
) -> None:
    """An ExceptionGroup, if all of them are Exceptions."""
    kept = Failures()
    for failure in failures:
        kept.add(failure)
    with pytest.raises(BaseExceptionGroup) as caught:
        kept.settle(None)
    assert kind is type(caught.value)
    assert failures == list(caught.value.exceptions)


def test_an_exception_on_its_way_gets_notes() -> None:
    """It leaves itself, since it is what the test is about."""
    failures = Failures()
    failures.add(LookupError("lost"))
    failures.add(KeyError("x"))
    leaving = AssertionError("no answer")
    failures.settle(leaving)
    assert ["LocalServer: LookupError: lost", "LocalServer: KeyError: 'x'"] == leaving.__notes__
    assert [] == failures.take()
