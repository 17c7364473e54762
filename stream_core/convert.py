"""JSON values become payloads here, and payloads JSON values: the one cattrs converter.

Rules of this file:

- It is the only importer of cattrs, on first use: reading a recording that fails at its
  first frame, or only importing the package, does not pay for it.
- Scalars are strict: a number is no string, ``true`` is no number. Where a field is a float
  an int is welcome and stays one.
- null counts as missing: the field keeps its default.
- One object where a list belongs is a list of one (Alibaba's servers send
  ``delta.content`` so).
- A union is decided by its tag, from the table in ``unions``.
- Every bad field is named with its JSON path in ``DecodeError.paths``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

from attrs import fields, has

from . import settings
from .constructors import Unusual, constructor
from .errors import DecodeError
from .unions import is_tagged, members, tagged_union

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

    from .models import Payload

__all__ = ["structure", "unstructure"]

T = TypeVar("T")

#: How many characters of a bad value are shown: enough to find it again.
_SHOWN = 60

_KINDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


class _WrongTypeError(TypeError):
    """A JSON value is of another type than the field; the sentence says which."""


def structure(cls: type[T], value: object) -> T:
    """Make a CLS of a JSON value.

    Args:
        cls: A payload class, e.g. ``models.Run``.
        value: What ``json.loads`` gave.

    Returns:
        The payload; it may share nested dicts (``metadata``, ``raw``, ...) with VALUE.

    Raises:
        DecodeError: VALUE is not a CLS; ``paths`` names every bad field.
    """
    if settings.FAST:
        kind: Any = cls  # a payload's class is hashable, although its instances are not
        try:
            fast: T = constructor(kind)(value)
        except Unusual:
            pass
        else:
            return fast
    from cattrs import BaseValidationError

    hook = _converter().get_structure_hook(cls)
    try:
        made: T = hook(value, cls)
    except (BaseValidationError, _WrongTypeError) as error:
        raise DecodeError(f"the data is not a {cls.__name__}", paths=_paths(error)) from error
    return made


def unstructure(value: object) -> Any:
    """Make a JSON value of a payload, or of a list or dict that holds payloads.

    What is None or empty is left out; ``extra`` and ``raw`` go back where they came from.
    Anything else is returned as it is.
    """
    return _converter().unstructure(value)


def _paths(error: Exception) -> list[str]:
    """Return ``path: what is wrong`` for everything that ERROR says."""
    from cattrs import transform_error

    lines = transform_error(error, path="$", format_exception=lambda exc, _: str(exc))
    parts = (line.rpartition(" @ ") for line in lines)
    return [f"{path}: {sentence}" for sentence, _, path in parts]


@cache
def _converter() -> Converter:
    """Build the converter, once."""
    from cattrs import Converter

    converter = Converter(detailed_validation=True, use_alias=True)
    converter.register_structure_hook_factory(has, _class_hook)
    for scalar in (str, int, float, bool, dict):
        converter.register_structure_hook(scalar, _strict(scalar))
    converter.register_structure_hook_func(_is_dict, _strict(dict))
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(is_tagged, _union_hook)
    converter.register_structure_hook_factory(_is_text_or_class, _text_or_class_hook)
    converter.register_unstructure_hook_factory(has, _class_unstructure_hook)
    return converter


def _strict(kind: type) -> Callable[[Any, Any], Any]:
    """Return a hook that takes a value of KIND as it is, and nothing else."""
    accepted = (int, float) if kind is float else (kind,)

    def hook(value: Any, _: Any) -> Any:
        if type(value) not in accepted and not (kind is int and _is_whole(value)):
            raise _WrongTypeError(f"{_show(value)} is not {_KINDS[kind]}")
        return int(value) if kind is int else value

    return hook


def _is_whole(value: Any) -> bool:
    """Tell whether VALUE is a float such as 12.0, which some servers send for 12."""
    return type(value) is float and value.is_integer()


def _show(value: Any) -> str:
    """Show VALUE in a message, shortly, as JSON spells it."""
    names = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    if isinstance(value, dict | list):
        return f"{_KINDS[type(value)]}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_dict(cls: Any) -> bool:
    """Tell whether CLS is a dict: its keys are the caller's (metadata, schemas)."""
    return get_origin(cls) is dict


def _is_list(cls: Any) -> bool:
    """Tell whether CLS is a list."""
    return get_origin(cls) is list


def _list_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Lists are strict, and one object counts as a list of one."""
    from cattrs.cols import list_structure_factory

    inner = list_structure_factory(cls, converter)

    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            raise _WrongTypeError(f"{_show(value)} is not a list")
        return inner(value, _)

    return hook


def _union_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Decide a tagged union by its table."""
    union = tagged_union(cls)
    classes = (*union.classes.values(), union.unknown)
    hooks = {member: converter.get_structure_hook(member) for member in classes}

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise _WrongTypeError(f"{_show(value)} is not an object")
        member = union.choose(value)
        return hooks[member](value, member)

    return hook


def _is_text_or_class(cls: Any) -> bool:
    """Tell whether CLS is ``str | SomeClass``, with or without None."""
    found = members(cls)
    return len(found) == 2 and str in found  # noqa: PLR2004  # a text and a class


def _text_or_class_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """``"auto"`` or an object: a text stays, an object becomes the class."""
    other = next(member for member in members(cls) if member is not str)
    inner = converter.get_structure_hook(other)

    def hook(value: Any, _: Any) -> Any:
        return value if isinstance(value, str) else inner(value, other)

    return hook


def _class_hook(cls: type[Payload], converter: Converter) -> Callable[[Any, Any], Any]:
    """Objects: drop nulls, keep unknown keys in ``extra``, keep all of an Unknown in ``raw``."""
    from cattrs.gen import make_dict_structure_fn, override

    inner = make_dict_structure_fn(
        cls, converter, _cattrs_use_alias=True, _extra=override(omit=True)
    )
    known = {attribute.alias for attribute in fields(cls)} - {"extra"}
    keeps_all = "raw" in known

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise _WrongTypeError(f"{_show(value)} is not an object")
        present = {key: item for key, item in value.items() if item is not None}
        if keeps_all:
            present["raw"] = value
            return inner(present, cls)
        made = inner(present, cls)
        if not value.keys() <= known:
            made.keep_extra({key: item for key, item in value.items() if key not in known})
        return made

    return hook


def _class_unstructure_hook(cls: type, converter: Converter) -> Callable[[Any], Any]:
    """Undo ``_class_hook``."""
    names = [(x.name, x.alias) for x in fields(cls) if x.alias != "extra"]

    def hook(payload: Any) -> Any:
        raw = getattr(payload, "raw", None)
        if raw:
            return raw
        value = {alias: getattr(payload, name) for name, alias in names}
        made = {
            # A dict is what the server or the caller made it, as deep as that is.
            key: item if isinstance(item, dict) else converter.unstructure(item)
            for key, item in value.items()
            if item is not None and item not in ("", [], {})
        }
        return {**made, **payload.extra}

    return hook
