"""``Client``: the server, the credentials and the settings of all requests.

The calls are in ``assistants``, ``responses`` and ``chat``.

Rules of this file: a setting that is not given is read from the environment variable that the
service's own clients use. A missing setting is an error when the client is made; the error
says what to pass or to set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from stream_core.effects import Ask
from stream_core.streams.driver import Driver

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

#: Seconds for connecting and for silence. A run expires ten minutes after it was made, so
#: nothing more can come from a stream that is silent for longer; openai-python waits as long.
DEFAULT_TIMEOUT: Final = (10.0, 600.0)

_OPENAI: Final = "https://api.openai.com/v1"

#: The wires that can carry the calls on assistants and threads.
_WIRES: Final = ("assistants", "responses")


class Client:
    """A client of OpenAI's server, or of one that speaks the same wires.

    The wires are Assistants, Responses and Chat Completions. Whichever a call uses, its stream
    delivers the same events to the same handlers. ::

        with Client() as client:
            run = client.responses.stream(model=..., input=...).until_done()
            run = client.chat.completions.stream(model=..., messages=[...]).until_done()
            run = client.threads.runs.stream(thread_id=..., assistant_id=...).until_done()

    Each stream has a connection of its own: a client may be used from several threads, a
    stream from one. Proxy and TLS settings come from the environment as requests reads them,
    or from a session.

    Attributes:
        assistants: Calls on assistants.
        threads: Calls on threads; ``threads.messages``, ``threads.runs`` and
            ``threads.runs.steps`` are the calls on their contents.
        responses: Calls on responses.
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
        idle_timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int = 2,
        max_answer_bytes: int | None = None,
        session: Session | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        default_query: Mapping[str, Any] | None = None,
        wire: Literal["assistants", "responses"] = "assistants",
        assistants: Mapping[str, Mapping[str, Any]] | None = None,
        threads: Literal["previous_response_id", "conversation", "replay"] | None = None,
        run_keys: bool = False,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            api_key: Sent as a bearer token; a function is called for it at each request. None
                reads ``OPENAI_API_KEY``; an empty string sends no token.
            base_url: Address of the API, with its ``/v1``. None reads ``OPENAI_BASE_URL`` and
                falls back to OpenAI's address.
            auth: Replaces API_KEY: a function that is called at each request and returns the
                headers that authenticate it.
            organization: OpenAI's header; None reads ``OPENAI_ORG_ID``.
            project: OpenAI's header; None reads ``OPENAI_PROJECT_ID``.
            timeout: Seconds for connecting and for the answer each, or both as a pair; None for
                no limit. An answer that is not a stream must be complete within the second
                number, and so must the head of a stream; then it limits each silence.
            idle_timeout: Seconds without an event after which a stream is lost, though the
                server still sends comments or heartbeats; None for no limit.
            deadline: Seconds after which a stream ends with StreamTimeoutError, whatever it
                does: rounds of tools and recovery count too; None for no limit.
            max_retries: How often a request is sent again if its connection was refused or the
                server asks for it (408, 429, and 409 with ``x-should-retry``). A question (GET)
                and a request that only makes an answer are also sent again if, before the
                answer's body, the connection broke or the status was 5xx; what changes a thread
                or a conversation is not.
            max_answer_bytes: The largest answer that is not a stream, compressed or not; None
                means 64 MiB.
            session: A ``requests.Session`` to send through; it is left as it is, and the caller
                closes it. Mount :func:`stream_core.http.retrying_adapter` on it: with other
                adapters, the head of an answer is limited by its silences only.
            default_headers: Sent with every request; None removes a header.
            default_query: Sent with every request, e.g. ``{"api-version": "v1"}``; the
                arguments of a call take precedence.
            wire: The wire of the calls on assistants and threads. With ``"responses"`` this
                client keeps assistants and messages itself, and each run is a response; the
                table in docs/migrating.md shows what each parameter becomes, and one without
                a counterpart is a ValueError that says what to do instead.
            assistants: With ``wire="responses"``: the settings of existing assistants, by id:
                ``{"asst_1": {"model": ..., "instructions": ..., "tools": [...]}}``.
            threads: With ``wire="responses"``: where the history of a thread is kept.
                ``"previous_response_id"``, the default: a run refers to the response before
                it; if the server answers that it does not know that response, everything is
                sent from then on. ``"conversation"``: a thread is a conversation on the
                server and has its id. ``"replay"``: everything is sent with each run, for
                servers that store nothing but do not say so.
            run_keys: Whether each call that makes a run on a thread puts a key of its own into the
                run's ``metadata`` (``until_done_request``, one of the 16 pairs). If the
                connection is lost before the id of the run was seen, the run with the key is
                found and recovered; without a key the loss is an error.

        Raises:
            ValueError: There is no key for OpenAI's own server, the key or the address is
                malformed, a number is negative, a header has a value that HTTP cannot carry, or
                WIRE or THREADS is unknown.
            TypeError: An argument has the wrong type, or ASSISTANTS contains a setting that
                assistants do not have.
        """
        if wire not in _WIRES:
            raise ValueError(f"wire is {wire!r}: choose one of {', '.join(_WIRES)}")
        if wire != "responses" and not (assistants is None and threads is None):
            raise ValueError(
                "the server keeps assistants and threads on this wire: pass assistants=... "
                "and threads=... with wire='responses' only"
            )
        if wire == "responses" and run_keys:
            raise ValueError(
                "run_keys=True needs runs that the server keeps: leave it out with wire='responses'"
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
            idle_timeout=idle_timeout,
            deadline=deadline,
            max_retries=max_retries,
            max_answer_bytes=max_answer_bytes,
            session=session,
        )
        knows_who = key or auth or comes_with(session, headers)
        if not knows_who and _is_openai(self.base_url):
            self.close()
            raise ValueError(
                f"no API key for {self.base_url}: pass api_key=..., or set OPENAI_API_KEY; "
                "for another server pass base_url=..., or set OPENAI_BASE_URL"
            )
        self.assistants, self.threads = self._make_calls(wire, assistants, threads, run_keys)
        self.responses = Responses(self._transport)
        self.chat = Chat(self._transport)

    def _make_calls(
        self,
        wire: str,
        assistants: Mapping[str, Mapping[str, Any]] | None,
        threads: str | None,
        run_keys: bool,  # noqa: FBT001  # a setting that is passed on
    ) -> tuple[Assistants, Threads]:
        """Make the calls on assistants and threads."""
        if wire == "assistants":
            return Assistants(self._transport), Threads(self._transport, run_keys=run_keys)
        # Imported only if it is asked for.
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

        Agents are ``client.assistants`` here, and calls take an ``assistant_id``. According to
        Azure, such agents end on 2027-03-31.

        Args:
            endpoint: ``https://RESOURCE.services.ai.azure.com/api/projects/PROJECT``. None
                reads ``PROJECT_ENDPOINT``, else ``AZURE_AI_PROJECT_ENDPOINT``.
            credential: An object with ``get_token(*scopes)``, such as those of azure-identity,
                or a function that returns a token as a string. It is called at each request;
                the scope is ``https://ai.azure.com/.default``.
            api_key: Replaces CREDENTIAL: sent as ``api-key``; a function is called for it at
                each request.
            api_version: Sent with every request; None means ``v1``. With ``wire="responses"``
                the version is part of the path, so this is sent only if it is given.
            options: The settings of every client.

        Raises:
            ValueError: The endpoint or the credentials are missing or malformed.
            TypeError: CREDENTIAL is not a credential, or is async.
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
            endpoint: Address of the resource, with or without ``/openai``. None reads
                ``AZURE_OPENAI_ENDPOINT``. A deployment is the ``model`` of an assistant, not
                part of the address.
            credential: As for :meth:`azure_agents`; the scope is
                ``https://cognitiveservices.azure.com/.default``.
            api_key: Replaces CREDENTIAL: sent as ``api-key``; a function is called for it at
                each request. If neither is given, ``AZURE_OPENAI_API_KEY`` is read.
            api_version: Sent with every request, e.g. ``2025-04-01-preview``. None reads
                ``OPENAI_API_VERSION``. With ``wire="responses"`` the version is part of the
                path, so this is sent only if it is given.
            options: The settings of every client.

        Raises:
            ValueError: The endpoint, the version or the credentials are missing or malformed.
            TypeError: CREDENTIAL is not a credential, or is async.
        """
        settings = azure.openai_settings(endpoint, credential, api_key, api_version, options)
        return cls(**settings)

    @property
    def base_url(self) -> str:
        """The address of the API, without a trailing slash."""
        return self._transport.base_url

    @property
    def beta(self) -> Self:
        """The client itself, for documented code that uses ``client.beta.threads``."""
        return self

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send any request, for an API call that has no method here.

        The header ``OpenAI-Beta`` is added to the calls on assistants and threads only: give it
        in HEADERS if the server asks for it.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: The path after the base address, e.g. ``/vector_stores``; a slash at its
                beginning may be left out.
            options: ``query``, ``body``, ``headers``, ``timeout``; see
                :class:`stream_core.http.transport.Options`.

        Returns:
            The JSON value of the answer.

        Raises:
            TransportError: The connection failed.
            APIStatusError: The status is not 2xx; the subclass depends on it.
            DecodeError: The answer is not JSON.
        """
        return Driver(self._transport).perform(Ask(method, path, options))

    def close(self) -> None:
        """Close the connections, unless the caller passed a session.

        Calls are a RuntimeError from now on; streams that are open go on.
        """
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
        """Return a string that does not show the key."""
        return f"Client(base_url={self.base_url!r})"


def _is_openai(base_url: str) -> bool:
    """Return whether this is OpenAI's own server, which answers nobody without a key."""
    return urlsplit(base_url).hostname == urlsplit(_OPENAI).hostname
