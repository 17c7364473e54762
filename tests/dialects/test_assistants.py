"""Decoding the Assistants wire, in every shape that servers send."""

from __future__ import annotations

import json
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.beta import AssistantStreamEvent

from stream_core import Stream, events, models
from stream_core.dialects import Decoded
from stream_core.dialects.assistants import ALIASES, DONE, EVENTS, OBJECTS, AssistantsDialect
from stream_core.errors import DecodeError
from stream_core.sse import ServerSentEvent
from tests.support.frames import DONE as DONE_FRAME
from tests.support.frames import run, sse

DIALECT = AssistantsDialect()

#: Maps each name to the official client's class: the last word on what the names are.
OFFICIAL: dict[str, Any] = {
    get_args(cls.model_fields["event"].annotation)[0]: cls
    for cls in get_args(get_args(AssistantStreamEvent)[0])
}

each_payload_name = pytest.mark.parametrize("name", sorted(EVENTS.keys() - {"error", "done"}))


@attrs.define
class Meaning:
    """The meaning of a frame, to compare with the expected one.

    Attributes:
        event_class: The class of the event.
        payload: Its ``data``.
        raw: The JSON value as sent.
        name: The wire name.
    """

    event_class: type[Any]
    payload: Any
    raw: Any
    name: str


def decode(event: str, data: object) -> Meaning:
    """Decode one frame; DATA is its text, or a value to encode as JSON."""
    text = data if isinstance(data, str) else json.dumps(data)
    (decoded,) = DIALECT.decode(ServerSentEvent(event, text, 0))
    assert not decoded.synthetic
    return Meaning(decoded.event_class, decoded.payload, decoded.raw, decoded.name)


def error(event: str, data: object) -> models.Error:
    """Decode one frame that is an error, and return its payload."""
    decoded = decode(event, data)
    assert ("error", events.ErrorEvent) == (decoded.name, decoded.event_class)
    assert isinstance(decoded.payload, models.Error)
    return decoded.payload


# --- The table --------------------------------------------------------------------------


def test_the_names_are_those_of_the_official_client() -> None:
    """23 names, ``error`` and ``done``: all that the official client knows, and ``done``."""
    assert {*OFFICIAL, "done"} == EVENTS.keys()
    assert 25 == len(EVENTS)


def test_the_classes_are_named_like_those_of_the_official_client() -> None:
    """Names in CamelCase, so that code reads the same with either."""
    assert {name: cls.__name__ for name, cls in OFFICIAL.items()} == {
        name: EVENTS[name][0].__name__ for name in OFFICIAL
    }


def test_the_payloads_are_named_like_those_of_the_official_client() -> None:
    """Each name carries the same object."""
    official = {
        name: cls.model_fields["data"].annotation.__name__.removesuffix("Object")
        for name, cls in OFFICIAL.items()
    }
    assert official == {name: EVENTS[name][1].__name__ for name in OFFICIAL}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_class_has_its_name(name: str) -> None:
    """The table and the classes agree on the wire name."""
    assert name == EVENTS[name][0].event


# --- Named frames -----------------------------------------------------------------------


@each_payload_name
def test_a_named_frame_is_its_event(name: str) -> None:
    """It has the event class, the payload, the JSON as sent and the name."""
    event_class, payload_class = EVENTS[name]
    sent = {"id": "a", "of_tomorrow": None}
    expected = payload_class(id="a", extra={"of_tomorrow": None})
    assert Meaning(event_class, expected, sent, name) == decode(name, sent)


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_another_spelling_is_delivered_under_the_name_in_the_table(name: str) -> None:
    """With an ``event:`` line or in an envelope; data that is not JSON is refused under both."""
    known = ALIASES[name]
    assert known in EVENTS
    event_class, payload_class = EVENTS[known]
    assert Meaning(event_class, payload_class(id="a"), {"id": "a"}, known) == decode(
        name, {"id": "a"}
    )
    envelope = {"event": name, "data": {"id": "a"}}
    assert Meaning(event_class, payload_class(id="a"), envelope, known) == decode("", envelope)
    with pytest.raises(DecodeError, match="the data is not JSON"):
        decode(name, "{")


@each_payload_name
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "the data is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ('{"id": "a"', "the data is not JSON: Expecting ',' delimiter: line 1 column 11 (char 10)"),
        ('{"id": "a"}}', "the data is not JSON: Extra data: line 1 column 12 (char 11)"),
    ],
)
def test_a_named_frame_that_is_not_json_is_refused(name: str, data: str, sentence: str) -> None:
    """The error states the position in the text, and carries the parser's error."""
    with pytest.raises(DecodeError) as caught:
        decode(name, data)
    assert sentence == str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


@each_payload_name
def test_a_named_frame_with_another_payload_is_refused(name: str) -> None:
    """The error names the expected payload and the path of the bad field."""
    payload_class = EVENTS[name][1].__name__
    for sent, path in (
        ({"id": 5}, "$.id: 5 is not a string"),
        ([], "$: a list is not an object"),
        (None, "$: null is not an object"),
    ):
        with pytest.raises(DecodeError) as caught:
            decode(name, sent)
        assert (f"the data is not a {payload_class}: {path}", (path,)) == (
            str(caught.value),
            caught.value.paths,
        )


@pytest.mark.parametrize("name", ["thread.of_tomorrow", "message", "thread.run", "Done"])
@pytest.mark.parametrize("sent", [{"id": 5}, [], None, 5, "a"])
def test_an_unknown_name_is_an_unknown_event(name: str, sent: object) -> None:
    """Whatever its data is, the JSON value is kept."""
    assert Meaning(events.UnknownEvent, sent, sent, name) == decode(name, json.dumps(sent))


@pytest.mark.parametrize("name", ["thread.of_tomorrow", "message"])
def test_an_unknown_event_need_not_be_json(name: str) -> None:
    """Its data is then the text."""
    assert Meaning(events.UnknownEvent, "ping {", "ping {", name) == decode(name, "ping {")


# --- The end ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["done", "", "message", "thread.run.completed"])
def test_done_with_a_blank_is_the_end(name: str) -> None:
    """White space around it does not matter."""
    for data in (" [DONE]", "[DONE] ", "[DONE]\t\r"):
        assert Meaning(events.Done, "[DONE]", "[DONE]", "done") == decode(name, data)


@pytest.mark.parametrize("name", ["done", "", "message", "whatever"])
def test_done_is_the_end_with_or_without_its_name(name: str) -> None:
    """``data: [DONE]`` ends the stream, whatever the name of the frame."""
    assert Meaning(events.Done, DONE, DONE, "done") == decode(name, "[DONE]")


@pytest.mark.parametrize("sent", [{}, "[DONE]", None, {"event": "done", "data": "[DONE]"}])
def test_done_may_have_other_data(sent: object) -> None:
    """A frame named ``done`` is the end; the payload is ``[DONE]``, ``raw`` is what was sent."""
    assert Meaning(events.Done, DONE, sent, "done") == decode("done", json.dumps(sent))


def test_done_with_lines_of_other_frames_is_refused() -> None:
    """If blank lines got lost, the error says so, instead of ending before the rest."""
    with pytest.raises(DecodeError) as caught:
        decode("done", '{"id": "run_1"}\n[DONE]')
    assert ("the data of done is not [DONE] (are blank lines missing between the frames?)") == str(
        caught.value
    )


# --- Frames without a name --------------------------------------------------------------

nameless = pytest.mark.parametrize("event", ["", "message"])


@nameless
@each_payload_name
def test_an_envelope_is_unwrapped(event: str, name: str) -> None:
    """``{"event": ..., "data": ...}`` is the event that it names; ``raw`` is the envelope."""
    event_class, payload_class = EVENTS[name]
    sent = {"event": name, "data": {"id": "a"}, "more": 1}
    assert Meaning(event_class, payload_class(id="a"), sent, name) == decode(event, sent)


@nameless
def test_envelopes_of_the_end_of_errors_and_of_tomorrow(event: str) -> None:
    """An envelope can hold whatever a named frame can."""
    assert Meaning(events.Done, DONE, {"event": "done", "data": "[DONE]"}, "done") == decode(
        event, {"event": "done", "data": "[DONE]"}
    )
    assert models.Error("No.") == error(event, {"event": "error", "data": {"message": "No."}})
    sent = {"event": "thread.of_tomorrow", "data": [1]}
    assert Meaning(events.UnknownEvent, [1], sent, "thread.of_tomorrow") == decode(event, sent)


@nameless
def test_a_bad_payload_in_an_envelope_is_refused(event: str) -> None:
    """The path is the one inside the payload."""
    with pytest.raises(DecodeError, match=r"not a Run: \$\.id: 5 is not a string"):
        decode(event, {"event": "thread.run.created", "data": {"id": 5}})


@nameless
@pytest.mark.parametrize(
    "sent",
    [
        {"event": "thread.run.created"},
        {"event": None, "data": {}},
        {"event": 5, "data": {}},
        {"data": {}},
        {"error": None},
        {"id": "a", "object": "thread.run"},
        [],
        "a",
        None,
        5,
    ],
    ids=repr,
)
def test_what_is_not_an_envelope_is_an_unknown_event(event: str, sent: object) -> None:
    """Nothing is guessed from the look of the data."""
    assert Meaning(events.UnknownEvent, sent, sent, "message") == decode(event, json.dumps(sent))


@nameless
def test_an_error_needs_no_name(event: str) -> None:
    """``{"error": ...}`` alone is an error."""
    assert models.Error("No.") == error(event, {"error": {"message": "No."}})
    assert models.Error("No.") == error(event, {"error": "No."})


def test_a_named_frame_is_never_an_envelope() -> None:
    """Only frames without a name are examined for one."""
    sent = {"event": "thread.run.created", "data": {"id": "a"}}
    decoded = decode("thread.of_tomorrow", sent)
    assert (events.UnknownEvent, sent) == (decoded.event_class, decoded.payload)


# --- Errors -----------------------------------------------------------------------------

INNER = {"message": "It is down.", "code": "server_error", "param": None, "type": "server_error"}


@pytest.mark.parametrize(
    "sent", [{"error": INNER}, INNER, {**INNER, "message": "outer", "error": INNER}]
)
def test_an_error_is_read_wrapped_and_bare(sent: object) -> None:
    """Real servers wrap it, the reference does not; if a server does both, the inner one counts."""
    expected = models.Error("It is down.", "server_error", type="server_error")
    assert expected == error("error", sent)
    assert sent == decode("error", sent).raw


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("upstream timed out", "upstream timed out"),
        ("", ""),
        ('"a text"', "a text"),
        ('{"error": "a text"}', "a text"),
        ('["é", 1, true]', '["é", 1, true]'),
        ('{"error": {"message": {"a": null}}}', '{"a": null}'),
        ("503", "503"),
        ("null", "null"),
        ('{"error": null}', ""),
        ("{}", ""),
    ],
)
def test_an_error_in_any_other_shape_is_its_text(data: str, message: str) -> None:
    """Text that is not JSON and JSON that is not an object are delivered, never lost."""
    assert message == error("error", data).message


@pytest.mark.parametrize(
    ("code", "text"), [(429, "429"), (4.5, "4.5"), (True, "true"), ([1], "[1]"), ("a", "a")]
)
def test_a_code_that_is_not_text_becomes_text(code: object, text: str) -> None:
    """Some servers send the HTTP status."""
    for key in ("code", "param", "type"):
        assert text == getattr(error("error", {"error": {key: code}}), key)


def test_unknown_keys_of_an_error_are_kept() -> None:
    """They are in ``extra``, as for every payload."""
    assert {"event_id": "x"} == error("error", {"error": {"event_id": "x"}}).extra


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "param", "type", "event", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@given(JSON.map(json.dumps) | st.text())
def test_no_error_is_refused(data: str) -> None:
    """Whatever the data of ``error`` is, it is an error whose message is text."""
    if data != DONE:
        assert isinstance(error("error", data).message, str)


@given(st.sampled_from(["", "message", "done", *EVENTS]), JSON.map(json.dumps) | st.text())
def test_any_frame_is_one_event_or_a_decode_error(event: str, data: str) -> None:
    """Nothing else is raised, whatever name and data are."""
    try:
        decoded = decode(event, data)
    except DecodeError:
        return
    assert issubclass(decoded.event_class, events.WireEvent)


def test_only_the_dialect_itself_is_decoded_by_its_table() -> None:
    """A subclass may decode differently, so each of its frames goes to its ``decode``."""

    class Louder(AssistantsDialect):
        def decode(self, frame: ServerSentEvent) -> tuple[Decoded, ...]:
            seen.append(frame.event)
            return super().decode(frame)

    seen: list[str] = []
    assert AssistantsDialect().objects("x") is OBJECTS
    assert not Louder().objects("x").rows
    Stream(sse(run("created"), run("completed"), DONE_FRAME), dialect=Louder()).until_done()
    assert ["thread.run.created", "thread.run.completed", "done"] == seen
