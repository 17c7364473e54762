"""No secret is in any text: each place where one can enter, with each kind of failure.

What is searched: the exception (repr, text, arguments, notes, pickle), its traceback with all
causes, what requests, urllib3 and this library log at DEBUG, recordings, and the text of client and
stream. One log is not ours to change: urllib3 logs addresses with their query at DEBUG.
"""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
import requests
from attrs import field, frozen

from stream_core import Client, errors
from stream_core.http.session import retrying_adapter
from tests.support.socket_peer import (
    CHUNKED,
    JSON,
    OK,
    SSE,
    Peer,
    chunk,
    reply,
    reset,
    say,
    unused_port,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.socket_peer import Act

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

SECRET: Final = "sEcReT-0123456789"  # noqa: S105  # it opens nothing


@frozen
class Place:
    """Where a secret enters.

    Attributes:
        client: The settings of the client.
        call: The options of the call.
        make: What makes the client.
        address: What becomes of the base address.
        proxied: Whether the proxy is the peer.
    """

    client: dict[str, Any] = field(factory=dict)
    call: dict[str, Any] = field(factory=dict)
    make: Callable[..., Client] = Client
    address: Callable[[str], str] = str
    proxied: bool = False


def _openai(api_key: str | None = None, base_url: str | None = None, **settings: Any) -> Client:
    """Make a client of Azure OpenAI on Responses."""
    settings = {"wire": "responses", **settings}
    if "credential" not in settings:
        settings["api_key"] = api_key
    return Client.azure_openai(base_url, **settings)


def _agents(api_key: str | None = None, base_url: str | None = None, **settings: Any) -> Client:
    """Make a client of Azure's agents on Responses."""
    settings = {"wire": "responses", **settings}
    return Client.azure_agents(base_url, api_key=api_key, **settings)


MCP = {"type": "mcp", "server_label": "x", "server_url": "https://x", "headers": {"X-Key": SECRET}}

PLACES: Final = {
    "key": Place({"api_key": SECRET}),
    "key from a function": Place({"api_key": lambda: SECRET}),
    "auth": Place({"auth": lambda: {"X-Own": SECRET}}),
    "header of the client": Place({"default_headers": {"X-Own": SECRET}}),
    "query of the client": Place({"default_query": {"key": SECRET}}),
    "organization": Place({"organization": SECRET}),
    "project": Place({"project": SECRET}),
    "header of the call": Place(call={"extra_headers": {"X-Own": SECRET}}),
    "query of the call": Place(call={"extra_query": {"key": SECRET}}),
    "body of the call": Place(call={"extra_body": {"key": SECRET}}),
    "header of a tool": Place(call={"tools": [MCP]}),
    "key of Azure OpenAI": Place({"api_key": SECRET}, make=_openai),
    "token of Azure OpenAI": Place({"credential": lambda: SECRET}, make=_openai),
    "key of Azure's agents": Place({"api_key": SECRET}, make=_agents),
    "user in the address": Place(address=lambda x: x.replace("//", f"//{SECRET}@")),
    "password in the address": Place(address=lambda x: x.replace("//", f"//me:{SECRET}@")),
    "query of the address": Place(address=lambda x: f"{x}?key={SECRET}"),
    "fragment of the address": Place(address=lambda x: f"{x}#{SECRET}"),
    "proxy": Place(proxied=True),
}

ELSEWHERE: Final = "http://localhost:1/v1/x"

#: What the peer does; None: nobody is there.
FAILURES: Final[dict[str, Act | None]] = {
    "refused": None,
    "401": say(reply(401, b'{"error": {"message": "no", "code": "invalid_api_key"}}')),
    "500 with HTML": say(reply(500, b"<html>")),
    "429": say(reply(429, b"{}", Retry_After="99")),
    "closed": say(close=True),
    "reset": reset(),
    "closed within the head": say(SSE, close=True),
    "a bad status line": say(b"HTTP/1.1 abc\r\n\r\n"),
    "silence": say(),
    "silence after the head": say(JSON + CHUNKED),
    "a bad chunk": say(OK + CHUNKED, b"zz\r\n"),
    "not an event stream": say(reply(200, b"<html>", Content_Type="text/html")),
    "an unknown encoding": say(reply(200, b"x", Content_Encoding="zebra")),
    "a bad frame": say(reply(200, b"data: {\n\n", Content_Type="text/event-stream")),
    "a cut stream": say(SSE + CHUNKED, chunk(b": x\n\n"), close=True),
    "a redirect elsewhere": say(reply(307, Location=ELSEWHERE)),
    "a redirect that is none": say(reply(307, Location="http://[/")),
}


def texts_of(error: BaseException) -> list[str]:
    """Return all texts of an exception and of what caused it, and what is pickled of it."""
    found = ["".join(traceback.format_exception(error)), pickle.dumps(error).decode("latin-1")]
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        notes = getattr(one, "__notes__", ())
        found += [repr(one), str(one), repr(one.args), *notes, repr(vars(one))]
        waiting += [one.__cause__, one.__context__]
    return found


def shows(texts: list[str], secret: str = SECRET) -> list[str]:
    """Return those of TEXTS that have the secret, as it is or escaped."""
    forms = {secret, quote(secret, safe=""), repr(secret)[1:-1]}
    return [text for text in texts if any(form in text for form in forms)]


def failing(place: Place, act: Act | None, timeout: Any = (5, 0.05)) -> list[str]:
    """Let a JSON call and a stream fail; return all texts that came of it."""
    texts: list[str] = []
    acts = [] if act is None else [act] * 2
    with Peer(*acts) as peer, requests.Session() as session:
        origin = f"127.0.0.1:{unused_port()}" if act is None else peer.origin
        settings: dict[str, Any] = {"api_key": "k", "timeout": timeout, "max_retries": 0}
        if "auth" in place.client:
            del settings["api_key"]
        if place.proxied:
            session.mount("http://", retrying_adapter(0))
            session.trust_env = False
            session.proxies = {"http": f"http://me:{SECRET}@{origin}"}
            settings["session"] = session
            origin = "api.invalid"
        settings.update(place.client)
        tee = io.BytesIO()

        def ask(client: Client) -> None:
            options: dict[str, Any] = {
                "headers": place.call.get("extra_headers", {}),
                "query": place.call.get("extra_query", {}),
                "body": place.call.get("extra_body", {}),
            }
            client.request("POST", "/x", **options)

        def listen(client: Client) -> None:
            stream = client.responses.stream(model="m", input="x", **place.call).tee(tee)
            texts.append(repr(stream))
            stream.until_done()

        for call in (ask, listen):
            try:
                base_url = place.address(f"http://{origin}/v1")
                with place.make(base_url=base_url, **settings) as client:
                    texts += [repr(client), client.base_url]
                    call(client)
            except (errors.StreamError, ValueError, TypeError) as error:
                texts += texts_of(error)
        texts.append(tee.getvalue().decode("latin-1"))
    return texts


@pytest.mark.parametrize("act", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_secret_is_in_any_text(
    place: Place, act: Act | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails, and wherever it came from; the failure itself is there."""
    with caplog.at_level(logging.DEBUG):
        texts = failing(place, act)
    assert any("Error" in text for text in texts)
    assert [] == shows(texts)
    if "query" not in next(name for name, x in PLACES.items() if x is place):
        assert [] == shows([caplog.text])


#: What HTTP cannot carry in a header, as a secret that was read from a file may end.
UNSENDABLE: Final = (
    f"{SECRET}\n",
    f"{SECRET}\r\nX: y",
    f" {SECRET}",
    f"{SECRET}\x00",
    f"{SECRET}€",
)


@pytest.mark.parametrize("secret", UNSENDABLE, ids=ascii)
@pytest.mark.parametrize(
    "place",
    [
        lambda x: Place({"api_key": x}),
        lambda x: Place({"api_key": lambda: x}),
        lambda x: Place({"auth": lambda: {"X-Own": x}}),
        lambda x: Place({"default_headers": {"X-Own": x}}),
        lambda x: Place({"organization": x}),
        lambda x: Place({"project": x}),
        lambda x: Place(call={"extra_headers": {"X-Own": x}}),
        lambda x: Place({"api_key": x}, make=_openai),
        lambda x: Place({"credential": lambda: x}, make=_openai),
    ],
)
def test_no_secret_that_cannot_be_sent_is_in_any_text(
    place: Callable[[str], Place], secret: str
) -> None:
    """It is refused before it is sent, by the name of its header."""
    texts = failing(place(secret), say(reply(200, b"{}")))
    assert any("ValueError" in text for text in texts)
    assert [] == shows(texts)


@pytest.mark.parametrize(
    "call",
    [
        {"unknown": SECRET},
        {"extra_headers": {"X-Own": SECRET, "X-Other": 5}},
        {"extra_headers": {SECRET + " ": "x"}},
        {"extra_query": {"key": SECRET}, "timeout": -1},
        {"extra_body": {"key": SECRET, "bad": object()}},
        {"tools": [MCP], "max_frame_bytes": -1},
        {"tools": [MCP, 5]},
        {"tools": [MCP], "handlers": [object()]},
        {"tools": [MCP], "event_handler": 5},
    ],
)
def test_no_secret_is_in_the_text_of_misuse(call: dict[str, Any]) -> None:
    """An argument that is wrong is named, and others are not shown."""
    texts = failing(Place(call=call), say(reply(401, b"{}")))
    assert [] == shows(texts)


def test_the_headers_of_a_request_are_not_kept_with_its_error() -> None:
    """Neither the error nor any of its causes leads to the request."""
    with (
        Peer(*[say(close=True)] * 2) as peer,
        Client(SECRET, peer.url, max_retries=0) as client,
        pytest.raises(errors.TransportError) as caught,
    ):
        client.threads.create()
    waiting: list[Any] = [caught.value]
    while waiting:
        one = waiting.pop()
        if one is not None:
            assert not isinstance(one, requests.RequestException)
            assert "request" not in vars(one)
            waiting += [one.__cause__, one.__context__]
