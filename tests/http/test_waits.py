"""The wait before a request is sent again."""

from __future__ import annotations

import pytest

from stream_core.http.waits import backoff, forbids_retry, spread


def test_the_wait_doubles_up_to_eight_seconds_and_is_spread() -> None:
    """Half a second, one, two, four, eight, and so on for ever; each up to a quarter less."""
    for number, most in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        waits = {backoff(number) for _ in range(50)}
        assert most * 0.75 <= min(waits)
        assert max(waits) <= most
        assert len(waits) > 1
    assert backoff(10**6) <= 8
    assert 0.0 == spread(0.0)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"x-should-retry": "true"}, False),
        ({"x-should-retry": "false"}, True),
        ({"retry-after": "60"}, False),
        ({"retry-after": "61"}, True),
        ({"retry-after": "soon"}, False),
    ],
)
def test_a_server_forbids_it_by_a_header_or_a_long_wait(
    headers: dict[str, str], expected: bool
) -> None:
    """More than a minute is for the caller to decide."""
    assert expected is forbids_retry(headers)
