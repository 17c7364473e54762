"""One answer of the Chat Completions wire: its deltas, written as a run in order.

Rules of this file:

- A message begins with the first text or refusal that is not empty; each is one part of it, in
  order of appearance. Annotations wait for a text; without one they are extension events.
- The step of the calls begins with the first fragment that is not empty.
- Reasoning comes in stretches: one ends when something else begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert.payloads import structure
from stream_core.dialects import Decoded
from stream_core.errors import DecodeError

from .chunks import CHUNK, ChunkContent
from .tool_calls import ChatCalls, read_fragments

if TYPE_CHECKING:
    from stream_core.dialects.run_writer import MessageWriter, RunWriter

    from .chunks import ChunkAnnotation, ChunkDelta

__all__ = ["ChatAnswer"]

#: Maps a kind of reasoning to the events of its pieces and of its end.
_REASONING: dict[str, tuple[type[events.WireEvent[Any]], type[events.WireEvent[Any]]]] = {
    "reasoning": (events.ReasoningDelta, events.ReasoningDone),
    "summary": (events.ReasoningSummaryDelta, events.ReasoningSummaryDone),
}


class ChatAnswer:
    """Choice 0 of one stream.

    Attributes:
        began: The name that the ids of its message and steps contain; "" before its first chunk.
        finish_reason: Why it ended, or None.
        finish_raw: The chunk with the finish_reason.
    """

    def __init__(self, run: RunWriter) -> None:
        """Begin an empty answer, which RUN writes."""
        self.began = ""
        self.finish_reason: str | None = None
        self.finish_raw: Any = None
        self._run = run
        self._message: MessageWriter | None = None
        self._parts: dict[str, int] = {}
        self._calls: ChatCalls | None = None
        # The open reasoning and its kind; and everything sent as reasoning_content.
        self._thinks: tuple[str, models.ReasoningText] | None = None
        self._thoughts = 0
        self._reasoning_content: list[str] = []
        # Annotations that wait for a text, each with its JSON as sent and its chunk.
        self._waiting: list[tuple[models.Annotation, Any, Any]] = []
        self._annotations = 0
        self._cited: set[str] = set()

    def add(self, delta: ChunkDelta, path: str, raw: Any) -> None:
        """Write what DELTA, found at PATH in the chunk RAW, adds.

        Raises:
            DecodeError: The content is neither text nor parts, or arguments are not text.
        """
        fragments = read_fragments(delta, path)
        content = _read_content(delta.content, path)
        if delta.reasoning_content:
            self._reasoning_content.append(delta.reasoning_content)
        for kind, text in [*_read_reasoning(delta), *content]:
            if kind in _REASONING:
                self._think(kind, text, raw)
            else:
                self._say(kind, text, raw)
        if delta.refusal:
            self._say("refusal", delta.refusal, raw)
        self._waiting += [(self._annotation(x), x.raw, raw) for x in delta.annotations]
        self._annotate()
        if fragments:
            self._stop_thinking()
        for fragment in fragments:
            if self._calls is None:
                self._run.waiting = self._run.step(f"calls_{self.began}")
                self._calls = ChatCalls(self._run.waiting)
            self._calls.add(fragment, raw)

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
        """End the reasoning, and write the annotations for which no text came."""
        self._stop_thinking()
        for _, sent, raw in self._waiting:
            extension = Decoded(events.ExtensionEvent, sent, raw, f"{CHUNK}.annotation")
            self._run.written.append(extension)
        self._waiting = []

    def to_message(self) -> dict[str, Any]:
        """Return the answer as an assistant message for a request."""
        text = ""
        if self._message is not None and "text" in self._parts:
            text = self._message.text_so_far(self._parts["text"])
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if self._calls is not None:
            message["tool_calls"] = self._calls.to_messages()
            if self._reasoning_content:
                message["reasoning_content"] = "".join(self._reasoning_content)
        return message

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

    def _annotate(self) -> None:
        """Write the waiting annotations if there is a text by now."""
        if self._message is None or "text" not in self._parts:
            return
        for annotation, _, raw in self._waiting:
            self._message.annotate(self._parts["text"], [annotation], raw)
        self._waiting = []

    def _annotation(self, sent: ChunkAnnotation) -> models.Annotation:
        """Return an annotation in the form of the Assistants wire."""
        place, cited = self._next_annotation(), sent.url_citation
        if cited is None:
            return models.UnknownAnnotation(place, sent.type, sent.raw)
        return models.URLCitationAnnotation(
            place,
            start_index=cited.start_index,
            end_index=cited.end_index,
            url_citation=models.URLCitation(cited.url, cited.title),
        )

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
        snapshot.grow(text)
        self._run.write(_REASONING[kind][0], models.ReasoningTextDelta(text, snapshot), raw)

    def _stop_thinking(self) -> None:
        """Write the end of the reasoning, if it is open."""
        if self._thinks is not None:
            kind, snapshot = self._thinks
            self._run.write(_REASONING[kind][1], snapshot)
            self._thinks = None


def _read_reasoning(delta: ChunkDelta) -> list[tuple[str, str]]:
    """Return the pieces of reasoning in DELTA, each with its kind.

    If a server sends the same text under several names, it counts once.
    """
    plain = delta.reasoning_content or delta.reasoning
    if plain:
        return [("reasoning", plain)]
    pairs = []
    for detail in delta.reasoning_details:
        pairs += [("reasoning", detail.text), ("summary", detail.summary)]
    return [(kind, text) for kind, text in pairs if text]


def _read_content(content: Any, path: str) -> list[tuple[str, str]]:
    """Return the pieces of CONTENT, found in the delta at PATH, each with its kind.

    Raises:
        DecodeError: It is neither text nor a list of parts.
    """
    if content is None or isinstance(content, str):
        return [("text", content)] if content else []
    try:
        parts = structure(ChunkContent, {"content": content}).content
    except DecodeError as error:
        paths = [path + line.removeprefix("$") for line in error.paths]
        raise DecodeError("the data is not a ChatChunk", paths=paths) from error
    pairs = []
    for part in parts:
        pairs += [("reasoning", thought.text) for thought in part.thinking]
        pairs.append(("text", part.text))
    return [(kind, text) for kind, text in pairs if text]
