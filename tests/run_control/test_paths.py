"""Paths made of ids that the server gave."""

from __future__ import annotations

import pytest

from stream_core.errors import DecodeError
from stream_core.run_control.paths import ServerIdError, server_path


def test_an_id_is_one_part_of_a_path() -> None:
    """Whatever is in it."""
    assert "/runs/run%2F1%3F/steps" == server_path("/runs/{run_id}/steps", run_id="run/1?")


@pytest.mark.parametrize("run_id", ["", ".", "..", "run_\ud800", 5, None])
def test_an_id_that_no_path_can_have_is_a_decode_error(run_id: object) -> None:
    """It came from the server, so it is not the caller's mistake."""
    with pytest.raises(DecodeError, match="the server gave an id that no path can have") as caught:
        server_path("/runs/{run_id}", run_id=run_id)
    assert isinstance(caught.value, ServerIdError)
    assert f"{{'run_id': {run_id!r}}}" in str(caught.value)
    str(caught.value).encode()
