"""The Chat Completions wire: OpenAI, Azure, and all compatible servers.

Rules of this file:

- A stream is one run. It is created, queued and in progress at the first chunk that has an id
  or a choice. Choice 0 is the answer; the others are extension events.
- A message begins with its first text or refusal, never with the role; the calls share one
  step. Both may be open at once.
- The ending is held back until ``[DONE]`` or the end of the bytes: usage comes after
  ``finish_reason``, and some servers send ``finish_reason`` twice. Bytes that end without any
  ``finish_reason`` are not an end; ``[DONE]`` without one counts as ``stop``.
- Calls require an action if the answer stopped, whatever reason it gave; if it was cut, they are
  cancelled, because half a call cannot be run.
- ``raw`` is the chunk: for every delta in it, for the run's created, and for the run's end (the
  last chunk with a ``finish_reason``). What no chunk states (that a message began) is synthetic.
- ``DecodeError`` is the only exception.

Source of the shapes: OpenAI API reference, "Chat Completions: streaming"; recordings.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert.json_text import loads
from stream_core.convert.payloads import structure
from stream_core.dialects import Decoded
from stream_core.dialects.assistants import DONE, read_error
from stream_core.dialects.run_writer import RunWriter, add_usage
from stream_core.errors import DecodeError

from .answer import ChatAnswer
from .chunks import CHUNK, ChatChunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stream_core.sse import ServerSentEvent

    from .chunks import ChunkChoice

__all__ = ["FINISH_REASONS", "ChatDialect"]

#: Maps why an answer ended to how its run ends, and the reason that an incomplete run gives. A
#: reason that is not here is a normal end.
FINISH_REASONS: dict[str, tuple[str, str | None]] = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "function_call": ("completed", None),
    "length": ("incomplete", "length"),
    "model_length": ("incomplete", "length"),  # Mistral
    "content_filter": ("incomplete", "content_filter"),
    "error": ("failed", None),  # OpenRouter, Mistral
    "insufficient_system_resource": ("failed", None),  # DeepSeek
}

#: The names of a frame without ``event:`` (WHATWG: the default type is "message"), and the name
#: that a few servers give to every chunk.
_UNNAMED = ("", "message", CHUNK)


class ChatDialect:
    """The Chat Completions wire; one object reads one stream, or those of one tool loop.

    Attributes:
        usage: The tokens used by all streams so far, or None if the server did not state them; a
            run that requires an action has no usage of its own.
    """

    def __init__(self, run: models.Run | None = None) -> None:
        """Begin a run.

        Args:
            run: The fields known before its first chunk, e.g. ``assistant_id``.
        """
        self._run = RunWriter(models.Run() if run is None else run)
        self._ids: set[str] = set()
        self._used: models.Usage | None = None
        self.usage: models.Usage | None = None
        self._answer = ChatAnswer(self._run)

    @property
    def assistant_message(self) -> dict[str, Any]:
        """The answer so far, in the form in which it is appended to a request's ``messages``.

        It has ``role``, ``content`` (or None) and, if tools were called, ``tool_calls``, with
        ``reasoning_content`` if that was sent: DeepSeek refuses the outputs without it.
        """
        return self._answer.to_message()

    def resume(self, outputs: Mapping[str, str]) -> None:
        """Continue a run that required an action: the next frames are those of its next stream.

        Args:
            outputs: The outputs of the calls, by call id.
        """
        self._used, self._run.run.usage = self.usage, None
        self._run.resume(outputs)
        self._answer = ChatAnswer(self._run)

    def end(self) -> Sequence[Decoded]:
        """Return what the end of the bytes means: the run's ending, if that was held back."""
        if self._answer.finish_reason is not None and not self._run.ended:
            self._finish()
        return self._run.take()

    def decode(self, frame: ServerSentEvent) -> Iterable[Decoded]:
        """Decode FRAME.

        If a server separates frames by one newline only, FRAME is several: lines each of which is
        JSON by itself. They are read one by one, so that a bad one loses none before it.

        Raises:
            DecodeError: The data is not JSON or not a chunk; perhaps only during iteration.
        """
        if self._run.ended:  # a second answer in the same body
            return []
        if frame.data.strip() == DONE:
            return self._done()
        try:
            raw = loads(frame.data)
        except ValueError as error:
            lines = [line for line in frame.data.split("\n") if line.strip()]
            if len(lines) > 1 and _stands_alone(lines[0]):
                return self._lines(lines)
            if frame.event == "error":
                return self._error(frame.data, frame.data)
            if frame.event not in _UNNAMED:
                return self._unknown(frame.event, frame.data)
            raise DecodeError(f"the data is not JSON: {error}") from error
        return self._value(frame.event, raw)

    # --- Frames -------------------------------------------------------------------------

    def _lines(self, lines: Iterable[str]) -> Iterator[Decoded]:
        """Decode several frames; the name that SSE gave to all, that of the last, is ignored."""
        for line in lines:
            if line.strip() == DONE:
                yield from self._done()
                return
            try:
                raw = loads(line)
            except ValueError as error:
                raise DecodeError(f"a line of the data is not JSON: {error}") from error
            yield from self._value("", raw)

    def _value(self, name: str, raw: Any) -> list[Decoded]:
        """Decode RAW, the JSON value of a frame called NAME."""
        if name == "done":
            return self._done()
        if name == "error":
            return self._error(raw, raw)
        if isinstance(raw, dict):
            is_chunk, error = "choices" in raw or raw.get("object") == CHUNK, raw.get("error")
            if error is not None:
                if is_chunk:  # OpenRouter: an answer that breaks off
                    with suppress(DecodeError):  # the server's error matters more
                        self._chunk(structure(ChatChunk, raw), raw)
                return self._error(raw, raw)
            if is_chunk:
                self._chunk(structure(ChatChunk, raw), raw)
                return self._run.take()
            if raw.get("object") == "error":  # vLLM, older versions
                return self._error(raw, raw)
        return self._unknown(_own_name(raw) if name in _UNNAMED else name, raw)

    def _unknown(self, name: str, raw: Any) -> list[Decoded]:
        """Return the event for what is neither a chunk nor an error."""
        self._run.written.append(Decoded(events.UnknownEvent, raw, raw, name))
        return self._run.take()

    def _error(self, payload: Any, raw: Any) -> list[Decoded]:
        """Return the event for an error, after those of the chunk that came with it."""
        self._run.write(events.ErrorEvent, read_error(payload), raw)
        return self._run.take()

    def _done(self) -> list[Decoded]:
        """Return the events of the ending, and ``done``."""
        if self._answer.began:
            self._finish()
            self._run.written.pop()  # the synthetic done, because the server sent one
        self._run.ended = True
        self._run.write(events.Done, DONE, DONE)
        return self._run.take()

    def _finish(self) -> None:
        """Write the ending."""
        answer, run = self._answer, self._run.run
        answer.finish()
        reason = answer.finish_reason or "stop"
        status, incomplete = FINISH_REASONS.get(reason, ("completed", None))
        # A run that did not fail ignores it.
        error = models.LastError(reason, f"the answer ended with finish_reason {reason!r}")
        run.usage = self.usage
        self._run.end(status, answer.finish_raw, reason=incomplete, last_error=error)

    # --- Chunks -------------------------------------------------------------------------

    def _chunk(self, chunk: ChatChunk, raw: dict[str, Any]) -> None:
        """Write what CHUNK adds."""
        answer = self._answer
        if not answer.began and (chunk.id or chunk.choices):  # Azure's first chunk has neither
            self._begin(chunk, raw)
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage is not None:
            self.usage = add_usage(self._used, usage)
        for name in ("prompt_filter_results", "moderation"):
            self._extend(name, getattr(chunk, name), raw)
        for number, choice in enumerate(chunk.choices):
            if choice.index:
                sent = raw["choices"]
                self._extend("choice", sent[number] if isinstance(sent, list) else sent, raw)
                continue
            path = f"$.choices[{number}].delta"
            for name in ("audio", "images"):
                self._extend(name, getattr(choice.delta, name), raw)
            answer.add(choice.delta, path, raw)
            self._note_end(choice, raw)
        answer.cite(chunk.citations, raw)

    def _begin(self, chunk: ChatChunk, raw: Any) -> None:
        """Write that the run began, or continues."""
        run, name = self._run.run, chunk.id or "chat"
        run.model = chunk.model or run.model
        if not run.id:
            run.id = name
            run.created_at = run.started_at = chunk.created or None
        if name in self._ids:  # a server that gives all its answers the same id
            name = f"{name}_{len(self._ids)}"
        self._ids.add(name)
        self._answer.began = name
        created = self._run.begin("created", raw)
        self._run.begin("in_progress", None if created else raw)

    def _note_end(self, choice: ChunkChoice, raw: Any) -> None:
        """Remember how the answer ended; if it ended with an error, write that."""
        answer = self._answer
        if choice.finish_reason:
            answer.finish_reason, answer.finish_raw = choice.finish_reason, raw
        if choice.error is not None:
            self._run.write(events.ErrorEvent, read_error({"error": choice.error}), raw)

    def _extend(self, name: str, value: Any, raw: Any) -> None:
        """Write VALUE, a part of a chunk that has no counterpart, unless it is null."""
        if value is not None:
            extension = Decoded(events.ExtensionEvent, value, raw, f"{CHUNK}.{name}")
            self._run.written.append(extension)


def _stands_alone(line: str) -> bool:
    """Return whether LINE is a frame's data by itself."""
    if line.strip() == DONE:
        return True
    try:
        return isinstance(loads(line), dict)
    except ValueError:
        return False


def _own_name(raw: Any) -> str:
    """Return the name that a value that is not a chunk gives itself."""
    if isinstance(raw, dict):
        for key in ("type", "object"):
            if isinstance(raw.get(key), str):
                name: str = raw[key]
                return name
    return "message"
