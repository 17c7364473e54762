"""Items that are the model's reasoning."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events
from tests.support.responses_frames import (
    COMPLETED,
    CREATED,
    added,
    decode_response,
    done,
    event,
    last_run,
    messages,
    response,
    steps,
    transcript_of,
)

THOUGHT = [
    ("reasoning_text", "content", events.ReasoningDelta, events.ReasoningDone),
    (
        "reasoning_summary_text",
        "summary",
        events.ReasoningSummaryDelta,
        events.ReasoningSummaryDone,
    ),
]


@pytest.mark.parametrize(("name", "key", "grew", "ended"), THOUGHT)
def test_reasoning_has_events_of_its_own(name: str, key: str, grew: Any, ended: Any) -> None:
    """Each piece has the text so far; each text ends once; there is no step and no message."""
    index = "summary_index" if key == "summary" else "content_index"
    where: dict[str, Any] = {"item_id": "rs_1", "output_index": 0}
    part = {"type": "x", "text": "Hm, so."}
    seen: list[str] = []
    came = decode_response(
        CREATED,
        added("reasoning", "rs_1"),
        event(f"{name}.delta", **where, **{index: 1}, delta="Hm,"),
        event(f"{name}.delta", **where, **{index: 1}, delta=" so."),
        event(f"{name}.done", **where, **{index: 1}, text="Hm, so."),
        event(f"{name}.done", **where, **{index: 1}, text="Hm, so."),
        done("reasoning", "rs_1", 0, **{key: [part, part]}),
        COMPLETED,
    )
    seen = [x.data.delta for x in came.of(grew)]
    assert ["Hm,", " so.", "Hm, so."] == seen
    assert [("Hm, so.", "rs_1", 1), ("Hm, so.", "rs_1", 0)] == [
        (x.data.text, x.data.item_id, x.data.index) for x in came.of(ended)
    ]
    assert [False, True] == [x.synthetic for x in came.of(ended)]
    assert ([], []) == (steps(came), messages(came))
    assert "completed" == last_run(came).status


@pytest.mark.parametrize(("name", "key", "grew", "ended"), THOUGHT)
def test_reasoning_is_done_without_an_event_of_its_own(
    name: str, key: str, grew: Any, ended: Any
) -> None:
    """It ends with its item or with the response; what no delta brought is delivered then."""
    delta = event(f"{name}.delta", item_id="rs_1", delta="Hm")
    whole = {"type": "reasoning", "id": "rs_1", key: [{"text": "Hm."}]}
    for frames, text_then in (
        ([delta, COMPLETED], "Hm"),
        ([delta, done("reasoning", "rs_1", None), COMPLETED], "Hm"),
        ([delta, response("completed", output=[whole])], "Hm."),
        ([response("completed", output=[whole])], "Hm."),
        ([event(f"{name}.done", item_id="rs_1", text="Hm."), COMPLETED], "Hm."),
    ):
        came = decode_response(CREATED, *frames)
        assert [text_then] == [x.data.text for x in came.of(ended)]
        assert text_then == "".join(x.data.delta for x in came.of(grew))


def test_reasoning_without_text_gives_nothing() -> None:
    """Only its encrypted content was sent."""
    came = transcript_of(
        added("reasoning", "rs_1"), event("reasoning_text.done", item_id="rs_1", text="")
    )
    assert [] == came.of(events.ReasoningDelta, events.ReasoningDone)


def test_reasoning_grows_in_one_live_object() -> None:
    """A handler gets the piece and the text so far; an event keeps the live text."""
    frames = [event("reasoning_text.delta", item_id="rs_1", delta=x) for x in "abc"]
    came = decode_response(CREATED, *frames, COMPLETED)
    snapshots = [x.data.snapshot for x in came.of(events.ReasoningDelta)]
    assert "abc" == snapshots[0].text
    assert snapshots[0] is snapshots[2]
    assert ["a'", "ab'", "abc'"] == [
        x.partition("snapshot=ReasoningText(text='")[2].partition(",")[0]
        for x in came.texts
        if x.startswith("ReasoningDelta")
    ]


# --- Indexes that do not agree ----------------------------------------------------------


@pytest.mark.parametrize(("name", "key", "grew", "ended"), THOUGHT)
@pytest.mark.parametrize("indexes", [(1, 1), (3, 3), (0, 1), (1, 2), (2, None)])
@pytest.mark.parametrize("whole_at", [None, 0, "last", "next"])
@pytest.mark.parametrize("lists", [True, False])
def test_an_index_of_reasoning_that_is_not_0_though_there_is_one_text(
    name: str, key: str, grew: Any, ended: Any, indexes: Any, whole_at: Any, *, lists: bool
) -> None:
    """The text comes once, in as many texts as were streamed, each with one end."""
    place = "summary_index" if key == "summary" else "content_index"
    where: dict[str, Any] = {"item_id": "rs_1", "output_index": 0}
    pieces = list(zip(indexes, ("ha", "ha!"), strict=True))
    frames = [event(f"{name}.delta", **where, **{place: i}, delta=x) for i, x in pieces]
    if whole_at is not None:
        last = max(i for i in indexes if i is not None)
        at = {"last": last, "next": last + 1}.get(whole_at, whole_at)
        frames.append(event(f"{name}.done", **where, **{place: at}, text="haha!"))
    part = {"type": "x", "text": "haha!"}
    frames.append(done("reasoning", "rs_1", 0, **({key: [part]} if lists else {})))
    came = transcript_of(added("reasoning", "rs_1"), *frames)
    assert "haha!" == "".join(x.data.delta for x in came.of(grew))
    expected = ["ha", "ha!"] if indexes in ((0, 1), (1, 2)) else ["haha!"]
    assert expected == [x.data.text for x in sorted(came.of(ended), key=lambda x: x.data.index)]


def test_equal_texts_of_reasoning_are_two() -> None:
    """A whole text that no index brought is one of its own, unless it is what was said."""
    where: dict[str, Any] = {"item_id": "rs_1", "output_index": 0}
    part = {"type": "reasoning_text", "text": "ha"}
    for index in (0, 1, 2):
        delta = event("reasoning_text.delta", **where, content_index=index, delta="ha")
        came = transcript_of(delta, done("reasoning", "rs_1", 0, content=[part, part]))
        assert ["ha", "ha"] == [x.data.delta for x in came.of(events.ReasoningDelta)]
        assert ["ha", "ha"] == [x.data.text for x in came.of(events.ReasoningDone)]
    delta = event("reasoning_text.delta", **where, content_index=0, delta="ha")
    for whole, expected in (("Ho", ["ha", "Ho"]), ("haha", ["haha"])):
        end = event("reasoning_text.done", **where, content_index=1, text=whole)
        came = transcript_of(delta, end)
        assert sorted(expected) == sorted(x.data.text for x in came.of(events.ReasoningDone))
    more = event("reasoning_text.delta", **where, content_index=0, delta="ho")
    end = event("reasoning_text.done", **where, content_index=1, text="haha")
    came = transcript_of(delta, end, more)
    assert ["haha", "haho"] == sorted(x.data.text for x in came.of(events.ReasoningDone))


def test_early_names_of_reasoning_are_read() -> None:
    """Their deltas are wrapped in objects."""
    came = transcript_of(
        event("reasoning.delta", item_id="rs_1", delta={"text": "Hm"}),
        event("reasoning_summary.delta", item_id="rs_1", delta={"text": "So"}),
        event("reasoning_summary.done", item_id="rs_1", text="So."),
    )
    assert ["Hm"] == [x.data.text for x in came.of(events.ReasoningDone)]
    assert ["So."] == [x.data.text for x in came.of(events.ReasoningSummaryDone)]


def test_the_end_of_a_text_after_a_longer_one_is_its_own() -> None:
    """What was said before is read only as far as it can matter."""
    where: dict[str, Any] = {"item_id": "rs_1", "output_index": 0}
    out = transcript_of(
        added("reasoning", "rs_1"),
        event("reasoning_text.delta", delta="first and long", content_index=0, **where),
        event("reasoning_text.delta", delta="x", content_index=1, **where),
        event("reasoning_text.done", text="xy", content_index=1, **where),
        event("reasoning_text.done", text="first and long", content_index=0, **where),
        done("reasoning", "rs_1"),
    )
    assert ["xy", "first and long"] == [x.data.text for x in out.of(events.ReasoningDone)]
