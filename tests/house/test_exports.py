"""What is public: each module's ``__all__``, the packages' faces, and a docstring for each name.

The order inside an ``__all__`` is ruff's business (RUF022).
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import pytest

import handlers
import stream_core
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


#: Modules all of whose names are on the face of their package; users need no other module of a
#: room, but for those that the pages name (``stream_core.testing``, ``stream_core.models``).
OUTER = {
    "handlers.azure": "AgentEventHandler",
    "handlers.base": "EventHandler",
    "handlers.text": "what keeps text",
    "stream_core.client.client": "Client",
    "stream_core.decoding.decoder": "EventDecoder",
    "stream_core.errors": "what may be raised",
    "stream_core.sse": "frames, for whoever reads another wire",
    "stream_core.streams.stream": "Stream, and what it is made with",
    "stream_core.streams.text_reader": "what Stream.text is",
    "stream_core.tools.tool_set": "ToolSet, and what it raises",
}


def modules_of(package: str) -> list[str]:
    """Every module of PACKAGE by its full name, private ones and the package itself left out."""
    names = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(part for part in parts if part != "__init__"))
    return [name for name in names if name != package and "._" not in name]


MODULES = modules_of("stream_core") + modules_of("handlers")
ALL_MODULES = ["stream_core", *MODULES, "handlers"]


def public_members(name: str) -> Iterator[tuple[str, Any]]:
    """The public classes and functions of module NAME, and the classes' own methods."""
    module = importlib.import_module(name)
    for public in module.__all__:
        member = getattr(module, public)
        if inspect.isfunction(member):
            yield public, member
        elif inspect.isclass(member) and member.__module__ == name:
            yield public, member
            for attribute, value in vars(member).items():
                if not attribute.startswith("_") and is_documentable(value):
                    yield f"{public}.{attribute}", value


def is_documentable(value: object) -> bool:
    """Whether a class attribute is a method or a property."""
    return inspect.isroutine(value) or isinstance(value, property)


@pytest.mark.parametrize("name", ALL_MODULES)
def test_every_module_says_what_is_public(name: str) -> None:
    """Every module has an ``__all__``, without repetitions, and every name in it exists."""
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [] == [public for public in module.__all__ if not hasattr(module, public)]


@pytest.mark.parametrize("name", ALL_MODULES)
def test_everything_public_has_a_docstring(name: str) -> None:
    """The module, and each public class, function, method and property in it, is documented."""
    assert importlib.import_module(name).__doc__
    undocumented = [
        public
        for public, member in public_members(name)
        # A method may inherit its contract, from io for example; a class says what it is itself.
        if not (member.__doc__ if inspect.isclass(member) else documentation(name, public))
    ]
    assert [] == undocumented


def documentation(module: str, path: str) -> str | None:
    """The docstring of the function, method or property at PATH in MODULE, inherited if need be."""
    member: Any = importlib.import_module(module)
    for part in path.split("."):
        member = getattr(member, part)
    return inspect.getdoc(member)


@pytest.mark.parametrize("name", OUTER)
def test_public_names_are_on_the_face_of_their_package(name: str) -> None:
    """``from stream_core import X`` works for every X of the outer modules."""
    face = stream_core if name.startswith("stream_core.") else handlers
    module = importlib.import_module(name)
    assert set() == set(module.__all__) - set(face.__all__)
    assert [] == [x for x in module.__all__ if getattr(face, x) is not getattr(module, x)]


@pytest.mark.parametrize("face", [stream_core, handlers], ids=lambda face: str(face.__name__))
def test_the_face_of_a_package_has_only_names_of_its_modules(face: ModuleType) -> None:
    """Every re-exported name is public in the module that it comes from."""
    package = face.__name__
    public = {
        name for module in modules_of(package) for name in importlib.import_module(module).__all__
    }
    assert set() == set(face.__all__) - public - {"__version__"}


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """Names that are loaded at first use do not make every name exist."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = stream_core.no_such_name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = stream_core.http.no_such_name


def test_the_places_that_the_documents_name_are_there() -> None:
    """They do not move with the modules."""
    for place, names in {
        "stream_core.http": ("retrying_adapter", "ResponseSource"),
        "stream_core.testing": ("LocalServer", "Fault", "Framing", "Say", "RunCode", "Fail"),
        "stream_core.models": ("Run", "Message", "Text"),
        "handlers": ("EventHandler", "AgentEventHandler", "TextAccumulator"),
    }.items():
        module = importlib.import_module(place)
        assert [] == [name for name in names if not hasattr(module, name)]


def test_no_outer_module_is_listed_after_it_has_gone() -> None:
    """The table of outer modules names modules that exist."""
    assert set() == set(OUTER) - set(MODULES)
