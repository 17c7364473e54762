"""The table of callbacks, against the event classes and against openai-python's."""

from __future__ import annotations

import inspect
from functools import reduce
from types import SimpleNamespace
from typing import TYPE_CHECKING

import openai
import pytest

from handlers import ROUTES, EventHandler, Route
from handlers.routes import CALLBACKS, ON_EVENT, callbacks_of, method, row_of
from stream_core import events
from stream_core.events import DeltaEvent, DerivedEvent, Event, LocalEvent, WireEvent

if TYPE_CHECKING:
    from collections.abc import Callable

#: The table as in the documentation, written out once more.
DOCUMENTED = """
thread.created               on_thread_created(thread)
thread.run.created           on_run_created(run)
thread.run.queued            on_run_queued(run)
thread.run.in_progress       on_run_in_progress(run)
thread.run.requires_action   on_run_requires_action(run)
thread.run.completed         on_run_completed(run)
thread.run.incomplete        on_run_incomplete(run)
thread.run.failed            on_run_failed(run)
thread.run.cancelling        on_run_cancelling(run)
thread.run.cancelled         on_run_cancelled(run)
thread.run.expired           on_run_expired(run)
thread.run.step.created      on_run_step_created(run_step)
thread.run.step.in_progress  on_run_step_in_progress(run_step)
thread.run.step.delta        on_run_step_delta(delta, snapshot)
thread.run.step.completed    on_run_step_completed(run_step)
thread.run.step.failed       on_run_step_failed(run_step)
thread.run.step.cancelled    on_run_step_cancelled(run_step)
thread.run.step.expired      on_run_step_expired(run_step)
thread.message.created       on_message_created(message)
thread.message.in_progress   on_message_in_progress(message)
thread.message.delta         on_message_delta(delta, snapshot)
thread.message.completed     on_message_completed(message)
thread.message.incomplete    on_message_incomplete(message)
error                        on_error(error)
done                         on_done()
UnknownEvent                 on_unknown_event(event)
RepeatedEvent                on_repeated_event(event)
reasoning.delta              on_reasoning_delta(delta, snapshot)
reasoning.done               on_reasoning_done(text)
reasoning.summary.delta      on_reasoning_summary_delta(delta, snapshot)
reasoning.summary.done       on_reasoning_summary_done(text)
image_generation.partial     on_image_generation_partial(image)
ExtensionEvent               on_extension_event(event)
message.text.created         on_text_created(text)
message.text.delta           on_text_delta(delta, snapshot)
message.text.done            on_text_done(text)
message.annotation           on_annotation(annotation, text)
message.refusal.delta        on_refusal_delta(delta, snapshot)
message.refusal.done         on_refusal_done(refusal)
message.image_file.done      on_image_file_done(image_file)
message.image_url.done       on_image_url_done(image_url)
message.done                 on_message_done(message)
run_step.tool_call.created   on_tool_call_created(tool_call)
run_step.tool_call.delta     on_tool_call_delta(delta, snapshot)
run_step.tool_call.done      on_tool_call_done(tool_call)
run_step.done                on_run_step_done(run_step)
run.done                     on_run_done(run)
tool.output                  on_tool_output(tool_call, output)
tool.error                   on_tool_error(tool_call, error)
stream.recovered             on_recovered(report)
stream.timeout               on_timeout()
stream.exception             on_exception(exception)
stream.end                   on_end()
"""

#: Every event class except the bases of the groups.
EVENT_CLASSES = {
    value for value in vars(events).values() if isinstance(value, type) and issubclass(value, Event)
} - {Event, WireEvent, DeltaEvent, DerivedEvent, LocalEvent}


class Taking:
    """Has every method, and keeps the arguments of each call."""

    def __init__(self) -> None:
        self.got: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.got.append((name, *arguments))


def name_of(event_class: type[Event]) -> str:
    """The name of an event class: its event's, or its own if its events have several."""
    name = vars(event_class)["event"]
    return name if isinstance(name, str) else event_class.__name__


def test_the_table_is_the_documented_one() -> None:
    """Events, callbacks and argument names are as users know them, in the order of events.py."""
    actual = [f"{name_of(event_class):29}{route!r}" for event_class, route in ROUTES.items()]
    assert DOCUMENTED.strip().splitlines() == actual


def test_every_event_class_has_a_row() -> None:
    """Every event has a callback, and every row an event."""
    assert set(ROUTES) == EVENT_CLASSES


def test_every_row_has_a_callback_of_its_own() -> None:
    """No two events share one."""
    assert len(ROUTES) + 1 == len(CALLBACKS)
    assert ON_EVENT is CALLBACKS["on_event"]


def test_no_event_class_derives_from_one_of_another_row() -> None:
    """An event has the same row, whichever class is used to look it up."""
    assert [] == [
        (one, other)
        for one in ROUTES
        for other in ROUTES
        if one is not other and issubclass(one, other)
    ]


@pytest.mark.parametrize("route", CALLBACKS.values(), ids=repr)
def test_every_callback_is_a_documented_method_with_these_arguments(route: Route) -> None:
    """The table and the class to subclass cannot drift apart."""
    callback = vars(EventHandler)[route.callback]
    assert ("self", *route.arguments) == tuple(inspect.signature(callback).parameters)
    assert callback.__doc__


def test_every_callback_of_the_class_is_in_the_table() -> None:
    """Every method belongs to a row."""
    methods = {name for name in vars(EventHandler) if name.startswith("on_")}
    assert set(CALLBACKS) == methods


@pytest.mark.parametrize(
    "name", [name for name in dir(openai.AssistantEventHandler) if name.startswith("on_")]
)
def test_every_callback_of_openai_python_is_here_with_the_same_arguments(name: str) -> None:
    """A class written for openai-python's AssistantEventHandler finds its callbacks."""
    theirs = inspect.signature(getattr(openai.AssistantEventHandler, name)).parameters
    assert tuple(theirs) == ("self", *CALLBACKS[name].arguments)


def test_openai_python_has_callbacks_to_compare_with() -> None:
    """The comparison above compares something."""
    assert "on_text_delta" in dir(openai.AssistantEventHandler)


@pytest.mark.parametrize("event_class", ROUTES, ids=name_of)
def test_arguments_are_found_in_the_event(event_class: type[Event]) -> None:
    """Each path leads from a real event to the value of that argument."""
    route = ROUTES[event_class]
    # Attributes that hold attributes again, as data.delta does.
    values = {
        name: SimpleNamespace(
            delta=f"{name}.delta",
            text=f"{name}.text",
            snapshot=SimpleNamespace(text=f"{name}.snapshot.text"),
        )
        for name, field in inspect.signature(event_class).parameters.items()
        if field.default is field.empty
    }
    event = event_class(**values)
    handler = Taking()
    route.call(handler, event)
    expected = tuple(
        event if path == "" else reduce(getattr, path.split("."), event)
        for path in route.paths
        if isinstance(path, str)
    )
    assert [(route.callback, *expected)] == handler.got


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (Route("on_a"), ()),
        (Route("on_a", x="data"), ("d",)),
        (Route("on_a", y="snapshot", x="data"), ("s", "d")),
        (Route("on_a", x="data", y="data.real", z="snapshot"), ("d", "r", "s")),
        (Route("on_a", x=lambda event: event.data.upper()), ("D",)),
        (Route("on_a", x=lambda event: event.data.upper(), y="snapshot"), ("D", "s")),
        (Route("on_a", lambda event: event.data == "d", x="data"), ("d",)),
    ],
    ids=repr,
)
def test_arguments_are_passed_in_the_order_written(route: Route, expected: tuple[str, ...]) -> None:
    """None, one and several arguments are passed by position."""

    class Word(str):
        __slots__ = ()

        @property
        def real(self) -> str:
            return "r"

    handler = Taking()
    route.call(handler, SimpleNamespace(data=Word("d"), snapshot="s"))
    assert [("on_a", *expected)] == handler.got


def test_what_a_callback_returns_is_returned() -> None:
    """The caller may look at it."""
    handler = SimpleNamespace(on_event=lambda event: event)
    assert "the event" == ON_EVENT.call(handler, "the event")


def test_a_call_is_named_after_its_callback() -> None:
    """Notes on exceptions show the name."""
    assert "on_event" == ON_EVENT.call.__name__
    assert "on_text_delta" == CALLBACKS["on_text_delta"].call.__name__
    assert "_watch" == method("_watch").__name__


def test_a_callback_is_looked_up_when_it_is_called() -> None:
    """One call serves all handlers, whatever their class, and is made once."""
    call, got = ON_EVENT.call, []
    assert call is Route("on_event", other="").call
    for word in ("first", "second"):
        call(SimpleNamespace(on_event=lambda event, word=word: got.append((word, event))), 1)
    assert [("first", 1), ("second", 1)] == got


def test_a_method_is_called_with_the_event() -> None:
    """Observers use it."""
    handler = Taking()
    method("_watch")(handler, "the event")
    assert [("_watch", "the event")] == handler.got


@pytest.mark.parametrize(
    "route",
    [
        Route("on a", x="data"),
        Route("on_a()", x="data"),
        Route("on_a", x="data.delta()"),
        Route("on_a", x="data..delta"),
        Route("on_a", x="data", y="1"),
        Route("", x="data"),
    ],
    ids=str,
)
def test_what_is_no_name_cannot_be_called(route: Route) -> None:
    """Calls are made only from names."""
    with pytest.raises(ValueError, match="is not a dotted name"):
        _ = route.call


def test_a_route_prints_as_the_call() -> None:
    """The documentation's tables are printed from it."""
    assert "on_a(x, y)" == repr(Route("on_a", x="data", y="data.delta"))


def test_an_event_class_of_somebody_else_has_its_base_class_s_row() -> None:
    """A dialect may derive a class from UnknownEvent; a group's base has no row."""

    class Extension(events.UnknownEvent):
        pass

    assert (ON_EVENT, ROUTES[events.UnknownEvent]) == row_of(EventHandler.routes, Extension)
    assert (ON_EVENT,) == row_of(EventHandler.routes, WireEvent)
    assert () == row_of(EventHandler.routes, DerivedEvent)


def test_a_condition_decides_whether_the_callback_is_called() -> None:
    """It is not called for an event for which the condition is false."""
    handler = Taking()
    call = Route("on_a", lambda event: event.data > 1, x="data").call
    for data in (1, 2, 3):
        call(handler, SimpleNamespace(data=data))
    assert [("on_a", 2), ("on_a", 3)] == handler.got


def test_callbacks_are_found_by_name_for_each_kind_of_handler() -> None:
    """EventHandler's callbacks are those of the table."""
    assert CALLBACKS == callbacks_of(EventHandler)
