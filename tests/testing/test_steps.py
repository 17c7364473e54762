"""The open step of a run, and the tokens it spends."""

from __future__ import annotations

from typing import Any

from stream_core.testing.steps import Steps
from stream_core.testing.store import Store

DETAILS: dict[str, Any] = {"type": "tool_calls", "tool_calls": []}


def made(**body: Any) -> tuple[Store, dict[str, Any], Steps]:
    """A run with one user message, and its steps."""
    store = Store(clock=lambda: 7)
    assistant = store.add_assistant({"model": "m", "instructions": "Be kind"})
    thread_id = store.add_thread({})["id"]
    content = [{"type": "text", "text": {"value": "How are you", "annotations": []}}]
    store.add_message(thread_id, {"role": "user", "content": content})
    run = store.add_run(thread_id, assistant, body)
    return store, run, Steps(store, run)


def test_a_step_is_created_and_then_in_progress() -> None:
    """Both events carry the step as it is kept."""
    store, run, steps = made()
    events = list(steps.begin(DETAILS))
    assert ["thread.run.step.created", "thread.run.step.in_progress"] == [e.name for e in events]
    assert [steps.open] == list(store.steps[run["id"]].values())
    assert [steps.open, steps.open] == [event.data for event in events]


def test_a_delta_names_the_open_step() -> None:
    """The delta has the step's id and the new details."""
    _, _, steps = made()
    list(steps.begin(DETAILS))
    assert steps.open is not None
    assert {
        "id": steps.open["id"],
        "object": "thread.run.step.delta",
        "delta": {"step_details": DETAILS},
    } == steps.delta(DETAILS).data
    assert ["thread.run.step.created"] == [event.name for event in steps.again()]
    steps.extend(99)
    assert 99 == steps.open["expires_at"]


def test_a_completed_step_has_its_time_and_its_usage() -> None:
    """The prompt is counted from instructions and messages, the completion from what was spent."""
    _, _, steps = made()
    list(steps.begin(DETAILS))
    assert (True, True) == (steps.spend(), steps.spend())
    (event,) = steps.end("completed")
    assert isinstance(event.data, dict)
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert ("completed", 7, usage) == tuple(
        event.data[key] for key in ("status", "completed_at", "usage")
    )
    assert steps.open is None
    list(steps.begin(DETAILS))
    list(steps.end("completed"))
    assert (10, 2) == tuple(
        steps.total_usage()[key] for key in ("prompt_tokens", "completion_tokens")
    )


def test_a_failed_step_has_its_error_and_an_expired_one_no_time() -> None:
    """Each status stamps the wire's field for it; there is none for expired."""
    _, _, steps = made()
    for status, error, stamp in (("failed", {"code": "x"}, 7), ("expired", None, None)):
        list(steps.begin(DETAILS))
        (event,) = steps.end(status, error)
        assert isinstance(event.data, dict)
        assert (status, error) == (event.data["status"], event.data["last_error"])
        stamps = [event.data[f"{name}_at"] for name in ("completed", "failed", "cancelled")]
        assert [None, stamp, None] == stamps


def test_without_an_open_step_the_end_is_nothing() -> None:
    """Closing twice yields one event."""
    _, _, steps = made()
    assert [] == list(steps.end("completed"))


def test_the_limit_of_the_run_holds_over_all_its_steps() -> None:
    """The token after the last allowed one is refused, and that is remembered."""
    _, _, steps = made(max_completion_tokens=2)
    list(steps.begin(DETAILS))
    assert (True, False) == (steps.spend(), steps.cut_short)
    list(steps.end("completed"))
    list(steps.begin(DETAILS))
    assert (True, False) == (steps.spend(), steps.cut_short)
    assert (False, True) == (steps.spend(), steps.cut_short)
