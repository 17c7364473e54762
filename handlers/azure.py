"""azure-ai-agents' callbacks: a handler written for it runs here once its import is changed.

Rules of this file:

- Names, arguments and events are azure-ai-agents': one callback for every event with a message, a
  run or a step in it, each time the server sends one.
- The docstring of :class:`AgentEventHandler` lists the differences, with reasons.
- ``AGENT_ROUTES`` is the table, as ``ROUTES`` is for ``EventHandler``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from stream_core import events, models
from stream_core.convert.payloads import unstructure

from .base import EventHandler
from .machinery import CallbackHandler
from .routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_core.events import Event

__all__ = ["AGENT_ROUTES", "AgentEventHandler"]

T = TypeVar("T")


def _was_sent(event: events.WireEvent[Any]) -> bool:
    """Return whether the server sent EVENT; a missing created event is synthesized."""
    return not event.synthetic


def _has_run(event: events.RepeatedEvent) -> bool:
    return isinstance(event.data, models.Run)


def _has_step(event: events.RepeatedEvent) -> bool:
    return isinstance(event.data, models.RunStep)


def _has_message(event: events.RepeatedEvent) -> bool:
    return isinstance(event.data, models.Message)


def _data_as_text(event: events.WireEvent[Any]) -> str:
    """Return the data of EVENT as a string: JSON, unless it is a string already."""
    value = unstructure(event.data) if event.raw is None else event.raw
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_MESSAGE = Route("on_thread_message", message="data")
_RUN = Route("on_thread_run", run="data")
_STEP = Route("on_run_step", step="data")
_UNHANDLED = Route("on_unhandled_event", event_type="event", event_data=_data_as_text)

#: Event class -> the callbacks that it becomes.
AGENT_ROUTES: Mapping[type[Event], Sequence[Route]] = {
    events.ThreadCreated: (_UNHANDLED,),
    events.ThreadRunCreated: (_RUN,),
    events.ThreadRunQueued: (_RUN,),
    events.ThreadRunInProgress: (_RUN,),
    events.ThreadRunRequiresAction: (_RUN,),
    events.ThreadRunCompleted: (_RUN,),
    events.ThreadRunIncomplete: (_RUN,),
    events.ThreadRunFailed: (_RUN,),
    events.ThreadRunCancelling: (_RUN,),
    events.ThreadRunCancelled: (_RUN,),
    events.ThreadRunExpired: (_RUN,),
    events.ThreadRunStepCreated: (Route("on_run_step", _was_sent, step="data"),),
    events.ThreadRunStepInProgress: (_STEP,),
    events.ThreadRunStepDelta: (Route("on_run_step_delta", delta="data"),),
    events.ThreadRunStepCompleted: (_STEP,),
    events.ThreadRunStepFailed: (_STEP,),
    events.ThreadRunStepCancelled: (_STEP,),
    events.ThreadRunStepExpired: (_STEP,),
    events.ThreadMessageCreated: (Route("on_thread_message", _was_sent, message="data"),),
    events.ThreadMessageInProgress: (_MESSAGE,),
    events.ThreadMessageDelta: (Route("on_message_delta", delta="data"),),
    events.ThreadMessageCompleted: (_MESSAGE,),
    events.ThreadMessageIncomplete: (_MESSAGE,),
    events.ErrorEvent: (Route("on_error", data=_data_as_text),),
    events.Done: (Route("on_done"),),
    events.UnknownEvent: (_UNHANDLED,),
    events.RepeatedEvent: (
        Route("on_thread_message", _has_message, message="data"),
        Route("on_thread_run", _has_run, run="data"),
        Route("on_run_step", _has_step, step="data"),
    ),
}

#: Names that EventHandler has too, with other arguments; here they are azure-ai-agents'.
_THEIRS = {route.callback for row in AGENT_ROUTES.values() for route in row}


class AgentEventHandler(CallbackHandler, Generic[T]):
    """Azure's callbacks on any stream of this library; override those that you want.

    ::

        # from azure.ai.agents.models import AgentEventHandler
        from handlers import AgentEventHandler


        class Printer(AgentEventHandler[str]):
            def on_message_delta(self, delta):
                print(delta.text, end="", flush=True)

    Payloads are those of ``stream_core.models``. They have the attributes of azure-ai-agents'
    under the same names, including ``agent_id``, ``delta.text`` and ``message.text_messages``;
    times are numbers, seconds since 1970, and status and type are plain strings.

    The differences from azure-ai-agents, and the reasons:

    - :meth:`stream_core.Stream.until_done` and iteration belong to the stream; a handler holds
      no stream, and one handler may serve many.
    - ``until_done()`` raises the exceptions of callbacks. In Azure's they are logged and lost.
    - After :meth:`on_error`, ``until_done()`` raises ``ServerError``. Azure's stream goes on.
    - ``on_done`` comes once per stream, even if the server sends no ``done``. A stream that calls
      ``tools=`` is one stream, with one ``on_done``. In Azure's it comes once per round of tools.
    - :meth:`on_error` and :meth:`on_unhandled_event` get JSON instead of Python's notation.
    - The return value of a callback is ignored.

    ``EventHandler``'s callbacks whose names are not used here may be defined too, such as
    ``on_text_delta(delta, snapshot)``, ``on_exception(exception)`` and ``on_end()``; for one
    event they come before these. ``observes`` and ``extra_callbacks`` are
    :class:`handlers.machinery.CallbackHandler`'s, so mixins such as ``TextAccumulatorMixin`` work.
    """

    routes: ClassVar[Mapping[type[Event], Sequence[Route]]] = {
        event_class: (
            *(route for route in row if route.callback not in _THEIRS),
            *AGENT_ROUTES.get(event_class, ()),
        )
        for event_class, row in EventHandler.routes.items()
    }

    def on_message_delta(self, delta: models.MessageDeltaEvent) -> T | None:
        """A message grew: ``delta.text`` is the new text, ``delta.id`` the message's id."""

    def on_thread_message(self, message: models.Message) -> T | None:
        """A message was created or changed: ``message.status`` says how."""

    def on_thread_run(self, run: models.Run) -> T | None:
        """A run was created or changed: ``run.status`` says how."""

    def on_run_step(self, step: models.RunStep) -> T | None:
        """A step was created or changed: ``step.status`` says how."""

    def on_run_step_delta(self, delta: models.RunStepDeltaEvent) -> T | None:
        """A step grew: ``delta.delta`` is the change, ``delta.id`` the step's id."""

    def on_error(self, data: str) -> T | None:
        """The server reported an error; DATA is its JSON, or its text if it is not JSON."""

    def on_done(self) -> T | None:
        """The server has sent everything, once per stream."""

    def on_unhandled_event(self, event_type: str, event_data: str) -> T | None:
        """A thread was created, or the event is unknown; EVENT_DATA is its JSON, or its text."""
