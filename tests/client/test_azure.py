"""The two constructors of ``Client`` for Azure's services."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core import Client, errors
from stream_core.testing import Fault, LocalServer
from tests.support.responses_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "https://r.services.ai.azure.com/api/projects/p"
RESOURCE = "https://r.openai.azure.com"

#: Both constructors, and an address for each.
MAKERS: dict[str, tuple[Callable[..., Client], str]] = {
    "agents": (Client.azure_agents, "/api/projects/p"),
    "openai": (Client.azure_openai, ""),
}
each_maker = pytest.mark.parametrize("name", sorted(MAKERS))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure's variables may be set for whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "OPENAI_", "PROJECT_")):
            monkeypatch.delenv(name)


def made(name: str, server: LocalServer, **settings: Any) -> Client:
    """Make a client of that kind for SERVER, with a key and a version unless SETTINGS differ."""
    make, path = MAKERS[name]
    if "credential" not in settings:
        settings = {"api_key": "key", **settings}
    return make(server.url + path, **{"api_version": "v1", **settings})


class Credential:
    """Returns another token at each call, like a credential whose tokens expire."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str) -> Any:
        self.scopes.append(scopes)
        return SimpleNamespace(token=f"token-{len(self.scopes)}")


# --- Requests -----------------------------------------------------------------------


@each_maker
def test_every_request_has_the_version(server: LocalServer, name: str) -> None:
    """Objects, lists, streams and requests of one's own have it; a call's own query comes first."""
    client = made(name, server, api_version="2025-05-01")
    assistant = client.assistants.create(model="m")
    client.assistants.list(limit=2)
    client.threads.create_and_run_stream(assistant_id=assistant.id).until_done()
    client.request("GET", "/assistants")
    assert 4 == len(server.requests)
    assert {"2025-05-01"} == {request.query["api-version"] for request in server.requests}
    assert "2" == server.requests[1].query["limit"]
    client.assistants.list(extra_query={"api-version": "other"})
    assert "other" == server.requests[-1].query["api-version"]


def test_the_paths_are_azures(server: LocalServer) -> None:
    """There is no ``/v1`` below a project; ``/openai`` comes once, and never a deployment."""
    for name, expected in (("agents", "/api/projects/p/threads"), ("openai", "/openai/threads")):
        made(name, server).threads.create()
        assert expected == server.requests[-1].path
    assert PROJECT == Client.azure_agents(f"{PROJECT}/", api_key="k").base_url
    for endpoint, base_url in (
        (RESOURCE, f"{RESOURCE}/openai"),
        (f"{RESOURCE}/", f"{RESOURCE}/openai"),
        (f"{RESOURCE}/openai", f"{RESOURCE}/openai"),
        (f"{RESOURCE}/openai/v1/", f"{RESOURCE}/openai/v1"),
    ):
        assert base_url == Client.azure_openai(endpoint, api_key="k", api_version="v").base_url


@each_maker
def test_a_key_is_sent_as_api_key(server: LocalServer, name: str) -> None:
    """It is not sent as a bearer token; a function is called at each request."""
    keys = iter(["one", "two"])
    client = made(name, server, api_key=lambda: next(keys))
    client.threads.create()
    client.threads.create()
    assert ["one", "two"] == [request.headers["api-key"] for request in server.requests]
    assert not any("authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("agents", "https://ai.azure.com/.default"),
        ("openai", "https://cognitiveservices.azure.com/.default"),
    ],
)
def test_a_credential_is_asked_each_time_that_a_request_is_sent(
    server: LocalServer, name: str, scope: str
) -> None:
    """The scope is that of the service. A token may expire while a repeat waits."""
    credential = Credential()
    client = made(name, server, credential=credential)
    client.threads.create()
    server.fail_next(Fault(status=429, headers={"retry-after-ms": "1"}))
    client.threads.create()
    assert [(scope,)] * 3 == credential.scopes
    assert ["Bearer token-1", "Bearer token-2", "Bearer token-3"] == [
        request.headers["authorization"] for request in server.requests
    ]
    assert not any("api-key" in request.headers for request in server.requests)


def test_a_function_can_be_the_credential(server: LocalServer) -> None:
    """The function returns the token."""
    made("agents", server, credential=lambda: "from-a-function").threads.create()
    assert "Bearer from-a-function" == server.requests[-1].headers["authorization"]


def test_openais_own_headers_stay_where_they_belong(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Organization, project and key are not sent to Azure; the beta only to Azure OpenAI."""
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-azure")
    monkeypatch.setenv("OPENAI_ORG_ID", "org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj")
    for name, beta in (("agents", None), ("openai", "assistants=v2")):
        made(name, server).threads.create()
        headers = server.requests[-1].headers
        assert not {"openai-organization", "openai-project", "authorization"} & headers.keys()
        assert beta == headers.get("openai-beta")


@each_maker
def test_the_other_settings_are_those_of_every_client(server: LocalServer, name: str) -> None:
    """Headers and query beside Azure's own, a timeout, retries and a session are accepted."""
    session = requests.Session()
    session.headers["X-Session"] = "1"
    client = made(
        name,
        server,
        session=session,
        default_headers={"X-Team": "harbour", "OpenAI-Beta": "other"},
        default_query={"trace": "1"},
        timeout=0.05,
        max_retries=0,
    )
    client.threads.create()
    (request,) = server.requests
    assert ("1", "harbour", "other") == tuple(
        request.headers[name] for name in ("x-session", "x-team", "openai-beta")
    )
    assert {"trace": "1", "api-version": "v1"} == dict(request.query)
    server.fail_next(Fault(delay=5.0))
    with pytest.raises(errors.StreamTimeoutError):
        client.threads.create()
    with pytest.raises(TypeError, match="base_ulr"):
        made(name, server, base_ulr="x")


@each_maker
def test_a_subclass_makes_its_own_kind(name: str) -> None:
    """The constructors are class methods."""

    class Mine(Client):
        pass

    make = Mine.azure_agents if name == "agents" else Mine.azure_openai
    assert Mine is type(make(RESOURCE, api_key="k", api_version="v"))


# --- Missing settings -------------------------------------------------------------------


def test_the_environment_says_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are those that Azure's samples and OpenAI's client read."""
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", f"{PROJECT}2")
    assert f"{PROJECT}2" == Client.azure_agents(credential=lambda: "t").base_url
    monkeypatch.setenv("PROJECT_ENDPOINT", PROJECT)
    assert PROJECT == Client.azure_agents(credential=lambda: "t").base_url
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", RESOURCE)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2025-04-01-preview")
    assert f"{RESOURCE}/openai" == Client.azure_openai().base_url


def test_the_environment_s_key_and_version_are_sent(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's key is sent unless there is a credential, which comes first."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "from-the-environment")
    monkeypatch.setenv("OPENAI_API_VERSION", "2025-04-01-preview")
    Client.azure_openai(server.url).threads.create()
    request = server.requests[-1]
    assert ("from-the-environment", "2025-04-01-preview") == (
        request.headers["api-key"],
        request.query["api-version"],
    )
    Client.azure_openai(server.url, lambda: "t").threads.create()
    assert "api-key" not in server.requests[-1].headers


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Client.azure_agents(api_key="k"), "no endpoint: .*PROJECT_ENDPOINT.*/projects/"),
        (lambda: Client.azure_openai(api_key="k"), "no endpoint: .*AZURE_OPENAI_ENDPOINT"),
        (lambda: Client.azure_openai("/", api_key="k"), "no endpoint"),
        (lambda: Client.azure_openai(RESOURCE, api_key="k"), "no API version.*OPENAI_API_VERSION"),
        (
            lambda: Client.azure_agents(PROJECT),
            r"no credentials: pass credential=.* or api_key=\.\.\.$",
        ),
        (
            lambda: Client.azure_openai(RESOURCE, api_version="v"),
            r"no credentials: .*or api_key=\.\.\., or set AZURE_OPENAI_API_KEY$",
        ),
        (lambda: Client.azure_agents(PROJECT, lambda: "t", "k"), "both .*: pass only one of them"),
        (
            lambda: Client.azure_openai(f"{RESOURCE}/openai/deployments/gpt", api_key="k"),
            "leave out /deployments/",
        ),
        (lambda: Client.azure_agents("r.example/p", api_key="k"), "base_url is 'r.example/p'"),
    ],
)
def test_what_is_missing_is_said_when_the_client_is_made(
    call: Callable[[], Client], message: str
) -> None:
    """The error names the argument to pass and the variable to set."""
    with pytest.raises(ValueError, match=message):
        call()


@each_maker
def test_a_session_or_a_header_may_say_who_asks(server: LocalServer, name: str) -> None:
    """In that case no key is needed."""
    made(name, server, api_key=None, default_headers={"API-Key": "x"}).threads.create()
    assert "x" == server.requests[-1].headers["api-key"]
    made(name, server, api_key=None, session=requests.Session()).threads.create()
    assert "api-key" not in server.requests[-1].headers


def test_what_is_no_credential_is_refused() -> None:
    """A key passed as the credential is a likely slip."""
    with pytest.raises(TypeError, match="pass a key as api_key"):
        Client.azure_agents(PROJECT, "key")  # type: ignore[arg-type]  # the test is that it is wrong


def test_azure_s_errors_are_ours(server: LocalServer) -> None:
    """The gateway's error body is read, with its request id."""
    body = '{"error": {"code": "401", "message": "Access denied."}}'
    server.fail_next(
        Fault(
            status=401,
            body=body,
            headers={"apim-request-id": "req-1", "Content-Type": "application/json"},
        )
    )
    with pytest.raises(errors.AuthenticationError, match="Access denied") as caught:
        made("openai", server).threads.create()
    assert "401" == caught.value.code


# --- The Responses wire -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path", "ending"),
    [
        ("agents", "/api/projects/p", ""),
        ("openai", "", ""),
        ("openai", "", "/openai"),
        ("openai", "", "/openai/v1/"),
    ],
)
def test_the_calls_can_be_made_on_responses(
    name: str, path: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is in the path; a given one is sent too, the environment's is not."""
    monkeypatch.setenv("OPENAI_API_VERSION", "2025-04-01-preview")
    with serving() as server:
        server.below = f"{path}/openai/v1"
        for version, query in ((None, {}), ("preview", {"api-version": ["preview"]})):
            client = MAKERS[name][0](
                server.base_url + path + ending,
                api_key="k",
                api_version=version,
                wire="responses",
                assistants={"asst_1": {"model": "m"}},
                threads="conversation",
            )
            run = client.threads.create_and_run(assistant_id="asst_1")
            assert "completed" == run.status
            calls = [f"POST {server.below}/{kind}" for kind in ("conversations", "responses")]
            assert calls == server.calls[-2:]
            asked = server.asked[-1]
            assert (query, "k") == (asked.query, asked.headers["api-key"])
            assert "openai-beta" not in asked.headers
