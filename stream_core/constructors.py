"""Fast path of ``convert``: payloads made by functions that are written per class.

``constructor(cls)`` is the one entry point. It returns a function that makes a CLS of a JSON
value as ``convert`` would with cattrs, about five times as fast, or raises ``Unusual``: then
the value goes the ordinary way, which either takes it (one object where a list belongs, 12.0
for 12) or says what is wrong. So a function here never explains anything.

The functions are generated from the same attrs classes and the same table of unions that
the ordinary way reads; property tests compare the two.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from attrs import NOTHING, fields, has, resolve_types

from .unions import is_tagged, members, tagged_union

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

__all__ = ["Unusual", "constructor"]


class Unusual(Exception):  # noqa: N818  # no error: it says "ask the ordinary path"
    """The value is not of the shape that servers send."""


#: Scalar type of a field to what is true of a value ``v`` that is none of it.
_REFUSED: dict[Any, str] = {
    str: "v.__class__ is not str",
    int: "v.__class__ is not int",
    float: "v.__class__ is not float and v.__class__ is not int",
    bool: "v.__class__ is not bool",
    dict: "v.__class__ is not dict",
}


@cache
def constructor(cls: Any) -> Callable[[Any], Any]:
    """Return the function that makes a CLS of a JSON value.

    The cache has one entry per payload class, so it is bounded by the code.

    Raises:
        Unusual: By the function: the value must go the ordinary way.
    """
    resolve_types(cls)
    attributes = [x for x in fields(cls) if x.alias != "extra"]
    scope: dict[str, Any] = {"cls": cls, "Unusual": Unusual}
    lines = [
        "def construct(d):",
        "    if d.__class__ is not dict: raise Unusual",
        "    get = d.get",
    ]
    for number, attribute in enumerate(attributes):
        if attribute.alias == "raw":
            lines.append(f"    v{number} = d")
            continue
        lines += _field_lines(attribute, number, scope)
    arguments = ", ".join(f"v{number}" for number in range(len(attributes)))
    lines.append(f"    made = cls({arguments})")
    aliases = {attribute.alias for attribute in attributes}
    if "raw" not in aliases:
        scope["known"] = frozenset(aliases)
        lines += [
            "    if not known.issuperset(d):",
            "        made.keep_extra({k: x for k, x in d.items() if k not in known})",
        ]
    lines.append("    return made")
    exec("\n".join(lines), scope)  # noqa: S102  # the source is made of our own class definitions
    made: Callable[[Any], Any] = scope["construct"]
    return made


def _field_lines(attribute: Attribute[Any], number: int, scope: dict[str, Any]) -> list[str]:
    """Return the lines that put one field's value into its variable."""
    make = _maker(attribute.type)
    default = _default(attribute, number, scope)
    refused = _REFUSED.get(_scalar(attribute.type))
    lines = [f"    v = get({attribute.alias!r})"]
    if attribute.default is NOTHING:  # it must be there
        lines.append("    if v is None: raise Unusual")
    if refused is not None:
        if default == "None":
            lines.append(f"    if v is not None and ({refused}): raise Unusual")
        else:
            lines.append(f"    if {refused}:")
            lines.append("        if v is not None: raise Unusual")
            lines.append(f"        v = {default}")
    elif make is None:
        lines.append(f"    if v is None: v = {default}")
    else:
        scope[f"make{number}"] = make
        lines.append(f"    v = {default} if v is None else make{number}(v)")
    lines.append(f"    v{number} = v")
    return lines


def _default(attribute: Attribute[Any], number: int, scope: dict[str, Any]) -> str:
    """Return the expression for a field that is missing or null."""
    default = attribute.default
    if default is NOTHING or default is None:
        return "None"
    factory = getattr(default, "factory", None)  # attrs.Factory is a function to type checkers
    if factory is None:
        return repr(default)
    scope[f"default{number}"] = factory
    return f"default{number}()"


def _scalar(kind: Any) -> Any:
    """Return the scalar that KIND is, with or without None, or None."""
    kind = _without_none(kind)
    origin = get_origin(kind) or kind
    return origin if origin in _REFUSED else None


def _without_none(kind: Any) -> Any:
    """Return X for ``X | None``, else KIND."""
    found = members(kind)
    return found[0] if len(found) == 1 else kind


def _maker(kind: Any) -> Callable[[Any], Any] | None:
    """Return what makes a value of type KIND of a JSON value; None where it stays as it is."""
    kind = _without_none(kind)
    if is_tagged(kind):
        return _union_maker(kind)
    if get_origin(kind) is list:
        return _list_maker(get_args(kind)[0])
    if members(kind):
        return _text_or_class_maker(kind)
    return constructor(kind) if has(kind) else None


def _list_maker(kind: Any) -> Callable[[Any], Any]:
    """Return what makes a list of KIND."""
    make = _maker(kind)
    if make is None:

        def check_list(value: Any) -> Any:
            if value.__class__ is not list or any(item.__class__ is not kind for item in value):
                raise Unusual
            return value.copy()

        return check_list

    def make_list(value: Any) -> Any:
        if value.__class__ is not list:
            raise Unusual
        return [make(item) for item in value]

    return make_list


def _union_maker(kind: Any) -> Callable[[Any], Any]:
    """Return what makes a member of a tagged union."""
    union = tagged_union(kind)
    makers = {tag: constructor(cls) for tag, cls in union.classes.items()}

    def make_member(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Unusual
        tag = value.get("type")
        if tag.__class__ is str and tag in makers:
            return makers[tag](value)
        chosen: Any = union.choose(value)
        return constructor(chosen)(value)

    return make_member


def _text_or_class_maker(kind: Any) -> Callable[[Any], Any]:
    """Return what leaves a text and makes the class of an object."""
    make = constructor(next(member for member in members(kind) if member is not str))

    def make_text_or_class(value: Any) -> Any:
        return value if value.__class__ is str else make(value)

    return make_text_or_class
