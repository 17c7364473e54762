"""The deltas of one answer become text, refusal, annotations, reasoning and calls."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core import events, models
from stream_core.convert.payloads import structure
from stream_core.dialects import Decoded
from stream_core.dialects.chat.answer import ChatAnswer
from stream_core.dialects.chat.chunks import ChunkDelta
from stream_core.dialects.run_writer import RunWriter
from stream_core.errors import DecodeError
from tests.support.chat_frames import call


class Answering:
    """An answer that is given deltas.

    Attributes:
        answer: The answer.
        written: The events it wrote; ``raw`` is the number of the delta.
    """

    def __init__(self, *deltas: dict[str, Any]) -> None:
        run = RunWriter(models.Run("run_1"))
        run.begin()
        run.take()
        self.answer = ChatAnswer(run, {})
        self.answer.began = "1"
        for number, delta in enumerate(deltas):
            self.answer.add(structure(ChunkDelta, delta), "$.choices[0].delta", number)
        self.answer.finish()
        self.written: list[Decoded] = run.take()

    @property
    def names(self) -> list[str]:
        """The wire names, without ``thread.``."""
        return [x.name.removeprefix("thread.") for x in self.written]

    def gained(self, name: str) -> list[tuple[Any, Any]]:
        """Return what the deltas called NAME gained, each with its raw."""
        return [(x.payload.delta, x.raw) for x in self.written if x.name == name]

    def parts(self) -> list[tuple[Any, Any]]:
        """Return the parts that message deltas gained, each with its raw."""
        return [(x.content[0], raw) for x, raw in self.gained("thread.message.delta")]


def text(value: str, index: int = 0) -> models.TextDeltaBlock:
    """Return the delta of a text part."""
    return models.TextDeltaBlock(index, "text", models.TextDelta(value))


def refusal(value: str, index: int = 0) -> models.RefusalDeltaBlock:
    """Return the delta of a refusal part."""
    return models.RefusalDeltaBlock(index, "refusal", value)


OPENED = ["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"]


# --- Text and refusal -------------------------------------------------------------------


@pytest.mark.parametrize(
    "delta",
    [
        {},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": None},
        {"content": [], "refusal": "", "reasoning": "", "annotations": [], "function_call": None},
        {"content": [{"type": "text", "text": ""}, {"type": "text"}]},
        {"tool_calls": [call(0, "a")]},
    ],
)
def test_an_empty_delta_opens_nothing(delta: dict[str, Any]) -> None:
    """In particular, the role opens nothing."""
    assert [] == Answering(delta).written


def test_the_first_text_opens_the_message_and_its_step() -> None:
    """Both open once and are synthetic; each delta has its chunk as raw."""
    answering = Answering({"role": "assistant"}, {"content": "Hel"}, {"content": "lo"})
    assert [*OPENED, "message.delta", "message.delta"] == answering.names
    assert [True] * 4 + [False] * 2 == [x.synthetic for x in answering.written]
    assert [(text("Hel"), 1), (text("lo"), 2)] == answering.parts()
    created = answering.written[2].payload
    assert ("msg_1", "run_1", "assistant", []) == (
        created.id,
        created.run_id,
        created.role,
        created.content,
    )


@pytest.mark.parametrize(
    ("deltas", "parts"),
    [
        ([{"refusal": "I "}, {"refusal": "won't"}], [(refusal("I "), 0), (refusal("won't"), 1)]),
        ([{"content": "Hm."}, {"refusal": "No."}], [(text("Hm."), 0), (refusal("No.", 1), 1)]),
        ([{"refusal": "No."}, {"content": "Or?"}], [(refusal("No."), 0), (text("Or?", 1), 1)]),
        ([{"content": "Hm.", "refusal": "No."}], [(text("Hm."), 0), (refusal("No.", 1), 0)]),
    ],
)
def test_a_refusal_is_a_part_of_its_own(
    deltas: list[dict[str, Any]], parts: list[tuple[Any, Any]]
) -> None:
    """Parts are numbered in order of appearance."""
    assert parts == Answering(*deltas).parts()


def test_a_content_that_is_a_list_is_text_and_reasoning() -> None:
    """Mistral's reasoning models send it like that."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm. "}]}
    parts = [thinking, {"type": "text", "text": "Yes"}, {"type": "text", "text": "."}]
    answering = Answering({"content": parts}, {"content": {"type": "text", "text": " Ok"}})
    assert ["reasoning.delta", "reasoning.done"] == answering.names[:2]
    assert [(text("Yes"), 0), (text("."), 0), (text(" Ok"), 1)] == answering.parts()


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (5, "content: 5 is not a list"),
        ([{"text": "a"}, {"text": 5}], "content[1].text: 5 is not a string"),
        (["a"], "content[0]: 'a' is not an object"),
    ],
)
def test_another_content_is_refused_with_its_path(content: Any, path: str) -> None:
    """The path is the one in the chunk."""
    with pytest.raises(DecodeError) as caught:
        Answering({"content": content})
    assert (f"$.choices[0].delta.{path}",) == caught.value.paths


# --- Annotations ------------------------------------------------------------------------

CITED = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}


def citation(index: int, url: str, title: str | None = None) -> models.URLCitationAnnotation:
    """Return an annotation that cites a whole page."""
    return models.URLCitationAnnotation(index, url_citation=models.URLCitation(url, title))


def test_annotations_of_a_delta_are_those_of_its_text() -> None:
    """They are numbered in order; an annotation that is not a page citation is kept whole."""
    other = {"type": "file", "file": {"hash": "x"}}
    answering = Answering(
        {"content": "Hi", "annotations": [{"type": "url_citation", "url_citation": CITED}]},
        {"annotations": [other]},
    )
    first, second = [(x.text.annotations[0], raw) for x, raw in answering.parts()[1:]]
    expected = models.URLCitationAnnotation(
        0, start_index=0, end_index=2, url_citation=models.URLCitation("https://a.example", "A")
    )
    assert ((expected, 0), (models.UnknownAnnotation(1, "file", other), 1)) == (first, second)


def test_annotations_wait_for_a_text() -> None:
    """They do not open a message, and a refusal is not a text."""
    sent = {"type": "url_citation", "url_citation": {"url": "u"}}
    answering = Answering({"annotations": [sent]}, {"refusal": "No."}, {"content": "Hi"})
    assert [refusal("No."), text("Hi", 1)] == [x for x, _ in answering.parts()[:2]]
    (block, raw) = answering.parts()[2]
    assert (1, [citation(0, "u")], 0) == (block.index, block.text.annotations, raw)


def test_annotations_without_any_text_are_extension_events() -> None:
    """They are not lost, and do not justify an empty message."""
    sent = {"type": "url_citation", "url_citation": {"url": "u"}}
    answering = Answering({"annotations": [sent]})
    (out,) = answering.written
    assert (events.ExtensionEvent, "chat.completion.chunk.annotation", sent, 0) == (
        out.event_class,
        out.name,
        out.payload,
        out.raw,
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_cited_pages_annotate_the_text_once_each(when: str) -> None:
    """Every chunk of Perplexity's repeats all of them."""
    run = RunWriter(models.Run("run_1"))
    answer = ChatAnswer(run, {})
    for number, url in enumerate(["u", "v", "u"]):
        if when == "before":
            answer.cite(["u", url, 5], number)
        answer.add(ChunkDelta(content="a"), "$", None)
        answer.cite(["u", url, {"url": "w"}], number)
    useless: list[Any] = [None, {}, "u", [None]]
    for nothing in useless:
        answer.cite(nothing, None)
    blocks = [x.payload.delta.content[0] for x in run.take() if "message.delta" in x.name]
    found = [x.text.annotations[0] for x in blocks if x.text.annotations]
    assert [citation(0, "u"), citation(1, "v")] == found


# --- Reasoning --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "Hm"},
        {"reasoning": "Hm"},
        {"reasoning_content": "Hm", "reasoning": "Hm"},
        {"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
    ],
)
def test_reasoning_is_delivered_once_whatever_it_is_called(delta: dict[str, Any]) -> None:
    """Deltas, and at the end a done; it opens no message."""
    answering = Answering(delta)
    assert ["reasoning.delta", "reasoning.done"] == answering.names
    first, last = answering.written
    assert ("Hm", 0, "Hm") == (first.payload.delta, first.raw, last.payload.text)


def test_the_snapshot_of_reasoning_is_live_and_all_of_it_so_far() -> None:
    """One object serves all deltas of a stretch, and its end."""
    answering = Answering({"reasoning": "a"}, {"reasoning": "b"})
    first, second, done = (x.payload for x in answering.written)
    assert first.snapshot is second.snapshot is done
    assert ("ab", 0) == (done.text, done.index)


@pytest.mark.parametrize(
    "other", [{"content": "x"}, {"refusal": "x"}, {"tool_calls": [call(0, "a", name="f")]}]
)
def test_something_else_ends_a_stretch_of_reasoning(other: dict[str, Any]) -> None:
    """More reasoning after that is another stretch, with the next index."""
    answering = Answering({"reasoning": "a"}, other, {"reasoning": "b"})
    assert ["reasoning.delta", "reasoning.done", "run.step.created"] == answering.names[:3]
    assert [("a", 0), ("b", 1)] == [
        (x.payload.text, x.payload.index) for x in answering.written if x.name == "reasoning.done"
    ]


def test_reasoning_comes_before_the_rest_of_its_chunk() -> None:
    """In one chunk, reasoning precedes the text."""
    answering = Answering(
        {"content": "x", "reasoning": "a", "tool_calls": [call(0, "a", name="f")]}
    )
    assert ["reasoning.delta", "reasoning.done", *OPENED, "message.delta"] == answering.names[:7]
    assert ["run.step.created", "run.step.in_progress", "run.step.delta"] == answering.names[7:]


def test_summaries_of_reasoning_have_events_of_their_own() -> None:
    """OpenRouter sends them for models that hide the rest; what is encrypted is an extension."""
    details = [
        {"type": "reasoning.summary", "summary": "In short"},
        {"type": "reasoning.encrypted", "data": "abc"},
        {"type": "reasoning.text", "text": "In long"},
    ]
    answering = Answering({"reasoning_details": details})
    assert [
        "reasoning.summary.delta",
        "reasoning.summary.done",
        "reasoning.delta",
        "reasoning.done",
        "chat.completion.chunk.reasoning_details",
    ] == [*answering.names[:3], *sorted(answering.names[3:], reverse=True)]
    (extension,) = [x for x in answering.written if x.event_class is events.ExtensionEvent]
    assert ([details[1]], 0) == (extension.payload, extension.raw)


# --- The message for the next request ---------------------------------------------------


def test_an_answer_goes_back_as_it_came() -> None:
    """It has the role, the content, and the calls if there are any."""
    assert {"role": "assistant", "content": None} == Answering().answer.to_message()
    assert {"role": "assistant", "content": None} == Answering({"refusal": "x"}).answer.to_message()
    assert {"role": "assistant", "content": "Hello"} == Answering(
        {"content": "Hel"}, {"reasoning_content": "x", "content": "lo"}
    ).answer.to_message()
    sent = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    deltas = ({"content": "Hi"}, {"tool_calls": [call(0, "a", name="f", arguments="{}")]})
    expected: dict[str, Any] = {"role": "assistant", "content": "Hi", "tool_calls": [sent]}
    assert expected == Answering(*deltas, {"refusal": "x"}).answer.to_message()


def test_reasoning_goes_back_with_calls_if_it_came_as_reasoning_content() -> None:
    """DeepSeek refuses the outputs of calls without it."""
    message = Answering(
        {"reasoning_content": "a"},
        {"reasoning_content": "b", "tool_calls": [call(0, "a", name="f")]},
    ).answer.to_message()
    assert ("ab", None) == (message["reasoning_content"], message["content"])


def test_all_calls_share_one_step_and_wait() -> None:
    """The run waits for this step; text may come between the calls."""
    answering = Answering(
        {"tool_calls": [call(0, "a", name="f")]},
        {"content": "x"},
        {"tool_calls": [call(1, "b", name="g")]},
    )
    assert ["step_calls_1"] * 2 == [
        x.payload.id for x in answering.written if x.name == "thread.run.step.delta"
    ]
    assert 2 == answering.names.count("run.step.created")


# --- Parts, roles and whole messages -----------------------------------------------------


def extensions(answering: Answering) -> list[tuple[str, Any, Any]]:
    """Return name, data and raw of the extension events."""
    return [
        (x.name.removeprefix("chat.completion.chunk."), x.payload, x.raw)
        for x in answering.written
        if x.event_class is events.ExtensionEvent
    ]


def test_parts_that_are_not_text_are_extension_events() -> None:
    """Mistral's references and images are never text, and open no message."""
    reference = {"type": "reference", "reference_ids": [1]}
    answering = Answering({"content": [reference]}, {"content": [{"text": "Hi"}, reference]})
    assert [("content", reference, 0), ("content", reference, 1)] == extensions(answering)
    assert [(text("Hi"), 1)] == answering.parts()


@pytest.mark.parametrize("name", ["audio", "images", "executed_tools", "context"])
def test_fields_without_a_counterpart_are_extension_events(name: str) -> None:
    """Also where other things are in the same delta."""
    value = [{"output": "FOUND"}]
    answering = Answering({name: value, "content": "Hi"})
    assert [(name, value, 0)] == extensions(answering)
    assert [(text("Hi"), 0)] == answering.parts()


@pytest.mark.parametrize("role", ["tool", "function"])
def test_what_a_tool_says_is_kept_apart_until_another_role_speaks(role: str) -> None:
    """It is not the answer (Azure On Your Data); calls and reasoning are read all the same."""
    answering = Answering(
        {"role": role, "content": "a"},
        {"content": "b", "reasoning": "Hm"},
        {"role": role, "content": ""},
        {"refusal": "c", "tool_calls": [call(0, "a", name="f")]},
        {"role": "assistant", "content": "Hi"},
        {"content": "!"},
    )
    assert [(role, "a", 0), (role, "b", 1), (role, "c", 3)] == extensions(answering)
    assert [(text("Hi"), 4), (text("!"), 5)] == answering.parts()
    assert "reasoning.delta" in answering.names
    assert "run.step.delta" in answering.names


def whole(message: dict[str, Any], *deltas: dict[str, Any]) -> Answering:
    """Return an answer to DELTAS and then a whole MESSAGE."""
    answering = Answering(*deltas)
    run = answering.answer._run  # to see what is written after the deltas
    answering.answer.add_whole(structure(ChunkDelta, message), "$.message", "whole")
    answering.answer.finish()
    answering.written = run.take()
    return answering


def test_a_whole_message_without_deltas_is_the_answer() -> None:
    """Text, refusal, reasoning, annotations and calls."""
    answering = whole(
        {
            "role": "assistant",
            "content": "Hello",
            "refusal": "No",
            "reasoning": "Hm",
            "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
            "tool_calls": [call(None, "a", name="f", arguments="{}")],
        }
    )
    assert ["reasoning.delta", "reasoning.done"] == answering.names[:2]
    assert [text("Hello"), refusal("No", 1)] == [x for x, _ in answering.parts()[:2]]
    assert [citation(0, "u")] == answering.parts()[2][0].text.annotations
    assert ["a"] == [x["id"] for x in answering.answer.to_message()["tool_calls"]]


def test_a_whole_message_after_deltas_adds_what_they_did_not_bring() -> None:
    """Nothing is told twice, and no call is made twice."""
    deltas: list[dict[str, Any]] = [
        {"reasoning": "Hm"},
        {"content": "Hel", "annotations": [{"type": "x"}]},
        {"refusal": "N"},
        {"tool_calls": [call(0, "a", name="f", arguments="{}")]},
    ]
    message = {
        "content": [{"type": "reasoning", "text": "Hm"}, {"type": "text", "text": "Hello"}],
        "refusal": "No",
        "reasoning": "Hm",
        "annotations": [{"type": "x"}],
        "tool_calls": [
            call(None, "a", name="f", arguments="{}"),
            call(None, None, name="f", arguments="{}"),
            call(None, "x", name="f", arguments="{}"),
            call(None, "b", name="g", arguments="{}"),
        ],
    }
    answering = whole(message, *deltas)
    assert [(text("lo"), "whole"), (refusal("o", 1), "whole")] == answering.parts()
    assert ["message.delta", "message.delta", "run.step.delta", "run.step.delta"] == answering.names
    assert ["a", "b"] == [x["id"] for x in answering.answer.to_message()["tool_calls"]]


def test_a_whole_message_after_deltas_brings_no_signature_twice() -> None:
    """What goes back is what was sent once."""
    detail = {"type": "reasoning.encrypted", "data": "X", "index": 0}
    message = {"reasoning_details": [detail], "tool_calls": [call(None, "a", name="f")]}
    answering = whole(message, {"reasoning_details": [detail]})
    assert [detail] == answering.answer.to_message()["reasoning_details"]


def test_a_whole_message_that_differs_from_the_deltas_changes_nothing() -> None:
    """What was told stays."""
    assert [] == whole({"content": "Bye"}, {"content": "Hello"}).written
    assert [] == whole({"content": "Hello"}, {"content": "Hello"}).written


def test_messages_in_pieces_are_the_answer() -> None:
    """If the answer began with a message, one that does not repeat it goes on with it."""
    answering = Answering()
    run = answering.answer._run
    for sent in ("Hel", "lo", "Hello!"):
        message = structure(ChunkDelta, {"content": sent})
        answering.answer.add_whole(message, "$.message", sent)
    answering.written = run.take()
    assert [(text("Hel"), "Hel"), (text("lo"), "lo"), (text("!"), "Hello!")] == answering.parts()


@pytest.mark.parametrize("begin", ["", "a"])
def test_a_whole_message_has_the_half_that_waits(begin: str) -> None:
    """Its text is all of the text."""
    answering = whole({"content": begin + "😀"}, {"content": begin + "\ud83d"})
    assert [(text("😀"), "whole")] == answering.parts()


def test_an_error_in_a_delta_comes_after_its_text() -> None:
    """One that is empty is not an error."""
    assert ["error"] == Answering({"content": "a", "error": "It is down."}).names[-1:]
    assert "error" not in Answering({"content": "a", "error": {}}).names


def test_the_deprecated_name_of_a_call_does_not_make_it_twice() -> None:
    """If calls came under ``tool_calls``, a ``function_call`` is one of them."""
    answering = Answering(
        {"tool_calls": [call(0, "a", name="f", arguments="{}")]},
        {"function_call": {"name": "f", "arguments": "{}"}},
    )
    assert ["a"] == [x["id"] for x in answering.answer.to_message()["tool_calls"]]
    old = Answering({"function_call": {"name": "f", "arguments": "{}"}})
    assert old.answer.calls_are_whole


def test_everything_that_a_server_wants_back_goes_back_with_calls() -> None:
    """OpenRouter's details, vLLM's and Copilot's reasoning, Gemini's signatures."""
    detail = {"type": "reasoning.encrypted", "data": "X", "index": 0}
    sent: dict[str, Any] = {
        "reasoning": "a",
        "reasoning_opaque": "b",
        "reasoning_details": [detail],
        "extra_content": {"google": {"thought_signature": "c"}},
    }
    signed = {**call(0, "a", name="f"), "extra_content": {"google": {"thought_signature": "d"}}}
    message = Answering(sent, {"tool_calls": [signed]}).answer.to_message()
    assert sent == {key: message[key] for key in sent}
    assert signed["extra_content"] == message["tool_calls"][0]["extra_content"]
    assert {"role": "assistant", "content": "x"} == (
        Answering(sent, {"content": "x"}).answer.to_message()
    )


def test_calls_are_whole_if_there_are_any_and_all_are() -> None:
    """Half a call is not."""
    first = call(0, "a", name="f", arguments="{}")
    assert Answering({"tool_calls": [first]}).answer.calls_are_whole
    assert not Answering({}).answer.calls_are_whole
    half = {"tool_calls": [first, call(1, "b", name="f", arguments="{")]}
    assert not Answering(half).answer.calls_are_whole
    assert Answering({"tool_calls": [call(0, "a", arguments="{}")]}).answer.calls_are_lost
