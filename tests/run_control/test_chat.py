"""Rounds of chat completions, as flows; over HTTP they are in tests/client/test_chat.py."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects.chat.dialect import ChatDialect
from stream_core.effects import Open, Outcome
from stream_core.errors import TransportError
from stream_core.run_control.chat import ChatControl
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.chat_frames import call, chunk, stop
from tests.support.conversations import get_tides
from tests.support.flows import play, play_all
from tests.support.frames import sse

QUESTION = {"role": "user", "content": "When?"}


def asked(rounds: ToolRounds | None) -> tuple[ChatControl, models.Run, ChatDialect]:
    """A control whose first answer calls a function, and the run that waits."""
    dialect = ChatDialect()
    body: Any = {"model": "small", "messages": [QUESTION], "tool_choice": "required"}
    control = ChatControl({"body": body}, dialect, rounds=rounds)
    calling = call(0, "call_1", name="get_tides", arguments="{}")
    decoder = EventDecoder(dialect)
    list(decoder.events([sse(chunk(tool_calls=[calling]), stop("tool_calls"))]))
    run = decoder.snapshots.current_run
    assert run is not None
    return control, run, dialect


def test_the_first_request_is_sent_as_it_was_given() -> None:
    """Unread is what answers it."""
    control, _, _ = asked(None)
    effects, source = play_all(control.begin(), b"source")
    (opened,) = effects
    assert isinstance(opened, Open)
    assert ("POST", "/chat/completions", b"source") == (opened.method, opened.path, source)
    assert [QUESTION] == opened.options["body"]["messages"]


def test_a_round_sends_all_messages_again_with_the_answer_and_the_outputs() -> None:
    """A forced call is forced once."""
    control, run, dialect = asked(ToolRounds(ToolSet(get_tides)))
    answer = control.answer(run)
    assert answer is not None
    effects, source = play_all(answer, Outcome("high"), True, b"more")
    opened = effects[-1]
    assert isinstance(opened, Open)
    body = opened.options["body"]
    assert b"more" == source
    assert "tool_choice" not in body
    question, said, output = body["messages"]
    assert (QUESTION, "assistant") == (question, said["role"])
    assert {"role": "tool", "tool_call_id": "call_1", "content": "high"} == output
    assert not dialect.assistant_message.get("tool_calls")


def test_a_round_that_cannot_be_sent_is_an_error() -> None:
    """The run still waits."""
    control, run, dialect = asked(ToolRounds(ToolSet(get_tides)))
    answer = control.answer(run)
    assert answer is not None
    with pytest.raises(TransportError):
        play(answer, Outcome("high"), True, TransportError("gone"))  # an answer
    assert ["call_1"] == [one["id"] for one in dialect.assistant_message["tool_calls"]]
