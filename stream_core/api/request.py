"""Flows that send the request of a call and return its answer as an object or a page.

Rules of this file: arguments are checked before anything is sent; otherwise a run could start
with nobody listening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from stream_core.convert.payloads import structure, unstructure
from stream_core.effects import Ask

from .assistants_params import SubmitStreamOptions
from .options import CallOptions, RunKeyOption, StreamOptions
from .pages import PageData, read_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.effects import Flow
    from stream_core.http.transport import Options

__all__ = ["BETA", "ask", "ask_list", "check_id", "make_options", "make_path"]

T = TypeVar("T")

#: Keyword arguments that are not parameters of the API.
_OPTIONS = StreamOptions.__optional_keys__ | RunKeyOption.__optional_keys__

#: Sent by every call of the Assistants API, unless the client or the caller overrides it.
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
    """Send a request whose answer is a CLS.

    Args:
        cls: A payload class.
        method: The HTTP method.
        path: The path after the base address.
        known: The TypedDict of GIVEN.
        given: The caller's keyword arguments.
        headers: See :func:`make_options`.
        required: The parameters that the call itself names.
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
    """Send a request whose answer is a list of CLS; the arguments are those of ``ask``."""
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
        method: The HTTP method; with ``GET`` all parameters go into the query.
        known: The TypedDict of GIVEN.
        given: The caller's keyword arguments.
        required: The parameters that the call itself names; GIVEN takes precedence.
        include_in_query: Whether ``include`` goes into the query even with ``POST``, as it
            does for Assistants.
        headers: Sent unless the client or the caller overrides them.

    Raises:
        TypeError: An argument is unknown, or an object is given instead of its id.
    """
    unknown = given.keys() - known.__optional_keys__
    if unknown:
        raise _unknown_parameters(unknown, known.__optional_keys__ | required.keys())
    query: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for name, value in {**required, **given}.items():
        if name.endswith("_id") and value is not None:
            check_id(name, value)
        if name == "include" and include_in_query:
            query["include[]"] = value
        elif name not in _OPTIONS and (name != "tools" or known is not SubmitStreamOptions):
            (query if method == "GET" else body)[name] = unstructure(value)
    query.update(given.get("extra_query") or {})
    body.update(given.get("extra_body") or {})
    options: Options = {"query": query, "headers": given.get("extra_headers") or {}}
    if headers:
        options["default_headers"] = headers
    # A POST that takes parameters has a body even if none are given; servers may insist on one.
    if body or (method == "POST" and known is not CallOptions):
        options["body"] = body
    if "timeout" in given:
        options["timeout"] = given["timeout"]
    return options


def _unknown_parameters(unknown: set[str], known: set[str]) -> TypeError:
    """Return the error that names the unknown arguments, and those that may have been meant."""
    from difflib import get_close_matches

    hints = []
    for name in sorted(unknown):
        meant = get_close_matches(name, known, n=1)
        hints.append(f"{name!r} (did you mean {meant[0]!r}?)" if meant else repr(name))
    return TypeError(
        f"unknown argument: {', '.join(hints)}; "
        "a parameter of the API that this library does not know goes in extra_body={...}"
    )


def make_path(template: str, **ids: Any) -> str:
    """Return TEMPLATE with the ids filled in.

    Raises:
        TypeError: An id is not a string.
        ValueError: It would change the path, or cannot be written.
    """
    for name, value in ids.items():
        check_id(name, value)
        # One dot or two would change the path; half a surrogate pair has no UTF-8.
        if value in {"", ".", ".."} or not _is_text(value):
            raise ValueError(f"{name} is {value!r}: give the id of an object, a string")
    return template.format_map({name: quote(value, safe="") for name, value in ids.items()})


def check_id(name: str, value: Any) -> None:
    """Check that VALUE, the argument NAME, may be an id.

    Raises:
        TypeError: It is not a string.
    """
    if isinstance(value, str):
        return
    remedy = f"pass its id, {name}=....id" if hasattr(value, "id") else "pass a string"
    raise TypeError(f"{name} is of type {type(value).__name__}: {remedy}")


def _is_text(value: str) -> bool:
    """Return whether VALUE can be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
