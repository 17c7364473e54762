"""The Chat Completions wire: OpenAI, Azure, and all compatible servers.

Rules of this file:

- A stream is one run. It is created, queued and in progress at the first chunk that has an id
  or a choice. Choice 0 is the answer; the others are extension events.
- A message begins with its first text or refusal, never with the role; the calls share one
  step. Both may be open at once.
- An answer comes as deltas, as one ``message``, as several ``messages`` (old Azure) or as
  ``text`` (``/completions``).
- The ending is held back until ``[DONE]`` or the end of the bytes: usage comes after
  ``finish_reason``, and some servers send ``finish_reason`` twice. Bytes that end without any
  ``finish_reason`` are not an end; ``[DONE]`` without one counts as ``stop``. The server's own
  word is in the run's ``extra``.
- Calls require an action if the answer stopped; if it was cut, they are cancelled, because half a
  call cannot be run. If it ended with a word that nobody knows, they require an action if their
  arguments are whole.
- ``raw`` is the chunk: for every delta in it, for the run's created, and for the run's end (the
  last chunk with a ``finish_reason``). A chunk that gives no other event is an extension event.
  What no chunk states (that a message began) is synthetic.
- ``DecodeError`` is the only exception.

Source of the shapes: OpenAI API reference, "Chat Completions: streaming"; recordings.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert.json_text import loads
from stream_core.convert.payloads import structure
from stream_core.dialects import Decoded, Repeats, is_bare_word
from stream_core.dialects.assistants import DONE
from stream_core.dialects.run_writer import RunWriter, add_usage
from stream_core.errors import DecodeError

from .answer import ChatAnswer
from .choice_forms import choice_of, pieces_of
from .chunks import CHUNK, ChatChunk
from .endings import FINISH_REASONS, counts_alone, ending_of, read_usage, word_of
from .failures import ERRORS, failure_in, failure_in_lines, failure_of, make_error
from .fragments import read_index
from .repeating import read_piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stream_core.sse import IgnoredLine, ServerSentEvent

    from .choice_forms import Piece
    from .chunks import ChunkChoice

__all__ = ["FINISH_REASONS", "ChatDialect"]

#: The names of a frame without ``event:`` (WHATWG: the default type is "message"), and the name
#: that a few servers give to every chunk.
_UNNAMED = ("", "message", CHUNK)

#: Further words of the server about the end, beside ``finish_reason``.
_REASONS = ("native_finish_reason", "stop_reason")


class ChatDialect:
    """The Chat Completions wire; one object reads one stream, or those of one tool loop.

    Attributes:
        usage: The tokens used by all streams so far, or None if the server did not state them.
    """

    def __init__(self, run: models.Run | None = None, *, call_ids: Iterable[str] = ()) -> None:
        """Begin a run.

        Args:
            run: The fields known before its first chunk, e.g. ``assistant_id``.
            call_ids: The ids of the calls earlier in the conversation: none of them is given to
                another call.
        """
        self._run = RunWriter(models.Run() if run is None else run)
        self._ids: set[str] = set()
        self._call_ids = dict.fromkeys(call_ids, False)
        self._used: models.Usage | None = None
        self._usage: models.Usage | None = None
        # A usage as sent that counts whatever came before it, not read yet.
        self._stated: Any = None
        self._begin_answer()

    @property
    def usage(self) -> models.Usage | None:
        """See above."""
        return add_usage(self._used, read_usage(self._stated, self._usage))

    @property
    def assistant_message(self) -> dict[str, Any]:
        """The answer so far, in the form in which it is appended to a request's ``messages``.

        It has ``role``, ``content`` (or None) and, if tools were called, ``tool_calls``, with
        everything that servers want back with them (see ``returned_fields``).
        """
        return self._answer.to_message()

    def resume(self, outputs: Mapping[str, str]) -> None:
        """Continue a run that required an action: the next frames are those of its next stream.

        Args:
            outputs: The outputs of the calls, by call id.
        """
        self._used, self._usage, self._stated = self.usage, None, None
        run = self._run.run
        run.usage = None
        run.keep_extra({k: x for k, x in run.extra.items() if k not in self._words})
        self._run.resume(outputs)
        self._begin_answer()

    def _begin_answer(self) -> None:
        """Begin the answer of a round."""
        self._answer = ChatAnswer(self._run, self._call_ids)
        # The server's words about its end, and the chunk that has no event but that end.
        self._words: dict[str, Any] = {}
        self._held: Any = None

    def end(self) -> Sequence[Decoded]:
        """Return what the end of the bytes means: the run's ending, if that was held back."""
        if self._answer.finish_reason is not None and not self._run.ended:
            self._finish()
        return self._run.take()

    def ignored(self, lines: Sequence[IgnoredLine]) -> Sequence[Decoded]:
        """Return the error in LINES, which the standard ignores; nothing if there is none."""
        failure = None if self._run.ended else failure_in_lines(lines)
        return [] if failure is None else self._error(failure, failure)

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
            if frame.data.strip().upper() == DONE:
                return self._done()
            if frame.event.lower() in ERRORS:
                return self._error(frame.data, frame.data)
            if frame.event not in _UNNAMED or is_bare_word(frame.data):
                return self._unknown(frame.event or "message", frame.data)
            raise DecodeError(f"the data is not JSON: {error}") from error
        return self._value(frame.event, raw)

    def repeats(self, decoded: Decoded) -> Repeats | None:
        """Return how the chunk of DECODED can come again: see ``repeating``."""
        piece = read_piece(decoded.raw)
        can_come, grow = (False, None) if piece is None else self._answer.repeats(piece)
        if piece is None or not can_come:
            return None
        return Repeats(piece.row, grow, None, self._take_usage if piece.row.taken else None)

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
        if name and name.lower() in ERRORS:
            return self._error(raw, raw)
        if isinstance(raw, dict):
            if "choices" in raw or str(raw.get("object")).startswith("chat.completion"):
                return self._read_chunk(raw)
            failure = failure_of(raw)
            if failure is not None:
                return self._error(failure, raw)
            if name in _UNNAMED and self._is_usage(raw):
                return self._read_chunk(raw)
        return self._unknown(_own_name(raw) if name in _UNNAMED else name, raw)

    def _is_usage(self, raw: dict[str, Any]) -> bool:
        """Return whether RAW is a usage in a frame of its own; objects of other wires have one."""
        foreign = raw.get("object") or raw.get("type")
        return bool(self._answer.began) and not foreign and isinstance(raw.get("usage"), dict)

    def _read_chunk(self, raw: dict[str, Any]) -> list[Decoded]:
        """Decode the chunk RAW; what comes with an error is delivered before it."""
        failure = failure_in(raw)
        if failure is not None:
            with suppress(DecodeError):  # the server's error matters more
                self._chunk(structure(ChatChunk, raw), raw)
            return self._error(failure, raw)
        self._chunk(structure(ChatChunk, raw), raw)
        written = self._run.written
        if not written or (written[-1].raw is not raw and all(x.raw is not raw for x in written)):
            if self._answer.finish_raw is raw:
                self._held = raw
            else:
                self._run.extend(CHUNK, raw)
        return self._run.take()

    def _unknown(self, name: str, raw: Any) -> list[Decoded]:
        """Return the event for what is neither a chunk nor an error."""
        self._run.written.append(Decoded(events.UnknownEvent, raw, raw, name))
        return self._run.take()

    def _error(self, failure: Any, raw: Any) -> list[Decoded]:
        """Return the event for an error, after those of the chunk that came with it."""
        self._release()
        self._run.write(events.ErrorEvent, make_error(failure), raw)
        return self._run.take()

    def _release(self) -> None:
        """Write the chunk that was held back: it has not become the run's end."""
        if self._held is not None:
            self._run.extend(CHUNK, self._held)
            self._held = None

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
        word = word_of(answer.finish_reason) or "stop"
        status, incomplete, known = ending_of(word)
        if not known and answer.calls_are_whole:
            status = "completed"
        if status == "completed" and answer.calls_are_lost:
            status, incomplete = "incomplete", word
        # A run that did not fail ignores it.
        error = models.LastError(word, f"the answer ended with finish_reason {word!r}")
        run.usage = self.usage
        if self._words:
            run.keep_extra({**run.extra, **self._words})
        self._run.end(status, answer.finish_raw, reason=incomplete, last_error=error)

    # --- Chunks -------------------------------------------------------------------------

    def _chunk(self, chunk: ChatChunk, raw: dict[str, Any]) -> None:
        """Write what CHUNK adds."""
        answer = self._answer
        if not answer.began and (chunk.id or chunk.choices):  # Azure's first chunk has neither
            self._begin(chunk, raw)
        if isinstance(chunk.x_groq, dict):
            self._read_usage(chunk.x_groq.get("usage"))
        self._extend("prompt_filter_results", chunk.prompt_filter_results, raw)
        self._extend("moderation", chunk.moderation, raw)
        for number, choice in enumerate(chunk.choices):
            path = f"$.choices[{number}]"
            if choice.index and read_index(choice.index, path):
                self._extend("choice", choice_of(raw, number), raw)
                continue
            if choice.message is choice.messages is choice.text is None:
                answer.add(choice.delta, f"{path}.delta", raw)
            else:
                self._add_pieces(pieces_of(choice, choice_of(raw, number), path), raw)
            if choice.usage is not None:
                self._read_usage(choice.usage)
            if choice.finish_reason is not None or choice.error is not None:
                self._note_end(choice, raw)
        if chunk.usage is not None:
            self._read_usage(chunk.usage)
        if chunk.citations is not None:
            answer.cite(chunk.citations, raw)

    def _read_usage(self, sent: Any) -> None:
        """Take a usage as SENT: the last one counts."""
        self._usage, self._stated = read_usage(sent, read_usage(self._stated, self._usage)), None

    def _take_usage(self, sent: Any) -> None:
        """Take a usage as SENT that nobody else has: it may be read when somebody asks for it."""
        if counts_alone(sent):
            self._stated = sent
        else:
            self._read_usage(sent)

    def _begin(self, chunk: ChatChunk, raw: Any) -> None:
        """Write that the run began, or continues."""
        run = self._run.run
        name = str(chunk.id) if chunk.id and isinstance(chunk.id, str | int) else "chat"
        if isinstance(chunk.model, str) and chunk.model:
            run.model = chunk.model
        if not run.id:
            run.id = name
            if type(chunk.created) in (int, float):
                run.created_at = run.started_at = chunk.created or None
        if name in self._ids:  # a server that gives all its answers the same id
            name = f"{name}_{len(self._ids)}"
        self._ids.add(name)
        self._answer.began = name
        created = self._run.begin("created", raw)
        self._run.begin("in_progress", None if created else raw)

    def _add_pieces(self, pieces: Iterable[Piece], raw: Any) -> None:
        """Write what PIECES of the answer add."""
        for piece in pieces:
            if piece.is_whole:
                self._answer.add_whole(piece.delta, piece.path, raw)
            else:
                self._answer.add(piece.delta, piece.path, raw, piece.speaker)

    def _note_end(self, choice: ChunkChoice, raw: Any) -> None:
        """Remember how the answer ended; if it ended with an error, write that."""
        answer = self._answer
        if word_of(choice.finish_reason) is not None:
            self._release()
            answer.finish_reason, answer.finish_raw = choice.finish_reason, raw
            self._words["finish_reason"] = choice.finish_reason
            for name in _REASONS:
                if choice.extra.get(name) is not None:
                    self._words[name] = choice.extra[name]
        failure = failure_in({"error": choice.error})
        if failure is not None:
            self._run.write(events.ErrorEvent, make_error(failure), raw)

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
