"""The base classes of payloads: equality, text form, unknown keys, and texts that grow."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from attrs import fields
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import models
from stream_core.models.base import Growing, Payload, Record, evolve

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS: list[type[Payload]] = [
    cls
    for cls in map(models.__dict__.get, models.__all__)
    if isinstance(cls, type) and issubclass(cls, Payload) and cls not in (Payload, Growing)
]
GROWING: list[type[Growing]] = [cls for cls in PAYLOADS if issubclass(cls, Growing)]

each_payload = pytest.mark.parametrize("cls", PAYLOADS, ids=lambda cls: str(cls.__name__))
each_growing = pytest.mark.parametrize("cls", GROWING, ids=lambda cls: str(cls.__name__))


def grown(cls: type[Growing], *pieces: str) -> Growing:
    """Return a CLS that grew by PIECES."""
    made = cls()
    for piece in pieces:
        made.grow(piece)
    return made


def whole(cls: type[Growing], text: str | None) -> Growing:
    """Return a CLS that has TEXT from the start."""
    values: dict[str, Any] = {cls.GROWS: text}
    return cls(**values)


def text_of(growing: Growing) -> object:
    """Read the field that grows."""
    return getattr(growing, growing.GROWS)


# --- All payloads -----------------------------------------------------------------------


@each_payload
def test_every_field_has_an_empty_default(cls: type[Payload]) -> None:
    """A payload can be made without arguments, and its only content is then its type."""
    made = cls()
    for attribute in fields(cls):
        value = getattr(made, attribute.alias)
        if attribute.alias not in ("type", "object"):
            assert not value or (isinstance(value, Payload) and value == type(value)())
    assert {} == made.extra


@each_payload
def test_no_two_payloads_share_a_default(cls: type[Payload]) -> None:
    """Lists, dicts and objects are made anew for each payload."""
    one, two = cls(), cls()
    for attribute in fields(cls):
        value = getattr(one, attribute.name)
        if isinstance(value, list | dict | Payload):
            assert value is not getattr(two, attribute.name)


@each_payload
def test_payloads_are_documented(cls: type[Payload]) -> None:
    """Each class says what it is, itself."""
    assert "__doc__" in vars(cls)
    assert cls.__doc__


@each_payload
def test_payloads_are_compared_by_class_and_fields(cls: type[Payload]) -> None:
    """Two of the same class with equal fields are equal; every single field counts."""
    assert cls() == cls()
    assert cls(extra={"a": 1}) == cls(extra={"a": 1})
    for attribute in fields(cls):
        assert cls() != cls(**{attribute.alias: {"other": 1}}), attribute.alias


def test_payloads_of_different_classes_are_different() -> None:
    """A payload never equals one of another class with the same fields, or anything else."""
    assert models.FilePath("a") != models.CodeInterpreterImage("a")
    assert models.FilePath("a") != ("a",)
    assert models.FilePath("a") is not None
    assert models.FilePath("a") in [models.FilePath("b"), models.FilePath("a")]


@each_payload
def test_payloads_have_no_hash(cls: type[Payload]) -> None:
    """An object that changes and is compared by value cannot be a key."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(cls())


@each_payload
def test_payloads_take_no_misspelt_name(cls: type[Payload]) -> None:
    """Reading or setting an unknown attribute is an AttributeError with the name."""
    made = cls()
    with pytest.raises(AttributeError, match="no_such_field"):
        _ = made.no_such_field  # type: ignore[attr-defined]  # the test is that it is missing
    with pytest.raises(AttributeError, match="no_such_field"):
        made.no_such_field = 1  # type: ignore[attr-defined]  # the test is that it is missing


@each_payload
def test_payloads_can_be_copied_and_pickled(cls: type[Payload]) -> None:
    """Copies are equal objects of their own, unknown keys included."""
    made = cls(extra={"a": [1]})
    again: object
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301  # our own pickle
        assert made == again
        assert again is not made


def test_the_text_form_leaves_out_what_is_empty() -> None:
    """``repr`` shows the fields that are not empty, as a constructor call."""
    assert "Usage(prompt_tokens=0, completion_tokens=5, total_tokens=5)" == repr(
        models.Usage(completion_tokens=5, total_tokens=5)
    )
    assert (
        "Run(extra={'a': None}, id='run_1', object='thread.run', parallel_tool_calls=False)"
        == repr(models.Run(id="run_1", parallel_tool_calls=False, extra={"a": None}))
    )
    assert "FilePath()" == repr(models.FilePath())


def test_the_text_form_can_be_evaluated() -> None:
    """The text of ``repr`` makes an equal payload."""
    message = models.Message(
        id="msg_1",
        content=[models.TextContentBlock(text=models.Text("a", [models.UnknownAnnotation(0)]))],
        extra={"a": {}},
    )
    assert message == eval(repr(message), dict(vars(models)))  # noqa: S307  # our own text


def test_unknown_keys_are_kept_apart() -> None:
    """``keep_extra`` puts them into ``extra``; without any, that is an empty dict."""
    made = models.Thread(id="thread_1")
    assert {} == made.extra
    made.extra["a"] = 1
    assert {} == made.extra
    made.keep_extra({"a": 1})
    assert {"a": 1} == made.extra
    assert made == models.Thread(id="thread_1", extra={"a": 1})
    assert models.Thread() == models.Thread(extra={})


def test_a_record_of_another_kind_decides_equality_itself() -> None:
    """Our side of ``==`` leaves the decision to the other."""

    class Anything:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Record)

        __hash__ = None  # type: ignore[assignment]  # compared by value

    assert models.FilePath("a") == Anything()


# --- Texts that grow --------------------------------------------------------------------


def test_the_fields_that_grow() -> None:
    """Every text that a stream appends to, and no other, grows."""
    assert {
        "CodeInterpreter": "input",
        "CodeInterpreterOutputLogs": "logs",
        "Function": "arguments",
        "MCPToolCall": "arguments",
        "ReasoningText": "text",
        "RefusalContentBlock": "refusal",
        "Text": "value",
    } == {cls.__name__: cls.GROWS for cls in GROWING}


@each_growing
@settings(max_examples=30)
@given(
    start=st.none() | st.text(max_size=3),
    steps=st.lists(st.tuples(st.text(max_size=3), st.booleans()), max_size=20),
)
def test_a_text_grows_by_its_pieces(
    cls: type[Growing], start: str | None, steps: list[tuple[str, bool]]
) -> None:
    """The text is all pieces in order whenever it is read, and a text once read stays as it was."""
    made = whole(cls, start)
    expected = start or ""
    kept = []
    for piece, read in steps:
        made.grow(piece)
        expected += piece
        if read:
            assert expected == text_of(made)
            kept.append((expected, text_of(made)))
    assert expected == (text_of(made) or "")
    assert all(then == now for then, now in kept)


@each_growing
@settings(max_examples=30)
@given(start=st.none() | st.text(max_size=3), pieces=st.lists(st.text(max_size=3), max_size=9))
def test_a_text_grows_by_its_appender(
    cls: type[Growing], start: str | None, pieces: list[str]
) -> None:
    """It does what ``grow`` does, also in turn with it, from the beginning or later."""
    for begun in (False, True):
        made, expected = whole(cls, start), start or ""
        if begun:
            made.grow("a")
            expected += "a"
        append = made.appender
        assert expected == (text_of(made) or "")
        for number, piece in enumerate(pieces):
            (made.grow if number % 3 == 1 else append)(piece)
            expected += piece
            assert expected == text_of(made)
        kept = copy.deepcopy(made)
        append("b")
        assert (expected + "b", expected) == (text_of(made), text_of(kept))


def test_a_text_of_many_pieces() -> None:
    """100,000 pieces, read at each, are one text: no list of pieces, no recursion."""
    made = models.Text()
    length = 0
    for _ in range(100_000):
        made.grow("abcd")
        length += 4
        assert length == len(made.value)
    assert "abcd" * 100_000 == made.value


@each_growing
def test_a_text_that_grew_is_equal_to_one_that_came_whole(cls: type[Growing]) -> None:
    """Neither equality nor ``repr`` shows how a text was made."""
    live, other = grown(cls, "a", "b"), whole(cls, "ab")
    assert other == live
    assert live == other
    assert live == grown(cls, "", "ab")
    assert live != grown(cls, "a")
    assert repr(other) == repr(live)
    assert f"{cls.GROWS}='ab'" in repr(live)


@each_growing
@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),  # noqa: S301  # our own pickle
        lambda x: pickle.loads(pickle.dumps(x, 0)),  # noqa: S301  # our own pickle
    ],
    ids=["copy", "deepcopy", "pickle", "pickle 0"],
)
def test_a_copy_of_a_live_text_is_on_its_own(
    cls: type[Growing], copied: Callable[[Growing], Growing]
) -> None:
    """A copy keeps the text of its moment; both may grow further, independently."""
    live = grown(cls, "a", "b")
    kept = copied(live)
    assert live == kept
    assert type(live) is type(kept)
    live.grow("c")
    assert ("abc", "ab") == (text_of(live), text_of(kept))
    kept.grow("d")
    assert ("abc", "abd") == (text_of(live), text_of(kept))


@each_growing
def test_a_live_text_has_no_other_attributes(cls: type[Growing]) -> None:
    """Growing does not allow misspelt names: the error has class and attribute."""
    live = grown(cls, "a")
    with pytest.raises(AttributeError, match=f"^'{cls.__name__}' .*'valeu'$") as caught:
        _ = live.valeu  # type: ignore[attr-defined]  # the test is that it is missing
    assert "valeu" == caught.value.name
    assert live is caught.value.obj
    assert not hasattr(live, "__deepcopy__")


@each_growing
def test_what_was_never_made_has_no_text(cls: type[Growing]) -> None:
    """An object made without ``__init__`` raises, and does not recurse."""
    with pytest.raises(AttributeError):
        text_of(cls.__new__(cls))


def test_a_live_snapshot_can_be_kept_as_a_whole() -> None:
    """``copy.deepcopy`` of a message keeps its live texts as they are."""
    part = models.TextContentBlock()
    message = models.Message(id="msg_1", content=[part])
    part.text.grow("a")
    kept = copy.deepcopy(message)
    part.text.grow("b")
    assert ("ab", "a") == (message.text, kept.text)


def test_items_are_found_by_their_index() -> None:
    """``by_index`` has the items with an index, and is the same dict at every call."""
    text = models.Text(annotations=[models.UnknownAnnotation(2), models.UnknownAnnotation()])
    found = text.by_index(text.annotations)
    assert {2: text.annotations[0]} == found
    assert found is text.by_index(text.annotations)


def test_a_copy_finds_its_own_items() -> None:
    """The dict of ``by_index`` is not copied: it would lead to the other's items."""
    text = models.Text(annotations=[models.UnknownAnnotation(0)])
    text.by_index(text.annotations)
    kept = copy.deepcopy(text)
    assert kept.annotations[0] is kept.by_index(kept.annotations)[0]


def test_a_half_waits_until_the_other_comes_or_none_will() -> None:
    """Until then it is not part of the text; a piece of a whole text has it already."""
    text = models.Text("x")
    assert ["", "😀", "", "\ufffda"] == [text.grow(x) for x in ("\ud83d", "\ude00", "\ud83d", "a")]
    assert ("", "") == (text.flush(), text.half)
    assert ("", "\ud83d", "") == (text.grow("\ud83d"), text.half, text.grow("", whole=True))
    assert ("😀\ufffd", "") == (text.grow("😀\ud83d", whole=True), text.half)
    assert ("", "\ufffd") == (text.grow("\ud83d"), text.flush())
    assert "x😀\ufffda😀\ufffd\ufffd" == text.value


@each_payload
def test_a_payload_can_be_made_of_another(cls: type[Payload]) -> None:
    """All fields are those of the other, extra ones too, except for the changed ones."""
    made = cls()
    made.keep_extra({"x": 1})
    again = evolve(made)
    assert made == again
    assert again is not made
    first = next(attribute.alias for attribute in fields(cls) if attribute.alias != "extra")
    changed: Any = evolve(made, **{first: "changed", "extra": None})
    assert ("changed", {}) == (getattr(changed, first), changed.extra)
    assert {"x": 1} == made.extra


@each_growing
def test_a_payload_made_of_a_growing_one_has_its_text(cls: type[Growing]) -> None:
    """And it grows by itself from then on."""
    made = grown(cls, "a", "b")
    again = evolve(made)
    again.grow("c")
    assert ("ab", "abc") == (text_of(made), text_of(again))


def test_a_misspelt_change_is_refused() -> None:
    """It would be lost."""
    with pytest.raises(TypeError, match="Text has no field 'vale', 'x'"):
        evolve(models.Text("a"), vale="b", x=1)
