"""LocalServer over real HTTP: streams in every framing, state, cancels and faults."""

from __future__ import annotations

import gzip
import http.client
import importlib
import json
import logging
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

import stream_core.testing
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Fault,
    Framing,
    FunctionCall,
    LocalServer,
    McpCall,
    Say,
    Turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stream_core.testing import Answer, Part

RECORDED = "event: done\r\ndata: é\u2028[DONE]".encode()


class Api:
    """The calls that these tests make, on one session."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.assistant = self.post("/assistants", model="m")["id"]
        self.thread = self.post("/threads", messages=[{"role": "user", "content": "hi"}])["id"]
        self.runs = f"/threads/{self.thread}/runs"

    def post(self, path: str, **body: Any) -> Any:
        """The JSON of the answer."""
        answer = self.session.post(f"{self.server.base_url}{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """The JSON of the answer."""
        return self.session.get(f"{self.server.base_url}{path}", timeout=10).json()

    def ended(self) -> list[dict[str, Any]]:
        """The thread's runs, newest first, once none of them works any more."""
        while True:
            runs: list[dict[str, Any]] = self.get(self.runs)["data"]
            if not {run["status"] for run in runs} & {"queued", "in_progress", "cancelling"}:
                return runs

    def stream(self, path: str | None = None, **body: Any) -> requests.Response:
        """An answer whose body has not been read yet."""
        body = {"assistant_id": self.assistant, "stream": True, **body}
        url = f"{self.server.base_url}{path or self.runs}"
        return self.session.post(url, json=body, stream=True, timeout=10)


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    """Calls to the server; their connections are closed afterwards."""
    calls = Api(server)
    with calls.session:
        yield calls


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Turn], Answer]], Api]]:
    """Start a server with a responder; return the calls to it."""
    running: list[Api] = []

    def start(responder: Callable[[Turn], Answer]) -> Api:
        running.append(Api(LocalServer(responder).start()))
        return running[-1]

    yield start
    for calls in running:
        calls.session.close()
        calls.server.close()


def frames(body: bytes) -> list[tuple[str, Any]]:
    """Names and data of a stream."""
    found = []
    for frame in body.decode().split("\n\n")[:-1]:
        name, data = frame.split("\n")
        text = data.removeprefix("data: ")
        found.append((name.removeprefix("event: "), text if text == "[DONE]" else json.loads(text)))
    return found


def names(body: bytes) -> list[str]:
    """Names of a stream, deltas left out."""
    return [name for name, _ in frames(body) if not name.endswith(".delta")]


ANSWER = [
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.completed",
    "thread.run.step.completed",
    "thread.run.completed",
    "done",
]


def test_a_streamed_run_is_an_event_stream(api: Api) -> None:
    """Content type, request id, the whole lifecycle, and the text in its deltas."""
    answer = api.stream()
    assert (200, "text/event-stream; charset=utf-8") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    assert answer.headers["x-request-id"].startswith("req_")
    body = answer.content
    assert ANSWER == names(body)
    values = [
        data["delta"]["content"][0]["text"]["value"]
        for name, data in frames(body)
        if name == "thread.message.delta"
    ]
    assert "You said: hi" == "".join(values)
    text = api.get(f"/threads/{api.thread}/messages")["data"][0]["content"][0]["text"]
    assert "You said: hi" == text["value"]


def test_a_thread_and_its_run_in_one_request(api: Api) -> None:
    """The stream begins with the thread."""
    assert ["thread.created", *ANSWER] == names(api.stream("/threads/runs").content)


def test_a_run_that_is_not_streamed_goes_on_by_itself(api: Api) -> None:
    """The answer is the queued run; later requests show its progress."""
    run = api.post(api.runs, assistant_id=api.assistant)
    assert "queued" == run["status"]
    assert [(run["id"], "completed")] == [(ended["id"], ended["status"]) for ended in api.ended()]


def test_a_tool_round_streamed(serve: Callable[..., Api]) -> None:
    """The first stream ends with `requires_action`, the second begins with the old step's end."""

    def respond(turn: Turn) -> Part:
        if turn.results:
            return Say(f"It is {turn.results[0].output}.")
        return CallFunctions([FunctionCall("now", {"zone": "UTC"})])

    api = serve(respond)
    first = frames(api.stream().content)
    assert ["thread.run.requires_action", "done"] == [name for name, _ in first][-2:]
    run = first[-2][1]
    (call,) = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert run == api.get(f"{api.runs}/{run['id']}")
    outputs = [{"tool_call_id": call["id"], "output": "noon"}]
    path = f"{api.runs}/{run['id']}/submit_tool_outputs"
    assert ["thread.run.step.completed", "thread.run.queued", *ANSWER[2:]] == names(
        api.stream(path, tool_outputs=outputs).content
    )
    steps = api.get(f"{api.runs}/{run['id']}/steps?order=asc")["data"]
    assert ["tool_calls", "message_creation"] == [step["type"] for step in steps]


def test_an_approval_round_streamed(serve: Callable[..., Api]) -> None:
    """Azure's MCP calls wait on the same endpoint, for approvals instead of outputs."""

    def respond(turn: Turn) -> Part:
        if turn.results:
            return Say(f"Read: {turn.results[0].output}")
        return AskApproval([McpCall("hub", "fetch", output="the page")])

    api = serve(respond)
    run = frames(api.stream().content)[-2][1]
    assert "submit_tool_approval" == run["required_action"]["type"]
    (call,) = run["required_action"]["submit_tool_approval"]["tool_calls"]
    approvals = [{"tool_call_id": call["id"], "approve": True, "headers": {}}]
    path = f"{api.runs}/{run['id']}/submit_tool_outputs"
    events = frames(api.stream(path, tool_approvals=approvals).content)
    assert "the page" == events[0][1]["step_details"]["tool_calls"][0]["output"]
    text = api.get(f"/threads/{api.thread}/messages")["data"][0]["content"][0]["text"]
    assert "Read: the page" == text["value"]


def test_one_connection_serves_a_hundred_runs(api: Api) -> None:
    """Chunked streams leave the connection usable."""
    for _ in range(100):
        assert api.stream().content.endswith(b"data: [DONE]\n\n")
    assert 1 == api.server.connections


@pytest.mark.parametrize(
    "framing",
    [
        Framing(framing="close"),
        Framing(gzip=True),
        Framing(chunk_size=3),
        Framing(chunk_size=100, gzip=True, framing="close"),
        Framing(delay=0.0001),
    ],
)
def test_the_same_stream_in_every_framing(api: Api, framing: Framing) -> None:
    """The events are the same in any framing, and the next stream has the usual one."""
    api.server.frame_next(framing)
    answer = api.stream()
    assert ("gzip" if framing.gzip else None) == answer.headers.get("content-encoding")
    expected = "close" if framing.framing == "close" else None
    assert expected == answer.headers.get("connection")
    assert ("chunked" if expected is None else None) == answer.headers.get("transfer-encoding")
    assert "content-length" not in answer.headers
    assert ANSWER == names(answer.content)
    assert ANSWER == names(api.stream().content)


def test_the_framing_can_be_changed_for_good(api: Api) -> None:
    """All later streams have it."""
    api.server.framing = Framing(framing="close")
    assert Framing(framing="close") == api.server.framing
    for _ in range(2):
        answer = api.stream()
        assert ("close", ANSWER) == (answer.headers["connection"], names(answer.content))


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_recording_is_served_byte_for_byte(
    server: LocalServer, tmp_path: Path, framing: Any, gzipped: bool
) -> None:
    """A file, in any framing and any chunks."""
    file = tmp_path / "run.sse"
    file.write_bytes(RECORDED)
    url = server.add_recording(file, chunk_size=5, framing=framing, gzip=gzipped)
    answer = requests.get(url, timeout=10)
    assert (200, "text/event-stream; charset=utf-8", RECORDED) == (
        answer.status_code,
        answer.headers["content-type"],
        answer.content,
    )


def test_each_compressed_chunk_of_a_recording_can_be_read_at_once(server: LocalServer) -> None:
    """The bytes on the connection are gzip, whole at the end."""
    url = server.add_recording(RECORDED, chunk_size=4, gzip=True)
    answer = requests.get(url, stream=True, timeout=10)
    with answer:
        assert RECORDED == gzip.decompress(answer.raw.read(decode_content=False))


def test_recordings_answer_the_next_runs(server: LocalServer) -> None:
    """Any assistant and thread will do; status and content type may be chosen; then it is over."""
    server.play(RECORDED, status=206, content_type="text/plain")
    server.play(b"2", framing="close")
    url = f"{server.url}/threads/runs"
    answers = [requests.post(url, json={"stream": True}, timeout=10) for _ in range(3)]
    assert [(206, RECORDED), (200, b"2")] == [(a.status_code, a.content) for a in answers[:2]]
    assert "text/plain" == answers[0].headers["content-type"]
    assert 400 == answers[2].status_code


def test_requests_are_kept_for_assertions(api: Api) -> None:
    """Method, path, query, headers and the JSON body."""
    api.session.get(f"{api.server.url}/threads?a=1&a=2&b=", headers={"X-Test": "é"}, timeout=10)
    request = api.server.requests[-1]
    assert ("GET", "/threads", {"a": "1,2", "b": ""}) == (
        request.method,
        request.path,
        request.query,
    )
    assert "x-test" in request.headers
    assert [{"model": "m"}, {}] == [
        api.server.requests[0].json,
        request.json,
    ]


def test_errors_are_json_in_openais_shape(server: LocalServer) -> None:
    """Each answer has a request id of its own."""
    answers = [
        requests.get(f"{server.base_url}/threads/thread_x", timeout=10),
        requests.post(f"{server.base_url}/threads", data=b"{", timeout=10),
        requests.get(f"{server.base_url}/models", timeout=10),
    ]
    assert [404, 400, 404] == [answer.status_code for answer in answers]
    assert all(
        {"message", "type", "param", "code"} == answer.json()["error"].keys() for answer in answers
    )
    assert 3 == len({answer.headers["x-request-id"] for answer in answers})


def test_a_server_with_a_key_wants_it() -> None:
    """A wrong key is a 401; the right one is accepted in either header."""
    with LocalServer(api_key="k") as server:
        url = f"{server.base_url}/assistants"
        assert 401 == requests.get(url, timeout=10).status_code
        for headers in ({"Authorization": "Bearer k"}, {"api-key": "k"}):
            assert 200 == requests.get(url, headers=headers, timeout=10).status_code


def test_a_cancel_from_elsewhere_ends_the_stream(serve: Callable[..., Api]) -> None:
    """The streamed run sees cancelling, its message broken off, cancelled, done."""
    gate = threading.Event()

    def respond(_: Turn) -> Iterator[str]:
        yield "Hello"
        gate.wait(10)
        yield "never"

    api = serve(respond)
    with api.stream() as answer:
        lines = answer.iter_lines()
        next(lines)
        run_id = json.loads(next(lines).removeprefix(b"data: "))["id"]
        while next(lines) != b"event: thread.message.delta":
            pass
        assert "cancelling" == api.post(f"{api.runs}/{run_id}/cancel")["status"]
        rest = [line for line in lines if line.startswith(b"event: ")]
    gate.set()
    assert [
        b"event: thread.run.cancelling",
        b"event: thread.message.incomplete",
        b"event: thread.run.step.cancelled",
        b"event: thread.run.cancelled",
        b"event: done",
    ] == rest
    assert "cancelled" == api.get(f"{api.runs}/{run_id}")["status"]


def test_a_client_that_leaves_does_not_cancel_the_run(serve: Callable[..., Api]) -> None:
    """The run goes on unseen, the thread is locked until its end."""
    gate = threading.Event()

    def respond(_: Turn) -> Iterator[str]:
        yield "Hello"
        gate.wait(10)
        yield " again"

    api = serve(respond)
    with api.stream() as answer:
        next(answer.iter_content(1))
    assert 400 == api.stream().status_code
    gate.set()
    assert ["completed"] == [run["status"] for run in api.ended()]
    text = api.get(f"/threads/{api.thread}/messages")["data"][0]["content"][0]["text"]
    assert "Hello again" == text["value"]


def test_a_waiting_run_is_cancelled_behind_the_scenes(serve: Callable[..., Api]) -> None:
    """The answer says cancelling; soon the run is cancelled and the thread free."""
    api = serve(lambda _: CallFunctions([FunctionCall("now")]))
    run = frames(api.stream().content)[-2][1]
    path = f"{api.runs}/{run['id']}"
    assert "cancelling" == api.post(f"{path}/cancel")["status"]
    assert ["cancelled"] == [run["status"] for run in api.ended()]


def test_a_responder_that_raises_makes_the_run_fail(
    serve: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    """The stream ends as a failed run's does, and the log has the traceback."""

    def respond(_: Turn) -> str:
        raise LookupError("lost")

    api = serve(respond)
    body = api.stream().content
    assert ["thread.run.failed", "done"] == names(body)[-2:]
    assert ["lost"] == [str(failure) for failure in api.server.take_failures()]
    assert "lost" in frames(body)[-2][1]["last_error"]["message"]
    assert [logging.ERROR] == [record.levelno for record in caplog.records]


def test_a_fault_can_replace_the_answer(api: Api) -> None:
    """Status, headers and body are those requested; the run is not even started."""
    api.server.fail_next(
        Fault(status=429, headers={"Retry-After": "3"}),
        Fault(status=502, body="<h1>Bad gateway</h1>"),
        Fault(json={"object": "not a stream"}),
    )
    limited, broken, other = (api.stream() for _ in range(3))
    assert (429, "3", "rate_limit_exceeded") == (
        limited.status_code,
        limited.headers["retry-after"],
        limited.json()["error"]["code"],
    )
    assert (502, "text/html; charset=utf-8", "<h1>Bad gateway</h1>") == (
        broken.status_code,
        broken.headers["content-type"],
        broken.text,
    )
    assert (200, {"object": "not a stream"}) == (other.status_code, other.json())
    assert ANSWER == names(api.stream().content)


def read_until_it_breaks(answer: requests.Response) -> tuple[bytes, type[Exception] | None]:
    """Read up to the end; return the bytes and the error that ended them."""
    body = b""
    with answer:
        try:
            for data in answer.iter_content(1):
                body += data
        except requests.RequestException as error:
            return body, type(error)
    return body, None


def test_a_stream_can_be_cut(api: Api) -> None:
    """Within a chunk, with a reset, or as a silent end; the run goes on to its end."""
    for reset in (False, True):
        api.server.fail_next(Fault(cut_after=1500, reset=reset))
        assert requests.exceptions.ChunkedEncodingError is read_until_it_breaks(api.stream())[1]
        assert "completed" == api.ended()[0]["status"]
    api.server.fail_next(Fault(cut_after=1500))
    api.server.frame_next(Framing(framing="close"))
    body, error = read_until_it_breaks(api.stream())
    assert (1500, None) == (len(body), error)
    assert ["completed"] * 3 == [run["status"] for run in api.ended()]


def test_a_json_answer_can_be_cut_too(api: Api) -> None:
    """The bytes sent are the beginning of the answer."""
    api.server.fail_next(Fault(cut_after=10, only="/assistants"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.get("/assistants")


def test_a_connection_can_be_refused(server: LocalServer) -> None:
    """It ends before any answer, plainly or with a reset."""
    for reset in (False, True):
        server.fail_next(Fault(refuse=True, reset=reset))
        with pytest.raises(requests.ConnectionError) as caught:
            requests.get(f"{server.base_url}/assistants", timeout=10)
        assert reset == ("ConnectionResetError" in repr(caught.value))


def test_a_silent_stream_hangs_until_the_client_leaves(api: Api) -> None:
    """Then the run goes on by itself."""
    api.server.fail_next(Fault(silence_after=700))
    url = f"{api.server.base_url}{api.runs}"
    body = {"assistant_id": api.assistant, "stream": True}
    with pytest.raises(requests.ConnectionError):
        # A silent server is a ConnectionError to requests, while the body is read.
        requests.post(url, json=body, timeout=0.1)
    assert ["completed"] == [run["status"] for run in api.ended()]


def test_an_answer_can_be_late(server: LocalServer) -> None:
    """The client's read timeout passes before the answer comes."""
    server.fail_next(Fault(delay=3600.0))
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{server.base_url}/assistants", timeout=0.05)


def test_closing_the_server_frees_hanging_streams(serve: Callable[..., Api]) -> None:
    """Readers see the connection break at once, and the port can be used again."""
    gate = threading.Event()

    def respond(_: Turn) -> Iterator[str]:
        yield "x"
        gate.wait(10)

    api = serve(respond)
    api.server.fail_next(Fault(silence_after=10, only="/runs"))
    with api.stream() as silent, api.stream("/threads/runs") as blocked:
        bodies = [answer.iter_content(1) for answer in (silent, blocked)]
        assert [b"e", b"e"] == [next(body) for body in bodies]
        api.server.close()
        for body in bodies:
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(body)
    gate.set()
    with LocalServer(port=api.server.port) as again:
        assert api.server.port == again.port


def test_idle_connections_do_not_hold_up_the_close(server: LocalServer) -> None:
    """A kept-alive connection, and one without a request, are closed."""
    used = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    used.request("GET", "/v1/assistants")
    used.getresponse().read()  # and the connection is kept
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as fresh:
        server.close()
        assert b"" == fresh.recv(1)
    assert used.sock is not None
    assert b"" == used.sock.recv(1)
    used.close()


def test_a_server_is_started_once_and_closed_as_often_as_one_likes() -> None:
    """Misuse is an error with its remedy."""
    server = LocalServer()
    server.close()
    with pytest.raises(RuntimeError, match="not started: use `with LocalServer"):
        server.url  # noqa: B018 - the property raises
    with server:
        with pytest.raises(RuntimeError, match="make a new one"):
            server.start()
        assert f"http://127.0.0.1:{server.port}/v1" == server.base_url
    server.close()


def test_a_port_in_use_is_an_os_error(server: LocalServer) -> None:
    """The failure of the thread is raised where the server is started, once."""
    another = LocalServer(port=server.port)
    with pytest.raises(OSError, match="address already in use; pass port=0"):
        another.start()
    another.close()
    assert 0 == another.connections
    with pytest.raises(RuntimeError, match="make a new one"):
        another.start()


def test_a_host_that_is_unknown_is_an_os_error() -> None:
    """Also one whose name cannot be looked up at all."""
    for host in ("no-such-host.invalid", "a" * 100, "192.0.2.1"):
        with pytest.raises(OSError, match=r"pass host='127\.0\.0\.1'"):
            LocalServer(host=host).start()


def test_a_start_takes_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer holds nobody up; the thread gives up later."""
    gate = threading.Event()
    real = socket.getaddrinfo

    def slow(*given: Any, **named: Any) -> Any:
        gate.wait(10)
        return real(*given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr("stream_core.testing.server._START_SECONDS", 0.05)
    server = LocalServer(host="localhost")
    with pytest.raises(TimeoutError, match=r"after 0\.05 s: the name is slow to look up"):
        server.start()
    gate.set()
    assert server._thread is not None
    server._thread.join(10)
    assert not server._thread.is_alive()


def test_an_ipv6_address_can_be_used() -> None:
    """The URL has it in brackets."""
    try:
        server = LocalServer(host="::1").start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert f"http://[::1]:{server.port}" == server.url
    assert 200 == requests.get(f"{server.base_url}/assistants", timeout=10).status_code
    server.close()


class WithRespond:
    def respond(self, turn: Turn) -> str:
        return "x"


async def asynchronous(turn: Turn) -> str:
    """Return what a coroutine would."""
    return "x"


MISUSE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"port": 70_000}, ValueError, "a port from 0 to 65535"),
    ({"port": -1}, ValueError, "a port from 0 to 65535"),
    ({"port": "80"}, TypeError, "a port from 0 to 65535"),
    ({"port": True}, TypeError, "not True"),
    ({"host": ""}, ValueError, "a name or an address"),
    ({"host": 5}, TypeError, "a name or an address"),
    ({"host": "a\0b"}, ValueError, "a name or an address"),
    ({"api_key": ""}, ValueError, "a key on one line"),
    ({"api_key": b"k"}, TypeError, "a key on one line"),
    ({"framing": "close"}, TypeError, "framing=Framing("),
    ({"limits": 5}, TypeError, "limits=Limits("),
    ({"responder": [Say("x")]}, TypeError, "pass `lambda turn: ...`"),
    ({"responder": "x"}, TypeError, "a function that takes a Turn"),
    ({"responder": WithRespond}, TypeError, "pass an instance, WithRespond()"),
    ({"responder": asynchronous}, TypeError, "write a plain function"),
    ({"responder": lambda: "x"}, TypeError, "one argument, the Turn"),
]


@pytest.mark.parametrize(("given", "kind", "said"), MISUSE)
def test_misuse_is_found_when_the_server_is_made(
    given: dict[str, Any], kind: type[Exception], said: str
) -> None:
    """Nothing hangs, and nothing is found in the server's thread only."""
    with pytest.raises(kind) as caught:
        LocalServer(**given)
    assert said in str(caught.value)


def test_a_number_is_not_a_fault(server: LocalServer) -> None:
    """Or else a test that expects a 500 would pass by accident."""
    number: Any = 500
    with pytest.raises(TypeError, match=r"write fail_next\(Fault\(status=500\)\)"):
        server.fail_next(number)
    assert [] == server.unused_faults
    with pytest.raises(TypeError, match="Framing objects"):
        server.framing = number
    server.fail_next(Fault(status=500))
    assert [Fault(status=500)] == server.unused_faults
    assert 500 == requests.get(server.base_url, timeout=10).status_code
    assert [] == server.unused_faults


def test_a_responder_that_raises_fails_the_block_of_its_server() -> None:
    """The exception itself leaves, with its traceback, also of runs that nobody streams."""

    def respond(_: Turn) -> str:
        raise LookupError("lost")

    server = LocalServer(respond).start()
    calls = Api(server)
    with calls.session:
        calls.post(calls.runs, assistant_id=calls.assistant)
        assert ["failed"] == [run["status"] for run in calls.ended()]
    with pytest.raises(LookupError, match="lost") as caught:
        server.close()
    assert "respond" == caught.traceback[-1].name
    server.close()


def test_an_exception_of_the_block_leaves_with_a_note() -> None:
    """The test's own failure is what the block ends with."""

    def block() -> None:
        wrong: Any = 5
        with LocalServer(lambda _: wrong) as server:
            calls = Api(server)
            with calls.session:
                calls.stream().close()
                calls.ended()
            raise AssertionError("no answer")

    with pytest.raises(AssertionError, match="no answer") as caught:
        block()
    (note,) = caught.value.__notes__
    assert note.startswith("LocalServer: TypeError: a responder must return parts")


@pytest.mark.parametrize("wrong", [None, 5, {"a": "b"}, b"x", [None], object()])
def test_a_wrong_answer_of_a_responder_fails_the_run_and_the_block(
    serve: Callable[[Callable[[Turn], Answer]], Api], wrong: Any
) -> None:
    """What can only be known in a run is loud as well."""
    api = serve(lambda _: wrong)
    assert "thread.run.failed" in names(api.stream().content)
    (failure,) = api.server.take_failures()
    assert "a responder must return parts" in str(failure)


def test_without_aiohttp_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only LocalServer needs the extra; the rest of the package works without it."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in ("connections", "server"):
        monkeypatch.delitem(sys.modules, f"stream_core.testing.{name}")
    fresh = importlib.reload(stream_core.testing)
    assert Say("x") == fresh.Say("x")
    with pytest.raises(ImportError, match=r'pip install "until-done\[testing\]"'):
        fresh.LocalServer  # noqa: B018 - the name is looked up
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        fresh.Nothing  # noqa: B018 - the name is looked up
