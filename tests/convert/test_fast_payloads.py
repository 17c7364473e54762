"""Constructors make what cattrs makes, or report the value as unusual.

Rules of this file:

- Values are made from the payload classes themselves: mostly what a field is for, sometimes
  null, missing, unknown keys, or any JSON.
- Payloads are compared as they print: that shows every field, unknown keys too, and 12 is not
  12.0 there.
"""

from __future__ import annotations

import ast
import json
import random
from copy import deepcopy
from functools import cache, partial
from textwrap import dedent
from typing import TYPE_CHECKING, Any, get_args, get_origin

import pytest
from attrs import define, field, fields, has, resolve_types
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stream_core import environment, models
from stream_core.convert import fast_payloads
from stream_core.convert.fast_payloads import Unusual, constructor
from stream_core.convert.payloads import structure
from stream_core.dialects.assistants import EVENTS
from stream_core.errors import DecodeError
from stream_core.models.unions import is_tagged, members, tagged_union
from stream_core.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLASSES = sorted(
    (x for x in vars(models).values() if has(x) and issubclass(x, models.Payload)),
    key=lambda x: x.__name__,
)


@define(eq=False, repr=False)
class Loose(models.Payload):
    """A payload with fields of unknown type."""

    first: Any = None
    rest: Any = field(factory=list)


CLASSES.append(Loose)


@define(eq=False, repr=False)
class Needy(models.Payload):
    """A payload with a required field."""

    needed: str
    more: int = 0


@define(eq=False, repr=False)
class Table(models.Payload):
    """A payload with a list of lists."""

    rows: list[list[str]] = field(factory=list)
    wide: list[list[list[models.Usage]]] = field(factory=list)


@define(eq=False, repr=False)
class Fresh(models.Payload):
    """A payload that only a constructor has seen."""

    count: int = 0


# --- Both ways, compared ----------------------------------------------------------------


def made(cls: Any, value: object, *, fast: bool) -> tuple[str, object]:
    """Return what ``structure`` makes, or the paths of its error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", fast)
        try:
            return "made", repr(structure(cls, value))
        except DecodeError as error:
            return str(error), error.paths


def check(cls: Any, value: object) -> bool:
    """Check that both ways agree on VALUE; return whether the constructor accepted it."""
    before = deepcopy(value)
    ordinary = made(cls, value, fast=False)
    assert ordinary == made(cls, value, fast=True)
    try:
        payload = constructor(cls)(value)
    except Unusual:
        return False
    assert ordinary == ("made", repr(payload))
    assert before == value
    return True


# --- Values -----------------------------------------------------------------------------

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=3),
    int: st.integers() | st.just(12.0),
    float: st.floats(allow_nan=False) | st.integers(),
    bool: st.booleans(),
    dict: st.dictionaries(st.text(max_size=2), st.integers() | st.none(), max_size=2),
}

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(1.5) | st.sampled_from(["", "text", "12"]),
    lambda x: (
        st.lists(x, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "x", "extra", "raw"]), x, max_size=2)
    ),
    max_leaves=4,
)


@cache
def objects(cls: Any) -> st.SearchStrategy[Any]:
    """Return objects that are a CLS, or almost."""
    resolve_types(cls)
    known = {x.alias: later(x.type) for x in fields(cls)}
    known.pop("extra")
    unknown = dict.fromkeys(("extra", "unheard of", "_extra"), JUNK)
    return st.fixed_dictionaries({}, optional={**known, **unknown})


def later(kind: Any) -> st.SearchStrategy[Any]:
    """Return ``values(kind)``, made on demand, because it may be recursive."""
    return st.deferred(lambda: values(kind))


@cache
def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a field of type KIND, some of which are something else."""
    return st.integers(0, 11).flatmap(
        lambda n: JUNK if n == 0 else st.none() if n == 1 else right_values(kind)
    )


def with_type(tag: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return VALUE with TAG as its type."""
    return {**value, "type": tag}


def with_key(tag: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return VALUE with TAG as one of its keys."""
    return {tag: {}, **value}


@cache
def right_values(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a field of type KIND."""
    if is_tagged(kind):
        union = tagged_union(kind)
        made = [
            objects(cls).map(partial(dress, tag))
            for tag, cls in union.classes.items()
            for dress in (with_type, with_key)
        ]
        return st.one_of(*made, objects(union.unknown))
    found = members(kind)
    if found:
        return st.one_of(*(right_values(x) for x in found))
    if get_origin(kind) is list:
        inner = values(get_args(kind)[0])
        return st.lists(inner, max_size=3) | inner
    if kind is Any:
        return JUNK
    return objects(kind) if has(kind) else SCALARS[get_origin(kind) or kind]


def full(kind: Any) -> Any:
    """Return a value of type KIND with every field, as servers send it."""
    if is_tagged(kind):
        tag, cls = next(iter(tagged_union(kind).classes.items()))
        return {**full(cls), "type": tag}
    found = members(kind)
    if found:
        return full(found[0])
    if get_origin(kind) is list:
        return [full(get_args(kind)[0])]
    if has(kind):
        resolve_types(kind)
        aliases = {x.alias: x.type for x in fields(kind)}
        aliases.pop("extra")
        return {alias: full(inner) for alias, inner in aliases.items()}
    plain: dict[Any, Any] = {str: "a", int: 1, float: 1.5, bool: True, dict: {"k": None}, Any: [1]}
    return plain[get_origin(kind) or kind]


# --- Tests ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_full_and_empty_objects(cls: Any) -> None:
    """The constructor takes an object that has every field, one that has none, and nulls."""
    value = full(cls)
    assert check(cls, value)
    assert check(cls, {})
    assert check(cls, dict.fromkeys(value))
    assert check(cls, {**value, "unheard of": None, "extra": {"x": 1}})


@pytest.mark.parametrize("cls", CLASSES)
def test_no_object(cls: Any) -> None:
    """Anything but an object is unusual, and an error."""
    values: list[Any] = [None, 1, "text", [], [{}], True]
    for value in values:
        assert not check(cls, value)
        assert "made" != made(cls, value, fast=True)[0]


#: Values that some field does not accept, whatever its type.
WRONG: list[Any] = [None, "x", "", 5, 12.0, 1.5, True, {}, [], [None], [{}], [5], {"type": 5}]


@pytest.mark.parametrize("cls", CLASSES)
def test_each_field_with_a_wrong_value(cls: Any) -> None:
    """If any field has a wrong type, both ways give the same error."""
    value = full(cls)
    for key in value:
        for wrong in WRONG:
            check(cls, {**value, key: wrong})


@given(st.data())
@hypothesis_settings(max_examples=120)
def test_any_value(data: st.DataObject) -> None:
    """Both ways agree on any value of any class."""
    cls: Any = data.draw(st.sampled_from(CLASSES))
    check(cls, data.draw(objects(cls) | JUNK))


def test_constructors_are_made_once() -> None:
    """A class has one constructor."""
    cls: Any = models.Run
    assert constructor(cls) is constructor(cls)


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (models.MessageDelta, {"content": {"index": 0, "type": "text"}}),
        (models.TextDeltaBlock, {"index": 0.0}),
        (models.Run, {"tool_choice": 5}),
        (models.Message, {"content": ["text"]}),
    ],
)
def test_unusual(cls: Any, value: object) -> None:
    """Values that the ordinary path mends or explains are not for a constructor."""
    with pytest.raises(Unusual):
        constructor(cls)(value)


def test_a_string_or_an_object() -> None:
    """A constructor takes either, if both are right."""
    assert check(models.Run, {"tool_choice": "auto"})
    choice = {"type": "function", "function": {"name": "f"}}
    assert check(models.Run, {"tool_choice": choice})


def test_the_first_object_of_a_class_is_made_with_care() -> None:
    """Though nobody has looked at the types of its fields before."""
    make: Any = constructor(Fresh)
    assert 5 == make({"count": 5}).count
    with pytest.raises(Unusual):
        make({"count": "5"})


def test_field_that_must_be_there() -> None:
    """If a field without a default is missing or null, the ordinary path reports it."""
    assert check(Needy, {"needed": "x", "more": None})
    assert not check(Needy, {"needed": None})
    with pytest.raises(DecodeError, match="needed"):
        structure(Needy, {})


def test_lists_of_lists() -> None:
    """Lists may be nested; the inner ones are not shared either."""
    value: Any = {"rows": [["a", "b"], [], ["c"]], "wide": [[[{"total_tokens": 1}], []], []]}
    assert check(Table, value)
    assert not check(Table, {"rows": [["a"], "b"]})
    assert not check(Table, {"rows": [[5]]})
    cls: Any = Table
    assert value["rows"][0] is not constructor(cls)(value).rows[0]


@pytest.mark.parametrize("tag", ["", "hologram", "Text", 5, True, 1.5, [], {}, ["text"]])
def test_tags_of_no_class(tag: object) -> None:
    """A tag that is not in the table makes the union's Unknown, if it is a string."""
    is_text = isinstance(tag, str)
    assert is_text == check(models.Message, {"content": [{"type": tag, "text": {"value": "x"}}]})
    assert is_text == check(models.RunStep, {"step_details": {"type": tag, "tool_calls": 5}})


@pytest.mark.parametrize("cls", CLASSES)
def test_nothing_is_lost_without_init(cls: Any) -> None:
    """``__init__`` would only put values into slots: it can be skipped."""
    assert not hasattr(cls, "__attrs_post_init__")
    for attribute in fields(cls):
        assert attribute.validator is None
        assert attribute.converter is None
        assert attribute.init


def test_a_text_that_was_made_grows() -> None:
    """A stream can append to a payload, however that was made."""
    cls: Any = models.Text
    text = constructor(cls)({"value": "a", "annotations": [{"index": 3}]})
    text.grow("b")
    assert "ab" == text.value
    assert [3] == list(text.by_index(text.annotations))


def test_classes_inside_are_generated_when_they_come() -> None:
    """A class has no function before its first object comes, and one from then on."""
    constructor.cache_clear()
    cls: Any = models.Run
    make = constructor(cls)
    make({"tools": [], "usage": None})
    assert 1 == constructor.cache_info().currsize
    for _ in range(2):
        make({"tools": [{"type": "function"}], "usage": {}})
        assert 3 == constructor.cache_info().currsize


def test_docstring_shows_what_is_generated() -> None:
    """The function in the module's docstring is the one for ``ImageFile``."""
    aliases = [x for x in fields(models.ImageFile) if x.alias != "extra"]
    generated = "\n".join(fast_payloads._lines(aliases, {"keys": ()}))
    text = fast_payloads.__doc__
    assert text is not None
    start = text.index("    def construct(d):")
    shown = dedent(text[start : text.index("return made") + len("return made")])
    assert ast.dump(ast.parse(generated)) == ast.dump(ast.parse(shown))


def test_shares_what_is_kept_whole() -> None:
    """Nested dicts of unknown form are kept as they are, as ``structure`` promises."""
    cls: Any = models.Message
    value: Any = {"metadata": {"a": "b"}, "content": [{"type": "hologram", "x": 1}]}
    message = constructor(cls)(value)
    assert message.metadata is value["metadata"]
    assert message.content[0].raw is value["content"][0]


def test_lists_are_not_shared() -> None:
    """A list of strings is a new list, so that a growing payload changes no JSON."""
    classes: list[Any] = CLASSES
    for cls in classes:
        value = full(cls)
        payload = constructor(cls)(value)
        for key, item in value.items():
            if isinstance(item, list) and key != "raw":
                name = next(x.name for x in fields(cls) if x.alias == key)
                kind = next(x.type for x in fields(cls) if x.alias == key)
                assert kind is Any or item is not getattr(payload, name)


# --- Recordings -------------------------------------------------------------------------


def recorded(folder: Path) -> Iterator[tuple[Any, Any]]:
    """Return class and value of every recorded payload."""
    for name in ("assistants", "azure_agents", "servers"):
        for path in sorted((folder / name).glob("*.sse")):
            decoder = SSEDecoder()
            decoder.feed(path.read_bytes())
            decoder.close()
            for frame in iter(decoder.next_frame, None):
                if frame.event in EVENTS and frame.event not in ("done", "error"):
                    try:
                        yield EVENTS[frame.event][1], json.loads(frame.data)
                    except ValueError:
                        continue


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Return every dict or list in VALUE with each of its keys or indexes."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(inside):
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


def test_recordings(wire: Path) -> None:
    """Both ways agree on real payloads, nearly all made fast, and on those with a wrong value."""
    chance = random.Random(1)
    taken = []
    for number, (cls, value) in enumerate(recorded(wire)):
        taken.append(check(cls, value))
        found = list(places(value)) if number % 5 == 0 else []
        for container, key in chance.sample(found, min(2, len(found))):
            kept = container[key]
            for wrong in (None, 5, "x", [], {}, [kept], {"type": kept}):
                container[key] = wrong
                check(cls, value)
            container[key] = kept
    assert 0.9 < sum(taken) / len(taken)
