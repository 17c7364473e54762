"""The output items of a response that are calls of tools run by the server.

Rules of this file:

- Each is a step of its own with one call, at index 0.
- The call begins empty, whatever the item begins with; what no delta brought is written when the
  item ends.
- A call that has an error, or whose status is failed, fails its step but not the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import models

from . import objects as wire
from .items import Item
from .run_fields import last_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.part_writers import StepWriter

__all__ = ["CodeItem", "MCPItem", "SearchItem", "ToolItem"]


class ToolItem(Item):
    """A call of a tool that the server runs, in a step of its own.

    This class itself is for tools without a class on the Assistants wire.
    """

    step: StepWriter

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the beginning of the call."""
        self.step = self.run.step(self.id)
        self.step.add(self.first(item, path), raw)

    def first(self, item: dict[str, Any], path: str) -> models.ToolCallDelta:  # noqa: ARG002  # subclasses
        """Return the delta that the call begins with."""
        return self._whole(item)

    def _whole(self, item: dict[str, Any]) -> models.ToolCallDelta:
        """Return the delta that carries all of ITEM, in the form of such calls in Azure's runs."""
        tool = self.type.removesuffix("_call")
        rest = {key: x for key, x in item.items() if key not in ("id", "type", "status")}
        raw = {"index": 0, "id": self.id, "type": tool, tool: rest}
        return models.UnknownToolCallDelta(0, self.id, tool, raw)

    def finish(self, item: dict[str, Any], path: str) -> Any:  # noqa: ARG002  # subclasses
        """Write the rest of the call, and return its error, or None."""
        self.step.add(self._whole(item))
        return item.get("error")

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Write the rest of the call, and the end of its step."""
        error, status = self.finish(item, path), item.get("status")
        if status == "failed" or error is not None:
            self.step.close("failed", raw, last_error(error or "the tool failed"))
        elif raw is not None or status in ("completed", None):
            self.step.close("completed", raw)


class CodeItem(ToolItem):
    """A call of the code interpreter."""

    def first(self, item: dict[str, Any], path: str) -> models.ToolCallDelta:
        """Return the delta that the call begins with."""
        wire.read(wire.CodeItem, item, path)
        return self._delta(models.CodeInterpreterDelta(""), self.id)

    def _delta(
        self, delta: models.CodeInterpreterDelta, call_id: str | None = None
    ) -> models.ToolCallDelta:
        """Return DELTA wrapped as the delta of a call."""
        return models.CodeInterpreterToolCallDelta(0, call_id, "code_interpreter", delta)

    @property
    def texts(self) -> list[str]:
        """The code so far."""
        call: Any = self.step.calls[0]
        return [call.code_interpreter.input]

    @staticmethod
    def texts_in(item: dict[str, Any]) -> list[str]:
        """Return the code in ITEM."""
        return [wire.text_or_none(item.get("code")) or ""]

    def grower(self, index: int) -> Callable[[str], object] | None:
        """Return what keeps a piece of the code."""
        return self.step.grower(index)

    def code(self, value: str, raw: Any) -> None:
        """Add a piece of the code."""
        self.step.add(self._delta(models.CodeInterpreterDelta(value)), raw)

    def complete(self, value: str) -> None:
        """Write what no delta brought of the code; VALUE is all of it."""
        call: Any = self.step.calls[0]
        known = call.code_interpreter.input
        if len(known) < len(value) and value.startswith(known):
            self.code(value[len(known) :], None)

    def finish(self, item: dict[str, Any], path: str) -> Any:
        """Write the rest of the code, and its outputs."""
        read = wire.read(wire.CodeItem, item, path)
        self.complete(read.code)
        outputs = [
            _output(x, index, f"{path}.outputs[{index}]")
            for index, x in enumerate(wire.read_list(read.outputs, f"{path}.outputs"))
        ]
        if outputs:
            self.step.add(self._delta(models.CodeInterpreterDelta(None, outputs)))


def _output(sent: dict[str, Any], index: int, path: str) -> models.CodeInterpreterOutput:
    """Return the output SENT, found at PATH, in the form of the Assistants wire.

    An image is a data URL on this wire and a file on that one; the URL is in ``extra``.
    """
    kind = sent.get("type")
    if kind == "logs":
        return models.CodeInterpreterOutputLogs(index, "logs", wire.read_text(sent, "logs", path))
    if kind == "image":
        image = models.CodeInterpreterImage(extra={"url": sent.get("url")})
        return models.CodeInterpreterOutputImage(index, "image", image)
    return models.UnknownCodeInterpreterOutput(index, kind if isinstance(kind, str) else None, sent)


class SearchItem(ToolItem):
    """A call of file search."""

    def first(self, item: dict[str, Any], path: str) -> models.ToolCallDelta:
        """Return the delta that the call begins with."""
        wire.read(wire.SearchItem, item, path)
        return models.FileSearchToolCallDelta(0, self.id, "file_search", models.FileSearch())

    def finish(self, item: dict[str, Any], path: str) -> Any:
        """Take the search results; they are delivered with the completed step."""
        read = wire.read(wire.SearchItem, item, path)
        results = [
            wire.read(wire.SearchResult, x, f"{path}.results[*]")
            for x in wire.objects_in(read.results)
        ]
        call: Any = self.step.calls[0]
        queries = {"queries": read.queries} if read.queries else None
        call.file_search = models.FileSearch(
            None,
            [
                models.FileSearchResult(
                    x.file_id,
                    x.filename,
                    x.score,
                    [] if x.text is None else [models.FileSearchResultContent("text", x.text)],
                )
                for x in results
            ],
            extra=queries,
        )


class MCPItem(ToolItem):
    """A call of a tool of an MCP server."""

    def first(self, item: dict[str, Any], path: str) -> models.ToolCallDelta:
        """Return the delta that the call begins with."""
        read = wire.read(wire.MCPItem, item, path)
        return models.MCPToolCallDelta(
            0, self.id, "mcp", read.name, "", server_label=read.server_label
        )

    @property
    def texts(self) -> list[str]:
        """The arguments so far."""
        call: Any = self.step.calls[0]
        return [call.arguments]

    @staticmethod
    def texts_in(item: dict[str, Any]) -> list[str]:
        """Return the arguments in ITEM."""
        return [wire.json_of(item.get("arguments"))]

    def arguments(self, value: str, raw: Any) -> None:
        """Add a piece of the arguments."""
        self.step.add(models.MCPToolCallDelta(0, None, "mcp", None, value), raw)

    def complete(self, value: str) -> None:
        """Write what no delta brought of the arguments; VALUE is all of them."""
        call: Any = self.step.calls[0]
        known = call.arguments
        if len(known) < len(value) and value.startswith(known):
            self.arguments(value[len(known) :], None)

    def finish(self, item: dict[str, Any], path: str) -> Any:
        """Write the rest of the arguments, and the output."""
        read = wire.read(wire.MCPItem, item, path)
        self.complete(wire.json_of(read.arguments))
        label, name = read.server_label or None, read.name or None
        if read.output is not None:
            self.step.add(
                models.MCPToolCallDelta(
                    0, None, "mcp", name, None, server_label=label, output=wire.json_of(read.output)
                )
            )
        return read.error
