"""The arguments of calls that send nothing, and pages of objects that this client keeps.

Rules of this file: a call takes the same arguments as on the Assistants wire, so that a misspelt
name is the same TypeError. Since nothing is sent, headers, query and timeout have no effect and
do no harm; a body would be lost, so it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stream_core.api.pages import Page, PageData
from stream_core.api.request import make_options
from stream_core.effects import drive, immediate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.effects import Flow

__all__ = ["make_page", "read_arguments"]

T = TypeVar("T")

#: The API's default and maximum for ``limit``.
_USUAL, _MOST = 20, 100


def read_arguments(
    known: Any, given: Mapping[str, Any], *, may_add: bool = False, **required: Any
) -> dict[str, Any]:
    """Return the parameters of a call as JSON.

    Args:
        known: The TypedDict of GIVEN.
        given: The caller's keyword arguments.
        may_add: Whether ``extra_body`` is allowed; its keys are then returned too.
        required: The parameters that the call itself names.

    Raises:
        TypeError: An argument is unknown.
        ValueError: There is an ``extra_body``, and it is not allowed.
    """
    options = make_options("POST", known, given, required, include_in_query=False)
    if given.get("extra_body") and not may_add:
        raise ValueError("extra_body: this call sends nothing on the Responses wire; leave it out")
    found: dict[str, Any] = options.get("body") or {}
    return found


def _at_once(flow: Flow[Any]) -> Any:
    """Run a flow that asks for nothing."""
    return drive(flow, immediate)


def make_page(objects: Mapping[str, T], known: Any, given: Mapping[str, Any]) -> Page[T]:
    """Return a page of OBJECTS.

    Args:
        objects: The objects by id, oldest first.
        known: The TypedDict of GIVEN.
        given: ``limit``, ``order``, ``after``, ``before``.

    Raises:
        TypeError: A parameter is unknown.
        ValueError: A parameter has a value that is not allowed.
    """
    return Page(_page(objects, known, given), _at_once)


def _page(objects: Mapping[str, T], known: Any, given: Mapping[str, Any]) -> PageData[T]:
    """Return the data of a page of OBJECTS."""
    chosen = read_arguments(known, given)
    limit, order = chosen.get("limit", _USUAL), chosen.get("order", "desc")
    if not isinstance(limit, int) or not 1 <= limit <= _MOST:
        raise ValueError(f"limit is {limit!r}: give a number from 1 to {_MOST}")
    if order not in ("asc", "desc"):
        raise ValueError(f"order is {order!r}: give 'asc' or 'desc'")
    ids = list(objects) if order == "asc" else list(objects)[::-1]
    start = _place(ids, "after", chosen) + 1 if "after" in chosen else 0
    stop = _place(ids, "before", chosen) if "before" in chosen else len(ids)
    ids = ids[start:stop]
    shown = ids[:limit]

    first, last = (shown[0], shown[-1]) if shown else (None, None)
    found = [objects[one] for one in shown]

    def fetch(after: str) -> Flow[PageData[T]]:
        return immediate(_page(objects, known, {**given, "after": after}))

    return PageData(found, first, last, len(ids) > limit, fetch)


def _place(ids: list[str], name: str, chosen: Mapping[str, Any]) -> int:
    """Return the index in IDS of the id that the parameter NAME gives."""
    value = chosen[name]
    if value not in ids:
        raise ValueError(f"{name} is {value!r}: give the id of an object in this list")
    return ids.index(value)
