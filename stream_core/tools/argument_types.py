"""The types that arguments of a user's function can have, and the conversion of its result.

Rules of this file:

- A model's arguments are checked strictly, by the function's JSON schema: unknown, missing
  and null fields are errors, and a field's key is its name in the class.
- A type that no JSON value can become is refused when it is requested, not at its first value.
- A union tries its members in order, ``str`` last, because dates are strings too.
- A function's result is converted as far as possible, and never refused here.
"""

from __future__ import annotations

import json
from collections import abc
from dataclasses import is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NoReturn,
    get_args,
    get_origin,
    is_typeddict,
)
from uuid import UUID

from attrs import has, resolve_types

from stream_core.convert.payloads import (
    KINDS,
    WrongTypeError,
    converter_with,
    is_whole,
    list_hook,
    show,
    strict,
    unstructure,
    validated,
)
from stream_core.models import Payload
from stream_core.models.unions import members

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.convert.payloads import Row

__all__ = ["expected", "structurer", "unstructure_any"]

#: Types that JSON writes as strings: how each is read, and how errors name it.
_WRITTEN: dict[Any, tuple[Callable[[str], Any], str]] = {
    datetime: (datetime.fromisoformat, "a date and time such as 2026-05-17T09:30:00Z"),
    date: (date.fromisoformat, "a date such as 2026-05-17"),
    time: (time.fromisoformat, "a time such as 09:30:00"),
    UUID: (UUID, "a UUID"),
}

#: Types that JSON writes as lists, and the function that converts the list.
_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    abc.Collection: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Set: set,
    abc.MutableSet: set,
}
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


def structurer(kind: Any) -> Callable[[object], Any]:
    """Return a function that makes values of a user's type from JSON values.

    Args:
        kind: A type as in an annotation: a scalar, an enum, a ``Literal``, ``datetime``,
            ``date``, ``time`` or ``UUID``, an attrs class, a dataclass, a ``TypedDict``, and
            lists, sets, dicts and unions of these; ``Any`` accepts every value as it is.

    Returns:
        A function that takes a result of ``json.loads``. It raises DecodeError if that is
        not a KIND; ``paths`` names everything that is wrong.

    Raises:
        TypeError: No JSON value can become KIND, or a type in it.
    """
    kind = _unwrapped(kind)  # metadata need not be hashable
    hook = _converter().get_structure_hook(kind)

    def structure(value: object) -> Any:
        message = f"the value is not {expected(kind)}"
        return validated(hook, value, kind, message=message, sentence=_sentence)

    return structure


def unstructure_any(value: object) -> Any:
    """Convert a user's object to a JSON value, as far as possible.

    Payloads become the result of ``convert.unstructure``, attrs classes and dataclasses
    become objects, enums their values, sets lists, and dates, times, UUIDs, decimals and
    paths strings, at any depth. Anything else stays as it is.
    """
    return _converter().unstructure(value)


def expected(kind: Any) -> str:
    """Describe briefly which JSON values become KIND, a type that ``structurer`` takes."""
    kind = _unwrapped(kind)
    if choices := _choices(kind):
        return " or ".join(json.dumps(raw, ensure_ascii=False) for _, raw in choices)
    if found := get_args(kind) if members(kind) else ():
        return " or ".join(expected(member) for member in found)
    if kind in _WRITTEN:
        return _WRITTEN[kind][1]
    if kind is Any:
        return "any value"
    return KINDS.get(kind) or KINDS[list if _bare(kind) in _LISTS else dict]


def _sentence(error: BaseException, kind: Any) -> str:
    """Return what is wrong with one value that was to become KIND, if KIND is known."""
    if unknown := getattr(error, "extra_fields", None):
        return f"has unknown fields: {', '.join(sorted(map(repr, unknown)))}"
    if isinstance(error, KeyError) and kind is not None:
        return f"is missing, expected {expected(kind)}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    # The errors of attrs' validators have more arguments than the sentence.
    has_sentence = isinstance(error, TypeError | ValueError) and error.args
    return str(error.args[0]) if has_sentence else repr(error)


@cache
def _converter() -> Any:
    """Build the converter, once."""
    converter = converter_with(
        _HOOKS, forbid_extra_keys=True, unstruct_collection_overrides={abc.Set: list}
    )
    converter.register_unstructure_hook_func(lambda cls: issubclass(cls, Payload), unstructure)
    for timed in (date, datetime, time):
        converter.register_unstructure_hook(timed, timed.isoformat)
    converter.register_unstructure_hook(str, str.__str__)  # also for an enum that is a str
    for named in (Decimal, PurePath, UUID):
        converter.register_unstructure_hook(named, str)
    return converter


# --- Kinds of types ---------------------------------------------------------------------


def _unwrapped(kind: Any) -> Any:
    """Return the type behind KIND: without metadata and without other names."""
    while True:
        if get_origin(kind) is Annotated:
            inner = get_args(kind)[0]
        else:  # a NewType or a type alias
            inner = getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)
        if inner is None:
            return kind
        kind = inner


def _bare(kind: Any) -> Any:
    """Return ``list`` for ``list[int]``, and KIND itself if it has no parameters."""
    return get_origin(kind) or kind


def _choices(kind: Any) -> dict[tuple[type, Any], Any]:
    """Return the values of an enum or a Literal by type and JSON value; {} for other types."""
    found: tuple[Any, ...] = ()
    if get_origin(kind) is Literal:
        found = get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        found = tuple(kind)
    raw = ((x.value if isinstance(x, Enum) else x, x) for x in found)
    return {(type(key), key): x for key, x in raw}


def _is_class(kind: Any) -> bool:
    """Return whether KIND is a class with fields, which JSON writes as an object."""
    return has(kind) or is_dataclass(_bare(kind)) or is_typeddict(_bare(kind))


# --- Their hooks ------------------------------------------------------------------------


def _wrapped_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """Convert a type with another name as that type."""
    inner = _unwrapped(kind)
    hook = converter.get_structure_hook(inner)
    return lambda value, _: hook(value, inner)


def _any_hook(_kind: Any, _converter: Any) -> Callable[[Any, Any], Any]:
    """Accept every value as ``Any``."""
    return lambda value, _: value


def _choice_hook(kind: Any, _converter: Any) -> Callable[[Any, Any], Any]:
    """Accept one of some values; 2.0 is the integer 2, ``true`` is not 1."""
    choices = _choices(kind)

    def hook(value: Any, _: Any) -> Any:
        raw = int(value) if is_whole(value) else value
        if isinstance(raw, dict | list) or (type(raw), raw) not in choices:
            raise WrongTypeError(f"{show(value)} is not {expected(kind)}")
        return choices[type(raw), raw]

    return hook


def _written_hook(kind: Any, _converter: Any) -> Callable[[Any, Any], Any]:
    """Read dates and the like, strings of one form."""
    read, form = _WRITTEN[kind]

    def hook(value: Any, _: Any) -> Any:
        try:
            return read(value)
        except (AttributeError, TypeError, ValueError):
            raise WrongTypeError(f"{show(value)} is not {form}") from None

    return hook


def _collection_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """Convert lists, sets and tuples of any length, which JSON writes as lists."""
    item, *more = get_args(kind) or (Any,)
    if _bare(kind) is tuple and get_args(kind) and more != [...]:
        _refuse(kind)
    inner = list_hook(list[item], converter)  # type: ignore[valid-type]  # known when it runs
    make = _LISTS[_bare(kind)]

    def hook(value: Any, _: Any) -> Any:
        items = inner(value, _)
        try:
            return make(items)
        except TypeError as error:  # an item that cannot be in a set
            raise WrongTypeError(str(error)) from error

    return hook


def _mapping_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """Convert dicts, which are objects; their keys are strings, or enums or Literals of strings."""
    key, item = get_args(kind) or (str, Any)
    texts = {cls for cls, _ in _choices(_unwrapped(key))} or {_unwrapped(key)}
    if not texts <= {str, Any}:
        _refuse(kind)
    made: Any = dict[key, item]  # type: ignore[valid-type]  # known when it runs
    return _object_hook(converter.gen_structure_mapping(made))


def _class_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """Convert attrs classes, dataclasses and TypedDicts, which are objects."""
    if is_typeddict(_bare(kind)):
        return _object_hook(converter.gen_structure_typeddict(kind))
    if has(kind):
        resolve_types(_bare(kind))  # cattrs 25 does so for classes without parameters only
    return _object_hook(converter.gen_structure_attrs_fromdict(kind))


def _object_hook(inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Pass only objects to INNER."""

    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, dict):
            raise WrongTypeError(f"{show(value)} is not an object")
        return inner(value, kind)

    return hook


def _union_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """Use the first member that accepts the value."""
    ordered = sorted(get_args(kind), key=lambda member: _unwrapped(member) is str)
    hooks = [(member, converter.get_structure_hook(member)) for member in ordered]

    def hook(value: Any, _: Any) -> Any:
        inside = []
        for member, inner in hooks:
            try:
                return inner(value, member)
            except WrongTypeError:
                pass
            except Exception as error:  # noqa: BLE001  # cattrs' own, for what is in the value
                inside.append(error)
        if len(inside) == 1:  # the value has that member's type, but something in it is wrong
            raise inside[0]
        raise WrongTypeError(f"{show(value)} is not {expected(kind)}")

    return hook


def _refuse(kind: Any, _converter: Any = None) -> NoReturn:
    """Refuse KIND."""
    raise TypeError(
        f"{kind!r} cannot be made from JSON; use a scalar, an enum, a Literal, a date, an attrs "
        "class, a dataclass, a TypedDict, or a list, set, dict or union of these"
    )


#: Which hook converts which types; the first row that accepts a type decides.
_HOOKS: tuple[Row, ...] = (
    (lambda kind: _unwrapped(kind) is not kind, _wrapped_hook),
    (lambda kind: kind is Any, _any_hook),
    (lambda kind: bool(_choices(kind)), _choice_hook),
    (lambda kind: bool(members(kind)), _union_hook),
    (lambda kind: _bare(kind) in _MAPPINGS, _mapping_hook),
    (lambda kind: _bare(kind) in _LISTS, _collection_hook),
    (lambda kind: kind in KINDS, lambda kind, _: strict(kind)),
    (lambda kind: kind in _WRITTEN, _written_hook),
    (_is_class, _class_hook),
    (lambda _: True, _refuse),
)
