"""How a call becomes a request, and its answer an object or a page: flows and their parts.

Rules of this file: arguments are checked before anything is sent; otherwise a run could start
with nobody listening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from stream_core.convert.payloads import structure, unstructure
from stream_core.effects import Ask

from .assistants_params import SubmitStreamOptions
from .options import CallOptions, StreamOptions
from .pages import PageData, read_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.effects import Flow
    from stream_core.http.transport import Options

__all__ = ["BETA", "ask", "ask_list", "make_options", "make_path"]

T = TypeVar("T")

#: Keyword arguments that are not parameters of the API.
_OPTIONS = StreamOptions.__optional_keys__

#: What every call of the Assistants API sends, unless the client or the caller says otherwise.
BETA: Final = {"OpenAI-Beta": "assistants=v2"}

_NO_HEADERS: Final[Mapping[str, str]] = {}


def ask(
    cls: type[T],
    method: str,
    path: str,
    known: Any,
    given: Any,
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    **required: Any,
) -> Flow[T]:
    """Send a request that is answered with a CLS.

    Args:
        cls: A payload class.
        method: The HTTP method.
        path: From the base address on.
        known: The TypedDict of GIVEN.
        given: What the caller gave.
        headers: See :func:`make_options`.
        required: The parameters that the call has by name.
    """
    answer: Any = yield Ask(
        method, path, make_options(method, known, given, required, headers=headers)
    )
    return structure(cls, answer)


def ask_list(
    cls: type[T],
    path: str,
    known: Any,
    given: Mapping[str, Any],
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Flow[PageData[T]]:
    """Send a request that is answered with a list of CLS; the arguments are those of ``ask``."""
    answer: Any = yield Ask("GET", path, make_options("GET", known, given, {}, headers=headers))
    return read_page(
        cls,
        answer,
        lambda after: ask_list(cls, path, known, {**given, "after": after}, headers=headers),
    )


def make_options(
    method: str,
    known: Any,
    given: Mapping[str, Any],
    required: Mapping[str, Any],
    *,
    include_in_query: bool = True,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Options:
    """Sort the arguments of a call into the parts of its request.

    Args:
        method: The HTTP method; of a ``GET`` all parameters are in the query.
        known: The TypedDict of GIVEN.
        given: What the caller gave.
        required: The parameters that the call has by name; GIVEN counts before them.
        include_in_query: Whether ``include`` is in the query, as it is for Assistants, even
            of a ``POST``.
        headers: Sent unless the client or the caller says otherwise.

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
    if headers:
        options["default_headers"] = headers
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
        ValueError: An id is not a text, or would make another path.
    """
    for name, value in ids.items():
        # A dot or two would be another path.
        if not isinstance(value, str) or value in {"", ".", ".."}:
            raise ValueError(f"{name} is {value!r}: give the id of an object, a text")
    return template.format_map({name: quote(value, safe="") for name, value in ids.items()})
