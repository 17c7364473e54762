"""Items of all types, and those without a counterpart."""

from __future__ import annotations

import pytest

from stream_core import events, models
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.dialects.responses.items import Item
from stream_core.dialects.responses.output import ITEMS
from tests.support.frames import run_writer
from tests.support.responses_frames import (
    CREATED,
    added,
    between,
    decode_response,
    done,
    event,
    response,
    transcript_of,
)

#: Types of items without a counterpart on the Assistants wire.
NOTHING = [*sorted(x for x in ITEMS if ITEMS[x] is Item), "compaction"]


@pytest.mark.parametrize("kind", NOTHING)
def test_an_item_without_counterpart_is_two_extension_events(kind: str) -> None:
    """They carry it as sent, and the run completes."""
    came = transcript_of(added(kind, action={"x": 1}), done(kind, result="y"))
    assert ["response.output_item.added", "response.output_item.done"] == between(came)
    assert ["y"] == [x.data["item"].get("result") for x in came.of(events.ExtensionEvent)][1:]
    assert [] == between(decode_response(CREATED, response("completed", output=[{"type": kind}])))


def test_an_image_has_previews() -> None:
    """They are numbered; the image itself comes with the item's end."""
    came = transcript_of(
        added("image_generation_call", "ig_1"),
        event(
            "image_generation_call.partial_image",
            item_id="ig_1",
            output_index=0,
            partial_image_b64="AA",
            partial_image_index=1,
        ),
        done("image_generation_call", "ig_1", result="AAAA"),
    )
    (image,) = came.of(events.ImageGenerationPartial)
    assert models.PartialImage("AA", 1, "ig_1") == image.data
    assert "image_generation.partial" == image.event


def test_an_item_without_counterpart_is_known_by_its_place() -> None:
    """The end may list it under another id; it is one item, as last sent."""
    dialect = ResponsesDialect()
    end = response("completed", output=[{"type": "compaction", "id": "b"}])
    decode_response(CREATED, added("compaction", "a", x=1), end, dialect=dialect)
    assert [{"type": "compaction", "id": "b", "x": 1}] == dialect.output_items


def test_an_item_without_counterpart_has_no_texts() -> None:
    """So no text contradicts it."""
    item = Item(run_writer(), "i", "x")
    assert ([], [], False) == (item.texts, item.texts_in({"content": "a"}), item.contradicts("a"))


def test_an_item_without_texts_has_nothing_that_grows() -> None:
    """No delta is about it."""
    assert Item(run_writer(), "item_1", "image_generation_call").grower(0) is None
