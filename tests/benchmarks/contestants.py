"""The table of contestants: what each is called, where it runs, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from tests.benchmarks.streams import LENGTHS, WIRES

__all__ = ["CONTESTANTS", "NODE", "Contestant", "by_key"]

#: The contestant that is no Python.
NODE: Final = "openai-node"

#: The default install: the standard library's JSON, also where orjson can be imported.
_DEFAULT: Final = {"UNTIL_DONE_JSON": "stdlib", "UNTIL_DONE_FAST": "1"}


class Contestant(NamedTuple):
    """One row of the table of times.

    Attributes:
        key: Its name here, in options and in the ratios.
        title: What the report calls it.
        runner: ``module:function`` in this package; for node the script.
        environment: Variables of its process.
        slow: Measured fewer times: so slow that noise matters little.
        packages: Distributions whose versions the report names.
        wants_orjson: Whether its process must, or must not, have loaded orjson.
        wires: Those that it reads.
        kinds: The streams of which it reads the other kinds too, ``S``, ``L``, ``L64``.
        without: Cases that it is not asked for all the same, as ``Case.key`` has them.
    """

    key: str
    title: str
    runner: str
    environment: Mapping[str, str] = MappingProxyType({})
    slow: bool = False
    packages: tuple[str, ...] = ()
    wants_orjson: bool | None = None
    wires: tuple[str, ...] = tuple(WIRES)
    kinds: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def reads(self, wire: str, name: str) -> bool:
        """Return whether it is measured on the case NAME of WIRE."""
        length, _, kind = name.partition("-")
        if wire not in self.wires or f"{wire} {name}" in self.without:
            return False
        return not kind or length in self.kinds


_ASSISTANTS: Final = ("assistants",)
_OURS: Final = ("until-done", "attrs", "cattrs")

CONTESTANTS: Final = (
    Contestant(
        "ours", "until-done", "ours:handler", _DEFAULT, packages=_OURS, wants_orjson=False,
        kinds=LENGTHS,
    ),
    Contestant(
        "ours-on-event", "until-done, `on_event` given every event in full", "ours:on_event",
        _DEFAULT, packages=_OURS, wants_orjson=False,
    ),
    Contestant(
        "ours-iterate", "until-done, plain iteration", "ours:iterate",
        _DEFAULT, packages=_OURS, wants_orjson=False,
    ),
    Contestant(
        "ours-ordinary", "until-done, fast paths off (`UNTIL_DONE_FAST=0`)", "ours:handler",
        {**_DEFAULT, "UNTIL_DONE_FAST": "0"}, packages=_OURS, wants_orjson=False,
    ),
    Contestant(
        "ours-orjson", "until-done with orjson (extra `speed`)", "ours:handler",
        {**_DEFAULT, "UNTIL_DONE_JSON": "orjson"}, packages=(*_OURS, "orjson"), wants_orjson=True,
    ),
    Contestant(
        "openai", "openai-python, its handler or `.stream()`", "openai_python:openai_handler",
        slow=True, packages=("openai", "pydantic", "httpx2", "httpx"), kinds=("L",),
        without=("chat L-logprobs",),  # what it does grows with the square of the length
    ),
    Contestant(
        "openai-parse", "openai-python, its handler, without its request",
        "openai_python:openai_parse", slow=True, packages=("openai",), wires=_ASSISTANTS,
    ),
    Contestant(
        "openai-iterate", "openai-python, iteration only, no snapshots",
        "openai_python:openai_iterate", slow=True, packages=("openai",),
    ),
    Contestant(
        "azure", "azure-ai-agents", "azure_agents:azure_handler",
        slow=True, packages=("azure-ai-agents",), wires=_ASSISTANTS,
    ),
    Contestant(
        "pydantic-ai", "pydantic-ai, the events of its model", "pydantic_ai:pydantic_ai_stream",
        slow=True, packages=("pydantic-ai-slim",), wires=("responses", "chat"),
    ),
    Contestant(NODE, "openai-node, its streams with listeners", "node/bench.mjs", kinds=("L",)),
    Contestant(
        "httpx-sse", "httpx-sse + json + dict, untyped user script", "scripts:httpx_sse",
        packages=("httpx-sse", "httpx"),
    ),
    Contestant(
        "requests", "requests lines + json + dict, untyped user script",
        "scripts:requests_lines", packages=("requests",), kinds=LENGTHS,
    ),
    Contestant(
        "floor-orjson", "floor: split on blank lines + `orjson.loads`, nothing else",
        "scripts:floor_orjson", packages=("orjson",), wants_orjson=True,
    ),
    Contestant("floor-json", "floor: the same with `json.loads`", "scripts:floor_json"),
)  # fmt: skip


def by_key(key: str) -> Contestant:
    """Return the contestant KEY.

    Raises:
        SystemExit: There is none.
    """
    found = [one for one in CONTESTANTS if one.key == key]
    if not found:
        keys = ", ".join(one.key for one in CONTESTANTS)
        raise SystemExit(f"there is no contestant {key!r}; there are: {keys}")
    return found[0]
