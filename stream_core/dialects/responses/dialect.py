"""The Responses wire: OpenAI, Azure, and the many servers that speak it more or less.

A response becomes a run; a message becomes a message in a step; calls become steps.

Rules of this file:

- The table in ``responses.event_table`` maps each type of event to a method. A type that is not
  in it is an :class:`UnknownEvent`, never an exception.
- Every frame before the end gives exactly one event that has its JSON as ``raw``. What it only
  implies is synthetic. A frame without a counterpart is an extension event.
- Frames about items are decoded by ``item_frames``, which is the other half of this class.
- Nothing depends on an event that adds nothing: servers leave out ``event:`` lines, indexes,
  sequence numbers, the beginning or the end of parts and items, and whole texts that no delta
  brought. The response that the last event carries is the last word.
- ``response.status`` overrides the name of the event. A response that completes with calls that
  the caller must answer is a run that requires an action.
- After the end nothing is decoded until :meth:`ResponsesDialect.resume`.

Source of the names: OpenAI API reference, "Responses: Streaming".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core import events, models
from stream_core.convert import json_text
from stream_core.dialects import Decoded, Repeats, is_bare_word
from stream_core.dialects.assistants import DONE, read_error
from stream_core.dialects.run_writer import add_usage
from stream_core.errors import DecodeError
from stream_core.models.base import evolve

from . import objects as wire
from .calls import CallItem, custom_calls
from .event_table import ALIASES, ROWS
from .item_frames import ItemFrames
from .run_ending import ending, error_in
from .run_fields import assistant_id, conversation_id, run_fields, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.sse import ServerSentEvent

__all__ = ["ResponsesDialect"]


#: The type of an item that asks whether a tool of an MCP server may be called.
_APPROVAL = "mcp_approval_request"

#: Maps the status of a response that has ended to the event that says so.
_ENDINGS = {
    name.removeprefix("response."): name for name, row in ROWS.items() if row.method == "_ended"
}

#: The pieces of reasoning, whose texts nobody keeps but their snapshots.
_REASONING = (events.ReasoningDelta, events.ReasoningSummaryDelta)

#: The names of a frame without ``event:`` (WHATWG: the default type is "message").
_UNNAMED = ("", "message")


class ResponsesDialect(ItemFrames):
    """The Responses wire, as the events of one run; it keeps the state of the current response.

    Attributes:
        sequence_number: The highest one seen, or None.
        requested_tools: The tools of the request; None if the request is not known.
    """

    #: Seconds for which the frame after an error is waited for: it says how the run ended.
    after_error = 2.0

    def __init__(
        self, *, response_id: str = "", thread_id: str = "", assistant_id: str = ""
    ) -> None:
        """Begin a run.

        Args:
            response_id: The response's id, if the stream begins in the middle of one.
            thread_id: The thread's id, if there is a thread; else it is the id of the response's
                conversation, else one made from the run's id.
            assistant_id: The assistant's id, if there is one; else it is the agent's name.
        """
        run = models.Run(
            id=response_id, thread_id=thread_id, assistant_id=assistant_id, instructions=""
        )
        super().__init__(run)
        self.sequence_number: int | None = None
        self.requested_tools: list[Any] | None = None
        self._tools: list[dict[str, Any]] = []
        self._usage: models.Usage | None = None
        self._seen: int | None = None
        # The last response as sent, and as read: servers send it again as it was.
        self._last: tuple[Any, wire.Response] | None = None

    # --- For run control ----------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the run ended, or waits for an action."""
        return self._run.ended

    @property
    def output_items(self) -> list[dict[str, Any]]:
        """The items of the last response in order, as sent, for a server that keeps no state."""
        return self._output.json

    @property
    def output_tokens(self) -> int:
        """How many tokens the model wrote, in all responses of the run that have ended."""
        return 0 if self._usage is None else self._usage.completion_tokens

    def resume(self, outputs: Mapping[str, str]) -> None:
        """Let the next response continue the run, which required an action.

        Args:
            outputs: The outputs of the calls, by ``tool_call.id``.

        Raises:
            RuntimeError: The response has not ended.
        """
        if not self._run.ended:
            raise RuntimeError("resume() before the response ended: read its stream to the end")
        self._run.resume(outputs)
        self._output.clear()
        self._tools, self.sequence_number, self._seen, self._last = [], None, None, None

    def rejoin(self) -> None:
        """Expect another stream of the same response: frames seen already are skipped."""
        self._seen = self.sequence_number

    # --- Frames -------------------------------------------------------------------------

    def decode(self, frame: ServerSentEvent) -> list[Decoded]:
        """Decode FRAME.

        Raises:
            DecodeError: The data is not JSON, or not what its type promises.
        """
        if self._run.ended:
            return []
        if frame.data.strip() == DONE:  # a hint only: the end is the response's own last event
            return [Decoded(events.ExtensionEvent, DONE, DONE, DONE)]
        name: str = frame.event
        event: Any = frame.data
        try:
            event = json_text.loads(frame.data)
        except ValueError as error:
            heartbeat = name in _UNNAMED and is_bare_word(frame.data)
            if name != "error" and (name in ROWS or name in _UNNAMED) and not heartbeat:
                raise DecodeError(f"the data is not JSON: {error}") from error
        name = _name_of(name, event)
        row = ROWS.get(name)
        if row is None:
            return [Decoded(events.UnknownEvent, event, event, name)]
        if not isinstance(event, dict) and name != "error":
            raise DecodeError("the data is not an event", paths=["$: this is not an object"])
        if isinstance(event, dict) and self._repeats(event):
            return [Decoded(events.ExtensionEvent, event, event, name)]
        getattr(self, row.method)(event, name)
        found = self._run.take()
        if not any(x.raw is event for x in found):
            found.append(Decoded(events.ExtensionEvent, event, event, name))
        return found

    def repeats(self, decoded: Decoded) -> Repeats | None:
        """Return how the frame of DECODED can come again.

        A frame in which all else is the same is about the same item and the same place in it.
        """
        event = decoded.raw
        kind = event.get("type")
        row = ROWS.get(ALIASES.get(kind, kind)) if isinstance(kind, str) else None
        if row is None or row.delta is None or not isinstance(event.get("delta"), str):
            return None
        grow = None
        if decoded.event_class not in _REASONING:
            delta, is_text = decoded.payload.delta, decoded.event_class is events.ThreadMessageDelta
            pieces = delta.content if is_text else delta.step_details.tool_calls
            grow = self._grower(event, row.method, pieces[0].index)
            if grow is None:
                return None
        number, names = event.get("sequence_number"), event.keys()
        if not isinstance(number, int):
            return Repeats(row.delta.only(names - {"sequence_number"}), grow)
        return Repeats(row.delta.only(names), grow, self)

    def _repeats(self, event: dict[str, Any]) -> bool:
        """Return whether EVENT was seen before the connection was lost, and record its number."""
        number = event.get("sequence_number")
        if not isinstance(number, int):
            return False
        if self._seen is not None and number <= self._seen:
            return True
        self.sequence_number = max(number, self.sequence_number or 0)
        return False

    # --- The response -------------------------------------------------------------------

    def _read(self, event: dict[str, Any]) -> wire.Response:
        """Read the response in EVENT, if it carries one, and update the run from it."""
        sent = event.get("response")
        if sent is None:  # some servers write its fields beside the type
            sent = event if event.get("object") == "response" else {**event, "id": None}
        if self._last is not None and sent == self._last[0]:
            return self._last[1]
        response = wire.read(wire.Response, sent, "$.response")
        self._last = sent, response
        self._tools += wire.objects_in(response.tools)
        self.response_id = response.id or self.response_id
        writer = self._run
        if writer.began == 0:
            run = writer.run
            run.thread_id = run.thread_id or conversation_id(response)
            run.assistant_id = run.assistant_id or assistant_id(response)
            self._identify(response.id)
        writer.run = evolve(writer.run, **run_fields(response))
        return response

    def _created(self, event: dict[str, Any], name: str) -> None:
        """The response was created; real Assistants streams then send queued, and so do we."""
        waits = self._read(event).status == "queued"
        first = self._run.began == 0
        if first:
            self._run.begin("created", event)
        if not (first and waits):
            written = self._run.begin("queued", None if first else event)
            if not (first or written):
                self._run.extend(name, event)

    def _queued(self, event: dict[str, Any], name: str) -> None:
        """The response waits."""
        self._proceed(event, name, "queued")

    def _in_progress(self, event: dict[str, Any], name: str) -> None:
        """The response is in progress; some servers send this again and again."""
        self._proceed(event, name, "in_progress")

    def _proceed(self, event: dict[str, Any], name: str, status: str) -> None:
        """The response got as far as STATUS; without a response, EVENT is only a heartbeat."""
        if event.get("response") is not None:
            self._read(event)
            if self._run.begin(status, event):
                return
        self._run.extend(name, event)

    def _ended(self, event: dict[str, Any], name: str) -> None:
        """The response ended; EVENT carries all of it."""
        response, error = self._read(event), None
        if event.get("response") is None and name == "response.failed":
            error = error_in(event)
        self._begin(event)
        if error is not None:
            self._run.written.append(Decoded(events.ErrorEvent, error, event, "error"))
        self._output.settle(response.output, "$.response.output")
        text = wire.text_or_none(response.output_text or event.get("output_text"))
        if text is not None:
            self._output.say(text)
        self._answer_custom_tools()
        found = ending(response, name, event.get("error") or error)
        before = self._run.run
        self._usage = add_usage(self._usage, usage(response.usage))
        extra = {**before.extra, **({} if found.word is None else {"finish_reason": found.word})}
        self._run.run = evolve(before, usage=self._usage, extra=extra or None)
        self._run.end(
            found.status,
            event if error is None else None,
            reason=found.reason,
            last_error=found.error,
            approvals=[_approval(x) for x in self.output_items if x.get("type") == _APPROVAL],
        )
        self._run.run = before

    def _answer_custom_tools(self) -> None:
        """Take the calls of custom tools for answered if nobody asked for such tools.

        A server that runs tools of its own may show them like that. In a recording, without a
        request, an empty list of tools does not say that nobody did.
        """
        requested, echoed = self.requested_tools, self._tools
        if requested is None and not echoed:
            return
        any_name, names = custom_calls([{"tools": requested}, {"tools": echoed}])
        calls = () if any_name else self._output.items
        for call in (x for x in calls if isinstance(x, CallItem)):
            if call.type == "custom_tool_call" and call.function.name not in names:
                self._run.answer(call.call_id, None)

    def _error(self, event: Any, name: str) -> None:
        """The server failed; EVENT does not state how the run ended."""
        self._run.written.append(Decoded(events.ErrorEvent, _error(event), event, name))


def _name_of(name: str, event: Any) -> str:
    """Return the type of a frame's EVENT: the one it states, else the frame's NAME.

    Without a type, a response is the event of its status, and ``{"error": ...}`` is an error.
    """
    if not isinstance(event, dict):
        return ALIASES.get(name, name) or "message"
    kind = event.get("type")
    if isinstance(kind, str) and (kind in ROWS or kind in ALIASES or name not in ROWS):
        return ALIASES.get(kind, kind)
    if name in _UNNAMED and kind is None and event.get("object") == "response":
        return _ENDINGS.get(str(event.get("status")), "response.in_progress")
    if name in _UNNAMED and kind is None and event.get("error"):
        return "error"
    return ALIASES.get(name, name) or "message"


def _error(event: Any) -> models.Error:
    """Read an error, wrapped or flat; the type of a flat one is the event's."""
    if isinstance(event, dict) and event.get("type") == "error":
        event = {key: value for key, value in event.items() if key != "type"}
    return read_error(event)


def _approval(item: dict[str, Any]) -> models.MCPApprovalToolCall:
    """Return the call that waits for an approval."""
    read = wire.read(wire.MCPItem, item, "$.response.output[*]")
    return models.MCPApprovalToolCall(
        read.id, "mcp", read.name, wire.json_of(read.arguments), read.server_label
    )
