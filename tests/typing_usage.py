"""Typed usage, as users write it: checked by mypy and pyright, never run.

Rules of this file: a line that a checker must refuse has a ``type: ignore`` with its code, which
is an error itself where the checker does not refuse it; ``assert_type`` says what is inferred.
"""

from __future__ import annotations

from typing import Any, assert_type

from handlers import (
    ROUTES,
    AgentEventHandler,
    EventHandler,
    Route,
    TextAccumulator,
    TextAccumulatorMixin,
)
from stream_core import events, models
from stream_core.dispatch import Dispatcher, Handler, Plan

# --- handlers -----------------------------------------------------------------------------


class Printer(EventHandler):
    """Arguments need no annotations to be typed where they are annotated in the base class."""

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        assert_type(delta.value, str | None)
        assert_type(snapshot.value, str)
        assert_type(self.current_event, events.Event | None)
        assert_type(self.current_run, models.Run | None)
        assert_type(self.current_message_snapshot, models.Message | None)
        assert_type(self.current_run_step_snapshot, models.RunStep | None)

    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        match tool_call:
            case models.FunctionToolCall(function=function):
                assert_type(function.arguments, str)
            case models.CodeInterpreterToolCall():
                assert_type(tool_call.code_interpreter.input, str)
            case _:
                assert_type(tool_call.id, str)

    def on_run_requires_action(self, run: models.Run) -> None:
        if run.required_action and run.required_action.submit_tool_outputs:
            for call in run.required_action.submit_tool_outputs.tool_calls:
                assert_type(call.function.name, str)

    def on_event(self, event: events.WireEvent[Any]) -> None:
        match event:
            case events.ThreadMessageDelta():
                assert_type(event.data, models.MessageDeltaEvent)
                assert_type(event.snapshot, models.Message)
            case events.ThreadRunFailed():
                assert_type(event.data.last_error, models.LastError | None)
            case _:
                assert_type(event.event, str)

    def on_exception(self, exception: Exception) -> None:
        assert_type(exception.args, tuple[Any, ...])


class WrongArgument(EventHandler):
    """A callback's annotations are checked against the contract."""

    def on_text_done(self, text: models.Message) -> None:  # type: ignore[override]  # a Text comes
        ...


class WrongCount(EventHandler):
    """So is the number of arguments."""

    def on_done(self, event: events.Done) -> None:  # type: ignore[override]  # nothing comes
        ...


class Agent(AgentEventHandler[str]):
    """A handler as it is written for azure-ai-agents, with one callback of EventHandler's."""

    def on_message_delta(self, delta: models.MessageDeltaEvent) -> str:
        assert_type(delta.text, str)
        return delta.text

    def on_thread_run(self, run: models.Run) -> None:
        assert_type(run.agent_id, str)

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        assert_type(self.current_run, models.Run | None)


class MixinFirst(TextAccumulatorMixin, Printer):
    """The mixin before the handler."""


class MixinLast(EventHandler, TextAccumulatorMixin):
    """The mixin after the handler."""

    def on_done(self) -> None:
        assert_type(self.text, str)
        assert_type(self.texts, dict[str, str])
        self.clear()


class Plain:
    """A handler of one's own: any object with ``handle(event)``."""

    def handle(self, event: events.Event) -> None:
        """Look at the event."""
        assert_type(event.event, str)


class NoHandler:
    """Not a handler."""


def registration() -> None:
    """Handlers of every kind may be registered."""
    dispatcher = Dispatcher()
    dispatcher.register(Printer(), MixinFirst(), MixinLast(), TextAccumulator(), Plain(), Agent())
    dispatcher.register(NoHandler())  # type: ignore[arg-type]  # it has no handle()
    assert_type(dispatcher.handlers, tuple[Handler, ...])
    assert_type(dispatcher.plan, Plan)
    assert_type(dispatcher.dispatching, bool)
    assert_type(ROUTES[events.Done], Route)
