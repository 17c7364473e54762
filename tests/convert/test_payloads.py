"""JSON values become payloads and come back, and errors are named with their path.

Rules of this file:

- Rules for every field are tested for every field of every class, from the annotations:
  :func:`right` and :func:`wrong` say what each annotation means.
- :func:`made` goes both ways, with constructors and with the converter alone, and fails
  if they differ in anything: value, error sentence, paths.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

import pytest
from attrs import define, field, fields, has, resolve_types
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stream_core import environment, models
from stream_core.convert import json_text
from stream_core.convert.payloads import (
    KINDS,
    WrongTypeError,
    converter_with,
    list_hook,
    show,
    strict,
    structure,
    unstructure,
    validated,
)
from stream_core.dialects.assistants import EVENTS
from stream_core.errors import DecodeError
from stream_core.models import Growing, Payload, tools
from stream_core.models.unions import UNIONS, is_tagged, members, tagged_union
from stream_core.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream_core.convert.payloads import Row

PAYLOADS: list[type[Payload]] = [
    cls
    for cls in map(models.__dict__.get, models.__all__)
    if isinstance(cls, type) and issubclass(cls, Payload) and cls not in (Payload, Growing)
]
#: The classes whose fields are all needed: nothing that a stream sends is one of them by itself.
STRICT = [cls for cls in PAYLOADS if cls.NEEDED is None]

EMPTY: tuple[Any, ...] = (None, "", [], {})


def types_of(cls: type[Any]) -> dict[str, Any]:
    """Return the JSON keys that CLS knows, with their annotations."""
    resolve_types(cls)
    return {x.alias: x.type for x in fields(cls) if x.alias not in ("extra", "raw")}


FIELDS = [(cls, key, kind) for cls in PAYLOADS for key, kind in types_of(cls).items()]

each_payload = pytest.mark.parametrize("cls", PAYLOADS, ids=lambda cls: str(cls.__name__))
each_field = pytest.mark.parametrize(
    ("cls", "key", "kind"), FIELDS, ids=[f"{cls.__name__}.{key}" for cls, key, _ in FIELDS]
)


def made(cls: type[Any], value: object) -> Any:
    """Structure VALUE both ways; the results, or the errors, must be the same."""
    outcomes: list[Any] = []
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(environment, "FAST", fast)
            try:
                outcomes.append(structure(cls, value))
            except DecodeError as error:
                outcomes.append(error)
    fast_one, slow_one = outcomes
    assert type(slow_one) is type(fast_one)
    assert repr(slow_one) == repr(fast_one)
    if isinstance(slow_one, DecodeError):
        assert slow_one.paths == fast_one.paths
        raise slow_one
    assert slow_one == fast_one
    return fast_one


def paths(cls: type[Any], value: object) -> tuple[str, ...]:
    """Return the paths of the error for VALUE."""
    with pytest.raises(DecodeError, match=f"^the data is not a {cls.__name__}: \\$") as caught:
        made(cls, value)
    return caught.value.paths


def bare(kind: Any) -> Any:
    """Return X for ``X | None``, or else KIND."""
    found = members(kind)
    return found[0] if len(found) == 1 else kind


def right(kind: Any) -> Any:
    """Return a JSON value that KIND accepts and that is not empty."""
    kind = bare(kind)
    if kind in (str, int, float, bool):
        return {str: "a", int: 5, float: 1.5, bool: True}[kind]
    if get_origin(kind) is list:
        return [right(get_args(kind)[0])]
    if is_tagged(kind):
        return {"type": "of_tomorrow", "a": 1}
    return {"a": 1}


def wrong(kind: Any) -> Iterator[tuple[Any, str, str]]:
    """Return JSON values that KIND refuses, each with the place and the sentence of the error."""
    kind = bare(kind)
    refused: dict[Any, tuple[str, list[Any]]] = {
        str: ("a string", [5, 1.5, True, [], {}]),
        int: ("an integer", ["a", "-5", "5" * 20, 1.5, False, [], {}]),
        float: ("a number", ["1.5", True, [], {}]),
        bool: ("true or false", ["true", 0, 1.0, [], {}]),
        list: ("a list", ["a", 5, True]),
        dict: ("an object", ["a", 5, True, []]),
    }
    origin = get_origin(kind) or kind
    sort, values = refused.get(origin, refused[dict])
    if str in members(kind):
        values = [5, True, []]
    for value in values:
        yield value, "", f"{shown(value)} is not {sort}"
    if origin is list:
        (item,) = get_args(kind)
        for value, where, sentence in wrong(item):
            yield [right(item), value], f"[1]{where}", sentence


def is_needed(cls: type[Payload], key: str) -> bool:
    """Return whether a wrong value of a field ends a stream."""
    return cls.NEEDED is None or key in cls.NEEDED


each_list = pytest.mark.parametrize(
    ("cls", "key", "item"),
    [
        pytest.param(cls, key, get_args(bare(kind))[0], id=f"{cls.__name__}.{key}")
        for cls, key, kind in FIELDS
        if get_origin(bare(kind)) is list
    ],
)


def kept(cls: type[Any], sent: dict[str, Any]) -> bool:
    """Return whether SENT gives a CLS with defaults only, and all of it is kept as sent."""
    payload, expected = made(cls, sent), cls()
    if hasattr(expected, "raw"):
        expected.raw = sent
    elif sent:
        expected.keep_extra(sent)
    return bool(expected == payload)


def shown(value: object) -> str:
    """Return VALUE as an error sentence shows it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value) if isinstance(value, str) else json.dumps(value)


# --- Every field of every class ---------------------------------------------------------


@each_payload
def test_an_empty_object_is_a_payload_of_defaults(cls: type[Payload]) -> None:
    """No key is required."""
    assert cls() == made(cls, {})


@each_payload
def test_null_is_missing(cls: type[Payload]) -> None:
    """A null leaves the field at its default, whatever the annotation says."""
    for key in types_of(cls):
        sent = {key: None}
        expected: Any = cls()
        if hasattr(expected, "raw"):
            expected.raw = sent
        assert expected == made(cls, sent)


@each_payload
def test_a_value_of_the_right_type_is_taken(cls: type[Payload]) -> None:
    """A good value reaches its field, and goes back as it came."""
    for key, kind in types_of(cls).items():
        sent = {key: right(kind)}
        payload = made(cls, sent)
        assert {} == payload.extra
        for kept in (unstructure(payload), {key: unstructure(getattr(payload, key))}):
            assert [] == [*lost(sent, kept), *added(sent, kept)]


@each_field
def test_a_needed_value_of_the_wrong_type_is_named_with_its_path(
    cls: type[Payload], key: str, kind: Any
) -> None:
    """Each is refused with the JSON path of the field and the mistake; others are in ``extra``."""
    for value, where, sentence in wrong(kind):
        if is_needed(cls, key):
            assert (f"$.{key}{where}: {sentence}",) == paths(cls, {key: value})
        else:
            assert kept(cls, {key: value})


@each_list
def test_a_null_in_a_list_is_named_too(cls: type[Payload], key: str, item: Any) -> None:
    """Only a field can be missing; an item of a list cannot."""
    sort = "a string" if bare(item) is str else "an object"
    if is_needed(cls, key):
        assert (f"$.{key}[0]: null is not {sort}",) == paths(cls, {key: [None]})
    else:
        assert kept(cls, {key: [None]})


@each_list
def test_one_object_where_a_list_belongs_is_a_list_of_one(
    cls: type[Payload], key: str, item: Any
) -> None:
    """A single object is accepted, as the first of a list; a text is not."""
    if item is not str:
        assert made(cls, {key: [right(item)]}) == made(cls, {key: right(item)})


@each_payload
def test_all_fields_at_once(cls: type[Payload]) -> None:
    """Every field is kept if all are there; if all are bad, each that is needed is named."""
    kinds = types_of(cls)
    sent = {key: right(kind) for key, kind in kinds.items()}
    assert [] == list(lost(sent, unstructure(made(cls, sent))))
    bad = {key: next(wrong(kind)) for key, kind in kinds.items()}
    values = {key: value for key, (value, _, _) in bad.items()}
    expected = [
        f"$.{key}{where}: {sentence}"
        for key, (_, where, sentence) in bad.items()
        if is_needed(cls, key)
    ]
    if expected:
        assert sorted(expected) == sorted(paths(cls, values))
    else:
        assert kept(cls, values)


def test_what_is_not_needed_goes_back_as_it_came() -> None:
    """A value that no field can hold is in ``extra``, and is written again, at any depth."""
    sent = {"id": "run_1", "created_at": "now", "usage": {"total_tokens": 3, "x": [], "y": 1}}
    run = made(models.Run, sent)
    assert ({"created_at": "now"}, None) == (run.extra, run.created_at)
    assert ({"x": [], "y": 1}, 3) == (run.usage.extra, run.usage.total_tokens)
    assert [] == list(lost(sent, unstructure(run)))


@pytest.mark.parametrize("host", [models.Text, models.TextDelta])
def test_unknown_keys_on_annotations_are_in_their_extra(host: type[Payload]) -> None:
    """What a server adds to a citation is there as sent, at the depth at which it was sent."""
    cited = {"url": "u", "title": "t", "content": "SNIPPET"}
    more = {"additional_properties": {"get_url": "GETURL"}, "confidence": None}
    for kind, key in (
        ("url_citation", "url_citation"),
        ("file_citation", "file_citation"),
        ("file_path", "file_path"),
    ):
        sent = {"type": kind, "start_index": 0, "end_index": "two", key: cited, **more}
        (annotation,) = made(host, {"value": "a", "annotations": [sent]}).annotations
        assert {**more, "end_index": "two"} == annotation.extra
        assert ("SNIPPET", 0, None) == (
            getattr(annotation, key).extra["content"],
            annotation.start_index,
            annotation.end_index,
        )
        assert "SNIPPET" in repr(annotation)
        assert "GETURL" in repr(annotation)


def test_a_tool_that_does_not_fit_its_class_is_kept_whole() -> None:
    """The tools of a run are not needed, so one that is odd takes none away from the others."""
    odd = {"type": "mcp", "allowed_tools": {"tool_names": ["a"]}}
    run = made(models.Run, {"tools": [{"type": "file_search"}, odd]})
    assert [models.FileSearchTool(), models.UnknownTool("mcp", odd)] == run.tools


def test_classes_whose_fields_are_all_needed() -> None:
    """They are settings, and answers that are no part of a stream."""
    others = set(STRICT) - {getattr(models, name) for name in tools.__all__}
    assert {models.Assistant, models.Deleted} == others


@each_payload
def test_unknown_keys_survive(cls: type[Payload]) -> None:
    """Unknown keys are in ``extra`` (for an unknown type, in ``raw``) and come back."""
    sent = {"of_tomorrow": {"a": [None, ""]}, "extra": 5, "_extra": None, "type_": ""}
    payload = made(cls, sent)
    kept: object = getattr(payload, "raw", payload.extra)
    assert sent == kept
    assert sent.items() <= unstructure(payload).items()


@each_payload
def test_what_is_no_object_is_no_payload(cls: type[Payload]) -> None:
    """The path of the whole is ``$``."""
    values: list[Any] = [None, True, 5, 1.5, "a", []]
    for value in values:
        assert (f"$: {shown(value)} is not an object",) == paths(cls, value)


# --- Scalars ----------------------------------------------------------------------------


def test_a_whole_float_is_an_integer() -> None:
    """12.0 is accepted as 12, and so is "12"; a float with a fraction is refused."""
    for sent in (12.0, "12", "012"):
        usage = made(models.Usage, {"total_tokens": sent})
        assert (int, 12) == (type(usage.total_tokens), usage.total_tokens)
    delta: Any = models.FunctionToolCallDelta
    assert ("$.index: 12.5 is not an integer",) == paths(delta, {"index": 12.5})
    assert ("$.index: inf is not an integer",) == paths(delta, {"index": math.inf})
    for text in ("", " 1", "1.0", "\u0661", "\u00b2"):
        assert (f"$.index: {text!r} is not an integer",) == paths(delta, {"index": text})


def test_a_float_may_be_an_integer_and_stays_one() -> None:
    """Times are seconds, with or without a fraction, as sent."""
    times = [made(models.Run, {"created_at": value}).created_at for value in (1, 1.0, 1.5, 0, -0.0)]
    assert [(int, 1), (float, 1.0), (float, 1.5), (int, 0), (float, 0.0)] == [
        (type(time), time) for time in times
    ]


def test_true_is_no_number_and_one_is_not_true() -> None:
    """Python's ``True == 1`` opens no back door."""
    assert kept(
        models.Run, {"parallel_tool_calls": 1, "created_at": True, "max_prompt_tokens": False}
    )
    sent = {"created_at": True, "temperature": False}
    assert (
        "$.created_at: true is not a number",
        "$.temperature: false is not a number",
    ) == paths(models.Assistant, sent)
    assert ("$.deleted: 1 is not true or false",) == paths(models.Deleted, {"deleted": 1})


def test_half_a_surrogate_pair_is_a_string() -> None:
    """An escape that a server cut in two is kept, and never an error."""
    assert "\ud83d" == made(models.Text, {"value": "\ud83d"}).value


def test_zero_and_false_are_not_empty() -> None:
    """They are values: they come back."""
    sent = {"temperature": 0, "parallel_tool_calls": False}
    assert sent.items() <= unstructure(made(models.Run, sent)).items()


def test_a_choice_is_a_text_or_an_object() -> None:
    """``"auto"`` stays a string, an object becomes its class, and anything else is refused."""
    sent = {"tool_choice": "auto", "response_format": {"type": "json_object"}}
    run = made(models.Run, sent)
    assert "auto" == run.tool_choice
    assert models.ResponseFormat("json_object") == run.response_format
    assert kept(models.Run, {"tool_choice": {"function": {"name": 5}}})
    assert ("$.response_format.type: 5 is not a string",) == paths(
        models.Assistant, {"response_format": {"type": 5}}
    )


# --- Unions -----------------------------------------------------------------------------


def hosts() -> Iterator[tuple[type[Payload], str, Any, bool]]:
    """Return every field that holds a tagged union, or a list of one."""
    for cls, key, kind in FIELDS:
        inner = get_args(bare(kind))[0] if get_origin(bare(kind)) is list else kind
        if is_tagged(inner):
            yield cls, key, inner, inner is not kind


def test_every_union_is_somewhere() -> None:
    """Every row of the table is in use, and every Unknown class belongs to one."""
    used = {tagged_union(kind).unknown for _, _, kind, _ in hosts()}
    unknown = {cls for cls in PAYLOADS if cls.__name__.startswith("Unknown")}
    assert unknown == used == {union.unknown for union in UNIONS}


@pytest.mark.parametrize(
    ("cls", "key", "kind", "is_list"),
    list(hosts()),
    ids=[f"{cls.__name__}.{key}" for cls, key, _, _ in hosts()],
)
class TestUnion:
    """The rules for each field that holds a union."""

    def make(self, cls: type[Payload], key: str, item: object, *, is_list: bool) -> Any:
        """Make a CLS with one ITEM and return that."""
        value = getattr(made(cls, {key: [item] if is_list else item}), key)
        return value[0] if is_list else value

    def test_the_tag_decides(self, cls: type[Payload], key: str, kind: Any, is_list: bool) -> None:
        """Every tag of the table gives its class, and every class has a tag."""
        union = tagged_union(kind)
        for tag, member in union.classes.items():
            item = self.make(cls, key, {"type": tag}, is_list=is_list)
            assert member(type=tag) == item
        assert {*union.classes.values(), union.unknown} == set(members(kind))

    def test_the_tag_is_stronger_than_keys(
        self, cls: type[Payload], key: str, kind: Any, is_list: bool
    ) -> None:
        """Keys that belong to another type do not matter if there is a tag."""
        union = tagged_union(kind)
        first, *_, last = union.classes
        item = self.make(cls, key, {"type": first, last: 5}, is_list=is_list)
        assert (union.classes[first], {last: 5}) == (type(item), item.extra)

    def test_an_unknown_tag_keeps_everything(
        self, cls: type[Payload], key: str, kind: Any, is_list: bool
    ) -> None:
        """An object of an unknown type keeps its type, and all of it in ``raw``, nulls included."""
        sent = {"type": "of_tomorrow", "a": {"b": None}, "raw": 5}
        item = self.make(cls, key, sent, is_list=is_list)
        assert tagged_union(kind).unknown is type(item)
        assert ("of_tomorrow", sent, {}) == (item.type, item.raw, item.extra)
        assert sent == unstructure(item)

    def test_without_a_tag_the_member_key_decides(
        self, cls: type[Payload], key: str, kind: Any, is_list: bool
    ) -> None:
        """A fragment without ``type`` is known by the one key that only its type has."""
        union = tagged_union(kind)
        decided = 0
        for tag, member in union.classes.items():
            if tag in types_of(member):
                nulls = dict.fromkeys(union.classes, None)
                sent = {"type": None, **nulls, tag: right(types_of(member)[tag])}
                item = self.make(cls, key, sent, is_list=is_list)
                assert (member, tag) == (type(item), item.type)
                decided += 1
        assert decided

    def test_without_tag_and_key_it_is_unknown(
        self, cls: type[Payload], key: str, kind: Any, is_list: bool
    ) -> None:
        """An object that cannot be identified is kept as unknown, without a type."""
        sent = {"a": 1, next(iter(tagged_union(kind).classes)): None}
        item = self.make(cls, key, sent, is_list=is_list)
        assert tagged_union(kind).unknown(raw=sent) == item

    def test_a_tag_that_is_no_text_is_missing(
        self, cls: type[Payload], key: str, kind: Any, is_list: bool
    ) -> None:
        """A number is not a tag: the member key decides, and without one it is unknown."""
        union, tags = tagged_union(kind), [5, [], {}, False]
        for tag in tags:
            sent = {"type": tag}
            assert union.unknown(raw=sent) == self.make(cls, key, sent, is_list=is_list)
        for name, member in union.classes.items():
            if name in types_of(member) and not union.forgiving:
                sent = {"type": 5, name: right(types_of(member)[name])}
                item = self.make(cls, key, sent, is_list=is_list)
                assert (member, name, {"type": 5}) == (type(item), item.type, item.extra)


def test_an_unknown_payload_made_by_hand_is_written_from_its_fields() -> None:
    """Without ``raw`` it is written from its fields."""
    assert {"type": "bing_grounding"} == unstructure(models.UnknownTool("bing_grounding"))
    assert {} == unstructure(models.UnknownTool())


# --- Errors -----------------------------------------------------------------------------


def test_all_bad_fields_are_named_at_once() -> None:
    """The sentence has the class and every path, down through objects and lists."""
    sent = {
        "id": 5,
        "model": None,
        "created_at": "today",
        "required_action": {
            "submit_tool_outputs": {
                "tool_calls": [
                    {"id": "call_1"},
                    {"id": [], "function": {"name": True, "arguments": {}}},
                    7,
                ]
            }
        },
    }
    with pytest.raises(DecodeError) as caught:
        made(models.Run, sent)
    calls = "$.required_action.submit_tool_outputs.tool_calls"
    assert (
        "the data is not a Run: $.id: 5 is not a string; "
        f"{calls}[1].id: a list is not a string; "
        f"{calls}[1].function.name: true is not a string; "
        f"{calls}[1].function.arguments: an object is not a string; "
        f"{calls}[2]: 7 is not an object"
    ) == str(caught.value)
    assert 5 == len(caught.value.paths)
    assert ("", None, None) == (caught.value.frame, caught.value.event, caught.value.offset)
    assert caught.value.__cause__ is not None


def test_a_delta_with_a_bad_text_says_where() -> None:
    """The path leads to the value, the way it is written in JSON."""
    sent = {"delta": {"content": [{"index": 0, "type": "text", "text": {"value": 5}}]}}
    assert ("$.delta.content[0].text.value: 5 is not a string",) == paths(
        models.MessageDeltaEvent, sent
    )


def test_values_that_look_like_paths_do_not_confuse() -> None:
    """A bad value is quoted as it is, even if it contains the separators of a message."""
    sent = {"created_at": "a @ $.b: c"}
    assert ("$.created_at: 'a @ $.b: c' is not a number",) == paths(models.Assistant, sent)


def test_only_the_start_of_a_long_value_is_shown() -> None:
    """60 characters are enough to find it; line ends are escaped."""
    (short,) = paths(models.Assistant, {"created_at": "x" * 58})
    assert f"$.created_at: '{'x' * 58}' is not a number" == short
    (long,) = paths(models.Assistant, {"created_at": "\n" + "x" * 1_000_000})
    assert f"$.created_at: '\\n{'x' * 57}... is not a number" == long


# --- Sizes ------------------------------------------------------------------------------


def test_a_huge_list() -> None:
    """Ten thousand parts are accepted, and a bad one is found."""
    content: list[Any] = [{"type": "text", "text": {"value": "a"}}] * 10_000
    message = made(models.Message, {"content": content})
    assert "a" * 10_000 == message.text
    content = [*content, {"type": "text", "text": {"value": 5}}]
    assert ("$.content[10000].text.value: 5 is not a string",) == paths(
        models.Message, {"content": content}
    )


def test_nesting_is_followed_only_as_far_as_the_payloads_go() -> None:
    """What is kept as sent may be nested as deep as JSON text can be."""
    deep = json_text.loads("[" * 120 + "]" * 120)
    sent = {"metadata": {"a": deep}, "of_tomorrow": deep, "tools": [{"type": "x", "a": deep}]}
    run = made(models.Run, sent)
    assert (deep, deep) == (run.metadata["a"], run.extra["of_tomorrow"])
    assert sent.items() <= unstructure(run).items()
    assert kept(models.Run, {"metadata": deep})
    assert ("$.metadata: a list is not an object",) == paths(models.Assistant, {"metadata": deep})


# --- There and back ---------------------------------------------------------------------


def test_lists_and_dicts_of_payloads_are_written_too() -> None:
    """``unstructure`` goes through containers of payloads, and leaves other values alone."""
    path = models.FilePath("file_1")
    assert {"a": [{"file_id": "file_1"}], "b": 5} == unstructure({"a": [path], "b": 5})
    assert [None, "", 5] == unstructure([None, "", 5])


def test_a_live_payload_is_written_as_it_is_now() -> None:
    """A text that grew is written whole."""
    text = models.Text()
    text.grow("a")
    text.grow("b")
    assert {"value": "ab"} == unstructure(text)


def test_a_payload_does_not_change_with_the_value_it_was_made_of() -> None:
    """Lists are the payload's own; only nested dicts may be shared."""
    tools: list[Any] = []
    resources: dict[str, Any] = {"tools": tools, "allowed_tools": ["a"]}
    run, tool = made(models.Run, resources), made(models.MCPTool, resources)
    tools.append({})
    resources["allowed_tools"].append("b")
    assert ([], ["a"]) == (run.tools, tool.allowed_tools)


def lost(sent: Any, kept: Any, path: str = "$") -> Iterator[str]:
    """Return the paths of what is in SENT and not in KEPT, except nulls and empty values."""
    if sent in EMPTY or (isinstance(sent, str) and type(kept) is int and int(sent) == kept):
        return
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            yield from lost(value, kept.get(key), f"{path}.{key}")
    elif isinstance(sent, dict) and isinstance(kept, list):
        yield from lost([sent], kept, path)
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for index, value in enumerate(sent):
            yield from lost(value, kept[index], f"{path}[{index}]")
    elif sent != kept or isinstance(sent, bool) is not isinstance(kept, bool):
        yield path


def added(sent: Any, kept: Any, path: str = "$") -> Iterator[str]:
    """Return the paths of what is in KEPT and not in SENT, except the defaults of the class."""
    if isinstance(kept, dict):
        for key, value in kept.items():
            if key in sent:
                yield from added(sent[key], value, f"{path}.{key}")
            elif isinstance(value, dict):
                yield from added({}, value, f"{path}.{key}")
            elif key not in ("type", "object") and value != 0:
                yield f"{path}.{key}"
    elif isinstance(kept, list):
        for index, value in enumerate(kept):
            yield from added(sent[index], value, f"{path}[{index}]")


@pytest.mark.parametrize("folder", ["assistants", "azure_agents", "servers"])
def test_recorded_payloads_come_back_as_they_were(wire: Path, folder: str) -> None:
    """Of every recorded payload nothing is lost and nothing is added, except empty values."""
    seen = 0
    for path in sorted((wire / folder).glob("*.sse")):
        decoder = SSEDecoder()
        decoder.feed(path.read_bytes())
        decoder.close()
        for frame in iter(decoder.next_frame, None):
            if frame.event not in EVENTS or frame.event in ("done", "error"):
                continue
            try:
                sent = json_text.loads(frame.data)
            except ValueError:
                continue  # the malformed examples of the reference
            kept = unstructure(made(EVENTS[frame.event][1], sent))
            assert [] == [*lost(sent, kept), *added(sent, kept)], f"{path.name}: {frame.event}"
            seen += 1
    assert seen > 40


# --- Anything at all --------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=()), max_size=4)
KEYS = st.sampled_from(sorted({key for _, key, _ in FIELDS} | {"extra", "raw", "a"})) | TEXTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)


@cache
def nearly(kind: Any) -> st.SearchStrategy[Any]:
    """Return JSON values of which most fit KIND, down to the last field."""
    kind = bare(kind)
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return st.lists(nearly(item), max_size=3) | nearly(item)
    if is_tagged(kind):
        tags = st.sampled_from([*tagged_union(kind).classes, "of_tomorrow", None])
        return st.one_of([st.builds(tagged, nearly(member), tags) for member in members(kind)])
    if has(kind):
        optional = {key: nearly(annotation) for key, annotation in types_of(kind).items()}
        return st.fixed_dictionaries({}, optional={**optional, "a": ANYTHING}) | ANYTHING
    scalars = {str: TEXTS, int: st.integers(), float: st.floats(allow_nan=False)}
    return scalars.get(kind, ANYTHING)


def tagged(value: Any, tag: str | None) -> Any:
    """Add a tag to VALUE, if it is an object."""
    return {**value, "type": tag} if isinstance(value, dict) else value


def cases(cls: Any) -> st.SearchStrategy[tuple[Any, Any]]:
    """Return CLS with values for it."""
    return st.tuples(st.just(cls), nearly(cls))


@hypothesis_settings(max_examples=300)
@given(st.sampled_from(PAYLOADS).flatmap(cases))
def test_any_value_is_a_payload_or_a_decode_error(case: tuple[Any, Any]) -> None:
    """No JSON value raises another error or loses anything; a payload can be read again."""
    cls, value = case
    try:
        payload = made(cls, value)
    except DecodeError as error:
        payload = error
    if isinstance(payload, DecodeError):
        assert payload.paths
        assert all(path.startswith("$") for path in payload.paths)
        return
    assert cls is type(payload)
    once = unstructure(payload)
    assert [] == list(lost(value, once))
    assert once == json.loads(json.dumps(once))
    # What was empty has become the default; after that nothing changes any more.
    twice = unstructure(made(cls, once))
    assert twice == unstructure(made(cls, twice))


# --- Converters of other tables ---------------------------------------------------------


@define
class Node:
    """Contains itself, directly and in a list."""

    name: str
    below: list[Node] = field(factory=list)
    beside: dict[str, Node] = field(factory=dict)


def upper(value: object, _: object) -> str:
    """Make a text loud."""
    if not isinstance(value, str):
        raise WrongTypeError(f"{show(value)} is not {KINDS[str]}")
    return value.upper()


ROWS: list[Row] = [
    (lambda kind: kind is str, lambda _kind, _converter: upper),
    (lambda kind: kind == list[Node], list_hook),
    (lambda kind: kind == dict[str, Node], lambda kind, made: made.gen_structure_mapping(kind)),
    (has, lambda kind, made: made.gen_structure_attrs_fromdict(kind)),
    (lambda _: True, lambda kind, _converter: strict(kind)),
]


def test_a_converter_goes_by_its_table() -> None:
    """The first row that accepts a type decides, also for types nested in another."""
    converter = converter_with(ROWS)
    value = {"name": "a", "below": [{"name": "b"}], "beside": {"c": {"name": "d"}}}
    made = validated(converter.get_structure_hook(Node), value, Node, message="no")
    assert Node("A", [Node("B")], {"C": Node("D")}) == made
    assert 5 == converter.get_structure_hook(int)(5.0, int)


def test_a_hook_is_made_once_for_each_type() -> None:
    """A hook from a table is kept, and not shared with another converter."""
    converter = converter_with(ROWS)
    assert converter.get_structure_hook(Node) is converter.get_structure_hook(Node)
    assert converter.get_structure_hook(Node) is not converter_with(ROWS).get_structure_hook(Node)


def test_settings_go_to_the_converter() -> None:
    """They have cattrs' own names."""
    converter = converter_with(ROWS, forbid_extra_keys=True)
    hook = converter.get_structure_hook(Node)
    with pytest.raises(DecodeError, match=r"^no: \$: Extra fields"):
        validated(hook, {"name": "a", "more": 1}, Node, message="no")


def test_each_error_can_be_said_in_other_words() -> None:
    """The sentence is made from the error and the intended type, in the order of the paths."""
    hook = converter_with(ROWS).get_structure_hook(Node)
    with pytest.raises(DecodeError) as caught:
        validated(
            hook,
            {"name": 5, "below": {}, "beside": {" @ ": {"name": None}}},
            Node,
            message="no",
            sentence=lambda error, kind: f"{error.args[0]}, a {kind} @ home",
        )
    assert (
        f"$.name: 5 is not a string, a {str} @ home",
        f"$.below: an object is not a list, a {list[Node]} @ home",
        f"$.beside[' @ '].name: null is not a string, a {str} @ home",
    ) == caught.value.paths
