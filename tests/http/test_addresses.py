"""Addresses and headers: where a request may go, and what is not in any text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from stream_core import Client
from stream_core.http.addresses import (
    address_of,
    bare,
    check_headers,
    checked_base,
    encodable_query,
    origin,
    without_secrets,
)
from tests.support.socket_peer import Peer, reply, say, transport

if TYPE_CHECKING:
    from stream_core.testing import LocalServer

#: What leads, or may lead, to another server or out of the base address.
ELSEWHERE = (
    "//other/x",
    "///other/x",
    "http://other/x",
    "https://other/x",
    "/http://other/x",
    "\\other/x",
    "/\\other/x",
    "\\\\other/x",
    "/a\\b",
    "..",
    "/..",
    "/../admin",
    "/threads/../../admin",
    "/threads/./x",
    "/threads/%2e%2e/x",
    "/threads/%2E./x",
    "/a b",
    "/a\tb",
    "/a\r\nHost: other",
    "/a\x00b",
    "/a\x7fb",
    "/a#b",
)

#: What looks as if it did, and goes to the server of the base address.
BELOW = {
    "threads": "/threads",
    "/threads": "/threads",
    "@other/x": "/@other/x",
    ":80/x": "/:80/x",
    ".other/x": "/.other/x",
    "/threads/...": "/threads/...",
    "/threads/..%2Fx%5C%0A": "/threads/..%2Fx%5C%0A",
    "/threads?after=../x&b=//c": "/threads?after=../x&b=//c",
    "": "/",
    "?a=1": "/?a=1",
}


@pytest.mark.parametrize("path", ELSEWHERE)
@pytest.mark.parametrize("base", ["http://server", "http://server:80/v1"])
def test_a_path_that_leads_away_is_refused(base: str, path: str) -> None:
    """With and without a path in the base address; the error says what to pass."""
    with pytest.raises(ValueError, match=r"path is .*: pass what follows http://server"):
        address_of(base, path)


@pytest.mark.parametrize(("path", "expected"), BELOW.items())
@pytest.mark.parametrize("base", ["http://server", "http://server:80/v1"])
def test_a_path_begins_with_one_slash_or_gets_one(base: str, path: str, expected: str) -> None:
    """What comes before that slash stays the server."""
    url = address_of(base, path)
    assert base + expected == url
    assert origin(base) == origin(url)


@pytest.mark.parametrize("path", [*ELSEWHERE, *BELOW])
def test_the_key_goes_to_no_other_server(path: str) -> None:
    """Whatever the path, the server of the base address has the request, or nobody."""
    with (
        Peer(*[say(reply(200, b"{}"))] * 2) as peer,
        Peer(say()) as other,
        Client("secret", f"http://{peer.origin}", max_retries=0) as client,
    ):
        there = path.replace("other", other.origin)
        if path in BELOW:
            client.request("GET", there)
            assert b"Bearer secret" in peer.requests[0]
        else:
            with pytest.raises(ValueError, match="path is"):
                client.request("GET", there)
        assert (0, int(path in BELOW)) == (other.connections, len(peer.requests))


def test_a_path_that_is_no_string_is_a_type_error() -> None:
    """The error says of what type it is."""
    path: Any = b"/threads"
    with pytest.raises(TypeError, match="path is of type bytes"):
        address_of("http://server", path)


def test_a_base_address_that_is_no_string_is_a_type_error() -> None:
    """The error says of what type it is."""
    base: Any = b"http://server"
    with pytest.raises(TypeError, match="base_url is of type bytes"):
        checked_base(base)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://server:80/v1", True),
        ("http://server:80/", True),
        ("http://server/v1", False),
        ("http://server:81/v1", False),
        ("https://server:80/v1", False),
        ("http://other:80/v1", False),
        ("http://me@server:80/v1", False),
        ("http://server:80@other/v1", False),
        ("http://server:80\\@other/v1", False),
        ("//other/v1", False),
        ("/v1", False),
        ("http://[server", False),
        ("http://server:port/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, same: bool) -> None:
    """One that two parsers read differently is no origin of ours."""
    assert same is (origin(url) == origin("http://server:80/x"))


def test_a_text_has_no_query_and_no_password() -> None:
    """The rest stays as it is."""
    assert "http://h/a" == bare("http://h/a?key=1#x") == bare("http://h/a#x?key=1")
    assert "http://h/a" == bare("http://h/a")
    text = "max retries with url: /v1/x?key=secret (Caused by 'http://me:secret@proxy:1/?b=secret')"
    expected = "max retries with url: /v1/x (Caused by 'http://proxy:1/')"
    assert expected == without_secrets(text)
    assert "what? it's 5 @ 6" == without_secrets("what? it's 5 @ 6")


# --- Headers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "se\rcret",
        "se\ncret",
        "secret\r\nX: y",
        "se\x00cret",
        " secret",
        "\tsecret",
        "se\x7fcret",
        "secr\u20act",
        "secret\ud83d",
        b"se\ncret",
        "\n",
    ],
)
def test_a_header_that_http_cannot_carry_is_refused_by_its_name(value: Any) -> None:
    """Its value, which may be a key, is in no text."""
    with pytest.raises(ValueError, match="the header X-Key has a value that HTTP cannot") as caught:
        check_headers({"X-Key": value})
    assert "cret" not in f"{caught.value!r}{caught.value.args}"
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize("value", ["", "a", "a b", "a\tb", "ü\xff", b"a", None, "a " * 1000])
def test_a_header_that_http_can_carry_is_good(value: Any) -> None:
    """None means that the header is not sent."""
    check_headers({"X-Key": value, b"X-Bytes": "a"})


@pytest.mark.parametrize("name", ["", "a b", "Bearer secret", "a:", "a\r\n", "ü", 5])
def test_a_name_that_http_does_not_allow_is_refused(name: Any) -> None:
    """It is not quoted: it may be the value, by mistake."""
    with pytest.raises(ValueError, match="a header has a name that HTTP does not") as caught:
        check_headers({name: "x"})
    assert "secret" not in str(caught.value)


def test_a_header_that_is_no_string_is_a_type_error() -> None:
    """Its type is named."""
    with pytest.raises(TypeError, match="the header X-Key is of type int: pass a string"):
        check_headers({"X-Key": 5})


@pytest.mark.parametrize("where", ["headers", "auth", "call", "default", "session"])
def test_headers_from_every_place_are_checked_before_sending(
    server: LocalServer, where: str
) -> None:
    """It does not matter how they come to the request."""
    bad = {"X-Key": "se\ncret"}
    session = requests.Session()
    if where == "session":
        session.headers.update(bad)
    options: dict[str, Any] = {"call": {"headers": bad}, "default": {"default_headers": bad}}

    def ask() -> None:
        asking = transport(
            server.base_url,
            headers=bad if where == "headers" else {},
            auth=(lambda: bad) if where == "auth" else dict,
            session=session,
        )
        asking.request("GET", "/assistants", **options.get(where, {}))

    with session, pytest.raises(ValueError, match="the header X-Key"):
        ask()
    assert [] == server.requests


# --- Queries ----------------------------------------------------------------------------


def test_a_query_can_always_be_encoded(server: LocalServer) -> None:
    """Half a surrogate pair, which a server's id may have, is escaped."""
    query = {"a": "ü\ud83d", "b": ["1", "\udc00"], "c": None, "d": 5}
    assert {"a": b"\xc3\xbc\xed\xa0\xbd", "b": [b"1", b"\xed\xb0\x80"], "c": None, "d": 5} == (
        encodable_query(query)
    )
    transport(server.base_url).request("GET", "/assistants", query=query)
    assert {"a", "b", "d"} == server.requests[0].query.keys()


@pytest.mark.parametrize("method", ["", "GET /x", "GE\r\nT", "G3T"])
def test_a_method_that_is_none_is_refused(server: LocalServer, method: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match="method is"):
        transport(server.base_url).request(method, "/assistants")
    assert [] == server.requests
