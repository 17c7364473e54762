"""The server's memory: objects as on the wire, and pages of them."""

from __future__ import annotations

import pytest

from stream_core.testing.store import ApiError, Obj, Store, not_found, page


def made(count: int) -> tuple[Store, list[str]]:
    """A store with some assistants, and their ids."""
    store = Store(clock=lambda: 1000.9)
    return store, [store.add_assistant({"model": f"m{i}"})["id"] for i in range(count)]


def test_ids_have_the_shape_of_real_ones_and_are_the_same_in_every_store() -> None:
    """A prefix and 24 letters or digits, without repeats, and reproducible."""
    store, ids = made(50)
    assert ids == made(50)[1]
    assert 50 == len(set(ids))
    prefix, _, rest = store.new_id("run").partition("_")
    assert ("run", 24, True) == (prefix, len(rest), rest.isalnum())


def test_times_are_whole_seconds_of_the_clock() -> None:
    """The wire has no fractions of a second."""
    store, (first,) = made(1)
    assert 1000 == store.assistants[first]["created_at"]


def test_a_run_takes_from_the_assistant_what_the_request_leaves_out() -> None:
    """Model, instructions, tools and sampling come from the assistant unless given, even empty."""
    store, _ = made(0)
    body = {"model": "m", "instructions": "Be kind.", "tools": [{"type": "x"}], "top_p": 0.5}
    assistant = store.add_assistant(body)
    thread_id = store.add_thread({})["id"]
    plain = store.add_run(thread_id, assistant, {})
    assert ("m", "Be kind.", [{"type": "x"}], 0.5, True) == tuple(
        plain[key] for key in ("model", "instructions", "tools", "top_p", "parallel_tool_calls")
    )
    changes = {
        "model": "n",
        "tools": [],
        "top_p": 0.0,
        "parallel_tool_calls": False,
        "additional_instructions": "Be short.",
    }
    other = store.add_run(thread_id, assistant, changes)
    assert ("n", "Be kind.\nBe short.", [], 0.0, False) == tuple(
        other[key] for key in ("model", "instructions", "tools", "top_p", "parallel_tool_calls")
    )
    assistant["instructions"] = None
    assert "Be short." == store.add_run(thread_id, assistant, changes)["instructions"]
    assert {} == store.steps[other["id"]]


def test_a_message_of_a_run_is_the_assistants_and_in_progress() -> None:
    """A user's message is complete at once, a run's only when the run completes it."""
    store, _ = made(0)
    assistant = store.add_assistant({"model": "m"})
    thread_id = store.add_thread({})["id"]
    run = store.add_run(thread_id, assistant, {})
    theirs = store.add_message(thread_id, {"role": "user", "content": []})
    ours = store.add_message(thread_id, {"role": "assistant", "content": []}, run=run)
    keys = ("assistant_id", "run_id", "status", "completed_at")
    assert (None, None, "completed", 1000) == tuple(theirs[key] for key in keys)
    assert (assistant["id"], run["id"], "in_progress", None) == tuple(ours[key] for key in keys)


def test_a_deleted_thread_is_unknown_and_its_run_can_go_on() -> None:
    """Only the thread's own entry is removed: a run under way still finds its objects."""
    store, _ = made(0)
    thread_id = store.add_thread({})["id"]
    store.delete_thread(thread_id)
    assert {} == store.threads
    assert {} == store.messages[thread_id]


def ids_of(answer: Obj) -> list[str]:
    """The ids on a page."""
    return [item["id"] for item in answer["data"]]


def test_a_list_is_newest_first_twenty_at_a_time() -> None:
    """Without parameters a page is the newest twenty, and says whether there are more."""
    store, ids = made(21)
    answer = page(store.assistants, {})
    assert ids[:0:-1] == ids_of(answer)
    assert ("list", ids[20], ids[1], True) == (
        answer["object"],
        answer["first_id"],
        answer["last_id"],
        answer["has_more"],
    )


def test_after_before_order_and_limit_choose_the_page() -> None:
    """`after` and `before` leave out their own object, in the order requested."""
    store, ids = made(5)
    assert ids[2:4] == ids_of(
        page(store.assistants, {"order": "asc", "after": ids[1], "limit": "2"})
    )
    answer = page(store.assistants, {"order": "asc", "before": ids[2]})
    assert (ids[:2], False) == (ids_of(answer), answer["has_more"])
    assert [ids[1], ids[0]] == ids_of(page(store.assistants, {"after": ids[2]}))


def test_an_empty_list_has_no_first_and_no_last() -> None:
    """An empty page is null at both ends."""
    assert {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    } == page({}, {})


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "asst_x"}, "after"),
        ({"before": "asst_x"}, "before"),
    ],
)
def test_a_page_that_cannot_be_is_refused(query: dict[str, str], param: str) -> None:
    """The 400 names the parameter."""
    with pytest.raises(ApiError) as caught:
        page(made(1)[0].assistants, query)
    assert (400, param) == (caught.value.status, caught.value.param)


def test_an_error_has_openais_shape() -> None:
    """A 404 is the object that clients read."""
    error = not_found("thread", "thread_1")
    assert 404 == error.status
    assert {
        "error": {
            "message": "No thread found with id 'thread_1'.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    } == error.body
