"""What is current for a stream and for its handlers."""

from __future__ import annotations

import pytest

from stream_core import events
from stream_core.snapshots.stream_state import Snapshots
from stream_core.streams.position import Current, Position


def test_what_is_current_is_the_event_that_handlers_have() -> None:
    """It is the local event if there is one; the rest is as last seen."""
    now = Position(Snapshots())
    assert (None, None, None, None) == (
        now.current_event,
        now.current_run,
        now.current_message_snapshot,
        now.current_run_step_snapshot,
    )
    done, end = events.Done("[DONE]"), events.StreamEnd()
    now.event = done
    assert [done] == [now.current_event]
    now.local = end
    assert [end, done] == [now.current_event, now.event]


def test_nothing_is_current_without_a_position() -> None:
    """Code that asks for it always has a position."""
    with pytest.raises(NotImplementedError):
        _ = Current().current_run
