"""The table of events, their callbacks and the callbacks' arguments.

Rules of this file: names are written out, never computed, so that a reader can search for them,
a test can check them against :class:`handlers.EventHandler`, and the documentation can be
printed from them. A new event gets a row here and a method there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stream_core import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["CALLBACKS", "ON_EVENT", "ROUTES", "Route", "callbacks_of", "method", "row_of"]


class Route:
    """One callback, and the places of its arguments in the event.

    Args:
        callback: The name of the method.
        condition: Returns whether to call it for an event; None calls it for all.
        paths: For each argument, in order, its name and the dotted path of attributes that
            leads to it from the event, an empty path being the event itself; or a function of
            the event that returns it.

    Attributes:
        callback: The name of the method.
        arguments: The names of its arguments.
        paths: Their paths.
    """

    __slots__ = ("_condition", "arguments", "callback", "paths")

    def __init__(
        self,
        callback: str,
        condition: Callable[[Any], bool] | None = None,
        /,
        **paths: str | Callable[[Any], object],
    ) -> None:
        self.callback = callback
        self.arguments = tuple(paths)
        self.paths = tuple(paths.values())
        self._condition = condition

    @property
    def call(self) -> Callable[[Any, Any], object]:
        """A function of a handler and an event that calls the method with its arguments."""
        return _caller(self.callback, self.paths, self._condition)

    def __repr__(self) -> str:
        """Return the call as the documentation shows it: ``on_text_delta(delta, snapshot)``."""
        return f"{self.callback}({', '.join(self.arguments)})"


#: How many functions are cached; there is one for each row of the tables in use.
_REMEMBERED_CALLERS = 512


def method(name: str) -> Callable[[Any, Any], object]:
    """Return a function of a handler and an event that calls the method NAME with the event."""
    return _caller(name, ("",), None)


@lru_cache(maxsize=_REMEMBERED_CALLERS)
def _caller(
    name: str,
    paths: tuple[str | Callable[[Any], object], ...],
    condition: Callable[[Any], bool] | None,
) -> Callable[[Any, Any], object]:
    """Return a function of a handler and an event that calls the method NAME.

    It is generated, e.g. as ``return handler.on_text_delta(event.delta, event.snapshot)``, since
    it runs for every event. It has the method's name, which notes on exceptions show.
    """
    if not all(part.isidentifier() for part in _names_in(name, paths)):
        raise ValueError(f"{name} or one of the paths {paths} is not a dotted name")
    scope: dict[str, Any] = {"condition": condition}
    arguments = []
    for number, path in enumerate(paths):
        if isinstance(path, str):
            arguments.append(f"event.{path}" if path else "event")
        else:
            scope[f"find{number}"] = path
            arguments.append(f"find{number}(event)")
    when = "" if condition is None else "if condition(event): "
    source = f"def {name}(handler, event):\n    {when}return handler.{name}({', '.join(arguments)})"
    exec(source, scope)  # noqa: S102  # the source is made of the names in our tables
    made: Callable[[Any, Any], object] = scope[name]
    return made


def _names_in(name: str, paths: tuple[str | Callable[[Any], object], ...]) -> Iterator[str]:
    """Yield every name in one row of a table."""
    yield name
    for path in paths:
        if isinstance(path, str) and path:
            yield from path.split(".")


#: For every wire event, before the event's own callback.
ON_EVENT = Route("on_event", event="")

ROUTES: Mapping[type[events.Event], Route] = {
    # Wire
    events.ThreadCreated: Route("on_thread_created", thread="data"),
    events.ThreadRunCreated: Route("on_run_created", run="data"),
    events.ThreadRunQueued: Route("on_run_queued", run="data"),
    events.ThreadRunInProgress: Route("on_run_in_progress", run="data"),
    events.ThreadRunRequiresAction: Route("on_run_requires_action", run="data"),
    events.ThreadRunCompleted: Route("on_run_completed", run="data"),
    events.ThreadRunIncomplete: Route("on_run_incomplete", run="data"),
    events.ThreadRunFailed: Route("on_run_failed", run="data"),
    events.ThreadRunCancelling: Route("on_run_cancelling", run="data"),
    events.ThreadRunCancelled: Route("on_run_cancelled", run="data"),
    events.ThreadRunExpired: Route("on_run_expired", run="data"),
    events.ThreadRunStepCreated: Route("on_run_step_created", run_step="data"),
    events.ThreadRunStepInProgress: Route("on_run_step_in_progress", run_step="data"),
    events.ThreadRunStepDelta: Route("on_run_step_delta", delta="data.delta", snapshot="snapshot"),
    events.ThreadRunStepCompleted: Route("on_run_step_completed", run_step="data"),
    events.ThreadRunStepFailed: Route("on_run_step_failed", run_step="data"),
    events.ThreadRunStepCancelled: Route("on_run_step_cancelled", run_step="data"),
    events.ThreadRunStepExpired: Route("on_run_step_expired", run_step="data"),
    events.ThreadMessageCreated: Route("on_message_created", message="data"),
    events.ThreadMessageInProgress: Route("on_message_in_progress", message="data"),
    events.ThreadMessageDelta: Route("on_message_delta", delta="data.delta", snapshot="snapshot"),
    events.ThreadMessageCompleted: Route("on_message_completed", message="data"),
    events.ThreadMessageIncomplete: Route("on_message_incomplete", message="data"),
    events.ErrorEvent: Route("on_error", error="data"),
    events.Done: Route("on_done"),
    events.UnknownEvent: Route("on_unknown_event", event=""),
    events.RepeatedEvent: Route("on_repeated_event", event=""),
    # Extension
    events.ReasoningDelta: Route(
        "on_reasoning_delta", delta="data.delta", snapshot="data.snapshot.text"
    ),
    events.ReasoningDone: Route("on_reasoning_done", text="data.text"),
    events.ReasoningSummaryDelta: Route(
        "on_reasoning_summary_delta", delta="data.delta", snapshot="data.snapshot.text"
    ),
    events.ReasoningSummaryDone: Route("on_reasoning_summary_done", text="data.text"),
    events.ImageGenerationPartial: Route("on_image_generation_partial", image="data"),
    events.ExtensionEvent: Route("on_extension_event", event=""),
    # Derived
    events.MessageTextCreated: Route("on_text_created", text="text"),
    events.MessageTextDelta: Route("on_text_delta", delta="delta", snapshot="snapshot"),
    events.MessageTextDone: Route("on_text_done", text="text"),
    events.MessageAnnotation: Route("on_annotation", annotation="annotation", text="text"),
    events.MessageRefusalDelta: Route("on_refusal_delta", delta="delta", snapshot="snapshot"),
    events.MessageRefusalDone: Route("on_refusal_done", refusal="refusal"),
    events.MessageImageFileDone: Route("on_image_file_done", image_file="image_file"),
    events.MessageImageURLDone: Route("on_image_url_done", image_url="image_url"),
    events.MessageDone: Route("on_message_done", message="message"),
    events.RunStepToolCallCreated: Route("on_tool_call_created", tool_call="tool_call"),
    events.RunStepToolCallDelta: Route("on_tool_call_delta", delta="delta", snapshot="snapshot"),
    events.RunStepToolCallDone: Route("on_tool_call_done", tool_call="tool_call"),
    events.RunStepDone: Route("on_run_step_done", run_step="run_step"),
    events.RunDone: Route("on_run_done", run="run"),
    # Local
    events.ToolOutput: Route("on_tool_output", tool_call="tool_call", output="output"),
    events.ToolError: Route("on_tool_error", tool_call="tool_call", error="error"),
    events.StreamRecovered: Route("on_recovered", report=""),
    events.StreamTimeout: Route("on_timeout"),
    events.StreamException: Route("on_exception", exception="exception"),
    events.StreamEnd: Route("on_end"),
}

#: Every callback by name.
CALLBACKS: Mapping[str, Route] = {route.callback: route for route in (ON_EVENT, *ROUTES.values())}


def row_of(
    routes: Mapping[type[events.Event], Sequence[Route]], event_class: type[events.Event]
) -> Sequence[Route]:
    """Return the row of ROUTES for EVENT_CLASS or its nearest base class that has one."""
    return next((routes[base] for base in event_class.__mro__ if base in routes), ())


#: How many handler classes are cached; a program has a few.
_REMEMBERED_CLASSES = 256


@lru_cache(maxsize=_REMEMBERED_CLASSES)
def _callbacks_of(cls: Any) -> Mapping[str, Route]:
    return {route.callback: route for row in cls.routes.values() for route in row}


def callbacks_of(cls: Any) -> Mapping[str, Route]:
    """Return every callback of a handler class, by name, in the order of its table ``routes``."""
    found: Mapping[str, Route] = _callbacks_of(cls)
    return found
