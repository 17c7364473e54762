"""``Client``: who asks, which server, and with what key. The calls are in ``resources``.

Rules of this file: a setting that is not given comes from the environment, by the name that the
service's own clients read; what is missing is said when the client is made, with what to pass
or to set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from . import azure
from .assistants import Assistants, Threads
from .auth import bearer, comes_with, given
from .chat import Chat
from .responses import Responses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from stream_core.http.transport import Options, Session, Timeout

    from .auth import Authentication, Credential, Key
    from .azure import ClientOptions

__all__ = ["Client"]

#: Seconds for connecting and for silence. A run expires ten minutes after it was made, so a
#: stream that is silent for longer has nothing to say any more; openai-python waits as long.
DEFAULT_TIMEOUT: Final = (10.0, 600.0)

_OPENAI: Final = "https://api.openai.com/v1"

#: What the calls on assistants and threads are made on.
_WIRES: Final = ("assistants", "responses")


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
        responses: Calls on responses, for servers that speak the Responses API.
        chat: ``chat.completions`` are the calls on chat completions.
    """

    def __init__(  # the settings that clients of this API have
        self,
        api_key: Key | None = None,
        base_url: str | None = None,
        *,
        auth: Authentication | None = None,
        organization: str | None = None,
        project: str | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        session: Session | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        default_query: Mapping[str, Any] | None = None,
        wire: Literal["assistants", "responses"] = "assistants",
        assistants: Mapping[str, Mapping[str, Any]] | None = None,
        threads: Literal["previous_response_id", "conversation", "replay"] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            api_key: Sent as a bearer token; a function is asked for it at each call. None
                takes ``OPENAI_API_KEY``; an empty text sends none.
            base_url: Address of the API, with its ``/v1``. None takes ``OPENAI_BASE_URL``,
                else OpenAI's.
            auth: Instead of API_KEY: a function that is asked at each call for the headers
                that authenticate it.
            organization: OpenAI's header; None takes ``OPENAI_ORG_ID``.
            project: OpenAI's header; None takes ``OPENAI_PROJECT_ID``.
            timeout: Seconds for connecting and for silence each, or both as a pair; None
                for no limit.
            max_retries: How often a request that met a broken connection, or a status of
                408, 409, 429 or 5xx, is sent again before its answer began; see
                :func:`stream_core.http.transport.retrying_adapter`.
            session: Send through this ``requests.Session``, which stays as it is:
                MAX_RETRIES is then the business of its adapters, closing it yours.
            default_headers: Sent with every request; None takes a header away.
            default_query: Sent with every request, e.g. ``{"api-version": "v1"}``; what a
                call says itself counts before it.
            wire: ``"responses"``: the calls on assistants and threads are made on the
                Responses API instead. Assistants and messages are kept in this client, each
                run is a response; what becomes of each parameter is in docs/migrating.md,
                and what has no counterpart is a ValueError that says what to do instead.
            assistants: With ``wire="responses"``: what assistants are that exist already, by
                id: ``{"asst_1": {"model": ..., "instructions": ..., "tools": [...]}}``.
            threads: With ``wire="responses"``: where the past of a thread is.
                ``"previous_response_id"``, the default: a run names the response before it; a
                server that answers that it does not know that is sent everything from then
                on. ``"conversation"``: a thread is a conversation on the server and has its
                id. ``"replay"``: everything is sent with each run, for servers that keep
                nothing without saying so.

        Raises:
            ValueError: There is no key for OpenAI's own server, the key or the address
                cannot be one, MAX_RETRIES is negative, or there is no such WIRE or THREADS.
            TypeError: What is in ASSISTANTS is not what assistants have.
        """
        if wire not in _WIRES:
            raise ValueError(f"wire is {wire!r}: choose one of {', '.join(_WIRES)}")
        if wire != "responses" and not (assistants is None and threads is None):
            raise ValueError(
                "assistants and threads are kept by the server on this wire: they "
                "are arguments with wire='responses' only"
            )
        from stream_core.http.transport import Transport

        key: Key | None = given(api_key, "OPENAI_API_KEY") if auth is None else None
        headers: dict[str, str | None] = {
            "OpenAI-Organization": given(organization, "OPENAI_ORG_ID"),
            "OpenAI-Project": given(project, "OPENAI_PROJECT_ID"),
            **(default_headers or {}),
        }
        self._transport = Transport(
            given(base_url, "OPENAI_BASE_URL") or _OPENAI,
            headers=headers,
            auth=bearer(key or "") if auth is None else auth,
            query=default_query,
            timeout=timeout,
            max_retries=max_retries,
            session=session,
        )
        knows_who = key or auth or comes_with(session, headers)
        if not knows_who and _is_openai(self.base_url):
            self.close()
            raise ValueError(
                f"no API key for {self.base_url}: pass api_key=..., or set OPENAI_API_KEY; "
                "for another server pass base_url=..., or set OPENAI_BASE_URL"
            )
        self.assistants, self.threads = self._make_calls(wire, assistants, threads)
        self.responses = Responses(self._transport)
        self.chat = Chat(self._transport)

    def _make_calls(
        self,
        wire: str,
        assistants: Mapping[str, Mapping[str, Any]] | None,
        threads: str | None,
    ) -> tuple[Assistants, Threads]:
        """Make the calls on assistants and threads."""
        if wire == "assistants":
            return Assistants(self._transport), Threads(self._transport)
        # Not for those who do not ask for it.
        from .assistants_over_responses import LocalAssistants, LocalThreads, Memory

        try:
            memory = Memory(self._transport, threads, assistants)
        except Exception:
            self.close()
            raise
        return LocalAssistants(memory), LocalThreads(memory)

    @classmethod
    def azure_agents(
        cls,
        endpoint: str | None = None,
        credential: Credential | None = None,
        api_key: Key | None = None,
        *,
        api_version: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Make a client for the agents of an Azure AI Foundry project ("classic").

        ::

            client = Client.azure_agents(endpoint, DefaultAzureCredential())

        Agents are ``client.assistants`` here, and calls take an ``assistant_id``. Such agents
        end on 2027-03-31, says Azure.

        Args:
            endpoint: ``https://RESOURCE.services.ai.azure.com/api/projects/PROJECT``. None
                takes ``PROJECT_ENDPOINT``, else ``AZURE_AI_PROJECT_ENDPOINT``.
            credential: What has ``get_token(*scopes)``, as the classes of azure-identity have,
                or a function that gives a token's text. It is asked at each call; the scope is
                ``https://ai.azure.com/.default``.
            api_key: Instead of CREDENTIAL: sent as ``api-key``; a function is asked for it at
                each call.
            api_version: Sent with every request; None is ``v1``. With ``wire="responses"``,
                where the version is in the path, it is sent only if it is given.
            options: The settings that every client has.

        Raises:
            ValueError: The endpoint or who asks is missing, or cannot be.
            TypeError: CREDENTIAL is none, or async.
        """
        settings = azure.agents_settings(endpoint, credential, api_key, api_version, options)
        return cls(**settings)

    @classmethod
    def azure_openai(
        cls,
        endpoint: str | None = None,
        credential: Credential | None = None,
        api_key: Key | None = None,
        *,
        api_version: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Make a client for the assistants of an Azure OpenAI resource.

        ::

            client = Client.azure_openai("https://RESOURCE.openai.azure.com", api_key=key)

        Args:
            endpoint: Address of the resource, with or without ``/openai``. None takes
                ``AZURE_OPENAI_ENDPOINT``. A deployment is the ``model`` of an assistant, and
                no part of the address.
            credential: As for :meth:`azure_agents`; the scope is
                ``https://cognitiveservices.azure.com/.default``.
            api_key: Instead of CREDENTIAL: sent as ``api-key``; a function is asked for it at
                each call. Where neither is given: ``AZURE_OPENAI_API_KEY``.
            api_version: Sent with every request, e.g. ``2025-04-01-preview``. None takes
                ``OPENAI_API_VERSION``. With ``wire="responses"``, where the version is in the
                path, it is sent only if it is given.
            options: The settings that every client has.

        Raises:
            ValueError: The endpoint, the version or who asks is missing, or cannot be.
            TypeError: CREDENTIAL is none, or async.
        """
        settings = azure.openai_settings(endpoint, credential, api_key, api_version, options)
        return cls(**settings)

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
                :class:`stream_core.http.transport.Options`.

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


def _is_openai(base_url: str) -> bool:
    """Tell whether this is OpenAI's own server, which answers nobody without a key."""
    return urlsplit(base_url).hostname == urlsplit(_OPENAI).hostname
