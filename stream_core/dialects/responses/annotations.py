"""Annotations of the Responses wire, converted to those of the Assistants wire.

Rules of this file:

- The text that an annotation refers to is cut from the message's text: the wire sends positions
  only. If it sends one position and no end, that text is empty.
- A file that the code interpreter made is a ``file_path``, as it is on the Assistants wire.
- Whatever our class has no field for (file names, containers, a snippet, what only one server
  sends) is in ``extra``, as sent; an annotation of an unknown type is kept whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import models

from . import objects as wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    _Extra: TypeAlias = dict[str, Any] | None
    _Where: TypeAlias = tuple[int, str, int | None, int | None]

__all__ = ["annotation"]


def annotation(sent: Any, path: str, index: int, text: str) -> models.Annotation:
    """Return the annotation SENT in the form of the Assistants wire.

    Args:
        sent: The JSON value.
        path: Its path in the frame.
        index: Its index among the annotations of its text.
        text: The text.

    Raises:
        DecodeError: It is not an annotation.
    """
    if isinstance(sent, dict):
        kind = sent.get("type")
        if not isinstance(kind, str) or kind not in _ANNOTATIONS:
            return models.UnknownAnnotation(index, kind if isinstance(kind, str) else None, sent)
    read = wire.read(wire.Annotation, sent, path)
    start = read.index if read.start_index is None else read.start_index
    end = start if read.end_index is None else read.end_index
    quoted = "" if start is None or end is None else text[max(start, 0) : max(end, 0)]
    where = (index, quoted, start, end)
    make, fields = _ANNOTATIONS[read.type]
    kept = {
        key: value
        for key, value in sent.items()
        if value is not None and key not in fields and key not in _PLACE
    }
    return make(read, where, kept or None)


def _file_citation(read: wire.Annotation, where: _Where, extra: _Extra) -> models.Annotation:
    index, text, start, end = where
    cited = models.FileCitation(read.file_id)
    return models.FileCitationAnnotation(
        index, "file_citation", text, start, end, cited, extra=extra
    )


def _file_path(read: wire.Annotation, where: _Where, extra: _Extra) -> models.Annotation:
    index, text, start, end = where
    path = models.FilePath(read.file_id)
    return models.FilePathAnnotation(index, "file_path", text, start, end, path, extra=extra)


def _url_citation(read: wire.Annotation, where: _Where, extra: _Extra) -> models.Annotation:
    index, text, start, end = where
    page = models.URLCitation(read.url, read.title)
    return models.URLCitationAnnotation(index, "url_citation", text, start, end, page, extra=extra)


#: The keys that say what an annotation is and where.
_PLACE = frozenset({"type", "index", "start_index", "end_index"})

#: Maps the type of an annotation to the function that converts it, and the other keys it reads.
_ANNOTATIONS: dict[
    str, tuple[Callable[[wire.Annotation, _Where, _Extra], models.Annotation], frozenset[str]]
] = {
    "file_citation": (_file_citation, frozenset({"file_id"})),
    "container_file_citation": (_file_path, frozenset({"file_id"})),
    "file_path": (_file_path, frozenset({"file_id"})),
    "url_citation": (_url_citation, frozenset({"url", "title"})),
}
