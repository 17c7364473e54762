"""The class to subclass: one method for each event, all of them empty.

Rules of this file:

- :class:`EventHandler` holds no state and no stream and needs no ``super().__init__()``, so that
  one instance serves many streams: one after the other, or a tool round and its continuation.
- Each callback's docstring is its contract: when, how often, in which order, what is live.
- Which event becomes which callback stands in ``ROUTES`` (``handlers.routes``); nothing here
  computes a name. Callbacks that a subclass leaves alone are never called.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from stream_core.dispatch import current_context
from stream_core.events import Event, WireEvent

from .checks import check_handler_class, check_handler_instance
from .routes import CALLBACKS, ON_EVENT, ROUTES, Route, route_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stream_core import models
    from stream_core.events import RepeatedEvent, UnknownEvent

__all__ = ["ROUTES", "EventHandler", "Route"]


class EventHandler:
    """Turns events into method calls; override the callbacks that you want.

    ::

        class Printer(EventHandler):
            def on_text_delta(self, delta, snapshot):
                print(delta.value, end="", flush=True)

    What holds for all callbacks:

    - They run in the order of the wire, inside the reader's own call, and what they return is
      ignored. A callback that takes long delays the stream.
    - For one event the order is: ``observes``, :meth:`on_event`, the event's own callback. The
      events derived from a wire event come after it; those are the callbacks under "Derived".
    - *Snapshots are live*: one object that grows. ``copy.deepcopy(snapshot)`` keeps a copy.
    - An exception is the user's own: all callbacks still get the event, the stream closes,
      :meth:`on_end` runs everywhere, and the exception leaves ``next()`` or ``until_done()``
      unchanged but for a note with class, callback and event.
    - A callback may close the stream and register handlers. It may not read on.

    A method or attribute whose name starts with ``on_`` must be a callback: a misspelt or async
    one, or one that cannot take the arguments, is a TypeError where the class is defined. A
    callback may be assigned to an instance too, and is checked when the instance is registered.
    Callbacks are looked up then and not again: a later assignment is for later streams.

    Attributes:
        observes: For mixins: event class -> name of a method that is called with every such
            event, of that class or one derived from it, before any callback. Each class in a
            class's bases may have such a table of its own; all of them hold, those of the last
            base first. So a mixin sees its events in whatever order classes are combined, and
            whatever callbacks are overridden without ``super()``.
        extra_callbacks: For base classes that add callbacks of their own: names starting with
            ``on_`` that are not misspelt. Those of all bases hold.
    """

    observes: ClassVar[Mapping[type[Event], str]] = {}
    extra_callbacks: ClassVar[Iterable[str]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check the callbacks of a new subclass."""
        super().__init_subclass__(**kwargs)
        check_handler_class(cls, EventHandler)

    # --- What a dispatcher calls --------------------------------------------------------

    def handle(self, event: Event, /) -> None:
        """Call whatever there is for EVENT.

        A dispatcher does not come through here, but calls what :meth:`callback_table` lists,
        unless a subclass overrides this method: then that one gets every event, and nothing
        else is called but by ``super().handle(event)``.
        """
        own = {x for x, empty in _EMPTY.items() if getattr(type(self), x) is not empty}
        for call in _calls(event.__class__, own | vars(self).keys(), _observers(type(self))):
            _bound(self, call)(event)

    def callback_table(self) -> dict[type[Event], tuple[Callable[[Any], object], ...]]:
        """Return what there is to call for each event class (``TableHandler.callback_table``).

        Raises:
            TypeError: A callback assigned to this instance is none, or not a plain function.
        """
        cls: Any = type(self)  # hashable, which type checkers do not see behind the cache
        assigned = frozenset(vars(self).keys() & _EMPTY.keys())
        if assigned or any(name.startswith("on_") for name in vars(self)):
            check_handler_instance(self)
        methods: dict[Route | str, Callable[[Any], object]] = {}
        table = {}
        for event_class, calls in _plan(cls, assigned):
            for call in calls:
                if call not in methods:
                    methods[call] = _bound(self, call)
            table[event_class] = tuple([methods[call] for call in calls])
        return table

    # --- The stream whose event is being handled ----------------------------------------

    @property
    def current_event(self) -> Event | None:
        """The wire or derived event being handled; None outside callbacks."""
        context = current_context()
        return None if context is None else context.current_event

    @property
    def current_run(self) -> models.Run | None:
        """The run as last seen, this event included; None before it, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run

    @property
    def current_message_snapshot(self) -> models.Message | None:
        """The message last heard of, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_message_snapshot

    @property
    def current_run_step_snapshot(self) -> models.RunStep | None:
        """The run step last heard of, live; None before any, and outside callbacks."""
        context = current_context()
        return None if context is None else context.current_run_step_snapshot

    # --- Every event of the wire --------------------------------------------------------

    def on_event(self, event: WireEvent[Any]) -> None:
        """Every event that the server sent, before its own callback, in the order sent.

        ``error``, ``done``, unknown and repeated ones come too, and those with
        ``event.synthetic``. Derived and local events do not: they have callbacks only.
        """

    def on_unknown_event(self, event: UnknownEvent) -> None:
        """The server sent an event of a name that is not known here; ``event.data`` has it."""

    def on_repeated_event(self, event: RepeatedEvent) -> None:
        """The server sent a created or an ending again; its own callback does not run again."""

    def on_error(self, error: models.Error) -> None:
        """The server reports an error, at most once; the stream ends.

        :meth:`on_exception` with a ``ServerError`` and :meth:`on_end` follow.
        """

    def on_done(self) -> None:
        """The server has said all, once per stream; :meth:`on_end` follows.

        Also when the run failed, was cancelled, expired or requires action. It comes too when
        the bytes end without ``done`` after a run's last status, but not when they end earlier.
        """

    # --- The thread and the run ---------------------------------------------------------

    def on_thread_created(self, thread: models.Thread) -> None:
        """A thread was created, once; only where thread and run are created by one request."""

    def on_run_created(self, run: models.Run) -> None:
        """The run was created, once.

        The stream that follows submitted tool outputs has none.
        """

    def on_run_queued(self, run: models.Run) -> None:
        """The run waits for its turn; once per stream as a rule."""

    def on_run_in_progress(self, run: models.Run) -> None:
        """The run works; once per stream as a rule."""

    def on_run_requires_action(self, run: models.Run) -> None:
        """The run waits, as ``run.required_action`` says, mostly for tool outputs.

        The last event of the run in this stream: :meth:`on_done` follows. Callbacks with the
        calls, :meth:`on_tool_call_done`, come after this one.
        """

    def on_run_completed(self, run: models.Run) -> None:
        """The server names the run completed; ``run.status`` may say otherwise and counts.

        For an ending of whatever kind use :meth:`on_run_done`.
        """

    def on_run_incomplete(self, run: models.Run) -> None:
        """The run ended before its answer did; ``run.incomplete_details`` says why."""

    def on_run_failed(self, run: models.Run) -> None:
        """The run failed; ``run.last_error`` says why. For the stream it is a normal ending."""

    def on_run_cancelling(self, run: models.Run) -> None:
        """The run is about to be cancelled."""

    def on_run_cancelled(self, run: models.Run) -> None:
        """The run was cancelled."""

    def on_run_expired(self, run: models.Run) -> None:
        """The run expired, mostly because tool outputs did not come."""

    # --- Run steps ----------------------------------------------------------------------

    def on_run_step_created(self, run_step: models.RunStep) -> None:
        """A step began, once per step, before anything else of it; live from here.

        For a step that begins with something else it is called first, with what is known.
        """

    def on_run_step_in_progress(self, run_step: models.RunStep) -> None:
        """The step works."""

    def on_run_step_delta(self, delta: models.RunStepDelta, snapshot: models.RunStep) -> None:
        """The step grew: ``delta`` is what it gained, ``snapshot`` the live step with it.

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
        """A message began, once per message, before anything else of it; live from here.

        For a message that begins with something else it is called first, with what is known.
        """

    def on_message_in_progress(self, message: models.Message) -> None:
        """The message is being written."""

    def on_message_delta(self, delta: models.MessageDelta, snapshot: models.Message) -> None:
        """The message grew: ``delta`` is what it gained, ``snapshot`` the live message with it.

        ``current_event.data.id`` is the message's id. For text alone use :meth:`on_text_delta`.
        """

    def on_message_completed(self, message: models.Message) -> None:
        """The message is complete, as the server sent it."""

    def on_message_incomplete(self, message: models.Message) -> None:
        """The message ended early; ``message.incomplete_details`` says why."""

    # --- Derived: the parts of a message ------------------------------------------------
    # The part's place is in the event: current_event.message_id and current_event.index.

    def on_text_created(self, text: models.Text) -> None:
        """A text part began, once per part, before its first :meth:`on_text_delta`; live.

        The part before it in the message is done by then. ``text.value`` may hold the first
        piece already.
        """

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        """A text part grew by ``delta.value``, a string; ``snapshot.value`` is the text so far.

        All the ``delta.value`` of a part, joined, are its text. Pieces are cut anywhere. A delta
        that only annotates comes to :meth:`on_annotation` alone.
        """

    def on_text_done(self, text: models.Text) -> None:
        """A text part is complete, once per part that began, also when its message ended early."""

    def on_annotation(self, annotation: models.Annotation, text: models.Text) -> None:
        """A text part got an annotation, once per annotation; ``text`` has it already."""

    def on_refusal_delta(
        self, delta: models.RefusalDeltaBlock, snapshot: models.RefusalContentBlock
    ) -> None:
        """A refusal grew by ``delta.refusal``; ``snapshot.refusal`` is all of it so far, live."""

    def on_refusal_done(self, refusal: models.RefusalContentBlock) -> None:
        """A refusal is complete, once per part."""

    def on_image_file_done(self, image_file: models.ImageFile) -> None:
        """An image by file id is complete, once per part."""

    def on_image_url_done(self, image_url: models.ImageURL) -> None:
        """An image by address is complete, once per part."""

    def on_message_done(self, message: models.Message) -> None:
        """A message is over, completed or not, once per message, after all its parts."""

    # --- Derived: tool calls, and the ends of steps and runs ----------------------------
    # The call's place is in the event: current_event.run_step_id and current_event.index.

    def on_tool_call_created(self, tool_call: models.ToolCall) -> None:
        """A tool call began, once per call, before its first :meth:`on_tool_call_delta`; live.

        The call before it in the step is done by then. The first fragment is in it already.
        """

    def on_tool_call_delta(self, delta: models.ToolCallDelta, snapshot: models.ToolCall) -> None:
        """A tool call grew; ``snapshot`` is the live call with ``delta`` in it.

        The fragment that the call began with comes too, so the fragments joined are the whole.
        """

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        """A tool call is complete as far as this stream goes, once per call.

        Every known Assistants server sends the fragments of one call before those of the next,
        so its arguments are complete; ``on_run_step_done`` and ``run.required_action`` have the
        server's own word for all calls. The output is not there when the run requires it.
        """

    def on_run_step_done(self, run_step: models.RunStep) -> None:
        """A step ended in whatever way (``run_step.status``), once per step."""

    def on_run_done(self, run: models.Run) -> None:
        """A run ended in whatever way (``run.status``), once per run; last of its callbacks.

        Not when it requires action: then it goes on in another stream.
        """

    # --- Local: the stream itself -------------------------------------------------------

    def on_timeout(self) -> None:
        """No connection in time, or silence for too long; :meth:`on_exception` follows."""

    def on_exception(self, exception: Exception) -> None:
        """The stream failed, at most once; :meth:`on_end` follows.

        Transport, decoding, an end before the run's, or the server's ``error``; never what a
        callback raised. ``exception`` is what ``.err`` holds and iteration raises.
        """

    def on_end(self) -> None:
        """The stream is over: exactly once, after everything else, whatever happened."""


#: What a class must differ from to be called.
_EMPTY = {name: getattr(EventHandler, name) for name in (*CALLBACKS, "handle")}


#: How many handler classes are remembered; a program has a few.
_REMEMBERED_CLASSES = 256


@lru_cache(maxsize=_REMEMBERED_CLASSES)
def _plan(
    cls: type[EventHandler], assigned: frozenset[str]
) -> tuple[tuple[type[Event], tuple[Route | str, ...]], ...]:
    """Return what instances of CLS have to call, in order, for each event class.

    Args:
        cls: The handler's class.
        assigned: Names of callbacks that were assigned to the instance.

    Returns:
        Event classes with routes of callbacks, and names of observers.
    """
    own = {name for name, empty in _EMPTY.items() if getattr(cls, name) is not empty} | assigned
    if "handle" in own:
        return ((Event, ("handle",)),)
    observers = _observers(cls)
    wanted = tuple(base for base, _ in observers)
    wanted += (WireEvent,) if ON_EVENT.callback in own else ()
    rows = []
    for event_class in (*wanted, *ROUTES):
        calls = _calls(event_class, own, observers)
        if calls:
            rows.append((event_class, calls))
    return tuple(rows)


def _observers(cls: type[EventHandler]) -> list[tuple[type[Event], str]]:
    """Return what the bases of CLS observe, the last base's first."""
    tables = [vars(one).get("observes", {}) for one in reversed(cls.__mro__)]
    return [row for table in tables for row in table.items()]


def _calls(
    event_class: type[Event], own: set[str], observers: list[tuple[type[Event], str]]
) -> tuple[Route | str, ...]:
    """Return what there is to call for an event of EVENT_CLASS, in order."""
    routes = [ON_EVENT if issubclass(event_class, WireEvent) else None, route_of(event_class)]
    return (
        *(name for base, name in observers if issubclass(event_class, base)),
        *(route for route in routes if route is not None and route.callback in own),
    )


def _bound(handler: EventHandler, call: Route | str) -> Callable[[Any], object]:
    """Return the function of one event that CALL means for HANDLER."""
    if isinstance(call, str):
        found: Callable[[Any], object] = getattr(handler, call)
        return found
    return call.bind(getattr(handler, call.callback))
