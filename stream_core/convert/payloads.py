"""JSON values become payloads here, and payloads JSON values: the one cattrs converter.

Rules of this file:

- It is the only importer of cattrs, on first use: reading a recording that fails at its
  first frame, or only importing the package, does not pay for it.
- Scalars are strict: a number is not a string, ``true`` is not a number. A float field
  accepts an int, which stays an int.
- Only a field that is needed (``Payload.NEEDED``) can fail; it is named with its JSON path in
  ``DecodeError.paths``. Any other field of the wrong type keeps its default.

Server data is converted leniently; ``tools/argument_types`` makes a stricter converter from
the same parts, for a model's arguments:

- null counts as missing: the field keeps its default.
- 12.0 and "12" are integers where one belongs.
- One object where a list belongs is a list of one (Alibaba's servers send
  ``delta.content`` like this).
- A union is decided by its tag, from the table in ``models/unions``.
"""

from __future__ import annotations

from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_origin

from attrs import fields, has, resolve_types

from stream_core import environment
from stream_core.errors import DecodeError
from stream_core.models.unions import is_tagged, members, tagged_union

from .fast_payloads import Unusual, constructor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cattrs import Converter

    from stream_core.models import Payload

__all__ = [
    "KINDS",
    "Row",
    "WrongTypeError",
    "converter_with",
    "is_whole",
    "list_hook",
    "show",
    "strict",
    "structure",
    "unstructure",
    "validated",
]

T = TypeVar("T")

#: Whether a type is meant, and its hook, made from the type and the converter.
Row: TypeAlias = "tuple[Callable[[Any], bool], Callable[[Any, Any], Any]]"

#: How many characters of a bad value are shown: enough to find it.
_SHOWN = 60

#: The longest text that is read as an integer: every integer of 64 bits has no more digits.
_MOST_DIGITS = 19

#: The types of JSON, in words.
KINDS: dict[Any, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    NoneType: "null",
}


class WrongTypeError(TypeError):
    """A JSON value has another type than its field; the sentence says which."""


def structure(cls: type[T], value: object) -> T:
    """Make a CLS from a JSON value.

    Args:
        cls: A payload class, e.g. ``models.Run``.
        value: A result of ``json.loads``.

    Returns:
        The payload; it may share nested dicts (``metadata``, ``raw``, ...) with VALUE.

    Raises:
        DecodeError: VALUE is not a CLS; ``paths`` names every bad field that is needed.
    """
    if environment.FAST:
        kind: Any = cls  # a payload's class is hashable, although its instances are not
        try:
            fast: T = constructor(kind)(value)
        except Unusual:
            pass
        else:
            return fast
    hook = _converter().get_structure_hook(cls)
    made: T = validated(hook, value, cls, message=f"the data is not a {cls.__name__}")
    return made


def unstructure(value: object) -> Any:
    """Make a JSON value from a payload, or from a list or dict that holds payloads.

    Fields that are None or empty are left out; ``extra`` and ``raw`` go back where they came
    from. Anything else is returned as it is.
    """
    return _converter().unstructure(value)


def validated(
    hook: Callable[[Any, Any], Any],
    value: object,
    cls: Any,
    *,
    message: str,
    sentence: Callable[[BaseException, Any], str] = lambda error, _: str(error),
) -> Any:
    """Make a CLS from VALUE with HOOK.

    Args:
        hook: A structure hook of a converter.
        value: A JSON value.
        cls: The type that HOOK is for.
        message: The error's message if VALUE is not a CLS.
        sentence: Puts one error, and the type of its value, into words.

    Raises:
        DecodeError: VALUE is not a CLS; ``paths`` names everything that is wrong.
    """
    from cattrs import BaseValidationError

    try:
        return hook(value, cls)
    except (BaseValidationError, WrongTypeError) as error:
        raise DecodeError(message, paths=_paths(error, sentence)) from error


def _paths(error: Exception, sentence: Callable[[BaseException, Any], str]) -> list[str]:
    """Return ``path: what is wrong`` for each error in ERROR."""
    from cattrs import transform_error

    # Lines are "sentence @ path", and a key in the path may contain " @ ": without sentences,
    # the rest is the path.
    sentences: list[str] = []

    def keep(exc: BaseException, kind: Any) -> str:
        sentences.append(sentence(exc, kind))
        return ""

    lines = transform_error(error, path="$", format_exception=keep)
    paths = (line.removeprefix(" @ ") for line in lines)
    return [f"{path}: {text}" for path, text in zip(paths, sentences, strict=True)]


def converter_with(rows: Sequence[Row], **settings: Any) -> Converter:
    """Build a converter that structures by a table alone, without cattrs' own hooks.

    cattrs itself would first look for the hook of a base class, which is ``str`` for many enums.

    Args:
        rows: The first one that accepts a type makes its hook; one must accept every type.
        settings: Settings of cattrs.
    """
    from cattrs import Converter

    hooks: dict[Any, Any] = {}

    class ByRows(Converter):
        """Finds hooks in ROWS."""

        def get_structure_hook(
            self,
            type: Any,
            cache_result: bool = True,  # noqa: ARG002, FBT001, FBT002  # the signature is cattrs'
        ) -> Any:
            if type not in hooks:
                make = next(make for accepts, make in rows if accepts(type))
                hooks[type] = make(type, self)
            return hooks[type]

        def structure(self, obj: Any, cl: Any) -> Any:
            return self.get_structure_hook(cl)(obj, cl)

    return ByRows(detailed_validation=True, **settings)


@cache
def _converter() -> Converter:
    """Build the converter, once."""
    from cattrs import Converter

    converter = Converter(detailed_validation=True, use_alias=True)
    converter.register_structure_hook_factory(has, _class_hook)
    for scalar in (str, float, bool, dict):
        converter.register_structure_hook(scalar, strict(scalar))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook_func(_is_dict, strict(dict))
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(is_tagged, _union_hook)
    converter.register_structure_hook_factory(_is_text_or_class, _text_or_class_hook)
    converter.register_unstructure_hook_factory(has, _class_unstructure_hook)
    return converter


def strict(kind: type) -> Callable[[Any, Any], Any]:
    """Return a hook that accepts a value of KIND as it is, and nothing else."""
    accepted = (int, float) if kind is float else (kind,)

    def hook(value: Any, _: Any) -> Any:
        if type(value) not in accepted and not (kind is int and is_whole(value)):
            raise WrongTypeError(f"{show(value)} is not {KINDS[kind]}")
        return int(value) if kind is int else value

    return hook


_strict_integer = strict(int)


def _integer(value: Any, _: Any) -> Any:
    """Convert an integer, which some servers send as text."""
    if type(value) is str and len(value) <= _MOST_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    return _strict_integer(value, int)


def is_whole(value: Any) -> bool:
    """Return whether VALUE is a float such as 12.0, which some servers send for 12."""
    return type(value) is float and value.is_integer()


def show(value: Any) -> str:
    """Return VALUE in short form for a message, as JSON spells it."""
    names = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    if isinstance(value, dict | list):
        return f"{KINDS[type(value)]}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_dict(cls: Any) -> bool:
    """Return whether CLS is a dict: its keys are the caller's (metadata, schemas)."""
    return get_origin(cls) is dict


def _is_list(cls: Any) -> bool:
    """Return whether CLS is a list."""
    return get_origin(cls) is list


def list_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Return the strict hook for CLS, a ``list[...]``."""
    from cattrs.cols import list_structure_factory

    inner = list_structure_factory(cls, converter)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise WrongTypeError(f"{show(value)} is not a list")
        return inner(value, _)

    return hook


def _list_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Convert lists; one object counts as a list of one."""
    inner = list_hook(cls, converter)
    return lambda value, _: inner([value] if isinstance(value, dict) else value, _)


def _union_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Convert a tagged union by its table."""
    from cattrs import BaseValidationError

    union = tagged_union(cls)
    classes = (*union.classes.values(), union.unknown)
    hooks = {member: converter.get_structure_hook(member) for member in classes}

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise WrongTypeError(f"{show(value)} is not an object")
        member = union.choose(value)
        try:
            return hooks[member](value, member)
        except (BaseValidationError, WrongTypeError):
            if not union.forgiving:
                raise
            return hooks[union.unknown](value, union.unknown)

    return hook


def _is_text_or_class(cls: Any) -> bool:
    """Return whether CLS is ``str | SomeClass``, with or without None."""
    found = members(cls)
    return len(found) == 2 and str in found  # noqa: PLR2004  # a string and a class


def _text_or_class_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Convert ``"auto"`` or an object: a string stays, an object becomes the class."""
    other = next(member for member in members(cls) if member is not str)
    inner = converter.get_structure_hook(other)

    def hook(value: Any, _: Any) -> Any:
        return value if isinstance(value, str) else inner(value, other)

    return hook


def _class_hook(cls: type[Payload], converter: Converter) -> Callable[[Any, Any], Any]:
    """Convert objects: drop nulls, keep what the class cannot hold in ``extra``.

    All of an Unknown is in ``raw``.
    """
    from cattrs import BaseValidationError
    from cattrs.gen import make_dict_structure_fn, override

    hooks = _unneeded_hooks(cls, converter)
    made_before: dict[str, Any] = {
        # They are converted before; the class only takes them.
        attribute.name: override(struct_hook=lambda value, _: value)
        for attribute in fields(cls)
        if attribute.alias in hooks
    }
    inner = make_dict_structure_fn(
        cls, converter, _cattrs_use_alias=True, _extra=override(omit=True), **made_before
    )
    known = {attribute.alias for attribute in fields(cls)} - {"extra"}
    keeps_all = "raw" in known

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise WrongTypeError(f"{show(value)} is not an object")
        extra = {key: item for key, item in value.items() if key not in known}
        present = {key: x for key, x in value.items() if x is not None and key in known}
        for key in [key for key in present if key in hooks]:
            convert, kind = hooks[key]
            try:
                present[key] = convert(present[key], kind)
            except (BaseValidationError, WrongTypeError):
                extra[key] = present.pop(key)
        if keeps_all:
            present["raw"] = value
            return inner(present, cls)
        made = inner(present, cls)
        if extra:
            made.keep_extra(extra)
        return made

    return hook


def _unneeded_hooks(
    cls: type[Payload], converter: Converter
) -> dict[str, tuple[Callable[[Any, Any], Any], Any]]:
    """Return, by key, hook and type of each field of CLS that is not needed."""
    needed = cls.NEEDED
    if needed is None:
        return {}
    resolve_types(cls)
    return {
        x.alias: (converter.get_structure_hook(x.type), x.type)
        for x in fields(cls)
        if x.alias not in {*needed, "extra", "raw"}
    }


def _class_unstructure_hook(cls: type, converter: Converter) -> Callable[[Any], Any]:
    """Undo ``_class_hook``."""
    names = [(x.name, x.alias) for x in fields(cls) if x.alias != "extra"]

    def hook(payload: Any) -> Any:
        raw = getattr(payload, "raw", None)
        if raw:
            return raw
        value = {alias: getattr(payload, name) for name, alias in names}
        made = {
            # A dict stays as the server or the caller made it, at every depth.
            key: item if isinstance(item, dict) else converter.unstructure(item)
            for key, item in value.items()
            if item is not None and item not in ("", [], {})
        }
        return {**made, **payload.extra}

    return hook
