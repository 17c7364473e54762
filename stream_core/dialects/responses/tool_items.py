"""The output items of a response that are calls of tools which the server runs.

Rules of this file:

- Each is a step of its own, with one call, at index 0.
- The call begins empty, whatever the item begins with; what no delta brought is told when the
  item ends.
- A call that has an error, or whose status is failed, fails its step, and not the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import models

from . import objects as wire
from .items import Item
from .run_fields import last_error

if TYPE_CHECKING:
    from stream_core.dialects.part_writers import StepWriter

__all__ = ["CodeItem", "MCPItem", "SearchItem", "ToolItem"]


class ToolItem(Item):
    """A call of a tool that the server runs, in a step of its own.

    This class is for tools that Assistants have no class for.
    """

    step: StepWriter

    def begin(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell that the call began."""
        self.step = self.run.step(self.id)
        self.step.add(self.first(item, path), raw)

    def first(self, item: dict[str, Any], path: str) -> models.ToolCallDelta:  # noqa: ARG002  # for others
        """Return the delta that the call begins with."""
        return self._whole(item)

    def _whole(self, item: dict[str, Any]) -> models.ToolCallDelta:
        """Return the delta that has all of ITEM, as Azure's runs have such calls."""
        tool = self.type.removesuffix("_call")
        rest = {key: x for key, x in item.items() if key not in ("id", "type", "status")}
        raw = {"index": 0, "id": self.id, "type": tool, tool: rest}
        return models.UnknownToolCallDelta(0, self.id, tool, raw)

    def finish(self, item: dict[str, Any], path: str) -> Any:  # noqa: ARG002  # for others
        """Tell the rest of the call; return what is wrong with it, or None."""
        self.step.add(self._whole(item))
        return item.get("error")

    def end(self, item: dict[str, Any], path: str, raw: Any) -> None:
        """Tell the rest of the call, and how its step ended."""
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
        """Return DELTA as one of a call."""
        return models.CodeInterpreterToolCallDelta(0, call_id, "code_interpreter", delta)

    def code(self, value: str, raw: Any) -> None:
        """Add a piece of the code."""
        self.step.add(self._delta(models.CodeInterpreterDelta(value)), raw)

    def complete(self, value: str) -> None:
        """Tell what of the code no delta brought; VALUE is all of it."""
        call: Any = self.step.calls[0]
        said = call.code_interpreter.input
        if len(said) < len(value) and value.startswith(said):
            self.code(value[len(said) :], None)

    def finish(self, item: dict[str, Any], path: str) -> Any:
        """Tell the rest of the code, and what it gave."""
        read = wire.read(wire.CodeItem, item, path)
        self.complete(read.code)
        outputs = [
            _output(x, index, f"{path}.outputs[{index}]")
            for index, x in enumerate(wire.read_list(read.outputs, f"{path}.outputs"))
        ]
        if outputs:
            self.step.add(self._delta(models.CodeInterpreterDelta(None, outputs)))


def _output(sent: dict[str, Any], index: int, path: str) -> models.CodeInterpreterOutput:
    """Return what the code gave, which stands at PATH, as Assistants have it.

    An image is a data URL here and a file there; the URL is in the image's ``extra``.
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
        """Take what was found: it comes with the completed step."""
        read = wire.read(wire.SearchItem, item, path)
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
                for x in read.results
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

    def arguments(self, value: str, raw: Any) -> None:
        """Add a piece of the arguments."""
        self.step.add(models.MCPToolCallDelta(0, None, "mcp", None, value), raw)

    def complete(self, value: str) -> None:
        """Tell what of the arguments no delta brought; VALUE is all of them."""
        call: Any = self.step.calls[0]
        said = call.arguments
        if len(said) < len(value) and value.startswith(said):
            self.arguments(value[len(said) :], None)

    def finish(self, item: dict[str, Any], path: str) -> Any:
        """Tell the rest of the arguments, and the output."""
        read = wire.read(wire.MCPItem, item, path)
        self.complete(read.arguments)
        label, name = read.server_label or None, read.name or None
        if read.output is not None:
            self.step.add(
                models.MCPToolCallDelta(
                    0, None, "mcp", name, None, server_label=label, output=read.output
                )
            )
        return read.error
