"""Addresses and headers of requests, checked before anything is sent.

Rules of this file:

- A request goes to the server of the base address, whatever the path: the key goes with it.
- No text has a user, a password or a query, which may hold a key, nor the value of a header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from urllib3.util import parse_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "address_of",
    "bare",
    "check_headers",
    "checked_base",
    "encodable_query",
    "origin",
    "without_secrets",
]

#: What no address has: blanks, control characters, and what some parsers take for a slash.
_NOT_IN_PATHS: Final = re.compile(r"[\x00-\x20\x7f\\#]")

#: A header's name (RFC 9110, section 5.1), and its value: visible characters of Latin-1, with
#: blanks between them (section 5.5).
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*))?")

#: In a text: what follows a question mark within an address, and what may be before its host.
_QUERY: Final = re.compile(r"\?[^\s'\"<>)]+")
_USER: Final = re.compile(r"(?<=//)[^/@\s]*@")


def checked_base(base_url: Any) -> str:
    """Return BASE_URL without a slash at its end.

    Raises:
        TypeError: It is not a string.
        ValueError: It is not the address of a server, or it contains a password or a query.
    """
    if not isinstance(base_url, str):
        raise TypeError(f"base_url is of type {type(base_url).__name__}: pass a string")
    shown, user = without_secrets(base_url.partition("#")[0]), False
    try:
        parts = urlsplit(base_url)
        user = "@" in parts.netloc
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        parse_url(base_url)
    except ValueError:  # urllib3's too; either may quote a password
        good = False
    if good and user:
        # They would appear in every error that names the address.
        raise ValueError("base_url contains a user or password: set auth on a session instead")
    if good and ("?" in base_url or "#" in base_url):
        raise ValueError(
            f"base_url has a query or fragment after {shown!r}: pass the query as default_query"
        )
    if not good or _NOT_IN_PATHS.search(base_url):
        raise ValueError(f"base_url is {shown!r}: pass an address such as https://host/v1")
    return base_url.rstrip("/")


def address_of(base_url: str, path: Any) -> str:
    """Return the address of PATH, which gets a slash if it begins with none.

    Raises:
        TypeError: PATH is not a string.
        ValueError: It is not a path below BASE_URL.
    """
    if not isinstance(path, str):
        raise TypeError(f"path is of type {type(path).__name__}: pass a string such as '/threads'")
    if not path.startswith("/"):
        path = f"/{path}"
    before, _, _ = path.partition("?")
    # An escaped slash is part of an id, escaped dots are dots.
    segments = [unquote(segment) for segment in before.split("/")]
    if (
        path.startswith("//")
        or "://" in before
        or _NOT_IN_PATHS.search(path)
        or not {".", ".."}.isdisjoint(segments)
    ):
        shown = without_secrets(path)
        raise ValueError(
            f"path is {shown!r}: pass what follows {base_url}, such as '/threads', with one slash "
            "at its beginning and without '..', blanks and backslashes"
        )
    url: str = base_url + path
    if origin(url) != origin(base_url):  # pragma: no cover  # if a parser is not as it should be
        raise ValueError(f"path would lead away from {base_url}")
    return url


def origin(url: str) -> tuple[object, ...]:
    """Return scheme, host and port of URL, as the two parsers read them that are in use.

    What one of them cannot read is an origin of its own.
    """
    try:
        one, other = urlsplit(url), parse_url(url)
    except ValueError:
        return (url,)
    return one.scheme, one.netloc, other.scheme, other.auth, other.host, other.port


def bare(url: str) -> str:
    """Return URL without its query and fragment."""
    return url.partition("#")[0].partition("?")[0]


def without_secrets(text: str) -> str:
    """Return TEXT without the queries, users and passwords of the addresses in it."""
    return _USER.sub("", _QUERY.sub("", text))


def check_headers(headers: Mapping[Any, Any]) -> None:
    """Check names and values, of which None means that the header is not sent.

    Raises:
        TypeError: A value is not a string.
        ValueError: HTTP cannot carry a name or value. The errors of the libraries would quote it.
    """
    for name, value in headers.items():
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if not isinstance(text, str) or not _NAME.fullmatch(text):
            raise ValueError("a header has a name that HTTP does not allow")
        content = value.decode("latin-1") if isinstance(value, bytes) else value
        if content is None:
            continue
        if not isinstance(content, str):
            raise TypeError(f"the header {text} is of type {type(value).__name__}: pass a string")
        if not _VALUE.fullmatch(content):
            raise ValueError(
                f"the header {text} has a value that HTTP cannot carry: it begins with a blank, "
                "or has a line end, a control character, or one that is not in Latin-1"
            )


def encodable_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return QUERY with half surrogate pairs escaped, which UTF-8 cannot encode."""
    return {name: _encodable(value) for name, value in query.items()}


def _encodable(value: Any) -> Any:
    """Return a value of a query, or each of a list, so that it can be encoded."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return [_encodable(one) for one in value] if isinstance(value, list | tuple) else value
