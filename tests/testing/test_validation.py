"""The checks of users' values: the kind, the bounds, and the sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from attrs import field, frozen

from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Fault,
    Framing,
    FunctionCall,
    Limits,
    ListTools,
    Say,
    SearchFiles,
    SearchResult,
)
from stream_core.testing.validation import PORT, SECONDS, TEXT, check_items, or_none, sequence_of


@frozen
class Box:
    text: str | None = field(default=None, validator=or_none(TEXT))


def test_another_kind_is_a_type_error_and_a_value_out_of_bounds_a_value_error() -> None:
    """Both say where, what is wanted, and what was given."""
    PORT.check("serve(port=...)", 80)
    with pytest.raises(TypeError) as wrong:
        PORT.check("serve(port=...)", "80")
    with pytest.raises(ValueError, match="70000") as beyond:
        PORT.check("serve(port=...)", 70_000)
    wanted = "serve(port=...) takes a port from 0 to 65535 (0 takes a free one), not "
    assert [f"{wanted}'80'", f"{wanted}70000"] == [str(e.value) for e in (wrong, beyond)]


def test_a_check_is_a_validator_that_names_class_and_field() -> None:
    """None is accepted only if it is said so."""
    assert [None, "x"] == [Box().text, Box("x").text]
    wrong: Any = 5
    with pytest.raises(TypeError, match=r"^Box\(text=\.\.\.\) takes a text, or None, not 5$"):
        Box(wrong)
    with pytest.raises(TypeError, match="not None"):
        TEXT.check("x", None)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -math.inf, 10**400 * -1])
def test_seconds_are_finite_and_not_negative(value: float) -> None:
    """NaN compares with nothing, and is refused."""
    with pytest.raises(ValueError, match="a number of seconds, 0 or more"):
        SECONDS.check("x", value)


def test_true_is_not_a_number() -> None:
    """Though Python says that it is."""
    for check in (SECONDS, PORT):
        with pytest.raises(TypeError, match="not True"):
            check.check("x", True)


def test_a_list_has_items_of_its_classes() -> None:
    """A text is not a list of texts; a tuple will do; a long value is shortened."""
    check = sequence_of(int, bytes, least=1)
    check.check("x", (1, b""))
    for wrong, kind in (("12", TypeError), ([1, "2"], TypeError), ([], ValueError)):
        with pytest.raises(kind, match="takes a list of int or bytes, at least one, not"):
            check.check("x", wrong)
    with pytest.raises(TypeError) as caught:
        check.check("x", "x" * 10_000)
    assert len(str(caught.value)) < 200


def test_a_method_says_how_it_is_called() -> None:
    """The example is in the sentence."""
    check_items("add", [5], int, "add(5)")
    with pytest.raises(TypeError, match=r"^add\(\) takes int objects, not '5': write add\(5\)$"):
        check_items("add", [1, "5"], int, "add(5)")


def given(*positional: Any, **named: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments, which no type checker has seen."""
    return positional, named


MISTAKES: list[tuple[Any, tuple[tuple[Any, ...], dict[str, Any]], type[Exception], str]] = [
    (Fault, given(status="500"), TypeError, "Fault(status=...) takes an HTTP status"),
    (Fault, given(status=99), ValueError, "from 200 to 599"),
    (Fault, given(status=100), ValueError, "from 200 to 599"),
    (Fault, given(status=600), ValueError, "from 200 to 599"),
    (Fault, given(status=True), TypeError, "not True"),
    (Fault, given(body=b"x"), TypeError, "takes a text"),
    (Fault, given(json=object()), TypeError, "takes a JSON value"),
    (Fault, given(json=1, body="x"), ValueError, "one body"),
    (Fault, given(reset=True), ValueError, "add refuse=True or cut_after="),
    (Fault, given(refuse=True, status=500), ValueError, "leave out status"),
    (Fault, given(refuse=True, cut_after=5), ValueError, "cut_after"),
    (Fault, given(delay=math.nan), ValueError, "seconds, 0 or more"),
    (Fault, given(delay="1"), TypeError, "seconds, 0 or more"),
    (Fault, given(cut_after=1.5), TypeError, "takes a number of bytes"),
    (Fault, given(silence_after=-1), ValueError, "0 or more"),
    (Fault, given(headers={"Retry-After": 1}), TypeError, "texts on one line"),
    (Fault, given(headers=["x"]), TypeError, "a mapping of header names"),
    (Fault, given(headers={"X": "a\r\nY: b"}), ValueError, "texts on one line"),
    (Fault, given(headers={"X y": "a"}), ValueError, "header names"),
    (Fault, given(content_type="a\nb"), ValueError, "on one line"),
    (Fault, given(only=5), TypeError, "Fault(only=...) takes a text"),
    (Fault, given(refuse="yes"), TypeError, "True or False"),
    (Framing, given(chunk_size=0), ValueError, "1 or more, or None"),
    (Framing, given(chunk_size="7"), TypeError, "1 or more, or None"),
    (Framing, given(delay=math.nan), ValueError, "seconds, 0 or more"),
    (Framing, given(framing="closed"), ValueError, '"chunked" or "close"'),
    (Framing, given(framing=[]), TypeError, '"chunked" or "close"'),
    (Framing, given(gzip=1), TypeError, "True or False"),
    (Limits, given(body=0), ValueError, "1 or more"),
    (Limits, given(connections=1.0), TypeError, "1 or more"),
    (Limits, given(seconds=-1), ValueError, "seconds, 0 or more"),
    (Say, given(5), TypeError, "Say(text=...) takes a text, not 5"),
    (Say, given("x", pieces="x"), TypeError, "a list of texts"),
    (Say, given("x", ["[1]"]), TypeError, "FileCitation or FilePath or UrlCitation"),
    (Say, given("x", new_part=1), TypeError, "True or False"),
    (CallFunctions, given([]), ValueError, "a list of FunctionCall, at least one"),
    (CallFunctions, given(FunctionCall("f")), TypeError, "a list of FunctionCall"),
    (CallFunctions, given(["f"]), TypeError, "a list of FunctionCall"),
    (AskApproval, given([FunctionCall("f")]), TypeError, "a list of McpCall"),
    (FunctionCall, given(5), TypeError, "FunctionCall(name=...) takes a text"),
    (FunctionCall, given("f", 5), TypeError, "arguments=5 is not a JSON object"),
    (FunctionCall, given("f", {"a": object()}), TypeError, "give a mapping of JSON values"),
    (FunctionCall, given("f", {"a": math.nan}), ValueError, "give a mapping of JSON values"),
    (SearchFiles, given(["x"]), TypeError, "a list of SearchResult"),
    (SearchResult, given("f", "n", math.inf), ValueError, "a finite number"),
    (ListTools, given("l", ["x"]), TypeError, "a mapping of names to mappings"),
]


@pytest.mark.parametrize(("make", "arguments", "kind", "said"), MISTAKES)
def test_a_wrong_value_is_refused_where_it_is_made(
    make: Any,
    arguments: tuple[tuple[Any, ...], dict[str, Any]],
    kind: type[Exception],
    said: str,
) -> None:
    """And not in the server's thread, when a test is under way."""
    positional, named = arguments
    with pytest.raises(kind) as caught:
        make(*positional, **named)
    assert kind is caught.type
    assert said in str(caught.value)
