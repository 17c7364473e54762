"""The settings of a client: server, credentials and wire."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core import Client, errors
from stream_core.client import assistants as resources
from stream_core.client.client import DEFAULT_TIMEOUT
from stream_core.http.transport import retrying_adapter
from stream_core.testing import Fault, LocalServer
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables that whoever runs the tests may have set."""
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)


def headers_of(server: LocalServer) -> dict[str, str]:
    """Return the headers of the last request."""
    return dict(server.requests[-1].headers)


# --- Settings -------------------------------------------------------------------------------


def test_arguments_say_who_asks(server: LocalServer) -> None:
    """Key, organisation and project are headers of every request."""
    client = Client("key", server.base_url, organization="org", project="proj")
    client.threads.create()
    headers = headers_of(server)
    assert "Bearer key" == headers["authorization"]
    assert ("org", "proj") == (headers["openai-organization"], headers["openai-project"])
    assert "assistants=v2" == headers["openai-beta"]


def test_the_environment_says_it_otherwise(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its variables are those that OpenAI's clients read."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_ORG_ID", "org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj")
    client = Client()
    client.threads.create()
    headers = headers_of(server)
    assert "Bearer key" == headers["authorization"]
    assert ("org", "proj") == (headers["openai-organization"], headers["openai-project"])


def test_arguments_count_before_the_environment(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does the empty key, with which none is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "env")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "env")
    Client("", server.base_url, organization="org").threads.create()
    headers = headers_of(server)
    assert "authorization" not in headers
    assert "org" == headers["openai-organization"]


def test_nothing_said_is_nothing_sent(server: LocalServer) -> None:
    """A self-hosted server needs no key, organisation or project."""
    Client(base_url=server.base_url).threads.create()
    assert (
        not {"authorization", "openai-organization", "openai-project"} & headers_of(server).keys()
    )


def test_openais_server_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is so even if the variable is empty; a trailing slash makes no difference."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert "https://api.openai.com/v1" == Client("key").base_url
    assert "http://server/v1" == Client(base_url="http://server/v1/").base_url


@pytest.mark.parametrize("base_url", [None, "https://api.openai.com/v1", "https://API.openai.com"])
@pytest.mark.parametrize("key", [None, ""])
def test_openais_server_needs_a_key(base_url: str | None, key: str | None) -> None:
    """The error says what to set, before anything is sent."""
    with pytest.raises(ValueError, match=r"no API key .* OPENAI_API_KEY; .* OPENAI_BASE_URL"):
        Client(key, base_url)


@pytest.mark.parametrize(
    "settings",
    [
        {"session": requests.Session()},
        {"default_headers": {"authorization": "Bearer other"}},
    ],
)
def test_a_key_may_come_in_other_ways(settings: dict[str, Any]) -> None:
    """It may be in a session or in a header."""
    assert "https://api.openai.com/v1" == Client(**settings).base_url


def test_the_key_may_be_a_function(server: LocalServer) -> None:
    """The function is called at each request, so that a token can be renewed."""
    keys = iter(["one", "two"])
    client = Client(lambda: next(keys), server.base_url)
    client.threads.create()
    client.threads.create()
    assert ["Bearer one", "Bearer two"] == [x.headers["authorization"] for x in server.requests]


def test_a_function_may_say_who_asks_in_its_own_way(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is called at each request, and the environment's key is not sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "env")
    numbers = iter([1, 2])
    client = Client(base_url=server.base_url, auth=lambda: {"X-Key": f"key-{next(numbers)}"})
    client.threads.create()
    client.threads.create()
    assert ["key-1", "key-2"] == [x.headers["x-key"] for x in server.requests]
    assert "authorization" not in headers_of(server)
    assert "https://api.openai.com/v1" == Client(auth=dict).base_url


def test_a_query_can_be_sent_with_every_request(server: LocalServer) -> None:
    """A call's own query takes precedence, name by name."""
    client = Client(base_url=server.base_url, default_query={"api-version": "v1", "limit": 3})
    client.assistants.list()
    assert {"api-version": "v1", "limit": "3"} == dict(server.requests[-1].query)
    client.assistants.list(limit=2)
    assert {"api-version": "v1", "limit": "2"} == dict(server.requests[-1].query)
    client.request("POST", "/threads", query=None)  # type: ignore[arg-type]  # as some callers do
    assert {"api-version": "v1", "limit": "3"} == dict(server.requests[-1].query)


def test_azure_s_services_have_constructors_of_their_own(server: LocalServer) -> None:
    """Their settings are tested in test_azure.py; the client is one like any other."""
    project = f"{server.url}/api/projects/p"
    for client, base_url in (
        (Client.azure_agents(project, api_key="key"), project),
        (Client.azure_openai(server.url, api_key="key", api_version="v"), f"{server.url}/openai"),
    ):
        assert base_url == client.base_url
        assistant = client.assistants.create(model="gpt")
        with client.threads.create_and_run_stream(assistant_id=assistant.id) as stream:
            assert "completed" == stream.get_final_run().status


@pytest.mark.parametrize("key", ["secret\n", " secret", "sec ret", "sécret", "sec\x00ret"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(server: LocalServer, key: str) -> None:
    """The error does not show it, and nothing is sent."""
    with pytest.raises(ValueError, match="the API key contains") as caught:
        Client(key, server.base_url).threads.create()
    assert "ret" not in str(caught.value)
    assert [] == server.requests


def test_default_headers_count_before_ours(server: LocalServer) -> None:
    """Their spelling makes no difference; None removes a header."""
    headers = {"openai-beta": "assistants=v3", "User-Agent": "mine", "X-More": "1"}
    client = Client(base_url=server.base_url, default_headers={**headers, "Accept": None})
    client.threads.create()
    sent = headers_of(server)
    assert ("assistants=v3", "mine", "1") == (
        sent["openai-beta"],
        sent["user-agent"],
        sent["x-more"],
    )


def test_only_calls_of_the_assistants_api_have_its_header(server: LocalServer) -> None:
    """A request of one's own has what one gives it."""
    client = Client(base_url=server.base_url)
    client.threads.create()
    client.request("POST", "/threads", body={})
    client.request("POST", "/threads", body={}, headers={"OpenAI-Beta": "assistants=v2"})
    sent = [request.headers.get("openai-beta") for request in server.requests]
    assert ["assistants=v2", None, "assistants=v2"] == sent


def test_the_representation_hides_the_key() -> None:
    """It shows the server."""
    assert "Client(base_url='https://api.openai.com/v1')" == repr(Client("secret"))


def test_an_address_that_cannot_be_is_refused() -> None:
    """This happens when the client is made, not when it is used."""
    with pytest.raises(ValueError, match="pass an address"):
        Client("key", "localhost:8000/v1")


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        ({"max_retries": -1}, ValueError, "max_retries is -1: pass 0"),
        ({"max_retries": "3"}, TypeError, "max_retries is '3': pass an integer"),
        ({"max_retries": True}, TypeError, "max_retries is True: pass an integer"),
        ({"max_retries": None}, TypeError, "max_retries is None: pass an integer"),
        ({"timeout": (1,)}, TypeError, r"timeout is \(1,\): pass seconds, a pair"),
        ({"timeout": "5"}, TypeError, "timeout is '5': pass seconds"),
        ({"timeout": -5}, ValueError, "timeout is -5: pass seconds"),
        ({"deadline": 0}, ValueError, "deadline is 0: pass seconds"),
        ({"deadline": "1"}, ValueError, "deadline is '1': pass seconds"),
        ({"max_answer_bytes": 0}, ValueError, "max_answer_bytes is 0: pass a number"),
        ({"max_answer_bytes": "1"}, ValueError, "max_answer_bytes is '1': pass a number"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    settings: dict[str, Any], kind: type[Exception], expected: str
) -> None:
    """This happens when the client is made, and the error says what to pass."""
    with pytest.raises(kind, match=expected):
        Client("key", **settings)


# --- Requests and connections -----------------------------------------------------------------


def test_it_has_the_calls(server: LocalServer) -> None:
    """``beta`` is the client itself, so that documented code runs."""
    client = Client(base_url=server.base_url)
    assert client is client.beta
    thread = client.beta.threads.create()
    assistant = client.beta.assistants.create(model="gpt")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        assert "completed" == stream.get_final_run().status


def test_a_hundred_runs_need_one_connection(server: LocalServer) -> None:
    """Each stream that was read to ``done`` passes its connection to the next."""
    client = Client(base_url=server.base_url)
    thread = client.threads.create()
    assistant = client.assistants.create(model="gpt")
    for _ in range(100):
        stream = client.threads.runs.stream(thread.id, assistant_id=assistant.id)
        assert "completed" == stream.get_final_run().status
    assert 102 == len(server.requests)
    assert 1 == server.connections


def test_a_request_that_has_no_method_can_be_sent(server: LocalServer) -> None:
    """It uses the client's key and retries, and returns the JSON value of the answer."""
    client = Client("key", server.base_url)
    made = client.request("POST", "/threads", body={"metadata": {"k": "v"}})
    assert {"k": "v"} == made["metadata"]
    assert made == client.request("GET", f"/threads/{made['id']}")
    assert "Bearer key" == headers_of(server)["authorization"]


@pytest.mark.parametrize(("settings", "expected"), [({}, 3), ({"max_retries": 0}, 1)])
def test_retries_are_two_or_as_said(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], expected: int
) -> None:
    """They come before the error is raised."""
    monkeypatch.setattr("stream_core.http.waits.BACKOFF_FIRST", 0.001)
    server.fail_next(*[Fault(status=500)] * 3)
    with pytest.raises(errors.InternalServerError):
        Client(base_url=server.base_url, **settings).assistants.list()
    assert expected == len(server.requests)


def test_the_timeout_is_the_clients_or_the_calls(server: LocalServer) -> None:
    """A call's own timeout takes precedence."""
    assert (10.0, 600.0) == DEFAULT_TIMEOUT
    server.fail_next(Fault(delay=5.0), Fault(delay=5.0))
    with pytest.raises(errors.StreamTimeoutError):
        Client(base_url=server.base_url, timeout=0.05).threads.create()
    with pytest.raises(errors.StreamTimeoutError):
        Client(base_url=server.base_url).threads.create(timeout=0.05)


def test_a_session_of_the_caller_is_used_and_left(server: LocalServer) -> None:
    """Leaving the client does not close it."""
    session = requests.Session()
    session.headers["X-Session"] = "1"
    session.mount("http://", retrying_adapter(0))
    with Client(base_url=server.base_url, session=session) as client:
        client.threads.create()
    requests_before = len(server.requests)
    session.get(f"{server.base_url}/assistants", timeout=5)
    assert (1, requests_before + 1) == (server.connections, len(server.requests))
    assert "1" == server.requests[0].headers["x-session"]


def test_leaving_the_client_closes_its_connections(server: LocalServer) -> None:
    """They wait for the next request until then."""
    with Client(base_url=server.base_url) as client:
        client.threads.create()
        client.threads.create()
        assert 1 == server.connections
    with Client(base_url=server.base_url) as client:
        client.threads.create()
    assert 2 == server.connections


@pytest.mark.parametrize("own", [True, False])
def test_a_closed_client_sends_nothing_more(server: LocalServer, own: bool) -> None:
    """Every call is a RuntimeError, also with a session of the caller; open streams go on."""
    with requests.Session() as session:
        with Client(base_url=server.base_url, session=session if own else None) as client:
            thread = client.threads.create()
            assistant = client.assistants.create(model="gpt")
            stream = client.threads.runs.stream(thread.id, assistant_id=assistant.id)
        before = len(server.requests)
        calls: list[Callable[[], object]] = [
            client.threads.create,
            lambda: client.request("GET", "/assistants"),
            lambda: client.threads.runs.stream(thread.id, assistant_id=assistant.id),
            lambda: client.responses.stream(model="gpt", input="x"),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="the client is closed: make another one"):
                call()
        assert before == len(server.requests)
        assert "completed" == stream.get_final_run().status


def test_importing_the_client_does_not_load_requests() -> None:
    """Only making a client does."""
    code = (
        "import sys; from stream_core import Client; assert 'requests' not in sys.modules; "
        "Client('key'); assert 'requests' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# --- The wire -----------------------------------------------------------------------------


def test_the_wire_is_that_of_assistants_unless_it_is_said() -> None:
    """The calls have the same types on both."""
    chosen: list[dict[str, Any]] = [{}, {"wire": "assistants"}, {"wire": "responses"}]
    for settings in chosen:
        with Client("k", "http://127.0.0.1:1", **settings) as client:
            ours = settings.get("wire") == "responses"
            for calls in (client.assistants, client.threads):
                assert isinstance(calls, resources.Assistants | resources.Threads)
                assert ours == ("over_responses" in type(calls).__module__)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"wire": "chat"}, "wire is 'chat': choose one of assistants, responses"),
        ({"assistants": {}}, "with wire='responses' only"),
        ({"threads": "replay"}, "with wire='responses' only"),
        ({"wire": "responses", "threads": "files"}, "threads is 'files': choose one of prev"),
        ({"wire": "responses", "assistants": {"a": {}}}, "assistant 'a' has no model"),
    ],
)
def test_a_wire_that_cannot_be_is_refused(settings: dict[str, Any], says: str) -> None:
    """The error names the allowed values."""
    with pytest.raises(ValueError, match=says):
        Client("k", "http://127.0.0.1:1", **settings)


def test_the_other_wire_is_loaded_when_it_is_asked_for() -> None:
    """A program that does not use it does not load it."""
    code = (
        "import sys; from stream_core import Client; Client('k', 'http://127.0.0.1:1'); "
        "print('stream_core.client.assistants_over_responses' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "False" == done.stdout.strip()
