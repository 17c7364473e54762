"""The server's address: a listening socket, or an error that says what to do.

Rules of this file:

- Blocking, and so called in the server's own thread, where a slow look-up of a name
  can be left behind.
- An error keeps its class and number, and gets a sentence.
"""

from __future__ import annotations

import errno
import socket

__all__ = ["address_text", "listen"]

_BACKLOG = 1024

_REMEDIES = {
    errno.EADDRINUSE: "address already in use; pass port=0 for a free port, or end its user",
    errno.EACCES: "permission denied; pass a port from 1024 on, or port=0 for a free one",
    errno.EADDRNOTAVAIL: "this machine does not have that address; pass host='127.0.0.1'",
}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Args:
        host: A name or a number; the first of its addresses that can be had is taken.
        port: 0 means a free one.

    Raises:
        OSError: The address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        message = f"the host {host!r} is unknown ({error.strerror}); pass host='127.0.0.1'"
        raise socket.gaierror(error.errno, message) from error
    except UnicodeError as error:
        message = f"{host!r} is not a host name ({error}); pass host='127.0.0.1'"
        raise OSError(errno.EINVAL, message) from error
    failure: OSError | None = None
    for family, _, _, _, address in found:
        try:
            return socket.create_server(address, family=family, backlog=_BACKLOG)
        except OSError as error:
            failure = failure or error
    assert failure is not None  # noqa: S101 - getaddrinfo finds one address, or raises
    reason = _REMEDIES.get(failure.errno or 0, failure.strerror)
    message = f"LocalServer cannot listen on {address_text(host, port)}: {reason}"
    raise OSError(failure.errno, message) from failure


def address_text(host: str, port: int) -> str:
    """Return an address as in a URL, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
