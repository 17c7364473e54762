"""Assistants, threads, and the answer to a delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import fields
from openai.types.beta import assistant, assistant_deleted, thread, thread_deleted

from stream_core.models import threads

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stream_core.models import Payload


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (assistant.Assistant, threads.Assistant),
        (thread.Thread, threads.Thread),
        (assistant_deleted.AssistantDeleted, threads.Deleted),
        (thread_deleted.ThreadDeleted, threads.Deleted),
    ],
)
def test_fields_of_the_official_client_are_here(
    official: type[BaseModel], ours: type[Payload]
) -> None:
    """Every field that the official client names has the same name here."""
    assert set() == set(official.model_fields) - {field.alias for field in fields(ours)}


def test_what_an_object_is_stands_in_it() -> None:
    """``object`` has the API's own name; that of a deleted object is the server's."""
    assert ["assistant", "thread", ""] == [
        threads.Assistant().object,
        threads.Thread().object,
        threads.Deleted().object,
    ]


def test_nothing_is_deleted_until_the_server_says_so() -> None:
    """An answer without ``deleted`` is not a success."""
    assert threads.Deleted().deleted is False
