"""The class to subclass: one method for each event, each of them empty.

Rules of this file:

- :class:`EventHandler` holds no state and no stream and needs no ``super().__init__()``, so that
  one instance serves many streams: one after the other, or a tool round and its continuation.
- Each callback's docstring is its contract: when, how often, in which order, what is live.
- ``ROUTES`` (``handlers.routes``) says which event becomes which callback; nothing here
  computes a name. Callbacks that a subclass does not override are never called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from stream_core.events import Event, WireEvent

from .machinery import CallbackHandler
from .routes import ON_EVENT, ROUTES, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core import models
    from stream_core.events import ExtensionEvent, RepeatedEvent, StreamRecovered, UnknownEvent

__all__ = ["ROUTES", "EventHandler", "Route"]


class EventHandler(CallbackHandler):
    """Turns events into method calls; override the callbacks that you want.

    ::

        class Printer(EventHandler):
            def on_text_delta(self, delta, snapshot):
                print(delta.value, end="", flush=True)

    The rules for all callbacks:

    - They run in wire order, inside the reader's own call, and their return values are ignored.
      A slow callback delays the stream.
    - For one event the order is: ``observes``, :meth:`on_event`, the event's own callback. The
      events derived from a wire event come after it; their callbacks are those under "Derived".
    - *Snapshots are live*: one object that grows. ``copy.deepcopy(snapshot)`` keeps a copy.
    - An exception in a callback is the user's own: all other callbacks still get the event, the
      stream closes, :meth:`on_end` runs everywhere, and ``next()`` or ``until_done()`` raises the
      exception unchanged but for a note with class, callback and event.
    - A callback may close the stream and register handlers. It may not read from the stream.

    A method or attribute whose name starts with ``on_`` must be a callback: a misspelt or async
    one, or one that cannot take the arguments, is a TypeError when the class is defined. A
    callback may also be assigned to an instance before the instance is registered: registration
    looks up the callbacks of an instance, and checks them. A later assignment is not checked; it
    replaces a callback that was there, and otherwise takes effect for later streams.

    For mixins and base classes there are ``observes`` and ``extra_callbacks``; see
    :class:`handlers.machinery.CallbackHandler`.
    """

    routes: ClassVar[Mapping[type[Event], Sequence[Route]]] = {
        WireEvent: (ON_EVENT,),
        **{
            event_class: (ON_EVENT, route) if issubclass(event_class, WireEvent) else (route,)
            for event_class, route in ROUTES.items()
        },
    }

    # --- Every event of the wire --------------------------------------------------------

    def on_event(self, event: WireEvent[Any]) -> None:
        """The server sent an event, of any kind; called before the event's own callback.

        ``error``, ``done``, unknown and repeated events are included, and those with
        ``event.synthetic``. Derived and local events are not: they have only their own callbacks.
        """

    def on_unknown_event(self, event: UnknownEvent) -> None:
        """The server sent an event with an unknown name; ``event.data`` is its content."""

    def on_repeated_event(self, event: RepeatedEvent) -> None:
        """The server sent a created or final event again; its own callback does not run again."""

    def on_error(self, error: models.Error) -> None:
        """The server reported an error, at most once; the stream ends.

        :meth:`on_exception` with a ``ServerError`` and :meth:`on_end` follow.
        """

    def on_done(self) -> None:
        """The server has sent everything, once per stream; :meth:`on_end` follows.

        It also comes if the run failed, was cancelled, expired or requires action, and if the
        bytes end without ``done`` after a run's last status, but not if they end earlier.
        """

    # --- The thread and the run ---------------------------------------------------------

    def on_thread_created(self, thread: models.Thread) -> None:
        """A thread was created, once; only if one request creates thread and run."""

    def on_run_created(self, run: models.Run) -> None:
        """The run was created, once.

        It does not come in the stream that follows submitted tool outputs.
        """

    def on_run_queued(self, run: models.Run) -> None:
        """The run is waiting for its turn; usually once per stream."""

    def on_run_in_progress(self, run: models.Run) -> None:
        """The run is in progress; usually once per stream."""

    def on_run_requires_action(self, run: models.Run) -> None:
        """The run is waiting, mostly for tool outputs; ``run.required_action`` says for what.

        It is the last event of the run in this stream: :meth:`on_done` follows. The callbacks
        with the calls, :meth:`on_tool_call_done`, come after this one.
        """

    def on_run_completed(self, run: models.Run) -> None:
        """The server named the run completed; if ``run.status`` says otherwise, that counts.

        For an ending of any kind use :meth:`on_run_done`.
        """

    def on_run_incomplete(self, run: models.Run) -> None:
        """The run ended before its answer was complete; ``run.incomplete_details`` says why."""

    def on_run_failed(self, run: models.Run) -> None:
        """The run failed; ``run.last_error`` says why. For the stream this is a normal ending."""

    def on_run_cancelling(self, run: models.Run) -> None:
        """The run is about to be cancelled."""

    def on_run_cancelled(self, run: models.Run) -> None:
        """The run was cancelled."""

    def on_run_expired(self, run: models.Run) -> None:
        """The run expired, mostly because tool outputs did not come in time."""

    # --- Run steps ----------------------------------------------------------------------

    def on_run_step_created(self, run_step: models.RunStep) -> None:
        """A step began, once per step, before any other callback about it; live from here on.

        If the step begins with another event, this is called first, with what is known so far.
        """

    def on_run_step_in_progress(self, run_step: models.RunStep) -> None:
        """The step is in progress."""

    def on_run_step_delta(self, delta: models.RunStepDelta, snapshot: models.RunStep) -> None:
        """The step grew: ``delta`` is the change, ``snapshot`` the live step including it.

        ``current_event.data.id`` is the step's id.
        """

    def on_run_step_completed(self, run_step: models.RunStep) -> None:
        """The step is complete, as the server sent it."""

    def on_run_step_failed(self, run_step: models.RunStep) -> None:
        """The step failed; ``run_step.last_error`` says why."""

    def on_run_step_cancelled(self, run_step: models.RunStep) -> None:
        """The step was cancelled."""

    def on_run_step_expired(self, run_step: models.RunStep) -> None:
        """The step expired."""

    # --- Messages -----------------------------------------------------------------------

    def on_message_created(self, message: models.Message) -> None:
        """A message began, once per message, before any other callback about it; live from here on.

        If the message begins with another event, this is called first, with what is known so far.
        """

    def on_message_in_progress(self, message: models.Message) -> None:
        """The message is being written."""

    def on_message_delta(self, delta: models.MessageDelta, snapshot: models.Message) -> None:
        """The message grew: ``delta`` is the change, ``snapshot`` the live message including it.

        ``current_event.data.id`` is the message's id. For text alone use :meth:`on_text_delta`.
        """

    def on_message_completed(self, message: models.Message) -> None:
        """The message is complete, as the server sent it."""

    def on_message_incomplete(self, message: models.Message) -> None:
        """The message ended early; ``message.incomplete_details`` says why."""

    # --- Extensions: events of the Responses and Chat wires, not of Assistants ----------

    def on_reasoning_delta(self, delta: str, snapshot: str) -> None:
        """The model's reasoning grew by ``delta``; ``snapshot`` is that text so far.

        It is not part of a message. ``current_event.data.snapshot`` has item id and index.
        """

    def on_reasoning_done(self, text: str) -> None:
        """A text of the model's reasoning is complete, once per text."""

    def on_reasoning_summary_delta(self, delta: str, snapshot: str) -> None:
        """A summary of the reasoning grew by ``delta``; ``snapshot`` is that part so far."""

    def on_reasoning_summary_done(self, text: str) -> None:
        """A part of the summary of the reasoning is complete, once per part."""

    def on_image_generation_partial(self, image: models.PartialImage) -> None:
        """A preview of an image came: ``image.b64``, ``image.index``, ``image.item_id``."""

    def on_extension_event(self, event: ExtensionEvent) -> None:
        """An event that has no callback of its own, e.g. the state of a tool or of a part.

        ``event.event`` is its name on its own wire, ``event.data`` the JSON value as sent.
        """

    # --- Derived: the parts of a message ------------------------------------------------
    # The part's place is in the event: current_event.message_id and current_event.index.

    def on_text_created(self, text: models.Text) -> None:
        """A text part began, once per part, before its first :meth:`on_text_delta`; live.

        The part before it in the message is done by then. ``text.value`` may already hold the
        first piece.
        """

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        """A text part grew by ``delta.value``, a string; ``snapshot.value`` is the text so far.

        The ``delta.value`` strings of a part, joined, are its text. Pieces are cut anywhere. For
        a delta that only annotates, :meth:`on_annotation` is called instead.
        """

    def on_text_done(self, text: models.Text) -> None:
        """A text part is complete, once per part that began, even if its message ended early."""

    def on_annotation(self, annotation: models.Annotation, text: models.Text) -> None:
        """A text part got an annotation, once per annotation; ``text`` already includes it."""

    def on_refusal_delta(
        self, delta: models.RefusalDeltaBlock, snapshot: models.RefusalContentBlock
    ) -> None:
        """A refusal grew by ``delta.refusal``; ``snapshot.refusal`` is all of it so far, live."""

    def on_refusal_done(self, refusal: models.RefusalContentBlock) -> None:
        """A refusal is complete, once per part."""

    def on_image_file_done(self, image_file: models.ImageFile) -> None:
        """An image given by file id is complete, once per part."""

    def on_image_url_done(self, image_url: models.ImageURL) -> None:
        """An image given by address is complete, once per part."""

    def on_message_done(self, message: models.Message) -> None:
        """A message is over, completed or not, once per message, after all its parts."""

    # --- Derived: tool calls, and the ends of steps and runs ----------------------------
    # The call's place is in the event: current_event.run_step_id and current_event.index.

    def on_tool_call_created(self, tool_call: models.ToolCall) -> None:
        """A tool call began, once per call, before its first :meth:`on_tool_call_delta`; live.

        The call before it in the step is done by then. It already holds the first fragment.
        """

    def on_tool_call_delta(self, delta: models.ToolCallDelta, snapshot: models.ToolCall) -> None:
        """A tool call grew; ``snapshot`` is the live call including ``delta``.

        It also comes for the first fragment, so the fragments joined are the whole.
        """

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        """A tool call is complete as far as this stream goes, once per call.

        The arguments of a function are whole, and those that ``run.required_action`` has. If the
        server sends fragments of several calls in turn, a call may be done after the next one was
        created. There is no output yet if the run requires it.
        """

    def on_run_step_done(self, run_step: models.RunStep) -> None:
        """A step ended, in whatever way (``run_step.status``), once per step."""

    def on_run_done(self, run: models.Run) -> None:
        """A run ended, in whatever way (``run.status``), once per run; the last of its callbacks.

        It does not come if the run requires action: the run then continues in another stream.
        """

    # --- Local: the stream itself -------------------------------------------------------

    def on_tool_output(self, tool_call: models.RequiredActionFunctionToolCall, output: str) -> None:
        """A tool given as ``tools=`` returned OUTPUT, once per call, in the order of the calls.

        It comes after :meth:`on_run_requires_action` and before anything that follows.
        """

    def on_tool_error(
        self, tool_call: models.RequiredActionFunctionToolCall, error: Exception
    ) -> None:
        """A tool given as ``tools=`` raised, is unknown, or was called with wrong arguments.

        ``tool_errors`` decides whether its text is submitted as the output, or ERROR is raised.
        """

    def on_recovered(self, report: StreamRecovered) -> None:
        """The connection was lost, and the run was fetched from the server.

        It comes before the events that were missed.
        """

    def on_timeout(self) -> None:
        """No connection in time, or silence for too long; :meth:`on_exception` follows."""

    def on_exception(self, exception: Exception) -> None:
        """The stream failed, at most once; :meth:`on_end` follows.

        The cause is the transport, decoding, an end before the run's, or the server's ``error``;
        never a callback's exception. ``.err`` holds ``exception``, and iteration raises it.
        """

    def on_end(self) -> None:
        """The stream is over: exactly once, after everything else, whatever happened."""
