"""Takes for ``cut_runs``: runs of the test server, recorded streams, and a response made here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from stream_core import events, models
from stream_core.convert.payloads import unstructure
from stream_core.dialects.responses.dialect import ResponsesDialect
from stream_core.errors import StreamError
from stream_core.run_control.assistants import AssistantsControl
from stream_core.run_control.recovery import Recovery
from stream_core.run_control.responses import ResponsesControl
from stream_core.run_control.run_keys import RUN_KEY
from stream_core.snapshots.stream_state import Snapshots
from stream_core.streams.stream import Stream
from stream_core.testing import (
    AskApproval,
    CallFunctions,
    Fail,
    FileCitation,
    FunctionCall,
    McpCall,
    NewMessage,
    Refuse,
    RunCode,
    Say,
    SearchFiles,
    SearchResult,
    ShowImage,
    ShowImageURL,
    Turn,
    UrlCitation,
)
from stream_core.tools.rounds import ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import conversation, get_tides
from tests.support.cut_runs import END, Log, Take, query_text
from tests.support.flows import KeepingDriver
from tests.support.frames import check_transcript, sse
from tests.support.responses_frames import added, arguments, done, response, text, text_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream_core.http.transport import Transport
    from stream_core.testing.responder import Answer

__all__ = ["RESPONDERS", "NotATake", "recorded", "response_take", "takes"]

#: The key that each request of a run has here.
KEY = "the key of this request"

#: Functions for the rounds.
TOOLS = ToolSet(get_tides)


# --- Takes from the test server -----------------------------------------------------------------

#: Fields that say nothing about how a run goes.
_SETTINGS = {
    *("object", "assistant_id", "model", "tool_choice", "temperature", "top_p", "usage"),
    *("parallel_tool_calls", "response_format", "truncation_strategy", "created_at"),
}


def _lean(value: Any) -> Any:
    """Leave out of a JSON value what is null, empty or a setting: fewer bytes to cut."""
    if isinstance(value, dict):
        return {
            key: _lean(one)
            for key, one in value.items()
            if one not in (None, [], {}) and key not in _SETTINGS
        }
    return [_lean(one) for one in value] if isinstance(value, list) else value


def _lean_frames(data: bytes) -> bytes:
    """Do the same with each frame of a reply."""
    made = []
    for one in data.decode().split("\n\n")[:-1]:
        name, payload = one.split("\ndata: ")
        if payload != "[DONE]":
            value = _lean(json.loads(payload))
            payload = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        made.append(f"{name}\ndata: {payload}\n\n")
    return "".join(made).encode()


@attrs.define
class _Remembering:
    """Asks the server each question once, and keeps the answers."""

    transport: Transport
    answers: dict[tuple[str, str], Any] = attrs.field(factory=dict)
    closed: bool = False
    max_retries: int = 0

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Ask."""
        found = _lean(self.transport.request(cast("Any", method), path, **options))
        self.answers[path, query_text(options)] = found
        return found


def _rounds() -> ToolRounds:
    """Return what answers the runs."""
    return ToolRounds(TOOLS, approve=lambda _: True)


def record(name: str, responder: Callable[[Turn], Answer]) -> Take:
    """Have the runs of RESPONDER over HTTP, and what the server says after each reply."""
    with conversation(responder) as talk:
        transport = talk.client._transport
        path = f"/threads/{talk.thread_id}/runs"
        body: dict[str, Any] = {"assistant_id": talk.assistant_id}
        replies: list[bytes] = []
        answers: list[dict[tuple[str, str], Any]] = []
        rounds = _rounds()
        while True:
            source = transport.open("POST", path, body={**body, "stream": True})
            replies.append(_lean_frames(b"".join(source)))
            run, thread_id = talk.run, talk.thread_id
            memory = _Remembering(transport)
            control, driver = AssistantsControl(), KeepingDriver(cast("Any", memory))
            driver.run(Recovery(control).recover(run, Snapshots()))
            _add_lists(memory.answers, thread_id, unstructure(run))
            answers.append(memory.answers)
            if run.status != "requires_action":
                break
            answer: dict[str, Any] | None = KeepingDriver().run(rounds.answer(run))
            body = answer or {}
            path = f"/threads/{thread_id}/runs/{run.id}/submit_tool_outputs"

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        control = AssistantsControl(thread_id=thread_id, key=KEY, rounds=_rounds())
        return Stream(source, log, dialect="assistants", control=control, transport=line)

    return Take(name, replies, answers, read)


def _add_lists(
    answers: dict[tuple[str, str], Any], thread_id: str, run: Any, messages: Sequence[Any] = ()
) -> None:
    """Add the lists of runs, by which the key is looked for, and of messages."""
    runs = f"/threads/{thread_id}/runs"
    with_key = {**run, "metadata": {RUN_KEY: KEY}}
    other = {"id": "run_other", "thread_id": thread_id, "status": "completed"}
    answers[runs, query_text({"query": {"limit": 100, "order": "desc"}})] = {
        "data": [other, with_key]
    }
    query = {"limit": 100, "order": "asc", "run_id": run["id"]}
    answers[f"/threads/{thread_id}/messages", query_text({"query": query})] = {"data": [*messages]}


def _two_rounds(turn: Turn) -> Answer:
    if not turn.results:
        return CallFunctions([FunctionCall("get_tides", {"port": x}) for x in ("Porto", "Faro")])
    return [Say("Höhe: 4 m."), ShowImage("file_1"), Say("Bye!")]


def _code(_: Turn) -> Answer:
    marked: list[Any] = [FileCitation("[1]", "file_1"), UrlCitation("[2]", "https://here/2", "two")]
    return [
        RunCode("print(6)", logs="forty two", image_file_id="file_2"),
        Say("It is [1] 🎉 [2].", annotations=marked),
        NewMessage(),
        Refuse("No, never."),
        ShowImageURL("https://here/3"),
    ]


def _three_rounds(turn: Turn) -> Answer:
    if not turn.results:
        return [Say("So …"), CallFunctions([FunctionCall("get_tides", {"port": "Porto"})])]
    if len(turn.results) == 1 and turn.results[0].approved is None:
        return AskApproval([McpCall("docs", "search", {"q": "tides"}, "found")])
    return [SearchFiles([SearchResult("file_1", "tides.txt", 0.9, "high")]), Say("16:35.")]


def _failing(_: Turn) -> Answer:
    return [Say("It blows from"), Fail("server_error", "no wind")]


RESPONDERS: dict[str, Callable[[Turn], Answer]] = {
    "a round of two calls, text, image, text": _two_rounds,
    "code, annotations, refusal, two messages": _code,
    "a round, an approval, a file search": _three_rounds,
    "a run that fails": _failing,
}


# --- Takes from recordings ----------------------------------------------------------------------


class NotATake(Exception):  # noqa: N818  # no error: a recording may have no run that ended
    """A recording cannot be cut and recovered; its text says why."""


def recorded(path: Path) -> Take:
    """Make a take of a recorded reply; the server answers with what the whole of it has.

    Raises:
        NotATake: The recording has no whole run.
    """
    data = path.read_bytes().replace(b"\r\n", b"\n")
    log = Log()
    try:
        is_response = b'"sequence_number"' in data
        stream = Stream(data, log, dialect="responses" if is_response else "assistants")
        run = stream.until_done()
    except StreamError as error:
        raise NotATake(type(error).__name__) from error
    if is_response:
        return _of_response(path.name, data)
    snapshots = stream._reader.position.snapshots
    if run is None or not run.id or not run.thread_id or not snapshots.ended:
        raise NotATake("no run with its ids")
    steps, messages = stream.get_final_run_steps(), stream.get_final_messages()
    of_others = not steps and any(message.run_id != run.id for message in messages)
    if of_others or not _keeps_what_it_sent(log, steps, messages):
        raise NotATake("what it sent is not what it has")
    where = f"/threads/{run.thread_id}/runs/{run.id}"
    answers: dict[tuple[str, str], Any] = {(where, "{}"): unstructure(run)}
    query = query_text({"query": {"limit": 100, "order": "asc"}})
    answers[f"{where}/steps", query] = {"data": [unstructure(one) for one in steps]}
    for step in steps:
        answers[f"{where}/steps/{step.id}", "{}"] = unstructure(step)
    for message in messages:
        place = f"/threads/{run.thread_id}/messages/{message.id}"
        answers[place, "{}"] = unstructure(message)
    _add_lists(answers, run.thread_id, unstructure(run), [unstructure(one) for one in messages])
    answered, makes_thread = _answered(data), snapshots.thread_id is not None

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        control = AssistantsControl(
            thread_id=None if makes_thread else run.thread_id,
            run_id=run.id if answered else None,
            key=None if answered else KEY,
            answered=answered,
        )
        return Stream(source, log, dialect="assistants", control=control, transport=line)

    first = data.index(END) + 2 if makes_thread else 0
    return Take(path.name, [data], [answers], read, first, _keeps_promises(log))


def _keeps_promises(log: Log) -> bool:
    """Return whether a transcript passes the checks."""
    try:
        check_transcript(log.events, ended=True)
    except AssertionError:
        return False
    return True


def _keeps_what_it_sent(
    log: Log, steps: Iterable[models.RunStep], messages: Iterable[models.Message]
) -> bool:
    """Return whether deltas, and the ids in steps and at beginnings, agree with the end."""
    kept = {
        (message.id, index): part.text.value
        for message in messages
        for index, part in enumerate(message.content)
        if isinstance(part, models.TextContentBlock) and part.text.value
    }
    sent: dict[tuple[str, int], str] = {}
    for name, *where, value in log.entries:
        if name == "MessageTextDelta":
            sent[where[0], where[1]] = sent.get((where[0], where[1]), "") + value
    args = {
        (step.id, index): call.function.name + call.function.arguments
        for step in steps
        if isinstance(step.step_details, models.ToolCallsStepDetails)
        for index, call in enumerate(step.step_details.tool_calls)
        if isinstance(call, models.FunctionToolCall)
    }
    called: dict[tuple[str, int], str] = {}
    for name, *where, value in log.entries:
        if name == "RunStepToolCallDelta" and where[2] in ("name", "arguments"):
            called[where[0], where[1]] = called.get((where[0], where[1]), "") + value
    ids = {message.id for message in messages}
    named = {
        step.step_details.message_creation.message_id
        for step in steps
        if isinstance(step.step_details, models.MessageCreationStepDetails)
    }
    begun = {entry[1][0] for entry in log.entries if entry[0] == "ThreadMessageCreated"}
    names = {entry[0] for entry in log.entries}
    whole = "ThreadRunCreated" in names or "ThreadRunStepCompleted" in names
    calls_agree = all(args.get(key) == value for key, value in called.items())
    return kept == sent and calls_agree and whole and ids >= named and ids >= begun


def _answered(data: bytes) -> list[str]:
    """Return the ids of the calls whose step ends in this reply, though it did not begin in it."""
    begun: set[str] = set()
    with Stream(data, dialect="assistants") as stream:
        for event in stream:
            if isinstance(event, events.ThreadRunStepCreated):
                begun.add(event.data.id)
            elif isinstance(event, events.ThreadRunStepCompleted) and event.data.id not in begun:
                details = event.data.step_details
                if isinstance(details, models.ToolCallsStepDetails):
                    return [call.id for call in details.tool_calls]
    return []


def _of_response(name: str, data: bytes) -> Take:
    """Make a take of a background response: it is joined again."""
    ended: Any = {}
    spread = [
        _with_number_first(frame, number)
        for number, frame in enumerate(data.decode().split("\n\n"))
        if "data:" in frame
    ]
    reply = "".join(f"{frame}\n\n" for frame in spread).encode()
    for frame in spread:
        value = frame.partition("data:")[2].strip()
        ended = (json.loads(value).get("response") if value.startswith("{") else None) or ended
    answers = {(f"/responses/{ended['id']}", "{}"): ended}
    log = Log()
    Stream(reply, log, dialect="responses").until_done()

    def read(source: Iterable[bytes], line: Any, log: Log) -> Stream:
        dialect = ResponsesDialect()
        body = {"model": "m", "input": "Hello", "background": True}
        control = ResponsesControl({"body": body}, dialect, rounds=None)
        return Stream(source, log, dialect=dialect, control=control, transport=line)

    return Take(name, [reply], [answers], read, reply.index(END) + 2, _keeps_promises(log))


def response_take() -> Take:
    """Return a background response with a message and a call, made here."""
    message: dict[str, Any] = {"role": "assistant", "content": [text_part("It is 42 🎉.")]}
    call: dict[str, Any] = {
        "call_id": "call_1",
        "name": "get_tides",
        "arguments": '{"port":"Porto"}',
    }
    frames = [
        response("created", status="in_progress"),
        added("message", "msg_1", role="assistant", content=[]),
        text("It is ", "msg_1"),
        text("42 🎉.", "msg_1"),
        done("message", "msg_1", status="completed", **message),
        added("function_call", "fc_1", 1, **{**call, "arguments": ""}),
        arguments('{"port":', "fc_1", 1),
        arguments('"Porto"}', "fc_1", 1),
        done("function_call", "fc_1", 1, status="completed", **call),
        response(
            "completed",
            status="completed",
            output=[
                {"type": "message", "id": "msg_1", "status": "completed", **message},
                {"type": "function_call", "id": "fc_1", "status": "completed", **call},
            ],
        ),
    ]
    return _of_response("a response made here", sse(*frames))


def _with_number_first(frame: str, number: int) -> str:
    """Return a frame whose data begins with its number in the stream."""
    name, _, data = frame.partition("data:")
    value = data.strip()
    if not value.startswith("{"):
        return frame
    fields = {"sequence_number": number, **json.loads(value), "type": json.loads(value)["type"]}
    fields["sequence_number"] = number
    made = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f"{name}data: {made}"


@cache
def takes() -> tuple[Take, ...]:
    """Return the runs of the test server, recorded once."""
    return tuple(record(name, responder) for name, responder in RESPONDERS.items())
