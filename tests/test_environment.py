"""The environment turns fast paths and orjson off, and nothing else does."""

from __future__ import annotations

import runpy

import pytest

from stream_core import environment


def read(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> tuple[bool, bool]:
    """Return FAST and STDLIB_JSON if the variable NAME has VALUE, None meaning unset."""
    for variable in ("UNTIL_DONE_FAST", "UNTIL_DONE_JSON"):
        monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    found = runpy.run_path(environment.__file__)
    return found["FAST"], found["STDLIB_JSON"]


@pytest.mark.parametrize(("value", "fast"), [(None, True), ("0", False), ("1", True), ("", True)])
def test_fast(monkeypatch: pytest.MonkeyPatch, value: str | None, *, fast: bool) -> None:
    """UNTIL_DONE_FAST=0 turns fast paths off."""
    assert (fast, False) == read(monkeypatch, "UNTIL_DONE_FAST", value)


@pytest.mark.parametrize(("value", "stdlib"), [(None, False), ("stdlib", True), ("", False)])
def test_json(monkeypatch: pytest.MonkeyPatch, value: str | None, *, stdlib: bool) -> None:
    """UNTIL_DONE_JSON=stdlib does not use orjson."""
    assert (True, stdlib) == read(monkeypatch, "UNTIL_DONE_JSON", value)
