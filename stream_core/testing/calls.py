"""A request as it arrived, and as its route reads it.

Rules of this file:

- Plain values: nothing here knows the network or the store.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from .checks import parse_body
from .store import ApiError, Obj

__all__ = ["Call", "RecordedRequest"]


@frozen
class RecordedRequest:
    """A request that arrived.

    Attributes:
        method: The method in upper case.
        path: As sent, without the query.
        query: Names to values; several values of one name are joined with commas.
        headers: Lower-case names to values.
        body: The bytes.
        json: The body's JSON object; empty without a body, None if it is not an object.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    json: Obj | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        try:
            value = parse_body(self.body)
        except ApiError:
            value = None
        object.__setattr__(self, "json", value)  # attrs' way for a frozen class


@frozen
class Call:
    """A request that fits a route.

    Attributes:
        ids: The ids in the path, e.g. ``{"thread": "thread_1"}``.
        body: The JSON object.
        query: As in `RecordedRequest`.
    """

    ids: Mapping[str, str]
    body: Obj
    query: Mapping[str, str]

    @property
    def include(self) -> list[str]:
        """The values of ``include``, which SDKs write in two ways."""
        return (self.query.get("include[]") or self.query.get("include") or "").split(",")
