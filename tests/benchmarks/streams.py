r"""The streams that everything is measured with: bytes, one event per chunk, always the same.

They have the shapes that servers send: the order of keys, the nulls, which deltas carry
``annotations`` and ids. The words are made here. Some pieces hold quotes, backslashes, line
ends and non-ASCII characters, these as raw UTF-8 and, rarely, as ``\u`` escapes.

- **S**: one run, one message of 200 deltas.
- **L**: one run, one message of 20,000 deltas of about 4 characters.
- **T**: one run, 5,000 run-step deltas (three code interpreter calls, then two functions at
  once, so it ends with ``requires_action``) and 3 messages with citations.
- **M**: 2,000 short runs one after the other, each its own stream.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Generator, Iterator
from typing import Any, Final, NamedTuple

from tests.benchmarks.texts import arguments, cut, piece, program

__all__ = ["SIZES", "Case", "make_case", "message_stream"]

#: How many deltas the streams have; M: how many runs.
SIZES: Final = {"S": 200, "L": 20_000, "T": 5_000, "M": 2_000}

#: Deltas in each of M's runs.
_SHORT: Final = 6
#: Deltas in each of T's messages, and every how many of them is a citation.
_CITING: Final = (60, 12)

Json = dict[str, Any]
_ALPHANUMERIC: Final = string.ascii_letters + string.digits


class Case(NamedTuple):
    """One of S, L, T, M.

    Attributes:
        name: The letter.
        streams: For each run its chunks, each one whole event.
        events: How many events all streams together have.
        deltas: How many text deltas of them.
        texts: For each message of all streams its text.
    """

    name: str
    streams: list[list[bytes]]
    events: int
    deltas: int
    texts: list[str]


def make_case(name: str, size: int | None = None) -> Case:
    """Make the stream NAME, of SIZE deltas (M: runs) instead of its own."""
    size = SIZES[name] if size is None else size
    chance = random.Random(f"{name} {size}")
    if name == "M":
        runs = [_Run(chance) for _ in range(size)]
        streams = [list(run.message_only(_SHORT)) for run in runs]
    else:
        runs = [_Run(chance)]
        streams = [list(runs[0].tools(size) if name == "T" else runs[0].message_only(size))]
    return Case(
        name,
        streams,
        events=sum(len(chunks) for chunks in streams),
        deltas=sum(run.deltas for run in runs),
        texts=[text for run in runs for text in run.texts],
    )


def message_stream(deltas: int) -> Iterator[bytes]:
    """Make a stream with one message of DELTAS deltas, without keeping any of it."""
    return _Run(random.Random(f"one message {deltas}")).message_only(deltas)


def _frame(name: str, data: Json, *, escape: bool = False) -> bytes:
    r"""Write the event NAME as servers do; with ESCAPE, non-ASCII as ``\u`` escapes."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=escape)
    return f"event: {name}\ndata: {text}\n\n".encode()


_DONE: Final = b"event: done\ndata: [DONE]\n\n"


def _usage(prompt: int, completion: int) -> Json:
    """Make the account of tokens."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


class _Run:
    """One run: gives its frames in order, and knows what was said.

    Attributes:
        deltas: Text deltas so far.
        texts: The texts of the messages that are complete.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._now = chance.randrange(1_750_000_000, 1_760_000_000)
        self._ids = {
            "id": self._new("run"),
            "assistant_id": self._new("asst"),
            "thread_id": self._new("thread"),
        }
        self._tools: list[Json] = []
        self.deltas = 0
        self.texts: list[str] = []

    def message_only(self, deltas: int) -> Iterator[bytes]:
        """Give a run with one message of DELTAS deltas."""
        yield from self._begin()
        yield from self._message(deltas, cite_every=0)
        yield _frame("thread.run.completed", self._run("completed", completed_at=self._now))
        yield _DONE

    def tools(self, deltas: int) -> Iterator[bytes]:
        """Give a run with DELTAS run-step deltas: code three times, then two functions."""
        self._tools = [{"type": "code_interpreter"}, *map(_function_tool, _FUNCTIONS)]
        yield from self._begin()
        part = deltas // 5
        for _ in range(3):
            yield from self._code(part)
            yield from self._message(_CITING[0], cite_every=_CITING[1])
        calls = yield from self._functions(part, deltas - 4 * part)
        action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}
        yield _frame(
            "thread.run.requires_action", self._run("requires_action", required_action=action)
        )
        yield _DONE

    # --- Objects ------------------------------------------------------------------------

    def _new(self, kind: str) -> str:
        """Make an id."""
        return f"{kind}_{''.join(self._chance.choices(_ALPHANUMERIC, k=24))}"

    def _run(self, status: str, **changed: Any) -> Json:
        """Make the run object."""
        ended = status == "completed"
        return {
            "id": self._ids["id"],
            "object": "thread.run",
            "created_at": self._now,
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "status": status,
            "started_at": None if status == "queued" else self._now,
            "expires_at": None if ended else self._now + 600,
            "cancelled_at": None,
            "failed_at": None,
            "completed_at": None,
            "required_action": None,
            "last_error": None,
            "model": "gpt-4o",
            "instructions": None,
            "tools": self._tools,
            "tool_resources": {"code_interpreter": {"file_ids": []}},
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
            "reasoning_effort": None,
            "max_completion_tokens": None,
            "max_prompt_tokens": None,
            "truncation_strategy": {"type": "auto", "last_messages": None},
            "incomplete_details": None,
            "usage": _usage(38, self.deltas) if ended else None,
            "response_format": "auto",
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            **changed,
        }

    def _step(self, name: str, status: str, details: Json) -> Json:
        """Make the object of the step NAME."""
        ended = status == "completed"
        return {
            "id": name,
            "object": "thread.run.step",
            "created_at": self._now,
            "run_id": self._ids["id"],
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "type": details["type"],
            "status": status,
            "cancelled_at": None,
            "completed_at": self._now + 1 if ended else None,
            "expires_at": self._now + 600,
            "failed_at": None,
            "last_error": None,
            "step_details": details,
            "usage": _usage(38, 35) if ended else None,
        }

    def _message_object(self, name: str, status: str, content: list[Json]) -> Json:
        """Make the object of the message NAME."""
        return {
            "id": name,
            "object": "thread.message",
            "created_at": self._now,
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "run_id": self._ids["id"],
            "status": status,
            "incomplete_details": None,
            "incomplete_at": None,
            "completed_at": self._now + 1 if status == "completed" else None,
            "role": "assistant",
            "content": content,
            "attachments": [],
            "metadata": {},
        }

    # --- Frames -------------------------------------------------------------------------

    def _begin(self) -> Iterator[bytes]:
        """Give the run's first three."""
        yield _frame("thread.run.created", self._run("queued"))
        yield _frame("thread.run.queued", self._run("queued"))
        yield _frame("thread.run.in_progress", self._run("in_progress"))

    def _step_frames(self, name: str, details: Json) -> Iterator[bytes]:
        """Give the two frames that a step NAME begins with."""
        step = self._step(name, "in_progress", details)
        yield _frame("thread.run.step.created", step)
        yield _frame("thread.run.step.in_progress", step)

    def _message(self, deltas: int, *, cite_every: int) -> Iterator[bytes]:
        """Give a step that makes a message of DELTAS deltas, some of them citations."""
        step, name = self._new("step"), self._new("msg")
        details = {"type": "message_creation", "message_creation": {"message_id": name}}
        yield from self._step_frames(step, details)
        begun = self._message_object(name, "in_progress", [])
        yield _frame("thread.message.created", begun)
        yield _frame("thread.message.in_progress", begun)
        pieces: list[str] = []
        noted: list[Json] = []
        at = 0
        for index in range(deltas):
            said = piece(self._chance)
            text: Json = {"value": said, "annotations": []} if index == 0 else {"value": said}
            if cite_every and index % cite_every == cite_every - 1:
                said = f"【{len(noted)}:{index}†notes.txt】"
                noted.append(self._citation(said, at))
                text = {"value": said, "annotations": [_as_delta(noted[-1], len(noted) - 1)]}
            yield _frame(
                "thread.message.delta",
                _delta("thread.message", name, {"content": [_content(text)]}),
                escape=self._chance.random() < 1 / 20,
            )
            pieces.append(said)
            at += len(said)
        self.deltas += deltas
        self.texts.append("".join(pieces))
        content = [{"type": "text", "text": {"value": self.texts[-1], "annotations": noted}}]
        yield _frame("thread.message.completed", self._message_object(name, "completed", content))
        yield _frame("thread.run.step.completed", self._step(step, "completed", details))

    def _code(self, deltas: int) -> Iterator[bytes]:
        """Give a step with one code interpreter call of DELTAS deltas, logs at the end."""
        step, call = self._new("step"), self._new("call")
        yield from self._step_frames(step, {"type": "tool_calls", "tool_calls": []})
        first = {"input": "", "outputs": []}
        source = program(self._chance, deltas)
        logs = {"type": "logs", "logs": "".join(piece(self._chance) for _ in range(40))}
        parts: list[Json] = [
            {"index": 0, "id": call, "type": "code_interpreter", "code_interpreter": first},
            *(_code_part({"input": part}) for part in cut(self._chance, source, deltas - 2)),
            _code_part({"outputs": [{"index": 0, **logs}]}),
        ]
        yield from _step_deltas(step, parts)
        whole = {"input": source, "outputs": [logs]}
        calls = [{"id": call, "type": "code_interpreter", "code_interpreter": whole}]
        done = self._step(step, "completed", {"type": "tool_calls", "tool_calls": calls})
        yield _frame("thread.run.step.completed", done)

    def _functions(self, *deltas: int) -> Generator[bytes, None, list[Json]]:
        """Give a step with one function call for each of DELTAS; return the calls."""
        step = self._new("step")
        yield from self._step_frames(step, {"type": "tool_calls", "tool_calls": []})
        calls: list[Json] = []
        for index, (function, count) in enumerate(zip(_FUNCTIONS, deltas, strict=True)):
            call = self._new("call")
            made = arguments(self._chance, count)
            first = {"name": function, "arguments": "", "output": None}
            pieces = cut(self._chance, made, count - 1)
            parts: list[Json] = [
                {"index": index, "id": call, "type": "function", "function": first},
                *(
                    {"index": index, "type": "function", "function": {"arguments": part}}
                    for part in pieces
                ),
            ]
            yield from _step_deltas(step, parts)
            whole = {"name": function, "arguments": made}
            calls.append({"id": call, "type": "function", "function": whole})
        return calls

    # --- Parts --------------------------------------------------------------------------

    def _citation(self, text: str, start: int) -> Json:
        """Make a citation as a complete message has it."""
        return {
            "type": "file_citation",
            "text": text,
            "start_index": start,
            "end_index": start + len(text),
            "file_citation": {"file_id": self._new("file")},
        }


# --- Parts ------------------------------------------------------------------------------

_FUNCTIONS: Final = ("look_up_tides", "book_a_boat")


def _function_tool(name: str) -> Json:
    """Make the tool that a run lists."""
    parameters = {"type": "object", "properties": {}, "required": []}
    function = {"name": name, "description": f"{name}.", "parameters": parameters}
    return {"type": "function", "function": {**function, "strict": False}}


def _delta(kind: str, name: str, delta: Json) -> Json:
    """Make the payload of a delta of the object NAME."""
    return {"id": name, "object": f"{kind}.delta", "delta": delta}


def _content(text: Json) -> Json:
    """Make the part of a message delta with TEXT."""
    return {"index": 0, "type": "text", "text": text}


def _as_delta(citation: Json, index: int) -> Json:
    """Make CITATION as a delta has it: with its place, and an empty quote."""
    quoted = {**citation["file_citation"], "quote": ""}
    return {"index": index, **citation, "file_citation": quoted}


def _code_part(code: Json) -> Json:
    """Make a later part of a code interpreter call."""
    return {"index": 0, "type": "code_interpreter", "code_interpreter": code}


def _step_deltas(step: str, parts: list[Json]) -> Iterator[bytes]:
    """Give one delta of STEP for each of PARTS."""
    for part in parts:
        details = {"type": "tool_calls", "tool_calls": [part]}
        payload = _delta("thread.run.step", step, {"step_details": details})
        yield _frame("thread.run.step.delta", payload)
