"""Azure's two services that speak the Assistants wire, as settings of ``Client``.

Rules of this file:

- It makes arguments for ``Client`` from its own arguments and the environment, and nothing
  else: Azure's differences (paths, ``api-version``, authentication) become options that any
  server could need.
- The environment's settings for OpenAI itself, organization and project, are not sent to Azure.
- A missing setting is a ValueError that names the argument and the variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from .auth import comes_with, given, key_header, token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.http.transport import Session, Timeout

    from .auth import Authentication, Credential, Key

__all__ = ["ClientOptions", "agents_settings", "openai_settings"]

#: The scopes of tokens.
_AGENTS_SCOPE: Final = "https://ai.azure.com/.default"
_OPENAI_SCOPE: Final = "https://cognitiveservices.azure.com/.default"

_NO_OPENAI: Final = {"OpenAI-Organization": None, "OpenAI-Project": None}


class ClientOptions(TypedDict, total=False):
    """The settings of a ``Client`` that are the same for every service.

    Attributes:
        timeout: Seconds for connecting and for the answer each, or both as a pair; None for no
            limit.
        idle_timeout: Seconds without an event after which a stream is lost.
        deadline: Seconds after which a stream ends.
        max_retries: How often a request is sent again.
        max_answer_bytes: The largest answer that is not a stream.
        session: The ``requests.Session`` to send through.
        default_headers: Sent with every request; None removes a header.
        default_query: Sent with every request.
        wire: ``"responses"`` for the calls of Assistants on that wire.
        assistants: With ``wire="responses"``: the definitions of existing assistants.
        threads: With ``wire="responses"``: where the history of threads is kept.
        run_keys: Whether runs are found by a key in their metadata, see ``Client``.
    """

    timeout: Timeout
    idle_timeout: float | None
    deadline: float | None
    max_retries: int
    max_answer_bytes: int | None
    session: Session | None
    default_headers: Mapping[str, str | None] | None
    default_query: Mapping[str, Any] | None
    wire: Literal["assistants", "responses"]
    assistants: Mapping[str, Mapping[str, Any]] | None
    threads: Literal["previous_response_id", "conversation", "replay"] | None
    run_keys: bool


def agents_settings(
    endpoint: str | None,
    credential: Credential | None,
    api_key: Key | None,
    api_version: str | None,
    options: ClientOptions,
) -> dict[str, Any]:
    """Return the arguments of ``Client`` for the agents of an Azure AI Foundry project.

    The arguments are those of ``Client.azure_agents``.

    Raises:
        ValueError: The endpoint or the credentials are missing.
        TypeError: CREDENTIAL is not a credential, or is async.
    """
    address = given(endpoint, "PROJECT_ENDPOINT", "AZURE_AI_PROJECT_ENDPOINT")
    if not address:
        raise ValueError(
            "no endpoint: pass endpoint=..., or set PROJECT_ENDPOINT; it looks like "
            "https://RESOURCE.services.ai.azure.com/api/projects/PROJECT"
        )
    auth = _authentication(credential, api_key, _AGENTS_SCOPE, options, hint="")
    if options.get("wire") == "responses":
        return _settings(_versioned(address), auth, api_version, {}, options)
    # The service's own client sends no OpenAI-Beta: the version says which API it is.
    return _settings(address, auth, api_version or "v1", {"OpenAI-Beta": None}, options)


def openai_settings(
    endpoint: str | None,
    credential: Credential | None,
    api_key: Key | None,
    api_version: str | None,
    options: ClientOptions,
) -> dict[str, Any]:
    """Return the arguments of ``Client`` for the assistants of an Azure OpenAI resource.

    The arguments are those of ``Client.azure_openai``.

    Raises:
        ValueError: The endpoint, the version or the credentials are missing or invalid.
        TypeError: CREDENTIAL is not a credential, or is async.
    """
    address = (given(endpoint, "AZURE_OPENAI_ENDPOINT") or "").rstrip("/")
    if not address:
        raise ValueError(
            "no endpoint: pass endpoint=..., or set AZURE_OPENAI_ENDPOINT; it looks like "
            "https://RESOURCE.openai.azure.com"
        )
    if "/deployments/" in f"{address}/":
        raise ValueError(
            f"endpoint is {address!r}: leave out /deployments/ and what follows; pass the name of "
            "a deployment as the model of an assistant"
        )
    on_responses = options.get("wire") == "responses"
    version = api_version if on_responses else given(api_version, "OPENAI_API_VERSION")
    if not version and not on_responses:
        raise ValueError(
            "no API version: pass api_version=..., or set OPENAI_API_VERSION; it looks like "
            "2025-04-01-preview"
        )
    if credential is None:
        api_key = given(api_key, "AZURE_OPENAI_API_KEY")
    hint = ", or set AZURE_OPENAI_API_KEY"
    auth = _authentication(credential, api_key, _OPENAI_SCOPE, options, hint=hint)
    if on_responses:
        return _settings(_versioned(address), auth, version, {}, options)
    # The OpenAI-Beta header stays: this is OpenAI's API, and OpenAI's client sends it here too.
    path = "" if address.endswith(("/openai", "/openai/v1")) else "/openai"
    return _settings(address + path, auth, version, {}, options)


def _versioned(address: str) -> str:
    """Return the address of the Responses API, whose version is in its path.

    An ``api-version`` is sent only if the caller gives one.
    """
    return f"{address.rstrip('/').removesuffix('/v1').removesuffix('/openai')}/openai/v1"


def _authentication(
    credential: Credential | None,
    api_key: Key | None,
    scope: str,
    options: ClientOptions,
    *,
    hint: str,
) -> Authentication:
    """Return the function that authenticates requests.

    Raises:
        ValueError: There are no credentials, or two; HINT names another way to give them.
        TypeError: CREDENTIAL is not a credential, or is async.
    """
    if credential is not None and api_key:
        raise ValueError("both credential and api_key are given: pass only one of them")
    if credential is not None:
        return token(credential, scope)
    if api_key:
        return key_header("api-key", api_key)
    if comes_with(options.get("session"), options.get("default_headers")):
        return dict
    raise ValueError(
        "no credentials: pass credential=..., such as "
        f"azure.identity.DefaultAzureCredential(), or api_key=...{hint}"
    )


def _settings(
    address: str,
    auth: Authentication,
    api_version: str | None,
    headers: Mapping[str, str | None],
    options: ClientOptions,
) -> dict[str, Any]:
    """Combine the arguments of ``Client``."""
    version = {"api-version": api_version} if api_version else {}
    return {
        **options,
        "base_url": address,
        "auth": auth,
        "default_headers": {**_NO_OPENAI, **headers, **(options.get("default_headers") or {})},
        "default_query": {**version, **(options.get("default_query") or {})},
    }
