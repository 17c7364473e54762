"""The streams of the Assistants wire, in the shapes that OpenAI and Azure send.

The order of keys, the nulls, which deltas carry ``annotations`` and ids are theirs. T has 5,000
run-step deltas (three code interpreter calls, then two functions at once, so it ends with
``requires_action``) and 3 messages with citations.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from typing import Any, Final

from tests.benchmarks.frames import CITING, FUNCTIONS, Json, Made, frame
from tests.benchmarks.texts import arguments, cut, piece, program

__all__ = ["AssistantsRun"]

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


class AssistantsRun(Made):
    """One run: gives its frames in order, and knows what was said."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self._ids = {
            "id": self.new("run_"),
            "assistant_id": self.new("asst_"),
            "thread_id": self.new("thread_"),
        }
        self._tools: list[Json] = []

    def text(self, deltas: int) -> Iterator[bytes]:
        """Give a run with one message of DELTAS deltas."""
        yield from self._begin()
        yield from self._message(deltas, cite_every=0)
        yield frame("thread.run.completed", self._run("completed", completed_at=self.now))
        yield _DONE

    def tools(self, deltas: int) -> Iterator[bytes]:
        """Give a run with DELTAS run-step deltas: code three times, then two functions."""
        self._tools = [{"type": "code_interpreter"}, *map(_function_tool, FUNCTIONS)]
        yield from self._begin()
        part = deltas // 5
        for _ in range(3):
            yield from self._code(part)
            yield from self._message(CITING[0], cite_every=CITING[1])
        calls = yield from self._functions(part, deltas - 4 * part)
        action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}
        yield frame(
            "thread.run.requires_action", self._run("requires_action", required_action=action)
        )
        yield _DONE

    # --- Objects ------------------------------------------------------------------------

    def _run(self, status: str, **changed: Any) -> Json:
        """Make the run object."""
        ended = status == "completed"
        return {
            "id": self._ids["id"],
            "object": "thread.run",
            "created_at": self.now,
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "status": status,
            "started_at": None if status == "queued" else self.now,
            "expires_at": None if ended else self.now + 600,
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
            "created_at": self.now,
            "run_id": self._ids["id"],
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "type": details["type"],
            "status": status,
            "cancelled_at": None,
            "completed_at": self.now + 1 if ended else None,
            "expires_at": self.now + 600,
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
            "created_at": self.now,
            "assistant_id": self._ids["assistant_id"],
            "thread_id": self._ids["thread_id"],
            "run_id": self._ids["id"],
            "status": status,
            "incomplete_details": None,
            "incomplete_at": None,
            "completed_at": self.now + 1 if status == "completed" else None,
            "role": "assistant",
            "content": content,
            "attachments": [],
            "metadata": {},
        }

    # --- Frames -------------------------------------------------------------------------

    def _begin(self) -> Iterator[bytes]:
        """Give the run's first three."""
        yield frame("thread.run.created", self._run("queued"))
        yield frame("thread.run.queued", self._run("queued"))
        yield frame("thread.run.in_progress", self._run("in_progress"))

    def _step_frames(self, name: str, details: Json) -> Iterator[bytes]:
        """Give the two frames that a step NAME begins with."""
        step = self._step(name, "in_progress", details)
        yield frame("thread.run.step.created", step)
        yield frame("thread.run.step.in_progress", step)

    def _message(self, deltas: int, *, cite_every: int) -> Iterator[bytes]:
        """Give a step that makes a message of DELTAS deltas, some of them citations."""
        step, name = self.new("step_"), self.new("msg_")
        details = {"type": "message_creation", "message_creation": {"message_id": name}}
        yield from self._step_frames(step, details)
        begun = self._message_object(name, "in_progress", [])
        yield frame("thread.message.created", begun)
        yield frame("thread.message.in_progress", begun)
        pieces: list[str] = []
        noted: list[Json] = []
        at = 0
        for index in range(deltas):
            said = piece(self.chance)
            text: Json = {"value": said, "annotations": []} if index == 0 else {"value": said}
            if cite_every and index % cite_every == cite_every - 1:
                said = f"【{len(noted)}:{index}†notes.txt】"
                noted.append(self._citation(said, at))
                text = {"value": said, "annotations": [_as_delta(noted[-1], len(noted) - 1)]}
            yield frame(
                "thread.message.delta",
                _delta("thread.message", name, {"content": [_content(text)]}),
                escape=self.escaped(),
            )
            pieces.append(said)
            at += len(said)
        self.deltas += deltas
        self.texts.append("".join(pieces))
        content = [{"type": "text", "text": {"value": self.texts[-1], "annotations": noted}}]
        yield frame("thread.message.completed", self._message_object(name, "completed", content))
        yield frame("thread.run.step.completed", self._step(step, "completed", details))

    def _code(self, deltas: int) -> Iterator[bytes]:
        """Give a step with one code interpreter call of DELTAS deltas, logs at the end."""
        step, call = self.new("step_"), self.new("call_")
        yield from self._step_frames(step, {"type": "tool_calls", "tool_calls": []})
        first = {"input": "", "outputs": []}
        source = program(self.chance, deltas)
        logs = {"type": "logs", "logs": "".join(piece(self.chance) for _ in range(40))}
        parts: list[Json] = [
            {"index": 0, "id": call, "type": "code_interpreter", "code_interpreter": first},
            *(_code_part({"input": part}) for part in cut(self.chance, source, deltas - 2)),
            _code_part({"outputs": [{"index": 0, **logs}]}),
        ]
        yield from _step_deltas(step, parts)
        whole = {"input": source, "outputs": [logs]}
        calls = [{"id": call, "type": "code_interpreter", "code_interpreter": whole}]
        done = self._step(step, "completed", {"type": "tool_calls", "tool_calls": calls})
        yield frame("thread.run.step.completed", done)

    def _functions(self, *deltas: int) -> Generator[bytes, None, list[Json]]:
        """Give a step with one function call for each of DELTAS; return the calls."""
        step = self.new("step_")
        yield from self._step_frames(step, {"type": "tool_calls", "tool_calls": []})
        calls: list[Json] = []
        for index, (function, count) in enumerate(zip(FUNCTIONS, deltas, strict=True)):
            call = self.new("call_")
            made = arguments(self.chance, count)
            first = {"name": function, "arguments": "", "output": None}
            pieces = cut(self.chance, made, count - 1)
            parts: list[Json] = [
                {"index": index, "id": call, "type": "function", "function": first},
                *(
                    {"index": index, "type": "function", "function": {"arguments": part}}
                    for part in pieces
                ),
            ]
            yield from _step_deltas(step, parts)
            whole = {"name": function, "arguments": made}
            self.arguments.append(made)
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
            "file_citation": {"file_id": self.new("file_")},
        }


# --- Parts ------------------------------------------------------------------------------


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
        yield frame("thread.run.step.delta", payload)
