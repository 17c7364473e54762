"""Deltas change payloads field by field: appended, replaced or kept, and never shared.

Deltas are written as the JSON that servers send, so that what is missing on the wire is
missing here.
"""

from __future__ import annotations

import copy
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_core import models
from stream_core.convert.payloads import structure, unstructure
from stream_core.models.merging import (
    flush_content,
    flush_tool_call,
    merge_annotations,
    merge_content,
    merge_tool_call,
    new_content,
    new_tool_call,
)


def content_delta(**sent: Any) -> Any:
    """Return SENT as a content delta."""
    return structure(models.MessageDelta, {"content": [sent]}).content[0]


def call_delta(**sent: Any) -> Any:
    """Return SENT as a tool call delta."""
    return structure(models.ToolCallDeltaObject, {"tool_calls": [sent]}).tool_calls[0]


def merged(*sent: dict[str, Any]) -> Any:
    """Return the part that content deltas make; the first begins it."""
    deltas = [content_delta(**one) for one in sent]
    before = copy.deepcopy(deltas)
    part = new_content(deltas[0])
    for delta in deltas:
        merge_content(part, delta)
    assert before == deltas, "merging changed a delta"
    return part


def called(*sent: dict[str, Any]) -> Any:
    """Return the call that tool call deltas make; the first begins it."""
    deltas = [call_delta(**one) for one in sent]
    before = copy.deepcopy(deltas)
    call = new_tool_call(deltas[0])
    for delta in deltas:
        merge_tool_call(call, delta)
    assert before == deltas, "merging changed a delta"
    return call


def function(call_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return the delta of a function call as JSON."""
    made = {"index": 0, "type": "function", "function": fields}
    return made if call_id is None else {**made, "id": call_id}


def code(**fields: Any) -> dict[str, Any]:
    """Return the delta of a code interpreter call as JSON."""
    return {"index": 0, "type": "code_interpreter", "code_interpreter": fields}


# --- The tables -------------------------------------------------------------------------


@pytest.mark.parametrize("delta_class", get_args(models.MessageContentDelta))
def test_every_content_delta_begins_a_part_of_its_type(delta_class: Any) -> None:
    """The new part is empty and has the class that the delta's name says."""
    delta = delta_class()
    part = new_content(delta)
    name = delta_class.__name__.replace("DeltaBlock", "ContentBlock").removesuffix("Delta")
    assert getattr(models, name)() == part
    merge_content(part, delta)
    assert getattr(models, name)() == part


@pytest.mark.parametrize("delta_class", get_args(models.ToolCallDelta))
def test_every_tool_call_delta_begins_a_call_of_its_type(delta_class: Any) -> None:
    """The new call is empty and has the class that the delta's name says."""
    delta = delta_class()
    call = new_tool_call(delta)
    expected = getattr(models, delta_class.__name__.removesuffix("Delta"))()
    assert expected == call
    merge_tool_call(call, delta)
    assert expected == call


def test_what_is_of_an_unknown_type_begins_with_that_type() -> None:
    """Only the type is known."""
    assert models.UnknownContent("audio") == new_content(models.UnknownContentDelta(0, "audio"))
    assert models.UnknownToolCall(type="bing_grounding") == new_tool_call(
        models.UnknownToolCallDelta(0, "call_1", "bing_grounding")
    )


@pytest.mark.parametrize("delta_class", get_args(models.MessageContentDelta))
def test_a_content_delta_of_another_type_changes_nothing(delta_class: Any) -> None:
    """A part keeps the type that it began with."""
    delta = delta_class()
    for other in get_args(models.MessageContent):
        if other is not type(new_content(delta)):
            part = other()
            merge_content(part, delta)
            assert other() == part


@pytest.mark.parametrize("delta_class", get_args(models.ToolCallDelta))
def test_a_tool_call_delta_of_another_type_changes_nothing(delta_class: Any) -> None:
    """A call keeps the type that it began with, and its id too."""
    delta = delta_class(id="call_2")
    for other in get_args(models.ToolCall):
        if other is not type(new_tool_call(delta)):
            call = other(id="call_1")
            merge_tool_call(call, delta)
            assert other(id="call_1") == call


# --- Content ----------------------------------------------------------------------------


def test_text_is_appended() -> None:
    """Pieces of text follow each other; missing and empty ones change nothing."""
    part = merged(
        {"type": "text", "text": {"value": "Hel"}},
        {"type": "text", "text": {"value": "lo"}},
        {"type": "text", "text": {"value": ""}},
        {"type": "text", "text": {"annotations": []}},
        {"type": "text"},
    )
    assert models.TextContentBlock(text=models.Text("Hello")) == part


@given(st.lists(st.text(max_size=5), max_size=10))
def test_pieces_of_any_text_make_the_text(pieces: list[str]) -> None:
    """Wherever a server cuts, the whole is the same, also for refusals, code and logs."""
    whole = "".join(pieces)
    texts = [{"type": "text", "text": {"value": piece}} for piece in ["", *pieces]]
    assert whole == merged(*texts).text.value
    refusals = [{"type": "refusal", "refusal": piece} for piece in ["", *pieces]]
    assert whole == merged(*refusals).refusal
    inputs = [code(input=piece) for piece in ["", *pieces]]
    assert whole == called(*inputs).code_interpreter.input
    logs = [code(outputs=[{"index": 0, "type": "logs", "logs": x}]) for x in ["", *pieces]]
    assert [models.CodeInterpreterOutputLogs(0, logs=whole)] == (
        called(*logs).code_interpreter.outputs
    )


def test_text_does_not_take_annotations_along() -> None:
    """They are merged by their own function, which returns the new ones."""
    annotation = {"type": "file_path", "index": 0}
    part = merged({"type": "text", "text": {"value": "a", "annotations": [annotation]}})
    assert models.Text("a") == part.text


def test_a_refusal_is_appended() -> None:
    """It is appended like text; null changes nothing."""
    part = merged(
        {"type": "refusal", "refusal": "I "},
        {"type": "refusal", "refusal": None},
        {"type": "refusal", "refusal": "won't."},
    )
    assert models.RefusalContentBlock(refusal="I won't.") == part


@pytest.mark.parametrize(("kind", "key"), [("image_file", "file_id"), ("image_url", "url")])
def test_an_image_is_replaced(kind: str, key: str) -> None:
    """A value in the delta replaces; one left out, null or empty does not."""
    part = merged(
        {"type": kind, kind: {key: "a", "detail": "low", "width": 1}},
        {"type": kind, kind: {key: "b", "detail": None}},
        {"type": kind, kind: {key: ""}},
        {"type": kind},
    )
    assert {"type": kind, kind: {key: "b", "detail": "low", "width": 1}} == unstructure(part)


def test_unknown_content_is_merged_key_by_key() -> None:
    """Later values replace, objects are joined, nulls and the index are ignored."""
    part = merged(
        {"index": 3, "type": "audio", "audio": {"id": "a", "data": "x"}, "b": 1, "c": [1]},
        {"index": 3, "type": "audio", "audio": {"data": "y"}, "b": None, "c": [2]},
        {"index": 3, "type": "audio", "b": {"d": 1}},
    )
    assert {
        "type": "audio",
        "audio": {"id": "a", "data": "y"},
        "b": {"d": 1},
        "c": [2],
    } == part.raw
    assert "audio" == part.type


# --- Annotations ------------------------------------------------------------------------


def annotated(*sent: dict[str, Any]) -> list[models.Annotation]:
    """Return SENT as annotations."""
    return structure(models.TextDelta, {"annotations": list(sent)}).annotations


def test_new_annotations_are_added_and_returned() -> None:
    """Each is added as a copy: the delta's own stays as it was."""
    text = models.Text()
    sent = annotated(
        {"index": 0, "type": "file_citation", "text": "[a]", "start_index": 0},
        {"index": 1, "type": "file_path", "text": "b"},
    )
    added = merge_annotations(text, sent)
    assert sent == added == text.annotations
    for mine, theirs, new in zip(text.annotations, sent, added, strict=True):
        assert mine is not theirs
        assert mine is new


def test_an_annotation_sent_again_replaces_its_fields() -> None:
    """It is found by its index, is not new again, and nothing is summed up or lost."""
    text = models.Text()
    first = {"index": 0, "type": "file_citation", "text": "[a]", "start_index": 5}
    merge_annotations(text, annotated(first))
    again = {"index": 0, "type": "file_citation", "start_index": 0, "end_index": 3}
    assert [] == merge_annotations(
        text, annotated({**again, "file_citation": {"file_id": "file_1"}})
    )
    assert [
        models.FileCitationAnnotation(
            index=0,
            text="[a]",
            start_index=0,
            end_index=3,
            file_citation=models.FileCitation("file_1"),
        )
    ] == text.annotations


def test_annotations_are_found_by_index_and_not_by_place() -> None:
    """They may come in any order, and with gaps."""
    text = models.Text()
    merge_annotations(text, annotated({"index": 7, "type": "file_path", "text": "b"}))
    merge_annotations(text, annotated({"index": 0, "type": "file_path", "text": "a"}))
    merge_annotations(text, annotated({"index": 7, "type": "file_path", "end_index": 1}))
    assert [(7, "b", 1), (0, "a", None)] == [
        (x.index, x.text, x.end_index)
        for x in text.annotations
        if isinstance(x, models.FilePathAnnotation)
    ]


def test_annotations_that_were_there_before_are_found_too() -> None:
    """A message may be created with annotations in it."""
    text = structure(models.Text, {"annotations": [{"index": 0, "type": "file_path", "text": "a"}]})
    assert [] == merge_annotations(text, annotated({"index": 0, "type": "file_path"}))
    assert 1 == len(text.annotations)


def test_annotations_without_an_index_are_all_new() -> None:
    """Nothing says that two of them are the same."""
    text = models.Text()
    for _ in range(2):
        assert 1 == len(merge_annotations(text, annotated({"type": "file_path"})))
    assert 2 == len(text.annotations)


def test_an_annotation_of_another_type_at_the_same_index_is_new() -> None:
    """A citation does not become a path."""
    text = models.Text()
    merge_annotations(text, annotated({"index": 0, "type": "file_path"}))
    added = merge_annotations(text, annotated({"index": 0, "type": "url_citation"}))
    assert ["url_citation"] == [x.type for x in added]
    assert ["file_path", "url_citation"] == [x.type for x in text.annotations]


def test_unknown_annotations_are_replaced_whole() -> None:
    """If their type is unknown, the last ``raw`` counts."""
    text = models.Text()
    merge_annotations(text, annotated({"index": 0, "type": "of_tomorrow", "a": 1}))
    last = {"index": 0, "type": "of_tomorrow", "b": 2}
    merge_annotations(text, annotated(last))
    assert [models.UnknownAnnotation(0, "of_tomorrow", last)] == text.annotations


def test_a_thousand_annotations_of_one_delta_each() -> None:
    """Each is found among the others, at its own index."""
    text = models.Text()
    for count in range(2):
        for index in range(1000):
            sent = {"index": index, "type": "file_path", "text": f"{count}:{index}"}
            assert (1 - count) == len(merge_annotations(text, annotated(sent)))
    assert [f"1:{index}" for index in range(1000)] == [
        x.text for x in text.annotations if isinstance(x, models.FilePathAnnotation)
    ]


# --- Functions --------------------------------------------------------------------------


def test_arguments_are_appended() -> None:
    """Name and id come once, arguments in fragments, cut anywhere."""
    call = called(
        function("call_1", name="get_weather", arguments="", output=None),
        function(arguments='{"city": "Z\\'),
        function(arguments='u00fcrich"}'),
        {"index": 0, "type": "function"},
    )
    assert (
        models.FunctionToolCall(
            "call_1", function=models.Function("get_weather", '{"city": "Z\\u00fcrich"}')
        )
        == call
    )


def test_id_and_name_sent_again_are_not_appended() -> None:
    """A server that repeats them with every fragment names one call, not a longer one."""
    call = called(*(function("call_1", name="f", arguments=x) for x in ('{"a', '": ', "1}")))
    assert ("call_1", "f", '{"a": 1}') == (call.id, call.function.name, call.function.arguments)


def test_a_whole_call_sent_again_replaces() -> None:
    """With id and name, arguments that begin with all those so far are the whole call again."""
    call = called(
        function("call_1", name="f", arguments=""),
        function("call_1", name="f", arguments='{"a": 1'),
        function("call_1", name="f", arguments='{"a": 1}'),
        function("call_1", name="f", arguments='{"a": 1}'),
    )
    assert '{"a": 1}' == call.function.arguments


def test_the_same_fragment_twice_is_appended_where_nothing_says_otherwise() -> None:
    """Without id and name a fragment is a fragment, whatever it looks like."""
    call = called(
        function("call_1", name="f", arguments="1"),
        function(arguments="1"),
        function("call_1", arguments="11"),
        function(name="f", arguments="1111"),
    )
    assert "11111111" == call.function.arguments


def test_an_output_is_replaced() -> None:
    """Even an empty output replaces: a function may return nothing."""
    call = called(
        function("call_1", name="f", arguments="{}"),
        function(output="a"),
        function(output=None),
        function(arguments=None),
    )
    assert "a" == call.function.output
    merge_tool_call(call, call_delta(**function(output="")))
    assert "" == call.function.output


def test_an_mcp_call_is_merged_like_a_function() -> None:
    """Azure: arguments are appended, other values replace."""
    call = called(
        {"index": 0, "type": "mcp", "id": "call_1", "name": "search", "arguments": ""},
        {"index": 0, "type": "mcp", "arguments": '{"q": '},
        {"index": 0, "type": "mcp", "arguments": "1}", "server_label": "github"},
        {"index": 0, "type": "mcp", "server_label": "", "output": "done"},
        {"index": 0, "type": "mcp"},
    )
    assert (
        models.MCPToolCall(
            "call_1",
            name="search",
            arguments='{"q": 1}',
            server_label="github",
            output="done",
        )
        == call
    )


# --- Code and searches ------------------------------------------------------------------


def test_code_and_outputs() -> None:
    """Input and logs are appended, images replaced, each output found by its index."""
    call = called(
        code(input="", outputs=[]),
        code(input="1 +"),
        code(input=" 1"),
        {"index": 0, "type": "code_interpreter"},
        code(outputs=[{"index": 1, "type": "image"}]),
        code(outputs=[{"index": 0, "type": "logs", "logs": "a"}]),
        code(outputs=[{"index": 1, "type": "image", "image": {"file_id": "file_1"}}]),
        code(outputs=[{"index": 0, "type": "logs", "logs": "b"}, {"type": "logs", "logs": "c"}]),
        code(outputs=[{"index": 2, "type": "of_tomorrow", "a": 1}]),
        code(outputs=[{"index": 2, "type": "of_tomorrow", "a": 2}]),
        code(outputs=[{"index": 1, "type": "logs", "logs": "another type"}]),
    )
    image = models.CodeInterpreterImage("file_1")
    logs = models.CodeInterpreterOutputLogs
    raw = {"index": 2, "type": "of_tomorrow", "a": 2}
    assert "1 + 1" == call.code_interpreter.input
    assert [
        models.CodeInterpreterOutputImage(1, image=image),
        logs(0, logs="ab"),
        logs(None, logs="c"),
        models.UnknownCodeInterpreterOutput(2, "of_tomorrow", raw),
        logs(1, logs="another type"),
    ] == call.code_interpreter.outputs


def test_a_search_gets_its_results() -> None:
    """Results replace those before; an empty list changes nothing."""
    options = {"ranker": "auto", "score_threshold": 0.0}
    result = {"file_id": "file_1", "file_name": "a.md", "score": 0.5}
    call = called(
        {"index": 0, "type": "file_search", "id": "call_1"},
        {"index": 0, "type": "file_search", "file_search": {"ranking_options": options}},
        {"index": 0, "type": "file_search", "file_search": {"results": [result]}},
        {"index": 0, "type": "file_search", "file_search": {"results": []}},
    )
    assert {
        "id": "call_1",
        "type": "file_search",
        "file_search": {"ranking_options": options, "results": [result]},
    } == unstructure(call)


def test_a_call_of_an_unknown_tool_keeps_everything() -> None:
    """``raw`` has everything that was sent, and the id is known as for every call."""
    call = called(
        {"index": 0, "type": "bing_grounding", "id": "call_1", "bing_grounding": {"a": 1}},
        {"index": 0, "type": "bing_grounding", "bing_grounding": {"b": 2}},
    )
    sent = {"type": "bing_grounding", "id": "call_1", "bing_grounding": {"a": 1, "b": 2}}
    assert models.UnknownToolCall("call_1", "bing_grounding", sent) == call


def test_what_a_server_sent_stays_as_sent() -> None:
    """Merging into a call that came in an event does not change the event's JSON."""
    sent = {"tool_calls": [{"type": "bing_grounding", "bing_grounding": {"a": 1}}]}
    before = copy.deepcopy(sent)
    (call,) = structure(models.ToolCallsStepDetails, sent).tool_calls
    for value in ({"b": 2}, "c", {"d": 3}):
        merge_tool_call(call, call_delta(type="bing_grounding", bing_grounding=value))
    assert before == sent
    assert isinstance(call, models.UnknownToolCall)
    assert {"type": "bing_grounding", "bing_grounding": {"d": 3}} == call.raw


def test_a_delta_gets_what_it_added_to_the_text() -> None:
    """A half waits for the other; a whole call sent again is said whole."""
    call = models.FunctionToolCall()
    sent = ["\ud83d", "\ude00", "😀\ud83d"]
    deltas = [call_delta(**function("a", name="f", arguments=x)) for x in sent]
    for delta in deltas:
        merge_tool_call(call, delta)
    assert ["", "😀", "😀\ufffd"] == [x.function.arguments for x in deltas]
    assert "😀\ufffd" == call.function.arguments


def test_what_waits_in_a_part_or_a_call_can_be_flushed() -> None:
    """It is returned as a delta that has been merged already; nothing waits: None."""
    refusal, mcp = models.RefusalContentBlock(), models.MCPToolCall()
    assert (None, None) == (flush_content(refusal, 1), flush_tool_call(mcp, 1))
    refusal.grow("\ud83d")
    mcp.grow("\ud83d")
    assert models.RefusalDeltaBlock(1, "refusal", "\ufffd") == flush_content(refusal, 1)
    assert models.MCPToolCallDelta(2, None, "mcp", None, "\ufffd") == flush_tool_call(mcp, 2)
    assert ("\ufffd", "\ufffd") == (refusal.refusal, mcp.arguments)
    nothing = (models.ImageFileContentBlock(), models.UnknownContent())
    assert [None, None] == [flush_content(x, 0) for x in nothing]
    assert None is flush_tool_call(models.FileSearchToolCall(), 0)


def test_what_was_sent_is_not_changed_by_later_deltas() -> None:
    """An object of unknown type grows in a dict of its own, at both levels."""
    part = models.UnknownContent()
    first = {"index": 0, "type": "new", "more": {"a": 1}}
    for raw in (first, {"more": {"b": 2}}, {"more": {"c": 3}, "d": 4}):
        merge_content(part, models.UnknownContentDelta(0, "new", raw))
    assert {"type": "new", "more": {"a": 1, "b": 2, "c": 3}, "d": 4} == part.raw
    assert {"index": 0, "type": "new", "more": {"a": 1}} == first
