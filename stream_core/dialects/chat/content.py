"""What a delta of the Chat Completions wire says: text, reasoning, annotations.

Rules of this file:

- Reasoning has many names, and each may hold a text, an object or a list. It is never needed to
  understand an answer, so what cannot be read is left to the event of the whole chunk.
- Content is needed: what is neither text nor a list of parts is refused, and so is a part whose
  text is not one. Parts of types that are not text are reasoning or extensions, never text.
- The same text under several names counts once.
"""

from __future__ import annotations

from typing import Any

from stream_core import models
from stream_core.convert.payloads import show
from stream_core.errors import DecodeError

__all__ = [
    "REASONING",
    "objects_in",
    "read_annotation",
    "read_content",
    "read_hidden",
    "read_reasoning",
    "text_in",
    "wrong",
]

#: The fields of a delta that may hold reasoning: texts, and lists of details.
REASONING = (
    *("reasoning_content", "reasoning", "reasoning_text", "thinking"),
    *("reasoning_details", "thinking_blocks"),
)

#: The keys of an object that stands where a text of reasoning belongs.
_TEXT_KEYS = (
    *("text", "thinking", "reasoning", "reasoning_content", "content", "value", "delta", "parts"),
    "summary",
)

#: How deep such objects and lists may be nested.
_DEEPEST = 4

#: Types of content parts: text, reasoning, and summaries of reasoning.
_TEXTS = (None, "", "text", "output_text", "text_delta", "input_text")
_THOUGHTS = (
    *("reasoning", "reasoning_text", "reasoning.text", "reasoning_content", "reasoningContent"),
    *("reasoning_delta", "thinking", "thinking_delta", "thought"),
)
_SUMMARIES = (
    *("summary", "summary_text", "reasoning.summary", "reasoning_summary"),
    "reasoning_summary_text",
)


def text_in(value: Any, depth: int = _DEEPEST) -> str:
    """Return the text that VALUE is or holds: a text, an object with one, or a list of them."""
    if isinstance(value, str):
        return value
    if depth and isinstance(value, dict):
        return next(filter(None, (text_in(value.get(key), depth - 1) for key in _TEXT_KEYS)), "")
    if depth and isinstance(value, list):
        return "".join([text_in(item, depth - 1) for item in value])
    return ""


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the objects in VALUE, which is a list or one of them; none in anything else."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def read_reasoning(more: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the pieces of reasoning in MORE, what servers add to a delta, each with its kind."""
    for name in REASONING:
        pairs = _thoughts_in(more[name]) if name in more else []
        if pairs:
            return pairs
    return []


def _thoughts_in(value: Any) -> list[tuple[str, str]]:
    """Return the reasoning in VALUE: a text, an object with one, or a list of them."""
    if isinstance(value, str):
        return [("reasoning", value)] if value else []
    pairs = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            pairs += _thoughts(item)
        elif text := text_in(item):
            pairs.append(("reasoning", text))
    return pairs


def read_hidden(more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the reasoning details in MORE that have no text: encrypted ones and signatures."""
    details = objects_in(more.get("reasoning_details")) + objects_in(more.get("thinking_blocks"))
    return [detail for detail in details if not _thoughts(detail)]


def _thoughts(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the reasoning and the summary in PART, whatever it calls them."""
    text = next(filter(None, (text_in(part.get(key)) for key in _TEXT_KEYS[:-1])), "")
    kind = "summary" if part.get("type") in _SUMMARIES else "reasoning"
    pairs = [(kind, text), ("summary", text_in(part.get("summary")))]
    return [(kind, text) for kind, text in pairs if text]


def read_content(content: Any, path: str) -> list[tuple[str, Any]]:
    """Return the pieces of CONTENT, found in the delta at PATH, each with its kind.

    Kinds are ``text``, ``refusal``, ``reasoning``, ``summary``, each with a text, and
    ``extension``, with the part itself.

    Raises:
        DecodeError: It is neither text nor a list of parts.
    """
    if content is None or isinstance(content, str):
        return [("text", content)] if content else []
    parts = [content] if isinstance(content, dict) else content
    if not isinstance(parts, list):
        raise wrong(f"{path}.content", parts, "a list")
    pieces: list[tuple[str, Any]] = []
    for number, part in enumerate(parts):
        pieces += _read_part(part, f"{path}.content[{number}]")
    return pieces


def _read_part(part: Any, path: str) -> list[tuple[str, Any]]:
    """Return the pieces of one PART of a content, found at PATH."""
    if not isinstance(part, dict):
        raise wrong(path, part, "an object")
    kind: Any = part.get("type")
    if kind in _THOUGHTS or kind in _SUMMARIES:
        return [*_thoughts(part)] or [("extension", part)]
    key = "refusal" if kind == "refusal" else "text"
    if (key == "text" and kind not in _TEXTS) or (not kind and key not in part):
        return [("extension", part)]
    text = part.get(key)
    if isinstance(text, dict):  # as on the Assistants wire
        text = text_in(text)
    if text is None or isinstance(text, str):
        return [(key, text)] if text else []
    raise wrong(f"{path}.{key}", text, "a string")


def wrong(path: str, value: Any, expected: str) -> DecodeError:
    """Return the error for VALUE, found at PATH."""
    return DecodeError(
        "the data is not a ChatChunk", paths=[f"{path}: {show(value)} is not {expected}"]
    )


def read_annotation(sent: dict[str, Any], index: int) -> models.Annotation:
    """Return an annotation in the form of the Assistants wire, at INDEX.

    Keys of SENT that it has no field for, and those of the cited page, are in its ``extra``.
    """
    cited = sent.get("url_citation")
    if not isinstance(cited, dict):
        kind = sent.get("type")
        return models.UnknownAnnotation(index, kind if isinstance(kind, str) else None, sent)
    extra = {**sent, **cited}
    url, title = (_pop(extra, key, str) for key in ("url", "title"))
    made = models.URLCitationAnnotation(
        index,
        text=_pop(extra, "text", str) or "",
        start_index=_pop(extra, "start_index", int),
        end_index=_pop(extra, "end_index", int),
        url_citation=models.URLCitation(url or "", title),
    )
    for key in ("type", "index", "url_citation"):
        extra.pop(key, None)
    if extra:
        made.keep_extra(extra)
    return made


def _pop(values: dict[str, Any], key: str, kind: type) -> Any:
    """Take the value of KEY out of VALUES if it is of KIND; else return None."""
    value = values.get(key)
    if type(value) is kind:
        del values[key]
        return value
    if value is None:
        values.pop(key, None)
    return None
