"""The open message of a run: its parts as deltas, and its end.

Rules of this file:

- The message in the store always holds exactly the deltas so far.
- A text part's first delta has ``annotations: []``, the next ones only the value;
  a citation is one delta whose value is the annotation's marker. The delta's
  annotation has ``index`` (and, for files, ``quote: ""``), the message's neither.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from .framing import WireEvent
from .parts import Annotation, FileCitation, FilePath, Refuse, Say, ShowImage, ShowImageURL
from .pieces import cut_text, mark_pieces
from .steps import Steps
from .store import Obj, Store

__all__ = ["MessageWriter"]


class MessageWriter:
    """Writes the messages of one run, one at a time.

    Args:
        store: Where they are kept.
        run: The run, live.
        steps: Opens and closes the message's step.
    """

    def __init__(self, store: Store, run: Obj, steps: Steps) -> None:
        self._store = store
        self._run = run
        self._steps = steps
        self._message: Obj | None = None

    def add(self, part: Say | Refuse | ShowImage | ShowImageURL) -> Iterator[WireEvent]:
        """Write one part, in a new message if none is open."""
        if self._message is None:
            yield from self._begin()
        match part:
            case Say():
                yield from self._say(part)
            case Refuse():
                yield from self._refuse(part)
            case ShowImage():
                yield from self._show("image_file", {"file_id": part.file_id}, part.detail)
            case _:
                yield from self._show("image_url", {"url": part.url}, part.detail)

    def end(self, reason: str | None = None) -> Iterator[WireEvent]:
        """Close the open message, if there is one.

        Args:
            reason: None for a complete one, or why it is incomplete: ``max_tokens``,
                ``content_filter``, ``run_failed``, ``run_cancelled`` or ``run_expired``.
        """
        message = self._message
        if message is None:
            return
        self._message = None
        name = "incomplete" if reason else "completed"
        message["status"] = name
        message[f"{name}_at"] = self._store.now()
        if reason:
            message["incomplete_details"] = {"reason": reason}
        yield WireEvent(f"thread.message.{name}", copy.deepcopy(message))

    def _begin(self) -> Iterator[WireEvent]:
        body = {"role": "assistant", "content": []}
        self._message = self._store.add_message(self._run["thread_id"], body, run=self._run)
        details = {
            "type": "message_creation",
            "message_creation": {"message_id": self._message["id"]},
        }
        yield from self._steps.begin(details)
        for name in ("created", "in_progress"):
            yield WireEvent(f"thread.message.{name}", copy.deepcopy(self._message))

    @property
    def _content(self) -> list[Obj]:
        """The open message's parts, live."""
        assert self._message is not None  # noqa: S101 - add() has begun one
        content: list[Obj] = self._message["content"]
        return content

    def _delta(self, part: Obj) -> WireEvent:
        """Return a delta of the last part."""
        assert self._message is not None  # noqa: S101 - add() has begun one
        data = {
            "id": self._message["id"],
            "object": "thread.message.delta",
            "delta": {"content": [{"index": len(self._content) - 1, **part}]},
        }
        return WireEvent("thread.message.delta", data)

    def _say(self, part: Say) -> Iterator[WireEvent]:
        marked = list(mark_pieces(part.text, part.annotations, part.pieces))
        content = self._content
        begins = part.new_part or not content or content[-1]["type"] != "text"
        for piece, annotation in marked:
            if not self._steps.spend():
                return
            if begins:
                content.append({"type": "text", "text": {"value": "", "annotations": []}})
            text = content[-1]["text"]
            delta: Obj = {"value": piece}
            if begins:
                delta["annotations"] = []
            if annotation is not None:
                kept = _annotation(annotation, len(text["value"]))
                delta["annotations"] = [_annotation_delta(kept, len(text["annotations"]))]
                text["annotations"].append(kept)
            text["value"] += piece
            begins = False
            yield self._delta({"type": "text", "text": delta})

    def _refuse(self, part: Refuse) -> Iterator[WireEvent]:
        content = self._content
        content.append({"type": "refusal", "refusal": ""})
        for piece in cut_text(part.text):
            if not self._steps.spend():
                return
            content[-1]["refusal"] += piece
            yield self._delta({"type": "refusal", "refusal": piece})

    def _show(self, kind: str, image: Obj, detail: str | None) -> Iterator[WireEvent]:
        if detail is not None:
            image["detail"] = detail
        self._content.append({"type": kind, kind: image})
        yield self._delta({"type": kind, kind: dict(image)})


def _annotation(annotation: Annotation, start: int) -> Obj:
    """Make the annotation of a finished message; ``start`` counts code points."""
    match annotation:
        case FileCitation():
            kind, detail = "file_citation", {"file_id": annotation.file_id}
        case FilePath():
            kind, detail = "file_path", {"file_id": annotation.file_id}
        case _:
            kind, detail = "url_citation", {"url": annotation.url, "title": annotation.title}
    return {
        "type": kind,
        "text": annotation.text,
        "start_index": start,
        "end_index": start + len(annotation.text),
        kind: detail,
    }


def _annotation_delta(kept: Obj, index: int) -> Obj:
    """Make the delta of an annotation."""
    delta = {"index": index, **copy.deepcopy(kept)}
    if kept["type"] == "file_citation":
        delta["file_citation"]["quote"] = ""
    return delta
