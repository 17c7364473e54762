"""The limits of a server are plain values."""

from __future__ import annotations

from stream_core.testing.limits import Limits


def test_the_defaults_are_those_of_the_page() -> None:
    """64 MiB, a thousand connections, half a minute."""
    assert Limits(body=67_108_864, connections=1000, seconds=30.0) == Limits()
