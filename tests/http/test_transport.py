"""Requests, unexpected answers, and redirects."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core import errors
from stream_core.http import transport as http_transport
from stream_core.testing import Fault, LocalServer
from tests.support.socket_peer import (
    CHUNKED,
    OK,
    PATIENCE,
    Peer,
    chunk,
    reply,
    say,
    say_until_closed,
    transport,
)

if TYPE_CHECKING:
    from pathlib import Path

# --- Requests ---------------------------------------------------------------------------


def test_a_request_has_its_parts_where_they_belong(server: LocalServer) -> None:
    """Query, body and headers arrive; the answer is the JSON value."""
    asking = transport(server.base_url, headers={"X-One": "1", "X-Two": "2"})
    thread = asking.request(
        "POST",
        "/threads",
        query={"a": ["1", "2"], "b": None},
        body={"metadata": {"k": "ü\ud83d"}},
        headers={"x-two": "3"},
    )
    sent = server.requests[0]
    assert ("POST", "/v1/threads", {"a": "1,2"}) == (sent.method, sent.path, sent.query)
    assert {"metadata": {"k": "ü\ud83d"}} == sent.json
    assert ("1", "3", "application/json") == (
        sent.headers["x-one"],
        sent.headers["x-two"],
        sent.headers["content-type"],
    )
    assert sent.headers["user-agent"].startswith("until-done/")
    assert "application/json" == sent.headers["accept"]
    assert "thread" == thread["object"]


def test_a_request_without_body_sends_none(server: LocalServer) -> None:
    """There is neither a body nor a content type."""
    transport(server.base_url).request("GET", "/assistants")
    assert b"" == server.requests[0].body
    assert "content-type" not in server.requests[0].headers


def test_a_header_that_is_none_is_not_sent(server: LocalServer) -> None:
    """None removes a header that would otherwise be sent, even one of the session."""
    asking = transport(server.base_url, headers={"X-One": "1", "Accept-Encoding": None})
    asking.request("GET", "/assistants", headers={"X-One": None})
    assert not {"x-one"} & server.requests[0].headers.keys()


def test_a_stream_says_what_it_wants(server: LocalServer) -> None:
    """A request for a stream accepts an event stream, and gives its bytes."""
    url = server.add_recording(b"event: done\ndata: [DONE]\n\n").removeprefix(server.url)
    source = transport(server.url).open("POST", url, body={})
    assert "text/event-stream" == server.requests[0].headers["accept"]
    assert b"event: done\ndata: [DONE]\n\n" == b"".join(source)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_is_not_json_is_misuse(server: LocalServer, value: object) -> None:
    """A value that JSON cannot express is refused before anything is sent."""
    with pytest.raises((TypeError, ValueError)):
        transport(server.base_url).request("POST", "/threads", body={"metadata": value})
    assert [] == server.requests


@pytest.mark.parametrize(
    ("timeout", "kind"),
    [
        (-1, ValueError),
        (0, ValueError),
        ((1, -1), ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("soon", TypeError),
        (True, TypeError),
        ((1,), TypeError),
        ((1, 2, 3), TypeError),
        ((1, "2"), TypeError),
    ],
)
def test_a_timeout_that_cannot_be_is_misuse(
    server: LocalServer, timeout: Any, kind: type[Exception]
) -> None:
    """It is refused before anything is sent, and when the client is made."""
    with pytest.raises(kind, match=r"timeout is .*: pass seconds, a pair"):
        transport(server.base_url).request("GET", "/assistants", timeout=timeout)
    with pytest.raises(kind, match="timeout is"):
        transport(server.base_url, timeout=timeout)
    assert [] == server.requests


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("127.0.0.1:80/v1", "pass an address"),
        ("ftp://server/v1", "pass an address"),
        ("https:///v1", "pass an address"),
        ("https://server/v1?api-version=secret", "pass the query as default_query"),
        ("https://server/v1#secret", "fragment"),
        ("https://user:secret@server/v1", "set auth on a session"),
        ("https://user:secret@/v1", "pass an address"),
        ("https://user:secret@[v1", "pass an address"),
        ("https://user:secret@server:port/v1", "pass an address"),
        ("https://user:secret@\u2100.example/v1", "pass an address"),
        ("https://server:0/v1", "pass an address"),
        ("https://server/a b", "pass an address"),
        ("https://server\\@other/v1", "set auth on a session"),
    ],
)
def test_an_address_that_cannot_be_is_refused(base_url: str, expected: str) -> None:
    """The error says what to pass, and shows no password."""
    with pytest.raises(ValueError, match=expected) as caught:
        transport(base_url)
    assert "secret" not in str(caught.value)


def test_a_slash_at_the_end_of_the_address_does_not_matter(server: LocalServer) -> None:
    """Paths begin with one slash."""
    transport(f"{server.base_url}/").request("GET", "/assistants")
    assert "/v1/assistants" == server.requests[0].path


def test_the_key_is_asked_for_at_each_request(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key may change between requests, and a ~/.netrc does not replace it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    keys = iter(["one", "two"])
    asking = transport(server.base_url, auth=lambda: {"Authorization": f"Bearer {next(keys)}"})
    asking.request("GET", "/assistants")
    asking.request("GET", "/assistants")
    assert ["Bearer one", "Bearer two"] == [x.headers["authorization"] for x in server.requests]


def test_an_exception_of_the_key_function_is_the_callers() -> None:
    """An error in getting the key is not a failure of the connection."""

    def auth() -> dict[str, str]:
        raise FileNotFoundError("no key file")

    with pytest.raises(FileNotFoundError, match="no key file"):
        transport("http://127.0.0.1:1/v1", auth=auth).request("GET", "/")


def test_the_callers_own_authorization_stands(server: LocalServer) -> None:
    """A header given with a request takes precedence over the key."""
    asking = transport(server.base_url, auth=lambda: {"Authorization": "Bearer key"})
    asking.request("GET", "/assistants", headers={"authorization": "Basic mine"})
    assert "Basic mine" == server.requests[0].headers["authorization"]


def test_without_a_key_the_session_authenticates(server: LocalServer) -> None:
    """The session's own auth is used if there is no key."""
    session = requests.Session()
    session.auth = ("me", "secret")
    transport(server.base_url, session=session).request("GET", "/assistants")
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_a_session_of_the_caller_stays_as_it_is(server: LocalServer) -> None:
    """It is used with its adapters and headers, gets none of ours, and is not closed."""
    with requests.Session() as session:
        before = dict(session.adapters)
        session.headers["X-Session"] = "1"
        asking = transport(server.base_url, session=session, max_retries=3)
        asking.request("GET", "/assistants")
        asking.close()
        asking.request("GET", "/assistants")
        assert before == dict(session.adapters)
        assert {"1"} == {x.headers["x-session"] for x in server.requests}
        assert 1 == server.connections


def test_closing_closes_a_session_of_its_own() -> None:
    """The pooled connection is closed, which the server sees."""
    closed = threading.Event()
    act = say_until_closed(closed, reply(200, b"{}"))
    with Peer(act) as peer:
        asking = transport(peer.url)
        asking.request("GET", "/")
        asking.close()
        assert closed.wait(PATIENCE)


def test_a_hundred_requests_need_one_connection(server: LocalServer) -> None:
    """Answers, errors and finished streams all give their connection back."""
    asking = transport(server.url)
    stream = server.add_recording(b"event: done\ndata: [DONE]\n\n").removeprefix(server.url)
    for _ in range(25):
        asking.request("GET", "/assistants")
        with pytest.raises(errors.NotFoundError):
            asking.request("GET", "/threads/none")
        source = asking.open("GET", stream)
        next(source)
        source.finish()
        with pytest.raises(errors.NotAnEventStreamError):
            asking.open("GET", "/assistants")
    assert 100 == len(server.requests)
    assert 1 == server.connections


# --- Answers that are not what was asked for ----------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "content_type"),
    [
        pytest.param({}, b"{}", None, id="no content type"),
        pytest.param({}, b"", None, id="nothing"),
        pytest.param({"Content_Type": "text/plain"}, b"\n<html>", "text/plain", id="HTML"),
        pytest.param({"Content_Type": "text/plain"}, b"dat", "text/plain", id="cut"),
        pytest.param({"Content_Type": "text/plain"}, b"\n" * 70_000, "text/plain", id="blank"),
        pytest.param({"Content_Type": "application/json"}, b"{}", "application/json", id="JSON"),
        pytest.param({"Content_Type": "text/html; charset=x"}, b"<p>", "text/html; charset=x"),
    ],
)
def test_a_200_that_is_no_event_stream_is_its_own_error(
    headers: dict[str, str], body: bytes, content_type: str | None
) -> None:
    """The error has the content type and the first bytes."""
    with Peer(say(reply(200, body, **headers))) as peer:
        with pytest.raises(errors.NotAnEventStreamError) as caught:
            transport(peer.url).open("POST", "/threads/runs")
        error = caught.value
        assert (content_type, f"{peer.url}/threads/runs") == (error.content_type, error.url)
        assert (True, None) == (body.startswith(error.body), error.encoding)
        assert bool(body) is bool(error.body)


EVENTS = b"\xef\xbb\xbf\r\nevent: done\ndata: [DONE]\n\n"


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "Text/Plain; charset=utf-8"])
@pytest.mark.parametrize("body", [EVENTS, b": hello\n\n", b"data:x\n\n", b"retry: 5\n", b"id:\n"])
def test_no_content_type_octet_stream_and_text_plain_are_read(
    kind: str | None, body: bytes
) -> None:
    """What the bytes are counts, however they come, and none of them is lost."""
    head = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
    for size in (1, 3, len(body)):
        pieces = [chunk(body[at : at + size]) for at in range(0, len(body), size)]
        with Peer(say(OK + head + CHUNKED, *pieces, b"0\r\n\r\n")) as peer:
            assert body == b"".join(transport(peer.url).open("GET", "/"))


def test_a_stream_is_given_as_soon_as_its_first_bytes_show_it() -> None:
    """Nothing waits for the end of the first frame."""
    with Peer(say_until_closed(threading.Event(), OK + CHUNKED, chunk(b"data: "))) as peer:
        source = transport(peer.url).open("GET", "/")
        assert b"data: " == next(source)
        source.close()
        assert [] == list(source)


def test_a_break_before_the_first_bytes_is_a_transport_error() -> None:
    """If there is no content type, the error comes before the source does."""
    with (
        Peer(say(OK + CHUNKED, b"no size\r\n")) as peer,
        pytest.raises(errors.TransportError, match="broke"),
    ):
        transport(peer.url).open("GET", "/")


def test_a_content_encoding_that_was_not_asked_for_is_named() -> None:
    """The error has the encoding and the first bytes; the stated type is not to blame."""
    for encoding, body in (("zebra", b"\x8b\x02\x80"), ("zebra, gzip", b"")):
        head = {"Content_Type": "text/event-stream", "Content_Encoding": encoding}
        with Peer(say(reply(200, b"\x8b\x02\x80", **head))) as peer:
            with pytest.raises(
                errors.NotAnEventStreamError, match=f"{encoding!r}, which"
            ) as caught:
                transport(peer.url).open("POST", "/threads/runs")
            assert (encoding, body) == (caught.value.encoding, caught.value.body)


@pytest.mark.parametrize("encoding", ["identity", "utf-8", ""])
def test_an_encoding_that_changes_nothing_is_read(encoding: str) -> None:
    """Some servers name the charset there: the bytes count."""
    head = {"Content_Type": "text/event-stream", "Content_Encoding": encoding}
    with Peer(say(reply(200, EVENTS, **head))) as peer:
        assert EVENTS == b"".join(transport(peer.url).open("GET", "/"))


def test_the_content_type_is_read_as_http_says() -> None:
    """Parameters, spaces and capitals do not matter."""
    head = OK + b"Content-Type: Text/Event-Stream ;charset=utf-8\r\n"
    with Peer(say(head, b"Content-Length: 3\r\n\r\none")) as peer:
        assert b"one" == b"".join(transport(peer.url).open("GET", "/"))


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b'{"a": nan}'])
def test_a_body_that_is_not_json_is_a_decode_error(body: bytes) -> None:
    """A 2xx answer that cannot be parsed is quoted with its address."""
    with Peer(say(reply(200, body))) as peer:
        with pytest.raises(errors.DecodeError, match="is not JSON") as caught:
            transport(peer.url).request("GET", "/threads")
        assert f"{peer.url}/threads" in str(caught.value)
        assert body.decode("utf-8", "replace") == caught.value.frame


def test_a_byte_order_mark_before_json_is_dropped() -> None:
    """Some gateways send one."""
    with Peer(say(reply(200, b"\xef\xbb\xbf[1]"))) as peer:
        assert [1] == transport(peer.url).request("GET", "/")


def test_a_status_is_an_error_with_what_the_server_says(server: LocalServer) -> None:
    """Class, code, message, request id, body and address come from the answer."""
    server.fail_next(Fault(status=401))
    with pytest.raises(errors.AuthenticationError) as caught:
        transport(server.base_url).open("POST", "/threads/runs", body={})
    error = caught.value
    assert (401, "invalid_api_key") == (error.status_code, error.code)
    assert error.request_id == error.headers["x-request-id"]
    assert error.message == error.body["error"]["message"]
    assert f"{server.base_url}/threads/runs" == error.url


def test_an_error_whose_body_is_cut_is_still_that_error() -> None:
    """The status says more than the broken connection."""
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n"
    with Peer(say(head, b"<html>half", close=True)) as peer:
        with pytest.raises(errors.PermissionDeniedError) as caught:
            transport(peer.url).request("GET", "/")
        assert "<html>half" == caught.value.body


def test_an_error_without_end_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error cannot fill the memory."""
    monkeypatch.setattr(http_transport, "ERROR_BODY_BYTES", 1_000)

    def act(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n" + CHUNKED)
        with suppress(OSError):
            while True:
                connection.sendall(chunk(b"x" * 600))

    with Peer(act) as peer:
        with pytest.raises(errors.BadRequestError) as caught:
            transport(peer.url).request("GET", "/")
        assert 1_200 == len(caught.value.body)


# --- Redirects --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_redirect_on_the_same_server_is_followed(status: int, absolute: bool) -> None:
    """Method, body and headers stay, and the query is that of the redirect."""
    location = "/v1/threads/?a=1"

    def act(connection: socket.socket) -> None:
        where = f"http://{peer.origin}{location}" if absolute else location
        connection.sendall(reply(status, b"moved", Location=where))

    with Peer(act, say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, auth=lambda: {"Authorization": "Bearer key"})
        assert {} == asking.request("POST", "/threads", query={"a": "1"}, body={"b": 2})
        first, second = peer.requests
        assert b"POST /v1/threads?a=1 HTTP/1.1" == first.partition(b"\r\n")[0]
        assert b"POST /v1/threads/?a=1 HTTP/1.1" == second.partition(b"\r\n")[0]
        assert first.partition(b"\r\n")[2] == second.partition(b"\r\n")[2]
        assert 1 == peer.connections


@pytest.mark.parametrize(
    ("status", "location"),
    [
        pytest.param(307, "http://localhost:1/v1/threads", id="another server"),
        pytest.param(307, "https://{origin}/v1/threads", id="another scheme"),
        pytest.param(301, "/v1/threads/", id="would become a GET"),
        pytest.param(303, "/v1/threads/", id="is a GET"),
        pytest.param(307, None, id="to nowhere"),
    ],
)
def test_every_other_redirect_is_an_error(status: int, location: str | None) -> None:
    """The key goes to no other server, and no POST turns into a GET."""

    def act(connection: socket.socket) -> None:
        headers = {} if location is None else {"Location": location.format(origin=peer.origin)}
        connection.sendall(reply(status, b"", **headers))

    with Peer(act) as peer:
        with pytest.raises(errors.APIStatusError) as caught:
            transport(peer.url).request("POST", "/threads", body={})
        assert status == caught.value.status_code
        assert 1 == len(peer.requests)


@pytest.mark.parametrize(
    "location",
    [
        "http://{other}/v1/x",
        "//{other}/v1/x",
        "https://{other}/v1/x",
        "https://{own}/v1/x",
        "http://{own}@{other}/v1/x",
        "http://key@{own}/v1/x",
        "http://{own}:80/v1/x",
        "ftp://{own}/v1/x",
        "http://{own}\\@{other}/v1/x",
    ],
)
def test_the_key_follows_no_redirect_to_another_host_port_or_scheme(location: str) -> None:
    """Nobody else gets the request; the error names the address without its query."""

    def act(connection: socket.socket) -> None:
        where = location.format(own=peer.origin, other=other.origin)
        connection.sendall(reply(307, b"", Location=f"{where}?key=secret"))

    with Peer(act, say(reply(200, b"{}"))) as peer, Peer(say(reply(200, b"{}"))) as other:
        asking = transport(peer.url, auth=lambda: {"Authorization": "Bearer key"})
        with pytest.raises(errors.StreamError) as caught:
            asking.request("POST", "/threads", body={})
        assert (1, 0) == (len(peer.requests), other.connections)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("location", ["/v1/x", "//{own}/v1/x", "http://{own}/v1/x", "/\\other"])
def test_the_key_follows_a_redirect_on_the_same_server(location: str) -> None:
    """Whatever it looks like, the request stays there."""

    def act(connection: socket.socket) -> None:
        connection.sendall(reply(307, b"", Location=location.format(own=peer.origin)))

    with Peer(act, say(reply(200, b"{}"))) as peer:
        asking = transport(peer.url, auth=lambda: {"Authorization": "Bearer key"})
        assert {} == asking.request("POST", "/threads", body={})
        assert all(b"Authorization: Bearer key" in x for x in peer.requests)


@pytest.mark.parametrize("location", [b"\xff/v1", b"http://[/v1"])
def test_a_redirect_to_an_address_that_cannot_be_is_a_transport_error(location: bytes) -> None:
    """The ValueError that requests makes of it does not get out."""
    with (
        Peer(
            say(b"HTTP/1.1 307 X\r\nLocation: ", location, b"\r\nContent-Length: 0\r\n\r\n")
        ) as peer,
        pytest.raises(errors.TransportError, match="the request failed"),
    ):
        transport(peer.url).request("GET", "/")


def test_a_redirect_that_never_ends_is_left() -> None:
    """After five redirects the next one is an error."""
    with Peer(*[say(reply(307, b"", Location="/v1/threads"))] * 9) as peer:
        with pytest.raises(errors.APIStatusError):
            transport(peer.url).request("GET", "/threads")
        assert 6 == len(peer.requests)


def test_the_version_of_what_is_not_installed_is_unknown() -> None:
    """A source tree that is not installed can be used too."""
    assert "unknown" == http_transport._version("no-such-distribution")
    assert version("requests") == http_transport._version("requests")
