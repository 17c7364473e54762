"""The import direction, as one table, and one place for each library of others.

Imports are read from the source, so those inside functions and under ``TYPE_CHECKING`` count too:
what only a type checker sees is still a dependency for whoever reads the file.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import stream_core
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("stream_core", "handlers")

#: From the ground up: a module imports only from lines before its own. A package on a line
#: (dialects, testing, handlers) stands for its modules, which may import each other.
LAYERS = (
    ("stream_core.errors", "stream_core.environment"),
    ("stream_core.convert.json_text", "stream_core.sse"),
    ("stream_core.models",),
    ("stream_core.events", "stream_core.models.merging", "stream_core.models.unions"),
    ("stream_core.convert.fast_payloads",),
    ("stream_core.convert.payloads",),
    ("stream_core.tools.argument_types",),
    ("stream_core.tools.schema",),
    ("stream_core.tools.function",),
    ("stream_core.tools.tool_set",),
    ("stream_core.dialects",),
    ("stream_core.snapshots.blocks",),
    ("stream_core.snapshots.messages", "stream_core.snapshots.run_steps"),
    ("stream_core.snapshots.stream_state",),
    ("stream_core.run_control.recovery", "stream_core.tools.rounds"),
    ("stream_core.decoding.fast_deltas",),
    ("stream_core.decoding.fast_frames",),
    ("stream_core.decoding.decoder",),
    (
        "stream_core.dispatch",
        "stream_core.streams.text_reader",
        "stream_core.streams.event_contents",
    ),
    ("stream_core.source",),
    ("stream_core.streams.run_reader",),
    ("stream_core.streams.stream",),
    ("stream_core.client.auth", "stream_core.http.error_mapping", "stream_core.http.response_head"),
    ("stream_core.http.session", "stream_core.http.response_source"),
    ("stream_core.http.transport",),
    ("stream_core.client.azure",),
    ("stream_core.api.pages", "stream_core.api.assistants_params"),
    ("stream_core.api.responses_params",),
    ("stream_core.api.request",),
    ("stream_core.run_control.assistants",),
    ("stream_core.client.streaming_calls",),
    ("stream_core.run_control.chained",),
    ("stream_core.client.chat", "stream_core.run_control.responses"),
    ("stream_core.client.responses",),
    ("stream_core.client.assistants",),
    ("stream_core.client.assistants_over_responses",),
    ("stream_core.client.client",),
    # The package's own face: nothing above this line may say `from stream_core import Name`.
    ("stream_core",),
    ("stream_core.testing",),
    ("handlers",),
)

#: All of HTTP: http, and what it is made of.
HTTP = {
    "stream_core.http.transport",
    "stream_core.http.error_mapping",
    "stream_core.http.session",
    "stream_core.http.response_source",
}

#: Who may import each library of others; None is everybody. What is not here is not a dependency.
IMPORTERS = {
    "aiohttp": {"stream_core.testing.server"},
    "attrs": None,
    "cattrs": {"stream_core.convert.payloads"},
    "docstring_parser": {"stream_core.tools.schema"},
    "msgspec": {"stream_core.tools.schema"},
    "orjson": {"stream_core.convert.json_text"},
    "requests": HTTP - {"stream_core.http.error_mapping"},
    "urllib3": HTTP,
}

#: Libraries that somebody who decodes a recording must not pay for.
NOT_AT_IMPORT = {
    "aiohttp",
    "cattrs",
    "docstring_parser",
    "msgspec",
    "orjson",
    "requests",
    "urllib3",
}


def module_name(path: Path) -> str:
    """stream_core/dialects/assistants.py is stream_core.dialects.assistants."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported_names(name: str, source: str) -> Iterator[str]:
    """Every module that the source of module NAME imports, wherever the import stands in it.

    ``from package import name`` counts as ``package.name`` where that is a module of ours, and as
    ``package`` otherwise. ``import_module`` and ``__import__`` count when they are given a string.
    """
    package = name if SOURCES.get(name, Path()).name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                origin = ".".join([*parents, *([module] if module else [])])
                for alias in names:
                    inner = f"{origin}.{alias.name}"
                    yield inner if inner in SOURCES else origin
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(target)), *_],
            ):
                yield target


def layer_of(name: str) -> int:
    """The line of LAYERS that module NAME is on: its own, or that of its package."""
    for height, names in enumerate(LAYERS):
        if name in names:
            return height
    # A package's line holds for its modules, but `stream_core` is not a line for all its modules.
    package = name.rpartition(".")[0]
    if package in {"", "stream_core"}:
        message = f"{name} is on no line of LAYERS: put it on one"
        raise LookupError(message)
    return layer_of(package)


def goes_up(importer: str, imported: str) -> bool:
    """Whether IMPORTER may not import IMPORTED, both modules of ours."""
    ours, theirs = layer_of(importer), layer_of(imported)
    same_package = len(LAYERS[ours]) == 1 and importer != imported
    return theirs > ours or (theirs == ours and not same_package)


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_imports_only_from_the_layers_below_it(name: str) -> None:
    """No module of ours imports one that stands on its own line of the table or above."""
    imported = set(imported_names(name, SOURCES[name].read_text("utf-8")))
    ours = {target for target in imported if target.partition(".")[0] in PACKAGES}
    assert [] == sorted(target for target in ours if goes_up(name, target))


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_imports_only_libraries_that_are_its_own_to_import(name: str) -> None:
    """Each library of others has its importers, so that it can be changed in one place."""
    imported = {
        target.partition(".")[0]
        for target in imported_names(name, SOURCES[name].read_text("utf-8"))
    }
    foreign = imported - sys.stdlib_module_names - set(PACKAGES)
    allowed = {
        library
        for library, importers in IMPORTERS.items()
        if importers is None or name in importers
    }
    assert set() == foreign - allowed


@pytest.mark.parametrize(
    "name",
    sorted(
        {name for line in LAYERS for name in line} | set().union(*filter(None, IMPORTERS.values()))
    ),
)
def test_the_tables_name_modules_that_exist(name: str) -> None:
    """No line of the tables outlives its module."""
    assert name in SOURCES


def test_the_map_of_the_package_names_every_module_in_import_order() -> None:
    """The docstring of stream_core is the table once more, for whoever reads it first."""
    named = re.findall(r"``([a-z_]+)``", str(stream_core.__doc__))
    places = {f"stream_core.{name}": place for place, name in enumerate(dict.fromkeys(named))}
    modules = {name for name in SOURCES if name.count(".") == 1 and name.startswith("stream_core")}
    assert set() == modules - set(places)
    too_early = [
        (name, target)
        for name in sorted(modules)
        for target in imported_names(name, SOURCES[name].read_text("utf-8"))
        if target in places and places[target] > places[name]
    ]
    assert [] == too_early


# orjson is left out: it has its place in the table before anything needs it.
@pytest.mark.parametrize(
    "library", ["aiohttp", "cattrs", "docstring_parser", "msgspec", "requests", "urllib3"]
)
def test_every_library_in_the_table_is_imported_by_its_importer(library: str) -> None:
    """No library stays in the table after the last import of it has gone."""
    importers = {
        name
        for name, path in SOURCES.items()
        for target in imported_names(name, path.read_text("utf-8"))
        if target.partition(".")[0] == library
    }
    assert IMPORTERS[library] == importers


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import requests.adapters", {"requests.adapters"}),
        ("def f():\n    from urllib3 import Retry", {"urllib3"}),
        ("if TYPE_CHECKING:\n    from cattrs import Converter", {"cattrs"}),
        ("from stream_core import errors", {"stream_core.errors"}),
        ("from stream_core import StreamError", {"stream_core"}),
        ("from . import errors", {"stream_core.errors"}),
        ("from .errors import StreamError", {"stream_core.errors"}),
        ("importlib.import_module('orjson')", {"orjson"}),
        ("from importlib import import_module\nimport_module('orjson')", {"importlib", "orjson"}),
    ],
)
def test_every_kind_of_import_is_read(source: str, expected: set[str]) -> None:
    """An import is found at any depth and in any spelling."""
    assert expected == set(imported_names("stream_core.sse", source))


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("stream_core.sse", "stream_core.errors", False),
        ("stream_core.errors", "stream_core.sse", True),
        ("stream_core.sse", "stream_core.models", True),
        ("stream_core.dialects", "stream_core.dialects.assistants", False),
        ("stream_core.dialects.assistants", "stream_core.decoding.decoder", True),
        ("stream_core.streams.stream", "stream_core", True),
        ("stream_core.client.client", "handlers.base", True),
        ("handlers.base", "stream_core.events", False),
        ("handlers.base", "handlers.text", False),
    ],
)
def test_the_table_is_read_from_the_ground_up(
    importer: str, imported: str, *, expected: bool
) -> None:
    """Down is allowed, up and sideways are not, within a package all is."""
    assert expected is goes_up(importer, imported)


def test_importing_both_packages_loads_no_library_that_only_some_need() -> None:
    """HTTP, the converter and the extras are loaded at their first use."""
    loaded = modules_after("import stream_core, handlers")
    assert {"stream_core", "handlers"} <= loaded
    assert set() == NOT_AT_IMPORT & loaded


def test_importing_stream_core_does_not_load_handlers() -> None:
    """The core knows no callbacks."""
    loaded = modules_after("import stream_core")
    assert "stream_core" in loaded
    assert "handlers" not in loaded


def modules_after(statement: str) -> set[str]:
    """The modules that an interpreter of its own has loaded after STATEMENT."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())
