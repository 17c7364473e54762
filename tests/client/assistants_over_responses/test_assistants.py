"""Assistants that the client keeps."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from tests.support.conversations import TIDES, get_tides
from tests.support.responses_server import talking

#: The form of :data:`TIDES` on this wire.
FUNCTION: Any = TIDES["function"]
FLAT = {"type": "function", "strict": False, **FUNCTION}


def test_assistants_are_made_read_changed_listed_and_deleted() -> None:
    """Each answer is the payload, and nothing is sent."""
    with talking() as talk:
        assistants = talk.client.assistants
        made = assistants.create(
            model="m", name="One", tools=[models.CodeInterpreterTool()], metadata={"k": "v"}
        )
        assert isinstance(made, models.Assistant)
        assert made.id.startswith("asst_")
        assert ("m", "One", {"k": "v"}) == (made.model, made.name, made.metadata)
        assert [models.CodeInterpreterTool()] == made.tools
        assert made.created_at is not None
        assert made == assistants.retrieve(made.id, timeout=1)
        changed = assistants.update(made.id, name="Two", metadata=None)
        assert ("m", "Two", {}) == (changed.model, changed.name, changed.metadata)
        assert made.created_at == changed.created_at
        assert [made.id, talk.assistant_id] == [one.id for one in assistants.list()]
        deleted = models.Deleted(made.id, "assistant.deleted", deleted=True)
        assert deleted == assistants.delete(made.id)
        with pytest.raises(ValueError, match="assistants="):
            assistants.retrieve(made.id)
        assert [] == talk.server.asked


def test_what_an_assistant_is_goes_with_each_run() -> None:
    """It goes as it is then, with ``extra_body``; settings unknown to the server stay here."""
    given: dict[str, Any] = {
        "model": "m",
        "name": "One",
        "description": "x",
        "metadata": {"k": "v"},
        "instructions": "Be brief.",
        "tools": [TIDES],
        "temperature": 0.5,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "extra_body": {"service_tier": "flex"},
    }
    with talking(assistant=given) as talk:
        talk.run()
        first = talk.body
        talk.client.assistants.update(talk.assistant_id, model="n", extra_body={"user": "u"})
        talk.run()
        assert ("n", "u", "flex") == tuple(talk.body[x] for x in ("model", "user", "service_tier"))
    first.pop("input")
    assert {
        "stream": True,
        "model": "m",
        "instructions": "Be brief.",
        "tools": [FLAT],
        "temperature": 0.5,
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low"},
        "service_tier": "flex",
    } == first


def test_what_cannot_be_an_assistant_is_said() -> None:
    """The error comes before anything is kept."""
    with talking() as talk:
        with pytest.raises(TypeError, match="did you mean 'instructions'"):
            talk.client.assistants.create(model="m", instruction="x")  # type: ignore[call-arg]
        with pytest.raises(ValueError, match="has no model: give model="):
            talk.client.assistants.create(model="")
        tools: Any = [get_tides]
        with pytest.raises(TypeError, match="give functions to the run"):
            talk.client.assistants.create(model="m", tools=tools)
        assert 1 == len(talk.client.assistants.list())
