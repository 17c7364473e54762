"""The import direction, as one table, and one place for each library of others.

Imports are read from the source, so those inside functions and under ``TYPE_CHECKING`` count too:
what only a type checker sees is still a dependency for whoever reads the file.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stream_core
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("stream_core", "handlers")

#: The rooms from the ground up: a room imports only from lines before its own, and not from the
#: rooms on its line; the modules within a room may import each other, without a circle.
LAYERS = (
    ("stream_core.environment", "stream_core.errors", "stream_core.source"),
    ("stream_core.models", "stream_core.sse"),
    ("stream_core.convert",),
    ("stream_core.events",),
    ("stream_core.dialects", "stream_core.dispatch"),
    ("stream_core.snapshots",),
    ("stream_core.decoding",),
    ("stream_core.effects",),
    ("stream_core.http", "stream_core.tools"),
    ("stream_core.api",),
    ("stream_core.run_control",),
    ("stream_core.streams",),
    ("stream_core.client",),
    # The door of the package: nothing above this line may say `from stream_core import Name`.
    ("stream_core",),
    ("stream_core.testing",),
    ("handlers",),
)

#: All of HTTP: http, and what it is made of.
HTTP = {
    "stream_core.http.addresses",
    "stream_core.http.connections",
    "stream_core.http.error_mapping",
    "stream_core.http.response_source",
    "stream_core.http.session",
    "stream_core.http.transport",
}

#: Those of them that need no more than urllib3.
BELOW_REQUESTS = {
    "stream_core.http.addresses",
    "stream_core.http.connections",
    "stream_core.http.error_mapping",
}

#: Who may import each library of others; None is everybody. What is not here is not a dependency.
IMPORTERS = {
    "aiohttp": {"stream_core.testing.connections"},
    "attrs": None,
    "cattrs": {"stream_core.convert.payloads"},
    "docstring_parser": {"stream_core.tools.schema"},
    "msgspec": {"stream_core.tools.schema"},
    "orjson": {"stream_core.convert.json_text"},
    "requests": HTTP - BELOW_REQUESTS,
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


@cache
def imports_of(name: str) -> tuple[str, ...]:
    """Return every module that module NAME of ours imports."""
    return tuple(imported_names(name, SOURCES[name].read_text("utf-8")))


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
    return theirs > ours or (theirs == ours and room_of(importer) != room_of(imported))


def room_of(name: str) -> str:
    """The room of module NAME: the line's entry that it stands under."""
    return next(
        room
        for room in LAYERS[layer_of(name)]
        if name == room or (room != "stream_core" and name.startswith(f"{room}."))
    )


def edges() -> dict[str, set[str]]:
    """Every module of ours to those that it imports, itself and its own doors left out.

    A package that imports its modules, and they what stands in its ``__init__.py``, is one thing.
    """
    return {
        name: {
            target
            for target in imports_of(name)
            if target in SOURCES and not name.startswith(f"{target}.") and target != name
        }
        for name in SOURCES
    }


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """The names that can be reached from themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(arrows[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += arrows.get(name, ())
        return seen

    return [name for name in arrows if name in reached(name)]


def test_no_imports_go_in_a_circle() -> None:
    """No module can be reached from itself, imports for type checkers included."""
    assert [] == circles(edges())


def test_a_circle_is_found() -> None:
    """Whoever is in one is named; who only leads into one is not."""
    assert ["b", "c"] == circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()})
    assert [] == circles({"a": {"b"}, "b": set()})


#: The modules that are only speed, and those that may import them.
FAST = {name for name in SOURCES if name.rpartition(".")[2].startswith("fast_")}
BESIDE_FAST = {"stream_core.decoding.decoder", "stream_core.convert.payloads"}


def test_what_is_only_speed_stands_behind_a_fence() -> None:
    """``fast_*`` is imported by two modules and by each other; nobody else needs it."""
    importers = {name for name, targets in edges().items() if targets & FAST}
    assert BESIDE_FAST == importers - FAST


@pytest.mark.parametrize("name", sorted(BESIDE_FAST))
def test_each_use_of_what_is_only_speed_stands_behind_the_switch(name: str) -> None:
    """Every name imported from ``fast_*`` is used under ``if environment.FAST`` only."""
    tree = ast.parse(SOURCES[name].read_text("utf-8"))
    imports = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fast_")
    ]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    behind = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in SWITCHES
        for statement in node.body
        for inner in ast.walk(statement)
    }
    used = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load)
    ]
    annotations = {
        id(inner)
        for node in ast.walk(tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if annotation is not None
        for inner in ast.walk(annotation)
    }
    assert names
    assert [] == [
        f"{node.id} in line {node.lineno}"
        for node in used
        if id(node) not in behind and id(node) not in annotations
    ]


#: Tests that the switch is on.
SWITCHES = {"environment.FAST", "TYPE_CHECKING"}


#: The wires, and the rooms in which they are known by name: theirs, and those of their calls.
WIRES = {"assistants", "azure", "chat", "responses"}
ROOMS_OF_WIRES = tuple(
    f"stream_core.{room}" for room in ("api", "client", "dialects", "run_control", "testing")
)
#: Modules that know one: a handler class for code of one wire, and the door that has it.
KNOWS_A_WIRE = {"handlers", "handlers.azure"}


def words_of(source: str) -> Iterator[tuple[str, int]]:
    """Every word of the names and texts in the code of SOURCE, docstrings aside, with its line."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        texts: list[Any] = []
        if isinstance(node, ast.Constant):
            texts = [node.value] if id(node) not in docstrings else []
        elif not isinstance(node, ast.Expr):
            texts = [value for _, value in ast.iter_fields(node)]
        for text in texts:
            for word in re.findall(r"[A-Z]?[a-z]+", text) if isinstance(text, str) else ():
                yield word.lower(), getattr(node, "lineno", 0)


@pytest.mark.parametrize(
    "name",
    [name for name in SOURCES if room_of(name) not in ROOMS_OF_WIRES and name not in KNOWS_A_WIRE],
)
def test_no_wire_is_known_by_name_outside_its_rooms(name: str) -> None:
    """Wires are equals: no default, no header, no ``if`` and no fast path has the name of one."""
    words = words_of(SOURCES[name].read_text("utf-8"))
    found = [f"{word} in line {line}" for word, line in words if word in WIRES]
    assert [] == found


def test_a_wire_is_found_in_names_and_texts() -> None:
    """In an argument, a class, an attribute, an import and a string; not in a docstring."""
    lines = ['"""Of chat."""', "from x.chat import Y", "class ChatThing: pass"]
    source = "\n".join([*lines, 'def f(chat=1): g.chat = "chat"'])
    assert 5 == [word for word, _ in words_of(source)].count("chat")


def test_few_modules_lie_flat() -> None:
    """Rooms, not floors: whoever opens the package sees some doors and not fifty files."""
    flat = [
        name for name in SOURCES if name.count(".") == 1 and SOURCES[name].name != "__init__.py"
    ]
    assert len([name for name in flat if name.startswith("stream_core.")]) <= MOST_FLAT


#: The most modules beside the doors in ``stream_core``.
MOST_FLAT = 10


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_imports_only_from_the_layers_below_it(name: str) -> None:
    """No module of ours imports one that stands on its own line of the table or above."""
    imported = set(imports_of(name))
    ours = {target for target in imported if target.partition(".")[0] in PACKAGES}
    assert [] == sorted(target for target in ours if goes_up(name, target))


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_imports_only_libraries_that_are_its_own_to_import(name: str) -> None:
    """Each library of others has its importers, so that it can be changed in one place."""
    imported = {target.partition(".")[0] for target in imports_of(name)}
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


def test_the_map_of_the_package_names_every_room_in_import_order() -> None:
    """The docstring of stream_core is the table once more, for whoever reads it first."""
    named = re.findall(r"^    ([a-z_]+) {2,}", str(stream_core.__doc__), re.MULTILINE)
    rooms = [room for line in LAYERS for room in line if room.startswith("stream_core.")]
    assert sorted(room.removeprefix("stream_core.") for room in rooms) == sorted(named)
    heights = [layer_of(f"stream_core.{name}") for name in named]
    assert sorted(heights) == heights


# orjson is left out: it has its place in the table before anything needs it.
@pytest.mark.parametrize(
    "library", ["aiohttp", "cattrs", "docstring_parser", "msgspec", "requests", "urllib3"]
)
def test_every_library_in_the_table_is_imported_by_its_importer(library: str) -> None:
    """No library stays in the table after the last import of it has gone."""
    importers = {
        name
        for name in SOURCES
        for target in imports_of(name)
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
