"""JSON text becomes values here: the one place that chooses a JSON library.

Rules of this file:

- orjson is used if it is installed (extra ``speed``), and changes no result. Texts that the
  two would read differently go to the standard library: orjson refuses lone surrogates, which
  Python reads, and turns integers beyond 64 bits into floats.
- A value is nested at most ``MAX_NESTING`` deep, with either library. Whatever handles such a value
  afterwards (comparing, printing, copying, writing) is recursive, in Python and in C, and must
  not exhaust the stack, also if the caller's own stack is deep.
- ``NaN``, ``Infinity`` and ``-Infinity`` are not JSON (RFC 8259, section 6), but Python's servers
  write them, mostly as probabilities that nobody reads. They become None, not floats: whatever
  is read here can be written as JSON again. For what a tool is to be called with, that would be a
  guess: ``loads_strictly`` refuses them.
- The sentence of an error is always the standard library's.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Any, NoReturn

from stream_core import environment

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MAX_NESTING",
    "is_cut",
    "loads",
    "loads_in",
    "loads_strictly",
    "may_go_on",
    "scan_string",
    "scan_value",
]

#: How deep lists and objects may be nested. serde_json has the same limit; no payload of any wire
#: comes near it, and the functions that need most of the stack (three calls for each level) still
#: need less than half of what Python allows.
MAX_NESTING = 128

#: The change of depth at each bracket; and all bytes that say nothing about the depth.
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_SIGNS = bytes(set(range(256)) - _STEPS.keys() - set(b'"\\'))

#: 64 bits hold every integer of 18 digits; a text with more digits in a row is left to Python.
_MANY_DIGITS = b"0" * 19
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


def _refuse(constant: str) -> NoReturn:
    """Refuse a constant that Python would accept beyond the standard."""
    raise ValueError(f"{constant} is not JSON")


def _no_number(_: str) -> None:
    """Read a constant that Python would accept beyond the standard as null."""


_STRICT_DECODER = json.JSONDecoder(parse_constant=_refuse)
_DECODER = json.JSONDecoder(parse_constant=_no_number)

#: Reads a JSON value: ``(text, start)``, with START the index of its first character, returns the
#: value and the index after it. It raises a ValueError or StopIteration if there is none, and a
#: RecursionError if it is nested too deep; ``MAX_NESTING`` is not checked.
scan_value: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]  # stubs lack it


def loads(text: str) -> Any:
    """Parse TEXT; ``NaN``, ``Infinity`` and ``-Infinity`` are None.

    Raises:
        ValueError: TEXT is not JSON; the sentence says where.
    """
    _check_nesting(text, 0, len(text))
    orjson_loads = _orjson_loads()
    if orjson_loads is not None:
        try:
            data = text.encode()
            if _MANY_DIGITS not in data.translate(_DIGITS_TO_ZERO):
                return orjson_loads(data)
        except ValueError:
            pass  # not JSON, at least for orjson
    try:
        value, end = scan_value(text, 0)
    except StopIteration:
        return _explain(text)
    return value if end == len(text) else _explain(text)


def loads_strictly(text: str) -> Any:
    """Parse TEXT, in which ``NaN``, ``Infinity`` and ``-Infinity`` are errors.

    Raises:
        ValueError: TEXT is not JSON; the sentence says where.
    """
    _check_nesting(text, 0, len(text))
    return _explain(text, _STRICT_DECODER)


def loads_in(text: str, start: int, end: int) -> Any:
    """Parse the part of TEXT from START to END, as ``loads`` does.

    Raises:
        ValueError: It is not JSON.
    """
    if _orjson_loads() is None:
        _check_nesting(text, start, end)
        try:
            value, stop = scan_value(text, start)
        except (StopIteration, ValueError):
            pass  # loads() explains it
        else:
            if stop == end:
                return value
    return loads(text[start:end])


@cache
def _orjson_loads() -> Callable[[bytes], Any] | None:
    """Return orjson's ``loads``, or None if it is not installed or not wanted."""
    if environment.STDLIB_JSON:
        return None
    try:
        found: Callable[[bytes], Any] = import_module("orjson").loads
    except ImportError:
        return None
    return found


def _explain(text: str, decoder: json.JSONDecoder = _DECODER) -> Any:
    """Parse TEXT the long way: allow white space around it, or raise a full error."""
    return decoder.decode(text)


def _check_nesting(text: str, start: int, end: int) -> None:
    """Refuse the part of TEXT from START to END if it is nested deeper than ``MAX_NESTING``.

    Nearly every text has too few opening brackets for that; counting them costs less than a tenth
    of parsing it.

    Raises:
        ValueError: It is, whatever else may be wrong with it.
    """
    if end - start <= MAX_NESTING:
        return
    if text.count("{", start, end) + text.count("[", start, end) <= MAX_NESTING:
        return
    if _depth(text[start:end]) > MAX_NESTING:
        raise ValueError(f"it is nested deeper than {MAX_NESTING} levels")


def _depth(text: str) -> int:
    """Return how deep TEXT is nested; brackets in strings do not count."""
    signs = text.encode("utf-8", "replace").translate(None, _NO_SIGNS)
    if b"\\" in signs:  # without escaped backslashes and quotes, each quote begins or ends a string
        signs = text.replace("\\\\", "").replace('\\"', "").encode("utf-8", "replace")
        signs = signs.translate(None, _NO_SIGNS)
    # Two quotes next to each other have nothing between them that matters, whether they are of one
    # string or of two. The quotes that are left are of strings with brackets in them.
    signs = signs.replace(b'""', b"")
    brackets = b"".join(signs.split(b'"')[::2])
    return max(accumulate(map(_STEPS.get, brackets, repeat(0))), default=0)


def is_cut(error: BaseException | None) -> bool:
    """Return whether ERROR, from ``loads``, can mean that the end of the text is missing.

    It cannot if the text has a whole JSON value and then something else.
    """
    return isinstance(error, json.JSONDecodeError) and error.msg != "Extra data"


def may_go_on(text: str) -> bool:
    """Return whether TEXT is not JSON, but may be the beginning of it."""
    try:
        loads(text)
    except ValueError as error:
        return is_cut(error)
    return False


#: Reads a JSON string: ``(text, start)``, with START the index of the first character after
#: the opening quote, returns its value and the index after its closing quote, or raises a
#: ValueError if the string does not end or is not valid. It is the standard library's own
#: function, not a wrapper, because it runs once per event.
scan_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]  # stubs lack it
