"""The one table of parameters, and its copy in docs/migrating.md.

``python -m tests.client.assistants_over_responses.test_parameter_table`` writes the table between
the marks on the page.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from typing import Any

import pytest

from stream_core import models
from stream_core.api import assistants_params as params
from stream_core.api.options import CallOptions, StreamOptions
from stream_core.api.responses_params import ResponseStreamParams
from stream_core.client.assistants_over_responses.parameter_table import (
    ROWS,
    Values,
    make_request,
    row_of,
    trimmed,
)
from stream_core.client.assistants_over_responses.tool_params import Resources
from tests import ROOT
from tests.support.conversations import TIDES, get_tides

PAGE = ROOT / "docs" / "migrating.md"

#: The kinds of call that use each TypedDict, besides ``call``.
KINDS: dict[str, tuple[str, ...]] = {
    "AssistantParams": ("assistant",),
    "AssistantUpdateParams": ("assistant",),
    "CallOptions": (),
    "IncludeParams": ("step",),
    "ListParams": ("list",),
    "MessageListParams": ("list",),
    "MessageParams": ("message",),
    "MetadataParams": ("message", "update"),
    "RunParams": ("run",),
    "RunStreamParams": ("run", "stream"),
    "StepListParams": ("list", "step"),
    "StreamOptions": ("stream",),
    "SubmitStreamOptions": ("stream", "submit"),
    "ThreadParams": ("thread",),
    "ThreadRunParams": ("run",),
    "ThreadRunStreamParams": ("run", "stream"),
    "ThreadUpdateParams": ("thread",),
}

#: The parameters that calls name themselves, besides the TypedDicts.
NAMED = {
    ("run", "assistant_id"),
    ("run", "thread_id"),
    ("message", "thread_id"),
    ("list", "thread_id"),
    ("step", "thread_id"),
    ("message", "role"),
    ("message", "content"),
    ("assistant", "model"),
    ("submit", "tool_outputs"),
}


# --- The table --------------------------------------------------------------------------


def table() -> str:
    """Return the table for the page; parameters that become the same share a row."""
    lines = ["| parameter | of | on Responses |", "| --- | --- | --- |"]
    for (calls, becomes, refusal), rows in groupby(
        ROWS, key=lambda row: (row.calls, row.becomes, row.refusal)
    ):
        names = ", ".join(f"`{row.name}`" for row in rows)
        what = becomes or f"refused: {refusal.partition(': ')[2] or refusal}"
        lines.append(f"| {names} | {', '.join(calls)} | {what} |")
    return "".join(f"{line}\n" for line in lines)


_LISTED = re.compile(r"(?s)(?<=<!-- parameters:start -->\n).*?(?=<!-- parameters:end -->)")


def test_the_page_has_the_table() -> None:
    """`python -m tests.client.assistants_over_responses.test_parameter_table` updates it."""
    (listed,) = _LISTED.findall(PAGE.read_text("utf-8"))
    assert table() == listed


def test_every_parameter_has_a_row_for_each_kind_of_call() -> None:
    """No parameter is forgotten, and no row is about something that no call takes."""
    wanted = set(NAMED)
    for cls in [getattr(params, name) for name in params.__all__] + [CallOptions, StreamOptions]:
        keys = cls.__optional_keys__
        options = CallOptions.__optional_keys__
        stream = StreamOptions.__optional_keys__
        kinds = KINDS[cls.__name__]
        for key in keys:
            if key in options:
                wanted.add(("call", key))
            elif key in stream:
                wanted.add(("stream", key))
            elif kinds == ("list", "step"):
                wanted.add(("step" if key == "include" else "list", key))
            else:
                wanted |= {(kind, key) for kind in kinds if kind != "stream"}
    assert wanted == {(call, row.name) for row in ROWS for call in row.calls}


def test_every_row_says_something_and_is_the_only_one() -> None:
    """It says what the parameter becomes, or why it is refused."""
    assert [] == [row.name for row in ROWS if bool(row.becomes) == bool(row.refusal)]
    named = [(call, row.name) for row in ROWS for call in row.calls]
    assert len(set(named)) == len(named)
    assert None is row_of("thread", "model")


def test_what_a_row_makes_are_parameters_of_the_request() -> None:
    """Each is one that ``client.responses.stream`` takes."""
    known = ResponseStreamParams.__optional_keys__
    for row in ROWS:
        if row.put is not None:
            value: Any = {"type": "auto"}
            value = ["x"] if row.name in ("include", "tools") else value
            value = "x" if row.name == "additional_instructions" else value
            assert set(row.put(value, values())) <= known


# --- Requests ---------------------------------------------------------------------------


def values(*, replay: bool = False, **given: Any) -> Values:
    """Return the values for the request of a run."""
    return Values(given, Resources(["vs_1"], ["file_1"]), replay)


#: The form of :data:`TIDES` on this wire.
FUNCTION: Any = TIDES["function"]
FLAT = {"type": "function", "strict": False, **FUNCTION}

SCHEMA = {"name": "answer", "schema": {"type": "object"}, "strict": True}
RESULTS = "step_details.tool_calls[*].file_search.results[*].content"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"model": "m", "temperature": 0.5, "top_p": None}, {"model": "m", "temperature": 0.5}),
        ({"instructions": "Be brief."}, {"instructions": "Be brief."}),
        ({"additional_instructions": "Now."}, {"instructions": "Now."}),
        (
            {"instructions": "Be brief.", "additional_instructions": "Now."},
            {"instructions": "Be brief.\nNow."},
        ),
        ({"tools": []}, {"tools": []}),
        ({"tools": get_tides}, {"tools": get_tides}),
        (
            {"tools": [TIDES]},
            {"tools": [FLAT]},
        ),
        ({"response_format": "auto"}, {}),
        ({"response_format": "text"}, {"text": {"format": {"type": "text"}}}),
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            {"response_format": models.ResponseFormat("json_schema", SCHEMA)},
            {"text": {"format": {"type": "json_schema", **SCHEMA}}},
        ),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"max_completion_tokens": 9}, {"max_output_tokens": 9}),
        ({"max_prompt_tokens": None}, {}),
        ({"truncation_strategy": {"type": "auto"}}, {"truncation": "auto"}),
        (
            {"truncation_strategy": models.TruncationStrategy("disabled")},
            {"truncation": "disabled"},
        ),
        (
            {"include": [RESULTS, "reasoning.encrypted_content"]},
            {"include": ["file_search_call.results", "reasoning.encrypted_content"]},
        ),
        ({"name": "n", "thread": {}, "additional_messages": [{}]}, {}),
    ],
)
def test_parameters_become_those_of_the_request(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """None counts as not given."""
    assert expected == make_request(values(**given))


def test_what_code_gave_is_always_asked_for() -> None:
    """They are added to what the caller asks for, and only once."""
    made = make_request(values(tools=[{"type": "code_interpreter"}], include=[RESULTS]))
    assert ["code_interpreter_call.outputs", "file_search_call.results"] == made["include"]
    (tool,) = made["tools"]
    assert ["file_1"] == tool["container"]["file_ids"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"max_prompt_tokens": 9}, r"truncation_strategy=\{'type': 'auto'\}"),
        (
            {"truncation_strategy": {"type": "last_messages", "last_messages": 3}},
            r"Client\(wire='responses', threads='replay'\)",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused(given: dict[str, Any], says: str) -> None:
    """The error says what to do instead."""
    with pytest.raises(ValueError, match=says) as caught:
        make_request(values(**given))
    assert str(caught.value).startswith(next(iter(given)))


# --- The last messages ------------------------------------------------------------------


def said(text: str) -> dict[str, Any]:
    """Make a message."""
    return {"type": "message", "role": "user", "content": text}


CALL = {"type": "function_call", "call_id": "call_1"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1"}
PAST = [said("one"), CALL, said("two"), OUTPUT, said("three")]


@pytest.mark.parametrize(
    ("count", "new", "expected"),
    [
        (9, 1, PAST),
        (4, 1, PAST),
        (3, 1, [said("two"), said("three")]),
        (2, 1, [said("three")]),
        (1, 1, []),
        (1, 3, []),
    ],
)
def test_the_last_messages_are_kept(count: int, new: int, expected: list[Any]) -> None:
    """New messages count; an output is kept only with its call."""
    strategy = {"type": "last_messages", "last_messages": count}
    assert expected == trimmed(strategy, PAST, new)
    assert {} == make_request(values(replay=True, truncation_strategy=strategy))


def test_a_call_is_kept_with_its_output() -> None:
    """This is so if both come after the cut."""
    past = [said("one"), said("two"), CALL, OUTPUT]
    strategy = models.TruncationStrategy("last_messages", 2)
    assert past[1:] == trimmed(strategy, past, 1)


@pytest.mark.parametrize("strategy", [None, {"type": "auto"}, {"type": "last_messages"}])
def test_nothing_is_cut_that_was_not_asked_for(strategy: Any) -> None:
    """All items stay."""
    assert PAST == trimmed(strategy, PAST, 1)


if __name__ == "__main__":
    PAGE.write_text(_LISTED.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
