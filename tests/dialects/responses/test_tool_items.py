"""Calls of tools that the server runs become run steps."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import models
from stream_core.errors import DecodeError
from tests.support.frames import Transcript
from tests.support.responses_frames import (
    CREATED,
    OPENED,
    added,
    between,
    decode_response,
    done,
    event,
    last_run,
    response,
    steps,
    transcript_of,
)


def calls(came: Transcript) -> list[Any]:
    """Return the calls of the steps that ended."""
    details = [x.step_details for x in steps(came)]
    return [y for x in details if isinstance(x, models.ToolCallsStepDetails) for y in x.tool_calls]


def test_the_code_interpreter_is_a_step() -> None:
    """Code comes as it is written, then its outputs and its end; states are extension events."""
    where: dict[str, Any] = {"item_id": "ci_1", "output_index": 0}
    outputs = [
        {"type": "logs", "logs": "2"},
        {"type": "image", "url": "data:image/png;base64,AA"},
        {"type": "of_tomorrow"},
        {"type": 5},
    ]
    came = transcript_of(
        added("code_interpreter_call", "ci_1", code="", outputs=[]),
        event("code_interpreter_call.in_progress", **where),
        event("code_interpreter_call_code.delta", **where, delta="1 +"),
        event("code_interpreter_call_code.done", **where, code="1 + 1"),
        done("code_interpreter_call", "ci_1", status="completed", code="1 + 1", outputs=outputs),
    )
    assert [
        *OPENED,
        "run.step.delta",
        "response.code_interpreter_call.in_progress",
        "run.step.delta",
        "run.step.delta*",
        "response.code_interpreter_call_code.done",
        "run.step.delta*",
        "run.step.completed",
    ] == between(came)
    (call,) = calls(came)
    image = models.CodeInterpreterImage(extra={"url": "data:image/png;base64,AA"})
    assert ("ci_1", "1 + 1") == (call.id, call.code_interpreter.input)
    assert [
        models.CodeInterpreterOutputLogs(0, "logs", "2"),
        models.CodeInterpreterOutputImage(1, "image", image),
        models.UnknownCodeInterpreterOutput(2, "of_tomorrow", {"type": "of_tomorrow"}),
        models.UnknownCodeInterpreterOutput(3, None, {"type": 5}),
    ] == call.code_interpreter.outputs


def test_code_without_outputs_or_deltas_is_delivered_at_its_end() -> None:
    """Outputs come only if they were requested."""
    (call,) = calls(transcript_of(done("code_interpreter_call", "ci_1", code="1")))
    assert ("1", []) == (call.code_interpreter.input, call.code_interpreter.outputs)


def test_outputs_that_are_wrong_are_refused_with_their_path() -> None:
    """This holds for every place in them."""
    for outputs, path in (
        (5, "$.item.outputs: 5 is not a list"),
        ([5], "$.item.outputs[0]: 5 is not an object"),
        ([{"type": "logs", "logs": 5}], "$.item.outputs[0].logs: 5 is not a string"),
    ):
        came = decode_response(CREATED, done("code_interpreter_call", outputs=outputs))
        assert isinstance(came.error, DecodeError)
        assert (path,) == came.error.paths


def test_file_search_is_a_step_whose_results_come_with_its_end() -> None:
    """The step has files, scores and passages; the queries are in ``extra``."""
    results = [
        {"file_id": "f_1", "filename": "a.txt", "score": 0.5, "text": "Hi", "attributes": {}},
        {"file_id": "f_2", "filename": "b.txt"},
    ]
    came = transcript_of(
        added("file_search_call", "fs_1", queries=[], results=None),
        event("file_search_call.searching", item_id="fs_1", output_index=0),
        done("file_search_call", "fs_1", status="completed", queries=["x"], results=results),
    )
    (call,) = calls(came)
    assert (
        models.FileSearchToolCall(
            "fs_1",
            "file_search",
            models.FileSearch(
                None,
                [
                    models.FileSearchResult(
                        "f_1", "a.txt", 0.5, [models.FileSearchResultContent("text", "Hi")]
                    ),
                    models.FileSearchResult("f_2", "b.txt"),
                ],
                extra={"queries": ["x"]},
            ),
        )
        == call
    )
    (call,) = calls(transcript_of(done("file_search_call", "fs_1")))
    assert models.FileSearchToolCall("fs_1") == call


def test_a_call_of_an_mcp_tool_is_a_step() -> None:
    """The arguments come in pieces, then the output."""
    where: dict[str, Any] = {"item_id": "mcp_1", "output_index": 0}
    named: dict[str, Any] = {"name": "look", "server_label": "docs"}
    came = transcript_of(
        added("mcp_call", "mcp_1", **named, arguments=""),
        event("mcp_call_arguments.delta", **where, delta='{"q"'),
        event("mcp_call_arguments.done", **where, arguments='{"q": 1}'),
        done("mcp_call", "mcp_1", **named, arguments='{"q": 1}', output="found"),
    )
    expected = models.MCPToolCall("mcp_1", "mcp", "look", '{"q": 1}', "docs", "found")
    assert [expected] == calls(came)
    assert [expected] == calls(
        transcript_of(done("mcp_call", "mcp_1", **named, arguments='{"q": 1}', output="found"))
    )
    (call,) = calls(transcript_of(done("mcp_call", "mcp_1", **named)))
    assert call.output is None


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ({"error": {"code": "e", "message": "no"}}, models.LastError("e", "no")),
        ({"error": "no"}, models.LastError("server_error", "no")),
        ({"status": "failed"}, models.LastError("server_error", "the tool failed")),
    ],
)
@pytest.mark.parametrize("kind", ["mcp_call", "web_search_call", "code_interpreter_call"])
def test_a_tool_that_failed_fails_its_step(kind: str, end: Any, expected: models.LastError) -> None:
    """The run continues."""
    if kind == "code_interpreter_call" and "error" in end:
        end = {**end, "status": "failed"}
        expected = models.LastError("server_error", "the tool failed")
    came = transcript_of(added(kind), done(kind, **end))
    (step,) = steps(came)
    assert ("failed", expected) == (step.status, step.last_error)
    assert "completed" == last_run(came).status


def test_other_tools_are_steps_of_an_open_type() -> None:
    """They are as in Azure's runs: the item's fields are under the tool's name."""
    came = transcript_of(
        added("web_search_call", "ws_1", status="in_progress"),
        event("web_search_call.searching", item_id="ws_1", output_index=0),
        done(
            "web_search_call", "ws_1", status="completed", action={"type": "search", "query": "x"}
        ),
    )
    (call,) = calls(came)
    assert isinstance(call, models.UnknownToolCall)
    assert ("ws_1", "web_search") == (call.id, call.type)
    assert {"action": {"type": "search", "query": "x"}} == call.raw["web_search"]
    assert ["run.step.delta", "response.web_search_call.searching", "run.step.delta*"] == between(
        came
    )[2:-1]


def test_a_tool_that_the_end_lists_as_unfinished_ends_as_the_run_did() -> None:
    """It completes in a run that completes; otherwise it ends like the run."""
    item: dict[str, Any] = {"type": "web_search_call", "id": "ws_1", "status": "searching"}
    for status, expected in (("completed", "completed"), ("incomplete", "cancelled")):
        came = decode_response(CREATED, response(status, output=[item]))
        assert [expected] == [x.status for x in steps(came)]
    came = decode_response(
        CREATED, response("incomplete", output=[{**item, "status": "completed"}])
    )
    assert ["completed"] == [x.status for x in steps(came)]
