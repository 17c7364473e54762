"""Authentication: functions that return the headers which authenticate a request.

Rules of this file:

- Each is called for each request, because keys change and tokens expire after an hour.
- Nothing is kept and nothing is shown: no error and no representation contains a key.
- No Azure library is imported: a credential is any object with ``get_token(*scopes)``.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "AccessToken",
    "Authentication",
    "Credential",
    "Key",
    "TokenCredential",
    "bearer",
    "comes_with",
    "given",
    "key_header",
    "token",
]

#: Called each time that a request is sent; returns the headers that authenticate it.
Authentication: TypeAlias = "Callable[[], Mapping[str, str]]"

#: A key, or a function that returns it.
Key: TypeAlias = "str | Callable[[], str]"


T = TypeVar("T")


class AccessToken(Protocol):
    """The token of a credential, as in azure-core."""

    @property
    def token(self) -> str:
        """The token."""
        ...


class TokenCredential(Protocol):
    """Anything that azure-identity calls a credential, e.g. ``DefaultAzureCredential()``."""

    @property
    def get_token(self) -> Callable[..., AccessToken]:
        """Called with the scopes; returns a token that is valid now."""
        ...


#: A credential, or a function that returns a token as a string.
Credential: TypeAlias = "TokenCredential | Callable[[], str]"


def given(value: T | None, *variables: str) -> T | str | None:
    """Return VALUE, or else an environment variable; an empty variable counts as unset.

    Args:
        value: The value given, or None.
        variables: Names in the environment; the first that is set counts.
    """
    if value is not None:
        return value
    return next((text for name in variables if (text := os.environ.get(name))), None)


def comes_with(session: object, headers: Mapping[str, str | None] | None) -> bool:
    """Return whether SESSION or HEADERS may carry credentials, so that no key is needed."""
    names = {name.lower() for name in headers or ()}
    return session is not None or not names.isdisjoint({"authorization", "api-key"})


def bearer(key: Key) -> Authentication:
    """Return a function that sends KEY as a bearer token; an empty key sends nothing.

    Args:
        key: The key, or a function that returns it.
    """

    def headers() -> dict[str, str]:
        text = _text(key, "API key")
        return {"Authorization": f"Bearer {text}"} if text else {}

    return headers


def key_header(name: str, key: Key) -> Authentication:
    """Return a function that sends KEY in the header NAME.

    Args:
        name: The header, e.g. ``api-key``.
        key: The key, or a function that returns it.
    """
    return lambda: {name: _text(key, "API key")}


def token(credential: Credential, scope: str) -> Authentication:
    """Return a function that asks CREDENTIAL for a token for SCOPE, and sends it.

    Args:
        credential: An object with ``get_token(*scopes)``, or a function without arguments that
            returns the token. Both keep a token that is still valid, so asking is cheap.
        scope: The scope of the token, e.g. ``https://ai.azure.com/.default``.

    Raises:
        TypeError: CREDENTIAL is neither, or it is async.
    """
    method: Any = getattr(credential, "get_token", None)
    ask: Any = credential if method is None else method
    _check_credential(type(credential).__name__, ask)
    if method is None:
        return lambda: {"Authorization": f"Bearer {_text(ask, 'token')}"}
    return lambda: {"Authorization": f"Bearer {_text(ask(scope).token, 'token')}"}


def _check_credential(kind: str, ask: object) -> None:
    """Refuse a credential that cannot be asked for a token; KIND is the name of its class."""
    if not callable(ask):
        raise TypeError(
            f"credential is of type {kind}: pass an object with get_token(*scopes), such as "
            "azure.identity.DefaultAzureCredential(), or a function that returns a token; "
            "pass a key as api_key"
        )
    if inspect.iscoroutinefunction(ask):
        raise TypeError(
            f"the credential ({kind}) is async, but this client awaits nothing: "
            "use the one of the same name from azure.identity instead of azure.identity.aio"
        )


def _text(key: object, what: str) -> str:
    """Return KEY, or its result if it is a function.

    Raises:
        TypeError: It is not a string.
        ValueError: A header cannot carry it.
    """
    text = key() if callable(key) else key
    if not isinstance(text, str):
        raise TypeError(f"the {what} is of type {type(text).__name__}: pass a string")
    if not (text.isascii() and text.isprintable()) or " " in text:
        # Checked here, because the errors of HTTP libraries would show the key.
        raise ValueError(f"the {what} contains a line end, a space or the like: strip it")
    return text
