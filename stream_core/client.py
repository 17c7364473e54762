"""``Client``: who asks, which server, and with what key. The calls are in ``resources``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from .resources import Assistants, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from .http import Options, Session, Timeout

__all__ = ["Client"]

T = TypeVar("T")

#: Seconds for connecting and for silence. A run expires ten minutes after it was made, so a
#: stream that is silent for longer has nothing to say any more; openai-python waits as long.
DEFAULT_TIMEOUT: Final = (10.0, 600.0)

_OPENAI: Final = "https://api.openai.com/v1"


class Client:
    """The Assistants API of OpenAI, or of a server that speaks it.

    ::

        with Client() as client:
            stream = client.threads.runs.stream(thread_id=..., assistant_id=...)
            run = stream.until_done()

    Streams hold connections of their own: a client may be used from several threads, a
    stream from one. Proxies and TLS settings come from the environment as requests reads
    them, or from a session.

    Attributes:
        assistants: Calls on assistants.
        threads: Calls on threads; ``threads.messages``, ``threads.runs`` and
            ``threads.runs.steps`` are the calls on what is in them.
    """

    def __init__(  # the settings that clients of this API have
        self,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        *,
        organization: str | None = None,
        project: str | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        session: Session | None = None,
        default_headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            api_key: Sent as a bearer token; a function is asked for it at each call. None
                takes ``OPENAI_API_KEY``; an empty text sends none.
            base_url: Address of the API, with its ``/v1``. None takes ``OPENAI_BASE_URL``,
                else OpenAI's.
            organization: OpenAI's header; None takes ``OPENAI_ORG_ID``.
            project: OpenAI's header; None takes ``OPENAI_PROJECT_ID``.
            timeout: Seconds for connecting and for silence each, or both as a pair; None
                for no limit.
            max_retries: How often a request that met a broken connection, or a status of
                408, 409, 429 or 5xx, is sent again before its answer began; see
                :func:`stream_core.http.retrying_adapter`.
            session: Send through this ``requests.Session``, which stays as it is:
                MAX_RETRIES is then the business of its adapters, closing it yours.
            default_headers: Sent with every request; None takes a header away.

        Raises:
            ValueError: There is no key for OpenAI's own server, the key or the address
                cannot be one, or MAX_RETRIES is negative.
        """
        from .http import Transport

        self._api_key: str | Callable[[], str] | None = _given(api_key, "OPENAI_API_KEY")
        headers: dict[str, str | None] = {
            "OpenAI-Beta": "assistants=v2",
            "OpenAI-Organization": _given(organization, "OPENAI_ORG_ID"),
            "OpenAI-Project": _given(project, "OPENAI_PROJECT_ID"),
            **(default_headers or {}),
        }
        self._transport = Transport(
            _given(base_url, "OPENAI_BASE_URL") or _OPENAI,
            headers=headers,
            auth=self._authentication,
            timeout=timeout,
            max_retries=max_retries,
            session=session,
        )
        brings_its_own = session is not None or "authorization" in map(str.lower, headers)
        if not self._api_key and not brings_its_own and _is_openai(self.base_url):
            self.close()
            raise ValueError(
                f"no API key for {self.base_url}: pass api_key=..., or set OPENAI_API_KEY; "
                "for another server pass base_url=..., or set OPENAI_BASE_URL"
            )
        self.assistants = Assistants(self._transport)
        self.threads = Threads(self._transport)

    @property
    def base_url(self) -> str:
        """The address of the API, without a slash at its end."""
        return self._transport.base_url

    @property
    def beta(self) -> Self:
        """The client itself: documented code says ``client.beta.threads``."""
        return self

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send a request of one's own, for a call that has no method here.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: From the base address on, e.g. ``/vector_stores``.
            options: ``query``, ``body``, ``headers``, ``timeout``; see
                :class:`stream_core.http.Options`.

        Returns:
            The JSON value of the answer.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the class tells which.
            DecodeError: The answer is not JSON.
        """
        return self._transport.request(method, path, **options)

    def close(self) -> None:
        """Close the connections, unless the session is yours; streams that run go on."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def __repr__(self) -> str:
        """Return a text that does not show the key."""
        return f"Client(base_url={self.base_url!r})"

    def _authentication(self) -> dict[str, str]:
        """Return the headers that say who asks.

        Raises:
            ValueError: The key cannot be in a header.
        """
        key = self._api_key() if callable(self._api_key) else self._api_key
        if not key:
            return {}
        if not (key.isascii() and key.isprintable()) or " " in key:
            # Said here, because what HTTP libraries say of it shows the key.
            raise ValueError("the API key has a line end, a space or the like in it: strip it")
        return {"Authorization": f"Bearer {key}"}


def _given(value: T | None, variable: str) -> T | str | None:
    """Return VALUE, or what the environment has; a variable that is empty is not set."""
    return (os.environ.get(variable) or None) if value is None else value


def _is_openai(base_url: str) -> bool:
    """Tell whether this is OpenAI's own server, which answers nobody without a key."""
    return urlsplit(base_url).hostname == urlsplit(_OPENAI).hostname
