"""Fast path of ``convert/payloads``: payloads made by functions generated per class.

``constructor(cls)`` is the only entry point. It returns a function that makes a CLS from a JSON
value as cattrs would, five times as fast, or raises ``Unusual``: the value then takes the
ordinary path, which accepts it (one object where a list belongs, 12.0 for 12), leaves a field
out that is not needed, or says what is wrong. So a function here never explains anything.

The functions are generated from the same attrs classes and the same table of unions that
the ordinary path reads; property tests compare the two. This is the one for ``ImageFile``::

    def construct(d):
        if d.__class__ is not dict:
            raise Unusual
        made = new(cls)
        known = 2
        v = d.get("file_id", ...)
        if v.__class__ is not str:
            if v is ...:
                known -= 1
            elif v is not None:
                raise Unusual
            v = ""
        made.file_id = v
        v = d.get("detail", ...)
        if v.__class__ is not str:
            if v is ...:
                known -= 1
            elif v is not None:
                raise Unusual
            v = None
        made.detail = v
        made._extra = None
        if len(d) != known:
            made.keep_extra({k: x for k, x in d.items() if k not in keys})
        return made

Rules of these functions:

- ``...`` stands for a missing key: JSON has no such value. ``known`` counts the known keys
  that are present, so that unknown ones show without a look at each key.
- Likely values are tested first: a string for a string, null if null is the default.
- ``__init__`` is skipped: it would put the same values into the same slots. So payloads
  have no validators, no converters and no ``__attrs_post_init__``.
- Each class has one function, generated when its first object comes: most servers never send
  most of the classes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from attrs import NOTHING, fields, has, resolve_types

from stream_core.models.unions import is_tagged, members, tagged_union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attrs import Attribute

    from stream_core.models.unions import TaggedUnion

__all__ = ["Unusual", "constructor"]


class Unusual(Exception):  # noqa: N818  # not an error: it means "ask the ordinary path"
    """The value does not have the shape that servers send."""


#: Scalar type of a field -> the condition that a value ``v`` is not of that type.
_REFUSED: dict[Any, str] = {
    str: "v.__class__ is not str",
    int: "v.__class__ is not int",
    float: "v.__class__ is not int and v.__class__ is not float",
    bool: "v.__class__ is not bool",
    dict: "v.__class__ is not dict",
}

#: Factories of defaults -> the literals that replace them.
_LITERALS: dict[Any, str] = {list: "[]", dict: "{}"}


@cache
def constructor(cls: Any) -> Callable[[Any], Any]:
    """Return the function that makes a CLS from a JSON value.

    The cache has one entry per payload class, so it is bounded by the code. The function raises
    ``Unusual`` if the value must take the ordinary path.
    """
    resolve_types(cls)
    attributes = [x for x in fields(cls) if x.alias != "extra"]
    keys = frozenset(x.alias for x in attributes)
    scope = {"cls": cls, "keys": keys, "new": object.__new__, "Unusual": Unusual}
    exec("\n".join(_lines(attributes, scope)), scope)  # noqa: S102  # made of our own classes
    made: Callable[[Any], Any] = scope["construct"]
    return made


def _lines(attributes: Sequence[Attribute[Any]], scope: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the function; the values that they need go into SCOPE."""
    yield "def construct(d):"
    yield "    if d.__class__ is not dict: raise Unusual"
    yield "    made = new(cls)"
    yield f"    known = {len(attributes)}"
    for attribute in attributes:
        if attribute.alias == "raw":
            yield "    v = d"
        else:
            yield f"    v = d.get({attribute.alias!r}, ...)"
            yield from _indented(_field_lines(attribute, scope))
        yield f"    made.{attribute.name} = v"
    yield "    made._extra = None"
    if "raw" not in scope["keys"]:
        yield "    if len(d) != known:"
        yield "        made.keep_extra({k: x for k, x in d.items() if k not in keys})"
    yield "    return made"


def _indented(lines: list[str]) -> list[str]:
    """Return LINES one level deeper."""
    return [f"    {line}" for line in lines]


def _field_lines(attribute: Attribute[Any], scope: dict[str, Any]) -> list[str]:
    """Return the lines that turn the JSON value ``v`` into the value of one field."""
    kind = _without_none(attribute.type)
    default = attribute.default
    if default is NOTHING:  # the field is required
        return _value_lines(kind, ["raise Unusual"], scope)
    absent = [
        "if v is ...: known -= 1",
        "elif v is not None: raise Unusual",
        f"v = {_default(attribute, scope)}",
    ]
    lines = _value_lines(kind, absent, scope)
    if default is None and kind is not str:  # null is the most frequent value
        return ["if v is not None:", *_indented(lines)]
    return lines


def _default(attribute: Attribute[Any], scope: dict[str, Any]) -> str:
    """Return the expression for a field that is missing or null."""
    factory = getattr(attribute.default, "factory", None)
    if factory is None:
        return repr(attribute.default)
    return _LITERALS.get(factory) or f"{_named(factory, scope)}()"


def _named(value: Any, scope: dict[str, Any]) -> str:
    """Put VALUE into SCOPE; return its name there."""
    name = f"x{len(scope)}"
    scope[name] = value
    return name


def _without_none(kind: Any) -> Any:
    """Return X for ``X | None``, or else KIND."""
    found = members(kind)
    return found[0] if len(found) == 1 else kind


def _value_lines(kind: Any, absent: list[str], scope: dict[str, Any]) -> list[str]:
    """Return the lines that make a KIND from ``v``; ABSENT are those for any other value."""
    refused = _REFUSED.get(get_origin(kind) or kind)
    if refused is not None:
        return [f"if {refused}:", *_indented(absent)]
    if get_origin(kind) is list:
        test, lines = "v.__class__ is list", _list_lines(get_args(kind)[0], scope)
    elif is_tagged(kind):
        test, lines = "v.__class__ is dict", _union_lines(tagged_union(kind), scope)
    elif members(kind):  # a string or a class
        cls = next(member for member in members(kind) if member is not str)
        inner = _value_lines(cls, absent, scope)
        return [f"if {_REFUSED[str]}:", *_indented(inner)]
    elif has(kind):
        test, lines = "v is not None and v is not ...", [f"v = {_maker(kind, scope)}(v)"]
    else:  # any value
        return ["if v is None or v is ...:", *_indented(absent)]
    return [f"if {test}:", *_indented(lines), "else:", *_indented(absent)]


def _list_lines(kind: Any, scope: dict[str, Any]) -> list[str]:
    """Return the lines that turn the list ``v`` into a list of KIND."""
    lines = _value_lines(kind, ["raise Unusual"], scope)
    made = f"made{len(lines)}"  # a name of its own, because lists may be nested
    return [f"{made} = []", "for v in v:", *_indented([*lines, f"{made}.append(v)"]), f"v = {made}"]


def _union_lines(union: TaggedUnion, scope: dict[str, Any]) -> list[str]:
    """Return the lines that turn the dict ``v`` into a member of UNION."""

    def choose(value: Any) -> Any:
        cls: Any = union.choose(value)
        return constructor(cls)(value)

    cases = {f"t == {tag!r}": _maker(cls, scope) for tag, cls in union.classes.items()}
    cases["t is None"] = _named(choose, scope)
    lines = [f"elif {case}: v = {make}(v)" for case, make in cases.items()]
    lines[0] = lines[0].removeprefix("el")
    return ["t = v.get('type')", *lines, f"else: v = {_maker(union.unknown, scope)}(v)"]


def _maker(cls: Any, scope: dict[str, Any]) -> str:
    """Return the name in SCOPE of the function that makes a CLS, generated at its first use."""

    def first(value: Any) -> Any:
        scope[name] = make = constructor(cls)
        return make(value)

    name = _named(first, scope)
    return name
