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


#: Modules whose names need not be on the package's face, and why; those of every other must be.
INNER = {
    "handlers.machinery": "what the handler classes are made of",
    "handlers.checks": "used by EventHandler when a class is defined",
    "handlers.routes": "the table of callbacks, to be read there",
    "stream_core.tools.argument_types": "what tools are made of",
    "stream_core.client.auth": "what Client is made of",
    "stream_core.client.azure": "what Client.azure_agents and Client.azure_openai are made of",
    "stream_core.api.request": "what the resources of Client are made of",
    "stream_core.client.chat": "the attribute chat of Client",
    "stream_core.convert.fast_payloads": "fast path of convert",
    "stream_core.run_control.assistants": "what a stream of Client knows of its run",
    "stream_core.convert.payloads": "used by dialects; who needs the converter imports the module",
    "stream_core.dialects": "asked for by name: Stream(..., dialect=name)",
    "stream_core.dispatch": "what Stream is made of; Handler is on the face",
    "stream_core.decoding.fast_frames": "fast path of EventDecoder",
    "stream_core.snapshots.blocks": "used by the snapshots",
    "stream_core.http.transport": "what Client is made of; importing it loads requests",
    "stream_core.http.error_mapping": "used by http",
    "stream_core.http.session": "used by http, which has its public names",
    "stream_core.http.response_source": "used by http, which has its public names",
    "stream_core.convert.json_text": "used by the decoder",
    "stream_core.models.merging": "used by the snapshots",
    "stream_core.snapshots.messages": "used by the snapshots",
    "stream_core.models": "has names such as Text and Error: stream_core.models.Text",
    "stream_core.client.assistants_over_responses": "the attributes of Client with wire='responses'",
    "stream_core.api.pages": "what lists answer with; nobody makes one",
    "stream_core.api.assistants_params": "the keyword arguments of the calls",
    "stream_core.streams.run_reader": "what Stream is made of; Control is on the face",
    "stream_core.run_control.recovery": "used by control",
    "stream_core.client.assistants": "the attributes of Client",
    "stream_core.client.responses": "the attribute responses of Client",
    "stream_core.run_control.responses": "what a stream of the Responses wire knows of its run",
    "stream_core.tools.rounds": "used by control",
    "stream_core.snapshots.run_steps": "used by the snapshots",
    "stream_core.tools.schema": "needs the extra `tools`; used by tools",
    "stream_core.environment": "read from the environment",
    "stream_core.snapshots.stream_state": "used by EventDecoder",
    "stream_core.source": "what Stream is made of; Source is on the face",
    "stream_core.http.response_head": "used by http",
    "stream_core.client.streaming_calls": "what the resources of Client are made of",
    "stream_core.decoding.fast_deltas": "fast path of EventDecoder",
    "stream_core.testing": "needs the extra `testing`, so it is imported by its own name",
    "stream_core.tools.function": "what tools are made of",
    "stream_core.models.unions": "the table that convert reads",
    "stream_core.streams.event_contents": "the same functions as methods are on Stream",
    "stream_core.run_control.chained": "used by the clients of the other wires",
    "stream_core.api.responses_params": "the keyword arguments of the calls on the other wires",
}


def modules_of(package: str) -> list[str]:
    """Every module of PACKAGE by its full name, private ones and the package itself left out."""
    names = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(part for part in parts if part != "__init__"))
    return [name for name in names if name != package and "._" not in name]


def is_inner(name: str) -> bool:
    """Whether module NAME, or the package that it is in, keeps its names."""
    return any(name == inner or name.startswith(f"{inner}.") for inner in INNER)


MODULES = modules_of("stream_core") + modules_of("handlers")
ALL_MODULES = ["stream_core", *MODULES, "handlers"]
ON_THE_FACE = [name for name in MODULES if not is_inner(name)]


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


@pytest.mark.parametrize("name", ON_THE_FACE)
def test_public_names_are_on_the_face_of_their_package(name: str) -> None:
    """``from stream_core import X`` works for every X but those of the inner modules."""
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


def test_no_inner_module_is_listed_after_it_has_gone() -> None:
    """The table of inner modules names modules that exist."""
    assert set() == set(INNER) - set(MODULES)
