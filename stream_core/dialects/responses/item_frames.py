"""The frames of the Responses wire that are about items: messages, calls, reasoning.

Rules of this file:

- Each method decodes one type of event, as the table in ``responses.event_table`` says.
- A frame about an item that ended is an extension event, and so is one that adds nothing: what
  it says is in the item then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stream_core import events, models
from stream_core.dialects.run_writer import RunWriter

from . import objects as wire
from .calls import CallItem
from .items import Item
from .messages import MessageItem, part_kind
from .output import Output
from .reasoning import ReasoningItem
from .tool_items import CodeItem, MCPItem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound=Item)

__all__ = ["ItemFrames"]

#: Maps the events of calls that the caller answers to the type of their item.
_CALLS = {
    "response.function_call_arguments.delta": "function_call",
    "response.function_call_arguments.done": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
    "response.custom_tool_call_input.done": "custom_tool_call",
}

#: Maps the methods for deltas of texts that writers keep to the class and type of their items.
_GROWING: dict[str, tuple[type[Item], str]] = {
    "_text_delta": (MessageItem, "message"),
    "_call_delta": (CallItem, "function_call"),
    "_code_delta": (CodeItem, "code_interpreter_call"),
}


class ItemFrames:
    """Decodes the frames about the items of a run's current response.

    Attributes:
        response_id: Id of the newest response, or "" before the first. The run keeps the id of
            its first response.
    """

    def __init__(self, run: models.Run) -> None:
        """Begin RUN without items."""
        self.response_id = run.id
        self._run = RunWriter(run)
        self._output = Output(self._run)

    def _identify(self, found: str) -> None:
        """Give the run its ids before it begins; FOUND is the best id known, or ""."""
        run = self._run.run
        run.id = run.id or found or "run_1"
        run.thread_id = run.thread_id or f"thread_{run.id}"

    def _begin(self, event: dict[str, Any]) -> None:
        """Write that the run is in progress, which EVENT implies."""
        if self._run.began == 0:
            known = self.response_id or wire.text_or_none(event.get("response_id")) or ""
            item = wire.text_or_none(event.get("item_id"))
            self._identify(known or (f"run_{item}" if item else ""))
        self._run.begin()

    def _grower(
        self, event: dict[str, Any], method: str, index: int
    ) -> Callable[[str], object] | None:
        """Return what keeps the piece at INDEX of another EVENT like this one, which had a delta.

        None if nothing does.
        """
        cls, kind = _GROWING[method]
        return self._output.find(event, cls, kind).grower(index)

    # --- Items --------------------------------------------------------------------------

    def _item_added(self, event: dict[str, Any], _: str) -> None:
        """An item began."""
        self._begin(event)
        self._output.added(event)

    def _item_done(self, event: dict[str, Any], _: str) -> None:
        """An item ended."""
        self._begin(event)
        self._output.done(event)

    def _extension(self, event: dict[str, Any], name: str) -> None:
        """Something happened that has no counterpart."""
        self._begin(event)
        self._run.extend(name, event)

    def _about(
        self, event: dict[str, Any], name: str, cls: type[T], kind: str, whole: str = ""
    ) -> T | None:
        """Return the item that EVENT is about, or None if it ended: EVENT is then an extension.

        WHOLE is all of a text, if EVENT ends one.
        """
        self._begin(event)
        item = self._output.find(event, cls, kind, whole)
        if not item.closed:
            return item
        self._run.extend(name, event)
        return None

    # --- Messages -----------------------------------------------------------------------

    def _text_delta(self, event: dict[str, Any], name: str) -> None:
        """A text grew."""
        message = self._about(event, name, MessageItem, "message")
        if message is not None:
            message.text(_content_index(event), _delta(event), event)

    def _text_done(self, event: dict[str, Any], name: str) -> None:
        """A text is complete."""
        whole = _whole(event, "text")
        message = self._about(event, name, MessageItem, "message", whole)
        if message is not None:
            message.complete(_content_index(event), whole, "text")
            self._run.extend(name, event)

    def _refusal_delta(self, event: dict[str, Any], name: str) -> None:
        """A refusal grew."""
        message = self._about(event, name, MessageItem, "message")
        if message is not None:
            message.refusal(_content_index(event), _delta(event), event)

    def _refusal_done(self, event: dict[str, Any], name: str) -> None:
        """A refusal is complete."""
        whole = _whole(event, "refusal")
        message = self._about(event, name, MessageItem, "message", whole)
        if message is not None:
            message.complete(_content_index(event), whole, "refusal")
            self._run.extend(name, event)

    def _annotation(self, event: dict[str, Any], name: str) -> None:
        """A text got an annotation."""
        message = self._about(event, name, MessageItem, "message")
        if message is not None:
            number = wire.read_index(event, "annotation_index")
            message.annotate(_content_index(event), number, event.get("annotation"), event)

    def _part_done(self, event: dict[str, Any], name: str) -> None:
        """A part is complete; parts of reasoning arrive here too."""
        part = wire.read_object(event, "part")
        kind = part_kind(part)
        if kind is None:
            self._extension(event, name)
            return
        message = self._about(event, name, MessageItem, "message", _whole(part, kind))
        if message is not None:
            message.part(_content_index(event), part, "$.part")
            self._run.extend(name, event)

    # --- Calls --------------------------------------------------------------------------

    def _call_delta(self, event: dict[str, Any], name: str) -> None:
        """The arguments of a call that the caller answers grew."""
        call = self._about(event, name, CallItem, _CALLS[name])
        if call is not None:
            delta = event.get("delta")
            whole = isinstance(delta, dict)
            call.arguments(wire.json_of(delta) if whole else _delta(event), event)

    def _call_done(self, event: dict[str, Any], name: str) -> None:
        """The arguments of a call that the caller answers are complete."""
        whole = wire.json_of(event.get("arguments")) or wire.json_of(event.get("input"))
        call = self._about(event, name, CallItem, _CALLS[name], whole)
        if call is not None:
            call.finish(whole)
            self._run.extend(name, event)

    def _code_delta(self, event: dict[str, Any], name: str) -> None:
        """The code for the code interpreter grew."""
        call = self._about(event, name, CodeItem, "code_interpreter_call")
        if call is not None:
            call.code(_delta(event), event)

    def _code_done(self, event: dict[str, Any], name: str) -> None:
        """The code for the code interpreter is complete."""
        whole = _whole(event, "code")
        call = self._about(event, name, CodeItem, "code_interpreter_call", whole)
        if call is not None:
            call.complete(whole)
            self._run.extend(name, event)

    def _mcp_delta(self, event: dict[str, Any], name: str) -> None:
        """The arguments of a call of an MCP tool grew."""
        call = self._about(event, name, MCPItem, "mcp_call")
        if call is not None:
            call.arguments(_delta(event), event)

    def _mcp_done(self, event: dict[str, Any], name: str) -> None:
        """The arguments of a call of an MCP tool are complete."""
        whole = wire.json_of(event.get("arguments"))
        call = self._about(event, name, MCPItem, "mcp_call", whole)
        if call is not None:
            call.complete(whole)
            self._run.extend(name, event)

    # --- Events that the Assistants wire never had --------------------------------------

    def _partial_image(self, event: dict[str, Any], _: str) -> None:
        """A preview of an unfinished image arrived."""
        self._begin(event)
        image = models.PartialImage(
            _whole(event, "partial_image_b64"),
            wire.read_index(event, "partial_image_index") or 0,
            _whole(event, "item_id"),
        )
        self._run.write(events.ImageGenerationPartial, image, event)

    def _reasoning_delta(self, event: dict[str, Any], name: str) -> None:
        """The model's reasoning grew."""
        self._reason(event, name, "text", _content_index(event))

    def _summary_delta(self, event: dict[str, Any], name: str) -> None:
        """A summary of the model's reasoning grew."""
        self._reason(event, name, "summary", wire.read_index(event, "summary_index"))

    def _reasoning_done(self, event: dict[str, Any], name: str) -> None:
        """A text of the model's reasoning is complete."""
        self._reasoned(event, name, "text", _content_index(event))

    def _summary_done(self, event: dict[str, Any], name: str) -> None:
        """A part of a summary is complete."""
        self._reasoned(event, name, "summary", wire.read_index(event, "summary_index"))

    def _reason(self, event: dict[str, Any], name: str, kind: str, index: int | None) -> None:
        """Add a piece to a text of reasoning."""
        item = self._about(event, name, ReasoningItem, "reasoning")
        if item is not None:
            item.piece(kind, index, _delta(event), event)

    def _reasoned(self, event: dict[str, Any], name: str, kind: str, index: int | None) -> None:
        """End a text of reasoning."""
        whole = _whole(event, "text")
        item = self._about(event, name, ReasoningItem, "reasoning", whole)
        if item is not None and not item.complete(kind, index, whole, event):
            self._run.extend(name, event)


def _delta(event: dict[str, Any]) -> str:
    """Return the piece in EVENT, which early versions wrapped in an object."""
    delta = event.get("delta")
    wrapped = delta.get("text") if isinstance(delta, dict) else None
    return wrapped if isinstance(wrapped, str) else wire.read_text(event, "delta")


def _whole(event: dict[str, Any], key: str) -> str:
    """Return the text at KEY of EVENT; "" if there is none, because deltas say the same."""
    return wire.text_or_none(event.get(key)) or ""


def _content_index(event: dict[str, Any]) -> int | None:
    """Return the index of the part that EVENT is about, or None if it does not say."""
    return wire.read_index(event, "content_index")
