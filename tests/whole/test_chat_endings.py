"""Every manner in which Chat servers end, fail and count, and its neighbours.

Rules of this file: those of ``test_chat_manners``. An error in any dress is a ``ServerError`` with
its message; whatever else is not in the tables is not a success.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_core import Client, ToolSet, errors
from stream_core.dialects.chat import FINISH_REASONS
from tests.support.chat_checks import ANSWER, ENDS, check, check_answers, escaped
from tests.support.chat_frames import DONE, USAGE, call, choices, chunk, stop
from tests.support.frames import Frame, sse
from tests.support.outcomes import read
from tests.support.scripted_server import frames, running
from tests.support.socket_peer import CHUNKED, OK, SSE, Peer, reply, say
from tests.support.socket_peer import chunk as piece

if TYPE_CHECKING:
    import socket

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

X = '{"x":1}'
CALL = chunk(tool_calls=[call(0, "a", name="f", arguments=X)])
HALF = chunk(tool_calls=[call(0, "a", name="f", arguments=X[:3])])


# --- Errors -----------------------------------------------------------------------------


def check_failure(data: bytes | list[Frame], code: str | None = None, **right: Any) -> None:
    """Compare a stream that fails with what is right: the message is ``It is down.``."""
    right = {"exc": "ServerError", "anyerr": "It is down.", "notstatus": "completed", **right}
    out = check(data, **right, **({} if code is None else {"errcode": code}))
    assert [] == [x for x in out.finished if x == "thread.run.completed"]


@pytest.mark.parametrize(
    "line",
    [
        'error: {"code":500,"message":"It is down.","type":"server_error"}',
        'error:{"error":{"message":"It is down.","code":500}}',
        "error: It is down.",
        'error : "It is down."',
        'ERROR: {"message":"It is down."}',
        '{"error":{"message":"It is down."}}',
        ' {"error":"It is down."}',
        '[{"error":{"message":"It is down."}}]',
        '{"object":"error","message":"It is down."}',
        '{"type":"error","message":"It is down."}',
        '{"errors":[{"message":"It is down."}]}',
        '{"detail":"It is down."}',
    ],
)
@pytest.mark.parametrize("before", [[], [ANSWER], [ANSWER, stop()], [CALL]])
def test_a_line_that_is_an_error_ends_the_stream_with_its_message(
    line: str, before: list[Frame]
) -> None:
    """Then ``[DONE]`` comes or nothing; text and calls before it are no success."""
    text = "A" if ANSWER in before else ""
    for rest in ("\n", "\n\n", "\n\ndata: [DONE]\n\n", ""):
        check_failure(escaped(*before) + line.encode() + rest.encode(), text=text, required=[])


DOWN = {"message": "It is down.", "code": "c"}


@pytest.mark.parametrize(
    "value",
    [
        {"error": DOWN},
        {"error": "It is down.", "code": "c"},
        {"code": "c", "error": "It is down."},
        {"error": {"error": DOWN}},
        {"error": [DOWN]},
        {"error": True, **DOWN},
        {"error": "c", "message": "It is down."} | {"error": {}, "code": "c"},
        {"errors": [DOWN]},
        {"Error": DOWN},
        {"exception": DOWN},
        {"type": "error", **DOWN},
        {"type": "error", "error": DOWN},
        {"type": "server_error", **DOWN},
        {"object": "error", **DOWN},
        {"event": "error", **DOWN},
        {"status": "failed", **DOWN},
        {"success": False, **DOWN},
        {"ok": False, **DOWN},
        {"error_code": "c", "error_msg": "It is down."},
        {"errorMessage": "It is down.", "errorCode": "c"},
        {"statusCode": "c", "message": "It is down."},
        DOWN,
    ],
)
@pytest.mark.parametrize("before", [[], [ANSWER], [ANSWER, stop()]])
def test_a_frame_that_is_an_error_in_any_dress_is_one(
    value: dict[str, Any], before: list[Frame]
) -> None:
    """Message and code are read wherever they are."""
    for done in ([], [DONE]):
        check_failure([*before, ("", value), *done], "c", text="A" if before else "")


@pytest.mark.parametrize("name", ["error", "Error", "exception", "failed"])
@pytest.mark.parametrize("data", ["It is down.", '"It is down."', DOWN, {"error": DOWN}])
def test_a_frame_whose_name_is_that_of_an_error_is_one(name: str, data: Any) -> None:
    """Whatever its data are."""
    check_failure([ANSWER, (name, data), DONE], text="A")


@pytest.mark.parametrize("value", [DOWN, "It is down.", {"error": DOWN}, [DOWN]])
@pytest.mark.parametrize("where", ["error", "x_groq", "choice", "delta", "message"])
def test_an_error_inside_a_chunk_is_one_after_what_came_with_it(value: Any, where: str) -> None:
    """What the chunk says is delivered before; a reason or ``[DONE]`` after it changes nothing."""
    said: dict[str, Any] = {"index": 0, "delta": {"content": "B"}, "finish_reason": None}
    frame = {
        "error": choices(said, error=value),
        "x_groq": choices(said, x_groq={"id": "r", "error": value}),
        "choice": choices({**said, "finish_reason": "error", "error": value}),
        "delta": choices({**said, "delta": {"content": "B", "error": value}}),
        "message": choices({"message": {"content": "AB", "error": value}}),
    }[where]
    for rest in ([], [DONE], [*ENDS]):
        check_failure([ANSWER, frame, *rest], text="AB")


@pytest.mark.parametrize(
    "nothing",
    [
        *("", None, {}, [], False, 0, "null", "None"),
        *({"message": ""}, {"message": None, "code": None}, {"code": 0, "message": "ok"}, [{}]),
    ],
)
def test_an_error_that_says_nothing_is_none_wherever_it_stands(nothing: Any) -> None:
    """In every chunk, in a choice, in ``x_groq``, beside the reason, beside the usage."""
    said = {"index": 0, "delta": {"content": "A"}, "finish_reason": None}
    check_answers(choices(said, error=nothing))
    check_answers(choices(said, x_groq={"error": nothing}))
    check_answers(choices({**said, "error": nothing}))
    check_answers(chunk(content="A", error=nothing))
    ends = choices({"index": 0, "delta": {}, "finish_reason": "stop"}, error=nothing)
    counted = choices(usage=USAGE, error=nothing)
    check([ANSWER, ends, counted, DONE], text="A", status="completed", usage=5)


# --- Reasons ----------------------------------------------------------------------------


def check_reason(word: Any, **right: Any) -> None:
    """Compare an answer that ended with WORD with what is right; its text is not a success."""
    for sent in (
        [ANSWER, stop(word), DONE],
        [ANSWER, stop(word)],
        [chunk(word, content="A"), choices(usage=USAGE), DONE],
        [ANSWER, stop(word), chunk(None), chunk(""), DONE],
        [choices({"text": "A", "finish_reason": word}), DONE],
        [choices({"message": {"content": "A"}, "finish_reason": word})],
    ):
        check(sent, text="A", word=word, **right)


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("abort ABORT network_error network-error error", {"status": "failed"}),
        (
            "max_tokens length MAX_TOKENS Max-Tokens model_length",
            {"status": "incomplete", "reason": "max_completion_tokens"},
        ),
        (
            "sensitive content_filter SAFETY RECITATION",
            {"status": "incomplete", "reason": "content_filter"},
        ),
        ("eos end_turn stop_sequence STOP COMPLETE stop EOS_TOKEN", {"status": "completed"}),
    ],
)
def test_a_known_word_means_the_same_in_any_spelling(words: str, right: dict[str, Any]) -> None:
    """The server's own word is reachable from the run."""
    for word in words.split():
        check_reason(word, **right)


@pytest.mark.parametrize("word", ["of_tomorrow", "pause_turn", "OTHER", "repetition", "tool error"])
def test_an_unknown_word_is_incomplete_but_whole_calls_require_an_action(word: str) -> None:
    """The word is the reason; half a call is not run."""
    check_reason(word, status="incomplete", reason=word)
    called = [["a", "f", X]]
    check([CALL, stop(word), DONE], calls=called, required=called, status="requires_action")
    check([HALF, stop(word), DONE], required=[], status="incomplete", reason=word)


@pytest.mark.parametrize("word", ["length", "abort", "content_filter", "cancelled"])
def test_calls_of_an_answer_that_was_cut_are_not_required(word: str) -> None:
    """Whole or half: the server did not mean them to run."""
    for sent in (CALL, HALF):
        check([sent, stop(word), DONE], required=[], notstatus="requires_action", word=word)


@pytest.mark.parametrize("none", [None, "None", "", "null", "NONE"])
def test_null_in_any_dress_is_no_reason(none: Any) -> None:
    """It does not replace a reason; ``[DONE]`` after it is the server's word, the end is not."""
    check([chunk(none, content="A"), *ENDS], text="A", status="completed", word="stop")
    check([chunk("length", content="A"), stop(none), DONE], text="A", status="incomplete")
    check([ANSWER, stop(none), DONE], text="A", status="completed", word=None)
    check([ANSWER, stop(none)], text="A", exc="IncompleteStreamError")
    check([CALL, stop(none), DONE], required=[["a", "f", X]], status="requires_action")


@pytest.mark.parametrize(
    "done", ["[DONE] ", "  [DONE]", "[DONE]\t", "[done]", "[DONE]\n\ndata: [DONE]"]
)
@pytest.mark.parametrize("before", [[ANSWER, stop()], [ANSWER]])
def test_done_with_blanks_or_in_lower_case_is_done(done: str, before: list[Frame]) -> None:
    """With an empty line after it or without."""
    for rest in ("\n\n", "\n", ""):
        check(escaped(*before) + f"data: {done}{rest}".encode(), text="A", status="completed")


# --- What is needed ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["ping", "PING", "heartbeat", "keep-alive", "OK"])
@pytest.mark.parametrize("name", ["", "ping"])
def test_a_bare_word_is_an_unknown_event(word: str, name: str) -> None:
    """Before the answer, in it and after its reason."""
    beat: Frame = name, word
    check([beat, ANSWER, beat, stop(), beat, DONE], text="A", status="completed", seen=word)


@pytest.mark.parametrize(
    "value", [{}, [], 5, True, None, {"type": "ping"}, {"code": 200, "message": "ok"}]
)
def test_json_that_is_not_a_chunk_is_an_event(value: Any) -> None:
    """It is no error and no answer."""
    beat: Frame = "", json.dumps(value)
    check([beat, ANSWER, beat, stop(), beat, DONE], text="A", status="completed")


@pytest.mark.parametrize(
    "key",
    ["created", "id", "model", "object", "system_fingerprint", "service_tier", "usage", "x_groq"],
)
@pytest.mark.parametrize("value", ["2024-01-01", 5, -1.5, 10**30, None, True, {}, [], [{}]])
def test_a_field_that_is_not_needed_may_have_any_type(key: str, value: Any) -> None:
    """It is in ``raw`` as sent."""
    said = {"index": 0, "delta": {"content": "A"}, "finish_reason": None}
    sent = choices(said, **{key: value})
    check([sent, stop(), DONE], text="A", status="completed", seen=json.dumps({key: value})[1:-1])


@pytest.mark.parametrize("number", [b"-Infinity", b"NaN", b"Infinity", b"1e999"])
def test_numbers_that_json_does_not_have_end_nothing(number: bytes) -> None:
    """Among the logprobs, in the usage, as a date."""
    sent = (
        b'data: {"id":"c","created":%b,"choices":[{"index":0,"delta":{"content":"A"},'
        b'"logprobs":{"content":[{"token":"A","logprob":%b}]}}],'
        b'"usage":{"prompt_tokens":%b,"completion_tokens":1,"total_tokens":4}}\n\n'
    ) % (number, number, number)
    check(sent + sse(*ENDS), text="A", status="completed", usage=4)


# --- Usage ------------------------------------------------------------------------------


def check_usage(*sent: Frame, total: int | None = 5) -> None:
    """Compare the usage of an answer of text with what is right."""
    check([ANSWER, *sent, DONE], text="A", status="completed", usage=total)
    check([ANSWER, *sent], text="A", status="completed", usage=total)


@pytest.mark.parametrize(
    "nothing", [{}, None, [], "", 0, {"prompt_tokens": None}, dict.fromkeys(USAGE, 0), {"x": 1}]
)
def test_an_empty_usage_says_nothing_before_or_after_a_real_one(nothing: Any) -> None:
    """Wherever both stand: in a choice (Moonshot), in ``x_groq``, in a chunk without choices."""
    ended: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}
    nowhere, counted = choices(usage=nothing), choices(usage=USAGE)
    check_usage(stop(), counted, nowhere)
    check_usage(nowhere, stop(), counted)
    check_usage(choices({**ended, "usage": USAGE}, usage=nothing))
    check_usage(choices({**ended, "usage": nothing}, usage=USAGE))
    check_usage(choices({**ended, "usage": USAGE}), nowhere)
    check_usage(choices(ended, x_groq={"usage": USAGE}, usage=nothing), nowhere)
    check_usage(stop(), ("", {"id": "c", "usage": USAGE}), nowhere)
    if nothing not in (0, dict.fromkeys(USAGE, 0)):
        check_usage(stop(), nowhere, total=None)


@pytest.mark.parametrize("name", ["prompt_tokens_details", "completion_tokens_details", "cost"])
@pytest.mark.parametrize("value", [0, None, "x", [], {}, 0.5, {"cached_tokens": "x"}])
def test_details_of_the_usage_may_have_any_type(name: str, value: Any) -> None:
    """The numbers beside them are read."""
    check_usage(stop(), choices(usage={**USAGE, name: value}))


@pytest.mark.parametrize(
    "sent",
    [
        {"prompt_tokens": 2, "completion_tokens": 3},
        {"prompt_tokens": "2", "completion_tokens": 3.0, "total_tokens": None},
        {"input_tokens": 2, "output_tokens": 3},
        {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5},
    ],
)
def test_a_usage_in_another_form_is_read(sent: dict[str, Any]) -> None:
    """A total that is missing is the sum."""
    check_usage(stop(), choices(usage=sent))
    check_usage(choices({"index": 0, "delta": {}, "finish_reason": "stop", "usage": sent}))


def get_time() -> str:
    """Return the time."""
    return "noon"


CALLS = frames(
    chunk(tool_calls=[call(0, "a", name="get_time", arguments="{}")]),
    choices({"index": 0, "delta": {}, "finish_reason": "tool_calls", "usage": USAGE}),
    choices(usage={}),
    DONE,
)
SAYS = frames(ANSWER, stop(), choices(usage=USAGE), DONE)


def test_usage_is_the_sum_with_tools_and_each_round_s_own_by_hand() -> None:
    """Wherever the server states it."""
    with running(CALLS, CALLS, SAYS) as server:
        ask = server.client.chat.completions.stream
        run = ask(model="m", messages=[], tools=ToolSet(get_time)).until_done()
        assert (run and run.usage and run.usage.total_tokens) == 15
    with running(CALLS, SAYS) as server:
        for status in ("requires_action", "completed"):
            run = server.client.chat.completions.stream(model="m", messages=[]).until_done()
            assert run is not None
            assert (status, 5) == (run.status, run.usage and run.usage.total_tokens)


@pytest.mark.parametrize("created", [1, 0, 4_102_444_800, "2001-01-01", None])
def test_a_wrong_clock_expires_no_run(created: Any) -> None:
    """A date far from the client's, or none: functions run and the answer comes."""
    called = chunk(tool_calls=[call(0, "a", name="get_time", arguments="{}")])
    sent = [(name, {**x, "created": created, "expires_at": 1}) for name, x in (called, stop())]
    with running(frames(*sent, DONE), SAYS) as server:
        ask = server.client.chat.completions.stream
        run = ask(model="m", messages=[], tools=ToolSet(get_time)).until_done()
    assert (run and run.status) == "completed"


# --- Bytes ------------------------------------------------------------------------------

GOOD = sse(ANSWER, *ENDS)


def ask(peer: Peer, **options: Any) -> str:
    """Ask a peer; return the text."""
    stream = Client("", peer.url, max_retries=0).chat.completions.stream(
        model="m", messages=[], **options
    )
    stream.until_done()
    return "".join(message.text for message in stream.get_final_messages())


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "application/octet-stream",
        "text/plain; charset=utf-8",
        "TEXT/Event-Stream",
    ],
)
@pytest.mark.parametrize("begin", [b"", b": hello\n\n", b"\xef\xbb\xbf", b"\n\n"])
def test_a_good_stream_is_read_whatever_its_content_type(kind: str | None, begin: bytes) -> None:
    """What the bytes are counts."""
    head = OK if kind is None else OK + f"Content-Type: {kind}\r\n".encode()
    body = begin + GOOD
    with Peer(say(head + CHUNKED, piece(body[:3]), piece(body[3:]), b"0\r\n\r\n")) as peer:
        assert ask(peer) == "A"


@pytest.mark.parametrize("encoding", ["gzip", "zebra", "br"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_content_encoding_is_undone_or_named(encoding: str, *, packed: bool) -> None:
    """Also if it was not asked for, or if the bytes are not what it says."""
    body = gzip.compress(GOOD) if packed else GOOD
    head = {"Content_Type": "text/event-stream", "Content_Encoding": encoding}
    with Peer(say(reply(200, body, **head))) as peer:
        if packed == (encoding == "gzip"):
            assert ask(peer) == "A"
        else:
            with pytest.raises(errors.StreamError, match=encoding):
                ask(peer)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Bad Gateway</body></html>",
        b"<html>\n<body>\n\n<h1>502</h1>\n</body></html>\n",
        b"Internal Server Error",
        b"upstream connect error or disconnect/reset before headers",
    ],
)
@pytest.mark.parametrize("dialect", ["chat", "auto"])
def test_a_page_in_an_event_stream_is_an_error_that_quotes_how_it_begins(
    body: bytes, dialect: str
) -> None:
    """Nothing of it is an answer."""
    out = read(body, dialect)
    assert out.run is None
    assert body.decode()[:6] in str(out.error)
    with (
        Peer(say(reply(200, body, Content_Type="text/event-stream"))) as peer,
        pytest.raises(errors.StreamError) as caught,
    ):
        ask(peer)
    assert body.decode()[:6] in f"{caught.value} {vars(caught.value)}"


BEATS = {
    "comments": b": ping\n\n",
    "words": b"data: ping\n\n",
    "frames": b'data: {"type":"ping"}\n\n',
    "empty": b"data:\n\n",
    "names": b"event: ping\ndata: {}\n\n",
}


@pytest.mark.parametrize("beat", BEATS)
@pytest.mark.parametrize("begun", [b"", sse(ANSWER)])
def test_signs_of_life_alone_are_silence(beat: str, begun: bytes) -> None:
    """The stream is lost after ``idle_timeout`` of the call."""

    def act(connection: socket.socket) -> None:
        connection.sendall(SSE + CHUNKED + (piece(begun) if begun else b""))
        with contextlib.suppress(OSError):
            for _ in range(300):
                connection.sendall(piece(BEATS[beat]))
                time.sleep(0.01)

    with Peer(act) as peer, pytest.raises(errors.StreamTimeoutError) as caught:
        ask(peer, idle_timeout=0.08)
    assert caught.value.timeout == 0.08


# --- Nothing is called a success that may not be one ------------------------------------

#: Words that mean success, as the table has them.
SUCCESSES = {word for word, (status, _) in FINISH_REASONS.items() if status == "completed"}

WORDS = st.sampled_from(sorted(FINISH_REASONS)) | st.text(min_size=1, max_size=8).filter(
    lambda word: word.strip().lower() not in ("", "null", "none", *SUCCESSES)
)

DRESSES = st.sampled_from(
    [
        ("", {"error": DOWN}),
        ("", {"type": "error", **DOWN}),
        ("", DOWN),
        ("error", "It is down."),
        ("error", DOWN),
        choices(error=DOWN),
        choices(x_groq={"error": DOWN}),
        choices({"index": 0, "delta": {}, "finish_reason": "error", "error": DOWN}),
        chunk(error=DOWN),
        'error: {"message": "It is down."}\n\n',
        '{"error": "It is down."}\n\n',
    ]
)

SPEAKS = st.lists(
    st.sampled_from(
        [ANSWER, chunk(reasoning="R"), CALL, choices(usage=USAGE), chunk(), ("", "ping")]
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(SPEAKS, WORDS, st.booleans())
def test_only_words_of_success_end_as_one(said: list[Frame], word: str, done: bool) -> None:
    """An ending that is not in the table is told as such, with the word."""
    out = read(escaped(*said, stop(word), *[DONE] * done), "chat")
    assert out.error is None
    assert out.run is not None
    key = word.strip().lower().replace("-", "_").replace(" ", "_")
    good = key in SUCCESSES
    called = CALL in said and (good or key not in FINISH_REASONS)
    assert ("thread.run.completed" in out.finished) == (good and not called)
    assert (out.run.status == "requires_action") == called
    if not good and not called:
        assert out.run.status in ("failed", "incomplete", "cancelled")


@settings(max_examples=60)
@given(SPEAKS, DRESSES, st.sampled_from([[], [DONE], [stop(), DONE]]), st.booleans())
def test_an_error_in_any_dress_is_never_a_success(
    said: list[Frame], error: Any, rest: list[Frame], stopped: bool
) -> None:
    """Whatever came before it and comes after it."""
    before = escaped(*said, *[stop()] * stopped)
    data = before + (error.encode() if isinstance(error, str) else escaped(error)) + escaped(*rest)
    out = read(data, "chat")
    assert isinstance(out.error, errors.ServerError)
    assert "It is down." in str(out.error)
    assert "thread.run.completed" not in out.finished


FOREIGN = st.one_of(
    st.sampled_from(["ping", "5", "[]", "{}", '"x"', "[DONE]"]).map("data: {}\n\n".format),
    st.sampled_from(["ping", "x.y", "x"]).map("event: {}\ndata: 5\n\n".format),
    st.sampled_from([": comment\n\n", "data: \n\n", "retry: 5\n\n", "<html>\n\n", "hello\n\n"]),
)


@settings(max_examples=60)
@given(st.lists(FOREIGN, min_size=1, max_size=5), st.sampled_from(["chat", "auto"]))
def test_a_stream_without_a_chunk_is_of_no_known_wire(sent: list[str], dialect: str) -> None:
    """It has no run and is no success; if it may be cut, it is incomplete."""
    out = read("".join(sent).encode(), dialect)
    assert isinstance(out.error, errors.UnknownWireError | errors.IncompleteStreamError)
    assert out.run is None
    assert [] == out.finished
    says = [x for x in sent if x[0] not in ":r" and x not in ("data: \n\n", "data: ping\n\n")]
    if says:
        assert isinstance(out.error, errors.UnknownWireError)
