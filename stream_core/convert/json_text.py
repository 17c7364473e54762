"""JSON text becomes values here: the one place that chooses a JSON library.

Rules of this file:

- orjson is used where it is installed (extra ``speed``), and changes no result. What the two
  would read differently goes to the standard library: orjson refuses lone surrogates and
  deep nesting, which Python reads, and turns integers beyond 64 bits into floats.
- ``NaN`` and ``Infinity`` are refused: they are not JSON (RFC 8259, section 6).
- What is wrong with a text is always said by the standard library.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from stream_core import environment

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["is_cut", "loads", "loads_in", "scan_string"]

#: 64 bits hold every integer of 18 digits; a text with more digits in a row is left to Python.
_MANY_DIGITS = b"0" * 19
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


def _refuse(constant: str) -> NoReturn:
    """Refuse what Python would accept beyond the standard."""
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_scan: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]  # stubs lack it


def loads(text: str) -> Any:
    """Parse TEXT.

    Raises:
        ValueError: TEXT is not JSON; the sentence says where.
    """
    orjson_loads = _orjson_loads()
    if orjson_loads is not None:
        try:
            data = text.encode()
            if _MANY_DIGITS not in data.translate(_DIGITS_TO_ZERO):
                return orjson_loads(data)
        except ValueError:
            pass  # not JSON, or not JSON to orjson
    try:
        value, end = _scan(text, 0)
    except (StopIteration, RecursionError):
        return _explain(text)
    return value if end == len(text) else _explain(text)


def loads_in(text: str, start: int, end: int) -> Any:
    """Parse what stands in TEXT from START to END, as ``loads`` does.

    Raises:
        ValueError: It is not JSON.
    """
    if _orjson_loads() is None:
        try:
            value, stop = _scan(text, start)
        except (StopIteration, ValueError, RecursionError):
            pass  # to be explained
        else:
            if stop == end:
                return value
    return loads(text[start:end])


@cache
def _orjson_loads() -> Callable[[bytes], Any] | None:
    """Return orjson's ``loads``, or None where it is not installed or not wanted."""
    if environment.STDLIB_JSON:
        return None
    try:
        found: Callable[[bytes], Any] = import_module("orjson").loads
    except ImportError:
        return None
    return found


def _explain(text: str) -> Any:
    """Parse TEXT the long way: white space around it, and a sentence for what is wrong."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_cut(error: BaseException | None) -> bool:
    """Tell whether ERROR, from ``loads``, can mean that the end of the text is missing.

    It cannot when the text has a whole JSON value and then something else.
    """
    return isinstance(error, json.JSONDecodeError) and error.msg != "Extra data"


#: Reads a JSON string: ``(text, start)``, where START is the index of the first character
#: after the opening quote, gives its value and the index after its closing quote; a
#: ValueError where the string does not end, or is none. The standard library's own function,
#: and not one that calls it: it runs once per event.
scan_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]  # stubs lack it
