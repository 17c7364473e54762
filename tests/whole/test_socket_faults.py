"""Every row of the table of docs/reliability.md, over real sockets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from handlers import ROUTES
from stream_core import Client, errors
from stream_core.http import transport as http_transport
from stream_core.http.session import close_pools, retrying_adapter
from tests.support.socket_faults import PAGE, ROWS, SILENCE, Row, with_table
from tests.support.socket_peer import Peer, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.events import Event
    from stream_core.streams.stream import Stream

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

CASES = [
    pytest.param(row, call, id=f"{part}: {row.peer}-{call}")
    for part, rows in ROWS.items()
    for row in rows
    for call in row.requests
]

#: The callbacks that a row says.
_ENDS = (
    "on_text_delta",
    "on_run_done",
    "on_error",
    "on_timeout",
    "on_exception",
    "on_done",
    "on_end",
)

#: Seconds: every call returns within this, repeats included, also on a busy machine.
SOON = 3.0


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for long."""
    monkeypatch.setattr("stream_core.http.waits.BACKOFF_FIRST", 0.001)
    monkeypatch.setattr(http_transport, "ERROR_BODY_SECONDS", SILENCE)
    monkeypatch.setattr(http_transport, "QUOTED_SECONDS", SILENCE)


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def eventually(true: Callable[[], bool]) -> bool:
    """Return whether TRUE becomes true soon: sockets of other threads are closed by these."""
    deadline = time.monotonic() + 1
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()


class Hearing:
    """Keeps the callbacks that a handler would have."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def handle(self, event: Event) -> None:
        self.names.append(ROUTES[event.__class__].callback)


def send(client: Client, call: str, hearing: Hearing) -> None:
    """Make a call, and read it to its end."""
    settings: dict[str, Any] = {"event_handler": hearing, "max_frame_bytes": 200_000}
    stream: Stream
    if call == "GET":
        client.threads.retrieve("thread_1")
        return
    if call == "run":
        stream = client.threads.runs.stream(
            "thread_1", assistant_id="asst_1", recover=False, **settings
        )
    elif call == "response":
        stream = client.responses.stream(model="m", input="x", **settings)
    else:
        stream = client.chat.completions.stream(model="m", messages=[], **settings)
    stream.until_done()


def outcome(row: Row, call: str) -> tuple[errors.StreamError | None, list[str], int]:
    """Return the error of a call to a row's peer, what was heard, and how many requests came."""
    act, hearing = row.act_for(call), Hearing()
    error: errors.StreamError | None = None
    with Peer(*([] if act is None else [act] * 8)) as peer, requests.Session() as session:
        origin = f"127.0.0.1:{unused_port()}" if act is None else peer.origin
        settings: dict[str, Any] = {"timeout": (SILENCE if row.tls else 5, SILENCE)}
        url = f"http{'s' if row.tls else ''}://{origin}/v1"
        if row.proxied:
            session.mount("http://", retrying_adapter(0))
            session.trust_env = False
            session.proxies = {"http": f"http://{origin}"}
            settings["session"], url = session, "http://api.invalid/v1"
        with Client("k", url, max_answer_bytes=200_000, **settings) as client:
            try:
                send(client, call, hearing)
            except errors.StreamError as raised:
                error = raised
        close_pools(session)
    heard = [name for name in hearing.names if name in _ENDS]
    return error, heard, 0 if row.tls else len(peer.requests)


@pytest.mark.parametrize(("row", "call"), CASES)
def test_a_peer_does_this_and_that_comes_of_it(row: Row, call: str) -> None:
    """The error and its facts, what handlers hear, requests, descriptors, and time."""
    before, began = descriptors(), time.monotonic()
    error, heard, sent = outcome(row, call)
    assert time.monotonic() - began < SOON
    assert row.error is (None if error is None else type(error)), error
    assert (row.requests[call], list(row.heard)) == (sent, heard), error
    for name, expected in row.facts.items():
        actual = getattr(error, name)
        if isinstance(expected, str | bytes) and expected:
            assert expected in actual
        else:
            assert expected == actual, name
    assert eventually(lambda: descriptors() <= before)


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.support.socket_faults` updates it."""
    page = PAGE.read_text("utf-8")
    assert page == with_table(page)


def test_the_table_has_eighty_rows_and_more() -> None:
    """Each with a sentence of its own in its part, and with calls."""
    assert 80 <= sum(map(len, ROWS.values()))
    for rows in ROWS.values():
        assert len(rows) == len({row.peer for row in rows})
        assert all(row.requests for row in rows)
