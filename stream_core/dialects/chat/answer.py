"""One answer of the Chat Completions wire: its deltas, written as a run in order.

Rules of this file:

- A message begins with the first text or refusal that is not empty; each is one part of it, in
  order of appearance. Annotations wait for a text; without one they are extension events.
- The step of the calls begins with the first fragment that is not empty.
- Reasoning comes in stretches: one ends when something else begins.
- What a tool says (``role``) is an extension event, until another role speaks.
- A whole message after deltas adds what they did not bring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.models.base import evolve

from .chunks import CHUNK
from .content import (
    REASONING,
    objects_in,
    read_annotation,
    read_content,
    read_hidden,
    read_reasoning,
)
from .failures import is_failure, make_error
from .fragments import read_fragments
from .returned_fields import ReturnedFields
from .tool_calls import ChatCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.run_writer import MessageWriter, RunWriter, StepWriter

    from .chunks import ChunkDelta
    from .fragments import Fragment
    from .repeating import RepeatedPiece

__all__ = ["ChatAnswer"]

#: Maps a kind of reasoning to the events of its pieces and of its end.
_REASONING: dict[str, tuple[type[events.WireEvent[Any]], type[events.WireEvent[Any]]]] = {
    "reasoning": (events.ReasoningDelta, events.ReasoningDone),
    "summary": (events.ReasoningSummaryDelta, events.ReasoningSummaryDone),
}

#: Fields of a delta that have no counterpart: each is an extension event.
_EXTENSIONS = ("images", "executed_tools", "context")

#: The roles that are not the model's.
_TOOL_ROLES = ("tool", "function")


class ChatAnswer:
    """Choice 0 of one stream.

    Attributes:
        began: The name that the ids of its message and steps contain; "" before its first chunk.
        finish_reason: Why it ended, as sent, or None.
        finish_raw: The chunk with the finish_reason.
    """

    def __init__(self, run: RunWriter, call_ids: dict[str, bool]) -> None:
        """Begin an empty answer, which RUN writes; CALL_IDS are those of all its rounds."""
        self.began = ""
        self.finish_reason: Any = None
        self.finish_raw: Any = None
        self._run = run
        self._message: MessageWriter | None = None
        self._parts: dict[str, int] = {}
        self._calls = ChatCalls(self._open_step, call_ids)
        self._lists_calls = False
        # Whether it began with a whole message.
        self._wholes = False
        self._returned = ReturnedFields()
        # Who speaks, by the number of the speaker's message.
        self._roles: dict[int, str] = {}
        # The open reasoning and its kind.
        self._thinks: tuple[str, models.ReasoningText] | None = None
        self._thoughts = 0
        # Annotations that wait for a text, each with its JSON as sent and its chunk.
        self._waiting: list[tuple[models.Annotation, Any, Any]] = []
        self._annotations = 0
        self._cited: set[str] = set()

    @property
    def calls_are_whole(self) -> bool:
        """Whether there are calls and all of them have all of their arguments."""
        return bool(self._calls) and self._calls.whole

    @property
    def calls_are_lost(self) -> bool:
        """Whether there are arguments of calls, but no call."""
        return self._calls.lost

    def add(self, delta: ChunkDelta, path: str, raw: Any, speaker: int = 0) -> None:
        """Write what DELTA, found at PATH in the chunk RAW, adds.

        Raises:
            DecodeError: The content is neither text nor parts, or a call cannot be read.
        """
        fragments = self._fragments(delta, path)
        content = self._content(delta, path, raw, speaker)
        self._extend("audio", delta.audio, raw)
        more = delta.extra
        if more:
            content = [*self._reasoning(more, raw), *content]
        for kind, piece in content:
            if kind == "extension":
                self._extend("content", piece, raw)
            elif kind in _REASONING:
                self._think(kind, piece, raw)
            else:
                self._say(kind, piece, raw)
        if more:
            self._note(more, raw)
        if self._waiting:
            self._annotate()
        if fragments:
            self._stop_thinking()
        for fragment in fragments:
            self._calls.add(fragment, raw)

    def _reasoning(self, more: dict[str, Any], raw: Any) -> list[tuple[str, str]]:
        """Return the reasoning in MORE, the fields that a server added; write extensions in it."""
        for name in _EXTENSIONS:
            self._extend(name, more.get(name), raw)
        self._returned.add(more)
        return read_reasoning(more)

    def _note(self, more: dict[str, Any], raw: Any) -> None:
        """Write what else is in MORE: hidden reasoning and an error; annotations wait."""
        self._extend("reasoning_details", read_hidden(more) or None, raw)
        for sent in objects_in(more.get("annotations")):
            self._waiting.append((read_annotation(sent, self._next_annotation()), sent, raw))
        if "error" in more and is_failure(more["error"]):
            self._run.write(events.ErrorEvent, make_error(more), raw)

    def _fragments(self, delta: ChunkDelta, path: str) -> list[Fragment]:
        """Return the fragments of calls in DELTA; the deprecated name counts if it is the only."""
        if delta.tool_calls:
            self._lists_calls = True
        elif self._lists_calls or delta.function_call is None:
            return []
        return read_fragments(delta, path)

    def _content(
        self, delta: ChunkDelta, path: str, raw: Any, speaker: int
    ) -> list[tuple[str, Any]]:
        """Return the pieces of content in DELTA; what a tool says is written as an extension."""
        content = read_content(delta.content, path)
        if delta.refusal:
            content.append(("refusal", delta.refusal))
        if isinstance(delta.role, str) and delta.role:
            self._roles[speaker] = delta.role.lower()
        if self._roles.get(speaker) not in _TOOL_ROLES:
            return content
        if content:
            self._extend(self._roles[speaker], delta.content or delta.refusal, raw)
        return []

    def repeats(self, piece: RepeatedPiece) -> tuple[bool, Callable[[str], object] | None]:
        """Return whether PIECE, which was just added, can come again, and what keeps it then."""
        if piece.name in REASONING:
            return True, self._returned.keeper(piece.name)
        message = self._message
        if piece.call is not None:
            grow = self._calls.grower(*piece.call)
        else:
            grow = None if message is None else message.grower(self._parts["text"])
        return grow is not None, grow

    def add_whole(self, message: ChunkDelta, path: str, raw: Any) -> None:
        """Write what MESSAGE, which is all of the answer, adds to the deltas before it.

        Raises:
            DecodeError: As ``add`` does.
        """
        told = REASONING if self._thoughts else self._returned.joined
        self._wholes = self._wholes or not (self._parts or self._thoughts)
        changes: dict[str, Any] = {}
        if self._parts or self._thoughts:
            content = [x for kind, x in read_content(message.content, path) if kind == "text"]
            changes["content"] = self._rest("text", "".join(content))
            changes["refusal"] = self._rest("refusal", message.refusal or "")
        if self._annotations:
            told = [*told, "annotations"]
        changes["extra"] = {key: x for key, x in message.extra.items() if key not in told}
        if self._calls:
            fragments = read_fragments(message, path)
            fresh = {x.id for x in self._calls.fresh(fragments)}
            calls = [x for x in message.tool_calls if x.id in fresh]
            changes |= {"tool_calls": calls, "function_call": None}
        self.add(evolve(message, **changes), path, raw)

    def cite(self, citations: Any, raw: Any) -> None:
        """Annotate with the pages that a chunk cites, each once: every chunk repeats them all."""
        for url in citations if isinstance(citations, list) else ():
            if isinstance(url, str) and url not in self._cited:
                self._cited.add(url)
                page = models.URLCitation(url)
                place = self._next_annotation()
                annotation = models.URLCitationAnnotation(place, url_citation=page)
                self._waiting.append((annotation, url, raw))
        self._annotate()

    def finish(self) -> None:
        """End the reasoning and the arguments; write the annotations for which no text came."""
        self._stop_thinking()
        for _, sent, raw in self._waiting:
            self._extend("annotation", sent, raw)
        self._waiting = []
        self._calls.settle()

    def to_message(self) -> dict[str, Any]:
        """Return the answer as an assistant message for a request."""
        message: dict[str, Any] = {"role": "assistant", "content": self._so_far("text") or None}
        if self._calls:
            message["tool_calls"] = self._calls.to_messages()
            message |= self._returned.to_dict()
        return message

    def _extend(self, name: str, value: Any, raw: Any) -> None:
        """Write VALUE, a part of a chunk that has no counterpart, unless it is null."""
        if value is not None:
            extension = Decoded(events.ExtensionEvent, value, raw, f"{CHUNK}.{name}")
            self._run.written.append(extension)

    def _open_step(self) -> StepWriter:
        """Write the beginning of the step of the calls, for which the run will wait."""
        self._run.waiting = step = self._run.step(f"calls_{self.began}")
        return step

    # --- Text ---------------------------------------------------------------------------

    def _say(self, kind: str, text: str, raw: Any) -> None:
        """Write a piece of the text or of the refusal."""
        self._stop_thinking()
        if self._message is None:
            self._message = self._run.message(f"msg_{self.began}")
        index = self._parts.setdefault(kind, len(self._parts))
        if kind == "text":
            self._message.text(index, text, raw)
        else:
            self._message.refusal(index, text, raw)

    def _so_far(self, kind: str) -> str:
        """Return all of the text, or of the refusal, so far."""
        if self._message is None or kind not in self._parts:
            return ""
        return self._message.text_so_far(self._parts[kind])

    def _rest(self, kind: str, whole: str) -> str | None:
        """Return what WHOLE has beyond what was written; nothing if it is another text.

        If all came as messages, another text is the next piece.
        """
        known = self._so_far(kind)
        if not whole.startswith(known):
            return whole if self._wholes else None
        if self._message is not None and kind in self._parts:
            self._message.drop_half(self._parts[kind])
        return whole[len(known) :]

    def _annotate(self) -> None:
        """Write the waiting annotations if there is a text by now."""
        if self._message is None or "text" not in self._parts:
            return
        for annotation, _, raw in self._waiting:
            self._message.annotate(self._parts["text"], [annotation], raw)
        self._waiting = []

    def _next_annotation(self) -> int:
        """Return the index of the next annotation."""
        self._annotations += 1
        return self._annotations - 1

    # --- Reasoning ----------------------------------------------------------------------

    def _think(self, kind: str, text: str, raw: Any) -> None:
        """Write a piece of reasoning or of its summary; KIND is a key of ``_REASONING``."""
        if self._thinks is None or self._thinks[0] != kind:
            self._stop_thinking()
            self._thinks = kind, models.ReasoningText(index=self._thoughts)
            self._thoughts += 1
        snapshot = self._thinks[1]
        text = snapshot.grow(text)
        self._run.write(_REASONING[kind][0], models.ReasoningTextDelta(text, snapshot), raw)

    def _stop_thinking(self) -> None:
        """Write the end of the reasoning, if it is open."""
        if self._thinks is not None:
            kind, snapshot = self._thinks
            self._run.write(_REASONING[kind][1], snapshot)
            self._thinks = None
