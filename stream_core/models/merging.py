"""The merging of deltas into payloads, field by field.

Rules of this file:

- Deltas append to ``text.value``, ``refusal``, ``function.arguments``,
  ``code_interpreter.input``, ``logs`` and MCP's ``arguments``. They replace every other
  field, and keep it if the delta has nothing for it: null, "" or [].
- An item with an ``index`` is found by it, never by its place in a list.
- A first half of a surrogate pair waits in its text for the second (see
  :class:`stream_core.models.Growing`). What was appended to a text is put into the delta, so that
  the delta says what is delivered.
- A whole call sent again (id, name and arguments, if the arguments begin with all those
  so far) replaces: open-assistant-api repeats the call that the step began with.
- The tables name every pair of delta and payload; a pair that is not there changes nothing.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from attrs import fields

from stream_core import models

from .surrogates import whole_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Annotation, MessageContent, MessageContentDelta, ToolCall, ToolCallDelta

__all__ = [
    "flush_content",
    "flush_tool_call",
    "merge_annotations",
    "merge_content",
    "merge_tool_call",
    "new_content",
    "new_tool_call",
]

_EMPTY: tuple[Any, ...] = (None, "", [])

#: Class of a content delta -> class of the part that it begins.
_CONTENT: dict[type[Any], type[Any]] = {
    models.TextDeltaBlock: models.TextContentBlock,
    models.ImageFileDeltaBlock: models.ImageFileContentBlock,
    models.ImageURLDeltaBlock: models.ImageURLContentBlock,
    models.RefusalDeltaBlock: models.RefusalContentBlock,
    models.UnknownContentDelta: models.UnknownContent,
}

#: Class of a tool call delta -> class of the call that it begins.
_TOOL_CALLS: dict[type[Any], type[Any]] = {
    models.FunctionToolCallDelta: models.FunctionToolCall,
    models.CodeInterpreterToolCallDelta: models.CodeInterpreterToolCall,
    models.FileSearchToolCallDelta: models.FileSearchToolCall,
    models.MCPToolCallDelta: models.MCPToolCall,
    models.UnknownToolCallDelta: models.UnknownToolCall,
}


def new_content(delta: MessageContentDelta) -> MessageContent:
    """Return the empty part that DELTA begins."""
    part: MessageContent = _CONTENT[delta.__class__]()
    if isinstance(part, models.UnknownContent):
        part.type = delta.type
    return part


def new_tool_call(delta: ToolCallDelta) -> ToolCall:
    """Return the empty call that DELTA begins."""
    call: ToolCall = _TOOL_CALLS[delta.__class__]()
    if isinstance(call, models.UnknownToolCall):
        call.type = delta.type
    return call


def merge_content(part: MessageContent, delta: MessageContentDelta, *, whole: bool = False) -> None:
    """Add DELTA to PART, except its annotations (see :func:`merge_annotations`).

    Args:
        part: Grows.
        delta: Gets the text that was appended.
        whole: Whether the text of DELTA was cut from a whole one.
    """
    if part.__class__ is _CONTENT[delta.__class__]:
        _MERGE[delta.__class__](part, delta, whole)


def merge_tool_call(call: ToolCall, delta: ToolCallDelta, *, whole: bool = False) -> None:
    """Add DELTA to CALL; the arguments are those of :func:`merge_content`."""
    if call.__class__ is _TOOL_CALLS[delta.__class__]:
        _MERGE[delta.__class__](call, delta, whole)
        if delta.id:
            call.id = delta.id


def flush_content(part: MessageContent, index: int) -> MessageContentDelta | None:
    """Give up the half that waits in PART; return what that added to it, or None."""
    if isinstance(part, models.TextContentBlock):
        rest = part.text.flush()
        return models.TextDeltaBlock(index, "text", models.TextDelta(rest)) if rest else None
    if isinstance(part, models.RefusalContentBlock):
        rest = part.flush()
        return models.RefusalDeltaBlock(index, "refusal", rest) if rest else None
    return None


def flush_tool_call(call: ToolCall, index: int) -> ToolCallDelta | None:
    """Give up the halves that wait in CALL; return what that added to it, or None."""
    if isinstance(call, models.FunctionToolCall):
        rest = call.function.flush()
        function = models.FunctionDelta(None, rest)
        return models.FunctionToolCallDelta(index, None, "function", function) if rest else None
    if isinstance(call, models.MCPToolCall):
        rest = call.flush()
        return models.MCPToolCallDelta(index, None, "mcp", None, rest) if rest else None
    if isinstance(call, models.CodeInterpreterToolCall):
        return _flush_code(call.code_interpreter, index)
    return None


def _flush_code(code: models.CodeInterpreter, index: int) -> ToolCallDelta | None:
    """Give up the halves that wait in CODE and in its logs."""
    kind = models.CodeInterpreterOutputLogs
    rest, logs = code.flush(), [x for x in code.outputs if isinstance(x, kind)]
    outputs = [kind(x.index, "logs", more) for x in logs if (more := x.flush())]
    if not rest and not outputs:
        return None
    added = models.CodeInterpreterDelta(rest or None, [*outputs])
    return models.CodeInterpreterToolCallDelta(index, None, "code_interpreter", added)


def merge_annotations(text: models.Text, annotations: list[Annotation]) -> list[Annotation]:
    """Add ANNOTATIONS to TEXT.

    Returns:
        The new ones; the others replaced annotations with the same ``index``.
    """
    by_index = text.by_index(text.annotations)
    added = []
    for annotation in annotations:
        known = by_index.get(annotation.index)
        if known is None or known.__class__ is not annotation.__class__:
            added.append(_append(text.annotations, by_index, annotation))
        else:
            _replace(known, annotation)
    return added


def _append(items: list[Any], by_index: dict[int | None, Any], item: Any) -> Any:
    """Add a copy of ITEM, and return it, so that the delta's own item stays unchanged."""
    mine = copy(item)
    items.append(mine)
    if mine.index is not None:
        by_index[mine.index] = mine
    return mine


def _replace(target: Any, source: Any) -> None:
    """Replace every field of TARGET that is not empty in SOURCE."""
    for attribute in fields(source.__class__):
        value = getattr(source, attribute.name)
        if value not in _EMPTY:
            setattr(target, attribute.name, value)


def _merge_text(part: models.TextContentBlock, delta: models.TextDeltaBlock, whole: bool) -> None:  # noqa: FBT001  # called by the table
    if delta.text is not None and delta.text.value is not None:
        delta.text.value = part.text.grow(delta.text.value, whole=whole)


def _merge_refusal(
    part: models.RefusalContentBlock,
    delta: models.RefusalDeltaBlock,
    whole: bool,  # noqa: FBT001  # called by the table
) -> None:
    if delta.refusal is not None:
        delta.refusal = part.grow(delta.refusal, whole=whole)


def _merge_image_file(
    part: models.ImageFileContentBlock, delta: models.ImageFileDeltaBlock, _: object
) -> None:
    if delta.image_file is not None:
        _replace(part.image_file, delta.image_file)


def _merge_image_url(
    part: models.ImageURLContentBlock, delta: models.ImageURLDeltaBlock, _: object
) -> None:
    if delta.image_url is not None:
        _replace(part.image_url, delta.image_url)


def _merge_raw(target: Any, delta: Any, _: object) -> None:
    """Merge an object of unknown type: key by key, later values replacing."""
    target.raw = raw = _own(target.raw)
    for key, value in delta.raw.items():
        if key == "index" or value is None:
            continue
        known = raw.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            raw[key] = known = _own(known)
            known.update(value)
        else:
            raw[key] = value


class _Own(dict[str, Any]):
    """A dict that was made here: it is part of no event's raw, and grows in place."""


def _own(known: dict[str, Any]) -> dict[str, Any]:
    """Return KNOWN, or a copy if it may be part of an earlier event's raw.

    It is copied once, not at each delta: many deltas cost as much as they have keys.
    """
    return known if known.__class__ is _Own else _Own(known)


def _merge_function(
    call: models.FunctionToolCall,
    delta: models.FunctionToolCallDelta,
    whole: bool,  # noqa: FBT001  # called by the table
) -> None:
    if delta.function is not None:
        _grow_arguments(call.function, delta.id, delta.function, whole=whole)
        if delta.function.output is not None:
            call.function.output = delta.function.output = whole_text(delta.function.output)


def _merge_mcp(call: models.MCPToolCall, delta: models.MCPToolCallDelta, whole: bool) -> None:  # noqa: FBT001  # called by the table
    _grow_arguments(call, delta.id, delta, whole=whole)
    if delta.server_label:
        call.server_label = delta.server_label
    if delta.output is not None:
        call.output = delta.output = whole_text(delta.output)


def _grow_arguments(
    target: models.Function | models.MCPToolCall,
    call_id: str | None,
    delta: models.FunctionDelta | models.MCPToolCallDelta,
    *,
    whole: bool,
) -> None:
    """Add name and arguments from DELTA; a whole call sent again replaces."""
    fragment = delta.arguments or ""
    again, known = False, ""
    if call_id and delta.name and delta.name == target.name:
        known = target.arguments
        if known and fragment.startswith(known):
            again, fragment = True, fragment[len(known) :]
    if delta.name:
        target.name = delta.name
    if again:
        delta.arguments = known + target.grow(fragment, whole=True)
    elif fragment:
        delta.arguments = target.grow(fragment, whole=whole)


def _merge_code_interpreter(
    call: models.CodeInterpreterToolCall,
    delta: models.CodeInterpreterToolCallDelta,
    whole: bool,  # noqa: FBT001  # called by the table
) -> None:
    if delta.code_interpreter is None:
        return
    if delta.code_interpreter.input:
        added = call.code_interpreter.grow(delta.code_interpreter.input, whole=whole)
        delta.code_interpreter.input = added
    outputs = call.code_interpreter.outputs
    by_index = call.code_interpreter.by_index(outputs)
    for output in delta.code_interpreter.outputs:
        known: Any = by_index.get(output.index)
        logs = models.CodeInterpreterOutputLogs
        if known is not None and known.__class__ is not output.__class__:
            known = None
        if isinstance(output, logs):
            if known is None:
                known = _append(
                    outputs, by_index, logs(output.index, output.type, extra=output.extra or None)
                )
            output.logs = known.grow(output.logs, whole=whole)
        elif known is not None:
            _replace(known, output)
        else:
            _append(outputs, by_index, output)


def _merge_file_search(
    call: models.FileSearchToolCall, delta: models.FileSearchToolCallDelta, _: object
) -> None:
    if delta.file_search is not None:
        _replace(call.file_search, delta.file_search)


#: Class of a delta -> the function that adds it to the payload of its table.
_MERGE: dict[type[Any], Callable[[Any, Any, bool], None]] = {
    models.TextDeltaBlock: _merge_text,
    models.ImageFileDeltaBlock: _merge_image_file,
    models.ImageURLDeltaBlock: _merge_image_url,
    models.RefusalDeltaBlock: _merge_refusal,
    models.UnknownContentDelta: _merge_raw,
    models.FunctionToolCallDelta: _merge_function,
    models.CodeInterpreterToolCallDelta: _merge_code_interpreter,
    models.FileSearchToolCallDelta: _merge_file_search,
    models.MCPToolCallDelta: _merge_mcp,
    models.UnknownToolCallDelta: _merge_raw,
}
