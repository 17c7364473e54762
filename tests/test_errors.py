"""Every failure says what was wrong, where, and what to do, and has the facts as attributes."""

from __future__ import annotations

import copy
import pickle

import pytest

from stream_core import errors, models
from stream_core.errors import (
    APIStatusError,
    DecodeError,
    FrameTooLargeError,
    IncompleteStreamError,
    NotAnEventStreamError,
    RateLimitError,
    RunExpiredError,
    RunFailedError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    ToolLoopError,
    TransportError,
    UnknownWireError,
)

#: One of each shape, with every fact given, and the sentence that it makes.
EXAMPLES: list[tuple[StreamError, str]] = [
    (StreamError("something else"), "something else"),
    (
        TransportError("the connection was reset", url="https://a.example/v1"),
        "the connection was reset (https://a.example/v1)",
    ),
    (
        StreamTimeoutError("nothing came for 60 s", url="https://a.example/v1", timeout=60),
        "nothing came for 60 s (https://a.example/v1)",
    ),
    (
        APIStatusError(
            "No such thread.",
            status_code=404,
            code="not_found",
            request_id="req_1",
            body={"error": {"message": "No such thread."}},
            headers={"x-request-id": "req_1"},
            url="https://a.example/v1/threads/t",
        ),
        (
            "the server answered 404: No such thread.; code not_found; request req_1; "
            "https://a.example/v1/threads/t"
        ),
    ),
    (
        RateLimitError("Slow down.", status_code=429, retry_after=2.5),
        "the server answered 429: Slow down.; try again in 2.5 s",
    ),
    (
        NotAnEventStreamError(
            content_type="text/html", body=b"<html>", url="https://a.example/v1/threads"
        ),
        (
            "expected text/event-stream from https://a.example/v1/threads, got text/html: "
            "b'<html>'. Check that the path is right and that this server streams."
        ),
    ),
    (
        DecodeError(
            "the data is not a Run",
            frame='{"id": 5}',
            event="thread.run.created",
            offset=120,
            paths=["$.id: 5 is not a string", "$.model: true is not a string"],
        ),
        (
            "the data is not a Run (event thread.run.created, byte 120): $.id: 5 is not a string; "
            "$.model: true is not a string: '{\"id\": 5}'"
        ),
    ),
    (
        FrameTooLargeError(limit=64, offset=9, frame="data: abc", event="done"),
        (
            "a frame is longer than 64 bytes; if this server is meant to send such frames, raise "
            "max_frame_bytes (event done, byte 9): 'data: abc'"
        ),
    ),
    (
        ServerError(models.Error("It is down.", "server_error")),
        "the server reported an error: It is down. (code server_error)",
    ),
    (
        RunFailedError(
            models.Run(
                id="run_1",
                status="failed",
                last_error=models.LastError("rate_limit_exceeded", "Too much."),
            )
        ),
        "run run_1 ended with status failed: rate_limit_exceeded: Too much.",
    ),
    (
        ToolLoopError(models.Run(id="run_1"), 5),
        (
            "run run_1 requires more than 5 rounds of tools; "
            "raise max_rounds if that is intended, or else cancel the run"
        ),
    ),
    (
        RunExpiredError(models.Run(id="run_1", expires_at=1700000000)),
        (
            "run run_1 expired at 1700000000, before the outputs of its tools were ready; "
            "make the tools faster, or start a new run"
        ),
    ),
    (
        IncompleteStreamError(
            last_event="thread.message.delta", open_objects=["run run_1", "message msg_1"]
        ),
        (
            "the stream ended after thread.message.delta, before the run did; "
            "still open: run run_1, message msg_1"
        ),
    ),
    (
        IncompleteStreamError(last_event="thread.created", rest="<html>"),
        "the stream ended after thread.created, before the run did; then came '<html>'",
    ),
    (
        UnknownWireError(begins="<", wires=["chat"], received=5, looks_like="HTML"),
        (
            "the stream is not of a known wire: it begins with '<' and has 5 bytes; "
            """it looks like HTML; tried: chat (pass dialect="auto" to find the wire out)"""
        ),
    ),
    (
        NotAnEventStreamError(content_type=None, encoding="br", body=b"\x8b"),
        (
            "expected text/event-stream, got no content type in the content encoding 'br', which "
            "was not asked for: b'\\x8b'. Let the server or the proxy send it as it is, or as gzip."
        ),
    ),
    (
        UnknownWireError(begins='{"n": 1}', wires=["assistants", "chat"]),
        (
            """the stream is not of a known wire: it begins with '{"n": 1}'; """
            "tried: assistants, chat (if you know which wire it is, pass dialect=...)"
        ),
    ),
]


def class_name(value: object) -> str:
    """Name the parameter of a test."""
    return type(value).__name__ if isinstance(value, Exception) else ""


@pytest.mark.parametrize(("error", "sentence"), EXAMPLES, ids=class_name)
def test_every_failure_is_a_sentence_with_all_its_facts(error: StreamError, sentence: str) -> None:
    """The message says what was wrong, where, and what to do."""
    assert sentence == str(error)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TransportError("the connection was reset"), "the connection was reset"),
        (StreamTimeoutError("no connection"), "no connection"),
        (APIStatusError("Gone.", status_code=410), "the server answered 410: Gone."),
        (RateLimitError("No.", status_code=429), "the server answered 429: No."),
        (
            NotAnEventStreamError(content_type=None),
            (
                "expected text/event-stream, got no content type: b''. "
                "Check that the path is right and that this server streams."
            ),
        ),
        (DecodeError("the data is not JSON"), "the data is not JSON"),
        (DecodeError("the data is not JSON", offset=0), "the data is not JSON (byte 0)"),
        (DecodeError("no", event="done"), "no (event done)"),
        (DecodeError("no", paths=["$: null is not an object"]), "no: $: null is not an object"),
        (DecodeError("no", frame="x"), "no: 'x'"),
        (
            FrameTooLargeError(limit=8),
            (
                "a frame is longer than 8 bytes; "
                "if this server is meant to send such frames, raise max_frame_bytes"
            ),
        ),
        (ServerError(models.Error()), "the server reported an error: no message"),
        (
            ServerError(models.Error("No.", type="invalid_request_error")),
            "the server reported an error: No. (code invalid_request_error)",
        ),
        (RunFailedError(models.Run(id="r", status="expired")), "run r ended with status expired"),
        (
            RunFailedError(
                models.Run(
                    id="r",
                    status="incomplete",
                    incomplete_details=models.IncompleteDetails("max_prompt_tokens"),
                )
            ),
            "run r ended with status incomplete: max_prompt_tokens",
        ),
        (IncompleteStreamError(), "the stream ended without a single event"),
        (
            IncompleteStreamError(last_event="thread.created"),
            "the stream ended after thread.created, before the run did",
        ),
    ],
    ids=class_name,
)
def test_facts_that_are_not_known_leave_no_gap(error: StreamError, sentence: str) -> None:
    """A sentence without its optional facts is still one."""
    assert sentence == str(error)


@pytest.mark.parametrize("length", [200, 201])
def test_only_the_start_of_a_long_frame_or_body_is_quoted(length: int) -> None:
    """200 characters are quoted with the length; the attribute has all of them."""
    text = "x" * length
    body = text.encode()
    decode = DecodeError("no", frame=text)
    other = NotAnEventStreamError(content_type="text/plain", body=body)
    shown = "x" * 200
    rest = "" if length == 200 else "... (201 in all)"
    assert f"no: '{shown}'{rest}" == str(decode)
    assert f"got text/plain: b'{shown}'{rest}. Check" in str(other)
    assert text == decode.frame
    assert body == other.body


def test_every_kind_of_sentence_has_an_example() -> None:
    """A class that takes its own facts is in the table at the top."""
    classes = {getattr(errors, public) for public in errors.__all__}
    special = {cls for cls in classes if "__init__" in vars(cls) or "__str__" in vars(cls)}
    assert set() == special - {type(error) for error, _ in EXAMPLES}


def test_the_drawing_in_the_docstring_is_the_tree() -> None:
    """Every class appears in the module's docstring, under its base and nowhere else."""
    assert errors.__doc__ is not None
    lines = [line[4:] for line in errors.__doc__.splitlines() if "── " in line]
    above, drawn = {0: "StreamError"}, {"StreamError": "Exception"}
    for line in lines:
        branch, _, rest = line.partition("── ")
        depth = len(branch) // 4 + 1
        name = rest.split()[0]
        above[depth] = name
        drawn[name] = above[depth - 1]
    bases = {public: getattr(errors, public).__base__.__name__ for public in errors.__all__}
    assert bases == drawn


def test_no_failure_is_also_a_misuse_or_an_os_error() -> None:
    """``except ValueError`` around a stream never catches a failure of the stream."""
    for public in errors.__all__:
        assert (Exception,) == getattr(errors, public).__mro__[-3:-2]


def test_facts_are_attributes() -> None:
    """Code reads attributes; nobody has to take a message apart."""
    timeout = StreamTimeoutError("no", url="https://a.example", timeout=1.5)
    assert ("no", "https://a.example", 1.5) == (timeout.message, timeout.url, timeout.timeout)
    status = RateLimitError("no", status_code=429, code="quota", body="text", retry_after=3)
    assert (429, "quota", "text", 3) == (
        status.status_code,
        status.code,
        status.body,
        status.retry_after,
    )
    assert ({}, None, None) == (status.headers, status.request_id, status.url)
    assert {"a": "b"} == APIStatusError("no", status_code=500, headers={"a": "b"}).headers
    decode = DecodeError("no", paths=["a", "b"])
    assert ("", None, None, ("a", "b")) == (decode.frame, decode.event, decode.offset, decode.paths)
    assert (8, ()) == (FrameTooLargeError(limit=8).limit, FrameTooLargeError(limit=8).paths)
    error, run = models.Error("no"), models.Run(id="r")
    assert error is ServerError(error).error
    assert run is RunFailedError(run).run
    ended = IncompleteStreamError(open_objects=["run r"])
    assert (None, ("run r",)) == (ended.last_event, ended.open_objects)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(("error", "sentence"), EXAMPLES, ids=class_name)
def test_failures_come_back_from_another_process(
    error: StreamError, sentence: str, protocol: int
) -> None:
    """A failure is pickled with all its facts and notes, whatever its arguments."""
    error = copy.copy(error)
    error.add_note("while trying")
    again = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  # our own pickle
    assert type(error) is type(again)
    assert sentence == str(again)
    assert vars(error) == vars(again)
    assert error.args == again.args


@pytest.mark.parametrize(("error", "sentence"), EXAMPLES, ids=class_name)
def test_failures_can_be_copied(error: StreamError, sentence: str) -> None:
    """A copy has the same class, facts and sentence."""
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert again is not error
        assert (type(error), sentence, vars(error)) == (type(again), str(again), vars(again))
