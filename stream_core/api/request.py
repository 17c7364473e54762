"""How a call becomes a request, and its answer an object, a page or a stream.

What is wrong with the arguments is said before anything is sent: a run that was started for
a handler that is none would go on without a listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from stream_core.convert.payloads import structure, unstructure

from .assistants_params import SubmitStreamOptions
from .options import CallOptions, StreamOptions
from .pages import read_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.http.transport import Options, Transport

    from .pages import Page

__all__ = ["Resource", "make_options", "make_path"]

T = TypeVar("T")

#: Keyword arguments that are not parameters of the API.
_OPTIONS = StreamOptions.__optional_keys__


class Resource:
    """One kind of object; made by ``Client``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _ask(
        self, cls: type[T], method: str, path: str, known: Any, given: Any, **required: Any
    ) -> T:
        """Send a request that is answered with a CLS.

        Args:
            cls: A payload class.
            method: The HTTP method.
            path: From the base address on.
            known: The TypedDict of GIVEN.
            given: What the caller gave.
            required: The parameters that the call has by name.
        """
        answer = self._transport.request(
            method, path, **make_options(method, known, given, required)
        )
        return structure(cls, answer)

    def _list(self, cls: type[T], path: str, known: Any, given: Mapping[str, Any]) -> Page[T]:
        """Send a request that is answered with a list of CLS."""

        def fetch(after: str | None = None) -> Page[T]:
            chosen = given if after is None else {**given, "after": after}
            answer = self._transport.request("GET", path, **make_options("GET", known, chosen, {}))
            return read_page(cls, answer, fetch)

        return fetch()


def make_options(
    method: str,
    known: Any,
    given: Mapping[str, Any],
    required: Mapping[str, Any],
    *,
    include_in_query: bool = True,
) -> Options:
    """Sort the arguments of a call into the parts of its request.

    Args:
        method: The HTTP method; of a ``GET`` all parameters are in the query.
        known: The TypedDict of GIVEN.
        given: What the caller gave.
        required: The parameters that the call has by name; GIVEN counts before them.
        include_in_query: Whether ``include`` is in the query, as it is for Assistants, even
            of a ``POST``.

    Raises:
        TypeError: One is not known.
    """
    unknown = given.keys() - known.__optional_keys__
    if unknown:
        raise _unknown_parameters(unknown, known.__optional_keys__ | required.keys())
    query: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for name, value in {**required, **given}.items():
        if name == "include" and include_in_query:
            query["include[]"] = value
        elif name not in _OPTIONS and (name != "tools" or known is not SubmitStreamOptions):
            (query if method == "GET" else body)[name] = unstructure(value)
    query.update(given.get("extra_query") or {})
    body.update(given.get("extra_body") or {})
    options: Options = {"query": query, "headers": given.get("extra_headers") or {}}
    # A POST that takes parameters has a body even without any; servers may insist on one.
    if body or (method == "POST" and known is not CallOptions):
        options["body"] = body
    if "timeout" in given:
        options["timeout"] = given["timeout"]
    return options


def _unknown_parameters(unknown: set[str], known: set[str]) -> TypeError:
    """Return the error that names what is unknown, and what may have been meant."""
    from difflib import get_close_matches

    hints = []
    for name in sorted(unknown):
        meant = get_close_matches(name, known, n=1)
        hints.append(f"{name!r} (did you mean {meant[0]!r}?)" if meant else repr(name))
    return TypeError(
        f"this call does not know {', '.join(hints)}; "
        "what the API has and this library has not goes in extra_body={...}"
    )


def make_path(template: str, **ids: Any) -> str:
    """Return a path with the ids in it.

    Raises:
        ValueError: What stands for an id is none.
    """
    for name, value in ids.items():
        # A dot or two would be another path.
        if not isinstance(value, str) or value in {"", ".", ".."}:
            raise ValueError(f"{name} is {value!r}: give the id of an object, a text")
    return template.format_map({name: quote(value, safe="") for name, value in ids.items()})
