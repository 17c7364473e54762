"""JSON schemas from annotations and docstrings. Needs the extra ``tools``.

Rules of this file:

- It is the only importer of msgspec, which makes the schemas, and of docstring_parser, which
  reads docstrings in the styles of Google, NumPy and Sphinx.
- A schema is self-contained: msgspec's components are written out where they are used,
  because not every server reads ``$ref``. Only a class that contains itself stays one.
- Objects are closed (``additionalProperties`` is false), as ``argument_types`` requires.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, get_origin

try:
    import docstring_parser
    from msgspec import inspect as described
    from msgspec import json as msgspec_json
except ImportError as error:
    raise ImportError(
        "making a tool's JSON schema from its signature needs msgspec and docstring_parser, an "
        'extra: run pip install "until-done[tools]", or give a definition with the function'
    ) from error

from .argument_types import unstructure_any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["describe"]

_JSON_TYPES = {str: "string", int: "integer"}


def describe(
    docstring: str, kinds: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Describe a function for a model.

    Args:
        docstring: The function's docstring; "" if it has none.
        kinds: Parameters in order, with the types of their annotations. ``msgspec.Meta`` in
            an ``Annotated`` goes into the schema.
        defaults: The defaults of those that have one; any that JSON cannot hold is left out.

    Returns:
        The docstring's text before its sections, and the JSON schema of the parameters.

    Raises:
        TypeError: A type has no JSON schema; the sentence names the parameter.
    """
    for name, kind in kinds.items():
        try:
            msgspec_json.schema_components([kind])
        except Exception as error:
            # Annotations are code: evaluating those of the user's classes may raise anything.
            sentence = " ".join(str(error).split())
            raise TypeError(f"parameter {name!r} has no JSON schema: {sentence}") from error
    plain, components = msgspec_json.schema_components(kinds.values())
    inliner = _Inliner(components)
    description, documented = _documented(docstring)
    properties = {}
    infos = described.multi_type_info(kinds.values())
    for name, schema, info in zip(kinds, plain, infos, strict=True):
        whole = _with_description(inliner.inline(schema, info), documented.get(name))
        properties[name] = whole | _default(name, defaults)
    made: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": [name for name in kinds if name not in defaults],
        "additionalProperties": False,
    }
    if recursive := inliner.recursive():
        made["$defs"] = recursive
    return description, made


def _documented(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the description in DOCSTRING, and those of its parameters or attributes."""
    text = cleandoc(docstring)
    try:
        parsed = docstring_parser.parse(text)
    except Exception:  # noqa: BLE001  # its parsers fail on some texts; take it as one description
        return text, {}
    names = {
        name.strip(): " ".join((entry.description or "").split())
        for entry in parsed.params
        for name in entry.arg_name.split(",")  # NumPy's style may document two at once
    }
    return (parsed.description or "").strip(), names


def _with_description(schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    """Return SCHEMA with DESCRIPTION, if there is one, instead of its own."""
    return schema | ({"description": description} if description else {})


def _default(name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a parameter's schema with its default."""
    if name not in defaults:
        return {}
    try:
        default = unstructure_any(defaults[name])
        json.dumps(default, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {}
    return {"default": default}


class _Inliner:
    """Writes out components where they are used, and adds what msgspec leaves out."""

    def __init__(self, components: dict[str, Any]) -> None:
        self._components = components
        self._recursive: dict[str, described.Type] = {}

    def inline(
        self, schema: dict[str, Any], info: described.Type, above: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Return SCHEMA, which msgspec made for the type INFO, in self-contained form.

        Args:
            schema: A schema; it is not changed.
            info: msgspec's description of the type.
            above: The components that SCHEMA is part of.
        """
        while isinstance(info, described.Metadata):
            info = info.type
        made = dict(schema)
        match info:
            case described.DateTimeType():
                made["format"] = "date-time"
            case described.TimeType():
                made["format"] = "time"
            case described.LiteralType():
                made |= _json_type(made["enum"])
            case described.CollectionType() if "items" in made:
                made["items"] = self.inline(made["items"], info.item_type, above)
            case described.DictType() if "additionalProperties" in made:
                inner = made["additionalProperties"]
                made["additionalProperties"] = self.inline(inner, info.value_type, above)
            case described.UnionType():
                # msgspec puts null last.
                found = sorted(info.types, key=lambda x: isinstance(x, described.NoneType))
                pairs = zip(made["anyOf"], found, strict=True)
                made["anyOf"] = [self.inline(option, inner, above) for option, inner in pairs]
            case _ if "$ref" in made:
                return self._inline_component(made, info, above)
        return made

    def recursive(self) -> dict[str, Any]:
        """Return the components that contain themselves, by name."""
        found: dict[str, Any] = {}
        while pending := self._recursive.keys() - found.keys():
            for name in sorted(pending):
                found[name] = self._component(name, self._recursive[name], (name,))
        return found

    def _inline_component(
        self, schema: dict[str, Any], info: described.Type, above: tuple[str, ...]
    ) -> dict[str, Any]:
        """Replace SCHEMA by the component that it refers to."""
        name = schema["$ref"].rpartition("/")[2]
        if name in above:
            self._recursive[name] = info
            return schema
        del schema["$ref"]
        return self._component(name, info, (*above, name)) | schema

    def _component(self, name: str, info: described.Type, above: tuple[str, ...]) -> dict[str, Any]:
        """Return one component: an enum, or a class with fields."""
        made = {key: item for key, item in self._components[name].items() if key != "title"}
        description, documented = _documented(made.pop("description", ""))
        if not isinstance(info, described.DataclassType | described.TypedDictType):
            return _with_description(_json_type(made["enum"]) | made, description)
        hidden = _not_given(info.cls)
        made["properties"] = {
            field.encode_name: _with_description(
                self.inline(made["properties"][field.encode_name], field.type, above),
                documented.get(field.name),
            )
            for field in info.fields
            if field.name not in hidden
        }
        made["required"] = [key for key in made["required"] if key not in hidden]
        made["additionalProperties"] = False
        return _with_description(made, description)


def _json_type(values: list[Any]) -> dict[str, str]:
    """Return the part of a schema with the type of VALUES, if they have one in common."""
    types = {type(value) for value in values}
    return {"type": _JSON_TYPES[types.pop()]} if len(types) == 1 and types <= {str, int} else {}


def _not_given(cls: Any) -> set[str]:
    """Return the fields of CLS that its constructor does not take."""
    origin = get_origin(cls) or cls
    found = getattr(origin, "__attrs_attrs__", None)
    if found is None:
        found = getattr(origin, "__dataclass_fields__", {}).values()
    return {field.name for field in found if not field.init}
