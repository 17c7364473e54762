"""Addresses that can be had, and sentences for those that cannot."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from stream_core.testing.listening import address_text, listen


def test_a_free_port_of_the_host_is_taken() -> None:
    """The socket listens already."""
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_port_in_use_says_so() -> None:
    """The number of the error is kept."""
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(OSError, match="address already in use; pass port=0") as caught:
            listen("127.0.0.1", port)
    assert errno.EADDRINUSE == caught.value.errno
    assert f"cannot listen on 127.0.0.1:{port}: " in str(caught.value)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("no-such-host.invalid", "the host 'no-such-host.invalid' is unknown"),
        ("a" * 100, "is not a host name"),
        ("192.0.2.1", "this machine does not have that address"),
        ("1.2.3.4.5", "is unknown"),
    ],
)
def test_a_host_that_cannot_be_had_says_what_can(host: str, said: str) -> None:
    """It is an OSError in any case."""
    with pytest.raises(OSError, match=said) as caught:
        listen(host, 0)
    assert "pass host='127.0.0.1'" in str(caught.value)


def test_another_failure_keeps_the_systems_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without free descriptors is an example."""

    def fail(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "create_server", fail)
    with pytest.raises(OSError, match="Too many open files"):
        listen("localhost", 0)


def test_an_ipv6_address_has_brackets() -> None:
    """As in a URL."""
    assert ["[::1]:80", "localhost:80"] == [address_text("::1", 80), address_text("localhost", 80)]
